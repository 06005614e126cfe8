/* SPDX-License-Identifier: MIT */
/* What the three threads of a writer hand to each other: runs of hashed entries from the caller to
   the sealing thread, groups from the caller through that one to the writing thread.  Each counter
   is one thread's to raise; a run or group belongs to the thread whose counter it waits for. */

#include "store.h"

#include <errno.h>

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

/* Waits until at most `rest` groups are not yet written. */
static enum pp_error wait_for_groups(struct pp_ledger *ledger, uint64_t rest)
{
    pthread_mutex_lock(&ledger->mutex);
    ledger->caller_syncs = rest == 0;
    while (ledger->groups_filled - ledger->groups_written > rest)
        pthread_cond_wait(&ledger->group_written, &ledger->mutex);
    ledger->caller_syncs = false;
    enum pp_error error = ledger->thread_error;
    if (error != PP_OK) {
        ledger->stopped = true;
        ledger->failure = ledger->thread_failure;
    }
    pthread_mutex_unlock(&ledger->mutex);
    return error;
}

enum pp_error pp_writer_wait(struct pp_ledger *ledger)
{
    return wait_for_groups(ledger, 0);
}

enum pp_error pp_writer_wait_for_group(struct pp_ledger *ledger)
{
    return wait_for_groups(ledger, PP_WRITER_GROUPS - 1);
}

/* When all are in use it waits for half of them, not to be woken for each. */
struct pp_run *pp_writer_wait_for_run(struct pp_ledger *ledger)
{
    pthread_mutex_lock(&ledger->mutex);
    if (ledger->runs_handed - ledger->runs_taken == PP_WRITER_RUNS) {
        ledger->caller_waits = true;
        while (ledger->runs_handed - ledger->runs_taken > PP_WRITER_RUNS / 2)
            pthread_cond_wait(&ledger->run_taken, &ledger->mutex);
        ledger->caller_waits = false;
    }
    pthread_mutex_unlock(&ledger->mutex);
    return &ledger->runs[ledger->runs_filled % PP_WRITER_RUNS];
}

void pp_writer_hand_run(struct pp_ledger *ledger, bool ends_group)
{
    struct pp_run *run = &ledger->runs[ledger->runs_filled % PP_WRITER_RUNS];
    pp_leaf_hash_many(ledger->engine, ledger->prefixed, ledger->run_used, run->leaves);
    run->count = ledger->run_used;
    run->ends_group = ends_group;
    ledger->run_used = 0;
    ledger->runs_filled++;
    pthread_mutex_lock(&ledger->mutex);
    ledger->runs_handed++;
    if (ends_group || ledger->runs_handed - ledger->runs_taken >= PP_WRITER_WAKE_RUNS)
        pthread_cond_signal(&ledger->run_filled);
    pthread_mutex_unlock(&ledger->mutex);
}

/* The filled group goes to the sealing thread with its last run. */
static enum pp_error submit(struct pp_ledger *ledger, enum pp_seal_kind kind,
                            uint64_t detail_number, bool rotate)
{
    enum pp_error error = pp_writer_wait_for_group(ledger);
    if (error != PP_OK)
        return error;
    struct pp_group *group = &ledger->groups[ledger->groups_filled % PP_WRITER_GROUPS];
    group->kind = (uint8_t)kind;
    group->head = ledger->segment_used % PP_OS_BLOCK_BYTES;
    group->len = ledger->group_used;
    group->is_sealed = ledger->group_used != 0 || kind != PP_SEAL_COMMIT;
    group->rotate = rotate;
    group->detail_number = detail_number;
    group->segment = ledger->filling_segment;
    group->segment_first_seq = ledger->segment_first_seq;
    group->offsets = ledger->offsets[ledger->filling_offsets];
    if (group->is_sealed)
        ledger->segment_used += ledger->group_used + PP_SEAL_FRAME_BYTES;
    if (rotate) {
        ledger->filling_segment++;
        ledger->segment_first_seq = ledger->next_seq;
        ledger->segment_used = pp_writer_header_bytes(ledger, ledger->next_seq);
        ledger->filling_offsets = (ledger->filling_offsets + 1) % PP_WRITER_GROUPS;
        ledger->offset_count = 0;
    }
    ledger->group_used = 0;
    ledger->groups_filled++;
    if (ledger->run_used == 0)
        (void)pp_writer_wait_for_run(ledger);
    pp_writer_hand_run(ledger, true);
    return PP_OK;
}

enum pp_error pp_writer_flush(struct pp_ledger *ledger, bool rotate)
{
    if (ledger->stopped)
        return PP_ERROR_STOPPED;
    if (ledger->group_used == 0 && !rotate)
        return PP_OK;
    return submit(ledger, PP_SEAL_COMMIT, 0, rotate);
}

enum pp_error pp_writer_control_seal(struct pp_ledger *ledger, enum pp_seal_kind kind,
                                     uint64_t detail_number)
{
    enum pp_error error = pp_writer_flush(ledger, false);
    if (error == PP_OK)
        error = submit(ledger, kind, detail_number, false);
    return error != PP_OK ? error : pp_writer_wait(ledger);
}

/* ---- The sealing thread's side ---- */

const struct pp_run *pp_writer_next_run(struct pp_ledger *ledger)
{
    pthread_mutex_lock(&ledger->mutex);
    while (ledger->runs_taken == ledger->runs_handed && !ledger->stopping)
        pthread_cond_wait(&ledger->run_filled, &ledger->mutex);
    bool due = ledger->runs_taken != ledger->runs_handed;
    const struct pp_run *run = &ledger->runs[ledger->runs_taken % PP_WRITER_RUNS];
    pthread_mutex_unlock(&ledger->mutex);
    return due ? run : NULL;
}

void pp_writer_run_is_done(struct pp_ledger *ledger)
{
    pthread_mutex_lock(&ledger->mutex);
    ledger->runs_taken++;
    if (ledger->caller_waits && ledger->runs_handed - ledger->runs_taken <= PP_WRITER_RUNS / 2)
        pthread_cond_signal(&ledger->run_taken);
    pthread_mutex_unlock(&ledger->mutex);
}

/* While the caller waits for this group there is nothing else to do: waking the writing thread for
   it would only take longer. */
bool pp_writer_group_is_sealed(struct pp_ledger *ledger)
{
    pthread_mutex_lock(&ledger->mutex);
    ledger->groups_sealed++;
    bool writes_itself = ledger->caller_syncs && !ledger->writing &&
                         ledger->groups_sealed == ledger->groups_filled &&
                         ledger->groups_sealed == ledger->groups_written + 1;
    if (writes_itself)
        ledger->writing = true;
    else
        pthread_cond_signal(&ledger->group_sealed);
    pthread_mutex_unlock(&ledger->mutex);
    return writes_itself;
}

void pp_writer_sealing_ends(struct pp_ledger *ledger)
{
    pthread_mutex_lock(&ledger->mutex);
    ledger->sealing_ended = true;
    pthread_cond_signal(&ledger->group_sealed);
    pthread_mutex_unlock(&ledger->mutex);
}

/* ---- The writing thread's side ---- */

bool pp_writer_next_group(struct pp_ledger *ledger)
{
    pthread_mutex_lock(&ledger->mutex);
    while (ledger->writing ||
           (ledger->groups_written == ledger->groups_sealed && !ledger->sealing_ended))
        pthread_cond_wait(&ledger->group_sealed, &ledger->mutex);
    bool due = ledger->groups_written != ledger->groups_sealed;
    ledger->writing = due;
    pthread_mutex_unlock(&ledger->mutex);
    return due;
}

void pp_writer_group_is_written(struct pp_ledger *ledger, uint64_t size, int result)
{
    pthread_mutex_lock(&ledger->mutex);
    if (size > ledger->durable_size)
        ledger->durable_size = size;
    if (result < 0 && ledger->thread_error == PP_OK)
        ledger->thread_error = pp_fail(&ledger->thread_failure, PP_ERROR_IO, -result,
                                       "%s: writing segment %llu failed; entries from %llu on are "
                                       "not acknowledged",
                                       ledger->layout.path, (unsigned long long)ledger->segment,
                                       (unsigned long long)ledger->durable_size);
    ledger->groups_written++;
    ledger->writing = false;
    pthread_cond_signal(&ledger->group_written);
    pthread_mutex_unlock(&ledger->mutex);
}

/* ---- Starting and stopping ---- */

static void stop_sealing(struct pp_ledger *ledger)
{
    pthread_mutex_lock(&ledger->mutex);
    ledger->stopping = true;
    pthread_cond_signal(&ledger->run_filled);
    pthread_mutex_unlock(&ledger->mutex);
    pthread_join(ledger->sealing_thread, NULL);
}

enum pp_error pp_writer_start(struct pp_ledger *ledger)
{
    ledger->filling_segment = ledger->segment;
    int result = pthread_create(&ledger->sealing_thread, NULL, pp_sealing_thread, ledger);
    if (result == 0) {
        result = pthread_create(&ledger->writing_thread, NULL, pp_writing_thread, ledger);
        if (result != 0)
            stop_sealing(ledger);
    }
    if (result != 0)
        return pp_ledger_stop(ledger, PP_ERROR_IO, result, "the writer's threads can't be started");
    ledger->threads_started = true;
    return PP_OK;
}

void pp_writer_stop(struct pp_ledger *ledger)
{
    if (!ledger->threads_started)
        return;
    stop_sealing(ledger);
    pthread_join(ledger->writing_thread, NULL);
    ledger->threads_started = false;
}
