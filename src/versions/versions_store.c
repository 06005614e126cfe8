/* SPDX-License-Identifier: MIT */
/* The store of versions: making, opening, and what the ledger says of the subject. */
#include "versions.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char format[] = "postproof rollback store 1\n";
#define ORIGIN "postproof.rollback"

/* ---- Making --------------------------------------------------------------------------------- */

static enum pp_error refuse_full(int dir, const char *path, struct pp_failure *failure)
{
    struct pp_os_names names;
    int result = pp_os_list(dir, &names);
    if (result < 0)
        return pp_fail(failure, PP_ERROR_IO, -result, "%s can't be listed", path);
    size_t count = names.count;
    pp_os_free_names(&names);
    return count == 0 ? PP_OK
                      : pp_fail(failure, PP_ERROR_EXISTS, 0,
                                "%s is not empty; a store needs a folder of its own", path);
}

static enum pp_error link_to(int dir, const char *name, const char *target,
                             struct pp_failure *failure)
{
    char *real = realpath(target, NULL);
    int result = real != NULL ? pp_os_symlink(dir, real, name) : -errno;
    free(real);
    return result == 0 ? PP_OK
                       : pp_fail(failure, result == -ENOENT ? PP_ERROR_NOT_FOUND : PP_ERROR_IO,
                                 -result, "%s can't be linked", target);
}

static enum pp_error make_ledger(const struct pp_versions *store, const char *ledger,
                                 const char *keys, struct pp_failure *failure)
{
    char own_ledger[PP_VERSIONS_PATH_BYTES], own_keys[PP_VERSIONS_PATH_BYTES];
    enum pp_error error = pp_versions_path(store, "ledger", own_ledger, failure);
    if (error == PP_OK)
        error = pp_versions_path(store, "keys", own_keys, failure);
    if (error != PP_OK)
        return error;
    error = keys != NULL ? link_to(store->dir, "keys", keys, failure)
                         : pp_keys_create(own_keys, ORIGIN, failure);
    if (error != PP_OK)
        return error;
    return ledger != NULL ? link_to(store->dir, "ledger", ledger, failure)
                          : pp_ledger_create(own_ledger, own_keys, NULL, failure);
}

static enum pp_error make_folders(const struct pp_versions *store, struct pp_failure *failure)
{
    static const char *const folders[] = {"versions", "patches", "scratch"};
    int result = 0;
    for (size_t i = 0; i < sizeof folders / sizeof folders[0] && result == 0; i++)
        result = pp_os_make_dir(store->dir, folders[i], false);
    return result == 0 ? PP_OK
                       : pp_fail(failure, PP_ERROR_IO, -result, "%s can't be made", store->path);
}

enum pp_error pp_versions_create(const char *path, const char *ledger, const char *keys,
                                 struct pp_failure *failure)
{
    struct pp_versions store = {.path = strdup(path)};
    if (ledger != NULL && keys == NULL)
        return pp_fail(failure, PP_ERROR_ARGUMENT, 0,
                       "a ledger that is there is sealed with its own keys: name their folder too");
    int result = store.path != NULL ? pp_os_make_dir(PP_OS_CWD, path, false) : -ENOMEM;
    store.dir = result < 0 ? result : pp_os_open_dir(PP_OS_CWD, path);
    enum pp_error error = store.dir < 0 ? pp_fail(failure, PP_ERROR_IO, -store.dir,
                                                  "the folder %s can't be made", path)
                                        : refuse_full(store.dir, path, failure);
    if (error == PP_OK)
        error = make_folders(&store, failure);
    if (error == PP_OK)
        error = make_ledger(&store, ledger, keys, failure);
    /* Last: without it the folder is no store. */
    if (error == PP_OK)
        error = pp_file_replace(store.dir, "format", pp_bytes_of(format), false, failure);
    if (error == PP_OK && (result = pp_sync_parent(path)) < 0)
        error = pp_fail(failure, PP_ERROR_IO, -result, "%s can't be made durable", path);
    if (store.dir >= 0)
        pp_os_close(store.dir);
    free(store.path);
    return error;
}

/* ---- Opening -------------------------------------------------------------------------------- */

static enum pp_error check_format(const struct pp_versions *versions, struct pp_failure *failure)
{
    struct pp_buffer file = {0};
    enum pp_error error = pp_file_read(versions->dir, "format", sizeof format, &file, NULL);
    bool good =
        error == PP_OK && file.len == sizeof format - 1 && memcmp(file.data, format, file.len) == 0;
    pp_buffer_free(&file);
    if (good)
        return PP_OK;
    return pp_fail(failure, error == PP_OK ? PP_ERROR_FORMAT : PP_ERROR_NOT_FOUND, 0,
                   "%s is no store of versions; make one with `postproof rollback init %s`",
                   versions->path, versions->path);
}

static enum pp_error open_folders(struct pp_versions *versions, struct pp_failure *failure)
{
    struct {
        const char *name;
        int *fd;
    } folders[] = {{"versions", &versions->records},
                   {"patches", &versions->patches},
                   {"scratch", &versions->scratch}};
    for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++) {
        *folders[i].fd = pp_os_open_dir(versions->dir, folders[i].name);
        if (*folders[i].fd < 0)
            return pp_fail(failure, PP_ERROR_IO, -*folders[i].fd, "%s/%s can't be opened",
                           versions->path, folders[i].name);
    }
    return PP_OK;
}

static enum pp_error lock(const struct pp_versions *versions, struct pp_failure *failure)
{
    int result = pp_os_lock(versions->dir);
    if (result == -EWOULDBLOCK)
        return pp_fail(failure, PP_ERROR_LOCKED, 0,
                       "another process is working on the store %s; try again when it is done",
                       versions->path);
    return result == 0
               ? PP_OK
               : pp_fail(failure, PP_ERROR_IO, -result, "%s can't be locked", versions->path);
}

static enum pp_error count_versions(struct pp_versions *versions, struct pp_failure *failure)
{
    struct pp_os_names names;
    char expected[PP_OS_NAME_BYTES];
    int result = pp_os_list(versions->records, &names);
    if (result < 0)
        return pp_fail(failure, PP_ERROR_IO, -result, "%s/versions can't be listed",
                       versions->path);
    for (size_t i = 0; i < names.count; i++) {
        pp_version_record_name(versions->count, expected);
        if (strcmp(names.name[i], expected) == 0)
            versions->count++;
    }
    pp_os_free_names(&names);
    return PP_OK;
}

static enum pp_error read_subject(struct pp_versions *versions, struct pp_failure *failure)
{
    struct pp_buffer file = {0};
    enum pp_error error =
        pp_file_read(versions->dir, "subject", sizeof versions->subject - 1, &file, failure);
    if (error == PP_OK)
        memcpy(versions->subject, file.data, file.len);
    pp_buffer_free(&file);
    return error == PP_ERROR_NOT_FOUND ? PP_OK : error;
}

/* ---- What the ledger says ------------------------------------------------------------------- */

static bool is_ending(const struct pp_transition *transition)
{
    return transition->kind == PP_TRANSITION_DONE || transition->kind == PP_TRANSITION_ABANDON;
}

static void stand_at(struct pp_versions *versions, uint64_t version, const struct pp_digest *root)
{
    versions->current = version;
    versions->current_root = *root;
}

/* A commit took place when its record is there. */
static bool is_recorded(const struct pp_versions *versions, const struct pp_transition *transition)
{
    return transition->kind == PP_TRANSITION_COMMIT && transition->to < versions->count;
}

/* Before a pending transition the subject was what that came from. */
static void take_last(struct pp_versions *versions, const struct pp_transition *last)
{
    versions->is_pending = !is_ending(last);
    versions->pending = *last;
    if (is_ending(last) || is_recorded(versions, last))
        stand_at(versions, last->to, &last->post);
    else
        stand_at(versions, last->from, &last->pre);
}

static enum pp_error append_ending(struct pp_versions *versions, bool done,
                                   struct pp_failure *failure)
{
    const struct pp_transition *pending = &versions->pending;
    struct pp_transition ending = {.kind = done ? PP_TRANSITION_DONE : PP_TRANSITION_ABANDON,
                                   .from = pending->from,
                                   .to = done ? pending->to : pending->from,
                                   .pre = pending->pre,
                                   .post = done ? pending->post : pending->pre,
                                   .patch = pending->patch};
    enum pp_error error = pp_transition_append(versions, &ending, failure);
    if (error != PP_OK)
        return error;
    versions->is_pending = false;
    stand_at(versions, ending.to, &ending.post);
    return PP_OK;
}

enum pp_error pp_versions_settle(struct pp_versions *versions, const struct pp_digest *root,
                                 struct pp_failure *failure)
{
    if (!versions->is_pending)
        return PP_OK;
    if (pp_digest_equal(root, &versions->pending.post))
        return append_ending(versions, true, failure);
    if (pp_digest_equal(root, &versions->pending.pre))
        return append_ending(versions, false, failure);
    return PP_OK;
}

enum pp_error pp_versions_announce(struct pp_versions *versions,
                                   const struct pp_transition *transition,
                                   struct pp_failure *failure)
{
    enum pp_error error = pp_transition_append(versions, transition, failure);
    if (error == PP_OK) {
        versions->pending = *transition;
        versions->is_pending = true;
    }
    return error;
}

static enum pp_error read_state(struct pp_versions *versions, struct pp_failure *failure)
{
    struct pp_transition last;
    uint64_t seq;
    enum pp_error error = PP_OK;
    /* A torn entry may look whole to a reader: the writer decides, before anything follows it. */
    if (versions->options.use == PP_VERSIONS_WRITE)
        error = pp_versions_open_ledger(versions, failure);
    if (error == PP_OK)
        error = pp_transitions_last(versions, &last, &seq, failure);
    if (error == PP_ERROR_NOT_FOUND)
        return PP_OK;
    if (error != PP_OK)
        return error;
    take_last(versions, &last);
    if (versions->is_pending && last.kind == PP_TRANSITION_COMMIT &&
        versions->options.use == PP_VERSIONS_WRITE)
        return append_ending(versions, is_recorded(versions, &last), failure);
    return PP_OK;
}

/* ---- The handle ----------------------------------------------------------------------------- */

static enum pp_error open_store(struct pp_versions *versions, struct pp_failure *failure)
{
    versions->dir = pp_os_open_dir(PP_OS_CWD, versions->path);
    if (versions->dir < 0)
        return pp_fail(failure, versions->dir == -ENOENT ? PP_ERROR_NOT_FOUND : PP_ERROR_IO,
                       -versions->dir, "the store %s can't be opened", versions->path);
    enum pp_error error = check_format(versions, failure);
    if (error == PP_OK && versions->options.use != PP_VERSIONS_LOOK)
        error = lock(versions, failure);
    if (error == PP_OK)
        error = open_folders(versions, failure);
    if (error == PP_OK)
        error = count_versions(versions, failure);
    if (error == PP_OK)
        error = read_subject(versions, failure);
    return error == PP_OK ? read_state(versions, failure) : error;
}

static enum pp_error free_store(struct pp_versions *versions, struct pp_failure *failure)
{
    enum pp_error error =
        versions->ledger != NULL ? pp_ledger_close(versions->ledger, failure) : PP_OK;
    if (error != PP_OK && failure != NULL && failure->text[0] == '\0')
        error = pp_fail(failure, error, 0, "the ledger of %s can't be closed: %s", versions->path,
                        pp_error_text(error));
    const int fds[] = {versions->records, versions->patches, versions->scratch, versions->dir};
    for (size_t i = 0; i < sizeof fds / sizeof fds[0]; i++)
        if (fds[i] >= 0)
            pp_os_close(fds[i]);
    free(versions->path);
    free(versions);
    return error;
}

enum pp_error pp_versions_open(const char *path, const struct pp_versions_options *options,
                               struct pp_versions **out, struct pp_failure *failure)
{
    struct pp_versions *versions = calloc(1, sizeof *versions);
    if (versions == NULL || (versions->path = strdup(path)) == NULL) {
        free(versions);
        return pp_fail(failure, PP_ERROR_MEMORY, 0, "no memory to open %s", path);
    }
    versions->dir = versions->records = versions->patches = versions->scratch = -1;
    versions->options = *options;
    versions->current = PP_NO_VERSION;
    snprintf(versions->actor, sizeof versions->actor, "%s",
             options->actor != NULL ? options->actor : "");
    enum pp_error error = open_store(versions, failure);
    if (error == PP_OK) {
        *out = versions;
        return PP_OK;
    }
    /* What went wrong first is what is told. */
    enum pp_error closing = free_store(versions, NULL);
    return error != PP_OK ? error : closing;
}

enum pp_error pp_versions_close(struct pp_versions *versions, struct pp_failure *failure)
{
    return versions != NULL ? free_store(versions, failure) : PP_OK;
}

uint64_t pp_versions_count(const struct pp_versions *versions)
{
    return versions->count;
}

const char *pp_versions_subject(const struct pp_versions *versions)
{
    return versions->subject;
}

uint64_t pp_versions_current(const struct pp_versions *versions)
{
    return versions->current;
}
