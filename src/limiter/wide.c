/* SPDX-License-Identifier: MIT */
/* The sliding window of one key with whole ticks: no stamp ever comes round. */
#include "limiter_internal.h"

/*@ requires \valid_read(wide);
    assigns \nothing;
    ensures \result == pp_later(wide->newest, now);
*/
static uint64_t time_of(const struct pp_wide *wide, uint64_t now)
{
    return now > wide->newest ? now : wide->newest;
}

/* The tick of the unit admitted `age` units ago (1 is the latest). */
/*@ requires pp_wide_shape(rule, wide) && pp_wide_memory(rule, wide, ring);
    requires 1 <= age <= wide->count;
    assigns \nothing;
    ensures \forall \list<integer> h; pp_wide_holds(rule, wide, ring, h) ==>
      \result == \nth(h, \length(h) - age);
*/
static uint64_t tick_at(const struct pp_wide_rule *rule, const struct pp_wide *wide,
                        const uint64_t *ring, uint32_t age)
{
    (void)rule;
    uint32_t head = wide->head;
    uint32_t slot = head >= age ? head - age : head + (wide->capacity - age);
    //@ assert age: pp_age(wide->head, wide->capacity, slot) == age;
    return ring[slot];
}

/* Ticks until the unit admitted `age` units ago leaves the window that ends at `now`; 0 when it has
   left it or there is none. */
/*@ requires pp_wide_shape(rule, wide) && pp_wide_memory(rule, wide, ring);
    requires 1 <= age && wide->newest <= now;
    assigns \nothing;
    ensures bounded: \result <= rule->window_ticks;
    ensures held: \result > 0 ==> age <= wide->count;
    ensures now: \forall \list<integer> h; pp_wide_holds(rule, wide, ring, h) ==>
      (\result > 0 <==> pp_live(h, age, now, rule->window_ticks));
    ensures until: \forall \list<integer> h, integer t; pp_wide_holds(rule, wide, ring, h)
      && now <= t ==> (pp_live(h, age, t, rule->window_ticks) <==> t < now + \result);
*/
static uint64_t ticks_left(const struct pp_wide_rule *rule, const struct pp_wide *wide,
                           const uint64_t *ring, uint64_t now, uint32_t age)
{
    if (age > wide->count)
        return 0;
    uint64_t tick = tick_at(rule, wide, ring, age);
    /* A state from a broken file may hold a tick in the future: it counts as now. */
    uint64_t since = tick < now ? now - tick : 0;
    return since < rule->window_ticks ? rule->window_ticks - since : 0;
}

void pp_wide_init(struct pp_wide *wide, uint32_t capacity, uint64_t now)
{
    wide->newest = now;
    wide->head = 0;
    wide->count = 0;
    wide->capacity = capacity;
}

enum pp_window_verdict pp_wide_peek(const struct pp_wide_rule *rule, const struct pp_wide *wide,
                                    const uint64_t *ring, uint64_t now, uint32_t weight)
{
    if (weight == 0 || weight > rule->limit)
        return PP_WINDOW_NEVER;
    uint64_t time = time_of(wide, now);
    //@ assert time: time == pp_later(wide->newest, now) && wide->newest <= time;
    if (ticks_left(rule, wide, ring, time, rule->limit - weight + 1) > 0)
        return PP_WINDOW_DENY;
    if (wide->capacity == rule->limit)
        return PP_WINDOW_ADMIT;
    /* The ring may be reused only where its units have left the window. */
    if (weight > wide->capacity ||
        ticks_left(rule, wide, ring, time, wide->capacity - weight + 1) > 0)
        return PP_WINDOW_GROW;
    return PP_WINDOW_ADMIT;
}

/*@ requires \valid(ring + (from .. from + n - 1)) && from + n <= 0x7fffffff;
    assigns ring[from .. from + n - 1];
    ensures \forall integer i; from <= i < from + n ==> ring[i] == tick;
*/
static void fill(uint64_t *ring, uint32_t from, uint32_t n, uint64_t tick)
{
    /*@ loop invariant 0 <= i <= n;
        loop invariant \forall integer j; from <= j < from + i ==> ring[j] == tick;
        loop assigns i, ring[from .. from + n - 1];
        loop variant n - i;
    */
    for (uint32_t i = 0; i < n; i++)
        ring[from + i] = tick;
}

/* Appends weight units at `tick`, over the oldest ones where the ring is full. */
/*@ requires pp_wide_shape(rule, wide) && pp_wide_memory(rule, wide, ring);
    requires 0 < weight <= wide->capacity && wide->newest <= tick;
    assigns wide->newest, wide->head, wide->count, ring[0 .. wide->capacity - 1];
    ensures shape: pp_wide_shape(rule, wide);
    ensures clock: wide->newest == tick;
    ensures state: \forall \list<integer> h, g; pp_wide_holds{Pre}(rule, wide, ring, h)
      && pp_gone(h, wide->capacity - weight, tick, rule->window_ticks)
      && pp_extends(h, g, tick, weight) ==> pp_wide_holds{Post}(rule, wide, ring, g);
*/
static void push(const struct pp_wide_rule *rule, struct pp_wide *wide, uint64_t *ring,
                 uint64_t tick, uint32_t weight)
{
    (void)rule;
    uint32_t capacity = wide->capacity, head = wide->head;
    uint32_t first = weight < capacity - head ? weight : capacity - head;
    fill(ring, head, first, tick);
    fill(ring, 0, weight - first, tick);
    uint32_t count = wide->count + weight;
    wide->newest = tick;
    wide->head = weight < capacity - head ? head + weight : weight - first;
    wide->count = count < capacity ? count : capacity;
}

enum pp_window_verdict pp_wide_admit(const struct pp_wide_rule *rule, struct pp_wide *wide,
                                     uint64_t *ring, uint64_t now, uint32_t weight)
{
    enum pp_window_verdict verdict = pp_wide_peek(rule, wide, ring, now, weight);
    if (verdict != PP_WINDOW_ADMIT)
        return verdict;
    push(rule, wide, ring, time_of(wide, now), weight);
    return PP_WINDOW_ADMIT;
}

uint64_t pp_wide_wait(const struct pp_wide_rule *rule, const struct pp_wide *wide,
                      const uint64_t *ring, uint64_t now, uint32_t weight)
{
    if (weight == 0 || weight > rule->limit)
        return PP_LIMITER_NEVER;
    uint64_t time = time_of(wide, now);
    //@ assert time: time == pp_later(wide->newest, now) && wide->newest <= time;
    uint32_t age = rule->limit - weight + 1;
    //@ assert age: age == rule->limit - weight + 1;
    return ticks_left(rule, wide, ring, time, age);
}

uint32_t pp_wide_capacity_for(const struct pp_wide_rule *rule, const struct pp_wide *wide,
                              uint32_t weight)
{
    uint32_t needed = wide->count + weight, doubled = 2 * wide->capacity;
    uint32_t capacity = needed > doubled ? needed : doubled;
    return capacity < rule->limit ? capacity : rule->limit;
}

/* to[at ..] = from[start ..], n ticks. */
/*@ requires \valid(to + (at .. at + n - 1)) && \valid_read(from + (start .. start + n - 1));
    requires \separated(to + (at .. at + n - 1), from + (start .. start + n - 1));
    requires at + n <= 0x7fffffff && start + n <= 0x7fffffff;
    assigns to[at .. at + n - 1];
    ensures \forall integer i; at <= i < at + n ==> to[i] == \old(from[start + (i - at)]);
*/
static void copy_ticks(uint64_t *to, uint32_t at, const uint64_t *from, uint32_t start, uint32_t n)
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

void pp_wide_grow(struct pp_wide *wide, const uint64_t *ring, uint64_t *grown, uint32_t capacity)
{
    uint32_t head = wide->head, count = wide->count;
    /* Units that stand at the end of the ring, older than those before head. */
    uint32_t turned = count > head ? count - head : 0;
    copy_ticks(grown, 0, ring, wide->capacity - turned, turned);
    copy_ticks(grown, turned, ring, head - (count - turned), count - turned);
    /*@ assert old: \forall integer i; 0 <= i < turned ==>
          grown[i] == ring[wide->capacity - turned + i]; */
    /*@ assert ordered: \forall \list<integer> h;
          pp_wide_ring_has(ring, head, wide->capacity, count, h) ==>
            pp_wide_ordered(grown, count, h); */
    wide->head = count;
    wide->capacity = capacity;
}
