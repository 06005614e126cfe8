/* SPDX-License-Identifier: MIT */
/* Runs a command and writes "seconds peak-RSS-in-MiB" to a file; exits as the command does. */
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "measure.h"

int main(int argc, char **argv)
{
    if (argc < 3) {
        fprintf(stderr, "usage: timed RESULT COMMAND [ARGUMENT...]\n");
        return 2;
    }
    double start = seconds_now();
    pid_t child = fork();
    if (child < 0) {
        perror("timed: fork");
        return 2;
    }
    if (child == 0) {
        execvp(argv[2], argv + 2);
        perror(argv[2]);
        _exit(127);
    }
    int status = 0;
    struct rusage usage = {0};
    if (wait4(child, &status, 0, &usage) != child) {
        perror("timed: wait4");
        return 2;
    }
    double seconds = seconds_now() - start;
    FILE *result = fopen(argv[1], "w");
    if (!result || fprintf(result, "%.6f %.1f\n", seconds, (double)usage.ru_maxrss / 1024) < 0 ||
        fclose(result) != 0) {
        perror(argv[1]);
        return 2;
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
