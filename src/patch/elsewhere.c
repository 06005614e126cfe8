/* SPDX-License-Identifier: MIT */
/* Finds, writes and reads which literals stand elsewhere. */
#include "elsewhere.h"

#include <stdlib.h>
#include <string.h>

#include "../rollback/transform.h"

enum {
    BYTES_MIN = PP_PATCH_ELSEWHERE_BYTES_MIN,
    CHOSEN_BYTES_MIN = PP_PATCH_LEFT_OUT_BYTES_MIN, /* shorter ones cost no more in a code */
    COVERED_BYTES_MIN = 128 /* the same of those that stand where both images are alike */
};

/* ---- Reading a slot -------------------------------------------------------------------------- */

struct pp_patch_elsewhere_walk pp_patch_elsewhere_begin(struct pp_bytes slot, size_t literal_bytes,
                                                        uint64_t image_bytes)
{
    return (struct pp_patch_elsewhere_walk){
        .rest = slot, .literal_bytes = literal_bytes, .image_bytes = image_bytes};
}

bool pp_patch_elsewhere_next(struct pp_patch_elsewhere_walk *walk, struct pp_patch_elsewhere *part)
{
    struct pp_bytes rest = walk->rest;
    uint64_t skipped, jump, bytes, left = walk->literal_bytes - walk->literal_at;
    if (!pp_rollback_varint_read(&rest, &skipped) || !pp_rollback_varint_read(&rest, &jump) ||
        !pp_rollback_varint_read(&rest, &bytes) || skipped > left || bytes > left - skipped ||
        bytes < BYTES_MIN)
        return false;
    uint64_t place = walk->place + pp_patch_distance_of(jump);
    if (place > walk->image_bytes || bytes > walk->image_bytes - place)
        return false;
    *part = (struct pp_patch_elsewhere){(size_t)(walk->literal_at + skipped), (size_t)bytes, place};
    walk->literal_at += skipped + bytes;
    walk->place = place + bytes;
    walk->rest = rest;
    return true;
}

bool pp_patch_elsewhere_bytes(struct pp_bytes slot, size_t literal_bytes, uint64_t image_bytes,
                              size_t *bytes)
{
    struct pp_patch_elsewhere_walk walk =
        pp_patch_elsewhere_begin(slot, literal_bytes, image_bytes);
    struct pp_patch_elsewhere part;
    *bytes = 0;
    while (pp_patch_elsewhere_next(&walk, &part))
        *bytes += part.bytes;
    return walk.rest.len == 0;
}

size_t pp_patch_elsewhere_leave(struct pp_bytes slot, uint8_t *literals, size_t n)
{
    struct pp_patch_elsewhere_walk walk = pp_patch_elsewhere_begin(slot, n, UINT64_MAX);
    struct pp_patch_elsewhere part;
    size_t used = 0, at = 0;
    while (pp_patch_elsewhere_next(&walk, &part)) {
        memmove(literals + used, literals + at, part.literal_at - at);
        used += part.literal_at - at;
        at = part.literal_at + part.bytes;
    }
    memmove(literals + used, literals + at, n - at);
    return used + (n - at);
}

void pp_patch_elsewhere_place(struct pp_bytes slot, struct pp_bytes parts, uint8_t *literals,
                              size_t n)
{
    struct pp_patch_elsewhere_walk walk = pp_patch_elsewhere_begin(slot, n, UINT64_MAX);
    struct pp_patch_elsewhere part;
    size_t at = 0, used = 0; /* the gap that is left keeps what is written away from the others */
    while (pp_patch_elsewhere_next(&walk, &part)) {
        memmove(literals + at, literals + at + (parts.len - used), part.literal_at - at);
        memcpy(literals + part.literal_at, parts.data + used, part.bytes);
        at = part.literal_at + part.bytes;
        used += part.bytes;
    }
}

/* ---- Finding --------------------------------------------------------------------------------- */

/* Without its first bytes. */
static struct pp_patch_cover without(struct pp_patch_cover match, uint64_t bytes)
{
    return (struct pp_patch_cover){match.old_at + bytes, match.new_at + bytes, match.bytes - bytes};
}

/* The first of the places, sorted on that side, that ends behind a place. */
static size_t first_behind(const struct pp_patch_covers *list, enum pp_patch_side side,
                           uint64_t place)
{
    size_t low = 0, high = list->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (pp_patch_place_of(&list->at[middle], side) + list->at[middle].bytes <= place)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* The model finds short stretches in pages that both images hold. */
static bool is_worth_naming(const struct pp_patch_covers *covers, struct pp_patch_cover stretch,
                            enum pp_patch_side other)
{
    uint64_t place = pp_patch_place_of(&stretch, other);
    size_t i = first_behind(covers, other, place);
    bool is_covered =
        i < covers->count && pp_patch_place_of(&covers->at[i], other) < place + stretch.bytes;
    return stretch.bytes >= (is_covered ? COVERED_BYTES_MIN : CHOSEN_BYTES_MIN);
}

/* The stretches of a match that are equal. */
static bool add_stretches(const struct pp_patch_images *images, struct pp_patch_cover match,
                          enum pp_patch_side other, struct pp_patch_covers *list)
{
    while (match.bytes > 0) {
        struct pp_patch_cover stretch = match;
        stretch.bytes =
            pp_patch_equal_bytes(images->old_image.data + match.old_at,
                                 images->new_image.data + match.new_at, (size_t)match.bytes);
        if (is_worth_naming(images->covers, stretch, other) && !pp_patch_covers_add(list, stretch))
            return false;
        match = without(match, stretch.bytes + (stretch.bytes < match.bytes));
    }
    return true;
}

/* In the order of that side, whose bytes lie in one stretch at most. */
static void put_in_order(struct pp_patch_covers *list, enum pp_patch_side side)
{
    uint64_t end = 0;
    size_t kept = 0;
    pp_patch_covers_sort(list, side);
    for (size_t i = 0; i < list->count; i++) {
        struct pp_patch_cover next = list->at[i];
        uint64_t place = pp_patch_place_of(&next, side), before = place < end ? end - place : 0;
        if (next.bytes < before + CHOSEN_BYTES_MIN)
            continue;
        list->at[kept++] = without(next, before);
        end = place + next.bytes;
    }
    list->count = kept;
}

enum pp_error pp_patch_elsewhere_find(const struct pp_patch_images *images,
                                      const struct pp_patch_covers *matches,
                                      struct pp_patch_elsewhere_lists *lists)
{
    for (int side = 0; side < 2; side++) {
        struct pp_patch_covers *list = &lists->of[side];
        for (size_t i = 0; i < matches->count; i++)
            if (!add_stretches(images, matches->at[i], (enum pp_patch_side)(1 - side), list))
                return PP_ERROR_MEMORY;
        put_in_order(list, (enum pp_patch_side)side);
    }
    return PP_OK;
}

void pp_patch_elsewhere_clean_up(struct pp_patch_elsewhere_lists *lists)
{
    pp_patch_covers_clean_up(&lists->of[PP_PATCH_OLD_SIDE]);
    pp_patch_covers_clean_up(&lists->of[PP_PATCH_NEW_SIDE]);
}

/* ---- Writing --------------------------------------------------------------------------------- */

/* A slot at work, and how far it went. */
struct writer {
    const uint8_t *marks;
    size_t at, unmoved; /* in all literals of the side; in those that did not move */
    size_t literal_end; /* behind the last part, in those that did not move */
    uint64_t place_end;
    uint8_t *slot;
    size_t used;
};

/* How many of the n literals from `at` on are of one kind: 1 moved, 0 the others. */
static size_t run_of(const struct writer *w, size_t at, size_t n, uint8_t mark)
{
    size_t run = 0;
    while (run < n && w->marks[at + run] == mark)
        run++;
    return run;
}

static void write_part(struct writer *w, size_t at, uint64_t place, size_t bytes)
{
    for (; w->at < at; w->at++)
        w->unmoved += w->marks[w->at] == 0;
    w->used += pp_rollback_varint_write(w->slot + w->used, w->unmoved - w->literal_end);
    w->used +=
        pp_rollback_varint_write(w->slot + w->used, pp_patch_number_of(place - w->place_end));
    w->used += pp_rollback_varint_write(w->slot + w->used, bytes);
    w->literal_end = w->unmoved + bytes;
    w->place_end = place + bytes;
}

/* Of n literals that stand elsewhere, those that did not move. */
static void write_unmoved(struct writer *w, size_t at, uint64_t place, size_t n)
{
    while (n >= CHOSEN_BYTES_MIN) {
        size_t moved = run_of(w, at, n, 1), unmoved = run_of(w, at + moved, n - moved, 0);
        if (unmoved >= CHOSEN_BYTES_MIN)
            write_part(w, at + moved, place + moved, unmoved);
        at += moved + unmoved;
        place += moved + unmoved;
        n -= moved + unmoved;
    }
}

/* n literals at `at` of all the block's, which stand in the image at `start`. */
static void write_literal(struct writer *w, const struct pp_patch_covers *list,
                          enum pp_patch_side side, size_t at, uint64_t start, size_t n)
{
    enum pp_patch_side other = side == PP_PATCH_OLD_SIDE ? PP_PATCH_NEW_SIDE : PP_PATCH_OLD_SIDE;
    for (size_t i = first_behind(list, side, start);
         i < list->count && pp_patch_place_of(&list->at[i], side) < start + n; i++) {
        struct pp_patch_cover stretch = list->at[i];
        uint64_t place = pp_patch_place_of(&stretch, side);
        if (place < start)
            stretch = without(stretch, start - place);
        place = pp_patch_place_of(&stretch, side);
        uint64_t most = start + n - place;
        write_unmoved(w, at + (size_t)(place - start), pp_patch_place_of(&stretch, other),
                      (size_t)(stretch.bytes < most ? stretch.bytes : most));
    }
}

size_t pp_patch_elsewhere_write(const struct pp_patch_elsewhere_lists *lists,
                                enum pp_patch_side side, struct pp_bytes control, uint64_t start,
                                const uint8_t *marks, uint8_t *slot)
{
    struct writer w = {.marks = marks, .slot = slot};
    enum pp_rollback_kind literal = side == PP_PATCH_OLD_SIDE ? PP_ROLLBACK_OLD : PP_ROLLBACK_NEW;
    enum pp_rollback_kind other = side == PP_PATCH_OLD_SIDE ? PP_ROLLBACK_NEW : PP_ROLLBACK_OLD;
    size_t at = 0;
    for (size_t i = 0; i < control.len; i += PP_ROLLBACK_OPERATION_BYTES) {
        struct pp_rollback_operation operation = {0};
        enum pp_error error = pp_rollback_operation_read(control.data + i, &operation);
        (void)error; /* the builder wrote it */
        if (operation.kind == literal) {
            write_literal(&w, &lists->of[side], side, at, start, (size_t)operation.count);
            at += (size_t)operation.count;
        }
        start += operation.kind == other ? 0 : operation.count;
    }
    return w.used;
}
