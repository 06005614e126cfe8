/* SPDX-License-Identifier: MIT */
/* Patches in plain form and page trees for the OCaml side of the differential test. */
#include "stubs.h"

#include <stdlib.h>
#include <string.h>

#include <postproof/rollback.h>

#include "../lib/rollback_pieces.h"

enum { RESULT_MAX = 4096, PAGES_MAX = 64 };

static struct pp_digest nodes[2 * PAGES_MAX + 64];

static bool cut(struct pp_bytes *rest, uint64_t len, struct pp_bytes *part)
{
    if (len > rest->len)
        return false;
    *part = (struct pp_bytes){rest->data, (size_t)len};
    *rest = (struct pp_bytes){rest->data + len, rest->len - (size_t)len};
    return true;
}

/* Header and streams of a file that is a patch in plain form. */
static bool read_file(struct pp_bytes file, struct pp_rollback_header *header,
                      struct pp_rollback_streams *streams)
{
    struct pp_bytes head;
    return cut(&file, PP_ROLLBACK_HEADER_BYTES, &head) &&
           pp_rollback_header_read(head.data, header) == PP_OK &&
           cut(&file, header->sizes.control_bytes, &streams->control) &&
           cut(&file, header->sizes.delta_bytes, &streams->deltas) &&
           cut(&file, header->sizes.new_literal_bytes, &streams->new_literals) &&
           cut(&file, header->sizes.old_literal_bytes, &streams->old_literals) && file.len == 0;
}

static enum pp_error run_whole(enum pp_rollback_direction direction,
                               const struct pp_rollback_header *header,
                               const struct pp_rollback_streams *streams, struct pp_bytes source,
                               uint8_t *out, size_t out_bytes)
{
    (void)header;
    return pp_rollback_run(direction, streams, source, out, out_bytes);
}

/* Pieces of 1 to 7 bytes, each given when it is asked for. */
static enum pp_error run_pieces(enum pp_rollback_direction direction,
                                const struct pp_rollback_header *header,
                                const struct pp_rollback_streams *all, struct pp_bytes source,
                                uint8_t *out, size_t out_bytes)
{
    struct pp_rollback_window window = {
        .control = {all->control.data, 0},
        .deltas = {all->deltas.data, 0},
        .new_literals = {all->new_literals.data, 0},
        .old_literals = {all->old_literals.data, 0},
        .source = {source.data, 0},
        .out = out,
    };
    struct pp_rollback_run run;
    struct pp_rollback_sizes left = header->sizes;
    if (pp_rollback_control_check(all->control, &left) != PP_OK || !pp_rollback_sizes_done(&left))
        return PP_ERROR_FORMAT;
    pp_rollback_run_init(&run, direction, &header->sizes);
    for (size_t turn = 1;; turn++) {
        enum pp_rollback_state state = pp_rollback_run_step(&run, &window);
        if (state == PP_ROLLBACK_DONE)
            return window.out == out + out_bytes && window.source.len == 0 ? PP_OK
                                                                           : PP_ERROR_EXISTS;
        if (state == PP_ROLLBACK_WRONG_BASE)
            return PP_ERROR_MISMATCH;
        if (state == PP_ROLLBACK_BAD_SCRIPT)
            return PP_ERROR_EXISTS;
        size_t n = 1 + turn * 5 % 7;
        bool given = state == PP_ROLLBACK_NEEDS_ROOM
                         ? give_room(&window, (struct pp_bytes){out, out_bytes}, n)
                         : give_input(&window, state, all, source, n);
        if (!given)
            abort();
    }
}

/* The length of the result in out, or minus the error. */
static intnat run_file(intnat direction, value file, value image, value out, bool in_pieces)
{
    struct pp_bytes bytes = diff_copy_of(file), source = diff_copy_of(image);
    struct pp_rollback_header header;
    struct pp_rollback_streams streams;
    intnat answer = -(intnat)PP_ERROR_FORMAT;
    if (read_file(bytes, &header, &streams)) {
        bool apply = direction == PP_ROLLBACK_APPLY;
        uint64_t in_bytes = apply ? header.sizes.old_bytes : header.sizes.new_bytes;
        uint64_t out_bytes = apply ? header.sizes.new_bytes : header.sizes.old_bytes;
        uint8_t *result = out_bytes <= RESULT_MAX ? malloc((size_t)out_bytes) : NULL;
        if (source.len == in_bytes && out_bytes <= RESULT_MAX) {
            enum pp_error error =
                (in_pieces ? run_pieces : run_whole)((enum pp_rollback_direction)direction, &header,
                                                     &streams, source, result, (size_t)out_bytes);
            answer = error == PP_OK ? (intnat)out_bytes : -(intnat)error;
            if (error == PP_OK && out_bytes != 0)
                memcpy(Bytes_val(out), result, (size_t)out_bytes);
        }
        free(result);
    }
    diff_release(bytes);
    diff_release(source);
    return answer;
}

intnat diff_patch_run(intnat direction, value file, value image, value out)
{
    return run_file(direction, file, image, out, false);
}

intnat diff_patch_run_pieces(intnat direction, value file, value image, value out)
{
    return run_file(direction, file, image, out, true);
}

/* Header and control stream of a patch, read and written again to out: their length, or 0. */
intnat diff_patch_rewrite(value file, value out)
{
    struct pp_bytes bytes = diff_copy_of(file);
    struct pp_rollback_header header;
    struct pp_rollback_streams streams;
    intnat answer = 0;
    if (read_file(bytes, &header, &streams)) {
        uint8_t head[PP_ROLLBACK_HEADER_BYTES], control[PP_ROLLBACK_OPERATION_BYTES];
        pp_rollback_header_write(head, &header);
        memcpy(Bytes_val(out), head, sizeof head);
        answer = sizeof head;
        for (size_t k = 0; k < streams.control.len; k += sizeof control) {
            struct pp_rollback_operation operation;
            if (pp_rollback_operation_read(streams.control.data + k, &operation) != PP_OK) {
                answer = 0;
                break;
            }
            pp_rollback_operation_write(control, operation);
            memcpy(Bytes_val(out) + answer, control, sizeof control);
            answer += (intnat)sizeof control;
        }
    }
    diff_release(bytes);
    return answer;
}

intnat diff_pages_set(intnat page, value bytes)
{
    struct pp_bytes data = diff_copy_of(bytes);
    nodes[page] = pp_rollback_page_hash(data);
    diff_release(data);
    return 0;
}

intnat diff_pages_build(intnat pages, value root)
{
    pp_rollback_tree_build(nodes, (size_t)pages);
    struct pp_digest digest = pp_rollback_tree_root(nodes, (size_t)pages);
    memcpy(Bytes_val(root), digest.b, sizeof digest.b);
    return 0;
}

intnat diff_pages_update(intnat pages, intnat page, value bytes, value root)
{
    struct pp_bytes data = diff_copy_of(bytes);
    pp_rollback_tree_update(nodes, (size_t)pages, (size_t)page, pp_rollback_page_hash(data));
    struct pp_digest digest = pp_rollback_tree_root(nodes, (size_t)pages);
    memcpy(Bytes_val(root), digest.b, sizeof digest.b);
    diff_release(data);
    return 0;
}
