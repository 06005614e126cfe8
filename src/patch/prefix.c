/* SPDX-License-Identifier: MIT */
/* Reads and chooses the pages that literals get as prefix. */
#include "prefix.h"

#include <stdlib.h>
#include <string.h>

#include "../rollback/transform.h"

enum {
    PAGE_BYTES = PP_ROLLBACK_PAGE_BYTES,
    GRAM_BYTES = PP_PATCH_GRAM_BYTES,
    STRIDE_BYTES = 12, /* between the grams of the image that are looked at */
    TABLE_LOG = 20,
    OCCURRENCES_MAX = UINT8_MAX,
    GRAM_WEIGHT = 256,            /* of a gram that occurs once; less of those that are common */
    WEIGHT_MIN = 4 * GRAM_WEIGHT, /* below, naming a page costs more than it saves */
    REACH_BYTES = 8 << 20,        /* around the block, pages are looked for ... */
    FAR_REACH_BYTES = 64 << 20,   /* ... and for many literals */
    MANY_LITERALS = 1 << 16,
    LITERALS_MIN = 16,          /* shorter literals get no prefix */
    BUDGET_BYTES_MIN = 1 << 16, /* of a prefix ... */
    BUDGET_FACTOR = 8           /* ... and so many times the literals */
};
_Static_assert(sizeof(((union pp_patch_prefix_space *)0)->occurrences) == 1 << TABLE_LOG,
               "a byte for each hash");

/* ---- Reading a slot -------------------------------------------------------------------------- */

struct pp_patch_prefix_walk pp_patch_prefix_begin(struct pp_bytes slot, uint64_t image_bytes)
{
    return (struct pp_patch_prefix_walk){.rest = slot, .image_bytes = image_bytes};
}

static uint64_t pages_of(uint64_t image_bytes)
{
    return image_bytes / PAGE_BYTES + (image_bytes % PAGE_BYTES != 0);
}

bool pp_patch_prefix_next(struct pp_patch_prefix_walk *walk, struct pp_patch_range *range)
{
    struct pp_bytes rest = walk->rest;
    uint64_t skipped, taken, left = pages_of(walk->image_bytes) - walk->page;
    if (!pp_rollback_varint_read(&rest, &skipped) || !pp_rollback_varint_read(&rest, &taken) ||
        (skipped == 0 && walk->page > 0) || skipped > left || taken == 0 ||
        taken > left - skipped || taken > PP_PATCH_PREFIX_BYTES_MAX / PAGE_BYTES)
        return false;
    uint64_t offset = (walk->page + skipped) * PAGE_BYTES;
    uint64_t bytes = taken * PAGE_BYTES, most = walk->image_bytes - offset;
    *range = (struct pp_patch_range){offset, (size_t)(bytes < most ? bytes : most)};
    walk->page += skipped + taken;
    walk->rest = rest;
    return true;
}

bool pp_patch_prefix_bytes(struct pp_bytes slot, uint64_t image_bytes, size_t *bytes)
{
    struct pp_patch_prefix_walk walk = pp_patch_prefix_begin(slot, image_bytes);
    struct pp_patch_range range;
    size_t sum = 0;
    while (sum <= PP_PATCH_PREFIX_BYTES_MAX && pp_patch_prefix_next(&walk, &range))
        sum += range.bytes;
    *bytes = sum;
    return walk.rest.len == 0 && sum <= PP_PATCH_PREFIX_BYTES_MAX;
}

struct pp_bytes pp_patch_prefix_gather(union pp_patch_prefix_space *space, struct pp_bytes slot,
                                       struct pp_bytes image)
{
    struct pp_patch_prefix_walk walk = pp_patch_prefix_begin(slot, image.len);
    struct pp_patch_range range;
    size_t used = 0;
    while (pp_patch_prefix_next(&walk, &range) && range.bytes <= sizeof space->pages - used) {
        memcpy(space->pages + used, image.data + range.offset, range.bytes);
        used += range.bytes;
    }
    return (struct pp_bytes){space->pages, used};
}

struct pp_patch_common_walk pp_patch_common_begin(struct pp_bytes slot, uint64_t old_bytes,
                                                  uint64_t new_bytes)
{
    return (struct pp_patch_common_walk){
        .rest = slot, .old_bytes = old_bytes, .new_bytes = new_bytes};
}

bool pp_patch_common_next(struct pp_patch_common_walk *walk, struct pp_patch_cover *range)
{
    struct pp_bytes rest = walk->rest;
    uint64_t skipped, taken, change;
    uint64_t left = (walk->old_bytes - walk->old_at) / PAGE_BYTES;
    if (!pp_rollback_varint_read(&rest, &skipped) || !pp_rollback_varint_read(&rest, &taken) ||
        !pp_rollback_varint_read(&rest, &change) || skipped > left || taken == 0 ||
        (skipped == 0 && change == 0 && walk->old_at > 0) || taken > left - skipped ||
        taken > PP_PATCH_PREFIX_BYTES_MAX / PAGE_BYTES)
        return false;
    uint64_t shift = walk->shift + pp_patch_distance_of(change);
    uint64_t old_at = walk->old_at + skipped * PAGE_BYTES, bytes = taken * PAGE_BYTES;
    uint64_t new_at = old_at + shift;
    if (new_at > walk->new_bytes || bytes > walk->new_bytes - new_at)
        return false;
    *range = (struct pp_patch_cover){old_at, new_at, bytes};
    walk->old_at = old_at + bytes;
    walk->shift = shift;
    walk->rest = rest;
    return true;
}

bool pp_patch_common_bytes(struct pp_bytes slot, uint64_t old_bytes, uint64_t new_bytes,
                           size_t *bytes)
{
    struct pp_patch_common_walk walk = pp_patch_common_begin(slot, old_bytes, new_bytes);
    struct pp_patch_cover range;
    size_t sum = 0;
    while (sum <= PP_PATCH_PREFIX_BYTES_MAX && pp_patch_common_next(&walk, &range))
        sum += (size_t)range.bytes;
    *bytes = sum;
    return walk.rest.len == 0 && sum <= PP_PATCH_PREFIX_BYTES_MAX;
}

struct pp_bytes pp_patch_common_gather(union pp_patch_prefix_space *space, struct pp_bytes slot,
                                       const struct pp_patch_images *images,
                                       enum pp_rollback_direction source)
{
    struct pp_patch_common_walk walk =
        pp_patch_common_begin(slot, images->old_image.len, images->new_image.len);
    struct pp_patch_cover range;
    size_t used = 0;
    while (pp_patch_common_next(&walk, &range) && range.bytes <= sizeof space->pages - used) {
        const uint8_t *from = source == PP_ROLLBACK_APPLY ? images->old_image.data + range.old_at
                                                          : images->new_image.data + range.new_at;
        memcpy(space->pages + used, from, (size_t)range.bytes);
        used += (size_t)range.bytes;
    }
    return (struct pp_bytes){space->pages, used};
}

/* ---- Choosing -------------------------------------------------------------------------------- */

struct page {
    uint64_t number;
    uint32_t weight;
    uint64_t shift; /* of pages that both images hold: to their place in the new one */
};

/* Where pages are looked for, whole pages but for the end of the image. */
struct window {
    struct pp_bytes bytes;
    uint64_t first_page;
};

static struct window window_of(struct pp_bytes image, uint64_t start, uint64_t end, uint64_t reach)
{
    uint64_t low = start > reach ? (start - reach) / PAGE_BYTES * PAGE_BYTES : 0;
    uint64_t high = image.len - end > reach ? end + reach : image.len;
    return (struct window){{image.data + low, (size_t)(high - low)}, low / PAGE_BYTES};
}

/* How often each gram of the literals occurs in the window, plus 1; 0 for all others.  The weight
   of a page becomes the number of such grams on it. */
static void count_grams(uint8_t *occurrences, struct pp_bytes literals, struct window window,
                        struct page *pages, size_t count)
{
    memset(occurrences, 0, (size_t)1 << TABLE_LOG);
    for (size_t i = 0; i + GRAM_BYTES <= literals.len; i++)
        occurrences[pp_patch_hash_gram(literals.data + i, TABLE_LOG)] = 1;
    for (size_t k = 0; k < count; k++) {
        size_t end = (k + 1) * PAGE_BYTES;
        pages[k] = (struct page){window.first_page + k, 0, 0};
        for (size_t i = k * PAGE_BYTES; i < end && i + GRAM_BYTES <= window.bytes.len;
             i += STRIDE_BYTES) {
            uint8_t *seen = &occurrences[pp_patch_hash_gram(window.bytes.data + i, TABLE_LOG)];
            if (*seen == 0)
                continue;
            pages[k].weight++;
            *seen += *seen < OCCURRENCES_MAX;
        }
    }
}

static void weigh_pages(const uint8_t *occurrences, struct window window, struct page *pages,
                        size_t count)
{
    for (size_t k = 0; k < count; k++) {
        size_t end = (k + 1) * PAGE_BYTES;
        if (pages[k].weight < WEIGHT_MIN / GRAM_WEIGHT)
            continue; /* it can't become heavy enough */
        pages[k].weight = 0;
        for (size_t i = k * PAGE_BYTES; i < end && i + GRAM_BYTES <= window.bytes.len;
             i += STRIDE_BYTES) {
            unsigned seen = occurrences[pp_patch_hash_gram(window.bytes.data + i, TABLE_LOG)];
            pages[k].weight += seen > 1 ? GRAM_WEIGHT / (seen - 1) : 0;
        }
    }
}

/* The first `count` pages of the window and what each is worth as a prefix of the literals, on the
   heap; NULL: no memory.  There may be none. */
static struct page *weighed_pages(union pp_patch_prefix_space *space, struct pp_bytes literals,
                                  struct window window, size_t count)
{
    struct page *pages = malloc((count + 1) * sizeof *pages);
    if (pages == NULL)
        return NULL;
    count_grams(space->occurrences, literals, window, pages, count);
    weigh_pages(space->occurrences, window, pages, count);
    return pages;
}

static int compare_weights(const void *a, const void *b)
{
    const struct page *x = a, *y = b;
    if (x->weight != y->weight)
        return x->weight < y->weight ? 1 : -1;
    return (x->number > y->number) - (x->number < y->number);
}

static int compare_numbers(const void *a, const void *b)
{
    const struct page *x = a, *y = b;
    return (x->number > y->number) - (x->number < y->number);
}

/* Leaves the heaviest pages, in the order of the image; how many. */
static size_t keep_heaviest(struct page *pages, size_t count, size_t literal_bytes,
                            size_t bytes_max)
{
    size_t kept = BUDGET_BYTES_MIN / PAGE_BYTES + BUDGET_FACTOR * literal_bytes / PAGE_BYTES;
    if (kept > bytes_max / PAGE_BYTES)
        kept = bytes_max / PAGE_BYTES;
    if (kept > count)
        kept = count;
    qsort(pages, count, sizeof *pages, compare_weights);
    while (kept > 0 && pages[kept - 1].weight < WEIGHT_MIN)
        kept--;
    qsort(pages, kept, sizeof *pages, compare_numbers);
    return kept;
}

static size_t write_slot(const struct page *pages, size_t count, uint8_t *slot)
{
    size_t used = 0;
    uint64_t next = 0;
    for (size_t i = 0; i < count;) {
        size_t taken = 1;
        while (i + taken < count && pages[i + taken].number == pages[i].number + taken)
            taken++;
        used += pp_rollback_varint_write(slot + used, pages[i].number - next);
        used += pp_rollback_varint_write(slot + used, taken);
        next = pages[i].number + taken;
        i += taken;
    }
    return used;
}

enum pp_error pp_patch_prefix_choose(union pp_patch_prefix_space *space, struct pp_bytes image,
                                     uint64_t start, uint64_t end, struct pp_bytes literals,
                                     uint8_t *slot, size_t *slot_bytes)
{
    *slot_bytes = 0;
    if (literals.len < LITERALS_MIN || image.len == 0)
        return PP_OK;
    uint64_t reach = literals.len < MANY_LITERALS ? REACH_BYTES : FAR_REACH_BYTES;
    struct window window = window_of(image, start, end, reach);
    size_t count = (size_t)pages_of(window.bytes.len);
    struct page *pages = weighed_pages(space, literals, window, count);
    if (pages == NULL)
        return PP_ERROR_MEMORY;
    *slot_bytes = write_slot(
        pages, keep_heaviest(pages, count, literals.len, PP_PATCH_PREFIX_CHOSEN_MAX), slot);
    free(pages);
    return PP_OK;
}

/* Pages that no cover holds, or that differ, weigh nothing; the others learn where they are. */
static void weigh_common(const struct pp_patch_images *images, struct page *pages, size_t count)
{
    const struct pp_patch_cover *cover = images->covers->at, *end = cover + images->covers->count;
    for (size_t k = 0; k < count; k++) {
        uint64_t at = pages[k].number * PAGE_BYTES;
        while (cover < end && cover->old_at + cover->bytes < at + PAGE_BYTES)
            cover++;
        if (cover == end || cover->old_at > at ||
            memcmp(images->old_image.data + at,
                   images->new_image.data + cover->new_at + (at - cover->old_at), PAGE_BYTES) != 0)
            pages[k].weight = 0;
        else
            pages[k].shift = cover->new_at - cover->old_at;
    }
}

static size_t write_common(const struct page *pages, size_t count, uint8_t *slot)
{
    size_t used = 0;
    uint64_t next = 0, shift = 0;
    for (size_t i = 0; i < count;) {
        size_t taken = 1;
        uint64_t change = pages[i].shift - shift;
        while (i + taken < count && pages[i + taken].number == pages[i].number + taken &&
               pages[i + taken].shift == pages[i].shift)
            taken++;
        used += pp_rollback_varint_write(slot + used, pages[i].number - next);
        used += pp_rollback_varint_write(slot + used, taken);
        used += pp_rollback_varint_write(slot + used, pp_patch_number_of(change));
        next = pages[i].number + taken;
        shift = pages[i].shift;
        i += taken;
    }
    return used;
}

enum pp_error pp_patch_common_choose(union pp_patch_prefix_space *space,
                                     const struct pp_patch_images *images, uint64_t start,
                                     uint64_t end, struct pp_bytes literals, uint8_t *slot,
                                     size_t *slot_bytes)
{
    *slot_bytes = 0;
    if (literals.len < LITERALS_MIN || images->old_image.len == 0)
        return PP_OK;
    struct window window = window_of(images->old_image, start, end, REACH_BYTES);
    size_t count = (size_t)(window.bytes.len / PAGE_BYTES);
    struct page *pages = weighed_pages(space, literals, window, count);
    if (pages == NULL)
        return PP_ERROR_MEMORY;
    weigh_common(images, pages, count);
    *slot_bytes = write_common(
        pages, keep_heaviest(pages, count, literals.len, PP_PATCH_COMMON_CHOSEN_MAX), slot);
    free(pages);
    return PP_OK;
}
