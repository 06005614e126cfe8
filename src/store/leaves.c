/* SPDX-License-Identifier: MIT */
/* Leaf hashes for proofs, a block of 64 at a time: a proof needs nearly all of its block. */

#include "reader.h"

#include <stdlib.h>
#include <string.h>

/* A block of small entries; one with larger entries takes the slow way. */
enum { BLOCK = PP_INDEX_BLOCK_ENTRIES, WINDOW_BYTES = 64 << 10 };

/* The block's entries in one read; false when that isn't possible. */
static bool hash_window(struct pp_ledger_reader *reader, uint64_t place, uint64_t from, uint64_t to,
                        struct pp_digest *leaves)
{
    const struct pp_reader_segment *segment = &reader->segments[place];
    struct pp_bytes prefixed[BLOCK];
    if (from % BLOCK != 0 || from < segment->first_seq || to > segment->index.next_seq)
        return false;
    if (reader->window == NULL && (reader->window = malloc(WINDOW_BYTES)) == NULL)
        return false;
    char name[PP_SEGMENT_NAME_BYTES];
    pp_segment_name(reader->first_segment + place, name);
    int fd = pp_os_open(reader->layout.segments, name, PP_OS_READ);
    if (fd < 0)
        return false;
    int64_t got =
        pp_os_read_at(fd, reader->window, WINDOW_BYTES, pp_index_offset(&segment->index, from));
    pp_os_close(fd);
    struct pp_bytes rest = {reader->window, got < 0 ? 0 : (size_t)got};
    size_t count = 0;
    while (count < to - from) {
        struct pp_frame frame;
        struct pp_entry entry;
        if (pp_frame_read(rest, &frame) != PP_OK)
            return false;
        rest = (struct pp_bytes){rest.data + frame.bytes, rest.len - frame.bytes};
        if (frame.type != PP_FRAME_ENTRY)
            continue;
        if (pp_entry_decode(frame.content, &entry) != PP_OK || entry.seq != from + count)
            return false;
        prefixed[count++] = pp_frame_prefixed(&frame);
    }
    pp_leaf_hash_many(reader->engine, prefixed, count, leaves);
    return true;
}

/* Moves the reader to seq through the index of its block. */
static enum pp_error seek_block(struct pp_ledger_reader *reader, uint64_t place, uint64_t seq)
{
    uint64_t block = seq / BLOCK * BLOCK;
    enum pp_error error = pp_reader_load(reader, place);
    if (error != PP_OK)
        return error;
    const struct pp_reader_segment *segment = &reader->segments[place];
    bool in_segment = block >= segment->first_seq && block < segment->index.next_seq;
    reader->at = in_segment ? pp_index_offset(&segment->index, block) : 0;
    reader->next_seq = in_segment ? block : segment->first_seq;
    while (error == PP_OK && reader->next_seq < seq) {
        struct pp_entry entry;
        error = pp_ledger_reader_next(reader, &entry);
    }
    return error;
}

static enum pp_error hash_entries(struct pp_ledger_reader *reader, uint64_t place, uint64_t from,
                                  uint64_t to, struct pp_digest *leaves)
{
    enum pp_error error = seek_block(reader, place, from);
    for (uint64_t seq = from; seq < to && error == PP_OK; seq++) {
        struct pp_entry entry;
        error = pp_ledger_reader_next(reader, &entry);
        if (error != PP_OK)
            break;
        const uint8_t *start = entry.source.data - 20; /* the encoding, docs/format/ledger.md §3 */
        size_t len = PP_ENTRY_FIXED_BYTES + entry.source.len + entry.body.len;
        leaves[seq - from] = pp_leaf_hash((struct pp_bytes){start, len});
    }
    return error;
}

/* The leaves of the block of seq that are there and sealed. */
static enum pp_error load_block(struct pp_ledger_reader *reader, uint64_t seq)
{
    uint64_t from = seq / BLOCK * BLOCK, to = from + BLOCK;
    uint64_t first = pp_ledger_reader_first(reader);
    if (from < first)
        from = first;
    if (to > reader->size)
        to = reader->size;
    uint64_t place = pp_reader_place(reader, from);
    enum pp_error error = pp_reader_index(reader, place);
    reader->block_from = reader->block_to = 0;
    if (error == PP_OK && !hash_window(reader, place, from, to, reader->block))
        error = hash_entries(reader, place, from, to, reader->block);
    if (error != PP_OK)
        return error;
    reader->block_from = from;
    reader->block_to = to;
    return PP_OK;
}

enum pp_error pp_reader_leaves(struct pp_ledger_reader *reader, uint64_t seq, uint64_t count,
                               struct pp_digest *leaves)
{
    if (seq < reader->block_from || seq + count > reader->block_to) {
        enum pp_error error = load_block(reader, seq);
        if (error != PP_OK)
            return error;
    }
    if (seq < reader->block_from || seq + count > reader->block_to)
        return PP_ERROR_NOT_FOUND;
    memcpy(leaves, reader->block + (seq - reader->block_from), count * sizeof *leaves);
    return PP_OK;
}
