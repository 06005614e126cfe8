/* SPDX-License-Identifier: MIT */
/* Journals of an image: replay, and recovery after a crash. */
#include "image.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PAGE = PP_ROLLBACK_PAGE_BYTES };

static void journal_name(const struct pp_image *image, char out[PP_OS_NAME_BYTES])
{
    snprintf(out, PP_OS_NAME_BYTES, "%.230s" PP_JOURNAL_SUFFIX, image->place.name);
}

int pp_image_open_journal(struct pp_image *image)
{
    char name[PP_OS_NAME_BYTES];
    if (image->journal_fd >= 0)
        return 0;
    journal_name(image, name);
    image->journal_fd = pp_os_open(image->place.dir, name, PP_OS_CREATE_SECRET);
    if (image->journal_fd == -EEXIST)
        image->journal_fd = pp_os_open(image->place.dir, name, PP_OS_READ_WRITE);
    if (image->journal_fd < 0)
        return image->journal_fd;
    /* Its name must be durable before the first page that it vouches for changes. */
    return image->options.not_durable ? 0 : pp_os_sync(image->place.dir);
}

int pp_image_remove_journal(struct pp_image *image)
{
    char name[PP_OS_NAME_BYTES];
    if (image->journal_fd < 0)
        return 0;
    journal_name(image, name);
    pp_os_close(image->journal_fd);
    image->journal_fd = -1;
    int result = pp_os_remove(image->place.dir, name);
    return result < 0 || image->options.not_durable ? result : pp_os_sync(image->place.dir);
}

/* ---- Replay --------------------------------------------------------------------------------- */

static bool all_zeros(struct pp_bytes data)
{
    return data.data[0] == 0 && memcmp(data.data, data.data + 1, data.len - 1) == 0;
}

static int write_page(const struct pp_image *image, const struct pp_journal_record *record)
{
    uint64_t at = record->page * PAGE;
    int result = pp_os_write_at(image->fd, record->data.data, record->data.len, at);
    if (result == 0 && image->sparse && all_zeros(record->data))
        pp_os_make_hole(image->fd, at, record->data.len);
    return result;
}

static int set_size(const struct pp_image *image, uint64_t bytes)
{
    int64_t now = pp_os_size(image->fd);
    if (now < 0)
        return (int)now;
    return (uint64_t)now == bytes ? 0 : pp_os_truncate(image->fd, bytes);
}

static enum pp_error replay_failed(const struct pp_image *image, enum pp_error error, int os_error,
                                   struct pp_failure *failure)
{
    if (error == PP_ERROR_MISMATCH)
        return pp_fail(failure, PP_ERROR_IO, 0,
                       "%s" PP_JOURNAL_SUFFIX " can't be read back as it was written; %s is "
                       "between two images: restore it from another copy",
                       image->path, image->path);
    return pp_fail(failure, PP_ERROR_IO, os_error,
                   "%s can't be written; the journal beside it holds the rest, and the next "
                   "command on it completes the change",
                   image->path);
}

enum pp_error pp_image_replay(struct pp_image *image, struct pp_journal *journal,
                              struct pp_failure *failure)
{
    struct pp_journal_record record;
    int os_error;
    enum pp_error error = pp_journal_rewind(journal, image->journal_fd, &os_error);
    if (error != PP_OK)
        return replay_failed(image, PP_ERROR_MISMATCH, os_error, failure);
    int result = set_size(image, journal->header.new_bytes);
    while (result == 0 && (error = pp_journal_next(journal, &record, &os_error)) == PP_OK)
        result = write_page(image, &record);
    if (result == 0 && error != PP_ERROR_NOT_FOUND)
        return replay_failed(image, error, os_error, failure);
    if (result == 0 && !image->options.not_durable)
        result = pp_os_sync_data(image->fd);
    if (result < 0)
        return replay_failed(image, PP_ERROR_IO, -result, failure);
    image->bytes = journal->header.new_bytes;
    return PP_OK;
}

/* ---- Recovery ------------------------------------------------------------------------------- */

/* The tree of the file as it is, with the journal's pages in their places if they are all whole:
   *whole.  Nothing is written. */
static enum pp_error foresee(struct pp_image *image, struct pp_journal *journal, bool *whole,
                             struct pp_digest *now, struct pp_digest *after,
                             struct pp_failure *failure)
{
    struct pp_journal_record record;
    int os_error;
    enum pp_error error = pp_image_know_tree(image, failure);
    if (error != PP_OK)
        return error;
    *now = pp_image_tree_root(&image->tree);
    if (!pp_image_tree_resize(&image->tree, journal->header.new_bytes))
        return pp_fail(failure, PP_ERROR_MEMORY, 0, "no memory for the page tree of %s",
                       image->path);
    image->tree_known = false;
    while ((error = pp_journal_next(journal, &record, &os_error)) == PP_OK)
        image->tree.nodes[record.page] = record.hash;
    if (error == PP_ERROR_IO)
        return pp_fail(failure, error, os_error, "%s" PP_JOURNAL_SUFFIX " can't be read",
                       image->path);
    *whole = error == PP_ERROR_NOT_FOUND;
    pp_rollback_tree_build(image->tree.nodes, image->tree.pages);
    *after = pp_image_tree_root(&image->tree);
    return PP_OK;
}

static enum pp_error judge(struct pp_image *image, struct pp_journal *journal,
                           struct pp_image_opening *opening, struct pp_failure *failure)
{
    struct pp_digest now, after;
    bool whole = false;
    enum pp_error error = foresee(image, journal, &whole, &now, &after, failure);
    if (error != PP_OK)
        return error;
    if (whole && pp_digest_equal(&after, &journal->header.new_root)) {
        opening->completed = true;
        return pp_image_replay(image, journal, failure);
    }
    /* Retired, but a crash undid that; or the next one, of which only a part was written. */
    if (pp_digest_equal(&now, &journal->header.old_root) ||
        pp_digest_equal(&now, &journal->header.new_root)) {
        opening->discarded = true;
        return PP_OK;
    }
    return pp_fail(failure, PP_ERROR_MISMATCH, 0,
                   "%s has changed since a transition of it was interrupted: it is neither the old "
                   "image nor completed by %s" PP_JOURNAL_SUFFIX " the new one; nothing was "
                   "written.  To keep it as it is, remove the journal",
                   image->path, image->place.name);
}

enum pp_error pp_image_recover(struct pp_image *image, struct pp_image_opening *opening,
                               struct pp_failure *failure)
{
    char name[PP_OS_NAME_BYTES];
    int os_error;
    journal_name(image, name);
    image->journal_fd = pp_os_open(image->place.dir, name, PP_OS_READ_WRITE);
    if (image->journal_fd == -ENOENT)
        return PP_OK;
    if (image->journal_fd < 0)
        return pp_fail(failure, PP_ERROR_IO, -image->journal_fd,
                       "%s" PP_JOURNAL_SUFFIX " can't be opened", image->path);
    struct pp_journal journal = {0};
    enum pp_error error = pp_journal_rewind(&journal, image->journal_fd, &os_error);
    if (error == PP_OK)
        error = judge(image, &journal, opening, failure);
    else if (error == PP_ERROR_NOT_FOUND)
        error = PP_OK; /* never begun, or retired */
    else
        error =
            pp_fail(failure, error, os_error, "%s" PP_JOURNAL_SUFFIX " can't be read", image->path);
    pp_journal_free(&journal);
    int result = error == PP_OK ? pp_image_remove_journal(image) : 0;
    if (result < 0)
        error = pp_fail(failure, PP_ERROR_IO, -result, "%s" PP_JOURNAL_SUFFIX " can't be removed",
                        image->path);
    return error;
}
