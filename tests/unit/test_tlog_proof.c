/* SPDX-License-Identifier: MIT */
/* Tests of .tlog-proof files: round trips, forms, and attacks on each part. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../lib/rfc6962.h"

static struct pp_note_signer signer;
static char note[PP_CHECKPOINT_BYTES_MAX];

static struct pp_bytes entry(uint64_t seq, uint8_t out[8])
{
    pp_put_u64(out, seq); /* what leaf[seq] is the hash of */
    return (struct pp_bytes){out, 8};
}

static struct pp_tlog_proof prove(uint64_t index, uint64_t size)
{
    struct pp_tlog_proof proof = {.index = index};
    struct pp_merkle_range ranges[PP_PROOF_HASHES_MAX];
    struct pp_digest root = tree_hash(leaf, 0, size);
    assert_int_equal(pp_checkpoint_sign(&signer, size, &root, note, &proof.note.len), PP_OK);
    proof.note.data = (const uint8_t *)note;
    assert_int_equal(pp_merkle_inclusion_ranges(index, size, ranges, &proof.count), PP_OK);
    hash_ranges(ranges, proof.count, proof.path);
    return proof;
}

static int set_up(void **state)
{
    const uint8_t seed[32] = {1, 2, 3};
    if (pp_note_signer_init(&signer, "example.com/log", seed) != PP_OK)
        return -1;
    return make_leaves(state);
}

static void test_round_trip_and_check(void **state)
{
    (void)state;
    for (uint64_t size = 1; size <= 40; size += 3)
        for (uint64_t index = 0; index < size; index++) {
            struct pp_tlog_proof proof = prove(index, size), again;
            struct pp_checkpoint checkpoint;
            char text[PP_TLOG_PROOF_BYTES_MAX];
            uint8_t data[8];
            size_t len;
            assert_int_equal(pp_tlog_proof_format(&proof, text, &len), PP_OK);
            assert_int_equal(strlen(text), len);
            assert_int_equal(pp_tlog_proof_parse(pp_bytes_of(text), &again), PP_OK);
            assert_true(again.index == index);
            assert_int_equal(again.count, proof.count);
            assert_memory_equal(again.path, proof.path, proof.count * sizeof *proof.path);
            assert_int_equal(again.note.len, proof.note.len);
            assert_memory_equal(again.note.data, note, again.note.len);
            assert_int_equal(
                pp_tlog_proof_check(&again, &signer.key, entry(index, data), &checkpoint), PP_OK);
            assert_true(checkpoint.size == size);
        }
}

static void test_text_of_a_proof(void **state)
{
    (void)state;
    struct pp_tlog_proof proof = prove(2, 3);
    char text[PP_TLOG_PROOF_BYTES_MAX], expected[PP_TLOG_PROOF_BYTES_MAX], hash[45];
    size_t len;
    assert_int_equal(pp_tlog_proof_format(&proof, text, &len), PP_OK);
    (void)pp_base64_encode(proof.path[0].b, sizeof proof.path[0].b, hash);
    (void)snprintf(expected, sizeof expected, "c2sp.org/tlog-proof@v1\nindex 2\n%s\n\n%s", hash,
                   note);
    assert_string_equal(text, expected);
}

/* The largest that the limits allow fits the buffer that the header names. */
static void test_largest_proof(void **state)
{
    (void)state;
    char *text = malloc(PP_TLOG_PROOF_BYTES_MAX);
    struct pp_tlog_proof proof = prove(0, 1);
    static uint8_t large[PP_NOTE_BYTES_MAX + 1];
    size_t len = 0;
    assert_non_null(text);
    memset(large, 'x', sizeof large);
    proof.index = UINT64_MAX;
    proof.count = PP_PROOF_HASHES_MAX;
    proof.note = (struct pp_bytes){large, PP_NOTE_BYTES_MAX};
    assert_int_equal(pp_tlog_proof_format(&proof, text, &len), PP_OK);
    assert_true(len < PP_TLOG_PROOF_BYTES_MAX);
    assert_int_equal(strlen(text), len);
    proof.note.len++;
    assert_int_equal(pp_tlog_proof_format(&proof, text, &len), PP_ERROR_TOO_LARGE);
    proof.note.len = 1;
    proof.count++;
    assert_int_equal(pp_tlog_proof_format(&proof, text, &len), PP_ERROR_TOO_LARGE);
    free(text);
}

#define HASH_LINE "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"

static void test_forms(void **state)
{
    (void)state;
    static const struct {
        const char *head;
        enum pp_error error;
    } cases[] = {
        {"c2sp.org/tlog-proof@v1\nindex 0\n\n", PP_OK},
        {"c2sp.org/tlog-proof@v1\nindex 73894\n" HASH_LINE HASH_LINE "\n", PP_OK},
        {"c2sp.org/tlog-proof@v1\nextra YWdl\nindex 7\n" HASH_LINE "\n", PP_OK},
        {"c2sp.org/tlog-proof@v1\nextra \nindex 7\n\n", PP_OK},
        {"c2sp.org/tlog-proof@v1\nindex 18446744073709551615\n\n", PP_OK},
        {"c2sp.org/tlog-proof@v1\nextra YWd\nindex 7\n\n", PP_ERROR_FORMAT},
        {"c2sp.org/tlog-proof@v1\nextra\nindex 7\n\n", PP_ERROR_FORMAT},
        {"c2sp.org/tlog-proof@v1\nextra YWdl\nextra YWdl\nindex 7\n\n", PP_ERROR_FORMAT},
        {"c2sp.org/tlog-proof@v1\nindex 7\nextra YWdl\n\n", PP_ERROR_FORMAT},
        {"c2sp.org/tlog-proof@v2\nindex 0\n\n", PP_ERROR_FORMAT},
        {"c2sp.org/tlog-proof@v1 \nindex 0\n\n", PP_ERROR_FORMAT},
        {"\nindex 0\n\n", PP_ERROR_FORMAT},
        {"c2sp.org/tlog-proof@v1\n\n", PP_ERROR_FORMAT},
        {"c2sp.org/tlog-proof@v1\nindex 00\n\n", PP_ERROR_FORMAT},
        {"c2sp.org/tlog-proof@v1\nindex \n\n", PP_ERROR_FORMAT},
        {"c2sp.org/tlog-proof@v1\nindex  1\n\n", PP_ERROR_FORMAT},
        {"c2sp.org/tlog-proof@v1\nindex 18446744073709551616\n\n", PP_ERROR_FORMAT},
        {"c2sp.org/tlog-proof@v1\nindex 0\nAAAA\n\n", PP_ERROR_FORMAT},
        {"c2sp.org/tlog-proof@v1\nindex 0\n" HASH_LINE, PP_ERROR_FORMAT},
        {"c2sp.org/tlog-proof@v1\nindex 0\n\n\n", PP_ERROR_FORMAT},
        {"c2sp.org/tlog-proof@v1\r\nindex 0\n\n", PP_ERROR_FORMAT},
    };
    (void)prove(0, 1);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[PP_TLOG_PROOF_BYTES_MAX];
        struct pp_tlog_proof proof;
        (void)snprintf(text, sizeof text, "%s%s", cases[i].head, note);
        assert_int_equal(pp_tlog_proof_parse(pp_bytes_of(text), &proof), cases[i].error);
    }
}

static void test_number_of_hashes_is_limited(void **state)
{
    (void)state;
    (void)prove(0, 1);
    for (size_t count = 60; count < 70; count++) {
        char text[2 * PP_TLOG_PROOF_BYTES_MAX] = "c2sp.org/tlog-proof@v1\nindex 1\n";
        struct pp_tlog_proof proof;
        for (size_t i = 0; i < count; i++)
            strcat(text, HASH_LINE);
        strcat(text, "\n");
        strcat(text, note);
        assert_int_equal(pp_tlog_proof_parse(pp_bytes_of(text), &proof),
                         count <= PP_PROOF_HASHES_MAX ? PP_OK : PP_ERROR_FORMAT);
    }
}

static enum pp_error parse_and_check(const char *text, size_t len, struct pp_bytes data)
{
    char *copy = malloc(len == 0 ? 1 : len);
    struct pp_tlog_proof proof;
    struct pp_checkpoint checkpoint;
    assert_non_null(copy);
    memcpy(copy, text, len);
    enum pp_error error = pp_tlog_proof_parse((struct pp_bytes){(uint8_t *)copy, len}, &proof);
    if (error == PP_OK)
        error = pp_tlog_proof_check(&proof, &signer.key, data, &checkpoint);
    free(copy);
    return error;
}

static void assert_refused(enum pp_error error)
{
    assert_true(error == PP_ERROR_FORMAT || error == PP_ERROR_WRONG_KEY ||
                error == PP_ERROR_MISMATCH);
}

static void test_every_bit_counts(void **state)
{
    (void)state;
    struct pp_tlog_proof proof = prove(5, 11);
    char text[PP_TLOG_PROOF_BYTES_MAX];
    uint8_t data[8], other[9] = {0};
    size_t len;
    assert_int_equal(pp_tlog_proof_format(&proof, text, &len), PP_OK);
    assert_int_equal(parse_and_check(text, len, entry(5, data)), PP_OK);
    for (size_t bit = 0; bit < 8 * len; bit++) {
        text[bit / 8] = (char)(text[bit / 8] ^ 1 << bit % 8);
        assert_refused(parse_and_check(text, len, entry(5, data)));
        text[bit / 8] = (char)(text[bit / 8] ^ 1 << bit % 8);
    }
    for (size_t cut = 0; cut < len; cut++)
        assert_refused(parse_and_check(text, cut, entry(5, data)));
    for (size_t bit = 0; bit < 64; bit++) {
        (void)entry(5, other);
        other[bit / 8] ^= (uint8_t)(1U << bit % 8);
        assert_int_equal(parse_and_check(text, len, (struct pp_bytes){other, 8}),
                         PP_ERROR_MISMATCH);
    }
    (void)entry(5, other);
    assert_int_equal(parse_and_check(text, len, (struct pp_bytes){other, 9}), PP_ERROR_MISMATCH);
    assert_int_equal(parse_and_check(text, len, (struct pp_bytes){other, 7}), PP_ERROR_MISMATCH);
}

/* What RFC 6962 alone would let pass, the tree size, is bound by the signature. */
static void test_other_size_or_signer(void **state)
{
    (void)state;
    struct pp_tlog_proof proof = prove(5, 11);
    struct pp_note_signer other = signer;
    struct pp_checkpoint checkpoint;
    uint8_t data[8];
    char *size = strstr(note, "\n11\n") + 2;
    *size = '2';
    assert_int_equal(pp_tlog_proof_check(&proof, &signer.key, entry(5, data), &checkpoint),
                     PP_ERROR_MISMATCH);
    *size = '1';
    assert_int_equal(pp_tlog_proof_check(&proof, &signer.key, entry(5, data), &checkpoint), PP_OK);
    const uint8_t seed[32] = {9};
    assert_int_equal(pp_note_signer_init(&other, "example.com/log", seed), PP_OK);
    assert_int_equal(pp_tlog_proof_check(&proof, &other.key, entry(5, data), &checkpoint),
                     PP_ERROR_WRONG_KEY);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip_and_check),
        cmocka_unit_test(test_text_of_a_proof),
        cmocka_unit_test(test_largest_proof),
        cmocka_unit_test(test_forms),
        cmocka_unit_test(test_number_of_hashes_is_limited),
        cmocka_unit_test(test_every_bit_counts),
        cmocka_unit_test(test_other_size_or_signer),
    };
    return cmocka_run_group_tests_name("tlog-proof", tests, set_up, NULL);
}
