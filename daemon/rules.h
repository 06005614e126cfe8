/* SPDX-License-Identifier: MIT */
/* The rules that are in force, each with its limiter, and what the daemon knows beside them. */
#ifndef PP_SERVE_RULES_H
#define PP_SERVE_RULES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config.h"
#include "text.h"

struct serve_rule {
    struct serve_rule_config config;
    struct pp_limiter *limiter;
    bool resumed;                              /* goes on with a saved state */
    size_t bytes;                              /* of its memory, from pp_os_buffer_alloc */
    uint64_t tick_ns;                          /* decisions are taken at multiples of it */
    uint64_t last_ns;                          /* its latest decision */
    uint64_t verdicts[PP_LIMITER_WAITING + 1]; /* how many decisions ended so */
    uint64_t shadow_denied;                    /* let pass because the rule is only a shadow */
    uint64_t burst, count, period_s;           /* the arguments of CL.THROTTLE that made it */
    struct serve_out record;                   /* lines for its file; data NULL: not recorded */
    int record_fd;
};

struct serve_rules {
    struct serve_rule *named[SERVE_RULES_MAX];
    size_t named_count;
    struct serve_rule *adhoc[SERVE_ADHOC_MAX];
    size_t adhoc_count, adhoc_last; /* adhoc_last: the one that was asked for before */
    const char *record;             /* folder, or NULL */
    bool recorded;                  /* some record holds lines that are not in its file */
    bool record_failed, first_start;
    uint64_t started_ns;
};

/* CLOCK_MONOTONIC. */
uint64_t serve_now_ns(void);

struct serve_decision {
    enum pp_limiter_verdict verdict;
    uint64_t limit, window_ns, remaining;
    uint64_t reset_ns; /* until the whole limit is back, if nothing else comes */
    uint64_t retry_ns; /* until this request is admitted; PP_LIMITER_NEVER */
};

/* Rules as configured: those that stay as they were keep their limiter, the others get a new one
   that waits for its window, or the state that was saved for it.  false: nothing changed, and
   error says why. */
PP_MUST_CHECK bool serve_rules_apply(struct serve_rules *rules, const struct serve_config *config,
                                     char error[SERVE_ERROR_BYTES]);
void serve_rules_free(struct serve_rules *rules);

struct serve_rule *serve_rules_find(const struct serve_rules *rules, struct pp_bytes name);

/* The rule for these arguments of CL.THROTTLE, made when it is new: at most burst + 1 units in
   every window of (burst + 1) * period / count.  NULL and *error: why not. */
struct serve_rule *serve_rules_throttle(struct serve_rules *rules,
                                        const struct serve_config *config, uint64_t burst,
                                        uint64_t count, uint64_t period_s, const char **error);

/* One request under one rule.  charge false: only asked. */
void serve_rule_decide(struct serve_rules *rules, struct serve_rule *rule, struct pp_bytes key,
                       uint64_t weight, bool charge, struct serve_decision *decision);
/* One request under several rules, none of them twice: all that are not shadows admit and are
   charged, or none is.  Shadows are charged only with the others. */
enum { SERVE_TOGETHER_MAX = 8 };
bool serve_rules_decide(struct serve_rules *rules, struct serve_rule *const *rule, size_t count,
                        struct pp_bytes key, uint64_t weight, struct serve_decision *decisions);

/* Writes what was recorded to the files; before the answers are sent.  false: it did not work. */
PP_MUST_CHECK bool serve_rules_flush(struct serve_rules *rules);
/* Forgets some idle keys. */
void serve_rules_sweep(struct serve_rules *rules);

/* ---- The state over a restart (state.c) ---- */

/* Saves the rules with on_restart: resume into the folder; stderr tells what could not be saved. */
void serve_state_save(const struct serve_rules *rules, const char *folder);
/* Fills memory (bytes of zeros) with the state saved for the rule, and removes the file, so that it
   is never used twice.  false: there is none that fits; memory is unspecified then. */
PP_MUST_CHECK bool serve_state_load(const char *folder, const struct serve_rule_config *rule,
                                    void *memory, size_t bytes, struct pp_limiter **limiter);
/* Removes every saved state: what was not loaded is too old by the next start. */
PP_MUST_CHECK bool serve_state_clear(const char *folder);
/* The folder belongs to this process until it ends; -errno when another has it. */
PP_MUST_CHECK int serve_state_lock(const char *folder);

#endif
