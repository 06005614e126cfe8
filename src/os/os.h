/* SPDX-License-Identifier: MIT */
/* Everything that the store asks of the operating system.  os_posix.c implements it; the tests
   link os_fault.c instead, which fails or kills at a chosen call.  Results are 0 or a count on
   success and -errno on failure; EINTR and short transfers never reach the caller. */
#ifndef PP_OS_H
#define PP_OS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PP_OS_NAME_BYTES = 256 };

/* Files and folders.  dir is a folder's descriptor or PP_OS_CWD; names are relative to it. */
enum { PP_OS_CWD = -100 };
enum pp_os_open_mode {
    PP_OS_READ,          /* must exist */
    PP_OS_READ_WRITE,    /* must exist */
    PP_OS_CREATE,        /* must not exist; mode 0640: logs are not for everybody */
    PP_OS_CREATE_SECRET, /* must not exist; mode 0600 */
    PP_OS_DIRECT,        /* must exist; writes go past the page cache, see below */
    PP_OS_READ_FOLLOW    /* must exist; for files that a user names: pipes and links are fine */
};
/* No mode but PP_OS_READ_FOLLOW follows a symbolic link (-ELOOP) or waits for a pipe's writer. */
int pp_os_open(int dir, const char *name, enum pp_os_open_mode mode);
/* PP_OS_DIRECT: place and length of each write, and the memory it comes from, are multiples of
   PP_OS_BLOCK_BYTES.  It still needs pp_os_sync_data to be durable.  -EINVAL where the file system
   can't do that, or does not say that it can. */
enum { PP_OS_BLOCK_BYTES = 4096 };
int pp_os_open_dir(int dir, const char *name);
void pp_os_close(int fd);
/* 0 also when the folder exists already; private: mode 0700, else 0750. */
int pp_os_make_dir(int dir, const char *name, bool private_dir);
int pp_os_rename(int dir, const char *from, const char *to);
int pp_os_remove(int dir, const char *name);
int pp_os_symlink(int dir, const char *target, const char *name);
/* Size of a regular file, or -errno. */
int64_t pp_os_size(int fd);
/* 1 when nobody but the owner may read or write the file, 0 when others may, or -errno. */
int pp_os_is_private(int fd);

/* The names in a folder, sorted; "." and ".." left out.  The caller frees with pp_os_free_names. */
struct pp_os_names {
    char (*name)[PP_OS_NAME_BYTES];
    size_t count;
};
int pp_os_list(int dir, struct pp_os_names *names);
void pp_os_free_names(struct pp_os_names *names);

/* Whole transfers.  Reading returns the bytes read, fewer than n only at the end of the file. */
int64_t pp_os_read_at(int fd, void *buf, size_t n, uint64_t offset);
int pp_os_write_at(int fd, const void *buf, size_t n, uint64_t offset);

/* What a name or a descriptor stands for. */
enum pp_os_kind { PP_OS_FILE, PP_OS_DIR, PP_OS_LINK, PP_OS_OTHER };
struct pp_os_attributes {
    enum pp_os_kind kind;
    uint32_t mode; /* permission bits, 07777 at most */
    uint32_t owner;
    uint64_t bytes, bytes_on_disk; /* fewer on the disk: there are holes */
    uint64_t device, inode;
    int64_t modified_ns, changed_ns; /* since 1970 UTC: of contents; of contents or attributes */
};
int pp_os_status(int fd, struct pp_os_attributes *attributes);
/* Follows no symbolic link. */
int pp_os_status_at(int dir, const char *name, struct pp_os_attributes *attributes);
int pp_os_set_mode(int fd, uint32_t mode);
int pp_os_set_modified(int fd, int64_t modified_ns);
/* Of a link itself too. */
int pp_os_set_modified_at(int dir, const char *name, int64_t modified_ns);
/* Owner, group, access lists, other extended attributes and permissions of one file to another.
   What this process may not set is left as it is, but then nobody else gains a permission. */
int pp_os_copy_permissions(int from, int to);
/* The first byte from offset on that may be other than a hole's 0; and the first that is in a hole.
   The size of the file when there is none. */
int64_t pp_os_next_data(int fd, uint64_t offset);
int64_t pp_os_next_hole(int fd, uint64_t offset);
/* Reserves the blocks of a range, also behind the end, and changes no byte and no size: writes
   there then find room.  0 where the file system can't reserve. */
int pp_os_reserve(int fd, uint64_t offset, uint64_t bytes);
/* Gives the blocks of a range of zeros back to the file system; a hint, which changes no byte. */
void pp_os_make_hole(int fd, uint64_t offset, uint64_t bytes);
/* Both names are there before and after, each with what the other had: no moment between. */
int pp_os_exchange(int dir, const char *name, const char *other);
int pp_os_link(int from_dir, const char *from, int to_dir, const char *to);
/* The target of a symbolic link, NUL-terminated; -ENAMETOOLONG when out has no room for it. */
int pp_os_read_link(int dir, const char *name, char *out, size_t cap);
int pp_os_remove_dir(int dir, const char *name);

/* Durability.  After any failure of these the caller stops for good (fail-stop). */
int pp_os_sync_data(int fd); /* fdatasync: contents, and the size that reads need */
int pp_os_sync(int fd);      /* fsync: also for folders */
/* Reserves bytes on the disk and extends the file with zeros; falls back to ftruncate where the
   file system can't reserve. */
int pp_os_preallocate(int fd, uint64_t bytes);
int pp_os_truncate(int fd, uint64_t bytes);

/* The exclusive lock of one open descriptor: between processes and between threads.
   0, or -EWOULDBLOCK when another descriptor holds it.  Closing releases it. */
int pp_os_lock(int fd);
/* Tries again for 200 ms: a reader that asks whether a writer is there holds the lock for an
 * instant.
 */
int pp_os_lock_patiently(int fd);
/* 1 when another descriptor holds that lock, 0, or -errno.  Two that ask don't see each other. */
int pp_os_is_locked(int fd);

/* A read-only map of the whole file; *bytes is its size and may be 0 with *data NULL. */
int pp_os_map(int fd, const uint8_t **data, size_t *bytes);
/* The same, as a copy in this process's memory: what others write to the file meanwhile does not
   show.  pp_os_unmap frees it.  -EIO when the file gets shorter. */
int pp_os_load(int fd, const uint8_t **data, size_t *bytes);
/* From now on, a mapped byte that is not there any more (the file was made shorter, or its disk
   fails) ends the process with this message on standard error and this exit code, not by SIGBUS:
   no verdict was reached.  Nothing is cleaned up, as after kill -9.  For programs, not for the
   library's users.  message lives as long as the process.  0 or -errno. */
int pp_os_end_on_map_fault(const char *message, int exit_code);
void pp_os_unmap(const uint8_t *data, size_t bytes);

/* Streams: standard input and output, pipes, sockets.  Reading is one transfer: the bytes read, 0
   at the end, -EAGAIN when the descriptor does not block and has nothing yet. */
int64_t pp_os_read(int fd, void *buf, size_t n);
/* The whole of it; waits where the descriptor itself would not. */
int pp_os_write(int fd, const void *buf, size_t n);
/* 1 when a read would not wait (data, end or error), 0 when the time was up or a signal came, or
   -errno.  A negative timeout waits without end. */
int pp_os_wait_readable(int fd, int timeout_ms);

/* Clocks: nanoseconds since 1970 UTC, nanoseconds of the monotonic clock, this boot's id. */
struct pp_os_clock {
    uint64_t realtime_ns, monotonic_ns;
    uint8_t boot_id[16];
};
void pp_os_clock_read(struct pp_os_clock *clock);

/* Random bytes from the kernel; 0 or -errno. */
int pp_os_random(void *buf, size_t n);

/* Memory for secrets: locked, left out of core dumps, wiped in a forked child; NULL when there is
   none.  pp_os_secret_free erases it first. */
void *pp_os_secret_alloc(size_t bytes);
void pp_os_secret_free(void *memory, size_t bytes);
/* A large work buffer, zeroed, on huge pages where there are some: thousands of first-touch page
   faults less.  NULL when there is no memory; bytes is the same for both calls. */
void *pp_os_buffer_alloc(size_t bytes);
void pp_os_buffer_free(void *memory, size_t bytes);
/* No core dumps and no ptrace by other users for this process; 0 or -errno. */
int pp_os_harden_process(void);

/* This host's name, NUL-terminated; -ENAMETOOLONG when out has no room for it. */
int pp_os_host_name(char *out, size_t cap);

/* Processors that this process may run on, at least 1. */
unsigned pp_os_cpu_count(void);

#endif
