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
    HEAD_BYTES = PP_FOLDER_HEAD_BYTES,
    ENTRY_BYTES = PP_FOLDER_ENTRY_BYTES,
    CHUNK_BYTES = 1 << 18
};

/* ---- Packing: a list first, then the contents ----------------------------------------------- */

struct packer {
    int image;
    uint8_t *list; /* the head and the entries */
    size_t len, cap;
    size_t found; /* of the list, while contents are copied: what was found again */
    uint64_t at;  /* where the next contents go */
    uint8_t *chunk;
    bool listing; /* else: contents */
    char path[PP_VERSIONS_PATH_BYTES];
    struct pp_failure *failure;
};

static const char *where(const struct packer *packer)
{
    return packer->path[0] != '\0' ? packer->path : "the folder";
}

static enum pp_error changed(const struct packer *packer)
{
    return pp_fail(packer->failure, PP_ERROR_MISMATCH, 0, "%s changed while it was read; try again",
                   where(packer));
}

/* What was named a moment ago is gone, or something else. */
static bool is_change(int result)
{
    return result == -ENOENT || result == -ENOTDIR || result == -ELOOP;
}

static enum pp_error failed(const struct packer *packer, int result)
{
    return is_change(result) ? changed(packer)
                             : pp_fail(packer->failure, PP_ERROR_IO, -result, "%s can't be packed",
                                       where(packer));
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

/* Behind the list: kind 1, zero 1, mode 2, modified 8, size 8, path length 2, target length 2;
   path, target.  The bytes of it, or -errno. */
static int64_t put_entry(struct packer *packer, const struct pp_os_attributes *attributes,
                         const char *target)
{
    size_t path_len = strlen(packer->path), target_len = strlen(target);
    int result = reserve(packer, ENTRY_BYTES + path_len + target_len);
    if (result < 0)
        return result;
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
    return (int64_t)(ENTRY_BYTES + path_len + target_len);
}

/* Lists what was found; or, while contents are copied, finds in the list what is next there. */
static enum pp_error take_entry(struct packer *packer, const struct pp_os_attributes *attributes,
                                const char *target)
{
    int64_t bytes = put_entry(packer, attributes, target);
    if (bytes < 0)
        return failed(packer, (int)bytes);
    if (packer->listing) {
        packer->len += (size_t)bytes;
        return packer->len <= PP_FOLDER_LIST_BYTES_MAX
                   ? PP_OK
                   : pp_fail(packer->failure, PP_ERROR_TOO_LARGE, 0,
                             "the folder has too many files: its list is longer than %d bytes",
                             PP_FOLDER_LIST_BYTES_MAX);
    }
    if ((size_t)bytes > packer->len - packer->found ||
        memcmp(packer->list + packer->found, packer->list + packer->len, (size_t)bytes) != 0)
        return changed(packer);
    packer->found += (size_t)bytes;
    return PP_OK;
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

static int copy_stretches(struct packer *packer, int fd, int64_t bytes)
{
    int result = 0;
    for (int64_t at = 0; result == 0 && at < bytes;) {
        int64_t data = pp_os_next_data(fd, (uint64_t)at);
        int64_t hole = data >= 0 && data < bytes ? pp_os_next_hole(fd, (uint64_t)data) : data;
        hole = hole > bytes ? bytes : hole;
        result = hole < 0      ? (int)hole
                 : data < hole ? copy_stretch(packer, fd, (uint64_t)data, (uint64_t)hole)
                               : 0;
        at = hole;
    }
    return result;
}

static bool is_same(const struct pp_os_attributes *a, const struct pp_os_attributes *b)
{
    return a->inode == b->inode && a->device == b->device && a->bytes == b->bytes &&
           a->mode == b->mode && a->modified_ns == b->modified_ns;
}

/* The contents, and that nothing changed them until they were read. */
static enum pp_error copy_file(struct packer *packer, int dir, const char *name,
                               const struct pp_os_attributes *listed)
{
    struct pp_os_attributes now;
    int fd = pp_os_open(dir, name, PP_OS_READ);
    int result = fd < 0 ? fd : copy_stretches(packer, fd, (int64_t)listed->bytes);
    if (result == 0)
        result = pp_os_status(fd, &now);
    if (fd >= 0)
        pp_os_close(fd);
    packer->at += pp_folder_whole_pages(listed->bytes);
    if (result < 0)
        return failed(packer, result);
    return is_same(listed, &now) ? PP_OK : changed(packer);
}

static enum pp_error visit_folder(struct packer *packer, int dir, unsigned depth);

static enum pp_error enter_folder(struct packer *packer, int dir, const char *name, unsigned depth)
{
    if (depth == PP_FOLDER_DEPTH_MAX)
        return pp_fail(packer->failure, PP_ERROR_TOO_LARGE, 0, "%s lies more than %d folders deep",
                       packer->path, PP_FOLDER_DEPTH_MAX);
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
    enum pp_error error = take_entry(packer, &attributes, target);
    if (error == PP_OK && attributes.kind == PP_OS_FILE && !packer->listing)
        error = copy_file(packer, dir, name, &attributes);
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
static enum pp_error pass(struct packer *packer, int dir)
{
    struct pp_os_attributes own;
    int result = pp_os_status(dir, &own);
    if (result < 0)
        return failed(packer, result);
    enum pp_error error = take_entry(packer, &own, "");
    return error == PP_OK ? visit_folder(packer, dir, 0) : error;
}

static enum pp_error pack(struct packer *packer, int dir)
{
    int result = reserve(packer, HEAD_BYTES);
    if (result < 0)
        return failed(packer, result);
    packer->len = HEAD_BYTES;
    packer->listing = true;
    enum pp_error error = pass(packer, dir);
    if (error != PP_OK)
        return error;
    memcpy(packer->list, PP_FOLDER_MAGIC, 8);
    pp_put_u64(packer->list + 8, packer->len);
    packer->at = pp_folder_whole_pages(packer->len);
    packer->found = HEAD_BYTES;
    packer->listing = false;
    result = pp_os_write_at(packer->image, packer->list, packer->len, 0);
    error = result < 0 ? failed(packer, result) : pass(packer, dir);
    if (error == PP_OK && packer->found != packer->len)
        error = changed(packer);
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
