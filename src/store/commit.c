/* SPDX-License-Identifier: MIT */
/* Sealing and writing: groups, rotations, and the thread that owns the files.  The crash order is
   docs/format/ledger.md sections 6 and 10; ARCHITECTURE.md tells the story. */

#include "store.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---- The writing thread ---- */

/* Group durable, then the next key durable, then the old key erased. */
static int write_group(struct pp_ledger *ledger, const struct pp_job *job)
{
    bool durable = !ledger->options.not_durable;
    int result = pp_os_write_at(ledger->segment_fd, job->data, job->len, job->offset);
    if (result == 0 && durable)
        result = pp_os_sync_data(ledger->segment_fd);
    if (result == 0)
        result = pp_sealing_file_advance(&ledger->sealing, *ledger->slot_image, durable);
    return result;
}

/* Index durable, next header durable, then the rotation seal like a group. */
static int write_rotation(struct pp_ledger *ledger, const struct pp_job *job)
{
    int next_fd;
    int result = pp_index_file_write(ledger, job->segment, job->index_file);
    if (result == 0)
        result = pp_segment_create(ledger, job->segment + 1, job->header, &next_fd);
    if (result < 0)
        return result;
    result = pp_os_truncate(ledger->segment_fd, job->offset);
    if (result == 0)
        result = write_group(ledger, job);
    pp_os_close(ledger->segment_fd);
    ledger->segment_fd = next_fd;
    return result;
}

static void run_job(struct pp_ledger *ledger, const struct pp_job *job)
{
    int result = job->kind == PP_JOB_ROTATE ? write_rotation(ledger, job) : write_group(ledger, job);
    pthread_mutex_lock(&ledger->mutex);
    if (result < 0)
        ledger->thread_error = pp_fail(&ledger->thread_failure, PP_ERROR_IO, -result,
                                       "%s: writing segment %llu failed; entries from %llu on are "
                                       "not acknowledged",
                                       ledger->layout.path, (unsigned long long)job->segment,
                                       (unsigned long long)ledger->durable_size);
    else
        ledger->durable_size = job->next_size;
    ledger->job.kind = PP_JOB_NONE;
    pthread_cond_broadcast(&ledger->changed);
    pthread_mutex_unlock(&ledger->mutex);
}

static void *writing_thread(void *argument)
{
    struct pp_ledger *ledger = argument;
    for (;;) {
        pthread_mutex_lock(&ledger->mutex);
        while (ledger->job.kind == PP_JOB_NONE && !ledger->stopping)
            pthread_cond_wait(&ledger->changed, &ledger->mutex);
        struct pp_job job = ledger->job;
        pthread_mutex_unlock(&ledger->mutex);
        if (job.kind == PP_JOB_NONE)
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

enum pp_error pp_ledger_stop(struct pp_ledger *ledger, enum pp_error code, int os_error,
                             const char *what)
{
    ledger->stopped = true;
    return pp_fail(&ledger->failure, code, os_error, "%s: %s", ledger->layout.path, what);
}

enum pp_error pp_writer_wait(struct pp_ledger *ledger)
{
    pthread_mutex_lock(&ledger->mutex);
    while (ledger->job.kind != PP_JOB_NONE)
        pthread_cond_wait(&ledger->changed, &ledger->mutex);
    enum pp_error error = ledger->thread_error;
    if (error != PP_OK) {
        ledger->stopped = true;
        ledger->failure = ledger->thread_failure;
    }
    pthread_mutex_unlock(&ledger->mutex);
    return error;
}

/* The thread takes one job at a time: the caller fills the other buffer meanwhile. */
static void submit(struct pp_ledger *ledger, struct pp_job job)
{
    pp_sealing_slot_encode(&ledger->secrets->state, *ledger->slot_image);
    job.next_size = ledger->tree.size;
    pthread_mutex_lock(&ledger->mutex);
    ledger->job = job;
    pthread_cond_broadcast(&ledger->changed);
    pthread_mutex_unlock(&ledger->mutex);
}

/* ---- Seals ---- */

void pp_writer_seal(struct pp_ledger *ledger, enum pp_seal_kind kind, uint64_t detail_number,
                    const struct pp_digest *detail_hash, uint8_t out[PP_SEAL_FRAME_BYTES])
{
    struct pp_secrets *secrets = ledger->secrets;
    struct pp_os_clock clock;
    pp_os_clock_read(&clock);
    struct pp_seal seal = {
        .kind = (uint8_t)kind,
        .log_id = ledger->log_id,
        .epoch = secrets->state.ratchet.epoch,
        .first_seq = secrets->state.size,
        .next_seq = ledger->tree.size,
        .root = pp_merkle_tree_root(&ledger->tree),
        .previous_tag = ledger->sealed_tag,
        .tag = ledger->tag,
        .realtime_ns = clock.realtime_ns,
        .monotonic_ns = clock.monotonic_ns,
        .detail_number = detail_number,
    };
    memcpy(seal.boot_id, clock.boot_id, sizeof seal.boot_id);
    if (detail_hash != NULL)
        seal.detail_hash = *detail_hash;
    pp_seal_write(&seal, &secrets->keys.seal, out);
    secrets->state.last_seal
        = pp_sha256((struct pp_bytes){out + PP_FRAME_HEAD_BYTES, PP_SEAL_BYTES});
    secrets->state.size = ledger->tree.size;
    pp_ratchet_step(&secrets->state.ratchet);
    pp_epoch_keys_init(&secrets->keys, &secrets->state.ratchet);
    ledger->sealed_tag = ledger->tag;
}

/* Hands the filled group to the thread and goes on with the other buffer. */
static void submit_group(struct pp_ledger *ledger)
{
    submit(ledger, (struct pp_job){.kind = PP_JOB_GROUP,
                                   .data = ledger->groups[ledger->filling],
                                   .len = ledger->group_used,
                                   .offset = ledger->segment_used,
                                   .segment = ledger->segment});
    ledger->segment_used += ledger->group_used;
    ledger->group_used = 0;
    ledger->filling = 1 - ledger->filling;
}

enum pp_error pp_writer_flush(struct pp_ledger *ledger)
{
    if (ledger->stopped)
        return PP_ERROR_STOPPED;
    if (ledger->leaf_count == 0)
        return PP_OK;
    enum pp_error error = pp_merkle_tree_append(&ledger->tree, ledger->engine, ledger->leaves,
                                                ledger->leaf_count, &ledger->sink);
    if (error != PP_OK)
        return pp_ledger_stop(ledger, error, 0, "no room for the tree's nodes");
    ledger->leaf_count = 0;
    /* The key's image is one: the job before must be done with it. */
    error = pp_writer_wait(ledger);
    if (error != PP_OK)
        return error;
    pp_writer_seal(ledger, PP_SEAL_COMMIT, 0, NULL,
                   ledger->groups[ledger->filling] + ledger->group_used);
    ledger->group_used += PP_SEAL_FRAME_BYTES;
    submit_group(ledger);
    return PP_OK;
}

enum pp_error pp_writer_control_seal(struct pp_ledger *ledger, enum pp_seal_kind kind,
                                     uint64_t detail_number)
{
    enum pp_error error = pp_writer_flush(ledger);
    if (error == PP_OK)
        error = pp_writer_wait(ledger);
    if (error != PP_OK)
        return error;
    pp_writer_seal(ledger, kind, detail_number, NULL, ledger->groups[ledger->filling]);
    ledger->group_used = PP_SEAL_FRAME_BYTES;
    submit_group(ledger);
    return pp_writer_wait(ledger);
}

enum pp_error pp_writer_rotate(struct pp_ledger *ledger)
{
    enum pp_error error = pp_writer_wait(ledger);
    if (error != PP_OK)
        return error;
    uint64_t first = ledger->segment_first_seq, next = ledger->tree.size;
    size_t index_bytes = pp_index_bytes(first, next);
    free(ledger->index_file);
    ledger->index_file = malloc(index_bytes);
    if (ledger->index_file == NULL)
        return pp_ledger_stop(ledger, PP_ERROR_MEMORY, 0, "no memory for a segment's index");
    struct pp_bytes index = {ledger->index_file, index_bytes};
    pp_index_encode(first, next, ledger->offsets, ledger->sink.nodes, ledger->index_file);
    struct pp_digest digest = pp_sha256(index);
    size_t header_bytes = pp_writer_header(ledger, ledger->segment + 1, ledger->header);
    pp_writer_seal(ledger, PP_SEAL_ROTATION, ledger->segment + 1, &digest, ledger->rotation_seal);
    submit(ledger, (struct pp_job){.kind = PP_JOB_ROTATE,
                                   .data = ledger->rotation_seal,
                                   .len = PP_SEAL_FRAME_BYTES,
                                   .offset = ledger->segment_used,
                                   .segment = ledger->segment,
                                   .index_file = index,
                                   .header = {ledger->header, header_bytes}});
    ledger->segment++;
    ledger->segment_first_seq = next;
    ledger->segment_used = header_bytes;
    ledger->offset_count = 0;
    ledger->sink.count = 0;
    return PP_OK;
}
