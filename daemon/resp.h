/* SPDX-License-Identifier: MIT */
/* The requests of RESP, the protocol of Redis clients (version 2), as bytes arrive. */
#ifndef PP_SERVE_RESP_H
#define PP_SERVE_RESP_H

#include <stddef.h>

#include <postproof/bytes.h>
#include <postproof/error.h>

enum { RESP_ARGUMENTS_MAX = 16, RESP_BULK_MAX = 65536, RESP_LINE_MAX = 65536 };

enum serve_parse {
    SERVE_PARSE_MORE, /* not all of a request is there */
    SERVE_PARSE_DONE, /* one request; used says how long it is */
    SERVE_PARSE_BAD   /* it can't be followed further: answer and close */
};

struct resp_command {
    struct pp_bytes argument[RESP_ARGUMENTS_MAX]; /* borrowed from the input */
    size_t count;                                 /* 0: an empty line, which gets no answer */
    const char *error;                            /* SERVE_PARSE_BAD: what is wrong */
};

/* An array of bulk strings, or words on a line. */
PP_MUST_CHECK enum serve_parse resp_parse(struct pp_bytes input, struct resp_command *command,
                                          size_t *used);

#endif
