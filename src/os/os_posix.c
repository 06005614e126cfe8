/* SPDX-License-Identifier: MIT */
/* Files and folders of os.h on Linux; os_posix_system.c has everything else. */
#include "os.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

_Static_assert(PP_OS_CWD == AT_FDCWD, "folders are passed to the kernel as they are");
_Static_assert(sizeof(off_t) == 8, "segments and offsets need 64 bits");

/* Linux moves at most 0x7ffff000 bytes in one call; a round number below that. */
static const size_t transfer_bytes_max = (size_t)1 << 30;

/* ---- Opening -------------------------------------------------------------------------------- */

static int open_flags(enum pp_os_open_mode mode)
{
    /* O_NONBLOCK changes nothing for regular files, and keeps a pipe that somebody put in a
       file's place from holding up the open. */
    const int own = O_CLOEXEC | O_NOCTTY | O_NOFOLLOW | O_NONBLOCK;

    switch (mode) {
    case PP_OS_READ:
        return own | O_RDONLY;
    case PP_OS_READ_WRITE:
        return own | O_RDWR;
    case PP_OS_CREATE:
    case PP_OS_CREATE_SECRET:
        return own | O_RDWR | O_CREAT | O_EXCL;
    case PP_OS_DIRECT:
        return own | O_RDWR | O_DIRECT;
    case PP_OS_READ_FOLLOW:
        return O_CLOEXEC | O_NOCTTY | O_RDONLY;
    }
    return -1;
}

static int result_of(int returned)
{
    return returned < 0 ? -errno : returned;
}

/* Whether direct writes in blocks of PP_OS_BLOCK_BYTES are fine. */
static bool takes_blocks(int fd)
{
    struct statx status;
    if (statx(fd, "", AT_EMPTY_PATH, STATX_DIOALIGN, &status) < 0 ||
        (status.stx_mask & STATX_DIOALIGN) == 0)
        return false;
    uint32_t place = status.stx_dio_offset_align, memory = status.stx_dio_mem_align;
    return place != 0 && memory != 0 && PP_OS_BLOCK_BYTES % place == 0 &&
           PP_OS_BLOCK_BYTES % memory == 0;
}

int pp_os_open(int dir, const char *name, enum pp_os_open_mode mode)
{
    int flags = open_flags(mode);

    if (flags < 0)
        return -EINVAL;
    mode_t permissions = mode == PP_OS_CREATE_SECRET ? 0600 : 0640;
    int fd = result_of(TEMP_FAILURE_RETRY(openat(dir, name, flags, permissions)));
    if (mode != PP_OS_DIRECT || fd < 0 || takes_blocks(fd))
        return fd;
    pp_os_close(fd);
    return -EINVAL;
}

int pp_os_open_dir(int dir, const char *name)
{
    const int flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;
    return result_of(TEMP_FAILURE_RETRY(openat(dir, name, flags)));
}

void pp_os_close(int fd)
{
    /* Linux has released the descriptor even when close reports EINTR: never a second try. */
    if (fd >= 0)
        close(fd);
}

/* ---- Folders -------------------------------------------------------------------------------- */

static int require_dir(int dir, const char *name)
{
    struct stat status;

    if (fstatat(dir, name, &status, 0) < 0)
        return -errno;
    return S_ISDIR(status.st_mode) ? 0 : -ENOTDIR;
}

int pp_os_make_dir(int dir, const char *name, bool private_dir)
{
    if (mkdirat(dir, name, private_dir ? 0700 : 0750) == 0)
        return 0;
    return errno == EEXIST ? require_dir(dir, name) : -errno;
}

int pp_os_rename(int dir, const char *from, const char *to)
{
    return result_of(renameat(dir, from, dir, to));
}

int pp_os_remove(int dir, const char *name)
{
    return result_of(unlinkat(dir, name, 0));
}

int pp_os_symlink(int dir, const char *target, const char *name)
{
    return result_of(symlinkat(target, dir, name));
}

static int add_name(struct pp_os_names *names, size_t *room, const char *name)
{
    size_t len = strlen(name);

    if (len >= PP_OS_NAME_BYTES)
        return -ENAMETOOLONG;
    if (names->count == *room) {
        size_t more = *room == 0 ? 16 : *room * 2;
        void *grown = reallocarray(names->name, more, PP_OS_NAME_BYTES);
        if (grown == NULL)
            return -ENOMEM;
        names->name = grown;
        *room = more;
    }
    memcpy(names->name[names->count], name, len + 1);
    names->count++;
    return 0;
}

static int read_names(DIR *stream, struct pp_os_names *names)
{
    size_t room = 0;

    for (;;) {
        errno = 0;
        const struct dirent *entry = readdir(stream);
        if (entry == NULL)
            return -errno;
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        int error = add_name(names, &room, entry->d_name);
        if (error < 0)
            return error;
    }
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(a, b);
}

int pp_os_list(int dir, struct pp_os_names *names)
{
    *names = (struct pp_os_names){NULL, 0};
    /* A descriptor of its own, so that the caller's keeps its position. */
    int fd = pp_os_open_dir(dir, ".");
    if (fd < 0)
        return fd;
    DIR *stream = fdopendir(fd);
    if (stream == NULL) {
        int error = -errno;
        pp_os_close(fd);
        return error;
    }
    int error = read_names(stream, names);
    closedir(stream);
    if (error < 0)
        pp_os_free_names(names);
    else if (names->count > 1)
        qsort(names->name, names->count, PP_OS_NAME_BYTES, compare_names);
    return error;
}

void pp_os_free_names(struct pp_os_names *names)
{
    free(names->name);
    *names = (struct pp_os_names){NULL, 0};
}

/* ---- One file ------------------------------------------------------------------------------- */

int64_t pp_os_size(int fd)
{
    struct stat status;

    if (fstat(fd, &status) < 0)
        return -errno;
    return S_ISREG(status.st_mode) ? (int64_t)status.st_size : -EINVAL;
}

int pp_os_is_private(int fd)
{
    struct stat status;

    if (fstat(fd, &status) < 0)
        return -errno;
    return (status.st_mode & (S_IRGRP | S_IWGRP | S_IROTH | S_IWOTH)) == 0;
}

static bool range_fits(size_t n, uint64_t offset)
{
    return offset <= INT64_MAX && n <= INT64_MAX - offset;
}

int64_t pp_os_read_at(int fd, void *buf, size_t n, uint64_t offset)
{
    uint8_t *to = buf;
    size_t done = 0;

    if (!range_fits(n, offset))
        return -EINVAL;
    while (done < n) {
        size_t want = n - done < transfer_bytes_max ? n - done : transfer_bytes_max;
        ssize_t got = TEMP_FAILURE_RETRY(pread(fd, to + done, want, (off_t)(offset + done)));
        if (got < 0)
            return -errno;
        if (got == 0)
            break;
        done += (size_t)got;
    }
    return (int64_t)done;
}

int pp_os_write_at(int fd, const void *buf, size_t n, uint64_t offset)
{
    const uint8_t *from = buf;
    size_t done = 0;

    if (!range_fits(n, offset))
        return -EFBIG;
    while (done < n) {
        size_t want = n - done < transfer_bytes_max ? n - done : transfer_bytes_max;
        ssize_t put = TEMP_FAILURE_RETRY(pwrite(fd, from + done, want, (off_t)(offset + done)));
        if (put < 0)
            return -errno;
        /* No progress and no reason: stop rather than spin. */
        if (put == 0)
            return -EIO;
        done += (size_t)put;
    }
    return 0;
}

int pp_os_sync_data(int fd)
{
    return result_of(TEMP_FAILURE_RETRY(fdatasync(fd)));
}

int pp_os_sync(int fd)
{
    return result_of(TEMP_FAILURE_RETRY(fsync(fd)));
}

static int extend(int fd, uint64_t bytes)
{
    int64_t size = pp_os_size(fd);

    if (size < 0)
        return (int)size;
    return (uint64_t)size >= bytes ? 0 : pp_os_truncate(fd, bytes);
}

int pp_os_preallocate(int fd, uint64_t bytes)
{
    if (bytes == 0)
        return 0;
    if (bytes > INT64_MAX)
        return -EFBIG;
    int error = result_of(TEMP_FAILURE_RETRY(fallocate(fd, 0, 0, (off_t)bytes)));
    if (error == -EOPNOTSUPP || error == -ENOSYS)
        return extend(fd, bytes);
    return error;
}

int pp_os_truncate(int fd, uint64_t bytes)
{
    if (bytes > INT64_MAX)
        return -EFBIG;
    return result_of(TEMP_FAILURE_RETRY(ftruncate(fd, (off_t)bytes)));
}

int pp_os_lock(int fd)
{
    return result_of(TEMP_FAILURE_RETRY(flock(fd, LOCK_EX | LOCK_NB)));
}

int pp_os_is_locked(int fd)
{
    int result = result_of(TEMP_FAILURE_RETRY(flock(fd, LOCK_SH | LOCK_NB)));
    if (result == 0)
        result = result_of(flock(fd, LOCK_UN));
    return result == -EWOULDBLOCK ? 1 : result;
}

int pp_os_lock_patiently(int fd)
{
    enum { TRIES = 20 };
    static const struct timespec pause = {.tv_nsec = 10 * 1000 * 1000};
    int result = pp_os_lock(fd);
    for (int i = 1; i < TRIES && result == -EWOULDBLOCK; i++) {
        (void)nanosleep(&pause, NULL);
        result = pp_os_lock(fd);
    }
    return result;
}

/* The file's size, if memory can hold it. */
static int size_in_memory(int fd, size_t *bytes)
{
    int64_t size = pp_os_size(fd);

    if (size < 0)
        return (int)size;
    if ((uint64_t)size > SIZE_MAX)
        return -EFBIG;
    *bytes = (size_t)size;
    return 0;
}

int pp_os_map(int fd, const uint8_t **data, size_t *bytes)
{
    size_t size = 0;
    void *map = NULL;
    int result = size_in_memory(fd, &size);

    if (result < 0)
        return result;
    if (size > 0) {
        map = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);
        if (map == MAP_FAILED)
            return -errno;
    }
    *data = map;
    *bytes = size;
    return 0;
}

static int read_whole(int fd, uint8_t *data, size_t bytes)
{
    for (size_t done = 0; done < bytes;) {
        int64_t n = pp_os_read_at(fd, data + done, bytes - done, done);
        if (n <= 0)
            return n < 0 ? (int)n : -EIO;
        done += (size_t)n;
    }
    return 0;
}

int pp_os_load(int fd, const uint8_t **data, size_t *bytes)
{
    size_t size = 0;
    void *copy = NULL;
    int result = size_in_memory(fd, &size);

    if (result < 0)
        return result;
    if (size > 0) {
        copy = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (copy == MAP_FAILED)
            return -errno;
        result = read_whole(fd, copy, size);
        if (result < 0) {
            munmap(copy, size);
            return result;
        }
    }
    *data = copy;
    *bytes = size;
    return 0;
}

void pp_os_unmap(const uint8_t *data, size_t bytes)
{
    /* munmap takes no const pointer; the union keeps the warning for casts that matter. */
    union {
        const uint8_t *in;
        void *out;
    } pointer = {.in = data};

    if (bytes > 0)
        munmap(pointer.out, bytes);
}
