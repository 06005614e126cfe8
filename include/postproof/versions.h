/* SPDX-License-Identifier: MIT */
/* Files under patches: apply and revert in place with a journal or to a new file, and a store of
   versions of a file or a folder.  docs/format/rollback.md says what is on the disk. */
#ifndef POSTPROOF_VERSIONS_H
#define POSTPROOF_VERSIONS_H

#include <stdbool.h>
#include <stdint.h>

#include <postproof/bytes.h>
#include <postproof/error.h>
#include <postproof/patch.h>
#include <postproof/rollback.h>

/* Called now and then with bytes done of bytes total; may be NULL. */
struct pp_progress {
    void (*report)(void *context, uint64_t bytes_done, uint64_t bytes_total);
    void *context;
};

/* ---- Patches in files ----------------------------------------------------------------------- */

struct pp_patch_file;

/* Opens a patch file, checks its header and the hashes of all of it.  PP_ERROR_NOT_FOUND,
   PP_ERROR_FORMAT (no patch), PP_ERROR_MISMATCH (damaged), PP_ERROR_IO. */
PP_MUST_CHECK enum pp_error pp_patch_file_open(const char *path, struct pp_patch_file **patch,
                                               struct pp_failure *failure);
const struct pp_patch_header *pp_patch_file_header(const struct pp_patch_file *patch);
void pp_patch_file_close(struct pp_patch_file *patch); /* NULL is allowed */

enum pp_diff_mode {
    PP_DIFF_AUTO,    /* pages where bytes keep their places, else generic; folders: smallest */
    PP_DIFF_PAGES,   /* runs in place and touches what changed; bounded memory */
    PP_DIFF_GENERIC, /* bytes may have moved */
    PP_DIFF_SMALLEST /* both are tried */
};
struct pp_diff_options {
    enum pp_diff_mode mode;
    struct pp_progress progress;
};

/* Writes the patch from one file to the other, and replays it in both directions before it gets its
   name.  An existing file of that name is PP_ERROR_EXISTS.  Two folders give the patch between
   their images (docs/format/rollback.md, "Folder image"), which are beside the patch meanwhile; a
   file and a folder, or a patch inside of one of them: PP_ERROR_ARGUMENT. */
PP_MUST_CHECK enum pp_error pp_patch_file_make(const char *old_path, const char *new_path,
                                               const char *patch_path,
                                               const struct pp_diff_options *options,
                                               struct pp_failure *failure);

struct pp_rewrite_options {
    bool not_durable;            /* leave out every fsync */
    struct pp_progress progress; /* of reading the source first, then of writing */
};

/* Applies or reverts a patch to a new file, in bounded memory.  source "-": standard input, kept in
   $TMPDIR meanwhile.  target "-": standard output; NULL: the source itself, which is locked
   meanwhile.  A file gets its name when it is whole and durable, with the permissions of the
   source; until then what had the name before is untouched.  Sparse files stay sparse.  Nothing is
   written before all of the source was found to be what the patch was made for: PP_ERROR_MISMATCH.
   A source that is a folder gives way to another one built beside it, at one moment; a target must
   then not be there (PP_ERROR_EXISTS), nor be "-".  Whatever else changes the folder meanwhile is
   lost, as with a file that is replaced.
   PP_ERROR_NOT_FOUND, PP_ERROR_FORMAT, PP_ERROR_LOCKED, PP_ERROR_IO, PP_ERROR_MEMORY. */
PP_MUST_CHECK enum pp_error pp_patch_file_rewrite(const struct pp_patch_file *patch,
                                                  enum pp_rollback_direction direction,
                                                  const char *source, const char *target,
                                                  const struct pp_rewrite_options *options,
                                                  struct pp_failure *failure);

/* ---- One file under patches ----------------------------------------------------------------- */

/* A file that transitions change in place, with its page tree in memory.  It is locked as long as
   it is open; beside it are FILE.rollback-journal while a transition is in hand, and
   FILE.rollback-tree when the tree is kept. */
struct pp_image;

struct pp_image_options {
    bool not_durable; /* leave out every fsync: a crash of the machine may then leave a mixture */
    bool keep_tree;   /* write FILE.rollback-tree when closing: the next open reads it alone */
    struct pp_progress progress; /* of reading the whole file, where that is necessary */
};

/* What opening found and did. */
struct pp_image_opening {
    bool completed; /* a transition that a crash interrupted was completed */
    bool discarded; /* one that had changed nothing yet was discarded */
    bool hashed;    /* the whole file was read: no kept tree was there, or it was out of date */
};

/* Opens and locks the file, completes or discards what a crash interrupted, and knows the tree.
   PP_ERROR_NOT_FOUND, PP_ERROR_LOCKED (another process has it open), PP_ERROR_ARGUMENT (no regular
   file), PP_ERROR_MISMATCH (a journal is there, but the file is neither as before nor as after it:
   nothing is changed), PP_ERROR_IO, PP_ERROR_MEMORY.  opening may be NULL. */
PP_MUST_CHECK enum pp_error pp_image_open(const char *path, const struct pp_image_options *options,
                                          struct pp_image **image, struct pp_image_opening *opening,
                                          struct pp_failure *failure);
uint64_t pp_image_bytes(const struct pp_image *image);
/* The root of its page tree. */
struct pp_digest pp_image_root(const struct pp_image *image);
/* The time of modification that closing sets, nanoseconds since 1970 UTC; without it, now when
   anything was changed. */
void pp_image_set_modified(struct pp_image *image, int64_t modified_ns);

/* Applies or reverts a patch in place.  PP_OK: the file is the other image, durable.
   PP_ERROR_MISMATCH: the file, or a page of it, is not what the patch was made for.
   PP_ERROR_ARGUMENT: the patch is not of page mode and can't run in place.  PP_ERROR_FORMAT: a bad
   patch.  After these nothing was changed.  PP_ERROR_IO: nothing was changed, or the failure says
   that the next open completes it; then only close is accepted (PP_ERROR_STOPPED). */
PP_MUST_CHECK enum pp_error pp_image_transition(struct pp_image *image,
                                                const struct pp_patch_file *patch,
                                                enum pp_rollback_direction direction,
                                                struct pp_failure *failure);
/* Keeps the tree if wanted, removes the journal, unlocks and frees.  NULL is allowed. */
PP_MUST_CHECK enum pp_error pp_image_close(struct pp_image *image, struct pp_failure *failure);

/* ---- A store of versions -------------------------------------------------------------------- */

/* The versions of one file or folder, numbered from 0, in a folder of their own: the first as it
   was, the others as patches, and a ledger with an entry for every transition.  Any of n versions
   is at most ceil(log2 n) patches away from the first. */
struct pp_versions;

enum { PP_VERSION_TEXT_BYTES = 4096, PP_VERSION_NAME_BYTES = 256 };
enum pp_version_kind { PP_VERSION_FILE, PP_VERSION_FOLDER };

struct pp_version {
    uint64_t number;
    uint64_t time_ns; /* of the commit, since 1970 UTC */
    enum pp_version_kind kind;
    uint64_t bytes; /* of the image: the file, or the folder as one image */
    struct pp_digest root;
    uint32_t mode;        /* of a file; a folder's entries hold their own */
    int64_t modified_ns;  /* of a file */
    uint64_t patch_bytes; /* of the patches that lead here */
    char actor[PP_VERSION_NAME_BYTES];
    char message[PP_VERSION_TEXT_BYTES]; /* UTF-8 */
};

enum pp_versions_use {
    PP_VERSIONS_LOOK,  /* takes no lock: counts and records only */
    PP_VERSIONS_CHECK, /* writes nothing but scratch files: verification */
    PP_VERSIONS_WRITE
};
struct pp_versions_options {
    enum pp_versions_use use;
    const char *actor; /* who, for the ledger; not NULL for PP_VERSIONS_WRITE */
    struct pp_progress progress;
};

/* Makes the folder `path`, an empty store.  ledger NULL: makes one in the store, with keys of its
   own under path/keys when keys is NULL; otherwise links the ledger that is there, sealed with
   keys.  PP_ERROR_EXISTS when the folder has something in it. */
PP_MUST_CHECK enum pp_error pp_versions_create(const char *path, const char *ledger,
                                               const char *keys, struct pp_failure *failure);
/* Opens a store, and records what a crash interrupted.  PP_ERROR_NOT_FOUND, PP_ERROR_FORMAT,
   PP_ERROR_LOCKED, PP_ERROR_IO and what the ledger says. */
PP_MUST_CHECK enum pp_error pp_versions_open(const char *path,
                                             const struct pp_versions_options *options,
                                             struct pp_versions **versions,
                                             struct pp_failure *failure);
PP_MUST_CHECK enum pp_error pp_versions_close(struct pp_versions *versions,
                                              struct pp_failure *failure);

uint64_t pp_versions_count(const struct pp_versions *versions);
/* The file or folder, "" before the first commit. */
const char *pp_versions_subject(const struct pp_versions *versions);
/* The version that the ledger says the subject is at; meaningless without versions. */
uint64_t pp_versions_current(const struct pp_versions *versions);
PP_MUST_CHECK enum pp_error pp_versions_read(const struct pp_versions *versions, uint64_t number,
                                             struct pp_version *version,
                                             struct pp_failure *failure);
/* Patches from version 0 to this one: the bits of its number. */
unsigned pp_versions_steps(uint64_t number);

/* Records the file or folder as the next version.  PP_ERROR_EXISTS: nothing has changed since the
   current one.  PP_ERROR_ARGUMENT: another subject than the store's, a message that is not UTF-8 or
   too long, or something that is neither file, folder nor symbolic link. */
PP_MUST_CHECK enum pp_error pp_versions_commit(struct pp_versions *versions, const char *subject,
                                               const char *message, uint64_t *number,
                                               struct pp_failure *failure);
/* Makes the subject that version, whole or not at all; or with target writes it there.  What is in
   the subject must be the current version, unless discard.  PP_ERROR_NOT_FOUND, PP_ERROR_MISMATCH
   (the subject was changed), PP_ERROR_LOCKED, PP_ERROR_IO. */
struct pp_checkout_options {
    const char *target; /* NULL: the subject */
    bool discard;       /* give up what was never committed */
};
PP_MUST_CHECK enum pp_error pp_versions_checkout(struct pp_versions *versions, uint64_t number,
                                                 const struct pp_checkout_options *options,
                                                 struct pp_failure *failure);

/* What verification found. */
struct pp_versions_report {
    bool good;            /* nothing bad; interrupted says that something is not decided */
    bool interrupted;     /* a transition was recorded, but a crash came before it */
    uint64_t versions;    /* there are */
    uint64_t rebuilt;     /* built again from the first one, and their roots compared */
    uint64_t transitions; /* in the ledger */
    uint64_t current;     /* of the ledger */
    uint64_t found;       /* the version that the subject really is, or PP_NO_VERSION */
    char reason[PP_FAILURE_TEXT_BYTES]; /* of the first that is bad, or "" */
};
#define PP_NO_VERSION UINT64_MAX
/* Compares the subject, the records and the base with the ledger's entries; all: every version and
   patch too.  The ledger itself is verified by pp_ledger_verify.  PP_OK also when something is bad:
   see *report; an error when nothing can be said. */
PP_MUST_CHECK enum pp_error pp_versions_verify(struct pp_versions *versions, bool all,
                                               struct pp_versions_report *report,
                                               struct pp_failure *failure);
/* Removes what no version needs: images and patches that a crash left.  *freed: bytes. */
PP_MUST_CHECK enum pp_error pp_versions_collect(struct pp_versions *versions, uint64_t *freed,
                                                struct pp_failure *failure);

#endif
