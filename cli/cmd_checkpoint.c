/* SPDX-License-Identifier: MIT */
/* postproof checkpoint: signs the tree of all entries. */
#include "cli.h"

static int print_checkpoint(struct pp_ledger *ledger, bool json)
{
    char text[PP_CHECKPOINT_BYTES_MAX];
    size_t len = 0;
    if (pp_ledger_checkpoint(ledger, text, &len) != PP_OK)
        return cli_failure("checkpoint", pp_ledger_failure(ledger));
    struct pp_bytes note = {(const uint8_t *)text, len};
    struct pp_checkpoint checkpoint;
    if (!json) {
        fwrite(text, 1, len, stdout);
        return CLI_GOOD;
    }
    if (pp_checkpoint_parse(note, &checkpoint) != PP_OK)
        return cli_fail("checkpoint", "the checkpoint that was made does not follow the format");
    json_t *object = cli_json_object();
    cli_json_bytes(object, "origin", checkpoint.origin);
    cli_json_number(object, "size", checkpoint.size);
    cli_json_digest(object, "root", &checkpoint.root);
    cli_json_bytes(object, "note", note);
    cli_json_print(object);
    return CLI_GOOD;
}

int cmd_checkpoint(int argc, char **argv)
{
    const char *keys = NULL;
    bool json = false;
    const struct cli_option options[] = {
        CLI_OPTION("--keys", CLI_TEXT, &keys, "DIR", "key folder (default: the ledger's own link)"),
        CLI_OPTION_FLAG("--json", &json, "report as a JSON object, the note inside"),
        CLI_OPTION_END,
    };
    const struct cli_syntax syntax = {
        .verb = "checkpoint",
        .arguments = "LEDGER",
        .summary =
            "Signs the tree of all entries (a C2SP tlog-checkpoint), stores it as\n"
            "LEDGER/checkpoint and prints it.  Saved on another machine it shows later that\n"
            "nothing was cut off or replaced.",
        .example = "postproof checkpoint ledger > /mnt/elsewhere/checkpoint-$(date +%F)",
        .arguments_min = 1,
        .arguments_max = 1,
        .options = options,
    };
    struct cli_arguments arguments;
    if (!cli_parse(&syntax, argc, argv, &arguments))
        return arguments.exit_code;
    struct pp_ledger *ledger;
    struct pp_ledger_opening opening;
    int exit_code;
    if (cli_open_writer("checkpoint", arguments.value[0], keys, NULL, &ledger, &opening,
                        &exit_code) != PP_OK)
        return exit_code;
    exit_code = cli_close_writer("checkpoint", ledger, print_checkpoint(ledger, json));
    if (exit_code == CLI_GOOD)
        cli_note("checkpoint", "save it on another machine: only there does it show a later "
                               "truncation or replacement");
    return exit_code;
}
