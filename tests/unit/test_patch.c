/* SPDX-License-Identifier: MIT */
/* Patch files: round trips in both modes and both directions, on random and on structured pairs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../src/patch/match.h"
#include "../../src/patch/model.h"
#include "../../src/rollback/transform.h"
#include "../lib/patches.h"

static void check_both_modes(struct pp_bytes old_image, struct pp_bytes new_image)
{
    struct buffer generic = check_patch(PP_PATCH_GENERIC, old_image, new_image);
    struct buffer pages = check_patch(PP_PATCH_PAGES, old_image, new_image);
    buffer_free(&generic);
    buffer_free(&pages);
}

static struct pp_bytes view(const struct buffer *buffer)
{
    return (struct pp_bytes){buffer->data, buffer->len};
}

static void small_images_return(void **state)
{
    (void)state;
    static const uint8_t a[] = "ab", b[] = "ba";
    for (size_t i = 0; i <= 2; i++)
        for (size_t k = 0; k <= 2; k++)
            check_both_modes((struct pp_bytes){a, i}, (struct pp_bytes){b, k});
}

static void all_images_of_two_bytes_return(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 1000; i++) {
        uint8_t old_image[2] = {(uint8_t)(i * 7), (uint8_t)(i / 3)};
        uint8_t new_image[2] = {(uint8_t)(i * 11), (uint8_t)(i / 4)};
        struct buffer patch = check_patch(PP_PATCH_GENERIC, (struct pp_bytes){old_image, 2},
                                          (struct pp_bytes){new_image, 2});
        buffer_free(&patch);
    }
}

static void equal_images_need_one_copy(void **state)
{
    (void)state;
    struct buffer image = buffer_of(3 << 20);
    fill_random(image.data, image.len, 1);
    struct buffer patch = check_patch(PP_PATCH_GENERIC, view(&image), view(&image));
    assert_true(patch.len < PP_PATCH_HEADER_BYTES + PP_PATCH_BLOCK_HEADER_BYTES + 16);
    buffer_free(&patch);
    patch = check_patch(PP_PATCH_PAGES, view(&image), view(&image));
    assert_true(patch.len < PP_PATCH_HEADER_BYTES + PP_PATCH_BLOCK_HEADER_BYTES + 16);
    buffer_free(&patch);
    buffer_free(&image);
}

/* A copy of the image with random edits: bytes changed, put in, taken out. */
static struct buffer edit(const struct buffer *image, unsigned edits, uint64_t seed)
{
    struct buffer edited = buffer_of(image->len + (size_t)edits * 64);
    edited.len = image->len;
    memcpy(edited.data, image->data, image->len);
    for (unsigned i = 0; i < edits && edited.len > 64; i++) {
        size_t at = (size_t)(next_random(&seed) % (edited.len - 64));
        size_t n = (size_t)(next_random(&seed) % 64);
        unsigned kind = (unsigned)(next_random(&seed) % 3);
        if (kind == 0) {
            fill_random(edited.data + at, n, seed);
        } else if (kind == 1) {
            memmove(edited.data + at + n, edited.data + at, edited.len - at);
            fill_random(edited.data + at, n, seed);
            edited.len += n;
        } else {
            memmove(edited.data + at, edited.data + at + n, edited.len - at - n);
            edited.len -= n;
        }
    }
    return edited;
}

static void edited_images_return(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 60; i++) {
        struct buffer image = buffer_of(1000 + i * 777);
        fill_random(image.data, image.len, i);
        if (i % 2 == 0) /* repetitive: a few values only */
            for (size_t k = 0; k < image.len; k++)
                image.data[k] %= 4;
        struct buffer edited = edit(&image, i, i + 1);
        check_both_modes(view(&image), view(&edited));
        buffer_free(&image);
        buffer_free(&edited);
    }
}

static void unrelated_images_return(void **state)
{
    (void)state;
    struct buffer a = buffer_of(2500000), b = buffer_of(3100001);
    fill_random(a.data, a.len, 3);
    fill_random(b.data, b.len, 4);
    check_both_modes(view(&a), view(&b));
    check_both_modes(view(&b), view(&a));
    check_both_modes(view(&a), (struct pp_bytes){NULL, 0});
    check_both_modes((struct pp_bytes){NULL, 0}, view(&b));
    buffer_free(&a);
    buffer_free(&b);
}

/* The most bytes in a row that differ. */
static size_t longest_difference(const uint8_t *a, const uint8_t *b, uint64_t n)
{
    size_t longest = 0, run = 0;
    for (uint64_t i = 0; i < n; i++) {
        run = a[i] == b[i] ? 0 : run + 1;
        longest = run > longest ? run : longest;
    }
    return longest;
}

/* However little memory suffix arrays may take: matches are equal but for short runs, in order, and
   hold nearly all. */
static void matches_in_bounded_memory_hold(void **state)
{
    (void)state;
    struct buffer a = buffer_of(200000);
    fill_random(a.data, a.len, 16);
    struct buffer b = edit(&a, 300, 17);
    for (size_t bytes_max = 64; bytes_max < 2 * a.len; bytes_max *= 8) {
        struct pp_patch_covers matches = {0}, left_out = {0};
        uint64_t new_end = 0, covered = 0;
        assert_int_equal(pp_patch_match(view(&a), view(&b), bytes_max, &matches, &left_out), PP_OK);
        for (size_t i = 0; i < matches.count; i++) {
            struct pp_patch_cover match = matches.at[i];
            assert_true(match.old_at + match.bytes <= a.len && match.new_at >= new_end);
            assert_true(match.new_at + match.bytes <= b.len);
            assert_in_range(
                longest_difference(a.data + match.old_at, b.data + match.new_at, match.bytes), 0,
                PP_PATCH_JOINED_BYTES_MAX);
            assert_int_equal(a.data[match.old_at], b.data[match.new_at]);
            new_end = match.new_at;
            covered += match.bytes;
        }
        assert_true(covered > b.len - 300 * 64);
        pp_patch_covers_clean_up(&matches);
        pp_patch_covers_clean_up(&left_out);
    }
    buffer_free(&a);
    buffer_free(&b);
}

/* One byte of each 300 differs: more operations than a block may hold. */
static void many_operations_return(void **state)
{
    (void)state;
    struct buffer a = buffer_of(24 << 20), b = buffer_of(24 << 20);
    fill_random(a.data, a.len, 5);
    memcpy(b.data, a.data, a.len);
    for (size_t i = 0; i < b.len; i += 300)
        b.data[i] ^= 0x40;
    struct buffer patch = check_patch(PP_PATCH_GENERIC, view(&a), view(&b));
    buffer_free(&patch);
    buffer_free(&a);
    buffer_free(&b);
}

/* Literals that are farther from each other than a prefix reaches. */
static void literals_far_apart_return(void **state)
{
    (void)state;
    struct buffer a = buffer_of(20 << 20), b = buffer_of((20 << 20) + 4 * 500);
    fill_random(a.data, a.len, 11);
    for (size_t i = 0; i < 4; i++) {
        size_t part = a.len / 4;
        memcpy(b.data + i * (part + 500), a.data + i * part, part);
        memcpy(b.data + i * (part + 500) + part, a.data + i * part + 1000, 500);
    }
    struct buffer patch = check_patch(PP_PATCH_GENERIC, view(&a), view(&b));
    buffer_free(&patch);
    patch = check_patch(PP_PATCH_GENERIC, view(&b), view(&a));
    buffer_free(&patch);
    buffer_free(&a);
    buffer_free(&b);
}

/* Records that change places and change a little cost one delta each, not two literals. */
static void moved_records_share_a_delta(void **state)
{
    (void)state;
    enum { RECORD = 200, RECORDS = 400 };
    struct buffer a = buffer_of(RECORD * RECORDS), b = buffer_of(RECORD * RECORDS);
    fill_random(a.data, a.len, 12);
    for (size_t i = 0; i < RECORDS; i++) {
        memcpy(b.data + i * RECORD, a.data + (i ^ 3) * RECORD, RECORD);
        b.data[i * RECORD + 100] ^= 1;
    }
    struct buffer patch = check_patch(PP_PATCH_GENERIC, view(&a), view(&b));
    assert_true(patch.len < 6000); /* the literals alone are 60 kB for each direction */
    buffer_free(&patch);
    buffer_free(&a);
    buffer_free(&b);
}

/* A text that was there before, far from where it is put in: the prefix reaches it. */
static void prefixes_reach_far(void **state)
{
    (void)state;
    struct buffer a = buffer_of(6 << 20), b = buffer_of((6 << 20) + 3000);
    fill_random(a.data, a.len, 13);
    memcpy(b.data, a.data, a.len);
    memcpy(b.data + a.len, a.data + 50000, 3000);
    struct buffer patch = check_patch(PP_PATCH_GENERIC, view(&a), view(&b));
    assert_true(patch.len < 1000);
    buffer_free(&patch);
    buffer_free(&a);
    buffer_free(&b);
}

/* n bytes of text out of few words. */
static void fill_text(uint8_t *data, size_t n, uint64_t seed)
{
    for (size_t i = 0; i < n;) {
        uint64_t word = next_random(&seed) % 300;
        for (size_t k = 0; k < 7 && i < n; k++)
            data[i++] = k == 6 ? ' ' : (uint8_t)('a' + next_random(&word) % 26);
    }
}

/* A text of which every tenth part was replaced by another one, longer by `growth` bytes; or taken
   out of old, or put into new, only. */
static size_t replace_parts(const struct buffer *text, uint8_t *image, bool with_old, bool with_new,
                            size_t growth)
{
    enum { PART = 1000, CUT = 60 };
    size_t used = 0;
    for (size_t at = 0; at + PART <= text->len; at += PART) {
        memcpy(image + used, text->data + at, PART);
        used += PART;
        if (at % (10 * PART) != 0)
            continue;
        if (with_old)
            fill_text(image + used, CUT, at + 1);
        if (with_new)
            fill_text(image + used, CUT + growth, at + 2);
        used += with_old ? CUT : with_new ? CUT + growth : 0;
    }
    return used;
}

/* What takes another one's place costs little more than either of both does. */
static void replaced_texts_share_a_code(void **state)
{
    (void)state;
    struct buffer text = buffer_of(3000000), without = buffer_of(3100000);
    struct buffer a = buffer_of(3100000), b = buffer_of(3100000);
    fill_text(text.data, text.len, 99);
    without.len = replace_parts(&text, without.data, false, false, 0);
    a.len = replace_parts(&text, a.data, true, false, 0);
    for (size_t growth = 0; growth <= 5; growth += 5) {
        b.len = replace_parts(&text, b.data, false, true, growth);
        struct buffer removed = check_patch(PP_PATCH_GENERIC, view(&a), view(&without));
        struct buffer added = check_patch(PP_PATCH_GENERIC, view(&without), view(&b));
        struct buffer replaced = check_patch(PP_PATCH_GENERIC, view(&a), view(&b));
        assert_true(replaced.len * 10 < (removed.len + added.len) * 7);
        buffer_free(&removed);
        buffer_free(&added);
        buffer_free(&replaced);
    }
    buffer_free(&text);
    buffer_free(&without);
    buffer_free(&a);
    buffer_free(&b);
}

/* What moved farther than a block reaches, among literals that share a code, costs next to nothing.
 */
static void what_stands_elsewhere_costs_little(void **state)
{
    (void)state;
    enum { MOVED = 30000, REPLACED = 10000, BETWEEN = 1300000 };
    struct buffer a = buffer_of(MOVED + REPLACED + BETWEEN + REPLACED);
    struct buffer b = buffer_of(a.len);
    uint8_t *moved = b.data + REPLACED + BETWEEN;
    fill_random(a.data, a.len, 33);
    fill_random(b.data, b.len, 34);
    memcpy(b.data + REPLACED, a.data + MOVED + REPLACED, BETWEEN);
    for (size_t i = 0; i < BETWEEN; i += 20)
        b.data[REPLACED + i]++;
    memcpy(moved, a.data, MOVED);
    struct buffer patch = check_patch(PP_PATCH_GENERIC, view(&a), view(&b));
    assert_true(patch.len < 2 * REPLACED + 2000);
    buffer_free(&patch);
    buffer_free(&a);
    buffer_free(&b);
}

static void add_code_of(struct pp_patch_models *models, struct pp_bytes content,
                        struct buffer *code, size_t *code_bytes)
{
    size_t bytes;
    assert_true(pp_patch_model_add_code(models, content, code->data, code->len, &bytes));
    if (bytes > *code_bytes)
        *code_bytes = bytes;
}

/* Either content leads to the other one; a code that is damaged or cut to some bytes, if any. */
static void contents_lead_to_each_other(void **state)
{
    (void)state;
    struct pp_patch_models *models = malloc(sizeof *models);
    struct buffer text = buffer_of(20000), code = buffer_of(20000), result = buffer_of(20000);
    assert_non_null(models);
    fill_text(text.data, text.len / 2, 5);
    fill_random(text.data + text.len / 2, text.len / 4, 6);
    for (size_t n = 0; n < 5000; n = 2 * n + 1) {
        struct pp_bytes prefix = {text.data, 2 * n}, one = {text.data + 8000, n},
                        other = {text.data + 12000, n / 2};
        size_t shared = 0;
        memset(code.data, 0, code.len);
        pp_patch_model_begin(models, false, prefix, one.len + other.len);
        add_code_of(models, one, &code, &shared);
        add_code_of(models, other, &code, &shared);
        add_code_of(models, one, &code, &shared);
        pp_patch_model_decode(models, (struct pp_bytes){code.data, shared}, result.data, other.len);
        assert_memory_equal(result.data, other.data, other.len);
        add_code_of(models, one, &code, &shared);
        add_code_of(models, other, &code, &shared);
        pp_patch_model_decode(models, (struct pp_bytes){code.data, shared}, result.data, one.len);
        assert_memory_equal(result.data, one.data, one.len);
        if (shared < 2)
            continue;
        assert_false(pp_patch_model_add_code(models, one, code.data, 1, &shared));
        fill_random(code.data, n, n);
        pp_patch_model_decode(models, (struct pp_bytes){code.data, n}, result.data, 2 * n);
    }
    free(models);
    buffer_free(&text);
    buffer_free(&code);
    buffer_free(&result);
}

/* A program in which functions grew: all calls over them change, and are not written down. */
static void calls_in_a_program_cost_little(void **state)
{
    (void)state;
    enum { PARTS = 16, PART = 250 * 24, STEP = 24, BYTES = PARTS * PART, GROWTH = 40 };
    struct buffer a = buffer_of(BYTES), b = buffer_of(BYTES + PARTS * GROWTH);
    uint64_t seed = 77;
    fill_random(a.data, a.len, 14);
    fill_random(b.data, b.len, 15);
    for (size_t i = 0; i < PARTS; i++)
        memcpy(b.data + i * (PART + GROWTH), a.data + i * PART, PART);
    for (uint32_t at = 8; at < BYTES; at += STEP) {
        uint32_t target = (uint32_t)(next_random(&seed) % BYTES);
        uint32_t new_target = target + target / PART * GROWTH, new_at = at + at / PART * GROWTH;
        a.data[at - 1] = b.data[new_at - 1] = 0xe8;
        for (unsigned k = 0; k < 4; k++) {
            a.data[at + k] = (uint8_t)((target - at - 4) >> (8 * k));
            b.data[new_at + k] = (uint8_t)((new_target - new_at - 4) >> (8 * k));
        }
    }
    struct buffer patch = check_patch(PP_PATCH_GENERIC, view(&a), view(&b));
    assert_int_equal(patch.data[PP_PATCH_HEADER_BYTES], PP_ROLLBACK_ITEM_CODE);
    assert_true(patch.len < 3500); /* with plain differences: 4.8 kB */
    buffer_free(&patch);
    buffer_free(&a);
    buffer_free(&b);
}

/* Floats whose bits changed a little, with what floats hold besides numbers: -0.0, infinities,
   NaNs with payloads. */
static void fill_floats(struct buffer *a, struct buffer *b, size_t width)
{
    static const uint32_t special[] = {0x80000000, 0x00000000, 0x7f800000, 0xff800000,
                                       0x7fc00001, 0xffffffff, 0x00000001, 0x807fffff};
    uint64_t seed = width;
    for (size_t i = 0; i + width <= a->len; i += width) {
        uint32_t v = 0x3c000000 + (uint32_t)(next_random(&seed) % 0x02000000);
        v |= next_random(&seed) % 2 == 0 ? 0x80000000 : 0;
        uint32_t w = v + (uint32_t)(next_random(&seed) % 1024);
        if (next_random(&seed) % 50 == 0) {
            v = special[next_random(&seed) % 8];
            w = special[next_random(&seed) % 8];
        }
        for (size_t k = 0; k < width; k++) {
            a->data[i + k] = (uint8_t)(v >> (8 * (k + 4 - width)));
            b->data[i + k] = (uint8_t)(w >> (8 * (k + 4 - width)));
        }
    }
}

static void floats_return_bit_by_bit(void **state)
{
    (void)state;
    for (size_t width = 2; width <= 4; width += 2) {
        struct buffer a = buffer_of((1 << 20) + 3), b = buffer_of((1 << 20) + 3);
        fill_floats(&a, &b, width);
        check_both_modes(view(&a), view(&b));
        struct buffer patch = check_patch(PP_PATCH_PAGES, view(&a), view(&b));
        assert_true(patch.len < a.len / 2);
        buffer_free(&patch);
        buffer_free(&a);
        buffer_free(&b);
    }
}

/* In page mode whatever is written stays in its place, and pages that are equal are not. */
static void pages_keep_their_places(void **state)
{
    (void)state;
    struct buffer a = buffer_of(100 * 4096 + 5), b = buffer_of(100 * 4096 + 777);
    fill_random(a.data, a.len, 8);
    memcpy(b.data, a.data, a.len);
    fill_random(b.data + 17 * 4096 + 9, 2, 9);
    fill_random(b.data + a.len, b.len - a.len, 10);
    struct buffer patch = check_patch(PP_PATCH_PAGES, view(&a), view(&b));
    struct pp_patch_header header;
    assert_int_equal(pp_patch_header_read(patch.data, &header), PP_OK);
    assert_int_equal(header.mode, PP_PATCH_PAGES);
    assert_true(patch.len < 2000);
    buffer_free(&patch);
    buffer_free(&a);
    buffer_free(&b);
}

static void sizes_that_were_not_encoded_are_refused(void **state)
{
    (void)state;
    uint8_t byte = 1, bytes[PP_PATCH_HEADER_BYTES];
    struct pp_patch_encoder *encoder = pp_patch_encoder_new_pages(1, 1);
    struct pp_patch_image image = {.bytes = 1};
    struct pp_patch_header header;
    struct pp_bytes block, two = {bytes, 2}, one = {&byte, 1};
    assert_non_null(encoder);
    assert_int_equal(pp_patch_encoder_finish(encoder, &image, &image, &header, bytes),
                     PP_ERROR_ARGUMENT);
    assert_int_equal(pp_patch_encoder_feed(encoder, two, one, &block), PP_ERROR_ARGUMENT);
    assert_int_equal(pp_patch_encoder_feed(encoder, one, one, &block), PP_OK);
    assert_int_equal(pp_patch_encoder_feed(encoder, one, one, &block), PP_ERROR_ARGUMENT);
    assert_int_equal(pp_patch_encoder_next(encoder, &block), PP_OK);
    assert_int_equal(pp_patch_encoder_finish(encoder, &image, &image, &header, bytes), PP_OK);
    pp_patch_encoder_free(encoder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(small_images_return),
        cmocka_unit_test(all_images_of_two_bytes_return),
        cmocka_unit_test(equal_images_need_one_copy),
        cmocka_unit_test(edited_images_return),
        cmocka_unit_test(unrelated_images_return),
        cmocka_unit_test(matches_in_bounded_memory_hold),
        cmocka_unit_test(many_operations_return),
        cmocka_unit_test(literals_far_apart_return),
        cmocka_unit_test(moved_records_share_a_delta),
        cmocka_unit_test(prefixes_reach_far),
        cmocka_unit_test(replaced_texts_share_a_code),
        cmocka_unit_test(what_stands_elsewhere_costs_little),
        cmocka_unit_test(contents_lead_to_each_other),
        cmocka_unit_test(calls_in_a_program_cost_little),
        cmocka_unit_test(floats_return_bit_by_bit),
        cmocka_unit_test(pages_keep_their_places),
        cmocka_unit_test(sizes_that_were_not_encoded_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
