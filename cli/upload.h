/* SPDX-License-Identifier: MIT */
/* What the places that a bundle is uploaded to share. */
#ifndef POSTPROOF_CLI_UPLOAD_H
#define POSTPROOF_CLI_UPLOAD_H

#include "bundle.h"
#include "transfer.h"

enum { UPLOAD_URL_BYTES = 4096, UPLOAD_PART_BYTES_MIN = 5 << 20 };

/* One upload: the file is open, its size and hash are known. */
struct upload {
    struct transfer transfer;
    const char *path, *name; /* name: path without folders */
    const char *to;          /* as the user wrote it */
    const char *endpoint, *region;
    uint64_t part_bytes; /* larger files go to S3 in parts of this size */
    FILE *file;
    uint64_t bytes;
    struct pp_digest digest;
    char hex[2 * PP_DIGEST_BYTES + 1]; /* of the digest */
    bool was_there;                    /* the same file was there already */
    uint64_t parts, parts_resumed;
    char url[UPLOAD_URL_BYTES]; /* where it is now, without secrets */
};

/* Each sends the file, reads it back, and compares; the result is the exit code.  Errors were
   reported. */
int upload_to_s3(struct upload *upload);
int upload_to_https(struct upload *upload);
int upload_to_github(struct upload *upload);

/* Fetches url and compares what arrives with the file: CLI_GOOD; CLI_BAD when it is another. */
int upload_compare(struct upload *upload, const struct transfer_request *request);

#endif
