/* SPDX-License-Identifier: MIT */
/* One file under patches: opening with its lock and recovery, closing with its tree. */
#include "image.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Opening -------------------------------------------------------------------------------- */

static enum pp_error find(struct pp_image *image, const char *path, struct pp_failure *failure)
{
    image->path = realpath(path, NULL);
    if (image->path == NULL)
        return pp_fail(failure, errno == ENOENT ? PP_ERROR_NOT_FOUND : PP_ERROR_IO, errno,
                       "%s can't be opened", path);
    return pp_place_open(&image->place, image->path, failure);
}

static enum pp_error lock(struct pp_image *image, struct pp_failure *failure)
{
    struct pp_os_attributes held, named;
    image->fd = pp_os_open(image->place.dir, image->place.name, PP_OS_READ_WRITE);
    if (image->fd < 0)
        return pp_fail(failure, PP_ERROR_IO, -image->fd, "%s can't be opened for writing",
                       image->path);
    int result = pp_os_lock(image->fd);
    if (result == -EWOULDBLOCK)
        return pp_fail(failure, PP_ERROR_LOCKED, 0,
                       "another process is changing %s; try again when it is done", image->path);
    if (result == 0)
        result = pp_os_status(image->fd, &held);
    if (result == 0)
        result = pp_os_status_at(image->place.dir, image->place.name, &named);
    if (result < 0)
        return pp_fail(failure, PP_ERROR_IO, -result, "%s can't be locked", image->path);
    if (held.inode != named.inode || held.device != named.device)
        return pp_fail(failure, PP_ERROR_LOCKED, 0,
                       "another process has just replaced %s; try again", image->path);
    if (held.kind != PP_OS_FILE)
        return pp_fail(failure, PP_ERROR_ARGUMENT, 0, "%s is no regular file", image->path);
    image->bytes = held.bytes;
    image->sparse = held.bytes_on_disk < held.bytes;
    return PP_OK;
}

static enum pp_error prepare(struct pp_image *image, const char *path,
                             struct pp_image_opening *opening, struct pp_failure *failure)
{
    enum pp_error error = find(image, path, failure);
    if (error == PP_OK)
        error = lock(image, failure);
    if (error == PP_OK)
        error = pp_image_recover(image, opening, failure);
    if (error != PP_OK)
        return error;
    if (!image->tree_known)
        image->tree_known = pp_image_load_tree(image);
    if (image->tree_known || image->kept.nodes != NULL) /* what is kept stays kept */
        image->options.keep_tree = true;
    opening->hashed = !image->tree_known;
    return pp_image_know_tree(image, failure);
}

static void free_image(struct pp_image *image)
{
    pp_image_tree_free(&image->tree);
    pp_image_tree_free(&image->kept);
    if (image->journal_fd >= 0)
        pp_os_close(image->journal_fd);
    if (image->fd >= 0)
        pp_os_close(image->fd);
    pp_place_close(&image->place);
    free(image->path);
    free(image);
}

enum pp_error pp_image_open(const char *path, const struct pp_image_options *options,
                            struct pp_image **out, struct pp_image_opening *opening,
                            struct pp_failure *failure)
{
    struct pp_image_opening found = {0};
    struct pp_image *image = calloc(1, sizeof *image);
    if (image == NULL)
        return pp_fail(failure, PP_ERROR_MEMORY, 0, "no memory to open %s", path);
    image->place.dir = image->fd = image->journal_fd = -1;
    if (options != NULL)
        image->options = *options;
    enum pp_error error = prepare(image, path, &found, failure);
    if (error != PP_OK)
        free_image(image);
    else
        *out = image;
    if (error == PP_OK && opening != NULL)
        *opening = found;
    return error;
}

/* ---- In use --------------------------------------------------------------------------------- */

uint64_t pp_image_bytes(const struct pp_image *image)
{
    return image->bytes;
}

struct pp_digest pp_image_root(const struct pp_image *image)
{
    return pp_image_tree_root(&image->tree);
}

void pp_image_set_modified(struct pp_image *image, int64_t modified_ns)
{
    image->has_modified = true;
    image->modified_ns = modified_ns;
}

/* ---- Closing -------------------------------------------------------------------------------- */

/* The kernel's own stamps have the granularity of a clock tick.  One of a nanosecond is told apart
   from what a later write leaves, even within the same tick. */
static int set_modified(struct pp_image *image)
{
    struct pp_os_clock clock;
    if (image->has_modified)
        return pp_os_set_modified(image->fd, image->modified_ns);
    if (!image->changed)
        return 0;
    pp_os_clock_read(&clock);
    return pp_os_set_modified(image->fd, (int64_t)clock.realtime_ns);
}

static int finish(struct pp_image *image)
{
    int result = set_modified(image);
    if (result == 0 && image->options.keep_tree && image->tree_known)
        result = pp_image_save_tree(image);
    if (result == 0)
        result = pp_image_remove_journal(image);
    return result;
}

enum pp_error pp_image_close(struct pp_image *image, struct pp_failure *failure)
{
    enum pp_error error = PP_OK;
    if (image == NULL)
        return PP_OK;
    int result = image->stopped ? 0 : finish(image);
    if (result < 0)
        error = pp_fail(failure, PP_ERROR_IO, -result,
                        "%s is complete, but what is beside it can't be written", image->path);
    free_image(image);
    return error;
}
