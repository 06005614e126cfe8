/* SPDX-License-Identifier: MIT */
/* Decisions on their way to a ledger: a queue that never waits, and the thread that empties it. */
#include "journal.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <postproof/ledger.h>

#include "../src/base/hash.h"
#include "../src/os/os.h"

/* Longer keys are recorded by their hash, so that no sender fills the queue with a few requests. */
enum { KEY_PLAIN_MAX = 1024, BODY_MAX = 3 * KEY_PLAIN_MAX + 128, BATCH = 256 };
static const uint64_t gather_ns = 2000000, second_ns = 1000000000;

/* An entry in the queue; the source's name and the body follow. */
struct queued {
    uint64_t monotonic_ns;
    uint16_t source_len, body_len;
    uint8_t level;
};

/* The callers fill one buffer while the thread empties the other. */
struct serve_journal {
    struct pp_ledger *ledger;
    pthread_t thread;
    uint64_t sampling, interval_ns;

    pthread_mutex_t lock; /* guards what follows, and the rules' serve_journal_source */
    pthread_cond_t filled;
    struct serve_out filling;
    bool stop, failed;
    uint64_t lost; /* decisions without room, or that a failing ledger did not take */

    struct serve_out emptying; /* the thread's own, as long as it runs */
};

/* ---- The thread ---- */

static bool say_failure(struct serve_journal *journal)
{
    fprintf(stderr, "postproof serve: the ledger takes no more decisions: %s\n",
            pp_ledger_failure(journal->ledger)->text);
    return false;
}

/* The queued entry at *at, with its strings borrowed, and *at moved behind it. */
static struct pp_entry take_queued(const struct serve_out *queue, size_t *at, uint64_t offset_ns)
{
    struct queued head;
    memcpy(&head, queue->data + *at, sizeof head);
    const uint8_t *text = (const uint8_t *)queue->data + *at + sizeof head;
    *at += sizeof head + head.source_len + head.body_len;
    return (struct pp_entry){.time_ns = head.monotonic_ns + offset_ns,
                             .level = head.level,
                             .source = {text, head.source_len},
                             .body = {text + head.source_len, head.body_len}};
}

static bool append_all(struct serve_journal *journal)
{
    struct pp_entry entries[BATCH];
    struct pp_os_clock clock;
    size_t at = 0, count;
    pp_os_clock_read(&clock);
    while (at < journal->emptying.len) {
        for (count = 0; count < BATCH && at < journal->emptying.len; count++)
            entries[count] =
                take_queued(&journal->emptying, &at, clock.realtime_ns - clock.monotonic_ns);
        if (pp_ledger_append_batch(journal->ledger, entries, count, NULL) != PP_OK)
            return say_failure(journal);
    }
    journal->emptying.len = 0;
    return true;
}

/* Waits for entries, or for the time to seal those that are not sealed yet.  false: it is over. */
static bool await_entries(struct serve_journal *journal, bool unsealed, uint64_t deadline_ns)
{
    struct timespec until = {.tv_sec = (time_t)(deadline_ns / second_ns),
                             .tv_nsec = (long)(deadline_ns % second_ns)};
    int error = 0;
    while (journal->filling.len == 0 && !journal->stop && error == 0)
        error = unsealed ? pthread_cond_timedwait(&journal->filled, &journal->lock, &until)
                         : pthread_cond_wait(&journal->filled, &journal->lock);
    return !journal->stop || journal->filling.len != 0;
}

static void swap_buffers(struct serve_journal *journal)
{
    struct serve_out filled = journal->filling;
    journal->filling = journal->emptying;
    journal->emptying = filled;
}

static uint64_t monotonic_ns(void)
{
    struct pp_os_clock clock;
    pp_os_clock_read(&clock);
    return clock.monotonic_ns;
}

static void *run(void *argument)
{
    struct serve_journal *journal = argument;
    const struct timespec gather = {.tv_nsec = (long)gather_ns};
    bool unsealed = false, good = true;
    uint64_t deadline_ns = 0;
    pthread_mutex_lock(&journal->lock);
    while (good && await_entries(journal, unsealed, deadline_ns)) {
        bool stop = journal->stop;
        pthread_mutex_unlock(&journal->lock);
        if (!stop) /* a few more, for a few wake-ups less */
            nanosleep(&gather, NULL);
        pthread_mutex_lock(&journal->lock);
        swap_buffers(journal);
        pthread_mutex_unlock(&journal->lock);
        if (journal->emptying.len != 0 && !unsealed)
            deadline_ns = monotonic_ns() + journal->interval_ns;
        unsealed = unsealed || journal->emptying.len != 0;
        good = append_all(journal);
        if (good && unsealed && monotonic_ns() >= deadline_ns) {
            good = pp_ledger_flush(journal->ledger) == PP_OK || say_failure(journal);
            unsealed = false;
        }
        pthread_mutex_lock(&journal->lock);
    }
    journal->failed = !good;
    pthread_mutex_unlock(&journal->lock);
    return NULL;
}

/* ---- Start and end ---- */

static void free_journal(struct serve_journal *journal)
{
    free(journal->filling.data);
    free(journal->emptying.data);
    free(journal);
}

static struct serve_journal *new_journal(const struct serve_record_config *config)
{
    struct serve_journal *journal = calloc(1, sizeof *journal);
    size_t half = (size_t)config->queue_bytes / 2;
    if (journal == NULL)
        return NULL;
    journal->sampling = config->sampling;
    journal->interval_ns = config->interval_ns;
    journal->filling = (struct serve_out){malloc(half), 0, half, false};
    journal->emptying = (struct serve_out){malloc(half), 0, half, false};
    if (journal->filling.data != NULL && journal->emptying.data != NULL)
        return journal;
    free_journal(journal);
    return NULL;
}

static bool start_thread(struct serve_journal *journal)
{
    pthread_condattr_t attributes;
    if (pthread_condattr_init(&attributes) != 0)
        return false;
    bool good = pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC) == 0 &&
                pthread_mutex_init(&journal->lock, NULL) == 0 &&
                pthread_cond_init(&journal->filled, &attributes) == 0 &&
                pthread_create(&journal->thread, NULL, run, journal) == 0;
    pthread_condattr_destroy(&attributes);
    return good;
}

struct serve_journal *serve_journal_open(const struct serve_record_config *config)
{
    struct pp_failure failure = {0};
    struct pp_ledger_opening opening = {0};
    struct serve_journal *journal = new_journal(config);
    if (journal == NULL) {
        fprintf(stderr, "postproof serve: no memory is left for record: queue\n");
        return NULL;
    }
    if (pp_ledger_open(config->ledger, config->keys[0] == '\0' ? NULL : config->keys, NULL,
                       &journal->ledger, &opening, &failure) != PP_OK) {
        fprintf(stderr, "postproof serve: record: ledger: %s\n", failure.text);
        free_journal(journal);
        return NULL;
    }
    if (opening.recovered)
        fprintf(stderr,
                "postproof serve: record: ledger: what a crash left unsealed, %llu bytes, was "
                "sealed off\n",
                (unsigned long long)opening.torn_bytes);
    if (start_thread(journal))
        return journal;
    fprintf(stderr, "postproof serve: no thread can be started for record: ledger\n");
    (void)!pp_ledger_close(journal->ledger, &failure);
    free_journal(journal);
    return NULL;
}

bool serve_journal_close(struct serve_journal *journal)
{
    struct pp_failure failure = {0};
    pthread_mutex_lock(&journal->lock);
    journal->stop = true;
    pthread_cond_signal(&journal->filled);
    pthread_mutex_unlock(&journal->lock);
    pthread_join(journal->thread, NULL);
    bool good = !journal->failed;
    if (pp_ledger_close(journal->ledger, &failure) != PP_OK) {
        fprintf(stderr, "postproof serve: record: ledger: %s\n", failure.text);
        good = false;
    }
    pthread_mutex_destroy(&journal->lock);
    pthread_cond_destroy(&journal->filled);
    free_journal(journal);
    return good;
}

/* ---- What is queued (docs/format/limiter.md) ---- */

/* Under the lock. */
static bool queue(struct serve_journal *journal, const struct serve_journal_source *source,
                  uint64_t now_ns, uint8_t level, const struct serve_out *body)
{
    struct serve_out *to = &journal->filling;
    size_t name_len = strlen(source->name);
    struct queued head = {now_ns, (uint16_t)name_len, (uint16_t)body->len, level};
    if (journal->failed || to->cap - to->len < sizeof head + name_len + body->len)
        return false;
    if (to->len == 0)
        pthread_cond_signal(&journal->filled);
    serve_put(to, &head, sizeof head);
    serve_put(to, source->name, name_len);
    serve_put(to, body->data, body->len);
    return true;
}

/* Under the lock: tells of what was dropped, before anything else of this rule. */
static bool queue_dropped(struct serve_journal *journal, struct serve_journal_source *source,
                          uint64_t now_ns)
{
    char text[BODY_MAX];
    struct serve_out body = {text, 0, sizeof text, false};
    if (source->unreported[0] == 0 && source->unreported[1] == 0)
        return true;
    serve_put_text(&body, "# dropped denials=");
    serve_put_number(&body, source->unreported[0]);
    serve_put_text(&body, " admissions=");
    serve_put_number(&body, source->unreported[1]);
    if (!queue(journal, source, now_ns, PP_ERROR, &body))
        return false;
    source->unreported[0] = source->unreported[1] = 0;
    return true;
}

static void put_hex(struct serve_out *body, const uint8_t *data, size_t len)
{
    static const char hex[] = "0123456789abcdef";
    for (size_t i = 0; i < len; i++) {
        serve_put(body, &hex[data[i] >> 4], 1);
        serve_put(body, &hex[data[i] & 15], 1);
    }
}

static void put_key(struct serve_out *body, struct pp_bytes key)
{
    if (key.len <= KEY_PLAIN_MAX) {
        serve_put_escaped(body, key);
        return;
    }
    struct pp_digest digest = pp_sha256(key);
    serve_put_text(body, "="); /* escaping never writes one */
    put_hex(body, digest.b, sizeof digest.b);
}

void serve_journal_add(struct serve_journal *journal, struct serve_journal_source *source,
                       uint64_t now_ns, struct pp_bytes key, uint64_t weight,
                       enum pp_limiter_verdict verdict)
{
    static const char *const words[] = {" deny", " allow", " impossible", " full", " waiting"};
    bool admitted = verdict == PP_LIMITER_ADMIT;
    char text[BODY_MAX];
    struct serve_out body = {text, 0, sizeof text, false};
    serve_put_number(&body, now_ns);
    serve_put_text(&body, " ");
    put_key(&body, key);
    serve_put_text(&body, " ");
    serve_put_number(&body, weight);
    serve_put_text(&body, words[verdict]);
    pthread_mutex_lock(&journal->lock);
    if (queue_dropped(journal, source, now_ns) &&
        queue(journal, source, now_ns, admitted ? PP_INFO : PP_WARN, &body)) {
        source->recorded++;
    } else {
        journal->lost++;
        source->dropped[admitted]++;
        source->unreported[admitted]++;
    }
    pthread_mutex_unlock(&journal->lock);
}

void serve_journal_report(struct serve_journal *journal, struct serve_journal_source *source,
                          uint64_t now_ns)
{
    pthread_mutex_lock(&journal->lock);
    (void)queue_dropped(journal, source, now_ns);
    pthread_mutex_unlock(&journal->lock);
}

void serve_journal_start(struct serve_journal *journal, struct serve_journal_source *source,
                         const struct serve_rule_config *rule, uint64_t now_ns, bool resumed)
{
    char text[BODY_MAX];
    struct serve_out body = {text, 0, sizeof text, false};
    struct pp_os_clock clock;
    memset(source, 0, sizeof *source);
    snprintf(source->name, sizeof source->name, "limiter/%s", rule->name);
    serve_put_text(&body, "# start limit=");
    serve_put_number(&body, rule->limiter.limit);
    serve_put_text(&body, " window_ns=");
    serve_put_number(&body, rule->limiter.window_ns);
    serve_put_text(&body, " buckets=");
    serve_put_number(&body, rule->limiter.buckets);
    serve_put_text(&body, " sampling=");
    serve_put_number(&body, journal->sampling);
    serve_put_text(&body, resumed ? " state=resumed boot=" : " state=new boot=");
    pp_os_clock_read(&clock);
    put_hex(&body, clock.boot_id, sizeof clock.boot_id);
    pthread_mutex_lock(&journal->lock);
    if (!queue(journal, source, now_ns, PP_INFO, &body))
        source->unreported[0]++;
    pthread_mutex_unlock(&journal->lock);
}

void serve_journal_drain(struct serve_journal *journal)
{
    const struct timespec moment = {.tv_nsec = 1000000};
    bool waits = true;
    while (waits) {
        pthread_mutex_lock(&journal->lock);
        waits = journal->filling.len != 0 && !journal->failed;
        pthread_mutex_unlock(&journal->lock);
        if (waits)
            nanosleep(&moment, NULL);
    }
}

uint64_t serve_journal_sampling(const struct serve_journal *journal)
{
    return journal->sampling;
}

void serve_journal_losses(struct serve_journal *journal, uint64_t *lost, bool *failed)
{
    *lost = 0;
    *failed = false;
    if (journal == NULL)
        return;
    pthread_mutex_lock(&journal->lock);
    *lost = journal->lost;
    *failed = journal->failed;
    pthread_mutex_unlock(&journal->lock);
}

void serve_journal_read(struct serve_journal *journal, const struct serve_journal_source *source,
                        struct serve_journal_source *copy, bool *failed)
{
    pthread_mutex_lock(&journal->lock);
    *copy = *source;
    *failed = journal->failed;
    pthread_mutex_unlock(&journal->lock);
}
