/* SPDX-License-Identifier: MIT */
/* The fault harness itself: each action does what the crash tests rely on, and nothing else. */
#include <errno.h>
#include <limits.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../src/os/os.h"
#include "../lib/os_fault.h"

enum { SECTORS = 64, BYTES = SECTORS * PP_FAULT_SECTOR_BYTES };

static char scratch[PATH_MAX];
static int dir, file;
static uint8_t ones[BYTES], back[BYTES];

static int enter_scratch(void **state)
{
    (void)state;
    const char *base = getenv("TMPDIR");
    snprintf(scratch, sizeof scratch, "%s/postproof-fault-XXXXXX", base != NULL ? base : "/tmp");
    if (mkdtemp(scratch) == NULL)
        return -1;
    pp_fault_clear();
    memset(ones, 1, sizeof ones);
    dir = pp_os_open_dir(PP_OS_CWD, scratch);
    file = pp_os_open(dir, "file", PP_OS_CREATE);
    return dir < 0 || file < 0 || pp_os_preallocate(file, BYTES) < 0 ? -1 : 0;
}

static int leave_scratch(void **state)
{
    (void)state;
    pp_fault_clear();
    unlinkat(dir, "file", 0);
    unlinkat(dir, "other", 0);
    pp_os_close(file);
    pp_os_close(dir);
    return rmdir(scratch);
}

/* Sectors of the file that hold ones; every other must be all zeros. */
static size_t sectors_written(void)
{
    static const uint8_t zeros[PP_FAULT_SECTOR_BYTES];
    size_t count = 0;

    assert_int_equal(pp_os_read_at(file, back, BYTES, 0), BYTES);
    for (size_t i = 0; i < SECTORS; i++) {
        const uint8_t *sector = back + i * PP_FAULT_SECTOR_BYTES;
        bool written = memcmp(sector, ones, PP_FAULT_SECTOR_BYTES) == 0;
        assert_true(written || memcmp(sector, zeros, PP_FAULT_SECTOR_BYTES) == 0);
        count += written;
    }
    return count;
}

static size_t bytes_written(void)
{
    size_t count = 0;

    assert_int_equal(pp_os_read_at(file, back, BYTES, 0), BYTES);
    while (count < BYTES && back[count] == 1)
        count++;
    return count;
}

/* A child that arms the fault, writes everything twice over, with a sync if asked; must be killed
   by SIGKILL. */
static void write_in_killed_child(struct pp_fault fault, bool sync_first)
{
    int status = 0;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        pp_fault_set(fault);
        int error = pp_os_write_at(file, ones, BYTES, 0);
        if (error == 0 && sync_first)
            error = pp_os_sync_data(file);
        if (error == 0)
            error = pp_os_write_at(file, ones, BYTES, 0);
        _exit(error == 0 ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGKILL);
}

static void only_the_classes_asked_for_count(void **state)
{
    (void)state;
    struct pp_os_names names;
    pp_fault_set((struct pp_fault){.classes = PP_FAULT_SYNCS});
    assert_int_equal(pp_os_write_at(file, "x", 1, 0), 0);
    assert_int_equal(pp_os_sync(file), 0);
    assert_int_equal(pp_os_sync_data(file), 0);
    assert_int_equal(pp_fault_calls(), 2);
    assert_string_equal(pp_fault_last_call(), "sync_data");

    pp_fault_set((struct pp_fault){.classes = PP_FAULT_READS});
    assert_string_equal(pp_fault_last_call(), "");
    assert_int_equal(pp_os_read_at(file, back, 1, 0), 1);
    assert_int_equal(pp_os_list(dir, &names), 0);
    pp_os_free_names(&names);
    int fd = pp_os_open(dir, "file", PP_OS_READ);
    assert_true(fd >= 0);
    pp_os_close(fd);
    fd = pp_os_open(dir, "other", PP_OS_CREATE);
    assert_true(fd >= 0);
    pp_os_close(fd);
    assert_int_equal(pp_fault_calls(), 3);

    pp_fault_set((struct pp_fault){.classes = PP_FAULT_WRITES});
    assert_int_equal(pp_os_rename(dir, "other", "third"), 0);
    assert_int_equal(pp_os_remove(dir, "third"), 0);
    assert_int_equal(pp_os_truncate(file, BYTES), 0);
    assert_int_equal(pp_os_preallocate(file, BYTES), 0);
    assert_int_equal(pp_os_symlink(dir, "nowhere", "other"), 0);
    assert_int_equal(pp_os_open(dir, "file", PP_OS_CREATE), -EEXIST);
    assert_int_equal(pp_os_sync(file), 0);
    assert_int_equal(pp_fault_calls(), 6);
    assert_int_equal(pp_fault_strikes(), 0);
}

static void an_error_strikes_once_and_changes_nothing(void **state)
{
    (void)state;
    pp_fault_set(
        (struct pp_fault){.action = PP_FAULT_EIO, .classes = PP_FAULT_CHANGES, .at_call = 2});
    assert_int_equal(pp_os_sync(file), 0);
    assert_int_equal(pp_os_write_at(file, ones, BYTES, 0), -EIO);
    assert_string_equal(pp_fault_last_call(), "write_at");
    assert_int_equal(bytes_written(), 0);
    assert_int_equal(pp_os_write_at(file, ones, BYTES, 0), 0);
    assert_string_equal(pp_fault_last_call(), "write_at");
    assert_int_equal(pp_os_sync(file), 0);
    assert_int_equal(pp_fault_strikes(), 1);
    assert_int_equal(bytes_written(), BYTES);
}

static void a_lasting_error_lasts(void **state)
{
    (void)state;
    pp_fault_set((struct pp_fault){.action = PP_FAULT_SHORT_WRITE,
                                   .classes = PP_FAULT_WRITES,
                                   .at_call = 1,
                                   .lasting = true,
                                   .keep_bytes = 1000});
    assert_int_equal(pp_os_write_at(file, ones, BYTES, 0), -ENOSPC);
    assert_int_equal(bytes_written(), 1000);
    assert_int_equal(pp_os_write_at(file, ones, BYTES, 0), -ENOSPC);
    assert_int_equal(bytes_written(), 1000);
    assert_int_equal(pp_os_truncate(file, 0), -ENOSPC);
    assert_int_equal(pp_os_sync(file), 0);
    assert_int_equal(pp_fault_strikes(), 3);
}

static void a_failed_read_reads_nothing(void **state)
{
    (void)state;
    const uint8_t *data = NULL;
    size_t bytes = 0;
    struct pp_os_names names;
    pp_fault_set((struct pp_fault){
        .action = PP_FAULT_EIO, .classes = PP_FAULT_READS, .at_call = 1, .lasting = true});
    assert_int_equal(pp_os_read_at(file, back, 1, 0), -EIO);
    assert_int_equal(pp_os_map(file, &data, &bytes), -EIO);
    assert_int_equal(pp_os_load(file, &data, &bytes), -EIO);
    assert_int_equal(pp_os_list(dir, &names), -EIO);
    assert_int_equal(names.count, 0);
    assert_int_equal(pp_os_open(dir, "file", PP_OS_READ), -EIO);
    assert_int_equal(pp_os_open_dir(dir, "."), -EIO);
}

static void kills_come_before_and_after(void **state)
{
    (void)state;
    struct pp_fault fault = {
        .action = PP_FAULT_KILL_BEFORE, .classes = PP_FAULT_CHANGES, .at_call = 1};
    write_in_killed_child(fault, false);
    assert_int_equal(bytes_written(), 0);
    fault.action = PP_FAULT_KILL_AFTER;
    write_in_killed_child(fault, false);
    assert_int_equal(bytes_written(), BYTES);
}

static void a_kill_inside_a_write_leaves_its_first_bytes(void **state)
{
    (void)state;
    struct pp_fault fault = {.action = PP_FAULT_KILL_SHORT,
                             .classes = PP_FAULT_CHANGES,
                             .at_call = 1,
                             .keep_bytes = 777};
    write_in_killed_child(fault, false);
    assert_int_equal(bytes_written(), 777);
}

static void torn_sectors_are_a_subset_that_the_seed_repeats(void **state)
{
    (void)state;
    static uint8_t first[BYTES];
    struct pp_fault fault = {
        .action = PP_FAULT_KILL_SECTORS, .classes = PP_FAULT_CHANGES, .at_call = 1, .seed = 7};
    write_in_killed_child(fault, false);
    size_t count = sectors_written();
    assert_in_range(count, 1, SECTORS - 1);
    memcpy(first, back, BYTES);

    assert_int_equal(pp_os_truncate(file, 0), 0);
    assert_int_equal(pp_os_truncate(file, BYTES), 0);
    write_in_killed_child(fault, false);
    assert_int_equal(sectors_written(), count);
    assert_memory_equal(first, back, BYTES);
}

static void a_power_cut_loses_what_was_not_synced(void **state)
{
    (void)state;
    struct pp_fault fault = {
        .action = PP_FAULT_POWER_CUT, .classes = PP_FAULT_WRITES, .at_call = 2, .seed = 11};
    write_in_killed_child(fault, true);
    assert_int_equal(sectors_written(), SECTORS);

    assert_int_equal(pp_os_truncate(file, 0), 0);
    assert_int_equal(pp_os_truncate(file, BYTES), 0);
    write_in_killed_child(fault, false);
    assert_in_range(sectors_written(), 1, SECTORS - 1);
}

#define IN_SCRATCH(test) cmocka_unit_test_setup_teardown(test, enter_scratch, leave_scratch)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_SCRATCH(only_the_classes_asked_for_count),
        IN_SCRATCH(an_error_strikes_once_and_changes_nothing),
        IN_SCRATCH(a_lasting_error_lasts),
        IN_SCRATCH(a_failed_read_reads_nothing),
        IN_SCRATCH(kills_come_before_and_after),
        IN_SCRATCH(a_kill_inside_a_write_leaves_its_first_bytes),
        IN_SCRATCH(torn_sectors_are_a_subset_that_the_seed_repeats),
        IN_SCRATCH(a_power_cut_loses_what_was_not_synced),
    };
    return cmocka_run_group_tests_name("fault", tests, NULL, NULL);
}
