/* SPDX-License-Identifier: MIT */
/* Deltas of machine code: addresses are guessed from addresses that came before. */
#include "../base/base.h"
#include "residue.h"
#include "transform.h"

enum {
    FIELD_BYTES = 4,
    CONTEXT_BYTES = 4, /* before a field, which tell that it is one */
    REGION_LOG = 10    /* addresses with the same bits above have often moved alike */
};

enum field { FIELD_NONE, FIELD_NEAR, FIELD_DATA, FIELD_POINTER };

/* ---- Fields ---------------------------------------------------------------------------------- */

static bool is_zero(const uint8_t *p)
{
    return p[0] == 0 && p[1] == 0 && p[2] == 0 && p[3] == 0;
}

/* What begins at old_row[at] and new_row[at], by the bytes before, which both directions know. */
static enum field field_at(const uint8_t *old_row, const uint8_t *new_row, size_t at,
                           const struct pp_rollback_piece *piece)
{
    size_t into = at - piece->row_at;
    if (into < CONTEXT_BYTES || piece->bytes - into < FIELD_BYTES)
        return FIELD_NONE;
    const uint8_t *a = old_row + at, *b = new_row + at;
    if (a[-1] == b[-1] && (a[-1] == 0xe8 || a[-1] == 0xe9))
        return FIELD_NEAR;
    if (a[-1] == b[-1] && a[-2] == b[-2] && a[-2] == 0x0f && (a[-1] & 0xf0) == 0x80)
        return FIELD_NEAR;
    if (a[-1] == b[-1] && a[-2] == b[-2] && (a[-1] & 0xc7) == 0x05)
        return FIELD_DATA;
    if ((piece->old_at + into) % FIELD_BYTES == 0 && is_zero(a - 4) && is_zero(b - 4))
        return FIELD_POINTER;
    return FIELD_NONE;
}

/* Where the field's value is counted from: the end of the field in that image, or 0. */
static uint32_t base_of(enum field field, size_t at, const struct pp_rollback_piece *piece,
                        uint32_t piece_at)
{
    if (field == FIELD_POINTER)
        return 0;
    return pp_rollback_sum32(piece_at, (uint32_t)(at - piece->row_at + FIELD_BYTES));
}

/* ---- Guesses --------------------------------------------------------------------------------- */

static size_t entry_of(uint32_t v)
{
    uint64_t product = (uint64_t)v * 2654435761U % 0x100000000;
    return (size_t)(product >> (32 - PP_ROLLBACK_GUESS_LOG));
}

/* A field on one side, and what is known of the other side. */
struct view {
    const struct pp_rollback_pieces *pieces;
    bool is_old;
    uint32_t base, other_base;
};

static uint32_t place_in(const struct pp_rollback_piece *piece, bool old_image)
{
    return old_image ? piece->old_at : piece->new_at;
}

/* The last piece at or before the address, or NULL when it lies before the first or behind all. */
static const struct pp_rollback_piece *piece_around(const struct view *view, uint32_t address)
{
    const struct pp_rollback_piece *at = view->pieces->at;
    size_t low = 0, high = view->pieces->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (place_in(&at[middle], view->is_old) <= address)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == 0)
        return NULL;
    uint32_t into = address - place_in(&at[low - 1], view->is_old);
    return low == view->pieces->count && into >= at[low - 1].bytes ? NULL : &at[low - 1];
}

/* The value on the other side. */
static uint32_t guess(const struct pp_rollback_guesses *known, enum field field,
                      const struct view *view, uint32_t value)
{
    uint32_t address = pp_rollback_sum32(view->base, value);
    size_t entry = entry_of(address);
    if (known->key[entry] == address)
        return pp_rollback_difference32(known->other[entry], view->other_base);
    if (field != FIELD_NEAR)
        return value;
    const struct pp_rollback_piece *piece = piece_around(view, address);
    uint32_t shift = known->shift[entry_of(address >> REGION_LOG)];
    if (piece != NULL)
        shift =
            pp_rollback_difference32(place_in(piece, !view->is_old), place_in(piece, view->is_old));
    return pp_rollback_difference32(pp_rollback_sum32(address, shift), view->other_base);
}

static void learn(struct pp_rollback_guesses *known, uint32_t address, uint32_t other)
{
    size_t entry = entry_of(address);
    known->key[entry] = address;
    known->other[entry] = other;
    known->shift[entry_of(address >> REGION_LOG)] = pp_rollback_difference32(other, address);
}

static void learn_both(struct pp_rollback_code *code, const struct view *old_view,
                       uint32_t old_value, uint32_t new_value)
{
    uint32_t old_address = pp_rollback_sum32(old_view->base, old_value);
    uint32_t new_address = pp_rollback_sum32(old_view->other_base, new_value);
    learn(&code->by_old, old_address, new_address);
    learn(&code->by_new, new_address, old_address);
}

static void forget(struct pp_rollback_guesses *known)
{
    for (size_t i = 0; i < PP_ROLLBACK_GUESSES; i++)
        known->key[i] = known->other[i] = known->shift[i] = 0;
}

/* The view of the old side of a field; that of the new side has the bases the other way round. */
static struct view view_of(const struct pp_rollback_pieces *pieces,
                           const struct pp_rollback_piece *piece, enum field field, size_t at)
{
    return (struct view){.pieces = pieces,
                         .is_old = true,
                         .base = base_of(field, at, piece, piece->old_at),
                         .other_base = base_of(field, at, piece, piece->new_at)};
}

static struct view turned(struct view view)
{
    return (struct view){.pieces = view.pieces,
                         .is_old = !view.is_old,
                         .base = view.other_base,
                         .other_base = view.base};
}

/* ---- Rows ------------------------------------------------------------------------------------ */

/* The piece that holds at, from *next on, or NULL. */
static const struct pp_rollback_piece *piece_at(const struct pp_rollback_pieces *pieces,
                                                size_t *next, size_t at)
{
    while (*next < pieces->count && at >= pieces->at[*next].row_at &&
           at - pieces->at[*next].row_at >= pieces->at[*next].bytes)
        ++*next;
    if (*next == pieces->count || at < pieces->at[*next].row_at)
        return NULL;
    return &pieces->at[*next];
}

bool pp_rollback_code_make(struct pp_rollback_code *code, const struct pp_rollback_pieces *pieces,
                           const uint8_t *old_row, const uint8_t *new_row, uint8_t *values,
                           size_t n)
{
    size_t next = 0;
    forget(&code->by_old);
    forget(&code->by_new);
    for (size_t i = 0; i < n;) {
        const struct pp_rollback_piece *piece = piece_at(pieces, &next, i);
        enum field field = piece == NULL ? FIELD_NONE : field_at(old_row, new_row, i, piece);
        if (field == FIELD_NONE) {
            values[i] = (uint8_t)((new_row[i] + (0x100 - old_row[i])) % 0x100);
            i++;
            continue;
        }
        struct view old_view = view_of(pieces, piece, field, i), new_view = turned(old_view);
        uint32_t old_value = pp_get_le32(old_row + i), new_value = pp_get_le32(new_row + i);
        if (pp_rollback_difference32(new_value, old_value) == PP_ROLLBACK_SAME_MARK)
            return false;
        uint32_t new_guessed = guess(&code->by_old, field, &old_view, old_value);
        uint32_t old_guessed = guess(&code->by_new, field, &new_view, new_value);
        pp_put_le32(values + i,
                    pp_rollback_residue(old_value, new_value, old_guessed, new_guessed));
        learn_both(code, &old_view, old_value, new_value);
        i += FIELD_BYTES;
    }
    return true;
}

void pp_rollback_code_resolve(struct pp_rollback_code *code,
                              const struct pp_rollback_pieces *pieces,
                              enum pp_rollback_direction direction, const uint8_t *source,
                              uint8_t *values, size_t n)
{
    bool apply = direction == PP_ROLLBACK_APPLY;
    const uint8_t *old_row = apply ? source : values, *new_row = apply ? values : source;
    size_t next = 0;
    forget(&code->by_old);
    forget(&code->by_new);
    for (size_t i = 0; i < n;) {
        const struct pp_rollback_piece *piece = piece_at(pieces, &next, i);
        enum field field = piece == NULL ? FIELD_NONE : field_at(old_row, new_row, i, piece);
        if (field == FIELD_NONE) {
            unsigned from = source[i], by = values[i];
            values[i] = (uint8_t)((apply ? from + by : from + (0x100 - by)) % 0x100);
            i++;
            continue;
        }
        struct view old_view = view_of(pieces, piece, field, i), new_view = turned(old_view);
        uint32_t from = pp_get_le32(source + i);
        uint32_t guessed = apply ? guess(&code->by_old, field, &old_view, from)
                                 : guess(&code->by_new, field, &new_view, from);
        uint32_t to = pp_rollback_from_residue(direction, from, guessed, pp_get_le32(values + i));
        pp_put_le32(values + i, to);
        learn_both(code, &old_view, apply ? from : to, apply ? to : from);
        i += FIELD_BYTES;
    }
}
