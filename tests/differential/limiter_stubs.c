/* SPDX-License-Identifier: MIT */
/* The limiter's shipped functions for the OCaml side of the differential test. */
#include "stubs.h"

#include <stdlib.h>

#include "../../src/limiter/limiter_internal.h"

/* The one key of each kind that a trace works on. */
static struct pp_limiter_rule rule;
static struct pp_window window;
static uint32_t *stamps;
static struct pp_wide_rule wide_rule;
static struct pp_wide wide;
static uint64_t *wide_stamps;
static struct pp_slot slot;
static struct pp_buckets_rule buckets_rule;
static struct pp_buckets buckets;
static uint32_t *counts;

/* Zeros of exactly this size, in place of the memory at old. */
static void *fresh(void *old, size_t n, size_t bytes)
{
    free(old);
    void *memory = calloc(n, bytes);
    if (memory == NULL)
        abort();
    return memory;
}

/* ---- pp_window ----------------------------------------------------------------------------- */

intnat diff_window_init(intnat limit, intnat window_ticks, intnat capacity, int64_t now)
{
    rule = (struct pp_limiter_rule){1, (uint32_t)limit, (uint32_t)window_ticks};
    stamps = fresh(stamps, (size_t)capacity, sizeof *stamps);
    pp_window_init(&window, (uint32_t)capacity, (uint64_t)now);
    return 0;
}

intnat diff_window_set(int64_t newest, intnat mark, intnat head, intnat count, intnat young)
{
    window.newest = (uint64_t)newest;
    window.mark = (uint32_t)mark;
    window.head = (uint16_t)head;
    window.count = (uint16_t)count;
    window.young = (uint16_t)young;
    return pp_window_is_valid(&rule, &window);
}

intnat diff_window_set_stamp(intnat at, intnat stamp)
{
    stamps[at] = (uint32_t)stamp;
    return 0;
}

intnat diff_window_peek(int64_t now, intnat weight)
{
    return pp_window_peek(&rule, &window, stamps, (uint64_t)now, (uint32_t)weight);
}

intnat diff_window_admit(int64_t now, intnat weight)
{
    return pp_window_admit(&rule, &window, stamps, (uint64_t)now, (uint32_t)weight);
}

int64_t diff_window_wait(int64_t now, intnat weight)
{
    return (int64_t)pp_window_wait(&rule, &window, stamps, (uint64_t)now, (uint32_t)weight);
}

intnat diff_window_used(int64_t now)
{
    return pp_window_used(&rule, &window, stamps, (uint64_t)now);
}

intnat diff_window_is_idle(int64_t now)
{
    return pp_window_is_idle(&rule, &window, (uint64_t)now);
}

intnat diff_window_capacity_for(intnat weight)
{
    return pp_window_capacity_for(&rule, &window, (uint32_t)weight);
}

intnat diff_window_grow(intnat capacity)
{
    uint32_t *grown = fresh(NULL, (size_t)capacity, sizeof *grown);
    pp_window_grow(&window, stamps, grown, (uint32_t)capacity);
    free(stamps);
    stamps = grown;
    return 0;
}

int64_t diff_window_newest(intnat unused)
{
    (void)unused;
    return (int64_t)window.newest;
}

intnat diff_window_field(intnat which)
{
    intnat fields[] = {window.mark, window.head, window.count, window.young, window.capacity};
    return fields[which];
}

intnat diff_window_stamp(intnat at)
{
    return stamps[at];
}

/* ---- pp_wide ------------------------------------------------------------------------------- */

intnat diff_wide_init(intnat limit, int64_t window_ticks, intnat capacity, int64_t now)
{
    wide_rule = (struct pp_wide_rule){(uint64_t)window_ticks, (uint32_t)limit};
    wide_stamps = fresh(wide_stamps, (size_t)capacity, sizeof *wide_stamps);
    pp_wide_init(&wide, (uint32_t)capacity, (uint64_t)now);
    return 0;
}

intnat diff_wide_set(int64_t newest, intnat head, intnat count)
{
    wide.newest = (uint64_t)newest;
    wide.head = (uint32_t)head;
    wide.count = (uint32_t)count;
    return 1;
}

intnat diff_wide_set_stamp(intnat at, int64_t stamp)
{
    wide_stamps[at] = (uint64_t)stamp;
    return 0;
}

intnat diff_wide_peek(int64_t now, intnat weight)
{
    return pp_wide_peek(&wide_rule, &wide, wide_stamps, (uint64_t)now, (uint32_t)weight);
}

intnat diff_wide_admit(int64_t now, intnat weight)
{
    return pp_wide_admit(&wide_rule, &wide, wide_stamps, (uint64_t)now, (uint32_t)weight);
}

int64_t diff_wide_wait(int64_t now, intnat weight)
{
    return (int64_t)pp_wide_wait(&wide_rule, &wide, wide_stamps, (uint64_t)now, (uint32_t)weight);
}

intnat diff_wide_capacity_for(intnat weight)
{
    return pp_wide_capacity_for(&wide_rule, &wide, (uint32_t)weight);
}

intnat diff_wide_grow(intnat capacity)
{
    uint64_t *grown = fresh(NULL, (size_t)capacity, sizeof *grown);
    pp_wide_grow(&wide, wide_stamps, grown, (uint32_t)capacity);
    free(wide_stamps);
    wide_stamps = grown;
    return 0;
}

int64_t diff_wide_newest(intnat unused)
{
    (void)unused;
    return (int64_t)wide.newest;
}

intnat diff_wide_field(intnat which)
{
    intnat fields[] = {wide.head, wide.count, wide.capacity};
    return fields[which];
}

int64_t diff_wide_stamp(intnat at)
{
    return (int64_t)wide_stamps[at];
}

/* ---- pp_slot ------------------------------------------------------------------------------- */

intnat diff_slot_set(int64_t stamp, intnat used)
{
    slot = (struct pp_slot){(uint64_t)stamp, used != 0};
    return 0;
}

intnat diff_slot_peek(int64_t now, int64_t window_ticks)
{
    return pp_slot_peek(&slot, (uint64_t)now, (uint64_t)window_ticks);
}

intnat diff_slot_admit(int64_t now, int64_t window_ticks)
{
    return pp_slot_admit(&slot, (uint64_t)now, (uint64_t)window_ticks);
}

int64_t diff_slot_stamp(intnat unused)
{
    (void)unused;
    return (int64_t)slot.stamp;
}

intnat diff_slot_used(intnat unused)
{
    (void)unused;
    return slot.used;
}

/* ---- pp_buckets ---------------------------------------------------------------------------- */

intnat diff_buckets_init(intnat n, intnat limit, int64_t bucket_ticks, int64_t now)
{
    buckets_rule = (struct pp_buckets_rule){(uint64_t)bucket_ticks, (uint32_t)limit, (uint32_t)n};
    counts = fresh(counts, (size_t)n, sizeof *counts);
    pp_buckets_init(&buckets_rule, &buckets, counts, (uint64_t)now);
    return 0;
}

intnat diff_buckets_set(int64_t current, intnat at, intnat total)
{
    buckets = (struct pp_buckets){(uint64_t)current, (uint32_t)at, (uint32_t)total};
    return 0;
}

intnat diff_buckets_set_count(intnat at, intnat units)
{
    counts[at] = (uint32_t)units;
    return 0;
}

intnat diff_buckets_admit(int64_t now, intnat weight)
{
    return pp_buckets_admit(&buckets_rule, &buckets, counts, (uint64_t)now, (uint32_t)weight);
}

int64_t diff_buckets_current(intnat unused)
{
    (void)unused;
    return (int64_t)buckets.current;
}

intnat diff_buckets_total(intnat unused)
{
    (void)unused;
    return buckets.total;
}

intnat diff_buckets_slot(intnat unused)
{
    (void)unused;
    return buckets.slot;
}

intnat diff_buckets_count(intnat at)
{
    return counts[at];
}
