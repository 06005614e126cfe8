/* SPDX-License-Identifier: MIT */
/* The threads that answer: each waits for its own connections, and for new ones. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include "server.h"

enum { EVENTS_AT_ONCE = 256 };
static const uint64_t second_ns = 1000000000, closing_ns = 2000000000;

/* What a thread finds in its inbox; fd -1 only wakes it. */
struct letter {
    int fd;
    enum serve_protocol protocol;
};

/* ---- Letters ---- */

static bool post(struct serve_worker *worker, struct letter letter)
{
    return write(worker->outbox, &letter, sizeof letter) == sizeof letter;
}

bool serve_worker_give(struct serve_worker *worker, int fd, enum serve_protocol protocol)
{
    return post(worker, (struct letter){fd, protocol});
}

void serve_workers_stop(struct serve *serve)
{
    atomic_store(&serve->stop, true);
    for (size_t i = 0; i < serve->worker_count; i++)
        (void)post(&serve->workers[i], (struct letter){.fd = -1}); /* a full inbox wakes, too */
}

static void take_letters(struct serve_worker *worker)
{
    struct letter letter;
    while (read(worker->inbox, &letter, sizeof letter) == sizeof letter)
        if (letter.fd >= 0)
            serve_connection_open(worker, letter.fd, letter.protocol);
}

/* ---- The loop ---- */

static void write_date(struct serve_worker *worker)
{
    time_t now = time(NULL);
    struct tm parts;
    gmtime_r(&now, &parts);
    strftime(worker->date, sizeof worker->date, "Date: %a, %d %b %Y %H:%M:%S GMT\r\n", &parts);
}

static void close_idle(struct serve_worker *worker)
{
    struct serve_connection *next;
    for (struct serve_connection *c = worker->connections; c != NULL; c = next) {
        next = c->next;
        uint64_t allowed = c->closing ? closing_ns : worker->serve->config.idle_ns;
        if (worker->loop_ns - c->active_ns <= allowed)
            continue;
        if (!c->closing)
            serve_count(&worker->counters.timed_out);
        serve_connection_close(worker, c);
    }
}

static void each_second(struct serve_worker *worker)
{
    struct serve *serve = worker->serve;
    if (worker->loop_ns < worker->next_second_ns)
        return;
    worker->next_second_ns = worker->loop_ns + second_ns;
    close_idle(worker);
    write_date(worker);
    if (worker == serve->workers)
        serve_rules_sweep(&serve->rules);
}

static void take_event(struct serve_worker *worker, const struct epoll_event *event)
{
    if (event->data.u64 < SERVE_LISTEN_MAX)
        serve_listen_accept(worker, &worker->serve->listeners[event->data.u64]);
    else if (event->data.u64 == SERVE_INBOX_EVENT)
        take_letters(worker);
    else if (event->data.u64 == SERVE_SIGNAL_EVENT)
        worker->signalled = true;
    else
        serve_connection_work(worker, event->data.ptr);
}

/* Waits, and works with the rules held. */
static void one_round(struct serve_worker *worker)
{
    struct serve *serve = worker->serve;
    struct epoll_event events[EVENTS_AT_ONCE];
    int timeout_ms = 0;
    if (worker->next_second_ns > worker->loop_ns)
        timeout_ms = (int)((worker->next_second_ns - worker->loop_ns) / 1000000) + 1;
    int n = epoll_wait(worker->epoll, events, EVENTS_AT_ONCE, timeout_ms);
    worker->loop_ns = serve_now_ns();
    pthread_rwlock_rdlock(&serve->rules.lock);
    for (int i = 0; i < n && !atomic_load_explicit(&serve->failed, memory_order_relaxed); i++)
        take_event(worker, &events[i]);
    each_second(worker); /* not before: it closes connections, which an event may be of */
    pthread_rwlock_unlock(&serve->rules.lock);
}

static void *run_worker(void *argument)
{
    struct serve_worker *worker = argument;
    while (!atomic_load_explicit(&worker->serve->stop, memory_order_relaxed))
        one_round(worker);
    return NULL;
}

bool serve_workers_run(struct serve *serve, void (*take_signals)(struct serve *))
{
    struct serve_worker *first = serve->workers;
    size_t started = 1;
    bool good = true;
    for (; good && started < serve->worker_count; started++)
        good = pthread_create(&serve->workers[started].thread, NULL, run_worker,
                              &serve->workers[started]) == 0;
    if (!good) {
        fprintf(stderr, "postproof serve: no more than %zu threads can be started\n", --started);
        serve_workers_stop(serve);
    }
    while (!atomic_load(&serve->stop)) {
        one_round(first);
        if (first->signalled)
            take_signals(serve);
        first->signalled = false;
    }
    serve_workers_stop(serve);
    for (size_t i = 1; i < started; i++)
        pthread_join(serve->workers[i].thread, NULL);
    return good;
}

/* ---- Start and end ---- */

static bool open_inbox(struct serve_worker *worker)
{
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = SERVE_INBOX_EVENT};
    int ends[2];
    if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0)
        return false;
    worker->inbox = ends[0];
    worker->outbox = ends[1];
    return epoll_ctl(worker->epoll, EPOLL_CTL_ADD, worker->inbox, &event) == 0;
}

static bool open_worker(struct serve_worker *worker)
{
    worker->loop_ns = serve_now_ns();
    worker->epoll = epoll_create1(EPOLL_CLOEXEC);
    worker->input = malloc(SERVE_INPUT_MAX);
    worker->values = malloc(SERVE_INPUT_MAX);
    worker->out = (struct serve_out){malloc(SERVE_OUTPUT_MAX), 0, SERVE_OUTPUT_MAX, false};
    write_date(worker);
    return worker->epoll >= 0 && worker->input != NULL && worker->values != NULL &&
           worker->out.data != NULL && open_inbox(worker);
}

bool serve_workers_open(struct serve *serve)
{
    size_t count = (size_t)serve->config.threads;
    serve->workers = aligned_alloc(_Alignof(struct serve_worker), count * sizeof *serve->workers);
    if (serve->workers != NULL) {
        memset(serve->workers, 0, count * sizeof *serve->workers);
        serve->worker_count = count;
    }
    for (size_t i = 0; i < serve->worker_count; i++) {
        struct serve_worker *worker = &serve->workers[i];
        worker->serve = serve;
        worker->epoll = worker->inbox = worker->outbox = -1;
    }
    for (size_t i = 0; i < serve->worker_count; i++) {
        if (open_worker(&serve->workers[i]))
            continue;
        count = 0;
        break;
    }
    if (serve->workers != NULL && count != 0)
        return true;
    fputs("postproof serve: no memory or no file descriptor is left\n", stderr);
    return false;
}

static void close_fd(int fd)
{
    if (fd >= 0)
        close(fd);
}

void serve_workers_close(struct serve *serve)
{
    for (size_t i = 0; i < serve->worker_count; i++) {
        struct serve_worker *worker = &serve->workers[i];
        if (worker->inbox >= 0)
            take_letters(worker); /* nobody else closes what is still in there */
        while (worker->connections != NULL)
            serve_connection_close(worker, worker->connections);
        close_fd(worker->epoll);
        close_fd(worker->inbox);
        close_fd(worker->outbox);
        free(worker->input);
        free(worker->values);
        free(worker->out.data);
    }
    free(serve->workers);
    serve->worker_count = 0;
}
