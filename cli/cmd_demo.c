/* SPDX-License-Identifier: MIT */
/* postproof demo: a ledger of this machine's own logs, honest runs, and attacks on copies of it. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "appender.h"
#include "demo.h"

enum { LINES_MIN = 100, LINES_MAX = 1000000, LINES_DEFAULT = 20000 };

bool demo_path(const char *folder, const char *name, char out[CLI_PATH_BYTES])
{
    return cli_path("demo", folder, name, out);
}

bool demo_failed(const struct pp_failure *failure)
{
    cli_failure("demo", failure);
    return false;
}

void demo_verify(const struct demo *demo, const char *ledger, enum pp_trust level,
                 struct pp_verify_report *report)
{
    const struct pp_verify_options options = {
        .verify_key = level >= PP_TRUST_T1 ? demo->verify_key : NULL,
        .checkpoint = level >= PP_TRUST_T2 ? demo->checkpoint : NULL,
    };
    pp_ledger_verify(ledger, &options, report);
}

/* ---- The folder ----------------------------------------------------------------------------- */

static bool make_own_folder(struct demo *demo)
{
    const char *base = getenv("TMPDIR");
    if (!demo_path(base && base[0] ? base : "/tmp", "postproof-demo-XXXXXX", demo->folder))
        return false;
    if (mkdtemp(demo->folder) == NULL)
        cli_fail("demo", "%s: %s", demo->folder, strerror(errno));
    else
        return true;
    return false;
}

/* A folder that the user names must be new or empty: nothing there is ever touched. */
static bool use_folder(struct demo *demo, const char *name)
{
    struct pp_os_names names = {0};
    char *whole = NULL;
    if (!demo_make_folder(name))
        return false;
    int dir = pp_os_open_dir(PP_OS_CWD, name);
    int result = dir < 0 ? dir : pp_os_list(dir, &names);
    size_t count = names.count;
    if (dir >= 0)
        pp_os_close(dir);
    if (result == 0)
        pp_os_free_names(&names);
    if (result == 0 && count == 0)
        whole = realpath(name, NULL);
    bool good = whole != NULL && strlen(whole) < CLI_PATH_BYTES;
    if (good)
        memcpy(demo->folder, whole, strlen(whole) + 1);
    else if (result == 0 && count > 0)
        cli_fail("demo", "%s is not empty; name a new folder", name);
    else
        cli_fail("demo", "%s can't be used: %s", name, strerror(result < 0 ? -result : errno));
    free(whole);
    return good;
}

static bool name_places(struct demo *demo)
{
    char host[PP_OS_NAME_BYTES];
    bool named = pp_os_host_name(host, sizeof host) == 0 && strpbrk(host, " +\t") == NULL;
    snprintf(demo->origin, sizeof demo->origin, "demo/%.200s", named ? host : "this-machine");
    return demo_path(demo->folder, "ledger", demo->ledger) &&
           demo_path(demo->folder, "keys", demo->keys) &&
           demo_path(demo->folder, "auditor", demo->auditor) &&
           demo_path(demo->auditor, "verify.key", demo->verify_key) &&
           demo_path(demo->auditor, "early-checkpoint", demo->early_checkpoint) &&
           demo_path(demo->folder, "old-ledger", demo->old_ledger) &&
           demo_path(demo->folder, "old-keys", demo->old_keys) &&
           demo_path(demo->folder, "other-ledger", demo->other_ledger) &&
           demo_path(demo->folder, "other-keys", demo->other_keys);
}

/* ---- The run -------------------------------------------------------------------------------- */

static int run(struct demo *demo, size_t lines_max)
{
    demo_print_start(demo);
    cli_progress_init(&demo->progress, true);
    if (!name_places(demo) || !demo_input_gather(&demo->input, demo->folder, lines_max))
        return CLI_UNDECIDED;
    demo_print_input(demo);
    if (cli_progress_due(&demo->progress, cli_monotonic_ns()))
        cli_progress_show(&demo->progress, "making the ledger, honest runs");
    bool good = demo_build(demo) && demo_honest_runs(demo) && demo_attack_all(demo);
    if (good)
        demo_honest_check(demo, "the ledger itself, after all attacks on copies", demo->ledger,
                          PP_TRUST_T2, DEMO_VERDICT(OK));
    good = good && demo_bundle_run(demo);
    cli_progress_clear(&demo->progress);
    if (!good)
        return CLI_UNDECIDED;
    int exit_code =
        demo->detected == demo->row_count && demo->flagged == 0 && demo_bundle_is_good(demo)
            ? CLI_GOOD
            : CLI_BAD;
    (demo->json ? demo_print_json : demo_print_results)(demo, exit_code);
    return exit_code;
}

static int run_in_folder(struct demo *demo, const char *folder, size_t lines_max)
{
    if (folder != NULL)
        demo->keep = true;
    if (folder != NULL ? !use_folder(demo, folder) : !make_own_folder(demo))
        return CLI_UNDECIDED;
    appender_catch_signals();
    int exit_code = run(demo, lines_max);
    if (!demo->keep)
        demo_remove_tree(demo->folder);
    else if (exit_code == CLI_UNDECIDED)
        cli_note("demo", "what was made so far is in %s", demo->folder);
    demo_input_free(&demo->input);
    free(demo->rows);
    return exit_code;
}

int cmd_demo(int argc, char **argv)
{
    struct demo *demo = calloc(1, sizeof *demo);
    const char *folder = NULL;
    uint64_t lines_max = LINES_DEFAULT;
    if (demo == NULL)
        return cli_fail("demo", "no memory is left");
    const struct cli_option options[] = {
        CLI_OPTION("--dir", CLI_TEXT, &folder, "DIR",
                   "work in DIR, new or empty, and keep it (default: a temporary folder)"),
        CLI_OPTION_FLAG("--keep", &demo->keep,
                        "keep the temporary folder, the attacked copies too"),
        CLI_OPTION_RANGE("--max-lines", CLI_NUMBER, &lines_max, "N",
                         "lines of input, over all (default: 20000)", LINES_MIN, LINES_MAX),
        CLI_OPTION_FLAG("--control", &demo->control,
                        "leave the copies as they are: every attack must then count as missed"),
        CLI_OPTION_FLAG("--json", &demo->json, "report as a JSON object"),
        CLI_OPTION_END,
    };
    const struct cli_syntax syntax = {
        .verb = "demo",
        .arguments = "",
        .summary =
            "Takes this machine's own logs (/var/log, journalctl, logger), makes keys and a\n"
            "ledger, verifies it in honest situations, attacks copies of it and prints what the\n"
            "verifier says of each; then makes an evidence bundle and tampers with copies of it.\n"
            "Exit 0: every attack was detected as it should be and no honest run was flagged;\n"
            "1: not so; 2: it could not be carried out.",
        .example = "postproof demo --keep",
        .options = options,
    };
    struct cli_arguments arguments;
    int exit_code = cli_parse(&syntax, argc, argv, &arguments)
                        ? run_in_folder(demo, folder, (size_t)lines_max)
                        : arguments.exit_code;
    free(demo);
    return exit_code;
}
