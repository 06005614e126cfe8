/* SPDX-License-Identifier: MIT */
/* What the peer programs share: a clock, the peak memory of this process, the row they print. */
#ifndef BENCH_PEERS_MEASURE_H
#define BENCH_PEERS_MEASURE_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static inline double seconds_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

/* MiB; VmHWM and not ru_maxrss, which an exec inherits from the shell. */
static inline double peak_rss_mib(void)
{
    FILE *status = fopen("/proc/self/status", "r");
    char line[256];
    double kib = 0;
    while (status && fgets(line, sizeof line, status)) {
        if (sscanf(line, "VmHWM: %lf", &kib) == 1) {
            break;
        }
    }
    if (status) {
        fclose(status);
    }
    return kib / 1024;
}

/* One result; a negative number prints as "-".  Columns are those of run.sh. */
struct row {
    const char *peer, *what;
    double entries_per_s, bytes_per_entry, verify_per_s;
    const char *note;
};

static inline void row_number(double value, int decimals)
{
    if (value < 0) {
        printf("-\t");
    } else {
        printf("%.*f\t", decimals, value);
    }
}

static inline void row_print(const struct row *row)
{
    printf("%s\t%s\t", row->peer, row->what);
    row_number(row->entries_per_s, 0);
    row_number(row->bytes_per_entry, 1);
    row_number(row->verify_per_s, 0);
    row_number(peak_rss_mib(), 1);
    printf("%s\n", row->note);
    fflush(stdout);
}

#endif
