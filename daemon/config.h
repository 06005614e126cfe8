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
    SERVE_ADHOC_MAX = 1024
};

enum serve_protocol { SERVE_HTTP, SERVE_RESP };

struct serve_listen {
    enum serve_protocol protocol;
    char address[SERVE_ADDRESS_BYTES]; /* HOST:PORT or unix:PATH */
};

struct serve_rule_config {
    char name[SERVE_NAME_BYTES];
    struct pp_limiter_config limiter; /* secret all zeros */
    bool shadow;                      /* decides and counts, but lets everything pass */
    int line;                         /* where the file says so */
    bool resume;                      /* on_restart: keep the state over a restart */
};

struct serve_config {
    struct serve_listen listen[SERVE_LISTEN_MAX];
    size_t listens;
    uint64_t connections;         /* at the same time */
    uint64_t idle_ns;             /* a connection without a whole request for so long is closed */
    char state[SERVE_PATH_BYTES]; /* folder for the state of resumed rules; empty: none */
    uint64_t adhoc;               /* rules made by CL.THROTTLE, at most; 0: no CL.THROTTLE */
    uint64_t adhoc_keys, adhoc_memory;
    struct serve_rule_config rules[SERVE_RULES_MAX];
    size_t rule_count;
};

enum { SERVE_ERROR_BYTES = 512 };

/* Reads the file; on failure error is "FILE:LINE: what is wrong" and *config is unspecified. */
PP_MUST_CHECK bool serve_config_load(const char *path, struct serve_config *config,
                                     char error[SERVE_ERROR_BYTES]);

#endif
