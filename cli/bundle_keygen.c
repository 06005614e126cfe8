/* SPDX-License-Identifier: MIT */
/* postproof bundle keygen: the keys that sign bundles, for a key folder that has none yet. */
#include <string.h>

#include "../src/os/os.h"
#include "bundle.h"

static const char verb[] = "bundle keygen";

/* The name of the log, from its checkpoint.pub. */
static bool read_origin(const char *folder, char out[PP_ORIGIN_BYTES_MAX + 1])
{
    char path[CLI_PATH_BYTES];
    struct cli_buffer text = {0};
    struct pp_note_key key;
    if (!cli_path(verb, folder, "checkpoint.pub", path) ||
        !cli_read_file(verb, path, PP_NOTE_KEY_TEXT_BYTES, &text))
        return false;
    bool good = pp_note_key_parse(cli_buffer_view(&text), &key) == PP_OK;
    cli_buffer_free(&text);
    if (good)
        memcpy(out, key.name, sizeof key.name);
    else
        cli_fail(verb, "%s is no checkpoint key", path);
    return good;
}

int bundle_keygen_command(int argc, char **argv)
{
    bool json = false;
    const struct cli_option options[] = {
        CLI_OPTION_FLAG("--json", &json, "report as a JSON object"),
        CLI_OPTION_END,
    };
    const struct cli_syntax syntax = {
        .verb = verb,
        .arguments = "KEYS",
        .summary = "Adds bundle.key, bundle.pub, bundle-ssh.key and allowed_signers to a folder\n"
                   "that `postproof keygen` made before it made these too.",
        .example = "postproof bundle keygen keys",
        .arguments_min = 1,
        .arguments_max = 1,
        .options = options,
    };
    struct cli_arguments arguments;
    char origin[PP_ORIGIN_BYTES_MAX + 1];
    struct pp_failure failure = {0};
    if (!cli_parse(&syntax, argc, argv, &arguments))
        return arguments.exit_code;
    const char *folder = arguments.value[0];
    if (!read_origin(folder, origin))
        return CLI_UNDECIDED;
    if (pp_bundle_keys_create(folder, origin, &failure) != PP_OK)
        return cli_failure(verb, &failure);
    if (json) {
        json_t *object = cli_json_object();
        cli_json_text(object, "folder", folder);
        cli_json_text(object, "origin", origin);
        cli_json_print(object);
    } else {
        printf("keys that sign bundles of \"%s\" in %s; auditors get bundle.pub, allowed_signers\n"
               "and checkpoint.pub\n",
               origin, folder);
    }
    return cli_finish(CLI_GOOD);
}
