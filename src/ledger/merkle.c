/* SPDX-License-Identifier: MIT */
/* The Merkle tree of RFC 6962 section 2.1: peaks, root, the order of completed nodes, and the
   subtrees that proofs consist of. */
#include "ledger_internal.h"

/* Nodes below are not in the index. */
enum { MERKLE_BLOCK_HEIGHT = 6 };

/*@ // Lemmas stand here, not in a header: elsewhere they would only slow the provers down.
    lemma pp_nodes_over_none: \forall integer n; n <= 0 ==> pp_nodes_over(n) == 0;
    lemma pp_pow2_of_8: pp_pow2(8) == 0x100;
    lemma pp_pow2_of_16: pp_pow2(16) == 0x10000;
    lemma pp_pow2_of_24: pp_pow2(24) == 0x1000000;
    lemma pp_pow2_of_32: pp_pow2(32) == 0x100000000;
    lemma pp_pow2_of_40: pp_pow2(40) == 0x10000000000;
    lemma pp_pow2_of_48: pp_pow2(48) == 0x1000000000000;
    lemma pp_pow2_of_56: pp_pow2(56) == 0x100000000000000;
    lemma pp_pow2_of_64: pp_pow2(64) == 0x10000000000000000;
    lemma pp_doubled_step: \forall integer n, k; k >= 0 ==>
      pp_doubled(n, k + 1) == 2 * pp_doubled(n, k);
    lemma pp_drop_step: \forall integer n, k; k >= 0 ==> pp_drop(n, k + 1) == pp_drop(n, k) / 2; */

/*@ ghost
    /@ decreases n; assigns \nothing;
       ensures pp_bits(n) >= 0;
       ensures pp_bits(n) == pp_bits(n / 2) + n % 2;
       ensures pp_bits(n / 2) >= 0; @/
    void pp_bits_step(uint64_t n)
    {
        if (n > 0)
            pp_bits_step(n / 2);
    }
*/

/*@ ghost
    /@ requires 0 <= k <= n; decreases n + k; assigns \nothing; ensures pp_pow2(k) <= pp_pow2(n);
       ensures pp_pow2(k) >= 1; @/
    void pp_pow2_grows(unsigned k, unsigned n)
    {
        if (k > 0)
            pp_pow2_grows(k - 1, n - 1);
        else if (n > 0)
            pp_pow2_grows(0, n - 1);
    }
*/

/*@ // Above each of the lowest heights of n stand `left` 1 bits or more, of `all`.
    predicate pp_bits_left(integer n, integer heights, integer left, integer all) =
      \forall integer k; 0 <= k < heights ==> left <= pp_bits(pp_drop(n, k + 1))
        && (pp_drop(n, k) % 2 == 1 ==> pp_bits(pp_drop(n, k + 1)) < all); */

void pp_merkle_tree_init(struct pp_merkle_tree *tree)
{
    *tree = (struct pp_merkle_tree){0};
}

enum pp_error pp_merkle_tree_load(struct pp_merkle_tree *tree, uint64_t size,
                                  const struct pp_digest *peaks, size_t count)
{
    if (size > INT64_MAX || count != pp_bits_set(size))
        return PP_ERROR_FORMAT;
    pp_merkle_tree_init(tree);
    tree->size = size;
    size_t next = count;
    uint64_t rest = size;
    /*@ loop invariant 0 <= height <= 64 && tree->size == size;
        loop invariant rest == pp_drop(size, height) && next == pp_bits(rest) && next <= count;
        loop invariant pp_bits_left(size, height, next, count);
        loop invariant pp_peaks_listed(tree, height, peaks);
        loop assigns rest, height, next, tree->peaks[0 .. PP_MERKLE_HEIGHT_MAX];
        loop variant 64 - height; */
    for (unsigned height = 0; height <= PP_MERKLE_HEIGHT_MAX; height++) {
        //@ ghost pp_bits_step(rest);
        if (rest % 2 == 1)
            pp_copy(tree->peaks[height].b, peaks[--next].b, PP_DIGEST_BYTES);
        /*@ assert kept: \forall integer k, i; 0 <= k < height && 0 <= i < PP_DIGEST_BYTES ==>
              tree->peaks[k].b[i] == \at(tree->peaks[k].b[i], LoopCurrent); */
        /*@ assert list: \forall integer k, i; 0 <= k < count && 0 <= i < PP_DIGEST_BYTES ==>
              peaks[k].b[i] == \at(peaks[k].b[i], LoopCurrent); */
        rest /= 2;
        //@ assert rest == pp_drop(size, height + 1);
        /*@ assert new: \at(rest, LoopCurrent) % 2 == 1 ==>
              \forall integer i; 0 <= i < PP_DIGEST_BYTES ==>
                tree->peaks[height].b[i] == peaks[pp_bits(rest)].b[i]; */
    }
    return PP_OK;
}

size_t pp_merkle_tree_peaks(const struct pp_merkle_tree *tree, struct pp_digest *out)
{
    size_t count = pp_bits_set(tree->size), next = count;
    uint64_t rest = tree->size;
    /*@ loop invariant 0 <= height <= 64 && next <= count;
        loop invariant rest == pp_drop(tree->size, height) && next == pp_bits(rest);
        loop invariant pp_bits_left(tree->size, height, next, count);
        loop invariant pp_peaks_listed(tree, height, out);
        loop assigns rest, height, next, out[0 .. count - 1];
        loop variant 64 - height; */
    for (unsigned height = 0; height <= PP_MERKLE_HEIGHT_MAX; height++) {
        //@ ghost pp_bits_step(rest);
        if (rest % 2 == 1)
            pp_copy(out[--next].b, tree->peaks[height].b, PP_DIGEST_BYTES);
        /*@ assert kept: \forall integer k, i; 0 <= k <= PP_MERKLE_HEIGHT_MAX
              && 0 <= i < PP_DIGEST_BYTES ==>
              tree->peaks[k].b[i] == \at(tree->peaks[k].b[i], LoopCurrent); */
        /*@ assert list: \forall integer k, i; \at(next, LoopCurrent) <= k < count
              && 0 <= i < PP_DIGEST_BYTES ==>
              out[k].b[i] == \at(out[k].b[i], LoopCurrent); */
        rest /= 2;
        //@ assert rest == pp_drop(tree->size, height + 1);
        /*@ assert new: \at(rest, LoopCurrent) % 2 == 1 ==>
              \forall integer i; 0 <= i < PP_DIGEST_BYTES ==>
                tree->peaks[height].b[i] == out[pp_bits(rest)].b[i]; */
    }
    return count;
}

/*@ // pp_peaks_listed for one height.
    predicate pp_peak_listed{L}(struct pp_merkle_tree *t, integer k, struct pp_digest *list) =
      pp_drop(t->size, k) % 2 == 1 ==> \forall integer i; 0 <= i < PP_DIGEST_BYTES ==>
        t->peaks[k].b[i] == list[pp_bits(pp_drop(t->size, k + 1))].b[i]; */

bool pp_merkle_tree_has_peaks(const struct pp_merkle_tree *tree, const struct pp_digest *peaks,
                              size_t count)
{
    if (count != pp_bits_set(tree->size))
        return false;
    size_t next = count;
    uint64_t rest = tree->size;
    /*@ loop invariant 0 <= height <= 64 && next <= count;
        loop invariant rest == pp_drop(tree->size, height) && next == pp_bits(rest);
        loop invariant \forall integer k; 0 <= k < height ==> pp_peak_listed(tree, k, peaks);
        loop assigns rest, height, next;
        loop variant 64 - height; */
    for (unsigned height = 0; height <= PP_MERKLE_HEIGHT_MAX; height++) {
        //@ ghost pp_bits_step(rest);
        if (rest % 2 == 1 && !pp_digest_equal(&tree->peaks[height], &peaks[--next])) {
            //@ assert other: next == pp_bits(pp_drop(tree->size, height + 1));
            //@ assert differs: !pp_peaks_listed(tree, 64, peaks);
            return false;
        }
        rest /= 2;
        //@ assert rest == pp_drop(tree->size, height + 1);
        //@ assert new: pp_peak_listed(tree, height, peaks);
    }
    return true;
}

struct pp_digest pp_merkle_tree_root(const struct pp_merkle_tree *tree)
{
    if (tree->size == 0)
        return pp_empty_hash();
    uint64_t rest = tree->size;
    unsigned height = 0;
    /*@ loop invariant 0 < rest < pp_pow2(64 - height) && 0 <= height <= 63;
        loop invariant pp_fold_peaks(&tree->peaks[0], height, rest)
          == pp_fold_peaks(&tree->peaks[0], 0, tree->size);
        loop assigns rest, height;
        loop variant rest; */
    while (rest % 2 == 0) {
        //@ assert rest / 2 < pp_pow2(63 - height);
        /*@ assert pp_fold_peaks(&tree->peaks[0], height, rest)
              == pp_fold_peaks(&tree->peaks[0], height + 1, rest / 2); */
        rest /= 2;
        height++;
    }
    struct pp_digest root = tree->peaks[height];
    /*@ loop invariant 0 < rest < pp_pow2(64 - height) && 0 <= height <= 63;
        loop invariant pp_fold_above(&tree->peaks[0], height + 1, rest / 2, root)
          == pp_fold_peaks(&tree->peaks[0], 0, tree->size);
        loop assigns rest, height, root;
        loop variant rest; */
    while (rest > 1) {
        //@ assert rest / 2 < pp_pow2(63 - height);
        rest /= 2;
        height++;
        if (rest % 2 == 1)
            root = pp_node_hash(&tree->peaks[height], &root);
        /*@ assert root == pp_peak_above(tree->peaks[height], rest, \at(root, LoopCurrent)); */
        /*@ assert pp_fold_above(&tree->peaks[0], height, rest, \at(root, LoopCurrent))
              == pp_fold_above(&tree->peaks[0], height + 1, rest / 2, root); */
    }
    return root;
}

/* A tree of n leaves has n / 2^h complete subtrees of height h. */
/*@ requires blocks <= INT64_MAX;
    assigns \nothing;
    ensures sum: \result == pp_nodes_over(blocks);
    ensures range: \result <= 2 * blocks; */
static uint64_t nodes_over(uint64_t blocks)
{
    uint64_t count = 0;
    /*@ loop invariant count + pp_nodes_over(blocks) == pp_nodes_over(\at(blocks, Pre));
        loop invariant count + 2 * blocks <= 2 * \at(blocks, Pre);
        loop assigns blocks, count;
        loop variant blocks; */
    for (; blocks != 0; blocks /= 2)
        count += blocks;
    return count;
}

uint64_t pp_merkle_nodes_completed(uint64_t leaves)
{
    return nodes_over(leaves / PP_INDEX_BLOCK_ENTRIES);
}

/* A node is completed by the last block under it, after that block's nodes of lower height. */
uint64_t pp_merkle_node_position(unsigned height, uint64_t number)
{
    uint64_t end = number + 1;
    //@ ghost pp_pow2_grows(63 - height, 57);
    /*@ loop invariant MERKLE_BLOCK_HEIGHT <= h <= height;
        loop invariant end == pp_doubled(number + 1, h - MERKLE_BLOCK_HEIGHT);
        loop invariant 1 <= end <= pp_pow2(57 - (height - h));
        loop assigns h, end;
        loop variant height - h; */
    for (unsigned h = MERKLE_BLOCK_HEIGHT; h < height; h++) {
        //@ ghost pp_pow2_grows(58 - (height - h), 57);
        end *= 2;
    }
    //@ assert end <= pp_pow2(57) == 0x200000000000000;
    //@ assert end == pp_doubled(number + 1, height - MERKLE_BLOCK_HEIGHT);
    return nodes_over(end - 1) + (height - MERKLE_BLOCK_HEIGHT);
}

/*@ ghost
    /@ requires a <= b;
       assigns \nothing;
       ensures a * w <= b * w && (b / 2) * (2 * w) <= b * w;
       ensures 1 <= b ==> w <= b * w;
       ensures b % 2 == 0 ==> (b / 2) * (2 * w) == b * w; @/
    void pp_scale(uint64_t a, uint64_t b, uint64_t w)
    {
        /@ assert b == 2 * (b / 2) || b == 2 * (b / 2) + 1; @/
    }
*/

/* The siblings on the way from node `index` of a height, whose nodes cover `width` leaves, to the
   root of a tree of `size` leaves; the one at the right edge may be cut off. */
/*@ requires 0 < size <= INT64_MAX && 1 <= width && index <= (size - 1) / width;
    requires \valid(ranges + (0 .. 62));
    assigns ranges[0 .. 62];
    ensures count: 0 <= \result <= 63; */
static size_t sibling_ranges(uint64_t index, uint64_t width, uint64_t size,
                             struct pp_merkle_range *ranges)
{
    size_t count = 0;
    uint64_t last = (size - 1) / width;
    //@ ghost int i = 0;
    //@ assert pp_pow2(63) == 0x8000000000000000;
    /*@ loop invariant 0 <= count <= i <= 63 && index <= last < pp_pow2(63 - i);
        loop invariant last * width <= size - 1;
        loop invariant 1 <= width;
        loop assigns last, index, width, count, i, ranges[0 .. 62];
        loop variant last; */
    while (last > 0) {
        //@ assert pp_pow2(63 - i) == 2 * pp_pow2(62 - i);
        //@ ghost pp_scale(index, last, width);
        if (index % 2 == 1) {
            uint64_t end = index * width;
            //@ ghost pp_scale(1, index, width);
            //@ assert end - width < end <= size;
            ranges[count++] = (struct pp_merkle_range){end - width, end};
        } else if (index < last) {
            uint64_t start = (index + 1) * width;
            //@ ghost pp_scale(index + 1, last, width);
            //@ assert start < size;
            uint64_t end = size - start < width ? size : start + width;
            //@ assert start < end <= size;
            ranges[count++] = (struct pp_merkle_range){start, end};
        }
        //@ assert width <= size - 1 && (last / 2) * (2 * width) <= size - 1;
        last /= 2, index /= 2, width *= 2;
        //@ assert width == 2 * \at(width, LoopCurrent) && last == \at(last, LoopCurrent) / 2;
        //@ ghost i++;
    }
    return count;
}

enum pp_error pp_merkle_inclusion_ranges(uint64_t index, uint64_t size,
                                         struct pp_merkle_range *ranges, size_t *count)
{
    if (index >= size || size > INT64_MAX)
        return PP_ERROR_ARGUMENT;
    *count = sibling_ranges(index, 1, size, ranges);
    return PP_OK;
}

enum pp_error pp_merkle_consistency_ranges(uint64_t old_size, uint64_t new_size,
                                           struct pp_merkle_range *ranges, size_t *count)
{
    if (old_size > new_size || new_size > INT64_MAX)
        return PP_ERROR_ARGUMENT;
    *count = 0;
    if (old_size == 0 || old_size == new_size)
        return PP_OK;
    /* The path starts at the smallest peak of the old tree, which both trees have; when it is the
       whole old tree, the verifier knows its hash. */
    uint64_t width = 1, number = old_size; /* number * width is old_size */
    /*@ loop invariant 1 <= number && 1 <= width && number * width == old_size;
        loop assigns number, width;
        loop variant number; */
    for (; number % 2 == 0; number /= 2) {
        //@ ghost pp_scale(2, number, width);
        width *= 2;
    }
    size_t first = 0;
    //@ assert (number - 1) * width <= new_size - 1 && width <= old_size;
    if (number != 1)
        ranges[first++] = (struct pp_merkle_range){old_size - width, old_size};
    *count = first + sibling_ranges(number - 1, width, new_size, ranges + first);
    return PP_OK;
}
