/* SPDX-License-Identifier: MIT */
/* Carries the demo's attacks out, each on a fresh copy, and judges what the verifier says of it. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "appender.h"
#include "demo.h"

enum { TARGET_BODY_BYTES = 8 };

/* ---- The place of the attack ---------------------------------------------------------------- */

static bool is_target(const struct demo_image *image, size_t i)
{
    const struct demo_frame *frame = &image->frames[i];
    for (size_t k = i - 1; k <= i + 2; k++)
        if (image->frames[k].type != PP_FRAME_ENTRY || image->frames[k].segment != frame->segment)
            return false;
    const uint8_t *content = demo_frame_data(image, frame) + PP_FRAME_HEAD_BYTES;
    uint32_t body = pp_get_u32(content + 20 + content[19]);
    return content[1] == PP_ENTRY_DATA && body >= TARGET_BODY_BYTES;
}

/* An entry in the middle of the ledger, in a closed segment, among others of its group. */
static bool find_target(const struct demo_image *image, size_t *target)
{
    size_t middle = image->segment_count / 2, from = 0;
    while (from < image->frame_count && image->frames[from].segment < middle)
        from++;
    size_t to = from;
    while (to < image->frame_count && image->frames[to].segment == middle)
        to++;
    for (size_t n = 0; image->segment_count >= 4 && n < to - from; n++) {
        size_t i = from + (n + (to - from) / 2) % (to - from);
        if (i > from && i + 2 < to && is_target(image, i)) {
            *target = i;
            return true;
        }
    }
    cli_fail("demo", "the ledger has no entry that is fit for the attacks");
    return false;
}

/* ---- One attack ----------------------------------------------------------------------------- */

/* attacks/NN-what-it-does */
static bool make_place(const struct demo *demo, size_t number, struct demo_work *work,
                       char folder[CLI_PATH_BYTES])
{
    char name[DEMO_NAME_BYTES + 16];
    int at = snprintf(name, sizeof name, "attacks/%02zu-%s", number + 1, demo_attacks[number].name);
    for (int i = 8; i < at; i++)
        if (!isalnum((unsigned char)name[i]))
            name[i] = '-';
    return demo_path(demo->folder, name, folder) && demo_make_folder(folder) &&
           demo_path(folder, "ledger", work->ledger) &&
           demo_copy_ledger(demo->ledger, work->ledger);
}

static bool carry_out(const struct demo *demo, const struct demo_attack *attack,
                      struct demo_work *work)
{
    bool good = demo_image_load(&work->image, work->ledger) &&
                find_target(&work->image, &work->target) && (demo->control || attack->run(work));
    demo_image_free(&work->image);
    return good;
}

/* Proven at the level that it needs and at all above, with an expected verdict; and the key names
   the very entry, where one was touched. */
static void judge(struct demo_row *row)
{
    const struct demo_attack *attack = row->attack;
    row->proved_from = -1;
    row->detected = true;
    for (int level = DEMO_LEVELS - 1; level >= 0; level--) {
        const struct pp_verify_report *report = &row->report[level];
        bool proved = pp_verdict_exit_code(report->verdict) == CLI_BAD;
        if (proved)
            row->proved_from = level;
        if (level < (int)attack->needs)
            continue;
        if (!proved || (attack->expected & 1U << report->verdict) == 0)
            row->detected = false;
        if (level > PP_TRUST_T0 && row->bad_seq != PP_NO_SEQ &&
            report->first_bad_seq != row->bad_seq)
            row->detected = false;
    }
}

static bool attack_one(struct demo *demo, size_t number)
{
    char folder[CLI_PATH_BYTES];
    struct demo_work work = {.demo = demo, .bad_seq = PP_NO_SEQ};
    struct demo_row *row = &demo->rows[number];
    row->attack = &demo_attacks[number];
    if (!make_place(demo, number, &work, folder) || !carry_out(demo, row->attack, &work))
        return false;
    row->bad_seq = work.bad_seq;
    for (int level = 0; level < DEMO_LEVELS; level++)
        demo_verify(demo, work.ledger, (enum pp_trust)level, &row->report[level]);
    judge(row);
    demo->detected += row->detected;
    demo->row_count++;
    if (!demo->keep)
        demo_remove_tree(folder);
    return true;
}

bool demo_attack_all(struct demo *demo)
{
    char folder[CLI_PATH_BYTES];
    demo->rows = calloc(demo_attack_count, sizeof *demo->rows);
    if (demo->rows == NULL) {
        cli_fail("demo", "no memory is left");
        return false;
    }
    if (!demo_path(demo->folder, "attacks", folder) || !demo_make_folder(folder))
        return false;
    for (size_t i = 0; i < demo_attack_count; i++) {
        if (cli_progress_due(&demo->progress, cli_monotonic_ns()))
            cli_progress_show(&demo->progress, "attack %zu of %zu: %s", i + 1, demo_attack_count,
                              demo_attacks[i].name);
        if (appender_stopped()) {
            cli_fail("demo", "stopped by a signal");
            return false;
        }
        if (!attack_one(demo, i))
            return false;
    }
    return true;
}
