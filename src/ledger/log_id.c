/* SPDX-License-Identifier: MIT */
/* The log id, which headers and seals bear: docs/format/ledger.md, section 6. */

#include "ledger_internal.h"

static const uint8_t log_id_domain[PP_DOMAIN_BYTES + 1] = "postproof-log-id";

struct pp_digest pp_log_id(const uint8_t key_id[PP_KEY_ID_BYTES], const uint8_t public_key[32],
                           struct pp_bytes origin)
{
    struct pp_sha256_stream stream;
    pp_sha256_init(&stream);
    pp_sha256_update(&stream, (struct pp_bytes){log_id_domain, PP_DOMAIN_BYTES});
    pp_sha256_update(&stream, (struct pp_bytes){key_id, PP_KEY_ID_BYTES});
    pp_sha256_update(&stream, (struct pp_bytes){public_key, 32});
    pp_sha256_update(&stream, origin);
    return pp_sha256_final(&stream);
}
