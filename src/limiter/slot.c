/* SPDX-License-Identifier: MIT */
/* One slot of the R-slot scheme: it admits one unit in each window. */
#include "limiter_internal.h"

bool pp_slot_peek(const struct pp_slot *slot, uint64_t now, uint64_t window_ticks)
{
    if (!slot->used)
        return true;
    return now >= slot->stamp && now - slot->stamp >= window_ticks;
}

bool pp_slot_admit(struct pp_slot *slot, uint64_t now, uint64_t window_ticks)
{
    if (!pp_slot_peek(slot, now, window_ticks))
        return false;
    slot->stamp = now;
    slot->used = true;
    return true;
}
