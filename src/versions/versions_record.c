/* SPDX-License-Identifier: MIT */
/* The record of one version: a JSON file, named by its number. */
#include "versions.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <jansson.h>

static const char format[] = "postproof rollback version 1";
enum { RECORD_BYTES_MAX = 1 << 16 };

void pp_version_record_name(uint64_t number, char out[PP_OS_NAME_BYTES])
{
    snprintf(out, PP_OS_NAME_BYTES, "%020" PRIu64 ".json", number);
}

void pp_version_patch_name(uint64_t from, uint64_t to, char out[PP_OS_NAME_BYTES])
{
    snprintf(out, PP_OS_NAME_BYTES, "%020" PRIu64 "-%020" PRIu64 ".patch", from, to);
}

/* ---- Writing -------------------------------------------------------------------------------- */

static json_t *digest_json(const struct pp_digest *digest)
{
    char hex[2 * PP_DIGEST_BYTES + 1];
    pp_hex_encode(digest->b, PP_DIGEST_BYTES, hex);
    return json_string(hex);
}

static json_t *patches_json(const struct pp_version_record *record)
{
    json_t *patches = json_array();
    for (size_t i = 0; i < record->patch_count; i++)
        json_array_append_new(patches,
                              json_pack("{s:I, s:o}", "from", (json_int_t)record->patches[i].from,
                                        "name", digest_json(&record->patches[i].name)));
    return patches;
}

enum pp_error pp_version_record_encode(const struct pp_version_record *record, char **text,
                                       struct pp_failure *failure)
{
    const struct pp_version *version = &record->version;
    json_t *object = json_pack(
        "{s:s, s:I, s:I, s:s, s:I, s:o, s:i, s:I, s:I, s:s, s:s, s:o}", "format", format, "number",
        (json_int_t)version->number, "time_ns", (json_int_t)version->time_ns, "kind",
        version->kind == PP_VERSION_FOLDER ? "folder" : "file", "bytes", (json_int_t)version->bytes,
        "root", digest_json(&version->root), "mode", (int)version->mode, "modified_ns",
        (json_int_t)version->modified_ns, "patch_bytes", (json_int_t)version->patch_bytes, "actor",
        version->actor, "message", version->message, "patches", patches_json(record));
    *text = object != NULL ? json_dumps(object, JSON_INDENT(2)) : NULL;
    json_decref(object);
    if (*text == NULL)
        return pp_fail(failure, PP_ERROR_ARGUMENT, 0,
                       "the message or the actor of the version is not UTF-8");
    return PP_OK;
}

/* ---- Reading -------------------------------------------------------------------------------- */

static bool take_number(const json_t *object, const char *key, uint64_t *out)
{
    const json_t *value = json_object_get(object, key);
    if (!json_is_integer(value) || json_integer_value(value) < 0)
        return false;
    *out = (uint64_t)json_integer_value(value);
    return true;
}

static bool take_text(const json_t *object, const char *key, char *out, size_t cap)
{
    const json_t *value = json_object_get(object, key);
    if (!json_is_string(value) || json_string_length(value) >= cap)
        return false;
    memcpy(out, json_string_value(value), json_string_length(value) + 1);
    return true;
}

static bool take_digest(const json_t *object, const char *key, struct pp_digest *out)
{
    const json_t *value = json_object_get(object, key);
    return json_is_string(value) &&
           pp_hex_decode(pp_bytes_of(json_string_value(value)), out->b, PP_DIGEST_BYTES);
}

static bool take_kind(const json_t *object, enum pp_version_kind *kind)
{
    char text[8];
    if (!take_text(object, "kind", text, sizeof text))
        return false;
    *kind = strcmp(text, "folder") == 0 ? PP_VERSION_FOLDER : PP_VERSION_FILE;
    return *kind == PP_VERSION_FOLDER || strcmp(text, "file") == 0;
}

static bool take_patches(const json_t *object, struct pp_version_record *record)
{
    const json_t *patches = json_object_get(object, "patches");
    if (!json_is_array(patches) || json_array_size(patches) > PP_VERSION_PATCHES_MAX)
        return false;
    record->patch_count = json_array_size(patches);
    for (size_t i = 0; i < record->patch_count; i++) {
        const json_t *patch = json_array_get(patches, i);
        if (!take_number(patch, "from", &record->patches[i].from) ||
            !take_digest(patch, "name", &record->patches[i].name))
            return false;
    }
    return true;
}

static bool decode(const json_t *object, struct pp_version_record *record)
{
    struct pp_version *version = &record->version;
    char text[sizeof format];
    uint64_t mode, modified;
    if (!take_text(object, "format", text, sizeof text) || strcmp(text, format) != 0 ||
        !take_number(object, "number", &version->number) ||
        !take_number(object, "time_ns", &version->time_ns) || !take_kind(object, &version->kind) ||
        !take_number(object, "bytes", &version->bytes) ||
        !take_digest(object, "root", &version->root) || !take_number(object, "mode", &mode) ||
        !take_number(object, "patch_bytes", &version->patch_bytes) ||
        !take_text(object, "actor", version->actor, sizeof version->actor) ||
        !take_text(object, "message", version->message, sizeof version->message) ||
        !json_is_integer(json_object_get(object, "modified_ns")))
        return false;
    modified = (uint64_t)json_integer_value(json_object_get(object, "modified_ns"));
    version->mode = (uint32_t)mode;
    version->modified_ns = (int64_t)modified;
    return take_patches(object, record);
}

enum pp_error pp_version_record_read(const struct pp_versions *versions, uint64_t number,
                                     struct pp_version_record *record, struct pp_digest *hash,
                                     struct pp_failure *failure)
{
    char name[PP_OS_NAME_BYTES];
    struct pp_buffer file = {0};
    pp_version_record_name(number, name);
    if (number >= versions->count)
        return pp_fail(failure, PP_ERROR_NOT_FOUND, 0,
                       "there is no version %" PRIu64 " in %s; it has %" PRIu64, number,
                       versions->path, versions->count);
    enum pp_error error = pp_file_read(versions->records, name, RECORD_BYTES_MAX, &file, failure);
    if (error != PP_OK)
        return error;
    if (hash != NULL)
        *hash = pp_sha256((struct pp_bytes){file.data, file.len});
    json_t *object = json_loadb((const char *)file.data, file.len, JSON_REJECT_DUPLICATES, NULL);
    *record = (struct pp_version_record){0};
    if (object == NULL || !decode(object, record) || record->version.number != number)
        error =
            pp_fail(failure, PP_ERROR_FORMAT, 0,
                    "the record of version %" PRIu64 " in %s is damaged", number, versions->path);
    json_decref(object);
    pp_buffer_free(&file);
    return error;
}

enum pp_error pp_versions_read(const struct pp_versions *versions, uint64_t number,
                               struct pp_version *version, struct pp_failure *failure)
{
    struct pp_version_record record;
    enum pp_error error = pp_version_record_read(versions, number, &record, NULL, failure);
    if (error == PP_OK)
        *version = record.version;
    return error;
}
