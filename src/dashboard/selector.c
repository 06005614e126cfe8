/* SPDX-License-Identifier: MIT */
/* Metrics as they are written: a name, and in braces labels with the values that they must have. */
#include <string.h>

#include "dashboard_internal.h"

/* ---- Names ---------------------------------------------------------------------------------- */

static bool is_letter(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

/* The length of a name at the beginning of text; a metric's may have colons. */
static size_t name_length(struct pp_bytes text, bool colons)
{
    size_t n = 0;
    while (n < text.len && (is_letter(text.data[n]) || (n > 0 && is_digit(text.data[n])) ||
                            (colons && text.data[n] == ':')))
        n++;
    return n;
}

static bool same_word(struct pp_bytes name, const char *word)
{
    size_t i = 0;
    for (; i < name.len && word[i] != '\0'; i++) {
        uint8_t c = name.data[i];
        if ((c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c) != (uint8_t)word[i])
            return false;
    }
    return i == name.len && word[i] == '\0';
}

/* Words of PromQL, in any case: a metric of such a name would be read as something else. */
static bool is_promql_word(struct pp_bytes name)
{
    static const char *const words[] = {
        "and",      "atan2",        "avg",    "bool",        "bottomk",    "by",
        "count",    "count_values", "end",    "group",       "group_left", "group_right",
        "ignoring", "inf",          "limitk", "limit_ratio", "max",        "min",
        "nan",      "offset",       "on",     "or",          "quantile",   "start",
        "stddev",   "stdvar",       "sum",    "topk",        "unless",     "without",
    };
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (same_word(name, words[i]))
            return true;
    return false;
}

/* ---- Selectors ------------------------------------------------------------------------------ */

/* A value without its quotes.  Grafana would take a $ for a variable, and Prometheus {{ for a
   template where the formula is an annotation. */
static size_t value_length(struct pp_bytes text, const char **fault)
{
    size_t n = 0;
    for (; n < text.len && text.data[n] != '"'; n++) {
        uint8_t c = text.data[n];
        if (c < 0x20 || c > 0x7E || c == '\\' || c == '$' || c == '{' || c == '}') {
            *fault = "a label's value is printable ASCII without \\ $ { }";
            return n;
        }
    }
    if (n == text.len)
        *fault = "the label's value has no closing quote";
    return n;
}

static struct pp_bytes behind(struct pp_bytes text, size_t n)
{
    return (struct pp_bytes){text.data + n, text.len - n};
}

static bool begins_with(struct pp_bytes text, const char *prefix)
{
    size_t n = strlen(prefix);
    return text.len >= n && memcmp(text.data, prefix, n) == 0;
}

/* One label="value" at the beginning of text: its length; on a fault how far it was good. */
static size_t label_length(struct pp_bytes text, const char **fault)
{
    size_t name = name_length(text, false);
    if (name == 0 || name > PP_DASHBOARD_NAME_BYTES_MAX) {
        *fault = name == 0 ? "a label's name is missing" : "the label's name is too long";
        return 0;
    }
    if (name == strlen("__name__") && memcmp(text.data, "__name__", name) == 0) {
        *fault = "__name__ can't be selected: write the metric's name before the brace";
        return 0;
    }
    if (!begins_with(behind(text, name), "=\"")) {
        *fault = "a label is selected as label=\"value\", without blanks";
        return name;
    }
    size_t value = value_length(behind(text, name + 2), fault);
    return name + 2 + value + (*fault == NULL ? 1 : 0);
}

size_t pp_dashboard_metric_length(struct pp_bytes text, const char **fault, size_t *at)
{
    size_t n = name_length(text, true);
    *fault = NULL;
    *at = 0;
    if (n == 0)
        *fault = "a metric is expected here";
    else if (is_promql_word((struct pp_bytes){text.data, n}))
        *fault = "this word means something else in PromQL, and can't be a metric's name";
    if (*fault != NULL)
        return 0;
    if (n == text.len || text.data[n] != '{')
        return n;
    do {
        n++; /* the brace, or a comma */
        n += label_length(behind(text, n), fault);
    } while (*fault == NULL && n < text.len && text.data[n] == ',');
    if (*fault == NULL && n < text.len && text.data[n] == '}')
        return n + 1;
    if (*fault == NULL)
        *fault = "a , or the closing } is expected here";
    *at = n;
    return 0;
}

struct pp_bytes pp_dashboard_metric_name(struct pp_bytes metric)
{
    return (struct pp_bytes){metric.data, name_length(metric, true)};
}

bool pp_dashboard_next_label(struct pp_bytes *metric, struct pp_dashboard_label *label)
{
    size_t skip = name_length(*metric, true); /* 0 behind the first label */
    if (skip + 1 >= metric->len)
        return false;
    struct pp_bytes rest = behind(*metric, skip + 1);
    label->name = (struct pp_bytes){rest.data, name_length(rest, false)};
    if (label->name.len + 2 > rest.len)
        return false;
    rest = behind(rest, label->name.len + 2);
    const uint8_t *quote = memchr(rest.data, '"', rest.len);
    if (quote == NULL)
        return false;
    label->value = (struct pp_bytes){rest.data, (size_t)(quote - rest.data)};
    *metric = behind(rest, label->value.len + 1);
    return true;
}

static bool selects(struct pp_bytes metric, const struct pp_dashboard_label *wanted)
{
    struct pp_dashboard_label label;
    while (pp_dashboard_next_label(&metric, &label))
        if (pp_dashboard_same(label.name, wanted->name))
            return pp_dashboard_same(label.value, wanted->value);
    return false;
}

bool pp_dashboard_selects_all(struct pp_bytes each, struct pp_bytes metric)
{
    struct pp_dashboard_label label;
    while (pp_dashboard_next_label(&metric, &label))
        if (!selects(each, &label))
            return false;
    return true;
}
