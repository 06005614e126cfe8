/* SPDX-License-Identifier: MIT */
/* The deltas of a block and the slots that hold them. */
#ifndef PP_PATCH_DELTAS_H
#define PP_PATCH_DELTAS_H

#include "block.h"

/* How the deltas of a block are written down. */
struct pp_patch_shape {
    enum pp_rollback_item item;
    enum pp_rollback_layout layout;
    bool cells;
};

/* What the item code must know of a block besides its rows: its script, where it begins in both
   images, and work space. */
struct pp_patch_place {
    struct pp_bytes control;
    uint64_t old_at, new_at;
    struct pp_rollback_code *code;
};

/* Work space: three rows of n bytes. */
enum { PP_PATCH_SCRATCH_ROWS = 3 };

/* The values that the slots' content holds, those of rows of n bytes or of their cells, and how
   many bytes they take: at most n.  They are the same in both directions.  false as below. */
PP_MUST_CHECK bool pp_patch_values_read(const struct pp_patch_block *block,
                                        const struct pp_bytes slot[PP_PATCH_SLOTS], size_t n,
                                        uint8_t *scratch, uint8_t *values, size_t *bytes);
/* Deltas from the values that were read, cells as in the slot of that name.  The values may stand
   where the deltas go, or for cells in the last row of the scratch space. */
void pp_patch_values_resolve(const struct pp_patch_block *block, const struct pp_patch_place *place,
                             enum pp_rollback_direction direction, struct pp_bytes cells,
                             struct pp_bytes values, const uint8_t *source_row, size_t n,
                             uint8_t *scratch, uint8_t *deltas);

/* Both in one: deltas byte by byte from the slots' content and the source's row, all of n bytes:
   those of the pairs, then those of what moved.  The contents of slots VALUES and above lie one
   behind the other.  PP_ERROR_FORMAT when they are not what the block's shape makes of so many
   bytes. */
PP_MUST_CHECK enum pp_error pp_patch_deltas_decode(const struct pp_patch_block *block,
                                                   const struct pp_patch_place *place,
                                                   enum pp_rollback_direction direction,
                                                   const struct pp_bytes slot[PP_PATCH_SLOTS],
                                                   const uint8_t *source_row, size_t n,
                                                   uint8_t *scratch, uint8_t *deltas);

/* The script of one Pair, of n bytes from the source with these deltas, to the target. */
PP_MUST_CHECK enum pp_error pp_patch_run_pair(enum pp_rollback_direction direction,
                                              const uint8_t *deltas, const uint8_t *source,
                                              uint8_t *target, size_t n);

/* Room that encode needs for the contents of rows of n bytes. */
size_t pp_patch_deltas_room(size_t n);
/* The contents of slots CELLS and above from both rows, one behind the other in memory that has
   that room.  Two rows of the scratch space are enough, and for the item code one and 16 bytes for
   each operation.  false when the rows can't be written down in that shape. */
PP_MUST_CHECK bool pp_patch_deltas_encode(struct pp_patch_shape shape,
                                          const struct pp_patch_place *place,
                                          const uint8_t *old_row, const uint8_t *new_row, size_t n,
                                          uint8_t *scratch, uint8_t *memory,
                                          struct pp_bytes slot[PP_PATCH_SLOTS]);

#endif
