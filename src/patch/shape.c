/* SPDX-License-Identifier: MIT */
/* Tries the shapes that deltas can have. */
#include "shape.h"

#include "frame.h"

enum {
    PART_BYTES = 1 << 15, /* of the rows, on which shapes are tried */
    PARTS = 8,            /* so many, or 1 for the fast choice */
    FAST_BLOCKS = 32,     /* a choice holds for so many blocks */
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

/* Rows to try shapes on: parts of them of `bytes` each, spread evenly. */
struct sample {
    const uint8_t *old_row, *new_row;
    size_t n, parts, bytes;
};

static size_t part_at(const struct sample *sample, size_t part)
{
    size_t between = (sample->n - sample->parts * sample->bytes) / (sample->parts + 1);
    return (between + part * (between + sample->bytes)) / PP_ROLLBACK_CELL_BYTES *
           PP_ROLLBACK_CELL_BYTES;
}

static enum pp_error cost_of_sample(struct pp_patch_shape shape, const struct pp_patch_place *place,
                                    ZSTD_CCtx *zstd, const struct sample *sample, uint8_t *scratch,
                                    uint8_t *memory, size_t *cost)
{
    *cost = 0;
    for (size_t part = 0; part < sample->parts && *cost != SIZE_MAX; part++) {
        size_t at = part_at(sample, part), of_part;
        enum pp_error error =
            cost_of(shape, place, zstd, sample->old_row + at, sample->new_row + at, sample->bytes,
                    scratch, memory, &of_part);
        if (error != PP_OK)
            return error;
        *cost = of_part == SIZE_MAX ? SIZE_MAX : *cost + of_part;
    }
    return PP_OK;
}

/* The cheapest of the candidates of item code, or of all others, unless *best costs less. */
static enum pp_error try_all(bool code, const struct pp_patch_place *place, ZSTD_CCtx *zstd,
                             const struct sample *sample, uint8_t *scratch, uint8_t *memory,
                             size_t *best_cost, struct pp_patch_shape *best)
{
    for (size_t i = 0; i < sizeof candidates / sizeof *candidates; i++) {
        size_t cost;
        if ((candidates[i].item == PP_ROLLBACK_ITEM_CODE) != code)
            continue;
        enum pp_error error =
            cost_of_sample(candidates[i], place, zstd, sample, scratch, memory, &cost);
        if (error != PP_OK)
            return error;
        if (cost < *best_cost) {
            *best_cost = cost;
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
    struct sample whole = {old_row, new_row, n, 1, n}, sample = whole;
    size_t cost = SIZE_MAX;
    *shape = chooser->shape;
    if (n == 0) {
        *shape = (struct pp_patch_shape){0};
        return PP_OK;
    }
    if (fast && chooser->blocks_until_next > 0) {
        chooser->blocks_until_next--;
        return PP_OK;
    }
    chooser->blocks_until_next = FAST_BLOCKS;
    size_t parts = fast ? 1 : PARTS;
    if (n > parts * PART_BYTES) {
        sample.parts = parts;
        sample.bytes = PART_BYTES;
    }
    enum pp_error error =
        try_all(false, place, zstd, &sample, scratch, memory, &cost, &chooser->shape);
    if (error == PP_OK && place->code != NULL && sample.bytes < n)
        error = cost_of_sample(chooser->shape, place, zstd, &whole, scratch, memory, &cost);
    if (error == PP_OK && place->code != NULL)
        error = try_all(true, place, zstd, &whole, scratch, memory, &cost, &chooser->shape);
    *shape = chooser->shape;
    return error;
}
