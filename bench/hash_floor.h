/* SPDX-License-Identifier: MIT */
/* The SHA-256 that the ledger needs, and nothing else: no verification and no append is faster than
   this.  The library's own functions hash the same lengths in the same order; their input stays in
   the processor's caches. */
#ifndef BENCH_HASH_FLOOR_H
#define BENCH_HASH_FLOOR_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../src/base/hash.h"
#include "../src/os/os.h"
#include "peers/measure.h"

enum { FLOOR_BATCH = 512, FLOOR_THREADS_MAX = 64, FLOOR_INPUT_BYTES_MAX = 256 };

/* What a thread hashes for each entry. */
enum floor_work {
    FLOOR_VERIFY, /* leaf, tag and node: a verification's threads */
    FLOOR_LEAF,   /* the leaf: an append's caller */
    FLOOR_CHAIN   /* the tag, which waits for the one before, and the node: its sealing thread */
};

struct floor_thread {
    pthread_t thread;
    enum floor_work work;
    uint64_t entries;
    struct pp_hash_engine *engine;
    struct pp_mac_key key;
    struct pp_tag tag, tags[FLOOR_BATCH];
    struct pp_bytes views[FLOOR_BATCH];
    struct pp_digest leaves[FLOOR_BATCH], children[2 * FLOOR_BATCH], nodes[FLOOR_BATCH];
    struct pp_chain_input chain[FLOOR_BATCH];
    uint8_t *places[FLOOR_BATCH];
    uint8_t inputs[FLOOR_BATCH][FLOOR_INPUT_BYTES_MAX];
};

static inline void floor_chain(struct floor_thread *t, size_t n)
{
    struct pp_chain_run run;
    pp_chain_begin(&run, &t->key, &t->tag, t->leaves, n, t->places);
    pp_hash_engine_beside(t->engine, &run);
    pp_node_hash_many(t->engine, t->children, n, t->nodes);
    pp_hash_engine_beside(t->engine, NULL);
    t->tag = pp_chain_end(&run);
}

static inline void *floor_run(void *argument)
{
    struct floor_thread *t = argument;
    for (uint64_t done = 0; done < t->entries; done += FLOOR_BATCH) {
        size_t n = t->entries - done < FLOOR_BATCH ? (size_t)(t->entries - done) : FLOOR_BATCH;
        if (t->work != FLOOR_CHAIN)
            pp_leaf_hash_many(t->engine, t->views, n, t->leaves);
        if (t->work == FLOOR_VERIFY) {
            pp_chain_tag_many(t->engine, t->chain, n, t->tags);
            pp_node_hash_many(t->engine, t->children, n, t->nodes);
        }
        if (t->work == FLOOR_CHAIN)
            floor_chain(t, n);
    }
    return NULL;
}

/* Entries of entry_bytes as they are encoded.  NULL: no memory. */
static inline struct floor_thread *floor_new(enum floor_work work, uint64_t entries,
                                             size_t entry_bytes)
{
    struct floor_thread *t = calloc(1, sizeof *t);
    size_t bytes = pp_hash_engine_bytes();
    void *memory = bytes != 0 ? aligned_alloc(64, (bytes + 63) / 64 * 64) : NULL;
    if (t == NULL || (memory == NULL && bytes != 0) || entry_bytes + 1 > FLOOR_INPUT_BYTES_MAX)
        return NULL;
    t->work = work;
    t->entries = entries;
    t->engine = memory != NULL ? pp_hash_engine_init(memory, bytes) : NULL;
    pp_mac_key_init(&t->key, &(struct pp_digest){{0}});
    for (size_t i = 0; i < FLOOR_BATCH; i++) {
        memset(t->inputs[i], (int)i, sizeof t->inputs[i]);
        t->inputs[i][0] = 0; /* of a leaf */
        t->views[i] = (struct pp_bytes){t->inputs[i], entry_bytes + 1};
        t->chain[i].key = &t->key;
        t->places[i] = t->tags[i].b;
    }
    return t;
}

/* Seconds until all threads are through; negative: one could not be started.  The process ends
   soon: nothing is freed. */
static inline double floor_seconds(struct floor_thread *threads[], unsigned count)
{
    double start = seconds_now();
    for (unsigned i = 0; i < count; i++)
        if (threads[i] == NULL || pthread_create(&threads[i]->thread, NULL, floor_run, threads[i]))
            return -1;
    for (unsigned i = 0; i < count; i++)
        pthread_join(threads[i]->thread, NULL);
    return seconds_now() - start;
}

/* A verification on all processors. */
static inline double floor_verify_seconds(uint64_t entries, size_t entry_bytes)
{
    struct floor_thread *threads[FLOOR_THREADS_MAX];
    unsigned count = pp_os_cpu_count();
    count = count > FLOOR_THREADS_MAX ? FLOOR_THREADS_MAX : count;
    for (unsigned i = 0; i < count; i++)
        threads[i] = floor_new(FLOOR_VERIFY, entries / count, entry_bytes);
    return floor_seconds(threads, count);
}

/* An append's two hashing threads. */
static inline double floor_append_seconds(uint64_t entries, size_t entry_bytes)
{
    struct floor_thread *threads[2] = {floor_new(FLOOR_LEAF, entries, entry_bytes),
                                       floor_new(FLOOR_CHAIN, entries, entry_bytes)};
    return floor_seconds(threads, 2);
}

#endif
