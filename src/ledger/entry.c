/* SPDX-License-Identifier: MIT */
/* Frames and entries: docs/format/ledger.md, sections 2 and 3. */

#include "ledger_internal.h"

#include <string.h>

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

/* The level names; the index is enum pp_level. */
static const char *const level_names[PP_LEVEL_COUNT] = {"TRACE", "DEBUG", "INFO",
                                                        "WARN",  "ERROR", "FATAL"};

const char *pp_level_text(uint8_t level)
{
    return level < PP_LEVEL_COUNT ? level_names[level] : "?";
}

static const struct {
    const char *name;
    uint8_t level;
} level_words[] = {
    {"TRACE", PP_TRACE},    {"FINEST", PP_TRACE},  {"FINER", PP_TRACE},  {"DEBUG", PP_DEBUG},
    {"FINE", PP_DEBUG},     {"VERBOSE", PP_DEBUG}, {"INFO", PP_INFO},    {"INFORMATION", PP_INFO},
    {"NOTICE", PP_INFO},    {"WARN", PP_WARN},     {"WARNING", PP_WARN}, {"ERROR", PP_ERROR},
    {"ERR", PP_ERROR},      {"SEVERE", PP_ERROR},  {"FATAL", PP_FATAL},  {"CRIT", PP_FATAL},
    {"CRITICAL", PP_FATAL}, {"ALERT", PP_FATAL},   {"EMERG", PP_FATAL},  {"EMERGENCY", PP_FATAL},
    {"PANIC", PP_FATAL},
};

static bool same_word(struct pp_bytes text, const char *word)
{
    if (text.len != strlen(word))
        return false;
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.data[i];
        if (c >= 'a' && c <= 'z')
            c = (uint8_t)(c - 'a' + 'A');
        if (c != (uint8_t)word[i])
            return false;
    }
    return true;
}

bool pp_level_parse(struct pp_bytes text, uint8_t *level)
{
    for (size_t i = 0; i < sizeof level_words / sizeof level_words[0]; i++) {
        if (same_word(text, level_words[i].name)) {
            *level = level_words[i].level;
            return true;
        }
    }
    return false;
}

static bool kind_is_valid(uint8_t kind, size_t body_len)
{
    if (kind == PP_ENTRY_REFERENCE)
        return body_len == PP_REFERENCE_BYTES;
    return kind == PP_ENTRY_DATA || kind == PP_ENTRY_NOTICE;
}

static void put_front(uint8_t *out, const struct pp_entry *entry)
{
    out[0] = ENTRY_VERSION;
    out[AT_KIND] = entry->kind;
    pp_put_u64(out + AT_SEQ, entry->seq);
    pp_put_u64(out + AT_TIME, entry->time_ns);
    out[AT_LEVEL] = entry->level;
    out[AT_SOURCE_LEN] = (uint8_t)entry->source.len;
    memcpy(out + AT_SOURCE, entry->source.data, entry->source.len);
    pp_put_u32(out + AT_SOURCE + entry->source.len, (uint32_t)entry->body.len);
}

enum pp_error pp_entry_encode(const struct pp_entry *entry, uint8_t *out, size_t cap, size_t *len)
{
    if (entry->level >= PP_LEVEL_COUNT || !kind_is_valid(entry->kind, entry->body.len) ||
        entry->source.len == 0 || entry->source.len > PP_SOURCE_BYTES_MAX)
        return PP_ERROR_ARGUMENT;
    size_t front = PP_ENTRY_FIXED_BYTES + entry->source.len;
    if (entry->body.len > PP_ENTRY_BYTES_MAX - front)
        return PP_ERROR_TOO_LARGE;
    if (cap < front + entry->body.len)
        return PP_ERROR_NO_SPACE;
    put_front(out, entry);
    if (entry->body.len != 0)
        memcpy(out + front, entry->body.data, entry->body.len);
    *len = front + entry->body.len;
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
