/* SPDX-License-Identifier: MIT */
/* Policy files for the tests: put together in policy_text, read into policy. */
#ifndef PP_TEST_POLICIES_H
#define PP_TEST_POLICIES_H

#include <stddef.h>
#include <stdint.h>

#include <postproof/policy.h>

#include "../../src/ledger/ledger_internal.h"

enum { POLICY_TEXT_BYTES = 64 << 10 };

extern char policy_text[POLICY_TEXT_BYTES];
extern struct pp_policy policy;
extern struct pp_failure policy_failure;

struct pp_note_signer policy_signer(const char *name, uint8_t seed_byte);
/* The witness with this number, named "w<number>.example". */
struct pp_note_signer policy_witness(unsigned number);

/* Empties policy_text; the functions below add lines to it. */
void policy_start(void);
__attribute__((format(printf, 1, 2))) void policy_add(const char *format, ...);
void policy_add_log(const char *name, uint8_t seed_byte);
/* "witness <name> <vkey>", the key that of policy_witness(number). */
void policy_add_witness(const char *name, unsigned number);
/* Start anew: the specification's example with two levels of groups; 64 logs, 64 witnesses, and a
   chain of 64 groups, of which each has one witness and the group before as members. */
void policy_add_example(void);
void policy_add_largest(void);

/* Parses a copy of exactly that size, so that the sanitizer sees each byte too many. */
enum pp_error policy_parse_bytes(const char *data, size_t len);
/* Parses policy_text, which must be right. */
void policy_parse_text(void);

unsigned policy_bits(uint64_t bits);

#endif
