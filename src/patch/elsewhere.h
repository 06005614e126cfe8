/* SPDX-License-Identifier: MIT */
/* Parts of a block's literals that stand elsewhere in the image at hand, as a row does that moved
   to a page far away.  docs/format/rollback.md, "Shared literals". */
#ifndef PP_PATCH_ELSEWHERE_H
#define PP_PATCH_ELSEWHERE_H

#include "match.h"

/* ---- Reading a slot -------------------------------------------------------------------------- */

enum { PP_PATCH_ELSEWHERE_BYTES_MIN = 32 };

/* A walk over the parts that a slot names. */
struct pp_patch_elsewhere_walk {
    struct pp_bytes rest; /* of the slot, borrowed */
    uint64_t literal_bytes, image_bytes;
    uint64_t literal_at, place; /* behind the last part */
};
struct pp_patch_elsewhere {
    size_t literal_at, bytes;
    uint64_t place; /* in the other image */
};
struct pp_patch_elsewhere_walk pp_patch_elsewhere_begin(struct pp_bytes slot, size_t literal_bytes,
                                                        uint64_t image_bytes);
/* The next part, which lies in the literals and in the image.  false at the end, and at bytes that
   name none: then rest is not empty. */
PP_MUST_CHECK bool pp_patch_elsewhere_next(struct pp_patch_elsewhere_walk *walk,
                                           struct pp_patch_elsewhere *part);
/* The bytes of all parts.  false when the slot breaks the format. */
PP_MUST_CHECK bool pp_patch_elsewhere_bytes(struct pp_bytes slot, size_t literal_bytes,
                                            uint64_t image_bytes, size_t *bytes);

/* Of slots that pp_patch_elsewhere_bytes accepted: takes the parts out of n literals, in place, and
   returns how many are left. */
size_t pp_patch_elsewhere_leave(struct pp_bytes slot, uint8_t *literals, size_t n);
/* The inverse: parts are the bytes of all of them; behind a gap of as many bytes, literals has the
   others. */
void pp_patch_elsewhere_place(struct pp_bytes slot, struct pp_bytes parts, uint8_t *literals,
                              size_t n);

/* ---- Choosing -------------------------------------------------------------------------------- */

/* What stands elsewhere, for each side in the order of its image, and no byte of a side twice. */
struct pp_patch_elsewhere_lists {
    struct pp_patch_covers of[2]; /* index: the side */
};
/* From matches that are in no chain.  PP_ERROR_MEMORY. */
PP_MUST_CHECK enum pp_error pp_patch_elsewhere_find(const struct pp_patch_images *images,
                                                    const struct pp_patch_covers *matches,
                                                    struct pp_patch_elsewhere_lists *lists);
void pp_patch_elsewhere_clean_up(struct pp_patch_elsewhere_lists *lists);

/* The slot of a side: which of the literals of a block that begins at start in that side's image
   stand elsewhere.  marks has 1 for each that moved, 0 for the others.  Slots take less than the
   parts they speak of. */
size_t pp_patch_elsewhere_write(const struct pp_patch_elsewhere_lists *lists,
                                enum pp_patch_side side, struct pp_bytes control, uint64_t start,
                                const uint8_t *marks, uint8_t *slot);

#endif
