/* SPDX-License-Identifier: MIT */
/* HTTP requests by libcurl for uploads: files or memory as bodies, retries with growing pauses,
   progress, answers kept or hashed. */
#ifndef POSTPROOF_CLI_TRANSFER_H
#define POSTPROOF_CLI_TRANSFER_H

#include <curl/curl.h>

#include "../src/base/hash.h"
#include "cli.h"

/* One connection's settings, and what to call it in messages. */
struct transfer {
    const char *verb;
    uint64_t attempts;   /* 1 or more */
    uint64_t timeout_ns; /* without a byte moved */
    CURL *curl;
    char curl_error[CURL_ERROR_SIZE];
    struct cli_progress progress;
    const char *step; /* shown with the progress */
};

/* Reports and returns false when libcurl is not to be had. */
PP_MUST_CHECK bool transfer_open(struct transfer *transfer, const char *verb);
void transfer_close(struct transfer *transfer);

enum { TRANSFER_ANSWER_BYTES_MAX = 4 << 20, TRANSFER_TAG_BYTES = 256 };

struct transfer_request {
    const char *method, *url;
    const struct curl_slist *headers;
    /* The body: bytes of a file from offset on, or memory; none when both are NULL. */
    FILE *file;
    uint64_t offset, bytes;
    const void *memory;
    curl_mime *form;                  /* a form in place of a body */
    const char *sigv4, *key, *secret; /* of S3: "aws:amz:REGION:s3" and credentials; else NULL */
    bool hash_answer; /* the answer may have any size: only its hash and length are kept */
    bool follow;      /* redirects, without the headers that name secrets */
    bool once;        /* no second try on an answer; the caller looks what became of it */
};

struct transfer_answer {
    long status; /* 0: none arrived, and `why` says what happened */
    char etag[TRANSFER_TAG_BYTES], stored_hash[TRANSFER_TAG_BYTES]; /* x-amz-meta-sha256 */
    uint64_t retry_after_s, body_bytes;
    struct cli_buffer body; /* free with cli_buffer_free */
    struct pp_digest digest;
    char why[CURL_ERROR_SIZE + 64];
};

/* Performs it; tries again after a failure to connect, a time-out and the statuses 408, 429, 500,
   502, 503 and 504.  *answer is filled in any case. */
void transfer_perform(struct transfer *transfer, const struct transfer_request *request,
                      struct transfer_answer *answer);

/* Reports what an answer means that is none of success; returns CLI_UNDECIDED.  what: "the upload
   to s3://..." */
int transfer_fail(const struct transfer *transfer, const struct transfer_answer *answer,
                  const char *what);

/* Text from elsewhere for a message: printable ASCII, the rest as '?'. */
void transfer_clean(struct pp_bytes text, char *out, size_t cap);
/* What stands between <name> and </name> the first time, or nothing. */
struct pp_bytes transfer_xml_value(struct pp_bytes xml, const char *name);
/* Percent-encodes all but A-Z a-z 0-9 - . _ ~ and, in paths, /.  false: it does not fit. */
PP_MUST_CHECK bool transfer_escape(const char *text, bool is_path, char *out, size_t cap);
/* Adds "name: value"; false without memory. */
PP_MUST_CHECK bool transfer_header(struct curl_slist **headers, const char *name,
                                   const char *value);
/* Whether secrets may be sent there: https, or http to this machine. */
bool transfer_is_private(const char *url);

#endif
