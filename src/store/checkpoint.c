/* SPDX-License-Identifier: MIT */
/* Signing checkpoints, and retention: both speak about the whole tree. */

#include "store.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* A disk that fails once is not trusted again. */
static enum pp_error stop_on_io_error(struct pp_ledger *ledger, enum pp_error error)
{
    if (error == PP_ERROR_IO)
        ledger->stopped = true;
    return error;
}

/* What was hashed on its way to the disk is hashed again from the disk before it is signed. */
static enum pp_error rehash_open_segment(struct pp_ledger *ledger)
{
    char name[PP_SEGMENT_NAME_BYTES];
    pp_segment_name(ledger->segment, name);
    struct pp_buffer data = {0};
    struct pp_check_scratch *scratch = malloc(sizeof *scratch);
    struct pp_check_result *result = malloc(sizeof *result);
    enum pp_error error = PP_OK;
    if (scratch == NULL || result == NULL)
        error = pp_fail(&ledger->failure, PP_ERROR_MEMORY, 0, "no memory for a checkpoint");
    else
        error = pp_file_read(ledger->layout.segments, name,
                             PP_SEGMENT_BYTES_MAX + 2 * (size_t)PP_GROUP_BYTES_MAX, &data,
                             &ledger->failure);
    if (error == PP_OK) {
        struct pp_check_input input = {.data = {data.data, data.len},
                                       .engine = ledger->engine,
                                       .scratch = scratch,
                                       .sizes = {PP_NO_SEQ, PP_NO_SEQ}};
        pp_segment_check(&input, result);
        struct pp_digest disk = pp_merkle_tree_root(&result->tree);
        struct pp_digest memory = pp_merkle_tree_root(&ledger->tree);
        if (result->verdict != PP_VERDICT_OK || !pp_digest_equal(&disk, &memory))
            error = pp_ledger_stop(ledger, PP_ERROR_MISMATCH, 0,
                                   "the open segment on disk is not what was written; no "
                                   "checkpoint was signed, run `postproof verify`");
    }
    pp_buffer_free(&data);
    free(scratch);
    free(result);
    return error;
}

/* The log id binds the ledger to its signing key. */
static bool is_ledgers_signer(const struct pp_ledger *ledger, const struct pp_note_signer *signer)
{
    struct pp_digest log_id = pp_log_id(ledger->secrets->state.key_id, signer->key.public_key,
                                        pp_bytes_of(signer->key.name));
    return pp_digest_equal(&log_id, &ledger->log_id);
}

static enum pp_error sign(struct pp_ledger *ledger, char *out, size_t *len)
{
    struct pp_note_signer *signer = pp_os_secret_alloc(sizeof *signer);
    if (signer == NULL)
        return pp_fail(&ledger->failure, PP_ERROR_MEMORY, 0, "no memory for a checkpoint");
    enum pp_error error = pp_signer_load(ledger->keys_folder, signer, &ledger->failure);
    struct pp_digest root = pp_merkle_tree_root(&ledger->tree);
    if (error == PP_OK && !is_ledgers_signer(ledger, signer))
        error =
            pp_fail(&ledger->failure, PP_ERROR_WRONG_KEY, 0,
                    "%s/%s is the key of \"%s\", but not the one that this ledger was made with",
                    ledger->keys_folder, PP_CHECKPOINT_KEY_FILE, signer->key.name);
    if (error == PP_OK && pp_checkpoint_sign(signer, ledger->tree.size, &root, out, len) != PP_OK)
        error = pp_fail(&ledger->failure, PP_ERROR_CRYPTO, 0, "the checkpoint can't be signed");
    pp_os_secret_free(signer, sizeof *signer);
    return error;
}

enum pp_error pp_ledger_checkpoint(struct pp_ledger *ledger, char *out, size_t *len)
{
    enum pp_error error = pp_ledger_sync(ledger);
    if (error == PP_OK)
        error = rehash_open_segment(ledger);
    if (error == PP_OK)
        error = sign(ledger, out, len);
    if (error == PP_OK)
        error =
            pp_file_replace(ledger->layout.dir, "checkpoint",
                            (struct pp_bytes){(const uint8_t *)out, *len}, false, &ledger->failure);
    return stop_on_io_error(ledger, error);
}

/* ---- Retention ---- */

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
        return stop_on_io_error(ledger, error);
    *pruned = 0;
    if (kept == first)
        return PP_OK;
    error = pp_writer_control_seal(ledger, PP_SEAL_PRUNE, kept);
    if (error == PP_OK)
        error = remove_segments(ledger, first, kept);
    if (error == PP_OK)
        *pruned = kept_seq - first_seq;
    return error;
}
