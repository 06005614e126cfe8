/* SPDX-License-Identifier: MIT */
/* A folder as one image: what is in it and how, then the contents of its files. */
#include "versions.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    PAGE = PP_ROLLBACK_PAGE_BYTES,
    DEPTH_MAX = 64,
    HEAD_BYTES = 16,
    ENTRY_BYTES = 24, /* before the path */
    CHUNK_BYTES = 1 << 18
};
static const char magic[] = "PPRBDIR1";

/* ---- Packing: a list first, then the contents ----------------------------------------------- */

struct packer {
    int image;
    uint8_t *list; /* the head and the entries */
    size_t len, cap;
    uint64_t count, at; /* entries; where the next contents go */
    uint8_t *chunk;
    bool listing; /* else: contents */
    char path[PP_VERSIONS_PATH_BYTES];
    struct pp_failure *failure;
};

static enum pp_error failed(const struct packer *packer, int result)
{
    return pp_fail(packer->failure, PP_ERROR_IO, -result, "%s can't be packed",
                   packer->path[0] != '\0' ? packer->path : "the folder");
}

static int reserve(struct packer *packer, size_t more)
{
    if (packer->cap - packer->len >= more)
        return 0;
    size_t cap = 2 * packer->cap + more + PAGE;
    uint8_t *larger = realloc(packer->list, cap);
    if (larger == NULL)
        return -ENOMEM;
    packer->list = larger;
    packer->cap = cap;
    return 0;
}

/* kind 1, mode 2, 1 zero, modified 8, size 8, path length 2, target length 2; path, target. */
static enum pp_error list_entry(struct packer *packer, const struct pp_os_attributes *attributes,
                                const char *target)
{
    size_t path_len = strlen(packer->path), target_len = strlen(target);
    int result = reserve(packer, ENTRY_BYTES + path_len + target_len);
    if (result < 0)
        return failed(packer, result);
    uint8_t *entry = packer->list + packer->len;
    bool is_file = attributes->kind == PP_OS_FILE, is_link = attributes->kind == PP_OS_LINK;
    entry[0] = is_file ? 'f' : is_link ? 'l' : 'd';
    entry[1] = 0;
    pp_put_u16(entry + 2, is_link ? 0 : (uint16_t)attributes->mode);
    pp_put_u64(entry + 4, (uint64_t)attributes->modified_ns);
    pp_put_u64(entry + 12, is_file ? attributes->bytes : 0);
    pp_put_u16(entry + 20, (uint16_t)path_len);
    pp_put_u16(entry + 22, (uint16_t)target_len);
    memcpy(entry + ENTRY_BYTES, packer->path, path_len);
    memcpy(entry + ENTRY_BYTES + path_len, target, target_len);
    packer->len += ENTRY_BYTES + path_len + target_len;
    packer->count++;
    return PP_OK;
}

static uint64_t whole_pages(uint64_t bytes)
{
    return bytes + (PAGE - bytes % PAGE) % PAGE;
}

static int copy_stretch(struct packer *packer, int fd, uint64_t from, uint64_t to)
{
    while (from < to) {
        size_t want = to - from < CHUNK_BYTES ? (size_t)(to - from) : CHUNK_BYTES;
        int64_t got = pp_os_read_at(fd, packer->chunk, want, from);
        if (got <= 0)
            return got < 0 ? (int)got : -EIO;
        int result = pp_os_write_at(packer->image, packer->chunk, (size_t)got, packer->at + from);
        if (result < 0)
            return result;
        from += (uint64_t)got;
    }
    return 0;
}

static int copy_file(struct packer *packer, int dir, const char *name, uint64_t bytes)
{
    int fd = pp_os_open(dir, name, PP_OS_READ);
    int64_t size = fd < 0 ? fd : pp_os_size(fd);
    int result = size < 0 ? (int)size : (uint64_t)size == bytes ? 0 : -EBUSY;
    for (int64_t at = 0; result == 0 && at < size;) {
        int64_t data = pp_os_next_data(fd, (uint64_t)at);
        int64_t hole = data >= 0 && data < size ? pp_os_next_hole(fd, (uint64_t)data) : data;
        result = hole < 0 ? (int)hole : copy_stretch(packer, fd, (uint64_t)data, (uint64_t)hole);
        at = hole;
    }
    if (fd >= 0)
        pp_os_close(fd);
    packer->at += whole_pages(bytes);
    return result;
}

static enum pp_error visit_folder(struct packer *packer, int dir, unsigned depth);

static enum pp_error enter_folder(struct packer *packer, int dir, const char *name, unsigned depth)
{
    if (depth == DEPTH_MAX)
        return pp_fail(packer->failure, PP_ERROR_TOO_LARGE, 0, "%s lies more than %d folders deep",
                       packer->path, DEPTH_MAX);
    int inner = pp_os_open_dir(dir, name);
    if (inner < 0)
        return failed(packer, inner);
    enum pp_error error = visit_folder(packer, inner, depth + 1);
    pp_os_close(inner);
    return error;
}

static enum pp_error visit(struct packer *packer, int dir, const char *name, unsigned depth)
{
    struct pp_os_attributes attributes;
    char target[PP_VERSIONS_PATH_BYTES] = "";
    int result = pp_os_status_at(dir, name, &attributes);
    if (result == 0 && attributes.kind == PP_OS_LINK)
        result = pp_os_read_link(dir, name, target, sizeof target);
    if (result < 0)
        return failed(packer, result);
    if (attributes.kind == PP_OS_OTHER)
        return pp_fail(packer->failure, PP_ERROR_ARGUMENT, 0,
                       "%s is neither file, folder nor symbolic link", packer->path);
    enum pp_error error = packer->listing ? list_entry(packer, &attributes, target) : PP_OK;
    if (error == PP_OK && attributes.kind == PP_OS_FILE && !packer->listing &&
        (result = copy_file(packer, dir, name, attributes.bytes)) < 0)
        error = failed(packer, result);
    if (error == PP_OK && attributes.kind == PP_OS_DIR)
        error = enter_folder(packer, dir, name, depth);
    return error;
}

static enum pp_error visit_folder(struct packer *packer, int dir, unsigned depth)
{
    struct pp_os_names names;
    size_t len = strlen(packer->path);
    int result = pp_os_list(dir, &names);
    if (result < 0)
        return failed(packer, result);
    enum pp_error error = PP_OK;
    for (size_t i = 0; i < names.count && error == PP_OK; i++) {
        int more = snprintf(packer->path + len, sizeof packer->path - len, "%s%s",
                            len > 0 ? "/" : "", names.name[i]);
        if (len + (size_t)more >= sizeof packer->path)
            error = pp_fail(packer->failure, PP_ERROR_TOO_LARGE, 0, "the path %s is too long",
                            packer->path);
        else
            error = visit(packer, dir, names.name[i], depth);
        packer->path[len] = '\0';
    }
    pp_os_free_names(&names);
    return error;
}

/* The folder's own mode and time are an entry without a path. */
static enum pp_error pack(struct packer *packer, int dir)
{
    struct pp_os_attributes own;
    int result = pp_os_status(dir, &own);
    if (result == 0)
        result = reserve(packer, HEAD_BYTES);
    if (result < 0)
        return failed(packer, result);
    packer->len = HEAD_BYTES;
    packer->listing = true;
    enum pp_error error = list_entry(packer, &own, "");
    if (error == PP_OK)
        error = visit_folder(packer, dir, 0);
    if (error != PP_OK)
        return error;
    memcpy(packer->list, magic, 8);
    pp_put_u64(packer->list + 8, packer->len);
    packer->at = whole_pages(packer->len);
    packer->listing = false;
    result = pp_os_write_at(packer->image, packer->list, packer->len, 0);
    error = result < 0 ? failed(packer, result) : visit_folder(packer, dir, 0);
    if (error == PP_OK && (result = pp_os_truncate(packer->image, packer->at)) < 0)
        error = failed(packer, result);
    return error;
}

enum pp_error pp_folder_pack(const char *folder, const char *image, struct pp_failure *failure)
{
    int dir = pp_os_open_dir(PP_OS_CWD, folder);
    if (dir < 0)
        return pp_fail(failure, PP_ERROR_IO, -dir, "%s can't be opened", folder);
    int fd = pp_os_open(PP_OS_CWD, image, PP_OS_CREATE_SECRET);
    struct packer *packer = calloc(1, sizeof *packer);
    uint8_t *chunk = malloc(CHUNK_BYTES);
    enum pp_error error;
    if (fd < 0 || packer == NULL || chunk == NULL) {
        error = pp_fail(failure, fd < 0 ? PP_ERROR_IO : PP_ERROR_MEMORY, fd < 0 ? -fd : 0,
                        "%s can't be made", image);
    } else {
        packer->image = fd;
        packer->chunk = chunk;
        packer->failure = failure;
        error = pack(packer, dir);
        free(packer->list);
    }
    free(chunk);
    free(packer);
    if (fd >= 0)
        pp_os_close(fd);
    pp_os_close(dir);
    return error;
}
