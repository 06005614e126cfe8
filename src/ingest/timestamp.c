/* SPDX-License-Identifier: MIT */
/* Times as logs write them, to nanoseconds since 1970 UTC, exact to the last digit. */
#include <string.h>

#include "ingest_internal.h"

static const uint64_t NS_PER_SECOND = 1000000000;
static const int64_t SECONDS_PER_DAY = 86400;

/* A time as written: local to its offset. */
struct civil {
    unsigned year, month, day, hour, minute, second;
    uint32_t nanos;
    int64_t offset_s;
};

/* Exactly count digits. */
static bool take_digits(struct pp_bytes *rest, size_t count, unsigned *value)
{
    unsigned sum = 0;
    if (rest->len < count)
        return false;
    for (size_t i = 0; i < count; i++) {
        if (!pp_ingest_is_digit(rest->data[i]))
            return false;
        sum = sum * 10 + (unsigned)(rest->data[i] - '0');
    }
    pp_ingest_skip(rest, count);
    *value = sum;
    return true;
}

static bool is_leap_year(unsigned year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

static unsigned days_in_month(unsigned year, unsigned month)
{
    static const uint8_t DAYS[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return DAYS[month - 1] + (month == 2 && is_leap_year(year) ? 1U : 0U);
}

/* Days from 1970-01-01 to the first of January of a year. */
static int64_t days_to_year(unsigned year)
{
    int64_t before = (int64_t)year - 1;
    return before * 365 + before / 4 - before / 100 + before / 400 - 719162;
}

static int64_t days_to_date(unsigned year, unsigned month, unsigned day)
{
    static const uint16_t BEFORE[12] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334};
    int64_t days = days_to_year(year) + BEFORE[month - 1] + (int64_t)day - 1;
    return days + (month > 2 && is_leap_year(year) ? 1 : 0);
}

/* False for a date or time that does not exist, or that 64 bits of nanoseconds cannot hold. */
static bool civil_to_ns(const struct civil *civil, uint64_t *time_ns)
{
    if (civil->month < 1 || civil->month > 12 || civil->day < 1 ||
        civil->day > days_in_month(civil->year, civil->month))
        return false;
    if (civil->hour > 23 || civil->minute > 59 || civil->second > 60)
        return false;
    /* Leap seconds are not counted: one becomes the last moment of the second before it. */
    bool leap = civil->second == 60;
    uint64_t nanos = leap ? NS_PER_SECOND - 1 : civil->nanos;
    int64_t seconds = days_to_date(civil->year, civil->month, civil->day) * SECONDS_PER_DAY +
                      civil->hour * 3600 + civil->minute * 60 + (leap ? 59 : civil->second) -
                      civil->offset_s;
    if (seconds < 0 || (uint64_t)seconds > (UINT64_MAX - nanos) / NS_PER_SECOND)
        return false;
    *time_ns = (uint64_t)seconds * NS_PER_SECOND + nanos;
    return true;
}

/* YYYY-MM-DD */
static bool take_date(struct pp_bytes *rest, struct civil *civil)
{
    return take_digits(rest, 4, &civil->year) && pp_ingest_take(rest, '-') &&
           take_digits(rest, 2, &civil->month) && pp_ingest_take(rest, '-') &&
           take_digits(rest, 2, &civil->day);
}

/* The digits behind '.' or ','; those below a nanosecond are dropped. */
static bool take_fraction(struct pp_bytes *rest, uint32_t *nanos)
{
    uint32_t unit = (uint32_t)NS_PER_SECOND;
    size_t digits = 0;
    *nanos = 0;
    while (digits < rest->len && pp_ingest_is_digit(rest->data[digits])) {
        unit /= 10;
        *nanos += unit * (uint32_t)(rest->data[digits] - '0');
        digits++;
    }
    pp_ingest_skip(rest, digits);
    return digits > 0;
}

/* hh:mm:ss with or without a fraction. */
static bool take_clock(struct pp_bytes *rest, struct civil *civil)
{
    if (!take_digits(rest, 2, &civil->hour) || !pp_ingest_take(rest, ':') ||
        !take_digits(rest, 2, &civil->minute) || !pp_ingest_take(rest, ':') ||
        !take_digits(rest, 2, &civil->second))
        return false;
    if (pp_ingest_take(rest, '.') || pp_ingest_take(rest, ','))
        return take_fraction(rest, &civil->nanos);
    return true;
}

/* Z, or +hh:mm, or +hhmm; nothing where the form lets it be. */
static bool take_offset(struct pp_bytes *rest, enum pp_time_form form, struct civil *civil)
{
    unsigned hours, minutes;
    if (pp_ingest_take(rest, 'Z') || pp_ingest_take(rest, 'z'))
        return true;
    bool east = pp_ingest_take(rest, '+');
    if (!east && !pp_ingest_take(rest, '-'))
        return form == PP_TIME_LOOSE;
    if (!take_digits(rest, 2, &hours))
        return false;
    (void)pp_ingest_take(rest, ':');
    if (!take_digits(rest, 2, &minutes) || hours > 23 || minutes > 59)
        return false;
    int64_t offset_s = (int64_t)hours * 3600 + (int64_t)minutes * 60;
    civil->offset_s = east ? offset_s : -offset_s;
    return true;
}

bool pp_ingest_time_iso(struct pp_bytes *rest, enum pp_time_form form, uint64_t *time_ns)
{
    struct pp_bytes after = *rest;
    struct civil civil = {0};
    if (!take_date(&after, &civil))
        return false;
    bool separated = pp_ingest_take(&after, 'T') || pp_ingest_take(&after, 't') ||
                     (form == PP_TIME_LOOSE && pp_ingest_take(&after, ' '));
    if (!separated || !take_clock(&after, &civil) || !take_offset(&after, form, &civil) ||
        !civil_to_ns(&civil, time_ns))
        return false;
    *rest = after;
    return true;
}

/* ---- RFC 3164 ------------------------------------------------------------------------------ */

static bool take_month(struct pp_bytes *rest, unsigned *month)
{
    static const char NAMES[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    if (rest->len < 3)
        return false;
    for (unsigned i = 0; i < 12; i++) {
        if (memcmp(rest->data, NAMES + 3 * i, 3) != 0)
            continue;
        pp_ingest_skip(rest, 3);
        *month = i + 1;
        return true;
    }
    return false;
}

/* " 4" and "14" as in the RFC, and "04" and "4" as some devices write. */
static bool take_day(struct pp_bytes *rest, unsigned *day)
{
    (void)pp_ingest_take(rest, ' ');
    return take_digits(rest, 2, day) || take_digits(rest, 1, day);
}

static unsigned year_of(uint64_t time_ns)
{
    int64_t days = (int64_t)(time_ns / NS_PER_SECOND) / SECONDS_PER_DAY;
    unsigned year = 1970 + (unsigned)(days / 366);
    /* 584 years at 366 days each fall short by at most two years. */
    while (days_to_year(year + 1) <= days)
        year++;
    return year;
}

/* The latest year in which the date exists and is not after limit_ns. */
static bool fit_year(struct civil *civil, uint64_t limit_ns, uint64_t *time_ns)
{
    enum { YEARS_BETWEEN_LEAP_YEARS_MAX = 8 };
    unsigned last = year_of(limit_ns);
    for (unsigned back = 0; back <= YEARS_BETWEEN_LEAP_YEARS_MAX + 1 && last - back >= 1970;
         back++) {
        uint64_t found_ns;
        civil->year = last - back;
        if (!civil_to_ns(civil, &found_ns) || found_ns > limit_ns)
            continue;
        *time_ns = found_ns;
        return true;
    }
    return false;
}

bool pp_ingest_time_bsd(struct pp_bytes *rest, uint64_t now_ns, uint64_t *time_ns)
{
    struct pp_bytes after = *rest;
    struct civil civil = {0};
    uint64_t day_ns = (uint64_t)SECONDS_PER_DAY * NS_PER_SECOND;
    uint64_t limit_ns = now_ns > UINT64_MAX - day_ns ? UINT64_MAX : now_ns + day_ns;
    if (!take_month(&after, &civil.month) || !pp_ingest_take(&after, ' ') ||
        !take_day(&after, &civil.day) || !pp_ingest_take(&after, ' ') ||
        !take_clock(&after, &civil) || !fit_year(&civil, limit_ns, time_ns))
        return false;
    *rest = after;
    return true;
}

/* ---- Numbers ------------------------------------------------------------------------------- */

/* A decimal number as its digits and the place of its point among them. */
struct decimal {
    struct pp_bytes whole, fraction;
    int point;
};

static struct pp_bytes take_digit_run(struct pp_bytes *rest)
{
    struct pp_bytes run = {rest->data, 0};
    while (run.len < rest->len && pp_ingest_is_digit(rest->data[run.len]))
        run.len++;
    pp_ingest_skip(rest, run.len);
    return run;
}

/* digits[.digits][e[+-]digits], all of text, no sign. */
static bool decimal_parse(struct pp_bytes text, struct decimal *decimal)
{
    enum { WHOLE_DIGITS_MAX = 64, EXPONENT_DIGITS_MAX = 3 };
    unsigned exponent = 0;
    bool negative = false;
    *decimal = (struct decimal){.whole = take_digit_run(&text)};
    if (decimal->whole.len == 0 || decimal->whole.len > WHOLE_DIGITS_MAX)
        return false;
    if (pp_ingest_take(&text, '.')) {
        decimal->fraction = take_digit_run(&text);
        if (decimal->fraction.len == 0)
            return false;
    }
    if (pp_ingest_take(&text, 'e') || pp_ingest_take(&text, 'E')) {
        negative = pp_ingest_take(&text, '-');
        if (!negative)
            (void)pp_ingest_take(&text, '+');
        if (text.len > EXPONENT_DIGITS_MAX || text.len == 0 ||
            !take_digits(&text, text.len, &exponent))
            return false;
    }
    decimal->point = (int)decimal->whole.len + (negative ? -(int)exponent : (int)exponent);
    return text.len == 0;
}

static unsigned decimal_digit(const struct decimal *decimal, int index)
{
    if (index < 0)
        return 0;
    size_t i = (size_t)index;
    if (i < decimal->whole.len)
        return (unsigned)(decimal->whole.data[i] - '0');
    i -= decimal->whole.len;
    return i < decimal->fraction.len ? (unsigned)(decimal->fraction.data[i] - '0') : 0;
}

/* The part before the point, and billionths behind it. */
static bool decimal_split(const struct decimal *decimal, uint64_t *whole, uint64_t *billionths)
{
    *whole = 0;
    *billionths = 0;
    for (int i = 0; i < decimal->point; i++) {
        unsigned digit = decimal_digit(decimal, i);
        if (*whole > (UINT64_MAX - digit) / 10)
            return false;
        *whole = *whole * 10 + digit;
    }
    for (int i = 0; i < 9; i++)
        *billionths = *billionths * 10 + decimal_digit(decimal, decimal->point + i);
    return true;
}

static uint64_t ns_per_unit(enum pp_time_unit unit, uint64_t whole)
{
    if (unit == PP_TIME_NANOSECONDS)
        return 1;
    if (unit == PP_TIME_MICROSECONDS)
        return 1000;
    if (whole < 100000000000)
        return NS_PER_SECOND;
    if (whole < 100000000000000)
        return 1000000;
    return whole < 100000000000000000 ? 1000 : 1;
}

bool pp_ingest_time_number(struct pp_bytes text, enum pp_time_unit unit, uint64_t *time_ns)
{
    struct decimal decimal;
    uint64_t whole, billionths;
    if (!decimal_parse(text, &decimal) || !decimal_split(&decimal, &whole, &billionths))
        return false;
    uint64_t scale = ns_per_unit(unit, whole);
    uint64_t part_ns = billionths * scale / NS_PER_SECOND;
    if (whole > (UINT64_MAX - part_ns) / scale)
        return false;
    *time_ns = whole * scale + part_ns;
    return true;
}
