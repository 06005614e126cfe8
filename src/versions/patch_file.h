/* SPDX-License-Identifier: MIT */
/* A patch file, and its run over a source file of which every page is checked as it is read. */
#ifndef PP_PATCH_FILE_H
#define PP_PATCH_FILE_H

#include <postproof/patch.h>
#include <postproof/versions.h>

struct pp_patch_file {
    char *path;
    int fd;
    struct pp_patch_header header;
};

/* Reads and checks header and body of the open file; fills the header. */
PP_MUST_CHECK enum pp_error pp_patch_file_check(struct pp_patch_file *patch,
                                                struct pp_failure *failure);
/* The image that a direction starts from, and the one that it leads to. */
const struct pp_patch_image *pp_patch_source(const struct pp_patch_file *patch,
                                             enum pp_rollback_direction direction);
const struct pp_patch_image *pp_patch_target(const struct pp_patch_file *patch,
                                             enum pp_rollback_direction direction);

struct pp_patch_run {
    /* set by the caller */
    const struct pp_patch_file *patch;
    enum pp_rollback_direction direction;
    const char *path;                      /* of the source, for failures */
    int fd;                                /* of the source */
    const struct pp_digest *leaves;        /* of the source's page tree */
    const struct pp_digest *wanted_leaves; /* of what the source should be, or NULL */
    struct pp_failure *failure;

    struct pp_patch_decoder *decoder;
    uint64_t body_at; /* read so far */
};

/* Is the source, of that size and root, what the direction starts from?  PP_ERROR_MISMATCH says
   which hash differs, and at which page if wanted_leaves are known. */
PP_MUST_CHECK enum pp_error pp_patch_run_check(const struct pp_patch_run *run, uint64_t bytes,
                                               const struct pp_digest *root);
/* Makes the decoder; free it with pp_patch_run_end also when this failed. */
PP_MUST_CHECK enum pp_error pp_patch_run_begin(struct pp_patch_run *run);
/* Decodes the next block; then pp_patch_decoder_next_write(run->decoder) says what to write.
   *done: there was none left, and all of the patch was right. */
PP_MUST_CHECK enum pp_error pp_patch_run_block(struct pp_patch_run *run, bool *done);
/* Bytes of the source, their pages checked. */
PP_MUST_CHECK enum pp_error pp_patch_run_read(struct pp_patch_run *run, uint8_t *out, size_t bytes,
                                              uint64_t offset);
void pp_patch_run_end(struct pp_patch_run *run);

#endif
