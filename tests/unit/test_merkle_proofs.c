/* SPDX-License-Identifier: MIT */
/* Tests of inclusion and consistency proofs: every small tree against the recursive definitions of
   RFC 6962 section 2.1, attacks on each proof, and published vectors. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <ftw.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "../lib/rfc6962.h"

static void assert_digest(const struct pp_digest *a, const struct pp_digest *b)
{
    assert_memory_equal(a->b, b->b, PP_DIGEST_BYTES);
}

static void assert_same_ranges(const struct outline *o, const struct pp_merkle_range *ranges,
                               size_t count)
{
    assert_int_equal(count, o->count);
    for (size_t i = 0; i < count; i++) {
        assert_true(ranges[i].start == o->ranges[i].start);
        assert_true(ranges[i].end == o->ranges[i].end);
    }
}

/* ---- Inclusion ------------------------------------------------------------------------------ */

/* Accepted: the path leads from leaf[index] to root. */
static bool included(uint64_t index, uint64_t size, const struct pp_digest *p, size_t count,
                     const struct pp_digest *root)
{
    struct pp_digest out, untouched;
    memset(&out, 0xee, sizeof out);
    untouched = out;
    enum pp_error error = pp_merkle_inclusion_root(&leaf[index], index, size, p, count, &out);
    if (error == PP_OK)
        return pp_digest_equal(&out, root);
    assert_int_equal(error, PP_ERROR_MISMATCH);
    assert_digest(&out, &untouched);
    return false;
}

static void flip(struct pp_digest *digest, size_t bit)
{
    digest->b[bit / 8] ^= (uint8_t)(1U << bit % 8);
}

/* The bits of a hash to flip: all of them in small trees, one chosen by chance in others. */
static size_t first_bit(uint64_t size)
{
    return size <= 32 ? 0 : (size_t)(random_u64() % 256);
}

static size_t end_bit(uint64_t size, size_t first)
{
    return size <= 32 ? 256 : first + 1;
}

static void attack_inclusion(uint64_t index, uint64_t size, struct pp_digest *p, size_t count,
                             const struct pp_digest *root)
{
    for (size_t i = 0; i < count; i++)
        for (size_t from = first_bit(size), b = from; b < end_bit(size, from); b++) {
            flip(&p[i], b);
            assert_false(included(index, size, p, count, root));
            flip(&p[i], b);
        }
    p[count] = *root;
    assert_false(included(index, size, p, count + 1, root));
    if (count > 0) {
        assert_false(included(index, size, p, count - 1, root));
        assert_false(included(index, size, p + 1, count - 1, root));
    }
    struct pp_digest out;
    for (uint64_t other = 0; other < size + 2; other++)
        if (other != index &&
            pp_merkle_inclusion_root(&leaf[index], other, size, p, count, &out) == PP_OK)
            assert_false(pp_digest_equal(&out, root));
}

/* RFC 6962 does not hash the size: another size is refused exactly when the path has another form
   there.  A checkpoint's signature binds the size. */
static void attack_size(uint64_t index, uint64_t size, const struct pp_digest *p, size_t count,
                        const struct pp_digest *root, const char *sides)
{
    for (uint64_t other = size < 4 ? 0 : size - 4; other < size + 5; other++) {
        struct outline o = {0};
        if (index < other)
            path(&o, index, 0, other);
        bool same = index < other && strcmp(o.sides, sides) == 0;
        assert_true(included(index, other, p, count, root) == same);
    }
}

static void test_inclusion_of_every_leaf(void **state)
{
    (void)state;
    for (uint64_t size = 1; size <= 130; size++) {
        struct pp_digest root = tree_hash(leaf, 0, size);
        for (uint64_t index = 0; index < size; index++) {
            struct pp_merkle_range ranges[PP_PROOF_HASHES_MAX];
            struct pp_digest p[PP_PROOF_HASHES_MAX + 1];
            struct outline o = {0};
            size_t count;
            path(&o, index, 0, size);
            assert_int_equal(pp_merkle_inclusion_ranges(index, size, ranges, &count), PP_OK);
            assert_same_ranges(&o, ranges, count);
            hash_ranges(ranges, count, p);
            assert_true(included(index, size, p, count, &root));
            attack_inclusion(index, size, p, count, &root);
            attack_size(index, size, p, count, &root, o.sides);
        }
    }
}

/* ---- Consistency ---------------------------------------------------------------------------- */

static bool consistent(uint64_t m, const struct pp_digest *old_root, uint64_t n,
                       const struct pp_digest *new_root, const struct pp_digest *p, size_t count)
{
    enum pp_error error = pp_merkle_consistency_check(m, old_root, n, new_root, p, count);
    assert_true(error == PP_OK || error == PP_ERROR_MISMATCH);
    return error == PP_OK;
}

static void attack_consistency(uint64_t m, uint64_t n, struct pp_digest *p, size_t count)
{
    struct pp_digest a = tree_hash(leaf, 0, m), b = tree_hash(leaf, 0, n);
    for (size_t i = 0; i < count; i++)
        for (size_t from = first_bit(n), bit = from; bit < end_bit(n, from); bit++) {
            flip(&p[i], bit);
            assert_false(consistent(m, &a, n, &b, p, count));
            flip(&p[i], bit);
        }
    for (size_t from = first_bit(n), bit = from; bit < end_bit(n, from); bit++) {
        flip(&a, bit);
        assert_false(consistent(m, &a, n, &b, p, count));
        flip(&a, bit);
        flip(&b, bit);
        /* The empty tree is a prefix of any tree: its new root may be anything. */
        assert_true(consistent(m, &a, n, &b, p, count) == (m == 0 && n != 0));
        flip(&b, bit);
    }
    p[count] = b;
    assert_false(consistent(m, &a, n, &b, p, count + 1));
    if (count > 0) {
        assert_false(consistent(m, &a, n, &b, p, count - 1));
        assert_false(consistent(m, &a, n, &b, p + 1, count - 1));
    }
    if (m != n)
        assert_false(consistent(n, &b, m, &a, p, count));
}

/* As for inclusion: other sizes are refused exactly when the proof has another form there. */
static void attack_sizes(uint64_t m, uint64_t n, const struct pp_digest *p, size_t count,
                         const char *sides)
{
    struct pp_digest a = tree_hash(leaf, 0, m), b = tree_hash(leaf, 0, n);
    for (uint64_t i = m < 3 ? 1 : m - 2; i < m + 3; i++)
        for (uint64_t j = n < 3 ? 1 : n - 2; j < n + 3; j++) {
            struct outline o = {0};
            if (i <= j)
                subproof(&o, i, 0, j, true);
            assert_true(consistent(i, &a, j, &b, p, count) == (strcmp(o.sides, sides) == 0));
        }
}

static void test_consistency_of_every_pair(void **state)
{
    (void)state;
    for (uint64_t n = 0; n <= 80; n++)
        for (uint64_t m = 0; m <= n; m++) {
            struct pp_merkle_range ranges[PP_PROOF_HASHES_MAX];
            struct pp_digest p[PP_PROOF_HASHES_MAX + 1];
            struct pp_digest a = tree_hash(leaf, 0, m), b = tree_hash(leaf, 0, n);
            struct outline o = {0};
            size_t count;
            if (m > 0)
                subproof(&o, m, 0, n, true);
            assert_int_equal(pp_merkle_consistency_ranges(m, n, ranges, &count), PP_OK);
            assert_same_ranges(&o, ranges, count);
            hash_ranges(ranges, count, p);
            assert_true(consistent(m, &a, n, &b, p, count));
            attack_consistency(m, n, p, count);
            if (m > 0)
                attack_sizes(m, n, p, count, o.sides);
        }
}

static void test_ranges_of_huge_trees(void **state)
{
    (void)state;
    const uint64_t max = (UINT64_C(1) << 63) - 1;
    struct pp_merkle_range ranges[PP_PROOF_HASHES_MAX];
    size_t count;
    for (int i = 0; i < 20000; i++) {
        uint64_t n = i == 0 ? max : (random_u64() & max) >> (random_u64() % 63);
        uint64_t m = i == 0 ? max - 2 : n == 0 ? 0 : random_u64() % n;
        struct outline inclusion = {0}, consistency = {0};
        if (n == 0)
            continue;
        path(&inclusion, m, 0, n);
        assert_int_equal(pp_merkle_inclusion_ranges(m, n, ranges, &count), PP_OK);
        assert_same_ranges(&inclusion, ranges, count);
        if (m > 0)
            subproof(&consistency, m, 0, n, true);
        assert_int_equal(pp_merkle_consistency_ranges(m, n, ranges, &count), PP_OK);
        assert_same_ranges(&consistency, ranges, count);
    }
    count = 99;
    assert_int_equal(pp_merkle_inclusion_ranges(5, 5, ranges, &count), PP_ERROR_ARGUMENT);
    assert_int_equal(pp_merkle_inclusion_ranges(0, 0, ranges, &count), PP_ERROR_ARGUMENT);
    assert_int_equal(pp_merkle_inclusion_ranges(0, max + 1, ranges, &count), PP_ERROR_ARGUMENT);
    assert_int_equal(pp_merkle_consistency_ranges(6, 5, ranges, &count), PP_ERROR_ARGUMENT);
    assert_int_equal(pp_merkle_consistency_ranges(1, UINT64_MAX, ranges, &count),
                     PP_ERROR_ARGUMENT);
    assert_int_equal(count, 99);
}

/* Path lengths at the end of the range: no overflow, no read behind the path. */
static void test_checks_of_huge_sizes(void **state)
{
    (void)state;
    struct pp_digest p[PP_PROOF_HASHES_MAX + 1], root;
    memcpy(p, leaf, sizeof p);
    assert_false(consistent(3, leaf, 7, leaf, NULL, 0));
    assert_false(consistent(4, leaf, 7, leaf, NULL, 0));
    for (size_t count = 0; count <= PP_PROOF_HASHES_MAX; count++) {
        enum pp_error first = pp_merkle_inclusion_root(leaf, 0, UINT64_MAX, p, count, &root);
        enum pp_error last =
            pp_merkle_inclusion_root(leaf, UINT64_MAX - 1, UINT64_MAX, p, count, &root);
        assert_int_equal(first, count == 64 ? PP_OK : PP_ERROR_MISMATCH);
        assert_int_equal(last, count == 63 ? PP_OK : PP_ERROR_MISMATCH);
        assert_false(consistent(1, leaf, UINT64_MAX, leaf, p, count));
        assert_false(consistent(UINT64_MAX - 1, leaf, UINT64_MAX, leaf, p, count));
    }
}

/* ---- Published vectors ---------------------------------------------------------------------- */

static struct pp_digest digest_of_hex(const json_t *hex)
{
    struct pp_digest digest;
    assert_non_null(json_string_value(hex));
    assert_true(pp_hex_decode(pp_bytes_of(json_string_value(hex)), digest.b, sizeof digest.b));
    return digest;
}

static size_t path_of_hex(const json_t *test, struct pp_digest *p)
{
    const json_t *array = json_object_get(test, "path");
    assert_true(json_is_array(array));
    assert_in_range(json_array_size(array), 0, PP_PROOF_HASHES_MAX);
    for (size_t i = 0; i < json_array_size(array); i++)
        p[i] = digest_of_hex(json_array_get(array, i));
    return json_array_size(array);
}

static size_t size_of_json(const json_t *test, const char *name)
{
    assert_true(json_is_integer(json_object_get(test, name)));
    return (size_t)json_integer_value(json_object_get(test, name));
}

/* The library makes and accepts the published proof, hash for hash. */
static void check_published(const json_t *all, const json_t *test, bool is_inclusion)
{
    const json_t *roots = json_object_get(all, "roots");
    size_t a = size_of_json(test, is_inclusion ? "index" : "old_size");
    size_t n = size_of_json(test, is_inclusion ? "size" : "new_size"), made;
    struct pp_digest p[PP_PROOF_HASHES_MAX], own[PP_PROOF_HASHES_MAX];
    struct pp_merkle_range ranges[PP_PROOF_HASHES_MAX];
    size_t count = path_of_hex(test, p);
    struct pp_digest root = digest_of_hex(json_array_get(roots, n));
    if (is_inclusion) {
        assert_int_equal(pp_merkle_inclusion_ranges(a, n, ranges, &made), PP_OK);
        assert_true(included(a, n, p, count, &root));
    } else {
        struct pp_digest old_root = digest_of_hex(json_array_get(roots, a));
        assert_int_equal(pp_merkle_consistency_ranges(a, n, ranges, &made), PP_OK);
        assert_true(consistent(a, &old_root, n, &root, p, count));
    }
    hash_ranges(ranges, made, own);
    assert_int_equal(made, count);
    assert_memory_equal(own, p, count * sizeof *p);
}

static void check_rfc6962(const json_t *all)
{
    const json_t *leaves = json_object_get(all, "leaves"), *roots = json_object_get(all, "roots");
    assert_int_equal(json_array_size(leaves), 8);
    struct pp_merkle_tree tree;
    pp_merkle_tree_init(&tree);
    for (size_t i = 0; i <= 8; i++) {
        struct pp_digest root = pp_merkle_tree_root(&tree), scratch;
        struct pp_digest expected = digest_of_hex(json_array_get(roots, i));
        assert_digest(&root, &expected);
        if (i == 8)
            break;
        const char *hex = json_string_value(json_array_get(leaves, i));
        uint8_t data[16];
        assert_true(pp_hex_decode(pp_bytes_of(hex), data, strlen(hex) / 2));
        leaf[i] = scratch = pp_merkle_leaf((struct pp_bytes){data, strlen(hex) / 2});
        assert_int_equal(pp_merkle_tree_append(&tree, NULL, &scratch, 1, NULL), PP_OK);
    }
    const json_t *tests = json_object_get(all, "inclusion");
    assert_int_equal(json_array_size(tests), 5);
    for (size_t i = 0; i < json_array_size(tests); i++)
        check_published(all, json_array_get(tests, i), true);
    tests = json_object_get(all, "consistency");
    assert_int_equal(json_array_size(tests), 4);
    for (size_t i = 0; i < json_array_size(tests); i++)
        check_published(all, json_array_get(tests, i), false);
}

static void test_rfc6962_vectors(void **state)
{
    json_t *all = json_load_file("tests/vectors/ledger/rfc6962.json", 0, NULL);
    assert_non_null(all);
    check_rfc6962(all);
    json_decref(all);
    assert_int_equal(make_leaves(state), 0);
}

/* The proof consists of the nodes that the RFC names, and convinces. */
static void check_named(const json_t *all, const char *kind, uint64_t a, const char *names)
{
    uint64_t n = size_of_json(all, "size");
    struct pp_merkle_range ranges[PP_PROOF_HASHES_MAX];
    struct pp_digest p[PP_PROOF_HASHES_MAX], root = tree_hash(leaf, 0, n);
    size_t count;
    bool is_inclusion = strcmp(kind, "inclusion") == 0;
    assert_int_equal(is_inclusion ? pp_merkle_inclusion_ranges(a, n, ranges, &count)
                                  : pp_merkle_consistency_ranges(a, n, ranges, &count),
                     PP_OK);
    assert_int_equal(count, strlen(names));
    for (size_t i = 0; i < count; i++) {
        const char name[] = {names[i], 0};
        const json_t *range = json_object_get(json_object_get(all, "nodes"), name);
        assert_int_equal(json_array_size(range), 2);
        assert_int_equal(ranges[i].start, json_integer_value(json_array_get(range, 0)));
        assert_int_equal(ranges[i].end, json_integer_value(json_array_get(range, 1)));
    }
    hash_ranges(ranges, count, p);
    struct pp_digest old_root = tree_hash(leaf, 0, a);
    assert_true(is_inclusion ? included(a, n, p, count, &root)
                             : consistent(a, &old_root, n, &root, p, count));
}

static void test_rfc9162_example(void **state)
{
    (void)state;
    static const char *const kinds[] = {"inclusion", "consistency"};
    static const size_t proofs[] = {4, 3};
    json_t *all = json_load_file("tests/vectors/ledger/rfc9162.json", 0, NULL), *names;
    assert_non_null(all);
    for (size_t i = 0; i < 2; i++) {
        const char *number;
        assert_int_equal(json_object_size(json_object_get(all, kinds[i])), proofs[i]);
        json_object_foreach(json_object_get(all, kinds[i]), number, names)
        {
            check_named(all, kinds[i], strtoull(number, NULL, 10), json_string_value(names));
        }
    }
    json_decref(all);
}

/* ---- The folder of independent vectors ------------------------------------------------------ */

struct vector {
    struct pp_digest p[PP_PROOF_HASHES_MAX];
    size_t count;
    bool expressible; /* every hash of the proof, and a leaf, has 32 bytes */
};

/* A hash shorter than 32 bytes is filled up with zeros, which keeps different ones different. */
static bool digest_of_base64(const json_t *text, struct pp_digest *digest)
{
    size_t len;
    memset(digest, 0, sizeof *digest);
    assert_non_null(json_string_value(text));
    return pp_base64_decode(pp_bytes_of(json_string_value(text)), digest->b, sizeof digest->b,
                            &len) &&
           len == sizeof digest->b;
}

/* One of them is 2^64 - 1, which jansson only reads as a real number. */
static uint64_t number_of(const json_t *test, const char *name)
{
    const json_t *number = json_object_get(test, name);
    assert_true(json_is_number(number));
    double value = json_number_value(number);
    assert_true(value >= 0);
    return value >= 18446744073709551615.0 ? UINT64_MAX : (uint64_t)value;
}

static bool accepts_inclusion(const json_t *test, struct vector *v)
{
    struct pp_digest hash, root, out;
    uint64_t index = number_of(test, "leafIdx"), size = number_of(test, "treeSize");
    v->expressible &= digest_of_base64(json_object_get(test, "leafHash"), &hash);
    (void)digest_of_base64(json_object_get(test, "root"), &root);
    return v->expressible &&
           pp_merkle_inclusion_root(&hash, index, size, v->p, v->count, &out) == PP_OK &&
           pp_digest_equal(&out, &root);
}

/* *lenient: an empty tree with its root and an empty proof, which this library accepts before any
   tree and the vectors refuse. */
static bool accepts_consistency(const json_t *test, struct vector *v, bool *lenient)
{
    struct pp_digest a, b, empty = pp_empty_hash();
    uint64_t m = number_of(test, "size1"), n = number_of(test, "size2");
    (void)digest_of_base64(json_object_get(test, "root1"), &a);
    (void)digest_of_base64(json_object_get(test, "root2"), &b);
    *lenient = m == 0 && n > 0 && v->count == 0 && pp_digest_equal(&a, &empty);
    return v->expressible && consistent(m, &a, n, &b, v->p, v->count);
}

static size_t vectors_accepted, vectors_refused;

static int check_vector_file(const char *file, const struct stat *info, int type, struct FTW *ftw)
{
    (void)info;
    (void)ftw;
    if (type != FTW_F || strlen(file) < 5 || strcmp(file + strlen(file) - 5, ".json") != 0)
        return 0;
    json_t *test = json_load_file(file, JSON_DECODE_INT_AS_REAL, NULL);
    assert_non_null(test);
    const json_t *proof = json_object_get(test, "proof"), *want = json_object_get(test, "wantErr");
    assert_true(json_is_boolean(want));
    assert_in_range(json_array_size(proof), 0, PP_PROOF_HASHES_MAX);
    struct vector v = {.count = json_array_size(proof), .expressible = true};
    for (size_t i = 0; i < v.count; i++)
        v.expressible &= digest_of_base64(json_array_get(proof, i), &v.p[i]);
    bool lenient = false;
    bool accepted = json_object_get(test, "leafIdx") != NULL
                        ? accepts_inclusion(test, &v)
                        : accepts_consistency(test, &v, &lenient);
    if (accepted == json_is_true(want) && !lenient)
        fail_msg("%s: accepted %d", file, accepted);
    if (lenient)
        assert_true(accepted);
    vectors_accepted += accepted;
    vectors_refused += !accepted;
    json_decref(test);
    return 0;
}

static void test_vector_folder(void **state)
{
    (void)state;
    const char *folder = getenv("PP_MERKLE_VECTORS");
    if (folder == NULL)
        folder = "../shared/vectors/merkle";
    vectors_accepted = vectors_refused = 0;
    if (nftw(folder, check_vector_file, 8, 0) != 0) {
        print_message("no folder %s: its vectors are left out\n", folder);
        skip();
    }
    assert_true(vectors_accepted > 0);
    assert_true(vectors_refused > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_inclusion_of_every_leaf),
        cmocka_unit_test(test_consistency_of_every_pair),
        cmocka_unit_test(test_ranges_of_huge_trees),
        cmocka_unit_test(test_checks_of_huge_sizes),
        cmocka_unit_test(test_rfc6962_vectors),
        cmocka_unit_test(test_rfc9162_example),
        cmocka_unit_test(test_vector_folder),
    };
    return cmocka_run_group_tests_name("merkle proofs", tests, make_leaves, NULL);
}
