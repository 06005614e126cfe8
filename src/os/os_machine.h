/* SPDX-License-Identifier: MIT */
/* What `postproof doctor` asks about the machine.  Results are 0 on success, -errno on failure. */
#ifndef PP_OS_MACHINE_H
#define PP_OS_MACHINE_H

#include <stddef.h>
#include <stdint.h>

/* Bytes that this process may lock in memory; UINT64_MAX: no limit. */
int pp_os_memory_lock_limit(uint64_t *bytes);
/* 1 when this process leaves no core dump, 0 when it may, or -errno. */
int pp_os_core_dumps_are_off(void);
/* Bytes free for this user on the file system of path. */
int pp_os_free_space(const char *path, uint64_t *bytes);
/* When the file's content last changed, nanoseconds since 1970 UTC. */
int pp_os_modified_ns(int fd, uint64_t *time_ns);
/* 1 when the kernel says that something keeps its clock right, 0 when not, or -errno. */
int pp_os_clock_is_synchronized(void);
/* The kernel's release and the machine's kind ("6.1.0-9", "x86_64") into two buffers of cap. */
int pp_os_kernel(char *release, char *machine, size_t cap);
/* 1 when the file or folder exists, 0 when it does not, or -errno. */
int pp_os_exists(const char *path);

#endif
