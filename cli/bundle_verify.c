/* SPDX-License-Identifier: MIT */
/* postproof bundle verify: every check of a bundle by name, and one exit code. */
#include <inttypes.h>
#include <string.h>

#include "../src/base/base.h"
#include "bundle.h"

static const char verb[] = "bundle verify";
static const char *const STATUS[] = {
    [PP_CHECK_SKIPPED] = "skipped", [PP_CHECK_OK] = "ok", [PP_CHECK_BAD] = "bad"};
static const char *const VERDICTS[] = {"valid", "invalid", "undecided"};

static void print_check(const char *name, const struct pp_check_outcome *check)
{
    printf("%-15s %-8s ", name, STATUS[check->status]);
    cli_print_escaped(stdout, pp_bytes_of(check->text));
    if (check->status == PP_CHECK_BAD || (check->status == PP_CHECK_SKIPPED && check->required))
        printf(" [%s%s]", check->code, check->status == PP_CHECK_SKIPPED ? ", required" : "");
    putchar('\n');
}

static void print_advice(const struct pp_bundle_verify_report *r,
                         const struct pp_bundle_verify_options *options)
{
    if (r->exit_code == CLI_UNDECIDED && options->trust_root == NULL)
        printf("%-15s --trust-root DIR, with checkpoint.pub and bundle.pub that you got elsewhere: "
               "a bundle can't vouch for itself\n",
               "advice");
    if (r->exit_code == CLI_BAD && r->place[0] != '\0') {
        printf("%-15s ", "place");
        cli_print_escaped(stdout, pp_bytes_of(r->place));
        putchar('\n');
    }
}

static void print_text(const struct pp_bundle_verify_report *r,
                       const struct pp_bundle_verify_options *options,
                       const struct pp_check_outcome *coq)
{
    char hex[2 * PP_DIGEST_BYTES + 1], taken[CLI_VALUE_BYTES], time[CLI_VALUE_BYTES];
    for (size_t i = 0; i < PP_BUNDLE_CHECK_COUNT; i++)
        print_check(pp_bundle_check_name((enum pp_bundle_check)i), &r->checks[i]);
    print_check("coq", coq);
    printf("%-15s %s\n", "verdict", VERDICTS[r->exit_code]);
    print_advice(r, options);
    if (r->origin[0] != '\0') {
        printf("%-15s ", "origin");
        cli_print_escaped(stdout, pp_bytes_of(r->origin));
        putchar('\n');
    }
    if (r->timestamp_s != 0) {
        cli_time_text(r->timestamp_s * UINT64_C(1000000000), time);
        printf("%-15s %s\n", "stamped at", time);
    }
    cli_digest_text(&r->manifest_root, hex);
    if (hex[0] != '\0')
        printf("%-15s %s\n", "root", hex);
    cli_duration_text(r->time_ns, taken);
    printf("%-15s %" PRIu64 " bytes, %" PRIu64 " files, %" PRIu64 " entries in %s\n", "read",
           r->bytes, r->files, r->entries, taken);
}

static json_t *check_json(const char *name, const struct pp_check_outcome *check)
{
    json_t *object = cli_json_object();
    cli_json_text(object, "name", name);
    cli_json_text(object, "status", STATUS[check->status]);
    cli_json_bool(object, "required", check->required);
    cli_json_text(object, "code", check->code);
    cli_json_text(object, "text", check->text);
    return object;
}

static void print_json(const struct pp_bundle_verify_report *r, const struct pp_check_outcome *coq)
{
    json_t *object = cli_json_object(), *checks = json_array();
    for (size_t i = 0; i < PP_BUNDLE_CHECK_COUNT; i++)
        json_array_append_new(
            checks, check_json(pp_bundle_check_name((enum pp_bundle_check)i), &r->checks[i]));
    json_array_append_new(checks, check_json("coq", coq));
    cli_json_text(object, "verdict", VERDICTS[r->exit_code]);
    cli_json_number(object, "exit_code", (uint64_t)r->exit_code);
    cli_json_set(object, "checks", checks);
    cli_json_text(object, "place", r->place);
    cli_json_text(object, "origin", r->origin);
    cli_json_digest(object, "manifest_root", &r->manifest_root);
    cli_json_number(object, "bytes", r->bytes);
    cli_json_number(object, "files", r->files);
    cli_json_number(object, "first_seq", r->first_seq);
    cli_json_number(object, "next_seq", r->next_seq);
    cli_json_number(object, "entries", r->entries);
    cli_json_number(object, "omitted", r->omitted);
    cli_json_number(object, "tree_size", r->tree_size);
    cli_json_number(object, "seals", r->seals);
    cli_json_number(object, "timestamp_s", r->timestamp_s);
    cli_json_set(object, "time_taken_ms", json_real((double)r->time_ns / 1e6));
    cli_json_print(object);
}

/* The proofs in the bundle, compiled by Coq, when that was asked for and the rest is not bad. */
static void check_proofs(const char *path, bool wanted, struct pp_bundle_verify_report *report,
                         struct pp_check_outcome *coq)
{
    *coq = (struct pp_check_outcome){.required = wanted, .code = wanted ? "" : "NOT_ASKED"};
    snprintf(coq->text, sizeof coq->text, "--check-proofs was not given");
    if (!wanted)
        return;
    bundle_check_proofs(path, coq);
    if (coq->status == PP_CHECK_BAD)
        report->exit_code = CLI_BAD;
    if (coq->status == PP_CHECK_SKIPPED && report->exit_code == CLI_GOOD)
        report->exit_code = CLI_UNDECIDED;
}

int bundle_verify_command(int argc, char **argv)
{
    struct pp_bundle_verify_options verify_options = {0};
    bool json = false, quiet = false, proofs = false;
    const struct cli_option options[] = {
        CLI_OPTION("--trust-root", CLI_TEXT, &verify_options.trust_root, "DIR",
                   "your own checkpoint.pub, bundle.pub, and optional files"),
        CLI_OPTION("--verify-key", CLI_TEXT, &verify_options.verify_key, "FILE",
                   "the auditor's verify.key: recompute the tags of entries"),
        CLI_OPTION_FLAG("--check-proofs", &proofs, "compile the proofs in the bundle with Coq"),
        CLI_OPTION_FLAG("--json", &json, "report as a JSON object"),
        CLI_OPTION_FLAG("--quiet", &quiet, "print no report: the exit code tells"),
        CLI_OPTION_END,
    };
    const struct cli_syntax syntax = {
        .verb = verb,
        .arguments = "F.zip",
        .summary =
            "Checks a bundle offline and prints each check by name: ok, bad or skipped.\n"
            "Exit 0: valid; 1: proven invalid; 2: undecided, a required check was skipped.\n"
            "DIR may also hold allowed_signers, tsa.pem and policy; what is there is required.",
        .example = "postproof bundle verify incident.zip --trust-root trusted",
        .arguments_min = 1,
        .arguments_max = 1,
        .options = options,
    };
    struct cli_arguments arguments;
    if (!cli_parse(&syntax, argc, argv, &arguments))
        return arguments.exit_code;
    struct pp_bundle_verify_report report;
    struct pp_check_outcome coq;
    pp_bundle_verify(arguments.value[0], &verify_options, &report);
    check_proofs(arguments.value[0], proofs, &report, &coq);
    if (json)
        print_json(&report, &coq);
    else if (!quiet)
        print_text(&report, &verify_options, &coq);
    return cli_finish(report.exit_code);
}
