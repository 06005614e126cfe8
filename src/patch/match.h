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

/* Which image. */
enum pp_patch_side { PP_PATCH_OLD_SIDE, PP_PATCH_NEW_SIDE };
static inline uint64_t pp_patch_place_of(const struct pp_patch_cover *cover,
                                         enum pp_patch_side side)
{
    return side == PP_PATCH_OLD_SIDE ? cover->old_at : cover->new_at;
}
/* By their places in that image. */
void pp_patch_covers_sort(struct pp_patch_covers *covers, enum pp_patch_side side);

/* Both images, and where their bytes correspond. */
struct pp_patch_images {
    struct pp_bytes old_image, new_image;
    const struct pp_patch_covers *covers;
};

/* A gram is the shortest match; its hash has so many bits (Knuth, TAOCP 6.4). */
enum { PP_PATCH_GRAM_BYTES = 8 };
static inline size_t pp_patch_hash_gram(const uint8_t *p, unsigned bits)
{
    uint64_t gram;
    _Static_assert(sizeof gram == PP_PATCH_GRAM_BYTES, "a gram is hashed as one number");
    memcpy(&gram, p, sizeof gram);
    return (size_t)(gram * 0x9e3779b97f4a7c15 >> (64 - bits));
}

/* A distance of either sign, modulo 2^64, as a number that is small for a short one, and back. */
static inline uint64_t pp_patch_number_of(uint64_t distance)
{
    return distance << 1 ^ (0 - (distance >> 63));
}

static inline uint64_t pp_patch_distance_of(uint64_t number)
{
    return number % 2 == 0 ? number / 2 : ~(number / 2);
}

/* Bytes from old_at and new_at on that are equal, at most `most`. */
size_t pp_patch_equal_bytes(const uint8_t *a, const uint8_t *b, size_t most);

/* A suffix array takes four times the bytes that it is of: at most so many. */
enum { PP_PATCH_SUFFIX_BYTES_MAX = 4 << 20 };

enum { PP_PATCH_JOINED_BYTES_MAX = 8, PP_PATCH_LEFT_OUT_BYTES_MIN = 40 };

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
   keep the order of both images, at most suffix_bytes_max at a time.  The other blocks are
   appended to left_out.  PP_ERROR_MEMORY. */
PP_MUST_CHECK enum pp_error pp_patch_match(struct pp_bytes old_image, struct pp_bytes new_image,
                                           size_t suffix_bytes_max, struct pp_patch_covers *matches,
                                           struct pp_patch_covers *left_out);

/* Leaves the chain of matches whose places rise in both images and which holds the most bytes.
   Neighbours may still overlap.  The others are appended to left_out, but for short ones.
   O(n log n).  PP_ERROR_MEMORY. */
PP_MUST_CHECK enum pp_error pp_patch_chain(struct pp_patch_covers *matches,
                                           struct pp_patch_covers *left_out);

/* Covers from a chain: no overlaps, each extended over bytes that differ as long as that pays, and
   gaps of equal length closed where the bytes are alike.  PP_ERROR_MEMORY. */
PP_MUST_CHECK enum pp_error pp_patch_align(struct pp_bytes old_image, struct pp_bytes new_image,
                                           const struct pp_patch_covers *chain,
                                           struct pp_patch_covers *covers);
/* Bytes at equal places are alike: to pair them is shorter than two literals. */
bool pp_patch_is_alike(const uint8_t *old_bytes, const uint8_t *new_bytes, size_t n);

#endif
