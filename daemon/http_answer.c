/* SPDX-License-Identifier: MIT */
/* What an HTTP client gets: limit checks, problems (RFC 9457), health and metrics. */
#include "server.h"

#include <stdlib.h>
#include <string.h>

static const char quota_type[] = "https://iana.org/assignments/http-problem-types#quota-exceeded";
static const char capacity_type[] =
    "https://iana.org/assignments/http-problem-types#temporary-reduced-capacity";

static const char *reason_of(int status)
{
    static const struct {
        int status;
        const char *reason;
    } reasons[] = {{200, "OK"},
                   {204, "No Content"},
                   {400, "Bad Request"},
                   {403, "Forbidden"},
                   {404, "Not Found"},
                   {405, "Method Not Allowed"},
                   {413, "Content Too Large"},
                   {417, "Expectation Failed"},
                   {429, "Too Many Requests"},
                   {431, "Request Header Fields Too Large"},
                   {500, "Internal Server Error"},
                   {501, "Not Implemented"},
                   {503, "Service Unavailable"},
                   {505, "HTTP Version Not Supported"}};
    for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++)
        if (reasons[i].status == status)
            return reasons[i].reason;
    return "Unknown";
}

static void begin(struct serve_worker *worker, int status)
{
    struct serve_out *out = &worker->out;
    serve_put_text(out, "HTTP/1.1 ");
    serve_put_number(out, (uint64_t)status);
    serve_put_text(out, " ");
    serve_put_text(out, reason_of(status));
    serve_put_text(out, "\r\n");
    serve_put_text(out, worker->date);
}

static void end(struct serve_worker *worker, const struct http_request *request, const char *type,
                struct pp_bytes body)
{
    struct serve_out *out = &worker->out;
    if (request->close)
        serve_put_text(out, "Connection: close\r\n");
    if (type != NULL) {
        serve_put_text(out, "Content-Type: ");
        serve_put_text(out, type);
        serve_put_text(out, "\r\n");
    }
    serve_put_text(out, "Content-Length: ");
    serve_put_number(out, body.len);
    serve_put_text(out, "\r\n\r\n");
    if (request->method != HTTP_HEAD)
        serve_put(out, body.data, body.len);
}

/* ---- Problems ---- */

/* The beginning of a problem object; title and detail are texts of this program. */
static void put_problem(struct serve_out *out, int status, const char *type, const char *detail)
{
    serve_put_text(out, "{\"type\":\"");
    serve_put_text(out, type);
    serve_put_text(out, "\",\"title\":\"");
    serve_put_text(out, reason_of(status));
    serve_put_text(out, "\",\"status\":");
    serve_put_number(out, (uint64_t)status);
    serve_put_text(out, ",\"detail\":\"");
    serve_put_text(out, detail);
    serve_put_text(out, "\"");
}

static bool problem(struct serve_worker *worker, const struct http_request *request, int status,
                    const char *detail)
{
    char text[512];
    struct serve_out body = {text, 0, sizeof text, false};
    put_problem(&body, status, "about:blank", detail);
    serve_put_text(&body, "}\n");
    begin(worker, status);
    if (status == 405)
        serve_put_text(&worker->out, "Allow: GET, POST\r\n");
    end(worker, request, "application/problem+json",
        (struct pp_bytes){(const uint8_t *)text, body.len});
    return !request->close;
}

void serve_answer_http_error(struct serve_worker *worker, int status, const char *error)
{
    struct http_request request = {.close = true};
    problem(worker, &request, status, error);
}

/* ---- A check ---- */

struct check {
    struct serve_rule *rules[SERVE_TOGETHER_MAX];
    struct serve_decision decisions[SERVE_TOGETHER_MAX];
    size_t count;
    struct pp_bytes key;
    uint64_t weight;
    bool auth;         /* answers for nginx auth_request */
    bool has_weight;   /* weight= was there */
    int status;        /* 0, or why it is refused */
    const char *error; /* and in words */
    size_t values;     /* bytes of worker->values in use */
};

static bool refuse(struct check *check, int status, const char *error)
{
    check->status = status;
    check->error = error;
    return false;
}

static bool take_rule(struct serve_worker *worker, struct check *check, struct pp_bytes value)
{
    struct serve_rule *rule = serve_rules_find(&worker->serve->rules, value);
    if (rule == NULL)
        return refuse(check, 404, "there is no rule of that name");
    for (size_t i = 0; i < check->count; i++)
        if (check->rules[i] == rule)
            return refuse(check, 400, "a rule is named twice");
    if (check->count == SERVE_TOGETHER_MAX)
        return refuse(check, 400, "more than 8 rules are named");
    check->rules[check->count++] = rule;
    return true;
}

static bool take_parameter(struct serve_worker *worker, struct check *check, struct pp_bytes name,
                           struct pp_bytes value)
{
    if (serve_is(name, "rule"))
        return take_rule(worker, check, value);
    if (serve_is(name, "key")) {
        if (check->key.len != 0)
            return refuse(check, 400, "there is more than one key");
        if (value.len == 0 || value.len > 65536)
            return refuse(check, 400, "the key is empty or longer than 65536 bytes");
        check->key = value;
        return true;
    }
    if (serve_is(name, "weight")) {
        bool good = !check->has_weight && serve_parse_number(value, UINT32_MAX, &check->weight);
        check->has_weight = true;
        return (good && check->weight != 0) ||
               refuse(check, 400, "the weight is not one number from 1 to 4294967295");
    }
    if (serve_is(name, "mode")) {
        check->auth = true;
        return serve_is(value, "auth_request") ||
               refuse(check, 400, "the only mode is auth_request");
    }
    return refuse(check, 400, "the parameters are rule, key, weight and mode");
}

/* name=value&name=value, from the query or the body of a form. */
static bool take_parameters(struct serve_worker *worker, struct check *check, struct pp_bytes text)
{
    while (text.len != 0) {
        const uint8_t *and = memchr(text.data, '&', text.len);
        size_t len = and == NULL ? text.len : (size_t)(and-text.data);
        struct pp_bytes item = {text.data, len};
        size_t skip = and == NULL ? len : len + 1;
        text = (struct pp_bytes){text.data + skip, text.len - skip};
        if (item.len == 0)
            continue;
        const uint8_t *is = memchr(item.data, '=', item.len);
        if (is == NULL)
            return refuse(check, 400, "a parameter has no value");
        struct pp_bytes name = {item.data, (size_t)(is - item.data)};
        size_t value_len = item.len - name.len - 1;
        uint8_t *value = worker->values + check->values;
        memcpy(value, is + 1, value_len);
        if (!serve_unescape(value, &value_len))
            return refuse(check, 400, "a % is not followed by two hex digits");
        check->values += value_len;
        if (!take_parameter(worker, check, name, (struct pp_bytes){value, value_len}))
            return false;
    }
    return true;
}

static void put_name(struct serve_out *out, const struct serve_rule *rule, bool first)
{
    serve_put_text(out, first ? "\"" : ", \"");
    serve_put_text(out, rule->config.name);
    serve_put_text(out, "\"");
}

static void put_headers(struct serve_out *out, const struct check *check)
{
    bool shadows = false;
    serve_put_text(out, "RateLimit-Policy: ");
    for (size_t i = 0; i < check->count; i++) {
        put_name(out, check->rules[i], i == 0);
        serve_put_text(out, ";q=");
        serve_put_number(out, check->decisions[i].limit);
        serve_put_text(out, ";w=");
        serve_put_number(out, serve_seconds(check->decisions[i].window_ns));
        shadows = shadows || check->rules[i]->config.shadow;
    }
    serve_put_text(out, "\r\nRateLimit: ");
    for (size_t i = 0; i < check->count; i++) {
        put_name(out, check->rules[i], i == 0);
        serve_put_text(out, ";r=");
        serve_put_number(out, check->decisions[i].remaining);
        serve_put_text(out, ";t=");
        serve_put_number(out, serve_seconds(check->decisions[i].reset_ns));
    }
    serve_put_text(out, "\r\n");
    if (!shadows)
        return;
    serve_put_text(out, "PostProof-Shadow: ");
    for (size_t i = 0, n = 0; i < check->count; i++) {
        if (!check->rules[i]->config.shadow)
            continue;
        put_name(out, check->rules[i], n++ == 0);
        bool admits = check->decisions[i].verdict == PP_LIMITER_ADMIT;
        serve_put_text(out, admits ? ";verdict=admit" : ";verdict=deny");
    }
    serve_put_text(out, "\r\n");
}

/* The longest wait of the rules that stand against it, in seconds and never 0. */
static uint64_t retry_after(const struct check *check)
{
    uint64_t longest = 1;
    for (size_t i = 0; i < check->count; i++) {
        const struct serve_decision *decision = &check->decisions[i];
        if (check->rules[i]->config.shadow || decision->retry_ns == PP_LIMITER_NEVER)
            continue;
        uint64_t seconds = serve_seconds(decision->retry_ns);
        longest = seconds > longest ? seconds : longest;
    }
    return longest;
}

/* 429 when a limit is used up, 400 when the weight never fits, 503 when the limiter can't tell. */
static int denial_status(const struct check *check)
{
    int status = 503;
    for (size_t i = 0; i < check->count; i++) {
        if (check->rules[i]->config.shadow)
            continue;
        if (check->decisions[i].verdict == PP_LIMITER_IMPOSSIBLE)
            return 400;
        if (check->decisions[i].verdict == PP_LIMITER_DENY)
            status = 429;
    }
    return status;
}

static const char *denial_text(int status)
{
    if (status == 429)
        return "the limit of a rule is used up";
    if (status == 400)
        return "the weight is more than a rule's limit";
    return "the limiter has no memory left, or waits for a window after a restart";
}

static void deny(struct serve_worker *worker, const struct http_request *request,
                 const struct check *check)
{
    char text[SERVE_TOGETHER_MAX * SERVE_NAME_BYTES + 512];
    struct serve_out body = {text, 0, sizeof text, false};
    int reason = denial_status(check), status = check->auth ? 403 : reason;
    const char *type = reason == 429 ? quota_type : reason == 503 ? capacity_type : "about:blank";
    put_problem(&body, status, type, denial_text(reason));
    serve_put_text(&body, ",\"violated-policies\":[");
    for (size_t i = 0, n = 0; i < check->count; i++) {
        if (check->rules[i]->config.shadow || check->decisions[i].verdict == PP_LIMITER_ADMIT)
            continue;
        serve_put_text(&body, n++ == 0 ? "" : ",");
        put_name(&body, check->rules[i], true);
    }
    serve_put_text(&body, "]}\n");
    begin(worker, status);
    put_headers(&worker->out, check);
    if (reason != 400) {
        serve_put_text(&worker->out, "Retry-After: ");
        serve_put_number(&worker->out, retry_after(check));
        serve_put_text(&worker->out, "\r\n");
    }
    end(worker, request, "application/problem+json",
        (struct pp_bytes){(const uint8_t *)text, body.len});
}

static void admit(struct serve_worker *worker, const struct http_request *request,
                  const struct check *check)
{
    begin(worker, check->auth ? 204 : 200);
    put_headers(&worker->out, check);
    if (!check->auth) {
        end(worker, request, NULL, (struct pp_bytes){NULL, 0});
        return;
    }
    serve_put_text(&worker->out, request->close ? "Connection: close\r\n\r\n" : "\r\n");
}

static bool answer_check(struct serve_worker *worker, const struct http_request *request, bool auth)
{
    struct check check = {.weight = 1, .auth = auth};
    if (request->method != HTTP_GET && request->method != HTTP_POST)
        return problem(worker, request, 405, "a check is GET or POST");
    if (!take_parameters(worker, &check, request->query) ||
        !take_parameters(worker, &check, request->body))
        return problem(worker, request, check.status, check.error);
    if (check.count == 0 || check.key.len == 0)
        return problem(worker, request, 400, "rule and key are required");
    for (size_t i = 0; i < check.count; i++)
        if (!serve_rule_takes(check.rules[i], check.key))
            return problem(worker, request, 400,
                           "a rule's keys are IP addresses, and this is none");
    if (serve_rules_decide(&worker->serve->rules, check.rules, check.count, check.key, check.weight,
                           check.decisions))
        admit(worker, request, &check);
    else
        deny(worker, request, &check);
    return !request->close;
}

/* ---- Others ---- */

static bool answer_metrics(struct serve_worker *worker, const struct http_request *request)
{
    struct serve_out body = {malloc(SERVE_METRICS_MAX), 0, SERVE_METRICS_MAX, false};
    if (body.data == NULL)
        return problem(worker, request, 503, "no memory is left");
    serve_put_metrics(worker->serve, &body);
    begin(worker, 200);
    end(worker, request, "text/plain; version=0.0.4; charset=utf-8",
        (struct pp_bytes){(const uint8_t *)body.data, body.len});
    free(body.data);
    return !request->close;
}

static bool answer_health(struct serve_worker *worker, const struct http_request *request)
{
    begin(worker, 200);
    end(worker, request, "text/plain; charset=utf-8", pp_bytes_of("ok\n"));
    return !request->close;
}

bool serve_answer_http(struct serve_worker *worker, const struct http_request *request)
{
    serve_count(&worker->counters.requests[SERVE_HTTP]);
    if (serve_is(request->path, "/v1/limit/check"))
        return answer_check(worker, request, false);
    if (serve_is(request->path, "/v1/limit/auth"))
        return answer_check(worker, request, true);
    if (request->method != HTTP_GET && request->method != HTTP_HEAD)
        return problem(worker, request, 405, "this is read with GET");
    if (serve_is(request->path, "/metrics"))
        return answer_metrics(worker, request);
    if (serve_is(request->path, "/healthz"))
        return answer_health(worker, request);
    return problem(worker, request, 404,
                   "there are /v1/limit/check, /v1/limit/auth, /metrics "
                   "and /healthz");
}
