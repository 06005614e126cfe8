/* SPDX-License-Identifier: MIT */
/* Making a bundle: the steps in order, the files around the evidence, and its durable name. */
#include "bundle_create.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "../bundle/bag.h"
#include "bundle_sign.h"
#include "dashboards.h"

enum {
    RESERVE_BYTES = 40 << 10, /* for window.json, signatures and the files of the bag */
    LINE_COST = 128,          /* of a file in the two manifests, without its name */
    SMALL_TEXT_BYTES = 8192
};

enum pp_error pp_creation_fail(struct pp_creation *creation, enum pp_error error, const char *what)
{
    if (error == PP_OK || creation->failure == NULL || creation->failure->code == error)
        return error;
    if (creation->reader != NULL && creation->reader->failure.code == error) {
        *creation->failure = creation->reader->failure;
        return error;
    }
    return pp_fail(creation->failure, error, 0, "%s: %s", what, pp_error_text(error));
}

uint64_t pp_creation_room(const struct pp_creation *creation)
{
    uint64_t used = RESERVE_BYTES;
    for (size_t i = 0; i < creation->pack.count; i++)
        used += pp_packed_cost(&creation->pack.file[i]) + LINE_COST +
                2 * strlen(creation->pack.file[i].name);
    return used < creation->limit ? creation->limit - used : 0;
}

enum pp_error pp_creation_seek(struct pp_creation *creation)
{
    return pp_ledger_reader_seek(creation->reader, creation->window.first_seq);
}

enum pp_error pp_creation_next(struct pp_creation *creation, struct pp_entry *entry)
{
    enum pp_error error = pp_ledger_reader_next(creation->reader, entry);
    return error == PP_OK && entry->seq >= creation->window.next_seq ? PP_ERROR_NOT_FOUND : error;
}

bool pp_creation_keeps(struct pp_creation *creation, const struct pp_entry *entry)
{
    const struct pp_tier *tier = pp_tiers_of(creation->tiers, entry);
    return tier != NULL && !tier->dropped;
}

/* ---- The checkpoint ---- */

/* The ledger's own, when it covers the window and its root is that of the tree. */
static enum pp_error take_checkpoint(struct pp_creation *creation, bool *covers)
{
    struct pp_buffer file = {0};
    struct pp_checkpoint checkpoint;
    *covers = false;
    enum pp_error error = pp_file_read(creation->reader->layout.dir, "checkpoint",
                                       PP_NOTE_BYTES_MAX, &file, creation->failure);
    struct pp_bytes note = {file.data, file.len};
    if (error == PP_OK && pp_checkpoint_parse(note, &checkpoint) == PP_OK &&
        checkpoint.size >= creation->window.next_seq && checkpoint.size <= creation->reader->size) {
        creation->tree_size = checkpoint.size;
        creation->note = malloc(note.len + 1);
        if (creation->note == NULL) {
            error = PP_ERROR_MEMORY;
        } else {
            memcpy(creation->note, note.data, note.len);
            creation->note_len = note.len;
            *covers = true;
        }
        error = error == PP_OK ? pp_ledger_reader_root(creation->reader, creation->tree_size,
                                                       &creation->tree_root)
                               : error;
        if (error == PP_OK && !pp_digest_equal(&creation->tree_root, &checkpoint.root))
            error = pp_fail(creation->failure, PP_ERROR_MISMATCH, 0,
                            "the checkpoint of %s does not have the tree's root; run `postproof "
                            "verify`",
                            creation->ledger);
    } else if (error == PP_ERROR_NOT_FOUND) {
        error = PP_OK;
    }
    pp_buffer_free(&file);
    return error;
}

/* A new one over everything sealed. */
static enum pp_error sign_checkpoint(struct pp_creation *creation)
{
    struct pp_note_signer *signer = pp_os_secret_alloc(sizeof *signer);
    creation->tree_size = creation->reader->size;
    creation->note = malloc(PP_CHECKPOINT_BYTES_MAX);
    if (signer == NULL || creation->note == NULL) {
        pp_os_secret_free(signer, sizeof *signer);
        return PP_ERROR_MEMORY;
    }
    enum pp_error error = pp_signer_load(creation->keys_folder, signer, creation->failure);
    if (error == PP_OK && strcmp(signer->key.name, creation->window.origin) != 0)
        error = pp_fail(creation->failure, PP_ERROR_WRONG_KEY, 0,
                        "the keys in %s belong to \"%s\", the ledger to \"%s\"",
                        creation->keys_folder, signer->key.name, creation->window.origin);
    if (error == PP_OK)
        error = pp_ledger_reader_root(creation->reader, creation->tree_size, &creation->tree_root);
    if (error == PP_OK)
        error = pp_checkpoint_sign(signer, creation->tree_size, &creation->tree_root,
                                   creation->note, &creation->note_len);
    pp_os_secret_free(signer, sizeof *signer);
    return error;
}

static enum pp_error find_checkpoint(struct pp_creation *creation)
{
    bool covers;
    enum pp_error error = take_checkpoint(creation, &covers);
    if (error == PP_OK && !covers)
        error = sign_checkpoint(creation);
    if (error == PP_OK)
        error =
            pp_pack_add(&creation->pack, "data/ledger/checkpoint",
                        (struct pp_bytes){(uint8_t *)creation->note, creation->note_len}, false);
    return pp_creation_fail(creation, error, "there is no checkpoint that covers the window");
}

/* ---- Files of fixed size ---- */

static enum pp_error add_given_files(struct pp_creation *creation)
{
    const struct pp_bundle_options *options = creation->options;
    enum pp_error error = PP_OK;
    for (size_t i = 0; i < options->file_count && error == PP_OK; i++) {
        char name[PP_BUNDLE_NAME_BYTES];
        snprintf(name, sizeof name, "data/spec/%s", options->files[i].name);
        error = pp_pack_add(&creation->pack, name, options->files[i].content, false);
    }
    return error;
}

static enum pp_error add_dashboard_files(struct pp_creation *creation,
                                         const struct pp_dashboards *dashboards,
                                         struct pp_dashboard_fault *fault)
{
    struct pp_buffer content = {0};
    enum pp_error error = PP_OK;
    for (size_t i = 0; i < PP_DASHBOARD_FILE_COUNT && error == PP_OK; i++) {
        char name[PP_BUNDLE_NAME_BYTES];
        enum pp_dashboard_file file = (enum pp_dashboard_file)i;
        snprintf(name, sizeof name, PP_BUNDLE_DASHBOARDS "%s", pp_dashboard_file_path(file));
        error = pp_dashboards_write(dashboards, file, &content, fault);
        if (error == PP_OK)
            error = pp_pack_add(&creation->pack, name, (struct pp_bytes){content.data, content.len},
                                false);
    }
    pp_buffer_free(&content);
    return error;
}

static enum pp_error add_dashboards(struct pp_creation *creation)
{
    const struct pp_bundle_options *options = creation->options;
    struct pp_dashboards dashboards;
    struct pp_dashboard_fault fault = {1, 1, ""};
    if (options->invariants.len == 0)
        return PP_OK;
    enum pp_error error =
        pp_dashboards_load(&dashboards, options->invariants, options->files, options->file_count,
                           PP_DASHBOARDS_INTERVAL_MS, &fault, creation->failure);
    if (error == PP_OK)
        error = add_dashboard_files(creation, &dashboards, &fault);
    if (error == PP_ERROR_FORMAT)
        error = pp_fail(creation->failure, error, 0, "the invariants, line %" PRIu32 ": %s",
                        fault.line, fault.text);
    creation->report->invariants = dashboards.set.count;
    pp_dashboards_free(&dashboards);
    return error;
}

static enum pp_error add_fixed_files(struct pp_creation *creation)
{
    const struct pp_bundle_options *options = creation->options;
    uint8_t bytes[SMALL_TEXT_BYTES];
    struct pp_bundle_text text = {bytes, sizeof bytes, 0};
    enum pp_error error =
        pp_bag_info(pp_bytes_of(creation->window.origin),
                    pp_bytes_of(options->title != NULL ? options->title : ""),
                    pp_bytes_of(options->incident_id != NULL ? options->incident_id : ""), &text);
    if (error == PP_OK)
        error = pp_pack_add(&creation->pack, "bag-info.txt", (struct pp_bytes){text.data, text.len},
                            false);
    if (error == PP_OK)
        error = pp_pack_add(&creation->pack, "bagit.txt", pp_bytes_of(pp_bag_declaration), false);
    if (error == PP_OK)
        error = pp_pack_add(&creation->pack, "data/README.txt", pp_bytes_of(pp_bag_readme), false);
    if (error == PP_OK)
        error = add_given_files(creation);
    if (error == PP_OK)
        error = add_dashboards(creation);
    error = pp_creation_fail(creation, error, "the fixed files can't be packed");
    return error == PP_OK ? pp_creation_environment(creation) : error;
}

static enum pp_error add_seals(struct pp_creation *creation)
{
    struct pp_packed *file = pp_pack_new(&creation->pack);
    creation->report->seals = creation->window.seals;
    if (file == NULL)
        return pp_creation_fail(creation, PP_ERROR_MEMORY, "no memory for the seals");
    return pp_window_seals(creation->reader, &creation->window, file, &creation->report->seals_kept,
                           creation->failure);
}

/* ---- Manifests and signatures ---- */

static int compare_lines(const void *a, const void *b)
{
    const struct pp_bundle_line *left = a, *right = b;
    return pp_bundle_name_compare(left->name, right->name);
}

/* Lines of the files that `wanted` says yes to, sorted; for free(). */
static struct pp_bundle_line *collect_lines(const struct pp_creation *creation,
                                            bool (*wanted)(struct pp_bytes), size_t *count)
{
    struct pp_bundle_line *lines = calloc(creation->pack.count + 1, sizeof *lines);
    *count = 0;
    for (size_t i = 0; lines != NULL && i < creation->pack.count; i++) {
        const struct pp_packed *file = &creation->pack.file[i];
        if (wanted(pp_bytes_of(file->name)))
            lines[(*count)++] =
                (struct pp_bundle_line){pp_bytes_of(file->name), file->bytes, file->digest};
    }
    if (lines != NULL)
        qsort(lines, *count, sizeof *lines, compare_lines);
    return lines;
}

static bool is_tagged(struct pp_bytes name)
{
    return !pp_bag_is_payload(name);
}

/* One of the two text manifests. */
static enum pp_error add_bag_manifest(struct pp_creation *creation, const char *name,
                                      bool (*wanted)(struct pp_bytes), struct pp_bundle_text *text)
{
    size_t count;
    struct pp_bundle_line *lines = collect_lines(creation, wanted, &count);
    enum pp_error error = lines != NULL ? PP_OK : PP_ERROR_MEMORY;
    text->len = 0;
    for (size_t i = 0; i < count && error == PP_OK; i++)
        error = pp_bag_line(&lines[i], text);
    free(lines);
    if (error == PP_OK)
        error = pp_pack_add(&creation->pack, name, (struct pp_bytes){text->data, text->len}, false);
    return error;
}

static enum pp_error sign_manifest(struct pp_creation *creation, struct pp_bytes manifest)
{
    uint8_t bytes[PP_SSHSIG_BYTES_MAX];
    struct pp_bundle_text armored = {bytes, sizeof bytes, 0};
    char *evidence = NULL;
    creation->report->manifest_root = pp_sha256(manifest);
    enum pp_error error =
        pp_bundle_sign(creation->keys_folder, &creation->report->manifest_root,
                       creation->window_json, creation->options, &evidence, creation->failure);
    if (error == PP_OK)
        error =
            pp_pack_add(&creation->pack, "evidence.sigstore.json", pp_bytes_of(evidence), false);
    free(evidence);
    if (error == PP_OK)
        error = pp_ssh_sign(creation->keys_folder, manifest, &armored, creation->failure);
    if (error == PP_OK)
        error = pp_pack_add(&creation->pack, "manifest.ppb.sig",
                            (struct pp_bytes){armored.data, armored.len}, false);
    return error;
}

static enum pp_error add_manifest(struct pp_creation *creation, struct pp_bundle_text *text)
{
    size_t count;
    struct pp_bundle_line *lines = collect_lines(creation, pp_bag_is_listed, &count);
    text->len = 0;
    enum pp_error error = lines != NULL ? pp_bundle_manifest(lines, count, text) : PP_ERROR_MEMORY;
    free(lines);
    struct pp_bytes manifest = {text->data, text->len};
    if (error == PP_OK)
        error = pp_pack_add(&creation->pack, "manifest.ppb", manifest, false);
    return error == PP_OK ? sign_manifest(creation, manifest) : error;
}

static enum pp_error seal_bag(struct pp_creation *creation)
{
    size_t cap = (creation->pack.count + 8) * (2 * PP_ZIP_NAME_BYTES_MAX);
    struct pp_bundle_text text = {malloc(cap), cap, 0};
    enum pp_error error = text.data == NULL ? PP_ERROR_MEMORY
                                            : add_bag_manifest(creation, "manifest-sha256.txt",
                                                               pp_bag_is_payload, &text);
    if (error == PP_OK)
        error = add_manifest(creation, &text);
    if (error == PP_OK)
        error = add_bag_manifest(creation, "tagmanifest-sha256.txt", is_tagged, &text);
    free(text.data);
    return pp_creation_fail(creation, error, "the bundle can't be signed");
}

/* ---- The file ---- */

static enum pp_error write_durably(struct pp_creation *creation, const char *temporary)
{
    int fd = pp_os_open(PP_OS_CWD, temporary, PP_OS_CREATE);
    if (fd < 0)
        return pp_fail(creation->failure, PP_ERROR_IO, -fd, "%s can't be made", temporary);
    enum pp_error error = pp_pack_write(&creation->pack, creation->window.until_ns, fd,
                                        &creation->report->bytes, creation->failure);
    int result = error == PP_OK ? pp_os_sync(fd) : 0;
    pp_os_close(fd);
    if (result < 0)
        error =
            pp_fail(creation->failure, PP_ERROR_IO, -result, "%s can't be made durable", temporary);
    if (error == PP_OK && creation->report->bytes > creation->limit)
        error = pp_fail(creation->failure, PP_ERROR_TOO_LARGE, 0,
                        "the bundle would have %" PRIu64 " bytes: raise --max-bytes",
                        creation->report->bytes);
    return error;
}

/* A bundle that does not verify never gets its name.  The trust root is the folder of the keys. */
static enum pp_error verify_it(struct pp_creation *creation, const char *temporary)
{
    const struct pp_bundle_verify_options options = {.trust_root = creation->keys_folder};
    struct pp_bundle_verify_report *report = calloc(1, sizeof *report);
    if (report == NULL)
        return pp_creation_fail(creation, PP_ERROR_MEMORY, "no memory to verify the bundle");
    pp_bundle_verify(temporary, &options, report);
    enum pp_error error = PP_OK;
    for (size_t i = 0; i < PP_BUNDLE_CHECK_COUNT && error == PP_OK; i++) {
        const struct pp_check_outcome *check = &report->checks[i];
        if (check->status == PP_CHECK_BAD || (check->status == PP_CHECK_SKIPPED && check->required))
            error = pp_fail(creation->failure, PP_ERROR_MISMATCH, 0,
                            "the bundle that was made does not verify (%s: %s); run `postproof "
                            "verify %s`",
                            pp_bundle_check_name((enum pp_bundle_check)i), check->text,
                            creation->ledger);
    }
    free(report);
    return error;
}

static enum pp_error publish(struct pp_creation *creation, const char *temporary,
                             const char *output)
{
    int result = pp_os_rename(PP_OS_CWD, temporary, output);
    if (result == 0)
        result = pp_sync_parent(output);
    return result == 0
               ? PP_OK
               : pp_fail(creation->failure, PP_ERROR_IO, -result, "%s can't be made", output);
}

static enum pp_error write_bundle(struct pp_creation *creation, const char *output)
{
    char temporary[4096];
    int len = snprintf(temporary, sizeof temporary, "%s.tmp", output);
    if (len < 0 || (size_t)len >= sizeof temporary)
        return pp_fail(creation->failure, PP_ERROR_ARGUMENT, 0, "the name %.64s... is too long",
                       output);
    (void)pp_os_remove(PP_OS_CWD, temporary); /* left by a crash */
    pp_pack_sort(&creation->pack);
    enum pp_error error = write_durably(creation, temporary);
    if (error == PP_OK)
        error = verify_it(creation, temporary);
    if (error == PP_OK)
        error = publish(creation, temporary, output);
    if (error != PP_OK)
        (void)pp_os_remove(PP_OS_CWD, temporary);
    return error;
}

/* ---- All of it ---- */

static enum pp_error refuse_existing(const char *output, struct pp_failure *failure)
{
    int fd = pp_os_open(PP_OS_CWD, output, PP_OS_READ);
    if (fd == -ENOENT)
        return PP_OK;
    if (fd >= 0)
        pp_os_close(fd);
    return pp_fail(failure, PP_ERROR_EXISTS, 0,
                   "%s exists already: evidence is never overwritten; name another file", output);
}

static enum pp_error run(struct pp_creation *creation, const char *output)
{
    enum pp_error error =
        pp_window_find(creation->reader, creation->options, &creation->window, creation->failure);
    if (error == PP_OK)
        error = find_checkpoint(creation);
    if (error == PP_OK)
        error = add_fixed_files(creation);
    if (error == PP_OK)
        error = add_seals(creation);
    if (error == PP_OK)
        error = pp_creation_count(creation);
    if (error == PP_OK)
        error = pp_creation_entries(creation);
    if (error == PP_OK)
        error = pp_creation_assessment(creation);
    if (error == PP_OK)
        error = pp_creation_proofs(creation);
    if (error == PP_OK)
        error = pp_creation_blobs(creation);
    if (error == PP_OK)
        error = pp_creation_views(creation);
    if (error == PP_OK)
        error = pp_creation_describe(creation);
    if (error == PP_OK)
        error = seal_bag(creation);
    return error == PP_OK ? write_bundle(creation, output) : error;
}

static void fill_report(struct pp_creation *creation)
{
    struct pp_bundle_report *report = creation->report;
    report->max_bytes = creation->limit;
    report->from_ns = creation->window.from_ns;
    report->until_ns = creation->window.until_ns;
    report->first_seq = creation->window.first_seq;
    report->next_seq = creation->window.next_seq;
    report->tree_size = creation->tree_size;
    report->has_timestamp = creation->options->timestamp != NULL;
}

static void clean_up(struct pp_creation *creation)
{
    pp_ledger_reader_close(creation->reader);
    pp_pack_free(&creation->pack);
    pp_tiers_free(creation->tiers);
    json_decref(creation->window_json);
    free(creation->ranges);
    free(creation->note);
}

static void set_keys_folder(struct pp_creation *creation)
{
    const char *keys = creation->options->keys_folder;
    size_t cap = sizeof creation->keys_folder;
    int len = keys != NULL ? snprintf(creation->keys_folder, cap, "%s", keys)
                           : snprintf(creation->keys_folder, cap, "%s/keys", creation->ledger);
    if (len < 0 || (size_t)len >= cap)
        creation->keys_folder[0] = 0; /* opening it then fails with a reason */
}

enum pp_error pp_bundle_create(const char *ledger, const struct pp_bundle_options *options,
                               const char *output, struct pp_bundle_report *report,
                               struct pp_failure *failure)
{
    struct pp_os_clock start, end;
    pp_os_clock_read(&start);
    memset(report, 0, sizeof *report);
    *failure = (struct pp_failure){0};
    struct pp_creation *creation = calloc(1, sizeof *creation);
    if (creation == NULL)
        return pp_fail(failure, PP_ERROR_MEMORY, 0, "no memory for the bundle");
    creation->ledger = ledger;
    creation->options = options;
    creation->report = report;
    creation->failure = failure;
    creation->limit = options->max_bytes != 0 ? options->max_bytes : PP_BUNDLE_BYTES_DEFAULT;
    creation->tiers = pp_tiers_new();
    set_keys_folder(creation);
    enum pp_error error = creation->tiers != NULL
                              ? refuse_existing(output, failure)
                              : pp_fail(failure, PP_ERROR_MEMORY, 0, "no memory for the bundle");
    if (error == PP_OK)
        error = pp_ledger_reader_open(ledger, &creation->reader, failure);
    if (error == PP_OK)
        error = run(creation, output);
    fill_report(creation);
    clean_up(creation);
    free(creation);
    pp_os_clock_read(&end);
    report->time_ns = end.monotonic_ns - start.monotonic_ns;
    return error;
}
