/* SPDX-License-Identifier: MIT */
/* Tests of the key ratchet: both ways to an epoch agree, and nothing leads back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "../../src/base/base.h"
#include "../../src/ledger/ledger_internal.h"
#include "../lib/tamper.h"

static struct pp_ratchet at_epoch(const struct pp_digest *seed, uint64_t epoch)
{
    struct pp_ratchet ratchet;
    pp_ratchet_init(&ratchet, seed);
    assert_int_equal(pp_ratchet_forward(&ratchet, epoch), PP_OK);
    assert_true(ratchet.epoch == epoch);
    return ratchet;
}

static void assert_same(const struct pp_ratchet *a, const struct pp_ratchet *b)
{
    assert_true(a->epoch == b->epoch);
    assert_true(pp_digest_equal(&a->outer, &b->outer));
    assert_true(pp_digest_equal(&a->inner, &b->inner));
}

static struct pp_digest some_seed(void)
{
    struct pp_digest seed;
    tamper_random_bytes(&seed, sizeof seed);
    return seed;
}

static struct pp_digest expand(const struct pp_digest *secret, const char *label)
{
    struct pp_mac_key key;
    pp_mac_key_init(&key, secret);
    return pp_hkdf_expand(&key, label);
}

/* Section 7 of the format document, as it is written there. */
static void test_derivation(void **state)
{
    (void)state;
    struct pp_digest seed = some_seed();
    struct pp_digest block_1 = expand(&seed, "postproof v1 outer");
    struct pp_digest key_0 = expand(&seed, "postproof v1 inner");
    struct pp_digest key_1 = expand(&key_0, "postproof v1 next");
    struct pp_ratchet ratchet = at_epoch(&seed, 0);
    assert_true(pp_digest_equal(&ratchet.inner, &key_0));
    assert_true(pp_digest_equal(&ratchet.outer, &block_1));
    ratchet = at_epoch(&seed, 1);
    assert_true(pp_digest_equal(&ratchet.inner, &key_1));
    assert_true(pp_digest_equal(&ratchet.outer, &block_1));
    struct pp_digest tag = expand(&key_1, "postproof v1 tag");
    struct pp_digest seal = expand(&key_1, "postproof v1 seal");
    struct pp_mac_key tag_key, seal_key;
    struct pp_epoch_keys keys;
    pp_mac_key_init(&tag_key, &tag);
    pp_mac_key_init(&seal_key, &seal);
    pp_epoch_keys_init(&keys, &ratchet);
    struct pp_bytes text = pp_bytes_of("text"), none = {NULL, 0};
    struct pp_digest a = pp_mac(&tag_key, text, none), b = pp_mac(&keys.tag, text, none);
    assert_true(pp_digest_equal(&a, &b));
    a = pp_mac(&seal_key, text, none);
    b = pp_mac(&keys.seal, text, none);
    assert_true(pp_digest_equal(&a, &b));
    ratchet = at_epoch(&seed, PP_EPOCHS_PER_BLOCK);
    struct pp_digest key_4096 = expand(&block_1, "postproof v1 inner");
    assert_true(pp_digest_equal(&ratchet.inner, &key_4096));
}

static void test_step_equals_forward(void **state)
{
    (void)state;
    struct pp_digest seed = some_seed();
    struct pp_ratchet stepped;
    pp_ratchet_init(&stepped, &seed);
    for (uint64_t epoch = 0; epoch <= 2 * PP_EPOCHS_PER_BLOCK + 2; epoch++) {
        bool at_border = (epoch + 2) % PP_EPOCHS_PER_BLOCK < 4;
        if (at_border || epoch % 97 == 0) {
            struct pp_ratchet forward = at_epoch(&seed, epoch);
            assert_same(&stepped, &forward);
        }
        pp_ratchet_step(&stepped);
    }
}

/* Going forward in two strides, from any epoch, is going there at once. */
static void test_forward_in_strides(void **state)
{
    (void)state;
    struct pp_digest seed = some_seed();
    for (int round = 0; round < 200; round++) {
        uint64_t first = tamper_random_below(20000), second = first + tamper_random_below(20000);
        struct pp_ratchet strides = at_epoch(&seed, first), at_once = at_epoch(&seed, second);
        assert_int_equal(pp_ratchet_forward(&strides, second), PP_OK);
        assert_same(&strides, &at_once);
    }
}

static void test_block_borders(void **state)
{
    (void)state;
    struct pp_digest seed = some_seed();
    for (uint64_t block = 1; block <= 3; block++) {
        uint64_t border = block * PP_EPOCHS_PER_BLOCK;
        struct pp_ratchet before = at_epoch(&seed, border - 1), at = at_epoch(&seed, border);
        struct pp_ratchet behind = at_epoch(&seed, border + 1);
        assert_false(pp_digest_equal(&before.outer, &at.outer));
        assert_true(pp_digest_equal(&at.outer, &behind.outer));
        pp_ratchet_step(&before);
        assert_same(&before, &at);
        pp_ratchet_step(&at);
        assert_same(&at, &behind);
    }
}

static void test_no_way_back(void **state)
{
    (void)state;
    struct pp_digest seed = some_seed();
    struct pp_ratchet ratchet = at_epoch(&seed, 4100), same = ratchet;
    assert_int_equal(pp_ratchet_forward(&ratchet, 4099), PP_ERROR_ARGUMENT);
    assert_int_equal(pp_ratchet_forward(&ratchet, 0), PP_ERROR_ARGUMENT);
    assert_same(&ratchet, &same);
    assert_int_equal(pp_ratchet_forward(&ratchet, 4100), PP_OK);
    assert_same(&ratchet, &same);
}

static void test_ten_million_epochs(void **state)
{
    (void)state;
    struct pp_digest seed = some_seed();
    struct pp_ratchet a = at_epoch(&seed, 10000000), b = at_epoch(&seed, 9999999);
    pp_ratchet_step(&b);
    assert_same(&a, &b);
}

static int compare_digests(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(struct pp_digest));
}

/* All keys of two blocks: none appears twice, and none is a block's secret. */
static void test_keys_differ(void **state)
{
    (void)state;
    enum { EPOCHS = 2 * PP_EPOCHS_PER_BLOCK };
    struct pp_digest seed = some_seed();
    struct pp_digest *all = calloc(EPOCHS + 4, sizeof *all);
    assert_non_null(all);
    struct pp_ratchet ratchet;
    pp_ratchet_init(&ratchet, &seed);
    size_t count = 0;
    all[count++] = seed;
    for (size_t epoch = 0; epoch < EPOCHS; epoch++) {
        if (epoch % PP_EPOCHS_PER_BLOCK == 0)
            all[count++] = ratchet.outer;
        all[count++] = ratchet.inner;
        pp_ratchet_step(&ratchet);
    }
    qsort(all, count, sizeof *all, compare_digests);
    for (size_t i = 1; i < count; i++)
        assert_true(memcmp(&all[i - 1], &all[i], sizeof all[i]) != 0);
    free(all);
}

static bool contains(const void *bytes, size_t n, const struct pp_digest *digest)
{
    return memmem(bytes, n, digest->b, sizeof digest->b) != NULL;
}

/* A later state holds no earlier key, nor the secret of its own block, from which they follow. */
static void test_later_states_hold_no_earlier_secret(void **state)
{
    (void)state;
    struct pp_digest seed = some_seed();
    struct pp_ratchet ratchet, earlier;
    pp_ratchet_init(&ratchet, &seed);
    earlier = ratchet;
    struct pp_digest block_secret = seed;
    for (uint64_t epoch = 1; epoch <= PP_EPOCHS_PER_BLOCK + 3; epoch++) {
        if (epoch % PP_EPOCHS_PER_BLOCK == 0)
            block_secret = ratchet.outer;
        pp_ratchet_step(&ratchet);
        assert_false(contains(&ratchet, sizeof ratchet, &earlier.inner));
        assert_false(contains(&ratchet, sizeof ratchet, &block_secret));
        assert_false(contains(&ratchet, sizeof ratchet, &seed));
        struct pp_epoch_keys keys;
        pp_epoch_keys_init(&keys, &ratchet);
        assert_false(contains(&keys, sizeof keys, &ratchet.inner));
        earlier = ratchet;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_derivation),
        cmocka_unit_test(test_step_equals_forward),
        cmocka_unit_test(test_forward_in_strides),
        cmocka_unit_test(test_block_borders),
        cmocka_unit_test(test_no_way_back),
        cmocka_unit_test(test_ten_million_epochs),
        cmocka_unit_test(test_keys_differ),
        cmocka_unit_test(test_later_states_hold_no_earlier_secret),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
