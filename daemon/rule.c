/* SPDX-License-Identifier: MIT */
/* One rule: the memory of its shards, their limiters, and the file that its decisions go to. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../src/os/os.h"
#include "rules.h"

enum { RECORD_BYTES = 1 << 19, RECORD_LINE_MAX = 3 * 65536 + 64, PAGE = 4096 };

/* ---- The file ---- */

/* A killed process may have left half a line, for a decision that nobody was told. */
static bool end_last_line(int fd)
{
    char last = '\n';
    int64_t size = pp_os_size(fd);
    if (size > 0 && pp_os_read_at(fd, &last, 1, (uint64_t)size - 1) != 1)
        return false;
    return size >= 0 && (last == '\n' || pp_os_write(fd, "\n", 1) == 0);
}

/* Decisions are appended: a restart goes on in the same file. */
static bool open_record(struct serve_rule *rule, const char *folder)
{
    char path[SERVE_PATH_BYTES + SERVE_NAME_BYTES + 8];
    if (folder == NULL)
        return true;
    snprintf(path, sizeof path, "%s/%s.log", folder, rule->config.name);
    rule->record_fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
    if (rule->record_fd < 0)
        return false;
    if (!end_last_line(rule->record_fd)) {
        close(rule->record_fd);
        return false;
    }
    rule->record = (struct serve_out){malloc(RECORD_BYTES), 0, RECORD_BYTES, false};
    if (rule->record.data == NULL)
        close(rule->record_fd);
    return rule->record.data != NULL;
}

/* Under the record's lock. */
static bool flush(struct serve_rule *rule)
{
    struct serve_out *out = &rule->record;
    bool good =
        !out->overflow && (out->len == 0 || pp_os_write(rule->record_fd, out->data, out->len) == 0);
    out->len = 0;
    return good;
}

bool serve_rule_flush(struct serve_rule *rule)
{
    pthread_mutex_lock(&rule->record_lock);
    bool good = flush(rule);
    pthread_mutex_unlock(&rule->record_lock);
    return good;
}

bool serve_rule_record(struct serve_rule *rule, uint64_t now_ns, struct pp_bytes key,
                       uint64_t weight, bool admitted)
{
    struct serve_out *out = &rule->record;
    pthread_mutex_lock(&rule->record_lock);
    bool good = out->cap - out->len >= RECORD_LINE_MAX || flush(rule);
    serve_put_number(out, now_ns);
    serve_put_text(out, " ");
    serve_put_escaped(out, key);
    serve_put_text(out, " ");
    serve_put_number(out, weight);
    serve_put_text(out, admitted ? " allow\n" : " deny\n");
    pthread_mutex_unlock(&rule->record_lock);
    return good;
}

/* ---- The limiters ---- */

static bool init_shards(struct serve_rule *rule, const struct pp_limiter_config *config,
                        const struct serve_rule_start *start)
{
    for (uint32_t i = 0; i < rule->shard_count; i++)
        if (pp_limiter_init(rule->memory + i * rule->shard_bytes, rule->shard_bytes, config,
                            start->wait_from, start->wait, &rule->shards[i].limiter) != PP_OK)
            return false;
    return true;
}

static bool make_limiters(struct serve_rule *rule, const struct serve_rule_start *start)
{
    struct pp_limiter_config config = serve_config_shard(&rule->config.limiter, start->shards);
    size_t bytes = pp_limiter_memory(&config);
    if (bytes == 0 || bytes > SIZE_MAX / start->shards - PAGE)
        return false;
    rule->shard_count = start->shards;
    rule->shard_bytes = (bytes + PAGE - 1) / PAGE * PAGE;
    size_t all = rule->shard_bytes * rule->shard_count;
    rule->shards =
        aligned_alloc(_Alignof(struct serve_shard), rule->shard_count * sizeof *rule->shards);
    rule->memory = rule->shards == NULL ? NULL : pp_os_buffer_alloc(all);
    if (rule->memory == NULL)
        return false;
    memset(rule->shards, 0, rule->shard_count * sizeof *rule->shards);
    for (uint32_t i = 0; i < rule->shard_count; i++)
        pthread_mutex_init(&rule->shards[i].lock, NULL);
    rule->resumed = start->resume != NULL && serve_state_load(start->resume, rule);
    if (rule->resumed)
        return true;
    if (start->resume != NULL) { /* what was read of a bad file goes */
        pp_os_buffer_free(rule->memory, all);
        rule->memory = pp_os_buffer_alloc(all);
    }
    return rule->memory != NULL && pp_os_random(config.secret, sizeof config.secret) == 0 &&
           init_shards(rule, &config, start);
}

/* ---- The rule ---- */

void serve_rule_free(struct serve_rule *rule)
{
    if (rule == NULL)
        return;
    if (rule->memory != NULL)
        pp_os_buffer_free(rule->memory, rule->shard_bytes * rule->shard_count);
    if (rule->record.data != NULL)
        close(rule->record_fd);
    free(rule->record.data);
    free(rule->shards);
    free(rule);
}

struct serve_rule *serve_rule_new(const struct serve_rules *rules,
                                  const struct serve_rule_config *config,
                                  const struct serve_rule_start *start)
{
    struct pp_limiter_rule ticks = {.tick_ns = 1};
    struct serve_rule *rule = calloc(1, sizeof *rule);
    if (rule == NULL)
        return NULL;
    rule->config = *config;
    pthread_mutex_init(&rule->record_lock, NULL);
    if ((config->limiter.buckets != 0 ||
         pp_limiter_rule_init(&ticks, config->limiter.limit, config->limiter.window_ns, 0) ==
             PP_OK) &&
        make_limiters(rule, start) && open_record(rule, rules->record)) {
        rule->tick_ns = ticks.tick_ns;
        if (rules->journal != NULL)
            serve_journal_start(rules->journal, &rule->source, config, serve_now_ns(),
                                rule->resumed);
        return rule;
    }
    serve_rule_free(rule);
    return NULL;
}

uint64_t serve_rule_last_ns(const struct serve_rule *rule)
{
    uint64_t last_ns = 0;
    for (uint32_t i = 0; i < rule->shard_count; i++)
        if (rule->shards[i].last_ns > last_ns)
            last_ns = rule->shards[i].last_ns;
    return last_ns;
}
