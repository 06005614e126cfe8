/* SPDX-License-Identifier: MIT */
/* Big-endian integers, checked arithmetic, bounded copies, constant-time compare, hex and base64.
 */
#ifndef PP_BASE_H
#define PP_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <postproof/bytes.h>
#include <postproof/error.h>

/* Big-endian integers at p; the caller guarantees 2, 4 or 8 bytes there. */
void pp_put_u16(uint8_t *p, uint16_t v);
void pp_put_u32(uint8_t *p, uint32_t v);
void pp_put_u64(uint8_t *p, uint64_t v);
uint16_t pp_get_u16(const uint8_t *p);
uint32_t pp_get_u32(const uint8_t *p);
uint64_t pp_get_u64(const uint8_t *p);

/* *out = a + b, or false and *out unchanged when that exceeds UINT64_MAX. */
PP_MUST_CHECK bool pp_add_u64(uint64_t a, uint64_t b, uint64_t *out);

/* Copies n bytes between buffers that do not overlap. */
void pp_copy(uint8_t *dst, const uint8_t *src, size_t n);

/* Equality in time that depends on n only. */
bool pp_equal_constant_time(const uint8_t *a, const uint8_t *b, size_t n);
bool pp_digest_equal(const struct pp_digest *a, const struct pp_digest *b);
bool pp_tag_equal(const struct pp_tag *a, const struct pp_tag *b);

/* Lower-case hex of n bytes into out[2 * n + 1], NUL-terminated. */
void pp_hex_encode(const uint8_t *data, size_t n, char *out);
/* Exactly 2 * n hex digits at text, either case; false and out unspecified otherwise. */
PP_MUST_CHECK bool pp_hex_decode(struct pp_bytes text, uint8_t *out, size_t n);

/* RFC 4648 section 4 base64 with padding.  Returns the length written, without the NUL that it
   adds; out holds 4 * ((n + 2) / 3) + 1 bytes. */
size_t pp_base64_encode(const uint8_t *data, size_t n, char *out);
/* Strict: no white space, padding required, unused bits zero.  false on anything else, or when
   the result exceeds cap; *out_len is the length decoded. */
PP_MUST_CHECK bool pp_base64_decode(struct pp_bytes text, uint8_t *out, size_t cap,
                                    size_t *out_len);
/* The same check alone: the length that text decodes to, however long it is. */
PP_MUST_CHECK bool pp_base64_check(struct pp_bytes text, size_t *out_len);

/* Decimal without sign or leading zeros, all of text; false otherwise and on overflow. */
PP_MUST_CHECK bool pp_decimal_decode(struct pp_bytes text, uint64_t *out);

/* The next line of *rest without its '\n', and *rest moved behind it; false when *rest has no
   complete line. */
PP_MUST_CHECK bool pp_next_line(struct pp_bytes *rest, struct pp_bytes *line);

#endif
