/* SPDX-License-Identifier: MIT */
/* Many hashes at once: intel-ipsec-mb's lanes where the build and the processor have them, a loop
   over OpenSSL elsewhere.  The results are the same; tests/unit/test_hash.c compares them. */

#include "hash.h"

#include <stdbool.h>
#include <string.h>

#include "base.h"

/* Fewer inputs than this do not fill the lanes; and with SHA instructions, three blocks with their
   padding are hashed without lanes in less time than as a job (docs/adr/0013). */
enum { LANES_WORTH_IT = 12, FEW_BLOCKS_BYTES = 3 * 64 - 9 };

/* Some messages and where their hashes go. */
enum { BURST = 128 };
struct burst {
    struct pp_bytes messages[BURST];
    struct pp_digest *out[BURST];
    size_t count;
};

static void add(struct burst *burst, struct pp_bytes message, struct pp_digest *out)
{
    burst->messages[burst->count] = message;
    burst->out[burst->count++] = out;
}

static void interleave(struct burst *burst)
{
    pp_sha256_interleaved(burst->messages, burst->count, burst->out);
    burst->count = 0;
}

static void hash_without_lanes(const struct pp_bytes *messages, size_t n, struct pp_digest *out)
{
    struct burst burst;
    burst.count = 0;
    for (size_t i = 0; i < n; i++) {
        add(&burst, messages[i], &out[i]);
        if (burst.count == BURST || i + 1 == n)
            interleave(&burst);
    }
}

static void chain_tag_loop(const struct pp_chain_input *in, size_t n, struct pp_tag *out)
{
    for (size_t i = 0; i < n; i++)
        out[i] = pp_chain_tag(in[i].key, &in[i].previous, &in[i].leaf);
}

#ifndef PP_HAVE_IPSEC_MB

size_t pp_hash_engine_bytes(void)
{
    return 0;
}

struct pp_hash_engine *pp_hash_engine_init(void *memory, size_t bytes)
{
    (void)memory, (void)bytes;
    return NULL;
}

const char *pp_hash_engine_name(const struct pp_hash_engine *engine)
{
    (void)engine;
    return "openssl";
}

void pp_leaf_hash_many(struct pp_hash_engine *engine, const struct pp_bytes *prefixed, size_t n,
                       struct pp_digest *out)
{
    (void)engine;
    hash_without_lanes(prefixed, n, out);
}

void pp_node_hash_many(struct pp_hash_engine *engine, const struct pp_digest *children, size_t n,
                       struct pp_digest *out)
{
    (void)engine;
    pp_node_hash_interleaved(children, n, out, NULL);
}

void pp_hash_engine_beside(struct pp_hash_engine *engine, struct pp_chain_run *run)
{
    (void)engine, (void)run;
}

void pp_chain_tag_many(struct pp_hash_engine *engine, const struct pp_chain_input *in, size_t n,
                       struct pp_tag *out)
{
    (void)engine;
    chain_tag_loop(in, n, out);
}

#else

#include <intel-ipsec-mb.h>

enum {
    NODE_INPUT_BYTES = 1 + 2 * PP_DIGEST_BYTES,
    TAG_INPUT_BYTES = 1 + PP_TAG_BYTES + PP_DIGEST_BYTES,
    TAG_DOMAIN = 0x54,
    NODE_PREFIX = 0x01
};

struct pp_hash_engine {
    IMB_MGR *manager;
    const char *name;
    struct burst few_blocks, many_blocks;
    uint8_t nodes[BURST][NODE_INPUT_BYTES + 7], tags[BURST][64];
    IMB_JOB jobs[BURST]; /* of tags */
    struct pp_chain_run *beside;
};

_Static_assert(BURST <= IMB_MAX_BURST_SIZE, "a burst fits");

/* The manager follows the engine in the same memory, on a 64-byte boundary. */
static size_t engine_bytes(void)
{
    return (sizeof(struct pp_hash_engine) + 63) / 64 * 64;
}

size_t pp_hash_engine_bytes(void)
{
    return engine_bytes() + imb_get_mb_mgr_size();
}

const char *pp_hash_engine_name(const struct pp_hash_engine *engine)
{
    return engine == NULL ? "openssl" : engine->name;
}

static void fill_job(IMB_JOB *job, struct pp_bytes input, struct pp_digest *out)
{
    job->cipher_mode = IMB_CIPHER_NULL;
    job->cipher_direction = IMB_DIR_ENCRYPT;
    job->chain_order = IMB_ORDER_HASH_CIPHER;
    job->hash_alg = IMB_AUTH_SHA_256;
    job->src = input.data;
    job->hash_start_src_offset_in_bytes = 0;
    job->msg_len_to_hash_in_bytes = input.len;
    job->auth_tag_output = out->b;
    job->auth_tag_output_len_in_bytes = PP_DIGEST_BYTES;
}

/* The queue starts and ends empty: with version 1.3 of the library, bursts that wrapped around a
   queue in use gave wrong hashes. */
static void hash_in_lanes(struct pp_hash_engine *engine, struct burst *burst)
{
    IMB_JOB *jobs[BURST];
    uint32_t count = (uint32_t)burst->count;
    if (IMB_GET_NEXT_BURST(engine->manager, count, jobs) != count) {
        interleave(burst);
        return;
    }
    for (size_t i = 0; i < count; i++)
        fill_job(jobs[i], burst->messages[i], burst->out[i]);
    (void)IMB_SUBMIT_BURST_NOCHECK(engine->manager, count, jobs);
    while (IMB_FLUSH_BURST(engine->manager, BURST, jobs) != 0)
        ;
    burst->count = 0;
}

static void hash_burst(struct pp_hash_engine *engine, struct burst *burst)
{
    if (burst->count < LANES_WORTH_IT)
        interleave(burst);
    else
        hash_in_lanes(engine, burst);
}

/* A job costs about as much as two blocks do that SHA instructions hash without lanes. */
static bool has_sha_instructions(const struct pp_hash_engine *engine)
{
    return (engine->manager->features & IMB_FEATURE_SHANI) != 0;
}

void pp_leaf_hash_many(struct pp_hash_engine *engine, const struct pp_bytes *prefixed, size_t n,
                       struct pp_digest *out)
{
    if (engine == NULL) {
        hash_without_lanes(prefixed, n, out);
        return;
    }
    size_t few_bytes = has_sha_instructions(engine) ? FEW_BLOCKS_BYTES : 0;
    for (size_t i = 0; i < n; i++) {
        bool few = prefixed[i].len <= few_bytes;
        struct burst *burst = few ? &engine->few_blocks : &engine->many_blocks;
        add(burst, prefixed[i], &out[i]);
        if (few && burst->count == BURST)
            interleave(burst);
        else if (burst->count == BURST)
            hash_in_lanes(engine, burst);
    }
    interleave(&engine->few_blocks);
    hash_burst(engine, &engine->many_blocks);
}

void pp_node_hash_many(struct pp_hash_engine *engine, const struct pp_digest *children, size_t n,
                       struct pp_digest *out)
{
    if (engine == NULL || n < LANES_WORTH_IT || has_sha_instructions(engine)) {
        pp_node_hash_interleaved(children, n, out, engine != NULL ? engine->beside : NULL);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        struct burst *burst = &engine->many_blocks;
        uint8_t *input = engine->nodes[burst->count];
        input[0] = NODE_PREFIX;
        memcpy(input + 1, children[2 * i].b, PP_DIGEST_BYTES);
        memcpy(input + 1 + PP_DIGEST_BYTES, children[2 * i + 1].b, PP_DIGEST_BYTES);
        add(burst, (struct pp_bytes){input, NODE_INPUT_BYTES}, &out[i]);
        if (burst->count == BURST || i + 1 == n)
            hash_burst(engine, burst);
    }
}

void pp_hash_engine_beside(struct pp_hash_engine *engine, struct pp_chain_run *run)
{
    if (engine != NULL)
        engine->beside = run;
}

/* The eight chaining words of a state come first in it (asserted in hash_openssl.c): what ipsec-mb
   calls the hashed, xored key.  It only reads them, its type just doesn't say so. */
static uint8_t *pad_words(const struct pp_sha256_stream *stream)
{
    return (uint8_t *)(uintptr_t)stream->state;
}

/* What all tags have in common. */
static void init_tag_jobs(struct pp_hash_engine *engine)
{
    for (size_t i = 0; i < BURST; i++) {
        IMB_JOB *job = &engine->jobs[i];
        engine->tags[i][0] = TAG_DOMAIN;
        job->hash_alg = IMB_AUTH_HMAC_SHA_256;
        job->src = engine->tags[i];
        job->hash_start_src_offset_in_bytes = 0;
        job->msg_len_to_hash_in_bytes = TAG_INPUT_BYTES;
        job->auth_tag_output_len_in_bytes = PP_TAG_BYTES;
    }
}

static void tag_job(struct pp_hash_engine *engine, size_t slot, const struct pp_chain_input *in,
                    struct pp_tag *out)
{
    uint8_t *input = engine->tags[slot];
    memcpy(input + 1, in->previous.b, PP_TAG_BYTES);
    memcpy(input + 1 + PP_TAG_BYTES, in->leaf.b, PP_DIGEST_BYTES);
    IMB_JOB *job = &engine->jobs[slot];
    job->auth_tag_output = out->b;
    job->u.HMAC._hashed_auth_key_xor_ipad = pad_words(&in->key->inner);
    job->u.HMAC._hashed_auth_key_xor_opad = pad_words(&in->key->outer);
}

void pp_chain_tag_many(struct pp_hash_engine *engine, const struct pp_chain_input *in, size_t n,
                       struct pp_tag *out)
{
    if (engine == NULL || n < LANES_WORTH_IT) {
        chain_tag_loop(in, n, out);
        return;
    }
    for (size_t done = 0; done < n; done += BURST) {
        size_t count = n - done < BURST ? n - done : BURST;
        for (size_t i = 0; i < count; i++)
            tag_job(engine, i, &in[done + i], &out[done + i]);
        uint32_t completed = IMB_SUBMIT_HASH_BURST_NOCHECK(engine->manager, engine->jobs,
                                                           (uint32_t)count, IMB_AUTH_HMAC_SHA_256);
        if (completed != count)
            chain_tag_loop(in + done, count, out + done);
    }
}

/* An engine that disagrees with OpenSSL is not used. */
static bool self_test(struct pp_hash_engine *engine)
{
    struct pp_digest digests[BURST];
    const uint8_t *bytes = &engine->nodes[0][0];
    memset(engine->nodes, 0xa5, sizeof engine->nodes);
    for (size_t i = 0; i < BURST; i++)
        add(&engine->many_blocks, (struct pp_bytes){bytes, 1 + i * 5}, &digests[i]);
    hash_in_lanes(engine, &engine->many_blocks);
    for (size_t i = 0; i < BURST; i++) {
        struct pp_digest expected = pp_sha256((struct pp_bytes){bytes, 1 + i * 5});
        if (memcmp(digests[i].b, expected.b, PP_DIGEST_BYTES) != 0)
            return false;
    }
    return true;
}

struct pp_hash_engine *pp_hash_engine_init(void *memory, size_t bytes)
{
    static const char *const names[] = {[IMB_ARCH_SSE] = "intel-ipsec-mb sse",
                                        [IMB_ARCH_AVX] = "intel-ipsec-mb avx",
                                        [IMB_ARCH_AVX2] = "intel-ipsec-mb avx2",
                                        [IMB_ARCH_AVX512] = "intel-ipsec-mb avx512"};
    if (bytes < pp_hash_engine_bytes())
        return NULL;
    struct pp_hash_engine *engine = memory;
    memset(engine, 0, sizeof *engine);
    engine->manager = imb_set_pointers_mb_mgr((uint8_t *)memory + engine_bytes(), 0, 1);
    if (engine->manager == NULL)
        return NULL;
    IMB_ARCH arch = IMB_ARCH_NONE;
    init_mb_mgr_auto(engine->manager, &arch);
    if (imb_get_errno(engine->manager) != 0 || arch < IMB_ARCH_SSE || arch > IMB_ARCH_AVX512)
        return NULL;
    engine->name = names[arch];
    init_tag_jobs(engine);
    return self_test(engine) ? engine : NULL;
}

#endif
