/* SPDX-License-Identifier: MIT */
/* Tests of witness keys and cosignatures (c2sp.org/tlog-cosignature). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../src/base/base.h"
#include "../../src/ledger/note_internal.h"
#include "../lib/cosigned.h"

enum { NOTE_BYTES = PP_CHECKPOINT_BYTES_MAX };

/* The example of c2sp.org/tlog-cosignature, whose keys are not published. */
static const char spec_note[] =
    "example.com/behind-the-sofa\n"
    "20852163\n"
    "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
    "\n" DASH "example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5"
    "/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n" DASH
    "witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyi"
    "n1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==\n";

static struct pp_bytes view(const char *text)
{
    return pp_bytes_of(text);
}

static struct pp_note_signer signer_named(const char *name, uint8_t seed_byte)
{
    struct pp_note_signer signer;
    uint8_t seed[32];
    memset(seed, seed_byte, sizeof seed);
    assert_int_equal(pp_note_signer_init(&signer, name, seed), PP_OK);
    return signer;
}

/* A checkpoint of "log.example" with this size. */
static void make_checkpoint(uint64_t size, char out[NOTE_BYTES])
{
    struct pp_note_signer log = signer_named("log.example", 1);
    struct pp_digest root = pp_sha256(view("a root"));
    size_t len;
    assert_int_equal(pp_checkpoint_sign(&log, size, &root, out, &len), PP_OK);
}

static void cosign(const struct pp_note_signer *witness, char note[NOTE_BYTES], uint64_t time_s)
{
    char out[NOTE_BYTES];
    size_t len;
    assert_int_equal(pp_checkpoint_cosign(witness, view(note), time_s, out, sizeof out, &len),
                     PP_OK);
    assert_int_equal(strlen(out), len);
    memcpy(note, out, len + 1);
}

static enum pp_error cosignature_by(const struct pp_note_signer *witness, const char *note,
                                    uint64_t *time_s)
{
    return pp_checkpoint_cosignature(view(note), &witness->key, time_s);
}

/* ---- What others made ----------------------------------------------------------------------- */

static void test_cosignatures_of_public_witnesses(void **state)
{
    (void)state;
    struct pp_note_key key;
    struct pp_checkpoint checkpoint;
    char text[PP_NOTE_KEY_TEXT_BYTES];
    assert_int_equal(pp_note_key_parse(view(real_log), &key), PP_OK);
    assert_int_equal(pp_checkpoint_open(view(real_note), &key, &checkpoint), PP_OK);
    assert_true(checkpoint.size == 1432088532);
    for (size_t i = 0; i < REAL_WITNESSES; i++) {
        uint64_t time_s = 0;
        assert_int_equal(pp_witness_key_parse(view(real_witnesses[i]), &key), PP_OK);
        pp_witness_key_format(&key, text);
        assert_string_equal(text, real_witnesses[i]);
        assert_int_equal(pp_checkpoint_cosignature(view(real_note), &key, &time_s), PP_OK);
        assert_true(time_s == REAL_TIME_S);
    }
}

/* Every bit of the text that was cosigned, and of the line itself. */
static void test_every_bit_that_a_public_witness_signed_counts(void **state)
{
    (void)state;
    struct pp_note_key key;
    char note[sizeof real_note];
    size_t text_len = (size_t)(strstr(real_note, "\n\n") + 1 - real_note);
    const char *line = strstr(real_note, "remora.n621.de ");
    size_t start = (size_t)(line - real_note), end = start + strcspn(line, "\n");
    assert_int_equal(pp_witness_key_parse(view(real_witnesses[2]), &key), PP_OK);
    for (size_t bit = 0; bit < 8 * end; bit++) {
        if (bit / 8 >= text_len && bit / 8 < start)
            continue;
        uint64_t time_s = 7;
        memcpy(note, real_note, sizeof note);
        note[bit / 8] = (char)(note[bit / 8] ^ 1 << bit % 8);
        struct pp_bytes bytes = {(const uint8_t *)note, sizeof note - 1};
        enum pp_error error = pp_checkpoint_cosignature(bytes, &key, &time_s);
        assert_true(error == PP_ERROR_FORMAT || error == PP_ERROR_WRONG_KEY ||
                    error == PP_ERROR_MISMATCH);
        assert_true(time_s == 7);
    }
}

static void test_example_of_the_specification(void **state)
{
    (void)state;
    struct pp_checkpoint checkpoint;
    struct pp_note_signer other = signer_named("witness.example.com/w1", 3);
    uint64_t time_s;
    assert_int_equal(pp_checkpoint_parse(view(spec_note), &checkpoint), PP_OK);
    assert_true(checkpoint.size == 20852163);
    assert_int_equal(cosignature_by(&other, spec_note, &time_s), PP_ERROR_WRONG_KEY);
}

/* ---- Keys ----------------------------------------------------------------------------------- */

static void test_types_of_keys_are_kept_apart(void **state)
{
    (void)state;
    struct pp_note_signer signer = signer_named("w.example", 2);
    struct pp_note_key key;
    char as_log[PP_NOTE_KEY_TEXT_BYTES], as_witness[PP_NOTE_KEY_TEXT_BYTES];
    pp_note_key_format(&signer.key, as_log);
    pp_witness_key_format(&signer.key, as_witness);
    assert_string_not_equal(as_log, as_witness);
    assert_int_equal(pp_note_key_parse(view(as_log), &key), PP_OK);
    assert_int_equal(pp_note_key_parse(view(as_witness), &key), PP_ERROR_FORMAT);
    assert_int_equal(pp_witness_key_parse(view(as_log), &key), PP_ERROR_FORMAT);
    assert_int_equal(pp_witness_key_parse(view(as_witness), &key), PP_OK);
    assert_memory_equal(&key, &signer.key, sizeof key);
    for (size_t bit = 0; bit < 8 * strlen(as_witness); bit++) {
        char changed[PP_NOTE_KEY_TEXT_BYTES];
        memcpy(changed, as_witness, sizeof changed);
        changed[bit / 8] = (char)(changed[bit / 8] ^ 1 << bit % 8);
        struct pp_bytes bytes = {(const uint8_t *)changed, strlen(as_witness)};
        assert_int_equal(pp_witness_key_parse(bytes, &key), PP_ERROR_FORMAT);
    }
}

/* ---- Cosignatures --------------------------------------------------------------------------- */

static void test_round_trip(void **state)
{
    (void)state;
    static const uint64_t times[] = {0, 1, 9, 10, 1679315147, INT64_MAX};
    struct pp_note_signer log = signer_named("log.example", 1), w = signer_named("w.example", 2);
    struct pp_checkpoint checkpoint;
    for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
        char note[NOTE_BYTES];
        uint64_t time_s = 5;
        make_checkpoint(42, note);
        assert_int_equal(cosignature_by(&w, note, &time_s), PP_ERROR_WRONG_KEY);
        assert_true(time_s == 5);
        cosign(&w, note, times[i]);
        assert_int_equal(cosignature_by(&w, note, &time_s), PP_OK);
        assert_true(time_s == times[i]);
        assert_int_equal(pp_checkpoint_open(view(note), &log.key, &checkpoint), PP_OK);
        assert_true(checkpoint.size == 42);
    }
}

static void test_what_cannot_be_cosigned(void **state)
{
    (void)state;
    struct pp_note_signer w = signer_named("w.example", 2);
    char note[NOTE_BYTES], out[NOTE_BYTES];
    size_t len = 3, needed;
    make_checkpoint(1, note);
    uint64_t too_late = (uint64_t)INT64_MAX + 1;
    assert_int_equal(pp_checkpoint_cosign(&w, view(note), too_late, out, sizeof out, &len),
                     PP_ERROR_ARGUMENT);
    assert_int_equal(pp_checkpoint_cosign(&w, view("log\n1\n"), 1, out, sizeof out, &len),
                     PP_ERROR_FORMAT);
    assert_int_equal(len, 3);
    assert_int_equal(pp_checkpoint_cosign(&w, view(note), 1, out, sizeof out, &needed), PP_OK);
    for (size_t cap = 0; cap <= needed; cap++)
        assert_int_equal(pp_checkpoint_cosign(&w, view(note), 1, out, cap, &len),
                         PP_ERROR_NO_SPACE);
    assert_int_equal(pp_checkpoint_cosign(&w, view(note), 1, out, needed + 1, &len), PP_OK);
}

static void test_text_is_limited(void **state)
{
    (void)state;
    static char text[3 * NOTE_BYTES], note[4 * NOTE_BYTES], out[5 * NOTE_BYTES];
    struct pp_note_signer log = signer_named("log.example", 1), w = signer_named("w.example", 2);
    static const char head[] = "log.example\n5\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n";
    for (size_t text_len = NOTE_BYTES - 1; text_len <= NOTE_BYTES + 1; text_len++) {
        size_t len;
        uint64_t time_s;
        memset(text, 'x', text_len);
        memcpy(text, head, sizeof head - 1);
        text[text_len - 1] = '\n';
        struct pp_bytes bytes = {(const uint8_t *)text, text_len};
        assert_int_equal(pp_note_sign(&log, bytes, note, sizeof note, &len), PP_OK);
        enum pp_error wanted = text_len <= PP_CHECKPOINT_BYTES_MAX ? PP_OK : PP_ERROR_TOO_LARGE;
        bytes = (struct pp_bytes){(const uint8_t *)note, len};
        assert_int_equal(pp_checkpoint_cosign(&w, bytes, 1, out, sizeof out, &len), wanted);
        if (wanted == PP_OK)
            bytes = (struct pp_bytes){(const uint8_t *)out, len};
        assert_int_equal(pp_checkpoint_cosignature(bytes, &w.key, &time_s), wanted);
    }
}

/* The cosignature line put together by hand, as the specification describes it: time_signed stands
   in the message, time_said in the line. */
static void cosign_by_hand(const struct pp_note_signer *w, char note[NOTE_BYTES],
                           uint64_t time_signed, uint64_t time_said, size_t signature_len)
{
    uint8_t bytes[4 + 8 + 64];
    char message[NOTE_BYTES], base64[128], hashed[64];
    int text_len = (int)(strstr(note, "\n\n") + 1 - note);
    int name_len = snprintf(hashed, sizeof hashed, "%s\n\x04", w->key.name);
    memcpy(hashed + name_len, w->key.public_key, 32);
    struct pp_digest id = pp_sha256((struct pp_bytes){(uint8_t *)hashed, (size_t)name_len + 32});
    memcpy(bytes, id.b, 4);
    for (int i = 0; i < 8; i++)
        bytes[4 + i] = (uint8_t)(time_said >> (56 - 8 * i));
    (void)snprintf(message, sizeof message, "cosignature/v1\ntime %" PRIu64 "\n%.*s", time_signed,
                   text_len, note);
    assert_true(pp_ed25519_sign(w->seed, view(message), bytes + 12));
    (void)pp_base64_encode(bytes, 12 + signature_len, base64);
    size_t at = strlen(note);
    (void)snprintf(note + at, NOTE_BYTES - at, DASH "%s %s\n", w->key.name, base64);
}

static void test_wrong_timestamps(void **state)
{
    (void)state;
    static const uint64_t limit = UINT64_C(1) << 63;
    static const struct {
        uint64_t time_signed, time_said;
        size_t signature_len;
        enum pp_error error;
    } cases[] = {
        {1679315147, 1679315147, 64, PP_OK},
        {1679315147, 1679315148, 64, PP_ERROR_MISMATCH},
        {1679315148, 1679315147, 64, PP_ERROR_MISMATCH},
        {0, 1, 64, PP_ERROR_MISMATCH},
        {1679315147, 1679315147, 63, PP_ERROR_MISMATCH},
        {1679315147, 1679315147, 0, PP_ERROR_MISMATCH},
        {limit - 1, limit - 1, 64, PP_OK},
        {limit, limit, 64, PP_ERROR_MISMATCH},
        {UINT64_MAX, UINT64_MAX, 64, PP_ERROR_MISMATCH},
    };
    struct pp_note_signer w = signer_named("w.example", 2);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char note[NOTE_BYTES];
        uint64_t time_s;
        make_checkpoint(7, note);
        cosign_by_hand(&w, note, cases[i].time_signed, cases[i].time_said, cases[i].signature_len);
        assert_int_equal(cosignature_by(&w, note, &time_s), cases[i].error);
    }
}

static void test_other_witnesses(void **state)
{
    (void)state;
    struct pp_note_signer w = signer_named("w.example", 2), other = signer_named("w.example", 3);
    struct pp_note_signer renamed = signer_named("v.example", 2);
    char note[NOTE_BYTES];
    uint64_t time_s;
    make_checkpoint(9, note);
    cosign(&w, note, 100);
    assert_int_equal(cosignature_by(&other, note, &time_s), PP_ERROR_WRONG_KEY);
    assert_int_equal(cosignature_by(&renamed, note, &time_s), PP_ERROR_WRONG_KEY);
    cosign(&other, note, 200);
    cosign(&renamed, note, 300);
    assert_int_equal(cosignature_by(&w, note, &time_s), PP_OK);
    assert_true(time_s == 100);
    assert_int_equal(cosignature_by(&renamed, note, &time_s), PP_OK);
    assert_true(time_s == 300);
}

/* A log's signature by the same key is none of a witness, and the other way round. */
static void test_signatures_are_no_cosignatures(void **state)
{
    (void)state;
    struct pp_note_signer log = signer_named("log.example", 1);
    char note[NOTE_BYTES];
    struct pp_checkpoint checkpoint;
    uint64_t time_s;
    make_checkpoint(9, note);
    assert_int_equal(cosignature_by(&log, note, &time_s), PP_ERROR_WRONG_KEY);
    cosign(&log, note, 100);
    char *signature = strstr(note, "\n\n") + 2, *cosignature = strchr(signature, '\n') + 1;
    memmove(signature, cosignature, strlen(cosignature) + 1);
    assert_int_equal(cosignature_by(&log, note, &time_s), PP_OK);
    assert_int_equal(pp_checkpoint_open(view(note), &log.key, &checkpoint), PP_ERROR_WRONG_KEY);
}

static void test_cosignature_of_another_checkpoint(void **state)
{
    (void)state;
    struct pp_note_signer w = signer_named("w.example", 2);
    char note[NOTE_BYTES], other[NOTE_BYTES];
    uint64_t time_s;
    make_checkpoint(9, note);
    make_checkpoint(10, other);
    cosign(&w, other, 100);
    strcat(note, strstr(other, DASH "w.example"));
    assert_int_equal(cosignature_by(&w, note, &time_s), PP_ERROR_MISMATCH);
}

/* The latest time counts; one that does not hold rejects all. */
static void test_several_cosignatures_of_one_witness(void **state)
{
    (void)state;
    struct pp_note_signer w = signer_named("w.example", 2);
    char note[NOTE_BYTES];
    uint64_t time_s = 0;
    make_checkpoint(9, note);
    cosign(&w, note, 300);
    cosign(&w, note, 100);
    assert_int_equal(cosignature_by(&w, note, &time_s), PP_OK);
    assert_true(time_s == 300);
    cosign_by_hand(&w, note, 400, 401, 64);
    assert_int_equal(cosignature_by(&w, note, &time_s), PP_ERROR_MISMATCH);
    cosign(&w, note, 500);
    assert_int_equal(cosignature_by(&w, note, &time_s), PP_ERROR_MISMATCH);
    assert_true(time_s == 300);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cosignatures_of_public_witnesses),
        cmocka_unit_test(test_every_bit_that_a_public_witness_signed_counts),
        cmocka_unit_test(test_example_of_the_specification),
        cmocka_unit_test(test_types_of_keys_are_kept_apart),
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_what_cannot_be_cosigned),
        cmocka_unit_test(test_text_is_limited),
        cmocka_unit_test(test_wrong_timestamps),
        cmocka_unit_test(test_other_witnesses),
        cmocka_unit_test(test_signatures_are_no_cosignatures),
        cmocka_unit_test(test_cosignature_of_another_checkpoint),
        cmocka_unit_test(test_several_cosignatures_of_one_witness),
    };
    return cmocka_run_group_tests_name("cosignature", tests, NULL, NULL);
}
