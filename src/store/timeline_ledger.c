/* SPDX-License-Identifier: MIT */
/* The timeline of a window of a ledger: entries and hashes are read, and counted where too many. */
#include "../base/hash.h"
#include "../bundle/parts.h"
#include "reader.h"
#include "timeline_writer.h"

#include <stdlib.h>

enum { SUBTREES_MAX = 2 * (PP_MERKLE_HEIGHT_MAX + 1) };

/* Hashes of the complete subtrees of [at, end). */
static enum pp_error hash_range(struct pp_ledger_reader *reader, uint64_t at, uint64_t end,
                                struct pp_digest *hashes, size_t *count)
{
    *count = 0;
    while (at < end) {
        unsigned height = pp_bundle_tile_height(at, end);
        enum pp_error error = pp_reader_subtree(reader, at, height, &hashes[*count]);
        if (error != PP_OK)
            return error;
        (*count)++;
        at += UINT64_C(1) << height;
    }
    return PP_OK;
}

/* The times of the window's entries, where the request does not say. */
static enum pp_error find_times(struct pp_ledger_reader *reader,
                                const struct pp_timeline_request *request,
                                struct pp_timeline_window *window)
{
    struct pp_entry entry;
    if (request->until_ns != 0 || request->first_seq == request->next_seq)
        return PP_OK;
    enum pp_error error = pp_ledger_reader_seek(reader, request->first_seq);
    window->from_ns = UINT64_MAX;
    window->until_ns = 0;
    for (uint64_t seq = request->first_seq; error == PP_OK && seq < request->next_seq; seq++) {
        error = pp_ledger_reader_next(reader, &entry);
        if (error == PP_OK && entry.time_ns < window->from_ns)
            window->from_ns = entry.time_ns;
        if (error == PP_OK && entry.time_ns > window->until_ns)
            window->until_ns = entry.time_ns;
    }
    return error;
}

/* Whether an entry of a selection is shown: everything from WARN on and notices, and the others
   evenly, so many that shown_max is kept as long as there are fewer important ones. */
struct selection {
    uint64_t important, others, shown_max; /* in the window */
    uint64_t seen;                         /* others until now */
};

static bool is_kept(const struct pp_timeline_request *request, const struct pp_entry *entry)
{
    return request->keep == NULL || request->keep(request->keep_context, entry);
}

static bool is_important(const struct pp_entry *entry)
{
    return entry->level >= PP_WARN || entry->kind == PP_ENTRY_NOTICE;
}

static enum pp_error count_kinds(struct pp_ledger_reader *reader,
                                 const struct pp_timeline_request *request,
                                 struct selection *selection)
{
    struct pp_entry entry;
    enum pp_error error = pp_ledger_reader_seek(reader, request->first_seq);
    for (uint64_t seq = request->first_seq; error == PP_OK && seq < request->next_seq; seq++) {
        error = pp_ledger_reader_next(reader, &entry);
        if (error == PP_OK && is_kept(request, &entry))
            *(is_important(&entry) ? &selection->important : &selection->others) += 1;
    }
    return error;
}

/* Every step-th: floor(k share / all) grows where one is taken. */
static bool taken_evenly(uint64_t number, uint64_t share, uint64_t all)
{
    __uint128_t before = (__uint128_t)number * share / all;
    return ((__uint128_t)number + 1) * share / all > before;
}

static bool is_selected(struct selection *selection, const struct pp_entry *entry)
{
    uint64_t max = selection->shown_max;
    uint64_t important = selection->important < max ? selection->important : max;
    if (!is_important(entry))
        return taken_evenly(selection->seen++, max - important, selection->others);
    return true;
}

static enum pp_error add_entries(struct pp_ledger_reader *reader,
                                 const struct pp_timeline_request *request,
                                 struct selection *selection, struct pp_timeline_writer *writer,
                                 struct pp_timeline_report *report)
{
    static _Thread_local uint8_t encoding[PP_ENTRY_BYTES_MAX];
    struct pp_entry entry;
    enum pp_error error = PP_OK;
    if (request->first_seq < request->next_seq)
        error = pp_ledger_reader_seek(reader, request->first_seq);
    for (uint64_t seq = request->first_seq; error == PP_OK && seq < request->next_seq; seq++) {
        size_t len = 0;
        error = pp_ledger_reader_next(reader, &entry);
        if (error == PP_OK)
            error = pp_entry_encode(&entry, encoding, sizeof encoding, &len);
        if (error != PP_OK)
            return error;
        struct pp_digest leaf = pp_leaf_hash((struct pp_bytes){encoding, len});
        bool shown = !selection || (is_kept(request, &entry) && is_selected(selection, &entry));
        report->entries++;
        report->shown += shown;
        error = pp_timeline_writer_add(writer, &entry, &leaf, shown);
    }
    return error;
}

static enum pp_error finish(struct pp_ledger_reader *reader,
                            const struct pp_timeline_window *window,
                            struct pp_timeline_writer *writer, uint8_t **page, size_t *len)
{
    struct pp_digest before[SUBTREES_MAX], after[SUBTREES_MAX];
    size_t before_count = 0, after_count = 0;
    enum pp_error error = PP_OK;
    if (window->complete)
        error = hash_range(reader, 0, window->first_seq, before, &before_count);
    if (error == PP_OK && window->complete)
        error = hash_range(reader, window->next_seq, window->tree_size, after, &after_count);
    if (error != PP_OK)
        return error;
    return pp_timeline_writer_finish(writer, before, before_count, after, after_count, page, len);
}

enum pp_error pp_timeline_of_ledger(struct pp_ledger_reader *reader,
                                    const struct pp_timeline_request *request, uint8_t **page,
                                    size_t *len, struct pp_timeline_report *report)
{
    uint64_t entries = request->next_seq - request->first_seq;
    struct selection selection = {.shown_max = request->shown_max};
    struct pp_timeline_window window = {
        .first_seq = request->first_seq,
        .next_seq = request->next_seq,
        .tree_size = request->tree_size,
        .from_ns = request->from_ns,
        .until_ns = request->until_ns,
        .complete =
            request->keep == NULL && (request->shown_max == 0 || entries <= request->shown_max),
        .origin = request->origin,
        .title = request->title,
        .incident = request->incident,
        .checkpoint = request->checkpoint,
    };
    struct pp_timeline_writer *writer = NULL;
    *report = (struct pp_timeline_report){0};
    enum pp_error error = pp_ledger_reader_root(reader, request->tree_size, &window.root);
    if (error == PP_OK)
        error = find_times(reader, request, &window);
    if (error == PP_OK && !window.complete)
        error = count_kinds(reader, request, &selection);
    if (error == PP_OK)
        error = pp_timeline_writer_new(&window, &writer);
    if (error == PP_OK)
        error = add_entries(reader, request, window.complete ? NULL : &selection, writer, report);
    if (error == PP_OK)
        error = finish(reader, &window, writer, page, len);
    pp_timeline_writer_free(writer);
    report->root = window.root;
    return error;
}
