/* SPDX-License-Identifier: MIT */
/* Crashes: SIGKILL, torn writes and power cuts at every change that a writer makes to its files, in
   recovery too, and one after the other.  PP_CHAOS=1 adds 1,000 random points. */
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

static struct fixture scratch, template, crashed;
static struct fixture_book *book, *template_book, *crashed_book;

/* A rotation, a blob, a checkpoint and a prune. */
static const struct fixture_plan plan = {
    .entries = 150,
    .sync_every = 26,
    .checkpoint_at = 60,
    .prune_at = 140,
    .options = {.segment_bytes = 64 << 10, .group_bytes = 16 << 10}};
static const struct fixture_plan short_plan = {
    .entries = 4, .sync_every = 2, .options = {.segment_bytes = 64 << 10}};

static int set_up(void **state)
{
    (void)state;
    /* One rotation: segment 0 has the default size. */
    const struct fixture_plan first = {.entries = 140, .sync_every = 50, .options = plan.options};
    fixture_make(&scratch);
    fixture_make(&template);
    fixture_make(&crashed);
    book = fixture_book_new();
    template_book = fixture_book_new();
    crashed_book = fixture_book_new();
    if (fixture_create(&template) != PP_OK)
        return -1;
    return fixture_write(&template, &first, template_book) == PP_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    fixture_remove(&scratch);
    fixture_remove(&template);
    fixture_remove(&crashed);
    fixture_book_free(book);
    fixture_book_free(template_book);
    fixture_book_free(crashed_book);
    return 0;
}

static bool chaos(void)
{
    return getenv("PP_CHAOS") != NULL;
}

/* A child lives the plan under the fault; true when the fault killed it. */
static bool live_and_die(struct pp_fault fault, const struct fixture_plan *life)
{
    int status = 0;
    fflush(NULL);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        pp_fault_set(fault);
        enum pp_error error = fixture_write(&scratch, life, book);
        _exit(error == PP_OK ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    if (WIFEXITED(status))
        assert_int_equal(WEXITSTATUS(status), 0);
    else
        assert_int_equal(WTERMSIG(status), SIGKILL);
    return WIFSIGNALED(status);
}

/* ---- One crash ------------------------------------------------------------------------------ */

struct kind {
    const char *name;
    enum pp_fault_action action;
    unsigned classes;
};
static const struct kind kinds[] = {
    {"a kill before", PP_FAULT_KILL_BEFORE, PP_FAULT_CHANGES},
    {"a kill after", PP_FAULT_KILL_AFTER, PP_FAULT_CHANGES},
    {"a kill in the middle of", PP_FAULT_KILL_SHORT, PP_FAULT_WRITES},
    {"torn sectors at", PP_FAULT_KILL_SECTORS, PP_FAULT_WRITES},
    {"a power cut at", PP_FAULT_POWER_CUT, PP_FAULT_CHANGES},
};
enum { KINDS = sizeof kinds / sizeof kinds[0] };

static struct pp_fault fault_of(const struct kind *kind, uint64_t call, uint64_t seed)
{
    fixture_context("%s call %llu, seed %llu", kind->name, (unsigned long long)call,
                    (unsigned long long)seed);
    return (struct pp_fault){.action = kind->action,
                             .classes = kind->classes,
                             .at_call = call,
                             .keep_bytes = PP_FAULT_BY_SEED,
                             .seed = seed};
}

/* Crashes at every call of a life that starts from a copy; returns how many there were. */
static uint64_t crash_at_every_call(const struct kind *kind, const struct fixture *from,
                                    const struct fixture_book *from_book,
                                    const struct fixture_plan *life, uint64_t seed)
{
    for (uint64_t call = 1;; call++) {
        fixture_copy(from, &scratch);
        *book = *from_book;
        bool killed = live_and_die(fault_of(kind, call, seed * 1000 + call), life);
        fixture_check_and_go_on(&scratch, book);
        if (!killed)
            return call - 1;
    }
}

static void every_call_may_be_the_last(void **state)
{
    (void)state;
    uint64_t crashes = 0, seeds = chaos() ? 5 : 1;
    for (size_t i = 0; i < KINDS; i++)
        for (uint64_t seed = 1; seed <= seeds; seed++)
            crashes += crash_at_every_call(&kinds[i], &template, template_book, &plan, seed);
    print_message("%llu crashes\n", (unsigned long long)crashes);
    assert_true(crashes > seeds * KINDS * 40);
}

/* ---- What readers show of it ---------------------------------------------------------------- */

struct shown {
    uint64_t by_reader, by_verify, recovered;
};

/* Before the next writer comes, and what that one keeps. */
static struct shown look(void)
{
    struct pp_ledger_reader *reader;
    struct pp_ledger *ledger;
    struct pp_ledger_opening opening;
    struct pp_verify_report report;
    struct pp_verify_options options = {.verify_key = scratch.verify_key, .threads = 1};
    struct shown shown;
    assert_int_equal(pp_ledger_reader_open(scratch.ledger, &reader, NULL), PP_OK);
    shown.by_reader = pp_ledger_reader_size(reader);
    pp_ledger_reader_close(reader);
    pp_ledger_verify(scratch.ledger, &options, &report);
    shown.by_verify = report.size;
    assert_int_equal(pp_ledger_open(scratch.ledger, scratch.keys, NULL, &ledger, &opening, NULL),
                     PP_OK);
    shown.recovered = opening.size;
    assert_int_equal(pp_ledger_close(ledger, NULL), PP_OK);
    return shown;
}

/* A reader that shows entries as sealed must not see them vanish. */
static void readers_show_only_what_recovery_keeps(void **state)
{
    (void)state;
    uint64_t seeds = chaos() ? 60 : 2, crashes = 0, torn = 0;
    for (uint64_t seed = 1; seed <= seeds; seed++) {
        for (size_t i = 2; i < KINDS; i++) {
            for (uint64_t call = 1;; call++, crashes++) {
                fixture_copy(&template, &scratch);
                *book = *template_book;
                if (!live_and_die(fault_of(&kinds[i], call, seed * 1000 + call), &plan))
                    break;
                struct shown shown = look();
                if (shown.by_reader > shown.recovered || shown.by_verify > shown.recovered)
                    fail_msg("%s call %llu, seed %llu: a reader shows %llu entries, `verify` "
                             "%llu, recovery keeps %llu",
                             kinds[i].name, (unsigned long long)call,
                             (unsigned long long)(seed * 1000 + call),
                             (unsigned long long)shown.by_reader,
                             (unsigned long long)shown.by_verify,
                             (unsigned long long)shown.recovered);
                assert_true(shown.by_reader >= book->acknowledged);
                torn += shown.recovered == book->acknowledged;
            }
        }
    }
    print_message("%llu crashes, %llu without the last group\n", (unsigned long long)crashes,
                  (unsigned long long)torn);
    assert_true(torn > 100 && crashes > torn);
}

/* A sector that was never written and one of zeros look alike: a torn group may differ from a whole
   one in a tag alone, here in the half of it that shares no sector with the entry after it. */
static void zeros_hide_no_torn_tag(void **state)
{
    (void)state;
    const struct fixture_plan life = {
        .entries = 3, .sync_every = 3, .options = {.segment_bytes = 64 << 10}};
    fixture_copy(&template, &scratch);
    *book = *template_book;
    size_t end = fixture_used_end(&scratch);
    size_t boundary = (end / PP_FAULT_SECTOR_BYTES + 3) * PP_FAULT_SECTOR_BYTES;
    fixture_zeros(book->acknowledged, boundary - end + PP_TAG_BYTES / 2);
    /* The third change writes the seal: the first removes an index that is not there, the second
       writes the entries. */
    assert_true(live_and_die(fault_of(&kinds[1], 3, 0), &life));
    assert_true(fixture_used_end(&scratch) > boundary + PP_TAG_BYTES);
    fixture_lose_sector(&scratch, boundary - PP_FAULT_SECTOR_BYTES, PP_FAULT_SECTOR_BYTES);
    fixture_check_and_go_on(&scratch, book);
    fixture_zeros(PP_NO_SEQ, 0);
}

/* ---- Crashes while a crash is repaired ------------------------------------------------------ */

static void recovery_may_be_interrupted_too(void **state)
{
    (void)state;
    uint64_t crashes = 0, step = chaos() ? 1 : 23;
    const struct kind *first = &kinds[3];
    for (uint64_t call = 1;; call += step) {
        fixture_copy(&template, &scratch);
        *book = *template_book;
        if (!live_and_die(fault_of(first, call, call), &plan))
            break;
        fixture_copy(&scratch, &crashed);
        *crashed_book = *book;
        for (size_t i = 0; i < KINDS; i++)
            crashes += crash_at_every_call(&kinds[i], &crashed, crashed_book, &short_plan, call);
    }
    print_message("%llu crashes in recovery\n", (unsigned long long)crashes);
    assert_true(crashes > 100);
}

/* ---- A series of crashes -------------------------------------------------------------------- */

static uint64_t random_state;

static uint64_t random_below(uint64_t limit)
{
    random_state = random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (random_state >> 33) % limit;
}

static struct fixture_plan random_plan(void)
{
    return (struct fixture_plan){
        .entries = 20 + random_below(150),
        .sync_every = random_below(30),
        .checkpoint_at = random_below(60),
        .prune_at = random_below(200),
        .options = {.segment_bytes = 64 << 10, .group_bytes = (4 << 10) + random_below(60 << 10)}};
}

/* The same ledger crashes again and again; only the last life is a quiet one. */
static uint64_t crash_in_a_row(uint64_t crashes)
{
    uint64_t killed = 0;
    fixture_copy(&template, &scratch);
    *book = *template_book;
    for (uint64_t i = 0; i < crashes; i++) {
        struct fixture_plan life = random_plan();
        const struct kind *kind = &kinds[random_below(KINDS)];
        uint64_t call = 1 + random_below(random_below(2) == 0 ? 12 : 90);
        killed += live_and_die(fault_of(kind, call, random_state), &life);
        fixture_verify(&scratch, book, false);
        fixture_read(&scratch, book);
    }
    fixture_check_and_go_on(&scratch, book);
    return killed;
}

static void crashes_may_follow_each_other(void **state)
{
    (void)state;
    enum { IN_A_ROW = 10 };
    uint64_t killed = 0, wanted = chaos() ? 1000 : 100;
    random_state = 1;
    for (unsigned series = 1; killed < wanted; series++)
        killed += crash_in_a_row(IN_A_ROW);
    print_message("%llu crashes in rows of %d\n", (unsigned long long)killed, IN_A_ROW);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_call_may_be_the_last),
        cmocka_unit_test(readers_show_only_what_recovery_keeps),
        cmocka_unit_test(zeros_hide_no_torn_tag),
        cmocka_unit_test(recovery_may_be_interrupted_too),
        cmocka_unit_test(crashes_may_follow_each_other),
    };
    return cmocka_run_group_tests_name("fault_kill", tests, set_up, tear_down);
}
