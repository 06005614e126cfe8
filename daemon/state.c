/* SPDX-License-Identifier: MIT */
/* A rule's limiter over a restart: its whole memory in a file that is used once. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../src/base/hash.h"
#include "../src/os/os.h"
#include "rules.h"

/* docs/format/limiter.md.  Numbers are the machine's own: another boot refuses the file anyway. */
struct header {
    uint8_t magic[8];
    uint8_t boot_id[16];
    uint64_t saved_ns; /* CLOCK_MONOTONIC */
    uint64_t bytes;    /* of the memory */
    uint64_t limit, window_ns, tick_ns, keys, ring_bytes, buckets, tiers, shards;
    uint64_t ipv4_bits, ipv6_bits;
    char name[SERVE_NAME_BYTES + 7];
    struct pp_digest digest; /* of this header with zeros here, and of the memory */
};

enum { PAGE = 4096, PAGES_AT_ONCE = 64 };
static const uint8_t magic[8] = "pp-lst2";

static size_t bytes_of(const struct serve_rule *rule)
{
    return rule->shard_bytes * rule->shard_count;
}

static void fill_header(struct header *header, const struct serve_rule *rule)
{
    const struct pp_limiter_config *limiter = &rule->config.limiter;
    struct pp_os_clock clock;
    pp_os_clock_read(&clock);
    memset(header, 0, sizeof *header);
    memcpy(header->magic, magic, sizeof magic);
    memcpy(header->boot_id, clock.boot_id, sizeof header->boot_id);
    header->saved_ns = serve_now_ns();
    header->bytes = bytes_of(rule);
    header->limit = limiter->limit;
    header->window_ns = limiter->window_ns;
    header->tick_ns = limiter->tick_ns;
    header->keys = limiter->keys;
    header->ring_bytes = limiter->ring_bytes;
    header->buckets = limiter->buckets;
    header->tiers = limiter->tiers;
    header->shards = rule->shard_count;
    header->ipv4_bits = rule->config.ipv4_bits;
    header->ipv6_bits = rule->config.ipv6_bits;
    memcpy(header->name, rule->config.name, sizeof rule->config.name);
}

/* ---- Pages: those of zeros are neither hashed nor written ---- */

static bool is_zero(const uint8_t *page, size_t len)
{
    return page[0] == 0 && memcmp(page, page + 1, len - 1) == 0;
}

static size_t page_len(size_t bytes, size_t at)
{
    return bytes - at < PAGE ? bytes - at : PAGE;
}

static void hash_page(struct pp_sha256_stream *stream, uint64_t at, const uint8_t *page, size_t len)
{
    pp_sha256_update(stream, (struct pp_bytes){(const uint8_t *)&at, sizeof at});
    pp_sha256_update(stream, (struct pp_bytes){page, len});
}

static void hash_header(struct pp_sha256_stream *stream, const struct header *header)
{
    struct header plain = *header;
    memset(&plain.digest, 0, sizeof plain.digest);
    pp_sha256_init(stream);
    pp_sha256_update(stream, (struct pp_bytes){(const uint8_t *)&plain, sizeof plain});
}

/* ---- Saving ---- */

static int write_memory(int fd, struct header *header, const uint8_t *memory, size_t bytes)
{
    struct pp_sha256_stream stream;
    hash_header(&stream, header);
    int error = pp_os_truncate(fd, PAGE + bytes);
    for (size_t at = 0; error == 0 && at < bytes; at += PAGE) {
        size_t len = page_len(bytes, at);
        if (is_zero(memory + at, len))
            continue;
        hash_page(&stream, at, memory + at, len);
        error = pp_os_write_at(fd, memory + at, len, PAGE + at);
    }
    header->digest = pp_sha256_final(&stream);
    if (error == 0)
        error = pp_os_write_at(fd, header, sizeof *header, 0);
    return error == 0 ? pp_os_sync(fd) : error;
}

static int save_rule(int dir, const struct serve_rule *rule)
{
    char name[PP_OS_NAME_BYTES], temporary[PP_OS_NAME_BYTES];
    struct header header;
    snprintf(name, sizeof name, "%s.state", rule->config.name);
    snprintf(temporary, sizeof temporary, "%s.state.tmp", rule->config.name);
    (void)pp_os_remove(dir, temporary);
    int fd = pp_os_open(dir, temporary, PP_OS_CREATE_SECRET);
    if (fd < 0)
        return fd;
    fill_header(&header, rule);
    int error = write_memory(fd, &header, rule->memory, bytes_of(rule));
    pp_os_close(fd);
    if (error == 0)
        error = pp_os_rename(dir, temporary, name);
    return error == 0 ? pp_os_sync(dir) : error;
}

void serve_state_save(const struct serve_rules *rules, const char *folder)
{
    int dir = pp_os_open_dir(PP_OS_CWD, folder);
    for (size_t i = 0; i < rules->named_count; i++) {
        const struct serve_rule *rule = rules->named[i];
        if (!rule->config.resume)
            continue;
        int error = dir < 0 ? dir : save_rule(dir, rule);
        if (error < 0)
            fprintf(stderr,
                    "postproof serve: the state of '%s' was not saved, so that it will "
                    "wait for a window: %s\n",
                    rule->config.name, strerror(-error));
    }
    if (dir >= 0)
        pp_os_close(dir);
}

/* ---- Loading ---- */

/* Reads and hashes the pages; those of zeros leave the memory untouched. */
static bool read_memory(int fd, const struct header *header, uint8_t *memory, size_t bytes)
{
    enum { CHUNK = PAGE * PAGES_AT_ONCE };
    struct pp_sha256_stream stream;
    uint8_t *chunk = malloc(CHUNK);
    bool good = chunk != NULL;
    hash_header(&stream, header);
    for (size_t from = 0; good && from < bytes; from += CHUNK) {
        size_t len = bytes - from < CHUNK ? bytes - from : CHUNK;
        good = pp_os_read_at(fd, chunk, len, PAGE + from) == (int64_t)len;
        for (size_t at = 0; good && at < len; at += PAGE) {
            size_t some = page_len(len, at);
            if (is_zero(chunk + at, some))
                continue;
            hash_page(&stream, from + at, chunk + at, some);
            memcpy(memory + from + at, chunk + at, some);
        }
    }
    free(chunk);
    struct pp_digest digest = pp_sha256_final(&stream);
    return good && memcmp(&digest, &header->digest, sizeof digest) == 0;
}

/* The same rule, in the same boot, at an earlier time of the clock. */
static bool header_fits(const struct header *header, const struct serve_rule *rule)
{
    struct header wanted;
    fill_header(&wanted, rule);
    bool earlier = header->saved_ns <= wanted.saved_ns;
    wanted.saved_ns = header->saved_ns;
    wanted.digest = header->digest;
    return earlier && memcmp(header, &wanted, sizeof wanted) == 0;
}

static bool load_shards(struct serve_rule *rule)
{
    struct pp_limiter_config config = serve_config_shard(&rule->config.limiter, rule->shard_count);
    for (uint32_t i = 0; i < rule->shard_count; i++)
        if (pp_limiter_load(rule->memory + i * rule->shard_bytes, rule->shard_bytes, &config,
                            &rule->shards[i].limiter) != PP_OK)
            return false;
    return true;
}

bool serve_state_load(const char *folder, struct serve_rule *rule)
{
    char name[PP_OS_NAME_BYTES];
    struct header header;
    snprintf(name, sizeof name, "%s.state", rule->config.name);
    int dir = pp_os_open_dir(PP_OS_CWD, folder);
    int fd = dir < 0 ? dir : pp_os_open(dir, name, PP_OS_READ);
    bool good = fd >= 0 && pp_os_is_private(fd) == 1 &&
                pp_os_read_at(fd, &header, sizeof header, 0) == sizeof header &&
                header_fits(&header, rule) &&
                read_memory(fd, &header, rule->memory, bytes_of(rule));
    /* Gone for good before the first decision: a crash after it must not find it again. */
    if (fd >= 0 && (pp_os_remove(dir, name) != 0 || pp_os_sync(dir) != 0))
        good = false;
    if (fd >= 0)
        pp_os_close(fd);
    if (dir >= 0)
        pp_os_close(dir);
    return good && load_shards(rule);
}

static bool is_state(const char *name)
{
    size_t len = strlen(name), end = strlen(".state"), temporary = strlen(".state.tmp");
    return (len > end && strcmp(name + len - end, ".state") == 0) ||
           (len > temporary && strcmp(name + len - temporary, ".state.tmp") == 0);
}

bool serve_state_clear(const char *folder)
{
    struct pp_os_names names;
    int dir = pp_os_open_dir(PP_OS_CWD, folder);
    if (dir < 0)
        return false;
    bool good = pp_os_list(dir, &names) == 0;
    for (size_t i = 0; good && i < names.count; i++)
        if (is_state(names.name[i]))
            good = pp_os_remove(dir, names.name[i]) == 0;
    if (good) {
        good = pp_os_sync(dir) == 0;
        pp_os_free_names(&names);
    }
    pp_os_close(dir);
    return good;
}

int serve_state_lock(const char *folder)
{
    int dir = pp_os_open_dir(PP_OS_CWD, folder);
    if (dir < 0)
        return dir;
    /* Kept open to the end of the process, and with it the lock. */
    int error = pp_os_lock(dir);
    if (error < 0)
        pp_os_close(dir);
    return error;
}
