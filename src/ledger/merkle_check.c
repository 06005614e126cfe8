/* SPDX-License-Identifier: MIT */
/* Checks of Merkle proofs: inclusion (RFC 9162 section 2.1.3.2) and consistency (2.1.4.2). */
#include "ledger_internal.h"

#include "../base/base.h"

/* Digests go by value between the functions here: without addresses there is no memory to reason
   about, and the compiler inlines them. */

/*@ axiomatic pp_node {
      logic struct pp_digest pp_node_of(struct pp_digest l, struct pp_digest r);
    }

    // RFC 6962 / 9162 2.1.3.2, one level up: leaf i of a row whose last index is `last`
    // has a sibling in the path unless it is the lonely last one.
    logic integer pp_has(integer i, integer last) = i % 2 == 1 || i < last ? 1 : 0;
    logic struct pp_digest pp_up(struct pp_digest h, integer i, integer last,
                                 struct pp_digest s) =
      i % 2 == 1 ? pp_node_of(s, h) : i < last ? pp_node_of(h, s) : h;

    // The root over path p[k ..], and the length such a path must have.
    logic struct pp_digest pp_root{L}(struct pp_digest h, integer i, integer last,
                                      struct pp_digest *p, integer k) =
      last <= 0 ? h
      : pp_root(pp_up(h, i, last, p[k]), i / 2, last / 2, p, k + pp_has(i, last));
    logic integer pp_path_len(integer i, integer last) =
      last <= 0 ? 0 : pp_has(i, last) + pp_path_len(i / 2, last / 2);
*/

/*@ assigns \nothing;
    ensures \result == pp_node_of(left, right); */
static struct pp_digest node(struct pp_digest left, struct pp_digest right)
{
    return pp_node_hash(&left, &right);
}

/*@ ghost
    /@ requires i <= last; decreases last; assigns \nothing;
       ensures pp_path_len(i, last) >= 0; @/
    void pp_path_len_pos(uint64_t i, uint64_t last)
    {
        if (last > 0)
            pp_path_len_pos(i / 2, last / 2);
    }
*/

struct pp_digest pp_merkle_leaf(struct pp_bytes entry_encoding)
{
    return pp_leaf_hash(entry_encoding);
}

/*@ requires \valid_read(leaf) && \valid_read(path + (0 .. count - 1)) && \valid(root);
    requires \separated(root, path + (0 .. count - 1));
    assigns *root;
    ensures length: \result == PP_OK
      <==> index < size && count == pp_path_len(index, size - 1);
    ensures value: \result == PP_OK
      ==> *root == pp_root{Pre}(\old(*leaf), index, size - 1, path, 0);
    ensures untouched: \result != PP_OK ==> *root == \old(*root); */
enum pp_error pp_merkle_inclusion_root(const struct pp_digest *leaf, uint64_t index, uint64_t size,
                                       const struct pp_digest *path, size_t count,
                                       struct pp_digest *root)
{
    if (index >= size)
        return PP_ERROR_MISMATCH;
    uint64_t last = size - 1;
    size_t k = 0;
    struct pp_digest h = *leaf;
    /*@ loop invariant 0 <= k <= count && index <= last;
        loop invariant k + pp_path_len(index, last)
          == pp_path_len(\at(index, Pre), \at(size, Pre) - 1);
        loop invariant pp_root(h, index, last, path, k)
          == pp_root(\at(*leaf, Pre), \at(index, Pre), \at(size, Pre) - 1, path, 0);
        loop assigns index, last, k, h;
        loop variant last; */
    while (last > 0) {
        //@ ghost pp_path_len_pos(index / 2, last / 2);
        if (index % 2 == 1) {
            if (k == count)
                return PP_ERROR_MISMATCH;
            h = node(path[k++], h);
        } else if (index < last) {
            if (k == count)
                return PP_ERROR_MISMATCH;
            h = node(h, path[k++]);
        }
        //@ assert up: h == pp_up(\at(h, LoopCurrent), index, last, path[\at(k, LoopCurrent)]);
        //@ assert has: k == \at(k, LoopCurrent) + pp_has(index, last);
        index /= 2;
        last /= 2;
    }
    if (k != count)
        return PP_ERROR_MISMATCH;
    *root = h;
    return PP_OK;
}

/* No proof is needed: the trees are the same, or the old one is empty and any tree extends it. */
static enum pp_error check_without_path(uint64_t old_size, const struct pp_digest *old_root,
                                        uint64_t new_size, const struct pp_digest *new_root)
{
    struct pp_digest empty = pp_empty_hash();
    if (old_size == 0 && !pp_digest_equal(old_root, &empty))
        return PP_ERROR_MISMATCH;
    if (old_size == new_size && !pp_digest_equal(old_root, new_root))
        return PP_ERROR_MISMATCH;
    return PP_OK;
}

/* RFC 9162 section 2.1.4.2: a node of the old tree's right edge, in a row whose last node is `last`
   in the new tree, and the roots of both trees as far as they are known. */
struct climb {
    uint64_t index, last;
    struct pp_digest old_root, new_root;
};

/* Up while the node is a right child: those levels take no hash from the path. */
/*@ requires \valid(climb);
    assigns climb->index, climb->last;
    ensures climb->index % 2 == 0; */
static void climb_right_edge(struct climb *climb)
{
    /*@ loop assigns climb->index, climb->last;
        loop variant climb->index; */
    while (climb->index % 2 == 1) {
        climb->index /= 2;
        climb->last /= 2;
    }
}

/* One hash of the path. */
/*@ requires \valid(climb);
    assigns *climb; */
static void climb_step(struct climb *climb, struct pp_digest sibling)
{
    if (climb->index % 2 == 1 || climb->index == climb->last) {
        climb->old_root = node(sibling, climb->old_root);
        climb->new_root = node(sibling, climb->new_root);
        /* A lonely last node rises until it is a right child. */
        /*@ loop assigns climb->index, climb->last;
            loop variant climb->index; */
        while (climb->index % 2 == 0 && climb->index != 0) {
            climb->index /= 2;
            climb->last /= 2;
        }
    } else {
        climb->new_root = node(climb->new_root, sibling);
    }
    climb->index /= 2;
    climb->last /= 2;
}

/*@ requires \valid_read(old_root) && \valid_read(new_root);
    requires \valid_read(path + (0 .. count - 1));
    assigns \nothing; */
enum pp_error pp_merkle_consistency_check(uint64_t old_size, const struct pp_digest *old_root,
                                          uint64_t new_size, const struct pp_digest *new_root,
                                          const struct pp_digest *path, size_t count)
{
    if (old_size > new_size)
        return PP_ERROR_MISMATCH;
    if (old_size == 0 || old_size == new_size)
        return count == 0 ? check_without_path(old_size, old_root, new_size, new_root)
                          : PP_ERROR_MISMATCH;
    if (count == 0)
        return PP_ERROR_MISMATCH;
    struct climb climb = {old_size - 1, new_size - 1, *old_root, *old_root};
    size_t k = 0;
    climb_right_edge(&climb);
    /* Index 0: the old tree is one complete subtree, and its root is not repeated in the path. */
    if (climb.index != 0)
        climb.old_root = climb.new_root = path[k++];
    /*@ loop invariant 0 <= k <= count;
        loop assigns k, climb;
        loop variant count - k; */
    while (k < count) {
        if (climb.last == 0)
            return PP_ERROR_MISMATCH;
        climb_step(&climb, path[k++]);
    }
    bool holds = climb.last == 0 && pp_digest_equal(&climb.old_root, old_root) &&
                 pp_digest_equal(&climb.new_root, new_root);
    return holds ? PP_OK : PP_ERROR_MISMATCH;
}
