/* SPDX-License-Identifier: MIT */
/* Invertible transforms of the deltas of a block: docs/format/rollback.md, "Deltas".  All of it is
   integer arithmetic; buffers do not overlap unless it is said. */
#ifndef PP_ROLLBACK_TRANSFORM_H
#define PP_ROLLBACK_TRANSFORM_H

#include <postproof/rollback.h>

/* ---- Numbers of 7 bits in a byte ------------------------------------------------------------- */

enum { PP_VARINT_BYTES_MAX = 10 };

/* Writes v at p, at most PP_VARINT_BYTES_MAX bytes; how many they are. */
size_t pp_rollback_varint_write(uint8_t *p, uint64_t v);
/* The number at the front of *rest, which moves behind it; false when there is no whole number, one
   above 2^64 - 1, or one with a needless byte. */
PP_MUST_CHECK bool pp_rollback_varint_read(struct pp_bytes *rest, uint64_t *v);

/* ---- Items: values from two rows, a row from the other one and the values ------------------- */

enum pp_rollback_item {
    PP_ROLLBACK_ITEM_BYTE,  /* new - old */
    PP_ROLLBACK_ITEM_XOR,   /* new XOR old */
    PP_ROLLBACK_ITEM_INT16, /* zigzag of the difference of little-endian integers */
    PP_ROLLBACK_ITEM_INT32,
    PP_ROLLBACK_ITEM_FLOAT16, /* the same, of integers in the order of the floats: bf16, f16 */
    PP_ROLLBACK_ITEM_FLOAT32,
    PP_ROLLBACK_ITEM_CODE, /* new - old, addresses guessed: see below */
    PP_ROLLBACK_ITEM_COUNT
};

/*@ // Maps between integers below `range`.
    logic integer pp_zigzag(integer v, integer range) =
      2 * v < range ? 2 * v : 2 * (range - 1 - v) + 1;
    logic integer pp_unzigzag(integer v, integer range) =
      v % 2 == 0 ? v / 2 : range - 1 - v / 2;
    logic integer pp_order(integer v, integer range) =
      2 * v < range ? v + range / 2 : range - 1 - v;
    logic integer pp_unorder(integer v, integer range) =
      2 * v >= range ? v - range / 2 : range - 1 - v; */

/* Bytes of an item: 1, 2 or 4. */
size_t pp_rollback_item_bytes(enum pp_rollback_item item);
/* n bytes of each row become n bytes of values, of any item but code: little-endian items, then
   bytes that fill no whole item as differences of bytes.  values may be one of the rows. */
void pp_rollback_values_make(enum pp_rollback_item item, const uint8_t *old_row,
                             const uint8_t *new_row, uint8_t *values, size_t n);
/* The inverse: values become the target's row, in place.  source is the old row when applying, the
   new one when reverting. */
void pp_rollback_values_resolve(enum pp_rollback_item item, enum pp_rollback_direction direction,
                                const uint8_t *source, uint8_t *values, size_t n);
/* In place, the target's row becomes the deltas of the plain form, byte by byte new - old. */
void pp_rollback_row_to_deltas(enum pp_rollback_direction direction, const uint8_t *source_row,
                               uint8_t *target_row, size_t n);

/* ---- Code: addresses in x86 machine code ---------------------------------------------------- */

/* A part of the rows that follows on in both images, and where, modulo 2^32. */
struct pp_rollback_piece {
    uint32_t row_at, bytes;
    uint32_t old_at, new_at;
};
enum { PP_ROLLBACK_PIECE_BYTES_MIN = 8 };
/* In the order of the rows, and none overlaps another. */
struct pp_rollback_pieces {
    const struct pp_rollback_piece *at;
    size_t count;
};

/* Work space: for addresses of one image that occurred, those of the other one. */
enum { PP_ROLLBACK_GUESS_LOG = 14, PP_ROLLBACK_GUESSES = 1 << PP_ROLLBACK_GUESS_LOG };
struct pp_rollback_guesses {
    uint32_t key[PP_ROLLBACK_GUESSES], other[PP_ROLLBACK_GUESSES];
    uint32_t shift[PP_ROLLBACK_GUESSES]; /* of a region of addresses */
};
struct pp_rollback_code {
    struct pp_rollback_guesses by_old, by_new;
};

/* Like pp_rollback_values_make, for the item code.  false for a difference that can't be written
   down. */
PP_MUST_CHECK bool pp_rollback_code_make(struct pp_rollback_code *code,
                                         const struct pp_rollback_pieces *pieces,
                                         const uint8_t *old_row, const uint8_t *new_row,
                                         uint8_t *values, size_t n);
/* The inverse, like pp_rollback_values_resolve. */
void pp_rollback_code_resolve(struct pp_rollback_code *code,
                              const struct pp_rollback_pieces *pieces,
                              enum pp_rollback_direction direction, const uint8_t *source,
                              uint8_t *values, size_t n);

/* ---- Layouts: how values are written down --------------------------------------------------- */

enum pp_rollback_layout {
    PP_ROLLBACK_LAYOUT_PLAIN,
    PP_ROLLBACK_LAYOUT_RUNS,
    PP_ROLLBACK_LAYOUT_PLANES,
    PP_ROLLBACK_LAYOUT_TWO_BITS,
    PP_ROLLBACK_LAYOUT_COUNT
};

/* Byte 0 of each item, byte 1 of each, ..., then the n % width bytes that fill no item. */
void pp_rollback_planes_split(size_t width, const uint8_t *values, uint8_t *planes, size_t n);
void pp_rollback_planes_join(size_t width, const uint8_t *planes, uint8_t *values, size_t n);

/* Values of n bytes as runs of zeros and what lies between them.  runs has room for n + 2 bytes,
   rest for n; the lengths that are used are returned, together at most n + n / 2 + 3. */
struct pp_rollback_runs {
    size_t runs_bytes, rest_bytes;
};
struct pp_rollback_runs pp_rollback_runs_split(const uint8_t *values, size_t n, uint8_t *runs,
                                               uint8_t *rest);
/* The n values that were split; false when runs and rest are not what split makes of n bytes. */
PP_MUST_CHECK bool pp_rollback_runs_join(struct pp_bytes runs, struct pp_bytes rest,
                                         uint8_t *values, size_t n);

/* Items of n bytes as codes of two bits, (n / width + 3) / 4 bytes of them, and the items above 2,
   which go to rest with the bytes that fill no item.  rest has room for n + width bytes; returns
   those that are used, at most n. */
size_t pp_rollback_two_bits_split(size_t width, const uint8_t *values, size_t n, uint8_t *codes,
                                  uint8_t *rest);
/* The bytes of rest that codes speak of. */
size_t pp_rollback_two_bits_rest(size_t width, const uint8_t *codes, size_t n);
/* The inverse; rest holds pp_rollback_two_bits_rest bytes.  false when an item of rest is below 3
   or a bit that belongs to no item is set. */
PP_MUST_CHECK bool pp_rollback_two_bits_join(size_t width, const uint8_t *codes,
                                             const uint8_t *rest, uint8_t *values, size_t n);

/* ---- Cells: leaving out what is equal ------------------------------------------------------- */

enum { PP_ROLLBACK_CELL_BYTES = 64 };

/* Bytes of the bitmap for rows of n bytes. */
size_t pp_rollback_cells_bitmap_bytes(size_t n);
/* Sets a bit for each cell that differs; returns the bytes of those cells. */
size_t pp_rollback_cells_compare(const uint8_t *old_row, const uint8_t *new_row, uint8_t *bitmap,
                                 size_t n);
/* The bytes of the cells whose bits are set.  false when a bit belongs to no cell. */
PP_MUST_CHECK bool pp_rollback_cells_count(const uint8_t *bitmap, size_t n, size_t *bytes);
/* The cells whose bits are set, one after the other. */
void pp_rollback_cells_gather(const uint8_t *row, const uint8_t *bitmap, uint8_t *cells, size_t n);
/* Puts them back into a row that holds the others. */
void pp_rollback_cells_scatter(const uint8_t *cells, const uint8_t *bitmap, uint8_t *row, size_t n);

#endif
