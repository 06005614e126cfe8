/* SPDX-License-Identifier: MIT */
/* Verification of a store: the subject, the records and the first version against the entries. */
#include "versions.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct check {
    struct pp_versions *versions;
    struct pp_versions_report *report;
    struct pp_failure *failure;
    struct pp_digest root; /* that the subject has after the entries so far */
    bool is_pending;       /* the last one was an announcement */
    bool is_commit;        /* of a commit */
    uint64_t current;
    uint64_t commits;
};

/* Only the first finding is told: what follows may follow from it. */
__attribute__((format(printf, 2, 3))) static void find(struct check *check, const char *format, ...)
{
    va_list arguments;
    if (!check->report->good)
        return;
    check->report->good = false;
    va_start(arguments, format);
    vsnprintf(check->report->reason, sizeof check->report->reason, format, arguments);
    va_end(arguments);
}

/* ---- Entries -------------------------------------------------------------------------------- */

static enum pp_error check_commit(struct check *check, const struct pp_transition *transition,
                                  uint64_t seq)
{
    struct pp_version_record record;
    struct pp_digest hash;
    if (transition->to >= check->versions->count) {
        find(check,
             "the record of version %" PRIu64 " is missing, which entry %" PRIu64
             " of the ledger vouches for",
             transition->to, seq);
        return PP_OK;
    }
    enum pp_error error =
        pp_version_record_read(check->versions, transition->to, &record, &hash, check->failure);
    if (error == PP_ERROR_FORMAT)
        find(check, "%s", check->failure->text);
    else if (error != PP_OK)
        return error;
    if (!pp_digest_equal(&hash, &transition->record))
        find(check,
             "the record of version %" PRIu64 " is not the one that entry %" PRIu64
             " of the ledger vouches for",
             transition->to, seq);
    if (check->commits != transition->to)
        find(check, "entry %" PRIu64 " commits version %" PRIu64 ", but %" PRIu64 " were due", seq,
             transition->to, check->commits);
    check->commits = transition->to + 1;
    return PP_OK;
}

static void check_chain(struct check *check, const struct pp_transition *transition, uint64_t seq)
{
    bool is_ending =
        transition->kind == PP_TRANSITION_DONE || transition->kind == PP_TRANSITION_ABANDON;
    if (is_ending && !check->is_pending)
        find(check, "entry %" PRIu64 " ends a transition that no entry announced", seq);
    if (!is_ending && check->is_pending)
        find(check, "entry %" PRIu64 " begins a transition before the one before was ended", seq);
    check->is_pending = !is_ending;
    check->is_commit = transition->kind == PP_TRANSITION_COMMIT;
    check->root = is_ending ? transition->post : transition->pre;
    check->current = is_ending ? transition->to : transition->from;
}

static enum pp_error check_entries(struct check *check)
{
    struct pp_transitions *transitions;
    struct pp_transition transition, next;
    uint64_t seq, next_seq;
    enum pp_error error = pp_transitions_open(check->versions, &transitions, check->failure);
    if (error != PP_OK)
        return error;
    error = pp_transitions_next(transitions, &transition, &seq, check->failure);
    while (error == PP_OK) {
        enum pp_error more = pp_transitions_next(transitions, &next, &next_seq, check->failure);
        check->report->transitions++;
        check_chain(check, &transition, seq);
        if (transition.kind == PP_TRANSITION_COMMIT && more == PP_OK &&
            next.kind == PP_TRANSITION_DONE)
            error = check_commit(check, &transition, seq);
        if (error == PP_OK)
            error = more;
        transition = next;
        seq = next_seq;
    }
    pp_transitions_close(transitions);
    /* The record of a commit that is not ended yet may be there already. */
    uint64_t more = check->is_pending && check->is_commit;
    if (error == PP_ERROR_NOT_FOUND && check->commits + more < check->versions->count)
        find(check, "no entry of the ledger commits version %" PRIu64, check->commits);
    return error == PP_ERROR_NOT_FOUND ? PP_OK : error;
}

/* ---- The subject ---------------------------------------------------------------------------- */

static enum pp_error look_up(struct check *check, const struct pp_digest *root)
{
    struct pp_version version;
    check->report->found = PP_NO_VERSION;
    for (uint64_t i = check->versions->count; i > 0; i--) {
        enum pp_error error = pp_versions_read(check->versions, i - 1, &version, check->failure);
        if (error != PP_OK)
            return error == PP_ERROR_FORMAT ? PP_OK : error;
        if (pp_digest_equal(&version.root, root)) {
            check->report->found = i - 1;
            return PP_OK;
        }
    }
    return PP_OK;
}

static void judge_subject(struct check *check, const struct pp_digest *root)
{
    const struct pp_versions *versions = check->versions;
    const struct pp_versions_report *report = check->report;
    if (check->is_pending && versions->is_pending &&
        (pp_digest_equal(root, &versions->pending.pre) ||
         pp_digest_equal(root, &versions->pending.post)))
        check->report->interrupted = true;
    else if (pp_digest_equal(root, &check->root))
        return;
    else if (report->found != PP_NO_VERSION)
        find(check,
             "%s is at version %" PRIu64 ", but the last transition in the ledger led to version "
             "%" PRIu64 ": nobody recorded this one",
             versions->subject, report->found, check->current);
    else
        find(check,
             "%s is no version of this store: it was changed after the last transition in the "
             "ledger, to version %" PRIu64,
             versions->subject, check->current);
}

static enum pp_error check_subject(struct check *check)
{
    struct pp_subject subject;
    struct pp_versions *versions = check->versions;
    if (versions->count == 0)
        return PP_OK;
    enum pp_error error = pp_subject_read(versions, versions->subject, &subject, check->failure);
    (void)pp_os_remove(versions->scratch, "subject");
    if (error == PP_ERROR_NOT_FOUND) {
        find(check, "%s is missing", versions->subject);
        return PP_OK;
    }
    if (error == PP_OK)
        error = look_up(check, &subject.root);
    if (error == PP_OK)
        judge_subject(check, &subject.root);
    return error;
}

/* ---- The versions --------------------------------------------------------------------------- */

static bool is_bad(enum pp_error error)
{
    return error == PP_ERROR_MISMATCH || error == PP_ERROR_FORMAT || error == PP_ERROR_NOT_FOUND ||
           error == PP_ERROR_TOO_LARGE;
}

static enum pp_error check_ways(struct check *check, uint64_t number)
{
    struct pp_version_record record;
    enum pp_error error =
        pp_version_record_read(check->versions, number, &record, NULL, check->failure);
    for (size_t i = 0; i < record.patch_count && error == PP_OK; i++) {
        struct pp_patch_file *patch = NULL;
        error = pp_versions_patch(check->versions, record.patches[i].from, number, &patch,
                                  check->failure);
        pp_patch_file_close(patch);
    }
    return error;
}

static enum pp_error rebuild(struct check *check, uint64_t number)
{
    char path[PP_VERSIONS_PATH_BYTES];
    enum pp_error error = pp_versions_path(check->versions, "scratch/check", path, check->failure);
    if (error != PP_OK)
        return error;
    error = pp_versions_build(check->versions, number, path, check->failure);
    pp_versions_clear(path);
    if (error == PP_OK)
        error = check_ways(check, number);
    if (is_bad(error)) {
        find(check, "%s", check->failure->text);
        return PP_OK;
    }
    check->report->rebuilt += error == PP_OK;
    return error;
}

/* Without `all` the first version, which all others are built from, is read. */
static enum pp_error check_versions(struct check *check, bool all)
{
    uint64_t count = all ? check->versions->count : check->versions->count > 0;
    enum pp_error error = PP_OK;
    for (uint64_t i = 0; i < count && error == PP_OK; i++)
        error = rebuild(check, i);
    return error;
}

enum pp_error pp_versions_verify(struct pp_versions *versions, bool all,
                                 struct pp_versions_report *report, struct pp_failure *failure)
{
    struct pp_failure own = {0};
    struct check check = {
        .versions = versions, .report = report, .failure = &own, .current = PP_NO_VERSION};
    *report = (struct pp_versions_report){
        .good = true, .versions = versions->count, .found = PP_NO_VERSION};
    enum pp_error error = check_entries(&check);
    if (error == PP_ERROR_FORMAT) {
        find(&check, "%s", own.text);
        error = PP_OK;
    }
    report->current = check.current;
    if (error == PP_OK)
        error = check_subject(&check);
    if (error == PP_OK)
        error = check_versions(&check, all);
    if (error != PP_OK && failure != NULL)
        *failure = own;
    return error;
}

/* ---- Collection ----------------------------------------------------------------------------- */

static int remove_counted(int dir, const char *name, uint64_t *freed)
{
    struct pp_os_attributes attributes;
    int result = pp_os_status_at(dir, name, &attributes);
    if (result == 0)
        result = pp_folder_remove(dir, name);
    if (result == 0)
        *freed += attributes.bytes_on_disk;
    return result;
}

/* Patches that no record names: of a commit that a crash ended. */
static bool is_needed(const struct pp_versions *versions, const char *name)
{
    uint64_t from, to;
    char expected[PP_OS_NAME_BYTES];
    struct pp_version_record record;
    if (sscanf(name, "%20" SCNu64 "-%20" SCNu64, &from, &to) != 2)
        return false;
    pp_version_patch_name(from, to, expected);
    if (strcmp(name, expected) != 0 ||
        pp_version_record_read(versions, to, &record, NULL, NULL) != PP_OK)
        return to < versions->count; /* a damaged record is no reason to throw its patches away */
    for (size_t i = 0; i < record.patch_count; i++)
        if (record.patches[i].from == from)
            return true;
    return false;
}

static int collect_folder(const struct pp_versions *versions, int dir, bool patches,
                          uint64_t *freed)
{
    struct pp_os_names names;
    int result = pp_os_list(dir, &names);
    if (result < 0)
        return result;
    for (size_t i = 0; i < names.count && result == 0; i++)
        if (!patches || !is_needed(versions, names.name[i]))
            result = remove_counted(dir, names.name[i], freed);
    pp_os_free_names(&names);
    return result;
}

enum pp_error pp_versions_collect(struct pp_versions *versions, uint64_t *freed,
                                  struct pp_failure *failure)
{
    *freed = 0;
    int result = collect_folder(versions, versions->scratch, false, freed);
    if (result == 0)
        result = collect_folder(versions, versions->patches, true, freed);
    return result == 0
               ? PP_OK
               : pp_fail(failure, PP_ERROR_IO, -result, "%s can't be cleaned", versions->path);
}
