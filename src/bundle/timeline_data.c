/* SPDX-License-Identifier: MIT */
/* The sections around the blocks: what the window is, and how many entries there were.
   docs/format/timeline.md sections 2, 3 and 6. */
#include "timeline.h"

#include <string.h>

#include "../base/base.h"

static const uint8_t magic[] = {'P', 'P', 'T', 'L', 1};

static size_t put_u64(uint8_t *out, size_t at, uint64_t value)
{
    pp_put_u64(out + at, value);
    return at + 8;
}

static size_t put_text(uint8_t *out, size_t at, struct pp_bytes text)
{
    pp_put_u16(out + at, (uint16_t)text.len);
    if (text.len > 0)
        memcpy(out + at + 2, text.data, text.len);
    return at + 2 + text.len;
}

static bool window_is_valid(const struct pp_timeline_window *window)
{
    return window->first_seq <= window->next_seq && window->next_seq <= window->tree_size &&
           window->origin.len <= PP_TIMELINE_TEXT_BYTES_MAX &&
           window->title.len <= PP_TIMELINE_TEXT_BYTES_MAX &&
           window->incident.len <= PP_TIMELINE_TEXT_BYTES_MAX &&
           window->checkpoint.len <= PP_TIMELINE_TEXT_BYTES_MAX;
}

enum pp_error pp_timeline_head(const struct pp_timeline_window *window, uint8_t *out, size_t *len)
{
    if (!window_is_valid(window))
        return PP_ERROR_ARGUMENT;
    memcpy(out, magic, sizeof magic);
    const size_t start = sizeof magic + 5;
    size_t at = start;
    at = put_u64(out, at, window->first_seq);
    at = put_u64(out, at, window->next_seq);
    at = put_u64(out, at, window->tree_size);
    memcpy(out + at, window->root.b, PP_DIGEST_BYTES);
    at = put_u64(out, at + PP_DIGEST_BYTES, window->from_ns);
    at = put_u64(out, at, window->until_ns);
    out[at++] = window->complete ? 1 : 0;
    at = put_text(out, at, window->origin);
    at = put_text(out, at, window->title);
    at = put_text(out, at, window->incident);
    at = put_text(out, at, window->checkpoint);
    out[sizeof magic] = 'M';
    pp_put_u32(out + sizeof magic + 1, (uint32_t)(at - start));
    *len = at;
    return PP_OK;
}

void pp_timeline_end(uint8_t *out)
{
    out[0] = 'Z';
    pp_put_u32(out + 1, 0);
}

/* ---- Counts --------------------------------------------------------------------------------- */

void pp_timeline_counts_init(struct pp_timeline_counts *counts, uint64_t from_ns, uint64_t until_ns)
{
    memset(counts, 0, sizeof *counts);
    counts->from_ns = from_ns;
    counts->stretch_ns = (until_ns - from_ns) / PP_TIMELINE_STRETCHES + 1;
}

void pp_timeline_counts_add(struct pp_timeline_counts *counts, uint64_t time_ns, uint8_t level)
{
    uint64_t stretch =
        time_ns > counts->from_ns ? (time_ns - counts->from_ns) / counts->stretch_ns : 0;
    if (stretch >= PP_TIMELINE_STRETCHES)
        stretch = PP_TIMELINE_STRETCHES - 1;
    if (level < PP_LEVEL_COUNT)
        counts->count[stretch][level]++;
}

void pp_timeline_counts_encode(const struct pp_timeline_counts *counts, uint8_t *out)
{
    out[0] = 'C';
    pp_put_u32(out + 1, PP_TIMELINE_COUNTS_BYTES - 5);
    size_t at = put_u64(out, 5, counts->from_ns);
    at = put_u64(out, at, counts->stretch_ns);
    pp_put_u32(out + at, PP_TIMELINE_STRETCHES);
    at += 4;
    for (size_t i = 0; i < PP_TIMELINE_STRETCHES; i++)
        for (size_t level = 0; level < PP_LEVEL_COUNT; level++, at += 4)
            pp_put_u32(out + at, counts->count[i][level]);
}
