/* SPDX-License-Identifier: MIT */
/* grafana/postproof.json: a dashboard in Grafana's classic JSON, without anything that would have
   to be filled in: for each invariant its state, its metrics and log lines. */
#include "dashboard_internal.h"

enum {
    SCHEMA_VERSION = 42,
    PANEL_HEIGHT = 8,
    STATE_WIDTH = 4,
    METRICS_WIDTH = 12,
    LOGS_WIDTH = 8,
    TOP_HEIGHT = 3
};

static void put_datasource(struct pp_dashboard_json *json, const char *type, const char *uid)
{
    pp_dashboard_json_begin(json, "datasource", '{');
    pp_dashboard_json_text(json, "type", type);
    pp_dashboard_json_text(json, "uid", uid);
    pp_dashboard_json_end(json, '}');
}

/* ---- Parts of panels ------------------------------------------------------------------------ */

struct place {
    int64_t id, x, y, width, height;
};

static void begin_panel(struct pp_dashboard_json *json, const char *type, struct place place)
{
    pp_dashboard_json_begin(json, NULL, '{');
    pp_dashboard_json_number(json, "id", place.id);
    pp_dashboard_json_text(json, "type", type);
    pp_dashboard_json_begin(json, "gridPos", '{');
    pp_dashboard_json_number(json, "h", place.height);
    pp_dashboard_json_number(json, "w", place.width);
    pp_dashboard_json_number(json, "x", place.x);
    pp_dashboard_json_number(json, "y", place.y);
    pp_dashboard_json_end(json, '}');
}

/* What the invariant stands for, in Markdown. */
static void put_description(struct pp_dashboard_json *json,
                            const struct pp_dashboard_invariant *invariant)
{
    const struct pp_dashboard_proof *proof = &invariant->proof;
    pp_dashboard_json_begin_string(json, "description");
    pp_dashboard_json_piece(json, invariant->summary);
    pp_dashboard_json_piece_text(json, "\n\nMust hold: `");
    pp_dashboard_json_piece(json, invariant->holds);
    pp_dashboard_json_piece_text(json, "`\n\nTheorem `");
    pp_dashboard_json_piece(json, invariant->theorem);
    pp_dashboard_json_piece_text(json, "`, ");
    pp_dashboard_json_piece(json, invariant->spec);
    pp_dashboard_json_piece_text(json, ", line ");
    pp_dashboard_put_number(json->text, proof->spec_line);
    pp_dashboard_json_piece_text(json, " (SHA-256 ");
    pp_dashboard_json_piece(json, proof->spec_sha256);
    pp_dashboard_json_piece_text(json, ")\n\nProof ");
    pp_dashboard_json_piece(json, proof->proof);
    pp_dashboard_json_piece_text(json, " (SHA-256 ");
    pp_dashboard_json_piece(json, proof->proof_sha256);
    pp_dashboard_json_piece_text(json, ")");
    pp_dashboard_json_end_string(json);
}

/* Green for 0, red from 1 on. */
static void put_thresholds(struct pp_dashboard_json *json)
{
    pp_dashboard_json_begin(json, "thresholds", '{');
    pp_dashboard_json_text(json, "mode", "absolute");
    pp_dashboard_json_begin(json, "steps", '[');
    pp_dashboard_json_begin(json, NULL, '{');
    pp_dashboard_json_text(json, "color", "green");
    pp_dashboard_json_number(json, "value", 0);
    pp_dashboard_json_end(json, '}');
    pp_dashboard_json_begin(json, NULL, '{');
    pp_dashboard_json_text(json, "color", "red");
    pp_dashboard_json_number(json, "value", 1);
    pp_dashboard_json_end(json, '}');
    pp_dashboard_json_end(json, ']');
    pp_dashboard_json_end(json, '}');
}

static void put_mapping(struct pp_dashboard_json *json)
{
    pp_dashboard_json_begin(json, "mappings", '[');
    pp_dashboard_json_begin(json, NULL, '{');
    pp_dashboard_json_text(json, "type", "value");
    pp_dashboard_json_begin(json, "options", '{');
    pp_dashboard_json_begin(json, "0", '{');
    pp_dashboard_json_text(json, "text", "holds");
    pp_dashboard_json_number(json, "index", 0);
    pp_dashboard_json_end(json, '}');
    pp_dashboard_json_end(json, '}');
    pp_dashboard_json_end(json, '}');
    pp_dashboard_json_end(json, ']');
}

/* Names of queries: A, B, C, ... */
static void begin_target(struct pp_dashboard_json *json, size_t number)
{
    uint8_t letter = (uint8_t)('A' + number);
    pp_dashboard_json_begin(json, NULL, '{');
    pp_dashboard_json_bytes(json, "refId", (struct pp_bytes){&letter, 1});
    put_datasource(json, "prometheus", "${datasource}");
}

static void begin_field_config(struct pp_dashboard_json *json)
{
    pp_dashboard_json_begin(json, "fieldConfig", '{');
    pp_dashboard_json_begin(json, "defaults", '{');
}

static void end_field_config(struct pp_dashboard_json *json)
{
    pp_dashboard_json_end(json, '}');
    pp_dashboard_json_begin(json, "overrides", '[');
    pp_dashboard_json_end(json, ']');
    pp_dashboard_json_end(json, '}');
}

/* ---- How many rules fire -------------------------------------------------------------------- */

/* Of one invariant, or of all. */
static void put_state_query(struct pp_dashboard_json *json,
                            const struct pp_dashboard_invariant *invariant)
{
    pp_dashboard_json_begin_string(json, "expr");
    pp_dashboard_json_piece_text(json, "count(ALERTS{alertstate=\"firing\",postproof=\"violated\"");
    if (invariant != NULL) {
        pp_dashboard_json_piece_text(json, ",alertname=\"");
        pp_dashboard_json_piece(json, invariant->name);
        pp_dashboard_json_piece_text(json, "\"");
    }
    pp_dashboard_json_piece_text(json, "}) or vector(0)");
    pp_dashboard_json_end_string(json);
}

static void put_state_options(struct pp_dashboard_json *json)
{
    pp_dashboard_json_begin(json, "options", '{');
    pp_dashboard_json_text(json, "colorMode", "background");
    pp_dashboard_json_text(json, "graphMode", "none");
    pp_dashboard_json_text(json, "justifyMode", "auto");
    pp_dashboard_json_text(json, "textMode", "auto");
    pp_dashboard_json_text(json, "orientation", "auto");
    pp_dashboard_json_text(json, "percentChangeColorMode", "standard");
    pp_dashboard_json_bool(json, "showPercentChange", false);
    pp_dashboard_json_bool(json, "wideLayout", true);
    pp_dashboard_json_begin(json, "reduceOptions", '{');
    pp_dashboard_json_begin(json, "calcs", '[');
    pp_dashboard_json_text(json, NULL, "lastNotNull");
    pp_dashboard_json_end(json, ']');
    pp_dashboard_json_end(json, '}');
    pp_dashboard_json_end(json, '}');
}

/* invariant NULL: of all together. */
static void put_state_panel(struct pp_dashboard_json *json,
                            const struct pp_dashboard_invariant *invariant, struct place place)
{
    begin_panel(json, "stat", place);
    if (invariant != NULL) {
        pp_dashboard_json_bytes(json, "title", invariant->name);
        put_description(json, invariant);
    } else {
        pp_dashboard_json_text(json, "title", "Invariants that are violated or can't be read");
    }
    put_datasource(json, "prometheus", "${datasource}");
    begin_field_config(json);
    if (invariant != NULL)
        put_mapping(json);
    put_thresholds(json);
    end_field_config(json);
    put_state_options(json);
    pp_dashboard_json_begin(json, "targets", '[');
    begin_target(json, 0);
    put_state_query(json, invariant);
    pp_dashboard_json_bool(json, "instant", true);
    pp_dashboard_json_end(json, '}');
    pp_dashboard_json_end(json, ']');
    pp_dashboard_json_end(json, '}');
}

/* ---- Metrics -------------------------------------------------------------------------------- */

static void put_metrics_options(struct pp_dashboard_json *json)
{
    pp_dashboard_json_begin(json, "options", '{');
    pp_dashboard_json_begin(json, "legend", '{');
    pp_dashboard_json_begin(json, "calcs", '[');
    pp_dashboard_json_end(json, ']');
    pp_dashboard_json_text(json, "displayMode", "list");
    pp_dashboard_json_text(json, "placement", "bottom");
    pp_dashboard_json_bool(json, "showLegend", true);
    pp_dashboard_json_end(json, '}');
    pp_dashboard_json_begin(json, "tooltip", '{');
    pp_dashboard_json_text(json, "mode", "multi");
    pp_dashboard_json_text(json, "sort", "none");
    pp_dashboard_json_end(json, '}');
    pp_dashboard_json_end(json, '}');
}

static void put_metric_targets(struct pp_dashboard_json *json,
                               const struct pp_dashboard_invariant *invariant)
{
    struct pp_dashboard_values metrics;
    if (!pp_dashboard_metrics(&invariant->formula, &metrics))
        metrics.count = 0; /* the reader refused it */
    pp_dashboard_json_begin(json, "targets", '[');
    for (size_t i = 0; i < metrics.count; i++) {
        begin_target(json, i);
        pp_dashboard_json_bytes(json, "expr", metrics.metrics[i]);
        pp_dashboard_json_bool(json, "range", true);
        pp_dashboard_json_end(json, '}');
    }
    begin_target(json, metrics.count);
    pp_dashboard_json_query(json, "expr", invariant, PP_DASHBOARD_VIOLATED);
    pp_dashboard_json_text(json, "legendFormat", "violated {{instance}}");
    pp_dashboard_json_bool(json, "range", true);
    pp_dashboard_json_end(json, '}');
    pp_dashboard_json_end(json, ']');
}

static void put_metrics_panel(struct pp_dashboard_json *json,
                              const struct pp_dashboard_invariant *invariant, struct place place)
{
    begin_panel(json, "timeseries", place);
    pp_dashboard_json_begin_string(json, "title");
    pp_dashboard_json_piece(json, invariant->holds);
    pp_dashboard_json_end_string(json);
    put_description(json, invariant);
    put_datasource(json, "prometheus", "${datasource}");
    begin_field_config(json);
    pp_dashboard_json_begin(json, "custom", '{');
    pp_dashboard_json_text(json, "lineInterpolation", "stepAfter");
    pp_dashboard_json_text(json, "showPoints", "auto");
    pp_dashboard_json_end(json, '}');
    end_field_config(json);
    put_metrics_options(json);
    put_metric_targets(json, invariant);
    pp_dashboard_json_end(json, '}');
}

/* ---- Logs ----------------------------------------------------------------------------------- */

/* A regular expression of LogQL for the source, in a string of LogQL: dots are literal. */
static void put_log_query(struct pp_dashboard_json *json, struct pp_bytes logs)
{
    size_t len = logs.len;
    bool open = len > 0 && logs.data[len - 1] == '*';
    pp_dashboard_json_begin_string(json, "expr");
    pp_dashboard_json_piece_text(json, "{service_name=~\"");
    for (size_t i = 0; i < len - open; i++) {
        if (logs.data[i] == '.')
            pp_dashboard_json_piece_text(json, "\\\\");
        pp_dashboard_json_piece(json, (struct pp_bytes){logs.data + i, 1});
    }
    if (open)
        pp_dashboard_json_piece_text(json, len > 1 ? ".*" : ".+");
    pp_dashboard_json_piece_text(json, "\"}");
    pp_dashboard_json_end_string(json);
}

static void put_logs_options(struct pp_dashboard_json *json)
{
    pp_dashboard_json_begin(json, "options", '{');
    pp_dashboard_json_text(json, "dedupStrategy", "none");
    pp_dashboard_json_bool(json, "enableLogDetails", true);
    pp_dashboard_json_bool(json, "prettifyLogMessage", false);
    pp_dashboard_json_bool(json, "showCommonLabels", false);
    pp_dashboard_json_bool(json, "showLabels", false);
    pp_dashboard_json_bool(json, "showLogContextToggle", false);
    pp_dashboard_json_bool(json, "showTime", true);
    pp_dashboard_json_text(json, "sortOrder", "Descending");
    pp_dashboard_json_bool(json, "wrapLogMessage", true);
    pp_dashboard_json_end(json, '}');
}

static void put_logs_panel(struct pp_dashboard_json *json,
                           const struct pp_dashboard_invariant *invariant, struct place place)
{
    begin_panel(json, "logs", place);
    pp_dashboard_json_begin_string(json, "title");
    pp_dashboard_json_piece_text(json, "Log of ");
    pp_dashboard_json_piece(json, invariant->logs);
    pp_dashboard_json_end_string(json);
    put_datasource(json, "loki", "${logs}");
    put_logs_options(json);
    pp_dashboard_json_begin(json, "targets", '[');
    pp_dashboard_json_begin(json, NULL, '{');
    pp_dashboard_json_text(json, "refId", "A");
    put_datasource(json, "loki", "${logs}");
    put_log_query(json, invariant->logs);
    pp_dashboard_json_text(json, "queryType", "range");
    pp_dashboard_json_end(json, '}');
    pp_dashboard_json_end(json, ']');
    pp_dashboard_json_end(json, '}');
}

/* ---- The dashboard -------------------------------------------------------------------------- */

static void put_panels(struct pp_dashboard_json *json, const struct pp_dashboard_set *set)
{
    int64_t id = 1, y = TOP_HEIGHT;
    pp_dashboard_json_begin(json, "panels", '[');
    put_state_panel(
        json, NULL,
        (struct place){id++, 0, 0, STATE_WIDTH + METRICS_WIDTH + LOGS_WIDTH, TOP_HEIGHT});
    for (size_t i = 0; i < set->count; i++, y += PANEL_HEIGHT) {
        const struct pp_dashboard_invariant *invariant = &set->invariants[i];
        put_state_panel(json, invariant, (struct place){id++, 0, y, STATE_WIDTH, PANEL_HEIGHT});
        put_metrics_panel(json, invariant,
                          (struct place){id++, STATE_WIDTH, y, METRICS_WIDTH, PANEL_HEIGHT});
        put_logs_panel(
            json, invariant,
            (struct place){id++, STATE_WIDTH + METRICS_WIDTH, y, LOGS_WIDTH, PANEL_HEIGHT});
    }
    pp_dashboard_json_end(json, ']');
}

/* A choice of data source; current must name one, or Grafana refuses the dashboard. */
static void put_variable(struct pp_dashboard_json *json, const char *name, const char *label,
                         const char *type, const char *uid)
{
    pp_dashboard_json_begin(json, NULL, '{');
    pp_dashboard_json_text(json, "type", "datasource");
    pp_dashboard_json_text(json, "name", name);
    pp_dashboard_json_text(json, "label", label);
    pp_dashboard_json_text(json, "query", type);
    pp_dashboard_json_text(json, "regex", "");
    pp_dashboard_json_number(json, "refresh", 1);
    pp_dashboard_json_number(json, "hide", 0);
    pp_dashboard_json_bool(json, "multi", false);
    pp_dashboard_json_bool(json, "includeAll", false);
    pp_dashboard_json_bool(json, "skipUrlSync", false);
    pp_dashboard_json_begin(json, "options", '[');
    pp_dashboard_json_end(json, ']');
    pp_dashboard_json_begin(json, "current", '{');
    pp_dashboard_json_text(json, "text", label);
    pp_dashboard_json_text(json, "value", uid);
    pp_dashboard_json_end(json, '}');
    pp_dashboard_json_end(json, '}');
}

/* When a rule fires, all panels show it. */
static void put_annotations(struct pp_dashboard_json *json)
{
    pp_dashboard_json_begin(json, "annotations", '{');
    pp_dashboard_json_begin(json, "list", '[');
    pp_dashboard_json_begin(json, NULL, '{');
    pp_dashboard_json_text(json, "name", "Violations");
    put_datasource(json, "prometheus", "${datasource}");
    pp_dashboard_json_bool(json, "enable", true);
    pp_dashboard_json_bool(json, "hide", false);
    pp_dashboard_json_text(json, "iconColor", "red");
    pp_dashboard_json_text(json, "expr", "ALERTS{alertstate=\"firing\",postproof!=\"\"}");
    pp_dashboard_json_text(json, "titleFormat", "{{alertname}}");
    pp_dashboard_json_end(json, '}');
    pp_dashboard_json_end(json, ']');
    pp_dashboard_json_end(json, '}');
}

void pp_dashboard_write_grafana(const struct pp_dashboard_set *set, struct pp_dashboard_json *json)
{
    pp_dashboard_json_begin(json, NULL, '{');
    pp_dashboard_json_text(json, "uid", "postproof-invariants");
    pp_dashboard_json_text(json, "title", "Invariants and their proofs");
    pp_dashboard_json_begin_string(json, "description");
    pp_dashboard_json_piece_text(json, "Generated by ");
    pp_dashboard_json_piece_text(json, set->generated_by);
    pp_dashboard_json_piece_text(json, "; changes belong into its input.");
    pp_dashboard_json_end_string(json);
    pp_dashboard_json_begin(json, "tags", '[');
    pp_dashboard_json_text(json, NULL, "postproof");
    pp_dashboard_json_end(json, ']');
    pp_dashboard_json_number(json, "schemaVersion", SCHEMA_VERSION);
    pp_dashboard_json_bool(json, "editable", true);
    pp_dashboard_json_text(json, "timezone", "utc");
    pp_dashboard_json_text(json, "refresh", "5s");
    pp_dashboard_json_number(json, "graphTooltip", 1);
    pp_dashboard_json_begin(json, "time", '{');
    pp_dashboard_json_text(json, "from", "now-1h");
    pp_dashboard_json_text(json, "to", "now");
    pp_dashboard_json_end(json, '}');
    pp_dashboard_json_begin(json, "templating", '{');
    pp_dashboard_json_begin(json, "list", '[');
    put_variable(json, "datasource", "Prometheus", "prometheus", "postproof-prometheus");
    put_variable(json, "logs", "Loki", "loki", "postproof-loki");
    pp_dashboard_json_end(json, ']');
    pp_dashboard_json_end(json, '}');
    put_annotations(json);
    put_panels(json, set);
    pp_dashboard_json_end(json, '}');
}
