/* SPDX-License-Identifier: MIT */
/* A patch that was just written, read back and run in both directions: every page of both results
   is compared.  Nothing is written. */
#include "image.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { PAGE = PP_ROLLBACK_PAGE_BYTES, CHUNK_BYTES = 64 * PAGE };

struct replay {
    struct pp_patch_run run;
    uint64_t source_bytes, out_bytes;
    const struct pp_digest *wanted; /* leaves of the result */
    uint64_t at;                    /* bytes compared */
    size_t used;                    /* of the page at work */
    uint8_t page[PAGE], chunk[CHUNK_BYTES];
};

static enum pp_error not_inverse(const struct replay *r)
{
    return pp_fail(r->run.failure, PP_ERROR_MISMATCH, 0,
                   "the patch does not %s what it was made of: it is thrown away",
                   r->run.direction == PP_ROLLBACK_APPLY ? "lead to" : "lead back to");
}

static enum pp_error compare_page(struct replay *r)
{
    struct pp_digest hash = pp_rollback_page_hash((struct pp_bytes){r->page, r->used});
    if (!pp_digest_equal(&hash, &r->wanted[r->at / PAGE]))
        return not_inverse(r);
    r->at += r->used;
    r->used = 0;
    return PP_OK;
}

static enum pp_error take(struct replay *r, const uint8_t *data, size_t bytes)
{
    enum pp_error error = PP_OK;
    while (bytes > 0 && error == PP_OK) {
        size_t n = bytes < PAGE - r->used ? bytes : PAGE - r->used;
        memcpy(r->page + r->used, data, n);
        r->used += n;
        data += n;
        bytes -= n;
        if (r->used == PAGE || r->at + r->used == r->out_bytes)
            error = compare_page(r);
    }
    return error;
}

/* Whole pages that stay in their place are compared by their hashes. */
static uint64_t compare_leaves(struct replay *r, uint64_t from, uint64_t bytes)
{
    if (r->used != 0 || r->at != from || from % PAGE != 0)
        return 0;
    if (from + bytes != r->source_bytes || from + bytes != r->out_bytes)
        bytes -= bytes % PAGE;
    size_t first = (size_t)(from / PAGE), count = (size_t)pp_rollback_pages(bytes);
    if (memcmp(&r->run.leaves[first], &r->wanted[first], count * sizeof *r->wanted) != 0)
        return 0;
    r->at += bytes;
    return bytes;
}

static enum pp_error take_copy(struct replay *r, uint64_t from, uint64_t bytes)
{
    uint64_t compared = compare_leaves(r, from, bytes);
    enum pp_error error = PP_OK;
    from += compared;
    bytes -= compared;
    while (bytes > 0 && error == PP_OK) {
        size_t n = bytes < CHUNK_BYTES ? (size_t)bytes : CHUNK_BYTES;
        error = pp_patch_run_read(&r->run, r->chunk, n, from);
        if (error == PP_OK)
            error = take(r, r->chunk, n);
        from += n;
        bytes -= n;
    }
    return error;
}

static enum pp_error take_write(struct replay *r, const struct pp_patch_write *write)
{
    if (write->offset != r->at + r->used || write->bytes > r->out_bytes - write->offset)
        return not_inverse(r);
    if (write->data != NULL)
        return take(r, write->data, (size_t)write->bytes);
    if (write->source_offset > r->source_bytes ||
        write->bytes > r->source_bytes - write->source_offset)
        return not_inverse(r);
    return take_copy(r, write->source_offset, write->bytes);
}

static enum pp_error run_blocks(struct replay *r)
{
    struct pp_patch_write write;
    bool done = false;
    enum pp_error error = pp_patch_run_begin(&r->run);
    while (error == PP_OK && (error = pp_patch_run_block(&r->run, &done)) == PP_OK && !done)
        while (error == PP_OK && pp_patch_decoder_next_write(r->run.decoder, &write))
            error = take_write(r, &write);
    pp_patch_run_end(&r->run);
    return error == PP_OK && r->at != r->out_bytes ? not_inverse(r) : error;
}

static enum pp_error run_one_way(struct replay *r, const struct pp_patch_file *patch,
                                 enum pp_rollback_direction direction, int source,
                                 const struct pp_image_tree *from, const struct pp_image_tree *to,
                                 struct pp_failure *failure)
{
    r->run = (struct pp_patch_run){.patch = patch,
                                   .direction = direction,
                                   .path = direction == PP_ROLLBACK_APPLY ? "the old image"
                                                                          : "the new image",
                                   .fd = source,
                                   .leaves = from->nodes,
                                   .failure = failure};
    r->source_bytes = pp_patch_source(patch, direction)->bytes;
    r->out_bytes = pp_patch_target(patch, direction)->bytes;
    r->wanted = to->nodes;
    r->at = r->used = 0;
    return run_blocks(r);
}

enum pp_error pp_patch_replay(int patch_fd, int old_fd, const struct pp_image_tree *old_tree,
                              int new_fd, const struct pp_image_tree *new_tree,
                              struct pp_failure *failure)
{
    static char name[] = "the new patch";
    struct pp_patch_file patch = {.path = name, .fd = patch_fd};
    struct replay *r = malloc(sizeof *r);
    if (r == NULL)
        return pp_fail(failure, PP_ERROR_MEMORY, 0, "no memory to replay the patch");
    enum pp_error error = pp_patch_file_check(&patch, failure);
    if (error == PP_OK)
        error = run_one_way(r, &patch, PP_ROLLBACK_APPLY, old_fd, old_tree, new_tree, failure);
    if (error == PP_OK)
        error = run_one_way(r, &patch, PP_ROLLBACK_REVERT, new_fd, new_tree, old_tree, failure);
    free(r);
    return error;
}
