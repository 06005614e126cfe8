/* SPDX-License-Identifier: MIT */
/* Page trees after many pages have changed: each node above them is made once. */
#include "rollback_internal.h"

#include "../base/hash.h"

enum { WORD_BITS = 64 };

/* Makes the nodes above the dirty ones of one row; dirty then marks these.  A node of the row above
   lies in a word that was read before or is the first, hence one bitmap is enough. */
static void refresh_row(const struct pp_digest *row, size_t count, struct pp_digest *above,
                        uint64_t *dirty)
{
    for (size_t word = 0; word * WORD_BITS < count; word++) {
        uint64_t bits = dirty[word];
        dirty[word] = 0;
        for (size_t pair = 0; bits != 0; pair++, bits >>= 2) {
            size_t left = word * WORD_BITS + 2 * pair;
            if ((bits & 3) == 0)
                continue;
            above[left / 2] =
                left + 1 < count ? pp_node_hash(&row[left], &row[left + 1]) : row[left];
            dirty[left / 2 / WORD_BITS] |= UINT64_C(1) << (left / 2 % WORD_BITS);
        }
    }
}

void pp_rollback_tree_refresh(struct pp_digest *nodes, size_t pages, uint64_t *dirty)
{
    struct pp_digest *row = nodes;
    for (size_t count = pages; count > 1; count = count / 2 + count % 2) {
        refresh_row(row, count, row + count, dirty);
        row += count;
    }
    if (pages > 0)
        dirty[0] = 0;
}
