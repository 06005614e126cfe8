/* SPDX-License-Identifier: MIT */
/* Honest runs of the demo that need copies: a writer at work, a kill, a torn write, retention. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "demo.h"

enum {
    KILLS = 5,
    VERIFICATIONS = 4, /* beside each writer that is killed */
    WRITER_GROUP = 16,
    SECTOR_BYTES = 512,
    TEARS_TRIED = 40,
    WRITER_GROUPS_MAX = 20000 /* a writer that nobody kills ends by itself */
};

void demo_honest_check(struct demo *demo, const char *name, const char *ledger, enum pp_trust level,
                       unsigned expected)
{
    struct pp_verify_report report;
    demo_verify(demo, ledger, level, &report);
    if (demo->honest_count == DEMO_HONEST_MAX) { /* a row that nobody sees must not count as good */
        demo->flagged++;
        return;
    }
    struct demo_honest *row = &demo->honest[demo->honest_count++];
    snprintf(row->name, sizeof row->name, "%s", name);
    row->expected = expected;
    row->level = level;
    row->report = report;
    row->flagged = (expected & 1U << report.verdict) == 0;
    demo->flagged += row->flagged;
}

/* Folder, and in it copies of the ledger and its keys. */
static bool make_copy(const struct demo *demo, const char *name, char folder[CLI_PATH_BYTES],
                      char ledger[CLI_PATH_BYTES], char keys[CLI_PATH_BYTES])
{
    return demo_path(demo->folder, name, folder) && demo_make_folder(folder) &&
           demo_path(folder, "ledger", ledger) && demo_path(folder, "keys", keys) &&
           demo_copy_ledger(demo->ledger, ledger) && demo_copy_folder(demo->keys, keys, true);
}

/* ---- A writer at work, and its end ---------------------------------------------------------- */

/* The child: appends until it is killed, or its parent is gone. */
static void write_on(const struct demo *demo, const char *path, const char *keys, int ready)
{
    struct pp_ledger *ledger;
    struct pp_failure failure;
    pid_t parent = getppid();
    if (pp_ledger_open(path, keys, &demo_writer_options, &ledger, NULL, &failure) != PP_OK)
        _exit(CLI_UNDECIDED);
    for (size_t n = 0; n < WRITER_GROUPS_MAX && getppid() == parent; n++) {
        for (size_t i = 0; i < WRITER_GROUP; i++) {
            struct pp_ingest_scratch scratch;
            struct pp_entry entry;
            size_t line = (n * WRITER_GROUP + i) % demo->input.count;
            demo_input_entry(&demo->input, line, cli_now_ns(), &scratch, &entry);
            if (pp_ledger_append(ledger, &entry, NULL) != PP_OK)
                _exit(CLI_UNDECIDED);
        }
        if (pp_ledger_sync(ledger) != PP_OK || (n == 0 && pp_os_write(ready, "1", 1) < 0))
            _exit(CLI_UNDECIDED);
    }
    _exit(CLI_GOOD);
}

/* The child's id once it writes, or -1. */
static pid_t start_writer(const struct demo *demo, const char *ledger, const char *keys)
{
    int ends[2];
    char byte;
    if (pipe(ends) < 0)
        return -1;
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        close(ends[0]);
        write_on(demo, ledger, keys, ends[1]);
    }
    close(ends[1]);
    int64_t got = pid > 0 ? pp_os_read(ends[0], &byte, 1) : -1;
    close(ends[0]);
    if (got == 1)
        return pid;
    if (pid > 0)
        waitpid(pid, NULL, 0);
    return -1;
}

static void kill_writer(pid_t pid)
{
    kill(pid, SIGKILL);
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        continue;
}

static bool recover(const char *path, const char *keys, struct pp_ledger_opening *opening)
{
    struct pp_ledger *ledger;
    struct pp_failure failure;
    if (pp_ledger_open(path, keys, &demo_writer_options, &ledger, opening, &failure) != PP_OK ||
        pp_ledger_close(ledger, &failure) != PP_OK)
        return demo_failed(&failure);
    return true;
}

static void wait_a_moment(void)
{
    uint8_t random = 0;
    int result = pp_os_random(&random, 1);
    struct timespec pause = {0, (result < 0 ? 128 : random) * 40000L};
    nanosleep(&pause, NULL);
}

static bool kill_once(struct demo *demo, unsigned round, const char *ledger, const char *keys)
{
    char name[DEMO_NAME_BYTES];
    struct pp_ledger_opening opening;
    pid_t pid = start_writer(demo, ledger, keys);
    if (pid < 0) {
        cli_fail("demo", "a writer could not be started on %s", ledger);
        return false;
    }
    for (unsigned i = 0; i < VERIFICATIONS; i++)
        demo_honest_check(demo, "while a writer writes", ledger, PP_TRUST_T2, DEMO_VERDICT(OK));
    wait_a_moment();
    kill_writer(pid);
    snprintf(name, sizeof name, "after kill -9 of the writer, %u", round);
    demo_honest_check(demo, name, ledger, PP_TRUST_T2, DEMO_VERDICT(OK) | DEMO_VERDICT(TORN_TAIL));
    if (!recover(ledger, keys, &opening))
        return false;
    if (round == KILLS)
        demo_honest_check(demo, "after recovery from the kills", ledger, PP_TRUST_T2,
                          DEMO_VERDICT(OK));
    return true;
}

static bool kill_writers(struct demo *demo)
{
    char folder[CLI_PATH_BYTES], ledger[CLI_PATH_BYTES], keys[CLI_PATH_BYTES];
    if (!make_copy(demo, "killed", folder, ledger, keys))
        return false;
    for (unsigned i = 1; i <= KILLS; i++)
        if (!kill_once(demo, i, ledger, keys))
            return false;
    return true;
}

/* ---- A torn write, retention ---------------------------------------------------------------- */

/* Whether the end of the image is a group whose seal lies across two sectors. */
static bool seal_is_split(const struct demo_image *image)
{
    size_t end = image->segments[image->segment_count - 1].used;
    return end / SECTOR_BYTES != (end - PP_SEAL_FRAME_BYTES) / SECTOR_BYTES &&
           end % SECTOR_BYTES != 0;
}

/* Gives `torn` the group that `whole` has behind it, but for the sectors that a crash kept from the
   disk: the last one, with a part of the seal, or the rest from the middle on.  *fits: whether the
   group lies where it can be torn so. */
static bool tear(const char *torn, const char *whole, bool in_seal, bool *fits)
{
    struct demo_image before, after = {0};
    bool good = demo_image_load(&before, torn) && demo_image_load(&after, whole);
    *fits =
        good && before.segment_count == after.segment_count && (!in_seal || seal_is_split(&after));
    if (*fits) {
        size_t last = before.segment_count - 1;
        size_t start = before.segments[last].used, end = after.segments[last].used;
        size_t cut = (in_seal ? end : (start + end) / 2) / SECTOR_BYTES * SECTOR_BYTES;
        *fits = cut > start;
        struct pp_bytes part = {after.segments[last].data + start, *fits ? cut - start : 0};
        good = demo_splice(&before, last, start, 0, part) && demo_store(&before, last);
    }
    demo_image_free(&before);
    demo_image_free(&after);
    return good;
}

/* Tries groups of several sizes behind a copy until one fits. */
static bool make_torn(struct demo *demo, bool in_seal, char ledger[CLI_PATH_BYTES],
                      char keys[CLI_PATH_BYTES])
{
    char folder[CLI_PATH_BYTES], whole[CLI_PATH_BYTES], whole_keys[CLI_PATH_BYTES];
    bool fits = false;
    if (!make_copy(demo, in_seal ? "torn-seal" : "torn", folder, ledger, keys))
        return false;
    for (size_t lines = 20; lines < 20 + TEARS_TRIED && !fits; lines++) {
        if (!demo_path(folder, "whole", whole) || !demo_path(folder, "whole-keys", whole_keys) ||
            !demo_copy_ledger(ledger, whole) || !demo_copy_folder(keys, whole_keys, true) ||
            !demo_append(demo, whole, whole_keys, 0, lines, lines) ||
            !tear(ledger, whole, in_seal, &fits))
            return false;
        demo_remove_tree(whole);
        demo_remove_tree(whole_keys);
        if (!fits && !demo_append(demo, ledger, keys, 0, lines, lines))
            return false;
    }
    if (!fits)
        cli_fail("demo", "no write could be torn on %s", ledger);
    return fits;
}

static bool tear_write(struct demo *demo, bool in_seal)
{
    char ledger[CLI_PATH_BYTES], keys[CLI_PATH_BYTES];
    struct pp_ledger_opening opening;
    if (!make_torn(demo, in_seal, ledger, keys))
        return false;
    demo_honest_check(demo,
                      in_seal ? "a seal torn by a crash, before recovery"
                              : "a write torn by a crash, before recovery",
                      ledger, PP_TRUST_T2, DEMO_VERDICT(TORN_TAIL));
    if (!recover(ledger, keys, &opening) || !demo_append(demo, ledger, keys, 0, 20, 10))
        return false;
    demo_honest_check(demo, "the same after recovery and more entries", ledger, PP_TRUST_T2,
                      DEMO_VERDICT(OK));
    return true;
}

static bool prune(struct demo *demo)
{
    char folder[CLI_PATH_BYTES], path[CLI_PATH_BYTES], keys[CLI_PATH_BYTES];
    struct pp_ledger *ledger;
    struct pp_failure failure;
    uint64_t pruned;
    if (!make_copy(demo, "pruned", folder, path, keys))
        return false;
    if (pp_ledger_open(path, keys, &demo_writer_options, &ledger, NULL, &failure) != PP_OK)
        return demo_failed(&failure);
    bool good = pp_ledger_prune(ledger, pp_ledger_size(ledger) / 2, &pruned) == PP_OK ||
                demo_failed(pp_ledger_failure(ledger));
    if (pp_ledger_close(ledger, &failure) != PP_OK && good)
        return demo_failed(&failure);
    if (good)
        demo_honest_check(demo, "after retention deleted old segments", path, PP_TRUST_T2,
                          DEMO_VERDICT(OK));
    return good;
}

bool demo_honest_runs(struct demo *demo)
{
    char folder[CLI_PATH_BYTES], ledger[CLI_PATH_BYTES], keys[CLI_PATH_BYTES];
    if (!kill_writers(demo) || !tear_write(demo, false) || !tear_write(demo, true) ||
        !prune(demo) || !make_copy(demo, "untouched", folder, ledger, keys))
        return false;
    demo_honest_check(demo, "an untouched copy", ledger, PP_TRUST_T2, DEMO_VERDICT(OK));
    return true;
}
