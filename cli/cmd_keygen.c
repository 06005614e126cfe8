/* SPDX-License-Identifier: MIT */
/* postproof keygen: makes the keys of a new ledger. */
#include <errno.h>
#include <string.h>

#include "../src/os/os.h"
#include "cli.h"

static const char *const FILES[][2] = {
    {"sealing.key", "seals entries; stays here and moves on with each seal"},
    {"verify.key", "verifies the seals; for the auditor only"},
    {"checkpoint.key", "signs checkpoints; stays here"},
    {"checkpoint.pub", "checks checkpoints and proofs; may be published"},
    {"bundle.key", "signs evidence bundles; stays here"},
    {"bundle.pub", "checks them; may be published"},
    {"bundle-ssh.key", "signs bundles for ssh-keygen -Y verify; stays here"},
    {"allowed_signers", "checks that; may be published"},
};
enum { FILE_COUNT = sizeof FILES / sizeof *FILES };

static void print_text(const char *folder, const char *origin)
{
    printf("keys of the log \"%s\" in %s:\n", origin, folder);
    for (size_t i = 0; i < FILE_COUNT; i++)
        printf("  %-15s %s\n", FILES[i][0], FILES[i][1]);
    printf(
        "\nMove %s/verify.key to the auditor's machine and delete it here: whoever holds it can\n"
        "forge the whole ledger.  Then: postproof init LEDGER --keys %s\n",
        folder, folder);
}

static void print_json(const char *folder, const char *origin)
{
    json_t *object = cli_json_object(), *files = json_array();
    for (size_t i = 0; i < FILE_COUNT; i++)
        json_array_append_new(files, json_string(FILES[i][0]));
    cli_json_text(object, "folder", folder);
    cli_json_text(object, "origin", origin);
    cli_json_set(object, "files", files);
    cli_json_text(object, "advice", "move verify.key to the auditor's machine and delete it here");
    cli_json_print(object);
}

int cmd_keygen(int argc, char **argv)
{
    const char *origin = NULL;
    bool json = false;
    const struct cli_option options[] = {
        CLI_OPTION("--origin", CLI_TEXT, &origin, "NAME",
                   "name of the log (default: this host's name)"),
        CLI_OPTION_FLAG("--json", &json, "report as a JSON object"),
        CLI_OPTION_END,
    };
    const struct cli_syntax syntax = {
        .verb = "keygen",
        .arguments = "DIR",
        .summary = "Writes the keys that seal, verify and sign checkpoints and bundles into DIR,\n"
                   "which is made when missing.  Nothing is ever overwritten.",
        .example = "postproof keygen keys --origin example.com/web-1",
        .arguments_min = 1,
        .arguments_max = 1,
        .options = options,
    };
    struct cli_arguments arguments;
    if (!cli_parse(&syntax, argc, argv, &arguments))
        return arguments.exit_code;
    const char *folder = arguments.value[0];
    char host[PP_OS_NAME_BYTES];
    int error = origin ? 0 : pp_os_host_name(host, sizeof host);
    if (error < 0)
        return cli_fail("keygen", "this host has no usable name (%s); give --origin NAME",
                        strerror(-error));
    struct pp_failure failure = {0};
    const char *name = origin ? origin : host;
    if (pp_keys_create(folder, name, &failure) != PP_OK ||
        pp_bundle_keys_create(folder, name, &failure) != PP_OK)
        return cli_failure("keygen", &failure);
    (json ? print_json : print_text)(folder, name);
    return CLI_GOOD;
}
