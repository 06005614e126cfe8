/* SPDX-License-Identifier: MIT */
/* What the daemon's files share: its state, its connections, and who answers what. */
#ifndef PP_SERVE_SERVER_H
#define PP_SERVE_SERVER_H

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
    SERVE_DATE_BYTES = 30
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

struct serve_counters {
    uint64_t accepted, refused, timed_out, requests[2], malformed[2], reloads, bad_reloads;
};

struct serve {
    struct serve_config config;
    struct serve_rules rules;
    struct serve_listener listeners[SERVE_LISTEN_MAX];
    size_t listener_count;
    struct serve_connection *connections; /* a list */
    uint64_t connection_count;
    struct serve_counters counters;
    const char *config_path;
    uint8_t *input;       /* SERVE_INPUT_MAX: of the connection at work */
    uint8_t *values;      /* SERVE_INPUT_MAX: decoded parameters of one request */
    struct serve_out out; /* answers to the connection at work */
    char date[SERVE_DATE_BYTES];
    uint64_t loop_ns; /* when this round of the loop began */
    int epoll, signals;
    bool stop, failed;
};

/* ---- Answers: true when the connection goes on ---- */

bool serve_answer_resp(struct serve *serve, const struct resp_command *command);
void serve_answer_resp_error(struct serve *serve, const char *error);
bool serve_answer_http(struct serve *serve, const struct http_request *request);
void serve_answer_http_error(struct serve *serve, int status, const char *error);
/* Prometheus text format 0.0.4. */
void serve_put_metrics(const struct serve *serve, struct serve_out *out);

/* ---- Connections (connection.c) ---- */

void serve_connection_open(struct serve *serve, int fd, enum serve_protocol protocol);
/* Reads, answers, sends; the connection may be gone afterwards. */
void serve_connection_work(struct serve *serve, struct serve_connection *connection);
void serve_connection_close(struct serve *serve, struct serve_connection *connection);

/* ---- Listeners (listen.c) ---- */

/* Opens all that are configured and prints each address; false: stderr says why not. */
PP_MUST_CHECK bool serve_listen_open(struct serve *serve);
void serve_listen_close(struct serve *serve);
/* Accepts what waits, up to a bound. */
void serve_listen_accept(struct serve *serve, const struct serve_listener *listener);

#endif
