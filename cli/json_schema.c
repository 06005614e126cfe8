/* SPDX-License-Identifier: MIT */
/* Checks a JSON value against a JSON Schema. */
#include "json_schema.h"

#include <inttypes.h>
#include <regex.h>
#include <stdarg.h>
#include <string.h>

#include "../src/base/base.h"

enum { DEPTH_MAX = 64 };

struct checker {
    const json_t *root; /* of the schema */
    schema_report report;
    void *context;
    int count, depth;
    bool unusable;
    char place[SCHEMA_PLACE_BYTES];
};

static void check_value(struct checker *c, const json_t *schema, const json_t *value);

__attribute__((format(printf, 2, 3))) static void fail(struct checker *c, const char *format, ...)
{
    char what[256];
    va_list list;
    va_start(list, format);
    vsnprintf(what, sizeof what, format, list);
    va_end(list);
    c->report(c->context, c->place[0] ? c->place : "/", what);
    c->count++;
}

static void unusable(struct checker *c, const char *keyword)
{
    fail(c, "the schema's \"%s\" can't be checked here", keyword);
    c->unusable = true;
}

/* Checks a member or element under its name; the place is put back afterwards. */
static void check_below(struct checker *c, const json_t *schema, const json_t *value,
                        const char *name)
{
    size_t len = strlen(c->place);
    snprintf(c->place + len, sizeof c->place - len, "/%s", name);
    check_value(c, schema, value);
    c->place[len] = '\0';
}

/* ---- Keywords: each checks its own ----------------------------------------------------------- */

typedef void (*keyword_check)(struct checker *c, const json_t *rule, const json_t *value,
                              const json_t *schema);

static void check_nothing(struct checker *c, const json_t *rule, const json_t *value,
                          const json_t *schema)
{
    (void)c, (void)rule, (void)value, (void)schema;
}

static void check_ref(struct checker *c, const json_t *rule, const json_t *value,
                      const json_t *schema)
{
    static const char prefix[] = "#/$defs/";
    const char *name = json_string_value(rule);
    (void)schema;
    const json_t *target =
        name && strncmp(name, prefix, strlen(prefix)) == 0
            ? json_object_get(json_object_get(c->root, "$defs"), name + strlen(prefix))
            : NULL;
    if (target)
        check_value(c, target, value);
    else
        unusable(c, "$ref");
}

static bool has_type(const char *type, const json_t *value)
{
    return (strcmp(type, "object") == 0 && json_is_object(value)) ||
           (strcmp(type, "array") == 0 && json_is_array(value)) ||
           (strcmp(type, "string") == 0 && json_is_string(value)) ||
           (strcmp(type, "integer") == 0 && json_is_integer(value)) ||
           (strcmp(type, "number") == 0 && json_is_number(value)) ||
           (strcmp(type, "boolean") == 0 && json_is_boolean(value)) ||
           (strcmp(type, "null") == 0 && json_is_null(value));
}

static void check_type(struct checker *c, const json_t *rule, const json_t *value,
                       const json_t *schema)
{
    bool found = json_is_string(rule) && has_type(json_string_value(rule), value);
    size_t i;
    json_t *one;
    (void)schema;
    json_array_foreach(rule, i, one) found |= has_type(json_string_value(one), value);
    if (!found)
        fail(c, "is not of the type %s", json_is_string(rule) ? json_string_value(rule) : "wanted");
}

static void check_const(struct checker *c, const json_t *rule, const json_t *value,
                        const json_t *schema)
{
    (void)schema;
    if (json_equal(rule, value))
        return;
    const char *text = json_string_value(rule);
    fail(c, text ? "is not \"%s\"" : "is not the one value allowed%s", text ? text : "");
}

static void check_enum(struct checker *c, const json_t *rule, const json_t *value,
                       const json_t *schema)
{
    size_t i;
    json_t *one;
    bool found = false;
    (void)schema;
    json_array_foreach(rule, i, one) found |= json_equal(one, value) == 1;
    if (!found)
        fail(c, "is none of the values allowed");
}

static void check_required(struct checker *c, const json_t *rule, const json_t *value,
                           const json_t *schema)
{
    size_t i;
    json_t *name;
    (void)schema;
    if (!json_is_object(value))
        return;
    json_array_foreach(rule, i, name) if (!json_object_get(value, json_string_value(name)))
        fail(c, "lacks \"%s\"", json_string_value(name));
}

static void check_properties(struct checker *c, const json_t *rule, const json_t *value,
                             const json_t *schema)
{
    const char *name;
    json_t *below;
    (void)schema;
    json_object_foreach((json_t *)(uintptr_t)rule, name, below)
    {
        const json_t *member = json_object_get(value, name);
        if (member)
            check_below(c, below, member, name);
    }
}

static void check_additional(struct checker *c, const json_t *rule, const json_t *value,
                             const json_t *schema)
{
    const char *name;
    json_t *member;
    if (!json_is_false(rule)) {
        unusable(c, "additionalProperties");
        return;
    }
    json_object_foreach((json_t *)(uintptr_t)value, name, member)
    {
        if (!json_object_get(json_object_get(schema, "properties"), name))
            fail(c, "has \"%.60s\", which is not allowed", name);
    }
}

static void check_items(struct checker *c, const json_t *rule, const json_t *value,
                        const json_t *schema)
{
    size_t i;
    json_t *one;
    char name[24];
    (void)schema;
    json_array_foreach(value, i, one)
    {
        snprintf(name, sizeof name, "%zu", i);
        check_below(c, rule, one, name);
    }
}

static size_t characters(const json_t *value)
{
    size_t count = 0;
    for (const char *p = json_string_value(value); p && *p; p++)
        count += ((unsigned char)*p & 0xc0) != 0x80;
    return count;
}

static void check_min_length(struct checker *c, const json_t *rule, const json_t *value,
                             const json_t *schema)
{
    (void)schema;
    if (json_is_string(value) && characters(value) < (size_t)json_integer_value(rule))
        fail(c, json_string_length(value) == 0 ? "is empty" : "is too short");
}

static void check_max_length(struct checker *c, const json_t *rule, const json_t *value,
                             const json_t *schema)
{
    (void)schema;
    if (json_is_string(value) && characters(value) > (size_t)json_integer_value(rule))
        fail(c, "is longer than %" JSON_INTEGER_FORMAT " characters", json_integer_value(rule));
}

static void check_minimum(struct checker *c, const json_t *rule, const json_t *value,
                          const json_t *schema)
{
    (void)schema;
    if (json_is_number(value) && json_number_value(value) < json_number_value(rule))
        fail(c, "is less than %.0f", json_number_value(rule));
}

static void check_min_items(struct checker *c, const json_t *rule, const json_t *value,
                            const json_t *schema)
{
    (void)schema;
    if (json_is_array(value) && json_array_size(value) < (size_t)json_integer_value(rule))
        fail(c, "has too few elements");
}

static void check_pattern(struct checker *c, const json_t *rule, const json_t *value,
                          const json_t *schema)
{
    regex_t pattern;
    (void)schema;
    if (!json_is_string(value))
        return;
    if (regcomp(&pattern, json_string_value(rule), REG_EXTENDED | REG_NOSUB) != 0) {
        unusable(c, "pattern");
        return;
    }
    if (regexec(&pattern, json_string_value(value), 0, NULL, 0) != 0)
        fail(c, "does not match %.120s", json_string_value(rule));
    regfree(&pattern);
}

static const struct {
    const char *name;
    keyword_check check;
} KEYWORDS[] = {
    {"$schema", check_nothing},
    {"$id", check_nothing},
    {"$defs", check_nothing},
    {"title", check_nothing},
    {"description", check_nothing},
    {"$ref", check_ref},
    {"type", check_type},
    {"const", check_const},
    {"enum", check_enum},
    {"required", check_required},
    {"properties", check_properties},
    {"additionalProperties", check_additional},
    {"items", check_items},
    {"minItems", check_min_items},
    {"minLength", check_min_length},
    {"maxLength", check_max_length},
    {"minimum", check_minimum},
    {"pattern", check_pattern},
};

/* ---- Values --------------------------------------------------------------------------------- */

static keyword_check find_keyword(const char *name)
{
    for (size_t i = 0; i < sizeof KEYWORDS / sizeof KEYWORDS[0]; i++)
        if (strcmp(KEYWORDS[i].name, name) == 0)
            return KEYWORDS[i].check;
    return NULL;
}

static void check_value(struct checker *c, const json_t *schema, const json_t *value)
{
    const char *keyword;
    json_t *rule;
    if (!json_is_object(schema) || c->depth >= DEPTH_MAX) {
        unusable(c, "depth");
        return;
    }
    c->depth++;
    json_object_foreach((json_t *)(uintptr_t)schema, keyword, rule)
    {
        keyword_check check = find_keyword(keyword);
        if (check)
            check(c, rule, value, schema);
        else
            unusable(c, keyword);
    }
    c->depth--;
}

int schema_check(const json_t *schema, const json_t *value, schema_report report, void *context)
{
    struct checker c = {.root = schema, .report = report, .context = context};
    check_value(&c, schema, value);
    return c.unusable ? -1 : c.count;
}
