/* SPDX-License-Identifier: MIT */
/* The rules that are in force: made, kept over a reload, asked for. */
#include "rules.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { SWEEP_SLOTS = 4096 };

uint64_t serve_now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

bool serve_rules_init(struct serve_rules *rules)
{
    pthread_rwlockattr_t attributes;
    if (pthread_rwlockattr_init(&attributes) != 0)
        return false;
    /* Else threads that always decide would keep a change of the rules waiting for ever. */
    bool good = pthread_rwlockattr_setkind_np(&attributes,
                                              PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP) == 0 &&
                pthread_rwlock_init(&rules->lock, &attributes) == 0;
    pthread_rwlockattr_destroy(&attributes);
    return good;
}

/* ---- The rules of the file ---- */

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
    bool kept = rule != NULL && is_same_limiter(&rule->config.limiter, &config->limiter) &&
                rule->config.ipv4_bits == config->ipv4_bits &&
                rule->config.ipv6_bits == config->ipv6_bits;
    return kept ? rule : NULL;
}

/* New rules where the file has new ones, NULL where one is kept. */
static bool make_fresh(const struct serve_rules *rules, const struct serve_config *config,
                       uint64_t now, struct serve_rule *fresh[SERVE_RULES_MAX],
                       char error[SERVE_ERROR_BYTES])
{
    bool starting = rules->started_ns == 0;
    for (size_t i = 0; i < config->rule_count; i++) {
        const struct serve_rule_config *wanted = &config->rules[i];
        const struct serve_rule_start start = {.resume = starting && wanted->resume ? config->state
                                                                                    : NULL,
                                               .wait_from = now,
                                               .wait = !(starting && rules->first_start),
                                               .shards = serve_config_shards(config->threads)};
        if (find_kept(rules, wanted) != NULL)
            continue;
        fresh[i] = serve_rule_new(rules, wanted, &start);
        if (fresh[i] == NULL) {
            snprintf(error, SERVE_ERROR_BYTES, "rule '%s': no memory, or no file to record to",
                     wanted->name);
            for (size_t k = 0; k < i; k++)
                serve_rule_free(fresh[k]);
            return false;
        }
    }
    return true;
}

/* Under the lock for writing: `fresh` and those that are kept are in force, the others gone. */
static void replace_rules(struct serve_rules *rules, const struct serve_config *config,
                          struct serve_rule *fresh[SERVE_RULES_MAX])
{
    struct serve_rule *old[SERVE_RULES_MAX];
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
    for (size_t k = 0; k < old_count; k++) {
        if (old[k] != NULL && rules->journal != NULL)
            serve_journal_report(rules->journal, &old[k]->source, serve_now_ns());
        serve_rule_free(old[k]);
    }
    memcpy(rules->named, fresh, sizeof old);
    rules->named_count = config->rule_count;
}

bool serve_rules_apply(struct serve_rules *rules, const struct serve_config *config,
                       char error[SERVE_ERROR_BYTES])
{
    struct serve_rule *fresh[SERVE_RULES_MAX] = {NULL};
    uint64_t now = serve_now_ns();
    if (!make_fresh(rules, config, now, fresh, error))
        return false;
    pthread_rwlock_wrlock(&rules->lock);
    replace_rules(rules, config, fresh);
    rules->started_ns = rules->started_ns == 0 ? now : rules->started_ns;
    pthread_rwlock_unlock(&rules->lock);
    return true;
}

void serve_rules_free(struct serve_rules *rules)
{
    for (size_t i = 0; i < rules->named_count; i++)
        serve_rule_free(rules->named[i]);
    for (size_t i = 0; i < rules->adhoc_count; i++)
        serve_rule_free(rules->adhoc[i]);
    rules->named_count = rules->adhoc_count = 0;
    pthread_rwlock_destroy(&rules->lock);
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
    size_t last = atomic_load_explicit(&rules->adhoc_last, memory_order_relaxed);
    for (size_t n = 0; n < rules->adhoc_count; n++) {
        size_t i = (last + n) % rules->adhoc_count;
        struct serve_rule *rule = rules->adhoc[i];
        if (rule->burst == burst && rule->count == count && rule->period_s == period_s) {
            if (n != 0)
                atomic_store_explicit(&rules->adhoc_last, i, memory_order_relaxed);
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
        if (now - serve_rule_last_ns(rule) >= 2 * rule->config.limiter.window_ns)
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

/* A new rule for these arguments; the lock is held for writing. */
static struct serve_rule *make_adhoc(struct serve_rules *rules, const struct serve_config *config,
                                     uint64_t burst, uint64_t count, uint64_t period_s,
                                     const char **error)
{
    struct serve_rule_config wanted = {
        .limiter = {.limit = burst + 1,
                    .window_ns = throttle_window(burst, count, period_s),
                    .keys = config->adhoc_keys,
                    .ring_bytes = config->adhoc_memory}};
    /* An earlier process may have admitted until this one began. */
    const struct serve_rule_start start = {.wait_from = rules->started_ns,
                                           .wait = !rules->first_start,
                                           .shards = serve_config_shards(config->threads)};
    size_t place;
    *error = "too many different max_burst, count and period; see throttle: rules";
    if (!find_place(rules, config->adhoc, &place))
        return NULL;
    snprintf(wanted.name, sizeof wanted.name, "throttle-%llu-%llu-%llu", (unsigned long long)burst,
             (unsigned long long)count, (unsigned long long)period_s);
    struct serve_rule *rule = serve_rule_new(rules, &wanted, &start);
    *error = "no memory is left for this max_burst, count and period";
    if (rule == NULL)
        return NULL;
    rule->burst = burst;
    rule->count = count;
    rule->period_s = period_s;
    rule->shards[0].last_ns = serve_now_ns();
    if (place == rules->adhoc_count)
        rules->adhoc[rules->adhoc_count++] = NULL;
    serve_rule_free(rules->adhoc[place]);
    rules->adhoc[place] = rule;
    atomic_store(&rules->adhoc_last, place);
    return rule;
}

struct serve_rule *serve_rules_throttle(struct serve_rules *rules,
                                        const struct serve_config *config, uint64_t burst,
                                        uint64_t count, uint64_t period_s, const char **error)
{
    struct serve_rule *rule;
    *error = "max_burst, count and period make no window: they are 0 or too large";
    if (throttle_window(burst, count, period_s) == 0)
        return NULL;
    while ((rule = find_adhoc(rules, burst, count, period_s)) == NULL) {
        pthread_rwlock_unlock(&rules->lock);
        pthread_rwlock_wrlock(&rules->lock);
        rule = find_adhoc(rules, burst, count, period_s);
        if (rule == NULL)
            rule = make_adhoc(rules, config, burst, count, period_s, error);
        pthread_rwlock_unlock(&rules->lock);
        pthread_rwlock_rdlock(&rules->lock);
        if (rule == NULL)
            return NULL; /* and not `rule`, which another thread may have replaced by now */
    }
    return rule;
}

/* ---- Every rule ---- */

bool serve_rules_flush(struct serve_rules *rules)
{
    if (rules->record == NULL)
        return true;
    bool good = !atomic_load(&rules->record_failed);
    for (size_t i = 0; i < rules->named_count; i++)
        good = serve_rule_flush(rules->named[i]) && good;
    for (size_t i = 0; i < rules->adhoc_count; i++)
        good = serve_rule_flush(rules->adhoc[i]) && good;
    return good;
}

static void sweep(struct serve_rules *rules, struct serve_rule *rule)
{
    for (uint32_t i = 0; i < rule->shard_count; i++) {
        struct serve_shard *shard = &rule->shards[i];
        pthread_mutex_lock(&shard->lock);
        pp_limiter_sweep(shard->limiter, serve_now_ns(), SWEEP_SLOTS / rule->shard_count);
        pthread_mutex_unlock(&shard->lock);
    }
    if (rules->journal != NULL)
        serve_journal_report(rules->journal, &rule->source, serve_now_ns());
}

void serve_rules_sweep(struct serve_rules *rules)
{
    for (size_t i = 0; i < rules->named_count; i++)
        sweep(rules, rules->named[i]);
    for (size_t i = 0; i < rules->adhoc_count; i++)
        sweep(rules, rules->adhoc[i]);
}
