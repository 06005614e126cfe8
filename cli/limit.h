/* SPDX-License-Identifier: MIT */
/* What the parts of the verb limit share. */
#ifndef POSTPROOF_CLI_LIMIT_H
#define POSTPROOF_CLI_LIMIT_H

#include "cli.h"

enum limit_recorded { LIMIT_UNRECORDED, LIMIT_DENIED, LIMIT_ALLOWED };

/* One request of a history. */
struct limit_request {
    uint64_t time_ns, weight;
    struct pp_bytes key; /* borrowed from the line */
    enum limit_recorded recorded;
};

/* "time_ns key [weight] [allow|deny]"; NULL, or what is wrong with the line. */
const char *limit_parse_event(struct pp_bytes line, struct limit_request *request);
/* A line of nginx's or Apache's access log, common or combined: the key is the client's address,
   the weight 1. */
const char *limit_parse_access(struct pp_bytes line, struct limit_request *request);

/* Lines of `postproof cat`: the decisions of one rule that postproof serve recorded to a ledger
   (docs/format/limiter.md), and what it says about them. */
struct limit_ledger {
    uint64_t limit, window_ns; /* what the check is for: the ledger must say the same */
    json_t *line;              /* the latest, from which a request borrows */
    char source[128], boot[40];
    uint64_t missing; /* decisions that the ledger says it lacks */
    bool sampled;     /* not every admission was to be recorded */
    bool new_boot;    /* the line is the first of another boot, with a new clock */
};
/* *is_request false: the line is no decision.  NULL, or what is wrong with the line. */
const char *limit_parse_ledger(struct pp_bytes line, struct limit_ledger *ledger,
                               struct limit_request *request, bool *is_request);
void limit_ledger_clean_up(struct limit_ledger *ledger);

/* ---- The limiter for each key (limit_replay.c) ---- */

struct limit_replay;
struct limit_replay *limit_replay_new(uint64_t limit, uint64_t window_ns);
void limit_replay_free(struct limit_replay *replay);
/* Whether the request is admitted; a weight of 1 to 2^31 - 1. */
bool limit_replay_decide(struct limit_replay *replay, const struct limit_request *request);

/* ---- The specification, slow and without any code of the limiter (limit_check.c) ---- */

struct limit_check;
struct limit_check *limit_check_new(uint64_t limit, uint64_t window_ns);
void limit_check_free(struct limit_check *check);
/* Whether the specification admits the request after what was admitted until now. */
bool limit_check_may_admit(struct limit_check *check, const struct limit_request *request);
/* The request was admitted, rightly or not. */
void limit_check_admitted(struct limit_check *check, const struct limit_request *request);

/* ---- The verb's parts ---- */

int limit_replay_command(int argc, char **argv);
int limit_bench_command(int argc, char **argv);

#endif
