/* SPDX-License-Identifier: MIT */
/* Finds, writes and reads the literals of a block that moved. */
#include "moves.h"

#include <stdlib.h>
#include <string.h>

#include "../rollback/transform.h"

/* ---- Reading --------------------------------------------------------------------------------- */

/* Where a jump from `from` leads; beyond all literals when that lies before 0. */
static uint64_t jump_to(uint64_t from, uint64_t jump)
{
    uint64_t back = jump / 2 + 1;
    if (jump % 2 == 0)
        return from + jump / 2;
    return back <= from ? from - back : UINT64_MAX;
}

/* The move behind *last, which it becomes.  false when there is none, or it is no move. */
static bool next_move(struct pp_bytes *slot, struct pp_patch_cover *last)
{
    struct pp_bytes rest = *slot;
    struct pp_patch_cover next;
    uint64_t skipped, jump;
    if (!pp_rollback_varint_read(&rest, &skipped) || !pp_rollback_varint_read(&rest, &jump) ||
        !pp_rollback_varint_read(&rest, &next.bytes))
        return false;
    if (skipped > UINT32_MAX || jump > UINT32_MAX || next.bytes > UINT32_MAX)
        return false;
    next.new_at = last->new_at + last->bytes + skipped;
    next.old_at = jump_to(last->old_at + last->bytes, jump);
    *last = next;
    *slot = rest;
    return next.bytes > 0;
}

static bool lies_in(uint64_t at, uint64_t bytes, size_t n)
{
    return at <= n && bytes <= n - at;
}

bool pp_patch_moves_gather(struct pp_bytes slot, enum pp_patch_side side, const uint8_t *literals,
                           size_t n, uint8_t *moved, size_t bytes)
{
    struct pp_patch_cover move = {0, 0, 0};
    while (slot.len > 0) {
        if (!next_move(&slot, &move) || !lies_in(pp_patch_place_of(&move, side), move.bytes, n) ||
            move.bytes > bytes)
            return false;
        memcpy(moved, literals + pp_patch_place_of(&move, side), (size_t)move.bytes);
        moved += move.bytes;
        bytes -= (size_t)move.bytes;
    }
    return bytes == 0;
}

bool pp_patch_moves_place(struct pp_bytes slot, enum pp_patch_side side, struct pp_bytes moved,
                          struct pp_bytes rest, uint8_t *literals, size_t n, uint8_t *marks)
{
    struct pp_patch_cover move = {0, 0, 0};
    if (moved.len > n || rest.len != n - moved.len)
        return false;
    memset(marks, 0, n);
    while (slot.len > 0) {
        if (!next_move(&slot, &move) || !lies_in(pp_patch_place_of(&move, side), move.bytes, n) ||
            move.bytes > moved.len)
            return false;
        size_t at = (size_t)pp_patch_place_of(&move, side), bytes = (size_t)move.bytes;
        if (memchr(marks + at, 1, bytes) != NULL)
            return false;
        memset(marks + at, 1, bytes);
        memcpy(literals + at, moved.data, bytes);
        moved.data += bytes;
        moved.len -= bytes;
    }
    if (moved.len != 0)
        return false;
    for (size_t i = 0, used = 0; i < n; i++)
        if (marks[i] == 0)
            literals[i] = rest.data[used++];
    return true;
}

/* The bytes that are not marked go to rest, at most `most`; how many they are. */
static size_t keep_unmarked(const uint8_t *literals, size_t n, const uint8_t *marks, uint8_t *rest,
                            size_t most)
{
    size_t used = 0;
    for (size_t i = 0; i < n; i++)
        if (marks[i] == 0 && used++ < most)
            rest[used - 1] = literals[i];
    return used;
}

bool pp_patch_moves_leave(struct pp_bytes slot, enum pp_patch_side side, const uint8_t *literals,
                          size_t n, uint8_t *marks, uint8_t *rest, size_t bytes)
{
    struct pp_patch_cover move = {0, 0, 0};
    memset(marks, 0, n);
    while (slot.len > 0) {
        if (!next_move(&slot, &move) || !lies_in(pp_patch_place_of(&move, side), move.bytes, n))
            return false;
        memset(marks + pp_patch_place_of(&move, side), 1, (size_t)move.bytes);
    }
    return keep_unmarked(literals, n, marks, rest, bytes) == bytes;
}

/* ---- Writing --------------------------------------------------------------------------------- */

void pp_patch_moves_mark(const struct pp_patch_covers *moves, enum pp_patch_side side, size_t n,
                         uint8_t *marks)
{
    memset(marks, 0, n);
    for (size_t i = 0; i < moves->count; i++)
        memset(marks + pp_patch_place_of(&moves->at[i], side), 1, (size_t)moves->at[i].bytes);
}

size_t pp_patch_moves_rest(const struct pp_patch_covers *moves, enum pp_patch_side side,
                           const uint8_t *literals, size_t n, uint8_t *marks, uint8_t *rest)
{
    pp_patch_moves_mark(moves, side, n, marks);
    return keep_unmarked(literals, n, marks, rest, n);
}

size_t pp_patch_moves_write(const struct pp_patch_covers *moves, uint8_t *slot)
{
    size_t used = 0;
    struct pp_patch_cover last = {0, 0, 0};
    for (size_t i = 0; i < moves->count; i++) {
        struct pp_patch_cover move = moves->at[i];
        uint64_t jump = move.old_at - (last.old_at + last.bytes);
        used += pp_rollback_varint_write(slot + used, move.new_at - (last.new_at + last.bytes));
        used += pp_rollback_varint_write(slot + used, pp_patch_number_of(jump));
        used += pp_rollback_varint_write(slot + used, move.bytes);
        last = move;
    }
    return used;
}

/* ---- Finding --------------------------------------------------------------------------------- */

enum { FIRST_BYTES_MIN = 256, DROP_MAX = 200, DIFFERENT = 3 };

/* Literals that are not yet in a move are 0 in their marks. */
struct search {
    struct pp_bytes old_literals, new_literals;
    uint8_t *old_marks, *new_marks;
};

/* The best length forward (step 1) or backward (step -1) over bytes that are in no move, DIFFERENT
   equal ones for each that differs: others are cheaper where one code is shared. */
static size_t extend(const struct search *s, int64_t old_at, int64_t new_at, int step)
{
    int64_t score = 0, best = 0;
    size_t length = 0;
    for (size_t i = 1; best - score < DROP_MAX; i++, old_at += step, new_at += step) {
        if (old_at < 0 || new_at < 0 || old_at >= (int64_t)s->old_literals.len ||
            new_at >= (int64_t)s->new_literals.len || s->old_marks[old_at] != 0 ||
            s->new_marks[new_at] != 0)
            break;
        score += s->old_literals.data[old_at] == s->new_literals.data[new_at] ? 1 : -DIFFERENT;
        if (score > best) {
            best = score;
            length = i;
        }
    }
    return length;
}

/* The match in both directions as far as that pays; long ones are taken first. */
static bool add_move(struct search *s, const struct pp_patch_cover *match, size_t bytes_min,
                     struct pp_patch_covers *moves)
{
    if (s->old_marks[match->old_at] != 0 || s->new_marks[match->new_at] != 0)
        return true;
    int64_t old_at = (int64_t)match->old_at, new_at = (int64_t)match->new_at;
    size_t back = extend(s, old_at - 1, new_at - 1, -1);
    size_t bytes = back + extend(s, old_at, new_at, 1);
    if (bytes < bytes_min)
        return true;
    struct pp_patch_cover move = {match->old_at - back, match->new_at - back, bytes};
    memset(s->old_marks + move.old_at, 1, bytes);
    memset(s->new_marks + move.new_at, 1, bytes);
    return pp_patch_covers_add(moves, move);
}

enum pp_error pp_patch_moves_find(struct pp_bytes old_literals, struct pp_bytes new_literals,
                                  uint8_t *marks, struct pp_patch_covers *moves)
{
    struct pp_patch_covers matches = {0};
    struct search s = {old_literals, new_literals, marks, marks + old_literals.len};
    if (old_literals.len < PP_PATCH_MOVE_BYTES_MIN || new_literals.len < PP_PATCH_MOVE_BYTES_MIN)
        return PP_OK;
    enum pp_error error = pp_patch_match_suffixes(old_literals, new_literals, &matches);
    memset(marks, 0, old_literals.len + new_literals.len);
    for (size_t least = FIRST_BYTES_MIN; least > PP_PATCH_MOVE_BYTES_MIN / 2; least /= 2) {
        size_t bytes_min = least > PP_PATCH_MOVE_BYTES_MIN ? least : PP_PATCH_MOVE_BYTES_MIN;
        for (size_t i = 0; i < matches.count && error == PP_OK; i++)
            if (!add_move(&s, &matches.at[i], bytes_min, moves))
                error = PP_ERROR_MEMORY;
    }
    pp_patch_covers_sort(moves, PP_PATCH_NEW_SIDE);
    pp_patch_covers_clean_up(&matches);
    return error;
}
