/* SPDX-License-Identifier: MIT */
/* Patch files: compressed blocks that lead from an old image to a new one and back.
   docs/format/rollback.md, "Container".  Reading and writing files is the caller's: a decoder says
   which bytes of the source image it needs and what to write where; an encoder hands out blocks. */
#ifndef POSTPROOF_PATCH_H
#define POSTPROOF_PATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <postproof/bytes.h>
#include <postproof/error.h>
#include <postproof/rollback.h>

enum {
    PP_PATCH_HEADER_BYTES = 232,
    PP_PATCH_BLOCK_HEADER_BYTES = 156,
    PP_PATCH_TOUCHED_BYTES_MAX = 1 << 20, /* of pairs and literals in one block */
    PP_PATCH_PREFIX_BYTES_MAX = 1 << 20,
    PP_PATCH_OPERATIONS_MAX = 65536 /* in one block */
};

enum pp_patch_mode { PP_PATCH_GENERIC, PP_PATCH_PAGES };

/* ---- File header ----------------------------------------------------------------------------- */

/* What says which image it is.  sha256 may be 32 zero bytes: not recorded. */
struct pp_patch_image {
    uint64_t bytes;
    struct pp_digest sha256, root; /* of the whole image; of its page tree */
};

struct pp_patch_header {
    enum pp_patch_mode mode;
    struct pp_patch_image old_image, new_image;
    uint64_t body_bytes;
    struct pp_digest body_hash;
    struct pp_digest name; /* SHA-256 of the fields above: names the patch */
};

/* PP_PATCH_HEADER_BYTES at p.  PP_ERROR_FORMAT for another magic, mode or reserved byte,
   PP_ERROR_MISMATCH when the name is not the hash of the header: it was damaged.  The caller
   compares the file's size with PP_PATCH_HEADER_BYTES + body_bytes, and the body with body_hash
   before it writes anything, where it can read the body twice. */
PP_MUST_CHECK enum pp_error pp_patch_header_read(const uint8_t *p, struct pp_patch_header *header);
/* Sets name, and PP_PATCH_HEADER_BYTES at p. */
void pp_patch_header_write(uint8_t *p, struct pp_patch_header *header);

/* ---- Decoder: one block after the other ----------------------------------------------------- */

/* Used like this:

     pp_patch_decoder_new
     while (!pp_patch_decoder_at_end)
         pp_patch_decoder_begin     with the next PP_PATCH_BLOCK_HEADER_BYTES of the body
         pp_patch_decoder_open      with the stored bytes that it asked for
         pp_patch_decoder_next_read     until it has none: read these bytes of the source image
         pp_patch_decoder_run
         pp_patch_decoder_next_write    until it has none: write these bytes of the result
     pp_patch_decoder_finish
     pp_patch_decoder_free

   Reads and writes of one block are in the order of the image, except for the ranges of the prefix,
   which are the last reads.  They follow each other in the decoder's memory too.  After an error
   the decoder is of no use.  What was written until then is no image: the caller throws it away. */
struct pp_patch_decoder;

/* Less than 14 MiB of memory, whatever the header says; NULL when there is none. */
struct pp_patch_decoder *pp_patch_decoder_new(enum pp_rollback_direction direction,
                                              const struct pp_patch_header *header);
void pp_patch_decoder_free(struct pp_patch_decoder *decoder);
/* The body was read to its end. */
bool pp_patch_decoder_at_end(const struct pp_patch_decoder *decoder);

/* Where the stored bytes of the block go: `bytes` of them at `data`, in the decoder's memory. */
struct pp_patch_space {
    uint8_t *data;
    size_t bytes;
};
/* PP_ERROR_FORMAT for a header that breaks a limit of the format. */
PP_MUST_CHECK enum pp_error
pp_patch_decoder_begin(struct pp_patch_decoder *decoder,
                       const uint8_t header[PP_PATCH_BLOCK_HEADER_BYTES],
                       struct pp_patch_space *stored);
/* After the caller filled that space.  PP_ERROR_FORMAT for operations that break the format. */
PP_MUST_CHECK enum pp_error pp_patch_decoder_open(struct pp_patch_decoder *decoder);

/* The caller reads space.bytes of the source image, from offset, to space.data.  They lie in the
   image, as long as it has the size that the header says.  false when there are no more. */
struct pp_patch_read {
    uint64_t offset;
    struct pp_patch_space space;
};
bool pp_patch_decoder_next_read(struct pp_patch_decoder *decoder, struct pp_patch_read *read);

/* Computes the block.  PP_ERROR_MISMATCH when the source is not the image that the patch was made
   for, or the block is damaged: its plain hash differs.  PP_ERROR_FORMAT when a slot does not
   decode. */
PP_MUST_CHECK enum pp_error pp_patch_decoder_run(struct pp_patch_decoder *decoder);

/* A part of the result: either data, borrowed until the next begin, or, when data is NULL, a copy
   from source_offset of the source image, of any length.  In page mode, copies lead from a place to
   the same place: in a file that is patched in place there is nothing to do for them. */
struct pp_patch_write {
    uint64_t offset, bytes;
    const uint8_t *data;
    uint64_t source_offset;
};
bool pp_patch_decoder_next_write(struct pp_patch_decoder *decoder, struct pp_patch_write *write);

/* At the end: PP_ERROR_FORMAT when the body is not at its end or does not cover both images,
   PP_ERROR_MISMATCH when the body's hash is another.  The caller compares the result with the
   header's root, and its SHA-256 where that is recorded. */
PP_MUST_CHECK enum pp_error pp_patch_decoder_finish(struct pp_patch_decoder *decoder);

/* ---- Encoders -------------------------------------------------------------------------------- */

/* Both encoders hand out blocks, in their order: they are the body of the patch.  Each block was
   decoded again, and run in both directions, before it is handed out.  Used like this:

     pp_patch_encoder_new, or pp_patch_encoder_new_pages
     pp_patch_encoder_next until it gives no block; or pp_patch_encoder_feed, then
         pp_patch_encoder_next once
     pp_patch_encoder_finish     the header, which goes before the body
     pp_patch_encoder_free */
struct pp_patch_encoder;

/* Generic: bytes may have moved on.  Both images are borrowed until free.  What corresponds to what
   is found in here, which takes most of the time: by a table of blocks (about a quarter of the old
   image), then by suffix arrays of what lies between them (16 MiB at most).  Its mode is
   always PP_PATCH_GENERIC: the caller chooses.  PP_ERROR_MEMORY, PP_ERROR_TOO_LARGE from 128 GiB
   on. */
PP_MUST_CHECK enum pp_error pp_patch_encoder_new(struct pp_bytes old_image,
                                                 struct pp_bytes new_image,
                                                 struct pp_patch_encoder **encoder);
/* Page mode, less than 8 MiB of memory: for images whose bytes keep their places.  NULL when there
   is no memory. */
struct pp_patch_encoder *pp_patch_encoder_new_pages(uint64_t old_bytes, uint64_t new_bytes);

/* The next block, borrowed until the next call; no bytes when there are no more.
   PP_ERROR_MISMATCH when a block did not survive its replay: then there is no patch. */
PP_MUST_CHECK enum pp_error pp_patch_encoder_next(struct pp_patch_encoder *encoder,
                                                  struct pp_bytes *block);

/* Page mode: the next PP_PATCH_FEED_BYTES of both images, or what is left of either.  *block as
   above; often there is none. */
enum { PP_PATCH_FEED_BYTES = 1 << 17 };
PP_MUST_CHECK enum pp_error pp_patch_encoder_feed(struct pp_patch_encoder *encoder,
                                                  struct pp_bytes old_bytes,
                                                  struct pp_bytes new_bytes,
                                                  struct pp_bytes *block);

/* After the last block.  The images' sizes, hashes and roots are the caller's: it has read them.
   PP_ERROR_ARGUMENT when their sizes are not those that were encoded.  Fills header and its bytes.
 */
PP_MUST_CHECK enum pp_error pp_patch_encoder_finish(struct pp_patch_encoder *encoder,
                                                    const struct pp_patch_image *old_image,
                                                    const struct pp_patch_image *new_image,
                                                    struct pp_patch_header *header,
                                                    uint8_t bytes[PP_PATCH_HEADER_BYTES]);
void pp_patch_encoder_free(struct pp_patch_encoder *encoder);

#endif
