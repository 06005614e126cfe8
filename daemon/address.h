/* SPDX-License-Identifier: MIT */
/* Keys that are IP addresses: all with the same first bits are one key. */
#ifndef PP_SERVE_ADDRESS_H
#define PP_SERVE_ADDRESS_H

#include <stdbool.h>

#include <postproof/bytes.h>
#include <postproof/error.h>

enum { SERVE_PREFIX_BYTES = 64 }; /* of "2001:db8::/64" and the like, with the NUL */

/* "192.0.2.7" with 24 bits is "192.0.2.0/24", "2001:db8::1" with 64 bits "2001:db8::/64"; an IPv4
   address in IPv6's clothes (::ffff:192.0.2.7) is an IPv4 address.  false: text is no address. */
PP_MUST_CHECK bool serve_address_prefix(struct pp_bytes text, unsigned ipv4_bits,
                                        unsigned ipv6_bits, char prefix[SERVE_PREFIX_BYTES]);

#endif
