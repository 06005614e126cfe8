/* SPDX-License-Identifier: MIT */
/* postproof rollback init, commit, log, checkout, gc: a store of versions. */
#include <inttypes.h>
#include <string.h>

#include "rollback.h"

#define STORE_OPTION(target)                                                                       \
    CLI_OPTION("--store", CLI_TEXT, target, "DIR",                                                 \
               "the store (default: $POSTPROOF_STORE, else .rollback)")
#define ACTOR_OPTION(target)                                                                       \
    CLI_OPTION("--actor", CLI_TEXT, target, "NAME", "who, for the ledger (default: user@host)")

/* ---- init ----------------------------------------------------------------------------------- */

static void report_init(const char *path, bool own_keys, bool json)
{
    if (json) {
        json_t *object = cli_json_object();
        cli_json_text(object, "store", path);
        cli_json_bool(object, "own_keys", own_keys);
        cli_json_print(object);
        return;
    }
    printf("empty store %s; every transition becomes an entry of %s/ledger\n", path, path);
    if (own_keys)
        printf("next: take %s/keys/verify.key off this machine, then\n"
               "      postproof rollback commit FILE -m TEXT --store %s\n",
               path, path);
}

int rollback_init_command(int argc, char **argv)
{
    const char *ledger = NULL, *keys = NULL;
    bool json = false;
    const struct cli_option options[] = {
        CLI_OPTION("--ledger", CLI_TEXT, &ledger, "LEDGER",
                   "record transitions in this ledger instead of one in the store"),
        CLI_OPTION("--keys", CLI_TEXT, &keys, "DIR", "its keys, or unused ones that keygen made"),
        CLI_OPTION_FLAG("--json", &json, "report as a JSON object"),
        CLI_OPTION_END,
    };
    const struct cli_syntax syntax = {
        .verb = "rollback init",
        .arguments = "[DIR]",
        .summary = "Makes the folder DIR (default: .rollback), an empty store for the versions of "
                   "one file or folder, with a ledger and keys.",
        .example = "postproof rollback init model.store",
        .arguments_min = 0,
        .arguments_max = 1,
        .options = options,
    };
    struct cli_arguments arguments;
    struct pp_failure failure = {0};
    if (!cli_parse(&syntax, argc, argv, &arguments))
        return arguments.exit_code;
    const char *path = rollback_store_path(arguments.count > 0 ? arguments.value[0] : NULL);
    if (pp_versions_create(path, ledger, keys, &failure) != PP_OK)
        return cli_failure("rollback init", &failure);
    report_init(path, keys == NULL, json);
    return CLI_GOOD;
}

/* ---- commit --------------------------------------------------------------------------------- */

static void version_json(json_t *object, const struct pp_version *version, bool is_current)
{
    char time[CLI_VALUE_BYTES];
    cli_time_text(version->time_ns, time);
    cli_json_number(object, "version", version->number);
    cli_json_text(object, "time", time);
    cli_json_text(object, "kind", version->kind == PP_VERSION_FOLDER ? "folder" : "file");
    cli_json_number(object, "bytes", version->bytes);
    cli_json_digest(object, "root", &version->root);
    cli_json_number(object, "patch_bytes", version->patch_bytes);
    cli_json_number(object, "patches_from_first", pp_versions_steps(version->number));
    cli_json_text(object, "actor", version->actor);
    cli_json_text(object, "message", version->message);
    cli_json_bool(object, "current", is_current);
}

static int report_version(const struct pp_versions *versions, const char *verb, uint64_t number,
                          bool json)
{
    struct pp_version version;
    struct pp_failure failure = {0};
    if (pp_versions_read(versions, number, &version, &failure) != PP_OK)
        return cli_failure(verb, &failure);
    if (json) {
        json_t *object = cli_json_object();
        version_json(object, &version, true);
        cli_json_print(object);
        return CLI_GOOD;
    }
    char bytes[CLI_VALUE_BYTES], patch[CLI_VALUE_BYTES];
    cli_size_text(version.bytes, bytes);
    cli_size_text(version.patch_bytes, patch);
    printf("version %" PRIu64 " of %s: %s", number, pp_versions_subject(versions), bytes);
    printf(number == 0 ? ", kept whole\n" : ", patches of %s\n", patch);
    return CLI_GOOD;
}

int rollback_commit_command(int argc, char **argv)
{
    const char *store = NULL, *message = NULL, *actor = NULL;
    bool json = false;
    const struct cli_option options[] = {
        CLI_OPTION("-m", CLI_TEXT, &message, "TEXT", "what this version is (required)"),
        STORE_OPTION(&store),
        ACTOR_OPTION(&actor),
        CLI_OPTION_FLAG("--json", &json, "report as a JSON object"),
        CLI_OPTION_END,
    };
    const struct cli_syntax syntax = {
        .verb = "rollback commit",
        .arguments = "FILE|DIR",
        .summary = "Records the file or folder as the next version of the store.",
        .example = "postproof rollback commit model.bin -m \"after the second epoch\"",
        .arguments_min = 1,
        .arguments_max = 1,
        .options = options,
    };
    struct cli_arguments arguments;
    struct rollback_progress progress;
    struct pp_versions *versions;
    struct pp_failure failure = {0};
    uint64_t number;
    if (!cli_parse(&syntax, argc, argv, &arguments))
        return arguments.exit_code;
    if (message == NULL)
        return cli_fail("rollback commit", "-m TEXT is required: say what this version is");
    int exit_code = rollback_open("rollback commit", rollback_store_path(store), PP_VERSIONS_WRITE,
                                  actor, &progress, &versions);
    if (exit_code != CLI_GOOD)
        return exit_code;
    enum pp_error error =
        pp_versions_commit(versions, arguments.value[0], message, &number, &failure);
    cli_progress_clear(&progress.line);
    exit_code = error == PP_OK ? report_version(versions, "rollback commit", number, json)
                               : cli_failure("rollback commit", &failure);
    return rollback_close("rollback commit", versions, exit_code);
}

/* ---- log ------------------------------------------------------------------------------------ */

static void print_version(const struct pp_version *version, bool is_current)
{
    char time[CLI_VALUE_BYTES], bytes[CLI_VALUE_BYTES], patch[CLI_VALUE_BYTES];
    cli_time_text(version->time_ns, time);
    cli_size_text(version->bytes, bytes);
    cli_size_text(version->patch_bytes, patch);
    printf("%c %6" PRIu64 "  %.19sZ  %10s  patches %10s  %s  ", is_current ? '*' : ' ',
           version->number, time, bytes, patch, version->actor);
    cli_print_escaped(stdout, pp_bytes_of(version->message));
    putchar('\n');
}

static int print_log(const struct pp_versions *versions, bool json)
{
    struct pp_version version;
    struct pp_failure failure = {0};
    json_t *array = json ? json_array() : NULL;
    for (uint64_t i = pp_versions_count(versions); i > 0; i--) {
        if (pp_versions_read(versions, i - 1, &version, &failure) != PP_OK) {
            json_decref(array);
            return cli_failure("rollback log", &failure);
        }
        bool is_current = i - 1 == pp_versions_current(versions);
        if (json) {
            json_t *object = cli_json_object();
            version_json(object, &version, is_current);
            json_array_append_new(array, object);
        } else {
            print_version(&version, is_current);
        }
    }
    if (json) {
        json_t *object = cli_json_object();
        cli_json_text(object, "subject", pp_versions_subject(versions));
        cli_json_set(object, "versions", array);
        cli_json_print(object);
    } else if (pp_versions_count(versions) == 0) {
        puts("no versions yet");
    }
    return CLI_GOOD;
}

int rollback_log_command(int argc, char **argv)
{
    const char *store = NULL;
    bool json = false;
    const struct cli_option options[] = {
        STORE_OPTION(&store),
        CLI_OPTION_FLAG("--json", &json, "report as a JSON object"),
        CLI_OPTION_END,
    };
    const struct cli_syntax syntax = {
        .verb = "rollback log",
        .arguments = "",
        .summary = "Lists the versions, the latest first; * marks the one that the file is at.",
        .example = "postproof rollback log --store model.store",
        .arguments_min = 0,
        .arguments_max = 0,
        .options = options,
    };
    struct cli_arguments arguments;
    struct rollback_progress progress;
    struct pp_versions *versions;
    if (!cli_parse(&syntax, argc, argv, &arguments))
        return arguments.exit_code;
    int exit_code = rollback_open("rollback log", rollback_store_path(store), PP_VERSIONS_LOOK,
                                  NULL, &progress, &versions);
    if (exit_code != CLI_GOOD)
        return exit_code;
    return rollback_close("rollback log", versions, print_log(versions, json));
}

/* ---- checkout ------------------------------------------------------------------------------- */

static int run_checkout(struct pp_versions *versions, const char *text,
                        const struct pp_checkout_options *options,
                        struct rollback_progress *progress, bool json)
{
    uint64_t number;
    struct pp_failure failure = {0};
    if (!cli_number_argument("rollback checkout", "VERSION", text, &number))
        return CLI_UNDECIDED;
    uint64_t start = cli_monotonic_ns();
    enum pp_error error = pp_versions_checkout(versions, number, options, &failure);
    uint64_t taken = cli_monotonic_ns() - start;
    cli_progress_clear(&progress->line);
    if (error != PP_OK)
        return cli_failure("rollback checkout", &failure);
    const char *target = options->target != NULL ? options->target : pp_versions_subject(versions);
    if (json) {
        json_t *object = cli_json_object();
        cli_json_text(object, "target", target);
        cli_json_number(object, "version", number);
        cli_json_number(object, "time_ns", taken);
        cli_json_print(object);
        return CLI_GOOD;
    }
    char time[CLI_VALUE_BYTES];
    cli_duration_text(taken, time);
    printf("%s is version %" PRIu64 " (%s)\n", target, number, time);
    return CLI_GOOD;
}

int rollback_checkout_command(int argc, char **argv)
{
    const char *store = NULL, *actor = NULL;
    struct pp_checkout_options checkout = {0};
    bool json = false;
    const struct cli_option options[] = {
        STORE_OPTION(&store),
        CLI_OPTION("-o", CLI_TEXT, &checkout.target, "OUT",
                   "write the version there; the file or folder stays as it is"),
        CLI_OPTION_FLAG("--discard", &checkout.discard, "give up changes that were not committed"),
        ACTOR_OPTION(&actor),
        CLI_OPTION_FLAG("--json", &json, "report as a JSON object"),
        CLI_OPTION_END,
    };
    const struct cli_syntax syntax = {
        .verb = "rollback checkout",
        .arguments = "VERSION",
        .summary = "Makes the file or folder that version, whole or not at all, and records it in "
                   "the ledger.",
        .example = "postproof rollback checkout 3",
        .arguments_min = 1,
        .arguments_max = 1,
        .options = options,
    };
    struct cli_arguments arguments;
    struct rollback_progress progress;
    struct pp_versions *versions;
    if (!cli_parse(&syntax, argc, argv, &arguments))
        return arguments.exit_code;
    int exit_code = rollback_open("rollback checkout", rollback_store_path(store),
                                  checkout.target != NULL ? PP_VERSIONS_CHECK : PP_VERSIONS_WRITE,
                                  actor, &progress, &versions);
    if (exit_code != CLI_GOOD)
        return exit_code;
    exit_code = run_checkout(versions, arguments.value[0], &checkout, &progress, json);
    return rollback_close("rollback checkout", versions, exit_code);
}

/* ---- gc ------------------------------------------------------------------------------------- */

int rollback_gc_command(int argc, char **argv)
{
    const char *store = NULL;
    bool json = false;
    const struct cli_option options[] = {
        STORE_OPTION(&store),
        CLI_OPTION_FLAG("--json", &json, "report as a JSON object"),
        CLI_OPTION_END,
    };
    const struct cli_syntax syntax = {
        .verb = "rollback gc",
        .arguments = "",
        .summary = "Removes images and patches that no version needs: those that a crash left.",
        .example = "postproof rollback gc --store model.store",
        .arguments_min = 0,
        .arguments_max = 0,
        .options = options,
    };
    struct cli_arguments arguments;
    struct rollback_progress progress;
    struct pp_versions *versions;
    struct pp_failure failure = {0};
    uint64_t freed;
    if (!cli_parse(&syntax, argc, argv, &arguments))
        return arguments.exit_code;
    int exit_code = rollback_open("rollback gc", rollback_store_path(store), PP_VERSIONS_WRITE,
                                  NULL, &progress, &versions);
    if (exit_code != CLI_GOOD)
        return exit_code;
    if (pp_versions_collect(versions, &freed, &failure) != PP_OK)
        return rollback_close("rollback gc", versions, cli_failure("rollback gc", &failure));
    if (json) {
        json_t *object = cli_json_object();
        cli_json_number(object, "bytes_freed", freed);
        cli_json_print(object);
    } else {
        char size[CLI_VALUE_BYTES];
        cli_size_text(freed, size);
        printf("%s freed\n", size);
    }
    return rollback_close("rollback gc", versions, CLI_GOOD);
}
