/* SPDX-License-Identifier: MIT */
/* The demo's ledger: keys, input in several sittings, checkpoints, an old copy, another ledger. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "demo.h"

enum {
    BATCH = 128,
    GROUPS = 60,            /* seals that the input makes, more or less */
    SNAPSHOT_BYTES = 80000, /* larger than an entry */
    TAIL_LINES = 48,        /* kept for small groups at the end */
    TAIL_GROUP = 6,
    STEP_LINES = 12 /* that bear older times */
};
#define NS_PER_HOUR UINT64_C(3600000000000)

const struct pp_ledger_options demo_writer_options = {.segment_bytes = 64 << 10,
                                                      .group_bytes = 48 << 10};

/* ---- Appending ------------------------------------------------------------------------------ */

static bool append_batch(const struct demo *demo, struct pp_ledger *ledger, size_t from, size_t n)
{
    struct pp_entry entries[BATCH];
    struct pp_ingest_scratch scratch[BATCH];
    uint64_t now = cli_now_ns();
    for (size_t i = 0; i < n; i++)
        demo_input_entry(&demo->input, (from + i) % demo->input.count, now, &scratch[i],
                         &entries[i]);
    return pp_ledger_append_batch(ledger, entries, n, NULL) == PP_OK;
}

static bool append_lines(const struct demo *demo, struct pp_ledger *ledger, size_t from, size_t to,
                         size_t group)
{
    bool good = true;
    for (size_t at = from; at < to && good;) {
        size_t group_end = to - at < group ? to : at + group;
        while (at < group_end && good) {
            size_t n = group_end - at < BATCH ? group_end - at : BATCH;
            good = append_batch(demo, ledger, at, n);
            at += n;
        }
        good = good && pp_ledger_sync(ledger) == PP_OK;
    }
    return good || demo_failed(pp_ledger_failure(ledger));
}

static bool open_writer(const char *path, const char *keys, struct pp_ledger **ledger)
{
    struct pp_failure failure;
    return pp_ledger_open(path, keys, &demo_writer_options, ledger, NULL, &failure) == PP_OK ||
           demo_failed(&failure);
}

/* Closes; good only when everything before was. */
static bool close_writer(struct pp_ledger *ledger, bool good)
{
    struct pp_failure failure;
    if (pp_ledger_close(ledger, &failure) == PP_OK || !good)
        return good;
    return demo_failed(&failure);
}

bool demo_append(const struct demo *demo, const char *ledger_path, const char *keys, size_t from,
                 size_t to, size_t group)
{
    struct pp_ledger *ledger;
    return open_writer(ledger_path, keys, &ledger) &&
           close_writer(ledger, append_lines(demo, ledger, from, to, group));
}

/* One record larger than an entry holds: the first lines of the input together. */
static bool append_snapshot(const struct demo *demo, struct pp_ledger *ledger)
{
    struct cli_buffer body = {0};
    bool good = true;
    for (size_t i = 0; body.len < SNAPSHOT_BYTES && good; i++) {
        const struct demo_line *line = &demo->input.lines[i % demo->input.count];
        good = cli_buffer_add(&body, demo->input.text.data + line->offset, line->len) &&
               cli_buffer_add(&body, "\n", 1);
    }
    struct pp_entry entry = {.time_ns = cli_now_ns(),
                             .source = pp_bytes_of("postproof-demo/snapshot"),
                             .body = cli_buffer_view(&body),
                             .level = PP_INFO};
    good = good && pp_ledger_append(ledger, &entry, NULL) == PP_OK;
    cli_buffer_free(&body);
    return good || demo_failed(pp_ledger_failure(ledger));
}

/* What a clock set back by an hour leaves: entries older than those before them. */
static bool append_after_clock_step(const struct demo *demo, struct pp_ledger *ledger)
{
    struct pp_ingest_scratch scratch;
    struct pp_entry entry;
    bool good = true;
    for (size_t i = 0; i < STEP_LINES && good; i++) {
        demo_input_entry(&demo->input, i % demo->input.count, cli_now_ns(), &scratch, &entry);
        entry.time_ns = cli_now_ns() - NS_PER_HOUR - i * NS_PER_HOUR;
        good = pp_ledger_append(ledger, &entry, NULL) == PP_OK;
    }
    good = good && pp_ledger_sync(ledger) == PP_OK;
    return good || demo_failed(pp_ledger_failure(ledger));
}

/* ---- Sittings ------------------------------------------------------------------------------- */

static bool make_ledger(const struct demo *demo, const char *ledger, const char *keys)
{
    struct pp_failure failure;
    if (pp_keys_create(keys, demo->origin, &failure) != PP_OK ||
        pp_ledger_create(ledger, keys, NULL, &failure) != PP_OK)
        return demo_failed(&failure);
    return true;
}

/* As an operator would: the verification key leaves the machine. */
static bool hand_over_key(const struct demo *demo)
{
    char from[CLI_PATH_BYTES];
    if (!demo_make_folder(demo->auditor) || !demo_path(demo->keys, PP_VERIFY_KEY_FILE, from))
        return false;
    int result = pp_os_rename(PP_OS_CWD, from, demo->verify_key);
    if (result < 0)
        cli_fail("demo", "%s can't be moved: %s", from, strerror(-result));
    return result == 0;
}

static bool save_checkpoint(const struct demo *demo, const char *saved)
{
    char text[PP_CHECKPOINT_BYTES_MAX];
    size_t len = 0;
    struct pp_ledger *ledger;
    if (!open_writer(demo->ledger, demo->keys, &ledger))
        return false;
    bool good =
        pp_ledger_checkpoint(ledger, text, &len) == PP_OK || demo_failed(pp_ledger_failure(ledger));
    return close_writer(ledger, good) &&
           demo_write_file(saved, (struct pp_bytes){(const uint8_t *)text, len});
}

static bool first_sitting(struct demo *demo, size_t to, size_t group)
{
    if (!make_ledger(demo, demo->ledger, demo->keys) || !hand_over_key(demo))
        return false;
    demo_honest_check(demo, "empty ledger", demo->ledger, PP_TRUST_T1, DEMO_VERDICT(OK));
    if (!demo_append(demo, demo->ledger, demo->keys, 0, to, group))
        return false;
    demo_honest_check(demo, "after append", demo->ledger, PP_TRUST_T1, DEMO_VERDICT(OK));
    demo_honest_check(demo, "the same without a key", demo->ledger, PP_TRUST_T0,
                      DEMO_VERDICT(UNANCHORED));
    if (!save_checkpoint(demo, demo->early_checkpoint) ||
        !demo_copy_ledger(demo->ledger, demo->old_ledger) ||
        !demo_copy_folder(demo->keys, demo->old_keys, true))
        return false;
    memcpy(demo->checkpoint, demo->early_checkpoint, sizeof demo->checkpoint);
    demo_honest_check(demo, "after a checkpoint", demo->ledger, PP_TRUST_T2, DEMO_VERDICT(OK));
    return true;
}

static bool second_sitting(struct demo *demo, size_t from, size_t to, size_t group)
{
    struct pp_ledger *ledger;
    if (!open_writer(demo->ledger, demo->keys, &ledger))
        return false;
    bool good = append_lines(demo, ledger, from, to, group);
    if (good)
        demo_honest_check(demo, "after reopening, the writer still open", demo->ledger, PP_TRUST_T2,
                          DEMO_VERDICT(OK));
    if (!close_writer(ledger, good && append_snapshot(demo, ledger)))
        return false;
    demo_honest_check(demo, "after rotations, and a body kept beside", demo->ledger, PP_TRUST_T2,
                      DEMO_VERDICT(OK));
    if (!open_writer(demo->ledger, demo->keys, &ledger) ||
        !close_writer(ledger, append_after_clock_step(demo, ledger)))
        return false;
    demo_honest_check(demo, "after the wall clock went back", demo->ledger, PP_TRUST_T2,
                      DEMO_VERDICT(OK));
    return true;
}

/* Small groups until the last segment has several seals: the attacks on the tail need them. */
static bool last_sitting(struct demo *demo, size_t from)
{
    struct demo_image image;
    size_t seals = 0, to = demo->input.count;
    while (seals < 3) {
        if (!demo_append(demo, demo->ledger, demo->keys, from, to, TAIL_GROUP))
            return false;
        bool loaded = demo_image_load(&image, demo->ledger);
        seals = loaded ? demo_image_last_seals(&image) : 0;
        demo_image_free(&image);
        if (!loaded)
            return false;
        from = to;
        to += 2 * (size_t)TAIL_GROUP;
    }
    return demo_path(demo->auditor, "checkpoint", demo->checkpoint) &&
           save_checkpoint(demo, demo->checkpoint);
}

bool demo_build(struct demo *demo)
{
    size_t tail = demo->input.count > 2 * (size_t)TAIL_LINES ? TAIL_LINES : 0;
    size_t end = demo->input.count - tail, middle = end * 2 / 5;
    size_t group = end / GROUPS < 8 ? 8 : end / GROUPS;
    if (!first_sitting(demo, middle, group) || !second_sitting(demo, middle, end, group) ||
        !last_sitting(demo, end))
        return false;
    demo_honest_check(demo, "after the last checkpoint", demo->ledger, PP_TRUST_T2,
                      DEMO_VERDICT(OK));
    return make_ledger(demo, demo->other_ledger, demo->other_keys) &&
           demo_append(demo, demo->other_ledger, demo->other_keys, demo->input.count / 2,
                       demo->input.count / 2 + demo->input.count, group);
}
