/* SPDX-License-Identifier: MIT */
/* What the daemon's files share: its threads, their connections, and who answers what. */
#ifndef PP_SERVE_SERVER_H
#define PP_SERVE_SERVER_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config.h"
#include "http.h"
#include "resp.h"
#include "rules.h"
#include "text.h"

enum {
    SERVE_INPUT_MAX = HTTP_HEAD_MAX + HTTP_BODY_MAX + 1, /* of one connection, not yet answered */
    SERVE_OUTPUT_SOFT = 65536, /* no further request is answered before these bytes are sent */
    SERVE_METRICS_MAX = 1 << 22,
    SERVE_OUTPUT_MAX = SERVE_OUTPUT_SOFT + SERVE_METRICS_MAX + 4096,
    SERVE_DATE_BYTES = 48
};

struct serve_connection {
    int fd;
    enum serve_protocol protocol;
    bool closing;        /* no more is read; closed when all is sent */
    bool watches_output; /* epoll waits for room to send instead of input */
    uint8_t *input;      /* of a request that is not complete, or waits for output */
    size_t input_len;
    char *output; /* what the socket did not take yet */
    size_t output_len, output_sent;
    uint64_t active_ns; /* its latest whole request, or its beginning */
    struct serve_connection *next, *previous;
};

struct serve_listener {
    int fd;
    enum serve_protocol protocol;
    char path[SERVE_ADDRESS_BYTES]; /* of a unix socket; else empty */
};

/* Written by one thread, read by whichever answers /metrics. */
struct serve_counters {
    atomic_uint_fast64_t accepted, refused, timed_out, requests[2], malformed[2];
};

static inline void serve_count(atomic_uint_fast64_t *counter)
{
    uint_fast64_t value = atomic_load_explicit(counter, memory_order_relaxed);
    atomic_store_explicit(counter, value + 1, memory_order_relaxed);
}

struct serve;

/* A thread with connections of its own.  The first one is the process' main thread: it also
   accepts, and takes signals. */
struct serve_worker {
    struct serve *serve;
    pthread_t thread;
    int epoll, inbox, outbox;             /* a pipe: connections for this thread come in at inbox */
    struct serve_connection *connections; /* a list */
    struct serve_counters counters;
    uint8_t *input;              /* SERVE_INPUT_MAX: of the connection at work */
    uint8_t *values;             /* SERVE_INPUT_MAX: decoded parameters of one request */
    struct serve_out out;        /* answers to the connection at work */
    char date[SERVE_DATE_BYTES]; /* the Date header's line */
    uint64_t loop_ns;            /* when this round of the loop began */
    uint64_t next_second_ns;
    bool signalled; /* a signal waits to be taken */
} __attribute__((aligned(64)));

struct serve {
    struct serve_config config;
    struct serve_rules rules;
    struct serve_listener listeners[SERVE_LISTEN_MAX];
    size_t listener_count;
    struct serve_worker *workers;
    size_t worker_count, next_worker;
    atomic_uint_fast64_t connection_count, reloads, bad_reloads;
    const char *config_path;
    int signals;
    atomic_bool stop, failed;
};

/* ---- Answers: true when the connection goes on ---- */

bool serve_answer_resp(struct serve_worker *worker, const struct resp_command *command);
void serve_answer_resp_error(struct serve_worker *worker, const char *error);
bool serve_answer_http(struct serve_worker *worker, const struct http_request *request);
void serve_answer_http_error(struct serve_worker *worker, int status, const char *error);
/* Prometheus text format 0.0.4. */
void serve_put_metrics(struct serve *serve, struct serve_out *out);

/* ---- Connections (connection.c) ---- */

void serve_connection_open(struct serve_worker *worker, int fd, enum serve_protocol protocol);
/* Reads, answers, sends; the connection may be gone afterwards. */
void serve_connection_work(struct serve_worker *worker, struct serve_connection *connection);
void serve_connection_close(struct serve_worker *worker, struct serve_connection *connection);

/* ---- Listeners (listen.c) ---- */

/* Opens all that are configured and prints each address; false: stderr says why not. */
PP_MUST_CHECK bool serve_listen_open(struct serve *serve);
void serve_listen_close(struct serve *serve);
/* Accepts what waits, up to a bound, and gives it to the threads in turn. */
void serve_listen_accept(struct serve_worker *worker, const struct serve_listener *listener);

/* ---- Threads (worker.c) ---- */

enum { SERVE_INBOX_EVENT = SERVE_LISTEN_MAX, SERVE_SIGNAL_EVENT };

/* All that the configuration asks for, without connections; false: stderr says why not. */
PP_MUST_CHECK bool serve_workers_open(struct serve *serve);
void serve_workers_close(struct serve *serve);
/* Serves until serve->stop; take_signals is called between two rounds when signals wait. */
PP_MUST_CHECK bool serve_workers_run(struct serve *serve, void (*take_signals)(struct serve *));
/* Gives a connection to the thread; false: it has too many to take already. */
PP_MUST_CHECK bool serve_worker_give(struct serve_worker *worker, int fd,
                                     enum serve_protocol protocol);
/* Ends every thread. */
void serve_workers_stop(struct serve *serve);

#endif
