/* SPDX-License-Identifier: MIT */
/* Exact sliding-window limits: at most `limit` units in every half-open window, for one key. */
#ifndef POSTPROOF_LIMITER_H
#define POSTPROOF_LIMITER_H

#include <stdbool.h>
#include <stdint.h>

#include <postproof/error.h>

/* Time is an integer number of ticks, an argument of every call; nothing here reads a clock.  The
   tick belongs to the rule (pp_limiter_rule_init); docs/adr/0012-limiter-ticks.md says what the
   theorems mean in nanoseconds.  A time before the key's latest admission counts as the time of
   that admission, so that a clock that goes back never opens a window.

   A request has a weight of 1 .. limit units and is admitted whole or not at all.
     - At most `limit` units are admitted in every half-open window of `window_ticks`.
     - A request is denied at time t only when the units admitted in (t - window_ticks, t] and its
       own weight together exceed `limit`.
   Both are postconditions of pp_window_admit and pp_wide_admit in src/limiter/limiter_internal.h.

   All memory is the caller's: the state of a key and its ring, an array of `capacity` stamps that
   is passed beside the state and may move between calls.  States are plain data without pointers.
   One thread at a time may use a key.  A pointer is never NULL. */

enum {
    PP_WINDOW_LIMIT_MAX = 65535,    /* units: what the 16-bit fields of pp_window hold */
    PP_WIDE_LIMIT_MAX = 0x7fffffff, /* units in a window of 64-bit stamps */
    PP_BUCKETS_MAX = 4096           /* sub-buckets of the bounded-memory mode */
};
#define PP_WINDOW_TICKS_MAX 0x80000000U /* 2^31: two windows must fit into a 32-bit stamp */
#define PP_WIDE_TICKS_MAX 0x7fffffffffffffffU
#define PP_LIMITER_NEVER UINT64_MAX /* a wait without an end: the weight exceeds the limit */

/* Zero denies, so that a forgotten verdict never admits. */
enum pp_window_verdict {
    PP_WINDOW_DENY = 0,  /* not now; nothing was charged */
    PP_WINDOW_ADMIT = 1, /* charged (pp_*_admit) or chargeable (pp_*_peek) */
    PP_WINDOW_GROW = 2,  /* to be admitted, but the ring is too small: grow it and ask again */
    PP_WINDOW_NEVER = 3  /* the weight is 0 or exceeds the limit; nothing was charged */
};

/* A rule, shared by its keys.  Filled by pp_limiter_rule_init. */
struct pp_limiter_rule {
    uint64_t tick_ns;      /* nanoseconds of a tick, at least 1 */
    uint32_t limit;        /* units: 1 .. PP_WINDOW_LIMIT_MAX */
    uint32_t window_ticks; /* 1 .. PP_WINDOW_TICKS_MAX */
};

/* Checks and converts: a window of window_ns in ticks of tick_ns, rounded up.  A tick_ns of 0
   chooses the smallest tick that 32-bit stamps allow: 1 ns up to 2.1 s, 28 ns for a minute.
   PP_ERROR_ARGUMENT when limit, window_ns or the number of ticks is 0 or too large; *rule is
   unchanged then. */
PP_MUST_CHECK enum pp_error pp_limiter_rule_init(struct pp_limiter_rule *rule, uint64_t limit,
                                                 uint64_t window_ns, uint64_t tick_ns);

/* ---- One key, stamps of 32 bits: up to 65,535 units, memory 24 + 4 * capacity bytes ---------- */

struct pp_window {
    uint64_t newest;   /* tick of the latest admission, or of pp_window_init */
    uint32_t mark;     /* low 32 bits of a tick within window_ticks before newest */
    uint32_t handle;   /* for the caller (where the ring is); never read or written here */
    uint16_t head;     /* ring slot to write next */
    uint16_t count;    /* units in the ring */
    uint16_t young;    /* how many of them were admitted since the mark */
    uint16_t capacity; /* slots of the ring: 1 .. limit */
};

/* A key without units.  The caller vouches that none was admitted in (now - window_ticks, now]:
   the key is new, was pp_window_is_idle, or a restart waited.  window->handle is unchanged. */
void pp_window_init(struct pp_window *window, uint32_t capacity, uint64_t now);

/* Whether the numbers of a state that was read from a file fit its rule: check before use. */
PP_MUST_CHECK bool pp_window_is_valid(const struct pp_limiter_rule *rule,
                                      const struct pp_window *window);

/* Decides without charging. */
enum pp_window_verdict pp_window_peek(const struct pp_limiter_rule *rule,
                                      const struct pp_window *window, const uint32_t *ring,
                                      uint64_t now, uint32_t weight);

/* Decides, and charges weight units at now (or at window->newest, when that is later) if the
   verdict is PP_WINDOW_ADMIT; with every other verdict nothing changes.  Constant time for a weight
   of 1: two stamps read, one written; a weight of w writes w stamps. */
enum pp_window_verdict pp_window_admit(const struct pp_limiter_rule *rule, struct pp_window *window,
                                       uint32_t *ring, uint64_t now, uint32_t weight);

/* Ticks until a request of this weight is admitted if none comes before it, counted from now or
   from window->newest, when that is later: 0 for at once, PP_LIMITER_NEVER when weight is 0 or
   exceeds the limit.  Constant time. */
uint64_t pp_window_wait(const struct pp_limiter_rule *rule, const struct pp_window *window,
                        const uint32_t *ring, uint64_t now, uint32_t weight);

/* Units admitted in (now - window_ticks, now]; limit minus this is what remains.  O(log limit). */
uint32_t pp_window_used(const struct pp_limiter_rule *rule, const struct pp_window *window,
                        const uint32_t *ring, uint64_t now);

/* Nothing is left in the window: the key may be forgotten and begun again by pp_window_init at now
   or later.  Live state is what this refuses. */
bool pp_window_is_idle(const struct pp_limiter_rule *rule, const struct pp_window *window,
                       uint64_t now);

/* The capacity to grow to after PP_WINDOW_GROW: at least double, enough for weight, at most the
   limit.  With that ring the same request gets another verdict. */
uint32_t pp_window_capacity_for(const struct pp_limiter_rule *rule, const struct pp_window *window,
                                uint32_t weight);

/* Moves the stamps, oldest first, into a larger ring that does not overlap the old one. */
void pp_window_grow(struct pp_window *window, const uint32_t *ring, uint32_t *grown,
                    uint32_t capacity);

/* ---- One key, stamps of 64 bits: exact in nanoseconds whatever the window -------------------- */

struct pp_wide_rule {
    uint64_t window_ticks; /* 1 .. PP_WIDE_TICKS_MAX */
    uint32_t limit;        /* units: 1 .. PP_WIDE_LIMIT_MAX */
};

struct pp_wide {
    uint64_t newest;   /* tick of the latest admission, or of pp_wide_init */
    uint32_t head;     /* ring slot to write next */
    uint32_t count;    /* units in the ring */
    uint32_t capacity; /* slots of the ring: 1 .. limit */
};

/* As their pp_window counterparts. */
void pp_wide_init(struct pp_wide *wide, uint32_t capacity, uint64_t now);
enum pp_window_verdict pp_wide_peek(const struct pp_wide_rule *rule, const struct pp_wide *wide,
                                    const uint64_t *ring, uint64_t now, uint32_t weight);
enum pp_window_verdict pp_wide_admit(const struct pp_wide_rule *rule, struct pp_wide *wide,
                                     uint64_t *ring, uint64_t now, uint32_t weight);
uint64_t pp_wide_wait(const struct pp_wide_rule *rule, const struct pp_wide *wide,
                      const uint64_t *ring, uint64_t now, uint32_t weight);
uint32_t pp_wide_capacity_for(const struct pp_wide_rule *rule, const struct pp_wide *wide,
                              uint32_t weight);
void pp_wide_grow(struct pp_wide *wide, const uint64_t *ring, uint64_t *grown, uint32_t capacity);

/* ---- One slot of the R-slot scheme: for shards and leases ------------------------------------ */

/* A slot admits one unit in each window.  Any R slots together admit at most R units in every
   window, whatever the order in which they are used and wherever they are kept. */
struct pp_slot {
    uint64_t stamp; /* tick of its latest admission */
    bool used;      /* false: it has not admitted anything yet */
};

/* Admits and stamps the slot when it is unused or now >= stamp and now - stamp >= window_ticks. */
PP_MUST_CHECK bool pp_slot_admit(struct pp_slot *slot, uint64_t now, uint64_t window_ticks);
/* The same question, without charging. */
bool pp_slot_peek(const struct pp_slot *slot, uint64_t now, uint64_t window_ticks);

/* ---- Large limits in bounded memory: never over-admits, may deny early ----------------------- */

/* Time is cut into buckets of bucket_ticks; the units of the last `buckets` buckets count whole.
   Hence at most `limit` units in every window of (buckets - 1) * bucket_ticks, and a denial only
   when weight and the units admitted in the last buckets * bucket_ticks together exceed `limit`. */
struct pp_buckets_rule {
    uint64_t bucket_ticks; /* at least 1 */
    uint32_t limit;        /* units: at least 1 */
    uint32_t buckets;      /* 2 .. PP_BUCKETS_MAX */
};

struct pp_buckets {
    uint64_t current; /* number of the newest bucket: its ticks / bucket_ticks */
    uint32_t slot;    /* its place in counts */
    uint32_t total;   /* sum of the counts */
};

/* A key without units at now; counts is an array of rule->buckets that the caller keeps. */
void pp_buckets_init(const struct pp_buckets_rule *rule, struct pp_buckets *state, uint32_t *counts,
                     uint64_t now);
/* Charges weight units when the verdict is PP_WINDOW_ADMIT; never PP_WINDOW_GROW.  Expired buckets
   are cleared first: one store for each bucket length passed, rule->buckets at most.  A time before
   the newest bucket counts as being in it. */
enum pp_window_verdict pp_buckets_admit(const struct pp_buckets_rule *rule,
                                        struct pp_buckets *state, uint32_t *counts, uint64_t now,
                                        uint32_t weight);

#endif
