/* SPDX-License-Identifier: MIT */
/* The check of segments, as src/store and the tests see it: one segment from its header to its end,
   and whether it continues the one before.  docs/ledger.md says what the verdicts mean. */
#ifndef PP_SEGMENT_INTERNAL_H
#define PP_SEGMENT_INTERNAL_H

#include "ledger_internal.h"

/* ---- Checking one segment (sections 4 to 6, 10) --------------------------------------------- */

enum { PP_CHECK_BATCH = 1024, PP_CHECK_SIZES = 2 };

/* Working memory of one check; erase it afterwards, it holds key states. */
struct pp_check_scratch {
    struct pp_bytes prefixed[PP_CHECK_BATCH];
    struct pp_tag stored_tags[PP_CHECK_BATCH];
    uint64_t seqs[PP_CHECK_BATCH];
    size_t offsets[PP_CHECK_BATCH];
    struct pp_digest leaves[PP_CHECK_BATCH];
    struct pp_chain_input chain[PP_CHECK_BATCH];
    struct pp_tag tags[PP_CHECK_BATCH];
    struct pp_epoch_keys keys;
    struct pp_ratchet ratchet;
    bool ratchet_ready; /* false at first; then a later segment goes on from where this one ended */
};

/* What a writer still has of the keys: that of one epoch, in one ledger. */
struct pp_check_epoch {
    struct pp_digest log_id;
    uint64_t epoch;
    struct pp_epoch_keys keys;
};

struct pp_check_input {
    const struct pp_digest *seed;       /* S(0), or NULL: tags and MACs are not checked */
    const struct pp_check_epoch *epoch; /* without a seed: those of this epoch are; or NULL */
    struct pp_hash_engine *engine;
    struct pp_check_scratch *scratch;
    uint64_t sizes[PP_CHECK_SIZES]; /* tree sizes whose roots are wanted */
    /* where to put frame offsets of seqs divisible by 64, and nodes for the index; may be NULL */
    uint64_t *index_offsets;
    size_t index_offsets_cap;
    struct pp_node_sink *sink;
};

struct pp_check_result {
    enum pp_verdict verdict; /* OK: everything up to sealed_end is good as far as it was checked */
    uint64_t first_bad_seq;  /* PP_NO_SEQ when the place has no entry */
    size_t bad_offset;
    const char *reason; /* constant text, "" when OK */
    bool has_header, header_mac_checked, header_mac_valid, first_tag_valid;
    struct pp_segment_header header; /* origin borrows from data */
    struct pp_digest identity; /* of log id, key id and origin: one value for the whole ledger */
    bool has_seal;
    struct pp_seal first_seal, last_seal;
    struct pp_digest last_seal_digest; /* H(content of the last seal) */
    bool rotated;                      /* the last seal is a rotation */
    uint64_t next_epoch;               /* of the seal that would come next */
    struct pp_merkle_tree tree;        /* at sealed_end */
    struct pp_tag tag;
    uint64_t entries, seals, references, clock_steps;
    uint64_t last_prune;          /* segments before this index were pruned, 0 for none */
    size_t index_offset_count;    /* includes unsealed entries' offsets only up to the last seal */
    size_t sealed_end;            /* behind the last seal (or the header) */
    size_t last_group;            /* where the group of the last seal starts; 0 without a seal */
    size_t used_end;              /* behind the last byte that is not 0 */
    struct pp_digest torn_digest; /* H(bytes sealed_end .. used_end) */
    struct pp_digest roots[PP_CHECK_SIZES];
    bool root_found[PP_CHECK_SIZES];
};

/* Checks everything inside one segment, starting from what its header claims.  data is the whole
   file, and what result->header borrows from. */
void pp_segment_check(const struct pp_check_input *input, struct pp_bytes data,
                      struct pp_check_result *result);

/* The same for a file that is not in memory as a whole.  begin; then take, with the bytes of the
   file from checker->at on, as long as it returns true; then end.  input and result are borrowed
   until then. */
struct pp_segment_checker {
    const struct pp_check_input *in;
    struct pp_check_result *out;
    struct pp_check_scratch *scratch;
    size_t at;                  /* offset of the record in hand, and of the next one to take */
    size_t pending;             /* entries in the batch, not yet checked */
    struct pp_merkle_tree tree; /* with the entries of the open group */
    struct pp_tag tag;          /* stored tag of the last entry taken into the batch */
    struct pp_tag checked_tag;  /* of the last entry checked */
    uint64_t next_seq;          /* that the next entry must have */
    uint64_t group_first;       /* first seq of the open group */
    size_t offsets_found;
    bool has_bad_tag; /* an entry of the batch failed: its place, and the tag before it */
    size_t bad;
    struct pp_tag before_bad;
    struct pp_bytes tail; /* at the end: what stands behind the last seal */
    size_t tail_used;
};
void pp_segment_check_begin(struct pp_segment_checker *checker, const struct pp_check_input *input,
                            struct pp_check_result *result);
/* Takes the whole records that data starts with; nothing points into data afterwards but the origin
   in result->header.  PP_FRAME_BYTES_MAX bytes, or what the file still has, are enough.  false: no
   record was whole, or one is bad (then result->verdict is not OK). */
PP_MUST_CHECK bool pp_segment_check_take(struct pp_segment_checker *checker, struct pp_bytes data);
/* tail: the file from result->sealed_end on.  Zeros at its end may be left out, but for as many as
   a seal is long, or all there are. */
void pp_segment_check_end(struct pp_segment_checker *checker, struct pp_bytes tail);

/* Length of data without the zeros at its end. */
/*@ requires pp_bytes_readable(data);
    assigns \nothing;
    ensures range: 0 <= \result <= data.len;
    ensures last: \result > 0 ==> data.data[\result - 1] != 0;
    ensures zeros: \forall integer i; \result <= i < data.len ==> data.data[i] == 0; */
size_t pp_segment_used_bytes(struct pp_bytes data);

/* What it means that segment n continues segment p. */
/*@ predicate pp_same_ledger{L}(struct pp_check_result *p, struct pp_check_result *n) =
      \forall integer i; 0 <= i < 32 ==> p->identity.b[i] == n->identity.b[i];
    // The header of n states what p ends with.
    predicate pp_same_state{L}(struct pp_check_result *p, struct pp_check_result *n) =
      n->header.segment == (uint64_t)(p->header.segment + 1)
      && n->header.first_seq == p->tree.size
      && (\forall integer i; 0 <= i < 16 ==> n->header.tag.b[i] == p->tag.b[i])
      && n->header.peak_count == pp_bits(p->tree.size)
      && pp_peaks_listed(&p->tree, 64, &n->header.peaks[0]);
    logic integer pp_epoch_after{L}(struct pp_check_result *s) =
      s->has_seal != 0 ? (uint64_t)(s->last_seal.epoch + 1)
      : s->header.segment == 0 ? 0 : (uint64_t)(s->header.epoch + 1);
    predicate pp_rotated_to{L}(struct pp_check_result *p, struct pp_check_result *n) =
      p->used_end == p->sealed_end && p->last_seal.detail_number == n->header.segment
      && n->header.epoch == p->last_seal.epoch
      && (n->has_seal == 0 || n->first_seal.kind != PP_SEAL_RECOVERY);
    predicate pp_recovered_to{L}(struct pp_check_result *p, struct pp_check_result *n,
                                 integer last) =
      n->header.epoch == pp_epoch_after(p)
      && (n->has_seal == 0 ? last != 0
          : n->first_seal.kind == PP_SEAL_RECOVERY
            && n->first_seal.detail_number == (size_t)(p->used_end - p->sealed_end)
            && \forall integer i; 0 <= i < 32 ==>
                 n->first_seal.detail_hash.b[i] == p->torn_digest.b[i]);
    predicate pp_header_whole{L}(struct pp_check_result *p, struct pp_check_result *n) =
      n->has_header != 0 && pp_same_ledger(p, n) && pp_same_state(p, n)
      && n->header.epoch == pp_epoch_after(p)
      && (n->header_mac_checked == 0 || n->header_mac_valid != 0);
    predicate pp_unmade{L}(struct pp_check_result *p, struct pp_check_result *n) =
      p->rotated == 0 && n->has_seal == 0 && !pp_header_whole(p, n)
      && n->used_end <= (n->has_header != 0 ? n->sealed_end : PP_SEGMENT_HEADER_FRAME_BYTES_MAX);
    predicate pp_continues{L}(struct pp_check_result *p, struct pp_check_result *n,
                              integer last) =
      n->has_header != 0 && pp_same_ledger(p, n) && pp_same_state(p, n)
      && (p->rotated != 0 ? pp_rotated_to(p, n) : pp_recovered_to(p, n, last)); */
/* Whether `next` continues where `previous` ends (docs/format/ledger.md sections 6, 10, 11):
   headers agree, states are equal, and a rotation or a recovery closes the gap.  last: next is the
   last segment, which may be a change that a crash interrupted; when even its header is torn, it
   counts as one without a header (pp_segment_is_unmade).  On failure next->verdict, reason and
   place are set. */
/*@ requires \valid_read(previous) && \valid(next) && \separated(previous, next);
    assigns next->has_header, next->verdict, next->first_bad_seq, next->bad_offset, next->reason;
    ensures follows: \result <==> (last && pp_unmade{Pre}(previous, next))
      || pp_continues{Pre}(previous, next, last);
    ensures unmade: last && pp_unmade{Pre}(previous, next) ==>
      next->has_header == 0 && next->verdict == PP_VERDICT_OK;
    ensures kept: !(last && pp_unmade{Pre}(previous, next)) ==>
      next->has_header == \old(next->has_header);
    ensures good: \result && !(last && pp_unmade{Pre}(previous, next)) ==>
      next->verdict == \old(next->verdict);
    ensures bad: !\result ==> next->first_bad_seq == previous->tree.size && next->bad_offset == 0
      && (next->verdict == PP_VERDICT_MODIFIED || next->verdict == PP_VERDICT_WRONG_LOG
          || next->verdict == PP_VERDICT_UNSEALED);
    ensures other: !\result && \old(next->has_header) != 0 ==>
      (next->verdict == PP_VERDICT_WRONG_LOG <==> !pp_same_ledger{Pre}(previous, next)); */
PP_MUST_CHECK bool pp_segment_follows(const struct pp_check_result *previous,
                                      struct pp_check_result *next, bool last);
/* Whether `next`, the last segment, is one that a crash left while it was made: its header is not
   whole, nothing stands behind it, and the segment before is still open. */
/*@ requires \valid_read(previous) && \valid_read(next);
    assigns \nothing;
    ensures \result <==> pp_unmade(previous, next); */
bool pp_segment_is_unmade(const struct pp_check_result *previous,
                          const struct pp_check_result *next);

#endif
