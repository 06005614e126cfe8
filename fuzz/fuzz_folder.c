/* SPDX-License-Identifier: MIT */
/* Fuzzes the reader of folder images: whatever the bytes, nothing outside of the new folder is
   made, changed or given other attributes, also through links that the image itself plants; what
   was made can be removed; and an image that is accepted is the one that packing makes again. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../src/versions/versions.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
    PAGE = PP_ROLLBACK_PAGE_BYTES,
    IMAGE_BYTES_MAX = 64 * PAGE,
    PIECE_BYTES = 64, /* of the input, for each page of contents */
    CANARY_TIME_S = 1000000000
};

/* Below it: image, again, outside/canary, and work, in which the folder "new" is made. */
static char top[64];
static int top_dir, work_dir;

static void require(bool holds)
{
    if (!holds)
        abort();
}

static const char *in(const char *name)
{
    static char paths[2][128];
    static unsigned next;
    char *path = paths[next++ % 2];
    snprintf(path, sizeof paths[0], "%s/%s", top, name);
    return path;
}

/* ---- What must not change ------------------------------------------------------------------- */

static void set_time(const char *name)
{
    require(pp_os_set_modified_at(top_dir, name, (int64_t)CANARY_TIME_S * 1000000000) == 0);
}

static void write_file(const char *name, const uint8_t *data, size_t bytes)
{
    FILE *file = fopen(in(name), "wb");
    require(file != NULL && fwrite(data, 1, bytes, file) == bytes && fclose(file) == 0);
}

static void remove_top(void)
{
    (void)pp_folder_remove(PP_OS_CWD, top);
}

static void set_up(void)
{
    snprintf(top, sizeof top, "%s/postproof-fuzz-XXXXXX",
             access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    require(mkdtemp(top) != NULL && atexit(remove_top) == 0);
    top_dir = pp_os_open_dir(PP_OS_CWD, top);
    require(mkdir(in("outside"), 0750) == 0 && mkdir(in("work"), 0750) == 0);
    work_dir = pp_os_open_dir(top_dir, "work");
    write_file("outside/canary", (const uint8_t *)"canary", 6);
    write_file("image", NULL, 0);
    require(chmod(in("outside/canary"), 0640) == 0 && chmod(top, 0750) == 0);
    set_time("outside/canary");
    set_time("outside");
    set_time(".");
}

static void require_names(int dir, size_t count, const char *const names[])
{
    struct pp_os_names found;
    require(pp_os_list(dir, &found) == 0 && found.count <= count);
    for (size_t i = 0, k = 0; i < found.count; i++, k++) {
        while (k < count && strcmp(found.name[i], names[k]) != 0)
            k++;
        require(k < count);
    }
    pp_os_free_names(&found);
}

static void require_status(const char *name, enum pp_os_kind kind, uint32_t mode, bool time_stays)
{
    struct pp_os_attributes found;
    require(pp_os_status_at(top_dir, name, &found) == 0 && found.kind == kind);
    require(found.mode == mode);
    require(!time_stays || found.modified_ns == (int64_t)CANARY_TIME_S * 1000000000);
}

static void require_nothing_outside(void)
{
    static const char *const tops[] = {"again", "image", "outside", "work"};
    static const char *const canaries[] = {"canary"};
    static const char *const works[] = {"new"};
    char bytes[8];
    FILE *file = fopen(in("outside/canary"), "rb");
    require(file != NULL && fread(bytes, 1, sizeof bytes, file) == 6);
    require(memcmp(bytes, "canary", 6) == 0);
    fclose(file);
    int outside = pp_os_open_dir(top_dir, "outside");
    require_names(outside, 1, canaries);
    pp_os_close(outside);
    require_names(top_dir, 4, tops);
    require_names(work_dir, 1, works);
    require_status("outside/canary", PP_OS_FILE, 0640, true);
    require_status("outside", PP_OS_DIR, 0750, true);
    require_status("work", PP_OS_DIR, 0750, false);
    require_status(".", PP_OS_DIR, 0750, true);
}

/* ---- Images --------------------------------------------------------------------------------- */

/* Times that every file system can hold, so that packing must find them again. */
static void tame_times(uint8_t *list, size_t len)
{
    for (size_t at = 16; len - at >= 24;) {
        size_t texts = (size_t)pp_get_u16(list + at + 20) + pp_get_u16(list + at + 22);
        list[at + 4] &= 0x0f;
        if (texts > len - at - 24)
            return;
        at += 24 + texts;
    }
}

/* A list of that many bytes, and a page of contents for each piece of what is left. */
static size_t build_image(struct pp_bytes input, uint8_t *image)
{
    size_t len = pp_get_u16(input.data) % (IMAGE_BYTES_MAX / 2), at;
    len = len < input.len - 2 ? len : input.len - 2;
    memset(image, 0, IMAGE_BYTES_MAX);
    memcpy(image, "PPRBDIR1", 8);
    pp_put_u64(image + 8, 16 + len);
    memcpy(image + 16, input.data + 2, len);
    tame_times(image, 16 + len);
    at = (16 + len + PAGE - 1) / PAGE * PAGE;
    for (size_t from = 2 + len; from < input.len && at < IMAGE_BYTES_MAX; from += PIECE_BYTES) {
        size_t left = input.len - from;
        memcpy(image + at, input.data + from, left < PIECE_BYTES ? left : PIECE_BYTES);
        at += PAGE;
    }
    return at;
}

static void require_same_image(const uint8_t *image, size_t bytes)
{
    static uint8_t again[IMAGE_BYTES_MAX + 1];
    struct pp_failure failure;
    enum pp_error error = pp_folder_pack(in("work/new"), in("again"), &failure);
    if (error != PP_OK && geteuid() != 0)
        return; /* nobody but root opens what has no permissions */
    require(error == PP_OK);
    FILE *file = fopen(in("again"), "rb");
    require(file != NULL && fread(again, 1, sizeof again, file) == bytes);
    fclose(file);
    require(memcmp(image, again, bytes) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t image[IMAGE_BYTES_MAX];
    struct pp_failure failure;
    if (size < 3 || size > IMAGE_BYTES_MAX)
        return 0;
    if (top_dir == 0)
        set_up();
    bool raw = data[0] % 2 == 1;
    size_t bytes = raw ? size - 1 : build_image((struct pp_bytes){data + 1, size - 1}, image);
    if (raw)
        memcpy(image, data + 1, bytes);
    write_file("image", image, bytes);
    enum pp_error error = pp_folder_unpack(in("image"), in("work/new"), false, &failure);
    require_nothing_outside();
    if (error == PP_OK && !raw)
        require_same_image(image, bytes);
    require(pp_folder_remove(work_dir, "new") == 0);
    if (pp_os_remove(top_dir, "again") == 0)
        set_time(".");
    return 0;
}
