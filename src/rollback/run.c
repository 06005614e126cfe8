/* SPDX-License-Identifier: MIT */
/* Begins a run, and runs a whole script on images in memory: one window that holds everything. */
#include "rollback_internal.h"

/* The script speaks of exactly all there is. */
/*@ requires pp_bytes_readable(control);
    assigns \nothing;
    ensures \result <==> control.len % 10 == 0
      && pp_script_fits(control.data, control.len / 10, left)
      && pp_sums_exact(control.data, control.len / 10, left); */
static bool script_fits(struct pp_bytes control, struct pp_rollback_sizes left)
{
    return pp_rollback_control_check(control, &left) == PP_OK && pp_rollback_sizes_done(&left);
}

void pp_rollback_run_init(struct pp_rollback_run *run, enum pp_rollback_direction direction,
                          const struct pp_rollback_sizes *sizes)
{
    *run = (struct pp_rollback_run){.left = *sizes, .direction = direction};
}

enum pp_error pp_rollback_run(enum pp_rollback_direction direction,
                              const struct pp_rollback_streams *streams, struct pp_bytes source,
                              uint8_t *out, size_t out_bytes)
{
    bool apply = direction == PP_ROLLBACK_APPLY;
    const struct pp_rollback_sizes sizes = {
        .old_bytes = apply ? source.len : out_bytes,
        .new_bytes = apply ? out_bytes : source.len,
        .control_bytes = streams->control.len,
        .delta_bytes = streams->deltas.len,
        .new_literal_bytes = streams->new_literals.len,
        .old_literal_bytes = streams->old_literals.len,
    };
    struct pp_rollback_window window = {
        .control = streams->control,
        .deltas = streams->deltas,
        .new_literals = streams->new_literals,
        .old_literals = streams->old_literals,
        .source = source,
        .out = out,
        .room = out_bytes,
    };
    struct pp_rollback_run run;
    if (!script_fits(streams->control, sizes))
        return PP_ERROR_FORMAT;
    pp_rollback_run_init(&run, direction, &sizes);
    enum pp_rollback_state state = pp_rollback_run_step(&run, &window);
    if (state == PP_ROLLBACK_WRONG_BASE)
        return PP_ERROR_MISMATCH;
    return state == PP_ROLLBACK_DONE ? PP_OK : PP_ERROR_FORMAT;
}
