/* SPDX-License-Identifier: MIT */
/* Checks segments in parallel, each from its own header, and links the results in order.  Memory is
   a few segments, however long the ledger is. */

#include "verify.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { THREADS_MAX = 16, WINDOW_MAX = 2 * THREADS_MAX };

enum slot_state { SLOT_FREE, SLOT_BUSY, SLOT_READY };

/* What the threads share: segments are handed out in order, results wait in a ring. */
struct pool {
    struct pp_verification *v;
    uint64_t next, end; /* segments still to hand out */
    unsigned window;
    struct pp_verify_slot *slots;
    enum slot_state states[WINDOW_MAX];
    bool stop;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
};

/* ---- One segment ---- */

struct worker {
    struct pool *pool;
    pthread_t thread;
    struct pp_hash_engine *engine;
    struct pp_check_scratch *scratch;
    struct pp_buffer buffer;
};

static void unreadable(struct pp_verify_slot *slot, const char *name,
                       const struct pp_failure *failure)
{
    slot->result.verdict = PP_VERDICT_UNREADABLE;
    slot->result.first_bad_seq = PP_NO_SEQ;
    snprintf(slot->place, sizeof slot->place, "segments/%s", name);
    snprintf(slot->reason, sizeof slot->reason, "%.380s", failure->text);
}

static void check_bytes(struct worker *w, uint64_t segment, struct pp_bytes data,
                        struct pp_verify_slot *slot)
{
    struct pp_verification *v = w->pool->v;
    struct pp_check_input input = {
        .data = data,
        .seed = v->key != NULL ? &v->key->seed : NULL,
        .engine = w->engine,
        .scratch = w->scratch,
    };
    for (size_t i = 0; i < PP_ANCHOR_COUNT; i++)
        input.sizes[i] = v->anchors[i].present ? v->anchors[i].size : PP_NO_SEQ;
    pp_segment_check(&input, &slot->result);
    if (slot->result.has_header) {
        struct pp_bytes origin = slot->result.header.origin;
        memcpy(slot->origin, origin.data, origin.len);
        slot->origin[origin.len] = 0;
        slot->result.header.origin = pp_bytes_of(slot->origin);
    }
    if (slot->result.verdict != PP_VERDICT_OK) {
        snprintf(slot->place, sizeof slot->place, "segments/%020" PRIu64 ".seg offset %zu", segment,
                 slot->result.bad_offset);
        snprintf(slot->reason, sizeof slot->reason, "%s", slot->result.reason);
        return;
    }
    /* Both leave their verdict in the slot. */
    bool good = pp_verify_index(v, segment, slot) && pp_verify_blobs(v, data, slot);
    (void)good;
}

/* Read, not mapped: the last segment may shrink under a writer's hands, and one buffer used again
   costs less than a page fault for every page. */
static void check_one(struct worker *w, uint64_t segment, struct pp_verify_slot *slot)
{
    struct pp_failure failure;
    char name[PP_SEGMENT_NAME_BYTES];
    memset(slot, 0, sizeof *slot);
    pp_segment_name(segment, name);
    enum pp_error error =
        pp_file_read(w->pool->v->layout.segments, name,
                     PP_SEGMENT_BYTES_MAX + 2 * (size_t)PP_GROUP_BYTES_MAX, &w->buffer, &failure);
    if (error != PP_OK) {
        unreadable(slot, name, &failure);
        return;
    }
    slot->bytes = w->buffer.len;
    check_bytes(w, segment, (struct pp_bytes){w->buffer.data, w->buffer.len}, slot);
}

static void *work(void *argument)
{
    struct worker *w = argument;
    struct pool *pool = w->pool;
    pthread_mutex_lock(&pool->mutex);
    while (!pool->stop && pool->next < pool->end) {
        unsigned slot = (unsigned)(pool->next % pool->window);
        if (pool->states[slot] != SLOT_FREE) {
            pthread_cond_wait(&pool->changed, &pool->mutex);
            continue;
        }
        uint64_t segment = pool->next++;
        pool->states[slot] = SLOT_BUSY;
        pthread_mutex_unlock(&pool->mutex);
        check_one(w, segment, &pool->slots[slot]);
        pthread_mutex_lock(&pool->mutex);
        pool->states[slot] = SLOT_READY;
        pthread_cond_broadcast(&pool->changed);
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

static bool take_results(struct pool *pool)
{
    struct pp_verification *v = pool->v;
    bool good = true;
    while (good && v->next_segment < pool->end) {
        unsigned slot = (unsigned)(v->next_segment % pool->window);
        pthread_mutex_lock(&pool->mutex);
        while (pool->states[slot] != SLOT_READY)
            pthread_cond_wait(&pool->changed, &pool->mutex);
        pthread_mutex_unlock(&pool->mutex);
        good = link_segment(v, &pool->slots[slot], v->next_segment + 1 == pool->end);
        if (good) {
            if (pool->slots[slot].result.has_header)
                *v->previous = pool->slots[slot].result;
            v->next_segment++;
            if (v->options->progress != NULL)
                v->options->progress(v->options->progress_context, v->report->entries,
                                     v->report->bytes, v->bytes_total);
        }
        pthread_mutex_lock(&pool->mutex);
        pool->states[slot] = SLOT_FREE;
        pool->stop = !good;
        pthread_cond_broadcast(&pool->changed);
        pthread_mutex_unlock(&pool->mutex);
    }
    return good;
}

/* ---- Threads ---- */

static bool start_worker(struct worker *w, struct pool *pool)
{
    w->pool = pool;
    w->scratch = pp_os_secret_alloc(sizeof *w->scratch);
    w->engine = pp_engine_new();
    return w->scratch != NULL && pthread_create(&w->thread, NULL, work, w) == 0;
}

static void free_worker(struct worker *w)
{
    pp_os_secret_free(w->scratch, sizeof *w->scratch);
    pp_engine_free(w->engine);
    pp_buffer_free(&w->buffer);
}

static unsigned thread_count(const struct pp_verification *v, uint64_t segments)
{
    unsigned threads = v->options->threads != 0 ? v->options->threads : pp_os_cpu_count();
    if (threads > THREADS_MAX)
        threads = THREADS_MAX;
    return segments < threads ? (unsigned)segments : threads;
}

bool pp_verify_segments(struct pp_verification *v, uint64_t end)
{
    struct worker workers[THREADS_MAX] = {{0}};
    unsigned threads = thread_count(v, end - v->next_segment), started = 0;
    struct pool pool = {.v = v, .next = v->next_segment, .end = end, .window = 2 * threads};
    pool.slots = calloc(pool.window, sizeof *pool.slots);
    if (pool.slots == NULL)
        return pp_verify_refuse(v, PP_VERDICT_UNREADABLE, PP_NO_SEQ, "", "no memory is left");
    pthread_mutex_init(&pool.mutex, NULL);
    pthread_cond_init(&pool.changed, NULL);
    while (started < threads && start_worker(&workers[started], &pool))
        started++;
    bool good = started > 0 ? take_results(&pool)
                            : pp_verify_refuse(v, PP_VERDICT_UNREADABLE, PP_NO_SEQ, "",
                                               "no thread can be started");
    for (unsigned i = 0; i < started; i++)
        pthread_join(workers[i].thread, NULL);
    for (unsigned i = 0; i < threads; i++)
        free_worker(&workers[i]);
    pthread_cond_destroy(&pool.changed);
    pthread_mutex_destroy(&pool.mutex);
    free(pool.slots);
    return good;
}
