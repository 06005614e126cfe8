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

/* The encoder is cut into parts of a few fields each: the provers follow a few writes at a time. */

/*@ requires \valid_read(seal) && \valid(p + (0 .. AT_EPOCH - 1));
    requires \separated(p + (0 .. AT_EPOCH - 1), seal);
    assigns p[0 .. AT_EPOCH - 1];
    ensures pp_seal_front(p, seal); */
static void put_front(uint8_t *p, const struct pp_seal *seal)
{
    p[0] = VERSION;
    p[1] = seal->kind;
    pp_copy(p + AT_LOG_ID, seal->log_id.b, PP_DIGEST_BYTES);
}

/*@ requires \valid_read(seal) && \valid(p + (AT_EPOCH .. AT_ROOT - 1));
    requires \separated(p + (AT_EPOCH .. AT_ROOT - 1), seal);
    assigns p[AT_EPOCH .. AT_ROOT - 1];
    ensures pp_seal_range(p, seal); */
static void put_range(uint8_t *p, const struct pp_seal *seal)
{
    pp_put_u64(p + AT_EPOCH, seal->epoch);
    pp_put_u64(p + AT_FIRST_SEQ, seal->first_seq);
    pp_put_u64(p + AT_NEXT_SEQ, seal->next_seq);
}

/*@ requires \valid_read(seal) && \valid(p + (AT_ROOT .. AT_REALTIME - 1));
    requires \separated(p + (AT_ROOT .. AT_REALTIME - 1), seal);
    assigns p[AT_ROOT .. AT_REALTIME - 1];
    ensures pp_seal_state(p, seal); */
static void put_state(uint8_t *p, const struct pp_seal *seal)
{
    pp_copy(p + AT_ROOT, seal->root.b, PP_DIGEST_BYTES);
    pp_copy(p + AT_PREVIOUS_TAG, seal->previous_tag.b, PP_TAG_BYTES);
    pp_copy(p + AT_TAG, seal->tag.b, PP_TAG_BYTES);
}

/*@ requires \valid_read(seal) && \valid(p + (AT_REALTIME .. AT_DETAIL_NUMBER - 1));
    requires \separated(p + (AT_REALTIME .. AT_DETAIL_NUMBER - 1), seal);
    assigns p[AT_REALTIME .. AT_DETAIL_NUMBER - 1];
    ensures pp_seal_clocks(p, seal); */
static void put_clocks(uint8_t *p, const struct pp_seal *seal)
{
    pp_put_u64(p + AT_REALTIME, seal->realtime_ns);
    pp_put_u64(p + AT_MONOTONIC, seal->monotonic_ns);
    pp_copy(p + AT_BOOT_ID, seal->boot_id, sizeof seal->boot_id);
}

/*@ requires \valid_read(seal) && \valid(p + (AT_DETAIL_NUMBER .. AT_MAC - 1));
    requires \separated(p + (AT_DETAIL_NUMBER .. AT_MAC - 1), seal);
    assigns p[AT_DETAIL_NUMBER .. AT_MAC - 1];
    ensures pp_seal_detail(p, seal); */
static void put_detail(uint8_t *p, const struct pp_seal *seal)
{
    pp_put_u64(p + AT_DETAIL_NUMBER, seal->detail_number);
    pp_copy(p + AT_DETAIL_HASH, seal->detail_hash.b, PP_DIGEST_BYTES);
}

/*@ requires \valid_read(seal) && \valid(p + (0 .. AT_MAC - 1));
    requires \separated(p + (0 .. AT_MAC - 1), seal);
    assigns p[0 .. AT_MAC - 1]; */
static void put_fields(uint8_t *p, const struct pp_seal *seal)
{
    put_front(p, seal);
    put_range(p, seal);
    put_state(p, seal);
    put_clocks(p, seal);
    put_detail(p, seal);
}

/*@ requires \valid(mac) && \valid_read(key) && \valid(p + (0 .. PP_SEAL_BYTES - 1));
    requires \separated(p + (0 .. PP_SEAL_BYTES - 1), mac, key);
    assigns p[AT_MAC .. PP_SEAL_BYTES - 1], *mac;
    ensures pp_same(p + AT_MAC, &mac->b[0], PP_DIGEST_BYTES); */
static void put_mac(uint8_t *p, const struct pp_mac_key *key, struct pp_digest *mac)
{
    *mac = mac_of(seal_domain, key, (struct pp_bytes){p, AT_MAC});
    pp_copy(p + AT_MAC, mac->b, PP_DIGEST_BYTES);
}

void pp_seal_write(struct pp_seal *seal, const struct pp_mac_key *key, uint8_t *out)
{
    uint8_t *p = out + PP_FRAME_HEAD_BYTES;
    put_fields(p, seal);
    put_mac(p, key, &seal->mac);
    pp_frame_put_head(out, PP_FRAME_SEAL, PP_SEAL_BYTES);
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

/*@ requires \valid_read(p + (0 .. PP_SEAL_BYTES - 1)) && \valid(seal) && p[0] == VERSION;
    requires \separated(seal, p + (0 .. PP_SEAL_BYTES - 1));
    assigns seal->kind, seal->log_id;
    ensures pp_seal_front(p, seal); */
static void get_front(const uint8_t *p, struct pp_seal *seal)
{
    seal->kind = p[1];
    pp_copy(seal->log_id.b, p + AT_LOG_ID, PP_DIGEST_BYTES);
}

/*@ requires \valid_read(p + (0 .. PP_SEAL_BYTES - 1)) && \valid(seal);
    requires \separated(seal, p + (0 .. PP_SEAL_BYTES - 1));
    assigns seal->epoch, seal->first_seq, seal->next_seq;
    ensures pp_seal_range(p, seal); */
static void get_range(const uint8_t *p, struct pp_seal *seal)
{
    seal->epoch = pp_get_u64(p + AT_EPOCH);
    seal->first_seq = pp_get_u64(p + AT_FIRST_SEQ);
    seal->next_seq = pp_get_u64(p + AT_NEXT_SEQ);
}

/*@ requires \valid_read(p + (0 .. PP_SEAL_BYTES - 1)) && \valid(seal);
    requires \separated(seal, p + (0 .. PP_SEAL_BYTES - 1));
    assigns seal->root, seal->previous_tag, seal->tag;
    ensures pp_seal_state(p, seal); */
static void get_state(const uint8_t *p, struct pp_seal *seal)
{
    pp_copy(seal->root.b, p + AT_ROOT, PP_DIGEST_BYTES);
    pp_copy(seal->previous_tag.b, p + AT_PREVIOUS_TAG, PP_TAG_BYTES);
    pp_copy(seal->tag.b, p + AT_TAG, PP_TAG_BYTES);
}

/*@ requires \valid_read(p + (0 .. PP_SEAL_BYTES - 1)) && \valid(seal);
    requires \separated(seal, p + (0 .. PP_SEAL_BYTES - 1));
    assigns seal->realtime_ns, seal->monotonic_ns, seal->boot_id[0 .. 15];
    ensures pp_seal_clocks(p, seal); */
static void get_clocks(const uint8_t *p, struct pp_seal *seal)
{
    pp_copy(seal->boot_id, p + AT_BOOT_ID, sizeof seal->boot_id);
    //@ assert pp_same(p + AT_BOOT_ID, &seal->boot_id[0], 16);
    seal->realtime_ns = pp_get_u64(p + AT_REALTIME);
    seal->monotonic_ns = pp_get_u64(p + AT_MONOTONIC);
}

/*@ requires \valid_read(p + (0 .. PP_SEAL_BYTES - 1)) && \valid(seal);
    requires \separated(seal, p + (0 .. PP_SEAL_BYTES - 1));
    assigns seal->detail_number, seal->detail_hash;
    ensures pp_seal_detail(p, seal); */
static void get_detail(const uint8_t *p, struct pp_seal *seal)
{
    pp_copy(seal->detail_hash.b, p + AT_DETAIL_HASH, PP_DIGEST_BYTES);
    //@ assert pp_same(p + AT_DETAIL_HASH, &seal->detail_hash.b[0], 32);
    seal->detail_number = pp_get_u64(p + AT_DETAIL_NUMBER);
}

/*@ requires \valid_read(p + (0 .. PP_SEAL_BYTES - 1)) && \valid(seal) && p[0] == VERSION;
    requires \separated(seal, p + (0 .. PP_SEAL_BYTES - 1));
    assigns *seal; */
static void get_fields(const uint8_t *p, struct pp_seal *seal)
{
    get_front(p, seal);
    get_range(p, seal);
    get_state(p, seal);
    get_clocks(p, seal);
    get_detail(p, seal);
    pp_copy(seal->mac.b, p + AT_MAC, PP_DIGEST_BYTES);
}

enum pp_error pp_seal_decode(struct pp_bytes content, struct pp_seal *seal)
{
    if (content.len != PP_SEAL_BYTES || content.data[0] != VERSION || !form_is_valid(content.data))
        return PP_ERROR_FORMAT;
    get_fields(content.data, seal);
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
