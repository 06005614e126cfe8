/* SPDX-License-Identifier: MIT */
/* postproof bundle audit, or bundle_uploader F.zip --sentinelops: verifies a bundle, checks its
   record against the audit profile, and sends both to the audit endpoint of the configuration. */
#include <errno.h>
#include <inttypes.h>
#include <libfyaml.h>
#include <stdlib.h>
#include <string.h>

#include "../src/base/base.h"
#include "../src/bundle/zip.h"
#include "../src/os/os.h"
#include "../src/store/bundle.h"
#include "audit_schema.h"
#include "bundle.h"
#include "json_schema.h"
#include "transfer.h"

enum { WINDOW_JSON_BYTES_MAX = 1 << 20, SETTING_BYTES = 1024 };

static const char verb[] = "bundle audit";
static const char *const STATES[] = {"skipped", "ok", "bad"};

struct audit {
    const char *path, *name;
    char endpoint[SETTING_BYTES], token_file[SETTING_BYTES], trust_root[SETTING_BYTES];
    struct pp_bundle_verify_report verified;
    struct pp_digest digest;
    char hex[2 * PP_DIGEST_BYTES + 1];
    uint64_t bytes, attempts;
    json_t *window, *record;
    int warnings;
    bool json;
    json_t *warning_list;
};

/* ---- Configuration -------------------------------------------------------------------------- */

static bool read_setting(struct fy_document *document, const char *path, char out[SETTING_BYTES])
{
    size_t len = 0;
    struct fy_node *node =
        fy_node_by_path(fy_document_root(document), path, FY_NT, FYNWF_DONT_FOLLOW);
    const char *text = node ? fy_node_get_scalar(node, &len) : NULL;
    if (!text || len == 0 || len >= SETTING_BYTES || memchr(text, 0, len))
        return false;
    memcpy(out, text, len);
    out[len] = '\0';
    return true;
}

/* YAML, or JSON, which YAML includes. */
static int read_configuration(struct audit *audit, const char *path)
{
    struct fy_parse_cfg quiet = {.flags = FYPCF_QUIET};
    struct fy_document *document = fy_document_build_from_file(&quiet, path);
    if (!document)
        return cli_fail(verb,
                        "%s can't be read, or is no YAML: it names the audit endpoint "
                        "(docs/bundle.md)",
                        path);
    bool found = read_setting(document, "/audit/endpoint", audit->endpoint);
    bool trusts = read_setting(document, "/audit/trust_root", audit->trust_root);
    (void)read_setting(document, "/audit/token_file", audit->token_file);
    fy_document_destroy(document);
    if (!found || !trusts)
        return cli_fail(verb, "%s: audit.%s is missing", path, found ? "trust_root" : "endpoint");
    if (!transfer_is_private(audit->endpoint))
        return cli_fail(verb, "%s: audit.endpoint must be https (plain http only on this machine)",
                        path);
    return CLI_GOOD;
}

/* ---- The record ----------------------------------------------------------------------------- */

/* The content of data/window.json; the verification has bound it to the signature. */
static json_t *unpack_json(const struct pp_zip_entry *entry)
{
    struct pp_unpacker unpacker;
    char *text = malloc(WINDOW_JSON_BYTES_MAX);
    size_t len = 0, got = 1;
    enum pp_zip_fault fault = text ? pp_unpacker_begin(&unpacker, entry) : PP_ZIP_DATA;
    while (fault == PP_ZIP_OK && got > 0 && len < WINDOW_JSON_BYTES_MAX) {
        fault =
            pp_unpacker_read(&unpacker, (uint8_t *)text + len, WINDOW_JSON_BYTES_MAX - len, &got);
        len += fault == PP_ZIP_OK ? got : 0;
    }
    if (text)
        pp_unpacker_end(&unpacker);
    json_t *json = fault == PP_ZIP_OK ? json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL) : NULL;
    free(text);
    return json;
}

static json_t *window_of(struct pp_bytes file)
{
    static const char name[] = "evidence/data/window.json";
    struct pp_zip_reader reader;
    struct pp_zip_entry entry;
    bool more = true;
    if (pp_zip_open(file, &reader) != PP_ZIP_OK)
        return NULL;
    while (pp_zip_next(&reader, &entry, &more) == PP_ZIP_OK && more)
        if (entry.name.len == strlen(name) && memcmp(entry.name.data, name, entry.name.len) == 0)
            return unpack_json(&entry);
    return NULL;
}

static int load_bundle(struct audit *audit)
{
    const char *slash = strrchr(audit->path, '/');
    audit->name = slash ? slash + 1 : audit->path;
    int fd = pp_os_open(PP_OS_CWD, audit->path, PP_OS_READ);
    struct pp_bytes file = {NULL, 0};
    int error = fd < 0 ? fd : pp_os_map(fd, &file.data, &file.len);
    if (fd >= 0)
        pp_os_close(fd);
    if (error < 0)
        return cli_fail(verb, "%s: %s", audit->path, strerror(-error));
    audit->bytes = file.len;
    audit->digest = pp_sha256(file);
    pp_hex_encode(audit->digest.b, PP_DIGEST_BYTES, audit->hex);
    audit->window = window_of(file);
    pp_os_unmap(file.data, file.len);
    const struct pp_bundle_verify_options options = {.trust_root = audit->trust_root};
    pp_bundle_verify(audit->path, &options, &audit->verified);
    return CLI_GOOD;
}

/* A member of window.json under another name; left out where there is none, which the profile then
   finds. */
static void copy_member(json_t *to, const char *name, const json_t *from, const char *path)
{
    json_t *value = json_object_get(from, path);
    if (value)
        cli_json_set(to, name, json_incref(value));
}

static json_t *verification_record(const struct audit *audit)
{
    static const char *const verdicts[] = {"valid", "invalid", "undecided"};
    json_t *object = cli_json_object(), *checks = cli_json_object();
    for (size_t i = 0; i < PP_BUNDLE_CHECK_COUNT; i++)
        cli_json_text(checks, pp_bundle_check_name((enum pp_bundle_check)i),
                      STATES[audit->verified.checks[i].status]);
    cli_json_text(object, "program", "postproof " PP_VERSION);
    cli_json_text(object, "verdict", verdicts[audit->verified.exit_code]);
    cli_json_set(object, "checks", checks);
    return object;
}

static void make_record(struct audit *audit)
{
    json_t *record = cli_json_object(), *bundle = cli_json_object(), *log = cli_json_object();
    json_t *incident = cli_json_object(), *window = cli_json_object(), *entries = cli_json_object();
    const json_t *from = audit->window, *range = json_object_get(from, "window");
    const json_t *checkpoint = json_object_get(from, "checkpoint");
    const json_t *counts = json_object_get(from, "entries");
    cli_json_text(bundle, "name", audit->name);
    cli_json_number(bundle, "bytes", audit->bytes);
    cli_json_text(bundle, "sha256", audit->hex);
    cli_json_digest(bundle, "manifest_root", &audit->verified.manifest_root);
    copy_member(incident, "id", from, "incident_id");
    copy_member(incident, "title", from, "title");
    copy_member(log, "origin", from, "origin");
    copy_member(log, "log_id", from, "log_id");
    copy_member(log, "tree_size", checkpoint, "size");
    copy_member(log, "root", checkpoint, "root");
    static const char *const members[] = {"from", "until", "first_seq", "next_seq"};
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++)
        copy_member(window, members[i], range, members[i]);
    copy_member(entries, "in_window", counts, "in_window");
    copy_member(entries, "kept", counts, "kept");
    copy_member(entries, "by_level", counts, "by_level");
    copy_member(entries, "omitted_by_level", json_object_get(from, "omitted"), "by_level");
    cli_json_text(record, "format", "postproof audit 1");
    cli_json_set(record, "bundle", bundle);
    cli_json_set(record, "incident", incident);
    cli_json_set(record, "log", log);
    cli_json_set(record, "window", window);
    cli_json_set(record, "entries", entries);
    cli_json_set(record, "verification", verification_record(audit));
    audit->record = record;
}

/* ---- The profile ---------------------------------------------------------------------------- */

static void on_warning(void *context, const char *place, const char *what)
{
    struct audit *audit = context;
    char line[SCHEMA_PLACE_BYTES + 300];
    snprintf(line, sizeof line, "%s %s", place, what);
    json_array_append_new(audit->warning_list, json_string(line));
    if (!audit->json)
        fprintf(stderr, "warning: %s\n", line);
}

/* What a failed check said, for a person; the profile names the check. */
static void explain_checks(const struct audit *audit)
{
    for (size_t i = 0; i < PP_BUNDLE_CHECK_COUNT; i++) {
        const struct pp_check_outcome *check = &audit->verified.checks[i];
        if (check->status == PP_CHECK_BAD || (check->status == PP_CHECK_SKIPPED && check->required))
            cli_note(verb, "check %s: %s: %s %s", pp_bundle_check_name((enum pp_bundle_check)i),
                     STATES[check->status], check->code, check->text);
    }
}

static int check_profile(struct audit *audit)
{
    json_t *schema = json_loadb((const char *)cli_audit_schema, cli_audit_schema_bytes, 0, NULL);
    audit->warning_list = json_array();
    audit->warnings = schema_check(schema, audit->record, on_warning, audit);
    json_decref(schema);
    if (audit->warnings == 0)
        return CLI_GOOD;
    if (!audit->json)
        explain_checks(audit);
    return audit->verified.exit_code == CLI_BAD ? CLI_BAD : CLI_UNDECIDED;
}

/* ---- Sending -------------------------------------------------------------------------------- */

static bool add_token(const struct audit *audit, struct curl_slist **headers)
{
    struct cli_buffer token = {0};
    char value[SETTING_BYTES];
    if (!audit->token_file[0])
        return true;
    if (!cli_read_file(verb, audit->token_file, SETTING_BYTES / 2, &token))
        return false;
    while (token.len > 0 && strchr("\r\n ", token.data[token.len - 1]))
        token.len--;
    snprintf(value, sizeof value, "Bearer %.*s", (int)token.len, (const char *)token.data);
    cli_buffer_free(&token);
    bool fits = transfer_header(headers, "Authorization", value);
    if (!fits)
        cli_fail(verb, "%s: the token has more than one line", audit->token_file);
    return fits;
}

/* The endpoint confirms by naming the hash of what it received. */
static bool is_confirmed(const struct audit *audit, const struct transfer_answer *answer)
{
    json_t *json = answer->body.len > 0
                       ? json_loadb((const char *)answer->body.data, answer->body.len, 0, NULL)
                       : NULL;
    const char *hash = json_string_value(json_object_get(json, "sha256"));
    bool same = hash && strcmp(hash, audit->hex) == 0;
    json_decref(json);
    return same;
}

static int post(struct audit *audit, struct transfer *transfer, const struct curl_slist *headers)
{
    struct transfer_answer answer;
    char *record = json_dumps(audit->record, JSON_COMPACT);
    curl_mime *form = curl_mime_init(transfer->curl);
    curl_mimepart *first = form ? curl_mime_addpart(form) : NULL;
    curl_mimepart *second = first ? curl_mime_addpart(form) : NULL;
    bool made = record && second && !curl_mime_name(first, "record") &&
                !curl_mime_type(first, "application/json") &&
                !curl_mime_data(first, record, CURL_ZERO_TERMINATED) &&
                !curl_mime_name(second, "bundle") && !curl_mime_type(second, "application/zip") &&
                !curl_mime_filedata(second, audit->path) &&
                !curl_mime_filename(second, audit->name);
    int exit_code = CLI_GOOD;
    const struct transfer_request request = {
        .method = "POST", .url = audit->endpoint, .headers = headers, .form = form};
    if (!made)
        exit_code = cli_fail(verb, "no memory for the form");
    else
        transfer_perform(transfer, &request, &answer);
    bool stored = made && (answer.status == 200 || answer.status == 201);
    if (made && !stored)
        exit_code = transfer_fail(transfer, &answer, audit->endpoint);
    else if (stored && !is_confirmed(audit, &answer))
        exit_code = cli_fail(verb, "%s took it, but did not confirm the SHA-256 %s",
                             audit->endpoint, audit->hex);
    if (made)
        cli_buffer_free(&answer.body);
    curl_mime_free(form);
    free(record);
    return exit_code;
}

static int send_record(struct audit *audit)
{
    struct transfer transfer;
    struct curl_slist *headers = NULL;
    if (!transfer_open(&transfer, verb))
        return CLI_UNDECIDED;
    transfer.attempts = audit->attempts;
    int exit_code = add_token(audit, &headers) ? post(audit, &transfer, headers) : CLI_UNDECIDED;
    curl_slist_free_all(headers);
    transfer_close(&transfer);
    return exit_code;
}

/* ---- All of it ------------------------------------------------------------------------------ */

static void report(const struct audit *audit, bool sent)
{
    if (!audit->json) {
        printf("profile      schemas/audit.schema.json: %d warnings\n", audit->warnings);
        if (sent)
            printf("sent         %s\nto           %s\nsha256       %s, confirmed\n", audit->path,
                   audit->endpoint, audit->hex);
        return;
    }
    json_t *object = cli_json_object();
    cli_json_set(object, "record", json_incref(audit->record));
    cli_json_set(object, "warnings", json_incref(audit->warning_list));
    cli_json_text(object, "endpoint", audit->endpoint);
    cli_json_bool(object, "sent", sent);
    cli_json_print(object);
}

static int run(struct audit *audit, const char *configuration)
{
    int exit_code = read_configuration(audit, configuration);
    if (exit_code == CLI_GOOD)
        exit_code = load_bundle(audit);
    if (exit_code != CLI_GOOD)
        return exit_code;
    make_record(audit);
    exit_code = check_profile(audit);
    bool sent = false;
    if (exit_code == CLI_GOOD) {
        exit_code = send_record(audit);
        sent = exit_code == CLI_GOOD;
    }
    if (audit->warnings != 0 && !audit->json)
        cli_note(verb, "%d warnings: nothing was sent", audit->warnings);
    report(audit, sent);
    json_decref(audit->record);
    json_decref(audit->window);
    json_decref(audit->warning_list);
    return exit_code;
}

int bundle_audit_command(int argc, char **argv)
{
    struct audit audit = {.attempts = 5};
    const char *configuration = "/etc/postproof/upload.yaml";
    bool wanted = false;
    const struct cli_option options[] = {
        CLI_OPTION_FLAG("--sentinelops", &wanted, "check the audit profile, send to the endpoint"),
        CLI_OPTION("--config", CLI_TEXT, &configuration, "F",
                   "names the endpoint (default /etc/postproof/upload.yaml)"),
        CLI_OPTION_RANGE("--attempts", CLI_NUMBER, &audit.attempts, "N",
                         "tries to send (default 5)", 1, 20),
        CLI_OPTION_FLAG("--json", &audit.json, "the record and the report as JSON"),
        CLI_OPTION_END,
    };
    const struct cli_syntax syntax = {
        .verb = verb,
        .arguments = "F.zip",
        .summary =
            "Verifies a bundle, makes its audit record, checks that against the audit profile\n"
            "(schemas/audit.schema.json), names each warning, and with none of them sends\n"
            "record and bundle to the audit endpoint, which must confirm the hash.",
        .example = "postproof bundle audit evidence.zip --config upload.yaml",
        .arguments_min = 1,
        .arguments_max = 1,
        .options = options,
    };
    struct cli_arguments arguments;
    if (!cli_parse(&syntax, argc, argv, &arguments))
        return arguments.exit_code;
    audit.path = arguments.value[0];
    return run(&audit, configuration);
}

int bundle_uploader_command(int argc, char **argv)
{
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
        if (strcmp(argv[i], "--sentinelops") == 0)
            return bundle_audit_command(argc, argv);
    return bundle_upload_command(argc, argv);
}
