/* SPDX-License-Identifier: MIT */
/* A mapped file that gets shorter while it is read. */
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_mapped_file_that_gets_shorter_ends_the_process_with_a_message),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
