/* SPDX-License-Identifier: MIT */
/* Time-stamps of a TSA (RFC 3161) over the signature of a bundle, by OpenSSL. */
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ts.h>

#include "bundle_sign.h"

/* ---- Asking ---- */

static TS_MSG_IMPRINT *imprint_of(struct pp_bytes bytes)
{
    struct pp_digest digest = pp_sha256(bytes);
    TS_MSG_IMPRINT *imprint = TS_MSG_IMPRINT_new();
    X509_ALGOR *algorithm = X509_ALGOR_new();
    bool good = imprint != NULL && algorithm != NULL &&
                X509_ALGOR_set0(algorithm, OBJ_nid2obj(NID_sha256), V_ASN1_NULL, NULL) == 1 &&
                TS_MSG_IMPRINT_set_algo(imprint, algorithm) == 1 &&
                TS_MSG_IMPRINT_set_msg(imprint, digest.b, sizeof digest.b) == 1;
    X509_ALGOR_free(algorithm);
    if (good)
        return imprint;
    TS_MSG_IMPRINT_free(imprint);
    return NULL;
}

/* The request in DER, for OPENSSL_free; 0 on failure. */
static int make_request(struct pp_bytes stamped, unsigned char **der)
{
    TS_REQ *request = TS_REQ_new();
    TS_MSG_IMPRINT *imprint = imprint_of(stamped);
    int len = 0;
    *der = NULL;
    if (request != NULL && imprint != NULL && TS_REQ_set_version(request, 1) == 1 &&
        TS_REQ_set_msg_imprint(request, imprint) == 1 && TS_REQ_set_cert_req(request, 1) == 1)
        len = i2d_TS_REQ(request, der);
    TS_MSG_IMPRINT_free(imprint);
    TS_REQ_free(request);
    return len;
}

enum pp_error pp_timestamp_fetch(struct pp_evidence *evidence,
                                 const struct pp_bundle_options *options,
                                 struct pp_failure *failure)
{
    unsigned char *der;
    int len = make_request(evidence->signature, &der);
    if (len <= 0)
        return pp_fail(failure, PP_ERROR_CRYPTO, 0, "OpenSSL can't make a time-stamp request");
    uint8_t *response = NULL;
    size_t response_len = 0;
    enum pp_error error =
        options->timestamp(options->timestamp_context, (struct pp_bytes){der, (size_t)len},
                           &response, &response_len, failure);
    OPENSSL_free(der);
    if (error == PP_OK)
        evidence->timestamp = (struct pp_bytes){response, response_len};
    return error;
}

/* ---- Checking ---- */

static X509_STORE *store_of(struct pp_bytes pem)
{
    X509_STORE *store = X509_STORE_new();
    BIO *bio = BIO_new_mem_buf(pem.data, (int)pem.len);
    X509 *certificate;
    bool any = false;
    while (store != NULL && bio != NULL &&
           (certificate = PEM_read_bio_X509(bio, NULL, NULL, NULL)) != NULL) {
        any = X509_STORE_add_cert(store, certificate) == 1 || any;
        X509_free(certificate);
    }
    ERR_clear_error(); /* the end of the file */
    BIO_free(bio);
    if (any)
        return store;
    X509_STORE_free(store);
    return NULL;
}

/* Certificates are judged at the time of the stamp, not now: evidence outlives them. */
static void set_time(X509_STORE *store, uint64_t time_s)
{
    X509_VERIFY_PARAM *param = X509_STORE_get0_param(store);
    X509_VERIFY_PARAM_set_time(param, (time_t)time_s);
}

static bool stamp_time(TS_RESP *response, uint64_t *time_s)
{
    TS_TST_INFO *info = TS_RESP_get_tst_info(response);
    ASN1_TIME *epoch = ASN1_TIME_set(NULL, 0);
    int days = 0, seconds = 0;
    bool good = info != NULL && epoch != NULL &&
                ASN1_TIME_diff(&days, &seconds, epoch, TS_TST_INFO_get_time(info)) == 1 &&
                days >= 0 && seconds >= 0;
    if (good)
        *time_s = (uint64_t)days * 86400 + (uint64_t)seconds;
    ASN1_TIME_free(epoch);
    return good;
}

/* The store belongs to the context afterwards. */
static bool verify_response(TS_RESP *response, struct pp_bytes stamped, X509_STORE *store)
{
    struct pp_digest digest = pp_sha256(stamped);
    TS_VERIFY_CTX *ctx = TS_VERIFY_CTX_new();
    unsigned char *imprint = OPENSSL_memdup(digest.b, sizeof digest.b);
    if (ctx == NULL || imprint == NULL) {
        X509_STORE_free(store);
        OPENSSL_free(imprint);
        TS_VERIFY_CTX_free(ctx);
        return false;
    }
    TS_VERIFY_CTX_set_flags(ctx, TS_VFY_VERSION | TS_VFY_SIGNATURE | TS_VFY_IMPRINT);
    TS_VERIFY_CTX_set_imprint(ctx, imprint, sizeof digest.b);
    TS_VERIFY_CTX_set_store(ctx, store);
    bool good = TS_RESP_verify_response(ctx, response) == 1;
    TS_VERIFY_CTX_free(ctx);
    ERR_clear_error();
    return good;
}

bool pp_timestamp_verify(struct pp_bytes response, struct pp_bytes stamped, struct pp_bytes pem,
                         uint64_t *time_s, const char **why)
{
    const unsigned char *at = response.data;
    TS_RESP *parsed = d2i_TS_RESP(NULL, &at, (long)response.len);
    X509_STORE *store = store_of(pem);
    bool good = false;
    *why = "tsa.pem holds no certificate";
    if (store != NULL) {
        *why = "it is no RFC 3161 response with a time";
        if (parsed != NULL && at == response.data + response.len && stamp_time(parsed, time_s)) {
            *why = "it does not stamp this signature, or not by a certificate of tsa.pem";
            set_time(store, *time_s);
            good = verify_response(parsed, stamped, store);
            store = NULL;
        }
    }
    X509_STORE_free(store);
    TS_RESP_free(parsed);
    if (!good)
        *time_s = 0;
    return good;
}
