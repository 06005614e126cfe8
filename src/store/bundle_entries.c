/* SPDX-License-Identifier: MIT */
/* The entries of a bundle and the tree around them; over the limit, tiers are left out until both
   fit (docs/format/bundle.md sections 5, 7 and 9). */
#include "bundle_create.h"

#include <stdlib.h>
#include <string.h>

enum { PROGRESS_EVERY = 16384, RETRIES_MAX = 64 };

/* ---- Counting ---- */

static void note_important(struct pp_creation *creation, const struct pp_entry *entry)
{
    if (entry->level >= PP_ERROR && creation->important_count < PP_BUNDLE_PROOFS_MAX)
        creation->important[creation->important_count++] = entry->seq;
}

static enum pp_error count_entry(struct pp_creation *creation, const struct pp_entry *entry)
{
    struct pp_tier *tier = pp_tiers_of(creation->tiers, entry);
    if (tier == NULL)
        return PP_ERROR_MEMORY;
    tier->entries++;
    tier->bytes += PP_ENTRY_FIXED_BYTES + entry->source.len + entry->body.len;
    creation->body_bytes += PP_ENTRY_FIXED_BYTES + entry->source.len + entry->body.len;
    creation->report->entries++;
    creation->report->in_window[entry->level]++;
    if (entry->time_ns < creation->first_ns)
        creation->first_ns = entry->time_ns;
    if (entry->time_ns > creation->last_ns)
        creation->last_ns = entry->time_ns;
    note_important(creation, entry);
    return PP_OK;
}

enum pp_error pp_creation_count(struct pp_creation *creation)
{
    struct pp_entry entry;
    creation->first_ns = UINT64_MAX;
    enum pp_error error = pp_creation_seek(creation);
    while (error == PP_OK && (error = pp_creation_next(creation, &entry)) == PP_OK)
        error = count_entry(creation, &entry);
    return error == PP_ERROR_NOT_FOUND
               ? PP_OK
               : pp_creation_fail(creation, error, "the entries can't be read");
}

/* ---- Entries ---- */

struct entry_packer {
    struct pp_creation *creation;
    struct pp_packer packer;
    struct pp_block_writer *block;
    uint64_t kept, body_bytes;
};

static enum pp_error flush_block(struct entry_packer *entries)
{
    uint8_t head[PP_BLOCK_HEAD_BYTES];
    struct pp_bytes columns[PP_BLOCK_COLUMNS];
    pp_block_finish(entries->block, head, columns);
    enum pp_error error = pp_packer_add(&entries->packer, (struct pp_bytes){head, sizeof head});
    for (size_t i = 0; i < PP_BLOCK_COLUMNS && error == PP_OK; i++)
        error = pp_packer_add(&entries->packer, columns[i]);
    pp_block_reset(entries->block);
    return error;
}

static enum pp_error extend_range(struct pp_creation *creation, uint64_t seq)
{
    if (creation->range_count > 0 && creation->ranges[creation->range_count - 1].end == seq) {
        creation->ranges[creation->range_count - 1].end++;
        return PP_OK;
    }
    if (creation->range_count == creation->range_cap) {
        size_t cap = creation->range_cap == 0 ? 256 : 2 * creation->range_cap;
        struct pp_kept_range *ranges = realloc(creation->ranges, cap * sizeof *ranges);
        if (ranges == NULL)
            return PP_ERROR_MEMORY;
        creation->ranges = ranges;
        creation->range_cap = cap;
    }
    creation->ranges[creation->range_count++] = (struct pp_kept_range){seq, seq + 1};
    return PP_OK;
}

static enum pp_error pack_entry(struct entry_packer *entries, const struct pp_entry *entry)
{
    enum pp_error error = pp_block_add(entries->block, entry);
    if (error == PP_ERROR_NO_SPACE) {
        error = flush_block(entries);
        if (error == PP_OK)
            error = pp_block_add(entries->block, entry);
    }
    entries->kept++;
    entries->body_bytes += PP_ENTRY_FIXED_BYTES + entry->source.len + entry->body.len;
    return error == PP_OK ? extend_range(entries->creation, entry->seq) : error;
}

static enum pp_error pack_entries(struct entry_packer *entries)
{
    struct pp_creation *creation = entries->creation;
    const struct pp_bundle_options *options = creation->options;
    struct pp_entry entry;
    enum pp_error error = pp_creation_seek(creation);
    while (error == PP_OK && (error = pp_creation_next(creation, &entry)) == PP_OK) {
        if (pp_creation_keeps(creation, &entry))
            error = pack_entry(entries, &entry);
        if (options->progress != NULL && entry.seq % PROGRESS_EVERY == 0)
            options->progress(options->progress_context, "packing entries",
                              entry.seq - creation->window.first_seq, creation->report->entries);
    }
    if (error == PP_ERROR_NOT_FOUND)
        error = entries->kept > 0 ? flush_block(entries) : PP_ERROR_TOO_LARGE;
    return error == PP_OK ? pp_packer_end(&entries->packer) : error;
}

/* ---- Tree ---- */

static enum pp_error pack_gap(struct pp_creation *creation, struct pp_packer *packer,
                              uint64_t start, uint64_t end)
{
    uint8_t head[16];
    struct pp_bundle_text text = {head, sizeof head, 0};
    enum pp_error error = pp_bundle_tree_gap(&text, start, end);
    if (error == PP_OK)
        error = pp_packer_add(packer, (struct pp_bytes){head, text.len});
    while (start < end && error == PP_OK) {
        struct pp_digest hash;
        unsigned height = pp_bundle_tile_height(start, end);
        error = pp_reader_subtree(creation->reader, start, height, &hash);
        if (error == PP_OK)
            error = pp_packer_add(packer, (struct pp_bytes){hash.b, sizeof hash.b});
        start += UINT64_C(1) << height;
    }
    return error;
}

static enum pp_error pack_gaps(struct pp_creation *creation, struct pp_packer *packer)
{
    uint8_t head[24];
    struct pp_bundle_text text = {head, sizeof head, 0};
    const struct pp_kept_range *ranges = creation->ranges;
    size_t count = creation->range_count;
    bool before = ranges[0].start > 0, after = ranges[count - 1].end < creation->tree_size;
    enum pp_error error =
        pp_bundle_tree_begin(&text, creation->tree_size, count - 1 + before + after);
    if (error == PP_OK)
        error = pp_packer_add(packer, (struct pp_bytes){head, text.len});
    if (error == PP_OK && before)
        error = pack_gap(creation, packer, 0, ranges[0].start);
    for (size_t i = 1; i < count && error == PP_OK; i++)
        error = pack_gap(creation, packer, ranges[i - 1].end, ranges[i].start);
    if (error == PP_OK && after)
        error = pack_gap(creation, packer, ranges[count - 1].end, creation->tree_size);
    return error == PP_OK ? pp_packer_end(packer) : error;
}

static enum pp_error pack_tree(struct pp_creation *creation, struct pp_packed *file, size_t limit)
{
    struct pp_packer packer;
    enum pp_error error = pp_packer_begin(&packer, file, "data/ledger/window.tree", limit);
    if (error == PP_OK)
        error = pack_gaps(creation, &packer);
    pp_packer_abort(&packer);
    return error;
}

/* ---- Both, within the limit ---- */

/* What earlier attempts taught: bytes of entries.ppe for so many bytes of entries. */
struct attempt {
    uint64_t packed, body_bytes;
    uint64_t excess; /* bytes of entries to leave out before the next one; 0: nothing helps */
};

static uint64_t kept_bytes(const struct pp_creation *creation)
{
    uint64_t bytes = 0;
    for (size_t i = 0; i < PP_TIERS_MAX + PP_LEVEL_COUNT; i++)
        bytes += creation->tiers->tier[i].dropped ? 0 : creation->tiers->tier[i].bytes;
    return bytes;
}

/* Hashes that window.tree would have, without making them. */
static enum pp_error count_tiles(struct pp_creation *creation, uint64_t *tiles)
{
    struct pp_entry entry;
    uint64_t end = 0; /* of the entries kept so far */
    *tiles = 0;
    enum pp_error error = pp_creation_seek(creation);
    while (error == PP_OK && (error = pp_creation_next(creation, &entry)) == PP_OK) {
        if (!pp_creation_keeps(creation, &entry))
            continue;
        *tiles += pp_bundle_tile_count(end, entry.seq);
        end = entry.seq + 1;
    }
    *tiles += pp_bundle_tile_count(end, creation->tree_size);
    return error == PP_ERROR_NOT_FOUND ? PP_OK : error;
}

/* Leaving out single entries costs a hash each: tiers go until both parts fit by estimate. */
static enum pp_error drop_tiers(struct pp_creation *creation, struct attempt *last)
{
    uint64_t room = pp_creation_room(creation), tiles;
    uint64_t excess = last->excess;
    for (;;) {
        if (excess == 0 || !pp_tiers_drop(creation->tiers, excess))
            return PP_ERROR_TOO_LARGE;
        enum pp_error error = count_tiles(creation, &tiles);
        uint64_t bytes = kept_bytes(creation);
        if (error != PP_OK || bytes == 0)
            return error != PP_OK ? error : PP_ERROR_TOO_LARGE;
        double entries = (double)bytes * (double)last->packed / (double)last->body_bytes;
        if (entries + (double)(tiles * PP_DIGEST_BYTES) <= (double)room)
            return PP_OK;
        excess = bytes / 20 + 1;
    }
}

static enum pp_error attempt(struct pp_creation *creation, struct pp_block_writer *block,
                             struct pp_packed files[2], struct attempt *last)
{
    struct entry_packer entries = {.creation = creation, .block = block};
    uint64_t room = pp_creation_room(creation), all = kept_bytes(creation);
    creation->range_count = 0;
    pp_block_reset(block);
    enum pp_error error =
        pp_packer_begin(&entries.packer, &files[0], "data/entries/entries.ppe", (size_t)room);
    if (error == PP_OK)
        error = pack_entries(&entries);
    pp_packer_abort(&entries.packer);
    last->packed = files[0].len;
    last->body_bytes = entries.body_bytes;
    last->excess = entries.body_bytes == 0 ? 0 : all - entries.body_bytes + all / 50 + 1;
    if (error == PP_OK)
        error = pack_tree(creation, &files[1], (size_t)(room - files[0].len));
    creation->report->kept = entries.kept;
    creation->packed_entries = files[0].len;
    return error;
}

static void count_omitted(struct pp_creation *creation)
{
    for (size_t i = 0; i < PP_TIERS_MAX + PP_LEVEL_COUNT; i++) {
        const struct pp_tier *tier = &creation->tiers->tier[i];
        if (tier->dropped)
            creation->report->omitted[tier->level] += tier->entries;
    }
}

static enum pp_error keep_files(struct pp_creation *creation, struct pp_packed files[2])
{
    for (size_t i = 0; i < 2; i++) {
        struct pp_packed *file = pp_pack_new(&creation->pack);
        if (file == NULL)
            return PP_ERROR_MEMORY;
        *file = files[i];
        files[i] = (struct pp_packed){0};
    }
    return PP_OK;
}

enum pp_error pp_creation_entries(struct pp_creation *creation)
{
    struct pp_packed files[2] = {0};
    struct pp_block_writer *block = calloc(1, sizeof *block);
    enum pp_error error = block == NULL ? PP_ERROR_MEMORY : PP_ERROR_TOO_LARGE;
    struct attempt last = {0};
    for (int i = 0; i < RETRIES_MAX && error == PP_ERROR_TOO_LARGE; i++) {
        pp_packed_free(&files[0]);
        pp_packed_free(&files[1]);
        error = i > 0 ? drop_tiers(creation, &last) : PP_OK;
        if (error != PP_OK)
            break;
        error = attempt(creation, block, files, &last);
    }
    free(block);
    if (error == PP_OK)
        error = keep_files(creation, files);
    pp_packed_free(&files[0]);
    pp_packed_free(&files[1]);
    count_omitted(creation);
    if (error == PP_ERROR_TOO_LARGE)
        return pp_fail(creation->failure, error, 0,
                       "not even the most important entries fit into %llu bytes: raise --max-bytes "
                       "or shorten the window",
                       (unsigned long long)creation->limit);
    return pp_creation_fail(creation, error, "the entries can't be packed");
}
