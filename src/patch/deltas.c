/* SPDX-License-Identifier: MIT */
/* Encodes and decodes the deltas of a block: cells, items, layout. */
#include "deltas.h"

#include <string.h>

/* ---- Values and slots ------------------------------------------------------------------------ */

/* The slots from VALUES on hold the planes of n bytes, one behind the other: none is longer or
   shorter than that, and there are no others. */
static bool planes_fit(const struct pp_bytes slot[PP_PATCH_SLOTS], size_t width, size_t n)
{
    for (size_t k = 0; k < PP_PATCH_SLOTS - PP_PATCH_SLOT_VALUES; k++) {
        size_t expected = k < width ? n / width : 0;
        if (k + 1 == width)
            expected += n % width;
        if (slot[PP_PATCH_SLOT_VALUES + k].len != expected)
            return false;
    }
    return true;
}

static bool join_two_bits(const struct pp_bytes slot[PP_PATCH_SLOTS], size_t width, uint8_t *rest,
                          uint8_t *values, size_t n)
{
    const uint8_t *codes = slot[PP_PATCH_SLOT_RUNS].data;
    if (slot[PP_PATCH_SLOT_RUNS].len != (n / width + 3) / 4)
        return false;
    size_t rest_bytes = pp_rollback_two_bits_rest(width, codes, n);
    if (!planes_fit(slot, width, rest_bytes))
        return false;
    pp_rollback_planes_join(width, slot[PP_PATCH_SLOT_VALUES].data, rest, rest_bytes);
    return pp_rollback_two_bits_join(width, codes, rest, values, n);
}

/* The n bytes of values that the slots hold. */
static bool read_values(struct pp_patch_shape shape, const struct pp_bytes slot[PP_PATCH_SLOTS],
                        uint8_t *scratch, uint8_t *values, size_t n)
{
    size_t width = pp_rollback_item_bytes(shape.item);
    struct pp_bytes first = slot[PP_PATCH_SLOT_VALUES];
    if (shape.layout == PP_ROLLBACK_LAYOUT_TWO_BITS)
        return join_two_bits(slot, width, scratch, values, n);
    if (shape.layout == PP_ROLLBACK_LAYOUT_RUNS)
        return planes_fit(slot, 1, first.len) &&
               pp_rollback_runs_join(slot[PP_PATCH_SLOT_RUNS], first, values, n);
    if (shape.layout == PP_ROLLBACK_LAYOUT_PLAIN)
        width = 1;
    if (slot[PP_PATCH_SLOT_RUNS].len != 0 || !planes_fit(slot, width, n))
        return false;
    pp_rollback_planes_join(width, first.data, values, n);
    return true;
}

/* ---- Code ------------------------------------------------------------------------------------ */

/* The pairs of the script as pieces, without the shortest, in scratch space of 2 * n + 3 bytes that
   need not be aligned, n the bytes of all pairs. */
static struct pp_rollback_pieces find_pieces(const struct pp_patch_place *place, uint8_t *scratch)
{
    struct pp_rollback_piece *pieces =
        (struct pp_rollback_piece *)(scratch + (4 - (uintptr_t)scratch % 4) % 4);
    struct pp_rollback_piece next = {0, 0, (uint32_t)place->old_at, (uint32_t)place->new_at};
    size_t count = 0;
    for (size_t at = 0; at < place->control.len; at += PP_ROLLBACK_OPERATION_BYTES) {
        struct pp_rollback_operation operation = {0};
        enum pp_error error = pp_rollback_operation_read(place->control.data + at, &operation);
        (void)error; /* the caller has read it before */
        uint32_t n = (uint32_t)operation.count;
        next.bytes = n;
        if (operation.kind == PP_ROLLBACK_PAIR && n >= PP_ROLLBACK_PIECE_BYTES_MIN)
            pieces[count++] = next;
        next.row_at += operation.kind == PP_ROLLBACK_PAIR ? n : 0;
        next.old_at += operation.kind == PP_ROLLBACK_NEW ? 0 : n;
        next.new_at += operation.kind == PP_ROLLBACK_OLD ? 0 : n;
    }
    return (struct pp_rollback_pieces){pieces, count};
}

/* ---- Decoding -------------------------------------------------------------------------------- */

bool pp_patch_values_read(const struct pp_patch_block *block,
                          const struct pp_bytes slot[PP_PATCH_SLOTS], size_t n, uint8_t *scratch,
                          uint8_t *values, size_t *bytes)
{
    struct pp_patch_shape shape = {block->item, block->layout, block->cells};
    struct pp_bytes bitmap = slot[PP_PATCH_SLOT_CELLS];
    size_t expected = block->cells ? pp_rollback_cells_bitmap_bytes(n) : 0;
    *bytes = n;
    if (bitmap.len != expected || (block->cells && block->item == PP_ROLLBACK_ITEM_CODE) ||
        (block->cells && !pp_rollback_cells_count(bitmap.data, n, bytes)))
        return false;
    return read_values(shape, slot, scratch, values, *bytes);
}

static void resolve_row(const struct pp_patch_block *block, const struct pp_patch_place *place,
                        enum pp_rollback_direction direction, const uint8_t *source,
                        uint8_t *scratch, uint8_t *row, size_t n)
{
    if (block->item == PP_ROLLBACK_ITEM_CODE) {
        struct pp_rollback_pieces pieces = find_pieces(place, scratch);
        pp_rollback_code_resolve(place->code, &pieces, direction, source, row, n);
    } else {
        pp_rollback_values_resolve(block->item, direction, source, row, n);
    }
}

void pp_patch_values_resolve(const struct pp_patch_block *block, const struct pp_patch_place *place,
                             enum pp_rollback_direction direction, struct pp_bytes cells,
                             struct pp_bytes values, const uint8_t *source_row, size_t n,
                             uint8_t *scratch, uint8_t *deltas)
{
    if (block->cells) {
        uint8_t *source_cells = scratch, *target_cells = scratch + n;
        pp_rollback_cells_gather(source_row, cells.data, source_cells, n);
        memcpy(target_cells, values.data, values.len);
        resolve_row(block, NULL, direction, source_cells, NULL, target_cells, values.len);
        memcpy(deltas, source_row, n);
        pp_rollback_cells_scatter(target_cells, cells.data, deltas, n);
    } else {
        if (values.data != deltas && n > 0)
            memcpy(deltas, values.data, n);
        resolve_row(block, place, direction, source_row, scratch, deltas, n);
    }
    pp_rollback_row_to_deltas(direction, source_row, deltas, n);
}

enum pp_error pp_patch_deltas_decode(const struct pp_patch_block *block,
                                     const struct pp_patch_place *place,
                                     enum pp_rollback_direction direction,
                                     const struct pp_bytes slot[PP_PATCH_SLOTS],
                                     const uint8_t *source_row, size_t n, uint8_t *scratch,
                                     uint8_t *deltas)
{
    uint8_t *values = block->cells ? scratch + 2 * n : deltas;
    size_t bytes;
    if (!pp_patch_values_read(block, slot, n, scratch, values, &bytes))
        return PP_ERROR_FORMAT;
    pp_patch_values_resolve(block, place, direction, slot[PP_PATCH_SLOT_CELLS],
                            (struct pp_bytes){values, bytes}, source_row, n, scratch, deltas);
    return PP_OK;
}

enum pp_error pp_patch_run_pair(enum pp_rollback_direction direction, const uint8_t *deltas,
                                const uint8_t *source, uint8_t *target, size_t n)
{
    uint8_t control[PP_ROLLBACK_OPERATION_BYTES];
    struct pp_rollback_operation pair = {.count = n, .kind = PP_ROLLBACK_PAIR};
    struct pp_rollback_streams streams = {.control = {control, sizeof control},
                                          .deltas = {deltas, n}};
    if (n == 0)
        return PP_OK;
    pp_rollback_operation_write(control, pair);
    return pp_rollback_run(direction, &streams, (struct pp_bytes){source, n}, target, n);
}

/* ---- Encoding -------------------------------------------------------------------------------- */

size_t pp_patch_deltas_room(size_t n)
{
    return pp_rollback_cells_bitmap_bytes(n) + n + n / 2 + 4; /* runs take most */
}

/* Names n bytes at memory as planes in the slots from VALUES on. */
static void name_planes(struct pp_bytes slot[PP_PATCH_SLOTS], size_t width, const uint8_t *memory,
                        size_t n)
{
    for (size_t k = 0; k < width; k++) {
        size_t bytes = n / width + (k + 1 == width ? n % width : 0);
        slot[PP_PATCH_SLOT_VALUES + k] = (struct pp_bytes){memory, bytes};
        memory += bytes;
    }
}

static void write_values(struct pp_patch_shape shape, const uint8_t *values, size_t n,
                         uint8_t *scratch, uint8_t *memory, struct pp_bytes slot[PP_PATCH_SLOTS])
{
    size_t width = pp_rollback_item_bytes(shape.item);
    if (shape.layout == PP_ROLLBACK_LAYOUT_RUNS) {
        struct pp_rollback_runs used = pp_rollback_runs_split(values, n, memory, scratch);
        memcpy(memory + used.runs_bytes, scratch, used.rest_bytes);
        slot[PP_PATCH_SLOT_RUNS] = (struct pp_bytes){memory, used.runs_bytes};
        name_planes(slot, 1, memory + used.runs_bytes, used.rest_bytes);
    } else if (shape.layout == PP_ROLLBACK_LAYOUT_TWO_BITS) {
        size_t codes = (n / width + 3) / 4;
        size_t rest = pp_rollback_two_bits_split(width, values, n, memory, scratch);
        pp_rollback_planes_split(width, scratch, memory + codes, rest);
        slot[PP_PATCH_SLOT_RUNS] = (struct pp_bytes){memory, codes};
        name_planes(slot, width, memory + codes, rest);
    } else {
        if (shape.layout == PP_ROLLBACK_LAYOUT_PLAIN)
            width = 1;
        pp_rollback_planes_split(width, values, memory, n);
        name_planes(slot, width, memory, n);
    }
}

bool pp_patch_deltas_encode(struct pp_patch_shape shape, const struct pp_patch_place *place,
                            const uint8_t *old_row, const uint8_t *new_row, size_t n,
                            uint8_t *scratch, uint8_t *memory, struct pp_bytes slot[PP_PATCH_SLOTS])
{
    for (size_t k = PP_PATCH_SLOT_CELLS; k < PP_PATCH_SLOTS; k++)
        slot[k] = (struct pp_bytes){memory, 0};
    uint8_t *values = scratch, *behind = scratch + n;
    if (shape.cells) {
        uint8_t *bitmap = memory, *old_cells = scratch, *new_cells = scratch + n;
        size_t bytes = pp_rollback_cells_compare(old_row, new_row, bitmap, n);
        slot[PP_PATCH_SLOT_CELLS] = (struct pp_bytes){bitmap, pp_rollback_cells_bitmap_bytes(n)};
        memory += pp_rollback_cells_bitmap_bytes(n);
        pp_rollback_cells_gather(old_row, bitmap, old_cells, n);
        pp_rollback_cells_gather(new_row, bitmap, new_cells, n);
        old_row = old_cells;
        new_row = new_cells;
        n = bytes;
    }
    if (shape.item == PP_ROLLBACK_ITEM_CODE) {
        struct pp_rollback_pieces pieces = find_pieces(place, behind);
        if (!pp_rollback_code_make(place->code, &pieces, old_row, new_row, values, n))
            return false;
    } else {
        pp_rollback_values_make(shape.item, old_row, new_row, values, n);
    }
    write_values(shape, values, n, behind, memory, slot);
    return true;
}
