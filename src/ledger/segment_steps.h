/* SPDX-License-Identifier: MIT */
/* Steps of the check of a segment: the records between its header and its last seal, and what
   stands behind them.  segment_check.c calls them in turn. */
#ifndef PP_SEGMENT_STEPS_H
#define PP_SEGMENT_STEPS_H

#include "segment_internal.h"

/*@ // What a checker points to lies apart from it and from each other.
    predicate pp_checker_keys{L}(struct pp_check_input *in, struct pp_check_scratch *s) =
      (in->seed != \null ==> \valid_read(in->seed) && \separated(in->seed, s))
      && (in->epoch != \null ==> \valid_read(in->epoch));
    predicate pp_checker_parts{L}(struct pp_segment_checker *c) =
      \valid(c) && \valid(c->out) && \valid(c->scratch) && \valid_read(c->in)
      && \separated(c, c->out, c->scratch, c->in) && pp_checker_keys(c->in, c->scratch);
    predicate pp_checker_offsets{L}(struct pp_segment_checker *c) =
      c->in->index_offsets != \null ==>
        c->offsets_found <= c->in->index_offsets_cap
        && \valid(c->in->index_offsets + (0 .. c->in->index_offsets_cap - 1))
        && \separated(c->in->index_offsets + (0 .. c->in->index_offsets_cap - 1), c, c->out,
                      c->scratch, c->in, c->in->sink);
    predicate pp_checker_sink{L}(struct pp_segment_checker *c, struct pp_node_sink *sink) =
      sink != \null ==>
        \valid(sink) && sink->count <= sink->cap && \valid(sink->nodes + (0 .. sink->cap - 1))
        && \separated(sink, c, c->out, c->scratch, c->in)
        && \separated(sink->nodes + (0 .. sink->cap - 1), c, c->out, c->scratch, c->in, sink);
    // The entries of the batch, which are not in the tree yet.
    predicate pp_checker_batch{L}(struct pp_check_scratch *s, integer n) =
      \forall integer i; 0 <= i < n ==> pp_bytes_readable(s->prefixed[i]);
    predicate pp_checker_counts{L}(struct pp_segment_checker *c) =
      c->pending <= PP_CHECK_BATCH && c->tree.size <= INT64_MAX
      && c->tree.size + c->pending == c->next_seq;
    predicate pp_checker_good{L}(struct pp_segment_checker *c) =
      pp_checker_parts(c) && pp_checker_offsets(c) && pp_checker_sink(c, c->in->sink)
      && pp_checker_counts(c) && pp_checker_batch(c->scratch, c->pending); */

/* A frame in the piece, of which nothing that the check writes is a part. */
/*@ predicate pp_checker_frame{L}(struct pp_segment_checker *c, struct pp_frame *frame) =
      \valid_read(frame) && \separated(frame, c, c->out, c->scratch, c->in->sink)
      && 0 < frame->content.len <= 65535 && frame->bytes <= PP_FRAME_BYTES_MAX
      && \valid_read(frame->content.data + (-1 .. frame->content.len - 1))
      && (frame->type == PP_FRAME_ENTRY
          ==> \valid_read(frame->tag + (0 .. PP_TAG_BYTES - 1))); */

/* What is wrong, and where; returns false. */
/*@ requires \valid_read(c) && \valid(c->out) && \separated(c, c->out);
    assigns c->out->verdict, c->out->first_bad_seq, c->out->bad_offset, c->out->reason;
    ensures \result == 0 && c->out->verdict == verdict && c->out->first_bad_seq == seq
      && c->out->bad_offset == offset; */
bool pp_check_fail(struct pp_segment_checker *c, enum pp_verdict verdict, uint64_t seq,
                   size_t offset, const char *reason);
/* The root of the tree of this size, where somebody asks for it. */
/*@ requires pp_checker_parts(c) && \valid_read(root);
    assigns c->out->roots[0 .. PP_CHECK_SIZES - 1], c->out->root_found[0 .. PP_CHECK_SIZES - 1];
    ensures \forall integer i; 0 <= i < PP_CHECK_SIZES ==>
      (c->out->root_found[i] != 0 <==> c->in->sizes[i] == size || \old(c->out->root_found[i]) != 0);
*/
void pp_check_note_root(struct pp_segment_checker *c, uint64_t size, const struct pp_digest *root);
/* To the keys of the next epoch. */
void pp_check_next_epoch(struct pp_segment_checker *c);
/* The keys of the epoch, which the checker has entered; NULL when they are not at hand. */
/*@ requires pp_checker_parts(c);
    assigns \nothing;
    ensures seed: c->in->seed != \null ==> \result == &c->scratch->keys;
    ensures epoch: c->in->seed == \null && \result != \null ==>
      \result == &c->in->epoch->keys && c->in->epoch != \null && c->in->epoch->epoch == epoch;
    ensures valid: \result != \null ==> \valid_read(\result); */
const struct pp_epoch_keys *pp_check_keys_of(const struct pp_segment_checker *c, uint64_t epoch);
/* Checks the pending entries: tags and tree up to the first counter that does not follow. */
bool pp_check_take_batch(struct pp_segment_checker *c);
/* An entry into the batch, which is checked when it is full. */
bool pp_check_take_entry(struct pp_segment_checker *c, const struct pp_frame *frame);
/* A rotation's header bears the rotation's epoch, so that the first seal after it has the next one;
   segment 0 and a recovery start with the header's own. */
void pp_check_enter_first_seal(struct pp_segment_checker *c, const struct pp_seal *seal);
/* A seal: what is pending is checked first. */
bool pp_check_take_seal(struct pp_segment_checker *c, const struct pp_frame *frame);
/* What stands behind the last seal was never acknowledged: torn bytes are no defect there. */
void pp_check_judge_tail(struct pp_segment_checker *c);

#endif
