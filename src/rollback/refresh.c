/* SPDX-License-Identifier: MIT */
/* Page trees after pages have changed: the nodes above them, each once. */
#include "rollback_internal.h"

#include "../base/hash.h"

static struct pp_digest node_over(const struct pp_digest *row, size_t count, size_t i)
{
    size_t left = 2 * i;
    return left + 1 < count ? pp_node_hash(&row[left], &row[left + 1]) : row[left];
}

/* Makes the nodes above the changed ones of a row anew; changed then names these. */
static void refresh_row(const struct pp_digest *row, size_t count, struct pp_digest *above,
                        size_t *changed, size_t n)
{
    for (size_t k = 0; k < n; k++) {
        size_t node = changed[k] / 2;
        if (k == 0 || changed[k - 1] != node)
            above[node] = node_over(row, count, node);
        changed[k] = node;
    }
}

void pp_rollback_tree_refresh(struct pp_digest *nodes, size_t pages, size_t *changed, size_t n)
{
    struct pp_digest *row = nodes;
    for (size_t count = pages; count > 1; count = count / 2 + count % 2) {
        refresh_row(row, count, row + count, changed, n);
        row += count;
    }
}
