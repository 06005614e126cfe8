/* SPDX-License-Identifier: MIT */
/* What is written down for a guessed field: docs/format/rollback.md, item "code". */
#ifndef PP_ROLLBACK_RESIDUE_H
#define PP_ROLLBACK_RESIDUE_H

#include <stdint.h>

#include <postproof/rollback.h>

/* Stands for equal values where a guess says otherwise.  A difference that hardly ever occurs: a
   block in which it does is not coded with guesses. */
#define PP_ROLLBACK_SAME_MARK UINT32_C(0x9e3779b9)

/*@ // Modulo 2^32, and what is written down for a field and read from it.
    logic integer pp_sum32(integer a, integer b) =
      a + b < 0x100000000 ? a + b : a + b - 0x100000000;
    logic integer pp_difference32(integer a, integer b) = a >= b ? a - b : a - b + 0x100000000;
    logic integer pp_residue(integer old, integer new, integer guess_of_old, integer guess_of_new) =
      guess_of_new == new && guess_of_old == old ? 0 :
      new == old ? 0x9e3779b9 : pp_difference32(new, old);
    logic integer pp_new_value(integer old, integer guess, integer residue) =
      residue == 0 ? guess : residue == 0x9e3779b9 ? old : pp_sum32(old, residue);
    logic integer pp_old_value(integer new, integer guess, integer residue) =
      residue == 0 ? guess : residue == 0x9e3779b9 ? new : pp_difference32(new, residue); */

/*@ assigns \nothing;
    ensures \result == pp_sum32(a, b); */
uint32_t pp_rollback_sum32(uint32_t a, uint32_t b);
/*@ assigns \nothing;
    ensures \result == pp_difference32(a, b); */
uint32_t pp_rollback_difference32(uint32_t a, uint32_t b);

/* 0 where both guesses are right: a direction does not know what the other one would guess, so that
   what it reads does not depend on that. */
/*@ assigns \nothing;
    ensures \result == pp_residue(old_value, new_value, guess_of_old, guess_of_new); */
uint32_t pp_rollback_residue(uint32_t old_value, uint32_t new_value, uint32_t guess_of_old,
                             uint32_t guess_of_new);

/* The target's value from the source's and from its guess. */
/*@ requires direction == PP_ROLLBACK_APPLY || direction == PP_ROLLBACK_REVERT;
    assigns \nothing;
    ensures apply: direction == PP_ROLLBACK_APPLY ==>
      \result == pp_new_value(source, guess, residue_read);
    ensures revert: direction == PP_ROLLBACK_REVERT ==>
      \result == pp_old_value(source, guess, residue_read); */
uint32_t pp_rollback_from_residue(enum pp_rollback_direction direction, uint32_t source,
                                  uint32_t guess, uint32_t residue_read);

#endif
