/* SPDX-License-Identifier: MIT */
/* Running another program and waiting for it. */
#include <errno.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli.h"

extern char **environ;

int cli_run_program(const char *verb, char **argv, bool quiet)
{
    posix_spawn_file_actions_t actions;
    pid_t pid;
    int status;
    fflush(stdout);
    posix_spawn_file_actions_init(&actions);
    if (quiet)
        posix_spawn_file_actions_adddup2(&actions, STDERR_FILENO, STDOUT_FILENO);
    int error = posix_spawn(&pid, argv[0], &actions, NULL, argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    if (error != 0) {
        cli_fail(verb, "%s can't be run: %s", argv[0], strerror(error));
        return -1;
    }
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}
