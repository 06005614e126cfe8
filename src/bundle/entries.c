/* SPDX-License-Identifier: MIT */
/* Entries in columns, so that deflate finds like beside like (docs/format/bundle.md section 5). */
#include <string.h>

#include "../base/base.h"
#include "parts.h"

enum column { SEQ, TIME, KIND, SOURCE, TEXT, HEX, NUMBERS };
enum mark { MARK_NUMBER = 0xF8, MARK_HEX, MARK_TIME, MARK_BYTE, MARK_END };
enum {
    HEX_RUN_MIN = 16,
    HEX_RUN_MAX = 510,
    DIGITS_MAX = 15,
    SECOND_BYTES = 19, /* "2026-01-31T12:00:00" */
    FRACTION_DIGITS = 9,
    FIRST_BYTES = 8, /* of seq, and of time behind its unit */
    NO_SLOT = 0
};

static const uint64_t units[] = {1, 1000, 1000000, 1000000000};
enum { UNIT_COUNT = sizeof units / sizeof units[0] };

/* ---- Times as text -------------------------------------------------------------------------- */

/* The text of a time into text[32]; the part of the second is made when it changes. */
static void render_time(uint64_t time_ns, uint64_t *cached, uint8_t text[32])
{
    uint64_t second = time_ns / 1000000000 + 1;
    uint32_t fraction = (uint32_t)(time_ns % 1000000000);
    if (*cached != second) {
        struct pp_bundle_text out = {text, 32, 0};
        if (pp_bundle_text_time(&out, time_ns) != PP_OK)
            return;
        *cached = second;
    }
    for (size_t i = FRACTION_DIGITS; i-- > 0; fraction /= 10)
        text[SECOND_BYTES + 1 + i] = (uint8_t)('0' + fraction % 10);
}

/* How many bytes of rest are the entry's time, and how many digits follow its point. */
static size_t time_run(struct pp_bytes rest, const uint8_t text[32], unsigned *digits)
{
    *digits = 0;
    if (rest.len < SECOND_BYTES || memcmp(rest.data, text, SECOND_BYTES) != 0)
        return 0;
    if (rest.len == SECOND_BYTES || rest.data[SECOND_BYTES] != '.')
        return SECOND_BYTES;
    size_t at = SECOND_BYTES + 1;
    while (*digits < FRACTION_DIGITS && at < rest.len && rest.data[at] == text[at]) {
        ++*digits;
        at++;
    }
    return *digits == 0 ? SECOND_BYTES : at;
}

/* ---- Runs ----------------------------------------------------------------------------------- */

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

static bool is_hex(uint8_t c)
{
    return is_digit(c) || (c >= 'a' && c <= 'f');
}

/* The even length of a run of hex digits that is worth a mark, else 0. */
static size_t hex_run(struct pp_bytes rest)
{
    if (rest.len < HEX_RUN_MIN || !is_hex(rest.data[HEX_RUN_MIN - 1]))
        return 0;
    size_t len = 0;
    while (len < rest.len && len < HEX_RUN_MAX && is_hex(rest.data[len]))
        len++;
    return len < HEX_RUN_MIN ? 0 : len & ~(size_t)1;
}

static size_t digit_run(struct pp_bytes rest)
{
    size_t len = 0;
    while (len < rest.len && len < DIGITS_MAX && is_digit(rest.data[len]))
        len++;
    return len;
}

/* ---- Writing -------------------------------------------------------------------------------- */

/* The columns have room for whatever fits into a block: PP_BLOCK_COLUMN_BYTES. */
static void put(struct pp_block_writer *block, size_t column, const void *data, size_t len)
{
    memcpy(block->columns[column] + block->lens[column], data, len);
    block->lens[column] += len;
}

static void put_byte(struct pp_block_writer *block, size_t column, unsigned byte)
{
    block->columns[column][block->lens[column]++] = (uint8_t)byte;
}

static void put_varint(struct pp_block_writer *block, size_t column, uint64_t value)
{
    block->lens[column] += pp_varint_put(value, block->columns[column] + block->lens[column]);
}

static void put_hex(struct pp_block_writer *block, const uint8_t *digits, size_t len)
{
    put_byte(block, TEXT, MARK_HEX);
    put_byte(block, HEX, (unsigned)(len / 2));
    uint8_t *out = block->columns[HEX] + block->lens[HEX];
    if (pp_hex_decode((struct pp_bytes){digits, len}, out, len / 2))
        block->lens[HEX] += len / 2;
}

static void put_number(struct pp_block_writer *block, unsigned number, const uint8_t *digits,
                       size_t len)
{
    size_t column =
        NUMBERS + (number < PP_BLOCK_NUMBER_COLUMNS ? number : PP_BLOCK_NUMBER_COLUMNS - 1);
    put_byte(block, TEXT, MARK_NUMBER);
    put(block, column, digits, len);
    put_byte(block, column, '\n');
}

static void put_plain(struct pp_block_writer *block, uint8_t byte)
{
    if (byte >= MARK_NUMBER && byte <= MARK_END)
        put_byte(block, TEXT, MARK_BYTE);
    put_byte(block, TEXT, byte);
}

/* One run or byte from rest; returns its length. */
static size_t put_run(struct pp_block_writer *block, struct pp_bytes rest, unsigned *numbers)
{
    unsigned digits;
    size_t len = 0;
    if (is_digit(rest.data[0]) && (len = time_run(rest, block->second_text, &digits)) > 0) {
        put_byte(block, TEXT, MARK_TIME);
        put_byte(block, TEXT, digits);
    } else if (is_hex(rest.data[0]) && (len = hex_run(rest)) > 0) {
        put_hex(block, rest.data, len);
    } else if ((len = digit_run(rest)) > 0) {
        put_number(block, (*numbers)++, rest.data, len);
    } else {
        put_plain(block, rest.data[0]);
        len = 1;
    }
    return len;
}

static void put_body(struct pp_block_writer *block, const struct pp_entry *entry)
{
    unsigned numbers = 0;
    render_time(entry->time_ns, &block->second, block->second_text);
    for (size_t at = 0; at < entry->body.len;)
        at += put_run(block, (struct pp_bytes){entry->body.data + at, entry->body.len - at},
                      &numbers);
    put_byte(block, TEXT, MARK_END);
}

/* FNV-1a, only to find a place in the table. */
static size_t slot_of(struct pp_bytes source)
{
    uint32_t hash = 2166136261u;
    for (size_t i = 0; i < source.len; i++)
        hash = (hash ^ source.data[i]) * 16777619u;
    return hash % PP_BLOCK_SOURCE_SLOTS;
}

static void put_source(struct pp_block_writer *block, struct pp_bytes source)
{
    size_t slot = slot_of(source);
    for (; block->slots[slot] != NO_SLOT; slot = (slot + 1) % PP_BLOCK_SOURCE_SLOTS) {
        struct pp_bytes known = block->sources[block->slots[slot] - 1];
        if (known.len == source.len && memcmp(known.data, source.data, source.len) == 0) {
            put_varint(block, SOURCE, block->slots[slot] - 1u);
            return;
        }
    }
    put_varint(block, SOURCE, block->source_count);
    put_byte(block, SOURCE, (unsigned)source.len);
    block->sources[block->source_count] =
        (struct pp_bytes){block->columns[SOURCE] + block->lens[SOURCE], source.len};
    put(block, SOURCE, source.data, source.len);
    block->slots[slot] = (uint16_t)++block->source_count;
}

static void put_seq(struct pp_block_writer *block, uint64_t seq)
{
    uint8_t bytes[FIRST_BYTES];
    if (block->count > 0) {
        put_varint(block, SEQ, seq - block->last_seq - 1);
    } else {
        pp_put_u64(bytes, seq);
        put(block, SEQ, bytes, sizeof bytes);
    }
    block->last_seq = seq;
}

enum pp_error pp_block_add(struct pp_block_writer *block, const struct pp_entry *entry)
{
    if (entry->body.len > PP_ENTRY_BYTES_MAX || entry->source.len == 0 ||
        entry->source.len > PP_SOURCE_BYTES_MAX ||
        (block->count > 0 && entry->seq <= block->last_seq))
        return PP_ERROR_ARGUMENT;
    if (block->count == PP_BLOCK_ENTRIES ||
        (block->count > 0 && block->body_bytes + entry->body.len > PP_BLOCK_BODY_BYTES))
        return PP_ERROR_NO_SPACE;
    put_seq(block, entry->seq);
    block->times[block->count++] = entry->time_ns;
    put_byte(block, KIND, (unsigned)entry->level << 4 | entry->kind);
    put_source(block, entry->source);
    put_body(block, entry);
    block->body_bytes += entry->body.len;
    return PP_OK;
}

static uint64_t zigzag(uint64_t difference)
{
    return difference << 1 ^ (difference >> 63 ? UINT64_MAX : 0);
}

static bool unit_divides(const struct pp_block_writer *block, uint64_t unit)
{
    for (unsigned i = 0; i < block->count; i++)
        if (block->times[i] % unit != 0)
            return false;
    return true;
}

static void put_times(struct pp_block_writer *block)
{
    unsigned unit = UNIT_COUNT - 1;
    uint8_t first[FIRST_BYTES];
    while (unit > 0 && !unit_divides(block, units[unit]))
        unit--;
    put_byte(block, TIME, unit);
    pp_put_u64(first, block->times[0] / units[unit]);
    put(block, TIME, first, sizeof first);
    for (unsigned i = 1; i < block->count; i++)
        put_varint(block, TIME,
                   zigzag(block->times[i] / units[unit] - block->times[i - 1] / units[unit]));
}

void pp_block_finish(struct pp_block_writer *block, uint8_t head[PP_BLOCK_HEAD_BYTES],
                     struct pp_bytes columns[PP_BLOCK_COLUMNS])
{
    put_times(block);
    pp_put_u32(head, block->count);
    for (size_t i = 0; i < PP_BLOCK_COLUMNS; i++) {
        pp_put_u32(head + 4 * (i + 1), (uint32_t)block->lens[i]);
        columns[i] =
            (struct pp_bytes){i < PP_BLOCK_COLUMNS - 1 ? block->columns[i] : NULL, block->lens[i]};
    }
}

void pp_block_reset(struct pp_block_writer *block)
{
    block->count = block->source_count = 0;
    block->body_bytes = 0;
    memset(block->slots, 0, sizeof block->slots);
    memset(block->lens, 0, sizeof block->lens);
}

/* ---- Reading -------------------------------------------------------------------------------- */

enum pp_error pp_block_length(const uint8_t head[PP_BLOCK_HEAD_BYTES], size_t *bytes)
{
    uint64_t sum = PP_BLOCK_HEAD_BYTES;
    for (size_t i = 0; i < PP_BLOCK_COLUMNS; i++)
        sum += pp_get_u32(head + 4 * (i + 1));
    uint32_t count = pp_get_u32(head);
    if (count == 0 || count > PP_BLOCK_ENTRIES || sum > PP_BLOCK_BYTES_MAX)
        return PP_ERROR_FORMAT;
    *bytes = (size_t)sum;
    return PP_OK;
}

static bool take(struct pp_block_reader *reader, size_t column, size_t len, const uint8_t **data)
{
    struct pp_bytes *rest = &reader->columns[column];
    if (rest->len < len)
        return false;
    *data = rest->data;
    rest->data += len;
    rest->len -= len;
    return true;
}

/* The unit, and the first time and seq. */
static enum pp_error open_columns(struct pp_block_reader *reader)
{
    const uint8_t *unit, *time, *seq;
    if (!take(reader, TIME, 1, &unit) || *unit >= UNIT_COUNT ||
        !take(reader, TIME, FIRST_BYTES, &time) || !take(reader, SEQ, FIRST_BYTES, &seq))
        return PP_ERROR_FORMAT;
    reader->time_unit = units[*unit];
    reader->time = pp_get_u64(time);
    reader->seq = pp_get_u64(seq);
    return PP_OK;
}

enum pp_error pp_block_open(struct pp_bytes block, struct pp_block_reader *reader)
{
    size_t bytes;
    if (block.len < PP_BLOCK_HEAD_BYTES || pp_block_length(block.data, &bytes) != PP_OK ||
        bytes != block.len)
        return PP_ERROR_FORMAT;
    reader->left = pp_get_u32(block.data);
    reader->started = false;
    reader->source_count = 0;
    reader->second = 0;
    const uint8_t *at = block.data + PP_BLOCK_HEAD_BYTES;
    for (size_t i = 0; i < PP_BLOCK_COLUMNS; i++) {
        reader->columns[i] = (struct pp_bytes){at, pp_get_u32(block.data + 4 * (i + 1))};
        at += reader->columns[i].len;
    }
    return open_columns(reader);
}

/* The seq and time of the next entry, from those of the one before. */
static enum pp_error step(struct pp_block_reader *reader)
{
    uint64_t gap, zigzagged;
    if (!reader->started) {
        reader->started = true;
        return PP_OK;
    }
    if (pp_varint_take(&reader->columns[SEQ], &gap) != PP_OK || gap >= UINT64_MAX - reader->seq ||
        pp_varint_take(&reader->columns[TIME], &zigzagged) != PP_OK)
        return PP_ERROR_FORMAT;
    reader->seq += gap + 1;
    reader->time += zigzagged >> 1 ^ (zigzagged & 1 ? UINT64_MAX : 0);
    return PP_OK;
}

static enum pp_error take_source(struct pp_block_reader *reader, struct pp_bytes *source)
{
    uint64_t number;
    const uint8_t *len, *data;
    if (pp_varint_take(&reader->columns[SOURCE], &number) != PP_OK ||
        number > reader->source_count || number >= PP_BLOCK_ENTRIES)
        return PP_ERROR_FORMAT;
    if (number == reader->source_count) {
        if (!take(reader, SOURCE, 1, &len) || *len == 0 || !take(reader, SOURCE, *len, &data))
            return PP_ERROR_FORMAT;
        reader->sources[reader->source_count++] = (struct pp_bytes){data, *len};
    }
    *source = reader->sources[number];
    return PP_OK;
}

/* A body that grows in reader->body. */
static bool grow(struct pp_block_reader *reader, size_t *len, const uint8_t *data, size_t more)
{
    if (more > sizeof reader->body - *len)
        return false;
    memcpy(reader->body + *len, data, more);
    *len += more;
    return true;
}

static bool take_number(struct pp_block_reader *reader, unsigned number, size_t *len)
{
    struct pp_bytes *rest =
        &reader->columns[NUMBERS +
                         (number < PP_BLOCK_NUMBER_COLUMNS ? number : PP_BLOCK_NUMBER_COLUMNS - 1)];
    size_t digits = digit_run(*rest);
    if (digits == 0 || digits == rest->len || rest->data[digits] != '\n' ||
        !grow(reader, len, rest->data, digits))
        return false;
    rest->data += digits + 1;
    rest->len -= digits + 1;
    return true;
}

static bool take_hex(struct pp_block_reader *reader, size_t *len)
{
    const uint8_t *count, *bytes;
    char digits[HEX_RUN_MAX + 1];
    if (!take(reader, HEX, 1, &count) || *count < HEX_RUN_MIN / 2 ||
        !take(reader, HEX, *count, &bytes))
        return false;
    pp_hex_encode(bytes, *count, digits);
    return grow(reader, len, (const uint8_t *)digits, 2 * (size_t)*count);
}

static bool take_time(struct pp_block_reader *reader, uint64_t time_ns, size_t *len)
{
    const uint8_t *digits;
    if (!take(reader, TEXT, 1, &digits) || *digits > FRACTION_DIGITS)
        return false;
    render_time(time_ns, &reader->second, reader->second_text);
    return grow(reader, len, reader->second_text,
                *digits == 0 ? SECOND_BYTES : SECOND_BYTES + 1 + (size_t)*digits);
}

static bool take_escaped(struct pp_block_reader *reader, size_t *len)
{
    const uint8_t *byte;
    return take(reader, TEXT, 1, &byte) && *byte >= MARK_NUMBER && *byte <= MARK_END &&
           grow(reader, len, byte, 1);
}

/* The bytes up to the next mark. */
static bool take_plain(struct pp_block_reader *reader, size_t *len)
{
    struct pp_bytes *rest = &reader->columns[TEXT];
    size_t plain = 0;
    while (plain < rest->len && (rest->data[plain] < MARK_NUMBER || rest->data[plain] > MARK_END))
        plain++;
    const uint8_t *data;
    return take(reader, TEXT, plain, &data) && grow(reader, len, data, plain);
}

static enum pp_error take_body(struct pp_block_reader *reader, uint64_t time_ns, size_t *len)
{
    unsigned numbers = 0;
    const uint8_t *mark;
    *len = 0;
    while (take_plain(reader, len) && take(reader, TEXT, 1, &mark)) {
        bool good = false;
        if (*mark == MARK_END)
            return PP_OK;
        if (*mark == MARK_NUMBER)
            good = take_number(reader, numbers++, len);
        else if (*mark == MARK_HEX)
            good = take_hex(reader, len);
        else if (*mark == MARK_TIME)
            good = take_time(reader, time_ns, len);
        else
            good = take_escaped(reader, len);
        if (!good)
            return PP_ERROR_FORMAT;
    }
    return PP_ERROR_FORMAT;
}

static enum pp_error check_end(const struct pp_block_reader *reader)
{
    for (size_t i = 0; i < PP_BLOCK_COLUMNS; i++)
        if (reader->columns[i].len != 0)
            return PP_ERROR_FORMAT;
    return PP_ERROR_NOT_FOUND;
}

enum pp_error pp_block_next(struct pp_block_reader *reader, struct pp_entry *entry)
{
    const uint8_t *kind;
    struct pp_bytes source;
    size_t len;
    if (reader->left == 0)
        return check_end(reader);
    if (step(reader) != PP_OK || reader->time > UINT64_MAX / reader->time_unit ||
        !take(reader, KIND, 1, &kind) || take_source(reader, &source) != PP_OK ||
        take_body(reader, reader->time * reader->time_unit, &len) != PP_OK)
        return PP_ERROR_FORMAT;
    *entry = (struct pp_entry){
        .seq = reader->seq,
        .time_ns = reader->time * reader->time_unit,
        .source = source,
        .body = {reader->body, len},
        .level = *kind >> 4,
        .kind = *kind & 15,
    };
    reader->left--;
    return entry->level < PP_LEVEL_COUNT && entry->kind >= PP_ENTRY_DATA &&
                   entry->kind <= PP_ENTRY_NOTICE
               ? PP_OK
               : PP_ERROR_FORMAT;
}
