/* SPDX-License-Identifier: MIT */
/* The image of a folder, made a folder again. */
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
    CHUNK_BYTES = 1 << 18,
    REMOVED_DEPTH_MAX = PP_FOLDER_DEPTH_MAX + 1
};

struct entry {
    uint8_t kind;
    uint32_t mode;
    int64_t modified_ns;
    uint64_t bytes;
    char path[PP_VERSIONS_PATH_BYTES], target[PP_VERSIONS_PATH_BYTES];
};

struct unpacker {
    int image, dir;
    uint8_t *list, *chunk;
    size_t len, at;      /* of the list */
    uint64_t content_at; /* of the image */
    uint64_t image_bytes;
    bool durable;
    struct entry entry;
    char previous[PP_VERSIONS_PATH_BYTES]; /* path of the entry before */
    struct pp_failure *failure;
};

/* ---- The list ------------------------------------------------------------------------------- */

static enum pp_error damaged(const struct unpacker *unpacker)
{
    return pp_fail(unpacker->failure, PP_ERROR_FORMAT, 0,
                   "the image is not that of a folder, or is damaged");
}

/* No way out of the folder: neither "..", nor an empty part, nor an absolute path; and no deeper
   than packing goes. */
static bool path_is_safe(const char *path, uint8_t kind)
{
    size_t folders = kind == 'd' ? 1 : 0;
    for (const char *part = path; part != NULL; folders++) {
        const char *slash = strchr(part, '/');
        size_t len = slash != NULL ? (size_t)(slash - part) : strlen(part);
        if (len == 0 || len >= PP_OS_NAME_BYTES || (len == 1 && part[0] == '.') ||
            (len == 2 && memcmp(part, "..", 2) == 0))
            return false;
        part = slash != NULL ? slash + 1 : NULL;
    }
    return folders <= PP_FOLDER_DEPTH_MAX + 1;
}

/* The end of a path comes before what is below it, and that before longer names. */
static unsigned rank(char c)
{
    return c == '\0' ? 0 : c == '/' ? 1 : (unsigned)(uint8_t)c + 2;
}

/* Each path once, in the order of packing: nothing is made where something is already. */
static bool path_follows(const char *previous, const char *path)
{
    size_t i = 0;
    while (path[i] != '\0' && path[i] == previous[i])
        i++;
    return rank(previous[i]) < rank(path[i]);
}

static bool take_text(struct unpacker *unpacker, size_t len, char out[PP_VERSIONS_PATH_BYTES])
{
    if (len >= PP_VERSIONS_PATH_BYTES || len > unpacker->len - unpacker->at ||
        memchr(unpacker->list + unpacker->at, '\0', len) != NULL)
        return false;
    memcpy(out, unpacker->list + unpacker->at, len);
    out[len] = '\0';
    unpacker->at += len;
    return true;
}

/* The next entry; the first is the folder itself, without a path. */
static bool take_entry(struct unpacker *unpacker, bool first)
{
    struct entry *entry = &unpacker->entry;
    if (unpacker->len - unpacker->at < ENTRY_BYTES)
        return false;
    const uint8_t *fields = unpacker->list + unpacker->at;
    entry->kind = fields[0];
    entry->mode = pp_get_u16(fields + 2);
    entry->modified_ns = (int64_t)pp_get_u64(fields + 4);
    entry->bytes = pp_get_u64(fields + 12);
    unpacker->at += ENTRY_BYTES;
    if (!take_text(unpacker, pp_get_u16(fields + 20), entry->path) ||
        !take_text(unpacker, pp_get_u16(fields + 22), entry->target))
        return false;
    bool is_link = entry->kind == 'l';
    return fields[1] == 0 && entry->mode <= (is_link ? 0 : 07777) &&
           (entry->kind == 'f' || entry->kind == 'd' || is_link) &&
           (entry->kind == 'f' || entry->bytes == 0) && is_link == (entry->target[0] != '\0') &&
           (first ? entry->kind == 'd' && entry->path[0] == '\0'
                  : path_is_safe(entry->path, entry->kind));
}

static enum pp_error read_list(struct unpacker *unpacker)
{
    uint8_t head[HEAD_BYTES];
    int64_t size = pp_os_size(unpacker->image);
    if (size < 0)
        return pp_fail(unpacker->failure, PP_ERROR_IO, (int)-size, "the image can't be read");
    unpacker->image_bytes = (uint64_t)size;
    if (pp_os_read_at(unpacker->image, head, sizeof head, 0) != sizeof head ||
        memcmp(head, PP_FOLDER_MAGIC, 8) != 0)
        return damaged(unpacker);
    uint64_t len = pp_get_u64(head + 8);
    if (len < HEAD_BYTES || len > PP_FOLDER_LIST_BYTES_MAX || len > unpacker->image_bytes)
        return damaged(unpacker);
    unpacker->len = (size_t)len;
    unpacker->at = HEAD_BYTES;
    unpacker->content_at = pp_folder_whole_pages(len);
    unpacker->list = malloc(unpacker->len);
    unpacker->chunk = malloc(CHUNK_BYTES);
    if (unpacker->list == NULL || unpacker->chunk == NULL)
        return pp_fail(unpacker->failure, PP_ERROR_MEMORY, 0, "no memory to unpack a folder");
    int64_t got = pp_os_read_at(unpacker->image, unpacker->list, unpacker->len, 0);
    return got == (int64_t)unpacker->len
               ? PP_OK
               : pp_fail(unpacker->failure, PP_ERROR_IO, got < 0 ? (int)-got : EIO,
                         "the image can't be read");
}

/* Zeros from there to the end of the page. */
static bool page_ends_in_zeros(struct unpacker *unpacker, uint64_t at)
{
    size_t want = (size_t)((PAGE - at % PAGE) % PAGE);
    if (want == 0)
        return true;
    return pp_os_read_at(unpacker->image, unpacker->chunk, want, at) == (int64_t)want &&
           pp_versions_is_zeros(unpacker->chunk, want);
}

/* All of it: each entry after the one before, and exactly the contents that belong to them. */
static enum pp_error check_list(struct unpacker *unpacker)
{
    bool good = take_entry(unpacker, true) && page_ends_in_zeros(unpacker, unpacker->len);
    uint64_t end = unpacker->content_at;
    unpacker->previous[0] = '\0';
    while (good && unpacker->at < unpacker->len) {
        const struct entry *entry = &unpacker->entry;
        good = take_entry(unpacker, false) && path_follows(unpacker->previous, entry->path) &&
               end <= unpacker->image_bytes && entry->bytes <= unpacker->image_bytes - end &&
               page_ends_in_zeros(unpacker, end + entry->bytes);
        end += pp_folder_whole_pages(entry->bytes);
        memcpy(unpacker->previous, entry->path, sizeof unpacker->previous);
    }
    return good && end == unpacker->image_bytes ? PP_OK : damaged(unpacker);
}

/* ---- Making what is listed ------------------------------------------------------------------ */

/* Bytes of zeros become holes. */
static int write_content(struct unpacker *unpacker, int fd, uint64_t bytes)
{
    for (uint64_t at = 0; at < bytes;) {
        size_t want = bytes - at < CHUNK_BYTES ? (size_t)(bytes - at) : CHUNK_BYTES;
        uint8_t *chunk = unpacker->chunk;
        int64_t got = pp_os_read_at(unpacker->image, chunk, want, unpacker->content_at + at);
        if (got != (int64_t)want)
            return got < 0 ? (int)got : -EIO;
        int result = pp_versions_write_sparse(fd, chunk, want, at);
        if (result < 0)
            return result;
        at += want;
    }
    return pp_os_truncate(fd, bytes);
}

static int make_file(struct unpacker *unpacker, int dir, const char *name)
{
    const struct entry *entry = &unpacker->entry;
    int fd = pp_os_open(dir, name, PP_OS_CREATE_SECRET);
    int result = fd < 0 ? fd : write_content(unpacker, fd, entry->bytes);
    if (result == 0)
        result = pp_os_set_mode(fd, entry->mode);
    if (result == 0)
        result = pp_os_set_modified(fd, entry->modified_ns);
    if (result == 0 && unpacker->durable)
        result = pp_os_sync(fd);
    if (fd >= 0)
        pp_os_close(fd);
    unpacker->content_at += pp_folder_whole_pages(entry->bytes);
    return result;
}

static int make_link(const struct unpacker *unpacker, int dir, const char *name)
{
    int result = pp_os_symlink(dir, unpacker->entry.target, name);
    return result == 0 ? pp_os_set_modified_at(dir, name, unpacker->entry.modified_ns) : result;
}

static int make_one(struct unpacker *unpacker, int dir, const char *name)
{
    switch (unpacker->entry.kind) {
    case 'f':
        return make_file(unpacker, dir, name);
    case 'l':
        return make_link(unpacker, dir, name);
    default:
        return pp_os_make_dir(dir, name, true);
    }
}

/* Mode and time of a folder come last: making what is in it changes its time. */
static int finish_folder(const struct unpacker *unpacker, int dir, const char *name)
{
    int fd = pp_os_open_dir(dir, name);
    int result = fd < 0 ? fd : pp_os_set_mode(fd, unpacker->entry.mode);
    if (result == 0)
        result = pp_os_set_modified(fd, unpacker->entry.modified_ns);
    if (result == 0 && unpacker->durable)
        result = pp_os_sync(fd);
    if (fd >= 0)
        pp_os_close(fd);
    return result;
}

/* The folder that the entry lies in, opened part by part so that no link leads out of it; *name is
   the last part. */
static int open_parent(const struct unpacker *unpacker, const char **name)
{
    const char *part = unpacker->entry.path;
    int dir = pp_os_open_dir(unpacker->dir, ".");
    for (const char *slash; dir >= 0 && (slash = strchr(part, '/')) != NULL; part = slash + 1) {
        char folder[PP_OS_NAME_BYTES];
        struct pp_os_attributes attributes;
        snprintf(folder, sizeof folder, "%.*s", (int)(slash - part), part);
        int result = pp_os_status_at(dir, folder, &attributes);
        int inner = result < 0                     ? result
                    : attributes.kind == PP_OS_DIR ? pp_os_open_dir(dir, folder)
                                                   : -ENOTDIR;
        pp_os_close(dir);
        dir = inner;
    }
    *name = part;
    return dir;
}

static enum pp_error for_entry(struct unpacker *unpacker,
                               int (*work)(struct unpacker *unpacker, int dir, const char *name))
{
    const char *name = ".";
    int dir = open_parent(unpacker, &name);
    int result = dir < 0 ? dir : work(unpacker, dir, *name == '\0' ? "." : name);
    if (dir >= 0)
        pp_os_close(dir);
    return result == 0 ? PP_OK
                       : pp_fail(unpacker->failure, PP_ERROR_IO, -result, "%s can't be made",
                                 unpacker->entry.path);
}

static int finish_if_folder(struct unpacker *unpacker, int dir, const char *name)
{
    return unpacker->entry.kind == 'd' ? finish_folder(unpacker, dir, name) : 0;
}

/* The folder itself is there. */
static enum pp_error make_all(struct unpacker *unpacker)
{
    unpacker->at = HEAD_BYTES;
    enum pp_error error = take_entry(unpacker, true) ? PP_OK : damaged(unpacker);
    while (unpacker->at < unpacker->len && error == PP_OK)
        error = take_entry(unpacker, false) ? for_entry(unpacker, make_one) : damaged(unpacker);
    return error;
}

/* From the last entry to the first: what lies in a folder is finished before the folder. */
static enum pp_error finish_all(struct unpacker *unpacker)
{
    size_t count = 0, cap = 0, *starts = NULL;
    enum pp_error error = PP_OK;
    unpacker->at = HEAD_BYTES;
    while (unpacker->at < unpacker->len && error == PP_OK) {
        if (count == cap) {
            cap = 2 * cap + 64;
            size_t *larger = realloc(starts, cap * sizeof *starts);
            if (larger == NULL) {
                error =
                    pp_fail(unpacker->failure, PP_ERROR_MEMORY, 0, "no memory to unpack a folder");
                break;
            }
            starts = larger;
        }
        starts[count] = unpacker->at;
        if (!take_entry(unpacker, count == 0))
            error = damaged(unpacker);
        count++;
    }
    while (count > 0 && error == PP_OK) {
        unpacker->at = starts[--count];
        error = take_entry(unpacker, count == 0) ? for_entry(unpacker, finish_if_folder)
                                                 : damaged(unpacker);
    }
    free(starts);
    return error;
}

static enum pp_error make_top(struct unpacker *unpacker, const char *folder)
{
    struct pp_os_attributes found;
    int result = pp_os_status_at(PP_OS_CWD, folder, &found);
    if (result != -ENOENT)
        return pp_fail(unpacker->failure, result == 0 ? PP_ERROR_EXISTS : PP_ERROR_IO, -result,
                       "%s is there already", folder);
    result = pp_os_make_dir(PP_OS_CWD, folder, true);
    unpacker->dir = result < 0 ? result : pp_os_open_dir(PP_OS_CWD, folder);
    return unpacker->dir >= 0 ? PP_OK
                              : pp_fail(unpacker->failure, PP_ERROR_IO, -unpacker->dir,
                                        "the folder %s can't be made", folder);
}

static enum pp_error unpack(struct unpacker *unpacker, const char *image, const char *folder)
{
    unpacker->image = pp_os_open(PP_OS_CWD, image, PP_OS_READ_FOLLOW);
    if (unpacker->image < 0)
        return pp_fail(unpacker->failure, PP_ERROR_IO, -unpacker->image, "%s can't be opened",
                       image);
    enum pp_error error = read_list(unpacker);
    if (error == PP_OK)
        error = check_list(unpacker);
    if (error == PP_OK)
        error = make_top(unpacker, folder);
    if (error == PP_OK)
        error = make_all(unpacker);
    if (error == PP_OK)
        error = finish_all(unpacker);
    return error;
}

enum pp_error pp_folder_unpack(const char *image, const char *folder, bool durable,
                               struct pp_failure *failure)
{
    struct unpacker *unpacker = calloc(1, sizeof *unpacker);
    if (unpacker == NULL)
        return pp_fail(failure, PP_ERROR_MEMORY, 0, "no memory to unpack %s", image);
    unpacker->failure = failure;
    unpacker->image = unpacker->dir = -1;
    unpacker->durable = durable;
    enum pp_error error = unpack(unpacker, image, folder);
    if (unpacker->dir >= 0)
        pp_os_close(unpacker->dir);
    if (unpacker->image >= 0)
        pp_os_close(unpacker->image);
    free(unpacker->list);
    free(unpacker->chunk);
    free(unpacker);
    return error;
}

/* ---- Removing ------------------------------------------------------------------------------- */

static int remove_below(int dir, const char *name, unsigned depth);

static int remove_inside(int dir, unsigned depth)
{
    struct pp_os_names names;
    int result = pp_os_list(dir, &names);
    if (result < 0)
        return result;
    for (size_t i = 0; i < names.count && result == 0; i++)
        result = remove_below(dir, names.name[i], depth);
    pp_os_free_names(&names);
    return result;
}

static int remove_below(int dir, const char *name, unsigned depth)
{
    struct pp_os_attributes attributes;
    int result = pp_os_status_at(dir, name, &attributes);
    if (result < 0)
        return result == -ENOENT ? 0 : result;
    if (attributes.kind != PP_OS_DIR)
        return pp_os_remove(dir, name);
    if (depth == REMOVED_DEPTH_MAX)
        return -ELOOP;
    int inner = pp_os_open_dir(dir, name);
    if (inner < 0)
        return inner;
    result = pp_os_set_mode(inner, 0700); /* a folder without w keeps what is in it */
    if (result == 0)
        result = remove_inside(inner, depth + 1);
    pp_os_close(inner);
    return result == 0 ? pp_os_remove_dir(dir, name) : result;
}

int pp_folder_remove(int dir, const char *name)
{
    return remove_below(dir, name, 0);
}
