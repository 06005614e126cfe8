/* SPDX-License-Identifier: MIT */
/* Memory for rings: a few sizes of chunks out of one array, each with its list of free ones. */

#include "table.h"

uint32_t *pp_rings_at(const struct pp_limiter *limiter, uint32_t handle)
{
    return (uint32_t *)((uintptr_t)limiter + limiter->cells_at) + handle;
}

bool pp_rings_take(struct pp_limiter *limiter, uint32_t cells, uint32_t *handle,
                   uint32_t *class_cells)
{
    unsigned class = 0;
    while (class < RING_CLASSES && limiter->class_cells[class] < cells)
        class ++;
    if (class == RING_CLASSES)
        return false;
    uint32_t size = limiter->class_cells[class], head = limiter->free_cells[class];
    if (head != 0) {
        *handle = head - 1;
        limiter->free_cells[class] = *pp_rings_at(limiter, *handle);
    } else if (limiter->cells - limiter->next_cell >= size) {
        *handle = (uint32_t)limiter->next_cell;
        limiter->next_cell += size;
        limiter->stats.ring_touched += (uint64_t)size * 4;
    } else {
        return false;
    }
    *class_cells = size;
    limiter->stats.ring_bytes += (uint64_t)size * 4;
    return true;
}

void pp_rings_release(struct pp_limiter *limiter, uint32_t handle, uint32_t class_cells)
{
    unsigned class = 0;
    while (limiter->class_cells[class] != class_cells)
        class ++;
    *pp_rings_at(limiter, handle) = limiter->free_cells[class];
    limiter->free_cells[class] = handle + 1;
    limiter->stats.ring_bytes -= (uint64_t)class_cells * 4;
}
