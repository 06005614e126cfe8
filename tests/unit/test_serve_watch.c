/* SPDX-License-Identifier: MIT */
/* The second opinion on decisions: silent on a limiter that is right, loud on one that is not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../daemon/watch.h"

static struct serve_watch watch;
static const struct serve_watch_rule rule = {3, 100, 1, true};
static const struct pp_limiter_key key = {1, 2}, other = {1, 3};

static enum serve_watch_finding decide(struct pp_limiter_key who, uint64_t now, uint64_t weight,
                                       enum pp_limiter_verdict verdict)
{
    return serve_watch_decision(&watch, &rule, who, now, weight, verdict);
}

static int set_up(void **state)
{
    (void)state;
    memset(&watch, 0, sizeof watch);
    return 0;
}

static void test_too_many(void **state)
{
    (void)state;
    assert_int_equal(decide(key, 1000, 1, PP_LIMITER_ADMIT), SERVE_WATCH_RIGHT);
    assert_int_equal(decide(key, 1010, 2, PP_LIMITER_ADMIT), SERVE_WATCH_RIGHT);
    assert_int_equal(decide(key, 1099, 1, PP_LIMITER_ADMIT), SERVE_WATCH_TOO_MANY);
    assert_int_equal(decide(key, 1110, 2, PP_LIMITER_ADMIT), SERVE_WATCH_RIGHT);
}

/* The window is half open: what is exactly one window old has left it. */
static void test_edges(void **state)
{
    (void)state;
    assert_int_equal(decide(key, 1000, 3, PP_LIMITER_ADMIT), SERVE_WATCH_RIGHT);
    assert_int_equal(decide(key, 1099, 1, PP_LIMITER_DENY), SERVE_WATCH_NOT_WATCHED);
    assert_int_equal(decide(key, 1100, 1, PP_LIMITER_ADMIT), SERVE_WATCH_RIGHT);
    assert_int_equal(decide(key, 1101, 2, PP_LIMITER_ADMIT), SERVE_WATCH_RIGHT);
    assert_int_equal(decide(key, 1199, 1, PP_LIMITER_DENY), SERVE_WATCH_RIGHT);
    assert_int_equal(decide(key, 1200, 1, PP_LIMITER_DENY), SERVE_WATCH_UNJUSTIFIED);
}

static void test_what_is_not_judged(void **state)
{
    (void)state;
    struct serve_watch_rule tiers = rule;
    tiers.judges_denials = false;
    assert_int_equal(decide(key, 1000, 1, PP_LIMITER_FULL), SERVE_WATCH_NOT_WATCHED);
    assert_false(watch.watching);
    assert_int_equal(decide(key, 1000, 1, PP_LIMITER_ADMIT), SERVE_WATCH_RIGHT);
    assert_int_equal(decide(other, 1050, 9, PP_LIMITER_ADMIT), SERVE_WATCH_NOT_WATCHED);
    assert_int_equal(decide(key, 1099, 1, PP_LIMITER_ADMIT), SERVE_WATCH_RIGHT);
    assert_int_equal(serve_watch_decision(&watch, &tiers, key, 1150, 1, PP_LIMITER_DENY),
                     SERVE_WATCH_NOT_WATCHED);
}

/* After its windows, or when it does not come any more, another key is watched. */
static void test_turns(void **state)
{
    (void)state;
    assert_int_equal(decide(key, 1000, 1, PP_LIMITER_ADMIT), SERVE_WATCH_RIGHT);
    assert_int_equal(decide(other, 1100, 9, PP_LIMITER_ADMIT), SERVE_WATCH_TOO_MANY);
    for (uint64_t now = 1110; now < 1500; now += 40)
        assert_int_equal(decide(other, now, 1, PP_LIMITER_DENY),
                         now < 1200 ? SERVE_WATCH_NOT_WATCHED : SERVE_WATCH_UNJUSTIFIED);
    assert_int_equal(decide(key, 1500, 1, PP_LIMITER_ADMIT), SERVE_WATCH_RIGHT);
    assert_true(watch.key.high == key.high);
}

static void test_busy_key(void **state)
{
    (void)state;
    static const struct serve_watch_rule wide = {1000000, 100, 1, true};
    for (int i = 0; i < SERVE_WATCH_ADMISSIONS; i++)
        assert_int_equal(serve_watch_decision(&watch, &wide, key, 1000, 1, PP_LIMITER_ADMIT),
                         SERVE_WATCH_RIGHT);
    assert_int_equal(serve_watch_decision(&watch, &wide, key, 1000, 1, PP_LIMITER_ADMIT),
                     SERVE_WATCH_NOT_WATCHED);
    assert_false(watch.watching);
}

/* Beside the real limiter: nothing to say.  Beside one with another limit or window: something. */
static uint64_t findings_beside(uint64_t limit, uint64_t window_ns,
                                const struct pp_limiter_config *config)
{
    struct pp_limiter *limiter;
    size_t bytes = pp_limiter_memory(config);
    void *memory = aligned_alloc(64, (bytes + 63) / 64 * 64);
    const struct serve_watch_rule told = {limit, window_ns, config->tick_ns, true};
    uint64_t now = 1000000, findings = 0;
    memset(memory, 0, bytes);
    memset(&watch, 0, sizeof watch);
    srand(3);
    assert_int_equal(pp_limiter_init(memory, bytes, config, now, false, &limiter), PP_OK);
    for (int i = 0; i < 200000; i++) {
        uint8_t name = (uint8_t)(rand() % 3);
        uint64_t weight = (uint64_t)rand() % 3 + 1;
        struct pp_limiter_key who = pp_limiter_key(limiter, (struct pp_bytes){&name, 1});
        now += (uint64_t)rand() % 40 * config->tick_ns;
        enum pp_limiter_verdict verdict = pp_limiter_admit(limiter, who, now, weight);
        enum serve_watch_finding finding =
            serve_watch_decision(&watch, &told, who, now, weight, verdict);
        findings += finding == SERVE_WATCH_TOO_MANY || finding == SERVE_WATCH_UNJUSTIFIED;
    }
    free(memory);
    return findings;
}

static void test_beside_the_limiter(void **state)
{
    (void)state;
    const struct pp_limiter_config config = {
        .limit = 7, .window_ns = 1000, .tick_ns = 3, .keys = 100};
    assert_int_equal(findings_beside(7, 1000, &config), 0);
    assert_true(findings_beside(6, 1000, &config) > 0);
    assert_true(findings_beside(8, 1000, &config) > 0);
    assert_true(findings_beside(7, 1010, &config) > 0);
    assert_true(findings_beside(7, 990, &config) > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_too_many, set_up),
        cmocka_unit_test_setup(test_edges, set_up),
        cmocka_unit_test_setup(test_what_is_not_judged, set_up),
        cmocka_unit_test_setup(test_turns, set_up),
        cmocka_unit_test_setup(test_busy_key, set_up),
        cmocka_unit_test_setup(test_beside_the_limiter, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
