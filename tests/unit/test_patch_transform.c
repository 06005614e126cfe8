/* SPDX-License-Identifier: MIT */
/* The transforms of deltas: each is undone by its inverse, and the inverse refuses what its
   transform does not make. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../src/rollback/transform.h"
#include "../lib/patches.h"

static void all_16_bit_floats_return(void **state)
{
    (void)state;
    enum { ALL = 0x10000 };
    static uint8_t a[2 * ALL], b[2 * ALL], values[2 * ALL];
    for (unsigned step = 0; step < ALL; step += 257) {
        for (unsigned i = 0; i < ALL; i++) {
            unsigned other = (i * 40503U + step) % ALL;
            a[2 * i] = (uint8_t)i;
            a[2 * i + 1] = (uint8_t)(i >> 8);
            b[2 * i] = (uint8_t)other;
            b[2 * i + 1] = (uint8_t)(other >> 8);
        }
        for (int item = PP_ROLLBACK_ITEM_INT16; item <= PP_ROLLBACK_ITEM_FLOAT16; item += 2) {
            pp_rollback_values_make((enum pp_rollback_item)item, a, b, values, sizeof a);
            pp_rollback_values_resolve((enum pp_rollback_item)item, PP_ROLLBACK_APPLY, a, values,
                                       sizeof a);
            assert_memory_equal(values, b, sizeof b);
            pp_rollback_values_make((enum pp_rollback_item)item, a, b, values, sizeof a);
            pp_rollback_values_resolve((enum pp_rollback_item)item, PP_ROLLBACK_REVERT, b, values,
                                       sizeof a);
            assert_memory_equal(values, a, sizeof a);
        }
    }
}

static void random_rows_return(void **state)
{
    (void)state;
    uint8_t a[300], b[300], values[300];
    for (size_t n = 0; n <= 300; n++) {
        for (int item = 0; item < PP_ROLLBACK_ITEM_CODE; item++) {
            fill_random(a, n, n);
            fill_random(b, n, n + 1000);
            pp_rollback_values_make((enum pp_rollback_item)item, a, b, values, n);
            pp_rollback_values_resolve((enum pp_rollback_item)item, PP_ROLLBACK_APPLY, a, values,
                                       n);
            assert_memory_equal(values, b, n);
            pp_rollback_values_make((enum pp_rollback_item)item, a, b, values, n);
            pp_rollback_values_resolve((enum pp_rollback_item)item, PP_ROLLBACK_REVERT, b, values,
                                       n);
            assert_memory_equal(values, a, n);
        }
    }
}

/* Bytes that often look like calls, jumps and pointers. */
static void fill_code(uint8_t *row, size_t n, uint64_t seed)
{
    static const uint8_t bytes[] = {0, 0, 0, 0, 0xe8, 0xe9, 0x0f, 0x84, 0x8b, 0x05, 0x10};
    for (size_t i = 0; i < n; i++)
        row[i] = bytes[next_random(&seed) % sizeof bytes];
}

/* Pieces of the rows, some side by side, some apart, at places that wrap around. */
static size_t cut_pieces(struct pp_rollback_piece *pieces, size_t n, uint64_t seed)
{
    struct pp_rollback_piece next = {0, 0, (uint32_t)seed, 0xfffffff0};
    size_t count = 0;
    for (;;) {
        uint32_t gap = (uint32_t)(next_random(&seed) % 2 * 5);
        next.row_at += next.bytes + gap;
        next.old_at += next.bytes + gap + (uint32_t)(next_random(&seed) % 9);
        next.new_at += next.bytes + gap + (uint32_t)(next_random(&seed) % 9);
        next.bytes = (uint32_t)(next_random(&seed) % 60 + 1);
        if (next.row_at + next.bytes > n)
            return count;
        pieces[count++] = next;
    }
}

static void rows_of_code_return(void **state)
{
    (void)state;
    static struct pp_rollback_code code;
    uint8_t a[2000], b[2000], values[2000];
    struct pp_rollback_piece pieces[2000];
    size_t made = 0;
    uint64_t random = 0;
    for (uint64_t seed = 1; seed < 400; seed++) {
        size_t n = (size_t)(seed * 5);
        struct pp_rollback_pieces list = {pieces, cut_pieces(pieces, n, seed)};
        fill_code(a, n, seed);
        memcpy(b, a, n);
        for (size_t i = 0; i + 1 < n; i += next_random(&random) % 8 + 1)
            b[i] = (uint8_t)(a[i] + seed % 3 * 4);
        if (!pp_rollback_code_make(&code, &list, a, b, values, n))
            continue;
        made++;
        pp_rollback_code_resolve(&code, &list, PP_ROLLBACK_APPLY, a, values, n);
        assert_memory_equal(values, b, n);
        assert_true(pp_rollback_code_make(&code, &list, a, b, values, n));
        pp_rollback_code_resolve(&code, &list, PP_ROLLBACK_REVERT, b, values, n);
        assert_memory_equal(values, a, n);
    }
    assert_true(made > 390);
}

/* Calls of a function that moved: only the first is written down. */
static void calls_of_what_moved_are_guessed(void **state)
{
    (void)state;
    enum { CALLS = 100, STEP = 16, BYTES = CALLS * STEP };
    static struct pp_rollback_code code;
    static uint8_t a[BYTES], b[BYTES], values[BYTES];
    const struct pp_rollback_piece piece = {0, BYTES, 5000, 5000};
    const struct pp_rollback_pieces pieces = {&piece, 1};
    memset(a, 0x90, sizeof a);
    memset(b, 0x90, sizeof b);
    for (uint32_t i = 8; i < BYTES; i += STEP) {
        a[i - 1] = b[i - 1] = 0xe8;
        for (unsigned k = 0; k < 4; k++) {
            a[i + k] = (uint8_t)((70000 - i) >> (8 * k));
            b[i + k] = (uint8_t)((70400 - i) >> (8 * k));
        }
    }
    assert_true(pp_rollback_code_make(&code, &pieces, a, b, values, BYTES));
    for (size_t i = STEP; i < BYTES; i++)
        assert_int_equal(values[i], 0);
    assert_int_not_equal(values[8], 0);
}

/* The one difference that has no encoding is refused, not written down wrongly. */
static void the_mark_of_equal_values_is_refused(void **state)
{
    (void)state;
    static struct pp_rollback_code code;
    const struct pp_rollback_piece piece = {0, 12, 0, 0};
    const struct pp_rollback_pieces pieces = {&piece, 1};
    uint8_t a[12] = {1, 1, 1, 0xe8}, b[12] = {1, 1, 1, 0xe8, 0xb9, 0x79, 0x37, 0x9e}, values[12];
    assert_false(pp_rollback_code_make(&code, &pieces, a, b, values, sizeof a));
}

/* The neighbours of a float, as floats are ordered, are one step away. */
static void order_is_that_of_floats(void **state)
{
    (void)state;
    static const uint8_t minus_zero[] = {0, 0, 0, 0x80}, zero[] = {0, 0, 0, 0};
    static const uint8_t one[] = {0, 0, 0x80, 0x3f}, above_one[] = {1, 0, 0x80, 0x3f};
    uint8_t values[4];
    pp_rollback_values_make(PP_ROLLBACK_ITEM_FLOAT32, minus_zero, zero, values, 4);
    assert_memory_equal(values, "\2\0\0\0", 4); /* zigzag of +1 */
    pp_rollback_values_make(PP_ROLLBACK_ITEM_FLOAT32, above_one, one, values, 4);
    assert_memory_equal(values, "\1\0\0\0", 4); /* zigzag of -1 */
}

static void planes_return(void **state)
{
    (void)state;
    uint8_t values[100], planes[100], back[100];
    fill_random(values, sizeof values, 1);
    for (size_t width = 1; width <= 4; width *= 2)
        for (size_t n = 0; n <= sizeof values; n++) {
            pp_rollback_planes_split(width, values, planes, n);
            pp_rollback_planes_join(width, planes, back, n);
            assert_memory_equal(back, values, n);
        }
}

static void runs_return(void **state)
{
    (void)state;
    uint8_t values[200] = {0}, runs[2 * sizeof values + PP_VARINT_BYTES_MAX], rest[200], back[200];
    uint64_t seed = 7;
    for (size_t k = 0; k <= 2 * sizeof values; k++) {
        size_t n = k / 2;
        for (size_t i = 0; i < n; i++)
            values[i] = next_random(&seed) % 3 == 0 ? (uint8_t)next_random(&seed) : 0;
        for (size_t i = 0; i < n && k % 2 == 1; i++)
            values[i] = (i + n / 2) % 2; /* the shortest runs take most */
        struct pp_rollback_runs used = pp_rollback_runs_split(values, n, runs, rest);
        assert_true(used.runs_bytes <= n + 2 && used.rest_bytes <= n);
        assert_true(used.runs_bytes + used.rest_bytes <= n + n / 2 + 3);
        struct pp_bytes run_view = {runs, used.runs_bytes}, rest_view = {rest, used.rest_bytes};
        assert_true(pp_rollback_runs_join(run_view, rest_view, back, n));
        assert_memory_equal(back, values, n);
        if (n > 0) {
            assert_false(pp_rollback_runs_join(run_view, rest_view, back, n - 1));
            run_view.len--;
            assert_false(pp_rollback_runs_join(run_view, rest_view, back, n));
        }
    }
}

static void runs_have_one_encoding(void **state)
{
    (void)state;
    uint8_t back[16];
    static const uint8_t zero_in_rest[] = {0}, one[] = {1}, two[] = {1, 2};
    static const uint8_t all[] = {0, 1}, split[] = {0, 1, 0, 1}, empty[] = {1, 0, 1, 0};
    struct pp_bytes one_run = {all, 2};
    assert_true(pp_rollback_runs_join(one_run, (struct pp_bytes){one, 1}, back, 1));
    assert_false(pp_rollback_runs_join(one_run, (struct pp_bytes){zero_in_rest, 1}, back, 1));
    assert_false(
        pp_rollback_runs_join((struct pp_bytes){split, 4}, (struct pp_bytes){two, 2}, back, 2));
    assert_false(
        pp_rollback_runs_join((struct pp_bytes){empty, 4}, (struct pp_bytes){one, 0}, back, 2));
}

static void two_bits_return(void **state)
{
    (void)state;
    uint8_t values[700], codes[700], back[700];
    uint64_t seed = 9;
    for (size_t width = 2; width <= 4; width += 2)
        for (size_t n = 0; n <= sizeof values; n++) {
            uint8_t *rest = malloc(n + width); /* no more room than is promised */
            assert_non_null(rest);
            memset(values, 0, sizeof values);
            for (size_t i = 0; i < n; i += width)
                values[i] = (uint8_t)(next_random(&seed) % (n % 2 == 0 ? 5 : 4));
            for (size_t i = 1; i < n; i += 7 * width)
                values[i] = (uint8_t)next_random(&seed);
            size_t bytes = pp_rollback_two_bits_split(width, values, n, codes, rest);
            assert_int_equal(bytes, pp_rollback_two_bits_rest(width, codes, n));
            rest = realloc(rest, bytes + 1);
            assert_non_null(rest);
            assert_true(pp_rollback_two_bits_join(width, codes, rest, back, n));
            free(rest);
            assert_memory_equal(back, values, n);
        }
}

static void two_bits_have_one_encoding(void **state)
{
    (void)state;
    uint8_t back[2], code = 3, spare = 0x10;
    static const uint8_t small[] = {2, 0}, large[] = {3, 0};
    assert_true(pp_rollback_two_bits_join(2, &code, large, back, 2));
    assert_false(pp_rollback_two_bits_join(2, &code, small, back, 2));
    assert_false(pp_rollback_two_bits_join(2, &spare, large, back, 2));
}

static void cells_return(void **state)
{
    (void)state;
    uint8_t a[1000], b[1000], bitmap[16], cells[1000], row[1000];
    uint64_t seed = 3;
    for (size_t n = 0; n <= sizeof a; n += 9) {
        fill_random(a, n, n);
        memcpy(b, a, n);
        for (size_t i = 0; i < n / 100; i++)
            b[next_random(&seed) % n] ^= 1;
        size_t bytes = pp_rollback_cells_compare(a, b, bitmap, n), counted;
        assert_true(pp_rollback_cells_count(bitmap, n, &counted));
        assert_int_equal(counted, bytes);
        pp_rollback_cells_gather(b, bitmap, cells, n);
        memcpy(row, a, n);
        pp_rollback_cells_scatter(cells, bitmap, row, n);
        assert_memory_equal(row, b, n);
    }
    bitmap[0] = 2;
    size_t counted;
    assert_false(pp_rollback_cells_count(bitmap, 64, &counted));
}

static void varints_have_one_encoding(void **state)
{
    (void)state;
    static const uint64_t numbers[] = {0, 1, 127, 128, 16383, 16384, UINT32_MAX, UINT64_MAX};
    uint8_t bytes[PP_VARINT_BYTES_MAX];
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        uint64_t v;
        struct pp_bytes view = {bytes, pp_rollback_varint_write(bytes, numbers[i])};
        struct pp_bytes cut = {bytes, view.len - 1};
        assert_false(pp_rollback_varint_read(&cut, &v));
        assert_true(pp_rollback_varint_read(&view, &v));
        assert_true(v == numbers[i] && view.len == 0);
    }
    static const uint8_t needless[] = {0x80, 0},
                         beyond[] = {255, 255, 255, 255, 255, 255, 255, 255, 255, 2};
    uint64_t v;
    struct pp_bytes view = {needless, 2};
    assert_false(pp_rollback_varint_read(&view, &v));
    view = (struct pp_bytes){beyond, 10};
    assert_false(pp_rollback_varint_read(&view, &v));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_16_bit_floats_return),
        cmocka_unit_test(random_rows_return),
        cmocka_unit_test(rows_of_code_return),
        cmocka_unit_test(calls_of_what_moved_are_guessed),
        cmocka_unit_test(the_mark_of_equal_values_is_refused),
        cmocka_unit_test(order_is_that_of_floats),
        cmocka_unit_test(planes_return),
        cmocka_unit_test(runs_return),
        cmocka_unit_test(runs_have_one_encoding),
        cmocka_unit_test(two_bits_return),
        cmocka_unit_test(two_bits_have_one_encoding),
        cmocka_unit_test(cells_return),
        cmocka_unit_test(varints_have_one_encoding),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
