/* SPDX-License-Identifier: MIT */
/* One connection: what came in, the answers to it, and what the socket has not taken yet. */
#include "server.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

void serve_connection_open(struct serve_worker *worker, int fd, enum serve_protocol protocol)
{
    struct serve_connection *connection = calloc(1, sizeof *connection);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = connection};
    if (connection == NULL || epoll_ctl(worker->epoll, EPOLL_CTL_ADD, fd, &event) < 0) {
        serve_count(&worker->counters.refused);
        atomic_fetch_sub(&worker->serve->connection_count, 1);
        free(connection);
        close(fd);
        return;
    }
    connection->fd = fd;
    connection->protocol = protocol;
    connection->active_ns = worker->loop_ns;
    connection->next = worker->connections;
    if (connection->next != NULL)
        connection->next->previous = connection;
    worker->connections = connection;
    serve_count(&worker->counters.accepted);
}

void serve_connection_close(struct serve_worker *worker, struct serve_connection *connection)
{
    if (connection->next != NULL)
        connection->next->previous = connection->previous;
    if (connection->previous != NULL)
        connection->previous->next = connection->next;
    else
        worker->connections = connection->next;
    atomic_fetch_sub(&worker->serve->connection_count, 1);
    close(connection->fd);
    free(connection->input);
    free(connection->output);
    free(connection);
}

/* Waits for room to send, or for input. */
static bool watch(struct serve_worker *worker, struct serve_connection *connection, bool output)
{
    struct epoll_event event = {.events = output ? EPOLLOUT : EPOLLIN, .data.ptr = connection};
    if (connection->watches_output == output)
        return true;
    connection->watches_output = output;
    return epoll_ctl(worker->epoll, EPOLL_CTL_MOD, connection->fd, &event) == 0;
}

/* Bytes taken by the socket, or -1 when the connection is broken. */
static ssize_t send_some(const struct serve_connection *connection, const char *data, size_t len)
{
    ssize_t sent = TEMP_FAILURE_RETRY(send(connection->fd, data, len, MSG_NOSIGNAL));
    if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
        return 0;
    return sent;
}

/* What the socket did not take is kept; nothing more is read until it is sent. */
static bool keep_output(struct serve_connection *connection, const char *data, size_t len)
{
    connection->output = malloc(len);
    if (connection->output == NULL)
        return false;
    memcpy(connection->output, data, len);
    connection->output_len = len;
    connection->output_sent = 0;
    return true;
}

static bool send_answers(struct serve_worker *worker, struct serve_connection *connection)
{
    struct serve_out *out = &worker->out;
    if (out->len == 0)
        return true;
    /* Recorded before anybody can know of it. */
    if (!serve_rules_flush(&worker->serve->rules)) {
        atomic_store(&worker->serve->failed, true);
        serve_workers_stop(worker->serve);
    }
    if (out->overflow || atomic_load_explicit(&worker->serve->failed, memory_order_relaxed))
        return false;
    ssize_t sent = send_some(connection, out->data, out->len);
    if (sent < 0)
        return false;
    size_t left = out->len - (size_t)sent;
    return left == 0 ||
           (keep_output(connection, out->data + sent, left) && watch(worker, connection, true));
}

/* The answer to one request of the input; its length in *used. */
static enum serve_parse answer_one(struct serve_worker *worker, struct serve_connection *connection,
                                   struct pp_bytes input, size_t *used)
{
    struct http_request request;
    struct resp_command command;
    bool http = connection->protocol == SERVE_HTTP, open = true;
    enum serve_parse parse =
        http ? http_parse(input, &request, used) : resp_parse(input, &command, used);
    if (parse == SERVE_PARSE_DONE && http)
        open = serve_answer_http(worker, &request);
    else if (parse == SERVE_PARSE_DONE)
        open = serve_answer_resp(worker, &command);
    else if (parse == SERVE_PARSE_BAD && http)
        serve_answer_http_error(worker, request.status, request.error);
    else if (parse == SERVE_PARSE_BAD)
        serve_answer_resp_error(worker, command.error);
    if (parse == SERVE_PARSE_BAD)
        serve_count(&worker->counters.malformed[connection->protocol]);
    connection->closing = !open || parse == SERVE_PARSE_BAD;
    return parse;
}

/* Answers as much of the input as may be; returns the bytes that were used. */
static size_t answer_some(struct serve_worker *worker, struct serve_connection *connection,
                          struct pp_bytes input)
{
    size_t at = 0;
    worker->out.len = 0;
    worker->out.overflow = false;
    while (at < input.len && !connection->closing && worker->out.len < SERVE_OUTPUT_SOFT) {
        size_t used = 0;
        struct pp_bytes rest = {input.data + at, input.len - at};
        enum serve_parse parse = answer_one(worker, connection, rest, &used);
        if (parse == SERVE_PARSE_MORE && rest.len == SERVE_INPUT_MAX) {
            serve_count(&worker->counters.malformed[connection->protocol]);
            serve_answer_resp_error(worker, "Protocol error: the request is too long");
            connection->closing = true;
        }
        if (parse != SERVE_PARSE_DONE)
            break;
        at += used;
        connection->active_ns = worker->loop_ns;
    }
    return at;
}

static bool keep_input(struct serve_connection *connection, struct pp_bytes rest)
{
    if (connection->closing || rest.len == 0)
        return true;
    connection->input = malloc(rest.len);
    if (connection->input == NULL)
        return false;
    memcpy(connection->input, rest.data, rest.len);
    connection->input_len = rest.len;
    return true;
}

/* Says that nothing more will come, and lets the client's own bytes run out: closing on them would
   make the kernel drop the last answer. */
static bool begin_closing(struct serve_worker *worker, struct serve_connection *connection)
{
    connection->active_ns = worker->loop_ns;
    return shutdown(connection->fd, SHUT_WR) == 0;
}

/* false: the connection is of no more use. */
static bool answer_all(struct serve_worker *worker, struct serve_connection *connection, size_t len)
{
    struct pp_bytes rest = {worker->input, len};
    do {
        size_t used = answer_some(worker, connection, rest);
        rest = (struct pp_bytes){rest.data + used, rest.len - used};
        if (!send_answers(worker, connection))
            return false;
    } while (connection->output == NULL && !connection->closing && rest.len != 0 &&
             worker->out.len >= SERVE_OUTPUT_SOFT);
    if (connection->closing && connection->output == NULL)
        return begin_closing(worker, connection);
    return keep_input(connection, rest);
}

/* Sends what was kept.  *done: nothing is left of it. */
static bool send_kept(struct serve_worker *worker, struct serve_connection *connection, bool *done)
{
    const char *data = connection->output + connection->output_sent;
    size_t left = connection->output_len - connection->output_sent;
    ssize_t sent = send_some(connection, data, left);
    *done = sent >= 0 && (size_t)sent == left;
    if (sent < 0)
        return false;
    connection->output_sent += (size_t)sent;
    if (!*done)
        return true;
    free(connection->output);
    connection->output = NULL;
    connection->active_ns = worker->loop_ns;
    return watch(worker, connection, false) &&
           (!connection->closing || begin_closing(worker, connection));
}

/* The kept input and what can be read now, in worker->input.  false: closed or broken. */
static bool receive(struct serve_worker *worker, struct serve_connection *connection,
                    bool may_be_none, size_t *len)
{
    *len = connection->input_len;
    if (*len != 0)
        memcpy(worker->input, connection->input, *len);
    free(connection->input);
    connection->input = NULL;
    connection->input_len = 0;
    if (*len == SERVE_INPUT_MAX)
        return true;
    ssize_t got =
        TEMP_FAILURE_RETRY(recv(connection->fd, worker->input + *len, SERVE_INPUT_MAX - *len, 0));
    bool none = got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
    if (got > 0)
        *len += (size_t)got;
    return got > 0 || none || (may_be_none && *len != 0);
}

static bool work(struct serve_worker *worker, struct serve_connection *connection)
{
    bool kept = connection->output != NULL, done = true;
    size_t len;
    if (kept && (!send_kept(worker, connection, &done) || !done))
        return !done && connection->output != NULL;
    if (connection->closing) {
        ssize_t got = recv(connection->fd, worker->input, SERVE_INPUT_MAX, 0);
        return got > 0 || (got < 0 && (errno == EAGAIN || errno == EINTR));
    }
    return receive(worker, connection, kept, &len) && answer_all(worker, connection, len);
}

void serve_connection_work(struct serve_worker *worker, struct serve_connection *connection)
{
    if (!work(worker, connection))
        serve_connection_close(worker, connection);
}
