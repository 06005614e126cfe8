/* SPDX-License-Identifier: MIT */
/* Whether a formula holds for given values, and a search for values for which it does or does not:
   the unit tests of the rules are made of them. */
#include <assert.h>

#include "dashboard_internal.h"

/* ---- Metrics -------------------------------------------------------------------------------- */

static size_t metric_at(const struct pp_dashboard_values *values, struct pp_bytes metric)
{
    size_t i = 0;
    while (i < values->count && !pp_dashboard_same(values->metrics[i], metric))
        i++;
    return i;
}

bool pp_dashboard_metrics(const struct pp_dashboard_formula *formula,
                          struct pp_dashboard_values *values)
{
    values->count = 0;
    for (size_t i = 0; i < formula->count; i++) {
        struct pp_bytes metric = formula->nodes[i].metric;
        if (metric.len == 0 || metric_at(values, metric) < values->count)
            continue;
        if (values->count == PP_DASHBOARD_METRICS_MAX)
            return false;
        values->metrics[values->count++] = metric;
    }
    return true;
}

/* ---- Dashboard.holds ------------------------------------------------------------------------ */

/* What a node has: a number or none, or for invariants whether it holds.  Floats, as Prometheus
   computes. */
struct result {
    bool good;
    double number;
};

static bool compare(unsigned comparison, double a, double b)
{
    switch (comparison) {
    case PP_DASHBOARD_LT:
        return a < b;
    case PP_DASHBOARD_LE:
        return a <= b;
    case PP_DASHBOARD_EQ:
        return a == b;
    case PP_DASHBOARD_GE:
        return a >= b;
    case PP_DASHBOARD_GT:
        return a > b;
    default:
        return a != b;
    }
}

static double calculate(unsigned arithmetic, double a, double b)
{
    if (arithmetic == PP_DASHBOARD_TIMES)
        return a * b;
    return arithmetic == PP_DASHBOARD_PLUS ? a + b : a - b;
}

static struct result result_of(const struct pp_dashboard_node *node,
                               const struct pp_dashboard_value *value, struct result left,
                               struct result right)
{
    bool both = left.good && right.good;
    switch ((enum pp_dashboard_kind)node->kind) {
    case PP_DASHBOARD_READING:
        return (struct result){value->there && value->number, (double)value->value};
    case PP_DASHBOARD_COMPUTE:
    case PP_DASHBOARD_COMPUTE_NUMBER:
        return (struct result){both, calculate(node->operation, left.number, right.number)};
    case PP_DASHBOARD_HOLDS:
    case PP_DASHBOARD_HOLDS_NUMBER:
        return (struct result){both && compare(node->operation, left.number, right.number), 0};
    case PP_DASHBOARD_NEVER_COUNTS:
        return (struct result){value->there && value->number && !value->moves && value->value >= 0,
                               0};
    case PP_DASHBOARD_BOTH:
        return (struct result){both, 0};
    default:
        return (struct result){left.good || right.good, 0};
    }
}

static bool has_constant(const struct pp_dashboard_node *node)
{
    return node->kind == PP_DASHBOARD_COMPUTE_NUMBER || node->kind == PP_DASHBOARD_HOLDS_NUMBER;
}

/* Children stand before their parents: one pass is enough. */
bool pp_dashboard_holds(const struct pp_dashboard_formula *formula,
                        const struct pp_dashboard_values *values)
{
    struct result results[PP_DASHBOARD_NODES_MAX];
    static const struct pp_dashboard_value none = {false, false, false, 0};
    for (size_t i = 0; i < formula->count; i++) {
        const struct pp_dashboard_node *node = &formula->nodes[i];
        struct result left = {false, 0}, right = {false, 0};
        size_t at = node->metric.len > 0 ? metric_at(values, node->metric) : values->count;
        assert(node->metric.len == 0 || at < values->count);
        if (node->metric.len == 0) {
            left = results[node->left];
            right = has_constant(node) ? (struct result){true, (double)node->number}
                                       : results[node->right];
        }
        results[i] = result_of(node, at < values->count ? &values->values[at] : &none, left, right);
    }
    return results[formula->count - 1].good;
}

/* ---- The search ----------------------------------------------------------------------------- */

enum { TRIES_MAX = 20000, SMALL_VALUES = 6 };

/* Constants of the formula, one off them, and small numbers: where comparisons change. */
static int64_t candidate(const struct pp_dashboard_formula *formula, uint64_t random)
{
    uint64_t choice = random % (formula->count + 2);
    int64_t off = (int64_t)(random >> 32) % 3 - 1;
    if (choice < formula->count && has_constant(&formula->nodes[choice]))
        return formula->nodes[choice].number + off;
    return (int64_t)((random >> 40) % SMALL_VALUES) - (choice == formula->count);
}

/* SplitMix64 (Steele, Lea, Flood 2014), from a fixed seed. */
static uint64_t next_random(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9E3779B97F4A7C15);
    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return z ^ (z >> 31);
}

bool pp_dashboard_example(const struct pp_dashboard_formula *formula, bool holding,
                          struct pp_dashboard_values *values)
{
    uint64_t state = 1;
    if (!pp_dashboard_metrics(formula, values))
        return false;
    for (unsigned tries = 0; tries < TRIES_MAX; tries++) {
        for (size_t i = 0; i < values->count; i++) {
            uint64_t random = next_random(&state);
            values->values[i] = (struct pp_dashboard_value){
                .there = true,
                .number = true,
                .moves = next_random(&state) % 2 == 0 && tries > 0,
                .value = candidate(formula, random),
            };
        }
        if (pp_dashboard_holds(formula, values) == holding)
            return true;
    }
    return false;
}
