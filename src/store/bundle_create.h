/* SPDX-License-Identifier: MIT */
/* The making of one bundle: what its steps share. */
#ifndef PP_STORE_BUNDLE_CREATE_H
#define PP_STORE_BUNDLE_CREATE_H

#include <jansson.h>

#include "bundle_window.h"

/* Seqs [start, end) of entries that are kept. */
struct pp_kept_range {
    uint64_t start, end;
};

struct pp_creation {
    const char *ledger;
    const struct pp_bundle_options *options;
    struct pp_bundle_report *report;
    struct pp_failure *failure;
    struct pp_ledger_reader *reader;
    struct pp_bundle_window window;
    char keys_folder[4096];
    struct pp_tiers *tiers;
    struct pp_pack pack;
    uint64_t limit; /* for the file */

    char *note; /* checkpoint, malloc */
    size_t note_len;
    uint64_t tree_size;
    struct pp_digest tree_root;

    uint64_t first_ns, last_ns, body_bytes; /* of the window's entries */
    uint64_t important[PP_BUNDLE_PROOFS_MAX];
    size_t important_count; /* FATAL and ERROR entries for proofs */
    struct pp_kept_range *ranges;
    size_t range_count, range_cap;
    uint64_t packed_entries; /* bytes of entries.ppe in the file */
    uint64_t omitted_blob_bytes;
    json_t *window_json;
};

/* Bytes that the rest may still cost. */
uint64_t pp_creation_room(const struct pp_creation *creation);
/* The next entry of the window from a reader at its place; PP_ERROR_NOT_FOUND behind the last. */
PP_MUST_CHECK enum pp_error pp_creation_seek(struct pp_creation *creation);
PP_MUST_CHECK enum pp_error pp_creation_next(struct pp_creation *creation, struct pp_entry *entry);
PP_MUST_CHECK bool pp_creation_keeps(struct pp_creation *creation, const struct pp_entry *entry);
/* Fills *failure from the reader, or with the error's text. */
enum pp_error pp_creation_fail(struct pp_creation *creation, enum pp_error error, const char *what);

/* bundle_entries.c: entries.ppe and window.tree, with tiers left out until both fit */
PP_MUST_CHECK enum pp_error pp_creation_count(struct pp_creation *creation);
PP_MUST_CHECK enum pp_error pp_creation_entries(struct pp_creation *creation);

/* bundle_views.c: what finds room in the rest */
PP_MUST_CHECK enum pp_error pp_creation_proofs(struct pp_creation *creation);
PP_MUST_CHECK enum pp_error pp_creation_blobs(struct pp_creation *creation);
PP_MUST_CHECK enum pp_error pp_creation_views(struct pp_creation *creation);

/* bundle_describe.c: window.json, environment.json */
PP_MUST_CHECK enum pp_error pp_creation_environment(struct pp_creation *creation);
PP_MUST_CHECK enum pp_error pp_creation_assessment(struct pp_creation *creation);
PP_MUST_CHECK enum pp_error pp_creation_describe(struct pp_creation *creation);

#endif
