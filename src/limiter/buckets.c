/* SPDX-License-Identifier: MIT */
/* Bounded memory for large limits: a ring of bucket counts, of which the oldest counts whole. */
#include "limiter_internal.h"

void pp_buckets_init(const struct pp_buckets_rule *rule, struct pp_buckets *state, uint32_t *counts,
                     uint64_t now)
{
    uint32_t buckets = rule->buckets;
    /*@ loop invariant 0 <= i <= buckets;
        loop invariant \forall integer j; 0 <= j < i ==> counts[j] == 0;
        loop assigns i, counts[0 .. buckets - 1];
        loop variant buckets - i;
    */
    for (uint32_t i = 0; i < buckets; i++)
        counts[i] = 0;
    //@ assert rule: rule->buckets == buckets && rule->limit == \at(rule->limit, Pre);
    state->current = now / rule->bucket_ticks;
    state->slot = 0;
    state->total = 0;
}

/* Begins the next bucket: the oldest one leaves the sum. */
/*@ requires pp_buckets_memory(rule, state, counts) && pp_buckets_shape(rule, state);
    assigns state->slot, state->total, counts[0 .. rule->buckets - 1];
    ensures shape: pp_buckets_shape(rule, state);
    ensures state: \forall \list<integer> h, integer empty; 0 <= empty
      && pp_buckets_hold{Pre}(rule, state, counts, h, empty) ==>
        pp_buckets_hold{Post}(rule, state, counts, h, empty + 1);
*/
static void next_bucket(const struct pp_buckets_rule *rule, struct pp_buckets *state,
                        uint32_t *counts)
{
    uint32_t slot = state->slot + 1 == rule->buckets ? 0 : state->slot + 1;
    //@ assert oldest: pp_bucket_age(state->slot, rule->buckets, slot) == rule->buckets;
    state->slot = slot;
    state->total -= counts[slot];
    counts[slot] = 0;
}

/* Lets `passed` empty buckets go by; after rule->buckets of them nothing is left to clear. */
/*@ requires pp_buckets_memory(rule, state, counts) && pp_buckets_shape(rule, state);
    assigns state->slot, state->total, counts[0 .. rule->buckets - 1];
    ensures shape: pp_buckets_shape(rule, state);
    ensures state: \forall \list<integer> h; pp_buckets_hold{Pre}(rule, state, counts, h, 0) ==>
      pp_buckets_hold{Post}(rule, state, counts, h, passed);
*/
static void pass_buckets(const struct pp_buckets_rule *rule, struct pp_buckets *state,
                         uint32_t *counts, uint64_t passed)
{
    uint32_t buckets = rule->buckets;
    uint32_t steps = passed < buckets ? (uint32_t)passed : buckets;
    /*@ loop invariant 0 <= i <= steps;
        loop invariant rule->buckets == buckets && rule->limit == \at(rule->limit, Pre);
        loop invariant pp_buckets_memory(rule, state, counts);
        loop invariant pp_buckets_shape(rule, state);
        loop invariant \forall \list<integer> h; pp_buckets_hold{Pre}(rule, state, counts, h, 0)
          ==> pp_buckets_hold(rule, state, counts, h, i);
        loop assigns i, state->slot, state->total, counts[0 .. buckets - 1];
        loop variant steps - i;
    */
    for (uint32_t i = 0; i < steps; i++)
        next_bucket(rule, state, counts);
    /*@ assert quiet: \forall \list<integer> h, integer empty; buckets <= empty
          && pp_buckets_hold(rule, state, counts, h, buckets) ==>
            pp_buckets_hold(rule, state, counts, h, empty); */
}

/* Adds to the newest bucket. */
/*@ requires pp_buckets_memory(rule, state, counts) && pp_buckets_shape(rule, state);
    requires state->total + weight <= rule->limit;
    assigns state->total, counts[0 .. rule->buckets - 1];
    ensures shape: pp_buckets_shape(rule, state);
    ensures state: \forall \list<integer> h, g, integer empty; 0 <= empty
      && pp_buckets_hold{Pre}(rule, state, counts, h, empty)
      && pp_buckets_extend(h, g, empty, weight) ==>
        pp_buckets_hold{Post}(rule, state, counts, g, 0);
*/
static void charge(const struct pp_buckets_rule *rule, struct pp_buckets *state, uint32_t *counts,
                   uint32_t weight)
{
    (void)rule;
    counts[state->slot] += weight;
    state->total += weight;
}

enum pp_window_verdict pp_buckets_admit(const struct pp_buckets_rule *rule,
                                        struct pp_buckets *state, uint32_t *counts, uint64_t now,
                                        uint32_t weight)
{
    if (weight == 0 || weight > rule->limit)
        return PP_WINDOW_NEVER;
    uint64_t bucket = now / rule->bucket_ticks;
    if (bucket > state->current) {
        pass_buckets(rule, state, counts, bucket - state->current);
        state->current = bucket;
    }
    if ((uint64_t)state->total + weight > rule->limit)
        return PP_WINDOW_DENY;
    /*@ assert last: \forall \list<integer> h, g, integer empty; 0 <= empty
          && pp_buckets_hold(rule, state, counts, h, empty)
          && pp_buckets_extend(h, g, empty, weight) ==>
            \nth(g, \length(g) - 1) - \nth(g, \length(g) - 1 - rule->buckets) <= rule->limit; */
    /*@ assert earlier: \forall \list<integer> h, g, integer empty, j; 0 <= empty
          && pp_growing(h) && rule->buckets < \length(h)
          && pp_buckets_bounded(h, rule->buckets, rule->limit)
          && pp_buckets_extend(h, g, empty, weight) && rule->buckets <= j < \length(g) - 1 ==>
            \nth(g, j) - \nth(g, j - rule->buckets) <= rule->limit; */
    charge(rule, state, counts, weight);
    return PP_WINDOW_ADMIT;
}
