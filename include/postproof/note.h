/* SPDX-License-Identifier: MIT */
/* Checkpoints as C2SP signed notes with Ed25519 keys, cosignatures of witnesses on them, and C2SP
   .tlog-proof files.  Sources: c2sp.org/signed-note, c2sp.org/tlog-checkpoint,
   c2sp.org/tlog-cosignature, c2sp.org/tlog-proof, RFC 8032. */
#ifndef POSTPROOF_NOTE_H
#define POSTPROOF_NOTE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <postproof/bytes.h>
#include <postproof/error.h>
#include <postproof/ledger.h>

enum {
    PP_NOTE_KEY_TEXT_BYTES = PP_ORIGIN_BYTES_MAX + 80, /* a key string with its NUL */
    PP_NOTE_BYTES_MAX = 128 << 10, /* a checkpoint with the cosignatures that others added */
    PP_TLOG_PROOF_BYTES_MAX = 64 + PP_PROOF_HASHES_MAX * 45 + PP_NOTE_BYTES_MAX
};

/* A public key and the name that it signs under. */
struct pp_note_key {
    char name[PP_ORIGIN_BYTES_MAX + 1];
    uint8_t public_key[32];
};

/* Reads "name+hash+base64" (the file checkpoint.pub; one '\n' at the end is allowed). */
PP_MUST_CHECK enum pp_error pp_note_key_parse(struct pp_bytes text, struct pp_note_key *key);
/* Writes it, NUL-terminated, without '\n'; out has PP_NOTE_KEY_TEXT_BYTES. */
void pp_note_key_format(const struct pp_note_key *key, char *out);

/* A checkpoint's body: borrowed views into the note. */
struct pp_checkpoint {
    struct pp_bytes origin;
    uint64_t size;
    struct pp_digest root;
};

/* Splits and checks the form; no signature is checked.  PP_ERROR_FORMAT. */
PP_MUST_CHECK enum pp_error pp_checkpoint_parse(struct pp_bytes note,
                                                struct pp_checkpoint *checkpoint);
/* Parses, requires origin == key->name and one valid signature by key.
   PP_ERROR_FORMAT; PP_ERROR_WRONG_KEY: no signature by this key; PP_ERROR_MISMATCH: one that is
   not valid, or another origin. */
PP_MUST_CHECK enum pp_error pp_checkpoint_open(struct pp_bytes note, const struct pp_note_key *key,
                                               struct pp_checkpoint *checkpoint);

/* A witness's key string: "name+hash+base64" as above, but of signature type 0x04. */
PP_MUST_CHECK enum pp_error pp_witness_key_parse(struct pp_bytes text, struct pp_note_key *key);
void pp_witness_key_format(const struct pp_note_key *key, char *out);
/* Whether the witness cosigned the checkpoint (cosignature/v1): at *time_s, seconds since 1970, the
   latest when there are several.  Who signed it for the log is not looked at.  PP_ERROR_FORMAT;
   PP_ERROR_WRONG_KEY: no cosignature by this key; PP_ERROR_MISMATCH: one that is not valid;
   PP_ERROR_TOO_LARGE: the text has more than PP_CHECKPOINT_BYTES_MAX. */
PP_MUST_CHECK enum pp_error pp_checkpoint_cosignature(struct pp_bytes note,
                                                      const struct pp_note_key *witness,
                                                      uint64_t *time_s);

/* A .tlog-proof: index, path, and the checkpoint note verbatim (borrowed). */
struct pp_tlog_proof {
    uint64_t index;
    struct pp_digest path[PP_PROOF_HASHES_MAX];
    size_t count;
    struct pp_bytes note;
};
PP_MUST_CHECK enum pp_error pp_tlog_proof_parse(struct pp_bytes text, struct pp_tlog_proof *proof);
/* out has PP_TLOG_PROOF_BYTES_MAX; *len without a NUL. */
PP_MUST_CHECK enum pp_error pp_tlog_proof_format(const struct pp_tlog_proof *proof, char *out,
                                                 size_t *len);
/* Offline check of one entry encoding: signature, origin, inclusion. PP_OK, or PP_ERROR_FORMAT,
   PP_ERROR_WRONG_KEY, PP_ERROR_MISMATCH.  *checkpoint (borrowed from proof->note) is filled when
   the signature holds. */
PP_MUST_CHECK enum pp_error pp_tlog_proof_check(const struct pp_tlog_proof *proof,
                                                const struct pp_note_key *key,
                                                struct pp_bytes entry_encoding,
                                                struct pp_checkpoint *checkpoint);

#endif
