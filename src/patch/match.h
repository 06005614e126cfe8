/* SPDX-License-Identifier: MIT */
/* Which parts of the old and of the new image correspond: matches, the heaviest chain of them
   that keeps the order of both images, and covers that hold bytes that differ too. */
#ifndef PP_PATCH_MATCH_H
#define PP_PATCH_MATCH_H

#include <postproof/bytes.h>
#include <postproof/error.h>
#include <stdbool.h>
#include <string.h>

struct pp_patch_cover {
    uint64_t old_at, new_at, bytes;
};

/* On the heap; an empty list is all zeros. */
struct pp_patch_covers {
    struct pp_patch_cover *at;
    size_t count, room;
};
PP_MUST_CHECK bool pp_patch_covers_add(struct pp_patch_covers *covers, struct pp_patch_cover cover);
void pp_patch_covers_clean_up(struct pp_patch_covers *covers);

/* A gram is the shortest match; its hash has so many bits (Knuth, TAOCP 6.4). */
enum { PP_PATCH_GRAM_BYTES = 8 };
static inline size_t pp_patch_hash_gram(const uint8_t *p, unsigned bits)
{
    uint64_t gram;
    _Static_assert(sizeof gram == PP_PATCH_GRAM_BYTES, "a gram is hashed as one number");
    memcpy(&gram, p, sizeof gram);
    return (size_t)(gram * 0x9e3779b97f4a7c15 >> (64 - bits));
}

/* Bytes from old_at and new_at on that are equal, at most `most`. */
size_t pp_patch_equal_bytes(const uint8_t *a, const uint8_t *b, size_t most);

/* A suffix array takes four times the bytes that it is of: at most so many. */
enum { PP_PATCH_SUFFIX_BYTES_MAX = 4 << 20 };

enum { PP_PATCH_JOINED_BYTES_MAX = 8 };

/* Appends matches in the order of the new image, each byte of which lies in one at most.  Between
   stretches that are equal, PP_PATCH_JOINED_BYTES_MAX may differ.  PP_ERROR_MEMORY. */
PP_MUST_CHECK enum pp_error pp_patch_match_suffixes(struct pp_bytes old_image,
                                                    struct pp_bytes new_image,
                                                    struct pp_patch_covers *matches);
/* The same, but exact, in less memory: a table of about a quarter of the old image, and matches of
   64 bytes on. */
PP_MUST_CHECK enum pp_error pp_patch_match_blocks(struct pp_bytes old_image,
                                                  struct pp_bytes new_image,
                                                  struct pp_patch_covers *matches);

/* Appends matches in the order of the new image: by suffixes where the old image is small
   enough; otherwise by blocks first, and then by the suffixes of what lies between the blocks that
   keep the order of both images, at most suffix_bytes_max at a time.  PP_ERROR_MEMORY. */
PP_MUST_CHECK enum pp_error pp_patch_match(struct pp_bytes old_image, struct pp_bytes new_image,
                                           size_t suffix_bytes_max,
                                           struct pp_patch_covers *matches);

/* Leaves the chain of matches whose places rise in both images and which holds the most bytes.
   Neighbours may still overlap.  O(n log n).  PP_ERROR_MEMORY. */
PP_MUST_CHECK enum pp_error pp_patch_chain(struct pp_patch_covers *matches);

/* Covers from a chain: no overlaps, each extended over bytes that differ as long as that pays, and
   gaps of equal length closed where the bytes are alike.  PP_ERROR_MEMORY. */
PP_MUST_CHECK enum pp_error pp_patch_align(struct pp_bytes old_image, struct pp_bytes new_image,
                                           const struct pp_patch_covers *chain,
                                           struct pp_patch_covers *covers);
/* Bytes at equal places are alike: to pair them is shorter than two literals. */
bool pp_patch_is_alike(const uint8_t *old_bytes, const uint8_t *new_bytes, size_t n);

#endif
