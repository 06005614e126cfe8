/* SPDX-License-Identifier: MIT */
/* What the parts of the builder share: builder.c collects, encodes deltas and replays, literals.c
   encodes literals. */
#ifndef PP_PATCH_BUILDER_INTERNAL_H
#define PP_PATCH_BUILDER_INTERNAL_H

#include <zstd.h>

#include "builder.h"
#include "model.h"
#include "prefix.h"
#include "shape.h"

/* The codes of what does not stand elsewhere of what rest holds, behind a prefix, which the models
   have learned; and hashes of all three. */
struct pp_patch_codes {
    struct pp_bytes of_new, of_old;
    struct pp_digest prefix, new_left, old_left;
};

struct pp_patch_builder {
    struct pp_patch_builder_options options;
    ZSTD_CCtx *encode;
    ZSTD_DCtx *decode;
    struct pp_patch_chooser chooser;
    uint64_t old_at, new_at;             /* places in the images behind the last operation */
    uint64_t block_old_at, block_new_at; /* where the block begins */
    uint64_t old_start, new_start;       /* of the first pair or literal of the block */
    uint32_t operations;
    /* What was collected: the script, and how much it speaks of. */
    size_t pair_bytes, new_bytes, old_bytes;
    uint8_t *control;
    /* The streams, and the bytes of pairs in both images: collected one by one in page mode,
       otherwise gathered from the images when the block is full. */
    uint8_t *old_row, *new_row, *new_literals, *old_literals;
    /* Made of it.  The rows get what moved behind the pairs. */
    struct pp_patch_covers moves;
    size_t row_bytes, moves_slot_bytes;
    /* Rest: new literals that did not move, then old ones; in the replay, what comes back. */
    uint8_t *moves_slot, *rest, *marks;
    uint8_t *scratch, *contents, *block, *replay, *replay_deltas;
    uint8_t *codes;     /* of both sides, one behind the other */
    size_t front_bytes; /* of a block, at most, before its deltas */
    uint8_t *collected, *memory, *replay_memory;
    size_t memory_bytes, replay_memory_bytes;
    struct pp_patch_codes shared;
    union pp_patch_prefix_space *prefix_space; /* NULL without images: no prefixes */
    struct pp_patch_models *models;            /* NULL until literals are shared */
    struct pp_rollback_code *code;             /* NULL when the choice is to be fast */
};

/* Places for all parts of the block that was collected: those of encoding; those of the replay, for
   which nothing of encoding is forgotten but the contents of slots, and which free gives back. */
PP_MUST_CHECK enum pp_error pp_patch_lay_out(struct pp_patch_builder *b);
PP_MUST_CHECK enum pp_error pp_patch_lay_out_replay(struct pp_patch_builder *b,
                                                    const struct pp_patch_block *block);
void pp_patch_free_replay(struct pp_patch_builder *b);

/* Models for the block take the place of the tables that zstd has filled, of the pages that it has
   seen as prefixes, and of guesses of addresses that are not needed again. */
PP_MUST_CHECK enum pp_error pp_patch_get_models(struct pp_patch_builder *b);
void pp_patch_drop_models(struct pp_patch_builder *b);
PP_MUST_CHECK enum pp_error pp_patch_drop_tables(struct pp_patch_builder *b);

/* Where the next slot of a block goes. */
struct pp_patch_output {
    struct pp_patch_builder *b;
    struct pp_patch_block *block;
    size_t bytes;
};

/* The smaller of frame and content. */
PP_MUST_CHECK enum pp_error pp_patch_put_slot(struct pp_patch_output *out, size_t number, int level,
                                              struct pp_bytes content, struct pp_bytes prefix);
/* Both streams of literals, in rest, with their prefixes and the moves. */
PP_MUST_CHECK enum pp_error pp_patch_put_literals(struct pp_patch_output *out);
/* The bytes of the slot of a prefix that both images hold, from the one that is the source. */
struct pp_bytes pp_patch_common_of(struct pp_patch_builder *b, struct pp_bytes slot,
                                   enum pp_rollback_direction source);

static inline size_t pp_patch_larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

#endif
