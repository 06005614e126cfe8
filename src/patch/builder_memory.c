/* SPDX-License-Identifier: MIT */
/* Memory of a block, by what it holds. */
#include <stdlib.h>

#include "builder_internal.h"
#include "deltas.h"
#include "moves.h"

enum { SLACK_BYTES = 64 }; /* what contents take at most that is not a multiple of their values */

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

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
        .side = larger(b->new_bytes, b->old_bytes),
        .codes = literals + literals / 64 + SLACK_BYTES,
        .operations = b->operations * (size_t)PP_VARINT_BYTES_MAX,
        .moves = (both / PP_PATCH_MOVE_BYTES_MIN + 1) * PP_PATCH_MOVE_SLOT_BYTES_MAX,
    };
    room.rest = 2 * room.side + room.side / 64 + SLACK_BYTES;
    room.values = pp_patch_deltas_room(room.row);
    size_t beside = larger(room.row, b->operations * sizeof(struct pp_rollback_piece));
    room.scratch = SLACK_BYTES + larger(room.row + larger(beside, 2 * room.side), literals);
    room.contents = larger(larger(room.values, room.operations), literals);
    room.contents = larger(room.contents, room.row + room.side);
    room.front = PP_PATCH_BLOCK_HEADER_BYTES + room.operations + room.moves + room.codes +
                 2 * PP_PATCH_PREFIX_SLOT_BYTES_MAX;
    return room;
}

/* At least so much memory, kept from block to block as long as it is enough.  Only what is used of
   it counts: the rest is never touched. */
static enum pp_error get_memory(uint8_t **memory, size_t *has, size_t bytes)
{
    if (bytes <= *has)
        return PP_OK;
    free(*memory);
    *has = 0;
    *memory = malloc(bytes);
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
    enum pp_error error = get_memory(&b->memory, &b->memory_bytes,
                                     streams + room.moves + room.rest + room.codes + room.scratch +
                                         room.contents + room.front + room.values);
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
    enum pp_error error = get_memory(&b->replay_memory, &b->replay_memory_bytes, row + contents);
    if (error != PP_OK)
        return error;
    uint8_t *next = b->replay_memory;
    b->replay_deltas = take(&next, row);
    b->replay = take(&next, contents);
    b->marks = b->contents + row;
    return PP_OK;
}

/* Memory that is not needed until the next block, for what is: in page mode blocks are so small,
   and so many, that it is kept. */
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
    if (error != PP_OK)
        return error;
    b->models = malloc(sizeof *b->models);
    return b->models == NULL ? PP_ERROR_MEMORY : PP_OK;
}

void pp_patch_drop_models(struct pp_patch_builder *b)
{
    free(b->models);
    b->models = NULL;
}
