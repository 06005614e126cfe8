/* SPDX-License-Identifier: MIT */
/* Big-endian integers, checked addition, bounded copies and constant-time comparison. */
#include "base.h"

#include <string.h>

/* Shifts and masks are written as / % * + on unsigned constants: gcc emits the same instructions
   (one bswap), and the provers know integer division. */

/*@ logic integer pp_be16{L}(uint8_t *p) = p[0] * 0x100 + p[1];
    logic integer pp_be32{L}(uint8_t *p) =
      p[0] * 0x1000000 + p[1] * 0x10000 + p[2] * 0x100 + p[3];
    logic integer pp_be64{L}(uint8_t *p) = pp_be32(p) * 0x100000000 + pp_be32(p + 4); */

struct pp_bytes pp_bytes_of(const char *text)
{
    return (struct pp_bytes){(const uint8_t *)text, strlen(text)};
}

/*@ requires \valid(p + (0 .. 1));
    assigns p[0 .. 1];
    ensures pp_be16(p) == v; */
void pp_put_u16(uint8_t *p, uint16_t v)
{
    p[0] = (uint8_t)(v / 0x100);
    p[1] = (uint8_t)(v % 0x100);
}

/*@ requires \valid(p + (0 .. 3));
    assigns p[0 .. 3];
    ensures pp_be32(p) == v; */
void pp_put_u32(uint8_t *p, uint32_t v)
{
    p[0] = (uint8_t)(v / 0x1000000);
    p[1] = (uint8_t)(v / 0x10000 % 0x100);
    p[2] = (uint8_t)(v / 0x100 % 0x100);
    p[3] = (uint8_t)(v % 0x100);
}

/*@ requires \valid(p + (0 .. 7));
    assigns p[0 .. 7];
    ensures pp_be64(p) == v; */
void pp_put_u64(uint8_t *p, uint64_t v)
{
    pp_put_u32(p, (uint32_t)(v / 0x100000000));
    pp_put_u32(p + 4, (uint32_t)(v % 0x100000000));
}

/*@ requires \valid_read(p + (0 .. 1));
    assigns \nothing;
    ensures \result == pp_be16(p); */
uint16_t pp_get_u16(const uint8_t *p)
{
    return (uint16_t)(p[0] * 0x100U + p[1]);
}

/*@ requires \valid_read(p + (0 .. 3));
    assigns \nothing;
    ensures \result == pp_be32(p); */
uint32_t pp_get_u32(const uint8_t *p)
{
    return p[0] * 0x1000000U + p[1] * 0x10000U + p[2] * 0x100U + p[3];
}

/*@ requires \valid_read(p + (0 .. 7));
    assigns \nothing;
    ensures \result == pp_be64(p); */
uint64_t pp_get_u64(const uint8_t *p)
{
    return pp_get_u32(p) * 0x100000000U + pp_get_u32(p + 4);
}

/*@ requires \valid(out);
    assigns *out;
    ensures \result <==> a + b <= UINT64_MAX;
    ensures \result ==> *out == a + b;
    ensures !\result ==> *out == \old(*out); */
bool pp_add_u64(uint64_t a, uint64_t b, uint64_t *out)
{
    if (b > UINT64_MAX - a)
        return false;
    *out = a + b;
    return true;
}

/* restrict lets gcc make one memcpy of the loop. */
/*@ requires \valid(dst + (0 .. n - 1)) && \valid_read(src + (0 .. n - 1));
    requires \separated(dst + (0 .. n - 1), src + (0 .. n - 1));
    assigns dst[0 .. n - 1];
    ensures \forall integer i; 0 <= i < n ==> dst[i] == src[i]; */
void pp_copy(uint8_t *restrict dst, const uint8_t *restrict src, size_t n)
{
    /*@ loop invariant 0 <= i <= n;
        loop invariant \forall integer k; 0 <= k < i ==> dst[k] == src[k];
        loop assigns i, dst[0 .. n - 1];
        loop variant n - i; */
    for (size_t i = 0; i < n; i++)
        dst[i] = src[i];
}

/* Constant time in the contents.  a - b rather than a ^ b: zero iff equal is then arithmetic; | on
   int is zero iff both sides are. */
/*@ requires \valid_read(a + (0 .. n - 1)) && \valid_read(b + (0 .. n - 1));
    assigns \nothing;
    ensures \result <==> (\forall integer i; 0 <= i < n ==> a[i] == b[i]); */
bool pp_equal_constant_time(const uint8_t *a, const uint8_t *b, size_t n)
{
    int acc = 0;
    /*@ loop invariant 0 <= i <= n;
        loop invariant acc == 0 <==> (\forall integer k; 0 <= k < i ==> a[k] == b[k]);
        loop assigns i, acc;
        loop variant n - i; */
    for (size_t i = 0; i < n; i++)
        acc |= a[i] - b[i];
    return acc == 0;
}

/*@ requires \valid_read(a) && \valid_read(b);
    assigns \nothing;
    ensures \result <==> (\forall integer i; 0 <= i < PP_DIGEST_BYTES ==> a->b[i] == b->b[i]); */
bool pp_digest_equal(const struct pp_digest *a, const struct pp_digest *b)
{
    return pp_equal_constant_time(a->b, b->b, PP_DIGEST_BYTES);
}

/*@ requires \valid_read(a) && \valid_read(b);
    assigns \nothing;
    ensures \result <==> (\forall integer i; 0 <= i < PP_TAG_BYTES ==> a->b[i] == b->b[i]); */
bool pp_tag_equal(const struct pp_tag *a, const struct pp_tag *b)
{
    return pp_equal_constant_time(a->b, b->b, PP_TAG_BYTES);
}
