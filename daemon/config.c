/* SPDX-License-Identifier: MIT */
/* The daemon's YAML file: where it listens, and its rules. */
#include "config.h"

#include <errno.h>
#include <libfyaml.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "text.h"

enum { FILE_BYTES_MAX = 1 << 20, QUEUE_BYTES_MIN = 1 << 16, QUEUE_BYTES_MAX = 1 << 30 };

struct reading {
    const char *path;
    struct serve_config *config;
    char *error;
    bool failed;
};

/* Keeps the first error only. */
__attribute__((format(printf, 3, 4))) static bool fail(struct reading *r, int line,
                                                       const char *format, ...)
{
    if (r->failed)
        return false;
    r->failed = true;
    int at = snprintf(r->error, SERVE_ERROR_BYTES, "%s:%d: ", r->path, line);
    if (at < 0 || at >= SERVE_ERROR_BYTES)
        return false;
    va_list list;
    va_start(list, format);
    vsnprintf(r->error + at, (size_t)(SERVE_ERROR_BYTES - at), format, list);
    va_end(list);
    return false;
}

/* ---- Nodes ---- */

static struct pp_bytes scalar(struct fy_node *node)
{
    size_t len = 0;
    const char *text = node == NULL ? NULL : fy_node_get_scalar(node, &len);
    return (struct pp_bytes){(const uint8_t *)(text == NULL ? "" : text), len};
}

static int line_of(struct fy_node *node)
{
    struct fy_token *token = node == NULL ? NULL : fy_node_get_scalar_token(node);
    const struct fy_mark *mark = token == NULL ? NULL : fy_token_start_mark(token);
    return mark == NULL ? 1 : mark->line + 1;
}

/* One entry of a mapping. */
struct entry {
    struct pp_bytes name;
    struct fy_node *value;
    int line;
};

static bool next_entry(struct fy_node *mapping, void **at, struct entry *entry)
{
    struct fy_node_pair *pair = fy_node_mapping_iterate(mapping, at);
    if (pair == NULL)
        return false;
    struct fy_node *key = fy_node_pair_key(pair);
    *entry = (struct entry){scalar(key), fy_node_pair_value(pair), line_of(key)};
    return true;
}

/* ---- Values ---- */

static bool take_number(struct reading *r, const struct entry *e, uint64_t min, uint64_t max,
                        uint64_t *out)
{
    if (serve_parse_number(scalar(e->value), max, out) && *out >= min)
        return true;
    return fail(r, e->line, "%.*s is not a number from %llu to %llu", (int)e->name.len,
                (const char *)e->name.data, (unsigned long long)min, (unsigned long long)max);
}

static bool take_small(struct reading *r, const struct entry *e, uint32_t min, uint32_t max,
                       uint32_t *out)
{
    uint64_t number = 0;
    bool good = take_number(r, e, min, max, &number);
    *out = (uint32_t)number;
    return good;
}

static bool take_duration(struct reading *r, const struct entry *e, uint64_t *out)
{
    if (serve_parse_duration(scalar(e->value), out) && *out != 0)
        return true;
    return fail(r, e->line, "%.*s is not a duration such as 500ms, 10s, 1m or 24h",
                (int)e->name.len, (const char *)e->name.data);
}

static bool take_size(struct reading *r, const struct entry *e, uint64_t *out)
{
    if (serve_parse_size(scalar(e->value), out) && *out != 0)
        return true;
    return fail(r, e->line, "%.*s is not a size such as 64MiB or 2GiB", (int)e->name.len,
                (const char *)e->name.data);
}

static bool take_text(struct reading *r, const struct entry *e, size_t cap, char *out)
{
    struct pp_bytes text = scalar(e->value);
    if (text.len == 0 || text.len >= cap || memchr(text.data, 0, text.len) != NULL)
        return fail(r, e->line, "%.*s is empty or longer than %zu bytes", (int)e->name.len,
                    (const char *)e->name.data, cap - 1);
    memcpy(out, text.data, text.len);
    out[text.len] = '\0';
    return true;
}

/* yes or no by one of two words. */
static bool take_choice(struct reading *r, const struct entry *e, const char *no, const char *yes,
                        bool *out)
{
    struct pp_bytes text = scalar(e->value);
    *out = serve_is(text, yes);
    if (*out || serve_is(text, no))
        return true;
    return fail(r, e->line, "%.*s is neither %s nor %s", (int)e->name.len,
                (const char *)e->name.data, no, yes);
}

static bool unknown(struct reading *r, const struct entry *e, const char *where)
{
    return fail(r, e->line, "%s has no setting '%.*s'", where, (int)e->name.len,
                (const char *)e->name.data);
}

/* ---- Rules ---- */

static bool is_name(struct pp_bytes text)
{
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.data[i];
        bool word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!word && (i == 0 || (c != '-' && c != '_' && c != '.')))
            return false;
    }
    return text.len != 0;
}

static bool read_name(struct reading *r, const struct entry *e, struct serve_rule_config *rule)
{
    if (!take_text(r, e, sizeof rule->name, rule->name))
        return false;
    if (!is_name(scalar(e->value)))
        return fail(r, e->line, "a rule's name is letters, digits, '-', '_' and '.'");
    for (const struct serve_rule_config *other = r->config->rules; other < rule; other++)
        if (strcmp(other->name, rule->name) == 0)
            return fail(r, e->line, "there are two rules '%s'", rule->name);
    return true;
}

static bool read_rule_entry(struct reading *r, const struct entry *e,
                            struct serve_rule_config *rule)
{
    struct pp_limiter_config *limiter = &rule->limiter;
    if (serve_is(e->name, "name"))
        return read_name(r, e, rule);
    if (serve_is(e->name, "limit"))
        return take_number(r, e, 1, UINT32_MAX, &limiter->limit);
    if (serve_is(e->name, "window"))
        return take_duration(r, e, &limiter->window_ns);
    if (serve_is(e->name, "keys"))
        return take_number(r, e, 1, (uint64_t)1 << 31, &limiter->keys);
    if (serve_is(e->name, "memory"))
        return take_size(r, e, &limiter->ring_bytes);
    if (serve_is(e->name, "shadow"))
        return take_choice(r, e, "false", "true", &rule->shadow);
    if (serve_is(e->name, "on_restart"))
        return take_choice(r, e, "wait", "resume", &rule->resume);
    if (serve_is(e->name, "tiers"))
        return take_small(r, e, 0, UINT32_MAX, &limiter->tiers);
    if (serve_is(e->name, "buckets"))
        return take_small(r, e, 2, PP_BUCKETS_MAX, &limiter->buckets);
    if (serve_is(e->name, "ipv4_prefix"))
        return take_small(r, e, 1, 32, &rule->ipv4_bits);
    if (serve_is(e->name, "ipv6_prefix"))
        return take_small(r, e, 1, 128, &rule->ipv6_bits);
    return unknown(r, e, "a rule");
}

uint32_t serve_config_shards(uint64_t threads)
{
    uint32_t shards = 1;
    while (threads > 1 && shards < threads * SERVE_SHARDS_A_THREAD)
        shards *= 2;
    return shards;
}

struct pp_limiter_config serve_config_shard(const struct pp_limiter_config *whole, uint32_t shards)
{
    struct pp_limiter_config part = *whole;
    uint64_t root = 1; /* not less than the square root of a shard's keys, the deviation */
    if (shards == 1)
        return part;
    part.keys = (whole->keys + shards - 1) / shards;
    while (root * root < part.keys)
        root *= 2;
    part.keys += 6 * root;
    part.ring_bytes = whole->ring_bytes / shards;
    part.tiers = (whole->tiers + shards - 1) / shards;
    return part;
}

static bool check_rule(struct reading *r, const struct serve_rule_config *rule, int line)
{
    const struct pp_limiter_config *limiter = &rule->limiter;
    if (rule->name[0] == '\0' || limiter->limit == 0 || limiter->window_ns == 0)
        return fail(r, line, "a rule needs a name, a limit and a window");
    if (limiter->buckets == 0 && limiter->limit > PP_WINDOW_LIMIT_MAX)
        return fail(r, line, "a limit over %d needs buckets", PP_WINDOW_LIMIT_MAX);
    if (limiter->tiers > limiter->keys)
        return fail(r, line, "there are more tiers than keys");
    if (pp_limiter_memory(limiter) == 0)
        return fail(r, line, "the window, the keys or the memory of '%s' is too large", rule->name);
    return true;
}

static bool read_rule(struct reading *r, struct fy_node *node)
{
    struct serve_config *config = r->config;
    if (config->rule_count == SERVE_RULES_MAX)
        return fail(r, 1, "there are more than %d rules", SERVE_RULES_MAX);
    struct serve_rule_config *rule = &config->rules[config->rule_count];
    *rule = (struct serve_rule_config){.limiter = {.keys = 100000}};
    struct entry entry;
    int line = 1;
    void *at = NULL;
    if (!fy_node_is_mapping(node))
        return fail(r, line_of(node), "a rule is a mapping with name, limit and window");
    for (bool first = true; next_entry(node, &at, &entry); first = false) {
        line = first ? entry.line : line;
        if (!read_rule_entry(r, &entry, rule))
            return false;
    }
    rule->line = line;
    if (rule->ipv4_bits != 0 || rule->ipv6_bits != 0) { /* the other kind: one host, one site */
        rule->ipv4_bits = rule->ipv4_bits == 0 ? 32 : rule->ipv4_bits;
        rule->ipv6_bits = rule->ipv6_bits == 0 ? 64 : rule->ipv6_bits;
    }
    if (!check_rule(r, rule, line))
        return false;
    config->rule_count++;
    return true;
}

static bool read_rules(struct reading *r, const struct entry *e)
{
    void *at = NULL;
    if (!fy_node_is_sequence(e->value))
        return fail(r, e->line, "rules is a list");
    for (struct fy_node *node; (node = fy_node_sequence_iterate(e->value, &at)) != NULL;)
        if (!read_rule(r, node))
            return false;
    return true;
}

/* ---- The other settings ---- */

static bool read_addresses(struct reading *r, const struct entry *e, enum serve_protocol protocol)
{
    struct serve_config *config = r->config;
    void *at = NULL;
    if (!fy_node_is_sequence(e->value))
        return fail(r, e->line, "%.*s is a list of HOST:PORT and unix:PATH", (int)e->name.len,
                    (const char *)e->name.data);
    for (struct fy_node *node; (node = fy_node_sequence_iterate(e->value, &at)) != NULL;) {
        if (config->listens == SERVE_LISTEN_MAX)
            return fail(r, line_of(node), "there are more than %d addresses", SERVE_LISTEN_MAX);
        struct serve_listen *listen = &config->listen[config->listens];
        struct entry address = {e->name, node, line_of(node)};
        if (!take_text(r, &address, sizeof listen->address, listen->address))
            return false;
        if (strrchr(listen->address, ':') == NULL)
            return fail(r, address.line, "'%s' is neither HOST:PORT nor unix:PATH",
                        listen->address);
        listen->protocol = protocol;
        config->listens++;
    }
    return true;
}

static bool read_listen(struct reading *r, const struct entry *e)
{
    struct entry entry;
    void *at = NULL;
    if (!fy_node_is_mapping(e->value))
        return fail(r, e->line, "listen is a mapping with http and resp");
    while (next_entry(e->value, &at, &entry)) {
        bool http = serve_is(entry.name, "http");
        if (!http && !serve_is(entry.name, "resp"))
            return unknown(r, &entry, "listen");
        if (!read_addresses(r, &entry, http ? SERVE_HTTP : SERVE_RESP))
            return false;
    }
    return true;
}

static bool read_throttle(struct reading *r, const struct entry *e)
{
    struct serve_config *config = r->config;
    struct entry entry;
    void *at = NULL;
    bool good = fy_node_is_mapping(e->value);
    if (!good)
        return fail(r, e->line, "throttle is a mapping with rules, keys and memory");
    while (good && next_entry(e->value, &at, &entry)) {
        if (serve_is(entry.name, "rules"))
            good = take_number(r, &entry, 0, SERVE_ADHOC_MAX, &config->adhoc);
        else if (serve_is(entry.name, "keys"))
            good = take_number(r, &entry, 1, (uint64_t)1 << 31, &config->adhoc_keys);
        else if (serve_is(entry.name, "memory"))
            good = take_size(r, &entry, &config->adhoc_memory);
        else
            good = unknown(r, &entry, "throttle");
    }
    return good;
}

static bool read_admissions(struct reading *r, const struct entry *e, uint64_t *sampling)
{
    struct pp_bytes text = scalar(e->value);
    *sampling = serve_is(text, "all") ? 1 : 0;
    if (*sampling == 1 || serve_is(text, "none"))
        return true;
    if (text.len > 2 && memcmp(text.data, "1/", 2) == 0 &&
        serve_parse_number((struct pp_bytes){text.data + 2, text.len - 2}, UINT32_MAX, sampling) &&
        *sampling != 0)
        return true;
    return fail(r, e->line, "admissions is all, none, or one in so many, such as 1/100");
}

static bool read_record(struct reading *r, const struct entry *e)
{
    struct serve_record_config *record = &r->config->record;
    struct entry entry;
    void *at = NULL;
    bool good = fy_node_is_mapping(e->value);
    if (!good)
        return fail(r, e->line, "record is a mapping with ledger and others");
    while (good && next_entry(e->value, &at, &entry)) {
        if (serve_is(entry.name, "ledger"))
            good = take_text(r, &entry, sizeof record->ledger, record->ledger);
        else if (serve_is(entry.name, "keys"))
            good = take_text(r, &entry, sizeof record->keys, record->keys);
        else if (serve_is(entry.name, "admissions"))
            good = read_admissions(r, &entry, &record->sampling);
        else if (serve_is(entry.name, "queue"))
            good = take_size(r, &entry, &record->queue_bytes);
        else if (serve_is(entry.name, "seal_after"))
            good = take_duration(r, &entry, &record->interval_ns);
        else
            good = unknown(r, &entry, "record");
    }
    if (good && record->ledger[0] == '\0')
        return fail(r, e->line, "record needs the path of a ledger");
    if (good && (record->queue_bytes < QUEUE_BYTES_MIN || record->queue_bytes > QUEUE_BYTES_MAX))
        return fail(r, e->line, "record: queue is not 64KiB to 1GiB");
    return good;
}

static bool read_setting(struct reading *r, const struct entry *e)
{
    struct serve_config *config = r->config;
    if (serve_is(e->name, "listen"))
        return read_listen(r, e);
    if (serve_is(e->name, "rules"))
        return read_rules(r, e);
    if (serve_is(e->name, "throttle"))
        return read_throttle(r, e);
    if (serve_is(e->name, "record"))
        return read_record(r, e);
    if (serve_is(e->name, "threads"))
        return take_number(r, e, 1, SERVE_THREADS_MAX, &config->threads);
    if (serve_is(e->name, "state"))
        return take_text(r, e, sizeof config->state, config->state);
    if (serve_is(e->name, "connections"))
        return take_number(r, e, 1, 1000000, &config->connections);
    if (serve_is(e->name, "idle_timeout"))
        return take_duration(r, e, &config->idle_ns);
    return unknown(r, e, "the file");
}

static void set_defaults(struct serve_config *config)
{
    memset(config, 0, sizeof *config);
    config->threads = 1;
    config->connections = 1024;
    config->idle_ns = 75000000000U;
    config->adhoc = 16;
    config->adhoc_keys = 100000;
    config->adhoc_memory = 64U << 20;
    config->record.sampling = 1;
    config->record.queue_bytes = 16U << 20;
    config->record.interval_ns = 1000000000;
}

/* What depends on other settings than the rule's own. */
static bool check_together(struct reading *r, const struct serve_rule_config *rule)
{
    uint32_t shards = serve_config_shards(r->config->threads);
    struct pp_limiter_config shard = serve_config_shard(&rule->limiter, shards);
    if (rule->resume && r->config->state[0] == '\0')
        return fail(r, rule->line, "on_restart: resume needs a folder in the setting state");
    if (rule->limiter.ring_bytes != 0 && rule->limiter.buckets == 0 &&
        shard.ring_bytes / sizeof(uint32_t) < rule->limiter.limit)
        return fail(r, rule->line,
                    "the memory of '%s' is too little for one key in each of %u "
                    "shards",
                    rule->name, shards);
    if (pp_limiter_memory(&shard) == 0)
        return fail(r, rule->line, "'%s' is too large for %u shards", rule->name, shards);
    return true;
}

static bool read_document(struct reading *r, struct fy_document *document)
{
    struct fy_node *root = fy_document_root(document);
    struct entry entry;
    void *at = NULL;
    if (root == NULL || !fy_node_is_mapping(root))
        return fail(r, 1, "the file is not a mapping with listen and rules");
    while (next_entry(root, &at, &entry))
        if (!read_setting(r, &entry))
            return false;
    for (size_t i = 0; i < r->config->rule_count; i++)
        if (!check_together(r, &r->config->rules[i]))
            return false;
    return r->config->listens != 0 || fail(r, 1, "listen names no address");
}

/* What libfyaml has to say, with the line where it says so. */
static void report_syntax(struct reading *r, struct fy_diag *diag)
{
    void *at = NULL;
    struct fy_diag_error *error = fy_diag_errors_iterate(diag, &at);
    if (error == NULL)
        fail(r, 1, "this is not YAML");
    else
        fail(r, error->line < 1 ? 1 : error->line, "%s", error->msg);
}

static bool parse(struct reading *r, const char *text, size_t len)
{
    struct fy_diag_cfg quiet;
    fy_diag_cfg_default(&quiet);
    struct fy_diag *diag = fy_diag_create(&quiet);
    if (diag == NULL)
        return fail(r, 1, "no memory is left");
    fy_diag_set_collect_errors(diag, true);
    struct fy_parse_cfg settings = {.flags = FYPCF_QUIET, .diag = diag};
    struct fy_document *document = fy_document_build_from_string(&settings, text, len);
    bool good = false;
    if (document == NULL)
        report_syntax(r, diag);
    else
        good = read_document(r, document);
    fy_document_destroy(document);
    fy_diag_destroy(diag);
    return good;
}

bool serve_config_load(const char *path, struct serve_config *config, char error[SERVE_ERROR_BYTES])
{
    struct reading r = {path, config, error, false};
    set_defaults(config);
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return fail(&r, 0, "%s", strerror(errno));
    char *text = malloc(FILE_BYTES_MAX);
    size_t len = text == NULL ? 0 : fread(text, 1, FILE_BYTES_MAX, file);
    bool good = !ferror(file) && text != NULL && len < FILE_BYTES_MAX;
    fclose(file);
    good = good ? parse(&r, text, len) : fail(&r, 0, "it can't be read, or is longer than 1 MiB");
    free(text);
    return good;
}
