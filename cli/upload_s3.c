/* SPDX-License-Identifier: MIT */
/* A bundle to an S3 bucket: one PUT, or parts that can be resumed; AWS Signature Version 4 by
   libcurl.  Amazon's "Amazon S3 API Reference": PutObject, CreateMultipartUpload, UploadPart,
   CompleteMultipartUpload. */
#include "upload.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "../src/base/base.h"
#include "upload_parts.h"

enum { QUERY_BYTES = 1536 };

/* One bucket as this upload sees it. */
struct s3 {
    struct upload *upload;
    char sigv4[128];
    const char *key, *secret, *session_token;
    char what[UPLOAD_URL_BYTES]; /* for messages */
};

static const char *setting(const char *given, const char *first, const char *second)
{
    const char *value = given ? given : getenv(first);
    if (!value || !*value)
        value = second ? getenv(second) : NULL;
    return value && *value ? value : NULL;
}

/* ---- Address and credentials ---------------------------------------------------------------- */

static bool make_url(struct upload *upload, const char *region)
{
    char bucket[256], key[UPLOAD_URL_BYTES / 2];
    const char *name = upload->to + strlen("s3://"), *slash = strchr(name, '/');
    const char *verb = upload->transfer.verb;
    const char *endpoint = setting(upload->endpoint, "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL");
    size_t bucket_len = slash ? (size_t)(slash - name) : 0;
    if (bucket_len == 0 || bucket_len >= sizeof bucket || !slash[1]) {
        cli_fail(verb, "%s: expected s3://BUCKET/KEY", upload->to);
        return false;
    }
    memcpy(bucket, name, bucket_len);
    bucket[bucket_len] = '\0';
    /* A key that ends with / names a folder, as it does for the tools of AWS. */
    char whole[UPLOAD_URL_BYTES / 8];
    int len = snprintf(whole, sizeof whole, "%s%s", slash + 1,
                       slash[strlen(slash) - 1] == '/' ? upload->name : "");
    bool fits = len > 0 && (size_t)len < sizeof whole &&
                strspn(bucket, "abcdefghijklmnopqrstuvwxyz0123456789.-") == bucket_len &&
                transfer_escape(whole, true, key, sizeof key);
    if (!fits) {
        cli_fail(verb, "%s: the bucket or key has a form that S3 does not take", upload->to);
        return false;
    }
    if (endpoint)
        len = snprintf(upload->url, sizeof upload->url, "%.*s/%s/%s",
                       (int)(strlen(endpoint) - (endpoint[strlen(endpoint) - 1] == '/')), endpoint,
                       bucket, key);
    else
        len = snprintf(upload->url, sizeof upload->url, "https://%s.s3.%s.amazonaws.com/%s", bucket,
                       region, key);
    fits = len > 0 && (size_t)len < sizeof upload->url && transfer_is_private(upload->url);
    if (!fits)
        cli_fail(verb, "%s: the endpoint must be https (plain http only on this machine)",
                 endpoint ? endpoint : upload->to);
    return fits;
}

static bool prepare(struct s3 *s3, struct upload *upload)
{
    const char *verb = upload->transfer.verb;
    const char *region = setting(upload->region, "AWS_REGION", "AWS_DEFAULT_REGION");
    s3->upload = upload;
    s3->key = setting(NULL, "AWS_ACCESS_KEY_ID", NULL);
    s3->secret = setting(NULL, "AWS_SECRET_ACCESS_KEY", NULL);
    s3->session_token = setting(NULL, "AWS_SESSION_TOKEN", NULL);
    if (!s3->key || !s3->secret) {
        cli_fail(verb, "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the environment");
        return false;
    }
    if (!region)
        region = "us-east-1";
    int len = snprintf(s3->sigv4, sizeof s3->sigv4, "aws:amz:%s:s3", region);
    if (len < 0 || (size_t)len >= sizeof s3->sigv4) {
        cli_fail(verb, "the name of the region is too long");
        return false;
    }
    snprintf(s3->what, sizeof s3->what, "%s", upload->to);
    return make_url(upload, region);
}

/* ---- Requests ------------------------------------------------------------------------------- */

/* Signs and performs a request to the object with this query; body_hash: SHA-256 of the body. */
static bool perform(struct s3 *s3, struct transfer_request *request, const char *query,
                    const char *body_hash, struct transfer_answer *answer)
{
    char url[UPLOAD_URL_BYTES + QUERY_BYTES];
    struct curl_slist *headers = NULL;
    snprintf(url, sizeof url, "%s%s%s", s3->upload->url, *query ? "?" : "", query);
    bool fits = transfer_header(&headers, "x-amz-content-sha256", body_hash);
    if (fits && s3->session_token)
        fits = transfer_header(&headers, "x-amz-security-token", s3->session_token);
    if (fits && (strcmp(request->method, "PUT") == 0 || strcmp(query, "uploads=") == 0))
        fits = transfer_header(&headers, "Content-Type", "application/zip");
    if (fits && (strcmp(query, "") == 0 || strcmp(query, "uploads=") == 0))
        fits = transfer_header(&headers, "x-amz-meta-sha256", s3->upload->hex);
    request->url = url;
    request->headers = headers;
    request->sigv4 = s3->sigv4;
    request->key = s3->key;
    request->secret = s3->secret;
    *answer = (struct transfer_answer){0};
    if (fits)
        transfer_perform(&s3->upload->transfer, request, answer);
    else
        snprintf(answer->why, sizeof answer->why, "the session token is too long");
    curl_slist_free_all(headers);
    return answer->status == 200;
}

static void hash_text(struct pp_bytes data, char out[2 * PP_DIGEST_BYTES + 1])
{
    struct pp_digest digest = pp_sha256(data);
    pp_hex_encode(digest.b, sizeof digest.b, out);
}

/* Ends a step: reports unless it went well. */
static int finish(struct s3 *s3, struct transfer_answer *answer, bool good)
{
    int exit_code = good ? CLI_GOOD : transfer_fail(&s3->upload->transfer, answer, s3->what);
    cli_buffer_free(&answer->body);
    return exit_code;
}

static int put_whole(struct s3 *s3)
{
    struct transfer_answer answer;
    struct transfer_request put = {
        .method = "PUT", .file = s3->upload->file, .bytes = s3->upload->bytes};
    bool good = perform(s3, &put, "", s3->upload->hex, &answer);
    return finish(s3, &answer, good);
}

/* ---- Parts ---------------------------------------------------------------------------------- */

static int start_parts(struct s3 *s3, struct upload_parts *parts)
{
    struct transfer_answer answer;
    char none[2 * PP_DIGEST_BYTES + 1];
    struct transfer_request post = {.method = "POST"};
    hash_text((struct pp_bytes){NULL, 0}, none);
    bool good = perform(s3, &post, "uploads=", none, &answer);
    if (good) {
        struct pp_bytes id = transfer_xml_value(cli_buffer_view(&answer.body), "UploadId");
        transfer_clean(id, parts->id, sizeof parts->id);
        if (id.len == 0 || id.len >= sizeof parts->id) {
            cli_buffer_free(&answer.body);
            return cli_fail(s3->upload->transfer.verb, "%s: the server gave no upload id",
                            s3->what);
        }
    }
    int exit_code = finish(s3, &answer, good);
    return exit_code == CLI_GOOD ? upload_parts_save(parts) : exit_code;
}

static bool part_query(const struct upload_parts *parts, uint64_t number, char *query, size_t cap)
{
    char id[3 * UPLOAD_ID_BYTES];
    if (!transfer_escape(parts->id, false, id, sizeof id))
        return false;
    int len = number == 0 ? snprintf(query, cap, "uploadId=%s", id)
                          : snprintf(query, cap, "partNumber=%" PRIu64 "&uploadId=%s", number, id);
    return len > 0 && (size_t)len < cap;
}

static int send_part(struct s3 *s3, struct upload_parts *parts, uint64_t number, bool *unknown)
{
    struct upload *upload = s3->upload;
    struct transfer_answer answer;
    uint64_t offset = (number - 1) * parts->part_bytes, left = upload->bytes - offset;
    struct transfer_request put = {.method = "PUT",
                                   .file = upload->file,
                                   .offset = offset,
                                   .bytes = left < parts->part_bytes ? left : parts->part_bytes};
    char query[QUERY_BYTES], hash[2 * PP_DIGEST_BYTES + 1], step[64];
    if (!part_query(parts, number, query, sizeof query) ||
        !upload_parts_hash(upload, offset, put.bytes, hash))
        return cli_fail(upload->transfer.verb, "%s can't be read", upload->path);
    snprintf(step, sizeof step, "part %" PRIu64 " of %" PRIu64, number, parts->count);
    upload->transfer.step = step;
    bool good = perform(s3, &put, query, hash, &answer);
    upload->transfer.step = "sending";
    *unknown = answer.status == 404;
    if (good)
        upload_parts_done(parts, number, answer.etag);
    if (*unknown) {
        cli_buffer_free(&answer.body);
        return CLI_UNDECIDED;
    }
    int exit_code = finish(s3, &answer, good);
    return exit_code == CLI_GOOD ? upload_parts_save(parts) : exit_code;
}

/* The server answers 200 at once and may report a failure in the body. */
static int complete(struct s3 *s3, struct upload_parts *parts)
{
    struct transfer_answer answer;
    struct cli_buffer list = {0};
    char query[QUERY_BYTES], hash[2 * PP_DIGEST_BYTES + 1];
    if (!upload_parts_list(parts, &list) || !part_query(parts, 0, query, sizeof query))
        return cli_fail(s3->upload->transfer.verb, "the list of the parts can't be made");
    struct transfer_request post = {.method = "POST", .memory = list.data, .bytes = list.len};
    hash_text(cli_buffer_view(&list), hash);
    bool good = perform(s3, &post, query, hash, &answer) &&
                transfer_xml_value(cli_buffer_view(&answer.body), "Code").len == 0;
    cli_buffer_free(&list);
    return finish(s3, &answer, good);
}

static int send_parts(struct s3 *s3, struct upload_parts *parts)
{
    struct upload *upload = s3->upload;
    int exit_code = parts->id[0] ? CLI_GOOD : start_parts(s3, parts);
    for (uint64_t number = 1; number <= parts->count && exit_code == CLI_GOOD; number++) {
        bool unknown = false;
        if (upload_parts_has(parts, number)) {
            upload->parts_resumed++;
            continue;
        }
        exit_code = send_part(s3, parts, number, &unknown);
        if (!unknown)
            continue;
        /* The server has forgotten the upload: all parts anew, once. */
        if (upload->parts_resumed == 0)
            return cli_fail(upload->transfer.verb, "%s: the server forgot the upload", s3->what);
        cli_note(upload->transfer.verb, "the server forgot the upload begun before: starting anew");
        upload_parts_restart(parts);
        upload->parts_resumed = 0;
        exit_code = start_parts(s3, parts);
        number = 0;
    }
    return exit_code == CLI_GOOD ? complete(s3, parts) : exit_code;
}

static int put_parts(struct s3 *s3)
{
    struct upload *upload = s3->upload;
    struct upload_parts parts;
    if (!upload_parts_open(&parts, upload))
        return CLI_UNDECIDED;
    upload->parts = parts.count;
    int exit_code = send_parts(s3, &parts);
    if (exit_code == CLI_GOOD)
        upload_parts_remove(&parts);
    else
        cli_note(upload->transfer.verb,
                 "%" PRIu64 " of %" PRIu64 " parts are there: the same "
                 "command goes on with the others",
                 upload_parts_count_done(&parts), parts.count);
    upload_parts_close(&parts);
    return exit_code;
}

/* ---- All of it ------------------------------------------------------------------------------ */

/* Length and hash as the server tells them, and then all bytes. */
static int read_back(struct s3 *s3)
{
    struct transfer_answer answer;
    char none[2 * PP_DIGEST_BYTES + 1];
    struct transfer_request get = {.method = "GET", .hash_answer = true};
    struct upload *upload = s3->upload;
    hash_text((struct pp_bytes){NULL, 0}, none);
    upload->transfer.step = "reading back";
    bool good = perform(s3, &get, "", none, &answer);
    if (!good)
        return finish(s3, &answer, false);
    bool same = answer.body_bytes == upload->bytes &&
                pp_digest_equal(&answer.digest, &upload->digest) &&
                (!answer.stored_hash[0] || strcmp(answer.stored_hash, upload->hex) == 0);
    uint64_t bytes = answer.body_bytes;
    cli_buffer_free(&answer.body);
    if (same)
        return CLI_GOOD;
    cli_note(upload->transfer.verb,
             "%s: what is there now is another file: %" PRIu64 " bytes; sent were %" PRIu64
             " with SHA-256 %s",
             upload->to, bytes, upload->bytes, upload->hex);
    return CLI_BAD;
}

int upload_to_s3(struct upload *upload)
{
    struct s3 s3 = {0};
    if (!prepare(&s3, upload))
        return CLI_UNDECIDED;
    int exit_code = upload->bytes > upload->part_bytes ? put_parts(&s3) : put_whole(&s3);
    return exit_code == CLI_GOOD ? read_back(&s3) : exit_code;
}
