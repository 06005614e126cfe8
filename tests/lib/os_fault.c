/* SPDX-License-Identifier: MIT */
/* os_posix.c with a fault in front of each call that touches the file system. */
#include "os_fault.h"

#include <pthread.h>
#include <signal.h>
#include <sys/syscall.h>
#include <time.h>

#include "../../src/os/os.h"

/* The real calls under other names; private to this file, like everything that os_posix.c holds. */
static __typeof__(pp_os_open) real_open;
static __typeof__(pp_os_open_dir) real_open_dir;
static __typeof__(pp_os_make_dir) real_make_dir;
static __typeof__(pp_os_rename) real_rename;
static __typeof__(pp_os_remove) real_remove;
static __typeof__(pp_os_symlink) real_symlink;
static __typeof__(pp_os_list) real_list;
static __typeof__(pp_os_read_at) real_read_at;
static __typeof__(pp_os_write_at) real_write_at;
static __typeof__(pp_os_sync_data) real_sync_data;
static __typeof__(pp_os_sync) real_sync;
static __typeof__(pp_os_preallocate) real_preallocate;
static __typeof__(pp_os_truncate) real_truncate;
static __typeof__(pp_os_map) real_map;
static __typeof__(pp_os_load) real_load;
static __typeof__(pp_os_close) real_close;

#define pp_os_open real_open
#define pp_os_open_dir real_open_dir
#define pp_os_make_dir real_make_dir
#define pp_os_rename real_rename
#define pp_os_remove real_remove
#define pp_os_symlink real_symlink
#define pp_os_list real_list
#define pp_os_read_at real_read_at
#define pp_os_write_at real_write_at
#define pp_os_sync_data real_sync_data
#define pp_os_sync real_sync
#define pp_os_preallocate real_preallocate
#define pp_os_truncate real_truncate
#define pp_os_map real_map
#define pp_os_load real_load
#define pp_os_close real_close
#include "../../src/os/os_posix.c"
#undef pp_os_open
#undef pp_os_open_dir
#undef pp_os_make_dir
#undef pp_os_rename
#undef pp_os_remove
#undef pp_os_symlink
#undef pp_os_list
#undef pp_os_read_at
#undef pp_os_write_at
#undef pp_os_sync_data
#undef pp_os_sync
#undef pp_os_preallocate
#undef pp_os_truncate
#undef pp_os_map
#undef pp_os_load
#undef pp_os_close

/* One lock around each whole call: the order of calls is then that of their effects. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct pp_fault armed;
static uint64_t calls, strikes, random_state;
static const char *last_call = "";
static bool halted;
static _Atomic int64_t clock_shift_ns;

/* ---- Randomness: splitmix64, so that a seed repeats a run ----------------------------------- */

static uint64_t next_random(void)
{
    uint64_t z = random_state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static bool coin(void)
{
    return (next_random() >> 63) != 0;
}

/* Bytes from offset up to the end of its sector, at most n. */
static size_t sector_part(size_t n, uint64_t offset)
{
    size_t part = PP_FAULT_SECTOR_BYTES - (size_t)(offset % PP_FAULT_SECTOR_BYTES);
    return part < n ? part : n;
}

/* Writes each sector of a range, or not. */
static void write_some_sectors(int fd, const uint8_t *data, size_t n, uint64_t offset)
{
    for (size_t done = 0; done < n;) {
        size_t part = sector_part(n - done, offset + done);
        if (coin())
            (void)real_write_at(fd, data + done, part, offset + done);
        done += part;
    }
}

/* ---- What a power cut could still undo ------------------------------------------------------ */

struct unsynced {
    struct unsynced *earlier;
    dev_t device;
    ino_t inode;
    int fd; /* an open file description of its own: shares no lock with the caller's */
    uint64_t offset;
    size_t n;
    bool lost; /* its sync failed: only writing it again helps */
    uint8_t old[];
};
static struct unsynced *latest;

static void forget(struct unsynced *write)
{
    close(write->fd);
    free(write);
}

static void forget_all(void)
{
    while (latest != NULL) {
        struct unsynced *write = latest;
        latest = write->earlier;
        forget(write);
    }
}

/* A test that can't keep its own books must not go on. */
static void require(bool condition)
{
    if (!condition)
        abort();
}

static bool is_of(const struct unsynced *write, const struct stat *status)
{
    return write->device == status->st_dev && write->inode == status->st_ino;
}

static struct unsynced *new_record(int fd, size_t n, uint64_t offset)
{
    struct stat status;
    char path[64];

    require(fstat(fd, &status) == 0);
    struct unsynced *write = calloc(1, sizeof *write + n);
    require(write != NULL);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    write->fd = open(path, O_RDWR | O_CLOEXEC);
    require(write->fd >= 0);
    write->device = status.st_dev;
    write->inode = status.st_ino;
    write->offset = offset;
    write->n = n;
    return write;
}

/* A part of a lost write, in its place in the list, before the whole. */
static void keep_part(struct unsynced *write, uint64_t offset, size_t n)
{
    struct unsynced *part = new_record(write->fd, n, offset);
    memcpy(part->old, write->old + (offset - write->offset), n);
    part->lost = true;
    part->earlier = write->earlier;
    write->earlier = part;
}

/* What is written again is dirty again: of lost writes only the rest stays lost. */
static void write_again(int fd, size_t n, uint64_t offset)
{
    struct stat status;
    uint64_t end = offset + n;

    require(fstat(fd, &status) == 0);
    for (struct unsynced *write = latest; write != NULL; write = write->earlier) {
        uint64_t write_end = write->offset + write->n;
        if (!write->lost || !is_of(write, &status) || offset >= write_end || end <= write->offset)
            continue;
        write->lost = false;
        if (write->offset < offset)
            keep_part(write, write->offset, (size_t)(offset - write->offset));
        if (end < write_end)
            keep_part(write, end, (size_t)(write_end - end));
    }
}

static void remember_write(int fd, size_t n, uint64_t offset)
{
    write_again(fd, n, offset);
    struct unsynced *write = new_record(fd, n, offset);
    /* Bytes beyond the end of the file stay zeros. */
    require(real_read_at(fd, write->old, n, offset) >= 0);
    write->earlier = latest;
    latest = write;
}

static void forget_synced(int fd)
{
    struct stat status;

    require(fstat(fd, &status) == 0);
    for (struct unsynced **link = &latest; *link != NULL;) {
        struct unsynced *write = *link;
        if (!is_of(write, &status) || write->lost) {
            link = &write->earlier;
            continue;
        }
        *link = write->earlier;
        forget(write);
    }
}

static void give_up_unsynced(int fd)
{
    struct stat status;

    require(fstat(fd, &status) == 0);
    for (struct unsynced *write = latest; write != NULL; write = write->earlier)
        if (is_of(write, &status))
            write->lost = true;
}

/* Sectors of which the latest write has reached the disk, and with it those before. */
static struct sector {
    dev_t device;
    ino_t inode;
    uint64_t number;
} * settled;
static size_t settled_count, settled_cap;

static bool is_settled(const struct sector *sector)
{
    for (size_t i = 0; i < settled_count; i++)
        if (settled[i].number == sector->number && settled[i].inode == sector->inode &&
            settled[i].device == sector->device)
            return true;
    return false;
}

static void settle(const struct sector *sector)
{
    if (settled_count == settled_cap) {
        settled_cap = 2 * settled_cap + 64;
        settled = realloc(settled, settled_cap * sizeof *settled);
        require(settled != NULL);
    }
    settled[settled_count++] = *sector;
}

static void lose_some_sectors(const struct unsynced *write)
{
    for (size_t done = 0; done < write->n;) {
        uint64_t at = write->offset + done;
        size_t part = sector_part(write->n - done, at);
        struct sector sector = {write->device, write->inode, at / PP_FAULT_SECTOR_BYTES};
        if (!is_settled(&sector)) {
            if (coin())
                settle(&sector);
            else
                (void)real_write_at(write->fd, write->old + done, part, at);
        }
        done += part;
    }
}

/* From the latest write back, so that a sector ends up as some state that it once had: a disk
   writes it whole. */
static void lose_unsynced(void)
{
    settled_count = 0;
    for (struct unsynced *write = latest; write != NULL; write = write->earlier)
        lose_some_sectors(write);
}

/* ---- Striking ------------------------------------------------------------------------------- */

_Noreturn static void die(void)
{
    kill(getpid(), SIGKILL);
    for (;;)
        pause();
}

/* Counts a call; true when the fault strikes it. */
static bool struck(unsigned class, const char *name)
{
    if ((armed.classes & class) == 0)
        return false;
    calls++;
    bool hit = armed.action != PP_FAULT_NONE &&
               (calls == armed.at_call || (armed.lasting && calls > armed.at_call));
    if (hit || strikes == 0)
        last_call = name;
    if (hit)
        strikes++;
    return hit;
}

enum { GO_ON = PP_FAULT_GO_ON, GO_ON_AND_DIE };

/* The fault of a call that has no parts: -errno or how to go on. */
static int strike_whole(void)
{
    switch (armed.action) {
    case PP_FAULT_NONE:
        return GO_ON;
    case PP_FAULT_EIO:
        return -EIO;
    case PP_FAULT_ENOSPC:
    case PP_FAULT_SHORT_WRITE:
        return -ENOSPC;
    case PP_FAULT_KILL_AFTER:
        return GO_ON_AND_DIE;
    case PP_FAULT_POWER_CUT:
        lose_unsynced();
        die();
    case PP_FAULT_KILL_BEFORE:
    case PP_FAULT_KILL_SHORT:
    case PP_FAULT_KILL_SECTORS:
        break;
    }
    die();
}

/* The first blow, before the fault itself. */
static bool fails_early(unsigned class, const char *name)
{
    if (halted)
        return true;
    if ((armed.classes & class) == 0 || armed.fail_at_call == 0 || calls + 1 != armed.fail_at_call)
        return false;
    calls++;
    last_call = name;
    halted = armed.halts;
    return true;
}

int pp_fault_enter(unsigned class, const char *name)
{
    pthread_mutex_lock(&lock);
    if (fails_early(class, name))
        return -EIO;
    return struck(class, name) ? strike_whole() : GO_ON;
}

int64_t pp_fault_leave(int step, int64_t result)
{
    if (step == GO_ON_AND_DIE)
        die();
    pthread_mutex_unlock(&lock);
    return result;
}

static int write_first_bytes(int fd, const void *buf, size_t n, uint64_t offset)
{
    size_t keep = armed.keep_bytes;

    if (keep == PP_FAULT_BY_SEED)
        keep = (size_t)(next_random() % ((uint64_t)n + 1));
    /* A disk that stays full takes no bytes of the later writes. */
    if (strikes > 1)
        keep = 0;
    return real_write_at(fd, buf, keep < n ? keep : n, offset);
}

/* The fault of a write: may have done a part of it. */
static int strike_write(int fd, const void *buf, size_t n, uint64_t offset)
{
    switch (armed.action) {
    case PP_FAULT_SHORT_WRITE:
        (void)write_first_bytes(fd, buf, n, offset);
        return -ENOSPC;
    case PP_FAULT_KILL_SHORT:
        (void)write_first_bytes(fd, buf, n, offset);
        die();
    case PP_FAULT_POWER_CUT:
        remember_write(fd, n, offset);
        (void)real_write_at(fd, buf, n, offset);
        lose_unsynced();
        die();
    case PP_FAULT_KILL_SECTORS:
        write_some_sectors(fd, buf, n, offset);
        die();
    default:
        return strike_whole();
    }
}

/* ---- os.h ----------------------------------------------------------------------------------- */

/* A call that has no parts, of some class, under its name. */
#define CALL(class, name, real_call)                                                               \
    do {                                                                                           \
        int step = pp_fault_enter(class, name);                                                    \
        return (int)pp_fault_leave(step, step < 0 ? step : (real_call));                           \
    } while (0)

int pp_os_open(int dir, const char *name, enum pp_os_open_mode mode)
{
    bool creates = mode == PP_OS_CREATE || mode == PP_OS_CREATE_SECRET;
    /* What this disk keeps of a write is any of its sectors, however small. */
    if (mode == PP_OS_DIRECT)
        mode = PP_OS_READ_WRITE;
    CALL(creates ? PP_FAULT_WRITES : PP_FAULT_READS, "open", real_open(dir, name, mode));
}

int pp_os_open_dir(int dir, const char *name)
{
    CALL(PP_FAULT_READS, "open_dir", real_open_dir(dir, name));
}

int pp_os_make_dir(int dir, const char *name, bool private_dir)
{
    CALL(PP_FAULT_WRITES, "make_dir", real_make_dir(dir, name, private_dir));
}

int pp_os_rename(int dir, const char *from, const char *to)
{
    CALL(PP_FAULT_WRITES, "rename", real_rename(dir, from, to));
}

int pp_os_remove(int dir, const char *name)
{
    CALL(PP_FAULT_WRITES, "remove", real_remove(dir, name));
}

int pp_os_symlink(int dir, const char *target, const char *name)
{
    CALL(PP_FAULT_WRITES, "symlink", real_symlink(dir, target, name));
}

int pp_os_preallocate(int fd, uint64_t bytes)
{
    CALL(PP_FAULT_WRITES, "preallocate", real_preallocate(fd, bytes));
}

int pp_os_truncate(int fd, uint64_t bytes)
{
    CALL(PP_FAULT_WRITES, "truncate", real_truncate(fd, bytes));
}

/* Closing twice may hit a descriptor that another thread has just opened. */
void pp_os_close(int fd)
{
    require(fcntl(fd, F_GETFD) >= 0);
    real_close(fd);
}

int pp_os_list(int dir, struct pp_os_names *names)
{
    *names = (struct pp_os_names){NULL, 0};
    CALL(PP_FAULT_READS, "list", real_list(dir, names));
}

int pp_os_map(int fd, const uint8_t **data, size_t *bytes)
{
    CALL(PP_FAULT_READS, "map", real_map(fd, data, bytes));
}

int pp_os_load(int fd, const uint8_t **data, size_t *bytes)
{
    CALL(PP_FAULT_READS, "load", real_load(fd, data, bytes));
}

int64_t pp_os_read_at(int fd, void *buf, size_t n, uint64_t offset)
{
    int step = pp_fault_enter(PP_FAULT_READS, "read_at");
    return pp_fault_leave(step, step < 0 ? step : real_read_at(fd, buf, n, offset));
}

/* Under the lock that enter has taken: step is what it returned. */
static int sync_with(int (*real)(int fd), int fd, int step)
{
    int result = step < 0 ? step : real(fd);
    if (result == 0)
        forget_synced(fd);
    else if (!halted)
        give_up_unsynced(fd);
    return (int)pp_fault_leave(step, result);
}

int pp_os_sync_data(int fd)
{
    return sync_with(real_sync_data, fd, pp_fault_enter(PP_FAULT_SYNCS, "sync_data"));
}

int pp_os_sync(int fd)
{
    return sync_with(real_sync, fd, pp_fault_enter(PP_FAULT_SYNCS, "sync"));
}

int pp_os_write_at(int fd, const void *buf, size_t n, uint64_t offset)
{
    pthread_mutex_lock(&lock);
    int step = GO_ON;
    if (fails_early(PP_FAULT_WRITES, "write_at"))
        step = -EIO;
    else if (struck(PP_FAULT_WRITES, "write_at"))
        step = strike_write(fd, buf, n, offset);
    if (step < 0)
        return (int)pp_fault_leave(step, step);
    if (armed.action == PP_FAULT_POWER_CUT)
        remember_write(fd, n, offset);
    return (int)pp_fault_leave(step, real_write_at(fd, buf, n, offset));
}

/* ---- The tests' side ------------------------------------------------------------------------ */

void pp_fault_set(struct pp_fault fault)
{
    pthread_mutex_lock(&lock);
    forget_all();
    armed = fault;
    calls = 0;
    strikes = 0;
    halted = false;
    last_call = "";
    random_state = fault.seed;
    pthread_mutex_unlock(&lock);
}

void pp_fault_revive(void)
{
    pthread_mutex_lock(&lock);
    halted = false;
    pthread_mutex_unlock(&lock);
}

void pp_fault_shift_clock(int64_t ns)
{
    clock_shift_ns = ns;
}

/* In front of the C library's: os_posix_system.c is linked as it is. */
int clock_gettime(clockid_t clock, struct timespec *now)
{
    enum { NS_PER_S = 1000000000 };
    int result = (int)syscall(SYS_clock_gettime, clock, now);
    if (result != 0 || clock != CLOCK_REALTIME)
        return result;
    int64_t ns = now->tv_sec * INT64_C(1000000000) + now->tv_nsec + clock_shift_ns;
    now->tv_sec = (time_t)(ns / NS_PER_S);
    now->tv_nsec = (long)(ns % NS_PER_S);
    return 0;
}

void pp_fault_clear(void)
{
    pp_fault_set((struct pp_fault){.action = PP_FAULT_NONE});
}

uint64_t pp_fault_calls(void)
{
    pthread_mutex_lock(&lock);
    uint64_t now = calls;
    pthread_mutex_unlock(&lock);
    return now;
}

uint64_t pp_fault_strikes(void)
{
    pthread_mutex_lock(&lock);
    uint64_t now = strikes;
    pthread_mutex_unlock(&lock);
    return now;
}

const char *pp_fault_last_call(void)
{
    pthread_mutex_lock(&lock);
    const char *name = last_call;
    pthread_mutex_unlock(&lock);
    return name;
}
