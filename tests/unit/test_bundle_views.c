/* SPDX-License-Identifier: MIT */
/* The views of a bundle for other programs: Timesketch lines and OSCAL results, read back by a JSON
   parser; and the parts of timelines. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "../../src/base/base.h"
#include "../../src/base/hash.h"
#include "../../src/bundle/timeline.h"
#include "../../src/bundle/timeline_assets.h"
#include "../../src/bundle/views.h"

static uint8_t memory[1 << 16];

static struct pp_bundle_text empty(void)
{
    return (struct pp_bundle_text){memory, sizeof memory, 0};
}

static json_t *parse(const struct pp_bundle_text *text)
{
    json_error_t error;
    json_t *json = json_loadb((const char *)text->data, text->len, JSON_REJECT_DUPLICATES, &error);
    if (!json)
        fail_msg("no JSON: %s", error.text);
    return json;
}

static const char *string_at(const json_t *json, const char *name)
{
    const char *text = json_string_value(json_object_get(json, name));
    assert_non_null(text);
    return text;
}

static struct pp_entry make_entry(const char *source, const char *body)
{
    return (struct pp_entry){.seq = 7,
                             .time_ns = UINT64_C(1790000000123456789),
                             .source = pp_bytes_of(source),
                             .body = pp_bytes_of(body),
                             .level = PP_WARN,
                             .kind = PP_ENTRY_DATA};
}

/* ---- Timesketch ----------------------------------------------------------------------------- */

static void test_line(void **state)
{
    (void)state;
    struct pp_bundle_text text = empty();
    struct pp_digest leaf = {{0xab}};
    struct pp_entry entry = make_entry("web", "a \"quoted\" line\n</script>");
    assert_int_equal(pp_bundle_timeline_line(&entry, &leaf, &text), PP_OK);
    assert_int_equal(text.data[text.len - 1], '\n');
    assert_null(memchr(text.data, '\n', text.len - 1));
    json_t *line = parse(&text);
    assert_string_equal(string_at(line, "message"), "a \"quoted\" line\n</script>");
    assert_string_equal(string_at(line, "datetime"), "2026-09-21T14:13:20.123456789Z");
    assert_string_equal(string_at(line, "timestamp_desc"), "Event Logged");
    assert_string_equal(string_at(line, "level"), "WARN");
    assert_string_equal(string_at(line, "source"), "web");
    assert_int_equal(json_integer_value(json_object_get(line, "seq")), 7);
    assert_memory_equal(string_at(line, "leaf_sha256"), "ab000000", 8);
    assert_null(json_object_get(line, "message_base64"));
    json_decref(line);
}

static void test_line_keeps_every_byte(void **state)
{
    (void)state;
    struct pp_bundle_text text = empty();
    struct pp_entry entry = make_entry("\xff", "x\xc0\x80y");
    assert_int_equal(pp_bundle_timeline_line(&entry, NULL, &text), PP_OK);
    json_t *line = parse(&text);
    assert_string_equal(string_at(line, "message_base64"), "eMCAeQ==");
    assert_string_equal(string_at(line, "source_base64"), "/w==");
    assert_null(json_object_get(line, "leaf_sha256"));
    json_decref(line);
}

static void test_line_of_a_reference(void **state)
{
    (void)state;
    struct pp_bundle_text text = empty();
    uint8_t body[PP_REFERENCE_BYTES] = {0, 0, 0, 0, 0, 1, 0, 0, 0x5a};
    struct pp_entry entry = make_entry("web", "");
    entry.kind = PP_ENTRY_REFERENCE;
    assert_int_equal(pp_bundle_timeline_line(&entry, NULL, &text), PP_ERROR_ARGUMENT);
    entry.body = (struct pp_bytes){body, sizeof body};
    assert_int_equal(pp_bundle_timeline_line(&entry, NULL, &text), PP_OK);
    json_t *line = parse(&text);
    assert_memory_equal(string_at(line, "message"), "body kept beside, bytes: 65536, SHA-256: 5a00",
                        45);
    json_decref(line);
}

static void test_line_without_room_leaves_nothing(void **state)
{
    (void)state;
    struct pp_entry entry = make_entry("web", "body");
    struct pp_bundle_text whole = empty();
    assert_int_equal(pp_bundle_timeline_line(&entry, NULL, &whole), PP_OK);
    for (size_t cap = 0; cap < whole.len; cap++) {
        struct pp_bundle_text text = {memory, cap, 0};
        assert_int_equal(pp_bundle_timeline_line(&entry, NULL, &text), PP_ERROR_NO_SPACE);
        assert_int_equal(text.len, 0);
    }
}

/* ---- OSCAL ---------------------------------------------------------------------------------- */

static const struct pp_bundle_info info = {
    .first_seq = 100,
    .next_seq = 250,
    .first_ns = UINT64_C(1790000000000000000),
    .last_ns = UINT64_C(1790000100000000000),
    .sealed_ns = UINT64_C(1790000200000000000),
    .tree_size = 300,
    .entries = {0, 10, 120, 15, 5, 0},
    .omitted = {0, 10, 0, 0, 0, 0},
};

/* Checked with uuid.uuid5 of Python, namespace 6b1f0a52-3d8e-4c71-9a44-e2075cb813fd. */
static void test_uuid(void **state)
{
    (void)state;
    char uuid[PP_UUID_TEXT_BYTES];
    pp_bundle_uuid(pp_bytes_of("postproof"), uuid);
    assert_string_equal(uuid, "9d07875f-174f-5e02-abe2-3712ca4ce6a3");
}

static void test_assessment(void **state)
{
    (void)state;
    struct pp_bundle_info named = info;
    named.title = pp_bytes_of("Outage </script>\n\"x\"");
    named.incident_id = pp_bytes_of("INC-1");
    named.origin = pp_bytes_of("example.com/web-1");
    struct pp_bundle_text text = empty();
    assert_int_equal(pp_bundle_assessment(&named, &text), PP_OK);
    json_t *document = parse(&text);
    json_t *results = json_object_get(document, "assessment-results");
    json_t *metadata = json_object_get(results, "metadata");
    assert_string_equal(string_at(metadata, "title"), "Outage </script>\n\"x\"");
    assert_string_equal(string_at(metadata, "oscal-version"), "1.0.4");
    const char *plan = string_at(json_object_get(results, "import-ap"), "href");
    json_t *resource =
        json_array_get(json_object_get(json_object_get(results, "back-matter"), "resources"), 0);
    assert_string_equal(plan + 1, string_at(resource, "uuid"));
    json_t *result = json_array_get(json_object_get(results, "results"), 0);
    assert_string_equal(string_at(result, "start"), "2026-09-21T14:13:20.000000000Z");
    assert_int_equal(json_array_size(json_object_get(result, "observations")), 2);
    json_decref(document);
}

static void test_assessment_is_determined(void **state)
{
    (void)state;
    static uint8_t again[sizeof memory];
    struct pp_bundle_text text = empty();
    assert_int_equal(pp_bundle_assessment(&info, &text), PP_OK);
    size_t len = text.len;
    memcpy(again, memory, len);
    text = empty();
    assert_int_equal(pp_bundle_assessment(&info, &text), PP_OK);
    assert_int_equal(text.len, len);
    assert_memory_equal(memory, again, len);
    struct pp_bundle_text small = {memory, len - 1, 0};
    assert_int_equal(pp_bundle_assessment(&info, &small), PP_ERROR_NO_SPACE);
    assert_int_equal(small.len, 0);
}

/* ---- Timelines ------------------------------------------------------------------------------ */

/* MTH of RFC 6962, straight from its definition. */
static struct pp_digest tree_hash(const struct pp_digest *leaves, uint64_t count)
{
    if (count == 1)
        return leaves[0];
    uint64_t half = 1;
    while (2 * half < count)
        half *= 2;
    struct pp_digest left = tree_hash(leaves, half);
    struct pp_digest right = tree_hash(leaves + half, count - half);
    return pp_node_hash(&left, &right);
}

static void test_groups_are_subtrees(void **state)
{
    (void)state;
    enum { LEAVES = 9000 };
    static struct pp_digest leaves[LEAVES];
    for (size_t i = 0; i < LEAVES; i++)
        leaves[i] = pp_sha256((struct pp_bytes){(const uint8_t *)&i, sizeof i});
    static const uint64_t windows[][2] = {{0, 1},    {0, 9000}, {1, 8999},    {5, 5},
                                          {7, 8},    {0, 4096}, {4095, 4097}, {1000, 6000},
                                          {3, 4103}, {0, 4097}};
    for (size_t w = 0; w < sizeof windows / sizeof windows[0]; w++) {
        struct pp_timeline_tree tree;
        struct pp_digest group;
        uint64_t start = windows[w][0], groups = 0;
        pp_timeline_tree_init(&tree, start, windows[w][1]);
        uint64_t expected = pp_timeline_tree_groups(&tree);
        assert_true(expected <= PP_TIMELINE_GROUPS);
        for (uint64_t i = start; i < windows[w][1]; i++) {
            if (!pp_timeline_tree_add(&tree, &leaves[i], &group))
                continue;
            struct pp_digest hash = tree_hash(leaves + start, i + 1 - start);
            assert_memory_equal(group.b, hash.b, PP_DIGEST_BYTES);
            assert_int_equal(start % (i + 1 - start), 0);
            start = i + 1;
            groups++;
        }
        assert_int_equal(groups, expected);
        assert_int_equal(start, windows[w][1]);
    }
}

static size_t count_mark(const char *mark)
{
    size_t len = strlen(mark), count = 0;
    for (size_t i = 0; i + len <= pp_timeline_html_bytes; i++)
        count += memcmp(pp_timeline_html + i, mark, len) == 0;
    return count;
}

/* Each mark is there once, and the policy names the hashes of what stands in their places. */
static void test_page(void **state)
{
    (void)state;
    static const char *const marks[] = {"{{policy}}", "{{style}}", "{{data}}", "{{script}}"};
    for (size_t i = 0; i < sizeof marks / sizeof marks[0]; i++)
        assert_int_equal(count_mark(marks[i]), 1);
    struct pp_timeline_page page;
    pp_timeline_page_init(&page);
    assert_int_equal(page.before_count, 5);
    assert_int_equal(page.after_count, 3);
    struct pp_digest digest = pp_sha256(page.after[1]);
    char base64[64];
    pp_base64_encode(digest.b, sizeof digest.b, base64);
    assert_non_null(strstr(page.policy, base64));
    assert_non_null(strstr(page.policy, "default-src 'none'; script-src 'sha256-"));
    assert_null(strstr(page.policy, "unsafe"));
}

static void test_counts(void **state)
{
    (void)state;
    static struct pp_timeline_counts counts;
    static uint8_t out[PP_TIMELINE_COUNTS_BYTES];
    pp_timeline_counts_init(&counts, 1000, 1000 + 10 * PP_TIMELINE_STRETCHES);
    pp_timeline_counts_add(&counts, 0, PP_INFO);
    pp_timeline_counts_add(&counts, 1000, PP_INFO);
    pp_timeline_counts_add(&counts, UINT64_MAX, PP_FATAL);
    pp_timeline_counts_encode(&counts, out);
    assert_int_equal(out[0], 'C');
    assert_int_equal(pp_get_u32(out + 1), PP_TIMELINE_COUNTS_BYTES - 5);
    assert_int_equal(pp_get_u64(out + 13), 11);
    assert_int_equal(pp_get_u32(out + 25 + 4 * PP_INFO), 2);
    assert_int_equal(pp_get_u32(out + PP_TIMELINE_COUNTS_BYTES - 4), 1);
}

static void test_head(void **state)
{
    (void)state;
    static uint8_t out[PP_TIMELINE_HEAD_BYTES_MAX];
    size_t len = 0;
    struct pp_timeline_window window = {.first_seq = 2, .next_seq = 1, .tree_size = 3};
    assert_int_equal(pp_timeline_head(&window, out, &len), PP_ERROR_ARGUMENT);
    window.next_seq = 4;
    assert_int_equal(pp_timeline_head(&window, out, &len), PP_ERROR_ARGUMENT);
    window.next_seq = 3;
    static uint8_t long_text[PP_TIMELINE_TEXT_BYTES_MAX + 1];
    window.title = (struct pp_bytes){long_text, sizeof long_text};
    assert_int_equal(pp_timeline_head(&window, out, &len), PP_ERROR_ARGUMENT);
    window.title.len--;
    window.origin = window.incident = window.checkpoint = window.title;
    assert_int_equal(pp_timeline_head(&window, out, &len), PP_OK);
    assert_true(len <= sizeof out);
    assert_memory_equal(out, "PPTL\1M", 6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_line),
        cmocka_unit_test(test_line_keeps_every_byte),
        cmocka_unit_test(test_line_of_a_reference),
        cmocka_unit_test(test_line_without_room_leaves_nothing),
        cmocka_unit_test(test_uuid),
        cmocka_unit_test(test_assessment),
        cmocka_unit_test(test_assessment_is_determined),
        cmocka_unit_test(test_groups_are_subtrees),
        cmocka_unit_test(test_page),
        cmocka_unit_test(test_counts),
        cmocka_unit_test(test_head),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
