/* SPDX-License-Identifier: MIT */
/* The lines that `postproof limit replay` reads. */
#include <string.h>
#include <time.h>

#include <postproof/limiter.h>

#include "limit.h"

/* The next word of the line, without the blanks around it; empty at the end. */
static struct pp_bytes next_word(struct pp_bytes *rest)
{
    size_t from = 0;
    while (from < rest->len && (rest->data[from] == ' ' || rest->data[from] == '\t'))
        from++;
    size_t to = from;
    while (to < rest->len && rest->data[to] != ' ' && rest->data[to] != '\t')
        to++;
    struct pp_bytes word = {rest->data + from, to - from};
    *rest = (struct pp_bytes){rest->data + to, rest->len - to};
    return word;
}

static bool is(struct pp_bytes word, const char *text)
{
    return word.len == strlen(text) && memcmp(word.data, text, word.len) == 0;
}

static bool parse_number(struct pp_bytes word, uint64_t *out)
{
    uint64_t value = 0;
    if (word.len == 0)
        return false;
    for (size_t i = 0; i < word.len; i++) {
        if (word.data[i] < '0' || word.data[i] > '9')
            return false;
        uint64_t digit = (uint64_t)(word.data[i] - '0');
        if (value > (UINT64_MAX - digit) / 10)
            return false;
        value = value * 10 + digit;
    }
    *out = value;
    return true;
}

const char *limit_parse_event(struct pp_bytes line, struct limit_request *request)
{
    struct pp_bytes time = next_word(&line), word;
    *request = (struct limit_request){.weight = 1};
    if (!parse_number(time, &request->time_ns) || request->time_ns > INT64_MAX)
        return "the first word is not a time in nanoseconds";
    request->key = next_word(&line);
    if (request->key.len == 0)
        return "there is no key behind the time";
    word = next_word(&line);
    if (parse_number(word, &request->weight)) {
        if (request->weight == 0 || request->weight > PP_WIDE_LIMIT_MAX)
            return "the weight is not 1 to 2147483647";
        word = next_word(&line);
    }
    if (is(word, "allow"))
        request->recorded = LIMIT_ALLOWED;
    else if (is(word, "deny"))
        request->recorded = LIMIT_DENIED;
    else if (word.len != 0)
        return "what follows the key is neither a weight nor allow or deny";
    return next_word(&line).len == 0 ? NULL : "the line goes on behind the decision";
}

/* What comes before the request, which begins with the first quote that is not escaped: a quote in
   the user's name is \x22 (nginx) or \" (Apache's mod_log_config), and Apache's word for a name
   without letters is "". */
static struct pp_bytes before_request(struct pp_bytes line)
{
    for (size_t i = 0; i < line.len; i++) {
        bool empty = line.data[i] == '"' && i + 1 < line.len && line.data[i + 1] == '"';
        if (line.data[i] == '"' && !empty)
            return (struct pp_bytes){line.data, i};
        if (line.data[i] == '\\' || empty)
            i++;
    }
    return line;
}

/* "[10/Oct/2000:13:55:36 -0700]" (Apache's mod_log_config, "%t"): the last bracket before the
   request, since a user's name may hold one, too. */
static bool parse_access_time(struct pp_bytes line, uint64_t *time_ns)
{
    char text[32];
    line = before_request(line);
    const uint8_t *open = line.len == 0 ? NULL : memrchr(line.data, '[', line.len);
    if (open == NULL)
        return false;
    size_t left = line.len - (size_t)(open + 1 - line.data);
    const uint8_t *end = memchr(open + 1, ']', left);
    if (end == NULL || (size_t)(end - open) > sizeof text)
        return false;
    size_t len = (size_t)(end - open) - 1;
    memcpy(text, open + 1, len);
    text[len] = '\0';
    struct tm parts = {0};
    const char *rest = strptime(text, "%d/%b/%Y:%H:%M:%S %z", &parts);
    if (rest == NULL || *rest != '\0')
        return false;
    long offset = parts.tm_gmtoff;
    time_t seconds = timegm(&parts) - offset;
    if (seconds < 0 || (uint64_t)seconds > INT64_MAX / 1000000000)
        return false;
    *time_ns = (uint64_t)seconds * 1000000000;
    return true;
}

const char *limit_parse_access(struct pp_bytes line, struct limit_request *request)
{
    *request = (struct limit_request){.weight = 1};
    if (!parse_access_time(line, &request->time_ns))
        return "there is no [day/month/year:hour:minute:second zone] in it";
    request->key = next_word(&line);
    return request->key.len == 0 || request->key.data[0] == '[' ? "there is no client address"
                                                                : NULL;
}
