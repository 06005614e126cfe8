/* SPDX-License-Identifier: MIT */
/* The parts of a bundle's verification: container and signatures (bundle_verify.c), the walk over
   the entries (bundle_verify_entries.c), the other files (bundle_verify_files.c). */
#ifndef PP_STORE_BUNDLE_VERIFY_H
#define PP_STORE_BUNDLE_VERIFY_H

#include <jansson.h>

#include "../bundle/bag.h"
#include "bundle_sign.h"

enum {
    PP_BUNDLE_SMALL_FILE_MAX = 4 << 20, /* any file that is held in memory whole, but for ... */
    PP_BUNDLE_TREE_FILE_MAX = 256 << 20 /* ... seals.ppf and window.tree */
};

/* A file of the bundle. */
struct pp_checked_file {
    struct pp_zip_entry entry;
    struct pp_bytes name; /* below evidence/ */
    struct pp_digest digest;
    bool seen; /* blobs: an entry refers to it */
};

/* What the auditor brought, as far as it is there. */
struct pp_trust_root {
    struct pp_note_key checkpoint;
    bool has_checkpoint;
    struct pp_buffer bundle_pub, allowed_signers, tsa, policy; /* data NULL: not there */
    struct pp_verification_key *verify;                        /* secret memory */
};

struct pp_bundle_verification {
    const struct pp_bundle_verify_options *options;
    struct pp_bundle_verify_report *report;
    const char *path;
    struct pp_bytes file; /* mapped */
    struct pp_checked_file *files;
    size_t file_count;
    struct pp_trust_root trust;
    struct pp_buffer note; /* data/ledger/checkpoint */
    struct pp_checkpoint checkpoint;
    json_t *window;
    uint64_t kept[PP_LEVEL_COUNT];           /* entries found, by level */
    uint64_t first_seq, next_seq, in_window; /* of the seals; entries and gaps between */
    uint64_t log_seals;
};

/* Outcome of a check.  bad and skip return false. */
void pp_check_good(struct pp_bundle_verification *v, enum pp_bundle_check check, const char *format,
                   ...) __attribute__((format(printf, 3, 4)));
bool pp_check_bad(struct pp_bundle_verification *v, enum pp_bundle_check check, const char *code,
                  const char *place, const char *format, ...) __attribute__((format(printf, 5, 6)));
bool pp_check_skip(struct pp_bundle_verification *v, enum pp_bundle_check check, const char *code,
                   const char *format, ...) __attribute__((format(printf, 4, 5)));

/* A file by its name below evidence/; NULL when it is not there. */
struct pp_checked_file *pp_bundle_find(const struct pp_bundle_verification *v, const char *name);
/* Its content in memory; false when it exceeds limit or there is no memory. */
PP_MUST_CHECK bool pp_bundle_load(const struct pp_checked_file *file, size_t limit,
                                  struct pp_buffer *content);

/* bundle_verify_entries.c: tree, seals, window, tags, blobs that are referred to, OTLP lines */
void pp_bundle_check_entries(struct pp_bundle_verification *v);
/* bundle_verify_files.c */
void pp_bundle_check_window(struct pp_bundle_verification *v);
void pp_bundle_check_blobs(struct pp_bundle_verification *v);
void pp_bundle_check_proofs(struct pp_bundle_verification *v);
void pp_bundle_check_specifications(struct pp_bundle_verification *v);
void pp_bundle_check_witnesses(struct pp_bundle_verification *v);
/* bundle_verify_dashboards.c; behind the check of the specifications */
void pp_bundle_check_dashboards(struct pp_bundle_verification *v);

#endif
