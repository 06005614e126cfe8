/* SPDX-License-Identifier: MIT */
/* A file that others write to while it is read: mapped, or as a copy. */
#include <errno.h>
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

static void a_mapped_file_that_gets_shorter_ends_the_process_with_a_message(void **state)
{
    (void)state;
    const char *message = "shorter\n";
    const uint8_t *data = NULL;
    size_t bytes = 0;
    char said[32] = "";
    int status = 0, ends[2];
    FILE *file = tmpfile();
    assert_non_null(file);
    int fd = fileno(file);
    assert_int_equal(pp_os_truncate(fd, 100000), 0);
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        dup2(ends[1], STDERR_FILENO);
        if (pp_os_end_on_map_fault(message, 2) != 0 || pp_os_map(fd, &data, &bytes) != 0 ||
            pp_os_truncate(fd, 10) != 0)
            _exit(1);
        _exit(*(const volatile uint8_t *)&data[99999]); /* 0 would be wrong, too */
    }
    close(ends[1]);
    fclose(file);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 2);
    assert_int_equal(read(ends[0], said, sizeof said - 1), (int)strlen(message));
    assert_string_equal(said, message);
    close(ends[0]);
}

static void a_copy_stays_what_the_file_was(void **state)
{
    (void)state;
    const uint8_t *data = NULL;
    size_t bytes = 1;
    FILE *file = tmpfile();
    assert_non_null(file);
    int fd = fileno(file);
    assert_int_equal(pp_os_load(fd, &data, &bytes), 0);
    assert_null(data);
    assert_int_equal(bytes, 0);
    assert_int_equal(pp_os_write_at(fd, "0123456789", 10, 0), 0);
    assert_int_equal(pp_os_load(fd, &data, &bytes), 0);
    assert_int_equal(pp_os_write_at(fd, "ABC", 3, 4), 0);
    assert_int_equal(pp_os_truncate(fd, 2), 0);
    fclose(file);
    assert_int_equal(bytes, 10);
    assert_memory_equal(data, "0123456789", 10);
    pp_os_unmap(data, bytes);
    int folder = pp_os_open_dir(PP_OS_CWD, "/");
    assert_true(folder >= 0);
    assert_int_equal(pp_os_load(folder, &data, &bytes), -EINVAL);
    pp_os_close(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_mapped_file_that_gets_shorter_ends_the_process_with_a_message),
        cmocka_unit_test(a_copy_stays_what_the_file_was),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
