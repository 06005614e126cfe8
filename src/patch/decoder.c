/* SPDX-License-Identifier: MIT */
/* Decodes a patch file block by block, in bounded memory, and runs each block's script. */
#include <stdlib.h>
#include <string.h>

#include "../base/base.h"
#include "../base/hash.h"
#include "block.h"
#include "deltas.h"
#include "elsewhere.h"
#include "frame.h"
#include "model.h"
#include "moves.h"
#include "prefix.h"

enum {
    CONTROL_BYTES = PP_PATCH_OPERATIONS_MAX * PP_ROLLBACK_OPERATION_BYTES,
    WORK_BYTES = 6 * PP_PATCH_TOUCHED_BYTES_MAX,
    MEMORY_BYTES =
        2 * PP_PATCH_CONTENT_BYTES_MAX + 2 * CONTROL_BYTES + PP_PATCH_TOUCHED_BYTES_MAX + WORK_BYTES
};
_Static_assert(MEMORY_BYTES <= 27 << 19, "the memory is what docs/format/rollback.md promises");
/* Shared literals are decoded in the work space: the prefix, the model, two rows. */
enum {
    MODEL_AT = PP_PATCH_PREFIX_BYTES_MAX,
    OUTGOING_AT = MODEL_AT + sizeof(struct pp_patch_model), /* until the prefix is learned */
    MARKS_AT = OUTGOING_AT + PP_PATCH_TOUCHED_BYTES_MAX,
};
_Static_assert(MODEL_AT + sizeof(struct pp_patch_models) <= WORK_BYTES &&
                   MARKS_AT + PP_PATCH_TOUCHED_BYTES_MAX <= WORK_BYTES,
               "all that has room");

/* The call that comes next. */
enum stage { AT_BLOCK, AT_OPEN, AT_READ, AT_WRITE, FAILED };

/* A walk over the operations of the block, and how far it went in both images. */
struct walk {
    uint32_t operation;
    uint64_t source_at, target_at;
    size_t used; /* of the buffer that the walk fills or empties */
};

struct pp_patch_decoder {
    enum pp_rollback_direction direction;
    enum stage stage;
    struct pp_patch_header header;
    uint64_t body_left;
    struct pp_rollback_sizes left; /* of both images; the streams are those of a block */
    struct pp_sha256_stream body_hash;
    struct pp_patch_block block;
    struct walk start, walk;                  /* of the block; of the reads or writes */
    struct pp_patch_prefix_walk prefix;       /* what is still to be read ... */
    struct pp_patch_common_walk common;       /* ... of shared literals */
    size_t prefix_used, prefix_bytes;         /* read; in all */
    struct pp_patch_elsewhere_walk elsewhere; /* literals that stand in the source */
    size_t elsewhere_used, elsewhere_bytes;   /* they lie behind what was gathered */
    ZSTD_DCtx *zstd;
    struct pp_rollback_code code;
    struct pp_bytes slot[PP_PATCH_SLOTS]; /* decoded contents */
    struct pp_bytes incoming;             /* literals that did not move, in their layout */
    /* Parts of the memory behind this struct. */
    uint8_t *stored, *contents, *control, *short_control, *gathered;
    uint8_t *work; /* first the prefix, then rows and the result */
    const uint8_t *result;
};

/* ---- New, free, begin ------------------------------------------------------------------------ */

struct pp_patch_decoder *pp_patch_decoder_new(enum pp_rollback_direction direction,
                                              const struct pp_patch_header *header)
{
    struct pp_patch_decoder *d = malloc(sizeof *d + MEMORY_BYTES);
    if (d == NULL)
        return NULL;
    memset(d, 0, sizeof *d);
    d->direction = direction;
    d->header = *header;
    d->body_left = header->body_bytes;
    d->left.old_bytes = header->old_image.bytes;
    d->left.new_bytes = header->new_image.bytes;
    pp_sha256_init(&d->body_hash);
    d->stored = (uint8_t *)(d + 1);
    d->contents = d->stored + PP_PATCH_CONTENT_BYTES_MAX;
    d->control = d->contents + PP_PATCH_CONTENT_BYTES_MAX;
    d->short_control = d->control + CONTROL_BYTES;
    d->gathered = d->short_control + CONTROL_BYTES;
    d->work = d->gathered + PP_PATCH_TOUCHED_BYTES_MAX;
    d->zstd = ZSTD_createDCtx();
    if (d->zstd != NULL)
        return d;
    free(d);
    return NULL;
}

void pp_patch_decoder_free(struct pp_patch_decoder *decoder)
{
    if (decoder == NULL)
        return;
    ZSTD_freeDCtx(decoder->zstd);
    free(decoder);
}

bool pp_patch_decoder_at_end(const struct pp_patch_decoder *decoder)
{
    return decoder->stage == AT_BLOCK && decoder->body_left == 0;
}

/* After an error nothing works any more. */
static enum pp_error fail(struct pp_patch_decoder *d, enum pp_error error)
{
    d->stage = FAILED;
    return error;
}

enum pp_error pp_patch_decoder_begin(struct pp_patch_decoder *decoder,
                                     const uint8_t header[PP_PATCH_BLOCK_HEADER_BYTES],
                                     struct pp_patch_space *stored)
{
    struct pp_patch_decoder *d = decoder;
    if (d->stage != AT_BLOCK)
        return fail(d, PP_ERROR_ARGUMENT);
    if (d->body_left < PP_PATCH_BLOCK_HEADER_BYTES ||
        pp_patch_block_read(header, &d->block) != PP_OK)
        return fail(d, PP_ERROR_FORMAT);
    d->body_left -= PP_PATCH_BLOCK_HEADER_BYTES;
    pp_sha256_update(&d->body_hash, (struct pp_bytes){header, PP_PATCH_BLOCK_HEADER_BYTES});
    size_t bytes = pp_patch_block_stored_bytes(&d->block);
    if (bytes > d->body_left)
        return fail(d, PP_ERROR_FORMAT);
    d->body_left -= bytes;
    d->stage = AT_OPEN;
    *stored = (struct pp_patch_space){d->stored, bytes};
    return PP_OK;
}

/* ---- Open: the operations -------------------------------------------------------------------- */

static struct pp_rollback_operation operation_at(const struct pp_patch_decoder *d, uint32_t i)
{
    struct pp_rollback_operation operation = {0};
    enum pp_error error = pp_rollback_operation_read(
        d->control + (size_t)i * PP_ROLLBACK_OPERATION_BYTES, &operation);
    (void)error; /* pp_patch_operations_decode wrote it */
    return operation;
}

static bool is_incoming(const struct pp_patch_decoder *d, uint8_t kind)
{
    return kind == (d->direction == PP_ROLLBACK_APPLY ? PP_ROLLBACK_NEW : PP_ROLLBACK_OLD);
}

static bool is_outgoing(const struct pp_patch_decoder *d, uint8_t kind)
{
    return kind == (d->direction == PP_ROLLBACK_APPLY ? PP_ROLLBACK_OLD : PP_ROLLBACK_NEW);
}

/* Page mode: copies and pairs are whole pages but for the last of an image, and literals stand
   behind them all.  left is what the operation leaves. */
static bool pages_fit(const struct pp_patch_decoder *d, const struct pp_rollback_sizes *left,
                      struct pp_rollback_operation operation)
{
    if (d->header.mode != PP_PATCH_PAGES)
        return true;
    if (operation.kind == PP_ROLLBACK_NEW)
        return left->old_bytes == 0;
    if (operation.kind == PP_ROLLBACK_OLD)
        return left->new_bytes == 0;
    return left->old_bytes == 0 || left->new_bytes == 0 ||
           operation.count % PP_ROLLBACK_PAGE_BYTES == 0;
}

/* The operations speak of exactly the streams, and of no more than what is left of the images. */
static bool operations_fit(struct pp_patch_decoder *d)
{
    struct pp_rollback_sizes left = d->left;
    left.control_bytes = (uint64_t)d->block.operations * PP_ROLLBACK_OPERATION_BYTES;
    left.delta_bytes = d->block.delta_bytes;
    left.new_literal_bytes = d->block.new_bytes;
    left.old_literal_bytes = d->block.old_bytes;
    for (uint32_t i = 0; i < d->block.operations; i++) {
        struct pp_rollback_operation operation = operation_at(d, i);
        if (pp_rollback_sizes_take(&left, operation) != PP_OK || !pages_fit(d, &left, operation))
            return false;
    }
    d->left = left;
    return left.delta_bytes == 0 && left.new_literal_bytes == 0 && left.old_literal_bytes == 0;
}

/* The frame of a slot and its prefix become its content, behind the contents so far. */
static enum pp_error decode_slot(struct pp_patch_decoder *d, size_t number, struct pp_bytes prefix)
{
    size_t stored_at = 0, content_at = 0;
    for (size_t i = 0; i < number; i++) {
        stored_at += d->block.slot[i].stored_bytes;
        content_at += d->block.slot[i].content_bytes;
    }
    struct pp_patch_slot slot = d->block.slot[number];
    d->slot[number] = (struct pp_bytes){d->contents + content_at, slot.content_bytes};
    return pp_patch_frame_decode(d->zstd,
                                 (struct pp_bytes){d->stored + stored_at, slot.stored_bytes},
                                 prefix, d->contents + content_at, slot.content_bytes);
}

static bool begin_prefix(struct pp_patch_decoder *d, struct pp_bytes slot)
{
    uint64_t old_bytes = d->header.old_image.bytes, new_bytes = d->header.new_image.bytes;
    uint64_t source_bytes = d->direction == PP_ROLLBACK_APPLY ? old_bytes : new_bytes;
    d->prefix_used = 0;
    d->prefix = pp_patch_prefix_begin(slot, source_bytes);
    d->common = pp_patch_common_begin(slot, old_bytes, new_bytes);
    return d->block.shared ? pp_patch_common_bytes(slot, old_bytes, new_bytes, &d->prefix_bytes)
                           : pp_patch_prefix_bytes(slot, source_bytes, &d->prefix_bytes);
}

/* The slots of what stands elsewhere: of the literals that the source holds, and of the others. */
static size_t outgoing_elsewhere(const struct pp_patch_decoder *d)
{
    return d->direction == PP_ROLLBACK_APPLY ? PP_PATCH_SLOT_OLD_ELSEWHERE
                                             : PP_PATCH_SLOT_NEW_ELSEWHERE;
}

static size_t incoming_elsewhere(const struct pp_patch_decoder *d)
{
    return d->direction == PP_ROLLBACK_APPLY ? PP_PATCH_SLOT_NEW_ELSEWHERE
                                             : PP_PATCH_SLOT_OLD_ELSEWHERE;
}

/* Both slots of shared literals; none of others. */
static enum pp_error open_elsewhere(struct pp_patch_decoder *d)
{
    bool apply = d->direction == PP_ROLLBACK_APPLY;
    uint64_t old_bytes = d->header.old_image.bytes, new_bytes = d->header.new_image.bytes;
    size_t outgoing = (apply ? d->block.old_bytes : d->block.new_bytes) - d->block.moved_bytes;
    size_t incoming = (apply ? d->block.new_bytes : d->block.old_bytes) - d->block.moved_bytes;
    struct pp_bytes none = {NULL, 0};
    size_t held;
    d->elsewhere_used = d->elsewhere_bytes = 0;
    d->elsewhere = pp_patch_elsewhere_begin(none, 0, 0);
    if (!d->block.shared)
        return PP_OK;
    enum pp_error error = decode_slot(d, outgoing_elsewhere(d), none);
    if (error == PP_OK)
        error = decode_slot(d, incoming_elsewhere(d), none);
    if (error != PP_OK)
        return error;
    struct pp_bytes slot = d->slot[incoming_elsewhere(d)];
    uint64_t source_bytes = apply ? old_bytes : new_bytes;
    d->elsewhere = pp_patch_elsewhere_begin(slot, incoming, source_bytes);
    bool fits = pp_patch_elsewhere_bytes(slot, incoming, source_bytes, &d->elsewhere_bytes) &&
                pp_patch_elsewhere_bytes(d->slot[outgoing_elsewhere(d)], outgoing,
                                         apply ? new_bytes : old_bytes, &held);
    return fits ? PP_OK : PP_ERROR_FORMAT;
}

enum pp_error pp_patch_decoder_open(struct pp_patch_decoder *decoder)
{
    struct pp_patch_decoder *d = decoder;
    if (d->stage != AT_OPEN)
        return fail(d, PP_ERROR_ARGUMENT);
    pp_sha256_update(&d->body_hash,
                     (struct pp_bytes){d->stored, pp_patch_block_stored_bytes(&d->block)});
    bool apply = d->direction == PP_ROLLBACK_APPLY;
    size_t prefix = apply ? PP_PATCH_SLOT_NEW_PREFIX : PP_PATCH_SLOT_OLD_PREFIX;
    struct pp_bytes none = {NULL, 0};
    if (d->block.shared)
        prefix = PP_PATCH_SLOT_NEW_PREFIX;
    enum pp_error error = decode_slot(d, PP_PATCH_SLOT_OPERATIONS, none);
    if (error == PP_OK)
        error = decode_slot(d, prefix, none);
    if (error == PP_OK)
        error = open_elsewhere(d);
    if (error != PP_OK)
        return fail(d, error);
    if (!pp_patch_operations_decode(d->slot[PP_PATCH_SLOT_OPERATIONS], d->block.operations,
                                    d->control) ||
        !operations_fit(d) || !begin_prefix(d, d->slot[prefix]))
        return fail(d, PP_ERROR_FORMAT);
    d->walk = d->start;
    d->walk.used = 0;
    d->stage = AT_READ;
    return PP_OK;
}

/* ---- Reads ----------------------------------------------------------------------------------- */

static void step(const struct pp_patch_decoder *d, struct walk *walk)
{
    struct pp_rollback_operation operation = operation_at(d, walk->operation++);
    if (!is_incoming(d, operation.kind))
        walk->source_at += operation.count;
    if (!is_outgoing(d, operation.kind))
        walk->target_at += operation.count;
}

static bool next_gather(struct pp_patch_decoder *d, struct pp_patch_read *read)
{
    struct walk *walk = &d->walk;
    size_t bytes = 0;
    while (walk->operation < d->block.operations) {
        struct pp_rollback_operation operation = operation_at(d, walk->operation);
        if (operation.kind == PP_ROLLBACK_COPY && bytes > 0)
            break;
        bool is_read = operation.kind != PP_ROLLBACK_COPY && !is_incoming(d, operation.kind);
        if (is_read && bytes == 0)
            read->offset = walk->source_at;
        bytes += is_read ? (size_t)operation.count : 0;
        step(d, walk);
    }
    read->space = (struct pp_patch_space){d->gathered + walk->used, bytes};
    walk->used += bytes;
    return bytes > 0;
}

static bool next_of_prefix(struct pp_patch_decoder *d, struct pp_patch_read *read)
{
    struct pp_patch_range range;
    struct pp_patch_cover common;
    if (!d->block.shared && !pp_patch_prefix_next(&d->prefix, &range))
        return false;
    if (d->block.shared) {
        if (!pp_patch_common_next(&d->common, &common))
            return false;
        range.offset = d->direction == PP_ROLLBACK_APPLY ? common.old_at : common.new_at;
        range.bytes = (size_t)common.bytes;
    }
    read->offset = range.offset;
    read->space = (struct pp_patch_space){d->work + d->prefix_used, range.bytes};
    d->prefix_used += range.bytes;
    return true;
}

/* Pairs and literals of both sides have room where the source's are gathered. */
static bool next_elsewhere(struct pp_patch_decoder *d, struct pp_patch_read *read)
{
    struct pp_patch_elsewhere part;
    if (!pp_patch_elsewhere_next(&d->elsewhere, &part))
        return false;
    read->offset = part.place;
    read->space =
        (struct pp_patch_space){d->gathered + d->walk.used + d->elsewhere_used, part.bytes};
    d->elsewhere_used += part.bytes;
    return true;
}

bool pp_patch_decoder_next_read(struct pp_patch_decoder *decoder, struct pp_patch_read *read)
{
    struct pp_patch_decoder *d = decoder;
    if (d->stage != AT_READ)
        return false;
    return next_gather(d, read) || next_of_prefix(d, read) || next_elsewhere(d, read);
}

/* ---- Run ------------------------------------------------------------------------------------- */

/* Parts of the work space once the prefix has done its duty.  The rows hold the pairs, then what
   moved. */
struct rows {
    uint8_t *source, *outgoing, *incoming, *deltas, *scratch, *result, *rest, *marks;
    size_t outgoing_bytes, incoming_bytes;
};

static struct rows lay_out(const struct pp_patch_decoder *d)
{
    bool apply = d->direction == PP_ROLLBACK_APPLY;
    size_t n = d->block.delta_bytes + d->block.moved_bytes;
    struct rows rows = {.source = d->work,
                        .outgoing_bytes = apply ? d->block.old_bytes : d->block.new_bytes,
                        .incoming_bytes = apply ? d->block.new_bytes : d->block.old_bytes};
    rows.deltas = rows.source + n;
    rows.scratch = rows.deltas + n;
    rows.outgoing = rows.scratch + PP_PATCH_SCRATCH_ROWS * n;
    rows.incoming = rows.outgoing + rows.outgoing_bytes;
    rows.result = rows.incoming + rows.incoming_bytes;
    rows.rest = rows.result + d->block.delta_bytes + rows.incoming_bytes;
    rows.marks = rows.rest + rows.incoming_bytes;
    return rows;
}

/* The literals that the source holds, one behind the other. */
static void gather_outgoing(const struct pp_patch_decoder *d, uint8_t *outgoing)
{
    const uint8_t *from = d->gathered;
    for (uint32_t i = 0; i < d->block.operations; i++) {
        struct pp_rollback_operation operation = operation_at(d, i);
        if (operation.kind == PP_ROLLBACK_COPY || is_incoming(d, operation.kind))
            continue;
        if (is_outgoing(d, operation.kind)) {
            memcpy(outgoing, from, (size_t)operation.count);
            outgoing += operation.count;
        }
        from += operation.count;
    }
}

/* The code that the outgoing literals share with the incoming ones leads from these to those. */
static enum pp_error decode_shared(struct pp_patch_decoder *d)
{
    bool apply = d->direction == PP_ROLLBACK_APPLY;
    enum pp_patch_side from = apply ? PP_PATCH_OLD_SIDE : PP_PATCH_NEW_SIDE;
    size_t outgoing_bytes = apply ? d->block.old_bytes : d->block.new_bytes;
    size_t incoming_bytes = apply ? d->block.new_bytes : d->block.old_bytes;
    size_t rest_bytes = outgoing_bytes - d->block.moved_bytes, content_bytes = 0, stored_at = 0;
    struct pp_patch_models *models = (struct pp_patch_models *)(void *)(d->work + MODEL_AT);
    for (size_t i = 0; i < PP_PATCH_SLOTS; i++) {
        content_bytes += d->block.slot[i].content_bytes;
        stored_at += i < PP_PATCH_SLOT_NEW_LITERALS ? d->block.slot[i].stored_bytes : 0;
    }
    uint8_t *rest = d->contents + content_bytes, *incoming = rest + rest_bytes;
    uint8_t *code = d->stored + stored_at;
    size_t code_bytes = d->block.slot[PP_PATCH_SLOT_NEW_LITERALS].stored_bytes;
    d->incoming = (struct pp_bytes){incoming, incoming_bytes - d->block.moved_bytes};
    gather_outgoing(d, d->work + OUTGOING_AT);
    if (!pp_patch_moves_leave(d->slot[PP_PATCH_SLOT_MOVES], from, d->work + OUTGOING_AT,
                              outgoing_bytes, d->work + MARKS_AT, rest, rest_bytes))
        return PP_ERROR_FORMAT;
    size_t left = pp_patch_elsewhere_leave(d->slot[outgoing_elsewhere(d)], rest, rest_bytes), used;
    size_t missing = d->incoming.len - d->elsewhere_bytes;
    pp_patch_model_begin(models, d->block.plain_code, (struct pp_bytes){d->work, d->prefix_bytes},
                         left + missing);
    if (!pp_patch_model_add_code(models, (struct pp_bytes){rest, left}, code, code_bytes, &used))
        return PP_ERROR_MISMATCH;
    pp_patch_model_decode(models, (struct pp_bytes){code, code_bytes},
                          incoming + d->elsewhere_bytes, missing);
    struct pp_bytes elsewhere = {d->gathered + d->block.delta_bytes + outgoing_bytes,
                                 d->elsewhere_bytes};
    pp_patch_elsewhere_place(d->slot[incoming_elsewhere(d)], elsewhere, incoming, d->incoming.len);
    return PP_OK;
}

static enum pp_error decode_slots(struct pp_patch_decoder *d, size_t incoming)
{
    struct pp_bytes none = {NULL, 0}, prefix = {d->work, d->prefix_bytes};
    enum pp_error error = decode_slot(d, PP_PATCH_SLOT_MOVES, none);
    if (error == PP_OK && d->block.shared)
        error = decode_shared(d);
    else if (error == PP_OK)
        error = decode_slot(d, incoming, prefix);
    if (!d->block.shared)
        d->incoming = d->slot[incoming];
    for (size_t i = PP_PATCH_SLOT_CELLS; i < PP_PATCH_SLOTS && error == PP_OK; i++)
        error = decode_slot(d, i, none);
    return error;
}

/* Splits what was gathered into the source's row of pairs and the outgoing literals, and leaves
   the copies out of the control stream. */
static size_t sort_gathered(struct pp_patch_decoder *d, const struct rows *rows)
{
    size_t at = 0, row = 0, outgoing = 0, control = 0;
    for (uint32_t i = 0; i < d->block.operations; i++) {
        struct pp_rollback_operation operation = operation_at(d, i);
        size_t n = (size_t)operation.count;
        if (operation.kind == PP_ROLLBACK_COPY)
            continue;
        pp_rollback_operation_write(d->short_control + control, operation);
        control += PP_ROLLBACK_OPERATION_BYTES;
        if (is_incoming(d, operation.kind))
            continue;
        bool is_pair = operation.kind == PP_ROLLBACK_PAIR;
        memcpy(is_pair ? rows->source + row : rows->outgoing + outgoing, d->gathered + at, n);
        *(is_pair ? &row : &outgoing) += n;
        at += n;
    }
    return control;
}

static struct pp_rollback_streams streams_of(const struct pp_patch_decoder *d,
                                             const struct rows *rows)
{
    bool apply = d->direction == PP_ROLLBACK_APPLY;
    return (struct pp_rollback_streams){
        .control = {d->control, (size_t)d->block.operations * PP_ROLLBACK_OPERATION_BYTES},
        .deltas = {rows->deltas, d->block.delta_bytes},
        .new_literals = {apply ? rows->incoming : rows->outgoing, d->block.new_bytes},
        .old_literals = {apply ? rows->outgoing : rows->incoming, d->block.old_bytes},
    };
}

/* The script of the block without its copies is a script over what they leave: the bytes gathered
   from the source and those of the result. */
static enum pp_error run_block(struct pp_patch_decoder *d, const struct rows *rows,
                               size_t short_control)
{
    struct pp_rollback_streams streams = streams_of(d, rows);
    struct pp_digest hash = pp_patch_plain_hash(&streams);
    if (!pp_digest_equal(&hash, &d->block.plain_hash))
        return PP_ERROR_MISMATCH;
    streams.control = (struct pp_bytes){d->short_control, short_control};
    bool apply = d->direction == PP_ROLLBACK_APPLY;
    size_t pairs = d->block.delta_bytes;
    struct pp_bytes source = {d->gathered,
                              pairs + (apply ? d->block.old_bytes : d->block.new_bytes)};
    size_t result_bytes = pairs + (apply ? d->block.new_bytes : d->block.old_bytes);
    d->result = rows->result;
    return pp_rollback_run(d->direction, &streams, source, rows->result, result_bytes);
}

/* Deltas of pairs and of what moved, and from these the incoming literals. */
static enum pp_error resolve(struct pp_patch_decoder *d, const struct rows *rows)
{
    bool apply = d->direction == PP_ROLLBACK_APPLY;
    enum pp_patch_side from = apply ? PP_PATCH_OLD_SIDE : PP_PATCH_NEW_SIDE;
    enum pp_patch_side to = apply ? PP_PATCH_NEW_SIDE : PP_PATCH_OLD_SIDE;
    uint8_t width = apply ? d->block.new_width : d->block.old_width;
    size_t pairs = d->block.delta_bytes, moved = d->block.moved_bytes;
    struct pp_bytes moves = d->slot[PP_PATCH_SLOT_MOVES], content = d->incoming;
    if (!pp_patch_moves_gather(moves, from, rows->outgoing, rows->outgoing_bytes,
                               rows->source + pairs, moved))
        return PP_ERROR_FORMAT;
    struct pp_patch_place place = {
        .control = {d->control, (size_t)d->block.operations * PP_ROLLBACK_OPERATION_BYTES},
        .old_at = apply ? d->start.source_at : d->start.target_at,
        .new_at = apply ? d->start.target_at : d->start.source_at,
        .code = &d->code};
    enum pp_error error =
        pp_patch_deltas_decode(&d->block, &place, d->direction, d->slot, rows->source,
                               pairs + moved, rows->scratch, rows->deltas);
    /* The result has room for what moved until the script runs. */
    if (error == PP_OK)
        error = pp_patch_run_pair(d->direction, rows->deltas + pairs, rows->source + pairs,
                                  rows->result, moved);
    if (error != PP_OK)
        return error;
    pp_rollback_planes_join(width == 0 ? 1 : width, content.data, rows->rest, content.len);
    bool placed = pp_patch_moves_place(moves, to, (struct pp_bytes){rows->result, moved},
                                       (struct pp_bytes){rows->rest, content.len}, rows->incoming,
                                       rows->incoming_bytes, rows->marks);
    return placed ? PP_OK : PP_ERROR_FORMAT;
}

enum pp_error pp_patch_decoder_run(struct pp_patch_decoder *decoder)
{
    struct pp_patch_decoder *d = decoder;
    bool apply = d->direction == PP_ROLLBACK_APPLY;
    size_t incoming = apply ? PP_PATCH_SLOT_NEW_LITERALS : PP_PATCH_SLOT_OLD_LITERALS;
    struct rows rows = lay_out(d);
    if (d->stage != AT_READ)
        return fail(d, PP_ERROR_ARGUMENT);
    enum pp_error error = decode_slots(d, incoming);
    if (error != PP_OK)
        return fail(d, error);
    size_t short_control = sort_gathered(d, &rows);
    error = resolve(d, &rows);
    if (error == PP_OK)
        error = run_block(d, &rows, short_control);
    if (error != PP_OK)
        return fail(d, error);
    d->walk = d->start;
    d->walk.used = 0;
    d->stage = AT_WRITE;
    return PP_OK;
}

/* ---- Writes ---------------------------------------------------------------------------------- */

static bool next_write(struct pp_patch_decoder *d, struct pp_patch_write *write)
{
    struct walk *walk = &d->walk;
    *write = (struct pp_patch_write){walk->target_at, 0, d->result + walk->used, 0};
    while (walk->operation < d->block.operations) {
        struct pp_rollback_operation operation = operation_at(d, walk->operation);
        if (operation.kind == PP_ROLLBACK_COPY && write->bytes > 0)
            break;
        if (operation.kind == PP_ROLLBACK_COPY) {
            write->data = NULL;
            write->source_offset = walk->source_at;
        }
        write->bytes += is_outgoing(d, operation.kind) ? 0 : operation.count;
        step(d, walk);
        if (write->data == NULL)
            break;
    }
    walk->used += write->data == NULL ? 0 : (size_t)write->bytes;
    return write->bytes > 0;
}

bool pp_patch_decoder_next_write(struct pp_patch_decoder *decoder, struct pp_patch_write *write)
{
    struct pp_patch_decoder *d = decoder;
    if (d->stage != AT_WRITE)
        return false;
    if (next_write(d, write))
        return true;
    d->start = d->walk;
    d->start.operation = 0;
    d->stage = AT_BLOCK;
    return false;
}

enum pp_error pp_patch_decoder_finish(struct pp_patch_decoder *decoder)
{
    struct pp_patch_decoder *d = decoder;
    if (!pp_patch_decoder_at_end(d) || d->left.old_bytes != 0 || d->left.new_bytes != 0)
        return fail(d, PP_ERROR_FORMAT);
    struct pp_digest hash = pp_sha256_final(&d->body_hash);
    d->stage = FAILED;
    return pp_digest_equal(&hash, &d->header.body_hash) ? PP_OK : PP_ERROR_MISMATCH;
}
