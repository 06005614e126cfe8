/* SPDX-License-Identifier: MIT */
/* Tests of the hashes: published vectors, and many at once against one at a time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "../../src/base/base.h"
#include "../../src/base/hash.h"
#include "../lib/tamper.h"

enum { MANY = 300, DATA_BYTES_MAX = 700 };

static struct pp_digest from_hex(const char *hex)
{
    struct pp_digest digest;
    assert_true(pp_hex_decode(pp_bytes_of(hex), digest.b, sizeof digest.b));
    return digest;
}

static void assert_digest(struct pp_digest got, const char *expected)
{
    char hex[2 * PP_DIGEST_BYTES + 1];
    pp_hex_encode(got.b, sizeof got.b, hex);
    assert_string_equal(hex, expected);
}

/* ---- Published vectors ---------------------------------------------------------------------- */

/* FIPS 180-2 appendix B and the NIST CAVP short messages. */
static const struct {
    const char *text, *digest;
} sha256_vectors[] = {
    {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
    {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
    {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
     "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
    {"\xd3", "28969cdfa74a12c82f3bad960b0b000aca2ac329deea5c2328ebc6f2ba9802c1"},
    {"\x11\xaf", "5ca7133fa735326081558ac312c620eeca9970d1e70a4b95533d956f072d1f98"},
    {"\xb4\x19\x0e", "dff2e73091f6c05e528896c4c831b9448653dc2ff043528f6769437bc7b975c2"},
};

static void test_sha256_vectors(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof sha256_vectors / sizeof sha256_vectors[0]; i++)
        assert_digest(pp_sha256(pp_bytes_of(sha256_vectors[i].text)), sha256_vectors[i].digest);
    assert_digest(pp_empty_hash(), sha256_vectors[0].digest);
}

/* FIPS 180-2 B.3: a million times "a", in pieces that never end at a block. */
static void test_sha256_stream(void **state)
{
    (void)state;
    uint8_t piece[997];
    memset(piece, 'a', sizeof piece);
    struct pp_sha256_stream stream;
    pp_sha256_init(&stream);
    size_t left = 1000000;
    while (left != 0) {
        size_t n = left < sizeof piece ? left : sizeof piece;
        pp_sha256_update(&stream, (struct pp_bytes){piece, n});
        pp_sha256_update(&stream, (struct pp_bytes){NULL, 0});
        left -= n;
    }
    assert_digest(pp_sha256_final(&stream),
                  "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

static void test_stream_pieces_do_not_matter(void **state)
{
    (void)state;
    uint8_t data[DATA_BYTES_MAX];
    tamper_random_bytes(data, sizeof data);
    struct pp_digest whole = pp_sha256((struct pp_bytes){data, sizeof data});
    for (int round = 0; round < 200; round++) {
        struct pp_sha256_stream stream;
        pp_sha256_init(&stream);
        for (size_t at = 0; at < sizeof data;) {
            size_t n = tamper_random_below(130);
            n = n < sizeof data - at ? n : sizeof data - at;
            pp_sha256_update(&stream, (struct pp_bytes){data + at, n});
            at += n;
        }
        struct pp_digest pieces = pp_sha256_final(&stream);
        assert_true(pp_digest_equal(&whole, &pieces));
    }
}

static struct pp_mac_key key_of(const uint8_t *secret, size_t len)
{
    /* HMAC pads a shorter key with zeros, so that it equals its 32-byte form (RFC 2104). */
    struct pp_digest padded = {{0}};
    struct pp_mac_key key;
    memcpy(padded.b, secret, len);
    pp_mac_key_init(&key, &padded);
    return key;
}

/* RFC 4231 sections 4.2 to 4.5: the cases whose keys are not longer than 32 bytes. */
static void test_hmac_vectors(void **state)
{
    (void)state;
    uint8_t secret[32], data[50];
    memset(secret, 0x0b, 20);
    struct pp_mac_key key = key_of(secret, 20);
    assert_digest(pp_mac(&key, pp_bytes_of("Hi "), pp_bytes_of("There")),
                  "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
    key = key_of((const uint8_t *)"Jefe", 4);
    assert_digest(pp_mac(&key, pp_bytes_of("what do ya want "), pp_bytes_of("for nothing?")),
                  "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    memset(secret, 0xaa, 20);
    memset(data, 0xdd, sizeof data);
    key = key_of(secret, 20);
    assert_digest(pp_mac(&key, (struct pp_bytes){data, sizeof data}, pp_bytes_of("")),
                  "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe");
    for (uint8_t i = 0; i < 25; i++)
        secret[i] = (uint8_t)(i + 1);
    memset(data, 0xcd, sizeof data);
    key = key_of(secret, 25);
    assert_digest(pp_mac(&key, pp_bytes_of(""), (struct pp_bytes){data, sizeof data}),
                  "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b");
}

/* RFC 4231 section 4.6: the leftmost 128 bits. */
static void test_hmac_truncated_vector(void **state)
{
    (void)state;
    uint8_t secret[20], expected[PP_TAG_BYTES];
    memset(secret, 0x0c, sizeof secret);
    struct pp_mac_key key = key_of(secret, sizeof secret);
    struct pp_digest mac = pp_mac(&key, pp_bytes_of("Test With Truncation"), pp_bytes_of(""));
    assert_true(
        pp_hex_decode(pp_bytes_of("a3b6167473100ee06e0c796c2955552b"), expected, sizeof expected));
    assert_memory_equal(mac.b, expected, sizeof expected);
}

/* RFC 5869 appendices A.1 to A.3: the first 32 bytes of OKM are T(1). */
static void test_hkdf_vectors(void **state)
{
    (void)state;
    static const char info_1[] = "\xf0\xf1\xf2\xf3\xf4\xf5\xf6\xf7\xf8\xf9";
    char info_2[0x100 - 0xb0 + 1] = {0};
    for (int i = 0; i < 0x100 - 0xb0; i++)
        info_2[i] = (char)(0xb0 + i);
    struct pp_digest prk =
        from_hex("077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5");
    struct pp_mac_key key = key_of(prk.b, sizeof prk.b);
    assert_digest(pp_hkdf_expand(&key, info_1),
                  "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf");
    prk = from_hex("06a6b88c5853361a06104c9ceb35b45cef760014904671014a193f40c15fc244");
    key = key_of(prk.b, sizeof prk.b);
    assert_digest(pp_hkdf_expand(&key, info_2),
                  "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c");
    prk = from_hex("19ef24a32c717b167f33a91d6f648bdf96596776afdb6377ac434c1c293ccb04");
    key = key_of(prk.b, sizeof prk.b);
    assert_digest(pp_hkdf_expand(&key, ""),
                  "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d");
}

/* ---- The ledger's hashes -------------------------------------------------------------------- */

static void test_leaf_and_node_prefixes(void **state)
{
    (void)state;
    uint8_t data[1 + 64];
    tamper_random_bytes(data, sizeof data);
    data[0] = 0;
    struct pp_digest expected = pp_sha256((struct pp_bytes){data, sizeof data});
    struct pp_digest got = pp_leaf_hash((struct pp_bytes){data + 1, sizeof data - 1});
    assert_true(pp_digest_equal(&got, &expected));
    data[0] = 1;
    expected = pp_sha256((struct pp_bytes){data, sizeof data});
    struct pp_digest children[2];
    memcpy(children, data + 1, sizeof children);
    got = pp_node_hash(&children[0], &children[1]);
    assert_true(pp_digest_equal(&got, &expected));
}

static void test_chain_tag_is_a_mac(void **state)
{
    (void)state;
    struct pp_digest secret, leaf;
    struct pp_tag previous;
    tamper_random_bytes(secret.b, sizeof secret.b);
    tamper_random_bytes(leaf.b, sizeof leaf.b);
    tamper_random_bytes(previous.b, sizeof previous.b);
    struct pp_mac_key key = key_of(secret.b, sizeof secret.b);
    uint8_t front[1 + PP_TAG_BYTES] = {0x54};
    memcpy(front + 1, previous.b, sizeof previous.b);
    struct pp_digest mac = pp_mac(&key, (struct pp_bytes){front, sizeof front},
                                  (struct pp_bytes){leaf.b, sizeof leaf.b});
    struct pp_tag tag = pp_chain_tag(&key, &previous, &leaf);
    assert_memory_equal(tag.b, mac.b, sizeof tag.b);
}

/* ---- Many at once --------------------------------------------------------------------------- */

struct engine {
    void *memory;
    struct pp_hash_engine *engine;
};

static struct engine engine_new(void)
{
    struct engine e = {NULL, NULL};
    size_t bytes = (pp_hash_engine_bytes() + 63) / 64 * 64;
    if (bytes == 0)
        return e;
    e.memory = aligned_alloc(64, bytes);
    assert_non_null(e.memory);
    e.engine = pp_hash_engine_init(e.memory, bytes);
    assert_null(pp_hash_engine_init(e.memory, pp_hash_engine_bytes() - 1));
    return e;
}

static void check_leaves(struct pp_hash_engine *engine, size_t n)
{
    static uint8_t data[MANY][DATA_BYTES_MAX];
    struct pp_bytes prefixed[MANY] = {{NULL, 0}};
    struct pp_digest got[MANY + 1];
    memset(&got[n], 0xa5, sizeof got[n]);
    for (size_t i = 0; i < n; i++) {
        size_t len = 1 + tamper_random_below(DATA_BYTES_MAX);
        tamper_random_bytes(data[i], len);
        data[i][0] = 0;
        prefixed[i] = (struct pp_bytes){data[i], len};
    }
    pp_leaf_hash_many(engine, prefixed, n, got);
    for (size_t i = 0; i < n; i++) {
        struct pp_digest one = pp_leaf_hash((struct pp_bytes){data[i] + 1, prefixed[i].len - 1});
        assert_true(pp_digest_equal(&got[i], &one));
    }
    for (size_t i = 0; i < sizeof got[n].b; i++)
        assert_int_equal(got[n].b[i], 0xa5);
}

static void check_nodes(struct pp_hash_engine *engine, size_t n)
{
    static struct pp_digest children[2 * MANY], expected[MANY], got[MANY];
    tamper_random_bytes(children, 2 * n * sizeof children[0]);
    for (size_t i = 0; i < n; i++)
        expected[i] = pp_node_hash(&children[2 * i], &children[2 * i + 1]);
    pp_node_hash_many(engine, children, n, got);
    assert_memory_equal(got, expected, n * sizeof expected[0]);
    pp_node_hash_many(engine, children, n, children);
    assert_memory_equal(children, expected, n * sizeof expected[0]);
}

static void check_tags(struct pp_hash_engine *engine, size_t n)
{
    static struct pp_chain_input in[MANY];
    static struct pp_tag got[MANY];
    struct pp_mac_key keys[3];
    for (size_t i = 0; i < 3; i++) {
        struct pp_digest secret;
        tamper_random_bytes(secret.b, sizeof secret.b);
        pp_mac_key_init(&keys[i], &secret);
    }
    for (size_t i = 0; i < n; i++) {
        in[i].key = &keys[tamper_random_below(3)];
        tamper_random_bytes(in[i].previous.b, sizeof in[i].previous.b);
        tamper_random_bytes(in[i].leaf.b, sizeof in[i].leaf.b);
    }
    pp_chain_tag_many(engine, in, n, got);
    for (size_t i = 0; i < n; i++) {
        struct pp_tag one = pp_chain_tag(in[i].key, &in[i].previous, &in[i].leaf);
        assert_true(pp_tag_equal(&got[i], &one));
    }
}

/* Each tag is that of its leaf and of the tag before it, however the run is cut and whatever is
   hashed beside it. */
static void check_run(struct pp_hash_engine *engine, size_t tags, size_t nodes)
{
    enum { TAGS = 40, NODES = 50 };
    struct pp_mac_key key;
    struct pp_digest secret = {{5}}, leaves[TAGS], children[2 * NODES], parents[NODES];
    struct pp_tag tag = {{3}};
    uint8_t got[TAGS][PP_TAG_BYTES], *out[TAGS], input[1 + PP_TAG_BYTES] = {0x54};
    struct pp_chain_run run;
    pp_mac_key_init(&key, &secret);
    tamper_random_bytes(children, sizeof children);
    tamper_random_bytes(leaves, sizeof leaves);
    memset(got, 0, sizeof got);
    for (size_t i = 0; i < TAGS; i++)
        out[i] = got[TAGS - 1 - i];
    pp_chain_begin(&run, &key, &tag, leaves, tags, out);
    pp_hash_engine_beside(engine, &run);
    pp_node_hash_many(engine, children, nodes, parents);
    pp_hash_engine_beside(engine, NULL);
    struct pp_tag last = pp_chain_end(&run);
    for (size_t i = 0; i < tags; i++) {
        memcpy(input + 1, tag.b, PP_TAG_BYTES);
        struct pp_digest mac = pp_mac(&key, (struct pp_bytes){input, sizeof input},
                                      (struct pp_bytes){leaves[i].b, PP_DIGEST_BYTES});
        memcpy(tag.b, mac.b, PP_TAG_BYTES);
        assert_memory_equal(out[i], tag.b, PP_TAG_BYTES);
    }
    assert_memory_equal(&last, &tag, sizeof tag);
    for (size_t i = tags; i < TAGS; i++) /* and nothing is written behind the run */
        assert_memory_equal(out[i], (uint8_t[PP_TAG_BYTES]){0}, PP_TAG_BYTES);
    for (size_t i = 0; i < nodes; i++) {
        struct pp_digest node = pp_node_hash(&children[2 * i], &children[2 * i + 1]);
        assert_memory_equal(&parents[i], &node, sizeof node);
    }
}

static void test_chained_tags_follow_each_other(void **state)
{
    (void)state;
    struct engine e = engine_new();
    for (size_t tags = 0; tags <= 40; tags++)
        for (size_t nodes = 0; nodes <= 50; nodes++) {
            check_run(e.engine, tags, nodes);
            check_run(NULL, tags, nodes);
        }
    free(e.memory);
}

/* Every count, so that each way of filling lanes and bursts occurs, with one engine throughout. */
static void test_many_equals_one_at_a_time(void **state)
{
    (void)state;
    struct engine e = engine_new();
    assert_string_equal(pp_hash_engine_name(NULL), "openssl");
    for (size_t n = 0; n <= MANY; n++) {
        check_leaves(NULL, n);
        check_nodes(NULL, n);
        check_tags(NULL, n);
        if (e.engine == NULL)
            continue;
        check_leaves(e.engine, n);
        check_nodes(e.engine, n);
        check_tags(e.engine, n);
    }
    free(e.memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sha256_vectors),
        cmocka_unit_test(test_sha256_stream),
        cmocka_unit_test(test_stream_pieces_do_not_matter),
        cmocka_unit_test(test_hmac_vectors),
        cmocka_unit_test(test_hmac_truncated_vector),
        cmocka_unit_test(test_hkdf_vectors),
        cmocka_unit_test(test_leaf_and_node_prefixes),
        cmocka_unit_test(test_chain_tag_is_a_mac),
        cmocka_unit_test(test_chained_tags_follow_each_other),
        cmocka_unit_test(test_many_equals_one_at_a_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
