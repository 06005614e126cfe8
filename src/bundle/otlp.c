/* SPDX-License-Identifier: MIT */
/* Entries as OTLP JSON lines (opentelemetry-proto 1.x, logs/v1, JSON encoding). */
#include "../base/base.h"
#include "parts.h"

/* Severity numbers of the OpenTelemetry log data model: the first of each range. */
static const char *const severities[PP_LEVEL_COUNT] = {"1", "5", "9", "13", "17", "21"};
static const char *const kinds[] = {"", "data", "reference", "notice"};

/* An AnyValue. */
static enum pp_error add_value(struct pp_bundle_text *text, struct pp_bytes bytes)
{
    bool is_text = pp_bundle_is_utf8(bytes);
    enum pp_error error =
        pp_bundle_text_string(text, is_text ? "{\"stringValue\":" : "{\"bytesValue\":\"");
    if (error == PP_OK)
        error = is_text ? pp_bundle_text_json(text, bytes) : pp_bundle_text_base64(text, bytes);
    return error == PP_OK ? pp_bundle_text_string(text, is_text ? "}" : "\"}") : error;
}

static enum pp_error add_record(struct pp_bundle_text *text, const struct pp_entry *entry)
{
    enum pp_error error = pp_bundle_text_string(text, "{\"timeUnixNano\":\"");
    if (error == PP_OK)
        error = pp_bundle_text_number(text, entry->time_ns);
    if (error == PP_OK)
        error = pp_bundle_text_string(text, "\",\"severityNumber\":");
    if (error == PP_OK)
        error = pp_bundle_text_string(text, severities[entry->level]);
    if (error == PP_OK)
        error = pp_bundle_text_string(text, ",\"severityText\":\"");
    if (error == PP_OK)
        error = pp_bundle_text_string(text, pp_level_text(entry->level));
    if (error == PP_OK)
        error = pp_bundle_text_string(text, "\",\"body\":");
    if (error == PP_OK)
        error = add_value(text, entry->body);
    if (error == PP_OK)
        error = pp_bundle_text_string(
            text, ",\"attributes\":[{\"key\":\"postproof.seq\",\"value\":{\"intValue\":\"");
    if (error == PP_OK)
        error = pp_bundle_text_number(text, entry->seq);
    return error == PP_OK ? pp_bundle_text_string(text, "\"}}") : error;
}

static enum pp_error add_kind(struct pp_bundle_text *text, const struct pp_entry *entry)
{
    if (entry->kind == PP_ENTRY_DATA)
        return PP_OK;
    enum pp_error error =
        pp_bundle_text_string(text, ",{\"key\":\"postproof.kind\",\"value\":{\"stringValue\":\"");
    if (error == PP_OK)
        error = pp_bundle_text_string(text, kinds[entry->kind]);
    return error == PP_OK ? pp_bundle_text_string(text, "\"}}") : error;
}

static enum pp_error add_line(struct pp_bundle_text *text, const struct pp_entry *entry)
{
    enum pp_error error = pp_bundle_text_string(
        text, "{\"resourceLogs\":[{\"resource\":{\"attributes\":[{\"key\":\"service.name\","
              "\"value\":");
    if (error == PP_OK)
        error = add_value(text, entry->source);
    if (error == PP_OK)
        error = pp_bundle_text_string(
            text, "}]},\"scopeLogs\":[{\"scope\":{\"name\":\"postproof\"},\"logRecords\":[");
    if (error == PP_OK)
        error = add_record(text, entry);
    if (error == PP_OK)
        error = add_kind(text, entry);
    return error == PP_OK ? pp_bundle_text_string(text, "]}]}]}]}\n") : error;
}

enum pp_error pp_bundle_otlp_line(const struct pp_entry *entry, struct pp_bundle_text *text)
{
    if (entry->level >= PP_LEVEL_COUNT || entry->kind < PP_ENTRY_DATA ||
        entry->kind > PP_ENTRY_NOTICE)
        return PP_ERROR_ARGUMENT;
    size_t before = text->len;
    enum pp_error error = add_line(text, entry);
    if (error != PP_OK)
        text->len = before;
    return error;
}
