/* SPDX-License-Identifier: MIT */
/* Seals and segment headers: docs/format/ledger.md, section 6. */

#include "ledger_internal.h"

#include <string.h>

#include "../base/base.h"

enum {
    VERSION = 1,
    DOMAIN_BYTES = 16,
    /* offsets in a seal's content */
    AT_LOG_ID = 2,
    AT_EPOCH = 34,
    AT_FIRST_SEQ = 42,
    AT_NEXT_SEQ = 50,
    AT_ROOT = 58,
    AT_PREVIOUS_TAG = 90,
    AT_TAG = 106,
    AT_REALTIME = 122,
    AT_MONOTONIC = 130,
    AT_BOOT_ID = 138,
    AT_DETAIL_NUMBER = 154,
    AT_DETAIL_HASH = 162,
    AT_MAC = 194,
    /* offsets in a header's content */
    HEAD_LOG_ID = 1,
    HEAD_KEY_ID = 33,
    HEAD_SEGMENT = 49,
    HEAD_EPOCH = 57,
    HEAD_FIRST_SEQ = 65,
    HEAD_TAG = 73,
    HEAD_REALTIME = 89,
    HEAD_ORIGIN_LEN = 97,
    HEAD_ORIGIN = 98,
    HEAD_FIXED_BYTES = 99 + PP_DIGEST_BYTES
};

_Static_assert(AT_MAC + PP_DIGEST_BYTES == PP_SEAL_BYTES, "the seal's table adds up");

static const uint8_t seal_domain[DOMAIN_BYTES + 1] = "postproof-seal-1";
static const uint8_t head_domain[DOMAIN_BYTES + 1] = "postproof-head-1";
static const uint8_t log_id_domain[DOMAIN_BYTES + 1] = "postproof-log-id";

/*@ requires \valid_read(key) && \valid_read(domain + (0 .. DOMAIN_BYTES - 1));
    requires pp_bytes_readable(covered);
    assigns \nothing;
    ensures \result == pp_mac_of(*key, domain, DOMAIN_BYTES, covered.data, covered.len); */
static struct pp_digest mac_of(const uint8_t *domain, const struct pp_mac_key *key,
                               struct pp_bytes covered)
{
    return pp_mac(key, (struct pp_bytes){domain, DOMAIN_BYTES}, covered);
}

/*@ predicate pp_mac_at{L}(struct pp_digest mac, uint8_t *p) =
      \forall integer i; 0 <= i < PP_DIGEST_BYTES ==> mac.b[i] == p[i]; */
/*@ requires \valid_read(p + (0 .. PP_DIGEST_BYTES - 1));
    assigns \nothing;
    ensures \result <==> pp_mac_at(mac, p); */
static bool stands_at(struct pp_digest mac, const uint8_t *p)
{
    return pp_equal_constant_time(mac.b, p, PP_DIGEST_BYTES);
}

/*@ requires \valid_read(key) && \valid_read(domain + (0 .. DOMAIN_BYTES - 1));
    requires pp_bytes_readable(content);
    assigns \nothing;
    ensures \result <==> content.len >= PP_DIGEST_BYTES
      && pp_mac_at(pp_mac_of(*key, domain, DOMAIN_BYTES, content.data,
                             content.len - PP_DIGEST_BYTES),
                   content.data + (content.len - PP_DIGEST_BYTES)); */
static bool mac_valid(const uint8_t *domain, const struct pp_mac_key *key, struct pp_bytes content)
{
    if (content.len < PP_DIGEST_BYTES)
        return false;
    size_t covered = content.len - PP_DIGEST_BYTES;
    struct pp_digest mac = mac_of(domain, key, (struct pp_bytes){content.data, covered});
    return stands_at(mac, content.data + covered);
}

/* Seals go by value between these functions, and the encoder is cut into parts of a few fields,
   each of which keeps what is before it: so the provers follow it. */

/*@ requires \valid(p + (at .. at + 7)) && at <= PP_SEAL_BYTES;
    assigns p[at .. at + 7];
    ensures pp_u64_at(p, at, v); */
static void put_u64(uint8_t *p, size_t at, uint64_t v)
{
    pp_put_u64(p + at, v);
}

/*@ requires \valid_read(p + (at .. at + 7)) && at <= PP_SEAL_BYTES;
    assigns \nothing;
    ensures pp_u64_at(p, at, \result); */
static uint64_t get_u64(const uint8_t *p, size_t at)
{
    return pp_get_u64(p + at);
}

/*@ requires \valid(p + (at .. at + PP_DIGEST_BYTES - 1)) && at <= PP_SEAL_BYTES;
    assigns p[at .. at + PP_DIGEST_BYTES - 1];
    ensures pp_digest_at(p, at, digest); */
static void put_digest(uint8_t *p, size_t at, struct pp_digest digest)
{
    pp_copy(p + at, digest.b, PP_DIGEST_BYTES);
}

/*@ requires \valid(p + (at .. at + PP_TAG_BYTES - 1)) && at <= PP_SEAL_BYTES;
    assigns p[at .. at + PP_TAG_BYTES - 1];
    ensures pp_tag_at(p, at, tag); */
static void put_tag(uint8_t *p, size_t at, struct pp_tag tag)
{
    pp_copy(p + at, tag.b, PP_TAG_BYTES);
}

/*@ requires \valid(p + (0 .. AT_EPOCH - 1));
    assigns p[0 .. AT_EPOCH - 1];
    ensures pp_seal_front(p, seal); */
static void put_front(uint8_t *p, struct pp_seal seal)
{
    put_digest(p, AT_LOG_ID, seal.log_id);
    p[0] = VERSION;
    p[1] = seal.kind;
}

/*@ requires \valid(p + (AT_EPOCH .. AT_ROOT - 1));
    assigns p[AT_EPOCH .. AT_ROOT - 1];
    ensures pp_seal_range(p, seal); */
static void write_range(uint8_t *p, struct pp_seal seal)
{
    put_u64(p, AT_EPOCH, seal.epoch);
    put_u64(p, AT_FIRST_SEQ, seal.first_seq);
    put_u64(p, AT_NEXT_SEQ, seal.next_seq);
}

/*@ requires \valid(p + (0 .. AT_ROOT - 1)) && pp_seal_front(p, seal);
    assigns p[AT_EPOCH .. AT_ROOT - 1];
    ensures pp_seal_to_root(p, seal); */
static void put_range(uint8_t *p, struct pp_seal seal)
{
    write_range(p, seal);
    //@ assert kept: pp_kept{Pre, Here}(p, 0, AT_EPOCH);
    //@ assert front: pp_seal_front(p, seal);
}

/*@ requires \valid(p + (AT_ROOT .. AT_REALTIME - 1));
    assigns p[AT_ROOT .. AT_REALTIME - 1];
    ensures pp_seal_state(p, seal); */
static void write_state(uint8_t *p, struct pp_seal seal)
{
    put_digest(p, AT_ROOT, seal.root);
    put_tag(p, AT_PREVIOUS_TAG, seal.previous_tag);
    put_tag(p, AT_TAG, seal.tag);
}

/*@ requires \valid(p + (0 .. AT_REALTIME - 1)) && pp_seal_to_root(p, seal);
    assigns p[AT_ROOT .. AT_REALTIME - 1];
    ensures pp_seal_to_clocks(p, seal); */
static void put_state(uint8_t *p, struct pp_seal seal)
{
    write_state(p, seal);
    //@ assert kept: pp_kept{Pre, Here}(p, 0, AT_ROOT);
    //@ assert front: pp_seal_front(p, seal);
    //@ assert range: pp_seal_range(p, seal);
}

/*@ requires \valid(p + (AT_BOOT_ID .. AT_DETAIL_NUMBER - 1));
    assigns p[AT_BOOT_ID .. AT_DETAIL_NUMBER - 1];
    ensures \forall integer i; AT_BOOT_ID <= i < AT_DETAIL_NUMBER ==>
      p[i] == seal.boot_id[i - AT_BOOT_ID]; */
static void put_boot_id(uint8_t *p, struct pp_seal seal)
{
    pp_copy(p + AT_BOOT_ID, seal.boot_id, sizeof seal.boot_id);
}

/*@ requires \valid(p + (AT_REALTIME .. AT_DETAIL_NUMBER - 1));
    assigns p[AT_REALTIME .. AT_DETAIL_NUMBER - 1];
    ensures pp_seal_clocks(p, seal); */
static void write_clocks(uint8_t *p, struct pp_seal seal)
{
    put_u64(p, AT_REALTIME, seal.realtime_ns);
    put_u64(p, AT_MONOTONIC, seal.monotonic_ns);
    put_boot_id(p, seal);
}

/*@ requires \valid(p + (0 .. AT_DETAIL_NUMBER - 1)) && pp_seal_to_clocks(p, seal);
    assigns p[AT_REALTIME .. AT_DETAIL_NUMBER - 1];
    ensures pp_seal_to_detail(p, seal); */
static void put_clocks(uint8_t *p, struct pp_seal seal)
{
    write_clocks(p, seal);
    //@ assert kept: pp_kept{Pre, Here}(p, 0, AT_REALTIME);
    //@ assert front: pp_seal_front(p, seal);
    //@ assert range: pp_seal_range(p, seal);
    //@ assert state: pp_seal_state(p, seal);
}

/*@ requires \valid(p + (AT_DETAIL_NUMBER .. AT_MAC - 1));
    assigns p[AT_DETAIL_NUMBER .. AT_MAC - 1];
    ensures pp_seal_detail(p, seal); */
static void write_detail(uint8_t *p, struct pp_seal seal)
{
    put_u64(p, AT_DETAIL_NUMBER, seal.detail_number);
    put_digest(p, AT_DETAIL_HASH, seal.detail_hash);
}

/*@ requires \valid(p + (0 .. AT_MAC - 1)) && pp_seal_to_detail(p, seal);
    assigns p[AT_DETAIL_NUMBER .. AT_MAC - 1];
    ensures pp_seal_fields(p, seal); */
static void put_detail(uint8_t *p, struct pp_seal seal)
{
    write_detail(p, seal);
    //@ assert kept: pp_kept{Pre, Here}(p, 0, AT_DETAIL_NUMBER);
    //@ assert front: pp_seal_front(p, seal);
    //@ assert range: pp_seal_range(p, seal);
    //@ assert state: pp_seal_state(p, seal);
    //@ assert clocks: pp_seal_clocks(p, seal);
}

/*@ requires \valid(p + (0 .. AT_MAC - 1));
    assigns p[0 .. AT_MAC - 1];
    ensures pp_seal_fields(p, seal); */
static void put_fields(uint8_t *p, struct pp_seal seal)
{
    put_front(p, seal);
    put_range(p, seal);
    put_state(p, seal);
    put_clocks(p, seal);
    put_detail(p, seal);
}

/*@ requires \valid(p + (0 .. PP_SEAL_BYTES - 1)) && pp_seal_fields(p, seal);
    assigns p[AT_MAC .. PP_SEAL_BYTES - 1];
    ensures pp_seal_at(p, seal); */
static void put_mac(uint8_t *p, struct pp_seal seal)
{
    put_digest(p, AT_MAC, seal.mac);
    //@ assert kept: pp_kept{Pre, Here}(p, 0, AT_MAC);
    //@ assert front: pp_seal_front(p, seal);
    //@ assert range: pp_seal_range(p, seal);
    //@ assert state: pp_seal_state(p, seal);
    //@ assert clocks: pp_seal_clocks(p, seal);
    //@ assert detail: pp_seal_detail(p, seal);
}

/* Writes the content, and returns the seal with its MAC. */
/*@ requires \valid_read(key) && \valid(p + (0 .. PP_SEAL_BYTES - 1));
    requires \separated(p + (0 .. PP_SEAL_BYTES - 1), key);
    assigns p[0 .. PP_SEAL_BYTES - 1];
    ensures content: pp_seal_at(p, \result);
    ensures same: pp_seal_same_fields(\result, seal); */
static struct pp_seal put_content(uint8_t *p, const struct pp_mac_key *key, struct pp_seal seal)
{
    put_fields(p, seal);
    struct pp_seal filled = seal;
    filled.mac = mac_of(seal_domain, key, (struct pp_bytes){p, AT_MAC});
    //@ assert fields: pp_seal_fields(p, filled);
    put_mac(p, filled);
    return filled;
}

/*@ requires \valid(out + (0 .. PP_FRAME_HEAD_BYTES - 1));
    assigns out[0 .. PP_FRAME_HEAD_BYTES - 1];
    ensures pp_head_at(out, PP_FRAME_SEAL, PP_SEAL_BYTES); */
static void put_head(uint8_t *out)
{
    pp_frame_put_head(out, PP_FRAME_SEAL, PP_SEAL_BYTES);
}

/* The caller gets the seal that stands in the frame. */
/*@ requires \valid(seal) && \valid(out + (0 .. PP_SEAL_FRAME_BYTES - 1));
    requires \separated(out + (0 .. PP_SEAL_FRAME_BYTES - 1), seal);
    requires pp_head_at(out, PP_FRAME_SEAL, PP_SEAL_BYTES);
    requires pp_seal_at(out + PP_FRAME_HEAD_BYTES, filled);
    assigns *seal;
    ensures frame: pp_head_at(out, PP_FRAME_SEAL, PP_SEAL_BYTES);
    ensures content: pp_seal_at(out + PP_FRAME_HEAD_BYTES, filled) && *seal == filled; */
static void give(struct pp_seal *seal, struct pp_seal filled, const uint8_t *out)
{
    (void)out; /* only the contract speaks of it */
    *seal = filled;
    //@ assert head: pp_kept{Pre, Here}(out, 0, PP_FRAME_HEAD_BYTES);
    //@ assert content: pp_kept{Pre, Here}(out + PP_FRAME_HEAD_BYTES, 0, PP_SEAL_BYTES);
}

void pp_seal_write(struct pp_seal *seal, const struct pp_mac_key *key, uint8_t *out)
{
    put_head(out);
    //@ ghost Head: ;
    struct pp_seal filled = put_content(out + PP_FRAME_HEAD_BYTES, key, *seal);
    //@ assert kept: pp_kept{Head, Here}(out, 0, PP_FRAME_HEAD_BYTES);
    give(seal, filled, out);
}

/*@ requires \valid_read(p + (0 .. PP_DIGEST_BYTES - 1));
    assigns \nothing;
    ensures \result <==> pp_zero(p, PP_DIGEST_BYTES); */
static bool is_zero(const uint8_t *p)
{
    /*@ loop invariant 0 <= i <= PP_DIGEST_BYTES;
        loop invariant pp_zero(p, i);
        loop assigns i;
        loop variant PP_DIGEST_BYTES - i; */
    for (size_t i = 0; i < PP_DIGEST_BYTES; i++)
        if (p[i] != 0)
            return false;
    return true;
}

/* The table "Kind" of section 6, as far as one seal shows it. */
/*@ requires \valid_read(p + (0 .. PP_SEAL_BYTES - 1)) && p[0] == VERSION;
    assigns \nothing;
    ensures \result <==> pp_seal_accepted(p, PP_SEAL_BYTES); */
static bool form_is_valid(const uint8_t *p)
{
    uint64_t first_seq = pp_get_u64(p + AT_FIRST_SEQ), next_seq = pp_get_u64(p + AT_NEXT_SEQ);
    if (next_seq < first_seq || next_seq > INT64_MAX || pp_get_u64(p + AT_EPOCH) > PP_EPOCH_MAX)
        return false;
    bool has_entries = next_seq != first_seq;
    switch (p[1]) {
    case PP_SEAL_COMMIT:
        return has_entries && pp_get_u64(p + AT_DETAIL_NUMBER) == 0 && is_zero(p + AT_DETAIL_HASH);
    case PP_SEAL_RECOVERY:
    case PP_SEAL_ROTATION:
        return !has_entries;
    case PP_SEAL_PRUNE:
        return !has_entries && is_zero(p + AT_DETAIL_HASH);
    default:
        return false;
    }
}

/*@ requires \valid_read(p + (at .. at + PP_DIGEST_BYTES - 1)) && at <= PP_SEAL_BYTES;
    assigns \nothing;
    ensures pp_digest_at(p, at, \result); */
static struct pp_digest get_digest(const uint8_t *p, size_t at)
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

/*@ requires \valid_read(p + (at .. at + PP_TAG_BYTES - 1)) && at <= PP_SEAL_BYTES;
    assigns \nothing;
    ensures pp_tag_at(p, at, \result); */
static struct pp_tag get_tag(const uint8_t *p, size_t at)
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

/*@ requires \valid_read(p + (0 .. PP_SEAL_BYTES - 1));
    assigns \nothing;
    ensures pp_u64_at(p, AT_REALTIME, \result.realtime_ns)
      && pp_u64_at(p, AT_MONOTONIC, \result.monotonic_ns)
      && \forall integer i; AT_BOOT_ID <= i < AT_DETAIL_NUMBER
        ==> p[i] == \result.boot_id[i - AT_BOOT_ID]; */
static struct pp_seal get_clocks(const uint8_t *p)
{
    struct pp_seal seal = {.realtime_ns = get_u64(p, AT_REALTIME),
                           .monotonic_ns = get_u64(p, AT_MONOTONIC)};
    /*@ loop invariant 0 <= i <= 16;
        loop invariant \forall integer k; AT_BOOT_ID <= k < AT_BOOT_ID + i
          ==> p[k] == seal.boot_id[k - AT_BOOT_ID];
        loop assigns i, seal.boot_id[0 .. 15];
        loop variant 16 - i; */
    for (size_t i = 0; i < sizeof seal.boot_id; i++)
        seal.boot_id[i] = p[AT_BOOT_ID + i];
    return seal;
}

/*@ requires \valid_read(p + (0 .. PP_SEAL_BYTES - 1)) && p[0] == VERSION;
    assigns \nothing;
    ensures pp_seal_at(p, \result); */
static struct pp_seal get_content(const uint8_t *p)
{
    struct pp_seal seal = get_clocks(p);
    seal.kind = p[1];
    seal.log_id = get_digest(p, AT_LOG_ID);
    seal.epoch = get_u64(p, AT_EPOCH);
    seal.first_seq = get_u64(p, AT_FIRST_SEQ);
    seal.next_seq = get_u64(p, AT_NEXT_SEQ);
    seal.root = get_digest(p, AT_ROOT);
    seal.previous_tag = get_tag(p, AT_PREVIOUS_TAG);
    seal.tag = get_tag(p, AT_TAG);
    seal.detail_number = get_u64(p, AT_DETAIL_NUMBER);
    seal.detail_hash = get_digest(p, AT_DETAIL_HASH);
    seal.mac = get_digest(p, AT_MAC);
    //@ assert front: pp_seal_front(p, seal);
    //@ assert range: pp_seal_range(p, seal);
    //@ assert state: pp_seal_state(p, seal);
    //@ assert clocks: pp_seal_clocks(p, seal);
    //@ assert detail: pp_seal_detail(p, seal);
    return seal;
}

/*@ requires \valid_read(p + (0 .. PP_SEAL_BYTES - 1)) && p[0] == VERSION && \valid(seal);
    requires \separated(seal, p + (0 .. PP_SEAL_BYTES - 1));
    assigns *seal;
    ensures pp_seal_at(p, *seal); */
static void get_seal(const uint8_t *p, struct pp_seal *seal)
{
    *seal = get_content(p);
    //@ assert kept: pp_kept{Pre, Here}(p, 0, PP_SEAL_BYTES);
}

enum pp_error pp_seal_decode(struct pp_bytes content, struct pp_seal *seal)
{
    if (content.len != PP_SEAL_BYTES || content.data[0] != VERSION || !form_is_valid(content.data))
        return PP_ERROR_FORMAT;
    get_seal(content.data, seal);
    return PP_OK;
}

bool pp_seal_mac_valid(struct pp_bytes content, const struct pp_mac_key *key)
{
    return mac_valid(seal_domain, key, content);
}

size_t pp_segment_header_write(const struct pp_segment_header *header, const struct pp_mac_key *key,
                               uint8_t *out)
{
    uint8_t *p = out + PP_FRAME_HEAD_BYTES;
    size_t peaks_at = HEAD_ORIGIN + header->origin.len + 1;
    size_t covered = peaks_at + header->peak_count * PP_DIGEST_BYTES;
    pp_frame_put_head(out, PP_FRAME_HEADER, (uint16_t)(covered + PP_DIGEST_BYTES));
    p[0] = VERSION;
    memcpy(p + HEAD_LOG_ID, header->log_id.b, PP_DIGEST_BYTES);
    memcpy(p + HEAD_KEY_ID, header->key_id, PP_KEY_ID_BYTES);
    pp_put_u64(p + HEAD_SEGMENT, header->segment);
    pp_put_u64(p + HEAD_EPOCH, header->epoch);
    pp_put_u64(p + HEAD_FIRST_SEQ, header->first_seq);
    memcpy(p + HEAD_TAG, header->tag.b, PP_TAG_BYTES);
    pp_put_u64(p + HEAD_REALTIME, header->realtime_ns);
    p[HEAD_ORIGIN_LEN] = (uint8_t)header->origin.len;
    memcpy(p + HEAD_ORIGIN, header->origin.data, header->origin.len);
    p[peaks_at - 1] = (uint8_t)header->peak_count;
    if (header->peak_count != 0)
        memcpy(p + peaks_at, header->peaks, header->peak_count * PP_DIGEST_BYTES);
    struct pp_digest mac = mac_of(head_domain, key, (struct pp_bytes){p, covered});
    memcpy(p + covered, mac.b, PP_DIGEST_BYTES);
    return PP_FRAME_HEAD_BYTES + covered + PP_DIGEST_BYTES;
}

enum pp_error pp_segment_header_decode(struct pp_bytes content, struct pp_segment_header *header)
{
    const uint8_t *p = content.data;
    if (content.len < HEAD_FIXED_BYTES || p[0] != VERSION)
        return PP_ERROR_FORMAT;
    size_t origin_len = p[HEAD_ORIGIN_LEN];
    if (origin_len == 0 || content.len - HEAD_FIXED_BYTES < origin_len)
        return PP_ERROR_FORMAT;
    size_t peaks_at = HEAD_ORIGIN + origin_len + 1;
    size_t peak_count = p[peaks_at - 1];
    uint64_t first_seq = pp_get_u64(p + HEAD_FIRST_SEQ);
    uint64_t epoch = pp_get_u64(p + HEAD_EPOCH);
    if (first_seq > INT64_MAX || epoch > PP_EPOCH_MAX || peak_count != pp_bits_set(first_seq) ||
        content.len != HEAD_FIXED_BYTES + origin_len + peak_count * PP_DIGEST_BYTES)
        return PP_ERROR_FORMAT;
    *header = (struct pp_segment_header){
        .segment = pp_get_u64(p + HEAD_SEGMENT),
        .epoch = epoch,
        .first_seq = first_seq,
        .realtime_ns = pp_get_u64(p + HEAD_REALTIME),
        .origin = {p + HEAD_ORIGIN, origin_len},
        .peak_count = peak_count,
    };
    memcpy(header->log_id.b, p + HEAD_LOG_ID, PP_DIGEST_BYTES);
    memcpy(header->key_id, p + HEAD_KEY_ID, PP_KEY_ID_BYTES);
    memcpy(header->tag.b, p + HEAD_TAG, PP_TAG_BYTES);
    memcpy(header->peaks, p + peaks_at, peak_count * PP_DIGEST_BYTES);
    return PP_OK;
}

bool pp_segment_header_mac_valid(struct pp_bytes content, const struct pp_mac_key *key)
{
    return mac_valid(head_domain, key, content);
}

struct pp_digest pp_log_id(const uint8_t key_id[PP_KEY_ID_BYTES], const uint8_t public_key[32],
                           struct pp_bytes origin)
{
    struct pp_sha256_stream stream;
    pp_sha256_init(&stream);
    pp_sha256_update(&stream, (struct pp_bytes){log_id_domain, DOMAIN_BYTES});
    pp_sha256_update(&stream, (struct pp_bytes){key_id, PP_KEY_ID_BYTES});
    pp_sha256_update(&stream, (struct pp_bytes){public_key, 32});
    pp_sha256_update(&stream, origin);
    return pp_sha256_final(&stream);
}
