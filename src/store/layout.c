/* SPDX-License-Identifier: MIT */
/* The folder of a ledger: names, lists, whole files. */

#include "store.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void pp_segment_name(uint64_t segment, char out[PP_SEGMENT_NAME_BYTES])
{
    snprintf(out, PP_SEGMENT_NAME_BYTES, "%020" PRIu64 ".seg", segment);
}

void pp_index_name(uint64_t segment, char out[PP_SEGMENT_NAME_BYTES])
{
    snprintf(out, PP_SEGMENT_NAME_BYTES, "%020" PRIu64 ".idx", segment);
}

void pp_blob_name(const struct pp_digest *digest, char out[PP_BLOB_NAME_BYTES])
{
    pp_hex_encode(digest->b, PP_DIGEST_BYTES, out);
}

static enum pp_error open_folder(int dir, const char *path, const char *name, int *fd,
                                 struct pp_failure *failure)
{
    *fd = pp_os_open_dir(dir, name);
    if (*fd >= 0)
        return PP_OK;
    enum pp_error code = *fd == -ENOENT || *fd == -ENOTDIR ? PP_ERROR_NOT_FOUND : PP_ERROR_IO;
    return pp_fail(failure, code, -*fd, "%s is no ledger: its folder \"%s\" can't be opened", path,
                   name);
}

enum pp_error pp_layout_open(struct pp_layout *layout, const char *path, struct pp_failure *failure)
{
    *layout = (struct pp_layout){.path = strdup(path), .dir = -1, .segments = -1, .blobs = -1};
    if (layout->path == NULL)
        return pp_fail(failure, PP_ERROR_MEMORY, 0, "no memory to open %s", path);
    enum pp_error error = PP_OK;
    layout->dir = pp_os_open_dir(PP_OS_CWD, path);
    if (layout->dir < 0)
        error = pp_fail(failure, layout->dir == -ENOENT ? PP_ERROR_NOT_FOUND : PP_ERROR_IO,
                        -layout->dir, "the ledger %s can't be opened", path);
    if (error == PP_OK)
        error = open_folder(layout->dir, path, "segments", &layout->segments, failure);
    if (error == PP_OK)
        error = open_folder(layout->dir, path, "blobs", &layout->blobs, failure);
    if (error != PP_OK)
        pp_layout_close(layout);
    return error;
}

void pp_layout_close(struct pp_layout *layout)
{
    if (layout->blobs >= 0)
        pp_os_close(layout->blobs);
    if (layout->segments >= 0)
        pp_os_close(layout->segments);
    if (layout->dir >= 0)
        pp_os_close(layout->dir);
    free(layout->path);
    *layout = (struct pp_layout){.dir = -1, .segments = -1, .blobs = -1};
}

static bool parse_segment_name(const char *name, uint64_t *segment)
{
    char again[PP_SEGMENT_NAME_BYTES];
    if (sscanf(name, "%20" SCNu64, segment) != 1)
        return false;
    pp_segment_name(*segment, again);
    return strcmp(name, again) == 0;
}

enum pp_error pp_layout_segments(const struct pp_layout *layout, uint64_t *first, uint64_t *count,
                                 struct pp_failure *failure)
{
    struct pp_os_names names;
    int result = pp_os_list(layout->segments, &names);
    if (result < 0)
        return pp_fail(failure, PP_ERROR_IO, -result, "%s/segments can't be listed", layout->path);
    enum pp_error error = PP_OK;
    *first = *count = 0;
    for (size_t i = 0; i < names.count && error == PP_OK; i++) {
        uint64_t segment;
        if (!parse_segment_name(names.name[i], &segment))
            continue;
        if (*count == 0)
            *first = segment;
        else if (segment != *first + *count)
            error = pp_fail(failure, PP_ERROR_MISMATCH, 0,
                            "segment %" PRIu64 " is missing in %s/segments", *first + *count,
                            layout->path);
        *count += 1;
    }
    pp_os_free_names(&names);
    return error;
}

void pp_buffer_free(struct pp_buffer *buffer)
{
    pp_os_buffer_free(buffer->data, buffer->cap);
    *buffer = (struct pp_buffer){0};
}

bool pp_buffer_reserve(struct pp_buffer *buffer, size_t bytes)
{
    if (bytes <= buffer->cap)
        return true;
    pp_buffer_free(buffer);
    size_t roomy = bytes + bytes / 4; /* files of about the same size follow */
    buffer->data = pp_os_buffer_alloc(roomy);
    buffer->cap = buffer->data != NULL ? roomy : 0;
    return buffer->data != NULL;
}

enum pp_error pp_file_read(int dir, const char *name, size_t limit, struct pp_buffer *buffer,
                           struct pp_failure *failure)
{
    /* A file that the user names may be a link; one inside the ledger never is. */
    int fd = pp_os_open(dir, name, dir == PP_OS_CWD ? PP_OS_READ_FOLLOW : PP_OS_READ);
    if (fd < 0)
        return pp_fail(failure, fd == -ENOENT ? PP_ERROR_NOT_FOUND : PP_ERROR_IO, -fd,
                       "%s can't be opened", name);
    enum pp_error error = PP_OK;
    int64_t size = pp_os_size(fd), got = 0;
    if (size < 0)
        error = pp_fail(failure, PP_ERROR_IO, (int)-size, "%s can't be read", name);
    else if ((uint64_t)size > limit)
        error = pp_fail(failure, PP_ERROR_TOO_LARGE, 0, "%s has %lld bytes, more than %zu", name,
                        (long long)size, limit);
    else if (!pp_buffer_reserve(buffer, (size_t)size + 1))
        error = pp_fail(failure, PP_ERROR_MEMORY, 0, "no memory to read %s", name);
    else if ((got = pp_os_read_at(fd, buffer->data, (size_t)size, 0)) < 0)
        error = pp_fail(failure, PP_ERROR_IO, (int)-got, "%s can't be read", name);
    else
        buffer->len = (size_t)got;
    pp_os_close(fd);
    return error;
}

int pp_sync_parent(const char *path)
{
    size_t end = strlen(path);
    while (end > 1 && path[end - 1] == '/')
        end--;
    while (end > 0 && path[end - 1] != '/')
        end--;
    char *parent = end == 0 ? strdup(".") : strndup(path, end);
    if (parent == NULL)
        return -ENOMEM;
    int dir = pp_os_open_dir(PP_OS_CWD, parent);
    free(parent);
    if (dir < 0)
        return dir;
    int result = pp_os_sync(dir);
    pp_os_close(dir);
    return result;
}

int pp_file_hash(int dir, const char *name, struct pp_digest *digest, uint64_t *bytes)
{
    uint8_t chunk[1 << 16];
    int fd = pp_os_open(dir, name, PP_OS_READ);
    if (fd < 0)
        return fd;
    struct pp_sha256_stream stream;
    pp_sha256_init(&stream);
    *bytes = 0;
    int64_t got;
    while ((got = pp_os_read_at(fd, chunk, sizeof chunk, *bytes)) > 0) {
        pp_sha256_update(&stream, (struct pp_bytes){chunk, (size_t)got});
        *bytes += (uint64_t)got;
    }
    pp_os_close(fd);
    *digest = pp_sha256_final(&stream);
    return (int)got;
}

static int write_new_file(int dir, const char *name, struct pp_bytes data, bool secret)
{
    int fd = pp_os_open(dir, name, secret ? PP_OS_CREATE_SECRET : PP_OS_CREATE);
    if (fd < 0)
        return fd;
    int result = pp_os_write_at(fd, data.data, data.len, 0);
    if (result == 0)
        result = pp_os_sync(fd);
    pp_os_close(fd);
    return result;
}

enum pp_error pp_file_replace(int dir, const char *name, struct pp_bytes data, bool secret,
                              struct pp_failure *failure)
{
    char temporary[PP_OS_NAME_BYTES];
    snprintf(temporary, sizeof temporary, "%s.tmp", name);
    (void)pp_os_remove(dir, temporary); /* left by a crash; a failure shows when creating it */
    int result = write_new_file(dir, temporary, data, secret);
    if (result == 0)
        result = pp_os_rename(dir, temporary, name);
    if (result == 0)
        result = pp_os_sync(dir);
    if (result < 0)
        return pp_fail(failure, PP_ERROR_IO, -result, "%s can't be written", name);
    return PP_OK;
}

struct pp_hash_engine *pp_engine_new(void)
{
    size_t bytes = pp_hash_engine_bytes();
    void *memory = bytes != 0 ? pp_os_secret_alloc(bytes) : NULL;
    if (memory == NULL)
        return NULL;
    struct pp_hash_engine *engine = pp_hash_engine_init(memory, bytes);
    if (engine == NULL)
        pp_os_secret_free(memory, bytes);
    return engine;
}

void pp_engine_free(struct pp_hash_engine *engine)
{
    if (engine != NULL)
        pp_os_secret_free(engine, pp_hash_engine_bytes());
}
