/* SPDX-License-Identifier: MIT */
/* Fields of seals and segment headers.  Digests and tags go by value: so the provers follow the
   functions that put many fields together. */
#include "field.h"

void pp_field_put_u64(uint8_t *p, size_t at, uint64_t v)
{
    pp_put_u64(p + at, v);
}

void pp_field_put_digest(uint8_t *p, size_t at, struct pp_digest digest)
{
    pp_copy(p + at, digest.b, PP_DIGEST_BYTES);
}

void pp_field_put_tag(uint8_t *p, size_t at, struct pp_tag tag)
{
    pp_copy(p + at, tag.b, PP_TAG_BYTES);
}

uint64_t pp_field_u64(const uint8_t *p, size_t at)
{
    return pp_get_u64(p + at);
}

struct pp_digest pp_field_digest(const uint8_t *p, size_t at)
{
    struct pp_digest digest;
    /*@ loop invariant 0 <= i <= PP_DIGEST_BYTES;
        loop invariant \forall integer k; at <= k < at + i ==> p[k] == digest.b[k - at];
        loop assigns i, digest.b[0 .. PP_DIGEST_BYTES - 1];
        loop variant PP_DIGEST_BYTES - i; */
    for (size_t i = 0; i < PP_DIGEST_BYTES; i++)
        digest.b[i] = p[at + i];
    return digest;
}

struct pp_tag pp_field_tag(const uint8_t *p, size_t at)
{
    struct pp_tag tag;
    /*@ loop invariant 0 <= i <= PP_TAG_BYTES;
        loop invariant \forall integer k; at <= k < at + i ==> p[k] == tag.b[k - at];
        loop assigns i, tag.b[0 .. PP_TAG_BYTES - 1];
        loop variant PP_TAG_BYTES - i; */
    for (size_t i = 0; i < PP_TAG_BYTES; i++)
        tag.b[i] = p[at + i];
    return tag;
}

/*@ requires \valid_read(key) && \valid_read(domain + (0 .. PP_DOMAIN_BYTES - 1));
    requires pp_bytes_readable(covered);
    assigns \nothing;
    ensures \result == pp_mac_of(*key, domain, PP_DOMAIN_BYTES, covered.data, covered.len); */
static struct pp_digest mac_of(const uint8_t *domain, const struct pp_mac_key *key,
                               struct pp_bytes covered)
{
    return pp_mac(key, (struct pp_bytes){domain, PP_DOMAIN_BYTES}, covered);
}

/*@ requires \valid_read(p + (0 .. PP_DIGEST_BYTES - 1));
    assigns \nothing;
    ensures \result <==> pp_mac_at(mac, p); */
static bool stands_at(struct pp_digest mac, const uint8_t *p)
{
    return pp_equal_constant_time(mac.b, p, PP_DIGEST_BYTES);
}

struct pp_digest pp_field_put_mac(uint8_t *p, size_t n, const uint8_t *domain,
                                  const struct pp_mac_key *key)
{
    struct pp_digest mac = mac_of(domain, key, (struct pp_bytes){p, n});
    pp_field_put_digest(p, n, mac);
    return mac;
}

bool pp_field_mac_valid(struct pp_bytes content, const uint8_t *domain,
                        const struct pp_mac_key *key)
{
    if (content.len < PP_DIGEST_BYTES)
        return false;
    size_t covered = content.len - PP_DIGEST_BYTES;
    struct pp_digest mac = mac_of(domain, key, (struct pp_bytes){content.data, covered});
    return stands_at(mac, content.data + covered);
}
