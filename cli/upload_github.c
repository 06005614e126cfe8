/* SPDX-License-Identifier: MIT */
/* A bundle to a GitHub release: docs.github.com, "REST API endpoints for release assets". */
#include "upload.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { NAME_BYTES = 256 };

struct github {
    struct upload *upload;
    const char *api, *token;
    char repository[NAME_BYTES], tag[NAME_BYTES]; /* owner/repo */
    struct curl_slist *headers;                   /* for JSON */
    json_t *release;
};

/* ---- Address -------------------------------------------------------------------------------- */

static bool parse_place(struct github *g)
{
    const char *place = g->upload->to + strlen("github:"), *at = strchr(place, '@');
    static const char allowed[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-/";
    size_t len = at ? (size_t)(at - place) : 0;
    const char *slash = at ? memchr(place, '/', len) : NULL;
    bool good = slash && slash > place && slash + 1 < at && len < NAME_BYTES &&
                strspn(place, allowed) == len &&
                !memchr(slash + 1, '/', (size_t)(at - slash) - 1) && at[1] &&
                transfer_escape(at + 1, false, g->tag, sizeof g->tag);
    if (good) {
        memcpy(g->repository, place, len);
        g->repository[len] = '\0';
        return true;
    }
    cli_fail(g->upload->transfer.verb, "%s: expected github:OWNER/REPO@TAG", g->upload->to);
    return false;
}

static bool make_headers(struct github *g, struct curl_slist **headers, const char *accept)
{
    char value[1024];
    int len = snprintf(value, sizeof value, "Bearer %s", g->token);
    return len > 0 && (size_t)len < sizeof value &&
           transfer_header(headers, "Authorization", value) &&
           transfer_header(headers, "Accept", accept) &&
           transfer_header(headers, "X-GitHub-Api-Version", "2022-11-28") &&
           transfer_header(headers, "Expect", "");
}

static bool prepare(struct github *g, struct upload *upload)
{
    const char *verb = upload->transfer.verb;
    const char *token = getenv("GITHUB_TOKEN"), *api = getenv("GITHUB_API_URL");
    g->upload = upload;
    g->token = token && *token ? token : getenv("GH_TOKEN");
    g->api = api && *api ? api : "https://api.github.com";
    if (!g->token || !*g->token) {
        cli_fail(verb, "set GITHUB_TOKEN in the environment (it needs the right contents: write)");
        return false;
    }
    if (!transfer_is_private(g->api)) {
        cli_fail(verb, "GITHUB_API_URL: the token would go over plain http; use https");
        return false;
    }
    if (!parse_place(g))
        return false;
    if (make_headers(g, &g->headers, "application/vnd.github+json"))
        return true;
    cli_fail(verb, "the token is too long, or holds a line end");
    return false;
}

/* ---- Release and assets --------------------------------------------------------------------- */

static int load_release(struct github *g)
{
    char url[UPLOAD_URL_BYTES];
    struct transfer_answer answer;
    snprintf(url, sizeof url, "%s/repos/%s/releases/tags/%s", g->api, g->repository, g->tag);
    const struct transfer_request get = {.method = "GET", .url = url, .headers = g->headers};
    transfer_perform(&g->upload->transfer, &get, &answer);
    json_decref(g->release);
    g->release = NULL;
    int exit_code = CLI_GOOD;
    if (answer.status == 404)
        exit_code = cli_fail(g->upload->transfer.verb,
                             "%s: there is no release with this tag, or "
                             "the token may not see it: make the release first",
                             g->upload->to);
    else if (answer.status != 200)
        exit_code = transfer_fail(&g->upload->transfer, &answer, g->upload->to);
    else
        g->release = json_loadb((const char *)answer.body.data, answer.body.len, 0, NULL);
    if (exit_code == CLI_GOOD && !json_string_value(json_object_get(g->release, "upload_url")))
        exit_code = cli_fail(g->upload->transfer.verb, "%s: the answer is no release", g->api);
    cli_buffer_free(&answer.body);
    return exit_code;
}

/* The asset of this name, or NULL. */
static json_t *find_asset(const struct github *g)
{
    size_t i;
    json_t *asset;
    json_array_foreach(json_object_get(g->release, "assets"), i, asset)
    {
        const char *name = json_string_value(json_object_get(asset, "name"));
        if (name && strcmp(name, g->upload->name) == 0)
            return asset;
    }
    return NULL;
}

static bool is_uploaded(const json_t *asset)
{
    const char *state = json_string_value(json_object_get(asset, "state"));
    return state && strcmp(state, "uploaded") == 0;
}

/* What an upload leaves that failed on the way: an asset of the state "starter". */
static int delete_asset(struct github *g, const json_t *asset)
{
    char url[UPLOAD_URL_BYTES];
    struct transfer_answer answer;
    snprintf(url, sizeof url, "%s/repos/%s/releases/assets/%" JSON_INTEGER_FORMAT, g->api,
             g->repository, json_integer_value(json_object_get(asset, "id")));
    const struct transfer_request request = {.method = "DELETE", .url = url, .headers = g->headers};
    transfer_perform(&g->upload->transfer, &request, &answer);
    int exit_code = answer.status == 204 || answer.status == 404
                        ? CLI_GOOD
                        : transfer_fail(&g->upload->transfer, &answer,
                                        "what a failed upload left can't be deleted");
    cli_buffer_free(&answer.body);
    return exit_code;
}

/* "https://uploads.github.com/.../assets{?name,label}" with the name. */
static bool upload_url(const struct github *g, char *url, size_t cap)
{
    const char *pattern = json_string_value(json_object_get(g->release, "upload_url"));
    char name[3 * NAME_BYTES];
    int len = transfer_escape(g->upload->name, false, name, sizeof name)
                  ? snprintf(url, cap, "%.*s?name=%s", (int)strcspn(pattern, "{"), pattern, name)
                  : -1;
    if (len > 0 && (size_t)len < cap && transfer_is_private(url))
        return true;
    cli_fail(g->upload->transfer.verb, "the release names a place for uploads that can't be used");
    return false;
}

/* One POST; *status tells the caller what became of it. */
static int post_asset(struct github *g, struct transfer_answer *answer)
{
    char url[UPLOAD_URL_BYTES];
    struct curl_slist *headers = NULL;
    *answer = (struct transfer_answer){0};
    if (!upload_url(g, url, sizeof url))
        return CLI_UNDECIDED;
    if (!make_headers(g, &headers, "application/vnd.github+json") ||
        !transfer_header(&headers, "Content-Type", "application/zip")) {
        curl_slist_free_all(headers);
        return cli_fail(g->upload->transfer.verb, "no memory");
    }
    const struct transfer_request post = {.method = "POST",
                                          .url = url,
                                          .headers = headers,
                                          .file = g->upload->file,
                                          .bytes = g->upload->bytes,
                                          .once = true};
    g->upload->transfer.step = "sending";
    transfer_perform(&g->upload->transfer, &post, answer);
    curl_slist_free_all(headers);
    return CLI_GOOD;
}

/* ---- Reading back --------------------------------------------------------------------------- */

static int compare_asset(struct github *g, const json_t *asset)
{
    char url[UPLOAD_URL_BYTES];
    struct curl_slist *headers = NULL;
    const char *page = json_string_value(json_object_get(asset, "browser_download_url"));
    snprintf(url, sizeof url, "%s/repos/%s/releases/assets/%" JSON_INTEGER_FORMAT, g->api,
             g->repository, json_integer_value(json_object_get(asset, "id")));
    if (!make_headers(g, &headers, "application/octet-stream")) {
        curl_slist_free_all(headers);
        return cli_fail(g->upload->transfer.verb, "no memory");
    }
    const struct transfer_request get = {
        .method = "GET", .url = url, .headers = headers, .hash_answer = true, .follow = true};
    int exit_code = upload_compare(g->upload, &get);
    curl_slist_free_all(headers);
    snprintf(g->upload->url, sizeof g->upload->url, "%s", page ? page : url);
    return exit_code;
}

/* ---- All of it ------------------------------------------------------------------------------ */

/* One round: looks what is there, then sends.  *again: the server failed, look anew. */
static int send_once(struct github *g, bool last, bool *again)
{
    struct transfer_answer answer;
    *again = false;
    int exit_code = load_release(g);
    json_t *asset = exit_code == CLI_GOOD ? find_asset(g) : NULL;
    if (asset && is_uploaded(asset)) {
        g->upload->was_there = true;
        return compare_asset(g, asset);
    }
    if (exit_code == CLI_GOOD && asset)
        exit_code = delete_asset(g, asset);
    if (exit_code == CLI_GOOD)
        exit_code = post_asset(g, &answer);
    if (exit_code != CLI_GOOD)
        return exit_code;
    json_t *made = answer.status == 201
                       ? json_loadb((const char *)answer.body.data, answer.body.len, 0, NULL)
                       : NULL;
    *again = !last && (answer.status == 0 || answer.status == 422 || answer.status >= 500);
    if (made)
        exit_code = compare_asset(g, made);
    else if (*again)
        cli_note(g->upload->transfer.verb, "status %ld; looking what is there", answer.status);
    else
        exit_code = transfer_fail(&g->upload->transfer, &answer, g->upload->to);
    json_decref(made);
    cli_buffer_free(&answer.body);
    return exit_code;
}

int upload_to_github(struct upload *upload)
{
    struct github g = {0};
    int exit_code = prepare(&g, upload) ? CLI_GOOD : CLI_UNDECIDED;
    bool again = exit_code == CLI_GOOD;
    for (uint64_t round = 1; again; round++)
        exit_code = send_once(&g, round >= upload->transfer.attempts, &again);
    if (exit_code == CLI_BAD)
        cli_note(upload->transfer.verb,
                 "the release has another file named %s: rename yours, or "
                 "delete that one",
                 upload->name);
    json_decref(g.release);
    curl_slist_free_all(g.headers);
    return exit_code;
}
