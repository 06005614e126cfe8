/* SPDX-License-Identifier: MIT */
/* The daemon's numbers in Prometheus' text format. */
#include "server.h"

static void head(struct serve_out *out, const char *name, const char *type, const char *help)
{
    serve_put_text(out, "# HELP postproof_");
    serve_put_text(out, name);
    serve_put_text(out, " ");
    serve_put_text(out, help);
    serve_put_text(out, "\n# TYPE postproof_");
    serve_put_text(out, name);
    serve_put_text(out, " ");
    serve_put_text(out, type);
    serve_put_text(out, "\n");
}

/* One sample; labels are of this program or checked names, so that nothing needs escaping. */
static void sample(struct serve_out *out, const char *name, const char *label, const char *value,
                   const char *label2, const char *value2, uint64_t number)
{
    serve_put_text(out, "postproof_");
    serve_put_text(out, name);
    if (label != NULL) {
        serve_put_text(out, "{");
        serve_put_text(out, label);
        serve_put_text(out, "=\"");
        serve_put_text(out, value);
        serve_put_text(out, "\"");
    }
    if (label2 != NULL) {
        serve_put_text(out, ",");
        serve_put_text(out, label2);
        serve_put_text(out, "=\"");
        serve_put_text(out, value2);
        serve_put_text(out, "\"");
    }
    serve_put_text(out, label != NULL ? "} " : " ");
    serve_put_number(out, number);
    serve_put_text(out, "\n");
}

/* The sums over a rule's shards. */
struct sums {
    uint64_t verdicts[PP_LIMITER_WAITING + 1], shadow_denied;
    struct pp_limiter_stats stats;
};

static void add_shard(struct serve_shard *shard, struct sums *sums)
{
    struct pp_limiter_stats stats;
    pthread_mutex_lock(&shard->lock);
    for (size_t v = 0; v <= PP_LIMITER_WAITING; v++)
        sums->verdicts[v] += shard->verdicts[v];
    sums->shadow_denied += shard->shadow_denied;
    pp_limiter_stats(shard->limiter, &stats);
    pthread_mutex_unlock(&shard->lock);
    sums->stats.keys += stats.keys;
    sums->stats.key_slots += stats.key_slots;
    sums->stats.ring_bytes += stats.ring_bytes;
    sums->stats.ring_capacity += stats.ring_capacity;
    sums->stats.shared += stats.shared;
    sums->stats.reclaimed += stats.reclaimed;
}

static struct sums sums_of(const struct serve_rule *rule)
{
    struct sums sums = {0};
    for (uint32_t i = 0; i < rule->shard_count; i++)
        add_shard(&rule->shards[i], &sums);
    return sums;
}

static size_t rule_count(const struct serve *serve)
{
    return serve->rules.named_count + serve->rules.adhoc_count;
}

static const struct serve_rule *rule_at(const struct serve *serve, size_t i)
{
    size_t named = serve->rules.named_count;
    return i < named ? serve->rules.named[i] : serve->rules.adhoc[i - named];
}

static void put_decisions(const struct serve *serve, struct serve_out *out)
{
    static const char *const names[] = {"deny", "admit", "impossible", "full", "waiting"};
    head(out, "limiter_decisions_total", "counter", "Decisions by rule and verdict.");
    for (size_t i = 0; i < rule_count(serve); i++) {
        struct sums sums = sums_of(rule_at(serve, i));
        for (size_t v = 0; v < sizeof names / sizeof *names; v++)
            sample(out, "limiter_decisions_total", "rule", rule_at(serve, i)->config.name,
                   "verdict", names[v], sums.verdicts[v]);
    }
    head(out, "limiter_shadow_passed_total", "counter",
         "Requests that a shadow rule would not have admitted.");
    for (size_t i = 0; i < rule_count(serve); i++)
        sample(out, "limiter_shadow_passed_total", "rule", rule_at(serve, i)->config.name, NULL,
               NULL, sums_of(rule_at(serve, i)).shadow_denied);
}

/* One gauge or counter of each rule, at an offset in its statistics. */
static void put_stat(const struct serve *serve, struct serve_out *out, const char *name,
                     const char *type, const char *help, size_t offset)
{
    head(out, name, type, help);
    for (size_t i = 0; i < rule_count(serve); i++) {
        struct sums sums = sums_of(rule_at(serve, i));
        const uint64_t *number = (const void *)((const char *)&sums.stats + offset);
        sample(out, name, "rule", rule_at(serve, i)->config.name, NULL, NULL, *number);
    }
}

static void put_stats(const struct serve *serve, struct serve_out *out)
{
    put_stat(serve, out, "limiter_keys", "gauge", "Key slots in use.",
             offsetof(struct pp_limiter_stats, keys));
    put_stat(serve, out, "limiter_key_slots", "gauge", "Key slots in all.",
             offsetof(struct pp_limiter_stats, key_slots));
    put_stat(serve, out, "limiter_ring_bytes", "gauge", "Bytes of stamps in use.",
             offsetof(struct pp_limiter_stats, ring_bytes));
    put_stat(serve, out, "limiter_ring_capacity_bytes", "gauge", "Bytes for stamps in all.",
             offsetof(struct pp_limiter_stats, ring_capacity));
    put_stat(serve, out, "limiter_shared_total", "counter", "Decisions taken by a shared tier.",
             offsetof(struct pp_limiter_stats, shared));
    put_stat(serve, out, "limiter_reclaimed_total", "counter", "Idle keys forgotten.",
             offsetof(struct pp_limiter_stats, reclaimed));
}

/* What of the decisions reached the ledger's queue. */
static void put_journal(const struct serve *serve, struct serve_out *out)
{
    struct serve_journal *journal = serve->rules.journal;
    struct serve_journal_source source;
    bool failed = false;
    if (journal == NULL)
        return;
    head(out, "limiter_recorded_total", "counter", "Decisions given to the ledger.");
    for (size_t i = 0; i < rule_count(serve); i++) {
        serve_journal_read(journal, &rule_at(serve, i)->source, &source, &failed);
        sample(out, "limiter_recorded_total", "rule", rule_at(serve, i)->config.name, NULL, NULL,
               source.recorded);
    }
    head(out, "limiter_unrecorded_total", "counter",
         "Decisions that the ledger should have and that its queue had no room for.");
    for (size_t i = 0; i < rule_count(serve); i++) {
        serve_journal_read(journal, &rule_at(serve, i)->source, &source, &failed);
        sample(out, "limiter_unrecorded_total", "rule", rule_at(serve, i)->config.name, "verdict",
               "deny", source.dropped[0]);
        sample(out, "limiter_unrecorded_total", "rule", rule_at(serve, i)->config.name, "verdict",
               "admit", source.dropped[1]);
    }
    head(out, "limiter_ledger_failed", "gauge", "1: the ledger takes nothing more.");
    sample(out, "limiter_ledger_failed", NULL, NULL, NULL, NULL, failed);
}

static void put_total(struct serve_out *out, const char *name, const char *help, uint64_t number)
{
    head(out, name, "counter", help);
    sample(out, name, NULL, NULL, NULL, NULL, number);
}

/* What must never happen, for the rules of `postproof dashboard`: always there, from 0 on, and
   without labels, so that they match `up`. */
static void put_violations(struct serve *serve, struct serve_out *out)
{
    struct serve_violations *violations = &serve->rules.violations;
    uint64_t lost;
    bool failed;
    serve_journal_losses(serve->rules.journal, &lost, &failed);
    put_total(out, "limiter_watched_total", "Decisions that a second opinion was had on.",
              atomic_load(&violations->watched));
    put_total(out, "limiter_window_violations_total",
              "Watched admissions beyond the limit of their window.",
              atomic_load(&violations->too_many));
    put_total(out, "limiter_denial_violations_total",
              "Watched denials of what would have fit into its window.",
              atomic_load(&violations->unjustified));
    put_total(out, "limiter_memory_denials_total", "Denials for want of memory.",
              atomic_load(&violations->no_memory));
    put_total(out, "limiter_lost_decisions_total",
              "Decisions that the ledger should have and was not given.", lost);
    put_total(out, "limiter_ledger_failures_total", "1: the ledger takes nothing more.", failed);
}

/* One of the threads' counters, by its offset. */
static uint64_t total(const struct serve *serve, size_t offset)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < serve->worker_count; i++) {
        const char *counters = (const char *)&serve->workers[i].counters;
        sum += atomic_load((const atomic_uint_fast64_t *)(const void *)(counters + offset));
    }
    return sum;
}

#define TOTAL(field) total(serve, offsetof(struct serve_counters, field))

void serve_put_metrics(struct serve *serve, struct serve_out *out)
{
    put_decisions(serve, out);
    put_stats(serve, out);
    put_journal(serve, out);
    put_violations(serve, out);
    head(out, "serve_threads", "gauge", "Threads that answer.");
    sample(out, "serve_threads", NULL, NULL, NULL, NULL, serve->worker_count);
    head(out, "serve_connections", "gauge", "Open connections.");
    sample(out, "serve_connections", NULL, NULL, NULL, NULL, atomic_load(&serve->connection_count));
    head(out, "serve_connections_total", "counter", "Connections by what became of them.");
    sample(out, "serve_connections_total", "event", "accepted", NULL, NULL, TOTAL(accepted));
    sample(out, "serve_connections_total", "event", "refused", NULL, NULL, TOTAL(refused));
    sample(out, "serve_connections_total", "event", "timed_out", NULL, NULL, TOTAL(timed_out));
    head(out, "serve_requests_total", "counter", "Requests that could be read.");
    sample(out, "serve_requests_total", "protocol", "http", NULL, NULL,
           TOTAL(requests[SERVE_HTTP]));
    sample(out, "serve_requests_total", "protocol", "resp", NULL, NULL,
           TOTAL(requests[SERVE_RESP]));
    head(out, "serve_malformed_total", "counter", "Requests that could not be read.");
    sample(out, "serve_malformed_total", "protocol", "http", NULL, NULL,
           TOTAL(malformed[SERVE_HTTP]));
    sample(out, "serve_malformed_total", "protocol", "resp", NULL, NULL,
           TOTAL(malformed[SERVE_RESP]));
    head(out, "serve_reloads_total", "counter", "Times the rules were read anew.");
    sample(out, "serve_reloads_total", "result", "applied", NULL, NULL,
           atomic_load(&serve->reloads));
    sample(out, "serve_reloads_total", "result", "refused", NULL, NULL,
           atomic_load(&serve->bad_reloads));
}
