/* SPDX-License-Identifier: MIT */
/* SHA-256 (FIPS 180-4), HMAC (RFC 2104), HKDF-Expand (RFC 5869) and the RFC 6962 leaf and node
   hashes, one at a time or many at once.  All of it is library code underneath: OpenSSL, and
   intel-ipsec-mb for many at once where the build and the processor have it. */
#ifndef PP_HASH_H
#define PP_HASH_H

#include <stddef.h>
#include <stdint.h>

#include <postproof/bytes.h>
#include <postproof/error.h>

/* The multi-buffer engine, or NULL for one hash at a time.  Made by pp_store (it needs memory),
   used by one thread at a time. */
struct pp_hash_engine;

/* Words of the contracts (ACSL).  What a hash or MAC is stays abstract: the contracts say only that
   each function computes one value from its input.  They are assumed, not proved, since library
   code stands behind them (proofs/axioms.txt). */

/*@ axiomatic pp_hash {
      // The roots of RFC 6962: of one leaf over the encoding at data, of two subtrees, of nothing.
      logic struct pp_digest pp_leaf_of{L}(uint8_t *data, integer len) reads data[0 .. len - 1];
      logic struct pp_digest pp_node_of(struct pp_digest left, struct pp_digest right);
      logic struct pp_digest pp_empty_of;
    }

    predicate pp_digest_same(struct pp_digest a, struct pp_digest b) =
      \forall integer i; 0 <= i < PP_DIGEST_BYTES ==> a.b[i] == b.b[i];
    predicate pp_tag_is{L}(struct pp_tag *a, struct pp_tag b) =
      \forall integer i; 0 <= i < PP_TAG_BYTES ==> a->b[i] == b.b[i];
    predicate pp_tag_at_same{L}(struct pp_tag *a, struct pp_tag *b) =
      \forall integer i; 0 <= i < PP_TAG_BYTES ==> a->b[i] == b->b[i]; */

struct pp_digest pp_sha256(struct pp_bytes data);

/* SHA-1 of a ‖ b (FIPS 180-4): for UUIDs of version 5 only; it protects nothing. */
enum { PP_SHA1_BYTES = 20 };
void pp_sha1(struct pp_bytes a, struct pp_bytes b, uint8_t out[PP_SHA1_BYTES]);

/* A running SHA-256 for data that does not fit in memory. */
struct pp_sha256_stream {
    uint64_t state[16]; /* an OpenSSL SHA256_CTX, checked at compile time */
};
void pp_sha256_init(struct pp_sha256_stream *stream);
void pp_sha256_update(struct pp_sha256_stream *stream, struct pp_bytes data);
struct pp_digest pp_sha256_final(struct pp_sha256_stream *stream);

/* HMAC key with both pad states computed: a MAC then costs the message blocks plus one. */
struct pp_mac_key {
    struct pp_sha256_stream inner, outer;
};
/*@ axiomatic pp_keyed {
      logic struct pp_digest pp_mac_of{L}(struct pp_mac_key key, uint8_t *a, integer a_len,
                                          uint8_t *b, integer b_len)
        reads a[0 .. a_len - 1], b[0 .. b_len - 1];
      logic struct pp_tag pp_chain_tag_of(struct pp_mac_key key, struct pp_tag previous,
                                          struct pp_digest leaf);
    } */
void pp_mac_key_init(struct pp_mac_key *key, const struct pp_digest *secret);
/* HMAC-SHA-256 over the concatenation of two byte strings. */
/*@ requires \valid_read(key) && pp_bytes_readable(a) && pp_bytes_readable(b);
    assigns \nothing;
    ensures \result == pp_mac_of(*key, a.data, a.len, b.data, b.len); */
struct pp_digest pp_mac(const struct pp_mac_key *key, struct pp_bytes a, struct pp_bytes b);
/* HKDF-Expand with L = 32: HMAC(key, info ‖ 0x01), RFC 5869 section 2.3. */
struct pp_digest pp_hkdf_expand(const struct pp_mac_key *key, const char *info);

/* Overwrites the stack below the caller, where the calls above left copies of pad states. */
void pp_erase_stack(void);

/* RFC 6962 section 2.1: H(0x00 ‖ data) and H(0x01 ‖ left ‖ right). */
/*@ requires pp_bytes_readable(data);
    assigns \nothing;
    ensures \result == pp_leaf_of(data.data, data.len); */
struct pp_digest pp_leaf_hash(struct pp_bytes data);
/*@ requires \valid_read(left) && \valid_read(right);
    assigns \nothing;
    ensures \result == pp_node_of(*left, *right); */
struct pp_digest pp_node_hash(const struct pp_digest *left, const struct pp_digest *right);
/* H of no bytes: the root of the empty tree. */
/*@ assigns \nothing;
    ensures \result == pp_empty_of; */
struct pp_digest pp_empty_hash(void);

/* The tag chained over entries: leftmost 16 bytes of
   HMAC(key, 0x54 ‖ previous tag ‖ leaf hash); docs/format/ledger.md, "Tags". */
/*@ requires \valid_read(key) && \valid_read(previous) && \valid_read(leaf);
    assigns \nothing;
    ensures \result == pp_chain_tag_of(*key, *previous, *leaf); */
struct pp_tag pp_chain_tag(const struct pp_mac_key *key, const struct pp_tag *previous,
                           const struct pp_digest *leaf);

/* A run of tags that follow each other, for hashing beside other things: each of its blocks waits
   for the one before, and meanwhile the processor can hash independent ones. */
struct pp_chain_run {
    const struct pp_mac_key *key;
    const struct pp_digest *leaves;
    uint8_t *const *out;
    size_t steps, done; /* two for each tag */
    struct pp_tag tag;  /* the last one that is whole */
    uint8_t inner[64], outer[64], padding[16];
};
/* The tags of n entries; previous is the one before them, out[i] has room for PP_TAG_BYTES.  All is
   borrowed until pp_chain_end, which computes what is left and returns the last tag. */
void pp_chain_begin(struct pp_chain_run *run, const struct pp_mac_key *key,
                    const struct pp_tag *previous, const struct pp_digest *leaves, size_t n,
                    uint8_t *const *out);
struct pp_tag pp_chain_end(struct pp_chain_run *run);

/* Many at once; engine may be NULL.  Results equal those of the functions above.
   pp_leaf_hash_many: prefixed[i] is 0x00 ‖ data, so that nothing is copied. */
void pp_leaf_hash_many(struct pp_hash_engine *engine, const struct pp_bytes *prefixed, size_t n,
                       struct pp_digest *out);
/* out[i] = node(children[2 i], children[2 i + 1]); out may be children itself. */
/*@ requires \valid_read(children + (0 .. 2 * n - 1)) && \valid(out + (0 .. n - 1));
    requires out == children || \separated(out + (0 .. n - 1), children + (0 .. 2 * n - 1));
    assigns out[0 .. n - 1];
    ensures \forall integer i; 0 <= i < n ==>
      out[i] == pp_node_of(\old(children[2 * i]), \old(children[2 * i + 1])); */
void pp_node_hash_many(struct pp_hash_engine *engine, const struct pp_digest *children, size_t n,
                       struct pp_digest *out);
/* Without lanes: independent hashes in turn, block by block, so that the processor overlaps their
   SHA instructions.  The faster way for few blocks where it has them.  run, unless it is NULL, is
   moved on by a tag for each node. */
void pp_sha256_interleaved(const struct pp_bytes *messages, size_t n, struct pp_digest *const *out);
void pp_node_hash_interleaved(const struct pp_digest *children, size_t n, struct pp_digest *out,
                              struct pp_chain_run *run);
/* From now on pp_node_hash_many moves run on beside its nodes where that is faster; NULL: no
   longer.  What the run reads and writes must not overlap the nodes.  With engine NULL nothing
   happens. */
void pp_hash_engine_beside(struct pp_hash_engine *engine, struct pp_chain_run *run);
/* out[i] = chain tag of in[i]. */
struct pp_chain_input {
    const struct pp_mac_key *key;
    struct pp_tag previous;
    struct pp_digest leaf;
};
/*@ requires \valid_read(in + (0 .. n - 1)) && \valid(out + (0 .. n - 1));
    requires \forall integer i; 0 <= i < n ==> \valid_read(in[i].key);
    requires \separated(out + (0 .. n - 1), in + (0 .. n - 1));
    assigns out[0 .. n - 1];
    ensures \forall integer i; 0 <= i < n ==>
      pp_tag_is(out + i, pp_chain_tag_of(\old(*in[i].key), \old(in[i].previous),
                                         \old(in[i].leaf))); */
void pp_chain_tag_many(struct pp_hash_engine *engine, const struct pp_chain_input *in, size_t n,
                       struct pp_tag *out);

/* Memory for an engine: bytes needed (0 when this build or processor has none), and its set-up in
   memory of that size, aligned to 64.  Returns NULL when there is none. */
size_t pp_hash_engine_bytes(void);
struct pp_hash_engine *pp_hash_engine_init(void *memory, size_t bytes);
/* "openssl" or "intel-ipsec-mb avx512", for reports. */
const char *pp_hash_engine_name(const struct pp_hash_engine *engine);

#endif
