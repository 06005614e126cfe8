/* SPDX-License-Identifier: MIT */
/* Bundles made and verified by the library: the same bytes twice, every byte of a small one
   flipped, windows, limits with what is left out, pruned ledgers, wrong trust. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <postproof/postproof.h>

#include "../../src/os/os.h"
#include "../../src/store/store.h"
#include "../lib/ledger_fixture.h"

#define ORIGIN_NS UINT64_C(1790000000000000000)
#define SECOND UINT64_C(1000000000)

static struct fixture f;
static char output[PATH_MAX];
static const char manifest_text[] = "{\"theorems\": []}";
static const struct pp_bundle_file spec_files[] = {
    {"proofs/manifest.json", {(const uint8_t *)manifest_text, sizeof manifest_text - 1}},
};

static int set_up(void **state)
{
    (void)state;
    struct pp_failure failure;
    fixture_make(&f);
    if (fixture_create(&f) != PP_OK)
        return -1;
    snprintf(output, sizeof output, "%s/bundle.zip", f.root);
    enum pp_error error = pp_bundle_keys_create(f.keys, "example.org/fault", &failure);
    if (error != PP_OK)
        fprintf(stderr, "%s\n", failure.text);
    return error == PP_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    fixture_remove(&f);
    return 0;
}

/* Mostly DEBUG and INFO, now and then a burst of errors. */
static uint8_t level_of(uint64_t seq)
{
    if (seq % 2000 >= 1950)
        return PP_ERROR;
    return seq % 500 == 7 ? PP_WARN : seq / 1000 % 2 == 0 ? PP_DEBUG : PP_INFO;
}

/* count entries, one a second from first on, synced every so many. */
static void append(uint64_t first, uint64_t count, uint64_t sync_every, size_t large_body)
{
    static uint8_t large[1 << 20];
    struct pp_ledger *ledger;
    struct pp_failure failure;
    const struct pp_ledger_options options = {.segment_bytes = 64 << 10};
    assert_int_equal(pp_ledger_open(f.ledger, f.keys, &options, &ledger, NULL, &failure), PP_OK);
    for (uint64_t i = first; i < first + count; i++) {
        char body[128];
        snprintf(body, sizeof body, "request %llu took %llu ms id %016llx", (unsigned long long)i,
                 (unsigned long long)(i * 7 % 97), (unsigned long long)(i * 0x9E3779B97F4A7C15u));
        struct pp_entry entry = {.time_ns = ORIGIN_NS + i * SECOND,
                                 .source = pp_bytes_of(i % 3 ? "web" : "db"),
                                 .body = pp_bytes_of(body),
                                 .level = level_of(i)};
        if (large_body > 0 && i == first)
            entry.body = (struct pp_bytes){large, large_body};
        assert_int_equal(pp_ledger_append(ledger, &entry, NULL), PP_OK);
        if ((i + 1 - first) % sync_every == 0)
            assert_int_equal(pp_ledger_sync(ledger), PP_OK);
    }
    assert_int_equal(pp_ledger_close(ledger, &failure), PP_OK);
}

static struct pp_bundle_options defaults(void)
{
    return (struct pp_bundle_options){.duration_ns = 3600 * SECOND,
                                      .title = "Checkout outage",
                                      .incident_id = "INC-7",
                                      .files = spec_files,
                                      .file_count = 1};
}

static struct pp_bundle_report make(const struct pp_bundle_options *options)
{
    struct pp_bundle_report report;
    struct pp_failure failure;
    unlink(output);
    enum pp_error error = pp_bundle_create(f.ledger, options, output, &report, &failure);
    if (error != PP_OK)
        fail_msg("%s", failure.text);
    return report;
}

static struct pp_bundle_verify_report verify(const char *trust_root, const char *key)
{
    static struct pp_bundle_verify_report report;
    const struct pp_bundle_verify_options options = {.trust_root = trust_root, .verify_key = key};
    pp_bundle_verify(output, &options, &report);
    return report;
}

static void expect_valid(const struct pp_bundle_report *made)
{
    struct pp_bundle_verify_report report = verify(f.keys, f.verify_key);
    for (size_t i = 0; i < PP_BUNDLE_CHECK_COUNT; i++)
        if (report.checks[i].status == PP_CHECK_BAD ||
            (report.checks[i].status == PP_CHECK_SKIPPED && report.checks[i].required))
            fail_msg("%s: %s", pp_bundle_check_name((enum pp_bundle_check)i),
                     report.checks[i].text);
    assert_int_equal(report.exit_code, 0);
    assert_int_equal(report.entries, made->kept);
    assert_int_equal(report.omitted, made->entries - made->kept);
    assert_memory_equal(&report.manifest_root, &made->manifest_root, sizeof report.manifest_root);
}

static struct pp_buffer read_output(void)
{
    struct pp_buffer bytes = {0};
    struct pp_failure failure;
    assert_int_equal(pp_file_read(PP_OS_CWD, output, 1 << 30, &bytes, &failure), PP_OK);
    return bytes;
}

/* ---- Stories -------------------------------------------------------------------------------- */

static void test_round_trip_twice_the_same(void **state)
{
    (void)state;
    struct pp_bundle_options options = defaults();
    append(0, 500, 37, 0);
    struct pp_bundle_report made = make(&options);
    assert_int_equal(made.entries, 500);
    assert_int_equal(made.kept, 500);
    assert_true(made.has_otlp && made.has_timeline_html && made.has_timeline_jsonl);
    expect_valid(&made);
    struct pp_buffer first = read_output();
    make(&options);
    struct pp_buffer second = read_output();
    assert_int_equal(first.len, second.len);
    assert_memory_equal(first.data, second.data, first.len);
    pp_buffer_free(&first);
    pp_buffer_free(&second);
}

static void test_windows(void **state)
{
    (void)state;
    struct pp_bundle_options options = defaults();
    append(0, 400, 10, 0);
    static const struct {
        uint64_t from, until, first, next; /* seconds; seqs of whole groups */
    } cases[] = {{100, 200, 100, 200}, {105, 106, 100, 110}, {0, 1, 0, 10},
                 {399, 400, 390, 400}, {95, 101, 90, 110},   {0, 400, 0, 400}};
    options.duration_ns = 0;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        options.from_ns = ORIGIN_NS + cases[i].from * SECOND;
        options.until_ns = ORIGIN_NS + cases[i].until * SECOND;
        struct pp_bundle_report made = make(&options);
        assert_int_equal(made.first_seq, cases[i].first);
        assert_int_equal(made.next_seq, cases[i].next);
        expect_valid(&made);
    }
    options.duration_ns = 20 * SECOND;
    struct pp_bundle_report made = make(&options);
    assert_int_equal(made.first_seq, 380);
    expect_valid(&made);
}

static void test_nothing_in_the_window(void **state)
{
    (void)state;
    struct pp_bundle_options options = defaults();
    struct pp_bundle_report report;
    struct pp_failure failure;
    assert_int_equal(pp_bundle_create(f.ledger, &options, output, &report, &failure),
                     PP_ERROR_NOT_FOUND);
    append(0, 10, 10, 0);
    options.duration_ns = 0;
    options.from_ns = ORIGIN_NS + 11 * SECOND;
    options.until_ns = options.from_ns + SECOND;
    assert_int_equal(pp_bundle_create(f.ledger, &options, output, &report, &failure),
                     PP_ERROR_NOT_FOUND);
    assert_int_equal(access(output, F_OK), -1);
}

static void test_existing_output_is_kept(void **state)
{
    (void)state;
    struct pp_bundle_options options = defaults();
    struct pp_bundle_report report;
    struct pp_failure failure;
    append(0, 10, 10, 0);
    make(&options);
    struct pp_buffer before = read_output();
    assert_int_equal(pp_bundle_create(f.ledger, &options, output, &report, &failure),
                     PP_ERROR_EXISTS);
    struct pp_buffer after = read_output();
    assert_int_equal(before.len, after.len);
    assert_memory_equal(before.data, after.data, before.len);
    pp_buffer_free(&before);
    pp_buffer_free(&after);
}

/* The checkpoint is older than the end of the window, or newer, or there is none. */
static void test_checkpoints(void **state)
{
    (void)state;
    struct pp_bundle_options options = defaults();
    struct pp_ledger *ledger;
    struct pp_failure failure;
    char note[PP_CHECKPOINT_BYTES_MAX];
    size_t len;
    append(0, 100, 10, 0);
    struct pp_bundle_report made = make(&options);
    assert_int_equal(made.tree_size, 100);
    assert_int_equal(pp_ledger_open(f.ledger, f.keys, NULL, &ledger, NULL, &failure), PP_OK);
    assert_int_equal(pp_ledger_checkpoint(ledger, note, &len), PP_OK);
    assert_int_equal(pp_ledger_close(ledger, &failure), PP_OK);
    append(100, 77, 10, 0);
    made = make(&options);
    assert_int_equal(made.tree_size, 177);
    expect_valid(&made);
    options.duration_ns = 0;
    options.from_ns = ORIGIN_NS + 20 * SECOND;
    options.until_ns = ORIGIN_NS + 60 * SECOND;
    made = make(&options);
    assert_int_equal(made.tree_size, 100);
    expect_valid(&made);
}

static void test_large_bodies(void **state)
{
    (void)state;
    struct pp_bundle_options options = defaults();
    append(0, 20, 5, 300000);
    append(20, 20, 5, 400000);
    struct pp_bundle_report made = make(&options);
    assert_int_equal(made.blobs, 2);
    assert_int_equal(made.blobs_omitted, 0);
    expect_valid(&made);
}

static void test_pruned(void **state)
{
    (void)state;
    struct pp_bundle_options options = defaults();
    struct pp_ledger *ledger;
    struct pp_failure failure;
    uint64_t pruned;
    append(0, 4000, 100, 0);
    assert_int_equal(pp_ledger_open(f.ledger, f.keys, NULL, &ledger, NULL, &failure), PP_OK);
    assert_int_equal(pp_ledger_prune(ledger, 2500, &pruned), PP_OK);
    assert_true(pruned > 0);
    assert_int_equal(pp_ledger_close(ledger, &failure), PP_OK);
    options.duration_ns = 1000 * SECOND;
    struct pp_bundle_report made = make(&options);
    assert_true(made.entries >= 1000);
    expect_valid(&made);
}

/* Over the limit: the least important go, the rest is proved, nothing is silent. */
static void test_limit(void **state)
{
    (void)state;
    struct pp_bundle_options options = defaults();
    append(0, 30000, 1000, 0);
    options.duration_ns = 40000 * SECOND;
    options.max_bytes = PP_BUNDLE_BYTES_MIN;
    struct pp_bundle_report made = make(&options);
    assert_true(made.bytes <= options.max_bytes);
    assert_true(made.kept < made.entries);
    assert_true(made.omitted[PP_DEBUG] > 0);
    assert_int_equal(made.omitted[PP_ERROR], 0);
    struct pp_bundle_verify_report report = verify(f.keys, NULL);
    assert_int_equal(report.exit_code, 0);
    assert_int_equal(report.omitted, made.entries - made.kept);
    report = verify(f.keys, f.verify_key); /* tags of what is not there can't be computed */
    assert_int_equal(report.exit_code, 2);
    assert_int_equal(report.checks[PP_CHECK_TAGS].status, PP_CHECK_SKIPPED);
    assert_string_equal(report.checks[PP_CHECK_TAGS].code, "ENTRIES_OMITTED");
}

static void test_trust(void **state)
{
    (void)state;
    struct pp_bundle_options options = defaults();
    struct fixture other;
    struct pp_failure failure;
    append(0, 50, 10, 0);
    make(&options);
    assert_int_equal(verify(NULL, NULL).exit_code, 2);
    assert_int_equal(verify("/nonexistent", NULL).exit_code, 2);
    assert_int_equal(verify(f.keys, "/nonexistent").exit_code, 2);
    assert_int_equal(verify(f.keys, NULL).exit_code, 0);
    fixture_make(&other);
    assert_int_equal(fixture_create(&other), PP_OK);
    assert_int_equal(pp_bundle_keys_create(other.keys, "example.org/fault", &failure), PP_OK);
    struct pp_bundle_verify_report report = verify(other.keys, NULL);
    assert_int_equal(report.exit_code, 1);
    assert_int_equal(report.checks[PP_CHECK_SIGNATURE].status, PP_CHECK_BAD);
    assert_int_equal(report.checks[PP_CHECK_CHECKPOINT].status, PP_CHECK_BAD);
    assert_int_equal(report.checks[PP_CHECK_SSH_SIGNATURE].status, PP_CHECK_BAD);
    report = verify(f.keys, other.verify_key);
    assert_int_equal(report.exit_code, 1);
    assert_int_equal(report.checks[PP_CHECK_TAGS].status, PP_CHECK_BAD);
    fixture_remove(&other);
}

/* Every byte of a small bundle, one bit of it; with PP_CHAOS every bit. */
static void test_every_byte_flipped(void **state)
{
    (void)state;
    struct pp_bundle_options options = defaults();
    append(0, 12, 5, 0);
    options.from_ns = ORIGIN_NS + 4 * SECOND;
    options.until_ns = ORIGIN_NS + 6 * SECOND;
    options.duration_ns = 0;
    make(&options);
    struct pp_buffer bytes = read_output();
    bool every_bit = getenv("PP_CHAOS") != NULL;
    int fd = pp_os_open(PP_OS_CWD, output, PP_OS_READ_WRITE);
    assert_true(fd >= 0);
    assert_int_equal(verify(f.keys, NULL).exit_code, 0);
    for (size_t at = 0; at < bytes.len; at++) {
        for (unsigned bit = every_bit ? 0 : at % 8; bit < (every_bit ? 8 : at % 8 + 1); bit++) {
            uint8_t changed = bytes.data[at] ^ (uint8_t)(1 << bit);
            assert_int_equal(pp_os_write_at(fd, &changed, 1, at), 0);
            struct pp_bundle_verify_report report = verify(f.keys, NULL);
            if (report.exit_code != 1 || report.checks[PP_CHECK_CONTAINER].code[0] == 0)
                fail_msg("bit %u of byte %zu: exit %d", bit, at, report.exit_code);
        }
        assert_int_equal(pp_os_write_at(fd, &bytes.data[at], 1, at), 0);
    }
    assert_int_equal(verify(f.keys, NULL).exit_code, 0);
    for (size_t len = 0; len < bytes.len; len += 1 + len / 50) { /* cut, or with a byte more */
        assert_int_equal(pp_os_truncate(fd, len), 0);
        assert_int_equal(verify(f.keys, NULL).exit_code, 1);
        assert_int_equal(pp_os_write_at(fd, bytes.data, bytes.len, 0), 0);
    }
    assert_int_equal(pp_os_write_at(fd, "", 1, bytes.len), 0);
    assert_int_equal(verify(f.keys, NULL).exit_code, 1);
    pp_os_close(fd);
    pp_buffer_free(&bytes);
}

/* While it is verified, somebody writes zeros over all of it. */
static enum pp_error overwrite(void *context, const struct pp_entry *entry)
{
    static const uint8_t zeros[1 << 20];
    uint64_t *entries = context;
    (void)entry;
    if ((*entries)++ == 0) {
        int fd = pp_os_open(PP_OS_CWD, output, PP_OS_READ_WRITE);
        assert_true(fd >= 0);
        assert_int_equal(pp_os_write_at(fd, zeros, (size_t)pp_os_size(fd), 0), 0);
        pp_os_close(fd);
    }
    return PP_OK;
}

static void test_what_is_verified_stays(void **state)
{
    (void)state;
    struct pp_bundle_options options = defaults();
    struct pp_bundle_verify_report report;
    uint64_t entries = 0;
    append(0, 3000, 100, 0);
    struct pp_bundle_report made = make(&options);
    struct pp_bundle_verify_options verify_options = {
        .trust_root = f.keys, .entry = overwrite, .context = &entries};
    pp_bundle_verify(output, &verify_options, &report);
    assert_int_equal(report.exit_code, 0);
    assert_int_equal(entries, made.kept);
    assert_int_equal(verify(f.keys, NULL).exit_code, 1);
}

#define STORY(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORY(test_round_trip_twice_the_same),
        STORY(test_windows),
        STORY(test_nothing_in_the_window),
        STORY(test_existing_output_is_kept),
        STORY(test_checkpoints),
        STORY(test_large_bodies),
        STORY(test_pruned),
        STORY(test_limit),
        STORY(test_trust),
        STORY(test_every_byte_flipped),
        STORY(test_what_is_verified_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
