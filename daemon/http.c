/* SPDX-License-Identifier: MIT */
/* The requests of HTTP/1.1 (RFC 9112), strictly: what could be read in two ways is refused. */
#include "http.h"

#include <string.h>

#include "text.h"

/* What the header fields said. */
struct fields {
    uint64_t body_bytes;
    unsigned hosts, lengths;
    bool close;
};

static enum serve_parse bad(struct http_request *request, int status, const char *error)
{
    request->status = status;
    request->error = error;
    request->close = true;
    return SERVE_PARSE_BAD;
}

/* The line at *at without its CRLF, and *at moved behind it. */
static enum serve_parse take_line(struct pp_bytes input, size_t *at, struct pp_bytes *line)
{
    const uint8_t *start = input.data + *at;
    const uint8_t *end = *at == input.len ? NULL : memchr(start, '\n', input.len - *at);
    if (end == NULL)
        return SERVE_PARSE_MORE;
    size_t len = (size_t)(end - start);
    *at += len + 1;
    if (len == 0 || start[len - 1] != '\r')
        return SERVE_PARSE_BAD;
    *line = (struct pp_bytes){start, len - 1};
    return SERVE_PARSE_DONE;
}

static enum http_method method_of(struct pp_bytes word)
{
    if (serve_is(word, "GET"))
        return HTTP_GET;
    if (serve_is(word, "POST"))
        return HTTP_POST;
    return serve_is(word, "HEAD") ? HTTP_HEAD : HTTP_OTHER_METHOD;
}

static bool is_visible(struct pp_bytes text)
{
    for (size_t i = 0; i < text.len; i++)
        if (text.data[i] <= ' ' || text.data[i] == 0x7f)
            return false;
    return true;
}

static bool split_target(struct pp_bytes target, struct http_request *request)
{
    if (target.len == 0 || target.data[0] != '/' || !is_visible(target))
        return false;
    const uint8_t *mark = memchr(target.data, '?', target.len);
    size_t path_len = mark == NULL ? target.len : (size_t)(mark - target.data);
    request->path = (struct pp_bytes){target.data, path_len};
    size_t query_at = mark == NULL ? target.len : path_len + 1;
    request->query = (struct pp_bytes){target.data + query_at, target.len - query_at};
    return true;
}

static enum serve_parse parse_request_line(struct pp_bytes line, struct http_request *request)
{
    const uint8_t *space = line.len == 0 ? NULL : memchr(line.data, ' ', line.len);
    const uint8_t *last = line.len == 0 ? NULL : memrchr(line.data, ' ', line.len);
    if (space == NULL || space == last)
        return bad(request, 400, "the request line is not METHOD TARGET VERSION");
    const uint8_t *end = line.data + line.len;
    struct pp_bytes version = {last + 1, (size_t)(end - last) - 1};
    request->method = method_of((struct pp_bytes){line.data, (size_t)(space - line.data)});
    if (serve_is(version, "HTTP/1.0"))
        request->close = true;
    else if (!serve_is(version, "HTTP/1.1"))
        return bad(request, 505, "only HTTP/1.1 and HTTP/1.0 are spoken here");
    if (!split_target((struct pp_bytes){space + 1, (size_t)(last - space) - 1}, request))
        return bad(request, 400, "the target is not a path with an optional query");
    return SERVE_PARSE_DONE;
}

static bool is_token(struct pp_bytes name)
{
    for (size_t i = 0; i < name.len; i++) {
        uint8_t c = name.data[i];
        if (c <= ' ' || c >= 0x7f || strchr("\"(),/:;<=>?@[\\]{}", c) != NULL)
            return false;
    }
    return name.len != 0;
}

/* The value without blanks around it; false when a control character is in it. */
static bool trim(struct pp_bytes *value)
{
    while (value->len != 0 && (value->data[0] == ' ' || value->data[0] == '\t'))
        value->data++, value->len--;
    while (value->len != 0 &&
           (value->data[value->len - 1] == ' ' || value->data[value->len - 1] == '\t'))
        value->len--;
    for (size_t i = 0; i < value->len; i++)
        if ((value->data[i] < ' ' && value->data[i] != '\t') || value->data[i] == 0x7f)
            return false;
    return true;
}

/* One of the words in a list with commas. */
static bool has_word(struct pp_bytes list, const char *word)
{
    while (list.len != 0) {
        const uint8_t *comma = memchr(list.data, ',', list.len);
        size_t len = comma == NULL ? list.len : (size_t)(comma - list.data);
        struct pp_bytes item = {list.data, len};
        if (trim(&item) && serve_is_word(item, word))
            return true;
        size_t skip = comma == NULL ? len : len + 1;
        list = (struct pp_bytes){list.data + skip, list.len - skip};
    }
    return false;
}

static enum serve_parse parse_field(struct pp_bytes line, struct http_request *request,
                                    struct fields *fields)
{
    const uint8_t *colon = memchr(line.data, ':', line.len);
    if (colon == NULL)
        return bad(request, 400, "a header line has no colon");
    struct pp_bytes name = {line.data, (size_t)(colon - line.data)};
    struct pp_bytes value = {colon + 1, line.len - name.len - 1};
    if (!is_token(name) || !trim(&value))
        return bad(request, 400, "a header line has a character that must not be there");
    if (serve_is_word(name, "host")) {
        fields->hosts++;
    } else if (serve_is_word(name, "connection")) {
        fields->close = fields->close || has_word(value, "close");
    } else if (serve_is_word(name, "content-length")) {
        fields->lengths++;
        if (!serve_parse_number(value, UINT64_MAX, &fields->body_bytes))
            return bad(request, 400, "the Content-Length is not a number");
    } else if (serve_is_word(name, "transfer-encoding")) {
        return bad(request, 501, "a Transfer-Encoding is not supported");
    } else if (serve_is_word(name, "expect")) {
        return bad(request, 417, "an Expect header is not supported");
    }
    return SERVE_PARSE_DONE;
}

/* What must hold of all fields together. */
static enum serve_parse check_fields(struct http_request *request, const struct fields *fields)
{
    /* HTTP/1.0 (which closes) needs no Host. */
    if (fields->hosts > 1 || (fields->hosts == 0 && !request->close))
        return bad(request, 400, "one Host header is required");
    if (fields->lengths > 1)
        return bad(request, 400, "there is more than one Content-Length");
    if (fields->body_bytes > HTTP_BODY_MAX)
        return bad(request, 413, "the body is longer than 208 KiB");
    request->close = request->close || fields->close;
    return SERVE_PARSE_DONE;
}

static enum serve_parse parse_head(struct pp_bytes input, size_t *at, struct http_request *request,
                                   struct fields *fields)
{
    struct pp_bytes line = {NULL, 0};
    enum serve_parse parse = take_line(input, at, &line);
    if (parse == SERVE_PARSE_DONE)
        parse = parse_request_line(line, request);
    else if (parse == SERVE_PARSE_BAD)
        return bad(request, 400, "a line does not end with CRLF");
    while (parse == SERVE_PARSE_DONE) {
        parse = take_line(input, at, &line);
        if (parse == SERVE_PARSE_BAD)
            return bad(request, 400, "a line does not end with CRLF");
        if (parse == SERVE_PARSE_DONE && line.len == 0)
            return check_fields(request, fields);
        if (parse == SERVE_PARSE_DONE)
            parse = parse_field(line, request, fields);
    }
    return parse;
}

enum serve_parse http_parse(struct pp_bytes input, struct http_request *request, size_t *used)
{
    struct fields fields = {0};
    size_t at = 0;
    *request = (struct http_request){0};
    enum serve_parse parse = parse_head(input, &at, request, &fields);
    if (parse == SERVE_PARSE_BAD)
        return parse;
    size_t head = parse == SERVE_PARSE_DONE ? at : input.len;
    if (head > HTTP_HEAD_MAX)
        return bad(request, 431, "the request's head is longer than 208 KiB");
    if (parse == SERVE_PARSE_MORE || input.len - at < fields.body_bytes)
        return SERVE_PARSE_MORE;
    request->body = (struct pp_bytes){input.data + at, (size_t)fields.body_bytes};
    *used = at + (size_t)fields.body_bytes;
    return SERVE_PARSE_DONE;
}
