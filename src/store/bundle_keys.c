/* SPDX-License-Identifier: MIT */
/* The keys that sign bundles, in the folder of the ledger's keys or in one of their own. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/pem.h>

#include "bundle_sign.h"

enum { SIGNER_LINE_BYTES = 1024 };

enum pp_error pp_bundle_key_read(const char *folder, const char *name, struct pp_buffer *pem,
                                 struct pp_failure *failure)
{
    int dir, fd;
    enum pp_error error = pp_key_folder_open(folder, &dir, failure);
    if (error != PP_OK)
        return error;
    if (pp_os_open(dir, name, PP_OS_READ) == -ENOENT)
        error = pp_fail(failure, PP_ERROR_KEY, 0,
                        "%s has no %s: `postproof bundle keygen %s` makes the keys that sign "
                        "bundles",
                        folder, name, folder);
    if (error == PP_OK)
        error = pp_secret_open(dir, folder, name, PP_OS_READ, &fd, failure);
    if (error == PP_OK) {
        pp_os_close(fd);
        error = pp_file_read(dir, name, PP_KEY_FILE_BYTES_MAX, pem, failure);
    }
    pp_os_close(dir);
    return error;
}

static enum pp_error refuse_existing(int dir, const char *folder, struct pp_failure *failure)
{
    static const char *const names[] = {PP_BUNDLE_KEY_FILE, PP_BUNDLE_PUB_FILE,
                                        PP_BUNDLE_SSH_KEY_FILE, PP_BUNDLE_ALLOWED_SIGNERS_FILE};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        int fd = pp_os_open(dir, names[i], PP_OS_READ);
        if (fd == -ENOENT)
            continue;
        if (fd >= 0)
            pp_os_close(fd);
        return pp_fail(failure, PP_ERROR_EXISTS, 0,
                       "%s/%s exists already; keys are never overwritten", folder, names[i]);
    }
    return PP_OK;
}

/* What a memory BIO holds goes to a file. */
static enum pp_error write_bio(int dir, const char *name, BIO *bio, bool secret,
                               struct pp_failure *failure)
{
    char *data;
    long len = BIO_get_mem_data(bio, &data);
    return pp_file_replace(dir, name, (struct pp_bytes){(uint8_t *)data, (size_t)len}, secret,
                           failure);
}

static enum pp_error write_private(int dir, const char *name, EVP_PKEY *key,
                                   struct pp_failure *failure)
{
    BIO *bio = BIO_new(BIO_s_secmem());
    enum pp_error error = PP_ERROR_CRYPTO;
    if (bio != NULL && PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) == 1)
        error = write_bio(dir, name, bio, true, failure);
    BIO_free(bio);
    return error;
}

static enum pp_error make_p256(int dir, struct pp_failure *failure)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    BIO *bio = BIO_new(BIO_s_mem());
    enum pp_error error = PP_ERROR_CRYPTO;
    if (key != NULL && bio != NULL && PEM_write_bio_PUBKEY(bio, key) == 1)
        error = write_private(dir, PP_BUNDLE_KEY_FILE, key, failure);
    if (error == PP_OK)
        error = write_bio(dir, PP_BUNDLE_PUB_FILE, bio, false, failure);
    BIO_free(bio);
    EVP_PKEY_free(key);
    return error;
}

static enum pp_error make_ed25519(int dir, const char *origin, struct pp_failure *failure)
{
    uint8_t public_key[32], line[SIGNER_LINE_BYTES];
    size_t len = sizeof public_key;
    struct pp_bundle_text text = {line, sizeof line, 0};
    EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    enum pp_error error = PP_ERROR_CRYPTO;
    if (key != NULL && EVP_PKEY_get_raw_public_key(key, public_key, &len) == 1)
        error = pp_ssh_signer_line(origin, public_key, &text);
    if (error == PP_OK)
        error = write_private(dir, PP_BUNDLE_SSH_KEY_FILE, key, failure);
    if (error == PP_OK)
        error = pp_file_replace(dir, PP_BUNDLE_ALLOWED_SIGNERS_FILE,
                                (struct pp_bytes){text.data, text.len}, false, failure);
    EVP_PKEY_free(key);
    return error;
}

enum pp_error pp_bundle_keys_create(const char *folder, const char *origin,
                                    struct pp_failure *failure)
{
    int result = pp_os_make_dir(PP_OS_CWD, folder, true);
    int dir = result < 0 ? result : pp_os_open_dir(PP_OS_CWD, folder);
    if (dir < 0)
        return pp_fail(failure, PP_ERROR_IO, -dir, "the key folder %s can't be made", folder);
    enum pp_error error = refuse_existing(dir, folder, failure);
    if (error == PP_OK && (error = make_p256(dir, failure)) == PP_ERROR_CRYPTO)
        error = pp_fail(failure, error, 0, "OpenSSL can't make a P-256 key");
    if (error == PP_OK && (error = make_ed25519(dir, origin, failure)) == PP_ERROR_CRYPTO)
        error = pp_fail(failure, error, 0, "OpenSSL can't make an Ed25519 key");
    pp_os_close(dir);
    return error;
}
