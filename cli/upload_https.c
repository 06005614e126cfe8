/* SPDX-License-Identifier: MIT */
/* A bundle to an HTTPS server: PUT, then GET. */
#include "upload.h"

#include <stdlib.h>
#include <string.h>

static bool add_headers(const struct upload *upload, struct curl_slist **headers)
{
    const char *token = getenv("POSTPROOF_UPLOAD_TOKEN");
    char value[1024];
    if (token && snprintf(value, sizeof value, "Bearer %s", token) >= (int)sizeof value)
        return false;
    return (!token || transfer_header(headers, "Authorization", value)) &&
           transfer_header(headers, "Content-Type", "application/zip") &&
           transfer_header(headers, "X-Content-SHA256", upload->hex) &&
           transfer_header(headers, "Expect", "");
}

static int send_file(struct upload *upload, const struct curl_slist *headers)
{
    struct transfer_answer answer;
    const struct transfer_request put = {.method = "PUT",
                                         .url = upload->url,
                                         .headers = headers,
                                         .file = upload->file,
                                         .bytes = upload->bytes};
    transfer_perform(&upload->transfer, &put, &answer);
    bool stored = answer.status >= 200 && answer.status < 300;
    int exit_code = stored ? CLI_GOOD : transfer_fail(&upload->transfer, &answer, upload->to);
    cli_buffer_free(&answer.body);
    return exit_code;
}

int upload_to_https(struct upload *upload)
{
    const char *verb = upload->transfer.verb;
    struct curl_slist *headers = NULL;
    if (!transfer_is_private(upload->to))
        return cli_fail(verb, "%s: plain http is for this machine only; use https", upload->to);
    if (strlen(upload->to) >= sizeof upload->url || strchr(upload->to + 8, '/') == NULL)
        return cli_fail(verb, "%s: name a file on the server: https://HOST/PATH", upload->to);
    strcpy(upload->url, upload->to);
    int exit_code = add_headers(upload, &headers) ? send_file(upload, headers)
                                                  : cli_fail(verb, "the token is too long");
    const struct transfer_request get = {
        .method = "GET", .url = upload->url, .headers = headers, .hash_answer = true};
    if (exit_code == CLI_GOOD)
        exit_code = upload_compare(upload, &get);
    curl_slist_free_all(headers);
    return exit_code;
}
