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
    AT_OLD_LITERAL_BYTES = 112
};

/* The first 8 bytes of a patch in plain form, "PPRBPT01". */
#define MAGIC UINT64_C(0x5050524250543031)

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

/*@ requires \valid_read(p + (0 .. 119));
    assigns \nothing;
    ensures pp_be64(p + 8) == \result.old_bytes && pp_be64(p + 16) == \result.new_bytes;
    ensures pp_stream_sizes_at(p, \result); */
static struct pp_rollback_sizes get_sizes(const uint8_t *p)
{
    return (struct pp_rollback_sizes){
        .old_bytes = pp_get_u64(p + AT_OLD_BYTES),
        .new_bytes = pp_get_u64(p + AT_NEW_BYTES),
        .control_bytes = pp_get_u64(p + AT_CONTROL_BYTES),
        .delta_bytes = pp_get_u64(p + AT_DELTA_BYTES),
        .new_literal_bytes = pp_get_u64(p + AT_NEW_LITERAL_BYTES),
        .old_literal_bytes = pp_get_u64(p + AT_OLD_LITERAL_BYTES),
    };
}

enum pp_error pp_rollback_header_read(const uint8_t *p, struct pp_rollback_header *header)
{
    const struct pp_rollback_sizes sizes = get_sizes(p);
    if (pp_get_u64(p) != MAGIC || sizes.control_bytes % PP_ROLLBACK_OPERATION_BYTES != 0)
        return PP_ERROR_FORMAT;
    header->sizes = sizes;
    pp_copy(header->old_hash.b, p + AT_OLD_HASH, PP_DIGEST_BYTES);
    pp_copy(header->new_hash.b, p + AT_NEW_HASH, PP_DIGEST_BYTES);
    return PP_OK;
}

/*@ requires \valid(p + (0 .. 23));
    assigns p[0 .. 23];
    ensures pp_front_at(p, old_bytes, new_bytes); */
static void put_front(uint8_t *p, uint64_t old_bytes, uint64_t new_bytes)
{
    pp_put_u64(p, MAGIC);
    pp_put_u64(p + AT_OLD_BYTES, old_bytes);
    //@ assert magic: pp_be64(p) == 0x5050524250543031;
    pp_put_u64(p + AT_NEW_BYTES, new_bytes);
    //@ assert magic: pp_be64(p) == 0x5050524250543031;
    //@ assert old_bytes: pp_be64(p + 8) == old_bytes;
}

/*@ requires \valid(p + (88 .. 119));
    assigns p[88 .. 119];
    ensures pp_stream_sizes_at(p, sizes); */
static void put_streams(uint8_t *p, struct pp_rollback_sizes sizes)
{
    pp_put_u64(p + AT_CONTROL_BYTES, sizes.control_bytes);
    pp_put_u64(p + AT_DELTA_BYTES, sizes.delta_bytes);
    //@ assert control: pp_be64(p + 88) == sizes.control_bytes;
    pp_put_u64(p + AT_NEW_LITERAL_BYTES, sizes.new_literal_bytes);
    //@ assert control: pp_be64(p + 88) == sizes.control_bytes;
    //@ assert deltas: pp_be64(p + 96) == sizes.delta_bytes;
    pp_put_u64(p + AT_OLD_LITERAL_BYTES, sizes.old_literal_bytes);
    //@ assert control: pp_be64(p + 88) == sizes.control_bytes;
    //@ assert deltas: pp_be64(p + 96) == sizes.delta_bytes;
    //@ assert new_literals: pp_be64(p + 104) == sizes.new_literal_bytes;
}

/*@ requires \valid(p + (0 .. 119)) && \valid_read(header);
    requires \separated(header, p + (0 .. 119));
    assigns p[24 .. 87];
    ensures hashes: pp_same(p + 24, (uint8_t *)header->old_hash.b, 32)
      && pp_same(p + 56, (uint8_t *)header->new_hash.b, 32); */
static void put_hashes(uint8_t *p, const struct pp_rollback_header *header)
{
    pp_copy(p + AT_OLD_HASH, header->old_hash.b, PP_DIGEST_BYTES);
    pp_copy(p + AT_NEW_HASH, header->new_hash.b, PP_DIGEST_BYTES);
    //@ assert old_hash: pp_same(p + 24, (uint8_t *)header->old_hash.b, 32);
}

void pp_rollback_header_write(uint8_t *p, const struct pp_rollback_header *header)
{
    put_hashes(p, header);
    put_streams(p, header->sizes);
    //@ assert old_hash: pp_same(p + 24, (uint8_t *)header->old_hash.b, 32);
    //@ assert new_hash: pp_same(p + 56, (uint8_t *)header->new_hash.b, 32);
    put_front(p, header->sizes.old_bytes, header->sizes.new_bytes);
    //@ assert old_hash: pp_same(p + 24, (uint8_t *)header->old_hash.b, 32);
    //@ assert new_hash: pp_same(p + 56, (uint8_t *)header->new_hash.b, 32);
    //@ assert control: pp_be64(p + 88) == header->sizes.control_bytes;
    //@ assert deltas: pp_be64(p + 96) == header->sizes.delta_bytes;
    //@ assert new_literals: pp_be64(p + 104) == header->sizes.new_literal_bytes;
    //@ assert old_literals: pp_be64(p + 112) == header->sizes.old_literal_bytes;
}

/*@ requires operation.kind <= PP_ROLLBACK_OLD;
    assigns \nothing;
    ensures \result <==> pp_operation_fits(left, operation.kind, operation.count); */
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
    /*@ loop invariant bound: 0 <= k <= operations;
        loop invariant fits: pp_script_fits{Pre}(control.data, k, \at(*left, Pre));
        loop invariant sums: pp_sums{Pre}(control.data, k, \at(*left, Pre), *left);
        loop invariant kept: \forall integer i; 0 <= i < control.len ==>
          control.data[i] == \at(control.data[i], Pre);
        loop assigns k, operation, *left;
        loop variant operations - k; */
    for (size_t k = 0; k < operations; k++) {
        const uint8_t *p = control.data + k * PP_ROLLBACK_OPERATION_BYTES;
        if (pp_rollback_operation_read(p, &operation) != PP_OK) {
            //@ assert bad: !pp_operation_valid_at{Pre}(control.data, k);
            return PP_ERROR_FORMAT;
        }
        //@ assert read: pp_operation_read_at{Pre}(control.data, k, operation);
        //@ assert sums: pp_sums_step{Pre}(control.data, k, operation);
        if (pp_rollback_sizes_take(left, operation) != PP_OK) {
            //@ assert full: !pp_operation_fits(*left, operation.kind, operation.count);
            //@ assert over: !pp_sums_fit{Pre}(control.data, k + 1, \at(*left, Pre));
            //@ assert bad: !pp_script_fits{Pre}(control.data, k + 1, \at(*left, Pre));
            return PP_ERROR_FORMAT;
        }
        //@ assert sums: pp_sums{Pre}(control.data, k + 1, \at(*left, Pre), *left);
        //@ assert fits: pp_sums_fit{Pre}(control.data, k + 1, \at(*left, Pre));
    }
    return PP_OK;
}
