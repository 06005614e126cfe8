/* SPDX-License-Identifier: MIT */
/* Each operation takes back what it did in the other direction, proved from the contract of
   pp_rollback_operation_run alone, and the maps of the transforms have inverses; in no build. */
#include "../../src/rollback/rollback_internal.h"
#include "../../src/rollback/transform.h"

/*@ lemma pp_shift_once: \forall integer a, b, delta; 0 <= a < 0x100 && 0 <= b < 0x100
      && 0 <= delta < 0x100 && (a + delta) % 0x100 == (b + delta) % 0x100 ==> a == b; */

/* Apply, then revert: n bytes of a Copy or Pair are the old ones again. */
/*@ requires operation.kind <= PP_ROLLBACK_PAIR && operation.count <= SIZE_MAX;
    requires pp_operation_is_valid(operation.kind, operation.delta, operation.count);
    requires \valid_read(at.source + (0 .. operation.count - 1));
    requires \valid(at.out + (0 .. operation.count - 1));
    requires \valid(back + (0 .. operation.count - 1));
    requires operation.kind == PP_ROLLBACK_PAIR ==>
      \valid_read(at.deltas + (0 .. operation.count - 1))
      && \separated(at.out + (0 .. operation.count - 1), at.deltas + (0 .. operation.count - 1))
      && \separated(back + (0 .. operation.count - 1), at.deltas + (0 .. operation.count - 1));
    requires \separated(at.out + (0 .. operation.count - 1),
                        at.source + (0 .. operation.count - 1));
    requires \separated(back + (0 .. operation.count - 1), at.out + (0 .. operation.count - 1));
    requires \separated(back + (0 .. operation.count - 1), at.source + (0 .. operation.count - 1));
    requires there == PP_ROLLBACK_APPLY <==> other != PP_ROLLBACK_APPLY;
    assigns at.out[0 .. operation.count - 1], back[0 .. operation.count - 1];
    ensures runs: \result;
    ensures identity: pp_same(back, at.source, operation.count); */
bool pp_shift_there_and_back(enum pp_rollback_direction there, enum pp_rollback_direction other,
                             struct pp_rollback_operation operation,
                             struct pp_rollback_places at, uint8_t *back);

bool pp_shift_there_and_back(enum pp_rollback_direction there, enum pp_rollback_direction other,
                             struct pp_rollback_operation operation,
                             struct pp_rollback_places at, uint8_t *back)
{
    const struct pp_rollback_places again = {at.deltas, at.new_literals, at.old_literals, at.out,
                                             back};
    if (!pp_rollback_operation_run(there, operation, at)) {
        //@ assert there_runs: \false;
        return false;
    }
    //@ ghost Between: ;
    if (!pp_rollback_operation_run(other, operation, again)) {
        //@ assert back_runs: \false;
        return false;
    }
    /*@ assert same_out: \forall integer i; 0 <= i < operation.count ==>
          at.out[i] == \at(at.out[i], Between); */
    /*@ assert copies: there == PP_ROLLBACK_APPLY && operation.kind == PP_ROLLBACK_COPY ==>
          \forall integer i; 0 <= i < operation.count ==>
            (at.source[i] + operation.delta) % 0x100 == (back[i] + operation.delta) % 0x100; */
    /*@ assert pairs: there == PP_ROLLBACK_APPLY && operation.kind == PP_ROLLBACK_PAIR ==>
          \forall integer i; 0 <= i < operation.count ==>
            (at.source[i] + at.deltas[i]) % 0x100 == (back[i] + at.deltas[i]) % 0x100; */
    /*@ assert copied: there == PP_ROLLBACK_APPLY && operation.kind == PP_ROLLBACK_COPY ==>
          pp_same(back, at.source, operation.count); */
    /*@ assert paired: there == PP_ROLLBACK_APPLY && operation.kind == PP_ROLLBACK_PAIR ==>
          pp_same(back, at.source, operation.count); */
    /*@ assert taken: there != PP_ROLLBACK_APPLY && operation.kind == PP_ROLLBACK_COPY ==>
          pp_same(back, at.source, operation.count); */
    /*@ assert parted: there != PP_ROLLBACK_APPLY && operation.kind == PP_ROLLBACK_PAIR ==>
          pp_same(back, at.source, operation.count); */
    return true;
}

/* A literal that one direction wrote is one that the other finds: it is skipped, and the source is
   where it was. */
/*@ requires operation.kind == PP_ROLLBACK_NEW || operation.kind == PP_ROLLBACK_OLD;
    requires pp_operation_is_valid(operation.kind, operation.delta, operation.count);
    requires there == PP_ROLLBACK_APPLY <==> operation.kind == PP_ROLLBACK_NEW;
    requires there == PP_ROLLBACK_APPLY <==> other != PP_ROLLBACK_APPLY;
    requires \valid(at.out + (0 .. operation.count - 1));
    requires operation.kind == PP_ROLLBACK_NEW ==>
      \valid_read(at.new_literals + (0 .. operation.count - 1))
      && \separated(at.out + (0 .. operation.count - 1),
                    at.new_literals + (0 .. operation.count - 1));
    requires operation.kind == PP_ROLLBACK_OLD ==>
      \valid_read(at.old_literals + (0 .. operation.count - 1))
      && \separated(at.out + (0 .. operation.count - 1),
                    at.old_literals + (0 .. operation.count - 1));
    assigns at.out[0 .. operation.count - 1];
    ensures found: \result; */
bool pp_literal_there_and_back(enum pp_rollback_direction there, enum pp_rollback_direction other,
                               struct pp_rollback_operation operation,
                               struct pp_rollback_places at);

bool pp_literal_there_and_back(enum pp_rollback_direction there, enum pp_rollback_direction other,
                               struct pp_rollback_operation operation,
                               struct pp_rollback_places at)
{
    const struct pp_rollback_places again = {at.deltas, at.new_literals, at.old_literals, at.out,
                                             at.out};
    if (!pp_rollback_operation_run(there, operation, at)) {
        //@ assert writes: \false;
        return false;
    }
    /*@ assert written: operation.kind == PP_ROLLBACK_NEW
        ? pp_same(at.out, at.new_literals, operation.count)
        : pp_same(at.out, at.old_literals, operation.count); */
    return pp_rollback_operation_run(other, operation, again);
}

/*@ // Each map and its inverse, both ways.
    lemma pp_zigzag16_back: \forall integer v; 0 <= v < 0x10000 ==>
      pp_unzigzag(pp_zigzag(v, 0x10000), 0x10000) == v
      && pp_zigzag(pp_unzigzag(v, 0x10000), 0x10000) == v;
    lemma pp_zigzag32_back: \forall integer v; 0 <= v < 0x100000000 ==>
      pp_unzigzag(pp_zigzag(v, 0x100000000), 0x100000000) == v
      && pp_zigzag(pp_unzigzag(v, 0x100000000), 0x100000000) == v;
    lemma pp_order16_back: \forall integer v; 0 <= v < 0x10000 ==>
      pp_unorder(pp_order(v, 0x10000), 0x10000) == v
      && pp_order(pp_unorder(v, 0x10000), 0x10000) == v;
    lemma pp_order32_back: \forall integer v; 0 <= v < 0x100000000 ==>
      pp_unorder(pp_order(v, 0x100000000), 0x100000000) == v
      && pp_order(pp_unorder(v, 0x100000000), 0x100000000) == v;
    lemma pp_xor_back: \forall uint8_t a, b; (uint8_t)((uint8_t)(a ^ b) ^ b) == a; */
