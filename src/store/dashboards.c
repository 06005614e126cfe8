/* SPDX-License-Identifier: MIT */
/* Invariants and the theorems behind them, looked up in the list of proofs. */
#include "dashboards.h"

#include <stdlib.h>
#include <string.h>

#include <postproof/postproof.h>

static const char manifest_name[] = "proofs/manifest.json";

static bool same(struct pp_bytes bytes, const char *text)
{
    return text != NULL && strlen(text) == bytes.len && memcmp(bytes.data, text, bytes.len) == 0;
}

static const struct pp_bundle_file *find_file(const struct pp_bundle_file *files, size_t count,
                                              struct pp_bytes name)
{
    for (size_t i = 0; i < count; i++)
        if (same(name, files[i].name))
            return &files[i];
    return NULL;
}

/* ---- Theorems ------------------------------------------------------------------------------- */

static const char *text_of(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

static struct pp_bytes bytes_of(const json_t *object, const char *key)
{
    const char *text = text_of(object, key);
    return text != NULL ? pp_bytes_of(text) : (struct pp_bytes){NULL, 0};
}

/* The record of the invariant's theorem; NULL when the list has none. */
static const json_t *find_theorem(const json_t *manifest,
                                  const struct pp_dashboard_invariant *invariant)
{
    const json_t *record;
    size_t i;
    json_array_foreach(json_object_get(manifest, "theorems"), i, record)
    {
        if (same(invariant->spec, text_of(record, "spec")) &&
            same(invariant->theorem, text_of(record, "name")))
            return record;
    }
    return NULL;
}

static bool fill_proof(struct pp_dashboard_invariant *invariant, const json_t *manifest,
                       const struct pp_bundle_file *files, size_t file_count,
                       struct pp_dashboard_fault *fault)
{
    const json_t *record = find_theorem(manifest, invariant);
    const struct pp_bundle_file *spec = find_file(files, file_count, invariant->spec);
    if (record == NULL || spec == NULL) {
        *fault = (struct pp_dashboard_fault){
            invariant->theorem_line, 1,
            "no such theorem is proved: `postproof proofs` lists those that are"};
        return false;
    }
    invariant->proof = (struct pp_dashboard_proof){
        .spec_sha256 = bytes_of(record, "spec_sha256"),
        .proof = bytes_of(record, "proof"),
        .proof_sha256 = bytes_of(record, "proof_sha256"),
        .statement_sha256 = bytes_of(record, "statement_sha256"),
        .spec_line = pp_dashboard_statement_line(spec->content, invariant->theorem),
    };
    if (invariant->proof.spec_line != 0)
        return true;
    *fault = (struct pp_dashboard_fault){invariant->theorem_line, 1,
                                         "the specification does not state this theorem"};
    return false;
}

/* ---- Loading -------------------------------------------------------------------------------- */

static enum pp_error read_manifest(struct pp_dashboards *dashboards,
                                   const struct pp_bundle_file *files, size_t file_count,
                                   struct pp_failure *failure)
{
    const struct pp_bundle_file *file = find_file(files, file_count, pp_bytes_of(manifest_name));
    if (file != NULL)
        dashboards->manifest = json_loadb((const char *)file->content.data, file->content.len,
                                          JSON_REJECT_DUPLICATES, NULL);
    if (json_is_array(json_object_get(dashboards->manifest, "theorems")))
        return PP_OK;
    return pp_fail(failure, PP_ERROR_NOT_FOUND, 0, "there is no list of proofs (%s)",
                   manifest_name);
}

enum pp_error pp_dashboards_load(struct pp_dashboards *dashboards, struct pp_bytes input,
                                 const struct pp_bundle_file *files, size_t file_count,
                                 uint64_t interval_ms, struct pp_dashboard_fault *fault,
                                 struct pp_failure *failure)
{
    size_t cap = pp_dashboard_count(input), count;
    memset(dashboards, 0, sizeof *dashboards);
    if (cap > PP_DASHBOARD_INVARIANTS_MAX)
        return pp_fail(failure, PP_ERROR_TOO_LARGE, 0, "%zu invariants are more than %d", cap,
                       PP_DASHBOARD_INVARIANTS_MAX);
    dashboards->invariants = calloc(cap + 1, sizeof *dashboards->invariants);
    if (dashboards->invariants == NULL)
        return pp_fail(failure, PP_ERROR_MEMORY, 0, "no memory is left for %zu invariants", cap);
    enum pp_error error = pp_dashboard_read(input, dashboards->invariants, cap + 1, &count, fault);
    if (error == PP_OK)
        error = read_manifest(dashboards, files, file_count, failure);
    for (size_t i = 0; error == PP_OK && i < count; i++)
        if (!fill_proof(&dashboards->invariants[i], dashboards->manifest, files, file_count, fault))
            error = PP_ERROR_FORMAT;
    dashboards->set = (struct pp_dashboard_set){.invariants = dashboards->invariants,
                                                .count = error == PP_OK ? count : 0,
                                                .input = input,
                                                .interval_ms = interval_ms,
                                                .generated_by = "postproof " PP_VERSION};
    return error;
}

void pp_dashboards_free(struct pp_dashboards *dashboards)
{
    free(dashboards->invariants);
    json_decref(dashboards->manifest);
    memset(dashboards, 0, sizeof *dashboards);
}

/* ---- Writing -------------------------------------------------------------------------------- */

enum pp_error pp_dashboards_write(const struct pp_dashboards *dashboards,
                                  enum pp_dashboard_file file, struct pp_buffer *content,
                                  struct pp_dashboard_fault *fault)
{
    struct pp_dashboard_text measured = {NULL, 0, 0};
    size_t bad = 0;
    enum pp_error error = pp_dashboard_file_write(file, &dashboards->set, &measured, &bad);
    if (error == PP_ERROR_NOT_FOUND) {
        *fault = (struct pp_dashboard_fault){
            dashboards->invariants[bad].line, 1,
            "no values were found for which this holds, or none for which it does not: it can't "
            "be tested"};
        return PP_ERROR_FORMAT;
    }
    if (error == PP_OK && !pp_buffer_reserve(content, measured.len + 1))
        error = PP_ERROR_MEMORY;
    if (error != PP_OK)
        return error;
    struct pp_dashboard_text text = {(char *)content->data, content->cap, 0};
    error = pp_dashboard_file_write(file, &dashboards->set, &text, &bad);
    content->len = text.len;
    return error;
}
