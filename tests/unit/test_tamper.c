/* SPDX-License-Identifier: MIT */
/* Every bit of small ledgers flipped and every file cut at every length: never proven good.
   PP_CHAOS=1 verifies the whole ledger for each of them; only the large body is sampled.  Without
   it every bit of the first ledger is flipped all the same, but what the check of the segment
   refuses is verified as a whole only now and then; T2 and the second ledger are sampled too. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../lib/tamper.h"

static struct tamper_place ends_with_recovery, ends_with_rotation;
static struct tamper_map map;
static struct pp_digest seeds[2];

static int make_ledgers(void **state)
{
    if (tamper_set_up(state) != 0)
        return -1;
    ends_with_recovery = tamper_tiny("recovery", true);
    ends_with_rotation = tamper_tiny("rotation", false);
    const struct tamper_place *places[] = {&ends_with_recovery, &ends_with_rotation};
    for (size_t i = 0; i < 2; i++) {
        struct tamper_forger forger;
        tamper_forger_init(&forger, places[i]);
        seeds[i] = forger.seed;
        tamper_forger_free(&forger);
    }
    return 0;
}

static void report_place(const struct tamper_file *file, size_t at, unsigned bit,
                         const struct pp_verify_report *report)
{
    fail_msg("%s, byte %zu of %zu, bit %u: %s, seq %lld, %s", file->name, at, file->len, bit,
             pp_verdict_text(report->verdict), (long long)report->first_bad_seq, report->reason);
}

static void test_honest_ledgers_are_good(void **state)
{
    (void)state;
    const struct tamper_place *places[] = {&ends_with_recovery, &ends_with_rotation};
    for (size_t i = 0; i < 2; i++) {
        struct pp_verify_report t1 = tamper_verify(places[i], PP_TRUST_T1);
        struct pp_verify_report t2 = tamper_verify(places[i], PP_TRUST_T2);
        struct pp_verify_report t0 = tamper_verify(places[i], PP_TRUST_T0);
        assert_string_equal(pp_verdict_text(t1.verdict), "OK");
        assert_string_equal(pp_verdict_text(t2.verdict), "OK");
        assert_string_equal(pp_verdict_text(t0.verdict), "UNANCHORED");
        assert_true(t1.trust == PP_TRUST_T1 && t2.trust == PP_TRUST_T2);
        assert_true(t1.entries == TAMPER_TINY_ENTRIES && t1.size == TAMPER_TINY_ENTRIES &&
                    t1.segments == 3 && t1.blobs == 1);
        assert_true(t1.recoveries == (i == 0));
        assert_true(t1.first_bad_seq == PP_NO_SEQ);
    }
}

static size_t blob_stride(void)
{
    return tamper_chaos() ? 13 : 997;
}

/* ---- Bits ----------------------------------------------------------------------------------- */

/* The entry that holds the byte; PP_NO_SEQ elsewhere. */
static uint64_t entry_at(size_t at)
{
    for (size_t i = 0; i < map.frames; i++)
        if (map.frame[i].type == PP_FRAME_ENTRY && at >= map.frame[i].at &&
            at < map.frame[i].at + map.frame[i].bytes)
            return map.frame[i].seq;
    return PP_NO_SEQ;
}

static bool is_segment(const struct tamper_file *file)
{
    return strstr(file->name, ".seg") != NULL;
}

static bool is_blob(const struct tamper_file *file)
{
    return strncmp(file->name, "blobs/", 6) == 0;
}

static void assert_flip(const struct tamper_file *file, size_t at, unsigned bit,
                        const struct pp_verify_report *report)
{
    if (pp_verdict_exit_code(report->verdict) == 0 || report->reason[0] == 0)
        report_place(file, at, bit, report);
    uint64_t seq = is_segment(file) ? entry_at(at) : PP_NO_SEQ;
    if (seq != PP_NO_SEQ &&
        (report->verdict != PP_VERDICT_MODIFIED || report->first_bad_seq != seq))
        report_place(file, at, bit, report);
}

static void check_flip(const struct tamper_place *place, const struct tamper_file *file, size_t at,
                       unsigned bit, enum pp_trust trust)
{
    struct pp_verify_report report = tamper_verify(place, trust);
    assert_flip(file, at, bit, &report);
}

/* Whether the segment alone shows the flip: then the verifier refuses the ledger with this verdict.
   The byte is flipped in memory and back. */
static bool segment_shows(const struct tamper_place *place, const struct tamper_file *file,
                          size_t at, unsigned bit)
{
    static struct pp_check_scratch scratch;
    static struct pp_check_result result;
    struct pp_check_input input = {
        .seed = place == &ends_with_recovery ? &seeds[0] : &seeds[1],
        .scratch = &scratch,
        .sizes = {PP_NO_SEQ, PP_NO_SEQ},
    };
    scratch.ratchet_ready = false;
    file->data[at] ^= (uint8_t)(1u << bit);
    pp_segment_check(&input, (struct pp_bytes){file->data, file->len}, &result);
    file->data[at] ^= (uint8_t)(1u << bit);
    if (result.verdict == PP_VERDICT_OK)
        return false;
    struct pp_verify_report report = {.verdict = result.verdict,
                                      .first_bad_seq = result.first_bad_seq};
    snprintf(report.reason, sizeof report.reason, "%s", result.reason);
    assert_flip(file, at, bit, &report);
    return true;
}

/* ---- Pieces --------------------------------------------------------------------------------- */

static void assert_same(const struct pp_check_result *a, const struct pp_check_result *b)
{
    assert_int_equal(a->verdict, b->verdict);
    assert_true(a->first_bad_seq == b->first_bad_seq);
    assert_int_equal(a->bad_offset, b->bad_offset);
    assert_string_equal(a->reason, b->reason);
    assert_int_equal(a->sealed_end, b->sealed_end);
    assert_int_equal(a->used_end, b->used_end);
    assert_true(a->entries == b->entries && a->seals == b->seals);
    assert_true(a->references == b->references && a->next_epoch == b->next_epoch);
    struct pp_digest root_a = pp_merkle_tree_root(&a->tree), root_b = pp_merkle_tree_root(&b->tree);
    assert_memory_equal(&root_a, &root_b, sizeof root_a);
    assert_memory_equal(&a->tag, &b->tag, sizeof a->tag);
    assert_memory_equal(&a->torn_digest, &b->torn_digest, sizeof a->torn_digest);
}

static void check_in_pieces(const struct pp_check_input *input, struct pp_bytes data, size_t cut,
                            struct pp_check_result *result)
{
    struct pp_segment_checker checker;
    pp_segment_check_begin(&checker, input, result);
    if (pp_segment_check_take(&checker, (struct pp_bytes){data.data, cut}))
        while (pp_segment_check_take(
            &checker, (struct pp_bytes){data.data + checker.at, data.len - checker.at}))
            ;
    /* Zeros at the end but for a seal's length may be left out. */
    size_t tail = data.len - result->sealed_end;
    struct pp_bytes rest = {data.data + result->sealed_end, tail};
    size_t needed = pp_segment_used_bytes(rest) + PP_SEAL_FRAME_BYTES;
    rest.len = needed < tail ? needed : tail;
    pp_segment_check_end(&checker, rest);
}

/* The segment as it is in the file, cut in two at every place behind its header. */
static void check_cuts(const struct tamper_place *place, const struct tamper_file *file)
{
    static struct pp_check_scratch scratch;
    static struct pp_check_result whole, pieces;
    struct pp_bytes data = {file->data, file->len};
    struct pp_check_input input = {
        .seed = place == &ends_with_recovery ? &seeds[0] : &seeds[1],
        .scratch = &scratch,
        .sizes = {PP_NO_SEQ, PP_NO_SEQ},
    };
    scratch.ratchet_ready = false;
    pp_segment_check(&input, data, &whole);
    for (size_t cut = map.frame[0].bytes; cut <= file->len; cut++) {
        scratch.ratchet_ready = false;
        check_in_pieces(&input, data, cut, &pieces);
        assert_same(&whole, &pieces);
    }
}

static void pieces_of(const struct tamper_place *place)
{
    enum { STRIDE = 61 };
    struct tamper_copy copy = tamper_load(place->ledger);
    for (size_t i = 0; i < copy.count; i++) {
        struct tamper_file *file = &copy.file[i];
        if (!is_segment(file))
            continue;
        tamper_map(file, &map);
        check_cuts(place, file);
        for (size_t at = map.frame[0].bytes; at < map.end; at += STRIDE) {
            file->data[at] ^= 0x10;
            check_cuts(place, file);
            file->data[at] ^= 0x10;
        }
    }
    tamper_free(&copy);
}

static void test_pieces_change_nothing(void **state)
{
    (void)state;
    pieces_of(&ends_with_recovery);
    pieces_of(&ends_with_rotation);
}

/* Which flips are tried when time is short. */
static bool is_sampled(const struct tamper_place *place, size_t at, unsigned bit)
{
    return place == &ends_with_recovery || (at * 5 + bit) % 16 == 0;
}

/* Returns how many flips were verified. */
static size_t flip_file(const struct tamper_place *place, const struct tamper_file *file)
{
    size_t count = 0;
    if (is_segment(file))
        tamper_map(file, &map);
    size_t stride = is_blob(file) ? blob_stride() : 1;
    for (size_t at = 0; at < file->len; at += stride) {
        for (unsigned bit = 0; bit < 8; bit++) {
            if (!tamper_chaos() && !is_sampled(place, at, bit))
                continue;
            count++;
            if (!tamper_chaos() && is_segment(file) && (at + bit) % 16 != 0 &&
                segment_shows(place, file, at, bit))
                continue;
            tamper_poke(place->ledger, file->name, at, file->data[at] ^ (uint8_t)(1u << bit));
            check_flip(place, file, at, bit, PP_TRUST_T1);
            if (!tamper_chaos() && (at + bit) % 128 != 0)
                continue;
            check_flip(place, file, at, bit, PP_TRUST_T2);
            count++;
        }
        tamper_poke(place->ledger, file->name, at, file->data[at]);
    }
    return count;
}

static void flip_ledger(const struct tamper_place *place)
{
    size_t count = 0;
    struct tamper_copy copy = tamper_load(place->ledger);
    /* Three segments, an index or two, a body, a checkpoint. */
    assert_int_equal(copy.count, place == &ends_with_recovery ? 6 : 7);
    for (size_t i = 0; i < copy.count; i++)
        count += flip_file(place, &copy.file[i]);
    print_message("%zu flips checked\n", count);
    tamper_free(&copy);
    assert_int_equal(tamper_verify(place, PP_TRUST_T2).verdict, PP_VERDICT_OK);
}

static void test_every_bit_with_a_recovery(void **state)
{
    (void)state;
    flip_ledger(&ends_with_recovery);
}

static void test_bits_with_a_rotation(void **state)
{
    (void)state;
    flip_ledger(&ends_with_rotation);
}

/* ---- Lengths -------------------------------------------------------------------------------- */

/* Whether a cut of the last segment at this length shows nothing: no unsealed bytes remain, and
   nothing that is sealed elsewhere is missing.  needed: what the checkpoint asks for. */
static bool cut_is_invisible(size_t length, uint64_t needed, bool after_recovery)
{
    uint64_t size = map.frame[0].seq;
    if (length >= map.end)
        return true;
    for (size_t i = 0; i < map.frames; i++) {
        const struct tamper_frame *frame = &map.frame[i];
        size += frame->type == PP_FRAME_ENTRY;
        if (frame->at + frame->bytes != length || frame->type == PP_FRAME_ENTRY)
            continue;
        /* The recovery seal vouches for the torn bytes of the segment before. */
        if (frame->type == PP_FRAME_HEADER && after_recovery)
            return false;
        return size >= needed;
    }
    return false;
}

static void cut_file(const struct tamper_place *place, const struct tamper_file *file, bool last,
                     uint64_t local)
{
    size_t stride = is_blob(file) ? blob_stride() : 1;
    enum pp_trust most = last || tamper_chaos() ? PP_TRUST_T2 : PP_TRUST_T1;
    bool after_recovery = place == &ends_with_recovery;
    if (is_segment(file))
        tamper_map(file, &map);
    for (size_t length = 0; length < file->len; length += stride) {
        tamper_resize(place->ledger, file->name, length);
        for (enum pp_trust trust = PP_TRUST_T1; trust <= most; trust++) {
            struct pp_verify_report report = tamper_verify(place, trust);
            uint64_t needed = trust == PP_TRUST_T2 ? TAMPER_TINY_ENTRIES : local;
            bool expected = last && cut_is_invisible(length, needed, after_recovery);
            if ((pp_verdict_exit_code(report.verdict) == 0) != expected)
                report_place(file, length, 0, &report);
        }
        tamper_write(place->ledger, file);
    }
}

/* local: the size that the ledger's own checkpoint vouches for.  all: not the last segment alone,
   the only file whose cuts the checkpoints have to tell. */
static void cut_ledger(const struct tamper_place *place, uint64_t local, bool all)
{
    struct tamper_copy copy = tamper_load(place->ledger);
    const struct tamper_file *last = tamper_segment(&copy, 2);
    for (size_t i = 0; i < copy.count; i++)
        if (all || &copy.file[i] == last)
            cut_file(place, &copy.file[i], &copy.file[i] == last, local);
    tamper_free(&copy);
    assert_int_equal(tamper_verify(place, PP_TRUST_T2).verdict, PP_VERDICT_OK);
}

static void without_local_checkpoint(const struct tamper_place *place)
{
    struct tamper_copy copy = tamper_load(place->ledger), less = tamper_duplicate(&copy);
    tamper_remove(&less, "checkpoint");
    tamper_store(&less, place->ledger);
    cut_ledger(place, 0, tamper_chaos());
    tamper_store(&copy, place->ledger);
    tamper_free(&less);
    tamper_free(&copy);
}

static void test_every_length(void **state)
{
    (void)state;
    cut_ledger(&ends_with_recovery, TAMPER_TINY_ENTRIES, true);
    cut_ledger(&ends_with_rotation, TAMPER_TINY_ENTRIES, tamper_chaos());
}

/* Then only a checkpoint that was saved elsewhere shows a cut at a seal. */
static void test_every_length_without_local_checkpoint(void **state)
{
    (void)state;
    without_local_checkpoint(&ends_with_recovery);
    without_local_checkpoint(&ends_with_rotation);
}

/* Of the nine bytes that remain of a group, the last three are zeros of its seq. */
static void test_verdicts_of_cuts(void **state)
{
    (void)state;
    struct tamper_copy copy = tamper_load(ends_with_rotation.ledger);
    struct tamper_file *last = tamper_segment(&copy, 2);
    tamper_map(last, &map);
    size_t at_seal = map.group[0].at + map.group[0].bytes;
    tamper_resize(ends_with_rotation.ledger, last->name, at_seal);
    struct pp_verify_report report = tamper_verify(&ends_with_rotation, PP_TRUST_T2);
    assert_string_equal(pp_verdict_text(report.verdict), "ROLLED_BACK");
    assert_true(report.first_bad_seq == 8);
    tamper_write(ends_with_rotation.ledger, last);
    tamper_resize(ends_with_rotation.ledger, last->name, at_seal + 9);
    report = tamper_verify(&ends_with_rotation, PP_TRUST_T2);
    assert_string_equal(pp_verdict_text(report.verdict), "TRUNCATED");
    assert_true(report.first_bad_seq == 8);
    tamper_write(ends_with_rotation.ledger, last);
    tamper_remove(&copy, "checkpoint");
    tamper_store(&copy, ends_with_rotation.ledger);
    tamper_resize(ends_with_rotation.ledger, tamper_segment(&copy, 2)->name, at_seal + 9);
    report = tamper_verify(&ends_with_rotation, PP_TRUST_T1);
    assert_string_equal(pp_verdict_text(report.verdict), "TORN_TAIL");
    assert_true(report.size == 8 && report.unsealed_bytes == 6);
    tamper_free(&copy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_honest_ledgers_are_good),
        cmocka_unit_test(test_pieces_change_nothing),
        cmocka_unit_test(test_every_bit_with_a_recovery),
        cmocka_unit_test(test_bits_with_a_rotation),
        cmocka_unit_test(test_every_length),
        cmocka_unit_test(test_every_length_without_local_checkpoint),
        cmocka_unit_test(test_verdicts_of_cuts),
    };
    return cmocka_run_group_tests(tests, make_ledgers, tamper_clean_up);
}
