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
/* "user@host", for the ledger. */
void rollback_actor(char out[PP_VERSION_NAME_BYTES]);
/* Reports and returns an exit code other than CLI_GOOD, or opens the store. */
int rollback_open(const char *verb, const char *path, enum pp_versions_use use, const char *actor,
                  struct rollback_progress *progress, struct pp_versions **versions);
/* The exit code is that of the failure when closing fails and exit_code was CLI_GOOD. */
int rollback_close(const char *verb, struct pp_versions *versions, int exit_code);

#endif
