/* SPDX-License-Identifier: MIT */
/* Fuzzes line splitting (every byte comes back, whatever the chunks) and the three line formats.
   Input: buffer size - 1, seed of the chunk sizes, top byte of "now", then the stream. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../src/ingest/ingest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { HEADER_BYTES = 3 };
static const uint8_t DEFAULT_SOURCE[] = "default";

static void require(bool holds)
{
    if (!holds)
        abort();
}

static bool inside(struct pp_bytes part, const uint8_t *whole, size_t len)
{
    return (uintptr_t)part.data >= (uintptr_t)whole &&
           (uintptr_t)part.data + part.len <= (uintptr_t)whole + len;
}

static void check_line(struct pp_bytes line, enum pp_ingest_format format, uint64_t now_ns)
{
    struct pp_ingest_options options = {format, {DEFAULT_SOURCE, 7}, PP_DEBUG};
    struct pp_ingest_scratch scratch;
    struct pp_entry entry;
    bool parsed = pp_ingest_line(&options, line, now_ns, &scratch, &entry);
    require(entry.body.data == line.data && entry.body.len == line.len);
    require(entry.source.len >= 1 && entry.source.len <= PP_SOURCE_BYTES_MAX);
    require(entry.level < PP_LEVEL_COUNT && entry.kind == PP_ENTRY_DATA && entry.seq == 0);
    bool is_default = entry.source.data == DEFAULT_SOURCE;
    require(is_default || inside(entry.source, line.data, line.len) ||
            inside(entry.source, scratch.source, sizeof scratch.source));
    if (!parsed || format == PP_INGEST_PLAIN)
        require(is_default && entry.time_ns == now_ns && entry.level == PP_DEBUG);
    require(parsed || format != PP_INGEST_PLAIN);
}

static void check_formats(struct pp_bytes line, uint64_t now_ns)
{
    /* A copy of its own, so that the sanitizer sees every read beyond the line. */
    uint8_t *copy = malloc(line.len + (line.len == 0));
    require(copy != NULL);
    if (line.len > 0)
        memcpy(copy, line.data, line.len);
    struct pp_bytes exact = {copy, line.len};
    check_line(exact, PP_INGEST_PLAIN, now_ns);
    check_line(exact, PP_INGEST_JSONL, now_ns);
    check_line(exact, PP_INGEST_SYSLOG, now_ns);
    free(copy);
}

/* Compares what comes out with the stream itself. */
struct stream {
    const uint8_t *data;
    size_t len, at;
    bool in_long_line;
};

static void check_part(struct stream *stream, enum pp_line_part part, struct pp_bytes line)
{
    require(line.len <= stream->len - stream->at);
    require(line.len == 0 || memcmp(line.data, stream->data + stream->at, line.len) == 0);
    require(line.len == 0 || memchr(line.data, '\n', line.len) == NULL);
    stream->at += line.len;
    require(stream->in_long_line ? part != PP_LINE_WHOLE : part != PP_LINE_LONG_END);
    stream->in_long_line = part == PP_LINE_LONG_PART;
    if (part == PP_LINE_LONG_PART)
        return;
    if (stream->at < stream->len)
        require(stream->data[stream->at++] == '\n');
}

static void check_splitter(struct stream *stream, size_t cap, uint32_t seed)
{
    struct pp_line_splitter splitter;
    struct pp_bytes line;
    enum pp_line_part part;
    uint8_t *buffer = malloc(cap);
    require(buffer != NULL);
    pp_line_splitter_init(&splitter, buffer, cap);
    for (size_t fed = 0; fed < stream->len;) {
        size_t room;
        uint8_t *space = pp_line_splitter_space(&splitter, &room);
        seed = seed * 1664525 + 1013904223;
        size_t bytes = 1 + (seed >> 16) % 40;
        bytes = bytes < room ? bytes : room;
        bytes = bytes < stream->len - fed ? bytes : stream->len - fed;
        require(room > 0 && room <= cap);
        memcpy(space, stream->data + fed, bytes);
        pp_line_splitter_added(&splitter, bytes);
        fed += bytes;
        while ((part = pp_line_splitter_next(&splitter, &line)) != PP_LINE_NONE)
            check_part(stream, part, line);
    }
    while ((part = pp_line_splitter_finish(&splitter, &line)) != PP_LINE_NONE)
        check_part(stream, part, line);
    require(stream->at == stream->len && !stream->in_long_line);
    free(buffer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < HEADER_BYTES)
        return 0;
    struct stream stream = {data + HEADER_BYTES, size - HEADER_BYTES, 0, false};
    check_splitter(&stream, (size_t)data[0] + 1, data[1]);
    uint64_t now_ns = (uint64_t)data[2] << 56;
    const uint8_t *rest = stream.data, *end = stream.data + stream.len;
    for (;;) {
        const uint8_t *newline = rest < end ? memchr(rest, '\n', (size_t)(end - rest)) : NULL;
        const uint8_t *stop = newline != NULL ? newline : end;
        check_formats((struct pp_bytes){rest, (size_t)(stop - rest)}, now_ns);
        if (newline == NULL)
            return 0;
        rest = newline + 1;
    }
}
