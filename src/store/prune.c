/* SPDX-License-Identifier: MIT */
/* Retention: whole leading segments go, with the bodies that only they refer to.  The prune seal is
   durable first; docs/format/ledger.md section 11. */

#include "store.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* ---- Segments ---- */

static enum pp_error first_seq_of(struct pp_ledger *ledger, uint64_t segment, uint64_t *first_seq)
{
    uint8_t frame_bytes[PP_SEGMENT_HEADER_FRAME_BYTES_MAX];
    char name[PP_SEGMENT_NAME_BYTES];
    pp_segment_name(segment, name);
    int fd = pp_os_open(ledger->layout.segments, name, PP_OS_READ);
    if (fd < 0)
        return pp_fail(&ledger->failure, PP_ERROR_IO, -fd, "segment %" PRIu64 " can't be opened",
                       segment);
    int64_t got = pp_os_read_at(fd, frame_bytes, sizeof frame_bytes, 0);
    pp_os_close(fd);
    struct pp_frame frame;
    struct pp_segment_header header;
    if (got < 0)
        return pp_fail(&ledger->failure, PP_ERROR_IO, (int)-got,
                       "segment %" PRIu64 " can't be read", segment);
    if (pp_frame_read((struct pp_bytes){frame_bytes, (size_t)got}, &frame) != PP_OK ||
        pp_segment_header_decode(frame.content, &header) != PP_OK)
        return pp_fail(&ledger->failure, PP_ERROR_FORMAT, 0,
                       "segment %" PRIu64 " has a damaged header; run `postproof verify`", segment);
    *first_seq = header.first_seq;
    return PP_OK;
}

/* The last segment from `first` on that starts at keep_seq or before. */
static enum pp_error find_kept(struct pp_ledger *ledger, uint64_t first, uint64_t keep_seq,
                               uint64_t *kept, uint64_t *kept_seq)
{
    uint64_t seq;
    *kept = first;
    *kept_seq = 0;
    for (uint64_t segment = first; segment <= ledger->segment; segment++) {
        enum pp_error error = first_seq_of(ledger, segment, &seq);
        if (error != PP_OK)
            return error;
        if (seq > keep_seq)
            break;
        *kept = segment;
        *kept_seq = seq;
    }
    return PP_OK;
}

static enum pp_error remove_segments(struct pp_ledger *ledger, uint64_t from, uint64_t to)
{
    char name[PP_SEGMENT_NAME_BYTES];
    int result = 0;
    for (uint64_t segment = from; segment < to && result == 0; segment++) {
        pp_segment_name(segment, name);
        result = pp_os_remove(ledger->layout.segments, name);
        pp_index_name(segment, name); /* after its segment: a segment never lacks its index */
        if (result == 0)
            result = pp_os_remove(ledger->layout.segments, name);
        if (result == -ENOENT) /* a segment that a recovery closed has none */
            result = 0;
    }
    if (result == 0)
        result = pp_os_sync(ledger->layout.segments);
    if (result < 0)
        return pp_ledger_stop(ledger, PP_ERROR_IO, -result,
                              "the pruned segments can't all be removed; prune again");
    return PP_OK;
}

/* ---- Bodies kept beside ---- */

/* The bodies that pruned entries refer to, sorted once all are in. */
struct bodies {
    struct pp_digest *digests;
    bool *kept; /* a retained entry refers to it too */
    size_t count, cap;
};

static bool add_body(struct bodies *bodies, const struct pp_digest *digest)
{
    if (bodies->count == bodies->cap) {
        size_t cap = bodies->cap * 2 + 64;
        struct pp_digest *digests = realloc(bodies->digests, cap * sizeof *digests);
        if (digests == NULL)
            return false;
        bodies->digests = digests;
        bodies->cap = cap;
    }
    bodies->digests[bodies->count++] = *digest;
    return true;
}

static int compare_digests(const void *a, const void *b)
{
    return memcmp(a, b, PP_DIGEST_BYTES);
}

static void keep_body(struct bodies *bodies, const struct pp_digest *digest)
{
    if (bodies->count == 0)
        return;
    struct pp_digest *found =
        bsearch(digest, bodies->digests, bodies->count, sizeof *digest, compare_digests);
    if (found != NULL)
        bodies->kept[found - bodies->digests] = true;
}

/* Every reference in a segment: collected when it goes, kept when it stays. */
static enum pp_error scan_segment(struct pp_ledger *ledger, uint64_t segment, bool goes,
                                  struct pp_buffer *data, struct bodies *bodies)
{
    char name[PP_SEGMENT_NAME_BYTES];
    pp_segment_name(segment, name);
    enum pp_error error =
        pp_file_read(ledger->layout.segments, name,
                     PP_SEGMENT_BYTES_MAX + 2 * (size_t)PP_GROUP_BYTES_MAX, data, &ledger->failure);
    struct pp_frame frame;
    struct pp_entry entry;
    for (size_t at = 0; error == PP_OK && at < data->len; at += frame.bytes) {
        struct pp_digest digest;
        if (pp_frame_read((struct pp_bytes){data->data + at, data->len - at}, &frame) != PP_OK)
            break;
        if (frame.type != PP_FRAME_ENTRY || pp_entry_decode(frame.content, &entry) != PP_OK ||
            entry.kind != PP_ENTRY_REFERENCE)
            continue;
        memcpy(digest.b, entry.body.data + 8, PP_DIGEST_BYTES);
        if (!goes)
            keep_body(bodies, &digest);
        else if (!add_body(bodies, &digest))
            error = pp_fail(&ledger->failure, PP_ERROR_MEMORY, 0, "no memory to prune");
    }
    return error;
}

static enum pp_error find_bodies(struct pp_ledger *ledger, uint64_t first, uint64_t kept,
                                 struct bodies *bodies)
{
    struct pp_buffer data = {0};
    enum pp_error error = PP_OK;
    for (uint64_t segment = first; segment < kept && error == PP_OK; segment++)
        error = scan_segment(ledger, segment, true, &data, bodies);
    if (error == PP_OK && bodies->count != 0) {
        qsort(bodies->digests, bodies->count, sizeof *bodies->digests, compare_digests);
        bodies->kept = calloc(bodies->count, sizeof *bodies->kept);
        if (bodies->kept == NULL)
            error = pp_fail(&ledger->failure, PP_ERROR_MEMORY, 0, "no memory to prune");
        for (uint64_t segment = kept; segment <= ledger->segment && error == PP_OK; segment++)
            error = scan_segment(ledger, segment, false, &data, bodies);
    }
    pp_buffer_free(&data);
    return error;
}

/* The same body twice: bsearch may have marked either one. */
static bool is_kept(const struct bodies *bodies, size_t i)
{
    for (size_t j = i;
         j < bodies->count && pp_digest_equal(&bodies->digests[j], &bodies->digests[i]); j++)
        if (bodies->kept[j])
            return true;
    return false;
}

static enum pp_error remove_bodies(struct pp_ledger *ledger, const struct bodies *bodies)
{
    char name[PP_BLOB_NAME_BYTES];
    int result = 0;
    for (size_t i = 0; i < bodies->count && result == 0; i++) {
        if (i > 0 && pp_digest_equal(&bodies->digests[i], &bodies->digests[i - 1]))
            continue;
        if (is_kept(bodies, i))
            continue;
        pp_blob_name(&bodies->digests[i], name);
        result = pp_os_remove(ledger->layout.blobs, name);
        if (result == -ENOENT)
            result = 0;
    }
    if (result < 0)
        return pp_ledger_stop(ledger, PP_ERROR_IO, -result,
                              "the bodies of pruned entries can't all be removed");
    return PP_OK;
}

/* ---- Prune ---- */

enum pp_error pp_ledger_prune(struct pp_ledger *ledger, uint64_t keep_seq, uint64_t *pruned)
{
    uint64_t first, count, kept, kept_seq, first_seq;
    enum pp_error error = pp_ledger_sync(ledger);
    if (error == PP_OK)
        error = pp_layout_segments(&ledger->layout, &first, &count, &ledger->failure);
    if (error == PP_OK)
        error = first_seq_of(ledger, first, &first_seq);
    if (error == PP_OK)
        error = find_kept(ledger, first, keep_seq, &kept, &kept_seq);
    if (error != PP_OK)
        return pp_stop_on_io_error(ledger, error);
    *pruned = 0;
    if (kept == first)
        return PP_OK;
    struct bodies bodies = {0};
    error = find_bodies(ledger, first, kept, &bodies);
    if (error == PP_OK)
        error = pp_writer_control_seal(ledger, PP_SEAL_PRUNE, kept);
    if (error == PP_OK)
        error = remove_segments(ledger, first, kept);
    if (error == PP_OK)
        error = remove_bodies(ledger, &bodies);
    if (error == PP_OK)
        *pruned = kept_seq - first_seq;
    free(bodies.digests);
    free(bodies.kept);
    return pp_stop_on_io_error(ledger, error);
}
