/* SPDX-License-Identifier: MIT */
/* Tests of policy files: their form and the quorum (c2sp.org/tlog-policy). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../lib/policies.h"

/* ---- The quorum ----------------------------------------------------------------------------- */

static void test_example_of_the_specification(void **state)
{
    (void)state;
    policy_add_example();
    policy_parse_text();
    assert_int_equal(policy.log_count, 1);
    assert_int_equal(policy.witness_count, 6);
    assert_int_equal(policy.group_count, 3);
    for (uint64_t cosigned = 0; cosigned < 64; cosigned++) {
        bool x = policy_bits(cosigned & 7) >= 2, y = cosigned >> 3 != 0;
        struct pp_quorum quorum = pp_policy_quorum(&policy, cosigned);
        assert_true(quorum.met == (x && y));
        assert_int_equal(quorum.have, (unsigned)x + (unsigned)y);
        assert_int_equal(quorum.needed, 2);
        assert_int_equal(quorum.members, 2);
    }
}

static void test_every_k_of_n(void **state)
{
    (void)state;
    for (unsigned n = 1; n <= 6; n++) {
        for (unsigned k = 1; k <= n; k++) {
            policy_start();
            for (unsigned i = 0; i < n; i++) {
                char name[8];
                (void)snprintf(name, sizeof name, "w%u", i);
                policy_add_witness(name, i);
            }
            if (k == 1 && n % 2 == 0)
                policy_add("group g any");
            else if (k == n && n % 2 == 0)
                policy_add("group g all");
            else
                policy_add("group g %u", k);
            for (unsigned i = 0; i < n; i++)
                policy_add(" w%u", i);
            policy_add("\nquorum g\n");
            policy_parse_text();
            for (uint64_t cosigned = 0; cosigned < UINT64_C(1) << n; cosigned++) {
                struct pp_quorum quorum = pp_policy_quorum(&policy, cosigned);
                assert_true(quorum.met == (policy_bits(cosigned) >= k));
                assert_int_equal(quorum.have, policy_bits(cosigned));
            }
        }
    }
}

static void test_quorum_of_one_witness_or_none(void **state)
{
    (void)state;
    policy_start();
    policy_add_witness("a", 0);
    policy_add_witness("b", 1);
    policy_add("group g all a\nquorum b\n");
    policy_parse_text();
    for (uint64_t cosigned = 0; cosigned < 4; cosigned++)
        assert_true(pp_policy_quorum(&policy, cosigned).met == (cosigned >> 1 == 1));
    policy_start();
    policy_add_witness("a", 0);
    policy_add("quorum none\n");
    policy_parse_text();
    assert_true(pp_policy_quorum(&policy, 0).met);
    assert_int_equal(policy.quorum, PP_QUORUM_NONE);
}

/* The groups above the quorum count, those below it don't. */
static void test_quorum_that_is_not_the_last_group(void **state)
{
    (void)state;
    policy_start();
    policy_add_witness("a", 0);
    policy_add_witness("b", 1);
    policy_add("group g any a\nquorum g\ngroup h all b\n");
    policy_parse_text();
    assert_true(pp_policy_quorum(&policy, 1).met);
    assert_false(pp_policy_quorum(&policy, 2).met);
}

static void test_limits(void **state)
{
    (void)state;
    policy_add_largest();
    size_t len = strlen(policy_text);
    policy_add("quorum g63\n");
    policy_parse_text();
    assert_true(pp_policy_quorum(&policy, UINT64_MAX).met);
    for (unsigned i = 0; i < 64; i++)
        assert_false(pp_policy_quorum(&policy, UINT64_MAX ^ UINT64_C(1) << i).met);
    policy_text[len] = '\0';
    policy_add_log("log.example", 65);
    assert_int_equal(policy_parse_bytes(policy_text, strlen(policy_text)), PP_ERROR_TOO_LARGE);
    assert_non_null(strstr(policy_failure.text, "more than 64 logs"));
    policy_text[len] = '\0';
    policy_add_witness("w64", 64);
    assert_int_equal(policy_parse_bytes(policy_text, strlen(policy_text)), PP_ERROR_TOO_LARGE);
    assert_non_null(strstr(policy_failure.text, "more than 64 witnesses"));
    policy_text[len] = '\0';
    policy_add("group g64 all g63\n");
    assert_int_equal(policy_parse_bytes(policy_text, strlen(policy_text)), PP_ERROR_TOO_LARGE);
    assert_non_null(strstr(policy_failure.text, "more than 64 groups"));
    char *large = malloc(PP_POLICY_BYTES_MAX + 1);
    assert_non_null(large);
    memset(large, '\n', PP_POLICY_BYTES_MAX + 1);
    memcpy(large, "quorum none", 11);
    assert_int_equal(policy_parse_bytes(large, PP_POLICY_BYTES_MAX), PP_OK);
    assert_int_equal(policy_parse_bytes(large, PP_POLICY_BYTES_MAX + 1), PP_ERROR_TOO_LARGE);
    free(large);
}

/* ---- The form ------------------------------------------------------------------------------- */

static void test_forms_that_are_allowed(void **state)
{
    (void)state;
    char key[PP_NOTE_KEY_TEXT_BYTES];
    struct pp_note_signer a = policy_witness(0), log = policy_signer("log.example", 1);
    pp_witness_key_format(&a.key, key);
    policy_start();
    policy_add("#comment\n \t # another \xff\n\n \t \n\twitness \t\xe2\x84\xaa\xff "
               "%s\thttps://a.example/#x \n",
               key);
    policy_add_witness("K", 1);
    policy_add("group any 1 K \xe2\x84\xaa\xff\nquorum any");
    pp_note_key_format(&log.key, key);
    policy_add(" \t\nlog %s https://log.example\n", key);
    policy_parse_text();
    assert_int_equal(policy.witness_count, 2);
    assert_int_equal(policy.log_count, 1);
    assert_string_equal(policy.logs[0].name, "log.example");
    assert_true(pp_policy_quorum(&policy, 2).met);
    assert_int_equal(policy_parse_bytes("quorum none\n", 12), PP_OK);
}

/* Each is put behind a log, the witnesses a and b, and the group g of a: lines 1 to 4. */
static const struct {
    const char *lines;
    unsigned line;
    const char *what;
} refused[] = {
    {"", 5, "without a quorum line"},
    {"quorum g\nquorum g\n", 6, "second quorum"},
    {"quorum none\nquorum none\n", 6, "second quorum"},
    {"quorum\n", 5, "quorum <name>"},
    {"quorum g g\n", 5, "quorum <name>"},
    {"quorum h\n", 5, "\"h\" is defined on no line above"},
    {"quorum h\ngroup h any b\n", 5, "\"h\" is defined on no line above"},
    {"quorum None\n", 5, "defined on no line"},
    {"quorum g", 5, "no newline at the end"},
    {"quorum g\n#", 6, "no newline at the end"},
    {"quorum g\r\n", 5, "control character"},
    {"# \x01\n", 5, "control character"},
    {"# \x7f\n", 5, "control character"},
    {"#\v\n", 5, "control character"},
    {"witnes c\n", 5, "\"witnes\" is none of"},
    {"Quorum g\n", 5, "is none of"},
    {"quorum\xc2\xa0g\n", 5, "is none of"},
    {"group\n", 5, "a group is defined by"},
    {"group h\n", 5, "a group is defined by"},
    {"group h any\n", 5, "a group is defined by"},
    {"group h any c\n", 5, "\"c\" is defined on no line above"},
    {"group h any h\n", 5, "\"h\" is defined on no line above"},
    {"group h any none\n", 5, "\"none\" can't be a member"},
    {"group h any a\n", 5, "\"a\" is a member already"},
    {"group h any b b\n", 5, "\"b\" is a member already"},
    {"group h any g\ngroup i any g\n", 6, "\"g\" is a member already"},
    {"group none any b\n", 5, "\"none\" is predefined"},
    {"group a any b\n", 5, "\"a\" is defined already"},
    {"group g any b\n", 5, "\"g\" is defined already"},
    {"group h 0 b\n", 5, "\"0\" is neither"},
    {"group h 2 b\n", 5, "\"2\" is neither"},
    {"group h 3 b g\n", 5, "\"3\" is neither"},
    {"group h 01 b\n", 5, "\"01\" is neither"},
    {"group h +1 b\n", 5, "is neither"},
    {"group h -1 b\n", 5, "is neither"},
    {"group h 1.0 b\n", 5, "is neither"},
    {"group h 0x1 b\n", 5, "is neither"},
    {"group h 18446744073709551617 b\n", 5, "is neither"},
    {"group h ALL b\n", 5, "is neither"},
    {"group h b g\n", 5, "\"b\" is neither"},
    {"log\n", 5, "log <vkey>"},
    {"log c\n", 5, "\"c\" is no Ed25519 key of a log"},
    {"log a b c\n", 5, "log <vkey>"},
    {"witness\n", 5, "witness <name> <vkey>"},
    {"witness c\n", 5, "witness <name> <vkey>"},
    {"witness c d e f\n", 5, "witness <name> <vkey>"},
    {"witness c c\n", 5, "no Ed25519 key of a witness"},
    {"witness none c\n", 5, "\"none\" is predefined"},
    {"witness a c\n", 5, "\"a\" is defined already"},
    {"witness g c\n", 5, "\"g\" is defined already"},
};

static void test_forms_that_are_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        char wanted[32];
        policy_start();
        policy_add_log("log.example", 1);
        policy_add_witness("a", 0);
        policy_add_witness("b", 1);
        policy_add("group g all a\n%s", refused[i].lines);
        assert_int_equal(policy_parse_bytes(policy_text, strlen(policy_text)), PP_ERROR_FORMAT);
        assert_int_equal(policy_failure.code, PP_ERROR_FORMAT);
        (void)snprintf(wanted, sizeof wanted, "line %u: ", refused[i].line);
        if (strstr(policy_failure.text, wanted) != policy_failure.text ||
            strstr(policy_failure.text, refused[i].what) == NULL)
            fail_msg("case %zu: %s", i, policy_failure.text);
        assert_int_equal(policy.log_count + policy.witness_count + policy.group_count, 0);
    }
    assert_int_equal(policy_parse_bytes("", 0), PP_ERROR_FORMAT);
    assert_int_equal(policy_parse_bytes("quorum n\0ne\n", 12), PP_ERROR_FORMAT);
}

/* Keys in the wrong place, and the same public key twice under other names. */
static void test_keys_that_are_refused(void **state)
{
    (void)state;
    char as_log[PP_NOTE_KEY_TEXT_BYTES], as_witness[PP_NOTE_KEY_TEXT_BYTES];
    struct pp_note_signer first = policy_signer("first.example", 9);
    struct pp_note_signer renamed = policy_signer("second.example", 9);
    pp_note_key_format(&first.key, as_log);
    pp_witness_key_format(&first.key, as_witness);
    policy_start();
    policy_add("log %s\nquorum none\n", as_witness);
    assert_int_equal(policy_parse_bytes(policy_text, strlen(policy_text)), PP_ERROR_FORMAT);
    assert_non_null(strstr(policy_failure.text, "line 1: \"first.example+"));
    policy_start();
    policy_add("witness a %s\nquorum none\n", as_log);
    assert_int_equal(policy_parse_bytes(policy_text, strlen(policy_text)), PP_ERROR_FORMAT);
    /* One key may be that of a log and of a witness. */
    policy_start();
    policy_add("log %s\nwitness a %s\n", as_log, as_witness);
    size_t len = strlen(policy_text);
    policy_add("quorum none\n");
    assert_int_equal(policy_parse_bytes(policy_text, strlen(policy_text)), PP_OK);
    pp_note_key_format(&renamed.key, as_log);
    pp_witness_key_format(&renamed.key, as_witness);
    policy_text[len] = '\0';
    policy_add("log %s\nquorum none\n", as_log);
    assert_int_equal(policy_parse_bytes(policy_text, strlen(policy_text)), PP_ERROR_FORMAT);
    assert_non_null(strstr(policy_failure.text, "has the public key of an earlier log"));
    policy_text[len] = '\0';
    policy_add("witness b %s\nquorum none\n", as_witness);
    assert_int_equal(policy_parse_bytes(policy_text, strlen(policy_text)), PP_ERROR_FORMAT);
    assert_non_null(strstr(policy_failure.text, "has the public key of an earlier witness"));
}

static void test_cut_and_changed_policies(void **state)
{
    (void)state;
    policy_add_example();
    size_t len = strlen(policy_text);
    for (size_t cut = 0; cut < len; cut++)
        assert_int_equal(policy_parse_bytes(policy_text, cut), PP_ERROR_FORMAT);
    for (size_t bit = 0; bit < 8 * len; bit++) {
        policy_text[bit / 8] = (char)(policy_text[bit / 8] ^ 1 << bit % 8);
        enum pp_error error = policy_parse_bytes(policy_text, len);
        assert_true(error == PP_OK || error == PP_ERROR_FORMAT);
        assert_true((error == PP_OK) == (policy_failure.text[0] == '\0'));
        policy_text[bit / 8] = (char)(policy_text[bit / 8] ^ 1 << bit % 8);
    }
}

/* Long names in messages are cut, whatever they are. */
static void test_long_words(void **state)
{
    (void)state;
    char name[4000];
    memset(name, 'n', sizeof name);
    name[sizeof name - 1] = '\0';
    policy_start();
    policy_add("quorum %s\n", name);
    assert_int_equal(policy_parse_bytes(policy_text, strlen(policy_text)), PP_ERROR_FORMAT);
    assert_true(strlen(policy_failure.text) < 200);
    policy_start();
    policy_add_witness(name, 0);
    policy_add("group g%s any %s\nquorum g%s\n", name, name, name);
    policy_parse_text();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_example_of_the_specification),
        cmocka_unit_test(test_every_k_of_n),
        cmocka_unit_test(test_quorum_of_one_witness_or_none),
        cmocka_unit_test(test_quorum_that_is_not_the_last_group),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_forms_that_are_allowed),
        cmocka_unit_test(test_forms_that_are_refused),
        cmocka_unit_test(test_keys_that_are_refused),
        cmocka_unit_test(test_cut_and_changed_policies),
        cmocka_unit_test(test_long_words),
    };
    return cmocka_run_group_tests_name("policy", tests, NULL, NULL);
}
