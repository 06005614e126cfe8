/* SPDX-License-Identifier: MIT */
/* Keys that are IP addresses: all with the same first bits are one key. */
#include "address.h"

#include <arpa/inet.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* Clears what is behind the first bits. */
static void mask(uint8_t *address, size_t bytes, unsigned bits)
{
    for (size_t i = 0; i < bytes; i++) {
        unsigned kept = bits < 8 * i ? 0 : bits - 8 * (unsigned)i;
        if (kept < 8)
            address[i] &= (uint8_t)(0xff00 >> kept);
    }
}

static bool put(int family, const uint8_t *address, unsigned bits, char prefix[SERVE_PREFIX_BYTES])
{
    char text[INET6_ADDRSTRLEN];
    if (inet_ntop(family, address, text, sizeof text) == NULL)
        return false;
    snprintf(prefix, SERVE_PREFIX_BYTES, "%s/%u", text, bits);
    return true;
}

bool serve_address_prefix(struct pp_bytes text, unsigned ipv4_bits, unsigned ipv6_bits,
                          char prefix[SERVE_PREFIX_BYTES])
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    char copy[INET6_ADDRSTRLEN];
    uint8_t address[16];
    if (text.len == 0 || text.len >= sizeof copy || memchr(text.data, 0, text.len) != NULL)
        return false;
    memcpy(copy, text.data, text.len);
    copy[text.len] = '\0';
    uint8_t *ipv4 = address;
    bool is_ipv4 = inet_pton(AF_INET, copy, address) == 1;
    if (!is_ipv4 && inet_pton(AF_INET6, copy, address) != 1)
        return false;
    if (!is_ipv4 && memcmp(address, mapped, sizeof mapped) == 0) {
        ipv4 = address + sizeof mapped;
        is_ipv4 = true;
    }
    if (is_ipv4) {
        mask(ipv4, 4, ipv4_bits);
        return put(AF_INET, ipv4, ipv4_bits, prefix);
    }
    mask(address, sizeof address, ipv6_bits);
    return put(AF_INET6, address, ipv6_bits, prefix);
}
