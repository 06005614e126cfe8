/* SPDX-License-Identifier: MIT */
/* Contents of a bundle's ZIP entries, inflated by zlib, in the caller's buffer. */
#include "bundle.h"

enum pp_zip_fault pp_unpacker_begin(struct pp_unpacker *unpacker, const struct pp_zip_entry *entry)
{
    *unpacker = (struct pp_unpacker){.entry = *entry, .crc = (uint32_t)crc32(0, NULL, 0)};
    if (entry->method == PP_ZIP_STORED)
        return PP_ZIP_OK;
    if (inflateInit2(&unpacker->stream, -MAX_WBITS) != Z_OK)
        return PP_ZIP_DATA;
    unpacker->open = true;
    unpacker->stream.next_in = (Bytef *)(uintptr_t)entry->packed.data;
    unpacker->stream.avail_in = (uInt)entry->packed.len;
    return PP_ZIP_OK;
}

static size_t copy_stored(struct pp_unpacker *unpacker, uint8_t *out, size_t cap)
{
    size_t left = unpacker->entry.packed.len - unpacker->stored_at, n = left < cap ? left : cap;
    pp_copy(out, unpacker->entry.packed.data + unpacker->stored_at, n);
    unpacker->stored_at += n;
    return n;
}

/* All data belongs to one stream that ends with it. */
static enum pp_zip_fault inflate_some(struct pp_unpacker *unpacker, uint8_t *out, size_t cap,
                                      size_t *len)
{
    unpacker->stream.next_out = out;
    unpacker->stream.avail_out = (uInt)cap;
    int result = unpacker->finished ? Z_STREAM_END : inflate(&unpacker->stream, Z_NO_FLUSH);
    *len = cap - unpacker->stream.avail_out;
    unpacker->finished = result == Z_STREAM_END;
    if (result == Z_STREAM_END)
        return unpacker->stream.avail_in == 0 ? PP_ZIP_OK : PP_ZIP_DATA;
    return result == Z_OK && *len > 0 ? PP_ZIP_OK : PP_ZIP_DATA;
}

enum pp_zip_fault pp_unpacker_read(struct pp_unpacker *unpacker, uint8_t *out, size_t cap,
                                   size_t *len)
{
    enum pp_zip_fault fault = PP_ZIP_OK;
    if (unpacker->entry.method == PP_ZIP_STORED)
        *len = copy_stored(unpacker, out, cap);
    else
        fault = inflate_some(unpacker, out, cap, len);
    if (fault != PP_ZIP_OK)
        return fault;
    unpacker->bytes += *len;
    if (unpacker->bytes > unpacker->entry.bytes)
        return PP_ZIP_BOMB;
    unpacker->crc = (uint32_t)crc32(unpacker->crc, out, (uInt)*len);
    bool ended = *len == 0;
    bool whole = unpacker->bytes == unpacker->entry.bytes && unpacker->crc == unpacker->entry.crc;
    return ended && !whole ? PP_ZIP_CRC : PP_ZIP_OK;
}

void pp_unpacker_end(struct pp_unpacker *unpacker)
{
    if (unpacker->open)
        (void)inflateEnd(&unpacker->stream);
    unpacker->open = false;
}
