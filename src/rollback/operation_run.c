/* SPDX-License-Identifier: MIT */
/* One operation: the byte loops of Copy and Pair, and literals.  The build compiles this folder
   with -O3, so that gcc makes vector instructions of the loops. */
#include "rollback_internal.h"

#include "../base/base.h"

/*@ requires \valid_read(source + (0 .. n - 1)) && \valid(out + (0 .. n - 1));
    requires \separated(out + (0 .. n - 1), source + (0 .. n - 1));
    assigns out[0 .. n - 1];
    ensures \forall integer i; 0 <= i < n ==> out[i] == (source[i] + delta) % 0x100; */
static void add_one(uint8_t delta, const uint8_t *restrict source, uint8_t *restrict out, size_t n)
{
    /*@ loop invariant 0 <= i <= n;
        loop invariant \forall integer j; 0 <= j < i ==> out[j] == (source[j] + delta) % 0x100;
        loop assigns i, out[0 .. n - 1];
        loop variant n - i; */
    for (size_t i = 0; i < n; i++)
        out[i] = (uint8_t)((source[i] + (unsigned)delta) % 0x100);
}

/*@ requires \valid_read(deltas + (0 .. n - 1)) && \valid_read(source + (0 .. n - 1));
    requires \valid(out + (0 .. n - 1));
    requires \separated(out + (0 .. n - 1), source + (0 .. n - 1));
    requires \separated(out + (0 .. n - 1), deltas + (0 .. n - 1));
    assigns out[0 .. n - 1];
    ensures \forall integer i; 0 <= i < n ==> out[i] == (source[i] + deltas[i]) % 0x100; */
static void add_each(const uint8_t *restrict deltas, const uint8_t *restrict source,
                     uint8_t *restrict out, size_t n)
{
    /*@ loop invariant 0 <= i <= n;
        loop invariant \forall integer j; 0 <= j < i ==> out[j] == (source[j] + deltas[j]) % 0x100;
        loop assigns i, out[0 .. n - 1];
        loop variant n - i; */
    for (size_t i = 0; i < n; i++)
        out[i] = (uint8_t)((source[i] + (unsigned)deltas[i]) % 0x100);
}

/*@ requires \valid_read(deltas + (0 .. n - 1)) && \valid_read(source + (0 .. n - 1));
    requires \valid(out + (0 .. n - 1));
    requires \separated(out + (0 .. n - 1), source + (0 .. n - 1));
    requires \separated(out + (0 .. n - 1), deltas + (0 .. n - 1));
    assigns out[0 .. n - 1];
    ensures \forall integer i; 0 <= i < n ==>
      out[i] == (source[i] + (0x100 - deltas[i])) % 0x100; */
static void take_each(const uint8_t *restrict deltas, const uint8_t *restrict source,
                      uint8_t *restrict out, size_t n)
{
    /*@ loop invariant 0 <= i <= n;
        loop invariant \forall integer j; 0 <= j < i ==>
          out[j] == (source[j] + (0x100 - deltas[j])) % 0x100;
        loop assigns i, out[0 .. n - 1];
        loop variant n - i; */
    for (size_t i = 0; i < n; i++)
        out[i] = (uint8_t)((source[i] + (0x100U - deltas[i])) % 0x100);
}

void pp_rollback_copy_bytes(enum pp_rollback_direction direction, uint8_t delta,
                            const uint8_t *source, uint8_t *out, size_t n)
{
    if (delta == 0)
        pp_copy(out, source, n);
    else if (direction == PP_ROLLBACK_APPLY)
        add_one(delta, source, out, n);
    else
        add_one((uint8_t)(0x100 - delta), source, out, n);
}

void pp_rollback_pair_bytes(enum pp_rollback_direction direction, const uint8_t *deltas,
                            const uint8_t *source, uint8_t *out, size_t n)
{
    if (direction == PP_ROLLBACK_APPLY)
        add_each(deltas, source, out, n);
    else
        take_each(deltas, source, out, n);
}

bool pp_rollback_operation_run(enum pp_rollback_direction direction,
                               struct pp_rollback_operation operation, struct pp_rollback_places at)
{
    size_t n = (size_t)operation.count;
    if (operation.kind == PP_ROLLBACK_COPY) {
        pp_rollback_copy_bytes(direction, operation.delta, at.source, at.out, n);
        /*@ assert apply: direction == PP_ROLLBACK_APPLY ==>
              pp_step{Pre, Here}(operation.kind, operation.delta, n, at.deltas, at.new_literals,
                                 at.old_literals, at.source, at.out); */
        /*@ assert revert: direction != PP_ROLLBACK_APPLY ==>
              pp_step{Pre, Here}(operation.kind, operation.delta, n, at.deltas, at.new_literals,
                                 at.old_literals, at.out, at.source); */
        return true;
    }
    if (operation.kind == PP_ROLLBACK_PAIR) {
        pp_rollback_pair_bytes(direction, at.deltas, at.source, at.out, n);
        /*@ assert apply: direction == PP_ROLLBACK_APPLY ==>
              pp_step{Pre, Here}(operation.kind, operation.delta, n, at.deltas, at.new_literals,
                                 at.old_literals, at.source, at.out); */
        /*@ assert revert: direction != PP_ROLLBACK_APPLY ==>
              pp_step{Pre, Here}(operation.kind, operation.delta, n, at.deltas, at.new_literals,
                                 at.old_literals, at.out, at.source); */
        return true;
    }
    bool is_new = operation.kind == PP_ROLLBACK_NEW;
    const uint8_t *literal = is_new ? at.new_literals : at.old_literals;
    if (is_new != (direction == PP_ROLLBACK_APPLY))
        return pp_equal_constant_time(at.source, literal, n);
    pp_copy(at.out, literal, n);
    /*@ assert apply: direction == PP_ROLLBACK_APPLY ==>
          pp_step{Pre, Here}(operation.kind, operation.delta, n, at.deltas, at.new_literals,
                             at.old_literals, at.source, at.out); */
    /*@ assert revert: direction != PP_ROLLBACK_APPLY ==>
          pp_step{Pre, Here}(operation.kind, operation.delta, n, at.deltas, at.new_literals,
                             at.old_literals, at.out, at.source); */
    return true;
}
