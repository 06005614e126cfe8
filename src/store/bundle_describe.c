/* SPDX-License-Identifier: MIT */
/* What a bundle says of itself: window.json and environment.json. */
#include "../bundle/views.h"
#include "bundle_create.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <postproof/postproof.h>

#include "../os/os_machine.h"

enum { TIERS_LISTED = 256, TIME_BYTES = 40 };

static json_t *time_json(uint64_t time_ns)
{
    uint8_t bytes[TIME_BYTES];
    struct pp_bundle_text text = {bytes, sizeof bytes, 0};
    if (pp_bundle_text_time(&text, time_ns) != PP_OK)
        return NULL;
    return json_stringn((char *)text.data, text.len);
}

static json_t *hex_json(const struct pp_digest *digest)
{
    char hex[2 * PP_DIGEST_BYTES + 1];
    pp_hex_encode(digest->b, sizeof digest->b, hex);
    return json_string(hex);
}

static json_t *number_json(uint64_t number)
{
    return json_integer((json_int_t)number);
}

static json_t *levels_json(const uint64_t counts[PP_LEVEL_COUNT])
{
    json_t *object = json_object();
    for (uint8_t level = 0; level < PP_LEVEL_COUNT; level++)
        json_object_set_new(object, pp_level_text(level), number_json(counts[level]));
    return object;
}

/* Bytes as text: UTF-8, or else escaped as \xHH. */
static json_t *text_json(struct pp_bytes bytes)
{
    if (pp_bundle_is_utf8(bytes))
        return json_stringn((const char *)bytes.data, bytes.len);
    char *text = malloc(4 * bytes.len + 1), *at = text;
    for (size_t i = 0; text != NULL && i < bytes.len; i++)
        at += sprintf(at, bytes.data[i] < 0x80 ? "%c" : "\\x%02x", bytes.data[i]);
    json_t *value = text != NULL ? json_stringn(text, (size_t)(at - text)) : NULL;
    free(text);
    return value;
}

/* ---- window.json ---- */

static json_t *tier_json(const struct pp_tier *tier)
{
    json_t *object = json_object();
    json_object_set_new(object, "level", json_string(pp_level_text(tier->level)));
    json_object_set_new(object, "source",
                        tier->source == NULL
                            ? json_null()
                            : text_json((struct pp_bytes){tier->source, tier->source_len}));
    json_object_set_new(object, "entries", number_json(tier->entries));
    json_object_set_new(object, "bytes", number_json(tier->bytes));
    return object;
}

/* The dropped tiers with the most entries; those beyond TIERS_LISTED as one number. */
static void set_tiers(json_t *omitted, const struct pp_creation *creation)
{
    json_t *list = json_array();
    uint64_t unlisted = 0;
    for (size_t i = 0; i < PP_TIERS_MAX + PP_LEVEL_COUNT; i++) {
        const struct pp_tier *tier = &creation->tiers->tier[i];
        if (!tier->dropped)
            continue;
        if (json_array_size(list) < TIERS_LISTED)
            json_array_append_new(list, tier_json(tier));
        else
            unlisted += tier->entries;
    }
    json_object_set_new(omitted, "tiers", list);
    json_object_set_new(omitted, "entries_in_tiers_not_listed", number_json(unlisted));
}

static json_t *views_omitted(const struct pp_bundle_report *report)
{
    json_t *list = json_array();
    if (!report->has_timeline_html)
        json_array_append_new(list, json_string("timeline.html"));
    if (!report->has_otlp)
        json_array_append_new(list, json_string("entries/otlp.jsonl"));
    if (!report->has_timeline_jsonl)
        json_array_append_new(list, json_string("timeline.jsonl"));
    return list;
}

static json_t *omitted_json(const struct pp_creation *creation)
{
    const struct pp_bundle_report *report = creation->report;
    char command[160];
    json_t *omitted = json_object();
    json_object_set_new(omitted, "entries", number_json(report->entries - report->kept));
    json_object_set_new(omitted, "by_level", levels_json(report->omitted));
    set_tiers(omitted, creation);
    json_object_set_new(omitted, "blobs", number_json(report->blobs_omitted));
    json_object_set_new(omitted, "blob_bytes", number_json(creation->omitted_blob_bytes));
    json_object_set_new(omitted, "seals", number_json(report->seals - report->seals_kept));
    json_object_set_new(omitted, "views", views_omitted(report));
    snprintf(command, sizeof command, "postproof cat LEDGER --from %" PRIu64 " --to %" PRIu64,
             creation->window.first_seq, creation->window.next_seq - 1);
    json_object_set_new(omitted, "fetch_with", json_string(command));
    return omitted;
}

static json_t *range_json(const struct pp_creation *creation)
{
    const struct pp_bundle_window *window = &creation->window;
    json_t *object = json_object();
    json_object_set_new(object, "from", time_json(window->from_ns));
    json_object_set_new(object, "until", time_json(window->until_ns));
    json_object_set_new(object, "first_seq", number_json(window->first_seq));
    json_object_set_new(object, "next_seq", number_json(window->next_seq));
    json_object_set_new(object, "earliest_entry", time_json(creation->first_ns));
    json_object_set_new(object, "latest_entry", time_json(creation->last_ns));
    json_object_set_new(object, "sealed", time_json(window->sealed_ns));
    return object;
}

static void set_text(json_t *object, const char *key, const char *text)
{
    json_object_set_new(object, key, json_string(text != NULL ? text : ""));
}

static json_t *window_json(const struct pp_creation *creation)
{
    const struct pp_bundle_report *report = creation->report;
    json_t *root = json_object(), *checkpoint = json_object(), *entries = json_object();
    json_object_set_new(checkpoint, "size", number_json(creation->tree_size));
    json_object_set_new(checkpoint, "root", hex_json(&creation->tree_root));
    json_object_set_new(entries, "in_window", number_json(report->entries));
    json_object_set_new(entries, "kept", number_json(report->kept));
    json_object_set_new(entries, "by_level", levels_json(report->in_window));
    set_text(root, "format", "postproof bundle 1");
    set_text(root, "title", creation->options->title);
    set_text(root, "incident_id", creation->options->incident_id);
    set_text(root, "origin", creation->window.origin);
    json_object_set_new(root, "log_id", hex_json(&creation->window.log_id));
    json_object_set_new(root, "window", range_json(creation));
    json_object_set_new(root, "checkpoint", checkpoint);
    json_object_set_new(root, "entries", entries);
    json_object_set_new(root, "omitted", omitted_json(creation));
    return root;
}

static enum pp_error pack_json(struct pp_creation *creation, const char *name, const json_t *json)
{
    char *text = json != NULL ? json_dumps(json, JSON_INDENT(2)) : NULL;
    if (text == NULL)
        return pp_creation_fail(creation, PP_ERROR_MEMORY, "a description can't be made");
    enum pp_error error = pp_pack_add(&creation->pack, name, pp_bytes_of(text), false);
    free(text);
    return pp_creation_fail(creation, error, "a description can't be packed");
}

enum pp_error pp_creation_describe(struct pp_creation *creation)
{
    creation->window_json = window_json(creation);
    return pack_json(creation, "data/window.json", creation->window_json);
}

/* ---- assessment-results.json ---- */

static struct pp_bytes text_of(const char *text)
{
    return pp_bytes_of(text != NULL ? text : "");
}

enum pp_error pp_creation_assessment(struct pp_creation *creation)
{
    const struct pp_bundle_window *window = &creation->window;
    struct pp_bundle_info info = {
        .title = text_of(creation->options->title),
        .incident_id = text_of(creation->options->incident_id),
        .origin = pp_bytes_of(window->origin),
        .log_id = window->log_id,
        .from_ns = window->from_ns,
        .until_ns = window->until_ns,
        .first_seq = window->first_seq,
        .next_seq = window->next_seq,
        .first_ns = creation->first_ns,
        .last_ns = creation->last_ns,
        .sealed_ns = window->sealed_ns,
        .tree_size = creation->tree_size,
        .tree_root = creation->tree_root,
    };
    memcpy(info.entries, creation->report->in_window, sizeof info.entries);
    memcpy(info.omitted, creation->report->omitted, sizeof info.omitted);
    struct pp_bundle_text text = {malloc(PP_BUNDLE_ENTRY_ROOM), PP_BUNDLE_ENTRY_ROOM, 0};
    enum pp_error error = text.data != NULL ? pp_bundle_assessment(&info, &text) : PP_ERROR_MEMORY;
    if (error == PP_OK)
        error = pp_pack_add(&creation->pack, "data/oscal/assessment-results.json",
                            (struct pp_bytes){text.data, text.len}, false);
    free(text.data);
    return pp_creation_fail(creation, error, "the assessment results can't be made");
}

/* ---- environment.json ---- */

enum pp_error pp_creation_environment(struct pp_creation *creation)
{
    char host[PP_OS_NAME_BYTES] = "", kernel[PP_OS_NAME_BYTES] = "", machine[PP_OS_NAME_BYTES] = "";
    int synchronized = pp_os_clock_is_synchronized();
    json_t *root = json_object(), *versions = json_object(), *clock = json_object();
    if (pp_os_host_name(host, sizeof host) < 0)
        host[0] = 0;
    if (pp_os_kernel(kernel, machine, sizeof kernel) < 0)
        kernel[0] = 0;
    json_object_set_new(versions, "postproof", json_string(PP_VERSION));
    json_object_set_new(versions, "kernel", json_string(kernel));
    json_object_set_new(versions, "openssl", json_string(OpenSSL_version(OPENSSL_VERSION)));
    json_object_set_new(versions, "zlib", json_string(zlibVersion()));
    json_object_set_new(clock, "synchronized",
                        synchronized < 0 ? json_null() : json_boolean(synchronized));
    json_object_set_new(clock, "note",
                        json_string("of the machine that made the bundle, when it was made; times "
                                    "of entries are those that their sources wrote"));
    json_object_set_new(root, "host", text_json(pp_bytes_of(host)));
    json_object_set_new(root, "machine", json_string(machine));
    json_object_set_new(root, "versions", versions);
    json_object_set_new(root, "clock", clock);
    enum pp_error error = pack_json(creation, "data/environment.json", root);
    json_decref(root);
    return error;
}
