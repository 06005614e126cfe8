/* SPDX-License-Identifier: MIT */
/* The recursive definitions of RFC 6962 section 2.1, as the RFC writes them, over leaves made of
   consecutive numbers: what the tests compare the library with. */
#ifndef TEST_RFC6962_H
#define TEST_RFC6962_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "../../src/base/base.h"
#include "../../src/ledger/ledger_internal.h"

enum { LEAVES = 3000 };
static struct pp_digest leaf[LEAVES];

static inline struct pp_digest node(struct pp_digest left, struct pp_digest right)
{
    uint8_t input[1 + 2 * PP_DIGEST_BYTES] = {1};
    memcpy(input + 1, left.b, PP_DIGEST_BYTES);
    memcpy(input + 1 + PP_DIGEST_BYTES, right.b, PP_DIGEST_BYTES);
    return pp_sha256((struct pp_bytes){input, sizeof input});
}

/* The largest power of two smaller than n, which is more than 1. */
static inline uint64_t split(uint64_t n)
{
    uint64_t k = 1;
    while (k < n - k)
        k *= 2;
    return k;
}

/* MTH(D[start:end]). */
static inline struct pp_digest tree_hash(const struct pp_digest *leaves, uint64_t start,
                                         uint64_t end)
{
    if (start == end)
        return pp_sha256((struct pp_bytes){NULL, 0});
    if (end - start == 1)
        return leaves[start];
    uint64_t middle = start + split(end - start);
    return node(tree_hash(leaves, start, middle), tree_hash(leaves, middle, end));
}

/* A proof as ranges, and for each of them 'L' or 'R': the side on which the sibling is.  The first
   letter of a consistency proof is 'K' (the old root is known) or 'F' (it comes first). */
struct outline {
    struct pp_merkle_range ranges[80];
    size_t count;
    char sides[80];
};

static inline void add(struct outline *o, uint64_t start, uint64_t end, char side)
{
    o->sides[strlen(o->sides)] = side;
    o->ranges[o->count++] = (struct pp_merkle_range){start, end};
}

/* PATH(m, D[start:end]). */
static inline void path(struct outline *o, uint64_t m, uint64_t start, uint64_t end)
{
    if (end - start == 1)
        return;
    uint64_t middle = start + split(end - start);
    if (m < middle) {
        path(o, m, start, middle);
        add(o, middle, end, 'R');
    } else {
        path(o, m, middle, end);
        add(o, start, middle, 'L');
    }
}

/* SUBPROOF(m, D[start:end], known). */
static inline void subproof(struct outline *o, uint64_t m, uint64_t start, uint64_t end, bool known)
{
    if (m == end) {
        if (known)
            o->sides[0] = 'K';
        else
            add(o, start, end, 'F');
        return;
    }
    uint64_t middle = start + split(end - start);
    if (m <= middle) {
        subproof(o, m, start, middle, known);
        add(o, middle, end, 'R');
    } else {
        subproof(o, m, middle, end, false);
        add(o, start, middle, 'L');
    }
}

static inline void hash_ranges(const struct pp_merkle_range *ranges, size_t count,
                               struct pp_digest *out)
{
    for (size_t i = 0; i < count; i++)
        out[i] = tree_hash(leaf, ranges[i].start, ranges[i].end);
}

static inline uint64_t random_u64(void)
{
    static uint64_t state = 88172645463325252;
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

/* Fills leaf[]; a group's set-up for cmocka, so -1 when the library's leaf hash is wrong. */
static inline int make_leaves(void **state)
{
    (void)state;
    for (uint64_t i = 0; i < LEAVES; i++) {
        uint8_t data[9] = {0};
        pp_put_u64(data + 1, i);
        struct pp_digest expected = pp_sha256((struct pp_bytes){data, sizeof data});
        leaf[i] = pp_merkle_leaf((struct pp_bytes){data + 1, sizeof data - 1});
        if (!pp_digest_equal(&leaf[i], &expected))
            return -1;
    }
    return 0;
}

#endif
