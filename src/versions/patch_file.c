/* SPDX-License-Identifier: MIT */
/* Patch files: opened and checked as a whole before anything is done with them. */
#include "patch_file.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "../base/base.h"
#include "../base/hash.h"
#include "../os/os.h"
#include "../store/store.h"

const struct pp_patch_image *pp_patch_source(const struct pp_patch_file *patch,
                                             enum pp_rollback_direction direction)
{
    return direction == PP_ROLLBACK_APPLY ? &patch->header.old_image : &patch->header.new_image;
}

const struct pp_patch_image *pp_patch_target(const struct pp_patch_file *patch,
                                             enum pp_rollback_direction direction)
{
    return direction == PP_ROLLBACK_APPLY ? &patch->header.new_image : &patch->header.old_image;
}

const struct pp_patch_header *pp_patch_file_header(const struct pp_patch_file *patch)
{
    return &patch->header;
}

static enum pp_error read_header(struct pp_patch_file *patch, struct pp_failure *failure)
{
    uint8_t bytes[PP_PATCH_HEADER_BYTES];
    int64_t got = pp_os_read_at(patch->fd, bytes, sizeof bytes, 0);
    if (got < 0)
        return pp_fail(failure, PP_ERROR_IO, (int)-got, "%s can't be read", patch->path);
    if (got != sizeof bytes)
        return pp_fail(failure, PP_ERROR_FORMAT, 0, "%s is no patch: it has %" PRId64 " bytes",
                       patch->path, got);
    enum pp_error error = pp_patch_header_read(bytes, &patch->header);
    if (error == PP_ERROR_MISMATCH)
        return pp_fail(failure, error, 0, "the patch %s is damaged: the hash of its header differs",
                       patch->path);
    if (error != PP_OK)
        return pp_fail(failure, error, 0, "%s is no patch of this format", patch->path);
    return PP_OK;
}

static enum pp_error check_body(const struct pp_patch_file *patch, struct pp_failure *failure)
{
    enum { CHUNK_BYTES = 1 << 18 };
    uint8_t *chunk = malloc(CHUNK_BYTES);
    if (chunk == NULL)
        return pp_fail(failure, PP_ERROR_MEMORY, 0, "no memory to read %s", patch->path);
    struct pp_sha256_stream stream;
    pp_sha256_init(&stream);
    uint64_t at = PP_PATCH_HEADER_BYTES;
    int64_t got;
    while ((got = pp_os_read_at(patch->fd, chunk, CHUNK_BYTES, at)) > 0) {
        pp_sha256_update(&stream, (struct pp_bytes){chunk, (size_t)got});
        at += (uint64_t)got;
    }
    free(chunk);
    struct pp_digest hash = pp_sha256_final(&stream);
    if (got < 0)
        return pp_fail(failure, PP_ERROR_IO, (int)-got, "%s can't be read", patch->path);
    if (at - PP_PATCH_HEADER_BYTES != patch->header.body_bytes)
        return pp_fail(failure, PP_ERROR_MISMATCH, 0,
                       "the patch %s is damaged: it has %" PRIu64 " bytes behind its header, which "
                       "speaks of %" PRIu64,
                       patch->path, at - PP_PATCH_HEADER_BYTES, patch->header.body_bytes);
    if (!pp_digest_equal(&hash, &patch->header.body_hash))
        return pp_fail(failure, PP_ERROR_MISMATCH, 0,
                       "the patch %s is damaged: the hash of its body differs", patch->path);
    return PP_OK;
}

enum pp_error pp_patch_file_check(struct pp_patch_file *patch, struct pp_failure *failure)
{
    enum pp_error error = read_header(patch, failure);
    return error == PP_OK ? check_body(patch, failure) : error;
}

enum pp_error pp_patch_file_open(const char *path, struct pp_patch_file **out,
                                 struct pp_failure *failure)
{
    struct pp_patch_file *patch = calloc(1, sizeof *patch);
    if (patch == NULL)
        return pp_fail(failure, PP_ERROR_MEMORY, 0, "no memory to open %s", path);
    patch->fd = pp_os_open(PP_OS_CWD, path, PP_OS_READ_FOLLOW);
    patch->path = strdup(path);
    enum pp_error error = PP_OK;
    if (patch->fd < 0)
        error = pp_fail(failure, patch->fd == -ENOENT ? PP_ERROR_NOT_FOUND : PP_ERROR_IO,
                        -patch->fd, "the patch %s can't be opened", path);
    else if (patch->path == NULL)
        error = pp_fail(failure, PP_ERROR_MEMORY, 0, "no memory to open %s", path);
    if (error == PP_OK)
        error = pp_patch_file_check(patch, failure);
    if (error != PP_OK)
        pp_patch_file_close(patch);
    else
        *out = patch;
    return error;
}

void pp_patch_file_close(struct pp_patch_file *patch)
{
    if (patch == NULL)
        return;
    if (patch->fd >= 0)
        pp_os_close(patch->fd);
    free(patch->path);
    free(patch);
}
