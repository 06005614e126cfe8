/* SPDX-License-Identifier: MIT */
/* Literals of a block that moved: parts of the new ones that are like parts of the old ones.
   docs/format/rollback.md, "Moves". */
#ifndef PP_PATCH_MOVES_H
#define PP_PATCH_MOVES_H

#include "match.h"

/* The moved parts of a side's n literals, one behind the other in the order of the slot.  false
   when the slot breaks the format, or does not speak of exactly `bytes`. */
PP_MUST_CHECK bool pp_patch_moves_gather(struct pp_bytes slot, enum pp_patch_side side,
                                         const uint8_t *literals, size_t n, uint8_t *moved,
                                         size_t bytes);
/* The inverse: a side's n literals from the moved parts and from the others, all of rest.  marks is
   work space of n bytes.  false when the slot breaks the format, or moves a byte twice, or the sums
   differ. */
PP_MUST_CHECK bool pp_patch_moves_place(struct pp_bytes slot, enum pp_patch_side side,
                                        struct pp_bytes moved, struct pp_bytes rest,
                                        uint8_t *literals, size_t n, uint8_t *marks);
/* A side's n literals without the moved parts, all of `bytes`.  marks is work space of n bytes.
   false when the slot breaks the format, or leaves more or less. */
PP_MUST_CHECK bool pp_patch_moves_leave(struct pp_bytes slot, enum pp_patch_side side,
                                        const uint8_t *literals, size_t n, uint8_t *marks,
                                        uint8_t *rest, size_t bytes);
/* 1 for each of a side's n literals that moved, 0 for the others. */
void pp_patch_moves_mark(const struct pp_patch_covers *moves, enum pp_patch_side side, size_t n,
                         uint8_t *marks);
/* What is left of a side's n literals goes to rest, and how many bytes that are.  marks is work
   space of n bytes; the moves are those that were found. */
size_t pp_patch_moves_rest(const struct pp_patch_covers *moves, enum pp_patch_side side,
                           const uint8_t *literals, size_t n, uint8_t *marks, uint8_t *rest);

/* Appends moves in the order of the new literals; no byte is in two of them.  marks is work space
   of a byte for each literal.  PP_ERROR_MEMORY. */
PP_MUST_CHECK enum pp_error pp_patch_moves_find(struct pp_bytes old_literals,
                                                struct pp_bytes new_literals, uint8_t *marks,
                                                struct pp_patch_covers *moves);
enum { PP_PATCH_MOVE_BYTES_MIN = 24, PP_PATCH_MOVE_SLOT_BYTES_MAX = 12 };
/* Fills slot, at most PP_PATCH_MOVE_SLOT_BYTES_MAX for each move. */
size_t pp_patch_moves_write(const struct pp_patch_covers *moves, uint8_t *slot);

#endif
