/* SPDX-License-Identifier: MIT */
/* The specification of one key at a time: the units that were admitted in (now - window, now]. */
#include "watch.h"

static bool same_key(struct pp_limiter_key a, struct pp_limiter_key b)
{
    return a.low == b.low && a.high == b.high;
}

static void forget_old(struct serve_watch *watch, uint64_t now_ns, uint64_t window_ns)
{
    while (watch->count > 0 && now_ns - watch->admissions[watch->first].time_ns >= window_ns) {
        watch->units -= watch->admissions[watch->first].weight;
        watch->first = (watch->first + 1) % SERVE_WATCH_ADMISSIONS;
        watch->count--;
    }
}

/* Another key's turn: the watched one had its windows, or has not come for one. */
static bool is_over(const struct serve_watch *watch, uint64_t now_ns, uint64_t window_ns)
{
    return !watch->watching || now_ns - watch->last_ns >= window_ns ||
           (now_ns - watch->since_ns) / SERVE_WATCH_WINDOWS >= window_ns;
}

static void begin(struct serve_watch *watch, struct pp_limiter_key key, uint64_t now_ns)
{
    watch->watching = true;
    watch->key = key;
    watch->since_ns = watch->last_ns = now_ns;
    watch->units = 0;
    watch->first = watch->count = 0;
}

static enum serve_watch_finding take_admission(struct serve_watch *watch, uint64_t limit,
                                               uint64_t now_ns, uint64_t weight)
{
    if (watch->count == SERVE_WATCH_ADMISSIONS) {
        watch->watching = false;
        return SERVE_WATCH_NOT_WATCHED;
    }
    uint32_t at = (watch->first + watch->count) % SERVE_WATCH_ADMISSIONS;
    watch->admissions[at].time_ns = now_ns;
    watch->admissions[at].weight = weight;
    watch->count++;
    watch->units += weight;
    return watch->units <= limit ? SERVE_WATCH_RIGHT : SERVE_WATCH_TOO_MANY;
}

/* What was admitted before the key was watched is not known: in its first window a denial can't be
   judged, while too many admissions are too many. */
static enum serve_watch_finding judge_denial(const struct serve_watch *watch,
                                             const struct serve_watch_rule *rule, uint64_t now_ns,
                                             uint64_t window_ns, uint64_t weight)
{
    if (!rule->judges_denials || now_ns - watch->since_ns < window_ns)
        return SERVE_WATCH_NOT_WATCHED;
    bool fits = watch->units <= rule->limit && weight <= rule->limit - watch->units;
    return fits ? SERVE_WATCH_UNJUSTIFIED : SERVE_WATCH_RIGHT;
}

enum serve_watch_finding serve_watch_decision(struct serve_watch *watch,
                                              const struct serve_watch_rule *rule,
                                              struct pp_limiter_key key, uint64_t now_ns,
                                              uint64_t weight, enum pp_limiter_verdict verdict)
{
    uint64_t ticks = rule->window_ns / rule->tick_ns + (rule->window_ns % rule->tick_ns != 0);
    uint64_t window_ns = ticks * rule->tick_ns;
    if (verdict != PP_LIMITER_ADMIT && verdict != PP_LIMITER_DENY)
        return SERVE_WATCH_NOT_WATCHED;
    if (!watch->watching || !same_key(watch->key, key)) {
        if (!is_over(watch, now_ns, window_ns))
            return SERVE_WATCH_NOT_WATCHED;
        begin(watch, key, now_ns);
    }
    watch->last_ns = now_ns;
    forget_old(watch, now_ns, window_ns);
    if (verdict == PP_LIMITER_DENY)
        return judge_denial(watch, rule, now_ns, window_ns, weight);
    return take_admission(watch, rule->limit, now_ns, weight);
}
