/* SPDX-License-Identifier: MIT */
/* What the generator's files share: text, JSON, metrics and their selectors. */
#ifndef PP_DASHBOARD_INTERNAL_H
#define PP_DASHBOARD_INTERNAL_H

#include <postproof/dashboard.h>

/* ---- text.c: plain text --------------------------------------------------------------------- */

void pp_dashboard_put(struct pp_dashboard_text *text, struct pp_bytes bytes);
void pp_dashboard_put_string(struct pp_dashboard_text *text, const char *string);
void pp_dashboard_put_number(struct pp_dashboard_text *text, int64_t number);
bool pp_dashboard_same(struct pp_bytes a, struct pp_bytes b);

/* ---- text.c: JSON, one member a line -------------------------------------------------------- */

enum { PP_DASHBOARD_JSON_DEPTH_MAX = 16 };
struct pp_dashboard_json {
    struct pp_dashboard_text *text;
    size_t depth;
    bool filled[PP_DASHBOARD_JSON_DEPTH_MAX]; /* something stands there already */
};
/* key NULL: an element of an array, or the whole document. */
void pp_dashboard_json_begin(struct pp_dashboard_json *json, const char *key, char bracket);
void pp_dashboard_json_end(struct pp_dashboard_json *json, char bracket);
void pp_dashboard_json_text(struct pp_dashboard_json *json, const char *key, const char *value);
void pp_dashboard_json_bytes(struct pp_dashboard_json *json, const char *key,
                             struct pp_bytes value);
void pp_dashboard_json_number(struct pp_dashboard_json *json, const char *key, int64_t value);
void pp_dashboard_json_bool(struct pp_dashboard_json *json, const char *key, bool value);
/* A string in pieces: what is put between, through pp_dashboard_json_piece, is escaped. */
void pp_dashboard_json_begin_string(struct pp_dashboard_json *json, const char *key);
void pp_dashboard_json_piece(struct pp_dashboard_json *json, struct pp_bytes piece);
void pp_dashboard_json_piece_text(struct pp_dashboard_json *json, const char *piece);
void pp_dashboard_json_end_string(struct pp_dashboard_json *json);

/* ---- formula.c ------------------------------------------------------------------------------ */

/* Whether the kind is that of an invariant; if not, of a term. */
bool pp_dashboard_is_invariant(uint8_t kind);
/* As pp_dashboard_alert and pp_dashboard_signal_lost, in a JSON string. */
enum pp_dashboard_rule { PP_DASHBOARD_VIOLATED, PP_DASHBOARD_LOST };
void pp_dashboard_json_query(struct pp_dashboard_json *json, const char *key,
                             const struct pp_dashboard_invariant *invariant,
                             enum pp_dashboard_rule rule);
/* The same with "count without () (...)" around it: 1 for each label set for which it fires. */
void pp_dashboard_json_counted_query(struct pp_dashboard_json *json, const char *key,
                                     const struct pp_dashboard_invariant *invariant,
                                     enum pp_dashboard_rule rule);

/* ---- selector.c: name{label="value",...} ---------------------------------------------------- */

/* The length of the metric that text begins with; 0, and *fault and *at set, when there is none. */
size_t pp_dashboard_metric_length(struct pp_bytes text, const char **fault, size_t *at);
struct pp_dashboard_label {
    struct pp_bytes name, value; /* value: between its quotes */
};
/* Cuts the next label off a metric; begin with the metric itself.  false: no more. */
bool pp_dashboard_next_label(struct pp_bytes *metric, struct pp_dashboard_label *label);
/* Whether each selects every label that metric selects, by the same value. */
bool pp_dashboard_selects_all(struct pp_bytes each, struct pp_bytes metric);
struct pp_bytes pp_dashboard_metric_name(struct pp_bytes metric);

/* ---- read_formula.c ------------------------------------------------------------------------- */

/* *at: where the fault is, from 0. */
PP_MUST_CHECK enum pp_error pp_dashboard_read_formula(struct pp_bytes text,
                                                      struct pp_dashboard_formula *formula,
                                                      const char **fault, size_t *at);

/* ---- values.c ------------------------------------------------------------------------------- */

/* The metrics of a formula, each once; false: too many.  Values are not touched. */
PP_MUST_CHECK bool pp_dashboard_metrics(const struct pp_dashboard_formula *formula,
                                        struct pp_dashboard_values *values);

/* ---- The files ------------------------------------------------------------------------------ */

void pp_dashboard_write_rules(const struct pp_dashboard_set *set, struct pp_dashboard_json *json);
PP_MUST_CHECK enum pp_error pp_dashboard_write_cases(const struct pp_dashboard_set *set,
                                                     struct pp_dashboard_json *json, size_t *bad);
void pp_dashboard_write_index(const struct pp_dashboard_set *set, struct pp_dashboard_json *json);
void pp_dashboard_write_grafana(const struct pp_dashboard_set *set, struct pp_dashboard_json *json);
void pp_dashboard_write_datasources(struct pp_dashboard_json *json);
void pp_dashboard_write_providers(struct pp_dashboard_json *json);
void pp_dashboard_write_alerting(const struct pp_dashboard_set *set,
                                 struct pp_dashboard_json *json);
/* rules.c: labels and annotations of a rule, which its tests expect again. */
void pp_dashboard_json_labels(struct pp_dashboard_json *json,
                              const struct pp_dashboard_invariant *invariant,
                              enum pp_dashboard_rule rule);
void pp_dashboard_json_annotations(struct pp_dashboard_json *json,
                                   const struct pp_dashboard_invariant *invariant,
                                   enum pp_dashboard_rule rule);
/* The name of the rule's alert. */
void pp_dashboard_json_alert_name(struct pp_dashboard_json *json, const char *key,
                                  const struct pp_dashboard_invariant *invariant,
                                  enum pp_dashboard_rule rule);

#endif
