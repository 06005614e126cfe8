/* SPDX-License-Identifier: MIT */
/* Dashboards and rules of a bundle: generated anew from the invariants in it and from the theorems
   in its list of proofs, they must be the same bytes. */
#include "bundle_verify.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <postproof/postproof.h>

#include "dashboards.h"

/* A hostile bundle may search long for values; no honest one has so many. */
enum { INVARIANTS_MAX = 1000 };

static const char input_name[] = PP_BUNDLE_DASHBOARDS "invariants.txt";
static const char index_name[] = PP_BUNDLE_DASHBOARDS "dashboards.json";

/* ---- The specifications, as the generator takes them ---- */

struct specifications {
    struct pp_bundle_file *files;
    struct pp_buffer *contents; /* of each file */
    size_t count;
};

static void free_specifications(struct specifications *specs)
{
    for (size_t i = 0; i < specs->count; i++) {
        free((void *)(uintptr_t)specs->files[i].name);
        pp_buffer_free(&specs->contents[i]);
    }
    free(specs->files);
    free(specs->contents);
}

/* Its name below data/spec/; NULL when the generator does not need the file. */
static const char *needed_name(const struct pp_checked_file *file, char name[PP_BUNDLE_NAME_BYTES])
{
    static const char folder[] = "data/spec/";
    memcpy(name, file->name.data, file->name.len);
    name[file->name.len] = '\0';
    if (strncmp(name, folder, strlen(folder)) != 0)
        return NULL;
    const char *rest = name + strlen(folder);
    bool needed = strncmp(rest, "spec/", 5) == 0 || strcmp(rest, "proofs/manifest.json") == 0;
    return needed ? rest : NULL;
}

static bool load_specification(const struct pp_checked_file *file, const char *name,
                               struct specifications *specs)
{
    struct pp_buffer *content = &specs->contents[specs->count];
    char *copy = strdup(name);
    if (copy == NULL || !pp_bundle_load(file, PP_BUNDLE_SMALL_FILE_MAX, content)) {
        free(copy);
        pp_buffer_free(content);
        return false;
    }
    specs->files[specs->count++] = (struct pp_bundle_file){copy, {content->data, content->len}};
    return true;
}

static bool load_specifications(const struct pp_bundle_verification *v,
                                struct specifications *specs)
{
    specs->files = calloc(v->file_count + 1, sizeof *specs->files);
    specs->contents = calloc(v->file_count + 1, sizeof *specs->contents);
    if (specs->files == NULL || specs->contents == NULL)
        return false;
    for (size_t i = 0; i < v->file_count; i++) {
        char name[PP_BUNDLE_NAME_BYTES];
        const char *rest = needed_name(&v->files[i], name);
        if (rest != NULL && !load_specification(&v->files[i], rest, specs))
            return false;
    }
    return true;
}

/* ---- Who generated them ---- */

/* The interval that dashboards.json states; 0: another program generated it, or it is no index. */
static uint64_t interval_of(const struct pp_bundle_verification *v, bool *ours)
{
    struct pp_buffer text = {0};
    json_t *index = NULL;
    if (pp_bundle_load(pp_bundle_find(v, index_name), PP_BUNDLE_SMALL_FILE_MAX, &text))
        index = json_loadb((const char *)text.data, text.len, JSON_REJECT_DUPLICATES, NULL);
    const char *by = json_string_value(json_object_get(index, "generated_by"));
    json_int_t interval = json_integer_value(json_object_get(index, "interval_ms"));
    *ours = by == NULL || strcmp(by, "postproof " PP_VERSION) == 0;
    json_decref(index);
    pp_buffer_free(&text);
    return interval > 0 ? (uint64_t)interval : 0;
}

/* ---- The comparison ---- */

static bool bad(struct pp_bundle_verification *v, const char *place, const char *text)
{
    return pp_check_bad(v, PP_CHECK_DASHBOARDS, "DASHBOARDS", place, "%s", text);
}

static bool same_file(struct pp_bundle_verification *v, const struct pp_dashboards *dashboards,
                      enum pp_dashboard_file file, struct pp_buffer *content)
{
    struct pp_dashboard_fault fault = {1, 1, ""};
    char name[PP_BUNDLE_NAME_BYTES];
    snprintf(name, sizeof name, PP_BUNDLE_DASHBOARDS "%s", pp_dashboard_file_path(file));
    const struct pp_checked_file *found = pp_bundle_find(v, name);
    enum pp_error error = pp_dashboards_write(dashboards, file, content, &fault);
    if (error == PP_ERROR_FORMAT)
        return bad(v, input_name, fault.text);
    if (error != PP_OK)
        return pp_check_skip(v, PP_CHECK_DASHBOARDS, "NO_MEMORY", "%s", pp_error_text(error));
    struct pp_digest digest = pp_sha256((struct pp_bytes){content->data, content->len});
    if (found != NULL && found->entry.bytes == content->len &&
        pp_digest_equal(&found->digest, &digest))
        return true;
    return bad(v, name, "it is not what the invariants and theorems here generate");
}

static void compare_all(struct pp_bundle_verification *v, const struct pp_dashboards *dashboards)
{
    struct pp_buffer content = {0};
    bool same = true;
    for (size_t i = 0; i < PP_DASHBOARD_FILE_COUNT && same; i++)
        same = same_file(v, dashboards, (enum pp_dashboard_file)i, &content);
    pp_buffer_free(&content);
    if (same)
        pp_check_good(v, PP_CHECK_DASHBOARDS,
                      "rules and dashboard are those of %zu invariants and their theorems",
                      dashboards->set.count);
}

static void generate_anew(struct pp_bundle_verification *v, struct pp_bytes input,
                          uint64_t interval_ms)
{
    struct specifications specs = {NULL, NULL, 0};
    struct pp_dashboards dashboards = {.invariants = NULL};
    struct pp_dashboard_fault fault = {1, 1, ""};
    struct pp_failure failure = {0};
    enum pp_error error = PP_ERROR_MEMORY;
    if (load_specifications(v, &specs))
        error = pp_dashboards_load(&dashboards, input, specs.files, specs.count, interval_ms,
                                   &fault, &failure);
    if (error == PP_OK)
        compare_all(v, &dashboards);
    else if (error == PP_ERROR_FORMAT)
        bad(v, input_name, fault.text);
    else
        pp_check_skip(v, PP_CHECK_DASHBOARDS, "UNREADABLE", "%s", pp_error_text(error));
    pp_dashboards_free(&dashboards);
    free_specifications(&specs);
}

static bool has_any(const struct pp_bundle_verification *v)
{
    for (size_t i = 0; i < v->file_count; i++)
        if (v->files[i].name.len > strlen(PP_BUNDLE_DASHBOARDS) &&
            memcmp(v->files[i].name.data, PP_BUNDLE_DASHBOARDS, strlen(PP_BUNDLE_DASHBOARDS)) == 0)
            return true;
    return false;
}

void pp_bundle_check_dashboards(struct pp_bundle_verification *v)
{
    struct pp_buffer input = {0};
    bool ours;
    uint64_t interval_ms = interval_of(v, &ours);
    v->report->checks[PP_CHECK_DASHBOARDS].required = has_any(v);
    if (!has_any(v))
        pp_check_skip(v, PP_CHECK_DASHBOARDS, "NO_DASHBOARDS", "the bundle has none");
    else if (v->report->checks[PP_CHECK_SPECIFICATIONS].status != PP_CHECK_OK)
        pp_check_skip(v, PP_CHECK_DASHBOARDS, "NO_MANIFEST", "the specifications were not checked");
    else if (!ours)
        pp_check_skip(v, PP_CHECK_DASHBOARDS, "OTHER_VERSION",
                      "another version generated them: only that one can check them");
    else if (interval_ms == 0 ||
             !pp_bundle_load(pp_bundle_find(v, input_name), PP_BUNDLE_SMALL_FILE_MAX, &input))
        bad(v, index_name, "the list of invariants or their text is missing or can't be read");
    else if (pp_dashboard_count((struct pp_bytes){input.data, input.len}) > INVARIANTS_MAX)
        pp_check_skip(v, PP_CHECK_DASHBOARDS, "TOO_MANY", "more than %d invariants",
                      INVARIANTS_MAX);
    else
        generate_anew(v, (struct pp_bytes){input.data, input.len}, interval_ms);
    pp_buffer_free(&input);
}
