/* SPDX-License-Identifier: MIT */
/* An upload in parts, and the file beside the bundle, F.zip.upload, from which it goes on. */
#ifndef POSTPROOF_CLI_UPLOAD_PARTS_H
#define POSTPROOF_CLI_UPLOAD_PARTS_H

#include "upload.h"

enum { UPLOAD_ID_BYTES = 400, UPLOAD_PARTS_MAX = 10000 };

struct upload_parts {
    const struct upload *upload;
    char path[CLI_PATH_BYTES];
    char id[UPLOAD_ID_BYTES]; /* the server's, "" before it gave one */
    uint64_t part_bytes, count;
    char (*etags)[TRANSFER_TAG_BYTES]; /* "" for a part that was not sent */
};

/* Reads the file when it is about the same bytes, place and part size; else begins anew.  Reports
   errors: too many parts, no memory. */
PP_MUST_CHECK bool upload_parts_open(struct upload_parts *parts, const struct upload *upload);
void upload_parts_close(struct upload_parts *parts);
/* Writes the file, whole or not at all; reports errors, returns the exit code. */
int upload_parts_save(const struct upload_parts *parts);
void upload_parts_remove(const struct upload_parts *parts);

/* Parts are counted from 1. */
bool upload_parts_has(const struct upload_parts *parts, uint64_t number);
void upload_parts_done(struct upload_parts *parts, uint64_t number, const char *etag);
uint64_t upload_parts_count_done(const struct upload_parts *parts);
/* Forgets the id and all parts. */
void upload_parts_restart(struct upload_parts *parts);
/* The body of CompleteMultipartUpload. */
PP_MUST_CHECK bool upload_parts_list(const struct upload_parts *parts, struct cli_buffer *out);
/* SHA-256 of a range of the file, in hex; false when it can't be read. */
PP_MUST_CHECK bool upload_parts_hash(const struct upload *upload, uint64_t offset, uint64_t bytes,
                                     char out[2 * PP_DIGEST_BYTES + 1]);

#endif
