/* SPDX-License-Identifier: MIT */
/* Bytes as text: hex, base64, decimal numbers, lines. */
#include "base.h"

/* Arithmetic instead of shifts and tables of values, as in bytes.c, for the provers. */

static const char hex_digits[] = "0123456789abcdef";

void pp_hex_encode(const uint8_t *data, size_t n, char *out)
{
    /*@ loop invariant 0 <= i <= n;
        loop invariant \forall integer k; 0 <= k < i ==>
          out[2 * k] == pp_hex_digit(data[k] / 16)
          && out[2 * k + 1] == pp_hex_digit(data[k] % 16);
        loop assigns i, out[0 .. 2 * n - 1];
        loop variant n - i; */
    for (size_t i = 0; i < n; i++) {
        //@ assert hex_digits[data[i] / 16] == pp_hex_digit(data[i] / 16);
        //@ assert hex_digits[data[i] % 16] == pp_hex_digit(data[i] % 16);
        out[2 * i] = hex_digits[data[i] / 16];
        out[2 * i + 1] = hex_digits[data[i] % 16];
    }
    out[2 * n] = '\0';
}

/* The value of a hex digit, or 16. */
/*@ assigns \nothing;
    ensures \result == pp_hex_value(c); */
static unsigned hex_value(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - (unsigned)'0';
    if (c >= 'a' && c <= 'f')
        return c - (unsigned)'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - (unsigned)'A' + 10;
    return 16;
}

bool pp_hex_decode(struct pp_bytes text, uint8_t *out, size_t n)
{
    if (text.len % 2 != 0 || text.len / 2 != n)
        return false;
    /*@ loop invariant 0 <= i <= n;
        loop invariant \forall integer k; 0 <= k < i ==> pp_hex_pair(text.data + 2 * k, out[k]);
        loop assigns i, out[0 .. n - 1];
        loop variant n - i; */
    for (size_t i = 0; i < n; i++) {
        unsigned high = hex_value(text.data[2 * i]);
        unsigned low = hex_value(text.data[2 * i + 1]);
        if (high > 15 || low > 15)
            return false;
        out[i] = (uint8_t)(high * 16 + low);
    }
    return true;
}

static const char base64_digits[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* Three bytes as four digits. */
/*@ requires v < 0x1000000 && \valid(out + (0 .. 3));
    assigns out[0 .. 3]; */
static void base64_put(uint32_t v, char *out)
{
    out[0] = base64_digits[v / 0x40000 % 64];
    out[1] = base64_digits[v / 0x1000 % 64];
    out[2] = base64_digits[v / 0x40 % 64];
    out[3] = base64_digits[v % 64];
}

size_t pp_base64_encode(const uint8_t *data, size_t n, char *out)
{
    size_t whole = n / 3, rest = n % 3, at = 4 * whole;
    /*@ loop invariant 0 <= i <= whole;
        loop assigns i, out[0 .. 4 * whole - 1];
        loop variant whole - i; */
    for (size_t i = 0; i < whole; i++) {
        const uint8_t *p = data + 3 * i;
        base64_put(p[0] * 0x10000U + p[1] * 0x100U + p[2], out + 4 * i);
    }
    if (rest != 0) {
        uint32_t second = rest == 2 ? data[n - 1] : 0;
        base64_put(data[3 * whole] * 0x10000U + second * 0x100U, out + at);
        out[at + 3] = '=';
        if (rest == 1)
            out[at + 2] = '=';
        at += 4;
    }
    out[at] = '\0';
    return at;
}

/* The value of a base64 digit, or 64. */
/*@ assigns \nothing;
    ensures 0 <= \result <= 64; */
static unsigned base64_value(uint8_t c)
{
    if (c >= 'A' && c <= 'Z')
        return c - (unsigned)'A';
    if (c >= 'a' && c <= 'z')
        return c - (unsigned)'a' + 26;
    if (c >= '0' && c <= '9')
        return c - (unsigned)'0' + 52;
    if (c == '+')
        return 62;
    return c == '/' ? 63 : 64;
}

/* Number of '=' at the end: 0, 1 or 2. */
/*@ requires pp_bytes_readable(text) && text.len % 4 == 0;
    assigns \nothing;
    ensures 0 <= \result <= 2 && \result <= text.len; */
static size_t base64_padding(struct pp_bytes text)
{
    if (text.len == 0 || text.data[text.len - 1] != '=')
        return 0;
    return text.data[text.len - 2] == '=' ? 2 : 1;
}

bool pp_base64_check(struct pp_bytes text, size_t *out_len)
{
    if (text.len % 4 != 0)
        return false;
    size_t padding = base64_padding(text), digits = text.len - padding;
    /*@ loop invariant 0 <= i <= digits;
        loop assigns i;
        loop variant digits - i; */
    for (size_t i = 0; i < digits; i++)
        if (base64_value(text.data[i]) > 63)
            return false;
    /* The last digit has 2 bits per '=' that belong to no byte. */
    unsigned unused = padding == 0 ? 1 : padding == 1 ? 4 : 16;
    if (padding != 0 && base64_value(text.data[digits - 1]) % unused != 0)
        return false;
    *out_len = text.len / 4 * 3 - padding;
    return true;
}

bool pp_base64_decode(struct pp_bytes text, uint8_t *out, size_t cap, size_t *out_len)
{
    size_t n;
    if (!pp_base64_check(text, &n) || n > cap)
        return false;
    /*@ loop invariant 0 <= i <= n;
        loop assigns i, out[0 .. n - 1];
        loop variant n - i; */
    for (size_t i = 0; i < n; i++) {
        const uint8_t *p = text.data + i / 3 * 4 + i % 3;
        unsigned first = base64_value(p[0]), second = base64_value(p[1]);
        unsigned above = i % 3 == 0 ? 4 : i % 3 == 1 ? 16 : 64;
        out[i] = (uint8_t)((first * above + second / (64 / above)) % 0x100);
    }
    *out_len = n;
    return true;
}

bool pp_decimal_decode(struct pp_bytes text, uint64_t *out)
{
    if (text.len == 0 || (text.len > 1 && text.data[0] == '0'))
        return false;
    uint64_t value = 0;
    /*@ loop invariant 0 <= i <= text.len;
        loop invariant digits: pp_digits(text.data, i);
        loop invariant value: value == pp_decimal_value(text.data, i);
        loop assigns i, value;
        loop variant text.len - i; */
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.data[i];
        if (c < '0' || c > '9')
            return false;
        uint64_t digit = c - (uint64_t)'0';
        if (value > (UINT64_MAX - digit) / 10)
            return false;
        value = value * 10 + digit;
    }
    *out = value;
    return true;
}

bool pp_next_line(struct pp_bytes *rest, struct pp_bytes *line)
{
    const uint8_t *data = rest->data;
    size_t len = rest->len;
    /*@ loop invariant 0 <= i <= len;
        loop invariant \forall integer k; 0 <= k < i ==> data[k] != '\n';
        loop assigns i;
        loop variant len - i; */
    for (size_t i = 0; i < len; i++) {
        if (data[i] != '\n')
            continue;
        *line = (struct pp_bytes){data, i};
        *rest = (struct pp_bytes){data + i + 1, len - i - 1};
        return true;
    }
    return false;
}
