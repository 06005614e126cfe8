/* SPDX-License-Identifier: MIT */
/* Runs a whole script on images in memory. */
#include "rollback_internal.h"

#include "../base/base.h"

/* Where the next operation begins in each stream and image. */
struct places {
    size_t delta, new_literal, old_literal, source, out;
};

/* The script speaks of exactly all there is. */
static bool script_fits(const struct pp_rollback_streams *streams, uint64_t old_bytes,
                        uint64_t new_bytes)
{
    struct pp_rollback_sizes left = {
        .old_bytes = old_bytes,
        .new_bytes = new_bytes,
        .control_bytes = streams->control.len,
        .delta_bytes = streams->deltas.len,
        .new_literal_bytes = streams->new_literals.len,
        .old_literal_bytes = streams->old_literals.len,
    };
    return pp_rollback_control_check(streams->control, &left) == PP_OK &&
           pp_rollback_sizes_done(&left);
}

/* A literal that the target has, or one that the source must have. */
static bool run_literal(bool is_target, const uint8_t *literal, const uint8_t *source, uint8_t *out,
                        size_t n)
{
    if (!is_target)
        return pp_equal_constant_time(source, literal, n);
    pp_copy(out, literal, n);
    return true;
}

enum pp_error pp_rollback_run(enum pp_rollback_direction direction,
                              const struct pp_rollback_streams *streams, struct pp_bytes source,
                              uint8_t *out, size_t out_bytes)
{
    bool apply = direction == PP_ROLLBACK_APPLY;
    struct pp_rollback_operation operation;
    struct places at = {0};
    if (!script_fits(streams, apply ? source.len : out_bytes, apply ? out_bytes : source.len))
        return PP_ERROR_FORMAT;
    for (size_t k = 0; k < streams->control.len; k += PP_ROLLBACK_OPERATION_BYTES) {
        if (pp_rollback_operation_read(streams->control.data + k, &operation) != PP_OK)
            return PP_ERROR_FORMAT;
        size_t n = (size_t)operation.count;
        const uint8_t *from = source.data + at.source;
        uint8_t *to = out + at.out;
        if (operation.kind == PP_ROLLBACK_COPY) {
            pp_rollback_copy_bytes(direction, operation.delta, from, to, n);
        } else if (operation.kind == PP_ROLLBACK_PAIR) {
            pp_rollback_pair_bytes(direction, streams->deltas.data + at.delta, from, to, n);
            at.delta += n;
        } else if (operation.kind == PP_ROLLBACK_NEW) {
            if (!run_literal(apply, streams->new_literals.data + at.new_literal, from, to, n))
                return PP_ERROR_MISMATCH;
            at.new_literal += n;
        } else {
            if (!run_literal(!apply, streams->old_literals.data + at.old_literal, from, to, n))
                return PP_ERROR_MISMATCH;
            at.old_literal += n;
        }
        if (operation.kind != (apply ? PP_ROLLBACK_NEW : PP_ROLLBACK_OLD))
            at.source += n;
        if (operation.kind != (apply ? PP_ROLLBACK_OLD : PP_ROLLBACK_NEW))
            at.out += n;
    }
    return PP_OK;
}
