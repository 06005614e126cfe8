/* SPDX-License-Identifier: MIT */
/* A ledger's files as bytes. */
#include "tamper.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../src/store/store.h"

static const char *const folders[] = {".", "blobs", "segments"};

static void path_of(const char *ledger, const char *name, char out[2 * TAMPER_PATH_BYTES])
{
    snprintf(out, 2 * TAMPER_PATH_BYTES, "%s/%s", ledger, name);
}

/* ---- Loading and storing ---- */

static void load_file(struct tamper_copy *copy, int dir, const char *folder, const char *name)
{
    struct pp_buffer data = {0};
    struct pp_failure failure = {0};
    int fd = pp_os_open(dir, name, PP_OS_READ);
    if (fd < 0 || pp_os_size(fd) < 0) { /* a link or a folder */
        if (fd >= 0)
            pp_os_close(fd);
        return;
    }
    pp_os_close(fd);
    assert_true(copy->count < TAMPER_FILES_MAX);
    assert_int_equal(pp_file_read(dir, name, 1 << 24, &data, &failure), PP_OK);
    struct tamper_file *file = &copy->file[copy->count++];
    const char *separator = strcmp(folder, ".") == 0 ? "" : "/";
    snprintf(file->name, sizeof file->name, "%s%s%.80s", *separator ? folder : "", separator, name);
    file->data = NULL;
    file->len = 0;
    tamper_splice(file, 0, 0, data.data, data.len);
    pp_buffer_free(&data);
}

static void for_each_file(const char *ledger, struct tamper_copy *copy, bool remove_them)
{
    int top = pp_os_open_dir(PP_OS_CWD, ledger);
    assert_true(top >= 0);
    for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++) {
        int dir = pp_os_open_dir(top, folders[i]);
        struct pp_os_names names;
        assert_true(dir >= 0 && pp_os_list(dir, &names) == 0);
        for (size_t k = 0; k < names.count; k++) {
            if (copy != NULL)
                load_file(copy, dir, folders[i], names.name[k]);
            if (remove_them && (i != 0 || strcmp(names.name[k], "checkpoint") == 0))
                assert_int_equal(pp_os_remove(dir, names.name[k]), 0);
        }
        pp_os_free_names(&names);
        pp_os_close(dir);
    }
    pp_os_close(top);
}

struct tamper_copy tamper_load(const char *ledger)
{
    struct tamper_copy copy = {.count = 0};
    for_each_file(ledger, &copy, false);
    return copy;
}

struct tamper_copy tamper_duplicate(const struct tamper_copy *copy)
{
    struct tamper_copy twin = *copy;
    for (size_t i = 0; i < copy->count; i++) {
        twin.file[i].data = NULL;
        twin.file[i].len = 0;
        tamper_assign(&twin.file[i], &copy->file[i]);
    }
    return twin;
}

void tamper_write(const char *ledger, const struct tamper_file *file)
{
    char path[2 * TAMPER_PATH_BYTES];
    path_of(ledger, file->name, path);
    FILE *stream = fopen(path, "wb");
    assert_non_null(stream);
    assert_int_equal(fwrite(file->data, 1, file->len, stream), file->len);
    assert_int_equal(fclose(stream), 0);
}

void tamper_store(const struct tamper_copy *copy, const char *ledger)
{
    char path[2 * TAMPER_PATH_BYTES];
    for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++) {
        path_of(ledger, folders[i], path);
        assert_int_equal(pp_os_make_dir(PP_OS_CWD, i == 0 ? ledger : path, false), 0);
    }
    for_each_file(ledger, NULL, true);
    for (size_t i = 0; i < copy->count; i++)
        tamper_write(ledger, &copy->file[i]);
}

void tamper_free(struct tamper_copy *copy)
{
    for (size_t i = 0; i < copy->count; i++)
        free(copy->file[i].data);
    copy->count = 0;
}

void tamper_poke(const char *ledger, const char *name, size_t at, uint8_t value)
{
    char path[2 * TAMPER_PATH_BYTES];
    path_of(ledger, name, path);
    int fd = pp_os_open(PP_OS_CWD, path, PP_OS_READ_WRITE);
    assert_true(fd >= 0);
    assert_int_equal(pp_os_write_at(fd, &value, 1, at), 0);
    pp_os_close(fd);
}

void tamper_resize(const char *ledger, const char *name, size_t bytes)
{
    char path[2 * TAMPER_PATH_BYTES];
    path_of(ledger, name, path);
    assert_int_equal(truncate(path, (off_t)bytes), 0);
}

/* ---- Changing a copy ---- */

struct tamper_file *tamper_find(struct tamper_copy *copy, const char *name)
{
    for (size_t i = 0; i < copy->count; i++)
        if (strcmp(copy->file[i].name, name) == 0)
            return &copy->file[i];
    return NULL;
}

struct tamper_file *tamper_segment(struct tamper_copy *copy, uint64_t segment)
{
    char name[TAMPER_PATH_BYTES], base[PP_SEGMENT_NAME_BYTES];
    pp_segment_name(segment, base);
    snprintf(name, sizeof name, "segments/%s", base);
    return tamper_find(copy, name);
}

struct tamper_file *tamper_index(struct tamper_copy *copy, uint64_t segment)
{
    char name[TAMPER_PATH_BYTES], base[PP_SEGMENT_NAME_BYTES];
    pp_index_name(segment, base);
    snprintf(name, sizeof name, "segments/%s", base);
    return tamper_find(copy, name);
}

void tamper_remove(struct tamper_copy *copy, const char *name)
{
    struct tamper_file *file = tamper_find(copy, name);
    assert_non_null(file);
    free(file->data);
    size_t at = (size_t)(file - copy->file);
    memmove(file, file + 1, (copy->count - at - 1) * sizeof *file);
    copy->count--;
}

void tamper_splice(struct tamper_file *file, size_t at, size_t old_len, const void *data,
                   size_t len)
{
    size_t rest = file->len - at - old_len;
    uint8_t *fresh = malloc(at + len + rest + 1);
    assert_non_null(fresh);
    if (at != 0)
        memcpy(fresh, file->data, at);
    if (len != 0)
        memcpy(fresh + at, data, len);
    if (rest != 0)
        memcpy(fresh + at + len, file->data + at + old_len, rest);
    free(file->data);
    file->data = fresh;
    file->len = at + len + rest;
}

void tamper_assign(struct tamper_file *file, const struct tamper_file *from)
{
    tamper_splice(file, 0, file->len, from->data, from->len);
}

/* ---- Records ---- */

static void map_content(struct tamper_frame *frame, struct pp_bytes content)
{
    struct pp_entry entry;
    struct pp_seal seal;
    struct pp_segment_header header;
    if (frame->type == PP_FRAME_ENTRY && pp_entry_decode(content, &entry) == PP_OK) {
        frame->seq = entry.seq;
    } else if (frame->type == PP_FRAME_SEAL && pp_seal_decode(content, &seal) == PP_OK) {
        frame->seq = seal.first_seq;
        frame->epoch = seal.epoch;
        frame->kind = seal.kind;
    } else if (frame->type == PP_FRAME_HEADER &&
               pp_segment_header_decode(content, &header) == PP_OK) {
        frame->seq = header.first_seq;
        frame->epoch = header.epoch;
    }
}

void tamper_map(const struct tamper_file *segment, struct tamper_map *map)
{
    struct pp_frame frame;
    size_t at = 0, first = 1;
    map->frames = map->groups = 0;
    while (at < segment->len &&
           pp_frame_read((struct pp_bytes){segment->data + at, segment->len - at}, &frame) ==
               PP_OK) {
        assert_true(map->frames < TAMPER_FRAMES_MAX);
        struct tamper_frame *place = &map->frame[map->frames++];
        *place = (struct tamper_frame){.at = at, .bytes = frame.bytes, .type = frame.type};
        map_content(place, frame.content);
        at += frame.bytes;
        if (frame.type != PP_FRAME_SEAL)
            continue;
        size_t seal = map->frames - 1;
        size_t start = map->frame[first].at;
        map->group[map->groups++] =
            (struct tamper_group){start, at - start, first, seal - first, seal};
        first = map->frames;
    }
    map->end = at;
}
