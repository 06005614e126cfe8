/* SPDX-License-Identifier: MIT */
/* Tests of the entry codec, the frames around it, and the level names. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "../../src/base/base.h"
#include "../../src/ledger/ledger_internal.h"
#include "../lib/tamper.h"

static uint8_t some_bytes[PP_ENTRY_BYTES_MAX + 1];

static int fill(void **state)
{
    (void)state;
    tamper_random_bytes(some_bytes, sizeof some_bytes);
    return 0;
}

static struct pp_entry entry_of(size_t source_len, size_t body_len)
{
    return (struct pp_entry){.seq = tamper_random_u64(),
                             .time_ns = tamper_random_u64(),
                             .source = {some_bytes + 7, source_len},
                             .body = {some_bytes, body_len},
                             .level = (uint8_t)tamper_random_below(PP_LEVEL_COUNT),
                             .kind = PP_ENTRY_DATA};
}

static void assert_same(const struct pp_entry *a, const struct pp_entry *b)
{
    assert_true(a->seq == b->seq && a->time_ns == b->time_ns);
    assert_int_equal(a->level, b->level);
    assert_int_equal(a->kind, b->kind);
    assert_int_equal(a->source.len, b->source.len);
    assert_memory_equal(a->source.data, b->source.data, a->source.len);
    assert_int_equal(a->body.len, b->body.len);
    if (a->body.len != 0)
        assert_memory_equal(a->body.data, b->body.data, a->body.len);
}

static void assert_round_trip(const struct pp_entry *entry)
{
    static uint8_t encoding[PP_ENTRY_BYTES_MAX];
    struct pp_entry again;
    size_t len;
    assert_int_equal(pp_entry_encode(entry, encoding, sizeof encoding, &len), PP_OK);
    assert_int_equal(len, PP_ENTRY_FIXED_BYTES + entry->source.len + entry->body.len);
    assert_int_equal(pp_entry_decode((struct pp_bytes){encoding, len}, &again), PP_OK);
    assert_same(entry, &again);
}

/* ---- Entries -------------------------------------------------------------------------------- */

static void test_the_table_of_the_format_document(void **state)
{
    (void)state;
    static const uint8_t expected[] = {
        1,    1,    0, 1, 2,   3,   4,   5, 6, 7, 0x10, 0x11, 0x12, 0x13, 0x14, 0x15,
        0x16, 0x17, 4, 3, 'a', 'p', 'p', 0, 0, 0, 4,    0xff, 0,    '\n', 'x'};
    static const uint8_t body[] = {0xff, 0, '\n', 'x'};
    struct pp_entry entry = {.seq = 0x0001020304050607,
                             .time_ns = 0x1011121314151617,
                             .source = pp_bytes_of("app"),
                             .body = {body, sizeof body},
                             .level = PP_ERROR,
                             .kind = PP_ENTRY_DATA};
    uint8_t encoding[64];
    size_t len;
    assert_int_equal(pp_entry_encode(&entry, encoding, sizeof encoding, &len), PP_OK);
    assert_int_equal(len, sizeof expected);
    assert_memory_equal(encoding, expected, sizeof expected);
}

static void test_round_trips(void **state)
{
    (void)state;
    for (int i = 0; i < 20000; i++) {
        struct pp_entry entry =
            entry_of(1 + tamper_random_below(PP_SOURCE_BYTES_MAX), tamper_random_below(300));
        entry.kind = i % 3 == 0 ? PP_ENTRY_NOTICE : PP_ENTRY_DATA;
        if (i % 5 == 0) {
            entry.kind = PP_ENTRY_REFERENCE;
            entry.body.len = PP_REFERENCE_BYTES;
        }
        assert_round_trip(&entry);
    }
}

static void test_limits_of_sizes(void **state)
{
    (void)state;
    static uint8_t encoding[PP_ENTRY_BYTES_MAX + 1];
    static const size_t sources[] = {1, 2, 254, 255};
    for (size_t i = 0; i < sizeof sources / sizeof sources[0]; i++) {
        size_t room = PP_ENTRY_BYTES_MAX - PP_ENTRY_FIXED_BYTES - sources[i], len = 77;
        struct pp_entry entry = entry_of(sources[i], room);
        assert_round_trip(&entry);
        assert_int_equal(pp_entry_encode(&entry, encoding, PP_ENTRY_BYTES_MAX - 1, &len),
                         PP_ERROR_NO_SPACE);
        entry.body.len = room + 1;
        assert_int_equal(pp_entry_encode(&entry, encoding, sizeof encoding, &len),
                         PP_ERROR_TOO_LARGE);
        entry.body.len = SIZE_MAX;
        assert_int_equal(pp_entry_encode(&entry, encoding, sizeof encoding, &len),
                         PP_ERROR_TOO_LARGE);
        assert_int_equal(len, 77);
        entry.body = (struct pp_bytes){NULL, 0};
        assert_round_trip(&entry);
    }
    struct pp_entry largest = entry_of(PP_SOURCE_BYTES_MAX, PP_BODY_BYTES_MAX);
    assert_round_trip(&largest);
}

static void test_arguments_that_no_encoding_has(void **state)
{
    (void)state;
    uint8_t encoding[600];
    size_t len;
    struct pp_entry entry = entry_of(4, 9);
    entry.level = PP_LEVEL_COUNT;
    assert_int_equal(pp_entry_encode(&entry, encoding, sizeof encoding, &len), PP_ERROR_ARGUMENT);
    entry = entry_of(0, 9);
    assert_int_equal(pp_entry_encode(&entry, encoding, sizeof encoding, &len), PP_ERROR_ARGUMENT);
    entry = entry_of(PP_SOURCE_BYTES_MAX + 1, 9);
    assert_int_equal(pp_entry_encode(&entry, encoding, sizeof encoding, &len), PP_ERROR_ARGUMENT);
    for (unsigned kind = 0; kind < 256; kind++) {
        entry = entry_of(4, PP_REFERENCE_BYTES - 1);
        entry.kind = (uint8_t)kind;
        bool good = kind == PP_ENTRY_DATA || kind == PP_ENTRY_NOTICE;
        assert_int_equal(pp_entry_encode(&entry, encoding, sizeof encoding, &len),
                         good ? PP_OK : PP_ERROR_ARGUMENT);
    }
}

/* Bytes are an encoding exactly when what they decode to encodes to the same bytes. */
static bool is_canonical(const uint8_t *data, size_t len)
{
    static uint8_t again[PP_ENTRY_BYTES_MAX];
    struct pp_entry entry;
    size_t again_len;
    /* A copy of its own, so that the sanitizer sees every read beyond it. */
    uint8_t *exact = malloc(len + (len == 0));
    assert_non_null(exact);
    if (len != 0)
        memcpy(exact, data, len);
    bool accepted = pp_entry_decode((struct pp_bytes){exact, len}, &entry) == PP_OK;
    if (accepted) {
        assert_int_equal(pp_entry_encode(&entry, again, sizeof again, &again_len), PP_OK);
        assert_int_equal(again_len, len);
        assert_memory_equal(again, data, len);
    }
    free(exact);
    return accepted;
}

static size_t encode_some(uint8_t *out, size_t cap, int round)
{
    struct pp_entry entry = entry_of(1 + (size_t)round % 20, (size_t)round * 3 % 60);
    size_t len;
    if (round % 4 == 0) {
        entry.kind = PP_ENTRY_REFERENCE;
        entry.body.len = PP_REFERENCE_BYTES;
    }
    assert_int_equal(pp_entry_encode(&entry, out, cap, &len), PP_OK);
    return len;
}

/* No proper prefix and no extension of an encoding is an encoding. */
static void test_truncations_and_extensions(void **state)
{
    (void)state;
    uint8_t data[400];
    for (int round = 0; round < 60; round++) {
        size_t len = encode_some(data, sizeof data, round);
        tamper_random_bytes(data + len, 100);
        for (size_t n = 0; n < len + 100; n++)
            assert_int_equal(is_canonical(data, n), n == len);
    }
}

/* A flipped bit gives another encoding or none; which one is known for each field. */
static void test_flips(void **state)
{
    (void)state;
    uint8_t data[400];
    for (int round = 0; round < 60; round++) {
        size_t len = encode_some(data, sizeof data, round);
        size_t source_len = data[19];
        for (size_t bit = 0; bit < 8 * len; bit++) {
            size_t at = bit / 8;
            data[at] ^= (uint8_t)(1 << bit % 8);
            bool accepted = is_canonical(data, len);
            if (at == 0 || (at >= 20 + source_len && at < 24 + source_len))
                assert_false(accepted);
            else if (at >= 2 && at < 18)
                assert_true(accepted);
            else if (at >= 20 && at != 19)
                assert_true(accepted);
            data[at] ^= (uint8_t)(1 << bit % 8);
        }
    }
}

static void test_random_bytes(void **state)
{
    (void)state;
    uint8_t data[120];
    size_t accepted = 0;
    for (int round = 0; round < 200000; round++) {
        size_t len = tamper_random_below(sizeof data);
        tamper_random_bytes(data, len);
        /* Near misses: right version, small lengths. */
        if (len >= PP_ENTRY_FIXED_BYTES && round % 2 == 0) {
            data[0] = 1;
            data[1] = (uint8_t)(1 + tamper_random_below(3));
            data[18] = (uint8_t)tamper_random_below(7);
            size_t source_len = tamper_random_below(len - PP_ENTRY_FIXED_BYTES + 2);
            data[19] = (uint8_t)source_len;
            if (20 + source_len + 4 <= len)
                pp_put_u32(data + 20 + source_len, (uint32_t)(len - 24 - source_len));
        }
        accepted += is_canonical(data, len);
    }
    assert_true(accepted > 1000);
}

/* ---- Frames --------------------------------------------------------------------------------- */

static enum pp_error read_frame(const uint8_t *data, size_t len, struct pp_frame *frame)
{
    return pp_frame_read((struct pp_bytes){data, len}, frame);
}

static void test_frames(void **state)
{
    (void)state;
    static const uint8_t types[] = {PP_FRAME_ENTRY, PP_FRAME_HEADER, PP_FRAME_SEAL};
    static uint8_t data[PP_FRAME_BYTES_MAX];
    static const uint16_t lengths[] = {1, 2, 300, 65534, 65535};
    struct pp_frame frame;
    for (size_t t = 0; t < sizeof types; t++) {
        for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
            size_t tag = types[t] == PP_FRAME_ENTRY ? PP_TAG_BYTES : 0;
            size_t bytes = PP_FRAME_HEAD_BYTES + (size_t)lengths[i] + tag;
            pp_frame_put_head(data, types[t], lengths[i]);
            assert_int_equal(read_frame(data, bytes, &frame), PP_OK);
            assert_int_equal(frame.type, types[t]);
            assert_int_equal(frame.bytes, bytes);
            assert_int_equal(frame.content.len, lengths[i]);
            assert_ptr_equal(frame.content.data, data + PP_FRAME_HEAD_BYTES);
            assert_ptr_equal(frame.tag, tag != 0 ? data + bytes - tag : NULL);
            assert_ptr_equal(pp_frame_prefixed(&frame).data, data + 3);
            assert_int_equal(pp_frame_prefixed(&frame).len, (size_t)lengths[i] + 1);
            assert_int_equal(read_frame(data, bytes - 1, &frame), PP_ERROR_FORMAT);
        }
    }
}

static void test_frames_that_are_none(void **state)
{
    (void)state;
    uint8_t data[64] = {0};
    struct pp_frame frame;
    assert_int_equal(read_frame(data, 0, &frame), PP_ERROR_NOT_FOUND);
    assert_int_equal(read_frame(NULL, 0, &frame), PP_ERROR_NOT_FOUND);
    assert_int_equal(read_frame(data, sizeof data, &frame), PP_ERROR_NOT_FOUND);
    for (unsigned type = 1; type < 256; type++) {
        pp_frame_put_head(data, (uint8_t)type, 8);
        bool good = type == 'E' || type == 'H' || type == 'S';
        assert_int_equal(read_frame(data, sizeof data, &frame), good ? PP_OK : PP_ERROR_FORMAT);
    }
    for (unsigned prefix = 0; prefix < 256; prefix++) {
        pp_frame_put_head(data, PP_FRAME_SEAL, 8);
        data[3] = (uint8_t)prefix;
        assert_int_equal(read_frame(data, sizeof data, &frame),
                         prefix == 0 ? PP_OK : PP_ERROR_FORMAT);
    }
    pp_frame_put_head(data, PP_FRAME_ENTRY, 0);
    assert_int_equal(read_frame(data, sizeof data, &frame), PP_ERROR_FORMAT);
    for (size_t len = 1; len < PP_FRAME_HEAD_BYTES; len++)
        assert_int_equal(read_frame(data, len, &frame), PP_ERROR_FORMAT);
}

/* ---- Levels --------------------------------------------------------------------------------- */

static void test_levels(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint8_t level;
    } known[] = {{"trace", PP_TRACE},    {"DEBUG", PP_DEBUG}, {"Info", PP_INFO},
                 {"notice", PP_INFO},    {"warn", PP_WARN},   {"WARNING", PP_WARN},
                 {"err", PP_ERROR},      {"Error", PP_ERROR}, {"fatal", PP_FATAL},
                 {"CRITICAL", PP_FATAL}, {"emerg", PP_FATAL}};
    static const char *const unknown[] = {"", "INF", "INFOO", " INFO", "4", "warn\n"};
    uint8_t level;
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        assert_true(pp_level_parse(pp_bytes_of(known[i].text), &level));
        assert_int_equal(level, known[i].level);
    }
    for (size_t i = 0; i < sizeof unknown / sizeof unknown[0]; i++)
        assert_false(pp_level_parse(pp_bytes_of(unknown[i]), &level));
    for (unsigned i = 0; i < 256; i++) {
        const char *text = pp_level_text((uint8_t)i);
        bool known_level = pp_level_parse(pp_bytes_of(text), &level);
        assert_int_equal(known_level, i < PP_LEVEL_COUNT);
        if (known_level)
            assert_int_equal(level, i);
        else
            assert_string_equal(text, "?");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_table_of_the_format_document),
        cmocka_unit_test(test_round_trips),
        cmocka_unit_test(test_limits_of_sizes),
        cmocka_unit_test(test_arguments_that_no_encoding_has),
        cmocka_unit_test(test_truncations_and_extensions),
        cmocka_unit_test(test_flips),
        cmocka_unit_test(test_random_bytes),
        cmocka_unit_test(test_frames),
        cmocka_unit_test(test_frames_that_are_none),
        cmocka_unit_test(test_levels),
    };
    return cmocka_run_group_tests(tests, fill, NULL);
}
