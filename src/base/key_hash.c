/* SPDX-License-Identifier: MIT */
/* The keyed hash of tables, on libsodium. */

#include "key_hash.h"

#include <sodium.h>

_Static_assert(PP_KEY_HASH_BYTES == crypto_shorthash_siphashx24_BYTES, "128 bits");

void pp_key_hash(const uint8_t secret[16], struct pp_bytes key, uint8_t out[PP_KEY_HASH_BYTES])
{
    (void)crypto_shorthash_siphashx24(out, key.data, key.len, secret);
}
