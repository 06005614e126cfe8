/* SPDX-License-Identifier: MIT */
/* The layout of a limiter's memory, shared by the files of the table. */
#ifndef PP_LIMITER_TABLE_H
#define PP_LIMITER_TABLE_H

#include <postproof/limiter_table.h>

/* The memory holds, one after the other: this header, the fingerprints, the states, the tiers'
   states, the rings.  The fingerprints of a bucket fill one cache line, a state half of one.  A key
   may be in any slot of two buckets (cuckoo hashing with buckets: Dietzfelbinger and Weidling 2007;
   the second bucket is found from the fingerprint alone: Fan et al. 2014). */

enum {
    BUCKET_SLOTS = 8,
    INLINE_STAMPS = 2,
    RING_CLASSES = 6,
    LINE_BYTES = 64,
    NO_SLOT = -1 /* of an int64_t slot number */
};

/* A key whose sub-buckets are counted (config.buckets != 0). */
struct counted {
    struct pp_buckets state;
    uint32_t handle;
};

struct key_state {
    union {
        struct pp_window window;
        struct counted counted;
    };
    uint32_t stamps[INLINE_STAMPS]; /* the ring of a key that needs no longer one */
};

struct pp_limiter {
    uint8_t magic[8];
    struct pp_limiter_config config;
    struct pp_limiter_rule rule;            /* exact */
    struct pp_buckets_rule buckets_rule;    /* bounded memory */
    uint64_t tick_ns, window_ticks, latest; /* latest: the newest time seen, in ticks */
    uint64_t open_at;                       /* before it nothing is admitted */
    uint64_t buckets, slots;                /* of the table */
    uint64_t states_at, tiers_at, cells_at; /* offsets from this header */
    uint64_t cells, next_cell;              /* 4-byte cells for rings; the first never used */
    uint32_t class_cells[RING_CLASSES];     /* ascending; 0 behind the last */
    uint32_t free_cells[RING_CLASSES];      /* list heads: cell number + 1, or 0 */
    uint64_t sweep_at;                      /* slot to look at next */
    bool crowded;                           /* the latest search found no room */
    struct pp_limiter_stats stats;
};

uint64_t *pp_table_fingerprints(const struct pp_limiter *limiter);
struct key_state *pp_table_states(const struct pp_limiter *limiter);
struct key_state *pp_table_tiers(const struct pp_limiter *limiter);

/* ---- Rings (table_rings.c) ---- */

/* A ring of at least so many cells; false when there is no memory left. */
bool pp_rings_take(struct pp_limiter *limiter, uint32_t cells, uint32_t *handle,
                   uint32_t *class_cells);
void pp_rings_release(struct pp_limiter *limiter, uint32_t handle, uint32_t class_cells);
uint32_t *pp_rings_at(const struct pp_limiter *limiter, uint32_t handle);

/* ---- Slots (table_slots.c) ---- */

/* The key's slot, or NO_SLOT. */
int64_t pp_table_find(const struct pp_limiter *limiter, struct pp_limiter_key key);
/* A slot with the key's fingerprint and an undefined state; NO_SLOT when none can be had. */
int64_t pp_table_insert(struct pp_limiter *limiter, struct pp_limiter_key key, uint64_t now);
/* Forgets the idle keys among the next `slots` slots. */
void pp_table_sweep(struct pp_limiter *limiter, size_t slots, uint64_t now);
/* Frees the slot and its ring. */
void pp_table_forget(struct pp_limiter *limiter, int64_t slot);
uint64_t pp_table_first_bucket(const struct pp_limiter *limiter, struct pp_limiter_key key);
uint64_t pp_table_fingerprint(struct pp_limiter_key key);

/* ---- States (table_state.c); times in ticks ---- */

/* False when there is no memory for the ring that every state of this limiter starts with. */
bool pp_state_init(struct pp_limiter *limiter, struct key_state *state, uint64_t now);
bool pp_state_is_idle(const struct pp_limiter *limiter, const struct key_state *state,
                      uint64_t now);
void pp_state_release(struct pp_limiter *limiter, struct key_state *state);
/* The ring, or the inline stamps. */
uint32_t *pp_state_ring(const struct pp_limiter *limiter, const struct key_state *state);
/* Decides and charges; grows the ring as needed, FULL when that fails. */
enum pp_limiter_verdict pp_state_admit(struct pp_limiter *limiter, struct key_state *state,
                                       uint64_t now, uint64_t weight);
/* Decides as pp_state_admit would, without regard to memory. */
enum pp_limiter_verdict pp_state_peek(const struct pp_limiter *limiter,
                                      const struct key_state *state, uint64_t now, uint64_t weight);
/* Grows the ring until `weight` units, admissible now, fit. */
bool pp_state_make_room(struct pp_limiter *limiter, struct key_state *state, uint64_t now,
                        uint64_t weight);
uint64_t pp_state_used(const struct pp_limiter *limiter, const struct key_state *state,
                       uint64_t now);
/* Ticks until a weight within the limit is admitted. */
uint64_t pp_state_wait(const struct pp_limiter *limiter, const struct key_state *state,
                       uint64_t now, uint64_t weight);

#endif
