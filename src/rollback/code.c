/* SPDX-License-Identifier: MIT */
/* Deltas of machine code: addresses are guessed from addresses that came before. */
#include "transform.h"

enum {
    FIELD_BYTES = 4,
    CONTEXT_BYTES = 4, /* before a field, which tell that it is one */
    REGION_LOG = 10    /* addresses with the same bits above have often moved alike */
};

/* What is written down where the values are equal though a guess says otherwise.  A difference
   that hardly ever occurs. */
static const uint32_t same_mark = 0x9e3779b9;

enum field { FIELD_NONE, FIELD_NEAR, FIELD_DATA, FIELD_POINTER };

/*@ requires \valid_read(p + (0 .. 3));
    assigns \nothing;
    ensures \result == pp_le32(p); */
static uint32_t get32(const uint8_t *p)
{
    return p[0] + p[1] * 0x100U + p[2] * 0x10000U + p[3] * 0x1000000U;
}

/*@ requires \valid(p + (0 .. 3));
    assigns p[0 .. 3];
    ensures pp_le32(p) == v; */
static void put32(uint8_t *p, uint32_t v)
{
    p[0] = (uint8_t)(v % 0x100);
    p[1] = (uint8_t)(v / 0x100 % 0x100);
    p[2] = (uint8_t)(v / 0x10000 % 0x100);
    p[3] = (uint8_t)(v / 0x1000000);
}

/*@ // Modulo 2^32, and what is written down for a field and read from it.
    logic integer pp_sum32(integer a, integer b) =
      a + b < 0x100000000 ? a + b : a + b - 0x100000000;
    logic integer pp_difference32(integer a, integer b) = a >= b ? a - b : a - b + 0x100000000;
    logic integer pp_residue(integer old, integer new, integer guess_of_old, integer guess_of_new) =
      guess_of_new == new && guess_of_old == old ? 0 :
      new == old ? 0x9e3779b9 : pp_difference32(new, old);
    logic integer pp_new_value(integer old, integer guess, integer residue) =
      residue == 0 ? guess : residue == 0x9e3779b9 ? old : pp_sum32(old, residue);
    logic integer pp_old_value(integer new, integer guess, integer residue) =
      residue == 0 ? guess : residue == 0x9e3779b9 ? new : pp_difference32(new, residue);

    // Each direction gets its value back, whatever was guessed.
    lemma residue_there: \forall integer old, new, a, b;
      0 <= old < 0x100000000 ==> 0 <= new < 0x100000000
      ==> pp_difference32(new, old) != 0x9e3779b9
      ==> pp_new_value(old, b, pp_residue(old, new, a, b)) == new;
    lemma residue_back: \forall integer old, new, a, b;
      0 <= old < 0x100000000 ==> 0 <= new < 0x100000000
      ==> pp_difference32(new, old) != 0x9e3779b9
      ==> pp_old_value(new, a, pp_residue(old, new, a, b)) == old; */

/*@ assigns \nothing;
    ensures \result == pp_sum32(a, b); */
static uint32_t sum32(uint32_t a, uint32_t b)
{
    return a <= 0xffffffff - b ? a + b : a - (0xffffffff - b) - 1;
}

/*@ assigns \nothing;
    ensures \result == pp_difference32(a, b); */
static uint32_t difference32(uint32_t a, uint32_t b)
{
    return a >= b ? a - b : 0xffffffff - (b - a) + 1;
}

/* ---- What is written down for a field -------------------------------------------------------- */

/* 0 where both guesses are right: a direction does not know what the other one would guess, so that
   what it reads does not depend on that. */
/*@ assigns \nothing;
    ensures \result == pp_residue(old_value, new_value, guess_of_old, guess_of_new); */
static uint32_t residue(uint32_t old_value, uint32_t new_value, uint32_t guess_of_old,
                        uint32_t guess_of_new)
{
    if (guess_of_new == new_value && guess_of_old == old_value)
        return 0;
    return new_value == old_value ? same_mark : difference32(new_value, old_value);
}

/* The target's value from the source's and from its guess. */
/*@ requires direction == PP_ROLLBACK_APPLY || direction == PP_ROLLBACK_REVERT;
    assigns \nothing;
    ensures apply: direction == PP_ROLLBACK_APPLY ==>
      \result == pp_new_value(source, guess, residue_read);
    ensures revert: direction == PP_ROLLBACK_REVERT ==>
      \result == pp_old_value(source, guess, residue_read); */
static uint32_t from_residue(enum pp_rollback_direction direction, uint32_t source, uint32_t guess,
                             uint32_t residue_read)
{
    if (residue_read == 0)
        return guess;
    if (residue_read == same_mark)
        return source;
    return direction == PP_ROLLBACK_APPLY ? sum32(source, residue_read)
                                          : difference32(source, residue_read);
}

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
    return sum32(piece_at, (uint32_t)(at - piece->row_at + FIELD_BYTES));
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
    uint32_t address = sum32(view->base, value);
    size_t entry = entry_of(address);
    if (known->key[entry] == address)
        return difference32(known->other[entry], view->other_base);
    if (field != FIELD_NEAR)
        return value;
    const struct pp_rollback_piece *piece = piece_around(view, address);
    uint32_t shift = known->shift[entry_of(address >> REGION_LOG)];
    if (piece != NULL)
        shift = difference32(place_in(piece, !view->is_old), place_in(piece, view->is_old));
    return difference32(sum32(address, shift), view->other_base);
}

static void learn(struct pp_rollback_guesses *known, uint32_t address, uint32_t other)
{
    size_t entry = entry_of(address);
    known->key[entry] = address;
    known->other[entry] = other;
    known->shift[entry_of(address >> REGION_LOG)] = difference32(other, address);
}

static void learn_both(struct pp_rollback_code *code, const struct view *old_view,
                       uint32_t old_value, uint32_t new_value)
{
    uint32_t old_address = sum32(old_view->base, old_value);
    uint32_t new_address = sum32(old_view->other_base, new_value);
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
        uint32_t old_value = get32(old_row + i), new_value = get32(new_row + i);
        if (difference32(new_value, old_value) == same_mark)
            return false;
        put32(values + i,
              residue(old_value, new_value, guess(&code->by_new, field, &new_view, new_value),
                      guess(&code->by_old, field, &old_view, old_value)));
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
        uint32_t from = get32(source + i);
        uint32_t guessed = apply ? guess(&code->by_old, field, &old_view, from)
                                 : guess(&code->by_new, field, &new_view, from);
        uint32_t to = from_residue(direction, from, guessed, get32(values + i));
        put32(values + i, to);
        learn_both(code, &old_view, apply ? from : to, apply ? to : from);
        i += FIELD_BYTES;
    }
}
