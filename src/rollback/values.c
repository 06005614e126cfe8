/* SPDX-License-Identifier: MIT */
/* Values from two rows and a row from the values: differences of bytes, integers and floats. */
#include <endian.h>
#include <string.h>

#include "../base/base.h"
#include "transform.h"

/*@ assigns \nothing;
    ensures \result == 1 || \result == 2 || \result == 4; */
size_t pp_rollback_item_bytes(enum pp_rollback_item item)
{
    if (item == PP_ROLLBACK_ITEM_INT16 || item == PP_ROLLBACK_ITEM_FLOAT16)
        return 2;
    if (item == PP_ROLLBACK_ITEM_INT32 || item == PP_ROLLBACK_ITEM_FLOAT32)
        return 4;
    return 1;
}

/* Small for small differences of either sign. */
/*@ assigns \nothing;
    ensures \result == pp_zigzag(v, 0x10000); */
static uint16_t zigzag16(uint16_t v)
{
    return (uint16_t)(v < 0x8000 ? 2 * v : 2 * (0xffff - v) + 1);
}

/*@ assigns \nothing;
    ensures \result == pp_unzigzag(v, 0x10000); */
static uint16_t unzigzag16(uint16_t v)
{
    return (uint16_t)(v % 2 == 0 ? v / 2 : 0xffff - v / 2);
}

/*@ assigns \nothing;
    ensures \result == pp_zigzag(v, 0x100000000); */
static uint32_t zigzag32(uint32_t v)
{
    return v < 0x80000000 ? 2 * v : 2 * (0xffffffff - v) + 1;
}

/*@ assigns \nothing;
    ensures \result == pp_unzigzag(v, 0x100000000); */
static uint32_t unzigzag32(uint32_t v)
{
    return v % 2 == 0 ? v / 2 : 0xffffffff - v / 2;
}

/* Bits of floats as integers in the floats' order, and back. */
/*@ assigns \nothing;
    ensures \result == pp_order(v, 0x10000); */
static uint16_t order16(uint16_t v)
{
    return (uint16_t)(v < 0x8000 ? v + 0x8000 : 0xffff - v);
}

/*@ assigns \nothing;
    ensures \result == pp_unorder(v, 0x10000); */
static uint16_t unorder16(uint16_t v)
{
    return (uint16_t)(v >= 0x8000 ? v - 0x8000 : 0xffff - v);
}

/*@ assigns \nothing;
    ensures \result == pp_order(v, 0x100000000); */
static uint32_t order32(uint32_t v)
{
    return v < 0x80000000 ? v + 0x80000000 : 0xffffffff - v;
}

/*@ assigns \nothing;
    ensures \result == pp_unorder(v, 0x100000000); */
static uint32_t unorder32(uint32_t v)
{
    return v >= 0x80000000 ? v - 0x80000000 : 0xffffffff - v;
}

/* values may be one of the rows. */
/*@ requires \valid_read(old_row + (0 .. n - 1)) && \valid_read(new_row + (0 .. n - 1));
    requires \valid(values + (0 .. n - 1));
    requires values == old_row || \separated(values + (0 .. n - 1), old_row + (0 .. n - 1));
    requires values == new_row || \separated(values + (0 .. n - 1), new_row + (0 .. n - 1));
    assigns values[0 .. n - 1];
    ensures \forall integer i; 0 <= i < n ==> values[i]
      == (\at(new_row[i], Pre) + (0x100 - \at(old_row[i], Pre))) % 0x100; */
static void make_bytes(const uint8_t *old_row, const uint8_t *new_row, uint8_t *values, size_t n)
{
    /*@ loop invariant bound: 0 <= i <= n;
        loop invariant done: \forall integer j; 0 <= j < i ==> values[j]
          == (\at(new_row[j], Pre) + (0x100 - \at(old_row[j], Pre))) % 0x100;
        loop invariant new_kept: \forall integer j; i <= j < n ==>
          new_row[j] == \at(new_row[j], Pre);
        loop invariant old_kept: \forall integer j; i <= j < n ==>
          old_row[j] == \at(old_row[j], Pre);
        loop assigns i, values[0 .. n - 1];
        loop variant n - i; */
    for (size_t i = 0; i < n; i++)
        values[i] = (uint8_t)((new_row[i] + (0x100U - old_row[i])) % 0x100);
}

/* The same, with XOR: the two rows may change places. */
/*@ requires \valid_read(old_row + (0 .. n - 1)) && \valid_read(new_row + (0 .. n - 1));
    requires \valid(values + (0 .. n - 1));
    requires values == old_row || \separated(values + (0 .. n - 1), old_row + (0 .. n - 1));
    requires values == new_row || \separated(values + (0 .. n - 1), new_row + (0 .. n - 1));
    assigns values[0 .. n - 1];
    ensures \forall integer i; 0 <= i < n ==> values[i]
      == (uint8_t)(\at(new_row[i], Pre) ^ \at(old_row[i], Pre)); */
static void make_xor(const uint8_t *old_row, const uint8_t *new_row, uint8_t *values, size_t n)
{
    /*@ loop invariant bound: 0 <= i <= n;
        loop invariant done: \forall integer j; 0 <= j < i ==> values[j]
          == (uint8_t)(\at(new_row[j], Pre) ^ \at(old_row[j], Pre));
        loop invariant new_kept: \forall integer j; i <= j < n ==>
          new_row[j] == \at(new_row[j], Pre);
        loop invariant old_kept: \forall integer j; i <= j < n ==>
          old_row[j] == \at(old_row[j], Pre);
        loop assigns i, values[0 .. n - 1];
        loop variant n - i; */
    for (size_t i = 0; i < n; i++)
        values[i] = new_row[i] ^ old_row[i];
}

/* As pp_get_le16 and its like, in the one form of which the compiler makes vector instructions. */
static inline uint16_t load16(const uint8_t *p)
{
    uint16_t v;
    memcpy(&v, p, sizeof v);
    return le16toh(v);
}

static inline uint32_t load32(const uint8_t *p)
{
    uint32_t v;
    memcpy(&v, p, sizeof v);
    return le32toh(v);
}

static inline void store16(uint8_t *p, uint16_t v)
{
    v = htole16(v);
    memcpy(p, &v, sizeof v);
}

static inline void store32(uint8_t *p, uint32_t v)
{
    v = htole32(v);
    memcpy(p, &v, sizeof v);
}

static void make_int16(const uint8_t *old_row, const uint8_t *new_row, uint8_t *values, size_t n)
{
    for (size_t i = 0; i < n; i += 2) {
        uint16_t from = load16(old_row + i), to = load16(new_row + i);
        store16(values + i, zigzag16((uint16_t)(to - from)));
    }
}

static void make_int32(const uint8_t *old_row, const uint8_t *new_row, uint8_t *values, size_t n)
{
    for (size_t i = 0; i < n; i += 4)
        store32(values + i, zigzag32(load32(new_row + i) - load32(old_row + i)));
}

static void make_float16(const uint8_t *old_row, const uint8_t *new_row, uint8_t *values, size_t n)
{
    for (size_t i = 0; i < n; i += 2) {
        uint16_t from = order16(load16(old_row + i)), to = order16(load16(new_row + i));
        store16(values + i, zigzag16((uint16_t)(to - from)));
    }
}

static void make_float32(const uint8_t *old_row, const uint8_t *new_row, uint8_t *values, size_t n)
{
    for (size_t i = 0; i < n; i += 4) {
        uint32_t difference = order32(load32(new_row + i)) - order32(load32(old_row + i));
        store32(values + i, zigzag32(difference));
    }
}

void pp_rollback_values_make(enum pp_rollback_item item, const uint8_t *old_row,
                             const uint8_t *new_row, uint8_t *values, size_t n)
{
    size_t whole = n - n % pp_rollback_item_bytes(item);
    if (item == PP_ROLLBACK_ITEM_XOR)
        make_xor(old_row, new_row, values, whole);
    else if (item == PP_ROLLBACK_ITEM_INT16)
        make_int16(old_row, new_row, values, whole);
    else if (item == PP_ROLLBACK_ITEM_INT32)
        make_int32(old_row, new_row, values, whole);
    else if (item == PP_ROLLBACK_ITEM_FLOAT16)
        make_float16(old_row, new_row, values, whole);
    else if (item == PP_ROLLBACK_ITEM_FLOAT32)
        make_float32(old_row, new_row, values, whole);
    else
        make_bytes(old_row, new_row, values, whole);
    make_bytes(old_row + whole, new_row + whole, values + whole, n - whole);
}

/* The inverse of make_bytes. */
/*@ requires \valid_read(source + (0 .. n - 1)) && \valid(values + (0 .. n - 1));
    requires \separated(values + (0 .. n - 1), source + (0 .. n - 1));
    assigns values[0 .. n - 1];
    ensures apply: apply ==> \forall integer i; 0 <= i < n ==>
      \at(values[i], Pre) == (values[i] + (0x100 - source[i])) % 0x100;
    ensures revert: !apply ==> \forall integer i; 0 <= i < n ==>
      \at(values[i], Pre) == (source[i] + (0x100 - values[i])) % 0x100; */
static void resolve_bytes(bool apply, const uint8_t *source, uint8_t *values, size_t n)
{
    /*@ loop invariant bound: 0 <= i <= n;
        loop invariant apply: apply ==> \forall integer j; 0 <= j < i ==>
          \at(values[j], Pre) == (values[j] + (0x100 - source[j])) % 0x100;
        loop invariant revert: !apply ==> \forall integer j; 0 <= j < i ==>
          \at(values[j], Pre) == (source[j] + (0x100 - values[j])) % 0x100;
        loop invariant kept: \forall integer j; i <= j < n ==> values[j] == \at(values[j], Pre);
        loop assigns i, values[0 .. n - 1];
        loop variant n - i; */
    for (size_t i = 0; i < n; i++)
        values[i] = (uint8_t)((source[i] + (apply ? values[i] : 0x100U - values[i])) % 0x100);
}

/* The inverse of make_xor, in both directions: (a ^ b) ^ b is a. */
/*@ requires \valid_read(source + (0 .. n - 1)) && \valid(values + (0 .. n - 1));
    requires \separated(values + (0 .. n - 1), source + (0 .. n - 1));
    assigns values[0 .. n - 1];
    ensures \forall integer i; 0 <= i < n ==>
      values[i] == (uint8_t)(\at(values[i], Pre) ^ source[i]); */
static void resolve_xor(const uint8_t *source, uint8_t *values, size_t n)
{
    /*@ loop invariant bound: 0 <= i <= n;
        loop invariant done: \forall integer j; 0 <= j < i ==>
          values[j] == (uint8_t)(\at(values[j], Pre) ^ source[j]);
        loop invariant kept: \forall integer j; i <= j < n ==> values[j] == \at(values[j], Pre);
        loop assigns i, values[0 .. n - 1];
        loop variant n - i; */
    for (size_t i = 0; i < n; i++)
        values[i] = values[i] ^ source[i];
}

static void resolve_int16(bool apply, const uint8_t *source, uint8_t *values, size_t n)
{
    for (size_t i = 0; i < n; i += 2) {
        uint16_t difference = unzigzag16(load16(values + i));
        uint16_t from = load16(source + i);
        store16(values + i, (uint16_t)(apply ? from + difference : from - difference));
    }
}

static void resolve_int32(bool apply, const uint8_t *source, uint8_t *values, size_t n)
{
    for (size_t i = 0; i < n; i += 4) {
        uint32_t difference = unzigzag32(load32(values + i));
        uint32_t from = load32(source + i);
        store32(values + i, apply ? from + difference : from - difference);
    }
}

static void resolve_float16(bool apply, const uint8_t *source, uint8_t *values, size_t n)
{
    for (size_t i = 0; i < n; i += 2) {
        uint16_t difference = unzigzag16(load16(values + i));
        uint16_t from = order16(load16(source + i));
        uint16_t to = (uint16_t)(apply ? from + difference : from - difference);
        store16(values + i, unorder16(to));
    }
}

static void resolve_float32(bool apply, const uint8_t *source, uint8_t *values, size_t n)
{
    for (size_t i = 0; i < n; i += 4) {
        uint32_t difference = unzigzag32(load32(values + i));
        uint32_t from = order32(load32(source + i));
        store32(values + i, unorder32(apply ? from + difference : from - difference));
    }
}

void pp_rollback_values_resolve(enum pp_rollback_item item, enum pp_rollback_direction direction,
                                const uint8_t *source, uint8_t *values, size_t n)
{
    bool apply = direction == PP_ROLLBACK_APPLY;
    size_t whole = n - n % pp_rollback_item_bytes(item);
    if (item == PP_ROLLBACK_ITEM_XOR)
        resolve_xor(source, values, whole);
    else if (item == PP_ROLLBACK_ITEM_INT16)
        resolve_int16(apply, source, values, whole);
    else if (item == PP_ROLLBACK_ITEM_INT32)
        resolve_int32(apply, source, values, whole);
    else if (item == PP_ROLLBACK_ITEM_FLOAT16)
        resolve_float16(apply, source, values, whole);
    else if (item == PP_ROLLBACK_ITEM_FLOAT32)
        resolve_float32(apply, source, values, whole);
    else
        resolve_bytes(apply, source, values, whole);
    resolve_bytes(apply, source + whole, values + whole, n - whole);
}

void pp_rollback_row_to_deltas(enum pp_rollback_direction direction, const uint8_t *source_row,
                               uint8_t *target_row, size_t n)
{
    if (direction == PP_ROLLBACK_APPLY)
        make_bytes(source_row, target_row, target_row, n);
    else
        make_bytes(target_row, source_row, target_row, n);
}
