/* SPDX-License-Identifier: MIT */
/* Seals and segment headers in a bundle (docs/format/bundle.md section 6). */
#include <string.h>

#include "../base/base.h"
#include "parts.h"

static const char magic[] = "PPBSEAL1";

static enum pp_error add_both(struct pp_bundle_text *text, struct pp_bytes head,
                              struct pp_bytes content)
{
    if (text->cap - text->len < head.len + content.len)
        return PP_ERROR_NO_SPACE;
    enum pp_error error = pp_bundle_text_add(text, head);
    return error == PP_OK ? pp_bundle_text_add(text, content) : error;
}

enum pp_error pp_seals_begin(struct pp_bundle_text *text)
{
    return pp_bundle_text_string(text, magic);
}

enum pp_error pp_seals_add(struct pp_bundle_text *text, struct pp_bytes content)
{
    uint8_t head = PP_RECORD_SEAL;
    if (content.len != PP_SEAL_BYTES)
        return PP_ERROR_ARGUMENT;
    return add_both(text, (struct pp_bytes){&head, 1}, content);
}

enum pp_error pp_seals_add_count(struct pp_bundle_text *text, uint64_t entries)
{
    uint8_t head[1 + PP_VARINT_BYTES_MAX] = {PP_RECORD_COUNT};
    size_t len = 1 + pp_varint_put(entries, head + 1);
    return pp_bundle_text_add(text, (struct pp_bytes){head, len});
}

enum pp_error pp_seals_add_header(struct pp_bundle_text *text, struct pp_bytes content)
{
    uint8_t head[3] = {PP_RECORD_HEADER};
    if (content.len > UINT16_MAX)
        return PP_ERROR_ARGUMENT;
    pp_put_u16(head + 1, (uint16_t)content.len);
    return add_both(text, (struct pp_bytes){head, sizeof head}, content);
}

static bool take(struct pp_bytes *rest, size_t bytes, struct pp_bytes *out)
{
    if (rest->len < bytes)
        return false;
    *out = (struct pp_bytes){rest->data, bytes};
    rest->data += bytes;
    rest->len -= bytes;
    return true;
}

enum pp_error pp_seals_open(struct pp_bytes *rest)
{
    struct pp_bytes head;
    if (!take(rest, sizeof magic - 1, &head) || memcmp(head.data, magic, head.len) != 0)
        return PP_ERROR_FORMAT;
    return PP_OK;
}

static enum pp_error take_header(struct pp_bytes *rest, struct pp_seal_item *item)
{
    struct pp_bytes length;
    if (!take(rest, 2, &length) || !take(rest, pp_get_u16(length.data), &item->content))
        return PP_ERROR_FORMAT;
    return pp_segment_header_decode(item->content, &item->header);
}

enum pp_error pp_seals_next(struct pp_bytes *rest, struct pp_seal_item *item)
{
    struct pp_bytes type;
    if (rest->len == 0)
        return PP_ERROR_NOT_FOUND;
    if (!take(rest, 1, &type))
        return PP_ERROR_FORMAT;
    item->type = (enum pp_seal_record)type.data[0];
    switch (item->type) {
    case PP_RECORD_SEAL:
        if (!take(rest, PP_SEAL_BYTES, &item->content))
            return PP_ERROR_FORMAT;
        return pp_seal_decode(item->content, &item->seal);
    case PP_RECORD_COUNT:
        if (pp_varint_take(rest, &item->entries) != PP_OK || item->entries == 0)
            return PP_ERROR_FORMAT;
        return PP_OK;
    case PP_RECORD_HEADER:
        return take_header(rest, item);
    }
    return PP_ERROR_FORMAT;
}
