/* SPDX-License-Identifier: MIT */
/* Opening for writing: lock, find the last seal, compare it with the key and the checkpoint, and
   repair what a crash left.  docs/format/ledger.md section 10. */

#include "store.h"

#include <errno.h>
#include <inttypes.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The last segments as they are on disk. */
struct opening {
    struct pp_ledger *ledger;
    struct pp_failure *failure;
    struct pp_check_scratch *scratch;
    struct pp_check_epoch *epoch; /* secret memory: the key at hand */
    struct pp_buffer last_data, previous_data;
    struct pp_check_result last, previous;
    uint64_t first_segment, last_segment;
    bool has_previous; /* the last segment has no seal, and this is the one before */
    bool has_unmade;   /* behind last_segment there is one that a crash left without a header */
};

static enum pp_error fail(struct opening *o, enum pp_error code, const char *what,
                          const char *advice)
{
    return pp_fail(o->failure, code, 0, "%s: %s; %s", o->ledger->layout.path, what, advice);
}

/* Reads and checks a segment with the current key only: the old ones are gone.  The index arrays
 * are filled. */
static enum pp_error check_segment(struct opening *o, uint64_t segment, struct pp_buffer *data,
                                   struct pp_check_result *result)
{
    struct pp_ledger *ledger = o->ledger;
    char name[PP_SEGMENT_NAME_BYTES];
    pp_segment_name(segment, name);
    enum pp_error error =
        pp_file_read(ledger->layout.segments, name,
                     PP_SEGMENT_BYTES_MAX + (size_t)PP_GROUP_BYTES_MAX * 2, data, o->failure);
    if (error != PP_OK)
        return error;
    ledger->sink.count = 0;
    struct pp_check_input input = {
        .engine = ledger->engine,
        .scratch = o->scratch,
        .epoch = o->epoch,
        .sizes = {PP_NO_SEQ, PP_NO_SEQ},
        .index_offsets = ledger->offsets[0],
        .index_offsets_cap = ledger->offset_cap,
        .sink = &ledger->sink,
    };
    pp_segment_check(&input, (struct pp_bytes){data->data, data->len}, result);
    ledger->offset_count = result->index_offset_count;
    return PP_OK;
}

/* A segment may be larger than this writer's segment size: make the index arrays fit it. */
static enum pp_error fit_arrays(struct opening *o, uint64_t segment)
{
    struct pp_ledger *ledger = o->ledger;
    char name[PP_SEGMENT_NAME_BYTES];
    pp_segment_name(segment, name);
    int fd = pp_os_open(ledger->layout.segments, name, PP_OS_READ);
    int64_t size = fd < 0 ? fd : pp_os_size(fd);
    if (fd >= 0)
        pp_os_close(fd);
    if (size < 0)
        return pp_fail(o->failure, PP_ERROR_IO, (int)-size, "%s/segments/%s can't be read",
                       ledger->layout.path, name);
    size_t cap =
        (size_t)size / PP_ENTRY_FRAME_BYTES_MIN / PP_INDEX_BLOCK_ENTRIES + 2 + ledger->offset_cap;
    bool good = true;
    for (int i = 0; i < PP_WRITER_GROUPS; i++) {
        uint64_t *offsets = realloc(ledger->offsets[i], cap * sizeof *offsets);
        if (offsets != NULL)
            ledger->offsets[i] = offsets;
        good = good && offsets != NULL;
    }
    size_t node_cap = 2 * cap + 2 * (size_t)PP_MERKLE_HEIGHT_MAX;
    struct pp_digest *nodes = realloc(ledger->sink.nodes, node_cap * sizeof *nodes);
    if (nodes != NULL)
        ledger->sink.nodes = nodes;
    if (!good || nodes == NULL)
        return pp_fail(o->failure, PP_ERROR_MEMORY, 0, "no memory for a segment's index");
    ledger->offset_cap = cap;
    ledger->sink.cap = node_cap;
    return PP_OK;
}

static enum pp_error remove_segment(struct opening *o, uint64_t segment)
{
    char name[PP_SEGMENT_NAME_BYTES];
    pp_segment_name(segment, name);
    int result = pp_os_remove(o->ledger->layout.segments, name);
    if (result == 0)
        result = pp_os_sync(o->ledger->layout.segments);
    if (result < 0)
        return pp_fail(o->failure, PP_ERROR_IO, -result, "%s/segments/%s can't be removed",
                       o->ledger->layout.path, name);
    return PP_OK;
}

static enum pp_error refuse_modified(struct opening *o, const struct pp_check_result *result)
{
    return pp_fail(o->failure, PP_ERROR_MISMATCH, 0,
                   "%s: segment %" PRIu64 ", offset %zu: %s; nothing was written, run `postproof "
                   "verify`",
                   o->ledger->layout.path,
                   result->has_header ? result->header.segment : o->last_segment,
                   result->bad_offset, result->reason);
}

static enum pp_error load_last(struct opening *o)
{
    enum pp_error error = fit_arrays(o, o->last_segment);
    if (error == PP_OK)
        error = check_segment(o, o->last_segment, &o->last_data, &o->last);
    return error;
}

/* When the last segment has no seal, the last seal is in the one before, and that may be open. */
static enum pp_error load_previous(struct opening *o)
{
    enum pp_error error = fit_arrays(o, o->last_segment - 1);
    if (error == PP_OK)
        error = check_segment(o, o->last_segment - 1, &o->previous_data, &o->previous);
    if (error != PP_OK)
        return error;
    if (o->previous.verdict != PP_VERDICT_OK)
        return refuse_modified(o, &o->previous);
    if (pp_segment_is_unmade(&o->previous, &o->last)) {
        o->has_unmade = true;
        o->last_segment--;
        return PP_OK;
    }
    o->has_previous = true;
    if (!pp_segment_follows(&o->previous, &o->last, true))
        return refuse_modified(o, &o->last);
    return PP_OK;
}

static enum pp_error read_last_segments(struct opening *o)
{
    uint64_t count, tried;
    enum pp_error error =
        pp_layout_segments(&o->ledger->layout, &o->first_segment, &count, o->failure);
    if (error == PP_OK && count == 0)
        error = fail(o, PP_ERROR_MISMATCH, "it has no segments", "run `postproof verify`");
    if (error != PP_OK)
        return error;
    o->last_segment = o->first_segment + count - 1;
    do { /* again when the last one turns out to be unmade */
        tried = o->last_segment;
        error = load_last(o);
        if (error == PP_OK && !o->last.has_seal && o->last_segment > o->first_segment)
            error = load_previous(o);
    } while (error == PP_OK && o->last_segment != tried);
    if (error == PP_OK && (!o->last.has_header || o->last.verdict != PP_VERDICT_OK))
        error = refuse_modified(o, &o->last);
    return error;
}

/* The state after the last seal, wherever it stands. */
static const struct pp_check_result *sealed_state(const struct opening *o)
{
    return o->last.has_seal || !o->has_previous ? &o->last : &o->previous;
}

/* What a process left that died or whose sync failed may be in memory only, and not even be written
   by a later sync.  It is written again before anything is built on it: the group of the last seal,
   and what stands behind it. */
static enum pp_error write_again(struct opening *o, uint64_t segment, const struct pp_buffer *data,
                                 const struct pp_check_result *found)
{
    char name[PP_SEGMENT_NAME_BYTES];
    size_t from = found->last_group;
    if (o->ledger->options.not_durable)
        return PP_OK;
    pp_segment_name(segment, name);
    int fd = pp_os_open(o->ledger->layout.segments, name, PP_OS_READ_WRITE);
    int result = fd < 0 ? fd : pp_os_write_at(fd, data->data + from, found->used_end - from, from);
    if (result == 0)
        result = pp_os_sync(fd);
    if (fd >= 0)
        pp_os_close(fd);
    if (result == 0)
        result = pp_os_sync(o->ledger->layout.segments);
    if (result < 0)
        return pp_fail(o->failure, PP_ERROR_IO, -result, "%s/segments/%s can't be written",
                       o->ledger->layout.path, name);
    return PP_OK;
}

/* ---- Key and checkpoint against the ledger ---- */

/* A crash between a seal and its key: the key of the seal's epoch proves the seal, then moves on.
 */
static enum pp_error catch_up(struct opening *o, const struct pp_check_result *sealed,
                              const struct pp_buffer *data)
{
    struct pp_secrets *secrets = o->ledger->secrets;
    const uint8_t *content = data->data + sealed->sealed_end - PP_SEAL_BYTES;
    pp_epoch_keys_init(&secrets->keys, &secrets->state.ratchet);
    if (!pp_seal_mac_valid((struct pp_bytes){content, PP_SEAL_BYTES}, &secrets->keys.seal))
        return fail(o, PP_ERROR_MISMATCH, "its last seal was not made with its key",
                    "nothing was written, run `postproof verify`");
    enum pp_error error = write_again(o, sealed->header.segment, data, sealed);
    if (error != PP_OK)
        return error;
    secrets->state.last_seal = sealed->last_seal_digest;
    secrets->state.size = sealed->last_seal.next_seq;
    pp_ratchet_step(&secrets->state.ratchet);
    pp_sealing_slot_encode(&secrets->state, secrets->slots[0][0]);
    int result = pp_sealing_file_advance(&o->ledger->sealing, secrets->slots[0][0], true);
    if (result < 0)
        return pp_fail(o->failure, PP_ERROR_IO, -result, "the sealing key can't be written");
    return PP_OK;
}

/* The epoch of the next seal.  A segment without seals was opened by a rotation, whose epoch its
   header bears: torn bytes may be all that it holds.  Only segment 0 starts from nothing. */
static uint64_t epoch_due(const struct pp_check_result *sealed)
{
    if (sealed->has_seal)
        return sealed->last_seal.epoch + 1;
    return sealed->header.segment == 0 ? 0 : sealed->header.epoch + 1;
}

static enum pp_error compare_with_key(struct opening *o)
{
    const struct pp_check_result *sealed = sealed_state(o);
    const struct pp_sealing_state *key = &o->ledger->secrets->state;
    uint64_t next_epoch = epoch_due(sealed);
    if (sealed->has_seal && sealed->last_seal.epoch == key->ratchet.epoch)
        return catch_up(o, sealed, sealed == &o->last ? &o->last_data : &o->previous_data);
    if (next_epoch < key->ratchet.epoch)
        return pp_fail(o->failure, PP_ERROR_ROLLED_BACK, 0,
                       "%s is older than its key: the key sealed %" PRIu64 " entries in %" PRIu64
                       " seals, the ledger has %" PRIu64 " in %" PRIu64
                       "; it was truncated or restored from a copy: keep it as evidence, run "
                       "`postproof verify`, and start a new ledger with new keys",
                       o->ledger->layout.path, key->size, key->ratchet.epoch, sealed->tree.size,
                       next_epoch);
    if (next_epoch > key->ratchet.epoch)
        return fail(o, PP_ERROR_KEY, "its key is older than the ledger, restored from a copy",
                    "a key can't catch up: start a new ledger with new keys");
    if (sealed->has_seal && !pp_digest_equal(&sealed->last_seal_digest, &key->last_seal))
        return fail(o, PP_ERROR_MISMATCH, "its last seal is not the one that its key made",
                    "nothing was written, run `postproof verify`");
    return PP_OK;
}

static enum pp_error compare_with_checkpoint(struct opening *o)
{
    struct pp_buffer note = {0};
    struct pp_failure missing;
    struct pp_checkpoint checkpoint;
    enum pp_error error =
        pp_file_read(o->ledger->layout.dir, "checkpoint", PP_NOTE_BYTES_MAX, &note, &missing);
    if (error == PP_ERROR_NOT_FOUND)
        return PP_OK;
    if (error == PP_ERROR_IO)
        return pp_fail(o->failure, error, missing.os_error, "%s/checkpoint can't be read",
                       o->ledger->layout.path);
    if (error == PP_OK)
        error = pp_checkpoint_parse((struct pp_bytes){note.data, note.len}, &checkpoint);
    if (error != PP_OK)
        error = fail(o, PP_ERROR_MISMATCH, "its file \"checkpoint\" is damaged",
                     "run `postproof verify`; move the file away to go on without it");
    else if (checkpoint.size > sealed_state(o)->tree.size)
        error = pp_fail(o->failure, PP_ERROR_ROLLED_BACK, 0,
                        "%s is older than its checkpoint: %" PRIu64 " entries were signed, %" PRIu64
                        " are there; keep it as evidence and start a new ledger",
                        o->ledger->layout.path, checkpoint.size, sealed_state(o)->tree.size);
    pp_buffer_free(&note);
    return error;
}

/* ---- Taking the state over, repairs ---- */

static enum pp_error adopt(struct opening *o)
{
    struct pp_ledger *ledger = o->ledger;
    const struct pp_segment_header *header = &o->last.header;
    if (!pp_digest_equal(&header->log_id, &ledger->secrets->state.log_id) ||
        memcmp(header->key_id, ledger->secrets->state.key_id, PP_KEY_ID_BYTES) != 0)
        return pp_fail(o->failure, PP_ERROR_WRONG_KEY, 0,
                       "the sealing key in %s belongs to another ledger than %s; name the right "
                       "folder with --keys",
                       ledger->keys_folder, ledger->layout.path);
    memcpy(ledger->origin, header->origin.data, header->origin.len);
    ledger->origin[header->origin.len] = 0;
    ledger->log_id = header->log_id;
    const struct pp_check_result *sealed = sealed_state(o);
    ledger->tree = sealed->tree;
    ledger->tag = ledger->sealed_tag = sealed->tag;
    ledger->next_seq = ledger->durable_size = sealed->tree.size;
    ledger->segment = o->last_segment;
    ledger->segment_first_seq = header->first_seq;
    ledger->segment_used = ledger->file_end = o->last.sealed_end;
    return PP_OK;
}

static enum pp_error open_segment_file(struct opening *o, uint64_t segment)
{
    char name[PP_SEGMENT_NAME_BYTES];
    pp_segment_name(segment, name);
    o->ledger->segment_fd = pp_os_open(o->ledger->layout.segments, name, PP_OS_READ_WRITE);
    if (o->ledger->segment_fd < 0)
        return pp_fail(o->failure, PP_ERROR_IO, -o->ledger->segment_fd,
                       "%s/segments/%s can't be opened", o->ledger->layout.path, name);
    return PP_OK;
}

/* Cuts the open segment behind `end`, so that zeros follow. */
static enum pp_error cut_segment(struct opening *o, size_t end)
{
    int result = pp_os_truncate(o->ledger->segment_fd, end);
    if (result == 0)
        result = pp_os_sync(o->ledger->segment_fd);
    if (result < 0)
        return pp_fail(o->failure, PP_ERROR_IO, -result, "%s: the torn tail can't be cut off",
                       o->ledger->layout.path);
    return PP_OK;
}

static enum pp_error write_control(struct opening *o, enum pp_seal_kind kind, uint64_t number,
                                   const struct pp_digest *hash)
{
    struct pp_ledger *ledger = o->ledger;
    uint8_t frame[PP_SEAL_FRAME_BYTES], *slot = ledger->secrets->slots[0][0];
    pp_writer_seal(ledger, kind, number, hash, frame, slot);
    int result = pp_os_write_at(ledger->segment_fd, frame, sizeof frame, ledger->file_end);
    if (result == 0)
        result = pp_os_sync_data(ledger->segment_fd);
    if (result == 0)
        result = pp_sealing_file_advance(&ledger->sealing, slot, true);
    if (result < 0)
        return pp_fail(o->failure, PP_ERROR_IO, -result, "%s: a repair can't be written",
                       ledger->layout.path);
    ledger->file_end += sizeof frame;
    ledger->segment_used = ledger->file_end;
    return PP_OK;
}

/* The torn tail stays where it is; a new segment begins with the seal that vouches for it. */
static enum pp_error recover_tail(struct opening *o)
{
    struct pp_ledger *ledger = o->ledger;
    uint64_t torn = o->last.used_end - o->last.sealed_end;
    enum pp_error error = open_segment_file(o, o->last_segment);
    if (error == PP_OK)
        error = cut_segment(o, o->last.used_end);
    if (error != PP_OK)
        return error;
    pp_os_close(ledger->segment_fd);
    ledger->segment_fd = -1;
    struct pp_bytes header =
        pp_writer_header(ledger, o->last_segment + 1, ledger->groups[0].header_bytes);
    int result = pp_segment_create(ledger, o->last_segment + 1, header, &ledger->segment_fd);
    if (result < 0)
        return pp_fail(o->failure, PP_ERROR_IO, -result, "%s: the next segment can't be made",
                       ledger->layout.path);
    ledger->segment++;
    ledger->segment_first_seq = ledger->tree.size;
    ledger->segment_used = ledger->file_end = header.len;
    ledger->offset_count = 0;
    ledger->sink.count = 0;
    return write_control(o, PP_SEAL_RECOVERY, torn, &o->last.torn_digest);
}

/* The last segment has a header and no seal, and the one before was not closed: either the rotation
   seal is missing there, or the recovery seal here. */
static enum pp_error finish_change(struct opening *o)
{
    struct pp_ledger *ledger = o->ledger;
    uint64_t torn = o->previous.used_end - o->previous.sealed_end;
    size_t last_end = o->last.sealed_end;
    if (torn != 0) {
        enum pp_error error = open_segment_file(o, o->last_segment);
        if (error == PP_OK)
            error = cut_segment(o, last_end);
        if (error == PP_OK)
            error = write_control(o, PP_SEAL_RECOVERY, torn, &o->previous.torn_digest);
        return error;
    }
    size_t index_bytes = pp_index_bytes(o->previous.header.first_seq, ledger->tree.size);
    uint8_t *index = malloc(index_bytes);
    if (index == NULL)
        return pp_fail(o->failure, PP_ERROR_MEMORY, 0, "no memory for a segment's index");
    pp_index_encode(o->previous.header.first_seq, ledger->tree.size, ledger->offsets[0],
                    ledger->sink.nodes, index);
    struct pp_bytes file = {index, index_bytes};
    struct pp_digest digest = pp_sha256(file);
    int result = pp_index_file_write(ledger, o->last_segment - 1, file);
    free(index);
    if (result == 0)
        result = pp_os_sync(ledger->layout.segments);
    if (result < 0)
        return pp_fail(o->failure, PP_ERROR_IO, -result, "%s: an index can't be written",
                       ledger->layout.path);
    enum pp_error error = open_segment_file(o, o->last_segment - 1);
    ledger->file_end = o->previous.sealed_end;
    if (error == PP_OK)
        error = cut_segment(o, o->previous.sealed_end);
    if (error == PP_OK)
        error = write_control(o, PP_SEAL_ROTATION, o->last_segment, &digest);
    if (error != PP_OK)
        return error;
    pp_os_close(ledger->segment_fd);
    ledger->segment_used = ledger->file_end = last_end;
    return open_segment_file(o, o->last_segment);
}

/* A rotation names a segment that must be there: its header was durable first. */
static enum pp_error refuse_lost_segment(struct opening *o)
{
    return fail(o, PP_ERROR_ROLLED_BACK, "the segment that its last rotation seal names is gone",
                "nothing was written, run `postproof verify`");
}

/* An index that was written before its rotation came to an end is of no use, and would mislead. */
static enum pp_error remove_index(struct opening *o, uint64_t segment)
{
    char name[PP_SEGMENT_NAME_BYTES];
    pp_index_name(segment, name);
    int result = pp_os_remove(o->ledger->layout.segments, name);
    if (result < 0 && result != -ENOENT)
        return pp_fail(o->failure, PP_ERROR_IO, -result, "%s/segments/%s can't be removed",
                       o->ledger->layout.path, name);
    return PP_OK;
}

static enum pp_error repair(struct opening *o, struct pp_ledger_opening *opening)
{
    struct pp_ledger *ledger = o->ledger;
    bool change_open = o->has_previous && !o->previous.rotated;
    bool torn = o->last.used_end != o->last.sealed_end;
    pp_epoch_keys_init(&ledger->secrets->keys, &ledger->secrets->state.ratchet);
    if (o->last.has_seal && o->last.rotated)
        return refuse_lost_segment(o);
    if (change_open || torn) {
        opening->torn_bytes = change_open ? o->previous.used_end - o->previous.sealed_end
                                          : o->last.used_end - o->last.sealed_end;
        opening->recovered = opening->torn_bytes != 0;
    }
    enum pp_error error = remove_index(o, o->last_segment);
    if (error == PP_OK && change_open)
        error = remove_index(o, o->last_segment - 1);
    if (error == PP_OK && o->has_unmade)
        error = remove_segment(o, o->last_segment + 1);
    if (error == PP_OK && (change_open || torn))
        error = write_again(o, o->last_segment, &o->last_data, &o->last);
    if (error == PP_OK && change_open)
        error = write_again(o, o->last_segment - 1, &o->previous_data, &o->previous);
    if (error != PP_OK)
        return error;
    if (change_open)
        error = finish_change(o);
    else if (torn)
        error = recover_tail(o);
    else
        error = open_segment_file(o, o->last_segment);
    if (error == PP_OK && (change_open || !o->last.has_seal)) {
        ledger->offset_count = 0;
        ledger->sink.count = 0;
    }
    return error;
}

/* ---- Open ---- */

static enum pp_error lock(struct pp_ledger *ledger, struct pp_failure *failure)
{
    int result = pp_os_lock_patiently(ledger->layout.segments);
    if (result == 0)
        return PP_OK;
    if (result == -EWOULDBLOCK)
        return pp_fail(failure, PP_ERROR_LOCKED, 0,
                       "another writer holds %s; a ledger has one writer at a time",
                       ledger->layout.path);
    return pp_fail(failure, PP_ERROR_IO, -result, "%s can't be locked", ledger->layout.path);
}

static enum pp_error find_keys(struct pp_ledger *ledger, const char *path, const char *keys_folder)
{
    size_t bytes = strlen(path) + sizeof "/keys";
    ledger->keys_folder = keys_folder != NULL ? strdup(keys_folder) : malloc(bytes);
    if (ledger->keys_folder == NULL)
        return PP_ERROR_MEMORY;
    if (keys_folder == NULL)
        snprintf(ledger->keys_folder, bytes, "%s/keys", path);
    return PP_OK;
}

static enum pp_error open_all(struct opening *o, struct pp_ledger_opening *opening)
{
    struct pp_ledger *ledger = o->ledger;
    enum pp_error error = pp_sealing_file_open(ledger->keys_folder, &ledger->sealing,
                                               &ledger->secrets->state, o->failure);
    if (error == PP_OK) {
        const struct pp_sealing_state *state = &ledger->secrets->state;
        pp_epoch_keys_init(&ledger->secrets->keys, &state->ratchet);
        *o->epoch = (struct pp_check_epoch){
            .log_id = state->log_id, .epoch = state->ratchet.epoch, .keys = ledger->secrets->keys};
        error = read_last_segments(o);
    }
    if (error == PP_OK)
        error = adopt(o);
    if (error == PP_OK)
        error = compare_with_key(o);
    if (error == PP_OK)
        error = compare_with_checkpoint(o);
    if (error == PP_OK)
        error = repair(o, opening);
    opening->size = ledger->tree.size;
    return error;
}

enum pp_error pp_ledger_open(const char *path, const char *keys_folder,
                             const struct pp_ledger_options *options, struct pp_ledger **out,
                             struct pp_ledger_opening *opening, struct pp_failure *failure)
{
    struct pp_ledger_opening found = {0};
    struct opening o = {.failure = failure};
    struct pp_ledger *ledger;
    enum pp_error error = pp_ledger_alloc(&ledger, options, failure);
    if (error != PP_OK)
        return error;
    o.ledger = ledger;
    error = pp_layout_open(&ledger->layout, path, failure);
    if (error == PP_OK)
        error = lock(ledger, failure);
    if (error == PP_OK) {
        o.scratch = pp_os_secret_alloc(sizeof *o.scratch);
        o.epoch = pp_os_secret_alloc(sizeof *o.epoch);
        if (o.scratch == NULL || o.epoch == NULL || find_keys(ledger, path, keys_folder) != PP_OK)
            error = pp_fail(failure, PP_ERROR_MEMORY, 0, "no memory to open %s", path);
    }
    if (error == PP_OK)
        error = open_all(&o, &found);
    pp_buffer_free(&o.last_data);
    pp_buffer_free(&o.previous_data);
    pp_os_secret_free(o.scratch, sizeof *o.scratch);
    pp_os_secret_free(o.epoch, sizeof *o.epoch);
    if (error == PP_OK && pp_writer_start(ledger) != PP_OK)
        error = pp_fail(failure, PP_ERROR_IO, 0, "%s", ledger->failure.text);
    if (error != PP_OK) {
        pp_ledger_free(ledger);
        return error;
    }
    if (opening != NULL)
        *opening = found;
    *out = ledger;
    return PP_OK;
}

enum pp_error pp_ledger_close(struct pp_ledger *ledger, struct pp_failure *failure)
{
    if (ledger == NULL)
        return PP_OK;
    enum pp_error error = ledger->stopped ? PP_OK : pp_ledger_sync(ledger);
    pp_writer_stop(ledger);
    if (error == PP_OK && !ledger->stopped && !ledger->options.not_durable)
        error = pp_os_sync_data(ledger->sealing.fd) == 0 ? PP_OK : PP_ERROR_IO;
    if (error != PP_OK && failure != NULL) {
        *failure = ledger->failure;
        failure->code = error;
    }
    pp_ledger_free(ledger);
    return error;
}
