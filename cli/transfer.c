/* SPDX-License-Identifier: MIT */
/* HTTP requests by libcurl: bodies, answers, retries. */
#include "transfer.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

enum {
    CONNECT_TIMEOUT_S = 15,
    FIRST_PAUSE_MS = 500,
    PAUSE_MS_MAX = 16000,
    RETRY_AFTER_S_MAX = 60,
    TIMEOUT_DEFAULT_S = 30,
    ATTEMPTS_DEFAULT = 5,
    REDIRECTS_MAX = 5
};
static const uint64_t second_ns = UINT64_C(1000000000);

/* One attempt: what libcurl's callbacks see. */
struct attempt {
    struct transfer *transfer;
    const struct transfer_request *request;
    struct transfer_answer *answer;
    struct pp_sha256_stream hash;
    uint64_t sent;
    bool too_long, read_failed;
};

bool transfer_open(struct transfer *transfer, const char *verb)
{
    *transfer = (struct transfer){.verb = verb,
                                  .attempts = ATTEMPTS_DEFAULT,
                                  .timeout_ns = TIMEOUT_DEFAULT_S * second_ns,
                                  .step = "sending"};
    cli_progress_init(&transfer->progress, true);
    if (curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK)
        transfer->curl = curl_easy_init();
    if (!transfer->curl)
        cli_fail(verb, "libcurl can't be started");
    return transfer->curl != NULL;
}

void transfer_close(struct transfer *transfer)
{
    cli_progress_clear(&transfer->progress);
    curl_easy_cleanup(transfer->curl);
    curl_global_cleanup();
}

/* ---- What libcurl calls --------------------------------------------------------------------- */

static size_t on_read(char *out, size_t size, size_t count, void *context)
{
    struct attempt *attempt = context;
    const struct transfer_request *request = attempt->request;
    size_t room = size * count, left = (size_t)(request->bytes - attempt->sent);
    size_t len = room < left ? room : left;
    if (request->memory) {
        memcpy(out, (const char *)request->memory + attempt->sent, len);
    } else if (len > 0 && fread(out, 1, len, request->file) != len) {
        attempt->read_failed = true;
        return CURL_READFUNC_ABORT;
    }
    attempt->sent += len;
    return len;
}

/* libcurl sends again from the start, after a redirect or a connection that was closed. */
static int on_seek(void *context, curl_off_t offset, int origin)
{
    struct attempt *attempt = context;
    const struct transfer_request *request = attempt->request;
    if (origin != SEEK_SET || offset < 0 || (uint64_t)offset > request->bytes)
        return CURL_SEEKFUNC_FAIL;
    attempt->sent = (uint64_t)offset;
    if (request->file && fseeko(request->file, (off_t)(request->offset + attempt->sent), SEEK_SET))
        return CURL_SEEKFUNC_FAIL;
    return CURL_SEEKFUNC_OK;
}

static size_t on_answer(char *data, size_t size, size_t count, void *context)
{
    struct attempt *attempt = context;
    struct transfer_answer *answer = attempt->answer;
    size_t len = size * count;
    answer->body_bytes += len;
    if (attempt->request->hash_answer)
        pp_sha256_update(&attempt->hash, (struct pp_bytes){(const uint8_t *)data, len});
    /* Of an answer that is hashed the start is kept, for it may tell of an error. */
    if (len > TRANSFER_ANSWER_BYTES_MAX - answer->body.len) {
        attempt->too_long = !attempt->request->hash_answer;
        return attempt->too_long ? 0 : len;
    }
    return cli_buffer_add(&answer->body, data, len) ? len : 0;
}

static bool header_is(struct pp_bytes line, const char *name, char out[TRANSFER_TAG_BYTES])
{
    size_t len = strlen(name);
    if (line.len <= len || line.data[len] != ':' ||
        strncasecmp((const char *)line.data, name, len) != 0)
        return false;
    struct pp_bytes value = {line.data + len + 1, line.len - len - 1};
    while (value.len > 0 && isspace(value.data[0]))
        value = (struct pp_bytes){value.data + 1, value.len - 1};
    while (value.len > 0 && isspace(value.data[value.len - 1]))
        value.len--;
    transfer_clean(value, out, TRANSFER_TAG_BYTES);
    return true;
}

static size_t on_header(char *data, size_t size, size_t count, void *context)
{
    struct attempt *attempt = context;
    struct pp_bytes line = {(const uint8_t *)data, size * count};
    char value[TRANSFER_TAG_BYTES];
    header_is(line, "etag", attempt->answer->etag);
    header_is(line, "x-amz-meta-sha256", attempt->answer->stored_hash);
    if (header_is(line, "retry-after", value))
        attempt->answer->retry_after_s = strtoull(value, NULL, 10);
    return line.len;
}

static int on_progress(void *context, curl_off_t down_all, curl_off_t down, curl_off_t up_all,
                       curl_off_t up)
{
    struct attempt *attempt = context;
    struct transfer *transfer = attempt->transfer;
    (void)down_all;
    if (!cli_progress_due(&transfer->progress, cli_monotonic_ns()))
        return 0;
    char done[CLI_VALUE_BYTES], all[CLI_VALUE_BYTES];
    cli_size_text((uint64_t)(up_all > 0 ? up : down), done);
    cli_size_text((uint64_t)up_all, all);
    cli_progress_show(&transfer->progress, up_all > 0 ? "%s %s of %s" : "%s %s", transfer->step,
                      done, all);
    return 0;
}

/* ---- One attempt ---------------------------------------------------------------------------- */

static void set_body(CURL *curl, const struct transfer_request *request)
{
    bool has_body = request->file || request->memory;
    bool is_head = strcmp(request->method, "HEAD") == 0;
    curl_easy_setopt(curl, CURLOPT_NOBODY, is_head ? 1L : 0L);
    if (request->form) {
        curl_easy_setopt(curl, CURLOPT_MIMEPOST, request->form);
    } else if (has_body) {
        curl_easy_setopt(curl, CURLOPT_UPLOAD, 1L);
        curl_easy_setopt(curl, CURLOPT_INFILESIZE_LARGE, (curl_off_t)request->bytes);
    } else if (strcmp(request->method, "POST") == 0) {
        curl_easy_setopt(curl, CURLOPT_POST, 1L);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, 0L);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, "");
    }
    if (!is_head)
        curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, request->method);
}

static void set_callbacks(CURL *curl, struct attempt *attempt)
{
    curl_easy_setopt(curl, CURLOPT_READFUNCTION, on_read);
    curl_easy_setopt(curl, CURLOPT_READDATA, attempt);
    curl_easy_setopt(curl, CURLOPT_SEEKFUNCTION, on_seek);
    curl_easy_setopt(curl, CURLOPT_SEEKDATA, attempt);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_answer);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, attempt);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, attempt);
    curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_progress);
    curl_easy_setopt(curl, CURLOPT_XFERINFODATA, attempt);
}

static void set_options(struct transfer *transfer, const struct transfer_request *request)
{
    CURL *curl = transfer->curl;
    curl_easy_reset(curl);
    curl_easy_setopt(curl, CURLOPT_URL, request->url);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_REDIR_PROTOCOLS_STR, "https");
    if (transfer_is_private(request->url) && strncmp(request->url, "http://", 7) == 0)
        curl_easy_setopt(curl, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, transfer->curl_error);
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "postproof/" PP_VERSION);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, request->headers);
    curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, request->follow ? 1L : 0L);
    curl_easy_setopt(curl, CURLOPT_MAXREDIRS, (long)REDIRECTS_MAX);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, (long)CONNECT_TIMEOUT_S);
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, (long)(transfer->timeout_ns / second_ns));
    if (request->sigv4) {
        curl_easy_setopt(curl, CURLOPT_AWS_SIGV4, request->sigv4);
        curl_easy_setopt(curl, CURLOPT_USERNAME, request->key);
        curl_easy_setopt(curl, CURLOPT_PASSWORD, request->secret);
    }
    set_body(curl, request);
}

static CURLcode attempt_once(struct attempt *attempt)
{
    struct transfer *transfer = attempt->transfer;
    struct transfer_answer *answer = attempt->answer;
    attempt->sent = 0;
    cli_buffer_free(&answer->body);
    *answer = (struct transfer_answer){0};
    transfer->curl_error[0] = '\0';
    pp_sha256_init(&attempt->hash);
    set_options(transfer, attempt->request);
    set_callbacks(transfer->curl, attempt);
    if (attempt->request->file && on_seek(attempt, 0, SEEK_SET) != CURL_SEEKFUNC_OK)
        attempt->read_failed = true;
    CURLcode code = attempt->read_failed ? CURLE_READ_ERROR : curl_easy_perform(transfer->curl);
    if (code == CURLE_OK)
        curl_easy_getinfo(transfer->curl, CURLINFO_RESPONSE_CODE, &answer->status);
    if (code == CURLE_OK && attempt->request->hash_answer)
        answer->digest = pp_sha256_final(&attempt->hash);
    if (code != CURLE_OK)
        snprintf(answer->why, sizeof answer->why, "%s",
                 attempt->read_failed      ? "the file can't be read, or became shorter meanwhile"
                 : attempt->too_long       ? "the answer is too long"
                 : transfer->curl_error[0] ? transfer->curl_error
                                           : curl_easy_strerror(code));
    return code;
}

/* ---- Retries -------------------------------------------------------------------------------- */

static bool is_passing_failure(CURLcode code)
{
    switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_CONNECT:
    case CURLE_OPERATION_TIMEDOUT:
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_GOT_NOTHING:
    case CURLE_PARTIAL_FILE:
    case CURLE_HTTP2:
    case CURLE_HTTP2_STREAM:
        return true;
    default:
        return false;
    }
}

static bool is_passing_status(long status)
{
    return status == 408 || status == 429 || status == 500 || status == 502 || status == 503 ||
           status == 504;
}

static void pause_ms(uint64_t ms)
{
    struct timespec pause = {.tv_sec = (time_t)(ms / 1000),
                             .tv_nsec = (long)(ms % 1000) * 1000000L};
    while (nanosleep(&pause, &pause) != 0)
        ;
}

static void wait_before_retry(const struct attempt *attempt, uint64_t failures)
{
    const struct transfer_answer *answer = attempt->answer;
    uint64_t ms = FIRST_PAUSE_MS;
    for (uint64_t i = 1; i < failures && ms < PAUSE_MS_MAX; i++)
        ms *= 2;
    if (answer->retry_after_s > 0 && answer->retry_after_s <= RETRY_AFTER_S_MAX)
        ms = answer->retry_after_s * 1000;
    cli_progress_clear(&attempt->transfer->progress);
    char status[32];
    snprintf(status, sizeof status, "status %ld", answer->status);
    cli_note(attempt->transfer->verb,
             "%s; trying again in %" PRIu64 ".%" PRIu64 " s (%" PRIu64 " of %" PRIu64
             " tries used)",
             answer->status ? status : answer->why, ms / 1000, ms / 100 % 10, failures,
             attempt->transfer->attempts);
    pause_ms(ms);
}

void transfer_perform(struct transfer *transfer, const struct transfer_request *request,
                      struct transfer_answer *answer)
{
    struct attempt attempt = {.transfer = transfer, .request = request, .answer = answer};
    *answer = (struct transfer_answer){0};
    for (uint64_t failures = 1;; failures++) {
        CURLcode code = attempt_once(&attempt);
        bool again = code == CURLE_OK ? is_passing_status(answer->status) && !request->once
                                      : is_passing_failure(code) && !request->once;
        if (!again || failures >= transfer->attempts)
            break;
        wait_before_retry(&attempt, failures);
    }
    cli_progress_clear(&transfer->progress);
}

/* ---- Errors and text ------------------------------------------------------------------------ */

void transfer_clean(struct pp_bytes text, char *out, size_t cap)
{
    size_t len = text.len < cap - 1 ? text.len : cap - 1;
    for (size_t i = 0; i < len; i++)
        out[i] = text.data[i] >= 0x20 && text.data[i] < 0x7f ? (char)text.data[i] : '?';
    out[len] = '\0';
}

static const char *status_text(long status)
{
    switch (status) {
    case 400:
        return "the server found the request wrong";
    case 401:
        return "the server does not know these credentials";
    case 403:
        return "refused: the key or its secret is wrong, or they may not write there";
    case 404:
        return "there is no such place; make it first";
    case 409:
        return "something else is there";
    case 413:
        return "too large for this server";
    case 422:
        return "the server can't take this";
    default:
        return status >= 500 ? "the server failed" : "an answer that was not expected";
    }
}

struct pp_bytes transfer_xml_value(struct pp_bytes xml, const char *name)
{
    char open[64], close[64];
    snprintf(open, sizeof open, "<%s>", name);
    snprintf(close, sizeof close, "</%s>", name);
    if (xml.len == 0)
        return (struct pp_bytes){NULL, 0};
    const uint8_t *start = memmem(xml.data, xml.len, open, strlen(open));
    if (!start)
        return (struct pp_bytes){NULL, 0};
    start += strlen(open);
    size_t left = xml.len - (size_t)(start - xml.data);
    const uint8_t *end = memmem(start, left, close, strlen(close));
    return end ? (struct pp_bytes){start, (size_t)(end - start)} : (struct pp_bytes){NULL, 0};
}

/* What the server says itself: S3's <Code>, or a JSON member "message". */
static void server_words(struct pp_bytes body, char *out, size_t cap)
{
    char code[80], message[200];
    transfer_clean(transfer_xml_value(body, "Code"), code, sizeof code);
    transfer_clean(transfer_xml_value(body, "Message"), message, sizeof message);
    out[0] = '\0';
    if (code[0] || message[0]) {
        snprintf(out, cap, "; it says: %s%s%s", code, code[0] && message[0] ? ": " : "", message);
        return;
    }
    json_t *json = body.len > 0 ? json_loadb((const char *)body.data, body.len, 0, NULL) : NULL;
    const char *text = json_string_value(json_object_get(json, "message"));
    if (text) {
        transfer_clean(pp_bytes_of(text), message, sizeof message);
        snprintf(out, cap, "; it says: %s", message);
    }
    json_decref(json);
}

int transfer_fail(const struct transfer *transfer, const struct transfer_answer *answer,
                  const char *what)
{
    char words[320];
    if (answer->status == 0)
        return cli_fail(transfer->verb, "%s: %s", what, answer->why);
    server_words(cli_buffer_view(&answer->body), words, sizeof words);
    return cli_fail(transfer->verb, "%s: status %ld: %s%s", what, answer->status,
                    status_text(answer->status), words);
}

bool transfer_escape(const char *text, bool is_path, char *out, size_t cap)
{
    size_t at = 0;
    for (const uint8_t *p = (const uint8_t *)text; *p; p++) {
        bool plain = (*p < 0x80 && isalnum(*p)) || strchr("-._~", *p) || (is_path && *p == '/');
        if (at + (plain ? 1 : 3) >= cap)
            return false;
        if (plain)
            out[at++] = (char)*p;
        else
            at += (size_t)snprintf(out + at, cap - at, "%%%02X", *p);
    }
    out[at] = '\0';
    return true;
}

bool transfer_header(struct curl_slist **headers, const char *name, const char *value)
{
    char line[2048];
    int len = snprintf(line, sizeof line, "%s: %s", name, value);
    if (len < 0 || (size_t)len >= sizeof line || strpbrk(value, "\r\n"))
        return false;
    struct curl_slist *more = curl_slist_append(*headers, line);
    if (more)
        *headers = more;
    return more != NULL;
}

bool transfer_is_private(const char *url)
{
    static const char *const here[] = {"http://127.0.0.1", "http://localhost", "http://[::1]"};
    if (strncmp(url, "https://", 8) == 0)
        return true;
    for (size_t i = 0; i < sizeof here / sizeof here[0]; i++) {
        size_t len = strlen(here[i]);
        if (strncmp(url, here[i], len) == 0 && strchr(":/", url[len]))
            return true;
    }
    return false;
}
