/* SPDX-License-Identifier: MIT */
/* Limits, free space and file times, as os_machine.h asks for them, on Linux. */
#include "os_machine.h"

#include <errno.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/timex.h>
#include <sys/utsname.h>

int pp_os_memory_lock_limit(uint64_t *bytes)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_MEMLOCK, &limit) < 0)
        return -errno;
    *bytes = limit.rlim_cur == RLIM_INFINITY ? UINT64_MAX : limit.rlim_cur;
    return 0;
}

int pp_os_core_dumps_are_off(void)
{
    struct rlimit limit;
    int dumpable = prctl(PR_GET_DUMPABLE, 0, 0, 0, 0);

    if (dumpable < 0 || getrlimit(RLIMIT_CORE, &limit) < 0)
        return -errno;
    return dumpable == 0 || limit.rlim_cur == 0;
}

int pp_os_free_space(const char *path, uint64_t *bytes)
{
    struct statvfs found;

    if (statvfs(path, &found) < 0)
        return -errno;
    *bytes = (uint64_t)found.f_bavail * found.f_frsize;
    return 0;
}

int pp_os_modified_ns(int fd, uint64_t *time_ns)
{
    struct stat found;

    if (fstat(fd, &found) < 0)
        return -errno;
    if (found.st_mtim.tv_sec < 0)
        return -ERANGE;
    *time_ns =
        (uint64_t)found.st_mtim.tv_sec * UINT64_C(1000000000) + (uint64_t)found.st_mtim.tv_nsec;
    return 0;
}

int pp_os_clock_is_synchronized(void)
{
    struct timex state = {0};
    int result = adjtimex(&state);

    if (result < 0)
        return -errno;
    return result != TIME_ERROR;
}

int pp_os_kernel(char *release, char *machine, size_t cap)
{
    struct utsname names;

    if (uname(&names) < 0)
        return -errno;
    if (strlen(names.release) >= cap || strlen(names.machine) >= cap)
        return -ENAMETOOLONG;
    strcpy(release, names.release);
    strcpy(machine, names.machine);
    return 0;
}

int pp_os_exists(const char *path)
{
    struct stat found;

    if (lstat(path, &found) == 0)
        return 1;
    return errno == ENOENT || errno == ENOTDIR ? 0 : -errno;
}
