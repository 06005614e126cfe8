/* SPDX-License-Identifier: MIT */
/* The files beside a segment: its index, and the bodies that its entries refer to. */

#include "verify.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* A file that can't be read proves nothing: exit 2, not 1. */
static bool refuse_unread(struct pp_verify_slot *slot, uint64_t seq, const char *folder,
                          const char *name, int result)
{
    slot->result.verdict = PP_VERDICT_UNREADABLE;
    slot->result.first_bad_seq = seq;
    snprintf(slot->place, sizeof slot->place, "%s/%s", folder, name);
    snprintf(slot->reason, sizeof slot->reason, "the file can't be read: %s", strerror(-result));
    return false;
}

static bool refuse_file(struct pp_verify_slot *slot, uint64_t seq, const char *folder,
                        const char *name, const char *reason)
{
    slot->result.verdict = PP_VERDICT_MODIFIED;
    slot->result.first_bad_seq = seq;
    snprintf(slot->place, sizeof slot->place, "%s/%s", folder, name);
    snprintf(slot->reason, sizeof slot->reason, "%s", reason);
    return false;
}

bool pp_verify_index(const struct pp_verification *v, uint64_t segment, struct pp_verify_slot *slot)
{
    char name[PP_SEGMENT_NAME_BYTES];
    struct pp_digest digest;
    uint64_t bytes;
    if (!slot->result.rotated)
        return true;
    pp_index_name(segment, name);
    int result = pp_file_hash(v->layout.segments, name, &digest, &bytes);
    if (result == -ENOENT)
        return refuse_file(slot, PP_NO_SEQ, "segments", name,
                           "the index of a closed segment is missing");
    if (result < 0)
        return refuse_unread(slot, PP_NO_SEQ, "segments", name, result);
    if (!pp_digest_equal(&digest, &slot->result.last_seal.detail_hash))
        return refuse_file(slot, PP_NO_SEQ, "segments", name,
                           "the index is not the one that the rotation seal vouches for");
    slot->bytes += bytes;
    return true;
}

static bool check_blob(const struct pp_verification *v, const struct pp_entry *entry,
                       struct pp_verify_slot *slot)
{
    struct pp_digest wanted, digest;
    char name[PP_BLOB_NAME_BYTES];
    uint64_t bytes;
    memcpy(wanted.b, entry->body.data + 8, PP_DIGEST_BYTES);
    pp_blob_name(&wanted, name);
    int result = pp_file_hash(v->layout.blobs, name, &digest, &bytes);
    if (result == -ENOENT)
        return refuse_file(slot, entry->seq, "blobs", name, "the body of this entry is missing");
    if (result < 0)
        return refuse_unread(slot, entry->seq, "blobs", name, result);
    if (bytes != pp_get_u64(entry->body.data) || !pp_digest_equal(&digest, &wanted))
        return refuse_file(slot, entry->seq, "blobs", name,
                           "the body of this entry was changed: it has another hash");
    slot->blobs++;
    slot->bytes += bytes;
    return true;
}

static bool is_reference(const struct pp_frame *frame, struct pp_entry *entry)
{
    return frame->type == PP_FRAME_ENTRY && pp_entry_decode(frame->content, entry) == PP_OK &&
           entry->kind == PP_ENTRY_REFERENCE;
}

void pp_verify_note_references(struct pp_verify_slot *slot, struct pp_bytes records)
{
    struct pp_frame frame;
    struct pp_entry entry;
    while (pp_frame_read(records, &frame) == PP_OK) {
        if (is_reference(&frame, &entry))
            pp_sha256_update(&slot->references, frame.content);
        else if (frame.type == PP_FRAME_SEAL)
            slot->sealed_references = slot->references;
        records = (struct pp_bytes){records.data + frame.bytes, records.len - frame.bytes};
    }
}

/* The bodies of the entries that data starts with; *taken is where the last whole record ends. */
static bool check_blobs(const struct pp_verification *v, struct pp_bytes data, size_t *taken,
                        struct pp_verify_slot *slot, struct pp_sha256_stream *references)
{
    struct pp_frame frame;
    struct pp_entry entry;
    *taken = 0;
    while (pp_frame_read((struct pp_bytes){data.data + *taken, data.len - *taken}, &frame) ==
           PP_OK) {
        if (is_reference(&frame, &entry)) {
            pp_sha256_update(references, frame.content);
            if (!check_blob(v, &entry, slot))
                return false;
        }
        *taken += frame.bytes;
    }
    return true;
}

/* Who can write the file may have changed it since its records were checked. */
static bool same_references(struct pp_verify_task *task, struct pp_sha256_stream *references)
{
    struct pp_digest seen = pp_sha256_final(references);
    struct pp_digest checked = pp_sha256_final(&task->slot.sealed_references);
    return pp_digest_equal(&seen, &checked) ||
           refuse_file(&task->slot, PP_NO_SEQ, "segments", task->name,
                       "the segment was changed while it was verified");
}

bool pp_verify_blobs(const struct pp_verification *v, struct pp_verify_task *task, uint8_t *piece)
{
    struct pp_verify_slot *slot = &task->slot;
    struct pp_sha256_stream references;
    if (slot->result.references == 0)
        return true;
    pp_sha256_init(&references);
    uint64_t end = slot->result.sealed_end, at = 0;
    size_t taken = 1;
    while (at < end && taken != 0) { /* pp_segment_check_take has judged the records */
        size_t want = end - at < PP_VERIFY_PIECE_BYTES ? (size_t)(end - at) : PP_VERIFY_PIECE_BYTES;
        int64_t got = pp_os_read_at(task->fd, piece, want, at);
        if (got < 0)
            return refuse_unread(slot, PP_NO_SEQ, "segments", task->name, (int)got);
        if (!check_blobs(v, (struct pp_bytes){piece, (size_t)got}, &taken, slot, &references))
            return false;
        at += taken;
    }
    return same_references(task, &references);
}
