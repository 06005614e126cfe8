/* SPDX-License-Identifier: MIT */
/* The heaviest chain of matches: dynamic programming with a Fenwick tree over the old places. */
#include <stdlib.h>
#include <string.h>

#include "match.h"
#include "pages.h"

/* What a step to another distance between the images costs, in bytes. */
enum { STEP_COST = 8 };

bool pp_patch_covers_add(struct pp_patch_covers *covers, struct pp_patch_cover cover)
{
    if (covers->count == covers->room) {
        size_t room = covers->room == 0 ? 1024 : 2 * covers->room;
        size_t bytes = pp_patch_pages_bytes(room * sizeof *covers->at);
        struct pp_patch_cover *grown = realloc(covers->at, bytes);
        if (grown == NULL)
            return false;
        covers->at = grown;
        covers->room = bytes / sizeof *grown;
    }
    covers->at[covers->count++] = cover;
    return true;
}

void pp_patch_covers_clean_up(struct pp_patch_covers *covers)
{
    free(covers->at);
    *covers = (struct pp_patch_covers){0};
}

static int compare_old_places(const void *a, const void *b)
{
    const struct pp_patch_cover *x = a, *y = b;
    return (x->old_at > y->old_at) - (x->old_at < y->old_at);
}

static int compare_new_places(const void *a, const void *b)
{
    const struct pp_patch_cover *x = a, *y = b;
    return (x->new_at > y->new_at) - (x->new_at < y->new_at);
}

void pp_patch_covers_sort(struct pp_patch_covers *covers, enum pp_patch_side side)
{
    if (covers->count > 0)
        qsort(covers->at, covers->count, sizeof *covers->at,
              side == PP_PATCH_OLD_SIDE ? compare_old_places : compare_new_places);
}

size_t pp_patch_equal_bytes(const uint8_t *a, const uint8_t *b, size_t most)
{
    size_t n = 0;
    while (n + sizeof(uint64_t) <= most && memcmp(a + n, b + n, sizeof(uint64_t)) == 0)
        n += sizeof(uint64_t);
    while (n < most && a[n] == b[n])
        n++;
    return n;
}

/* The best chain that ends in a match: its weight, and the match before, or -1. */
struct link {
    int64_t weight;
    int64_t before;
};

struct chain {
    const struct pp_patch_cover *match;
    size_t count;
    uint64_t *places;  /* old places, sorted */
    struct link *link; /* of each match */
    int64_t *best;     /* Fenwick tree: the match with the heaviest chain below a place, or -1 */
};

static int compare_places(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* How many places are smaller. */
static size_t rank_of(const struct chain *chain, uint64_t place)
{
    size_t low = 0, high = chain->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (chain->places[middle] < place)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* The heavier of two matches' chains; -1 is none. */
static int64_t heavier(const struct chain *chain, int64_t a, int64_t b)
{
    if (a < 0 || b < 0)
        return a < 0 ? b : a;
    return chain->link[a].weight >= chain->link[b].weight ? a : b;
}

static struct link link_to(const struct chain *chain, size_t i, int64_t before)
{
    const struct pp_patch_cover *next = &chain->match[i];
    if (before < 0)
        return (struct link){(int64_t)next->bytes, -1};
    const struct pp_patch_cover *last = &chain->match[before];
    int64_t weight = chain->link[before].weight + (int64_t)next->bytes;
    if (last->old_at + last->bytes > next->old_at)
        weight -= (int64_t)(last->old_at + last->bytes - next->old_at);
    if (next->old_at - last->old_at != next->new_at - last->new_at)
        weight -= STEP_COST;
    return (struct link){weight, before};
}

static int64_t find_links(struct chain *chain)
{
    int64_t end = -1;
    for (size_t i = 0; i < chain->count; i++) {
        size_t rank = rank_of(chain, chain->match[i].old_at);
        int64_t before = -1;
        for (size_t k = rank; k > 0; k -= k & -k)
            before = heavier(chain, before, chain->best[k]);
        chain->link[i] = link_to(chain, i, before);
        for (size_t k = rank + 1; k <= chain->count; k += k & -k)
            chain->best[k] = heavier(chain, chain->best[k], (int64_t)i);
        end = heavier(chain, end, (int64_t)i);
    }
    return end;
}

/* Leaves the matches of the chain that ends in `end`. */
static bool keep(struct pp_patch_covers *matches, struct link *link, int64_t end,
                 struct pp_patch_covers *left_out)
{
    int64_t next = -1;
    size_t kept = 0;
    for (int64_t i = end; i >= 0;) {
        int64_t before = link[i].before;
        link[i].before = next; /* now the one behind */
        next = i;
        i = before;
    }
    for (size_t i = 0; i < matches->count; i++) {
        if ((int64_t)i == next) {
            next = link[i].before;
            matches->at[kept++] = matches->at[i];
        } else if (matches->at[i].bytes >= PP_PATCH_LEFT_OUT_BYTES_MIN &&
                   !pp_patch_covers_add(left_out, matches->at[i])) {
            return false;
        }
    }
    matches->count = kept;
    return true;
}

enum pp_error pp_patch_chain(struct pp_patch_covers *matches, struct pp_patch_covers *left_out)
{
    size_t n = matches->count;
    struct chain chain = {.match = matches->at, .count = n};
    if (n == 0)
        return PP_OK;
    chain.places = pp_patch_get_pages(n * sizeof *chain.places);
    chain.link = pp_patch_get_pages(n * sizeof *chain.link);
    chain.best = pp_patch_get_pages((n + 1) * sizeof *chain.best);
    bool has_memory = chain.places != NULL && chain.link != NULL && chain.best != NULL;
    if (has_memory) {
        for (size_t i = 0; i < n; i++)
            chain.places[i] = matches->at[i].old_at;
        qsort(chain.places, n, sizeof *chain.places, compare_places);
        for (size_t i = 0; i <= n; i++)
            chain.best[i] = -1;
        has_memory = keep(matches, chain.link, find_links(&chain), left_out);
    }
    free(chain.places);
    free(chain.link);
    free(chain.best);
    return has_memory ? PP_OK : PP_ERROR_MEMORY;
}
