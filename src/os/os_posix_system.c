/* SPDX-License-Identifier: MIT */
/* Streams, clocks, randomness, secret memory and the process, as os.h asks for them, on Linux. */
#include "os.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

/* ---- Streams -------------------------------------------------------------------------------- */

int64_t pp_os_read(int fd, void *buf, size_t n)
{
    ssize_t got = TEMP_FAILURE_RETRY(read(fd, buf, n));
    return got < 0 ? -errno : got;
}

static int wait_writable(int fd)
{
    struct pollfd one = {.fd = fd, .events = POLLOUT};
    return TEMP_FAILURE_RETRY(poll(&one, 1, -1)) < 0 ? -errno : 0;
}

int pp_os_write(int fd, const void *buf, size_t n)
{
    const uint8_t *from = buf;
    size_t done = 0;

    while (done < n) {
        ssize_t put = TEMP_FAILURE_RETRY(write(fd, from + done, n - done));
        if (put >= 0) {
            done += (size_t)put;
            continue;
        }
        int error = errno == EAGAIN ? wait_writable(fd) : -errno;
        if (error < 0)
            return error;
    }
    return 0;
}

int pp_os_wait_readable(int fd, int timeout_ms)
{
    struct pollfd one = {.fd = fd, .events = POLLIN};
    int ready = poll(&one, 1, timeout_ms);

    if (ready < 0)
        return errno == EINTR ? 0 : -errno;
    if (ready > 0 && (one.revents & POLLNVAL))
        return -EBADF;
    return ready;
}

/* ---- Clocks --------------------------------------------------------------------------------- */

static uint64_t clock_ns(clockid_t id)
{
    struct timespec now;

    if (clock_gettime(id, &now) < 0 || now.tv_sec < 0)
        return 0;
    return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return -1;
}

/* 32 lower-case hex digits with hyphens anywhere between bytes; zeros for anything else. */
static void parse_boot_id(const char *text, size_t len, uint8_t id[16])
{
    size_t digits = 0;

    memset(id, 0, 16);
    for (size_t i = 0; i < len && digits < 32; i++) {
        int value = hex_value(text[i]);
        if (value < 0 && text[i] == '-')
            continue;
        if (value < 0)
            break;
        id[digits / 2] = (uint8_t)(id[digits / 2] << 4 | value);
        digits++;
    }
    if (digits != 32)
        memset(id, 0, 16);
}

static uint8_t boot_id[16];
static pthread_once_t boot_id_once = PTHREAD_ONCE_INIT;

/* Once in a process: it can't change while the process lives. */
static void read_boot_id(void)
{
    char text[64];
    int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return;
    int64_t len = pp_os_read(fd, text, sizeof text);
    close(fd);
    if (len > 0)
        parse_boot_id(text, (size_t)len, boot_id);
}

void pp_os_clock_read(struct pp_os_clock *clock)
{
    pthread_once(&boot_id_once, read_boot_id);
    clock->realtime_ns = clock_ns(CLOCK_REALTIME);
    clock->monotonic_ns = clock_ns(CLOCK_MONOTONIC);
    memcpy(clock->boot_id, boot_id, sizeof clock->boot_id);
}

/* ---- Randomness and secrets ----------------------------------------------------------------- */

int pp_os_random(void *buf, size_t n)
{
    uint8_t *to = buf;
    size_t done = 0;

    while (done < n) {
        ssize_t got = TEMP_FAILURE_RETRY(getrandom(to + done, n - done, 0));
        if (got < 0)
            return -errno;
        done += (size_t)got;
    }
    return 0;
}

/* Whole pages, so that no secret shares its page with anything else; 0 when there are none. */
static size_t secret_pages_bytes(size_t bytes)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);

    if (bytes == 0 || bytes > SIZE_MAX - page)
        return 0;
    return (bytes + page - 1) / page * page;
}

void *pp_os_secret_alloc(size_t bytes)
{
    size_t whole = secret_pages_bytes(bytes);

    if (whole == 0)
        return NULL;
    void *memory = mmap(NULL, whole, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        return NULL;
    /* Best effort: a low RLIMIT_MEMLOCK or an old kernel must not keep evidence from being
       written. */
    (void)mlock(memory, whole);
    (void)madvise(memory, whole, MADV_DONTDUMP);
    (void)madvise(memory, whole, MADV_WIPEONFORK);
    return memory;
}

void pp_os_secret_free(void *memory, size_t bytes)
{
    if (memory == NULL)
        return;
    explicit_bzero(memory, bytes);
    munmap(memory, secret_pages_bytes(bytes));
}

/* ---- Buffers -------------------------------------------------------------------------------- */

enum { HUGE_PAGE_BYTES = 2 << 20 };

static size_t buffer_bytes(size_t bytes)
{
    return (bytes + HUGE_PAGE_BYTES - 1) / HUGE_PAGE_BYTES * HUGE_PAGE_BYTES;
}

/* mmap aligns to small pages: take one huge page more, and give the ends back. */
void *pp_os_buffer_alloc(size_t bytes)
{
    size_t whole = buffer_bytes(bytes), mapped = whole + HUGE_PAGE_BYTES;
    if (bytes == 0 || whole < bytes || mapped < whole)
        return NULL;
    uint8_t *memory =
        mmap(NULL, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        return NULL;
    size_t before = (HUGE_PAGE_BYTES - (uintptr_t)memory % HUGE_PAGE_BYTES) % HUGE_PAGE_BYTES;
    if (before != 0)
        munmap(memory, before);
    munmap(memory + before + whole, HUGE_PAGE_BYTES - before);
    if (bytes > HUGE_PAGE_BYTES / 4) /* a whole huge page is cleared at the first touch */
        (void)madvise(memory + before, whole, MADV_HUGEPAGE);
    return memory + before;
}

void pp_os_buffer_free(void *memory, size_t bytes)
{
    if (memory != NULL)
        munmap(memory, buffer_bytes(bytes));
}

/* ---- The process ---------------------------------------------------------------------------- */

int pp_os_harden_process(void)
{
    const struct rlimit none = {0, 0};

    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
        return -errno;
    return setrlimit(RLIMIT_CORE, &none) < 0 ? -errno : 0;
}

/* What the handler of SIGBUS says and ends with: set before it can run. */
static const char *map_fault_message;
static int map_fault_exit_code;

static void end_on_map_fault(int signal_number)
{
    (void)signal_number;
    ssize_t written = write(STDERR_FILENO, map_fault_message, strlen(map_fault_message));
    (void)written; /* the exit code says it as well */
    _exit(map_fault_exit_code);
}

int pp_os_end_on_map_fault(const char *message, int exit_code)
{
    struct sigaction action = {.sa_handler = end_on_map_fault};

    map_fault_message = message;
    map_fault_exit_code = exit_code;
    return sigaction(SIGBUS, &action, NULL) < 0 ? -errno : 0;
}

int pp_os_host_name(char *out, size_t cap)
{
    /* POSIX leaves open whether a name that just fills the buffer is terminated. */
    if (cap == 0)
        return -ENAMETOOLONG;
    out[cap - 1] = '\0';
    if (gethostname(out, cap) < 0)
        return -errno;
    return out[cap - 1] == '\0' ? 0 : -ENAMETOOLONG;
}

unsigned pp_os_cpu_count(void)
{
    cpu_set_t allowed;

    if (sched_getaffinity(0, sizeof allowed, &allowed) == 0)
        return CPU_COUNT(&allowed) > 0 ? (unsigned)CPU_COUNT(&allowed) : 1;
    /* More processors than a cpu_set_t has bits. */
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    return online > 0 ? (unsigned)online : 1;
}
