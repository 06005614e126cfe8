/* SPDX-License-Identifier: MIT */
/* Sends N payload lines to a log daemon's Unix socket and waits until the daemon has taken them.
   `native`: journald's protocol. `syslog`: one RFC 3164 datagram per line. `stream`: the same
   lines over a stream socket.  With FILE it also waits until FILE has N newlines. */
#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "measure.h"
#include "payload.h"

enum { CHUNK_BYTES = 64 << 10, MESSAGE_BYTES = 512, WAIT_S_MAX = 90, POLL_US = 500 };

#define NATIVE_HEAD "PRIORITY=6\nSYSLOG_IDENTIFIER=peer\nMESSAGE="
#define SYSLOG_HEAD "<14>Jan  1 00:00:00 peer: "

static void die(const char *what)
{
    fprintf(stderr, "socket_send: %s: %s\n", what, strerror(errno));
    exit(2);
}

static int connect_to(const char *path, int type)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address.sun_path) {
        errno = ENAMETOOLONG;
        die(path);
    }
    strcpy(address.sun_path, path);
    int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (const struct sockaddr *)&address, sizeof address) != 0) {
        die(path);
    }
    return fd;
}

static void send_all(int fd, const char *data, size_t len)
{
    while (len > 0) {
        ssize_t n = send(fd, data, len, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            die("send");
        }
        data += n;
        len -= (size_t)n;
    }
}

/* Head, payload, newline; returns the length. */
static size_t compose(uint64_t index, const char *head, char *out)
{
    char *at = payload_text(out, head);
    payload_line(index, at);
    at[PAYLOAD_BYTES] = '\n';
    return (size_t)(at - out) + PAYLOAD_BYTES + 1;
}

static void send_datagrams(int fd, uint64_t count, const char *head, bool newline)
{
    char message[MESSAGE_BYTES];
    for (uint64_t i = 0; i < count; i++) {
        send_all(fd, message, compose(i, head, message) - (newline ? 0 : 1));
    }
}

static void send_stream(int fd, uint64_t count, const char *head)
{
    static char chunk[CHUNK_BYTES];
    size_t len = 0;
    for (uint64_t i = 0; i < count; i++) {
        len += compose(i, head, chunk + len);
        if (len > CHUNK_BYTES - MESSAGE_BYTES) {
            send_all(fd, chunk, len);
            len = 0;
        }
    }
    send_all(fd, chunk, len);
}

static void pause_until(double deadline, const char *what)
{
    if (seconds_now() > deadline) {
        errno = ETIMEDOUT;
        die(what);
    }
    usleep(POLL_US);
}

/* Bytes that the daemon has not read yet: 0 once it has taken the last message. */
static void wait_until_taken(int fd)
{
    double deadline = seconds_now() + WAIT_S_MAX;
    int waiting = 1;
    while (ioctl(fd, SIOCOUTQ, &waiting) == 0 && waiting > 0) {
        pause_until(deadline, "the daemon did not read everything");
    }
    if (waiting > 0) {
        die("SIOCOUTQ");
    }
}

static uint64_t count_newlines(const char *data, size_t len)
{
    uint64_t count = 0;
    for (const char *end = data + len; (data = memchr(data, '\n', (size_t)(end - data))); data++) {
        count++;
    }
    return count;
}

static void wait_until_written(const char *path, uint64_t count)
{
    static char chunk[CHUNK_BYTES];
    double deadline = seconds_now() + WAIT_S_MAX;
    int fd = -1;
    while ((fd = open(path, O_RDONLY | O_CLOEXEC)) < 0) {
        pause_until(deadline, path);
    }
    for (uint64_t seen = 0; seen < count;) {
        ssize_t n = read(fd, chunk, sizeof chunk);
        if (n < 0) {
            die(path);
        }
        seen += count_newlines(chunk, (size_t)n);
        if (n == 0) {
            pause_until(deadline, "lines are missing in the file");
        }
    }
    close(fd);
}

int main(int argc, char **argv)
{
    if (argc != 4 && argc != 5) {
        fprintf(stderr, "usage: socket_send native|syslog|stream SOCKET N [FILE]\n");
        return 2;
    }
    uint64_t count = strtoull(argv[3], NULL, 10);
    bool stream = strcmp(argv[1], "stream") == 0;
    bool native = strcmp(argv[1], "native") == 0;
    int fd = connect_to(argv[2], stream ? SOCK_STREAM : SOCK_DGRAM);
    double start = seconds_now();
    if (stream) {
        send_stream(fd, count, SYSLOG_HEAD);
    } else {
        send_datagrams(fd, count, native ? NATIVE_HEAD : SYSLOG_HEAD, native);
    }
    wait_until_taken(fd);
    if (argc == 5) {
        wait_until_written(argv[4], count);
    }
    printf("%.6f\n", seconds_now() - start);
    close(fd);
    return 0;
}
