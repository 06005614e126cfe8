/* SPDX-License-Identifier: MIT */
/* Appending: the caller's thread makes frames and, for each run of them, the leaf hashes. */

#include "store.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static bool fits_inline(const struct pp_entry *entry)
{
    return entry->body.len <= PP_ENTRY_BYTES_MAX - PP_ENTRY_FIXED_BYTES - entry->source.len;
}

/* ---- Bodies kept beside ---- */

/* A file of that name with other contents, left by a crash or planted, doesn't count. */
static bool blob_exists(const struct pp_ledger *ledger, const char *name,
                        const struct pp_digest *wanted)
{
    struct pp_digest digest;
    uint64_t bytes;
    return pp_file_hash(ledger->layout.blobs, name, &digest, &bytes) == 0 &&
           pp_digest_equal(&digest, wanted);
}

static enum pp_error sync_blobs(struct pp_ledger *ledger)
{
    int result = pp_os_sync(ledger->layout.blobs);
    if (result == 0)
        return PP_OK;
    return pp_fail(&ledger->failure, PP_ERROR_IO, -result, "%s/blobs can't be made durable",
                   ledger->layout.path);
}

/* The body durable as blobs/<SHA-256>; reference gets what the entry holds instead. */
static enum pp_error store_blob(struct pp_ledger *ledger, struct pp_bytes body,
                                uint8_t reference[PP_REFERENCE_BYTES])
{
    struct pp_digest digest = pp_sha256(body);
    char name[PP_BLOB_NAME_BYTES];
    pp_blob_name(&digest, name);
    pp_put_u64(reference, body.len);
    memcpy(reference + 8, digest.b, PP_DIGEST_BYTES);
    enum pp_error error = PP_OK;
    if (!blob_exists(ledger, name, &digest))
        error = pp_file_replace(ledger->layout.blobs, name, body, false, &ledger->failure);
    else if (!ledger->options.not_durable) /* its name may be younger than the last crash */
        error = sync_blobs(ledger);
    if (error != PP_OK)
        ledger->stopped = true;
    return error;
}

/* ---- Frames ---- */

/* Makes room for a frame: seals the group when it is full, the segment when that is. */
static enum pp_error make_room(struct pp_ledger *ledger, size_t frame_bytes)
{
    size_t needed = ledger->group_used + frame_bytes + PP_SEAL_FRAME_BYTES;
    bool segment_full = ledger->segment_used + needed > ledger->options.segment_bytes;
    bool has_entries = ledger->next_seq != ledger->segment_first_seq;
    enum pp_error error = PP_OK;
    if (segment_full && has_entries)
        error = pp_writer_flush(ledger, true);
    else if (needed > ledger->options.group_bytes)
        error = pp_writer_flush(ledger, false);
    if (error == PP_OK && ledger->group_used == 0)
        error = pp_writer_wait_for_group(ledger);
    return error;
}

/* Encodes the entry as a frame without its tag, at the place where the disk will have it, and adds
   it to the open run. */
static enum pp_error put_frame(struct pp_ledger *ledger, struct pp_entry *entry)
{
    struct pp_group *group = &ledger->groups[ledger->groups_filled % PP_WRITER_GROUPS];
    uint8_t *frame = group->blocks + ledger->segment_used % PP_OS_BLOCK_BYTES + ledger->group_used;
    size_t len;
    entry->seq = ledger->next_seq;
    enum pp_error error =
        pp_entry_encode(entry, frame + PP_FRAME_HEAD_BYTES, PP_ENTRY_BYTES_MAX, &len);
    if (error != PP_OK)
        return error;
    pp_frame_put_head(frame, PP_FRAME_ENTRY, (uint16_t)len);
    if (ledger->next_seq % PP_INDEX_BLOCK_ENTRIES == 0)
        ledger->offsets[ledger->filling_offsets][ledger->offset_count++] =
            ledger->segment_used + ledger->group_used;
    if (ledger->run_used == 0)
        ledger->run = pp_writer_wait_for_run(ledger);
    ledger->run->tags[ledger->run_used] = frame + PP_FRAME_HEAD_BYTES + len;
    ledger->prefixed[ledger->run_used++] =
        (struct pp_bytes){frame + PP_FRAME_HEAD_BYTES - 1, len + 1};
    ledger->group_used += PP_FRAME_HEAD_BYTES + len + PP_TAG_BYTES;
    ledger->next_seq++;
    if (ledger->next_seq % PP_WRITER_RUN_ENTRIES == 0)
        pp_writer_hand_run(ledger, false);
    return PP_OK;
}

static bool entry_is_valid(const struct pp_entry *entry)
{
    return entry->level < PP_LEVEL_COUNT && entry->source.len != 0 &&
           entry->source.len <= PP_SOURCE_BYTES_MAX;
}

static size_t frame_bytes(const struct pp_entry *entry)
{
    size_t body = fits_inline(entry) ? entry->body.len : PP_REFERENCE_BYTES;
    return PP_FRAME_HEAD_BYTES + PP_ENTRY_FIXED_BYTES + entry->source.len + body + PP_TAG_BYTES;
}

static enum pp_error put_entry(struct pp_ledger *ledger, const struct pp_entry *entry)
{
    struct pp_entry stored = *entry;
    uint8_t reference[PP_REFERENCE_BYTES];
    if (!entry_is_valid(entry))
        return PP_ERROR_ARGUMENT;
    enum pp_error error = make_room(ledger, frame_bytes(entry));
    if (stored.kind != PP_ENTRY_NOTICE)
        stored.kind = PP_ENTRY_DATA;
    if (error == PP_OK && !fits_inline(entry)) {
        error = store_blob(ledger, entry->body, reference);
        stored.kind = PP_ENTRY_REFERENCE;
        stored.body = (struct pp_bytes){reference, sizeof reference};
    }
    return error == PP_OK ? put_frame(ledger, &stored) : error;
}

enum pp_error pp_ledger_append_batch(struct pp_ledger *ledger, const struct pp_entry *entries,
                                     size_t count, size_t *done)
{
    size_t taken = 0;
    enum pp_error error = ledger->stopped ? PP_ERROR_STOPPED : PP_OK;
    while (error == PP_OK && taken < count) {
        error = put_entry(ledger, &entries[taken]);
        taken += error == PP_OK;
    }
    if (done != NULL)
        *done = taken;
    if (error == PP_ERROR_ARGUMENT)
        pp_fail(&ledger->failure, error, 0,
                "the entry is refused: a level above FATAL, or a source of %zu bytes, not 1 to 255",
                entries[taken].source.len);
    return error;
}

enum pp_error pp_ledger_append(struct pp_ledger *ledger, const struct pp_entry *entry,
                               uint64_t *seq)
{
    enum pp_error error = pp_ledger_append_batch(ledger, entry, 1, NULL);
    if (error == PP_OK && seq != NULL)
        *seq = ledger->next_seq - 1;
    return error;
}

enum pp_error pp_ledger_append_notice(struct pp_ledger *ledger, uint64_t time_ns, uint8_t level,
                                      const char *text)
{
    struct pp_entry entry = {.time_ns = time_ns,
                             .source = pp_bytes_of("postproof"),
                             .body = pp_bytes_of(text),
                             .level = level,
                             .kind = PP_ENTRY_NOTICE};
    return pp_ledger_append(ledger, &entry, NULL);
}

enum pp_error pp_ledger_flush(struct pp_ledger *ledger)
{
    return pp_writer_flush(ledger, false);
}

enum pp_error pp_ledger_sync(struct pp_ledger *ledger)
{
    enum pp_error error = pp_writer_flush(ledger, false);
    return error != PP_OK ? error : pp_writer_wait(ledger);
}

uint64_t pp_ledger_size(const struct pp_ledger *ledger)
{
    return ledger->next_seq;
}

uint64_t pp_ledger_durable_size(struct pp_ledger *ledger)
{
    pthread_mutex_lock(&ledger->mutex);
    uint64_t size = ledger->durable_size;
    pthread_mutex_unlock(&ledger->mutex);
    return size;
}

const struct pp_failure *pp_ledger_failure(const struct pp_ledger *ledger)
{
    return &ledger->failure;
}
