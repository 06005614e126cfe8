/* SPDX-License-Identifier: MIT */
/* Line splitting in every chunking, and what each line format yields for good and bad lines. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "../../src/ingest/ingest.h"

#define SECOND UINT64_C(1000000000)

/* 2024-06-15 12:00:00 UTC */
static const uint64_t NOW = UINT64_C(1718452800) * SECOND;

static const char DEFAULT_SOURCE[] = "default";

/* ---- Parsing ------------------------------------------------------------------------------- */

struct expected {
    const char *line;
    bool parsed;
    uint64_t time_ns;
    uint8_t level;
    const char *source;
};

static bool parse_at(enum pp_ingest_format format, struct pp_bytes line, uint64_t now_ns,
                     struct pp_ingest_scratch *scratch, struct pp_entry *entry)
{
    struct pp_ingest_options options = {
        .format = format, .source = pp_bytes_of(DEFAULT_SOURCE), .level = PP_TRACE};
    memset(entry, 0xa5, sizeof *entry);
    bool parsed = pp_ingest_line(&options, line, now_ns, scratch, entry);
    assert_ptr_equal(entry->body.data, line.data);
    assert_int_equal(entry->body.len, line.len);
    assert_int_equal(entry->kind, PP_ENTRY_DATA);
    assert_int_equal(entry->seq, 0);
    return parsed;
}

static void check(enum pp_ingest_format format, const struct expected *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct pp_ingest_scratch scratch;
        struct pp_entry entry;
        const struct expected *want = &cases[i];
        bool parsed = parse_at(format, pp_bytes_of(want->line), NOW, &scratch, &entry);
        bool same = parsed == want->parsed && entry.time_ns == want->time_ns &&
                    entry.level == want->level && entry.source.len == strlen(want->source) &&
                    memcmp(entry.source.data, want->source, entry.source.len) == 0;
        if (!same)
            fail_msg("%s\ngot parsed %d time %llu level %d source %.*s", want->line, parsed,
                     (unsigned long long)entry.time_ns, entry.level, (int)entry.source.len,
                     (const char *)entry.source.data);
    }
}
#define CHECK(format, cases) check(format, cases, sizeof(cases) / sizeof((cases)[0]))

static void test_plain_reads_nothing(void **state)
{
    (void)state;
    static const struct expected CASES[] = {
        {"", true, NOW, PP_TRACE, "default"},
        {"{\"level\":\"error\"}", true, NOW, PP_TRACE, "default"},
        {"<11>Jun 14 15:16:01 host app: x", true, NOW, PP_TRACE, "default"},
    };
    CHECK(PP_INGEST_PLAIN, CASES);
}

#define T_2024 (UINT64_C(1704067200) * SECOND) /* 2024-01-01 00:00:00 UTC */

static void test_json_times(void **state)
{
    (void)state;
    static const struct expected CASES[] = {
        {"{\"time\":1704067200}", true, T_2024, PP_TRACE, "default"},
        {"{\"ts\":1704067200.123456789}", true, T_2024 + 123456789, PP_TRACE, "default"},
        {"{\"ts\":1704067200.1234567899}", true, T_2024 + 123456789, PP_TRACE, "default"},
        {"{\"ts\":1.7040672005e9}", true, T_2024 + SECOND / 2, PP_TRACE, "default"},
        {"{\"ts\":17040672005E-1}", true, T_2024 + SECOND / 2, PP_TRACE, "default"},
        {"{\"t\":1704067200001}", true, T_2024 + 1000000, PP_TRACE, "default"},
        {"{\"t\":1704067200001.5}", true, T_2024 + 1500000, PP_TRACE, "default"},
        {"{\"t\":1704067200000001}", true, T_2024 + 1000, PP_TRACE, "default"},
        {"{\"t\":1704067200000000001}", true, T_2024 + 1, PP_TRACE, "default"},
        {"{\"t\":\"1704067200000000001\"}", true, T_2024 + 1, PP_TRACE, "default"},
        {"{\"t\":18446744073709551615}", true, UINT64_MAX, PP_TRACE, "default"},
        {"{\"t\":18446744073709551616}", true, NOW, PP_TRACE, "default"},
        {"{\"t\":0}", true, 0, PP_TRACE, "default"},
        {"{\"t\":-1}", true, NOW, PP_TRACE, "default"},
        {"{\"t\":1e999}", true, NOW, PP_TRACE, "default"},
        {"{\"t\":20000000000}", true, NOW, PP_TRACE, "default"},
        {"{\"timeUnixNano\":\"1704067200000000001\"}", true, T_2024 + 1, PP_TRACE, "default"},
        {"{\"timeUnixNano\":\"5\"}", true, 5, PP_TRACE, "default"},
        {"{\"timeUnixNano\":\"0\"}", true, NOW, PP_TRACE, "default"},
        {"{\"__REALTIME_TIMESTAMP\":\"1704067200000001\"}", true, T_2024 + 1000, PP_TRACE,
         "default"},
        {"{\"__REALTIME_TIMESTAMP\":\"7\"}", true, 7000, PP_TRACE, "default"},
    };
    CHECK(PP_INGEST_JSONL, CASES);
}

static void test_json_time_strings(void **state)
{
    (void)state;
    static const struct expected CASES[] = {
        {"{\"time\":\"2024-01-01T00:00:00Z\"}", true, T_2024, PP_TRACE, "default"},
        {"{\"time\":\"2024-01-01t00:00:00.5z\"}", true, T_2024 + SECOND / 2, PP_TRACE, "default"},
        {"{\"time\":\"2024-01-01T01:30:00.000000001+01:30\"}", true, T_2024 + 1, PP_TRACE,
         "default"},
        {"{\"time\":\"2023-12-31T19:00:00-0500\"}", true, T_2024, PP_TRACE, "default"},
        {"{\"time\":\"2024-01-01 00:00:00,123\"}", true, T_2024 + 123000000, PP_TRACE, "default"},
        {"{\"time\":\"2024-01-01 00:00:00.123456789\"}", true, T_2024 + 123456789, PP_TRACE,
         "default"},
        {"{\"time\":\"2024-01-01T00:00:00\"}", true, T_2024, PP_TRACE, "default"},
        {"{\"time\":\"2024\\u002d01-01T00:00:00Z\"}", true, T_2024, PP_TRACE, "default"},
        {"{\"time\":\"2023-12-31T23:59:60Z\"}", true, T_2024 - 1, PP_TRACE, "default"},
        {"{\"time\":\"1970-01-01T00:00:00Z\"}", true, 0, PP_TRACE, "default"},
        {"{\"time\":\"1969-12-31T23:30:00-01:00\"}", true, 1800 * SECOND, PP_TRACE, "default"},
        {"{\"time\":\"2554-07-21T23:34:33.709551615Z\"}", true, UINT64_MAX, PP_TRACE, "default"},
        {"{\"time\":\"2554-07-21T23:34:33.709551616Z\"}", true, NOW, PP_TRACE, "default"},
        {"{\"time\":\"2000-02-29T00:00:00Z\"}", true, UINT64_C(951782400) * SECOND, PP_TRACE,
         "default"},
        {"{\"time\":\"2100-03-01T00:00:00Z\"}", true, UINT64_C(4107542400) * SECOND, PP_TRACE,
         "default"},
    };
    CHECK(PP_INGEST_JSONL, CASES);
}

static void test_json_times_that_do_not_exist(void **state)
{
    (void)state;
    static const char *const TIMES[] = {
        "2024-02-30T00:00:00Z",
        "2023-02-29T00:00:00Z",
        "2100-02-29T00:00:00Z",
        "2024-13-01T00:00:00Z",
        "2024-00-01T00:00:00Z",
        "2024-01-00T00:00:00Z",
        "2024-04-31T00:00:00Z",
        "2024-01-01T24:00:00Z",
        "2024-01-01T25:00:00Z",
        "2024-01-01T00:60:00Z",
        "2024-01-01T00:00:61Z",
        "1969-12-31T23:59:59Z",
        "1970-01-01T00:30:00+01:00",
        "0000-01-01T00:00:00Z",
        "2024-01-01T00:00:00.Z",
        "2024-01-01T00:00:00+24:00",
        "2024-01-01T00:00:00+01:60",
        "2024-01-01T00:00:00+1",
        "2024-01-01T00:00:00Zx",
        "2024-01-01",
        "9999-12-31T23:59:59Z",
        "2024-1-01T00:00:00Z",
        "",
        "yesterday",
    };
    for (size_t i = 0; i < sizeof TIMES / sizeof TIMES[0]; i++) {
        char line[128];
        snprintf(line, sizeof line, "{\"time\":\"%s\",\"level\":\"warn\"}", TIMES[i]);
        struct expected want = {line, true, NOW, PP_WARN, "default"};
        check(PP_INGEST_JSONL, &want, 1);
    }
}

static void test_json_levels(void **state)
{
    (void)state;
    static const struct expected CASES[] = {
        {"{\"level\":\"Error\"}", true, NOW, PP_ERROR, "default"},
        {"{\"severity\":\"WARNING\"}", true, NOW, PP_WARN, "default"},
        {"{\"lvl\":\"debug\"}", true, NOW, PP_DEBUG, "default"},
        {"{\"levelname\":\"CRITICAL\"}", true, NOW, PP_FATAL, "default"},
        {"{\"severityText\":\"INFO\"}", true, NOW, PP_INFO, "default"},
        {"{\"level\":\"\\u0065rror\"}", true, NOW, PP_ERROR, "default"},
        {"{\"PRIORITY\":\"0\"}", true, NOW, PP_FATAL, "default"},
        {"{\"PRIORITY\":\"3\"}", true, NOW, PP_ERROR, "default"},
        {"{\"PRIORITY\":4}", true, NOW, PP_WARN, "default"},
        {"{\"PRIORITY\":\"7\"}", true, NOW, PP_DEBUG, "default"},
        {"{\"PRIORITY\":\"30\"}", true, NOW, PP_TRACE, "default"},
        {"{\"severityNumber\":9}", true, NOW, PP_INFO, "default"},
        {"{\"severityNumber\":24}", true, NOW, PP_FATAL, "default"},
        {"{\"severityNumber\":25}", true, NOW, PP_TRACE, "default"},
        {"{\"level\":30}", true, NOW, PP_INFO, "default"},
        {"{\"level\":60}", true, NOW, PP_FATAL, "default"},
        {"{\"level\":6}", true, NOW, PP_INFO, "default"},
        {"{\"level\":8}", true, NOW, PP_TRACE, "default"},
        {"{\"level\":70}", true, NOW, PP_TRACE, "default"},
        {"{\"level\":-3}", true, NOW, PP_TRACE, "default"},
        {"{\"level\":true}", true, NOW, PP_TRACE, "default"},
        {"{\"level\":\"error\\q\"}", true, NOW, PP_TRACE, "default"},
        /* A name that cannot be read gives way to the next one. */
        {"{\"severity\":\"error\",\"level\":\"odd\"}", true, NOW, PP_ERROR, "default"},
        /* The order of preference is that of the names, not that of the line. */
        {"{\"severity\":\"error\",\"level\":\"debug\"}", true, NOW, PP_DEBUG, "default"},
        /* Of duplicate members the first counts. */
        {"{\"level\":\"error\",\"level\":\"debug\"}", true, NOW, PP_ERROR, "default"},
    };
    CHECK(PP_INGEST_JSONL, CASES);
}

static void test_json_sources(void **state)
{
    (void)state;
    static const struct expected CASES[] = {
        {"{\"name\":\"a\",\"app\":\"b\",\"service\":\"c\"}", true, NOW, PP_TRACE, "c"},
        {"{\"service.name\":\"s\",\"logger\":\"l\"}", true, NOW, PP_TRACE, "s"},
        {"{\"_SYSTEMD_UNIT\":\"ssh.service\",\"SYSLOG_IDENTIFIER\":\"sshd\"}", true, NOW, PP_TRACE,
         "sshd"},
        {"{\"source\":{\"file\":\"x\",\"source\":\"y\"},\"name\":\"n\"}", true, NOW, PP_TRACE, "n"},
        {"{\"source\":\"\",\"name\":\"n\"}", true, NOW, PP_TRACE, "n"},
        {"{\"source\":7}", true, NOW, PP_TRACE, "default"},
        {"{\"sourc\\u0065\":\"a\\/b\\n\\\"\\\\\"}", true, NOW, PP_TRACE, "a/b\n\"\\"},
        {"{\"source\":\"\\u00e9\\u20AC\\ud83d\\ude00\"}", true, NOW, PP_TRACE,
         "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"},
        {"{\"source\":\"\\ud83dx\\ude00\"}", true, NOW, PP_TRACE, "\xef\xbf\xbdx\xef\xbf\xbd"},
        {"{\"source\":\"\\udbff\\udfff\"}", true, NOW, PP_TRACE, "\xf4\x8f\xbf\xbf"},
        {"{\"source\":\"a\\u12g4\"}", true, NOW, PP_TRACE, "default"},
        {"{\"source\":\"\xff\xfe\"}", true, NOW, PP_TRACE, "\xff\xfe"},
    };
    CHECK(PP_INGEST_JSONL, CASES);
}

/* A source of 254 letters and a character of two bytes, raw or escaped, is cut before it. */
static void test_json_source_is_cut_at_a_character(void **state)
{
    (void)state;
    static const char *const ENDS[] = {"\xc3\xa9", "\\u00e9", "\xf0\x9f\x98\x80", "\\n\\u00e9"};
    static const size_t KEPT[] = {254, 254, 254, 255};
    for (size_t i = 0; i < 4; i++) {
        char line[400];
        struct pp_ingest_scratch scratch;
        struct pp_entry entry;
        int len = snprintf(line, sizeof line, "{\"source\":\"%0254d%s\"}", 0, ENDS[i]);
        struct pp_bytes bytes = {(const uint8_t *)line, (size_t)len};
        assert_true(parse_at(PP_INGEST_JSONL, bytes, NOW, &scratch, &entry));
        assert_int_equal(entry.source.len, KEPT[i]);
        assert_int_equal(entry.source.data[253], '0');
    }
}

static void test_json_good_lines(void **state)
{
    (void)state;
    static const struct expected CASES[] = {
        {"{}", true, NOW, PP_TRACE, "default"},
        {" \t{ \"a\" : [ 1 , { \"level\" : \"error\" } ] , \"b\" : null } \r", true, NOW, PP_TRACE,
         "default"},
        {"{\"a\":\"}\\\"{\",\"level\":\"info\"}", true, NOW, PP_INFO, "default"},
        {"{\"a\":\"\\\\\",\"level\":\"info\"}", true, NOW, PP_INFO, "default"},
        {"{\"a\":[\"]\",\"\\\"]\"],\"b\":true,\"c\":false,\"d\":-0.5e+3,\"level\":\"info\"}", true,
         NOW, PP_INFO, "default"},
    };
    CHECK(PP_INGEST_JSONL, CASES);
}

static void test_json_bad_lines_get_the_defaults(void **state)
{
    (void)state;
    static const char *const LINES[] = {
        "",           "x",          "[]",         "\"level\"",  "{",           "{\"a\"",
        "{\"a\":",    "{\"a\"}",    "{\"a\":1",   "{\"a\":1,}", "{\"a\":1}x",  "{\"a\":tru}",
        "{\"a\":01}", "{\"a\":1.}", "{\"a\":-}",  "{\"a\":1e}", "{\"a\":\"b}", "{a:1}",
        "{\"a\":[}",  "{\"a\":{]}", "{\"a\":[1}", "{,}",        "{} {}",       "{\"a\":\"\\\"}",
    };
    for (size_t i = 0; i < sizeof LINES / sizeof LINES[0]; i++) {
        struct expected want = {LINES[i], false, NOW, PP_TRACE, "default"};
        check(PP_INGEST_JSONL, &want, 1);
    }
    static const struct expected CUT = {"{\"level\":\"error\",\"time\":1704067200,\"source\":\"a\"",
                                        false, NOW, PP_TRACE, "default"};
    check(PP_INGEST_JSONL, &CUT, 1);
}

static void nest(char *line, int depth)
{
    char *p = line + sprintf(line, "{\"a\":");
    for (int i = 0; i < depth; i++)
        *p++ = i % 2 == 0 ? '[' : '{';
    for (int i = depth - 1; i >= 0; i--)
        *p++ = i % 2 == 0 ? ']' : '}';
    strcpy(p, "}");
}

static void test_json_depth_is_limited(void **state)
{
    (void)state;
    char line[256];
    struct expected want = {line, true, NOW, PP_TRACE, "default"};
    nest(line, 63);
    check(PP_INGEST_JSONL, &want, 1);
    nest(line, 64);
    want.parsed = false;
    check(PP_INGEST_JSONL, &want, 1);
}

#define T_5424 (UINT64_C(1065910455) * SECOND) /* 2003-10-11 22:14:15 UTC */

static void test_syslog_rfc5424(void **state)
{
    (void)state;
    static const struct expected CASES[] = {
        {"<34>1 2003-10-11T22:14:15.003Z mymachine.example.com su - ID47 - 'su root' failed", true,
         T_5424 + 3000000, PP_FATAL, "su"},
        {"<165>1 2003-10-11T15:14:15.000003-07:00 192.0.2.1 myproc 8710 - - %% It's time", true,
         T_5424 + 3000, PP_INFO, "myproc"},
        {"<11>1 2003-10-11T22:14:15.123456789Z h a p m [x@1 k=\"a]\\\"b\"][y]", true,
         T_5424 + 123456789, PP_ERROR, "a"},
        {"<12>1 - - - - - -", true, NOW, PP_WARN, "default"},
        {"<191>1 - h app - - - m\r", true, NOW, PP_DEBUG, "app"},
        {"<0>1 - h app - - -\r", true, NOW, PP_FATAL, "app"},
        {"<34>1 2003-02-30T22:14:15Z h a p m - x", false, NOW, PP_TRACE, "default"},
        {"<34>1 2003-10-11 22:14:15Z h a p m - x", false, NOW, PP_TRACE, "default"},
        {"<34>1 2003-10-11T22:14:15 h a p m - x", false, NOW, PP_TRACE, "default"},
        {"<34>1 2003-10-11T22:14:15Zx h a p m - x", false, NOW, PP_TRACE, "default"},
        {"<34>1 - h a p m [x k=\"]", false, NOW, PP_TRACE, "default"},
        {"<34>1 - h a p m [x]y", false, NOW, PP_TRACE, "default"},
        {"<34>1 - h a p m", false, NOW, PP_TRACE, "default"},
        {"<34>1 - h  p m - x", false, NOW, PP_TRACE, "default"},
        {"<34>2 - h a p m - x", false, NOW, PP_TRACE, "default"},
        {"<192>1 - h a p m - x", false, NOW, PP_TRACE, "default"},
        {"<>1 - h a p m - x", false, NOW, PP_TRACE, "default"},
        {"<1111>1 - h a p m - x", false, NOW, PP_TRACE, "default"},
        {"<34", false, NOW, PP_TRACE, "default"},
        {"", false, NOW, PP_TRACE, "default"},
    };
    CHECK(PP_INGEST_SYSLOG, CASES);
}

#define T_JUNE_14 (UINT64_C(1718378161) * SECOND) /* 2024-06-14 15:16:01 UTC */

static void test_syslog_rfc3164(void **state)
{
    (void)state;
    static const struct expected CASES[] = {
        {"<34>Jun 14 15:16:01 combo su: failed", true, T_JUNE_14, PP_FATAL, "su"},
        {"Jun 14 15:16:01 combo sshd(pam_unix)[19939]: x", true, T_JUNE_14, PP_TRACE,
         "sshd(pam_unix)"},
        {"Jun 14 15:16:01 combo syslogd 1.4.1: restart.", true, T_JUNE_14, PP_TRACE, "syslogd"},
        {"<13>Jun 14 15:16:01 logger[7]: no host", true, T_JUNE_14, PP_INFO, "logger"},
        {"Jun 14 15:16:01.25 h app: x", true, T_JUNE_14 + SECOND / 4, PP_TRACE, "app"},
        {"Jun 14 15:16:01 h", true, T_JUNE_14, PP_TRACE, "default"},
        {"Jun 14 15:16:01 h : x", true, T_JUNE_14, PP_TRACE, "default"},
        {"Jun 14 15:16:01 h app\r", true, T_JUNE_14, PP_TRACE, "app"},
        {"2024-01-01T00:00:00.123456+00:00 host app[1]: msg", true, T_2024 + 123456000, PP_TRACE,
         "app"},
        {"<11>2024-01-01T00:00:00Z host app[1]: msg", true, T_2024, PP_ERROR, "app"},
        {"2015-07-29 17:41:44,747 - INFO x", false, NOW, PP_TRACE, "default"},
        {"Jun 14 15:16:01", false, NOW, PP_TRACE, "default"},
        {"Jum 14 15:16:01 h app: x", false, NOW, PP_TRACE, "default"},
        {"Feb 30 15:16:01 h app: x", false, NOW, PP_TRACE, "default"},
        {"Jun 31 15:16:01 h app: x", false, NOW, PP_TRACE, "default"},
        {"Jun 14 25:16:01 h app: x", false, NOW, PP_TRACE, "default"},
        {"Jun 14 15:16:61 h app: x", false, NOW, PP_TRACE, "default"},
        {"<34>hello", false, NOW, PP_TRACE, "default"},
        {"hello", false, NOW, PP_TRACE, "default"},
    };
    CHECK(PP_INGEST_SYSLOG, CASES);
}

static void test_syslog_year(void **state)
{
    (void)state;
    static const struct {
        uint64_t now_s;
        const char *line;
        bool parsed;
        uint64_t want_s;
    } CASES[] = {
        /* Now is 2024-06-15 12:00: up to a day ahead is this year, later is last year. */
        {1718452800, "Jun 16 12:00:00 h a: x", true, 1718539200},
        {1718452800, "Jun 16 12:00:01 h a: x", true, 1686916801},
        {1718452800, "Jun  4 00:00:00 h a: x", true, 1717459200},
        {1718452800, "Jun 04 00:00:00 h a: x", true, 1717459200},
        {1718452800, "Jun 4 00:00:00 h a: x", true, 1717459200},
        /* New year's eve, seen on 2024-12-31 12:00, written by a clock that is ahead. */
        {1735646400, "Jan  1 00:00:00 h a: x", true, 1735689600},
        {1704067200, "Dec 31 23:59:59 h a: x", true, 1704067199},
        {1704067200, "Dec 31 23:59:60 h a: x", true, 1704067199},
        /* 29 February belongs to the last leap year: 2020 in 2023, 2096 in 2103. */
        {1700000000, "Feb 29 00:00:00 h a: x", true, 1582934400},
        {4202000000, "Feb 29 00:00:00 h a: x", true, 3981312000},
        /* Before 1970 there is no year to take. */
        {0, "Jan  2 00:00:00 h a: x", true, 86400},
        {0, "Jan  2 00:00:01 h a: x", false, 0},
        {0, "Feb 29 00:00:00 h a: x", false, 0},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        struct pp_ingest_scratch scratch;
        struct pp_entry entry;
        struct pp_bytes line = pp_bytes_of(CASES[i].line);
        bool parsed = parse_at(PP_INGEST_SYSLOG, line, CASES[i].now_s * SECOND, &scratch, &entry);
        assert_int_equal(parsed, CASES[i].parsed);
        assert_int_equal(entry.time_ns / SECOND, CASES[i].want_s);
    }
    struct pp_ingest_scratch scratch;
    struct pp_entry entry;
    assert_true(parse_at(PP_INGEST_SYSLOG, pp_bytes_of("Jul 22 00:00:00 h a: x"), UINT64_MAX,
                         &scratch, &entry));
    assert_int_equal(entry.time_ns / SECOND, UINT64_C(18415209600));
}

/* ---- Splitting ----------------------------------------------------------------------------- */

struct output {
    char text[4096];
    size_t len;
};

/* Whole lines as "[line]", parts of long ones as "(part" ... "part)". */
static void put(struct output *out, enum pp_line_part part, struct pp_bytes line)
{
    if (part == PP_LINE_WHOLE || part == PP_LINE_LONG_PART)
        out->text[out->len++] = part == PP_LINE_WHOLE ? '[' : '(';
    if (line.len > 0)
        memcpy(out->text + out->len, line.data, line.len);
    out->len += line.len;
    if (part == PP_LINE_WHOLE || part == PP_LINE_LONG_END)
        out->text[out->len++] = part == PP_LINE_WHOLE ? ']' : ')';
    out->text[out->len] = 0;
}

static void split(const char *input, size_t len, size_t cap, size_t chunk, struct output *out)
{
    uint8_t buffer[64];
    struct pp_line_splitter splitter;
    struct pp_bytes line;
    enum pp_line_part part;
    out->len = 0;
    out->text[0] = 0;
    pp_line_splitter_init(&splitter, buffer, cap);
    while (len > 0) {
        size_t room;
        uint8_t *space = pp_line_splitter_space(&splitter, &room);
        assert_true(room > 0);
        size_t bytes = len < chunk ? len : chunk;
        bytes = bytes < room ? bytes : room;
        memcpy(space, input, bytes);
        pp_line_splitter_added(&splitter, bytes);
        input += bytes;
        len -= bytes;
        while ((part = pp_line_splitter_next(&splitter, &line)) != PP_LINE_NONE)
            put(out, part, line);
    }
    while ((part = pp_line_splitter_finish(&splitter, &line)) != PP_LINE_NONE)
        put(out, part, line);
}

static void test_splitter_in_every_chunking(void **state)
{
    (void)state;
    static const struct {
        const char *input, *want;
    } CASES[] = {
        {"", ""},
        {"\n", "[]"},
        {"a\nbc\n", "[a][bc]"},
        {"a\r\n\n\nb", "[a\r][][][b]"},
        {"1234567\n", "[1234567]"},
        {"12345678\n", "(12345678)"},
        {"12345678", "(12345678)"},
        {"123456789\nx\n", "(123456789)[x]"},
        {"x\n12345678abcdefgh\n\ny", "[x](12345678(abcdefgh)[][y]"},
        {"12345678abcdefghi", "(12345678(abcdefghi)"},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        for (size_t chunk = 1; chunk <= 20; chunk++) {
            struct output out;
            split(CASES[i].input, strlen(CASES[i].input), 8, chunk, &out);
            assert_string_equal(out.text, CASES[i].want);
        }
    }
}

static void test_splitter_passes_every_byte(void **state)
{
    (void)state;
    char all[256];
    for (int i = 0; i < 256; i++)
        all[i] = (char)(i == '\n' ? 'n' : i);
    for (size_t cap = 1; cap <= 64; cap++) {
        struct output out;
        size_t kept = 0;
        split(all, sizeof all, cap, 7, &out);
        /* Only the marks of put() may have been added: walk both. */
        for (size_t i = 0; i < out.len; i++) {
            if (kept < sizeof all && out.text[i] == all[kept])
                kept++;
            else
                assert_true(out.text[i] == '(' || out.text[i] == ')');
        }
        assert_int_equal(kept, sizeof all);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain_reads_nothing),
        cmocka_unit_test(test_json_times),
        cmocka_unit_test(test_json_time_strings),
        cmocka_unit_test(test_json_times_that_do_not_exist),
        cmocka_unit_test(test_json_levels),
        cmocka_unit_test(test_json_sources),
        cmocka_unit_test(test_json_source_is_cut_at_a_character),
        cmocka_unit_test(test_json_good_lines),
        cmocka_unit_test(test_json_bad_lines_get_the_defaults),
        cmocka_unit_test(test_json_depth_is_limited),
        cmocka_unit_test(test_syslog_rfc5424),
        cmocka_unit_test(test_syslog_rfc3164),
        cmocka_unit_test(test_syslog_year),
        cmocka_unit_test(test_splitter_in_every_chunking),
        cmocka_unit_test(test_splitter_passes_every_byte),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
