/* SPDX-License-Identifier: MIT */
/* The bundle's core as src/store and the tests see it: text that is made, what a generator is told,
   the ZIP profile, the parts of docs/format/bundle.md.  No malloc, I/O, clock or globals. */
#ifndef PP_BUNDLE_INTERNAL_H
#define PP_BUNDLE_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <postproof/bytes.h>
#include <postproof/error.h>
#include <postproof/ledger.h>

/* ---- Text that is made ---------------------------------------------------------------------- */

/* Bytes in the caller's memory, behind each other.  The functions below add all they should or,
   with PP_ERROR_NO_SPACE, nothing.  Generators that take entries one at a time write to one; the
   caller takes the bytes away between two calls (len = 0) and offers PP_BUNDLE_ENTRY_ROOM. */
struct pp_bundle_text {
    uint8_t *data;
    size_t cap, len;
};
/* Free bytes that a generator finds at each call: six for each byte of the largest entry, as JSON
   needs at worst, several times over. */
enum { PP_BUNDLE_ENTRY_ROOM = 2 << 20 };

PP_MUST_CHECK enum pp_error pp_bundle_text_add(struct pp_bundle_text *text, struct pp_bytes bytes);
PP_MUST_CHECK enum pp_error pp_bundle_text_string(struct pp_bundle_text *text, const char *string);
PP_MUST_CHECK enum pp_error pp_bundle_text_number(struct pp_bundle_text *text, uint64_t number);
/* A JSON string (RFC 8259) with its quotes; bytes that are not UTF-8 become U+FFFD.  Everything is
   escaped that HTML or JavaScript could take for markup or a line end: <, >, &, U+2028, U+2029. */
PP_MUST_CHECK enum pp_error pp_bundle_text_json(struct pp_bundle_text *text, struct pp_bytes bytes);
/* "2026-01-31T12:00:00.123456789Z", without quotes. */
PP_MUST_CHECK enum pp_error pp_bundle_text_time(struct pp_bundle_text *text, uint64_t time_ns);
PP_MUST_CHECK enum pp_error pp_bundle_text_base64(struct pp_bundle_text *text,
                                                  struct pp_bytes bytes);
PP_MUST_CHECK enum pp_error pp_bundle_text_hex(struct pp_bundle_text *text, struct pp_bytes bytes);

/* UTF-8 as RFC 3629 has it: shortest forms, no surrogates. */
bool pp_bundle_is_utf8(struct pp_bytes bytes);
/* Length of the UTF-8 character at the start of bytes; 0 when there is none. */
size_t pp_bundle_utf8_length(struct pp_bytes bytes);

/* A time as UTC calendar fields, Gregorian, any uint64_t. */
struct pp_bundle_date {
    unsigned year, month, day, hour, minute, second; /* month and day from 1 */
    uint32_t nanosecond;
};
struct pp_bundle_date pp_bundle_date_of(uint64_t time_ns);

/* ---- What generators are told --------------------------------------------------------------- */

/* The bundle as a whole; the same for the same ledger, window and options.  Counts by level are
   for the range [first_seq, next_seq). */
struct pp_bundle_info {
    struct pp_bytes title, incident_id; /* may be empty */
    struct pp_bytes origin;             /* of the ledger, UTF-8 */
    struct pp_digest log_id;
    uint64_t from_ns, until_ns; /* the window asked for */
    uint64_t first_seq, next_seq;
    uint64_t first_ns, last_ns;       /* earliest and latest time of an entry in it */
    uint64_t sealed_ns;               /* realtime clock of the seal that ends the range */
    uint64_t entries[PP_LEVEL_COUNT]; /* in the range */
    uint64_t omitted[PP_LEVEL_COUNT]; /* of these, not in the bundle */
    uint64_t tree_size;               /* of the checkpoint */
    struct pp_digest tree_root;
};

#endif
