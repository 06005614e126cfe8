/* SPDX-License-Identifier: MIT */
/* What note.c and cosignature.c share: the types of signatures, key strings, signature lines, and
   Ed25519. */
#ifndef PP_NOTE_INTERNAL_H
#define PP_NOTE_INTERNAL_H

#include "ledger_internal.h"

enum {
    PP_NOTE_TYPE_ED25519 = 0x01,     /* over the text: logs */
    PP_NOTE_TYPE_COSIGNATURE = 0x04, /* over the time and the text: witnesses */
    PP_NOTE_KEY_ID_BYTES = 4,
    PP_ED25519_SIGNATURE_BYTES = 64
};

#define PP_NOTE_SIGNATURE_PREFIX "\xe2\x80\x94 " /* U+2014 and a space */

/* The text with its last newline, and the signature lines behind the blank line. */
struct pp_note_parts {
    struct pp_bytes text, signatures;
};
/* Splits at the last blank line; every signature line has the form, and there is one at least. */
PP_MUST_CHECK bool pp_note_split(struct pp_bytes note, struct pp_note_parts *parts);

struct pp_note_signature {
    struct pp_bytes name;
    struct pp_bytes base64; /* of key id ‖ signature */
    uint8_t id[PP_NOTE_KEY_ID_BYTES];
};
/* The next of the signature lines in *rest that bears the key's name and its id under this type;
   *rest is moved behind it.  Lines of other keys are passed over. */
PP_MUST_CHECK bool pp_note_next_by(struct pp_bytes *rest, const struct pp_note_key *key,
                                   uint8_t type, struct pp_note_signature *signature);

/* The first bytes of H(name ‖ '\n' ‖ type ‖ public key). */
void pp_note_key_id(const struct pp_note_key *key, uint8_t type, uint8_t id[PP_NOTE_KEY_ID_BYTES]);
/* Key strings of either type, as pp_note_key_parse and pp_note_key_format have them for logs. */
PP_MUST_CHECK enum pp_error pp_note_typed_key_parse(struct pp_bytes text, uint8_t type,
                                                    struct pp_note_key *key);
void pp_note_typed_key_format(const struct pp_note_key *key, uint8_t type, char *out);

PP_MUST_CHECK bool pp_ed25519_sign(const uint8_t seed[32], struct pp_bytes message,
                                   uint8_t signature[PP_ED25519_SIGNATURE_BYTES]);
/* PP_ERROR_MISMATCH, PP_ERROR_CRYPTO. */
PP_MUST_CHECK enum pp_error pp_ed25519_verify(const uint8_t public_key[32], struct pp_bytes message,
                                              const uint8_t signature[PP_ED25519_SIGNATURE_BYTES]);

#endif
