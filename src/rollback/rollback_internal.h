/* SPDX-License-Identifier: MIT */
/* The byte loops that the two ways of running a script share. */
#ifndef PP_ROLLBACK_INTERNAL_H
#define PP_ROLLBACK_INTERNAL_H

#include <postproof/rollback.h>

/* The buffers of each of these do not overlap. */

/* Bytes of a Copy: out[i] = source[i] + delta, or - delta when reverting, modulo 256. */
void pp_rollback_copy_bytes(enum pp_rollback_direction direction, uint8_t delta,
                            const uint8_t *source, uint8_t *out, size_t n);
/* Bytes of a Pair: out[i] = source[i] + deltas[i], or - deltas[i] when reverting, modulo 256. */
void pp_rollback_pair_bytes(enum pp_rollback_direction direction, const uint8_t *deltas,
                            const uint8_t *source, uint8_t *out, size_t n);

#endif
