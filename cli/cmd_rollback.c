/* SPDX-License-Identifier: MIT */
/* postproof rollback: patches that run in both directions, and versions of a file or a folder. */
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../src/os/os.h"
#include "rollback.h"

static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *usage;
    const char *description;
} SUBCOMMANDS[] = {
    {"diff", rollback_diff_command, "diff OLD NEW -o PATCH", "make one patch for both directions"},
    {"apply", rollback_apply_command, "apply PATCH FILE|DIR", "the old image becomes the new one"},
    {"revert", rollback_revert_command, "revert PATCH FILE|DIR",
     "the new image becomes the old one"},
    {"init", rollback_init_command, "init [DIR]", "make a store of versions, with a ledger"},
    {"commit", rollback_commit_command, "commit FILE|DIR -m TEXT", "record the next version"},
    {"log", rollback_log_command, "log", "list the versions"},
    {"checkout", rollback_checkout_command, "checkout VERSION", "go to any version"},
    {"verify", rollback_verify_command, "verify [--all]", "find what nobody recorded"},
    {"gc", rollback_gc_command, "gc", "remove what a crash left in the store"},
};
enum { SUBCOMMAND_COUNT = sizeof SUBCOMMANDS / sizeof *SUBCOMMANDS };

static void print_usage(FILE *out)
{
    fputs("usage: postproof rollback SUBCOMMAND [argument...] [option...]\n\n", out);
    for (size_t i = 0; i < SUBCOMMAND_COUNT; i++)
        fprintf(out, "  %-24s %s\n", SUBCOMMANDS[i].usage, SUBCOMMANDS[i].description);
    fputs("\nexample:\n"
          "  postproof rollback diff model-1.bin model-2.bin -o 1-2.patch\n"
          "  postproof rollback apply 1-2.patch model.bin\n"
          "  postproof rollback revert 1-2.patch model.bin\n\n"
          "`postproof rollback SUBCOMMAND --help` explains each of them.\n",
          out);
}

int cmd_rollback(int argc, char **argv)
{
    const char *word = argc > 1 ? argv[1] : "";
    for (size_t i = 0; i < SUBCOMMAND_COUNT; i++)
        if (strcmp(word, SUBCOMMANDS[i].name) == 0)
            return SUBCOMMANDS[i].run(argc - 1, argv + 1);
    bool asked = strcmp(word, "--help") == 0 || strcmp(word, "help") == 0;
    print_usage(asked ? stdout : stderr);
    return asked ? CLI_GOOD : CLI_UNDECIDED;
}

/* ---- Progress ------------------------------------------------------------------------------- */

static void show_progress(void *context, uint64_t done, uint64_t total)
{
    struct rollback_progress *progress = context;
    uint64_t now = cli_monotonic_ns();
    if (done < progress->last_done) /* the next file */
        progress->start_ns = now;
    progress->last_done = done;
    if (!cli_progress_due(&progress->line, now))
        return;
    char have[CLI_VALUE_BYTES], all[CLI_VALUE_BYTES], rate[CLI_VALUE_BYTES], left[CLI_VALUE_BYTES];
    double seconds = (double)(now - progress->start_ns) / 1e9;
    double each_s = seconds > 0 ? (double)done / seconds : 0;
    cli_size_text(done, have);
    cli_size_text(total, all);
    cli_size_text((uint64_t)each_s, rate);
    cli_duration_text(each_s > 0 ? (uint64_t)((double)(total - done) / each_s * 1e9) : 0, left);
    cli_progress_show(&progress->line, "%s: %s of %s, %s/s, %s left", progress->what, have, all,
                      rate, left);
    if (done >= total)
        cli_progress_clear(&progress->line);
}

struct pp_progress rollback_progress_begin(struct rollback_progress *progress, const char *what)
{
    *progress = (struct rollback_progress){.what = what, .start_ns = cli_monotonic_ns()};
    cli_progress_init(&progress->line, true);
    return (struct pp_progress){show_progress, progress};
}

/* ---- Stores --------------------------------------------------------------------------------- */

const char *rollback_store_path(const char *option)
{
    const char *environment = getenv("POSTPROOF_STORE");
    if (option != NULL)
        return option;
    return environment != NULL && *environment != '\0' ? environment : ".rollback";
}

/* "user@host", for the ledger. */
static void own_actor(char out[PP_VERSION_NAME_BYTES])
{
    char host[128];
    const struct passwd *user = getpwuid(geteuid());
    if (pp_os_host_name(host, sizeof host) < 0)
        strcpy(host, "localhost");
    if (user != NULL)
        snprintf(out, PP_VERSION_NAME_BYTES, "%.100s@%s", user->pw_name, host);
    else
        snprintf(out, PP_VERSION_NAME_BYTES, "%u@%s", (unsigned)geteuid(), host);
}

static int open_store(struct rollback_call *call)
{
    char own[PP_VERSION_NAME_BYTES];
    struct pp_failure failure = {0};
    own_actor(own);
    struct pp_versions_options options = {.use = call->use,
                                          .actor = call->actor != NULL ? call->actor : own,
                                          .progress =
                                              rollback_progress_begin(&call->progress, call->verb)};
    call->store = rollback_store_path(call->store);
    return pp_versions_open(call->store, &options, &call->versions, &failure) == PP_OK
               ? CLI_GOOD
               : cli_failure(call->verb, &failure);
}

/* The exit code is that of the failure when closing fails and exit_code was CLI_GOOD. */
static int close_store(struct rollback_call *call, int exit_code)
{
    struct pp_failure failure = {0};
    cli_progress_clear(&call->progress.line);
    if (pp_versions_close(call->versions, &failure) == PP_OK || exit_code != CLI_GOOD)
        return exit_code;
    return cli_failure(call->verb, &failure);
}

int rollback_on_store(const struct cli_syntax *syntax, int argc, char **argv,
                      struct rollback_call *call)
{
    call->verb = syntax->verb;
    if (!cli_parse(syntax, argc, argv, &call->arguments))
        return call->arguments.exit_code;
    int exit_code = call->check != NULL ? call->check(call) : CLI_GOOD;
    if (exit_code == CLI_GOOD)
        exit_code = open_store(call);
    return exit_code == CLI_GOOD ? close_store(call, call->run(call)) : exit_code;
}
