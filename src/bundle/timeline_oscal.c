/* SPDX-License-Identifier: MIT */
/* The bundle as OSCAL 1.0.4 assessment results (NIST, pages.nist.gov/OSCAL, "Assessment Results
   Model"): what was observed of the log, and which controls of SP 800-53 rev. 5 that bears on. */
#include <string.h>

#include "../base/base.h"
#include "../base/hash.h"
#include "views.h"

/* Adds until something fails; then nothing more. */
struct writer {
    struct pp_bundle_text *text;
    const struct pp_bundle_info *info;
    enum pp_error error;
};

/* ---- Pieces --------------------------------------------------------------------------------- */

static void put(struct writer *w, const char *json)
{
    if (w->error == PP_OK)
        w->error = pp_bundle_text_string(w->text, json);
}

static void put_number(struct writer *w, uint64_t number)
{
    if (w->error == PP_OK)
        w->error = pp_bundle_text_number(w->text, number);
}

static void put_string(struct writer *w, struct pp_bytes bytes)
{
    if (w->error == PP_OK)
        w->error = pp_bundle_text_json(w->text, bytes);
}

static void put_time(struct writer *w, const char *before, uint64_t time_ns)
{
    put(w, before);
    put(w, "\"");
    if (w->error == PP_OK)
        w->error = pp_bundle_text_time(w->text, time_ns);
    put(w, "\"");
}

static void put_hex(struct writer *w, const struct pp_digest *digest)
{
    if (w->error == PP_OK)
        w->error = pp_bundle_text_hex(w->text, (struct pp_bytes){digest->b, PP_DIGEST_BYTES});
}

void pp_bundle_uuid(struct pp_bytes name, char out[PP_UUID_TEXT_BYTES])
{
    /* Drawn at random once. */
    static const uint8_t namespace[16] = {0x6b, 0x1f, 0x0a, 0x52, 0x3d, 0x8e, 0x4c, 0x71,
                                          0x9a, 0x44, 0xe2, 0x07, 0x5c, 0xb8, 0x13, 0xfd};
    uint8_t hash[PP_SHA1_BYTES];
    char hex[2 * 16 + 1];
    pp_sha1((struct pp_bytes){namespace, sizeof namespace}, name, hash);
    hash[6] = (uint8_t)(hash[6] % 16 + 0x50);
    hash[8] = (uint8_t)(hash[8] % 64 + 0x80);
    pp_hex_encode(hash, 16, hex);
    static const uint8_t lengths[] = {8, 4, 4, 4, 12};
    size_t from = 0, at = 0;
    for (size_t i = 0; i < sizeof lengths; i++) {
        memcpy(out + at, hex + from, lengths[i]);
        from += lengths[i];
        at += lengths[i];
        out[at++] = i + 1 < sizeof lengths ? '-' : '\0';
    }
}

/* The UUID of a place in this document. */
static void put_uuid(struct writer *w, const char *place)
{
    uint8_t name[PP_DIGEST_BYTES + 16 + 32];
    size_t len = strlen(place);
    memcpy(name, w->info->log_id.b, PP_DIGEST_BYTES);
    pp_put_u64(name + PP_DIGEST_BYTES, w->info->first_seq);
    pp_put_u64(name + PP_DIGEST_BYTES + 8, w->info->next_seq);
    memcpy(name + PP_DIGEST_BYTES + 16, place, len);
    char uuid[PP_UUID_TEXT_BYTES];
    pp_bundle_uuid((struct pp_bytes){name, PP_DIGEST_BYTES + 16 + len}, uuid);
    put(w, uuid);
}

static void put_property(struct writer *w, const char *name, uint64_t value)
{
    put(w, "{\"name\":\"");
    put(w, name);
    put(w, "\",\"ns\":\"urn:postproof:oscal\",\"value\":\"");
    put_number(w, value);
    put(w, "\"}");
}

/* ---- Parts ---------------------------------------------------------------------------------- */

static void put_metadata(struct writer *w)
{
    put(w, "\"metadata\":{\"title\":");
    put_string(w, w->info->title.len > 0 ? w->info->title : pp_bytes_of("Incident evidence"));
    put_time(w, ",\"last-modified\":", w->info->sealed_ns);
    put(w, ",\"version\":\"1\",\"oscal-version\":\"1.0.4\"");
    if (w->info->incident_id.len > 0) {
        put(w, ",\"remarks\":");
        put_string(w, w->info->incident_id);
    }
    put(w, "},\"import-ap\":{\"href\":\"#");
    put_uuid(w, "plan");
    put(w, "\"},");
}

static void put_controls(struct writer *w)
{
    put(w,
        "\"reviewed-controls\":{\"control-selections\":[{\"description\":\"NIST SP 800-53 rev. 5\","
        "\"include-controls\":[{\"control-id\":\"au-9.3\"},{\"control-id\":\"au-10\"}]}]},");
}

static void put_level_properties(struct writer *w, const char *kind,
                                 const uint64_t counts[PP_LEVEL_COUNT])
{
    static const char *const names[PP_LEVEL_COUNT] = {"trace", "debug", "info",
                                                      "warn",  "error", "fatal"};
    for (size_t level = 0; level < PP_LEVEL_COUNT; level++) {
        char name[32];
        size_t len = strlen(kind);
        memcpy(name, kind, len);
        memcpy(name + len, names[level], strlen(names[level]) + 1);
        put(w, ",");
        put_property(w, name, counts[level]);
    }
}

static void put_evidence(struct writer *w, const char *href, const char *what)
{
    put(w, "{\"href\":\"");
    put(w, href);
    put(w, "\",\"description\":\"");
    put(w, what);
    put(w, "\"}");
}

static void open_observation(struct writer *w, const char *place, const char *title,
                             const char *description)
{
    put(w, "{\"uuid\":\"");
    put_uuid(w, place);
    put(w, "\",\"title\":\"");
    put(w, title);
    put(w, "\",\"description\":\"");
    put(w, description);
    put(w, "\",\"props\":[");
}

static void close_observation(struct writer *w)
{
    put_time(w, "],\"collected\":", w->info->sealed_ns);
    put(w, "}");
}

static void put_tree_observation(struct writer *w)
{
    open_observation(w, "observation-tree", "Entries and root",
                     "The entries that were kept, and the hashes of those that were not, lead to "
                     "the root of the signed checkpoint.");
    put_property(w, "tree-size", w->info->tree_size);
    put(w, ",{\"name\":\"tree-root\",\"ns\":\"urn:postproof:oscal\",\"value\":\"");
    put_hex(w, &w->info->tree_root);
    put(w, "\"},");
    put_property(w, "first-seq", w->info->first_seq);
    put(w, ",");
    put_property(w, "next-seq", w->info->next_seq);
    put(w, "],\"methods\":[\"TEST\"],\"types\":[\"finding\"],\"relevant-evidence\":[");
    put_evidence(w, "../ledger/checkpoint", "the signed checkpoint");
    put(w, ",");
    put_evidence(w, "../ledger/window.tree", "the tree around the entries");
    put(w, ",");
    put_evidence(w, "../entries/entries.ppe", "the entries");
    close_observation(w);
}

static void put_count_observation(struct writer *w)
{
    open_observation(w, "observation-counts", "Entries by level",
                     "How many entries of each level the window has, and how many of these were "
                     "left out of the bundle.");
    put_property(w, "entries", w->info->next_seq - w->info->first_seq);
    put_level_properties(w, "entries-", w->info->entries);
    put_level_properties(w, "omitted-", w->info->omitted);
    put(w, "],\"methods\":[\"EXAMINE\"],\"relevant-evidence\":[");
    put_evidence(w, "../window.json", "counts and omissions");
    close_observation(w);
}

static void put_finding(struct writer *w, const char *place, const char *title, const char *target)
{
    put(w, "{\"uuid\":\"");
    put_uuid(w, place);
    put(w, "\",\"title\":\"");
    put(w, title);
    put(w,
        "\",\"description\":\"Stated by the program that made the bundle, after it had checked it; "
        "postproof bundle verify "
        "decides.\",\"target\":{\"type\":\"objective-id\",\"target-id\":\"");
    put(w, target);
    put(w, "\",\"status\":{\"state\":\"satisfied\"}},\"related-observations\":[{\"observation-"
           "uuid\":\"");
    put_uuid(w, "observation-tree");
    put(w, "\"}]}");
}

static void put_result(struct writer *w)
{
    put(w, "\"results\":[{\"uuid\":\"");
    put_uuid(w, "result");
    put(w, "\",\"title\":\"Integrity of a log window\",\"description\":");
    put_string(w, w->info->origin);
    put_time(w, ",\"start\":", w->info->first_ns);
    put_time(w, ",\"end\":", w->info->last_ns);
    put(w, ",");
    put_controls(w);
    put(w, "\"observations\":[");
    put_tree_observation(w);
    put(w, ",");
    put_count_observation(w);
    put(w, "],\"findings\":[");
    put_finding(w, "finding-protection", "Audit information is protected by cryptography",
                "au-9.3_obj");
    put(w, ",");
    put_finding(w, "finding-repudiation", "What was logged cannot be denied", "au-10_obj");
    put(w, "]}],");
}

static void put_back_matter(struct writer *w)
{
    put(w, "\"back-matter\":{\"resources\":[{\"uuid\":\"");
    put_uuid(w, "plan");
    put(w,
        "\",\"title\":\"Checks of an evidence bundle\",\"description\":\"The checks that "
        "docs/format/bundle.md lists in section 10, by postproof bundle verify with a trust root "
        "from elsewhere.\",\"rlinks\":[{\"href\":\"../README.txt\"}]}]}");
}

enum pp_error pp_bundle_assessment(const struct pp_bundle_info *info, struct pp_bundle_text *text)
{
    struct writer w = {text, info, PP_OK};
    size_t before = text->len;
    put(&w, "{\"assessment-results\":{\"uuid\":\"");
    put_uuid(&w, "document");
    put(&w, "\",");
    put_metadata(&w);
    put_result(&w);
    put_back_matter(&w);
    put(&w, "}}\n");
    if (w.error != PP_OK)
        text->len = before;
    return w.error;
}
