/* SPDX-License-Identifier: MIT */
/* Text in bounded memory: what answers are written with, and the values of URLs and rules. */
#include "text.h"

#include <string.h>
#include <strings.h>

void serve_put_number(struct serve_out *out, uint64_t value)
{
    char digits[20];
    size_t at = sizeof digits;
    do
        digits[--at] = (char)('0' + value % 10);
    while ((value /= 10) != 0);
    serve_put(out, digits + at, sizeof digits - at);
}

static bool is_plain(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c != 0 && strchr("-._~:/", c) != NULL);
}

void serve_put_escaped(struct serve_out *out, struct pp_bytes bytes)
{
    static const char hex[] = "0123456789ABCDEF";
    for (size_t i = 0; i < bytes.len; i++) {
        uint8_t c = bytes.data[i];
        if (is_plain(c)) {
            serve_put(out, &c, 1);
        } else {
            char escaped[3] = {'%', hex[c >> 4], hex[c & 15]};
            serve_put(out, escaped, sizeof escaped);
        }
    }
}

uint64_t serve_seconds(uint64_t ns)
{
    return ns / 1000000000 + (ns % 1000000000 != 0);
}

static int hex_value(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool serve_unescape(uint8_t *data, size_t *len)
{
    size_t to = 0;
    for (size_t from = 0; from < *len; from++) {
        uint8_t c = data[from];
        if (c == '%') {
            int high = from + 2 < *len ? hex_value(data[from + 1]) : -1;
            int low = from + 2 < *len ? hex_value(data[from + 2]) : -1;
            if (high < 0 || low < 0)
                return false;
            c = (uint8_t)(high * 16 + low);
            from += 2;
        } else if (c == '+') {
            c = ' ';
        }
        data[to++] = c;
    }
    *len = to;
    return true;
}

bool serve_parse_number(struct pp_bytes text, uint64_t max, uint64_t *out)
{
    uint64_t value = 0;
    if (text.len == 0)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        uint64_t digit = (uint64_t)(text.data[i] - '0');
        if (text.data[i] < '0' || digit > 9 || value > (UINT64_MAX - digit) / 10)
            return false;
        value = value * 10 + digit;
    }
    if (value > max)
        return false;
    *out = value;
    return true;
}

struct unit {
    const char *name;
    uint64_t factor;
};

/* A number and one of the units behind it; the list ends with a factor of 0. */
static bool parse_with_unit(struct pp_bytes text, const struct unit *units, uint64_t *out)
{
    size_t digits = 0;
    uint64_t value;
    while (digits < text.len && text.data[digits] >= '0' && text.data[digits] <= '9')
        digits++;
    struct pp_bytes unit = {text.data + digits, text.len - digits};
    for (; units->factor != 0; units++) {
        if (!serve_is(unit, units->name))
            continue;
        if (!serve_parse_number((struct pp_bytes){text.data, digits}, UINT64_MAX / units->factor,
                                &value))
            return false;
        *out = value * units->factor;
        return true;
    }
    return false;
}

bool serve_parse_duration(struct pp_bytes text, uint64_t *out)
{
    static const struct unit units[] = {
        {"ns", 1},           {"us", 1000},          {"ms", 1000000},        {"s", 1000000000},
        {"m", 60000000000U}, {"h", 3600000000000U}, {"d", 86400000000000U}, {"", 0}};
    return parse_with_unit(text, units, out);
}

bool serve_parse_size(struct pp_bytes text, uint64_t *out)
{
    static const struct unit units[] = {
        {"", 1}, {"KiB", 1U << 10}, {"MiB", 1U << 20}, {"GiB", 1U << 30}, {"", 0}};
    return parse_with_unit(text, units, out);
}

bool serve_is_word(struct pp_bytes bytes, const char *text)
{
    size_t len = strlen(text);
    return bytes.len == len && strncasecmp((const char *)bytes.data, text, len) == 0;
}
