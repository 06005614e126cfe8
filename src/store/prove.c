/* SPDX-License-Identifier: MIT */
/* Roots, inclusion and consistency proofs from the segments' indexes: one look-up for each hash of
   height 6 and more, at most 63 entries hashed for the rest.  Nothing from an index is believed:
   each proof is checked before it is returned. */

#include "reader.h"

#include <errno.h>
#include <inttypes.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK_HEIGHT = 6, BLOCK = PP_INDEX_BLOCK_ENTRIES };

static enum pp_error fail(struct pp_ledger_reader *reader, enum pp_error code, const char *what)
{
    return pp_fail(&reader->failure, code, 0, "%s: %s; run `postproof verify`", reader->layout.path,
                   what);
}

/* ---- Indexes ---- */

void pp_reader_free_indexes(struct pp_ledger_reader *reader)
{
    for (uint64_t i = 0; reader->segments != NULL && i < reader->segment_count; i++) {
        struct pp_reader_segment *segment = &reader->segments[i];
        if (segment->index_data == NULL)
            continue;
        if (segment->index_mapped)
            pp_os_unmap(segment->index_data, segment->index_bytes);
        else
            free((void *)(uintptr_t)segment->index_data);
        segment->index_data = NULL;
    }
}

/* The file of a closed segment. */
static bool map_index(struct pp_ledger_reader *reader, uint64_t place)
{
    struct pp_reader_segment *segment = &reader->segments[place];
    char name[PP_SEGMENT_NAME_BYTES];
    pp_index_name(reader->first_segment + place, name);
    int fd = pp_os_open(reader->layout.segments, name, PP_OS_READ);
    if (fd < 0)
        return false;
    int result = pp_os_map(fd, &segment->index_data, &segment->index_bytes);
    pp_os_close(fd);
    if (result < 0)
        return false;
    segment->index_mapped = true;
    struct pp_bytes file = {segment->index_data, segment->index_bytes};
    if (file.len != 0 && pp_index_decode(file, &segment->index) == PP_OK &&
        segment->index.first_seq == segment->first_seq)
        return true;
    pp_os_unmap(segment->index_data, segment->index_bytes);
    segment->index_data = NULL;
    return false;
}

/* Memory for computing an index of a segment in hand. */
struct index_work {
    struct pp_check_scratch *scratch;
    uint64_t *offsets;
    struct pp_node_sink sink;
    size_t offset_cap;
};

static bool index_work_alloc(struct index_work *work, size_t segment_bytes)
{
    work->offset_cap = segment_bytes / PP_ENTRY_FRAME_BYTES_MIN / BLOCK + 2;
    work->sink = (struct pp_node_sink){.cap = 2 * work->offset_cap + 2 * PP_MERKLE_HEIGHT_MAX};
    work->scratch = malloc(sizeof *work->scratch);
    work->offsets = calloc(work->offset_cap, sizeof *work->offsets);
    work->sink.nodes = calloc(work->sink.cap, sizeof *work->sink.nodes);
    return work->scratch != NULL && work->offsets != NULL && work->sink.nodes != NULL;
}

static void index_work_free(struct index_work *work)
{
    free(work->scratch);
    free(work->offsets);
    free(work->sink.nodes);
}

static enum pp_error encode_index(struct pp_ledger_reader *reader, uint64_t place,
                                  const struct index_work *work, uint64_t next_seq)
{
    struct pp_reader_segment *segment = &reader->segments[place];
    size_t bytes = pp_index_bytes(segment->first_seq, next_seq);
    uint8_t *data = malloc(bytes);
    if (data == NULL)
        return fail(reader, PP_ERROR_MEMORY, "no memory for an index");
    pp_index_encode(segment->first_seq, next_seq, work->offsets, work->sink.nodes, data);
    segment->index_data = data;
    segment->index_bytes = bytes;
    segment->index_mapped = false;
    return pp_index_decode((struct pp_bytes){data, bytes}, &segment->index);
}

/* Segments without an index file, the open one and those that a recovery closed: hash them once. */
static enum pp_error compute_index(struct pp_ledger_reader *reader, uint64_t place)
{
    enum pp_error error = pp_reader_load(reader, place);
    struct index_work work = {0};
    if (error != PP_OK)
        return error;
    if (!index_work_alloc(&work, reader->data.len)) {
        index_work_free(&work);
        return fail(reader, PP_ERROR_MEMORY, "no memory for an index");
    }
    struct pp_check_input input = {.engine = reader->engine,
                                   .scratch = work.scratch,
                                   .sizes = {PP_NO_SEQ, PP_NO_SEQ},
                                   .index_offsets = work.offsets,
                                   .index_offsets_cap = work.offset_cap,
                                   .sink = &work.sink};
    struct pp_check_result *result = malloc(sizeof *result);
    if (result == NULL)
        error = fail(reader, PP_ERROR_MEMORY, "no memory for an index");
    if (error == PP_OK)
        pp_segment_check(&input, reader->data, result);
    if (error == PP_OK && result->verdict != PP_VERDICT_OK)
        error = fail(reader, PP_ERROR_MISMATCH, result->reason);
    if (error == PP_OK)
        error = encode_index(reader, place, &work, result->tree.size);
    free(result);
    index_work_free(&work);
    return error;
}

enum pp_error pp_reader_index(struct pp_ledger_reader *reader, uint64_t place)
{
    struct pp_reader_segment *segment = &reader->segments[place];
    if (segment->has_index)
        return PP_OK;
    enum pp_error error = PP_OK;
    if (place + 1 == reader->segment_count || !map_index(reader, place))
        error = compute_index(reader, place);
    segment->has_index = error == PP_OK;
    return error;
}

/* ---- Hashes of subtrees ---- */

/* A complete subtree below the index. */
static enum pp_error hash_small(struct pp_ledger_reader *reader, uint64_t start, uint64_t count,
                                struct pp_digest *out)
{
    struct pp_digest leaves[BLOCK];
    enum pp_error error = pp_reader_leaves(reader, start, count, leaves);
    if (error != PP_OK)
        return error;
    for (; count > 1; count /= 2)
        pp_node_hash_many(reader->engine, leaves, count / 2, leaves);
    *out = leaves[0];
    return PP_OK;
}

enum pp_error pp_reader_subtree(struct pp_ledger_reader *reader, uint64_t start, unsigned height,
                                struct pp_digest *out)
{
    uint64_t count = (uint64_t)1 << height, last = start + count - 1;
    uint64_t first = pp_ledger_reader_first(reader);
    if (last < first) { /* pruned: only the peaks of the first header are left */
        bool is_peak = (first >> height & 1) != 0 && first >> (height + 1) << (height + 1) == start;
        if (!is_peak)
            return fail(reader, PP_ERROR_NOT_FOUND, "the proof needs entries that were pruned");
        *out = reader->first_tree.peaks[height];
        return PP_OK;
    }
    if (height < BLOCK_HEIGHT) {
        if (start < first)
            return fail(reader, PP_ERROR_NOT_FOUND, "the proof needs entries that were pruned");
        return hash_small(reader, start, count, out);
    }
    uint64_t place = pp_reader_place(reader, last);
    enum pp_error error = pp_reader_index(reader, place);
    if (error != PP_OK)
        return error;
    if (!pp_index_node(&reader->segments[place].index, height, start >> height, out))
        return fail(reader, PP_ERROR_MISMATCH, "an index lacks a hash");
    return PP_OK;
}

/* MTH of the leaves [start, end): its complete subtrees, folded from the right. */
static enum pp_error range_root(struct pp_ledger_reader *reader, struct pp_merkle_range range,
                                struct pp_digest *out)
{
    struct pp_digest parts[2 * (PP_MERKLE_HEIGHT_MAX + 1)];
    size_t count = 0;
    for (uint64_t at = range.start; at < range.end;) {
        unsigned height = 0;
        while (height < PP_MERKLE_HEIGHT_MAX && (at >> height & 1) == 0 &&
               ((uint64_t)2 << height) <= range.end - at)
            height++;
        enum pp_error error = pp_reader_subtree(reader, at, height, &parts[count++]);
        if (error != PP_OK)
            return error;
        at += (uint64_t)1 << height;
    }
    if (count == 0) {
        *out = pp_empty_hash();
        return PP_OK;
    }
    struct pp_digest root = parts[--count];
    while (count > 0)
        root = pp_node_hash(&parts[--count], &root);
    *out = root;
    return PP_OK;
}

static enum pp_error hash_ranges(struct pp_ledger_reader *reader,
                                 const struct pp_merkle_range *ranges, size_t count,
                                 struct pp_digest *path)
{
    enum pp_error error = PP_OK;
    for (size_t i = 0; i < count && error == PP_OK; i++)
        error = range_root(reader, ranges[i], &path[i]);
    return error;
}

/* ---- Roots and proofs ---- */

static enum pp_error check_size(struct pp_ledger_reader *reader, uint64_t size)
{
    if (size <= reader->size)
        return PP_OK;
    return pp_fail(&reader->failure, PP_ERROR_NOT_FOUND, 0,
                   "%s has %" PRIu64 " sealed entries, not %" PRIu64, reader->layout.path,
                   reader->size, size);
}

enum pp_error pp_ledger_reader_root(struct pp_ledger_reader *reader, uint64_t size,
                                    struct pp_digest *root)
{
    enum pp_error error = check_size(reader, size);
    if (error == PP_OK && reader->root_size != size) {
        reader->root_size = PP_NO_SEQ;
        error = range_root(reader, (struct pp_merkle_range){0, size}, &reader->root);
        if (error == PP_OK)
            reader->root_size = size;
    }
    if (error == PP_OK)
        *root = reader->root;
    return error;
}

static enum pp_error check_inclusion(struct pp_ledger_reader *reader, uint64_t seq, uint64_t size,
                                     const struct pp_digest *path, size_t count)
{
    struct pp_digest leaf, reached, root;
    enum pp_error error = pp_reader_leaves(reader, seq, 1, &leaf);
    if (error == PP_OK)
        error = pp_ledger_reader_root(reader, size, &root);
    if (error != PP_OK)
        return error;
    if (pp_merkle_inclusion_root(&leaf, seq, size, path, count, &reached) != PP_OK ||
        !pp_digest_equal(&reached, &root))
        return fail(reader, PP_ERROR_MISMATCH, "an index does not match the entries");
    return PP_OK;
}

enum pp_error pp_ledger_prove_inclusion(struct pp_ledger_reader *reader, uint64_t seq,
                                        uint64_t size, struct pp_digest *path, size_t *count)
{
    struct pp_merkle_range ranges[PP_PROOF_HASHES_MAX];
    enum pp_error error = check_size(reader, size);
    if (error != PP_OK)
        return error;
    if (seq < pp_ledger_reader_first(reader) || seq >= size)
        return pp_fail(&reader->failure, PP_ERROR_NOT_FOUND, 0,
                       "there is no entry %" PRIu64 ": the tree holds %" PRIu64 " to %" PRIu64, seq,
                       pp_ledger_reader_first(reader), size == 0 ? 0 : size - 1);
    error = pp_merkle_inclusion_ranges(seq, size, ranges, count);
    if (error == PP_OK)
        error = hash_ranges(reader, ranges, *count, path);
    if (error == PP_OK)
        error = check_inclusion(reader, seq, size, path, *count);
    return error;
}

enum pp_error pp_ledger_prove_consistency(struct pp_ledger_reader *reader, uint64_t old_size,
                                          uint64_t new_size, struct pp_digest *path, size_t *count)
{
    struct pp_merkle_range ranges[PP_PROOF_HASHES_MAX];
    struct pp_digest old_root, new_root;
    enum pp_error error = check_size(reader, new_size);
    if (error == PP_OK && old_size > new_size)
        error = pp_fail(&reader->failure, PP_ERROR_ARGUMENT, 0,
                        "a tree of %" PRIu64 " can't extend one of %" PRIu64, new_size, old_size);
    if (error == PP_OK)
        error = pp_merkle_consistency_ranges(old_size, new_size, ranges, count);
    if (error == PP_OK)
        error = hash_ranges(reader, ranges, *count, path);
    if (error == PP_OK)
        error = pp_ledger_reader_root(reader, old_size, &old_root);
    if (error == PP_OK)
        error = pp_ledger_reader_root(reader, new_size, &new_root);
    if (error != PP_OK)
        return error;
    if (pp_merkle_consistency_check(old_size, &old_root, new_size, &new_root, path, *count) !=
        PP_OK)
        return fail(reader, PP_ERROR_MISMATCH, "an index does not match the entries");
    return PP_OK;
}
