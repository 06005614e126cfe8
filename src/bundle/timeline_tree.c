/* SPDX-License-Identifier: MIT */
/* The hashes that lead from the entries of a window to the root: docs/format/timeline.md,
   section 5. */
#include "timeline.h"

#include "../base/base.h"
#include "../base/hash.h"
#include "parts.h"

/* The length of the tile at `at`, of at most 2^height leaves. */
static uint64_t group_length(uint64_t at, uint64_t end, unsigned height)
{
    unsigned tile = pp_bundle_tile_height(at, end);
    return UINT64_C(1) << (tile < height ? tile : height);
}

static uint64_t count_groups(uint64_t at, uint64_t end, unsigned height)
{
    uint64_t max = UINT64_C(1) << height, groups = 0;
    while (at < end) {
        /* Whole groups in the middle are counted, not walked. */
        uint64_t length = group_length(at, end, height);
        uint64_t equal = length == max ? (end - at) / max : 1;
        groups += equal;
        at += equal * length;
    }
    return groups;
}

void pp_timeline_tree_init(struct pp_timeline_tree *tree, uint64_t first_seq, uint64_t next_seq)
{
    unsigned height = 0;
    while (height < PP_TIMELINE_GROUP_HEIGHT_MAX &&
           count_groups(first_seq, next_seq, height) > PP_TIMELINE_GROUPS)
        height++;
    tree->at = tree->group_end = first_seq;
    tree->next_seq = next_seq;
    tree->group_height = height;
    tree->pending_count = 0;
}

uint64_t pp_timeline_tree_groups(const struct pp_timeline_tree *tree)
{
    return count_groups(tree->at, tree->next_seq, tree->group_height);
}

bool pp_timeline_tree_add(struct pp_timeline_tree *tree, const struct pp_digest *leaf,
                          struct pp_digest *group)
{
    if (tree->at >= tree->next_seq)
        return false;
    if (tree->at == tree->group_end)
        tree->group_end += group_length(tree->at, tree->next_seq, tree->group_height);
    tree->pending[tree->pending_count++] = *leaf;
    tree->at++;
    /* A group starts at a multiple of its length, so the place in the tree is that in the group. */
    for (uint64_t place = tree->at; tree->pending_count > 1 && place % 2 == 0; place /= 2) {
        size_t last = --tree->pending_count;
        tree->pending[last - 1] = pp_node_hash(&tree->pending[last - 1], &tree->pending[last]);
    }
    if (tree->at != tree->group_end)
        return false;
    *group = tree->pending[0];
    tree->pending_count = 0;
    return true;
}

void pp_timeline_tree_head(unsigned group_height, size_t hashes,
                           uint8_t out[PP_TIMELINE_TREE_HEAD_BYTES])
{
    out[0] = 'T';
    pp_put_u32(out + 1, (uint32_t)(1 + hashes * PP_DIGEST_BYTES));
    out[5] = (uint8_t)group_height;
}
