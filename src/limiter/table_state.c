/* SPDX-License-Identifier: MIT */
/* The state of one key of a table: a window whose ring grows with the traffic, or sub-buckets. */

#include "table.h"

#include <string.h>

static bool is_exact(const struct pp_limiter *limiter)
{
    return limiter->config.buckets == 0;
}

/* ---- Sub-buckets ---- */

static uint32_t *counts_of(const struct pp_limiter *limiter, const struct key_state *state)
{
    return pp_rings_at(limiter, state->counted.handle);
}

/* Units of the sub-buckets that still count at now. */
static uint64_t counted_used(const struct pp_limiter *limiter, const struct key_state *state,
                             uint64_t now)
{
    const struct pp_buckets *counted = &state->counted.state;
    uint64_t buckets = limiter->config.buckets, at = now / limiter->buckets_rule.bucket_ticks;
    if (at <= counted->current)
        return counted->total;
    if (at - counted->current >= buckets)
        return 0;
    uint64_t used = counted->total, passed = at - counted->current;
    for (uint64_t i = 1; i <= passed; i++)
        used -= counts_of(limiter, state)[(counted->slot + i) % buckets];
    return used;
}

/* Bucket by bucket: the first time at which enough units have left. */
static uint64_t counted_wait(const struct pp_limiter *limiter, const struct key_state *state,
                             uint64_t now, uint64_t weight)
{
    uint64_t length = limiter->buckets_rule.bucket_ticks, at = now;
    while (counted_used(limiter, state, at) > limiter->config.limit - weight)
        at = (at / length + 1) * length;
    return at - now;
}

/* ---- Either kind ---- */

bool pp_state_init(struct pp_limiter *limiter, struct key_state *state, uint64_t now)
{
    uint32_t cells;
    memset(state, 0, sizeof *state);
    if (is_exact(limiter)) {
        uint32_t limit = limiter->rule.limit;
        pp_window_init(&state->window, limit < INLINE_STAMPS ? limit : INLINE_STAMPS, now);
        return true;
    }
    if (!pp_rings_take(limiter, limiter->config.buckets, &state->counted.handle, &cells))
        return false;
    pp_buckets_init(&limiter->buckets_rule, &state->counted.state, counts_of(limiter, state), now);
    return true;
}

bool pp_state_is_idle(const struct pp_limiter *limiter, const struct key_state *state, uint64_t now)
{
    return is_exact(limiter) ? pp_window_is_idle(&limiter->rule, &state->window, now)
                             : counted_used(limiter, state, now) == 0;
}

void pp_state_release(struct pp_limiter *limiter, struct key_state *state)
{
    if (!is_exact(limiter))
        pp_rings_release(limiter, state->counted.handle, limiter->config.buckets);
    else if (state->window.capacity > INLINE_STAMPS)
        pp_rings_release(limiter, state->window.handle, state->window.capacity);
}

uint32_t *pp_state_ring(const struct pp_limiter *limiter, const struct key_state *state)
{
    return state->window.capacity > INLINE_STAMPS ? pp_rings_at(limiter, state->window.handle)
                                                  : (uint32_t *)(uintptr_t)state->stamps;
}

/* A larger ring; the old one is free again. */
static bool grow(struct pp_limiter *limiter, struct key_state *state, uint32_t weight)
{
    uint32_t wanted = pp_window_capacity_for(&limiter->rule, &state->window, weight);
    uint32_t handle, capacity;
    if (!pp_rings_take(limiter, wanted, &handle, &capacity))
        return false;
    struct pp_window before = state->window;
    pp_window_grow(&state->window, pp_state_ring(limiter, state), pp_rings_at(limiter, handle),
                   capacity);
    state->window.handle = handle;
    if (before.capacity > INLINE_STAMPS)
        pp_rings_release(limiter, before.handle, before.capacity);
    return true;
}

static enum pp_limiter_verdict verdict_of(enum pp_window_verdict verdict)
{
    static const uint8_t table[] = {[PP_WINDOW_DENY] = PP_LIMITER_DENY,
                                    [PP_WINDOW_ADMIT] = PP_LIMITER_ADMIT,
                                    [PP_WINDOW_GROW] = PP_LIMITER_FULL,
                                    [PP_WINDOW_NEVER] = PP_LIMITER_IMPOSSIBLE};
    return table[verdict];
}

enum pp_limiter_verdict pp_state_admit(struct pp_limiter *limiter, struct key_state *state,
                                       uint64_t now, uint64_t weight)
{
    if (!is_exact(limiter))
        return verdict_of(pp_buckets_admit(&limiter->buckets_rule, &state->counted.state,
                                           counts_of(limiter, state), now, (uint32_t)weight));
    enum pp_window_verdict verdict = pp_window_admit(
        &limiter->rule, &state->window, pp_state_ring(limiter, state), now, (uint32_t)weight);
    if (verdict == PP_WINDOW_GROW && grow(limiter, state, (uint32_t)weight))
        verdict = pp_window_admit(&limiter->rule, &state->window, pp_state_ring(limiter, state),
                                  now, (uint32_t)weight);
    return verdict_of(verdict);
}

enum pp_limiter_verdict pp_state_peek(const struct pp_limiter *limiter,
                                      const struct key_state *state, uint64_t now, uint64_t weight)
{
    if (!is_exact(limiter))
        return counted_used(limiter, state, now) > limiter->config.limit - weight
                   ? PP_LIMITER_DENY
                   : PP_LIMITER_ADMIT;
    enum pp_window_verdict verdict = pp_window_peek(
        &limiter->rule, &state->window, pp_state_ring(limiter, state), now, (uint32_t)weight);
    return verdict == PP_WINDOW_GROW ? PP_LIMITER_ADMIT : verdict_of(verdict);
}

bool pp_state_make_room(struct pp_limiter *limiter, struct key_state *state, uint64_t now,
                        uint64_t weight)
{
    return !is_exact(limiter) ||
           pp_window_peek(&limiter->rule, &state->window, pp_state_ring(limiter, state), now,
                          (uint32_t)weight) != PP_WINDOW_GROW ||
           grow(limiter, state, (uint32_t)weight);
}

uint64_t pp_state_used(const struct pp_limiter *limiter, const struct key_state *state,
                       uint64_t now)
{
    return is_exact(limiter)
               ? pp_window_used(&limiter->rule, &state->window, pp_state_ring(limiter, state), now)
               : counted_used(limiter, state, now);
}

uint64_t pp_state_wait(const struct pp_limiter *limiter, const struct key_state *state,
                       uint64_t now, uint64_t weight)
{
    return is_exact(limiter) ? pp_window_wait(&limiter->rule, &state->window,
                                              pp_state_ring(limiter, state), now, (uint32_t)weight)
                             : counted_wait(limiter, state, now, weight);
}
