/* SPDX-License-Identifier: MIT */
/* The contracts of the plain form of patches, proved by Frama-C/WP on the files of this folder: one
   operation, the sums of a script, and the pieces that a step has at hand. */
#ifndef PP_ROLLBACK_INTERNAL_H
#define PP_ROLLBACK_INTERNAL_H

#include <postproof/rollback.h>

/* How the theorems are stated.  A script relates an old and a new image; which one is the source is
   no part of the relation.  So what apply writes and what revert reads is one predicate, pp_step,
   and both directions are the identity after each other (proofs/frama-c/rollback_round_trip.c). */

/*@ // docs/format/rollback.md, the control stream: which operations there are.
    predicate pp_operation_is_valid(integer kind, integer delta, integer count) =
      0 < count && 0 <= kind <= PP_ROLLBACK_OLD && (kind != PP_ROLLBACK_COPY ==> delta == 0);

    // Bytes that an operation speaks of, in an image (by what the image lacks) and in a stream.
    logic integer pp_image_part(integer lacks, integer kind, integer count) =
      kind == lacks ? 0 : count;
    logic integer pp_stream_part(integer carrier, integer kind, integer count) =
      kind == carrier ? count : 0;

    // One operation on both images from where they were reached.
    predicate pp_step{S, L}(integer kind, integer delta, integer count, uint8_t *deltas,
                            uint8_t *new_literal, uint8_t *old_literal, uint8_t *old,
                            uint8_t *new) =
      (kind == PP_ROLLBACK_COPY ==> \forall integer i; 0 <= i < count ==>
        \at(new[i], L) == (\at(old[i], L) + delta) % 0x100)
      && (kind == PP_ROLLBACK_PAIR ==> \forall integer i; 0 <= i < count ==>
        \at(new[i], L) == (\at(old[i], L) + \at(deltas[i], S)) % 0x100)
      && (kind == PP_ROLLBACK_NEW ==> \forall integer i; 0 <= i < count ==>
        \at(new[i], L) == \at(new_literal[i], S))
      && (kind == PP_ROLLBACK_OLD ==> \forall integer i; 0 <= i < count ==>
        \at(old[i], L) == \at(old_literal[i], S)); */

/*@ requires \valid_read(p + (0 .. 9)) && \valid(operation);
    requires \separated(operation, p + (0 .. 9));
    assigns *operation;
    ensures valid: \result == PP_OK <==> pp_operation_is_valid(p[0], p[1], pp_be64(p + 2));
    ensures errors: \result == PP_OK || \result == PP_ERROR_FORMAT;
    ensures fields: \result == PP_OK ==> operation->kind == p[0] && operation->delta == p[1]
      && operation->count == pp_be64(p + 2);
    ensures unchanged: \result != PP_OK ==> *operation == \old(*operation); */
enum pp_error pp_rollback_operation_read(const uint8_t *p, struct pp_rollback_operation *operation);

/*@ requires \valid(p + (0 .. 9));
    assigns p[0 .. 9];
    ensures fields: p[0] == operation.kind && p[1] == operation.delta
      && pp_be64(p + 2) == operation.count; */
void pp_rollback_operation_write(uint8_t *p, struct pp_rollback_operation operation);

/*@ // The header's fields: magic "PPRBPT01" and the sizes of the images; the sizes of the streams.
    predicate pp_front_at{L}(uint8_t *p, integer old_bytes, integer new_bytes) =
      pp_be64(p) == 0x5050524250543031 && pp_be64(p + 8) == old_bytes
      && pp_be64(p + 16) == new_bytes;

    predicate pp_stream_sizes_at{L}(uint8_t *p, struct pp_rollback_sizes sizes) =
      pp_be64(p + 88) == sizes.control_bytes && pp_be64(p + 96) == sizes.delta_bytes
      && pp_be64(p + 104) == sizes.new_literal_bytes
      && pp_be64(p + 112) == sizes.old_literal_bytes; */

/*@ requires \valid_read(p + (0 .. 119)) && \valid(header);
    requires \separated(header, p + (0 .. 119));
    assigns *header;
    ensures valid: \result == PP_OK <==>
      pp_be64{Pre}(p) == 0x5050524250543031 && pp_be64{Pre}(p + 88) % 10 == 0;
    ensures errors: \result == PP_OK || \result == PP_ERROR_FORMAT;
    ensures front: \result == PP_OK ==>
      pp_front_at{Pre}(p, header->sizes.old_bytes, header->sizes.new_bytes);
    ensures streams: \result == PP_OK ==> pp_stream_sizes_at{Pre}(p, header->sizes);
    ensures hashes: \result == PP_OK ==> pp_same((uint8_t *)header->old_hash.b, p + 24, 32)
      && pp_same((uint8_t *)header->new_hash.b, p + 56, 32);
    ensures unchanged: \result != PP_OK ==> *header == \old(*header); */
enum pp_error pp_rollback_header_read(const uint8_t *p, struct pp_rollback_header *header);

/*@ requires \valid(p + (0 .. 119)) && \valid_read(header);
    requires \separated(header, p + (0 .. 119));
    assigns p[0 .. 119];
    ensures front: pp_front_at(p, header->sizes.old_bytes, header->sizes.new_bytes);
    ensures streams: pp_stream_sizes_at(p, header->sizes);
    ensures hashes: pp_same(p + 24, (uint8_t *)header->old_hash.b, 32)
      && pp_same(p + 56, (uint8_t *)header->new_hash.b, 32); */
void pp_rollback_header_write(uint8_t *p, const struct pp_rollback_header *header);

/*@ predicate pp_operation_fits(struct pp_rollback_sizes left, integer kind, integer count) =
      10 <= left.control_bytes
      && pp_image_part(PP_ROLLBACK_NEW, kind, count) <= left.old_bytes
      && pp_image_part(PP_ROLLBACK_OLD, kind, count) <= left.new_bytes
      && pp_stream_part(PP_ROLLBACK_PAIR, kind, count) <= left.delta_bytes
      && pp_stream_part(PP_ROLLBACK_NEW, kind, count) <= left.new_literal_bytes
      && pp_stream_part(PP_ROLLBACK_OLD, kind, count) <= left.old_literal_bytes;

    // after is what one operation leaves of before.
    predicate pp_taken(struct pp_rollback_sizes before, struct pp_rollback_sizes after,
                       integer kind, integer count) =
      after.control_bytes == before.control_bytes - 10
      && after.old_bytes == before.old_bytes - pp_image_part(PP_ROLLBACK_NEW, kind, count)
      && after.new_bytes == before.new_bytes - pp_image_part(PP_ROLLBACK_OLD, kind, count)
      && after.delta_bytes == before.delta_bytes - pp_stream_part(PP_ROLLBACK_PAIR, kind, count)
      && after.new_literal_bytes
        == before.new_literal_bytes - pp_stream_part(PP_ROLLBACK_NEW, kind, count)
      && after.old_literal_bytes
        == before.old_literal_bytes - pp_stream_part(PP_ROLLBACK_OLD, kind, count);

    predicate pp_sizes_done(struct pp_rollback_sizes left) =
      left.control_bytes == 0 && left.old_bytes == 0 && left.new_bytes == 0
      && left.delta_bytes == 0 && left.new_literal_bytes == 0 && left.old_literal_bytes == 0; */

/*@ requires \valid(left) && operation.kind <= PP_ROLLBACK_OLD;
    assigns *left;
    ensures fits: \result == PP_OK <==>
      pp_operation_fits(\old(*left), operation.kind, operation.count);
    ensures errors: \result == PP_OK || \result == PP_ERROR_FORMAT;
    ensures taken: \result == PP_OK ==>
      pp_taken(\old(*left), *left, operation.kind, operation.count);
    ensures unchanged: \result != PP_OK ==> *left == \old(*left); */
enum pp_error pp_rollback_sizes_take(struct pp_rollback_sizes *left,
                                     struct pp_rollback_operation operation);

/*@ requires \valid_read(left);
    assigns \nothing;
    ensures \result <==> pp_sizes_done(*left); */
bool pp_rollback_sizes_done(const struct pp_rollback_sizes *left);

/*@ // What the first k operations of a control stream speak of.
    logic integer pp_image_sum{L}(uint8_t *control, integer lacks, integer k) = k <= 0 ? 0
      : pp_image_sum(control, lacks, k - 1)
        + pp_image_part(lacks, control[10 * (k - 1)], pp_be64(control + (10 * (k - 1) + 2)));
    logic integer pp_stream_sum{L}(uint8_t *control, integer carrier, integer k) = k <= 0 ? 0
      : pp_stream_sum(control, carrier, k - 1)
        + pp_stream_part(carrier, control[10 * (k - 1)], pp_be64(control + (10 * (k - 1) + 2)));

    predicate pp_operation_valid_at{L}(uint8_t *control, integer k) =
      pp_operation_is_valid(control[10 * k], control[10 * k + 1],
                            pp_be64(control + (10 * k + 2)));

    predicate pp_operation_read_at{L}(uint8_t *control, integer k,
                                      struct pp_rollback_operation operation) =
      operation.kind == control[10 * k] && operation.delta == control[10 * k + 1]
      && operation.count == pp_be64(control + (10 * k + 2))
      && pp_operation_is_valid(operation.kind, operation.delta, operation.count);

    // Operation k is the one that leads from the sums before it to those behind it.
    predicate pp_sums_step{L}(uint8_t *control, integer k,
                              struct pp_rollback_operation operation) =
      pp_image_sum(control, PP_ROLLBACK_NEW, k + 1) == pp_image_sum(control, PP_ROLLBACK_NEW, k)
        + pp_image_part(PP_ROLLBACK_NEW, operation.kind, operation.count)
      && pp_image_sum(control, PP_ROLLBACK_OLD, k + 1) == pp_image_sum(control, PP_ROLLBACK_OLD, k)
        + pp_image_part(PP_ROLLBACK_OLD, operation.kind, operation.count)
      && pp_stream_sum(control, PP_ROLLBACK_PAIR, k + 1)
        == pp_stream_sum(control, PP_ROLLBACK_PAIR, k)
          + pp_stream_part(PP_ROLLBACK_PAIR, operation.kind, operation.count)
      && pp_stream_sum(control, PP_ROLLBACK_NEW, k + 1)
        == pp_stream_sum(control, PP_ROLLBACK_NEW, k)
          + pp_stream_part(PP_ROLLBACK_NEW, operation.kind, operation.count)
      && pp_stream_sum(control, PP_ROLLBACK_OLD, k + 1)
        == pp_stream_sum(control, PP_ROLLBACK_OLD, k)
          + pp_stream_part(PP_ROLLBACK_OLD, operation.kind, operation.count);

    // after is what the first k operations leave of before.
    predicate pp_sums{L}(uint8_t *control, integer k, struct pp_rollback_sizes before,
                         struct pp_rollback_sizes after) =
      before.control_bytes == after.control_bytes + 10 * k
      && before.old_bytes == after.old_bytes + pp_image_sum(control, PP_ROLLBACK_NEW, k)
      && before.new_bytes == after.new_bytes + pp_image_sum(control, PP_ROLLBACK_OLD, k)
      && before.delta_bytes == after.delta_bytes + pp_stream_sum(control, PP_ROLLBACK_PAIR, k)
      && before.new_literal_bytes
        == after.new_literal_bytes + pp_stream_sum(control, PP_ROLLBACK_NEW, k)
      && before.old_literal_bytes
        == after.old_literal_bytes + pp_stream_sum(control, PP_ROLLBACK_OLD, k);

    // The first k operations speak of no more than there is.
    predicate pp_sums_fit{L}(uint8_t *control, integer k, struct pp_rollback_sizes left) =
      10 * k <= left.control_bytes
      && pp_image_sum(control, PP_ROLLBACK_NEW, k) <= left.old_bytes
      && pp_image_sum(control, PP_ROLLBACK_OLD, k) <= left.new_bytes
      && pp_stream_sum(control, PP_ROLLBACK_PAIR, k) <= left.delta_bytes
      && pp_stream_sum(control, PP_ROLLBACK_NEW, k) <= left.new_literal_bytes
      && pp_stream_sum(control, PP_ROLLBACK_OLD, k) <= left.old_literal_bytes;

    // They speak of all of it.
    predicate pp_sums_exact{L}(uint8_t *control, integer k, struct pp_rollback_sizes all) =
      10 * k == all.control_bytes
      && pp_image_sum(control, PP_ROLLBACK_NEW, k) == all.old_bytes
      && pp_image_sum(control, PP_ROLLBACK_OLD, k) == all.new_bytes
      && pp_stream_sum(control, PP_ROLLBACK_PAIR, k) == all.delta_bytes
      && pp_stream_sum(control, PP_ROLLBACK_NEW, k) == all.new_literal_bytes
      && pp_stream_sum(control, PP_ROLLBACK_OLD, k) == all.old_literal_bytes;

    // They are valid, too, and so is each beginning of them.
    predicate pp_script_fits{L}(uint8_t *control, integer k, struct pp_rollback_sizes left) =
      \forall integer q; 0 <= q < k ==>
        pp_operation_valid_at(control, q) && pp_sums_fit(control, q + 1, left); */

/*@ requires pp_bytes_readable(control) && \valid(left);
    requires \separated(left, control.data + (0 .. control.len - 1));
    assigns *left;
    ensures fits: \result == PP_OK <==> control.len % 10 == 0
      && pp_script_fits{Pre}(control.data, control.len / 10, \old(*left));
    ensures sums: \result == PP_OK ==>
      pp_sums{Pre}(control.data, control.len / 10, \old(*left), *left);
    ensures errors: \result == PP_OK || \result == PP_ERROR_FORMAT; */
enum pp_error pp_rollback_control_check(struct pp_bytes control, struct pp_rollback_sizes *left);

/* The buffers of each of these do not overlap. */

/* Bytes of a Copy: out[i] = source[i] + delta, or - delta when reverting, modulo 256. */
/*@ requires \valid_read(source + (0 .. n - 1)) && \valid(out + (0 .. n - 1));
    requires \separated(out + (0 .. n - 1), source + (0 .. n - 1));
    assigns out[0 .. n - 1];
    ensures apply: direction == PP_ROLLBACK_APPLY ==> \forall integer i; 0 <= i < n ==>
      out[i] == (source[i] + delta) % 0x100;
    ensures revert: direction != PP_ROLLBACK_APPLY ==> \forall integer i; 0 <= i < n ==>
      out[i] == (source[i] + (0x100 - delta)) % 0x100 && source[i] == (out[i] + delta) % 0x100; */
void pp_rollback_copy_bytes(enum pp_rollback_direction direction, uint8_t delta,
                            const uint8_t *source, uint8_t *out, size_t n);

/* Bytes of a Pair: out[i] = source[i] + deltas[i], or - deltas[i] when reverting, modulo 256. */
/*@ requires \valid_read(deltas + (0 .. n - 1)) && \valid_read(source + (0 .. n - 1));
    requires \valid(out + (0 .. n - 1));
    requires \separated(out + (0 .. n - 1), source + (0 .. n - 1));
    requires \separated(out + (0 .. n - 1), deltas + (0 .. n - 1));
    assigns out[0 .. n - 1];
    ensures apply: direction == PP_ROLLBACK_APPLY ==> \forall integer i; 0 <= i < n ==>
      out[i] == (source[i] + deltas[i]) % 0x100;
    ensures revert: direction != PP_ROLLBACK_APPLY ==> \forall integer i; 0 <= i < n ==>
      out[i] == (source[i] + (0x100 - deltas[i])) % 0x100
      && source[i] == (out[i] + deltas[i]) % 0x100; */
void pp_rollback_pair_bytes(enum pp_rollback_direction direction, const uint8_t *deltas,
                            const uint8_t *source, uint8_t *out, size_t n);

/* Where an operation begins in each stream and image. */
struct pp_rollback_places {
    const uint8_t *deltas, *new_literals, *old_literals, *source;
    uint8_t *out;
};

/*@ // The literals that the source and the result lack.
    logic integer pp_source_lacks(integer direction) =
      direction == PP_ROLLBACK_APPLY ? PP_ROLLBACK_NEW : PP_ROLLBACK_OLD;
    logic integer pp_out_lacks(integer direction) =
      direction == PP_ROLLBACK_APPLY ? PP_ROLLBACK_OLD : PP_ROLLBACK_NEW;
    logic integer pp_source_part(integer direction, integer kind, integer count) =
      pp_image_part(pp_source_lacks(direction), kind, count);
    logic integer pp_out_part(integer direction, integer kind, integer count) =
      pp_image_part(pp_out_lacks(direction), kind, count); */

/* Runs one operation.  False when the source lacks a literal that it must have. */
/*@ requires pp_operation_is_valid(operation.kind, operation.delta, operation.count);
    requires source: \valid_read(at.source
      + (0 .. pp_source_part(direction, operation.kind, operation.count) - 1));
    requires out: \valid(at.out
      + (0 .. pp_out_part(direction, operation.kind, operation.count) - 1));
    requires deltas: operation.kind == PP_ROLLBACK_PAIR ==>
      \valid_read(at.deltas + (0 .. operation.count - 1));
    requires new_literals: operation.kind == PP_ROLLBACK_NEW ==>
      \valid_read(at.new_literals + (0 .. operation.count - 1));
    requires old_literals: operation.kind == PP_ROLLBACK_OLD ==>
      \valid_read(at.old_literals + (0 .. operation.count - 1));
    requires apart: operation.kind != PP_ROLLBACK_NEW && operation.kind != PP_ROLLBACK_OLD ==>
      \separated(at.out + (0 .. operation.count - 1), at.source + (0 .. operation.count - 1));
    requires apart_deltas: operation.kind == PP_ROLLBACK_PAIR ==>
      \separated(at.out + (0 .. operation.count - 1), at.deltas + (0 .. operation.count - 1));
    requires apart_new: operation.kind == PP_ROLLBACK_NEW && direction == PP_ROLLBACK_APPLY ==>
      \separated(at.out + (0 .. operation.count - 1), at.new_literals + (0 .. operation.count - 1));
    requires apart_old: operation.kind == PP_ROLLBACK_OLD && direction != PP_ROLLBACK_APPLY ==>
      \separated(at.out + (0 .. operation.count - 1), at.old_literals + (0 .. operation.count - 1));
    assigns at.out[0 .. pp_out_part(direction, operation.kind, operation.count) - 1];
    ensures base_old: direction == PP_ROLLBACK_APPLY && operation.kind == PP_ROLLBACK_OLD ==>
      (\result <==> pp_same{Pre}(at.source, at.old_literals, operation.count));
    ensures base_new: direction != PP_ROLLBACK_APPLY && operation.kind == PP_ROLLBACK_NEW ==>
      (\result <==> pp_same{Pre}(at.source, at.new_literals, operation.count));
    ensures base_all: operation.kind != (direction == PP_ROLLBACK_APPLY
      ? PP_ROLLBACK_OLD : PP_ROLLBACK_NEW) ==> \result;
    ensures apply: \result && direction == PP_ROLLBACK_APPLY ==>
      pp_step{Pre, Post}(operation.kind, operation.delta, operation.count, at.deltas,
        at.new_literals, at.old_literals, at.source, at.out);
    ensures revert: \result && direction != PP_ROLLBACK_APPLY ==>
      pp_step{Pre, Post}(operation.kind, operation.delta, operation.count, at.deltas,
        at.new_literals, at.old_literals, at.out, at.source); */
bool pp_rollback_operation_run(enum pp_rollback_direction direction,
                               struct pp_rollback_operation operation,
                               struct pp_rollback_places at);

/*@ // The pieces can be read, and written, and the output overlaps none of them.
    predicate pp_piece_is_valid{L}(struct pp_bytes view, uint8_t *out, integer room) =
      pp_bytes_readable(view)
      && \separated(out + (0 .. room - 1), view.data + (0 .. view.len - 1));
    predicate pp_window_is_valid{L}(struct pp_rollback_window w) =
      \valid(w.out + (0 .. w.room - 1)) && pp_piece_is_valid(w.control, w.out, w.room)
      && pp_piece_is_valid(w.deltas, w.out, w.room)
      && pp_piece_is_valid(w.new_literals, w.out, w.room)
      && pp_piece_is_valid(w.old_literals, w.out, w.room)
      && pp_piece_is_valid(w.source, w.out, w.room);

    // All pieces allow n bytes of an operation.
    predicate pp_window_allows(struct pp_rollback_window w, integer direction, integer kind,
                               integer n) =
      pp_source_part(direction, kind, n) <= w.source.len
      && pp_out_part(direction, kind, n) <= w.room
      && pp_stream_part(PP_ROLLBACK_PAIR, kind, n) <= w.deltas.len
      && pp_stream_part(PP_ROLLBACK_NEW, kind, n) <= w.new_literals.len
      && pp_stream_part(PP_ROLLBACK_OLD, kind, n) <= w.old_literals.len;

    // A piece that holds no more than n bytes stops an operation of this kind there.
    predicate pp_window_stops(struct pp_rollback_window w, integer direction, integer kind,
                              integer n) =
      (kind != pp_source_lacks(direction) && w.source.len == n)
      || (kind != pp_out_lacks(direction) && w.room == n)
      || (kind == PP_ROLLBACK_PAIR && w.deltas.len == n)
      || (kind == PP_ROLLBACK_NEW && w.new_literals.len == n)
      || (kind == PP_ROLLBACK_OLD && w.old_literals.len == n);

    // The view after is the view before, behind n bytes.
    predicate pp_view_behind(struct pp_bytes before, struct pp_bytes after, integer n) =
      after.data == before.data + n && after.len == before.len - n;

    // The window after is the window before, behind n bytes of an operation.
    predicate pp_window_behind(struct pp_rollback_window before, struct pp_rollback_window after,
                               integer direction, integer kind, integer n) =
      pp_view_behind(before.control, after.control, 0)
      && pp_view_behind(before.deltas, after.deltas, pp_stream_part(PP_ROLLBACK_PAIR, kind, n))
      && pp_view_behind(before.new_literals, after.new_literals,
                        pp_stream_part(PP_ROLLBACK_NEW, kind, n))
      && pp_view_behind(before.old_literals, after.old_literals,
                        pp_stream_part(PP_ROLLBACK_OLD, kind, n))
      && pp_view_behind(before.source, after.source, pp_source_part(direction, kind, n))
      && after.out == before.out + pp_out_part(direction, kind, n)
      && after.room == before.room - pp_out_part(direction, kind, n); */

/* Bytes of the operation at work that the pieces allow. */
/*@ requires operation.kind <= PP_ROLLBACK_OLD;
    assigns \nothing;
    ensures allowed: \result <= operation.count
      && pp_window_allows(window, direction, operation.kind, \result);
    ensures most: \result < operation.count ==>
      pp_window_stops(window, direction, operation.kind, \result); */
size_t pp_rollback_window_allows(enum pp_rollback_direction direction,
                                 struct pp_rollback_operation operation,
                                 struct pp_rollback_window window);

/* Which piece stops an operation of this kind. */
/*@ requires kind <= PP_ROLLBACK_OLD && pp_window_stops(window, direction, kind, 0);
    assigns \nothing;
    ensures source: \result == PP_ROLLBACK_NEEDS_SOURCE ==> window.source.len == 0;
    ensures deltas: \result == PP_ROLLBACK_NEEDS_DELTAS ==> window.deltas.len == 0;
    ensures new_literals: \result == PP_ROLLBACK_NEEDS_NEW_LITERALS ==>
      window.new_literals.len == 0;
    ensures old_literals: \result == PP_ROLLBACK_NEEDS_OLD_LITERALS ==>
      window.old_literals.len == 0;
    ensures room: \result == PP_ROLLBACK_NEEDS_ROOM ==> window.room == 0;
    ensures states: PP_ROLLBACK_NEEDS_DELTAS <= \result <= PP_ROLLBACK_NEEDS_ROOM; */
enum pp_rollback_state pp_rollback_window_needs(enum pp_rollback_direction direction, uint8_t kind,
                                                struct pp_rollback_window window);

/* The window behind n bytes of an operation of this kind; n is not 0. */
/*@ requires kind <= PP_ROLLBACK_OLD && pp_window_allows(window, direction, kind, n);
    assigns \nothing;
    ensures pp_window_behind(window, \result, direction, kind, n); */
struct pp_rollback_window pp_rollback_window_behind(enum pp_rollback_direction direction,
                                                    uint8_t kind, size_t n,
                                                    struct pp_rollback_window window);

/* Runs an operation as long as the pieces allow all of it: its count is what they allow. */
/*@ requires pp_operation_is_valid(piece.kind, piece.delta, piece.count);
    requires pp_window_is_valid(w) && pp_window_allows(w, direction, piece.kind, piece.count);
    assigns w.out[0 .. w.room - 1];
    ensures base_old: direction == PP_ROLLBACK_APPLY && piece.kind == PP_ROLLBACK_OLD ==>
      (\result <==> pp_same{Pre}(w.source.data, w.old_literals.data, piece.count));
    ensures base_new: direction != PP_ROLLBACK_APPLY && piece.kind == PP_ROLLBACK_NEW ==>
      (\result <==> pp_same{Pre}(w.source.data, w.new_literals.data, piece.count));
    ensures base_all: piece.kind != pp_out_lacks(direction) ==> \result;
    ensures apply: \result && direction == PP_ROLLBACK_APPLY ==>
      pp_step{Pre, Post}(piece.kind, piece.delta, piece.count, w.deltas.data,
        w.new_literals.data, w.old_literals.data, w.source.data, w.out);
    ensures revert: \result && direction != PP_ROLLBACK_APPLY ==>
      pp_step{Pre, Post}(piece.kind, piece.delta, piece.count, w.deltas.data,
        w.new_literals.data, w.old_literals.data, w.out, w.source.data); */
bool pp_rollback_window_run(enum pp_rollback_direction direction,
                            struct pp_rollback_operation piece, struct pp_rollback_window w);

/*@ requires n <= view.len;
    assigns \nothing;
    ensures pp_view_behind(view, \result, n); */
struct pp_bytes pp_rollback_view_behind(struct pp_bytes view, size_t n);

/*@ // What the script has still to take from each stream and image: the operation at work, and all
    // behind it.
    logic integer pp_owed_deltas(struct pp_rollback_run run) = run.left.delta_bytes
      + pp_stream_part(PP_ROLLBACK_PAIR, run.operation.kind, run.operation.count);
    logic integer pp_owed_new_literals(struct pp_rollback_run run) = run.left.new_literal_bytes
      + pp_stream_part(PP_ROLLBACK_NEW, run.operation.kind, run.operation.count);
    logic integer pp_owed_old_literals(struct pp_rollback_run run) = run.left.old_literal_bytes
      + pp_stream_part(PP_ROLLBACK_OLD, run.operation.kind, run.operation.count);
    logic integer pp_owed_old(struct pp_rollback_run run) = run.left.old_bytes
      + pp_image_part(PP_ROLLBACK_NEW, run.operation.kind, run.operation.count);
    logic integer pp_owed_new(struct pp_rollback_run run) = run.left.new_bytes
      + pp_image_part(PP_ROLLBACK_OLD, run.operation.kind, run.operation.count);

    // What was used of the pieces is what the script spoke of meanwhile.
    predicate pp_balanced(struct pp_rollback_run before, struct pp_rollback_window w,
                          struct pp_rollback_run after, struct pp_rollback_window v) =
      before.direction == after.direction
      && before.left.control_bytes - after.left.control_bytes == w.control.len - v.control.len
      && pp_owed_deltas(before) - pp_owed_deltas(after) == w.deltas.len - v.deltas.len
      && pp_owed_new_literals(before) - pp_owed_new_literals(after)
        == w.new_literals.len - v.new_literals.len
      && pp_owed_old_literals(before) - pp_owed_old_literals(after)
        == w.old_literals.len - v.old_literals.len
      && (before.direction == PP_ROLLBACK_APPLY
          ? pp_owed_old(before) - pp_owed_old(after) == w.source.len - v.source.len
            && pp_owed_new(before) - pp_owed_new(after) == w.room - v.room
          : pp_owed_new(before) - pp_owed_new(after) == w.source.len - v.source.len
            && pp_owed_old(before) - pp_owed_old(after) == w.room - v.room);

    // The pieces of v are what is left of those of w.
    predicate pp_rest_of(struct pp_bytes whole, struct pp_bytes rest) =
      rest.len <= whole.len && rest.data == whole.data + (whole.len - rest.len);
    predicate pp_window_rest(struct pp_rollback_window w, struct pp_rollback_window v) =
      pp_rest_of(w.control, v.control) && pp_rest_of(w.deltas, v.deltas)
      && pp_rest_of(w.new_literals, v.new_literals) && pp_rest_of(w.old_literals, v.old_literals)
      && pp_rest_of(w.source, v.source) && v.room <= w.room
      && v.out == w.out + (w.room - v.room);

    // An answer is true of what is left.
    predicate pp_state_holds(integer state, struct pp_rollback_window w) =
      (state == PP_ROLLBACK_NEEDS_SOURCE ==> w.source.len == 0)
      && (state == PP_ROLLBACK_NEEDS_DELTAS ==> w.deltas.len == 0)
      && (state == PP_ROLLBACK_NEEDS_NEW_LITERALS ==> w.new_literals.len == 0)
      && (state == PP_ROLLBACK_NEEDS_OLD_LITERALS ==> w.old_literals.len == 0)
      && (state == PP_ROLLBACK_NEEDS_ROOM ==> w.room == 0)
      && (state == PP_ROLLBACK_NEEDS_CONTROL ==> w.control.len < 10);

    predicate pp_run_is_valid(struct pp_rollback_run run) =
      run.operation.kind <= PP_ROLLBACK_OLD
      && (run.operation.kind != PP_ROLLBACK_COPY ==> run.operation.delta == 0); */

/*@ requires \valid(run) && \valid(window) && \separated(run, window);
    requires pp_window_is_valid(*window) && pp_run_is_valid(*run);
    requires \separated(run, window->out + (0 .. window->room - 1));
    requires \separated(window, window->out + (0 .. window->room - 1));
    assigns *run, *window, window->out[0 .. window->room - 1];
    ensures valid: pp_run_is_valid(*run);
    ensures rest: pp_window_rest(\old(*window), *window);
    ensures balanced: pp_balanced(\old(*run), \old(*window), *run, *window);
    ensures state: pp_state_holds(\result, *window);
    ensures done: \result == PP_ROLLBACK_DONE ==>
      run->operation.count == 0 && pp_sizes_done(run->left); */
enum pp_rollback_state pp_rollback_run_step(struct pp_rollback_run *run,
                                            struct pp_rollback_window *window);

/*@ requires \valid(run) && \valid_read(sizes) && \separated(run, sizes);
    assigns *run;
    ensures sizes: run->left == \old(*sizes);
    ensures fields: run->direction == direction && run->operation.count == 0
      && run->operation.kind == PP_ROLLBACK_COPY && run->operation.delta == 0; */
void pp_rollback_run_init(struct pp_rollback_run *run, enum pp_rollback_direction direction,
                          const struct pp_rollback_sizes *sizes);

/*@ predicate pp_sizes_are(struct pp_rollback_sizes sizes, struct pp_rollback_streams s,
                           integer old_bytes, integer new_bytes) =
      sizes.old_bytes == old_bytes && sizes.new_bytes == new_bytes
      && sizes.control_bytes == s.control.len && sizes.delta_bytes == s.deltas.len
      && sizes.new_literal_bytes == s.new_literals.len
      && sizes.old_literal_bytes == s.old_literals.len; */

/*@ requires \valid_read(streams) && \valid(out + (0 .. out_bytes - 1));
    requires \separated(out + (0 .. out_bytes - 1), streams);
    requires pp_piece_is_valid(streams->control, out, out_bytes);
    requires pp_piece_is_valid(streams->deltas, out, out_bytes);
    requires pp_piece_is_valid(streams->new_literals, out, out_bytes);
    requires pp_piece_is_valid(streams->old_literals, out, out_bytes);
    requires pp_piece_is_valid(source, out, out_bytes);
    assigns out[0 .. out_bytes - 1];
    ensures errors: \result == PP_OK || \result == PP_ERROR_FORMAT
      || \result == PP_ERROR_MISMATCH;
    ensures checked: \forall struct pp_rollback_sizes sizes; \result != PP_ERROR_FORMAT
      && pp_sizes_are(sizes, \old(*streams),
           direction == PP_ROLLBACK_APPLY ? source.len : out_bytes,
           direction == PP_ROLLBACK_APPLY ? out_bytes : source.len) ==>
      sizes.control_bytes % 10 == 0
      && pp_script_fits{Pre}(\old(streams->control.data), sizes.control_bytes / 10, sizes)
      && pp_sums_exact{Pre}(\old(streams->control.data), sizes.control_bytes / 10, sizes); */
enum pp_error pp_rollback_run(enum pp_rollback_direction direction,
                              const struct pp_rollback_streams *streams, struct pp_bytes source,
                              uint8_t *out, size_t out_bytes);

#endif
