/* SPDX-License-Identifier: MIT */
/* Entries as JSON lines that Timesketch imports (timesketch.org, "Import timelines": JSONL). */
#include "../base/base.h"
#include "views.h"

static const char *const kinds[] = {"", "data", "reference", "notice"};

static enum pp_error add_texts(struct pp_bundle_text *text, const char *first, const char *second,
                               const char *third)
{
    enum pp_error error = pp_bundle_text_string(text, first);
    if (error == PP_OK)
        error = pp_bundle_text_string(text, second);
    return error == PP_OK ? pp_bundle_text_string(text, third) : error;
}

/* "name":"value" and, where that loses bytes, "name_base64". */
static enum pp_error add_bytes(struct pp_bundle_text *text, const char *name, struct pp_bytes bytes)
{
    enum pp_error error = add_texts(text, "\"", name, "\":");
    if (error == PP_OK)
        error = pp_bundle_text_json(text, bytes);
    if (error != PP_OK || pp_bundle_is_utf8(bytes))
        return error;
    error = add_texts(text, ",\"", name, "_base64\":\"");
    if (error == PP_OK)
        error = pp_bundle_text_base64(text, bytes);
    return error == PP_OK ? pp_bundle_text_string(text, "\"") : error;
}

static enum pp_error add_reference(struct pp_bundle_text *text, struct pp_bytes body)
{
    enum pp_error error = pp_bundle_text_string(text, "\"message\":\"body kept beside, bytes: ");
    if (error == PP_OK)
        error = pp_bundle_text_number(text, pp_get_u64(body.data));
    if (error == PP_OK)
        error = pp_bundle_text_string(text, ", SHA-256: ");
    if (error == PP_OK)
        error = pp_bundle_text_hex(text, (struct pp_bytes){body.data + 8, PP_DIGEST_BYTES});
    return error == PP_OK ? pp_bundle_text_string(text, "\"") : error;
}

static enum pp_error add_leaf(struct pp_bundle_text *text, const struct pp_digest *leaf)
{
    if (leaf == NULL)
        return PP_OK;
    enum pp_error error = pp_bundle_text_string(text, ",\"leaf_sha256\":\"");
    if (error == PP_OK)
        error = pp_bundle_text_hex(text, (struct pp_bytes){leaf->b, PP_DIGEST_BYTES});
    return error == PP_OK ? pp_bundle_text_string(text, "\"") : error;
}

static enum pp_error add_line(const struct pp_entry *entry, const struct pp_digest *leaf,
                              struct pp_bundle_text *text)
{
    enum pp_error error = pp_bundle_text_string(text, "{");
    if (error == PP_OK)
        error = entry->kind == PP_ENTRY_REFERENCE ? add_reference(text, entry->body)
                                                  : add_bytes(text, "message", entry->body);
    if (error == PP_OK)
        error = pp_bundle_text_string(text, ",\"datetime\":\"");
    if (error == PP_OK)
        error = pp_bundle_text_time(text, entry->time_ns);
    if (error == PP_OK)
        error = pp_bundle_text_string(text, "\",\"timestamp_desc\":\"Event Logged\",\"seq\":");
    if (error == PP_OK)
        error = pp_bundle_text_number(text, entry->seq);
    if (error == PP_OK)
        error = add_texts(text, ",\"level\":\"", pp_level_text(entry->level), "\",");
    if (error == PP_OK)
        error = add_bytes(text, "source", entry->source);
    if (error == PP_OK)
        error = add_texts(text, ",\"kind\":\"", kinds[entry->kind], "\"");
    if (error == PP_OK)
        error = add_leaf(text, leaf);
    return error == PP_OK ? pp_bundle_text_string(text, "}\n") : error;
}

enum pp_error pp_bundle_timeline_line(const struct pp_entry *entry, const struct pp_digest *leaf,
                                      struct pp_bundle_text *text)
{
    if (entry->level >= PP_LEVEL_COUNT || entry->kind < PP_ENTRY_DATA ||
        entry->kind > PP_ENTRY_NOTICE ||
        (entry->kind == PP_ENTRY_REFERENCE && entry->body.len != PP_REFERENCE_BYTES))
        return PP_ERROR_ARGUMENT;
    size_t before = text->len;
    enum pp_error error = add_line(entry, leaf, text);
    if (error != PP_OK)
        text->len = before;
    return error;
}
