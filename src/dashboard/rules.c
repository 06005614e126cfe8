/* SPDX-License-Identifier: MIT */
/* prometheus/rules.json: two rules for each invariant, in a group of its own, so that Prometheus
   evaluates the groups at the same time.  JSON is YAML. */
#include "dashboard_internal.h"

void pp_dashboard_json_alert_name(struct pp_dashboard_json *json, const char *key,
                                  const struct pp_dashboard_invariant *invariant,
                                  enum pp_dashboard_rule rule)
{
    pp_dashboard_json_begin_string(json, key);
    pp_dashboard_json_piece(json, invariant->name);
    if (rule == PP_DASHBOARD_LOST)
        pp_dashboard_json_piece_text(json, "_signal_lost");
    pp_dashboard_json_end_string(json);
}

void pp_dashboard_json_labels(struct pp_dashboard_json *json,
                              const struct pp_dashboard_invariant *invariant,
                              enum pp_dashboard_rule rule)
{
    pp_dashboard_json_text(json, "postproof",
                           rule == PP_DASHBOARD_VIOLATED ? "violated" : "signal_lost");
    pp_dashboard_json_bytes(json, "severity", invariant->severity);
}

static void put_place(struct pp_dashboard_json *json,
                      const struct pp_dashboard_invariant *invariant)
{
    pp_dashboard_json_begin_string(json, "specification");
    pp_dashboard_json_piece(json, invariant->spec);
    pp_dashboard_json_piece_text(json, ":");
    pp_dashboard_put_number(json->text, invariant->proof.spec_line);
    pp_dashboard_json_end_string(json);
}

static void put_summary(struct pp_dashboard_json *json,
                        const struct pp_dashboard_invariant *invariant, enum pp_dashboard_rule rule)
{
    pp_dashboard_json_begin_string(json, "summary");
    pp_dashboard_json_piece_text(json, rule == PP_DASHBOARD_VIOLATED
                                           ? "Violated, or can't be read: "
                                           : "A metric is missing or not a number, needed for: ");
    pp_dashboard_json_piece(json, invariant->summary);
    pp_dashboard_json_end_string(json);
}

void pp_dashboard_json_annotations(struct pp_dashboard_json *json,
                                   const struct pp_dashboard_invariant *invariant,
                                   enum pp_dashboard_rule rule)
{
    const struct pp_dashboard_proof *proof = &invariant->proof;
    pp_dashboard_json_bytes(json, "invariant", invariant->holds);
    pp_dashboard_json_bytes(json, "proof", proof->proof);
    pp_dashboard_json_bytes(json, "proof_sha256", proof->proof_sha256);
    put_place(json, invariant);
    pp_dashboard_json_bytes(json, "specification_sha256", proof->spec_sha256);
    put_summary(json, invariant, rule);
    pp_dashboard_json_bytes(json, "theorem", invariant->theorem);
}

static void write_rule(struct pp_dashboard_json *json,
                       const struct pp_dashboard_invariant *invariant, enum pp_dashboard_rule rule)
{
    pp_dashboard_json_begin(json, NULL, '{');
    pp_dashboard_json_alert_name(json, "alert", invariant, rule);
    pp_dashboard_json_query(json, "expr", invariant, rule);
    pp_dashboard_json_begin(json, "labels", '{');
    pp_dashboard_json_labels(json, invariant, rule);
    pp_dashboard_json_end(json, '}');
    pp_dashboard_json_begin(json, "annotations", '{');
    pp_dashboard_json_annotations(json, invariant, rule);
    pp_dashboard_json_end(json, '}');
    pp_dashboard_json_end(json, '}');
}

static void put_interval(struct pp_dashboard_json *json, const char *key, uint64_t interval_ms)
{
    pp_dashboard_json_begin_string(json, key);
    pp_dashboard_put_number(json->text, (int64_t)interval_ms);
    pp_dashboard_json_piece_text(json, "ms");
    pp_dashboard_json_end_string(json);
}

void pp_dashboard_write_rules(const struct pp_dashboard_set *set, struct pp_dashboard_json *json)
{
    pp_dashboard_json_begin(json, NULL, '{');
    pp_dashboard_json_begin(json, "groups", '[');
    for (size_t i = 0; i < set->count; i++) {
        pp_dashboard_json_begin(json, NULL, '{');
        pp_dashboard_json_bytes(json, "name", set->invariants[i].name);
        put_interval(json, "interval", set->interval_ms);
        pp_dashboard_json_begin(json, "rules", '[');
        write_rule(json, &set->invariants[i], PP_DASHBOARD_VIOLATED);
        write_rule(json, &set->invariants[i], PP_DASHBOARD_LOST);
        pp_dashboard_json_end(json, ']');
        pp_dashboard_json_end(json, '}');
    }
    pp_dashboard_json_end(json, ']');
    pp_dashboard_json_end(json, '}');
}
