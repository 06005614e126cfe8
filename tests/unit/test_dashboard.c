/* SPDX-License-Identifier: MIT */
/* Invariants as text, their rules, and values for which they hold or not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../src/dashboard/dashboard_internal.h"

static struct pp_dashboard_invariant invariants[4];
static size_t count;
static struct pp_dashboard_fault fault;

static enum pp_error read_text(const char *input)
{
    return pp_dashboard_read(pp_bytes_of(input), invariants, 4, &count, &fault);
}

/* A file with one invariant whose formula is this one. */
static enum pp_error read_holds(const char *each, const char *holds)
{
    static char input[4096];
    snprintf(input, sizeof input, "invariant x\nsummary s\ntheorem spec/X.v t\neach %s\nholds %s\n",
             each, holds);
    return read_text(input);
}

static void expect_rule(const char *holds, const char *alert, const char *lost)
{
    char memory[4096];
    struct pp_dashboard_text text = {memory, sizeof memory, 0};
    if (read_holds("up", holds) != PP_OK)
        fail_msg("%s: column %u: %s", holds, fault.column, fault.text);
    assert_true(pp_dashboard_formula_is_valid(&invariants[0].formula));
    pp_dashboard_alert(pp_bytes_of("up"), &invariants[0].formula, &text);
    memory[text.len] = '\0';
    assert_string_equal(memory, alert);
    text.len = 0;
    pp_dashboard_signal_lost(pp_bytes_of("up"), &invariants[0].formula, &text);
    memory[text.len] = '\0';
    assert_string_equal(memory, lost);
}

static void test_rules(void **state)
{
    (void)state;
    expect_rule("a <= 5", "( ( up unless ( a <= 5 ) ) or absent ( up ) )",
                "( ( up unless ( a == a ) ) or absent ( up ) )");
    expect_rule("a + b * -2 != c",
                "( ( up unless ( ( ( ( a + ( b * -2 ) ) != c ) and ( ( a + ( b * -2 ) ) == ( a + ( "
                "b * -2 ) ) ) ) and ( c == c ) ) ) or absent ( up ) )",
                "( ( up unless ( ( ( a == a ) and ( b == b ) ) and ( c == c ) ) ) or absent ( up ) "
                ")");
    expect_rule("n never counts in 1m",
                "( ( up unless ( ( ( increase ( n [60000ms] ) == 0 ) and ( min_over_time ( n "
                "[60000ms] ) >= 0 ) ) and ( sum_over_time ( n [60000ms] ) < +Inf ) ) ) or absent ( "
                "up ) )",
                "( ( up unless ( n == n ) ) or absent ( up ) )");
    expect_rule("a==1 or(b>0 and c<2)",
                "( ( up unless ( ( a == 1 ) or ( ( b > 0 ) and ( c < 2 ) ) ) ) or absent ( up ) )",
                "( ( up unless ( ( a == a ) and ( ( b == b ) and ( c == c ) ) ) ) or absent ( up ) "
                ")");
}

/* Where a formula is wrong, and that something is said about it. */
static void test_faults_of_formulas(void **state)
{
    (void)state;
    static const struct {
        const char *holds;
        unsigned column; /* of the formula, from 1 */
        const char *says;
    } cases[] = {
        {"a", 1, "no comparison"},
        {"5 > a", 1, "right"},
        {"1 + a > 0", 1, "right"},
        {"a > 0 > b", 7, "metrics and numbers"},
        {"a and b > 0", 1, "join comparisons"},
        {"a > 0 and b", 11, "join comparisons"},
        {"(a > 0", 1, "never closed"},
        {"a > 0)", 6, "closes nothing"},
        {"a >", 4, "too early"},
        {"a > 0 b", 7, "operator"},
        {"a > 1.5", 5, "whole numbers"},
        {"a > 5m", 5, "whole numbers"},
        {"a > 9007199254740993", 5, "2^53"},
        {"a never counts", 15, "never"},
        {"a never counts in 5", 19, "no unit"},
        {"a never counts in 0s", 19, "out of range"},
        {"a never counts in 9ms", 19, "out of range"},
        {"a never counts in 9007199254740992h", 19, "out of range"},
        {"a > 0 and a{y=\"1\"} > 0", 1, "different labels"},
        {"a never counts in x", 19, "duration"},
        {"(a + b) never counts in 5s", 9, "operator"},
        {"by > 0", 1, "PromQL"},
        {"INF > 0", 1, "PromQL"},
        {"a{} > 0", 3, "name is missing"},
        {"a{b=c} > 0", 4, "label=\"value\""},
        {"a{b=\"c} > 0", 7, "printable"},
        {"a{b=\"c\" > 0", 8, "closing }"},
        {"a{__name__=\"c\"} > 0", 3, "__name__"},
        {"a{z=\"1\"} > 0", 1, "nothing would match"},
        {"a{y=\"2\"} > 0", 1, "nothing would match"},
        {"a % 2 == 0", 3, "operator"},
        {"$a > 0", 1, "metric"},
        {"", 6, "missing"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(read_holds("up{y=\"1\"}", cases[i].holds), PP_ERROR_FORMAT);
        assert_int_equal(fault.line, 5);
        if (cases[i].holds[0] != '\0' && fault.column != cases[i].column + 6)
            fail_msg("%s: column %u, not %u: %s", cases[i].holds, fault.column - 6, cases[i].column,
                     fault.text);
        if (strstr(fault.text, cases[i].says) == NULL)
            fail_msg("%s: says %s", cases[i].holds, fault.text);
    }
}

#define REST "summary s\ntheorem spec/X.v t\neach up\nholds a > 0\n"

static void test_faults_of_files(void **state)
{
    (void)state;
    static const struct {
        const char *input;
        unsigned line, column;
        const char *says;
    } cases[] = {
        {"", 1, 1, "no invariant"},
        {"# nothing\n\n", 1, 1, "no invariant"},
        {"\n  summary s\n", 2, 3, "invariant NAME"},
        {"invariant 1x\n" REST, 1, 11, "letter"},
        {"invariant\n" REST, 1, 10, "letter"},
        {"invariant x\nholds a > 0\n", 1, 1, "`summary`"},
        {"invariant x\nsummary s\ntheorem spec/X.v t\neach up\n", 1, 1, "`holds`"},
        {"invariant x\n" REST "holds a > 1\n", 6, 1, "twice"},
        {"invariant x\n" REST "colour red\n", 6, 1, "unknown word"},
        {"invariant x\n" REST "severity bad\n", 6, 10, "critical"},
        {"invariant x\n" REST "logs a b\n", 6, 7, "log source"},
        {"invariant x\n" REST "logs\n", 6, 5, "missing"},
        {"invariant x\nsummary {{.}}\n", 2, 9, "{ }"},
        {"invariant x\ntheorem spec/X.v\n", 2, 9, "theorem"},
        {"invariant x\neach up down\n", 2, 8, "nothing may follow"},
        {"invariant x\nsummary \xc3\xa9\n", 2, 9, "ASCII"},
        {"invariant x\n" REST "\t\n", 6, 1, "ASCII"},
        {"invariant x\n" REST "invariant y\n" REST "invariant x\n" REST, 11, 1, "came before"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(read_text(cases[i].input), PP_ERROR_FORMAT);
        if (fault.line != cases[i].line || fault.column != cases[i].column ||
            strstr(fault.text, cases[i].says) == NULL)
            fail_msg("case %zu: %u:%u: %s", i, fault.line, fault.column, fault.text);
    }
}

static void test_file(void **state)
{
    (void)state;
    assert_int_equal(read_text("# two\ninvariant one\n  logs limiter/*\n  severity info\n" REST
                               "\n\ninvariant two\n" REST "# end"),
                     PP_OK);
    assert_int_equal(count, 2);
    assert_true(pp_dashboard_same(invariants[0].logs, pp_bytes_of("limiter/*")));
    assert_true(pp_dashboard_same(invariants[0].severity, pp_bytes_of("info")));
    assert_true(pp_dashboard_same(invariants[1].severity, pp_bytes_of("critical")));
    assert_true(pp_dashboard_same(invariants[1].theorem, pp_bytes_of("t")));
    assert_int_equal(invariants[1].line, 11);
    assert_int_equal(pp_dashboard_count(pp_bytes_of("invariant a\ninvariant b")), 2);
    assert_int_equal(
        pp_dashboard_read(pp_bytes_of("invariant one\n" REST), invariants, 0, &count, &fault),
        PP_ERROR_NO_SPACE);
}

/* Whatever the bytes: no crash, a place in the text, and a reason. */
static void test_damaged_files(void **state)
{
    (void)state;
    static const char good[] = "invariant one\n  logs limiter/*\n severity info\n summary s\n"
                               " theorem spec/X.v t\n each up{a=\"1\"}\n"
                               " holds (a{a=\"1\"} + 2 >= b or c never counts in 5s) and d != 3\n";
    srand(1);
    for (int round = 0; round < 200000; round++) {
        char input[sizeof good];
        size_t len = sizeof good - 1;
        memcpy(input, good, sizeof good);
        for (int changes = rand() % 4 + 1; changes > 0; changes--) {
            size_t at = (size_t)rand() % len;
            if (rand() % 4 == 0)
                len = at + 1;
            else
                input[at] =
                    rand() % 2 ? good[(size_t)rand() % (sizeof good - 1)] : (char)(rand() % 256);
        }
        uint8_t *exact = malloc(len);
        memcpy(exact, input, len);
        enum pp_error error =
            pp_dashboard_read((struct pp_bytes){exact, len}, invariants, 4, &count, &fault);
        if (error == PP_OK)
            for (size_t i = 0; i < count; i++)
                assert_true(pp_dashboard_formula_is_valid(&invariants[i].formula));
        else
            assert_true(error == PP_ERROR_FORMAT && fault.line > 0 && fault.column > 0 &&
                        fault.text != NULL);
        free(exact);
    }
}

/* Only trees are formulas. */
static void test_validity(void **state)
{
    (void)state;
    struct pp_dashboard_formula formula;
    assert_int_equal(read_holds("up", "a + b > 0 and c never counts in 1s"), PP_OK);
    formula = invariants[0].formula;
    assert_true(pp_dashboard_formula_is_valid(&formula));
    formula.nodes[2].right = formula.nodes[2].left; /* a child of two */
    assert_false(pp_dashboard_formula_is_valid(&formula));
    formula = invariants[0].formula;
    formula.nodes[2].left = 2; /* its own child */
    assert_false(pp_dashboard_formula_is_valid(&formula));
    formula = invariants[0].formula;
    formula.nodes[5].left = 0; /* a term joined by and */
    assert_false(pp_dashboard_formula_is_valid(&formula));
    formula = invariants[0].formula;
    formula.nodes[4].number = 0; /* no window */
    assert_false(pp_dashboard_formula_is_valid(&formula));
    formula = invariants[0].formula;
    formula.count = 3; /* a term */
    assert_false(pp_dashboard_formula_is_valid(&formula));
    formula.count = 0;
    assert_false(pp_dashboard_formula_is_valid(&formula));
}

static void test_examples(void **state)
{
    (void)state;
    struct pp_dashboard_values values;
    static const char *const possible[] = {
        "a == 1000000 and b == 77",
        "a + b * c > 100",
        "a never counts in 1s and a == 5",
        "a != a + 1",
        "a - b == 3",
        "a < 0 or b never counts in 2s",
    };
    for (size_t i = 0; i < sizeof possible / sizeof possible[0]; i++) {
        assert_int_equal(read_holds("up", possible[i]), PP_OK);
        bool found = pp_dashboard_example(&invariants[0].formula, true, &values);
        assert_true(found && pp_dashboard_holds(&invariants[0].formula, &values));
    }
    assert_int_equal(read_holds("up", "a < a"), PP_OK);
    assert_false(pp_dashboard_example(&invariants[0].formula, true, &values));
    assert_true(pp_dashboard_example(&invariants[0].formula, false, &values));
    assert_int_equal(read_holds("up", "a == a"), PP_OK);
    assert_false(pp_dashboard_example(&invariants[0].formula, false, &values));
}

static void test_statement_line(void **state)
{
    (void)state;
    struct pp_bytes spec =
        pp_bytes_of("(* Definition b : *)\nDefinition bb : Prop := x.\nDefinition b : Prop :=\n");
    assert_int_equal(pp_dashboard_statement_line(spec, pp_bytes_of("b")), 3);
    assert_int_equal(pp_dashboard_statement_line(spec, pp_bytes_of("bb")), 2);
    assert_int_equal(pp_dashboard_statement_line(spec, pp_bytes_of("c")), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rules),           cmocka_unit_test(test_faults_of_formulas),
        cmocka_unit_test(test_faults_of_files), cmocka_unit_test(test_file),
        cmocka_unit_test(test_damaged_files),   cmocka_unit_test(test_validity),
        cmocka_unit_test(test_examples),        cmocka_unit_test(test_statement_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
