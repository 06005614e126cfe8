/* SPDX-License-Identifier: MIT */
/* Checks segments in parallel, each from its own header, and links the results in order.  The
   caller's thread checks like the others, and links between two pieces: no further thread has to
   get a processor before a segment can be begun in the place of one that is through. */

#include "verify.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { THREADS_MAX = 16, TASKS_MAX = 2 * THREADS_MAX };

enum task_state { TASK_FREE, TASK_OPEN, TASK_BUSY, TASK_READY };

/* What the threads share: segments are begun in order, results wait in a ring. */
struct pool {
    struct pp_verification *v;
    uint64_t next, end; /* segments still to begin */
    unsigned threads, task_count;
    struct pp_verify_task *tasks;
    enum task_state states[TASKS_MAX];
    unsigned begun; /* tasks that are open or busy */
    bool stop;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
};

struct worker {
    struct pool *pool;
    pthread_t thread;
    struct pp_verify_tools tools;
};

/* ---- Pieces of segments ---- */

static uint64_t bytes_left(const struct pp_verify_task *task)
{
    return task->size > task->checker.at ? task->size - task->checker.at : 0;
}

/* The open task with the most left to do; NULL when there is none. */
static struct pp_verify_task *longest_task(struct pool *pool)
{
    struct pp_verify_task *longest = NULL;
    for (unsigned i = 0; i < pool->task_count; i++)
        if (pool->states[i] == TASK_OPEN &&
            (longest == NULL || bytes_left(&pool->tasks[i]) > bytes_left(longest)))
            longest = &pool->tasks[i];
    return longest;
}

/* One segment for each thread; but the last ones all at once, so that the threads, which take the
   longest each time, end together. */
static bool may_begin(const struct pool *pool)
{
    unsigned most = pool->end - pool->next <= pool->threads ? pool->task_count : pool->threads;
    return pool->next < pool->end && pool->begun < most &&
           pool->states[pool->next % pool->task_count] == TASK_FREE;
}

static struct pp_verify_task *begin_task(struct pool *pool)
{
    struct pp_verify_task *task = &pool->tasks[pool->next % pool->task_count];
    pp_verify_task_begin(pool->v, pool->next++, task);
    pool->begun++;
    return task;
}

/* One piece of a segment.  false: there is none to take now. */
static bool take_piece(struct pool *pool, struct pp_verify_tools *tools)
{
    struct pp_verify_task *task = may_begin(pool) ? begin_task(pool) : longest_task(pool);
    if (task == NULL)
        return false;
    enum task_state *state = &pool->states[task - pool->tasks];
    *state = TASK_BUSY;
    pthread_mutex_unlock(&pool->mutex);
    bool more = pp_verify_task_step(pool->v, task, tools);
    pthread_mutex_lock(&pool->mutex);
    *state = more ? TASK_OPEN : TASK_READY;
    if (!more) {
        pool->begun--;
        pthread_cond_broadcast(&pool->changed);
    }
    return true;
}

static void *work(void *argument)
{
    struct worker *w = argument;
    struct pool *pool = w->pool;
    w->tools.engine = pp_engine_new(); /* its self-test, in parallel too */
    pthread_mutex_lock(&pool->mutex);
    while (!pool->stop) {
        if (take_piece(pool, &w->tools))
            continue;
        if (pool->next == pool->end)
            break; /* what is left has its threads */
        pthread_cond_wait(&pool->changed, &pool->mutex);
    }
    pthread_mutex_unlock(&pool->mutex);
    return NULL;
}

/* ---- Results in order ---- */

static bool refuse_slot(struct pp_verification *v, const struct pp_verify_slot *slot)
{
    memcpy(v->report->place, slot->place, sizeof v->report->place);
    return pp_verify_refuse(v, slot->result.verdict, slot->result.first_bad_seq, "", "%s",
                            slot->reason);
}

/* A header that the key didn't make: another ledger, another key, or one changed header. */
static bool refuse_header(struct pp_verification *v, uint64_t segment,
                          const struct pp_check_result *result)
{
    bool first = segment == v->first_segment;
    uint64_t seq = first ? result->header.first_seq : v->report->size; /* not what it claims */
    snprintf(v->report->place, sizeof v->report->place, "segments/%020" PRIu64 ".seg offset 0",
             segment);
    if (memcmp(result->header.key_id, v->key->key_id, PP_KEY_ID_BYTES) != 0)
        return pp_verify_refuse(v, PP_VERDICT_WRONG_LOG, seq,
                                "bring this ledger's own key, or find out who replaced the ledger",
                                "the ledger says that it belongs to another set of keys than the "
                                "verification key");
    if (first && !result->first_tag_valid && result->verdict != PP_VERDICT_OK)
        return pp_verify_refuse(v, PP_VERDICT_WRONG_KEY, seq, "",
                                "nothing in it was sealed with this key: the ledger was made anew "
                                "with another key");
    return pp_verify_refuse(v, PP_VERDICT_MODIFIED, seq, "",
                            "the segment header was not made with the key of its epoch");
}

static bool check_identity(struct pp_verification *v, const struct pp_verify_slot *slot)
{
    const char *wanted = v->options->origin;
    const struct pp_verify_anchor *brought = &v->anchors[PP_ANCHOR_BROUGHT];
    if (wanted == NULL && brought->present)
        wanted = brought->origin;
    if (wanted != NULL && strcmp(wanted, slot->origin) != 0)
        return pp_verify_refuse(v, PP_VERDICT_WRONG_LOG, slot->result.header.first_seq,
                                "name the ledger that you mean, or find out who replaced it",
                                "its origin is \"%s\", not \"%s\"", slot->origin, wanted);
    memcpy(v->report->origin, slot->origin, sizeof v->report->origin);
    v->report->log_id = slot->result.header.log_id;
    v->report->first_seq = slot->result.header.first_seq;
    return true;
}

static void add_counts(struct pp_verification *v, const struct pp_verify_slot *slot)
{
    struct pp_verify_report *report = v->report;
    const struct pp_check_result *result = &slot->result;
    report->entries += result->entries;
    report->seals += result->seals;
    report->segments++;
    report->recoveries += result->has_seal && result->first_seal.kind == PP_SEAL_RECOVERY;
    report->blobs += slot->blobs;
    report->bytes += slot->bytes;
    report->clock_steps += result->clock_steps;
    if (result->has_header)
        report->size = result->tree.size;
    /* Of a change that a crash interrupted, the segment before may have torn bytes too. */
    if (v->next_segment == v->first_segment || result->has_seal || v->previous->rotated)
        report->unsealed_bytes = 0;
    if (result->has_header)
        report->unsealed_bytes += result->used_end - result->sealed_end;
    if (result->last_prune != 0)
        v->last_prune = result->last_prune;
    for (size_t i = 0; i < PP_ANCHOR_COUNT; i++) {
        if (result->root_found[i] && !v->root_found[i]) {
            v->roots[i] = result->roots[i];
            v->root_found[i] = true;
        }
    }
}

static bool link_segment(struct pp_verification *v, struct pp_verify_slot *slot, bool last)
{
    struct pp_check_result *result = &slot->result;
    bool first = v->next_segment == v->first_segment;
    if (result->verdict == PP_VERDICT_UNREADABLE)
        return refuse_slot(v, slot);
    if (result->has_header && first && !check_identity(v, slot))
        return false;
    bool unmade = !first && last && pp_segment_is_unmade(v->previous, result);
    if (v->key != NULL && result->has_header && !result->header_mac_valid && !unmade)
        return refuse_header(v, v->next_segment, result);
    if (first && result->has_header && result->header.segment != v->first_segment)
        return pp_verify_refuse(v, PP_VERDICT_MODIFIED, result->header.first_seq, "",
                                "a segment file bears another segment's name");
    bool follows = first || pp_segment_follows(v->previous, result, last);
    if (result->verdict != PP_VERDICT_OK || !follows) {
        if (!follows || slot->reason[0] == 0) {
            snprintf(slot->place, sizeof slot->place, "segments/%020" PRIu64 ".seg offset %zu",
                     v->next_segment, result->bad_offset);
            snprintf(slot->reason, sizeof slot->reason, "%s", result->reason);
        }
        return refuse_slot(v, slot);
    }
    add_counts(v, slot);
    return true;
}

static bool take_result(struct pp_verification *v, struct pp_verify_slot *slot, uint64_t end)
{
    if (!link_segment(v, slot, v->next_segment + 1 == end))
        return false;
    if (slot->result.has_header)
        *v->previous = slot->result;
    v->next_segment++;
    if (v->options->progress != NULL)
        v->options->progress(v->options->progress_context, v->report->entries, v->report->bytes,
                             v->bytes_total);
    return true;
}

/* The caller's thread: results first, then pieces. */
static bool work_and_link(struct pool *pool, struct pp_verify_tools *tools)
{
    struct pp_verification *v = pool->v;
    tools->engine = pp_engine_new();
    pthread_mutex_lock(&pool->mutex);
    while (!pool->stop && v->next_segment < pool->end) {
        unsigned i = (unsigned)(v->next_segment % pool->task_count);
        if (pool->states[i] == TASK_READY) {
            pthread_mutex_unlock(&pool->mutex);
            bool good = take_result(v, &pool->tasks[i].slot, pool->end);
            pthread_mutex_lock(&pool->mutex);
            pool->states[i] = TASK_FREE;
            pool->stop = !good;
            pthread_cond_broadcast(&pool->changed);
        } else if (!take_piece(pool, tools)) {
            pthread_cond_wait(&pool->changed, &pool->mutex);
        }
    }
    bool good = !pool->stop;
    pthread_mutex_unlock(&pool->mutex);
    pp_erase_stack();
    return good;
}

/* ---- Threads ---- */

static bool init_worker(struct worker *w, struct pool *pool)
{
    w->pool = pool;
    w->tools.piece = pp_os_buffer_alloc(PP_VERIFY_PIECE_BYTES);
    return w->tools.piece != NULL;
}

static bool start_worker(struct worker *w, struct pool *pool)
{
    return init_worker(w, pool) && pthread_create(&w->thread, NULL, work, w) == 0;
}

static void free_worker(struct worker *w)
{
    pp_engine_free(w->tools.engine);
    pp_os_buffer_free(w->tools.piece, PP_VERIFY_PIECE_BYTES);
    pp_buffer_free(&w->tools.tail);
}

static bool make_tasks(struct pool *pool)
{
    pool->tasks = calloc(pool->task_count, sizeof *pool->tasks);
    bool good = pool->tasks != NULL;
    for (unsigned i = 0; good && i < pool->task_count; i++)
        pool->tasks[i].fd = -1;
    for (unsigned i = 0; good && i < pool->task_count; i++) {
        pool->tasks[i].scratch = pp_os_secret_alloc(sizeof *pool->tasks[i].scratch);
        good = pool->tasks[i].scratch != NULL;
    }
    return good;
}

static void free_tasks(struct pool *pool)
{
    for (unsigned i = 0; pool->tasks != NULL && i < pool->task_count; i++) {
        pp_verify_task_close(&pool->tasks[i]);
        pp_os_secret_free(pool->tasks[i].scratch, sizeof *pool->tasks[i].scratch);
    }
    free(pool->tasks);
}

static bool refuse_for_memory(struct pp_verification *v)
{
    return pp_verify_refuse(v, PP_VERDICT_UNREADABLE, PP_NO_SEQ, "", "no memory is left");
}

static unsigned thread_count(const struct pp_verification *v, uint64_t segments)
{
    unsigned threads = v->options->threads != 0 ? v->options->threads : pp_os_cpu_count();
    if (threads > THREADS_MAX)
        threads = THREADS_MAX;
    return segments < threads ? (unsigned)segments : threads;
}

/* The first worker is the caller; it goes on without threads that can't be started. */
static bool run_threads(struct pool *pool)
{
    struct worker workers[THREADS_MAX] = {{0}};
    unsigned started = 1;
    if (!init_worker(&workers[0], pool)) {
        free_worker(&workers[0]);
        return refuse_for_memory(pool->v);
    }
    while (started < pool->threads && start_worker(&workers[started], pool))
        started++;
    bool good = work_and_link(pool, &workers[0].tools);
    for (unsigned i = 1; i < started; i++)
        pthread_join(workers[i].thread, NULL);
    for (unsigned i = 0; i < pool->threads; i++)
        free_worker(&workers[i]);
    return good;
}

bool pp_verify_segments(struct pp_verification *v, uint64_t end)
{
    unsigned threads = thread_count(v, end - v->next_segment);
    struct pool pool = {
        .v = v, .next = v->next_segment, .end = end, .threads = threads, .task_count = 2 * threads};
    pthread_mutex_init(&pool.mutex, NULL);
    pthread_cond_init(&pool.changed, NULL);
    bool good = make_tasks(&pool) ? run_threads(&pool) : refuse_for_memory(v);
    free_tasks(&pool);
    pthread_cond_destroy(&pool.changed);
    pthread_mutex_destroy(&pool.mutex);
    return good;
}
