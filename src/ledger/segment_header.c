/* SPDX-License-Identifier: MIT */
/* Segment headers: docs/format/ledger.md, section 6. */

#include "ledger_internal.h"

#include "../base/base.h"
#include "field.h"

enum {
    VERSION = 1,
    /* offsets in a header's content */
    AT_LOG_ID = 1,
    AT_KEY_ID = 33,
    AT_SEGMENT = 49,
    AT_EPOCH = 57,
    AT_FIRST_SEQ = 65,
    AT_TAG = 73,
    AT_REALTIME = 89,
    AT_ORIGIN_LEN = 97,
    AT_ORIGIN = 98,
    FIXED_BYTES = AT_ORIGIN + 1 + PP_DIGEST_BYTES
};

static const uint8_t head_domain[PP_DOMAIN_BYTES + 1] = "postproof-head-1";

/* ---- Writing: in parts of a few fields, as in seal.c ---------------------------------------- */

/*@ // What is kept says the same: one lemma for each part, so that the provers look at it alone.
    lemma pp_front_kept{A, B}: \forall uint8_t *p, struct pp_segment_header h;
      pp_header_front{A}(p, h) && pp_kept{A, B}(p, 0, 49) ==> pp_header_front{B}(p, h);
    lemma pp_place_kept{A, B}: \forall uint8_t *p, struct pp_segment_header h;
      pp_header_place{A}(p, h) && pp_kept{A, B}(p, 49, 73) ==> pp_header_place{B}(p, h);
    lemma pp_state_kept{A, B}: \forall uint8_t *p, struct pp_segment_header h;
      pp_header_state{A}(p, h) && pp_kept{A, B}(p, 73, 97) ==> pp_header_state{B}(p, h);
    lemma pp_origin_kept{A, B}: \forall uint8_t *p, struct pp_bytes o;
      pp_header_origin{A}(p, o) && pp_kept{A, B}(p, 97, 98 + o.len)
      && pp_kept{A, B}(o.data, 0, o.len) ==> pp_header_origin{B}(p, o);
    lemma pp_peaks_kept{A, B}: \forall uint8_t *p, struct pp_segment_header h, integer n;
      pp_header_peaks{A}(p, h, n) && pp_kept{A, B}(p, 0, 32 * n) ==> pp_header_peaks{B}(p, h, n); */

/*@ requires \valid(p + (AT_KEY_ID .. AT_SEGMENT - 1));
    assigns p[AT_KEY_ID .. AT_SEGMENT - 1];
    ensures \forall integer i; AT_KEY_ID <= i < AT_SEGMENT ==> p[i] == h.key_id[i - AT_KEY_ID]; */
static void put_key_id(uint8_t *p, struct pp_segment_header h)
{
    pp_copy(p + AT_KEY_ID, h.key_id, PP_KEY_ID_BYTES);
}

/*@ requires \valid(p + (0 .. AT_SEGMENT - 1));
    assigns p[0 .. AT_SEGMENT - 1];
    ensures pp_header_front(p, h); */
static void put_front(uint8_t *p, struct pp_segment_header h)
{
    p[0] = VERSION;
    pp_field_put_digest(p, AT_LOG_ID, h.log_id);
    put_key_id(p, h);
}

/*@ requires \valid(p + (AT_SEGMENT .. AT_TAG - 1));
    assigns p[AT_SEGMENT .. AT_TAG - 1];
    ensures pp_header_place(p, h); */
static void put_place(uint8_t *p, struct pp_segment_header h)
{
    pp_field_put_u64(p, AT_SEGMENT, h.segment);
    pp_field_put_u64(p, AT_EPOCH, h.epoch);
    pp_field_put_u64(p, AT_FIRST_SEQ, h.first_seq);
}

/*@ requires \valid(p + (AT_TAG .. AT_ORIGIN_LEN - 1));
    assigns p[AT_TAG .. AT_ORIGIN_LEN - 1];
    ensures pp_header_state(p, h); */
static void put_state(uint8_t *p, struct pp_segment_header h)
{
    pp_field_put_tag(p, AT_TAG, h.tag);
    pp_field_put_u64(p, AT_REALTIME, h.realtime_ns);
}

/*@ requires \valid(p + (0 .. AT_ORIGIN_LEN - 1));
    assigns p[0 .. AT_ORIGIN_LEN - 1];
    ensures pp_header_fixed(p, h); */
static void put_fixed(uint8_t *p, struct pp_segment_header h)
{
    put_front(p, h);
    //@ ghost Front: ;
    put_place(p, h);
    //@ assert kept: pp_kept{Front, Here}(p, 0, AT_SEGMENT);
    //@ assert front: pp_header_front(p, h);
    //@ ghost Place: ;
    put_state(p, h);
    //@ assert kept: pp_kept{Place, Here}(p, 0, AT_TAG);
    //@ assert front: pp_header_front(p, h);
    //@ assert place: pp_header_place(p, h);
}

/*@ requires \valid(p + (AT_ORIGIN_LEN .. AT_ORIGIN_LEN + origin.len));
    requires 0 < origin.len <= PP_ORIGIN_BYTES_MAX && pp_bytes_readable(origin);
    requires \separated(p + (AT_ORIGIN_LEN .. AT_ORIGIN_LEN + origin.len),
                        origin.data + (0 .. origin.len - 1));
    assigns p[AT_ORIGIN_LEN .. AT_ORIGIN_LEN + origin.len];
    ensures pp_header_origin(p, origin); */
static void put_origin(uint8_t *p, struct pp_bytes origin)
{
    p[AT_ORIGIN_LEN] = (uint8_t)origin.len;
    pp_copy(p + AT_ORIGIN, origin.data, origin.len);
}

/*@ requires h.peak_count <= 64 && \valid(p + (0 .. 32 * h.peak_count - 1));
    assigns p[0 .. 32 * h.peak_count - 1];
    ensures pp_header_peaks(p, h, h.peak_count); */
static void put_peaks(uint8_t *p, struct pp_segment_header h)
{
    /*@ loop invariant 0 <= k <= h.peak_count;
        loop invariant pp_header_peaks(p, h, k);
        loop assigns k, p[0 .. 32 * h.peak_count - 1];
        loop variant h.peak_count - k; */
    for (size_t k = 0; k < h.peak_count; k++) {
        pp_field_put_digest(p + k * PP_DIGEST_BYTES, 0, h.peaks[k]);
        //@ assert kept: pp_kept{LoopCurrent, Here}(p, 0, 32 * k);
        //@ assert before: pp_header_peaks(p, h, k);
        /*@ assert new: \forall integer i; 0 <= i < PP_DIGEST_BYTES ==>
              p[32 * k + i] == h.peaks[k].b[i]; */
    }
}

/* All but the MAC. */
/*@ requires 0 < h.origin.len <= PP_ORIGIN_BYTES_MAX && h.peak_count <= 64;
    requires \valid(p + (0 .. 98 + h.origin.len + 32 * h.peak_count));
    requires pp_bytes_readable(h.origin);
    requires \separated(p + (0 .. 98 + h.origin.len + 32 * h.peak_count),
                        h.origin.data + (0 .. h.origin.len - 1));
    assigns p[0 .. 98 + h.origin.len + 32 * h.peak_count];
    ensures pp_header_at(p, h); */
static void put_fields(uint8_t *p, struct pp_segment_header h)
{
    size_t peaks_at = AT_ORIGIN + h.origin.len + 1;
    //@ assert place: peaks_at == 99 + h.origin.len;
    put_fixed(p, h);
    //@ ghost Fixed: ;
    put_origin(p, h.origin);
    //@ assert kept: pp_kept{Fixed, Here}(p, 0, AT_ORIGIN_LEN);
    //@ assert fixed: pp_header_fixed(p, h);
    //@ ghost Origin: ;
    p[peaks_at - 1] = (uint8_t)h.peak_count;
    put_peaks(p + peaks_at, h);
    //@ assert written: pp_header_peaks(p + peaks_at, h, h.peak_count);
    //@ assert front_kept: pp_kept{Origin, Here}(p, 0, 49);
    //@ assert place_kept: pp_kept{Origin, Here}(p, 49, 73);
    //@ assert state_kept: pp_kept{Origin, Here}(p, 73, 97);
    //@ assert origin_kept: pp_kept{Origin, Here}(p, 97, 98 + h.origin.len);
    //@ assert source: pp_kept{Origin, Here}(h.origin.data, 0, h.origin.len);
    //@ assert fixed: pp_header_fixed(p, h);
    //@ assert origin: pp_header_origin(p, h.origin);
    //@ assert count: p[98 + h.origin.len] == h.peak_count;
    //@ assert peaks: pp_header_peaks(p + (99 + h.origin.len), h, h.peak_count);
}

/* The same with the MAC, in the n bytes that a header has. */
/*@ requires 0 < h.origin.len <= PP_ORIGIN_BYTES_MAX && h.peak_count <= 64;
    requires n == pp_header_len(h) && \valid(p + (0 .. n - 1)) && \valid_read(key);
    requires pp_bytes_readable(h.origin) && \separated(p + (0 .. n - 1), key);
    requires \separated(p + (0 .. n - 1), h.origin.data + (0 .. h.origin.len - 1));
    assigns p[0 .. n - 1];
    ensures pp_header_at(p, h); */
static void put_content(uint8_t *p, size_t n, const struct pp_mac_key *key,
                        struct pp_segment_header h)
{
    size_t covered = n - PP_DIGEST_BYTES;
    put_fields(p, h);
    //@ ghost Fields: ;
    struct pp_digest mac = pp_field_put_mac(p, covered, head_domain, key);
    (void)mac;
    //@ assert kept: pp_kept{Fields, Here}(p, 0, covered);
    //@ assert fixed: pp_header_fixed(p, h);
    //@ assert origin: pp_header_origin(p, h.origin);
    //@ assert peaks: pp_header_peaks(p + (99 + h.origin.len), h, h.peak_count);
}

size_t pp_segment_header_write(const struct pp_segment_header *header, const struct pp_mac_key *key,
                               uint8_t *out)
{
    size_t n = FIXED_BYTES + header->origin.len + header->peak_count * PP_DIGEST_BYTES;
    const struct pp_segment_header h = *header;
    pp_frame_put_head(out, PP_FRAME_HEADER, (uint16_t)n);
    //@ ghost Head: ;
    put_content(out + PP_FRAME_HEAD_BYTES, n, key, h);
    //@ assert kept: pp_kept{Head, Here}(out, 0, PP_FRAME_HEAD_BYTES);
    return PP_FRAME_HEAD_BYTES + n;
}

/* ---- Reading --------------------------------------------------------------------------------- */

/*@ requires \valid_read(p + (0 .. AT_ORIGIN - 1)) && p[0] == VERSION;
    assigns \nothing;
    ensures fixed: pp_header_fixed(p, \result);
    ensures numbers: \result.epoch == pp_be64(p + AT_EPOCH)
      && \result.first_seq == pp_be64(p + AT_FIRST_SEQ); */
static struct pp_segment_header get_fixed(const uint8_t *p)
{
    struct pp_segment_header h = {
        .log_id = pp_field_digest(p, AT_LOG_ID),
        .segment = pp_field_u64(p, AT_SEGMENT),
        .epoch = pp_field_u64(p, AT_EPOCH),
        .first_seq = pp_field_u64(p, AT_FIRST_SEQ),
        .tag = pp_field_tag(p, AT_TAG),
        .realtime_ns = pp_field_u64(p, AT_REALTIME),
    };
    /*@ loop invariant 0 <= i <= PP_KEY_ID_BYTES;
        loop invariant \forall integer k; AT_KEY_ID <= k < AT_KEY_ID + i
          ==> p[k] == h.key_id[k - AT_KEY_ID];
        loop assigns i, h.key_id[0 .. PP_KEY_ID_BYTES - 1];
        loop variant PP_KEY_ID_BYTES - i; */
    for (size_t i = 0; i < PP_KEY_ID_BYTES; i++)
        h.key_id[i] = p[AT_KEY_ID + i];
    return h;
}

/* The header with its peaks, which stand at p. */
/*@ requires h.peak_count <= 64 && \valid_read(p + (0 .. 32 * h.peak_count - 1));
    assigns \nothing;
    ensures peaks: pp_header_peaks(p, \result, h.peak_count);
    ensures same: \result == {h \with .peaks = \result.peaks}; */
static struct pp_segment_header get_peaks(const uint8_t *p, struct pp_segment_header h)
{
    /*@ loop invariant 0 <= k <= h.peak_count;
        loop invariant pp_header_peaks(p, h, k);
        loop assigns k, h.peaks[0 .. 63];
        loop variant h.peak_count - k; */
    for (size_t k = 0; k < h.peak_count; k++) {
        h.peaks[k] = pp_field_digest(p + k * PP_DIGEST_BYTES, 0);
        /*@ assert new: \forall integer i; 0 <= i < PP_DIGEST_BYTES ==>
              p[32 * k + i] == h.peaks[k].b[i]; */
    }
    return h;
}

/* The header at p, whose peaks are so many. */
/*@ requires \valid_read(p + (0 .. 97)) && p[0] == VERSION && p[97] > 0 && peak_count <= 64;
    requires \valid_read(p + (0 .. 98 + p[97] + 32 * peak_count)) && p[98 + p[97]] == peak_count;
    assigns \nothing;
    ensures fields: pp_header_at(p, \result);
    ensures origin: \result.origin.data == p + AT_ORIGIN && \result.origin.len == p[97];
    ensures numbers: \result.epoch == pp_be64(p + AT_EPOCH)
      && \result.first_seq == pp_be64(p + AT_FIRST_SEQ) && \result.peak_count == peak_count; */
static struct pp_segment_header get_content(const uint8_t *p, size_t peak_count)
{
    struct pp_segment_header h = get_fixed(p);
    h.origin = (struct pp_bytes){p + AT_ORIGIN, p[AT_ORIGIN_LEN]};
    h.peak_count = peak_count;
    //@ assert fixed: pp_header_fixed(p, h);
    struct pp_segment_header whole = get_peaks(p + AT_ORIGIN + h.origin.len + 1, h);
    //@ assert front: pp_header_front(p, whole);
    //@ assert place: pp_header_place(p, whole);
    //@ assert state: pp_header_state(p, whole);
    //@ assert origin: pp_header_origin(p, whole.origin);
    //@ assert peaks: pp_header_peaks(p + (99 + whole.origin.len), whole, whole.peak_count);
    return whole;
}

/* Whether the len bytes at p are a header's content. */
/*@ requires \valid_read(p + (0 .. len - 1));
    assigns \nothing;
    ensures accepted: \result <==> pp_header_accepted(p, len);
    ensures peaks: \result ==> p[AT_ORIGIN + p[AT_ORIGIN_LEN]] <= 64; */
static bool form_is_valid(const uint8_t *p, size_t len)
{
    if (len < FIXED_BYTES || p[0] != VERSION)
        return false;
    size_t origin_len = p[AT_ORIGIN_LEN];
    if (origin_len == 0 || len - FIXED_BYTES < origin_len)
        return false;
    size_t peak_count = p[AT_ORIGIN + origin_len];
    uint64_t first_seq = pp_get_u64(p + AT_FIRST_SEQ);
    return first_seq <= INT64_MAX && pp_get_u64(p + AT_EPOCH) <= PP_EPOCH_MAX &&
           peak_count == pp_bits_set(first_seq) &&
           len == FIXED_BYTES + origin_len + peak_count * PP_DIGEST_BYTES;
}

/* The caller gets the header that stands in the len bytes at p. */
/*@ requires \valid(header) && \valid_read(p + (0 .. len - 1)) && len == pp_header_len(h);
    requires pp_header_at(p, h) && h.origin.data == p + AT_ORIGIN && 0 < h.origin.len <= 255;
    requires \separated(header, p + (0 .. len - 1));
    assigns *header;
    ensures content: pp_header_at(p, h) && *header == h; */
static void give(struct pp_segment_header *header, struct pp_segment_header h, const uint8_t *p,
                 size_t len)
{
    (void)p, (void)len; /* only the contract speaks of them */
    *header = h;
    //@ assert front_kept: pp_kept{Pre, Here}(p, 0, 49);
    //@ assert place_kept: pp_kept{Pre, Here}(p, 49, 73);
    //@ assert state_kept: pp_kept{Pre, Here}(p, 73, 97);
    //@ assert lengths_kept: pp_kept{Pre, Here}(p, 97, 99 + h.origin.len);
    //@ assert peaks_kept: pp_kept{Pre, Here}(p + (99 + h.origin.len), 0, 32 * h.peak_count);
    //@ assert fixed: pp_header_fixed(p, h);
    //@ assert peaks: pp_header_peaks(p + (99 + h.origin.len), h, h.peak_count);
}

/*@ requires pp_header_accepted(p, len) && \valid_read(p + (0 .. len - 1)) && \valid(header);
    requires p[AT_ORIGIN + p[AT_ORIGIN_LEN]] <= 64 && len <= SIZE_MAX;
    requires \separated(header, p + (0 .. len - 1));
    assigns *header;
    ensures fields: pp_header_at(p, *header);
    ensures origin: header->origin.data == p + AT_ORIGIN;
    ensures ranges: header->first_seq <= INT64_MAX && header->epoch <= PP_EPOCH_MAX
      && header->peak_count == pp_bits(header->first_seq) && header->peak_count <= 64;
    ensures whole: len == pp_header_len(*header); */
static void get_header(const uint8_t *p, size_t len, struct pp_segment_header *header)
{
    struct pp_segment_header h = get_content(p, p[AT_ORIGIN + p[AT_ORIGIN_LEN]]);
    //@ assert whole: len == pp_header_len(h);
    //@ assert count: h.peak_count == pp_bits(h.first_seq);
    give(header, h, p, len);
}

enum pp_error pp_segment_header_decode(struct pp_bytes content, struct pp_segment_header *header)
{
    if (!form_is_valid(content.data, content.len))
        return PP_ERROR_FORMAT;
    get_header(content.data, content.len, header);
    return PP_OK;
}

bool pp_segment_header_mac_valid(struct pp_bytes content, const struct pp_mac_key *key)
{
    return pp_field_mac_valid(content, head_domain, key);
}
