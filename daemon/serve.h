/* SPDX-License-Identifier: MIT */
/* The daemon: limits over HTTP and RESP, decided by the limiters of src/limiter. */
#ifndef PP_SERVE_H
#define PP_SERVE_H

#include <stdbool.h>

struct serve_options {
    const char *config; /* path of the YAML file */
    const char *record; /* folder for the decisions of each rule, or NULL */
    bool first_start;   /* nothing was admitted before: no rule waits for a window */
    bool check_config;  /* read the file, say what is wrong with it, and end */
};

/* Serves until SIGTERM or SIGINT.  0: ended as asked; 2: it could not begin or go on, and stderr
   says why.  Only one thread of the process may exist. */
int serve_run(const struct serve_options *options);

#endif
