/* SPDX-License-Identifier: MIT */
/* postproof bundle upload: sends a bundle to S3, an HTTPS server or a GitHub release, and reads it
   back. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "../src/base/base.h"
#include "../src/os/os.h"
#include "../src/store/store.h"
#include "upload.h"

enum {
    PART_BYTES_DEFAULT = 16 << 20,
    PART_BYTES_MAX = 1 << 30,
    ATTEMPTS_MAX = 20,
    TIMEOUT_MAX_S = 3600
};

static const char verb[] = "bundle upload";

static const struct {
    const char *prefix;
    int (*run)(struct upload *upload);
} PLACES[] = {
    {"s3://", upload_to_s3},
    {"https://", upload_to_https},
    {"http://", upload_to_https},
    {"github:", upload_to_github},
};

int upload_compare(struct upload *upload, const struct transfer_request *request)
{
    struct transfer_answer answer;
    struct transfer *transfer = &upload->transfer;
    transfer->step = "reading back";
    transfer_perform(transfer, request, &answer);
    int exit_code = CLI_GOOD;
    if (answer.status != 200)
        exit_code = transfer_fail(transfer, &answer, "the bundle was sent and can't be read back");
    else if (answer.body_bytes != upload->bytes ||
             !pp_digest_equal(&answer.digest, &upload->digest))
        exit_code = CLI_BAD;
    if (exit_code == CLI_BAD)
        cli_note(transfer->verb,
                 "%s: what is there now is another file: %" PRIu64 " bytes, not %" PRIu64
                 " with SHA-256 %s",
                 upload->to, answer.body_bytes, upload->bytes, upload->hex);
    cli_buffer_free(&answer.body);
    return exit_code;
}

/* ---- The file ------------------------------------------------------------------------------- */

static bool open_file(struct upload *upload, const char *path)
{
    const char *slash = strrchr(path, '/');
    upload->path = path;
    upload->name = slash ? slash + 1 : path;
    int error = pp_file_hash(PP_OS_CWD, path, &upload->digest, &upload->bytes);
    upload->file = error < 0 ? NULL : fopen(path, "rb");
    if (!upload->file) {
        cli_fail(upload->transfer.verb, "%s: %s", path, strerror(error < 0 ? -error : errno));
        return false;
    }
    pp_hex_encode(upload->digest.b, PP_DIGEST_BYTES, upload->hex);
    uint8_t magic[4] = {0};
    if (fread(magic, 1, sizeof magic, upload->file) == sizeof magic && magic[0] == 'P' &&
        magic[1] == 'K')
        return true;
    cli_fail(upload->transfer.verb, "%s is no ZIP file: give a bundle", path);
    return false;
}

/* ---- The report ----------------------------------------------------------------------------- */

static void report(const struct upload *upload, bool json)
{
    char size[CLI_VALUE_BYTES];
    cli_size_text(upload->bytes, size);
    if (!json) {
        printf("uploaded     %s, %s\nto           %s\nsha256       %s\nread back    the same%s\n",
               upload->path, size, upload->url, upload->hex,
               upload->was_there ? "; it was there already" : "");
        return;
    }
    json_t *object = cli_json_object();
    cli_json_text(object, "file", upload->path);
    cli_json_text(object, "to", upload->to);
    cli_json_text(object, "url", upload->url);
    cli_json_number(object, "bytes", upload->bytes);
    cli_json_text(object, "sha256", upload->hex);
    cli_json_bool(object, "read_back", true);
    cli_json_bool(object, "was_there", upload->was_there);
    cli_json_number(object, "parts", upload->parts);
    cli_json_number(object, "parts_resumed", upload->parts_resumed);
    cli_json_print(object);
}

static int run(struct upload *upload, const char *path)
{
    for (size_t i = 0; i < sizeof PLACES / sizeof PLACES[0]; i++) {
        if (strncmp(upload->to, PLACES[i].prefix, strlen(PLACES[i].prefix)) != 0)
            continue;
        if (!open_file(upload, path))
            return CLI_UNDECIDED;
        return PLACES[i].run(upload);
    }
    return cli_fail(verb,
                    "--to %s: expected s3://BUCKET/KEY, https://HOST/PATH or "
                    "github:OWNER/REPO@TAG",
                    upload->to);
}

int bundle_upload_command(int argc, char **argv)
{
    struct upload upload = {.part_bytes = PART_BYTES_DEFAULT};
    uint64_t attempts = 5, timeout_ns = 30 * UINT64_C(1000000000);
    bool json = false;
    const struct cli_option options[] = {
        CLI_OPTION("--to", CLI_TEXT, &upload.to, "PLACE",
                   "s3://BUCKET/KEY, https://HOST/PATH or github:OWNER/REPO@TAG"),
        CLI_OPTION("--endpoint", CLI_TEXT, &upload.endpoint, "URL",
                   "of an S3 server other than Amazon's"),
        CLI_OPTION("--region", CLI_TEXT, &upload.region, "NAME", "of the S3 bucket"),
        CLI_OPTION_RANGE("--part-size", CLI_BYTES, &upload.part_bytes, "SIZE",
                         "larger files go to S3 in parts (default 16MiB)", UPLOAD_PART_BYTES_MIN,
                         PART_BYTES_MAX),
        CLI_OPTION_RANGE("--attempts", CLI_NUMBER, &attempts, "N",
                         "tries of each request (default 5)", 1, ATTEMPTS_MAX),
        CLI_OPTION_RANGE("--timeout", CLI_DURATION, &timeout_ns, "T",
                         "give up when no byte moves (default 30s)", UINT64_C(1000000000),
                         TIMEOUT_MAX_S * UINT64_C(1000000000)),
        CLI_OPTION_FLAG("--json", &json, "the report as JSON"),
        CLI_OPTION_END,
    };
    const struct cli_syntax syntax = {
        .verb = verb,
        .arguments = "F.zip",
        .summary =
            "Sends a bundle, reads it back and compares. Secrets come from the environment:\n"
            "AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN (also AWS_REGION,\n"
            "AWS_ENDPOINT_URL); GITHUB_TOKEN; POSTPROOF_UPLOAD_TOKEN for https.  An upload in\n"
            "parts that was interrupted goes on where it stopped (F.zip.upload).",
        .example = "postproof bundle upload evidence.zip --to s3://incidents/2041/evidence.zip",
        .arguments_min = 1,
        .arguments_max = 1,
        .options = options,
    };
    struct cli_arguments arguments;
    if (!cli_parse(&syntax, argc, argv, &arguments))
        return arguments.exit_code;
    if (!upload.to)
        return cli_fail(verb, "--to is missing: s3://BUCKET/KEY, https://HOST/PATH or "
                              "github:OWNER/REPO@TAG");
    if (!transfer_open(&upload.transfer, verb))
        return CLI_UNDECIDED;
    upload.transfer.attempts = attempts;
    upload.transfer.timeout_ns = timeout_ns;
    int exit_code = run(&upload, arguments.value[0]);
    if (exit_code == CLI_GOOD)
        report(&upload, json);
    if (upload.file)
        fclose(upload.file);
    transfer_close(&upload.transfer);
    return exit_code;
}
