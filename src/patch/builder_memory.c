/* SPDX-License-Identifier: MIT */
/* Memory of a block, by what it holds. */
#include <stdlib.h>

#include "builder_internal.h"
#include "deltas.h"
#include "moves.h"
#include "pages.h"

enum { SLACK_BYTES = 64 }; /* what contents take at most that is not a multiple of their values */

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

static uint8_t *take(uint8_t **next, size_t bytes)
{
    uint8_t *at = *next;
    *next += bytes;
    return at;
}

/* What the parts of a block take at most, before it is known what moved. */
struct room {
    size_t row, side, rest, codes, operations, moves, scratch, contents, front, values;
};

static struct room room_of(const struct pp_patch_builder *b)
{
    size_t both = smaller(b->new_bytes, b->old_bytes), literals = b->new_bytes + b->old_bytes;
    struct room room = {
        .row = b->pair_bytes + both,
        .side = pp_patch_larger(b->new_bytes, b->old_bytes),
        .codes = literals + literals / 64 + SLACK_BYTES,
        .operations = b->operations * (size_t)PP_VARINT_BYTES_MAX,
        .moves = (both / PP_PATCH_MOVE_BYTES_MIN + 1) * PP_PATCH_MOVE_SLOT_BYTES_MAX,
    };
    room.rest = 2 * room.side + room.side / 64 + SLACK_BYTES;
    room.values = pp_patch_deltas_room(room.row);
    size_t beside = pp_patch_larger(room.row, b->operations * sizeof(struct pp_rollback_piece));
    room.scratch =
        SLACK_BYTES + pp_patch_larger(room.row + pp_patch_larger(beside, 2 * room.side), literals);
    room.contents = pp_patch_larger(pp_patch_larger(room.values, room.operations), literals);
    room.contents = pp_patch_larger(room.contents, room.row + room.side);
    room.front = PP_PATCH_BLOCK_HEADER_BYTES + room.operations + room.moves + room.codes +
                 2 * PP_PATCH_PREFIX_SLOT_BYTES_MAX;
    return room;
}

/* Memory of which only what is used counts, so it is new for each block: but in page mode, where
   blocks are small and many. */
static enum pp_error get_memory(const struct pp_patch_builder *b, uint8_t **memory, size_t *has,
                                size_t bytes)
{
    if (b->options.fast && bytes <= *has)
        return PP_OK;
    free(*memory);
    *has = 0;
    *memory = b->options.fast ? malloc(bytes) : pp_patch_get_pages(bytes);
    if (*memory == NULL)
        return PP_ERROR_MEMORY;
    *has = bytes;
    return PP_OK;
}

/* Streams, and contents of slots, which are forgotten once their frames are in the block. */
enum pp_error pp_patch_lay_out(struct pp_patch_builder *b)
{
    struct room room = room_of(b);
    size_t streams = b->options.fast ? 0 : 2 * room.row + b->new_bytes + b->old_bytes;
    enum pp_error error = get_memory(b, &b->memory, &b->memory_bytes,
                                     streams + room.moves + room.rest + room.codes + room.scratch +
                                         room.contents + room.front + room.values);
    if (error == PP_OK && b->code == NULL && !b->options.fast) {
        b->code = malloc(sizeof *b->code);
        error = b->code == NULL ? PP_ERROR_MEMORY : PP_OK;
    }
    if (error != PP_OK)
        return error;
    uint8_t *next = b->memory;
    if (!b->options.fast) {
        b->old_row = take(&next, room.row);
        b->new_row = take(&next, room.row);
        b->new_literals = take(&next, b->new_bytes);
        b->old_literals = take(&next, b->old_bytes);
    }
    b->moves_slot = take(&next, room.moves);
    b->rest = take(&next, room.rest);
    b->codes = b->marks = take(&next, room.codes); /* marks are forgotten before there are codes */
    b->scratch = take(&next, room.scratch);
    b->contents = b->replay = take(&next, room.contents);
    b->block = take(&next, room.front + room.values);
    b->front_bytes = room.front;
    return PP_OK;
}

/* The contents' place has room for the values and for marks. */
enum pp_error pp_patch_lay_out_replay(struct pp_patch_builder *b,
                                      const struct pp_patch_block *block)
{
    size_t row = b->row_bytes, contents = 0;
    for (size_t i = 0; i < PP_PATCH_SLOTS; i++)
        contents += block->slot[i].content_bytes;
    enum pp_error error = get_memory(b, &b->replay_memory, &b->replay_memory_bytes, row + contents);
    if (error != PP_OK)
        return error;
    uint8_t *next = b->replay_memory;
    b->replay_deltas = take(&next, row);
    b->replay = take(&next, contents);
    b->marks = b->contents + row;
    return PP_OK;
}

/* Until the next block. */
void pp_patch_free_replay(struct pp_patch_builder *b)
{
    if (b->options.fast)
        return;
    free(b->replay_memory);
    b->replay_memory = NULL;
    b->replay_memory_bytes = 0;
}

/* The tables that zstd made for what it has compressed. */
enum pp_error pp_patch_drop_tables(struct pp_patch_builder *b)
{
    ZSTD_freeCCtx(b->encode);
    b->encode = ZSTD_createCCtx();
    return b->encode == NULL ? PP_ERROR_MEMORY : PP_OK;
}

enum pp_error pp_patch_get_models(struct pp_patch_builder *b)
{
    enum pp_error error = pp_patch_drop_tables(b);
    free(b->prefix_space);
    if (b->chooser.shape.item != PP_ROLLBACK_ITEM_CODE) {
        free(b->code);
        b->code = NULL;
    }
    b->models = malloc(sizeof *b->models);
    b->prefix_space = malloc(sizeof *b->prefix_space);
    return b->models == NULL || b->prefix_space == NULL ? PP_ERROR_MEMORY : error;
}

void pp_patch_drop_models(struct pp_patch_builder *b)
{
    free(b->models);
    b->models = NULL;
}
