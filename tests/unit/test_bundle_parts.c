/* SPDX-License-Identifier: MIT */
/* The small parts of a bundle: the manifest byte by byte, trees with any entries left out, records
   of seals, names. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../src/base/base.h"
#include "../../src/bundle/bag.h"
#include "../../src/bundle/zip.h"

enum { LEAVES = 300 };

/* spec/Bundle.v, encode: magic, then length, name, length and digest of each. */
static void test_manifest_bytes(void **state)
{
    (void)state;
    uint8_t memory[512], wanted[512] = "PPBMAN01";
    struct pp_bundle_line lines[2] = {{pp_bytes_of("a"), 3, pp_sha256(pp_bytes_of("abc"))},
                                      {pp_bytes_of("a.b"), 0, pp_sha256(pp_bytes_of(""))}};
    struct pp_bundle_text text = {memory, sizeof memory, 0};
    size_t at = 8;
    for (size_t i = 0; i < 2; i++) {
        pp_put_u64(wanted + at, lines[i].name.len);
        memcpy(wanted + at + 8, lines[i].name.data, lines[i].name.len);
        at += 8 + lines[i].name.len;
        pp_put_u64(wanted + at, lines[i].bytes);
        memcpy(wanted + at + 8, lines[i].digest.b, 32);
        at += 40;
    }
    assert_int_equal(pp_bundle_manifest(lines, 2, &text), PP_OK);
    assert_int_equal(text.len, at);
    assert_memory_equal(memory, wanted, at);
    struct pp_bundle_line swapped[2] = {lines[1], lines[0]}, twice[2] = {lines[0], lines[0]};
    assert_int_equal(pp_bundle_manifest(swapped, 2, &text), PP_ERROR_ARGUMENT);
    assert_int_equal(pp_bundle_manifest(twice, 2, &text), PP_ERROR_ARGUMENT);
    text.cap = at + at - 1;
    assert_int_equal(pp_bundle_manifest(lines, 2, &text), PP_ERROR_NO_SPACE);
    assert_int_equal(text.len, at);
}

static struct pp_digest subtree(const struct pp_digest *leaves, unsigned height)
{
    if (height == 0)
        return leaves[0];
    struct pp_digest left = subtree(leaves, height - 1);
    struct pp_digest right = subtree(leaves + ((size_t)1 << (height - 1)), height - 1);
    return pp_node_hash(&left, &right);
}

static void add_gap(struct pp_merkle_tree *tree, const struct pp_digest *leaves, uint64_t start,
                    uint64_t end)
{
    size_t tiles = 0;
    for (uint64_t at = start; at < end; tiles++) {
        unsigned height = pp_bundle_tile_height(at, end);
        struct pp_digest hash = subtree(leaves + at, height);
        assert_int_equal(pp_bundle_tree_add(tree, height, &hash), PP_OK);
        at += UINT64_C(1) << height;
        assert_true(at <= end);
    }
    assert_int_equal(tiles, pp_bundle_tile_count(start, end));
}

/* Whatever is left out, the root is that of the whole tree. */
static void test_trees_with_gaps(void **state)
{
    (void)state;
    static struct pp_digest leaves[LEAVES], scratch[LEAVES];
    srand(9);
    for (int round = 0; round < 2000; round++) {
        size_t size = 1 + (size_t)rand() % LEAVES;
        int density = 1 + rand() % 20;
        struct pp_merkle_tree whole, tree;
        for (size_t i = 0; i < size; i++)
            leaves[i] = pp_sha256((struct pp_bytes){(uint8_t *)&i, sizeof i});
        memcpy(scratch, leaves, sizeof scratch);
        pp_merkle_tree_init(&whole);
        pp_merkle_tree_init(&tree);
        assert_int_equal(pp_merkle_tree_append(&whole, NULL, scratch, size, NULL), PP_OK);
        for (uint64_t at = 0, end; at < size; at = end) {
            bool kept = rand() % density == 0;
            end = at + 1 + (uint64_t)(rand() % density);
            if (end > size)
                end = size;
            memcpy(scratch, leaves + at, (end - at) * sizeof *leaves);
            if (kept)
                assert_int_equal(pp_merkle_tree_append(&tree, NULL, scratch, end - at, NULL),
                                 PP_OK);
            else
                add_gap(&tree, leaves, at, end);
        }
        struct pp_digest a = pp_merkle_tree_root(&whole), b = pp_merkle_tree_root(&tree);
        assert_memory_equal(&a, &b, sizeof a);
        assert_int_equal(tree.size, size);
    }
}

static void test_subtrees_stand_where_they_may(void **state)
{
    (void)state;
    struct pp_digest hash = pp_sha256(pp_bytes_of("x"));
    struct pp_merkle_tree tree;
    pp_merkle_tree_init(&tree);
    assert_int_equal(pp_bundle_tree_add(&tree, 0, &hash), PP_OK);
    assert_int_equal(pp_bundle_tree_add(&tree, 1, &hash), PP_ERROR_ARGUMENT);
    assert_int_equal(pp_bundle_tree_add(&tree, 63, &hash), PP_ERROR_ARGUMENT);
    assert_int_equal(tree.size, 1);
    pp_merkle_tree_init(&tree);
    assert_int_equal(pp_bundle_tree_add(&tree, 62, &hash), PP_OK);
    assert_int_equal(pp_bundle_tree_add(&tree, 62, &hash), PP_ERROR_TOO_LARGE);
}

static void test_gaps_are_read(void **state)
{
    (void)state;
    static const struct {
        uint64_t size, count, gaps[3][2];
        bool good;
    } cases[] = {
        {10, 0, {{0}}, true},
        {10, 1, {{0, 10}}, true},
        {10, 2, {{0, 3}, {5, 10}}, true},
        {10, 2, {{0, 3}, {3, 10}}, false}, /* they touch */
        {10, 2, {{5, 7}, {0, 3}}, false},
        {10, 1, {{3, 3}}, false},
        {10, 1, {{3, 11}}, false},
        {UINT64_MAX, 0, {{0}}, false},
    };
    for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++) {
        uint8_t memory[1024] = {0};
        struct pp_bundle_text text = {memory, sizeof memory, 0};
        struct pp_bundle_tree_reader reader;
        struct pp_bundle_gap gap;
        assert_int_equal(pp_bundle_tree_begin(&text, cases[c].size, cases[c].count), PP_OK);
        for (size_t i = 0; i < cases[c].count; i++) {
            uint64_t start = cases[c].gaps[i][0], end = cases[c].gaps[i][1];
            assert_int_equal(pp_bundle_tree_gap(&text, start, end), PP_OK);
            text.len += 32 * pp_bundle_tile_count(start, end);
        }
        struct pp_bytes data = {memory, text.len};
        enum pp_error error = pp_bundle_tree_open(data, &reader);
        while (error == PP_OK)
            error = pp_bundle_tree_next(&reader, &gap);
        assert_int_equal(error, cases[c].good ? PP_ERROR_NOT_FOUND : PP_ERROR_FORMAT);
        if (!cases[c].good || cases[c].count == 0)
            continue;
        data.len--;
        error = pp_bundle_tree_open(data, &reader);
        while (error == PP_OK)
            error = pp_bundle_tree_next(&reader, &gap);
        assert_int_equal(error, PP_ERROR_FORMAT);
    }
}

static void test_names(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        enum pp_zip_fault fault;
    } cases[] = {
        {"evidence/bagit.txt", PP_ZIP_OK},
        {"a/b-c/d_e.1", PP_ZIP_OK},
        {"console.txt", PP_ZIP_OK},
        {"com10", PP_ZIP_OK},
        {"a/nul", PP_ZIP_NAME_DEVICE},
        {"Com1.txt", PP_ZIP_NAME_DEVICE},
        {"a/aux.b/c", PP_ZIP_NAME_DEVICE},
        {"a/./b", PP_ZIP_NAME_DOTS},
        {"a/..", PP_ZIP_NAME_DOTS},
        {"a/b/", PP_ZIP_NAME_FOLDER},
        {"/a", PP_ZIP_NAME_ABSOLUTE},
        {"a b", PP_ZIP_NAME_NOT_PORTABLE},
        {"caf\xc3\xa9", PP_ZIP_NAME_NOT_ASCII},
        {"a\\b", PP_ZIP_NAME_BACKSLASH},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_int_equal(pp_zip_name_check(pp_bytes_of(cases[i].name)), cases[i].fault);
    assert_int_equal(pp_zip_name_compare(pp_bytes_of("aB"), pp_bytes_of("Ab")), 0);
    assert_true(pp_zip_name_compare(pp_bytes_of("a"), pp_bytes_of("a.")) < 0);
    assert_true(pp_zip_name_compare(pp_bytes_of("B"), pp_bytes_of("a")) > 0);
    assert_true(pp_bag_knows(pp_bytes_of("data/proofs/00000000000000000007.entry")));
    assert_false(pp_bag_knows(pp_bytes_of("data/proofs/7.entry")));
    assert_false(pp_bag_knows(pp_bytes_of("data/blobs/AB")));
    assert_false(pp_bag_knows(pp_bytes_of("data/window.json.bak")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_manifest_bytes),
        cmocka_unit_test(test_trees_with_gaps),
        cmocka_unit_test(test_subtrees_stand_where_they_may),
        cmocka_unit_test(test_gaps_are_read),
        cmocka_unit_test(test_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
