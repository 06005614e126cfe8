/* SPDX-License-Identifier: MIT */
/* Reads a formula, such as "errors_total never counts in 60s and queue_bytes <= queue_max_bytes": a
   stack of operands, and one of operators that wait for their right side. */
#include <string.h>

#include "dashboard_internal.h"

/* ---- Tokens --------------------------------------------------------------------------------- */

/* No scrape is so frequent that a shorter window would have two samples. */
enum { WINDOW_MIN_MS = 10 };

enum operator_kind { PARENTHESIS, OR, AND, COMPARISON, ADDITION, MULTIPLICATION };

struct waiting {
    uint8_t kind;      /* enum operator_kind, in order of strength */
    uint8_t operation; /* of pp_dashboard_node */
    size_t at;
};

enum operand_kind { TERM, NUMBER, INVARIANT };
struct operand {
    uint8_t kind;
    uint16_t node;
    int64_t number;
    size_t at;
};

struct parser {
    struct pp_bytes text;
    size_t at;
    struct pp_dashboard_formula *formula;
    const char *fault; /* NULL: none so far */
    size_t fault_at;
    size_t operand_count, waiting_count;
    struct operand operands[PP_DASHBOARD_NODES_MAX];
    struct waiting waiting[2 * PP_DASHBOARD_NODES_MAX];
};

static bool fail(struct parser *parser, size_t at, const char *fault)
{
    if (parser->fault == NULL) {
        parser->fault = fault;
        parser->fault_at = at;
    }
    return false;
}

static void skip_blanks(struct parser *parser)
{
    while (parser->at < parser->text.len && parser->text.data[parser->at] == ' ')
        parser->at++;
}

static bool is_word_byte(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == ':';
}

/* Takes a sign or a whole word. */
static bool take(struct parser *parser, const char *token)
{
    size_t len = strlen(token), end = parser->at + len;
    if (end > parser->text.len || memcmp(parser->text.data + parser->at, token, len) != 0)
        return false;
    if (is_word_byte((uint8_t)token[0]) && end < parser->text.len &&
        is_word_byte(parser->text.data[end]))
        return false;
    parser->at = end;
    skip_blanks(parser);
    return true;
}

static bool is_digit_at(const struct parser *parser, size_t at)
{
    return at < parser->text.len && parser->text.data[at] >= '0' && parser->text.data[at] <= '9';
}

/* Digits up to PP_DASHBOARD_NUMBER_MAX; the caller saw the first one. */
static bool take_digits(struct parser *parser, int64_t *number)
{
    size_t start = parser->at;
    *number = 0;
    for (; is_digit_at(parser, parser->at); parser->at++) {
        *number = *number * 10 + (parser->text.data[parser->at] - '0');
        if (*number > PP_DASHBOARD_NUMBER_MAX)
            return fail(parser, start, "numbers beyond 2^53 are not exact in Prometheus");
    }
    return true;
}

static bool take_duration(struct parser *parser, int64_t *window_ms)
{
    static const struct {
        const char *unit;
        int64_t ms;
    } units[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000}};
    size_t start = parser->at;
    int64_t number;
    if (!is_digit_at(parser, start))
        return fail(parser, start, "a duration is expected here, such as 60s");
    if (!take_digits(parser, &number))
        return false;
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (!take(parser, units[i].unit))
            continue;
        *window_ms = number <= PP_DASHBOARD_NUMBER_MAX / units[i].ms ? number * units[i].ms : 0;
        if (*window_ms < WINDOW_MIN_MS)
            return fail(parser, start, "the duration is out of range: at least 10ms");
        return true;
    }
    return fail(parser, start, "the duration has no unit: ms, s, m, h or d");
}

/* ---- Operands ------------------------------------------------------------------------------- */

static bool push_operand(struct parser *parser, struct operand operand)
{
    if (parser->operand_count == PP_DASHBOARD_NODES_MAX)
        return fail(parser, operand.at, "the formula is too long");
    parser->operands[parser->operand_count++] = operand;
    return true;
}

static bool push_node(struct parser *parser, struct pp_dashboard_node node, enum operand_kind kind,
                      size_t at)
{
    struct pp_dashboard_formula *formula = parser->formula;
    if (formula->count == PP_DASHBOARD_NODES_MAX)
        return fail(parser, at, "the formula is too long");
    formula->nodes[formula->count++] = node;
    return push_operand(parser,
                        (struct operand){(uint8_t)kind, (uint16_t)(formula->count - 1), 0, at});
}

static bool take_number(struct parser *parser, size_t at)
{
    int64_t number;
    bool negative = parser->text.data[parser->at] == '-';
    parser->at += negative;
    if (!take_digits(parser, &number))
        return false;
    if (parser->at < parser->text.len &&
        (is_word_byte(parser->text.data[parser->at]) || parser->text.data[parser->at] == '.'))
        return fail(parser, at, "only whole numbers are allowed, without a unit");
    skip_blanks(parser);
    return push_operand(parser, (struct operand){NUMBER, 0, negative ? -number : number, at});
}

/* "never counts in 60s" behind a metric makes an invariant of it. */
static bool take_never_counts(struct parser *parser, struct pp_dashboard_node *node)
{
    if (!take(parser, "counts") || !take(parser, "in"))
        return fail(parser, parser->at, "`never` goes on with `counts in DURATION`");
    node->kind = PP_DASHBOARD_NEVER_COUNTS;
    return take_duration(parser, &node->number);
}

static bool take_metric(struct parser *parser)
{
    const char *fault;
    size_t at = parser->at, inside;
    struct pp_bytes rest = {parser->text.data + at, parser->text.len - at};
    size_t len = pp_dashboard_metric_length(rest, &fault, &inside);
    if (len == 0)
        return fail(parser, at + inside, fault);
    struct pp_dashboard_node node = {.kind = PP_DASHBOARD_READING, .metric = {rest.data, len}};
    parser->at += len;
    skip_blanks(parser);
    if (take(parser, "never") && !take_never_counts(parser, &node))
        return false;
    return push_node(parser, node, pp_dashboard_is_invariant(node.kind) ? INVARIANT : TERM, at);
}

static bool push_waiting(struct parser *parser, enum operator_kind kind, unsigned operation,
                         size_t at)
{
    if (parser->waiting_count == 2 * PP_DASHBOARD_NODES_MAX)
        return fail(parser, at, "the formula is too long");
    parser->waiting[parser->waiting_count++] =
        (struct waiting){(uint8_t)kind, (uint8_t)operation, at};
    return true;
}

/* Parentheses, then a metric or a number. */
static bool take_operand(struct parser *parser)
{
    size_t at = parser->at;
    while (take(parser, "(")) {
        if (!push_waiting(parser, PARENTHESIS, 0, at))
            return false;
        at = parser->at;
    }
    if (at == parser->text.len)
        return fail(parser, at, "the formula ends too early");
    if (is_digit_at(parser, at) || (parser->text.data[at] == '-' && is_digit_at(parser, at + 1)))
        return take_number(parser, at);
    return take_metric(parser);
}

/* ---- Operators ------------------------------------------------------------------------------ */

static const char numbers_stand_right[] =
    "a number stands to the right of its operator, and a metric to the left: x + 1, x >= 0";

static bool join_terms(struct parser *parser, const struct waiting *sign,
                       const struct operand *left, const struct operand *right)
{
    bool compares = sign->kind == COMPARISON;
    bool with_number = right->kind == NUMBER;
    struct pp_dashboard_node node = {.operation = sign->operation,
                                     .left = left->node,
                                     .right = with_number ? 0 : right->node,
                                     .number = with_number ? right->number : 0};
    if (left->kind == NUMBER)
        return fail(parser, left->at, numbers_stand_right);
    if (left->kind == INVARIANT || right->kind == INVARIANT)
        return fail(parser, sign->at,
                    "what is compared or computed with must be metrics and numbers");
    if (compares)
        node.kind = with_number ? PP_DASHBOARD_HOLDS_NUMBER : PP_DASHBOARD_HOLDS;
    else
        node.kind = with_number ? PP_DASHBOARD_COMPUTE_NUMBER : PP_DASHBOARD_COMPUTE;
    return push_node(parser, node, compares ? INVARIANT : TERM, left->at);
}

static bool join_invariants(struct parser *parser, const struct waiting *sign,
                            const struct operand *left, const struct operand *right)
{
    struct pp_dashboard_node node = {.kind = sign->kind == AND ? PP_DASHBOARD_BOTH
                                                               : PP_DASHBOARD_EITHER,
                                     .left = left->node,
                                     .right = right->node};
    if (left->kind != INVARIANT || right->kind != INVARIANT)
        return fail(parser, (left->kind != INVARIANT ? left : right)->at,
                    "`and` and `or` join comparisons, not metrics or numbers");
    return push_node(parser, node, INVARIANT, left->at);
}

/* Joins the last two operands by the last operator; there are as many as that needs. */
static bool join(struct parser *parser)
{
    struct waiting sign = parser->waiting[--parser->waiting_count];
    struct operand right = parser->operands[--parser->operand_count];
    struct operand left = parser->operands[--parser->operand_count];
    if (sign.kind == AND || sign.kind == OR)
        return join_invariants(parser, &sign, &left, &right);
    return join_terms(parser, &sign, &left, &right);
}

/* Joins what binds at least as strongly as kind. */
static bool join_down_to(struct parser *parser, enum operator_kind kind)
{
    while (parser->waiting_count > 0 &&
           parser->waiting[parser->waiting_count - 1].kind != PARENTHESIS &&
           parser->waiting[parser->waiting_count - 1].kind >= kind)
        if (!join(parser))
            return false;
    return true;
}

static bool take_operator(struct parser *parser, struct waiting *sign)
{
    static const struct {
        const char *token; /* longer ones first */
        struct waiting sign;
    } operators[] = {
        {"or", {OR, 0, 0}},
        {"and", {AND, 0, 0}},
        {"<=", {COMPARISON, PP_DASHBOARD_LE, 0}},
        {">=", {COMPARISON, PP_DASHBOARD_GE, 0}},
        {"==", {COMPARISON, PP_DASHBOARD_EQ, 0}},
        {"!=", {COMPARISON, PP_DASHBOARD_NE, 0}},
        {"<", {COMPARISON, PP_DASHBOARD_LT, 0}},
        {">", {COMPARISON, PP_DASHBOARD_GT, 0}},
        {"+", {ADDITION, PP_DASHBOARD_PLUS, 0}},
        {"-", {ADDITION, PP_DASHBOARD_MINUS, 0}},
        {"*", {MULTIPLICATION, PP_DASHBOARD_TIMES, 0}},
    };
    size_t at = parser->at;
    for (size_t i = 0; i < sizeof operators / sizeof operators[0]; i++) {
        if (!take(parser, operators[i].token))
            continue;
        *sign = operators[i].sign;
        sign->at = at;
        return true;
    }
    return fail(parser, at, "an operator is expected here: + - * < <= == >= > != and or");
}

static bool take_closing(struct parser *parser)
{
    size_t at = parser->at;
    while (take(parser, ")")) {
        if (!join_down_to(parser, OR))
            return false;
        if (parser->waiting_count == 0)
            return fail(parser, at, "this ) closes nothing");
        parser->waiting_count--;
        at = parser->at;
    }
    return true;
}

/* Operand, operator, operand, ... to the end. */
static bool read_all(struct parser *parser)
{
    struct waiting sign;
    skip_blanks(parser);
    while (take_operand(parser) && take_closing(parser) && parser->at < parser->text.len) {
        if (!take_operator(parser, &sign) || !join_down_to(parser, (enum operator_kind)sign.kind) ||
            !push_waiting(parser, (enum operator_kind)sign.kind, sign.operation, sign.at))
            return false;
    }
    return parser->fault == NULL && join_down_to(parser, OR);
}

enum pp_error pp_dashboard_read_formula(struct pp_bytes text, struct pp_dashboard_formula *formula,
                                        const char **fault, size_t *at)
{
    struct parser parser; /* its stacks need no beginning */
    parser.text = text;
    parser.at = 0;
    parser.formula = formula;
    parser.fault = NULL;
    parser.fault_at = 0;
    parser.operand_count = parser.waiting_count = 0;
    formula->count = 0;
    if (read_all(&parser)) {
        if (parser.waiting_count > 0)
            fail(&parser, parser.waiting[parser.waiting_count - 1].at, "this ( is never closed");
        else if (parser.operands[0].kind != INVARIANT)
            fail(&parser, 0, "this is no comparison: write what must hold, such as x >= 0");
    }
    *fault = parser.fault;
    *at = parser.fault_at;
    return parser.fault == NULL ? PP_OK : PP_ERROR_FORMAT;
}
