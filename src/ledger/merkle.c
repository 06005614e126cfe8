/* SPDX-License-Identifier: MIT */
/* The Merkle tree of RFC 6962 section 2.1 as it grows: peaks, root, completed nodes, and the
   subtrees that proofs consist of. */
#include "ledger_internal.h"

/* docs/format/ledger.md section 13.  It also bounds proofs: 63 levels need at most
   PP_PROOF_HASHES_MAX hashes. */
#define MERKLE_LEAVES_MAX ((UINT64_C(1) << PP_MERKLE_HEIGHT_MAX) - 1)

enum {
    MERKLE_BLOCK_HEIGHT = 6, /* nodes below are not reported */
    MERKLE_RUN_LEAVES = 4096 /* leaves reduced together: 128 KiB stay in the second-level cache */
};

static unsigned bits_set(uint64_t v)
{
    return (unsigned)__builtin_popcountll(v);
}

void pp_merkle_tree_init(struct pp_merkle_tree *tree)
{
    *tree = (struct pp_merkle_tree){0};
}

enum pp_error pp_merkle_tree_load(struct pp_merkle_tree *tree, uint64_t size,
                                  const struct pp_digest *peaks, size_t count)
{
    if (size > MERKLE_LEAVES_MAX || count != bits_set(size))
        return PP_ERROR_FORMAT;
    pp_merkle_tree_init(tree);
    tree->size = size;
    size_t next = count;
    for (unsigned height = 0; size >> height != 0; height++)
        if ((size >> height) % 2 == 1)
            tree->peaks[height] = peaks[--next];
    return PP_OK;
}

size_t pp_merkle_tree_peaks(const struct pp_merkle_tree *tree, struct pp_digest *out)
{
    size_t count = bits_set(tree->size);
    size_t next = count;
    for (unsigned height = 0; height <= PP_MERKLE_HEIGHT_MAX; height++)
        if ((tree->size >> height) % 2 == 1)
            out[--next] = tree->peaks[height];
    return count;
}

struct pp_digest pp_merkle_tree_root(const struct pp_merkle_tree *tree)
{
    if (tree->size == 0)
        return pp_empty_hash();
    unsigned height = (unsigned)__builtin_ctzll(tree->size);
    struct pp_digest root = tree->peaks[height];
    while (height++ < PP_MERKLE_HEIGHT_MAX)
        if ((tree->size >> height) % 2 == 1)
            root = pp_node_hash(&tree->peaks[height], &root);
    return root;
}

/* Each block completes itself and, like a carry, one parent for each 1 bit that it turns to 0. */
uint64_t pp_merkle_nodes_completed(uint64_t leaves)
{
    uint64_t blocks = leaves >> MERKLE_BLOCK_HEIGHT;
    return 2 * blocks - bits_set(blocks);
}

/* A node is completed by the last block under it, after that block's nodes of lower height. */
uint64_t pp_merkle_node_position(unsigned height, uint64_t number)
{
    unsigned above = height - MERKLE_BLOCK_HEIGHT;
    uint64_t last_block = ((number + 1) << above) - 1;
    return 2 * last_block - bits_set(last_block) + above;
}

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
static size_t reduce_level(struct pp_digest *peak, struct pp_hash_engine *engine, uint64_t first,
                           struct pp_digest *nodes, size_t count)
{
    size_t joined = first % 2;
    if (joined == 1)
        nodes[0] = pp_node_hash(peak, &nodes[0]);
    size_t pairs = (count - joined) / 2;
    if (joined + 2 * pairs < count)
        *peak = nodes[count - 1];
    pp_node_hash_many(engine, nodes + joined, pairs, nodes + joined);
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
    if (count > MERKLE_LEAVES_MAX - tree->size)
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

/* The siblings on the way from node `index` of a height to the root of a tree of `size` leaves; the
   one at the right edge may be cut off. */
static size_t sibling_ranges(uint64_t index, unsigned height, uint64_t size,
                             struct pp_merkle_range *ranges)
{
    size_t count = 0;
    for (uint64_t last = (size - 1) >> height; last > 0; last /= 2, index /= 2, height++) {
        uint64_t width = UINT64_C(1) << height;
        if (index % 2 == 1) {
            uint64_t end = index * width;
            ranges[count++] = (struct pp_merkle_range){end - width, end};
        } else if (index < last) {
            uint64_t start = (index + 1) * width;
            uint64_t end = size - start < width ? size : start + width;
            ranges[count++] = (struct pp_merkle_range){start, end};
        }
    }
    return count;
}

enum pp_error pp_merkle_inclusion_ranges(uint64_t index, uint64_t size,
                                         struct pp_merkle_range *ranges, size_t *count)
{
    if (index >= size || size > MERKLE_LEAVES_MAX)
        return PP_ERROR_ARGUMENT;
    *count = sibling_ranges(index, 0, size, ranges);
    return PP_OK;
}

enum pp_error pp_merkle_consistency_ranges(uint64_t old_size, uint64_t new_size,
                                           struct pp_merkle_range *ranges, size_t *count)
{
    if (old_size > new_size || new_size > MERKLE_LEAVES_MAX)
        return PP_ERROR_ARGUMENT;
    *count = 0;
    if (old_size == 0 || old_size == new_size)
        return PP_OK;
    /* The path starts at the smallest peak of the old tree, which both trees have; when it is the
       whole old tree, the verifier knows its hash. */
    unsigned height = (unsigned)__builtin_ctzll(old_size);
    uint64_t width = UINT64_C(1) << height;
    size_t first = 0;
    if (old_size != width)
        ranges[first++] = (struct pp_merkle_range){old_size - width, old_size};
    *count = first + sibling_ranges(old_size / width - 1, height, new_size, ranges + first);
    return PP_OK;
}
