/* SPDX-License-Identifier: MIT */
/* Honest ledgers of random shapes are never flagged; pruned ones stay provable, and no further. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../lib/tamper.h"

enum { SHAPES = 200, SHAPES_IN_CHAOS = 10000, OPERATIONS_MAX = 14 };

/* ---- Random shapes -------------------------------------------------------------------------- */

struct shape {
    struct tamper_place place;
    struct pp_ledger *ledger;
    uint64_t first_seq, checkpoint_size;
    bool has_checkpoint;
    char history[OPERATIONS_MAX + 2];
};

static void reopen(struct shape *s, bool torn)
{
    uint8_t bytes[2500];
    struct pp_ledger_opening opening;
    tamper_close(s->ledger);
    size_t len = torn ? 1 + tamper_random_below(sizeof bytes) : 0;
    if (torn) {
        tamper_random_bytes(bytes, len);
        memset(bytes, 0, tamper_random_below(len)); /* sectors that never arrived */
        bytes[len - 1] = 1;
        tamper_tear(&s->place, bytes, len);
    }
    uint64_t segment_bytes = (uint64_t)(64 << 10) << tamper_random_below(3);
    s->ledger = tamper_open_with(&s->place, segment_bytes, &opening);
    assert_int_equal(opening.recovered, torn);
    assert_true(opening.torn_bytes == len);
}

static void prune(struct shape *s)
{
    uint64_t pruned, size = pp_ledger_size(s->ledger);
    uint64_t keep = tamper_random_below((size_t)size + 1);
    if (pp_ledger_prune(s->ledger, keep, &pruned) != PP_OK)
        fail_msg("%s", pp_ledger_failure(s->ledger)->text);
    s->first_seq += pruned;
    assert_true(s->first_seq <= keep || pruned == 0);
}

static void operate(struct shape *s, size_t step)
{
    static const char operations[] = "GGGGBFFRTTCCPX";
    char operation = operations[tamper_random_below(sizeof operations - 1)];
    s->history[step] = operation;
    switch (operation) {
    case 'G':
        tamper_group(s->ledger, 1 + tamper_random_below(200), tamper_random_below(300));
        break;
    case 'B':
        tamper_blob(s->ledger);
        break;
    case 'F': /* fills segments */
        tamper_group(s->ledger, 1 + tamper_random_below(6), 20000 + tamper_random_below(40000));
        break;
    case 'R':
    case 'T':
        reopen(s, operation == 'T');
        break;
    case 'X':
        tamper_rotate(s->ledger, 1 + tamper_random_below(100));
        break;
    case 'C':
        tamper_checkpoint(s->ledger, &s->place);
        s->checkpoint_size = pp_ledger_size(s->ledger);
        s->has_checkpoint = true;
        break;
    default:
        prune(s);
    }
}

static void assert_good(const struct shape *s, enum pp_trust trust)
{
    struct pp_verify_report report = tamper_verify(&s->place, trust);
    if (report.verdict != PP_VERDICT_OK)
        fail_msg("%s: %s at T%d: %s, %s", s->history, pp_verdict_text(report.verdict), (int)trust,
                 report.place, report.reason);
    assert_true(report.first_seq == s->first_seq);
    assert_true(report.entries == report.size - report.first_seq);
}

static void run_shape(int number)
{
    struct shape s = {.has_checkpoint = false};
    char name[24];
    snprintf(name, sizeof name, "shape-%d", number);
    s.place = tamper_new(name, "honest.example/log");
    s.ledger = tamper_open(&s.place);
    size_t operations = tamper_random_below(OPERATIONS_MAX);
    for (size_t i = 0; i < operations; i++) {
        operate(&s, i);
        if (tamper_random_below(4) == 0)
            assert_good(&s, PP_TRUST_T1); /* the writer is still at work */
    }
    uint64_t size = pp_ledger_size(s.ledger);
    tamper_close(s.ledger);
    assert_good(&s, PP_TRUST_T1);
    if (s.has_checkpoint && s.checkpoint_size >= s.first_seq)
        assert_good(&s, PP_TRUST_T2);
    assert_true(tamper_verify(&s.place, PP_TRUST_T1).size == size);
    struct tamper_copy nothing = {.count = 0};
    tamper_store(&nothing, s.place.ledger);
}

static void test_random_shapes(void **state)
{
    (void)state;
    int shapes = tamper_chaos() ? SHAPES_IN_CHAOS : SHAPES;
    for (int i = 0; i < shapes; i++)
        run_shape(i);
}

/* ---- Pruning -------------------------------------------------------------------------------- */

enum { SEGMENTS = 7, ENTRIES = 4, KEPT = 3, LAST = SEGMENTS - 1 };

static struct tamper_place make_segments(const char *name)
{
    struct tamper_place place = tamper_new(name, "pruned.example/log");
    struct pp_ledger *ledger = tamper_open(&place);
    for (int i = 0; i < LAST; i++)
        tamper_rotate(ledger, ENTRIES);
    tamper_group(ledger, ENTRIES, 20);
    tamper_close(ledger);
    return place;
}

static uint64_t prune_at(const struct tamper_place *place, uint64_t keep_seq, bool checkpoint)
{
    uint64_t pruned;
    struct pp_ledger *ledger = tamper_open(place);
    assert_int_equal(pp_ledger_prune(ledger, keep_seq, &pruned), PP_OK);
    if (checkpoint)
        tamper_checkpoint(ledger, place);
    tamper_close(ledger);
    return pruned;
}

static void test_pruned(void **state)
{
    (void)state;
    struct tamper_place place = make_segments("pruned");
    /* The segment that holds keep_seq is kept whole. */
    assert_true(prune_at(&place, KEPT * ENTRIES + 1, true) == KEPT * ENTRIES);
    for (enum pp_trust trust = PP_TRUST_T1; trust <= PP_TRUST_T2; trust++) {
        struct pp_verify_report report = tamper_verify(&place, trust);
        assert_string_equal(pp_verdict_text(report.verdict), "OK");
        assert_true(report.first_seq == KEPT * ENTRIES && report.size == SEGMENTS * ENTRIES);
        assert_true(report.segments == SEGMENTS - KEPT);
    }
    assert_true(prune_at(&place, KEPT * ENTRIES, false) == 0);
    assert_true(prune_at(&place, (KEPT + 1) * ENTRIES, false) == ENTRIES);
    assert_string_equal(pp_verdict_text(tamper_verify(&place, PP_TRUST_T2).verdict), "OK");
}

/* A checkpoint from before is no defect of the ledger; to bring it proves nothing any more. */
static void test_checkpoint_older_than_the_prune(void **state)
{
    (void)state;
    struct tamper_place place = tamper_new("older", "pruned.example/log");
    struct pp_ledger *ledger = tamper_open(&place);
    tamper_rotate(ledger, ENTRIES);
    tamper_checkpoint(ledger, &place);
    tamper_rotate(ledger, ENTRIES);
    tamper_group(ledger, ENTRIES, 20);
    tamper_close(ledger);
    assert_true(prune_at(&place, 2 * ENTRIES, false) == 2 * ENTRIES);
    struct pp_verify_report report = tamper_verify(&place, PP_TRUST_T1);
    assert_string_equal(pp_verdict_text(report.verdict), "OK");
    report = tamper_verify(&place, PP_TRUST_T2);
    assert_string_equal(pp_verdict_text(report.verdict), "UNANCHORED");
}

static void test_deleted_beyond_the_prune(void **state)
{
    (void)state;
    struct tamper_place place = make_segments("beyond");
    assert_true(prune_at(&place, KEPT * ENTRIES, true) == KEPT * ENTRIES);
    struct tamper_copy copy = tamper_load(place.ledger);
    assert_null(tamper_segment(&copy, KEPT - 1));
    for (uint64_t segment = KEPT; segment < LAST; segment++) {
        tamper_remove(&copy, tamper_segment(&copy, segment)->name);
        tamper_remove(&copy, tamper_index(&copy, segment)->name);
        tamper_store(&copy, place.ledger);
        for (enum pp_trust trust = PP_TRUST_T1; trust <= PP_TRUST_T2; trust++)
            assert_string_equal(pp_verdict_text(tamper_verify(&place, trust).verdict), "TRUNCATED");
    }
    tamper_free(&copy);
}

/* Cutting the prune seal off leaves a ledger whose beginning is missing. */
static void test_prune_seal_cut_off(void **state)
{
    (void)state;
    static struct tamper_map map;
    struct tamper_place place = make_segments("cut");
    assert_true(prune_at(&place, KEPT * ENTRIES, true) == KEPT * ENTRIES);
    struct tamper_copy copy = tamper_load(place.ledger);
    tamper_map(tamper_segment(&copy, LAST), &map);
    const struct tamper_frame *seal = &map.frame[map.frames - 1];
    assert_int_equal(seal->kind, PP_SEAL_PRUNE);
    tamper_resize(place.ledger, tamper_segment(&copy, LAST)->name, seal->at);
    assert_string_equal(pp_verdict_text(tamper_verify(&place, PP_TRUST_T1).verdict), "TRUNCATED");
    assert_int_equal(tamper_open_error(&place), PP_ERROR_ROLLED_BACK);
    tamper_free(&copy);
}

/* ---- Damage is not repaired away ------------------------------------------------------------ */

/* Whatever bit is wrong, a writer that opens the ledger changes no byte up to the last seal: most
   defects it refuses; what only the old keys can tell it leaves to the verifier. */
static void open_damaged(const struct tamper_place *place, struct tamper_copy *damaged,
                         size_t sealed_end, size_t at)
{
    tamper_store(damaged, place->ledger);
    enum pp_error error = tamper_open_error(place);
    struct tamper_copy after = tamper_load(place->ledger);
    const struct tamper_file *left = tamper_segment(&after, 2);
    const struct tamper_file *before = tamper_segment(damaged, 2);
    assert_non_null(left);
    size_t kept = error == PP_OK ? sealed_end : before->len;
    assert_true(left->len >= kept);
    assert_memory_equal(left->data, before->data, kept);
    if (at < sealed_end)
        assert_int_not_equal(pp_verdict_exit_code(tamper_verify(place, PP_TRUST_T1).verdict), 0);
    tamper_free(&after);
}

static void test_opening_keeps_damaged_segments(void **state)
{
    (void)state;
    static struct tamper_map map;
    for (int recovery = 0; recovery < 2; recovery++) {
        struct tamper_place place = tamper_tiny(recovery ? "keep-r" : "keep-o", recovery != 0);
        struct tamper_copy copy = tamper_load(place.ledger);
        struct tamper_file *last = tamper_segment(&copy, 2);
        tamper_map(last, &map);
        /* Behind the last seal it would be sealed off as torn, and the key would move on. */
        for (size_t at = 0; at < map.end; at += tamper_chaos() ? 1 : 7) {
            last->data[at] ^= (uint8_t)(1 << at % 8);
            open_damaged(&place, &copy, map.end, at);
            last->data[at] ^= (uint8_t)(1 << at % 8);
        }
        tamper_free(&copy);
    }
}

/* Through the indexes. */
static void prove_some(const struct tamper_place *place, uint64_t size)
{
    struct pp_ledger_reader *reader;
    struct pp_digest hashes[PP_PROOF_HASHES_MAX];
    size_t count;
    assert_int_equal(pp_ledger_reader_open(place->ledger, &reader, NULL), PP_OK);
    for (uint64_t seq = 0; seq < size; seq += 31)
        if (pp_ledger_prove_inclusion(reader, seq, size, hashes, &count) != PP_OK)
            fail_msg("%s", pp_ledger_reader_failure(reader)->text);
    pp_ledger_reader_close(reader);
}

/* Without a sync; no two segments alike. */
static void append_many(struct pp_ledger *ledger, size_t count)
{
    uint8_t body[1000];
    tamper_random_bytes(body, sizeof body);
    for (size_t i = 0; i < count; i++) {
        size_t len = 300 + tamper_random_below(sizeof body - 300);
        struct pp_entry entry = {.time_ns = 1700000000000000000 + i,
                                 .source = pp_bytes_of("test"),
                                 .body = {body, len},
                                 .level = PP_INFO};
        assert_int_equal(pp_ledger_append(ledger, &entry, NULL), PP_OK);
    }
}

/* The caller is segments ahead of the thread that makes their indexes: on one processor, when
   waking a thread doesn't stop the one that wakes it, all groups are filled before its turn. */
static void test_each_group_fills_a_segment(void **state)
{
    (void)state;
    enum { MANY = 12000 };
    struct pp_ledger_options options = {.segment_bytes = 64 << 10, .not_durable = true};
    struct pp_ledger *ledger = NULL;
    cpu_set_t all, one;
    assert_int_equal(sched_getaffinity(0, sizeof all, &all), 0);
    CPU_ZERO(&one);
    CPU_SET((size_t)sched_getcpu(), &one);
    assert_int_equal(sched_setaffinity(0, sizeof one, &one), 0);
    assert_int_equal(sched_setscheduler(0, SCHED_BATCH, &(struct sched_param){0}), 0);
    struct tamper_place place = tamper_new("segments", "segments.example");
    assert_int_equal(pp_ledger_open(place.ledger, place.keys, &options, &ledger, NULL, NULL),
                     PP_OK);
    append_many(ledger, MANY);
    tamper_close(ledger);
    struct pp_verify_report report = tamper_verify(&place, PP_TRUST_T1);
    if (report.verdict != PP_VERDICT_OK)
        fail_msg("%s", report.reason);
    assert_int_equal(report.entries, MANY);
    assert_true(report.segments > 100);
    prove_some(&place, MANY);
    assert_int_equal(sched_setscheduler(0, SCHED_OTHER, &(struct sched_param){0}), 0);
    assert_int_equal(sched_setaffinity(0, sizeof all, &all), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_group_fills_a_segment),
        cmocka_unit_test(test_random_shapes),
        cmocka_unit_test(test_pruned),
        cmocka_unit_test(test_checkpoint_older_than_the_prune),
        cmocka_unit_test(test_deleted_beyond_the_prune),
        cmocka_unit_test(test_prune_seal_cut_off),
        cmocka_unit_test(test_opening_keeps_damaged_segments),
    };
    return cmocka_run_group_tests(tests, tamper_set_up, tamper_clean_up);
}
