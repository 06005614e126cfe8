/* SPDX-License-Identifier: MIT */
/* From raw telemetry to entries: line splitting, plain lines, JSON lines, RFC 5424 and RFC 3164
   syslog.  No I/O and no clock; nothing is ever rejected: what does not parse is kept as it is. */
#ifndef PP_INGEST_H
#define PP_INGEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <postproof/ledger.h>

enum pp_ingest_format { PP_INGEST_PLAIN, PP_INGEST_JSONL, PP_INGEST_SYSLOG };

struct pp_ingest_options {
    enum pp_ingest_format format;
    struct pp_bytes source; /* used where the line names none; 1 to 255 bytes */
    uint8_t level;          /* used where the line names none */
};

/* Room that one parsed line may need beyond the line itself. */
struct pp_ingest_scratch {
    uint8_t source[PP_SOURCE_BYTES_MAX];
};

/* Fills *entry (kind data, seq 0) from one line without its line end.  The body is always the line
   as it came, byte for byte, so that nothing is lost; time, level and source are read from it where
   the format has them (time: now_ns otherwise).  Borrows from line, options and scratch.
   Returns true when the line followed the format (always for plain), false when the defaults were
   used because it did not. */
bool pp_ingest_line(const struct pp_ingest_options *options, struct pp_bytes line, uint64_t now_ns,
                    struct pp_ingest_scratch *scratch, struct pp_entry *entry);

/* Splits a stream into lines at '\n'; a '\r' before it belongs to the line.  A line of cap bytes or
   more is reported in parts, so that the caller can hash and store it beside.  Call _next until it
   returns NONE before the next _space: then there is room for at least one byte. */
struct pp_line_splitter {
    uint8_t *buffer; /* the caller's */
    size_t cap, start, end;
    size_t scanned; /* the bytes from start to here hold no '\n' */
    bool in_long_line;
};
enum pp_line_part {
    PP_LINE_NONE,      /* no complete line buffered: add more bytes */
    PP_LINE_WHOLE,     /* a whole line */
    PP_LINE_LONG_PART, /* the next part of a line that does not fit; more follow */
    PP_LINE_LONG_END   /* the last part of such a line (may be empty) */
};
void pp_line_splitter_init(struct pp_line_splitter *splitter, uint8_t *buffer, size_t cap);
/* Where to read more bytes to, and how many fit; then say how many came. */
uint8_t *pp_line_splitter_space(struct pp_line_splitter *splitter, size_t *room);
void pp_line_splitter_added(struct pp_line_splitter *splitter, size_t bytes);
/* The next piece, without its '\n', borrowed until the next _space call. */
enum pp_line_part pp_line_splitter_next(struct pp_line_splitter *splitter, struct pp_bytes *line);
/* At the end of the stream: what _next still has, then a last line without '\n', as WHOLE or
   LONG_END; NONE when there is none. */
enum pp_line_part pp_line_splitter_finish(struct pp_line_splitter *splitter, struct pp_bytes *line);

#endif
