/* SPDX-License-Identifier: MIT */
/* Decisions: one rule or several at once, each under the lock of the key's shard. */
#include "rules.h"

/* A request under one rule: its key as the rule has it, and where that is. */
struct place {
    struct serve_rule *rule;
    struct serve_shard *shard;
    struct pp_bytes name;
    struct pp_limiter_key key;
    char prefix[SERVE_PREFIX_BYTES];
};

bool serve_rule_takes(const struct serve_rule *rule, struct pp_bytes key)
{
    char prefix[SERVE_PREFIX_BYTES];
    const struct serve_rule_config *config = &rule->config;
    return config->ipv4_bits == 0 ||
           serve_address_prefix(key, config->ipv4_bits, config->ipv6_bits, prefix);
}

static void find_place(struct place *place, struct serve_rule *rule, struct pp_bytes key)
{
    const struct serve_rule_config *config = &rule->config;
    place->rule = rule;
    place->name = key;
    if (config->ipv4_bits != 0 &&
        serve_address_prefix(key, config->ipv4_bits, config->ipv6_bits, place->prefix))
        place->name = pp_bytes_of(place->prefix);
    place->key = pp_limiter_key(rule->shards[0].limiter, place->name);
    place->shard = &rule->shards[pp_limiter_shard(place->key, rule->shard_count)];
}

/* ---- The record ---- */

/* Whether this decision goes to the ledger: every denial, and admissions as configured. */
static bool is_sampled(const struct serve_journal *journal, struct serve_shard *shard,
                       bool admitted)
{
    uint64_t sampling = serve_journal_sampling(journal);
    if (!admitted)
        return true;
    if (sampling == 0 || ++shard->unsampled < sampling)
        return false;
    shard->unsampled = 0;
    return true;
}

/* A second opinion, where one is had. */
static void watch_decision(struct serve_violations *violations, const struct place *place,
                           uint64_t now, uint64_t weight, enum pp_limiter_verdict verdict)
{
    const struct pp_limiter_config *config = &place->rule->config.limiter;
    const struct serve_watch_rule rule = {config->limit, config->window_ns, place->rule->tick_ns,
                                          config->tiers == 0};
    enum serve_watch_finding finding = SERVE_WATCH_NOT_WATCHED;
    if (verdict == PP_LIMITER_FULL)
        atomic_fetch_add_explicit(&violations->no_memory, 1, memory_order_relaxed);
    if (config->buckets == 0)
        finding =
            serve_watch_decision(&place->shard->watch, &rule, place->key, now, weight, verdict);
    if (finding == SERVE_WATCH_NOT_WATCHED)
        return;
    atomic_fetch_add_explicit(&violations->watched, 1, memory_order_relaxed);
    if (finding == SERVE_WATCH_TOO_MANY)
        atomic_fetch_add_explicit(&violations->too_many, 1, memory_order_relaxed);
    if (finding == SERVE_WATCH_UNJUSTIFIED)
        atomic_fetch_add_explicit(&violations->unjustified, 1, memory_order_relaxed);
}

/* Under the shard's lock, so that the record has a key's decisions in their order. */
static void record(struct serve_rules *rules, const struct place *place, uint64_t now,
                   uint64_t weight, enum pp_limiter_verdict verdict)
{
    bool admitted = verdict == PP_LIMITER_ADMIT;
    place->shard->verdicts[verdict]++;
    place->shard->shadow_denied += place->rule->config.shadow && !admitted;
    place->shard->last_ns = now;
    watch_decision(&rules->violations, place, now, weight, verdict);
    if (rules->journal != NULL && is_sampled(rules->journal, place->shard, admitted))
        serve_journal_add(rules->journal, &place->rule->source, now, place->name, weight, verdict);
    /* Waiting and a full memory are no verdicts of the window, which the file is checked for. */
    if (rules->record == NULL || (!admitted && verdict != PP_LIMITER_DENY))
        return;
    if (!serve_rule_record(place->rule, now, place->name, weight, admitted))
        atomic_store(&rules->record_failed, true);
}

/* ---- The answer ---- */

static uint64_t decision_time(const struct serve_rule *rule, uint64_t now)
{
    return now / rule->tick_ns * rule->tick_ns;
}

/* What the answer says beside the verdict. */
static void describe(const struct place *place, uint64_t now, uint64_t weight,
                     struct serve_decision *decision)
{
    const struct pp_limiter_config *config = &place->rule->config.limiter;
    const struct pp_limiter *limiter = place->shard->limiter;
    decision->limit = config->limit;
    decision->window_ns = config->window_ns;
    decision->remaining = pp_limiter_remaining(limiter, place->key, now);
    decision->reset_ns = pp_limiter_wait_ns(limiter, place->key, now, config->limit);
    decision->retry_ns = 0;
    if (decision->verdict != PP_LIMITER_ADMIT)
        decision->retry_ns = pp_limiter_wait_ns(limiter, place->key, now, weight);
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
    struct place place;
    find_place(&place, rule, key);
    pthread_mutex_lock(&place.shard->lock);
    uint64_t now = decision_time(rule, serve_now_ns());
    if (charge) {
        decision->verdict = pp_limiter_admit(place.shard->limiter, place.key, now, weight);
        record(rules, &place, now, weight, decision->verdict);
    } else {
        decision->verdict = pp_limiter_peek(place.shard->limiter, place.key, now, weight);
    }
    describe(&place, now, weight, decision);
    pthread_mutex_unlock(&place.shard->lock);
}

/* ---- Several rules ---- */

/* In the order of their addresses, so that two threads never wait for each other. */
static void lock_all(const struct place *places, size_t count)
{
    pthread_mutex_t *locks[SERVE_TOGETHER_MAX];
    for (size_t i = 0; i < count; i++) {
        size_t at = i;
        for (; at > 0 && (uintptr_t)locks[at - 1] > (uintptr_t)&places[i].shard->lock; at--)
            locks[at] = locks[at - 1];
        locks[at] = &places[i].shard->lock;
    }
    for (size_t i = 0; i < count; i++)
        pthread_mutex_lock(locks[i]);
}

/* Whether all rules but shadows would admit; makes the room that admitting then needs. */
static bool prepare_all(struct serve_rules *rules, const struct place *places, size_t count,
                        uint64_t now, uint64_t weight, struct serve_decision *decisions)
{
    bool all = true;
    for (size_t i = 0; i < count; i++) {
        const struct place *place = &places[i];
        uint64_t time = decision_time(place->rule, now);
        decisions[i].verdict = pp_limiter_prepare(place->shard->limiter, place->key, time, weight);
        if (place->rule->config.shadow || decisions[i].verdict == PP_LIMITER_ADMIT)
            continue;
        all = false;
        record(rules, place, time, weight, decisions[i].verdict);
    }
    return all;
}

static bool decide_together(struct serve_rules *rules, const struct place *places, size_t count,
                            uint64_t weight, struct serve_decision *decisions)
{
    uint64_t now = serve_now_ns();
    bool all = prepare_all(rules, places, count, now, weight, decisions);
    for (size_t i = 0; i < count; i++) {
        const struct place *place = &places[i];
        uint64_t time = decision_time(place->rule, now);
        if (all) {
            decisions[i].verdict =
                pp_limiter_admit(place->shard->limiter, place->key, time, weight);
            record(rules, place, time, weight, decisions[i].verdict);
        }
        describe(place, time, weight, &decisions[i]);
    }
    return all;
}

bool serve_rules_decide(struct serve_rules *rules, struct serve_rule *const *rule, size_t count,
                        struct pp_bytes key, uint64_t weight, struct serve_decision *decisions)
{
    struct place places[SERVE_TOGETHER_MAX];
    if (count == 1) {
        serve_rule_decide(rules, rule[0], key, weight, true, &decisions[0]);
        return decisions[0].verdict == PP_LIMITER_ADMIT || rule[0]->config.shadow;
    }
    for (size_t i = 0; i < count; i++)
        find_place(&places[i], rule[i], key);
    lock_all(places, count);
    bool all = decide_together(rules, places, count, weight, decisions);
    for (size_t i = 0; i < count; i++)
        pthread_mutex_unlock(&places[i].shard->lock);
    return all;
}
