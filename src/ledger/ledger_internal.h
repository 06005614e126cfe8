/* SPDX-License-Identifier: MIT */
/* The ledger's core as src/store and the tests see it: frames, seals, headers, the key ratchet, the
   tree, the index; segment_internal.h has the check of a segment.  docs/format/ledger.md has the
   bytes.  No malloc, I/O, clock or globals. */
#ifndef PP_LEDGER_INTERNAL_H
#define PP_LEDGER_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <postproof/ledger.h>
#include <postproof/note.h>

#include "../base/base.h"
#include "../base/hash.h"
#include "field.h"
#include "merkle_internal.h"

/* ---- Frames (section 2) -------------------------------------------------------------------- */

enum {
    PP_FRAME_END = 0,
    PP_FRAME_ENTRY = 'E',
    PP_FRAME_HEADER = 'H',
    PP_FRAME_SEAL = 'S',
    PP_FRAME_HEAD_BYTES = 4,
    PP_FRAME_BYTES_MAX = PP_FRAME_HEAD_BYTES + PP_ENTRY_BYTES_MAX + PP_TAG_BYTES
};

struct pp_frame {
    uint8_t type;
    struct pp_bytes content;
    const uint8_t *tag; /* PP_TAG_BYTES behind an entry's content, else NULL */
    size_t bytes;       /* the whole frame */
};

/* What a frame is: bytes bytes at p, of n there are, whose content is c bytes at p + 4. */
/*@ logic integer pp_frame_tag_bytes(integer type) = type == PP_FRAME_ENTRY ? PP_TAG_BYTES : 0;

    predicate pp_frame_is{L}(uint8_t *p, integer n, integer type, integer c) =
      4 + c + pp_frame_tag_bytes(type) <= n && 0 < c
      && (type == PP_FRAME_ENTRY || type == PP_FRAME_HEADER || type == PP_FRAME_SEAL)
      && p[0] == type && pp_be16(p + 1) == c && p[3] == 0; */

/* The frame at the start of data.  PP_OK; PP_ERROR_NOT_FOUND at an end mark or empty data;
   PP_ERROR_FORMAT. */
/*@ requires pp_bytes_readable(data) && \valid(frame);
    requires \separated(frame, data.data + (0 .. data.len - 1));
    assigns *frame;
    ensures errors: \result == PP_OK || \result == PP_ERROR_NOT_FOUND
      || \result == PP_ERROR_FORMAT;
    ensures end: \result == PP_ERROR_NOT_FOUND <==>
      data.len == 0 || \at(data.data[0], Pre) == PP_FRAME_END;
    ensures sound: \result == PP_OK ==>
      pp_frame_is{Pre}(data.data, data.len, frame->type, frame->content.len);
    ensures complete: \forall integer t, c;
      pp_frame_is{Pre}(data.data, data.len, t, c) ==> \result == PP_OK;
    ensures views: \result == PP_OK ==> frame->content.data == data.data + 4
      && frame->bytes == 4 + frame->content.len + pp_frame_tag_bytes(frame->type)
      && (frame->type == PP_FRAME_ENTRY
          ? frame->tag == data.data + (4 + frame->content.len) : frame->tag == \null);
    ensures failed: \result != PP_OK ==> *frame == \old(*frame); */
PP_MUST_CHECK enum pp_error pp_frame_read(struct pp_bytes data, struct pp_frame *frame);
/* Writes type, length and the leaf prefix at out[4]. */
/*@ requires \valid(out + (0 .. 3));
    assigns out[0 .. 3];
    ensures out[0] == type && pp_be16(out + 1) == content_bytes && out[3] == 0; */
void pp_frame_put_head(uint8_t *out, uint8_t type, uint16_t content_bytes);
/* The content with the 0x00 before it: the input of the leaf hash. */
/*@ requires \valid_read(frame) && frame->content.len < SIZE_MAX;
    assigns \nothing;
    ensures \result.data == frame->content.data - 1 && \result.len == frame->content.len + 1; */
struct pp_bytes pp_frame_prefixed(const struct pp_frame *frame);

/* ---- Key ratchet (section 7) --------------------------------------------------------------- */

enum { PP_EPOCHS_PER_BLOCK = 4096, PP_KEY_ID_BYTES = 16 };
/* A forged epoch must not keep a verifier busy: reaching the largest takes seconds. */
#define PP_EPOCH_MAX ((UINT64_C(1) << 36) - 1)

/* State of one epoch.  Lives in memory of pp_os_secret_alloc. */
struct pp_ratchet {
    uint64_t epoch;
    struct pp_digest outer; /* S(block + 1) */
    struct pp_digest inner; /* K(epoch) */
};

void pp_ratchet_init(struct pp_ratchet *ratchet, const struct pp_digest *seed);
/* To the next epoch; the old key is overwritten. */
void pp_ratchet_step(struct pp_ratchet *ratchet);
/* To a later epoch in O(epochs / 4096 + 4096); PP_ERROR_ARGUMENT when it lies behind. */
PP_MUST_CHECK enum pp_error pp_ratchet_forward(struct pp_ratchet *ratchet, uint64_t epoch);

struct pp_epoch_keys {
    struct pp_mac_key tag, seal;
};
void pp_epoch_keys_init(struct pp_epoch_keys *keys, const struct pp_ratchet *ratchet);

/* ---- Seals and headers (section 6) --------------------------------------------------------- */

enum pp_seal_kind { PP_SEAL_COMMIT = 1, PP_SEAL_RECOVERY, PP_SEAL_ROTATION, PP_SEAL_PRUNE };

struct pp_seal {
    uint8_t kind;
    struct pp_digest log_id;
    uint64_t epoch, first_seq, next_seq;
    struct pp_digest root;
    struct pp_tag previous_tag, tag;
    uint64_t realtime_ns, monotonic_ns;
    uint8_t boot_id[16];
    uint64_t detail_number;
    struct pp_digest detail_hash;
    struct pp_digest mac;
};

enum { PP_SEAL_BYTES = 226, PP_SEAL_FRAME_BYTES = PP_FRAME_HEAD_BYTES + PP_SEAL_BYTES };
/* The table of section 6, byte by byte, for the content of a seal at p: each part for a few fields,
   then all of it.  Seals stand here as values, not as memory. */
/*@ predicate pp_seal_front{L}(uint8_t *p, struct pp_seal s) =
      p[0] == 1 && p[1] == s.kind && pp_digest_at(p, 2, s.log_id);
    predicate pp_seal_range{L}(uint8_t *p, struct pp_seal s) =
      pp_u64_at(p, 34, s.epoch) && pp_u64_at(p, 42, s.first_seq)
      && pp_u64_at(p, 50, s.next_seq);
    predicate pp_seal_state{L}(uint8_t *p, struct pp_seal s) =
      pp_digest_at(p, 58, s.root) && pp_tag_at(p, 90, s.previous_tag)
      && pp_tag_at(p, 106, s.tag);
    predicate pp_seal_clocks{L}(uint8_t *p, struct pp_seal s) =
      pp_u64_at(p, 122, s.realtime_ns) && pp_u64_at(p, 130, s.monotonic_ns)
      && \forall integer i; 138 <= i < 154 ==> p[i] == s.boot_id[i - 138];
    predicate pp_seal_detail{L}(uint8_t *p, struct pp_seal s) =
      pp_u64_at(p, 154, s.detail_number) && pp_digest_at(p, 162, s.detail_hash);
    // Up to the root, the clocks, the detail; what the MAC covers; with the MAC.
    predicate pp_seal_to_root{L}(uint8_t *p, struct pp_seal s) =
      pp_seal_front(p, s) && pp_seal_range(p, s);
    predicate pp_seal_to_clocks{L}(uint8_t *p, struct pp_seal s) =
      pp_seal_to_root(p, s) && pp_seal_state(p, s);
    predicate pp_seal_to_detail{L}(uint8_t *p, struct pp_seal s) =
      pp_seal_to_clocks(p, s) && pp_seal_clocks(p, s);
    predicate pp_seal_fields{L}(uint8_t *p, struct pp_seal s) =
      pp_seal_to_detail(p, s) && pp_seal_detail(p, s);
    predicate pp_seal_at{L}(uint8_t *p, struct pp_seal s) =
      pp_seal_fields(p, s) && pp_digest_at(p, 194, s.mac);
    // Two seals are the same but for the MAC.
    predicate pp_seal_same_fields(struct pp_seal a, struct pp_seal b) =
      a.kind == b.kind && pp_digest_same(a.log_id, b.log_id) && a.epoch == b.epoch
      && a.first_seq == b.first_seq && a.next_seq == b.next_seq && pp_digest_same(a.root, b.root)
      && (\forall integer i; 0 <= i < 16 ==> a.previous_tag.b[i] == b.previous_tag.b[i]
            && a.tag.b[i] == b.tag.b[i] && a.boot_id[i] == b.boot_id[i])
      && a.realtime_ns == b.realtime_ns && a.monotonic_ns == b.monotonic_ns
      && a.detail_number == b.detail_number && pp_digest_same(a.detail_hash, b.detail_hash);

    // Which contents a decoder accepts: version, ranges, and the table "Kind".
    predicate pp_seal_kind_fits{L}(uint8_t *p) =
      p[1] == PP_SEAL_COMMIT
      ? pp_be64(p + 50) != pp_be64(p + 42) && pp_be64(p + 154) == 0
        && pp_zero(p + 162, 32)
      : pp_be64(p + 50) == pp_be64(p + 42)
        && (p[1] == PP_SEAL_RECOVERY || p[1] == PP_SEAL_ROTATION
            || (p[1] == PP_SEAL_PRUNE && pp_zero(p + 162, 32)));
    predicate pp_seal_accepted{L}(uint8_t *p, integer len) =
      len == PP_SEAL_BYTES && p[0] == 1 && pp_be64(p + 42) <= pp_be64(p + 50) <= INT64_MAX
      && pp_be64(p + 34) <= PP_EPOCH_MAX && pp_seal_kind_fits(p); */
/* Encodes and MACs: fills seal->mac and a whole frame at out[PP_SEAL_FRAME_BYTES]. */
/*@ requires \valid(seal) && \valid_read(key) && \valid(out + (0 .. PP_SEAL_FRAME_BYTES - 1));
    requires \separated(out + (0 .. PP_SEAL_FRAME_BYTES - 1), seal, key);
    assigns out[0 .. PP_SEAL_FRAME_BYTES - 1], *seal;
    ensures frame: pp_head_at(out, PP_FRAME_SEAL, PP_SEAL_BYTES);
    ensures content: pp_seal_at(out + 4, *seal);
    ensures same: pp_seal_same_fields(*seal, \old(*seal)); */
void pp_seal_write(struct pp_seal *seal, const struct pp_mac_key *key, uint8_t *out);
/* Decodes a seal's content; checks the form (version, kind, details, ranges), not the MAC. */
/*@ requires pp_bytes_readable(content) && \valid(seal);
    requires \separated(seal, content.data + (0 .. content.len - 1));
    assigns *seal;
    ensures accepts: \result == PP_OK <==> pp_seal_accepted{Pre}(content.data, content.len);
    ensures fields: \result == PP_OK ==> pp_seal_at(content.data, *seal);
    ensures errors: \result == PP_OK || \result == PP_ERROR_FORMAT;
    ensures failed: \result != PP_OK ==> *seal == \old(*seal); */
PP_MUST_CHECK enum pp_error pp_seal_decode(struct pp_bytes content, struct pp_seal *seal);
/*@ requires pp_bytes_readable(content) && \valid_read(key);
    assigns \nothing; */
bool pp_seal_mac_valid(struct pp_bytes content, const struct pp_mac_key *key);

struct pp_segment_header {
    struct pp_digest log_id;
    uint8_t key_id[PP_KEY_ID_BYTES];
    uint64_t segment, epoch, first_seq;
    struct pp_tag tag;
    uint64_t realtime_ns;
    struct pp_bytes origin; /* borrowed */
    size_t peak_count;
    struct pp_digest peaks[64];
};
enum {
    PP_SEGMENT_HEADER_BYTES_MAX = 99 + PP_ORIGIN_BYTES_MAX + 64 * 32 + 32,
    PP_SEGMENT_HEADER_FRAME_BYTES_MAX = PP_FRAME_HEAD_BYTES + PP_SEGMENT_HEADER_BYTES_MAX
};
/* Its table, byte by byte, for the content of a header at p. */
/*@ predicate pp_header_front{L}(uint8_t *p, struct pp_segment_header h) =
      p[0] == 1 && pp_digest_at(p, 1, h.log_id)
      && \forall integer i; 33 <= i < 49 ==> p[i] == h.key_id[i - 33];
    predicate pp_header_place{L}(uint8_t *p, struct pp_segment_header h) =
      pp_u64_at(p, 49, h.segment) && pp_u64_at(p, 57, h.epoch) && pp_u64_at(p, 65, h.first_seq);
    predicate pp_header_state{L}(uint8_t *p, struct pp_segment_header h) =
      pp_tag_at(p, 73, h.tag) && pp_u64_at(p, 89, h.realtime_ns);
    predicate pp_header_fixed{L}(uint8_t *p, struct pp_segment_header h) =
      pp_header_front(p, h) && pp_header_place(p, h) && pp_header_state(p, h);
    predicate pp_header_origin{L}(uint8_t *p, struct pp_bytes origin) =
      p[97] == origin.len
      && \forall integer i; 98 <= i < 98 + origin.len ==> p[i] == origin.data[i - 98];
    // The first n peaks one after the other.
    predicate pp_header_peaks{L}(uint8_t *p, struct pp_segment_header h, integer n) =
      \forall integer k, i; 0 <= k < n && 0 <= i < 32 ==> p[32 * k + i] == h.peaks[k].b[i];
    predicate pp_header_at{L}(uint8_t *p, struct pp_segment_header h) =
      pp_header_fixed(p, h) && pp_header_origin(p, h.origin)
      && p[98 + h.origin.len] == h.peak_count
      && pp_header_peaks(p + (99 + h.origin.len), h, h.peak_count);
    logic integer pp_header_len(struct pp_segment_header h) =
      131 + h.origin.len + 32 * h.peak_count;

    // Which contents a decoder accepts: version, ranges, and the one length for what it claims.
    predicate pp_header_accepted{L}(uint8_t *p, integer len) =
      131 <= len && p[0] == 1 && 0 < p[97] <= len - 131
      && pp_be64(p + 65) <= INT64_MAX && pp_be64(p + 57) <= PP_EPOCH_MAX
      && p[98 + p[97]] == pp_bits(pp_be64(p + 65))
      && len == 131 + p[97] + 32 * p[98 + p[97]]; */
/* A whole frame; returns its length.  out has PP_SEGMENT_HEADER_FRAME_BYTES_MAX. */
/*@ requires \valid_read(header) && \valid_read(key);
    requires \valid(out + (0 .. PP_SEGMENT_HEADER_FRAME_BYTES_MAX - 1));
    requires 0 < header->origin.len <= PP_ORIGIN_BYTES_MAX && header->peak_count <= 64;
    requires pp_bytes_readable(header->origin);
    requires \separated(out + (0 .. PP_SEGMENT_HEADER_FRAME_BYTES_MAX - 1), header, key);
    requires \separated(out + (0 .. PP_SEGMENT_HEADER_FRAME_BYTES_MAX - 1),
                        header->origin.data + (0 .. header->origin.len - 1));
    assigns out[0 .. PP_SEGMENT_HEADER_FRAME_BYTES_MAX - 1];
    ensures length: \result == PP_FRAME_HEAD_BYTES + pp_header_len(\old(*header));
    ensures frame: pp_head_at(out, PP_FRAME_HEADER, pp_header_len(\old(*header)));
    ensures content: pp_header_at(out + 4, \old(*header)); */
size_t pp_segment_header_write(const struct pp_segment_header *header, const struct pp_mac_key *key,
                               uint8_t *out);
/* Decodes a header's content; checks the form, not the MAC.  The origin borrows from content. */
/*@ requires pp_bytes_readable(content) && \valid(header);
    requires \separated(header, content.data + (0 .. content.len - 1));
    assigns *header;
    ensures errors: \result == PP_OK || \result == PP_ERROR_FORMAT;
    ensures accepts: \result == PP_OK <==> pp_header_accepted{Pre}(content.data, content.len);
    ensures fields: \result == PP_OK ==> pp_header_at(content.data, *header);
    ensures whole: \result == PP_OK ==> content.len == pp_header_len(*header);
    ensures origin: \result == PP_OK ==> header->origin.data == content.data + 98;
    ensures ranges: \result == PP_OK ==> header->first_seq <= INT64_MAX
      && header->epoch <= PP_EPOCH_MAX && header->peak_count <= 64
      && header->peak_count == pp_bits(header->first_seq);
    ensures failed: \result != PP_OK ==> *header == \old(*header); */
PP_MUST_CHECK enum pp_error pp_segment_header_decode(struct pp_bytes content,
                                                     struct pp_segment_header *header);
/*@ requires pp_bytes_readable(content) && \valid_read(key);
    assigns \nothing; */
bool pp_segment_header_mac_valid(struct pp_bytes content, const struct pp_mac_key *key);

struct pp_digest pp_log_id(const uint8_t key_id[PP_KEY_ID_BYTES], const uint8_t public_key[32],
                           struct pp_bytes origin);

/* ---- Key files (section 7) ----------------------------------------------------------------- */

enum { PP_SEALING_SLOT_BYTES = 512, PP_SEALING_FILE_BYTES = 1024 };

struct pp_sealing_state {
    uint8_t key_id[PP_KEY_ID_BYTES];
    struct pp_digest log_id; /* zeros: not bound */
    struct pp_ratchet ratchet;
    struct pp_digest last_seal; /* H(content of the last seal), zeros before the first */
    uint64_t size;              /* tree size at the last seal */
};
void pp_sealing_slot_encode(const struct pp_sealing_state *state,
                            uint8_t out[PP_SEALING_SLOT_BYTES]);
/* PP_ERROR_FORMAT when the slot is empty, torn or damaged. */
PP_MUST_CHECK enum pp_error pp_sealing_slot_decode(const uint8_t slot[PP_SEALING_SLOT_BYTES],
                                                   struct pp_sealing_state *state);
/* The state of a file image: of its valid slots the later one; *slot says which. */
PP_MUST_CHECK enum pp_error pp_sealing_file_decode(const uint8_t file[PP_SEALING_FILE_BYTES],
                                                   struct pp_sealing_state *state, unsigned *slot);

struct pp_verification_key {
    uint8_t key_id[PP_KEY_ID_BYTES];
    struct pp_digest seed;
    uint8_t checkpoint_key[32];
};
enum { PP_VERIFY_KEY_TEXT_BYTES = 512 };
/* Text of verify.key, NUL-terminated; returns its length. */
size_t pp_verification_key_format(const struct pp_verification_key *key,
                                  char out[PP_VERIFY_KEY_TEXT_BYTES]);
PP_MUST_CHECK enum pp_error pp_verification_key_parse(struct pp_bytes text,
                                                      struct pp_verification_key *key);

/* ---- Signing notes ------------------------------------------------------------------------- */

/* A private signing key; secret memory. */
struct pp_note_signer {
    struct pp_note_key key;
    uint8_t seed[32];
};
/* From a random seed; derives the public key.  name and seed may be parts of *signer.
   PP_ERROR_ARGUMENT for a name that is none, PP_ERROR_CRYPTO. */
PP_MUST_CHECK enum pp_error pp_note_signer_init(struct pp_note_signer *signer, const char *name,
                                                const uint8_t seed[32]);
/* "PRIVATE+KEY+name+hash+base64"; out has PP_NOTE_KEY_TEXT_BYTES. */
void pp_note_signer_format(const struct pp_note_signer *signer, char *out);
PP_MUST_CHECK enum pp_error pp_note_signer_parse(struct pp_bytes text,
                                                 struct pp_note_signer *signer);
/* Any signed note: text, which must end in '\n', a blank line and one signature.
   PP_ERROR_ARGUMENT: text is not UTF-8 or has control characters; PP_ERROR_NO_SPACE. */
PP_MUST_CHECK enum pp_error pp_note_sign(const struct pp_note_signer *signer, struct pp_bytes text,
                                         char *out, size_t cap, size_t *len);
/* The text of a note that key signed, borrowed from note; errors as for pp_checkpoint_open. */
PP_MUST_CHECK enum pp_error pp_note_open(struct pp_bytes note, const struct pp_note_key *key,
                                         struct pp_bytes *text);
/* Signs a checkpoint for signer->key.name; out has PP_CHECKPOINT_BYTES_MAX, *len without NUL. */
PP_MUST_CHECK enum pp_error pp_checkpoint_sign(const struct pp_note_signer *signer, uint64_t size,
                                               const struct pp_digest *root, char *out,
                                               size_t *len);

/* Adds the cosignature of a witness, whose key is signer's, behind the checkpoint's signatures.
   time_s is in seconds since 1970.  PP_ERROR_FORMAT; PP_ERROR_ARGUMENT: time_s beyond 2^63 - 1;
   PP_ERROR_TOO_LARGE; PP_ERROR_NO_SPACE. */
PP_MUST_CHECK enum pp_error pp_checkpoint_cosign(const struct pp_note_signer *signer,
                                                 struct pp_bytes note, uint64_t time_s, char *out,
                                                 size_t cap, size_t *len);

/* ---- Index of a closed segment (section 8) -------------------------------------------------- */

enum { PP_INDEX_BLOCK_ENTRIES = 64, PP_INDEX_HEAD_BYTES = 32 };

/* The parts of an index; the arrays are the caller's. */
struct pp_segment_index {
    uint64_t first_seq, next_seq;
    const uint8_t *offsets; /* offset_count times u64 */
    uint64_t offset_count;
    const uint8_t *nodes; /* node_count times PP_DIGEST_BYTES */
    uint64_t node_count;
};
/*@ logic integer pp_index_blocks_before(integer seq) = (seq + 63) / 64;

    // How many offsets and nodes the index of the entries first .. next - 1 has, and its length.
    logic integer pp_index_offsets(integer first, integer next) =
      pp_index_blocks_before(next) - pp_index_blocks_before(first);
    logic integer pp_index_nodes(integer first, integer next) =
      pp_nodes_over(next / 64) - pp_nodes_over(first / 64);
    logic integer pp_index_len(integer first, integer next) =
      32 + 8 * pp_index_offsets(first, next) + 32 * pp_index_nodes(first, next);

    // "PPINDEX1" and three numbers; n offsets; n digests.
    predicate pp_index_head{L}(uint8_t *p, integer first, integer next) =
      pp_be64(p) == 0x5050494e44455831 && pp_be64(p + 8) == first && pp_be64(p + 16) == next
      && pp_be64(p + 24) == pp_index_offsets(first, next);
    predicate pp_offsets_at{L}(uint8_t *p, uint64_t *offsets, integer n) =
      \forall integer k; 0 <= k < n ==> pp_be64(p + 8 * k) == offsets[k];
    predicate pp_digests_at{L}(uint8_t *p, struct pp_digest *digests, integer n) =
      \forall integer k, i; 0 <= k < n && 0 <= i < 32 ==> p[32 * k + i] == digests[k].b[i];

    // An index whose arrays are as long as its numbers say.
    predicate pp_index_is_valid{L}(struct pp_segment_index *x) =
      x->first_seq <= x->next_seq <= INT64_MAX
      && x->offset_count
         == pp_index_blocks_before(x->next_seq) - pp_index_blocks_before(x->first_seq)
      && x->offset_count <= SIZE_MAX / 8 && x->node_count <= SIZE_MAX / 32
      && \valid_read(x->offsets + (0 .. 8 * x->offset_count - 1))
      && \valid_read(x->nodes + (0 .. 32 * x->node_count - 1)); */

/* Sizes that a segment with these seqs has. */
/*@ requires first_seq <= next_seq;
    assigns \nothing;
    ensures \result == pp_index_blocks_before(next_seq) - pp_index_blocks_before(first_seq); */
uint64_t pp_index_offset_count(uint64_t first_seq, uint64_t next_seq);
/*@ requires first_seq <= next_seq;
    assigns \nothing;
    ensures \result == pp_index_nodes(first_seq, next_seq); */
uint64_t pp_index_node_count(uint64_t first_seq, uint64_t next_seq);
/*@ requires first_seq <= next_seq <= INT64_MAX;
    assigns \nothing;
    ensures \result == pp_index_len(first_seq, next_seq); */
size_t pp_index_bytes(uint64_t first_seq, uint64_t next_seq);
/* Writes pp_index_bytes at out. */
/*@ requires first_seq <= next_seq <= INT64_MAX;
    requires \valid(out + (0 .. pp_index_len(first_seq, next_seq) - 1));
    requires \valid_read(offsets + (0 .. pp_index_offsets(first_seq, next_seq) - 1));
    requires \valid_read(nodes + (0 .. pp_index_nodes(first_seq, next_seq) - 1));
    requires \separated(out + (0 .. pp_index_len(first_seq, next_seq) - 1),
                        offsets + (0 .. pp_index_offsets(first_seq, next_seq) - 1));
    requires \separated(out + (0 .. pp_index_len(first_seq, next_seq) - 1),
                        nodes + (0 .. pp_index_nodes(first_seq, next_seq) - 1));
    assigns out[0 .. pp_index_len(first_seq, next_seq) - 1];
    ensures head: pp_index_head(out, first_seq, next_seq);
    ensures offsets: pp_offsets_at(out + 32, offsets, pp_index_offsets(first_seq, next_seq));
    ensures nodes: pp_digests_at(out + (32 + 8 * pp_index_offsets(first_seq, next_seq)), nodes,
                                 pp_index_nodes(first_seq, next_seq)); */
void pp_index_encode(uint64_t first_seq, uint64_t next_seq, const uint64_t *offsets,
                     const struct pp_digest *nodes, uint8_t *out);
/*@ requires pp_bytes_readable(file) && \valid(index);
    requires \separated(index, file.data + (0 .. file.len - 1));
    assigns *index;
    ensures errors: \result == PP_OK || \result == PP_ERROR_FORMAT;
    ensures numbers: \result == PP_OK ==> index->first_seq == pp_be64{Pre}(file.data + 8)
      && index->next_seq == pp_be64{Pre}(file.data + 16)
      && index->offset_count == pp_be64{Pre}(file.data + 24);
    ensures views: \result == PP_OK ==> index->offsets == file.data + 32
      && index->nodes == file.data + (32 + 8 * index->offset_count);
    ensures whole: \result == PP_OK ==>
      file.len == 32 + 8 * index->offset_count + 32 * index->node_count;
    ensures valid: \result == PP_OK ==> pp_index_is_valid(index); */
PP_MUST_CHECK enum pp_error pp_index_decode(struct pp_bytes file, struct pp_segment_index *index);
/* The frame of seq, which is divisible by 64 and in the segment. */
/*@ requires \valid_read(index) && pp_index_is_valid(index);
    requires index->first_seq <= seq < index->next_seq && seq % 64 == 0;
    assigns \nothing;
    ensures \result == pp_be64(index->offsets
      + (seq / 64 - pp_index_blocks_before(index->first_seq)) * 8); */
uint64_t pp_index_offset(const struct pp_segment_index *index, uint64_t seq);
/* The node (height 6 to 63, number in its height, its last leaf below 2^63) when it was completed
   in this segment. */
/*@ requires 6 <= height <= PP_MERKLE_HEIGHT_MAX && number < pp_pow2(63 - height);
    requires \valid_read(index) && pp_index_is_valid(index) && \valid(node);
    requires \separated(node, index);
    requires \separated(node, index->nodes + (0 .. 32 * index->node_count - 1));
    assigns *node;
    ensures found: \result <==>
      0 <= pp_node_position(height, number) - pp_nodes_over(index->first_seq / 64)
        < index->node_count;
    ensures node: \result ==> pp_same(&node->b[0], index->nodes
      + (pp_node_position(height, number) - pp_nodes_over(index->first_seq / 64)) * 32, 32); */
PP_MUST_CHECK bool pp_index_node(const struct pp_segment_index *index, unsigned height,
                                 uint64_t number, struct pp_digest *node);

/* ---- Steps of a check (sections 3, 5, 6) ---------------------------------------------------- */

/* The index of the first entry whose stored tag is not the computed one; n when all are equal. */
/*@ requires \valid_read(computed + (0 .. n - 1)) && \valid_read(stored + (0 .. n - 1));
    assigns \nothing;
    ensures range: 0 <= \result <= n;
    ensures before: \forall integer i; 0 <= i < \result ==>
      pp_tag_at_same(computed + i, stored + i);
    ensures bad: \result < n ==> !pp_tag_at_same(computed + \result, stored + \result);
    ensures all: (\forall integer i; 0 <= i < n ==> pp_tag_at_same(computed + i, stored + i))
      ==> \result == n; */
PP_MUST_CHECK size_t pp_chain_check(const struct pp_tag *computed, const struct pp_tag *stored,
                                    size_t n);

/* The index of the first counter that does not follow: seqs[i] != first + i; n when all follow. */
/*@ requires \valid_read(seqs + (0 .. n - 1)) && first + n <= UINT64_MAX;
    assigns \nothing;
    ensures range: 0 <= \result <= n;
    ensures before: \forall integer i; 0 <= i < \result ==> seqs[i] == first + i;
    ensures bad: \result < n ==> seqs[\result] != first + \result; */
PP_MUST_CHECK size_t pp_seq_check(uint64_t first, const uint64_t *seqs, size_t n);

/* The first entry of a batch whose stored tag is not the one that in[i] gives it; n when all have
   theirs.  computed is scratch. */
/*@ predicate pp_link_good{L}(struct pp_chain_input *in, struct pp_tag *stored, integer i) =
      pp_tag_is(stored + i, pp_chain_tag_of(*in[i].key, in[i].previous, in[i].leaf)); */
/*@ requires \valid_read(in + (0 .. n - 1)) && \valid_read(stored + (0 .. n - 1));
    requires \forall integer i; 0 <= i < n ==> \valid_read(in[i].key);
    requires \valid(computed + (0 .. n - 1));
    requires \separated(computed + (0 .. n - 1), in + (0 .. n - 1));
    requires \separated(computed + (0 .. n - 1), stored + (0 .. n - 1));
    assigns computed[0 .. n - 1];
    ensures range: 0 <= \result <= n;
    ensures before: \forall integer i; 0 <= i < \result ==> pp_link_good{Pre}(in, stored, i);
    ensures bad: \result < n ==> !pp_link_good{Pre}(in, stored, \result); */
PP_MUST_CHECK size_t pp_chain_verify(struct pp_hash_engine *engine, const struct pp_chain_input *in,
                                     const struct pp_tag *stored, size_t n,
                                     struct pp_tag *computed);

#endif
