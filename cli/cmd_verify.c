/* SPDX-License-Identifier: MIT */
/* postproof verify: the verdict on a whole ledger, for a person or as JSON. */
#include <inttypes.h>

#include "../src/base/base.h"
#include "cli.h"

/* What a trust level means, and what it leaves open. */
struct trust_text {
    const char *name, *means, *leaves_open;
};

#define LEAVES_OPEN_BEHIND                                                                         \
    "entries behind the checkpoint could be cut off at a seal, and what was false when it was "    \
    "logged stays false"

static const struct trust_text TRUST[] = {
    [PP_TRUST_T0] = {"T0, the files only", "the files fit together",
                     "anyone who can write them can make files that fit: accidents are ruled out, "
                     "forgery is not"},
    [PP_TRUST_T1] =
        {"T1, files and verification key",
         "every entry and seal was made with the ledger's own keys, in this order",
         "whoever controlled the machine could cut off the newest seals, or write "
         "falsehoods after breaking in; a checkpoint saved elsewhere rules out the cut"},
    [PP_TRUST_T2] = {"T2, files, verification key and a saved checkpoint",
                     "every entry and seal was made with the ledger's own keys, and nothing that "
                     "the checkpoint covers was cut off or replaced",
                     LEAVES_OPEN_BEHIND},
    [PP_TRUST_T3] = {"T3, files, verification key and a checkpoint that witnesses cosigned",
                     "as T2, and as many witnesses as the policy asks for say that they have seen "
                     "this history and no other of this log",
                     LEAVES_OPEN_BEHIND},
};

#define LEAVES_OPEN_KEYLESS                                                                        \
    "entries behind the checkpoint were compared with no key at all, and what was false when it "  \
    "was logged stays false"

/* The same levels without the verification key. */
static const struct trust_text KEYLESS[] = {
    [PP_TRUST_T2] = {"T2, files and a saved checkpoint, without the verification key",
                     "the entries that the checkpoint covers are those that were signed",
                     LEAVES_OPEN_KEYLESS},
    [PP_TRUST_T3] = {"T3, files and a checkpoint that witnesses cosigned, without the verification "
                     "key",
                     "the entries that the checkpoint covers are those that were signed, and as "
                     "many witnesses as the policy asks for say that they have seen this history "
                     "and no other of this log",
                     LEAVES_OPEN_KEYLESS},
};

static void show_progress(void *context, uint64_t entries, uint64_t bytes_done,
                          uint64_t bytes_total)
{
    struct cli_progress *progress = context;
    if (!cli_progress_due(progress, cli_monotonic_ns()))
        return;
    char done[CLI_VALUE_BYTES], total[CLI_VALUE_BYTES];
    cli_size_text(bytes_done, done);
    cli_size_text(bytes_total, total);
    cli_progress_show(progress, "verifying: %" PRIu64 " entries, %s of %s", entries, done, total);
}

/* One line of the report; the text comes from the ledger in part and is escaped. */
static void print_line(const char *name, const char *text)
{
    if (text[0] == '\0')
        return;
    printf("%-12s ", name);
    cli_print_escaped(stdout, pp_bytes_of(text));
    putchar('\n');
}

static void print_counts(const struct pp_verify_report *r)
{
    char bytes[CLI_VALUE_BYTES], taken[CLI_VALUE_BYTES];
    cli_size_text(r->bytes, bytes);
    cli_duration_text(r->time_ns, taken);
    printf("%-12s %" PRIu64 " verified, first seq %" PRIu64 ", tree size %" PRIu64 "\n", "entries",
           r->entries, r->first_seq, r->size);
    printf("%-12s %" PRIu64 " segments, %" PRIu64 " seals, %" PRIu64 " recoveries, %" PRIu64
           " blobs\n",
           "records", r->segments, r->seals, r->recoveries, r->blobs);
    if (r->checkpoint_size > 0)
        printf("%-12s covers the first %" PRIu64 " entries\n", "checkpoint", r->checkpoint_size);
    if (r->witnesses > 0)
        printf("%-12s %u of the policy cosigned the checkpoint\n", "witnesses", r->witnesses);
    if (r->unsealed_bytes > 0)
        printf("%-12s %" PRIu64 " bytes behind the last seal\n", "unsealed", r->unsealed_bytes);
    if (r->clock_steps > 0)
        printf("%-12s the clock went backwards before %" PRIu64 " seals\n", "note", r->clock_steps);
    printf("%-12s %s in %s\n", "read", bytes, taken);
}

static void print_text(const struct pp_verify_report *r, bool has_verify_key)
{
    char hex[2 * PP_DIGEST_BYTES + 1];
    const struct trust_text *trust =
        r->trust >= PP_TRUST_T2 && !has_verify_key ? &KEYLESS[r->trust] : &TRUST[r->trust];
    print_line("verdict", pp_verdict_text(r->verdict));
    print_line("reason", r->reason);
    print_line("place", r->place);
    if (r->first_bad_seq != PP_NO_SEQ)
        printf("%-12s entry %" PRIu64 "\n", "first bad", r->first_bad_seq);
    print_line("advice", r->advice);
    print_line("trust", trust->name);
    if (pp_verdict_exit_code(r->verdict) != CLI_BAD && r->verdict != PP_VERDICT_UNREADABLE) {
        print_line("  means", trust->means);
        print_line("  leaves open", trust->leaves_open);
    }
    print_line("origin", r->origin);
    cli_digest_text(&r->log_id, hex);
    print_line("log id", hex);
    cli_digest_text(&r->root, hex);
    print_line("root", hex);
    print_counts(r);
}

static void print_json(const struct pp_verify_report *r)
{
    static const char *const NAMES[] = {"T0", "T1", "T2", "T3"};
    json_t *object = cli_json_object();
    cli_json_text(object, "verdict", pp_verdict_text(r->verdict));
    cli_json_number(object, "exit_code", (uint64_t)pp_verdict_exit_code(r->verdict));
    cli_json_text(object, "trust_level", NAMES[r->trust]);
    cli_json_seq(object, "first_bad_seq", r->first_bad_seq);
    cli_json_text(object, "place", r->place);
    cli_json_text(object, "reason", r->reason);
    cli_json_text(object, "advice", r->advice);
    cli_json_text(object, "origin", r->origin);
    cli_json_digest(object, "log_id", &r->log_id);
    cli_json_digest(object, "root", &r->root);
    cli_json_number(object, "size", r->size);
    cli_json_number(object, "entries", r->entries);
    cli_json_number(object, "first_seq", r->first_seq);
    cli_json_number(object, "segments", r->segments);
    cli_json_number(object, "seals", r->seals);
    cli_json_number(object, "recoveries", r->recoveries);
    cli_json_number(object, "blobs", r->blobs);
    cli_json_number(object, "bytes", r->bytes);
    cli_json_number(object, "unsealed_bytes", r->unsealed_bytes);
    cli_json_number(object, "clock_steps", r->clock_steps);
    cli_json_number(object, "checkpoint_size", r->checkpoint_size);
    cli_json_number(object, "witnesses", r->witnesses);
    cli_json_set(object, "time_taken_ms", json_real((double)r->time_ns / 1e6));
    cli_json_print(object);
}

struct verify_flags {
    bool json, quiet;
};

static int verify(const char *path, struct pp_verify_options *options, struct verify_flags flags)
{
    struct cli_progress progress;
    cli_progress_init(&progress, !flags.quiet);
    options->progress = show_progress;
    options->progress_context = &progress;
    struct pp_verify_report report;
    pp_ledger_verify(path, options, &report);
    cli_progress_clear(&progress);
    if (flags.json)
        print_json(&report);
    else if (!flags.quiet)
        print_text(&report, options->verify_key != NULL);
    return pp_verdict_exit_code(report.verdict);
}

int cmd_verify(int argc, char **argv)
{
    struct pp_verify_options verify_options = {0};
    struct verify_flags flags = {0};
    uint64_t threads = 0;
    const struct cli_option options[] = {
        CLI_OPTION("--verify-key", CLI_TEXT, &verify_options.verify_key, "FILE",
                   "the auditor's verify.key (T1)"),
        CLI_OPTION("--checkpoint", CLI_TEXT, &verify_options.checkpoint, "FILE",
                   "a checkpoint saved elsewhere (T2)"),
        CLI_OPTION("--checkpoint-key", CLI_TEXT, &verify_options.checkpoint_key, "FILE",
                   "checkpoint.pub (default: the key in verify.key, or the policy's log)"),
        CLI_OPTION("--policy", CLI_TEXT, &verify_options.policy, "FILE",
                   "logs, witnesses and quorum that the checkpoint must meet (T3)"),
        CLI_OPTION("--origin", CLI_TEXT, &verify_options.origin, "NAME", "the log that it must be"),
        CLI_OPTION_RANGE("--threads", CLI_NUMBER, &threads, "N", "0: one for each processor", 0,
                         1024),
        CLI_OPTION_FLAG("--json", &flags.json, "report as a JSON object"),
        CLI_OPTION_FLAG("--quiet", &flags.quiet, "print no report: the exit code tells"),
        CLI_OPTION_END,
    };
    const struct cli_syntax syntax = {
        .verb = "verify",
        .arguments = "LEDGER",
        .summary =
            "Verifies every byte of the ledger and prints a verdict, the first bad place and\n"
            "the reason.  Never writes; safe while a writer works.  Verdicts: OK (exit 0);\n"
            "TRUNCATED, ROLLED_BACK, FORKED, MODIFIED, DUPLICATE_WRITER, WRONG_LOG,\n"
            "UNSEALED, WRONG_KEY (exit 1); UNANCHORED, TORN_TAIL, UNREADABLE (exit 2).",
        .example = "postproof verify ledger --verify-key verify.key --checkpoint saved/checkpoint",
        .arguments_min = 1,
        .arguments_max = 1,
        .options = options,
    };
    struct cli_arguments arguments;
    if (!cli_parse(&syntax, argc, argv, &arguments))
        return arguments.exit_code;
    if (verify_options.policy && !verify_options.checkpoint)
        return cli_fail("verify", "--policy judges a checkpoint: add --checkpoint FILE");
    verify_options.threads = (unsigned)threads;
    return verify(arguments.value[0], &verify_options, flags);
}
