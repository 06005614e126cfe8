/* SPDX-License-Identifier: MIT */
/* Tests of the sealing key's slots and the text of the verification key. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "../../src/base/base.h"
#include "../../src/ledger/ledger_internal.h"
#include "../lib/tamper.h"

static struct pp_sealing_state some_state(uint64_t epoch)
{
    struct pp_sealing_state s;
    memset(&s, 0, sizeof s);
    tamper_random_bytes(s.key_id, sizeof s.key_id);
    tamper_random_bytes(&s.log_id, sizeof s.log_id);
    tamper_random_bytes(&s.ratchet.outer, sizeof s.ratchet.outer);
    tamper_random_bytes(&s.ratchet.inner, sizeof s.ratchet.inner);
    tamper_random_bytes(&s.last_seal, sizeof s.last_seal);
    s.ratchet.epoch = epoch;
    s.size = tamper_random_u64();
    return s;
}

static void assert_same(const struct pp_sealing_state *a, const struct pp_sealing_state *b)
{
    assert_memory_equal(a->key_id, b->key_id, sizeof a->key_id);
    assert_true(pp_digest_equal(&a->log_id, &b->log_id));
    assert_true(a->ratchet.epoch == b->ratchet.epoch);
    assert_true(pp_digest_equal(&a->ratchet.outer, &b->ratchet.outer));
    assert_true(pp_digest_equal(&a->ratchet.inner, &b->ratchet.inner));
    assert_true(pp_digest_equal(&a->last_seal, &b->last_seal));
    assert_true(a->size == b->size);
}

/* ---- Slots ---------------------------------------------------------------------------------- */

static void test_slot_round_trips(void **state)
{
    (void)state;
    uint8_t slot[PP_SEALING_SLOT_BYTES];
    for (int round = 0; round < 1000; round++) {
        struct pp_sealing_state a = some_state(tamper_random_u64()), b;
        memset(slot, 0xff, sizeof slot);
        pp_sealing_slot_encode(&a, slot);
        assert_int_equal(pp_sealing_slot_decode(slot, &b), PP_OK);
        assert_same(&a, &b);
        for (size_t i = 200; i < sizeof slot; i++)
            assert_int_equal(slot[i], 0);
    }
}

static void test_every_bit_of_a_slot(void **state)
{
    (void)state;
    uint8_t slot[PP_SEALING_SLOT_BYTES];
    struct pp_sealing_state a = some_state(7), b;
    pp_sealing_slot_encode(&a, slot);
    for (size_t bit = 0; bit < 8 * sizeof slot; bit++) {
        slot[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_int_equal(pp_sealing_slot_decode(slot, &b), PP_ERROR_FORMAT);
        slot[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    assert_int_equal(pp_sealing_slot_decode(slot, &b), PP_OK);
}

static enum pp_error choose(const uint8_t *first, const uint8_t *second, unsigned *slot,
                            struct pp_sealing_state *found)
{
    uint8_t file[PP_SEALING_FILE_BYTES];
    memcpy(file, first, PP_SEALING_SLOT_BYTES);
    memcpy(file + PP_SEALING_SLOT_BYTES, second, PP_SEALING_SLOT_BYTES);
    return pp_sealing_file_decode(file, found, slot);
}

static void test_the_later_slot_counts(void **state)
{
    (void)state;
    uint8_t older[PP_SEALING_SLOT_BYTES], newer[PP_SEALING_SLOT_BYTES];
    static const uint8_t empty[PP_SEALING_SLOT_BYTES];
    for (uint64_t epoch = 0; epoch < 70000; epoch += 1 + epoch / 3) {
        struct pp_sealing_state a = some_state(epoch), b = some_state(epoch + 1), found;
        unsigned slot = 9;
        pp_sealing_slot_encode(&a, older);
        pp_sealing_slot_encode(&b, newer);
        assert_int_equal(choose(older, newer, &slot, &found), PP_OK);
        assert_int_equal(slot, 1);
        assert_same(&found, &b);
        assert_int_equal(choose(newer, older, &slot, &found), PP_OK);
        assert_int_equal(slot, 0);
        assert_same(&found, &b);
        assert_int_equal(choose(empty, older, &slot, &found), PP_OK);
        assert_int_equal(slot, 1);
        assert_same(&found, &a);
        assert_int_equal(choose(older, empty, &slot, &found), PP_OK);
        assert_int_equal(slot, 0);
        assert_same(&found, &a);
    }
}

/* A crash while the next state is written leaves any mixture of it with what was there. */
static void test_a_torn_slot_does_not_count(void **state)
{
    (void)state;
    uint8_t current[PP_SEALING_SLOT_BYTES], next[PP_SEALING_SLOT_BYTES];
    static const uint8_t empty[PP_SEALING_SLOT_BYTES];
    struct pp_sealing_state a = some_state(41), b = some_state(42), found;
    pp_sealing_slot_encode(&a, current);
    pp_sealing_slot_encode(&b, next);
    for (size_t written = 0; written <= sizeof next; written++) {
        uint8_t torn[PP_SEALING_SLOT_BYTES] = {0};
        unsigned slot = 9;
        memcpy(torn, next, written);
        bool whole = memcmp(torn, next, sizeof torn) == 0;
        assert_int_equal(choose(current, torn, &slot, &found), PP_OK);
        assert_int_equal(slot, whole);
        assert_same(&found, whole ? &b : &a);
        assert_int_equal(choose(empty, torn, &slot, &found), whole ? PP_OK : PP_ERROR_FORMAT);
        /* While the old state is erased, what is left of it counts no more than the new one. */
        uint8_t erased[PP_SEALING_SLOT_BYTES];
        memcpy(erased, current, sizeof erased);
        memset(erased, 0, written);
        assert_int_equal(choose(erased, next, &slot, &found), PP_OK);
        assert_int_equal(slot, 1);
        assert_same(&found, &b);
    }
}

static void test_no_valid_slot(void **state)
{
    (void)state;
    uint8_t file[PP_SEALING_FILE_BYTES] = {0}, damaged[PP_SEALING_SLOT_BYTES];
    struct pp_sealing_state a = some_state(3), found = a, untouched = a;
    unsigned slot = 9;
    assert_int_equal(pp_sealing_file_decode(file, &found, &slot), PP_ERROR_FORMAT);
    pp_sealing_slot_encode(&a, damaged);
    damaged[100] ^= 1;
    assert_int_equal(choose(damaged, damaged, &slot, &found), PP_ERROR_FORMAT);
    tamper_random_bytes(file, sizeof file);
    assert_int_equal(pp_sealing_file_decode(file, &found, &slot), PP_ERROR_FORMAT);
    assert_int_equal(slot, 9);
    assert_same(&found, &untouched);
}

/* ---- The verification key ------------------------------------------------------------------- */

static struct pp_verification_key some_key(void)
{
    struct pp_verification_key key;
    tamper_random_bytes(&key, sizeof key);
    return key;
}

static enum pp_error parse(const char *text, size_t len, struct pp_verification_key *key)
{
    /* A copy of its own, so that the sanitizer sees every read beyond it. */
    uint8_t *exact = malloc(len + (len == 0));
    assert_non_null(exact);
    if (len != 0)
        memcpy(exact, text, len);
    enum pp_error error = pp_verification_key_parse((struct pp_bytes){exact, len}, key);
    free(exact);
    return error;
}

static void test_verification_key_round_trips(void **state)
{
    (void)state;
    char text[PP_VERIFY_KEY_TEXT_BYTES];
    for (int round = 0; round < 1000; round++) {
        struct pp_verification_key a = some_key(), b;
        size_t len = pp_verification_key_format(&a, text);
        assert_int_equal(len, strlen(text));
        assert_int_equal(text[len - 1], '\n');
        assert_int_equal(parse(text, len, &b), PP_OK);
        assert_memory_equal(&a, &b, sizeof a);
    }
}

static void test_every_length_of_the_text(void **state)
{
    (void)state;
    char text[PP_VERIFY_KEY_TEXT_BYTES + 1];
    struct pp_verification_key a = some_key(), b;
    size_t len = pp_verification_key_format(&a, text);
    for (size_t n = 0; n < len; n++)
        assert_int_equal(parse(text, n, &b), PP_ERROR_FORMAT);
    for (int c = 0; c < 256; c++) {
        text[len] = (char)c;
        assert_int_equal(parse(text, len + 1, &b), PP_ERROR_FORMAT);
    }
}

/* Every value of every byte.  Only the case of the checksum's own hex digits is free. */
static void test_every_byte_of_the_text(void **state)
{
    (void)state;
    char text[PP_VERIFY_KEY_TEXT_BYTES];
    struct pp_verification_key a = some_key(), b;
    size_t len = pp_verification_key_format(&a, text);
    size_t checksum = len - 1 - 16;
    for (size_t i = 0; i < len; i++) {
        char honest = text[i];
        for (int c = 0; c < 256; c++) {
            text[i] = (char)c;
            bool same = text[i] == honest;
            bool other_case = i >= checksum && i < len - 1 && isalpha((unsigned char)honest) &&
                              tolower(c) == tolower(honest) && c < 128;
            assert_int_equal(parse(text, len, &b), same || other_case ? PP_OK : PP_ERROR_FORMAT);
        }
        text[i] = honest;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_slot_round_trips),
        cmocka_unit_test(test_every_bit_of_a_slot),
        cmocka_unit_test(test_the_later_slot_counts),
        cmocka_unit_test(test_a_torn_slot_does_not_count),
        cmocka_unit_test(test_no_valid_slot),
        cmocka_unit_test(test_verification_key_round_trips),
        cmocka_unit_test(test_every_length_of_the_text),
        cmocka_unit_test(test_every_byte_of_the_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
