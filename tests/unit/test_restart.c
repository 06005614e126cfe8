/* SPDX-License-Identifier: MIT */
/* Long lives: thousands of restarts and hundreds of rotations, and verifiers and readers beside a
   writer in another process.  The ledgers here are not durable (options.not_durable): nothing is
   lost but the time for fsync, since no power fails.  PP_CHAOS=1 does 10,000 restarts and 1,000
   kills, else there are a fifth of them. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "../lib/ledger_fixture.h"

static struct fixture scratch;
static struct fixture_book *book;

static const struct pp_ledger_options small_segments = {
    .segment_bytes = 64 << 10, .group_bytes = 8 << 10, .not_durable = true};

static int set_up(void **state)
{
    (void)state;
    fixture_make(&scratch);
    book = fixture_book_new();
    return fixture_create(&scratch) == PP_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    fixture_remove(&scratch);
    fixture_book_free(book);
    return 0;
}

static unsigned chaos_or_a_fifth(unsigned count)
{
    return getenv("PP_CHAOS") != NULL ? count : count / 5;
}

static void verify_at_t1(struct pp_verify_report *report)
{
    const struct pp_verify_options options = {.verify_key = scratch.verify_key};
    pp_ledger_verify(scratch.ledger, &options, report);
}

/* ---- Restarts ------------------------------------------------------------------------------- */

static void thousands_of_restarts(void **state)
{
    (void)state;
    unsigned restarts = chaos_or_a_fifth(10000);
    struct pp_verify_report report;
    for (unsigned i = 1; i <= restarts; i++) {
        const struct fixture_plan life = {.entries = 1 + i % 3, .options = small_segments};
        fixture_context("restart %u", i);
        assert_int_equal(fixture_write(&scratch, &life, book), PP_OK);
        if (i % 1000 == 0)
            fixture_verify(&scratch, book, true);
    }
    fixture_read(&scratch, book);
    verify_at_t1(&report);
    assert_int_equal(report.verdict, PP_VERDICT_OK);
    assert_int_equal(report.entries, book->acknowledged);
    assert_int_equal(report.recoveries, 0);
    assert_true(report.segments > restarts / 60);
    print_message("%u restarts, %llu segments, %llu seals, %llu entries\n", restarts,
                  (unsigned long long)report.segments, (unsigned long long)report.seals,
                  (unsigned long long)report.entries);
}

/* In a child that appends, acknowledges a part, and is killed without closing. */
static void live_and_be_killed(const struct fixture_plan *life)
{
    int status = 0;
    fflush(NULL);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        if (fixture_write(&scratch, life, book) == PP_OK)
            raise(SIGKILL);
        _exit(1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGKILL);
}

static void restarts_after_a_kill(void **state)
{
    (void)state;
    unsigned kills = chaos_or_a_fifth(1000);
    struct pp_verify_report report;
    for (unsigned i = 1; i <= kills; i++) {
        const struct fixture_plan life = {
            .entries = 1 + i % 9, .sync_every = i % 4, .options = small_segments, .abandon = true};
        fixture_context("kill %u", i);
        live_and_be_killed(&life);
        if (i % 50 == 0) {
            fixture_verify(&scratch, book, false);
            fixture_read(&scratch, book);
        }
    }
    fixture_check_and_go_on(&scratch, book);
    verify_at_t1(&report);
    print_message("%u kills, %llu segments, %llu recoveries\n", kills,
                  (unsigned long long)report.segments, (unsigned long long)report.recoveries);
}

/* ---- Beside a writer ------------------------------------------------------------------------ */

/* A writer in another process until it is told to end; restarts: opens and closes all the time. */
static pid_t start_writer(bool restarts)
{
    fflush(NULL);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child != 0)
        return child;
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* a failed test must not leave it behind */
    const struct fixture_plan life = {.entries = restarts ? 3 : 20000,
                                      .sync_every = 7,
                                      .prune_at = restarts ? 3 : 4000,
                                      .keep = restarts ? 400 : 2500,
                                      .options = small_segments};
    enum pp_error error = PP_OK;
    while (error == PP_OK && !book->stop)
        error = fixture_write(&scratch, &life, book);
    _exit((int)error);
}

static void end_writer(pid_t child)
{
    int status = 0;
    book->stop = true;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_string_equal(pp_error_text((enum pp_error)WEXITSTATUS(status)), pp_error_text(PP_OK));
    book->stop = false;
}

/* What a verifier and a reader see while a writer works is never an accusation. */
static void look_on(bool restarts)
{
    unsigned rounds = chaos_or_a_fifth(1000), undecided = 0;
    struct pp_verify_report report;
    pid_t writer = start_writer(restarts);
    for (unsigned i = 1; i <= rounds && book->violation[0] == 0; i++) {
        uint64_t acknowledged = book->acknowledged;
        fixture_context("round %u beside a writer", i);
        verify_at_t1(&report);
        if (pp_verdict_exit_code(report.verdict) == 1)
            fail_msg("round %u: %s, %s: %s", i, pp_verdict_text(report.verdict), report.place,
                     report.reason);
        undecided += report.verdict != PP_VERDICT_OK;
        if (report.verdict == PP_VERDICT_OK)
            assert_true(report.size >= acknowledged);
    }
    end_writer(writer);
    fixture_verify(&scratch, book, true);
    fixture_read(&scratch, book);
    print_message("%u rounds, %u undecided\n", rounds, undecided);
}

static void verifying_beside_a_writer(void **state)
{
    (void)state;
    look_on(false);
}

static void verifying_beside_restarts(void **state)
{
    (void)state;
    look_on(true);
}

static void a_second_writer_is_refused(void **state)
{
    (void)state;
    const struct fixture_plan life = {.entries = 1, .options = small_segments};
    struct pp_ledger *ledger, *second = NULL;
    struct pp_failure failure;
    int status = 0;
    assert_int_equal(
        pp_ledger_open(scratch.ledger, scratch.keys, &small_segments, &ledger, NULL, &failure),
        PP_OK);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0)
        _exit((int)fixture_write(&scratch, &life, book));
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), PP_ERROR_LOCKED);
    assert_int_equal(
        pp_ledger_open(scratch.ledger, scratch.keys, &small_segments, &second, NULL, &failure),
        PP_ERROR_LOCKED);
    assert_non_null(strstr(failure.text, "writer"));
    assert_int_equal(pp_ledger_close(ledger, &failure), PP_OK);
    assert_int_equal(fixture_write(&scratch, &life, book), PP_OK);
}

#define WITH_LEDGER(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_LEDGER(thousands_of_restarts),      WITH_LEDGER(restarts_after_a_kill),
        WITH_LEDGER(verifying_beside_a_writer),  WITH_LEDGER(verifying_beside_restarts),
        WITH_LEDGER(a_second_writer_is_refused),
    };
    return cmocka_run_group_tests_name("restart", tests, NULL, NULL);
}
