/* SPDX-License-Identifier: MIT */
/* evidence.sigstore.json: an in-toto Statement in a DSSE envelope, as a Sigstore bundle (v0.3);
   docs/format/bundle.md section 8. */
#include "bundle_sign.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <gnutls/abstract.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#define PAYLOAD_TYPE "application/vnd.in-toto+json"
#define MEDIA_TYPE "application/vnd.dev.sigstore.bundle.v0.3+json"

/* ---- Statement ---- */

json_t *pp_statement_json(const struct pp_digest *manifest_root, json_t *predicate)
{
    char hex[2 * PP_DIGEST_BYTES + 1];
    pp_hex_encode(manifest_root->b, sizeof manifest_root->b, hex);
    return json_pack("{s:s, s:[{s:s, s:{s:s}}], s:s, s:O}", "_type",
                     "https://in-toto.io/Statement/v1", "subject", "name", "manifest.ppb", "digest",
                     "sha256", hex, "predicateType", PP_PREDICATE_TYPE, "predicate", predicate);
}

/* ---- Envelope ---- */

/* DSSE's pre-authentication encoding, in memory for free(). */
static bool encode_pae(struct pp_bytes payload, struct pp_bytes *pae)
{
    char head[128];
    int len = snprintf(head, sizeof head, "DSSEv1 %zu %s %zu ", strlen(PAYLOAD_TYPE), PAYLOAD_TYPE,
                       payload.len);
    uint8_t *bytes = malloc((size_t)len + payload.len);
    if (bytes == NULL)
        return false;
    memcpy(bytes, head, (size_t)len);
    memcpy(bytes + len, payload.data, payload.len);
    *pae = (struct pp_bytes){bytes, (size_t)len + payload.len};
    return true;
}

static json_t *base64_json(struct pp_bytes bytes)
{
    char *text = malloc(4 * ((bytes.len + 2) / 3) + 1);
    if (text == NULL)
        return NULL;
    size_t len = pp_base64_encode(bytes.data, bytes.len, text);
    json_t *value = json_stringn(text, len);
    free(text);
    return value;
}

json_t *pp_evidence_json(const struct pp_evidence *evidence)
{
    json_t *stamps = evidence->timestamp.len == 0 ? json_array()
                                                  : json_pack("[{s:o}]", "signedTimestamp",
                                                              base64_json(evidence->timestamp));
    return json_pack("{s:s, s:{s:{s:s}, s:[], s:{s:o}}, s:{s:o, s:s, s:[{s:o, s:s}]}}", "mediaType",
                     MEDIA_TYPE, "verificationMaterial", "publicKey", "hint", evidence->key_hint,
                     "tlogEntries", "timestampVerificationData", "rfc3161Timestamps", stamps,
                     "dsseEnvelope", "payload", base64_json(evidence->payload), "payloadType",
                     PAYLOAD_TYPE, "signatures", "sig", base64_json(evidence->signature), "keyid",
                     evidence->key_hint);
}

static bool member_base64(const json_t *object, const char *key, struct pp_bytes *bytes)
{
    const json_t *value = json_object_get(object, key);
    struct pp_bytes text = {(const uint8_t *)json_string_value(value), json_string_length(value)};
    uint8_t *data = text.data != NULL ? malloc(text.len + 1) : NULL;
    size_t len = 0;
    bool good = data != NULL && pp_base64_decode(text, data, text.len + 1, &len);
    if (good)
        *bytes = (struct pp_bytes){data, len};
    else
        free(data);
    return good;
}

void pp_evidence_free(struct pp_evidence *evidence)
{
    free((void *)(uintptr_t)evidence->payload.data);
    free((void *)(uintptr_t)evidence->signature.data);
    free((void *)(uintptr_t)evidence->timestamp.data);
    *evidence = (struct pp_evidence){0};
}

/* The text must be what the writer makes of these parts, byte for byte. */
static bool is_canonical(struct pp_bytes text, const struct pp_evidence *evidence)
{
    json_t *again = pp_evidence_json(evidence);
    char *wanted = again != NULL ? json_dumps(again, JSON_COMPACT) : NULL;
    bool same =
        wanted != NULL && strlen(wanted) == text.len && memcmp(wanted, text.data, text.len) == 0;
    free(wanted);
    json_decref(again);
    return same;
}

bool pp_evidence_parse(struct pp_bytes text, struct pp_evidence *evidence)
{
    *evidence = (struct pp_evidence){0};
    json_t *root = json_loadb((const char *)text.data, text.len, JSON_REJECT_DUPLICATES, NULL);
    json_t *material = json_object_get(root, "verificationMaterial");
    json_t *envelope = json_object_get(root, "dsseEnvelope");
    json_t *signature = json_array_get(json_object_get(envelope, "signatures"), 0);
    json_t *stamps = json_object_get(json_object_get(material, "timestampVerificationData"),
                                     "rfc3161Timestamps");
    const char *hint =
        json_string_value(json_object_get(json_object_get(material, "publicKey"), "hint"));
    bool good = hint != NULL && strlen(hint) < sizeof evidence->key_hint &&
                member_base64(envelope, "payload", &evidence->payload) &&
                member_base64(signature, "sig", &evidence->signature) &&
                (json_array_size(stamps) == 0 ||
                 member_base64(json_array_get(stamps, 0), "signedTimestamp", &evidence->timestamp));
    if (good)
        snprintf(evidence->key_hint, sizeof evidence->key_hint, "%s", hint);
    json_decref(root);
    good = good && is_canonical(text, evidence);
    if (!good)
        pp_evidence_free(evidence);
    return good;
}

/* ---- Keys ---- */

static bool key_hint(EVP_PKEY *key, char out[PP_KEY_HINT_BYTES])
{
    unsigned char *der = NULL;
    int len = i2d_PUBKEY(key, &der);
    if (len <= 0)
        return false;
    struct pp_digest digest = pp_sha256((struct pp_bytes){der, (size_t)len});
    OPENSSL_free(der);
    pp_base64_encode(digest.b, sizeof digest.b, out);
    return true;
}

/* Only ECDSA on P-256, whatever the file says. */
static bool is_p256(EVP_PKEY *key)
{
    char group[32] = "";
    size_t len;
    return EVP_PKEY_is_a(key, "EC") &&
           EVP_PKEY_get_group_name(key, group, sizeof group, &len) == 1 &&
           strcmp(group, "prime256v1") == 0;
}

bool pp_evidence_verify(const struct pp_evidence *evidence, struct pp_bytes pem, const char **why)
{
    BIO *bio = BIO_new_mem_buf(pem.data, (int)pem.len);
    EVP_PKEY *key = bio != NULL ? PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL) : NULL;
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    struct pp_bytes pae = {NULL, 0};
    char hint[PP_KEY_HINT_BYTES];
    bool good = false;
    *why = "the key is no P-256 key in PEM";
    if (key != NULL && is_p256(key) && key_hint(key, hint) && encode_pae(evidence->payload, &pae)) {
        *why = "it was made with another key";
        if (strcmp(hint, evidence->key_hint) == 0) {
            *why = "it is not valid";
            good = ctx != NULL && EVP_DigestVerifyInit(ctx, NULL, EVP_sha256(), NULL, key) == 1 &&
                   EVP_DigestVerify(ctx, evidence->signature.data, evidence->signature.len,
                                    pae.data, pae.len) == 1;
        }
    }
    free((void *)(uintptr_t)pae.data);
    EVP_MD_CTX_free(ctx);
    EVP_PKEY_free(key);
    BIO_free(bio);
    return good;
}

/* ---- Signing ---- */

/* GnuTLS, since OpenSSL 3.0 has no deterministic nonce (RFC 6979): the same evidence must get the
   same signature. */
static bool sign_p256(struct pp_bytes pem, struct pp_bytes data, struct pp_bytes *signature)
{
    gnutls_privkey_t key = NULL;
    gnutls_datum_t text = {(unsigned char *)(uintptr_t)pem.data, (unsigned)pem.len};
    gnutls_datum_t message = {(unsigned char *)(uintptr_t)data.data, (unsigned)data.len};
    gnutls_datum_t out = {NULL, 0};
    bool good = gnutls_privkey_init(&key) == 0 &&
                gnutls_privkey_import_x509_raw(key, &text, GNUTLS_X509_FMT_PEM, NULL, 0) == 0 &&
                gnutls_privkey_sign_data2(key, GNUTLS_SIGN_ECDSA_SHA256,
                                          GNUTLS_PRIVKEY_FLAG_REPRODUCIBLE, &message, &out) == 0;
    uint8_t *copy = good ? malloc(out.size) : NULL;
    if (copy != NULL) {
        memcpy(copy, out.data, out.size);
        *signature = (struct pp_bytes){copy, out.size};
    }
    gnutls_free(out.data);
    gnutls_privkey_deinit(key);
    return copy != NULL;
}

static bool hint_of_private(struct pp_bytes pem, char out[PP_KEY_HINT_BYTES])
{
    BIO *bio = BIO_new_mem_buf(pem.data, (int)pem.len);
    EVP_PKEY *key = bio != NULL ? PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL) : NULL;
    bool good = key != NULL && is_p256(key) && key_hint(key, out);
    EVP_PKEY_free(key);
    BIO_free(bio);
    return good;
}

static enum pp_error sign_payload(struct pp_evidence *evidence, struct pp_bytes pem,
                                  const char *folder, struct pp_failure *failure)
{
    struct pp_bytes pae;
    if (!hint_of_private(pem, evidence->key_hint))
        return pp_fail(failure, PP_ERROR_KEY, 0, "%s/%s is no P-256 key in PEM, or is damaged",
                       folder, PP_BUNDLE_KEY_FILE);
    if (!encode_pae(evidence->payload, &pae))
        return pp_fail(failure, PP_ERROR_MEMORY, 0, "no memory for the signature");
    bool good = sign_p256(pem, pae, &evidence->signature);
    free((void *)(uintptr_t)pae.data);
    return good ? PP_OK
                : pp_fail(failure, PP_ERROR_CRYPTO, 0, "the key %s/%s can't sign", folder,
                          PP_BUNDLE_KEY_FILE);
}

static enum pp_error sign_all(const char *folder, const struct pp_bundle_options *options,
                              struct pp_evidence *evidence, struct pp_failure *failure)
{
    struct pp_buffer pem = {0};
    enum pp_error error = pp_bundle_key_read(folder, PP_BUNDLE_KEY_FILE, &pem, failure);
    if (error == PP_OK)
        error = sign_payload(evidence, (struct pp_bytes){pem.data, pem.len}, folder, failure);
    if (pem.data != NULL)
        OPENSSL_cleanse(pem.data, pem.len);
    pp_buffer_free(&pem);
    if (error == PP_OK && options->timestamp != NULL)
        error = pp_timestamp_fetch(evidence, options, failure);
    return error;
}

enum pp_error pp_bundle_sign(const char *keys_folder, const struct pp_digest *manifest_root,
                             json_t *predicate, const struct pp_bundle_options *options,
                             char **text, struct pp_failure *failure)
{
    struct pp_evidence evidence = {0};
    json_t *statement = pp_statement_json(manifest_root, predicate), *json = NULL;
    char *payload = statement != NULL ? json_dumps(statement, JSON_COMPACT) : NULL;
    enum pp_error error = PP_OK;
    json_decref(statement);
    *text = NULL;
    if (payload == NULL)
        return pp_fail(failure, PP_ERROR_MEMORY, 0, "no memory for the signature");
    evidence.payload = pp_bytes_of(payload);
    error = sign_all(keys_folder, options, &evidence, failure);
    if (error == PP_OK) {
        json = pp_evidence_json(&evidence);
        *text = json != NULL ? json_dumps(json, JSON_COMPACT) : NULL;
        json_decref(json);
        if (*text == NULL)
            error = pp_fail(failure, PP_ERROR_MEMORY, 0, "no memory for the signature");
    }
    pp_evidence_free(&evidence);
    return error;
}
