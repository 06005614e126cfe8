/* SPDX-License-Identifier: MIT */
/* Checks one segment from its header to its last seal: form, order, tags, roots, MACs.  The place
   and the kind of the first defect are the result (docs/ledger.md, "Verdicts").  The segment comes
   in pieces, so that a check holds a piece of it in memory and not the whole. */

#include "segment_steps.h"

#include <string.h>

#include "../base/base.h"

/* ---- Header ---- */

/* The keys of the header's epoch; the ratchet stays there. */
static void enter_header_epoch(struct pp_segment_checker *c, uint64_t epoch)
{
    struct pp_check_scratch *s = c->scratch;
    if (!s->ratchet_ready || pp_ratchet_forward(&s->ratchet, epoch) != PP_OK) {
        pp_ratchet_init(&s->ratchet, c->in->seed);
        s->ratchet_ready = pp_ratchet_forward(&s->ratchet, epoch) == PP_OK;
    }
    pp_epoch_keys_init(&s->keys, &s->ratchet);
}

/* More seals than this don't fit into a segment, so that it advances the epoch by less. */
enum { SEALS_PER_SEGMENT_MAX = (1 << 30) / PP_SEAL_FRAME_BYTES * 2 };

/* Segment 0 starts from nothing, and the others can't be far ahead: a flipped bit of an epoch must
   not keep the ratchet busy. */
/*@ requires \valid_read(header);
    assigns \nothing;
    ensures \result <==> header->epoch / SEALS_PER_SEGMENT_MAX <= header->segment
      && header->first_seq <= INT64_MAX
      && (header->segment == 0 ==> header->epoch == 0 && header->first_seq == 0
          && \forall integer i; 0 <= i < PP_TAG_BYTES ==> header->tag.b[i] == 0); */
static bool is_plausible(const struct pp_segment_header *header)
{
    const struct pp_tag no_tag = {{0}};
    if (header->epoch / SEALS_PER_SEGMENT_MAX > header->segment || header->first_seq > INT64_MAX)
        return false;
    return header->segment != 0 ||
           (header->epoch == 0 && header->first_seq == 0 && pp_tag_equal(&header->tag, &no_tag));
}

static bool check_header(struct pp_segment_checker *c, struct pp_bytes data)
{
    struct pp_check_result *out = c->out;
    struct pp_frame frame;
    if (pp_frame_read(data, &frame) != PP_OK || frame.type != PP_FRAME_HEADER ||
        pp_segment_header_decode(frame.content, &out->header) != PP_OK ||
        !is_plausible(&out->header) ||
        pp_merkle_tree_load(&out->tree, out->header.first_seq, out->header.peaks,
                            out->header.peak_count) != PP_OK)
        return pp_check_fail(c, PP_VERDICT_MODIFIED, PP_NO_SEQ, 0, "the segment header is damaged");
    out->has_header = true;
    out->identity = pp_log_id(out->header.key_id, out->header.log_id.b, out->header.origin);
    out->tag = out->header.tag;
    out->next_epoch = out->header.epoch;
    out->sealed_end = frame.bytes;
    c->tree = out->tree;
    c->tag = c->checked_tag = out->tag;
    c->next_seq = c->group_first = out->header.first_seq;
    c->at = frame.bytes;
    struct pp_digest root = pp_merkle_tree_root(&out->tree);
    pp_check_note_root(c, out->header.first_seq, &root);
    if (c->in->seed != NULL)
        enter_header_epoch(c, out->header.epoch);
    const struct pp_epoch_keys *keys = pp_check_keys_of(c, out->header.epoch);
    out->header_mac_checked = keys != NULL;
    out->header_mac_valid = keys != NULL && pp_segment_header_mac_valid(frame.content, &keys->seal);
    return true;
}

/* ---- The segment in pieces ---- */

static bool take_frame(struct pp_segment_checker *c, const struct pp_frame *frame)
{
    if (c->out->rotated)
        return pp_check_fail(c, PP_VERDICT_MODIFIED, c->next_seq, c->at,
                             "records follow a rotation seal");
    switch (frame->type) {
    case PP_FRAME_ENTRY:
        if (!c->out->has_seal && c->next_seq == c->out->header.first_seq)
            pp_check_enter_first_seal(c, &(struct pp_seal){.kind = PP_SEAL_COMMIT});
        return pp_check_take_entry(c, frame);
    case PP_FRAME_SEAL:
        return pp_check_take_seal(c, frame);
    default:
        return pp_check_fail(c, PP_VERDICT_MODIFIED, c->next_seq, c->at, "a second segment header");
    }
}

void pp_segment_check_begin(struct pp_segment_checker *c, const struct pp_check_input *input,
                            struct pp_check_result *result)
{
    memset(result, 0, sizeof *result);
    *c = (struct pp_segment_checker){.in = input, .out = result, .scratch = input->scratch};
    pp_check_fail(c, PP_VERDICT_OK, PP_NO_SEQ, 0, "");
}

/* Takes the frames at the start of data; false when one is bad. */
static bool take_frames(struct pp_segment_checker *c, struct pp_bytes data)
{
    struct pp_frame frame;
    while (pp_frame_read(data, &frame) == PP_OK) {
        if (!take_frame(c, &frame))
            return false;
        c->at += frame.bytes;
        data = (struct pp_bytes){data.data + frame.bytes, data.len - frame.bytes};
    }
    return true;
}

bool pp_segment_check_take(struct pp_segment_checker *c, struct pp_bytes data)
{
    size_t before = c->at;
    if (c->out->verdict != PP_VERDICT_OK)
        return false;
    if (!c->out->has_header) {
        if (!check_header(c, data))
            return false;
        data = (struct pp_bytes){data.data + c->at, data.len - c->at};
    }
    /* What is pending points into data. */
    return take_frames(c, data) && pp_check_take_batch(c) && c->at != before;
}

void pp_segment_check_end(struct pp_segment_checker *c, struct pp_bytes tail)
{
    struct pp_check_result *out = c->out;
    c->tail = tail;
    c->tail_used = pp_segment_used_bytes(tail);
    out->used_end = out->sealed_end + c->tail_used;
    if (!out->has_header)
        return;
    pp_check_judge_tail(c);
    out->torn_digest = pp_sha256((struct pp_bytes){tail.data, c->tail_used});
}

void pp_segment_check(const struct pp_check_input *input, struct pp_bytes data,
                      struct pp_check_result *result)
{
    struct pp_segment_checker c;
    pp_segment_check_begin(&c, input, result);
    bool taken = pp_segment_check_take(&c, data);
    (void)taken; /* the result says why not */
    size_t sealed = result->sealed_end;
    pp_segment_check_end(&c, (struct pp_bytes){data.data + sealed, data.len - sealed});
}
