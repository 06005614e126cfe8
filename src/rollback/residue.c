/* SPDX-License-Identifier: MIT */
/* What is written down for a guessed field, and its inverse in either direction. */
#include "residue.h"

/*@ // Each direction gets its value back, whatever was guessed.
    lemma residue_there: \forall integer old, new, a, b;
      0 <= old < 0x100000000 ==> 0 <= new < 0x100000000
      ==> pp_difference32(new, old) != 0x9e3779b9
      ==> pp_new_value(old, b, pp_residue(old, new, a, b)) == new;
    lemma residue_back: \forall integer old, new, a, b;
      0 <= old < 0x100000000 ==> 0 <= new < 0x100000000
      ==> pp_difference32(new, old) != 0x9e3779b9
      ==> pp_old_value(new, a, pp_residue(old, new, a, b)) == old; */

uint32_t pp_rollback_sum32(uint32_t a, uint32_t b)
{
    return a <= 0xffffffff - b ? a + b : a - (0xffffffff - b) - 1;
}

uint32_t pp_rollback_difference32(uint32_t a, uint32_t b)
{
    return a >= b ? a - b : 0xffffffff - (b - a) + 1;
}

uint32_t pp_rollback_residue(uint32_t old_value, uint32_t new_value, uint32_t guess_of_old,
                             uint32_t guess_of_new)
{
    if (guess_of_new == new_value && guess_of_old == old_value)
        return 0;
    return new_value == old_value ? PP_ROLLBACK_SAME_MARK
                                  : pp_rollback_difference32(new_value, old_value);
}

uint32_t pp_rollback_from_residue(enum pp_rollback_direction direction, uint32_t source,
                                  uint32_t guess, uint32_t residue_read)
{
    if (residue_read == 0)
        return guess;
    if (residue_read == PP_ROLLBACK_SAME_MARK)
        return source;
    return direction == PP_ROLLBACK_APPLY ? pp_rollback_sum32(source, residue_read)
                                          : pp_rollback_difference32(source, residue_read);
}
