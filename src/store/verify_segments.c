/* SPDX-License-Identifier: MIT */
/* Checks segments in parallel, each from its own header and by pieces that the processor's cache
   holds, and links the results in order. */

#include "verify.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { THREADS_MAX = 16, WINDOW_MAX = 2 * THREADS_MAX };
_Static_assert((int)PP_VERIFY_PIECE_BYTES >= 2 * (int)PP_FRAME_BYTES_MAX,
               "each piece brings the check forward");

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
    uint8_t *piece; /* PP_VERIFY_PIECE_BYTES */
    struct pp_buffer tail;
};

/* Reads what there is of the file from `at` on into the piece; false when it can't be read. */
static bool read_piece(struct worker *w, int fd, uint64_t at, struct pp_bytes *piece, int *error)
{
    int64_t got = pp_os_read_at(fd, w->piece, PP_VERIFY_PIECE_BYTES, at);
    *error = got < 0 ? (int)got : 0;
    *piece = (struct pp_bytes){w->piece, got < 0 ? 0 : (size_t)got};
    return got >= 0;
}

/* The origin in the result points into the first piece; the slot keeps it. */
static void keep_origin(struct pp_verify_slot *slot)
{
    struct pp_bytes origin = slot->result.header.origin;
    memcpy(slot->origin, origin.data, origin.len);
    slot->origin[origin.len] = 0;
    slot->result.header.origin = pp_bytes_of(slot->origin);
}

static int take_records(struct worker *w, int fd, struct pp_segment_checker *checker,
                        struct pp_verify_slot *slot)
{
    struct pp_bytes piece;
    bool taken = true;
    int error = 0;
    while (taken && read_piece(w, fd, checker->at, &piece, &error)) {
        bool is_first = !slot->result.has_header;
        taken = pp_segment_check_take(checker, piece);
        if (is_first && slot->result.has_header)
            keep_origin(slot);
    }
    return error;
}

/* Where the zeros at the end of the file begin, not before `from`. */
static int find_used_end(struct worker *w, int fd, uint64_t from, uint64_t *used_end)
{
    struct pp_bytes piece;
    int error;
    *used_end = from;
    for (uint64_t at = from; read_piece(w, fd, at, &piece, &error) && piece.len != 0;
         at += piece.len) {
        size_t used = pp_segment_used_bytes(piece);
        if (used != 0)
            *used_end = at + used;
    }
    return error;
}

static int load_tail(struct worker *w, int fd, uint64_t from, uint64_t used_end)
{
    w->tail.len = 0;
    if (used_end == from)
        return 0;
    size_t bytes = (size_t)(used_end - from) + PP_SEAL_FRAME_BYTES;
    if (!pp_buffer_reserve(&w->tail, bytes))
        return -ENOMEM;
    int64_t got = pp_os_read_at(fd, w->tail.data, bytes, from);
    w->tail.len = got < 0 ? 0 : (size_t)got;
    return got < 0 ? (int)got : 0;
}

/* Larger than a writer makes a segment. */
static const int64_t file_bytes_max = PP_SEGMENT_BYTES_MAX + 2 * (int64_t)PP_GROUP_BYTES_MAX;

/* The last segment may grow under a writer's hands: as long as whole records stand where the check
   stopped, it goes on. */
static int check_file(struct worker *w, int fd, const struct pp_check_input *input,
                      struct pp_verify_slot *slot)
{
    struct pp_segment_checker checker;
    uint64_t before, used_end = 0;
    int error;
    pp_segment_check_begin(&checker, input, &slot->result);
    do {
        before = checker.at;
        error = take_records(w, fd, &checker, slot);
        if (error == 0)
            error = find_used_end(w, fd, slot->result.sealed_end, &used_end);
    } while (error == 0 && checker.at != before && checker.at < used_end);
    if (error == 0)
        error = load_tail(w, fd, slot->result.sealed_end, used_end);
    if (error == 0)
        pp_segment_check_end(&checker, (struct pp_bytes){w->tail.data, w->tail.len});
    return error;
}

static void unreadable(struct pp_verify_slot *slot, const char *name, int error)
{
    slot->result.verdict = PP_VERDICT_UNREADABLE;
    slot->result.first_bad_seq = PP_NO_SEQ;
    snprintf(slot->place, sizeof slot->place, "segments/%s", name);
    snprintf(slot->reason, sizeof slot->reason, "the segment can't be read: %s", strerror(error));
}

static void check_open_file(struct worker *w, int fd, const char *name, struct pp_verify_slot *slot)
{
    struct pp_verification *v = w->pool->v;
    struct pp_check_input input = {
        .seed = v->key != NULL ? &v->key->seed : NULL,
        .engine = w->engine,
        .scratch = w->scratch,
    };
    for (size_t i = 0; i < PP_ANCHOR_COUNT; i++)
        input.sizes[i] = v->anchors[i].present ? v->anchors[i].size : PP_NO_SEQ;
    int64_t size = pp_os_size(fd);
    int error = size < 0 ? (int)size : size > file_bytes_max ? -EFBIG : 0;
    if (error == 0)
        error = check_file(w, fd, &input, slot);
    slot->bytes = size < 0 ? 0 : (uint64_t)size;
    if (error < 0)
        unreadable(slot, name, -error);
    else if (slot->result.verdict != PP_VERDICT_OK) {
        snprintf(slot->place, sizeof slot->place, "segments/%s offset %zu", name,
                 slot->result.bad_offset);
        snprintf(slot->reason, sizeof slot->reason, "%s", slot->result.reason);
    }
}

/* Read, not mapped: the last segment may shrink under a writer's hands. */
static void check_one(struct worker *w, uint64_t segment, struct pp_verify_slot *slot)
{
    struct pp_verification *v = w->pool->v;
    char name[PP_SEGMENT_NAME_BYTES];
    memset(slot, 0, sizeof *slot);
    pp_segment_name(segment, name);
    int fd = pp_os_open(v->layout.segments, name, PP_OS_READ);
    if (fd < 0) {
        unreadable(slot, name, -fd);
        return;
    }
    check_open_file(w, fd, name, slot);
    /* Both leave their verdict in the slot. */
    bool good = slot->result.verdict == PP_VERDICT_OK && pp_verify_index(v, segment, slot) &&
                pp_verify_blobs(v, fd, w->piece, slot);
    (void)good;
    pp_os_close(fd);
}

static void *work(void *argument)
{
    struct worker *w = argument;
    struct pool *pool = w->pool;
    w->engine = pp_engine_new(); /* its self-test, in parallel too */
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
    w->piece = pp_os_buffer_alloc(PP_VERIFY_PIECE_BYTES);
    return w->scratch != NULL && w->piece != NULL && pthread_create(&w->thread, NULL, work, w) == 0;
}

static void free_worker(struct worker *w)
{
    pp_os_secret_free(w->scratch, sizeof *w->scratch);
    pp_engine_free(w->engine);
    pp_os_buffer_free(w->piece, PP_VERIFY_PIECE_BYTES);
    pp_buffer_free(&w->tail);
}

/* Two for each processor: the system shares the processors among them, so that the last segments
   end together and none idles before. */
static unsigned thread_count(const struct pp_verification *v, uint64_t segments)
{
    unsigned threads = v->options->threads != 0 ? v->options->threads : 2 * pp_os_cpu_count();
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
