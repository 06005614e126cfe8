/* SPDX-License-Identifier: MIT */
/* For those who run a script of a patch piece by piece: more of what the runner asks for. */
#ifndef TESTS_ROLLBACK_PIECES_H
#define TESTS_ROLLBACK_PIECES_H

#include <postproof/rollback.h>

/* Up to n more bytes of a whole to its view; false when it has them all. */
static inline bool give(struct pp_bytes *view, struct pp_bytes whole, size_t n)
{
    size_t rest = (size_t)(whole.data + whole.len - (view->data + view->len));
    view->len += n < rest ? n : rest;
    return rest > 0;
}

/* The same of the input that is needed; false also when it is room that is needed. */
static inline bool give_input(struct pp_rollback_window *window, enum pp_rollback_state need,
                              const struct pp_rollback_streams *all, struct pp_bytes source,
                              size_t n)
{
    if (need == PP_ROLLBACK_NEEDS_CONTROL)
        return give(&window->control, all->control, n);
    if (need == PP_ROLLBACK_NEEDS_DELTAS)
        return give(&window->deltas, all->deltas, n);
    if (need == PP_ROLLBACK_NEEDS_NEW_LITERALS)
        return give(&window->new_literals, all->new_literals, n);
    if (need == PP_ROLLBACK_NEEDS_OLD_LITERALS)
        return give(&window->old_literals, all->old_literals, n);
    return need == PP_ROLLBACK_NEEDS_SOURCE && give(&window->source, source, n);
}

/* The same of the result's memory. */
static inline bool give_room(struct pp_rollback_window *window, struct pp_bytes result, size_t n)
{
    struct pp_bytes room = {window->out, window->room};
    bool given = give(&room, result, n);
    window->room = room.len;
    return given;
}

#endif
