/* SPDX-License-Identifier: MIT */
/* The check of one segment, piece by piece.  Read, not mapped: the last segment may shrink under a
   writer's hands. */

#include "verify.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

_Static_assert((int)PP_VERIFY_PIECE_BYTES >= 2 * (int)PP_FRAME_BYTES_MAX,
               "each piece brings the check forward");

/* Larger than a writer makes a segment. */
static const int64_t file_bytes_max = PP_SEGMENT_BYTES_MAX + 2 * (int64_t)PP_GROUP_BYTES_MAX;

static void unreadable(struct pp_verify_task *task, int error)
{
    struct pp_verify_slot *slot = &task->slot;
    slot->result.verdict = PP_VERDICT_UNREADABLE;
    slot->result.first_bad_seq = PP_NO_SEQ;
    snprintf(slot->place, sizeof slot->place, "segments/%s", task->name);
    snprintf(slot->reason, sizeof slot->reason, "the segment can't be read: %s", strerror(error));
}

/* Fills task->fd and size; 0 or -errno. */
static int open_file(const struct pp_verification *v, struct pp_verify_task *task)
{
    task->fd = pp_os_open(v->layout.segments, task->name, PP_OS_READ);
    int64_t size = task->fd < 0 ? task->fd : pp_os_size(task->fd);
    if (size < 0)
        return (int)size;
    task->size = task->slot.bytes = (uint64_t)size;
    return size > file_bytes_max ? -EFBIG : 0;
}

void pp_verify_task_begin(const struct pp_verification *v, uint64_t segment,
                          struct pp_verify_task *task)
{
    memset(&task->slot, 0, sizeof task->slot);
    task->segment = segment;
    task->size = 0;
    task->looked_at = 0;
    pp_sha256_init(&task->slot.references);
    task->slot.sealed_references = task->slot.references;
    pp_segment_name(segment, task->name);
    task->input = (struct pp_check_input){.seed = v->key != NULL ? &v->key->seed : NULL,
                                          .scratch = task->scratch};
    for (size_t i = 0; i < PP_ANCHOR_COUNT; i++)
        task->input.sizes[i] = v->anchors[i].present ? v->anchors[i].size : PP_NO_SEQ;
    pp_segment_check_begin(&task->checker, &task->input, &task->slot.result);
    int error = open_file(v, task);
    if (error < 0)
        unreadable(task, -error);
}

/* Reads what there is of the file from `at` on, at most a piece; 0 or -errno. */
static int read_piece(const struct pp_verify_task *task, struct pp_verify_tools *tools, uint64_t at,
                      struct pp_bytes *piece)
{
    int64_t got = pp_os_read_at(task->fd, tools->piece, PP_VERIFY_PIECE_BYTES, at);
    *piece = (struct pp_bytes){tools->piece, got < 0 ? 0 : (size_t)got};
    return got < 0 ? (int)got : 0;
}

/* The origin in the result points into the first piece; the slot keeps it. */
static void keep_origin(struct pp_verify_slot *slot)
{
    struct pp_bytes origin = slot->result.header.origin;
    memcpy(slot->origin, origin.data, origin.len);
    slot->origin[origin.len] = 0;
    slot->result.header.origin.data = (const uint8_t *)slot->origin;
}

/* Takes the records of one piece; *taken: whether there were any.  0 or -errno. */
static int take_piece(struct pp_verify_task *task, struct pp_verify_tools *tools, bool *taken)
{
    struct pp_bytes piece;
    struct pp_verify_slot *slot = &task->slot;
    bool is_first = !slot->result.has_header;
    size_t from = task->checker.at;
    int error = read_piece(task, tools, from, &piece);
    *taken = error == 0 && pp_segment_check_take(&task->checker, piece);
    if (error == 0 && slot->result.references != 0) /* also before a torn record */
        pp_verify_note_references(slot, (struct pp_bytes){piece.data, task->checker.at - from});
    if (is_first && slot->result.has_header)
        keep_origin(slot);
    return error;
}

/* Where the zeros at the end of the file begin, not before the last seal's end. */
static int find_used_end(const struct pp_verify_task *task, struct pp_verify_tools *tools,
                         uint64_t *used_end)
{
    struct pp_bytes piece = {NULL, 1};
    uint64_t at = *used_end = task->slot.result.sealed_end;
    int error = 0;
    for (; error == 0 && piece.len != 0; at += piece.len) {
        error = read_piece(task, tools, at, &piece);
        size_t used = pp_segment_used_bytes(piece);
        if (used != 0)
            *used_end = at + used;
    }
    return error;
}

/* Judges what stands behind the last seal. */
static int end_check(struct pp_verify_task *task, struct pp_verify_tools *tools, uint64_t used_end)
{
    struct pp_buffer *tail = &tools->tail;
    uint64_t from = task->slot.result.sealed_end;
    tail->len = 0;
    if (used_end != from) {
        size_t bytes = (size_t)(used_end - from) + PP_SEAL_FRAME_BYTES;
        if (!pp_buffer_reserve(tail, bytes))
            return -ENOMEM;
        int64_t got = pp_os_read_at(task->fd, tail->data, bytes, from);
        if (got < 0)
            return (int)got;
        tail->len = (size_t)got;
    }
    pp_segment_check_end(&task->checker, (struct pp_bytes){tail->data, tail->len});
    return 0;
}

/* The last segment may grow under a writer's hands: as long as whole records stand where the check
   stopped, it goes on. */
static int step(struct pp_verify_task *task, struct pp_verify_tools *tools, bool *more)
{
    uint64_t used_end;
    int error = take_piece(task, tools, more);
    if (error < 0 || *more)
        return error;
    error = find_used_end(task, tools, &used_end);
    if (error < 0)
        return error;
    *more = task->checker.at < used_end && task->checker.at != task->looked_at &&
            task->slot.result.verdict == PP_VERDICT_OK;
    task->looked_at = task->checker.at;
    return *more ? 0 : end_check(task, tools, used_end);
}

void pp_verify_task_close(struct pp_verify_task *task)
{
    if (task->fd >= 0)
        pp_os_close(task->fd);
    task->fd = -1;
}

static void finish(const struct pp_verification *v, struct pp_verify_task *task,
                   struct pp_verify_tools *tools)
{
    struct pp_verify_slot *slot = &task->slot;
    if (slot->result.verdict == PP_VERDICT_OK) {
        /* Both leave their verdict in the slot. */
        bool good =
            pp_verify_index(v, task->segment, slot) && pp_verify_blobs(v, task, tools->piece);
        (void)good;
    } else if (slot->reason[0] == 0) {
        snprintf(slot->place, sizeof slot->place, "segments/%s offset %zu", task->name,
                 slot->result.bad_offset);
        snprintf(slot->reason, sizeof slot->reason, "%s", slot->result.reason);
    }
    pp_verify_task_close(task);
}

bool pp_verify_task_step(const struct pp_verification *v, struct pp_verify_task *task,
                         struct pp_verify_tools *tools)
{
    bool more = false;
    task->input.engine = tools->engine;
    int error = task->slot.reason[0] == 0 ? step(task, tools, &more) : 0;
    if (error < 0)
        unreadable(task, -error);
    if (error < 0 || !more)
        finish(v, task, tools);
    return error == 0 && more;
}
