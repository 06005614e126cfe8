/* SPDX-License-Identifier: MIT */
/* Builds timeline.html in memory from the entries of a window: docs/format/timeline.md.  Equal
   input gives equal bytes with one version of zlib. */
#ifndef PP_TIMELINE_WRITER_H
#define PP_TIMELINE_WRITER_H

#include "../bundle/timeline.h"

struct pp_timeline_writer;

/* window->complete: every entry will be shown, else a selection.  The texts are borrowed until the
   call returns.  PP_ERROR_ARGUMENT as pp_timeline_head; PP_ERROR_MEMORY. */
PP_MUST_CHECK enum pp_error pp_timeline_writer_new(const struct pp_timeline_window *window,
                                                   struct pp_timeline_writer **writer);
/* The next entry of the window with its leaf hash, in order of seq; every one of them, also those
   that are not shown: they are counted.  PP_ERROR_ARGUMENT: out of order, or one left out of a
   complete timeline; PP_ERROR_MEMORY. */
PP_MUST_CHECK enum pp_error pp_timeline_writer_add(struct pp_timeline_writer *writer,
                                                   const struct pp_entry *entry,
                                                   const struct pp_digest *leaf, bool shown);
/* Hashes of the complete subtrees of [0, first_seq) and [next_seq, tree_size), as
   pp_bundle_tile_height cuts them; both empty for a selection.  The page in memory to be freed with
   free().  PP_ERROR_ARGUMENT: entries or hashes are missing; PP_ERROR_MEMORY. */
PP_MUST_CHECK enum pp_error
pp_timeline_writer_finish(struct pp_timeline_writer *writer, const struct pp_digest *before,
                          size_t before_count, const struct pp_digest *after, size_t after_count,
                          uint8_t **page, size_t *len);
/* NULL is allowed. */
void pp_timeline_writer_free(struct pp_timeline_writer *writer);

/* The whole page of a window of a ledger. */
struct pp_timeline_request {
    uint64_t first_seq, next_seq; /* the window */
    uint64_t from_ns, until_ns;   /* shown first; until 0: the times of the entries */
    uint64_t shown_max;           /* more entries than this: a selection; 0: no limit */
    /* Entries for which it is false are counted only; NULL: any may be shown. */
    bool (*keep)(void *context, const struct pp_entry *entry);
    void *keep_context;
    struct pp_bytes origin, title, incident, checkpoint;
    uint64_t tree_size; /* at least next_seq */
};
struct pp_timeline_report {
    uint64_t entries, shown;
    struct pp_digest root;
};
PP_MUST_CHECK enum pp_error pp_timeline_of_ledger(struct pp_ledger_reader *reader,
                                                  const struct pp_timeline_request *request,
                                                  uint8_t **page, size_t *len,
                                                  struct pp_timeline_report *report);

#endif
