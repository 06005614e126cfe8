/* SPDX-License-Identifier: MIT */
/* Matches by a table of the old image's blocks and a hash that rolls over the new image. */
#include <stdlib.h>
#include <string.h>

#include "match.h"
#include "pages.h"

enum {
    BLOCK_BYTES = 32,
    STRIDE_BYTES = 32, /* between blocks of the old image */
    MATCH_BYTES_MIN = 32,
    PAGE_BYTES = 4096,
    PAGE_BLOCKS = PAGE_BYTES / STRIDE_BYTES
};

/* Places are in units of the stride, plus 1: 0 is a free entry.  Blocks that occur again are left
   out, but for the first. */
struct table {
    uint32_t *place;
    uint64_t entries; /* at most 2^32 */
};

static const uint64_t factor = 0x9e3779b97f4a7c15;

/* factor ^ BLOCK_BYTES, by which the byte that leaves was multiplied. */
static uint64_t leaving_factor(void)
{
    uint64_t power = 1;
    for (int i = 0; i < BLOCK_BYTES; i++)
        power *= factor;
    return power;
}

/* The polynomial of Karp and Rabin over BLOCK_BYTES bytes, modulo 2^64. */
static uint64_t hash_block(const uint8_t *p)
{
    uint64_t hash = 0;
    for (int i = 0; i < BLOCK_BYTES; i++)
        hash = hash * factor + p[i] + 1;
    return hash;
}

static size_t entry_of(const struct table *table, uint64_t hash)
{
    return (size_t)((hash * factor >> 32) * table->entries >> 32);
}

/* The page is the same at the same place of both images: it is found there, without the table. */
static bool stays(struct pp_bytes old_image, struct pp_bytes new_image, size_t at)
{
    return at + PAGE_BYTES <= old_image.len && at + PAGE_BYTES <= new_image.len &&
           memcmp(old_image.data + at, new_image.data + at, PAGE_BYTES) == 0;
}

static bool build(struct table *table, struct pp_bytes old_image, struct pp_bytes new_image)
{
    size_t blocks =
        old_image.len < BLOCK_BYTES ? 0 : (old_image.len - BLOCK_BYTES) / STRIDE_BYTES + 1;
    table->entries = blocks + blocks / 2 + 1;
    table->place = calloc(1, pp_patch_pages_bytes(table->entries * sizeof *table->place));
    if (table->place == NULL)
        return false;
    for (size_t i = 0; i < blocks; i++) {
        if (i % PAGE_BLOCKS == 0 && stays(old_image, new_image, i * STRIDE_BYTES)) {
            i += PAGE_BLOCKS - 1;
            continue;
        }
        uint32_t *place =
            table->place + entry_of(table, hash_block(old_image.data + i * STRIDE_BYTES));
        if (*place == 0)
            *place = (uint32_t)(i + 1);
    }
    return true;
}

/* The match around old_at and new_at, backwards as far as new_low. */
static struct pp_patch_cover widen(struct pp_bytes old_image, struct pp_bytes new_image,
                                   size_t old_at, size_t new_at, size_t new_low)
{
    size_t most = old_image.len - old_at < new_image.len - new_at ? old_image.len - old_at
                                                                  : new_image.len - new_at;
    size_t bytes = pp_patch_equal_bytes(old_image.data + old_at, new_image.data + new_at, most);
    while (old_at > 0 && new_at > new_low && bytes > 0 &&
           old_image.data[old_at - 1] == new_image.data[new_at - 1]) {
        old_at--;
        new_at--;
        bytes++;
    }
    return (struct pp_patch_cover){old_at, new_at, bytes};
}

static bool is_match(struct pp_bytes old_image, uint64_t old_at, struct pp_bytes new_image,
                     size_t new_at)
{
    return old_at < old_image.len && old_image.len - old_at >= BLOCK_BYTES &&
           memcmp(old_image.data + old_at, new_image.data + new_at, BLOCK_BYTES) == 0;
}

/* The match at new_at: first where the last one leads on, then in a page that stays, then by the
   table. */
static struct pp_patch_cover find(const struct table *table, struct pp_bytes old_image,
                                  struct pp_bytes new_image, size_t new_at, size_t new_low,
                                  uint64_t hash, struct pp_patch_cover last)
{
    struct pp_patch_cover none = {0, 0, 0};
    uint64_t onward = last.old_at + (new_at - last.new_at);
    if (is_match(old_image, onward, new_image, new_at))
        return widen(old_image, new_image, (size_t)onward, new_at, new_low);
    if (is_match(old_image, new_at, new_image, new_at) &&
        stays(old_image, new_image, new_at / PAGE_BYTES * PAGE_BYTES))
        return widen(old_image, new_image, new_at, new_at, new_low);
    uint32_t place = table->place[entry_of(table, hash)];
    if (place == 0)
        return none;
    struct pp_patch_cover found =
        widen(old_image, new_image, (size_t)(place - 1) * STRIDE_BYTES, new_at, new_low);
    return found.bytes >= MATCH_BYTES_MIN ? found : none;
}

enum pp_error pp_patch_match_blocks(struct pp_bytes old_image, struct pp_bytes new_image,
                                    struct pp_patch_covers *matches)
{
    struct table table;
    struct pp_patch_cover last = {0, 0, 0};
    const uint64_t leaving = leaving_factor();
    enum pp_error error = PP_OK;
    size_t low = 0; /* the end of the last match */
    if (old_image.len / STRIDE_BYTES >= UINT32_MAX)
        return PP_ERROR_TOO_LARGE;
    if (!build(&table, old_image, new_image))
        return PP_ERROR_MEMORY;
    for (size_t at = 0; at + BLOCK_BYTES <= new_image.len && error == PP_OK;) {
        uint64_t hash = hash_block(new_image.data + at);
        struct pp_patch_cover found = {0, 0, 0};
        for (;; at++) {
            found = find(&table, old_image, new_image, at, low, hash, last);
            if (found.bytes > 0 || at + BLOCK_BYTES >= new_image.len)
                break;
            hash = hash * factor + new_image.data[at + BLOCK_BYTES] + 1 -
                   leaving * (new_image.data[at] + 1ULL);
        }
        if (found.bytes == 0)
            break;
        last = found;
        low = at = (size_t)(found.new_at + found.bytes);
        if (!pp_patch_covers_add(matches, found))
            error = PP_ERROR_MEMORY;
    }
    free(table.place);
    return error;
}
