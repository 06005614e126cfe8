/* SPDX-License-Identifier: MIT */
/* Segments, groups, entries and seals moved, doubled, deleted and taken from other ledgers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../lib/tamper.h"

/* Ledgers of one shape: a and b are two logs, twin bears the origin of a but has other keys. */
enum { SEGMENTS = 5, GROUPS = 3, ENTRIES = 2, LAST = SEGMENTS - 1 };
static struct tamper_place a, b, twin;
static struct tamper_copy honest_a, honest_b, honest_twin;
static struct tamper_map map;

static void fill(const struct tamper_place *place)
{
    struct pp_ledger *ledger = tamper_open(place);
    for (int segment = 0; segment < SEGMENTS; segment++) {
        for (int group = 0; group < GROUPS - 1; group++)
            tamper_group(ledger, ENTRIES, 24);
        if (segment < LAST)
            tamper_rotate(ledger, ENTRIES);
        else
            tamper_group(ledger, ENTRIES, 10);
    }
    tamper_checkpoint(ledger, place);
    tamper_close(ledger);
}

static int make_ledgers(void **state)
{
    if (tamper_set_up(state) != 0)
        return -1;
    a = tamper_make("a", "a.example/log", fill);
    b = tamper_make("b", "b.example/log", fill);
    twin = tamper_make("twin", "a.example/log", fill);
    honest_a = tamper_load(a.ledger);
    honest_b = tamper_load(b.ledger);
    honest_twin = tamper_load(twin.ledger);
    return 0;
}

static int free_ledgers(void **state)
{
    tamper_free(&honest_a);
    tamper_free(&honest_b);
    tamper_free(&honest_twin);
    return tamper_clean_up(state);
}

/* ---- What is expected ----------------------------------------------------------------------- */

static struct pp_verify_report verify_copy(struct tamper_copy *copy, enum pp_trust trust)
{
    tamper_store(copy, a.ledger);
    return tamper_verify(&a, trust);
}

static void assert_bad(const struct pp_verify_report *report, const char *what, size_t i, size_t k)
{
    if (pp_verdict_exit_code(report->verdict) != 1)
        fail_msg("%s %zu %zu: %s, %s", what, i, k, pp_verdict_text(report->verdict),
                 report->reason);
}

/* The copy is consumed.  Proven bad at T1 and at T2. */
static void expect_bad(struct tamper_copy *copy, const char *what, size_t i, size_t k)
{
    struct pp_verify_report t1 = verify_copy(copy, PP_TRUST_T1);
    struct pp_verify_report t2 = verify_copy(copy, PP_TRUST_T2);
    assert_bad(&t1, what, i, k);
    assert_bad(&t2, what, i, k);
    tamper_free(copy);
}

static void expect(struct tamper_copy *copy, enum pp_trust trust, const char *verdict,
                   uint64_t first_bad_seq)
{
    struct pp_verify_report report = verify_copy(copy, trust);
    if (strcmp(pp_verdict_text(report.verdict), verdict) != 0 ||
        report.first_bad_seq != first_bad_seq)
        fail_msg("%s at %lld is due, not %s at %lld: %s", verdict, (long long)first_bad_seq,
                 pp_verdict_text(report.verdict), (long long)report.first_bad_seq, report.reason);
    tamper_free(copy);
}

static uint64_t first_seq_of(size_t segment)
{
    return segment * GROUPS * ENTRIES;
}

static void swap_files(struct tamper_file *x, struct tamper_file *y)
{
    uint8_t *data = x->data;
    size_t len = x->len;
    x->data = y->data, x->len = y->len;
    y->data = data, y->len = len;
}

static void test_honest(void **state)
{
    (void)state;
    struct pp_verify_report report = tamper_verify(&a, PP_TRUST_T2);
    assert_string_equal(pp_verdict_text(report.verdict), "OK");
    assert_true(report.entries == SEGMENTS * GROUPS * ENTRIES && report.segments == SEGMENTS);
}

/* ---- Whole segments ------------------------------------------------------------------------- */

static void test_swapped_segments(void **state)
{
    (void)state;
    for (size_t i = 0; i < SEGMENTS; i++) {
        for (size_t k = i + 1; k < SEGMENTS; k++) {
            struct tamper_copy copy = tamper_duplicate(&honest_a);
            swap_files(tamper_segment(&copy, i), tamper_segment(&copy, k));
            expect_bad(&copy, "swap", i, k);
            if (k == LAST)
                continue;
            copy = tamper_duplicate(&honest_a);
            swap_files(tamper_segment(&copy, i), tamper_segment(&copy, k));
            swap_files(tamper_index(&copy, i), tamper_index(&copy, k));
            expect_bad(&copy, "swap with index", i, k);
            copy = tamper_duplicate(&honest_a);
            swap_files(tamper_index(&copy, i), tamper_index(&copy, k));
            expect(&copy, PP_TRUST_T1, "MODIFIED", PP_NO_SEQ);
        }
    }
}

static void test_duplicated_segments(void **state)
{
    (void)state;
    for (size_t i = 0; i < SEGMENTS; i++) {
        for (size_t k = 0; k < SEGMENTS; k++) {
            if (i == k)
                continue;
            struct tamper_copy copy = tamper_duplicate(&honest_a);
            tamper_assign(tamper_segment(&copy, k), tamper_segment(&copy, i));
            expect_bad(&copy, "duplicate", i, k);
        }
        struct tamper_copy copy = tamper_duplicate(&honest_a);
        struct tamper_file *extra = &copy.file[copy.count++];
        *extra = (struct tamper_file){.data = NULL};
        tamper_assign(extra, tamper_segment(&copy, i));
        snprintf(extra->name, sizeof extra->name, "segments/%020d.seg", SEGMENTS);
        expect_bad(&copy, "one more", i, 0);
    }
}

static void remove_segments(struct tamper_copy *copy, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++) {
        tamper_remove(copy, tamper_segment(copy, i)->name);
        if (i != LAST)
            tamper_remove(copy, tamper_index(copy, i)->name);
    }
}

static void test_deleted_segments(void **state)
{
    (void)state;
    for (size_t from = 0; from < SEGMENTS; from++) {
        for (size_t to = from + 1; to <= SEGMENTS; to++) {
            for (enum pp_trust trust = PP_TRUST_T1; trust <= PP_TRUST_T2; trust++) {
                struct tamper_copy copy = tamper_duplicate(&honest_a);
                remove_segments(&copy, from, to);
                struct pp_verify_report report = verify_copy(&copy, trust);
                assert_string_equal(pp_verdict_text(report.verdict), "TRUNCATED");
                tamper_free(&copy);
            }
        }
    }
}

/* Leading and trailing segments together, so that what is left hangs together. */
static void test_deleted_at_both_ends(void **state)
{
    (void)state;
    for (size_t from = 1; from < LAST; from++) {
        struct tamper_copy copy = tamper_duplicate(&honest_a);
        remove_segments(&copy, from + 1, SEGMENTS);
        remove_segments(&copy, 0, from);
        expect_bad(&copy, "both ends", from, 0);
    }
}

static void test_deleted_indexes(void **state)
{
    (void)state;
    for (size_t i = 0; i < LAST; i++) {
        struct tamper_copy copy = tamper_duplicate(&honest_a);
        tamper_remove(&copy, tamper_index(&copy, i)->name);
        expect(&copy, PP_TRUST_T1, "MODIFIED", PP_NO_SEQ);
    }
}

/* ---- Other ledgers -------------------------------------------------------------------------- */

static void test_segments_of_other_ledgers(void **state)
{
    (void)state;
    struct tamper_copy *others[] = {&honest_b, &honest_twin};
    for (size_t other = 0; other < 2; other++) {
        for (size_t i = 0; i < SEGMENTS; i++) {
            for (size_t k = 0; k < SEGMENTS; k++) {
                struct tamper_copy copy = tamper_duplicate(&honest_a);
                tamper_assign(tamper_segment(&copy, k), tamper_segment(others[other], i));
                if (i == k && i != LAST)
                    tamper_assign(tamper_index(&copy, k), tamper_index(others[other], i));
                expect(&copy, PP_TRUST_T1, "WRONG_LOG", first_seq_of(k == 0 ? i : k));
            }
        }
    }
}

static void test_whole_other_ledgers(void **state)
{
    (void)state;
    struct tamper_copy copy = tamper_duplicate(&honest_b);
    expect(&copy, PP_TRUST_T1, "WRONG_LOG", 0);
    copy = tamper_duplicate(&honest_b);
    tamper_remove(&copy, "checkpoint");
    expect(&copy, PP_TRUST_T1, "WRONG_LOG", 0);
    copy = tamper_duplicate(&honest_twin);
    tamper_remove(&copy, "checkpoint");
    expect(&copy, PP_TRUST_T2, "WRONG_LOG", 0);
}

/* ---- Inside a segment ----------------------------------------------------------------------- */

static void map_segment(struct tamper_copy *copy, size_t segment)
{
    tamper_map(tamper_segment(copy, segment), &map);
    assert_int_equal(map.groups, segment == LAST ? GROUPS : GROUPS + 1);
}

static void test_single_entries(void **state)
{
    (void)state;
    for (size_t segment = 0; segment < SEGMENTS; segment++) {
        map_segment(&honest_a, segment);
        for (size_t i = 0; i < map.frames; i++) {
            const struct tamper_frame *frame = &map.frame[i], *next = frame + 1;
            if (frame->type != PP_FRAME_ENTRY)
                continue;
            struct tamper_copy copy = tamper_duplicate(&honest_a);
            tamper_splice(tamper_segment(&copy, segment), frame->at, frame->bytes, NULL, 0);
            expect(&copy, PP_TRUST_T1, "MODIFIED", frame->seq);
            copy = tamper_duplicate(&honest_a);
            const uint8_t *data = tamper_segment(&honest_a, segment)->data;
            tamper_splice(tamper_segment(&copy, segment), next->at, 0, data + frame->at,
                          frame->bytes);
            expect(&copy, PP_TRUST_T1, "MODIFIED", frame->seq + 1);
            if (next->type != PP_FRAME_ENTRY)
                continue;
            copy = tamper_duplicate(&honest_a);
            struct tamper_file *file = tamper_segment(&copy, segment);
            memcpy(file->data + frame->at, data + next->at, next->bytes);
            memcpy(file->data + frame->at + next->bytes, data + frame->at, frame->bytes);
            expect(&copy, PP_TRUST_T1, "MODIFIED", frame->seq);
        }
    }
}

/* An entry of another ledger in the place of one with the same seq; with and without its tag. */
static void test_foreign_entries(void **state)
{
    (void)state;
    for (size_t segment = 0; segment < SEGMENTS; segment++) {
        map_segment(&honest_a, segment);
        for (size_t i = 0; i < map.frames; i++) {
            const struct tamper_frame *frame = &map.frame[i];
            if (frame->type != PP_FRAME_ENTRY)
                continue;
            const uint8_t *foreign = tamper_segment(&honest_b, segment)->data + frame->at;
            struct tamper_copy copy = tamper_duplicate(&honest_a);
            memcpy(tamper_segment(&copy, segment)->data + frame->at, foreign, frame->bytes);
            expect(&copy, PP_TRUST_T1, "MODIFIED", frame->seq);
        }
    }
}

static bool is_last_group(size_t segment, size_t group)
{
    return segment == LAST && group + 1 == map.groups;
}

static void test_groups(void **state)
{
    (void)state;
    for (size_t segment = 0; segment < SEGMENTS; segment++) {
        map_segment(&honest_a, segment);
        for (size_t i = 0; i < GROUPS; i++) {
            const struct tamper_group *group = &map.group[i], *next = group + 1;
            uint64_t seq = map.frame[group->first].seq;
            const uint8_t *data = tamper_segment(&honest_a, segment)->data;
            struct tamper_copy copy = tamper_duplicate(&honest_a);
            tamper_splice(tamper_segment(&copy, segment), group->at, group->bytes, NULL, 0);
            if (is_last_group(segment, i))
                expect(&copy, PP_TRUST_T2, "ROLLED_BACK", seq);
            else if (next->count == 0) /* the rotation seal shows it */
                expect(&copy, PP_TRUST_T1, "UNSEALED", seq);
            else
                expect(&copy, PP_TRUST_T1, "MODIFIED", seq);
            copy = tamper_duplicate(&honest_a);
            tamper_splice(tamper_segment(&copy, segment), group->at + group->bytes, 0,
                          data + group->at, group->bytes);
            expect(&copy, PP_TRUST_T1, "MODIFIED", seq + ENTRIES);
            if (is_last_group(segment, i) || next->count == 0)
                continue;
            copy = tamper_duplicate(&honest_a);
            struct tamper_file *file = tamper_segment(&copy, segment);
            memcpy(file->data + group->at, data + next->at, next->bytes);
            memcpy(file->data + group->at + next->bytes, data + group->at, group->bytes);
            expect(&copy, PP_TRUST_T1, "MODIFIED", seq);
        }
    }
}

static void test_foreign_groups(void **state)
{
    (void)state;
    for (size_t segment = 0; segment < SEGMENTS; segment++) {
        map_segment(&honest_a, segment);
        for (size_t i = 0; i < GROUPS; i++) {
            const struct tamper_group *group = &map.group[i];
            const uint8_t *foreign = tamper_segment(&honest_b, segment)->data + group->at;
            struct tamper_copy copy = tamper_duplicate(&honest_a);
            memcpy(tamper_segment(&copy, segment)->data + group->at, foreign, group->bytes);
            /* At the end it looks like an unfinished write, and the checkpoint tells. */
            if (is_last_group(segment, i))
                expect(&copy, PP_TRUST_T2, "TRUNCATED", map.frame[group->first].seq);
            else
                expect(&copy, PP_TRUST_T1, "MODIFIED", map.frame[group->first].seq);
        }
    }
}

/* ---- Seals ---------------------------------------------------------------------------------- */

static void test_foreign_seals(void **state)
{
    (void)state;
    for (size_t segment = 0; segment < SEGMENTS; segment++) {
        map_segment(&honest_a, segment);
        for (size_t i = 0; i < map.groups; i++) {
            const struct tamper_frame *seal = &map.frame[map.group[i].seal];
            const uint8_t *foreign = tamper_segment(&honest_b, segment)->data + seal->at;
            struct tamper_copy copy = tamper_duplicate(&honest_a);
            memcpy(tamper_segment(&copy, segment)->data + seal->at, foreign, seal->bytes);
            if (is_last_group(segment, i))
                expect(&copy, PP_TRUST_T2, "TRUNCATED", seal->seq);
            else if (seal->kind == PP_SEAL_ROTATION)
                expect_bad(&copy, "foreign rotation seal", segment, i);
            else
                expect(&copy, PP_TRUST_T1, "WRONG_LOG", seal->seq);
        }
    }
}

/* A group that lost its seal is named as such, wherever it stands. */
static void test_each_seal_deleted(void **state)
{
    (void)state;
    for (size_t segment = 0; segment < SEGMENTS; segment++) {
        map_segment(&honest_a, segment);
        for (size_t i = 0; i < map.groups; i++) {
            const struct tamper_frame *seal = &map.frame[map.group[i].seal];
            struct tamper_copy copy = tamper_duplicate(&honest_a);
            tamper_splice(tamper_segment(&copy, segment), seal->at, seal->bytes, NULL, 0);
            if (is_last_group(segment, i))
                expect(&copy, PP_TRUST_T2, "TRUNCATED", seal->seq);
            else
                expect(&copy, PP_TRUST_T1, "UNSEALED", seal->seq);
        }
    }
}

static void strip_seals(struct tamper_file *segment)
{
    tamper_map(segment, &map);
    for (size_t i = map.groups; i > 0; i--) {
        const struct tamper_frame *seal = &map.frame[map.group[i - 1].seal];
        tamper_splice(segment, seal->at, seal->bytes, NULL, 0);
    }
}

static void test_seals_stripped(void **state)
{
    (void)state;
    for (size_t segment = 0; segment < SEGMENTS; segment++) {
        struct tamper_copy copy = tamper_duplicate(&honest_a);
        strip_seals(tamper_segment(&copy, segment));
        expect(&copy, PP_TRUST_T1, "UNSEALED", first_seq_of(segment));
    }
    struct tamper_copy copy = tamper_duplicate(&honest_a);
    for (size_t segment = 0; segment < SEGMENTS; segment++)
        strip_seals(tamper_segment(&copy, segment));
    expect(&copy, PP_TRUST_T1, "UNSEALED", 0);
}

static void test_two_seals_swapped(void **state)
{
    (void)state;
    map_segment(&honest_a, 1);
    const uint8_t *data = tamper_segment(&honest_a, 1)->data;
    for (size_t i = 0; i < map.groups; i++) {
        for (size_t k = i + 1; k < map.groups; k++) {
            const struct tamper_frame *x = &map.frame[map.group[i].seal];
            const struct tamper_frame *y = &map.frame[map.group[k].seal];
            struct tamper_copy copy = tamper_duplicate(&honest_a);
            memcpy(tamper_segment(&copy, 1)->data + x->at, data + y->at, y->bytes);
            memcpy(tamper_segment(&copy, 1)->data + y->at, data + x->at, x->bytes);
            expect_bad(&copy, "swapped seals", i, k);
        }
    }
}

/* Bytes behind the records of a closed segment, and junk behind those of the last one. */
static void test_bytes_behind_the_records(void **state)
{
    (void)state;
    for (size_t segment = 0; segment < LAST; segment++) {
        struct tamper_copy copy = tamper_duplicate(&honest_a);
        struct tamper_file *file = tamper_segment(&copy, segment);
        tamper_splice(file, file->len, 0, "x", 1);
        expect_bad(&copy, "appended", segment, 0);
        copy = tamper_duplicate(&honest_a);
        file = tamper_segment(&copy, segment);
        tamper_splice(file, file->len, 0, "\0\0\0\0\0\0\0\0x", 9);
        expect_bad(&copy, "appended behind zeros", segment, 0);
    }
    map_segment(&honest_a, LAST);
    struct tamper_copy copy = tamper_duplicate(&honest_a);
    struct tamper_file *file = tamper_segment(&copy, LAST);
    file->data[file->len - 1] = 1;
    expect(&copy, PP_TRUST_T2, "TORN_TAIL", SEGMENTS * GROUPS * ENTRIES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_honest),
        cmocka_unit_test(test_swapped_segments),
        cmocka_unit_test(test_duplicated_segments),
        cmocka_unit_test(test_deleted_segments),
        cmocka_unit_test(test_deleted_at_both_ends),
        cmocka_unit_test(test_deleted_indexes),
        cmocka_unit_test(test_segments_of_other_ledgers),
        cmocka_unit_test(test_whole_other_ledgers),
        cmocka_unit_test(test_single_entries),
        cmocka_unit_test(test_foreign_entries),
        cmocka_unit_test(test_groups),
        cmocka_unit_test(test_foreign_groups),
        cmocka_unit_test(test_foreign_seals),
        cmocka_unit_test(test_each_seal_deleted),
        cmocka_unit_test(test_seals_stripped),
        cmocka_unit_test(test_two_seals_swapped),
        cmocka_unit_test(test_bytes_behind_the_records),
    };
    return cmocka_run_group_tests(tests, make_ledgers, free_ledgers);
}
