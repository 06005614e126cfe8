/* SPDX-License-Identifier: MIT */
/* Why the ledger hashes as it does (docs/adr/0004): each way to compute the same leaf hashes and
   tags, in nanoseconds each, best of some rounds on one thread. */

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../src/base/hash.h"
#include "../src/os/os.h"
#include "peers/measure.h"

enum { COUNT = 1 << 14, ROUNDS = 9, ENTRY_BYTES = 190, INPUT_BYTES = ENTRY_BYTES + 1 };

static uint8_t inputs[COUNT][INPUT_BYTES + 1];
static struct pp_bytes views[COUNT];
static struct pp_digest digests[COUNT], nodes[2 * COUNT];
static struct pp_chain_input chain[COUNT];
static struct pp_tag tags[COUNT];
static struct pp_digest secret;
static struct pp_mac_key key;
static struct pp_hash_engine *engine;
static EVP_MD *sha256;
static EVP_MD_CTX *context;

static void leaf_evp(void)
{
    for (size_t i = 0; i < COUNT; i++) {
        EVP_DigestInit_ex2(context, sha256, NULL);
        EVP_DigestUpdate(context, views[i].data, views[i].len);
        EVP_DigestFinal_ex(context, digests[i].b, NULL);
    }
}

static void leaf_one(void)
{
    for (size_t i = 0; i < COUNT; i++)
        digests[i] = pp_sha256(views[i]);
}

static void leaf_many(void)
{
    pp_leaf_hash_many(engine, views, COUNT, digests);
}

static void node_one(void)
{
    for (size_t i = 0; i < COUNT; i++)
        digests[i] = pp_node_hash(&nodes[2 * i], &nodes[2 * i + 1]);
}

static void node_many(void)
{
    pp_node_hash_many(engine, nodes, COUNT, digests);
}

static void tag_hmac(void)
{
    for (size_t i = 0; i < COUNT; i++) {
        uint8_t message[49] = {0x54}, full[32];
        memcpy(message + 1, chain[i].previous.b, 16);
        memcpy(message + 17, chain[i].leaf.b, 32);
        HMAC(EVP_sha256(), secret.b, 32, message, sizeof message, full, NULL);
        memcpy(tags[i].b, full, 16);
    }
}

static void tag_one(void)
{
    for (size_t i = 0; i < COUNT; i++)
        tags[i] = pp_chain_tag(&key, &chain[i].previous, &chain[i].leaf);
}

static struct pp_tag first_tag;
static struct pp_digest tag_leaves[COUNT];
static uint8_t *tag_places[COUNT];

static void tag_serial(void)
{
    struct pp_chain_run run;
    pp_chain_begin(&run, &key, &first_tag, tag_leaves, COUNT, tag_places);
    first_tag = pp_chain_end(&run);
}

static void tag_beside_node(void)
{
    struct pp_chain_run run;
    pp_chain_begin(&run, &key, &first_tag, tag_leaves, COUNT, tag_places);
    pp_hash_engine_beside(engine, &run);
    pp_node_hash_many(engine, nodes, COUNT, digests);
    pp_hash_engine_beside(engine, NULL);
    first_tag = pp_chain_end(&run);
}

static void tag_many(void)
{
    pp_chain_tag_many(engine, chain, COUNT, tags);
}

static void measure(const char *what, void (*run)(void), double *base)
{
    double best = 0;
    for (int i = 0; i < ROUNDS; i++) {
        double start = seconds_now();
        run();
        double seconds = seconds_now() - start;
        best = i == 0 || seconds < best ? seconds : best;
    }
    double each = best / COUNT * 1e9;
    if (*base <= 0)
        *base = each;
    printf("%-62s %8.1f ns %8.2fx\n", what, each, *base / each);
}

int main(void)
{
    double leaf = 0, node = 0, tag = 0, both = 0;
    sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
    context = EVP_MD_CTX_new();
    size_t engine_bytes = pp_hash_engine_bytes();
    void *memory = engine_bytes != 0 ? pp_os_secret_alloc(engine_bytes) : NULL;
    engine = memory != NULL ? pp_hash_engine_init(memory, engine_bytes) : NULL;
    if (sha256 == NULL || context == NULL)
        return 2;
    for (size_t i = 0; i < COUNT; i++) {
        memset(inputs[i], (int)i, INPUT_BYTES);
        inputs[i][0] = 0;
        views[i] = (struct pp_bytes){inputs[i], INPUT_BYTES};
        chain[i] = (struct pp_chain_input){.key = &key};
        memset(chain[i].leaf.b, (int)i, sizeof chain[i].leaf.b);
        tag_leaves[i] = chain[i].leaf;
        tag_places[i] = tags[i].b;
    }
    pp_mac_key_init(&key, &secret);
    printf("hash paths, one thread; many at once: %s\n", pp_hash_engine_name(engine));
    measure("leaf of 190 bytes: OpenSSL EVP, digest fetched once", leaf_evp, &leaf);
    measure("leaf of 190 bytes: OpenSSL SHA256_*", leaf_one, &leaf);
    measure("leaf of 190 bytes: many at once", leaf_many, &leaf);
    measure("tree node: OpenSSL SHA256_*", node_one, &node);
    measure("tree node: many at once", node_many, &node);
    measure("tag: OpenSSL HMAC()", tag_hmac, &tag);
    measure("tag: OpenSSL SHA256_*, pad states kept, independent", tag_one, &tag);
    measure("tag: OpenSSL SHA256_*, pad states kept, chained", tag_serial, &tag);
    measure("tag: many at once (verifying)", tag_many, &tag);
    measure("tag, chained, and a tree node beside it (appending)", tag_beside_node, &both);
    pp_os_secret_free(memory, engine_bytes);
    EVP_MD_CTX_free(context);
    EVP_MD_free(sha256);
    return 0;
}
