/* SPDX-License-Identifier: MIT */
/* Tests of the index of a closed segment: sizes, contents, and what a decoder refuses. */
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

enum { SEQS = 1500, NODES_MAX = 128 };

/* nodes[h][k]: the node of height h over the leaves k * 2^h and on, of a tree with SEQS leaves. */
static struct pp_digest leaves[SEQS];
static struct pp_digest nodes[12][SEQS];

static int make_tree(void **state)
{
    (void)state;
    for (size_t i = 0; i < SEQS; i++) {
        tamper_random_bytes(&leaves[i], sizeof leaves[i]);
        nodes[0][i] = leaves[i];
    }
    for (unsigned h = 1; h < 12; h++)
        for (size_t k = 0; (k + 1) << h <= SEQS; k++)
            nodes[h][k] = pp_node_hash(&nodes[h - 1][2 * k], &nodes[h - 1][2 * k + 1]);
    return 0;
}

/* An index of the seqs [first, next) with the offsets 1000 + seq. */
static struct pp_bytes make_index(uint64_t first, uint64_t next)
{
    struct pp_merkle_tree tree;
    struct pp_digest completed[NODES_MAX], scratch[SEQS];
    struct pp_node_sink sink = {completed, 0, NODES_MAX};
    uint64_t offsets[SEQS / 64 + 2];
    size_t count = 0;
    pp_merkle_tree_init(&tree);
    memcpy(scratch, leaves, first * sizeof leaves[0]);
    assert_int_equal(pp_merkle_tree_append(&tree, NULL, scratch, first, NULL), PP_OK);
    memcpy(scratch, leaves + first, (next - first) * sizeof leaves[0]);
    assert_int_equal(pp_merkle_tree_append(&tree, NULL, scratch, next - first, &sink), PP_OK);
    for (uint64_t seq = first; seq < next; seq++)
        if (seq % PP_INDEX_BLOCK_ENTRIES == 0)
            offsets[count++] = 1000 + seq;
    assert_int_equal(pp_index_offset_count(first, next), count);
    assert_int_equal(pp_index_node_count(first, next), sink.count);
    size_t len = pp_index_bytes(first, next);
    assert_int_equal(len, PP_INDEX_HEAD_BYTES + 8 * count + 32 * sink.count);
    uint8_t *file = malloc(len);
    assert_non_null(file);
    pp_index_encode(first, next, offsets, completed, file);
    return (struct pp_bytes){file, len};
}

static void drop(struct pp_bytes file)
{
    free((uint8_t *)(uintptr_t)file.data);
}

/* Exactly the nodes whose last leaf is in the segment are found, with their hashes. */
static void check_nodes(const struct pp_segment_index *index)
{
    for (unsigned h = 6; h < 12; h++) {
        for (uint64_t k = 0; (k + 1) << h <= SEQS; k++) {
            struct pp_digest node;
            uint64_t end = (k + 1) << h;
            bool completed = end > index->first_seq && end <= index->next_seq;
            assert_int_equal(pp_index_node(index, h, k, &node), completed);
            if (completed)
                assert_true(pp_digest_equal(&node, &nodes[h][k]));
        }
    }
}

static void test_contents(void **state)
{
    (void)state;
    for (int round = 0; round < 300; round++) {
        uint64_t first = tamper_random_below(SEQS),
                 next = first + tamper_random_below(SEQS - first);
        if (round == 0)
            first = 0, next = SEQS;
        struct pp_bytes file = make_index(first, next);
        struct pp_segment_index index;
        assert_int_equal(pp_index_decode(file, &index), PP_OK);
        assert_true(index.first_seq == first && index.next_seq == next);
        for (uint64_t seq = (first + 63) / 64 * 64; seq < next; seq += 64)
            assert_int_equal(pp_index_offset(&index, seq), 1000 + seq);
        check_nodes(&index);
        drop(file);
    }
}

static void test_sizes_add_up(void **state)
{
    (void)state;
    for (int round = 0; round < 100000; round++) {
        uint64_t a = tamper_random_below(1 << 20), b = a + tamper_random_below(1 << 12);
        uint64_t c = b + tamper_random_below(1 << 12);
        assert_true(pp_index_offset_count(a, b) + pp_index_offset_count(b, c) ==
                    pp_index_offset_count(a, c));
        assert_true(pp_index_node_count(a, b) + pp_index_node_count(b, c) ==
                    pp_index_node_count(a, c));
    }
    assert_int_equal(pp_index_offset_count(0, 1), 1);
    assert_int_equal(pp_index_offset_count(1, 64), 0);
    assert_int_equal(pp_index_offset_count(1, 65), 1);
    assert_int_equal(pp_index_node_count(0, 63), 0);
    assert_int_equal(pp_index_node_count(0, 64), 1);
    assert_int_equal(pp_index_node_count(64, 128), 2);
    assert_int_equal(pp_index_bytes(5, 5), PP_INDEX_HEAD_BYTES);
}

static enum pp_error decode_exact(const uint8_t *data, size_t len)
{
    struct pp_segment_index index;
    uint8_t *exact = malloc(len + (len == 0));
    assert_non_null(exact);
    if (len != 0)
        memcpy(exact, data, len);
    enum pp_error error = pp_index_decode((struct pp_bytes){exact, len}, &index);
    free(exact);
    return error;
}

static void test_every_length(void **state)
{
    (void)state;
    struct pp_bytes file = make_index(100, 400);
    uint8_t longer[2048] = {0};
    assert_true(file.len + 64 < sizeof longer);
    memcpy(longer, file.data, file.len);
    for (size_t len = 0; len < file.len + 64; len++)
        assert_int_equal(decode_exact(longer, len), len == file.len ? PP_OK : PP_ERROR_FORMAT);
    drop(file);
}

/* Of the head only seqs that need the same room pass; the hash in the rotation seal tells them. */
static void test_every_bit_of_the_head(void **state)
{
    (void)state;
    struct pp_bytes file = make_index(64, 640);
    uint8_t changed[2048];
    memcpy(changed, file.data, file.len);
    for (size_t bit = 0; bit < 8 * PP_INDEX_HEAD_BYTES; bit++) {
        changed[bit / 8] ^= (uint8_t)(1 << bit % 8);
        enum pp_error error = decode_exact(changed, file.len);
        uint64_t first = pp_get_u64(changed + 8), next = pp_get_u64(changed + 16);
        bool in_seqs = bit / 8 >= 8 && bit / 8 < 24;
        bool same_room = in_seqs && first <= next && next <= 4096 &&
                         pp_index_offset_count(first, next) == pp_get_u64(changed + 24) &&
                         pp_index_bytes(first, next) == file.len;
        assert_int_equal(error, same_room ? PP_OK : PP_ERROR_FORMAT);
        changed[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    drop(file);
}

/* Sizes that would overflow when they are multiplied. */
static void test_absurd_sizes(void **state)
{
    (void)state;
    static const uint64_t seqs[] = {0,          1,          63,         64,
                                    65,         1u << 31,   INT64_MAX,  UINT64_MAX,
                                    1ull << 62, 1ull << 61, 1ull << 58, 1ull << 40};
    uint8_t file[PP_INDEX_HEAD_BYTES + 256] = "PPINDEX1";
    size_t n = sizeof seqs / sizeof seqs[0];
    for (size_t i = 0; i < n * n * n; i++) {
        uint64_t first = seqs[i % n], next = seqs[i / n % n], count = seqs[i / n / n];
        pp_put_u64(file + 8, first);
        pp_put_u64(file + 16, next);
        pp_put_u64(file + 24, count);
        for (size_t len = PP_INDEX_HEAD_BYTES; len <= sizeof file; len += 8) {
            bool good = first <= next && next <= INT64_MAX && next - first <= 64 &&
                        count == pp_index_offset_count(first, next) &&
                        len == pp_index_bytes(first, next);
            assert_int_equal(decode_exact(file, len), good ? PP_OK : PP_ERROR_FORMAT);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_contents),     cmocka_unit_test(test_sizes_add_up),
        cmocka_unit_test(test_every_length), cmocka_unit_test(test_every_bit_of_the_head),
        cmocka_unit_test(test_absurd_sizes),
    };
    return cmocka_run_group_tests(tests, make_tree, NULL);
}
