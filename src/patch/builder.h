/* SPDX-License-Identifier: MIT */
/* Collects operations until a block is full, encodes it, and runs what it encoded in both
   directions before anybody sees it. */
#ifndef PP_PATCH_BUILDER_H
#define PP_PATCH_BUILDER_H

#include "block.h"
#include "elsewhere.h"
#include "match.h"

struct pp_patch_builder;

struct pp_patch_builder_options {
    size_t touched_bytes_max; /* of pairs and literals in a block */
    int level;                /* of zstd for what repeats: 1 to 19 */
    bool fast;                /* decide on the shape of deltas from a sample, now and then */
    /* Both images, unless the choice is to be fast: then bytes are copied when they are added. */
    struct pp_bytes old_image, new_image;
    /* What corresponds, complete before the first block; NULL without images. */
    const struct pp_patch_covers *covers;
    const struct pp_patch_elsewhere_lists *elsewhere; /* the same */
};

struct pp_patch_builder *pp_patch_builder_new(const struct pp_patch_builder_options *options);
void pp_patch_builder_free(struct pp_patch_builder *builder);

/* Operations that always fit when there is room. */
enum { PP_PATCH_BUILDER_SPARE_OPERATIONS = 64 };
/* Pairs and literals that still fit in the block, 0 when there are too many operations. */
size_t pp_patch_builder_room(const struct pp_patch_builder *builder);
bool pp_patch_builder_is_empty(const struct pp_patch_builder *builder);

/* Each adds an operation, or lengthens the last one, of count bytes: at least 1, and for all but
   copy at most the room.  The bytes are those of the images where the block has reached. */
void pp_patch_builder_copy(struct pp_patch_builder *builder, uint64_t count);
void pp_patch_builder_pair(struct pp_patch_builder *builder, const uint8_t *old_bytes,
                           const uint8_t *new_bytes, size_t count);
void pp_patch_builder_new_literal(struct pp_patch_builder *builder, struct pp_bytes literal);
void pp_patch_builder_old_literal(struct pp_patch_builder *builder, struct pp_bytes literal);

/* The bytes of the block, borrowed until the next call, and the builder is empty again.
   PP_ERROR_MISMATCH when what was encoded does not decode to what was put in, in one of the two
   directions: then nothing may be published. */
PP_MUST_CHECK enum pp_error pp_patch_builder_finish(struct pp_patch_builder *builder,
                                                    struct pp_bytes *block);

#endif
