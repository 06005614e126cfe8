/* SPDX-License-Identifier: MIT */
/* Where keys are: two buckets of eight slots for each, and moves between them to make room. */

#include "table.h"

/* Steps of a search for room, and searches: at 90 % load the first few steps nearly always do. */
enum { PATH_STEPS_MAX = 48, SEARCHES = 6, SWEPT_BY_INSERT = 2 };

#define MIX 0x9e3779b97f4a7c15U /* 2^64 / the golden ratio (Knuth, TAOCP 6.4) */

uint64_t *pp_table_fingerprints(const struct pp_limiter *limiter)
{
    return (uint64_t *)((uintptr_t)limiter +
                        (sizeof *limiter + LINE_BYTES - 1) / LINE_BYTES * LINE_BYTES);
}

struct key_state *pp_table_states(const struct pp_limiter *limiter)
{
    return (struct key_state *)((uintptr_t)limiter + limiter->states_at);
}

struct key_state *pp_table_tiers(const struct pp_limiter *limiter)
{
    return (struct key_state *)((uintptr_t)limiter + limiter->tiers_at);
}

/* Zero marks a free slot. */
uint64_t pp_table_fingerprint(struct pp_limiter_key key)
{
    return key.high | 1;
}

/* The upper 32 bits, scaled to 0 .. n - 1. */
static uint64_t scaled(uint64_t hash, uint64_t n)
{
    return (hash >> 32) * n >> 32;
}

uint64_t pp_table_first_bucket(const struct pp_limiter *limiter, struct pp_limiter_key key)
{
    return scaled(key.low, limiter->buckets);
}

/* The other bucket of a fingerprint that is in this one: the two add up to the same number. */
static uint64_t other_bucket(const struct pp_limiter *limiter, uint64_t bucket, uint64_t print)
{
    uint64_t sum = scaled(print * MIX, limiter->buckets);
    return sum >= bucket ? sum - bucket : sum + limiter->buckets - bucket;
}

static int64_t find_in(const struct pp_limiter *limiter, uint64_t bucket, uint64_t print)
{
    const uint64_t *prints = pp_table_fingerprints(limiter) + bucket * BUCKET_SLOTS;
    for (unsigned i = 0; i < BUCKET_SLOTS; i++)
        if (prints[i] == print)
            return (int64_t)(bucket * BUCKET_SLOTS + i);
    return NO_SLOT;
}

int64_t pp_table_find(const struct pp_limiter *limiter, struct pp_limiter_key key)
{
    uint64_t print = pp_table_fingerprint(key), bucket = pp_table_first_bucket(limiter, key);
    int64_t slot = find_in(limiter, bucket, print);
    return slot != NO_SLOT ? slot : find_in(limiter, other_bucket(limiter, bucket, print), print);
}

void pp_table_forget(struct pp_limiter *limiter, int64_t slot)
{
    pp_state_release(limiter, &pp_table_states(limiter)[slot]);
    pp_table_fingerprints(limiter)[slot] = 0;
    limiter->stats.keys--;
}

static bool reclaim(struct pp_limiter *limiter, int64_t slot, uint64_t now)
{
    if (pp_table_fingerprints(limiter)[slot] == 0 ||
        !pp_state_is_idle(limiter, &pp_table_states(limiter)[slot], now))
        return false;
    pp_table_forget(limiter, slot);
    limiter->stats.reclaimed++;
    return true;
}

/* A free slot of the bucket, or one whose key is idle. */
static int64_t room_in(struct pp_limiter *limiter, uint64_t bucket, uint64_t now)
{
    int64_t unused = find_in(limiter, bucket, 0);
    if (unused != NO_SLOT)
        return unused;
    for (unsigned i = 0; i < BUCKET_SLOTS; i++)
        if (reclaim(limiter, (int64_t)(bucket * BUCKET_SLOTS + i), now))
            return (int64_t)(bucket * BUCKET_SLOTS + i);
    return NO_SLOT;
}

static bool is_on_path(const int64_t *path, unsigned steps, int64_t slot)
{
    for (unsigned i = 0; i < steps; i++)
        if (path[i] == slot)
            return true;
    return false;
}

/* Moves each key of the path into the next one's slot, the last into `room`; path[0] is free then.
 */
static int64_t shift_path(struct pp_limiter *limiter, const int64_t *path, unsigned steps,
                          int64_t room)
{
    uint64_t *prints = pp_table_fingerprints(limiter);
    struct key_state *states = pp_table_states(limiter);
    for (unsigned i = steps; i-- > 0; room = path[i]) {
        states[room] = states[path[i]];
        prints[room] = prints[path[i]];
    }
    prints[path[0]] = 0;
    return path[0];
}

/* Follows keys to their other buckets until one of these has room; nothing moves before.  Every
   bucket on the way was found without free or idle slots at the same time, so that no slot of the
   path is ever the room. */
static int64_t make_room(struct pp_limiter *limiter, uint64_t bucket, uint64_t choice, uint64_t now)
{
    const uint64_t *prints = pp_table_fingerprints(limiter);
    int64_t path[PATH_STEPS_MAX];
    for (unsigned steps = 0; steps < PATH_STEPS_MAX;) {
        choice = choice * MIX + 1;
        int64_t victim = (int64_t)(bucket * BUCKET_SLOTS + (choice >> 32) % BUCKET_SLOTS);
        if (is_on_path(path, steps, victim))
            return NO_SLOT;
        path[steps++] = victim;
        bucket = other_bucket(limiter, bucket, prints[victim]);
        int64_t room = room_in(limiter, bucket, now);
        if (room != NO_SLOT)
            return shift_path(limiter, path, steps, room);
    }
    return NO_SLOT;
}

void pp_table_sweep(struct pp_limiter *limiter, size_t slots, uint64_t now)
{
    for (size_t i = 0; i < slots && i < limiter->slots; i++) {
        (void)reclaim(limiter, (int64_t)limiter->sweep_at, now);
        limiter->sweep_at = limiter->sweep_at + 1 == limiter->slots ? 0 : limiter->sweep_at + 1;
    }
}

int64_t pp_table_insert(struct pp_limiter *limiter, struct pp_limiter_key key, uint64_t now)
{
    uint64_t print = pp_table_fingerprint(key), first = pp_table_first_bucket(limiter, key);
    uint64_t second = other_bucket(limiter, first, print);
    pp_table_sweep(limiter, SWEPT_BY_INSERT, now);
    int64_t slot = room_in(limiter, first, now);
    if (slot == NO_SLOT)
        slot = room_in(limiter, second, now);
    /* A flood of new keys into a full table pays for one search a key. */
    unsigned searches = limiter->crowded ? 1 : SEARCHES;
    for (unsigned i = 0; slot == NO_SLOT && i < searches; i++)
        slot = make_room(limiter, i % 2 == 0 ? first : second, key.low + i, now);
    limiter->crowded = slot == NO_SLOT;
    if (slot == NO_SLOT)
        return NO_SLOT;
    pp_table_fingerprints(limiter)[slot] = print;
    limiter->stats.keys++;
    return slot;
}
