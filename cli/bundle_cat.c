/* SPDX-License-Identifier: MIT */
/* postproof bundle cat: the entries of a bundle as OTLP or Timesketch lines. */
#include <stdlib.h>
#include <string.h>

#include "../src/bundle/parts.h"
#include "../src/bundle/views.h"
#include "bundle.h"

static const char verb[] = "bundle cat";

enum cat_format { FORMAT_OTLP, FORMAT_TIMESKETCH };

struct cat {
    unsigned format;
    struct pp_bundle_text text;
};

static enum pp_error print_entry(void *context, const struct pp_entry *entry)
{
    struct cat *cat = context;
    cat->text.len = 0;
    enum pp_error error = cat->format == FORMAT_OTLP
                              ? pp_bundle_otlp_line(entry, &cat->text)
                              : pp_bundle_timeline_line(entry, NULL, &cat->text);
    if (error == PP_OK && fwrite(cat->text.data, 1, cat->text.len, stdout) != cat->text.len)
        error = PP_ERROR_IO;
    return error;
}

/* The tree is checked first, by a whole verification; entries are printed in a second one. */
static int print_all(const char *path, struct pp_bundle_verify_options *options, struct cat *cat)
{
    struct pp_bundle_verify_report report;
    cat->text = (struct pp_bundle_text){malloc(PP_BUNDLE_ENTRY_ROOM), PP_BUNDLE_ENTRY_ROOM, 0};
    if (cat->text.data == NULL)
        return cli_fail(verb, "no memory is left");
    pp_bundle_verify(path, options, &report);
    if (report.exit_code == CLI_GOOD) {
        options->entry = print_entry;
        options->context = cat;
        pp_bundle_verify(path, options, &report);
    } else {
        cli_fail(verb, "%s is not valid: `postproof bundle verify` says why", path);
    }
    free(cat->text.data);
    return report.exit_code;
}

int bundle_cat_command(int argc, char **argv)
{
    struct pp_bundle_verify_options verify_options = {0};
    struct cat cat = {.format = FORMAT_OTLP};
    const struct cli_option options[] = {
        CLI_OPTION("--trust-root", CLI_TEXT, &verify_options.trust_root, "DIR",
                   "as for `postproof bundle verify`"),
        CLI_OPTION("--format", CLI_CHOICE, &cat.format, "otlp|timesketch",
                   "form of the lines (default: otlp)"),
        CLI_OPTION_END,
    };
    const struct cli_syntax syntax = {
        .verb = verb,
        .arguments = "F.zip",
        .summary = "Verifies a bundle and prints its entries as JSON lines: OTLP, or what\n"
                   "Timesketch imports.  Prints nothing of a bundle that is not valid.",
        .example = "postproof bundle cat incident.zip --trust-root trusted > logs.jsonl",
        .arguments_min = 1,
        .arguments_max = 1,
        .options = options,
    };
    struct cli_arguments arguments;
    if (!cli_parse(&syntax, argc, argv, &arguments))
        return arguments.exit_code;
    return cli_finish(print_all(arguments.value[0], &verify_options, &cat));
}
