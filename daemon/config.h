/* SPDX-License-Identifier: MIT */
/* The daemon's YAML file: where it listens, and its rules. */
#ifndef PP_SERVE_CONFIG_H
#define PP_SERVE_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <postproof/limiter_table.h>

enum {
    SERVE_NAME_BYTES = 65, /* of a rule, with the NUL */
    SERVE_RULES_MAX = 256,
    SERVE_LISTEN_MAX = 8,
    SERVE_ADDRESS_BYTES = 128,
    SERVE_PATH_BYTES = 1024,
    SERVE_ADHOC_MAX = 1024,
    SERVE_THREADS_MAX = 64,
    SERVE_SHARDS_A_THREAD = 8 /* two threads seldom meet in the same one */
};

enum serve_protocol { SERVE_HTTP, SERVE_RESP };

struct serve_listen {
    enum serve_protocol protocol;
    char address[SERVE_ADDRESS_BYTES]; /* HOST:PORT or unix:PATH */
};

struct serve_rule_config {
    char name[SERVE_NAME_BYTES];
    struct pp_limiter_config limiter; /* secret all zeros */
    uint32_t ipv4_bits, ipv6_bits;    /* keys are IP addresses, cut to so many bits; 0: any bytes */
    bool shadow;                      /* decides and counts, but lets everything pass */
    int line;                         /* where the file says so */
    bool resume;                      /* on_restart: keep the state over a restart */
};

/* Decisions that go to a ledger; ledger empty: none do. */
struct serve_record_config {
    char ledger[SERVE_PATH_BYTES],
        keys[SERVE_PATH_BYTES]; /* folders; keys empty: the ledger's own */
    uint64_t sampling;          /* one of so many admissions is recorded: 1 all, 0 none */
    uint64_t queue_bytes;       /* decisions that wait to be written */
    uint64_t interval_ns;       /* they are sealed at the latest after so long */
};

struct serve_config {
    struct serve_listen listen[SERVE_LISTEN_MAX];
    size_t listens;
    uint64_t threads;             /* that answer */
    uint64_t connections;         /* at the same time */
    uint64_t idle_ns;             /* a connection without a whole request for so long is closed */
    char state[SERVE_PATH_BYTES]; /* folder for the state of resumed rules; empty: none */
    uint64_t adhoc;               /* rules made by CL.THROTTLE, at most; 0: no CL.THROTTLE */
    uint64_t adhoc_keys, adhoc_memory;
    struct serve_rule_config rules[SERVE_RULES_MAX];
    size_t rule_count;
    struct serve_record_config record;
};

enum { SERVE_ERROR_BYTES = 512 };

/* Shards of each rule: a power of two, 1 for one thread. */
uint32_t serve_config_shards(uint64_t threads);
/* What one of so many shards is made with: its part of the keys and of the memory, and some more
   keys, since they don't spread evenly. */
struct pp_limiter_config serve_config_shard(const struct pp_limiter_config *whole, uint32_t shards);

/* Reads the file; on failure error is "FILE:LINE: what is wrong" and *config is unspecified. */
PP_MUST_CHECK bool serve_config_load(const char *path, struct serve_config *config,
                                     char error[SERVE_ERROR_BYTES]);

#endif
