/* SPDX-License-Identifier: MIT */
/* The reader's state, shared by the iterator (reader.c) and the proofs (prove.c). */
#ifndef PP_READER_H
#define PP_READER_H

#include "store.h"

/* One segment as the reader knows it. */
struct pp_reader_segment {
    uint64_t first_seq;
    bool has_index;    /* index_data is loaded and decoded */
    bool index_mapped; /* by pp_os_map, else from malloc */
    const uint8_t *index_data;
    size_t index_bytes;
    struct pp_segment_index index;
};

struct pp_ledger_reader {
    struct pp_layout layout;
    struct pp_failure failure;
    uint64_t first_segment, segment_count;
    struct pp_reader_segment *segments;
    uint64_t size;
    struct pp_merkle_tree first_tree; /* peaks of the first header that is kept */

    /* the segment in hand: closed ones are mapped, the last two are read */
    uint64_t current; /* its place in segments, segment_count for none */
    struct pp_bytes data;
    bool mapped;
    struct pp_buffer last;
    size_t at;
    uint64_t next_seq;

    struct pp_hash_engine *engine;
    /* the leaf hashes of one block of 64, for [block_from, block_to) */
    struct pp_digest block[PP_INDEX_BLOCK_ENTRIES];
    uint64_t block_from, block_to;
    uint8_t *window;
    uint64_t root_size; /* of the cached root; PP_NO_SEQ for none */
    struct pp_digest root;
};

/* Makes the segment the one in hand. */
PP_MUST_CHECK enum pp_error pp_reader_load(struct pp_ledger_reader *reader, uint64_t place);
/* The place of the segment that holds seq. */
uint64_t pp_reader_place(const struct pp_ledger_reader *reader, uint64_t seq);
/* The frame at offset `at` of the segment in hand. */
PP_MUST_CHECK enum pp_error pp_reader_frame(struct pp_ledger_reader *reader, size_t at,
                                            struct pp_frame *frame);
/* Loads or computes the index of a segment. */
PP_MUST_CHECK enum pp_error pp_reader_index(struct pp_ledger_reader *reader, uint64_t place);
/* The leaf hashes of at most 64 entries from seq on, all in one block. */
PP_MUST_CHECK enum pp_error pp_reader_leaves(struct pp_ledger_reader *reader, uint64_t seq,
                                             uint64_t count, struct pp_digest *leaves);
/* The hash of the complete subtree of that height that starts at `start`, a multiple of its size.
   Nothing from an index is believed: the caller checks what it leads to. */
PP_MUST_CHECK enum pp_error pp_reader_subtree(struct pp_ledger_reader *reader, uint64_t start,
                                              unsigned height, struct pp_digest *out);
/* Drops the indexes. */
void pp_reader_free_indexes(struct pp_ledger_reader *reader);

#endif
