/* SPDX-License-Identifier: MIT */
/* postproof init: makes an empty ledger bound to its keys. */
#include "cli.h"

static void print_json(const char *ledger, const char *keys, const char *origin)
{
    json_t *object = cli_json_object();
    cli_json_text(object, "ledger", ledger);
    cli_json_text(object, "keys", keys);
    if (origin)
        cli_json_text(object, "origin", origin);
    else
        cli_json_set(object, "origin", json_null());
    cli_json_print(object);
}

int cmd_init(int argc, char **argv)
{
    const char *keys = NULL, *origin = NULL;
    bool json = false;
    const struct cli_option options[] = {
        CLI_OPTION("--keys", CLI_TEXT, &keys, "DIR", "folder that keygen made (required)"),
        CLI_OPTION("--origin", CLI_TEXT, &origin, "NAME",
                   "name of the log (default: that of the keys)"),
        CLI_OPTION_FLAG("--json", &json, "report as a JSON object"),
        CLI_OPTION_END,
    };
    const struct cli_syntax syntax = {
        .verb = "init",
        .arguments = "LEDGER",
        .summary = "Makes the folder LEDGER, an empty ledger.  A key folder seals one ledger only.",
        .example = "postproof init ledger --keys keys",
        .arguments_min = 1,
        .arguments_max = 1,
        .options = options,
    };
    struct cli_arguments arguments;
    if (!cli_parse(&syntax, argc, argv, &arguments))
        return arguments.exit_code;
    if (!keys)
        return cli_fail("init", "--keys DIR is required; make keys with: postproof keygen DIR");
    const char *ledger = arguments.value[0];
    struct pp_failure failure = {0};
    if (pp_ledger_create(ledger, keys, origin, &failure) != PP_OK)
        return cli_failure("init", &failure);
    if (json)
        print_json(ledger, keys, origin);
    else
        printf("empty ledger %s, sealed with the keys in %s\n"
               "next: postproof append %s FILE\n",
               ledger, keys, ledger);
    return CLI_GOOD;
}
