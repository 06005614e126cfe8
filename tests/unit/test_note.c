/* SPDX-License-Identifier: MIT */
/* Tests of key strings, signed notes, checkpoints and .tlog-proof files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../src/base/base.h"
#include "../../src/ledger/ledger_internal.h"

#define DASH "\xe2\x80\x94 "

/* The published example of Go's golang.org/x/mod/sumdb/note. */
static const char peter_public[] =
    "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
static const char peter_private[] =
    "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz";
static const char peter_text[] = "If you think cryptography is the answer to your problem,\n"
                                 "then you don't know what your problem is.\n";
static const char peter_note[] =
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
    "\n" DASH "PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZ"
    "SNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";

/* The example of c2sp.org/signed-note. */
static const char c2sp_public[] =
    "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
static const char c2sp_note[] =
    "This is an example message.\n"
    "\n" DASH
    "example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3m"
    "FXmRKuwHjG1Yu72IneyaQM=\n";

/* The example of c2sp.org/tlog-checkpoint, whose key is not published. */
static const char c2sp_checkpoint[] =
    "example.com/behind-the-sofa\n"
    "20852163\n"
    "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
    "\n" DASH
    "example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/"
    "Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n";

static struct pp_bytes view(const char *text)
{
    return pp_bytes_of(text);
}

static struct pp_note_signer signer_named(const char *name, uint8_t seed_byte)
{
    struct pp_note_signer signer;
    uint8_t seed[32];
    memset(seed, seed_byte, sizeof seed);
    assert_int_equal(pp_note_signer_init(&signer, name, seed), PP_OK);
    return signer;
}

static struct pp_digest some_root(void)
{
    return pp_sha256(pp_bytes_of("a root"));
}

/* ---- Keys ----------------------------------------------------------------------------------- */

static void test_published_keys(void **state)
{
    (void)state;
    struct pp_note_key key;
    struct pp_note_signer signer;
    char text[PP_NOTE_KEY_TEXT_BYTES];
    assert_int_equal(pp_note_key_parse(view(peter_public), &key), PP_OK);
    assert_string_equal(key.name, "PeterNeumann");
    pp_note_key_format(&key, text);
    assert_string_equal(text, peter_public);
    assert_int_equal(pp_note_signer_parse(view(peter_private), &signer), PP_OK);
    assert_string_equal(signer.key.name, key.name);
    assert_memory_equal(signer.key.public_key, key.public_key, 32);
    pp_note_signer_format(&signer, text);
    assert_string_equal(text, peter_private);
    assert_int_equal(pp_note_key_parse(view(c2sp_public), &key), PP_OK);
    pp_note_key_format(&key, text);
    assert_string_equal(text, c2sp_public);
}

/* A key string with one newline behind it is what the files hold; anything more is not. */
static void test_key_text_ends(void **state)
{
    (void)state;
    struct pp_note_key key;
    struct pp_note_signer signer;
    char text[2 * PP_NOTE_KEY_TEXT_BYTES];
    static const char *const ends[] = {"\n\n", " ", "\r\n", "=", "A", "+"};
    (void)snprintf(text, sizeof text, "%s\n", peter_public);
    assert_int_equal(pp_note_key_parse(view(text), &key), PP_OK);
    (void)snprintf(text, sizeof text, "%s\n", peter_private);
    assert_int_equal(pp_note_signer_parse(view(text), &signer), PP_OK);
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        (void)snprintf(text, sizeof text, "%s%s", peter_public, ends[i]);
        assert_int_equal(pp_note_key_parse(view(text), &key), PP_ERROR_FORMAT);
        (void)snprintf(text, sizeof text, "%s%s", peter_private, ends[i]);
        assert_int_equal(pp_note_signer_parse(view(text), &signer), PP_ERROR_FORMAT);
    }
    /* Each may not be taken for the other. */
    assert_int_equal(pp_note_key_parse(view(peter_private), &key), PP_ERROR_FORMAT);
    assert_int_equal(pp_note_signer_parse(view(peter_public), &signer), PP_ERROR_FORMAT);
}

static void test_every_bit_of_a_key_counts(void **state)
{
    (void)state;
    char text[PP_NOTE_KEY_TEXT_BYTES];
    struct pp_note_key key, zero;
    struct pp_note_signer signer, zero_signer;
    memset(&zero, 0, sizeof zero);
    memset(&zero_signer, 0, sizeof zero_signer);
    key = zero;
    signer = zero_signer;
    for (size_t bit = 0; bit < 8 * (sizeof peter_public - 1); bit++) {
        memcpy(text, peter_public, sizeof peter_public);
        text[bit / 8] = (char)(text[bit / 8] ^ 1 << bit % 8);
        struct pp_bytes bytes = {(const uint8_t *)text, sizeof peter_public - 1};
        assert_int_equal(pp_note_key_parse(bytes, &key), PP_ERROR_FORMAT);
    }
    for (size_t bit = 0; bit < 8 * (sizeof peter_private - 1); bit++) {
        memcpy(text, peter_private, sizeof peter_private);
        text[bit / 8] = (char)(text[bit / 8] ^ 1 << bit % 8);
        struct pp_bytes bytes = {(const uint8_t *)text, sizeof peter_private - 1};
        assert_int_equal(pp_note_signer_parse(bytes, &signer), PP_ERROR_FORMAT);
    }
    for (size_t len = 0; len < sizeof peter_public - 1; len++) {
        struct pp_bytes bytes = {(const uint8_t *)peter_public, len};
        assert_int_equal(pp_note_key_parse(bytes, &key), PP_ERROR_FORMAT);
    }
    assert_memory_equal(&key, &zero, sizeof key);
    assert_memory_equal(&signer, &zero_signer, sizeof signer);
}

static void test_names(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "a b",
        "a+b",
        "+",
        "a\n",
        "\ta",
        "a\x1f",
        "\x01",
        "a\xc2\xa0",
        "\xe3\x80\x80",
        "a\xe2\x80\x83"
        "b",
        "\xc2\x85",
        "\xe1\x9a\x80",
        "\xe2\x80\xa8",
        "\xe2\x80\xaf",
        "\xe2\x81\x9f",
        "\xff",
        "a\xc3",
        "\xc0\xaf",
        "\xed\xa0\x80",
        "\xf4\x90\x80\x80",
        "\xe0\x80\xaf",
        "\x80",
        "\xf0\x8f\xbf\xbf",
        "\xc3\xc3",
    };
    static const char *const good[] = {"a",     "example.com/log42", "\xc3\xa9t\xc3\xa9",
                                       "a\x7f", "\xf0\x9f\x93\x9c",  "\xf4\x8f\xbf\xbf",
                                       "-",     "\xe2\x80\x8b"};
    struct pp_note_signer signer, again;
    uint8_t seed[32] = {7};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(pp_note_signer_init(&signer, bad[i], seed), PP_ERROR_ARGUMENT);
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        char text[PP_NOTE_KEY_TEXT_BYTES];
        assert_int_equal(pp_note_signer_init(&signer, good[i], seed), PP_OK);
        pp_note_signer_format(&signer, text);
        assert_int_equal(pp_note_signer_parse(view(text), &again), PP_OK);
        assert_memory_equal(&signer, &again, sizeof signer);
    }
    char longest[PP_ORIGIN_BYTES_MAX + 2], text[PP_NOTE_KEY_TEXT_BYTES];
    memset(longest, 'x', sizeof longest);
    longest[PP_ORIGIN_BYTES_MAX + 1] = '\0';
    assert_int_equal(pp_note_signer_init(&signer, longest, seed), PP_ERROR_ARGUMENT);
    longest[PP_ORIGIN_BYTES_MAX] = '\0';
    assert_int_equal(pp_note_signer_init(&signer, longest, seed), PP_OK);
    pp_note_signer_format(&signer, text);
    assert_int_equal(pp_note_signer_parse(view(text), &again), PP_OK);
    pp_note_key_format(&signer.key, text);
    assert_int_equal(pp_note_key_parse(view(text), &again.key), PP_OK);
    assert_string_equal(again.key.name, longest);
}

/* ---- Notes ---------------------------------------------------------------------------------- */

static void test_published_notes(void **state)
{
    (void)state;
    struct pp_note_key key;
    struct pp_note_signer signer;
    struct pp_bytes text;
    char out[sizeof peter_note];
    size_t len = 0;
    assert_int_equal(pp_note_key_parse(view(peter_public), &key), PP_OK);
    assert_int_equal(pp_note_open(view(peter_note), &key, &text), PP_OK);
    assert_int_equal(text.len, sizeof peter_text - 1);
    assert_memory_equal(text.data, peter_text, text.len);
    assert_int_equal(pp_note_signer_parse(view(peter_private), &signer), PP_OK);
    assert_int_equal(pp_note_sign(&signer, view(peter_text), out, sizeof out, &len), PP_OK);
    assert_int_equal(len, sizeof peter_note - 1);
    assert_string_equal(out, peter_note);
    assert_int_equal(pp_note_sign(&signer, view(peter_text), out, sizeof out - 1, &len),
                     PP_ERROR_NO_SPACE);
    assert_int_equal(pp_note_sign(&signer, view(peter_text), out, 0, &len), PP_ERROR_NO_SPACE);
    assert_int_equal(pp_note_open(view(c2sp_note), &key, &text), PP_ERROR_WRONG_KEY);
    assert_int_equal(pp_note_key_parse(view(c2sp_public), &key), PP_OK);
    assert_int_equal(pp_note_open(view(c2sp_note), &key, &text), PP_OK);
    assert_int_equal(pp_note_open(view(peter_note), &key, &text), PP_ERROR_WRONG_KEY);
}

static void assert_not_opened(const char *note, size_t len, const struct pp_note_key *key)
{
    /* In memory of exactly that size, so that the sanitizer sees each byte too many. */
    char *copy = malloc(len == 0 ? 1 : len);
    struct pp_bytes text = {NULL, 0};
    assert_non_null(copy);
    memcpy(copy, note, len);
    enum pp_error error = pp_note_open((struct pp_bytes){(uint8_t *)copy, len}, key, &text);
    free(copy);
    assert_true(error == PP_ERROR_FORMAT || error == PP_ERROR_WRONG_KEY ||
                error == PP_ERROR_MISMATCH);
    assert_null(text.data);
}

/* Each bit of each byte flipped, each byte changed, left out, doubled, and the last to be there. */
static void attack_note(const char *note, const struct pp_note_key *key)
{
    static const uint8_t changes[] = {1, 2, 4, 8, 16, 32, 64, 128, 255};
    char text[1024];
    size_t n = strlen(note);
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < sizeof changes; k++) {
            memcpy(text, note, n);
            text[i] = (char)(text[i] ^ changes[k]);
            assert_not_opened(text, n, key);
        }
        assert_not_opened(note, i, key);
        memcpy(text, note, i);
        memcpy(text + i, note + i + 1, n - i - 1);
        assert_not_opened(text, n - 1, key);
        memcpy(text, note, i + 1);
        memcpy(text + i + 1, note + i, n - i);
        assert_not_opened(text, n + 1, key);
    }
}

static void test_every_byte_of_a_note_counts(void **state)
{
    (void)state;
    struct pp_note_key key;
    assert_int_equal(pp_note_key_parse(view(peter_public), &key), PP_OK);
    attack_note(peter_note, &key);
    assert_int_equal(pp_note_key_parse(view(c2sp_public), &key), PP_OK);
    attack_note(c2sp_note, &key);
}

/* Puts a note together from a text and the signature lines of two others. */
static struct pp_bytes join(char *out, size_t cap, const char *text, const char *first,
                            const char *second)
{
    (void)snprintf(out, cap, "%s\n%s%s", text, first, second);
    return view(out);
}

static const char *line_of(const char *note)
{
    return strstr(note, "\n\n") + 2;
}

static void test_several_signatures(void **state)
{
    (void)state;
    static const char text[] = "one text\n\nwith an empty line\n";
    struct pp_note_signer a = signer_named("a.example", 1), b = signer_named("b.example", 2);
    char by_a[512], by_b[512], other[512], all[1024];
    struct pp_bytes opened;
    size_t len;
    assert_int_equal(pp_note_sign(&a, view(text), by_a, sizeof by_a, &len), PP_OK);
    assert_int_equal(pp_note_sign(&b, view(text), by_b, sizeof by_b, &len), PP_OK);
    assert_int_equal(pp_note_sign(&a, view("other\n"), other, sizeof other, &len), PP_OK);
    const char *a_line = line_of(strstr(by_a, "line")), *b_line = line_of(strstr(by_b, "line"));
    struct pp_bytes note = join(all, sizeof all, text, a_line, b_line);
    assert_int_equal(pp_note_open(note, &a.key, &opened), PP_OK);
    assert_int_equal(opened.len, sizeof text - 1);
    assert_int_equal(pp_note_open(note, &b.key, &opened), PP_OK);
    note = join(all, sizeof all, text, a_line, a_line);
    assert_int_equal(pp_note_open(note, &a.key, &opened), PP_OK);
    assert_int_equal(pp_note_open(note, &b.key, &opened), PP_ERROR_WRONG_KEY);
    /* A signature by this key that does not hold rejects the note, wherever it stands. */
    note = join(all, sizeof all, text, a_line, line_of(other));
    assert_int_equal(pp_note_open(note, &a.key, &opened), PP_ERROR_MISMATCH);
    note = join(all, sizeof all, text, line_of(other), a_line);
    assert_int_equal(pp_note_open(note, &a.key, &opened), PP_ERROR_MISMATCH);
    note = join(all, sizeof all, text, line_of(other), b_line);
    assert_int_equal(pp_note_open(note, &b.key, &opened), PP_OK);
}

/* Lines by unknown keys are ignored: another name with our key id, our name with another id, other
   lengths of signature; but they have to be lines of the form. */
static void test_unknown_signatures(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        enum pp_error error;
    } cases[] = {
        {DASH "Other x08go/ZJ\n", PP_OK},
        {DASH "PeterNeumann AAAAAAA=\n", PP_OK},
        {DASH "Other AAAAAAAAAAAAAAAAAAAA\n", PP_OK},
        {DASH "\xc3\xa9 AAAAAAA=\n", PP_OK},
        {DASH "PeterNeumann x08go/ZJ\n", PP_ERROR_MISMATCH},
        {DASH "Other AAAAAA==\n", PP_ERROR_FORMAT},
        {DASH "Other \n", PP_ERROR_FORMAT},
        {DASH "Other\n", PP_ERROR_FORMAT},
        {DASH " AAAAAAA=\n", PP_ERROR_FORMAT},
        {DASH "Ot+er AAAAAAA=\n", PP_ERROR_FORMAT},
        {DASH "Ot\xc2\xa0r AAAAAAA=\n", PP_ERROR_FORMAT},
        {DASH "Other AAAAAAA= \n", PP_ERROR_FORMAT},
        {DASH "Other AAAAAAB=\n", PP_ERROR_FORMAT},
        {DASH "Other AAAAAAA\n", PP_ERROR_FORMAT},
        {DASH " Other AAAAAAA=\n", PP_ERROR_FORMAT},
        {"- Other AAAAAAA=\n", PP_ERROR_FORMAT},
        {DASH "Other AAAAAAA=\r\n", PP_ERROR_FORMAT},
        {DASH "Other AAAAAAA=", PP_ERROR_FORMAT},
    };
    struct pp_note_key key;
    struct pp_bytes text;
    char note[1024];
    assert_int_equal(pp_note_key_parse(view(peter_public), &key), PP_OK);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct pp_bytes all =
            join(note, sizeof note, peter_text, line_of(peter_note), cases[i].line);
        assert_int_equal(pp_note_open(all, &key, &text), cases[i].error);
    }
}

static void test_number_of_signatures_is_limited(void **state)
{
    (void)state;
    static const char line[] = DASH "Other AAAAAAA=\n";
    char note[8192];
    struct pp_note_key key;
    struct pp_bytes text;
    assert_int_equal(pp_note_key_parse(view(peter_public), &key), PP_OK);
    (void)snprintf(note, sizeof note, "%s", peter_note);
    for (size_t count = 2; count <= 101; count++) {
        strcat(note, line);
        assert_int_equal(pp_note_open(view(note), &key, &text),
                         count <= 100 ? PP_OK : PP_ERROR_FORMAT);
    }
}

static void test_texts_that_cannot_be_signed(void **state)
{
    (void)state;
    static const char *const bad[] = {"", "no newline", "tab\t\n", "\r\n", "\xff\n", "\x1b[0m\n"};
    struct pp_note_signer signer = signer_named("a.example", 1);
    char out[1024];
    size_t len = 99;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(pp_note_sign(&signer, view(bad[i]), out, sizeof out, &len),
                         PP_ERROR_ARGUMENT);
    assert_int_equal(len, 99);
}

/* ---- Checkpoints ---------------------------------------------------------------------------- */

static void test_checkpoint_round_trip(void **state)
{
    (void)state;
    static const uint64_t sizes[] = {0, 1, 9, 10, 20852163, UINT64_C(1) << 62, UINT64_MAX};
    struct pp_note_signer signer = signer_named("example.com/log", 3);
    struct pp_note_signer other = signer_named("example.com/log", 4);
    struct pp_digest root = some_root();
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        char note[PP_CHECKPOINT_BYTES_MAX];
        struct pp_checkpoint checkpoint;
        size_t len;
        assert_int_equal(pp_checkpoint_sign(&signer, sizes[i], &root, note, &len), PP_OK);
        assert_int_equal(strlen(note), len);
        assert_int_equal(pp_checkpoint_open(view(note), &signer.key, &checkpoint), PP_OK);
        assert_true(checkpoint.size == sizes[i]);
        assert_memory_equal(&checkpoint.root, &root, sizeof root);
        assert_int_equal(checkpoint.origin.len, strlen(signer.key.name));
        assert_ptr_equal(checkpoint.origin.data, note);
        assert_int_equal(pp_checkpoint_open(view(note), &other.key, &checkpoint),
                         PP_ERROR_WRONG_KEY);
    }
}

static void test_longest_origin(void **state)
{
    (void)state;
    char name[PP_ORIGIN_BYTES_MAX + 1], note[PP_CHECKPOINT_BYTES_MAX];
    memset(name, 'n', sizeof name);
    name[PP_ORIGIN_BYTES_MAX] = '\0';
    struct pp_note_signer signer = signer_named(name, 5);
    struct pp_digest root = some_root();
    struct pp_checkpoint checkpoint;
    size_t len;
    assert_int_equal(pp_checkpoint_sign(&signer, UINT64_MAX, &root, note, &len), PP_OK);
    assert_int_equal(pp_checkpoint_open(view(note), &signer.key, &checkpoint), PP_OK);
    assert_int_equal(checkpoint.origin.len, PP_ORIGIN_BYTES_MAX);
}

static void test_published_checkpoint(void **state)
{
    (void)state;
    struct pp_checkpoint checkpoint;
    assert_int_equal(pp_checkpoint_parse(view(c2sp_checkpoint), &checkpoint), PP_OK);
    assert_true(checkpoint.size == 20852163);
    assert_int_equal(checkpoint.origin.len, strlen("example.com/behind-the-sofa"));
    assert_int_equal(pp_checkpoint_parse(view(peter_note), &checkpoint), PP_ERROR_FORMAT);
}

static void test_every_byte_of_a_checkpoint_counts(void **state)
{
    (void)state;
    struct pp_note_signer signer = signer_named("example.com/log", 6);
    struct pp_digest root = some_root();
    char note[PP_CHECKPOINT_BYTES_MAX], changed[PP_CHECKPOINT_BYTES_MAX];
    size_t len;
    assert_int_equal(pp_checkpoint_sign(&signer, 1234, &root, note, &len), PP_OK);
    attack_note(note, &signer.key);
    for (size_t bit = 0; bit < 8 * len; bit++) {
        struct pp_checkpoint checkpoint = {.size = 42}, before = checkpoint;
        memcpy(changed, note, len);
        changed[bit / 8] = (char)(changed[bit / 8] ^ 1 << bit % 8);
        struct pp_bytes bytes = {(uint8_t *)changed, len};
        enum pp_error error = pp_checkpoint_open(bytes, &signer.key, &checkpoint);
        assert_true(error == PP_ERROR_FORMAT || error == PP_ERROR_WRONG_KEY ||
                    error == PP_ERROR_MISMATCH);
        assert_memory_equal(&checkpoint, &before, sizeof before);
    }
}

#define ROOT_LINE "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"

/* Signed, so that nothing but the form can reject them. */
static void test_forms_of_checkpoints(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum pp_error error;
    } cases[] = {
        {"log\n5\n" ROOT_LINE, PP_OK},
        {"log\n0\n" ROOT_LINE, PP_OK},
        {"log\n5\n" ROOT_LINE "extension\nanother one\n", PP_OK},
        {"another origin\n5\n" ROOT_LINE, PP_ERROR_MISMATCH},
        {"lo\n5\n" ROOT_LINE, PP_ERROR_MISMATCH},
        {"log \n5\n" ROOT_LINE, PP_ERROR_MISMATCH},
        {"\n5\n" ROOT_LINE, PP_ERROR_FORMAT},
        {"log\n\n" ROOT_LINE, PP_ERROR_FORMAT},
        {"log\n05\n" ROOT_LINE, PP_ERROR_FORMAT},
        {"log\n+5\n" ROOT_LINE, PP_ERROR_FORMAT},
        {"log\n5 \n" ROOT_LINE, PP_ERROR_FORMAT},
        {"log\n-1\n" ROOT_LINE, PP_ERROR_FORMAT},
        {"log\n18446744073709551616\n" ROOT_LINE, PP_ERROR_FORMAT},
        {"log\n5\n", PP_ERROR_FORMAT},
        {"log\n", PP_ERROR_FORMAT},
        {"\n", PP_ERROR_FORMAT},
        {"log\n5\n\n", PP_ERROR_FORMAT},
        {"log\n5\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I\n", PP_ERROR_FORMAT},
        {"log\n5\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2J=\n", PP_ERROR_FORMAT},
        {"log\n5\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxqw==\n", PP_ERROR_FORMAT},
        {"log\n5\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2Ii\n", PP_ERROR_FORMAT},
        {"log\n5\n" ROOT_LINE "\n", PP_ERROR_FORMAT},
        {"log\n5\n" ROOT_LINE "\nextension\n", PP_ERROR_FORMAT},
    };
    struct pp_note_signer signer = signer_named("log", 7);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char note[1024];
        struct pp_checkpoint checkpoint;
        size_t len;
        assert_int_equal(pp_note_sign(&signer, view(cases[i].text), note, sizeof note, &len),
                         PP_OK);
        struct pp_bytes bytes = {(uint8_t *)note, len};
        assert_int_equal(pp_checkpoint_open(bytes, &signer.key, &checkpoint), cases[i].error);
        assert_int_equal(pp_checkpoint_parse(bytes, &checkpoint),
                         cases[i].error == PP_ERROR_FORMAT ? PP_ERROR_FORMAT : PP_OK);
    }
}

/* No signer makes these, so only their form is looked at. */
static void test_notes_that_nobody_signs(void **state)
{
    (void)state;
    static const char head[] = "log\n5\n" ROOT_LINE, line[] = DASH "log AAAAAAA=\n";
    static const char *const bad[] = {"\t\n", "\r\n", "\x01\n", "\x1f\n", "\xff\n", "\xc3\n", "x"};
    char note[512];
    struct pp_checkpoint checkpoint;
    assert_int_equal(pp_checkpoint_parse(join(note, sizeof note, head, line, ""), &checkpoint),
                     PP_OK);
    assert_int_equal(pp_checkpoint_parse(join(note, sizeof note, head, "", ""), &checkpoint),
                     PP_ERROR_FORMAT);
    assert_int_equal(pp_checkpoint_parse(view(head), &checkpoint), PP_ERROR_FORMAT);
    assert_int_equal(pp_checkpoint_parse(view(""), &checkpoint), PP_ERROR_FORMAT);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        (void)snprintf(note, sizeof note, "%s%s\n%s", head, bad[i], line);
        assert_int_equal(pp_checkpoint_parse(view(note), &checkpoint), PP_ERROR_FORMAT);
    }
}

/* A log that gets another name keeps its key: seed and name may be the signer's own. */
static void test_a_new_name_keeps_the_key(void **state)
{
    (void)state;
    struct pp_note_signer signer = signer_named("first.example", 9), old = signer;
    assert_int_equal(pp_note_signer_init(&signer, "second.example", signer.seed), PP_OK);
    assert_string_equal(signer.key.name, "second.example");
    assert_memory_equal(signer.seed, old.seed, sizeof old.seed);
    assert_memory_equal(signer.key.public_key, old.key.public_key, 32);
    assert_int_equal(pp_note_signer_init(&signer, signer.key.name, old.seed), PP_OK);
    assert_string_equal(signer.key.name, "second.example");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_new_name_keeps_the_key),
        cmocka_unit_test(test_published_keys),
        cmocka_unit_test(test_key_text_ends),
        cmocka_unit_test(test_every_bit_of_a_key_counts),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_published_notes),
        cmocka_unit_test(test_every_byte_of_a_note_counts),
        cmocka_unit_test(test_several_signatures),
        cmocka_unit_test(test_unknown_signatures),
        cmocka_unit_test(test_number_of_signatures_is_limited),
        cmocka_unit_test(test_texts_that_cannot_be_signed),
        cmocka_unit_test(test_checkpoint_round_trip),
        cmocka_unit_test(test_longest_origin),
        cmocka_unit_test(test_published_checkpoint),
        cmocka_unit_test(test_every_byte_of_a_checkpoint_counts),
        cmocka_unit_test(test_forms_of_checkpoints),
        cmocka_unit_test(test_notes_that_nobody_signs),
    };
    return cmocka_run_group_tests_name("note", tests, NULL, NULL);
}
