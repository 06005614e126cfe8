/* SPDX-License-Identifier: MIT */
/* Covers from a chain of matches: extensions over bytes that differ, and gaps that are closed. */
#include "match.h"

/* A byte that is equal pays for so many that differ: a byte in a literal is written down once for
   each direction, a delta once. */
enum {
    EQUAL_SCORE = 2,
    ALIKE_FACTOR = 4, /* one of so many bytes is equal: closing a gap pays */
    SHORT_GAP_BYTES = 8
};

bool pp_patch_is_alike(const uint8_t *old_bytes, const uint8_t *new_bytes, size_t n)
{
    size_t equal = 0;
    for (size_t i = 0; i < n; i++)
        equal += old_bytes[i] == new_bytes[i];
    return equal * ALIKE_FACTOR >= n;
}

static int64_t score_of(uint8_t a, uint8_t b)
{
    return a == b ? EQUAL_SCORE : -1;
}

/* The best length of an extension over at most n bytes. */
static size_t extend_forward(const uint8_t *a, const uint8_t *b, size_t n)
{
    int64_t score = 0, best = 0;
    size_t length = 0;
    for (size_t i = 0; i < n; i++) {
        score += score_of(a[i], b[i]);
        if (score > best) {
            best = score;
            length = i + 1;
        }
    }
    return length;
}

/* The same before a and b. */
static size_t extend_backward(const uint8_t *a, const uint8_t *b, size_t n)
{
    int64_t score = 0, best = 0;
    size_t length = 0;
    for (size_t i = 1; i <= n; i++) {
        score += score_of(*(a - i), *(b - i));
        if (score > best) {
            best = score;
            length = i;
        }
    }
    return length;
}

/* Two extensions want the same `overlap` bytes: how many of them go to the first one.  a and b are
   the first one's images of them, c and d the second one's. */
static size_t split_overlap(const uint8_t *a, const uint8_t *b, const uint8_t *c, const uint8_t *d,
                            size_t overlap)
{
    int64_t score = 0, best = 0;
    size_t length = 0;
    for (size_t i = 0; i < overlap; i++) {
        score += score_of(a[i], b[i]) - score_of(c[i], d[i]);
        if (score > best) {
            best = score;
            length = i + 1;
        }
    }
    return length;
}

/* The next match without what lies before the ends of the last cover. */
static struct pp_patch_cover trim(struct pp_patch_cover match, uint64_t old_end, uint64_t new_end)
{
    uint64_t cut = match.old_at < old_end ? old_end - match.old_at : 0;
    if (match.new_at + cut < new_end)
        cut = new_end - match.new_at;
    if (cut > match.bytes)
        cut = match.bytes;
    return (struct pp_patch_cover){match.old_at + cut, match.new_at + cut, match.bytes - cut};
}

/* Lets the last cover grow into the gap before the next one, and that one backwards. */
static void fill_gap(struct pp_bytes old_image, struct pp_bytes new_image,
                     struct pp_patch_cover *last, struct pp_patch_cover *next)
{
    uint64_t old_end = last->old_at + last->bytes, new_end = last->new_at + last->bytes;
    size_t old_gap = (size_t)(next->old_at - old_end), new_gap = (size_t)(next->new_at - new_end);
    size_t gap = old_gap < new_gap ? old_gap : new_gap;
    const uint8_t *a = old_image.data + old_end, *b = new_image.data + new_end;
    const uint8_t *c = old_image.data + next->old_at, *d = new_image.data + next->new_at;
    size_t forward = extend_forward(a, b, gap), backward = extend_backward(c, d, gap);
    if (forward + backward > gap) {
        size_t overlap = forward + backward - gap;
        forward -= overlap;
        size_t first = split_overlap(a + forward, b + forward, c - backward, d - backward, overlap);
        forward += first;
        backward -= first;
    }
    last->bytes += forward;
    next->old_at -= backward;
    next->new_at -= backward;
    next->bytes += backward;
}

/* The gap has the same length in both images, and its bytes are alike or few. */
static bool gap_closes(struct pp_bytes old_image, struct pp_bytes new_image,
                       const struct pp_patch_cover *last, const struct pp_patch_cover *next)
{
    uint64_t old_end = last->old_at + last->bytes, new_end = last->new_at + last->bytes;
    uint64_t gap = next->old_at - old_end;
    return gap == next->new_at - new_end &&
           (gap <= SHORT_GAP_BYTES ||
            pp_patch_is_alike(old_image.data + old_end, new_image.data + new_end, (size_t)gap));
}

enum pp_error pp_patch_align(struct pp_bytes old_image, struct pp_bytes new_image,
                             const struct pp_patch_covers *chain, struct pp_patch_covers *covers)
{
    struct pp_patch_cover start = {0, 0, 0};
    if (!pp_patch_covers_add(covers, start))
        return PP_ERROR_MEMORY;
    for (size_t i = 0; i < chain->count; i++) {
        struct pp_patch_cover *last = covers->at + covers->count - 1;
        struct pp_patch_cover next =
            trim(chain->at[i], last->old_at + last->bytes, last->new_at + last->bytes);
        if (next.bytes == 0)
            continue;
        if (!gap_closes(old_image, new_image, last, &next))
            fill_gap(old_image, new_image, last, &next);
        if (gap_closes(old_image, new_image, last, &next))
            last->bytes = next.old_at + next.bytes - last->old_at;
        else if (!pp_patch_covers_add(covers, next))
            return PP_ERROR_MEMORY;
    }
    struct pp_patch_cover *last = covers->at + covers->count - 1;
    struct pp_patch_cover end = {old_image.len, new_image.len, 0};
    if (gap_closes(old_image, new_image, last, &end))
        last->bytes = old_image.len - last->old_at;
    else
        fill_gap(old_image, new_image, last, &end);
    if (end.bytes > 0 && !pp_patch_covers_add(covers, end))
        return PP_ERROR_MEMORY;
    return PP_OK;
}
