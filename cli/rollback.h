/* SPDX-License-Identifier: MIT */
/* The subcommands of postproof rollback, and what they share. */
#ifndef POSTPROOF_CLI_ROLLBACK_H
#define POSTPROOF_CLI_ROLLBACK_H

#include <postproof/versions.h>

#include "cli.h"

int rollback_diff_command(int argc, char **argv);
int rollback_apply_command(int argc, char **argv);
int rollback_revert_command(int argc, char **argv);
int rollback_init_command(int argc, char **argv);
int rollback_commit_command(int argc, char **argv);
int rollback_log_command(int argc, char **argv);
int rollback_checkout_command(int argc, char **argv);
int rollback_verify_command(int argc, char **argv);
int rollback_gc_command(int argc, char **argv);

/* A progress line with bytes a second and the time left. */
struct rollback_progress {
    struct cli_progress line;
    const char *what; /* "reading model.bin" */
    uint64_t start_ns;
    uint64_t last_done;
};
struct pp_progress rollback_progress_begin(struct rollback_progress *progress, const char *what);

/* The store that a command works on: --store, else $POSTPROOF_STORE, else ".rollback". */
const char *rollback_store_path(const char *option);

/* A command on a store: rollback_on_store parses its options, opens the store, runs it, and closes
   the store again. */
struct rollback_call {
    enum pp_versions_use use;
    int (*check)(struct rollback_call *call); /* before opening: CLI_GOOD goes on; may be NULL */
    int (*run)(struct rollback_call *call);   /* reports; the exit code */
    void *own;                                /* the command's other options */
    const char *store, *actor;                /* where its options go */
    bool json;

    const char *verb; /* from here on for check and run */
    struct cli_arguments arguments;
    struct rollback_progress progress;
    struct pp_versions *versions;
};
#define ROLLBACK_STORE_OPTION(call)                                                                \
    CLI_OPTION("--store", CLI_TEXT, &(call).store, "DIR",                                          \
               "the store (default: $POSTPROOF_STORE, else .rollback)")
#define ROLLBACK_ACTOR_OPTION(call)                                                                \
    CLI_OPTION("--actor", CLI_TEXT, &(call).actor, "NAME",                                         \
               "who, for the ledger (default: user@host)")
#define ROLLBACK_JSON_OPTION(call)                                                                 \
    CLI_OPTION_FLAG("--json", &(call).json, "report as a JSON object")
int rollback_on_store(const struct cli_syntax *syntax, int argc, char **argv,
                      struct rollback_call *call);

#endif
