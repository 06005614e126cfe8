/* SPDX-License-Identifier: MIT */
/* The requests of HTTP/1.1 (RFC 9112), strictly: what could be read in two ways is refused. */
#ifndef PP_SERVE_HTTP_H
#define PP_SERVE_HTTP_H

#include <stdbool.h>
#include <stddef.h>

#include "resp.h"

enum { HTTP_HEAD_MAX = 212992, HTTP_BODY_MAX = 212992 }; /* a key of 64 KiB, each byte as %XX */

enum http_method { HTTP_GET, HTTP_HEAD, HTTP_POST, HTTP_OTHER_METHOD };

struct http_request {
    enum http_method method;
    struct pp_bytes path, query, body; /* borrowed from the input; query without its '?' */
    bool close;                        /* the connection ends after the answer */
    int status;                        /* SERVE_PARSE_BAD: the answer, such as 400 */
    const char *error;                 /* SERVE_PARSE_BAD: what is wrong */
};

PP_MUST_CHECK enum serve_parse http_parse(struct pp_bytes input, struct http_request *request,
                                          size_t *used);

#endif
