/* SPDX-License-Identifier: MIT */
/* Two blows: a process that dies or whose sync fails leaves bytes that are in memory only; the next
   one builds on them, and then the power fails.  PP_CHAOS=1 tries every pair of places. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "../lib/ledger_fixture.h"
#include "../lib/os_fault.h"

enum { SECOND_CALLS = 28 };

static struct fixture scratch, template;
static struct fixture_book *book, *template_book;

/* A rotation in the middle of a few groups. */
static const struct fixture_plan first_life = {
    .entries = 42,
    .sync_every = 9,
    .checkpoint_at = 20,
    .options = {.segment_bytes = 64 << 10, .group_bytes = 16 << 10}};
static const struct fixture_plan second_life = {
    .entries = 6, .sync_every = 3, .options = {.segment_bytes = 64 << 10}};

static int set_up(void **state)
{
    (void)state;
    /* One rotation, segment 0 has the default size; the next one is near. */
    const struct fixture_plan before = {
        .entries = 225, .sync_every = 75, .options = first_life.options};
    fixture_make(&scratch);
    fixture_make(&template);
    book = fixture_book_new();
    template_book = fixture_book_new();
    if (fixture_create(&template) != PP_OK)
        return -1;
    return fixture_write(&template, &before, template_book) == PP_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    fixture_remove(&scratch);
    fixture_remove(&template);
    fixture_book_free(book);
    fixture_book_free(template_book);
    return 0;
}

static uint64_t chaos_or(uint64_t in_chaos, uint64_t otherwise)
{
    return getenv("PP_CHAOS") != NULL ? in_chaos : otherwise;
}

enum outcome { FIRST_CAME_THROUGH, SECOND_CAME_THROUGH, KILLED };

/* Both lives in one process: only that knows what the disk may lose. */
static enum outcome live_twice(struct pp_fault fault)
{
    int status = 0;
    fflush(NULL);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        pp_fault_set(fault);
        enum pp_error error = fixture_write(&scratch, &first_life, book);
        pp_fault_revive();
        if (error == PP_OK)
            _exit(FIRST_CAME_THROUGH);
        error = fixture_write(&scratch, &second_life, book);
        _exit(error == PP_OK ? SECOND_CAME_THROUGH : 3);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    if (WIFSIGNALED(status)) {
        assert_int_equal(WTERMSIG(status), SIGKILL);
        return KILLED;
    }
    assert_in_range(WEXITSTATUS(status), FIRST_CAME_THROUGH, SECOND_CAME_THROUGH);
    return (enum outcome)WEXITSTATUS(status);
}

static void strike_twice(const char *name, bool halts)
{
    uint64_t killed = 0, seeds = chaos_or(4, 1), step = chaos_or(1, 7);
    for (uint64_t first = 1, over = 0; !over; first++) {
        for (uint64_t second = 1 + first % step; second <= SECOND_CALLS; second += step) {
            for (uint64_t seed = 1; seed <= seeds && !over; seed++) {
                fixture_context("%s at call %llu, power cut %llu calls later, seed %llu", name,
                                (unsigned long long)first, (unsigned long long)second,
                                (unsigned long long)seed);
                fixture_copy(&template, &scratch);
                *book = *template_book;
                enum outcome outcome =
                    live_twice((struct pp_fault){.action = PP_FAULT_POWER_CUT,
                                                 .classes = PP_FAULT_CHANGES,
                                                 .at_call = first + second,
                                                 .seed = first * 1000 + second * 10 + seed,
                                                 .fail_at_call = first,
                                                 .halts = halts});
                fixture_check_and_go_on(&scratch, book);
                over = outcome == FIRST_CAME_THROUGH;
                killed += outcome == KILLED;
            }
        }
    }
    print_message("%llu power cuts\n", (unsigned long long)killed);
    assert_true(killed > 100);
}

static void power_fails_after_a_kill(void **state)
{
    (void)state;
    strike_twice("a kill", true);
}

static void power_fails_after_a_disk_error(void **state)
{
    (void)state;
    strike_twice("an error", false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(power_fails_after_a_kill),
        cmocka_unit_test(power_fails_after_a_disk_error),
    };
    return cmocka_run_group_tests_name("fault_power", tests, set_up, tear_down);
}
