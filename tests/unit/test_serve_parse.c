/* SPDX-License-Identifier: MIT */
/* What comes from the network is read the same however it is cut, and nothing else is read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../daemon/address.h"
#include "../../daemon/http.h"
#include "../../daemon/resp.h"
#include "../../daemon/text.h"

static const char throttle[] = "*5\r\n$11\r\nCL.THROTTLE\r\n$2\r\n\r\n\r\n$1\r\n2\r\n$2\r\n30\r\n"
                               "$2\r\n60\r\n";
static const char form[] = "POST /v1/limit/check?a=b HTTP/1.1\r\nHost: x\r\nX:\r\nY: \t z \r\n"
                           "content-length: 5\r\nConnection: foo , CLOSE\r\n\r\nkey=k";

/* A copy of the exact size, so that a sanitizer sees a read behind its end. */
static uint8_t *copy_of(const void *data, size_t len)
{
    uint8_t *copy = malloc(len + (len == 0));
    assert_non_null(copy);
    memcpy(copy, data, len);
    return copy;
}

static enum serve_parse parse_resp(const void *data, size_t len, struct resp_command *command,
                                   size_t *used)
{
    uint8_t *copy = copy_of(data, len);
    enum serve_parse parse = resp_parse((struct pp_bytes){copy, len}, command, used);
    if (parse == SERVE_PARSE_DONE)
        assert_in_range(*used, 1, len);
    free(copy);
    return parse;
}

static enum serve_parse parse_http(const void *data, size_t len, struct http_request *request,
                                   size_t *used)
{
    uint8_t *copy = copy_of(data, len);
    enum serve_parse parse = http_parse((struct pp_bytes){copy, len}, request, used);
    if (parse == SERVE_PARSE_DONE)
        assert_in_range(*used, 1, len);
    if (parse == SERVE_PARSE_BAD)
        assert_in_range(request->status, 400, 505);
    free(copy);
    return parse;
}

static void resp_waits_for_its_last_byte(void **state)
{
    (void)state;
    struct resp_command command;
    size_t used, len = sizeof throttle - 1;
    for (size_t n = 0; n < len; n++)
        assert_int_equal(parse_resp(throttle, n, &command, &used), SERVE_PARSE_MORE);
    struct pp_bytes input = {(const uint8_t *)throttle, sizeof throttle};
    assert_int_equal(resp_parse(input, &command, &used), SERVE_PARSE_DONE);
    assert_int_equal(used, len);
    assert_int_equal(command.count, 5);
    assert_true(serve_is(command.argument[1], "\r\n"));
    assert_true(serve_is(command.argument[4], "60"));
}

static void http_waits_for_its_last_byte(void **state)
{
    (void)state;
    struct http_request request;
    size_t used, len = sizeof form - 1;
    for (size_t n = 0; n < len; n++)
        assert_int_equal(parse_http(form, n, &request, &used), SERVE_PARSE_MORE);
    struct pp_bytes input = {(const uint8_t *)form, sizeof form};
    assert_int_equal(http_parse(input, &request, &used), SERVE_PARSE_DONE);
    assert_int_equal(used, len);
    assert_int_equal(request.method, HTTP_POST);
    assert_true(request.close);
    assert_true(serve_is(request.path, "/v1/limit/check"));
    assert_true(serve_is(request.query, "a=b"));
    assert_true(serve_is(request.body, "key=k"));
}

/* Valid requests with a byte changed, and bytes from a small alphabet: no crash, no read behind the
   end, and one verdict for the same bytes. */
static void noise_does_no_harm(void **state)
{
    (void)state;
    static const char alphabet[] = "*$\r\n 0129GET/HTP.:,-x%\0\xff";
    struct resp_command command;
    struct http_request request;
    char data[160];
    size_t used;
    srand(1);
    for (int round = 0; round < 200000; round++) {
        const char *from = round % 2 == 0 ? throttle : form;
        size_t len = strlen(from);
        memcpy(data, from, len);
        for (int change = rand() % 4; change >= 0; change--)
            data[(size_t)rand() % len] = alphabet[(size_t)rand() % (sizeof alphabet - 1)];
        if (round % 5 == 0)
            for (size_t i = 0; i < len; i++)
                data[i] = alphabet[(size_t)rand() % (sizeof alphabet - 1)];
        enum serve_parse first = parse_resp(data, len, &command, &used);
        assert_int_equal(parse_resp(data, len, &command, &used), first);
        first = parse_http(data, len, &request, &used);
        assert_int_equal(parse_http(data, len, &request, &used), first);
    }
}

static void what_is_refused_early_is_not_waited_for(void **state)
{
    (void)state;
    static const char *const bad[] = {"GET / HTTP/1.1\n",
                                      "GET / HTTP/1.1\r\nA : b\r\n",
                                      "GET / HTTP/1.1\r\nA\r\n",
                                      "GET / HTTP/2.0\r\n",
                                      "GET /\r\n",
                                      "GET / HTTP/1.1\r\nTransfer-Encoding: x\r\n"};
    static const char *const bad_resp[] = {"*x\r\n", "*1\r\n+", "*1\r\n$65537\r\n", "a\n"};
    struct http_request request;
    struct resp_command command;
    size_t used;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(parse_http(bad[i], strlen(bad[i]), &request, &used), SERVE_PARSE_BAD);
    for (size_t i = 0; i < sizeof bad_resp / sizeof *bad_resp; i++)
        assert_int_equal(parse_resp(bad_resp[i], strlen(bad_resp[i]), &command, &used),
                         SERVE_PARSE_BAD);
}

static void values_are_read_exactly(void **state)
{
    (void)state;
    uint64_t value = 7;
    char text[] = "a%20b+c%C3%a9";
    size_t len = strlen(text);
    assert_true(serve_unescape((uint8_t *)text, &len));
    assert_int_equal(len, 7);
    assert_memory_equal(text, "a b c\xc3\xa9", 7);
    len = 2;
    assert_false(serve_unescape((uint8_t *)(char[]){"%4"}, &len));
    assert_true(serve_parse_duration(pp_bytes_of("90s"), &value));
    assert_int_equal(value, 90000000000);
    assert_false(serve_parse_duration(pp_bytes_of("90"), &value));
    assert_false(serve_parse_duration(pp_bytes_of("300000000d"), &value));
    assert_true(serve_parse_size(pp_bytes_of("2GiB"), &value));
    assert_int_equal(value, (uint64_t)2 << 30);
    assert_false(serve_parse_number(pp_bytes_of("18446744073709551616"), UINT64_MAX, &value));
    assert_false(serve_parse_number(pp_bytes_of(""), UINT64_MAX, &value));
    assert_int_equal(serve_seconds(1), 1);
    assert_int_equal(serve_seconds(UINT64_MAX), 18446744074);
}

static void addresses_are_cut_to_their_prefix(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        unsigned ipv4, ipv6;
        const char *prefix;
    } cases[] = {{"192.0.2.255", 32, 64, "192.0.2.255/32"},
                 {"192.0.2.255", 25, 64, "192.0.2.128/25"},
                 {"255.255.255.255", 1, 64, "128.0.0.0/1"},
                 {"::ffff:192.0.2.7", 24, 64, "192.0.2.0/24"},
                 {"2001:DB8::1", 32, 128, "2001:db8::1/128"},
                 {"2001:db8:0:ffff::1", 32, 56, "2001:db8:0:ff00::/56"},
                 {"ffff::", 32, 1, "8000::/1"}};
    static const char *const bad[] = {"",        "192.0.2", "192.0.2.256", "1:2",
                                      "::1%lo",  "[::1]",   " ::1",        "192.0.2.1 ",
                                      "example", "0x7f.1",  "::1/128",     "1.2.3.4.5"};
    char prefix[SERVE_PREFIX_BYTES];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_true(
            serve_address_prefix(pp_bytes_of(cases[i].text), cases[i].ipv4, cases[i].ipv6, prefix));
        assert_string_equal(prefix, cases[i].prefix);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(serve_address_prefix(pp_bytes_of(bad[i]), 32, 64, prefix));
}

static void output_never_passes_its_end(void **state)
{
    (void)state;
    char room[8] = "";
    struct serve_out out = {room, 0, 6, false};
    serve_put_escaped(&out, pp_bytes_of("a b"));
    assert_int_equal(out.len, 5);
    serve_put_number(&out, 10);
    assert_true(out.overflow);
    assert_int_equal(out.len, 5);
    assert_memory_equal(room, "a%20b\0\0", 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(resp_waits_for_its_last_byte),
        cmocka_unit_test(http_waits_for_its_last_byte),
        cmocka_unit_test(noise_does_no_harm),
        cmocka_unit_test(what_is_refused_early_is_not_waited_for),
        cmocka_unit_test(values_are_read_exactly),
        cmocka_unit_test(addresses_are_cut_to_their_prefix),
        cmocka_unit_test(output_never_passes_its_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
