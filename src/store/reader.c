/* SPDX-License-Identifier: MIT */
/* Reading sealed entries in order, without a lock, also while a writer works. */

#include "reader.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

enum { SEGMENT_LIMIT = PP_SEGMENT_BYTES_MAX + 2 * PP_GROUP_BYTES_MAX };

static enum pp_error fail_segment(struct pp_ledger_reader *reader, uint64_t place,
                                  enum pp_error code, int os_error, const char *what)
{
    return pp_fail(&reader->failure, code, os_error,
                   "%s: segment %" PRIu64 " %s; run `postproof verify`", reader->layout.path,
                   reader->first_segment + place, what);
}

/* ---- Segments ---- */

static void drop_current(struct pp_ledger_reader *reader)
{
    if (reader->mapped)
        pp_os_unmap(reader->data.data, reader->data.len);
    reader->mapped = false;
    reader->data = (struct pp_bytes){NULL, 0};
    reader->current = reader->segment_count;
}

static enum pp_error map_segment(struct pp_ledger_reader *reader, uint64_t place, const char *name)
{
    int fd = pp_os_open(reader->layout.segments, name, PP_OS_READ);
    if (fd < 0)
        return fail_segment(reader, place, PP_ERROR_IO, -fd, "can't be opened");
    int result = pp_os_map(fd, &reader->data.data, &reader->data.len);
    pp_os_close(fd);
    if (result < 0)
        return fail_segment(reader, place, PP_ERROR_IO, -result, "can't be mapped");
    reader->mapped = true;
    return PP_OK;
}

enum pp_error pp_reader_load(struct pp_ledger_reader *reader, uint64_t place)
{
    if (reader->current == place)
        return PP_OK;
    drop_current(reader);
    char name[PP_SEGMENT_NAME_BYTES];
    pp_segment_name(reader->first_segment + place, name);
    enum pp_error error = PP_OK;
    /* Closed segments don't change.  The last but one may still be open: the writer makes the next
       file first, and then cuts this one. */
    if (place + 2 < reader->segment_count)
        error = map_segment(reader, place, name);
    else
        error = pp_file_read(reader->layout.segments, name, SEGMENT_LIMIT, &reader->last,
                             &reader->failure);
    if (error != PP_OK)
        return error;
    if (!reader->mapped)
        reader->data = (struct pp_bytes){reader->last.data, reader->last.len};
    reader->current = place;
    return PP_OK;
}

uint64_t pp_reader_place(const struct pp_ledger_reader *reader, uint64_t seq)
{
    uint64_t low = 0, high = reader->segment_count;
    while (high - low > 1) {
        uint64_t middle = low + (high - low) / 2;
        if (reader->segments[middle].first_seq <= seq)
            low = middle;
        else
            high = middle;
    }
    return low;
}

enum pp_error pp_reader_frame(struct pp_ledger_reader *reader, size_t at, struct pp_frame *frame)
{
    if (at >= reader->data.len)
        return PP_ERROR_NOT_FOUND;
    return pp_frame_read((struct pp_bytes){reader->data.data + at, reader->data.len - at}, frame);
}

static enum pp_error read_header(struct pp_ledger_reader *reader, uint64_t place)
{
    struct pp_frame frame;
    struct pp_segment_header header;
    enum pp_error error = pp_reader_load(reader, place);
    if (error != PP_OK)
        return error;
    if (pp_reader_frame(reader, 0, &frame) != PP_OK || frame.type != PP_FRAME_HEADER ||
        pp_segment_header_decode(frame.content, &header) != PP_OK)
        return fail_segment(reader, place, PP_ERROR_FORMAT, 0, "has a damaged header");
    reader->segments[place].first_seq = header.first_seq;
    if (place == 0 && pp_merkle_tree_load(&reader->first_tree, header.first_seq, header.peaks,
                                          header.peak_count) != PP_OK)
        return fail_segment(reader, place, PP_ERROR_FORMAT, 0, "has damaged peaks");
    if (place > 0 && header.first_seq < reader->segments[place - 1].first_seq)
        return fail_segment(reader, place, PP_ERROR_FORMAT, 0, "starts before the one before it");
    return PP_OK;
}

/* The sealed size as the seals of the segment in hand state it. */
static uint64_t stated_size(struct pp_ledger_reader *reader, uint64_t first_seq)
{
    struct pp_frame frame;
    struct pp_seal seal;
    uint64_t size = first_seq, next_seq = first_seq;
    for (size_t at = 0; pp_reader_frame(reader, at, &frame) == PP_OK; at += frame.bytes) {
        next_seq += frame.type == PP_FRAME_ENTRY;
        if (frame.type != PP_FRAME_SEAL)
            continue;
        if (pp_seal_decode(frame.content, &seal) != PP_OK || seal.first_seq != size ||
            seal.next_seq != next_seq)
            break;
        size = seal.next_seq;
    }
    return size;
}

/* Of a group that a crash has torn, the seal may be there while entries are zeros: the root tells.
   Or the end of the seal is zeros: no whole one ends so (pp_writer_seal).  What only the keys could
   tell is left to them, and a damaged segment is shown as it is. */
static uint64_t sealed_size(const struct pp_ledger_reader *reader,
                            const struct pp_check_result *result, uint64_t stated)
{
    if (result->verdict != PP_VERDICT_OK)
        return stated;
    bool torn_seal = result->has_seal && reader->data.data[result->sealed_end - 1] == 0;
    return torn_seal ? result->last_seal.first_seq : result->tree.size;
}

/* The last seal of the last segment decides, which may have none. */
static enum pp_error find_size(struct pp_ledger_reader *reader)
{
    uint64_t place = reader->segment_count - 1;
    enum pp_error error = pp_reader_load(reader, place);
    if (error != PP_OK)
        return error;
    reader->size = stated_size(reader, reader->segments[place].first_seq);
    if (reader->size == reader->segments[place].first_seq)
        return PP_OK;
    struct pp_check_scratch *scratch = calloc(1, sizeof *scratch);
    struct pp_check_result *result = malloc(sizeof *result);
    if (scratch != NULL && result != NULL) {
        struct pp_check_input input = {
            .engine = reader->engine, .scratch = scratch, .sizes = {PP_NO_SEQ, PP_NO_SEQ}};
        pp_segment_check(&input, reader->data, result);
        reader->size = sealed_size(reader, result, reader->size);
    } else {
        error = pp_fail(&reader->failure, PP_ERROR_MEMORY, 0, "no memory to read %s",
                        reader->layout.path);
    }
    free(scratch);
    free(result);
    return error;
}

/* A last segment without a whole header is one that a crash, or the writer right now, is making. */
static enum pp_error read_headers(struct pp_ledger_reader *reader)
{
    for (uint64_t place = 0; place < reader->segment_count; place++) {
        enum pp_error error = read_header(reader, place);
        if (error == PP_ERROR_FORMAT && place > 0 && place + 1 == reader->segment_count &&
            reader->segments[place].first_seq == 0) {
            drop_current(reader);
            reader->current = --reader->segment_count;
            error = PP_OK;
        }
        if (error != PP_OK)
            return error;
    }
    return PP_OK;
}

static enum pp_error open_reader(struct pp_ledger_reader *reader, const char *path)
{
    enum pp_error error = pp_layout_open(&reader->layout, path, &reader->failure);
    if (error == PP_OK)
        error = pp_layout_segments(&reader->layout, &reader->first_segment, &reader->segment_count,
                                   &reader->failure);
    if (error == PP_OK && reader->segment_count == 0)
        error = pp_fail(&reader->failure, PP_ERROR_NOT_FOUND, 0, "%s has no segments", path);
    if (error != PP_OK)
        return error;
    reader->current = reader->segment_count;
    reader->root_size = PP_NO_SEQ;
    reader->segments = calloc(reader->segment_count, sizeof *reader->segments);
    if (reader->segments == NULL)
        return pp_fail(&reader->failure, PP_ERROR_MEMORY, 0, "no memory to read %s", path);
    error = read_headers(reader);
    if (error == PP_OK)
        error = find_size(reader);
    if (error == PP_OK)
        error = pp_ledger_reader_seek(reader, pp_ledger_reader_first(reader));
    return error;
}

enum pp_error pp_ledger_reader_open(const char *path, struct pp_ledger_reader **out,
                                    struct pp_failure *failure)
{
    struct pp_ledger_reader *reader = calloc(1, sizeof *reader);
    if (reader == NULL)
        return pp_fail(failure, PP_ERROR_MEMORY, 0, "no memory to read %s", path);
    reader->engine = pp_engine_new();
    enum pp_error error = open_reader(reader, path);
    if (error != PP_OK) {
        if (failure != NULL)
            *failure = reader->failure;
        pp_ledger_reader_close(reader);
        return error;
    }
    *out = reader;
    return PP_OK;
}

void pp_ledger_reader_close(struct pp_ledger_reader *reader)
{
    if (reader == NULL)
        return;
    drop_current(reader);
    pp_reader_free_indexes(reader);
    if (reader->layout.path != NULL)
        pp_layout_close(&reader->layout);
    pp_buffer_free(&reader->last);
    pp_engine_free(reader->engine);
    free(reader->window);
    free(reader->segments);
    free(reader);
}

uint64_t pp_ledger_reader_first(const struct pp_ledger_reader *reader)
{
    return reader->segments[0].first_seq;
}

uint64_t pp_ledger_reader_size(const struct pp_ledger_reader *reader)
{
    return reader->size;
}

const struct pp_failure *pp_ledger_reader_failure(const struct pp_ledger_reader *reader)
{
    return &reader->failure;
}

/* ---- Entries ---- */

enum pp_error pp_ledger_reader_seek(struct pp_ledger_reader *reader, uint64_t seq)
{
    if (seq < pp_ledger_reader_first(reader) || seq > reader->size)
        return pp_fail(&reader->failure, PP_ERROR_NOT_FOUND, 0,
                       "there is no entry %" PRIu64 ": the ledger holds entries from %" PRIu64
                       " on, before %" PRIu64,
                       seq, pp_ledger_reader_first(reader), reader->size);
    enum pp_error error = pp_reader_load(reader, pp_reader_place(reader, seq));
    if (error != PP_OK)
        return error;
    reader->at = 0;
    reader->next_seq = reader->segments[reader->current].first_seq;
    while (error == PP_OK && reader->next_seq < seq) {
        struct pp_entry entry;
        error = pp_ledger_reader_next(reader, &entry);
    }
    return error;
}

/* The next entry frame of the segment in hand. */
static enum pp_error next_entry_frame(struct pp_ledger_reader *reader, struct pp_frame *frame)
{
    enum pp_error error;
    while ((error = pp_reader_frame(reader, reader->at, frame)) == PP_OK) {
        reader->at += frame->bytes;
        if (frame->type == PP_FRAME_ENTRY)
            return PP_OK;
    }
    return error;
}

/* The next segment's first entry is due: what is left of this one is unsealed. */
static bool segment_is_done(const struct pp_ledger_reader *reader)
{
    return reader->current + 1 < reader->segment_count &&
           reader->segments[reader->current + 1].first_seq == reader->next_seq;
}

enum pp_error pp_ledger_reader_next(struct pp_ledger_reader *reader, struct pp_entry *entry)
{
    if (reader->next_seq >= reader->size)
        return PP_ERROR_NOT_FOUND;
    while (segment_is_done(reader)) {
        enum pp_error error = pp_reader_load(reader, reader->current + 1);
        if (error != PP_OK)
            return error;
        reader->at = 0;
    }
    struct pp_frame frame;
    if (next_entry_frame(reader, &frame) != PP_OK ||
        pp_entry_decode(frame.content, entry) != PP_OK || entry->seq != reader->next_seq)
        return fail_segment(reader, reader->current, PP_ERROR_FORMAT, 0,
                            "does not hold the entry that is due");
    reader->next_seq++;
    return PP_OK;
}

/* Reads a blob of the length that its reference states into memory for free(). */
static enum pp_error read_blob(struct pp_ledger_reader *reader, const char *name, uint64_t len,
                               uint8_t **data)
{
    int fd = pp_os_open(reader->layout.blobs, name, PP_OS_READ);
    if (fd < 0)
        return pp_fail(&reader->failure, PP_ERROR_IO, -fd, "%s/blobs/%s can't be opened",
                       reader->layout.path, name);
    enum pp_error error = PP_OK;
    *data = NULL;
    if (pp_os_size(fd) != (int64_t)len)
        error = pp_fail(&reader->failure, PP_ERROR_MISMATCH, 0,
                        "%s/blobs/%s has not the length that its entry states", reader->layout.path,
                        name);
    else if ((*data = malloc(len + 1)) == NULL)
        error = pp_fail(&reader->failure, PP_ERROR_MEMORY, 0,
                        "no memory for a body of %" PRIu64 " bytes", len);
    else if (pp_os_read_at(fd, *data, len, 0) != (int64_t)len)
        error = pp_fail(&reader->failure, PP_ERROR_IO, 0, "%s/blobs/%s can't be read",
                        reader->layout.path, name);
    pp_os_close(fd);
    return error;
}

enum pp_error pp_ledger_reader_blob(struct pp_ledger_reader *reader, const struct pp_entry *entry,
                                    uint8_t **out, size_t *out_len)
{
    struct pp_digest wanted;
    char name[PP_BLOB_NAME_BYTES];
    uint8_t *data = NULL;
    if (entry->kind != PP_ENTRY_REFERENCE || entry->body.len != PP_REFERENCE_BYTES)
        return pp_fail(&reader->failure, PP_ERROR_ARGUMENT, 0, "entry %" PRIu64 " is no reference",
                       entry->seq);
    uint64_t len = pp_get_u64(entry->body.data);
    memcpy(wanted.b, entry->body.data + 8, PP_DIGEST_BYTES);
    pp_blob_name(&wanted, name);
    enum pp_error error = read_blob(reader, name, len, &data);
    if (error == PP_OK) {
        struct pp_digest digest = pp_sha256((struct pp_bytes){data, len});
        if (!pp_digest_equal(&digest, &wanted))
            error = pp_fail(&reader->failure, PP_ERROR_MISMATCH, 0,
                            "%s/blobs/%s is not the body of entry %" PRIu64, reader->layout.path,
                            name, entry->seq);
    }
    if (error != PP_OK) {
        free(data);
        return error;
    }
    *out = data;
    *out_len = len;
    return PP_OK;
}
