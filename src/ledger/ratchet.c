/* SPDX-License-Identifier: MIT */
/* The forward-secure key ratchet in two levels: docs/format/ledger.md, section 7. */

#include "ledger_internal.h"

#include <openssl/crypto.h>

/* HKDF-Expand of a secret under a label; the pad states do not outlive the call. */
static struct pp_digest expand(const struct pp_digest *secret, const char *info)
{
    struct pp_mac_key key;
    pp_mac_key_init(&key, secret);
    struct pp_digest result = pp_hkdf_expand(&key, info);
    OPENSSL_cleanse(&key, sizeof key);
    return result;
}

/* Enters the block whose secret is `outer`: its first key, and the next block's secret. */
static void enter_block(struct pp_ratchet *ratchet)
{
    ratchet->inner = expand(&ratchet->outer, "postproof v1 inner");
    ratchet->outer = expand(&ratchet->outer, "postproof v1 outer");
}

void pp_ratchet_init(struct pp_ratchet *ratchet, const struct pp_digest *seed)
{
    ratchet->epoch = 0;
    ratchet->outer = *seed;
    enter_block(ratchet);
}

void pp_ratchet_step(struct pp_ratchet *ratchet)
{
    ratchet->epoch++;
    if (ratchet->epoch % PP_EPOCHS_PER_BLOCK == 0)
        enter_block(ratchet);
    else
        ratchet->inner = expand(&ratchet->inner, "postproof v1 next");
}

enum pp_error pp_ratchet_forward(struct pp_ratchet *ratchet, uint64_t epoch)
{
    if (epoch < ratchet->epoch)
        return PP_ERROR_ARGUMENT;
    while (ratchet->epoch / PP_EPOCHS_PER_BLOCK < epoch / PP_EPOCHS_PER_BLOCK) {
        ratchet->epoch = (ratchet->epoch / PP_EPOCHS_PER_BLOCK + 1) * PP_EPOCHS_PER_BLOCK;
        enter_block(ratchet);
    }
    while (ratchet->epoch < epoch)
        pp_ratchet_step(ratchet);
    return PP_OK;
}

void pp_epoch_keys_init(struct pp_epoch_keys *keys, const struct pp_ratchet *ratchet)
{
    struct pp_mac_key key;
    pp_mac_key_init(&key, &ratchet->inner);
    struct pp_digest tag = pp_hkdf_expand(&key, "postproof v1 tag");
    struct pp_digest seal = pp_hkdf_expand(&key, "postproof v1 seal");
    pp_mac_key_init(&keys->tag, &tag);
    pp_mac_key_init(&keys->seal, &seal);
    OPENSSL_cleanse(&key, sizeof key);
    OPENSSL_cleanse(&tag, sizeof tag);
    OPENSSL_cleanse(&seal, sizeof seal);
}
