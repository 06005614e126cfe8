/* SPDX-License-Identifier: MIT */
/* Commits: the subject as an image, its patches, the entry, the record; in this order. */
#include "versions.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- The subject ---------------------------------------------------------------------------- */

static enum pp_error pack(const struct pp_versions *versions, const char *path,
                          struct pp_subject *subject, struct pp_failure *failure)
{
    enum pp_error error = pp_versions_path(versions, "scratch/subject", subject->image, failure);
    (void)pp_os_remove(versions->scratch, "subject");
    return error == PP_OK ? pp_folder_pack(path, subject->image, failure) : error;
}

enum pp_error pp_subject_read(const struct pp_versions *versions, const char *path,
                              struct pp_subject *subject, struct pp_failure *failure)
{
    struct pp_os_attributes found;
    int result = pp_os_status_at(PP_OS_CWD, path, &found);
    if (result < 0)
        return pp_fail(failure, result == -ENOENT ? PP_ERROR_NOT_FOUND : PP_ERROR_IO, -result,
                       "%s can't be read", path);
    if (found.kind != PP_OS_FILE && found.kind != PP_OS_DIR)
        return pp_fail(failure, PP_ERROR_ARGUMENT, 0, "%s is neither a file nor a folder", path);
    *subject =
        (struct pp_subject){.kind = found.kind == PP_OS_DIR ? PP_VERSION_FOLDER : PP_VERSION_FILE,
                            .mode = found.mode,
                            .modified_ns = found.modified_ns};
    enum pp_error error = PP_OK;
    if (found.kind == PP_OS_DIR)
        error = pack(versions, path, subject, failure);
    else
        snprintf(subject->image, sizeof subject->image, "%s", path);
    return error == PP_OK ? pp_versions_root(subject->image, &versions->options.progress,
                                             &subject->root, &subject->bytes, failure)
                          : error;
}

static bool lies_in(const char *inner, const char *outer)
{
    size_t len = strlen(outer);
    return strncmp(inner, outer, len) == 0 && (inner[len] == '/' || inner[len] == '\0');
}

/* The first commit decides what the store is of. */
static enum pp_error take_subject(struct pp_versions *versions, const char *path,
                                  struct pp_failure *failure)
{
    char *real = realpath(path, NULL), *store = realpath(versions->path, NULL);
    enum pp_error error = PP_OK;
    if (real == NULL || store == NULL || strlen(real) >= sizeof versions->subject)
        error = pp_fail(failure, errno == ENOENT ? PP_ERROR_NOT_FOUND : PP_ERROR_IO, errno,
                        "%s can't be opened", path);
    else if (lies_in(store, real))
        error = pp_fail(failure, PP_ERROR_ARGUMENT, 0,
                        "the store %s lies in %s: keep it beside what it holds the versions of",
                        versions->path, path);
    else if (versions->subject[0] != '\0' && strcmp(versions->subject, real) != 0)
        error = pp_fail(failure, PP_ERROR_ARGUMENT, 0,
                        "the store %s holds the versions of %s; make another one for %s",
                        versions->path, versions->subject, path);
    else
        snprintf(versions->subject, sizeof versions->subject, "%s", real);
    if (error == PP_OK && versions->count == 0)
        error = pp_file_replace(versions->dir, "subject", pp_bytes_of(versions->subject), false,
                                failure);
    free(real);
    free(store);
    return error;
}

/* ---- What leads to it ----------------------------------------------------------------------- */

static int sync_path(const char *path)
{
    int fd = pp_os_open(PP_OS_CWD, path, PP_OS_READ_WRITE);
    int result = fd < 0 ? fd : pp_os_sync(fd);
    if (fd >= 0)
        pp_os_close(fd);
    return result;
}

/* Moves a file of the scratch folder to its place in the store, durable. */
static enum pp_error keep(const struct pp_versions *versions, const char *from, const char *to,
                          int folder, struct pp_failure *failure)
{
    char path[PP_VERSIONS_PATH_BYTES];
    enum pp_error error = pp_versions_path(versions, from, path, failure);
    if (error != PP_OK)
        return error;
    int result = sync_path(path);
    if (result == 0)
        result = pp_os_rename(versions->dir, from, to);
    if (result == 0)
        result = pp_os_sync(folder);
    return result == 0 ? PP_OK
                       : pp_fail(failure, PP_ERROR_IO, -result, "%s/%s can't be written",
                                 versions->path, to);
}

static enum pp_error keep_base(const struct pp_versions *versions, const struct pp_subject *subject,
                               struct pp_failure *failure)
{
    char path[PP_VERSIONS_PATH_BYTES];
    struct pp_digest root;
    uint64_t bytes;
    enum pp_error error = pp_versions_path(versions, "scratch/base", path, failure);
    (void)pp_os_remove(versions->scratch, "base");
    if (error == PP_OK)
        error = pp_versions_copy(subject->image, path, failure);
    if (error == PP_OK)
        error = pp_versions_root(path, &versions->options.progress, &root, &bytes, failure);
    if (error == PP_OK && !pp_digest_equal(&root, &subject->root))
        error = pp_fail(failure, PP_ERROR_MISMATCH, 0,
                        "%s changed while it was read; commit it again", versions->subject);
    return error == PP_OK ? keep(versions, "scratch/base", "base", versions->dir, failure) : error;
}

static enum pp_error check_patch(const struct pp_versions *versions, const char *path,
                                 const struct pp_digest *root, struct pp_version_record *record,
                                 uint64_t from, struct pp_failure *failure)
{
    struct pp_patch_file *patch;
    enum pp_error error = pp_patch_file_open(path, &patch, failure);
    if (error != PP_OK)
        return error;
    const struct pp_patch_header *header = pp_patch_file_header(patch);
    if (!pp_digest_equal(&header->new_image.root, root))
        error = pp_fail(failure, PP_ERROR_MISMATCH, 0,
                        "%s changed while it was read; commit it again", versions->subject);
    record->patches[record->patch_count].from = from;
    record->patches[record->patch_count].name = header->name;
    record->patch_count++;
    record->version.patch_bytes += PP_PATCH_HEADER_BYTES + header->body_bytes;
    pp_patch_file_close(patch);
    return error;
}

static enum pp_error add_patch(const struct pp_versions *versions, uint64_t from,
                               const struct pp_subject *subject, struct pp_version_record *record,
                               struct pp_failure *failure)
{
    char old[PP_VERSIONS_PATH_BYTES], patch[PP_VERSIONS_PATH_BYTES], name[PP_OS_NAME_BYTES],
        below[PP_OS_NAME_BYTES + 16];
    const struct pp_diff_options options = {.progress = versions->options.progress};
    enum pp_error error = pp_versions_path(versions, "scratch/old", old, failure);
    if (error == PP_OK)
        error = pp_versions_path(versions, "scratch/patch", patch, failure);
    if (error != PP_OK)
        return error;
    (void)pp_os_remove(versions->scratch, "patch");
    error = pp_versions_build(versions, from, old, failure);
    if (error == PP_OK)
        error = pp_patch_file_make(old, subject->image, patch, &options, failure);
    if (error == PP_OK)
        error = check_patch(versions, patch, &subject->root, record, from, failure);
    pp_versions_clear(old);
    if (error != PP_OK)
        return error;
    pp_version_patch_name(from, record->version.number, name);
    snprintf(below, sizeof below, "patches/%s", name);
    return keep(versions, "scratch/patch", below, versions->patches, failure);
}

/* From the version with the lowest bit cleared, for short ways to any version; and from the one
   before, so that the latest step can be taken back with one patch. */
static enum pp_error add_ways(const struct pp_versions *versions, const struct pp_subject *subject,
                              struct pp_version_record *record, struct pp_failure *failure)
{
    uint64_t number = record->version.number, parent = number & (number - 1);
    if (number == 0)
        return keep_base(versions, subject, failure);
    enum pp_error error = add_patch(versions, parent, subject, record, failure);
    if (error == PP_OK && parent != number - 1)
        error = add_patch(versions, number - 1, subject, record, failure);
    return error;
}

/* ---- The commit ----------------------------------------------------------------------------- */

static enum pp_error announce(struct pp_versions *versions, const struct pp_version_record *record,
                              const char *text, struct pp_failure *failure)
{
    struct pp_transition transition = {.kind = PP_TRANSITION_COMMIT,
                                       .from = versions->current,
                                       .to = record->version.number,
                                       .pre = versions->current_root,
                                       .post = record->version.root,
                                       .record = pp_sha256(pp_bytes_of(text))};
    if (record->patch_count > 0)
        transition.patch = record->patches[record->patch_count - 1].name;
    return pp_versions_announce(versions, &transition, failure);
}

static enum pp_error publish(struct pp_versions *versions, const struct pp_version_record *record,
                             struct pp_failure *failure)
{
    char name[PP_OS_NAME_BYTES], *text;
    enum pp_error error = pp_version_record_encode(record, &text, failure);
    if (error != PP_OK)
        return error;
    pp_version_record_name(record->version.number, name);
    error = announce(versions, record, text, failure);
    if (error == PP_OK)
        error = pp_file_replace(versions->records, name, pp_bytes_of(text), false, failure);
    free(text);
    if (error != PP_OK)
        return error;
    versions->count++;
    return pp_versions_settle(versions, &record->version.root, failure);
}

static enum pp_error same_as_current(const struct pp_versions *versions,
                                     const struct pp_subject *subject, struct pp_failure *failure)
{
    struct pp_version current;
    if (versions->current == PP_NO_VERSION ||
        !pp_digest_equal(&subject->root, &versions->current_root))
        return PP_OK;
    enum pp_error error = pp_versions_read(versions, versions->current, &current, failure);
    if (error != PP_OK)
        return error;
    if (subject->kind == PP_VERSION_FILE &&
        (current.mode != subject->mode || current.modified_ns != subject->modified_ns))
        return PP_OK;
    return pp_fail(failure, PP_ERROR_EXISTS, 0, "%s has not changed since version %" PRIu64,
                   versions->subject, versions->current);
}

static enum pp_error commit(struct pp_versions *versions, const char *message,
                            struct pp_version_record *record, struct pp_failure *failure)
{
    struct pp_subject subject;
    struct pp_os_clock clock;
    enum pp_error error = pp_subject_read(versions, versions->subject, &subject, failure);
    if (error == PP_OK)
        error = pp_versions_settle(versions, &subject.root, failure);
    if (error == PP_OK)
        error = same_as_current(versions, &subject, failure);
    if (error != PP_OK)
        return error;
    pp_os_clock_read(&clock);
    struct pp_version *version = &record->version;
    version->number = versions->count;
    version->time_ns = clock.realtime_ns;
    version->kind = subject.kind;
    version->bytes = subject.bytes;
    version->root = subject.root;
    version->mode = subject.mode;
    version->modified_ns = subject.modified_ns;
    snprintf(version->actor, sizeof version->actor, "%s", versions->actor);
    snprintf(version->message, sizeof version->message, "%s", message);
    error = add_ways(versions, &subject, record, failure);
    return error == PP_OK ? publish(versions, record, failure) : error;
}

enum pp_error pp_versions_commit(struct pp_versions *versions, const char *subject,
                                 const char *message, uint64_t *number, struct pp_failure *failure)
{
    if (strlen(message) >= PP_VERSION_TEXT_BYTES)
        return pp_fail(failure, PP_ERROR_ARGUMENT, 0, "the message is longer than %d bytes",
                       PP_VERSION_TEXT_BYTES - 1);
    struct pp_version_record *record = calloc(1, sizeof *record);
    enum pp_error error = record != NULL
                              ? take_subject(versions, subject, failure)
                              : pp_fail(failure, PP_ERROR_MEMORY, 0, "no memory to commit");
    if (error == PP_OK)
        error = commit(versions, message, record, failure);
    if (error == PP_OK)
        *number = record->version.number;
    (void)pp_os_remove(versions->scratch, "subject");
    free(record);
    return error;
}
