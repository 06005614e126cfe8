/* SPDX-License-Identifier: MIT */
/* What the demo's attackers do to copies of the ledger, and what must come of it. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "demo.h"

enum {
    SECTOR_BYTES = 512,
    TIME_OFFSET = 10,
    LEVEL_OFFSET = 18,
    SEAL_TIME_OFFSET = 122,
    HEADER_TIME_OFFSET = 89
};
#define NS_PER_DAY UINT64_C(86400000000000)

static struct demo_frame *target_of(struct demo_work *w)
{
    return &w->image.frames[w->target];
}

static uint8_t *content_of(struct demo_work *w, const struct demo_frame *frame)
{
    return demo_frame_data(&w->image, frame) + PP_FRAME_HEAD_BYTES;
}

/* The nth frame of a type in a segment, counted from its end; there always is one. */
static struct demo_frame *last_frame(struct demo_work *w, size_t segment, uint8_t type, size_t n)
{
    size_t i = w->image.frame_count;
    while (i-- > 1)
        if (w->image.frames[i].segment == segment && w->image.frames[i].type == type && n-- == 0)
            break;
    return &w->image.frames[i];
}

/* The seal that the target's group ends with. */
static struct demo_frame *seal_of_target(struct demo_work *w)
{
    size_t i = w->target;
    while (w->image.frames[i].type != PP_FRAME_SEAL)
        i++;
    return &w->image.frames[i];
}

/* The first entry of a segment, according to its header. */
static uint64_t segment_start(struct demo_work *w, size_t segment)
{
    size_t i = 0;
    while (w->image.frames[i].segment != segment)
        i++;
    return w->image.frames[i].seq;
}

static uint64_t group_start(struct demo_work *w)
{
    size_t i = w->target;
    while (w->image.frames[i - 1].type == PP_FRAME_ENTRY)
        i--;
    return w->image.frames[i].seq;
}

static bool store_target(struct demo_work *w)
{
    return demo_store(&w->image, target_of(w)->segment);
}

static bool splice_target(struct demo_work *w, size_t offset, size_t removed, struct pp_bytes added)
{
    return demo_splice(&w->image, target_of(w)->segment, offset, removed, added) && store_target(w);
}

/* An attacker on the machine removes the ledger's own checkpoint too. */
static bool remove_own_checkpoint(struct demo_work *w)
{
    char path[CLI_PATH_BYTES];
    return demo_path(w->ledger, "checkpoint", path) && demo_remove_file(path);
}

static bool remove_segment_file(struct demo_work *w, size_t position, const char *suffix)
{
    char path[CLI_PATH_BYTES];
    return demo_segment_path(w->ledger, w->image.segments[position].index, suffix, path) &&
           demo_remove_file(path);
}

/* ---- Entries -------------------------------------------------------------------------------- */

static bool flip_bit(struct demo_work *w)
{
    struct demo_frame *frame = target_of(w);
    w->bad_seq = frame->seq;
    demo_frame_data(&w->image, frame)[frame->bytes - PP_TAG_BYTES - 1] ^= 0x04;
    return store_target(w);
}

static bool flip_tag_bit(struct demo_work *w)
{
    struct demo_frame *frame = target_of(w);
    w->bad_seq = frame->seq;
    demo_frame_data(&w->image, frame)[frame->bytes - 1] ^= 0x80;
    return store_target(w);
}

static bool edit_message(struct demo_work *w)
{
    w->bad_seq = target_of(w)->seq;
    demo_rewrite_body(demo_frame_data(&w->image, target_of(w)));
    return store_target(w);
}

static bool edit_level(struct demo_work *w)
{
    uint8_t *level = content_of(w, target_of(w)) + LEVEL_OFFSET;
    w->bad_seq = target_of(w)->seq;
    *level = *level == PP_TRACE ? PP_FATAL : PP_TRACE;
    return store_target(w);
}

static bool set_entry_clock_back(struct demo_work *w)
{
    uint8_t *time = content_of(w, target_of(w)) + TIME_OFFSET;
    w->bad_seq = target_of(w)->seq;
    pp_put_u64(time, pp_get_u64(time) - NS_PER_DAY);
    return store_target(w);
}

static bool delete_entry(struct demo_work *w)
{
    struct demo_frame *frame = target_of(w);
    w->bad_seq = frame->seq;
    return splice_target(w, frame->offset, frame->bytes, (struct pp_bytes){NULL, 0});
}

/* The target's frame on the heap, for splicing. */
static uint8_t *copy_of(struct demo_work *w, const struct demo_frame *frame)
{
    uint8_t *copy = malloc(frame->bytes);
    if (copy != NULL)
        memcpy(copy, demo_frame_data(&w->image, frame), frame->bytes);
    else
        cli_fail("demo", "no memory is left");
    return copy;
}

static bool insert_entry(struct demo_work *w)
{
    struct demo_frame *frame = target_of(w);
    uint8_t *copy = copy_of(w, frame);
    if (copy == NULL)
        return false;
    demo_rewrite_body(copy);
    w->bad_seq = frame->seq;
    bool good = splice_target(w, frame->offset, 0, (struct pp_bytes){copy, frame->bytes});
    free(copy);
    return good;
}

static bool duplicate_entry(struct demo_work *w)
{
    struct demo_frame *frame = target_of(w);
    uint8_t *copy = copy_of(w, frame);
    if (copy == NULL)
        return false;
    w->bad_seq = frame->seq + 1;
    bool good =
        splice_target(w, frame->offset + frame->bytes, 0, (struct pp_bytes){copy, frame->bytes});
    free(copy);
    return good;
}

static bool reorder_entries(struct demo_work *w)
{
    struct demo_frame *frame = target_of(w), *next = frame + 1;
    uint8_t *copy = copy_of(w, frame), *at = demo_frame_data(&w->image, frame);
    if (copy == NULL)
        return false;
    w->bad_seq = frame->seq;
    memmove(at, at + frame->bytes, next->bytes);
    memcpy(at + next->bytes, copy, frame->bytes);
    free(copy);
    return store_target(w);
}

static bool zero_sector(struct demo_work *w)
{
    struct demo_segment *segment = &w->image.segments[target_of(w)->segment];
    memset(segment->data + target_of(w)->offset / SECTOR_BYTES * SECTOR_BYTES, 0, SECTOR_BYTES);
    return store_target(w);
}

/* ---- Seals and headers ---------------------------------------------------------------------- */

static bool set_seal_clock_back(struct demo_work *w)
{
    uint8_t *time = content_of(w, seal_of_target(w)) + SEAL_TIME_OFFSET;
    w->bad_seq = group_start(w);
    pp_put_u64(time, pp_get_u64(time) - NS_PER_DAY);
    return store_target(w);
}

static bool replay_seal(struct demo_work *w)
{
    struct demo_frame *seal = seal_of_target(w), *older = &w->image.frames[w->target];
    while (older->type != PP_FRAME_SEAL)
        older--;
    w->bad_seq = group_start(w);
    memcpy(demo_frame_data(&w->image, seal), demo_frame_data(&w->image, older), seal->bytes);
    return store_target(w);
}

static bool strip_seal(struct demo_work *w)
{
    struct demo_frame *seal = seal_of_target(w);
    return splice_target(w, seal->offset, seal->bytes, (struct pp_bytes){NULL, 0});
}

static bool strip_segment(struct demo_work *w, size_t segment)
{
    for (size_t i = w->image.frame_count; i-- > 0;) {
        const struct demo_frame *frame = &w->image.frames[i];
        if (frame->segment == segment && frame->type == PP_FRAME_SEAL &&
            !demo_splice(&w->image, segment, frame->offset, frame->bytes,
                         (struct pp_bytes){NULL, 0}))
            return false;
    }
    return demo_store(&w->image, segment);
}

static bool strip_all_seals(struct demo_work *w)
{
    for (size_t i = 0; i < w->image.segment_count; i++)
        if (!strip_segment(w, i))
            return false;
    return remove_own_checkpoint(w);
}

static bool strip_newest_seals(struct demo_work *w)
{
    size_t last = w->image.segment_count - 1;
    w->bad_seq = segment_start(w, last);
    return strip_segment(w, last) && remove_own_checkpoint(w);
}

/* The header's clock: nothing but the header's own MAC covers it. */
static bool edit_header(struct demo_work *w)
{
    struct demo_segment *segment = &w->image.segments[target_of(w)->segment];
    w->bad_seq = segment_start(w, target_of(w)->segment);
    segment->data[PP_FRAME_HEAD_BYTES + HEADER_TIME_OFFSET + 7] ^= 0x01;
    return store_target(w);
}

/* ---- Ends ----------------------------------------------------------------------------------- */

/* Zeros from the offset to the end of the file, as a writer leaves free space. */
static bool cut(struct demo_work *w, size_t segment, size_t offset)
{
    struct demo_segment *s = &w->image.segments[segment];
    memset(s->data + offset, 0, s->len - offset);
    return demo_store(&w->image, segment);
}

static bool truncate_in_group(struct demo_work *w)
{
    size_t last = w->image.segment_count - 1;
    struct demo_frame *entry = last_frame(w, last, PP_FRAME_ENTRY, 1);
    w->bad_seq = last_frame(w, last, PP_FRAME_SEAL, 1)->seq;
    return cut(w, last, entry->offset + entry->bytes / 2) && remove_own_checkpoint(w);
}

static bool truncate_at_seal(struct demo_work *w)
{
    size_t last = w->image.segment_count - 1;
    struct demo_frame *seal = last_frame(w, last, PP_FRAME_SEAL, 1);
    w->bad_seq = seal->seq;
    return cut(w, last, seal->offset + seal->bytes) && remove_own_checkpoint(w);
}

static bool zero_newest_sector(struct demo_work *w)
{
    size_t last = w->image.segment_count - 1;
    struct demo_segment *segment = &w->image.segments[last];
    size_t offset = last_frame(w, last, PP_FRAME_SEAL, 1)->offset + PP_SEAL_FRAME_BYTES;
    size_t end = (offset / SECTOR_BYTES + 1) * SECTOR_BYTES;
    if (end > last_frame(w, last, PP_FRAME_SEAL, 0)->offset)
        end = last_frame(w, last, PP_FRAME_SEAL, 0)->offset;
    memset(segment->data + offset, 0, end - offset);
    w->bad_seq = last_frame(w, last, PP_FRAME_SEAL, 1)->seq;
    return demo_store(&w->image, last) && remove_own_checkpoint(w);
}

static bool truncate_segment(struct demo_work *w)
{
    struct demo_segment *segment = &w->image.segments[target_of(w)->segment];
    segment->len = target_of(w)->offset;
    w->bad_seq = group_start(w);
    return store_target(w);
}

static bool delete_segment(struct demo_work *w)
{
    return remove_segment_file(w, target_of(w)->segment, "seg");
}

static bool delete_last_segment(struct demo_work *w)
{
    w->bad_seq = segment_start(w, w->image.segment_count - 1);
    return remove_segment_file(w, w->image.segment_count - 1, "seg") && remove_own_checkpoint(w);
}

static bool delete_last_segment_and_rotation(struct demo_work *w)
{
    size_t before = w->image.segment_count - 2;
    return cut(w, before, last_frame(w, before, PP_FRAME_SEAL, 0)->offset) &&
           remove_segment_file(w, before, "idx") && delete_last_segment(w);
}

static bool delete_leading_segments(struct demo_work *w)
{
    w->bad_seq = 0;
    return remove_segment_file(w, 0, "seg") && remove_segment_file(w, 0, "idx") &&
           remove_segment_file(w, 1, "seg") && remove_segment_file(w, 1, "idx");
}

static bool append_made_up_group(struct demo_work *w)
{
    return demo_make_up_group(&w->image, &w->bad_seq);
}

static bool write_behind_rotation(struct demo_work *w)
{
    size_t segment = target_of(w)->segment;
    struct pp_bytes added = {demo_frame_data(&w->image, target_of(w)), target_of(w)->bytes};
    return demo_splice(&w->image, segment, w->image.segments[segment].used, 0, added) &&
           store_target(w);
}

/* ---- Whole files and ledgers ---------------------------------------------------------------- */

static bool rename_file(const char *from, const char *to)
{
    int result = pp_os_rename(PP_OS_CWD, from, to);
    if (result < 0)
        cli_fail("demo", "%s can't be renamed: %s", from, strerror(-result));
    return result == 0;
}

static bool swap_segments(struct demo_work *w)
{
    char a[CLI_PATH_BYTES], b[CLI_PATH_BYTES], aside[CLI_PATH_BYTES];
    w->bad_seq = segment_start(w, 1);
    return demo_segment_path(w->ledger, 1, "seg", a) && demo_segment_path(w->ledger, 2, "seg", b) &&
           demo_path(w->ledger, "aside", aside) && rename_file(a, aside) && rename_file(b, a) &&
           rename_file(aside, b);
}

static bool splice_segment(struct demo_work *w)
{
    struct demo_image other;
    size_t segment = target_of(w)->segment;
    w->bad_seq = segment_start(w, segment);
    bool good = demo_image_load(&other, w->demo->other_ledger);
    if (good) {
        memcpy(other.path, w->ledger, sizeof other.path);
        good = segment < other.segment_count && demo_store(&other, segment);
        if (segment >= other.segment_count)
            cli_fail("demo", "the other ledger has too few segments");
    }
    demo_image_free(&other);
    return good;
}

/* A group of the other ledger, seal included, in place of the target's group. */
static bool splice_group(struct demo_work *w)
{
    struct demo_image other;
    struct demo_work there = {.demo = w->demo};
    struct demo_frame *seal = seal_of_target(w), *first = target_of(w);
    while (first[-1].type == PP_FRAME_ENTRY)
        first--;
    bool good = demo_image_load(&other, w->demo->other_ledger);
    if (good) {
        there.image = other;
        struct demo_frame *end = last_frame(&there, 1, PP_FRAME_SEAL, 1), *start = end;
        while (start[-1].type == PP_FRAME_ENTRY)
            start--;
        struct pp_bytes group = {demo_frame_data(&other, start),
                                 end->offset + end->bytes - start->offset};
        w->bad_seq = first->seq;
        good = splice_target(w, first->offset, seal->offset + seal->bytes - first->offset, group);
    }
    demo_image_free(&other);
    return good;
}

static bool replace_ledger(struct demo_work *w, const char *with)
{
    demo_remove_tree(w->ledger);
    return demo_copy_ledger(with, w->ledger);
}

static bool replace_by_other(struct demo_work *w)
{
    w->bad_seq = 0;
    return replace_ledger(w, w->demo->other_ledger);
}

static bool roll_back(struct demo_work *w)
{
    return replace_ledger(w, w->demo->old_ledger);
}

/* Log and key of the old day, and then another history until it is longer than the true one. */
static bool roll_back_and_go_on(struct demo_work *w)
{
    char keys[CLI_PATH_BYTES];
    size_t count = w->demo->input.count;
    if (snprintf(keys, sizeof keys, "%s-keys", w->ledger) >= (int)sizeof keys)
        return false;
    return replace_ledger(w, w->demo->old_ledger) &&
           demo_copy_folder(w->demo->old_keys, keys, true) &&
           demo_append(w->demo, w->ledger, keys, 7, count + 100, count / 20 + 1);
}

static bool edit_index(struct demo_work *w)
{
    char path[CLI_PATH_BYTES];
    struct cli_buffer file;
    uint64_t index = w->image.segments[target_of(w)->segment].index;
    if (!demo_segment_path(w->ledger, index, "idx", path) ||
        !cli_read_file("demo", path, PP_SEGMENT_BYTES_MAX, &file))
        return false;
    file.data[file.len / 2] ^= 0x10;
    bool good = demo_write_file(path, cli_buffer_view(&file));
    cli_buffer_free(&file);
    return good;
}

static bool edit_own_checkpoint(struct demo_work *w)
{
    char path[CLI_PATH_BYTES];
    struct cli_checkpoint checkpoint;
    if (!demo_path(w->ledger, "checkpoint", path) ||
        !cli_checkpoint_load("demo", w->ledger, &checkpoint))
        return false;
    uint8_t *root = checkpoint.text.data + strlen(w->demo->origin) + 1;
    root = memchr(root, '\n', 24);
    if (root != NULL)
        root[1] = root[1] == 'A' ? 'B' : 'A';
    bool good = root != NULL && demo_write_file(path, cli_buffer_view(&checkpoint.text));
    cli_buffer_free(&checkpoint.text);
    return good;
}

/* The path of a blob, and the entry that refers to it. */
static bool find_blob(struct demo_work *w, char path[CLI_PATH_BYTES])
{
    struct pp_frame frame;
    struct pp_entry entry;
    struct pp_digest digest;
    char name[PP_BLOB_NAME_BYTES + 8] = "blobs/";
    for (size_t i = 0; i < w->image.frame_count; i++) {
        const struct demo_frame *found = &w->image.frames[i];
        struct pp_bytes data = {demo_frame_data(&w->image, found), found->bytes};
        if (found->type != PP_FRAME_ENTRY || pp_frame_read(data, &frame) != PP_OK ||
            pp_entry_decode(frame.content, &entry) != PP_OK || entry.kind != PP_ENTRY_REFERENCE)
            continue;
        memcpy(digest.b, entry.body.data + 8, PP_DIGEST_BYTES);
        pp_blob_name(&digest, name + strlen(name));
        w->bad_seq = entry.seq;
        return demo_path(w->ledger, name, path);
    }
    cli_fail("demo", "the ledger has no body kept beside");
    return false;
}

static bool edit_blob(struct demo_work *w)
{
    char path[CLI_PATH_BYTES];
    struct cli_buffer file;
    if (!find_blob(w, path) || !cli_read_file("demo", path, PP_SEGMENT_BYTES_MAX, &file))
        return false;
    file.data[file.len / 2] ^= 0x01;
    bool good = demo_write_file(path, cli_buffer_view(&file));
    cli_buffer_free(&file);
    return good;
}

static bool remove_blob(struct demo_work *w)
{
    char path[CLI_PATH_BYTES];
    return find_blob(w, path) && demo_remove_file(path);
}

/* ---- Keys ----------------------------------------------------------------------------------- */

static bool forge_with_stolen(struct demo_work *w)
{
    w->bad_seq = target_of(w)->seq;
    return demo_forge(w->demo, &w->image, w->target, DEMO_KEY_STOLEN);
}

static bool forge_with_stolen_later(struct demo_work *w)
{
    w->bad_seq = target_of(w)->seq;
    return demo_forge(w->demo, &w->image, w->target, DEMO_KEY_STOLEN_LATER);
}

static bool forge_with_own(struct demo_work *w)
{
    w->bad_seq = 0;
    return demo_forge(w->demo, &w->image, w->target, DEMO_KEY_OWN);
}

static bool forge_with_leaked(struct demo_work *w)
{
    return demo_forge(w->demo, &w->image, w->target, DEMO_KEY_LEAKED);
}

/* ---- The table ------------------------------------------------------------------------------ */

#define V(name) DEMO_VERDICT(name)

const struct demo_attack demo_attacks[] = {
    {"flip one bit of a message", flip_bit, PP_TRUST_T0, V(MODIFIED)},
    {"flip one bit of a tag", flip_tag_bit, PP_TRUST_T1, V(MODIFIED)},
    {"edit a message", edit_message, PP_TRUST_T0, V(MODIFIED)},
    {"change the level of an entry", edit_level, PP_TRUST_T0, V(MODIFIED)},
    {"set the clock of an entry back", set_entry_clock_back, PP_TRUST_T0, V(MODIFIED)},
    {"set the clock of a seal back", set_seal_clock_back, PP_TRUST_T1, V(MODIFIED)},
    {"delete an entry", delete_entry, PP_TRUST_T0, V(MODIFIED)},
    {"insert an entry", insert_entry, PP_TRUST_T0, V(MODIFIED)},
    {"reorder two entries", reorder_entries, PP_TRUST_T0, V(MODIFIED)},
    {"duplicate an entry", duplicate_entry, PP_TRUST_T0, V(MODIFIED)},
    {"zero a sector", zero_sector, PP_TRUST_T0, V(MODIFIED)},
    {"change a segment header", edit_header, PP_TRUST_T1, V(MODIFIED)},
    {"put an older seal in place of a seal", replay_seal, PP_TRUST_T0, V(MODIFIED)},
    {"strip one seal", strip_seal, PP_TRUST_T0, V(UNSEALED) | V(MODIFIED)},
    {"strip the seals of the newest segment", strip_newest_seals, PP_TRUST_T1, V(UNSEALED)},
    {"strip all seals", strip_all_seals, PP_TRUST_T0, V(UNSEALED) | V(MODIFIED)},
    {"truncate the tail inside a group", truncate_in_group, PP_TRUST_T2, V(TRUNCATED)},
    {"truncate the tail exactly at a seal", truncate_at_seal, PP_TRUST_T2, V(ROLLED_BACK)},
    {"zero a sector of the newest group", zero_newest_sector, PP_TRUST_T2,
     V(TRUNCATED) | V(MODIFIED)},
    {"truncate a segment", truncate_segment, PP_TRUST_T0, V(MODIFIED) | V(TRUNCATED) | V(UNSEALED)},
    {"delete a segment", delete_segment, PP_TRUST_T0, V(TRUNCATED)},
    {"delete the newest segment", delete_last_segment, PP_TRUST_T0, V(TRUNCATED)},
    {"delete it and the seal that names it", delete_last_segment_and_rotation, PP_TRUST_T2,
     V(ROLLED_BACK)},
    {"delete the oldest segments", delete_leading_segments, PP_TRUST_T0, V(TRUNCATED)},
    {"append entries with a made-up seal", append_made_up_group, PP_TRUST_T1, V(MODIFIED)},
    {"write behind a closed segment", write_behind_rotation, PP_TRUST_T0, V(MODIFIED)},
    {"swap two segments", swap_segments, PP_TRUST_T0, V(MODIFIED)},
    {"splice a segment from another ledger", splice_segment, PP_TRUST_T0, V(WRONG_LOG)},
    {"splice a group from another ledger", splice_group, PP_TRUST_T0, V(MODIFIED) | V(WRONG_LOG)},
    {"replace all by another ledger", replace_by_other, PP_TRUST_T1, V(WRONG_LOG)},
    {"roll back to an old copy", roll_back, PP_TRUST_T2, V(ROLLED_BACK)},
    {"roll back log and key, write on", roll_back_and_go_on, PP_TRUST_T2, V(FORKED)},
    {"edit, re-seal with the current key", forge_with_stolen, PP_TRUST_T1, V(MODIFIED)},
    {"the same under later epochs", forge_with_stolen_later, PP_TRUST_T0,
     V(MODIFIED) | V(UNSEALED)},
    {"re-seal all with keys of one's own", forge_with_own, PP_TRUST_T1, V(WRONG_KEY)},
    {"re-seal all with a leaked verify.key", forge_with_leaked, PP_TRUST_T2, V(FORKED)},
    {"flip one bit of an index", edit_index, PP_TRUST_T0, V(MODIFIED)},
    {"edit the ledger's own checkpoint", edit_own_checkpoint, PP_TRUST_T0, V(MODIFIED) | V(FORKED)},
    {"change a body kept beside", edit_blob, PP_TRUST_T0, V(MODIFIED)},
    {"delete a body kept beside", remove_blob, PP_TRUST_T0, V(MODIFIED)},
};

const size_t demo_attack_count = sizeof demo_attacks / sizeof *demo_attacks;
