/* SPDX-License-Identifier: MIT */
/* Runs a script piece by piece: as far as the pieces at hand go, then says which one is at its end.
 */
#include "rollback_internal.h"

#include "../base/base.h"

/* The functions here that work on one operation answer PP_ROLLBACK_DONE when that is done. */

static size_t least(uint64_t count, size_t a, size_t b)
{
    size_t n = a < b ? a : b;
    return count < n ? (size_t)count : n;
}

static struct pp_bytes behind(struct pp_bytes view, size_t n)
{
    return (struct pp_bytes){view.data + n, view.len - n};
}

static void wrote(struct pp_rollback_window *window, size_t n)
{
    window->out += n;
    window->room -= n;
}

static enum pp_rollback_state run_copy(struct pp_rollback_run *run,
                                       struct pp_rollback_window *window)
{
    size_t n = least(run->operation.count, window->source.len, window->room);
    pp_rollback_copy_bytes(run->direction, run->operation.delta, window->source.data, window->out,
                           n);
    window->source = behind(window->source, n);
    wrote(window, n);
    run->operation.count -= n;
    if (run->operation.count == 0)
        return PP_ROLLBACK_DONE;
    return window->source.len == 0 ? PP_ROLLBACK_NEEDS_SOURCE : PP_ROLLBACK_NEEDS_ROOM;
}

static enum pp_rollback_state run_pair(struct pp_rollback_run *run,
                                       struct pp_rollback_window *window)
{
    size_t n = least(run->operation.count, window->source.len, window->room);
    n = least(n, window->deltas.len, n);
    pp_rollback_pair_bytes(run->direction, window->deltas.data, window->source.data, window->out,
                           n);
    window->deltas = behind(window->deltas, n);
    window->source = behind(window->source, n);
    wrote(window, n);
    run->operation.count -= n;
    if (run->operation.count == 0)
        return PP_ROLLBACK_DONE;
    if (window->source.len == 0)
        return PP_ROLLBACK_NEEDS_SOURCE;
    return window->deltas.len == 0 ? PP_ROLLBACK_NEEDS_DELTAS : PP_ROLLBACK_NEEDS_ROOM;
}

/* A literal of the target image is written. */
static enum pp_rollback_state write_literal(struct pp_rollback_run *run,
                                            struct pp_rollback_window *window,
                                            struct pp_bytes *literals,
                                            enum pp_rollback_state needs_more)
{
    size_t n = least(run->operation.count, literals->len, window->room);
    pp_copy(window->out, literals->data, n);
    *literals = behind(*literals, n);
    wrote(window, n);
    run->operation.count -= n;
    if (run->operation.count == 0)
        return PP_ROLLBACK_DONE;
    return literals->len == 0 ? needs_more : PP_ROLLBACK_NEEDS_ROOM;
}

/* A literal of the source image must stand there. */
static enum pp_rollback_state skip_literal(struct pp_rollback_run *run,
                                           struct pp_rollback_window *window,
                                           struct pp_bytes *literals,
                                           enum pp_rollback_state needs_more)
{
    size_t n = least(run->operation.count, literals->len, window->source.len);
    if (!pp_equal_constant_time(window->source.data, literals->data, n))
        return PP_ROLLBACK_WRONG_BASE;
    *literals = behind(*literals, n);
    window->source = behind(window->source, n);
    run->operation.count -= n;
    if (run->operation.count == 0)
        return PP_ROLLBACK_DONE;
    return literals->len == 0 ? needs_more : PP_ROLLBACK_NEEDS_SOURCE;
}

static enum pp_rollback_state run_literal(struct pp_rollback_run *run,
                                          struct pp_rollback_window *window, bool is_target,
                                          struct pp_bytes *literals,
                                          enum pp_rollback_state needs_more)
{
    return is_target ? write_literal(run, window, literals, needs_more)
                     : skip_literal(run, window, literals, needs_more);
}

static enum pp_rollback_state run_operation(struct pp_rollback_run *run,
                                            struct pp_rollback_window *window)
{
    bool apply = run->direction == PP_ROLLBACK_APPLY;
    if (run->operation.count == 0)
        return PP_ROLLBACK_DONE;
    if (run->operation.kind == PP_ROLLBACK_COPY)
        return run_copy(run, window);
    if (run->operation.kind == PP_ROLLBACK_PAIR)
        return run_pair(run, window);
    if (run->operation.kind == PP_ROLLBACK_NEW)
        return run_literal(run, window, apply, &window->new_literals,
                           PP_ROLLBACK_NEEDS_NEW_LITERALS);
    return run_literal(run, window, !apply, &window->old_literals, PP_ROLLBACK_NEEDS_OLD_LITERALS);
}

static enum pp_rollback_state next_operation(struct pp_rollback_run *run,
                                             struct pp_rollback_window *window)
{
    struct pp_rollback_operation operation;
    if (window->control.len < PP_ROLLBACK_OPERATION_BYTES)
        return PP_ROLLBACK_NEEDS_CONTROL;
    if (pp_rollback_operation_read(window->control.data, &operation) != PP_OK ||
        pp_rollback_sizes_take(&run->left, operation) != PP_OK)
        return PP_ROLLBACK_BAD_SCRIPT;
    run->operation = operation;
    window->control = behind(window->control, PP_ROLLBACK_OPERATION_BYTES);
    return PP_ROLLBACK_DONE;
}

void pp_rollback_run_init(struct pp_rollback_run *run, enum pp_rollback_direction direction,
                          const struct pp_rollback_sizes *sizes)
{
    *run = (struct pp_rollback_run){.left = *sizes, .direction = direction};
}

enum pp_rollback_state pp_rollback_run_step(struct pp_rollback_run *run,
                                            struct pp_rollback_window *window)
{
    for (;;) {
        enum pp_rollback_state state = run_operation(run, window);
        if (state != PP_ROLLBACK_DONE)
            return state;
        if (run->left.control_bytes == 0)
            return pp_rollback_sizes_done(&run->left) ? PP_ROLLBACK_DONE : PP_ROLLBACK_BAD_SCRIPT;
        state = next_operation(run, window);
        if (state != PP_ROLLBACK_DONE)
            return state;
    }
}
