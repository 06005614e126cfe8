/* SPDX-License-Identifier: MIT */
/* Cosignatures of witnesses on checkpoints: cosignature/v1 with Ed25519 keys
   (c2sp.org/tlog-cosignature). */
#include "note_internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "../base/base.h"

enum {
    TIME_BYTES = 8,
    COSIGNATURE_BYTES = PP_NOTE_KEY_ID_BYTES + TIME_BYTES + PP_ED25519_SIGNATURE_BYTES,
    COSIGNATURE_TEXT_BYTES = 104 + 1, /* its base64, with a NUL */
    HEAD_BYTES = 64,
    LINE_BYTES =
        sizeof PP_NOTE_SIGNATURE_PREFIX + PP_ORIGIN_BYTES_MAX + 1 + COSIGNATURE_TEXT_BYTES + 1
};

static const char head_format[] = "cosignature/v1\ntime %" PRIu64 "\n";

_Static_assert(sizeof head_format + 20 <= HEAD_BYTES, "the two lines before the text fit");
_Static_assert((COSIGNATURE_BYTES + 2) / 3 * 4 + 1 == COSIGNATURE_TEXT_BYTES, "base64 fits");

/* What a witness signs.  Ed25519 takes it in one piece. */
struct cosigned_message {
    uint8_t bytes[HEAD_BYTES + PP_CHECKPOINT_BYTES_MAX];
    size_t len;
};

/* text has PP_CHECKPOINT_BYTES_MAX at most. */
static void message_make(uint64_t time_s, struct pp_bytes text, struct cosigned_message *message)
{
    int head = snprintf((char *)message->bytes, HEAD_BYTES, head_format, time_s);
    pp_copy(message->bytes + head, text.data, text.len);
    message->len = (size_t)head + text.len;
}

static struct pp_bytes message_view(const struct cosigned_message *message)
{
    return (struct pp_bytes){message->bytes, message->len};
}

/* ---- Keys ----------------------------------------------------------------------------------- */

enum pp_error pp_witness_key_parse(struct pp_bytes text, struct pp_note_key *key)
{
    return pp_note_typed_key_parse(text, PP_NOTE_TYPE_COSIGNATURE, key);
}

void pp_witness_key_format(const struct pp_note_key *key, char *out)
{
    pp_note_typed_key_format(key, PP_NOTE_TYPE_COSIGNATURE, out);
}

/* ---- Verifying ------------------------------------------------------------------------------ */

static enum pp_error cosignature_verify(const struct pp_note_signature *signature,
                                        struct pp_bytes text, const struct pp_note_key *witness,
                                        uint64_t *time_s)
{
    uint8_t bytes[COSIGNATURE_BYTES];
    struct cosigned_message message;
    size_t len;
    if (!pp_base64_decode(signature->base64, bytes, sizeof bytes, &len) || len != sizeof bytes)
        return PP_ERROR_MISMATCH;
    uint64_t time = pp_get_u64(bytes + PP_NOTE_KEY_ID_BYTES);
    if (time > INT64_MAX)
        return PP_ERROR_MISMATCH;
    message_make(time, text, &message);
    enum pp_error error = pp_ed25519_verify(witness->public_key, message_view(&message),
                                            bytes + PP_NOTE_KEY_ID_BYTES + TIME_BYTES);
    if (error == PP_OK && time > *time_s)
        *time_s = time;
    return error;
}

enum pp_error pp_checkpoint_cosignature(struct pp_bytes note, const struct pp_note_key *witness,
                                        uint64_t *time_s)
{
    struct pp_checkpoint checkpoint;
    struct pp_note_parts parts;
    struct pp_note_signature signature;
    enum pp_error result = PP_ERROR_WRONG_KEY;
    uint64_t latest_s = 0;
    if (pp_checkpoint_parse(note, &checkpoint) != PP_OK || !pp_note_split(note, &parts))
        return PP_ERROR_FORMAT;
    if (parts.text.len > PP_CHECKPOINT_BYTES_MAX)
        return PP_ERROR_TOO_LARGE;
    while (pp_note_next_by(&parts.signatures, witness, PP_NOTE_TYPE_COSIGNATURE, &signature)) {
        result = cosignature_verify(&signature, parts.text, witness, &latest_s);
        if (result != PP_OK)
            return result;
    }
    if (result == PP_OK)
        *time_s = latest_s;
    return result;
}

/* ---- Signing -------------------------------------------------------------------------------- */

/* The line, NUL-terminated, in out[LINE_BYTES]. */
static bool cosignature_line(const struct pp_note_signer *signer, struct pp_bytes text,
                             uint64_t time_s, char *out)
{
    uint8_t bytes[COSIGNATURE_BYTES];
    char base64[COSIGNATURE_TEXT_BYTES];
    struct cosigned_message message;
    message_make(time_s, text, &message);
    pp_note_key_id(&signer->key, PP_NOTE_TYPE_COSIGNATURE, bytes);
    pp_put_u64(bytes + PP_NOTE_KEY_ID_BYTES, time_s);
    if (!pp_ed25519_sign(signer->seed, message_view(&message),
                         bytes + PP_NOTE_KEY_ID_BYTES + TIME_BYTES))
        return false;
    (void)pp_base64_encode(bytes, sizeof bytes, base64);
    (void)snprintf(out, LINE_BYTES, "%s%s %s\n", PP_NOTE_SIGNATURE_PREFIX, signer->key.name,
                   base64);
    return true;
}

enum pp_error pp_checkpoint_cosign(const struct pp_note_signer *signer, struct pp_bytes note,
                                   uint64_t time_s, char *out, size_t cap, size_t *len)
{
    struct pp_checkpoint checkpoint;
    struct pp_note_parts parts;
    char line[LINE_BYTES];
    if (pp_checkpoint_parse(note, &checkpoint) != PP_OK || !pp_note_split(note, &parts))
        return PP_ERROR_FORMAT;
    if (time_s > INT64_MAX)
        return PP_ERROR_ARGUMENT;
    if (parts.text.len > PP_CHECKPOINT_BYTES_MAX)
        return PP_ERROR_TOO_LARGE;
    if (!cosignature_line(signer, parts.text, time_s, line))
        return PP_ERROR_CRYPTO;
    size_t line_len = strlen(line);
    if (cap < line_len + 1 || note.len > cap - line_len - 1)
        return PP_ERROR_NO_SPACE;
    pp_copy((uint8_t *)out, note.data, note.len);
    pp_copy((uint8_t *)out + note.len, (const uint8_t *)line, line_len + 1);
    *len = note.len + line_len;
    return PP_OK;
}
