/* SPDX-License-Identifier: MIT */
/* Prefixes of literals: which pages of the other image zstd gets to see, and which pages that both
   images hold the model learns from.  docs/format/rollback.md, "Block". */
#ifndef PP_PATCH_PREFIX_H
#define PP_PATCH_PREFIX_H

#include <postproof/patch.h>

#include "match.h"

/* ---- Reading a slot -------------------------------------------------------------------------- */

struct pp_patch_range {
    uint64_t offset;
    size_t bytes;
};

/* A walk over the ranges that a slot names. */
struct pp_patch_prefix_walk {
    struct pp_bytes rest; /* of the slot, borrowed */
    uint64_t image_bytes;
    uint64_t page; /* behind the last range */
};
struct pp_patch_prefix_walk pp_patch_prefix_begin(struct pp_bytes slot, uint64_t image_bytes);
/* The next range, which lies in the image.  false at the end, and at bytes that name none: then
   rest is not empty. */
PP_MUST_CHECK bool pp_patch_prefix_next(struct pp_patch_prefix_walk *walk,
                                        struct pp_patch_range *range);
/* The bytes of all ranges.  false when the slot breaks the format. */
PP_MUST_CHECK bool pp_patch_prefix_bytes(struct pp_bytes slot, uint64_t image_bytes, size_t *bytes);

/* The same of slots that name pages of both images: where they begin in the old and in the new one,
   as offset says. */
struct pp_patch_common_walk {
    struct pp_bytes rest; /* of the slot, borrowed */
    uint64_t old_bytes, new_bytes;
    uint64_t old_at; /* behind the last range */
    uint64_t shift;  /* of the last range: new place - old place, modulo 2^64 */
};
struct pp_patch_common_walk pp_patch_common_begin(struct pp_bytes slot, uint64_t old_bytes,
                                                  uint64_t new_bytes);
PP_MUST_CHECK bool pp_patch_common_next(struct pp_patch_common_walk *walk,
                                        struct pp_patch_cover *range);
PP_MUST_CHECK bool pp_patch_common_bytes(struct pp_bytes slot, uint64_t old_bytes,
                                         uint64_t new_bytes, size_t *bytes);

/* ---- Choosing -------------------------------------------------------------------------------- */

enum {
    PP_PATCH_PREFIX_CHOSEN_MAX = 1 << 20, /* bytes: more costs seconds and saves little */
    PP_PATCH_PREFIX_SLOT_BYTES_MAX = PP_PATCH_PREFIX_CHOSEN_MAX / PP_ROLLBACK_PAGE_BYTES * 12,
    PP_PATCH_COMMON_CHOSEN_MAX = 1 << 16, /* more crowds the model's tables */
    PP_PATCH_COMMON_SLOT_BYTES_MAX = PP_PATCH_COMMON_CHOSEN_MAX / PP_ROLLBACK_PAGE_BYTES * 22
};

/* Work space: first how often the literals' grams occur in the image, then the pages chosen, one
   behind the other. */
union pp_patch_prefix_space {
    uint8_t occurrences[1 << 20];
    uint8_t pages[PP_PATCH_PREFIX_CHOSEN_MAX];
};

/* The pages of the image that have most in common with the literals; none when that is too little
   to pay.  start and end are the places in the image that the block speaks of.  Fills slot, at most
   PP_PATCH_PREFIX_SLOT_BYTES_MAX bytes of it.  PP_ERROR_MEMORY. */
PP_MUST_CHECK enum pp_error pp_patch_prefix_choose(union pp_patch_prefix_space *space,
                                                   struct pp_bytes image, uint64_t start,
                                                   uint64_t end, struct pp_bytes literals,
                                                   uint8_t *slot, size_t *slot_bytes);
/* The ranges of a slot that was chosen, one behind the other in space->pages. */
struct pp_bytes pp_patch_prefix_gather(union pp_patch_prefix_space *space, struct pp_bytes slot,
                                       struct pp_bytes image);

/* The pages of the old image that the new one holds too and that have most in common with the
   literals of both sides.  start and end are places in the old image.  Fills slot, at most
   PP_PATCH_COMMON_SLOT_BYTES_MAX of it.  PP_ERROR_MEMORY. */
PP_MUST_CHECK enum pp_error pp_patch_common_choose(union pp_patch_prefix_space *space,
                                                   const struct pp_patch_images *images,
                                                   uint64_t start, uint64_t end,
                                                   struct pp_bytes literals, uint8_t *slot,
                                                   size_t *slot_bytes);
/* The ranges of such a slot in one of the images, one behind the other in space->pages. */
struct pp_bytes pp_patch_common_gather(union pp_patch_prefix_space *space, struct pp_bytes slot,
                                       const struct pp_patch_images *images,
                                       enum pp_rollback_direction source);

#endif
