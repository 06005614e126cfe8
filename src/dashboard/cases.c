/* SPDX-License-Identifier: MIT */
/* prometheus/rules.test.json: unit tests for promtool.  What is expected follows from the
   definition of holds (values.c), not from the PromQL that is tested. */
#include "dashboard_internal.h"

/* Samples of a test: the last one is evaluated. */
enum { SAMPLES = 11, INTERVAL_MAX_MS = 1000 };

struct test {
    const struct pp_dashboard_invariant *invariant;
    struct pp_dashboard_values values;
    bool listed;    /* `each` has its series */
    bool restarted; /* counters begin again at 0 */
    uint64_t interval_ms;
};

/* ---- Series --------------------------------------------------------------------------------- */

/* Whether the metric is the one that `each` lists by: they have one series. */
static bool is_each(const struct pp_dashboard_invariant *invariant, struct pp_bytes metric)
{
    return pp_dashboard_same(pp_dashboard_metric_name(metric),
                             pp_dashboard_metric_name(invariant->each));
}

static bool selects_instance(struct pp_bytes each)
{
    struct pp_dashboard_label label;
    while (pp_dashboard_next_label(&each, &label))
        if (pp_dashboard_same(label.name, pp_bytes_of("instance")))
            return true;
    return false;
}

static const char instance[] = "test:1";

/* Every series has the labels that `each` selects, and an instance. */
static void put_series_name(struct pp_dashboard_json *json, struct pp_bytes metric,
                            struct pp_bytes each)
{
    struct pp_dashboard_label label;
    bool with_instance = selects_instance(each);
    pp_dashboard_json_begin_string(json, "series");
    pp_dashboard_json_piece(json, pp_dashboard_metric_name(metric));
    pp_dashboard_json_piece_text(json, "{");
    for (struct pp_bytes rest = each; pp_dashboard_next_label(&rest, &label);) {
        pp_dashboard_json_piece(json, label.name);
        pp_dashboard_json_piece_text(json, "=\"");
        pp_dashboard_json_piece(json, label.value);
        pp_dashboard_json_piece_text(json, "\",");
    }
    if (!with_instance) {
        pp_dashboard_json_piece_text(json, "instance=\"");
        pp_dashboard_json_piece_text(json, instance);
        pp_dashboard_json_piece_text(json, "\"");
    }
    pp_dashboard_json_piece_text(json, "}");
    pp_dashboard_json_end_string(json);
}

static void put_values(struct pp_dashboard_json *json, const struct pp_dashboard_value *value,
                       bool restarted)
{
    pp_dashboard_json_begin_string(json, "values");
    for (int i = 0; i < SAMPLES; i++) {
        bool early = i <= SAMPLES / 2;
        int64_t number = value->moves && early ? value->value - 1 : value->value;
        if (restarted)
            number = early ? 5 : 0;
        pp_dashboard_json_piece_text(json, i > 0 ? " " : "");
        if (value->number)
            pp_dashboard_put_number(json->text, number);
        else
            pp_dashboard_json_piece_text(json, "NaN");
    }
    pp_dashboard_json_end_string(json);
}

static void put_series(struct pp_dashboard_json *json, const struct test *test,
                       struct pp_bytes metric, const struct pp_dashboard_value *value)
{
    pp_dashboard_json_begin(json, NULL, '{');
    put_series_name(json, metric, test->invariant->each);
    put_values(json, value, test->restarted && !is_each(test->invariant, metric));
    pp_dashboard_json_end(json, '}');
}

static void put_input(struct pp_dashboard_json *json, const struct test *test)
{
    static const struct pp_dashboard_value one = {true, true, false, 1};
    bool each_is_put = !test->listed;
    pp_dashboard_json_begin(json, "input_series", '[');
    for (size_t i = 0; i < test->values.count; i++) {
        if (!test->values.values[i].there)
            continue;
        each_is_put |= is_each(test->invariant, test->values.metrics[i]);
        put_series(json, test, test->values.metrics[i], &test->values.values[i]);
    }
    if (!each_is_put)
        put_series(json, test, test->invariant->each, &one);
    pp_dashboard_json_end(json, ']');
}

/* ---- What is expected ----------------------------------------------------------------------- */

/* absent() has the labels that `each` selects, a listed series its instance, too. */
static void put_expected_labels(struct pp_dashboard_json *json, const struct test *test,
                                enum pp_dashboard_rule rule)
{
    struct pp_dashboard_label label;
    pp_dashboard_json_begin(json, "exp_labels", '{');
    for (struct pp_bytes rest = test->invariant->each; pp_dashboard_next_label(&rest, &label);) {
        char name[PP_DASHBOARD_NAME_BYTES_MAX + 1] = "";
        for (size_t i = 0; i < label.name.len && i < PP_DASHBOARD_NAME_BYTES_MAX; i++)
            name[i] = (char)label.name.data[i];
        pp_dashboard_json_bytes(json, name, label.value);
    }
    if (test->listed && !selects_instance(test->invariant->each))
        pp_dashboard_json_text(json, "instance", instance);
    pp_dashboard_json_labels(json, test->invariant, rule);
    pp_dashboard_json_end(json, '}');
}

static void put_expected(struct pp_dashboard_json *json, const struct test *test,
                         enum pp_dashboard_rule rule, bool fires)
{
    pp_dashboard_json_begin(json, NULL, '{');
    pp_dashboard_json_begin_string(json, "eval_time");
    pp_dashboard_put_number(json->text, (int64_t)test->interval_ms * (SAMPLES - 1));
    pp_dashboard_json_piece_text(json, "ms");
    pp_dashboard_json_end_string(json);
    pp_dashboard_json_alert_name(json, "alertname", test->invariant, rule);
    pp_dashboard_json_begin(json, "exp_alerts", '[');
    if (fires) {
        pp_dashboard_json_begin(json, NULL, '{');
        put_expected_labels(json, test, rule);
        pp_dashboard_json_begin(json, "exp_annotations", '{');
        pp_dashboard_json_annotations(json, test->invariant, rule);
        pp_dashboard_json_end(json, '}');
        pp_dashboard_json_end(json, '}');
    }
    pp_dashboard_json_end(json, ']');
    pp_dashboard_json_end(json, '}');
}

static bool some_lost(const struct pp_dashboard_values *values)
{
    for (size_t i = 0; i < values->count; i++)
        if (!values->values[i].there || !values->values[i].number)
            return true;
    return false;
}

/* ---- Tests ---------------------------------------------------------------------------------- */

static void put_test(struct pp_dashboard_json *json, const struct test *test, const char *what,
                     struct pp_bytes of)
{
    bool holds = pp_dashboard_holds(&test->invariant->formula, &test->values);
    pp_dashboard_json_begin(json, NULL, '{');
    pp_dashboard_json_begin_string(json, "name");
    pp_dashboard_json_piece(json, test->invariant->name);
    pp_dashboard_json_piece_text(json, ": ");
    pp_dashboard_json_piece(json, of);
    pp_dashboard_json_piece_text(json, what);
    pp_dashboard_json_end_string(json);
    pp_dashboard_json_begin_string(json, "interval");
    pp_dashboard_put_number(json->text, (int64_t)test->interval_ms);
    pp_dashboard_json_piece_text(json, "ms");
    pp_dashboard_json_end_string(json);
    put_input(json, test);
    pp_dashboard_json_begin(json, "alert_rule_test", '[');
    put_expected(json, test, PP_DASHBOARD_VIOLATED, !test->listed || !holds);
    put_expected(json, test, PP_DASHBOARD_LOST, !test->listed || some_lost(&test->values));
    pp_dashboard_json_end(json, ']');
    pp_dashboard_json_end(json, '}');
}

/* Each metric not a number, and each one missing; the others are as they were when it held. */
static void put_losses(struct pp_dashboard_json *json, const struct test *holding)
{
    for (size_t i = 0; i < holding->values.count; i++) {
        struct pp_bytes metric = holding->values.metrics[i];
        struct test test = *holding;
        test.values.values[i].number = false;
        put_test(json, &test, " is NaN", metric);
        test = *holding;
        test.values.values[i].there = false;
        test.listed = !is_each(test.invariant, metric);
        put_test(json, &test, " is absent", metric);
    }
}

static void put_nothing_listed(struct pp_dashboard_json *json, const struct test *holding)
{
    struct test test = *holding;
    for (size_t i = 0; i < test.values.count; i++)
        if (is_each(test.invariant, test.values.metrics[i]))
            return; /* put_losses has it */
    test.listed = false;
    put_test(json, &test, "nothing is listed", pp_bytes_of(""));
}

static bool put_tests(struct pp_dashboard_json *json,
                      const struct pp_dashboard_invariant *invariant, uint64_t interval_ms)
{
    struct test test = {.invariant = invariant, .listed = true, .interval_ms = interval_ms};
    const struct pp_bytes nothing = {NULL, 0};
    if (!pp_dashboard_example(&invariant->formula, false, &test.values))
        return false;
    put_test(json, &test, "violated", nothing);
    if (!pp_dashboard_example(&invariant->formula, true, &test.values))
        return false;
    put_test(json, &test, "holds", nothing);
    put_losses(json, &test);
    put_nothing_listed(json, &test);
    if (invariant->formula.nodes[0].kind == PP_DASHBOARD_NEVER_COUNTS &&
        invariant->formula.count == 1) {
        test.values.values[0].value = -1;
        put_test(json, &test, "a counter below zero is none", nothing);
        test.restarted = true;
        test.values.values[0].value = 0;
        put_test(json, &test, "holds when the counter begins again", nothing);
    }
    return true;
}

/* So short that the shortest window of a counter sees nearly all samples. */
static uint64_t interval_for(const struct pp_dashboard_set *set)
{
    int64_t interval = INTERVAL_MAX_MS;
    for (size_t i = 0; i < set->count; i++) {
        const struct pp_dashboard_formula *formula = &set->invariants[i].formula;
        for (size_t n = 0; n < formula->count; n++) {
            int64_t fitting = formula->nodes[n].number / (SAMPLES - 1);
            if (formula->nodes[n].kind == PP_DASHBOARD_NEVER_COUNTS && fitting < interval)
                interval = fitting;
        }
    }
    return interval > 0 ? (uint64_t)interval : 1;
}

enum pp_error pp_dashboard_write_cases(const struct pp_dashboard_set *set,
                                       struct pp_dashboard_json *json, size_t *bad)
{
    uint64_t interval_ms = interval_for(set);
    pp_dashboard_json_begin(json, NULL, '{');
    pp_dashboard_json_begin(json, "rule_files", '[');
    pp_dashboard_json_text(json, NULL, "rules.json");
    pp_dashboard_json_end(json, ']');
    pp_dashboard_json_begin_string(json, "evaluation_interval");
    pp_dashboard_put_number(json->text, (int64_t)interval_ms);
    pp_dashboard_json_piece_text(json, "ms");
    pp_dashboard_json_end_string(json);
    pp_dashboard_json_begin(json, "tests", '[');
    for (*bad = 0; *bad < set->count; ++*bad)
        if (!put_tests(json, &set->invariants[*bad], interval_ms))
            return PP_ERROR_NOT_FOUND;
    pp_dashboard_json_end(json, ']');
    pp_dashboard_json_end(json, '}');
    return PP_OK;
}
