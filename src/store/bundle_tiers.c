/* SPDX-License-Identifier: MIT */
/* Entries by level and source: what a bundle leaves out first when not everything fits
   (docs/format/bundle.md section 9). */
#include "bundle_window.h"

#include <stdlib.h>
#include <string.h>

struct pp_tiers *pp_tiers_new(void)
{
    struct pp_tiers *tiers = calloc(1, sizeof *tiers);
    for (size_t level = 0; tiers != NULL && level < PP_LEVEL_COUNT; level++)
        tiers->tier[PP_TIERS_MAX + level].level = (uint8_t)level;
    return tiers;
}

void pp_tiers_free(struct pp_tiers *tiers)
{
    if (tiers == NULL)
        return;
    for (size_t i = 0; i < tiers->count; i++)
        free(tiers->tier[i].source);
    free(tiers);
}

static bool is_of(const struct pp_tier *tier, const struct pp_entry *entry)
{
    return tier->level == entry->level && tier->source_len == entry->source.len &&
           memcmp(tier->source, entry->source.data, tier->source_len) == 0;
}

/* FNV-1a, only to find a place in the table. */
static size_t slot_of(const struct pp_entry *entry)
{
    uint32_t hash = 2166136261u ^ entry->level;
    for (size_t i = 0; i < entry->source.len; i++)
        hash = (hash ^ entry->source.data[i]) * 16777619u;
    return hash % PP_TIER_SLOTS;
}

struct pp_tier *pp_tiers_of(struct pp_tiers *tiers, const struct pp_entry *entry)
{
    size_t slot = slot_of(entry);
    for (; tiers->slots[slot] != 0; slot = (slot + 1) % PP_TIER_SLOTS)
        if (is_of(&tiers->tier[tiers->slots[slot] - 1], entry))
            return &tiers->tier[tiers->slots[slot] - 1];
    if (tiers->count == PP_TIERS_MAX)
        return &tiers->tier[PP_TIERS_MAX + entry->level];
    struct pp_tier *tier = &tiers->tier[tiers->count];
    tier->source = malloc(entry->source.len + 1);
    if (tier->source == NULL)
        return NULL;
    memcpy(tier->source, entry->source.data, entry->source.len);
    tier->source_len = entry->source.len;
    tier->level = entry->level;
    tiers->slots[slot] = (uint16_t)++tiers->count;
    return tier;
}

/* Lower levels go first; in a level the source with the most bytes; then by name, so that the
   choice is one. */
static bool goes_before(const struct pp_tier *a, const struct pp_tier *b)
{
    if (a->level != b->level)
        return a->level < b->level;
    if (a->bytes != b->bytes)
        return a->bytes > b->bytes;
    return pp_bundle_name_compare((struct pp_bytes){a->source, a->source_len},
                                  (struct pp_bytes){b->source, b->source_len}) < 0;
}

static struct pp_tier *next_to_drop(struct pp_tiers *tiers)
{
    struct pp_tier *next = NULL;
    for (size_t i = 0; i < PP_TIERS_MAX + PP_LEVEL_COUNT; i++) {
        struct pp_tier *tier = &tiers->tier[i];
        if (tier->entries == 0 || tier->dropped)
            continue;
        if (next == NULL || goes_before(tier, next))
            next = tier;
    }
    return next;
}

bool pp_tiers_drop(struct pp_tiers *tiers, uint64_t bytes)
{
    uint64_t dropped = 0;
    bool any = false;
    do {
        struct pp_tier *tier = next_to_drop(tiers);
        if (tier == NULL)
            return any;
        tier->dropped = any = true;
        dropped += tier->bytes;
    } while (dropped < bytes);
    return true;
}
