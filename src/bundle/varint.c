/* SPDX-License-Identifier: MIT */
/* Numbers of variable length. */
#include "varint.h"

size_t pp_varint_put(uint64_t value, uint8_t out[PP_VARINT_BYTES_MAX])
{
    size_t len = 0;
    for (; value >= 0x80; value >>= 7)
        out[len++] = (uint8_t)(value | 0x80);
    out[len++] = (uint8_t)value;
    return len;
}

enum pp_error pp_varint_take(struct pp_bytes *rest, uint64_t *value)
{
    uint64_t result = 0;
    for (size_t i = 0; i < rest->len && i < PP_VARINT_BYTES_MAX; i++) {
        uint8_t byte = rest->data[i];
        if (i == PP_VARINT_BYTES_MAX - 1 && byte > 1)
            return PP_ERROR_FORMAT;
        result |= (uint64_t)(byte & 0x7F) << (7 * i);
        if (byte >= 0x80)
            continue;
        if (byte == 0 && i > 0)
            return PP_ERROR_FORMAT;
        rest->data += i + 1;
        rest->len -= i + 1;
        *value = result;
        return PP_OK;
    }
    return PP_ERROR_FORMAT;
}
