/* SPDX-License-Identifier: MIT */
/* The life of a key's window: its rule, beginning, growth, and when it may be forgotten. */
#include "limiter_internal.h"

/* ceil(a / b) for b > 0, without overflow. */
/*@ requires 0 < b;
    assigns \nothing;
    ensures a == 0 ==> \result == 0;
    ensures a > 0 ==> \result > 0 && (\result - 1) * b < a <= \result * b;
*/
static uint64_t divide_up(uint64_t a, uint64_t b)
{
    return a / b + (a % b != 0);
}

enum pp_error pp_limiter_rule_init(struct pp_limiter_rule *rule, uint64_t limit, uint64_t window_ns,
                                   uint64_t tick_ns)
{
    if (limit == 0 || limit > PP_WINDOW_LIMIT_MAX || window_ns == 0)
        return PP_ERROR_ARGUMENT;
    if (tick_ns == 0)
        tick_ns = divide_up(window_ns, PP_WINDOW_TICKS_MAX);
    uint64_t ticks = divide_up(window_ns, tick_ns);
    if (ticks > PP_WINDOW_TICKS_MAX)
        return PP_ERROR_ARGUMENT;
    rule->tick_ns = tick_ns;
    rule->limit = (uint32_t)limit;
    rule->window_ticks = (uint32_t)ticks;
    return PP_OK;
}

void pp_window_init(struct pp_window *window, uint32_t capacity, uint64_t now)
{
    window->newest = now;
    window->mark = (uint32_t)(now % PP_STAMP_RANGE);
    window->head = 0;
    window->count = 0;
    window->young = 0;
    window->capacity = (uint16_t)capacity;
}

bool pp_window_is_valid(const struct pp_limiter_rule *rule, const struct pp_window *window)
{
    uint64_t lag =
        (window->newest % PP_STAMP_RANGE + PP_STAMP_RANGE - window->mark) % PP_STAMP_RANGE;
    return 0 < window->capacity && window->capacity <= rule->limit &&
           window->head < window->capacity && window->young <= window->count &&
           window->count <= window->capacity && lag < rule->window_ticks;
}

bool pp_window_is_idle(const struct pp_limiter_rule *rule, const struct pp_window *window,
                       uint64_t now)
{
    if (window->count == 0)
        return true;
    return now >= window->newest && now - window->newest >= rule->window_ticks;
}

uint32_t pp_window_capacity_for(const struct pp_limiter_rule *rule, const struct pp_window *window,
                                uint32_t weight)
{
    uint32_t needed = window->count + weight, doubled = 2 * (uint32_t)window->capacity;
    uint32_t capacity = needed > doubled ? needed : doubled;
    return capacity < rule->limit ? capacity : rule->limit;
}

/* to[at ..] = from[start ..], n stamps. */
/*@ requires \valid(to + (at .. at + n - 1)) && \valid_read(from + (start .. start + n - 1));
    requires \separated(to + (at .. at + n - 1), from + (start .. start + n - 1));
    requires at + n <= 65535 && start + n <= 65535;
    assigns to[at .. at + n - 1];
    ensures \forall integer i; at <= i < at + n ==> to[i] == \old(from[start + (i - at)]);
*/
static void copy_stamps(uint32_t *to, uint32_t at, const uint32_t *from, uint32_t start, uint32_t n)
{
    /*@ loop invariant 0 <= i <= n;
        loop invariant \forall integer j; at <= j < at + i ==>
          to[j] == \at(from[start + (j - at)], Pre);
        loop assigns i, to[at .. at + n - 1];
        loop variant n - i;
    */
    for (uint32_t i = 0; i < n; i++)
        to[at + i] = from[start + i];
}

void pp_window_grow(struct pp_window *window, const uint32_t *ring, uint32_t *grown,
                    uint32_t capacity)
{
    uint32_t head = window->head, count = window->count;
    /* Units that stand at the end of the ring, older than those before head. */
    uint32_t turned = count > head ? count - head : 0;
    copy_stamps(grown, 0, ring, window->capacity - turned, turned);
    copy_stamps(grown, turned, ring, head - (count - turned), count - turned);
    /*@ assert old: \forall integer i; 0 <= i < turned ==>
          grown[i] == ring[window->capacity - turned + i]; */
    /*@ assert ordered: \forall \list<integer> h;
          pp_ring_has(ring, head, window->capacity, count, h) ==> pp_ordered(grown, count, h); */
    window->head = (uint16_t)count;
    window->capacity = (uint16_t)capacity;
}
