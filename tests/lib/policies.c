/* SPDX-License-Identifier: MIT */
/* Makes policy files, the logs and the witnesses in them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policies.h"

char policy_text[POLICY_TEXT_BYTES];
struct pp_policy policy;
struct pp_failure policy_failure;

struct pp_note_signer policy_signer(const char *name, uint8_t seed_byte)
{
    struct pp_note_signer signer;
    uint8_t seed[32];
    memset(seed, seed_byte, sizeof seed);
    assert_int_equal(pp_note_signer_init(&signer, name, seed), PP_OK);
    return signer;
}

struct pp_note_signer policy_witness(unsigned number)
{
    char name[32];
    (void)snprintf(name, sizeof name, "w%u.example", number);
    return policy_signer(name, (uint8_t)(number + 100));
}

void policy_add(const char *format, ...)
{
    va_list arguments;
    size_t len = strlen(policy_text);
    va_start(arguments, format);
    int added = vsnprintf(policy_text + len, sizeof policy_text - len, format, arguments);
    va_end(arguments);
    assert_true(added >= 0 && (size_t)added < sizeof policy_text - len);
}

void policy_add_log(const char *name, uint8_t seed_byte)
{
    char key[PP_NOTE_KEY_TEXT_BYTES];
    struct pp_note_signer signer = policy_signer(name, seed_byte);
    pp_note_key_format(&signer.key, key);
    policy_add("log %s\n", key);
}

void policy_add_witness(const char *name, unsigned number)
{
    char key[PP_NOTE_KEY_TEXT_BYTES];
    struct pp_note_signer signer = policy_witness(number);
    pp_witness_key_format(&signer.key, key);
    policy_add("witness %s %s\n", name, key);
}

void policy_start(void)
{
    policy_text[0] = '\0';
}

enum pp_error policy_parse_bytes(const char *data, size_t len)
{
    char *copy = malloc(len == 0 ? 1 : len);
    assert_non_null(copy);
    memcpy(copy, data, len);
    memset(&policy_failure, 0, sizeof policy_failure);
    enum pp_error error =
        pp_policy_parse((struct pp_bytes){(const uint8_t *)copy, len}, &policy, &policy_failure);
    free(copy);
    return error;
}

void policy_parse_text(void)
{
    enum pp_error error = pp_policy_parse(pp_bytes_of(policy_text), &policy, &policy_failure);
    if (error != PP_OK)
        print_error("%s\n", policy_failure.text);
    assert_int_equal(error, PP_OK);
}

unsigned policy_bits(uint64_t bits)
{
    unsigned count = 0;
    for (unsigned i = 0; i < 64; i++)
        count += (unsigned)(bits >> i & 1);
    return count;
}

void policy_add_example(void)
{
    policy_start();
    policy_add_log("log.example", 1);
    policy_add("\n");
    policy_add_witness("X1", 0);
    policy_add_witness("X2", 1);
    policy_add_witness("X3", 2);
    policy_add("group X-witnesses 2 X1 X2 X3\n\n");
    policy_add_witness("Y1", 3);
    policy_add_witness("Y2", 4);
    policy_add_witness("Y3", 5);
    policy_add("group Y-witnesses any Y1 Y2 Y3\n\n"
               "group X-and-Y all X-witnesses Y-witnesses\n"
               "quorum X-and-Y\n");
}

void policy_add_largest(void)
{
    policy_start();
    for (unsigned i = 0; i < 64; i++)
        policy_add_log("log.example", (uint8_t)(i + 1));
    for (unsigned i = 0; i < 64; i++) {
        char name[8];
        (void)snprintf(name, sizeof name, "w%u", i);
        policy_add_witness(name, i);
    }
    policy_add("group g0 all w0\n");
    for (unsigned i = 1; i < 64; i++)
        policy_add("group g%u all w%u g%u\n", i, i, i - 1);
}
