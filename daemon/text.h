/* SPDX-License-Identifier: MIT */
/* Text in bounded memory: what answers are written with, and the values of URLs and rules. */
#ifndef PP_SERVE_TEXT_H
#define PP_SERVE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <postproof/bytes.h>
#include <postproof/error.h>

/* Grows up to cap and no further: what does not fit sets overflow and is left out whole. */
struct serve_out {
    char *data;
    size_t len, cap;
    bool overflow;
};

/* Here, so that the length of a literal is known when it is compiled. */
static inline void serve_put(struct serve_out *out, const void *data, size_t len)
{
    if (len > out->cap - out->len) {
        out->overflow = true;
        return;
    }
    if (len != 0)
        memcpy(out->data + out->len, data, len);
    out->len += len;
}

static inline void serve_put_text(struct serve_out *out, const char *text)
{
    serve_put(out, text, strlen(text));
}

void serve_put_number(struct serve_out *out, uint64_t value);
/* Bytes other than letters, digits and "-._~:/" as %XX: one word without blanks for any key. */
void serve_put_escaped(struct serve_out *out, struct pp_bytes bytes);

/* Seconds, rounded up, so that a client that waits as long as it was told is not too early. */
uint64_t serve_seconds(uint64_t ns);

/* "%41+b" is "A b"; in place, false when a % is not followed by two hex digits. */
PP_MUST_CHECK bool serve_unescape(uint8_t *data, size_t *len);

PP_MUST_CHECK bool serve_parse_number(struct pp_bytes text, uint64_t max, uint64_t *out);
/* A whole number with ns, us, ms, s, m, h or d. */
PP_MUST_CHECK bool serve_parse_duration(struct pp_bytes text, uint64_t *out);
/* A whole number, alone or with KiB, MiB or GiB. */
PP_MUST_CHECK bool serve_parse_size(struct pp_bytes text, uint64_t *out);

/* Whether the bytes are this text; the second form takes capitals for small letters. */
static inline bool serve_is(struct pp_bytes bytes, const char *text)
{
    size_t len = strlen(text);
    return bytes.len == len && memcmp(bytes.data, text, len) == 0;
}

bool serve_is_word(struct pp_bytes bytes, const char *text);

#endif
