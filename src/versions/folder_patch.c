/* SPDX-License-Identifier: MIT */
/* Patches between folders: those between their images.  docs/format/rollback.md, "Folder image". */
#include "versions.h"

#include "image.h"
#include "place.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

bool pp_path_is_folder(const char *path)
{
    int fd = pp_os_open_dir(PP_OS_CWD, path);
    if (fd >= 0)
        pp_os_close(fd);
    return fd >= 0;
}

/* The folder as an image beside another path, instead of what a crash left there. */
static enum pp_error pack_beside(const char *folder, const char *path, const char *suffix,
                                 char image[PP_VERSIONS_PATH_BYTES], struct pp_failure *failure)
{
    enum pp_error error = pp_versions_path_beside(path, suffix, image, failure);
    if (error != PP_OK)
        return error;
    pp_versions_clear(image);
    error = pp_folder_pack(folder, image, failure);
    if (error != PP_OK)
        pp_versions_clear(image);
    return error;
}

/* ---- Making --------------------------------------------------------------------------------- */

static bool lies_in(int folder, const struct pp_os_attributes *outer)
{
    struct pp_os_attributes at, above;
    int fd = pp_os_open_dir(folder, "."), result = fd < 0 ? fd : pp_os_status(fd, &at);
    bool found = false;
    while (result == 0 && !found) {
        found = at.device == outer->device && at.inode == outer->inode;
        int up = pp_os_open_dir(fd, "..");
        pp_os_close(fd);
        fd = up;
        result = fd < 0 ? fd : pp_os_status(fd, &above);
        if (result == 0 && above.device == at.device && above.inode == at.inode)
            break; /* the root */
        at = above;
    }
    if (fd >= 0)
        pp_os_close(fd);
    return found;
}

/* What is made while a folder is read must not be in it. */
static enum pp_error refuse_inside(const char *folder, const char *patch_path,
                                   struct pp_failure *failure)
{
    struct pp_os_attributes outer;
    struct pp_place place;
    enum pp_error error = pp_place_open(&place, patch_path, failure);
    int fd = error == PP_OK ? pp_os_open_dir(PP_OS_CWD, folder) : -1;
    if (fd >= 0 && pp_os_status(fd, &outer) == 0 && lies_in(place.dir, &outer))
        error = pp_fail(failure, PP_ERROR_ARGUMENT, 0,
                        "the patch %s would lie in %s, which it is to be of: choose another place",
                        patch_path, folder);
    if (fd >= 0)
        pp_os_close(fd);
    pp_place_close(&place);
    return error;
}

static enum pp_error make_of_images(const char *old_path, const char *new_path,
                                    const char *patch_path, const struct pp_diff_options *options,
                                    struct pp_failure *failure)
{
    char old_image[PP_VERSIONS_PATH_BYTES], new_image[PP_VERSIONS_PATH_BYTES];
    enum pp_error error =
        pack_beside(old_path, patch_path, ".rollback-old-image", old_image, failure);
    if (error != PP_OK)
        return error;
    error = pack_beside(new_path, patch_path, ".rollback-new-image", new_image, failure);
    if (error == PP_OK) {
        error = pp_patch_file_make(old_image, new_image, patch_path, options, failure);
        pp_versions_clear(new_image);
    }
    pp_versions_clear(old_image);
    return error;
}

enum pp_error pp_folder_patch_make(const char *old_path, const char *new_path,
                                   const char *patch_path, const struct pp_diff_options *options,
                                   struct pp_failure *failure)
{
    const char *paths[] = {old_path, new_path};
    struct pp_diff_options chosen = options != NULL ? *options : (struct pp_diff_options){0};
    /* Nothing runs in place here: only the size counts. */
    if (chosen.mode == PP_DIFF_AUTO)
        chosen.mode = PP_DIFF_SMALLEST;
    for (int i = 0; i < 2; i++) {
        if (!pp_path_is_folder(paths[i]))
            return pp_fail(failure, PP_ERROR_ARGUMENT, 0,
                           "%s is no folder, but %s is one: a patch is of two files or two folders",
                           paths[i], paths[1 - i]);
        enum pp_error error = refuse_inside(paths[i], patch_path, failure);
        if (error != PP_OK)
            return error;
    }
    return make_of_images(old_path, new_path, patch_path, &chosen, failure);
}

/* ---- Running -------------------------------------------------------------------------------- */

struct folder_run {
    const struct pp_patch_file *patch;
    enum pp_rollback_direction direction;
    const char *source; /* without links */
    const char *target; /* source, or another path that nothing has */
    const struct pp_rewrite_options *options;
    struct pp_failure *failure;
    struct pp_place place; /* of the target */
};

/* One process at a time; the folder that is locked must still be the one of that name. */
static enum pp_error lock(const struct folder_run *run, int fd)
{
    struct pp_os_attributes locked, named;
    int result = fd < 0 ? fd : pp_os_lock(fd);
    if (result == 0)
        result = pp_os_status(fd, &locked);
    if (result == 0)
        result = pp_os_status_at(PP_OS_CWD, run->source, &named);
    bool other = result == 0 && (locked.device != named.device || locked.inode != named.inode);
    if (result == -EWOULDBLOCK || other)
        return pp_fail(run->failure, PP_ERROR_LOCKED, 0,
                       "another process is changing %s; try again when it is done", run->source);
    return result == 0
               ? PP_OK
               : pp_fail(run->failure, PP_ERROR_IO, -result, "%s can't be locked", run->source);
}

/* The image is that of the folder, and becomes the other one. */
static enum pp_error change_image(const struct folder_run *run, const char *image)
{
    struct pp_digest root;
    uint64_t bytes;
    const struct pp_patch_run check = {.patch = run->patch,
                                       .direction = run->direction,
                                       .path = run->source,
                                       .failure = run->failure};
    enum pp_error error =
        pp_versions_root(image, &run->options->progress, &root, &bytes, run->failure);
    if (error == PP_OK)
        error = pp_patch_run_check(&check, bytes, &root);
    return error == PP_OK ? pp_versions_step(image, run->patch, run->direction, run->failure)
                          : error;
}

static enum pp_error build(const struct folder_run *run)
{
    char image[PP_VERSIONS_PATH_BYTES];
    enum pp_error error =
        pack_beside(run->source, run->target, ".rollback-image", image, run->failure);
    if (error != PP_OK)
        return error;
    error = change_image(run, image);
    if (error == PP_OK)
        error = pp_folder_build(&run->place, run->target, image, !run->options->not_durable,
                                run->failure);
    pp_versions_clear(image);
    return error;
}

static enum pp_error replace(const struct folder_run *run)
{
    enum pp_error error = pp_folder_clear(&run->place, run->failure); /* what a crash left */
    if (error == PP_OK)
        error = build(run);
    if (error != PP_OK)
        return error;
    error = pp_folder_exchange(&run->place, !run->options->not_durable, run->failure);
    enum pp_error clearing = pp_folder_clear(&run->place, error == PP_OK ? run->failure : NULL);
    return error != PP_OK ? error : clearing;
}

static enum pp_error refuse_existing(const struct folder_run *run)
{
    struct pp_os_attributes found;
    if (run->target == run->source ||
        pp_os_status_at(run->place.dir, run->place.name, &found) == -ENOENT)
        return PP_OK;
    return pp_fail(run->failure, PP_ERROR_EXISTS, 0, "%s is there already; choose another name",
                   run->target);
}

static enum pp_error run_locked(struct folder_run *run)
{
    int fd = pp_os_open_dir(PP_OS_CWD, run->source);
    enum pp_error error = lock(run, fd);
    if (error == PP_OK)
        error = pp_place_open(&run->place, run->target, run->failure);
    if (error == PP_OK)
        error = refuse_existing(run);
    if (error == PP_OK && run->target != run->source)
        error = refuse_inside(run->source, run->target, run->failure);
    if (error == PP_OK)
        error = replace(run);
    pp_place_close(&run->place);
    if (fd >= 0)
        pp_os_close(fd);
    return error;
}

enum pp_error pp_folder_patch_run(const struct pp_patch_file *patch,
                                  enum pp_rollback_direction direction, const char *source,
                                  const char *target, const struct pp_rewrite_options *options,
                                  struct pp_failure *failure)
{
    if (target != NULL && strcmp(target, "-") == 0)
        return pp_fail(failure, PP_ERROR_ARGUMENT, 0,
                       "%s is a folder, and no folder can be written to standard output", source);
    char *real = realpath(source, NULL);
    if (real == NULL)
        return pp_fail(failure, PP_ERROR_IO, errno, "%s can't be opened", source);
    struct folder_run run = {.patch = patch,
                             .direction = direction,
                             .source = real,
                             .target = target != NULL ? target : real,
                             .options = options,
                             .failure = failure,
                             .place = {.dir = -1}};
    enum pp_error error = run_locked(&run);
    free(real);
    return error;
}
