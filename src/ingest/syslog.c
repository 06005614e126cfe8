/* SPDX-License-Identifier: MIT */
/* Syslog lines: RFC 5424, RFC 3164, and what syslog daemons write to files (no <PRI>, or an
   RFC 3339 time). */
#include <string.h>

#include "ingest_internal.h"

/* "<0>" to "<191>"; the severity is its lowest three bits. */
static bool take_priority(struct pp_bytes *rest, uint8_t *level)
{
    static const uint8_t LEVELS[8] = {PP_FATAL, PP_FATAL, PP_FATAL, PP_ERROR,
                                      PP_WARN,  PP_INFO,  PP_INFO,  PP_DEBUG};
    enum { PRIORITY_MAX = 191 };
    struct pp_bytes after = *rest;
    unsigned priority = 0, digits = 0;
    if (!pp_ingest_take(&after, '<'))
        return false;
    while (digits < 3 && after.len > 0 && pp_ingest_is_digit(after.data[0])) {
        priority = priority * 10 + (unsigned)(after.data[0] - '0');
        pp_ingest_skip(&after, 1);
        digits++;
    }
    if (digits == 0 || priority > PRIORITY_MAX || !pp_ingest_take(&after, '>'))
        return false;
    *level = LEVELS[priority % 8];
    *rest = after;
    return true;
}

/* The bytes up to the next space or the end, possibly none; the space stays. */
static struct pp_bytes take_word(struct pp_bytes *rest)
{
    const uint8_t *space = rest->len > 0 ? memchr(rest->data, ' ', rest->len) : NULL;
    size_t len = space != NULL ? (size_t)(space - rest->data) : rest->len;
    struct pp_bytes word = {rest->data, len};
    pp_ingest_skip(rest, len);
    return word;
}

static bool is_nil(struct pp_bytes word)
{
    return word.len == 1 && word.data[0] == '-';
}

/* ---- RFC 5424 ------------------------------------------------------------------------------ */

/* A header field: a word that is not empty, and the space behind it. */
static bool take_field(struct pp_bytes *rest, struct pp_bytes *field)
{
    *field = take_word(rest);
    return field->len > 0 && pp_ingest_take(rest, ' ');
}

/* One "[id name="value" ...]"; a ']' inside quotes does not end it. */
static bool skip_element(struct pp_bytes *rest)
{
    bool quoted = false;
    for (size_t i = 1; i < rest->len; i++) {
        uint8_t byte = rest->data[i];
        if (byte == '"') {
            quoted = !quoted;
        } else if (quoted && byte == '\\') {
            i++;
        } else if (!quoted && byte == ']') {
            pp_ingest_skip(rest, i + 1);
            return true;
        }
    }
    return false;
}

static bool skip_structured_data(struct pp_bytes *rest)
{
    if (pp_ingest_take(rest, '-'))
        return true;
    if (rest->len == 0 || rest->data[0] != '[')
        return false;
    while (rest->len > 0 && rest->data[0] == '[')
        if (!skip_element(rest))
            return false;
    return true;
}

/* Behind "<PRI>1 ": TIMESTAMP HOST APP PROCID MSGID SD [MSG]. */
static bool parse_5424(struct pp_bytes rest, struct pp_entry *entry)
{
    struct pp_bytes time, host, app, process, message;
    if (!take_field(&rest, &time))
        return false;
    if (!is_nil(time) &&
        (!pp_ingest_time_iso(&time, PP_TIME_RFC3339, &entry->time_ns) || time.len > 0))
        return false;
    if (!take_field(&rest, &host) || !take_field(&rest, &app) || !take_field(&rest, &process) ||
        !take_field(&rest, &message) || !skip_structured_data(&rest))
        return false;
    if (rest.len > 0 && rest.data[0] != ' ')
        return false;
    if (!is_nil(app))
        entry->source = pp_ingest_source_clip(app);
    return true;
}

/* ---- RFC 3164 ------------------------------------------------------------------------------ */

/* What stands before "[pid]:", ':' or the end of the word. */
static struct pp_bytes tag_name(struct pp_bytes word)
{
    size_t len = 0;
    while (len < word.len && word.data[len] != '[' && word.data[len] != ':')
        len++;
    return pp_ingest_source_clip((struct pp_bytes){word.data, len});
}

/* Behind the optional <PRI>: TIME [HOST] TAG[PID]: MSG.  The host is missing in what syslog(3) and
   logger(1) send on the same machine: there the first word ends with ':'. */
static bool parse_3164(struct pp_bytes rest, uint64_t now_ns, struct pp_entry *entry)
{
    if (!pp_ingest_time_bsd(&rest, now_ns, &entry->time_ns) &&
        !pp_ingest_time_iso(&rest, PP_TIME_RFC3339, &entry->time_ns))
        return false;
    if (!pp_ingest_take(&rest, ' '))
        return false;
    struct pp_bytes tag = take_word(&rest);
    bool is_host = tag.len == 0 || tag.data[tag.len - 1] != ':';
    if (is_host && pp_ingest_take(&rest, ' '))
        tag = take_word(&rest);
    else if (is_host)
        tag.len = 0;
    tag = tag_name(tag);
    if (tag.len > 0)
        entry->source = tag;
    return true;
}

bool pp_ingest_syslog(struct pp_bytes line, uint64_t now_ns, struct pp_entry *entry)
{
    struct pp_entry found = *entry;
    struct pp_bytes rest = line;
    /* Files from other systems end their lines with "\r\n". */
    if (rest.len > 0 && rest.data[rest.len - 1] == '\r')
        rest.len--;
    bool has_priority = take_priority(&rest, &found.level);
    bool is_5424 = has_priority && rest.len >= 2 && rest.data[0] == '1' && rest.data[1] == ' ';
    if (is_5424)
        pp_ingest_skip(&rest, 2);
    if (!(is_5424 ? parse_5424(rest, &found) : parse_3164(rest, now_ns, &found)))
        return false;
    *entry = found;
    return true;
}
