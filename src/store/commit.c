/* SPDX-License-Identifier: MIT */
/* Sealing and writing: the thread that owns the tree and the files.  The caller fills one group
   while this thread seals and writes the other.  The crash order is that of docs/format/ledger.md
   sections 6 and 10; ARCHITECTURE.md tells the story. */

#include "store.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

/* ---- Seals ---- */

void pp_writer_take_key(struct pp_ledger *ledger, struct pp_mac_key *key, uint64_t *epoch)
{
    struct pp_secrets *secrets = ledger->secrets;
    *key = secrets->keys.seal;
    *epoch = secrets->state.ratchet.epoch;
    pp_ratchet_step(&secrets->state.ratchet);
    pp_epoch_keys_init(&secrets->keys, &secrets->state.ratchet);
    pp_erase_stack();
}

void pp_writer_seal(struct pp_ledger *ledger, const struct pp_job *job,
                    const struct pp_mac_key *key, uint8_t out[PP_SEAL_FRAME_BYTES])
{
    struct pp_sealing_state *state = &ledger->secrets->job_state;
    struct pp_os_clock clock;
    pp_os_clock_read(&clock);
    struct pp_seal seal = {
        .kind = job->kind,
        .log_id = ledger->log_id,
        .epoch = job->epoch,
        .first_seq = state->size,
        .next_seq = ledger->tree.size,
        .root = pp_merkle_tree_root(&ledger->tree),
        .previous_tag = ledger->sealed_tag,
        .tag = job->tag,
        .realtime_ns = clock.realtime_ns,
        .monotonic_ns = clock.monotonic_ns,
        .detail_number = job->detail_number,
        .detail_hash = job->detail_hash,
    };
    memcpy(seal.boot_id, clock.boot_id, sizeof seal.boot_id);
    pp_seal_write(&seal, key, out);
    pp_ratchet_step(&state->ratchet);
    state->last_seal = pp_sha256((struct pp_bytes){out + PP_FRAME_HEAD_BYTES, PP_SEAL_BYTES});
    state->size = ledger->tree.size;
    ledger->sealed_tag = job->tag;
    pp_sealing_slot_encode(state, ledger->secrets->slot);
    pp_erase_stack();
}

/* ---- The writing thread ---- */

/* What was written becomes durable, then the next key, then the old key is erased. */
static int make_durable(struct pp_ledger *ledger)
{
    bool durable = !ledger->options.not_durable;
    int result = durable ? pp_os_sync_data(ledger->segment_fd) : 0;
    return result < 0 ? result
                      : pp_sealing_file_advance(&ledger->sealing, ledger->secrets->slot, durable);
}

/* The seal stands behind the entries in the same write: it is valid only if all of them are there.
 */
static int write_group(struct pp_ledger *ledger, const struct pp_job *job)
{
    if (pp_merkle_tree_append(&ledger->tree, ledger->tree_engine, job->leaves, job->leaf_count,
                              &ledger->sink) != PP_OK)
        return -ENOBUFS;
    pp_writer_seal(ledger, job, &ledger->secrets->job_key, job->blocks + job->head + job->len);
    int result =
        pp_segment_write_blocks(ledger, job->blocks, job->head, job->len + PP_SEAL_FRAME_BYTES);
    return result < 0 ? result : make_durable(ledger);
}

static int write_index(struct pp_ledger *ledger, const struct pp_job *job, struct pp_digest *digest)
{
    uint64_t first = ledger->first_seq_of_segment, next = ledger->tree.size;
    size_t bytes = pp_index_bytes(first, next);
    uint8_t *data = malloc(bytes);
    if (data == NULL)
        return -ENOMEM;
    pp_index_encode(first, next, job->offsets, ledger->sink.nodes, data);
    struct pp_bytes index = {data, bytes};
    *digest = pp_sha256(index);
    int result = pp_index_file_write(ledger, ledger->segment, index);
    free(data);
    return result;
}

/* The rotation seal goes behind the last group, in a file that ends there. */
static int write_rotation_seal(struct pp_ledger *ledger, const struct pp_job *rotation)
{
    uint8_t frame[PP_SEAL_FRAME_BYTES];
    pp_writer_seal(ledger, rotation, &ledger->secrets->rotation_key, frame);
    int result = pp_os_truncate(ledger->segment_fd, ledger->file_end);
    if (result == 0)
        result = pp_os_write_at(ledger->segment_fd, frame, sizeof frame, ledger->file_end);
    return result < 0 ? result : make_durable(ledger);
}

/* Index durable, next header durable, then the rotation seal like a group. */
static int write_rotation(struct pp_ledger *ledger, const struct pp_job *job)
{
    struct pp_job rotation = {.kind = PP_SEAL_ROTATION,
                              .tag = job->tag,
                              .epoch = job->epoch + 1,
                              .detail_number = ledger->segment + 1};
    int next_fd;
    int result = write_index(ledger, job, &rotation.detail_hash);
    if (result < 0)
        return result;
    size_t header_bytes = pp_writer_header(ledger, ledger->segment + 1, rotation.epoch,
                                           &ledger->secrets->rotation_key, ledger->header);
    struct pp_bytes header = {ledger->header, header_bytes};
    result = pp_segment_create(ledger, ledger->segment + 1, header, &next_fd);
    if (result < 0)
        return result;
    result = write_rotation_seal(ledger, &rotation);
    pp_segment_close(ledger);
    ledger->segment_fd = next_fd;
    ledger->segment++;
    ledger->first_seq_of_segment = ledger->tree.size;
    ledger->file_end = header_bytes;
    ledger->sink.count = 0;
    return result;
}

static void run_job(struct pp_ledger *ledger, const struct pp_job *job)
{
    uint64_t size = 0;
    int result = job->len != 0 || job->kind != PP_SEAL_COMMIT ? write_group(ledger, job) : 0;
    if (result == 0 && job->rotate) {
        size = ledger->tree.size; /* the group is durable even if the rotation fails */
        result = write_rotation(ledger, job);
    }
    OPENSSL_cleanse(&ledger->secrets->job_key, sizeof ledger->secrets->job_key);
    OPENSSL_cleanse(&ledger->secrets->rotation_key, sizeof ledger->secrets->rotation_key);
    pthread_mutex_lock(&ledger->mutex);
    if (result == 0)
        size = ledger->tree.size;
    if (size > ledger->durable_size)
        ledger->durable_size = size;
    if (result < 0)
        ledger->thread_error = pp_fail(&ledger->thread_failure, PP_ERROR_IO, -result,
                                       "%s: writing segment %llu failed; entries from %llu on are "
                                       "not acknowledged",
                                       ledger->layout.path, (unsigned long long)ledger->segment,
                                       (unsigned long long)ledger->durable_size);
    ledger->job.due = false;
    pthread_cond_broadcast(&ledger->changed);
    pthread_mutex_unlock(&ledger->mutex);
}

static void *writing_thread(void *argument)
{
    struct pp_ledger *ledger = argument;
    for (;;) {
        pthread_mutex_lock(&ledger->mutex);
        while (!ledger->job.due && !ledger->stopping)
            pthread_cond_wait(&ledger->changed, &ledger->mutex);
        struct pp_job job = ledger->job;
        pthread_mutex_unlock(&ledger->mutex);
        if (!job.due)
            return NULL;
        run_job(ledger, &job);
    }
}

enum pp_error pp_writer_start(struct pp_ledger *ledger)
{
    int result = pthread_create(&ledger->thread, NULL, writing_thread, ledger);
    if (result != 0)
        return pp_ledger_stop(ledger, PP_ERROR_IO, result, "the writing thread can't be started");
    ledger->thread_started = true;
    return PP_OK;
}

void pp_writer_stop(struct pp_ledger *ledger)
{
    if (!ledger->thread_started)
        return;
    pthread_mutex_lock(&ledger->mutex);
    ledger->stopping = true;
    pthread_cond_broadcast(&ledger->changed);
    pthread_mutex_unlock(&ledger->mutex);
    pthread_join(ledger->thread, NULL);
    ledger->thread_started = false;
}

/* ---- The caller's side ---- */

enum pp_error pp_ledger_stop(struct pp_ledger *ledger, enum pp_error code, int os_error,
                             const char *what)
{
    ledger->stopped = true;
    return pp_fail(&ledger->failure, code, os_error, "%s: %s", ledger->layout.path, what);
}

enum pp_error pp_stop_on_io_error(struct pp_ledger *ledger, enum pp_error error)
{
    if (error == PP_ERROR_IO)
        ledger->stopped = true;
    return error;
}

enum pp_error pp_writer_wait(struct pp_ledger *ledger)
{
    pthread_mutex_lock(&ledger->mutex);
    while (ledger->job.due)
        pthread_cond_wait(&ledger->changed, &ledger->mutex);
    enum pp_error error = ledger->thread_error;
    if (error != PP_OK) {
        ledger->stopped = true;
        ledger->failure = ledger->thread_failure;
    }
    pthread_mutex_unlock(&ledger->mutex);
    return error;
}

/* The filled group as a job; the caller goes on with the other buffer and the next epoch. */
static enum pp_error submit(struct pp_ledger *ledger, struct pp_job job)
{
    enum pp_error error = pp_writer_wait(ledger);
    if (error != PP_OK)
        return error;
    bool has_group = ledger->group_used != 0 || job.kind != PP_SEAL_COMMIT;
    job.due = true;
    job.blocks = ledger->groups[ledger->filling];
    job.head = ledger->segment_used % PP_OS_BLOCK_BYTES;
    job.len = ledger->group_used;
    job.leaves = ledger->leaves[ledger->filling];
    job.leaf_count = ledger->leaf_count;
    job.tag = ledger->tag;
    job.offsets = ledger->offsets[ledger->filling_offsets];
    if (has_group) {
        pp_writer_take_key(ledger, &ledger->secrets->job_key, &job.epoch);
        ledger->segment_used += ledger->group_used + PP_SEAL_FRAME_BYTES;
    }
    if (job.rotate) {
        uint64_t epoch;
        pp_writer_take_key(ledger, &ledger->secrets->rotation_key, &epoch);
        job.epoch = epoch - 1; /* the group's, or the one before when there is no group */
        ledger->segment_first_seq = ledger->next_seq;
        ledger->segment_used = pp_writer_header_bytes(ledger, ledger->next_seq);
        ledger->filling_offsets = 1 - ledger->filling_offsets;
        ledger->offset_count = 0;
    }
    ledger->filling = 1 - ledger->filling;
    ledger->group_used = 0;
    ledger->leaf_count = 0;
    pthread_mutex_lock(&ledger->mutex);
    ledger->job = job;
    pthread_cond_broadcast(&ledger->changed);
    pthread_mutex_unlock(&ledger->mutex);
    return PP_OK;
}

enum pp_error pp_writer_flush(struct pp_ledger *ledger, bool rotate)
{
    if (ledger->stopped)
        return PP_ERROR_STOPPED;
    if (ledger->leaf_count == 0 && !rotate)
        return PP_OK;
    return submit(ledger, (struct pp_job){.kind = PP_SEAL_COMMIT, .rotate = rotate});
}

enum pp_error pp_writer_control_seal(struct pp_ledger *ledger, enum pp_seal_kind kind,
                                     uint64_t detail_number)
{
    enum pp_error error = pp_writer_flush(ledger, false);
    if (error == PP_OK)
        error =
            submit(ledger, (struct pp_job){.kind = (uint8_t)kind, .detail_number = detail_number});
    return error != PP_OK ? error : pp_writer_wait(ledger);
}
