/* SPDX-License-Identifier: MIT */
/* Text and JSON on their way into the caller's memory, or only measured. */
#include <string.h>

#include "dashboard_internal.h"

/* ---- Plain ---------------------------------------------------------------------------------- */

void pp_dashboard_put(struct pp_dashboard_text *text, struct pp_bytes bytes)
{
    if (text->len < text->cap) {
        size_t room = text->cap - text->len;
        size_t n = bytes.len < room ? bytes.len : room;
        if (n > 0)
            memcpy(text->data + text->len, bytes.data, n);
    }
    text->len += bytes.len;
}

void pp_dashboard_put_string(struct pp_dashboard_text *text, const char *string)
{
    pp_dashboard_put(text, pp_bytes_of(string));
}

void pp_dashboard_put_number(struct pp_dashboard_text *text, int64_t number)
{
    uint8_t digits[24];
    size_t at = sizeof digits;
    uint64_t rest = number < 0 ? 0 - (uint64_t)number : (uint64_t)number;
    do {
        digits[--at] = (uint8_t)('0' + rest % 10);
        rest /= 10;
    } while (rest > 0);
    if (number < 0)
        digits[--at] = '-';
    pp_dashboard_put(text, (struct pp_bytes){digits + at, sizeof digits - at});
}

bool pp_dashboard_same(struct pp_bytes a, struct pp_bytes b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

/* ---- JSON ----------------------------------------------------------------------------------- */

static void put_indent(struct pp_dashboard_json *json)
{
    pp_dashboard_put_string(json->text, "\n");
    for (size_t i = 0; i < json->depth; i++)
        pp_dashboard_put_string(json->text, " ");
}

/* What stands before a value: a comma, a new line, its key. */
static void put_key(struct pp_dashboard_json *json, const char *key)
{
    if (json->depth > 0) {
        if (json->filled[json->depth - 1])
            pp_dashboard_put_string(json->text, ",");
        json->filled[json->depth - 1] = true;
        put_indent(json);
    }
    if (key == NULL)
        return;
    pp_dashboard_put_string(json->text, "\"");
    pp_dashboard_put_string(json->text, key);
    pp_dashboard_put_string(json->text, "\": ");
}

void pp_dashboard_json_begin(struct pp_dashboard_json *json, const char *key, char bracket)
{
    put_key(json, key);
    pp_dashboard_put(json->text, (struct pp_bytes){(const uint8_t *)&bracket, 1});
    if (json->depth < PP_DASHBOARD_JSON_DEPTH_MAX)
        json->filled[json->depth] = false;
    json->depth++;
}

void pp_dashboard_json_end(struct pp_dashboard_json *json, char bracket)
{
    json->depth--;
    if (json->filled[json->depth])
        put_indent(json);
    pp_dashboard_put(json->text, (struct pp_bytes){(const uint8_t *)&bracket, 1});
    if (json->depth == 0)
        pp_dashboard_put_string(json->text, "\n");
}

void pp_dashboard_json_piece(struct pp_dashboard_json *json, struct pp_bytes piece)
{
    for (size_t i = 0; i < piece.len; i++) {
        if (piece.data[i] == '"' || piece.data[i] == '\\')
            pp_dashboard_put_string(json->text, "\\");
        if (piece.data[i] == '\n')
            pp_dashboard_put_string(json->text, "\\n");
        else
            pp_dashboard_put(json->text, (struct pp_bytes){piece.data + i, 1});
    }
}

void pp_dashboard_json_piece_text(struct pp_dashboard_json *json, const char *piece)
{
    pp_dashboard_json_piece(json, pp_bytes_of(piece));
}

void pp_dashboard_json_begin_string(struct pp_dashboard_json *json, const char *key)
{
    put_key(json, key);
    pp_dashboard_put_string(json->text, "\"");
}

void pp_dashboard_json_end_string(struct pp_dashboard_json *json)
{
    pp_dashboard_put_string(json->text, "\"");
}

void pp_dashboard_json_bytes(struct pp_dashboard_json *json, const char *key, struct pp_bytes value)
{
    pp_dashboard_json_begin_string(json, key);
    pp_dashboard_json_piece(json, value);
    pp_dashboard_json_end_string(json);
}

void pp_dashboard_json_text(struct pp_dashboard_json *json, const char *key, const char *value)
{
    pp_dashboard_json_bytes(json, key, pp_bytes_of(value));
}

void pp_dashboard_json_number(struct pp_dashboard_json *json, const char *key, int64_t value)
{
    put_key(json, key);
    pp_dashboard_put_number(json->text, value);
}

void pp_dashboard_json_bool(struct pp_dashboard_json *json, const char *key, bool value)
{
    put_key(json, key);
    pp_dashboard_put_string(json->text, value ? "true" : "false");
}
