/* SPDX-License-Identifier: MIT */
/* The end of the demo: an evidence bundle of its ledger, and tampered copies of it. */
#include <stdlib.h>
#include <string.h>

#include "bundle_files.h"
#include "dashboard_input.h"
#include "demo.h"

enum { FLIPS = 12, BUNDLE_BYTES_MAX = 64 << 20 };

/* One change of a whole file in memory; the file has room for a byte more. */
static void tamper(struct cli_buffer *file, unsigned number)
{
    if (number < FLIPS) /* one bit, spread over the file from its first byte to its last */
        file->data[(file->len - 1) * number / (FLIPS - 1)] ^= 4;
    else if (number == FLIPS) /* cut in the middle of the directory */
        file->len -= 100;
    else /* and with something behind it */
        file->data[file->len++] = 'x';
}

static int verify(const struct demo *demo, const char *path, uint64_t *time_ns)
{
    const struct pp_bundle_verify_options options = {.trust_root = demo->keys,
                                                     .verify_key = demo->verify_key};
    struct pp_bundle_verify_report *report = calloc(1, sizeof *report);
    if (report == NULL)
        return cli_fail("demo", "no memory is left");
    pp_bundle_verify(path, &options, report);
    int exit_code = report->exit_code;
    *time_ns = report->time_ns;
    free(report);
    return exit_code;
}

static bool try_copy(struct demo *demo, const struct cli_buffer *whole, unsigned number)
{
    char name[32], path[CLI_PATH_BYTES];
    uint64_t time_ns;
    struct cli_buffer copy = {0};
    snprintf(name, sizeof name, "tampered-%02u.zip", number + 1);
    bool good = demo_path(demo->folder, name, path) &&
                cli_buffer_add(&copy, whole->data, whole->len) && cli_buffer_add(&copy, "", 1);
    copy.len = good ? whole->len : 0;
    if (good && !demo->control)
        tamper(&copy, number);
    good = good && demo_write_file(path, cli_buffer_view(&copy));
    cli_buffer_free(&copy);
    if (!good)
        return false;
    demo->bundle.copies++;
    demo->bundle.refused += verify(demo, path, &time_ns) == CLI_BAD;
    return true;
}

static bool make(struct demo *demo, const char *path)
{
    struct pp_failure failure = {0};
    const struct pp_bundle_options options = {
        .until_ns = UINT64_MAX,
        .title = "postproof demo",
        .keys_folder = demo->keys,
        .files = cli_bundle_files,
        .file_count = cli_bundle_file_count,
        .invariants = {cli_dashboard_input, cli_dashboard_input_bytes}};
    if (pp_bundle_keys_create(demo->keys, demo->origin, &failure) != PP_OK ||
        pp_bundle_create(demo->ledger, &options, path, &demo->bundle.made, &failure) != PP_OK)
        return demo_failed(&failure);
    return true;
}

bool demo_bundle_run(struct demo *demo)
{
    char path[CLI_PATH_BYTES];
    struct cli_buffer whole = {0};
    /* No bundle comes of a ledger that was found falsified: the demo has failed, and says so. */
    demo->bundle.verified = CLI_BAD;
    if (demo->flagged > 0)
        return true;
    if (cli_progress_due(&demo->progress, cli_monotonic_ns()))
        cli_progress_show(&demo->progress, "making a bundle, and tampering with copies");
    if (!demo_path(demo->folder, "bundle.zip", path) || !make(demo, path))
        return false;
    demo->bundle.verified = verify(demo, path, &demo->bundle.verify_ns);
    bool good = cli_read_file("demo", path, BUNDLE_BYTES_MAX, &whole);
    for (unsigned i = 0; i < FLIPS + 2 && good; i++)
        good = try_copy(demo, &whole, i);
    cli_buffer_free(&whole);
    return good;
}

bool demo_bundle_is_good(const struct demo *demo)
{
    return demo->bundle.verified == CLI_GOOD && demo->bundle.copies == FLIPS + 2 &&
           demo->bundle.refused == demo->bundle.copies;
}
