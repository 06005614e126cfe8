/* SPDX-License-Identifier: MIT */
/* Attributes, holes and links of files for os.h on Linux. */
#include "os.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

enum { PERMISSION_BITS = 07777, NS_PER_S = 1000000000, BLOCK_BYTES = 512 };

static int result_of(int returned)
{
    return returned < 0 ? -errno : 0;
}

/* ---- Status --------------------------------------------------------------------------------- */

static int64_t to_ns(struct timespec time)
{
    return (int64_t)time.tv_sec * NS_PER_S + time.tv_nsec;
}

static enum pp_os_kind kind_of(mode_t mode)
{
    if (S_ISREG(mode))
        return PP_OS_FILE;
    if (S_ISDIR(mode))
        return PP_OS_DIR;
    return S_ISLNK(mode) ? PP_OS_LINK : PP_OS_OTHER;
}

static void fill(const struct stat *from, struct pp_os_attributes *attributes)
{
    *attributes =
        (struct pp_os_attributes){.kind = kind_of(from->st_mode),
                                  .mode = from->st_mode & PERMISSION_BITS,
                                  .owner = from->st_uid,
                                  .bytes = (uint64_t)from->st_size,
                                  .bytes_on_disk = (uint64_t)from->st_blocks * BLOCK_BYTES,
                                  .device = from->st_dev,
                                  .inode = from->st_ino,
                                  .modified_ns = to_ns(from->st_mtim),
                                  .changed_ns = to_ns(from->st_ctim)};
}

int pp_os_status(int fd, struct pp_os_attributes *attributes)
{
    struct stat found;
    if (fstat(fd, &found) < 0)
        return -errno;
    fill(&found, attributes);
    return 0;
}

int pp_os_status_at(int dir, const char *name, struct pp_os_attributes *attributes)
{
    struct stat found;
    if (fstatat(dir, name, &found, AT_SYMLINK_NOFOLLOW) < 0)
        return -errno;
    fill(&found, attributes);
    return 0;
}

int pp_os_set_mode(int fd, uint32_t mode)
{
    return result_of(fchmod(fd, mode & PERMISSION_BITS));
}

/* The time of the last access stays. */
static void modified_times(int64_t modified_ns, struct timespec times[2])
{
    int64_t ns = modified_ns % NS_PER_S, s = modified_ns / NS_PER_S;
    if (ns < 0) {
        ns += NS_PER_S;
        s--;
    }
    times[0] = (struct timespec){.tv_nsec = UTIME_OMIT};
    times[1] = (struct timespec){.tv_sec = s, .tv_nsec = (long)ns};
}

int pp_os_set_modified(int fd, int64_t modified_ns)
{
    struct timespec times[2];
    modified_times(modified_ns, times);
    return result_of(futimens(fd, times));
}

int pp_os_set_modified_at(int dir, const char *name, int64_t modified_ns)
{
    struct timespec times[2];
    modified_times(modified_ns, times);
    return result_of(utimensat(dir, name, times, AT_SYMLINK_NOFOLLOW));
}

/* ---- Permissions ---------------------------------------------------------------------------- */

static bool is_refusal(int error)
{
    return error == EPERM || error == EACCES || error == ENOTSUP || error == EINVAL;
}

static int copy_one_attribute(int from, int to, const char *name)
{
    char value[XATTR_SIZE_MAX];
    ssize_t len = fgetxattr(from, name, value, sizeof value);
    if (len >= 0 && fsetxattr(to, name, value, (size_t)len, 0) == 0)
        return 0;
    return is_refusal(errno) || errno == ENODATA ? 0 : -errno;
}

static int copy_attributes(int from, int to)
{
    char names[XATTR_LIST_MAX];
    ssize_t len = flistxattr(from, names, sizeof names);
    if (len < 0)
        return is_refusal(errno) ? 0 : -errno;
    int result = 0;
    for (ssize_t at = 0; at < len && result == 0; at += (ssize_t)strlen(names + at) + 1)
        result = copy_one_attribute(from, to, names + at);
    return result;
}

int pp_os_copy_permissions(int from, int to)
{
    struct stat status;
    if (fstat(from, &status) < 0)
        return -errno;
    mode_t mode = status.st_mode & PERMISSION_BITS;
    /* Another group's permissions are for that group, and set-id bits for that owner. */
    if (fchown(to, (uid_t)-1, status.st_gid) < 0) {
        if (!is_refusal(errno))
            return -errno;
        mode &= ~(mode_t)(S_IRWXG | S_ISGID);
    }
    if (fchown(to, status.st_uid, (gid_t)-1) < 0) {
        if (!is_refusal(errno))
            return -errno;
        mode &= ~(mode_t)S_ISUID;
    }
    int result = copy_attributes(from, to);
    return result < 0 ? result : result_of(fchmod(to, mode));
}

/* ---- Holes ---------------------------------------------------------------------------------- */

static int64_t seek(int fd, uint64_t offset, int whence)
{
    if (offset > INT64_MAX)
        return -EFBIG;
    off_t found = lseek(fd, (off_t)offset, whence);
    if (found >= 0)
        return found;
    if (errno == ENXIO) /* behind the last of them */
        return pp_os_size(fd);
    /* A file system that knows no holes: all of it is data. */
    if (errno != EINVAL && errno != EOPNOTSUPP)
        return -errno;
    return whence == SEEK_DATA ? (int64_t)offset : pp_os_size(fd);
}

int64_t pp_os_next_data(int fd, uint64_t offset)
{
    return seek(fd, offset, SEEK_DATA);
}

int64_t pp_os_next_hole(int fd, uint64_t offset)
{
    return seek(fd, offset, SEEK_HOLE);
}

int pp_os_reserve(int fd, uint64_t offset, uint64_t bytes)
{
    if (offset > INT64_MAX || bytes > INT64_MAX - offset)
        return -EFBIG;
    if (bytes == 0)
        return 0;
    int result = result_of(
        TEMP_FAILURE_RETRY(fallocate(fd, FALLOC_FL_KEEP_SIZE, (off_t)offset, (off_t)bytes)));
    return result == -EOPNOTSUPP || result == -ENOSYS ? 0 : result;
}

void pp_os_make_hole(int fd, uint64_t offset, uint64_t bytes)
{
    if (offset <= INT64_MAX && bytes <= INT64_MAX)
        (void)fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)offset,
                        (off_t)bytes);
}

/* ---- Names ---------------------------------------------------------------------------------- */

int pp_os_exchange(int dir, const char *name, const char *other)
{
    return result_of(renameat2(dir, name, dir, other, RENAME_EXCHANGE));
}

int pp_os_link(int from_dir, const char *from, int to_dir, const char *to)
{
    return result_of(linkat(from_dir, from, to_dir, to, 0));
}

int pp_os_read_link(int dir, const char *name, char *out, size_t cap)
{
    ssize_t len = readlinkat(dir, name, out, cap);
    if (len < 0)
        return -errno;
    if ((size_t)len >= cap)
        return -ENAMETOOLONG;
    out[len] = '\0';
    return 0;
}

int pp_os_remove_dir(int dir, const char *name)
{
    return result_of(unlinkat(dir, name, AT_REMOVEDIR));
}
