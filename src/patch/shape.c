/* SPDX-License-Identifier: MIT */
/* Tries the shapes that deltas can have. */
#include "shape.h"

#include "frame.h"

enum {
    SAMPLE_BYTES = 1 << 15,
    FAST_BLOCKS = 32, /* a choice holds for so many blocks */
    TRIAL_LEVEL = 3
};

static const struct pp_patch_shape candidates[] = {
    {PP_ROLLBACK_ITEM_BYTE, PP_ROLLBACK_LAYOUT_RUNS, false},
    {PP_ROLLBACK_ITEM_BYTE, PP_ROLLBACK_LAYOUT_PLAIN, false},
    {PP_ROLLBACK_ITEM_BYTE, PP_ROLLBACK_LAYOUT_PLAIN, true},
    {PP_ROLLBACK_ITEM_CODE, PP_ROLLBACK_LAYOUT_RUNS, false},
    {PP_ROLLBACK_ITEM_CODE, PP_ROLLBACK_LAYOUT_PLAIN, false},
    {PP_ROLLBACK_ITEM_XOR, PP_ROLLBACK_LAYOUT_RUNS, false},
    {PP_ROLLBACK_ITEM_XOR, PP_ROLLBACK_LAYOUT_PLAIN, true},
    {PP_ROLLBACK_ITEM_INT16, PP_ROLLBACK_LAYOUT_PLANES, true},
    {PP_ROLLBACK_ITEM_INT32, PP_ROLLBACK_LAYOUT_PLANES, true},
    {PP_ROLLBACK_ITEM_FLOAT16, PP_ROLLBACK_LAYOUT_PLANES, false},
    {PP_ROLLBACK_ITEM_FLOAT16, PP_ROLLBACK_LAYOUT_PLANES, true},
    {PP_ROLLBACK_ITEM_FLOAT16, PP_ROLLBACK_LAYOUT_TWO_BITS, false},
    {PP_ROLLBACK_ITEM_FLOAT16, PP_ROLLBACK_LAYOUT_TWO_BITS, true},
    {PP_ROLLBACK_ITEM_FLOAT32, PP_ROLLBACK_LAYOUT_PLANES, false},
    {PP_ROLLBACK_ITEM_FLOAT32, PP_ROLLBACK_LAYOUT_PLANES, true},
};

int pp_patch_shape_level(struct pp_patch_shape shape, int level)
{
    bool repeats =
        shape.layout == PP_ROLLBACK_LAYOUT_PLAIN || shape.layout == PP_ROLLBACK_LAYOUT_RUNS;
    return repeats ? level : PP_PATCH_LEVEL_OF_PLANES;
}

/* The bytes that the slots of a shape take at a quick level. */
static enum pp_error cost_of(struct pp_patch_shape shape, const struct pp_patch_place *place,
                             ZSTD_CCtx *zstd, const uint8_t *old_row, const uint8_t *new_row,
                             size_t n, uint8_t *scratch, uint8_t *memory, size_t *cost)
{
    struct pp_bytes slot[PP_PATCH_SLOTS], none = {NULL, 0};
    *cost = SIZE_MAX;
    if (shape.item == PP_ROLLBACK_ITEM_CODE && place->code == NULL)
        return PP_OK;
    if (!pp_patch_deltas_encode(shape, place, old_row, new_row, n, scratch, memory, slot))
        return PP_OK;
    *cost = 0;
    for (size_t i = PP_PATCH_SLOT_CELLS; i < PP_PATCH_SLOTS; i++) {
        size_t stored;
        enum pp_error error = pp_patch_frame_encode(zstd, pp_patch_shape_level(shape, TRIAL_LEVEL),
                                                    slot[i], none, scratch, &stored);
        if (error != PP_OK)
            return error;
        *cost += stored;
    }
    return PP_OK;
}

static enum pp_error try_all(const struct pp_patch_place *place, ZSTD_CCtx *zstd,
                             const uint8_t *old_row, const uint8_t *new_row, size_t n,
                             uint8_t *scratch, uint8_t *memory, struct pp_patch_shape *best)
{
    size_t best_cost = SIZE_MAX;
    for (size_t i = 0; i < sizeof candidates / sizeof *candidates; i++) {
        size_t cost;
        enum pp_error error =
            cost_of(candidates[i], place, zstd, old_row, new_row, n, scratch, memory, &cost);
        if (error != PP_OK)
            return error;
        if (cost < best_cost) {
            best_cost = cost;
            *best = candidates[i];
        }
    }
    return PP_OK;
}

enum pp_error pp_patch_chooser_choose(struct pp_patch_chooser *chooser,
                                      const struct pp_patch_place *place, ZSTD_CCtx *zstd,
                                      bool fast, const uint8_t *old_row, const uint8_t *new_row,
                                      size_t n, uint8_t *scratch, uint8_t *memory,
                                      struct pp_patch_shape *shape)
{
    size_t at = 0;
    *shape = chooser->shape;
    if (n == 0) {
        *shape = (struct pp_patch_shape){0};
        return PP_OK;
    }
    if (fast && chooser->blocks_until_next > 0) {
        chooser->blocks_until_next--;
        return PP_OK;
    }
    if (fast && n > SAMPLE_BYTES) {
        at = (n - SAMPLE_BYTES) / 2 / 64 * 64;
        n = SAMPLE_BYTES;
    }
    chooser->blocks_until_next = FAST_BLOCKS;
    enum pp_error error =
        try_all(place, zstd, old_row + at, new_row + at, n, scratch, memory, &chooser->shape);
    *shape = chooser->shape;
    return error;
}
