/* SPDX-License-Identifier: MIT */
/* The pieces that a step has at hand: how much of an operation they allow, and what is behind. */
#include "rollback_internal.h"

/*@ assigns \nothing;
    ensures \result <= a && \result <= b && (\result == a || \result == b); */
static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

size_t pp_rollback_window_allows(enum pp_rollback_direction direction,
                                 struct pp_rollback_operation operation,
                                 struct pp_rollback_window window)
{
    bool apply = direction == PP_ROLLBACK_APPLY;
    size_t n = operation.count < SIZE_MAX ? (size_t)operation.count : SIZE_MAX;
    if (operation.kind != (apply ? PP_ROLLBACK_NEW : PP_ROLLBACK_OLD))
        n = least(n, window.source.len);
    if (operation.kind != (apply ? PP_ROLLBACK_OLD : PP_ROLLBACK_NEW))
        n = least(n, window.room);
    if (operation.kind == PP_ROLLBACK_PAIR)
        return least(n, window.deltas.len);
    if (operation.kind == PP_ROLLBACK_NEW)
        return least(n, window.new_literals.len);
    return operation.kind == PP_ROLLBACK_OLD ? least(n, window.old_literals.len) : n;
}

enum pp_rollback_state pp_rollback_window_needs(enum pp_rollback_direction direction, uint8_t kind,
                                                struct pp_rollback_window window)
{
    bool apply = direction == PP_ROLLBACK_APPLY;
    if (kind != (apply ? PP_ROLLBACK_NEW : PP_ROLLBACK_OLD) && window.source.len == 0)
        return PP_ROLLBACK_NEEDS_SOURCE;
    if (kind == PP_ROLLBACK_PAIR && window.deltas.len == 0)
        return PP_ROLLBACK_NEEDS_DELTAS;
    if (kind == PP_ROLLBACK_NEW && window.new_literals.len == 0)
        return PP_ROLLBACK_NEEDS_NEW_LITERALS;
    if (kind == PP_ROLLBACK_OLD && window.old_literals.len == 0)
        return PP_ROLLBACK_NEEDS_OLD_LITERALS;
    return PP_ROLLBACK_NEEDS_ROOM;
}

struct pp_bytes pp_rollback_view_behind(struct pp_bytes view, size_t n)
{
    return (struct pp_bytes){view.data + n, view.len - n};
}

struct pp_rollback_window pp_rollback_window_behind(enum pp_rollback_direction direction,
                                                    uint8_t kind, size_t n,
                                                    struct pp_rollback_window window)
{
    struct pp_rollback_window after = window;
    bool apply = direction == PP_ROLLBACK_APPLY;
    if (kind == PP_ROLLBACK_PAIR)
        after.deltas = pp_rollback_view_behind(window.deltas, n);
    if (kind == PP_ROLLBACK_NEW)
        after.new_literals = pp_rollback_view_behind(window.new_literals, n);
    if (kind == PP_ROLLBACK_OLD)
        after.old_literals = pp_rollback_view_behind(window.old_literals, n);
    if (kind != (apply ? PP_ROLLBACK_NEW : PP_ROLLBACK_OLD))
        after.source = pp_rollback_view_behind(window.source, n);
    if (kind != (apply ? PP_ROLLBACK_OLD : PP_ROLLBACK_NEW)) {
        after.out += n;
        after.room -= n;
    }
    /*@ assert deltas: pp_view_behind(window.deltas, after.deltas,
          pp_stream_part(PP_ROLLBACK_PAIR, kind, n)); */
    /*@ assert new_literals: pp_view_behind(window.new_literals, after.new_literals,
          pp_stream_part(PP_ROLLBACK_NEW, kind, n)); */
    /*@ assert old_literals: pp_view_behind(window.old_literals, after.old_literals,
          pp_stream_part(PP_ROLLBACK_OLD, kind, n)); */
    /*@ assert source: pp_view_behind(window.source, after.source,
          pp_source_part(direction, kind, n)); */
    //@ assert control: pp_view_behind(window.control, after.control, 0);
    //@ assert out: after.out == window.out + pp_out_part(direction, kind, n);
    //@ assert room: after.room == window.room - pp_out_part(direction, kind, n);
    return after;
}

bool pp_rollback_window_run(enum pp_rollback_direction direction,
                            struct pp_rollback_operation piece, struct pp_rollback_window w)
{
    const struct pp_rollback_places at = {w.deltas.data, w.new_literals.data, w.old_literals.data,
                                          w.source.data, w.out};
    return pp_rollback_operation_run(direction, piece, at);
}
