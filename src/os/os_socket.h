/* SPDX-License-Identifier: MIT */
/* Unix datagram sockets, on which programs such as logger(1) leave their messages.  Results are 0
   or a count on success and -errno on failure. */
#ifndef PP_OS_SOCKET_H
#define PP_OS_SOCKET_H

#include <stddef.h>
#include <stdint.h>

/* Makes a socket at path and returns its descriptor.  A socket that nobody listens on any more is
   replaced; -EADDRINUSE when somebody does, or when path is something else; -ENAMETOOLONG. */
int pp_os_socket_open(const char *path);
/* One waiting datagram into buf; returns the length that it had, of which at most cap bytes are
   there and the rest is gone.  -EAGAIN when none waits. */
int64_t pp_os_socket_receive(int fd, void *buf, size_t cap);
/* Closes and removes what pp_os_socket_open made. */
void pp_os_socket_close(int fd, const char *path);

#endif
