/* SPDX-License-Identifier: MIT */
/* Runs a patch over a source file of which every page is checked as it is read. */
#include "patch_file.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../base/base.h"
#include "../os/os.h"
#include "../store/store.h"

enum { PAGE = PP_ROLLBACK_PAGE_BYTES, PLACE_BYTES = 96 };

static enum pp_error damaged(const struct pp_patch_run *run, enum pp_error error, const char *what)
{
    return pp_fail(run->failure, error, 0, "the patch %s is damaged: %s; %s was not changed",
                   run->patch->path, what, run->path);
}

/* ---- Reading the source --------------------------------------------------------------------- */

static enum pp_error check_page(const struct pp_patch_run *run, uint64_t page, struct pp_bytes data)
{
    struct pp_digest hash = pp_rollback_page_hash(data);
    if (pp_digest_equal(&hash, &run->leaves[page]))
        return PP_OK;
    char have[2 * PP_DIGEST_BYTES + 1], want[2 * PP_DIGEST_BYTES + 1];
    pp_hex_encode(hash.b, PP_DIGEST_BYTES, have);
    pp_hex_encode(run->leaves[page].b, PP_DIGEST_BYTES, want);
    return pp_fail(run->failure, PP_ERROR_MISMATCH, 0,
                   "page %" PRIu64 " of %s (from byte %" PRIu64 ") has the hash %.16s..., but its "
                   "page tree says %.16s...: something else has changed it; nothing was written",
                   page, run->path, page * PAGE, have, want);
}

static size_t page_len(const struct pp_patch_run *run, uint64_t page)
{
    uint64_t left = pp_patch_source(run->patch, run->direction)->bytes - page * PAGE;
    return left < PAGE ? (size_t)left : PAGE;
}

static enum pp_error read_exactly(const struct pp_patch_run *run, uint8_t *out, size_t bytes,
                                  uint64_t offset)
{
    int64_t got = pp_os_read_at(run->fd, out, bytes, offset);
    if (got == (int64_t)bytes)
        return PP_OK;
    return pp_fail(run->failure, PP_ERROR_IO, got < 0 ? (int)-got : EIO, "%s can't be read",
                   run->path);
}

/* A part of one page: all of it is read, for its hash. */
static enum pp_error read_part(struct pp_patch_run *run, uint8_t *out, size_t bytes,
                               uint64_t offset)
{
    uint8_t whole[PAGE];
    uint64_t page = offset / PAGE;
    size_t len = page_len(run, page);
    enum pp_error error = read_exactly(run, whole, len, page * PAGE);
    if (error == PP_OK)
        error = check_page(run, page, (struct pp_bytes){whole, len});
    if (error == PP_OK)
        memcpy(out, whole + offset % PAGE, bytes);
    return error;
}

static enum pp_error read_whole_pages(struct pp_patch_run *run, uint8_t *out, size_t bytes,
                                      uint64_t offset)
{
    enum pp_error error = read_exactly(run, out, bytes, offset);
    for (size_t done = 0; done < bytes && error == PP_OK;) {
        uint64_t page = (offset + done) / PAGE;
        size_t len = page_len(run, page);
        error = check_page(run, page, (struct pp_bytes){out + done, len});
        done += len;
    }
    return error;
}

enum pp_error pp_patch_run_read(struct pp_patch_run *run, uint8_t *out, size_t bytes,
                                uint64_t offset)
{
    while (bytes > 0) {
        size_t into = (size_t)(offset % PAGE), len = page_len(run, offset / PAGE), n;
        enum pp_error error;
        if (into != 0 || bytes < len) {
            n = bytes < len - into ? bytes : len - into;
            error = read_part(run, out, n, offset);
        } else {
            n = bytes % PAGE == 0 ||
                        offset + bytes == pp_patch_source(run->patch, run->direction)->bytes
                    ? bytes
                    : bytes - bytes % PAGE;
            error = read_whole_pages(run, out, n, offset);
        }
        if (error != PP_OK)
            return error;
        out += n;
        offset += n;
        bytes -= n;
    }
    return PP_OK;
}

/* ---- Blocks --------------------------------------------------------------------------------- */

enum pp_error pp_patch_run_begin(struct pp_patch_run *run)
{
    run->body_at = 0;
    run->decoder = pp_patch_decoder_new(run->direction, &run->patch->header);
    return run->decoder != NULL
               ? PP_OK
               : pp_fail(run->failure, PP_ERROR_MEMORY, 0, "no memory to run %s", run->patch->path);
}

void pp_patch_run_end(struct pp_patch_run *run)
{
    pp_patch_decoder_free(run->decoder);
    run->decoder = NULL;
}

static enum pp_error read_body(struct pp_patch_run *run, uint8_t *out, size_t bytes)
{
    if (bytes > run->patch->header.body_bytes - run->body_at)
        return damaged(run, PP_ERROR_FORMAT, "a block is longer than the rest");
    int64_t got = pp_os_read_at(run->patch->fd, out, bytes, PP_PATCH_HEADER_BYTES + run->body_at);
    run->body_at += bytes;
    if (got == (int64_t)bytes)
        return PP_OK;
    return pp_fail(run->failure, PP_ERROR_IO, got < 0 ? (int)-got : EIO, "%s can't be read",
                   run->patch->path);
}

static enum pp_error open_block(struct pp_patch_run *run)
{
    uint8_t header[PP_PATCH_BLOCK_HEADER_BYTES];
    struct pp_patch_space stored;
    enum pp_error error = read_body(run, header, sizeof header);
    if (error != PP_OK)
        return error;
    if (pp_patch_decoder_begin(run->decoder, header, &stored) != PP_OK)
        return damaged(run, PP_ERROR_FORMAT, "a block breaks a limit of the format");
    error = read_body(run, stored.data, stored.bytes);
    if (error == PP_OK && pp_patch_decoder_open(run->decoder) != PP_OK)
        error = damaged(run, PP_ERROR_FORMAT, "operations do not fit their block or the images");
    return error;
}

static enum pp_error decode_block(struct pp_patch_run *run)
{
    struct pp_patch_read read;
    while (pp_patch_decoder_next_read(run->decoder, &read)) {
        enum pp_error error =
            pp_patch_run_read(run, read.space.data, read.space.bytes, read.offset);
        if (error != PP_OK)
            return error;
    }
    enum pp_error error = pp_patch_decoder_run(run->decoder);
    if (error == PP_ERROR_MISMATCH)
        return damaged(run, error, "the hash of a block differs");
    return error == PP_OK ? PP_OK : damaged(run, error, "a block does not decode");
}

enum pp_error pp_patch_run_block(struct pp_patch_run *run, bool *done)
{
    *done = pp_patch_decoder_at_end(run->decoder);
    if (*done) {
        enum pp_error error = pp_patch_decoder_finish(run->decoder);
        return error == PP_OK ? PP_OK : damaged(run, error, "its blocks do not cover the images");
    }
    enum pp_error error = open_block(run);
    return error == PP_OK ? decode_block(run) : error;
}

/* ---- What the patch was made for ------------------------------------------------------------ */

/* The first page that differs from what a tree of the wanted image says. */
static void locate(const struct pp_patch_run *run, uint64_t bytes, char out[PLACE_BYTES])
{
    uint64_t pages = pp_rollback_pages(bytes);
    out[0] = '\0';
    for (uint64_t page = 0; run->wanted_leaves != NULL && page < pages; page++) {
        if (pp_digest_equal(&run->wanted_leaves[page], &run->leaves[page]))
            continue;
        snprintf(out, PLACE_BYTES, ", first at page %" PRIu64 " (byte %" PRIu64 ")", page,
                 page * PAGE);
        return;
    }
}

enum pp_error pp_patch_run_check(const struct pp_patch_run *run, uint64_t bytes,
                                 const struct pp_digest *root)
{
    const struct pp_patch_image *wanted = pp_patch_source(run->patch, run->direction);
    const struct pp_patch_image *other = pp_patch_target(run->patch, run->direction);
    const char *side = run->direction == PP_ROLLBACK_APPLY ? "old" : "new";
    if (pp_digest_equal(root, &wanted->root) && bytes == wanted->bytes)
        return PP_OK;
    if (pp_digest_equal(root, &other->root))
        return pp_fail(run->failure, PP_ERROR_MISMATCH, 0,
                       "%s is already the image that %s leads to; nothing was changed", run->path,
                       run->patch->path);
    if (bytes != wanted->bytes)
        return pp_fail(run->failure, PP_ERROR_MISMATCH, 0,
                       "%s has %" PRIu64 " bytes, but the %s image of %s has %" PRIu64
                       "; nothing was changed",
                       run->path, bytes, side, run->patch->path, wanted->bytes);
    char have[2 * PP_DIGEST_BYTES + 1], want[2 * PP_DIGEST_BYTES + 1], place[PLACE_BYTES];
    locate(run, bytes, place);
    pp_hex_encode(root->b, PP_DIGEST_BYTES, have);
    pp_hex_encode(wanted->root.b, PP_DIGEST_BYTES, want);
    return pp_fail(run->failure, PP_ERROR_MISMATCH, 0,
                   "the pages of %s have the root %.16s..., but those of the %s image of %s have "
                   "%.16s...: they differ%s; nothing was changed",
                   run->path, have, side, run->patch->path, want, place);
}
