/* SPDX-License-Identifier: MIT */
/* Checks one segment from its header to its last seal: form, order, tags, roots, MACs.  The place
   and the kind of the first defect are the result (docs/ledger.md, "Verdicts").  The segment comes
   in pieces, so that a check holds a piece of it in memory and not the whole. */

#include "ledger_internal.h"

#include <string.h>

#include "../base/base.h"

/* A removed seal shows when later entries carry tags of later epochs; so many are tried. */
enum { EPOCHS_TRIED_AHEAD = 8 };

static bool fail(struct pp_segment_checker *c, enum pp_verdict verdict, uint64_t seq, size_t offset,
                 const char *reason)
{
    c->out->verdict = verdict;
    c->out->first_bad_seq = seq;
    c->out->bad_offset = offset;
    c->out->reason = reason;
    return false;
}

size_t pp_segment_used_bytes(struct pp_bytes data)
{
    static const uint8_t zeros[256];
    size_t end = data.len;
    while (end >= sizeof zeros && memcmp(data.data + end - sizeof zeros, zeros, sizeof zeros) == 0)
        end -= sizeof zeros;
    while (end > 0 && data.data[end - 1] == 0)
        end--;
    return end;
}

static void note_root(struct pp_segment_checker *c, uint64_t size, const struct pp_digest *root)
{
    for (size_t i = 0; i < PP_CHECK_SIZES; i++) {
        if (c->in->sizes[i] == size && !c->out->root_found[i]) {
            c->out->roots[i] = *root;
            c->out->root_found[i] = true;
        }
    }
}

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

static void next_epoch(struct pp_segment_checker *c)
{
    c->out->next_epoch++;
    if (c->in->seed == NULL)
        return;
    pp_ratchet_step(&c->scratch->ratchet);
    pp_epoch_keys_init(&c->scratch->keys, &c->scratch->ratchet);
}

/* More seals than this don't fit into a segment, so that it advances the epoch by less. */
enum { SEALS_PER_SEGMENT_MAX = (1 << 30) / PP_SEAL_FRAME_BYTES * 2 };

/* Segment 0 starts from nothing, and the others can't be far ahead: a flipped bit of an epoch must
   not keep the ratchet busy. */
static bool is_plausible(const struct pp_segment_header *header)
{
    static const struct pp_tag no_tag;
    if (header->epoch / SEALS_PER_SEGMENT_MAX > header->segment || header->first_seq > INT64_MAX)
        return false;
    return header->segment != 0 ||
           (header->epoch == 0 && header->first_seq == 0 && pp_tag_equal(&header->tag, &no_tag));
}

/* The keys of the epoch, which the checker has entered; NULL when they are not at hand. */
static const struct pp_epoch_keys *keys_of(const struct pp_segment_checker *c, uint64_t epoch)
{
    const struct pp_check_epoch *known = c->in->epoch;
    if (c->in->seed != NULL)
        return &c->scratch->keys;
    bool same = known != NULL && known->epoch == epoch &&
                pp_digest_equal(&known->log_id, &c->out->header.log_id);
    return same ? &known->keys : NULL;
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
        return fail(c, PP_VERDICT_MODIFIED, PP_NO_SEQ, 0, "the segment header is damaged");
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
    note_root(c, out->header.first_seq, &root);
    if (c->in->seed != NULL)
        enter_header_epoch(c, out->header.epoch);
    const struct pp_epoch_keys *keys = keys_of(c, out->header.epoch);
    out->header_mac_checked = keys != NULL;
    out->header_mac_valid = keys != NULL && pp_segment_header_mac_valid(frame.content, &keys->seal);
    return true;
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
    const struct pp_epoch_keys *keys = keys_of(c, c->out->next_epoch);
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
            return fail(c, PP_VERDICT_MODIFIED, first + bad, s->offsets[bad],
                        "the entry does not have the tag that the key gives it");
    }
    c->checked_tag = s->stored_tags[n - 1];
    if (pp_merkle_tree_append(&c->tree, c->in->engine, s->leaves, n, c->in->sink) != PP_OK)
        return fail(c, PP_VERDICT_UNREADABLE, PP_NO_SEQ, c->at, "no room for the index");
    return true;
}

/* Checks the pending entries: tags and tree up to the first counter that does not follow. */
static bool check_batch(struct pp_segment_checker *c)
{
    const struct pp_check_scratch *s = c->scratch;
    uint64_t first = c->next_seq - c->pending;
    size_t n = c->pending, followed = pp_seq_check(first, s->seqs, n);
    c->pending = 0;
    if (!check_tags(c, first, followed))
        return false;
    if (followed == n)
        return true;
    return fail(c, PP_VERDICT_MODIFIED, first + followed, s->offsets[followed],
                s->seqs[followed] > first + followed ? "entries are missing before this place"
                                                     : "an entry appears again, or out of order");
}

static bool note_offset(struct pp_segment_checker *c)
{
    if (c->in->index_offsets == NULL || c->next_seq % PP_INDEX_BLOCK_ENTRIES != 0)
        return true;
    if (c->offsets_found == c->in->index_offsets_cap)
        return fail(c, PP_VERDICT_UNREADABLE, PP_NO_SEQ, c->at, "no room for the index");
    c->in->index_offsets[c->offsets_found++] = c->at;
    return true;
}

static bool take_entry(struct pp_segment_checker *c, const struct pp_frame *frame)
{
    struct pp_entry entry;
    if (pp_entry_decode(frame->content, &entry) != PP_OK) {
        if (!check_batch(c))
            return false;
        return fail(c, PP_VERDICT_MODIFIED, c->next_seq, c->at,
                    "the entry is not a valid encoding");
    }
    if (!note_offset(c))
        return false;
    struct pp_check_scratch *s = c->scratch;
    s->prefixed[c->pending] = pp_frame_prefixed(frame);
    memcpy(s->stored_tags[c->pending].b, frame->tag, PP_TAG_BYTES);
    s->seqs[c->pending] = entry.seq;
    s->offsets[c->pending] = c->at;
    c->pending++;
    c->next_seq++;
    memcpy(c->tag.b, frame->tag, PP_TAG_BYTES);
    c->out->references += entry.kind == PP_ENTRY_REFERENCE;
    return c->pending < PP_CHECK_BATCH || check_batch(c);
}

/* ---- Seals ---- */

/* A rotation's header bears the rotation's epoch, so that the first seal after it has the next one;
   segment 0 and a recovery start with the header's own. */
static void enter_first_seal(struct pp_segment_checker *c, const struct pp_seal *seal)
{
    if (c->out->header.segment != 0 && seal->kind != PP_SEAL_RECOVERY &&
        c->out->next_epoch == c->out->header.epoch)
        next_epoch(c);
}

static bool check_seal_place(struct pp_segment_checker *c, const struct pp_seal *seal,
                             struct pp_bytes content)
{
    const struct pp_epoch_keys *keys = keys_of(c, seal->epoch);
    bool mac_valid = keys != NULL && pp_seal_mac_valid(content, &keys->seal);
    uint64_t group = c->group_first;
    const struct pp_check_result *out = c->out;
    if (memcmp(seal->log_id.b, out->header.log_id.b, PP_DIGEST_BYTES) != 0)
        return fail(c, PP_VERDICT_WRONG_LOG, group, c->at, "a seal belongs to another ledger");
    if (seal->epoch != out->next_epoch)
        return fail(c, seal->epoch > out->next_epoch ? PP_VERDICT_UNSEALED : PP_VERDICT_MODIFIED,
                    group, c->at,
                    seal->epoch > out->next_epoch ? "a seal is missing before this one"
                                                  : "a seal appears again, or out of order");
    if (keys != NULL && !mac_valid)
        return fail(c, PP_VERDICT_MODIFIED, group, c->at,
                    "the seal was not made with the key of its epoch");
    if (seal->first_seq != group || !pp_tag_equal(&seal->previous_tag, &out->tag))
        return fail(c, mac_valid ? PP_VERDICT_DUPLICATE_WRITER : PP_VERDICT_MODIFIED, group, c->at,
                    "the seal continues another history than the one before it");
    return true;
}

static bool check_seal_content(struct pp_segment_checker *c, const struct pp_seal *seal)
{
    uint64_t group = c->group_first;
    if (seal->next_seq != c->next_seq)
        return fail(c, PP_VERDICT_MODIFIED,
                    seal->next_seq > c->next_seq ? c->next_seq : seal->next_seq, c->at,
                    "the seal covers another number of entries");
    struct pp_digest root = pp_merkle_tree_root(&c->tree);
    if (!pp_digest_equal(&root, &seal->root))
        return fail(c, PP_VERDICT_MODIFIED, group, c->at,
                    "an entry of this group was changed: the tree has another root than its seal");
    if (!pp_tag_equal(&seal->tag, &c->tag))
        return fail(c, PP_VERDICT_MODIFIED, group, c->at, "the group ends with another tag");
    if (seal->kind == PP_SEAL_RECOVERY && c->out->has_seal)
        return fail(c, PP_VERDICT_MODIFIED, group, c->at, "a recovery seal stands in the middle");
    note_root(c, seal->next_seq, &root);
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
    next_epoch(c);
}

static bool take_seal(struct pp_segment_checker *c, const struct pp_frame *frame)
{
    struct pp_seal seal;
    if (pp_seal_decode(frame->content, &seal) != PP_OK) {
        if (!check_batch(c))
            return false;
        return fail(c, PP_VERDICT_MODIFIED, c->group_first, c->at, "the seal is damaged");
    }
    if (!c->out->has_seal && c->group_first == c->next_seq)
        enter_first_seal(c, &seal);
    if (!check_batch(c))
        return false;
    if (!check_seal_place(c, &seal, frame->content) || !check_seal_content(c, &seal))
        return false;
    accept_seal(c, frame, &seal);
    return true;
}

/* ---- Behind the last seal ---- */

enum { SECTOR_BYTES = 512 };

/* A write may have stopped anywhere in a seal that ends in zeros; only its MAC tells whether it
   did. */
static bool seal_is_whole(const struct pp_segment_checker *c, const struct pp_frame *frame,
                          size_t at, const struct pp_seal *seal)
{
    if (at + frame->bytes <= c->tail_used)
        return true;
    const struct pp_epoch_keys *keys = keys_of(c, seal->epoch);
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
static void judge_tail(struct pp_segment_checker *c)
{
    struct pp_check_result *out = c->out;
    if (out->verdict == PP_VERDICT_OK && c->at < out->used_end)
        fail(c, PP_VERDICT_MODIFIED, c->next_seq, c->at, "the record is damaged");
    if (out->verdict == PP_VERDICT_OK)
        return;
    struct pp_seal seal;
    size_t at;
    bool followed_by_seal = find_seal(c, 0, &seal, &at), torn = is_torn(c);
    if (torn && followed_by_seal)
        fail(c, PP_VERDICT_OK, PP_NO_SEQ, 0, "");
    else if (seal_was_removed(c, followed_by_seal))
        fail(c, PP_VERDICT_UNSEALED, c->group_first, out->sealed_end,
             "the seals of these entries were removed");
    else if (torn)
        fail(c, PP_VERDICT_OK, PP_NO_SEQ, 0, "");
}

/* ---- The segment in pieces ---- */

static bool take_frame(struct pp_segment_checker *c, const struct pp_frame *frame)
{
    if (c->out->rotated)
        return fail(c, PP_VERDICT_MODIFIED, c->next_seq, c->at, "records follow a rotation seal");
    switch (frame->type) {
    case PP_FRAME_ENTRY:
        if (!c->out->has_seal && c->next_seq == c->out->header.first_seq)
            enter_first_seal(c, &(struct pp_seal){.kind = PP_SEAL_COMMIT});
        return take_entry(c, frame);
    case PP_FRAME_SEAL:
        return take_seal(c, frame);
    default:
        return fail(c, PP_VERDICT_MODIFIED, c->next_seq, c->at, "a second segment header");
    }
}

void pp_segment_check_begin(struct pp_segment_checker *c, const struct pp_check_input *input,
                            struct pp_check_result *result)
{
    memset(result, 0, sizeof *result);
    *c = (struct pp_segment_checker){.in = input, .out = result, .scratch = input->scratch};
    fail(c, PP_VERDICT_OK, PP_NO_SEQ, 0, "");
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
    return take_frames(c, data) && check_batch(c) && c->at != before;
}

void pp_segment_check_end(struct pp_segment_checker *c, struct pp_bytes tail)
{
    struct pp_check_result *out = c->out;
    c->tail = tail;
    c->tail_used = pp_segment_used_bytes(tail);
    out->used_end = out->sealed_end + c->tail_used;
    if (!out->has_header)
        return;
    judge_tail(c);
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
