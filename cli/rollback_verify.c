/* SPDX-License-Identifier: MIT */
/* postproof rollback verify: the ledger first, then what it says of the file or folder. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "../src/os/os.h"
#include "rollback.h"

struct verification {
    bool all;
    const char *verify_key, *checkpoint;
    char own_key[CLI_PATH_BYTES]; /* STORE/keys/verify.key */
};

static bool exists(const char *path)
{
    int fd = pp_os_open(PP_OS_CWD, path, PP_OS_READ_FOLLOW);
    if (fd >= 0)
        pp_os_close(fd);
    return fd >= 0;
}

static bool verify_ledger(const struct rollback_call *call, struct pp_verify_report *ledger)
{
    struct verification *own = call->own;
    char path[CLI_PATH_BYTES];
    if (!cli_path(call->verb, call->store, "ledger", path) ||
        !cli_path(call->verb, call->store, "keys/verify.key", own->own_key))
        return false;
    if (own->verify_key == NULL && exists(own->own_key))
        own->verify_key = own->own_key;
    struct pp_verify_options options = {.verify_key = own->verify_key,
                                        .checkpoint = own->checkpoint};
    pp_ledger_verify(path, &options, ledger);
    return true;
}

static void report_json(const struct pp_versions *versions, const struct pp_verify_report *ledger,
                        const struct pp_versions_report *report, int exit_code)
{
    json_t *object = cli_json_object();
    cli_json_text(object, "verdict",
                  exit_code == CLI_GOOD  ? "OK"
                  : exit_code == CLI_BAD ? "UNRECORDED"
                                         : "UNDECIDED");
    cli_json_text(object, "subject", pp_versions_subject(versions));
    cli_json_number(object, "versions", report->versions);
    cli_json_number(object, "rebuilt", report->rebuilt);
    cli_json_number(object, "transitions", report->transitions);
    cli_json_seq(object, "recorded_version", report->current);
    cli_json_seq(object, "found_version", report->found);
    cli_json_bool(object, "interrupted", report->interrupted);
    cli_json_text(object, "reason", report->reason);
    cli_json_text(object, "ledger_verdict", pp_verdict_text(ledger->verdict));
    cli_json_text(object, "ledger_reason", ledger->reason);
    cli_json_number(object, "ledger_trust", ledger->trust);
    cli_json_print(object);
}

static void report_text(const struct pp_versions *versions, const struct pp_verify_report *ledger,
                        const struct pp_versions_report *report, int exit_code)
{
    printf("ledger %s at trust level T%d%s%s\n", pp_verdict_text(ledger->verdict),
           (int)ledger->trust, ledger->reason[0] != '\0' ? ": " : "", ledger->reason);
    if (!report->good)
        printf("BAD: %s\n", report->reason);
    else if (report->interrupted)
        printf("UNDECIDED: the last transition was announced, but a crash came before its end was "
               "recorded; the next commit or checkout settles it\n");
    else if (exit_code == CLI_GOOD && report->versions > 0)
        printf("OK: %s is version %" PRIu64 ", as the last of %" PRIu64 " entries says; %" PRIu64
               " of %" PRIu64 " versions rebuilt\n",
               pp_versions_subject(versions), report->current, report->transitions, report->rebuilt,
               report->versions);
    else if (exit_code == CLI_GOOD)
        puts("OK: no versions yet");
}

/* A ledger without a key or a checkpoint brought says less, but nothing is bad. */
static int exit_code_of(const struct pp_verify_report *ledger,
                        const struct pp_versions_report *report)
{
    int of_ledger = pp_verdict_exit_code(ledger->verdict);
    if (of_ledger == CLI_BAD || !report->good)
        return CLI_BAD;
    if (report->interrupted)
        return CLI_UNDECIDED;
    return of_ledger;
}

static int run_verify(struct rollback_call *call)
{
    static struct pp_verify_report ledger;
    const struct verification *own = call->own;
    struct pp_versions_report report;
    struct pp_failure failure = {0};
    if (!verify_ledger(call, &ledger))
        return CLI_UNDECIDED;
    if (pp_versions_verify(call->versions, own->all, &report, &failure) != PP_OK)
        return cli_failure(call->verb, &failure);
    cli_progress_clear(&call->progress.line);
    int exit_code = exit_code_of(&ledger, &report);
    if (call->json)
        report_json(call->versions, &ledger, &report, exit_code);
    else
        report_text(call->versions, &ledger, &report, exit_code);
    return exit_code;
}

int rollback_verify_command(int argc, char **argv)
{
    struct verification own = {0};
    struct rollback_call call = {.use = PP_VERSIONS_CHECK, .run = run_verify, .own = &own};
    const struct cli_option options[] = {
        CLI_OPTION_FLAG("--all", &own.all, "build every version again and compare its root"),
        ROLLBACK_STORE_OPTION(call),
        CLI_OPTION("--verify-key", CLI_TEXT, &own.verify_key, "FILE",
                   "verify.key of the ledger (default: the store's, if it is still there)"),
        CLI_OPTION("--checkpoint", CLI_TEXT, &own.checkpoint, "FILE",
                   "a checkpoint of the ledger that was saved elsewhere"),
        ROLLBACK_JSON_OPTION(call),
        CLI_OPTION_END,
    };
    const struct cli_syntax syntax = {
        .verb = "rollback verify",
        .arguments = "",
        .summary = "Verifies the ledger, and that the file or folder is what its last entry says: "
                   "a rollback or change that nobody recorded is found (exit 1).",
        .example = "postproof rollback verify --all",
        .arguments_min = 0,
        .arguments_max = 0,
        .options = options,
    };
    return rollback_on_store(&syntax, argc, argv, &call);
}
