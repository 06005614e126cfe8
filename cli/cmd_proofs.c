/* SPDX-License-Identifier: MIT */
/* postproof proofs: what is proved about this program, and by what; proves it again on request. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "proofs_manifest.h"

enum { MANIFEST_BYTES_MAX = 16 << 20 };

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

static uint64_t number_of(const json_t *object, const char *key)
{
    json_int_t value = json_integer_value(json_object_get(object, key));
    return value > 0 ? (uint64_t)value : 0;
}

/* The manifest compiled in; NULL when it is no JSON. */
static json_t *load_manifest(void)
{
    json_error_t error;
    return json_loadb((const char *)cli_proofs_manifest, cli_proofs_manifest_bytes, 0, &error);
}

/* ---- The list ------------------------------------------------------------------------------- */

static void print_theorems(const json_t *theorems)
{
    size_t i;
    const json_t *proof;
    puts("Theorems: statement in the specification, proof checked by Coq");
    json_array_foreach(theorems, i, proof)
    {
        printf("  %s  (%s, %s)\n", text_of(proof, "name"), text_of(proof, "spec"),
               text_of(proof, "proof"));
        if (*text_of(proof, "says"))
            printf("      %s\n", text_of(proof, "says"));
        if (json_array_size(json_object_get(proof, "axioms")) > 0)
            puts("      rests on axioms: see --json");
    }
}

static void print_assumed_by(const json_t *proof)
{
    size_t i;
    const json_t *name, *names = json_object_get(proof, "assumed");
    if (json_array_size(names) == 0)
        return;
    printf("      assumes");
    json_array_foreach(names, i, name) printf("%s %s", i ? "," : "", json_string_value(name));
    puts("");
}

static void print_contracts(const json_t *contracts)
{
    size_t i;
    const json_t *proof;
    const char *file = "";
    puts("\nC functions: contract proved by Frama-C/WP, free of undefined behaviour");
    json_array_foreach(contracts, i, proof)
    {
        if (strcmp(file, text_of(proof, "file")) != 0)
            printf("  %s\n", file = text_of(proof, "file"));
        printf("    %-40s %4" PRIu64 " goals\n", text_of(proof, "name"), number_of(proof, "goals"));
        print_assumed_by(proof);
    }
}

static void print_list(const json_t *manifest)
{
    size_t i;
    const json_t *assumed;
    print_theorems(json_object_get(manifest, "theorems"));
    print_contracts(json_object_get(manifest, "contracts"));
    puts("\nAssumed, not proved:");
    json_array_foreach(json_object_get(manifest, "assumed"), i, assumed)
        printf("  %s: %s\n", text_of(assumed, "name"), text_of(assumed, "why"));
    puts("\nASSURANCE.md says what this covers and what not; --check proves it again.");
}

/* ---- Proving it again ----------------------------------------------------------------------- */

/* Whether the source tree is that of this program: its manifest is the one compiled in. */
static bool is_our_source(const char *source)
{
    char path[CLI_PATH_BYTES];
    struct cli_buffer text = {0};
    if (!cli_path("proofs", source, "proofs/manifest.json", path) ||
        !cli_read_file("proofs", path, MANIFEST_BYTES_MAX, &text))
        return false;
    bool same = text.len == cli_proofs_manifest_bytes &&
                memcmp(text.data, cli_proofs_manifest, text.len) == 0;
    cli_buffer_free(&text);
    if (!same)
        cli_fail("proofs",
                 "%s differs from the manifest in this program: build it from these "
                 "sources, or give its own with --source DIR",
                 path);
    return same;
}

/* tools/prove exits with 0, 1 or 2 as this program does; env with 127 when Python is missing. */
static int prove_again(const char *source, bool json)
{
    char tool[CLI_PATH_BYTES], flag[] = "--check";
    char *argv[] = {tool, flag, NULL};
    if (!is_our_source(source) || !cli_path("proofs", source, "tools/prove", tool))
        return CLI_UNDECIDED;
    int status = cli_run_program("proofs", argv, json);
    if (status == 127)
        cli_fail("proofs", "tools/prove needs python3: install it, or run `make deps`");
    int exit_code = status == CLI_GOOD || status == CLI_BAD ? status : CLI_UNDECIDED;
    if (json) {
        json_t *object = cli_json_object();
        cli_json_set(object, "proved",
                     exit_code == CLI_UNDECIDED ? json_null()
                                                : json_boolean(exit_code == CLI_GOOD));
        cli_json_print(object);
    }
    return exit_code;
}

static int list(bool json)
{
    json_t *manifest = load_manifest();
    if (!manifest)
        return cli_fail("proofs", "the manifest in this program is no JSON");
    if (json)
        fwrite(cli_proofs_manifest, 1, cli_proofs_manifest_bytes, stdout);
    else
        print_list(manifest);
    json_decref(manifest);
    return CLI_GOOD;
}

int cmd_proofs(int argc, char **argv)
{
    const char *source = ".";
    bool json = false, check = false;
    const struct cli_option options[] = {
        CLI_OPTION_FLAG("--check", &check, "prove everything again, as far as provers are here"),
        CLI_OPTION("--source", CLI_TEXT, &source, "DIR",
                   "the source tree for --check (default: the current folder)"),
        CLI_OPTION_FLAG("--json", &json, "the manifest itself; with --check, {\"proved\": ...}"),
        CLI_OPTION_END,
    };
    const struct cli_syntax syntax = {
        .verb = "proofs",
        .arguments = "",
        .summary = "Lists the theorems and contracts that were proved of the sources that this\n"
                   "program was built from, and what they assume.  Exit code with --check: 0 all\n"
                   "is proved, 1 a proof fails, 2 a prover or the sources are missing.",
        .example = "postproof proofs --check --source ~/postproof",
        .options = options,
    };
    struct cli_arguments arguments;
    if (!cli_parse(&syntax, argc, argv, &arguments))
        return arguments.exit_code;
    return check ? prove_again(source, json) : list(json);
}
