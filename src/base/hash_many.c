/* SPDX-License-Identifier: MIT */
/* Many hashes at once: intel-ipsec-mb's lanes where the build and the processor have them, a loop
   over OpenSSL elsewhere.  The results are the same; tests/unit/test_hash.c compares them. */

#include "hash.h"

#include <stdbool.h>
#include <string.h>

#include "base.h"

/* Fewer inputs than this do not fill the lanes. */
enum { LANES_WORTH_IT = 12 };

static void leaf_hash_loop(const struct pp_bytes *prefixed, size_t n, struct pp_digest *out)
{
    for (size_t i = 0; i < n; i++)
        out[i] = pp_sha256(prefixed[i]);
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
    leaf_hash_loop(prefixed, n, out);
}

void pp_node_hash_many(struct pp_hash_engine *engine, const struct pp_digest *children, size_t n,
                       struct pp_digest *out)
{
    (void)engine;
    pp_node_hash_interleaved(children, n, out);
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
    BURST = 128,
    NODE_INPUT_BYTES = 1 + 2 * PP_DIGEST_BYTES,
    TAG_INPUT_BYTES = 1 + PP_TAG_BYTES + PP_DIGEST_BYTES,
    TAG_DOMAIN = 0x54,
    NODE_PREFIX = 0x01
};

struct pp_hash_engine {
    IMB_MGR *manager;
    const char *name;
    uint8_t staging[BURST][NODE_INPUT_BYTES + 7];
    struct pp_bytes inputs[BURST];
    IMB_JOB jobs[BURST];
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

/* out[i] = SHA-256 of inputs[i] for at most BURST inputs.  The queue starts and ends empty: with
   version 1.3 of the library, bursts that wrapped around a queue in use gave wrong hashes. */
static void hash_burst(struct pp_hash_engine *engine, const struct pp_bytes *inputs, size_t count,
                       struct pp_digest *out)
{
    IMB_JOB *jobs[BURST];
    if (IMB_GET_NEXT_BURST(engine->manager, (uint32_t)count, jobs) != count) {
        leaf_hash_loop(inputs, count, out);
        return;
    }
    for (size_t i = 0; i < count; i++)
        fill_job(jobs[i], inputs[i], &out[i]);
    (void)IMB_SUBMIT_BURST_NOCHECK(engine->manager, (uint32_t)count, jobs);
    while (IMB_FLUSH_BURST(engine->manager, BURST, jobs) != 0)
        ;
}

void pp_leaf_hash_many(struct pp_hash_engine *engine, const struct pp_bytes *prefixed, size_t n,
                       struct pp_digest *out)
{
    if (engine == NULL || n < LANES_WORTH_IT) {
        leaf_hash_loop(prefixed, n, out);
        return;
    }
    for (size_t done = 0; done < n; done += BURST) {
        size_t count = n - done < BURST ? n - done : BURST;
        hash_burst(engine, prefixed + done, count, out + done);
    }
}

/* A job costs more than the second block of a node: SHA instructions without lanes are faster. */
static bool has_sha_instructions(const struct pp_hash_engine *engine)
{
    return (engine->manager->features & IMB_FEATURE_SHANI) != 0;
}

void pp_node_hash_many(struct pp_hash_engine *engine, const struct pp_digest *children, size_t n,
                       struct pp_digest *out)
{
    if (engine == NULL || n < LANES_WORTH_IT || has_sha_instructions(engine)) {
        pp_node_hash_interleaved(children, n, out);
        return;
    }
    for (size_t done = 0; done < n; done += BURST) {
        size_t count = n - done < BURST ? n - done : BURST;
        for (size_t i = 0; i < count; i++) {
            engine->staging[i][0] = NODE_PREFIX;
            memcpy(engine->staging[i] + 1, children[2 * (done + i)].b, 2 * PP_DIGEST_BYTES);
            engine->inputs[i] = (struct pp_bytes){engine->staging[i], NODE_INPUT_BYTES};
        }
        hash_burst(engine, engine->inputs, count, out + done);
    }
}

/* The eight chaining words of a state come first in it (asserted in hash_openssl.c): what ipsec-mb
   calls the hashed, xored key.  It only reads them, its type just doesn't say so. */
static uint8_t *pad_words(const struct pp_sha256_stream *stream)
{
    return (uint8_t *)(uintptr_t)stream->state;
}

static void tag_job(struct pp_hash_engine *engine, size_t slot, const struct pp_chain_input *in,
                    struct pp_tag *out)
{
    uint8_t *input = engine->staging[slot];
    input[0] = TAG_DOMAIN;
    memcpy(input + 1, in->previous.b, PP_TAG_BYTES);
    memcpy(input + 1 + PP_TAG_BYTES, in->leaf.b, PP_DIGEST_BYTES);
    IMB_JOB *job = &engine->jobs[slot];
    job->hash_alg = IMB_AUTH_HMAC_SHA_256;
    job->src = input;
    job->hash_start_src_offset_in_bytes = 0;
    job->msg_len_to_hash_in_bytes = TAG_INPUT_BYTES;
    job->auth_tag_output = out->b;
    job->auth_tag_output_len_in_bytes = PP_TAG_BYTES;
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
    const uint8_t *bytes = &engine->staging[0][0];
    for (size_t i = 0; i < BURST; i++)
        engine->inputs[i] = (struct pp_bytes){bytes, 1 + i * 5};
    memset(engine->staging, 0xa5, sizeof engine->staging);
    hash_burst(engine, engine->inputs, BURST, digests);
    for (size_t i = 0; i < BURST; i++) {
        struct pp_digest expected = pp_sha256(engine->inputs[i]);
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
    return self_test(engine) ? engine : NULL;
}

#endif
