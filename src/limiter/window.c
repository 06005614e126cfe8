/* SPDX-License-Identifier: MIT */
/* The sliding window of one key: decide, charge, and say how long to wait. */
#include "limiter_internal.h"

/* What the key's time is, in ticks after its newest admission: the clock never goes back. */
/*@ requires \valid_read(window);
    assigns \nothing;
    ensures window->newest + \result == pp_later(window->newest, now);
*/
static uint64_t idle_ticks(const struct pp_window *window, uint64_t now)
{
    return now > window->newest ? now - window->newest : 0;
}

/* Ticks from a stamp to the newest admission; sound while that is less than 2^32. */
/*@ assigns \nothing;
    ensures \result == pp_lag(newest, stamp);
    ensures \result < 0x100000000;
*/
static uint64_t lag_of(uint64_t newest, uint32_t stamp)
{
    return (newest % PP_STAMP_RANGE + PP_STAMP_RANGE - stamp) % PP_STAMP_RANGE;
}

/* Ticks from the unit admitted `age` units ago (1 is the latest) to the newest admission. */
/*@ requires pp_rule_is_valid(rule) && pp_window_shape(rule, window);
    requires pp_window_memory(rule, window, ring);
    requires 1 <= age <= window->count;
    assigns \nothing;
    ensures bound: \result < 0x100000000;
    ensures lag: \forall \list<integer> h; pp_window_holds(rule, window, ring, h) ==>
      \result == window->newest - \nth(h, \length(h) - age);
*/
static uint64_t lag_at(const struct pp_limiter_rule *rule, const struct pp_window *window,
                       const uint32_t *ring, uint32_t age)
{
    (void)rule;
    uint32_t head = window->head;
    uint32_t slot = head >= age ? head - age : head + window->capacity - age;
    //@ assert age: pp_age(window->head, window->capacity, slot) == age;
    return lag_of(window->newest, ring[slot]);
}

/* Whether the unit admitted `age` units ago is still in the window. */
/*@ requires pp_rule_is_valid(rule) && pp_window_shape(rule, window);
    requires pp_window_memory(rule, window, ring);
    requires 1 <= age;
    assigns \nothing;
    ensures held: \result ==> age <= window->count;
    ensures live: \forall \list<integer> h; pp_window_holds(rule, window, ring, h) ==>
      (\result <==> pp_live(h, age, window->newest + idle, rule->window_ticks));
*/
static bool is_live(const struct pp_limiter_rule *rule, const struct pp_window *window,
                    const uint32_t *ring, uint64_t idle, uint32_t age)
{
    if (age > window->count || idle >= rule->window_ticks)
        return false;
    return idle + lag_at(rule, window, ring, age) < rule->window_ticks;
}

enum pp_window_verdict pp_window_peek(const struct pp_limiter_rule *rule,
                                      const struct pp_window *window, const uint32_t *ring,
                                      uint64_t now, uint32_t weight)
{
    if (weight == 0 || weight > rule->limit)
        return PP_WINDOW_NEVER;
    uint64_t idle = idle_ticks(window, now);
    if (is_live(rule, window, ring, idle, rule->limit - weight + 1))
        return PP_WINDOW_DENY;
    if (window->capacity == rule->limit)
        return PP_WINDOW_ADMIT;
    /* The ring may be reused only where its units have left the window. */
    if (weight > window->capacity ||
        is_live(rule, window, ring, idle, window->capacity - weight + 1))
        return PP_WINDOW_GROW;
    return PP_WINDOW_ADMIT;
}

/* Moves the key's time forward, and drops what has left the window so that the rest stays within
   two windows. */
/*@ requires pp_rule_is_valid(rule) && pp_window_shape(rule, window) && \valid(window);
    requires \separated(rule, window);
    requires window->newest + idle <= UINT64_MAX;
    assigns window->newest, window->mark, window->count, window->young;
    ensures clock: window->newest == \old(window->newest) + idle;
    ensures shape: pp_window_shape(rule, window);
    ensures fewer: window->count <= \old(window->count);
    ensures state: \forall uint32_t *ring, \list<integer> h;
      \separated(window, ring + (0 .. window->capacity - 1))
      && pp_window_holds{Pre}(rule, window, ring, h) ==>
        pp_window_holds{Post}(rule, window, ring, h);
*/
static void settle(const struct pp_limiter_rule *rule, struct pp_window *window, uint64_t idle)
{
    uint64_t before = window->newest;
    window->newest = before + idle;
    if (idle >= rule->window_ticks) {
        window->count = 0;
        window->young = 0;
        window->mark = (uint32_t)(window->newest % PP_STAMP_RANGE);
    } else if (idle + lag_of(before, window->mark) >= rule->window_ticks) {
        window->count = window->young;
        window->young = 0;
        window->mark = (uint32_t)(before % PP_STAMP_RANGE);
    }
}

/*@ requires \valid(ring + (from .. from + n - 1)) && from + n <= 65535;
    assigns ring[from .. from + n - 1];
    ensures \forall integer i; from <= i < from + n ==> ring[i] == stamp;
*/
static void fill(uint32_t *ring, uint32_t from, uint32_t n, uint32_t stamp)
{
    /*@ loop invariant 0 <= i <= n;
        loop invariant \forall integer j; from <= j < from + i ==> ring[j] == stamp;
        loop assigns i, ring[from .. from + n - 1];
        loop variant n - i;
    */
    for (uint32_t i = 0; i < n; i++)
        ring[from + i] = stamp;
}

/* Appends weight units at window->newest, over the oldest ones where the ring is full. */
/*@ requires pp_rule_is_valid(rule) && pp_window_shape(rule, window);
    requires pp_window_memory(rule, window, ring);
    requires 0 < weight <= window->capacity;
    assigns window->head, window->count, window->young, ring[0 .. window->capacity - 1];
    ensures shape: pp_window_shape(rule, window);
    ensures state: \forall \list<integer> h, g; pp_window_holds{Pre}(rule, window, ring, h)
      && pp_gone(h, window->capacity - weight, window->newest, rule->window_ticks)
      && pp_extends(h, g, window->newest, weight) ==> pp_window_holds{Post}(rule, window, ring, g);
*/
static void push(const struct pp_limiter_rule *rule, struct pp_window *window, uint32_t *ring,
                 uint32_t weight)
{
    (void)rule;
    uint32_t capacity = window->capacity, head = window->head;
    uint32_t stamp = (uint32_t)(window->newest % PP_STAMP_RANGE);
    uint32_t first = weight < capacity - head ? weight : capacity - head;
    fill(ring, head, first, stamp);
    fill(ring, 0, weight - first, stamp);
    uint32_t count = window->count + weight, young = window->young + weight;
    window->head = (uint16_t)(head + weight < capacity ? head + weight : head + weight - capacity);
    window->count = (uint16_t)(count < capacity ? count : capacity);
    window->young = (uint16_t)(young < capacity ? young : capacity);
}

enum pp_window_verdict pp_window_admit(const struct pp_limiter_rule *rule, struct pp_window *window,
                                       uint32_t *ring, uint64_t now, uint32_t weight)
{
    enum pp_window_verdict verdict = pp_window_peek(rule, window, ring, now, weight);
    if (verdict != PP_WINDOW_ADMIT)
        return verdict;
    settle(rule, window, idle_ticks(window, now));
    push(rule, window, ring, weight);
    return PP_WINDOW_ADMIT;
}

uint64_t pp_window_wait(const struct pp_limiter_rule *rule, const struct pp_window *window,
                        const uint32_t *ring, uint64_t now, uint32_t weight)
{
    if (weight == 0 || weight > rule->limit)
        return PP_LIMITER_NEVER;
    uint64_t idle = idle_ticks(window, now);
    uint32_t age = rule->limit - weight + 1;
    if (age > window->count || idle >= rule->window_ticks)
        return 0;
    uint64_t since = idle + lag_at(rule, window, ring, age);
    return since < rule->window_ticks ? rule->window_ticks - since : 0;
}

uint32_t pp_window_used(const struct pp_limiter_rule *rule, const struct pp_window *window,
                        const uint32_t *ring, uint64_t now)
{
    uint64_t idle = idle_ticks(window, now);
    /* Units up to age `low` are in the window, those from age `high` on are not. */
    uint32_t low = 0, high = (uint32_t)window->count + 1;
    /*@ loop invariant 0 <= low < high <= window->count + 1;
        loop invariant \forall \list<integer> h; pp_window_holds(rule, window, ring, h) ==>
          pp_live(h, low, window->newest + idle, rule->window_ticks)
          && pp_gone(h, high - 1, window->newest + idle, rule->window_ticks);
        loop assigns low, high;
        loop variant high - low;
    */
    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;
        if (is_live(rule, window, ring, idle, middle))
            low = middle;
        else
            high = middle;
    }
    return low;
}
