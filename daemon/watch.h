/* SPDX-License-Identifier: MIT */
/* A second opinion on decisions: of each shard one key at a time is watched, and what the limiter
   says of it is compared with the specification as it is said, by code that shares nothing with it.
*/ #ifndef PP_SERVE_WATCH_H
#define PP_SERVE_WATCH_H

#include <stdbool.h>
#include <stdint.h>

#include <postproof/limiter_table.h>

enum {
    SERVE_WATCH_ADMISSIONS = 256, /* of a key in its window; a busier key is let go */
    SERVE_WATCH_WINDOWS = 4       /* so long a key is watched before another one gets its turn */
};

/* Zeros: nothing is watched. */
struct serve_watch {
    bool watching;
    struct pp_limiter_key key;
    uint64_t since_ns, last_ns; /* the first decision, the latest one */
    uint64_t units;             /* of the admissions that are kept */
    uint32_t first, count;
    struct {
        uint64_t time_ns, weight;
    } admissions[SERVE_WATCH_ADMISSIONS]; /* a ring, oldest first */
};

/* The rule as the specification has it.  Windows are whole ticks, as decisions are. */
struct serve_watch_rule {
    uint64_t limit, window_ns, tick_ns;
    bool judges_denials; /* false: keys may share a tier, where others use up the window */
};

enum serve_watch_finding {
    SERVE_WATCH_NOT_WATCHED,
    SERVE_WATCH_RIGHT,
    SERVE_WATCH_TOO_MANY,   /* admitted, and more than limit in (now - window, now] */
    SERVE_WATCH_UNJUSTIFIED /* denied, and it would have fit */
};

/* One decision, in the order of time; verdicts other than ADMIT and DENY are not judged. */
enum serve_watch_finding serve_watch_decision(struct serve_watch *watch,
                                              const struct serve_watch_rule *rule,
                                              struct pp_limiter_key key, uint64_t now_ns,
                                              uint64_t weight, enum pp_limiter_verdict verdict);

#endif
