/* SPDX-License-Identifier: MIT */
/* Evidence bundles: a ZIP file with the entries of a time window and all that is needed to check
   them elsewhere.  The bytes are specified in docs/format/bundle.md; docs/bundle.md is for users.
   Conventions (ownership, NULL, outputs on error) are in <postproof/postproof.h>. */
#ifndef POSTPROOF_BUNDLE_H
#define POSTPROOF_BUNDLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <postproof/bytes.h>
#include <postproof/error.h>
#include <postproof/ledger.h>

#define PP_BUNDLE_BYTES_DEFAULT UINT64_C(5000000)
#define PP_BUNDLE_BYTES_MAX (UINT64_C(1) << 30)
enum { PP_BUNDLE_BYTES_MIN = 300000, PP_BUNDLE_PROOFS_MAX = 64 };

/* ---- Keys ---------------------------------------------------------------------------------- */

/* Adds the keys that sign bundles to a folder: bundle.key (ECDSA P-256) and bundle-ssh.key
   (Ed25519), both PEM of mode 0600, and what an auditor takes away: bundle.pub, allowed_signers
   (for the name origin).  PP_ERROR_EXISTS when one of them exists. */
PP_MUST_CHECK enum pp_error pp_bundle_keys_create(const char *folder, const char *origin,
                                                  struct pp_failure *failure);

/* ---- Making one ---------------------------------------------------------------------------- */

/* A file that goes into data/spec/ of each bundle. */
struct pp_bundle_file {
    const char *name; /* such as "proofs/manifest.json" */
    struct pp_bytes content;
};

struct pp_bundle_options {
    uint64_t duration_ns;            /* before the last entry; 0: from_ns and until_ns count */
    uint64_t from_ns, until_ns;      /* from_ns <= time < until_ns */
    uint64_t max_bytes;              /* 0: PP_BUNDLE_BYTES_DEFAULT */
    const char *title, *incident_id; /* UTF-8, or NULL */
    const char *keys_folder;         /* NULL: the ledger's own link "keys" */
    const struct pp_bundle_file *files;
    size_t file_count;
    /* Invariants (docs/format/dashboard.md) whose theorems are in files: their dashboards and rules
       go into the bundle.  len 0: none. */
    struct pp_bytes invariants;
    /* A time-stamp: given an RFC 3161 request, *response is the TSA's answer, in memory for free().
       NULL: none. */
    enum pp_error (*timestamp)(void *context, struct pp_bytes request, uint8_t **response,
                               size_t *len, struct pp_failure *failure);
    void *timestamp_context;
    /* called now and then: entries done of entries in the window; may be NULL */
    void (*progress)(void *context, const char *step, uint64_t done, uint64_t total);
    void *progress_context;
};

struct pp_bundle_report {
    uint64_t bytes, max_bytes; /* of the file, and its limit */
    uint64_t from_ns, until_ns;
    uint64_t first_seq, next_seq; /* of the window, widened to whole groups */
    uint64_t entries, kept;       /* in the window, in the bundle */
    uint64_t in_window[PP_LEVEL_COUNT], omitted[PP_LEVEL_COUNT]; /* by level */
    uint64_t blobs, blobs_omitted;
    uint64_t seals, seals_kept, proofs;
    bool has_timeline_html, has_timeline_jsonl, has_otlp, has_timestamp;
    uint64_t invariants; /* with dashboards and rules in the bundle */
    uint64_t tree_size;
    struct pp_digest manifest_root;
    uint64_t time_ns; /* taken */
};

/* Writes the bundle of a window of the ledger, which it only reads, and verifies it before it gets
   its name: a temporary file beside output, fsync, rename.  Memory: about max_bytes and 60 MiB.
   The checkpoint is the ledger's own when it covers the window, else one that is signed here with
   checkpoint.key.  PP_ERROR_NOT_FOUND: no entry in the window; PP_ERROR_TOO_LARGE: max_bytes is
   too small for anything; PP_ERROR_EXISTS: output exists. */
PP_MUST_CHECK enum pp_error pp_bundle_create(const char *ledger,
                                             const struct pp_bundle_options *options,
                                             const char *output, struct pp_bundle_report *report,
                                             struct pp_failure *failure);

/* ---- Verifying ----------------------------------------------------------------------------- */

/* X(name, text): docs/format/bundle.md section 10 has what each one is. */
#define PP_BUNDLE_CHECK_TABLE(X)                                                                   \
    X(PP_CHECK_CONTAINER, "container")                                                             \
    X(PP_CHECK_BAG, "bag")                                                                         \
    X(PP_CHECK_SIGNATURE, "signature")                                                             \
    X(PP_CHECK_CHECKPOINT, "checkpoint")                                                           \
    X(PP_CHECK_TREE, "tree")                                                                       \
    X(PP_CHECK_WINDOW, "window")                                                                   \
    X(PP_CHECK_SEALS, "seals")                                                                     \
    X(PP_CHECK_BLOBS, "blobs")                                                                     \
    X(PP_CHECK_PROOFS, "proofs")                                                                   \
    X(PP_CHECK_SPECIFICATIONS, "specifications")                                                   \
    X(PP_CHECK_VIEWS, "views")                                                                     \
    X(PP_CHECK_DASHBOARDS, "dashboards")                                                           \
    X(PP_CHECK_SSH_SIGNATURE, "ssh-signature")                                                     \
    X(PP_CHECK_TIMESTAMP, "timestamp")                                                             \
    X(PP_CHECK_WITNESSES, "witnesses")                                                             \
    X(PP_CHECK_TAGS, "tags")

#define PP_BUNDLE_CHECK_ENUM(name, text) name,
enum pp_bundle_check { PP_BUNDLE_CHECK_TABLE(PP_BUNDLE_CHECK_ENUM) PP_BUNDLE_CHECK_COUNT };
#undef PP_BUNDLE_CHECK_ENUM

enum pp_check_status { PP_CHECK_SKIPPED, PP_CHECK_OK, PP_CHECK_BAD };

struct pp_check_outcome {
    enum pp_check_status status;
    bool required;    /* by the format, or asked for */
    const char *code; /* reason, in capitals: constant, "" when ok */
    char text[256];   /* what was found, one phrase */
};

struct pp_bundle_verify_options {
    const char *trust_root; /* folder, or NULL: nothing can be proved */
    const char *verify_key; /* file, or NULL */
    /* Called with each entry as it is read, before the tree is known to be good: verify twice to
       use none that is not.  May be NULL. */
    enum pp_error (*entry)(void *context, const struct pp_entry *entry);
    /* Called with each file below data/spec/ when the proof manifest holds for all. */
    enum pp_error (*file)(void *context, const char *name, struct pp_bytes content);
    void *context;
};

struct pp_bundle_verify_report {
    struct pp_check_outcome checks[PP_BUNDLE_CHECK_COUNT];
    int exit_code;                     /* 0, 1, 2 as everywhere */
    char place[PP_FAILURE_TEXT_BYTES]; /* the file in the bundle that the first bad check names */
    char origin[PP_ORIGIN_BYTES_MAX + 1];
    uint64_t bytes, files;
    uint64_t first_seq, next_seq, entries, omitted, tree_size, seals;
    uint64_t timestamp_s; /* of the TSA, seconds since 1970, or 0 */
    struct pp_digest manifest_root;
    uint64_t time_ns; /* taken */
};

const char *pp_bundle_check_name(enum pp_bundle_check check);

/* Verifies a bundle offline; always fills *report.  Memory: a block of entries, one file of the
   bundle that is not entries, and what OpenSSL and jansson need for the signature. */
void pp_bundle_verify(const char *path, const struct pp_bundle_verify_options *options,
                      struct pp_bundle_verify_report *report);

#endif
