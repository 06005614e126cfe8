/* SPDX-License-Identifier: MIT */
/* postproof append: lines from files, standard input or a syslog socket become sealed entries. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "../src/os/os_socket.h"
#include "appender.h"

enum { FORMAT_UNSET = 3 }; /* behind those of enum pp_ingest_format */

struct append_options {
    const char *ledger, *keys, *source, *socket;
    char **files;
    int file_count;
    unsigned format;
    uint8_t level;
    uint64_t sync_interval_ns, line_bytes_max, entries_max, idle_exit_ns;
    struct pp_ledger_options writer;
    bool json;
};

/* ---- Inputs --------------------------------------------------------------------------------- */

/* The last element of a path, at most as long as a source may be. */
static struct pp_bytes base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    struct pp_bytes name = pp_bytes_of(slash && slash[1] ? slash + 1 : path);
    if (name.len > PP_SOURCE_BYTES_MAX)
        name.len = PP_SOURCE_BYTES_MAX;
    return name;
}

/* Reads one file; an input that fails is reported and the others are still read. */
static bool read_file(struct appender *appender, const struct append_options *options,
                      const char *path)
{
    bool is_stdin = strcmp(path, "-") == 0;
    int fd = is_stdin ? 0 : pp_os_open(PP_OS_CWD, path, PP_OS_READ_FOLLOW);
    if (!options->source)
        appender->ingest.source = is_stdin ? pp_bytes_of("stdin") : base_name(path);
    int error = fd < 0 ? fd : appender_read_stream(appender, fd);
    if (fd > 0)
        pp_os_close(fd);
    if (error == 0)
        return true;
    cli_progress_clear(&appender->progress);
    cli_fail("append", "%s: %s", is_stdin ? "standard input" : path, strerror(-error));
    return false;
}

static unsigned read_files(struct appender *appender, const struct append_options *options)
{
    unsigned failed = 0;
    if (options->file_count == 0)
        return !read_file(appender, options, "-");
    for (int i = 0; i < options->file_count && !appender->failed && !appender_stopped(); i++)
        failed += !read_file(appender, options, options->files[i]);
    return failed;
}

static unsigned read_socket(struct appender *appender, const struct append_options *options)
{
    int fd = pp_os_socket_open(options->socket);
    if (fd < 0) {
        cli_fail("append", "--socket %s: %s", options->socket, strerror(-fd));
        return 1;
    }
    if (!options->source)
        appender->ingest.source = pp_bytes_of("socket");
    int error = appender_read_socket(appender, fd);
    pp_os_socket_close(fd, options->socket);
    if (error < 0)
        cli_fail("append", "%s: %s", options->socket, strerror(-error));
    return error < 0;
}

/* ---- Summary -------------------------------------------------------------------------------- */

struct summary {
    const struct appender *appender;
    uint64_t first, size, durable;
    unsigned inputs_failed;
    bool failed, recovered;
    uint64_t torn_bytes;
};

static void print_json(const struct summary *s)
{
    const struct appender *a = s->appender;
    bool any = s->size > s->first;
    json_t *object = cli_json_object();
    cli_json_number(object, "entries", s->size - s->first);
    cli_json_number(object, "bytes", a->bytes);
    cli_json_seq(object, "first_seq", any ? s->first : PP_NO_SEQ);
    cli_json_seq(object, "last_seq", any ? s->size - 1 : PP_NO_SEQ);
    cli_json_number(object, "durable_size", s->durable);
    cli_json_bool(object, "writer_failed", s->failed);
    cli_json_number(object, "unparsed", a->unparsed);
    cli_json_number(object, "notices", a->notices);
    cli_json_number(object, "dropped_bytes", a->dropped_bytes);
    cli_json_number(object, "inputs_failed", s->inputs_failed);
    cli_json_bool(object, "recovered", s->recovered);
    cli_json_number(object, "torn_bytes", s->torn_bytes);
    cli_json_bool(object, "stopped_by_signal", appender_stopped());
    cli_json_set(object, "time_taken_ms",
                 json_real((double)(cli_monotonic_ns() - a->started_ns) / 1e6));
    cli_json_print(object);
}

static void print_text(const struct summary *s)
{
    const struct appender *a = s->appender;
    char bytes[CLI_VALUE_BYTES], taken[CLI_VALUE_BYTES];
    cli_size_text(a->bytes, bytes);
    cli_duration_text(cli_monotonic_ns() - a->started_ns, taken);
    if (s->size == s->first) {
        cli_note("append", "no entries: %s",
                 s->inputs_failed ? "no input could be read" : "the input was empty");
        return;
    }
    cli_note("append",
             "%" PRIu64 " entries (%s) in %s, seq %" PRIu64 " to %" PRIu64
             ", durable up to seq %" PRIu64,
             s->size - s->first, bytes, taken, s->first, s->size - 1, s->durable - 1);
    if (a->unparsed > 0)
        cli_note("append",
                 "%" PRIu64 " lines did not follow the format and were kept as plain lines",
                 a->unparsed);
    if (a->dropped_bytes > 0)
        cli_note("append",
                 "%" PRIu64 " bytes were dropped from overlong lines; %" PRIu64
                 " notices in the ledger say where",
                 a->dropped_bytes, a->notices);
}

static void report_failure(struct pp_ledger *ledger)
{
    uint64_t durable = pp_ledger_durable_size(ledger);
    const struct pp_failure *failure = pp_ledger_failure(ledger);
    cli_fail("append", "%s", failure->text[0] ? failure->text : pp_error_text(failure->code));
    if (durable == 0)
        cli_note("append", "no entry is durable; none was acknowledged");
    else
        cli_note("append",
                 "durable up to seq %" PRIu64 "; entries after that were not acknowledged",
                 durable - 1);
}

/* ---- The verb ------------------------------------------------------------------------------- */

static void set_up(struct appender *appender, const struct append_options *options)
{
    bool syslog = options->format == FORMAT_UNSET && options->socket;
    unsigned format = options->format == FORMAT_UNSET ? PP_INGEST_PLAIN : options->format;
    appender->ingest.format = syslog ? PP_INGEST_SYSLOG : (enum pp_ingest_format)format;
    appender->ingest.level = options->level;
    if (options->source)
        appender->ingest.source = pp_bytes_of(options->source);
    appender->sync_interval_ns = options->sync_interval_ns;
    appender->line_bytes_max = options->line_bytes_max;
    appender->entries_max = options->entries_max;
    appender->idle_exit_ns = options->idle_exit_ns;
    cli_progress_init(&appender->progress, true);
}

static int run(struct appender *appender, const struct append_options *options)
{
    struct pp_ledger_opening opening = {0};
    int exit_code = CLI_GOOD;
    if (cli_open_writer("append", options->ledger, options->keys, &options->writer,
                        &appender->ledger, &opening, &exit_code) != PP_OK)
        return exit_code;
    struct summary summary = {.appender = appender,
                              .first = pp_ledger_size(appender->ledger),
                              .recovered = opening.recovered,
                              .torn_bytes = opening.torn_bytes};
    summary.inputs_failed = (options->socket ? read_socket : read_files)(appender, options);
    summary.failed = !appender_finish(appender);
    cli_progress_clear(&appender->progress);
    if (summary.failed)
        report_failure(appender->ledger);
    summary.size = pp_ledger_size(appender->ledger);
    summary.durable = pp_ledger_durable_size(appender->ledger);
    exit_code = !summary.failed && summary.inputs_failed == 0 ? CLI_GOOD : CLI_UNDECIDED;
    exit_code = cli_close_writer("append", appender->ledger, exit_code);
    if (options->json)
        print_json(&summary);
    else if (!summary.failed)
        print_text(&summary);
    return exit_code;
}

static int append(const struct append_options *options)
{
    if (options->socket && options->file_count > 0)
        return cli_fail("append", "--socket takes no files beside it");
    if (!options->socket &&
        (options->entries_max != UINT64_MAX || options->idle_exit_ns != UINT64_MAX))
        return cli_fail("append", "--max-entries and --idle-exit belong to --socket");
    if (options->source && strlen(options->source) > PP_SOURCE_BYTES_MAX)
        return cli_fail("append", "--source: at most %d bytes", PP_SOURCE_BYTES_MAX);
    struct appender *appender = malloc(sizeof *appender);
    size_t input_bytes = options->socket ? APPENDER_SOCKET_BYTES : APPENDER_READ_BYTES;
    int exit_code = CLI_UNDECIDED;
    if (!appender || !appender_init(appender, input_bytes)) {
        cli_fail("append", "no memory is left");
    } else {
        appender_catch_signals();
        set_up(appender, options);
        exit_code = run(appender, options);
        appender_clean_up(appender);
    }
    free(appender);
    return exit_code;
}

int cmd_append(int argc, char **argv)
{
    struct append_options o = {.format = FORMAT_UNSET,
                               .level = PP_INFO,
                               .sync_interval_ns = UINT64_C(100000000),
                               .line_bytes_max = UINT64_C(64) << 20,
                               .entries_max = UINT64_MAX,
                               .idle_exit_ns = UINT64_MAX};
    const struct cli_option options[] = {
        CLI_OPTION("--source", CLI_TEXT, &o.source, "S",
                   "source of lines that name none (default: file name)"),
        CLI_OPTION("--level", CLI_LEVEL, &o.level, "L",
                   "level of lines that name none (default: INFO)"),
        CLI_OPTION("--format", CLI_CHOICE, &o.format, "plain|jsonl|syslog",
                   "form of the lines (default: plain)"),
        CLI_OPTION("--socket", CLI_TEXT, &o.socket, "PATH",
                   "read syslog datagrams from a unix socket made at PATH"),
        CLI_OPTION_RANGE("--max-entries", CLI_NUMBER, &o.entries_max, "N",
                         "with --socket: stop after N entries", 1, INT64_MAX),
        CLI_OPTION_RANGE("--idle-exit", CLI_DURATION, &o.idle_exit_ns, "TIME",
                         "with --socket: stop when nothing came for TIME", 1,
                         UINT64_C(86400000000000)),
        CLI_OPTION_RANGE("--sync-interval", CLI_DURATION, &o.sync_interval_ns, "TIME",
                         "entries are durable this long after they came (100ms)", 0,
                         UINT64_C(3600000000000)),
        CLI_OPTION_RANGE("--segment-bytes", CLI_BYTES, &o.writer.segment_bytes, "N",
                         "size of a segment file (default: 16MiB)", 65536, UINT64_C(1) << 30),
        CLI_OPTION_RANGE("--max-line", CLI_BYTES, &o.line_bytes_max, "N",
                         "keep this much of a line, count the rest (64MiB)", 1024,
                         UINT64_C(1) << 30),
        CLI_OPTION("--keys", CLI_TEXT, &o.keys, "DIR",
                   "key folder (default: the ledger's own link)"),
        CLI_OPTION_FLAG("--json", &o.json, "print the summary as a JSON object"),
        CLI_OPTION_END,
    };
    const struct cli_syntax syntax = {
        .verb = "append",
        .arguments = "LEDGER [FILE...|-]",
        .summary = "Appends each line as one entry, byte for byte, from files or standard input,\n"
                   "and seals them durably.  Time, level and source come from the line where the\n"
                   "format has them.  A line that exceeds an entry is kept beside by its hash.\n"
                   "SIGINT and SIGTERM end it in good order.",
        .example = "tail -F /var/log/app.log | postproof append ledger --source app",
        .arguments_min = 1,
        .arguments_max = 1 << 20,
        .options = options,
    };
    struct cli_arguments arguments;
    if (!cli_parse(&syntax, argc, argv, &arguments))
        return arguments.exit_code;
    o.ledger = arguments.value[0];
    o.files = arguments.value + 1;
    o.file_count = arguments.count - 1;
    return append(&o);
}
