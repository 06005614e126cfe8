/* SPDX-License-Identifier: MIT */
/* The payload that every peer logs: line i has 160 bytes and no newline, and no two are equal. */
#ifndef BENCH_PEERS_PAYLOAD_H
#define BENCH_PEERS_PAYLOAD_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum { PAYLOAD_BYTES = 160 };

/* SplitMix64: the same numbers on every machine, without state. */
static inline uint64_t payload_mix(uint64_t index)
{
    uint64_t z = (index + 1) * 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static inline char *payload_text(char *at, const char *text)
{
    size_t len = strlen(text);
    memcpy(at, text, len);
    return at + len;
}

static inline char *payload_hex(char *at, uint64_t value, unsigned digits)
{
    for (unsigned i = 0; i < digits; i++) {
        at[i] = "0123456789abcdef"[(value >> (4 * (digits - 1 - i))) & 15];
    }
    return at + digits;
}

/* Writes exactly PAYLOAD_BYTES bytes of printable ASCII to out. */
static inline void payload_line(uint64_t index, char *out)
{
    uint64_t random = payload_mix(index);
    char *at = payload_text(out, "level=info service=checkout request=");
    at = payload_hex(at, index, 12);
    at = payload_text(at, " tenant=");
    at = payload_hex(at, random >> 48, 4);
    at = payload_text(at, " trace=");
    at = payload_hex(at, random, 16);
    at = payload_text(at, " took_us=");
    at = payload_hex(at, random >> 20, 5);
    at = payload_text(at, " msg=\"order accepted, stock reserved, payment pending\" ");
    memset(at, '.', (size_t)(out + PAYLOAD_BYTES - at));
}

#endif
