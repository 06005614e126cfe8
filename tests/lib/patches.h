/* SPDX-License-Identifier: MIT */
/* Patch files in memory: encoded from two images, decoded in either direction. */
#ifndef PP_TEST_PATCHES_H
#define PP_TEST_PATCHES_H

#include <postproof/patch.h>

/* On the heap. */
struct buffer {
    uint8_t *data;
    size_t len;
};
struct buffer buffer_of(size_t len);
void buffer_free(struct buffer *buffer);
/* Bytes that look random and follow from the seed. */
void fill_random(uint8_t *data, size_t n, uint64_t seed);
uint64_t next_random(uint64_t *state);

/* A whole patch file; fails the test when the encoder does. */
struct buffer encode_patch(enum pp_patch_mode mode, struct pp_bytes old_image,
                           struct pp_bytes new_image);
/* What the patch makes of source, in a buffer of the caller's that is freed on failure. */
enum pp_error decode_patch(struct pp_bytes patch, enum pp_rollback_direction direction,
                           struct pp_bytes source, struct buffer *result);
/* Recomputes body hash and name, so that a change in the body is not found by them. */
void reseal_patch(struct buffer *patch);
/* Encodes, decodes both ways, compares; returns the patch. */
struct buffer check_patch(enum pp_patch_mode mode, struct pp_bytes old_image,
                          struct pp_bytes new_image);

#endif
