/* SPDX-License-Identifier: MIT */
/* The compact form of entries: whatever goes in comes out, and what is damaged is refused or gives
   entries, never anything else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../src/bundle/parts.h"

enum { ENTRIES = 3000, BODY_MAX = 400 };

static struct pp_block_writer *writer;
static struct pp_block_reader *reader;
static uint8_t *image;
static size_t image_len;

static struct pp_entry entries[ENTRIES];
static uint8_t bodies[ENTRIES][BODY_MAX];
static uint8_t sources[ENTRIES][8];

static int set_up(void **state)
{
    (void)state;
    writer = calloc(1, sizeof *writer);
    reader = calloc(1, sizeof *reader);
    image = malloc(PP_BLOCK_BYTES_MAX);
    return writer && reader && image ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    free(writer);
    free(reader);
    free(image);
    return 0;
}

/* Text that hits every mark: digits, hex, the entry's own time, bytes above 0xF7. */
static size_t make_body(uint8_t *out, uint64_t time_ns)
{
    static const char *const parts[] = {
        "a",    "GET /", "0123456789abcdef0123", "deadbeefdeadbeef1",
        "9",    "007",   "12345678901234567",    "\xf8\xfc",
        "\xff", " "};
    struct pp_bundle_text text = {out, BODY_MAX, 0};
    for (int n = rand() % 12; n > 0; n--) {
        int part = rand() % 13;
        enum pp_error error = PP_OK;
        size_t before = text.len;
        if (part < 10)
            error = pp_bundle_text_string(&text, parts[part]);
        else
            error = pp_bundle_text_time(&text, time_ns + (part == 12));
        if (part == 11 && error == PP_OK)
            text.len = before + (size_t)(rand() % 31);
        assert_int_equal(error, PP_OK);
    }
    return text.len;
}

static void make_entries(size_t count, uint64_t unit)
{
    static uint64_t seq = 5;
    for (size_t i = 0; i < count; i++) {
        struct pp_entry *entry = &entries[i];
        seq += 1 + (rand() % 10 == 0) * (uint64_t)(rand() % 1000);
        int source = rand() % 40;
        sources[i][0] = (uint8_t)('A' + source);
        entry->seq = seq;
        entry->time_ns = (UINT64_C(1790000000000000000) + (uint64_t)rand() * 1000003) / unit * unit;
        if (rand() % 100 == 0)
            entry->time_ns = rand() % 2 ? 0 : UINT64_MAX / unit * unit;
        entry->source = (struct pp_bytes){sources[i], 1 + (size_t)source % 8};
        entry->body = (struct pp_bytes){bodies[i], make_body(bodies[i], entry->time_ns)};
        entry->level = (uint8_t)(rand() % PP_LEVEL_COUNT);
        entry->kind = (uint8_t)(1 + rand() % 3);
    }
}

static void write_block(size_t count)
{
    struct pp_bytes columns[PP_BLOCK_COLUMNS];
    pp_block_reset(writer);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(pp_block_add(writer, &entries[i]), PP_OK);
    pp_block_finish(writer, image, columns);
    image_len = PP_BLOCK_HEAD_BYTES;
    for (size_t i = 0; i < PP_BLOCK_COLUMNS; i++) {
        if (columns[i].len > 0)
            memcpy(image + image_len, columns[i].data, columns[i].len);
        image_len += columns[i].len;
    }
}

static void expect_same(const struct pp_entry *a, const struct pp_entry *b)
{
    assert_int_equal(a->seq, b->seq);
    assert_int_equal(a->time_ns, b->time_ns);
    assert_int_equal(a->level, b->level);
    assert_int_equal(a->kind, b->kind);
    assert_int_equal(a->source.len, b->source.len);
    assert_memory_equal(a->source.data, b->source.data, a->source.len);
    assert_int_equal(a->body.len, b->body.len);
    assert_memory_equal(a->body.data, b->body.data, a->body.len);
}

static void test_round_trip(void **state)
{
    (void)state;
    static const uint64_t units[] = {1, 1000, 1000000, 1000000000};
    srand(3);
    for (int round = 0; round < 40; round++) {
        size_t count = round == 0 ? 1 : 1 + (size_t)(rand() % ENTRIES), length;
        struct pp_entry entry;
        make_entries(count, units[round % 4]);
        write_block(count);
        assert_int_equal(pp_block_length(image, &length), PP_OK);
        assert_int_equal(length, image_len);
        assert_int_equal(pp_block_open((struct pp_bytes){image, image_len}, reader), PP_OK);
        for (size_t i = 0; i < count; i++) {
            assert_int_equal(pp_block_next(reader, &entry), PP_OK);
            expect_same(&entry, &entries[i]);
        }
        assert_int_equal(pp_block_next(reader, &entry), PP_ERROR_NOT_FOUND);
    }
}

/* The largest bodies, of nothing but marks. */
static void test_largest_bodies(void **state)
{
    (void)state;
    static uint8_t body[PP_BODY_BYTES_MAX];
    static const uint8_t fills[] = {0xFC, '7', 'a', 0};
    for (size_t f = 0; f < sizeof fills; f++) {
        struct pp_entry entry = {.source = {fills, 1}, .body = {body, sizeof body}, .kind = 1};
        struct pp_entry read;
        memset(body, fills[f], sizeof body);
        for (size_t i = 0; f == 3 && i < sizeof body; i += 2)
            body[i] = '1';
        unsigned count = 0;
        pp_block_reset(writer);
        for (entry.seq = 0; pp_block_add(writer, &entry) == PP_OK; entry.seq++)
            count++;
        assert_int_equal(count, PP_BLOCK_BODY_BYTES / PP_BODY_BYTES_MAX);
        entries[0] = entry;
        entries[0].seq = 0;
        write_block(1);
        assert_int_equal(pp_block_open((struct pp_bytes){image, image_len}, reader), PP_OK);
        assert_int_equal(pp_block_next(reader, &read), PP_OK);
        expect_same(&read, &entries[0]);
    }
}

static void test_seqs_ascend(void **state)
{
    (void)state;
    make_entries(2, 1);
    pp_block_reset(writer);
    assert_int_equal(pp_block_add(writer, &entries[1]), PP_OK);
    assert_int_equal(pp_block_add(writer, &entries[1]), PP_ERROR_ARGUMENT);
    assert_int_equal(pp_block_add(writer, &entries[0]), PP_ERROR_ARGUMENT);
}

/* Every bit of a block: the reader ends with NOT_FOUND or FORMAT and stays inside the block, which
   the address sanitizer watches in a block of its own. */
static void test_damage(void **state)
{
    (void)state;
    srand(4);
    make_entries(20, 1);
    write_block(20);
    uint8_t *copy = malloc(image_len);
    assert_non_null(copy);
    for (size_t bit = 0; bit < 8 * image_len; bit++) {
        struct pp_entry entry;
        memcpy(copy, image, image_len);
        copy[bit / 8] ^= (uint8_t)(1 << bit % 8);
        enum pp_error error = pp_block_open((struct pp_bytes){copy, image_len}, reader);
        while (error == PP_OK)
            error = pp_block_next(reader, &entry);
        assert_true(error == PP_ERROR_FORMAT || error == PP_ERROR_NOT_FOUND);
    }
    for (size_t len = 0; len < image_len; len++)
        assert_int_equal(pp_block_open((struct pp_bytes){image, len}, reader), PP_ERROR_FORMAT);
    free(copy);
}

static void test_varints(void **state)
{
    (void)state;
    static const uint64_t values[] = {0, 1, 127, 128, 16383, 16384, UINT64_MAX - 1, UINT64_MAX};
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        uint8_t bytes[PP_VARINT_BYTES_MAX];
        struct pp_bytes rest = {bytes, pp_varint_put(values[i], bytes)};
        uint64_t value;
        assert_int_equal(pp_varint_take(&rest, &value), PP_OK);
        assert_int_equal(value, values[i]);
        assert_int_equal(rest.len, 0);
    }
    static const uint8_t bad[][PP_VARINT_BYTES_MAX] = {
        {0x80, 0}, {0x80}, {255, 255, 255, 255, 255, 255, 255, 255, 255, 2}};
    static const size_t lens[] = {2, 1, 10};
    for (size_t i = 0; i < 3; i++) {
        struct pp_bytes rest = {bad[i], lens[i]};
        uint64_t value;
        assert_int_equal(pp_varint_take(&rest, &value), PP_ERROR_FORMAT);
        assert_int_equal(rest.len, lens[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),  cmocka_unit_test(test_largest_bodies),
        cmocka_unit_test(test_seqs_ascend), cmocka_unit_test(test_damage),
        cmocka_unit_test(test_varints),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
