/* SPDX-License-Identifier: MIT */
/* What the line formats share: times as logs write them, and the two parsers behind
   pp_ingest_line.  docs/format/ingest.md says what is read. */
#ifndef PP_INGEST_INTERNAL_H
#define PP_INGEST_INTERNAL_H

#include "ingest.h"

/* ---- Formats: fill time, level and source where the line has them; on false *entry is unchanged
 */

bool pp_ingest_jsonl(struct pp_bytes line, struct pp_ingest_scratch *scratch,
                     struct pp_entry *entry);
bool pp_ingest_syslog(struct pp_bytes line, uint64_t now_ns, struct pp_entry *entry);

/* ---- Times: on success *rest moves behind the time; on false nothing changes --------------- */

enum pp_time_form {
    PP_TIME_RFC3339, /* 'T' and an offset are required */
    PP_TIME_LOOSE    /* also a space for 'T', and no offset: UTC */
};
bool pp_ingest_time_iso(struct pp_bytes *rest, enum pp_time_form form, uint64_t *time_ns);
/* "Mmm dd hh:mm:ss" of RFC 3164, UTC, in the year that makes it latest but at most one day after
   now_ns. */
bool pp_ingest_time_bsd(struct pp_bytes *rest, uint64_t now_ns, uint64_t *time_ns);

enum pp_time_unit { PP_TIME_BY_SIZE, PP_TIME_MICROSECONDS, PP_TIME_NANOSECONDS };
/* A decimal number, all of text, since 1970; by size: below 1e11 seconds, 1e14 ms, 1e17 us. */
bool pp_ingest_time_number(struct pp_bytes text, enum pp_time_unit unit, uint64_t *time_ns);

/* ---- Bytes --------------------------------------------------------------------------------- */

/* Length of the UTF-8 character that text (not empty) begins with; 1 where it is not UTF-8. */
size_t pp_ingest_character_bytes(struct pp_bytes text);
/* The longest prefix of whole characters that fits a source. */
struct pp_bytes pp_ingest_source_clip(struct pp_bytes text);

static inline void pp_ingest_skip(struct pp_bytes *rest, size_t count)
{
    rest->data += count;
    rest->len -= count;
}

static inline bool pp_ingest_take(struct pp_bytes *rest, uint8_t byte)
{
    if (rest->len == 0 || rest->data[0] != byte)
        return false;
    pp_ingest_skip(rest, 1);
    return true;
}

static inline bool pp_ingest_is_digit(uint8_t byte)
{
    return byte >= '0' && byte <= '9';
}

#endif
