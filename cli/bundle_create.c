/* SPDX-License-Identifier: MIT */
/* postproof bundle create: the evidence of a time window as one ZIP file. */
#include <inttypes.h>
#include <string.h>

#include "../src/base/base.h"
#include "bundle.h"
#include "bundle_files.h"
#include "dashboard_input.h"

static const char verb[] = "bundle create";

enum { WINDOW_BYTES = 128 };

/* "24h", or "T1 to T2"; reports what is wrong. */
static bool parse_window(const char *text, struct pp_bundle_options *options)
{
    char from[WINDOW_BYTES];
    const char *to = strstr(text, " to ");
    if (to == NULL) {
        if (cli_duration_parse(text, &options->duration_ns) && options->duration_ns > 0)
            return true;
        cli_fail(verb, "--window %s is neither a duration (24h) nor \"T1 to T2\"", text);
        return false;
    }
    uint64_t now_ns = cli_now_ns();
    int len = snprintf(from, sizeof from, "%.*s", (int)(to - text), text);
    if (len >= (int)sizeof from || !cli_time_parse(from, now_ns, &options->from_ns) ||
        !cli_time_parse(to + strlen(" to "), now_ns, &options->until_ns)) {
        cli_fail(verb, "--window \"%s\": a time is RFC 3339 (2026-01-31T12:00:00Z) or a day", text);
        return false;
    }
    if (options->from_ns < options->until_ns)
        return true;
    cli_fail(verb, "--window \"%s\" is empty: its start is not before its end", text);
    return false;
}

static void show_progress(void *context, const char *step, uint64_t done, uint64_t total)
{
    struct cli_progress *progress = context;
    if (cli_progress_due(progress, cli_monotonic_ns()))
        cli_progress_show(progress, "%s: %" PRIu64 " of %" PRIu64, step, done, total);
}

/* ---- Report --------------------------------------------------------------------------------- */

static void print_omitted(const struct pp_bundle_report *r)
{
    if (r->kept < r->entries) {
        printf("%-12s %" PRIu64 " entries did not fit, and window.json says so under signature:",
               "left out", r->entries - r->kept);
        for (uint8_t level = 0; level < PP_LEVEL_COUNT; level++)
            if (r->omitted[level] > 0)
                printf(" %s %" PRIu64, pp_level_text(level), r->omitted[level]);
        printf("\n%-12s `postproof cat LEDGER --from %" PRIu64 " --to %" PRIu64
               "` prints them; --max-bytes allows more\n",
               "", r->first_seq, r->next_seq - 1);
    }
    if (r->blobs_omitted > 0)
        printf("%-12s %" PRIu64 " large bodies did not fit\n", "left out", r->blobs_omitted);
    if (!r->has_timeline_html || !r->has_otlp || !r->has_timeline_jsonl)
        printf("%-12s%s%s%s did not fit; %s from the entries in the bundle\n", "left out",
               r->has_timeline_html ? "" : " timeline.html", r->has_otlp ? "" : " otlp.jsonl",
               r->has_timeline_jsonl ? "" : " timeline.jsonl",
               "`postproof bundle cat` makes lines");
    if (r->seals_kept < r->seals)
        printf("%-12s %" PRIu64 " of %" PRIu64
               " seals are there in full; of the others the counts\n",
               "seals", r->seals_kept, r->seals);
}

static void print_text(const char *output, const struct pp_bundle_report *r)
{
    char size[CLI_VALUE_BYTES], taken[CLI_VALUE_BYTES], from[CLI_VALUE_BYTES],
        until[CLI_VALUE_BYTES], hex[2 * PP_DIGEST_BYTES + 1];
    cli_size_text(r->bytes, size);
    cli_duration_text(r->time_ns, taken);
    cli_time_text(r->from_ns, from);
    cli_time_text(r->until_ns, until);
    pp_hex_encode(r->manifest_root.b, PP_DIGEST_BYTES, hex);
    printf("%-12s %s, %" PRIu64 " bytes (%s; limit %" PRIu64 "), made and verified in %s\n",
           "bundle", output, r->bytes, size, r->max_bytes, taken);
    printf("%-12s %s to %s\n", "window", from, until);
    printf("%-12s %" PRIu64 " of %" PRIu64 ", seq %" PRIu64 " to %" PRIu64 ", in a tree of %" PRIu64
           "\n",
           "entries", r->kept, r->entries, r->first_seq, r->next_seq - 1, r->tree_size);
    print_omitted(r);
    printf("%-12s for %" PRIu64 " invariants, two alert rules each\n", "dashboards", r->invariants);
    if (!r->has_timestamp)
        printf("%-12s none: --tsa URL asks a time-stamping authority\n", "timestamp");
    printf("%-12s %s\n", "root", hex);
}

static json_t *levels_json(const uint64_t counts[PP_LEVEL_COUNT])
{
    json_t *object = cli_json_object();
    for (uint8_t level = 0; level < PP_LEVEL_COUNT; level++)
        cli_json_number(object, pp_level_text(level), counts[level]);
    return object;
}

static void print_json(const char *output, const struct pp_bundle_report *r)
{
    json_t *object = cli_json_object();
    cli_json_text(object, "bundle", output);
    cli_json_number(object, "bytes", r->bytes);
    cli_json_number(object, "max_bytes", r->max_bytes);
    cli_json_digest(object, "manifest_root", &r->manifest_root);
    cli_json_number(object, "first_seq", r->first_seq);
    cli_json_number(object, "next_seq", r->next_seq);
    cli_json_number(object, "tree_size", r->tree_size);
    cli_json_number(object, "entries", r->entries);
    cli_json_number(object, "kept", r->kept);
    cli_json_set(object, "omitted", levels_json(r->omitted));
    cli_json_number(object, "blobs", r->blobs);
    cli_json_number(object, "blobs_omitted", r->blobs_omitted);
    cli_json_number(object, "seals", r->seals);
    cli_json_number(object, "seals_kept", r->seals_kept);
    cli_json_number(object, "proofs", r->proofs);
    cli_json_bool(object, "timeline_html", r->has_timeline_html);
    cli_json_bool(object, "timeline_jsonl", r->has_timeline_jsonl);
    cli_json_bool(object, "otlp_jsonl", r->has_otlp);
    cli_json_bool(object, "timestamp", r->has_timestamp);
    cli_json_number(object, "invariants", r->invariants);
    cli_json_set(object, "time_taken_ms", json_real((double)r->time_ns / 1e6));
    cli_json_print(object);
}

/* ---- The command ---------------------------------------------------------------------------- */

static int create(const char *ledger, const char *output, struct pp_bundle_options *options,
                  bool json)
{
    struct pp_bundle_report report;
    struct pp_failure failure;
    struct cli_progress progress;
    cli_progress_init(&progress, true);
    options->progress = show_progress;
    options->progress_context = &progress;
    options->files = cli_bundle_files;
    options->file_count = cli_bundle_file_count;
    options->invariants = (struct pp_bytes){cli_dashboard_input, cli_dashboard_input_bytes};
    enum pp_error error = pp_bundle_create(ledger, options, output, &report, &failure);
    cli_progress_clear(&progress);
    if (error != PP_OK)
        return cli_failure(verb, &failure);
    (json ? print_json : print_text)(output, &report);
    return CLI_GOOD;
}

int bundle_create_command(int argc, char **argv)
{
    struct pp_bundle_options bundle_options = {.max_bytes = PP_BUNDLE_BYTES_DEFAULT};
    const char *window = NULL, *output = NULL, *tsa = NULL;
    bool json = false;
    const struct cli_option options[] = {
        CLI_OPTION("--window", CLI_TEXT, &window, "W",
                   "24h before the last entry, or \"T1 to T2\""),
        CLI_OPTION("--output", CLI_TEXT, &output, "F.zip", "the bundle; must not exist"),
        CLI_OPTION_RANGE("--max-bytes", CLI_BYTES, &bundle_options.max_bytes, "N",
                         "limit for the file (default: 5000000)", PP_BUNDLE_BYTES_MIN,
                         PP_BUNDLE_BYTES_MAX),
        CLI_OPTION("--title", CLI_TEXT, &bundle_options.title, "TEXT", "what happened"),
        CLI_OPTION("--incident-id", CLI_TEXT, &bundle_options.incident_id, "ID",
                   "number of the incident elsewhere"),
        CLI_OPTION("--keys", CLI_TEXT, &bundle_options.keys_folder, "DIR",
                   "keys that sign (default: LEDGER/keys)"),
        CLI_OPTION("--tsa", CLI_TEXT, &tsa, "URL",
                   "ask this authority for an RFC 3161 time-stamp of the signature"),
        CLI_OPTION_FLAG("--json", &json, "report as a JSON object"),
        CLI_OPTION_END,
    };
    const struct cli_syntax syntax = {
        .verb = verb,
        .arguments = "LEDGER",
        .summary =
            "Writes the evidence of a time window as one ZIP file, and verifies it: entries,\n"
            "seals, the tree around them, proofs, specifications, timeline, signatures.  The\n"
            "same ledger, window, options and keys give the same bytes.  What does not fit into\n"
            "--max-bytes is left out by level and source, counted under signature and reported.",
        .example = "postproof bundle create ledger --window 24h --output incident.zip",
        .arguments_min = 1,
        .arguments_max = 1,
        .options = options,
    };
    struct cli_arguments arguments;
    if (!cli_parse(&syntax, argc, argv, &arguments))
        return arguments.exit_code;
    if (window == NULL || output == NULL)
        return cli_fail(verb, "--window and --output are needed, such as --window 24h --output "
                              "incident.zip");
    if (!parse_window(window, &bundle_options))
        return CLI_UNDECIDED;
    if (tsa != NULL) {
        bundle_options.timestamp = bundle_ask_tsa;
        bundle_options.timestamp_context = (void *)(uintptr_t)tsa;
    }
    return create(arguments.value[0], output, &bundle_options, json);
}
