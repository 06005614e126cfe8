/* SPDX-License-Identifier: MIT */
/* Disks that fail: an error at every system call of a writer's, a verifier's and a reader's life.
   What was acknowledged stays readable, the writer stops, and nobody cries wolf. */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../src/os/os.h"
#include "../lib/ledger_fixture.h"
#include "../lib/os_fault.h"

static struct fixture scratch, template;
static struct fixture_book *book, *template_book;

/* Two rotations, blobs, a checkpoint and a prune. */
static const struct fixture_plan plan = {
    .entries = 240,
    .sync_every = 26,
    .checkpoint_at = 130,
    .prune_at = 220,
    .options = {.segment_bytes = 64 << 10, .group_bytes = 16 << 10}};

static int set_up(void **state)
{
    (void)state;
    fixture_make(&scratch);
    fixture_make(&template);
    book = fixture_book_new();
    template_book = fixture_book_new();
    /* The ledger that later lives start from: its last segment is small, and half full. */
    const struct fixture_plan first = {.entries = 150, .sync_every = 50, .options = plan.options};
    if (fixture_create(&template) != PP_OK)
        return -1;
    return fixture_write(&template, &first, template_book) == PP_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    pp_fault_clear();
    fixture_remove(&scratch);
    fixture_remove(&template);
    fixture_book_free(book);
    fixture_book_free(template_book);
    return 0;
}

static void start_over(void)
{
    pp_fault_clear();
    fixture_copy(&template, &scratch);
    *book = *template_book;
}

struct kind {
    const char *name;
    struct pp_fault fault;
};
static const struct kind kinds[] = {
    {"EIO", {.action = PP_FAULT_EIO, .classes = PP_FAULT_ALL}},
    {"EIO that lasts", {.action = PP_FAULT_EIO, .classes = PP_FAULT_CHANGES, .lasting = true}},
    {"ENOSPC", {.action = PP_FAULT_ENOSPC, .classes = PP_FAULT_WRITES}},
    {"ENOSPC that lasts", {.action = PP_FAULT_ENOSPC, .classes = PP_FAULT_WRITES, .lasting = true}},
    {"a short write",
     {.action = PP_FAULT_SHORT_WRITE, .classes = PP_FAULT_WRITES, .keep_bytes = PP_FAULT_BY_SEED}},
    {"a failed sync", {.action = PP_FAULT_EIO, .classes = PP_FAULT_SYNCS}},
};
enum { KINDS = sizeof kinds / sizeof kinds[0] };

/* Arms kind at call k. */
static void arm(const struct kind *kind, uint64_t k)
{
    struct pp_fault fault = kind->fault;
    fault.at_call = k;
    fault.seed = k * 7919;
    fixture_context("%s at call %llu", kind->name, (unsigned long long)k);
    pp_fault_set(fault);
}

/* Runs the life with the fault at every call, until one comes through without it. */
static void fail_every_call(const struct kind *kind, const struct fixture_plan *life,
                            uint64_t *faults)
{
    for (uint64_t k = 1;; k++) {
        start_over();
        arm(kind, k);
        enum pp_error error = fixture_write(&scratch, life, book);
        bool over = pp_fault_strikes() == 0;
        fixture_context("%s at call %llu (%s)", kind->name, (unsigned long long)k,
                        pp_fault_last_call());
        pp_fault_clear();
        if (over)
            assert_int_equal(error, PP_OK);
        fixture_check_and_go_on(&scratch, book);
        if (over)
            break;
        ++*faults;
    }
}

static void every_call_of_a_writer_may_fail(void **state)
{
    (void)state;
    uint64_t faults = 0;
    for (size_t i = 0; i < KINDS; i++)
        fail_every_call(&kinds[i], &plan, &faults);
    print_message("%llu faults\n", (unsigned long long)faults);
    assert_true(faults > KINDS * 100);
}

static void a_failed_creation_leaves_nothing_that_counts(void **state)
{
    (void)state;
    uint64_t faults = 0;
    for (size_t i = 0; i < KINDS; i++) {
        for (uint64_t k = 1;; k++) {
            pp_fault_clear();
            fixture_empty(&scratch);
            memset(book, 0, sizeof *book);
            arm(&kinds[i], k);
            enum pp_error error = fixture_create(&scratch);
            bool over = pp_fault_strikes() == 0;
            pp_fault_clear();
            if (over)
                assert_int_equal(error, PP_OK);
            if (error == PP_OK) /* the fault did no harm: the ledger is whole */
                fixture_check_and_go_on(&scratch, book);
            if (over)
                break;
            faults++;
        }
    }
    assert_true(faults > KINDS * 20);
}

/* A verifier that can't read says so; it accuses nobody. */
static void a_verifier_that_cannot_read_cannot_decide(void **state)
{
    (void)state;
    struct pp_verify_options options = {.verify_key = scratch.verify_key, .threads = 1};
    struct pp_verify_report report;
    start_over();
    assert_int_equal(fixture_write(&scratch, &plan, book), PP_OK);
    for (int lasting = 0; lasting < 2; lasting++) {
        for (uint64_t k = 1;; k++) {
            pp_fault_set((struct pp_fault){.action = PP_FAULT_EIO,
                                           .classes = PP_FAULT_READS,
                                           .at_call = k,
                                           .lasting = lasting});
            pp_ledger_verify(scratch.ledger, &options, &report);
            bool over = pp_fault_strikes() == 0;
            if (pp_verdict_exit_code(report.verdict) == 1 || (over && report.verdict != 0))
                fail_msg("call %llu (%s): %s, %s: %s", (unsigned long long)k, pp_fault_last_call(),
                         pp_verdict_text(report.verdict), report.place, report.reason);
            if (over)
                break;
        }
    }
}

static enum pp_error read_all(uint64_t *seen)
{
    struct pp_ledger_reader *reader;
    struct pp_entry entry;
    uint8_t *blob;
    size_t len;
    enum pp_error error = pp_ledger_reader_open(scratch.ledger, &reader, NULL);
    if (error != PP_OK)
        return error;
    *seen = pp_ledger_reader_first(reader);
    uint64_t size = pp_ledger_reader_size(reader);
    while (error == PP_OK && *seen < size) {
        error = pp_ledger_reader_next(reader, &entry);
        if (error == PP_OK && entry.kind == PP_ENTRY_REFERENCE) {
            error = pp_ledger_reader_blob(reader, &entry, &blob, &len);
            if (error == PP_OK)
                free(blob);
        }
        *seen += error == PP_OK;
    }
    pp_ledger_reader_close(reader);
    return error;
}

/* A reader that can't read fails; it does not end early with success. */
static void a_reader_that_cannot_read_says_so(void **state)
{
    (void)state;
    uint64_t seen, whole = 0;
    start_over();
    assert_int_equal(fixture_write(&scratch, &plan, book), PP_OK);
    assert_int_equal(read_all(&whole), PP_OK);
    for (uint64_t k = 1;; k++) {
        pp_fault_set(
            (struct pp_fault){.action = PP_FAULT_EIO, .classes = PP_FAULT_READS, .at_call = k});
        enum pp_error error = read_all(&seen);
        if (pp_fault_strikes() == 0)
            break;
        if (error == PP_OK)
            assert_int_equal(seen, whole);
        else
            assert_int_equal(error, PP_ERROR_IO);
    }
}

/* A clock that is set back is noted, and no reason for a verdict. */
static void the_clock_may_go_back(void **state)
{
    (void)state;
    enum { STEPS = 5 };
    const struct fixture_plan life = {.entries = 9, .sync_every = 3, .options = plan.options};
    const struct pp_verify_options options = {.verify_key = scratch.verify_key};
    struct pp_verify_report report;
    start_over();
    for (int i = 1; i <= STEPS; i++) {
        pp_fault_shift_clock(-i * INT64_C(3600000000000));
        assert_int_equal(fixture_write(&scratch, &life, book), PP_OK);
    }
    pp_fault_shift_clock(0);
    fixture_verify(&scratch, book, true);
    pp_ledger_verify(scratch.ledger, &options, &report);
    assert_int_equal(report.clock_steps, STEPS);
    fixture_check_and_go_on(&scratch, book);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_call_of_a_writer_may_fail),
        cmocka_unit_test(a_failed_creation_leaves_nothing_that_counts),
        cmocka_unit_test(a_verifier_that_cannot_read_cannot_decide),
        cmocka_unit_test(a_reader_that_cannot_read_says_so),
        cmocka_unit_test(the_clock_may_go_back),
    };
    return cmocka_run_group_tests_name("fault_ledger", tests, set_up, tear_down);
}
