/* SPDX-License-Identifier: MIT */
/* Steps of the check of a segment's entries: counters without a gap, and the tags of a chain
   (docs/format/ledger.md, sections 3 and 5). */
#include "ledger_internal.h"

#include "../base/base.h"

size_t pp_chain_check(const struct pp_tag *computed, const struct pp_tag *stored, size_t n)
{
    /*@ loop invariant 0 <= i <= n;
        loop invariant \forall integer k; 0 <= k < i ==> pp_tag_at_same(computed + k, stored + k);
        loop assigns i;
        loop variant n - i; */
    for (size_t i = 0; i < n; i++) {
        if (!pp_tag_equal(&computed[i], &stored[i]))
            return i;
        //@ assert pp_tag_at_same(computed + i, stored + i);
    }
    return n;
}

size_t pp_seq_check(uint64_t first, const uint64_t *seqs, size_t n)
{
    /*@ loop invariant 0 <= i <= n;
        loop invariant \forall integer k; 0 <= k < i ==> seqs[k] == first + k;
        loop assigns i;
        loop variant n - i; */
    for (size_t i = 0; i < n; i++)
        if (seqs[i] != first + i)
            return i;
    return n;
}

size_t pp_chain_verify(struct pp_hash_engine *engine, const struct pp_chain_input *in,
                       const struct pp_tag *stored, size_t n, struct pp_tag *computed)
{
    pp_chain_tag_many(engine, in, n, computed);
    /*@ assert computes: \forall integer k, i; 0 <= k < n && 0 <= i < PP_TAG_BYTES ==>
          computed[k].b[i] == pp_chain_tag_of(\at(*in[k].key, Pre), \at(in[k].previous, Pre),
                                              \at(in[k].leaf, Pre)).b[i]; */
    /*@ assert unchanged: \forall integer k, i; 0 <= k < n && 0 <= i < PP_TAG_BYTES ==>
          stored[k].b[i] == \at(stored[k].b[i], Pre); */
    size_t bad = pp_chain_check(computed, stored, n);
    /*@ assert differs: bad < n ==> \exists integer i; 0 <= i < PP_TAG_BYTES
          && computed[bad].b[i] != stored[bad].b[i]; */
    //@ assert bad < n ==> !pp_link_good{Pre}(in, stored, bad);
    return bad;
}
