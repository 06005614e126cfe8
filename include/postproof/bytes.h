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

/* Words of the contracts (ACSL) in these headers: views that can be read, big-endian integers,
   equal bytes. */
/*@ predicate pp_bytes_readable{L}(struct pp_bytes view) =
      \valid_read(view.data + (0 .. view.len - 1));

    logic integer pp_be16{L}(uint8_t *p) = p[0] * 0x100 + p[1];
    logic integer pp_be32{L}(uint8_t *p) =
      p[0] * 0x1000000 + p[1] * 0x10000 + p[2] * 0x100 + p[3];
    logic integer pp_be64{L}(uint8_t *p) = pp_be32(p) * 0x100000000 + pp_be32(p + 4);

    predicate pp_same{L}(uint8_t *a, uint8_t *b, integer n) =
      \forall integer i; 0 <= i < n ==> a[i] == b[i]; */

#endif
