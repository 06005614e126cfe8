/* SPDX-License-Identifier: MIT */
/* Files that Grafana reads when it starts (JSON is YAML): data sources, the dashboard's folder, and
   the rules once more, evaluated by Grafana. */
#include "../base/base.h"
#include "../base/hash.h"
#include "dashboard_internal.h"

/* ---- Data sources --------------------------------------------------------------------------- */

static void put_source(struct pp_dashboard_json *json, const char *name, const char *type,
                       const char *uid, const char *url)
{
    pp_dashboard_json_begin(json, NULL, '{');
    pp_dashboard_json_text(json, "name", name);
    pp_dashboard_json_text(json, "type", type);
    pp_dashboard_json_text(json, "uid", uid);
    pp_dashboard_json_text(json, "access", "proxy");
    pp_dashboard_json_text(json, "url", url);
    pp_dashboard_json_end(json, '}');
}

void pp_dashboard_write_datasources(struct pp_dashboard_json *json)
{
    pp_dashboard_json_begin(json, NULL, '{');
    pp_dashboard_json_number(json, "apiVersion", 1);
    pp_dashboard_json_begin(json, "datasources", '[');
    put_source(json, "Prometheus (postproof)", "prometheus", "postproof-prometheus",
               "http://localhost:9090");
    put_source(json, "Loki (postproof)", "loki", "postproof-loki", "http://localhost:3100");
    pp_dashboard_json_end(json, ']');
    pp_dashboard_json_end(json, '}');
}

/* ---- Where the dashboard is ----------------------------------------------------------------- */

void pp_dashboard_write_providers(struct pp_dashboard_json *json)
{
    pp_dashboard_json_begin(json, NULL, '{');
    pp_dashboard_json_number(json, "apiVersion", 1);
    pp_dashboard_json_begin(json, "providers", '[');
    pp_dashboard_json_begin(json, NULL, '{');
    pp_dashboard_json_text(json, "name", "postproof");
    pp_dashboard_json_number(json, "orgId", 1);
    pp_dashboard_json_text(json, "folder", "postproof");
    pp_dashboard_json_text(json, "type", "file");
    pp_dashboard_json_bool(json, "allowUiUpdates", false);
    pp_dashboard_json_begin(json, "options", '{');
    pp_dashboard_json_text(json, "path", "/var/lib/grafana/dashboards/postproof");
    pp_dashboard_json_end(json, '}');
    pp_dashboard_json_end(json, '}');
    pp_dashboard_json_end(json, ']');
    pp_dashboard_json_end(json, '}');
}

/* ---- Rules of Grafana ----------------------------------------------------------------------- */

/* Grafana's ids have at most 40 characters. */
static void put_uid(struct pp_dashboard_json *json, const struct pp_dashboard_invariant *invariant,
                    enum pp_dashboard_rule rule)
{
    enum { UID_BYTES = 14 };
    char hex[2 * UID_BYTES + 1];
    struct pp_digest digest = pp_sha256(invariant->name);
    pp_hex_encode(digest.b, UID_BYTES, hex);
    pp_dashboard_json_begin_string(json, "uid");
    pp_dashboard_json_piece_text(json, rule == PP_DASHBOARD_VIOLATED ? "postproof-" : "pp-lost-");
    pp_dashboard_json_piece_text(json, hex);
    pp_dashboard_json_end_string(json);
}

static void begin_query(struct pp_dashboard_json *json, const char *name, const char *source)
{
    pp_dashboard_json_begin(json, NULL, '{');
    pp_dashboard_json_text(json, "refId", name);
    pp_dashboard_json_begin(json, "relativeTimeRange", '{');
    pp_dashboard_json_number(json, "from", 600);
    pp_dashboard_json_number(json, "to", 0);
    pp_dashboard_json_end(json, '}');
    pp_dashboard_json_text(json, "datasourceUid", source);
    pp_dashboard_json_begin(json, "model", '{');
    pp_dashboard_json_text(json, "refId", name);
}

static void end_query(struct pp_dashboard_json *json)
{
    pp_dashboard_json_end(json, '}');
    pp_dashboard_json_end(json, '}');
}

/* Grafana fires on values, and what violates may have the value 0: count() makes it 1. */
static void put_queries(struct pp_dashboard_json *json,
                        const struct pp_dashboard_invariant *invariant, enum pp_dashboard_rule rule)
{
    pp_dashboard_json_begin(json, "data", '[');
    begin_query(json, "A", "postproof-prometheus");
    pp_dashboard_json_bool(json, "instant", true);
    pp_dashboard_json_counted_query(json, "expr", invariant, rule);
    end_query(json);
    begin_query(json, "B", "__expr__");
    pp_dashboard_json_text(json, "type", "threshold");
    pp_dashboard_json_text(json, "expression", "A");
    pp_dashboard_json_begin(json, "conditions", '[');
    pp_dashboard_json_begin(json, NULL, '{');
    pp_dashboard_json_begin(json, "evaluator", '{');
    pp_dashboard_json_text(json, "type", "gt");
    pp_dashboard_json_begin(json, "params", '[');
    pp_dashboard_json_number(json, NULL, 0);
    pp_dashboard_json_end(json, ']');
    pp_dashboard_json_end(json, '}');
    pp_dashboard_json_end(json, '}');
    pp_dashboard_json_end(json, ']');
    end_query(json);
    pp_dashboard_json_end(json, ']');
}

static void put_rule(struct pp_dashboard_json *json, const struct pp_dashboard_invariant *invariant,
                     enum pp_dashboard_rule rule)
{
    pp_dashboard_json_begin(json, NULL, '{');
    put_uid(json, invariant, rule);
    pp_dashboard_json_alert_name(json, "title", invariant, rule);
    pp_dashboard_json_text(json, "condition", "B");
    put_queries(json, invariant, rule);
    pp_dashboard_json_text(json, "noDataState", "OK");
    pp_dashboard_json_text(json, "execErrState", "Error");
    pp_dashboard_json_text(json, "for", "0s");
    pp_dashboard_json_begin(json, "labels", '{');
    pp_dashboard_json_labels(json, invariant, rule);
    pp_dashboard_json_text(json, "evaluated_by", "grafana, every 10 s");
    pp_dashboard_json_end(json, '}');
    pp_dashboard_json_begin(json, "annotations", '{');
    pp_dashboard_json_annotations(json, invariant, rule);
    pp_dashboard_json_end(json, '}');
    pp_dashboard_json_end(json, '}');
}

void pp_dashboard_write_alerting(const struct pp_dashboard_set *set, struct pp_dashboard_json *json)
{
    pp_dashboard_json_begin(json, NULL, '{');
    pp_dashboard_json_number(json, "apiVersion", 1);
    pp_dashboard_json_begin(json, "groups", '[');
    pp_dashboard_json_begin(json, NULL, '{');
    pp_dashboard_json_number(json, "orgId", 1);
    pp_dashboard_json_text(json, "name", "postproof");
    pp_dashboard_json_text(json, "folder", "postproof");
    pp_dashboard_json_text(json, "interval", "10s");
    pp_dashboard_json_begin(json, "rules", '[');
    for (size_t i = 0; i < set->count; i++) {
        put_rule(json, &set->invariants[i], PP_DASHBOARD_VIOLATED);
        put_rule(json, &set->invariants[i], PP_DASHBOARD_LOST);
    }
    pp_dashboard_json_end(json, ']');
    pp_dashboard_json_end(json, '}');
    pp_dashboard_json_end(json, ']');
    pp_dashboard_json_end(json, '}');
}
