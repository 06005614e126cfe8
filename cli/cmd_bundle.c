/* SPDX-License-Identifier: MIT */
/* postproof bundle: a table of what can be done with evidence bundles and their parts. */
#include <string.h>

#include "bundle.h"

struct part {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *description;
};

static const struct part PARTS[] = {
    {"create", bundle_create_command, "write the evidence of a time window as one ZIP file"},
    {"verify", bundle_verify_command, "check a bundle offline, with keys that you bring"},
    {"cat", bundle_cat_command, "print the entries of a bundle as OTLP or Timesketch lines"},
    {"keygen", bundle_keygen_command, "add the keys that sign bundles to a key folder"},
    {"timeline", bundle_timeline_command, "write the timeline of a window as one HTML file"},
    {"upload", bundle_upload_command,
     "send a bundle to S3, https or a GitHub release, read it back"},
    {"audit", bundle_audit_command, "check a bundle against the audit profile and send it"},
};

enum { PART_COUNT = sizeof PARTS / sizeof *PARTS };

static int print_usage(FILE *out, int exit_code)
{
    fputs("usage: postproof bundle WORD [argument...] [option...]\n\n", out);
    for (size_t i = 0; i < PART_COUNT; i++)
        fprintf(out, "  %-9s %s\n", PARTS[i].name, PARTS[i].description);
    fputs("\n`postproof bundle WORD --help` explains one and gives an example.\n", out);
    return exit_code;
}

int cmd_bundle(int argc, char **argv)
{
    const char *word = argc > 1 ? argv[1] : "";
    for (size_t i = 0; i < PART_COUNT; i++)
        if (strcmp(word, PARTS[i].name) == 0)
            return PARTS[i].run(argc - 1, argv + 1);
    if (strcmp(word, "--help") == 0 || strcmp(word, "help") == 0)
        return print_usage(stdout, CLI_GOOD);
    if (argc > 1)
        fprintf(stderr, "postproof bundle: unknown word '%s'\n", word);
    return print_usage(stderr, CLI_UNDECIDED);
}
