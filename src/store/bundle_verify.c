/* SPDX-License-Identifier: MIT */
/* The verdict on a bundle: container, bag, signatures; the other files have the rest
   (docs/format/bundle.md section 10). */
#include "bundle_verify.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CHUNK_BYTES = 1 << 16, HASH_TEXT_BYTES = 128 };

#define CHECK_NAME(name, text) [name] = text,
static const char *const check_names[PP_BUNDLE_CHECK_COUNT] = {PP_BUNDLE_CHECK_TABLE(CHECK_NAME)};

const char *pp_bundle_check_name(enum pp_bundle_check check)
{
    return (unsigned)check < PP_BUNDLE_CHECK_COUNT ? check_names[check] : "?";
}

/* ---- Outcomes ---- */

static void set_outcome(struct pp_bundle_verification *v, enum pp_bundle_check check,
                        enum pp_check_status status, const char *code, const char *format,
                        va_list arguments)
{
    struct pp_check_outcome *outcome = &v->report->checks[check];
    if (outcome->status == PP_CHECK_BAD) /* the first reason counts */
        return;
    outcome->status = status;
    outcome->code = code;
    vsnprintf(outcome->text, sizeof outcome->text, format, arguments);
}

void pp_check_good(struct pp_bundle_verification *v, enum pp_bundle_check check, const char *format,
                   ...)
{
    va_list arguments;
    va_start(arguments, format);
    set_outcome(v, check, PP_CHECK_OK, "", format, arguments);
    va_end(arguments);
}

bool pp_check_bad(struct pp_bundle_verification *v, enum pp_bundle_check check, const char *code,
                  const char *place, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    set_outcome(v, check, PP_CHECK_BAD, code, format, arguments);
    va_end(arguments);
    if (v->report->place[0] == 0)
        snprintf(v->report->place, sizeof v->report->place, "%s", place);
    return false;
}

bool pp_check_skip(struct pp_bundle_verification *v, enum pp_bundle_check check, const char *code,
                   const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    set_outcome(v, check, PP_CHECK_SKIPPED, code, format, arguments);
    va_end(arguments);
    return false;
}

/* ---- Files ---- */

struct pp_checked_file *pp_bundle_find(const struct pp_bundle_verification *v, const char *name)
{
    struct pp_bytes wanted = pp_bytes_of(name);
    for (size_t i = 0; i < v->file_count; i++)
        if (pp_bundle_name_compare(v->files[i].name, wanted) == 0)
            return &v->files[i];
    return NULL;
}

bool pp_bundle_load(const struct pp_checked_file *file, size_t limit, struct pp_buffer *content)
{
    struct pp_unpacker unpacker;
    size_t len = 1;
    content->len = 0;
    if (file == NULL || file->entry.bytes > limit ||
        !pp_buffer_reserve(content, (size_t)file->entry.bytes + 1))
        return false;
    enum pp_zip_fault fault = pp_unpacker_begin(&unpacker, &file->entry);
    while (fault == PP_ZIP_OK && len > 0) {
        fault = pp_unpacker_read(&unpacker, content->data + content->len,
                                 content->cap - content->len, &len);
        content->len += fault == PP_ZIP_OK ? len : 0;
    }
    pp_unpacker_end(&unpacker);
    return fault == PP_ZIP_OK;
}

/* ---- Container ---- */

static bool fault(struct pp_bundle_verification *v, enum pp_zip_fault which, struct pp_bytes name)
{
    char place[PP_BUNDLE_NAME_BYTES + 8] = "";
    for (size_t i = 0; i < name.len && i < PP_BUNDLE_NAME_BYTES; i++)
        place[i] = name.data[i] >= 0x20 && name.data[i] < 0x7F ? (char)name.data[i] : '?';
    return pp_check_bad(v, PP_CHECK_CONTAINER, pp_zip_fault_code(which), place, "%s",
                        pp_zip_fault_text(which));
}

/* Inflates and hashes a file. */
static enum pp_zip_fault hash_file(struct pp_checked_file *file, uint8_t *chunk)
{
    struct pp_unpacker unpacker;
    struct pp_sha256_stream hash;
    size_t len = 1;
    pp_sha256_init(&hash);
    enum pp_zip_fault found = pp_unpacker_begin(&unpacker, &file->entry);
    while (found == PP_ZIP_OK && len > 0) {
        found = pp_unpacker_read(&unpacker, chunk, CHUNK_BYTES, &len);
        if (found == PP_ZIP_OK)
            pp_sha256_update(&hash, (struct pp_bytes){chunk, len});
    }
    pp_unpacker_end(&unpacker);
    file->digest = pp_sha256_final(&hash);
    return found;
}

static enum pp_zip_fault take_file(struct pp_bundle_verification *v,
                                   const struct pp_zip_entry *entry, uint8_t *chunk)
{
    size_t folder = strlen(PP_BUNDLE_FOLDER);
    struct pp_checked_file *file = &v->files[v->file_count];
    if (entry->name.len <= folder || memcmp(entry->name.data, PP_BUNDLE_FOLDER, folder) != 0)
        return PP_ZIP_UNKNOWN_NAME;
    *file = (struct pp_checked_file){.entry = *entry,
                                     .name = {entry->name.data + folder, entry->name.len - folder}};
    if (!pp_bag_knows(file->name))
        return PP_ZIP_UNKNOWN_NAME;
    v->file_count++;
    return hash_file(file, chunk);
}

/* zip-sha256.txt is the last file, and has the hash of everything before it. */
static enum pp_zip_fault check_hash_file(struct pp_bundle_verification *v)
{
    char hex[2 * PP_DIGEST_BYTES + 1], wanted[HASH_TEXT_BYTES];
    if (v->file_count == 0)
        return PP_ZIP_MISSING;
    const struct pp_checked_file *last = &v->files[v->file_count - 1];
    if (pp_bundle_name_compare(last->name, pp_bytes_of(PP_BUNDLE_ZIP_HASH_FILE)) != 0)
        return PP_ZIP_MISSING;
    struct pp_digest digest = pp_sha256((struct pp_bytes){v->file.data, last->entry.offset});
    pp_hex_encode(digest.b, sizeof digest.b, hex);
    int len = snprintf(wanted, sizeof wanted, "%s  bytes 0 to %u\n", hex, last->entry.offset);
    bool same = last->entry.method == PP_ZIP_STORED && last->entry.packed.len == (size_t)len &&
                memcmp(last->entry.packed.data, wanted, (size_t)len) == 0;
    return same ? PP_ZIP_OK : PP_ZIP_HASH;
}

static const char *missing_file(const struct pp_bundle_verification *v)
{
    static const char *const needed[] = {
        "bag-info.txt",          "bagit.txt",
        "data/README.txt",       "data/entries/entries.ppe",
        "data/environment.json", "data/ledger/checkpoint",
        "data/ledger/seals.ppf", "data/ledger/window.tree",
        "data/window.json",      "evidence.sigstore.json",
        "manifest-sha256.txt",   "manifest.ppb",
        "manifest.ppb.sig",      "tagmanifest-sha256.txt",
    };
    for (size_t i = 0; i < sizeof needed / sizeof needed[0]; i++)
        if (pp_bundle_find(v, needed[i]) == NULL)
            return needed[i];
    return NULL;
}

static enum pp_zip_fault read_all(struct pp_bundle_verification *v, struct pp_bytes *name)
{
    struct pp_zip_reader reader;
    struct pp_zip_entry entry = {.name = {NULL, 0}};
    bool more = true;
    uint8_t *chunk = malloc(CHUNK_BYTES);
    enum pp_zip_fault found = pp_zip_open(v->file, &reader);
    v->files = found == PP_ZIP_OK ? calloc(reader.count + 1, sizeof *v->files) : NULL;
    while (found == PP_ZIP_OK && chunk != NULL && v->files != NULL) {
        found = pp_zip_next(&reader, &entry, &more);
        if (!more)
            break;
        if (found == PP_ZIP_OK)
            found = take_file(v, &entry, chunk);
    }
    *name = found == PP_ZIP_OK ? (struct pp_bytes){NULL, 0} : entry.name;
    free(chunk);
    return found == PP_ZIP_OK && v->files == NULL ? PP_ZIP_DATA : found;
}

static bool check_container(struct pp_bundle_verification *v)
{
    struct pp_bytes name;
    enum pp_zip_fault found = read_all(v, &name);
    if (found != PP_ZIP_OK)
        return fault(v, found, name);
    found = check_hash_file(v);
    if (found != PP_ZIP_OK)
        return fault(v, found, pp_bytes_of(PP_BUNDLE_FOLDER PP_BUNDLE_ZIP_HASH_FILE));
    const char *missing = missing_file(v);
    if (missing != NULL)
        return fault(v, PP_ZIP_MISSING, pp_bytes_of(missing));
    v->report->files = v->file_count;
    pp_check_good(v, PP_CHECK_CONTAINER, "%zu files, every byte accounted for", v->file_count);
    return true;
}

/* ---- Bag and manifest ---- */

static int compare_lines(const void *a, const void *b)
{
    const struct pp_bundle_line *left = a, *right = b;
    return pp_bundle_name_compare(left->name, right->name);
}

static bool is_tagged(struct pp_bytes name)
{
    return !pp_bag_is_payload(name) &&
           pp_bundle_name_compare(name, pp_bytes_of("tagmanifest-sha256.txt")) != 0 &&
           pp_bundle_name_compare(name, pp_bytes_of(PP_BUNDLE_ZIP_HASH_FILE)) != 0;
}

/* The text of a manifest of BagIt, or manifest.ppb where binary. */
static bool make_manifest(const struct pp_bundle_verification *v, bool (*wanted)(struct pp_bytes),
                          bool binary, struct pp_bundle_text *text)
{
    size_t count = 0;
    struct pp_bundle_line *lines = calloc(v->file_count, sizeof *lines);
    for (size_t i = 0; lines != NULL && i < v->file_count; i++)
        if (wanted(v->files[i].name))
            lines[count++] = (struct pp_bundle_line){v->files[i].name, v->files[i].entry.bytes,
                                                     v->files[i].digest};
    enum pp_error error = lines != NULL ? PP_OK : PP_ERROR_MEMORY;
    if (error == PP_OK)
        qsort(lines, count, sizeof *lines, compare_lines);
    text->len = 0;
    if (error == PP_OK && binary)
        error = pp_bundle_manifest(lines, count, text);
    for (size_t i = 0; i < count && error == PP_OK && !binary; i++)
        error = pp_bag_line(&lines[i], text);
    free(lines);
    return error == PP_OK;
}

/* A file that the verifier makes again must be the same. */
static bool same_content(struct pp_bundle_verification *v, const char *name,
                         const struct pp_bundle_text *text)
{
    const struct pp_checked_file *file = pp_bundle_find(v, name);
    struct pp_digest digest = pp_sha256((struct pp_bytes){text->data, text->len});
    if (file->entry.bytes == text->len && pp_digest_equal(&file->digest, &digest))
        return true;
    return pp_check_bad(v, PP_CHECK_BAG, "MANIFEST", name,
                        "it does not list the files as they are");
}

static bool check_bag(struct pp_bundle_verification *v)
{
    size_t cap = (v->file_count + 8) * (2 * PP_ZIP_NAME_BYTES_MAX);
    struct pp_bundle_text text = {malloc(cap), cap, 0};
    struct pp_bundle_text declaration = {(uint8_t *)(uintptr_t)pp_bag_declaration, 0,
                                         strlen(pp_bag_declaration)};
    bool good = text.data != NULL && same_content(v, "bagit.txt", &declaration) &&
                make_manifest(v, pp_bag_is_payload, false, &text) &&
                same_content(v, "manifest-sha256.txt", &text) &&
                make_manifest(v, is_tagged, false, &text) &&
                same_content(v, "tagmanifest-sha256.txt", &text) &&
                make_manifest(v, pp_bag_is_listed, true, &text) &&
                same_content(v, "manifest.ppb", &text);
    if (good) {
        v->report->manifest_root = pp_sha256((struct pp_bytes){text.data, text.len});
        pp_check_good(v, PP_CHECK_BAG, "BagIt manifests and manifest.ppb list exactly these files");
    }
    free(text.data);
    return good;
}

/* ---- Trust ---- */

static void load_optional(const char *folder, const char *name, struct pp_buffer *content)
{
    char path[4096];
    struct pp_failure failure;
    int len = snprintf(path, sizeof path, "%s/%s", folder, name);
    if (len < 0 || (size_t)len >= sizeof path ||
        pp_file_read(PP_OS_CWD, path, PP_BUNDLE_SMALL_FILE_MAX, content, &failure) != PP_OK)
        pp_buffer_free(content);
}

static void load_trust(struct pp_bundle_verification *v)
{
    const char *folder = v->options->trust_root;
    struct pp_buffer key = {0};
    if (folder == NULL)
        return;
    load_optional(folder, PP_CHECKPOINT_PUB_FILE, &key);
    v->trust.has_checkpoint =
        key.data != NULL &&
        pp_note_key_parse((struct pp_bytes){key.data, key.len}, &v->trust.checkpoint) == PP_OK;
    pp_buffer_free(&key);
    load_optional(folder, PP_BUNDLE_PUB_FILE, &v->trust.bundle_pub);
    load_optional(folder, PP_BUNDLE_ALLOWED_SIGNERS_FILE, &v->trust.allowed_signers);
    load_optional(folder, "tsa.pem", &v->trust.tsa);
    load_optional(folder, "policy", &v->trust.policy);
}

static bool load_verify_key(struct pp_bundle_verification *v)
{
    struct pp_failure failure;
    struct pp_buffer text = {0};
    const char *path = v->options->verify_key;
    if (path == NULL)
        return pp_check_skip(v, PP_CHECK_TAGS, "NO_KEY", "no --verify-key");
    v->report->checks[PP_CHECK_TAGS].required = true;
    v->trust.verify = pp_os_secret_alloc(sizeof *v->trust.verify);
    bool good =
        v->trust.verify != NULL &&
        pp_file_read(PP_OS_CWD, path, PP_VERIFY_KEY_TEXT_BYTES, &text, &failure) == PP_OK &&
        pp_verification_key_parse((struct pp_bytes){text.data, text.len}, v->trust.verify) == PP_OK;
    if (text.data != NULL)
        memset(text.data, 0, text.len);
    pp_buffer_free(&text);
    if (good)
        return true;
    pp_os_secret_free(v->trust.verify, sizeof *v->trust.verify);
    v->trust.verify = NULL;
    return pp_check_skip(v, PP_CHECK_TAGS, "KEY_UNUSABLE",
                         "%.180s is no verification key, or can't be read", path);
}

/* ---- Signatures ---- */

/* The statement is about this manifest and this window. */
static bool check_statement(struct pp_bundle_verification *v, struct pp_bytes payload)
{
    json_t *found = json_loadb((const char *)payload.data, payload.len, 0, NULL);
    json_t *wanted = pp_statement_json(&v->report->manifest_root, v->window);
    bool same = found != NULL && wanted != NULL && json_equal(found, wanted) == 1;
    json_decref(found);
    json_decref(wanted);
    return same || pp_check_bad(v, PP_CHECK_SIGNATURE, "STATEMENT", "evidence.sigstore.json",
                                "what it signs is another manifest or window");
}

static void check_timestamp(struct pp_bundle_verification *v, const struct pp_evidence *evidence)
{
    const char *why;
    uint64_t time_s = 0;
    struct pp_buffer *tsa = &v->trust.tsa;
    v->report->checks[PP_CHECK_TIMESTAMP].required = tsa->data != NULL;
    if (tsa->data == NULL) {
        pp_check_skip(v, PP_CHECK_TIMESTAMP, "NO_TSA",
                      evidence->timestamp.len == 0 ? "the bundle has none"
                                                   : "no tsa.pem in the trust root");
    } else if (evidence->timestamp.len == 0) {
        pp_check_skip(v, PP_CHECK_TIMESTAMP, "NO_TIMESTAMP", "the bundle has none");
    } else if (pp_timestamp_verify(evidence->timestamp, evidence->signature,
                                   (struct pp_bytes){tsa->data, tsa->len}, &time_s, &why)) {
        v->report->timestamp_s = time_s;
        pp_check_good(v, PP_CHECK_TIMESTAMP, "signed before the time that the TSA vouches for");
    } else {
        pp_check_bad(v, PP_CHECK_TIMESTAMP, "TIMESTAMP", "evidence.sigstore.json", "%s", why);
    }
}

static bool check_signature(struct pp_bundle_verification *v, const struct pp_evidence *evidence)
{
    const char *why;
    struct pp_bytes pem = {v->trust.bundle_pub.data, v->trust.bundle_pub.len};
    if (!check_statement(v, evidence->payload))
        return false;
    if (pem.data == NULL)
        return pp_check_skip(v, PP_CHECK_SIGNATURE, "NO_TRUST_ROOT",
                             "no " PP_BUNDLE_PUB_FILE " in a trust root");
    if (!pp_evidence_verify(evidence, pem, &why))
        return pp_check_bad(v, PP_CHECK_SIGNATURE, "SIGNATURE", "evidence.sigstore.json", "%s",
                            why);
    pp_check_good(v, PP_CHECK_SIGNATURE, "DSSE over this manifest by " PP_BUNDLE_PUB_FILE);
    return true;
}

static void check_evidence(struct pp_bundle_verification *v)
{
    struct pp_buffer text = {0};
    struct pp_evidence evidence;
    if (!pp_bundle_load(pp_bundle_find(v, "evidence.sigstore.json"), PP_BUNDLE_SMALL_FILE_MAX,
                        &text) ||
        !pp_evidence_parse((struct pp_bytes){text.data, text.len}, &evidence)) {
        pp_check_bad(v, PP_CHECK_SIGNATURE, "FORMAT", "evidence.sigstore.json",
                     "it is no Sigstore bundle as postproof writes it");
    } else {
        check_signature(v, &evidence);
        check_timestamp(v, &evidence);
        pp_evidence_free(&evidence);
    }
    pp_buffer_free(&text);
}

static void check_ssh(struct pp_bundle_verification *v)
{
    struct pp_buffer armored = {0}, manifest = {0};
    const struct pp_buffer *allowed = &v->trust.allowed_signers;
    const char *why = "it can't be read";
    v->report->checks[PP_CHECK_SSH_SIGNATURE].required = allowed->data != NULL;
    if (allowed->data == NULL) {
        pp_check_skip(v, PP_CHECK_SSH_SIGNATURE, "NO_SIGNERS",
                      "no " PP_BUNDLE_ALLOWED_SIGNERS_FILE " in a trust root");
        return;
    }
    bool good =
        pp_bundle_load(pp_bundle_find(v, "manifest.ppb.sig"), PP_SSHSIG_BYTES_MAX, &armored) &&
        pp_bundle_load(pp_bundle_find(v, "manifest.ppb"), PP_BUNDLE_SMALL_FILE_MAX, &manifest) &&
        pp_ssh_verify((struct pp_bytes){armored.data, armored.len},
                      (struct pp_bytes){manifest.data, manifest.len},
                      (struct pp_bytes){allowed->data, allowed->len}, v->report->origin, &why);
    if (good)
        pp_check_good(v, PP_CHECK_SSH_SIGNATURE, "SSHSIG over manifest.ppb by an allowed signer");
    else
        pp_check_bad(v, PP_CHECK_SSH_SIGNATURE, "SSH_SIGNATURE", "manifest.ppb.sig", "%s", why);
    pp_buffer_free(&armored);
    pp_buffer_free(&manifest);
}

/* ---- Checkpoint ---- */

/* The note must have its form in any case: the tree is compared with it. */
static bool check_checkpoint(struct pp_bundle_verification *v)
{
    static const char place[] = "data/ledger/checkpoint";
    bool good = pp_bundle_load(pp_bundle_find(v, place), PP_NOTE_BYTES_MAX, &v->note) &&
                pp_checkpoint_parse((struct pp_bytes){v->note.data, v->note.len}, &v->checkpoint) ==
                    PP_OK &&
                v->checkpoint.origin.len <= PP_ORIGIN_BYTES_MAX;
    if (!good)
        return pp_check_bad(v, PP_CHECK_CHECKPOINT, "FORMAT", place, "it is no C2SP checkpoint");
    memcpy(v->report->origin, v->checkpoint.origin.data, v->checkpoint.origin.len);
    v->report->tree_size = v->checkpoint.size;
    if (!v->trust.has_checkpoint) {
        pp_check_skip(v, PP_CHECK_CHECKPOINT, "NO_TRUST_ROOT",
                      "no " PP_CHECKPOINT_PUB_FILE " in a trust root");
        return true;
    }
    struct pp_checkpoint opened;
    enum pp_error error = pp_checkpoint_open((struct pp_bytes){v->note.data, v->note.len},
                                             &v->trust.checkpoint, &opened);
    if (error == PP_OK)
        pp_check_good(v, PP_CHECK_CHECKPOINT, "signed by " PP_CHECKPOINT_PUB_FILE ", %llu entries",
                      (unsigned long long)v->checkpoint.size);
    else
        pp_check_bad(v, PP_CHECK_CHECKPOINT, "CHECKPOINT", place,
                     "it is not signed by " PP_CHECKPOINT_PUB_FILE " (%s)", pp_error_text(error));
    return true;
}

/* ---- All of it ---- */

static bool load_window(struct pp_bundle_verification *v)
{
    struct pp_buffer text = {0};
    if (pp_bundle_load(pp_bundle_find(v, "data/window.json"), PP_BUNDLE_SMALL_FILE_MAX, &text))
        v->window = json_loadb((char *)text.data, text.len, JSON_REJECT_DUPLICATES, NULL);
    pp_buffer_free(&text);
    if (json_is_object(v->window))
        return true;
    return pp_check_bad(v, PP_CHECK_WINDOW, "FORMAT", "data/window.json", "it is no JSON object");
}

static void check_contents(struct pp_bundle_verification *v)
{
    if (!check_bag(v) || !load_window(v) || !check_checkpoint(v))
        return;
    check_evidence(v);
    check_ssh(v);
    pp_bundle_check_witnesses(v);
    pp_bundle_check_entries(v);
    pp_bundle_check_window(v);
    pp_bundle_check_blobs(v);
    pp_bundle_check_proofs(v);
    pp_bundle_check_specifications(v);
    pp_bundle_check_dashboards(v);
}

static int exit_code_of(const struct pp_bundle_verify_report *report)
{
    int exit_code = 0;
    for (size_t i = 0; i < PP_BUNDLE_CHECK_COUNT; i++) {
        if (report->checks[i].status == PP_CHECK_BAD)
            return 1;
        if (report->checks[i].status == PP_CHECK_SKIPPED && report->checks[i].required)
            exit_code = 2;
    }
    return exit_code;
}

static void begin(struct pp_bundle_verify_report *report)
{
    memset(report, 0, sizeof *report);
    for (size_t i = 0; i < PP_BUNDLE_CHECK_COUNT; i++) {
        report->checks[i].required = i < PP_CHECK_SSH_SIGNATURE;
        report->checks[i].code = "NOT_REACHED";
        snprintf(report->checks[i].text, sizeof report->checks[i].text, "an earlier check failed");
    }
}

static void run(struct pp_bundle_verification *v)
{
    int fd = pp_os_open(PP_OS_CWD, v->path, PP_OS_READ_FOLLOW);
    int result = fd < 0 ? fd : pp_os_load(fd, &v->file.data, &v->file.len);
    if (fd >= 0)
        pp_os_close(fd);
    if (result < 0) {
        pp_check_skip(v, PP_CHECK_CONTAINER, "UNREADABLE", "%.200s can't be read: %s", v->path,
                      strerror(-result));
        return;
    }
    v->report->bytes = v->file.len;
    load_trust(v);
    (void)load_verify_key(v);
    if (check_container(v))
        check_contents(v);
}

static void clean_up(struct pp_bundle_verification *v)
{
    pp_os_unmap(v->file.data, v->file.len);
    pp_os_secret_free(v->trust.verify, sizeof *v->trust.verify);
    pp_buffer_free(&v->trust.bundle_pub);
    pp_buffer_free(&v->trust.allowed_signers);
    pp_buffer_free(&v->trust.tsa);
    pp_buffer_free(&v->trust.policy);
    pp_buffer_free(&v->note);
    json_decref(v->window);
    free(v->files);
}

void pp_bundle_verify(const char *path, const struct pp_bundle_verify_options *options,
                      struct pp_bundle_verify_report *report)
{
    static const struct pp_bundle_verify_options defaults;
    struct pp_os_clock start, end;
    pp_os_clock_read(&start);
    begin(report);
    struct pp_bundle_verification v = {
        .options = options != NULL ? options : &defaults, .report = report, .path = path};
    run(&v);
    clean_up(&v);
    report->exit_code = exit_code_of(report);
    pp_os_clock_read(&end);
    report->time_ns = end.monotonic_ns - start.monotonic_ns;
}
