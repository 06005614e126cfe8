/* SPDX-License-Identifier: MIT */
/* The tree around the entries that are here: complete subtrees for those that are not
   (docs/format/bundle.md section 7; RFC 6962 section 2.1). */
#include <string.h>

#include "../base/base.h"
#include "parts.h"

static const char magic[] = "PPBTREE1";
enum { HEAD_BYTES = 24, GAP_BYTES = 16 };

unsigned pp_bundle_tile_height(uint64_t start, uint64_t end)
{
    unsigned height = 0;
    while (height < PP_MERKLE_HEIGHT_MAX - 1 && (start >> height & 1) == 0 &&
           (UINT64_C(2) << height) <= end - start)
        height++;
    return height;
}

size_t pp_bundle_tile_count(uint64_t start, uint64_t end)
{
    size_t count = 0;
    for (; start < end; start += UINT64_C(1) << pp_bundle_tile_height(start, end))
        count++;
    return count;
}

enum pp_error pp_bundle_tree_add(struct pp_merkle_tree *tree, unsigned height,
                                 const struct pp_digest *hash)
{
    if (height >= PP_MERKLE_HEIGHT_MAX || (tree->size & ((UINT64_C(1) << height) - 1)) != 0)
        return PP_ERROR_ARGUMENT;
    uint64_t size = tree->size + (UINT64_C(1) << height);
    if (size > INT64_MAX)
        return PP_ERROR_TOO_LARGE;
    struct pp_digest node = *hash;
    for (; (tree->size >> height & 1) == 1; height++)
        node = pp_node_hash(&tree->peaks[height], &node);
    tree->peaks[height] = node;
    tree->size = size;
    return PP_OK;
}

static enum pp_error add_numbers(struct pp_bundle_text *text, uint64_t a, uint64_t b)
{
    uint8_t bytes[16];
    pp_put_u64(bytes, a);
    pp_put_u64(bytes + 8, b);
    return pp_bundle_text_add(text, (struct pp_bytes){bytes, sizeof bytes});
}

enum pp_error pp_bundle_tree_begin(struct pp_bundle_text *text, uint64_t size, uint64_t gaps)
{
    enum pp_error error = pp_bundle_text_string(text, magic);
    return error == PP_OK ? add_numbers(text, size, gaps) : error;
}

enum pp_error pp_bundle_tree_gap(struct pp_bundle_text *text, uint64_t start, uint64_t end)
{
    return add_numbers(text, start, end);
}

static void cut(struct pp_bytes *rest, size_t bytes)
{
    rest->data += bytes;
    rest->len -= bytes;
}

enum pp_error pp_bundle_tree_open(struct pp_bytes data, struct pp_bundle_tree_reader *reader)
{
    if (data.len < HEAD_BYTES || memcmp(data.data, magic, 8) != 0)
        return PP_ERROR_FORMAT;
    *reader = (struct pp_bundle_tree_reader){
        .rest = data,
        .size = pp_get_u64(data.data + 8),
        .gaps_left = pp_get_u64(data.data + 16),
    };
    if (reader->size > INT64_MAX)
        return PP_ERROR_FORMAT;
    cut(&reader->rest, HEAD_BYTES);
    return PP_OK;
}

enum pp_error pp_bundle_tree_next(struct pp_bundle_tree_reader *reader, struct pp_bundle_gap *gap)
{
    if (reader->gaps_left == 0)
        return reader->rest.len == 0 ? PP_ERROR_NOT_FOUND : PP_ERROR_FORMAT;
    if (reader->rest.len < GAP_BYTES)
        return PP_ERROR_FORMAT;
    uint64_t start = pp_get_u64(reader->rest.data), end = pp_get_u64(reader->rest.data + 8);
    bool follows = reader->started ? start > reader->last_end : true;
    if (!follows || start >= end || end > reader->size)
        return PP_ERROR_FORMAT;
    cut(&reader->rest, GAP_BYTES);
    size_t bytes = pp_bundle_tile_count(start, end) * PP_DIGEST_BYTES;
    if (reader->rest.len < bytes)
        return PP_ERROR_FORMAT;
    *gap = (struct pp_bundle_gap){start, end, {reader->rest.data, bytes}};
    cut(&reader->rest, bytes);
    reader->started = true;
    reader->last_end = end;
    reader->gaps_left--;
    return PP_OK;
}
