/* SPDX-License-Identifier: MIT */
/* The index of a closed segment: docs/format/ledger.md, section 8. */

#include "ledger_internal.h"

enum { AT_FIRST = 8, AT_NEXT = 16, AT_COUNT = 24, OFFSET_BYTES = 8 };

#define MAGIC UINT64_C(0x5050494e44455831) /* "PPINDEX1" */

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

/*@ ghost
    /@ requires a <= b; decreases b; assigns \nothing;
       ensures 0 <= pp_nodes_over(a) <= pp_nodes_over(b) <= 2 * b; @/
    void pp_nodes_grow(uint64_t a, uint64_t b)
    {
        if (b > 0)
            pp_nodes_grow(a / 2, b / 2);
    }
*/

uint64_t pp_index_node_count(uint64_t first_seq, uint64_t next_seq)
{
    //@ ghost pp_nodes_grow(first_seq / 64, next_seq / 64);
    return pp_merkle_nodes_completed(next_seq) - pp_merkle_nodes_completed(first_seq);
}

size_t pp_index_bytes(uint64_t first_seq, uint64_t next_seq)
{
    //@ ghost pp_nodes_grow(first_seq / 64, next_seq / 64);
    return PP_INDEX_HEAD_BYTES + pp_index_offset_count(first_seq, next_seq) * OFFSET_BYTES +
           pp_index_node_count(first_seq, next_seq) * PP_DIGEST_BYTES;
}

/*@ requires first_seq <= next_seq && \valid(out + (0 .. 31));
    assigns out[0 .. 31];
    ensures pp_index_head(out, first_seq, next_seq); */
static void put_head(uint64_t first_seq, uint64_t next_seq, uint8_t *out)
{
    pp_put_u64(out, MAGIC);
    pp_put_u64(out + AT_FIRST, first_seq);
    //@ assert pp_be64(out) == MAGIC;
    pp_put_u64(out + AT_NEXT, next_seq);
    //@ assert pp_be64(out) == MAGIC && pp_be64(out + 8) == first_seq;
    pp_put_u64(out + AT_COUNT, pp_index_offset_count(first_seq, next_seq));
    //@ assert pp_be64(out) == MAGIC && pp_be64(out + 8) == first_seq;
    //@ assert pp_be64(out + 16) == next_seq;
}

/*@ requires \valid(out + (0 .. 8 * n - 1)) && \valid_read(offsets + (0 .. n - 1));
    requires n <= SIZE_MAX / 8;
    requires \separated(out + (0 .. 8 * n - 1), offsets + (0 .. n - 1));
    assigns out[0 .. 8 * n - 1];
    ensures pp_offsets_at(out, offsets, n); */
static void put_offsets(const uint64_t *offsets, uint64_t n, uint8_t *out)
{
    /*@ loop invariant 0 <= i <= n;
        loop invariant pp_offsets_at(out, offsets, i);
        loop assigns i, out[0 .. 8 * n - 1];
        loop variant n - i; */
    for (uint64_t i = 0; i < n; i++)
        pp_put_u64(out + i * OFFSET_BYTES, offsets[i]);
}

/*@ requires \valid(out + (0 .. 32 * n - 1)) && \valid_read(nodes + (0 .. n - 1));
    requires n <= SIZE_MAX / 32;
    requires \separated(out + (0 .. 32 * n - 1), nodes + (0 .. n - 1));
    assigns out[0 .. 32 * n - 1];
    ensures pp_digests_at(out, nodes, n); */
static void put_nodes(const struct pp_digest *nodes, uint64_t n, uint8_t *out)
{
    /*@ loop invariant 0 <= i <= n;
        loop invariant pp_digests_at(out, nodes, i);
        loop assigns i, out[0 .. 32 * n - 1];
        loop variant n - i; */
    for (uint64_t i = 0; i < n; i++)
        pp_copy(out + i * PP_DIGEST_BYTES, nodes[i].b, PP_DIGEST_BYTES);
}

/*@ requires \valid(out + (0 .. 8 * m + 32 * n - 1));
    requires \valid_read(offsets + (0 .. m - 1)) && \valid_read(nodes + (0 .. n - 1));
    requires m <= SIZE_MAX / 64 && n <= SIZE_MAX / 64;
    requires \separated(out + (0 .. 8 * m + 32 * n - 1), offsets + (0 .. m - 1));
    requires \separated(out + (0 .. 8 * m + 32 * n - 1), nodes + (0 .. n - 1));
    assigns out[0 .. 8 * m + 32 * n - 1];
    ensures offsets: pp_offsets_at(out, offsets, m);
    ensures nodes: pp_digests_at(out + 8 * m, nodes, n); */
static void put_arrays(const uint64_t *offsets, uint64_t m, const struct pp_digest *nodes,
                       uint64_t n, uint8_t *out)
{
    put_nodes(nodes, n, out + m * OFFSET_BYTES);
    put_offsets(offsets, m, out);
}

void pp_index_encode(uint64_t first_seq, uint64_t next_seq, const uint64_t *offsets,
                     const struct pp_digest *nodes, uint8_t *out)
{
    uint64_t offset_count = pp_index_offset_count(first_seq, next_seq);
    uint64_t node_count = pp_index_node_count(first_seq, next_seq);
    //@ ghost pp_nodes_grow(first_seq / 64, next_seq / 64);
    //@ assert node_count <= SIZE_MAX / 64 && offset_count <= SIZE_MAX / 64;
    put_arrays(offsets, offset_count, nodes, node_count, out + PP_INDEX_HEAD_BYTES);
    //@ ghost uint8_t *at = out + (PP_INDEX_HEAD_BYTES + 8 * offset_count);
    //@ assert pp_digests_at(at, nodes, node_count);
    //@ ghost Arrays: ;
    put_head(first_seq, next_seq, out);
    /*@ assert kept: \forall integer i; 0 <= i < 32 * node_count ==> at[i] == \at(at[i], Arrays); */
    //@ assert pp_digests_at(at, nodes, node_count);
}

enum pp_error pp_index_decode(struct pp_bytes file, struct pp_segment_index *index)
{
    if (file.len < PP_INDEX_HEAD_BYTES || pp_get_u64(file.data) != MAGIC)
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
