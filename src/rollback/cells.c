/* SPDX-License-Identifier: MIT */
/* Rows cut into cells: a bitmap of those that differ, and only their bytes. */
#include "transform.h"

#include "../base/base.h"

static size_t cell_count(size_t n)
{
    return n / PP_ROLLBACK_CELL_BYTES + (n % PP_ROLLBACK_CELL_BYTES != 0);
}

static size_t cell_bytes(size_t cell, size_t n)
{
    size_t rest = n - cell * PP_ROLLBACK_CELL_BYTES;
    return rest < PP_ROLLBACK_CELL_BYTES ? rest : PP_ROLLBACK_CELL_BYTES;
}

static bool is_set(const uint8_t *bitmap, size_t cell)
{
    return (bitmap[cell / 8] >> (cell % 8) & 1) != 0;
}

static bool differ(const uint8_t *a, const uint8_t *b, size_t n)
{
    uint8_t difference = 0;
    for (size_t i = 0; i < n; i++)
        difference |= (uint8_t)(a[i] ^ b[i]);
    return difference != 0;
}

size_t pp_rollback_cells_bitmap_bytes(size_t n)
{
    return (cell_count(n) + 7) / 8;
}

size_t pp_rollback_cells_compare(const uint8_t *old_row, const uint8_t *new_row, uint8_t *bitmap,
                                 size_t n)
{
    size_t bytes = 0;
    for (size_t i = 0; i < pp_rollback_cells_bitmap_bytes(n); i++)
        bitmap[i] = 0;
    for (size_t cell = 0; cell < cell_count(n); cell++) {
        size_t at = cell * PP_ROLLBACK_CELL_BYTES;
        if (!differ(old_row + at, new_row + at, cell_bytes(cell, n)))
            continue;
        bitmap[cell / 8] |= (uint8_t)(1U << cell % 8);
        bytes += cell_bytes(cell, n);
    }
    return bytes;
}

bool pp_rollback_cells_count(const uint8_t *bitmap, size_t n, size_t *bytes)
{
    size_t cells = cell_count(n), sum = 0;
    for (size_t cell = 0; cell < cells; cell++)
        sum += is_set(bitmap, cell) ? cell_bytes(cell, n) : 0;
    for (size_t cell = cells; cell % 8 != 0; cell++)
        if (is_set(bitmap, cell))
            return false;
    *bytes = sum;
    return true;
}

void pp_rollback_cells_gather(const uint8_t *row, const uint8_t *bitmap, uint8_t *cells, size_t n)
{
    size_t used = 0;
    for (size_t cell = 0; cell < cell_count(n); cell++) {
        if (!is_set(bitmap, cell))
            continue;
        pp_copy(cells + used, row + cell * PP_ROLLBACK_CELL_BYTES, cell_bytes(cell, n));
        used += cell_bytes(cell, n);
    }
}

void pp_rollback_cells_scatter(const uint8_t *cells, const uint8_t *bitmap, uint8_t *row, size_t n)
{
    size_t used = 0;
    for (size_t cell = 0; cell < cell_count(n); cell++) {
        if (!is_set(bitmap, cell))
            continue;
        pp_copy(row + cell * PP_ROLLBACK_CELL_BYTES, cells + used, cell_bytes(cell, n));
        used += cell_bytes(cell, n);
    }
}
