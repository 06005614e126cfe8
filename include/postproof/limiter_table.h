/* SPDX-License-Identifier: MIT */
/* Many keys under one rule: a table of windows in memory that the caller gives, never more. */
#ifndef POSTPROOF_LIMITER_TABLE_H
#define POSTPROOF_LIMITER_TABLE_H

#include <stddef.h>
#include <stdint.h>

#include <postproof/bytes.h>
#include <postproof/limiter.h>

/* A limiter decides for any number of keys what pp_window decides for one, with the same theorems.
   Its memory is one block of the caller's (pp_limiter_memory tells how much), position-independent:
   it may be moved, saved and loaded whole.  Pages that no key needs are never touched.  One thread
   at a time may use a limiter; for several threads make one limiter a shard (pp_limiter_shard).

   State that still counts is never evicted.  When no room is left for a new key, or for one more
   stamp of a known one, the answer is PP_LIMITER_FULL (fail closed) or the key shares a tier, as
   config.tiers says; both are counted.

   A key is any bytes; only 128 bits of keyed SipHash (Aumasson, Bernstein 2012) stand for it: two
   keys of a table with n keys share their state with a probability of about n * 2^-65. */

struct pp_limiter; /* in the caller's memory, aligned to 64 bytes */

/* Who asks: the hash of a key under the limiter's secret. */
struct pp_limiter_key {
    uint64_t low, high;
};

enum pp_limiter_verdict {
    PP_LIMITER_DENY = 0,       /* over the limit; nothing was charged */
    PP_LIMITER_ADMIT = 1,      /* charged, or chargeable when only asked */
    PP_LIMITER_IMPOSSIBLE = 2, /* the weight is 0 or exceeds the limit */
    PP_LIMITER_FULL = 3,       /* no memory for this key: denied, nothing was charged */
    PP_LIMITER_WAITING = 4     /* denied: within one window after a restart that kept no state */
};

struct pp_limiter_config {
    uint64_t limit; /* units in a window: 1 .. PP_WINDOW_LIMIT_MAX; 1 .. 2^32 - 1 with buckets */
    uint64_t window_ns;  /* 1 ns or more */
    uint64_t tick_ns;    /* 0: the smallest that the window allows */
    uint64_t keys;       /* live keys that fit at the same time: 1 .. 2^31 */
    uint64_t ring_bytes; /* memory for rings; 0: enough for every key at its full limit */
    uint32_t buckets;    /* 0: exact; 2 .. PP_BUCKETS_MAX: bounded memory, may deny early */
    uint32_t tiers;      /* 0: fail closed; else keys without room share so many windows */
    uint8_t secret[16];  /* SipHash key, random, not known to those who send keys */
};

struct pp_limiter_stats {
    uint64_t keys;          /* slots in use, idle ones that nobody has reclaimed included */
    uint64_t key_slots;     /* slots in all */
    uint64_t ring_bytes;    /* in use by rings */
    uint64_t ring_touched;  /* ever in use: what the process really holds */
    uint64_t ring_capacity; /* bytes for rings in all */
    uint64_t admitted, denied, waiting; /* decisions that charged; that were over; in the wait */
    uint64_t full;                      /* denied for want of memory */
    uint64_t shared;                    /* decisions taken by a shared tier */
    uint64_t reclaimed;                 /* idle keys forgotten */
};

/* Bytes that a limiter of this configuration needs; 0 when a field is out of its range. */
size_t pp_limiter_memory(const struct pp_limiter_config *config);

/* A limiter without keys in memory (aligned to 64, all zeros: fresh pages or cleared).  With
   wait = true nothing is admitted in the first window from now on: the way to start when earlier
   admissions are not known.  PP_ERROR_ARGUMENT: a field is out of its range; PP_ERROR_NO_SPACE:
   bytes is less than pp_limiter_memory. */
PP_MUST_CHECK enum pp_error pp_limiter_init(void *memory, size_t bytes,
                                            const struct pp_limiter_config *config, uint64_t now_ns,
                                            bool wait, struct pp_limiter **limiter);

/* The limiter in memory that was saved whole, with the rings' stamps in the same clock.
   PP_ERROR_FORMAT: the memory holds no limiter of that configuration (whose secret is not
   compared: the saved one stays). */
PP_MUST_CHECK enum pp_error pp_limiter_load(void *memory, size_t bytes,
                                            const struct pp_limiter_config *config,
                                            struct pp_limiter **limiter);

/* The key's hash. */
struct pp_limiter_key pp_limiter_key(const struct pp_limiter *limiter, struct pp_bytes key);
/* The shard for a key, of so many (a power of two); shards have the same secret. */
uint32_t pp_limiter_shard(struct pp_limiter_key key, uint32_t shards);

/* Decides at now_ns, a monotonic clock, and charges weight units when the verdict is ADMIT. */
enum pp_limiter_verdict pp_limiter_admit(struct pp_limiter *limiter, struct pp_limiter_key key,
                                         uint64_t now_ns, uint64_t weight);
/* Many requests of weight 1 in their order: verdicts[i] is what pp_limiter_admit would answer. */
void pp_limiter_admit_batch(struct pp_limiter *limiter, const struct pp_limiter_key *keys, size_t n,
                            uint64_t now_ns, uint8_t *verdicts);
/* The verdict of pp_limiter_admit without the charge. */
enum pp_limiter_verdict pp_limiter_peek(const struct pp_limiter *limiter, struct pp_limiter_key key,
                                        uint64_t now_ns, uint64_t weight);
/* As peek, and makes room: after ADMIT, pp_limiter_admit with the same arguments admits, if no
   other call on this limiter comes between.  For several rules at once: prepare all, then admit all
   or none. */
enum pp_limiter_verdict pp_limiter_prepare(struct pp_limiter *limiter, struct pp_limiter_key key,
                                           uint64_t now_ns, uint64_t weight);

/* Nanoseconds until a request of this weight is admitted if none comes before it; 0: now;
   PP_LIMITER_NEVER: never.  Rounded up to the tick. */
uint64_t pp_limiter_wait_ns(const struct pp_limiter *limiter, struct pp_limiter_key key,
                            uint64_t now_ns, uint64_t weight);
/* Units that are left in the key's window. */
uint64_t pp_limiter_remaining(const struct pp_limiter *limiter, struct pp_limiter_key key,
                              uint64_t now_ns);

/* Looks at the next `slots` slots and forgets the keys that are idle.  Admitting does a little of
   this by itself; a daemon calls it when it has nothing else to do. */
void pp_limiter_sweep(struct pp_limiter *limiter, uint64_t now_ns, size_t slots);

void pp_limiter_stats(const struct pp_limiter *limiter, struct pp_limiter_stats *stats);

#endif
