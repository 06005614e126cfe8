/* SPDX-License-Identifier: MIT */
/* Finds the groups that a bundle covers, and packs their seals (docs/format/bundle.md sections 6
   and 9). */
#include "bundle_window.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { SEALS_IN_FULL = 1024, HEADERS_MAX = 64, RECORD_BYTES_MAX = 4096, TIME_AT = 10 };

/* ---- Groups in order ---- */

/* A sealed group, or a seal without entries: its frames lie in one segment. */
struct group {
    uint64_t place;
    size_t start, end;       /* of its entries' frames */
    struct pp_bytes content; /* of its seal */
    struct pp_seal seal;
    struct pp_bytes header; /* of the segment, when the group is its first; else empty */
};

struct group_walk {
    struct pp_ledger_reader *reader;
    uint64_t place, size; /* size: of the tree behind the last group */
    size_t at;
    struct pp_bytes header;
};

static enum pp_error start_segment(struct group_walk *walk, uint64_t place)
{
    struct pp_frame frame;
    enum pp_error error = pp_reader_load(walk->reader, place);
    if (error != PP_OK)
        return error;
    walk->place = place;
    walk->size = walk->reader->segments[place].first_seq;
    error = pp_reader_frame(walk->reader, 0, &frame);
    walk->at = error == PP_OK ? frame.bytes : 0;
    walk->header = error == PP_OK ? frame.content : (struct pp_bytes){NULL, 0};
    return error;
}

/* The rule of reader.c: what follows the last whole seal is not sealed. */
static bool is_next_seal(const struct group_walk *walk, const struct pp_frame *frame,
                         uint64_t entries, struct pp_seal *seal)
{
    return frame->type == PP_FRAME_SEAL && pp_seal_decode(frame->content, seal) == PP_OK &&
           seal->first_seq == walk->size && seal->next_seq == walk->size + entries;
}

/* The next group of this segment; PP_ERROR_NOT_FOUND when none is left. */
static enum pp_error next_in_segment(struct group_walk *walk, struct group *group)
{
    struct pp_frame frame;
    uint64_t entries = 0;
    for (size_t at = walk->at; pp_reader_frame(walk->reader, at, &frame) == PP_OK;
         at += frame.bytes) {
        if (frame.type == PP_FRAME_ENTRY) {
            entries++;
            continue;
        }
        if (!is_next_seal(walk, &frame, entries, &group->seal))
            return PP_ERROR_NOT_FOUND;
        group->place = walk->place;
        group->start = walk->at;
        group->end = at;
        group->content = frame.content;
        group->header = walk->header;
        walk->header = (struct pp_bytes){NULL, 0};
        walk->at = at + frame.bytes;
        walk->size = group->seal.next_seq;
        return PP_OK;
    }
    return PP_ERROR_NOT_FOUND;
}

static enum pp_error next_group(struct group_walk *walk, struct group *group)
{
    enum pp_error error = next_in_segment(walk, group);
    while (error == PP_ERROR_NOT_FOUND && walk->place + 1 < walk->reader->segment_count) {
        error = start_segment(walk, walk->place + 1);
        if (error == PP_OK)
            error = next_in_segment(walk, group);
    }
    return error;
}

/* ---- The window ---- */

static bool has_entry_in(struct pp_ledger_reader *reader, const struct group *group,
                         uint64_t from_ns, uint64_t until_ns)
{
    struct pp_frame frame;
    for (size_t at = group->start; at < group->end; at += frame.bytes) {
        if (pp_reader_frame(reader, at, &frame) != PP_OK ||
            frame.content.len < PP_ENTRY_FIXED_BYTES)
            return false;
        uint64_t time_ns = pp_get_u64(frame.content.data + TIME_AT);
        if (time_ns >= from_ns && time_ns < until_ns)
            return true;
    }
    return false;
}

/* A duration ends with the last entry of the ledger. */
static enum pp_error resolve_times(struct pp_ledger_reader *reader,
                                   const struct pp_bundle_options *options,
                                   struct pp_bundle_window *window)
{
    struct pp_entry entry;
    window->from_ns = options->from_ns;
    window->until_ns = options->until_ns;
    if (options->duration_ns == 0)
        return PP_OK;
    if (reader->size == pp_ledger_reader_first(reader))
        return PP_ERROR_NOT_FOUND;
    enum pp_error error = pp_ledger_reader_seek(reader, reader->size - 1);
    if (error == PP_OK)
        error = pp_ledger_reader_next(reader, &entry);
    if (error != PP_OK)
        return error;
    window->until_ns = entry.time_ns == UINT64_MAX ? UINT64_MAX : entry.time_ns + 1;
    window->from_ns =
        window->until_ns > options->duration_ns ? window->until_ns - options->duration_ns : 0;
    return PP_OK;
}

static void set_identity(struct pp_bundle_window *window, struct pp_bytes content)
{
    struct pp_segment_header header;
    if (window->origin[0] != 0 || pp_segment_header_decode(content, &header) != PP_OK)
        return;
    window->log_id = header.log_id;
    memcpy(window->origin, header.origin.data, header.origin.len);
    window->origin[header.origin.len] = 0;
}

/* The window grows to this group, which has an entry that was asked for. */
static void cover(struct pp_bundle_window *window, const struct group *group, bool *found,
                  uint64_t pending)
{
    if (!*found) {
        window->first_seq = group->seal.first_seq;
        window->first_place = group->place;
        window->seals = 0;
        pending = 1;
    }
    *found = true;
    window->next_seq = group->seal.next_seq;
    window->sealed_ns = group->seal.realtime_ns;
    window->seals += pending;
}

static enum pp_error scan(struct pp_ledger_reader *reader, struct pp_bundle_window *window,
                          const struct pp_bundle_options *options)
{
    struct group_walk walk = {.reader = reader};
    struct group group;
    bool found = false;
    uint64_t pending = 0; /* seals since the last group that was covered */
    enum pp_error error = start_segment(&walk, 0);
    set_identity(window, walk.header);
    while (error == PP_OK && (error = next_group(&walk, &group)) == PP_OK) {
        pending++;
        if (group.header.len > 0 && options->progress != NULL)
            options->progress(options->progress_context, "looking for the window", walk.size,
                              reader->size);
        if (has_entry_in(reader, &group, window->from_ns, window->until_ns)) {
            cover(window, &group, &found, pending);
            pending = 0;
        }
    }
    if (error != PP_ERROR_NOT_FOUND)
        return error;
    return found ? PP_OK : PP_ERROR_NOT_FOUND;
}

enum pp_error pp_window_find(struct pp_ledger_reader *reader,
                             const struct pp_bundle_options *options,
                             struct pp_bundle_window *window, struct pp_failure *failure)
{
    *window = (struct pp_bundle_window){0};
    enum pp_error error = resolve_times(reader, options, window);
    if (error == PP_OK)
        error = scan(reader, window, options);
    if (error == PP_ERROR_NOT_FOUND)
        return pp_fail(failure, error, 0,
                       "%s has no sealed entry in this window (`postproof cat` shows their times)",
                       reader->layout.path);
    if (error != PP_OK && failure != NULL)
        *failure = reader->failure;
    return error;
}

/* ---- Seals ---- */

struct seal_packer {
    struct pp_packer packer;
    uint8_t record[RECORD_BYTES_MAX];
    uint64_t step, number, kept, headers; /* every step-th commit is kept in full */
};

static enum pp_error flush_record(struct seal_packer *seals, const struct pp_bundle_text *text)
{
    return pp_packer_add(&seals->packer, (struct pp_bytes){text->data, text->len});
}

static bool in_full(const struct seal_packer *seals, const struct group *group, bool last)
{
    return seals->number == 0 || last || group->seal.kind != PP_SEAL_COMMIT ||
           seals->number % seals->step == 0;
}

static enum pp_error pack_header(struct seal_packer *seals, struct pp_bytes header)
{
    struct pp_bundle_text text = {seals->record, sizeof seals->record, 0};
    if (header.len == 0 || seals->headers == HEADERS_MAX)
        return PP_OK;
    seals->headers++;
    enum pp_error error = pp_seals_add_header(&text, header);
    return error == PP_OK ? flush_record(seals, &text) : error;
}

static enum pp_error pack_group(struct seal_packer *seals, const struct group *group, bool last)
{
    struct pp_bundle_text text = {seals->record, sizeof seals->record, 0};
    bool full = in_full(seals, group, last);
    enum pp_error error =
        full ? pp_seals_add(&text, group->content)
             : pp_seals_add_count(&text, group->seal.next_seq - group->seal.first_seq);
    seals->number++;
    seals->kept += full;
    return error == PP_OK ? flush_record(seals, &text) : error;
}

/* The header of the first segment stands in front, wherever in it the window begins. */
static enum pp_error pack_seals(struct pp_ledger_reader *reader,
                                const struct pp_bundle_window *window, struct seal_packer *seals)
{
    struct group_walk walk = {.reader = reader};
    struct group group;
    uint8_t magic[16];
    struct pp_bundle_text text = {magic, sizeof magic, 0};
    enum pp_error error = pp_seals_begin(&text);
    if (error == PP_OK)
        error = flush_record(seals, &text);
    if (error == PP_OK)
        error = start_segment(&walk, window->first_place);
    if (error == PP_OK)
        error = pack_header(seals, walk.header);
    walk.header.len = 0;
    bool begun = false;
    while (error == PP_OK && seals->number < window->seals) {
        error = next_group(&walk, &group);
        begun = begun || (error == PP_OK && group.seal.first_seq == window->first_seq &&
                          group.seal.kind == PP_SEAL_COMMIT);
        if (error != PP_OK || !begun)
            continue;
        error = pack_header(seals, group.header);
        if (error == PP_OK)
            error = pack_group(seals, &group, seals->number + 1 == window->seals);
    }
    return error;
}

enum pp_error pp_window_seals(struct pp_ledger_reader *reader,
                              const struct pp_bundle_window *window, struct pp_packed *file,
                              uint64_t *kept, struct pp_failure *failure)
{
    struct seal_packer seals = {.step = 1 + (window->seals - 1) / SEALS_IN_FULL};
    enum pp_error error = pp_packer_begin(&seals.packer, file, "data/ledger/seals.ppf", SIZE_MAX);
    if (error == PP_OK)
        error = pack_seals(reader, window, &seals);
    if (error == PP_OK)
        error = pp_packer_end(&seals.packer);
    pp_packer_abort(&seals.packer);
    *kept = seals.kept;
    return error == PP_OK ? PP_OK
                          : pp_fail(failure, error, 0,
                                    "the seals of %s can't be read; run "
                                    "`postproof verify`",
                                    reader->layout.path);
}
