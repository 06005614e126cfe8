/* SPDX-License-Identifier: MIT */
/* Fuzzes the rollback core: whatever the bytes, a script runs in bounds or is refused, piece by
   piece as well as whole, and what one direction accepts the other takes back. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <postproof/rollback.h>

#include "../tests/lib/rollback_pieces.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { IMAGE_MAX = 1 << 16 };

static void require(bool holds)
{
    if (!holds)
        __builtin_trap();
}

static bool cut(struct pp_bytes *rest, uint64_t len, struct pp_bytes *part)
{
    if (len > rest->len)
        return false;
    *part = (struct pp_bytes){rest->data, (size_t)len};
    *rest = (struct pp_bytes){rest->data + len, rest->len - (size_t)len};
    return true;
}

/* A patch in plain form, and the image behind it: the rest of the input. */
static bool read_input(struct pp_bytes data, struct pp_rollback_header *header,
                       struct pp_rollback_streams *streams, struct pp_bytes *image)
{
    uint8_t again[PP_ROLLBACK_HEADER_BYTES];
    struct pp_bytes head;
    if (!cut(&data, PP_ROLLBACK_HEADER_BYTES, &head) ||
        pp_rollback_header_read(head.data, header) != PP_OK)
        return false;
    pp_rollback_header_write(again, header);
    require(memcmp(again, head.data, sizeof again) == 0);
    bool whole = cut(&data, header->sizes.control_bytes, &streams->control) &&
                 cut(&data, header->sizes.delta_bytes, &streams->deltas) &&
                 cut(&data, header->sizes.new_literal_bytes, &streams->new_literals) &&
                 cut(&data, header->sizes.old_literal_bytes, &streams->old_literals);
    *image = data;
    return whole;
}

/* The same answer and the same bytes as the run of the whole script. */
static void fuzz_pieces(enum pp_rollback_direction direction, const struct pp_rollback_sizes *sizes,
                        const struct pp_rollback_streams *all, struct pp_bytes source,
                        enum pp_error expected, struct pp_bytes result)
{
    uint8_t *out = malloc(result.len);
    struct pp_rollback_window window = {
        .control = {all->control.data, 0},
        .deltas = {all->deltas.data, 0},
        .new_literals = {all->new_literals.data, 0},
        .old_literals = {all->old_literals.data, 0},
        .source = {source.data, 0},
        .out = out,
    };
    struct pp_rollback_run run;
    enum pp_rollback_state state = PP_ROLLBACK_NEEDS_ROOM;
    pp_rollback_run_init(&run, direction, sizes);
    for (size_t n = 1; state >= PP_ROLLBACK_NEEDS_CONTROL && state <= PP_ROLLBACK_NEEDS_ROOM;
         n = n % 61 + 5) {
        state = pp_rollback_run_step(&run, &window);
        if (state >= PP_ROLLBACK_NEEDS_CONTROL && state <= PP_ROLLBACK_NEEDS_ROOM)
            require(state == PP_ROLLBACK_NEEDS_ROOM
                        ? give_room(&window, (struct pp_bytes){out, result.len}, n)
                        : give_input(&window, state, all, source, n));
    }
    require((state == PP_ROLLBACK_DONE) == (expected == PP_OK));
    require((state == PP_ROLLBACK_WRONG_BASE) == (expected == PP_ERROR_MISMATCH));
    if (state == PP_ROLLBACK_DONE && result.len != 0)
        require(memcmp(out, result.data, result.len) == 0);
    free(out);
}

static void fuzz_direction(enum pp_rollback_direction direction,
                           const struct pp_rollback_sizes *sizes,
                           const struct pp_rollback_streams *all, struct pp_bytes image)
{
    bool apply = direction == PP_ROLLBACK_APPLY;
    uint64_t in_bytes = apply ? sizes->old_bytes : sizes->new_bytes;
    uint64_t out_bytes = apply ? sizes->new_bytes : sizes->old_bytes;
    if (in_bytes > image.len || out_bytes > IMAGE_MAX)
        return;
    struct pp_bytes source = {image.data, (size_t)in_bytes};
    uint8_t *out = malloc((size_t)out_bytes), *back = malloc((size_t)in_bytes);
    enum pp_error error = pp_rollback_run(direction, all, source, out, (size_t)out_bytes);
    if (error != PP_ERROR_FORMAT)
        fuzz_pieces(direction, sizes, all, source, error,
                    (struct pp_bytes){out, (size_t)out_bytes});
    if (error == PP_OK) {
        require(pp_rollback_run(apply ? PP_ROLLBACK_REVERT : PP_ROLLBACK_APPLY, all,
                                (struct pp_bytes){out, (size_t)out_bytes}, back,
                                (size_t)in_bytes) == PP_OK);
        require(in_bytes == 0 || memcmp(back, image.data, (size_t)in_bytes) == 0);
    }
    free(out);
    free(back);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct pp_rollback_header header;
    struct pp_rollback_streams streams;
    struct pp_bytes image;
    if (!read_input((struct pp_bytes){data, size}, &header, &streams, &image))
        return 0;
    fuzz_direction(PP_ROLLBACK_APPLY, &header.sizes, &streams, image);
    fuzz_direction(PP_ROLLBACK_REVERT, &header.sizes, &streams, image);
    return 0;
}
