/* SPDX-License-Identifier: MIT */
/* Speed and memory of the ledger, beside what the disk can do: one table, every line a measurement
   of this run.  Each measurement runs in a child process, so that its peak memory is its own. */

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <postproof/postproof.h>

#include "hash_floor.h"
#include "peers/measure.h"
#include "peers/payload.h"

enum { POOL = 4096, BATCH = 256, GROUP_BYTES = 4 << 20, ROUNDS = 3 };

/* An entry of the payload's length is 160 bytes as it is encoded when its body is shorter. */
#define SOURCE "bench"
enum {
    ENCODED_BODY_BYTES = PAYLOAD_BYTES - PP_ENTRY_FIXED_BYTES - (sizeof SOURCE - 1),
    ENTRY_BYTES = PP_ENTRY_FIXED_BYTES + (sizeof SOURCE - 1) + PAYLOAD_BYTES,
    FRAME_BYTES = 4 + ENTRY_BYTES + PP_TAG_BYTES, /* docs/format/ledger.md, section 2 */
    DISK_BLOCK_BYTES = 4096
};

static char folder[PATH_MAX - 64];
static char lines[POOL][PAYLOAD_BYTES];
static FILE *table;

static void stop(const char *what, const struct pp_failure *failure)
{
    fprintf(stderr, "bench_ledger: %s: %s\n", what, failure != NULL ? failure->text : "failed");
    exit(2);
}

static void print(const char *what, double value, const char *unit, const char *note)
{
    printf("%-58s %14.1f  %-10s %s\n", what, value, unit, note);
    fflush(stdout);
    if (table != NULL)
        fprintf(table, "%s\t%.3f\t%s\t%s\n", what, value, unit, note);
}

/* ---- Folders ---- */

static int remove_entry(const char *path, const struct stat *status, int flag, struct FTW *walk)
{
    (void)status, (void)flag, (void)walk;
    return remove(path);
}

static void remove_tree(const char *path)
{
    nftw(path, remove_entry, 32, FTW_DEPTH | FTW_PHYS);
}

static uint64_t tree_bytes;
static int add_bytes(const char *path, const struct stat *status, int flag)
{
    (void)path;
    tree_bytes += flag == FTW_F ? (uint64_t)status->st_blocks * 512 : 0;
    return 0;
}

static void path_of(const char *name, char out[PATH_MAX])
{
    snprintf(out, PATH_MAX, "%s/%s", folder, name);
}

static void new_ledger(const char *name)
{
    char ledger[PATH_MAX], keys[PATH_MAX];
    struct pp_failure failure;
    path_of(name, ledger);
    snprintf(keys, sizeof keys, "%s/%s.keys", folder, name);
    remove_tree(ledger);
    remove_tree(keys);
    if (pp_keys_create(keys, "bench", &failure) != PP_OK ||
        pp_ledger_create(ledger, keys, NULL, &failure) != PP_OK)
        stop("a ledger can't be made", &failure);
}

static struct pp_ledger *open_ledger(const char *name, bool durable)
{
    char path[PATH_MAX];
    struct pp_ledger *ledger;
    struct pp_failure failure;
    struct pp_ledger_options options = {.group_bytes = GROUP_BYTES, .not_durable = !durable};
    path_of(name, path);
    if (pp_ledger_open(path, NULL, &options, &ledger, NULL, &failure) != PP_OK)
        stop("a ledger can't be opened", &failure);
    return ledger;
}

static void close_ledger(struct pp_ledger *ledger)
{
    struct pp_failure failure;
    if (pp_ledger_close(ledger, &failure) != PP_OK)
        stop("closing", &failure);
}

/* ---- Appending ---- */

static struct pp_entry entry_of(uint64_t i, size_t body_bytes)
{
    return (struct pp_entry){.time_ns = 1700000000000000000u + i * 1000,
                             .source = pp_bytes_of(SOURCE),
                             .body = {(const uint8_t *)lines[i % POOL], body_bytes},
                             .level = PP_INFO};
}

static void append_batches(struct pp_ledger *ledger, uint64_t count, size_t body_bytes)
{
    struct pp_entry batch[BATCH];
    for (uint64_t i = 0; i < count;) {
        size_t n = 0;
        for (; n < BATCH && i < count; n++, i++)
            batch[n] = entry_of(i, body_bytes);
        if (pp_ledger_append_batch(ledger, batch, n, NULL) != PP_OK)
            stop("appending", pp_ledger_failure(ledger));
    }
}

static void append_singles(struct pp_ledger *ledger, uint64_t count, size_t body_bytes)
{
    for (uint64_t i = 0; i < count; i++) {
        struct pp_entry entry = entry_of(i, body_bytes);
        if (pp_ledger_append(ledger, &entry, NULL) != PP_OK)
            stop("appending", pp_ledger_failure(ledger));
    }
}

static double append_rate(uint64_t count, size_t body_bytes, bool batches, bool durable)
{
    new_ledger("append");
    struct pp_ledger *ledger = open_ledger("append", durable);
    double start = seconds_now();
    if (batches)
        append_batches(ledger, count, body_bytes);
    else
        append_singles(ledger, count, body_bytes);
    if (pp_ledger_sync(ledger) != PP_OK)
        stop("syncing", pp_ledger_failure(ledger));
    double seconds = seconds_now() - start;
    close_ledger(ledger);
    return (double)count / seconds;
}

/* ---- The disk's ceiling ---- */

enum regime { GROWING, ALLOCATED, WRITTEN, DIRECT, REGIMES };

/* MB/s of write + fdatasync of `total` bytes in pieces, in a file prepared as said; preparation is
   not counted.  DIRECT: allocated, and past the page cache; 0 where the file system can't. */
static double ceiling(enum regime regime, size_t piece, uint64_t total)
{
    char path[PATH_MAX];
    path_of("ceiling", path);
    char *data = aligned_alloc(DISK_BLOCK_BYTES, piece);
    int fd = open(path, O_CREAT | O_TRUNC | O_RDWR | (regime == DIRECT ? O_DIRECT : 0), 0600);
    if (regime == DIRECT && fd < 0 && errno == EINVAL) {
        free(data);
        return 0;
    }
    if (data == NULL || fd < 0)
        stop("the ceiling's file", NULL);
    memset(data, 'x', piece);
    if ((regime == ALLOCATED || regime == DIRECT) && posix_fallocate(fd, 0, (off_t)total) != 0)
        stop("fallocate", NULL);
    for (uint64_t at = 0; regime == WRITTEN && at < total; at += piece)
        if (pwrite(fd, data, piece, (off_t)at) != (ssize_t)piece)
            stop("pwrite", NULL);
    fsync(fd);
    double start = seconds_now();
    for (uint64_t at = 0; at < total; at += piece)
        if (pwrite(fd, data, piece, (off_t)at) != (ssize_t)piece || fdatasync(fd) != 0)
            stop("pwrite", NULL);
    double seconds = seconds_now() - start;
    close(fd);
    unlink(path);
    free(data);
    return (double)total / seconds / 1e6;
}

/* ---- Children ---- */

struct measured {
    double value, second, rss_mib;
};

typedef struct measured (*measurement)(uint64_t count);

static struct measured in_child(measurement run, uint64_t count)
{
    int ends[2];
    struct measured result = {0};
    if (pipe(ends) != 0)
        stop("pipe", NULL);
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        result = run(count);
        result.rss_mib = peak_rss_mib();
        _exit(write(ends[1], &result, sizeof result) == sizeof result ? 0 : 2);
    }
    close(ends[1]);
    bool got = read(ends[0], &result, sizeof result) == sizeof result;
    int status;
    waitpid(child, &status, 0);
    close(ends[0]);
    if (!got)
        stop("a measurement", NULL);
    return result;
}

/* Best of some rounds: the machine's other work only ever slows one down. */
static struct measured best(measurement run, uint64_t count, bool larger_is_better)
{
    struct measured result = in_child(run, count);
    for (int i = 1; i < ROUNDS; i++) {
        struct measured again = in_child(run, count);
        if (larger_is_better ? again.value > result.value : again.value < result.value)
            result = again;
    }
    return result;
}

static struct measured run_single(uint64_t count)
{
    return (struct measured){.value = append_rate(count, PAYLOAD_BYTES, false, false)};
}

static struct measured run_batch(uint64_t count)
{
    return (struct measured){.value = append_rate(count, PAYLOAD_BYTES, true, false)};
}

static struct measured run_batch_encoded(uint64_t count)
{
    return (struct measured){.value = append_rate(count, ENCODED_BODY_BYTES, true, false)};
}

static struct measured run_durable(uint64_t count)
{
    return (struct measured){.value = append_rate(count, PAYLOAD_BYTES, true, true)};
}

static double checked(double seconds)
{
    if (seconds <= 0)
        stop("a thread can't be started", NULL);
    return seconds;
}

static struct measured run_append_floor(uint64_t count)
{
    return (struct measured){.value =
                                 (double)count / checked(floor_append_seconds(count, ENTRY_BYTES))};
}

static struct measured run_verify_floor(uint64_t count)
{
    return (struct measured){.value = checked(floor_verify_seconds(count, PAYLOAD_BYTES)) * 1e3};
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Groups of one size, each synced before the next: entries per second, and p50 of a sync in ms. */
static struct measured synced_groups(uint64_t count, size_t group)
{
    new_ledger("append");
    struct pp_ledger *ledger = open_ledger("append", true);
    size_t groups = (size_t)(count / group);
    double *latency = calloc(groups, sizeof *latency), start = seconds_now();
    for (size_t i = 0; i < groups; i++) {
        double group_start = seconds_now();
        append_batches(ledger, group, PAYLOAD_BYTES);
        if (pp_ledger_sync(ledger) != PP_OK)
            stop("syncing", pp_ledger_failure(ledger));
        latency[i] = seconds_now() - group_start;
    }
    double seconds = seconds_now() - start;
    close_ledger(ledger);
    qsort(latency, groups, sizeof *latency, compare);
    return (struct measured){.value = (double)(groups * group) / seconds,
                             .second = latency[groups / 2] * 1e3};
}

static struct measured run_small_groups(uint64_t count)
{
    return synced_groups(count, BATCH);
}

static struct measured run_single_entries(uint64_t count)
{
    return synced_groups(count, 1);
}

static struct pp_verify_report verify(const char *name, unsigned threads)
{
    char path[PATH_MAX], key[PATH_MAX];
    path_of(name, path);
    snprintf(key, sizeof key, "%s/%s.keys/verify.key", folder, name);
    struct pp_verify_options options = {.verify_key = key, .threads = threads};
    struct pp_verify_report report;
    pp_ledger_verify(path, &options, &report);
    if (report.verdict != PP_VERDICT_OK)
        stop(report.reason, NULL);
    return report;
}

static struct measured run_verify(uint64_t count)
{
    (void)count;
    return (struct measured){.value = (double)verify("sealed", 0).time_ns / 1e6};
}

static struct measured run_verify_one(uint64_t count)
{
    (void)count;
    return (struct measured){.value = (double)verify("sealed", 1).time_ns / 1e6};
}

static struct measured run_verify_encoded(uint64_t count)
{
    (void)count;
    return (struct measured){.value = (double)verify("encoded", 0).time_ns / 1e6};
}

static struct measured run_verify_encoded_one(uint64_t count)
{
    (void)count;
    return (struct measured){.value = (double)verify("encoded", 1).time_ns / 1e6};
}

static struct measured run_prove(uint64_t count)
{
    char path[PATH_MAX];
    struct pp_ledger_reader *reader;
    struct pp_failure failure;
    path_of("sealed", path);
    if (pp_ledger_reader_open(path, &reader, &failure) != PP_OK)
        stop("reading", &failure);
    struct pp_digest hashes[PP_PROOF_HASHES_MAX], root, reached, leaf = {{0}};
    size_t hash_count;
    enum { PROOFS = 2000 };
    static double build[PROOFS], check[PROOFS];
    if (pp_ledger_prove_inclusion(reader, count - 1, count, hashes, &hash_count) != PP_OK ||
        pp_ledger_reader_root(reader, count, &root) != PP_OK)
        stop("proving", pp_ledger_reader_failure(reader));
    for (int i = 0; i < PROOFS; i++) {
        uint64_t seq = payload_mix((uint64_t)i) % count;
        double start = seconds_now();
        if (pp_ledger_prove_inclusion(reader, seq, count, hashes, &hash_count) != PP_OK)
            stop("proving", pp_ledger_reader_failure(reader));
        build[i] = seconds_now() - start;
        start = seconds_now();
        if (pp_merkle_inclusion_root(&leaf, seq, count, hashes, hash_count, &reached) != PP_OK)
            stop("checking", NULL);
        check[i] = seconds_now() - start;
    }
    pp_ledger_reader_close(reader);
    qsort(build, PROOFS, sizeof build[0], compare);
    qsort(check, PROOFS, sizeof check[0], compare);
    return (struct measured){.value = build[PROOFS / 2] * 1e6, .second = check[PROOFS / 2] * 1e6};
}

/* A writer killed in the middle of a segment; the time until the ledger is open for writing again.
 */
static struct measured run_recovery(uint64_t count)
{
    new_ledger("crash");
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        struct pp_ledger *ledger = open_ledger("crash", true);
        append_batches(ledger, count, PAYLOAD_BYTES);
        if (pp_ledger_sync(ledger) != PP_OK)
            _exit(2);
        append_batches(ledger, 3 * BATCH, PAYLOAD_BYTES);
        kill(getpid(), SIGKILL);
    }
    int status;
    waitpid(child, &status, 0);
    char path[PATH_MAX], segment[PATH_MAX + 64];
    path_of("crash", path);
    snprintf(segment, sizeof segment, "%s/segments/%020d.seg", path, 0);
    /* What a torn write leaves: bytes behind the last seal. */
    FILE *file = fopen(segment, "r+b");
    if (file == NULL || fseek(file, -(1 << 16), SEEK_END) != 0 || fwrite("torn", 1, 4, file) != 4 ||
        fclose(file) != 0)
        stop("the torn tail", NULL);
    struct pp_ledger *ledger;
    struct pp_ledger_opening opening;
    struct pp_failure failure;
    double start = seconds_now();
    if (pp_ledger_open(path, NULL, NULL, &ledger, &opening, &failure) != PP_OK)
        stop("recovering", &failure);
    double seconds = seconds_now() - start;
    if (!opening.recovered || opening.size != count)
        stop("the recovery found something else", NULL);
    close_ledger(ledger);
    return (struct measured){.value = seconds * 1e3};
}

/* The ledger for the measurements that read. */
static struct measured make(const char *name, uint64_t count, size_t body_bytes)
{
    new_ledger(name);
    struct pp_ledger *ledger = open_ledger(name, false);
    double start = seconds_now();
    append_batches(ledger, count, body_bytes);
    if (pp_ledger_sync(ledger) != PP_OK)
        stop("syncing", pp_ledger_failure(ledger));
    double seconds = seconds_now() - start;
    close_ledger(ledger);
    char path[PATH_MAX];
    path_of(name, path);
    tree_bytes = 0;
    ftw(path, add_bytes, 16);
    return (struct measured){.value = (double)count / seconds,
                             .second = (double)tree_bytes / (double)count};
}

static struct measured run_make(uint64_t count)
{
    return make("sealed", count, PAYLOAD_BYTES);
}

static struct measured run_make_encoded(uint64_t count)
{
    return make("encoded", count, ENCODED_BODY_BYTES);
}

/* ---- The table ---- */

static double measure_appends(uint64_t count)
{
    struct measured one = best(run_single, count, true), many = best(run_batch, count, true);
    struct measured encoded = best(run_batch_encoded, count, true);
    print("append, not durable, 160-byte bodies, one at a time", one.value, "entries/s", "");
    print("append, not durable, 160-byte bodies, batches of 256", many.value, "entries/s",
          "target 3,000,000");
    print("append, not durable, 160-byte encodings, batches of 256", encoded.value, "entries/s",
          "");
    print("append: peak memory", many.rss_mib, "MiB", "");
    return many.value;
}

static void measure_durable(uint64_t count)
{
    uint64_t total = 256 << 20;
    double durable = 0, hashed = 0, disk[REGIMES] = {0};
    for (int i = 0; i < ROUNDS; i++) { /* by turns, so that all meet the same machine */
        double again = in_child(run_durable, count).value;
        double hashing = in_child(run_append_floor, count).value;
        durable = again > durable ? again : durable;
        hashed = hashing > hashed ? hashing : hashed;
        for (enum regime r = GROWING; r < REGIMES; r++) {
            double rate = ceiling(r, GROUP_BYTES, total);
            disk[r] = rate > disk[r] ? rate : disk[r];
        }
    }
    double rate = durable * FRAME_BYTES / 1e6;
    print("append, durable, groups of 4 MiB", durable, "entries/s", "best of 3");
    print("append, durable: bytes", rate, "MB/s", "");
    print("append: its SHA-256 alone, on two threads", hashed, "entries/s",
          "best of 3; nothing encoded or written");
    print("ceiling: write+fdatasync 4 MiB, growing file", disk[GROWING], "MB/s", "best of 3");
    print("ceiling: write+fdatasync 4 MiB, fallocated file", disk[ALLOCATED], "MB/s", "best of 3");
    print("ceiling: write+fdatasync 4 MiB, file written before", disk[WRITTEN], "MB/s",
          "best of 3, first writing not counted");
    print("ceiling: write+fdatasync 4 MiB, fallocated, O_DIRECT", disk[DIRECT], "MB/s",
          "best of 3; 0: this file system has none");
    print("durable / ceiling, fallocated (as segments are)", 100 * rate / disk[ALLOCATED], "%",
          "target 80");
    print("durable / ceiling, growing", 100 * rate / disk[GROWING], "%", "");
    print("durable / ceiling, written before", 100 * rate / disk[WRITTEN], "%", "");
    if (disk[DIRECT] > 0)
        print("durable / ceiling, fallocated, O_DIRECT", 100 * rate / disk[DIRECT], "%",
              "bound by hashing");
    print("durable / SHA-256 alone", 100 * durable / hashed, "%", "");
    struct measured small = best(run_small_groups, count / 10, true);
    print("append, durable, groups of 256 entries", small.value, "entries/s", "target 250,000");
    print("append, durable, groups of 256: p50 of a sync", small.second, "ms", "target 1");
    struct measured one = best(run_single_entries, 1000, true);
    print("append, durable, one entry at a time", one.value, "entries/s", "1,000 syncs");
}

static void measure_reading(uint64_t count)
{
    struct measured two = best(run_verify, count, false), one = best(run_verify_one, count, false);
    struct measured encoded = best(run_verify_encoded, count, false);
    struct measured hashing = best(run_verify_floor, count, false);
    struct measured encoded_one = best(run_verify_encoded_one, count, false);
    print("verify T1, 160-byte encodings, all processors", encoded.value, "ms",
          count == 1000000 ? "target 100" : "");
    print("verify T1, 160-byte encodings, one thread", encoded_one.value, "ms", "");
    print("verify T1: its SHA-256 alone, 160-byte encodings, all", hashing.value, "ms",
          "nothing read, parsed or compared");
    print("verify T1, 160-byte bodies, all processors", two.value, "ms", "a block more to hash");
    print("verify T1, 160-byte bodies, one thread", one.value, "ms", "");
    print("verify T1, all processors, rate", (double)count / two.value * 1e3, "entries/s",
          "160-byte bodies");
    print("verify: peak memory", two.rss_mib, "MiB", "");
    struct measured prove = best(run_prove, count, false);
    print("inclusion proof, build, p50", prove.value, "us", "target 100");
    print("inclusion proof, check, p50", prove.second, "us", "target 200");
}

static void measure_growth(uint64_t largest)
{
    printf("\n%-12s %16s %14s %16s %14s %14s\n", "entries", "append/s", "bytes/entry", "verify/s",
           "append MiB", "verify MiB");
    for (uint64_t count = 10000; count <= largest; count *= 10) {
        struct measured made = in_child(run_make, count);
        struct measured verified = best(run_verify, count, false);
        printf("%-12llu %16.0f %14.1f %16.0f %14.1f %14.1f\n", (unsigned long long)count,
               made.value, made.second, (double)count / verified.value * 1e3, made.rss_mib,
               verified.rss_mib);
        fflush(stdout);
    }
}

int main(int argc, char **argv)
{
    const char *base = getenv("TMPDIR") != NULL ? getenv("TMPDIR") : "/var/tmp";
    uint64_t count = argc > 1 ? strtoull(argv[1], NULL, 10) : 1000000;
    uint64_t largest = argc > 2 ? strtoull(argv[2], NULL, 10) : 10000000;
    table = argc > 3 ? fopen(argv[3], "w") : NULL;
    if (count < 10000 || largest < count) {
        fprintf(stderr, "usage: bench_ledger [ENTRIES >= 10000 [LARGEST [RESULTS.tsv]]]\n");
        return 2;
    }
    snprintf(folder, sizeof folder, "%s/bench_ledger.XXXXXX", base);
    if (mkdtemp(folder) == NULL)
        stop(folder, NULL);
    for (size_t i = 0; i < POOL; i++)
        payload_line(i, lines[i]);
    printf("%llu entries in %s\n\n", (unsigned long long)count, folder);
    (void)measure_appends(count);
    struct measured made = in_child(run_make, count);
    print("bytes per entry on disk, 160-byte bodies", made.second, "B", "");
    (void)in_child(run_make_encoded, count);
    measure_durable(count);
    measure_reading(count);
    struct measured recovery = best(run_recovery, 60000, false);
    print("recovery of a torn segment, 60,000 entries in it", recovery.value, "ms", "target 50");
    measure_growth(largest);
    remove_tree(folder);
    if (table != NULL)
        fclose(table);
    return 0;
}
