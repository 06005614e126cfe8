/* SPDX-License-Identifier: MIT */
/* Tests of the limiter's core against slow models that keep every admission. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include <postproof/limiter.h>

enum { RING_MAX = 256, UNITS_MAX = 250000, STEPS = 20000 };

/* The model: the ticks of all admitted units, oldest first. */
static uint64_t unit[UNITS_MAX];
static size_t units;
static uint64_t model_newest;

static uint64_t random_state = 1;

static uint64_t random_below(uint64_t n)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state % n;
}

static void model_start(uint64_t now)
{
    units = 0;
    model_newest = now;
}

/* Units in (t - ticks, t]. */
static uint64_t model_used(uint64_t ticks, uint64_t t)
{
    uint64_t used = 0;
    for (size_t i = units; i > 0 && t - unit[i - 1] < ticks; i--)
        used++;
    return used;
}

static uint64_t model_time(uint64_t now)
{
    return now > model_newest ? now : model_newest;
}

static bool model_admit(uint32_t limit, uint64_t ticks, uint64_t now, uint32_t weight)
{
    uint64_t t = model_time(now);
    if (model_used(ticks, t) + weight > limit)
        return false;
    assert_true(units + weight <= UNITS_MAX);
    for (uint32_t i = 0; i < weight; i++)
        unit[units++] = t;
    model_newest = t;
    return true;
}

/* The shortest wait after which the model would admit: one of the units has to leave. */
static uint64_t model_wait(uint32_t limit, uint64_t ticks, uint64_t now, uint32_t weight)
{
    uint64_t t = model_time(now);
    if (model_used(ticks, t) + weight <= limit)
        return 0;
    for (size_t i = units - (size_t)model_used(ticks, t); i < units; i++) {
        uint64_t later = unit[i] + ticks;
        if (model_used(ticks, later) + weight <= limit)
            return later - t;
    }
    fail();
    return 0;
}

/* ---- The key under test, with a ring that grows when it has to ------------------------------- */

struct key {
    struct pp_limiter_rule rule;
    struct pp_window window;
    uint32_t *ring;
};

static void key_start(struct key *key, uint32_t limit, uint64_t ticks, uint32_t capacity,
                      uint64_t now)
{
    assert_int_equal(pp_limiter_rule_init(&key->rule, limit, ticks, 1), PP_OK);
    assert_true(key->rule.window_ticks == ticks);
    pp_window_init(&key->window, capacity, now);
    key->ring = malloc(capacity * sizeof *key->ring);
    memset(key->ring, 0xA5, capacity * sizeof *key->ring);
    model_start(now);
}

static void key_grow(struct key *key, uint32_t weight)
{
    uint32_t capacity = pp_window_capacity_for(&key->rule, &key->window, weight);
    assert_true(capacity > key->window.capacity && capacity <= key->rule.limit);
    uint32_t *grown = malloc(capacity * sizeof *grown);
    memset(grown, 0x5A, capacity * sizeof *grown);
    pp_window_grow(&key->window, key->ring, grown, capacity);
    free(key->ring);
    key->ring = grown;
}

static bool key_ask(struct key *key, uint64_t now, uint32_t weight)
{
    struct pp_window before = key->window;
    enum pp_window_verdict peeked =
        pp_window_peek(&key->rule, &key->window, key->ring, now, weight);
    enum pp_window_verdict verdict =
        pp_window_admit(&key->rule, &key->window, key->ring, now, weight);
    assert_int_equal(peeked, verdict);
    if (verdict != PP_WINDOW_ADMIT)
        assert_memory_equal(&before, &key->window, sizeof before);
    if (verdict == PP_WINDOW_GROW) {
        key_grow(key, weight);
        verdict = pp_window_admit(&key->rule, &key->window, key->ring, now, weight);
    }
    assert_true(verdict == PP_WINDOW_ADMIT || verdict == PP_WINDOW_DENY);
    assert_true(pp_window_is_valid(&key->rule, &key->window));
    return verdict == PP_WINDOW_ADMIT;
}

/* One request, compared with the model in every respect. */
static void compare(struct key *key, uint64_t now, uint32_t weight)
{
    uint32_t limit = key->rule.limit;
    uint64_t ticks = key->rule.window_ticks;
    assert_true(pp_window_wait(&key->rule, &key->window, key->ring, now, weight) ==
                model_wait(limit, ticks, now, weight));
    uint64_t used = model_used(ticks, model_time(now));
    assert_true(pp_window_used(&key->rule, &key->window, key->ring, now) == used);
    bool idle = pp_window_is_idle(&key->rule, &key->window, now);
    assert_true(!idle || used == 0);
    assert_true(idle || used > 0 || now < key->window.newest);
    assert_int_equal(key_ask(key, now, weight), model_admit(limit, ticks, now, weight));
}

/* `move` is the largest step of the clock; one step in eight goes back. */
static void random_run(uint32_t limit, uint64_t ticks, uint32_t capacity, uint64_t start,
                       uint64_t move, uint32_t weight_max)
{
    struct key key;
    key_start(&key, limit, ticks, capacity, start);
    uint64_t now = start;
    for (size_t i = 0; i < STEPS && units + limit < UNITS_MAX; i++) {
        uint64_t step = random_below(4) == 0 ? 0 : random_below(move + 1);
        now = random_below(8) == 0 && now > step ? now - step : now + step;
        if (random_below(500) == 0)
            now += ticks * random_below(6);
        compare(&key, now, 1 + (uint32_t)random_below(weight_max));
    }
    free(key.ring);
}

static void test_random_runs(void **state)
{
    (void)state;
    static const uint32_t limits[] = {1, 2, 3, 7, 100, RING_MAX};
    static const uint64_t windows[] = {1, 2, 10, 1000, 1000003, 0x7fffffff, 0x80000000};
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++)
        for (size_t j = 0; j < sizeof windows / sizeof *windows; j++) {
            uint32_t limit = limits[i];
            uint64_t window = windows[j];
            random_run(limit, window, 1, 0, window, 1);
            random_run(limit, window, 1 + limit / 3, 5, 1 + 2 * window / limit, limit);
            random_run(limit, window, limit, 0xffffff00, 1 + 3 * window / limit, 1 + limit / 4);
            random_run(limit, window, 1, (uint64_t)7 << 40, window + window / 2, 1 + limit / 2);
        }
}

/* Rings of 32-bit stamps whose oldest unit would come round: steps just below and at a window, for
   many times 2^32 ticks. */
static void test_wrap_around(void **state)
{
    (void)state;
    static const uint64_t windows[] = {0x80000000, 0x7fffffff, 0x40000001, 0x10000};
    for (size_t j = 0; j < sizeof windows / sizeof *windows; j++)
        for (uint64_t less = 0; less < 3; less++) {
            struct key key;
            key_start(&key, 100, windows[j], 100, 0);
            for (uint32_t i = 0; i < 100; i++)
                compare(&key, 0, 1);
            uint64_t now = 0;
            for (uint32_t i = 0; i < 2000; i++) {
                now += windows[j] - less;
                compare(&key, now, 1);
                compare(&key, now, 99);
            }
            free(key.ring);
        }
}

/* A stamp exactly k * 2^32 ticks old must not look like one of now. */
static void test_idle_for_multiples_of_the_stamp_range(void **state)
{
    (void)state;
    for (uint64_t k = 1; k < 5; k++)
        for (uint64_t off = 0; off < 3; off++) {
            struct key key;
            key_start(&key, 4, 1000, 4, 10);
            for (uint32_t i = 0; i < 5; i++)
                compare(&key, 10, 1);
            compare(&key, 10 + (k << 32) - 1 + off, 4);
            compare(&key, 10 + (k << 32) - 1 + off, 1);
            free(key.ring);
        }
}

static void test_edges_of_the_window(void **state)
{
    (void)state;
    struct key key;
    key_start(&key, 2, 10, 2, 100);
    assert_true(key_ask(&key, 100, 1));
    assert_true(key_ask(&key, 104, 1));
    assert_false(key_ask(&key, 109, 1));
    assert_int_equal(pp_window_wait(&key.rule, &key.window, key.ring, 109, 1), 1);
    assert_int_equal(pp_window_wait(&key.rule, &key.window, key.ring, 109, 2), 5);
    assert_true(key_ask(&key, 110, 1));
    assert_false(key_ask(&key, 50, 1)); /* a clock that went back */
    assert_false(pp_window_is_idle(&key.rule, &key.window, 119));
    assert_true(pp_window_is_idle(&key.rule, &key.window, 120));
    free(key.ring);
}

static void test_last_ticks_of_the_clock(void **state)
{
    (void)state;
    struct key key;
    key_start(&key, 3, 0x80000000, 1, UINT64_MAX - 10);
    compare(&key, UINT64_MAX - 10, 2);
    assert_true(key_ask(&key, UINT64_MAX, 1));
    assert_false(key_ask(&key, UINT64_MAX, 1));
    assert_false(key_ask(&key, 0, 1));
    free(key.ring);
}

static void test_weights_out_of_range(void **state)
{
    (void)state;
    struct key key;
    key_start(&key, 5, 10, 2, 0);
    static const uint32_t weights[] = {0, 6, UINT32_MAX};
    for (size_t i = 0; i < 3; i++) {
        struct pp_window before = key.window;
        assert_int_equal(pp_window_admit(&key.rule, &key.window, key.ring, 1, weights[i]),
                         PP_WINDOW_NEVER);
        assert_true(pp_window_wait(&key.rule, &key.window, key.ring, 1, weights[i]) ==
                    PP_LIMITER_NEVER);
        assert_memory_equal(&before, &key.window, sizeof before);
    }
    free(key.ring);
}

static void test_rules(void **state)
{
    (void)state;
    struct pp_limiter_rule rule = {.limit = 77}, before = rule;
    const uint64_t minute = 60000000000U;
    assert_int_equal(pp_limiter_rule_init(&rule, 0, 1, 1), PP_ERROR_ARGUMENT);
    assert_int_equal(pp_limiter_rule_init(&rule, 65536, 1, 1), PP_ERROR_ARGUMENT);
    assert_int_equal(pp_limiter_rule_init(&rule, UINT64_MAX, 1, 1), PP_ERROR_ARGUMENT);
    assert_int_equal(pp_limiter_rule_init(&rule, 1, 0, 1), PP_ERROR_ARGUMENT);
    assert_int_equal(pp_limiter_rule_init(&rule, 1, 0, 0), PP_ERROR_ARGUMENT);
    assert_int_equal(pp_limiter_rule_init(&rule, 1, 0x80000001, 1), PP_ERROR_ARGUMENT);
    assert_int_equal(pp_limiter_rule_init(&rule, 1, UINT64_MAX, 1), PP_ERROR_ARGUMENT);
    assert_memory_equal(&rule, &before, sizeof rule);
    assert_int_equal(pp_limiter_rule_init(&rule, 100, minute, 0), PP_OK);
    assert_int_equal(rule.tick_ns, 28);
    assert_int_equal(rule.window_ticks, 2142857143); /* rounded up: not shorter than a minute */
    assert_int_equal(pp_limiter_rule_init(&rule, 100, 1000000000, 0), PP_OK);
    assert_int_equal(rule.tick_ns, 1);
    assert_int_equal(pp_limiter_rule_init(&rule, 1, UINT64_MAX, 0), PP_OK);
    assert_int_equal(pp_limiter_rule_init(&rule, 1, 0x80000000, 1), PP_OK);
    assert_true(rule.window_ticks == 0x80000000);
}

/* ---- Whole ticks ----------------------------------------------------------------------------- */

static void wide_grow(const struct pp_wide_rule *rule, struct pp_wide *wide, uint64_t **ring,
                      uint32_t weight)
{
    uint32_t capacity = pp_wide_capacity_for(rule, wide, weight);
    assert_true(capacity > wide->capacity && capacity <= rule->limit);
    uint64_t *grown = malloc(capacity * sizeof *grown);
    pp_wide_grow(wide, *ring, grown, capacity);
    free(*ring);
    *ring = grown;
}

static void wide_run(uint32_t limit, uint64_t ticks, uint64_t move, uint32_t weight_max)
{
    struct pp_wide_rule rule = {.window_ticks = ticks, .limit = limit};
    struct pp_wide wide;
    uint64_t now = (uint64_t)1 << 60, *ring = malloc(sizeof *ring);
    pp_wide_init(&wide, 1, now);
    model_start(now);
    for (size_t i = 0; i < STEPS && units + limit < UNITS_MAX; i++) {
        uint64_t step = random_below(move + 1);
        now = random_below(8) == 0 ? now - step : now + step;
        uint32_t weight = 1 + (uint32_t)random_below(weight_max);
        assert_true(pp_wide_wait(&rule, &wide, ring, now, weight) ==
                    model_wait(limit, ticks, now, weight));
        enum pp_window_verdict peeked = pp_wide_peek(&rule, &wide, ring, now, weight);
        enum pp_window_verdict verdict = pp_wide_admit(&rule, &wide, ring, now, weight);
        assert_int_equal(peeked, verdict);
        if (verdict == PP_WINDOW_GROW) {
            wide_grow(&rule, &wide, &ring, weight);
            verdict = pp_wide_admit(&rule, &wide, ring, now, weight);
        }
        assert_int_equal(verdict,
                         model_admit(limit, ticks, now, weight) ? PP_WINDOW_ADMIT : PP_WINDOW_DENY);
    }
    assert_int_equal(pp_wide_admit(&rule, &wide, ring, now, 0), PP_WINDOW_NEVER);
    assert_int_equal(pp_wide_admit(&rule, &wide, ring, now, limit + 1), PP_WINDOW_NEVER);
    free(ring);
}

static void test_whole_ticks(void **state)
{
    (void)state;
    static const uint64_t windows[] = {1, 10, 60000000000U, (uint64_t)1 << 45};
    for (size_t j = 0; j < sizeof windows / sizeof *windows; j++)
        for (uint32_t limit = 1; limit < 200; limit = 3 * limit + 1) {
            wide_run(limit, windows[j], 1 + 2 * windows[j] / limit, 1);
            wide_run(limit, windows[j], 1 + 3 * windows[j] / limit, limit);
        }
}

/* ---- Slots and buckets ----------------------------------------------------------------------- */

/* R slots in any order: at most R in every window; and one that is refused is not free. */
static void test_slots(void **state)
{
    (void)state;
    enum { SLOTS = 5, TICKS = 50 };
    struct pp_slot slot[SLOTS] = {{0}};
    uint64_t now = 0;
    units = 0;
    for (size_t i = 0; i < STEPS; i++) {
        now += random_below(12);
        struct pp_slot *one = &slot[random_below(SLOTS)];
        bool free_now = !one->used || now - one->stamp >= TICKS;
        assert_int_equal(pp_slot_peek(one, now, TICKS), free_now);
        assert_int_equal(pp_slot_admit(one, now, TICKS), free_now);
        if (free_now)
            unit[units++] = now;
        assert_true(model_used(TICKS, now) <= SLOTS);
    }
    slot[0].stamp = 100;
    assert_false(pp_slot_admit(&slot[0], 0, 1)); /* a clock that went back frees nothing */
}

static void test_buckets(void **state)
{
    (void)state;
    for (uint32_t buckets = 2; buckets < 12; buckets += 3) {
        struct pp_buckets_rule rule = {.bucket_ticks = 10, .limit = 40, .buckets = buckets};
        struct pp_buckets key;
        uint32_t counts[12];
        pp_buckets_init(&rule, &key, counts, 1000);
        model_start(1000);
        uint64_t now = 1000;
        for (size_t i = 0; i < 4000; i++) {
            now += random_below(random_below(50) == 0 ? 300 : 4);
            uint32_t weight = 1 + (uint32_t)random_below(5);
            /* Exactly the units since the start of the oldest bucket count. */
            uint64_t since = (now / 10 + 1 - buckets) * 10;
            bool fits = model_used(now - since + 1, now) + weight <= rule.limit;
            enum pp_window_verdict verdict = pp_buckets_admit(&rule, &key, counts, now, weight);
            assert_int_equal(verdict, fits ? PP_WINDOW_ADMIT : PP_WINDOW_DENY);
            for (uint32_t j = 0; fits && j < weight; j++)
                unit[units++] = now;
            assert_true(model_used((buckets - 1) * (uint64_t)10, now) <= rule.limit);
        }
        assert_int_equal(pp_buckets_admit(&rule, &key, counts, now, 0), PP_WINDOW_NEVER);
        assert_int_equal(pp_buckets_admit(&rule, &key, counts, now, 41), PP_WINDOW_NEVER);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_runs),
        cmocka_unit_test(test_wrap_around),
        cmocka_unit_test(test_idle_for_multiples_of_the_stamp_range),
        cmocka_unit_test(test_edges_of_the_window),
        cmocka_unit_test(test_last_ticks_of_the_clock),
        cmocka_unit_test(test_weights_out_of_range),
        cmocka_unit_test(test_rules),
        cmocka_unit_test(test_whole_ticks),
        cmocka_unit_test(test_slots),
        cmocka_unit_test(test_buckets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
