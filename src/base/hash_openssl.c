/* SPDX-License-Identifier: MIT */
/* SHA-256, HMAC, HKDF-Expand and the ledger's hashes, one at a time, on OpenSSL. */

/* The low-level SHA-256 calls keep a HMAC key's pad states in plain memory: half the blocks of a
   MAC, and no allocation.  EVP costs 3 to 6 times as much for 160-byte inputs (docs/adr/0004). */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "hash.h"

#include <endian.h>
#include <openssl/crypto.h>
#include <openssl/sha.h>
#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "base.h"

_Static_assert(sizeof(SHA256_CTX) <= sizeof(struct pp_sha256_stream), "stream holds the state");
_Static_assert(offsetof(SHA256_CTX, h) == 0, "the chaining words come first");

enum {
    BLOCK_BYTES = 64,
    LENGTH_BYTES = 8,
    TAG_DOMAIN = 0x54,
    LEAF_PREFIX = 0x00,
    NODE_PREFIX = 0x01
};

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
    uint8_t area[8192]; /* as deep as pp_node_hash_interleaved with a run goes, and more */
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

/* What is hashed next is stored 16 bytes at a time where the processor can: the hash loads it in
   such pieces, and a load that needs several stores waits until the last of them has left the
   store queue, a fifth of the time of a block. */
#ifdef __SSE2__

static __m128i load(const void *from)
{
    return _mm_loadu_si128(from);
}

static void put_four(const uint32_t *words, uint8_t *out)
{
    __m128i v = load(words);
    v = _mm_or_si128(_mm_slli_epi16(v, 8), _mm_srli_epi16(v, 8));
    v = _mm_shufflehi_epi16(_mm_shufflelo_epi16(v, 0xb1), 0xb1);
    _mm_storeu_si128((__m128i *)(void *)out, v);
}

/* 0x54 ‖ tag ‖ leaf hash ‖ padding[1 ...]. */
static void put_tag_input(uint8_t block[BLOCK_BYTES], const struct pp_tag *tag,
                          const struct pp_digest *leaf, const uint8_t padding[16])
{
    __m128i t = load(tag->b), l = load(leaf->b), m = load(leaf->b + 16);
    __m128i *out = (__m128i *)(void *)block;
    _mm_storeu_si128(out, _mm_or_si128(_mm_slli_si128(t, 1), _mm_cvtsi32_si128(TAG_DOMAIN)));
    _mm_storeu_si128(out + 1, _mm_or_si128(_mm_slli_si128(l, 1), _mm_srli_si128(t, 15)));
    _mm_storeu_si128(out + 2, _mm_or_si128(_mm_slli_si128(m, 1), _mm_srli_si128(l, 15)));
    _mm_storeu_si128(out + 3, _mm_or_si128(load(padding), _mm_srli_si128(m, 15)));
}

#else

static void put_four(const uint32_t *words, uint8_t *out)
{
    for (size_t i = 0; i < 4; i++) {
        uint32_t word = htobe32(words[i]);
        memcpy(out + 4 * i, &word, sizeof word);
    }
}

static void put_tag_input(uint8_t block[BLOCK_BYTES], const struct pp_tag *tag,
                          const struct pp_digest *leaf, const uint8_t padding[16])
{
    block[0] = TAG_DOMAIN;
    memcpy(block + 1, tag->b, PP_TAG_BYTES);
    memcpy(block + 48, padding, 16);
    memcpy(block + 1 + PP_TAG_BYTES, leaf->b, PP_DIGEST_BYTES);
}

#endif

static void put_digest(const SHA256_CTX *state, struct pp_digest *out)
{
    put_four(state->h, out->b);
    put_four(state->h + 4, out->b + 16);
}

/* ---- Tags ---- */

/* Pads a message of `bytes` bytes that follows the pad block of a MAC key. */
static void pad_block(uint8_t block[BLOCK_BYTES], size_t bytes)
{
    uint64_t bits = htobe64(8 * (uint64_t)(BLOCK_BYTES + bytes));
    memset(block, 0, BLOCK_BYTES);
    block[bytes] = 0x80;
    memcpy(block + BLOCK_BYTES - LENGTH_BYTES, &bits, sizeof bits);
}

void pp_chain_begin(struct pp_chain_run *run, const struct pp_mac_key *key,
                    const struct pp_tag *previous, const struct pp_digest *leaves, size_t n,
                    uint8_t *const *out)
{
    run->key = key;
    run->leaves = leaves;
    run->out = out;
    run->steps = 2 * n;
    run->done = 0;
    run->tag = *previous;
    pad_block(run->inner, 1 + PP_TAG_BYTES + PP_DIGEST_BYTES);
    memcpy(run->padding, run->inner + 48, sizeof run->padding);
    pad_block(run->outer, PP_DIGEST_BYTES);
}

/* A tag takes two blocks, the inner and the outer hash of the HMAC; both are laid out once for the
   run, where SHA256_Update and SHA256_Final would copy and clear them each time. */
static void chain_step(struct pp_chain_run *run)
{
    SHA256_CTX state;
    size_t i = run->done / 2;
    if (run->done == run->steps)
        return;
    if (run->done++ % 2 == 0) {
        memcpy(state.h, run->key->inner.state, sizeof state.h);
        put_tag_input(run->inner, &run->tag, &run->leaves[i], run->padding);
        SHA256_Transform(&state, run->inner);
        put_four(state.h, run->outer);
        put_four(state.h + 4, run->outer + 16);
        return;
    }
    memcpy(state.h, run->key->outer.state, sizeof state.h);
    SHA256_Transform(&state, run->outer);
    put_four(state.h, run->tag.b);
    memcpy(run->out[i], run->tag.b, PP_TAG_BYTES);
}

struct pp_tag pp_chain_end(struct pp_chain_run *run)
{
    while (run->done != run->steps)
        chain_step(run);
    return run->tag;
}

/* ---- Independent hashes in turn ---- */

/* One of some independent hashes that take their blocks in turn, so that the processor overlaps
   them. */
enum { STREAMS = 16 };
struct stream {
    SHA256_CTX state;
    const uint8_t *data; /* its whole blocks */
    size_t whole, blocks;
    size_t begun;                 /* blocks taken before hash_streams */
    uint8_t end[3 * BLOCK_BYTES]; /* from TAIL on: what follows them, with FIPS 180-4's padding */
};
enum { TAIL = BLOCK_BYTES }; /* room before it for put_tail */

/* Copies whole blocks, because those of a constant length cost a fraction of others: the block that
   ends with the message, of which the last bytes go into the tail, and a block of padding. */
static void put_tail(struct stream *stream, struct pp_bytes message)
{
    static const uint8_t padding[BLOCK_BYTES] = {0x80};
    size_t rest = message.len % BLOCK_BYTES;
    size_t blocks = rest < BLOCK_BYTES - LENGTH_BYTES ? 1 : 2;
    uint8_t *tail = stream->end + TAIL;
    stream->data = message.data;
    stream->whole = message.len / BLOCK_BYTES;
    stream->blocks = stream->whole + blocks;
    if (stream->whole != 0)
        memcpy(tail + rest - BLOCK_BYTES, message.data + message.len - BLOCK_BYTES, BLOCK_BYTES);
    else if (rest != 0)
        memcpy(tail, message.data, rest);
    memcpy(tail + rest, padding, BLOCK_BYTES);
    uint64_t bits = htobe64(8 * (uint64_t)message.len);
    memcpy(tail + blocks * BLOCK_BYTES - LENGTH_BYTES, &bits, sizeof bits);
}

static void begin(struct stream *stream, const SHA256_CTX *start)
{
    memcpy(stream->state.h, start->h, sizeof start->h);
    stream->begun = 0;
}

static void take_block(struct stream *stream, size_t block)
{
    if (block < stream->whole)
        SHA256_Transform(&stream->state, stream->data + BLOCK_BYTES * block);
    else if (block < stream->blocks)
        SHA256_Transform(&stream->state,
                         stream->end + TAIL + BLOCK_BYTES * (block - stream->whole));
}

/* run, where there is one, takes a step behind each block. */
static void hash_streams(struct stream *streams, size_t count, struct pp_chain_run *run)
{
    size_t most = 0;
    for (size_t i = 0; i < count; i++) {
        size_t left = streams[i].blocks - streams[i].begun;
        most = left > most ? left : most;
    }
    for (size_t block = 0; block < most; block++) {
        for (size_t i = 0; i < count; i++) {
            take_block(&streams[i], streams[i].begun + block);
            if (run != NULL)
                chain_step(run);
        }
    }
}

/* The processor hashes the first block of one message while the tail of the next is made; a block
   that is itself a tail waits: to load it at once would stall (see put_tag_input). */
static void begin_message(struct stream *stream, const SHA256_CTX *start, struct pp_bytes message)
{
    begin(stream, start);
    put_tail(stream, message);
    if (stream->whole != 0)
        take_block(stream, stream->begun++);
}

void pp_sha256_interleaved(const struct pp_bytes *messages, size_t n, struct pp_digest *const *out)
{
    struct stream streams[STREAMS];
    SHA256_CTX start;
    SHA256_Init(&start);
    for (size_t done = 0; done < n; done += STREAMS) {
        size_t count = n - done < STREAMS ? n - done : STREAMS;
        for (size_t i = 0; i < count; i++)
            begin_message(&streams[i], &start, messages[done + i]);
        hash_streams(streams, count, NULL);
        for (size_t i = 0; i < count; i++)
            put_digest(&streams[i].state, out[done + i]);
    }
}

enum { NODE_BYTES = 1 + 2 * PP_DIGEST_BYTES };

/* 0x01 ‖ left ‖ right is one byte longer than a block: both blocks are the tail. */
static void init_node(struct stream *stream)
{
    static const uint8_t zeros[NODE_BYTES];
    put_tail(stream, (struct pp_bytes){zeros, NODE_BYTES});
    memcpy(stream->end + TAIL + BLOCK_BYTES, stream->end + TAIL, BLOCK_BYTES);
    stream->end[TAIL] = NODE_PREFIX;
    stream->whole = 0;
}

/* The padding behind it stays. */
static void put_node(struct stream *stream, const struct pp_digest children[2])
{
    memcpy(stream->end + TAIL + 1, children[0].b, PP_DIGEST_BYTES);
    memcpy(stream->end + TAIL + 1 + PP_DIGEST_BYTES, children[1].b, PP_DIGEST_BYTES);
}

void pp_node_hash_interleaved(const struct pp_digest *children, size_t n, struct pp_digest *out,
                              struct pp_chain_run *run)
{
    struct stream streams[STREAMS];
    SHA256_CTX start;
    SHA256_Init(&start);
    for (size_t i = 0; i < STREAMS && i < n; i++)
        init_node(&streams[i]);
    for (size_t done = 0; done < n; done += STREAMS) {
        size_t count = n - done < STREAMS ? n - done : STREAMS;
        for (size_t i = 0; i < count; i++) {
            begin(&streams[i], &start);
            put_node(&streams[i], children + 2 * (done + i));
        }
        hash_streams(streams, count, run);
        for (size_t i = 0; i < count; i++)
            put_digest(&streams[i].state, &out[done + i]);
    }
}

struct pp_digest pp_empty_hash(void)
{
    return pp_sha256((struct pp_bytes){NULL, 0});
}

struct pp_tag pp_chain_tag(const struct pp_mac_key *key, const struct pp_tag *previous,
                           const struct pp_digest *leaf)
{
    struct pp_chain_run run;
    struct pp_tag tag;
    uint8_t *out = tag.b;
    pp_chain_begin(&run, key, previous, leaf, 1, &out);
    return pp_chain_end(&run);
}
