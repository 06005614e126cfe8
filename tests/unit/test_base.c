/* SPDX-License-Identifier: MIT */
/* Tests of src/base: integers, copies, comparison, hex, base64, decimal numbers, lines, errors. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "../../src/base/base.h"

static struct pp_bytes view(const char *text)
{
    return pp_bytes_of(text);
}

/* Memory of exactly that size, so that the sanitizer sees each byte too many. */
static char *exact(size_t n)
{
    char *memory = malloc(n == 0 ? 1 : n);
    assert_non_null(memory);
    return memory;
}

static void test_error_texts(void **state)
{
    (void)state;
    assert_string_equal(pp_error_text(PP_OK), "success");
    for (int i = 0; i < PP_ERROR_COUNT; i++) {
        const char *text = pp_error_text((enum pp_error)i);
        assert_non_null(text);
        assert_true(strlen(text) > 0);
        assert_string_not_equal(text, "unknown error");
        for (int j = 0; j < i; j++)
            assert_string_not_equal(text, pp_error_text((enum pp_error)j));
    }
    assert_string_equal(pp_error_text(PP_ERROR_COUNT), "unknown error");
    assert_string_equal(pp_error_text((enum pp_error)1000), "unknown error");
}

static void test_bytes_of(void **state)
{
    (void)state;
    static const char text[] = "abc";
    struct pp_bytes bytes = pp_bytes_of(text);
    assert_ptr_equal(bytes.data, text);
    assert_int_equal(bytes.len, 3);
    assert_int_equal(pp_bytes_of("").len, 0);
}

static void test_integers_are_big_endian(void **state)
{
    (void)state;
    static const uint8_t expected[8] = {0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef};
    uint8_t p[10] = {0};
    pp_put_u64(p + 1, UINT64_C(0x0123456789abcdef));
    assert_memory_equal(p + 1, expected, 8);
    assert_int_equal(p[0], 0);
    assert_int_equal(p[9], 0);
    assert_true(pp_get_u64(p + 1) == UINT64_C(0x0123456789abcdef));
    pp_put_u32(p, 0x89abcdef);
    assert_memory_equal(p, expected + 4, 4);
    assert_int_equal(pp_get_u32(p), 0x89abcdef);
    pp_put_u16(p, 0xcdef);
    assert_memory_equal(p, expected + 6, 2);
    assert_int_equal(pp_get_u16(p), 0xcdef);
}

static void test_integers_round_trip(void **state)
{
    (void)state;
    uint8_t p[8];
    for (unsigned bit = 0; bit < 64; bit++) {
        const uint64_t around[3] = {(UINT64_C(1) << bit) - 1, UINT64_C(1) << bit,
                                    ~(UINT64_C(1) << bit)};
        for (size_t i = 0; i < 3; i++) {
            pp_put_u64(p, around[i]);
            assert_true(pp_get_u64(p) == around[i]);
            pp_put_u32(p, (uint32_t)around[i]);
            assert_true(pp_get_u32(p) == (uint32_t)around[i]);
            pp_put_u16(p, (uint16_t)around[i]);
            assert_true(pp_get_u16(p) == (uint16_t)around[i]);
        }
    }
}

static void test_checked_addition(void **state)
{
    (void)state;
    uint64_t out = 7;
    assert_true(pp_add_u64(UINT64_MAX - 1, 1, &out));
    assert_true(out == UINT64_MAX);
    assert_true(pp_add_u64(0, 0, &out));
    assert_true(out == 0);
    out = 7;
    assert_false(pp_add_u64(UINT64_MAX, 1, &out));
    assert_false(pp_add_u64(1, UINT64_MAX, &out));
    assert_false(pp_add_u64(UINT64_MAX, UINT64_MAX, &out));
    assert_true(out == 7);
}

static void test_copy(void **state)
{
    (void)state;
    for (size_t n = 0; n < 200; n++) {
        uint8_t from[200], to[202];
        for (size_t i = 0; i < sizeof from; i++)
            from[i] = (uint8_t)(i + n);
        memset(to, 0xee, sizeof to);
        pp_copy(to + 1, from, n);
        assert_memory_equal(to + 1, from, n);
        assert_int_equal(to[0], 0xee);
        assert_int_equal(to[n + 1], 0xee);
    }
    pp_copy(NULL, NULL, 0);
}

static void test_equal_sees_every_bit(void **state)
{
    (void)state;
    struct pp_digest a, b;
    struct pp_tag s, t;
    memset(&a, 0x5a, sizeof a);
    memset(&s, 0xa5, sizeof s);
    b = a;
    t = s;
    assert_true(pp_digest_equal(&a, &b));
    assert_true(pp_tag_equal(&s, &t));
    for (size_t bit = 0; bit < 8 * sizeof a; bit++) {
        b = a;
        b.b[bit / 8] ^= (uint8_t)(1U << bit % 8);
        assert_false(pp_digest_equal(&a, &b));
        assert_false(pp_equal_constant_time(a.b, b.b, bit / 8 + 1));
        assert_true(pp_equal_constant_time(a.b, b.b, bit / 8));
    }
    for (size_t bit = 0; bit < 8 * sizeof s; bit++) {
        t = s;
        t.b[bit / 8] ^= (uint8_t)(1U << bit % 8);
        assert_false(pp_tag_equal(&s, &t));
    }
    /* Differences that cancel each other out in a sum. */
    const uint8_t x[2] = {1, 2}, y[2] = {2, 1};
    assert_false(pp_equal_constant_time(x, y, 2));
    assert_true(pp_equal_constant_time(NULL, NULL, 0));
}

static void test_hex(void **state)
{
    (void)state;
    uint8_t all[256], back[256];
    for (size_t i = 0; i < 256; i++)
        all[i] = (uint8_t)i;
    char *text = exact(513);
    pp_hex_encode(all, 256, text);
    assert_int_equal(strlen(text), 512);
    assert_memory_equal(text, "000102030405060708090a0b0c0d0e0f1011", 36);
    assert_string_equal(text + 502, "fbfcfdfeff");
    assert_true(pp_hex_decode(view(text), back, 256));
    assert_memory_equal(all, back, 256);
    free(text);
    assert_true(pp_hex_decode(view("AbCdEF"), back, 3));
    assert_memory_equal(back, "\xab\xcd\xef", 3);
    assert_true(pp_hex_decode(view(""), back, 0));
}

static void test_hex_rejects(void **state)
{
    (void)state;
    uint8_t out[4];
    assert_false(pp_hex_decode(view("abcdef"), out, 2));
    assert_false(pp_hex_decode(view("abcdef"), out, 4));
    assert_false(pp_hex_decode(view("abcde"), out, 2));
    assert_false(pp_hex_decode(view("abcde"), out, 3));
    assert_false(pp_hex_decode(view(""), out, 1));
    for (unsigned c = 0; c < 256; c++) {
        bool digit = c != 0 && strchr("0123456789abcdefABCDEF", (int)c) != NULL;
        const uint8_t low[2] = {'0', (uint8_t)c}, high[2] = {(uint8_t)c, '0'};
        assert_true(pp_hex_decode((struct pp_bytes){low, 2}, out, 1) == digit);
        assert_true(pp_hex_decode((struct pp_bytes){high, 2}, out, 1) == digit);
    }
}

/* RFC 4648 section 10. */
static void test_base64_rfc4648(void **state)
{
    (void)state;
    static const char *const plain[7] = {"", "f", "fo", "foo", "foob", "fooba", "foobar"};
    static const char *const coded[7] = {"",         "Zg==",     "Zm8=",    "Zm9v",
                                         "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy"};
    for (size_t i = 0; i < 7; i++) {
        size_t text_len = strlen(coded[i]), len = 99;
        char *text = exact(text_len + 1);
        uint8_t *out = (uint8_t *)exact(i);
        assert_int_equal(pp_base64_encode((const uint8_t *)plain[i], i, text), text_len);
        assert_string_equal(text, coded[i]);
        assert_true(pp_base64_decode(view(text), out, i, &len));
        assert_int_equal(len, i);
        assert_memory_equal(out, plain[i], i);
        free(text);
        free(out);
    }
}

static void test_base64_round_trip(void **state)
{
    (void)state;
    uint8_t data[100], back[100];
    char text[137];
    uint32_t random = 1;
    for (size_t n = 0; n <= sizeof data; n++) {
        for (size_t i = 0; i < n; i++)
            data[i] = (uint8_t)((random = random * 1664525 + 1013904223) >> 24);
        size_t len, text_len = pp_base64_encode(data, n, text);
        assert_int_equal(text_len, 4 * ((n + 2) / 3));
        assert_int_equal(strlen(text), text_len);
        assert_true(pp_base64_check(view(text), &len));
        assert_int_equal(len, n);
        assert_true(pp_base64_decode(view(text), back, n, &len));
        assert_int_equal(len, n);
        assert_memory_equal(data, back, n);
        if (n > 0)
            assert_false(pp_base64_decode(view(text), back, n - 1, &len));
    }
}

/* Exactly one text decodes to each value: the number of accepted texts of 4 characters that end in
   a given way is the number of byte strings. */
static void test_base64_is_canonical(void **state)
{
    (void)state;
    size_t one = 0, two = 0, len;
    uint8_t out[3];
    for (unsigned a = 0; a < 256; a++)
        for (unsigned b = 0; b < 256; b++) {
            const uint8_t short_text[4] = {(uint8_t)a, (uint8_t)b, '=', '='};
            const uint8_t long_text[4] = {'A', (uint8_t)a, (uint8_t)b, '='};
            if (pp_base64_decode((struct pp_bytes){short_text, 4}, out, 3, &len))
                one += len == 1;
            if (pp_base64_decode((struct pp_bytes){long_text, 4}, out, 3, &len))
                two += len == 2;
        }
    assert_int_equal(one, 256);
    /* The first digit is fixed: 10 of the 16 bits are free. */
    assert_int_equal(two, 1024);
}

static void test_base64_rejects(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "Z",      "Zg",    "Zg=",          "Zg===",    "=",     "==",      "===",
        "====",   "Z===",  "Zh==",         "Zm9=",     "Zm9v=", "Zm9vYg",  "Zg==Zg==",
        "Zm9v\n", " Zm9v", "Zm 9v",        "Zm9-",     "Zm9_",  "Zm9\x80", "Z=g=",
        "Zm=v",   "=m9v",  "Zm9vZg==Zm9v", "Zm9v====", "Zm8\n", "Zm\n8=",
    };
    uint8_t out[16];
    size_t len = 99;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_false(pp_base64_decode(view(bad[i]), out, sizeof out, &len));
        assert_false(pp_base64_check(view(bad[i]), &len));
    }
    const uint8_t nul[4] = {'Z', 'm', '9', 0};
    assert_false(pp_base64_check((struct pp_bytes){nul, 4}, &len));
    assert_int_equal(len, 99);
}

static void test_decimal(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint64_t value;
    } good[] = {{"0", 0},
                {"9", 9},
                {"10", 10},
                {"20852163", 20852163},
                {"18446744073709551609", UINT64_MAX - 6},
                {"18446744073709551615", UINT64_MAX}};
    static const char *const bad[] = {"",
                                      "00",
                                      "01",
                                      "-1",
                                      "+1",
                                      " 1",
                                      "1 ",
                                      "1\n",
                                      "0x10",
                                      "1.0",
                                      "1a",
                                      "18446744073709551616",
                                      "18446744073709551620",
                                      "99999999999999999999",
                                      "100000000000000000000",
                                      "/",
                                      ":"};
    uint64_t value = 7;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        assert_true(pp_decimal_decode(view(good[i].text), &value));
        assert_true(value == good[i].value);
    }
    value = 7;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(pp_decimal_decode(view(bad[i]), &value));
    assert_false(pp_decimal_decode((struct pp_bytes){NULL, 0}, &value));
    assert_false(pp_decimal_decode((struct pp_bytes){(const uint8_t *)"1\0", 2}, &value));
    assert_true(value == 7);
}

static void test_next_line(void **state)
{
    (void)state;
    static const char text[] = "one\n\ntwo\r\nrest";
    struct pp_bytes rest = view(text), line;
    assert_true(pp_next_line(&rest, &line));
    assert_int_equal(line.len, 3);
    assert_memory_equal(line.data, "one", 3);
    assert_true(pp_next_line(&rest, &line));
    assert_int_equal(line.len, 0);
    assert_true(pp_next_line(&rest, &line));
    assert_int_equal(line.len, 4);
    assert_memory_equal(line.data, "two\r", 4);
    struct pp_bytes before = rest;
    assert_false(pp_next_line(&rest, &line));
    assert_ptr_equal(rest.data, before.data);
    assert_int_equal(rest.len, 4);
    assert_int_equal(line.len, 4);
    rest = (struct pp_bytes){NULL, 0};
    assert_false(pp_next_line(&rest, &line));
    rest = view("x\n");
    assert_true(pp_next_line(&rest, &line));
    assert_int_equal(rest.len, 0);
    assert_false(pp_next_line(&rest, &line));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_error_texts),
        cmocka_unit_test(test_bytes_of),
        cmocka_unit_test(test_integers_are_big_endian),
        cmocka_unit_test(test_integers_round_trip),
        cmocka_unit_test(test_checked_addition),
        cmocka_unit_test(test_copy),
        cmocka_unit_test(test_equal_sees_every_bit),
        cmocka_unit_test(test_hex),
        cmocka_unit_test(test_hex_rejects),
        cmocka_unit_test(test_base64_rfc4648),
        cmocka_unit_test(test_base64_round_trip),
        cmocka_unit_test(test_base64_is_canonical),
        cmocka_unit_test(test_base64_rejects),
        cmocka_unit_test(test_decimal),
        cmocka_unit_test(test_next_line),
    };
    return cmocka_run_group_tests_name("base", tests, NULL, NULL);
}
