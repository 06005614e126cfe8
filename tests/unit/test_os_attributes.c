/* SPDX-License-Identifier: MIT */
/* Attributes, holes and links of os.h, in a scratch folder. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../src/os/os.h"

enum { MIB = 1 << 20 };

static char scratch[64];
static int dir;

static int enter(void **state)
{
    (void)state;
    snprintf(scratch, sizeof scratch, "/tmp/postproof-attributes-XXXXXX");
    if (mkdtemp(scratch) == NULL)
        return -1;
    dir = pp_os_open_dir(PP_OS_CWD, scratch);
    return dir < 0;
}

static int leave(void **state)
{
    char command[128];
    (void)state;
    pp_os_close(dir);
    snprintf(command, sizeof command, "rm -rf %s", scratch);
    return system(command);
}

static int create(const char *name)
{
    int fd = pp_os_open(dir, name, PP_OS_CREATE);
    assert_true(fd >= 0);
    return fd;
}

static void attributes_are_set_and_told(void **state)
{
    struct pp_os_attributes attributes;
    (void)state;
    int fd = create("file");
    assert_int_equal(pp_os_write_at(fd, "12345", 5, 0), 0);
    assert_int_equal(pp_os_set_mode(fd, 0604), 0);
    assert_int_equal(pp_os_set_modified(fd, INT64_C(981173106123456789)), 0);
    assert_int_equal(pp_os_status(fd, &attributes), 0);
    assert_int_equal(attributes.kind, PP_OS_FILE);
    assert_int_equal(attributes.mode, 0604);
    assert_int_equal(attributes.bytes, 5);
    assert_true(attributes.modified_ns == INT64_C(981173106123456789));
    assert_int_equal(pp_os_set_modified(fd, -1), 0); /* before 1970 */
    assert_int_equal(pp_os_status_at(dir, "file", &attributes), 0);
    assert_true(attributes.modified_ns == -1);
    assert_int_equal(pp_os_status_at(dir, "absent", &attributes), -ENOENT);
    pp_os_close(fd);
}

static void links_are_told_not_followed(void **state)
{
    struct pp_os_attributes attributes;
    char target[16];
    (void)state;
    assert_int_equal(pp_os_symlink(dir, "somewhere", "link"), 0);
    assert_int_equal(pp_os_status_at(dir, "link", &attributes), 0);
    assert_int_equal(attributes.kind, PP_OS_LINK);
    assert_int_equal(pp_os_read_link(dir, "link", target, sizeof target), 0);
    assert_string_equal(target, "somewhere");
    assert_int_equal(pp_os_read_link(dir, "link", target, 9), -ENAMETOOLONG);
    assert_int_equal(pp_os_set_modified_at(dir, "link", 5), 0);
    assert_int_equal(pp_os_status_at(dir, "link", &attributes), 0);
    assert_true(attributes.modified_ns == 5);
}

static void permissions_are_copied(void **state)
{
    struct pp_os_attributes attributes;
    (void)state;
    int from = create("from"), to = create("to");
    assert_int_equal(pp_os_set_mode(from, 0751), 0);
    assert_int_equal(pp_os_copy_permissions(from, to), 0);
    assert_int_equal(pp_os_status(to, &attributes), 0);
    assert_int_equal(attributes.mode, 0751);
    assert_int_equal(pp_os_copy_permissions(-1, to), -EBADF);
    pp_os_close(from);
    pp_os_close(to);
}

static void holes_are_found_and_made(void **state)
{
    static uint8_t data[MIB];
    struct pp_os_attributes attributes;
    (void)state;
    memset(data, 7, sizeof data);
    int fd = create("sparse");
    assert_int_equal(pp_os_truncate(fd, 8 * MIB), 0);
    assert_int_equal(pp_os_write_at(fd, data, sizeof data, 4 * MIB), 0);
    assert_int_equal(pp_os_next_data(fd, 0), 4 * MIB);
    assert_int_equal(pp_os_next_hole(fd, 4 * MIB), 5 * MIB);
    assert_int_equal(pp_os_next_data(fd, 5 * MIB), 8 * MIB); /* none: the end */
    assert_int_equal(pp_os_next_hole(fd, 9 * MIB), 8 * MIB);
    pp_os_make_hole(fd, 4 * MIB, MIB);
    assert_int_equal(pp_os_next_data(fd, 0), 8 * MIB);
    assert_int_equal(pp_os_reserve(fd, 8 * MIB, MIB), 0);
    assert_int_equal(pp_os_reserve(fd, INT64_MAX, 2), -EFBIG);
    assert_int_equal(pp_os_status(fd, &attributes), 0);
    assert_int_equal(attributes.bytes, 8 * MIB);
    pp_os_close(fd);
}

static void names_are_exchanged_linked_and_removed(void **state)
{
    struct pp_os_attributes a, b;
    (void)state;
    assert_int_equal(pp_os_make_dir(dir, "folder", true), 0);
    pp_os_close(create("plain"));
    assert_int_equal(pp_os_exchange(dir, "folder", "plain"), 0);
    assert_int_equal(pp_os_status_at(dir, "folder", &a), 0);
    assert_int_equal(pp_os_status_at(dir, "plain", &b), 0);
    assert_int_equal(a.kind, PP_OS_FILE);
    assert_int_equal(b.kind, PP_OS_DIR);
    assert_int_equal(pp_os_exchange(dir, "folder", "absent"), -ENOENT);
    assert_int_equal(pp_os_remove_dir(dir, "plain"), 0);
    assert_int_equal(pp_os_remove_dir(dir, "folder"), -ENOTDIR);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(attributes_are_set_and_told),
        cmocka_unit_test(links_are_told_not_followed),
        cmocka_unit_test(permissions_are_copied),
        cmocka_unit_test(holes_are_found_and_made),
        cmocka_unit_test(names_are_exchanged_linked_and_removed),
    };
    return cmocka_run_group_tests_name("os_attributes", tests, enter, leave);
}
