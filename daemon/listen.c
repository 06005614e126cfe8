/* SPDX-License-Identifier: MIT */
/* The sockets that connections come from: TCP and unix. */
#include "server.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { BACKLOG = 1024, ACCEPTS_AT_ONCE = 64, SOCKET_FLAGS = SOCK_CLOEXEC | SOCK_NONBLOCK };

static const char unix_prefix[] = "unix:";

/* ---- Unix sockets ---- */

/* A socket whose owner is gone, as a killed daemon leaves it behind. */
static bool is_abandoned(const struct sockaddr_un *address)
{
    struct stat found;
    if (lstat(address->sun_path, &found) != 0 || !S_ISSOCK(found.st_mode))
        return false;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return false;
    bool refused =
        connect(fd, (const struct sockaddr *)address, sizeof *address) < 0 && errno == ECONNREFUSED;
    close(fd);
    return refused;
}

static int bind_unix(int fd, const struct sockaddr_un *address)
{
    const struct sockaddr *generic = (const struct sockaddr *)address;
    int result = bind(fd, generic, sizeof *address);
    if (result < 0 && errno == EADDRINUSE) {
        if (is_abandoned(address) && unlink(address->sun_path) == 0)
            result = bind(fd, generic, sizeof *address);
        else
            errno = EADDRINUSE;
    }
    return result;
}

static int open_unix(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address.sun_path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    memcpy(address.sun_path, path, strlen(path));
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCKET_FLAGS, 0);
    if (fd < 0)
        return -1;
    mode_t before = umask(0117); /* for the user and the group */
    int result = bind_unix(fd, &address);
    umask(before);
    if (result == 0 && listen(fd, BACKLOG) == 0)
        return fd;
    int error = errno;
    close(fd);
    errno = error;
    return -1;
}

/* ---- TCP ---- */

static int open_address(const struct addrinfo *found)
{
    int one = 1, error;
    int fd = socket(found->ai_family, SOCK_STREAM | SOCKET_FLAGS, 0);
    if (fd < 0)
        return -1;
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) == 0 &&
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one) == 0 &&
        bind(fd, found->ai_addr, found->ai_addrlen) == 0 && listen(fd, BACKLOG) == 0)
        return fd; /* accepted connections inherit TCP_NODELAY on Linux */
    error = errno;
    close(fd);
    errno = error;
    return -1;
}

/* "127.0.0.1:80" or "[::1]:80"; no names, which would need a resolver. */
static int open_tcp(const char *text)
{
    char host[SERVE_ADDRESS_BYTES];
    const char *colon = strrchr(text, ':');
    size_t len = (size_t)(colon - text);
    bool brackets = len >= 2 && text[0] == '[' && text[len - 1] == ']';
    struct addrinfo wanted = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV,
                              .ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    snprintf(host, sizeof host, "%.*s", (int)(brackets ? len - 2 : len), text + brackets);
    if (len == 0 || getaddrinfo(host, colon + 1, &wanted, &found) != 0) {
        errno = EINVAL;
        return -1;
    }
    int fd = open_address(found);
    int error = errno;
    freeaddrinfo(found);
    errno = error;
    return fd;
}

/* ---- All of them ---- */

/* The port that the kernel chose for port 0 is printed, too. */
static void print_address(const struct serve_listener *listener, const char *text)
{
    struct sockaddr_storage address;
    socklen_t len = sizeof address;
    char host[64], port[16];
    const char *protocol = listener->protocol == SERVE_HTTP ? "http" : "resp";
    if (listener->path[0] != '\0') {
        printf("listening %s %s\n", protocol, text);
    } else if (getsockname(listener->fd, (struct sockaddr *)&address, &len) == 0 &&
               getnameinfo((struct sockaddr *)&address, len, host, sizeof host, port, sizeof port,
                           NI_NUMERICHOST | NI_NUMERICSERV) == 0) {
        bool ipv6 = address.ss_family == AF_INET6;
        printf("listening %s %s%s%s:%s\n", protocol, ipv6 ? "[" : "", host, ipv6 ? "]" : "", port);
    }
}

static bool open_one(struct serve *serve, const struct serve_listen *wanted)
{
    struct serve_listener *listener = &serve->listeners[serve->listener_count];
    size_t prefix = strlen(unix_prefix);
    bool is_unix = strncmp(wanted->address, unix_prefix, prefix) == 0;
    *listener = (struct serve_listener){.protocol = wanted->protocol};
    listener->fd = is_unix ? open_unix(wanted->address + prefix) : open_tcp(wanted->address);
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = serve->listener_count};
    if (listener->fd < 0 ||
        epoll_ctl(serve->workers[0].epoll, EPOLL_CTL_ADD, listener->fd, &event) < 0) {
        fprintf(stderr, "postproof serve: can't listen on %s: %s\n", wanted->address,
                strerror(errno));
        return false;
    }
    if (is_unix)
        snprintf(listener->path, sizeof listener->path, "%s", wanted->address + prefix);
    serve->listener_count++;
    print_address(listener, wanted->address);
    return true;
}

bool serve_listen_open(struct serve *serve)
{
    for (size_t i = 0; i < serve->config.listens; i++)
        if (!open_one(serve, &serve->config.listen[i]))
            return false;
    return true;
}

void serve_listen_close(struct serve *serve)
{
    for (size_t i = 0; i < serve->listener_count; i++) {
        close(serve->listeners[i].fd);
        if (serve->listeners[i].path[0] != '\0')
            unlink(serve->listeners[i].path);
    }
    serve->listener_count = 0;
}

/* One connection too many is told so, as far as its socket takes it at once. */
static void turn_away(struct serve_worker *worker, int fd, enum serve_protocol protocol)
{
    static const char text[] = "all connections are in use";
    serve_count(&worker->counters.refused);
    worker->out.len = 0;
    if (protocol == SERVE_HTTP)
        serve_answer_http_error(worker, 503, text);
    else
        serve_answer_resp_error(worker, text);
    (void)send(fd, worker->out.data, worker->out.len, MSG_NOSIGNAL | MSG_DONTWAIT);
    close(fd);
}

void serve_listen_accept(struct serve_worker *worker, const struct serve_listener *listener)
{
    struct serve *serve = worker->serve;
    for (int i = 0; i < ACCEPTS_AT_ONCE; i++) {
        int fd = accept4(listener->fd, NULL, NULL, SOCKET_FLAGS);
        if (fd < 0)
            return;
        struct serve_worker *next = &serve->workers[serve->next_worker];
        if (atomic_load(&serve->connection_count) >= serve->config.connections) {
            turn_away(worker, fd, listener->protocol);
            continue;
        }
        serve->next_worker = (serve->next_worker + 1) % serve->worker_count;
        atomic_fetch_add(&serve->connection_count, 1);
        if (next == worker) {
            serve_connection_open(worker, fd, listener->protocol);
        } else if (!serve_worker_give(next, fd, listener->protocol)) {
            atomic_fetch_sub(&serve->connection_count, 1);
            turn_away(worker, fd, listener->protocol);
        }
    }
}
