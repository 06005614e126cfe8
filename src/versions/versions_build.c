/* SPDX-License-Identifier: MIT */
/* Any version of the store as a file: the first one, and the patches of the bits of its number. */
#include "versions.h"

#include "image.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { COPY_BYTES = 1 << 18 };

enum pp_error pp_versions_path(const struct pp_versions *versions, const char *below,
                               char out[PP_VERSIONS_PATH_BYTES], struct pp_failure *failure)
{
    int len = snprintf(out, PP_VERSIONS_PATH_BYTES, "%s/%s", versions->path, below);
    if (len > 0 && len < PP_VERSIONS_PATH_BYTES)
        return PP_OK;
    return pp_fail(failure, PP_ERROR_ARGUMENT, 0, "the path %s is too long", versions->path);
}

unsigned pp_versions_steps(uint64_t number)
{
    unsigned steps = 0;
    for (; number != 0; number &= number - 1)
        steps++;
    return steps;
}

/* ---- Files ---------------------------------------------------------------------------------- */

enum pp_error pp_versions_path_beside(const char *path, const char *suffix,
                                      char out[PP_VERSIONS_PATH_BYTES], struct pp_failure *failure)
{
    const char *slash = strrchr(path, '/');
    int folder = slash != NULL ? (int)(slash - path) + 1 : 0;
    int len =
        snprintf(out, PP_VERSIONS_PATH_BYTES, "%.*s.%s%s", folder, path, path + folder, suffix);
    if (len > 0 && len < PP_VERSIONS_PATH_BYTES)
        return PP_OK;
    return pp_fail(failure, PP_ERROR_ARGUMENT, 0, "the path %s is too long", path);
}

enum pp_error pp_versions_root(const char *path, const struct pp_progress *progress,
                               struct pp_digest *root, uint64_t *bytes, struct pp_failure *failure)
{
    struct pp_image_tree tree = {0};
    int fd = pp_os_open(PP_OS_CWD, path, PP_OS_READ_FOLLOW);
    int64_t size = fd < 0 ? fd : pp_os_size(fd);
    int result =
        size < 0 ? (int)size : pp_image_tree_read(&tree, fd, (uint64_t)size, NULL, progress);
    if (result == 0) {
        *root = pp_image_tree_root(&tree);
        *bytes = (uint64_t)size;
    }
    pp_image_tree_free(&tree);
    if (fd >= 0)
        pp_os_close(fd);
    return result == 0 ? PP_OK
                       : pp_fail(failure, result == -ENOENT ? PP_ERROR_NOT_FOUND : PP_ERROR_IO,
                                 -result, "%s can't be read", path);
}

static int copy_data(int from, int to, uint64_t at, uint64_t end, uint8_t *chunk)
{
    while (at < end) {
        size_t want = end - at < COPY_BYTES ? (size_t)(end - at) : COPY_BYTES;
        int64_t got = pp_os_read_at(from, chunk, want, at);
        if (got <= 0)
            return got < 0 ? (int)got : -EIO;
        int result = pp_os_write_at(to, chunk, (size_t)got, at);
        if (result < 0)
            return result;
        at += (uint64_t)got;
    }
    return 0;
}

static int copy_stretches(int from, int to)
{
    uint8_t *chunk = malloc(COPY_BYTES);
    int64_t size = chunk != NULL ? pp_os_size(from) : -ENOMEM;
    int result = size < 0 ? (int)size : 0;
    for (int64_t at = 0; result == 0 && at < size;) {
        int64_t data = pp_os_next_data(from, (uint64_t)at);
        int64_t hole = data >= 0 && data < size ? pp_os_next_hole(from, (uint64_t)data) : data;
        result = hole < 0 ? (int)hole : copy_data(from, to, (uint64_t)data, (uint64_t)hole, chunk);
        at = hole;
    }
    free(chunk);
    return result == 0 ? pp_os_truncate(to, (uint64_t)size) : result;
}

enum pp_error pp_versions_copy(const char *from, const char *to, struct pp_failure *failure)
{
    int source = pp_os_open(PP_OS_CWD, from, PP_OS_READ_FOLLOW);
    if (source < 0)
        return pp_fail(failure, PP_ERROR_IO, -source, "%s can't be opened", from);
    int target = pp_os_open(PP_OS_CWD, to, PP_OS_CREATE_SECRET);
    int result = target < 0 ? target : copy_stretches(source, target);
    if (target >= 0)
        pp_os_close(target);
    pp_os_close(source);
    return result == 0
               ? PP_OK
               : pp_fail(failure, PP_ERROR_IO, -result, "%s can't be copied to %s", from, to);
}

bool pp_versions_is_zeros(const uint8_t *data, size_t len)
{
    return data[0] == 0 && memcmp(data, data + 1, len - 1) == 0;
}

/* Stretches of pages that are no holes are written together. */
int pp_versions_write_sparse(int fd, const uint8_t *data, size_t len, uint64_t at)
{
    enum { PAGE = PP_ROLLBACK_PAGE_BYTES };
    size_t from = 0;
    for (size_t page = 0; page < len; page += PAGE) {
        size_t n = len - page < PAGE ? len - page : PAGE;
        if (!pp_versions_is_zeros(data + page, n))
            continue;
        int result = from < page ? pp_os_write_at(fd, data + from, page - from, at + from) : 0;
        if (result < 0)
            return result;
        from = page + n;
    }
    return from < len ? pp_os_write_at(fd, data + from, len - from, at + from) : 0;
}

void pp_versions_clear(const char *path)
{
    static const char *const beside[] = {"", PP_JOURNAL_SUFFIX, PP_TREE_SUFFIX};
    char name[PP_VERSIONS_PATH_BYTES + 32];
    for (size_t i = 0; i < sizeof beside / sizeof beside[0]; i++) {
        snprintf(name, sizeof name, "%s%s", path, beside[i]);
        (void)pp_os_remove(PP_OS_CWD, name);
    }
}

/* ---- Patches -------------------------------------------------------------------------------- */

static enum pp_error open_patch(const struct pp_versions *versions, uint64_t from, uint64_t to,
                                const struct pp_digest *name, struct pp_patch_file **patch,
                                struct pp_failure *failure)
{
    char below[PP_OS_NAME_BYTES + 16], file[PP_OS_NAME_BYTES], path[PP_VERSIONS_PATH_BYTES];
    pp_version_patch_name(from, to, file);
    snprintf(below, sizeof below, "patches/%s", file);
    enum pp_error error = pp_versions_path(versions, below, path, failure);
    if (error == PP_OK)
        error = pp_patch_file_open(path, patch, failure);
    if (error == PP_OK && !pp_digest_equal(&pp_patch_file_header(*patch)->name, name)) {
        pp_patch_file_close(*patch);
        error =
            pp_fail(failure, PP_ERROR_MISMATCH, 0,
                    "%s is another patch than the one that the record of version %" PRIu64 " names",
                    path, to);
    }
    return error;
}

enum pp_error pp_versions_patch(const struct pp_versions *versions, uint64_t from, uint64_t to,
                                struct pp_patch_file **patch, struct pp_failure *failure)
{
    struct pp_version_record record;
    uint64_t low = from < to ? from : to, high = from < to ? to : from;
    enum pp_error error = pp_version_record_read(versions, high, &record, NULL, failure);
    if (error != PP_OK)
        return error;
    for (size_t i = 0; i < record.patch_count; i++)
        if (record.patches[i].from == low)
            return open_patch(versions, low, high, &record.patches[i].name, patch, failure);
    return PP_ERROR_NOT_FOUND;
}

/* ---- Building ------------------------------------------------------------------------------- */

static enum pp_error step_in_place(const char *path, const struct pp_patch_file *patch,
                                   enum pp_rollback_direction direction, struct pp_failure *failure)
{
    const struct pp_image_options options = {.not_durable = true};
    struct pp_image *image;
    enum pp_error error = pp_image_open(path, &options, &image, NULL, failure);
    if (error != PP_OK)
        return error;
    error = pp_image_transition(image, patch, direction, failure);
    enum pp_error closing = pp_image_close(image, error == PP_OK ? failure : NULL);
    return error != PP_OK ? error : closing;
}

enum pp_error pp_versions_step(const char *path, const struct pp_patch_file *patch,
                               enum pp_rollback_direction direction, struct pp_failure *failure)
{
    const struct pp_rewrite_options options = {.not_durable = true};
    return pp_patch_file_header(patch)->mode == PP_PATCH_PAGES
               ? step_in_place(path, patch, direction, failure)
               : pp_patch_file_rewrite(patch, direction, path, NULL, &options, failure);
}

static enum pp_error step(const struct pp_versions *versions, uint64_t from, uint64_t to,
                          const char *path, struct pp_failure *failure)
{
    struct pp_patch_file *patch;
    enum pp_error error = pp_versions_patch(versions, from, to, &patch, failure);
    if (error == PP_ERROR_NOT_FOUND)
        return pp_fail(failure, PP_ERROR_FORMAT, 0,
                       "the record of version %" PRIu64 " names no patch from version %" PRIu64, to,
                       from);
    if (error != PP_OK)
        return error;
    error = pp_versions_step(path, patch, PP_ROLLBACK_APPLY, failure);
    pp_patch_file_close(patch);
    return error;
}

static enum pp_error check_root(const struct pp_versions *versions, uint64_t number,
                                const char *path, struct pp_failure *failure)
{
    struct pp_version version;
    struct pp_digest root;
    uint64_t bytes;
    enum pp_error error = pp_versions_read(versions, number, &version, failure);
    if (error == PP_OK)
        error = pp_versions_root(path, &versions->options.progress, &root, &bytes, failure);
    if (error == PP_OK && !pp_digest_equal(&root, &version.root))
        error = pp_fail(failure, PP_ERROR_MISMATCH, 0,
                        "version %" PRIu64 " of %s can't be built: what its patches lead to has "
                        "another root than its record",
                        number, versions->path);
    return error;
}

enum pp_error pp_versions_build(const struct pp_versions *versions, uint64_t number,
                                const char *path, struct pp_failure *failure)
{
    char base[PP_VERSIONS_PATH_BYTES];
    enum pp_error error = pp_versions_path(versions, "base", base, failure);
    /* A journal that a crash left there speaks of another file. */
    pp_versions_clear(path);
    if (error == PP_OK)
        error = pp_versions_copy(base, path, failure);
    /* From the highest bit down: 0, 8, 12, 13. */
    uint64_t at = 0;
    for (uint64_t bit = UINT64_C(1) << 63; error == PP_OK && bit != 0; bit >>= 1) {
        if ((number & bit) == 0)
            continue;
        error = step(versions, at, at | bit, path, failure);
        at |= bit;
    }
    return error == PP_OK ? check_root(versions, number, path, failure) : error;
}
