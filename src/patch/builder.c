/* SPDX-License-Identifier: MIT */
/* Builds blocks: streams from operations, the shape of the deltas, frames, and the replay. */
#include "builder.h"

#include <stdlib.h>
#include <string.h>

#include "../base/base.h"
#include "deltas.h"
#include "frame.h"
#include "shape.h"

enum {
    CONTROL_BYTES = PP_PATCH_OPERATIONS_MAX * PP_ROLLBACK_OPERATION_BYTES,
    /* Above, zstd spends seconds on indexing the prefix of each block, for a few percent. */
    LITERAL_LEVEL = 12
};

struct pp_patch_builder {
    struct pp_patch_builder_options options;
    ZSTD_CCtx *encode;
    ZSTD_DCtx *decode;
    struct pp_patch_chooser chooser;
    uint64_t old_at, new_at;       /* places in the images behind the last operation */
    uint64_t old_start, new_start; /* of the first pair or literal of the block */
    uint32_t operations;
    /* What was collected: the streams, and the bytes of pairs in both images. */
    size_t pair_bytes, new_bytes, old_bytes;
    uint8_t *control, *old_row, *new_row, *new_literals, *old_literals;
    /* Made of it. */
    uint8_t *deltas, *scratch, *contents, *block, *replay, *replay_deltas;
    uint8_t *memory;
};

/* ---- New and free ---------------------------------------------------------------------------- */

/* Parts of the memory, in units of the touched bytes: how much room each has. */
enum {
    ROWS_SCRATCH = PP_PATCH_SCRATCH_ROWS,
    ROWS_CONTENTS = 4, /* pp_patch_deltas_room */
    ROWS_BLOCK = 5,
    ROWS_REPLAY = 4,
    ROWS_ALL = 5 + ROWS_SCRATCH + ROWS_CONTENTS + ROWS_BLOCK + ROWS_REPLAY + 1
};

static void lay_out(struct pp_patch_builder *b)
{
    size_t row = b->options.touched_bytes_max;
    b->control = b->memory;
    b->old_row = b->control + CONTROL_BYTES;
    b->new_row = b->old_row + row;
    b->new_literals = b->new_row + row;
    b->old_literals = b->new_literals + row;
    b->deltas = b->old_literals + row;
    b->scratch = b->deltas + row;
    b->contents = b->scratch + ROWS_SCRATCH * row;
    b->block = b->contents + ROWS_CONTENTS * row;
    b->replay = b->block + ROWS_BLOCK * row + CONTROL_BYTES;
    b->replay_deltas = b->replay + ROWS_REPLAY * row;
}

struct pp_patch_builder *pp_patch_builder_new(const struct pp_patch_builder_options *options)
{
    struct pp_patch_builder *b = calloc(1, sizeof *b);
    if (b == NULL)
        return NULL;
    b->options = *options;
    b->memory = malloc(2 * (size_t)CONTROL_BYTES + ROWS_ALL * options->touched_bytes_max);
    b->encode = ZSTD_createCCtx();
    b->decode = ZSTD_createDCtx();
    if (b->memory != NULL && b->encode != NULL && b->decode != NULL) {
        lay_out(b);
        return b;
    }
    pp_patch_builder_free(b);
    return NULL;
}

void pp_patch_builder_free(struct pp_patch_builder *builder)
{
    if (builder == NULL)
        return;
    ZSTD_freeCCtx(builder->encode);
    ZSTD_freeDCtx(builder->decode);
    free(builder->memory);
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

uint64_t pp_patch_builder_span(const struct pp_patch_builder *builder)
{
    uint64_t old_span = builder->old_at - builder->old_start;
    uint64_t new_span = builder->new_at - builder->new_start;
    if (builder->pair_bytes + builder->new_bytes + builder->old_bytes == 0)
        return 0;
    return old_span > new_span ? old_span : new_span;
}

bool pp_patch_builder_has_literals(const struct pp_patch_builder *builder)
{
    return builder->new_bytes + builder->old_bytes > 0;
}

void pp_patch_builder_restart(struct pp_patch_builder *builder)
{
    builder->old_at = builder->new_at = 0;
    builder->operations = 0;
    builder->pair_bytes = builder->new_bytes = builder->old_bytes = 0;
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
    memcpy(builder->old_row + builder->pair_bytes, old_bytes, count);
    memcpy(builder->new_row + builder->pair_bytes, new_bytes, count);
    builder->pair_bytes += count;
    builder->old_at += count;
    builder->new_at += count;
}

void pp_patch_builder_new_literal(struct pp_patch_builder *builder, struct pp_bytes literal)
{
    start_span(builder);
    add_operation(builder, PP_ROLLBACK_NEW, literal.len);
    memcpy(builder->new_literals + builder->new_bytes, literal.data, literal.len);
    builder->new_bytes += literal.len;
    builder->new_at += literal.len;
}

void pp_patch_builder_old_literal(struct pp_patch_builder *builder, struct pp_bytes literal)
{
    start_span(builder);
    add_operation(builder, PP_ROLLBACK_OLD, literal.len);
    memcpy(builder->old_literals + builder->old_bytes, literal.data, literal.len);
    builder->old_bytes += literal.len;
    builder->old_at += literal.len;
}

/* ---- Encoding -------------------------------------------------------------------------------- */

/* Where the next slot goes. */
struct output {
    struct pp_patch_builder *b;
    struct pp_patch_block *block;
    size_t bytes;
};

static enum pp_error put_slot(struct output *out, size_t number, int level, struct pp_bytes content,
                              struct pp_bytes prefix)
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

/* The range of the other image around the places that the block speaks of, which begin at start and
   end at end: the more literals, the longer. */
static struct pp_patch_prefix choose_prefix(struct pp_bytes image, uint64_t start, uint64_t end,
                                            size_t literals)
{
    enum { LITERALS_MIN = 16, BYTES_MIN = 1 << 16, FACTOR = 256 };
    uint64_t bytes = end - start + BYTES_MIN + (uint64_t)literals * FACTOR;
    if (literals < LITERALS_MIN || image.len == 0)
        return (struct pp_patch_prefix){0, 0};
    if (bytes > PP_PATCH_PREFIX_BYTES_MAX)
        bytes = PP_PATCH_PREFIX_BYTES_MAX;
    if (bytes > image.len)
        bytes = image.len;
    uint64_t middle = start + (end - start) / 2;
    uint64_t offset = middle > bytes / 2 ? middle - bytes / 2 : 0;
    if (offset > image.len - bytes)
        offset = image.len - bytes;
    return (struct pp_patch_prefix){offset, (uint32_t)bytes};
}

/* Literals with the other image as prefix, or in planes where that is smaller: the smaller one. */
static enum pp_error put_literals(struct output *out, size_t number, struct pp_bytes literals,
                                  struct pp_bytes image, uint64_t start, uint64_t end,
                                  struct pp_patch_prefix *prefix, uint8_t *width)
{
    struct pp_patch_builder *b = out->b;
    struct output plain = *out;
    *prefix = choose_prefix(image, start, end, literals.len);
    struct pp_bytes range = {prefix->bytes > 0 ? image.data + prefix->offset : NULL, prefix->bytes};
    enum pp_error error = put_slot(&plain, number, LITERAL_LEVEL, literals, range);
    struct pp_patch_slot as_plain = out->block->slot[number];
    size_t item_bytes = pp_rollback_item_bytes(out->block->item);
    *width = 0;
    if (error != PP_OK || item_bytes == 1 || literals.len < 64) {
        *out = plain;
        return error;
    }
    struct output planes = plain;
    pp_rollback_planes_split(item_bytes, literals.data, b->scratch, literals.len);
    error = put_slot(&planes, number, PP_PATCH_LEVEL_OF_PLANES,
                     (struct pp_bytes){b->scratch, literals.len}, (struct pp_bytes){NULL, 0});
    struct pp_patch_slot as_planes = out->block->slot[number];
    out->block->slot[number] = as_plain;
    if (error == PP_OK && as_planes.stored_bytes < as_plain.stored_bytes) {
        memmove(b->block + out->bytes, b->block + plain.bytes, as_planes.stored_bytes);
        plain.bytes = out->bytes + as_planes.stored_bytes;
        out->block->slot[number] = as_planes;
        *prefix = (struct pp_patch_prefix){0, 0};
        *width = (uint8_t)item_bytes;
    }
    *out = plain;
    return error;
}

static enum pp_error put_deltas(struct output *out, struct pp_patch_shape shape)
{
    struct pp_patch_builder *b = out->b;
    struct pp_bytes slot[PP_PATCH_SLOTS], none = {NULL, 0};
    enum pp_error error = PP_OK;
    int level = pp_patch_shape_level(shape, b->options.level);
    pp_patch_deltas_encode(shape, b->old_row, b->new_row, b->pair_bytes, b->scratch, b->contents,
                           slot);
    for (size_t i = PP_PATCH_SLOT_CELLS; i < PP_PATCH_SLOTS && error == PP_OK; i++)
        error = put_slot(out, i, level, slot[i], none);
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

static enum pp_error encode(struct pp_patch_builder *b, struct pp_patch_block *block, size_t *bytes)
{
    struct output out = {b, block, PP_PATCH_BLOCK_HEADER_BYTES};
    struct pp_rollback_streams streams = streams_of(b, b->deltas);
    struct pp_patch_shape shape;
    enum pp_error error =
        pp_patch_chooser_choose(&b->chooser, b->encode, b->options.fast, b->old_row, b->new_row,
                                b->pair_bytes, b->scratch, b->contents, &shape);
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
    };
    memcpy(b->deltas, b->new_row, b->pair_bytes);
    pp_rollback_row_to_deltas(PP_ROLLBACK_APPLY, b->old_row, b->deltas, b->pair_bytes);
    block->plain_hash = pp_patch_plain_hash(&streams);
    struct pp_bytes operations = {b->contents,
                                  pp_patch_operations_encode(streams.control, b->contents)};
    error = put_slot(&out, PP_PATCH_SLOT_OPERATIONS, b->options.level, operations,
                     (struct pp_bytes){NULL, 0});
    if (error == PP_OK)
        error = put_literals(&out, PP_PATCH_SLOT_NEW_LITERALS, streams.new_literals,
                             b->options.old_image, b->old_start, b->old_at, &block->old_prefix,
                             &block->new_width);
    if (error == PP_OK)
        error = put_literals(&out, PP_PATCH_SLOT_OLD_LITERALS, streams.old_literals,
                             b->options.new_image, b->new_start, b->new_at, &block->new_prefix,
                             &block->old_width);
    if (error == PP_OK)
        error = put_deltas(&out, shape);
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
    struct pp_bytes prefix[PP_PATCH_SLOTS] = {{NULL, 0}};
    if (block->old_prefix.bytes > 0)
        prefix[PP_PATCH_SLOT_NEW_LITERALS] = (struct pp_bytes){
            b->options.old_image.data + block->old_prefix.offset, block->old_prefix.bytes};
    if (block->new_prefix.bytes > 0)
        prefix[PP_PATCH_SLOT_OLD_LITERALS] = (struct pp_bytes){
            b->options.new_image.data + block->new_prefix.offset, block->new_prefix.bytes};
    for (size_t i = 0; i < PP_PATCH_SLOTS; i++) {
        struct pp_patch_slot size = block->slot[i];
        enum pp_error error =
            pp_patch_frame_decode(b->decode, (struct pp_bytes){stored, size.stored_bytes},
                                  prefix[i], content, size.content_bytes);
        if (error != PP_OK)
            return error;
        slot[i] = (struct pp_bytes){content, size.content_bytes};
        stored += size.stored_bytes;
        content += size.content_bytes;
    }
    return PP_OK;
}

static bool literals_return(uint8_t width, struct pp_bytes content, const uint8_t *literals,
                            uint8_t *scratch)
{
    pp_rollback_planes_join(width == 0 ? 1 : width, content.data, scratch, content.len);
    return memcmp(scratch, literals, content.len) == 0;
}

/* From this source the block's deltas are those that were hashed, and the script over the pairs
   ends in the other row. */
static bool row_returns(struct pp_patch_builder *b, const struct pp_patch_block *block,
                        enum pp_rollback_direction direction,
                        const struct pp_bytes slot[PP_PATCH_SLOTS])
{
    bool apply = direction == PP_ROLLBACK_APPLY;
    const uint8_t *source = apply ? b->old_row : b->new_row;
    const uint8_t *target = apply ? b->new_row : b->old_row;
    size_t n = b->pair_bytes;
    uint8_t control[PP_ROLLBACK_OPERATION_BYTES];
    if (n == 0)
        return true;
    if (pp_patch_deltas_decode(block, direction, slot, source, b->scratch, b->replay_deltas) !=
            PP_OK ||
        memcmp(b->replay_deltas, b->deltas, n) != 0)
        return false;
    struct pp_rollback_operation pair = {.count = n, .kind = PP_ROLLBACK_PAIR};
    pp_rollback_operation_write(control, pair);
    struct pp_rollback_streams streams = {.control = {control, sizeof control},
                                          .deltas = {b->replay_deltas, n}};
    return pp_rollback_run(direction, &streams, (struct pp_bytes){source, n}, b->scratch, n) ==
               PP_OK &&
           memcmp(b->scratch, target, n) == 0;
}

/* What a decoder will see, in both directions, is what was put in. */
static enum pp_error replay(struct pp_patch_builder *b, const struct pp_patch_block *block)
{
    struct pp_bytes slot[PP_PATCH_SLOTS];
    enum pp_error error = decode_slots(b, block, slot);
    if (error != PP_OK)
        return error == PP_ERROR_MEMORY ? error : PP_ERROR_MISMATCH;
    size_t control_bytes = (size_t)b->operations * PP_ROLLBACK_OPERATION_BYTES;
    bool same =
        pp_patch_operations_decode(slot[PP_PATCH_SLOT_OPERATIONS], b->operations, b->contents) &&
        memcmp(b->contents, b->control, control_bytes) == 0 &&
        literals_return(block->new_width, slot[PP_PATCH_SLOT_NEW_LITERALS], b->new_literals,
                        b->scratch) &&
        literals_return(block->old_width, slot[PP_PATCH_SLOT_OLD_LITERALS], b->old_literals,
                        b->scratch) &&
        row_returns(b, block, PP_ROLLBACK_APPLY, slot) &&
        row_returns(b, block, PP_ROLLBACK_REVERT, slot);
    return same ? PP_OK : PP_ERROR_MISMATCH;
}

enum pp_error pp_patch_builder_finish(struct pp_patch_builder *builder, struct pp_bytes *block)
{
    struct pp_patch_builder *b = builder;
    struct pp_patch_block header;
    size_t bytes;
    enum pp_error error = encode(b, &header, &bytes);
    if (error == PP_OK)
        error = replay(b, &header);
    if (error != PP_OK)
        return error;
    *block = (struct pp_bytes){b->block, bytes};
    b->operations = 0;
    b->pair_bytes = b->new_bytes = b->old_bytes = 0;
    return PP_OK;
}
