/* SPDX-License-Identifier: MIT */
/* postproof limit: what the limiter decides, and how fast. */
#include <string.h>

#include "limit.h"

static const char usage[] =
    "usage: postproof limit replay --limit R --window T [option...] [FILE]\n"
    "       postproof limit bench [option...]\n\n"
    "  replay   decide a recorded history, or check the decisions recorded in it\n"
    "  bench    measure decisions a second on this machine\n\n"
    "example:\n  postproof limit replay --limit 100 --window 1s --format combined access.log\n";

int cmd_limit(int argc, char **argv)
{
    const char *word = argc > 1 ? argv[1] : "";
    if (strcmp(word, "replay") == 0)
        return limit_replay_command(argc - 1, argv + 1);
    if (strcmp(word, "bench") == 0)
        return limit_bench_command(argc - 1, argv + 1);
    bool asked = strcmp(word, "--help") == 0 || strcmp(word, "help") == 0;
    fputs(usage, asked ? stdout : stderr);
    return asked ? CLI_GOOD : CLI_UNDECIDED;
}
