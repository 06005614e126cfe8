/* SPDX-License-Identifier: MIT */
/* The byte loops of Copy and Pair.  The build compiles this folder with -O3, so that gcc makes
   vector instructions of them. */
#include "rollback_internal.h"

#include "../base/base.h"

static void add_one(uint8_t delta, const uint8_t *restrict source, uint8_t *restrict out, size_t n)
{
    for (size_t i = 0; i < n; i++)
        out[i] = (uint8_t)((source[i] + (unsigned)delta) % 0x100);
}

static void add_each(const uint8_t *restrict deltas, const uint8_t *restrict source,
                     uint8_t *restrict out, size_t n)
{
    for (size_t i = 0; i < n; i++)
        out[i] = (uint8_t)((source[i] + (unsigned)deltas[i]) % 0x100);
}

static void take_each(const uint8_t *restrict deltas, const uint8_t *restrict source,
                      uint8_t *restrict out, size_t n)
{
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
