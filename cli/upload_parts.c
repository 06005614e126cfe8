/* SPDX-License-Identifier: MIT */
/* An upload in parts: what was sent, kept in a file beside the bundle. */
#include "upload_parts.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "../src/base/base.h"
#include "../src/os/os.h"

enum { CHUNK_BYTES = 65536, STATE_BYTES_MAX = 8 << 20 };

/* ---- The file ------------------------------------------------------------------------------- */

static bool same_text(const json_t *root, const char *key, const char *text)
{
    const char *value = json_string_value(json_object_get(root, key));
    return value && strcmp(value, text) == 0;
}

/* What an earlier run left, when it sent the same file to the same place. */
static void load(struct upload_parts *parts)
{
    const struct upload *upload = parts->upload;
    json_t *root = json_load_file(parts->path, 0, NULL);
    json_t *etags = json_object_get(root, "parts");
    const char *id = json_string_value(json_object_get(root, "upload_id"));
    json_int_t part_bytes = json_integer_value(json_object_get(root, "part_bytes"));
    bool same = same_text(root, "to", upload->url) && same_text(root, "sha256", upload->hex) &&
                id && strlen(id) < sizeof parts->id && json_array_size(etags) == parts->count &&
                part_bytes == (json_int_t)parts->part_bytes;
    if (same)
        strcpy(parts->id, id);
    for (size_t i = 0; same && i < parts->count; i++) {
        const char *etag = json_string_value(json_array_get(etags, i));
        if (etag && strlen(etag) < TRANSFER_TAG_BYTES)
            strcpy(parts->etags[i], etag);
    }
    json_decref(root);
}

bool upload_parts_open(struct upload_parts *parts, const struct upload *upload)
{
    const char *verb = upload->transfer.verb;
    *parts = (struct upload_parts){.upload = upload, .part_bytes = upload->part_bytes};
    parts->count = (upload->bytes + upload->part_bytes - 1) / upload->part_bytes;
    if (parts->count > UPLOAD_PARTS_MAX) {
        cli_fail(verb, "%s needs more than %d parts: choose a larger --part-size", upload->path,
                 UPLOAD_PARTS_MAX);
        return false;
    }
    int len = snprintf(parts->path, sizeof parts->path, "%s.upload", upload->path);
    parts->etags = calloc(parts->count, sizeof *parts->etags);
    if (len < 0 || (size_t)len >= sizeof parts->path || !parts->etags) {
        free(parts->etags);
        cli_fail(verb, "%s: no memory, or the path is too long", upload->path);
        return false;
    }
    load(parts);
    return true;
}

void upload_parts_close(struct upload_parts *parts)
{
    free(parts->etags);
    parts->etags = NULL;
}

int upload_parts_save(const struct upload_parts *parts)
{
    const char *verb = parts->upload->transfer.verb;
    char temporary[CLI_PATH_BYTES + 8];
    json_t *root = cli_json_object(), *etags = json_array();
    cli_json_text(root, "to", parts->upload->url);
    cli_json_text(root, "sha256", parts->upload->hex);
    cli_json_number(root, "part_bytes", parts->part_bytes);
    cli_json_text(root, "upload_id", parts->id);
    for (size_t i = 0; i < parts->count; i++)
        json_array_append_new(etags, json_string(parts->etags[i]));
    cli_json_set(root, "parts", etags);
    snprintf(temporary, sizeof temporary, "%s.tmp", parts->path);
    int failed = json_dump_file(root, temporary, JSON_COMPACT);
    json_decref(root);
    int error = failed ? -EIO : pp_os_rename(PP_OS_CWD, temporary, parts->path);
    return error < 0 ? cli_fail(verb, "%s: %s", parts->path, strerror(-error)) : CLI_GOOD;
}

void upload_parts_remove(const struct upload_parts *parts)
{
    int error = pp_os_remove(PP_OS_CWD, parts->path);
    if (error < 0 && error != -ENOENT)
        cli_note(parts->upload->transfer.verb, "%s: %s", parts->path, strerror(-error));
}

/* ---- Parts ---------------------------------------------------------------------------------- */

bool upload_parts_has(const struct upload_parts *parts, uint64_t number)
{
    return parts->etags[number - 1][0] != '\0';
}

void upload_parts_done(struct upload_parts *parts, uint64_t number, const char *etag)
{
    snprintf(parts->etags[number - 1], TRANSFER_TAG_BYTES, "%s", etag);
}

uint64_t upload_parts_count_done(const struct upload_parts *parts)
{
    uint64_t count = 0;
    for (uint64_t number = 1; number <= parts->count; number++)
        count += upload_parts_has(parts, number);
    return count;
}

void upload_parts_restart(struct upload_parts *parts)
{
    parts->id[0] = '\0';
    memset(parts->etags, 0, parts->count * sizeof *parts->etags);
}

/* An ETag is hex digits in quotes; what else a server might send must not become markup. */
static bool is_plain(const char *etag)
{
    return strpbrk(etag, "<>&'") == NULL;
}

bool upload_parts_list(const struct upload_parts *parts, struct cli_buffer *out)
{
    static const char open[] = "<CompleteMultipartUpload>", close[] = "</CompleteMultipartUpload>";
    bool fits = cli_buffer_add(out, open, strlen(open));
    for (uint64_t number = 1; number <= parts->count && fits; number++) {
        char line[TRANSFER_TAG_BYTES + 96];
        const char *etag = parts->etags[number - 1];
        int len = snprintf(line, sizeof line,
                           "<Part><PartNumber>%" PRIu64 "</PartNumber><ETag>%s</ETag></Part>",
                           number, etag);
        fits = is_plain(etag) && cli_buffer_add(out, line, (size_t)len);
    }
    return fits && cli_buffer_add(out, close, strlen(close));
}

bool upload_parts_hash(const struct upload *upload, uint64_t offset, uint64_t bytes,
                       char out[2 * PP_DIGEST_BYTES + 1])
{
    uint8_t chunk[CHUNK_BYTES];
    struct pp_sha256_stream stream;
    if (fseeko(upload->file, (off_t)offset, SEEK_SET) != 0)
        return false;
    pp_sha256_init(&stream);
    while (bytes > 0) {
        size_t wanted = bytes < sizeof chunk ? (size_t)bytes : sizeof chunk;
        size_t got = fread(chunk, 1, wanted, upload->file);
        if (got != wanted)
            return false;
        pp_sha256_update(&stream, (struct pp_bytes){chunk, got});
        bytes -= got;
    }
    struct pp_digest digest = pp_sha256_final(&stream);
    pp_hex_encode(digest.b, sizeof digest.b, out);
    return true;
}
