/* SPDX-License-Identifier: MIT */
/* A keyed hash for tables whose keys strangers choose. */
#ifndef PP_KEY_HASH_H
#define PP_KEY_HASH_H

#include <postproof/bytes.h>

enum { PP_KEY_HASH_BYTES = 16 };

/* SipHash-2-4 with 128 bits of output (Aumasson, Bernstein: "SipHash: a fast short-input PRF",
   2012), by libsodium.  For tables only, never for evidence. */
void pp_key_hash(const uint8_t secret[16], struct pp_bytes key, uint8_t out[PP_KEY_HASH_BYTES]);

#endif
