/* SPDX-License-Identifier: MIT */
/* Hash trees over pages, RFC 6962 section 2.1, kept row by row: node i of a row is over the nodes
   2 i and 2 i + 1 of the row below; a lonely last node rises as it is. */
#include "rollback_internal.h"

#include "../base/base.h"
#include "../base/hash.h"

uint64_t pp_rollback_pages(uint64_t image_bytes)
{
    return image_bytes / PP_ROLLBACK_PAGE_BYTES + (image_bytes % PP_ROLLBACK_PAGE_BYTES != 0);
}

uint64_t pp_rollback_tree_nodes(uint64_t pages)
{
    uint64_t nodes = pages;
    for (uint64_t row = pages; row > 1;) {
        row = row / 2 + row % 2;
        nodes += row;
    }
    return nodes;
}

struct pp_digest pp_rollback_page_hash(struct pp_bytes page)
{
    return pp_leaf_hash(page);
}

void pp_rollback_tree_build(struct pp_digest *nodes, size_t pages)
{
    struct pp_digest *row = nodes;
    for (size_t count = pages; count > 1;) {
        size_t pairs = count / 2;
        pp_node_hash_many(NULL, row, pairs, row + count);
        if (count % 2 == 1)
            row[count + pairs] = row[count - 1];
        row += count;
        count = pairs + count % 2;
    }
}

void pp_rollback_tree_update(struct pp_digest *nodes, size_t pages, size_t page,
                             struct pp_digest hash)
{
    nodes[page] = hash;
    pp_rollback_tree_refresh(nodes, pages, &page, 1);
}

struct pp_digest pp_rollback_tree_root(const struct pp_digest *nodes, size_t pages)
{
    return pages == 0 ? pp_empty_hash() : nodes[pp_rollback_tree_nodes(pages) - 1];
}
