/* SPDX-License-Identifier: MIT */
/* postproof bundle timeline: the entries of a window as one HTML file that checks itself. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "../src/os/os.h"
#include "../src/store/timeline_writer.h"
#include "bundle.h"

enum { SHOWN_DEFAULT = 250000, SHOWN_MAX = 2000000 };

static const char verb[] = "bundle timeline";

struct timeline_options {
    uint64_t since_ns, until_ns, shown_max;
    const char *output, *title, *incident;
    bool json;
};

/* The seqs from the first entry of since_ns or later to the last one before until_ns.  Entries
   between them are in the window whatever their time: a window has no holes. */
static enum pp_error find_window(struct pp_ledger_reader *reader, uint64_t end,
                                 const struct timeline_options *options,
                                 struct pp_timeline_request *request)
{
    struct pp_entry entry;
    uint64_t seq = pp_ledger_reader_first(reader);
    request->first_seq = request->next_seq = end;
    enum pp_error error = seq < end ? pp_ledger_reader_seek(reader, seq) : PP_OK;
    bool found = false;
    for (; error == PP_OK && seq < end; seq++) {
        error = pp_ledger_reader_next(reader, &entry);
        if (error != PP_OK || entry.time_ns < options->since_ns ||
            entry.time_ns >= options->until_ns)
            continue;
        if (!found)
            request->first_seq = seq;
        request->next_seq = seq + 1;
        found = true;
    }
    return error;
}

static int write_page(const struct timeline_options *options, const uint8_t *page, size_t len)
{
    if (strcmp(options->output, "-") == 0) {
        fwrite(page, 1, len, stdout);
        return CLI_GOOD;
    }
    char temporary[CLI_PATH_BYTES];
    if (snprintf(temporary, sizeof temporary, "%s.tmp", options->output) >= CLI_PATH_BYTES)
        return cli_fail(verb, "the name of the output is too long");
    int error = pp_os_remove(PP_OS_CWD, temporary); /* of a run that was interrupted */
    int fd = error < 0 && error != -ENOENT ? error : pp_os_open(PP_OS_CWD, temporary, PP_OS_CREATE);
    if (fd < 0)
        return cli_fail(verb, "%s: %s", temporary, strerror(-fd));
    error = pp_os_write(fd, page, len);
    if (error >= 0)
        error = pp_os_sync(fd);
    pp_os_close(fd);
    if (error >= 0)
        error = pp_os_rename(PP_OS_CWD, temporary, options->output);
    if (error < 0)
        return cli_fail(verb, "%s: %s", options->output, strerror(-error));
    return CLI_GOOD;
}

static void report_json(const struct pp_timeline_request *request,
                        const struct pp_timeline_report *report, size_t len)
{
    json_t *object = cli_json_object();
    cli_json_seq(object, "first_seq", request->first_seq);
    cli_json_seq(object, "next_seq", request->next_seq);
    cli_json_number(object, "entries", report->entries);
    cli_json_number(object, "shown", report->shown);
    cli_json_number(object, "tree_size", request->tree_size);
    cli_json_digest(object, "root", &report->root);
    cli_json_number(object, "bytes", len);
    cli_json_print(object);
}

static void report_text(const struct timeline_options *options,
                        const struct pp_timeline_report *report, size_t len)
{
    char size[CLI_VALUE_BYTES];
    cli_size_text(len, size);
    cli_note(verb, "%s: %" PRIu64 " of %" PRIu64 " entries, %s", options->output, report->shown,
             report->entries, size);
    if (report->shown < report->entries)
        cli_note(verb, "the page says that it is a selection; it can't check itself against the "
                       "root: use --shown-max 0 for every entry");
}

static int run(struct pp_ledger_reader *reader, const char *ledger,
               const struct timeline_options *options)
{
    struct pp_timeline_request request = {
        .shown_max = options->shown_max,
        .title = pp_bytes_of(options->title ? options->title : ""),
        .incident = pp_bytes_of(options->incident ? options->incident : ""),
    };
    struct cli_checkpoint checkpoint = {0};
    if (!cli_checkpoint_load(verb, ledger, &checkpoint))
        return CLI_UNDECIDED;
    request.tree_size = checkpoint.parsed.size;
    request.origin = checkpoint.parsed.origin;
    request.checkpoint = cli_buffer_view(&checkpoint.text);
    uint8_t *page = NULL;
    size_t len = 0;
    struct pp_timeline_report report = {0};
    enum pp_error error = find_window(reader, request.tree_size, options, &request);
    if (error == PP_OK)
        error = pp_timeline_of_ledger(reader, &request, &page, &len, &report);
    int exit_code = error == PP_OK ? CLI_GOOD : cli_failure(verb, pp_ledger_reader_failure(reader));
    if (error == PP_OK && memcmp(report.root.b, checkpoint.parsed.root.b, PP_DIGEST_BYTES) != 0) {
        cli_note(verb,
                 "%s: the entries do not have the root of the checkpoint; run `postproof "
                 "verify`",
                 ledger);
        exit_code = CLI_BAD;
    }
    if (exit_code == CLI_GOOD)
        exit_code = write_page(options, page, len);
    if (exit_code == CLI_GOOD && options->json)
        report_json(&request, &report, len);
    else if (exit_code == CLI_GOOD)
        report_text(options, &report, len);
    free(page);
    cli_buffer_free(&checkpoint.text);
    return exit_code;
}

int bundle_timeline_command(int argc, char **argv)
{
    struct timeline_options timeline = {.until_ns = UINT64_MAX, .shown_max = SHOWN_DEFAULT};
    const struct cli_option options[] = {
        CLI_OPTION("--output", CLI_TEXT, &timeline.output, "F.html", "the file to write"),
        CLI_OPTION("--since", CLI_TIME, &timeline.since_ns, "T", "from the first entry of T on"),
        CLI_OPTION("--until", CLI_TIME, &timeline.until_ns, "T", "to the last entry before T"),
        CLI_OPTION("--title", CLI_TEXT, &timeline.title, "TEXT", "the page's heading"),
        CLI_OPTION("--incident-id", CLI_TEXT, &timeline.incident, "ID", "shown beside it"),
        CLI_OPTION_RANGE("--shown-max", CLI_NUMBER, &timeline.shown_max, "N",
                         "with more entries, a selection of N (default 250000; 0: all)", 0,
                         SHOWN_MAX),
        CLI_OPTION_FLAG("--json", &timeline.json, "the report as JSON"),
        CLI_OPTION_END,
    };
    const struct cli_syntax syntax = {
        .verb = verb,
        .arguments = "LEDGER",
        .summary =
            "Writes one HTML file that shows the entries of a window up to the ledger's\n"
            "checkpoint and checks them against its root in the browser, without a network.\n"
            "T is RFC 3339, a day, or 30m, 1h, 2d before now.",
        .example = "postproof bundle timeline ledger --since 1h --output timeline.html",
        .arguments_min = 1,
        .arguments_max = 1,
        .options = options,
    };
    struct cli_arguments arguments;
    if (!cli_parse(&syntax, argc, argv, &arguments))
        return arguments.exit_code;
    if (!timeline.output)
        return cli_fail(verb, "--output is missing: name the file to write");
    if (timeline.json && strcmp(timeline.output, "-") == 0)
        return cli_fail(verb, "--json and --output - would mix two outputs");
    const char *ledger = arguments.value[0];
    struct pp_ledger_reader *reader;
    struct pp_failure failure = {0};
    if (pp_ledger_reader_open(ledger, &reader, &failure) != PP_OK)
        return cli_failure(verb, &failure);
    int exit_code = run(reader, ledger, &timeline);
    pp_ledger_reader_close(reader);
    return exit_code;
}
