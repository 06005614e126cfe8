/* SPDX-License-Identifier: MIT */
/* The decisions of a rule as `postproof cat` prints them from a ledger (docs/format/limiter.md). */
#include <stdlib.h>
#include <string.h>

#include "limit.h"

static const char prefix[] = "limiter/";

/* A member of the line that is a string; NULL when there is none. */
static const char *text_of(const struct limit_ledger *ledger, const char *name)
{
    return json_string_value(json_object_get(ledger->line, name));
}

/* The value behind " NAME=", up to the next blank; empty when there is none. */
static struct pp_bytes value_of(const char *text, const char *name)
{
    const char *at = strstr(text, name);
    if (at == NULL)
        return (struct pp_bytes){(const uint8_t *)text, 0};
    at += strlen(name);
    return (struct pp_bytes){(const uint8_t *)at, strcspn(at, " ")};
}

static bool number_of(const char *text, const char *name, uint64_t *out)
{
    char digits[24];
    struct pp_bytes value = value_of(text, name);
    char *end;
    if (value.len == 0 || value.len >= sizeof digits || value.data[0] < '0' || value.data[0] > '9')
        return false;
    memcpy(digits, value.data, value.len);
    digits[value.len] = '\0';
    *out = strtoull(digits, &end, 10);
    return *end == '\0';
}

/* "# start limit=... window_ns=... buckets=... sampling=... boot=... state=..." */
static const char *take_start(const char *body, struct limit_ledger *ledger)
{
    uint64_t limit, window_ns, buckets, sampling;
    struct pp_bytes boot = value_of(body, " boot=");
    if (!number_of(body, " limit=", &limit) || !number_of(body, " window_ns=", &window_ns) ||
        !number_of(body, " buckets=", &buckets) || !number_of(body, " sampling=", &sampling) ||
        boot.len == 0 || boot.len >= sizeof ledger->boot)
        return "the start of the rule can't be read";
    if (limit != ledger->limit || window_ns != ledger->window_ns)
        return "the rule began with another limit or window than --limit and --window say";
    if (buckets != 0)
        return "a rule with buckets may deny early: it can't be compared with the exact limit";
    ledger->sampled = ledger->sampled || sampling != 1;
    ledger->new_boot = ledger->boot[0] != '\0' && (strlen(ledger->boot) != boot.len ||
                                                   memcmp(ledger->boot, boot.data, boot.len) != 0);
    memcpy(ledger->boot, boot.data, boot.len);
    ledger->boot[boot.len] = '\0';
    return NULL;
}

static const char *take_dropped(const char *body, struct limit_ledger *ledger)
{
    uint64_t denials, admissions;
    if (!number_of(body, " denials=", &denials) || !number_of(body, " admissions=", &admissions))
        return "the number of decisions that are missing can't be read";
    ledger->missing += denials + admissions;
    return NULL;
}

/* One rule only: keys of different rules have nothing to do with each other. */
static const char *check_source(struct limit_ledger *ledger)
{
    const char *source = text_of(ledger, "source");
    if (source == NULL || strncmp(source, prefix, strlen(prefix)) != 0 ||
        strlen(source) >= sizeof ledger->source)
        return "this is no decision of a rule; give cat --source limiter/RULE";
    if (ledger->source[0] == '\0')
        strcpy(ledger->source, source);
    return strcmp(ledger->source, source) == 0
               ? NULL
               : "this is another rule; give cat --source limiter/RULE";
}

/* Denied, but not because the window was used up: nothing that the specification speaks of. */
static bool is_other_denial(const char *body)
{
    static const char *const words[] = {" impossible", " full", " waiting"};
    size_t len = strlen(body);
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (len > strlen(words[i]) && strcmp(body + len - strlen(words[i]), words[i]) == 0)
            return true;
    return false;
}

const char *limit_parse_ledger(struct pp_bytes line, struct limit_ledger *ledger,
                               struct limit_request *request, bool *is_request)
{
    json_decref(ledger->line);
    ledger->line = json_loadb((const char *)line.data, line.len, 0, NULL);
    ledger->new_boot = false;
    *is_request = false;
    if (!json_is_object(ledger->line))
        return "this is not a JSON object, as postproof cat --json prints them";
    const char *wrong = check_source(ledger), *body = text_of(ledger, "body");
    if (wrong != NULL)
        return wrong;
    if (body == NULL)
        return "there is no body with a decision";
    if (strncmp(body, "# start ", 8) == 0)
        return take_start(body, ledger);
    if (strncmp(body, "# dropped ", 10) == 0)
        return take_dropped(body, ledger);
    if (is_other_denial(body))
        return NULL;
    *is_request = true;
    wrong = limit_parse_event(pp_bytes_of(body), request);
    if (wrong == NULL && request->recorded == LIMIT_UNRECORDED)
        wrong = "there is neither allow nor deny behind the key";
    return wrong;
}

void limit_ledger_clean_up(struct limit_ledger *ledger)
{
    json_decref(ledger->line);
    ledger->line = NULL;
}
