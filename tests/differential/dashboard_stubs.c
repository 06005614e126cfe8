/* SPDX-License-Identifier: MIT */
/* The generator of rules, as the OCaml side of the differential test calls it: a formula is pushed
   node by node, in memory of its exact size. */
#include "stubs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <postproof/dashboard.h>

static struct pp_dashboard_formula formula;
static uint8_t *metrics[PP_DASHBOARD_NODES_MAX];
static struct pp_dashboard_values values;
static uint8_t *valued[PP_DASHBOARD_METRICS_MAX];

static struct pp_bytes copy_of(value string, uint8_t **memory)
{
    size_t len = caml_string_length(string);
    free(*memory);
    *memory = malloc(len > 0 ? len : 1);
    if (*memory == NULL)
        abort();
    memcpy(*memory, String_val(string), len);
    return (struct pp_bytes){*memory, len};
}

intnat diff_dashboard_reset(intnat unused)
{
    (void)unused;
    formula.count = 0;
    values.count = 0;
    return 0;
}

/* The position of the new node; -1: there is no room. */
intnat diff_dashboard_push(intnat kind, intnat operation, intnat left, intnat right, int64_t number,
                           value metric)
{
    if (formula.count == PP_DASHBOARD_NODES_MAX)
        return -1;
    struct pp_dashboard_node *node = &formula.nodes[formula.count];
    *node = (struct pp_dashboard_node){.kind = (uint8_t)kind,
                                       .operation = (uint8_t)operation,
                                       .left = (uint16_t)left,
                                       .right = (uint16_t)right,
                                       .number = number};
    if (caml_string_length(metric) > 0)
        node->metric = copy_of(metric, &metrics[formula.count]);
    return (intnat)formula.count++;
}

/* The length of the rule's text, measured first and then written to out; -1: the formula is not
   valid; -2: the two differ. */
intnat diff_dashboard_rule(intnat lost, value each, value out)
{
    static uint8_t *each_memory;
    struct pp_dashboard_text measured = {NULL, 0, 0};
    struct pp_dashboard_text text = {(char *)Bytes_val(out), caml_string_length(out), 0};
    struct pp_bytes listing = copy_of(each, &each_memory);
    if (!pp_dashboard_formula_is_valid(&formula))
        return -1;
    if (lost) {
        pp_dashboard_signal_lost(listing, &formula, &measured);
        pp_dashboard_signal_lost(listing, &formula, &text);
    } else {
        pp_dashboard_alert(listing, &formula, &measured);
        pp_dashboard_alert(listing, &formula, &text);
    }
    return measured.len == text.len ? (intnat)text.len : -2;
}

/* What a metric shows; in the order of calls. */
intnat diff_dashboard_set(value metric, intnat there, intnat number, intnat moves, int64_t shown)
{
    values.metrics[values.count] = copy_of(metric, &valued[values.count]);
    values.values[values.count] =
        (struct pp_dashboard_value){there != 0, number != 0, moves != 0, shown};
    return (intnat)++values.count;
}

intnat diff_dashboard_holds(intnat unused)
{
    (void)unused;
    return pp_dashboard_holds(&formula, &values);
}

static bool same_node(const struct pp_dashboard_node *a, const struct pp_dashboard_node *b)
{
    return a->kind == b->kind && a->operation == b->operation && a->left == b->left &&
           a->right == b->right && a->number == b->number && a->metric.len == b->metric.len &&
           (a->metric.len == 0 || memcmp(a->metric.data, b->metric.data, a->metric.len) == 0);
}

/* Reads the text, a file with one invariant; 1 when its formula is the one that was pushed, node
   for node; -1 when it was refused. */
intnat diff_dashboard_read(value input)
{
    static uint8_t *memory;
    static struct pp_dashboard_invariant invariant;
    struct pp_dashboard_fault fault;
    size_t count;
    if (pp_dashboard_read(copy_of(input, &memory), &invariant, 1, &count, &fault) != PP_OK)
        return -1;
    if (invariant.formula.count != formula.count)
        return 0;
    for (size_t i = 0; i < formula.count; i++)
        if (!same_node(&formula.nodes[i], &invariant.formula.nodes[i]))
            return 0;
    return 1;
}
