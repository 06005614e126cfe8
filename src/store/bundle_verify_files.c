/* SPDX-License-Identifier: MIT */
/* The files of a bundle beside its entries: window, large bodies, proofs of single entries,
   specifications, and the witnesses of the checkpoint. */
#include "bundle_verify.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <postproof/policy.h>

/* ---- window.json ---- */

/* A number in an object of objects; UINT64_MAX when it is none. */
static uint64_t number_at(const json_t *object, const char *first, const char *second,
                          const char *third)
{
    const json_t *value = json_object_get(json_object_get(object, first), second);
    if (third != NULL)
        value = json_object_get(value, third);
    return json_is_integer(value) && json_integer_value(value) >= 0
               ? (uint64_t)json_integer_value(value)
               : UINT64_MAX;
}

static bool bad_window(struct pp_bundle_verification *v, const char *what)
{
    return pp_check_bad(v, PP_CHECK_WINDOW, "WINDOW", "data/window.json",
                        "%s is not what the files give", what);
}

static bool same_levels(struct pp_bundle_verification *v)
{
    uint64_t omitted = 0;
    for (uint8_t level = 0; level < PP_LEVEL_COUNT; level++) {
        const char *name = pp_level_text(level);
        uint64_t all = number_at(v->window, "entries", "by_level", name);
        uint64_t left_out = number_at(v->window, "omitted", "by_level", name);
        if (all == UINT64_MAX || left_out > all || all - left_out != v->kept[level])
            return bad_window(v, "a count of entries by level");
        omitted += left_out;
    }
    v->report->omitted = omitted;
    return omitted == number_at(v->window, "omitted", "entries", NULL) ||
           bad_window(v, "the number of entries left out");
}

static bool same_root(struct pp_bundle_verification *v)
{
    char hex[2 * PP_DIGEST_BYTES + 1];
    const char *root =
        json_string_value(json_object_get(json_object_get(v->window, "checkpoint"), "root"));
    pp_hex_encode(v->checkpoint.root.b, PP_DIGEST_BYTES, hex);
    return number_at(v->window, "checkpoint", "size", NULL) == v->checkpoint.size && root != NULL &&
           strcmp(root, hex) == 0;
}

void pp_bundle_check_window(struct pp_bundle_verification *v)
{
    const char *origin = json_string_value(json_object_get(v->window, "origin"));
    if (v->report->checks[PP_CHECK_TREE].status != PP_CHECK_OK ||
        v->report->checks[PP_CHECK_SEALS].status != PP_CHECK_OK)
        return;
    v->report->first_seq = v->first_seq;
    v->report->next_seq = v->next_seq;
    if (number_at(v->window, "window", "first_seq", NULL) != v->first_seq ||
        number_at(v->window, "window", "next_seq", NULL) != v->next_seq)
        bad_window(v, "the range of entries");
    else if (number_at(v->window, "entries", "in_window", NULL) != v->next_seq - v->first_seq)
        bad_window(v, "the number of entries in the window");
    else if (number_at(v->window, "entries", "kept", NULL) != v->report->entries)
        bad_window(v, "the number of entries kept");
    else if (origin == NULL || strcmp(origin, v->report->origin) != 0 || !same_root(v))
        bad_window(v, "the checkpoint");
    else if (same_levels(v))
        pp_check_good(v, PP_CHECK_WINDOW, "entries %llu to %llu, %llu of them left out",
                      (unsigned long long)v->first_seq, (unsigned long long)v->next_seq - 1,
                      (unsigned long long)v->report->omitted);
}

/* ---- Blobs ---- */

static bool is_below(const struct pp_checked_file *file, const char *folder, const char *end)
{
    size_t len = strlen(folder), end_len = strlen(end);
    return file->name.len > len + end_len && memcmp(file->name.data, folder, len) == 0 &&
           memcmp(file->name.data + file->name.len - end_len, end, end_len) == 0;
}

static void copy_name(const struct pp_checked_file *file, char out[PP_BUNDLE_NAME_BYTES])
{
    memcpy(out, file->name.data, file->name.len);
    out[file->name.len] = 0;
}

void pp_bundle_check_blobs(struct pp_bundle_verification *v)
{
    size_t count = 0;
    if (v->report->checks[PP_CHECK_TREE].status != PP_CHECK_OK)
        return;
    for (size_t i = 0; i < v->file_count; i++) {
        const struct pp_checked_file *file = &v->files[i];
        char name[PP_BUNDLE_NAME_BYTES], hex[2 * PP_DIGEST_BYTES + 1];
        if (!is_below(file, "data/blobs/", ""))
            continue;
        copy_name(file, name);
        pp_hex_encode(file->digest.b, PP_DIGEST_BYTES, hex);
        if (!file->seen || strcmp(name + strlen("data/blobs/"), hex) != 0) {
            pp_check_bad(v, PP_CHECK_BLOBS, "BLOB", name, "it is the body of no entry here");
            return;
        }
        count++;
    }
    pp_check_good(v, PP_CHECK_BLOBS, "%zu large bodies", count);
}

/* ---- Proofs of single entries ---- */

static bool check_proof(struct pp_bundle_verification *v, const char *name)
{
    char entry_name[PP_BUNDLE_NAME_BYTES];
    struct pp_buffer text = {0}, entry = {0};
    struct pp_tlog_proof *proof = malloc(sizeof *proof);
    struct pp_checkpoint checkpoint;
    size_t stem = strlen(name) - strlen(".tlog-proof");
    snprintf(entry_name, sizeof entry_name, "%.*s.entry", (int)stem, name);
    bool good =
        proof != NULL && pp_bundle_load(pp_bundle_find(v, name), PP_TLOG_PROOF_BYTES_MAX, &text) &&
        pp_bundle_load(pp_bundle_find(v, entry_name), PP_ENTRY_BYTES_MAX, &entry) &&
        pp_tlog_proof_parse((struct pp_bytes){text.data, text.len}, proof) == PP_OK &&
        pp_tlog_proof_check(proof, &v->trust.checkpoint, (struct pp_bytes){entry.data, entry.len},
                            &checkpoint) == PP_OK &&
        checkpoint.size == v->checkpoint.size &&
        pp_digest_equal(&checkpoint.root, &v->checkpoint.root);
    free(proof);
    pp_buffer_free(&text);
    pp_buffer_free(&entry);
    return good || pp_check_bad(v, PP_CHECK_PROOFS, "PROOF", name, "it does not prove its entry");
}

void pp_bundle_check_proofs(struct pp_bundle_verification *v)
{
    size_t proofs = 0, entries = 0;
    if (v->report->checks[PP_CHECK_CHECKPOINT].status != PP_CHECK_OK) {
        pp_check_skip(v, PP_CHECK_PROOFS, "NO_CHECKPOINT", "the checkpoint is not trusted");
        return;
    }
    for (size_t i = 0; i < v->file_count; i++) {
        char name[PP_BUNDLE_NAME_BYTES];
        entries += is_below(&v->files[i], "data/proofs/", ".entry");
        if (!is_below(&v->files[i], "data/proofs/", ".tlog-proof"))
            continue;
        copy_name(&v->files[i], name);
        if (!check_proof(v, name))
            return;
        proofs++;
    }
    if (proofs != entries)
        pp_check_bad(v, PP_CHECK_PROOFS, "PROOF", "data/proofs", "an entry there has no proof");
    else
        pp_check_good(v, PP_CHECK_PROOFS, "%zu proofs of single entries", proofs);
}

/* ---- Specifications ---- */

/* The file that a theorem names has the hash that it states. */
static bool same_file(struct pp_bundle_verification *v, const json_t *theorem, const char *path_key,
                      const char *hash_key)
{
    const char *path = json_string_value(json_object_get(theorem, path_key));
    const char *hash = json_string_value(json_object_get(theorem, hash_key));
    char name[PP_BUNDLE_NAME_BYTES], hex[2 * PP_DIGEST_BYTES + 1];
    snprintf(name, sizeof name, "data/spec/%s", path != NULL ? path : "");
    const struct pp_checked_file *file = pp_bundle_find(v, name);
    if (file != NULL)
        pp_hex_encode(file->digest.b, PP_DIGEST_BYTES, hex);
    if (file != NULL && hash != NULL && strcmp(hash, hex) == 0)
        return true;
    return pp_check_bad(v, PP_CHECK_SPECIFICATIONS, "SPECIFICATION", name,
                        "it is not the file that the proof manifest names");
}

static bool check_theorems(struct pp_bundle_verification *v, const json_t *theorems)
{
    const json_t *theorem;
    size_t i;
    json_array_foreach(theorems, i, theorem)
    {
        if (!same_file(v, theorem, "spec", "spec_sha256") ||
            !same_file(v, theorem, "proof", "proof_sha256"))
            return false;
    }
    return true;
}

static void hand_out_files(struct pp_bundle_verification *v)
{
    const struct pp_bundle_verify_options *options = v->options;
    struct pp_buffer content = {0};
    for (size_t i = 0; i < v->file_count && options->file != NULL; i++) {
        char name[PP_BUNDLE_NAME_BYTES];
        if (!is_below(&v->files[i], "data/spec/", ""))
            continue;
        copy_name(&v->files[i], name);
        if (!pp_bundle_load(&v->files[i], PP_BUNDLE_SMALL_FILE_MAX, &content) ||
            options->file(options->context, name + strlen("data/spec/"),
                          (struct pp_bytes){content.data, content.len}) != PP_OK)
            break;
    }
    pp_buffer_free(&content);
}

void pp_bundle_check_specifications(struct pp_bundle_verification *v)
{
    static const char place[] = "data/spec/proofs/manifest.json";
    struct pp_buffer text = {0};
    const struct pp_checked_file *file = pp_bundle_find(v, place);
    if (file == NULL) {
        pp_check_skip(v, PP_CHECK_SPECIFICATIONS, "NO_MANIFEST", "the bundle has no %s", place);
        return;
    }
    json_t *manifest = NULL;
    if (pp_bundle_load(file, PP_BUNDLE_SMALL_FILE_MAX, &text))
        manifest = json_loadb((char *)text.data, text.len, JSON_REJECT_DUPLICATES, NULL);
    const json_t *theorems = json_object_get(manifest, "theorems");
    if (!json_is_array(theorems))
        pp_check_bad(v, PP_CHECK_SPECIFICATIONS, "FORMAT", place, "it is no proof manifest");
    else if (check_theorems(v, theorems)) {
        pp_check_good(v, PP_CHECK_SPECIFICATIONS,
                      "%zu theorems, their statements and proofs have the hashes stated",
                      json_array_size(theorems));
        hand_out_files(v);
    }
    json_decref(manifest);
    pp_buffer_free(&text);
}

/* ---- Witnesses ---- */

void pp_bundle_check_witnesses(struct pp_bundle_verification *v)
{
    const struct pp_buffer *file = &v->trust.policy;
    struct pp_policy_result result;
    struct pp_failure failure;
    v->report->checks[PP_CHECK_WITNESSES].required = file->data != NULL;
    if (file->data == NULL) {
        pp_check_skip(v, PP_CHECK_WITNESSES, "NO_POLICY", "no policy in a trust root");
        return;
    }
    struct pp_policy *policy = calloc(1, sizeof *policy);
    struct pp_bytes note = {v->note.data, v->note.len};
    if (policy == NULL ||
        pp_policy_parse((struct pp_bytes){file->data, file->len}, policy, &failure) != PP_OK)
        pp_check_skip(v, PP_CHECK_WITNESSES, "POLICY_UNUSABLE", "the policy can't be read");
    else if (v->trust.has_checkpoint && !pp_policy_pin_log(policy, &v->trust.checkpoint))
        pp_check_skip(v, PP_CHECK_WITNESSES, "POLICY_UNUSABLE",
                      "the policy does not list this log");
    else if (pp_policy_check(policy, note, &result, &failure) == PP_OK)
        pp_check_good(v, PP_CHECK_WITNESSES, "%u witnesses cosigned the checkpoint",
                      result.witnesses);
    else if (failure.code == PP_ERROR_QUORUM)
        pp_check_skip(v, PP_CHECK_WITNESSES, "QUORUM", "%.240s", failure.text);
    else
        pp_check_bad(v, PP_CHECK_WITNESSES, "WITNESSES", "data/ledger/checkpoint", "%.240s",
                     failure.text);
    free(policy);
}
