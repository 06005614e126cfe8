/* SPDX-License-Identifier: MIT */
/* What stands behind the last seal of a segment: nothing, what a crash left, or a defect. */
#include "segment_steps.h"

#include <string.h>

#include "../base/base.h"

/* A removed seal shows when later entries carry tags of later epochs; so many are tried. */
enum { EPOCHS_TRIED_AHEAD = 8, SECTOR_BYTES = 512, ZERO_BLOCK_BYTES = 256 };

/*@ requires \valid_read(p + (from .. from + ZERO_BLOCK_BYTES - 1));
    requires from <= SIZE_MAX - ZERO_BLOCK_BYTES;
    assigns \nothing;
    ensures \result <==> \forall integer k; from <= k < from + ZERO_BLOCK_BYTES ==> p[k] == 0; */
static bool is_zero_block(const uint8_t *p, size_t from)
{
    int any = 0;
    /*@ loop invariant 0 <= i <= ZERO_BLOCK_BYTES;
        loop invariant any == 0 <==> \forall integer k; from <= k < from + i ==> p[k] == 0;
        loop assigns i, any;
        loop variant ZERO_BLOCK_BYTES - i; */
    for (size_t i = 0; i < ZERO_BLOCK_BYTES; i++)
        any |= p[from + i];
    return any == 0;
}

size_t pp_segment_used_bytes(struct pp_bytes data)
{
    size_t end = data.len;
    /*@ loop invariant 0 <= end <= data.len;
        loop invariant zeros: \forall integer i; end <= i < data.len ==> data.data[i] == 0;
        loop assigns end;
        loop variant end; */
    while (end >= ZERO_BLOCK_BYTES && is_zero_block(data.data, end - ZERO_BLOCK_BYTES))
        end -= ZERO_BLOCK_BYTES;
    /*@ loop invariant 0 <= end <= data.len;
        loop invariant zeros: \forall integer i; end <= i < data.len ==> data.data[i] == 0;
        loop assigns end;
        loop variant end; */
    while (end > 0 && data.data[end - 1] == 0)
        end--;
    return end;
}

/* A write may have stopped anywhere in a seal that ends in zeros; only its MAC tells whether it
   did. */
static bool seal_is_whole(const struct pp_segment_checker *c, const struct pp_frame *frame,
                          size_t at, const struct pp_seal *seal)
{
    if (at + frame->bytes <= c->tail_used)
        return true;
    const struct pp_epoch_keys *keys = pp_check_keys_of(c, seal->epoch);
    return keys != NULL && pp_seal_mac_valid(frame->content, &keys->seal);
}

/* The next whole seal of this ledger from `from` on; both places count from the last seal's end. */
static bool find_seal(const struct pp_segment_checker *c, size_t from, struct pp_seal *seal,
                      size_t *at)
{
    struct pp_bytes tail = c->tail;
    while (from < c->tail_used) {
        const uint8_t *hit = memchr(tail.data + from, PP_FRAME_SEAL, c->tail_used - from);
        if (hit == NULL)
            return false;
        struct pp_frame frame;
        *at = (size_t)(hit - tail.data);
        if (pp_frame_read((struct pp_bytes){hit, tail.len - *at}, &frame) == PP_OK &&
            frame.type == PP_FRAME_SEAL && pp_seal_decode(frame.content, seal) == PP_OK &&
            pp_digest_equal(&seal->log_id, &c->out->header.log_id) &&
            seal_is_whole(c, &frame, *at, seal))
            return true;
        from = *at + 1;
    }
    return false;
}

/* A sector that was never written among the first bytes behind the last seal: all zeros, whole or
   at the start. */
static bool has_unwritten_sector(const struct pp_segment_checker *c, size_t bytes)
{
    size_t from = 0, start = c->out->sealed_end;
    while (from < bytes) {
        size_t end = from + SECTOR_BYTES - (start + from) % SECTOR_BYTES;
        if (end > bytes)
            return false;
        size_t i = from;
        while (i < end && c->tail.data[i] == 0)
            i++;
        if (i == end)
            return true;
        from = end;
    }
    return false;
}

/* Whether a crash explains a defect behind the last seal.  One group at a time is in flight, and a
   crash leaves any of its sectors unwritten: so either its seal is missing, or it stands there, is
   the last one, has the next epoch, and a sector before it is still zeros. */
static bool is_torn(const struct pp_segment_checker *c)
{
    const struct pp_check_result *out = c->out;
    struct pp_seal seal, later;
    size_t at, later_at;
    if (!find_seal(c, 0, &seal, &at))
        return true;
    uint64_t epoch = out->next_epoch;
    bool first_of_segment = !out->has_seal && seal.epoch == out->header.epoch + 1;
    return (seal.epoch == epoch || first_of_segment) &&
           !find_seal(c, at + PP_SEAL_FRAME_BYTES, &later, &later_at) &&
           has_unwritten_sector(c, at + PP_SEAL_FRAME_BYTES);
}

/* Whether the entry of the batch that failed under its epoch's key has a tag of a later epoch: then
   a seal in between was removed. */
static bool sealed_by_later_epoch(struct pp_segment_checker *c)
{
    struct pp_check_scratch *s = c->scratch;
    if (!c->has_bad_tag || c->in->seed == NULL)
        return false;
    for (int ahead = 0; ahead < EPOCHS_TRIED_AHEAD; ahead++) {
        pp_ratchet_step(&s->ratchet);
        pp_epoch_keys_init(&s->keys, &s->ratchet);
        struct pp_tag tag = pp_chain_tag(&s->keys.tag, &c->before_bad, &s->leaves[c->bad]);
        if (pp_tag_equal(&tag, &s->stored_tags[c->bad]))
            return true;
    }
    return false;
}

/* Whether the open group lost its seal.  Its own entries are good: a group that is bad from its
   first entry on was forged with a later key. */
static bool seal_was_removed(struct pp_segment_checker *c, bool followed_by_seal)
{
    if (followed_by_seal && c->out->first_bad_seq == c->group_first)
        return false;
    return sealed_by_later_epoch(c);
}

/* What stands behind the last seal was never acknowledged: torn bytes are no defect there. */
void pp_check_judge_tail(struct pp_segment_checker *c)
{
    struct pp_check_result *out = c->out;
    if (out->verdict == PP_VERDICT_OK && c->at < out->used_end)
        pp_check_fail(c, PP_VERDICT_MODIFIED, c->next_seq, c->at, "the record is damaged");
    if (out->verdict == PP_VERDICT_OK)
        return;
    struct pp_seal seal;
    size_t at;
    bool followed_by_seal = find_seal(c, 0, &seal, &at), torn = is_torn(c);
    if (torn && followed_by_seal)
        pp_check_fail(c, PP_VERDICT_OK, PP_NO_SEQ, 0, "");
    else if (seal_was_removed(c, followed_by_seal))
        pp_check_fail(c, PP_VERDICT_UNSEALED, c->group_first, out->sealed_end,
                      "the seals of these entries were removed");
    else if (torn)
        pp_check_fail(c, PP_VERDICT_OK, PP_NO_SEQ, 0, "");
}
