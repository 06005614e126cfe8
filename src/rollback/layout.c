/* SPDX-License-Identifier: MIT */
/* How values are written down: varints, planes, runs of zeros, codes of two bits. */
#include "transform.h"

#include <endian.h>
#include <string.h>

#include "../base/base.h"

/* ---- Varints --------------------------------------------------------------------------------- */

size_t pp_rollback_varint_write(uint8_t *p, uint64_t v)
{
    size_t n = 0;
    while (v >= 0x80) {
        p[n++] = (uint8_t)(v % 0x80 + 0x80);
        v /= 0x80;
    }
    p[n++] = (uint8_t)v;
    return n;
}

bool pp_rollback_varint_read(struct pp_bytes *rest, uint64_t *v)
{
    uint64_t value = 0;
    for (size_t i = 0; i < rest->len && i < PP_VARINT_BYTES_MAX; i++) {
        uint8_t byte = rest->data[i];
        if (i == PP_VARINT_BYTES_MAX - 1 && byte > 1)
            return false;
        value |= (uint64_t)(byte % 0x80) << (7 * i);
        if (byte >= 0x80)
            continue;
        if (byte == 0 && i > 0)
            return false;
        rest->data += i + 1;
        rest->len -= i + 1;
        *v = value;
        return true;
    }
    return false;
}

/* ---- Planes ---------------------------------------------------------------------------------- */

/* Constant widths below let the compiler unroll the inner loops. */
static inline void split_items(size_t width, const uint8_t *restrict values,
                               uint8_t *restrict planes, size_t items)
{
    for (size_t i = 0; i < items; i++)
        for (size_t k = 0; k < width; k++)
            planes[k * items + i] = values[i * width + k];
}

static inline void join_items(size_t width, const uint8_t *restrict planes,
                              uint8_t *restrict values, size_t items)
{
    for (size_t i = 0; i < items; i++)
        for (size_t k = 0; k < width; k++)
            values[i * width + k] = planes[k * items + i];
}

void pp_rollback_planes_split(size_t width, const uint8_t *values, uint8_t *planes, size_t n)
{
    size_t items = n / width;
    if (width == 4)
        split_items(4, values, planes, items);
    else if (width == 2)
        split_items(2, values, planes, items);
    else
        pp_copy(planes, values, items * width);
    pp_copy(planes + items * width, values + items * width, n - items * width);
}

void pp_rollback_planes_join(size_t width, const uint8_t *planes, uint8_t *values, size_t n)
{
    size_t items = n / width;
    if (width == 4)
        join_items(4, planes, values, items);
    else if (width == 2)
        join_items(2, planes, values, items);
    else
        pp_copy(values, planes, items * width);
    pp_copy(values + items * width, planes + items * width, n - items * width);
}

/* ---- Runs of zeros --------------------------------------------------------------------------- */

/* The end of the run at `from` of bytes that are 0, or of bytes that are not. */
static size_t run_end(const uint8_t *values, size_t from, size_t n, bool zeros)
{
    size_t i = from;
    while (i < n && (values[i] == 0) == zeros)
        i++;
    return i;
}

struct pp_rollback_runs pp_rollback_runs_split(const uint8_t *values, size_t n, uint8_t *runs,
                                               uint8_t *rest)
{
    struct pp_rollback_runs used = {0, 0};
    for (size_t i = 0; i < n;) {
        size_t start = run_end(values, i, n, true);
        size_t end = run_end(values, start, n, false);
        used.runs_bytes += pp_rollback_varint_write(runs + used.runs_bytes, start - i);
        used.runs_bytes += pp_rollback_varint_write(runs + used.runs_bytes, end - start);
        pp_copy(rest + used.rest_bytes, values + start, end - start);
        used.rest_bytes += end - start;
        i = end;
    }
    return used;
}

static bool has_zero(const uint8_t *p, size_t n)
{
    return run_end(p, 0, n, false) < n;
}

bool pp_rollback_runs_join(struct pp_bytes runs, struct pp_bytes rest, uint8_t *values, size_t n)
{
    for (size_t i = 0; i < n;) {
        uint64_t zeros, others;
        if (!pp_rollback_varint_read(&runs, &zeros) || !pp_rollback_varint_read(&runs, &others))
            return false;
        if (zeros > n - i || others > n - i - zeros || others > rest.len)
            return false;
        if ((zeros == 0 && i > 0) || (others == 0 && zeros < n - i))
            return false;
        if (has_zero(rest.data, (size_t)others))
            return false;
        for (size_t k = 0; k < zeros; k++)
            values[i + k] = 0;
        pp_copy(values + i + zeros, rest.data, (size_t)others);
        rest.data += others;
        rest.len -= (size_t)others;
        i += (size_t)(zeros + others);
    }
    return runs.len == 0 && rest.len == 0;
}

/* ---- Two bits -------------------------------------------------------------------------------- */

/* One instruction each for the widths 2 and 4, where they are constant. */
static inline uint32_t get_item(size_t width, const uint8_t *p)
{
    uint32_t v = 0;
    memcpy(&v, p, width);
    return le32toh(v);
}

static inline void put_item(size_t width, uint8_t *p, uint32_t v)
{
    v = htole32(v);
    memcpy(p, &v, width);
}

static inline unsigned code_at(const uint8_t *codes, size_t i)
{
    return codes[i / 4] >> (i % 4 * 2) & 3;
}

enum {
    WORD_ITEMS = 32, /* whose codes fill eight bytes */
    FEW_THREES = 4 /* among them that are handled without a branch, which would be guessed wrong */
};

/* Of the codes of WORD_ITEMS items: bit 2 k is set where code k is 3. */
static inline uint64_t threes_of(const uint8_t *codes)
{
    uint64_t word;
    memcpy(&word, codes, sizeof word);
    word = le64toh(word);
    return word & word >> 1 & 0x5555555555555555;
}

/* The same of fewer items. */
static inline uint64_t threes_of_last(const uint8_t *codes, size_t items)
{
    uint64_t threes = 0;
    for (size_t i = 0; i < items; i++)
        threes |= (uint64_t)(code_at(codes, i) == 3) << 2 * i;
    return threes;
}

static inline size_t count_threes(uint64_t threes)
{
    threes = (threes & 0x3333333333333333) + (threes >> 2 & 0x3333333333333333);
    threes = (threes + (threes >> 4)) & 0x0f0f0f0f0f0f0f0f;
    return (size_t)(threes * 0x0101010101010101 >> 56);
}

/* The first item whose bit is set, or the last one of all. */
static inline size_t item_of(uint64_t threes)
{
    return (size_t)__builtin_ctzll(threes | (uint64_t)1 << 63) / 2;
}

static inline unsigned code_of(uint32_t v)
{
    return v < 3 ? v : 3;
}

enum { GROUP_ITEMS = 64 }; /* that vector instructions take at once */

/* Four bytes below 4, the first in the lowest, become one.  No two products share a bit. */
static inline uint8_t pack_four(const uint8_t *small)
{
    uint32_t four;
    memcpy(&four, small, sizeof four);
    return (uint8_t)(le32toh(four) * 0x1041040U >> 24);
}

/* Of 16 bits on their own: the compiler makes vector instructions of this one only. */
static inline uint16_t code_of16(uint16_t v)
{
    return v < 3 ? v : 3;
}

static inline void pack_group(size_t width, const uint8_t *restrict values, uint8_t *restrict codes)
{
    uint8_t small[GROUP_ITEMS];
    uint16_t items[GROUP_ITEMS];
    if (width == 2) {
        memcpy(items, values, sizeof items);
        for (size_t i = 0; i < GROUP_ITEMS; i++)
            small[i] = (uint8_t)code_of16(le16toh(items[i]));
    } else {
        for (size_t i = 0; i < GROUP_ITEMS; i++)
            small[i] = (uint8_t)code_of(get_item(width, values + i * width));
    }
    for (size_t i = 0; i < GROUP_ITEMS; i += 4)
        codes[i / 4] = pack_four(small + i);
}

/* The values whose bits are set go to rest; returns their bytes. */
static inline size_t keep_threes(size_t width, uint64_t threes, const uint8_t *restrict values,
                                 uint8_t *restrict rest)
{
    size_t used = 0;
    for (; threes != 0; threes &= threes - 1, used += width)
        put_item(width, rest + used, get_item(width, values + item_of(threes) * width));
    return used;
}

/* The same of WORD_ITEMS items; rest has room for FEW_THREES in any case. */
static inline size_t keep_threes_of_word(size_t width, uint64_t threes,
                                         const uint8_t *restrict values, uint8_t *restrict rest)
{
    size_t used = count_threes(threes) * width;
    for (size_t k = 0; k < FEW_THREES; k++, threes &= threes - 1)
        put_item(width, rest + k * width, get_item(width, values + item_of(threes) * width));
    keep_threes(width, threes, values, rest + FEW_THREES * width);
    return used;
}

static inline size_t split_codes(size_t width, const uint8_t *restrict values, size_t items,
                                 uint8_t *restrict codes, uint8_t *restrict rest)
{
    size_t used = 0, grouped = items - items % GROUP_ITEMS, i = 0;
    for (; i < grouped; i += GROUP_ITEMS)
        pack_group(width, values + i * width, codes + i / 4);
    for (; i < items; i += 4)
        codes[i / 4] = 0;
    for (i = grouped; i < items; i++)
        codes[i / 4] |= (uint8_t)(code_of(get_item(width, values + i * width)) << i % 4 * 2);
    for (i = 0; i + WORD_ITEMS <= items; i += WORD_ITEMS)
        used +=
            keep_threes_of_word(width, threes_of(codes + i / 4), values + i * width, rest + used);
    return used + keep_threes(width, threes_of_last(codes + i / 4, items - i), values + i * width,
                              rest + used);
}

size_t pp_rollback_two_bits_split(size_t width, const uint8_t *values, size_t n, uint8_t *codes,
                                  uint8_t *rest)
{
    size_t items = n / width;
    size_t used = width == 2 ? split_codes(2, values, items, codes, rest)
                             : split_codes(width, values, items, codes, rest);
    pp_copy(rest + used, values + items * width, n - items * width);
    return used + n - items * width;
}

size_t pp_rollback_two_bits_rest(size_t width, const uint8_t *codes, size_t n)
{
    size_t items = n / width, large = 0, i = 0;
    for (; i + WORD_ITEMS <= items; i += WORD_ITEMS)
        large += count_threes(threes_of(codes + i / 4));
    large += count_threes(threes_of_last(codes + i / 4, items - i));
    return large * width + n - items * width;
}

/* The inverse of pack_four, as items. */
static inline void unpack_four(size_t width, uint64_t codes, uint8_t *values)
{
    if (width == 2) { /* again, no two products share a bit */
        codes = htole64(codes * 0x0000040010004001 & 0x0003000300030003);
        memcpy(values, &codes, sizeof codes);
        return;
    }
    for (unsigned k = 0; k < 4; k++)
        put_item(width, values + k * width, (uint32_t)(codes >> 2 * k & 3U));
}

/* The inverse of keep_threes; *is_valid becomes false when one is no such value. */
static inline size_t take_threes(size_t width, uint64_t threes, const uint8_t *restrict rest,
                                 uint8_t *restrict values, bool *is_valid)
{
    size_t used = 0;
    for (; threes != 0; threes &= threes - 1, used += width) {
        uint32_t v = get_item(width, rest + used);
        *is_valid = *is_valid && v >= 3;
        put_item(width, values + item_of(threes) * width, v);
    }
    return used;
}

static inline bool join_codes(size_t width, const uint8_t *restrict codes,
                              const uint8_t *restrict rest, uint8_t *restrict values, size_t items,
                              size_t *used)
{
    bool is_valid = true;
    size_t i = 0;
    for (; i + WORD_ITEMS <= items; i += WORD_ITEMS) {
        for (size_t k = i; k < i + WORD_ITEMS; k += 4)
            unpack_four(width, codes[k / 4], values + k * width);
        *used += take_threes(width, threes_of(codes + i / 4), rest + *used, values + i * width,
                             &is_valid);
    }
    for (size_t k = i; k < items; k++)
        put_item(width, values + k * width, code_at(codes, k));
    *used += take_threes(width, threes_of_last(codes + i / 4, items - i), rest + *used,
                         values + i * width, &is_valid);
    return is_valid;
}

bool pp_rollback_two_bits_join(size_t width, const uint8_t *codes, const uint8_t *rest,
                               uint8_t *values, size_t n)
{
    size_t items = n / width, used = 0;
    bool is_valid = width == 2 ? join_codes(2, codes, rest, values, items, &used)
                               : join_codes(width, codes, rest, values, items, &used);
    pp_copy(values + items * width, rest + used, n - items * width);
    for (size_t i = items; i % 4 != 0; i++)
        is_valid = is_valid && code_at(codes, i) == 0;
    return is_valid;
}
