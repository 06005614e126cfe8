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

/* ---- Integers ------------------------------------------------------------------------------- */

/* Big-endian integers at p; the caller guarantees 2, 4 or 8 bytes there. */
/*@ requires \valid(p + (0 .. 1));
    assigns p[0 .. 1];
    ensures pp_be16(p) == v; */
void pp_put_u16(uint8_t *p, uint16_t v);
/*@ requires \valid(p + (0 .. 3));
    assigns p[0 .. 3];
    ensures pp_be32(p) == v; */
void pp_put_u32(uint8_t *p, uint32_t v);
/*@ requires \valid(p + (0 .. 7));
    assigns p[0 .. 7];
    ensures pp_be64(p) == v; */
void pp_put_u64(uint8_t *p, uint64_t v);
/*@ requires \valid_read(p + (0 .. 1));
    assigns \nothing;
    ensures \result == pp_be16(p); */
uint16_t pp_get_u16(const uint8_t *p);
/*@ requires \valid_read(p + (0 .. 3));
    assigns \nothing;
    ensures \result == pp_be32(p); */
uint32_t pp_get_u32(const uint8_t *p);
/*@ requires \valid_read(p + (0 .. 7));
    assigns \nothing;
    ensures \result == pp_be64(p); */
uint64_t pp_get_u64(const uint8_t *p);

/* Little-endian, as ZIP and other people's formats have them. */
/*@ logic integer pp_le16{L}(uint8_t *p) = p[0] + p[1] * 0x100;
    logic integer pp_le32{L}(uint8_t *p) =
      p[0] + p[1] * 0x100 + p[2] * 0x10000 + p[3] * 0x1000000; */

/*@ requires \valid(p + (0 .. 1));
    assigns p[0 .. 1];
    ensures pp_le16(p) == v; */
void pp_put_le16(uint8_t *p, uint16_t v);
/*@ requires \valid(p + (0 .. 3));
    assigns p[0 .. 3];
    ensures pp_le32(p) == v; */
void pp_put_le32(uint8_t *p, uint32_t v);
/*@ requires \valid_read(p + (0 .. 1));
    assigns \nothing;
    ensures \result == pp_le16(p); */
uint16_t pp_get_le16(const uint8_t *p);
/*@ requires \valid_read(p + (0 .. 3));
    assigns \nothing;
    ensures \result == pp_le32(p); */
uint32_t pp_get_le32(const uint8_t *p);

/* *out = a + b, or false and *out unchanged when that exceeds UINT64_MAX. */
/*@ requires \valid(out);
    assigns *out;
    ensures \result <==> a + b <= UINT64_MAX;
    ensures \result ==> *out == a + b;
    ensures !\result ==> *out == \old(*out); */
PP_MUST_CHECK bool pp_add_u64(uint64_t a, uint64_t b, uint64_t *out);

/* The number of 1 bits. */
/*@ // Powers of 2, and n * 2^k.
    logic integer pp_pow2(integer k) = k <= 0 ? 1 : 2 * pp_pow2(k - 1);
    logic integer pp_doubled(integer n, integer k) = k <= 0 ? n : 2 * pp_doubled(n, k - 1);

    // The number of 1 bits of n; n without its k lowest bits.
    logic integer pp_bits(integer n) = n <= 0 ? 0 : pp_bits(n / 2) + n % 2;
    logic integer pp_drop(integer n, integer k) = k <= 0 ? n : pp_drop(n, k - 1) / 2; */
/*@ assigns \nothing;
    ensures count: \result == pp_bits(v);
    ensures range: 0 <= \result <= 64; */
unsigned pp_bits_set(uint64_t v);

/* ---- Bytes ---------------------------------------------------------------------------------- */

/* Copies n bytes between buffers that do not overlap. */
/*@ requires \valid(dst + (0 .. n - 1)) && \valid_read(src + (0 .. n - 1));
    requires \separated(dst + (0 .. n - 1), src + (0 .. n - 1));
    assigns dst[0 .. n - 1];
    ensures pp_same(dst, src, n); */
void pp_copy(uint8_t *dst, const uint8_t *src, size_t n);

/* Equality in time that depends on n only. */
/*@ requires \valid_read(a + (0 .. n - 1)) && \valid_read(b + (0 .. n - 1));
    assigns \nothing;
    ensures \result <==> pp_same(a, b, n); */
bool pp_equal_constant_time(const uint8_t *a, const uint8_t *b, size_t n);
/*@ requires \valid_read(a) && \valid_read(b);
    assigns \nothing;
    ensures \result <==> (\forall integer i; 0 <= i < PP_DIGEST_BYTES ==> a->b[i] == b->b[i]); */
bool pp_digest_equal(const struct pp_digest *a, const struct pp_digest *b);
/*@ requires \valid_read(a) && \valid_read(b);
    assigns \nothing;
    ensures \result <==> (\forall integer i; 0 <= i < PP_TAG_BYTES ==> a->b[i] == b->b[i]); */
bool pp_tag_equal(const struct pp_tag *a, const struct pp_tag *b);

/* ---- Text ----------------------------------------------------------------------------------- */

/*@ logic integer pp_hex_digit(integer v) = v < 10 ? '0' + v : 'a' + (v - 10);

    // The value of a hex digit in either case, else 16.
    logic integer pp_hex_value(integer c) =
      '0' <= c <= '9' ? c - '0' : 'a' <= c <= 'f' ? c - 'a' + 10
      : 'A' <= c <= 'F' ? c - 'A' + 10 : 16;

    // The two digits at p are those of the byte v.
    predicate pp_hex_pair{L}(uint8_t *p, integer v) =
      pp_hex_value(p[0]) <= 15 && pp_hex_value(p[1]) <= 15
      && v == pp_hex_value(p[0]) * 16 + pp_hex_value(p[1]);

    predicate pp_digits{L}(uint8_t *p, integer n) =
      \forall integer i; 0 <= i < n ==> '0' <= p[i] <= '9';

    // The number that n decimal digits at p stand for.
    logic integer pp_decimal_value{L}(uint8_t *p, integer n) =
      n <= 0 ? 0 : pp_decimal_value(p, n - 1) * 10 + (p[n - 1] - '0'); */

/* Lower-case hex of n bytes into out[2 * n + 1], NUL-terminated. */
/*@ requires \valid_read(data + (0 .. n - 1)) && \valid(out + (0 .. 2 * n));
    requires n <= SIZE_MAX / 4;
    requires \separated(out + (0 .. 2 * n), data + (0 .. n - 1));
    assigns out[0 .. 2 * n];
    ensures digits: \forall integer i; 0 <= i < n ==>
      out[2 * i] == pp_hex_digit(data[i] / 16) && out[2 * i + 1] == pp_hex_digit(data[i] % 16);
    ensures end: out[2 * n] == 0; */
void pp_hex_encode(const uint8_t *data, size_t n, char *out);
/* Exactly 2 * n hex digits at text, either case; false and out unspecified otherwise. */
/*@ requires pp_bytes_readable(text) && \valid(out + (0 .. n - 1));
    requires \separated(out + (0 .. n - 1), text.data + (0 .. text.len - 1));
    assigns out[0 .. n - 1];
    ensures length: \result ==> text.len == 2 * n;
    ensures bytes: \result ==> \forall integer i; 0 <= i < n ==>
      pp_hex_pair(text.data + 2 * i, out[i]);
    ensures refused: !\result ==> text.len != 2 * n || \exists integer i; 0 <= i < 2 * n
      && pp_hex_value(text.data[i]) > 15; */
PP_MUST_CHECK bool pp_hex_decode(struct pp_bytes text, uint8_t *out, size_t n);

/* RFC 4648 section 4 base64 with padding.  Returns the length written, without the NUL that it
   adds; out holds 4 * ((n + 2) / 3) + 1 bytes. */
/*@ requires \valid_read(data + (0 .. n - 1)) && n <= SIZE_MAX / 4;
    requires \valid(out + (0 .. 4 * ((n + 2) / 3)));
    requires \separated(out + (0 .. 4 * ((n + 2) / 3)), data + (0 .. n - 1));
    assigns out[0 .. 4 * ((n + 2) / 3)];
    ensures \result == 4 * ((n + 2) / 3) && out[\result] == 0; */
size_t pp_base64_encode(const uint8_t *data, size_t n, char *out);
/* Strict: no white space, padding required, unused bits zero.  false on anything else, or when
   the result exceeds cap; *out_len is the length decoded. */
/*@ requires pp_bytes_readable(text) && \valid(out + (0 .. cap - 1)) && \valid(out_len);
    requires \separated(out + (0 .. cap - 1), text.data + (0 .. text.len - 1));
    requires \separated(out_len, text.data + (0 .. text.len - 1));
    requires \separated(out_len, out + (0 .. cap - 1));
    assigns out[0 .. cap - 1], *out_len;
    ensures \result ==> *out_len <= cap && text.len % 4 == 0
      && text.len / 4 * 3 - 2 <= *out_len <= text.len / 4 * 3;
    ensures !\result ==> *out_len == \old(*out_len); */
PP_MUST_CHECK bool pp_base64_decode(struct pp_bytes text, uint8_t *out, size_t cap,
                                    size_t *out_len);
/* The same check alone: the length that text decodes to, however long it is. */
/*@ requires pp_bytes_readable(text) && \valid(out_len);
    requires \separated(out_len, text.data + (0 .. text.len - 1));
    assigns *out_len;
    ensures \result ==> text.len % 4 == 0 && text.len / 4 * 3 - 2 <= *out_len <= text.len / 4 * 3;
    ensures !\result ==> *out_len == \old(*out_len); */
PP_MUST_CHECK bool pp_base64_check(struct pp_bytes text, size_t *out_len);

/* Decimal without sign or leading zeros, all of text; false otherwise and on overflow. */
/*@ requires pp_bytes_readable(text) && \valid(out);
    requires \separated(out, text.data + (0 .. text.len - 1));
    assigns *out;
    ensures value: \result ==> *out == pp_decimal_value{Pre}(text.data, text.len);
    ensures digits: \result ==> pp_digits{Pre}(text.data, text.len) && 0 < text.len
      && (text.len == 1 || text.data[0] != '0');
    ensures failed: !\result ==> *out == \old(*out); */
PP_MUST_CHECK bool pp_decimal_decode(struct pp_bytes text, uint64_t *out);

/* The next line of *rest without its '\n', and *rest moved behind it; false when *rest has no
   complete line. */
/*@ requires \valid(rest) && \valid(line) && \separated(rest, line);
    requires pp_bytes_readable(*rest);
    requires \separated(rest, rest->data + (0 .. rest->len - 1));
    requires \separated(line, rest->data + (0 .. rest->len - 1));
    assigns *rest, *line;
    ensures failed: !\result ==> *rest == \old(*rest) && *line == \old(*line);
    ensures none: !\result ==> \forall integer i; 0 <= i < rest->len ==> rest->data[i] != '\n';
    ensures found: \result ==> line->data == \old(rest->data)
      && \old(rest->len) == line->len + 1 + rest->len
      && rest->data == \old(rest->data) + (line->len + 1);
    ensures first: \result ==> line->data[line->len] == '\n'
      && \forall integer i; 0 <= i < line->len ==> line->data[i] != '\n'; */
PP_MUST_CHECK bool pp_next_line(struct pp_bytes *rest, struct pp_bytes *line);

#endif
