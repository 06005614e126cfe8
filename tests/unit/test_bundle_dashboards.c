/* SPDX-License-Identifier: MIT */
/* Dashboards in a bundle: made from its specifications, and found when they are not what these
   generate, whatever the signatures say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <postproof/postproof.h>

#include "../../src/base/base.h"
#include "../../src/store/bundle_verify.h"
#include "../../src/store/dashboards.h"
#include "../lib/ledger_fixture.h"

enum { FILES = 3 };
static const char spec[] = "(* first *)\nDefinition holds_always : Prop := True.\n";
static const char proof[] = "Theorem holds_always : Spec.X.holds_always. Proof. exact I. Qed.\n";
static const char input[] = "invariant one\n  summary It holds.\n"
                            "  theorem spec/X.v holds_always\n  each up{job=\"a\"}\n"
                            "  holds errors_total never counts in 60s and queue_bytes <= 5\n";
static char manifest[1024];
static struct pp_bundle_file files[FILES];
static struct fixture f;
static char output[PATH_MAX];

static struct pp_bundle_report report;
static struct pp_bundle_verify_report verified;
static struct pp_bundle_verification v;

static void hash_text(const char *text, char hex[2 * PP_DIGEST_BYTES + 1])
{
    struct pp_digest digest = pp_sha256(pp_bytes_of(text));
    pp_hex_encode(digest.b, sizeof digest.b, hex);
}

static void make_specifications(void)
{
    char spec_hex[2 * PP_DIGEST_BYTES + 1], proof_hex[2 * PP_DIGEST_BYTES + 1];
    hash_text(spec, spec_hex);
    hash_text(proof, proof_hex);
    snprintf(manifest, sizeof manifest,
             "{\"theorems\": [{\"name\": \"holds_always\", \"spec\": \"spec/X.v\", "
             "\"spec_sha256\": \"%s\", \"proof\": \"proofs/x/X.v\", \"proof_sha256\": \"%s\", "
             "\"statement_sha256\": \"%s\"}]}",
             spec_hex, proof_hex, spec_hex);
    files[0] = (struct pp_bundle_file){"spec/X.v", pp_bytes_of(spec)};
    files[1] = (struct pp_bundle_file){"proofs/x/X.v", pp_bytes_of(proof)};
    files[2] = (struct pp_bundle_file){"proofs/manifest.json", pp_bytes_of(manifest)};
}

static enum pp_error create(const char *invariants, struct pp_failure *failure)
{
    const struct pp_bundle_options options = {.duration_ns = 3600000000000,
                                              .files = files,
                                              .file_count = FILES,
                                              .invariants = pp_bytes_of(invariants)};
    (void)remove(output);
    return pp_bundle_create(f.ledger, &options, output, &report, failure);
}

static int set_up(void **state)
{
    (void)state;
    struct pp_ledger *ledger;
    struct pp_failure failure;
    struct pp_entry entry = {
        .time_ns = 1790000000000000000, .source = pp_bytes_of("a"), .body = pp_bytes_of("b")};
    make_specifications();
    fixture_make(&f);
    snprintf(output, sizeof output, "%s/bundle.zip", f.root);
    bool good = fixture_create(&f) == PP_OK &&
                pp_bundle_keys_create(f.keys, "example.org/fault", &failure) == PP_OK &&
                pp_ledger_open(f.ledger, f.keys, NULL, &ledger, NULL, &failure) == PP_OK &&
                pp_ledger_append(ledger, &entry, NULL) == PP_OK &&
                pp_ledger_close(ledger, &failure) == PP_OK;
    return good ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    fixture_remove(&f);
    return 0;
}

static const struct pp_check_outcome *verify(void)
{
    const struct pp_bundle_verify_options options = {.trust_root = f.keys};
    pp_bundle_verify(output, &options, &verified);
    return &verified.checks[PP_CHECK_DASHBOARDS];
}

static void test_made_and_verified(void **state)
{
    (void)state;
    struct pp_failure failure;
    if (create(input, &failure) != PP_OK)
        fail_msg("%s", failure.text);
    assert_int_equal(report.invariants, 1);
    assert_int_equal(verify()->status, PP_CHECK_OK);
    assert_int_equal(verified.exit_code, 0);
}

/* None is no fault, and not passed. */
static void test_none(void **state)
{
    (void)state;
    struct pp_failure failure;
    assert_int_equal(create("", &failure), PP_OK);
    assert_int_equal(report.invariants, 0);
    assert_int_equal(verify()->status, PP_CHECK_SKIPPED);
    assert_string_equal(verify()->code, "NO_DASHBOARDS");
    assert_int_equal(verified.exit_code, 0);
}

static void test_bad_invariants(void **state)
{
    (void)state;
    struct pp_failure failure;
    assert_int_equal(create("invariant one\n", &failure), PP_ERROR_FORMAT);
    assert_non_null(strstr(failure.text, "line 1"));
    assert_int_equal(create("invariant one\nsummary s\ntheorem spec/X.v other\neach up\n"
                            "holds a > 0\n",
                            &failure),
                     PP_ERROR_FORMAT);
    assert_non_null(strstr(failure.text, "line 3"));
}

/* ---- A bundle whose signer lied: the check alone, on files that are not what they should be */

static void open_bundle(struct pp_buffer *bytes)
{
    struct pp_zip_reader reader;
    struct pp_zip_entry entry;
    struct pp_failure failure;
    struct pp_buffer content = {0};
    bool more = true;
    size_t folder = strlen(PP_BUNDLE_FOLDER);
    assert_int_equal(pp_file_read(PP_OS_CWD, output, 1 << 24, bytes, &failure), PP_OK);
    assert_int_equal(pp_zip_open((struct pp_bytes){bytes->data, bytes->len}, &reader), PP_ZIP_OK);
    memset(&verified, 0, sizeof verified);
    v = (struct pp_bundle_verification){.report = &verified,
                                        .files = calloc(reader.count, sizeof *v.files)};
    while (pp_zip_next(&reader, &entry, &more) == PP_ZIP_OK && more) {
        struct pp_checked_file *file = &v.files[v.file_count++];
        *file = (struct pp_checked_file){
            .entry = entry, .name = {entry.name.data + folder, entry.name.len - folder}};
        assert_true(pp_bundle_load(file, 1 << 24, &content));
        file->digest = pp_sha256((struct pp_bytes){content.data, content.len});
    }
    verified.checks[PP_CHECK_SPECIFICATIONS].status = PP_CHECK_OK;
    pp_buffer_free(&content);
}

static enum pp_check_status check(void)
{
    struct pp_check_outcome *outcome = &verified.checks[PP_CHECK_DASHBOARDS];
    *outcome = (struct pp_check_outcome){.status = PP_CHECK_SKIPPED};
    pp_bundle_check_dashboards(&v);
    return outcome->status;
}

static void test_what_does_not_follow_is_found(void **state)
{
    (void)state;
    struct pp_buffer bytes = {0};
    struct pp_failure failure;
    assert_int_equal(create(input, &failure), PP_OK);
    open_bundle(&bytes);
    assert_int_equal(check(), PP_CHECK_OK);
    size_t dashboards = 0;
    for (size_t i = 0; i < v.file_count; i++) {
        struct pp_checked_file kept = v.files[i];
        size_t len = strlen(PP_BUNDLE_DASHBOARDS);
        if (kept.name.len < len || memcmp(kept.name.data, PP_BUNDLE_DASHBOARDS, len) != 0)
            continue;
        dashboards++;
        v.files[i].digest.b[0] ^= 1; /* other content */
        assert_int_equal(check(), PP_CHECK_BAD);
        v.files[i] = kept;
        v.files[i].name = pp_bytes_of("data/other"); /* missing */
        assert_int_equal(check(), PP_CHECK_BAD);
        v.files[i] = kept;
    }
    assert_int_equal(dashboards, PP_DASHBOARD_FILE_COUNT);
    assert_int_equal(check(), PP_CHECK_OK);
    free(v.files);
    pp_buffer_free(&bytes);
}

/* The content of one file in place of another's. */
static void exchange(const char *name, const char *other)
{
    struct pp_checked_file *a = pp_bundle_find(&v, name), *b = pp_bundle_find(&v, other);
    assert_true(a != NULL && b != NULL);
    a->entry = b->entry;
    a->digest = b->digest;
}

static void test_other_sources(void **state)
{
    (void)state;
    struct pp_buffer bytes = {0};
    struct pp_failure failure;
    assert_int_equal(create(input, &failure), PP_OK);
    open_bundle(&bytes);
    exchange("data/dashboards/invariants.txt", "data/spec/spec/X.v"); /* no invariants */
    assert_int_equal(check(), PP_CHECK_BAD);
    free(v.files);
    open_bundle(&bytes);
    exchange("data/spec/spec/X.v", "data/spec/proofs/x/X.v"); /* states no theorem */
    assert_int_equal(check(), PP_CHECK_BAD);
    verified.checks[PP_CHECK_SPECIFICATIONS].status = PP_CHECK_BAD;
    assert_int_equal(check(), PP_CHECK_SKIPPED);
    assert_true(verified.checks[PP_CHECK_DASHBOARDS].required);
    free(v.files);
    pp_buffer_free(&bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_made_and_verified),
        cmocka_unit_test(test_none),
        cmocka_unit_test(test_bad_invariants),
        cmocka_unit_test(test_what_does_not_follow_is_found),
        cmocka_unit_test(test_other_sources),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
