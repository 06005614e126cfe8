/* SPDX-License-Identifier: MIT */
/* Integers in both byte orders, checked addition, bounded copies and constant-time comparison. */
#include "base.h"

#include <string.h>

/* Shifts and masks are written as / % * + on unsigned constants: gcc emits the same instructions
   (one bswap), and the provers know integer division. */

/* The contract stands here because only this file knows strlen. */
/*@ requires valid_read_string(text);
    assigns \result \from text, text[0 .. ];
    ensures \result.len == strlen(text); */
struct pp_bytes pp_bytes_of(const char *text)
{
    return (struct pp_bytes){(const uint8_t *)text, strlen(text)};
}

void pp_put_u16(uint8_t *p, uint16_t v)
{
    p[0] = (uint8_t)(v / 0x100);
    p[1] = (uint8_t)(v % 0x100);
}

void pp_put_u32(uint8_t *p, uint32_t v)
{
    p[0] = (uint8_t)(v / 0x1000000);
    p[1] = (uint8_t)(v / 0x10000 % 0x100);
    p[2] = (uint8_t)(v / 0x100 % 0x100);
    p[3] = (uint8_t)(v % 0x100);
}

void pp_put_u64(uint8_t *p, uint64_t v)
{
    pp_put_u32(p, (uint32_t)(v / 0x100000000));
    pp_put_u32(p + 4, (uint32_t)(v % 0x100000000));
}

/*@ // A shift is a product, in steps that the provers manage.
    logic integer pp_up(integer v, integer bits) = v << bits;
    lemma pp_up_1: \forall integer v; pp_up(v, 1) == 2 * v;
    lemma pp_up_2: \forall integer v; pp_up(v, 2) == pp_up(pp_up(v, 1), 1);
    lemma pp_up_4: \forall integer v; pp_up(v, 4) == pp_up(pp_up(v, 2), 2);
    lemma pp_up_8: \forall integer v; pp_up(v, 8) == pp_up(pp_up(v, 4), 4);
    lemma pp_up_16: \forall integer v; pp_up(v, 16) == pp_up(pp_up(v, 8), 8);
    lemma pp_up_24: \forall integer v; pp_up(v, 24) == pp_up(pp_up(v, 16), 8);
    lemma pp_shift_8: \forall integer v; v << 8 == 0x100 * v;
    lemma pp_shift_16: \forall integer v; v << 16 == 0x10000 * v;
    lemma pp_shift_24: \forall integer v; v << 24 == 0x1000000 * v;
    lemma pp_shift_32: \forall integer v; v << 32 == 0x100000000 * v; */

/* Shifts, where writing has quotients: gcc makes one load of such a sum. */
uint16_t pp_get_u16(const uint8_t *p)
{
    return (uint16_t)(((uint32_t)p[0] << 8) + p[1]);
}

uint32_t pp_get_u32(const uint8_t *p)
{
    return ((uint32_t)p[0] << 24) + ((uint32_t)p[1] << 16) + ((uint32_t)p[2] << 8) + p[3];
}

uint64_t pp_get_u64(const uint8_t *p)
{
    return ((uint64_t)pp_get_u32(p) << 32) + pp_get_u32(p + 4);
}

void pp_put_le16(uint8_t *p, uint16_t v)
{
    p[0] = (uint8_t)(v % 0x100);
    p[1] = (uint8_t)(v / 0x100);
}

void pp_put_le32(uint8_t *p, uint32_t v)
{
    p[0] = (uint8_t)(v % 0x100);
    p[1] = (uint8_t)(v / 0x100 % 0x100);
    p[2] = (uint8_t)(v / 0x10000 % 0x100);
    p[3] = (uint8_t)(v / 0x1000000);
}

uint16_t pp_get_le16(const uint8_t *p)
{
    return (uint16_t)(p[0] + p[1] * 0x100U);
}

uint32_t pp_get_le32(const uint8_t *p)
{
    return p[0] + p[1] * 0x100U + p[2] * 0x10000U + p[3] * 0x1000000U;
}

bool pp_add_u64(uint64_t a, uint64_t b, uint64_t *out)
{
    if (b > UINT64_MAX - a)
        return false;
    *out = a + b;
    return true;
}

/*@ // In steps that the provers manage.
    lemma pp_bits_0: pp_bits(0) == 0;
    lemma pp_pow2_8: pp_pow2(8) == 0x100;
    lemma pp_pow2_16: pp_pow2(16) == 0x10000;
    lemma pp_pow2_24: pp_pow2(24) == 0x1000000;
    lemma pp_pow2_32: pp_pow2(32) == 0x100000000;
    lemma pp_pow2_40: pp_pow2(40) == 0x10000000000;
    lemma pp_pow2_48: pp_pow2(48) == 0x1000000000000;
    lemma pp_pow2_56: pp_pow2(56) == 0x100000000000000;
    lemma pp_pow2_64: pp_pow2(64) == 0x10000000000000000; */

unsigned pp_bits_set(uint64_t v)
{
    unsigned count = 0;
    //@ ghost int i = 0;
    /*@ loop invariant 0 <= count <= i <= 64;
        loop invariant v < pp_pow2(64 - i);
        loop invariant count + pp_bits(v) == pp_bits(\at(v, Pre));
        loop assigns i, v, count;
        loop variant v; */
    for (; v != 0; v /= 2) {
        count += v % 2;
        //@ ghost i++;
    }
    return count;
}

/* restrict lets gcc make one memcpy of the loop. */
void pp_copy(uint8_t *restrict dst, const uint8_t *restrict src, size_t n)
{
    /*@ loop invariant 0 <= i <= n;
        loop invariant pp_same(dst, src, i);
        loop assigns i, dst[0 .. n - 1];
        loop variant n - i; */
    for (size_t i = 0; i < n; i++)
        dst[i] = src[i];
}

/* Constant time in the contents.  The difference rather than a ^ b: zero iff equal is then
   arithmetic; | is zero iff both sides are.  In bytes, of which gcc takes 16 at a time. */
bool pp_equal_constant_time(const uint8_t *a, const uint8_t *b, size_t n)
{
    uint8_t acc = 0;
    /*@ loop invariant 0 <= i <= n;
        loop invariant acc == 0 <==> pp_same(a, b, i);
        loop assigns i, acc;
        loop variant n - i; */
    for (size_t i = 0; i < n; i++) {
        uint8_t difference = (uint8_t)((0x100 + a[i] - b[i]) % 0x100);
        //@ assert difference == 0 <==> a[i] == b[i];
        acc |= difference;
    }
    return acc == 0;
}

bool pp_digest_equal(const struct pp_digest *a, const struct pp_digest *b)
{
    return pp_equal_constant_time(a->b, b->b, PP_DIGEST_BYTES);
}

bool pp_tag_equal(const struct pp_tag *a, const struct pp_tag *b)
{
    return pp_equal_constant_time(a->b, b->b, PP_TAG_BYTES);
}
