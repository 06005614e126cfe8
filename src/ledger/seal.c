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

static struct pp_digest mac_of(const uint8_t *domain, const struct pp_mac_key *key,
                               struct pp_bytes covered)
{
    return pp_mac(key, (struct pp_bytes){domain, DOMAIN_BYTES}, covered);
}

static bool mac_valid(const uint8_t *domain, const struct pp_mac_key *key, struct pp_bytes content)
{
    if (content.len < PP_DIGEST_BYTES)
        return false;
    size_t covered = content.len - PP_DIGEST_BYTES;
    struct pp_digest mac = mac_of(domain, key, (struct pp_bytes){content.data, covered});
    return pp_equal_constant_time(mac.b, content.data + covered, PP_DIGEST_BYTES);
}

void pp_seal_write(struct pp_seal *seal, const struct pp_mac_key *key, uint8_t *out)
{
    pp_frame_put_head(out, PP_FRAME_SEAL, PP_SEAL_BYTES);
    uint8_t *p = out + PP_FRAME_HEAD_BYTES;
    p[0] = VERSION;
    p[1] = seal->kind;
    memcpy(p + AT_LOG_ID, seal->log_id.b, PP_DIGEST_BYTES);
    pp_put_u64(p + AT_EPOCH, seal->epoch);
    pp_put_u64(p + AT_FIRST_SEQ, seal->first_seq);
    pp_put_u64(p + AT_NEXT_SEQ, seal->next_seq);
    memcpy(p + AT_ROOT, seal->root.b, PP_DIGEST_BYTES);
    memcpy(p + AT_PREVIOUS_TAG, seal->previous_tag.b, PP_TAG_BYTES);
    memcpy(p + AT_TAG, seal->tag.b, PP_TAG_BYTES);
    pp_put_u64(p + AT_REALTIME, seal->realtime_ns);
    pp_put_u64(p + AT_MONOTONIC, seal->monotonic_ns);
    memcpy(p + AT_BOOT_ID, seal->boot_id, sizeof seal->boot_id);
    pp_put_u64(p + AT_DETAIL_NUMBER, seal->detail_number);
    memcpy(p + AT_DETAIL_HASH, seal->detail_hash.b, PP_DIGEST_BYTES);
    seal->mac = mac_of(seal_domain, key, (struct pp_bytes){p, AT_MAC});
    memcpy(p + AT_MAC, seal->mac.b, PP_DIGEST_BYTES);
}

static bool is_zero(const struct pp_digest *digest)
{
    uint8_t any = 0;
    for (size_t i = 0; i < PP_DIGEST_BYTES; i++)
        any |= digest->b[i];
    return any == 0;
}

/* The table "Kind" of section 6, as far as one seal shows it. */
static bool seal_form_is_valid(const struct pp_seal *seal)
{
    if (seal->next_seq < seal->first_seq || seal->next_seq > INT64_MAX ||
        seal->epoch > PP_EPOCH_MAX)
        return false;
    bool has_entries = seal->next_seq != seal->first_seq;
    switch (seal->kind) {
    case PP_SEAL_COMMIT:
        return has_entries && seal->detail_number == 0 && is_zero(&seal->detail_hash);
    case PP_SEAL_RECOVERY:
    case PP_SEAL_ROTATION:
        return !has_entries;
    case PP_SEAL_PRUNE:
        return !has_entries && is_zero(&seal->detail_hash);
    default:
        return false;
    }
}

enum pp_error pp_seal_decode(struct pp_bytes content, struct pp_seal *seal)
{
    const uint8_t *p = content.data;
    if (content.len != PP_SEAL_BYTES || p[0] != VERSION)
        return PP_ERROR_FORMAT;
    struct pp_seal s = {
        .kind = p[1],
        .epoch = pp_get_u64(p + AT_EPOCH),
        .first_seq = pp_get_u64(p + AT_FIRST_SEQ),
        .next_seq = pp_get_u64(p + AT_NEXT_SEQ),
        .realtime_ns = pp_get_u64(p + AT_REALTIME),
        .monotonic_ns = pp_get_u64(p + AT_MONOTONIC),
        .detail_number = pp_get_u64(p + AT_DETAIL_NUMBER),
    };
    memcpy(s.log_id.b, p + AT_LOG_ID, PP_DIGEST_BYTES);
    memcpy(s.root.b, p + AT_ROOT, PP_DIGEST_BYTES);
    memcpy(s.previous_tag.b, p + AT_PREVIOUS_TAG, PP_TAG_BYTES);
    memcpy(s.tag.b, p + AT_TAG, PP_TAG_BYTES);
    memcpy(s.boot_id, p + AT_BOOT_ID, sizeof s.boot_id);
    memcpy(s.detail_hash.b, p + AT_DETAIL_HASH, PP_DIGEST_BYTES);
    memcpy(s.mac.b, p + AT_MAC, PP_DIGEST_BYTES);
    if (!seal_form_is_valid(&s))
        return PP_ERROR_FORMAT;
    *seal = s;
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

static size_t one_bits(uint64_t n)
{
    size_t count = 0;
    for (; n != 0; n &= n - 1)
        count++;
    return count;
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
    if (first_seq > INT64_MAX || epoch > PP_EPOCH_MAX || peak_count != one_bits(first_seq) ||
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
