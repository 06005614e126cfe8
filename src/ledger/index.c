/* SPDX-License-Identifier: MIT */
/* The index of a closed segment: docs/format/ledger.md, section 8. */

#include "ledger_internal.h"

#include "../base/base.h"

enum { MAGIC_BYTES = 8, AT_FIRST = 8, AT_NEXT = 16, AT_COUNT = 24, OFFSET_BYTES = 8 };

static const uint8_t magic[MAGIC_BYTES + 1] = "PPINDEX1";

/*@ assigns \nothing;
    ensures \result == pp_index_blocks_before(seq); */
static uint64_t blocks_before(uint64_t seq)
{
    return seq / PP_INDEX_BLOCK_ENTRIES + (seq % PP_INDEX_BLOCK_ENTRIES != 0);
}

uint64_t pp_index_offset_count(uint64_t first_seq, uint64_t next_seq)
{
    return blocks_before(next_seq) - blocks_before(first_seq);
}

uint64_t pp_index_node_count(uint64_t first_seq, uint64_t next_seq)
{
    return pp_merkle_nodes_completed(next_seq) - pp_merkle_nodes_completed(first_seq);
}

size_t pp_index_bytes(uint64_t first_seq, uint64_t next_seq)
{
    return PP_INDEX_HEAD_BYTES + pp_index_offset_count(first_seq, next_seq) * OFFSET_BYTES +
           pp_index_node_count(first_seq, next_seq) * PP_DIGEST_BYTES;
}

void pp_index_encode(uint64_t first_seq, uint64_t next_seq, const uint64_t *offsets,
                     const struct pp_digest *nodes, uint8_t *out)
{
    uint64_t offset_count = pp_index_offset_count(first_seq, next_seq);
    uint64_t node_count = pp_index_node_count(first_seq, next_seq);
    pp_copy(out, magic, MAGIC_BYTES);
    pp_put_u64(out + AT_FIRST, first_seq);
    pp_put_u64(out + AT_NEXT, next_seq);
    pp_put_u64(out + AT_COUNT, offset_count);
    uint8_t *p = out + PP_INDEX_HEAD_BYTES;
    for (uint64_t i = 0; i < offset_count; i++, p += OFFSET_BYTES)
        pp_put_u64(p, offsets[i]);
    for (uint64_t i = 0; i < node_count; i++, p += PP_DIGEST_BYTES)
        pp_copy(p, nodes[i].b, PP_DIGEST_BYTES);
}

enum pp_error pp_index_decode(struct pp_bytes file, struct pp_segment_index *index)
{
    if (file.len < PP_INDEX_HEAD_BYTES || !pp_equal_constant_time(file.data, magic, MAGIC_BYTES))
        return PP_ERROR_FORMAT;
    uint64_t first = pp_get_u64(file.data + AT_FIRST), next = pp_get_u64(file.data + AT_NEXT);
    if (next < first || next > INT64_MAX)
        return PP_ERROR_FORMAT;
    uint64_t offset_count = pp_index_offset_count(first, next);
    /* Divisions instead of products: nothing wraps, whatever the file claims. */
    size_t rest = file.len - PP_INDEX_HEAD_BYTES;
    if (pp_get_u64(file.data + AT_COUNT) != offset_count || offset_count > rest / OFFSET_BYTES)
        return PP_ERROR_FORMAT;
    size_t node_bytes = rest - offset_count * OFFSET_BYTES;
    uint64_t node_count = pp_index_node_count(first, next);
    if (node_bytes % PP_DIGEST_BYTES != 0 || node_bytes / PP_DIGEST_BYTES != node_count)
        return PP_ERROR_FORMAT;
    //@ assert node_bytes == 32 * node_count;
    const uint8_t *offsets = file.data + PP_INDEX_HEAD_BYTES;
    const uint8_t *nodes = offsets + offset_count * OFFSET_BYTES;
    //@ assert nodes: nodes == file.data + (32 + 8 * offset_count);
    //@ assert whole: file.len == 32 + 8 * offset_count + 32 * node_count;
    *index = (struct pp_segment_index){
        .first_seq = first,
        .next_seq = next,
        .offsets = offsets,
        .offset_count = offset_count,
        .nodes = nodes,
        .node_count = node_count,
    };
    //@ assert index->offset_count == offset_count && index->node_count == node_count;
    //@ assert index->nodes == nodes;
    return PP_OK;
}

uint64_t pp_index_offset(const struct pp_segment_index *index, uint64_t seq)
{
    uint64_t i = seq / PP_INDEX_BLOCK_ENTRIES - blocks_before(index->first_seq);
    return pp_get_u64(index->offsets + i * OFFSET_BYTES);
}

bool pp_index_node(const struct pp_segment_index *index, unsigned height, uint64_t number,
                   struct pp_digest *node)
{
    uint64_t base = pp_merkle_nodes_completed(index->first_seq);
    uint64_t position = pp_merkle_node_position(height, number);
    if (position < base || position - base >= index->node_count)
        return false;
    pp_copy(node->b, index->nodes + (position - base) * PP_DIGEST_BYTES, PP_DIGEST_BYTES);
    return true;
}
