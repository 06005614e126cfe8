/* SPDX-License-Identifier: MIT */
/* Encodes the literals of a block: each side in a frame of its own, or both in one code. */
#include <string.h>

#include "../base/hash.h"
#include "builder_internal.h"
#include "frame.h"
#include "moves.h"

enum {
    LITERAL_LEVEL = 18, /* 19 takes a third longer and saves nothing */
    TRIAL_LEVEL = 3,
    LOPSIDED = 8, /* one side of the literals costs so many times the other: little is shared */
    UNLIKE = 32,  /* frames save less than such a part of what is unlike all else */
    DOUBT = 7     /* frames at a high level may be smaller by such a part than at a low one */
};

/* ---- Apart ----------------------------------------------------------------------------------- */

static struct pp_patch_images images_of(const struct pp_patch_builder *b)
{
    return (struct pp_patch_images){b->options.old_image, b->options.new_image, b->options.covers};
}

/* One of the two literal streams of a block, and how it is written down. */
struct literals {
    struct pp_bytes bytes;
    struct pp_bytes image; /* the other one */
    uint64_t start, end;   /* places in it that the block speaks of */
    uint8_t width;
    size_t cost; /* at a low level */
    size_t prefix_slot_bytes;
    uint8_t prefix_slot[PP_PATCH_PREFIX_SLOT_BYTES_MAX];
};

static struct pp_bytes prefix_of(struct pp_patch_builder *b, const struct literals *literals)
{
    if (literals->prefix_slot_bytes == 0)
        return (struct pp_bytes){NULL, 0};
    return pp_patch_prefix_gather(
        b->prefix_space, (struct pp_bytes){literals->prefix_slot, literals->prefix_slot_bytes},
        literals->image);
}

static struct pp_bytes literal_content(struct pp_patch_builder *b, const struct literals *literals)
{
    if (literals->width == 0)
        return literals->bytes;
    pp_rollback_planes_split(literals->width, literals->bytes.data, b->scratch,
                             literals->bytes.len);
    return (struct pp_bytes){b->scratch, literals->bytes.len};
}

static enum pp_error cost_literals(struct pp_patch_builder *b, struct literals *literals)
{
    int level = literals->width == 0 ? TRIAL_LEVEL : PP_PATCH_LEVEL_OF_PLANES;
    return pp_patch_frame_encode(b->encode, level, literal_content(b, literals),
                                 prefix_of(b, literals), b->replay, &literals->cost);
}

/* With pages of the other image as prefix, or in planes of items of that many bytes; and what that
   costs about. */
static enum pp_error plan_literals(struct pp_patch_builder *b, size_t item_bytes,
                                   struct literals *literals)
{
    struct literals planes = *literals;
    enum pp_error error = PP_OK;
    if (b->prefix_space != NULL)
        error = pp_patch_prefix_choose(b->prefix_space, literals->image, literals->start,
                                       literals->end, literals->bytes, literals->prefix_slot,
                                       &literals->prefix_slot_bytes);
    if (error == PP_OK)
        error = cost_literals(b, literals);
    if (error != PP_OK || item_bytes == 1 || literals->bytes.len < 64)
        return error;
    planes.width = (uint8_t)item_bytes;
    error = cost_literals(b, &planes);
    if (error == PP_OK && planes.cost < literals->cost)
        *literals = planes;
    return error;
}

static enum pp_error put_prefix(struct pp_patch_output *out, size_t number,
                                const struct literals *literals)
{
    struct pp_bytes content = {literals->prefix_slot, literals->prefix_slot_bytes};
    return pp_patch_put_slot(out, number, out->b->options.level, content,
                             (struct pp_bytes){NULL, 0});
}

static enum pp_error put_literals(struct pp_patch_output *out, size_t number,
                                  const struct literals *literals)
{
    int level = literals->width == 0 ? LITERAL_LEVEL : PP_PATCH_LEVEL_OF_PLANES;
    return pp_patch_put_slot(out, number, level, literal_content(out->b, literals),
                             prefix_of(out->b, literals));
}

static enum pp_error put_moves(struct pp_patch_output *out)
{
    struct pp_bytes moves = {out->b->moves_slot, out->b->moves_slot_bytes}, none = {NULL, 0};
    return pp_patch_put_slot(out, PP_PATCH_SLOT_MOVES, out->b->options.level, moves, none);
}

/* Each stream in a frame of its own. */
static enum pp_error put_apart(struct pp_patch_output *out, const struct literals *added,
                               const struct literals *removed)
{
    enum pp_error error = put_prefix(out, PP_PATCH_SLOT_NEW_PREFIX, added);
    out->block->new_width = added->width;
    out->block->old_width = removed->width;
    if (error == PP_OK)
        error = put_prefix(out, PP_PATCH_SLOT_OLD_PREFIX, removed);
    if (error == PP_OK)
        error = put_moves(out);
    if (error == PP_OK)
        error = put_literals(out, PP_PATCH_SLOT_NEW_LITERALS, added);
    if (error == PP_OK)
        error = put_literals(out, PP_PATCH_SLOT_OLD_LITERALS, removed);
    return error;
}

/* ---- Shared --------------------------------------------------------------- */

/* Pages that both images hold, as the prefix of both codes; and, in the contents, which literals
   stand elsewhere. */
struct common {
    bool plain; /* without such pages: the literals are their own codes */
    size_t slot_bytes;
    struct pp_bytes new_elsewhere, old_elsewhere;
    uint8_t slot[PP_PATCH_COMMON_SLOT_BYTES_MAX];
};

struct pp_bytes pp_patch_common_of(struct pp_patch_builder *b, struct pp_bytes slot,
                                   enum pp_rollback_direction source)
{
    struct pp_patch_images images = images_of(b);
    return pp_patch_common_gather(b->prefix_space, slot, &images, source);
}

/* Whether both streams cost enough for a code of both to be worth its time. */
static bool may_share(const struct pp_patch_builder *b, const struct literals *added,
                      const struct literals *removed)
{
    return b->prefix_space != NULL && added->bytes.len > 0 && removed->bytes.len > 0 &&
           added->cost <= LOPSIDED * removed->cost && removed->cost <= LOPSIDED * added->cost;
}

/* The code of content, at most a row of it: what can't be predicted becomes a little longer. */
static bool make_code(struct pp_patch_builder *b, struct pp_bytes content, uint8_t *at,
                      struct pp_bytes *code)
{
    size_t room = content.len + content.len / 64 + 16;
    if (room > b->options.touched_bytes_max)
        room = b->options.touched_bytes_max;
    memset(at, 0, room);
    code->data = at;
    return pp_patch_model_add_code(b->models, content, at, room, &code->len);
}

static bool make_codes(struct pp_patch_builder *b, const struct common *common,
                       struct pp_bytes added, struct pp_bytes removed)
{
    struct pp_bytes slot = {common->slot, common->slot_bytes};
    struct pp_bytes prefix = pp_patch_common_of(b, slot, PP_ROLLBACK_APPLY);
    b->shared.prefix = pp_sha256(prefix);
    b->shared.new_left = pp_sha256(added);
    b->shared.old_left = pp_sha256(removed);
    pp_patch_model_begin(b->models, common->plain, prefix, added.len + removed.len);
    return make_code(b, added, b->codes, &b->shared.of_new) &&
           make_code(b, removed, b->codes + b->shared.of_new.len, &b->shared.of_old);
}

/* The slot of what stands elsewhere of a side's n literals. */
static struct pp_bytes find_elsewhere(struct pp_patch_builder *b, enum pp_patch_side side, size_t n,
                                      uint8_t *slot)
{
    struct pp_bytes control = {b->control, (size_t)b->operations * PP_ROLLBACK_OPERATION_BYTES};
    uint64_t start = side == PP_PATCH_OLD_SIDE ? b->block_old_at : b->block_new_at;
    pp_patch_moves_mark(&b->moves, side, n, b->marks);
    return (struct pp_bytes){
        slot, pp_patch_elsewhere_write(b->options.elsewhere, side, control, start, b->marks, slot)};
}

/* What is left of the literals goes to `to`. */
static struct pp_bytes leave_elsewhere(struct pp_bytes slot, struct pp_bytes literals, uint8_t *to)
{
    memcpy(to, literals.data, literals.len);
    return (struct pp_bytes){to, pp_patch_elsewhere_leave(slot, to, literals.len)};
}

/* Nothing predicts these literals. */
static bool is_unlike_all(const struct literals *literals)
{
    return literals->cost >= literals->bytes.len - literals->bytes.len / UNLIKE;
}

/* *is_made says whether there are codes. */
static enum pp_error share_literals(struct pp_patch_builder *b, const struct literals *added,
                                    const struct literals *removed, struct common *common,
                                    bool *is_made)
{
    struct pp_patch_images images = images_of(b);
    common->new_elsewhere = find_elsewhere(b, PP_PATCH_NEW_SIDE, b->new_bytes, b->contents);
    common->old_elsewhere =
        find_elsewhere(b, PP_PATCH_OLD_SIDE, b->old_bytes, b->contents + common->new_elsewhere.len);
    struct pp_bytes one = leave_elsewhere(common->new_elsewhere, added->bytes, b->scratch);
    struct pp_bytes other =
        leave_elsewhere(common->old_elsewhere, removed->bytes, b->scratch + one.len);
    struct pp_bytes both = {one.data, one.len + other.len};
    enum pp_error error = PP_OK;
    common->slot_bytes = 0;
    common->plain = is_unlike_all(added) && is_unlike_all(removed);
    if (!common->plain)
        error = pp_patch_common_choose(b->prefix_space, &images, b->old_start, b->old_at, both,
                                       common->slot, &common->slot_bytes);
    if (error == PP_OK)
        error = pp_patch_get_models(b);
    *is_made = error == PP_OK && make_codes(b, common, one, other);
    return error;
}

/* Of the code alone. */
static size_t code_bytes(const struct pp_patch_codes *codes)
{
    return codes->of_new.len > codes->of_old.len ? codes->of_new.len : codes->of_old.len;
}

static size_t shared_bytes(const struct pp_patch_builder *b, const struct common *common)
{
    return code_bytes(&b->shared) + common->slot_bytes + common->new_elsewhere.len +
           common->old_elsewhere.len;
}

static enum pp_error put_shared(struct pp_patch_output *out, const struct common *common)
{
    struct pp_bytes prefix_slot = {common->slot, common->slot_bytes};
    struct pp_bytes none = {NULL, 0};
    uint32_t bytes = (uint32_t)code_bytes(&out->b->shared);
    out->block->shared = true;
    out->block->plain_code = common->plain;
    out->block->new_width = out->block->old_width = 0;
    enum pp_error error =
        pp_patch_put_slot(out, PP_PATCH_SLOT_NEW_PREFIX, out->b->options.level, prefix_slot, none);
    if (error == PP_OK)
        error = pp_patch_put_slot(out, PP_PATCH_SLOT_NEW_ELSEWHERE, out->b->options.level,
                                  common->new_elsewhere, none);
    if (error == PP_OK)
        error = put_moves(out);
    if (error != PP_OK)
        return error;
    memset(out->b->block + out->bytes, 0, bytes);
    pp_patch_add_code(out->b->block + out->bytes, out->b->shared.of_new);
    pp_patch_add_code(out->b->block + out->bytes, out->b->shared.of_old);
    out->block->slot[PP_PATCH_SLOT_NEW_LITERALS] = (struct pp_patch_slot){bytes, bytes};
    out->bytes += bytes;
    return pp_patch_put_slot(out, PP_PATCH_SLOT_OLD_ELSEWHERE, out->b->options.level,
                             common->old_elsewhere, none);
}

/* Both streams of literals and their prefixes, in the shorter way.  When a quick look at frames
   leaves no doubt, they are not made. */
enum pp_error pp_patch_put_literals(struct pp_patch_output *out)
{
    struct pp_patch_builder *b = out->b;
    size_t item_bytes = pp_rollback_item_bytes(out->block->item), start = out->bytes;
    size_t moved = b->row_bytes - b->pair_bytes;
    struct literals added = {.bytes = {b->rest, b->new_bytes - moved},
                             .image = b->options.old_image,
                             .start = b->old_start,
                             .end = b->old_at};
    struct literals removed = {.bytes = {b->rest + b->new_bytes - moved, b->old_bytes - moved},
                               .image = b->options.new_image,
                               .start = b->new_start,
                               .end = b->new_at};
    struct common common;
    bool is_made = false;
    enum pp_error error = plan_literals(b, item_bytes, &added);
    if (error == PP_OK)
        error = plan_literals(b, item_bytes, &removed);
    if (error == PP_OK && may_share(b, &added, &removed))
        error = share_literals(b, &added, &removed, &common, &is_made);
    if (error != PP_OK)
        return error;
    size_t cost = added.cost + removed.cost;
    if (is_made && shared_bytes(b, &common) < cost - cost / DOUBT)
        return put_shared(out, &common);
    pp_patch_drop_models(b); /* zstd needs their place */
    error = put_apart(out, &added, &removed);
    if (error != PP_OK || !is_made ||
        shared_bytes(b, &common) >=
            out->bytes - start - out->block->slot[PP_PATCH_SLOT_MOVES].stored_bytes)
        return error;
    out->bytes = start;
    return put_shared(out, &common);
}
