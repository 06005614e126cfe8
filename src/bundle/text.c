/* SPDX-License-Identifier: MIT */
/* Text that is made in the caller's memory: numbers, times, JSON strings (RFC 8259), UTF-8
   (RFC 3629). */
#include <string.h>

#include "../base/base.h"
#include "bundle_internal.h"

enum { NUMBER_BYTES = 20, ESCAPE_BYTES_MAX = 6 };

static size_t room(const struct pp_bundle_text *text)
{
    return text->cap - text->len;
}

enum pp_error pp_bundle_text_add(struct pp_bundle_text *text, struct pp_bytes bytes)
{
    if (bytes.len > room(text))
        return PP_ERROR_NO_SPACE;
    if (bytes.len > 0)
        memcpy(text->data + text->len, bytes.data, bytes.len);
    text->len += bytes.len;
    return PP_OK;
}

enum pp_error pp_bundle_text_string(struct pp_bundle_text *text, const char *string)
{
    return pp_bundle_text_add(text, pp_bytes_of(string));
}

enum pp_error pp_bundle_text_number(struct pp_bundle_text *text, uint64_t number)
{
    uint8_t digits[NUMBER_BYTES];
    size_t at = sizeof digits;
    do
        digits[--at] = (uint8_t)('0' + number % 10);
    while ((number /= 10) != 0);
    return pp_bundle_text_add(text, (struct pp_bytes){digits + at, sizeof digits - at});
}

enum pp_error pp_bundle_text_base64(struct pp_bundle_text *text, struct pp_bytes bytes)
{
    if (bytes.len / 3 >= room(text) / 4)
        return PP_ERROR_NO_SPACE;
    text->len += pp_base64_encode(bytes.data, bytes.len, (char *)text->data + text->len);
    return PP_OK;
}

enum pp_error pp_bundle_text_hex(struct pp_bundle_text *text, struct pp_bytes bytes)
{
    if (bytes.len >= room(text) / 2)
        return PP_ERROR_NO_SPACE;
    pp_hex_encode(bytes.data, bytes.len, (char *)text->data + text->len);
    text->len += 2 * bytes.len;
    return PP_OK;
}

/* ---- UTF-8 ---------------------------------------------------------------------------------- */

/* Range of the second byte (RFC 3629 section 4): what keeps out long forms and surrogates. */
static bool second_fits(uint8_t first, uint8_t second)
{
    switch (first) {
    case 0xE0:
        return second >= 0xA0 && second <= 0xBF;
    case 0xED:
        return second >= 0x80 && second <= 0x9F;
    case 0xF0:
        return second >= 0x90 && second <= 0xBF;
    case 0xF4:
        return second >= 0x80 && second <= 0x8F;
    default:
        return second >= 0x80 && second <= 0xBF;
    }
}

static size_t length_by_first(uint8_t first)
{
    if (first < 0x80)
        return 1;
    if (first < 0xC2 || first > 0xF4)
        return 0;
    return first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
}

size_t pp_bundle_utf8_length(struct pp_bytes bytes)
{
    size_t length = bytes.len == 0 ? 0 : length_by_first(bytes.data[0]);
    if (length > bytes.len || (length > 1 && !second_fits(bytes.data[0], bytes.data[1])))
        return 0;
    for (size_t i = 2; i < length; i++)
        if (bytes.data[i] < 0x80 || bytes.data[i] > 0xBF)
            return 0;
    return length;
}

bool pp_bundle_is_utf8(struct pp_bytes bytes)
{
    for (size_t at = 0; at < bytes.len;) {
        size_t length = pp_bundle_utf8_length((struct pp_bytes){bytes.data + at, bytes.len - at});
        if (length == 0)
            return false;
        at += length;
    }
    return true;
}

/* ---- JSON ----------------------------------------------------------------------------------- */

/* "\u00XY" into out; returns 6. */
static size_t escape_code(unsigned code, uint8_t *out)
{
    static const char digits[] = "0123456789abcdef";
    out[0] = '\\';
    out[1] = 'u';
    for (unsigned i = 0; i < 4; i++)
        out[2 + i] = (uint8_t)digits[(code >> (12 - 4 * i)) & 15];
    return ESCAPE_BYTES_MAX;
}

static size_t escape_ascii(uint8_t c, uint8_t *out)
{
    static const char plain[] = "\"\\\b\f\n\r\t", letters[] = "\"\\bfnrt";
    const char *found = c == 0 ? NULL : memchr(plain, c, sizeof plain - 1);
    if (found != NULL) {
        out[0] = '\\';
        out[1] = (uint8_t)letters[found - plain];
        return 2;
    }
    if (c < 0x20 || c == 0x7F || c == '<' || c == '>' || c == '&')
        return escape_code(c, out);
    out[0] = c;
    return 1;
}

/* One character of rest into out[ESCAPE_BYTES_MAX]; *used are the bytes it had. */
static size_t put_character(struct pp_bytes rest, uint8_t *out, size_t *used)
{
    size_t length = pp_bundle_utf8_length(rest);
    *used = length == 0 ? 1 : length;
    if (length == 0)
        return escape_code(0xFFFD, out);
    if (length == 1)
        return escape_ascii(rest.data[0], out);
    /* U+2028 and U+2029 end a line in JavaScript. */
    if (length == 3 && rest.data[0] == 0xE2 && rest.data[1] == 0x80 &&
        (rest.data[2] == 0xA8 || rest.data[2] == 0xA9))
        return escape_code(0x2028 + (rest.data[2] - 0xA8u), out);
    memcpy(out, rest.data, length);
    return length;
}

static bool is_plain(uint8_t c)
{
    return c >= 0x20 && c < 0x7F && c != '"' && c != '\\' && c != '<' && c != '>' && c != '&';
}

enum pp_error pp_bundle_text_json(struct pp_bundle_text *text, struct pp_bytes bytes)
{
    if (room(text) < 2 || (room(text) - 2) / ESCAPE_BYTES_MAX < bytes.len)
        return PP_ERROR_NO_SPACE;
    uint8_t *out = text->data + text->len;
    *out++ = '"';
    for (size_t at = 0; at < bytes.len;) {
        if (is_plain(bytes.data[at])) {
            *out++ = bytes.data[at++];
            continue;
        }
        size_t used;
        out += put_character((struct pp_bytes){bytes.data + at, bytes.len - at}, out, &used);
        at += used;
    }
    *out++ = '"';
    text->len = (size_t)(out - text->data);
    return PP_OK;
}

/* ---- Times ---------------------------------------------------------------------------------- */

/* Days to a date: Howard Hinnant's civil_from_days, for days since 1970-01-01. */
struct pp_bundle_date pp_bundle_date_of(uint64_t time_ns)
{
    uint64_t seconds = time_ns / 1000000000;
    unsigned of_day = (unsigned)(seconds % 86400);
    uint64_t days = seconds / 86400 + 719468; /* since 0000-03-01 */
    unsigned era = (unsigned)(days / 146097), of_era = (unsigned)(days % 146097);
    unsigned year_of_era = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    unsigned of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    unsigned month = (5 * of_year + 2) / 153; /* from March */
    return (struct pp_bundle_date){
        .year = year_of_era + era * 400 + (month >= 10),
        .month = month < 10 ? month + 3 : month - 9,
        .day = of_year - (153 * month + 2) / 5 + 1,
        .hour = of_day / 3600,
        .minute = of_day / 60 % 60,
        .second = of_day % 60,
        .nanosecond = (uint32_t)(time_ns % 1000000000),
    };
}

static void put_digits(uint8_t *out, size_t count, uint32_t value)
{
    for (size_t i = count; i-- > 0; value /= 10)
        out[i] = (uint8_t)('0' + value % 10);
}

enum pp_error pp_bundle_text_time(struct pp_bundle_text *text, uint64_t time_ns)
{
    uint8_t out[] = "0000-00-00T00:00:00.000000000Z";
    struct pp_bundle_date date = pp_bundle_date_of(time_ns);
    put_digits(out, 4, date.year);
    put_digits(out + 5, 2, date.month);
    put_digits(out + 8, 2, date.day);
    put_digits(out + 11, 2, date.hour);
    put_digits(out + 14, 2, date.minute);
    put_digits(out + 17, 2, date.second);
    put_digits(out + 20, 9, date.nanosecond);
    return pp_bundle_text_add(text, (struct pp_bytes){out, sizeof out - 1});
}
