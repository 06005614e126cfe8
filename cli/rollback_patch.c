/* SPDX-License-Identifier: MIT */
/* postproof rollback diff, apply, revert: one patch file, and the files or folders that it leads
   between. */
#include <string.h>

#include "../src/base/base.h"
#include "../src/versions/versions.h"
#include "rollback.h"

/* ---- diff ----------------------------------------------------------------------------------- */

static void report_diff(const struct pp_patch_header *header, const char *path, uint64_t time_ns,
                        bool json)
{
    uint64_t bytes = PP_PATCH_HEADER_BYTES + header->body_bytes;
    const char *mode = header->mode == PP_PATCH_PAGES ? "pages" : "generic";
    if (json) {
        json_t *object = cli_json_object();
        cli_json_text(object, "patch", path);
        cli_json_text(object, "mode", mode);
        cli_json_number(object, "bytes", bytes);
        cli_json_digest(object, "name", &header->name);
        cli_json_number(object, "old_bytes", header->old_image.bytes);
        cli_json_number(object, "new_bytes", header->new_image.bytes);
        cli_json_digest(object, "old_root", &header->old_image.root);
        cli_json_digest(object, "new_root", &header->new_image.root);
        cli_json_number(object, "time_ns", time_ns);
        cli_json_print(object);
        return;
    }
    char size[CLI_VALUE_BYTES], old[CLI_VALUE_BYTES], new[CLI_VALUE_BYTES], time[CLI_VALUE_BYTES];
    cli_size_text(bytes, size);
    cli_size_text(header->old_image.bytes, old);
    cli_size_text(header->new_image.bytes, new);
    cli_duration_text(time_ns, time);
    printf("%s: %s for both directions, between images of %s and %s (%s mode, %s)\n", path, size,
           old, new, mode, time);
}

static int open_patch(const char *verb, const char *path, struct pp_patch_file **patch)
{
    struct pp_failure failure = {0};
    return pp_patch_file_open(path, patch, &failure) == PP_OK ? CLI_GOOD
                                                              : cli_failure(verb, &failure);
}

static int run_diff(const char *old, const char *new, const char *path, unsigned mode, bool json)
{
    struct rollback_progress progress;
    struct pp_diff_options options = {.mode = (enum pp_diff_mode)mode,
                                      .progress = rollback_progress_begin(&progress, "diff")};
    struct pp_failure failure = {0};
    struct pp_patch_file *patch;
    uint64_t start = cli_monotonic_ns();
    enum pp_error error = pp_patch_file_make(old, new, path, &options, &failure);
    uint64_t taken = cli_monotonic_ns() - start;
    cli_progress_clear(&progress.line);
    if (error != PP_OK)
        return cli_failure("rollback diff", &failure);
    int exit_code = open_patch("rollback diff", path, &patch);
    if (exit_code != CLI_GOOD)
        return exit_code;
    report_diff(pp_patch_file_header(patch), path, taken, json);
    pp_patch_file_close(patch);
    return CLI_GOOD;
}

int rollback_diff_command(int argc, char **argv)
{
    const char *output = NULL;
    unsigned mode = PP_DIFF_AUTO;
    bool json = false;
    const struct cli_option options[] = {
        CLI_OPTION("-o", CLI_TEXT, &output, "PATCH", "the patch file to make (required)"),
        CLI_OPTION("--mode", CLI_CHOICE, &mode, "auto|pages|generic|smallest",
                   "pages: bytes keep their places, runs in place; generic: they may move; "
                   "smallest: tries both"),
        CLI_OPTION_FLAG("--json", &json, "report as a JSON object"),
        CLI_OPTION_END,
    };
    const struct cli_syntax syntax = {
        .verb = "rollback diff",
        .arguments = "OLD NEW",
        .summary = "Makes one patch that leads from OLD to NEW, two files or two folders, and "
                   "back.  It is replayed in both directions before it gets its name.",
        .example = "postproof rollback diff model-1.bin model-2.bin -o 1-2.patch",
        .arguments_min = 2,
        .arguments_max = 2,
        .options = options,
    };
    struct cli_arguments arguments;
    if (!cli_parse(&syntax, argc, argv, &arguments))
        return arguments.exit_code;
    if (output == NULL)
        return cli_fail("rollback diff", "-o PATCH is required");
    return run_diff(arguments.value[0], arguments.value[1], output, mode, json);
}

/* ---- apply, revert -------------------------------------------------------------------------- */

struct run {
    const char *verb, *patch_path, *file, *output;
    enum pp_rollback_direction direction;
    bool not_durable, keep_tree, new_file, json;
};

struct outcome {
    bool in_place, is_folder;
    struct pp_image_opening opening;
    uint64_t time_ns;
};

static enum pp_error run_in_place(const struct run *run, const struct pp_patch_file *patch,
                                  struct outcome *outcome, struct rollback_progress *progress,
                                  struct pp_failure *failure)
{
    struct pp_image_options options = {.not_durable = run->not_durable,
                                       .keep_tree = run->keep_tree,
                                       .progress = rollback_progress_begin(progress, "reading")};
    struct pp_image *image;
    enum pp_error error = pp_image_open(run->file, &options, &image, &outcome->opening, failure);
    if (error != PP_OK)
        return error;
    if (outcome->opening.completed || outcome->opening.discarded)
        cli_note(run->verb, "a transition of %s that was interrupted was %s first", run->file,
                 outcome->opening.completed ? "completed" : "discarded");
    outcome->in_place = true;
    error = pp_image_transition(image, patch, run->direction, failure);
    enum pp_error closing = pp_image_close(image, error == PP_OK ? failure : NULL);
    return error != PP_OK ? error : closing;
}

static enum pp_error run_to_new_file(const struct run *run, const struct pp_patch_file *patch,
                                     struct rollback_progress *progress, struct pp_failure *failure)
{
    struct pp_rewrite_options options = {.not_durable = run->not_durable,
                                         .progress = rollback_progress_begin(progress, "writing")};
    const char *target = run->output != NULL           ? run->output
                         : strcmp(run->file, "-") == 0 ? "-"
                                                       : NULL;
    return pp_patch_file_rewrite(patch, run->direction, run->file, target, &options, failure);
}

static const char *way_of(const struct outcome *outcome)
{
    return outcome->in_place ? "in place" : outcome->is_folder ? "new folder" : "new file";
}

static void report_run(const struct run *run, const struct pp_patch_header *header,
                       const struct outcome *outcome)
{
    bool apply = run->direction == PP_ROLLBACK_APPLY;
    const struct pp_patch_image *from = apply ? &header->old_image : &header->new_image;
    const struct pp_patch_image *to = apply ? &header->new_image : &header->old_image;
    char size[CLI_VALUE_BYTES], time[CLI_VALUE_BYTES], root[2 * PP_DIGEST_BYTES + 1];
    if (run->json) {
        json_t *object = cli_json_object();
        cli_json_text(object, "file", run->output != NULL ? run->output : run->file);
        cli_json_text(object, "direction", apply ? "apply" : "revert");
        cli_json_digest(object, "patch", &header->name);
        cli_json_digest(object, "pre_root", &from->root);
        cli_json_digest(object, "post_root", &to->root);
        cli_json_number(object, "bytes", to->bytes);
        cli_json_bool(object, "in_place", outcome->in_place);
        cli_json_bool(object, "folder", outcome->is_folder);
        cli_json_bool(object, "completed_interrupted", outcome->opening.completed);
        cli_json_number(object, "time_ns", outcome->time_ns);
        cli_json_print(object);
        return;
    }
    cli_size_text(to->bytes, size);
    cli_duration_text(outcome->time_ns, time);
    pp_hex_encode(to->root.b, PP_DIGEST_BYTES, root);
    printf("%s: %s, now %s with the root %.16s... (%s, %s)\n",
           run->output != NULL ? run->output : run->file, apply ? "applied" : "reverted", size,
           root, way_of(outcome), time);
}

/* Standard output may be the image itself. */
static bool writes_to_stdout(const struct run *run)
{
    return run->output != NULL ? strcmp(run->output, "-") == 0 : strcmp(run->file, "-") == 0;
}

static int run_patch(const struct run *run)
{
    struct rollback_progress progress = {0};
    struct pp_failure failure = {0};
    struct outcome outcome = {.is_folder =
                                  strcmp(run->file, "-") != 0 && pp_path_is_folder(run->file)};
    struct pp_patch_file *patch;
    if (outcome.is_folder && run->keep_tree)
        return cli_fail(run->verb, "%s is a folder: --keep-tree is for files", run->file);
    int exit_code = open_patch(run->verb, run->patch_path, &patch);
    if (exit_code != CLI_GOOD)
        return exit_code;
    const struct pp_patch_header *header = pp_patch_file_header(patch);
    bool new_file = run->new_file || run->output != NULL || strcmp(run->file, "-") == 0 ||
                    outcome.is_folder || header->mode != PP_PATCH_PAGES;
    uint64_t start = cli_monotonic_ns();
    enum pp_error error = new_file ? run_to_new_file(run, patch, &progress, &failure)
                                   : run_in_place(run, patch, &outcome, &progress, &failure);
    outcome.time_ns = cli_monotonic_ns() - start;
    cli_progress_clear(&progress.line);
    if (error != PP_OK)
        exit_code = cli_failure(run->verb, &failure);
    else if (!writes_to_stdout(run))
        report_run(run, header, &outcome);
    pp_patch_file_close(patch);
    return exit_code;
}

static int run_command(struct run *run, const char *summary, const char *example, int argc,
                       char **argv)
{
    const struct cli_option options[] = {
        CLI_OPTION("-o", CLI_TEXT, &run->output, "OUT",
                   "write the image there, \"-\": standard output; FILE or DIR stays as it is"),
        CLI_OPTION_FLAG("--new-file", &run->new_file,
                        "replace FILE by a new one also where it could be changed in place"),
        CLI_OPTION_FLAG("--keep-tree", &run->keep_tree,
                        "keep FILE.rollback-tree, so that the next run reads changed pages only"),
        CLI_OPTION_FLAG("--no-sync", &run->not_durable, "do not wait for the disk"),
        CLI_OPTION_FLAG("--json", &run->json, "report as a JSON object"),
        CLI_OPTION_END,
    };
    const struct cli_syntax syntax = {
        .verb = run->verb,
        .arguments = "PATCH FILE|DIR",
        .summary = summary,
        .example = example,
        .arguments_min = 2,
        .arguments_max = 2,
        .options = options,
    };
    struct cli_arguments arguments;
    if (!cli_parse(&syntax, argc, argv, &arguments))
        return arguments.exit_code;
    run->patch_path = arguments.value[0];
    run->file = arguments.value[1];
    return run_patch(run);
}

int rollback_apply_command(int argc, char **argv)
{
    struct run run = {.verb = "rollback apply", .direction = PP_ROLLBACK_APPLY};
    return run_command(
        &run,
        "Makes the patch's new image of FILE (\"-\": standard input to standard output) or of the "
        "folder DIR: whole or not at all, also when the machine stops.",
        "postproof rollback apply 1-2.patch model.bin", argc, argv);
}

int rollback_revert_command(int argc, char **argv)
{
    struct run run = {.verb = "rollback revert", .direction = PP_ROLLBACK_REVERT};
    return run_command(&run,
                       "Makes the patch's old image of FILE (\"-\": standard input to standard "
                       "output) or of the folder DIR again: whole or not at all.",
                       "postproof rollback revert 1-2.patch model.bin", argc, argv);
}
