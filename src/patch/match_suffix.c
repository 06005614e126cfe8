/* SPDX-License-Identifier: MIT */
/* Matches by the suffix array of the old image, which libdivsufsort builds. */
#include <stdlib.h>
#include <string.h>

#include <divsufsort.h>

#include "match.h"
#include "pages.h"

enum {
    MATCH_BYTES_MIN = PP_PATCH_GRAM_BYTES,
    LONG_MATCH_BYTES = 4096, /* good enough: no longer one is looked for */
    BETTER_BYTES = 4,        /* what another place must match more than the place before does */
    BUCKETS = 1 << 16,
    GRAM_BITS = 4,           /* for each byte of the image */
    SHORT_IMAGE_BYTES = 1024 /* below, to fill so many buckets would take longer than to sort */
};

/* The suffixes that begin with the bytes a, b are at[bucket[a * 256 + b] .. next bucket - 1]. */
struct suffixes {
    struct pp_bytes image;
    saidx_t *at;
    saidx_t *bucket; /* BUCKETS + 1; NULL for a short image */
    /* A bit for each hash of so many bytes: where it is 0, nothing long enough begins with them. */
    uint8_t *grams;
    unsigned gram_log;
};

static bool fill_grams(struct suffixes *s)
{
    s->gram_log = 6;
    while ((size_t)1 << s->gram_log < GRAM_BITS * s->image.len)
        s->gram_log++;
    s->grams = calloc((size_t)1 << (s->gram_log - 3), 1);
    for (size_t i = 0; s->grams != NULL && i + MATCH_BYTES_MIN <= s->image.len; i++) {
        size_t hash = pp_patch_hash_gram(s->image.data + i, s->gram_log);
        s->grams[hash / 8] |= (uint8_t)(1U << hash % 8);
    }
    return s->grams != NULL;
}

static bool may_match(const struct suffixes *s, struct pp_bytes text)
{
    if (text.len < MATCH_BYTES_MIN)
        return false;
    size_t hash = pp_patch_hash_gram(text.data, s->gram_log);
    return (s->grams[hash / 8] >> hash % 8 & 1) != 0;
}

static size_t key_of(const uint8_t *p)
{
    return (size_t)p[0] << 8 | p[1];
}

/* Counts the suffixes of each key.  The last one is a byte short: it sorts before all that begin
   with its byte. */
static void fill_buckets(struct suffixes *s)
{
    size_t n = s->image.len;
    saidx_t sum = 0;
    for (size_t i = 0; i + 1 < n; i++)
        s->bucket[key_of(s->image.data + i)]++;
    s->bucket[(size_t)s->image.data[n - 1] << 8]++;
    for (size_t key = 0; key <= BUCKETS; key++) {
        saidx_t count = s->bucket[key];
        s->bucket[key] = sum;
        sum += count;
    }
}

static bool sorts_before(struct pp_bytes image, size_t a, size_t b)
{
    int order = memcmp(image.data + a, image.data + b, image.len - (a > b ? a : b));
    return order < 0 || (order == 0 && a > b);
}

/* Each suffix goes to its place among those before. */
static void sort_few(struct suffixes *s)
{
    for (size_t i = 0; i < s->image.len; i++) {
        size_t low = 0, high = i;
        while (low < high) {
            size_t middle = low + (high - low) / 2;
            if (sorts_before(s->image, (size_t)s->at[middle], i))
                low = middle + 1;
            else
                high = middle;
        }
        memmove(s->at + low + 1, s->at + low, (i - low) * sizeof *s->at);
        s->at[low] = (saidx_t)i;
    }
}

static void free_suffixes(struct suffixes *s)
{
    free(s->at);
    free(s->bucket);
    free(s->grams);
}

static bool build(struct suffixes *s, struct pp_bytes image)
{
    s->image = image;
    s->at = pp_patch_get_pages(image.len * sizeof *s->at);
    if (!fill_grams(s) || s->at == NULL)
        return false;
    if (image.len < SHORT_IMAGE_BYTES) {
        sort_few(s);
        return true;
    }
    s->bucket = calloc(BUCKETS + 1, sizeof *s->bucket);
    if (s->bucket == NULL || divsufsort(image.data, s->at, (saidx_t)image.len) != 0)
        return false;
    fill_buckets(s);
    return true;
}

/* A suffix that shares a longest beginning with text, by bisection. */
static size_t longest_match(const struct suffixes *s, struct pp_bytes text, size_t *place)
{
    size_t best = 0, shared_low = 0, shared_high = 0;
    if (!may_match(s, text))
        return 0;
    size_t low = 0, high = s->image.len;
    if (s->bucket != NULL) {
        low = (size_t)s->bucket[key_of(text.data)];
        high = (size_t)s->bucket[key_of(text.data) + 1];
    }
    while (low < high) {
        size_t middle = low + (high - low) / 2, at = (size_t)s->at[middle];
        size_t most = s->image.len - at < text.len ? s->image.len - at : text.len;
        size_t shared = shared_low < shared_high ? shared_low : shared_high;
        shared +=
            pp_patch_equal_bytes(s->image.data + at + shared, text.data + shared, most - shared);
        if (shared > best) {
            best = shared;
            *place = at;
        }
        if (shared >= LONG_MATCH_BYTES)
            break;
        bool is_less = shared == most ? s->image.len - at < text.len
                                      : s->image.data[at + shared] < text.data[shared];
        if (is_less) {
            low = middle + 1;
            shared_low = shared;
        } else {
            high = middle;
            shared_high = shared;
        }
    }
    return best;
}

/* Bytes of new[at ..] that equal the old ones where the last match leads on, of the next n. */
static size_t same_as_before(struct pp_bytes old_image, struct pp_bytes new_image, size_t at,
                             struct pp_patch_cover last, size_t n)
{
    uint64_t old_at = last.old_at + (at - last.new_at);
    size_t same = 0;
    for (size_t i = 0; i < n && old_at + i < old_image.len; i++)
        same += old_image.data[old_at + i] == new_image.data[at + i];
    return same;
}

/* Adds the match, or lengthens the one before when only a few bytes that differ lie between. */
static bool add_match(struct pp_patch_covers *matches, size_t first, struct pp_patch_cover match)
{
    struct pp_patch_cover *last = NULL;
    if (matches->count > first)
        last = matches->at + matches->count - 1;
    if (last != NULL && match.old_at - last->old_at == match.new_at - last->new_at &&
        match.new_at - last->new_at - last->bytes <= PP_PATCH_JOINED_BYTES_MAX) {
        last->bytes = match.new_at + match.bytes - last->new_at;
        return true;
    }
    return pp_patch_covers_add(matches, match);
}

enum pp_error pp_patch_match_suffixes(struct pp_bytes old_image, struct pp_bytes new_image,
                                      struct pp_patch_covers *matches)
{
    struct suffixes suffixes = {0};
    struct pp_patch_cover last = {0, 0, 0};
    enum pp_error error = PP_OK;
    size_t first = matches->count;
    if (old_image.len == 0)
        return PP_OK;
    if (!build(&suffixes, old_image))
        error = PP_ERROR_MEMORY;
    for (size_t at = 0; at < new_image.len && error == PP_OK;) {
        struct pp_bytes rest = {new_image.data + at, new_image.len - at};
        size_t place = 0;
        size_t found = longest_match(&suffixes, rest, &place);
        if (found < MATCH_BYTES_MIN) {
            at++;
            continue;
        }
        size_t same = same_as_before(old_image, new_image, at, last, found);
        if (same == found) {
            place = (size_t)(last.old_at + (at - last.new_at));
        } else if (found <= same + BETTER_BYTES) {
            at++;
            continue;
        }
        found += pp_patch_equal_bytes(
            old_image.data + place + found, rest.data + found,
            old_image.len - place < rest.len ? old_image.len - place - found : rest.len - found);
        last = (struct pp_patch_cover){place, at, found};
        at += found;
        if (!add_match(matches, first, last))
            error = PP_ERROR_MEMORY;
    }
    free_suffixes(&suffixes);
    return error;
}
