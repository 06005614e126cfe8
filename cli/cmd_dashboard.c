/* SPDX-License-Identifier: MIT */
/* postproof dashboard: alert rules, their tests and a Grafana dashboard from invariants. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "../src/os/os.h"
#include "../src/store/dashboards.h"
#include "bundle_files.h"
#include "cli.h"
#include "dashboard_input.h"

static const char verb[] = "dashboard";
enum { INTERVAL_MIN_NS = 1000000 };
#define INTERVAL_MAX_NS UINT64_C(3600000000000)

struct request {
    const char *folder, *input; /* input NULL: the invariants of this program */
    uint64_t interval_ns;
    bool check, json;
};

/* What became of a file, or was found of it. */
enum state { WRITTEN, SAME, DIFFERS, MISSING };
static const char *const states[] = {"written", "same", "differs", "missing"};

struct outcome {
    enum state state[PP_DASHBOARD_FILE_COUNT];
    size_t bytes[PP_DASHBOARD_FILE_COUNT];
    size_t invariants;
};

/* ---- Input ---------------------------------------------------------------------------------- */

static bool fail_at(const struct request *request, const struct pp_dashboard_fault *fault)
{
    cli_fail(verb, "%s:%" PRIu32 ":%" PRIu32 ": %s",
             request->input != NULL ? request->input : "the built-in invariants", fault->line,
             fault->column, fault->text);
    return false;
}

static bool load(const struct request *request, struct cli_buffer *text,
                 struct pp_dashboards *dashboards)
{
    struct pp_dashboard_fault fault = {1, 1, ""};
    struct pp_failure failure = {0};
    struct pp_bytes input = {cli_dashboard_input, cli_dashboard_input_bytes};
    if (request->input != NULL) {
        if (!cli_read_file(verb, request->input, PP_DASHBOARDS_INPUT_BYTES_MAX, text))
            return false;
        input = cli_buffer_view(text);
    }
    enum pp_error error =
        pp_dashboards_load(dashboards, input, cli_bundle_files, cli_bundle_file_count,
                           request->interval_ns / 1000000, &fault, &failure);
    if (error == PP_ERROR_FORMAT)
        return fail_at(request, &fault);
    if (error != PP_OK)
        cli_failure(verb, &failure);
    return error == PP_OK;
}

/* ---- Files ---------------------------------------------------------------------------------- */

/* Makes the folder of a file, and those above it below `folder`. */
static bool make_folders(const char *folder, const char *path)
{
    char name[CLI_PATH_BYTES];
    if (!cli_path(verb, folder, path, name))
        return false;
    for (char *slash = name + strlen(folder); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        int error = pp_os_make_dir(PP_OS_CWD, name, false);
        if (error < 0 && error != -EEXIST) {
            cli_fail(verb, "the folder %s can't be made: %s", name, strerror(-error));
            return false;
        }
        *slash = '/';
    }
    return true;
}

static bool write_file(const char *folder, const char *path, struct pp_bytes content)
{
    char name[CLI_PATH_BYTES];
    struct pp_failure failure = {0};
    if (!make_folders(folder, path) || !cli_path(verb, folder, path, name))
        return false;
    char *slash = strrchr(name, '/');
    *slash = '\0';
    int dir = pp_os_open_dir(PP_OS_CWD, name);
    if (dir < 0) {
        cli_fail(verb, "the folder %s can't be opened: %s", name, strerror(-dir));
        return false;
    }
    enum pp_error error = pp_file_replace(dir, slash + 1, content, false, &failure);
    pp_os_close(dir);
    if (error != PP_OK)
        cli_failure(verb, &failure);
    return error == PP_OK;
}

/* Whether the file is as it would be generated; false: it can't be read. */
static bool compare_file(const char *folder, const char *path, struct pp_bytes content,
                         enum state *state)
{
    char name[CLI_PATH_BYTES];
    struct pp_buffer found = {0};
    struct pp_failure failure = {0};
    if (!cli_path(verb, folder, path, name))
        return false;
    enum pp_error error = pp_file_read(PP_OS_CWD, name, content.len + 1, &found, &failure);
    bool same = error == PP_OK && found.len == content.len &&
                memcmp(found.data, content.data, content.len) == 0;
    *state = same ? SAME : error == PP_ERROR_NOT_FOUND ? MISSING : DIFFERS;
    pp_buffer_free(&found);
    if (error == PP_OK || error == PP_ERROR_NOT_FOUND || error == PP_ERROR_TOO_LARGE)
        return true;
    cli_failure(verb, &failure);
    return false;
}

static bool handle_file(const struct request *request, const struct pp_dashboards *dashboards,
                        enum pp_dashboard_file file, struct pp_buffer *content,
                        struct outcome *outcome)
{
    struct pp_dashboard_fault fault = {1, 1, ""};
    const char *path = pp_dashboard_file_path(file);
    enum pp_error error = pp_dashboards_write(dashboards, file, content, &fault);
    if (error == PP_ERROR_FORMAT)
        return fail_at(request, &fault);
    if (error != PP_OK) {
        cli_fail(verb, "%s can't be generated: %s", path, pp_error_text(error));
        return false;
    }
    struct pp_bytes bytes = {content->data, content->len};
    outcome->bytes[file] = content->len;
    outcome->state[file] = WRITTEN;
    if (request->check)
        return compare_file(request->folder, path, bytes, &outcome->state[file]);
    return write_file(request->folder, path, bytes);
}

/* All that can be wrong with the input is found before the first file is written. */
static bool can_be_tested(const struct request *request, const struct pp_dashboards *dashboards,
                          struct pp_buffer *content)
{
    struct pp_dashboard_fault fault = {1, 1, ""};
    enum pp_error error = pp_dashboards_write(dashboards, PP_DASHBOARD_CASES, content, &fault);
    return error != PP_ERROR_FORMAT || fail_at(request, &fault);
}

static bool handle_files(const struct request *request, const struct pp_dashboards *dashboards,
                         struct outcome *outcome)
{
    struct pp_buffer content = {0};
    bool good = can_be_tested(request, dashboards, &content);
    for (size_t i = 0; good && i < PP_DASHBOARD_FILE_COUNT; i++)
        good = handle_file(request, dashboards, (enum pp_dashboard_file)i, &content, outcome);
    outcome->invariants = dashboards->set.count;
    pp_buffer_free(&content);
    return good;
}

/* ---- Report --------------------------------------------------------------------------------- */

static int exit_code_of(const struct outcome *outcome)
{
    for (size_t i = 0; i < PP_DASHBOARD_FILE_COUNT; i++)
        if (outcome->state[i] == DIFFERS || outcome->state[i] == MISSING)
            return CLI_BAD;
    return CLI_GOOD;
}

static void print_text(const struct request *request, const struct outcome *outcome)
{
    for (size_t i = 0; i < PP_DASHBOARD_FILE_COUNT; i++)
        printf("%-8s %s/%s\n", states[outcome->state[i]], request->folder,
               pp_dashboard_file_path((enum pp_dashboard_file)i));
    printf("%zu invariants, two rules each", outcome->invariants);
    if (exit_code_of(outcome) == CLI_BAD)
        printf("; to generate them anew: %s --out %s%s%s", cli_command(verb), request->folder,
               request->input != NULL ? " --invariants " : "",
               request->input != NULL ? request->input : "");
    putchar('\n');
}

static void print_json(const struct request *request, const struct outcome *outcome)
{
    json_t *object = cli_json_object(), *files = json_array();
    for (size_t i = 0; i < PP_DASHBOARD_FILE_COUNT; i++) {
        json_t *file = cli_json_object();
        cli_json_text(file, "path", pp_dashboard_file_path((enum pp_dashboard_file)i));
        cli_json_text(file, "what", pp_dashboard_file_what((enum pp_dashboard_file)i));
        cli_json_text(file, "state", states[outcome->state[i]]);
        cli_json_number(file, "bytes", outcome->bytes[i]);
        json_array_append_new(files, file);
    }
    cli_json_text(object, "folder", request->folder);
    cli_json_number(object, "invariants", outcome->invariants);
    if (request->check)
        cli_json_bool(object, "same", exit_code_of(outcome) == CLI_GOOD);
    cli_json_set(object, "files", files);
    cli_json_print(object);
}

/* ---- The command ---------------------------------------------------------------------------- */

static int run(const struct request *request)
{
    struct cli_buffer text = {0};
    struct pp_dashboards dashboards = {.invariants = NULL};
    struct outcome outcome = {.invariants = 0};
    bool good = load(request, &text, &dashboards) && handle_files(request, &dashboards, &outcome);
    if (good)
        (request->json ? print_json : print_text)(request, &outcome);
    pp_dashboards_free(&dashboards);
    cli_buffer_free(&text);
    return good ? exit_code_of(&outcome) : CLI_UNDECIDED;
}

int cmd_dashboard(int argc, char **argv)
{
    struct request request = {.interval_ns = PP_DASHBOARDS_INTERVAL_MS * UINT64_C(1000000)};
    const struct cli_option options[] = {
        CLI_OPTION("--out", CLI_TEXT, &request.folder, "DIR", "where the files go, or are"),
        CLI_OPTION("--invariants", CLI_TEXT, &request.input, "FILE",
                   "your own, instead of those of `postproof serve`"),
        CLI_OPTION_RANGE("--interval", CLI_DURATION, &request.interval_ns, "T",
                         "between two evaluations of a rule (default: 200ms)", INTERVAL_MIN_NS,
                         INTERVAL_MAX_NS),
        CLI_OPTION_FLAG("--check", &request.check,
                        "write nothing: are the files in DIR what would be generated?"),
        CLI_OPTION_FLAG("--json", &request.json, "report as a JSON object"),
        CLI_OPTION_END,
    };
    const struct cli_syntax syntax = {
        .verb = verb,
        .arguments = "",
        .summary =
            "Generates from invariants, each tied to a theorem: Prometheus rules that fire when "
            "it\n"
            "is violated or its metrics are lost, tests of these rules for promtool, a Grafana\n"
            "dashboard, and what provisions it.  The same input gives the same bytes.  Exit code\n"
            "with --check: 0 all files are the same, 1 one differs or is missing, 2 can't tell.",
        .example = "postproof dashboard --out dashboards && promtool test rules "
                   "dashboards/prometheus/rules.test.json",
        .options = options,
    };
    struct cli_arguments arguments;
    if (!cli_parse(&syntax, argc, argv, &arguments))
        return arguments.exit_code;
    if (request.folder == NULL)
        return cli_fail(verb, "--out DIR is needed, such as --out dashboards");
    if (request.interval_ns % INTERVAL_MIN_NS != 0)
        return cli_fail(verb, "--interval is a whole number of milliseconds");
    return run(&request);
}
