/* SPDX-License-Identifier: MIT */
/* postproof recover: opens a ledger once for writing, which repairs what a crash left. */
#include <inttypes.h>

#include "cli.h"

static void print_opening(const struct pp_ledger_opening *opening, bool json)
{
    if (json) {
        json_t *object = cli_json_object();
        cli_json_bool(object, "recovered", opening->recovered);
        cli_json_number(object, "torn_bytes", opening->torn_bytes);
        cli_json_number(object, "size", opening->size);
        cli_json_print(object);
    } else if (opening->recovered) {
        printf("recovered: %" PRIu64 " torn bytes were sealed off; %" PRIu64
               " sealed entries are intact\n",
               opening->torn_bytes, opening->size);
    } else {
        printf("nothing to recover: %" PRIu64 " sealed entries, no torn tail\n", opening->size);
    }
}

int cmd_recover(int argc, char **argv)
{
    const char *keys = NULL;
    bool json = false;
    const struct cli_option options[] = {
        CLI_OPTION("--keys", CLI_TEXT, &keys, "DIR", "key folder (default: the ledger's own link)"),
        CLI_OPTION_FLAG("--json", &json, "report as a JSON object"),
        CLI_OPTION_END,
    };
    const struct cli_syntax syntax = {
        .verb = "recover",
        .arguments = "LEDGER",
        .summary =
            "Seals off what a crash tore behind the last seal, with a signed recovery record\n"
            "that keeps its length and hash.  Every writer does the same when it opens the\n"
            "ledger.",
        .example = "postproof recover ledger",
        .arguments_min = 1,
        .arguments_max = 1,
        .options = options,
    };
    struct cli_arguments arguments;
    if (!cli_parse(&syntax, argc, argv, &arguments))
        return arguments.exit_code;
    struct pp_ledger *ledger;
    struct pp_ledger_opening opening;
    struct pp_failure failure = {0};
    if (pp_ledger_open(arguments.value[0], keys, NULL, &ledger, &opening, &failure) != PP_OK)
        return cli_failure("recover", &failure);
    int exit_code = cli_close_writer("recover", ledger, CLI_GOOD);
    if (exit_code == CLI_GOOD)
        print_opening(&opening, json);
    return exit_code;
}
