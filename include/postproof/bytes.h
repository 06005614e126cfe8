/* SPDX-License-Identifier: MIT */
/* Borrowed bytes, digests and tags: the small values that every component passes around. */
#ifndef POSTPROOF_BYTES_H
#define POSTPROOF_BYTES_H

#include <stddef.h>
#include <stdint.h>

/* A view: len bytes at data, borrowed from the caller for the length of the call.  data may be
   NULL when len is 0. */
struct pp_bytes {
    const uint8_t *data;
    size_t len;
};

/* A view of a NUL-terminated string, without the NUL. */
struct pp_bytes pp_bytes_of(const char *text);

enum { PP_DIGEST_BYTES = 32, PP_TAG_BYTES = 16 };

/* A SHA-256 value (FIPS 180-4). */
struct pp_digest {
    uint8_t b[PP_DIGEST_BYTES];
};

/* An HMAC-SHA-256-128 value (RFC 2104 section 5: the leftmost 128 bits). */
struct pp_tag {
    uint8_t b[PP_TAG_BYTES];
};

#endif
