/* SPDX-License-Identifier: MIT */
/* postproof rollback init, commit, log, checkout, gc: a store of versions. */
#include <inttypes.h>
#include <string.h>

#include "rollback.h"

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

static int report_version(const struct rollback_call *call, uint64_t number)
{
    struct pp_version version;
    struct pp_failure failure = {0};
    if (pp_versions_read(call->versions, number, &version, &failure) != PP_OK)
        return cli_failure(call->verb, &failure);
    if (call->json) {
        json_t *object = cli_json_object();
        version_json(object, &version, true);
        cli_json_print(object);
        return CLI_GOOD;
    }
    char bytes[CLI_VALUE_BYTES], patch[CLI_VALUE_BYTES];
    cli_size_text(version.bytes, bytes);
    cli_size_text(version.patch_bytes, patch);
    printf("version %" PRIu64 " of %s: %s", number, pp_versions_subject(call->versions), bytes);
    printf(number == 0 ? ", kept whole\n" : ", patches of %s\n", patch);
    return CLI_GOOD;
}

static int check_message(struct rollback_call *call)
{
    const char *const *message = call->own;
    return *message != NULL ? CLI_GOOD
                            : cli_fail(call->verb, "-m TEXT is required: say what this version is");
}

static int run_commit(struct rollback_call *call)
{
    const char *const *message = call->own;
    struct pp_failure failure = {0};
    uint64_t number;
    enum pp_error error =
        pp_versions_commit(call->versions, call->arguments.value[0], *message, &number, &failure);
    cli_progress_clear(&call->progress.line);
    return error == PP_OK ? report_version(call, number) : cli_failure(call->verb, &failure);
}

int rollback_commit_command(int argc, char **argv)
{
    const char *message = NULL;
    struct rollback_call call = {
        .use = PP_VERSIONS_WRITE, .check = check_message, .run = run_commit, .own = &message};
    const struct cli_option options[] = {
        CLI_OPTION("-m", CLI_TEXT, &message, "TEXT", "what this version is (required)"),
        ROLLBACK_STORE_OPTION(call),
        ROLLBACK_ACTOR_OPTION(call),
        ROLLBACK_JSON_OPTION(call),
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
    return rollback_on_store(&syntax, argc, argv, &call);
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

static int run_log(struct rollback_call *call)
{
    const struct pp_versions *versions = call->versions;
    bool json = call->json;
    struct pp_version version;
    struct pp_failure failure = {0};
    json_t *array = json ? json_array() : NULL;
    for (uint64_t i = pp_versions_count(versions); i > 0; i--) {
        if (pp_versions_read(versions, i - 1, &version, &failure) != PP_OK) {
            json_decref(array);
            return cli_failure(call->verb, &failure);
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
    struct rollback_call call = {.use = PP_VERSIONS_LOOK, .run = run_log};
    const struct cli_option options[] = {
        ROLLBACK_STORE_OPTION(call),
        ROLLBACK_JSON_OPTION(call),
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
    return rollback_on_store(&syntax, argc, argv, &call);
}

/* ---- checkout ------------------------------------------------------------------------------- */

struct checkout {
    struct pp_checkout_options options;
    uint64_t number;
};

/* A version that is written elsewhere changes nothing in the store. */
static int check_checkout(struct rollback_call *call)
{
    struct checkout *checkout = call->own;
    if (checkout->options.target != NULL)
        call->use = PP_VERSIONS_CHECK;
    return cli_number_argument(call->verb, "VERSION", call->arguments.value[0], &checkout->number)
               ? CLI_GOOD
               : CLI_UNDECIDED;
}

static int run_checkout(struct rollback_call *call)
{
    const struct checkout *checkout = call->own;
    struct pp_failure failure = {0};
    uint64_t start = cli_monotonic_ns();
    enum pp_error error =
        pp_versions_checkout(call->versions, checkout->number, &checkout->options, &failure);
    uint64_t taken = cli_monotonic_ns() - start;
    cli_progress_clear(&call->progress.line);
    if (error != PP_OK)
        return cli_failure(call->verb, &failure);
    const char *target = checkout->options.target != NULL ? checkout->options.target
                                                          : pp_versions_subject(call->versions);
    if (call->json) {
        json_t *object = cli_json_object();
        cli_json_text(object, "target", target);
        cli_json_number(object, "version", checkout->number);
        cli_json_number(object, "time_ns", taken);
        cli_json_print(object);
        return CLI_GOOD;
    }
    char time[CLI_VALUE_BYTES];
    cli_duration_text(taken, time);
    printf("%s is version %" PRIu64 " (%s)\n", target, checkout->number, time);
    return CLI_GOOD;
}

int rollback_checkout_command(int argc, char **argv)
{
    struct checkout checkout = {0};
    struct rollback_call call = {
        .use = PP_VERSIONS_WRITE, .check = check_checkout, .run = run_checkout, .own = &checkout};
    const struct cli_option options[] = {
        ROLLBACK_STORE_OPTION(call),
        CLI_OPTION("-o", CLI_TEXT, &checkout.options.target, "OUT",
                   "write the version there; the file or folder stays as it is"),
        CLI_OPTION_FLAG("--discard", &checkout.options.discard,
                        "give up changes that were not committed"),
        ROLLBACK_ACTOR_OPTION(call),
        ROLLBACK_JSON_OPTION(call),
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
    return rollback_on_store(&syntax, argc, argv, &call);
}

/* ---- gc ------------------------------------------------------------------------------------- */

static int run_gc(struct rollback_call *call)
{
    struct pp_failure failure = {0};
    uint64_t freed;
    if (pp_versions_collect(call->versions, &freed, &failure) != PP_OK)
        return cli_failure(call->verb, &failure);
    if (call->json) {
        json_t *object = cli_json_object();
        cli_json_number(object, "bytes_freed", freed);
        cli_json_print(object);
    } else {
        char size[CLI_VALUE_BYTES];
        cli_size_text(freed, size);
        printf("%s freed\n", size);
    }
    return CLI_GOOD;
}

int rollback_gc_command(int argc, char **argv)
{
    struct rollback_call call = {.use = PP_VERSIONS_WRITE, .run = run_gc};
    const struct cli_option options[] = {
        ROLLBACK_STORE_OPTION(call),
        ROLLBACK_JSON_OPTION(call),
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
    return rollback_on_store(&syntax, argc, argv, &call);
}
