/* SPDX-License-Identifier: MIT */
/* Files on their way into a bundle: deflated in memory by zlib, then written in the one order and
   form that docs/format/bundle.md section 2 allows. */
#include "bundle.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LEVEL = 6, MEMORY_LEVEL = 9, FIRST_CAP = 4096, HASH_TEXT_BYTES = 128 };

static bool reserve(struct pp_packed *file, size_t bytes)
{
    if (bytes <= file->cap)
        return true;
    size_t cap = bytes + bytes / 2 + FIRST_CAP;
    uint8_t *data = realloc(file->data, cap);
    if (data == NULL)
        return false;
    file->data = data;
    file->cap = cap;
    return true;
}

void pp_packed_free(struct pp_packed *file)
{
    free(file->data);
    *file = (struct pp_packed){0};
}

/* ---- Packing one file ---- */

enum pp_error pp_packer_begin(struct pp_packer *packer, struct pp_packed *file, const char *name,
                              size_t limit)
{
    *packer = (struct pp_packer){.file = file, .limit = limit};
    *file = (struct pp_packed){.method = PP_ZIP_DEFLATED};
    snprintf(file->name, sizeof file->name, "%s", name);
    file->crc = (uint32_t)crc32(0, NULL, 0);
    pp_sha256_init(&packer->hash);
    if (deflateInit2(&packer->stream, LEVEL, Z_DEFLATED, -MAX_WBITS, MEMORY_LEVEL,
                     Z_DEFAULT_STRATEGY) != Z_OK)
        return PP_ERROR_MEMORY;
    packer->open = true;
    return PP_OK;
}

/* Runs deflate until it has taken its input, or with Z_FINISH has given all its output. */
static enum pp_error pump(struct pp_packer *packer, int flush)
{
    struct pp_packed *file = packer->file;
    int result;
    do {
        if (!reserve(file, file->len + FIRST_CAP))
            return PP_ERROR_MEMORY;
        packer->stream.next_out = file->data + file->len;
        packer->stream.avail_out = (uInt)(file->cap - file->len);
        result = deflate(&packer->stream, flush);
        file->len = file->cap - packer->stream.avail_out;
        if (file->len > packer->limit)
            return PP_ERROR_TOO_LARGE;
    } while (packer->stream.avail_in > 0 || packer->stream.avail_out == 0 ||
             (flush == Z_FINISH && result == Z_OK));
    return PP_OK;
}

enum pp_error pp_packer_add(struct pp_packer *packer, struct pp_bytes bytes)
{
    struct pp_packed *file = packer->file;
    if (bytes.len == 0)
        return PP_OK;
    if (bytes.len >= UINT32_MAX - 1 || file->bytes >= UINT32_MAX - 1 - bytes.len)
        return PP_ERROR_TOO_LARGE;
    pp_sha256_update(&packer->hash, bytes);
    file->crc = (uint32_t)crc32(file->crc, bytes.data, (uInt)bytes.len);
    file->bytes += bytes.len;
    packer->stream.next_in = (Bytef *)(uintptr_t)bytes.data;
    packer->stream.avail_in = (uInt)bytes.len;
    return pump(packer, Z_NO_FLUSH);
}

enum pp_error pp_packer_end(struct pp_packer *packer)
{
    packer->stream.avail_in = 0;
    enum pp_error error = pump(packer, Z_FINISH);
    packer->file->digest = pp_sha256_final(&packer->hash);
    pp_packer_abort(packer);
    return error;
}

void pp_packer_abort(struct pp_packer *packer)
{
    if (packer->open)
        (void)deflateEnd(&packer->stream);
    packer->open = false;
}

/* ---- All files ---- */

struct pp_packed *pp_pack_new(struct pp_pack *pack)
{
    if (pack->count == pack->cap) {
        size_t cap = pack->cap == 0 ? 64 : 2 * pack->cap;
        struct pp_packed *file = realloc(pack->file, cap * sizeof *file);
        if (file == NULL)
            return NULL;
        pack->file = file;
        pack->cap = cap;
    }
    pack->file[pack->count] = (struct pp_packed){0};
    return &pack->file[pack->count++];
}

static enum pp_error store(struct pp_packed *file, const char *name, struct pp_bytes content)
{
    *file = (struct pp_packed){.method = PP_ZIP_STORED, .bytes = content.len};
    snprintf(file->name, sizeof file->name, "%s", name);
    if (!reserve(file, content.len))
        return PP_ERROR_MEMORY;
    if (content.len > 0)
        memcpy(file->data, content.data, content.len);
    file->len = content.len;
    file->crc = (uint32_t)crc32(crc32(0, NULL, 0), content.data, (uInt)content.len);
    file->digest = pp_sha256(content);
    return PP_OK;
}

enum pp_error pp_pack_add(struct pp_pack *pack, const char *name, struct pp_bytes content,
                          bool stored)
{
    struct pp_packer packer;
    struct pp_packed *file = pp_pack_new(pack);
    if (file == NULL)
        return PP_ERROR_MEMORY;
    if (stored)
        return store(file, name, content);
    enum pp_error error = pp_packer_begin(&packer, file, name, SIZE_MAX);
    if (error == PP_OK)
        error = pp_packer_add(&packer, content);
    if (error == PP_OK)
        return pp_packer_end(&packer);
    pp_packer_abort(&packer);
    return error;
}

void pp_pack_free(struct pp_pack *pack)
{
    for (size_t i = 0; i < pack->count; i++)
        pp_packed_free(&pack->file[i]);
    free(pack->file);
    *pack = (struct pp_pack){0};
}

static int compare_files(const void *a, const void *b)
{
    const struct pp_packed *left = a, *right = b;
    return pp_zip_name_compare(pp_bytes_of(left->name), pp_bytes_of(right->name));
}

void pp_pack_sort(struct pp_pack *pack)
{
    qsort(pack->file, pack->count, sizeof *pack->file, compare_files);
}

/* ---- The ZIP file ---- */

uint64_t pp_packed_cost(const struct pp_packed *file)
{
    uint64_t name = strlen(PP_BUNDLE_FOLDER) + strlen(file->name);
    return PP_ZIP_LOCAL_BYTES + PP_ZIP_DIRECTORY_BYTES + 2 * name + file->len;
}

struct zip_output {
    int fd;
    uint64_t at;
    struct pp_sha256_stream hash;
    struct pp_bundle_text directory;
    unsigned count;
    uint16_t time, date;
};

static enum pp_error write_bytes(struct zip_output *zip, struct pp_bytes bytes,
                                 struct pp_failure *failure)
{
    int result = pp_os_write_at(zip->fd, bytes.data, bytes.len, zip->at);
    if (result < 0)
        return pp_fail(failure, PP_ERROR_IO, -result, "the bundle can't be written");
    pp_sha256_update(&zip->hash, bytes);
    zip->at += bytes.len;
    return PP_OK;
}

static enum pp_error add_record(struct zip_output *zip, const struct pp_zip_entry *entry)
{
    uint8_t record[PP_ZIP_DIRECTORY_BYTES];
    pp_zip_put_directory(entry, record);
    enum pp_error error =
        pp_bundle_text_add(&zip->directory, (struct pp_bytes){record, sizeof record});
    zip->count++;
    return error == PP_OK ? pp_bundle_text_add(&zip->directory, entry->name) : error;
}

static enum pp_error write_file(struct zip_output *zip, const struct pp_packed *file,
                                struct pp_failure *failure)
{
    char name[sizeof PP_BUNDLE_FOLDER + PP_BUNDLE_NAME_BYTES];
    uint8_t header[PP_ZIP_LOCAL_BYTES];
    snprintf(name, sizeof name, PP_BUNDLE_FOLDER "%s", file->name);
    struct pp_zip_entry entry = {
        .name = pp_bytes_of(name),
        .method = file->method,
        .time = zip->time,
        .date = zip->date,
        .crc = file->crc,
        .packed_bytes = (uint32_t)file->len,
        .bytes = (uint32_t)file->bytes,
        .offset = (uint32_t)zip->at,
    };
    if (pp_zip_name_check(entry.name) != PP_ZIP_OK || zip->count == PP_ZIP_ENTRIES_MAX)
        return pp_fail(failure, PP_ERROR_ARGUMENT, 0, "\"%s\" can't be the name of a file", name);
    pp_zip_put_local(&entry, header);
    enum pp_error error = write_bytes(zip, (struct pp_bytes){header, sizeof header}, failure);
    if (error == PP_OK)
        error = write_bytes(zip, entry.name, failure);
    if (error == PP_OK)
        error = write_bytes(zip, (struct pp_bytes){file->data, file->len}, failure);
    return error == PP_OK ? add_record(zip, &entry) : error;
}

/* The hash of everything so far. */
static enum pp_error write_hash_file(struct zip_output *zip, struct pp_failure *failure)
{
    char hex[2 * PP_DIGEST_BYTES + 1], text[HASH_TEXT_BYTES];
    struct pp_sha256_stream so_far = zip->hash;
    struct pp_digest digest = pp_sha256_final(&so_far);
    pp_hex_encode(digest.b, sizeof digest.b, hex);
    snprintf(text, sizeof text, "%s  bytes 0 to %llu\n", hex, (unsigned long long)zip->at);
    struct pp_packed file;
    enum pp_error error = store(&file, PP_BUNDLE_ZIP_HASH_FILE, pp_bytes_of(text));
    if (error == PP_OK)
        error = write_file(zip, &file, failure);
    pp_packed_free(&file);
    return error;
}

static enum pp_error write_directory(struct zip_output *zip, struct pp_failure *failure)
{
    uint8_t end[PP_ZIP_END_BYTES];
    pp_zip_put_end(zip->count, (uint32_t)zip->at, (uint32_t)zip->directory.len, end);
    enum pp_error error =
        write_bytes(zip, (struct pp_bytes){zip->directory.data, zip->directory.len}, failure);
    return error == PP_OK ? write_bytes(zip, (struct pp_bytes){end, sizeof end}, failure) : error;
}

enum pp_error pp_pack_write(const struct pp_pack *pack, uint64_t time_ns, int fd, uint64_t *bytes,
                            struct pp_failure *failure)
{
    struct zip_output zip = {.fd = fd};
    size_t cap = (pack->count + 1) * (PP_ZIP_DIRECTORY_BYTES + PP_ZIP_NAME_BYTES_MAX + 1);
    zip.directory = (struct pp_bundle_text){malloc(cap), cap, 0};
    if (zip.directory.data == NULL)
        return pp_fail(failure, PP_ERROR_MEMORY, 0, "no memory for the directory of the bundle");
    pp_sha256_init(&zip.hash);
    pp_zip_time_of(time_ns, &zip.time, &zip.date);
    enum pp_error error = PP_OK;
    for (size_t i = 0; i < pack->count && error == PP_OK; i++)
        error = write_file(&zip, &pack->file[i], failure);
    if (error == PP_OK)
        error = write_hash_file(&zip, failure);
    if (error == PP_OK)
        error = write_directory(&zip, failure);
    *bytes = zip.at;
    free(zip.directory.data);
    return error;
}
