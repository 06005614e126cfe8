/* SPDX-License-Identifier: MIT */
/* Matches in bounded memory: long ones first, then what lies between them. */
#include "match.h"

enum { GAP_BYTES_MIN = 16 }; /* shorter gaps are left to pp_patch_align */

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* A part of both images that corresponds. */
struct gap {
    uint64_t old_at, old_end, new_at, new_end;
};

/* Matches in the gap, window by window when its old side is longer than a suffix array may be. */
static enum pp_error match_gap(struct pp_bytes old_image, struct pp_bytes new_image, struct gap gap,
                               size_t suffix_bytes_max, struct pp_patch_covers *matches)
{
    enum pp_error error = PP_OK;
    while (error == PP_OK && gap.old_at + GAP_BYTES_MIN <= gap.old_end &&
           gap.new_at + GAP_BYTES_MIN <= gap.new_end) {
        size_t old_left = (size_t)(gap.old_end - gap.old_at);
        size_t new_left = (size_t)(gap.new_end - gap.new_at), first = matches->count;
        size_t n = smaller(old_left, suffix_bytes_max);
        size_t m = n == old_left ? new_left : smaller(new_left, suffix_bytes_max);
        error = pp_patch_match_suffixes((struct pp_bytes){old_image.data + gap.old_at, n},
                                        (struct pp_bytes){new_image.data + gap.new_at, m}, matches);
        for (size_t i = first; i < matches->count; i++) {
            matches->at[i].old_at += gap.old_at;
            matches->at[i].new_at += gap.new_at;
        }
        gap.old_at += n;
        gap.new_at += m;
    }
    return error;
}

/* What lies between two matches of a chain, as far as it keeps the order of both images, and the
   second of the two.  found is work space. */
static enum pp_error match_between(struct pp_bytes old_image, struct pp_bytes new_image,
                                   struct pp_patch_cover last, struct pp_patch_cover next,
                                   size_t suffix_bytes_max, struct pp_patch_covers *found,
                                   struct pp_patch_covers *matches,
                                   struct pp_patch_covers *left_out)
{
    struct gap gap = {last.old_at + last.bytes, next.old_at, last.new_at + last.bytes, next.new_at};
    found->count = 0;
    if (last.bytes > 0 && !pp_patch_covers_add(found, last))
        return PP_ERROR_MEMORY;
    enum pp_error error = match_gap(old_image, new_image, gap, suffix_bytes_max, found);
    if (error == PP_OK && next.bytes > 0 && !pp_patch_covers_add(found, next))
        error = PP_ERROR_MEMORY;
    if (error == PP_OK && found->count > 2)
        error = pp_patch_chain(found, left_out);
    for (size_t i = 0; i < found->count && error == PP_OK; i++)
        if (found->at[i].new_at >= gap.new_at && !pp_patch_covers_add(matches, found->at[i]))
            error = PP_ERROR_MEMORY;
    return error;
}

/* The matches of a chain, and what lies between them: so many are found that all at once would take
   more memory than everything else. */
static enum pp_error match_gaps(struct pp_bytes old_image, struct pp_bytes new_image,
                                const struct pp_patch_covers *chain, size_t suffix_bytes_max,
                                struct pp_patch_covers *matches, struct pp_patch_covers *left_out)
{
    struct pp_patch_cover end = {old_image.len, new_image.len, 0}, last = {0, 0, 0};
    struct pp_patch_covers found = {0};
    enum pp_error error = PP_OK;
    for (size_t i = 0; i <= chain->count && error == PP_OK; i++) {
        struct pp_patch_cover next = i < chain->count ? chain->at[i] : end;
        error = match_between(old_image, new_image, last, next, suffix_bytes_max, &found, matches,
                              left_out);
        last = next;
    }
    pp_patch_covers_clean_up(&found);
    return error;
}

enum pp_error pp_patch_match(struct pp_bytes old_image, struct pp_bytes new_image,
                             size_t suffix_bytes_max, struct pp_patch_covers *matches,
                             struct pp_patch_covers *left_out)
{
    struct pp_patch_covers chain = {0};
    if (old_image.len <= suffix_bytes_max)
        return pp_patch_match_suffixes(old_image, new_image, matches);
    enum pp_error error = pp_patch_match_blocks(old_image, new_image, &chain);
    if (error == PP_OK)
        error = pp_patch_chain(&chain, left_out);
    if (error == PP_OK)
        error = match_gaps(old_image, new_image, &chain, suffix_bytes_max, matches, left_out);
    pp_patch_covers_clean_up(&chain);
    return error;
}
