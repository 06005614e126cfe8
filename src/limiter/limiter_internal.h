/* SPDX-License-Identifier: MIT */
/* The contracts of the limiter's core, proved by Frama-C/WP on the files of this folder. */
#ifndef PP_LIMITER_INTERNAL_H
#define PP_LIMITER_INTERNAL_H

#include <postproof/limiter.h>

/* Stamps keep the low 32 bits of a tick. */
#define PP_STAMP_RANGE 0x100000000U

/* How the theorems are stated.  A history is the list of the ticks of all admitted units, oldest
   first: a request of weight w adds its tick w times.  A contract that says "for all h" therefore
   speaks about every run of calls that led to the state.

   The ring holds the newest `count` units.  An older one has left the window for good: it is
   window_ticks or more before `newest` and time never goes below that.  All units in the ring lie
   less than two windows before `newest`, so that 32 bits name a tick without ambiguity: the units
   that are not `young` lie within one window before the mark, the young ones after it, and the mark
   within one window before `newest`.  An admission that finds the mark a window old drops all units
   that are not young, in constant time, and marks the then newest unit. */

/*@ // How many units ago ring slot i was written (1 = the latest); no modulo.
    logic integer pp_age(integer head, integer capacity, integer i) =
      i < head ? head - i : head - i + capacity;

    // The tick that a stamp names, seen from newest.
    logic integer pp_lag(integer newest, integer stamp) =
      (newest % 0x100000000 + 0x100000000 - stamp) % 0x100000000;

    lemma pp_lag_of_tick: \forall integer newest, tick;
      0 <= tick <= newest && newest - tick < 0x100000000 ==>
        pp_lag(newest, tick % 0x100000000) == newest - tick;

    logic integer pp_later(integer newest, integer now) = now < newest ? newest : now;

    predicate pp_sorted(\list<integer> h, integer newest) =
      (\forall integer i, j; 0 <= i <= j < \length(h) ==> \nth(h, i) <= \nth(h, j))
      && (\forall integer i; 0 <= i < \length(h) ==> 0 <= \nth(h, i) <= newest);

    // Never too many: limit + 1 consecutive units span at least window_ticks, so that no half-open
    // window of that length holds more than limit.
    predicate pp_spaced(\list<integer> h, integer limit, integer window_ticks) =
      \forall integer i; 0 <= i && i + limit < \length(h) ==>
        \nth(h, i + limit) - \nth(h, i) >= window_ticks;

    // The newest k units all lie in (t - window_ticks, t].
    predicate pp_live(\list<integer> h, integer k, integer t, integer window_ticks) =
      k <= \length(h) && (1 <= k ==> \nth(h, \length(h) - k) > t - window_ticks);

    // g is h and then weight units at t.
    predicate pp_extends(\list<integer> h, \list<integer> g, integer t, integer weight) =
      \length(g) == \length(h) + weight
      && (\forall integer j; 0 <= j < \length(h) ==> \nth(g, j) == \nth(h, j))
      && (\forall integer j; \length(h) <= j < \length(g) ==> \nth(g, j) == t);

    // All but the newest count units left the window before t.
    predicate pp_gone(\list<integer> h, integer count, integer t, integer window_ticks) =
      \forall integer j; 0 <= j < \length(h) - count ==> \nth(h, j) + window_ticks <= t;

    // Where the newest count units lie around the mark.
    predicate pp_marked(\list<integer> h, integer count, integer young, integer mark,
                        integer window_ticks) =
      (\forall integer j; \length(h) - count <= j < \length(h) - young ==>
         mark - window_ticks < \nth(h, j) <= mark)
      && (\forall integer j; \length(h) - young <= j < \length(h) ==> mark <= \nth(h, j));

    predicate pp_ring_has{L}(uint32_t *ring, integer head, integer capacity, integer count,
                             \list<integer> h) =
      \forall integer i; 0 <= i < capacity && pp_age(head, capacity, i) <= count ==>
        ring[i] == \nth(h, \length(h) - pp_age(head, capacity, i)) % 0x100000000;

    // The same in a ring that was never turned: the oldest unit first.
    predicate pp_ordered{L}(uint32_t *ring, integer count, \list<integer> h) =
      \forall integer i; 0 <= i < count ==>
        ring[i] == \nth(h, \length(h) - count + i) % 0x100000000;

    predicate pp_rule_is_valid{L}(struct pp_limiter_rule *rule) =
      \valid_read(rule) && 0 < rule->tick_ns && 0 < rule->limit <= 65535
      && 0 < rule->window_ticks <= 0x80000000;

    predicate pp_window_shape{L}(struct pp_limiter_rule *rule, struct pp_window *w) =
      0 < w->capacity <= rule->limit && w->head < w->capacity
      && w->young <= w->count <= w->capacity
      && pp_lag(w->newest, w->mark) < rule->window_ticks;

    predicate pp_window_memory{L}(struct pp_limiter_rule *rule, struct pp_window *w,
                                  uint32_t *ring) =
      \valid(w) && \valid(ring + (0 .. w->capacity - 1))
      && \separated(w, ring + (0 .. w->capacity - 1))
      && \separated(rule, w) && \separated(rule, ring + (0 .. w->capacity - 1));

    // The state is that of a key with history h.
    predicate pp_window_holds{L}(struct pp_limiter_rule *rule, struct pp_window *w,
                                 uint32_t *ring, \list<integer> h) =
      w->count <= \length(h) && pp_sorted(h, w->newest)
      && pp_gone(h, w->count, w->newest, rule->window_ticks)
      && pp_marked(h, w->count, w->young, w->newest - pp_lag(w->newest, w->mark),
                   rule->window_ticks)
      && pp_ring_has(ring, w->head, w->capacity, w->count, h);
*/

/*@ requires \valid(rule);
    assigns *rule;
    ensures result: \result == PP_OK || \result == PP_ERROR_ARGUMENT;
    ensures valid: \result == PP_OK ==> pp_rule_is_valid(rule) && rule->limit == limit
      && (tick_ns != 0 ==> rule->tick_ns == tick_ns);
    ensures window: \result == PP_OK ==>
      (rule->window_ticks - 1) * rule->tick_ns < window_ns <= rule->window_ticks * rule->tick_ns;
    ensures unchanged: \result != PP_OK ==> *rule == \old(*rule);
*/
enum pp_error pp_limiter_rule_init(struct pp_limiter_rule *rule, uint64_t limit, uint64_t window_ns,
                                   uint64_t tick_ns);

/*@ requires \valid(window) && 0 < capacity <= 65535;
    assigns window->newest, window->mark, window->head, window->count, window->young,
            window->capacity;
    ensures shape: \forall struct pp_limiter_rule *rule; pp_rule_is_valid(rule)
      && capacity <= rule->limit ==> pp_window_shape(rule, window);
    ensures values: window->capacity == capacity && window->newest == now && window->count == 0;
    ensures holds: \forall struct pp_limiter_rule *rule, uint32_t *ring, \list<integer> h;
      pp_sorted(h, now) && pp_gone(h, 0, now, rule->window_ticks) ==>
        pp_window_holds(rule, window, ring, h);
*/
void pp_window_init(struct pp_window *window, uint32_t capacity, uint64_t now);

/*@ requires pp_rule_is_valid(rule) && \valid_read(window);
    assigns \nothing;
    ensures shape: \result <==> pp_window_shape(rule, window);
*/
bool pp_window_is_valid(const struct pp_limiter_rule *rule, const struct pp_window *window);

/*@ requires pp_rule_is_valid(rule) && pp_window_shape(rule, window);
    requires pp_window_memory(rule, window, ring);
    assigns \nothing;
    ensures verdicts: \result == PP_WINDOW_DENY || \result == PP_WINDOW_ADMIT
      || \result == PP_WINDOW_GROW || \result == PP_WINDOW_NEVER;
    ensures never: \result == PP_WINDOW_NEVER <==> weight == 0 || weight > rule->limit;
    ensures exact: \forall \list<integer> h; pp_window_holds(rule, window, ring, h)
      && 0 < weight <= rule->limit ==>
        (\result == PP_WINDOW_DENY <==> pp_live(h, rule->limit - weight + 1,
           pp_later(window->newest, now), rule->window_ticks));
    ensures room: \forall \list<integer> h; \result == PP_WINDOW_ADMIT
      && pp_window_holds(rule, window, ring, h) ==>
        pp_gone(h, window->capacity - weight, pp_later(window->newest, now), rule->window_ticks);
    ensures fits: \result == PP_WINDOW_ADMIT ==> 0 < weight <= window->capacity;
    ensures full: \result == PP_WINDOW_GROW ==> window->capacity < rule->limit
      && window->capacity < window->count + weight;
*/
enum pp_window_verdict pp_window_peek(const struct pp_limiter_rule *rule,
                                      const struct pp_window *window, const uint32_t *ring,
                                      uint64_t now, uint32_t weight);

/*@ requires pp_rule_is_valid(rule) && pp_window_shape(rule, window);
    requires pp_window_memory(rule, window, ring);
    assigns window->newest, window->mark, window->head, window->count, window->young,
            ring[0 .. window->capacity - 1];
    ensures shape: pp_window_shape(rule, window);
    ensures verdicts: \result == PP_WINDOW_DENY || \result == PP_WINDOW_ADMIT
      || \result == PP_WINDOW_GROW || \result == PP_WINDOW_NEVER;
    ensures never: \result == PP_WINDOW_NEVER <==> weight == 0 || weight > rule->limit;
    ensures full: \result == PP_WINDOW_GROW ==> window->capacity < rule->limit
      && window->capacity < window->count + weight;
    ensures clock: \result == PP_WINDOW_ADMIT ==>
      window->newest == pp_later(\old(window->newest), now);
    ensures unchanged: \result != PP_WINDOW_ADMIT ==> *window == \old(*window)
      && (\forall integer i; 0 <= i < window->capacity ==> ring[i] == \old(ring[i]));
    ensures state: \forall \list<integer> h, g; \result == PP_WINDOW_ADMIT
      && pp_window_holds{Pre}(rule, window, ring, h)
      && pp_extends(h, g, window->newest, weight) ==> pp_window_holds{Post}(rule, window, ring, g);
    ensures never_too_many: \forall \list<integer> h, g; \result == PP_WINDOW_ADMIT
      && pp_window_holds{Pre}(rule, window, ring, h)
      && pp_extends(h, g, window->newest, weight)
      && pp_spaced(h, rule->limit, rule->window_ticks) ==>
        pp_spaced(g, rule->limit, rule->window_ticks);
    ensures never_too_few: \forall \list<integer> h; 0 < weight <= rule->limit
      && pp_window_holds{Pre}(rule, window, ring, h) ==>
        (\result == PP_WINDOW_DENY <==> pp_live(h, rule->limit - weight + 1,
           pp_later(\old(window->newest), now), rule->window_ticks));
*/
enum pp_window_verdict pp_window_admit(const struct pp_limiter_rule *rule, struct pp_window *window,
                                       uint32_t *ring, uint64_t now, uint32_t weight);

/*@ requires pp_rule_is_valid(rule) && pp_window_shape(rule, window);
    requires pp_window_memory(rule, window, ring);
    assigns \nothing;
    ensures never: weight == 0 || weight > rule->limit ==> \result == PP_LIMITER_NEVER;
    ensures bounded: 0 < weight <= rule->limit ==> \result <= rule->window_ticks;
    ensures until: \forall \list<integer> h, integer t; 0 < weight <= rule->limit
      && pp_window_holds(rule, window, ring, h) && pp_later(window->newest, now) <= t ==>
        (pp_live(h, rule->limit - weight + 1, t, rule->window_ticks) <==>
         t < pp_later(window->newest, now) + \result);
*/
uint64_t pp_window_wait(const struct pp_limiter_rule *rule, const struct pp_window *window,
                        const uint32_t *ring, uint64_t now, uint32_t weight);

/*@ requires pp_rule_is_valid(rule) && pp_window_shape(rule, window);
    requires pp_window_memory(rule, window, ring);
    assigns \nothing;
    ensures bounded: \result <= window->count;
    ensures used: \forall \list<integer> h; pp_window_holds(rule, window, ring, h) ==>
      pp_live(h, \result, pp_later(window->newest, now), rule->window_ticks)
      && pp_gone(h, \result, pp_later(window->newest, now), rule->window_ticks);
*/
uint32_t pp_window_used(const struct pp_limiter_rule *rule, const struct pp_window *window,
                        const uint32_t *ring, uint64_t now);

/*@ requires pp_rule_is_valid(rule) && \valid_read(window);
    assigns \nothing;
    ensures idle: \forall uint32_t *ring, \list<integer> h;
      \result && pp_window_holds(rule, window, ring, h) ==>
        pp_gone(h, 0, pp_later(window->newest, now), rule->window_ticks);
    ensures live: \forall uint32_t *ring, \list<integer> h;
      !\result ==> window->count > 0 && now - window->newest < rule->window_ticks;
*/
bool pp_window_is_idle(const struct pp_limiter_rule *rule, const struct pp_window *window,
                       uint64_t now);

/*@ requires pp_rule_is_valid(rule) && \valid_read(window) && pp_window_shape(rule, window);
    requires 0 < weight <= rule->limit && window->capacity < rule->limit;
    assigns \nothing;
    ensures larger: window->capacity < \result <= rule->limit;
    ensures enough: \result == rule->limit || window->count + weight <= \result;
*/
uint32_t pp_window_capacity_for(const struct pp_limiter_rule *rule, const struct pp_window *window,
                                uint32_t weight);

/*@ requires \valid(window) && window->capacity < capacity <= 65535;
    requires window->count <= window->capacity && window->head < window->capacity;
    requires \valid_read(ring + (0 .. window->capacity - 1));
    requires \valid(grown + (0 .. capacity - 1));
    requires \separated(window, ring + (0 .. window->capacity - 1), grown + (0 .. capacity - 1));
    assigns window->head, window->capacity, grown[0 .. capacity - 1];
    ensures values: window->capacity == capacity && window->head == window->count;
    // The other fields are not assigned: with this, pp_window_holds carries over to grown.
    ensures state: \forall \list<integer> h;
      pp_ring_has{Pre}(ring, \old(window->head), \old(window->capacity), window->count, h) ==>
        pp_ring_has{Post}(grown, window->head, window->capacity, window->count, h);
*/
void pp_window_grow(struct pp_window *window, const uint32_t *ring, uint32_t *grown,
                    uint32_t capacity);

/* ---- Whole ticks --------------------------------------------------------------------------- */

/*@ predicate pp_wide_ring_has{L}(uint64_t *ring, integer head, integer capacity, integer count,
                                  \list<integer> h) =
      \forall integer i; 0 <= i < capacity && pp_age(head, capacity, i) <= count ==>
        ring[i] == \nth(h, \length(h) - pp_age(head, capacity, i));

    predicate pp_wide_ordered{L}(uint64_t *ring, integer count, \list<integer> h) =
      \forall integer i; 0 <= i < count ==> ring[i] == \nth(h, \length(h) - count + i);

    predicate pp_wide_shape{L}(struct pp_wide_rule *rule, struct pp_wide *w) =
      0 < rule->limit <= 0x7fffffff && 0 < rule->window_ticks <= 0x7fffffffffffffff
      && 0 < w->capacity <= rule->limit && w->head < w->capacity && w->count <= w->capacity;

    predicate pp_wide_memory{L}(struct pp_wide_rule *rule, struct pp_wide *w, uint64_t *ring) =
      \valid_read(rule) && \valid(w) && \valid(ring + (0 .. w->capacity - 1))
      && \separated(w, ring + (0 .. w->capacity - 1))
      && \separated(rule, w) && \separated(rule, ring + (0 .. w->capacity - 1));

    predicate pp_wide_holds{L}(struct pp_wide_rule *rule, struct pp_wide *w, uint64_t *ring,
                               \list<integer> h) =
      w->count <= \length(h) && pp_sorted(h, w->newest)
      && pp_gone(h, w->count, w->newest, rule->window_ticks)
      && pp_wide_ring_has(ring, w->head, w->capacity, w->count, h);
*/

/*@ requires \valid(wide) && 0 < capacity <= 0x7fffffff;
    assigns *wide;
    ensures values: wide->capacity == capacity && wide->newest == now && wide->count == 0
      && wide->head == 0;
*/
void pp_wide_init(struct pp_wide *wide, uint32_t capacity, uint64_t now);

/*@ requires pp_wide_shape(rule, wide) && pp_wide_memory(rule, wide, ring);
    assigns \nothing;
    ensures verdicts: \result == PP_WINDOW_DENY || \result == PP_WINDOW_ADMIT
      || \result == PP_WINDOW_GROW || \result == PP_WINDOW_NEVER;
    ensures never: \result == PP_WINDOW_NEVER <==> weight == 0 || weight > rule->limit;
    ensures exact: \forall \list<integer> h; pp_wide_holds(rule, wide, ring, h)
      && 0 < weight <= rule->limit ==>
        (\result == PP_WINDOW_DENY <==> pp_live(h, rule->limit - weight + 1,
           pp_later(wide->newest, now), rule->window_ticks));
    ensures room: \forall \list<integer> h; \result == PP_WINDOW_ADMIT
      && pp_wide_holds(rule, wide, ring, h) ==>
        pp_gone(h, wide->capacity - weight, pp_later(wide->newest, now), rule->window_ticks);
    ensures fits: \result == PP_WINDOW_ADMIT ==> 0 < weight <= wide->capacity;
    ensures full: \result == PP_WINDOW_GROW ==> wide->capacity < rule->limit
      && wide->capacity < wide->count + weight;
*/
enum pp_window_verdict pp_wide_peek(const struct pp_wide_rule *rule, const struct pp_wide *wide,
                                    const uint64_t *ring, uint64_t now, uint32_t weight);

/*@ requires pp_wide_shape(rule, wide) && pp_wide_memory(rule, wide, ring);
    assigns wide->newest, wide->head, wide->count, ring[0 .. wide->capacity - 1];
    ensures shape: pp_wide_shape(rule, wide);
    ensures never: \result == PP_WINDOW_NEVER <==> weight == 0 || weight > rule->limit;
    ensures full: \result == PP_WINDOW_GROW ==> wide->capacity < rule->limit
      && wide->capacity < wide->count + weight;
    ensures clock: \result == PP_WINDOW_ADMIT ==>
      wide->newest == pp_later(\old(wide->newest), now);
    ensures unchanged: \result != PP_WINDOW_ADMIT ==> *wide == \old(*wide)
      && (\forall integer i; 0 <= i < wide->capacity ==> ring[i] == \old(ring[i]));
    ensures state: \forall \list<integer> h, g; \result == PP_WINDOW_ADMIT
      && pp_wide_holds{Pre}(rule, wide, ring, h)
      && pp_extends(h, g, wide->newest, weight) ==> pp_wide_holds{Post}(rule, wide, ring, g);
    ensures never_too_many: \forall \list<integer> h, g; \result == PP_WINDOW_ADMIT
      && pp_wide_holds{Pre}(rule, wide, ring, h) && pp_extends(h, g, wide->newest, weight)
      && pp_spaced(h, rule->limit, rule->window_ticks) ==>
        pp_spaced(g, rule->limit, rule->window_ticks);
    ensures never_too_few: \forall \list<integer> h; 0 < weight <= rule->limit
      && pp_wide_holds{Pre}(rule, wide, ring, h) ==>
        (\result == PP_WINDOW_DENY <==> pp_live(h, rule->limit - weight + 1,
           pp_later(\old(wide->newest), now), rule->window_ticks));
*/
enum pp_window_verdict pp_wide_admit(const struct pp_wide_rule *rule, struct pp_wide *wide,
                                     uint64_t *ring, uint64_t now, uint32_t weight);

/*@ requires pp_wide_shape(rule, wide) && pp_wide_memory(rule, wide, ring);
    assigns \nothing;
    ensures never: weight == 0 || weight > rule->limit ==> \result == PP_LIMITER_NEVER;
    ensures bounded: 0 < weight <= rule->limit ==> \result <= rule->window_ticks;
    ensures until: \forall \list<integer> h, integer t; 0 < weight <= rule->limit
      && pp_wide_holds(rule, wide, ring, h) && pp_later(wide->newest, now) <= t ==>
        (pp_live(h, rule->limit - weight + 1, t, rule->window_ticks) <==>
         t < pp_later(wide->newest, now) + \result);
*/
uint64_t pp_wide_wait(const struct pp_wide_rule *rule, const struct pp_wide *wide,
                      const uint64_t *ring, uint64_t now, uint32_t weight);

/*@ requires \valid_read(rule) && \valid_read(wide) && pp_wide_shape(rule, wide);
    requires 0 < weight <= rule->limit && wide->capacity < rule->limit;
    assigns \nothing;
    ensures larger: wide->capacity < \result <= rule->limit;
    ensures enough: \result == rule->limit || wide->count + weight <= \result;
*/
uint32_t pp_wide_capacity_for(const struct pp_wide_rule *rule, const struct pp_wide *wide,
                              uint32_t weight);

/*@ requires \valid(wide) && wide->capacity < capacity <= 0x7fffffff;
    requires wide->count <= wide->capacity && wide->head < wide->capacity;
    requires \valid_read(ring + (0 .. wide->capacity - 1));
    requires \valid(grown + (0 .. capacity - 1));
    requires \separated(wide, ring + (0 .. wide->capacity - 1), grown + (0 .. capacity - 1));
    assigns wide->head, wide->capacity, grown[0 .. capacity - 1];
    ensures values: wide->capacity == capacity && wide->head == wide->count;
    ensures state: \forall \list<integer> h;
      pp_wide_ring_has{Pre}(ring, \old(wide->head), \old(wide->capacity), wide->count, h) ==>
        pp_wide_ring_has{Post}(grown, wide->head, wide->capacity, wide->count, h);
*/
void pp_wide_grow(struct pp_wide *wide, const uint64_t *ring, uint64_t *grown, uint32_t capacity);

/* ---- One slot ------------------------------------------------------------------------------ */

/*@ predicate pp_slot_free{L}(struct pp_slot *slot, integer now, integer window_ticks) =
      slot->used == 0 || slot->stamp + window_ticks <= now;

    // The slot's history is h; its newest unit is the stamp.
    predicate pp_slot_holds{L}(struct pp_slot *slot, \list<integer> h) =
      (slot->used == 0 ==> \length(h) == 0)
      && (slot->used != 0 ==> 0 < \length(h) && \nth(h, \length(h) - 1) == slot->stamp);
*/

/*@ requires \valid_read(slot);
    assigns \nothing;
    ensures exact: \result <==> pp_slot_free(slot, now, window_ticks);
*/
bool pp_slot_peek(const struct pp_slot *slot, uint64_t now, uint64_t window_ticks);

// That slots spaced like this bound every window by their number is
// slots_bound_every_window in spec/Limiter.v: one slot is what one C call can see.
/*@ requires \valid(slot);
    assigns slot->stamp, slot->used;
    ensures exact: \result <==> pp_slot_free{Pre}(slot, now, window_ticks);
    ensures charged: \result ==> slot->stamp == now && slot->used;
    ensures unchanged: !\result ==> slot->stamp == \old(slot->stamp)
      && slot->used == \old(slot->used);
    ensures state: \forall \list<integer> h, g; \result && pp_slot_holds{Pre}(slot, h)
      && pp_extends(h, g, now, 1) ==> pp_slot_holds{Post}(slot, g);
    ensures never_too_many: \forall \list<integer> h, g; \result && pp_slot_holds{Pre}(slot, h)
      && pp_extends(h, g, now, 1) && pp_spaced(h, 1, window_ticks) ==>
        pp_spaced(g, 1, window_ticks);
*/
bool pp_slot_admit(struct pp_slot *slot, uint64_t now, uint64_t window_ticks);

/* ---- Buckets ------------------------------------------------------------------------------- */

/* A history of buckets is the list of how many units had been admitted by the end of each bucket,
   oldest bucket first and the current one last, with one entry for each bucket length, however
   quiet.  Before the key began there were at least rule->buckets empty ones. */

/*@ // The history followed by `empty` buckets without admissions.
    logic integer pp_by(\list<integer> h, integer j) =
      \nth(h, j < \length(h) ? j : \length(h) - 1);

    logic integer pp_bucket_age(integer slot, integer buckets, integer i) =
      i <= slot ? slot - i + 1 : slot - i + 1 + buckets;

    predicate pp_buckets_shape{L}(struct pp_buckets_rule *rule, struct pp_buckets *state) =
      0 < rule->bucket_ticks && 0 < rule->limit && 2 <= rule->buckets <= 4096
      && state->slot < rule->buckets;

    predicate pp_buckets_memory{L}(struct pp_buckets_rule *rule, struct pp_buckets *state,
                                   uint32_t *counts) =
      \valid_read(rule) && \valid(state) && \valid(counts + (0 .. rule->buckets - 1))
      && \separated(rule, state) && \separated(rule, counts + (0 .. rule->buckets - 1))
      && \separated(state, counts + (0 .. rule->buckets - 1));

    predicate pp_growing(\list<integer> h) =
      \forall integer i, j; 0 <= i <= j < \length(h) ==> \nth(h, i) <= \nth(h, j);

    predicate pp_counts_hold{L}(uint32_t *counts, integer slot, integer buckets,
                                \list<integer> h, integer n) =
      \forall integer i; 0 <= i < buckets ==>
        counts[i] == pp_by(h, n - pp_bucket_age(slot, buckets, i))
                     - pp_by(h, n - pp_bucket_age(slot, buckets, i) - 1);

    // The state is that of a key with history h and then `empty` buckets.
    predicate pp_buckets_hold{L}(struct pp_buckets_rule *rule, struct pp_buckets *state,
                                 uint32_t *counts, \list<integer> h, integer empty) =
      rule->buckets < \length(h) && pp_growing(h)
      && pp_counts_hold(counts, state->slot, rule->buckets, h, \length(h) + empty)
      && state->total == \nth(h, \length(h) - 1)
                         - pp_by(h, \length(h) + empty - 1 - rule->buckets);

    // g is h, `empty` buckets, and weight units in the last one.
    predicate pp_buckets_extend(\list<integer> h, \list<integer> g, integer empty,
                                integer weight) =
      \length(g) == \length(h) + empty
      && (\forall integer j; 0 <= j < \length(g) - 1 ==> \nth(g, j) == pp_by(h, j))
      && \nth(g, \length(g) - 1) == \nth(h, \length(h) - 1) + weight;

    // Never too many: any `buckets` consecutive buckets hold at most limit units.
    predicate pp_buckets_bounded(\list<integer> h, integer buckets, integer limit) =
      \forall integer j; buckets <= j < \length(h) ==>
        \nth(h, j) - \nth(h, j - buckets) <= limit;

    logic integer pp_passed(integer current, integer now, integer bucket_ticks) =
      now / bucket_ticks > current ? now / bucket_ticks - current : 0;
*/

/*@ requires \valid_read(rule) && \valid(state) && \valid(counts + (0 .. rule->buckets - 1));
    requires pp_buckets_memory(rule, state, counts);
    requires 0 < rule->bucket_ticks && 0 < rule->limit && 2 <= rule->buckets <= 4096;
    assigns *state, counts[0 .. rule->buckets - 1];
    ensures shape: pp_buckets_shape(rule, state);
    ensures current: state->current == now / rule->bucket_ticks;
    ensures state: \forall \list<integer> h; rule->buckets < \length(h)
      && (\forall integer j; 0 <= j < \length(h) ==> \nth(h, j) == 0) ==>
        pp_buckets_hold(rule, state, counts, h, 0);
*/
void pp_buckets_init(const struct pp_buckets_rule *rule, struct pp_buckets *state, uint32_t *counts,
                     uint64_t now);

/*@ requires pp_buckets_memory(rule, state, counts) && pp_buckets_shape(rule, state);
    assigns *state, counts[0 .. rule->buckets - 1];
    ensures shape: pp_buckets_shape(rule, state);
    ensures verdicts: \result == PP_WINDOW_DENY || \result == PP_WINDOW_ADMIT
      || \result == PP_WINDOW_NEVER;
    ensures never: \result == PP_WINDOW_NEVER <==> weight == 0 || weight > rule->limit;
    ensures unchanged: \result == PP_WINDOW_NEVER ==> *state == \old(*state);
    ensures clock: \result != PP_WINDOW_NEVER ==> state->current == \old(state->current)
      + pp_passed(\old(state->current), now, rule->bucket_ticks);
    ensures denied: \forall \list<integer> h; \result == PP_WINDOW_DENY
      && pp_buckets_hold{Pre}(rule, state, counts, h, 0) ==>
        pp_buckets_hold{Post}(rule, state, counts, h,
          pp_passed(\old(state->current), now, rule->bucket_ticks));
    ensures admitted: \forall \list<integer> h, g; \result == PP_WINDOW_ADMIT
      && pp_buckets_hold{Pre}(rule, state, counts, h, 0)
      && pp_buckets_extend(h, g, pp_passed(\old(state->current), now, rule->bucket_ticks),
                           weight) ==> pp_buckets_hold{Post}(rule, state, counts, g, 0);
    ensures never_too_many: \forall \list<integer> h, g; \result == PP_WINDOW_ADMIT
      && pp_buckets_hold{Pre}(rule, state, counts, h, 0)
      && pp_buckets_extend(h, g, pp_passed(\old(state->current), now, rule->bucket_ticks), weight)
      && pp_buckets_bounded(h, rule->buckets, rule->limit) ==>
        pp_buckets_bounded(g, rule->buckets, rule->limit);
    ensures denied_for: \forall \list<integer> h; \result == PP_WINDOW_DENY
      && pp_buckets_hold{Pre}(rule, state, counts, h, 0) ==>
        \nth(h, \length(h) - 1) - pp_by(h, \length(h) - 1 - rule->buckets
          + pp_passed(\old(state->current), now, rule->bucket_ticks)) + weight > rule->limit;
*/
enum pp_window_verdict pp_buckets_admit(const struct pp_buckets_rule *rule,
                                        struct pp_buckets *state, uint32_t *counts, uint64_t now,
                                        uint32_t weight);

#endif
