/* SPDX-License-Identifier: MIT */
/* Checks of Merkle proofs: inclusion (RFC 9162 section 2.1.3.2) and consistency (2.1.4.2). */
#include <postproof/ledger.h>

#include "../base/base.h"
#include "../base/hash.h"

/* Digests go by value between the functions here: without addresses there is no memory to reason
   about, and the compiler inlines them. */

/*@ // RFC 9162 2.1.3.2, one level up: node i of a row whose last index is `last` has a sibling in
    // the path unless it is the lonely last one.
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

/*@ assigns \nothing;
    ensures \result <==> pp_digest_same(a, b); */
static bool same(struct pp_digest a, struct pp_digest b)
{
    return pp_digest_equal(&a, &b);
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

/*@ requires pp_bytes_readable(entry_encoding);
    assigns \nothing;
    ensures \result == pp_leaf_of(entry_encoding.data, entry_encoding.len); */
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

/* ---- Consistency ---------------------------------------------------------------------------- */

/*@ // RFC 9162 2.1.4.2.  Where the climb starts: up from node i of a row whose last index is `last`
    // while it is a right child.
    logic integer pp_edge_index(integer i) = i % 2 == 1 ? pp_edge_index(i / 2) : i;
    logic integer pp_edge_last(integer i, integer last) =
      i % 2 == 1 ? pp_edge_last(i / 2, last / 2) : last;

    // Up from a lonely last node until it is a right child.
    logic integer pp_rise_index(integer i) =
      i > 0 && i % 2 == 0 ? pp_rise_index(i / 2) : i;
    logic integer pp_rise_last(integer i, integer last) =
      i > 0 && i % 2 == 0 ? pp_rise_last(i / 2, last / 2) : last;

    // One hash s of the path: it stands to the left, and then both trees have it, or only the new
    // tree does.
    logic integer pp_step_index(integer i, integer last) =
      i % 2 == 1 || i == last ? pp_rise_index(i) / 2 : i / 2;
    logic integer pp_step_last(integer i, integer last) =
      i % 2 == 1 || i == last ? pp_rise_last(i, last) / 2 : last / 2;
    logic struct pp_digest pp_step_old(struct pp_digest h, integer i, integer last,
                                       struct pp_digest s) =
      i % 2 == 1 || i == last ? pp_node_of(s, h) : h;
    logic struct pp_digest pp_step_new(struct pp_digest h, integer i, integer last,
                                       struct pp_digest s) =
      i % 2 == 1 || i == last ? pp_node_of(s, h) : pp_node_of(h, s);

    // The rest of the path, p[k .. n - 1]: whether its length fits (0: it does), and both roots.
    logic integer pp_climb_left(integer i, integer last, integer k, integer n) =
      k >= n ? last
      : last == 0 ? 1
      : pp_climb_left(pp_step_index(i, last), pp_step_last(i, last), k + 1, n);
    logic struct pp_digest pp_climb_old{L}(struct pp_digest h, integer i, integer last,
                                           struct pp_digest *p, integer k, integer n) =
      k >= n ? h
      : pp_climb_old(pp_step_old(h, i, last, p[k]), pp_step_index(i, last),
                     pp_step_last(i, last), p, k + 1, n);
    logic struct pp_digest pp_climb_new{L}(struct pp_digest h, integer i, integer last,
                                           struct pp_digest *p, integer k, integer n) =
      k >= n ? h
      : pp_climb_new(pp_step_new(h, i, last, p[k]), pp_step_index(i, last),
                     pp_step_last(i, last), p, k + 1, n);

    // From node i in a row whose last index is `last`: index 0 is the old tree itself, whose root
    // the path does not repeat.
    predicate pp_climb_holds{L}(integer i, integer last, struct pp_digest old_root,
                                struct pp_digest new_root, struct pp_digest *p, integer n) =
      i == 0
      ? pp_climb_left(i, last, 0, n) == 0
        && pp_digest_same(pp_climb_old(old_root, i, last, p, 0, n), old_root)
        && pp_digest_same(pp_climb_new(old_root, i, last, p, 0, n), new_root)
      : pp_climb_left(i, last, 1, n) == 0
        && pp_digest_same(pp_climb_old(p[0], i, last, p, 1, n), old_root)
        && pp_digest_same(pp_climb_new(p[0], i, last, p, 1, n), new_root);

    // The trees are the same, or the old one is empty and any tree extends it.
    predicate pp_holds_without_path(integer old_size, struct pp_digest old_root,
                                    integer new_size, struct pp_digest new_root) =
      (old_size == 0 ==> pp_digest_same(old_root, pp_empty_of))
      && (old_size == new_size ==> pp_digest_same(old_root, new_root));

    predicate pp_holds_by_path{L}(integer old_size, struct pp_digest old_root,
                                  integer new_size, struct pp_digest new_root,
                                  struct pp_digest *p, integer n) =
      n > 0 && pp_climb_holds(pp_edge_index(old_size - 1),
                              pp_edge_last(old_size - 1, new_size - 1), old_root, new_root, p, n);

    predicate pp_consistent{L}(integer old_size, struct pp_digest old_root, integer new_size,
                               struct pp_digest new_root, struct pp_digest *p, integer n) =
      old_size <= new_size
      && (old_size == 0 || old_size == new_size
          ? n == 0 && pp_holds_without_path(old_size, old_root, new_size, new_root)
          : pp_holds_by_path(old_size, old_root, new_size, new_root, p, n));
*/

/* No proof is needed: the trees are the same, or the old one is empty and any tree extends it. */
/*@ assigns \nothing;
    ensures \result <==> pp_holds_without_path(old_size, old_root, new_size, new_root); */
static bool holds_without_path(uint64_t old_size, struct pp_digest old_root, uint64_t new_size,
                               struct pp_digest new_root)
{
    if (old_size == 0 && !same(old_root, pp_empty_hash()))
        return false;
    return old_size != new_size || same(old_root, new_root);
}

/* A node of the old tree's right edge, in a row whose last node is `last` in the new tree, and the
   roots of both trees as far as they are known. */
struct climb {
    uint64_t index, last;
    struct pp_digest old_root, new_root;
};

/* Up while the node is a right child: those levels take no hash from the path. */
/*@ assigns \nothing;
    ensures \result.index == pp_edge_index(index);
    ensures \result.last == pp_edge_last(index, last);
    ensures \result.old_root == root && \result.new_root == root; */
static struct climb right_edge(uint64_t index, uint64_t last, struct pp_digest root)
{
    /*@ loop invariant pp_edge_index(index) == pp_edge_index(\at(index, Pre));
        loop invariant pp_edge_last(index, last)
          == pp_edge_last(\at(index, Pre), \at(last, Pre));
        loop assigns index, last;
        loop variant index; */
    while (index % 2 == 1) {
        index /= 2;
        last /= 2;
    }
    //@ assert index % 2 == 0;
    //@ assert pp_edge_last(index, last) == last;
    return (struct climb){index, last, root, root};
}

/* One hash of the path. */
/*@ assigns \nothing;
    ensures \result.index == pp_step_index(climb.index, climb.last);
    ensures \result.last == pp_step_last(climb.index, climb.last);
    ensures \result.old_root == pp_step_old(climb.old_root, climb.index, climb.last, sibling);
    ensures \result.new_root == pp_step_new(climb.new_root, climb.index, climb.last, sibling); */
static struct climb step(struct climb climb, struct pp_digest sibling)
{
    uint64_t index = climb.index, last = climb.last;
    if (index % 2 == 0 && index != last)
        return (struct climb){index / 2, last / 2, climb.old_root, node(climb.new_root, sibling)};
    /* A lonely last node rises until it is a right child. */
    /*@ loop invariant pp_rise_index(index) == pp_rise_index(climb.index);
        loop invariant pp_rise_last(index, last) == pp_rise_last(climb.index, climb.last);
        loop assigns index, last;
        loop variant index; */
    while (index % 2 == 0 && index != 0) {
        index /= 2;
        last /= 2;
    }
    //@ assert risen: !(index > 0 && index % 2 == 0);
    //@ assert risen: pp_rise_index(index) == index;
    //@ assert risen: pp_rise_last(index, last) == last;
    return (struct climb){index / 2, last / 2, node(sibling, climb.old_root),
                          node(sibling, climb.new_root)};
}

/* Whether the rest of the path, from path[k] on, leads to both roots. */
/*@ requires \valid_read(path + (0 .. count - 1)) && k <= count;
    assigns \nothing;
    ensures \result <==> pp_climb_left(climb.index, climb.last, k, count) == 0
      && pp_digest_same(pp_climb_old(climb.old_root, climb.index, climb.last, path, k, count),
                        old_root)
      && pp_digest_same(pp_climb_new(climb.new_root, climb.index, climb.last, path, k, count),
                        new_root); */
static bool climb_path(struct climb climb, const struct pp_digest *path, size_t k, size_t count,
                       struct pp_digest old_root, struct pp_digest new_root)
{
    /*@ loop invariant 0 <= k <= count;
        loop invariant left: pp_climb_left(climb.index, climb.last, k, count)
          == pp_climb_left(\at(climb, Pre).index, \at(climb, Pre).last, \at(k, Pre), count);
        loop invariant old: pp_climb_old(climb.old_root, climb.index, climb.last, path, k, count)
          == pp_climb_old(\at(climb, Pre).old_root, \at(climb, Pre).index,
                          \at(climb, Pre).last, path, \at(k, Pre), count);
        loop invariant new: pp_climb_new(climb.new_root, climb.index, climb.last, path, k, count)
          == pp_climb_new(\at(climb, Pre).new_root, \at(climb, Pre).index,
                          \at(climb, Pre).last, path, \at(k, Pre), count);
        loop assigns k, climb;
        loop variant count - k; */
    while (k < count) {
        if (climb.last == 0)
            return false;
        climb = step(climb, path[k++]);
    }
    return climb.last == 0 && same(climb.old_root, old_root) && same(climb.new_root, new_root);
}

/* Index 0: the old tree is one complete subtree, and its root is not repeated in the path. */
/*@ requires \valid_read(path + (0 .. count - 1)) && count > 0;
    requires climb.old_root == old_root && climb.new_root == old_root;
    assigns \nothing;
    ensures \result
      <==> pp_climb_holds(climb.index, climb.last, old_root, new_root, path, count); */
static bool climb_holds(struct climb climb, struct pp_digest old_root, struct pp_digest new_root,
                        const struct pp_digest *path, size_t count)
{
    if (climb.index == 0)
        return climb_path(climb, path, 0, count, old_root, new_root);
    climb.old_root = climb.new_root = path[0];
    return climb_path(climb, path, 1, count, old_root, new_root);
}

/*@ requires \valid_read(path + (0 .. count - 1)) && 0 < old_size < new_size;
    assigns \nothing;
    ensures \result <==> pp_holds_by_path(old_size, old_root, new_size, new_root, path, count); */
static bool holds_by_path(uint64_t old_size, struct pp_digest old_root, uint64_t new_size,
                          struct pp_digest new_root, const struct pp_digest *path, size_t count)
{
    if (count == 0)
        return false;
    uint64_t index = old_size - 1, last = new_size - 1;
    //@ assert index == old_size - 1 && last == new_size - 1;
    struct climb edge = right_edge(index, last, old_root);
    //@ assert edge.index == pp_edge_index(old_size - 1);
    //@ assert edge.last == pp_edge_last(old_size - 1, new_size - 1);
    return climb_holds(edge, old_root, new_root, path, count);
}

/*@ requires \valid_read(old_root) && \valid_read(new_root);
    requires \valid_read(path + (0 .. count - 1));
    assigns \nothing;
    ensures \result == PP_OK || \result == PP_ERROR_MISMATCH;
    ensures \result == PP_OK
      <==> pp_consistent(old_size, *old_root, new_size, *new_root, path, count); */
enum pp_error pp_merkle_consistency_check(uint64_t old_size, const struct pp_digest *old_root,
                                          uint64_t new_size, const struct pp_digest *new_root,
                                          const struct pp_digest *path, size_t count)
{
    if (old_size > new_size || ((old_size == 0 || old_size == new_size) && count != 0))
        return PP_ERROR_MISMATCH;
    bool holds;
    if (old_size == 0 || old_size == new_size)
        holds = holds_without_path(old_size, *old_root, new_size, *new_root);
    else
        holds = holds_by_path(old_size, *old_root, new_size, *new_root, path, count);
    return holds ? PP_OK : PP_ERROR_MISMATCH;
}
