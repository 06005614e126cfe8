/* SPDX-License-Identifier: MIT */
/* timeline.html in memory: sections are compressed as they come, and joined with the page at the
   end. */
#include "timeline_writer.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "../base/base.h"
#include "../bundle/parts.h"

enum { OUTPUT_START = 1 << 16, RAW_DEFLATE = -15, MEMORY_LEVEL = 9, SECTION_BYTES = 5 };

/* What is encoded in one piece. */
#define PIECE_BYTES                                                                                \
    ((size_t)PP_TIMELINE_HEAD_BYTES_MAX > (size_t)PP_TIMELINE_COUNTS_BYTES                         \
         ? (size_t)PP_TIMELINE_HEAD_BYTES_MAX                                                      \
         : (size_t)PP_TIMELINE_COUNTS_BYTES)

struct pp_timeline_writer {
    struct pp_timeline_window window; /* its texts are not kept */
    uint64_t next_seq;
    z_stream stream;
    uint8_t *compressed;
    size_t len, cap;
    struct pp_timeline_tree tree;
    struct pp_digest *groups;
    size_t group_count;
    struct pp_timeline_counts counts;
    uint8_t encoded[PIECE_BYTES];
    struct pp_block_writer block;
};

/* ---- Compression ---------------------------------------------------------------------------- */

static enum pp_error grow(struct pp_timeline_writer *writer)
{
    size_t cap = writer->cap ? 2 * writer->cap : OUTPUT_START;
    uint8_t *larger = realloc(writer->compressed, cap);
    if (!larger)
        return PP_ERROR_MEMORY;
    writer->compressed = larger;
    writer->cap = cap;
    return PP_OK;
}

static enum pp_error compress_some(struct pp_timeline_writer *writer, const uint8_t *data,
                                   size_t len, int flush)
{
    z_stream *stream = &writer->stream;
    stream->next_in = (Bytef *)(uintptr_t)data; /* zlib does not write there */
    stream->avail_in = (uInt)len;
    int state = Z_OK;
    do {
        if (writer->len == writer->cap && grow(writer) != PP_OK)
            return PP_ERROR_MEMORY;
        stream->next_out = writer->compressed + writer->len;
        stream->avail_out = (uInt)(writer->cap - writer->len);
        state = deflate(stream, flush);
        writer->len = writer->cap - stream->avail_out;
    } while (stream->avail_out == 0);
    return state == Z_STREAM_ERROR ? PP_ERROR_MEMORY : PP_OK;
}

/* Section B: a block of the compact form of entries. */
static enum pp_error write_block(struct pp_timeline_writer *writer)
{
    uint8_t head[SECTION_BYTES + PP_BLOCK_HEAD_BYTES];
    struct pp_bytes columns[PP_BLOCK_COLUMNS];
    size_t len = PP_BLOCK_HEAD_BYTES;
    if (writer->block.count == 0)
        return PP_OK;
    pp_block_finish(&writer->block, head + SECTION_BYTES, columns);
    for (size_t i = 0; i < PP_BLOCK_COLUMNS; i++)
        len += columns[i].len;
    head[0] = 'B';
    pp_put_u32(head + 1, (uint32_t)len);
    enum pp_error error = compress_some(writer, head, sizeof head, Z_NO_FLUSH);
    for (size_t i = 0; i < PP_BLOCK_COLUMNS && error == PP_OK; i++)
        if (columns[i].len > 0)
            error = compress_some(writer, columns[i].data, columns[i].len, Z_NO_FLUSH);
    pp_block_reset(&writer->block);
    return error;
}

/* ---- Entries -------------------------------------------------------------------------------- */

enum pp_error pp_timeline_writer_new(const struct pp_timeline_window *window,
                                     struct pp_timeline_writer **writer)
{
    struct pp_timeline_writer *w = calloc(1, sizeof *w);
    if (!w)
        return PP_ERROR_MEMORY;
    if (deflateInit2(&w->stream, Z_BEST_COMPRESSION, Z_DEFLATED, RAW_DEFLATE, MEMORY_LEVEL,
                     Z_DEFAULT_STRATEGY) != Z_OK) {
        free(w);
        return PP_ERROR_MEMORY;
    }
    w->window = *window;
    w->next_seq = window->first_seq;
    pp_timeline_tree_init(&w->tree, window->first_seq, window->next_seq);
    pp_timeline_counts_init(&w->counts, window->from_ns, window->until_ns);
    uint64_t groups = pp_timeline_tree_groups(&w->tree);
    w->groups = window->complete ? calloc(groups + 1, sizeof *w->groups) : NULL;
    size_t len = 0;
    enum pp_error error = pp_timeline_head(window, w->encoded, &len);
    if (error == PP_OK && window->complete && !w->groups)
        error = PP_ERROR_MEMORY;
    if (error == PP_OK)
        error = compress_some(w, w->encoded, len, Z_NO_FLUSH);
    if (error != PP_OK) {
        pp_timeline_writer_free(w);
        return error;
    }
    *writer = w;
    return PP_OK;
}

enum pp_error pp_timeline_writer_add(struct pp_timeline_writer *writer,
                                     const struct pp_entry *entry, const struct pp_digest *leaf,
                                     bool shown)
{
    if (entry->seq != writer->next_seq || entry->seq >= writer->window.next_seq)
        return PP_ERROR_ARGUMENT;
    if (writer->window.complete && !shown)
        return PP_ERROR_ARGUMENT;
    writer->next_seq++;
    struct pp_digest *group = writer->groups ? &writer->groups[writer->group_count] : NULL;
    if (group && pp_timeline_tree_add(&writer->tree, leaf, group))
        writer->group_count++;
    pp_timeline_counts_add(&writer->counts, entry->time_ns, entry->level);
    if (!shown)
        return PP_OK;
    enum pp_error error = pp_block_add(&writer->block, entry);
    if (error != PP_ERROR_NO_SPACE)
        return error;
    error = write_block(writer);
    return error == PP_OK ? pp_block_add(&writer->block, entry) : error;
}

/* ---- The end -------------------------------------------------------------------------------- */

static enum pp_error write_hashes(struct pp_timeline_writer *writer, const struct pp_digest *hashes,
                                  size_t count)
{
    return count == 0 ? PP_OK
                      : compress_some(writer, hashes->b, count * sizeof *hashes, Z_NO_FLUSH);
}

static enum pp_error write_tree(struct pp_timeline_writer *writer, const struct pp_digest *before,
                                size_t before_count, const struct pp_digest *after,
                                size_t after_count)
{
    const struct pp_timeline_window *window = &writer->window;
    if (before_count != pp_bundle_tile_count(0, window->first_seq) ||
        after_count != pp_bundle_tile_count(window->next_seq, window->tree_size))
        return PP_ERROR_ARGUMENT;
    uint8_t head[PP_TIMELINE_TREE_HEAD_BYTES];
    pp_timeline_tree_head(writer->tree.group_height,
                          before_count + writer->group_count + after_count, head);
    enum pp_error error = compress_some(writer, head, sizeof head, Z_NO_FLUSH);
    if (error == PP_OK)
        error = write_hashes(writer, before, before_count);
    if (error == PP_OK)
        error = write_hashes(writer, writer->groups, writer->group_count);
    return error == PP_OK ? write_hashes(writer, after, after_count) : error;
}

static enum pp_error write_counts(struct pp_timeline_writer *writer)
{
    pp_timeline_counts_encode(&writer->counts, writer->encoded);
    return compress_some(writer, writer->encoded, PP_TIMELINE_COUNTS_BYTES, Z_NO_FLUSH);
}

static size_t put_parts(uint8_t *out, size_t at, const struct pp_bytes *parts, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        memcpy(out + at, parts[i].data, parts[i].len);
        at += parts[i].len;
    }
    return at;
}

static size_t parts_len(const struct pp_bytes *parts, size_t count)
{
    size_t len = 0;
    for (size_t i = 0; i < count; i++)
        len += parts[i].len;
    return len;
}

static enum pp_error join(const struct pp_timeline_writer *writer, uint8_t **page, size_t *len)
{
    struct pp_timeline_page parts;
    pp_timeline_page_init(&parts);
    size_t total = parts_len(parts.before, parts.before_count) + 4 * ((writer->len + 2) / 3) + 1 +
                   parts_len(parts.after, parts.after_count);
    uint8_t *out = malloc(total);
    if (!out)
        return PP_ERROR_MEMORY;
    size_t at = put_parts(out, 0, parts.before, parts.before_count);
    at += pp_base64_encode(writer->compressed, writer->len, (char *)out + at);
    *len = put_parts(out, at, parts.after, parts.after_count);
    *page = out;
    return PP_OK;
}

enum pp_error pp_timeline_writer_finish(struct pp_timeline_writer *writer,
                                        const struct pp_digest *before, size_t before_count,
                                        const struct pp_digest *after, size_t after_count,
                                        uint8_t **page, size_t *len)
{
    if (writer->next_seq != writer->window.next_seq)
        return PP_ERROR_ARGUMENT;
    enum pp_error error = write_block(writer);
    if (error == PP_OK)
        error = writer->window.complete
                    ? write_tree(writer, before, before_count, after, after_count)
                    : write_counts(writer);
    uint8_t end[PP_TIMELINE_END_BYTES];
    pp_timeline_end(end);
    if (error == PP_OK)
        error = compress_some(writer, end, sizeof end, Z_FINISH);
    return error == PP_OK ? join(writer, page, len) : error;
}

void pp_timeline_writer_free(struct pp_timeline_writer *writer)
{
    if (!writer)
        return;
    deflateEnd(&writer->stream);
    free(writer->compressed);
    free(writer->groups);
    free(writer);
}
