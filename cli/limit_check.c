/* SPDX-License-Identifier: MIT */
/* The limiter's specification as it is said: add up what the key was admitted in (t - window, t].
   Shares no code with the limiter, and stores every admission there ever was. */
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "limit.h"

struct admission {
    uint64_t time_ns, weight;
};

struct history {
    uint8_t *key;
    size_t key_bytes;
    struct admission *admissions; /* in the order of time */
    size_t count, cap;
};

struct limit_check {
    uint64_t limit, window_ns;
    void *histories; /* a tree of tsearch(3) */
};

static void *must(void *memory)
{
    if (memory == NULL)
        exit(cli_fail("limit", "no memory is left"));
    return memory;
}

static int compare(const void *a, const void *b)
{
    const struct history *left = a, *right = b;
    if (left->key_bytes != right->key_bytes)
        return left->key_bytes < right->key_bytes ? -1 : 1;
    return memcmp(left->key, right->key, left->key_bytes);
}

struct limit_check *limit_check_new(uint64_t limit, uint64_t window_ns)
{
    struct limit_check *check = must(calloc(1, sizeof *check));
    check->limit = limit;
    check->window_ns = window_ns;
    return check;
}

static struct history *history_of(struct limit_check *check, struct pp_bytes key)
{
    struct history wanted = {.key = must(malloc(key.len + 1)), .key_bytes = key.len};
    memcpy(wanted.key, key.data, key.len);
    struct history **node = tfind(&wanted, &check->histories, compare);
    if (node != NULL) {
        free(wanted.key);
        return *node;
    }
    struct history *fresh = must(malloc(sizeof *fresh));
    *fresh = wanted;
    must(tsearch(fresh, &check->histories, compare));
    return fresh;
}

/* A request counts as no earlier than the key's latest admission. */
static uint64_t time_of(const struct history *history, const struct limit_request *request)
{
    uint64_t latest = history->count == 0 ? 0 : history->admissions[history->count - 1].time_ns;
    return request->time_ns > latest ? request->time_ns : latest;
}

bool limit_check_may_admit(struct limit_check *check, const struct limit_request *request)
{
    const struct history *history = history_of(check, request->key);
    uint64_t now = time_of(history, request), used = 0;
    for (size_t i = history->count; i-- > 0;) {
        const struct admission *admission = &history->admissions[i];
        if (now - admission->time_ns >= check->window_ns)
            break; /* all before it are older still */
        used += admission->weight;
    }
    return used + request->weight <= check->limit;
}

void limit_check_admitted(struct limit_check *check, const struct limit_request *request)
{
    struct history *history = history_of(check, request->key);
    uint64_t now = time_of(history, request);
    if (history->count == history->cap) {
        history->cap = history->cap * 2 + 8;
        history->admissions =
            must(realloc(history->admissions, history->cap * sizeof *history->admissions));
    }
    history->admissions[history->count++] = (struct admission){now, request->weight};
}

static void free_history(void *node)
{
    struct history *history = node;
    free(history->key);
    free(history->admissions);
    free(history);
}

void limit_check_free(struct limit_check *check)
{
    tdestroy(check->histories, free_history);
    free(check);
}
