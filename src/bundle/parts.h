/* SPDX-License-Identifier: MIT */
/* The binary parts of a bundle: manifest, entries, seals, tree (docs/format/bundle.md sections 4 to
   7).  Encoders and decoders work on the caller's memory. */
#ifndef PP_BUNDLE_PARTS_H
#define PP_BUNDLE_PARTS_H

#include "../ledger/ledger_internal.h"
#include "bundle_internal.h"
#include "varint.h"

/* ---- Manifest (section 4, spec/Bundle.v) ---------------------------------------------------- */

struct pp_bundle_line {
    struct pp_bytes name;
    uint64_t bytes;
    struct pp_digest digest;
};
/* Order of names in the manifest: bytes, a name before its extensions (Bundle.name_leb). */
int pp_bundle_name_compare(struct pp_bytes a, struct pp_bytes b);
/* Appends the manifest of these lines (Bundle.encode).  PP_ERROR_ARGUMENT when the names do not
   ascend strictly; PP_ERROR_NO_SPACE. */
PP_MUST_CHECK enum pp_error pp_bundle_manifest(const struct pp_bundle_line *lines, size_t count,
                                               struct pp_bundle_text *text);

/* ---- Entries (section 5) -------------------------------------------------------------------- */

enum {
    PP_BLOCK_ENTRIES = 8192,
    PP_BLOCK_BODY_BYTES = 1 << 20, /* of a block with more than one entry */
    PP_BLOCK_COLUMNS = 15,
    PP_BLOCK_NUMBER_COLUMNS = 8,
    PP_BLOCK_SOURCE_SLOTS = 2 * PP_BLOCK_ENTRIES,
    PP_BLOCK_HEAD_BYTES = 4 * (1 + PP_BLOCK_COLUMNS),
    PP_BLOCK_COLUMN_BYTES = 2 * (PP_BLOCK_BODY_BYTES + PP_ENTRY_BYTES_MAX) + PP_BLOCK_ENTRIES,
    /* what a reader takes for one: a writer's columns are far below it together */
    PP_BLOCK_BYTES_MAX = 16 << 20
};

/* A block being made.  Large: on the heap of the layer above, zeroed at first. */
struct pp_block_writer {
    unsigned count;
    size_t body_bytes;
    uint64_t last_seq, times[PP_BLOCK_ENTRIES];
    unsigned source_count;
    struct pp_bytes sources[PP_BLOCK_ENTRIES]; /* views into the source column */
    uint16_t slots[PP_BLOCK_SOURCE_SLOTS];     /* hash table: number + 1 of a source */
    uint64_t second; /* whose text is in second_text, plus 1; 0 for none */
    uint8_t second_text[32];
    size_t lens[PP_BLOCK_COLUMNS];
    uint8_t columns[PP_BLOCK_COLUMNS - 1][PP_BLOCK_COLUMN_BYTES]; /* column 14 is empty */
};
/* Adds an entry; PP_ERROR_NO_SPACE when it belongs into the next block, PP_ERROR_ARGUMENT when its
   seq does not ascend. */
PP_MUST_CHECK enum pp_error pp_block_add(struct pp_block_writer *block,
                                         const struct pp_entry *entry);
/* Writes the head and makes the views of the columns behind it; not for an empty block.  Then
   pp_block_reset for the next one. */
void pp_block_finish(struct pp_block_writer *block, uint8_t head[PP_BLOCK_HEAD_BYTES],
                     struct pp_bytes columns[PP_BLOCK_COLUMNS]);
void pp_block_reset(struct pp_block_writer *block);

/* A block being read: views into its bytes, and a body that is made again. */
struct pp_block_reader {
    unsigned left;
    bool started;
    uint64_t seq, time_unit, time; /* of the entry before; time in units */
    unsigned source_count;
    struct pp_bytes sources[PP_BLOCK_ENTRIES];
    struct pp_bytes columns[PP_BLOCK_COLUMNS];
    uint64_t second; /* as in the writer */
    uint8_t second_text[32];
    uint8_t body[PP_ENTRY_BYTES_MAX];
};
/* The length of the block that this head begins, with the head; PP_ERROR_FORMAT. */
PP_MUST_CHECK enum pp_error pp_block_length(const uint8_t head[PP_BLOCK_HEAD_BYTES], size_t *bytes);
PP_MUST_CHECK enum pp_error pp_block_open(struct pp_bytes block, struct pp_block_reader *reader);
/* The next entry, borrowed until the next call.  PP_ERROR_NOT_FOUND behind the last one, when
   nothing is left over in any column; PP_ERROR_FORMAT. */
PP_MUST_CHECK enum pp_error pp_block_next(struct pp_block_reader *reader, struct pp_entry *entry);

/* ---- Seals and headers (section 6) ---------------------------------------------------------- */

enum pp_seal_record { PP_RECORD_SEAL = 1, PP_RECORD_COUNT = 2, PP_RECORD_HEADER = 3 };

PP_MUST_CHECK enum pp_error pp_seals_begin(struct pp_bundle_text *text);
PP_MUST_CHECK enum pp_error pp_seals_add(struct pp_bundle_text *text, struct pp_bytes content);
PP_MUST_CHECK enum pp_error pp_seals_add_count(struct pp_bundle_text *text, uint64_t entries);
PP_MUST_CHECK enum pp_error pp_seals_add_header(struct pp_bundle_text *text,
                                                struct pp_bytes content);
struct pp_seal_item {
    enum pp_seal_record type;
    struct pp_bytes content;         /* of a seal or header, borrowed */
    struct pp_seal seal;             /* PP_RECORD_SEAL */
    struct pp_segment_header header; /* PP_RECORD_HEADER */
    uint64_t entries;                /* PP_RECORD_COUNT */
};
/* Cuts the magic, then one record after the other off *rest; PP_ERROR_NOT_FOUND at the end. */
PP_MUST_CHECK enum pp_error pp_seals_open(struct pp_bytes *rest);
PP_MUST_CHECK enum pp_error pp_seals_next(struct pp_bytes *rest, struct pp_seal_item *item);

/* ---- Tree (section 7) ----------------------------------------------------------------------- */

struct pp_bundle_gap {
    uint64_t start, end;
    struct pp_bytes hashes; /* reader: of its tiles, borrowed */
};
/* Height of the tile that begins at start < end. */
unsigned pp_bundle_tile_height(uint64_t start, uint64_t end);
/* How many tiles [start, end) has. */
size_t pp_bundle_tile_count(uint64_t start, uint64_t end);
/* A complete subtree becomes part of the tree; size must be divisible by 2^height.
   PP_ERROR_ARGUMENT; PP_ERROR_TOO_LARGE. */
PP_MUST_CHECK enum pp_error pp_bundle_tree_add(struct pp_merkle_tree *tree, unsigned height,
                                               const struct pp_digest *hash);
/* "PPBTREE1", size and number of gaps; then, for each, its ends; the hashes follow them. */
PP_MUST_CHECK enum pp_error pp_bundle_tree_begin(struct pp_bundle_text *text, uint64_t size,
                                                 uint64_t gaps);
PP_MUST_CHECK enum pp_error pp_bundle_tree_gap(struct pp_bundle_text *text, uint64_t start,
                                               uint64_t end);
/* Cuts the head off; then each gap with its hashes.  Gaps ascend, have a size, do not touch and lie
   inside [0, size). */
struct pp_bundle_tree_reader {
    struct pp_bytes rest;
    uint64_t size, gaps_left, last_end;
    bool started;
};
PP_MUST_CHECK enum pp_error pp_bundle_tree_open(struct pp_bytes data,
                                                struct pp_bundle_tree_reader *reader);
/* PP_ERROR_NOT_FOUND behind the last. */
PP_MUST_CHECK enum pp_error pp_bundle_tree_next(struct pp_bundle_tree_reader *reader,
                                                struct pp_bundle_gap *gap);

/* ---- OTLP JSON lines ------------------------------------------------------------------------ */

/* One line with its '\n': an ExportLogsServiceRequest with one record (OTLP 1.x JSON encoding: ids
   in hex, 64-bit numbers as strings, bytes that are not UTF-8 as bytesValue). */
PP_MUST_CHECK enum pp_error pp_bundle_otlp_line(const struct pp_entry *entry,
                                                struct pp_bundle_text *text);

#endif
