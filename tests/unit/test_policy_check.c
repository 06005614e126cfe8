/* SPDX-License-Identifier: MIT */
/* Tests of checkpoints judged by a policy: logs, witnesses and quorum. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../src/base/base.h"
#include "../lib/cosigned.h"
#include "../lib/policies.h"

enum { NOTE_BYTES = PP_NOTE_BYTES_MAX };

/* A checkpoint of log_name that these witnesses cosigned. */
static void make_checkpoint(const char *log_name, uint8_t seed_byte, uint64_t cosigners,
                            char out[NOTE_BYTES])
{
    static char more[NOTE_BYTES];
    struct pp_note_signer log = policy_signer(log_name, seed_byte);
    struct pp_digest root = pp_sha256(pp_bytes_of("a root"));
    size_t len;
    assert_int_equal(pp_checkpoint_sign(&log, 42, &root, out, &len), PP_OK);
    for (unsigned i = 0; i < 64; i++) {
        if ((cosigners >> i & 1) == 0)
            continue;
        struct pp_note_signer signer = policy_witness(i);
        assert_int_equal(
            pp_checkpoint_cosign(&signer, pp_bytes_of(out), 1000 + i, more, sizeof more, &len),
            PP_OK);
        memcpy(out, more, len + 1);
    }
}

static enum pp_error check(const char *note, struct pp_policy_result *result)
{
    memset(result, 0, sizeof *result);
    return pp_policy_check(&policy, pp_bytes_of(note), result, &policy_failure);
}

static void test_every_set_of_cosigners(void **state)
{
    (void)state;
    static char note[NOTE_BYTES];
    struct pp_policy_result result;
    policy_add_example();
    policy_parse_text();
    for (uint64_t cosigned = 0; cosigned < 64; cosigned++) {
        bool met = policy_bits(cosigned & 7) >= 2 && cosigned >> 3 != 0;
        make_checkpoint("log.example", 1, cosigned | UINT64_C(1) << 40, note);
        assert_int_equal(check(note, &result), met ? PP_OK : PP_ERROR_QUORUM);
        assert_true(result.quorum.met == met);
        assert_true(result.cosigned == cosigned);
        assert_int_equal(result.witnesses, policy_bits(cosigned));
        assert_ptr_equal(result.log, &policy.logs[0]);
        assert_true(result.checkpoint.size == 42);
    }
    make_checkpoint("log.example", 1, 1, note);
    assert_int_equal(check(note, &result), PP_ERROR_QUORUM);
    assert_non_null(
        strstr(policy_failure.text, "0 of 2 members of \"X-and-Y\" hold, 2 needed; 1 of 6"));
}

static void test_public_checkpoint(void **state)
{
    (void)state;
    struct pp_policy_result result;
    policy_start();
    policy_add("log %s https://log.example/\n", real_log);
    for (size_t i = 0; i < REAL_WITNESSES; i++)
        policy_add("witness %zu %s\n", i, real_witnesses[i]);
    policy_add_witness("ours", 0);
    policy_add("group g 4 0 1 2 3 ours\nquorum g\n");
    policy_parse_text();
    assert_int_equal(check(real_note, &result), PP_OK);
    assert_int_equal(result.witnesses, 4);
    assert_true(result.checkpoint.size == 1432088532);
    strcpy(strstr(policy_text, "group"), "group g 5 0 1 2 3 ours\nquorum g\n");
    policy_parse_text();
    assert_int_equal(check(real_note, &result), PP_ERROR_QUORUM);
    assert_int_equal(result.quorum.have, 4);
    assert_int_equal(result.quorum.needed, 5);
}

static void test_logs(void **state)
{
    (void)state;
    static char note[NOTE_BYTES], other[NOTE_BYTES];
    struct pp_policy_result result;
    struct pp_note_signer log = policy_signer("log.example", 1), stranger = policy_signer("x", 3);
    policy_start();
    policy_add_log("log.example", 1);
    policy_add_log("other.example", 2);
    policy_add("quorum none\n");
    policy_parse_text();
    make_checkpoint("log.example", 1, 0, note);
    assert_int_equal(check(note, &result), PP_OK);
    assert_ptr_equal(result.log, &policy.logs[0]);
    make_checkpoint("other.example", 2, 0, other);
    assert_int_equal(check(other, &result), PP_OK);
    assert_ptr_equal(result.log, &policy.logs[1]);
    /* Another key, another name, another log's checkpoint, and no checkpoint at all. */
    make_checkpoint("log.example", 3, 0, other);
    assert_int_equal(check(other, &result), PP_ERROR_WRONG_KEY);
    assert_null(result.log);
    make_checkpoint("third.example", 1, 0, other);
    assert_int_equal(check(other, &result), PP_ERROR_WRONG_KEY);
    assert_int_equal(check("log.example\n", &result), PP_ERROR_FORMAT);
    /* log.example's signature on a text of another origin, beside the one of its own log. */
    size_t len;
    struct pp_note_signer third = policy_signer("third.example", 4);
    static const char foreign[] =
        "third.example\n1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n";
    assert_int_equal(pp_note_sign(&log, pp_bytes_of(foreign), other, NOTE_BYTES, &len), PP_OK);
    assert_int_equal(check(other, &result), PP_ERROR_WRONG_KEY);
    assert_non_null(strstr(policy_failure.text, "no log of the policy"));
    /* Known from elsewhere. */
    assert_false(pp_policy_pin_log(&policy, &stranger.key));
    assert_int_equal(policy.log_count, 2);
    assert_true(pp_policy_pin_log(&policy, &log.key));
    assert_int_equal(policy.log_count, 1);
    assert_int_equal(check(note, &result), PP_OK);
    assert_int_equal(policy_parse_bytes("quorum none\n", 12), PP_OK);
    assert_int_equal(check(note, &result), PP_ERROR_WRONG_KEY);
    assert_true(pp_policy_pin_log(&policy, &third.key));
    assert_int_equal(check(note, &result), PP_ERROR_WRONG_KEY);
    assert_int_equal(policy_parse_bytes("quorum none\n", 12), PP_OK);
    assert_true(pp_policy_pin_log(&policy, &log.key));
    assert_int_equal(check(note, &result), PP_OK);
}

/* A signature or cosignature by a key of the policy that does not hold rejects the checkpoint, also
   when there are enough others. */
static void test_signatures_that_do_not_hold(void **state)
{
    (void)state;
    static char note[NOTE_BYTES], other[NOTE_BYTES];
    struct pp_policy_result result;
    struct pp_note_signer log = policy_signer("log.example", 1);
    struct pp_digest root = pp_sha256(pp_bytes_of("another root"));
    size_t len;
    policy_start();
    policy_add_log("log.example", 1);
    policy_add_witness("a", 0);
    policy_add_witness("b", 1);
    policy_add("group g any a b\nquorum g\n");
    policy_parse_text();
    make_checkpoint("log.example", 1, 3, note);
    assert_int_equal(check(note, &result), PP_OK);
    assert_int_equal(pp_checkpoint_sign(&log, 43, &root, other, &len), PP_OK);
    strcat(other, strstr(note, DASH "w1.example"));
    assert_int_equal(check(other, &result), PP_ERROR_MISMATCH);
    assert_non_null(strstr(policy_failure.text, "cosignature of witness \"b\""));
    assert_int_equal(pp_checkpoint_sign(&log, 43, &root, other, &len), PP_OK);
    strcat(note, strstr(other, DASH));
    assert_int_equal(check(note, &result), PP_ERROR_MISMATCH);
    assert_non_null(strstr(policy_failure.text, "signature of log \"log.example\""));
    assert_null(result.log);
}

/* No bit of a checkpoint that just meets its policy can be changed. */
static void test_every_bit_of_a_checkpoint_counts(void **state)
{
    (void)state;
    static char note[NOTE_BYTES];
    struct pp_policy_result result;
    policy_start();
    policy_add_log("log.example", 1);
    policy_add_witness("a", 0);
    policy_add_witness("b", 1);
    policy_add("group g all a b\nquorum g\n");
    policy_parse_text();
    make_checkpoint("log.example", 1, 3, note);
    assert_int_equal(check(note, &result), PP_OK);
    size_t len = strlen(note);
    for (size_t bit = 0; bit < 8 * len; bit++) {
        note[bit / 8] = (char)(note[bit / 8] ^ 1 << bit % 8);
        struct pp_bytes bytes = {(const uint8_t *)note, len};
        assert_int_not_equal(pp_policy_check(&policy, bytes, &result, &policy_failure), PP_OK);
        note[bit / 8] = (char)(note[bit / 8] ^ 1 << bit % 8);
    }
}

static void test_largest_checkpoint(void **state)
{
    (void)state;
    static char note[NOTE_BYTES];
    struct pp_policy_result result;
    policy_add_largest();
    policy_add("quorum g63\n");
    policy_parse_text();
    make_checkpoint("log.example", 64, UINT64_MAX, note);
    assert_int_equal(check(note, &result), PP_OK);
    assert_ptr_equal(result.log, &policy.logs[63]);
    assert_int_equal(result.witnesses, 64);
    make_checkpoint("log.example", 64, UINT64_MAX / 2, note);
    assert_int_equal(check(note, &result), PP_ERROR_QUORUM);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_set_of_cosigners),
        cmocka_unit_test(test_public_checkpoint),
        cmocka_unit_test(test_logs),
        cmocka_unit_test(test_signatures_that_do_not_hold),
        cmocka_unit_test(test_every_bit_of_a_checkpoint_counts),
        cmocka_unit_test(test_largest_checkpoint),
    };
    return cmocka_run_group_tests_name("policy_check", tests, NULL, NULL);
}
