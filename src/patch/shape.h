/* SPDX-License-Identifier: MIT */
/* Chooses the item and the layout of a block's deltas: tries them and keeps the smallest. */
#ifndef PP_PATCH_SHAPE_H
#define PP_PATCH_SHAPE_H

#include <zstd.h>

#include "deltas.h"

/* Planes and codes hold few repetitions: more effort finds no more. */
enum { PP_PATCH_LEVEL_OF_PLANES = 1 };

/* What was chosen last. */
struct pp_patch_chooser {
    struct pp_patch_shape shape;
    unsigned blocks_until_next; /* for the fast choice */
};

/* place->code is NULL where no item code is wanted, as it is where rows are sampled.
   The shape whose slots are smallest for these rows, or for a sample of them.  scratch and memory
   as for pp_patch_deltas_encode. */
PP_MUST_CHECK enum pp_error
pp_patch_chooser_choose(struct pp_patch_chooser *chooser, const struct pp_patch_place *place,
                        ZSTD_CCtx *zstd, bool fast, const uint8_t *old_row, const uint8_t *new_row,
                        size_t n, uint8_t *scratch, uint8_t *memory, struct pp_patch_shape *shape);
/* The level of zstd for the slots of a shape, when level is that for what repeats. */
int pp_patch_shape_level(struct pp_patch_shape shape, int level);

#endif
