/* SPDX-License-Identifier: MIT */
/* Transitions as entries of the ledger: written before they take place, read back to find what
   nobody recorded. */
#include "versions.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

static const char source[] = "rollback";
static const char *const kinds[] = {"commit", "apply", "revert", "replace", "done", "abandon"};
enum { KINDS = sizeof kinds / sizeof kinds[0] };

/* ---- Encoding ------------------------------------------------------------------------------- */

static void set_digest(json_t *object, const char *key, const struct pp_digest *digest)
{
    static const struct pp_digest none;
    char hex[2 * PP_DIGEST_BYTES + 1];
    pp_hex_encode(digest->b, PP_DIGEST_BYTES, hex);
    if (!pp_digest_equal(digest, &none))
        json_object_set_new(object, key, json_string(hex));
}

static void set_version(json_t *object, const char *key, uint64_t version)
{
    if (version != PP_NO_VERSION)
        json_object_set_new(object, key, json_integer((json_int_t)version));
}

static char *encode(const struct pp_versions *versions, const struct pp_transition *transition)
{
    json_t *object = json_object();
    json_object_set_new(object, "transition", json_string(kinds[transition->kind]));
    set_version(object, "from", transition->from);
    set_version(object, "to", transition->to);
    set_digest(object, "pre", &transition->pre);
    set_digest(object, "post", &transition->post);
    set_digest(object, "patch", &transition->patch);
    set_digest(object, "record", &transition->record);
    json_object_set_new(object, "actor", json_string(versions->actor));
    json_object_set_new(object, "subject", json_string(versions->subject));
    char *text = json_dumps(object, JSON_COMPACT);
    json_decref(object);
    return text;
}

static bool get_digest(const json_t *object, const char *key, struct pp_digest *digest)
{
    const json_t *value = json_object_get(object, key);
    *digest = (struct pp_digest){{0}};
    return value == NULL ||
           (json_is_string(value) &&
            pp_hex_decode(pp_bytes_of(json_string_value(value)), digest->b, PP_DIGEST_BYTES));
}

static bool get_version(const json_t *object, const char *key, uint64_t *version)
{
    const json_t *value = json_object_get(object, key);
    *version = value == NULL ? PP_NO_VERSION : (uint64_t)json_integer_value(value);
    return value == NULL || (json_is_integer(value) && json_integer_value(value) >= 0);
}

static bool get_kind(const json_t *object, enum pp_transition_kind *kind)
{
    const char *text = json_string_value(json_object_get(object, "transition"));
    for (unsigned i = 0; text != NULL && i < KINDS; i++) {
        *kind = (enum pp_transition_kind)i;
        if (strcmp(text, kinds[i]) == 0)
            return true;
    }
    return false;
}

static bool decode(struct pp_bytes body, struct pp_transition *transition)
{
    json_t *object = json_loadb((const char *)body.data, body.len, JSON_REJECT_DUPLICATES, NULL);
    bool good = json_is_object(object) && get_kind(object, &transition->kind) &&
                get_version(object, "from", &transition->from) &&
                get_version(object, "to", &transition->to) &&
                get_digest(object, "pre", &transition->pre) &&
                get_digest(object, "post", &transition->post) &&
                get_digest(object, "patch", &transition->patch) &&
                get_digest(object, "record", &transition->record);
    json_decref(object);
    return good;
}

/* What the ledger said went wrong. */
static enum pp_error pass_on(enum pp_error error, const struct pp_failure *from,
                             struct pp_failure *failure)
{
    if (failure == NULL)
        return error;
    if (from->text[0] == '\0')
        return pp_fail(failure, error, 0, "the ledger can't be used: %s", pp_error_text(error));
    *failure = *from;
    return error;
}

/* ---- Writing -------------------------------------------------------------------------------- */

enum pp_error pp_versions_open_ledger(struct pp_versions *versions, struct pp_failure *failure)
{
    char ledger[PP_VERSIONS_PATH_BYTES], keys[PP_VERSIONS_PATH_BYTES];
    if (versions->ledger != NULL)
        return PP_OK;
    enum pp_error error = pp_versions_path(versions, "ledger", ledger, failure);
    if (error == PP_OK)
        error = pp_versions_path(versions, "keys", keys, failure);
    return error == PP_OK ? pp_ledger_open(ledger, keys, NULL, &versions->ledger, NULL, failure)
                          : error;
}

enum pp_error pp_transition_append(struct pp_versions *versions,
                                   const struct pp_transition *transition,
                                   struct pp_failure *failure)
{
    enum pp_error error = pp_versions_open_ledger(versions, failure);
    if (error != PP_OK)
        return error;
    char *text = encode(versions, transition);
    if (text == NULL)
        return pp_fail(failure, PP_ERROR_ARGUMENT, 0,
                       "the actor or the path of the subject is not UTF-8");
    struct pp_os_clock clock;
    pp_os_clock_read(&clock);
    struct pp_entry entry = {.time_ns = clock.realtime_ns,
                             .source = pp_bytes_of(source),
                             .level = PP_INFO,
                             .body = pp_bytes_of(text)};
    error = pp_ledger_append(versions->ledger, &entry, NULL);
    if (error == PP_OK)
        error = pp_ledger_sync(versions->ledger);
    free(text);
    return error == PP_OK ? PP_OK : pass_on(error, pp_ledger_failure(versions->ledger), failure);
}

/* ---- Reading -------------------------------------------------------------------------------- */

struct pp_transitions {
    struct pp_ledger_reader *reader;
};

enum pp_error pp_transitions_open(const struct pp_versions *versions, struct pp_transitions **out,
                                  struct pp_failure *failure)
{
    char path[PP_VERSIONS_PATH_BYTES];
    enum pp_error error = pp_versions_path(versions, "ledger", path, failure);
    struct pp_transitions *transitions = error == PP_OK ? calloc(1, sizeof *transitions) : NULL;
    if (error == PP_OK && transitions == NULL)
        error = pp_fail(failure, PP_ERROR_MEMORY, 0, "no memory to read %s", path);
    if (error == PP_OK)
        error = pp_ledger_reader_open(path, &transitions->reader, failure);
    if (error == PP_OK)
        *out = transitions;
    else
        free(transitions);
    return error;
}

void pp_transitions_close(struct pp_transitions *transitions)
{
    if (transitions == NULL)
        return;
    pp_ledger_reader_close(transitions->reader);
    free(transitions);
}

static bool is_ours(const struct pp_entry *entry)
{
    return entry->kind == PP_ENTRY_DATA && entry->source.len == sizeof source - 1 &&
           memcmp(entry->source.data, source, sizeof source - 1) == 0;
}

static enum pp_error reader_failed(struct pp_transitions *transitions, enum pp_error error,
                                   struct pp_failure *failure)
{
    if (error == PP_ERROR_NOT_FOUND)
        return error;
    return pass_on(error, pp_ledger_reader_failure(transitions->reader), failure);
}

enum pp_error pp_transitions_next(struct pp_transitions *transitions,
                                  struct pp_transition *transition, uint64_t *seq,
                                  struct pp_failure *failure)
{
    struct pp_entry entry;
    enum pp_error error;
    do {
        error = pp_ledger_reader_next(transitions->reader, &entry);
        if (error != PP_OK)
            return reader_failed(transitions, error, failure);
    } while (!is_ours(&entry));
    *seq = entry.seq;
    if (decode(entry.body, transition))
        return PP_OK;
    return pp_fail(failure, PP_ERROR_FORMAT, 0, "entry %" PRIu64 " of the ledger is no transition",
                   entry.seq);
}

static enum pp_error find_last(struct pp_transitions *transitions, struct pp_transition *transition,
                               uint64_t *seq, struct pp_failure *failure)
{
    uint64_t first = pp_ledger_reader_first(transitions->reader);
    for (uint64_t at = pp_ledger_reader_size(transitions->reader); at > first; at--) {
        struct pp_entry entry;
        enum pp_error error = pp_ledger_reader_seek(transitions->reader, at - 1);
        if (error == PP_OK)
            error = pp_ledger_reader_next(transitions->reader, &entry);
        if (error != PP_OK)
            return reader_failed(transitions, error, failure);
        if (!is_ours(&entry))
            continue;
        *seq = entry.seq;
        if (decode(entry.body, transition))
            return PP_OK;
        return pp_fail(failure, PP_ERROR_FORMAT, 0,
                       "entry %" PRIu64 " of the ledger is no transition", entry.seq);
    }
    return PP_ERROR_NOT_FOUND;
}

enum pp_error pp_transitions_last(const struct pp_versions *versions,
                                  struct pp_transition *transition, uint64_t *seq,
                                  struct pp_failure *failure)
{
    struct pp_transitions *transitions;
    enum pp_error error = pp_transitions_open(versions, &transitions, failure);
    if (error != PP_OK)
        return error;
    error = find_last(transitions, transition, seq, failure);
    pp_transitions_close(transitions);
    return error;
}
