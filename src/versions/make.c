/* SPDX-License-Identifier: MIT */
/* Makes patch files: reads both images, chooses the mode, encodes, replays, then gives the name. */
#include "image.h"
#include "place.h"
#include "versions.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { PAGE = PP_ROLLBACK_PAGE_BYTES };

struct side {
    const char *path;
    int fd;
    uint64_t bytes;
    struct pp_image_tree tree;
    struct pp_digest sha256;
    const uint8_t *map; /* while the images are encoded in generic mode */
    size_t map_bytes;
};

struct make {
    struct side old_side, new_side;
    const struct pp_diff_options *options;
    struct pp_failure *failure;
    struct pp_patch_encoder *encoder;
    int patch;
    uint64_t patch_end;
    bool only_counts; /* blocks are counted, not written */
};

static enum pp_error no_memory(const struct make *make)
{
    return pp_fail(make->failure, PP_ERROR_MEMORY, 0, "no memory to compare %s and %s",
                   make->old_side.path, make->new_side.path);
}

/* ---- Reading -------------------------------------------------------------------------------- */

static enum pp_error open_side(struct make *make, struct side *side)
{
    side->fd = pp_os_open(PP_OS_CWD, side->path, PP_OS_READ_FOLLOW);
    int64_t size = side->fd < 0 ? side->fd : pp_os_size(side->fd);
    if (size == -EINVAL)
        return pp_fail(make->failure, PP_ERROR_ARGUMENT, 0, "%s is no regular file", side->path);
    if (size < 0)
        return pp_fail(make->failure, size == -ENOENT ? PP_ERROR_NOT_FOUND : PP_ERROR_IO,
                       (int)-size, "%s can't be opened", side->path);
    side->bytes = (uint64_t)size;
    int result = pp_image_tree_read(&side->tree, side->fd, side->bytes, &side->sha256,
                                    &make->options->progress);
    if (result < 0)
        return pp_fail(make->failure, result == -ENOMEM ? PP_ERROR_MEMORY : PP_ERROR_IO, -result,
                       "%s can't be read", side->path);
    return PP_OK;
}

static void close_side(struct side *side)
{
    pp_os_unmap(side->map, side->map_bytes);
    pp_image_tree_free(&side->tree);
    if (side->fd >= 0)
        pp_os_close(side->fd);
}

static enum pp_error changed(const struct make *make, const struct side *side, int result)
{
    return pp_fail(make->failure, result < 0 ? PP_ERROR_IO : PP_ERROR_MISMATCH,
                   result < 0 ? -result : 0, "%s changed while it was read; try again", side->path);
}

/* ---- Mode ----------------------------------------------------------------------------------- */

/* Of the changed pages a few, spread over the image: how many bytes of them are as they were? */
static bool bytes_stay(const struct make *make, size_t common, size_t touched)
{
    enum { SAMPLES = 256 };
    size_t seen = 0, same = 0, every = touched / SAMPLES + 1;
    uint8_t old_page[PAGE], new_page[PAGE];
    for (size_t page = 0, nth = 0; page < common; page++) {
        if (pp_digest_equal(&make->old_side.tree.nodes[page], &make->new_side.tree.nodes[page]) ||
            nth++ % every != 0)
            continue;
        int64_t a = pp_os_read_at(make->old_side.fd, old_page, PAGE, (uint64_t)page * PAGE);
        int64_t b = pp_os_read_at(make->new_side.fd, new_page, PAGE, (uint64_t)page * PAGE);
        for (int64_t i = 0; i < a && i < b; i++, seen++)
            same += old_page[i] == new_page[i];
    }
    return seen > 0 && same * 10 >= seen * 4;
}

/* Page mode where most pages stay, or where most bytes of those that change do, as in weights that
   were all trained a little.  Where the sizes are nearly equal all bytes may be others and in their
   places, as in weights trained anew, or have moved: only the patches tell. */
static enum pp_diff_mode choose(const struct make *make)
{
    const struct pp_image_tree *a = &make->old_side.tree, *b = &make->new_side.tree;
    size_t common = a->pages < b->pages ? a->pages : b->pages;
    size_t all = a->pages < b->pages ? b->pages : a->pages, touched = all - common;
    if (make->options->mode != PP_DIFF_AUTO)
        return make->options->mode;
    if (common == 0)
        return PP_DIFF_PAGES;
    for (size_t page = 0; page < common; page++)
        touched += !pp_digest_equal(&a->nodes[page], &b->nodes[page]);
    if (touched <= all / 4)
        return PP_DIFF_PAGES;
    if (all - common > all / 8)
        return PP_DIFF_GENERIC;
    return bytes_stay(make, common, touched) ? PP_DIFF_PAGES : PP_DIFF_SMALLEST;
}

/* ---- Encoding ------------------------------------------------------------------------------- */

static enum pp_error put_block(struct make *make, enum pp_error error, struct pp_bytes block)
{
    if (error == PP_ERROR_MISMATCH)
        return pp_fail(make->failure, error, 0,
                       "a block did not survive its replay in both directions: there is no patch");
    if (error != PP_OK)
        return error == PP_ERROR_MEMORY ? no_memory(make)
                                        : pp_fail(make->failure, error, 0, "no patch can be made");
    int result = block.len > 0 && !make->only_counts
                     ? pp_os_write_at(make->patch, block.data, block.len, make->patch_end)
                     : 0;
    make->patch_end += block.len;
    return result == 0 ? PP_OK
                       : pp_fail(make->failure, PP_ERROR_IO, -result, "the patch can't be written");
}

/* What is fed is what was hashed: each page is compared with its leaf where it changed. */
static enum pp_error feed(struct make *make, uint64_t at, uint8_t *old_bytes, uint8_t *new_bytes)
{
    struct side *sides[] = {&make->old_side, &make->new_side};
    struct pp_bytes views[2];
    for (int i = 0; i < 2; i++) {
        uint64_t left = sides[i]->bytes > at ? sides[i]->bytes - at : 0;
        uint8_t *out = i == 0 ? old_bytes : new_bytes;
        size_t want = left < PP_PATCH_FEED_BYTES ? (size_t)left : PP_PATCH_FEED_BYTES;
        int64_t got = want > 0 ? pp_os_read_at(sides[i]->fd, out, want, at) : 0;
        if (got != (int64_t)want)
            return changed(make, sides[i], (int)(got < 0 ? got : 0));
        views[i] = (struct pp_bytes){out, want};
    }
    struct pp_bytes block;
    enum pp_error error = pp_patch_encoder_feed(make->encoder, views[0], views[1], &block);
    return put_block(make, error, block);
}

static bool same_pages(const struct make *make, uint64_t at)
{
    const struct pp_image_tree *a = &make->old_side.tree, *b = &make->new_side.tree;
    size_t from = (size_t)(at / PAGE), to = from + PP_PATCH_FEED_BYTES / PAGE;
    if (to > a->pages || to > b->pages)
        return false;
    return memcmp(&a->nodes[from], &b->nodes[from], (to - from) * sizeof *a->nodes) == 0;
}

static enum pp_error finish_blocks(struct make *make)
{
    struct pp_bytes block;
    for (;;) {
        enum pp_error error = pp_patch_encoder_next(make->encoder, &block);
        error = put_block(make, error, block);
        if (error != PP_OK || block.len == 0)
            return error;
        if (make->options->progress.report != NULL && !make->only_counts)
            make->options->progress.report(make->options->progress.context, make->patch_end,
                                           make->new_side.bytes);
    }
}

static void begin_encoding(struct make *make)
{
    pp_patch_encoder_free(make->encoder);
    make->encoder = NULL;
    make->patch_end = PP_PATCH_HEADER_BYTES;
}

static enum pp_error encode_pages(struct make *make)
{
    static const uint8_t unread[PP_PATCH_FEED_BYTES];
    uint64_t most =
        make->old_side.bytes > make->new_side.bytes ? make->old_side.bytes : make->new_side.bytes;
    uint8_t *buffers = malloc(2 * (size_t)PP_PATCH_FEED_BYTES);
    begin_encoding(make);
    make->encoder = pp_patch_encoder_new_pages(make->old_side.bytes, make->new_side.bytes);
    enum pp_error error = buffers != NULL && make->encoder != NULL ? PP_OK : no_memory(make);
    for (uint64_t at = 0; at < most && error == PP_OK; at += PP_PATCH_FEED_BYTES) {
        struct pp_bytes block, same = {unread, PP_PATCH_FEED_BYTES};
        /* Pages that are equal need no second reading: only that they are equal counts. */
        if (same_pages(make, at) && at + PP_PATCH_FEED_BYTES <= make->old_side.bytes &&
            at + PP_PATCH_FEED_BYTES <= make->new_side.bytes)
            error =
                put_block(make, pp_patch_encoder_feed(make->encoder, same, same, &block), block);
        else
            error = feed(make, at, buffers, buffers + PP_PATCH_FEED_BYTES);
    }
    free(buffers);
    return error == PP_OK ? finish_blocks(make) : error;
}

static enum pp_error encode_generic(struct make *make)
{
    struct side *sides[] = {&make->old_side, &make->new_side};
    begin_encoding(make);
    for (int i = 0; i < 2; i++) {
        int result = pp_os_map(sides[i]->fd, &sides[i]->map, &sides[i]->map_bytes);
        if (result < 0 || sides[i]->map_bytes != sides[i]->bytes)
            return changed(make, sides[i], result);
    }
    enum pp_error error = pp_patch_encoder_new(
        (struct pp_bytes){make->old_side.map, make->old_side.map_bytes},
        (struct pp_bytes){make->new_side.map, make->new_side.map_bytes}, &make->encoder);
    return error == PP_OK ? finish_blocks(make)
                          : put_block(make, error, (struct pp_bytes){NULL, 0});
}

/* Page mode costs little beside generic mode: it is counted first, and run again if it wins. */
static enum pp_error encode_smallest(struct make *make)
{
    make->only_counts = true;
    enum pp_error error = encode_pages(make);
    make->only_counts = false;
    uint64_t pages_end = make->patch_end;
    if (error == PP_OK)
        error = encode_generic(make);
    if (error != PP_OK || make->patch_end < pages_end)
        return error;
    int result = pp_os_truncate(make->patch, 0);
    return result == 0 ? encode_pages(make)
                       : pp_fail(make->failure, PP_ERROR_IO, -result, "the patch can't be written");
}

/* Its first byte in the file makes it a patch: it is written last. */
static enum pp_error put_header(struct make *make)
{
    struct pp_patch_header header;
    uint8_t bytes[PP_PATCH_HEADER_BYTES];
    struct side *sides[] = {&make->old_side, &make->new_side};
    struct pp_patch_image images[2];
    for (int i = 0; i < 2; i++)
        images[i] = (struct pp_patch_image){.bytes = sides[i]->bytes,
                                            .sha256 = sides[i]->sha256,
                                            .root = pp_image_tree_root(&sides[i]->tree)};
    if (pp_patch_encoder_finish(make->encoder, &images[0], &images[1], &header, bytes) != PP_OK)
        return pp_fail(make->failure, PP_ERROR_ARGUMENT, 0,
                       "the encoder did not cover both images: there is no patch");
    int result = pp_os_write_at(make->patch, bytes, sizeof bytes, 0);
    if (result == 0)
        result = pp_os_sync(make->patch);
    return result == 0 ? PP_OK
                       : pp_fail(make->failure, PP_ERROR_IO, -result, "the patch can't be written");
}

/* ---- The whole ------------------------------------------------------------------------------ */

static enum pp_error encode(struct make *make)
{
    enum pp_diff_mode mode = choose(make);
    enum pp_error error = mode == PP_DIFF_PAGES     ? encode_pages(make)
                          : mode == PP_DIFF_GENERIC ? encode_generic(make)
                                                    : encode_smallest(make);
    if (error == PP_OK)
        error = put_header(make);
    pp_patch_encoder_free(make->encoder);
    return error;
}

static enum pp_error make_file(struct make *make, const struct pp_place *place,
                               const char *patch_path)
{
    struct pp_os_attributes found;
    if (pp_os_status_at(place->dir, place->name, &found) != -ENOENT)
        return pp_fail(make->failure, PP_ERROR_EXISTS, 0,
                       "%s is there already; choose another name or remove it", patch_path);
    make->patch = pp_place_begin(place);
    if (make->patch < 0)
        return pp_fail(make->failure, PP_ERROR_IO, -make->patch, "%s can't be made", patch_path);
    enum pp_error error = encode(make);
    if (error == PP_OK)
        error = pp_patch_replay(make->patch, make->old_side.fd, &make->old_side.tree,
                                make->new_side.fd, &make->new_side.tree, make->failure);
    int result = error == PP_OK ? pp_os_set_mode(make->patch, 0640) : 0;
    if (error == PP_OK && result == 0)
        result = pp_place_commit(place, true);
    if (result < 0)
        error = pp_fail(make->failure, PP_ERROR_IO, -result, "%s can't be made", patch_path);
    if (error != PP_OK)
        pp_place_discard(place);
    pp_os_close(make->patch);
    return error;
}

enum pp_error pp_patch_file_make(const char *old_path, const char *new_path, const char *patch_path,
                                 const struct pp_diff_options *options, struct pp_failure *failure)
{
    static const struct pp_diff_options defaults;
    struct pp_place place;
    if (pp_path_is_folder(old_path) || pp_path_is_folder(new_path))
        return pp_folder_patch_make(old_path, new_path, patch_path, options, failure);
    struct make make = {.old_side = {.path = old_path, .fd = -1},
                        .new_side = {.path = new_path, .fd = -1},
                        .options = options != NULL ? options : &defaults,
                        .failure = failure};
    enum pp_error error = pp_place_open(&place, patch_path, failure);
    if (error == PP_OK)
        error = open_side(&make, &make.old_side);
    if (error == PP_OK)
        error = open_side(&make, &make.new_side);
    if (error == PP_OK)
        error = make_file(&make, &place, patch_path);
    close_side(&make.old_side);
    close_side(&make.new_side);
    pp_place_close(&place);
    return error;
}
