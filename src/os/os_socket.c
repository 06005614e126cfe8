/* SPDX-License-Identifier: MIT */
/* Unix datagram sockets, as os_socket.h asks for them, on Linux. */
#include "os_socket.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static bool is_socket(const char *path)
{
    struct stat found;

    return lstat(path, &found) == 0 && S_ISSOCK(found.st_mode);
}

/* Whether path is a socket whose owner is gone, as a killed process leaves it behind. */
static bool is_abandoned(const char *path, const struct sockaddr_un *address)
{
    if (!is_socket(path))
        return false;
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return false;
    int result = connect(fd, (const struct sockaddr *)address, sizeof *address);
    bool refused = result < 0 && errno == ECONNREFUSED;
    close(fd);
    return refused;
}

static int bind_to(int fd, const char *path, const struct sockaddr_un *address)
{
    const struct sockaddr *generic = (const struct sockaddr *)address;

    if (bind(fd, generic, sizeof *address) == 0)
        return 0;
    if (errno != EADDRINUSE)
        return -errno;
    if (!is_abandoned(path, address))
        return -EADDRINUSE;
    if (unlink(path) < 0 || bind(fd, generic, sizeof *address) < 0)
        return -errno;
    return 0;
}

int pp_os_socket_open(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t len = strlen(path);

    if (len >= sizeof address.sun_path)
        return -ENAMETOOLONG;
    memcpy(address.sun_path, path, len);
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -errno;
    int error = bind_to(fd, path, &address);
    if (error < 0) {
        close(fd);
        return error;
    }
    return fd;
}

int64_t pp_os_socket_receive(int fd, void *buf, size_t cap)
{
    ssize_t got = TEMP_FAILURE_RETRY(recv(fd, buf, cap, MSG_DONTWAIT | MSG_TRUNC));
    return got < 0 ? -errno : got;
}

void pp_os_socket_close(int fd, const char *path)
{
    close(fd);
    if (is_socket(path))
        unlink(path);
}
