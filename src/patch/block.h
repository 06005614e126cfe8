/* SPDX-License-Identifier: MIT */
/* Headers of patch files and of their blocks, and what follows from them: docs/format/rollback.md,
   "Container". */
#ifndef PP_PATCH_BLOCK_H
#define PP_PATCH_BLOCK_H

#include <postproof/patch.h>

#include "../rollback/transform.h"

enum pp_patch_slot_number {
    PP_PATCH_SLOT_OPERATIONS,
    PP_PATCH_SLOT_NEW_PREFIX, /* of the new literals, or of both: pages of the old image */
    PP_PATCH_SLOT_OLD_PREFIX,
    PP_PATCH_SLOT_MOVES,
    PP_PATCH_SLOT_NEW_LITERALS, /* that did not move; or the code that both sides share */
    PP_PATCH_SLOT_OLD_LITERALS,
    PP_PATCH_SLOT_CELLS,
    PP_PATCH_SLOT_RUNS, /* or codes of two bits */
    PP_PATCH_SLOT_VALUES,
    PP_PATCH_SLOTS = PP_PATCH_SLOT_VALUES + 4,
    /* Where both sides share a code: which literals stand elsewhere. */
    PP_PATCH_SLOT_NEW_ELSEWHERE = PP_PATCH_SLOT_OLD_PREFIX,
    PP_PATCH_SLOT_OLD_ELSEWHERE = PP_PATCH_SLOT_OLD_LITERALS
};

enum { PP_PATCH_CONTENT_BYTES_MAX = 5 << 19 }; /* of the slots of a block */

struct pp_patch_slot {
    uint32_t content_bytes, stored_bytes;
};

struct pp_patch_block {
    enum pp_rollback_item item;
    enum pp_rollback_layout layout;
    bool cells;
    uint8_t new_width, old_width; /* of the planes of literals; 0: plain */
    bool shared;                  /* one code for the literals of both sides ... */
    bool plain_code;              /* ... which is they themselves */
    uint32_t operations;
    uint32_t delta_bytes, new_bytes, old_bytes;
    uint32_t moved_bytes; /* of the new literals, and as many of the old ones */
    struct pp_digest plain_hash;
    struct pp_patch_slot slot[PP_PATCH_SLOTS];
};

/* PP_PATCH_BLOCK_HEADER_BYTES at p.  PP_ERROR_FORMAT when a limit that can be seen in the block
   header alone is broken. */
PP_MUST_CHECK enum pp_error pp_patch_block_read(const uint8_t *p, struct pp_patch_block *block);
void pp_patch_block_write(uint8_t *p, const struct pp_patch_block *block);
/* The sum over all slots, which read has bounded. */
uint32_t pp_patch_block_stored_bytes(const struct pp_patch_block *block);

/* Operations as varints, and as the control stream of the plain form, count of them. */
PP_MUST_CHECK bool pp_patch_operations_decode(struct pp_bytes slot, uint32_t count,
                                              uint8_t *control);
/* Returns the bytes written, at most PP_VARINT_BYTES_MAX for each operation. */
size_t pp_patch_operations_encode(struct pp_bytes control, uint8_t *slot);

/* SHA-256 over the four plain streams, one after the other. */
struct pp_digest pp_patch_plain_hash(const struct pp_rollback_streams *streams);

#endif
