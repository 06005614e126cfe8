/* SPDX-License-Identifier: MIT */
/* postproof serve: the daemon that answers limit checks over HTTP and RESP. */
#include "../daemon/serve.h"
#include "cli.h"

int cmd_serve(int argc, char **argv)
{
    struct serve_options options = {0};
    const struct cli_option table[] = {
        CLI_OPTION("--config", CLI_TEXT, &options.config, "FILE",
                   "addresses and rules, as docs/limiter.md describes them"),
        CLI_OPTION("--record", CLI_TEXT, &options.record, "FOLDER",
                   "append each decision to FOLDER/RULE.log, for `limit replay --check`"),
        CLI_OPTION_FLAG("--first-start", &options.first_start,
                        "nothing was admitted before: don't wait for a window"),
        CLI_OPTION_FLAG("--check-config", &options.check_config,
                        "say what is wrong with FILE, and end"),
        CLI_OPTION_END};
    const struct cli_syntax syntax = {
        .verb = "serve",
        .arguments = "--config FILE",
        .summary = "Answers limit checks over HTTP and RESP until SIGTERM; SIGHUP reads the rules "
                   "anew.",
        .example = "postproof serve --config /etc/postproof/limits.yaml",
        .options = table};
    struct cli_arguments arguments;
    if (!cli_parse(&syntax, argc, argv, &arguments))
        return arguments.exit_code;
    if (options.config == NULL)
        return cli_fail("serve", "--config FILE is required");
    return serve_run(&options) == 0 ? CLI_GOOD : CLI_UNDECIDED;
}
