/* SPDX-License-Identifier: MIT */
/* The Merkle tree of RFC 6962 section 2.1 as it grows, and the nodes that it completes. */
#include "ledger_internal.h"

enum {
    MERKLE_BLOCK_HEIGHT = 6, /* nodes below are not reported */
    MERKLE_RUN_LEAVES = 4096 /* leaves reduced together: 128 KiB stay in the second-level cache */
};

/* Puts the new nodes of one height where they belong in the order of completion; `before` is the
   position of sink->nodes[sink->count]. */
static void report_nodes(struct pp_node_sink *sink, uint64_t before, unsigned height,
                         uint64_t first, const struct pp_digest *nodes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        uint64_t position = pp_merkle_node_position(height, first + i);
        sink->nodes[sink->count + (size_t)(position - before)] = nodes[i];
    }
}

/* Replaces `count` nodes of one height, numbered from `first`, by the nodes above that they
   complete; an odd one at the left joins the peak there, an odd one at the right becomes the new
   peak.  Returns how many nodes there are above. */
/*@ requires 1 <= count && \valid(nodes + (0 .. count - 1)) && \valid(peak);
    requires \separated(peak, nodes + (0 .. count - 1));
    assigns *peak, nodes[0 .. count - 1];
    ensures count: \result == (count + first % 2) / 2;
    ensures joined: first % 2 == 1 ==> nodes[0] == pp_node_of(\old(*peak), \old(nodes[0]));
    ensures pairs: \forall integer i; 0 <= i < (count - first % 2) / 2 ==>
      nodes[first % 2 + i] == pp_node_of(\old(nodes[first % 2 + 2 * i]),
                                         \old(nodes[first % 2 + 2 * i + 1]));
    ensures peak: (count - first % 2) % 2 == 1
      ? *peak == \old(nodes[count - 1]) : *peak == \old(*peak); */
static size_t reduce_level(struct pp_digest *peak, struct pp_hash_engine *engine, uint64_t first,
                           struct pp_digest *nodes, size_t count)
{
    size_t joined = first % 2, pairs = (count - joined) / 2;
    //@ ghost Before: ;
    pp_node_hash_many(engine, nodes + joined, pairs, nodes + joined);
    /*@ assert pairs: \forall integer i; 0 <= i < pairs ==>
          nodes[joined + i] == pp_node_of(\at(nodes[joined + 2 * i], Before),
                                          \at(nodes[joined + 2 * i + 1], Before)); */
    //@ assert parity: joined == first % 2;
    //@ ghost Hashed: ;
    if (joined == 1)
        nodes[0] = pp_node_hash(peak, &nodes[0]);
    /*@ assert kept: \forall integer k; joined <= k < count ==>
          nodes[k] == \at(nodes[k], Hashed); */
    if (joined + 2 * pairs < count)
        *peak = nodes[count - 1];
    /*@ assert still: \forall integer k; joined <= k < count ==>
          nodes[k] == \at(nodes[k], Hashed); */
    return joined + pairs;
}

static void append_run(struct pp_merkle_tree *tree, struct pp_hash_engine *engine,
                       struct pp_digest *leaves, size_t count, struct pp_node_sink *sink)
{
    uint64_t before = pp_merkle_nodes_completed(tree->size);
    size_t nodes = count;
    for (unsigned height = 0; nodes > 0; height++) {
        uint64_t first = tree->size >> height;
        if (sink != NULL && height >= MERKLE_BLOCK_HEIGHT)
            report_nodes(sink, before, height, first, leaves, nodes);
        nodes = reduce_level(&tree->peaks[height], engine, first, leaves, nodes);
    }
    tree->size += count;
    if (sink != NULL)
        sink->count += (size_t)(pp_merkle_nodes_completed(tree->size) - before);
}

enum pp_error pp_merkle_tree_append(struct pp_merkle_tree *tree, struct pp_hash_engine *engine,
                                    struct pp_digest *leaves, size_t count,
                                    struct pp_node_sink *sink)
{
    if (count > (uint64_t)INT64_MAX - tree->size)
        return PP_ERROR_TOO_LARGE;
    uint64_t completed =
        pp_merkle_nodes_completed(tree->size + count) - pp_merkle_nodes_completed(tree->size);
    if (sink != NULL && completed > sink->cap - sink->count)
        return PP_ERROR_NO_SPACE;
    while (count > 0) {
        size_t run = count < MERKLE_RUN_LEAVES ? count : MERKLE_RUN_LEAVES;
        append_run(tree, engine, leaves, run, sink);
        leaves += run;
        count -= run;
    }
    return PP_OK;
}
