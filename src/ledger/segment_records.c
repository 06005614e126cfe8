/* SPDX-License-Identifier: MIT */
/* The records of a segment: entries in batches, whose counters, tags and leaves are checked
   together, and seals. */
#include "segment_steps.h"

#include "../base/base.h"

bool pp_check_fail(struct pp_segment_checker *c, enum pp_verdict verdict, uint64_t seq,
                   size_t offset, const char *reason)
{
    c->out->verdict = verdict;
    c->out->first_bad_seq = seq;
    c->out->bad_offset = offset;
    c->out->reason = reason;
    return false;
}

void pp_check_note_root(struct pp_segment_checker *c, uint64_t size, const struct pp_digest *root)
{
    /*@ loop invariant 0 <= i <= PP_CHECK_SIZES;
        loop invariant \forall integer k; 0 <= k < i ==>
          (c->out->root_found[k] != 0
           <==> c->in->sizes[k] == size || \at(c->out->root_found[k], Pre) != 0);
        loop invariant \forall integer k; i <= k < PP_CHECK_SIZES ==>
          c->out->root_found[k] == \at(c->out->root_found[k], Pre);
        loop assigns i, c->out->roots[0 .. PP_CHECK_SIZES - 1],
          c->out->root_found[0 .. PP_CHECK_SIZES - 1];
        loop variant PP_CHECK_SIZES - i; */
    for (size_t i = 0; i < PP_CHECK_SIZES; i++) {
        if (c->in->sizes[i] == size && !c->out->root_found[i]) {
            c->out->roots[i] = *root;
            c->out->root_found[i] = true;
        }
    }
}

void pp_check_next_epoch(struct pp_segment_checker *c)
{
    c->out->next_epoch++;
    if (c->in->seed == NULL)
        return;
    pp_ratchet_step(&c->scratch->ratchet);
    pp_epoch_keys_init(&c->scratch->keys, &c->scratch->ratchet);
}

const struct pp_epoch_keys *pp_check_keys_of(const struct pp_segment_checker *c, uint64_t epoch)
{
    const struct pp_check_epoch *known = c->in->epoch;
    if (c->in->seed != NULL)
        return &c->scratch->keys;
    bool same = known != NULL && known->epoch == epoch &&
                pp_digest_equal(&known->log_id, &c->out->header.log_id);
    return same ? &known->keys : NULL;
}

/* ---- Entries ---- */

/* The first entry of the batch whose stored tag is not the recomputed one; n when all are good. */
static size_t first_bad_tag(struct pp_segment_checker *c, const struct pp_mac_key *key, size_t n)
{
    struct pp_check_scratch *s = c->scratch;
    for (size_t i = 0; i < n; i++) {
        s->chain[i].key = key;
        s->chain[i].leaf = s->leaves[i];
        if (i == 0)
            s->chain[i].previous = c->checked_tag;
        else
            s->chain[i].previous = s->stored_tags[i - 1];
    }
    return pp_chain_verify(c->in->engine, s->chain, s->stored_tags, n, s->tags);
}

/* Checks the tags of the first n entries of the batch that begins with seq `first`, and takes them
   into the tree. */
static bool check_tags(struct pp_segment_checker *c, uint64_t first, size_t n)
{
    struct pp_check_scratch *s = c->scratch;
    if (n == 0)
        return true;
    pp_leaf_hash_many(c->in->engine, s->prefixed, n, s->leaves);
    const struct pp_epoch_keys *keys = pp_check_keys_of(c, c->out->next_epoch);
    if (keys != NULL) {
        size_t bad = first_bad_tag(c, &keys->tag, n);
        if (bad != 0)
            c->out->first_tag_valid = true;
        if (bad != n) {
            c->has_bad_tag = true;
            c->bad = bad;
            c->before_bad = s->chain[bad].previous;
        }
        if (bad != n)
            return pp_check_fail(c, PP_VERDICT_MODIFIED, first + bad, s->offsets[bad],
                                 "the entry does not have the tag that the key gives it");
    }
    c->checked_tag = s->stored_tags[n - 1];
    if (pp_merkle_tree_append(&c->tree, c->in->engine, s->leaves, n, c->in->sink) != PP_OK)
        return pp_check_fail(c, PP_VERDICT_UNREADABLE, PP_NO_SEQ, c->at, "no room for the index");
    return true;
}

bool pp_check_take_batch(struct pp_segment_checker *c)
{
    const struct pp_check_scratch *s = c->scratch;
    uint64_t first = c->next_seq - c->pending;
    size_t n = c->pending, followed = pp_seq_check(first, s->seqs, n);
    c->pending = 0;
    if (!check_tags(c, first, followed))
        return false;
    if (followed == n)
        return true;
    return pp_check_fail(c, PP_VERDICT_MODIFIED, first + followed, s->offsets[followed],
                         s->seqs[followed] > first + followed
                             ? "entries are missing before this place"
                             : "an entry appears again, or out of order");
}

/*@ requires pp_checker_good(c);
    assigns c->offsets_found, c->in->index_offsets[0 .. c->in->index_offsets_cap - 1],
      c->out->verdict, c->out->first_bad_seq, c->out->bad_offset, c->out->reason;
    ensures room: \result <==> c->in->index_offsets == \null
      || c->next_seq % PP_INDEX_BLOCK_ENTRIES != 0
      || \old(c->offsets_found) < c->in->index_offsets_cap;
    ensures noted: \result && c->in->index_offsets != \null
      && c->next_seq % PP_INDEX_BLOCK_ENTRIES == 0 ==>
      c->offsets_found == \old(c->offsets_found) + 1
      && c->in->index_offsets[\old(c->offsets_found)] == c->at;
    ensures good: \result ==> c->out->verdict == \old(c->out->verdict) && pp_checker_good(c);
    ensures bad: !\result ==> c->out->verdict != PP_VERDICT_OK; */
static bool note_offset(struct pp_segment_checker *c)
{
    if (c->in->index_offsets == NULL || c->next_seq % PP_INDEX_BLOCK_ENTRIES != 0)
        return true;
    if (c->offsets_found == c->in->index_offsets_cap)
        return pp_check_fail(c, PP_VERDICT_UNREADABLE, PP_NO_SEQ, c->at, "no room for the index");
    c->in->index_offsets[c->offsets_found++] = c->at;
    return true;
}

/*@ requires pp_checker_good(c) && c->pending < PP_CHECK_BATCH;
    requires pp_checker_frame(c, frame) && frame->type == PP_FRAME_ENTRY;
    assigns c->scratch->prefixed[c->pending], c->scratch->stored_tags[c->pending],
      c->scratch->seqs[c->pending], c->scratch->offsets[c->pending], c->pending, c->next_seq,
      c->tag;
    ensures counts: c->pending == \old(c->pending) + 1 && c->next_seq == \old(c->next_seq) + 1;
    ensures entry: c->scratch->seqs[\old(c->pending)] == seq
      && c->scratch->offsets[\old(c->pending)] == c->at; */
static void add_entry(struct pp_segment_checker *c, const struct pp_frame *frame, uint64_t seq)
{
    struct pp_check_scratch *s = c->scratch;
    struct pp_tag tag = pp_field_tag(frame->tag, 0);
    s->prefixed[c->pending] = pp_frame_prefixed(frame);
    s->stored_tags[c->pending] = tag;
    s->seqs[c->pending] = seq;
    s->offsets[c->pending] = c->at;
    c->pending++;
    c->next_seq++;
    c->tag = tag;
}

bool pp_check_take_entry(struct pp_segment_checker *c, const struct pp_frame *frame)
{
    struct pp_entry entry;
    if (pp_entry_decode(frame->content, &entry) != PP_OK) {
        if (!pp_check_take_batch(c))
            return false;
        return pp_check_fail(c, PP_VERDICT_MODIFIED, c->next_seq, c->at,
                             "the entry is not a valid encoding");
    }
    if (!note_offset(c))
        return false;
    add_entry(c, frame, entry.seq);
    c->out->references += entry.kind == PP_ENTRY_REFERENCE;
    return c->pending < PP_CHECK_BATCH || pp_check_take_batch(c);
}

/* ---- Seals ---- */

void pp_check_enter_first_seal(struct pp_segment_checker *c, const struct pp_seal *seal)
{
    if (c->out->header.segment != 0 && seal->kind != PP_SEAL_RECOVERY &&
        c->out->next_epoch == c->out->header.epoch)
        pp_check_next_epoch(c);
}

/*@ // But for the MAC.
    predicate pp_seal_place_is_valid{L}(struct pp_check_result *out, integer group_first,
                                        struct pp_seal *seal) =
      (\forall integer i; 0 <= i < 32 ==> seal->log_id.b[i] == out->header.log_id.b[i])
      && seal->epoch == out->next_epoch && seal->first_seq == group_first
      && (\forall integer i; 0 <= i < 16 ==> seal->previous_tag.b[i] == out->tag.b[i]);
    // The root is that of the tree with the group.
    predicate pp_seal_content_is_valid{L}(struct pp_segment_checker *c, struct pp_seal *seal) =
      seal->next_seq == c->next_seq
      && pp_digest_same(pp_fold_peaks(&c->tree.peaks[0], 0, c->tree.size), seal->root)
      && (\forall integer i; 0 <= i < 16 ==> seal->tag.b[i] == c->tag.b[i])
      && !(seal->kind == PP_SEAL_RECOVERY && c->out->has_seal != 0); */
/*@ requires pp_checker_parts(c) && \valid_read(seal) && pp_bytes_readable(content);
    assigns c->out->verdict, c->out->first_bad_seq, c->out->bad_offset, c->out->reason;
    ensures sound: \result ==> pp_seal_place_is_valid{Pre}(c->out, c->group_first, seal);
    ensures good: \result ==> c->out->verdict == \old(c->out->verdict);
    ensures bad: !\result ==> c->out->verdict != PP_VERDICT_OK; */
static bool check_seal_place(struct pp_segment_checker *c, const struct pp_seal *seal,
                             struct pp_bytes content)
{
    const struct pp_epoch_keys *keys = pp_check_keys_of(c, seal->epoch);
    bool mac_valid = keys != NULL && pp_seal_mac_valid(content, &keys->seal);
    uint64_t group = c->group_first;
    const struct pp_check_result *out = c->out;
    if (!pp_digest_equal(&seal->log_id, &out->header.log_id))
        return pp_check_fail(c, PP_VERDICT_WRONG_LOG, group, c->at,
                             "a seal belongs to another ledger");
    if (seal->epoch != out->next_epoch)
        return pp_check_fail(
            c, seal->epoch > out->next_epoch ? PP_VERDICT_UNSEALED : PP_VERDICT_MODIFIED, group,
            c->at,
            seal->epoch > out->next_epoch ? "a seal is missing before this one"
                                          : "a seal appears again, or out of order");
    if (keys != NULL && !mac_valid)
        return pp_check_fail(c, PP_VERDICT_MODIFIED, group, c->at,
                             "the seal was not made with the key of its epoch");
    if (seal->first_seq != group || !pp_tag_equal(&seal->previous_tag, &out->tag))
        return pp_check_fail(c, mac_valid ? PP_VERDICT_DUPLICATE_WRITER : PP_VERDICT_MODIFIED,
                             group, c->at,
                             "the seal continues another history than the one before it");
    return true;
}

/*@ requires pp_checker_parts(c) && \valid_read(seal);
    assigns c->out->roots[0 .. PP_CHECK_SIZES - 1], c->out->root_found[0 .. PP_CHECK_SIZES - 1],
      c->out->verdict, c->out->first_bad_seq, c->out->bad_offset, c->out->reason;
    ensures sound: \result ==> pp_seal_content_is_valid{Pre}(c, seal);
    ensures good: \result ==> c->out->verdict == \old(c->out->verdict);
    ensures bad: !\result ==> c->out->verdict != PP_VERDICT_OK; */
static bool check_seal_content(struct pp_segment_checker *c, const struct pp_seal *seal)
{
    uint64_t group = c->group_first;
    if (seal->next_seq != c->next_seq)
        return pp_check_fail(c, PP_VERDICT_MODIFIED,
                             seal->next_seq > c->next_seq ? c->next_seq : seal->next_seq, c->at,
                             "the seal covers another number of entries");
    struct pp_digest root = pp_merkle_tree_root(&c->tree);
    if (!pp_digest_equal(&root, &seal->root))
        return pp_check_fail(
            c, PP_VERDICT_MODIFIED, group, c->at,
            "an entry of this group was changed: the tree has another root than its seal");
    if (!pp_tag_equal(&seal->tag, &c->tag))
        return pp_check_fail(c, PP_VERDICT_MODIFIED, group, c->at,
                             "the group ends with another tag");
    if (seal->kind == PP_SEAL_RECOVERY && c->out->has_seal)
        return pp_check_fail(c, PP_VERDICT_MODIFIED, group, c->at,
                             "a recovery seal stands in the middle");
    pp_check_note_root(c, seal->next_seq, &root);
    return true;
}

static void accept_seal(struct pp_segment_checker *c, const struct pp_frame *frame,
                        const struct pp_seal *seal)
{
    struct pp_check_result *out = c->out;
    if (!out->has_seal)
        out->first_seal = *seal;
    else if (seal->realtime_ns < out->last_seal.realtime_ns)
        out->clock_steps++;
    out->has_seal = true;
    out->last_seal = *seal;
    out->last_seal_digest = pp_sha256(frame->content);
    out->rotated = seal->kind == PP_SEAL_ROTATION;
    if (seal->kind == PP_SEAL_PRUNE)
        out->last_prune = seal->detail_number;
    out->seals++;
    out->entries = seal->next_seq - out->header.first_seq;
    out->tree = c->tree;
    out->tag = c->tag;
    out->index_offset_count = c->offsets_found;
    out->last_group = out->sealed_end;
    out->sealed_end = c->at + frame->bytes;
    c->group_first = seal->next_seq;
    pp_check_next_epoch(c);
}

bool pp_check_take_seal(struct pp_segment_checker *c, const struct pp_frame *frame)
{
    struct pp_seal seal;
    if (pp_seal_decode(frame->content, &seal) != PP_OK) {
        if (!pp_check_take_batch(c))
            return false;
        return pp_check_fail(c, PP_VERDICT_MODIFIED, c->group_first, c->at, "the seal is damaged");
    }
    if (!c->out->has_seal && c->group_first == c->next_seq)
        pp_check_enter_first_seal(c, &seal);
    if (!pp_check_take_batch(c))
        return false;
    if (!check_seal_place(c, &seal, frame->content) || !check_seal_content(c, &seal))
        return false;
    accept_seal(c, frame, &seal);
    return true;
}
