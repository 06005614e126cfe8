/* SPDX-License-Identifier: MIT */
/* Tests of the limiter's table against a list of all admissions for each key. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <postproof/limiter_table.h>

#define SECOND 1000000000U

/* ---- The specification: every admission of a key, oldest first ---- */

enum { MODEL_KEYS = 300, MODEL_EVENTS = 4096 };

struct event {
    uint64_t at, weight;
};
static struct event events[MODEL_KEYS][MODEL_EVENTS];
static size_t event_count[MODEL_KEYS];

static void model_clear(void)
{
    memset(event_count, 0, sizeof event_count);
}

static uint64_t model_used(unsigned key, uint64_t now, uint64_t window)
{
    uint64_t used = 0;
    for (size_t i = event_count[key]; i-- > 0;)
        if (events[key][i].at + window > now)
            used += events[key][i].weight;
    return used;
}

static bool model_admit(unsigned key, uint64_t now, uint64_t window, uint64_t limit,
                        uint64_t weight)
{
    if (weight == 0 || model_used(key, now, window) + weight > limit)
        return false;
    assert_true(event_count[key] < MODEL_EVENTS);
    events[key][event_count[key]++] = (struct event){now, weight};
    return true;
}

/* ---- Fixtures ---- */

static uint64_t random_state;
static uint64_t random_next(void)
{
    random_state += 0x9e3779b97f4a7c15U; /* SplitMix64 (Steele, Lea, Flood 2014) */
    uint64_t z = random_state;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
    return z ^ (z >> 31);
}

static struct pp_limiter *make(const struct pp_limiter_config *config, uint64_t now, bool wait)
{
    struct pp_limiter *limiter = NULL;
    size_t bytes = pp_limiter_memory(config);
    assert_true(bytes != 0);
    bytes = (bytes + 63) / 64 * 64;
    void *memory = aligned_alloc(64, bytes);
    assert_non_null(memory);
    memset(memory, 0, bytes);
    assert_int_equal(pp_limiter_init(memory, bytes, config, now, wait, &limiter), PP_OK);
    return limiter;
}

static struct pp_limiter_key key_of(const struct pp_limiter *limiter, uint64_t number)
{
    char text[32];
    int len = snprintf(text, sizeof text, "10.%llu", (unsigned long long)number);
    return pp_limiter_key(limiter, (struct pp_bytes){(const uint8_t *)text, (size_t)len});
}

static struct pp_limiter_config config_of(uint64_t limit, uint64_t window_ns, uint64_t keys)
{
    return (struct pp_limiter_config){.limit = limit,
                                      .window_ns = window_ns,
                                      .keys = keys,
                                      .tick_ns = 1,
                                      .secret = "0123456789abcde"};
}

/* ---- Decisions ---- */

static void run_against_model(uint64_t limit, uint64_t window, uint64_t pace, uint64_t seed)
{
    struct pp_limiter_config config = config_of(limit, window, MODEL_KEYS);
    struct pp_limiter *limiter = make(&config, 0, false);
    uint64_t now = 0, admitted = 0, denied = 0;
    model_clear();
    random_state = seed;
    for (unsigned i = 0; i < 60000; i++) {
        unsigned key = (unsigned)(random_next() % (random_next() % MODEL_KEYS + 1));
        uint64_t weight = random_next() % 8 == 0 ? random_next() % (limit + 2) : 1;
        now += random_next() % pace;
        if (event_count[key] == MODEL_EVENTS)
            continue;
        struct pp_limiter_key hash = key_of(limiter, key);
        uint64_t left = limit - model_used(key, now, window);
        assert_int_equal(pp_limiter_remaining(limiter, hash, now), left);
        enum pp_limiter_verdict peeked = pp_limiter_peek(limiter, hash, now, weight);
        uint64_t wait = pp_limiter_wait_ns(limiter, hash, now, weight);
        enum pp_limiter_verdict verdict = pp_limiter_admit(limiter, hash, now, weight);
        bool expected = model_admit(key, now, window, limit, weight);
        assert_int_equal(verdict, peeked);
        assert_int_equal(verdict == PP_LIMITER_ADMIT, expected);
        assert_int_equal(verdict == PP_LIMITER_IMPOSSIBLE, weight == 0 || weight > limit);
        assert_int_equal(wait == 0, expected);
        if (verdict == PP_LIMITER_DENY) {
            assert_true(model_used(key, now + wait - 1, window) + weight > limit);
            assert_true(model_used(key, now + wait, window) + weight <= limit);
        }
        admitted += expected;
        denied += !expected;
    }
    struct pp_limiter_stats stats;
    pp_limiter_stats(limiter, &stats);
    assert_int_equal(stats.admitted, admitted);
    assert_int_equal(stats.denied, denied);
    assert_int_equal(stats.full, 0);
    assert_true(admitted > 100 && denied > 100);
    free(limiter);
}

static void test_every_decision_is_that_of_the_list(void **state)
{
    (void)state;
    run_against_model(1, 1000, 20, 1);
    run_against_model(2, 50000, 100, 2);
    run_against_model(7, 100000, 100, 3);
    run_against_model(100, 3000000, 200, 4);
    run_against_model(700, 30 * (uint64_t)SECOND / 20, 20000, 5);
}

static void test_a_batch_decides_like_one_after_the_other(void **state)
{
    (void)state;
    enum { KEYS = 40, N = 500 };
    struct pp_limiter_config config = config_of(5, 10000, 1000);
    struct pp_limiter *single = make(&config, 0, false), *batched = make(&config, 0, false);
    struct pp_limiter_key keys[N];
    uint8_t verdicts[N];
    unsigned admitted = 0;
    random_state = 6;
    for (uint64_t round = 0; round < 50; round++) {
        for (size_t i = 0; i < N; i++)
            keys[i] = key_of(single, random_next() % KEYS + round * 3);
        pp_limiter_admit_batch(batched, keys, N, round * 3000, verdicts);
        for (size_t i = 0; i < N; i++) {
            assert_int_equal(verdicts[i], pp_limiter_admit(single, keys[i], round * 3000, 1));
            admitted += verdicts[i] == PP_LIMITER_ADMIT;
        }
    }
    assert_in_range(admitted, 1000, 50 * N - 1000);
    free(single), free(batched);
}

static void test_the_clock_never_goes_back(void **state)
{
    (void)state;
    struct pp_limiter_config config = config_of(2, 1000, 10);
    struct pp_limiter *limiter = make(&config, 5000, false);
    struct pp_limiter_key a = key_of(limiter, 1), b = key_of(limiter, 2);
    assert_int_equal(pp_limiter_admit(limiter, a, 6000, 2), PP_LIMITER_ADMIT);
    assert_int_equal(pp_limiter_admit(limiter, b, 0, 2), PP_LIMITER_ADMIT);
    assert_int_equal(pp_limiter_admit(limiter, b, 6999, 1), PP_LIMITER_DENY);
    assert_int_equal(pp_limiter_admit(limiter, b, 7000, 1), PP_LIMITER_ADMIT);
    assert_int_equal(pp_limiter_admit(limiter, a, 1, 1), PP_LIMITER_ADMIT); /* it is 7000 */
    free(limiter);
}

/* ---- Memory ---- */

static void test_as_many_live_keys_as_promised_fit(void **state)
{
    (void)state;
    enum { KEYS = 200000 };
    struct pp_limiter_config config = config_of(3, 1000 * (uint64_t)SECOND, KEYS);
    config.tick_ns = 0;
    struct pp_limiter *limiter = make(&config, 0, false);
    for (unsigned unit = 0; unit < 3; unit++)
        for (uint64_t i = 0; i < KEYS; i++)
            assert_int_equal(pp_limiter_admit(limiter, key_of(limiter, i), i, 1), PP_LIMITER_ADMIT);
    for (uint64_t i = 0; i < KEYS; i++) /* each is still there, with its three units */
        assert_int_equal(pp_limiter_admit(limiter, key_of(limiter, i), KEYS, 1), PP_LIMITER_DENY);
    struct pp_limiter_stats stats;
    pp_limiter_stats(limiter, &stats);
    assert_int_equal(stats.keys, KEYS);
    assert_true(stats.ring_bytes <= stats.ring_capacity);
    free(limiter);
}

static void test_a_flood_of_keys_frees_no_live_limit(void **state)
{
    (void)state;
    enum { KEYS = 2000 };
    struct pp_limiter_config config = config_of(2, SECOND, KEYS);
    struct pp_limiter *limiter = make(&config, 0, false);
    unsigned full = 0;
    struct pp_limiter_key victim = key_of(limiter, 1);
    assert_int_equal(pp_limiter_admit(limiter, victim, 0, 2), PP_LIMITER_ADMIT);
    for (uint64_t i = 0; i < 20000; i++)
        full += pp_limiter_admit(limiter, key_of(limiter, 10 + i), i, 1) == PP_LIMITER_FULL;
    assert_in_range(full, 20000 - KEYS * 5 / 4, 20000 - KEYS);
    assert_int_equal(pp_limiter_admit(limiter, victim, SECOND - 1, 1), PP_LIMITER_DENY);
    struct pp_limiter_stats stats;
    pp_limiter_stats(limiter, &stats);
    assert_int_equal(stats.full, full);
    /* Idle keys make room again. */
    for (uint64_t i = 0; i < KEYS; i++)
        assert_int_equal(
            pp_limiter_admit(limiter, key_of(limiter, 50000 + i), 3 * (uint64_t)SECOND, 1),
            PP_LIMITER_ADMIT);
    pp_limiter_stats(limiter, &stats);
    assert_true(stats.reclaimed > 0);
    free(limiter);
}

static void test_keys_without_room_share_a_tier(void **state)
{
    (void)state;
    struct pp_limiter_config config = config_of(3, SECOND, 400);
    config.tiers = 2;
    struct pp_limiter *limiter = make(&config, 0, false);
    unsigned admitted = 0;
    for (uint64_t i = 0; i < 5000; i++)
        admitted += pp_limiter_admit(limiter, key_of(limiter, i), 1, 1) == PP_LIMITER_ADMIT;
    struct pp_limiter_stats stats;
    pp_limiter_stats(limiter, &stats);
    assert_int_equal(stats.full, 0);
    assert_true(stats.shared > 4000);
    assert_int_equal(admitted, stats.keys + 2 * 3); /* one each, and both tiers to their limit */
    free(limiter);
}

/* What a key was admitted by its tier counts on when there is room for it again. */
static void test_a_key_leaves_its_tier_with_nothing_in_the_window(void **state)
{
    (void)state;
    struct pp_limiter_config config = config_of(3, 1000, 400);
    config.tiers = 1;
    struct pp_limiter *limiter = make(&config, 0, false);
    struct pp_limiter_key late = key_of(limiter, 1);
    struct pp_limiter_stats stats = {0};
    for (uint64_t i = 2; stats.shared == 0; i++) {
        (void)pp_limiter_admit(limiter, key_of(limiter, i), 1, 1);
        pp_limiter_stats(limiter, &stats);
    }
    assert_int_equal(pp_limiter_admit(limiter, late, 900, 1), PP_LIMITER_ADMIT);
    pp_limiter_stats(limiter, &stats);
    assert_int_equal(stats.shared, 2);
    pp_limiter_sweep(limiter, 1100, 100000); /* the table is empty now */
    assert_int_equal(pp_limiter_remaining(limiter, late, 1100), 2);
    assert_int_equal(pp_limiter_prepare(limiter, late, 1100, 3), PP_LIMITER_DENY);
    assert_int_equal(pp_limiter_peek(limiter, late, 1100, 3), PP_LIMITER_DENY);
    assert_int_equal(pp_limiter_wait_ns(limiter, late, 1100, 3), 800);
    assert_int_equal(pp_limiter_admit(limiter, late, 1100, 3), PP_LIMITER_DENY);
    assert_int_equal(pp_limiter_admit(limiter, late, 1900, 3), PP_LIMITER_ADMIT);
    pp_limiter_stats(limiter, &stats);
    assert_int_equal(stats.shared, 3); /* the denial too, the last one not */
    free(limiter);
}

static void test_without_ring_memory_a_key_is_denied_and_keeps_its_state(void **state)
{
    (void)state;
    struct pp_limiter_config config = config_of(100, SECOND, 1000);
    config.ring_bytes = 400; /* one ring */
    struct pp_limiter *limiter = make(&config, 0, false);
    struct pp_limiter_key first = key_of(limiter, 1), second = key_of(limiter, 2);
    assert_int_equal(pp_limiter_admit(limiter, second, 0, 2), PP_LIMITER_ADMIT);
    assert_int_equal(pp_limiter_admit(limiter, first, 0, 100), PP_LIMITER_ADMIT);
    assert_int_equal(pp_limiter_prepare(limiter, second, 1, 1), PP_LIMITER_FULL);
    assert_int_equal(pp_limiter_admit(limiter, second, 1, 1), PP_LIMITER_FULL);
    assert_int_equal(pp_limiter_remaining(limiter, second, 1), 98);
    assert_int_equal(pp_limiter_admit(limiter, key_of(limiter, 3), 1, 50), PP_LIMITER_FULL);
    assert_int_equal(pp_limiter_remaining(limiter, key_of(limiter, 3), 1), 100);
    pp_limiter_sweep(limiter, 2 * (uint64_t)SECOND, 100000);
    assert_int_equal(pp_limiter_admit(limiter, second, 2 * (uint64_t)SECOND, 50), PP_LIMITER_ADMIT);
    free(limiter);
}

static void test_what_is_prepared_is_admitted(void **state)
{
    (void)state;
    struct pp_limiter_config config = config_of(10, SECOND, 100);
    struct pp_limiter *limiter = make(&config, 0, false);
    struct pp_limiter_key key = key_of(limiter, 1);
    assert_int_equal(pp_limiter_prepare(limiter, key, 5, 7), PP_LIMITER_ADMIT);
    assert_int_equal(pp_limiter_remaining(limiter, key, 5), 10);
    assert_int_equal(pp_limiter_admit(limiter, key, 5, 7), PP_LIMITER_ADMIT);
    assert_int_equal(pp_limiter_prepare(limiter, key, 6, 4), PP_LIMITER_DENY);
    assert_int_equal(pp_limiter_remaining(limiter, key, 6), 3);
    free(limiter);
}

/* ---- Restart ---- */

static void test_a_restart_without_state_waits_one_window(void **state)
{
    (void)state;
    struct pp_limiter_config config = config_of(10, 1000, 100);
    struct pp_limiter *limiter = make(&config, 5000, true);
    struct pp_limiter_key key = key_of(limiter, 1);
    assert_int_equal(pp_limiter_admit(limiter, key, 5000, 1), PP_LIMITER_WAITING);
    assert_int_equal(pp_limiter_remaining(limiter, key, 5999), 0);
    assert_int_equal(pp_limiter_admit(limiter, key, 6000, 1), PP_LIMITER_WAITING);
    assert_int_equal(pp_limiter_wait_ns(limiter, key, 6000, 1), 1);
    assert_int_equal(pp_limiter_admit(limiter, key, 6001, 1), PP_LIMITER_ADMIT);
    free(limiter);
}

static void test_saved_memory_decides_on(void **state)
{
    (void)state;
    struct pp_limiter_config config = config_of(4, 1000, 100);
    struct pp_limiter *limiter = make(&config, 0, false), *loaded;
    struct pp_limiter_key key = key_of(limiter, 1);
    assert_int_equal(pp_limiter_admit(limiter, key, 10, 4), PP_LIMITER_ADMIT);
    size_t bytes = (pp_limiter_memory(&config) + 63) / 64 * 64;
    void *copy = aligned_alloc(64, bytes);
    assert_non_null(copy);
    memcpy(copy, limiter, pp_limiter_memory(&config));
    free(limiter);
    config.secret[0] ^= 1; /* a new process draws another: the saved one counts */
    assert_int_equal(pp_limiter_load(copy, bytes, &config, &loaded), PP_OK);
    assert_int_equal(pp_limiter_admit(loaded, key, 1009, 1), PP_LIMITER_DENY);
    assert_int_equal(pp_limiter_admit(loaded, key, 1010, 1), PP_LIMITER_ADMIT);
    config.limit = 3;
    assert_int_equal(pp_limiter_load(copy, bytes, &config, &loaded), PP_ERROR_FORMAT);
    config.limit = 4;
    assert_int_equal(pp_limiter_load(copy, pp_limiter_memory(&config) - 1, &config, &loaded),
                     PP_ERROR_NO_SPACE);
    memset(copy, 0, 64);
    assert_int_equal(pp_limiter_load(copy, bytes, &config, &loaded), PP_ERROR_FORMAT);
    free(copy);
}

/* ---- Large limits, bad configurations ---- */

static void test_sub_buckets_never_admit_too_much(void **state)
{
    (void)state;
    const uint64_t limit = 1000, window = 6300;
    struct pp_limiter_config config = config_of(limit, window, 10);
    config.buckets = 64;
    struct pp_limiter *limiter = make(&config, 0, false);
    struct pp_limiter_key key = key_of(limiter, 1);
    uint64_t now = 0, admitted = 0;
    model_clear();
    random_state = 7;
    while (event_count[0] < MODEL_EVENTS && now < 100 * window) {
        now += random_next() % 40;
        uint64_t weight = random_next() % 8 + 1, used = model_used(0, now, window);
        uint64_t used_longer = model_used(0, now, window / 63 * 64);
        uint64_t wait = pp_limiter_wait_ns(limiter, key, now, weight);
        assert_true(pp_limiter_remaining(limiter, key, now) <= limit - used);
        bool peeked = pp_limiter_peek(limiter, key, now, weight) == PP_LIMITER_ADMIT;
        bool done = pp_limiter_admit(limiter, key, now, weight) == PP_LIMITER_ADMIT;
        assert_int_equal(done, peeked);
        assert_int_equal(done, wait == 0);
        if (done)
            assert_true(model_admit(0, now, window, limit, weight));
        else
            assert_true(used_longer + weight > limit);
        admitted += done;
    }
    assert_true(admitted > 2000);
    free(limiter);
}

static void test_bad_configurations_are_refused(void **state)
{
    (void)state;
    const struct pp_limiter_config good = config_of(10, SECOND, 10);
    struct pp_limiter_config bad[] = {good, good, good, good, good, good, good, good, good};
    bad[0].limit = 0;
    bad[1].limit = 65536;
    bad[2].window_ns = 0;
    bad[3].window_ns = UINT64_MAX;
    bad[4].keys = 0;
    bad[5].keys = UINT64_MAX;
    bad[6].buckets = 1;
    bad[7].buckets = PP_BUCKETS_MAX + 1;
    bad[8].tiers = 11;
    static uint8_t memory[64];
    struct pp_limiter *limiter;
    assert_true(pp_limiter_memory(&good) != 0);
    assert_int_equal(pp_limiter_init(memory, sizeof memory, &good, 0, false, &limiter),
                     PP_ERROR_NO_SPACE);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(pp_limiter_memory(&bad[i]), 0);
        assert_int_equal(pp_limiter_init(memory, sizeof memory, &bad[i], 0, false, &limiter),
                         PP_ERROR_ARGUMENT);
    }
}

static void test_keys_of_any_length(void **state)
{
    (void)state;
    static uint8_t text[1 << 16];
    struct pp_limiter_config config = config_of(1, SECOND, 10);
    struct pp_limiter *limiter = make(&config, 0, false);
    struct pp_limiter_key none = pp_limiter_key(limiter, (struct pp_bytes){NULL, 0});
    struct pp_limiter_key zero = pp_limiter_key(limiter, (struct pp_bytes){text, 1});
    struct pp_limiter_key large = pp_limiter_key(limiter, (struct pp_bytes){text, sizeof text});
    assert_int_equal(pp_limiter_admit(limiter, none, 0, 1), PP_LIMITER_ADMIT);
    assert_int_equal(pp_limiter_admit(limiter, zero, 0, 1), PP_LIMITER_ADMIT);
    assert_int_equal(pp_limiter_admit(limiter, large, 0, 1), PP_LIMITER_ADMIT);
    assert_int_equal(pp_limiter_admit(limiter, none, 1, 1), PP_LIMITER_DENY);
    assert_in_range(pp_limiter_shard(large, 8), 0, 7);
    free(limiter);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_decision_is_that_of_the_list),
        cmocka_unit_test(test_a_batch_decides_like_one_after_the_other),
        cmocka_unit_test(test_the_clock_never_goes_back),
        cmocka_unit_test(test_as_many_live_keys_as_promised_fit),
        cmocka_unit_test(test_a_flood_of_keys_frees_no_live_limit),
        cmocka_unit_test(test_keys_without_room_share_a_tier),
        cmocka_unit_test(test_a_key_leaves_its_tier_with_nothing_in_the_window),
        cmocka_unit_test(test_without_ring_memory_a_key_is_denied_and_keeps_its_state),
        cmocka_unit_test(test_what_is_prepared_is_admitted),
        cmocka_unit_test(test_a_restart_without_state_waits_one_window),
        cmocka_unit_test(test_saved_memory_decides_on),
        cmocka_unit_test(test_sub_buckets_never_admit_too_much),
        cmocka_unit_test(test_bad_configurations_are_refused),
        cmocka_unit_test(test_keys_of_any_length),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
