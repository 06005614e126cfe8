/* SPDX-License-Identifier: MIT */
/* Copies of ledgers for the demo, and their segments in memory, cut into frames. */
#include <errno.h>
#include <ftw.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "demo.h"

enum { COPY_BYTES = 1 << 18, OPEN_FOLDERS = 16 };

static bool io_failed(const char *path, int error)
{
    cli_fail("demo", "%s: %s", path, strerror(-error));
    return false;
}

/* ---- Files ---------------------------------------------------------------------------------- */

bool demo_make_folder(const char *path)
{
    int result = pp_os_make_dir(PP_OS_CWD, path, true);
    return result == 0 || io_failed(path, result);
}

static int copy_bytes(int from, int to)
{
    static uint8_t buffer[COPY_BYTES];
    uint64_t at = 0;
    int64_t got;
    while ((got = pp_os_read_at(from, buffer, sizeof buffer, at)) > 0) {
        int result = pp_os_write_at(to, buffer, (size_t)got, at);
        if (result < 0)
            return result;
        at += (uint64_t)got;
    }
    return (int)got;
}

static int copy_file(int from_dir, int to_dir, const char *name, bool secret)
{
    int from = pp_os_open(from_dir, name, PP_OS_READ);
    if (from == -ELOOP) /* the link "keys" */
        return 0;
    if (from < 0)
        return from;
    if (pp_os_size(from) < 0) { /* a folder */
        pp_os_close(from);
        return 0;
    }
    int to = pp_os_open(to_dir, name, secret ? PP_OS_CREATE_SECRET : PP_OS_CREATE);
    int result = to < 0 ? to : copy_bytes(from, to);
    if (to >= 0)
        pp_os_close(to);
    pp_os_close(from);
    return result;
}

static int copy_files(int from_dir, int to_dir, bool secret)
{
    struct pp_os_names names;
    int result = pp_os_list(from_dir, &names);
    if (result < 0)
        return result;
    for (size_t i = 0; i < names.count && result == 0; i++)
        result = copy_file(from_dir, to_dir, names.name[i], secret);
    pp_os_free_names(&names);
    return result;
}

bool demo_copy_folder(const char *from, const char *to, bool secret)
{
    if (!demo_make_folder(to))
        return false;
    int from_dir = pp_os_open_dir(PP_OS_CWD, from);
    int to_dir = pp_os_open_dir(PP_OS_CWD, to);
    int result = from_dir < 0 ? from_dir : to_dir;
    if (result >= 0)
        result = copy_files(from_dir, to_dir, secret);
    if (from_dir >= 0)
        pp_os_close(from_dir);
    if (to_dir >= 0)
        pp_os_close(to_dir);
    return result == 0 || io_failed(to, result);
}

bool demo_copy_ledger(const char *from, const char *to)
{
    static const char *const FOLDERS[] = {"segments", "blobs"};
    char source[CLI_PATH_BYTES], target[CLI_PATH_BYTES];
    if (!demo_copy_folder(from, to, false))
        return false;
    for (size_t i = 0; i < 2; i++)
        if (!demo_path(from, FOLDERS[i], source) || !demo_path(to, FOLDERS[i], target) ||
            !demo_copy_folder(source, target, false))
            return false;
    return true;
}

bool demo_write_file(const char *path, struct pp_bytes data)
{
    int fd = pp_os_open(PP_OS_CWD, path, PP_OS_READ_WRITE);
    if (fd == -ENOENT)
        fd = pp_os_open(PP_OS_CWD, path, PP_OS_CREATE);
    int result = fd < 0 ? fd : pp_os_truncate(fd, 0);
    if (result == 0)
        result = pp_os_write_at(fd, data.data, data.len, 0);
    if (fd >= 0)
        pp_os_close(fd);
    return result == 0 || io_failed(path, result);
}

bool demo_remove_file(const char *path)
{
    int result = pp_os_remove(PP_OS_CWD, path);
    return result == 0 || io_failed(path, result);
}

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *place)
{
    (void)status, (void)kind, (void)place;
    return remove(path);
}

void demo_remove_tree(const char *path)
{
    if (nftw(path, remove_one, OPEN_FOLDERS, FTW_DEPTH | FTW_PHYS | FTW_MOUNT) != 0)
        cli_note("demo", "%s could not be removed: %s", path, strerror(errno));
}

/* ---- Images --------------------------------------------------------------------------------- */

bool demo_segment_path(const char *ledger, uint64_t index, const char *suffix,
                       char out[CLI_PATH_BYTES])
{
    char name[64];
    snprintf(name, sizeof name, "segments/%020" PRIu64 ".%s", index, suffix);
    return demo_path(ledger, name, out);
}

uint8_t *demo_frame_data(const struct demo_image *image, const struct demo_frame *frame)
{
    return image->segments[frame->segment].data + frame->offset;
}

static bool add_frame(struct demo_image *image, const struct demo_frame *frame)
{
    if (image->frame_count == image->frame_cap) {
        size_t cap = image->frame_cap ? 2 * image->frame_cap : 4096;
        struct demo_frame *larger = realloc(image->frames, cap * sizeof *larger);
        if (larger == NULL) {
            cli_fail("demo", "no memory is left");
            return false;
        }
        image->frames = larger;
        image->frame_cap = cap;
    }
    image->frames[image->frame_count++] = *frame;
    return true;
}

static bool cut_into_frames(struct demo_image *image, size_t position, uint64_t *seq)
{
    struct demo_segment *segment = &image->segments[position];
    struct pp_frame frame;
    struct pp_entry entry;
    while (pp_frame_read(
               (struct pp_bytes){segment->data + segment->used, segment->len - segment->used},
               &frame) == PP_OK) {
        if (frame.type == PP_FRAME_ENTRY && pp_entry_decode(frame.content, &entry) == PP_OK)
            *seq = entry.seq;
        struct demo_frame found = {position, segment->used, frame.bytes, frame.type, *seq};
        if (!add_frame(image, &found))
            return false;
        *seq += frame.type == PP_FRAME_ENTRY;
        segment->used += frame.bytes;
    }
    return true;
}

static bool load_segment(struct demo_image *image, uint64_t index, uint64_t *seq)
{
    char path[CLI_PATH_BYTES];
    struct cli_buffer file;
    if (!demo_segment_path(image->path, index, "seg", path) ||
        !cli_read_file("demo", path, PP_SEGMENT_BYTES_MAX, &file))
        return false;
    size_t position = image->segment_count++;
    image->segments[position] = (struct demo_segment){index, file.data, file.len, 0};
    return cut_into_frames(image, position, seq);
}

bool demo_image_load(struct demo_image *image, const char *ledger)
{
    struct pp_layout layout;
    struct pp_failure failure;
    uint64_t first, count, seq = 0;
    *image = (struct demo_image){0};
    memcpy(image->path, ledger, strlen(ledger) + 1);
    if (pp_layout_open(&layout, ledger, &failure) != PP_OK)
        return demo_failed(&failure);
    enum pp_error error = pp_layout_segments(&layout, &first, &count, &failure);
    pp_layout_close(&layout);
    if (error != PP_OK)
        return demo_failed(&failure);
    image->segments = calloc((size_t)count + 1, sizeof *image->segments);
    if (image->segments == NULL) {
        cli_fail("demo", "no memory is left");
        return false;
    }
    for (uint64_t i = first; i < first + count; i++)
        if (!load_segment(image, i, &seq))
            return false;
    return true;
}

void demo_image_free(struct demo_image *image)
{
    for (size_t i = 0; i < image->segment_count; i++)
        free(image->segments[i].data);
    free(image->segments);
    free(image->frames);
    *image = (struct demo_image){0};
}

size_t demo_image_last_seals(const struct demo_image *image)
{
    size_t seals = 0;
    for (size_t i = 0; i < image->frame_count; i++)
        seals += image->frames[i].type == PP_FRAME_SEAL &&
                 image->frames[i].segment == image->segment_count - 1;
    return seals;
}

bool demo_splice(struct demo_image *image, size_t segment, size_t offset, size_t removed,
                 struct pp_bytes added)
{
    struct demo_segment *s = &image->segments[segment];
    size_t used = s->used - removed + added.len;
    size_t len = used > s->len ? used : s->len;
    uint8_t *data = calloc(1, len);
    if (data == NULL) {
        cli_fail("demo", "no memory is left");
        return false;
    }
    memcpy(data, s->data, offset);
    if (added.len > 0)
        memcpy(data + offset, added.data, added.len);
    memcpy(data + offset + added.len, s->data + offset + removed, s->used - offset - removed);
    free(s->data);
    *s = (struct demo_segment){s->index, data, len, used};
    return true;
}

bool demo_store(const struct demo_image *image, size_t segment)
{
    const struct demo_segment *s = &image->segments[segment];
    char path[CLI_PATH_BYTES];
    return demo_segment_path(image->path, s->index, "seg", path) &&
           demo_write_file(path, (struct pp_bytes){s->data, s->len});
}

bool demo_store_all(const struct demo_image *image)
{
    for (size_t i = 0; i < image->segment_count; i++)
        if (!demo_store(image, i))
            return false;
    return true;
}
