/* SPDX-License-Identifier: MIT */
/* Text of bundles: JSON strings, UTF-8, dates. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>
#include <jansson.h>

#include "../../src/bundle/bundle_internal.h"

static uint8_t memory[4096];

static struct pp_bundle_text empty(void)
{
    return (struct pp_bundle_text){memory, sizeof memory, 0};
}

static void expect(const struct pp_bundle_text *text, const char *wanted)
{
    assert_int_equal(text->len, strlen(wanted));
    assert_memory_equal(text->data, wanted, text->len);
}

static void test_json_strings(void **state)
{
    (void)state;
    static const struct {
        const char *bytes, *json;
    } cases[] = {
        {"", "\"\""},
        {"a\"b\\c", "\"a\\\"b\\\\c\""},
        {"\n\r\t\b\f\x01\x7f", "\"\\n\\r\\t\\b\\f\\u0001\\u007f\""},
        {"</script>&", "\"\\u003c/script\\u003e\\u0026\""},
        {"caf\xc3\xa9 \xf0\x9f\x98\x80", "\"caf\xc3\xa9 \xf0\x9f\x98\x80\""},
        {"\xe2\x80\xa8\xe2\x80\xa9\xe2\x80\xaa", "\"\\u2028\\u2029\xe2\x80\xaa\""},
        {"\xff\xc0\xaf", "\"\\ufffd\\ufffd\\ufffd\""},
        {"\xed\xa0\x80", "\"\\ufffd\\ufffd\\ufffd\""},
        {"\xc3", "\"\\ufffd\""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct pp_bundle_text text = empty();
        assert_int_equal(pp_bundle_text_json(&text, pp_bytes_of(cases[i].bytes)), PP_OK);
        expect(&text, cases[i].json);
    }
}

/* Whatever the bytes, a JSON parser reads the string, and UTF-8 comes back as it was. */
static void test_json_is_read_back(void **state)
{
    (void)state;
    srand(1);
    for (int round = 0; round < 20000; round++) {
        uint8_t bytes[24];
        size_t len = (size_t)rand() % sizeof bytes;
        for (size_t i = 0; i < len; i++)
            bytes[i] = (uint8_t)(rand() % 3 ? rand() : rand() % 128);
        struct pp_bytes view = {bytes, len};
        struct pp_bundle_text text = empty();
        assert_int_equal(pp_bundle_text_json(&text, view), PP_OK);
        json_t *value =
            json_loadb((char *)text.data, text.len, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
        assert_non_null(value);
        json_t *direct = json_stringn((char *)bytes, len);
        assert_int_equal(direct != NULL, pp_bundle_is_utf8(view));
        if (direct)
            assert_true(json_equal(value, direct));
        json_decref(direct);
        json_decref(value);
    }
}

static void test_no_space_adds_nothing(void **state)
{
    (void)state;
    struct pp_bundle_text text = {memory, 12, 3};
    assert_int_equal(pp_bundle_text_json(&text, pp_bytes_of("12")), PP_ERROR_NO_SPACE);
    assert_int_equal(pp_bundle_text_string(&text, "0123456789"), PP_ERROR_NO_SPACE);
    assert_int_equal(pp_bundle_text_time(&text, 0), PP_ERROR_NO_SPACE);
    assert_int_equal(pp_bundle_text_hex(&text, pp_bytes_of("12345")), PP_ERROR_NO_SPACE);
    assert_int_equal(pp_bundle_text_base64(&text, pp_bytes_of("1234567")), PP_ERROR_NO_SPACE);
    assert_int_equal(text.len, 3);
    assert_int_equal(pp_bundle_text_string(&text, "123456789"), PP_OK);
    assert_int_equal(text.len, 12);
}

static void test_numbers(void **state)
{
    (void)state;
    struct pp_bundle_text text = empty();
    assert_int_equal(pp_bundle_text_number(&text, 0), PP_OK);
    assert_int_equal(pp_bundle_text_number(&text, UINT64_MAX), PP_OK);
    expect(&text, "018446744073709551615");
}

/* Against the C library, over the whole range of 64-bit nanoseconds. */
static void test_dates(void **state)
{
    (void)state;
    srand(2);
    for (int round = 0; round < 100000; round++) {
        uint64_t time_ns = (uint64_t)rand() << 33 ^ (uint64_t)rand() << 8 ^ (uint64_t)rand();
        time_ns = round == 0 ? 0 : round == 1 ? UINT64_MAX : time_ns;
        time_t seconds = (time_t)(time_ns / 1000000000);
        struct tm parts;
        char wanted[64], nanoseconds[16];
        assert_non_null(gmtime_r(&seconds, &parts));
        size_t len = strftime(wanted, sizeof wanted, "%Y-%m-%dT%H:%M:%S", &parts);
        snprintf(nanoseconds, sizeof nanoseconds, ".%09uZ", (unsigned)(time_ns % 1000000000));
        memcpy(wanted + len, nanoseconds, strlen(nanoseconds) + 1);
        struct pp_bundle_text text = empty();
        assert_int_equal(pp_bundle_text_time(&text, time_ns), PP_OK);
        expect(&text, wanted);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_json_strings),
        cmocka_unit_test(test_json_is_read_back),
        cmocka_unit_test(test_no_space_adds_nothing),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_dates),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
