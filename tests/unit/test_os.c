/* SPDX-License-Identifier: MIT */
/* The real os.h: files, folders, locks, maps and the process, in a scratch folder. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../src/os/os.h"

static char scratch[PATH_MAX];
static int dir;

static int enter_scratch(void **state)
{
    (void)state;
    const char *base = getenv("TMPDIR");
    snprintf(scratch, sizeof scratch, "%s/postproof-os-XXXXXX", base != NULL ? base : "/tmp");
    if (mkdtemp(scratch) == NULL)
        return -1;
    dir = pp_os_open_dir(PP_OS_CWD, scratch);
    return dir < 0 ? -1 : 0;
}

static int leave_scratch(void **state)
{
    (void)state;
    struct pp_os_names names;
    if (pp_os_list(dir, &names) < 0)
        return -1;
    for (size_t i = 0; i < names.count; i++) {
        if (unlinkat(dir, names.name[i], 0) < 0)
            unlinkat(dir, names.name[i], AT_REMOVEDIR);
    }
    pp_os_free_names(&names);
    pp_os_close(dir);
    return rmdir(scratch);
}

static int create(const char *name)
{
    int fd = pp_os_open(dir, name, PP_OS_CREATE);
    assert_true(fd >= 0);
    return fd;
}

/* ---- Opening -------------------------------------------------------------------------------- */

static void creating_refuses_what_exists(void **state)
{
    (void)state;
    pp_os_close(create("a"));
    assert_int_equal(pp_os_open(dir, "a", PP_OS_CREATE), -EEXIST);
    assert_int_equal(pp_os_open(dir, "a", PP_OS_CREATE_SECRET), -EEXIST);
}

static void opening_needs_what_exists(void **state)
{
    (void)state;
    assert_int_equal(pp_os_open(dir, "absent", PP_OS_READ), -ENOENT);
    assert_int_equal(pp_os_open(dir, "absent", PP_OS_READ_WRITE), -ENOENT);
    assert_int_equal(pp_os_open(dir, "absent", PP_OS_READ_FOLLOW), -ENOENT);
    assert_int_equal(pp_os_open_dir(dir, "absent"), -ENOENT);
}

static void links_are_followed_only_when_asked(void **state)
{
    (void)state;
    pp_os_close(create("target"));
    assert_int_equal(pp_os_symlink(dir, "target", "link"), 0);
    assert_int_equal(pp_os_symlink(dir, "target", "link"), -EEXIST);
    assert_int_equal(pp_os_open(dir, "link", PP_OS_READ), -ELOOP);
    assert_int_equal(pp_os_open(dir, "link", PP_OS_READ_WRITE), -ELOOP);
    int fd = pp_os_open(dir, "link", PP_OS_READ_FOLLOW);
    assert_true(fd >= 0);
    pp_os_close(fd);
}

static void descriptors_are_not_inherited(void **state)
{
    (void)state;
    int fd = create("a");
    assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    assert_true(fcntl(dir, F_GETFD) & FD_CLOEXEC);
    pp_os_close(fd);
}

/* A pipe in a file's place must not make an open wait for ever. */
static void a_pipe_is_no_regular_file(void **state)
{
    (void)state;
    assert_int_equal(mkfifoat(dir, "pipe", 0600), 0);
    int fd = pp_os_open(dir, "pipe", PP_OS_READ);
    assert_true(fd >= 0);
    assert_int_equal(pp_os_size(fd), -EINVAL);
    pp_os_close(fd);
}

static void privacy_is_read_from_the_mode(void **state)
{
    (void)state;
    static const struct {
        mode_t mode;
        int is_private;
    } cases[] = {{0600, 1}, {0400, 1}, {0700, 1}, {0640, 0}, {0604, 0}, {0620, 0}, {0602, 0}};
    int fd = pp_os_open(dir, "secret", PP_OS_CREATE_SECRET);

    assert_true(fd >= 0);
    assert_int_equal(pp_os_is_private(fd), 1);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(fchmod(fd, cases[i].mode), 0);
        assert_int_equal(pp_os_is_private(fd), cases[i].is_private);
    }
    pp_os_close(fd);
    assert_int_equal(pp_os_is_private(fd), -EBADF);
}

/* ---- Folders -------------------------------------------------------------------------------- */

static void making_a_folder_twice_is_fine_but_not_over_a_file(void **state)
{
    (void)state;
    struct stat status;
    assert_int_equal(pp_os_make_dir(dir, "keys", true), 0);
    assert_int_equal(pp_os_make_dir(dir, "keys", true), 0);
    assert_int_equal(fstatat(dir, "keys", &status, 0), 0);
    assert_int_equal(status.st_mode & 0777, 0700);
    pp_os_close(create("file"));
    assert_int_equal(pp_os_make_dir(dir, "file", false), -ENOTDIR);
    assert_int_equal(pp_os_make_dir(dir, "absent/below", false), -ENOENT);
}

static void a_list_is_sorted_and_complete(void **state)
{
    (void)state;
    struct pp_os_names names;
    char name[16];
    for (int i = 99; i >= 0; i--) {
        snprintf(name, sizeof name, "%02d", i);
        pp_os_close(create(name));
    }
    /* Twice: listing leaves the caller's descriptor where it was. */
    for (int round = 0; round < 2; round++) {
        assert_int_equal(pp_os_list(dir, &names), 0);
        assert_int_equal(names.count, 100);
        for (int i = 0; i < 100; i++) {
            snprintf(name, sizeof name, "%02d", i);
            assert_string_equal(names.name[i], name);
        }
        pp_os_free_names(&names);
        assert_int_equal(names.count, 0);
    }
}

static void an_empty_folder_has_no_names(void **state)
{
    (void)state;
    struct pp_os_names names;
    assert_int_equal(pp_os_list(dir, &names), 0);
    assert_int_equal(names.count, 0);
    pp_os_free_names(&names);
}

static void the_longest_name_fits(void **state)
{
    (void)state;
    struct pp_os_names names;
    char name[PP_OS_NAME_BYTES];
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    pp_os_close(create(name));
    assert_int_equal(pp_os_list(dir, &names), 0);
    assert_int_equal(names.count, 1);
    assert_string_equal(names.name[0], name);
    pp_os_free_names(&names);
}

static void a_file_has_no_list(void **state)
{
    (void)state;
    struct pp_os_names names;
    int fd = create("file");
    assert_int_equal(pp_os_list(fd, &names), -ENOTDIR);
    assert_int_equal(names.count, 0);
    pp_os_close(fd);
}

static void rename_replaces_and_remove_removes(void **state)
{
    (void)state;
    int fd = create("new");
    assert_int_equal(pp_os_write_at(fd, "new", 3, 0), 0);
    pp_os_close(fd);
    pp_os_close(create("old"));
    assert_int_equal(pp_os_rename(dir, "new", "old"), 0);
    assert_int_equal(pp_os_rename(dir, "new", "old"), -ENOENT);
    fd = pp_os_open(dir, "old", PP_OS_READ);
    assert_int_equal(pp_os_size(fd), 3);
    pp_os_close(fd);
    assert_int_equal(pp_os_remove(dir, "old"), 0);
    assert_int_equal(pp_os_remove(dir, "old"), -ENOENT);
    assert_int_equal(pp_os_sync(dir), 0);
}

/* ---- Contents ------------------------------------------------------------------------------- */

static void reading_stops_at_the_end(void **state)
{
    (void)state;
    uint8_t back[16];
    int fd = create("short");
    assert_int_equal(pp_os_write_at(fd, "0123456789", 10, 0), 0);
    assert_int_equal(pp_os_read_at(fd, back, 16, 0), 10);
    assert_memory_equal(back, "0123456789", 10);
    assert_int_equal(pp_os_read_at(fd, back, 16, 7), 3);
    assert_memory_equal(back, "789", 3);
    assert_int_equal(pp_os_read_at(fd, back, 16, 10), 0);
    assert_int_equal(pp_os_read_at(fd, back, 16, 1000), 0);
    assert_int_equal(pp_os_read_at(fd, back, 0, 0), 0);
    pp_os_close(fd);
}

static void offsets_beyond_the_file_system_are_refused(void **state)
{
    (void)state;
    uint8_t byte = 0;
    int fd = create("a");
    assert_int_equal(pp_os_read_at(fd, &byte, 1, UINT64_MAX), -EINVAL);
    assert_int_equal(pp_os_read_at(fd, &byte, 1, INT64_MAX), -EINVAL);
    assert_int_equal(pp_os_write_at(fd, &byte, 1, UINT64_MAX), -EFBIG);
    assert_int_equal(pp_os_truncate(fd, UINT64_MAX), -EFBIG);
    assert_int_equal(pp_os_preallocate(fd, UINT64_MAX), -EFBIG);
    assert_int_equal(pp_os_size(fd), 0);
    pp_os_close(fd);
}

static void a_gap_reads_as_zeros(void **state)
{
    (void)state;
    static const uint8_t zeros[4096];
    uint8_t back[4096];
    int fd = create("gap");
    assert_int_equal(pp_os_write_at(fd, "x", 1, 4096), 0);
    assert_int_equal(pp_os_size(fd), 4097);
    assert_int_equal(pp_os_read_at(fd, back, 4096, 0), 4096);
    assert_memory_equal(back, zeros, 4096);
    pp_os_close(fd);
}

static void preallocating_extends_with_zeros_and_keeps_contents(void **state)
{
    (void)state;
    static const uint8_t zeros[1000];
    uint8_t back[1000];
    int fd = create("segment");
    assert_int_equal(pp_os_write_at(fd, "kept", 4, 0), 0);
    assert_int_equal(pp_os_preallocate(fd, 65536), 0);
    assert_int_equal(pp_os_size(fd), 65536);
    assert_int_equal(pp_os_read_at(fd, back, 4, 0), 4);
    assert_memory_equal(back, "kept", 4);
    assert_int_equal(pp_os_read_at(fd, back, 1000, 64536), 1000);
    assert_memory_equal(back, zeros, 1000);
    /* Never shrinks. */
    assert_int_equal(pp_os_preallocate(fd, 100), 0);
    assert_int_equal(pp_os_preallocate(fd, 0), 0);
    assert_int_equal(pp_os_size(fd), 65536);
    pp_os_close(fd);
}

static void truncating_sets_the_size(void **state)
{
    (void)state;
    int fd = create("a");
    assert_int_equal(pp_os_write_at(fd, "0123456789", 10, 0), 0);
    assert_int_equal(pp_os_truncate(fd, 4), 0);
    assert_int_equal(pp_os_size(fd), 4);
    assert_int_equal(pp_os_truncate(fd, 8), 0);
    assert_int_equal(pp_os_size(fd), 8);
    assert_int_equal(pp_os_sync_data(fd), 0);
    assert_int_equal(pp_os_sync(fd), 0);
    pp_os_close(fd);
    assert_int_equal(pp_os_sync_data(fd), -EBADF);
    assert_int_equal(pp_os_sync(fd), -EBADF);
}

static void a_full_disk_is_reported(void **state)
{
    (void)state;
    int fd = pp_os_open(PP_OS_CWD, "/dev/full", PP_OS_READ_WRITE);
    if (fd < 0)
        skip();
    assert_int_equal(pp_os_write_at(fd, "x", 1, 0), -ENOSPC);
    assert_int_equal(pp_os_write(fd, "x", 1), -ENOSPC);
    pp_os_close(fd);
}

static void a_read_only_descriptor_takes_no_bytes(void **state)
{
    (void)state;
    pp_os_close(create("a"));
    int fd = pp_os_open(dir, "a", PP_OS_READ);
    assert_int_equal(pp_os_write_at(fd, "x", 1, 0), -EBADF);
    pp_os_close(fd);
}

static void a_map_shows_the_file(void **state)
{
    (void)state;
    const uint8_t *data = NULL;
    size_t bytes = 1;
    int fd = create("a");
    assert_int_equal(pp_os_map(fd, &data, &bytes), 0);
    assert_null(data);
    assert_int_equal(bytes, 0);
    pp_os_unmap(data, bytes);
    assert_int_equal(pp_os_write_at(fd, "0123456789", 10, 0), 0);
    assert_int_equal(pp_os_map(fd, &data, &bytes), 0);
    pp_os_close(fd);
    assert_int_equal(bytes, 10);
    assert_memory_equal(data, "0123456789", 10);
    pp_os_unmap(data, bytes);
    assert_int_equal(pp_os_map(dir, &data, &bytes), -EINVAL);
}

/* ---- Locks ---------------------------------------------------------------------------------- */

static void one_descriptor_holds_the_lock(void **state)
{
    (void)state;
    int first = create("lock");
    int second = pp_os_open(dir, "lock", PP_OS_READ_WRITE);
    assert_int_equal(pp_os_lock(first), 0);
    assert_int_equal(pp_os_lock(first), 0);
    assert_int_equal(pp_os_lock(second), -EWOULDBLOCK);
    pp_os_close(first);
    assert_int_equal(pp_os_lock(second), 0);
    pp_os_close(second);
}

/* Exit code of a child that tries the lock: 0 taken, 1 refused, 2 something else. */
static int try_lock_in_child(void)
{
    int status = 0;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        int fd = pp_os_open(dir, "lock", PP_OS_READ_WRITE);
        int result = pp_os_lock(fd);
        _exit(result == 0 ? 0 : result == -EWOULDBLOCK ? 1 : 2);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void one_process_holds_the_lock(void **state)
{
    (void)state;
    int fd = create("lock");
    assert_int_equal(pp_os_lock(fd), 0);
    assert_int_equal(try_lock_in_child(), 1);
    pp_os_close(fd);
    assert_int_equal(try_lock_in_child(), 0);
}

static void a_killed_process_leaves_no_lock(void **state)
{
    (void)state;
    int ready[2];
    char byte;
    pp_os_close(create("lock"));
    assert_int_equal(pipe(ready), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        int fd = pp_os_open(dir, "lock", PP_OS_READ_WRITE);
        if (pp_os_lock(fd) != 0 || pp_os_write(ready[1], "x", 1) != 0)
            _exit(1);
        for (;;)
            pause();
    }
    assert_int_equal(pp_os_read(ready[0], &byte, 1), 1);
    assert_int_equal(try_lock_in_child(), 1);
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, NULL, 0), child);
    assert_int_equal(try_lock_in_child(), 0);
    close(ready[0]);
    close(ready[1]);
}

/* ---- Streams -------------------------------------------------------------------------------- */

static void a_pipe_reports_data_silence_and_its_end(void **state)
{
    (void)state;
    int ends[2];
    char back[8];
    assert_int_equal(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
    assert_int_equal(pp_os_wait_readable(ends[0], 0), 0);
    assert_int_equal(pp_os_read(ends[0], back, sizeof back), -EAGAIN);
    assert_int_equal(pp_os_write(ends[1], "abc", 3), 0);
    assert_int_equal(pp_os_wait_readable(ends[0], 0), 1);
    assert_int_equal(pp_os_read(ends[0], back, sizeof back), 3);
    close(ends[1]);
    assert_int_equal(pp_os_wait_readable(ends[0], -1), 1);
    assert_int_equal(pp_os_read(ends[0], back, sizeof back), 0);
    close(ends[0]);
    assert_int_equal(pp_os_wait_readable(ends[0], 0), -EBADF);
}

/* More than a pipe holds, through a descriptor that does not block. */
static void a_long_write_is_whole(void **state)
{
    (void)state;
    enum { TOTAL = 1 << 20 };
    static uint8_t data[TOTAL], back[TOTAL];
    int ends[2], status = 0;

    assert_int_equal(pp_os_random(data, TOTAL), 0);
    assert_int_equal(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0)
        _exit(pp_os_write(ends[1], data, TOTAL) == 0 ? 0 : 1);
    close(ends[1]);
    size_t done = 0;
    while (done < TOTAL && pp_os_wait_readable(ends[0], -1) >= 0) {
        int64_t got = pp_os_read(ends[0], back + done, TOTAL - done);
        if (got == 0)
            break;
        done += got > 0 ? (size_t)got : 0;
    }
    assert_int_equal(done, TOTAL);
    assert_memory_equal(back, data, TOTAL);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    close(ends[0]);
}

/* ---- Clocks, randomness, secrets, the process ----------------------------------------------- */

static void the_monotonic_clock_never_goes_back(void **state)
{
    (void)state;
    struct pp_os_clock before, after;
    pp_os_clock_read(&before);
    for (int i = 0; i < 1000; i++) {
        pp_os_clock_read(&after);
        assert_true(after.monotonic_ns >= before.monotonic_ns);
        assert_memory_equal(after.boot_id, before.boot_id, 16);
        before = after;
    }
    /* 2020-01-01: a clock that counts something else than nanoseconds since 1970 fails here. */
    assert_true(after.realtime_ns > UINT64_C(1577836800000000000));
}

static void the_boot_id_is_that_of_the_kernel(void **state)
{
    (void)state;
    char text[37] = "", expected[37];
    struct pp_os_clock clock;
    int fd = pp_os_open(PP_OS_CWD, "/proc/sys/kernel/random/boot_id", PP_OS_READ);
    if (fd < 0)
        skip();
    assert_int_equal(pp_os_read(fd, text, 36), 36);
    pp_os_close(fd);
    pp_os_clock_read(&clock);
    char *to = expected;
    for (int i = 0; i < 16; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            *to++ = '-';
        to += snprintf(to, 3, "%02x", clock.boot_id[i]);
    }
    assert_string_equal(text, expected);
}

static void random_bytes_differ(void **state)
{
    (void)state;
    uint8_t a[512] = {0}, b[512] = {0};
    assert_int_equal(pp_os_random(a, sizeof a), 0);
    assert_int_equal(pp_os_random(b, sizeof b), 0);
    assert_memory_not_equal(a, b, sizeof a);
    assert_memory_not_equal(a, a + 256, 256);
}

static void secrets_are_empty_aligned_and_not_inherited(void **state)
{
    (void)state;
    int status = 0;
    uint8_t *secret = pp_os_secret_alloc(5000);
    assert_non_null(secret);
    assert_int_equal((uintptr_t)secret % 64, 0);
    for (size_t i = 0; i < 5000; i++)
        assert_int_equal(secret[i], 0);
    memset(secret, 0x5a, 5000);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0)
        _exit(secret[0] == 0 && secret[4999] == 0 ? 0 : 1);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(secret[4999], 0x5a);
    pp_os_secret_free(secret, 5000);
    pp_os_secret_free(NULL, 5000);
    assert_null(pp_os_secret_alloc(0));
    assert_null(pp_os_secret_alloc(SIZE_MAX));
}

static void a_hardened_process_dumps_no_core(void **state)
{
    (void)state;
    int status = 0;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct rlimit core = {1, 1};
        if (pp_os_harden_process() != 0 || getrlimit(RLIMIT_CORE, &core) != 0)
            _exit(1);
        _exit(core.rlim_cur == 0 && core.rlim_max == 0 ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static void the_host_has_a_name_and_a_processor(void **state)
{
    (void)state;
    char name[256], expected[256] = "";
    assert_int_equal(pp_os_host_name(name, sizeof name), 0);
    assert_int_equal(gethostname(expected, sizeof expected - 1), 0);
    assert_string_equal(name, expected);
    assert_int_equal(pp_os_host_name(name, 0), -ENAMETOOLONG);
    if (strlen(expected) > 0)
        assert_int_equal(pp_os_host_name(name, strlen(expected)), -ENAMETOOLONG);
    assert_true(pp_os_cpu_count() >= 1);
}

#define IN_SCRATCH(test) cmocka_unit_test_setup_teardown(test, enter_scratch, leave_scratch)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_SCRATCH(creating_refuses_what_exists),
        IN_SCRATCH(opening_needs_what_exists),
        IN_SCRATCH(links_are_followed_only_when_asked),
        IN_SCRATCH(descriptors_are_not_inherited),
        IN_SCRATCH(a_pipe_is_no_regular_file),
        IN_SCRATCH(privacy_is_read_from_the_mode),
        IN_SCRATCH(making_a_folder_twice_is_fine_but_not_over_a_file),
        IN_SCRATCH(a_list_is_sorted_and_complete),
        IN_SCRATCH(an_empty_folder_has_no_names),
        IN_SCRATCH(the_longest_name_fits),
        IN_SCRATCH(a_file_has_no_list),
        IN_SCRATCH(rename_replaces_and_remove_removes),
        IN_SCRATCH(reading_stops_at_the_end),
        IN_SCRATCH(offsets_beyond_the_file_system_are_refused),
        IN_SCRATCH(a_gap_reads_as_zeros),
        IN_SCRATCH(preallocating_extends_with_zeros_and_keeps_contents),
        IN_SCRATCH(truncating_sets_the_size),
        cmocka_unit_test(a_full_disk_is_reported),
        IN_SCRATCH(a_read_only_descriptor_takes_no_bytes),
        IN_SCRATCH(a_map_shows_the_file),
        IN_SCRATCH(one_descriptor_holds_the_lock),
        IN_SCRATCH(one_process_holds_the_lock),
        IN_SCRATCH(a_killed_process_leaves_no_lock),
        cmocka_unit_test(a_pipe_reports_data_silence_and_its_end),
        cmocka_unit_test(a_long_write_is_whole),
        cmocka_unit_test(the_monotonic_clock_never_goes_back),
        cmocka_unit_test(the_boot_id_is_that_of_the_kernel),
        cmocka_unit_test(random_bytes_differ),
        cmocka_unit_test(secrets_are_empty_aligned_and_not_inherited),
        cmocka_unit_test(a_hardened_process_dumps_no_core),
        cmocka_unit_test(the_host_has_a_name_and_a_processor),
    };
    return cmocka_run_group_tests_name("os", tests, NULL, NULL);
}
