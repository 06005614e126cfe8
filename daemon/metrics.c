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
    for (size_t i = 0; i < rule_count(serve); i++)
        for (size_t v = 0; v < sizeof names / sizeof *names; v++)
            sample(out, "limiter_decisions_total", "rule", rule_at(serve, i)->config.name,
                   "verdict", names[v], rule_at(serve, i)->verdicts[v]);
    head(out, "limiter_shadow_passed_total", "counter",
         "Requests that a shadow rule would not have admitted.");
    for (size_t i = 0; i < rule_count(serve); i++)
        sample(out, "limiter_shadow_passed_total", "rule", rule_at(serve, i)->config.name, NULL,
               NULL, rule_at(serve, i)->shadow_denied);
}

/* One gauge or counter of each rule, at an offset in its statistics. */
static void put_stat(const struct serve *serve, struct serve_out *out, const char *name,
                     const char *type, const char *help, size_t offset)
{
    head(out, name, type, help);
    for (size_t i = 0; i < rule_count(serve); i++) {
        struct pp_limiter_stats stats;
        pp_limiter_stats(rule_at(serve, i)->limiter, &stats);
        const uint64_t *number = (const void *)((const char *)&stats + offset);
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

void serve_put_metrics(const struct serve *serve, struct serve_out *out)
{
    const struct serve_counters *counters = &serve->counters;
    static const char *const protocols[] = {"http", "resp"};
    put_decisions(serve, out);
    put_stats(serve, out);
    head(out, "serve_connections", "gauge", "Open connections.");
    sample(out, "serve_connections", NULL, NULL, NULL, NULL, serve->connection_count);
    head(out, "serve_connections_total", "counter", "Connections by what became of them.");
    sample(out, "serve_connections_total", "event", "accepted", NULL, NULL, counters->accepted);
    sample(out, "serve_connections_total", "event", "refused", NULL, NULL, counters->refused);
    sample(out, "serve_connections_total", "event", "timed_out", NULL, NULL, counters->timed_out);
    head(out, "serve_requests_total", "counter", "Requests that could be read.");
    for (size_t i = 0; i < 2; i++)
        sample(out, "serve_requests_total", "protocol", protocols[i], NULL, NULL,
               counters->requests[i]);
    head(out, "serve_malformed_total", "counter", "Requests that could not be read.");
    for (size_t i = 0; i < 2; i++)
        sample(out, "serve_malformed_total", "protocol", protocols[i], NULL, NULL,
               counters->malformed[i]);
    head(out, "serve_reloads_total", "counter", "Times the rules were read anew.");
    sample(out, "serve_reloads_total", "result", "applied", NULL, NULL, counters->reloads);
    sample(out, "serve_reloads_total", "result", "refused", NULL, NULL, counters->bad_reloads);
}
