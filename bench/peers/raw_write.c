/* SPDX-License-Identifier: MIT */
/* The disk without a log on it: a plain write() loop, and the write+fdatasync ceiling. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "measure.h"
#include "payload.h"

enum {
    REPETITIONS = 3,
    SIZE_COUNT = 4,
    PREPARE_BYTES = 4 << 20, /* one write while zeros are laid out */
    PATH_BYTES = 4096,
    NOTE_BYTES = 160,
};

static const size_t commit_bytes[SIZE_COUNT] = {64 << 10, 256 << 10, 1 << 20, 4 << 20};
static const char *const commit_names[SIZE_COUNT] = {"64 KiB", "256 KiB", "1 MiB", "4 MiB"};

/* How the file came to its space before the first commit. */
enum regime { GROWING, ALLOCATED, WRITTEN, REGIME_COUNT };
static const char *const regime_names[REGIME_COUNT] = {"growing", "fallocate'd", "pre-written"};

/* One run over one file; the run ends early when its time is up. */
struct run {
    double prepare_s, write_s;
    uint64_t bytes, commits;
};

struct ceiling {
    const char *path;
    char *data;           /* of the largest commit */
    uint64_t total_bytes; /* of one run */
    double run_s_max;
    double bytes_per_entry;
    struct run runs[REGIME_COUNT][SIZE_COUNT][REPETITIONS];
};

static void die(const char *what)
{
    fprintf(stderr, "raw_write: %s: %s\n", what, strerror(errno));
    exit(2);
}

static void write_all(int fd, const char *data, size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, data, len);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            die("write");
        }
        data += n;
        len -= (size_t)n;
    }
}

static int create(const char *path)
{
    int fd = open(path, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600);
    if (fd < 0) {
        die(path);
    }
    return fd;
}

static void remove_file(int fd, const char *path)
{
    if (close(fd) != 0 || unlink(path) != 0) {
        die(path);
    }
}

/* ---- The plain loop ---- */

static double loop_seconds(const char *path, uint64_t count)
{
    char line[PAYLOAD_BYTES + 1];
    line[PAYLOAD_BYTES] = '\n';
    int fd = create(path);
    double start = seconds_now();
    for (uint64_t i = 0; i < count; i++) {
        payload_line(i, line);
        write_all(fd, line, sizeof line);
    }
    double seconds = seconds_now() - start;
    remove_file(fd, path);
    return seconds;
}

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

static int run_loop(const char *path, uint64_t count)
{
    double rates[REPETITIONS];
    for (int i = 0; i < REPETITIONS; i++) {
        rates[i] = (double)count / loop_seconds(path, count);
    }
    qsort(rates, REPETITIONS, sizeof rates[0], compare_doubles);
    char note[NOTE_BYTES];
    snprintf(note, sizeof note, "median of %d, best %.0f/s; no tamper evidence", REPETITIONS,
             rates[REPETITIONS - 1]);
    row_print(&(struct row){"write() loop", "one line per call, not durable",
                            rates[REPETITIONS / 2], PAYLOAD_BYTES + 1, -1, note});
    return 0;
}

/* ---- The ceiling ---- */

static void prepare(int fd, enum regime regime, const struct ceiling *ceiling)
{
    if (regime == ALLOCATED && fallocate(fd, 0, 0, (off_t)ceiling->total_bytes) != 0) {
        die("fallocate");
    }
    if (regime == WRITTEN) {
        char *zeros = calloc(1, PREPARE_BYTES);
        if (!zeros) {
            die("memory");
        }
        for (uint64_t done = 0; done < ceiling->total_bytes; done += PREPARE_BYTES) {
            write_all(fd, zeros, PREPARE_BYTES);
        }
        free(zeros);
    }
    if (fsync(fd) != 0 || lseek(fd, 0, SEEK_SET) != 0) {
        die("fsync");
    }
}

static struct run measure(const struct ceiling *ceiling, enum regime regime, size_t size)
{
    struct run run = {0};
    int fd = create(ceiling->path);
    double start = seconds_now();
    prepare(fd, regime, ceiling);
    double ready = seconds_now();
    double now = ready;
    while (run.bytes < ceiling->total_bytes && now - ready < ceiling->run_s_max) {
        write_all(fd, ceiling->data, size);
        if (fdatasync(fd) != 0) {
            die("fdatasync");
        }
        run.bytes += size;
        run.commits++;
        now = seconds_now();
    }
    /* Preparation covers the whole file, so a run cut short bears only its share of it. */
    run.prepare_s = (ready - start) * (double)run.bytes / (double)ceiling->total_bytes;
    run.write_s = now - ready;
    remove_file(fd, ceiling->path);
    return run;
}

static int compare_runs(const void *a, const void *b)
{
    const struct run *x = (const struct run *)a;
    const struct run *y = (const struct run *)b;
    double rate_x = (double)x->bytes / x->write_s;
    double rate_y = (double)y->bytes / y->write_s;
    return (rate_x > rate_y) - (rate_x < rate_y);
}

static double mb_per_s(const struct run *run, double extra_s)
{
    return (double)run->bytes / 1e6 / (run->write_s + extra_s);
}

static void print_ceiling(struct ceiling *ceiling, enum regime regime, int size)
{
    struct run *runs = ceiling->runs[regime][size];
    qsort(runs, REPETITIONS, sizeof runs[0], compare_runs);
    const struct run *median = &runs[REPETITIONS / 2];
    const struct run *best = &runs[REPETITIONS - 1];
    char what[NOTE_BYTES];
    char note[NOTE_BYTES];
    snprintf(what, sizeof what, "%s commits, %s", commit_names[size], regime_names[regime]);
    snprintf(note, sizeof note,
             "median_mb_s=%.0f best_mb_s=%.0f with_preparation_mb_s=%.0f commit_ms=%.2f "
             "run_mib=%.0f",
             mb_per_s(median, 0), mb_per_s(best, 0), mb_per_s(median, median->prepare_s),
             median->write_s * 1e3 / (double)median->commits, (double)median->bytes / 1048576);
    row_print(&(struct row){"write+fdatasync", what,
                            mb_per_s(median, 0) * 1e6 / ceiling->bytes_per_entry,
                            ceiling->bytes_per_entry, -1, note});
}

static int run_ceiling(struct ceiling *ceiling)
{
    size_t data_bytes = commit_bytes[SIZE_COUNT - 1];
    ceiling->data = malloc(data_bytes);
    if (!ceiling->data) {
        die("memory");
    }
    for (size_t i = 0; i + 8 <= data_bytes; i += 8) {
        uint64_t random = payload_mix(i);
        memcpy(ceiling->data + i, &random, 8);
    }
    /* Repetitions outermost: a slow phase of the disk then hits one run of each kind. */
    for (int i = 0; i < REPETITIONS; i++) {
        for (int regime = 0; regime < REGIME_COUNT; regime++) {
            for (int size = 0; size < SIZE_COUNT; size++) {
                ceiling->runs[regime][size][i] =
                    measure(ceiling, (enum regime)regime, commit_bytes[size]);
            }
        }
    }
    for (int regime = 0; regime < REGIME_COUNT; regime++) {
        for (int size = 0; size < SIZE_COUNT; size++) {
            print_ceiling(ceiling, (enum regime)regime, size);
        }
    }
    free(ceiling->data);
    return 0;
}

static int usage(void)
{
    fprintf(stderr, "usage: raw_write loop FOLDER N\n"
                    "       raw_write ceiling FOLDER BYTES_PER_ENTRY [TOTAL_MIB [SECONDS]]\n");
    return 2;
}

int main(int argc, char **argv)
{
    static struct ceiling ceiling;
    char path[PATH_BYTES];
    if (argc < 4 || snprintf(path, sizeof path, "%s/raw.bin", argv[2]) >= PATH_BYTES) {
        return usage();
    }
    if (strcmp(argv[1], "loop") == 0) {
        return run_loop(path, strtoull(argv[3], NULL, 10));
    }
    ceiling.path = path;
    ceiling.bytes_per_entry = strtod(argv[3], NULL);
    uint64_t mib = argc > 4 ? strtoull(argv[4], NULL, 10) : 256;
    ceiling.run_s_max = argc > 5 ? strtod(argv[5], NULL) : 3600;
    /* Whole commits of the largest size. */
    ceiling.total_bytes = mib / 4 * (4 << 20);
    if (strcmp(argv[1], "ceiling") != 0 || ceiling.total_bytes == 0 ||
        !(ceiling.bytes_per_entry > 0) || !(ceiling.run_s_max > 0)) {
        return usage();
    }
    return run_ceiling(&ceiling);
}
