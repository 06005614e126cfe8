/* SPDX-License-Identifier: MIT */
/* Decisions on their way to a ledger: a queue that never waits, and the thread that empties it. */
#ifndef PP_SERVE_JOURNAL_H
#define PP_SERVE_JOURNAL_H

#include <stdbool.h>
#include <stdint.h>

#include <postproof/limiter_table.h>

#include "config.h"
#include "text.h"

struct serve_journal;

/* What the journal knows of one rule; kept with the rule, touched under the journal's lock. */
struct serve_journal_source {
    char name[SERVE_NAME_BYTES + 8]; /* "limiter/RULE" */
    uint64_t recorded;               /* decisions queued for the ledger */
    uint64_t dropped[2];             /* denials, admissions that the queue had no room for */
    uint64_t unreported[2];          /* of these, those without an entry that says so */
};

/* Opens the ledger for writing and starts the thread.  NULL: stderr says why not. */
struct serve_journal *serve_journal_open(const struct serve_record_config *config);
/* Waits until the queue has room. */
void serve_journal_drain(struct serve_journal *journal);
/* Writes what is queued, seals it and closes the ledger; false: stderr says what was lost. */
PP_MUST_CHECK bool serve_journal_close(struct serve_journal *journal);

/* A rule begins: with a saved state, or else a window of waiting and nothing admitted. */
void serve_journal_start(struct serve_journal *journal, struct serve_journal_source *source,
                         const struct serve_rule_config *rule, uint64_t now_ns, bool resumed);
/* One decision.  Without room in the queue it is counted, and an entry will say so. */
void serve_journal_add(struct serve_journal *journal, struct serve_journal_source *source,
                       uint64_t now_ns, struct pp_bytes key, uint64_t weight,
                       enum pp_limiter_verdict verdict);
/* Queues the entry that tells of decisions without one, if there is room by now. */
void serve_journal_report(struct serve_journal *journal, struct serve_journal_source *source,
                          uint64_t now_ns);
/* How many admissions one is recorded of: 0 none, 1 all. */
uint64_t serve_journal_sampling(const struct serve_journal *journal);

/* Decisions that the ledger should have and does not, of all rules that there ever were, and
   whether it failed: both from 0 on.  Without a journal nothing should be there. */
void serve_journal_losses(struct serve_journal *journal, uint64_t *lost, bool *failed);
/* A copy of the rule's counters. */
void serve_journal_read(struct serve_journal *journal, const struct serve_journal_source *source,
                        struct serve_journal_source *copy, bool *failed);

#endif
