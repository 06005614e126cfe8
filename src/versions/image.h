/* SPDX-License-Identifier: MIT */
/* What the files of one image share: its state, its page tree, its journal. */
#ifndef PP_IMAGE_H
#define PP_IMAGE_H

#include <postproof/versions.h>

#include "../base/base.h"
#include "../base/hash.h"
#include "../os/os.h"
#include "../store/store.h"
#include "patch_file.h"
#include "place.h"

#define PP_JOURNAL_SUFFIX ".rollback-journal"
#define PP_TREE_SUFFIX ".rollback-tree"

/* ---- The page tree in memory ---- */

/* Rows as in <postproof/rollback.h>; the leaves come first. */
struct pp_image_tree {
    struct pp_digest *nodes;
    size_t pages, cap; /* cap: nodes there is room for */
};
void pp_image_tree_free(struct pp_image_tree *tree);
/* Room for an image of that size; the leaves that both sizes have are kept. */
PP_MUST_CHECK bool pp_image_tree_resize(struct pp_image_tree *tree, uint64_t image_bytes);
struct pp_digest pp_image_tree_root(const struct pp_image_tree *tree);
/* Reads a whole file and makes its tree; holes are not read.  sha256, of all of it, may be NULL.
   progress may be NULL.  0 or -errno (-ENOMEM too). */
PP_MUST_CHECK int pp_image_tree_read(struct pp_image_tree *tree, int fd, uint64_t image_bytes,
                                     struct pp_digest *sha256, const struct pp_progress *progress);

/* replay.c: runs a patch in both directions over the images that it was made of, and compares each
   page.  PP_ERROR_MISMATCH. */
PP_MUST_CHECK enum pp_error pp_patch_replay(int patch_fd, int old_fd,
                                            const struct pp_image_tree *old_tree, int new_fd,
                                            const struct pp_image_tree *new_tree,
                                            struct pp_failure *failure);

/* ---- The journal: docs/format/rollback.md, "Journal" ---- */

enum { PP_JOURNAL_HEADER_BYTES = 4096, PP_JOURNAL_RECORD_HEAD_BYTES = 44 };

struct pp_journal_header {
    uint64_t old_bytes, new_bytes; /* of the image */
    struct pp_digest old_root, new_root, patch_hash;
    uint64_t pages;                /* records */
    struct pp_digest records_hash; /* SHA-256 of all heads of records */
};

struct pp_journal {
    int fd;
    struct pp_journal_header header;
    struct pp_sha256_stream heads;
    uint8_t *buffer;
    size_t used, at; /* bytes in the buffer; of them read back already */
    uint64_t end;    /* of what is in the file, or was read from it */
    uint64_t pages_left;
};
/* A record as read back; page borrows. */
struct pp_journal_record {
    uint64_t page;
    struct pp_digest hash;
    struct pp_bytes data;
};
/* Begins to collect records on an open file; 0 or -ENOMEM. */
PP_MUST_CHECK int pp_journal_begin(struct pp_journal *journal, int fd);
PP_MUST_CHECK int pp_journal_add(struct pp_journal *journal, uint64_t page,
                                 const struct pp_digest *hash, struct pp_bytes data);
/* Writes what is collected and the header, whose count and hash it fills.  Not yet durable. */
PP_MUST_CHECK int pp_journal_write_header(struct pp_journal *journal);
/* Begins to read back: PP_ERROR_NOT_FOUND when there is no header, or a damaged one.  *os_error is
   errno or 0, here and below. */
PP_MUST_CHECK enum pp_error pp_journal_rewind(struct pp_journal *journal, int fd, int *os_error);
/* The next record, its page checked; PP_ERROR_NOT_FOUND behind the last, when all heads are right;
   PP_ERROR_MISMATCH for damage. */
PP_MUST_CHECK enum pp_error pp_journal_next(struct pp_journal *journal,
                                            struct pp_journal_record *record, int *os_error);
/* Nothing in it counts any longer; not durable. */
PP_MUST_CHECK int pp_journal_retire(int fd);
void pp_journal_free(struct pp_journal *journal);

/* ---- The image ---- */

struct pp_image {
    char *path;
    struct pp_place place;
    int fd, journal_fd; /* journal_fd -1 until it is needed */
    struct pp_image_options options;
    uint64_t bytes;
    bool sparse;
    struct pp_image_tree tree;
    bool tree_known; /* of the file as it is */
    struct pp_image_tree
        kept; /* of the file as it was when its tree was kept, if that is another */
    bool changed, stopped;
    bool has_modified;
    int64_t modified_ns;
};

/* image_tree.c: FILE.rollback-tree.  false when there is none that is up to date; one of the file
   as it was before goes to image->kept. */
PP_MUST_CHECK bool pp_image_load_tree(struct pp_image *image);
/* The leaves of the kept tree when its root is this one, else NULL. */
const struct pp_digest *pp_image_kept_leaves(const struct pp_image *image,
                                             const struct pp_digest *root);
PP_MUST_CHECK int pp_image_save_tree(struct pp_image *image);
/* Reads the file when the tree is not known. */
PP_MUST_CHECK enum pp_error pp_image_know_tree(struct pp_image *image, struct pp_failure *failure);

/* image_journal.c */
/* FILE.rollback-journal, made when it is not there. */
PP_MUST_CHECK int pp_image_open_journal(struct pp_image *image);
PP_MUST_CHECK int pp_image_remove_journal(struct pp_image *image);
/* Writes the records of a whole journal into the file and makes it durable. */
PP_MUST_CHECK enum pp_error pp_image_replay(struct pp_image *image, struct pp_journal *journal,
                                            struct pp_failure *failure);
/* What a crash left, if anything. */
PP_MUST_CHECK enum pp_error pp_image_recover(struct pp_image *image,
                                             struct pp_image_opening *opening,
                                             struct pp_failure *failure);

#endif
