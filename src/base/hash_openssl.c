/* SPDX-License-Identifier: MIT */
/* SHA-256, HMAC, HKDF-Expand and the ledger's hashes, one at a time, on OpenSSL. */

/* The low-level SHA-256 calls keep a HMAC key's pad states in plain memory: half the blocks of a
   MAC, and no allocation.  EVP costs 3 to 6 times as much for 160-byte inputs (docs/adr/0004). */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "hash.h"

#include <openssl/crypto.h>
#include <openssl/sha.h>
#include <string.h>

#include "base.h"

_Static_assert(sizeof(SHA256_CTX) <= sizeof(struct pp_sha256_stream), "stream holds the state");
_Static_assert(offsetof(SHA256_CTX, h) == 0, "the chaining words come first");

enum { BLOCK_BYTES = 64, TAG_DOMAIN = 0x54, LEAF_PREFIX = 0x00, NODE_PREFIX = 0x01 };

static SHA256_CTX *context(struct pp_sha256_stream *stream)
{
    return (SHA256_CTX *)(void *)stream->state;
}

void pp_sha256_init(struct pp_sha256_stream *stream)
{
    SHA256_Init(context(stream));
}

void pp_sha256_update(struct pp_sha256_stream *stream, struct pp_bytes data)
{
    if (data.len != 0)
        SHA256_Update(context(stream), data.data, data.len);
}

struct pp_digest pp_sha256_final(struct pp_sha256_stream *stream)
{
    struct pp_digest digest;
    SHA256_Final(digest.b, context(stream));
    return digest;
}

void pp_sha1(struct pp_bytes a, struct pp_bytes b, uint8_t out[PP_SHA1_BYTES])
{
    SHA_CTX state;
    SHA1_Init(&state);
    SHA1_Update(&state, a.data, a.len);
    SHA1_Update(&state, b.data, b.len);
    SHA1_Final(out, &state);
}

struct pp_digest pp_sha256(struct pp_bytes data)
{
    struct pp_sha256_stream stream;
    pp_sha256_init(&stream);
    pp_sha256_update(&stream, data);
    return pp_sha256_final(&stream);
}

static void pad_state(struct pp_sha256_stream *stream, const struct pp_digest *secret, uint8_t pad)
{
    uint8_t block[BLOCK_BYTES];
    memset(block, pad, sizeof block);
    for (size_t i = 0; i < PP_DIGEST_BYTES; i++)
        block[i] ^= secret->b[i];
    pp_sha256_init(stream);
    SHA256_Update(context(stream), block, sizeof block);
    OPENSSL_cleanse(block, sizeof block);
}

void pp_mac_key_init(struct pp_mac_key *key, const struct pp_digest *secret)
{
    pad_state(&key->inner, secret, 0x36);
    pad_state(&key->outer, secret, 0x5c);
}

static struct pp_digest mac_finish(const struct pp_mac_key *key, struct pp_sha256_stream *inner)
{
    struct pp_digest digest = pp_sha256_final(inner);
    struct pp_sha256_stream outer = key->outer;
    SHA256_Update(context(&outer), digest.b, sizeof digest.b);
    return pp_sha256_final(&outer);
}

struct pp_digest pp_mac(const struct pp_mac_key *key, struct pp_bytes a, struct pp_bytes b)
{
    struct pp_sha256_stream inner = key->inner;
    pp_sha256_update(&inner, a);
    pp_sha256_update(&inner, b);
    return mac_finish(key, &inner);
}

struct pp_digest pp_hkdf_expand(const struct pp_mac_key *key, const char *info)
{
    static const uint8_t counter = 1;
    return pp_mac(key, pp_bytes_of(info), (struct pp_bytes){&counter, 1});
}

__attribute__((noinline)) void pp_erase_stack(void)
{
    uint8_t area[4096];
    OPENSSL_cleanse(area, sizeof area);
}

struct pp_digest pp_leaf_hash(struct pp_bytes data)
{
    static const uint8_t prefix = LEAF_PREFIX;
    struct pp_sha256_stream stream;
    pp_sha256_init(&stream);
    SHA256_Update(context(&stream), &prefix, 1);
    pp_sha256_update(&stream, data);
    return pp_sha256_final(&stream);
}

struct pp_digest pp_node_hash(const struct pp_digest *left, const struct pp_digest *right)
{
    uint8_t input[1 + 2 * PP_DIGEST_BYTES];
    input[0] = NODE_PREFIX;
    memcpy(input + 1, left->b, PP_DIGEST_BYTES);
    memcpy(input + 1 + PP_DIGEST_BYTES, right->b, PP_DIGEST_BYTES);
    return pp_sha256((struct pp_bytes){input, sizeof input});
}

/* The two blocks of a node: 0x01 ‖ left ‖ right, then FIPS 180-4's padding of 65 bytes. */
static void node_blocks(const struct pp_digest children[2], uint8_t blocks[2][BLOCK_BYTES])
{
    enum { TAIL = 1 + 2 * PP_DIGEST_BYTES - BLOCK_BYTES, BITS = 8 * (1 + 2 * PP_DIGEST_BYTES) };
    memset(blocks[1], 0, BLOCK_BYTES);
    blocks[0][0] = NODE_PREFIX;
    memcpy(blocks[0] + 1, children[0].b, PP_DIGEST_BYTES);
    memcpy(blocks[0] + 1 + PP_DIGEST_BYTES, children[1].b, PP_DIGEST_BYTES - TAIL);
    memcpy(blocks[1], children[1].b + PP_DIGEST_BYTES - TAIL, TAIL);
    blocks[1][TAIL] = 0x80;
    blocks[1][BLOCK_BYTES - 2] = BITS / 256;
    blocks[1][BLOCK_BYTES - 1] = BITS % 256;
}

static struct pp_digest state_digest(const SHA256_CTX *state)
{
    struct pp_digest digest;
    for (size_t i = 0; i < PP_DIGEST_BYTES / 4; i++)
        pp_put_u32(digest.b + 4 * i, state->h[i]);
    return digest;
}

void pp_node_hash_interleaved(const struct pp_digest *children, size_t n, struct pp_digest *out)
{
    enum { STREAMS = 8 };
    SHA256_CTX start, states[STREAMS];
    uint8_t blocks[STREAMS][2][BLOCK_BYTES];
    SHA256_Init(&start);
    for (size_t done = 0; done < n; done += STREAMS) {
        size_t count = n - done < STREAMS ? n - done : STREAMS;
        for (size_t i = 0; i < count; i++) {
            node_blocks(children + 2 * (done + i), blocks[i]);
            memcpy(states[i].h, start.h, sizeof start.h);
        }
        for (size_t block = 0; block < 2; block++)
            for (size_t i = 0; i < count; i++)
                SHA256_Transform(&states[i], blocks[i][block]);
        for (size_t i = 0; i < count; i++)
            out[done + i] = state_digest(&states[i]);
    }
}

struct pp_digest pp_empty_hash(void)
{
    return pp_sha256((struct pp_bytes){NULL, 0});
}

struct pp_tag pp_chain_tag(const struct pp_mac_key *key, const struct pp_tag *previous,
                           const struct pp_digest *leaf)
{
    uint8_t input[1 + PP_TAG_BYTES + PP_DIGEST_BYTES];
    input[0] = TAG_DOMAIN;
    memcpy(input + 1, previous->b, PP_TAG_BYTES);
    memcpy(input + 1 + PP_TAG_BYTES, leaf->b, PP_DIGEST_BYTES);
    struct pp_sha256_stream inner = key->inner;
    SHA256_Update(context(&inner), input, sizeof input);
    struct pp_digest digest = mac_finish(key, &inner);
    struct pp_tag tag;
    memcpy(tag.b, digest.b, PP_TAG_BYTES);
    return tag;
}
