/* SPDX-License-Identifier: MIT */
/* A limiter for many keys: its memory, its decisions, its counters. */

#include "table.h"

#include <string.h>

#include "../base/base.h"
#include "../base/key_hash.h"

/* Nine slots in ten may hold a live key; fewer buckets than this are no saving. */
enum { LOAD_TENTHS = 9, BUCKETS_MIN = 64, BATCH = 16, FIRST_RING = 16, RING_STEP = 8 };

static const uint8_t magic[8] = "pp-lim2";

/* ---- Memory ---- */

static uint64_t lines(uint64_t bytes)
{
    return (bytes + LINE_BYTES - 1) / LINE_BYTES * LINE_BYTES;
}

/* Cells of the largest ring of a key; 0 when it fits beside the state. */
static uint64_t key_cells(const struct pp_limiter_config *config)
{
    if (config->buckets != 0)
        return config->buckets;
    return config->limit <= INLINE_STAMPS ? 0 : config->limit;
}

static bool set_rules(struct pp_limiter *l, const struct pp_limiter_config *config)
{
    if (config->keys == 0 || config->keys > (uint64_t)1 << 31 || config->tiers > config->keys)
        return false;
    if (config->buckets == 0) {
        if (pp_limiter_rule_init(&l->rule, config->limit, config->window_ns, config->tick_ns) !=
            PP_OK)
            return false;
        l->tick_ns = l->rule.tick_ns;
        l->window_ticks = l->rule.window_ticks;
        return true;
    }
    if (config->buckets < 2 || config->buckets > PP_BUCKETS_MAX || config->window_ns == 0 ||
        config->window_ns > PP_WIDE_TICKS_MAX || config->limit == 0 || config->limit > UINT32_MAX)
        return false;
    uint64_t whole = config->buckets - 1;
    l->tick_ns = 1;
    l->window_ticks = config->window_ns;
    l->buckets_rule.bucket_ticks = config->window_ns / whole + (config->window_ns % whole != 0);
    l->buckets_rule.limit = (uint32_t)config->limit;
    l->buckets_rule.buckets = config->buckets;
    return true;
}

/* Steps of eight from 16 stamps on, and the limit itself: small limits get no step between. */
static void set_classes(struct pp_limiter *l, uint64_t largest)
{
    unsigned n = 0;
    if (l->config.buckets == 0)
        for (uint64_t cells = FIRST_RING; cells * RING_STEP * 2 <= largest; cells *= RING_STEP)
            l->class_cells[n++] = (uint32_t)cells;
    if (largest != 0)
        l->class_cells[n] = (uint32_t)largest;
}

/* Fills the header; the bytes that the memory needs, or 0. */
static uint64_t lay_out(struct pp_limiter *l, const struct pp_limiter_config *config)
{
    memset(l, 0, sizeof *l);
    if (!set_rules(l, config))
        return 0;
    l->config = *config;
    memcpy(l->magic, magic, sizeof magic);
    uint64_t wanted = config->keys * 10 / LOAD_TENTHS / BUCKET_SLOTS + 1;
    l->buckets = wanted < BUCKETS_MIN ? BUCKETS_MIN : wanted;
    l->slots = l->buckets * BUCKET_SLOTS;
    uint64_t largest = key_cells(config);
    uint64_t keys = config->keys + config->tiers;
    l->cells =
        config->ring_bytes == 0 ? keys * largest : config->ring_bytes / 4 + config->tiers * largest;
    if (l->cells > UINT32_MAX)
        return 0;
    set_classes(l, largest);
    l->states_at = lines(sizeof *l) + l->slots * sizeof(uint64_t);
    l->tiers_at = l->states_at + l->slots * sizeof(struct key_state);
    l->cells_at = lines(l->tiers_at + config->tiers * sizeof(struct key_state));
    l->stats.key_slots = l->slots;
    l->stats.ring_capacity = l->cells * 4;
    return l->cells_at + lines(l->cells * 4);
}

size_t pp_limiter_memory(const struct pp_limiter_config *config)
{
    struct pp_limiter header;
    uint64_t bytes = lay_out(&header, config);
    return bytes > SIZE_MAX ? 0 : (size_t)bytes;
}

/* A tier is a key that always has its whole ring. */
static bool init_tiers(struct pp_limiter *l, uint64_t now)
{
    for (uint32_t i = 0; i < l->config.tiers; i++) {
        struct key_state *tier = &pp_table_tiers(l)[i];
        if (!pp_state_init(l, tier, now) || !pp_state_make_room(l, tier, now, l->config.limit))
            return false;
    }
    return true;
}

enum pp_error pp_limiter_init(void *memory, size_t bytes, const struct pp_limiter_config *config,
                              uint64_t now_ns, bool wait, struct pp_limiter **limiter)
{
    struct pp_limiter header;
    uint64_t needed = lay_out(&header, config);
    if (needed == 0)
        return PP_ERROR_ARGUMENT;
    if (bytes < needed)
        return PP_ERROR_NO_SPACE;
    struct pp_limiter *l = memory;
    *l = header;
    l->latest = now_ns / l->tick_ns;
    /* One tick more: the last admissions before the restart may lie in the same tick. */
    l->open_at = wait ? l->latest + l->window_ticks + 1 : 0;
    if (!init_tiers(l, l->latest))
        return PP_ERROR_NO_SPACE;
    *limiter = l;
    return PP_OK;
}

enum pp_error pp_limiter_load(void *memory, size_t bytes, const struct pp_limiter_config *config,
                              struct pp_limiter **limiter)
{
    struct pp_limiter header, *l = memory;
    uint64_t needed = lay_out(&header, config);
    if (needed == 0)
        return PP_ERROR_ARGUMENT;
    if (bytes < needed)
        return PP_ERROR_NO_SPACE;
    memcpy(header.config.secret, l->config.secret, sizeof header.config.secret);
    if (memcmp(l->magic, magic, sizeof magic) != 0 ||
        memcmp(&l->config, &header.config, sizeof header.config) != 0 ||
        l->cells_at != header.cells_at || l->slots != header.slots || l->cells != header.cells)
        return PP_ERROR_FORMAT;
    *limiter = l;
    return PP_OK;
}

/* ---- Keys ---- */

struct pp_limiter_key pp_limiter_key(const struct pp_limiter *limiter, struct pp_bytes key)
{
    uint8_t hash[PP_KEY_HASH_BYTES];
    pp_key_hash(limiter->config.secret, key, hash);
    return (struct pp_limiter_key){pp_get_u64(hash), pp_get_u64(hash + 8)};
}

uint32_t pp_limiter_shard(struct pp_limiter_key key, uint32_t shards)
{
    /* Bits that neither the first bucket nor the tier is chosen by. */
    return (uint32_t)key.low & (shards - 1);
}

/* ---- Decisions ---- */

/* The clock never goes back. */
static uint64_t time_of(struct pp_limiter *l, uint64_t now_ns)
{
    uint64_t now = now_ns / l->tick_ns;
    if (now > l->latest)
        l->latest = now;
    return l->latest;
}

static uint64_t time_seen(const struct pp_limiter *l, uint64_t now_ns)
{
    uint64_t now = now_ns / l->tick_ns;
    return now > l->latest ? now : l->latest;
}

/* What no state is needed for; ADMIT when the state has to tell. */
static enum pp_limiter_verdict gate(const struct pp_limiter *l, uint64_t now, uint64_t weight)
{
    if (weight == 0 || weight > l->config.limit)
        return PP_LIMITER_IMPOSSIBLE;
    return now < l->open_at ? PP_LIMITER_WAITING : PP_LIMITER_ADMIT;
}

static struct key_state *tier_of(const struct pp_limiter *l, struct pp_limiter_key key)
{
    return l->config.tiers == 0 ? NULL : &pp_table_tiers(l)[(key.high >> 32) % l->config.tiers];
}

/* The tier, while anything in it counts: it may be this key's, which must not begin anew then. */
static struct key_state *busy_tier_of(const struct pp_limiter *l, struct pp_limiter_key key,
                                      uint64_t now)
{
    struct key_state *tier = tier_of(l, key);
    return tier == NULL || pp_state_is_idle(l, tier, now) ? NULL : tier;
}

/* A new key's state, or NULL when there is no memory for it. */
static struct key_state *new_state(struct pp_limiter *l, struct pp_limiter_key key, uint64_t now,
                                   uint64_t weight)
{
    int64_t slot = pp_table_insert(l, key, now);
    if (slot == NO_SLOT)
        return NULL;
    struct key_state *state = &pp_table_states(l)[slot];
    if (!pp_state_init(l, state, now)) {
        pp_table_fingerprints(l)[slot] = 0;
        l->stats.keys--;
        return NULL;
    }
    if (pp_state_make_room(l, state, now, weight))
        return state;
    pp_table_forget(l, slot);
    return NULL;
}

static void count(struct pp_limiter *l, enum pp_limiter_verdict verdict)
{
    l->stats.admitted += verdict == PP_LIMITER_ADMIT;
    l->stats.denied += verdict == PP_LIMITER_DENY || verdict == PP_LIMITER_IMPOSSIBLE;
    l->stats.full += verdict == PP_LIMITER_FULL;
    l->stats.waiting += verdict == PP_LIMITER_WAITING;
}

/* The state that decides for the key: its own, a tier, a new one; NULL when there is no memory.
   `slot` is the key's, or NO_SLOT for a key without state. */
static struct key_state *state_for(struct pp_limiter *l, struct pp_limiter_key key, int64_t slot,
                                   uint64_t now, uint64_t weight)
{
    if (slot != NO_SLOT)
        return &pp_table_states(l)[slot];
    struct key_state *state = busy_tier_of(l, key, now);
    if (state == NULL)
        state = new_state(l, key, now, weight);
    return state != NULL ? state : tier_of(l, key);
}

static enum pp_limiter_verdict decide(struct pp_limiter *l, struct pp_limiter_key key, int64_t slot,
                                      uint64_t now, uint64_t weight)
{
    enum pp_limiter_verdict verdict = gate(l, now, weight);
    if (verdict == PP_LIMITER_ADMIT) {
        struct key_state *state = state_for(l, key, slot, now, weight);
        l->stats.shared += state != NULL && state == tier_of(l, key);
        verdict = state == NULL ? PP_LIMITER_FULL : pp_state_admit(l, state, now, weight);
    }
    count(l, verdict);
    return verdict;
}

/* The states of the key's first bucket come from memory while its slot is looked up. */
static void fetch_states(const struct pp_limiter *l, struct pp_limiter_key key)
{
    const struct key_state *states =
        pp_table_states(l) + pp_table_first_bucket(l, key) * BUCKET_SLOTS;
    for (unsigned i = 0; i < BUCKET_SLOTS; i += LINE_BYTES / sizeof *states)
        __builtin_prefetch(states + i, 1);
}

enum pp_limiter_verdict pp_limiter_admit(struct pp_limiter *l, struct pp_limiter_key key,
                                         uint64_t now_ns, uint64_t weight)
{
    fetch_states(l, key);
    return decide(l, key, pp_table_find(l, key), time_of(l, now_ns), weight);
}

/* The state that would decide for the key; NULL when it would get a new one. */
static const struct key_state *state_of(const struct pp_limiter *l, struct pp_limiter_key key,
                                        uint64_t now)
{
    int64_t slot = pp_table_find(l, key);
    return slot == NO_SLOT ? busy_tier_of(l, key, now) : &pp_table_states(l)[slot];
}

enum pp_limiter_verdict pp_limiter_peek(const struct pp_limiter *l, struct pp_limiter_key key,
                                        uint64_t now_ns, uint64_t weight)
{
    uint64_t now = time_seen(l, now_ns);
    enum pp_limiter_verdict verdict = gate(l, now, weight);
    const struct key_state *state = state_of(l, key, now);
    return verdict == PP_LIMITER_ADMIT && state != NULL ? pp_state_peek(l, state, now, weight)
                                                        : verdict;
}

enum pp_limiter_verdict pp_limiter_prepare(struct pp_limiter *l, struct pp_limiter_key key,
                                           uint64_t now_ns, uint64_t weight)
{
    uint64_t now = time_of(l, now_ns);
    enum pp_limiter_verdict verdict = gate(l, now, weight);
    if (verdict != PP_LIMITER_ADMIT)
        return verdict;
    struct key_state *state = state_for(l, key, pp_table_find(l, key), now, weight);
    if (state == NULL)
        return PP_LIMITER_FULL;
    verdict = pp_state_peek(l, state, now, weight);
    if (verdict == PP_LIMITER_ADMIT && !pp_state_make_room(l, state, now, weight))
        return PP_LIMITER_FULL;
    return verdict;
}

uint64_t pp_limiter_wait_ns(const struct pp_limiter *l, struct pp_limiter_key key, uint64_t now_ns,
                            uint64_t weight)
{
    uint64_t now = time_seen(l, now_ns);
    enum pp_limiter_verdict verdict = gate(l, now, weight);
    if (verdict == PP_LIMITER_IMPOSSIBLE)
        return PP_LIMITER_NEVER;
    if (verdict == PP_LIMITER_WAITING)
        return (l->open_at - now) * l->tick_ns;
    const struct key_state *state = state_of(l, key, now);
    return state == NULL ? 0 : pp_state_wait(l, state, now, weight) * l->tick_ns;
}

uint64_t pp_limiter_remaining(const struct pp_limiter *l, struct pp_limiter_key key,
                              uint64_t now_ns)
{
    uint64_t now = time_seen(l, now_ns);
    const struct key_state *state = state_of(l, key, now);
    if (now < l->open_at)
        return 0;
    return l->config.limit - (state == NULL ? 0 : pp_state_used(l, state, now));
}

void pp_limiter_sweep(struct pp_limiter *l, uint64_t now_ns, size_t slots)
{
    pp_table_sweep(l, slots, time_of(l, now_ns));
}

void pp_limiter_stats(const struct pp_limiter *limiter, struct pp_limiter_stats *stats)
{
    *stats = limiter->stats;
}

/* ---- Many at once: each step of all before the next step of any, so that misses overlap ---- */

static void find_slots(const struct pp_limiter *l, const struct pp_limiter_key *keys, size_t n,
                       int64_t *slots)
{
    for (size_t i = 0; i < n; i++)
        __builtin_prefetch(pp_table_fingerprints(l) +
                           pp_table_first_bucket(l, keys[i]) * BUCKET_SLOTS);
    for (size_t i = 0; i < n; i++) {
        slots[i] = pp_table_find(l, keys[i]);
        if (slots[i] != NO_SLOT)
            __builtin_prefetch(&pp_table_states(l)[slots[i]], 1);
    }
    if (l->config.buckets != 0)
        return;
    for (size_t i = 0; i < n; i++) {
        if (slots[i] == NO_SLOT)
            continue;
        const struct key_state *state = &pp_table_states(l)[slots[i]];
        const uint32_t *ring = pp_state_ring(l, state);
        uint32_t head = state->window.head, count = state->window.count;
        uint32_t oldest = head >= count ? head - count : head + state->window.capacity - count;
        __builtin_prefetch(ring + head, 1);
        __builtin_prefetch(ring + oldest);
    }
}

void pp_limiter_admit_batch(struct pp_limiter *l, const struct pp_limiter_key *keys, size_t n,
                            uint64_t now_ns, uint8_t *verdicts)
{
    uint64_t now = time_of(l, now_ns);
    for (size_t done = 0; done < n; done += BATCH) {
        size_t some = n - done < BATCH ? n - done : BATCH;
        int64_t slots[BATCH];
        find_slots(l, keys + done, some, slots);
        for (size_t i = 0; i < some; i++) {
            /* A new key of this batch may have moved others, or be asked for again. */
            struct pp_limiter_key key = keys[done + i];
            if (slots[i] == NO_SLOT ||
                pp_table_fingerprints(l)[slots[i]] != pp_table_fingerprint(key))
                slots[i] = pp_table_find(l, key);
            verdicts[done + i] = (uint8_t)decide(l, key, slots[i], now, 1);
        }
    }
}
