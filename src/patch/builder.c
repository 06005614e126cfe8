/* SPDX-License-Identifier: MIT */
/* Builds blocks: streams from operations, the shape of the deltas, frames, and the replay. */
#include <stdlib.h>
#include <string.h>

#include "../base/base.h"
#include "../base/hash.h"
#include "builder_internal.h"
#include "deltas.h"
#include "frame.h"
#include "moves.h"

enum { CONTROL_BYTES = PP_PATCH_OPERATIONS_MAX * PP_ROLLBACK_OPERATION_BYTES };

/* ---- New and free ---------------------------------------------------------------------------- */

/* In page mode, rows and literals stand behind the control stream. */
static bool get_room(struct pp_patch_builder *b)
{
    size_t row = b->options.touched_bytes_max;
    b->collected = malloc(CONTROL_BYTES + (b->options.fast ? 4 * row : 0));
    b->control = b->collected;
    if (b->collected == NULL || !b->options.fast)
        return b->collected != NULL;
    b->old_row = b->control + CONTROL_BYTES;
    b->new_row = b->old_row + row;
    b->new_literals = b->new_row + row;
    b->old_literals = b->new_literals + row;
    return true;
}

struct pp_patch_builder *pp_patch_builder_new(const struct pp_patch_builder_options *options)
{
    struct pp_patch_builder *b = calloc(1, sizeof *b);
    if (b == NULL)
        return NULL;
    b->options = *options;
    b->encode = ZSTD_createCCtx();
    b->decode = ZSTD_createDCtx();
    bool has_images = options->old_image.len > 0 && options->new_image.len > 0;
    if (has_images)
        b->prefix_space = malloc(sizeof *b->prefix_space);
    if (get_room(b) && b->encode != NULL && b->decode != NULL &&
        (b->prefix_space != NULL || !has_images))
        return b;
    pp_patch_builder_free(b);
    return NULL;
}

void pp_patch_builder_free(struct pp_patch_builder *builder)
{
    if (builder == NULL)
        return;
    ZSTD_freeCCtx(builder->encode);
    ZSTD_freeDCtx(builder->decode);
    free(builder->collected);
    free(builder->memory);
    free(builder->replay_memory);
    free(builder->prefix_space);
    free(builder->models);
    free(builder->code);
    pp_patch_covers_clean_up(&builder->moves);
    free(builder);
}

/* ---- Collecting ------------------------------------------------------------------------------ */

size_t pp_patch_builder_room(const struct pp_patch_builder *builder)
{
    if (builder->operations + PP_PATCH_BUILDER_SPARE_OPERATIONS > PP_PATCH_OPERATIONS_MAX)
        return 0;
    return builder->options.touched_bytes_max - builder->pair_bytes - builder->new_bytes -
           builder->old_bytes;
}

bool pp_patch_builder_is_empty(const struct pp_patch_builder *builder)
{
    return builder->operations == 0;
}

/* Before the first pair or literal of a block. */
static void start_span(struct pp_patch_builder *b)
{
    if (b->pair_bytes + b->new_bytes + b->old_bytes > 0)
        return;
    b->old_start = b->old_at;
    b->new_start = b->new_at;
}

/* One operation has one encoding, and two of a kind in a row are one. */
static void add_operation(struct pp_patch_builder *b, enum pp_rollback_kind kind, uint64_t count)
{
    uint8_t *last = b->control + (size_t)b->operations * PP_ROLLBACK_OPERATION_BYTES -
                    (b->operations > 0 ? PP_ROLLBACK_OPERATION_BYTES : 0);
    struct pp_rollback_operation operation = {.count = count, .kind = (uint8_t)kind};
    if (b->operations > 0 && last[0] == kind) {
        operation.count += pp_get_u64(last + 2);
    } else {
        last = b->control + (size_t)b->operations * PP_ROLLBACK_OPERATION_BYTES;
        b->operations++;
    }
    pp_rollback_operation_write(last, operation);
}

void pp_patch_builder_copy(struct pp_patch_builder *builder, uint64_t count)
{
    add_operation(builder, PP_ROLLBACK_COPY, count);
    builder->old_at += count;
    builder->new_at += count;
    start_span(builder);
}

void pp_patch_builder_pair(struct pp_patch_builder *builder, const uint8_t *old_bytes,
                           const uint8_t *new_bytes, size_t count)
{
    start_span(builder);
    add_operation(builder, PP_ROLLBACK_PAIR, count);
    if (builder->options.fast) {
        memcpy(builder->old_row + builder->pair_bytes, old_bytes, count);
        memcpy(builder->new_row + builder->pair_bytes, new_bytes, count);
    }
    builder->pair_bytes += count;
    builder->old_at += count;
    builder->new_at += count;
}

void pp_patch_builder_new_literal(struct pp_patch_builder *builder, struct pp_bytes literal)
{
    start_span(builder);
    add_operation(builder, PP_ROLLBACK_NEW, literal.len);
    if (builder->options.fast)
        memcpy(builder->new_literals + builder->new_bytes, literal.data, literal.len);
    builder->new_bytes += literal.len;
    builder->new_at += literal.len;
}

void pp_patch_builder_old_literal(struct pp_patch_builder *builder, struct pp_bytes literal)
{
    start_span(builder);
    add_operation(builder, PP_ROLLBACK_OLD, literal.len);
    if (builder->options.fast)
        memcpy(builder->old_literals + builder->old_bytes, literal.data, literal.len);
    builder->old_bytes += literal.len;
    builder->old_at += literal.len;
}

/* Rows and literals from the images, by the script. */
static void gather(struct pp_patch_builder *b)
{
    const uint8_t *old_bytes = b->options.old_image.data, *new_bytes = b->options.new_image.data;
    uint64_t old_at = b->block_old_at, new_at = b->block_new_at;
    size_t pairs = 0, added = 0, removed = 0;
    for (uint32_t i = 0; i < b->operations; i++) {
        const uint8_t *operation = b->control + (size_t)i * PP_ROLLBACK_OPERATION_BYTES;
        uint64_t count = pp_get_u64(operation + 2);
        size_t n = (size_t)count;
        if (operation[0] == PP_ROLLBACK_PAIR) {
            memcpy(b->old_row + pairs, old_bytes + old_at, n);
            memcpy(b->new_row + pairs, new_bytes + new_at, n);
            pairs += n;
        } else if (operation[0] == PP_ROLLBACK_NEW) {
            memcpy(b->new_literals + added, new_bytes + new_at, n);
            added += n;
        } else if (operation[0] == PP_ROLLBACK_OLD) {
            memcpy(b->old_literals + removed, old_bytes + old_at, n);
            removed += n;
        }
        old_at += operation[0] == PP_ROLLBACK_NEW ? 0 : count;
        new_at += operation[0] == PP_ROLLBACK_OLD ? 0 : count;
    }
}

/* ---- Encoding -------------------------------------------------------------------------------- */

enum pp_error pp_patch_put_slot(struct pp_patch_output *out, size_t number, int level,
                                struct pp_bytes content, struct pp_bytes prefix)
{
    size_t stored;
    enum pp_error error = pp_patch_frame_encode(out->b->encode, level, content, prefix,
                                                out->b->block + out->bytes, &stored);
    if (error != PP_OK)
        return error;
    out->block->slot[number].content_bytes = (uint32_t)content.len;
    out->block->slot[number].stored_bytes = (uint32_t)stored;
    out->bytes += stored;
    return PP_OK;
}

static struct pp_patch_place place_of(const struct pp_patch_builder *b)
{
    return (struct pp_patch_place){
        .control = {b->control, (size_t)b->operations * PP_ROLLBACK_OPERATION_BYTES},
        .old_at = b->block_old_at,
        .new_at = b->block_new_at,
        .code = b->code};
}

static enum pp_error put_deltas(struct pp_patch_output *out, struct pp_patch_shape shape)
{
    struct pp_patch_builder *b = out->b;
    struct pp_patch_place place = place_of(b);
    struct pp_bytes slot[PP_PATCH_SLOTS], none = {NULL, 0};
    enum pp_error error = PP_OK;
    int level = pp_patch_shape_level(shape, b->options.level);
    if (!pp_patch_deltas_encode(shape, &place, b->old_row, b->new_row, b->row_bytes, b->scratch,
                                b->contents, slot))
        return PP_ERROR_MISMATCH;
    for (size_t i = PP_PATCH_SLOT_CELLS; i < PP_PATCH_SLOTS && error == PP_OK; i++)
        error = pp_patch_put_slot(out, i, level, slot[i], none);
    return error;
}

static struct pp_rollback_streams streams_of(const struct pp_patch_builder *b,
                                             const uint8_t *deltas)
{
    return (struct pp_rollback_streams){
        .control = {b->control, (size_t)b->operations * PP_ROLLBACK_OPERATION_BYTES},
        .deltas = {deltas, b->pair_bytes},
        .new_literals = {b->new_literals, b->new_bytes},
        .old_literals = {b->old_literals, b->old_bytes},
    };
}

/* Literals that moved leave the streams for the rows.  Not in page mode, where there are none but
   at an end. */
static enum pp_error find_moves(struct pp_patch_builder *b)
{
    struct pp_bytes added = {b->new_literals, b->new_bytes};
    struct pp_bytes removed = {b->old_literals, b->old_bytes};
    enum pp_error error = PP_OK;
    b->moves.count = 0;
    if (!b->options.fast)
        error = pp_patch_moves_find(removed, added, b->marks, &b->moves);
    if (error != PP_OK)
        return error;
    b->row_bytes = b->pair_bytes;
    for (size_t i = 0; i < b->moves.count; i++) {
        struct pp_patch_cover move = b->moves.at[i];
        memcpy(b->old_row + b->row_bytes, removed.data + move.old_at, (size_t)move.bytes);
        memcpy(b->new_row + b->row_bytes, added.data + move.new_at, (size_t)move.bytes);
        b->row_bytes += (size_t)move.bytes;
    }
    size_t n =
        pp_patch_moves_rest(&b->moves, PP_PATCH_NEW_SIDE, added.data, added.len, b->marks, b->rest);
    pp_patch_moves_rest(&b->moves, PP_PATCH_OLD_SIDE, removed.data, removed.len, b->marks,
                        b->rest + n);
    b->moves_slot_bytes = pp_patch_moves_write(&b->moves, b->moves_slot);
    return PP_OK;
}

/* Deltas first, behind the room that all before them may take: then zstd's tables for them are gone
   when there are models. */
static enum pp_error encode(struct pp_patch_builder *b, struct pp_patch_block *block, size_t *bytes)
{
    struct pp_patch_output out = {b, block, b->front_bytes};
    struct pp_rollback_streams streams = streams_of(b, b->scratch);
    struct pp_patch_place place = place_of(b);
    struct pp_patch_shape shape;
    enum pp_error error = find_moves(b);
    if (error == PP_OK)
        error = pp_patch_chooser_choose(&b->chooser, &place, b->encode, b->options.fast, b->old_row,
                                        b->new_row, b->row_bytes, b->scratch, b->contents, &shape);
    if (error != PP_OK)
        return error;
    *block = (struct pp_patch_block){
        .item = shape.item,
        .layout = shape.layout,
        .cells = shape.cells,
        .operations = b->operations,
        .delta_bytes = (uint32_t)b->pair_bytes,
        .new_bytes = (uint32_t)b->new_bytes,
        .old_bytes = (uint32_t)b->old_bytes,
        .moved_bytes = (uint32_t)(b->row_bytes - b->pair_bytes),
    };
    memcpy(b->scratch, b->new_row, b->pair_bytes);
    pp_rollback_row_to_deltas(PP_ROLLBACK_APPLY, b->old_row, b->scratch, b->pair_bytes);
    block->plain_hash = pp_patch_plain_hash(&streams);
    error = put_deltas(&out, shape);
    size_t deltas_bytes = out.bytes - b->front_bytes;
    out.bytes = PP_PATCH_BLOCK_HEADER_BYTES;
    struct pp_bytes operations = {b->contents,
                                  pp_patch_operations_encode(streams.control, b->contents)};
    if (error == PP_OK)
        error = pp_patch_put_slot(&out, PP_PATCH_SLOT_OPERATIONS, b->options.level, operations,
                                  (struct pp_bytes){NULL, 0});
    if (error == PP_OK)
        error = pp_patch_put_literals(&out);
    memmove(b->block + out.bytes, b->block + b->front_bytes, deltas_bytes);
    out.bytes += deltas_bytes;
    pp_patch_block_write(b->block, block);
    *bytes = out.bytes;
    return error;
}

/* ---- Replay ---------------------------------------------------------------------------------- */

static enum pp_error decode_slots(struct pp_patch_builder *b, const struct pp_patch_block *block,
                                  struct pp_bytes slot[PP_PATCH_SLOTS])
{
    const uint8_t *stored = b->block + PP_PATCH_BLOCK_HEADER_BYTES;
    uint8_t *content = b->replay;
    for (size_t i = 0; i < PP_PATCH_SLOTS; i++) {
        struct pp_patch_slot size = block->slot[i];
        struct pp_bytes prefix = {NULL, 0};
        if (!block->shared && i == PP_PATCH_SLOT_NEW_LITERALS &&
            slot[PP_PATCH_SLOT_NEW_PREFIX].len > 0)
            prefix = pp_patch_prefix_gather(b->prefix_space, slot[PP_PATCH_SLOT_NEW_PREFIX],
                                            b->options.old_image);
        if (!block->shared && i == PP_PATCH_SLOT_OLD_LITERALS &&
            slot[PP_PATCH_SLOT_OLD_PREFIX].len > 0)
            prefix = pp_patch_prefix_gather(b->prefix_space, slot[PP_PATCH_SLOT_OLD_PREFIX],
                                            b->options.new_image);
        enum pp_error error =
            pp_patch_frame_decode(b->decode, (struct pp_bytes){stored, size.stored_bytes}, prefix,
                                  content, size.content_bytes);
        if (error != PP_OK)
            return error;
        slot[i] = (struct pp_bytes){content, size.content_bytes};
        stored += size.stored_bytes;
        content += size.content_bytes;
    }
    return PP_OK;
}

/* The parts of the slot, one behind the other, from the image where they stand. */
static void gather_elsewhere(struct pp_bytes slot, size_t literal_bytes, struct pp_bytes image,
                             uint8_t *parts)
{
    struct pp_patch_elsewhere_walk walk = pp_patch_elsewhere_begin(slot, literal_bytes, image.len);
    struct pp_patch_elsewhere part;
    while (pp_patch_elsewhere_next(&walk, &part)) {
        memcpy(parts, image.data + part.place, part.bytes);
        parts += part.bytes;
    }
}

/* The models that were dropped when it seemed that nothing would be shared. */
static bool learn_again(struct pp_patch_builder *b, const struct pp_patch_block *block,
                        struct pp_bytes prefix, size_t contents_bytes)
{
    if (b->models != NULL)
        return true;
    b->models = malloc(sizeof *b->models);
    if (b->models == NULL)
        return false;
    pp_patch_model_begin(b->models, block->plain_code, prefix, contents_bytes);
    return true;
}

/* The target's literals that did not move, by the code that they share with the source's.  The
   source's own code and the model that learned the prefix are those of the encoder: both follow
   from bytes that are the same, so they are not made again. */
static bool share_returns(struct pp_patch_builder *b, const struct pp_patch_block *block,
                          enum pp_rollback_direction direction,
                          const struct pp_bytes slot[PP_PATCH_SLOTS], struct pp_bytes source,
                          struct pp_bytes *content)
{
    bool apply = direction == PP_ROLLBACK_APPLY;
    enum pp_patch_side from = apply ? PP_PATCH_OLD_SIDE : PP_PATCH_NEW_SIDE;
    struct pp_bytes image = apply ? b->options.old_image : b->options.new_image;
    struct pp_bytes outgoing =
        slot[apply ? PP_PATCH_SLOT_OLD_ELSEWHERE : PP_PATCH_SLOT_NEW_ELSEWHERE];
    struct pp_bytes incoming =
        slot[apply ? PP_PATCH_SLOT_NEW_ELSEWHERE : PP_PATCH_SLOT_OLD_ELSEWHERE];
    size_t moved = b->row_bytes - b->pair_bytes, elsewhere;
    struct pp_bytes code = slot[PP_PATCH_SLOT_NEW_LITERALS];
    struct pp_bytes own = apply ? b->shared.of_old : b->shared.of_new;
    struct pp_bytes prefix = pp_patch_common_of(b, slot[PP_PATCH_SLOT_NEW_PREFIX], direction);
    struct pp_digest hash = pp_sha256(prefix);
    /* The rest becomes the target's code, then what stands elsewhere. */
    uint8_t *target = b->rest, *rest = target + pp_patch_larger(b->new_bytes, b->old_bytes);
    size_t rest_bytes = source.len - moved;
    *content = (struct pp_bytes){target, (apply ? b->new_bytes : b->old_bytes) - moved};
    if (!pp_patch_moves_leave(slot[PP_PATCH_SLOT_MOVES], from, source.data, source.len, b->marks,
                              rest, rest_bytes) ||
        !pp_patch_elsewhere_bytes(incoming, content->len, image.len, &elsewhere))
        return false;
    rest_bytes = pp_patch_elsewhere_leave(outgoing, rest, rest_bytes);
    struct pp_digest left = pp_sha256((struct pp_bytes){rest, rest_bytes});
    if (own.len > code.len ||
        !pp_digest_equal(&left, apply ? &b->shared.old_left : &b->shared.new_left) ||
        !pp_digest_equal(&hash, &b->shared.prefix))
        return false;
    memcpy(rest, code.data, code.len);
    pp_patch_add_code(rest, own);
    if (!learn_again(b, block, prefix, rest_bytes + content->len - elsewhere))
        return false;
    pp_patch_model_decode(b->models, (struct pp_bytes){rest, code.len}, target + elsewhere,
                          content->len - elsewhere);
    gather_elsewhere(incoming, content->len, image, rest);
    pp_patch_elsewhere_place(incoming, (struct pp_bytes){rest, elsewhere}, target, content->len);
    return true;
}

/* From this source the script over pairs and what moved ends in the other row.  The deltas are then
   those that were hashed: of each byte, there is only one that leads there. */
static bool row_returns(struct pp_patch_builder *b, const struct pp_patch_block *block,
                        enum pp_rollback_direction direction, struct pp_bytes cells,
                        struct pp_bytes values)
{
    bool apply = direction == PP_ROLLBACK_APPLY;
    const uint8_t *source = apply ? b->old_row : b->new_row;
    const uint8_t *target = apply ? b->new_row : b->old_row;
    struct pp_patch_place place = place_of(b);
    size_t n = b->row_bytes;
    pp_patch_values_resolve(block, &place, direction, cells, values, source, n, b->scratch,
                            b->replay_deltas);
    return pp_patch_run_pair(direction, b->replay_deltas, source, b->scratch, n) == PP_OK &&
           memcmp(b->scratch, target, n) == 0;
}

/* What moved is in the literals of this side that the source holds, and the others come back from
   the row that row_returns left in the scratch space. */
static bool literals_return(struct pp_patch_builder *b, const struct pp_patch_block *block,
                            enum pp_rollback_direction direction,
                            const struct pp_bytes slot[PP_PATCH_SLOTS])
{
    bool apply = direction == PP_ROLLBACK_APPLY;
    enum pp_patch_side from = apply ? PP_PATCH_OLD_SIDE : PP_PATCH_NEW_SIDE;
    enum pp_patch_side to = apply ? PP_PATCH_NEW_SIDE : PP_PATCH_OLD_SIDE;
    struct pp_bytes source = {apply ? b->old_literals : b->new_literals,
                              apply ? b->old_bytes : b->new_bytes};
    struct pp_bytes target = {apply ? b->new_literals : b->old_literals,
                              apply ? b->new_bytes : b->old_bytes};
    struct pp_bytes content = slot[apply ? PP_PATCH_SLOT_NEW_LITERALS : PP_PATCH_SLOT_OLD_LITERALS];
    uint8_t width = apply ? block->new_width : block->old_width;
    size_t moved = b->row_bytes - b->pair_bytes;
    uint8_t *rest = b->scratch + b->row_bytes;
    uint8_t *literals = rest + pp_patch_larger(b->new_bytes, b->old_bytes);
    if (!pp_patch_moves_gather(slot[PP_PATCH_SLOT_MOVES], from, source.data, source.len, rest,
                               moved) ||
        memcmp(rest, (apply ? b->old_row : b->new_row) + b->pair_bytes, moved) != 0)
        return false;
    if (block->shared && !share_returns(b, block, direction, slot, source, &content))
        return false;
    pp_rollback_planes_join(width == 0 ? 1 : width, content.data, rest, content.len);
    return pp_patch_moves_place(
               slot[PP_PATCH_SLOT_MOVES], to, (struct pp_bytes){b->scratch + b->pair_bytes, moved},
               (struct pp_bytes){rest, content.len}, literals, target.len, b->marks) &&
           memcmp(literals, target.data, target.len) == 0;
}

static bool returns(struct pp_patch_builder *b, const struct pp_patch_block *block,
                    enum pp_rollback_direction direction,
                    const struct pp_bytes slot[PP_PATCH_SLOTS], struct pp_bytes values)
{
    return row_returns(b, block, direction, slot[PP_PATCH_SLOT_CELLS], values) &&
           literals_return(b, block, direction, slot);
}

/* What a decoder will see, in both directions, is what was put in. */
static enum pp_error replay(struct pp_patch_builder *b, const struct pp_patch_block *block)
{
    struct pp_bytes slot[PP_PATCH_SLOTS];
    enum pp_error error = decode_slots(b, block, slot);
    if (error != PP_OK)
        return error == PP_ERROR_MEMORY ? error : PP_ERROR_MISMATCH;
    struct pp_bytes values = {b->contents, 0};
    struct pp_patch_block read;
    size_t control_bytes = (size_t)b->operations * PP_ROLLBACK_OPERATION_BYTES;
    bool same =
        pp_patch_block_read(b->block, &read) == PP_OK &&
        pp_patch_operations_decode(slot[PP_PATCH_SLOT_OPERATIONS], b->operations, b->contents) &&
        memcmp(b->contents, b->control, control_bytes) == 0 &&
        pp_patch_values_read(block, slot, b->row_bytes, b->scratch, b->contents, &values.len) &&
        returns(b, block, PP_ROLLBACK_APPLY, slot, values) &&
        returns(b, block, PP_ROLLBACK_REVERT, slot, values);
    return same ? PP_OK : PP_ERROR_MISMATCH;
}

enum pp_error pp_patch_builder_finish(struct pp_patch_builder *builder, struct pp_bytes *block)
{
    struct pp_patch_builder *b = builder;
    struct pp_patch_block header;
    size_t bytes;
    enum pp_error error = pp_patch_lay_out(b);
    if (error != PP_OK)
        return error;
    if (!b->options.fast)
        gather(b);
    error = encode(b, &header, &bytes);
    if (error == PP_OK && !b->options.fast)
        error = pp_patch_drop_tables(b);
    if (error == PP_OK)
        error = pp_patch_lay_out_replay(b, &header);
    if (error == PP_OK)
        error = replay(b, &header);
    pp_patch_free_replay(b);
    pp_patch_drop_models(b);
    if (error != PP_OK)
        return error;
    *block = (struct pp_bytes){b->block, bytes};
    b->operations = 0;
    b->pair_bytes = b->new_bytes = b->old_bytes = 0;
    b->block_old_at = b->old_at;
    b->block_new_at = b->new_at;
    return PP_OK;
}
