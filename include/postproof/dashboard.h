/* SPDX-License-Identifier: MIT */
/* Dashboards and alert rules generated from invariants, which stand for theorems: PromQL rules and
   their unit tests, a Grafana dashboard, and what provisions both.  docs/format/dashboard.md has
   the input language and the files; docs/dashboard.md is for users. */
#ifndef POSTPROOF_DASHBOARD_H
#define POSTPROOF_DASHBOARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <postproof/bytes.h>
#include <postproof/error.h>

enum {
    PP_DASHBOARD_NODES_MAX = 64,         /* of one formula */
    PP_DASHBOARD_METRICS_MAX = 12,       /* different ones of one formula */
    PP_DASHBOARD_INVARIANTS_MAX = 10000, /* of one file */
    PP_DASHBOARD_NAME_BYTES_MAX = 64
};
/* Prometheus computes with 64-bit floats: whole numbers are exact up to here. */
#define PP_DASHBOARD_NUMBER_MAX (INT64_C(1) << 53)

/* ---- Text ----------------------------------------------------------------------------------- */

/* Text on its way into the caller's memory.  len counts all of it, also what had no room: with cap
   0 (data may be NULL) a first call measures, a second one writes. */
struct pp_dashboard_text {
    char *data;
    size_t cap, len;
};

/* ---- Formulas: terms and invariants of spec/Dashboard.v -------------------------------------- */

enum pp_dashboard_kind {
    PP_DASHBOARD_READING,        /* Reading metric */
    PP_DASHBOARD_COMPUTE,        /* Compute operation left right */
    PP_DASHBOARD_COMPUTE_NUMBER, /* ComputeNumber operation left number */
    PP_DASHBOARD_HOLDS,          /* Holds operation left right */
    PP_DASHBOARD_HOLDS_NUMBER,   /* HoldsNumber operation left number */
    PP_DASHBOARD_NEVER_COUNTS,   /* NeverCounts metric window; number is the window, 1 ms or more */
    PP_DASHBOARD_BOTH,           /* Both left right */
    PP_DASHBOARD_EITHER          /* Either left right */
};
enum pp_dashboard_arithmetic { PP_DASHBOARD_PLUS, PP_DASHBOARD_MINUS, PP_DASHBOARD_TIMES };
enum pp_dashboard_comparison {
    PP_DASHBOARD_LT,
    PP_DASHBOARD_LE,
    PP_DASHBOARD_EQ,
    PP_DASHBOARD_GE,
    PP_DASHBOARD_GT,
    PP_DASHBOARD_NE
};

struct pp_dashboard_node {
    uint8_t kind;         /* enum pp_dashboard_kind */
    uint8_t operation;    /* arithmetic of a term, comparison of an invariant */
    uint16_t left, right; /* positions of earlier nodes */
    int64_t number;
    struct pp_bytes metric; /* name, and a selector where there is one; borrowed */
};

/* A tree: each node but the last is the child of exactly one later node. */
struct pp_dashboard_formula {
    struct pp_dashboard_node nodes[PP_DASHBOARD_NODES_MAX];
    size_t count;
};

/* Whether it is such a tree, its last node an invariant, and its numbers are in range. */
bool pp_dashboard_formula_is_valid(const struct pp_dashboard_formula *formula);

/* Appends the PromQL of Dashboard.alert: it fires for each label set of the metric each for which
   the formula does not hold, and when there is no such label set.  formula must be valid. */
void pp_dashboard_alert(struct pp_bytes each, const struct pp_dashboard_formula *formula,
                        struct pp_dashboard_text *text);
/* Appends the PromQL of Dashboard.signal_lost: it fires where a metric of the formula is missing or
   not a number. */
void pp_dashboard_signal_lost(struct pp_bytes each, const struct pp_dashboard_formula *formula,
                              struct pp_dashboard_text *text);

/* ---- Invariants ----------------------------------------------------------------------------- */

/* Where the theorem stands and what proves it; hashes are SHA-256 in hex. */
struct pp_dashboard_proof {
    struct pp_bytes spec_sha256, proof, proof_sha256, statement_sha256;
    uint32_t spec_line; /* from 1; 0: not known */
};

/* Views are into the text that it was read from, but for proof, which the caller fills. */
struct pp_dashboard_invariant {
    struct pp_bytes name, summary;
    struct pp_bytes spec, theorem; /* "spec/Limiter.v", "every_window_bounded" */
    struct pp_bytes each;          /* the metric that lists what there is to watch */
    struct pp_bytes holds;         /* the formula as it was written */
    struct pp_bytes severity;      /* "critical", "warning" or "info" */
    struct pp_bytes logs;          /* where its log lines come from; may end with '*' */
    uint32_t line, theorem_line;   /* in its file, from 1 */
    struct pp_dashboard_formula formula;
    struct pp_dashboard_proof proof;
};

/* What is wrong with an input, and where: columns count bytes, both from 1. */
struct pp_dashboard_fault {
    uint32_t line, column;
    const char *text; /* a constant phrase that says what to do */
};

/* The number of invariants that the text seems to have: what pp_dashboard_read needs room for. */
size_t pp_dashboard_count(struct pp_bytes input);
/* Reads all invariants of a text.  PP_ERROR_FORMAT and *fault: it does not follow the language, or
   a name occurs twice; PP_ERROR_NO_SPACE: more than cap. */
PP_MUST_CHECK enum pp_error pp_dashboard_read(struct pp_bytes input,
                                              struct pp_dashboard_invariant *invariants, size_t cap,
                                              size_t *count, struct pp_dashboard_fault *fault);
/* The line, from 1, on which a specification states a theorem; 0: it does not. */
uint32_t pp_dashboard_statement_line(struct pp_bytes specification, struct pp_bytes theorem);

/* ---- Values --------------------------------------------------------------------------------- */

/* What a metric shows: no sample, samples that are not numbers, or a number.  A counter that moves
   was one less a moment ago. */
struct pp_dashboard_value {
    bool there, number, moves;
    int64_t value;
};
struct pp_dashboard_values {
    struct pp_bytes metrics[PP_DASHBOARD_METRICS_MAX];
    struct pp_dashboard_value values[PP_DASHBOARD_METRICS_MAX];
    size_t count;
};
/* Dashboard.holds for series that are as values says all the time: by the definition of the
   specification, not by the PromQL.  formula must be valid, and all of its metrics in values. */
bool pp_dashboard_holds(const struct pp_dashboard_formula *formula,
                        const struct pp_dashboard_values *values);
/* Searches values for which the formula holds, or is violated with all metrics there; always the
   same ones.  false: none were found. */
PP_MUST_CHECK bool pp_dashboard_example(const struct pp_dashboard_formula *formula, bool holding,
                                        struct pp_dashboard_values *values);

/* ---- Files ---------------------------------------------------------------------------------- */

struct pp_dashboard_set {
    const struct pp_dashboard_invariant *invariants; /* with their proofs filled in */
    size_t count;
    struct pp_bytes input;    /* the text that they were read from */
    uint64_t interval_ms;     /* between two evaluations of a rule: 1 or more */
    const char *generated_by; /* "postproof 0.1.0" */
};

/* X(name, path, what): the files of a set, below the folder that is asked for. */
#define PP_DASHBOARD_FILE_TABLE(X)                                                                 \
    X(PP_DASHBOARD_INPUT, "invariants.txt", "what all else is generated from")                     \
    X(PP_DASHBOARD_INDEX, "dashboards.json", "invariants, theorems, hashes, expressions")          \
    X(PP_DASHBOARD_RULES, "prometheus/rules.json", "alert rules")                                  \
    X(PP_DASHBOARD_CASES, "prometheus/rules.test.json", "their unit tests, for promtool")          \
    X(PP_DASHBOARD_GRAFANA, "grafana/postproof.json", "the dashboard")                             \
    X(PP_DASHBOARD_DATASOURCES, "provisioning/datasources/postproof.yaml",                         \
      "Grafana: where Prometheus and Loki are")                                                    \
    X(PP_DASHBOARD_PROVIDERS, "provisioning/dashboards/postproof.yaml",                            \
      "Grafana: where the dashboard is")                                                           \
    X(PP_DASHBOARD_ALERTING, "provisioning/alerting/postproof.yaml",                               \
      "Grafana: the same rules, every 10 seconds")

#define PP_DASHBOARD_FILE_ENUM(name, path, what) name,
enum pp_dashboard_file { PP_DASHBOARD_FILE_TABLE(PP_DASHBOARD_FILE_ENUM) PP_DASHBOARD_FILE_COUNT };
#undef PP_DASHBOARD_FILE_ENUM

const char *pp_dashboard_file_path(enum pp_dashboard_file file);
const char *pp_dashboard_file_what(enum pp_dashboard_file file);
/* Appends the whole file.  PP_ERROR_NOT_FOUND: no values were found for which invariant *bad holds,
   or none for which it is violated, so that it has no test (only PP_DASHBOARD_CASES). */
PP_MUST_CHECK enum pp_error pp_dashboard_file_write(enum pp_dashboard_file file,
                                                    const struct pp_dashboard_set *set,
                                                    struct pp_dashboard_text *text, size_t *bad);

#endif
