/* SPDX-License-Identifier: MIT */
/* The generator of spec/Dashboard.v: a formula into the PromQL of its two rules.  The model goes
   down the tree and concatenates; here a stack holds what is still to be printed. */
#include <assert.h>

#include "dashboard_internal.h"

/* ---- Validity ------------------------------------------------------------------------------- */

bool pp_dashboard_is_invariant(uint8_t kind)
{
    return kind >= PP_DASHBOARD_HOLDS;
}

static bool has_right(uint8_t kind)
{
    return kind == PP_DASHBOARD_COMPUTE || kind == PP_DASHBOARD_HOLDS ||
           kind == PP_DASHBOARD_BOTH || kind == PP_DASHBOARD_EITHER;
}

static bool has_left(uint8_t kind)
{
    return has_right(kind) || kind == PP_DASHBOARD_COMPUTE_NUMBER ||
           kind == PP_DASHBOARD_HOLDS_NUMBER;
}

static bool is_node_valid(const struct pp_dashboard_node *node)
{
    switch (node->kind) {
    case PP_DASHBOARD_READING:
        return node->metric.len > 0;
    case PP_DASHBOARD_COMPUTE:
    case PP_DASHBOARD_COMPUTE_NUMBER:
        return node->operation <= PP_DASHBOARD_TIMES;
    case PP_DASHBOARD_HOLDS:
    case PP_DASHBOARD_HOLDS_NUMBER:
        return node->operation <= PP_DASHBOARD_NE;
    case PP_DASHBOARD_NEVER_COUNTS:
        return node->metric.len > 0 && node->number >= 1;
    default:
        return node->kind == PP_DASHBOARD_BOTH || node->kind == PP_DASHBOARD_EITHER;
    }
}

bool pp_dashboard_formula_is_valid(const struct pp_dashboard_formula *formula)
{
    bool used[PP_DASHBOARD_NODES_MAX] = {false};
    if (formula->count == 0 || formula->count > PP_DASHBOARD_NODES_MAX)
        return false;
    for (size_t i = 0; i < formula->count; i++) {
        const struct pp_dashboard_node *node = &formula->nodes[i];
        size_t children[2] = {node->left, node->right};
        size_t count = has_right(node->kind) ? 2 : has_left(node->kind) ? 1 : 0;
        if (!is_node_valid(node))
            return false;
        bool of_invariants = node->kind >= PP_DASHBOARD_BOTH;
        for (size_t c = 0; c < count; c++) {
            if (children[c] >= i || used[children[c]] ||
                pp_dashboard_is_invariant(formula->nodes[children[c]].kind) != of_invariants)
                return false;
            used[children[c]] = true;
        }
    }
    for (size_t i = 0; i + 1 < formula->count; i++)
        if (!used[i])
            return false;
    return pp_dashboard_is_invariant(formula->nodes[formula->count - 1].kind);
}

/* ---- What is still to be printed ------------------------------------------------------------- */

enum item_kind {
    TOKEN,     /* a constant */
    METRIC,    /* of the node */
    NUMBER,    /* of the node */
    WINDOW,    /* of the node */
    EACH,      /* the metric that lists what there is */
    QUERY,     /* Dashboard.query_of the term */
    SATISFIED, /* Dashboard.satisfied the invariant */
    READABLE   /* Dashboard.satisfied (Dashboard.readable the node) */
};

struct item {
    uint8_t kind;
    uint16_t node;
    const char *token;
};

/* An expansion leaves at most four items more than it takes for each level of the tree, and one
   for != at most 20, once on a path. */
enum { ITEMS_MAX = 4 * PP_DASHBOARD_NODES_MAX + 64 };

struct printer {
    const struct pp_dashboard_formula *formula;
    struct pp_bytes each;
    struct pp_dashboard_text *text;
    struct pp_dashboard_json *json; /* NULL: plain text */
    bool started;
    size_t count;
    struct item items[ITEMS_MAX]; /* the next one is the last */
};

#define WORD(string)                                                                               \
    (struct item)                                                                                  \
    {                                                                                              \
        TOKEN, 0, string                                                                           \
    }
#define ITEM(kind, node)                                                                           \
    (struct item)                                                                                  \
    {                                                                                              \
        kind, (uint16_t)(node), NULL                                                               \
    }

static void push(struct printer *printer, const struct item *items, size_t count)
{
    assert(printer->count + count <= ITEMS_MAX);
    for (size_t i = count; i-- > 0;)
        printer->items[printer->count++] = items[i];
}

#define PUSH(printer, ...)                                                                         \
    do {                                                                                           \
        const struct item pushed[] = {__VA_ARGS__};                                                \
        push(printer, pushed, sizeof pushed / sizeof pushed[0]);                                   \
    } while (0)

/* Tokens have one blank between them (Dashboard.print). */
static void put_blank(struct printer *printer)
{
    if (printer->started)
        pp_dashboard_put_string(printer->text, " ");
    printer->started = true;
}

static void put_token(struct printer *printer, struct pp_bytes token)
{
    put_blank(printer);
    if (printer->json != NULL)
        pp_dashboard_json_piece(printer->json, token);
    else
        pp_dashboard_put(printer->text, token);
}

/* ---- Dashboard.query_of, satisfied, readable ------------------------------------------------ */

static const char *const arithmetic[] = {"+", "-", "*"};
static const char *const comparison[] = {"<", "<=", "==", ">=", ">", "!="};

static void expand_query(struct printer *printer, uint16_t at)
{
    const struct pp_dashboard_node *node = &printer->formula->nodes[at];
    if (node->kind == PP_DASHBOARD_READING)
        PUSH(printer, ITEM(METRIC, at));
    else if (node->kind == PP_DASHBOARD_COMPUTE)
        PUSH(printer, WORD("("), ITEM(QUERY, node->left), WORD(arithmetic[node->operation]),
             ITEM(QUERY, node->right), WORD(")"));
    else
        PUSH(printer, WORD("("), ITEM(QUERY, node->left), WORD(arithmetic[node->operation]),
             ITEM(NUMBER, at), WORD(")"));
}

/* Only != is true of NaN, so only it asks that its sides are numbers. */
static void expand_differs(struct printer *printer, uint16_t at)
{
    const struct pp_dashboard_node *node = &printer->formula->nodes[at];
    uint16_t l = node->left, r = node->right;
    if (node->kind == PP_DASHBOARD_HOLDS_NUMBER)
        PUSH(printer, WORD("("), WORD("("), ITEM(QUERY, l), WORD("!="), ITEM(NUMBER, at), WORD(")"),
             WORD("and"), WORD("("), ITEM(QUERY, l), WORD("=="), ITEM(QUERY, l), WORD(")"),
             WORD(")"));
    else
        PUSH(printer, WORD("("), WORD("("), WORD("("), ITEM(QUERY, l), WORD("!="), ITEM(QUERY, r),
             WORD(")"), WORD("and"), WORD("("), ITEM(QUERY, l), WORD("=="), ITEM(QUERY, l),
             WORD(")"), WORD(")"), WORD("and"), WORD("("), ITEM(QUERY, r), WORD("=="),
             ITEM(QUERY, r), WORD(")"), WORD(")"));
}

static void expand_comparison(struct printer *printer, uint16_t at)
{
    const struct pp_dashboard_node *node = &printer->formula->nodes[at];
    struct item right =
        node->kind == PP_DASHBOARD_HOLDS ? ITEM(QUERY, node->right) : ITEM(NUMBER, at);
    if (node->operation == PP_DASHBOARD_NE)
        expand_differs(printer, at);
    else
        PUSH(printer, WORD("("), ITEM(QUERY, node->left), WORD(comparison[node->operation]), right,
             WORD(")"));
}

/* One part of NeverCounts: function(metric[window]) compared with a number. */
#define OVER(function, compared, number, at)                                                       \
    WORD("("), WORD(function), WORD("("), ITEM(METRIC, at), ITEM(WINDOW, at), WORD(")"),           \
        WORD(compared), WORD(number), WORD(")")

static void expand_never_counts(struct printer *printer, uint16_t at)
{
    PUSH(printer, WORD("("), WORD("("), OVER("increase", "==", "0", at), WORD("and"),
         OVER("min_over_time", ">=", "0", at), WORD(")"), WORD("and"),
         OVER("sum_over_time", "<", "+Inf", at), WORD(")"));
}

static void expand_satisfied(struct printer *printer, uint16_t at)
{
    const struct pp_dashboard_node *node = &printer->formula->nodes[at];
    if (node->kind == PP_DASHBOARD_NEVER_COUNTS)
        expand_never_counts(printer, at);
    else if (node->kind == PP_DASHBOARD_HOLDS || node->kind == PP_DASHBOARD_HOLDS_NUMBER)
        expand_comparison(printer, at);
    else
        PUSH(printer, WORD("("), ITEM(SATISFIED, node->left),
             WORD(node->kind == PP_DASHBOARD_BOTH ? "and" : "or"), ITEM(SATISFIED, node->right),
             WORD(")"));
}

static void expand_readable(struct printer *printer, uint16_t at)
{
    const struct pp_dashboard_node *node = &printer->formula->nodes[at];
    if (!has_left(node->kind))
        PUSH(printer, WORD("("), ITEM(METRIC, at), WORD("=="), ITEM(METRIC, at), WORD(")"));
    else if (!has_right(node->kind))
        PUSH(printer, ITEM(READABLE, node->left));
    else
        PUSH(printer, WORD("("), ITEM(READABLE, node->left), WORD("and"),
             ITEM(READABLE, node->right), WORD(")"));
}

/* ---- Printing -------------------------------------------------------------------------------- */

static void put_window(struct printer *printer, int64_t window_ms)
{
    put_blank(printer);
    pp_dashboard_put_string(printer->text, "[");
    pp_dashboard_put_number(printer->text, window_ms);
    pp_dashboard_put_string(printer->text, "ms]");
}

static void print_item(struct printer *printer, struct item item)
{
    const struct pp_dashboard_node *node = &printer->formula->nodes[item.node];
    switch ((enum item_kind)item.kind) {
    case TOKEN:
        put_token(printer, pp_bytes_of(item.token));
        break;
    case METRIC:
        put_token(printer, node->metric);
        break;
    case NUMBER:
        put_blank(printer);
        pp_dashboard_put_number(printer->text, node->number);
        break;
    case WINDOW:
        put_window(printer, node->number);
        break;
    case EACH:
        put_token(printer, printer->each);
        break;
    case QUERY:
        expand_query(printer, item.node);
        break;
    case SATISFIED:
        expand_satisfied(printer, item.node);
        break;
    case READABLE:
        expand_readable(printer, item.node);
        break;
    }
}

/* Dashboard.alert of the formula, or of its readable. */
static void print_rule(struct pp_bytes each, const struct pp_dashboard_formula *formula,
                       enum item_kind kind, struct pp_dashboard_text *text,
                       struct pp_dashboard_json *json)
{
    struct printer printer; /* its items need no beginning */
    printer.formula = formula;
    printer.each = each;
    printer.text = text;
    printer.json = json;
    printer.started = false;
    printer.count = 0;
    PUSH(&printer, WORD("("), WORD("("), ITEM(EACH, 0), WORD("unless"),
         ITEM(kind, formula->count - 1), WORD(")"), WORD("or"), WORD("absent"), WORD("("),
         ITEM(EACH, 0), WORD(")"), WORD(")"));
    while (printer.count > 0)
        print_item(&printer, printer.items[--printer.count]);
}

void pp_dashboard_alert(struct pp_bytes each, const struct pp_dashboard_formula *formula,
                        struct pp_dashboard_text *text)
{
    print_rule(each, formula, SATISFIED, text, NULL);
}

void pp_dashboard_signal_lost(struct pp_bytes each, const struct pp_dashboard_formula *formula,
                              struct pp_dashboard_text *text)
{
    print_rule(each, formula, READABLE, text, NULL);
}

static void put_query(struct pp_dashboard_json *json,
                      const struct pp_dashboard_invariant *invariant, enum pp_dashboard_rule rule)
{
    enum item_kind kind = rule == PP_DASHBOARD_VIOLATED ? SATISFIED : READABLE;
    print_rule(invariant->each, &invariant->formula, kind, json->text, json);
}

void pp_dashboard_json_query(struct pp_dashboard_json *json, const char *key,
                             const struct pp_dashboard_invariant *invariant,
                             enum pp_dashboard_rule rule)
{
    pp_dashboard_json_begin_string(json, key);
    put_query(json, invariant, rule);
    pp_dashboard_json_end_string(json);
}

void pp_dashboard_json_counted_query(struct pp_dashboard_json *json, const char *key,
                                     const struct pp_dashboard_invariant *invariant,
                                     enum pp_dashboard_rule rule)
{
    pp_dashboard_json_begin_string(json, key);
    pp_dashboard_json_piece_text(json, "count without () ( ");
    put_query(json, invariant, rule);
    pp_dashboard_json_piece_text(json, " )");
    pp_dashboard_json_end_string(json);
}
