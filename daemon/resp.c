/* SPDX-License-Identifier: MIT */
/* The requests of RESP, the protocol of Redis clients (version 2), as bytes arrive. */
#include "resp.h"

#include <string.h>

#include "text.h"

enum { HEADER_MAX = 32 }; /* of "*3\r\n" and "$5\r\n" */

static enum serve_parse bad(struct resp_command *command, const char *error)
{
    command->error = error;
    return SERVE_PARSE_BAD;
}

/* The line at *at without its CRLF, and *at moved behind it.  A line of max bytes is too long. */
static enum serve_parse take_line(struct pp_bytes input, size_t *at, size_t max,
                                  struct pp_bytes *line)
{
    size_t left = input.len - *at, look = left < max ? left : max;
    const uint8_t *start = input.data + *at;
    const uint8_t *end = look == 0 ? NULL : memchr(start, '\n', look);
    if (end == NULL)
        return left < max ? SERVE_PARSE_MORE : SERVE_PARSE_BAD;
    size_t len = (size_t)(end - start);
    *at += len + 1;
    if (len == 0 || start[len - 1] != '\r')
        return SERVE_PARSE_BAD;
    *line = (struct pp_bytes){start, len - 1};
    return SERVE_PARSE_DONE;
}

/* A line that begins with mark and goes on with a number of at most max. */
static enum serve_parse take_count(struct pp_bytes input, size_t *at, char mark, uint64_t max,
                                   uint64_t *count)
{
    struct pp_bytes line;
    if (*at < input.len && input.data[*at] != mark)
        return SERVE_PARSE_BAD;
    enum serve_parse parse = take_line(input, at, HEADER_MAX, &line);
    if (parse != SERVE_PARSE_DONE)
        return parse;
    struct pp_bytes digits = {line.data + 1, line.len - 1};
    return serve_parse_number(digits, max, count) ? SERVE_PARSE_DONE : SERVE_PARSE_BAD;
}

static enum serve_parse take_bulk(struct pp_bytes input, size_t *at, struct pp_bytes *bulk,
                                  struct resp_command *command)
{
    uint64_t len = 0;
    enum serve_parse parse = take_count(input, at, '$', RESP_BULK_MAX, &len);
    if (parse == SERVE_PARSE_BAD)
        return bad(command, "Protocol error: a bulk string of 0 to 65536 bytes is expected");
    if (parse == SERVE_PARSE_MORE || input.len - *at < len + 2)
        return SERVE_PARSE_MORE;
    *bulk = (struct pp_bytes){input.data + *at, (size_t)len};
    *at += (size_t)len + 2;
    if (input.data[*at - 2] != '\r' || input.data[*at - 1] != '\n')
        return bad(command, "Protocol error: a bulk string does not end with CRLF");
    return SERVE_PARSE_DONE;
}

static enum serve_parse parse_array(struct pp_bytes input, struct resp_command *command,
                                    size_t *used)
{
    uint64_t count = 0;
    size_t at = 0;
    enum serve_parse parse = take_count(input, &at, '*', RESP_ARGUMENTS_MAX, &count);
    if (parse == SERVE_PARSE_BAD)
        return bad(command, "Protocol error: an array of 0 to 16 bulk strings is expected");
    for (size_t i = 0; parse == SERVE_PARSE_DONE && i < count; i++)
        parse = take_bulk(input, &at, &command->argument[i], command);
    command->count = (size_t)count;
    *used = at;
    return parse;
}

static enum serve_parse parse_words(struct pp_bytes input, struct resp_command *command,
                                    size_t *used)
{
    struct pp_bytes line;
    *used = 0;
    enum serve_parse parse = take_line(input, used, RESP_LINE_MAX, &line);
    if (parse != SERVE_PARSE_DONE)
        return parse == SERVE_PARSE_MORE ? parse : bad(command, "Protocol error: no line of words");
    for (size_t at = 0; at < line.len;) {
        size_t start = at;
        while (at < line.len && line.data[at] > ' ')
            at++;
        if (at > start && command->count == RESP_ARGUMENTS_MAX)
            return bad(command, "Protocol error: more than 16 words");
        if (at > start)
            command->argument[command->count++] = (struct pp_bytes){line.data + start, at - start};
        at++;
    }
    return SERVE_PARSE_DONE;
}

enum serve_parse resp_parse(struct pp_bytes input, struct resp_command *command, size_t *used)
{
    command->count = 0;
    command->error = NULL;
    if (input.len == 0)
        return SERVE_PARSE_MORE;
    return input.data[0] == '*' ? parse_array(input, command, used)
                                : parse_words(input, command, used);
}
