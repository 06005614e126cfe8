/* SPDX-License-Identifier: MIT */
/* A segment that changes while it is verified: what was checked in one piece is read again for the
   bodies kept beside, and has to be the same. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../src/store/verify.h"
#include "../lib/ledger_fixture.h"

enum { LARGE_BODY_BYTES = 70000, SMALL_ENTRIES = 4000, AT_KIND = 1, AT_TIME = 10 };

static struct fixture scratch;

static void append(struct pp_ledger *ledger, size_t body_bytes)
{
    static uint8_t body[LARGE_BODY_BYTES];
    struct pp_entry entry = {.source = pp_bytes_of("test"), .body = {body, body_bytes}};
    assert_int_equal(pp_ledger_append(ledger, &entry, NULL), PP_OK);
}

/* The first entry refers to a body; more than a piece of others follows it. */
static int set_up(void **state)
{
    (void)state;
    const struct pp_ledger_options options = {.not_durable = true};
    struct pp_ledger *ledger;
    fixture_make(&scratch);
    assert_int_equal(fixture_create(&scratch), PP_OK);
    assert_int_equal(pp_ledger_open(scratch.ledger, NULL, &options, &ledger, NULL, NULL), PP_OK);
    append(ledger, LARGE_BODY_BYTES);
    for (int i = 0; i < SMALL_ENTRIES; i++)
        append(ledger, 100);
    assert_int_equal(pp_ledger_close(ledger, NULL), PP_OK);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    fixture_remove(&scratch);
    return 0;
}

/* Changes a byte of the first entry; `at` is its place in the entry. */
static void flip(size_t at)
{
    char path[PATH_MAX + 64];
    uint8_t head[4096], byte;
    struct pp_frame header;
    snprintf(path, sizeof path, "%s/segments/%020d.seg", scratch.ledger, 0);
    int fd = open(path, O_RDWR);
    assert_true(fd >= 0 && pread(fd, head, sizeof head, 0) == sizeof head);
    assert_int_equal(pp_frame_read((struct pp_bytes){head, sizeof head}, &header), PP_OK);
    size_t place = header.bytes + PP_FRAME_HEAD_BYTES + at;
    byte = head[place] ^ (PP_ENTRY_REFERENCE ^ PP_ENTRY_NOTICE);
    assert_int_equal(pwrite(fd, &byte, 1, (off_t)place), 1);
    close(fd);
}

/* Verifies the segment; change, where there is one, happens when its first piece was taken. */
static struct pp_verify_slot verify(void (*change)(void))
{
    const struct pp_verify_options options = {.verify_key = scratch.verify_key};
    struct pp_verify_report report = {0};
    struct pp_verification v = {.options = &options, .report = &report};
    struct pp_verify_task task = {.fd = -1};
    struct pp_verify_tools tools = {.piece = malloc(PP_VERIFY_PIECE_BYTES)};
    task.scratch = pp_os_secret_alloc(sizeof *task.scratch);
    assert_true(tools.piece != NULL && task.scratch != NULL);
    assert_true(pp_verify_load_trust(&v));
    assert_int_equal(pp_layout_open(&v.layout, scratch.ledger, NULL), PP_OK);
    pp_verify_task_begin(&v, 0, &task);
    assert_true(pp_verify_task_step(&v, &task, &tools));
    if (change != NULL)
        change();
    while (pp_verify_task_step(&v, &task, &tools))
        ;
    pp_layout_close(&v.layout);
    pp_os_secret_free(v.key, sizeof *v.key);
    pp_os_secret_free(task.scratch, sizeof *task.scratch);
    pp_buffer_free(&tools.tail);
    free(tools.piece);
    return task.slot;
}

static void what_does_not_change_is_good(void **state)
{
    (void)state;
    struct pp_verify_slot slot = verify(NULL);
    assert_int_equal(slot.result.verdict, PP_VERDICT_OK);
    assert_int_equal(slot.result.entries, 1 + SMALL_ENTRIES);
    assert_int_equal(slot.blobs, 1);
}

static void no_reference_any_more(void)
{
    flip(AT_KIND);
}

/* Its time: the body is still the one that is named. */
static void another_time(void)
{
    flip(AT_TIME);
}

static void changed_references_are_found(void **state)
{
    (void)state;
    void (*const changes[])(void) = {no_reference_any_more, another_time};
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        struct pp_verify_slot slot = verify(changes[i]);
        assert_int_equal(slot.result.verdict, PP_VERDICT_MODIFIED);
        assert_string_equal(slot.reason, "the segment was changed while it was verified");
        changes[i](); /* and back */
        what_does_not_change_is_good(state);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_does_not_change_is_good),
        cmocka_unit_test(changed_references_are_found),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
