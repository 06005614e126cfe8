/* SPDX-License-Identifier: MIT */
/* Frames and entries: docs/format/ledger.md, sections 2 and 3. */

#include "ledger_internal.h"

#include "../base/base.h"

enum {
    ENTRY_VERSION = 1,
    AT_KIND = 1,
    AT_SEQ = 2,
    AT_TIME = 10,
    AT_LEVEL = 18,
    AT_SOURCE_LEN = 19,
    AT_SOURCE = 20,
    AT_LENGTH = 1,
    AT_LEAF_PREFIX = 3
};

/*@ assigns \nothing;
    ensures \result <==> pp_entry_kind_is_valid(kind, body_len); */
static bool kind_is_valid(uint8_t kind, size_t body_len)
{
    if (kind == PP_ENTRY_REFERENCE)
        return body_len == PP_REFERENCE_BYTES;
    return kind == PP_ENTRY_DATA || kind == PP_ENTRY_NOTICE;
}

/* Few writes a function: each is one more frame that the provers must see through.  The entry goes
   by value, so that its fields are no memory that out might overlap. */
/*@ requires \valid(out + (0 .. AT_SOURCE - 1)) && entry.source.len <= 255;
    assigns out[0 .. AT_SOURCE - 1];
    ensures pp_entry_head(out, entry.seq, entry.time_ns, entry.level, entry.kind,
                          entry.source.len); */
static void put_head(uint8_t *out, struct pp_entry entry)
{
    out[0] = ENTRY_VERSION;
    out[AT_KIND] = entry.kind;
    pp_put_u64(out + AT_SEQ, entry.seq);
    pp_put_u64(out + AT_TIME, entry.time_ns);
    out[AT_LEVEL] = entry.level;
    out[AT_SOURCE_LEN] = (uint8_t)entry.source.len;
}

/* All but the body. */
/*@ requires \valid(out + (0 .. 23 + entry.source.len)) && entry.source.len <= 255;
    requires pp_bytes_readable(entry.source) && entry.body.len <= UINT32_MAX;
    requires \separated(out + (0 .. 23 + entry.source.len),
                        entry.source.data + (0 .. entry.source.len - 1));
    assigns out[0 .. 23 + entry.source.len];
    ensures head: pp_entry_head(out, entry.seq, entry.time_ns, entry.level, entry.kind,
                                entry.source.len);
    ensures source: pp_same(out + 20, entry.source.data, entry.source.len);
    ensures length: pp_be32(out + (20 + entry.source.len)) == entry.body.len; */
static void put_front(uint8_t *out, struct pp_entry entry)
{
    put_head(out, entry);
    pp_copy(out + AT_SOURCE, entry.source.data, entry.source.len);
    /*@ assert pp_entry_head(out, entry.seq, entry.time_ns, entry.level, entry.kind,
                             entry.source.len); */
    //@ assert pp_same(out + 20, entry.source.data, entry.source.len);
    pp_put_u32(out + AT_SOURCE + entry.source.len, (uint32_t)entry.body.len);
    //@ assert pp_same(out + 20, entry.source.data, entry.source.len);
}

/*@ requires \valid(out + (0 .. 23 + entry.source.len + entry.body.len));
    requires 0 < entry.source.len <= 255 && entry.level < PP_LEVEL_COUNT;
    requires pp_entry_kind_is_valid(entry.kind, entry.body.len);
    requires 24 + entry.source.len + entry.body.len <= PP_ENTRY_BYTES_MAX;
    requires pp_bytes_readable(entry.source) && pp_bytes_readable(entry.body);
    requires \separated(out + (0 .. 23 + entry.source.len + entry.body.len),
                        entry.source.data + (0 .. entry.source.len - 1));
    requires \separated(out + (0 .. 23 + entry.source.len + entry.body.len),
                        entry.body.data + (0 .. entry.body.len - 1));
    assigns out[0 .. 23 + entry.source.len + entry.body.len];
    ensures fields: pp_entry_encodes(out, 24 + entry.source.len + entry.body.len, entry.seq,
      entry.time_ns, entry.level, entry.kind, entry.source.len, entry.body.len);
    ensures source: pp_same(out + 20, entry.source.data, entry.source.len);
    ensures body: pp_same(out + (24 + entry.source.len), entry.body.data, entry.body.len); */
static void put_entry(uint8_t *out, struct pp_entry entry)
{
    put_front(out, entry);
    //@ assert pp_same(out + 20, entry.source.data, entry.source.len);
    pp_copy(out + PP_ENTRY_FIXED_BYTES + entry.source.len, entry.body.data, entry.body.len);
    /*@ assert head: pp_entry_head(out, entry.seq, entry.time_ns, entry.level, entry.kind,
                                   entry.source.len); */
    //@ assert source: pp_same(out + 20, entry.source.data, entry.source.len);
    //@ assert body: pp_same(out + (24 + entry.source.len), entry.body.data, entry.body.len);
}

enum pp_error pp_entry_encode(const struct pp_entry *entry, uint8_t *out, size_t cap, size_t *len)
{
    size_t source_len = entry->source.len, body_len = entry->body.len;
    if (entry->level >= PP_LEVEL_COUNT || !kind_is_valid(entry->kind, body_len) ||
        source_len == 0 || source_len > PP_SOURCE_BYTES_MAX)
        return PP_ERROR_ARGUMENT;
    size_t front = PP_ENTRY_FIXED_BYTES + source_len;
    if (body_len > PP_ENTRY_BYTES_MAX - front)
        return PP_ERROR_TOO_LARGE;
    if (cap < front + body_len)
        return PP_ERROR_NO_SPACE;
    //@ assert size: front + body_len == 24 + source_len + body_len <= PP_ENTRY_BYTES_MAX;
    put_entry(out, *entry);
    //@ assert length: pp_be32(out + (20 + source_len)) == body_len;
    *len = front + body_len;
    //@ assert size: *len == 24 + source_len + body_len;
    //@ assert kept: entry->source.len == source_len && entry->body.len == body_len;
    /*@ assert head: pp_entry_head(out, entry->seq, entry->time_ns, entry->level, entry->kind,
                                   source_len); */
    //@ assert length: pp_be32(out + (20 + source_len)) == body_len;
    //@ assert source: pp_same(out + 20, entry->source.data, entry->source.len);
    //@ assert body: pp_same(out + (24 + source_len), entry->body.data, entry->body.len);
    //@ assert valid: pp_entry_is_valid(entry->level, entry->kind, source_len, body_len);
    /*@ assert fields: pp_entry_encodes(out, 24 + source_len + body_len, entry->seq,
          entry->time_ns, entry->level, entry->kind, source_len, body_len); */
    return PP_OK;
}

enum pp_error pp_entry_decode(struct pp_bytes data, struct pp_entry *entry)
{
    const uint8_t *p = data.data;
    if (data.len < PP_ENTRY_FIXED_BYTES || data.len > PP_ENTRY_BYTES_MAX || p[0] != ENTRY_VERSION)
        return PP_ERROR_FORMAT;
    size_t source_len = p[AT_SOURCE_LEN];
    if (source_len == 0 || data.len - PP_ENTRY_FIXED_BYTES < source_len)
        return PP_ERROR_FORMAT;
    size_t body_len = pp_get_u32(p + AT_SOURCE + source_len);
    if (data.len - PP_ENTRY_FIXED_BYTES - source_len != body_len)
        return PP_ERROR_FORMAT;
    if (p[AT_LEVEL] >= PP_LEVEL_COUNT || !kind_is_valid(p[AT_KIND], body_len))
        return PP_ERROR_FORMAT;
    *entry = (struct pp_entry){
        .seq = pp_get_u64(p + AT_SEQ),
        .time_ns = pp_get_u64(p + AT_TIME),
        .source = {p + AT_SOURCE, source_len},
        .body = {p + PP_ENTRY_FIXED_BYTES + source_len, body_len},
        .level = p[AT_LEVEL],
        .kind = p[AT_KIND],
    };
    return PP_OK;
}

void pp_frame_put_head(uint8_t *out, uint8_t type, uint16_t content_bytes)
{
    out[0] = type;
    pp_put_u16(out + AT_LENGTH, content_bytes);
    out[AT_LEAF_PREFIX] = 0;
}

enum pp_error pp_frame_read(struct pp_bytes data, struct pp_frame *frame)
{
    if (data.len == 0 || data.data[0] == PP_FRAME_END)
        return PP_ERROR_NOT_FOUND;
    uint8_t type = data.data[0];
    if (type != PP_FRAME_ENTRY && type != PP_FRAME_HEADER && type != PP_FRAME_SEAL)
        return PP_ERROR_FORMAT;
    if (data.len < PP_FRAME_HEAD_BYTES || data.data[AT_LEAF_PREFIX] != 0)
        return PP_ERROR_FORMAT;
    size_t content = pp_get_u16(data.data + AT_LENGTH);
    size_t tag = type == PP_FRAME_ENTRY ? PP_TAG_BYTES : 0;
    size_t bytes = PP_FRAME_HEAD_BYTES + content + tag;
    if (content == 0 || data.len < bytes)
        return PP_ERROR_FORMAT;
    *frame = (struct pp_frame){
        .type = type,
        .content = {data.data + PP_FRAME_HEAD_BYTES, content},
        .tag = tag != 0 ? data.data + PP_FRAME_HEAD_BYTES + content : NULL,
        .bytes = bytes,
    };
    return PP_OK;
}

struct pp_bytes pp_frame_prefixed(const struct pp_frame *frame)
{
    return (struct pp_bytes){frame->content.data - 1, frame->content.len + 1};
}
