/* SPDX-License-Identifier: MIT */
/* Seals: docs/format/ledger.md, section 6. */

#include "ledger_internal.h"

#include "../base/base.h"
#include "field.h"

enum {
    VERSION = 1,
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
    AT_MAC = 194
};

_Static_assert(AT_MAC + PP_DIGEST_BYTES == PP_SEAL_BYTES, "the seal's table adds up");

static const uint8_t seal_domain[PP_DOMAIN_BYTES + 1] = "postproof-seal-1";

/* Seals go by value between these functions, and the encoder is cut into parts of a few fields,
   each of which keeps what is before it: so the provers follow it. */

/*@ requires \valid(p + (0 .. AT_EPOCH - 1));
    assigns p[0 .. AT_EPOCH - 1];
    ensures pp_seal_front(p, seal); */
static void put_front(uint8_t *p, struct pp_seal seal)
{
    pp_field_put_digest(p, AT_LOG_ID, seal.log_id);
    p[0] = VERSION;
    p[1] = seal.kind;
}

/*@ requires \valid(p + (AT_EPOCH .. AT_ROOT - 1));
    assigns p[AT_EPOCH .. AT_ROOT - 1];
    ensures pp_seal_range(p, seal); */
static void write_range(uint8_t *p, struct pp_seal seal)
{
    pp_field_put_u64(p, AT_EPOCH, seal.epoch);
    pp_field_put_u64(p, AT_FIRST_SEQ, seal.first_seq);
    pp_field_put_u64(p, AT_NEXT_SEQ, seal.next_seq);
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
    pp_field_put_digest(p, AT_ROOT, seal.root);
    pp_field_put_tag(p, AT_PREVIOUS_TAG, seal.previous_tag);
    pp_field_put_tag(p, AT_TAG, seal.tag);
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
    pp_field_put_u64(p, AT_REALTIME, seal.realtime_ns);
    pp_field_put_u64(p, AT_MONOTONIC, seal.monotonic_ns);
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
    pp_field_put_u64(p, AT_DETAIL_NUMBER, seal.detail_number);
    pp_field_put_digest(p, AT_DETAIL_HASH, seal.detail_hash);
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

/* Behind the other fields the MAC over them; returns the seal with it. */
/*@ requires \valid_read(key) && \valid(p + (0 .. PP_SEAL_BYTES - 1)) && pp_seal_fields(p, seal);
    assigns p[AT_MAC .. PP_SEAL_BYTES - 1];
    ensures content: pp_seal_at(p, \result);
    ensures mac: \result.mac == pp_mac_of{Pre}(\old(*key), &seal_domain[0], PP_DOMAIN_BYTES, p,
                                               AT_MAC);
    ensures same: pp_seal_same_fields(\result, seal); */
static struct pp_seal put_mac(uint8_t *p, const struct pp_mac_key *key, struct pp_seal seal)
{
    struct pp_seal filled = seal;
    filled.mac = pp_field_put_mac(p, AT_MAC, seal_domain, key);
    //@ assert kept: pp_kept{Pre, Here}(p, 0, AT_MAC);
    //@ assert front: pp_seal_front(p, filled);
    //@ assert range: pp_seal_range(p, filled);
    //@ assert state: pp_seal_state(p, filled);
    //@ assert clocks: pp_seal_clocks(p, filled);
    //@ assert detail: pp_seal_detail(p, filled);
    return filled;
}

/*@ requires \valid_read(key) && \valid(p + (0 .. PP_SEAL_BYTES - 1));
    requires \separated(p + (0 .. PP_SEAL_BYTES - 1), key);
    assigns p[0 .. PP_SEAL_BYTES - 1];
    ensures content: pp_seal_at(p, \result);
    ensures same: pp_seal_same_fields(\result, seal); */
static struct pp_seal put_content(uint8_t *p, const struct pp_mac_key *key, struct pp_seal seal)
{
    put_fields(p, seal);
    return put_mac(p, key, seal);
}

/*@ requires \valid(out + (0 .. PP_FRAME_HEAD_BYTES - 1));
    assigns out[0 .. PP_FRAME_HEAD_BYTES - 1];
    ensures pp_head_at(out, PP_FRAME_SEAL, PP_SEAL_BYTES); */
static void put_head(uint8_t *out)
{
    pp_frame_put_head(out, PP_FRAME_SEAL, PP_SEAL_BYTES);
}

/*@ // What is kept says the same: one lemma for each part, so that the provers look at it alone.
    lemma pp_front_kept{A, B}: \forall uint8_t *p, struct pp_seal s;
      pp_seal_front{A}(p, s) && pp_kept{A, B}(p, 0, 34) ==> pp_seal_front{B}(p, s);
    lemma pp_range_kept{A, B}: \forall uint8_t *p, struct pp_seal s;
      pp_seal_range{A}(p, s) && pp_kept{A, B}(p, 34, 58) ==> pp_seal_range{B}(p, s);
    lemma pp_state_kept{A, B}: \forall uint8_t *p, struct pp_seal s;
      pp_seal_state{A}(p, s) && pp_kept{A, B}(p, 58, 122) ==> pp_seal_state{B}(p, s);
    lemma pp_clocks_kept{A, B}: \forall uint8_t *p, struct pp_seal s;
      pp_seal_clocks{A}(p, s) && pp_kept{A, B}(p, 122, 154) ==> pp_seal_clocks{B}(p, s);
    lemma pp_detail_kept{A, B}: \forall uint8_t *p, struct pp_seal s;
      pp_seal_detail{A}(p, s) && pp_kept{A, B}(p, 154, 194) ==> pp_seal_detail{B}(p, s); */

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
    //@ assert front_kept: pp_kept{Pre, Here}(out + 4, 0, 34);
    //@ assert range_kept: pp_kept{Pre, Here}(out + 4, 34, 58);
    //@ assert state_kept: pp_kept{Pre, Here}(out + 4, 58, 122);
    //@ assert clocks_kept: pp_kept{Pre, Here}(out + 4, 122, 154);
    //@ assert detail_kept: pp_kept{Pre, Here}(out + 4, 154, 194);
    //@ assert mac_kept: pp_kept{Pre, Here}(out + 4, 194, 226);
    //@ assert front: pp_seal_front(out + PP_FRAME_HEAD_BYTES, filled);
    //@ assert range: pp_seal_range(out + PP_FRAME_HEAD_BYTES, filled);
    //@ assert state: pp_seal_state(out + PP_FRAME_HEAD_BYTES, filled);
    //@ assert clocks: pp_seal_clocks(out + PP_FRAME_HEAD_BYTES, filled);
    //@ assert detail: pp_seal_detail(out + PP_FRAME_HEAD_BYTES, filled);
    //@ assert mac: pp_digest_at(out + PP_FRAME_HEAD_BYTES, AT_MAC, filled.mac);
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

/*@ requires \valid_read(p + (0 .. PP_SEAL_BYTES - 1));
    assigns \nothing;
    ensures pp_u64_at(p, AT_REALTIME, \result.realtime_ns)
      && pp_u64_at(p, AT_MONOTONIC, \result.monotonic_ns)
      && \forall integer i; AT_BOOT_ID <= i < AT_DETAIL_NUMBER
        ==> p[i] == \result.boot_id[i - AT_BOOT_ID]; */
static struct pp_seal get_clocks(const uint8_t *p)
{
    struct pp_seal seal = {.realtime_ns = pp_field_u64(p, AT_REALTIME),
                           .monotonic_ns = pp_field_u64(p, AT_MONOTONIC)};
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
    seal.log_id = pp_field_digest(p, AT_LOG_ID);
    seal.epoch = pp_field_u64(p, AT_EPOCH);
    seal.first_seq = pp_field_u64(p, AT_FIRST_SEQ);
    seal.next_seq = pp_field_u64(p, AT_NEXT_SEQ);
    seal.root = pp_field_digest(p, AT_ROOT);
    seal.previous_tag = pp_field_tag(p, AT_PREVIOUS_TAG);
    seal.tag = pp_field_tag(p, AT_TAG);
    seal.detail_number = pp_field_u64(p, AT_DETAIL_NUMBER);
    seal.detail_hash = pp_field_digest(p, AT_DETAIL_HASH);
    seal.mac = pp_field_digest(p, AT_MAC);
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
    const struct pp_seal filled = get_content(p);
    *seal = filled;
    //@ assert front_kept: pp_kept{Pre, Here}(p, 0, 34);
    //@ assert range_kept: pp_kept{Pre, Here}(p, 34, 58);
    //@ assert state_kept: pp_kept{Pre, Here}(p, 58, 122);
    //@ assert clocks_kept: pp_kept{Pre, Here}(p, 122, 154);
    //@ assert detail_kept: pp_kept{Pre, Here}(p, 154, 194);
    //@ assert mac_kept: pp_kept{Pre, Here}(p, 194, 226);
    //@ assert front: pp_seal_front(p, filled);
    //@ assert range: pp_seal_range(p, filled);
    //@ assert state: pp_seal_state(p, filled);
    //@ assert clocks: pp_seal_clocks(p, filled);
    //@ assert detail: pp_seal_detail(p, filled);
    //@ assert mac: pp_digest_at(p, AT_MAC, filled.mac);
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
    return pp_field_mac_valid(content, seal_domain, key);
}
