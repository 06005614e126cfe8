/* SPDX-License-Identifier: MIT */
/* Asks a time-stamping authority over HTTP (RFC 3161 section 3.4). */
#include <stdlib.h>
#include <string.h>

#include "bundle.h"
#include "transfer.h"

enum { TSA_ATTEMPTS = 3 };
static const uint64_t TSA_TIMEOUT_NS = UINT64_C(30000000000);

static enum pp_error fail(struct pp_failure *failure, const char *url, const char *why)
{
    *failure = (struct pp_failure){.code = PP_ERROR_IO};
    snprintf(failure->text, sizeof failure->text, "the TSA %.200s gave no time-stamp: %.200s", url,
             why);
    return failure->code;
}

/* The answer becomes the caller's. */
static enum pp_error take_answer(struct transfer_answer *answer, const char *url,
                                 uint8_t **response, size_t *len, struct pp_failure *failure)
{
    char why[64];
    if (answer->status == 200 && answer->body.len > 0) {
        *response = answer->body.data;
        *len = answer->body.len;
        return PP_OK;
    }
    snprintf(why, sizeof why, "HTTP status %ld", answer->status);
    fail(failure, url, answer->status == 0 ? answer->why : why);
    cli_buffer_free(&answer->body);
    return failure->code;
}

enum pp_error bundle_ask_tsa(void *context, struct pp_bytes request, uint8_t **response,
                             size_t *len, struct pp_failure *failure)
{
    const char *url = context;
    struct transfer transfer = {.attempts = TSA_ATTEMPTS, .timeout_ns = TSA_TIMEOUT_NS};
    struct transfer_answer answer;
    struct curl_slist *headers = NULL;
    if (!transfer_open(&transfer, "bundle create"))
        return fail(failure, url, "libcurl can't be used");
    enum pp_error error = PP_ERROR_MEMORY;
    if (transfer_header(&headers, "Content-Type", "application/timestamp-query") &&
        transfer_header(&headers, "Expect", "")) {
        const struct transfer_request post = {.method = "POST",
                                              .url = url,
                                              .headers = headers,
                                              .memory = request.data,
                                              .bytes = request.len};
        transfer_perform(&transfer, &post, &answer);
        error = take_answer(&answer, url, response, len, failure);
    } else {
        fail(failure, url, "no memory is left");
    }
    curl_slist_free_all(headers);
    transfer_close(&transfer);
    return error;
}
