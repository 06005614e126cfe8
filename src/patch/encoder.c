/* SPDX-License-Identifier: MIT */
/* Encodes patch files: operations from covers or from pages, cut into blocks. */
#include <stdlib.h>
#include <string.h>

#include "../base/hash.h"
#include "builder.h"
#include "elsewhere.h"
#include "match.h"

enum {
    GENERIC_LEVEL = 18,
    PAGES_LEVEL = 3,
    PAGES_TOUCHED_BYTES = 2 * PP_PATCH_FEED_BYTES,
    COPY_BYTES_MIN = 256, /* shorter runs of equal bytes stay in their pair */
    GRID_BYTES = 64,      /* blocks end on this grid, so that items are not cut */
    ITEM_BYTES = 4,       /* pairs begin and end on this one */
    TURN_BYTES = 1 << 17,
    LOPSIDED = 8 /* sides of a gap that are so unlike in length share nothing */
};

/* A part of the images that becomes one operation, or the rest of it. */
struct piece {
    enum pp_rollback_kind kind;
    uint64_t old_at, new_at, bytes;
};

struct pp_patch_encoder {
    enum pp_patch_mode mode;
    struct pp_patch_builder *builder;
    struct pp_bytes old_image, new_image; /* generic only */
    uint64_t old_bytes, new_bytes;        /* of the images */
    uint64_t old_done, new_done;          /* of them, put into operations */
    struct pp_patch_covers covers;
    struct pp_patch_elsewhere_lists elsewhere;
    size_t next_cover;
    struct pp_patch_cover cover; /* what is left of the one at work */
    unsigned phase;              /* of the items in the old image */
    struct piece piece;          /* what is left of the one at work */
    struct pp_sha256_stream body_hash;
    uint64_t body_bytes;
};

/* ---- New and free ---------------------------------------------------------------------------- */

static struct pp_patch_encoder *new_encoder(enum pp_patch_mode mode,
                                            const struct pp_patch_builder_options *options)
{
    struct pp_patch_encoder *e = calloc(1, sizeof *e);
    struct pp_patch_builder_options with_covers = *options;
    if (e == NULL)
        return NULL;
    e->mode = mode;
    with_covers.covers = &e->covers;
    with_covers.elsewhere = &e->elsewhere;
    e->builder = pp_patch_builder_new(&with_covers);
    pp_sha256_init(&e->body_hash);
    if (e->builder != NULL)
        return e;
    free(e);
    return NULL;
}

/* For large images a part of the old one, whose suffix array is an eighth of it. */
static size_t suffix_bytes_max(size_t old_bytes)
{
    enum { LARGE_BYTES = 4 << 20, LEAST_BYTES = 2 << 20, PART = 32 };
    size_t part = old_bytes / PART;
    if (old_bytes <= LARGE_BYTES || part > PP_PATCH_SUFFIX_BYTES_MAX)
        return PP_PATCH_SUFFIX_BYTES_MAX;
    return part > LEAST_BYTES ? part : LEAST_BYTES;
}

static enum pp_error find_covers(struct pp_bytes old_image, struct pp_bytes new_image,
                                 struct pp_patch_covers *covers,
                                 struct pp_patch_elsewhere_lists *elsewhere)
{
    struct pp_patch_covers matches = {0}, left_out = {0};
    enum pp_error error =
        pp_patch_match(old_image, new_image, suffix_bytes_max(old_image.len), &matches, &left_out);
    if (error == PP_OK)
        error = pp_patch_chain(&matches, &left_out);
    if (error == PP_OK)
        error = pp_patch_align(old_image, new_image, &matches, covers);
    pp_patch_covers_clean_up(&matches);
    struct pp_patch_images images = {old_image, new_image, covers};
    if (error == PP_OK)
        error = pp_patch_elsewhere_find(&images, &left_out, elsewhere);
    pp_patch_covers_clean_up(&left_out);
    return error;
}

struct pp_patch_encoder *pp_patch_encoder_new_pages(uint64_t old_bytes, uint64_t new_bytes)
{
    struct pp_patch_builder_options options = {
        .touched_bytes_max = PAGES_TOUCHED_BYTES, .level = PAGES_LEVEL, .fast = true};
    struct pp_patch_encoder *e = new_encoder(PP_PATCH_PAGES, &options);
    if (e == NULL)
        return NULL;
    e->old_bytes = old_bytes;
    e->new_bytes = new_bytes;
    return e;
}

void pp_patch_encoder_free(struct pp_patch_encoder *encoder)
{
    if (encoder == NULL)
        return;
    pp_patch_builder_free(encoder->builder);
    pp_patch_covers_clean_up(&encoder->covers);
    pp_patch_elsewhere_clean_up(&encoder->elsewhere);
    free(encoder);
}

/* ---- Blocks ---------------------------------------------------------------------------------- */

static enum pp_error finish_block(struct pp_patch_encoder *e, struct pp_bytes *block)
{
    *block = (struct pp_bytes){NULL, 0};
    if (pp_patch_builder_is_empty(e->builder))
        return PP_OK;
    enum pp_error error = pp_patch_builder_finish(e->builder, block);
    if (error != PP_OK)
        return error;
    pp_sha256_update(&e->body_hash, *block);
    e->body_bytes += block->len;
    return PP_OK;
}

enum pp_error pp_patch_encoder_finish(struct pp_patch_encoder *encoder,
                                      const struct pp_patch_image *old_image,
                                      const struct pp_patch_image *new_image,
                                      struct pp_patch_header *header,
                                      uint8_t bytes[PP_PATCH_HEADER_BYTES])
{
    struct pp_patch_encoder *e = encoder;
    if (old_image->bytes != e->old_done || new_image->bytes != e->new_done ||
        e->old_done != e->old_bytes || e->new_done != e->new_bytes)
        return PP_ERROR_ARGUMENT;
    *header = (struct pp_patch_header){.mode = e->mode,
                                       .old_image = *old_image,
                                       .new_image = *new_image,
                                       .body_bytes = e->body_bytes,
                                       .body_hash = pp_sha256_final(&e->body_hash)};
    pp_patch_header_write(bytes, header);
    return PP_OK;
}

/* ---- Generic: pieces of covers --------------------------------------------------------------- */

/* The phase of items of 4 bytes in a cover: their highest byte is the one that differs least. */
static unsigned phase_of(const struct pp_patch_encoder *e, const struct pp_patch_cover *cover)
{
    enum { SAMPLE_BYTES = 1 << 16 };
    size_t different[ITEM_BYTES] = {0};
    unsigned least = ITEM_BYTES - 1;
    for (uint64_t i = 0; i < cover->bytes && i < SAMPLE_BYTES; i++)
        different[(cover->old_at + i) % ITEM_BYTES] +=
            e->old_image.data[cover->old_at + i] != e->new_image.data[cover->new_at + i];
    for (unsigned k = 0; k < ITEM_BYTES; k++)
        if (different[k] < different[least])
            least = k;
    return (least + 1) % ITEM_BYTES;
}

/* Bytes from old_at to the first place of the grid at or behind it. */
static uint64_t to_grid(const struct pp_patch_encoder *e, uint64_t old_at)
{
    return (ITEM_BYTES + e->phase - old_at % ITEM_BYTES) % ITEM_BYTES;
}

static size_t equal_run(const struct pp_patch_encoder *e, uint64_t from, uint64_t most)
{
    return pp_patch_equal_bytes(e->old_image.data + e->cover.old_at + from,
                                e->new_image.data + e->cover.new_at + from, (size_t)most);
}

/* Where the pair at the front of the cover ends: before a long run of equal bytes. */
static uint64_t pair_bytes(const struct pp_patch_encoder *e)
{
    const uint8_t *a = e->old_image.data + e->cover.old_at;
    const uint8_t *b = e->new_image.data + e->cover.new_at;
    uint64_t n = e->cover.bytes, at = 0;
    while (at < n) {
        if (a[at] != b[at]) {
            at++;
            continue;
        }
        uint64_t run = equal_run(e, at, n - at < COPY_BYTES_MIN ? n - at : COPY_BYTES_MIN);
        if (run == COPY_BYTES_MIN)
            break;
        at += run;
    }
    uint64_t end = at + to_grid(e, e->cover.old_at + at);
    return end < n ? end : n;
}

/* The copy or the pair at the front of the cover. */
static struct piece next_of_cover(struct pp_patch_encoder *e)
{
    struct piece piece = {PP_ROLLBACK_COPY, e->cover.old_at, e->cover.new_at, 0};
    uint64_t run = equal_run(e, 0, e->cover.bytes);
    uint64_t back = (e->cover.old_at + run + ITEM_BYTES - e->phase) % ITEM_BYTES;
    if (run == e->cover.bytes)
        piece.bytes = run;
    else if (run >= COPY_BYTES_MIN)
        piece.bytes = run - back;
    if (piece.bytes == 0) {
        piece.kind = PP_ROLLBACK_PAIR;
        piece.bytes = pair_bytes(e);
    }
    e->cover.old_at += piece.bytes;
    e->cover.new_at += piece.bytes;
    e->cover.bytes -= piece.bytes;
    return piece;
}

/* Where both sides of a gap are long they take turns, so that blocks hold parts of both: literals
   share a code in their block.  How much of this side, which has `left` bytes of `both`. */
static uint64_t turn_of(uint64_t left, uint64_t both)
{
    uint64_t other = both - left;
    if (both <= TURN_BYTES || left > LOPSIDED * other || other > LOPSIDED * left)
        return left;
    return TURN_BYTES * left / both;
}

/* The next literal before the cover.  No bytes when there is none. */
static struct piece next_literal(struct pp_patch_encoder *e, const struct pp_patch_cover *next)
{
    uint64_t old_left = next->old_at - e->old_done, new_left = next->new_at - e->new_done;
    struct piece piece = {PP_ROLLBACK_NEW, e->old_done, e->new_done, 0};
    if (old_left > 0 && (new_left == 0 || e->piece.kind != PP_ROLLBACK_OLD)) {
        piece.kind = PP_ROLLBACK_OLD;
        piece.bytes = turn_of(old_left, old_left + new_left);
    } else if (new_left > 0) {
        piece.bytes = turn_of(new_left, old_left + new_left);
    }
    return piece;
}

/* The next piece: the literals before a cover, then the cover.  No bytes at the end. */
static struct piece next_piece(struct pp_patch_encoder *e)
{
    struct pp_patch_cover end = {e->old_bytes, e->new_bytes, 0};
    if (e->cover.bytes > 0)
        return next_of_cover(e);
    const struct pp_patch_cover *next = &end;
    while (e->next_cover < e->covers.count && e->covers.at[e->next_cover].bytes == 0)
        e->next_cover++;
    if (e->next_cover < e->covers.count)
        next = &e->covers.at[e->next_cover];
    struct piece literal = next_literal(e, next);
    if (literal.bytes > 0 || next == &end)
        return literal;
    e->cover = *next;
    e->phase = phase_of(e, next);
    e->next_cover++;
    return next_of_cover(e);
}

/* Adds as much of the piece as the block has room for. */
static void add_piece(struct pp_patch_encoder *e, size_t room)
{
    struct piece *piece = &e->piece;
    const uint8_t *old_bytes = e->old_image.data + piece->old_at;
    const uint8_t *new_bytes = e->new_image.data + piece->new_at;
    size_t n = piece->bytes < room ? (size_t)piece->bytes : room / GRID_BYTES * GRID_BYTES;
    uint64_t added = n;
    if (piece->kind == PP_ROLLBACK_COPY) {
        added = piece->bytes;
        pp_patch_builder_copy(e->builder, added);
    } else if (piece->kind == PP_ROLLBACK_PAIR) {
        pp_patch_builder_pair(e->builder, old_bytes, new_bytes, n);
    } else if (piece->kind == PP_ROLLBACK_NEW) {
        pp_patch_builder_new_literal(e->builder, (struct pp_bytes){new_bytes, n});
    } else {
        pp_patch_builder_old_literal(e->builder, (struct pp_bytes){old_bytes, n});
    }
    bool in_old = piece->kind != PP_ROLLBACK_NEW, in_new = piece->kind != PP_ROLLBACK_OLD;
    e->old_done += in_old ? added : 0;
    e->new_done += in_new ? added : 0;
    piece->old_at += in_old ? added : 0;
    piece->new_at += in_new ? added : 0;
    piece->bytes -= added;
}

enum pp_error pp_patch_encoder_next(struct pp_patch_encoder *encoder, struct pp_bytes *block)
{
    struct pp_patch_encoder *e = encoder;
    while (e->mode == PP_PATCH_GENERIC) {
        if (e->piece.bytes == 0)
            e->piece = next_piece(e);
        size_t room = pp_patch_builder_room(e->builder);
        if (e->piece.bytes == 0 || room < GRID_BYTES)
            break;
        add_piece(e, room);
    }
    return finish_block(e, block);
}

/* ---- Generic: new ---------------------------------------------------------------------------- */

enum pp_error pp_patch_encoder_new(struct pp_bytes old_image, struct pp_bytes new_image,
                                   struct pp_patch_encoder **encoder)
{
    struct pp_patch_builder_options options = {.touched_bytes_max = PP_PATCH_TOUCHED_BYTES_MAX,
                                               .level = GENERIC_LEVEL,
                                               .old_image = old_image,
                                               .new_image = new_image};
    struct pp_patch_covers covers = {0};
    struct pp_patch_elsewhere_lists elsewhere = {0};
    enum pp_error error = find_covers(old_image, new_image, &covers, &elsewhere);
    /* Only now: the memory that matching needed is free again. */
    struct pp_patch_encoder *e = error == PP_OK ? new_encoder(PP_PATCH_GENERIC, &options) : NULL;
    if (e == NULL) {
        pp_patch_covers_clean_up(&covers);
        pp_patch_elsewhere_clean_up(&elsewhere);
        return error == PP_OK ? PP_ERROR_MEMORY : error;
    }
    e->old_image = old_image;
    e->new_image = new_image;
    e->old_bytes = old_image.len;
    e->new_bytes = new_image.len;
    e->covers = covers;
    e->elsewhere = elsewhere;
    *encoder = e;
    return PP_OK;
}

/* ---- Pages ----------------------------------------------------------------------------------- */

static size_t page_bytes(size_t at, size_t n)
{
    return n - at < PP_ROLLBACK_PAGE_BYTES ? n - at : (size_t)PP_ROLLBACK_PAGE_BYTES;
}

/* Bytes of the pages that differ. */
static size_t changed_bytes(const uint8_t *a, const uint8_t *b, size_t n)
{
    size_t changed = 0;
    if (n == 0 || memcmp(a, b, n) == 0)
        return 0;
    for (size_t at = 0; at < n; at += PP_ROLLBACK_PAGE_BYTES)
        changed += memcmp(a + at, b + at, page_bytes(at, n)) != 0 ? page_bytes(at, n) : 0;
    return changed;
}

static void add_pages(struct pp_patch_builder *builder, const uint8_t *a, const uint8_t *b,
                      size_t n)
{
    for (size_t at = 0; at < n; at += PP_ROLLBACK_PAGE_BYTES) {
        if (memcmp(a + at, b + at, page_bytes(at, n)) == 0)
            pp_patch_builder_copy(builder, page_bytes(at, n));
        else
            pp_patch_builder_pair(builder, a + at, b + at, page_bytes(at, n));
    }
}

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

enum pp_error pp_patch_encoder_feed(struct pp_patch_encoder *encoder, struct pp_bytes old_bytes,
                                    struct pp_bytes new_bytes, struct pp_bytes *block)
{
    struct pp_patch_encoder *e = encoder;
    size_t common = smaller(old_bytes.len, new_bytes.len);
    enum pp_error error = PP_OK;
    *block = (struct pp_bytes){NULL, 0};
    if (e->mode != PP_PATCH_PAGES || old_bytes.len > PP_PATCH_FEED_BYTES ||
        new_bytes.len > PP_PATCH_FEED_BYTES || old_bytes.len > e->old_bytes - e->old_done ||
        new_bytes.len > e->new_bytes - e->new_done)
        return PP_ERROR_ARGUMENT;
    size_t changed = changed_bytes(old_bytes.data, new_bytes.data, common) + old_bytes.len +
                     new_bytes.len - 2 * common;
    size_t room = pp_patch_builder_room(e->builder);
    if (changed > room || room == 0)
        error = finish_block(e, block);
    if (error != PP_OK)
        return error;
    add_pages(e->builder, old_bytes.data, new_bytes.data, common);
    if (new_bytes.len > common)
        pp_patch_builder_new_literal(
            e->builder, (struct pp_bytes){new_bytes.data + common, new_bytes.len - common});
    if (old_bytes.len > common)
        pp_patch_builder_old_literal(
            e->builder, (struct pp_bytes){old_bytes.data + common, old_bytes.len - common});
    e->old_done += old_bytes.len;
    e->new_done += new_bytes.len;
    return PP_OK;
}
