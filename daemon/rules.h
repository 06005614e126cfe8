/* SPDX-License-Identifier: MIT */
/* The rules that are in force, each with its limiter, and what the daemon knows beside them. */
#ifndef PP_SERVE_RULES_H
#define PP_SERVE_RULES_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "address.h"
#include "config.h"
#include "journal.h"
#include "text.h"
#include "watch.h"

/* A part of a rule's keys, each key always in the same one.  The lock guards all of it; the clock
   is read under it, so that time never goes back within a shard. */
struct serve_shard {
    pthread_mutex_t lock;
    struct pp_limiter *limiter;
    uint64_t last_ns;                          /* its latest decision */
    uint64_t verdicts[PP_LIMITER_WAITING + 1]; /* how many decisions ended so */
    uint64_t shadow_denied;                    /* let pass because the rule is only a shadow */
    uint64_t unsampled;                        /* admissions since the one last in the ledger */
    struct serve_watch watch;                  /* not of rules with buckets */
} __attribute__((aligned(64)));

struct serve_rule {
    struct serve_rule_config config;
    struct serve_shard *shards;
    uint32_t shard_count;            /* a power of two */
    size_t shard_bytes;              /* of one shard's memory, whole pages */
    uint8_t *memory;                 /* of all shards, from pp_os_buffer_alloc */
    bool resumed;                    /* goes on with a saved state */
    uint64_t tick_ns;                /* decisions are taken at multiples of it */
    uint64_t burst, count, period_s; /* the arguments of CL.THROTTLE that made it */
    struct serve_journal_source source;
    pthread_mutex_t record_lock;
    struct serve_out record; /* lines for its file; data NULL: not recorded */
    int record_fd;
};

/* What must never happen, counted from 0, and how many decisions a second opinion was had on.
   Rules come and go; these stay. */
struct serve_violations {
    atomic_uint_fast64_t watched, too_many, unjustified, no_memory;
};

/* Threads that decide hold the lock for reading: pointers to rules stay good so long.  Rules come
   and go under the lock for writing. */
struct serve_rules {
    pthread_rwlock_t lock;
    struct serve_rule *named[SERVE_RULES_MAX];
    size_t named_count;
    struct serve_rule *adhoc[SERVE_ADHOC_MAX];
    size_t adhoc_count;
    atomic_size_t adhoc_last; /* the one that was asked for before */
    const char *record;       /* folder, or NULL */
    atomic_bool record_failed;
    struct serve_journal *journal; /* the ledger of decisions, or NULL */
    struct serve_violations violations;
    bool first_start;
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

/* ---- One rule (rule.c) ---- */

/* What a new rule begins with. */
struct serve_rule_start {
    const char *resume; /* folder where its state may be, or NULL */
    uint64_t wait_from; /* see pp_limiter_init */
    bool wait;
    uint32_t shards;
};

/* NULL when there is no memory, or no file to record to. */
struct serve_rule *serve_rule_new(const struct serve_rules *rules,
                                  const struct serve_rule_config *config,
                                  const struct serve_rule_start *start);
void serve_rule_free(struct serve_rule *rule);
/* A line for its file, and all lines to the file; false: it could not be written. */
PP_MUST_CHECK bool serve_rule_record(struct serve_rule *rule, uint64_t now_ns, struct pp_bytes key,
                                     uint64_t weight, bool admitted);
PP_MUST_CHECK bool serve_rule_flush(struct serve_rule *rule);
/* The latest decision of any shard; for whoever holds the rules' lock for writing. */
uint64_t serve_rule_last_ns(const struct serve_rule *rule);

/* ---- All of them (rules.c) ---- */

PP_MUST_CHECK bool serve_rules_init(struct serve_rules *rules);
/* Rules as configured: those that stay as they were keep their limiter, the others get a new one
   that waits for its window, or the state that was saved for it.  false: nothing changed, and
   error says why.  Takes the lock for writing. */
PP_MUST_CHECK bool serve_rules_apply(struct serve_rules *rules, const struct serve_config *config,
                                     char error[SERVE_ERROR_BYTES]);
/* Frees the rules, and whatever serve_rules_init made. */
void serve_rules_free(struct serve_rules *rules);

struct serve_rule *serve_rules_find(const struct serve_rules *rules, struct pp_bytes name);

/* The rule for these arguments of CL.THROTTLE, made when it is new: at most burst + 1 units in
   every window of (burst + 1) * period / count.  NULL and *error: why not.  The caller holds the
   lock for reading, which may be let go and taken again meanwhile: older pointers are stale. */
struct serve_rule *serve_rules_throttle(struct serve_rules *rules,
                                        const struct serve_config *config, uint64_t burst,
                                        uint64_t count, uint64_t period_s, const char **error);

/* Writes what was recorded to the files; before the answers are sent.  false: it did not work. */
PP_MUST_CHECK bool serve_rules_flush(struct serve_rules *rules);
/* Forgets some idle keys, and tells the ledger what it did not get. */
void serve_rules_sweep(struct serve_rules *rules);

/* ---- Decisions (decide.c) ---- */

/* Whether the rule takes such a key: one for addresses takes nothing else. */
bool serve_rule_takes(const struct serve_rule *rule, struct pp_bytes key);
/* One request under one rule, which takes the key.  charge false: only asked. */
void serve_rule_decide(struct serve_rules *rules, struct serve_rule *rule, struct pp_bytes key,
                       uint64_t weight, bool charge, struct serve_decision *decision);
/* One request under several rules that take the key, none of them twice: all that are not shadows
   admit and are charged, or none is.  Shadows are charged only with the others. */
enum { SERVE_TOGETHER_MAX = 8 };
bool serve_rules_decide(struct serve_rules *rules, struct serve_rule *const *rule, size_t count,
                        struct pp_bytes key, uint64_t weight, struct serve_decision *decisions);

/* ---- The state over a restart (state.c) ---- */

/* Saves the rules with on_restart: resume into the folder; stderr tells what could not be saved. */
void serve_state_save(const struct serve_rules *rules, const char *folder);
/* Fills the rule's memory (of zeros) with the state saved for it, and removes the file, so that it
   is never used twice.  false: there is none that fits; memory is unspecified then. */
PP_MUST_CHECK bool serve_state_load(const char *folder, struct serve_rule *rule);
/* Removes every saved state: what was not loaded is too old by the next start. */
PP_MUST_CHECK bool serve_state_clear(const char *folder);
/* The folder belongs to this process until it ends; -errno when another has it. */
PP_MUST_CHECK int serve_state_lock(const char *folder);

#endif
