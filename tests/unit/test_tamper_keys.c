/* SPDX-License-Identifier: MIT */
/* What a thief of the current key can't do, two histories of one ledger, old copies, wrong keys. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../src/store/store.h"
#include "../lib/tamper.h"

/* One segment; each group ends an epoch, so that the thief finds the key of epoch GROUPS. */
enum { GROUPS = 6, ENTRIES = 3, NOW = GROUPS, SIZE = GROUPS * ENTRIES };
static struct tamper_map map;

static void fill(const struct tamper_place *place)
{
    struct pp_ledger *ledger = tamper_open(place);
    for (int group = 0; group < GROUPS; group++)
        tamper_group(ledger, ENTRIES, 24);
    tamper_checkpoint(ledger, place);
    tamper_close(ledger);
    struct tamper_copy copy = tamper_load(place->ledger);
    tamper_remove(&copy, "checkpoint");
    tamper_store(&copy, place->ledger);
    tamper_free(&copy);
}

static void assert_verdict(const struct tamper_place *place, enum pp_trust trust,
                           const char *verdict, uint64_t first_bad_seq)
{
    struct pp_verify_report report = tamper_verify(place, trust);
    if (strcmp(pp_verdict_text(report.verdict), verdict) != 0 ||
        report.first_bad_seq != first_bad_seq)
        fail_msg("%s at %lld is due, not %s at %lld: %s", verdict, (long long)first_bad_seq,
                 pp_verdict_text(report.verdict), (long long)report.first_bad_seq, report.reason);
}

/* Proven bad at T1 and T2, from the first forged entry on. */
static void assert_forged(const struct tamper_place *place, uint64_t first_bad_seq)
{
    for (enum pp_trust trust = PP_TRUST_T1; trust <= PP_TRUST_T2; trust++) {
        struct pp_verify_report report = tamper_verify(place, trust);
        if (pp_verdict_exit_code(report.verdict) != 1 || report.first_bad_seq != first_bad_seq)
            fail_msg("from %lld: %s at %lld: %s", (long long)first_bad_seq,
                     pp_verdict_text(report.verdict), (long long)report.first_bad_seq,
                     report.reason);
    }
}

static void put(const struct tamper_forger *forger, const struct tamper_copy *honest,
                const struct tamper_place *place)
{
    struct tamper_copy copy = tamper_duplicate(honest);
    tamper_forger_put(forger, tamper_segment(&copy, 0));
    tamper_store(&copy, place->ledger);
    tamper_free(&copy);
}

/* ---- The current key, stolen ---------------------------------------------------------------- */

/* The forger's key of an epoch is the one in sealing.key: what is stolen below lies there. */
static void test_the_forger_has_the_key_of_the_file(void **state)
{
    (void)state;
    struct tamper_place place = tamper_make("key", "victim.example", fill);
    struct pp_sealing_file file;
    struct pp_sealing_state stolen;
    struct pp_failure failure = {0};
    struct pp_epoch_keys keys;
    struct tamper_forger forger;
    assert_int_equal(pp_sealing_file_open(place.keys, &file, &stolen, &failure), PP_OK);
    pp_os_close(file.fd);
    assert_true(stolen.ratchet.epoch == NOW && stolen.size == SIZE);
    pp_epoch_keys_init(&keys, &stolen.ratchet);
    tamper_forger_init(&forger, &place);
    tamper_forger_key(&forger, NOW);
    struct pp_bytes text = pp_bytes_of("text"), none = {NULL, 0};
    struct pp_digest a = pp_mac(&keys.seal, text, none), b = pp_mac(&forger.keys.seal, text, none);
    assert_true(pp_digest_equal(&a, &b));
    a = pp_mac(&keys.tag, text, none);
    b = pp_mac(&forger.keys.tag, text, none);
    assert_true(pp_digest_equal(&a, &b));
    tamper_forger_free(&forger);
}

enum labels { LABELS_AS_THEY_WERE, LABELS_OF_THE_KEY, LABELS_COUNT };

/* Groups from `from` on made anew with the stolen key and its successors, consistently. */
static void forge_groups(struct tamper_forger *forger, size_t from, size_t groups,
                         enum labels labels, const char *body)
{
    for (size_t i = 0; i < groups; i++) {
        uint64_t key = labels == LABELS_OF_THE_KEY ? NOW + i : NOW;
        tamper_forger_key(forger, key);
        for (size_t k = 0; k < ENTRIES; k++)
            tamper_forger_entry(forger, body);
        uint64_t label = labels == LABELS_OF_THE_KEY ? NOW + i : from + i;
        tamper_forger_seal(forger, PP_SEAL_COMMIT, label, 0);
    }
}

static void test_resealed_past(void **state)
{
    (void)state;
    struct tamper_place place = tamper_make("reseal", "victim.example", fill);
    struct tamper_copy honest = tamper_load(place.ledger);
    for (size_t from = 0; from < GROUPS; from++) {
        for (enum labels labels = 0; labels < LABELS_COUNT; labels++) {
            for (size_t groups = 1; groups <= GROUPS - from + 3; groups++) {
                struct tamper_forger forger;
                tamper_map(tamper_segment(&honest, 0), &map);
                tamper_forger_init(&forger, &place);
                tamper_forger_take(&forger, tamper_segment(&honest, 0), &map,
                                   map.group[from].first);
                forge_groups(&forger, from, groups, labels, "forged");
                put(&forger, &honest, &place);
                assert_forged(&place, from * ENTRIES);
                tamper_forger_free(&forger);
            }
        }
    }
    tamper_store(&honest, place.ledger);
    assert_verdict(&place, PP_TRUST_T2, "OK", PP_NO_SEQ);
    tamper_free(&honest);
}

/* One group in the middle is made anew, and the honest ones behind it stay. */
static void test_resealed_middle(void **state)
{
    (void)state;
    struct tamper_place place = tamper_make("middle", "victim.example", fill);
    struct tamper_copy honest = tamper_load(place.ledger);
    const struct tamper_file *segment = tamper_segment(&honest, 0);
    tamper_map(segment, &map);
    for (size_t at = 0; at + 1 < GROUPS; at++) {
        for (enum labels labels = 0; labels < LABELS_COUNT; labels++) {
            struct tamper_forger forger;
            size_t rest = map.group[at].at + map.group[at].bytes;
            tamper_forger_init(&forger, &place);
            tamper_forger_take(&forger, segment, &map, map.group[at].first);
            forge_groups(&forger, at, 1, labels, "forged");
            memcpy(forger.out + forger.len, segment->data + rest, map.end - rest);
            forger.len += map.end - rest;
            put(&forger, &honest, &place);
            assert_forged(&place, at * ENTRIES);
            tamper_forger_free(&forger);
        }
    }
    tamper_free(&honest);
}

/* The honest entries are kept and only one is left out: the tags tell it all the same. */
static void test_resealed_with_an_entry_left_out(void **state)
{
    (void)state;
    struct tamper_place place = tamper_make("omit", "victim.example", fill);
    struct tamper_copy honest = tamper_load(place.ledger);
    const struct tamper_file *segment = tamper_segment(&honest, 0);
    struct tamper_forger forger;
    tamper_map(segment, &map);
    tamper_forger_init(&forger, &place);
    tamper_forger_take(&forger, segment, &map, map.group[2].first);
    tamper_forger_key(&forger, NOW);
    for (size_t group = 2; group < GROUPS; group++) {
        for (size_t i = map.group[group].first; i < map.group[group].seal; i++) {
            uint8_t content[512];
            size_t len = map.frame[i].bytes - PP_FRAME_HEAD_BYTES - PP_TAG_BYTES;
            memcpy(content, segment->data + map.frame[i].at + PP_FRAME_HEAD_BYTES, len);
            if (group == 2 && i == map.group[group].first + 1)
                continue;
            pp_put_u64(content + 2, forger.next_seq);
            tamper_forger_retag(&forger, (struct pp_bytes){content, len});
        }
        tamper_forger_seal(&forger, PP_SEAL_COMMIT, group, 0);
    }
    put(&forger, &honest, &place);
    assert_forged(&place, 2 * ENTRIES);
    tamper_forger_free(&forger);
    tamper_free(&honest);
}

/* The whole ledger made anew, as if it had begun with the stolen key. */
static void test_ledger_that_begins_with_the_stolen_key(void **state)
{
    (void)state;
    struct tamper_place place = tamper_make("anew", "victim.example", fill);
    struct tamper_copy honest = tamper_load(place.ledger);
    for (int labelled_zero = 0; labelled_zero < 2; labelled_zero++) {
        struct tamper_forger forger;
        tamper_forger_init(&forger, &place);
        tamper_forger_key(&forger, NOW);
        tamper_forger_header(&forger, 0, labelled_zero ? 0 : NOW);
        forge_groups(&forger, 0, GROUPS, labelled_zero ? LABELS_AS_THEY_WERE : LABELS_OF_THE_KEY,
                     "forged");
        put(&forger, &honest, &place);
        for (enum pp_trust trust = PP_TRUST_T1; trust <= PP_TRUST_T2; trust++)
            assert_int_equal(pp_verdict_exit_code(tamper_verify(&place, trust).verdict), 1);
        tamper_forger_free(&forger);
    }
    tamper_free(&honest);
}

/* A thief can prune, as the owner can.  That the entries which he keeps are the old ones is for a
   checkpoint to say: he may claim that few were pruned, and forge the rest. */
static void test_forged_prune_needs_a_checkpoint(void **state)
{
    (void)state;
    struct tamper_place place = tamper_make("prune", "victim.example", fill);
    struct tamper_copy honest = tamper_load(place.ledger);
    for (size_t kept = 0; kept < GROUPS; kept++) {
        struct tamper_forger forger;
        tamper_map(tamper_segment(&honest, 0), &map);
        tamper_forger_init(&forger, &place);
        tamper_forger_take(&forger, tamper_segment(&honest, 0), &map, map.group[kept].first);
        forger.len = 0;
        tamper_forger_key(&forger, NOW);
        tamper_forger_header(&forger, 7, NOW);
        for (uint64_t epoch = NOW + 1; forger.next_seq < SIZE; epoch++) {
            tamper_forger_key(&forger, epoch);
            tamper_forger_entry(&forger, "forged");
            tamper_forger_seal(&forger, PP_SEAL_COMMIT, epoch, 0);
            tamper_forger_key(&forger, ++epoch);
            tamper_forger_seal(&forger, PP_SEAL_PRUNE, epoch, 7);
        }
        struct tamper_copy copy = tamper_duplicate(&honest);
        struct tamper_file *segment = tamper_segment(&copy, 0);
        tamper_forger_put(&forger, segment);
        snprintf(segment->name, sizeof segment->name, "segments/%020d.seg", 7);
        tamper_store(&copy, place.ledger);
        assert_verdict(&place, PP_TRUST_T2, "FORKED", PP_NO_SEQ);
        tamper_store(&honest, place.ledger);
        tamper_free(&copy);
        tamper_forger_free(&forger);
    }
    tamper_free(&honest);
}

/* A later segment made anew from its header on. */
static void test_forged_later_segment(void **state)
{
    (void)state;
    struct tamper_place place = tamper_new("later", "victim.example");
    struct pp_ledger *ledger = tamper_open(&place);
    tamper_rotate(ledger, ENTRIES); /* epochs 0 and 1 */
    tamper_rotate(ledger, ENTRIES);
    tamper_group(ledger, ENTRIES, 20);
    tamper_group(ledger, ENTRIES, 20);
    tamper_checkpoint(ledger, &place);
    tamper_close(ledger); /* epoch 6 is next */
    struct tamper_copy honest = tamper_load(place.ledger);
    for (uint64_t label = 3; label <= 6; label += 3) {
        struct tamper_copy copy = tamper_duplicate(&honest);
        struct tamper_forger forger;
        tamper_forger_init(&forger, &place);
        for (uint64_t i = 0; i < 2; i++) {
            tamper_map(tamper_segment(&honest, i), &map);
            tamper_forger_take(&forger, tamper_segment(&honest, i), &map, map.frames);
        }
        forger.len = 0;
        tamper_forger_key(&forger, 6);
        tamper_forger_header(&forger, 2, label);
        for (uint64_t i = 1; i <= 2; i++) {
            tamper_forger_key(&forger, 6 + i);
            tamper_forger_entry(&forger, "forged");
            tamper_forger_seal(&forger, PP_SEAL_COMMIT, label + i, 0);
        }
        tamper_forger_put(&forger, tamper_segment(&copy, 2));
        tamper_store(&copy, place.ledger);
        assert_forged(&place, 2 * ENTRIES);
        tamper_forger_free(&forger);
        tamper_free(&copy);
    }
    tamper_free(&honest);
}

/* ---- Two histories -------------------------------------------------------------------------- */

static void extend(const struct tamper_place *place, size_t groups, size_t body_bytes)
{
    struct pp_ledger *ledger = tamper_open(place);
    for (size_t i = 0; i < groups; i++)
        tamper_group(ledger, ENTRIES, body_bytes);
    tamper_checkpoint(ledger, place);
    tamper_close(ledger);
}

static void test_fork(void **state)
{
    (void)state;
    struct tamper_place here = tamper_make("here", "forked.example", fill);
    struct tamper_place there = tamper_clone(&here, "there");
    extend(&here, 2, 30);
    extend(&there, 3, 40);
    assert_verdict(&here, PP_TRUST_T2, "OK", PP_NO_SEQ);
    assert_verdict(&there, PP_TRUST_T2, "OK", PP_NO_SEQ);
    struct tamper_place crossed = there;
    memcpy(crossed.checkpoint, here.checkpoint, sizeof crossed.checkpoint);
    assert_verdict(&crossed, PP_TRUST_T2, "FORKED", PP_NO_SEQ);
    struct tamper_copy a = tamper_load(here.ledger), b = tamper_load(there.ledger);
    tamper_assign(tamper_find(&b, "checkpoint"), tamper_find(&a, "checkpoint"));
    tamper_store(&b, there.ledger);
    assert_verdict(&there, PP_TRUST_T1, "FORKED", PP_NO_SEQ);
    /* Both went on from the same size to sizes where the other one has no seal. */
    crossed = here;
    memcpy(crossed.checkpoint, there.checkpoint, sizeof crossed.checkpoint);
    assert_verdict(&crossed, PP_TRUST_T2, "ROLLED_BACK", SIZE + 2 * ENTRIES);
    tamper_free(&a);
    tamper_free(&b);
}

/* Two writers that used the same key, and one's seal behind the other's group. */
static void test_duplicate_writer(void **state)
{
    (void)state;
    struct tamper_place first = tamper_make("first", "double.example", fill);
    struct tamper_place second = tamper_clone(&first, "second");
    extend(&first, 1, 30);
    struct pp_ledger *ledger = tamper_open(&second);
    tamper_group(ledger, ENTRIES + 1, 30);
    assert_int_equal(pp_writer_control_seal(ledger, PP_SEAL_PRUNE, 0), PP_OK);
    tamper_close(ledger);
    struct tamper_copy a = tamper_load(first.ledger), b = tamper_load(second.ledger);
    struct tamper_file *target = tamper_segment(&a, 0), *source = tamper_segment(&b, 0);
    tamper_map(source, &map);
    const struct tamper_frame *seal = &map.frame[map.frames - 1];
    assert_int_equal(seal->kind, PP_SEAL_PRUNE);
    uint8_t frame[PP_SEAL_FRAME_BYTES];
    memcpy(frame, source->data + seal->at, sizeof frame);
    tamper_map(target, &map);
    tamper_splice(target, map.end, sizeof frame, frame, sizeof frame);
    tamper_store(&a, first.ledger);
    assert_verdict(&first, PP_TRUST_T1, "DUPLICATE_WRITER", SIZE + ENTRIES);
    tamper_free(&a);
    tamper_free(&b);
}

static void test_old_copy(void **state)
{
    (void)state;
    struct tamper_place now = tamper_make("now", "old.example", fill);
    struct tamper_place old = tamper_clone(&now, "old");
    extend(&now, 2, 30);
    struct tamper_place restored = old;
    memcpy(restored.checkpoint, now.checkpoint, sizeof restored.checkpoint);
    assert_verdict(&restored, PP_TRUST_T2, "ROLLED_BACK", SIZE);
    assert_verdict(&restored, PP_TRUST_T1, "OK", PP_NO_SEQ); /* by design: T1 can't know */
    struct tamper_place mixed = old;
    memcpy(mixed.keys, now.keys, sizeof mixed.keys);
    assert_int_equal(tamper_open_error(&mixed), PP_ERROR_ROLLED_BACK);
    mixed = now;
    memcpy(mixed.keys, old.keys, sizeof mixed.keys);
    assert_int_equal(tamper_open_error(&mixed), PP_ERROR_KEY);
    assert_verdict(&now, PP_TRUST_T2, "OK", PP_NO_SEQ); /* nothing was written */
}

/* ---- Wrong keys ----------------------------------------------------------------------------- */

static void write_text(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
    int fd = pp_os_open(PP_OS_CWD, path, PP_OS_READ);
    assert_int_equal(pp_os_is_private(fd), 1);
    pp_os_close(fd);
}

/* The ledger was made anew with other secrets under the same key id. */
static void test_other_seed(void **state)
{
    (void)state;
    struct tamper_place place = tamper_make("seed", "key.example", fill);
    struct tamper_forger forger;
    struct pp_verification_key key;
    char text[PP_VERIFY_KEY_TEXT_BYTES];
    tamper_forger_init(&forger, &place);
    memcpy(key.key_id, forger.key_id, sizeof key.key_id);
    key.seed = forger.seed;
    key.seed.b[0] ^= 1;
    memset(key.checkpoint_key, 7, sizeof key.checkpoint_key);
    pp_verification_key_format(&key, text);
    write_text(place.verify_key, text);
    assert_verdict(&place, PP_TRUST_T1, "WRONG_KEY", 0);
    tamper_forger_free(&forger);
}

static void test_key_and_checkpoint_of_another_ledger(void **state)
{
    (void)state;
    struct tamper_place a = tamper_make("ours", "ours.example", fill);
    struct tamper_place b = tamper_make("theirs", "theirs.example", fill);
    struct tamper_place mixed = a;
    memcpy(mixed.verify_key, b.verify_key, sizeof mixed.verify_key);
    assert_verdict(&mixed, PP_TRUST_T1, "WRONG_LOG", 0);
    mixed = a;
    memcpy(mixed.checkpoint, b.checkpoint, sizeof mixed.checkpoint);
    assert_verdict(&mixed, PP_TRUST_T2, "UNREADABLE", PP_NO_SEQ); /* signed by another key */
    mixed = a;
    memcpy(mixed.keys, b.keys, sizeof mixed.keys);
    assert_int_equal(tamper_open_error(&mixed), PP_ERROR_WRONG_KEY);
    assert_verdict(&a, PP_TRUST_T2, "OK", PP_NO_SEQ);
}

/* ---- Clocks --------------------------------------------------------------------------------- */

/* With the keys of the right epochs the forger writes what an honest writer would: the clock may go
   backwards, which is counted and is no defect. */
static void test_clock_steps_are_no_defect(void **state)
{
    (void)state;
    struct tamper_place place = tamper_make("clock", "clock.example", fill);
    struct tamper_copy honest = tamper_load(place.ledger);
    struct tamper_forger forger;
    tamper_forger_init(&forger, &place);
    tamper_forger_header(&forger, 0, 0);
    for (uint64_t epoch = 0; epoch < GROUPS; epoch++) {
        tamper_forger_key(&forger, epoch);
        tamper_forger_entry(&forger, "honest");
        forger.realtime_ns += epoch % 2 == 0 ? 1000000000 : (uint64_t)-5000000000;
        tamper_forger_seal(&forger, PP_SEAL_COMMIT, epoch, 0);
    }
    put(&forger, &honest, &place);
    struct pp_verify_report report = tamper_verify(&place, PP_TRUST_T1);
    assert_string_equal(pp_verdict_text(report.verdict), "OK");
    assert_true(report.clock_steps == GROUPS / 2 && report.entries == GROUPS);
    tamper_forger_free(&forger);
    tamper_free(&honest);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_forger_has_the_key_of_the_file),
        cmocka_unit_test(test_resealed_past),
        cmocka_unit_test(test_resealed_middle),
        cmocka_unit_test(test_resealed_with_an_entry_left_out),
        cmocka_unit_test(test_ledger_that_begins_with_the_stolen_key),
        cmocka_unit_test(test_forged_prune_needs_a_checkpoint),
        cmocka_unit_test(test_forged_later_segment),
        cmocka_unit_test(test_fork),
        cmocka_unit_test(test_duplicate_writer),
        cmocka_unit_test(test_old_copy),
        cmocka_unit_test(test_other_seed),
        cmocka_unit_test(test_key_and_checkpoint_of_another_ledger),
        cmocka_unit_test(test_clock_steps_are_no_defect),
    };
    return cmocka_run_group_tests(tests, tamper_set_up, tamper_clean_up);
}
