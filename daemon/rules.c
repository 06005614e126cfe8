/* SPDX-License-Identifier: MIT */
/* The rules that are in force: made, kept over a reload, asked, recorded. */
#include "rules.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../src/os/os.h"

enum { RECORD_BYTES = 1 << 19, RECORD_LINE_MAX = 3 * 65536 + 64, SWEEP_SLOTS = 4096 };

uint64_t serve_now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* ---- One rule ---- */

static void rule_free(struct serve_rule *rule)
{
    if (rule == NULL)
        return;
    pp_os_buffer_free(rule->limiter, rule->bytes);
    if (rule->record.data != NULL)
        close(rule->record_fd);
    free(rule->record.data);
    free(rule);
}

/* A killed process may have left half a line, for a decision that nobody was told. */
static bool end_last_line(int fd)
{
    char last = '\n';
    int64_t size = pp_os_size(fd);
    if (size > 0 && pp_os_read_at(fd, &last, 1, (uint64_t)size - 1) != 1)
        return false;
    return size >= 0 && (last == '\n' || pp_os_write(fd, "\n", 1) == 0);
}

/* Decisions are appended: a restart goes on in the same file. */
static bool open_record(struct serve_rule *rule, const char *folder)
{
    char path[SERVE_PATH_BYTES + SERVE_NAME_BYTES + 8];
    if (folder == NULL)
        return true;
    snprintf(path, sizeof path, "%s/%s.log", folder, rule->config.name);
    rule->record_fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
    if (rule->record_fd < 0)
        return false;
    if (!end_last_line(rule->record_fd)) {
        close(rule->record_fd);
        return false;
    }
    rule->record = (struct serve_out){malloc(RECORD_BYTES), 0, RECORD_BYTES, false};
    if (rule->record.data == NULL)
        close(rule->record_fd);
    return rule->record.data != NULL;
}

/* resume: a folder where its state may be, or NULL.  wait_from: see pp_limiter_init. */
static bool make_limiter(struct serve_rule *rule, const char *resume, uint64_t wait_from, bool wait)
{
    struct pp_limiter_config config = rule->config.limiter;
    rule->bytes = pp_limiter_memory(&config);
    void *memory = rule->bytes == 0 ? NULL : pp_os_buffer_alloc(rule->bytes);
    if (memory == NULL)
        return false;
    if (resume != NULL &&
        serve_state_load(resume, &rule->config, memory, rule->bytes, &rule->limiter)) {
        rule->resumed = true;
        return true;
    }
    if (resume != NULL) { /* what was read of a bad file goes */
        pp_os_buffer_free(memory, rule->bytes);
        memory = pp_os_buffer_alloc(rule->bytes);
    }
    if (memory != NULL && pp_os_random(config.secret, sizeof config.secret) == 0 &&
        pp_limiter_init(memory, rule->bytes, &config, wait_from, wait, &rule->limiter) == PP_OK)
        return true;
    rule->limiter = NULL;
    if (memory != NULL)
        pp_os_buffer_free(memory, rule->bytes);
    return false;
}

static struct serve_rule *rule_new(const struct serve_rules *rules,
                                   const struct serve_rule_config *config, const char *resume,
                                   uint64_t wait_from, bool wait)
{
    struct pp_limiter_rule ticks = {.tick_ns = 1};
    struct serve_rule *rule = calloc(1, sizeof *rule);
    if (rule == NULL)
        return NULL;
    rule->config = *config;
    if (config->limiter.buckets == 0 &&
        pp_limiter_rule_init(&ticks, config->limiter.limit, config->limiter.window_ns, 0) != PP_OK)
        goto fail;
    rule->tick_ns = ticks.tick_ns;
    if (!make_limiter(rule, resume, wait_from, wait))
        goto fail;
    if (!open_record(rule, rules->record))
        goto fail_limiter;
    return rule;
fail_limiter:
    pp_os_buffer_free(rule->limiter, rule->bytes);
fail:
    free(rule);
    return NULL;
}

/* ---- All of them ---- */

static bool is_same_limiter(const struct pp_limiter_config *a, const struct pp_limiter_config *b)
{
    return a->limit == b->limit && a->window_ns == b->window_ns && a->keys == b->keys &&
           a->ring_bytes == b->ring_bytes && a->buckets == b->buckets && a->tiers == b->tiers;
}

static struct serve_rule *find_kept(const struct serve_rules *rules,
                                    const struct serve_rule_config *config)
{
    struct pp_bytes name = pp_bytes_of(config->name);
    struct serve_rule *rule = serve_rules_find(rules, name);
    bool kept = rule != NULL && is_same_limiter(&rule->config.limiter, &config->limiter);
    return kept ? rule : NULL;
}

bool serve_rules_apply(struct serve_rules *rules, const struct serve_config *config,
                       char error[SERVE_ERROR_BYTES])
{
    bool starting = rules->started_ns == 0;
    uint64_t now = serve_now_ns();
    struct serve_rule *fresh[SERVE_RULES_MAX] = {NULL}, *old[SERVE_RULES_MAX];
    for (size_t i = 0; i < config->rule_count; i++) {
        const struct serve_rule_config *wanted = &config->rules[i];
        bool resume = starting && wanted->resume;
        if (find_kept(rules, wanted) != NULL)
            continue;
        fresh[i] = rule_new(rules, wanted, resume ? config->state : NULL, now,
                            !(starting && rules->first_start));
        if (fresh[i] == NULL) {
            snprintf(error, SERVE_ERROR_BYTES, "rule '%s': no memory, or no file to record to",
                     wanted->name);
            for (size_t k = 0; k < i; k++)
                rule_free(fresh[k]);
            return false;
        }
    }
    size_t old_count = rules->named_count;
    memcpy(old, rules->named, sizeof old);
    for (size_t i = 0; i < config->rule_count; i++) {
        struct serve_rule *kept = fresh[i] == NULL ? find_kept(rules, &config->rules[i]) : NULL;
        for (size_t k = 0; k < old_count; k++)
            if (old[k] == kept)
                old[k] = NULL;
        if (kept != NULL)
            kept->config = config->rules[i];
        fresh[i] = kept != NULL ? kept : fresh[i];
    }
    for (size_t k = 0; k < old_count; k++)
        rule_free(old[k]);
    memcpy(rules->named, fresh, sizeof fresh);
    rules->named_count = config->rule_count;
    rules->started_ns = starting ? now : rules->started_ns;
    return true;
}

void serve_rules_free(struct serve_rules *rules)
{
    for (size_t i = 0; i < rules->named_count; i++)
        rule_free(rules->named[i]);
    for (size_t i = 0; i < rules->adhoc_count; i++)
        rule_free(rules->adhoc[i]);
    rules->named_count = rules->adhoc_count = 0;
}

struct serve_rule *serve_rules_find(const struct serve_rules *rules, struct pp_bytes name)
{
    for (size_t i = 0; i < rules->named_count; i++)
        if (serve_is(name, rules->named[i]->config.name))
            return rules->named[i];
    return NULL;
}

/* ---- Rules from the arguments of CL.THROTTLE ---- */

static struct serve_rule *find_adhoc(struct serve_rules *rules, uint64_t burst, uint64_t count,
                                     uint64_t period_s)
{
    for (size_t n = 0; n < rules->adhoc_count; n++) {
        size_t i = (rules->adhoc_last + n) % rules->adhoc_count;
        struct serve_rule *rule = rules->adhoc[i];
        if (rule->burst == burst && rule->count == count && rule->period_s == period_s) {
            rules->adhoc_last = i;
            return rule;
        }
    }
    return NULL;
}

/* Where a new rule goes: a free place, or that of a rule in whose last window nothing was decided
   and which so has no state that counts. */
static bool find_place(const struct serve_rules *rules, uint64_t max, size_t *place)
{
    *place = rules->adhoc_count;
    if (*place < max)
        return true;
    uint64_t now = serve_now_ns();
    for (*place = 0; *place < rules->adhoc_count; ++*place) {
        const struct serve_rule *rule = rules->adhoc[*place];
        /* Twice: the limiter's window is rounded up to ticks. */
        if (now - rule->last_ns >= 2 * rule->config.limiter.window_ns)
            return true;
    }
    return false;
}

/* (burst + 1) * period / count in nanoseconds, rounded up; 0: out of range. */
static uint64_t throttle_window(uint64_t burst, uint64_t count, uint64_t period_s)
{
    if (burst >= PP_WINDOW_LIMIT_MAX || count == 0 || period_s == 0)
        return 0;
    unsigned __int128 total = (unsigned __int128)(burst + 1) * period_s * 1000000000;
    unsigned __int128 window = total / count + (total % count != 0);
    return window > PP_WIDE_TICKS_MAX / 4 ? 0 : (uint64_t)window;
}

struct serve_rule *serve_rules_throttle(struct serve_rules *rules,
                                        const struct serve_config *config, uint64_t burst,
                                        uint64_t count, uint64_t period_s, const char **error)
{
    struct serve_rule *rule = find_adhoc(rules, burst, count, period_s);
    if (rule != NULL)
        return rule;
    struct serve_rule_config wanted = {
        .limiter = {.limit = burst + 1,
                    .window_ns = throttle_window(burst, count, period_s),
                    .keys = config->adhoc_keys,
                    .ring_bytes = config->adhoc_memory}};
    size_t place;
    *error = "max_burst, count and period make no window: they are 0 or too large";
    if (wanted.limiter.window_ns == 0)
        return NULL;
    *error = "too many different max_burst, count and period; see throttle: rules";
    if (!find_place(rules, config->adhoc, &place))
        return NULL;
    snprintf(wanted.name, sizeof wanted.name, "throttle-%llu-%llu-%llu", (unsigned long long)burst,
             (unsigned long long)count, (unsigned long long)period_s);
    /* An earlier process may have admitted until this one began. */
    rule = rule_new(rules, &wanted, NULL, rules->started_ns, !rules->first_start);
    *error = "no memory is left for this max_burst, count and period";
    if (rule == NULL)
        return NULL;
    rule->burst = burst;
    rule->count = count;
    rule->period_s = period_s;
    rule->last_ns = serve_now_ns();
    if (place == rules->adhoc_count)
        rules->adhoc[rules->adhoc_count++] = NULL;
    rule_free(rules->adhoc[place]);
    rules->adhoc[place] = rule;
    rules->adhoc_last = place;
    return rule;
}

/* ---- Decisions ---- */

static bool flush_rule(struct serve_rule *rule)
{
    struct serve_out *out = &rule->record;
    if (out->overflow)
        return false;
    bool good = out->len == 0 || pp_os_write(rule->record_fd, out->data, out->len) == 0;
    out->len = 0;
    return good;
}

static void record(struct serve_rules *rules, struct serve_rule *rule, uint64_t now,
                   struct pp_bytes key, uint64_t weight, enum pp_limiter_verdict verdict)
{
    struct serve_out *out = &rule->record;
    rule->verdicts[verdict]++;
    rule->last_ns = now;
    /* Waiting and a full memory are no verdicts of the window, which the record is checked for. */
    if (out->data == NULL || (verdict != PP_LIMITER_ADMIT && verdict != PP_LIMITER_DENY))
        return;
    if (out->cap - out->len < RECORD_LINE_MAX && !flush_rule(rule))
        rules->record_failed = true;
    serve_put_number(out, now);
    serve_put_text(out, " ");
    serve_put_escaped(out, key);
    serve_put_text(out, " ");
    serve_put_number(out, weight);
    serve_put_text(out, verdict == PP_LIMITER_ADMIT ? " allow\n" : " deny\n");
    rules->recorded = true;
}

bool serve_rules_flush(struct serve_rules *rules)
{
    bool good = !rules->record_failed;
    if (!rules->recorded)
        return good;
    for (size_t i = 0; i < rules->named_count; i++)
        good = flush_rule(rules->named[i]) && good;
    for (size_t i = 0; i < rules->adhoc_count; i++)
        good = flush_rule(rules->adhoc[i]) && good;
    rules->recorded = false;
    return good;
}

static uint64_t decision_time(const struct serve_rule *rule, uint64_t now)
{
    return now / rule->tick_ns * rule->tick_ns;
}

/* What the answer says beside the verdict. */
static void describe(const struct serve_rule *rule, struct pp_limiter_key key, uint64_t now,
                     uint64_t weight, struct serve_decision *decision)
{
    const struct pp_limiter_config *config = &rule->config.limiter;
    decision->limit = config->limit;
    decision->window_ns = config->window_ns;
    decision->remaining = pp_limiter_remaining(rule->limiter, key, now);
    decision->reset_ns = pp_limiter_wait_ns(rule->limiter, key, now, config->limit);
    decision->retry_ns = 0;
    if (decision->verdict != PP_LIMITER_ADMIT)
        decision->retry_ns = pp_limiter_wait_ns(rule->limiter, key, now, weight);
    if (config->buckets != 0)
        return;
    /* A window that is no whole number of ticks would seem longer by part of a tick. */
    if (decision->reset_ns > config->window_ns)
        decision->reset_ns = config->window_ns;
    if (decision->retry_ns > config->window_ns && decision->retry_ns != PP_LIMITER_NEVER)
        decision->retry_ns = config->window_ns;
}

void serve_rule_decide(struct serve_rules *rules, struct serve_rule *rule, struct pp_bytes key,
                       uint64_t weight, bool charge, struct serve_decision *decision)
{
    struct pp_limiter_key hash = pp_limiter_key(rule->limiter, key);
    uint64_t now = decision_time(rule, serve_now_ns());
    if (charge) {
        decision->verdict = pp_limiter_admit(rule->limiter, hash, now, weight);
        record(rules, rule, now, key, weight, decision->verdict);
    } else {
        decision->verdict = pp_limiter_peek(rule->limiter, hash, now, weight);
    }
    describe(rule, hash, now, weight, decision);
}

/* Whether all rules but shadows would admit; makes the room that admitting then needs. */
static bool prepare_all(struct serve_rules *rules, struct serve_rule *const *rule, size_t count,
                        struct pp_bytes key, uint64_t now, uint64_t weight,
                        struct serve_decision *decisions)
{
    bool all = true;
    for (size_t i = 0; i < count; i++) {
        struct pp_limiter_key hash = pp_limiter_key(rule[i]->limiter, key);
        uint64_t time = decision_time(rule[i], now);
        decisions[i].verdict = pp_limiter_prepare(rule[i]->limiter, hash, time, weight);
        if (rule[i]->config.shadow || decisions[i].verdict == PP_LIMITER_ADMIT)
            continue;
        all = false;
        record(rules, rule[i], time, key, weight, decisions[i].verdict);
    }
    return all;
}

bool serve_rules_decide(struct serve_rules *rules, struct serve_rule *const *rule, size_t count,
                        struct pp_bytes key, uint64_t weight, struct serve_decision *decisions)
{
    if (count == 1) {
        serve_rule_decide(rules, rule[0], key, weight, true, &decisions[0]);
        bool passes = decisions[0].verdict == PP_LIMITER_ADMIT || rule[0]->config.shadow;
        rule[0]->shadow_denied += passes && decisions[0].verdict != PP_LIMITER_ADMIT;
        return passes;
    }
    uint64_t now = serve_now_ns();
    bool all = prepare_all(rules, rule, count, key, now, weight, decisions);
    for (size_t i = 0; i < count; i++) {
        struct pp_limiter_key hash = pp_limiter_key(rule[i]->limiter, key);
        uint64_t time = decision_time(rule[i], now);
        if (all) {
            decisions[i].verdict = pp_limiter_admit(rule[i]->limiter, hash, time, weight);
            record(rules, rule[i], time, key, weight, decisions[i].verdict);
            rule[i]->shadow_denied += decisions[i].verdict != PP_LIMITER_ADMIT;
        }
        describe(rule[i], hash, time, weight, &decisions[i]);
    }
    return all;
}

void serve_rules_sweep(struct serve_rules *rules)
{
    uint64_t now = serve_now_ns();
    for (size_t i = 0; i < rules->named_count; i++)
        pp_limiter_sweep(rules->named[i]->limiter, now, SWEEP_SLOTS);
    for (size_t i = 0; i < rules->adhoc_count; i++)
        pp_limiter_sweep(rules->adhoc[i]->limiter, now, SWEEP_SLOTS);
}
