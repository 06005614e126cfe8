/* SPDX-License-Identifier: MIT */
/* Small ledgers in a scratch folder, and verifying them. */
#include "tamper.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../src/store/store.h"

static char root[64];

/* ---- Chance ---- */

uint64_t tamper_random_u64(void)
{
    static uint64_t state = 0x9e3779b97f4a7c15;
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

size_t tamper_random_below(size_t below)
{
    return (size_t)(tamper_random_u64() % below);
}

void tamper_random_bytes(void *out, size_t n)
{
    uint8_t *bytes = out;
    for (size_t i = 0; i < n; i++)
        bytes[i] = (uint8_t)(tamper_random_u64() >> 32);
}

bool tamper_chaos(void)
{
    const char *chaos = getenv("PP_CHAOS");
    return chaos != NULL && strcmp(chaos, "1") == 0;
}

/* ---- The scratch folder ---- */

/* In memory where there is such a file system: the tests write one byte very many times. */
int tamper_set_up(void **state)
{
    (void)state;
    const char *folder = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    snprintf(root, sizeof root, "%s/pp-tamper-XXXXXX", folder);
    return mkdtemp(root) == NULL ? -1 : 0;
}

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *where)
{
    (void)status, (void)type, (void)where;
    return remove(path);
}

int tamper_clean_up(void **state)
{
    (void)state;
    return nftw(root, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

struct tamper_place tamper_place(const char *name)
{
    struct tamper_place place;
    snprintf(place.ledger, sizeof place.ledger, "%s/%.40s", root, name);
    snprintf(place.keys, sizeof place.keys, "%s/%.40s.keys", root, name);
    snprintf(place.verify_key, sizeof place.verify_key, "%s/%.40s.keys/verify.key", root, name);
    snprintf(place.checkpoint, sizeof place.checkpoint, "%s/%.40s.saved", root, name);
    return place;
}

struct tamper_place tamper_new(const char *name, const char *origin)
{
    struct pp_failure failure = {0};
    struct tamper_place place = tamper_place(name);
    if (pp_keys_create(place.keys, origin, &failure) != PP_OK)
        fail_msg("%s", failure.text);
    if (pp_ledger_create(place.ledger, place.keys, NULL, &failure) != PP_OK)
        fail_msg("%s", failure.text);
    /* Of the space that init reserves most would be zeros to copy. */
    tamper_resize(place.ledger, "segments/00000000000000000000.seg", PP_SEGMENT_BYTES_MIN);
    return place;
}

static void copy_key(const struct tamper_place *from, const struct tamper_place *to,
                     const char *name)
{
    struct pp_buffer data = {0};
    struct pp_failure failure = {0};
    int dir = pp_os_open_dir(PP_OS_CWD, from->keys);
    assert_int_equal(pp_file_read(dir, name, 4096, &data, &failure), PP_OK);
    pp_os_close(dir);
    dir = pp_os_open_dir(PP_OS_CWD, to->keys);
    assert_int_equal(
        pp_file_replace(dir, name, (struct pp_bytes){data.data, data.len}, true, &failure), PP_OK);
    pp_os_close(dir);
    pp_buffer_free(&data);
}

struct tamper_place tamper_clone(const struct tamper_place *from, const char *name)
{
    struct tamper_place to = tamper_place(name);
    assert_int_equal(pp_os_make_dir(PP_OS_CWD, to.keys, true), 0);
    copy_key(from, &to, PP_SEALING_KEY_FILE);
    copy_key(from, &to, PP_VERIFY_KEY_FILE);
    copy_key(from, &to, PP_CHECKPOINT_KEY_FILE);
    struct tamper_copy copy = tamper_load(from->ledger);
    tamper_store(&copy, to.ledger);
    tamper_free(&copy);
    return to;
}

/* ---- Writing ---- */

static enum pp_error open_ledger(const struct tamper_place *place, uint64_t segment_bytes,
                                 struct pp_ledger **ledger, struct pp_ledger_opening *opening,
                                 struct pp_failure *failure)
{
    struct pp_ledger_options options = {
        .segment_bytes = segment_bytes, .group_bytes = 32 << 10, .not_durable = true};
    return pp_ledger_open(place->ledger, place->keys, &options, ledger, opening, failure);
}

struct pp_ledger *tamper_open_with(const struct tamper_place *place, uint64_t segment_bytes,
                                   struct pp_ledger_opening *opening)
{
    struct pp_ledger *ledger = NULL;
    struct pp_failure failure = {0};
    if (open_ledger(place, segment_bytes, &ledger, opening, &failure) != PP_OK)
        fail_msg("%s", failure.text);
    return ledger;
}

struct pp_ledger *tamper_open(const struct tamper_place *place)
{
    return tamper_open_with(place, PP_SEGMENT_BYTES_MIN, NULL);
}

enum pp_error tamper_open_error(const struct tamper_place *place)
{
    struct pp_ledger *ledger = NULL;
    struct pp_failure failure = {0};
    enum pp_error error = open_ledger(place, PP_SEGMENT_BYTES_MIN, &ledger, NULL, &failure);
    if (error == PP_OK)
        tamper_close(ledger);
    else
        assert_true(failure.text[0] != 0);
    return error;
}

void tamper_close(struct pp_ledger *ledger)
{
    struct pp_failure failure = {0};
    if (pp_ledger_close(ledger, &failure) != PP_OK)
        fail_msg("%s", failure.text);
}

static void append_some(struct pp_ledger *ledger, size_t count, size_t body_bytes)
{
    char *body = malloc(body_bytes + 32);
    assert_non_null(body);
    for (size_t i = 0; i < count; i++) {
        unsigned long long seq = (unsigned long long)pp_ledger_size(ledger);
        size_t len = (size_t)snprintf(body, 32, "entry %llu ", seq);
        for (; len < body_bytes; len++)
            body[len] = (char)('a' + (len + seq) % 26);
        struct pp_entry entry = {.time_ns = 1700000000000000000 + seq,
                                 .source = pp_bytes_of("test"),
                                 .body = {(const uint8_t *)body, len},
                                 .level = PP_INFO};
        assert_int_equal(pp_ledger_append(ledger, &entry, NULL), PP_OK);
    }
    free(body);
}

void tamper_group(struct pp_ledger *ledger, size_t count, size_t body_bytes)
{
    append_some(ledger, count, body_bytes);
    assert_int_equal(pp_ledger_sync(ledger), PP_OK);
}

void tamper_rotate(struct pp_ledger *ledger, size_t count)
{
    append_some(ledger, count, 10);
    assert_int_equal(pp_writer_flush(ledger, true), PP_OK);
    assert_int_equal(pp_ledger_sync(ledger), PP_OK);
}

void tamper_checkpoint(struct pp_ledger *ledger, const struct tamper_place *place)
{
    char note[PP_CHECKPOINT_BYTES_MAX];
    size_t len;
    if (pp_ledger_checkpoint(ledger, note, &len) != PP_OK)
        fail_msg("%s", pp_ledger_failure(ledger)->text);
    FILE *file = fopen(place->checkpoint, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(note, 1, len, file), len);
    assert_int_equal(fclose(file), 0);
}

uint64_t tamper_last_segment(struct tamper_copy *copy)
{
    uint64_t last = 0, limit = 0;
    for (size_t i = 0; i < copy->count && limit < TAMPER_SEGMENTS_MAX; limit++)
        if (tamper_segment(copy, limit) != NULL)
            last = limit, i++;
    return last;
}

void tamper_tear(const struct tamper_place *place, const void *torn, size_t len)
{
    static struct tamper_map map;
    struct tamper_copy copy = tamper_load(place->ledger);
    struct tamper_file *segment = tamper_segment(&copy, tamper_last_segment(&copy));
    tamper_map(segment, &map);
    size_t room = segment->len - map.end;
    tamper_splice(segment, map.end, len < room ? len : room, torn, len);
    tamper_write(place->ledger, segment);
    tamper_free(&copy);
}

struct pp_verify_report tamper_verify(const struct tamper_place *place, enum pp_trust trust)
{
    struct pp_verify_report report;
    struct pp_verify_options options = {
        .verify_key = trust >= PP_TRUST_T1 ? place->verify_key : NULL,
        .checkpoint = trust >= PP_TRUST_T2 ? place->checkpoint : NULL,
        .threads = 1,
    };
    pp_ledger_verify(place->ledger, &options, &report);
    return report;
}

void tamper_blob(struct pp_ledger *ledger)
{
    static uint8_t body[PP_ENTRY_BYTES_MAX + 1000];
    tamper_random_bytes(body, sizeof body);
    struct pp_entry entry = {.time_ns = 1700000000000000000,
                             .source = pp_bytes_of("test"),
                             .body = {body, sizeof body},
                             .level = PP_WARN};
    assert_int_equal(pp_ledger_append(ledger, &entry, NULL), PP_OK);
    assert_int_equal(pp_ledger_sync(ledger), PP_OK);
}

static bool ends_with_zero(const struct tamper_place *place)
{
    static struct tamper_map map;
    struct tamper_copy copy = tamper_load(place->ledger);
    struct tamper_file *last = tamper_segment(&copy, tamper_last_segment(&copy));
    tamper_map(last, &map);
    bool zero = last->data[map.end - 1] == 0;
    tamper_free(&copy);
    return zero;
}

struct tamper_place tamper_make(const char *name, const char *origin,
                                void (*fill)(const struct tamper_place *place))
{
    for (unsigned attempt = 0;; attempt++) {
        char unique[48];
        snprintf(unique, sizeof unique, "%.30s.%u", name, attempt);
        struct tamper_place place = tamper_new(unique, origin);
        fill(&place);
        if (!ends_with_zero(&place))
            return place;
    }
}

static void fill_tiny(const struct tamper_place *place, bool ends_with_recovery)
{
    static const char torn[] = "E\0\x40\0\1\1 the beginning of an entry";
    struct pp_ledger *ledger = tamper_open(place);
    tamper_group(ledger, 3, 20);
    tamper_blob(ledger);
    tamper_rotate(ledger, 1);
    if (ends_with_recovery) {
        tamper_group(ledger, 2, 16);
        tamper_close(ledger);
        tamper_tear(place, torn, sizeof torn - 1);
        struct pp_ledger_opening opening;
        ledger = tamper_open_with(place, PP_SEGMENT_BYTES_MIN, &opening);
        assert_true(opening.recovered && opening.torn_bytes == sizeof torn - 1);
    } else {
        tamper_rotate(ledger, 2);
    }
    tamper_group(ledger, 1, 15);
    tamper_group(ledger, 2, 12);
    tamper_checkpoint(ledger, place);
    tamper_close(ledger);
    static struct tamper_map map;
    struct tamper_copy copy = tamper_load(place->ledger);
    struct tamper_file *last = tamper_segment(&copy, 2);
    tamper_map(last, &map);
    tamper_resize(place->ledger, last->name, map.end + TAMPER_TINY_ZEROS);
    tamper_free(&copy);
}

static void fill_with_recovery(const struct tamper_place *place)
{
    fill_tiny(place, true);
}

static void fill_with_rotation(const struct tamper_place *place)
{
    fill_tiny(place, false);
}

struct tamper_place tamper_tiny(const char *name, bool ends_with_recovery)
{
    return tamper_make(name, "tiny.example/log",
                       ends_with_recovery ? fill_with_recovery : fill_with_rotation);
}
