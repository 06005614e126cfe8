/* SPDX-License-Identifier: MIT */
/* Blocks of entries, field by field: docs/format/timeline.md section 4. */
#include "timeline.h"

#include <string.h>

#include "../base/base.h"

enum { BLOCK_HEAD_BYTES = 9, VARINT_BASE = 128 };

static size_t put_varint(uint64_t value, uint8_t *out)
{
    size_t n = 0;
    for (; value >= VARINT_BASE; value /= VARINT_BASE)
        out[n++] = (uint8_t)(VARINT_BASE + value % VARINT_BASE);
    out[n++] = (uint8_t)value;
    return n;
}

static void column_add(struct pp_timeline_column *column, uint64_t value)
{
    column->len += put_varint(value, column->bytes + column->len);
}

/* Zigzag of a difference modulo 2^64. */
static uint64_t zigzag(uint64_t difference)
{
    return difference <= INT64_MAX ? 2 * difference : 2 * (UINT64_MAX - difference) + 1;
}

void pp_timeline_block_init(struct pp_timeline_block *block, uint64_t first_seq)
{
    block->next_seq = first_seq;
    block->time_ns = 0;
    block->count = block->source_count = 0;
    block->seqs.len = block->times.len = block->sources.len = block->lengths.len = 0;
    block->name_len = block->body_len = 0;
}

/* The number of the source in this block; a new one is added. */
static uint32_t source_number(struct pp_timeline_block *block, struct pp_bytes source)
{
    for (uint32_t i = 0; i < block->source_count; i++) {
        const uint8_t *name = block->name_bytes + block->names[i];
        if (name[0] == source.len && memcmp(name + 1, source.data, source.len) == 0)
            return i;
    }
    block->names[block->source_count] = (uint32_t)block->name_len;
    block->name_bytes[block->name_len] = (uint8_t)source.len;
    memcpy(block->name_bytes + block->name_len + 1, source.data, source.len);
    block->name_len += 1 + source.len;
    return block->source_count++;
}

static bool is_encodable(const struct pp_entry *entry)
{
    bool kind = entry->kind == PP_ENTRY_DATA || entry->kind == PP_ENTRY_NOTICE ||
                (entry->kind == PP_ENTRY_REFERENCE && entry->body.len == PP_REFERENCE_BYTES);
    return kind && entry->level < PP_LEVEL_COUNT && entry->source.len >= 1 &&
           entry->source.len <= PP_SOURCE_BYTES_MAX &&
           entry->body.len <= PP_ENTRY_BYTES_MAX - PP_ENTRY_FIXED_BYTES - entry->source.len;
}

enum pp_error pp_timeline_block_add(struct pp_timeline_block *block, const struct pp_entry *entry)
{
    if (!is_encodable(entry) || entry->seq < block->next_seq || entry->seq == UINT64_MAX)
        return PP_ERROR_ARGUMENT;
    if (block->count == PP_TIMELINE_BLOCK_ENTRIES ||
        entry->body.len > PP_TIMELINE_BLOCK_BODIES - block->body_len)
        return PP_ERROR_NO_SPACE;
    block->kinds[block->count++] = (uint8_t)(entry->kind * 8 + entry->level);
    column_add(&block->seqs, entry->seq - block->next_seq);
    column_add(&block->times, zigzag(entry->time_ns - block->time_ns));
    column_add(&block->sources, source_number(block, entry->source));
    column_add(&block->lengths, entry->body.len);
    if (entry->body.len > 0)
        memcpy(block->bodies + block->body_len, entry->body.data, entry->body.len);
    block->body_len += entry->body.len;
    block->next_seq = entry->seq + 1;
    block->time_ns = entry->time_ns;
    return PP_OK;
}

static size_t put_bytes(uint8_t *out, size_t at, const uint8_t *bytes, size_t len)
{
    memcpy(out + at, bytes, len);
    return at + len;
}

size_t pp_timeline_block_encode(struct pp_timeline_block *block, uint8_t *out)
{
    if (block->count == 0)
        return 0;
    uint64_t next_seq = block->next_seq, time_ns = block->time_ns;
    size_t at = BLOCK_HEAD_BYTES;
    at = put_bytes(out, at, block->kinds, block->count);
    at = put_bytes(out, at, block->seqs.bytes, block->seqs.len);
    at = put_bytes(out, at, block->times.bytes, block->times.len);
    at = put_bytes(out, at, block->sources.bytes, block->sources.len);
    at = put_bytes(out, at, block->name_bytes, block->name_len);
    at = put_bytes(out, at, block->lengths.bytes, block->lengths.len);
    at = put_bytes(out, at, block->bodies, block->body_len);
    out[0] = 'B';
    pp_put_u32(out + 1, (uint32_t)(at - 5));
    pp_put_u32(out + 5, block->count);
    pp_timeline_block_init(block, next_seq);
    block->time_ns = time_ns;
    return at;
}
