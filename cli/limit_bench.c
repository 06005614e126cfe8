/* SPDX-License-Identifier: MIT */
/* postproof limit bench: decisions a second over random keys, one at a time and in batches, and the
   memory for each key.  The clock is read for every decision, as a service would. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <postproof/limiter_table.h>

#include "../src/os/os.h"
#include "limit.h"

enum { SAMPLES = 1 << 20, BATCH = 256, ROUNDS = 3, WARM_UNITS = 3 };

struct bench {
    struct pp_limiter *limiter;
    void *memory;
    size_t bytes;
    struct pp_limiter_key *keys; /* SAMPLES of them, drawn at random */
};

struct figures {
    double single, batched;      /* decisions a second */
    uint64_t p50, p99, p999;     /* nanoseconds of one decision, the clock's reading included */
    double full_key, sparse_key; /* bytes */
};

/* SplitMix64 (Steele, Lea, Flood 2014): the same keys in every run. */
static uint64_t random_next(uint64_t *state)
{
    uint64_t z = (*state += 0x9e3779b97f4a7c15U);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
    return z ^ (z >> 31);
}

static int bench_open(struct bench *bench, const struct pp_limiter_config *config)
{
    bench->bytes = pp_limiter_memory(config);
    if (bench->bytes == 0)
        return cli_fail("limit bench", "this rule is out of range: a limit of 1 to 65535");
    bench->memory = mmap(NULL, bench->bytes, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    bench->keys = malloc(SAMPLES * sizeof *bench->keys);
    if (bench->memory == MAP_FAILED || bench->keys == NULL)
        return cli_fail("limit bench", "no memory is left");
    madvise(bench->memory, bench->bytes, MADV_HUGEPAGE);
    if (pp_limiter_init(bench->memory, bench->bytes, config, cli_monotonic_ns(), false,
                        &bench->limiter) != PP_OK)
        return cli_fail("limit bench", "the limiter can't be made");
    return CLI_GOOD;
}

static void bench_close(struct bench *bench)
{
    munmap(bench->memory, bench->bytes);
    free(bench->keys);
}

/* Keys are eight bytes; hashing them is part of the single decision. */
static struct pp_limiter_key key_number(const struct bench *bench, uint64_t number)
{
    return pp_limiter_key(bench->limiter,
                          (struct pp_bytes){(const uint8_t *)&number, sizeof number});
}

static void draw_keys(struct bench *bench, uint64_t keys, uint64_t *state)
{
    for (size_t i = 0; i < SAMPLES; i++)
        bench->keys[i] = key_number(bench, random_next(state) % keys);
}

static double run_single(struct bench *bench, uint64_t keys, uint64_t *state, uint64_t *admitted)
{
    uint64_t start = cli_monotonic_ns();
    for (size_t i = 0; i < SAMPLES; i++)
        *admitted += pp_limiter_admit(bench->limiter, key_number(bench, random_next(state) % keys),
                                      cli_monotonic_ns(), 1) == PP_LIMITER_ADMIT;
    return SAMPLES * 1e9 / (double)(cli_monotonic_ns() - start);
}

static double run_batched(struct bench *bench, uint64_t *admitted)
{
    static uint8_t verdicts[BATCH];
    uint64_t start = cli_monotonic_ns();
    for (size_t i = 0; i < SAMPLES; i += BATCH) {
        pp_limiter_admit_batch(bench->limiter, bench->keys + i, BATCH, cli_monotonic_ns(),
                               verdicts);
        for (size_t j = 0; j < BATCH; j++)
            *admitted += verdicts[j] == PP_LIMITER_ADMIT;
    }
    return SAMPLES * 1e9 / (double)(cli_monotonic_ns() - start);
}

static int compare_times(const void *a, const void *b)
{
    const uint32_t *left = a, *right = b;
    return *left < *right ? -1 : *left > *right;
}

static int run_latencies(struct bench *bench, struct figures *figures)
{
    uint32_t *times = malloc(SAMPLES * sizeof *times);
    if (times == NULL)
        return cli_fail("limit bench", "no memory is left");
    for (size_t i = 0; i < SAMPLES; i++) {
        uint64_t start = cli_monotonic_ns();
        (void)pp_limiter_admit(bench->limiter, bench->keys[i], start, 1);
        uint64_t taken = cli_monotonic_ns() - start;
        times[i] = taken < UINT32_MAX ? (uint32_t)taken : UINT32_MAX;
    }
    qsort(times, SAMPLES, sizeof *times, compare_times);
    figures->p50 = times[SAMPLES / 2];
    figures->p99 = times[SAMPLES / 100 * 99];
    figures->p999 = times[SAMPLES / 1000 * 999];
    free(times);
    return CLI_GOOD;
}

/* Memory that the process really uses for each key after `units` requests of every key. */
static int run_memory(const struct pp_limiter_config *config, uint64_t units, double *bytes)
{
    struct bench bench;
    int exit_code = bench_open(&bench, config);
    if (exit_code != CLI_GOOD)
        return exit_code;
    uint64_t now = cli_monotonic_ns();
    for (uint64_t unit = 0; unit < units; unit++)
        for (uint64_t key = 0; key < config->keys; key++)
            (void)pp_limiter_admit(bench.limiter, key_number(&bench, key), now, 1);
    struct pp_limiter_stats stats;
    pp_limiter_stats(bench.limiter, &stats);
    double table = (double)bench.bytes - (double)stats.ring_capacity;
    *bytes = (table + (double)stats.ring_touched) / (double)config->keys;
    if (stats.full != 0 || stats.admitted != units * config->keys)
        exit_code = cli_fail("limit bench", "%" PRIu64 " requests were refused", stats.full);
    bench_close(&bench);
    return exit_code;
}

static int measure(const struct pp_limiter_config *config, struct figures *figures)
{
    struct bench bench;
    uint64_t state = 1, admitted = 0;
    int exit_code = bench_open(&bench, config);
    if (exit_code != CLI_GOOD)
        return exit_code;
    /* The steady state: every key is known and has its ring. */
    for (uint64_t unit = 0; unit < WARM_UNITS && unit < config->limit; unit++)
        for (uint64_t key = 0; key < config->keys; key++)
            (void)pp_limiter_admit(bench.limiter, key_number(&bench, key), cli_monotonic_ns(), 1);
    for (int round = 0; round < ROUNDS; round++) {
        double rate = run_single(&bench, config->keys, &state, &admitted);
        figures->single = rate > figures->single ? rate : figures->single;
        draw_keys(&bench, config->keys, &state);
        rate = run_batched(&bench, &admitted);
        figures->batched = rate > figures->batched ? rate : figures->batched;
    }
    draw_keys(&bench, config->keys, &state);
    exit_code = run_latencies(&bench, figures);
    bench_close(&bench);
    if (exit_code == CLI_GOOD)
        exit_code = run_memory(config, config->limit, &figures->full_key);
    return exit_code == CLI_GOOD ? run_memory(config, 1, &figures->sparse_key) : exit_code;
}

static void report(const struct pp_limiter_config *config, const struct figures *figures, bool json)
{
    if (json) {
        json_t *object = cli_json_object();
        cli_json_number(object, "keys", config->keys);
        cli_json_number(object, "limit", config->limit);
        cli_json_number(object, "decisions_per_second", (uint64_t)figures->single);
        cli_json_number(object, "decisions_per_second_batched", (uint64_t)figures->batched);
        cli_json_number(object, "p50_ns", figures->p50);
        cli_json_number(object, "p99_ns", figures->p99);
        cli_json_number(object, "p999_ns", figures->p999);
        cli_json_number(object, "bytes_per_full_key", (uint64_t)(figures->full_key + 0.5));
        cli_json_number(object, "bytes_per_sparse_key", (uint64_t)(figures->sparse_key + 0.5));
        cli_json_print(object);
        return;
    }
    printf("%" PRIu64 " random keys, at most %" PRIu64 " in a window, one thread\n", config->keys,
           config->limit);
    printf("one at a time    %12.0f decisions/s   (hash, clock and decision)\n", figures->single);
    printf("batches of %d   %12.0f decisions/s   (hashes at hand, one clock reading)\n", BATCH,
           figures->batched);
    printf("one decision     %12" PRIu64 " ns p50, %" PRIu64 " ns p99, %" PRIu64 " ns p99.9\n",
           figures->p50, figures->p99, figures->p999);
    printf("memory of a key  %12.1f bytes at its limit, %.1f bytes after one request\n",
           figures->full_key, figures->sparse_key);
}

int limit_bench_command(int argc, char **argv)
{
    struct pp_limiter_config config = {
        .limit = 100, .window_ns = 60 * (uint64_t)1000000000, .keys = 1000000};
    bool json = false;
    const struct cli_option options[] = {
        CLI_OPTION_RANGE("--limit", CLI_NUMBER, &config.limit, "R", "units in a window (100)", 1,
                         PP_WINDOW_LIMIT_MAX),
        CLI_OPTION_RANGE("--window", CLI_DURATION, &config.window_ns, "T", "its length (60s)", 1,
                         PP_WIDE_TICKS_MAX),
        CLI_OPTION_RANGE("--keys", CLI_NUMBER, &config.keys, "N", "random keys (1000000)", 1,
                         100000000),
        CLI_OPTION_FLAG("--json", &json, "report as a JSON object"),
        CLI_OPTION_END,
    };
    const struct cli_syntax syntax = {
        .verb = "limit bench",
        .arguments = "",
        .summary = "Measures the limiter on this machine: decisions a second, latency, memory.",
        .example = "postproof limit bench --limit 100 --keys 1000000",
        .arguments_min = 0,
        .arguments_max = 0,
        .options = options,
    };
    struct cli_arguments arguments;
    struct figures figures = {0};
    if (!cli_parse(&syntax, argc, argv, &arguments))
        return arguments.exit_code;
    if (pp_os_random(config.secret, sizeof config.secret) != 0)
        return cli_fail("limit bench", "the system gives no random bytes");
    int exit_code = measure(&config, &figures);
    if (exit_code == CLI_GOOD)
        report(&config, &figures, json);
    return exit_code;
}
