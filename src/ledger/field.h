/* SPDX-License-Identifier: MIT */
/* Fields of seals and segment headers (docs/format/ledger.md, section 6): numbers, digests, tags
   and MACs at an offset of the content. */
#ifndef PP_LEDGER_FIELD_H
#define PP_LEDGER_FIELD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../base/base.h"
#include "../base/hash.h"

enum { PP_FIELD_AT_MAX = 65535, PP_DOMAIN_BYTES = 16 };

/* What stands at an offset.  Digests, tags and numbers are values here, not memory. */
/*@ predicate pp_zero{L}(uint8_t *p, integer n) = \forall integer i; 0 <= i < n ==> p[i] == 0;
    // p[from .. end - 1] is the same in both states.
    predicate pp_kept{A, B}(uint8_t *p, integer from, integer end) =
      \forall integer i; from <= i < end ==> \at(p[i], A) == \at(p[i], B);

    predicate pp_u64_at{L}(uint8_t *p, integer at, integer v) =
      v == (p[at] * 0x1000000 + p[at + 1] * 0x10000 + p[at + 2] * 0x100 + p[at + 3]) * 0x100000000
      + p[at + 4] * 0x1000000 + p[at + 5] * 0x10000 + p[at + 6] * 0x100 + p[at + 7];
    predicate pp_digest_at{L}(uint8_t *p, integer at, struct pp_digest d) =
      \forall integer i; at <= i < at + 32 ==> p[i] == d.b[i - at];
    predicate pp_tag_at{L}(uint8_t *p, integer at, struct pp_tag t) =
      \forall integer i; at <= i < at + 16 ==> p[i] == t.b[i - at];
    predicate pp_mac_at{L}(struct pp_digest mac, uint8_t *p) =
      \forall integer i; 0 <= i < PP_DIGEST_BYTES ==> mac.b[i] == p[i];
    predicate pp_head_at{L}(uint8_t *p, integer type, integer n) =
      p[0] == type && p[1] * 0x100 + p[2] == n && p[3] == 0; */

/*@ requires \valid(p + (at .. at + 7)) && at <= PP_FIELD_AT_MAX;
    assigns p[at .. at + 7];
    ensures pp_u64_at(p, at, v); */
void pp_field_put_u64(uint8_t *p, size_t at, uint64_t v);
/*@ requires \valid(p + (at .. at + PP_DIGEST_BYTES - 1)) && at <= PP_FIELD_AT_MAX;
    assigns p[at .. at + PP_DIGEST_BYTES - 1];
    ensures pp_digest_at(p, at, digest); */
void pp_field_put_digest(uint8_t *p, size_t at, struct pp_digest digest);
/*@ requires \valid(p + (at .. at + PP_TAG_BYTES - 1)) && at <= PP_FIELD_AT_MAX;
    assigns p[at .. at + PP_TAG_BYTES - 1];
    ensures pp_tag_at(p, at, tag); */
void pp_field_put_tag(uint8_t *p, size_t at, struct pp_tag tag);

/*@ requires \valid_read(p + (at .. at + 7)) && at <= PP_FIELD_AT_MAX;
    assigns \nothing;
    ensures pp_u64_at(p, at, \result); */
uint64_t pp_field_u64(const uint8_t *p, size_t at);
/*@ requires \valid_read(p + (at .. at + PP_DIGEST_BYTES - 1)) && at <= PP_FIELD_AT_MAX;
    assigns \nothing;
    ensures pp_digest_at(p, at, \result); */
struct pp_digest pp_field_digest(const uint8_t *p, size_t at);
/*@ requires \valid_read(p + (at .. at + PP_TAG_BYTES - 1)) && at <= PP_FIELD_AT_MAX;
    assigns \nothing;
    ensures pp_tag_at(p, at, \result); */
struct pp_tag pp_field_tag(const uint8_t *p, size_t at);

/* Writes the MAC over domain and the n bytes at p behind these bytes, and returns it. */
/*@ requires \valid_read(key) && \valid_read(domain + (0 .. PP_DOMAIN_BYTES - 1));
    requires \valid(p + (0 .. n + PP_DIGEST_BYTES - 1)) && n <= PP_FIELD_AT_MAX;
    assigns p[n .. n + PP_DIGEST_BYTES - 1];
    ensures mac: \result == pp_mac_of{Pre}(\old(*key), domain, PP_DOMAIN_BYTES, p, n);
    ensures place: pp_digest_at(p, n, \result); */
struct pp_digest pp_field_put_mac(uint8_t *p, size_t n, const uint8_t *domain,
                                  const struct pp_mac_key *key);
/* Whether the content ends with the MAC over domain and what stands before it. */
/*@ requires \valid_read(key) && \valid_read(domain + (0 .. PP_DOMAIN_BYTES - 1));
    requires pp_bytes_readable(content);
    assigns \nothing;
    ensures \result <==> content.len >= PP_DIGEST_BYTES
      && pp_mac_at(pp_mac_of(*key, domain, PP_DOMAIN_BYTES, content.data,
                             content.len - PP_DIGEST_BYTES),
                   content.data + (content.len - PP_DIGEST_BYTES)); */
bool pp_field_mac_valid(struct pp_bytes content, const uint8_t *domain,
                        const struct pp_mac_key *key);

#endif
