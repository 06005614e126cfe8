/* SPDX-License-Identifier: MIT */
/* Direct writes: what they put into a file is what readers through the page cache get, and nothing
   else changes.  Skipped where the file system takes none. */
#include <errno.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../src/os/os.h"

enum { BLOCKS = 3, BYTES = BLOCKS * PP_OS_BLOCK_BYTES, FILE_BYTES = 16 * PP_OS_BLOCK_BYTES };

static char scratch[PATH_MAX];
static int dir, fd, direct;
static uint8_t *blocks;

static int enter_scratch(void **state)
{
    (void)state;
    const char *base = getenv("TMPDIR");
    snprintf(scratch, sizeof scratch, "%s/postproof-direct-XXXXXX", base != NULL ? base : "/tmp");
    if (mkdtemp(scratch) == NULL)
        return -1;
    dir = pp_os_open_dir(PP_OS_CWD, scratch);
    fd = pp_os_open(dir, "segment", PP_OS_CREATE);
    direct = pp_os_open(dir, "segment", PP_OS_DIRECT);
    blocks = pp_os_buffer_alloc(BYTES);
    return dir < 0 || fd < 0 || blocks == NULL ? -1 : 0;
}

static int leave_scratch(void **state)
{
    (void)state;
    pp_os_buffer_free(blocks, BYTES);
    pp_os_close(direct);
    pp_os_close(fd);
    int result = pp_os_remove(dir, "segment");
    pp_os_close(dir);
    return result < 0 ? result : rmdir(scratch);
}

static void require_direct(void)
{
    if (direct == -EINVAL) {
        print_message("this file system takes no direct writes\n");
        skip();
    }
    assert_true(direct >= 0);
}

/* Through the page cache before and after, so that a stale page would show. */
static void direct_writes_reach_every_reader(void **state)
{
    (void)state;
    static uint8_t back[BYTES];
    require_direct();
    assert_int_equal(pp_os_preallocate(fd, FILE_BYTES), 0);
    assert_int_equal(pp_os_write_at(fd, "kept", 4, 0), 0);
    assert_int_equal(pp_os_read_at(fd, back, BYTES, 0), BYTES);
    for (int round = 1; round <= 5; round++) {
        memset(blocks, round, BYTES);
        assert_int_equal(pp_os_write_at(direct, blocks, BYTES, PP_OS_BLOCK_BYTES), 0);
        assert_int_equal(pp_os_sync_data(fd), 0);
        assert_int_equal(pp_os_read_at(fd, back, BYTES, PP_OS_BLOCK_BYTES), BYTES);
        assert_memory_equal(back, blocks, BYTES);
    }
    assert_int_equal(pp_os_read_at(fd, back, 4, 0), 4);
    assert_memory_equal(back, "kept", 4);
    assert_int_equal(pp_os_size(fd), FILE_BYTES);
}

static void what_is_no_whole_block_is_refused(void **state)
{
    (void)state;
    require_direct();
    memset(blocks, 1, BYTES);
    assert_true(pp_os_write_at(direct, blocks, 100, 0) < 0);
    assert_true(pp_os_write_at(direct, blocks, PP_OS_BLOCK_BYTES, 100) < 0);
    assert_int_equal(pp_os_size(fd), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(direct_writes_reach_every_reader, enter_scratch,
                                        leave_scratch),
        cmocka_unit_test_setup_teardown(what_is_no_whole_block_is_refused, enter_scratch,
                                        leave_scratch),
    };
    return cmocka_run_group_tests_name("os_direct", tests, NULL, NULL);
}
