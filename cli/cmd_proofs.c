/* SPDX-License-Identifier: MIT */
/* postproof proofs: which claim rests on which theorem about which C function. */
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "proofs_manifest.h"

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text == NULL ? "" : text;
}

static void print_theorems(const json_t *manifest)
{
    const json_t *row;
    size_t i;
    const char *spec = "";
    printf("theorems (Coq)\n");
    json_array_foreach(json_object_get(manifest, "theorems"), i, row)
    {
        if (strcmp(spec, text_of(row, "spec")) != 0) {
            spec = text_of(row, "spec");
            printf("  %s\n", spec);
        }
        const json_t *axioms = json_object_get(row, "axioms");
        printf("    %-44s %-34s %s\n", text_of(row, "name"), text_of(row, "proof"),
               json_array_size(axioms) == 0 ? "no axioms" : "WITH AXIOMS");
    }
}

static void print_contracts(const json_t *manifest)
{
    const json_t *row, *assumed;
    size_t i, j;
    const char *file = "";
    printf("contracts (Frama-C/WP, with the guards against undefined behaviour)\n");
    json_array_foreach(json_object_get(manifest, "contracts"), i, row)
    {
        if (strcmp(file, text_of(row, "file")) != 0) {
            file = text_of(row, "file");
            printf("  %s: %" JSON_INTEGER_FORMAT " goals\n", file,
                   json_integer_value(json_object_get(row, "file_goals")));
        }
        printf("    %s", text_of(row, "name"));
        json_array_foreach(json_object_get(row, "assumed"), j, assumed)
            printf("%s%s", j == 0 ? "   assumes " : ", ", json_string_value(assumed));
        printf("\n");
    }
    printf("assumed without a proof\n");
    json_array_foreach(json_object_get(manifest, "assumed"), i, row)
        printf("    %-28s %s\n", text_of(row, "name"), text_of(row, "why"));
}

static json_t *load_manifest(void)
{
    return json_loadb((const char *)cli_proofs_manifest, cli_proofs_manifest_bytes, 0, NULL);
}

/* Proves again what the program was built from: the manifest there must be the one in here. */
static int check(const char *source)
{
    char script[CLI_PATH_BYTES], path[CLI_PATH_BYTES];
    struct cli_buffer manifest = {0};
    if (!cli_path("proofs", source, "tools/prove", script) ||
        !cli_path("proofs", source, "proofs/manifest.json", path))
        return CLI_UNDECIDED;
    if (access(script, X_OK) != 0)
        return cli_fail("proofs", "%s: %m; give the source tree with --source DIR", script);
    if (!cli_read_file("proofs", path, 64 << 20, &manifest))
        return CLI_UNDECIDED;
    bool same = manifest.len == cli_proofs_manifest_bytes &&
                memcmp(manifest.data, cli_proofs_manifest, manifest.len) == 0;
    cli_buffer_free(&manifest);
    if (!same)
        return cli_fail("proofs",
                        "%s is not the manifest of this program: it was built from "
                        "other sources",
                        path);
    fflush(NULL);
    execl(script, script, (char *)NULL);
    return cli_fail("proofs", "%s: %m", script);
}

int cmd_proofs(int argc, char **argv)
{
    bool again = false, json = false;
    const char *source = ".";
    const struct cli_option options[] = {
        CLI_OPTION_FLAG("--check", &again,
                        "prove everything again that changed since the last time"),
        CLI_OPTION("--source", CLI_TEXT, &source, "DIR", "the source tree (default: this folder)"),
        CLI_OPTION_FLAG("--json", &json, "print the manifest: statements, hashes, provers"),
        CLI_OPTION_END,
    };
    const struct cli_syntax syntax = {
        .verb = "proofs",
        .arguments = "",
        .summary =
            "Lists the theorems and the C functions that were proved when this program was\n"
            "built, and what they assume.  With --check it proves them again: that needs the\n"
            "source tree, Coq and Frama-C (`make prove` installs them).",
        .example = "postproof proofs --check --source .",
        .arguments_min = 0,
        .arguments_max = 0,
        .options = options,
    };
    struct cli_arguments arguments;
    if (!cli_parse(&syntax, argc, argv, &arguments))
        return arguments.exit_code;
    if (again)
        return check(source);
    json_t *manifest = load_manifest();
    if (manifest == NULL)
        return cli_fail("proofs", "the manifest in this program is no JSON");
    if (json) {
        cli_json_print(manifest);
        return CLI_GOOD;
    }
    print_theorems(manifest);
    print_contracts(manifest);
    printf("%zu theorems, %zu C functions; ASSURANCE.md says what is not covered\n",
           json_array_size(json_object_get(manifest, "theorems")),
           json_array_size(json_object_get(manifest, "contracts")));
    json_decref(manifest);
    return CLI_GOOD;
}
