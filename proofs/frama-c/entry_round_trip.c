/* SPDX-License-Identifier: MIT */
/* decode(encode(entry)) is entry, proved from the contracts of the two functions alone; in no
   build. */
#include <postproof/ledger.h>

/* The bytes determine the fields. */
/*@ lemma pp_entry_encodes_once{L}: \forall uint8_t *p, integer n, s1, t1, l1, k1, a1, b1,
                                    s2, t2, l2, k2, a2, b2;
      pp_entry_encodes(p, n, s1, t1, l1, k1, a1, b1)
      && pp_entry_encodes(p, n, s2, t2, l2, k2, a2, b2) ==> s1 == s2 && t1 == t2 && l1 == l2 && k1 == k2 && a1 == a2 && b1 == b2;

    // The fields determine the bytes of the numbers.
    lemma pp_be32_once{L}: \forall uint8_t *p, *q; pp_be32(p) == pp_be32(q) ==>
      p[0] == q[0] && p[1] == q[1] && p[2] == q[2] && p[3] == q[3];
    lemma pp_be64_once{L}: \forall uint8_t *p, *q; pp_be64(p) == pp_be64(q) ==>
      pp_be32(p) == pp_be32(q) && pp_be32(p + 4) == pp_be32(q + 4);
    lemma pp_be32_same{L}: \forall uint8_t *p, *q; pp_be32(p) == pp_be32(q) ==> pp_same(p, q, 4);
    lemma pp_be64_same{L}: \forall uint8_t *p, *q; pp_be64(p) == pp_be64(q) ==> pp_same(p, q, 8); */

/* decode(encode(entry)) is entry: the same numbers, and views of equal bytes. */
/*@ requires \valid_read(entry) && \valid(back) && \valid(out + (0 .. cap - 1));
    requires pp_entry_is_valid(entry->level, entry->kind, entry->source.len, entry->body.len);
    requires 24 + entry->source.len + entry->body.len <= PP_ENTRY_BYTES_MAX;
    requires 24 + entry->source.len + entry->body.len <= cap;
    requires pp_bytes_readable(entry->source) && pp_bytes_readable(entry->body);
    requires \separated(out + (0 .. cap - 1), entry, back);
    requires \separated(entry, back);
    requires \separated(out + (0 .. cap - 1), entry->source.data + (0 .. entry->source.len - 1));
    requires \separated(out + (0 .. cap - 1), entry->body.data + (0 .. entry->body.len - 1));
    requires \separated(back, entry->source.data + (0 .. entry->source.len - 1));
    requires \separated(back, entry->body.data + (0 .. entry->body.len - 1));
    assigns out[0 .. cap - 1], *back;
    ensures decodes: \result == PP_OK;
    ensures numbers: back->seq == entry->seq && back->time_ns == entry->time_ns
      && back->level == entry->level && back->kind == entry->kind
      && back->source.len == entry->source.len && back->body.len == entry->body.len;
    ensures source: pp_same(back->source.data, entry->source.data, entry->source.len);
    ensures body: pp_same(back->body.data, entry->body.data, entry->body.len); */
enum pp_error pp_entry_round_trip(const struct pp_entry *entry, uint8_t *out, size_t cap,
                                  struct pp_entry *back);

enum pp_error pp_entry_round_trip(const struct pp_entry *entry, uint8_t *out, size_t cap,
                                  struct pp_entry *back)
{
    const struct pp_bytes source = entry->source, body = entry->body;
    size_t len = 0;
    enum pp_error encoded = pp_entry_encode(entry, out, cap, &len);
    (void)encoded;
    //@ assert encoded: encoded == PP_OK;
    /*@ assert encodes: pp_entry_encodes(out, len, entry->seq, entry->time_ns, entry->level,
                                         entry->kind, source.len, body.len); */
    //@ assert source: pp_same(out + 20, source.data, source.len);
    //@ assert body: pp_same(out + (24 + source.len), body.data, body.len);
    //@ ghost Before: ;
    enum pp_error decoded = pp_entry_decode((struct pp_bytes){out, len}, back);
    //@ assert decoded: decoded == PP_OK;
    /*@ assert again: pp_entry_encodes{Before}(out, len, back->seq, back->time_ns, back->level,
                                       back->kind, back->source.len, back->body.len); */
    //@ assert lengths: back->source.len == source.len && back->body.len == body.len;
    //@ assert source: pp_same(out + 20, source.data, source.len);
    //@ assert body: pp_same(out + (24 + source.len), body.data, body.len);
    //@ assert views: entry->source.data == source.data && entry->body.data == body.data;
    return decoded;
}
