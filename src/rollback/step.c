/* SPDX-License-Identifier: MIT */
/* Runs a script piece by piece: as far as the pieces at hand go, then says which one is at its end.
 */
#include "rollback_internal.h"

/*@ assigns \nothing;
    ensures \result <==> pp_sizes_done(left); */
static bool is_done(struct pp_rollback_sizes left)
{
    return pp_rollback_sizes_done(&left);
}

/*@ lemma pp_rest_of_rest: \forall struct pp_bytes a, b, c;
      pp_rest_of(a, b) && pp_rest_of(b, c) ==> pp_rest_of(a, c);
    lemma pp_rest_is_valid{L}: \forall struct pp_bytes a, b, uint8_t *out, integer room, n;
      pp_piece_is_valid(a, out, room) && pp_rest_of(a, b) && 0 <= n <= room ==>
        pp_piece_is_valid(b, out + n, room - n);
    lemma pp_window_rest_of_rest: \forall struct pp_rollback_window u, v, w;
      pp_window_rest(u, v) && pp_window_rest(v, w) ==> pp_window_rest(u, w);
    lemma pp_window_rest_is_valid{L}: \forall struct pp_rollback_window w, v;
      pp_window_is_valid(w) && 0 <= v.room && pp_window_rest(w, v) ==> pp_window_is_valid(v);
    lemma pp_behind_is_rest: \forall struct pp_bytes a, b, integer n;
      pp_view_behind(a, b, n) && 0 <= n <= a.len ==> pp_rest_of(a, b);
    lemma pp_source_part_positive: \forall integer direction, kind, n;
      0 <= n ==> 0 <= pp_source_part(direction, kind, n);
    lemma pp_out_part_positive: \forall integer direction, kind, n;
      0 <= n ==> 0 <= pp_out_part(direction, kind, n);
    lemma pp_stream_part_positive: \forall integer carrier, kind, n;
      0 <= n ==> 0 <= pp_stream_part(carrier, kind, n);
    lemma pp_window_behind_is_rest: \forall struct pp_rollback_window w, v,
                                      integer direction, kind, n;
      pp_window_behind(w, v, direction, kind, n) && 0 <= n && 0 <= w.control.len
      && pp_window_allows(w, direction, kind, n) ==> pp_window_rest(w, v);
    lemma pp_window_behind_none: \forall struct pp_rollback_window w, integer direction, kind;
      pp_window_behind(w, w, direction, kind, 0); */

/* Where a step stands; by value, so that only the images and streams are memory to reason about. */
struct progress {
    struct pp_rollback_run run;
    struct pp_rollback_window window;
    enum pp_rollback_state state;
};

/* As much of the operation at work as the pieces allow; PP_ROLLBACK_DONE when that is all of it. */
/*@ requires pp_window_is_valid(at.window) && pp_run_is_valid(at.run);
    requires 0 < at.run.operation.count;
    assigns at.window.out[0 .. at.window.room - 1];
    ensures same: \result.run.left == at.run.left && \result.run.direction == at.run.direction
      && \result.run.operation.kind == at.run.operation.kind
      && \result.run.operation.delta == at.run.operation.delta;
    ensures state: pp_state_holds(\result.state, \result.window);
    ensures done: \result.state == PP_ROLLBACK_DONE <==> \result.run.operation.count == 0;
    ensures less: \result.run.operation.count <= at.run.operation.count;
    ensures behind: pp_window_behind(at.window, \result.window, at.run.direction,
      at.run.operation.kind, at.run.operation.count - \result.run.operation.count);
    ensures rest: pp_window_rest(at.window, \result.window);
    ensures apply: at.run.direction == PP_ROLLBACK_APPLY ==>
      pp_step{Pre, Post}(at.run.operation.kind, at.run.operation.delta,
        at.run.operation.count - \result.run.operation.count, at.window.deltas.data,
        at.window.new_literals.data, at.window.old_literals.data, at.window.source.data,
        at.window.out);
    ensures revert: at.run.direction != PP_ROLLBACK_APPLY ==>
      pp_step{Pre, Post}(at.run.operation.kind, at.run.operation.delta,
        at.run.operation.count - \result.run.operation.count, at.window.deltas.data,
        at.window.new_literals.data, at.window.old_literals.data, at.window.out,
        at.window.source.data); */
static struct progress run_piece(struct progress at)
{
    struct progress after = at;
    struct pp_rollback_operation piece = at.run.operation;
    piece.count = pp_rollback_window_allows(at.run.direction, at.run.operation, at.window);
    //@ assert none: pp_window_behind(at.window, at.window, at.run.direction, piece.kind, 0);
    //@ assert none: pp_window_rest(at.window, at.window);
    if (piece.count == 0) {
        after.state = pp_rollback_window_needs(at.run.direction, piece.kind, at.window);
        return after;
    }
    if (!pp_rollback_window_run(at.run.direction, piece, at.window)) {
        after.state = PP_ROLLBACK_WRONG_BASE;
        return after;
    }
    after.window =
        pp_rollback_window_behind(at.run.direction, piece.kind, (size_t)piece.count, at.window);
    //@ assert rest: pp_window_rest(at.window, after.window);
    after.run.operation.count = at.run.operation.count - piece.count;
    after.state = PP_ROLLBACK_DONE;
    if (after.run.operation.count > 0)
        after.state = pp_rollback_window_needs(at.run.direction, piece.kind, after.window);
    return after;
}

/* PP_ROLLBACK_DONE when an operation was read. */
/*@ requires pp_bytes_readable(at.window.control);
    assigns \nothing;
    ensures states: \result.state == PP_ROLLBACK_DONE
      || \result.state == PP_ROLLBACK_NEEDS_CONTROL || \result.state == PP_ROLLBACK_BAD_SCRIPT;
    ensures needs: \result.state == PP_ROLLBACK_NEEDS_CONTROL <==> at.window.control.len < 10;
    ensures bad: \result.state == PP_ROLLBACK_BAD_SCRIPT <==> 10 <= at.window.control.len
      && !(pp_operation_is_valid(at.window.control.data[0], at.window.control.data[1],
                                 pp_be64(at.window.control.data + 2))
           && pp_operation_fits(at.run.left, at.window.control.data[0],
                                pp_be64(at.window.control.data + 2)));
    ensures read: \result.state == PP_ROLLBACK_DONE ==>
      \result.run.operation.kind == at.window.control.data[0]
      && \result.run.operation.delta == at.window.control.data[1]
      && \result.run.operation.count == pp_be64(at.window.control.data + 2)
      && pp_operation_is_valid(\result.run.operation.kind, \result.run.operation.delta,
                               \result.run.operation.count);
    ensures taken: \result.state == PP_ROLLBACK_DONE ==> pp_taken(at.run.left,
      \result.run.left, \result.run.operation.kind, \result.run.operation.count);
    ensures control: \result.state == PP_ROLLBACK_DONE ==>
      pp_view_behind(at.window.control, \result.window.control, 10);
    ensures same: \result.run.direction == at.run.direction
      && \result.window.deltas == at.window.deltas
      && \result.window.new_literals == at.window.new_literals
      && \result.window.old_literals == at.window.old_literals
      && \result.window.source == at.window.source && \result.window.out == at.window.out
      && \result.window.room == at.window.room;
    ensures rest: pp_window_rest(at.window, \result.window);
    ensures unchanged: \result.state != PP_ROLLBACK_DONE ==>
      \result.run == at.run && \result.window == at.window; */
static struct progress next_operation(struct progress at)
{
    struct progress after = at;
    struct pp_rollback_operation operation = at.run.operation;
    struct pp_rollback_sizes left = at.run.left;
    if (at.window.control.len < PP_ROLLBACK_OPERATION_BYTES) {
        after.state = PP_ROLLBACK_NEEDS_CONTROL;
    } else if (pp_rollback_operation_read(at.window.control.data, &operation) != PP_OK ||
               pp_rollback_sizes_take(&left, operation) != PP_OK) {
        after.state = PP_ROLLBACK_BAD_SCRIPT;
    } else {
        after.run.operation = operation;
        after.run.left = left;
        after.window.control =
            pp_rollback_view_behind(at.window.control, PP_ROLLBACK_OPERATION_BYTES);
        after.state = PP_ROLLBACK_DONE;
    }
    //@ assert control: pp_rest_of(at.window.control, after.window.control);
    return after;
}

/*@ requires pp_window_is_valid(start.window) && pp_run_is_valid(start.run);
    assigns start.window.out[0 .. start.window.room - 1];
    ensures valid: pp_run_is_valid(\result.run);
    ensures rest: pp_window_rest(start.window, \result.window);
    ensures balanced: pp_balanced(start.run, start.window, \result.run, \result.window);
    ensures state: pp_state_holds(\result.state, \result.window);
    ensures done: \result.state == PP_ROLLBACK_DONE ==>
      \result.run.operation.count == 0 && pp_sizes_done(\result.run.left); */
static struct progress run_script(struct progress start)
{
    struct progress at = start;
    /*@ loop invariant window: pp_window_is_valid(at.window);
        loop invariant valid: pp_run_is_valid(at.run);
        loop invariant rest: pp_window_rest(start.window, at.window);
        loop invariant balanced: pp_balanced(start.run, start.window, at.run, at.window);
        loop assigns at, start.window.out[0 .. start.window.room - 1];
        loop variant at.window.control.len; */
    for (;;) {
        if (at.run.operation.count > 0) {
            at = run_piece(at);
            //@ assert rest: pp_window_rest(start.window, at.window);
            //@ assert window: pp_window_is_valid(at.window);
            if (at.state != PP_ROLLBACK_DONE)
                return at;
        }
        if (at.run.left.control_bytes == 0) {
            at.state = is_done(at.run.left) ? PP_ROLLBACK_DONE : PP_ROLLBACK_BAD_SCRIPT;
            return at;
        }
        at = next_operation(at);
        if (at.state != PP_ROLLBACK_DONE)
            return at;
    }
}

enum pp_rollback_state pp_rollback_run_step(struct pp_rollback_run *run,
                                            struct pp_rollback_window *window)
{
    const struct progress after = run_script((struct progress){*run, *window, PP_ROLLBACK_DONE});
    *run = after.run;
    *window = after.window;
    return after.state;
}
