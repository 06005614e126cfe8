/* SPDX-License-Identifier: MIT */
/* postproof cat: prints entries as text or JSON lines, or one canonical encoding. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../src/base/base.h"
#include "cli.h"

enum { OUTPUT_BYTES = 1 << 18 };

struct cat_options {
    uint64_t since_ns, until_ns, from, to, raw;
    const char *source;
    uint8_t level;
    bool json, text;
    bool terminal; /* standard output is one */
};

/* An entry with the body to show: that of the blob for a reference. */
struct shown_entry {
    const struct pp_entry *entry;
    struct pp_bytes body;
    const char *missing; /* why the body of a reference can't be shown, else NULL */
    bool terminal;
};

static const char *kind_text(uint8_t kind)
{
    return kind == PP_ENTRY_REFERENCE ? "reference" : kind == PP_ENTRY_NOTICE ? "notice" : "data";
}

/* ---- Forms ---------------------------------------------------------------------------------- */

static void print_text(const struct shown_entry *shown)
{
    char time[CLI_VALUE_BYTES];
    const struct pp_entry *entry = shown->entry;
    cli_time_text(entry->time_ns, time);
    printf("%" PRIu64 " %s %-5s ", entry->seq, time, pp_level_text(entry->level));
    cli_print_escaped(stdout, entry->source);
    fputs(": ", stdout);
    if (shown->missing)
        printf("[%s]", shown->missing);
    else
        cli_print_escaped(stdout, shown->body);
    putchar('\n');
}

/* A reader made sure that the body of a reference has PP_REFERENCE_BYTES. */
static void set_reference(json_t *object, struct pp_bytes body)
{
    json_t *reference = cli_json_object();
    struct pp_digest digest;
    memcpy(digest.b, body.data + 8, sizeof digest.b);
    cli_json_digest(reference, "sha256", &digest);
    cli_json_number(reference, "bytes", pp_get_u64(body.data));
    cli_json_set(object, "reference", reference);
}

static void print_json(const struct shown_entry *shown)
{
    char time[CLI_VALUE_BYTES];
    const struct pp_entry *entry = shown->entry;
    json_t *object = cli_json_object();
    cli_time_text(entry->time_ns, time);
    cli_json_number(object, "seq", entry->seq);
    cli_json_text(object, "time", time);
    cli_json_text(object, "level", pp_level_text(entry->level));
    cli_json_bytes(object, "source", entry->source);
    cli_json_text(object, "kind", kind_text(entry->kind));
    if (entry->kind == PP_ENTRY_REFERENCE)
        set_reference(object, entry->body);
    if (shown->missing)
        cli_json_text(object, "missing", shown->missing);
    else
        cli_json_bytes(object, "body", shown->body);
    /* On a terminal everything beyond ASCII is escaped, for the reason of cli_print_escaped. */
    json_dumpf(object, stdout, JSON_COMPACT | (shown->terminal ? JSON_ENSURE_ASCII : 0));
    putchar('\n');
    json_decref(object);
}

static int print_raw(struct pp_ledger_reader *reader, uint64_t seq, bool terminal)
{
    if (terminal)
        return cli_fail("cat", "--raw writes binary data: send standard output to a file");
    struct pp_entry entry;
    if (pp_ledger_reader_seek(reader, seq) != PP_OK ||
        pp_ledger_reader_next(reader, &entry) != PP_OK)
        return cli_failure("cat", pp_ledger_reader_failure(reader));
    uint8_t encoding[PP_ENTRY_BYTES_MAX];
    size_t len = 0;
    enum pp_error error = pp_entry_encode(&entry, encoding, sizeof encoding, &len);
    if (error == PP_OK)
        fwrite(encoding, 1, len, stdout);
    return error == PP_OK ? CLI_GOOD : cli_fail("cat", "%s", pp_error_text(error));
}

/* ---- Selection ------------------------------------------------------------------------------ */

static bool is_wanted(const struct cat_options *options, const struct pp_entry *entry)
{
    if (entry->level < options->level || entry->time_ns < options->since_ns ||
        entry->time_ns >= options->until_ns)
        return false;
    if (!options->source)
        return true;
    struct pp_bytes source = pp_bytes_of(options->source);
    return source.len == entry->source.len &&
           memcmp(source.data, entry->source.data, source.len) == 0;
}

static int print_entry(struct pp_ledger_reader *reader, const struct cat_options *options,
                       const struct pp_entry *entry)
{
    struct shown_entry shown = {entry, entry->body, NULL, options->terminal};
    uint8_t *blob = NULL;
    size_t len = 0;
    int exit_code = CLI_GOOD;
    if (entry->kind == PP_ENTRY_REFERENCE) {
        if (pp_ledger_reader_blob(reader, entry, &blob, &len) == PP_OK) {
            shown.body = (struct pp_bytes){blob, len};
        } else {
            exit_code = cli_failure("cat", pp_ledger_reader_failure(reader));
            shown.missing = "the body kept beside can't be shown";
        }
    }
    (options->json ? print_json : print_text)(&shown);
    free(blob);
    return exit_code;
}

/* To the first entry asked for; says on stderr which ones are gone. */
static enum pp_error seek_start(struct pp_ledger_reader *reader, const struct cat_options *options)
{
    uint64_t first = pp_ledger_reader_first(reader);
    if (options->from >= first)
        return pp_ledger_reader_seek(reader, options->from);
    cli_note("cat", "entries before %" PRIu64 " were pruned", first);
    return PP_OK;
}

static int print_all(struct pp_ledger_reader *reader, const struct cat_options *options)
{
    if (options->from >= pp_ledger_reader_size(reader))
        return CLI_GOOD;
    struct pp_entry entry;
    int exit_code = CLI_GOOD;
    enum pp_error error = seek_start(reader, options);
    while (error == PP_OK && !ferror(stdout)) {
        error = pp_ledger_reader_next(reader, &entry);
        if (error != PP_OK || entry.seq > options->to)
            break;
        if (!is_wanted(options, &entry))
            continue;
        int result = print_entry(reader, options, &entry);
        exit_code = exit_code == CLI_BAD ? CLI_BAD : result > exit_code ? result : exit_code;
    }
    if (error == PP_OK || error == PP_ERROR_NOT_FOUND)
        return exit_code;
    return cli_failure("cat", pp_ledger_reader_failure(reader));
}

static int cat(const char *path, const struct cat_options *options)
{
    struct pp_ledger_reader *reader;
    struct pp_failure failure = {0};
    if (pp_ledger_reader_open(path, &reader, &failure) != PP_OK)
        return cli_failure("cat", &failure);
    int exit_code = options->raw != PP_NO_SEQ ? print_raw(reader, options->raw, options->terminal)
                                              : print_all(reader, options);
    pp_ledger_reader_close(reader);
    return exit_code;
}

int cmd_cat(int argc, char **argv)
{
    struct cat_options cat_options = {
        .until_ns = UINT64_MAX, .to = UINT64_MAX, .raw = PP_NO_SEQ, .level = PP_TRACE};
    const struct cli_option options[] = {
        CLI_OPTION("--since", CLI_TIME, &cat_options.since_ns, "T", "entries of T and later"),
        CLI_OPTION("--until", CLI_TIME, &cat_options.until_ns, "T", "entries before T"),
        CLI_OPTION("--level", CLI_LEVEL, &cat_options.level, "LEVEL",
                   "entries of this level and above"),
        CLI_OPTION("--source", CLI_TEXT, &cat_options.source, "S",
                   "entries of exactly this source"),
        CLI_OPTION_RANGE("--from", CLI_NUMBER, &cat_options.from, "SEQ", "first entry", 0,
                         INT64_MAX),
        CLI_OPTION_RANGE("--to", CLI_NUMBER, &cat_options.to, "SEQ", "last entry", 0, INT64_MAX),
        CLI_OPTION_FLAG("--json", &cat_options.json,
                        "JSON lines (default unless standard output is a terminal)"),
        CLI_OPTION_FLAG("--text", &cat_options.text, "text (default on a terminal)"),
        CLI_OPTION_RANGE("--raw", CLI_NUMBER, &cat_options.raw, "SEQ",
                         "the canonical encoding of one entry, for postproof check", 0, INT64_MAX),
        CLI_OPTION_END,
    };
    const struct cli_syntax syntax = {
        .verb = "cat",
        .arguments = "LEDGER",
        .summary = "Prints sealed entries in order of seq, also while a writer works.  Does not\n"
                   "verify.  T is RFC 3339 (2026-01-31T12:00:00Z), a day (2026-01-31, midnight\n"
                   "UTC), or 30m, 1h, 2d before now.  The text form escapes control characters;\n"
                   "JSON keeps every byte (body_base64 where the body is not UTF-8).",
        .example = "postproof cat ledger --since 1h --level WARN",
        .arguments_min = 1,
        .arguments_max = 1,
        .options = options,
    };
    struct cli_arguments arguments;
    if (!cli_parse(&syntax, argc, argv, &arguments))
        return arguments.exit_code;
    if (cat_options.json && cat_options.text)
        return cli_fail("cat", "--json and --text exclude each other");
    if (cat_options.from > cat_options.to || cat_options.since_ns > cat_options.until_ns)
        return cli_fail("cat", "the range is empty: its start lies behind its end");
    cat_options.terminal = isatty(STDOUT_FILENO);
    if (!cat_options.terminal) /* a pipe would get 4 KiB at a time */
        setvbuf(stdout, NULL, _IOFBF, OUTPUT_BYTES);
    cat_options.json = cat_options.json || (!cat_options.text && !cat_options.terminal);
    return cat(arguments.value[0], &cat_options);
}
