/* SPDX-License-Identifier: MIT */
/* What the files of the version store share.  docs/format/rollback.md, "Version store". */
#ifndef PP_VERSIONS_H
#define PP_VERSIONS_H

#include <postproof/ledger.h>
#include <postproof/versions.h>

#include "../base/base.h"
#include "../base/hash.h"
#include "../os/os.h"
#include "../store/store.h"

enum { PP_VERSIONS_PATH_BYTES = 4096, PP_VERSION_PATCHES_MAX = 2 };

enum pp_transition_kind {
    PP_TRANSITION_COMMIT,  /* the subject, as it is, became a version */
    PP_TRANSITION_APPLY,   /* a patch was applied to it */
    PP_TRANSITION_REVERT,  /* a patch was reverted */
    PP_TRANSITION_REPLACE, /* it was replaced by a version that was built beside it */
    PP_TRANSITION_DONE,    /* what the entry before announced took place */
    PP_TRANSITION_ABANDON  /* it did not; post is what was before it */
};
struct pp_transition {
    enum pp_transition_kind kind;
    uint64_t from, to; /* versions; PP_NO_VERSION for none */
    struct pp_digest pre, post;
    struct pp_digest patch;  /* name of the last patch that leads there; zeros: none */
    struct pp_digest record; /* of PP_TRANSITION_COMMIT: SHA-256 of the version's record */
};

struct pp_versions {
    char *path; /* of the store */
    int dir, records, patches, scratch;
    struct pp_versions_options options;
    char actor[PP_VERSION_NAME_BYTES];
    char subject[PP_VERSIONS_PATH_BYTES];
    uint64_t count;
    uint64_t current; /* PP_NO_VERSION before the first */
    struct pp_digest current_root;
    struct pp_transition pending; /* announced; whether it took place is not known */
    bool is_pending;
    struct pp_ledger *ledger; /* open for writing once it is needed */
};

/* ---- versions_record.c: one version on the disk ---- */

struct pp_version_record {
    struct pp_version version;
    size_t patch_count;
    struct {
        uint64_t from;
        struct pp_digest name; /* of the patch file */
    } patches[PP_VERSION_PATCHES_MAX];
};
/* hash may be NULL: SHA-256 of the record's file. */
PP_MUST_CHECK enum pp_error pp_version_record_read(const struct pp_versions *versions,
                                                   uint64_t number,
                                                   struct pp_version_record *record,
                                                   struct pp_digest *hash,
                                                   struct pp_failure *failure);
/* The record's bytes, to be freed with free(). */
PP_MUST_CHECK enum pp_error pp_version_record_encode(const struct pp_version_record *record,
                                                     char **text, struct pp_failure *failure);
void pp_version_record_name(uint64_t number, char out[PP_OS_NAME_BYTES]);
void pp_version_patch_name(uint64_t from, uint64_t to, char out[PP_OS_NAME_BYTES]);

/* ---- versions_ledger.c: transitions as entries of the ledger ---- */

/* Opens the ledger for writing, which repairs what a crash left of it. */
PP_MUST_CHECK enum pp_error pp_versions_open_ledger(struct pp_versions *versions,
                                                    struct pp_failure *failure);
/* Durable when it returns. */
PP_MUST_CHECK enum pp_error pp_transition_append(struct pp_versions *versions,
                                                 const struct pp_transition *transition,
                                                 struct pp_failure *failure);
/* The transitions from the oldest on.  PP_ERROR_NOT_FOUND at the end. */
struct pp_transitions;
PP_MUST_CHECK enum pp_error pp_transitions_open(const struct pp_versions *versions,
                                                struct pp_transitions **transitions,
                                                struct pp_failure *failure);
PP_MUST_CHECK enum pp_error pp_transitions_next(struct pp_transitions *transitions,
                                                struct pp_transition *transition, uint64_t *seq,
                                                struct pp_failure *failure);
void pp_transitions_close(struct pp_transitions *transitions);
/* The last one.  PP_ERROR_NOT_FOUND when there is none. */
PP_MUST_CHECK enum pp_error pp_transitions_last(const struct pp_versions *versions,
                                                struct pp_transition *transition, uint64_t *seq,
                                                struct pp_failure *failure);

/* ---- versions_build.c ---- */

/* Writes the entry that ends what is pending, whose outcome the subject's root shows: done, or
   abandoned.  Another root leaves it pending. */
PP_MUST_CHECK enum pp_error pp_versions_settle(struct pp_versions *versions,
                                               const struct pp_digest *root,
                                               struct pp_failure *failure);
/* Announces a transition; pp_versions_settle ends it. */
PP_MUST_CHECK enum pp_error pp_versions_announce(struct pp_versions *versions,
                                                 const struct pp_transition *transition,
                                                 struct pp_failure *failure);

/* Path of a file in the store. */
PP_MUST_CHECK enum pp_error pp_versions_path(const struct pp_versions *versions, const char *below,
                                             char out[PP_VERSIONS_PATH_BYTES],
                                             struct pp_failure *failure);
/* Root and size of a file. */
PP_MUST_CHECK enum pp_error pp_versions_root(const char *path, const struct pp_progress *progress,
                                             struct pp_digest *root, uint64_t *bytes,
                                             struct pp_failure *failure);
/* The path beside another one: FOLDER/.NAME and the suffix.  PP_ERROR_ARGUMENT: too long. */
PP_MUST_CHECK enum pp_error pp_versions_path_beside(const char *path, const char *suffix,
                                                    char out[PP_VERSIONS_PATH_BYTES],
                                                    struct pp_failure *failure);
/* Copies a file, holes and all, to a new one. */
PP_MUST_CHECK enum pp_error pp_versions_copy(const char *from, const char *to,
                                             struct pp_failure *failure);
/* For len > 0. */
bool pp_versions_is_zeros(const uint8_t *data, size_t len);
/* Writes pages, from the start of one on, to a new file: pages of zeros are left out and become
   holes.  0 or -errno. */
PP_MUST_CHECK int pp_versions_write_sparse(int fd, const uint8_t *data, size_t len, uint64_t at);
/* Removes a file in the making, and what stands beside it. */
void pp_versions_clear(const char *path);
/* Runs a patch on a file in the making: nothing of it is made durable. */
PP_MUST_CHECK enum pp_error pp_versions_step(const char *path, const struct pp_patch_file *patch,
                                             enum pp_rollback_direction direction,
                                             struct pp_failure *failure);
/* Builds the image of a version as a new file, from the first one and patches; checked. */
PP_MUST_CHECK enum pp_error pp_versions_build(const struct pp_versions *versions, uint64_t number,
                                              const char *path, struct pp_failure *failure);
/* The patch between two versions, when the store has one: PP_ERROR_NOT_FOUND. */
PP_MUST_CHECK enum pp_error pp_versions_patch(const struct pp_versions *versions, uint64_t from,
                                              uint64_t to, struct pp_patch_file **patch,
                                              struct pp_failure *failure);

/* ---- versions_subject.c: the subject as an image ---- */

/* The image of the file or folder as it is: the file itself, or the folder packed into the store's
   scratch folder. */
struct pp_subject {
    enum pp_version_kind kind;
    char image[PP_VERSIONS_PATH_BYTES];
    uint64_t bytes;
    struct pp_digest root;
    uint32_t mode;
    int64_t modified_ns;
};
PP_MUST_CHECK enum pp_error pp_subject_read(const struct pp_versions *versions, const char *path,
                                            struct pp_subject *subject, struct pp_failure *failure);

/* ---- folder.c, folder_unpack.c: docs/format/rollback.md, "Folder image" ---- */

#define PP_FOLDER_MAGIC "PPRBDIR1"
enum {
    PP_FOLDER_HEAD_BYTES = 16,
    PP_FOLDER_ENTRY_BYTES = 24, /* before the path */
    PP_FOLDER_LIST_BYTES_MAX = 1 << 30,
    PP_FOLDER_DEPTH_MAX = 64 /* folders in each other */
};
/* The list, and each file's contents, take whole pages of an image. */
static inline uint64_t pp_folder_whole_pages(uint64_t bytes)
{
    return pp_rollback_pages(bytes) * PP_ROLLBACK_PAGE_BYTES;
}
/* Makes a new file of a folder.  PP_ERROR_MISMATCH: something changed it meanwhile. */
PP_MUST_CHECK enum pp_error pp_folder_pack(const char *folder, const char *image,
                                           struct pp_failure *failure);
/* Makes a folder, which must not be there, of an image.  PP_ERROR_FORMAT: no image, or not the one
   that packing makes of any folder.  After an error a part of the folder may be there, and nothing
   outside of it was made or changed. */
PP_MUST_CHECK enum pp_error pp_folder_unpack(const char *image, const char *folder, bool durable,
                                             struct pp_failure *failure);
/* Removes a folder and all in it; 0 also when it is not there, or -errno. */
PP_MUST_CHECK int pp_folder_remove(int dir, const char *name);

/* ---- folder_replace.c: a folder gives way to another one beside it, at one moment ---- */

struct pp_place;

/* Makes the folder of an image beside the place; path is the place's. */
PP_MUST_CHECK enum pp_error pp_folder_build(const struct pp_place *place, const char *path,
                                            const char *image, bool durable,
                                            struct pp_failure *failure);
/* It gets the name; what had the name, if anything, is then the folder beside. */
PP_MUST_CHECK enum pp_error pp_folder_exchange(const struct pp_place *place, bool durable,
                                               struct pp_failure *failure);
/* Removes the folder beside, if there is one. */
PP_MUST_CHECK enum pp_error pp_folder_clear(const struct pp_place *place,
                                            struct pp_failure *failure);

/* ---- folder_patch.c: patches between folders ---- */

/* True for a folder, also through a link. */
bool pp_path_is_folder(const char *path);
/* pp_patch_file_make and pp_patch_file_rewrite where the paths are those of folders. */
PP_MUST_CHECK enum pp_error pp_folder_patch_make(const char *old_path, const char *new_path,
                                                 const char *patch_path,
                                                 const struct pp_diff_options *options,
                                                 struct pp_failure *failure);
PP_MUST_CHECK enum pp_error pp_folder_patch_run(const struct pp_patch_file *patch,
                                                enum pp_rollback_direction direction,
                                                const char *source, const char *target,
                                                const struct pp_rewrite_options *options,
                                                struct pp_failure *failure);

#endif
