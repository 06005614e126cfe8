/* SPDX-License-Identifier: MIT */
/* Tests of the growing Merkle tree against the recursive definitions of RFC 6962 section 2.1. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "../lib/rfc6962.h"

static void assert_digest(const struct pp_digest *a, const struct pp_digest *b)
{
    assert_memory_equal(a->b, b->b, PP_DIGEST_BYTES);
}

/* Appends leaf[from .. to) in one call. */
static void append(struct pp_merkle_tree *tree, struct pp_hash_engine *engine, size_t from,
                   size_t to, struct pp_node_sink *sink)
{
    struct pp_digest scratch[LEAVES];
    memcpy(scratch, leaf + from, (to - from) * sizeof *scratch);
    assert_int_equal(pp_merkle_tree_append(tree, engine, scratch, to - from, sink), PP_OK);
    assert_true(tree->size == to);
}

/* ---- Roots and peaks ------------------------------------------------------------------------ */

static void test_roots_of_all_sizes(void **state)
{
    (void)state;
    struct pp_merkle_tree grown;
    pp_merkle_tree_init(&grown);
    for (size_t n = 0; n <= 300; n++) {
        struct pp_digest expected = tree_hash(leaf, 0, n);
        struct pp_merkle_tree at_once;
        pp_merkle_tree_init(&at_once);
        append(&at_once, NULL, 0, n, NULL);
        struct pp_digest root = pp_merkle_tree_root(&at_once);
        assert_digest(&root, &expected);
        root = pp_merkle_tree_root(&grown);
        assert_digest(&root, &expected);
        append(&grown, NULL, n, n + 1, NULL);
    }
}

static void test_peaks_round_trip(void **state)
{
    (void)state;
    struct pp_merkle_tree tree;
    pp_merkle_tree_init(&tree);
    for (size_t n = 0; n <= 300; n++) {
        struct pp_digest peaks[64], again[64];
        struct pp_merkle_tree loaded;
        size_t count = pp_merkle_tree_peaks(&tree, peaks);
        assert_int_equal(count, __builtin_popcountll(n));
        uint64_t start = 0;
        for (size_t i = 0; i < count; i++) {
            uint64_t width = i + 1 < count ? split(n - start) : n - start;
            struct pp_digest expected = tree_hash(leaf, start, start + width);
            assert_digest(&peaks[i], &expected);
            start += width;
        }
        assert_int_equal(pp_merkle_tree_load(&loaded, n, peaks, count), PP_OK);
        assert_int_equal(pp_merkle_tree_peaks(&loaded, again), count);
        assert_memory_equal(peaks, again, count * sizeof *peaks);
        struct pp_digest root = pp_merkle_tree_root(&loaded), expected = tree_hash(leaf, 0, n);
        assert_digest(&root, &expected);
        append(&tree, NULL, n, n + 1, NULL);
    }
}

static void test_load_rejects_wrong_counts(void **state)
{
    (void)state;
    struct pp_merkle_tree tree, before;
    struct pp_digest peaks[64] = {{{0}}};
    memset(&tree, 0x5a, sizeof tree);
    before = tree;
    for (uint64_t size = 0; size < 70; size++)
        for (size_t count = 0; count <= 64; count++)
            if (count != (size_t)__builtin_popcountll(size))
                assert_int_equal(pp_merkle_tree_load(&tree, size, peaks, count), PP_ERROR_FORMAT);
    assert_int_equal(pp_merkle_tree_load(&tree, UINT64_MAX, peaks, 64), PP_ERROR_FORMAT);
    assert_int_equal(pp_merkle_tree_load(&tree, UINT64_C(1) << 63, peaks, 1), PP_ERROR_FORMAT);
    assert_memory_equal(&tree, &before, sizeof tree);
    assert_int_equal(pp_merkle_tree_load(&tree, (UINT64_C(1) << 63) - 1, peaks, 63), PP_OK);
}

/* ---- Batches and the order of completion ---------------------------------------------------- */

/* One leaf after the other: a stack of complete subtrees, and the nodes of height 6 and more as
   they come to be. */
struct slow_tree {
    struct pp_digest stack[64];
    unsigned height[64];
    size_t depth;
    struct pp_digest nodes[200];
    size_t count;
    size_t count_at[LEAVES + 1];
};

static void slow_append(struct slow_tree *t, uint64_t seq)
{
    t->stack[t->depth] = leaf[seq];
    t->height[t->depth++] = 0;
    while (t->depth >= 2 && t->height[t->depth - 1] == t->height[t->depth - 2]) {
        t->depth--;
        t->stack[t->depth - 1] = node(t->stack[t->depth - 1], t->stack[t->depth]);
        unsigned height = ++t->height[t->depth - 1];
        if (height < 6)
            continue;
        assert_true(pp_merkle_node_position(height, seq >> height) == t->count);
        t->nodes[t->count++] = t->stack[t->depth - 1];
    }
    t->count_at[seq + 1] = t->count;
}

static struct slow_tree slow;

static void grow_slow(void)
{
    memset(&slow, 0, sizeof slow);
    for (uint64_t seq = 0; seq < LEAVES; seq++)
        slow_append(&slow, seq);
}

static void test_positions_and_counts(void **state)
{
    (void)state;
    grow_slow(); /* asserts each position */
    for (size_t n = 0; n <= LEAVES; n++)
        assert_true(pp_merkle_nodes_completed(n) == slow.count_at[n]);
    assert_true(slow.count > 80);
}

/* Sizes that differ by batch: mostly small, sometimes everything that is left. */
static size_t batch_size(size_t left)
{
    static const size_t bound[6] = {3, 70, 70, 400, 1500, LEAVES};
    size_t n = (size_t)(random_u64() % bound[random_u64() % 6]);
    return n < left ? n : left;
}

static void run_batches(struct pp_hash_engine *engine)
{
    struct pp_merkle_tree tree;
    struct pp_digest nodes[201], guard;
    memset(nodes, 0xee, sizeof nodes);
    guard = nodes[0];
    struct pp_node_sink sink = {nodes, 0, slow.count};
    pp_merkle_tree_init(&tree);
    for (size_t n = 0; n < LEAVES;) {
        size_t next = n + batch_size(LEAVES - n);
        append(&tree, engine, n, next, &sink);
        assert_int_equal(sink.count, slow.count_at[next]);
        assert_memory_equal(nodes, slow.nodes, sink.count * sizeof *nodes);
        assert_digest(&nodes[sink.count], &guard);
        n = next;
    }
    struct pp_digest peaks[64];
    assert_int_equal(pp_merkle_tree_peaks(&tree, peaks), slow.depth);
    assert_memory_equal(peaks, slow.stack, slow.depth * sizeof *peaks);
}

static void test_random_batches(void **state)
{
    (void)state;
    grow_slow();
    for (int i = 0; i < 300; i++)
        run_batches(NULL);
}

static void test_random_batches_with_engine(void **state)
{
    (void)state;
    size_t bytes = pp_hash_engine_bytes();
    if (bytes == 0) {
        print_message("no multi-buffer hashing in this build or processor\n");
        skip();
    }
    void *memory = aligned_alloc(64, (bytes + 63) / 64 * 64);
    assert_non_null(memory);
    struct pp_hash_engine *engine = pp_hash_engine_init(memory, bytes);
    grow_slow();
    for (int i = 0; i < 50; i++)
        run_batches(engine);
    free(memory);
}

/* A batch larger than what is reduced together, from an odd start. */
static void test_large_batch(void **state)
{
    (void)state;
    enum { COUNT = 20000 };
    struct pp_merkle_tree one, many;
    struct pp_digest *a = malloc(COUNT * sizeof *a), nodes[2][2 * (COUNT / 64 + 1) + 57];
    assert_non_null(a);
    struct pp_node_sink sink[2] = {{nodes[0], 0, sizeof nodes[0] / sizeof **nodes},
                                   {nodes[1], 0, sizeof nodes[1] / sizeof **nodes}};
    pp_merkle_tree_init(&one);
    append(&one, NULL, 0, 77, NULL);
    many = one;
    for (size_t i = 0; i < COUNT; i++)
        a[i] = leaf[i * 7 % LEAVES];
    for (size_t i = 0; i < COUNT; i++) {
        struct pp_digest copy = a[i];
        assert_int_equal(pp_merkle_tree_append(&one, NULL, &copy, 1, &sink[0]), PP_OK);
    }
    assert_int_equal(pp_merkle_tree_append(&many, NULL, a, COUNT, &sink[1]), PP_OK);
    struct pp_digest x = pp_merkle_tree_root(&one), y = pp_merkle_tree_root(&many);
    assert_digest(&x, &y);
    assert_int_equal(sink[0].count, sink[1].count);
    assert_memory_equal(nodes[0], nodes[1], sink[0].count * sizeof **nodes);
    free(a);
}

/* One leaf that completes a subtree of 2^62 leaves, and the end of the range. */
static void test_huge_sizes(void **state)
{
    (void)state;
    struct pp_merkle_tree tree, before;
    struct pp_digest peaks[64], nodes[64], last = leaf[99];
    memcpy(peaks, leaf, sizeof peaks);
    assert_int_equal(pp_merkle_tree_load(&tree, (UINT64_C(1) << 62) - 1, peaks, 62), PP_OK);
    struct pp_node_sink sink = {nodes, 0, 56};
    before = tree;
    assert_int_equal(pp_merkle_tree_append(&tree, NULL, &last, 1, &sink), PP_ERROR_NO_SPACE);
    assert_memory_equal(&tree, &before, sizeof tree);
    sink.cap = 57;
    assert_int_equal(pp_merkle_tree_append(&tree, NULL, &last, 1, &sink), PP_OK);
    assert_int_equal(sink.count, 57);
    struct pp_digest expected = leaf[99];
    for (unsigned height = 0; height < 62; height++) {
        expected = node(peaks[61 - height], expected);
        if (height + 1 >= 6)
            assert_digest(&nodes[height + 1 - 6], &expected);
    }
    struct pp_digest root = pp_merkle_tree_root(&tree);
    assert_digest(&root, &expected);
    assert_int_equal(pp_merkle_tree_load(&tree, (UINT64_C(1) << 63) - 1, peaks, 63), PP_OK);
    before = tree;
    assert_int_equal(pp_merkle_tree_append(&tree, NULL, &last, 1, NULL), PP_ERROR_TOO_LARGE);
    assert_memory_equal(&tree, &before, sizeof tree);
}

static void test_full_sink_changes_nothing(void **state)
{
    (void)state;
    struct pp_merkle_tree tree, before;
    struct pp_digest nodes[8], scratch[200], kept[200];
    struct pp_node_sink sink = {nodes, 0, 3};
    pp_merkle_tree_init(&tree);
    append(&tree, NULL, 0, 10, NULL);
    memcpy(scratch, leaf, sizeof scratch);
    memcpy(kept, scratch, sizeof kept);
    before = tree;
    /* 10 + 190 leaves complete three blocks and one parent. */
    assert_int_equal(pp_merkle_tree_append(&tree, NULL, scratch, 190, &sink), PP_ERROR_NO_SPACE);
    assert_memory_equal(&tree, &before, sizeof tree);
    assert_memory_equal(scratch, kept, sizeof kept);
    assert_int_equal(sink.count, 0);
    sink.cap = 4;
    assert_int_equal(pp_merkle_tree_append(&tree, NULL, scratch, 190, &sink), PP_OK);
    assert_int_equal(sink.count, 4);
    assert_int_equal(pp_merkle_tree_append(&tree, NULL, scratch, 0, &sink), PP_OK);
    assert_true(tree.size == 200);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_roots_of_all_sizes),
        cmocka_unit_test(test_peaks_round_trip),
        cmocka_unit_test(test_load_rejects_wrong_counts),
        cmocka_unit_test(test_positions_and_counts),
        cmocka_unit_test(test_random_batches),
        cmocka_unit_test(test_random_batches_with_engine),
        cmocka_unit_test(test_large_batch),
        cmocka_unit_test(test_huge_sizes),
        cmocka_unit_test(test_full_sink_changes_nothing),
    };
    return cmocka_run_group_tests_name("merkle", tests, make_leaves, NULL);
}
