/* SPDX-License-Identifier: MIT */
/* Patches that run in both directions: the plain form, one script for apply and revert, and hash
   trees over the pages of an image.  docs/format/rollback.md, "Plain form" and "Page tree". */
#ifndef POSTPROOF_ROLLBACK_H
#define POSTPROOF_ROLLBACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <postproof/bytes.h>
#include <postproof/error.h>

enum {
    PP_ROLLBACK_HEADER_BYTES = 120,
    PP_ROLLBACK_OPERATION_BYTES = 10,
    PP_ROLLBACK_PAGE_BYTES = 4096
};

enum pp_rollback_direction {
    PP_ROLLBACK_APPLY, /* the old image becomes the new one */
    PP_ROLLBACK_REVERT /* the new image becomes the old one */
};

/* ---- Operations: what both images hold at the place that was reached ------------------------- */

enum pp_rollback_kind {
    PP_ROLLBACK_COPY, /* new = old + delta modulo 256, one delta for all bytes */
    PP_ROLLBACK_PAIR, /* new = old + delta modulo 256, each byte with its own delta */
    PP_ROLLBACK_NEW,  /* bytes that only the new image has */
    PP_ROLLBACK_OLD   /* bytes that only the old image has */
};

struct pp_rollback_operation {
    uint64_t count; /* bytes: at least 1 */
    uint8_t kind;   /* enum pp_rollback_kind */
    uint8_t delta;  /* of PP_ROLLBACK_COPY; otherwise 0 */
};

/* The operation whose PP_ROLLBACK_OPERATION_BYTES of a control stream are at p.  PP_ERROR_FORMAT
   for an unknown kind, a count of 0, or a delta where none belongs.  Each has one encoding. */
PP_MUST_CHECK enum pp_error pp_rollback_operation_read(const uint8_t *p,
                                                       struct pp_rollback_operation *operation);
void pp_rollback_operation_write(uint8_t *p, struct pp_rollback_operation operation);

/* ---- Header and sizes ------------------------------------------------------------------------ */

/* Of both images and of the four streams; or what of them is left. */
struct pp_rollback_sizes {
    uint64_t old_bytes, new_bytes; /* the images */
    uint64_t control_bytes;        /* a multiple of PP_ROLLBACK_OPERATION_BYTES */
    uint64_t delta_bytes, new_literal_bytes, old_literal_bytes;
};

struct pp_rollback_header {
    struct pp_rollback_sizes sizes;
    struct pp_digest old_hash, new_hash; /* SHA-256 of the images */
};

/* PP_ROLLBACK_HEADER_BYTES at p.  PP_ERROR_FORMAT for a wrong magic, or a control stream of no
   whole number of operations. */
PP_MUST_CHECK enum pp_error pp_rollback_header_read(const uint8_t *p,
                                                    struct pp_rollback_header *header);
void pp_rollback_header_write(uint8_t *p, const struct pp_rollback_header *header);

/* Takes what an operation speaks of from what is left, its own 10 bytes included.
   PP_ERROR_FORMAT, and nothing taken, when less is left.  Nothing is summed up: no overflow. */
PP_MUST_CHECK enum pp_error pp_rollback_sizes_take(struct pp_rollback_sizes *left,
                                                   struct pp_rollback_operation operation);
/* All of a script was read, and it speaks of all of both images and of all streams. */
bool pp_rollback_sizes_done(const struct pp_rollback_sizes *left);

/* The whole check of a script before a byte is written: call it with the sizes of the header and
   the control stream from its beginning, whole or in pieces of whole operations; then ask
   pp_rollback_sizes_done.  PP_ERROR_FORMAT for a bad operation, for one that takes more than is
   left, or a piece that ends inside an operation. */
PP_MUST_CHECK enum pp_error pp_rollback_control_check(struct pp_bytes control,
                                                      struct pp_rollback_sizes *left);

/* ---- Running a script in memory -------------------------------------------------------------- */

/* The four streams of a patch in its plain form. */
struct pp_rollback_streams {
    struct pp_bytes control, deltas, new_literals, old_literals;
};

/* Runs a whole script: source becomes out, which holds out_bytes and overlaps nothing.  The
   literals of the other side are compared with the source.  PP_ERROR_FORMAT, before a byte is
   written, when the script does not speak of exactly all of source, out and streams;
   PP_ERROR_MISMATCH when source is not the image that the patch was made for, as far as the
   literals show (the caller compares hashes): out is then unspecified. */
PP_MUST_CHECK enum pp_error pp_rollback_run(enum pp_rollback_direction direction,
                                            const struct pp_rollback_streams *streams,
                                            struct pp_bytes source, uint8_t *out, size_t out_bytes);

/* ---- Running a script piece by piece, in bounded memory -------------------------------------- */

/* Where a run stands. */
struct pp_rollback_run {
    struct pp_rollback_sizes left;          /* behind the operation at work */
    struct pp_rollback_operation operation; /* at work; its count is what is left of it */
    enum pp_rollback_direction direction;
};

/* The pieces at hand, each of any length from 0 on, and room for output.  A step moves each view
   and out behind what it used. */
struct pp_rollback_window {
    struct pp_bytes control, deltas, new_literals, old_literals, source;
    uint8_t *out; /* overlaps none of the views */
    size_t room;  /* bytes at out */
};

/* Why a step ended. */
enum pp_rollback_state {
    PP_ROLLBACK_DONE,               /* the script is at its end, and all is used up */
    PP_ROLLBACK_NEEDS_CONTROL,      /* 10 bytes at least; a rest of less stays in the view */
    PP_ROLLBACK_NEEDS_DELTAS,       /* the view is empty, as with the three below */
    PP_ROLLBACK_NEEDS_NEW_LITERALS, /* to write or to compare */
    PP_ROLLBACK_NEEDS_OLD_LITERALS, /* to write or to compare */
    PP_ROLLBACK_NEEDS_SOURCE,       /* the next bytes of the source image */
    PP_ROLLBACK_NEEDS_ROOM,         /* room is 0: the output must be taken away */
    PP_ROLLBACK_BAD_SCRIPT,         /* a bad operation, or sums that do not fit the sizes */
    PP_ROLLBACK_WRONG_BASE          /* the source differs from a literal that it must hold */
};

/* A run at its beginning.  The sizes are those of the header. */
void pp_rollback_run_init(struct pp_rollback_run *run, enum pp_rollback_direction direction,
                          const struct pp_rollback_sizes *sizes);
/* Goes as far as the window allows.  After BAD_SCRIPT or WRONG_BASE the run is over; the other
   answers can be followed by another call, with more.  Never asks for more than the sizes hold. */
PP_MUST_CHECK enum pp_rollback_state pp_rollback_run_step(struct pp_rollback_run *run,
                                                          struct pp_rollback_window *window);

/* ---- Page tree ------------------------------------------------------------------------------- */

/* The RFC 6962 tree whose leaves are the leaf hashes of an image's pages; the last page may be
   short.  It lives in an array of the caller's: all rows, leaves first, 64 bytes for each page.
   An image of 0 bytes has no pages and no nodes; its root is that of the empty tree. */

/* Pages of an image. */
uint64_t pp_rollback_pages(uint64_t image_bytes);
/* Nodes of the tree over so many pages; below 2 * pages + 64.  pages is at most 2^52. */
uint64_t pp_rollback_tree_nodes(uint64_t pages);
/* The leaf hash of one page, 1 to PP_ROLLBACK_PAGE_BYTES bytes. */
struct pp_digest pp_rollback_page_hash(struct pp_bytes page);
/* Fills the rows above the leaves nodes[0 .. pages - 1]. */
void pp_rollback_tree_build(struct pp_digest *nodes, size_t pages);
/* Page number `page` has a new hash: sets the leaf and the nodes above it, O(log pages). */
void pp_rollback_tree_update(struct pp_digest *nodes, size_t pages, size_t page,
                             struct pp_digest hash);
/* Several pages have new hashes, and the caller has set their leaves: makes the nodes above them
   anew, so that the array is what pp_rollback_tree_build makes of the leaves as they are now.
   Before, every node that is over none of these pages must be what it makes of them, as after a
   build, an update or a refresh.  changed names the pages, n of them, each below `pages`; it is
   scratch and lost.  In ascending order each node is made once, O(n log pages); in any other order,
   or named twice, the result is the same.  n may be 0; nothing can fail.  Where many pages have
   changed, pp_rollback_tree_build is faster. */
void pp_rollback_tree_refresh(struct pp_digest *nodes, size_t pages, size_t *changed, size_t n);
struct pp_digest pp_rollback_tree_root(const struct pp_digest *nodes, size_t pages);

#endif
