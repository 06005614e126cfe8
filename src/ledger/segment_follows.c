/* SPDX-License-Identifier: MIT */
/* Whether a segment continues the one before it: docs/format/ledger.md, sections 6, 10 and 11. */

#include "segment_internal.h"

#include "../base/base.h"

/* What should come next is bad: the header's own claim about its first entry may be false. */
/*@ requires \valid_read(previous) && \valid(next) && \separated(previous, next);
    assigns next->verdict, next->first_bad_seq, next->bad_offset, next->reason;
    ensures \result == 0 && next->verdict == verdict && next->bad_offset == 0
      && next->first_bad_seq == previous->tree.size; */
static bool refuse(const struct pp_check_result *previous, struct pp_check_result *next,
                   enum pp_verdict verdict, const char *reason)
{
    next->verdict = verdict;
    next->first_bad_seq = previous->tree.size;
    next->bad_offset = 0;
    next->reason = reason;
    return false;
}

/* The header of `next` states what `previous` ends with. */
/*@ requires \valid_read(previous) && \valid_read(next);
    assigns \nothing;
    ensures \result <==> pp_same_state(previous, next); */
static bool same_state(const struct pp_check_result *previous, const struct pp_check_result *next)
{
    const struct pp_segment_header *header = &next->header;
    return header->segment == previous->header.segment + 1 &&
           header->first_seq == previous->tree.size && pp_tag_equal(&header->tag, &previous->tag) &&
           pp_merkle_tree_has_peaks(&previous->tree, header->peaks, header->peak_count);
}

/*@ requires \valid_read(previous) && \valid(next) && \separated(previous, next);
    assigns next->verdict, next->first_bad_seq, next->bad_offset, next->reason;
    ensures follows: \result <==> pp_rotated_to{Pre}(previous, next);
    ensures good: \result ==> next->verdict == \old(next->verdict);
    ensures bad: !\result ==> next->verdict == PP_VERDICT_MODIFIED && next->bad_offset == 0
      && next->first_bad_seq == previous->tree.size; */
static bool after_rotation(const struct pp_check_result *previous, struct pp_check_result *next)
{
    const struct pp_seal *rotation = &previous->last_seal;
    if (previous->used_end != previous->sealed_end)
        return refuse(previous, next, PP_VERDICT_MODIFIED,
                      "bytes were added behind a rotation seal");
    if (rotation->detail_number != next->header.segment || next->header.epoch != rotation->epoch)
        return refuse(previous, next, PP_VERDICT_MODIFIED,
                      "the rotation seal names another segment");
    if (next->has_seal && next->first_seal.kind == PP_SEAL_RECOVERY)
        return refuse(previous, next, PP_VERDICT_MODIFIED, "a recovery seal follows a rotation");
    return true;
}

/* The epoch that comes after a segment.  One without seals was opened by a rotation, whose epoch
   its header bears; only segment 0 starts from nothing. */
/*@ requires \valid_read(segment);
    assigns \nothing;
    ensures \result == pp_epoch_after(segment); */
static uint64_t epoch_after(const struct pp_check_result *segment)
{
    if (segment->has_seal)
        return segment->last_seal.epoch + 1;
    return segment->header.segment == 0 ? 0 : segment->header.epoch + 1;
}

/* Without a rotation seal only a recovery closes a segment, and it vouches for the torn bytes. */
/*@ requires \valid_read(previous) && \valid(next) && \separated(previous, next);
    assigns next->verdict, next->first_bad_seq, next->bad_offset, next->reason;
    ensures follows: \result <==> pp_recovered_to{Pre}(previous, next, last);
    ensures good: \result ==> next->verdict == \old(next->verdict);
    ensures bad: !\result ==> next->bad_offset == 0
      && (next->verdict == PP_VERDICT_MODIFIED || next->verdict == PP_VERDICT_UNSEALED)
      && next->first_bad_seq == previous->tree.size; */
static bool after_recovery(const struct pp_check_result *previous, struct pp_check_result *next,
                           bool last)
{
    if (next->header.epoch != epoch_after(previous))
        return refuse(previous, next, PP_VERDICT_MODIFIED,
                      "the seals that closed the segment before are gone");
    if (!next->has_seal && !last)
        return refuse(previous, next, PP_VERDICT_MODIFIED,
                      "the segment before was never closed by a seal");
    if (!next->has_seal)
        return true;
    if (next->first_seal.kind != PP_SEAL_RECOVERY)
        return refuse(previous, next, PP_VERDICT_UNSEALED,
                      "the rotation seal of the segment before is gone");
    if (next->first_seal.detail_number != previous->used_end - previous->sealed_end ||
        !pp_digest_equal(&next->first_seal.detail_hash, &previous->torn_digest))
        return refuse(previous, next, PP_VERDICT_MODIFIED,
                      "the torn bytes before are not those that the recovery seal vouches for");
    return true;
}

/* The header of `next` is one that a writer made whole. */
/*@ requires \valid_read(previous) && \valid_read(next);
    assigns \nothing;
    ensures \result <==> pp_header_whole(previous, next); */
static bool header_is_whole(const struct pp_check_result *previous,
                            const struct pp_check_result *next)
{
    return next->has_header && pp_digest_equal(&previous->identity, &next->identity) &&
           same_state(previous, next) && next->header.epoch == epoch_after(previous) &&
           (!next->header_mac_checked || next->header_mac_valid);
}

bool pp_segment_is_unmade(const struct pp_check_result *previous,
                          const struct pp_check_result *next)
{
    size_t header_end = next->has_header ? next->sealed_end : PP_SEGMENT_HEADER_FRAME_BYTES_MAX;
    return !previous->rotated && !next->has_seal && next->used_end <= header_end &&
           !header_is_whole(previous, next);
}

bool pp_segment_follows(const struct pp_check_result *previous, struct pp_check_result *next,
                        bool last)
{
    if (last && pp_segment_is_unmade(previous, next)) {
        next->has_header = false;
        next->verdict = PP_VERDICT_OK;
        return true;
    }
    if (!next->has_header)
        return refuse(previous, next, PP_VERDICT_MODIFIED, "the segment header is damaged");
    if (!pp_digest_equal(&previous->identity, &next->identity))
        return refuse(previous, next, PP_VERDICT_WRONG_LOG,
                      "the segment belongs to another ledger");
    if (!same_state(previous, next))
        return refuse(previous, next, PP_VERDICT_MODIFIED,
                      "the segment does not continue the one before it: another state");
    return previous->rotated ? after_rotation(previous, next)
                             : after_recovery(previous, next, last);
}
