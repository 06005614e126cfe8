/* SPDX-License-Identifier: MIT */
/* Operations, the header, and the check of a script's sums. */
#include "rollback_internal.h"

#include "../base/base.h"

enum {
    AT_DELTA = 1,
    AT_COUNT = 2,
    AT_OLD_BYTES = 8,
    AT_NEW_BYTES = 16,
    AT_OLD_HASH = 24,
    AT_NEW_HASH = 56,
    AT_CONTROL_BYTES = 88,
    AT_DELTA_BYTES = 96,
    AT_NEW_LITERAL_BYTES = 104,
    AT_OLD_LITERAL_BYTES = 112,
    MAGIC_BYTES = 8
};

static const uint8_t magic[MAGIC_BYTES] = {'P', 'P', 'R', 'B', 'P', 'T', '0', '1'};

enum pp_error pp_rollback_operation_read(const uint8_t *p, struct pp_rollback_operation *operation)
{
    uint64_t count = pp_get_u64(p + AT_COUNT);
    if (count == 0 || p[0] > PP_ROLLBACK_OLD || (p[0] != PP_ROLLBACK_COPY && p[AT_DELTA] != 0))
        return PP_ERROR_FORMAT;
    *operation = (struct pp_rollback_operation){count, p[0], p[AT_DELTA]};
    return PP_OK;
}

void pp_rollback_operation_write(uint8_t *p, struct pp_rollback_operation operation)
{
    p[0] = operation.kind;
    p[AT_DELTA] = operation.delta;
    pp_put_u64(p + AT_COUNT, operation.count);
}

enum pp_error pp_rollback_header_read(const uint8_t *p, struct pp_rollback_header *header)
{
    uint64_t control_bytes = pp_get_u64(p + AT_CONTROL_BYTES);
    if (!pp_equal_constant_time(p, magic, MAGIC_BYTES) ||
        control_bytes % PP_ROLLBACK_OPERATION_BYTES != 0)
        return PP_ERROR_FORMAT;
    header->sizes = (struct pp_rollback_sizes){
        .old_bytes = pp_get_u64(p + AT_OLD_BYTES),
        .new_bytes = pp_get_u64(p + AT_NEW_BYTES),
        .control_bytes = control_bytes,
        .delta_bytes = pp_get_u64(p + AT_DELTA_BYTES),
        .new_literal_bytes = pp_get_u64(p + AT_NEW_LITERAL_BYTES),
        .old_literal_bytes = pp_get_u64(p + AT_OLD_LITERAL_BYTES),
    };
    pp_copy(header->old_hash.b, p + AT_OLD_HASH, PP_DIGEST_BYTES);
    pp_copy(header->new_hash.b, p + AT_NEW_HASH, PP_DIGEST_BYTES);
    return PP_OK;
}

void pp_rollback_header_write(uint8_t *p, const struct pp_rollback_header *header)
{
    const struct pp_rollback_sizes sizes = header->sizes;
    pp_copy(p, magic, MAGIC_BYTES);
    pp_put_u64(p + AT_OLD_BYTES, sizes.old_bytes);
    pp_put_u64(p + AT_NEW_BYTES, sizes.new_bytes);
    pp_copy(p + AT_OLD_HASH, header->old_hash.b, PP_DIGEST_BYTES);
    pp_copy(p + AT_NEW_HASH, header->new_hash.b, PP_DIGEST_BYTES);
    pp_put_u64(p + AT_CONTROL_BYTES, sizes.control_bytes);
    pp_put_u64(p + AT_DELTA_BYTES, sizes.delta_bytes);
    pp_put_u64(p + AT_NEW_LITERAL_BYTES, sizes.new_literal_bytes);
    pp_put_u64(p + AT_OLD_LITERAL_BYTES, sizes.old_literal_bytes);
}

static bool fits(struct pp_rollback_sizes left, struct pp_rollback_operation operation)
{
    uint64_t n = operation.count;
    if (left.control_bytes < PP_ROLLBACK_OPERATION_BYTES)
        return false;
    if (operation.kind == PP_ROLLBACK_COPY)
        return n <= left.old_bytes && n <= left.new_bytes;
    if (operation.kind == PP_ROLLBACK_PAIR)
        return n <= left.old_bytes && n <= left.new_bytes && n <= left.delta_bytes;
    if (operation.kind == PP_ROLLBACK_NEW)
        return n <= left.new_bytes && n <= left.new_literal_bytes;
    return n <= left.old_bytes && n <= left.old_literal_bytes;
}

enum pp_error pp_rollback_sizes_take(struct pp_rollback_sizes *left,
                                     struct pp_rollback_operation operation)
{
    uint64_t n = operation.count;
    if (!fits(*left, operation))
        return PP_ERROR_FORMAT;
    left->control_bytes -= PP_ROLLBACK_OPERATION_BYTES;
    if (operation.kind != PP_ROLLBACK_NEW)
        left->old_bytes -= n;
    if (operation.kind != PP_ROLLBACK_OLD)
        left->new_bytes -= n;
    if (operation.kind == PP_ROLLBACK_PAIR)
        left->delta_bytes -= n;
    if (operation.kind == PP_ROLLBACK_NEW)
        left->new_literal_bytes -= n;
    if (operation.kind == PP_ROLLBACK_OLD)
        left->old_literal_bytes -= n;
    return PP_OK;
}

bool pp_rollback_sizes_done(const struct pp_rollback_sizes *left)
{
    return left->control_bytes == 0 && left->old_bytes == 0 && left->new_bytes == 0 &&
           left->delta_bytes == 0 && left->new_literal_bytes == 0 && left->old_literal_bytes == 0;
}

enum pp_error pp_rollback_control_check(struct pp_bytes control, struct pp_rollback_sizes *left)
{
    struct pp_rollback_operation operation;
    size_t operations = control.len / PP_ROLLBACK_OPERATION_BYTES;
    if (control.len % PP_ROLLBACK_OPERATION_BYTES != 0)
        return PP_ERROR_FORMAT;
    for (size_t k = 0; k < operations; k++) {
        const uint8_t *p = control.data + k * PP_ROLLBACK_OPERATION_BYTES;
        if (pp_rollback_operation_read(p, &operation) != PP_OK ||
            pp_rollback_sizes_take(left, operation) != PP_OK)
            return PP_ERROR_FORMAT;
    }
    return PP_OK;
}
