/* SPDX-License-Identifier: MIT */
/* The sealing key's file image and the auditor's verification key: docs/format/ledger.md,
 * section 7. */

#include "ledger_internal.h"

#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>

#include "../base/base.h"

enum {
    AT_KEY_ID = 8,
    AT_LOG_ID = 24,
    AT_EPOCH = 56,
    AT_OUTER = 64,
    AT_INNER = 96,
    AT_LAST_SEAL = 128,
    AT_SIZE = 160,
    AT_CHECKSUM = 168,
    MAGIC_BYTES = 8,
    TEXT_CHECKSUM_BYTES = 8
};

static const uint8_t magic[MAGIC_BYTES + 1] = "PPSEALK1";

void pp_sealing_slot_encode(const struct pp_sealing_state *state,
                            uint8_t out[PP_SEALING_SLOT_BYTES])
{
    memset(out, 0, PP_SEALING_SLOT_BYTES);
    memcpy(out, magic, MAGIC_BYTES);
    memcpy(out + AT_KEY_ID, state->key_id, PP_KEY_ID_BYTES);
    memcpy(out + AT_LOG_ID, state->log_id.b, PP_DIGEST_BYTES);
    pp_put_u64(out + AT_EPOCH, state->ratchet.epoch);
    memcpy(out + AT_OUTER, state->ratchet.outer.b, PP_DIGEST_BYTES);
    memcpy(out + AT_INNER, state->ratchet.inner.b, PP_DIGEST_BYTES);
    memcpy(out + AT_LAST_SEAL, state->last_seal.b, PP_DIGEST_BYTES);
    pp_put_u64(out + AT_SIZE, state->size);
    struct pp_digest checksum = pp_sha256((struct pp_bytes){out, AT_CHECKSUM});
    memcpy(out + AT_CHECKSUM, checksum.b, PP_DIGEST_BYTES);
}

static bool rest_is_zero(const uint8_t slot[PP_SEALING_SLOT_BYTES])
{
    uint8_t any = 0;
    for (size_t i = AT_CHECKSUM + PP_DIGEST_BYTES; i < PP_SEALING_SLOT_BYTES; i++)
        any |= slot[i];
    return any == 0;
}

enum pp_error pp_sealing_slot_decode(const uint8_t slot[PP_SEALING_SLOT_BYTES],
                                     struct pp_sealing_state *state)
{
    struct pp_digest checksum = pp_sha256((struct pp_bytes){slot, AT_CHECKSUM});
    if (memcmp(slot, magic, MAGIC_BYTES) != 0 ||
        memcmp(slot + AT_CHECKSUM, checksum.b, PP_DIGEST_BYTES) != 0 || !rest_is_zero(slot))
        return PP_ERROR_FORMAT;
    memset(state, 0, sizeof *state);
    memcpy(state->key_id, slot + AT_KEY_ID, PP_KEY_ID_BYTES);
    memcpy(state->log_id.b, slot + AT_LOG_ID, PP_DIGEST_BYTES);
    state->ratchet.epoch = pp_get_u64(slot + AT_EPOCH);
    memcpy(state->ratchet.outer.b, slot + AT_OUTER, PP_DIGEST_BYTES);
    memcpy(state->ratchet.inner.b, slot + AT_INNER, PP_DIGEST_BYTES);
    memcpy(state->last_seal.b, slot + AT_LAST_SEAL, PP_DIGEST_BYTES);
    state->size = pp_get_u64(slot + AT_SIZE);
    return PP_OK;
}

enum pp_error pp_sealing_file_decode(const uint8_t file[PP_SEALING_FILE_BYTES],
                                     struct pp_sealing_state *state, unsigned *slot)
{
    struct pp_sealing_state found[2];
    bool valid[2];
    for (unsigned i = 0; i < 2; i++)
        valid[i] = pp_sealing_slot_decode(file + i * PP_SEALING_SLOT_BYTES, &found[i]) == PP_OK;
    enum pp_error error = PP_ERROR_FORMAT;
    if (valid[0] || valid[1]) {
        *slot = !valid[0] || (valid[1] && found[1].ratchet.epoch > found[0].ratchet.epoch);
        *state = found[*slot];
        error = PP_OK;
    }
    OPENSSL_cleanse(found, sizeof found);
    return error;
}

static void text_checksum(const char *text, size_t len, char out[2 * TEXT_CHECKSUM_BYTES + 1])
{
    struct pp_digest digest = pp_sha256((struct pp_bytes){(const uint8_t *)text, len});
    pp_hex_encode(digest.b, TEXT_CHECKSUM_BYTES, out);
}

size_t pp_verification_key_format(const struct pp_verification_key *key,
                                  char out[PP_VERIFY_KEY_TEXT_BYTES])
{
    char id[2 * PP_KEY_ID_BYTES + 1], seed[2 * PP_DIGEST_BYTES + 1], public_key[65];
    char checksum[2 * TEXT_CHECKSUM_BYTES + 1];
    pp_hex_encode(key->key_id, PP_KEY_ID_BYTES, id);
    pp_hex_encode(key->seed.b, PP_DIGEST_BYTES, seed);
    pp_hex_encode(key->checkpoint_key, 32, public_key);
    int len = snprintf(out, PP_VERIFY_KEY_TEXT_BYTES,
                       "postproof-verification-key-v1\nkey-id %s\nseed %s\ncheckpoint-key %s\n", id,
                       seed, public_key);
    text_checksum(out, (size_t)len, checksum);
    len += snprintf(out + len, PP_VERIFY_KEY_TEXT_BYTES - (size_t)len, "checksum %s\n", checksum);
    OPENSSL_cleanse(seed, sizeof seed);
    return (size_t)len;
}

/* The next line must be `name` ‖ 2 * n hex digits. */
static bool read_hex_line(struct pp_bytes *rest, const char *name, uint8_t *out, size_t n)
{
    struct pp_bytes line;
    size_t name_len = strlen(name);
    if (!pp_next_line(rest, &line) || line.len != name_len + 2 * n ||
        memcmp(line.data, name, name_len) != 0)
        return false;
    return pp_hex_decode((struct pp_bytes){line.data + name_len, 2 * n}, out, n);
}

enum pp_error pp_verification_key_parse(struct pp_bytes text, struct pp_verification_key *key)
{
    struct pp_verification_key k;
    struct pp_bytes rest = text, line;
    uint8_t checksum[TEXT_CHECKSUM_BYTES];
    static const char title[] = "postproof-verification-key-v1";
    if (!pp_next_line(&rest, &line) || line.len != sizeof title - 1 ||
        memcmp(line.data, title, line.len) != 0)
        return PP_ERROR_FORMAT;
    if (!read_hex_line(&rest, "key-id ", k.key_id, PP_KEY_ID_BYTES) ||
        !read_hex_line(&rest, "seed ", k.seed.b, PP_DIGEST_BYTES) ||
        !read_hex_line(&rest, "checkpoint-key ", k.checkpoint_key, 32))
        return PP_ERROR_FORMAT;
    struct pp_digest digest = pp_sha256((struct pp_bytes){text.data, text.len - rest.len});
    if (!read_hex_line(&rest, "checksum ", checksum, sizeof checksum) || rest.len != 0 ||
        memcmp(checksum, digest.b, sizeof checksum) != 0)
        return PP_ERROR_FORMAT;
    *key = k;
    OPENSSL_cleanse(&k, sizeof k);
    return PP_OK;
}
