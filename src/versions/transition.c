/* SPDX-License-Identifier: MIT */
/* A patch applied or reverted in place: the pages that change go to the journal first. */
#include "image.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum {
    PAGE = PP_ROLLBACK_PAGE_BYTES,
    MANY = 8 /* one page of so many has changed: building the whole tree is faster */
};

struct transition {
    struct pp_image *image;
    struct pp_failure *failure;
    struct pp_patch_run run;
    struct pp_journal journal;
    uint64_t old_pages; /* of the file as it is */
    size_t *changed;    /* pages, ascending */
    size_t changed_count, changed_cap;
    size_t used; /* bytes of the page at work */
    uint8_t page[PAGE];
};

/* ---- Writing the new image to the journal --------------------------------------------------- */

/* Where the disk may have no blocks for the page yet, they are reserved before anything changes. */
static enum pp_error reserve(struct transition *t, uint64_t at, size_t len)
{
    if (!t->image->sparse && at + len <= t->image->bytes)
        return PP_OK;
    int result = pp_os_reserve(t->image->fd, at, len);
    if (result < 0)
        return pp_fail(t->failure, PP_ERROR_IO, -result,
                       "there is no room for the new %s; it was not changed", t->image->path);
    return PP_OK;
}

static enum pp_error no_memory(const struct transition *t)
{
    return pp_fail(t->failure, PP_ERROR_MEMORY, 0, "no memory for the page tree of %s",
                   t->image->path);
}

static bool note_change(struct transition *t, uint64_t page)
{
    if (t->changed_count == t->changed_cap) {
        size_t cap = 2 * t->changed_cap + 64;
        size_t *larger = realloc(t->changed, cap * sizeof *larger);
        if (larger == NULL)
            return false;
        t->changed = larger;
        t->changed_cap = cap;
    }
    t->changed[t->changed_count++] = (size_t)page;
    return true;
}

static enum pp_error put_page(struct transition *t, uint64_t page, struct pp_bytes data)
{
    struct pp_digest hash = pp_rollback_page_hash(data);
    if (page < t->old_pages && pp_digest_equal(&hash, &t->image->tree.nodes[page]))
        return PP_OK;
    enum pp_error error = reserve(t, page * PAGE, data.len);
    if (error == PP_OK && !note_change(t, page))
        error = no_memory(t);
    if (error != PP_OK)
        return error;
    t->image->tree.nodes[page] = hash;
    int result = pp_journal_add(&t->journal, page, &hash, data);
    if (result < 0)
        return pp_fail(t->failure, PP_ERROR_IO, -result,
                       "%s" PP_JOURNAL_SUFFIX " can't be written; %s was not changed",
                       t->image->path, t->image->path);
    return PP_OK;
}

/* The bytes of a page before this place, which stay as they are. */
static enum pp_error begin_page(struct transition *t, uint64_t offset)
{
    t->used = (size_t)(offset % PAGE);
    return t->used == 0 ? PP_OK : pp_patch_run_read(&t->run, t->page, t->used, offset - t->used);
}

static enum pp_error put_bytes(struct transition *t, uint64_t offset, const uint8_t *data,
                               uint64_t bytes)
{
    enum pp_error error = t->used == 0 ? begin_page(t, offset) : PP_OK;
    while (bytes > 0 && error == PP_OK) {
        size_t n = bytes < PAGE - t->used ? (size_t)bytes : PAGE - t->used;
        memcpy(t->page + t->used, data, n);
        t->used += n;
        data += n;
        offset += n;
        bytes -= n;
        if (t->used < PAGE && offset != t->journal.header.new_bytes)
            continue;
        error = put_page(t, (offset - 1) / PAGE, (struct pp_bytes){t->page, t->used});
        t->used = 0;
    }
    return error;
}

static enum pp_error put(struct transition *t, const struct pp_patch_write *write)
{
    uint64_t end = t->journal.header.new_bytes;
    bool stays = write->data == NULL && write->offset == write->source_offset;
    if (stays && t->used == 0)
        return PP_OK;
    /* Page mode keeps every byte in its place, and whole pages but for the end. */
    if (write->data == NULL || write->bytes > end || write->offset > end - write->bytes)
        return pp_fail(t->failure, PP_ERROR_FORMAT, 0,
                       "the patch is damaged: it is of page mode, but moves bytes; %s was not "
                       "changed",
                       t->image->path);
    return put_bytes(t, write->offset, write->data, write->bytes);
}

/* Where the image becomes shorter its last page does, too, though all bytes of it stay. */
static enum pp_error put_last_page(struct transition *t)
{
    uint64_t end = t->journal.header.new_bytes, last = end / PAGE;
    bool is_put = t->changed_count > 0 && t->changed[t->changed_count - 1] == last;
    if (end % PAGE == 0 || end >= t->image->bytes || is_put)
        return PP_OK;
    enum pp_error error = begin_page(t, end);
    if (error == PP_OK)
        error = put_page(t, last, (struct pp_bytes){t->page, t->used});
    t->used = 0;
    return error;
}

/* ---- The whole ------------------------------------------------------------------------------ */

static enum pp_error collect(struct transition *t)
{
    struct pp_patch_write write;
    bool done = false;
    enum pp_error error;
    while ((error = pp_patch_run_block(&t->run, &done)) == PP_OK && !done)
        while (pp_patch_decoder_next_write(t->run.decoder, &write))
            if ((error = put(t, &write)) != PP_OK)
                return error;
    return error == PP_OK ? put_last_page(t) : error;
}

static enum pp_error refresh(struct transition *t)
{
    struct pp_image_tree *tree = &t->image->tree;
    if (t->old_pages == tree->pages && t->changed_count < tree->pages / MANY)
        pp_rollback_tree_refresh(tree->nodes, tree->pages, t->changed, t->changed_count);
    else
        pp_rollback_tree_build(tree->nodes, tree->pages);
    struct pp_digest root = pp_image_tree_root(tree);
    if (pp_digest_equal(&root, &t->journal.header.new_root))
        return PP_OK;
    return pp_fail(t->failure, PP_ERROR_FORMAT, 0,
                   "the patch is damaged: it leads to another image than it says; %s was not "
                   "changed",
                   t->image->path);
}

static enum pp_error commit(struct transition *t)
{
    int result = pp_journal_write_header(&t->journal);
    if (result == 0 && !t->image->options.not_durable)
        result = pp_os_sync_data(t->image->journal_fd);
    if (result == 0)
        return PP_OK;
    /* Whether it will be there after a crash is not known: it must not count.  If not even that can
       be written, opening completes it, and the image is the new one. */
    t->image->stopped = pp_journal_retire(t->image->journal_fd) < 0;
    return pp_fail(t->failure, PP_ERROR_IO, -result,
                   "%s" PP_JOURNAL_SUFFIX " can't be written; %s was not changed", t->image->path,
                   t->image->path);
}

static enum pp_error change_pages(struct transition *t)
{
    struct pp_image *image = t->image;
    image->changed = true;
    enum pp_error error = pp_image_replay(image, &t->journal, t->failure);
    if (error == PP_OK) {
        int result = pp_journal_retire(image->journal_fd);
        if (result < 0)
            error = pp_fail(t->failure, PP_ERROR_IO, -result,
                            "%s is complete, but " PP_JOURNAL_SUFFIX " beside it can't be written",
                            image->path);
    }
    image->stopped = error != PP_OK;
    return error;
}

static void fill_header(struct transition *t)
{
    const struct pp_patch_image *target = pp_patch_target(t->run.patch, t->run.direction);
    t->journal.header = (struct pp_journal_header){
        .old_bytes = t->image->bytes,
        .new_bytes = target->bytes,
        .old_root = pp_patch_source(t->run.patch, t->run.direction)->root,
        .new_root = target->root,
        .patch_hash = t->run.patch->header.name,
    };
}

static enum pp_error begin_journal(struct transition *t)
{
    int result = pp_image_open_journal(t->image);
    if (result == 0)
        result = pp_journal_begin(&t->journal, t->image->journal_fd);
    if (result < 0)
        return pp_fail(t->failure, PP_ERROR_IO, -result,
                       "%s" PP_JOURNAL_SUFFIX " can't be made; %s was not changed", t->image->path,
                       t->image->path);
    return PP_OK;
}

static enum pp_error prepare(struct transition *t)
{
    struct pp_image *image = t->image;
    enum pp_error error = pp_image_know_tree(image, t->failure);
    if (error != PP_OK)
        return error;
    struct pp_digest root = pp_image_tree_root(&image->tree);
    t->run.leaves = image->tree.nodes;
    t->run.wanted_leaves =
        pp_image_kept_leaves(image, &pp_patch_source(t->run.patch, t->run.direction)->root);
    error = pp_patch_run_check(&t->run, image->bytes, &root);
    if (error == PP_OK)
        error = pp_patch_run_begin(&t->run);
    if (error == PP_OK)
        error = begin_journal(t);
    if (error != PP_OK)
        return error;
    fill_header(t);
    uint64_t new_bytes = t->journal.header.new_bytes;
    t->old_pages = image->tree.pages;
    if (!pp_image_tree_resize(&image->tree, new_bytes))
        return no_memory(t);
    t->run.leaves = image->tree.nodes;
    image->tree_known = false;
    return PP_OK;
}

static enum pp_error run(struct transition *t)
{
    enum pp_error error = prepare(t);
    if (error == PP_OK)
        error = collect(t);
    if (error == PP_OK)
        error = refresh(t);
    if (error == PP_OK)
        error = commit(t);
    if (error == PP_OK)
        error = change_pages(t);
    if (error == PP_OK)
        t->image->tree_known = true;
    return error;
}

enum pp_error pp_image_transition(struct pp_image *image, const struct pp_patch_file *patch,
                                  enum pp_rollback_direction direction, struct pp_failure *failure)
{
    if (image->stopped)
        return pp_fail(failure, PP_ERROR_STOPPED, 0,
                       "%s was left after an error of the disk; open it again", image->path);
    if (patch->header.mode != PP_PATCH_PAGES)
        return pp_fail(failure, PP_ERROR_ARGUMENT, 0,
                       "%s moves bytes and can't be applied in place", patch->path);
    struct transition t = {.image = image,
                           .failure = failure,
                           .run = {.patch = patch,
                                   .direction = direction,
                                   .path = image->path,
                                   .fd = image->fd,
                                   .failure = failure}};
    enum pp_error error = run(&t);
    pp_patch_run_end(&t.run);
    pp_journal_free(&t.journal);
    free(t.changed);
    return error;
}
