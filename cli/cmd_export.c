/* SPDX-License-Identifier: MIT */
/* postproof export: the ledger as a C2SP tlog-tiles tree, its root checked against the checkpoint.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "../src/base/base.h"
#include "../src/base/hash.h"
#include "../src/os/os.h"
#include "cli.h"

enum {
    TILE_WIDTH = 256,
    TILE_LEVELS = 8, /* 256^8 exceeds every tree */
    TILE_PATH_BYTES = 96
};

/* The tile of one level that is being filled. */
struct tile {
    struct pp_digest hashes[TILE_WIDTH];
    size_t count;
    uint64_t number;
};

struct exporter {
    const char *ledger, *out;
    int dir;
    struct cli_checkpoint checkpoint;
    struct pp_ledger_reader *reader;
    struct tile levels[TILE_LEVELS];
    struct cli_buffer bundle; /* entries of the level 0 tile */
    uint64_t files;
    struct cli_progress progress;
};

/* ---- Files ---------------------------------------------------------------------------------- */

/* 1234067 becomes x001/x234/067; width 256 is a full tile. */
static void tile_path(const char *level, uint64_t number, size_t width, char *path)
{
    uint64_t divisor = 1;
    while (number / divisor >= 1000)
        divisor *= 1000;
    int len = snprintf(path, TILE_PATH_BYTES, "tile/%s", level);
    for (; divisor >= 1; divisor /= 1000)
        len += snprintf(path + len, (size_t)(TILE_PATH_BYTES - len), "/%s%03" PRIu64,
                        divisor > 1 ? "x" : "", number / divisor % 1000);
    if (width < TILE_WIDTH)
        snprintf(path + len, (size_t)(TILE_PATH_BYTES - len), ".p/%zu", width);
}

static int make_parents(int dir, const char *path)
{
    char folder[TILE_PATH_BYTES];
    for (const char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/')) {
        snprintf(folder, sizeof folder, "%.*s", (int)(slash - path), path);
        int error = pp_os_make_dir(dir, folder, false);
        if (error < 0)
            return error;
    }
    return 0;
}

static int write_whole(int dir, const char *path, struct pp_bytes data)
{
    char temporary[TILE_PATH_BYTES + 8];
    snprintf(temporary, sizeof temporary, "%s.tmp", path);
    int error = pp_os_remove(dir, temporary); /* of an export that was interrupted */
    if (error < 0 && error != -ENOENT)
        return error;
    int fd = pp_os_open(dir, temporary, PP_OS_CREATE);
    if (fd < 0)
        return fd;
    error = pp_os_write(fd, data.data, data.len);
    pp_os_close(fd);
    return error < 0 ? error : pp_os_rename(dir, temporary, path);
}

/* Whoever reads the tree meanwhile sees whole files only. */
static int write_file(struct exporter *exporter, const char *path, struct pp_bytes data)
{
    int error = make_parents(exporter->dir, path);
    if (error == 0)
        error = write_whole(exporter->dir, path, data);
    if (error < 0)
        return cli_fail("export", "%s/%s: %s", exporter->out, path, strerror(-error));
    exporter->files++;
    return CLI_GOOD;
}

static int write_tile(struct exporter *exporter, unsigned level)
{
    struct tile *tile = &exporter->levels[level];
    char path[TILE_PATH_BYTES], name[CLI_VALUE_BYTES];
    struct pp_bytes hashes = {tile->hashes[0].b, tile->count * sizeof tile->hashes[0]};
    snprintf(name, sizeof name, "%u", level);
    tile_path(name, tile->number, tile->count, path);
    int exit_code = write_file(exporter, path, hashes);
    if (exit_code != CLI_GOOD || level > 0)
        return exit_code;
    tile_path("entries", tile->number, tile->count, path);
    exit_code = write_file(exporter, path, cli_buffer_view(&exporter->bundle));
    exporter->bundle.len = 0;
    return exit_code;
}

/* ---- Tree ----------------------------------------------------------------------------------- */

/* Root over count hashes of complete subtrees; count is a power of two up to TILE_WIDTH. */
static struct pp_digest complete_root(const struct pp_digest *hashes, size_t count)
{
    struct pp_digest level[TILE_WIDTH];
    memcpy(level, hashes, count * sizeof *hashes);
    for (; count > 1; count /= 2)
        pp_node_hash_many(NULL, level, count / 2, level);
    return level[0];
}

/* Adds a leaf; each tile that becomes full is written and its root goes one level up. */
static int add_leaf(struct exporter *exporter, struct pp_digest hash)
{
    for (unsigned level = 0; level < TILE_LEVELS; level++) {
        struct tile *tile = &exporter->levels[level];
        tile->hashes[tile->count++] = hash;
        if (tile->count < TILE_WIDTH)
            break;
        int exit_code = write_tile(exporter, level);
        if (exit_code != CLI_GOOD)
            return exit_code;
        hash = complete_root(tile->hashes, TILE_WIDTH);
        tile->count = 0;
        tile->number++;
    }
    return CLI_GOOD;
}

/* Root of the whole tree from the partial tiles: the complete subtrees from the right edge on. */
static struct pp_digest tree_root(const struct exporter *exporter)
{
    struct pp_digest root = pp_empty_hash();
    bool any = false;
    for (unsigned level = 0; level < TILE_LEVELS; level++) {
        const struct tile *tile = &exporter->levels[level];
        size_t end = tile->count;
        for (size_t width = 1; width < TILE_WIDTH; width *= 2) {
            if (!(tile->count & width))
                continue;
            end -= width;
            struct pp_digest subtree = complete_root(tile->hashes + end, width);
            root = any ? pp_node_hash(&subtree, &root) : subtree;
            any = true;
        }
    }
    return root;
}

/* ---- Entries -------------------------------------------------------------------------------- */

static int add_entry(struct exporter *exporter, const struct pp_entry *entry)
{
    uint8_t encoding[2 + PP_ENTRY_BYTES_MAX];
    size_t len = 0;
    enum pp_error error = pp_entry_encode(entry, encoding + 2, PP_ENTRY_BYTES_MAX, &len);
    if (error != PP_OK)
        return cli_fail("export", "entry %" PRIu64 ": %s", entry->seq, pp_error_text(error));
    pp_put_u16(encoding, (uint16_t)len);
    if (!cli_buffer_add(&exporter->bundle, encoding, 2 + len))
        return cli_fail("export", "no memory is left");
    return add_leaf(exporter, pp_merkle_leaf((struct pp_bytes){encoding + 2, len}));
}

static int add_entries(struct exporter *exporter)
{
    uint64_t size = exporter->checkpoint.parsed.size;
    for (uint64_t seq = 0; seq < size; seq++) {
        struct pp_entry entry;
        if (pp_ledger_reader_next(exporter->reader, &entry) != PP_OK)
            return cli_failure("export", pp_ledger_reader_failure(exporter->reader));
        int exit_code = add_entry(exporter, &entry);
        if (exit_code != CLI_GOOD)
            return exit_code;
        if (seq % 4096 == 0 && cli_progress_due(&exporter->progress, cli_monotonic_ns()))
            cli_progress_show(&exporter->progress, "exporting: %" PRIu64 " of %" PRIu64 " entries",
                              seq, size);
    }
    for (unsigned level = 0; level < TILE_LEVELS; level++) {
        int exit_code = exporter->levels[level].count ? write_tile(exporter, level) : CLI_GOOD;
        if (exit_code != CLI_GOOD)
            return exit_code;
    }
    return CLI_GOOD;
}

/* ---- The verb ------------------------------------------------------------------------------- */

static int check_ledger(const struct exporter *exporter)
{
    uint64_t first = pp_ledger_reader_first(exporter->reader);
    uint64_t size = pp_ledger_reader_size(exporter->reader);
    if (first > 0)
        return cli_fail("export",
                        "the ledger was pruned and begins with entry %" PRIu64
                        "; a tlog-tiles tree needs every entry: export before pruning",
                        first);
    if (size >= exporter->checkpoint.parsed.size)
        return CLI_GOOD;
    cli_fail("export",
             "the checkpoint covers %" PRIu64 " entries, the ledger has %" PRIu64
             ": it was cut off; run postproof verify",
             exporter->checkpoint.parsed.size, size);
    return CLI_BAD;
}

/* A folder that holds the tree of another log, or a longer one, is left alone. */
static int check_target(const struct exporter *exporter)
{
    struct cli_checkpoint there;
    int fd = pp_os_open(exporter->dir, "checkpoint", PP_OS_READ);
    if (fd == -ENOENT)
        return CLI_GOOD;
    if (fd >= 0)
        pp_os_close(fd);
    if (!cli_checkpoint_load("export", exporter->out, &there))
        return CLI_UNDECIDED;
    const struct pp_checkpoint *ours = &exporter->checkpoint.parsed;
    bool same = there.parsed.origin.len == ours->origin.len &&
                memcmp(there.parsed.origin.data, ours->origin.data, ours->origin.len) == 0;
    bool longer = there.parsed.size > ours->size;
    cli_buffer_free(&there.text);
    if (!same)
        return cli_fail("export", "%s holds the tree of another log", exporter->out);
    if (longer)
        return cli_fail("export", "%s holds a later tree of this log", exporter->out);
    return CLI_GOOD;
}

static int write_all(struct exporter *exporter)
{
    int exit_code = add_entries(exporter);
    cli_progress_clear(&exporter->progress);
    if (exit_code != CLI_GOOD)
        return exit_code;
    struct pp_digest root = tree_root(exporter);
    if (!pp_digest_equal(&root, &exporter->checkpoint.parsed.root)) {
        cli_fail("export",
                 "the entries do not have the root that the checkpoint signs; no "
                 "checkpoint was written to %s; run postproof verify",
                 exporter->out);
        return CLI_BAD;
    }
    return write_file(exporter, "checkpoint", cli_buffer_view(&exporter->checkpoint.text));
}

static int run(struct exporter *exporter)
{
    struct pp_failure failure = {0};
    if (pp_ledger_reader_open(exporter->ledger, &exporter->reader, &failure) != PP_OK)
        return cli_failure("export", &failure);
    int exit_code = check_ledger(exporter);
    if (exit_code != CLI_GOOD)
        goto close_reader;
    int error = pp_os_make_dir(PP_OS_CWD, exporter->out, false);
    exporter->dir = error < 0 ? error : pp_os_open_dir(PP_OS_CWD, exporter->out);
    if (exporter->dir < 0) {
        exit_code = cli_fail("export", "%s: %s", exporter->out, strerror(-exporter->dir));
        goto close_reader;
    }
    exit_code = check_target(exporter);
    if (exit_code == CLI_GOOD)
        exit_code = write_all(exporter);
    pp_os_close(exporter->dir);
close_reader:
    pp_ledger_reader_close(exporter->reader);
    return exit_code;
}

static void print_result(const struct exporter *exporter, bool json)
{
    const struct pp_checkpoint *checkpoint = &exporter->checkpoint.parsed;
    if (!json) {
        printf("%" PRIu64 " entries in %" PRIu64
               " files in %s; the root is that of the checkpoint\n",
               checkpoint->size, exporter->files, exporter->out);
        return;
    }
    json_t *object = cli_json_object();
    cli_json_text(object, "out", exporter->out);
    cli_json_bytes(object, "origin", checkpoint->origin);
    cli_json_number(object, "size", checkpoint->size);
    cli_json_digest(object, "root", &checkpoint->root);
    cli_json_number(object, "files", exporter->files);
    cli_json_print(object);
}

static int export_ledger(const char *ledger, const char *out, bool json)
{
    struct exporter *exporter = calloc(1, sizeof *exporter);
    if (!exporter)
        return cli_fail("export", "no memory is left");
    exporter->ledger = ledger;
    exporter->out = out;
    cli_progress_init(&exporter->progress, true);
    int exit_code = CLI_UNDECIDED;
    if (cli_checkpoint_load("export", ledger, &exporter->checkpoint)) {
        exit_code = run(exporter);
        if (exit_code == CLI_GOOD)
            print_result(exporter, json);
        cli_buffer_free(&exporter->checkpoint.text);
    }
    cli_buffer_free(&exporter->bundle);
    free(exporter);
    return exit_code;
}

int cmd_export(int argc, char **argv)
{
    const char *out = NULL;
    bool json = false;
    const struct cli_option options[] = {
        CLI_OPTION("--out", CLI_TEXT, &out, "DIR",
                   "folder of the tree, made when missing (required)"),
        CLI_OPTION_FLAG("--json", &json, "report as a JSON object"),
        CLI_OPTION_END,
    };
    const struct cli_syntax syntax = {
        .verb = "export",
        .arguments = "LEDGER",
        .summary =
            "Writes the entries that LEDGER/checkpoint covers as a C2SP tlog-tiles tree that\n"
            "a web server can serve as it is.  The root is computed again and must be the\n"
            "one that was signed.",
        .example = "postproof export ledger --out /srv/www/log",
        .arguments_min = 1,
        .arguments_max = 1,
        .options = options,
    };
    struct cli_arguments arguments;
    if (!cli_parse(&syntax, argc, argv, &arguments))
        return arguments.exit_code;
    if (!out)
        return cli_fail("export", "--out DIR is required");
    return export_ledger(arguments.value[0], out, json);
}
