/* SPDX-License-Identifier: MIT */
/* SSHSIG signatures with Ed25519 (OpenSSH PROTOCOL.sshsig): `ssh-keygen -Y verify` checks them. */
#include <stdio.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include "bundle_sign.h"

#define KEY_TYPE "ssh-ed25519"
#define ARMOR_BEGIN "-----BEGIN SSH SIGNATURE-----\n"
#define ARMOR_END "-----END SSH SIGNATURE-----\n"
#define OPTIONS "namespaces=\"" PP_BUNDLE_SSH_NAMESPACE "\""

enum { ARMOR_COLUMNS = 70, BLOB_BYTES = 512, SIGNATURE_BYTES = 64, SHA512_BYTES = 64 };

/* ---- SSH's encoding ---- */

static enum pp_error add_u32(struct pp_bundle_text *text, uint32_t value)
{
    uint8_t bytes[4];
    pp_put_u32(bytes, value);
    return pp_bundle_text_add(text, (struct pp_bytes){bytes, sizeof bytes});
}

static enum pp_error add_string(struct pp_bundle_text *text, struct pp_bytes bytes)
{
    enum pp_error error = add_u32(text, (uint32_t)bytes.len);
    return error == PP_OK ? pp_bundle_text_add(text, bytes) : error;
}

/* A string that holds the key's type and then bytes: a public key, or a signature. */
static enum pp_error add_typed(struct pp_bundle_text *text, struct pp_bytes bytes)
{
    enum pp_error error = add_u32(text, (uint32_t)(4 + sizeof KEY_TYPE - 1 + 4 + bytes.len));
    if (error == PP_OK)
        error = add_string(text, pp_bytes_of(KEY_TYPE));
    return error == PP_OK ? add_string(text, bytes) : error;
}

static enum pp_error add_purpose(struct pp_bundle_text *text)
{
    enum pp_error error = add_string(text, pp_bytes_of(PP_BUNDLE_SSH_NAMESPACE));
    if (error == PP_OK)
        error = add_string(text, (struct pp_bytes){NULL, 0});
    return error == PP_OK ? add_string(text, pp_bytes_of("sha512")) : error;
}

/* What is signed, for a message. */
static enum pp_error make_signed_data(struct pp_bytes message, struct pp_bundle_text *text)
{
    uint8_t digest[SHA512_BYTES];
    size_t len = sizeof digest;
    if (EVP_Q_digest(NULL, "SHA512", NULL, message.data, message.len, digest, &len) != 1)
        return PP_ERROR_CRYPTO;
    enum pp_error error = pp_bundle_text_string(text, "SSHSIG");
    if (error == PP_OK)
        error = add_purpose(text);
    return error == PP_OK ? add_string(text, (struct pp_bytes){digest, len}) : error;
}

static enum pp_error add_armored(struct pp_bundle_text *text, struct pp_bytes blob)
{
    char base64[2 * BLOB_BYTES];
    if (blob.len > BLOB_BYTES)
        return PP_ERROR_TOO_LARGE;
    size_t len = pp_base64_encode(blob.data, blob.len, base64);
    enum pp_error error = pp_bundle_text_string(text, ARMOR_BEGIN);
    for (size_t at = 0; at < len && error == PP_OK; at += ARMOR_COLUMNS) {
        size_t n = len - at < ARMOR_COLUMNS ? len - at : ARMOR_COLUMNS;
        error = pp_bundle_text_add(text, (struct pp_bytes){(uint8_t *)base64 + at, n});
        if (error == PP_OK)
            error = pp_bundle_text_string(text, "\n");
    }
    return error == PP_OK ? pp_bundle_text_string(text, ARMOR_END) : error;
}

/* The file for this key and signature: there is one only. */
static enum pp_error make_armored(const uint8_t public_key[32],
                                  const uint8_t signature[SIGNATURE_BYTES],
                                  struct pp_bundle_text *armored)
{
    uint8_t bytes[BLOB_BYTES];
    struct pp_bundle_text blob = {bytes, sizeof bytes, 0};
    enum pp_error error = pp_bundle_text_string(&blob, "SSHSIG");
    if (error == PP_OK)
        error = add_u32(&blob, 1);
    if (error == PP_OK)
        error = add_typed(&blob, (struct pp_bytes){public_key, 32});
    if (error == PP_OK)
        error = add_purpose(&blob);
    if (error == PP_OK)
        error = add_typed(&blob, (struct pp_bytes){signature, SIGNATURE_BYTES});
    return error == PP_OK ? add_armored(armored, (struct pp_bytes){blob.data, blob.len}) : error;
}

enum pp_error pp_ssh_signer_line(const char *principal, const uint8_t public_key[32],
                                 struct pp_bundle_text *text)
{
    uint8_t bytes[BLOB_BYTES];
    struct pp_bundle_text blob = {bytes, sizeof bytes, 0};
    enum pp_error error = add_string(&blob, pp_bytes_of(KEY_TYPE));
    if (error == PP_OK)
        error = add_string(&blob, (struct pp_bytes){public_key, 32});
    if (error == PP_OK)
        error = pp_bundle_text_string(text, principal);
    if (error == PP_OK)
        error = pp_bundle_text_string(text, " " OPTIONS " " KEY_TYPE " ");
    if (error == PP_OK)
        error = pp_bundle_text_base64(text, (struct pp_bytes){blob.data, blob.len});
    return error == PP_OK ? pp_bundle_text_string(text, "\n") : error;
}

/* ---- Signing ---- */

static enum pp_error sign_message(struct pp_bytes pem, struct pp_bytes message,
                                  struct pp_bundle_text *armored)
{
    uint8_t bytes[BLOB_BYTES], public_key[32], signature[SIGNATURE_BYTES];
    size_t key_len = sizeof public_key, signature_len = sizeof signature;
    struct pp_bundle_text data = {bytes, sizeof bytes, 0};
    BIO *bio = BIO_new_mem_buf(pem.data, (int)pem.len);
    EVP_PKEY *key = bio != NULL ? PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL) : NULL;
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    enum pp_error error = make_signed_data(message, &data);
    bool good = error == PP_OK && key != NULL && ctx != NULL && EVP_PKEY_is_a(key, "ED25519") &&
                EVP_PKEY_get_raw_public_key(key, public_key, &key_len) == 1 &&
                EVP_DigestSignInit(ctx, NULL, NULL, NULL, key) == 1 &&
                EVP_DigestSign(ctx, signature, &signature_len, data.data, data.len) == 1;
    EVP_MD_CTX_free(ctx);
    EVP_PKEY_free(key);
    BIO_free(bio);
    return good ? make_armored(public_key, signature, armored) : PP_ERROR_CRYPTO;
}

enum pp_error pp_ssh_sign(const char *keys_folder, struct pp_bytes message,
                          struct pp_bundle_text *armored, struct pp_failure *failure)
{
    struct pp_buffer pem = {0};
    enum pp_error error = pp_bundle_key_read(keys_folder, PP_BUNDLE_SSH_KEY_FILE, &pem, failure);
    if (error != PP_OK)
        return error;
    error = sign_message((struct pp_bytes){pem.data, pem.len}, message, armored);
    OPENSSL_cleanse(pem.data, pem.len);
    pp_buffer_free(&pem);
    return error == PP_OK ? PP_OK
                          : pp_fail(failure, error, 0,
                                    "%s/%s is no Ed25519 key in PEM, or is "
                                    "damaged",
                                    keys_folder, PP_BUNDLE_SSH_KEY_FILE);
}

/* ---- Verifying ---- */

/* The key and signature in an armored file: at fixed places, since all before them is fixed. */
static bool take_parts(struct pp_bytes armored, uint8_t public_key[32],
                       uint8_t signature[SIGNATURE_BYTES])
{
    uint8_t base64[PP_SSHSIG_BYTES_MAX], blob[BLOB_BYTES];
    size_t len = 0, blob_len = 0;
    size_t from = strlen(ARMOR_BEGIN), tail = strlen(ARMOR_END);
    if (armored.len > sizeof base64 || armored.len < from + tail)
        return false;
    for (size_t at = from; at < armored.len - tail; at++)
        if (armored.data[at] != '\n')
            base64[len++] = armored.data[at];
    if (!pp_base64_decode((struct pp_bytes){base64, len}, blob, sizeof blob, &blob_len))
        return false;
    size_t key_at = 6 + 4 + 4 + 4 + strlen(KEY_TYPE) + 4;
    if (blob_len < key_at + 32 + SIGNATURE_BYTES)
        return false;
    memcpy(public_key, blob + key_at, 32);
    memcpy(signature, blob + blob_len - SIGNATURE_BYTES, SIGNATURE_BYTES);
    return true;
}

static bool is_valid(const uint8_t public_key[32], const uint8_t signature[SIGNATURE_BYTES],
                     struct pp_bytes message)
{
    uint8_t bytes[BLOB_BYTES];
    struct pp_bundle_text data = {bytes, sizeof bytes, 0};
    EVP_PKEY *key = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, public_key, 32);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool good = key != NULL && ctx != NULL && make_signed_data(message, &data) == PP_OK &&
                EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, key) == 1 &&
                EVP_DigestVerify(ctx, signature, SIGNATURE_BYTES, data.data, data.len) == 1;
    EVP_MD_CTX_free(ctx);
    EVP_PKEY_free(key);
    return good;
}

/* A line of allowed_signers is taken in the form that pp_ssh_signer_line gives it, or without
   options. */
static bool is_allowed(struct pp_bytes allowed, const char *principal, const uint8_t public_key[32])
{
    uint8_t line_bytes[1024];
    struct pp_bundle_text wanted = {line_bytes, sizeof line_bytes, 0};
    struct pp_bytes line;
    if (pp_ssh_signer_line(principal, public_key, &wanted) != PP_OK)
        return false;
    size_t skip = strlen(principal) + 1, option = strlen(OPTIONS) + 1;
    while (pp_next_line(&allowed, &line)) {
        bool whole = line.len == wanted.len - 1 && memcmp(line.data, wanted.data, line.len) == 0;
        bool plain = line.len + option == wanted.len - 1 &&
                     memcmp(line.data, wanted.data, skip) == 0 &&
                     memcmp(line.data + skip, wanted.data + skip + option, line.len - skip) == 0;
        if (whole || plain)
            return true;
    }
    return false;
}

bool pp_ssh_verify(struct pp_bytes armored, struct pp_bytes message,
                   struct pp_bytes allowed_signers, const char *principal, const char **why)
{
    uint8_t bytes[PP_SSHSIG_BYTES_MAX], public_key[32], signature[SIGNATURE_BYTES];
    struct pp_bundle_text again = {bytes, sizeof bytes, 0};
    *why = "it is no SSH signature as postproof writes it";
    if (!take_parts(armored, public_key, signature) ||
        make_armored(public_key, signature, &again) != PP_OK || again.len != armored.len ||
        memcmp(again.data, armored.data, armored.len) != 0)
        return false;
    *why = "its key is not one that allowed_signers lists for this origin";
    if (!is_allowed(allowed_signers, principal, public_key))
        return false;
    *why = "it is not valid";
    return is_valid(public_key, signature, message);
}
