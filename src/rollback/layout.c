/* SPDX-License-Identifier: MIT */
/* How values are written down: varints, planes, runs of zeros, codes of two bits. */
#include "transform.h"

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

void pp_rollback_planes_split(size_t width, const uint8_t *values, uint8_t *planes, size_t n)
{
    size_t items = n / width;
    for (size_t k = 0; k < width; k++)
        for (size_t i = 0; i < items; i++)
            planes[k * items + i] = values[i * width + k];
    pp_copy(planes + items * width, values + items * width, n - items * width);
}

void pp_rollback_planes_join(size_t width, const uint8_t *planes, uint8_t *values, size_t n)
{
    size_t items = n / width;
    for (size_t k = 0; k < width; k++)
        for (size_t i = 0; i < items; i++)
            values[i * width + k] = planes[k * items + i];
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

static uint32_t get_item(size_t width, const uint8_t *p)
{
    uint32_t v = 0;
    for (size_t k = width; k > 0; k--)
        v = v << 8 | p[k - 1];
    return v;
}

static unsigned code_at(const uint8_t *codes, size_t i)
{
    return codes[i / 4] >> (i % 4 * 2) & 3;
}

size_t pp_rollback_two_bits_split(size_t width, const uint8_t *values, size_t n, uint8_t *codes,
                                  uint8_t *rest)
{
    size_t items = n / width, used = 0;
    for (size_t i = 0; i < (items + 3) / 4; i++)
        codes[i] = 0;
    for (size_t i = 0; i < items; i++) {
        uint32_t v = get_item(width, values + i * width);
        codes[i / 4] |= (uint8_t)((v < 3 ? v : 3) << (i % 4 * 2));
        if (v < 3)
            continue;
        pp_copy(rest + used, values + i * width, width);
        used += width;
    }
    pp_copy(rest + used, values + items * width, n - items * width);
    return used + n - items * width;
}

size_t pp_rollback_two_bits_rest(size_t width, const uint8_t *codes, size_t n)
{
    size_t items = n / width, bytes = n - items * width;
    for (size_t i = 0; i < items; i++)
        bytes += code_at(codes, i) == 3 ? width : 0;
    return bytes;
}

bool pp_rollback_two_bits_join(size_t width, const uint8_t *codes, const uint8_t *rest,
                               uint8_t *values, size_t n)
{
    size_t items = n / width, used = 0;
    for (size_t i = 0; i < items; i++) {
        unsigned code = code_at(codes, i);
        if (code == 3) {
            if (get_item(width, rest + used) < 3)
                return false;
            pp_copy(values + i * width, rest + used, width);
            used += width;
            continue;
        }
        values[i * width] = (uint8_t)code;
        for (size_t k = 1; k < width; k++)
            values[i * width + k] = 0;
    }
    pp_copy(values + items * width, rest + used, n - items * width);
    for (size_t i = items; i % 4 != 0; i++)
        if (code_at(codes, i) != 0)
            return false;
    return true;
}
