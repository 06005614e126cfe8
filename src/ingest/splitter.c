/* SPDX-License-Identifier: MIT */
/* A stream of bytes to lines, in the caller's buffer and in linear time whatever the chunks. */
#include <string.h>

#include "ingest.h"

void pp_line_splitter_init(struct pp_line_splitter *splitter, uint8_t *buffer, size_t cap)
{
    *splitter = (struct pp_line_splitter){.buffer = buffer, .cap = cap};
}

uint8_t *pp_line_splitter_space(struct pp_line_splitter *splitter, size_t *room)
{
    size_t buffered = splitter->end - splitter->start;
    /* What is moved is one line without its end, which then starts at 0 until it is taken: no byte
       moves twice. */
    if (splitter->start > 0) {
        if (buffered > 0)
            memmove(splitter->buffer, splitter->buffer + splitter->start, buffered);
        splitter->scanned -= splitter->start;
        splitter->start = 0;
        splitter->end = buffered;
    }
    *room = splitter->cap - splitter->end;
    return splitter->buffer + splitter->end;
}

void pp_line_splitter_added(struct pp_line_splitter *splitter, size_t bytes)
{
    splitter->end += bytes;
}

/* Hands out the bytes from start to stop, and moves on to next. */
static void take(struct pp_line_splitter *splitter, size_t stop, size_t next, struct pp_bytes *line)
{
    *line = (struct pp_bytes){splitter->buffer + splitter->start, stop - splitter->start};
    splitter->start = next;
    splitter->scanned = next;
}

static enum pp_line_part end_line(struct pp_line_splitter *splitter)
{
    bool was_long = splitter->in_long_line;
    splitter->in_long_line = false;
    return was_long ? PP_LINE_LONG_END : PP_LINE_WHOLE;
}

enum pp_line_part pp_line_splitter_next(struct pp_line_splitter *splitter, struct pp_bytes *line)
{
    size_t fresh = splitter->end - splitter->scanned;
    const uint8_t *newline =
        fresh > 0 ? memchr(splitter->buffer + splitter->scanned, '\n', fresh) : NULL;
    if (newline != NULL) {
        size_t stop = (size_t)(newline - splitter->buffer);
        take(splitter, stop, stop + 1, line);
        return end_line(splitter);
    }
    splitter->scanned = splitter->end;
    size_t buffered = splitter->end - splitter->start;
    if (buffered == 0 || buffered < splitter->cap) {
        *line = (struct pp_bytes){NULL, 0};
        return PP_LINE_NONE;
    }
    take(splitter, splitter->end, splitter->end, line);
    splitter->in_long_line = true;
    return PP_LINE_LONG_PART;
}

enum pp_line_part pp_line_splitter_finish(struct pp_line_splitter *splitter, struct pp_bytes *line)
{
    enum pp_line_part part = pp_line_splitter_next(splitter, line);
    if (part != PP_LINE_NONE)
        return part;
    if (splitter->start == splitter->end && !splitter->in_long_line)
        return PP_LINE_NONE;
    take(splitter, splitter->end, splitter->end, line);
    return end_line(splitter);
}
