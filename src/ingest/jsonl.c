/* SPDX-License-Identifier: MIT */
/* JSON lines: a scanner that finds the members of one top-level object in one pass, without
   recursion or memory, and reads time, level and source from those whose names are known. */
#include <string.h>

#include "../base/base.h"
#include "ingest_internal.h"

/* Members that are read, in order of preference within time, level and source. */
enum name {
    NAME_TIME,
    NAME_TS,
    NAME_TIMESTAMP,
    NAME_AT_TIMESTAMP,
    NAME_TIME_UNIX_NANO,
    NAME_REALTIME_TIMESTAMP,
    NAME_T,
    NAME_LEVEL,
    NAME_SEVERITY,
    NAME_LVL,
    NAME_PRIORITY,
    NAME_SEVERITY_NUMBER,
    NAME_LEVELNAME,
    NAME_SEVERITY_TEXT,
    NAME_SOURCE,
    NAME_SERVICE,
    NAME_SERVICE_NAME,
    NAME_LOGGER,
    NAME_APP,
    NAME_SYSLOG_IDENTIFIER,
    NAME_SYSTEMD_UNIT,
    NAME_NAME,
    NAME_COUNT
};

#define TEXT(literal)                                                                              \
    {                                                                                              \
        (const uint8_t *)(literal), sizeof(literal) - 1                                            \
    }
static const struct pp_bytes NAMES[NAME_COUNT] = {
    [NAME_TIME] = TEXT("time"),
    [NAME_TS] = TEXT("ts"),
    [NAME_TIMESTAMP] = TEXT("timestamp"),
    [NAME_AT_TIMESTAMP] = TEXT("@timestamp"),
    [NAME_TIME_UNIX_NANO] = TEXT("timeUnixNano"),
    [NAME_REALTIME_TIMESTAMP] = TEXT("__REALTIME_TIMESTAMP"),
    [NAME_T] = TEXT("t"),
    [NAME_LEVEL] = TEXT("level"),
    [NAME_SEVERITY] = TEXT("severity"),
    [NAME_LVL] = TEXT("lvl"),
    [NAME_PRIORITY] = TEXT("PRIORITY"),
    [NAME_SEVERITY_NUMBER] = TEXT("severityNumber"),
    [NAME_LEVELNAME] = TEXT("levelname"),
    [NAME_SEVERITY_TEXT] = TEXT("severityText"),
    [NAME_SOURCE] = TEXT("source"),
    [NAME_SERVICE] = TEXT("service"),
    [NAME_SERVICE_NAME] = TEXT("service.name"),
    [NAME_LOGGER] = TEXT("logger"),
    [NAME_APP] = TEXT("app"),
    [NAME_SYSLOG_IDENTIFIER] = TEXT("SYSLOG_IDENTIFIER"),
    [NAME_SYSTEMD_UNIT] = TEXT("_SYSTEMD_UNIT"),
    [NAME_NAME] = TEXT("name"),
};
#undef TEXT

enum value_kind { VALUE_STRING, VALUE_NUMBER, VALUE_OTHER };
struct value {
    enum value_kind kind;
    struct pp_bytes text; /* of a string: what stands between the quotes */
};

/* The first value of each name that the line has. */
struct members {
    uint32_t seen; /* bit n: values[n] is set */
    struct value values[NAME_COUNT];
};
_Static_assert(NAME_COUNT <= 32, "one bit per name");

/* ---- Strings ------------------------------------------------------------------------------- */

/* Behind the opening quote: the text up to the closing one, which is skipped. */
static bool take_string(struct pp_bytes *rest, struct pp_bytes *text)
{
    size_t from = 0;
    while (from < rest->len) {
        const uint8_t *quote = memchr(rest->data + from, '"', rest->len - from);
        if (quote == NULL)
            return false;
        size_t at = (size_t)(quote - rest->data), backslashes = 0;
        while (backslashes < at - from && rest->data[at - 1 - backslashes] == '\\')
            backslashes++;
        if (backslashes % 2 == 0) {
            *text = (struct pp_bytes){rest->data, at};
            pp_ingest_skip(rest, at + 1);
            return true;
        }
        from = at + 1;
    }
    return false;
}

static bool take_hex4(struct pp_bytes *rest, uint32_t *unit)
{
    uint32_t sum = 0;
    if (rest->len < 4)
        return false;
    for (size_t i = 0; i < 4; i++) {
        uint8_t byte = rest->data[i], lower = byte | 0x20;
        if (pp_ingest_is_digit(byte))
            sum = sum * 16 + (uint32_t)(byte - '0');
        else if (lower >= 'a' && lower <= 'f')
            sum = sum * 16 + (uint32_t)(lower - 'a') + 10;
        else
            return false;
    }
    pp_ingest_skip(rest, 4);
    *unit = sum;
    return true;
}

/* Behind "\u": a code point; half a surrogate pair becomes U+FFFD. */
static bool take_code_point(struct pp_bytes *rest, uint32_t *code)
{
    enum { REPLACEMENT = 0xfffd };
    uint32_t low;
    if (!take_hex4(rest, code))
        return false;
    if (*code < 0xd800 || *code > 0xdfff)
        return true;
    struct pp_bytes after = *rest;
    bool pair = *code < 0xdc00 && pp_ingest_take(&after, '\\') && pp_ingest_take(&after, 'u') &&
                take_hex4(&after, &low) && low >= 0xdc00 && low <= 0xdfff;
    if (!pair) {
        *code = REPLACEMENT;
        return true;
    }
    *code = 0x10000 + ((*code - 0xd800) << 10) + (low - 0xdc00);
    *rest = after;
    return true;
}

static size_t utf8_encode(uint32_t code, uint8_t out[4])
{
    static const uint8_t LEADS[5] = {0, 0, 0xc0, 0xe0, 0xf0};
    size_t bytes = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    for (size_t i = bytes - 1; i > 0; i--) {
        out[i] = (uint8_t)(0x80 | (code & 0x3f));
        code >>= 6;
    }
    out[0] = (uint8_t)(LEADS[bytes] | code);
    return bytes;
}

/* Behind a backslash. */
static bool take_escape(struct pp_bytes *rest, uint8_t out[4], size_t *bytes)
{
    static const char LETTERS[] = "\"\\/bfnrt", MEANINGS[] = "\"\\/\b\f\n\r\t";
    uint32_t code;
    if (pp_ingest_take(rest, 'u')) {
        if (!take_code_point(rest, &code))
            return false;
        *bytes = utf8_encode(code, out);
        return true;
    }
    for (size_t i = 0; i < sizeof LETTERS - 1; i++) {
        if (!pp_ingest_take(rest, (uint8_t)LETTERS[i]))
            continue;
        out[0] = (uint8_t)MEANINGS[i];
        *bytes = 1;
        return true;
    }
    return false;
}

/* The next character of a string that is not empty, decoded. */
static bool take_character(struct pp_bytes *rest, uint8_t out[4], size_t *bytes)
{
    if (pp_ingest_take(rest, '\\'))
        return take_escape(rest, out, bytes);
    *bytes = pp_ingest_character_bytes(*rest);
    memcpy(out, rest->data, *bytes);
    pp_ingest_skip(rest, *bytes);
    return true;
}

/* Room beyond a limit that lets the length of a decoded text show that it was cut: a cut wastes at
   most three bytes. */
enum { CUT_BYTES = 4 };

/* Replaces text by its meaning: itself when it has no escapes, else as many whole characters as
   fit cap at buffer.  False on an escape that JSON does not have. */
static bool decode(struct pp_bytes *text, uint8_t *buffer, size_t cap)
{
    struct pp_bytes rest = *text;
    size_t len = 0;
    if (rest.len == 0 || memchr(rest.data, '\\', rest.len) == NULL)
        return true;
    while (rest.len > 0) {
        uint8_t character[4];
        size_t bytes;
        if (!take_character(&rest, character, &bytes))
            return false;
        if (len + bytes > cap)
            break;
        memcpy(buffer + len, character, bytes);
        len += bytes;
    }
    *text = (struct pp_bytes){buffer, len};
    return true;
}

/* ---- Scanner ------------------------------------------------------------------------------- */

static void skip_space(struct pp_bytes *rest)
{
    while (rest->len > 0 && (rest->data[0] == ' ' || rest->data[0] == '\t' ||
                             rest->data[0] == '\r' || rest->data[0] == '\n'))
        pp_ingest_skip(rest, 1);
}

static bool skip_digits(struct pp_bytes *rest)
{
    bool any = false;
    while (rest->len > 0 && pp_ingest_is_digit(rest->data[0])) {
        pp_ingest_skip(rest, 1);
        any = true;
    }
    return any;
}

static bool take_number(struct pp_bytes *rest, struct pp_bytes *text)
{
    const uint8_t *start = rest->data;
    (void)pp_ingest_take(rest, '-');
    if (!pp_ingest_take(rest, '0') && !skip_digits(rest))
        return false;
    if (pp_ingest_take(rest, '.') && !skip_digits(rest))
        return false;
    if (pp_ingest_take(rest, 'e') || pp_ingest_take(rest, 'E')) {
        if (!pp_ingest_take(rest, '-'))
            (void)pp_ingest_take(rest, '+');
        if (!skip_digits(rest))
            return false;
    }
    *text = (struct pp_bytes){start, (size_t)(rest->data - start)};
    return true;
}

static bool skip_word(struct pp_bytes *rest, const char *word, size_t len)
{
    if (rest->len < len || memcmp(rest->data, word, len) != 0)
        return false;
    pp_ingest_skip(rest, len);
    return true;
}

/* From an opening bracket to the one that closes it.  Of what is inside only strings and brackets
   are looked at; which kind each open bracket has is a bit of a stack in one integer. */
static bool skip_nested(struct pp_bytes *rest)
{
    enum { DEPTH_MAX = 63 }; /* with the line's own object 64 */
    uint64_t objects = 0;
    unsigned depth = 0;
    while (rest->len > 0) {
        uint8_t byte = rest->data[0];
        struct pp_bytes ignored;
        pp_ingest_skip(rest, 1);
        if (byte == '"') {
            if (!take_string(rest, &ignored))
                return false;
        } else if (byte == '{' || byte == '[') {
            if (depth++ == DEPTH_MAX)
                return false;
            objects = objects << 1 | (byte == '{');
        } else if (byte == '}' || byte == ']') {
            if ((objects & 1) != (byte == '}'))
                return false;
            objects >>= 1;
            if (--depth == 0)
                return true;
        }
    }
    return false;
}

static bool take_value(struct pp_bytes *rest, struct value *value)
{
    value->kind = VALUE_OTHER;
    if (rest->len == 0)
        return false;
    switch (rest->data[0]) {
    case '"':
        pp_ingest_skip(rest, 1);
        value->kind = VALUE_STRING;
        return take_string(rest, &value->text);
    case '{':
    case '[':
        return skip_nested(rest);
    case 't':
        return skip_word(rest, "true", 4);
    case 'f':
        return skip_word(rest, "false", 5);
    case 'n':
        return skip_word(rest, "null", 4);
    default:
        value->kind = VALUE_NUMBER;
        return take_number(rest, &value->text);
    }
}

static unsigned find_name(struct pp_bytes key)
{
    enum { NAME_BYTES_MAX = 20 };
    uint8_t buffer[NAME_BYTES_MAX + CUT_BYTES];
    unsigned name = 0;
    if (!decode(&key, buffer, sizeof buffer) || key.len > NAME_BYTES_MAX)
        return NAME_COUNT;
    while (name < NAME_COUNT &&
           (key.len != NAMES[name].len || memcmp(key.data, NAMES[name].data, key.len) != 0))
        name++;
    return name;
}

/* "key": value */
static bool take_member(struct pp_bytes *rest, struct members *members)
{
    struct pp_bytes key;
    struct value value;
    if (!pp_ingest_take(rest, '"') || !take_string(rest, &key))
        return false;
    skip_space(rest);
    if (!pp_ingest_take(rest, ':'))
        return false;
    skip_space(rest);
    if (!take_value(rest, &value))
        return false;
    unsigned name = find_name(key);
    if (name < NAME_COUNT && !(members->seen >> name & 1)) {
        members->values[name] = value;
        members->seen |= UINT32_C(1) << name;
    }
    return true;
}

/* All of line as one object. */
static bool scan(struct pp_bytes line, struct members *members)
{
    members->seen = 0;
    skip_space(&line);
    if (!pp_ingest_take(&line, '{'))
        return false;
    skip_space(&line);
    if (!pp_ingest_take(&line, '}')) {
        bool more;
        do {
            skip_space(&line);
            if (!take_member(&line, members))
                return false;
            skip_space(&line);
            more = pp_ingest_take(&line, ',');
        } while (more);
        if (!pp_ingest_take(&line, '}'))
            return false;
    }
    skip_space(&line);
    return line.len == 0;
}

/* ---- Choice -------------------------------------------------------------------------------- */

/* The text of a string or number into *text; buffer is for escapes. */
static bool text_of(const struct members *members, unsigned name, uint8_t *buffer, size_t cap,
                    struct pp_bytes *text)
{
    if (!(members->seen >> name & 1) || members->values[name].kind == VALUE_OTHER)
        return false;
    *text = members->values[name].text;
    return members->values[name].kind == VALUE_NUMBER || decode(text, buffer, cap);
}

static bool read_time(struct pp_bytes text, unsigned name, uint64_t *time_ns)
{
    if (name == NAME_REALTIME_TIMESTAMP)
        return pp_ingest_time_number(text, PP_TIME_MICROSECONDS, time_ns);
    /* OTLP says "unknown" with 0. */
    if (name == NAME_TIME_UNIX_NANO)
        return !(text.len == 1 && text.data[0] == '0') &&
               pp_ingest_time_number(text, PP_TIME_NANOSECONDS, time_ns);
    if (pp_ingest_time_number(text, PP_TIME_BY_SIZE, time_ns))
        return true;
    uint64_t found_ns;
    if (!pp_ingest_time_iso(&text, PP_TIME_LOOSE, &found_ns) || text.len > 0)
        return false;
    *time_ns = found_ns;
    return true;
}

static void choose_time(const struct members *members, uint64_t *time_ns)
{
    enum { TIME_BYTES_MAX = 64 };
    uint8_t buffer[TIME_BYTES_MAX + CUT_BYTES];
    struct pp_bytes text;
    for (unsigned name = NAME_TIME; name <= NAME_T; name++)
        if (text_of(members, name, buffer, sizeof buffer, &text) && text.len <= TIME_BYTES_MAX &&
            read_time(text, name, time_ns))
            return;
}

/* What a number means depends on who writes it: OTLP 1 to 24, syslog (also journald and GELF) 0 to
   7, pino and bunyan 10 to 69. */
static bool level_of_number(uint64_t number, unsigned name, uint8_t *level)
{
    static const uint8_t SYSLOG[8] = {PP_FATAL, PP_FATAL, PP_FATAL, PP_ERROR,
                                      PP_WARN,  PP_INFO,  PP_INFO,  PP_DEBUG};
    bool is_otlp = name == NAME_SEVERITY_NUMBER;
    if (is_otlp && number >= 1 && number <= 24)
        *level = (uint8_t)((number - 1) / 4);
    else if (!is_otlp && number < 8)
        *level = SYSLOG[number];
    else if (!is_otlp && name != NAME_PRIORITY && number >= 10 && number < 70)
        *level = (uint8_t)(number / 10 - 1);
    else
        return false;
    return true;
}

static void choose_level(const struct members *members, uint8_t *level)
{
    enum { LEVEL_BYTES_MAX = 32 };
    uint8_t buffer[LEVEL_BYTES_MAX + CUT_BYTES];
    struct pp_bytes text;
    uint64_t number;
    for (unsigned name = NAME_LEVEL; name <= NAME_SEVERITY_TEXT; name++) {
        if (!text_of(members, name, buffer, sizeof buffer, &text) || text.len > LEVEL_BYTES_MAX)
            continue;
        bool found = pp_decimal_decode(text, &number) ? level_of_number(number, name, level)
                                                      : pp_level_parse(text, level);
        if (found)
            return;
    }
}

static void choose_source(const struct members *members, struct pp_ingest_scratch *scratch,
                          struct pp_bytes *source)
{
    struct pp_bytes text;
    for (unsigned name = NAME_SOURCE; name <= NAME_NAME; name++) {
        if (!text_of(members, name, scratch->source, sizeof scratch->source, &text) ||
            text.len == 0 || members->values[name].kind != VALUE_STRING)
            continue;
        *source = pp_ingest_source_clip(text);
        return;
    }
}

bool pp_ingest_jsonl(struct pp_bytes line, struct pp_ingest_scratch *scratch,
                     struct pp_entry *entry)
{
    struct members members;
    if (!scan(line, &members))
        return false;
    choose_time(&members, &entry->time_ns);
    choose_level(&members, &entry->level);
    choose_source(&members, scratch, &entry->source);
    return true;
}
