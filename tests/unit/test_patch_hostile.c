/* SPDX-License-Identifier: MIT */
/* Damaged, cut and forged patch files, and patches on the wrong image: all of them are refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../src/base/base.h"
#include "../lib/patches.h"

enum { BLOCK = PP_PATCH_HEADER_BYTES }; /* the first block header of a file */

/* Of the bits, how many are flipped: all, or one in so many where the shadow of a decoder's memory
   costs more than the decoder does. */
#ifdef __SANITIZE_ADDRESS__
enum { BIT_STRIDE = 7 };
#else
enum { BIT_STRIDE = 1 };
#endif

/* An image, a changed one, and the patch between them. */
struct pair {
    struct buffer old_image, new_image, patch;
};

static struct pp_bytes view(const struct buffer *buffer)
{
    return (struct pp_bytes){buffer->data, buffer->len};
}

/* Two parts change places, and one of them changes. */
static void exchange(uint8_t *a, uint8_t *b, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uint8_t byte = a[i];
        a[i] = b[i];
        b[i] = byte;
    }
    a[n / 2] ^= 1;
}

/* Generic patches whose literals share a code, are their own codes, or have frames of their own,
   and those of pages. */
enum kind { SHARED, PLAIN, APART, PAGES, KINDS };

/* Text-like images, so that slots are frames: an edit, insertions, a move; where literals are
   shared, a deletion, and new and old literals that stand elsewhere in the other image; where they
   are not, many more new ones than old ones. */
static struct pair make_pair(enum kind kind)
{
    enum { TWICE = 150 };
    enum pp_patch_mode mode = kind == PAGES ? PP_PATCH_PAGES : PP_PATCH_GENERIC;
    struct pair pair = {buffer_of(3000), buffer_of(5000), {NULL, 0}};
    uint64_t seed = 42;
    for (size_t i = 0; i < 3000; i++)
        pair.old_image.data[i] = (uint8_t)("etaoin shrdlu"[next_random(&seed) % 13]);
    if (kind == SHARED)
        memcpy(pair.old_image.data + 1700, pair.old_image.data + 2700, TWICE);
    memcpy(pair.new_image.data, pair.old_image.data, 1000);
    memcpy(pair.new_image.data + 1000, "something that was not there before, or was it?", 47);
    memcpy(pair.new_image.data + 1047, pair.old_image.data + 1000, 1953);
    pair.new_image.len = 3000;
    for (size_t i = 100; i < 600; i += 7)
        pair.new_image.data[i] += 1;
    if (kind != APART) {
        memmove(pair.new_image.data + 2000, pair.new_image.data + 2060, 940);
        pair.new_image.len -= 60;
    }
    if (kind == SHARED) { /* the first one goes, and the second one was not quite the same */
        memmove(pair.new_image.data + 1747, pair.new_image.data + 1747 + TWICE,
                pair.new_image.len - 1747 - TWICE);
        pair.new_image.len -= TWICE;
        for (size_t i = 0; i < TWICE; i += 16)
            pair.old_image.data[2700 + i]++;
    }
    exchange(pair.new_image.data + 1200, pair.new_image.data + 1500, 200);
    memcpy(pair.new_image.data + pair.new_image.len, pair.old_image.data + 700, TWICE);
    pair.new_image.len += TWICE;
    if (kind == APART) {
        fill_random(pair.new_image.data + pair.new_image.len, 500, seed);
        pair.new_image.len += 500;
    }
    if (kind == PLAIN) {
        fill_random(pair.old_image.data, pair.old_image.len = 500, 1);
        fill_random(pair.new_image.data, pair.new_image.len = 400, 2);
    }
    pair.patch = check_patch(mode, view(&pair.old_image), view(&pair.new_image));
    assert_int_equal(pair.patch.data[BLOCK + 5], kind == SHARED ? 1 : kind == PLAIN ? 2 : 0);
    if (kind == PLAIN)
        assert_true(pair.patch.len <= PP_PATCH_HEADER_BYTES + PP_PATCH_BLOCK_HEADER_BYTES + 510);
    for (size_t slot = 2; slot <= 5 && kind == SHARED; slot += 3) /* "Elsewhere" */
        assert_int_not_equal(pp_get_u32(pair.patch.data + BLOCK + 60 + 8 * slot), 0);
    return pair;
}

static void free_pair(struct pair *pair)
{
    buffer_free(&pair->old_image);
    buffer_free(&pair->new_image);
    buffer_free(&pair->patch);
}

/* Either direction refuses the patch, or, where that is allowed, makes the right image. */
static void check_refused(const struct pair *pair, struct pp_bytes patch, bool may_succeed)
{
    for (int k = 0; k < 2; k++) {
        enum pp_rollback_direction direction = k == 0 ? PP_ROLLBACK_APPLY : PP_ROLLBACK_REVERT;
        const struct buffer *source = k == 0 ? &pair->old_image : &pair->new_image;
        const struct buffer *target = k == 0 ? &pair->new_image : &pair->old_image;
        struct buffer result;
        if (decode_patch(patch, direction, view(source), &result) != PP_OK)
            continue;
        assert_true(may_succeed);
        assert_int_equal(result.len, target->len);
        assert_memory_equal(result.data, target->data, target->len);
        buffer_free(&result);
    }
}

static void every_flipped_bit_is_refused(void **state)
{
    (void)state;
    for (int kind = 0; kind < KINDS; kind++) {
        struct pair pair = make_pair((enum kind)kind);
        for (size_t bit = 0; bit < pair.patch.len * 8; bit += BIT_STRIDE) {
            pair.patch.data[bit / 8] ^= (uint8_t)(1U << bit % 8);
            check_refused(&pair, view(&pair.patch), false);
            pair.patch.data[bit / 8] ^= (uint8_t)(1U << bit % 8);
        }
        free_pair(&pair);
    }
}

/* The hashes of file and header are made to fit: what is behind them must hold by itself. */
static void flipped_bits_under_valid_hashes_do_no_harm(void **state)
{
    (void)state;
    for (int kind = 0; kind < KINDS; kind++) {
        struct pair pair = make_pair((enum kind)kind);
        struct buffer forged = buffer_of(pair.patch.len);
        for (size_t bit = 0; bit < pair.patch.len * 8; bit += BIT_STRIDE) {
            memcpy(forged.data, pair.patch.data, pair.patch.len);
            forged.data[bit / 8] ^= (uint8_t)(1U << bit % 8);
            reseal_patch(&forged);
            check_refused(&pair, view(&forged), true);
        }
        buffer_free(&forged);
        free_pair(&pair);
    }
}

static void cut_files_are_refused(void **state)
{
    (void)state;
    struct pair pair = make_pair(SHARED);
    for (size_t len = 0; len < pair.patch.len; len++)
        check_refused(&pair, (struct pp_bytes){pair.patch.data, len}, false);
    free_pair(&pair);
}

/* A file that is cut, with a header that agrees to that. */
static void cut_bodies_under_valid_hashes_are_refused(void **state)
{
    (void)state;
    struct pair pair = make_pair(SHARED);
    for (size_t len = BLOCK; len < pair.patch.len; len++) {
        struct buffer forged = buffer_of(len);
        memcpy(forged.data, pair.patch.data, len);
        for (unsigned i = 0; i < 8; i++)
            forged.data[160 + i] = (uint8_t)((uint64_t)(len - BLOCK) >> (56 - 8 * i));
        reseal_patch(&forged);
        check_refused(&pair, view(&forged), false);
        buffer_free(&forged);
    }
    free_pair(&pair);
}

static void bytes_behind_the_body_are_refused(void **state)
{
    (void)state;
    struct pair pair = make_pair(SHARED);
    struct buffer longer = buffer_of(pair.patch.len + 1);
    memcpy(longer.data, pair.patch.data, pair.patch.len);
    check_refused(&pair, view(&longer), false);
    buffer_free(&longer);
    free_pair(&pair);
}

static void the_wrong_image_is_refused(void **state)
{
    (void)state;
    struct pair pair = make_pair(SHARED);
    struct buffer result, *images[] = {&pair.old_image, &pair.new_image};
    for (int k = 0; k < 2; k++) {
        struct buffer *image = images[k];
        for (size_t i = 0; i < image->len; i += 13) {
            image->data[i] ^= 0x10;
            assert_int_not_equal(decode_patch(view(&pair.patch), (enum pp_rollback_direction)k,
                                              view(image), &result),
                                 PP_OK);
            image->data[i] ^= 0x10;
        }
    }
    assert_int_equal(decode_patch(view(&pair.patch), PP_ROLLBACK_APPLY,
                                  (struct pp_bytes){pair.old_image.data, 2999}, &result),
                     PP_ERROR_MISMATCH);
    free_pair(&pair);
}

/* Each field of the header of the first block, set to values at and beyond its limits. */
static void forged_block_headers_are_refused(void **state)
{
    (void)state;
    static const uint32_t values[] = {0,        1,        0x10000,    0x10001,    0x100000,
                                      0x100001, 0x400001, 0x7fffffff, 0x80000000, 0xffffffff};
    struct pair pair = make_pair(SHARED);
    struct buffer forged = buffer_of(pair.patch.len);
    for (size_t field = 0; field < PP_PATCH_BLOCK_HEADER_BYTES; field += 4) {
        for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
            memcpy(forged.data, pair.patch.data, pair.patch.len);
            for (unsigned k = 0; k < 4; k++)
                forged.data[BLOCK + field + k] = (uint8_t)(values[i] >> (24 - 8 * k));
            reseal_patch(&forged);
            check_refused(&pair, view(&forged), true);
        }
    }
    buffer_free(&forged);
    free_pair(&pair);
}

/* Sizes of images that no operation reaches, and none that could be summed up to overflow. */
static void forged_image_sizes_are_refused(void **state)
{
    (void)state;
    struct pair pair = make_pair(SHARED);
    for (unsigned i = 0; i < 8; i++) {
        struct buffer forged = buffer_of(pair.patch.len);
        memcpy(forged.data, pair.patch.data, pair.patch.len);
        forged.data[16 + i] = 0xff; /* the old image */
        forged.data[24 + i] = 0xff; /* the new one */
        reseal_patch(&forged);
        check_refused(&pair, view(&forged), false);
        buffer_free(&forged);
    }
    free_pair(&pair);
}

static void calls_out_of_order_are_refused(void **state)
{
    (void)state;
    struct pair pair = make_pair(SHARED);
    struct pp_patch_header header;
    struct pp_patch_space space;
    struct pp_patch_read read;
    struct pp_patch_write write;
    assert_int_equal(pp_patch_header_read(pair.patch.data, &header), PP_OK);
    struct pp_patch_decoder *decoder = pp_patch_decoder_new(PP_ROLLBACK_APPLY, &header);
    assert_non_null(decoder);
    assert_false(pp_patch_decoder_next_read(decoder, &read));
    assert_false(pp_patch_decoder_next_write(decoder, &write));
    assert_int_equal(pp_patch_decoder_run(decoder), PP_ERROR_ARGUMENT);
    assert_int_equal(pp_patch_decoder_begin(decoder, pair.patch.data + BLOCK, &space),
                     PP_ERROR_ARGUMENT); /* it failed before */
    assert_int_equal(pp_patch_decoder_finish(decoder), PP_ERROR_FORMAT);
    pp_patch_decoder_free(decoder);
    free_pair(&pair);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_flipped_bit_is_refused),
        cmocka_unit_test(flipped_bits_under_valid_hashes_do_no_harm),
        cmocka_unit_test(cut_files_are_refused),
        cmocka_unit_test(cut_bodies_under_valid_hashes_are_refused),
        cmocka_unit_test(bytes_behind_the_body_are_refused),
        cmocka_unit_test(the_wrong_image_is_refused),
        cmocka_unit_test(forged_block_headers_are_refused),
        cmocka_unit_test(forged_image_sizes_are_refused),
        cmocka_unit_test(calls_out_of_order_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
