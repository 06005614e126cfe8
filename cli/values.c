/* SPDX-License-Identifier: MIT */
/* Times, durations and sizes: from what people type to numbers, and back. */
#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "../src/base/base.h"
#include "cli.h"

#define NS_PER_S UINT64_C(1000000000)

/* ---- A whole number and a unit -------------------------------------------------------------- */

struct unit {
    const char *name;
    uint64_t factor;
};

static const struct unit DURATION_UNITS[] = {
    {"ns", 1},
    {"us", 1000},
    {"ms", 1000000},
    {"s", NS_PER_S},
    {"m", 60 * NS_PER_S},
    {"h", 3600 * NS_PER_S},
    {"d", 86400 * NS_PER_S},
    {NULL, 0},
};

static const struct unit SIZE_UNITS[] = {
    {"", 1},
    {"K", UINT64_C(1) << 10},
    {"M", UINT64_C(1) << 20},
    {"G", UINT64_C(1) << 30},
    {"KiB", UINT64_C(1) << 10},
    {"MiB", UINT64_C(1) << 20},
    {"GiB", UINT64_C(1) << 30},
    {NULL, 0},
};

static bool parse_with_unit(const char *text, const struct unit *units, uint64_t *out)
{
    size_t digits = strspn(text, "0123456789");
    struct pp_bytes number = {pp_bytes_of(text).data, digits};
    uint64_t value;
    if (!pp_decimal_decode(number, &value))
        return false;
    for (; units->name; units++) {
        if (strcmp(text + digits, units->name) != 0)
            continue;
        if (value > UINT64_MAX / units->factor)
            return false;
        *out = value * units->factor;
        return true;
    }
    return false;
}

/* One digit behind the point, unless it is 0. */
static void put_value(double value, const char *unit, char out[CLI_VALUE_BYTES])
{
    int len = snprintf(out, CLI_VALUE_BYTES, "%.1f", value);
    if (len > 2 && out[len - 1] == '0')
        len -= 2;
    snprintf(out + len, (size_t)(CLI_VALUE_BYTES - len), " %s", unit);
}

bool cli_size_parse(const char *text, uint64_t *out)
{
    return parse_with_unit(text, SIZE_UNITS, out);
}

void cli_size_text(uint64_t bytes, char out[CLI_VALUE_BYTES])
{
    static const char *const NAMES[] = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    if (bytes < 1024) {
        snprintf(out, CLI_VALUE_BYTES, "%" PRIu64 " B", bytes);
        return;
    }
    double value = (double)bytes / 1024;
    size_t unit = 0;
    for (; value >= 1023.95 && unit < sizeof NAMES / sizeof *NAMES - 1; unit++)
        value /= 1024;
    put_value(value, NAMES[unit], out);
}

bool cli_duration_parse(const char *text, uint64_t *out)
{
    if (strcmp(text, "0") == 0) {
        *out = 0;
        return true;
    }
    return parse_with_unit(text, DURATION_UNITS, out);
}

void cli_duration_text(uint64_t duration_ns, char out[CLI_VALUE_BYTES])
{
    double value = (double)duration_ns;
    if (duration_ns < 1000)
        snprintf(out, CLI_VALUE_BYTES, "%" PRIu64 " ns", duration_ns);
    else if (duration_ns < 1000000)
        put_value(value / 1e3, "us", out);
    else if (duration_ns < NS_PER_S)
        put_value(value / 1e6, "ms", out);
    else if (duration_ns < 120 * NS_PER_S)
        put_value(value / 1e9, "s", out);
    else if (duration_ns < 7200 * NS_PER_S)
        put_value(value / 60e9, "min", out);
    else if (duration_ns < 172800 * NS_PER_S)
        put_value(value / 3600e9, "h", out);
    else
        put_value(value / 86400e9, "days", out);
}

/* ---- RFC 3339 ------------------------------------------------------------------------------- */

struct date_time {
    unsigned year, month, day, hour, minute, second, nanosecond;
    int offset_minutes; /* east of UTC */
};

/* Exactly `count` digits, then *text stands behind them. */
static bool take_digits(const char **text, unsigned count, unsigned *value)
{
    unsigned sum = 0;
    for (unsigned i = 0; i < count; i++) {
        char c = (*text)[i];
        if (c < '0' || c > '9')
            return false;
        sum = sum * 10 + (unsigned)(c - '0');
    }
    *text += count;
    *value = sum;
    return true;
}

static bool take_char(const char **text, const char *allowed)
{
    if (**text == '\0' || !strchr(allowed, **text))
        return false;
    ++*text;
    return true;
}

static unsigned days_in_month(unsigned year, unsigned month)
{
    static const unsigned char DAYS[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return DAYS[month - 1] + (month == 2 && leap);
}

static bool take_date(const char **text, struct date_time *t)
{
    return take_digits(text, 4, &t->year) && take_char(text, "-") &&
           take_digits(text, 2, &t->month) && take_char(text, "-") &&
           take_digits(text, 2, &t->day) && t->year >= 1970 && t->month >= 1 && t->month <= 12 &&
           t->day >= 1 && t->day <= days_in_month(t->year, t->month);
}

/* Digits behind the point; those behind the ninth are dropped. */
static bool take_fraction(const char **text, unsigned *nanosecond)
{
    unsigned scale = 100000000, digit;
    if (!take_digits(text, 1, &digit))
        return false;
    do {
        *nanosecond += digit * scale;
        scale /= 10;
    } while (take_digits(text, 1, &digit));
    return true;
}

static bool take_offset(const char **text, int *minutes)
{
    if (take_char(text, "Zz"))
        return true;
    int sign = **text == '-' ? -1 : 1;
    unsigned hour, minute;
    if (!take_char(text, "+-") || !take_digits(text, 2, &hour) || !take_char(text, ":") ||
        !take_digits(text, 2, &minute) || hour > 23 || minute > 59)
        return false;
    *minutes = sign * (int)(hour * 60 + minute);
    return true;
}

static bool take_time(const char **text, struct date_time *t)
{
    if (!take_char(text, "Tt ") || !take_digits(text, 2, &t->hour) || !take_char(text, ":") ||
        !take_digits(text, 2, &t->minute) || !take_char(text, ":") ||
        !take_digits(text, 2, &t->second) || t->hour > 23 || t->minute > 59 || t->second > 59)
        return false;
    if (take_char(text, ".") && !take_fraction(text, &t->nanosecond))
        return false;
    return take_offset(text, &t->offset_minutes);
}

/* Days from 1970-01-01; the year is at least 1970. */
static int64_t days_since_1970(const struct date_time *t)
{
    int64_t days = 0;
    for (unsigned year = 1970; year < t->year; year++)
        days += days_in_month(year, 2) == 29 ? 366 : 365;
    for (unsigned month = 1; month < t->month; month++)
        days += days_in_month(t->year, month);
    return days + t->day - 1;
}

static bool to_nanoseconds(const struct date_time *t, uint64_t *out)
{
    int64_t seconds = days_since_1970(t) * 86400 + t->hour * 3600 + t->minute * 60 + t->second -
                      (int64_t)t->offset_minutes * 60;
    if (seconds < 0 || (uint64_t)seconds >= UINT64_MAX / NS_PER_S)
        return false;
    *out = (uint64_t)seconds * NS_PER_S + t->nanosecond;
    return true;
}

bool cli_time_parse(const char *text, uint64_t now_ns, uint64_t *out)
{
    uint64_t before;
    if (cli_duration_parse(text, &before)) {
        *out = before > now_ns ? 0 : now_ns - before;
        return true;
    }
    struct date_time t = {0};
    if (!take_date(&text, &t))
        return false;
    if (*text != '\0' && !take_time(&text, &t))
        return false;
    return *text == '\0' && to_nanoseconds(&t, out);
}

void cli_time_text(uint64_t time_ns, char out[CLI_VALUE_BYTES])
{
    time_t seconds = (time_t)(time_ns / NS_PER_S);
    struct tm parts;
    char date[32] = "";
    if (gmtime_r(&seconds, &parts))
        strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S", &parts);
    snprintf(out, CLI_VALUE_BYTES, "%s.%09" PRIu64 "Z", date, time_ns % NS_PER_S);
}
