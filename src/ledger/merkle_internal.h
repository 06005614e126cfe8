/* SPDX-License-Identifier: MIT */
/* The Merkle tree of docs/format/ledger.md, section 4, as src/store and the tests see it. */
#ifndef PP_MERKLE_INTERNAL_H
#define PP_MERKLE_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <postproof/ledger.h>

#include "../base/base.h"
#include "../base/hash.h"

/* The peaks of a growing tree: peaks[h] is the complete subtree of height h when bit h of size is
   set.  136 lines of state at most, whatever the size. */
struct pp_merkle_tree {
    uint64_t size;
    struct pp_digest peaks[PP_MERKLE_HEIGHT_MAX + 1];
};
/*@ // The peaks of the lowest heights as a list has them: that of height k behind those above it.
    predicate pp_peaks_listed{L}(struct pp_merkle_tree *t, integer heights,
                                 struct pp_digest *list) =
      \forall integer k, i; 0 <= k < heights && pp_drop(t->size, k) % 2 == 1
        && 0 <= i < PP_DIGEST_BYTES
        ==> t->peaks[k].b[i] == list[pp_bits(pp_drop(t->size, k + 1))].b[i];

    // The peaks from height k on, where the tree has n = size / 2^k subtrees, each with what is
    // below to its right; pp_fold_peaks before the first one.
    logic struct pp_digest pp_peak_above(struct pp_digest peak, integer n,
                                         struct pp_digest below) =
      n % 2 == 1 ? pp_node_of(peak, below) : below;
    logic struct pp_digest pp_fold_above{L}(struct pp_digest *p, integer k, integer n,
                                            struct pp_digest below) =
      n <= 0 ? below : pp_fold_above(p, k + 1, n / 2, pp_peak_above(p[k], n, below));
    logic struct pp_digest pp_fold_peaks{L}(struct pp_digest *p, integer k, integer n) =
      n <= 0 ? pp_empty_of : n % 2 == 1 ? pp_fold_above(p, k + 1, n / 2, p[k])
      : pp_fold_peaks(p, k + 1, n / 2); */
/*@ requires \valid(tree);
    assigns *tree; */
void pp_merkle_tree_init(struct pp_merkle_tree *tree);
/* From peaks as a header lists them, largest first.  PP_ERROR_FORMAT when count does not fit. */
/*@ requires \valid(tree) && \valid_read(peaks + (0 .. count - 1));
    requires \separated(tree, peaks + (0 .. count - 1));
    assigns *tree;
    ensures result: \result == PP_OK || \result == PP_ERROR_FORMAT;
    ensures accepts: \result == PP_OK <==> size <= INT64_MAX && count == pp_bits(size);
    ensures loaded: \result == PP_OK ==> tree->size == size && pp_peaks_listed(tree, 64, peaks);
    ensures failed: \result != PP_OK ==> *tree == \old(*tree); */
PP_MUST_CHECK enum pp_error pp_merkle_tree_load(struct pp_merkle_tree *tree, uint64_t size,
                                                const struct pp_digest *peaks, size_t count);
/* The peaks, largest first, into out[64]; returns their number. */
/*@ requires \valid_read(tree) && \valid(out + (0 .. PP_MERKLE_HEIGHT_MAX));
    requires \separated(tree, out + (0 .. PP_MERKLE_HEIGHT_MAX));
    assigns out[0 .. PP_MERKLE_HEIGHT_MAX];
    ensures count: \result == pp_bits(tree->size) && \result <= PP_MERKLE_HEIGHT_MAX + 1;
    ensures listed: pp_peaks_listed(tree, 64, out); */
size_t pp_merkle_tree_peaks(const struct pp_merkle_tree *tree, struct pp_digest *out);
/* Whether these are the peaks of the tree, largest first, and all of them.  peaks has 64 places. */
/*@ requires \valid_read(tree) && \valid_read(peaks + (0 .. PP_MERKLE_HEIGHT_MAX));
    assigns \nothing;
    ensures \result <==> count == pp_bits(tree->size) && pp_peaks_listed(tree, 64, peaks); */
bool pp_merkle_tree_has_peaks(const struct pp_merkle_tree *tree, const struct pp_digest *peaks,
                              size_t count);
/*@ requires \valid_read(tree);
    assigns \nothing;
    ensures \result == pp_fold_peaks(&tree->peaks[0], 0, tree->size); */
struct pp_digest pp_merkle_tree_root(const struct pp_merkle_tree *tree);

/* Where completed nodes of height >= 6 go, in order of completion; NULL where nobody asks.
   pp_merkle_tree_append adds the difference of pp_merkle_nodes_completed after and before: at most
   2 * (count / 64 + 1) + 57 of them, since one leaf can complete a node of every height. */
struct pp_node_sink {
    struct pp_digest *nodes;
    size_t count, cap;
};
/* Appends leaf hashes.  leaves is scratch as well: its contents are lost.  engine and sink may be
   NULL.  PP_ERROR_NO_SPACE when the sink is full, PP_ERROR_TOO_LARGE beyond 2^63 - 1 leaves; then
   nothing was changed. */
PP_MUST_CHECK enum pp_error pp_merkle_tree_append(struct pp_merkle_tree *tree,
                                                  struct pp_hash_engine *engine,
                                                  struct pp_digest *leaves, size_t count,
                                                  struct pp_node_sink *sink);

/* Number of nodes of height >= 6 completed in a tree of n leaves: for the index (section 8). */
/*@ // Over n blocks of 64 leaves: n nodes of height 6, n / 2 of height 7, ...
    logic integer pp_nodes_over(integer n) = n <= 0 ? 0 : pp_nodes_over(n / 2) + n;
    // Before the node come those of all blocks before its last one, and those below it.
    logic integer pp_node_position(integer height, integer number) =
      pp_nodes_over(pp_doubled(number + 1, height - 6) - 1) + (height - 6); */
/*@ assigns \nothing;
    ensures \result == pp_nodes_over(leaves / 64) && \result <= 2 * (leaves / 64); */
uint64_t pp_merkle_nodes_completed(uint64_t leaves);
/* Position of the node (height 6 to 63, number within its height) in the order of completion; its
   last leaf is below 2^63. */
/*@ requires 6 <= height <= PP_MERKLE_HEIGHT_MAX && number < pp_pow2(63 - height);
    assigns \nothing;
    ensures \result == pp_node_position(height, number); */
uint64_t pp_merkle_node_position(unsigned height, uint64_t number);

/* The subtrees whose hashes a proof consists of, in proof order: each covers the leaves
   [start, start + 2^height) or, at the right edge, [start, end).  The caller hashes them. */
struct pp_merkle_range {
    uint64_t start, end;
};
/* PP_ERROR_ARGUMENT when index >= size (old_size > new_size), or the size exceeds 2^63 - 1.
   ranges has PP_PROOF_HASHES_MAX. */
/*@ requires \valid(ranges + (0 .. PP_PROOF_HASHES_MAX - 1)) && \valid(count);
    requires \separated(count, ranges + (0 .. PP_PROOF_HASHES_MAX - 1));
    assigns *count, ranges[0 .. PP_PROOF_HASHES_MAX - 1];
    ensures accepts: \result == PP_OK <==> index < size <= INT64_MAX;
    ensures count: \result == PP_OK ==> *count <= PP_PROOF_HASHES_MAX; */
PP_MUST_CHECK enum pp_error pp_merkle_inclusion_ranges(uint64_t index, uint64_t size,
                                                       struct pp_merkle_range *ranges,
                                                       size_t *count);
/*@ requires \valid(ranges + (0 .. PP_PROOF_HASHES_MAX - 1)) && \valid(count);
    requires \separated(count, ranges + (0 .. PP_PROOF_HASHES_MAX - 1));
    assigns *count, ranges[0 .. PP_PROOF_HASHES_MAX - 1];
    ensures accepts: \result == PP_OK <==> old_size <= new_size <= INT64_MAX;
    ensures count: \result == PP_OK ==> *count <= PP_PROOF_HASHES_MAX; */
PP_MUST_CHECK enum pp_error pp_merkle_consistency_ranges(uint64_t old_size, uint64_t new_size,
                                                         struct pp_merkle_range *ranges,
                                                         size_t *count);

#endif
