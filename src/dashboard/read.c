/* SPDX-License-Identifier: MIT */
/* Reads a file of invariants (docs/format/dashboard.md): lines of a word and what it stands for. */
#include <string.h>

#include "../base/base.h"
#include "dashboard_internal.h"

struct reader {
    struct pp_bytes rest;
    uint32_t line; /* of the line that was read last */
    struct pp_dashboard_fault *fault;
};

static bool fail(struct reader *reader, uint32_t line, size_t at, const char *text)
{
    *reader->fault = (struct pp_dashboard_fault){line, (uint32_t)at + 1, text};
    return false;
}

/* ---- Lines ---------------------------------------------------------------------------------- */

/* The next line, also a last one without its end. */
static bool next_line(struct pp_bytes *rest, struct pp_bytes *line)
{
    if (rest->len == 0)
        return false;
    if (pp_next_line(rest, line))
        return true;
    *line = *rest;
    *rest = (struct pp_bytes){rest->data + rest->len, 0};
    return true;
}

/* A line in its parts: a word, and the rest of it without blanks at its ends. */
struct entry {
    struct pp_bytes word, value;
    size_t value_at; /* in its line */
};

static struct entry split(struct pp_bytes line)
{
    size_t start = 0, end, value;
    while (start < line.len && line.data[start] == ' ')
        start++;
    for (end = start; end < line.len && line.data[end] != ' ';)
        end++;
    for (value = end; value < line.len && line.data[value] == ' ';)
        value++;
    size_t stop = line.len;
    while (stop > value && line.data[stop - 1] == ' ')
        stop--;
    return (struct entry){
        {line.data + start, end - start}, {line.data + value, stop - value}, value};
}

static bool is_word(struct pp_bytes bytes, const char *word)
{
    return pp_dashboard_same(bytes, pp_bytes_of(word));
}

/* The next line that says something. */
static bool next_entry(struct reader *reader, struct entry *entry, bool *bad)
{
    struct pp_bytes line;
    *bad = false;
    while (next_line(&reader->rest, &line)) {
        reader->line++;
        for (size_t i = 0; i < line.len; i++) {
            if (line.data[i] < 0x20 || line.data[i] > 0x7E) {
                *bad = true;
                return fail(reader, reader->line, i, "only printable ASCII and blanks are allowed");
            }
        }
        *entry = split(line);
        if (entry->word.len > 0 && entry->word.data[0] != '#')
            return true;
    }
    return false;
}

size_t pp_dashboard_count(struct pp_bytes input)
{
    struct pp_bytes line;
    size_t count = 0;
    while (next_line(&input, &line))
        count += is_word(split(line).word, "invariant");
    return count;
}

/* ---- Values of entries ---------------------------------------------------------------------- */

static bool is_name(struct pp_bytes text)
{
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.data[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (!letter && (i == 0 || (c != '_' && (c < '0' || c > '9'))))
            return false;
    }
    return text.len > 0 && text.len <= PP_DASHBOARD_NAME_BYTES_MAX;
}

static bool read_name(struct reader *reader, const struct entry *entry,
                      struct pp_dashboard_invariant *invariant)
{
    invariant->name = entry->value;
    invariant->line = reader->line;
    return is_name(entry->value) ||
           fail(reader, reader->line, entry->value_at,
                "an invariant's name is a letter, then up to 63 letters, digits and _");
}

/* Prometheus fills templates into annotations, and Grafana variables. */
static bool read_summary(struct reader *reader, const struct entry *entry,
                         struct pp_dashboard_invariant *invariant)
{
    invariant->summary = entry->value;
    for (size_t i = 0; i < entry->value.len; i++) {
        uint8_t c = entry->value.data[i];
        if (c == '{' || c == '}' || c == '$')
            return fail(reader, reader->line, entry->value_at + i,
                        "{ } and $ are not allowed here: Prometheus and Grafana would fill them");
    }
    return true;
}

static bool is_path_byte(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-' || c == '.' || c == '/';
}

static size_t path_length(struct pp_bytes text)
{
    size_t n = 0;
    while (n < text.len && is_path_byte(text.data[n]))
        n++;
    return n;
}

static bool read_theorem(struct reader *reader, const struct entry *entry,
                         struct pp_dashboard_invariant *invariant)
{
    struct pp_bytes value = entry->value;
    size_t path = path_length(value), name = path;
    while (name < value.len && value.data[name] == ' ')
        name++;
    invariant->spec = (struct pp_bytes){value.data, path};
    invariant->theorem = (struct pp_bytes){value.data + name, value.len - name};
    invariant->theorem_line = reader->line;
    return (path > 0 && is_name(invariant->theorem)) ||
           fail(reader, reader->line, entry->value_at,
                "a theorem is a specification and a name: spec/Limiter.v every_window_bounded");
}

static bool read_each(struct reader *reader, const struct entry *entry,
                      struct pp_dashboard_invariant *invariant)
{
    const char *text;
    size_t at;
    size_t len = pp_dashboard_metric_length(entry->value, &text, &at);
    invariant->each = entry->value;
    if (len == 0)
        return fail(reader, reader->line, entry->value_at + at, text);
    return len == entry->value.len ||
           fail(reader, reader->line, entry->value_at + len, "nothing may follow the metric here");
}

static bool read_holds(struct reader *reader, const struct entry *entry,
                       struct pp_dashboard_invariant *invariant)
{
    const char *text;
    size_t at;
    struct pp_dashboard_values metrics;
    invariant->holds = entry->value;
    if (pp_dashboard_read_formula(entry->value, &invariant->formula, &text, &at) != PP_OK)
        return fail(reader, reader->line, entry->value_at + at, text);
    return pp_dashboard_metrics(&invariant->formula, &metrics) ||
           fail(reader, reader->line, entry->value_at, "the formula has more than 12 metrics");
}

static bool read_severity(struct reader *reader, const struct entry *entry,
                          struct pp_dashboard_invariant *invariant)
{
    invariant->severity = entry->value;
    return is_word(entry->value, "critical") || is_word(entry->value, "warning") ||
           is_word(entry->value, "info") ||
           fail(reader, reader->line, entry->value_at, "a severity is critical, warning or info");
}

static bool read_logs(struct reader *reader, const struct entry *entry,
                      struct pp_dashboard_invariant *invariant)
{
    size_t len = path_length(entry->value);
    invariant->logs = entry->value;
    len += len < entry->value.len && entry->value.data[len] == '*';
    return len == entry->value.len ||
           fail(reader, reader->line, entry->value_at + len,
                "a log source has letters, digits and _ - . / and may end with *");
}

/* ---- Invariants ----------------------------------------------------------------------------- */

enum word { SUMMARY, THEOREM, EACH, HOLDS, SEVERITY, LOGS, WORD_COUNT };
static const char *const words[WORD_COUNT] = {"summary", "theorem",  "each",
                                              "holds",   "severity", "logs"};

static enum word word_of(const struct entry *entry)
{
    size_t i = 0;
    while (i < WORD_COUNT && !is_word(entry->word, words[i]))
        i++;
    return (enum word)i;
}

static bool read_value(struct reader *reader, enum word word, const struct entry *entry,
                       struct pp_dashboard_invariant *invariant)
{
    switch (word) {
    case SUMMARY:
        return read_summary(reader, entry, invariant);
    case THEOREM:
        return read_theorem(reader, entry, invariant);
    case EACH:
        return read_each(reader, entry, invariant);
    case HOLDS:
        return read_holds(reader, entry, invariant);
    case SEVERITY:
        return read_severity(reader, entry, invariant);
    default:
        return read_logs(reader, entry, invariant);
    }
}

static size_t word_at(const struct entry *entry)
{
    return entry->value_at - (size_t)(entry->value.data - entry->word.data);
}

/* One line of an invariant; lines: on which each word stands. */
static bool take_entry(struct reader *reader, const struct entry *entry, uint32_t lines[WORD_COUNT],
                       struct pp_dashboard_invariant *invariant)
{
    enum word word = word_of(entry);
    if (word == WORD_COUNT)
        return fail(reader, reader->line, word_at(entry),
                    "unknown word: invariant, summary, theorem, each, holds, severity or logs");
    if (lines[word] != 0)
        return fail(reader, reader->line, word_at(entry),
                    "this word stands twice in one invariant");
    if (entry->value.len == 0)
        return fail(reader, reader->line, entry->value_at, "a value is missing behind the word");
    lines[word] = reader->line;
    return read_value(reader, word, entry, invariant);
}

/* Whether the formula has a metric of this name with other labels. */
static bool is_ambiguous(const struct pp_dashboard_formula *formula, struct pp_bytes metric)
{
    for (size_t i = 0; i < formula->count; i++) {
        struct pp_bytes other = formula->nodes[i].metric;
        if (other.len > 0 && !pp_dashboard_same(metric, other) &&
            pp_dashboard_same(pp_dashboard_metric_name(metric), pp_dashboard_metric_name(other)))
            return true;
    }
    return false;
}

/* A label that only the formula selects would match nothing: all labels of both must be equal. */
static bool check_labels(struct reader *reader, const struct pp_dashboard_invariant *invariant,
                         uint32_t line, size_t holds_at)
{
    for (size_t i = 0; i < invariant->formula.count; i++) {
        struct pp_bytes metric = invariant->formula.nodes[i].metric;
        if (metric.len == 0)
            continue;
        size_t at = holds_at + (size_t)(metric.data - invariant->holds.data);
        if (!pp_dashboard_selects_all(invariant->each, metric))
            return fail(reader, line, at,
                        "this metric selects a label that `each` does not select by the same "
                        "value: nothing would match");
        if (is_ambiguous(&invariant->formula, metric))
            return fail(reader, line, at,
                        "this metric stands here with different labels: select the same ones");
    }
    return true;
}

static bool check_whole(struct reader *reader, const uint32_t lines[WORD_COUNT], size_t holds_at,
                        struct pp_dashboard_invariant *invariant)
{
    static const char *const missing[] = {
        "the invariant has no line `summary`", "the invariant has no line `theorem`",
        "the invariant has no line `each`", "the invariant has no line `holds`"};
    for (size_t i = 0; i < sizeof missing / sizeof missing[0]; i++)
        if (lines[i] == 0)
            return fail(reader, invariant->line, 0, missing[i]);
    return check_labels(reader, invariant, lines[HOLDS], holds_at);
}

/* The lines of one invariant behind its first; *entry is the first line of the next one, *more
   whether there is one. */
static bool read_invariant(struct reader *reader, struct entry *entry, bool *more,
                           struct pp_dashboard_invariant *invariant)
{
    uint32_t lines[WORD_COUNT] = {0};
    size_t holds_at = 0;
    bool bad;
    *invariant = (struct pp_dashboard_invariant){.severity = pp_bytes_of("critical"),
                                                 .logs = pp_bytes_of("*")};
    if (!read_name(reader, entry, invariant))
        return false;
    while ((*more = next_entry(reader, entry, &bad)) && !is_word(entry->word, "invariant")) {
        if (!take_entry(reader, entry, lines, invariant))
            return false;
        if (lines[HOLDS] == reader->line)
            holds_at = entry->value_at;
    }
    return !bad && check_whole(reader, lines, holds_at, invariant);
}

static bool is_known(const struct pp_dashboard_invariant *invariants, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (pp_dashboard_same(invariants[i].name, invariants[count].name))
            return true;
    return false;
}

enum pp_error pp_dashboard_read(struct pp_bytes input, struct pp_dashboard_invariant *invariants,
                                size_t cap, size_t *count, struct pp_dashboard_fault *fault)
{
    struct reader reader = {input, 0, fault};
    struct entry entry;
    bool bad, more = next_entry(&reader, &entry, &bad);
    *count = 0;
    if (bad)
        return PP_ERROR_FORMAT;
    if (!more) {
        fail(&reader, 1, 0, "there is no invariant");
        return PP_ERROR_FORMAT;
    }
    if (!is_word(entry.word, "invariant")) {
        fail(&reader, reader.line, word_at(&entry), "an invariant begins with `invariant NAME`");
        return PP_ERROR_FORMAT;
    }
    while (more) {
        if (*count == cap)
            return PP_ERROR_NO_SPACE;
        if (!read_invariant(&reader, &entry, &more, &invariants[*count]))
            return PP_ERROR_FORMAT;
        if (is_known(invariants, *count)) {
            fail(&reader, invariants[*count].line, 0, "an invariant of this name came before");
            return PP_ERROR_FORMAT;
        }
        ++*count;
    }
    return PP_OK;
}

/* ---- Specifications ------------------------------------------------------------------------- */

uint32_t pp_dashboard_statement_line(struct pp_bytes specification, struct pp_bytes theorem)
{
    static const char word[] = "Definition ";
    const size_t before = sizeof word - 1;
    struct pp_bytes line;
    for (uint32_t number = 1; next_line(&specification, &line); number++) {
        size_t end = before + theorem.len;
        if (line.len > end && memcmp(line.data, word, before) == 0 &&
            memcmp(line.data + before, theorem.data, theorem.len) == 0 && line.data[end] == ' ')
            return number;
    }
    return 0;
}
