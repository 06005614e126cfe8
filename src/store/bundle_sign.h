/* SPDX-License-Identifier: MIT */
/* The signatures of a bundle, made and checked: docs/format/bundle.md section 8. */
#ifndef PP_STORE_BUNDLE_SIGN_H
#define PP_STORE_BUNDLE_SIGN_H

#include <jansson.h>

#include "bundle.h"

#define PP_PREDICATE_TYPE "urn:postproof:evidence:v1"
enum { PP_KEY_HINT_BYTES = 48, PP_KEY_FILE_BYTES_MAX = 4096, PP_SSHSIG_BYTES_MAX = 2048 };

/* ---- bundle_keys.c ---- */

/* A key file of the folder; erase it after use. */
PP_MUST_CHECK enum pp_error pp_bundle_key_read(const char *folder, const char *name,
                                               struct pp_buffer *pem, struct pp_failure *failure);

/* ---- bundle_sign.c: evidence.sigstore.json ---- */

/* The in-toto Statement about a manifest root; predicate is borrowed.  NULL without memory. */
json_t *pp_statement_json(const struct pp_digest *manifest_root, json_t *predicate);

/* What evidence.sigstore.json holds; the bytes are from malloc. */
struct pp_evidence {
    struct pp_bytes payload, signature, timestamp; /* timestamp empty: none */
    char key_hint[PP_KEY_HINT_BYTES];
};
json_t *pp_evidence_json(const struct pp_evidence *evidence);
/* false: it is not what the writer makes; then *evidence is empty. */
PP_MUST_CHECK bool pp_evidence_parse(struct pp_bytes text, struct pp_evidence *evidence);
void pp_evidence_free(struct pp_evidence *evidence);
/* Whether the key (SubjectPublicKeyInfo in PEM) signed it; else *why is a phrase. */
PP_MUST_CHECK bool pp_evidence_verify(const struct pp_evidence *evidence, struct pp_bytes pem,
                                      const char **why);
/* Signs a statement with bundle.key; *text is the file's content, for free(). */
PP_MUST_CHECK enum pp_error pp_bundle_sign(const char *keys_folder,
                                           const struct pp_digest *manifest_root, json_t *predicate,
                                           const struct pp_bundle_options *options, char **text,
                                           struct pp_failure *failure);

/* ---- bundle_timestamp.c: RFC 3161 ---- */

/* Asks for a time-stamp of the signature. */
PP_MUST_CHECK enum pp_error pp_timestamp_fetch(struct pp_evidence *evidence,
                                               const struct pp_bundle_options *options,
                                               struct pp_failure *failure);
/* Whether the response stamps these bytes and its certificate leads to one in pem; *time_s is when.
   Else *why is a phrase. */
PP_MUST_CHECK bool pp_timestamp_verify(struct pp_bytes response, struct pp_bytes stamped,
                                       struct pp_bytes pem, uint64_t *time_s, const char **why);

/* ---- bundle_sshsig.c: manifest.ppb.sig (OpenSSH PROTOCOL.sshsig) ---- */

/* The line of allowed_signers for a key, with its '\n'. */
PP_MUST_CHECK enum pp_error pp_ssh_signer_line(const char *principal, const uint8_t public_key[32],
                                               struct pp_bundle_text *text);
PP_MUST_CHECK enum pp_error pp_ssh_sign(const char *keys_folder, struct pp_bytes message,
                                        struct pp_bundle_text *armored, struct pp_failure *failure);
/* Whether the armored text is a signature of message by a key that allowed_signers lists for the
   principal; else *why is a phrase. */
PP_MUST_CHECK bool pp_ssh_verify(struct pp_bytes armored, struct pp_bytes message,
                                 struct pp_bytes allowed_signers, const char *principal,
                                 const char **why);

#endif
