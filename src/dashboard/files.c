/* SPDX-License-Identifier: MIT */
/* The files of a set by name, and dashboards.json, which lists what they are about. */
#include "dashboard_internal.h"

#define FILE_PATH(name, path, what) [name] = path,
static const char *const paths[] = {PP_DASHBOARD_FILE_TABLE(FILE_PATH)};
#define FILE_WHAT(name, path, what) [name] = what,
static const char *const whats[] = {PP_DASHBOARD_FILE_TABLE(FILE_WHAT)};

const char *pp_dashboard_file_path(enum pp_dashboard_file file)
{
    return (unsigned)file < PP_DASHBOARD_FILE_COUNT ? paths[file] : "?";
}

const char *pp_dashboard_file_what(enum pp_dashboard_file file)
{
    return (unsigned)file < PP_DASHBOARD_FILE_COUNT ? whats[file] : "?";
}

/* ---- dashboards.json ------------------------------------------------------------------------ */

static void put_invariant(struct pp_dashboard_json *json,
                          const struct pp_dashboard_invariant *invariant)
{
    const struct pp_dashboard_proof *proof = &invariant->proof;
    pp_dashboard_json_begin(json, NULL, '{');
    pp_dashboard_json_bytes(json, "name", invariant->name);
    pp_dashboard_json_bytes(json, "summary", invariant->summary);
    pp_dashboard_json_bytes(json, "severity", invariant->severity);
    pp_dashboard_json_bytes(json, "each", invariant->each);
    pp_dashboard_json_bytes(json, "holds", invariant->holds);
    pp_dashboard_json_bytes(json, "logs", invariant->logs);
    pp_dashboard_json_number(json, "input_line", invariant->line);
    pp_dashboard_json_bytes(json, "theorem", invariant->theorem);
    pp_dashboard_json_bytes(json, "specification", invariant->spec);
    pp_dashboard_json_number(json, "specification_line", proof->spec_line);
    pp_dashboard_json_bytes(json, "specification_sha256", proof->spec_sha256);
    pp_dashboard_json_bytes(json, "statement_sha256", proof->statement_sha256);
    pp_dashboard_json_bytes(json, "proof", proof->proof);
    pp_dashboard_json_bytes(json, "proof_sha256", proof->proof_sha256);
    pp_dashboard_json_query(json, "alert", invariant, PP_DASHBOARD_VIOLATED);
    pp_dashboard_json_query(json, "signal_lost", invariant, PP_DASHBOARD_LOST);
    pp_dashboard_json_end(json, '}');
}

void pp_dashboard_write_index(const struct pp_dashboard_set *set, struct pp_dashboard_json *json)
{
    pp_dashboard_json_begin(json, NULL, '{');
    pp_dashboard_json_text(json, "format", "postproof-dashboards/1");
    pp_dashboard_json_text(json, "generated_by", set->generated_by);
    pp_dashboard_json_number(json, "interval_ms", (int64_t)set->interval_ms);
    pp_dashboard_json_begin(json, "invariants", '[');
    for (size_t i = 0; i < set->count; i++)
        put_invariant(json, &set->invariants[i]);
    pp_dashboard_json_end(json, ']');
    pp_dashboard_json_end(json, '}');
}

/* ---- All of them ---------------------------------------------------------------------------- */

enum pp_error pp_dashboard_file_write(enum pp_dashboard_file file,
                                      const struct pp_dashboard_set *set,
                                      struct pp_dashboard_text *text, size_t *bad)
{
    struct pp_dashboard_json json = {.text = text};
    switch (file) {
    case PP_DASHBOARD_INPUT:
        pp_dashboard_put(text, set->input);
        return PP_OK;
    case PP_DASHBOARD_INDEX:
        pp_dashboard_write_index(set, &json);
        return PP_OK;
    case PP_DASHBOARD_RULES:
        pp_dashboard_write_rules(set, &json);
        return PP_OK;
    case PP_DASHBOARD_CASES:
        return pp_dashboard_write_cases(set, &json, bad);
    case PP_DASHBOARD_GRAFANA:
        pp_dashboard_write_grafana(set, &json);
        return PP_OK;
    case PP_DASHBOARD_DATASOURCES:
        pp_dashboard_write_datasources(&json);
        return PP_OK;
    case PP_DASHBOARD_PROVIDERS:
        pp_dashboard_write_providers(&json);
        return PP_OK;
    case PP_DASHBOARD_ALERTING:
        pp_dashboard_write_alerting(set, &json);
        return PP_OK;
    default:
        return PP_ERROR_ARGUMENT;
    }
}
