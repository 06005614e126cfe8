/* SPDX-License-Identifier: MIT */
/* Scratch ledgers, their writer's life, and the comparison with what it acknowledged. */
#include "ledger_fixture.h"

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

enum { BODY_BYTES_MAX = 80000, SMALL_BODY_BYTES = 900, ENTRIES_AFTER = 7 };
/* docs/format/ledger.md: head of the frame, fixed part of the entry, tag. */
enum { FRAME_AROUND_BODY = 4 + PP_ENTRY_FIXED_BYTES + PP_TAG_BYTES };

static char context[256] = "";
static struct pp_failure last_failure; /* of the writer */

void fixture_context(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(context, sizeof context, format, arguments);
    va_end(arguments);
}

#define require(condition, ...)                                                                    \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            print_error("%s:%d: %s: ", __FILE__, __LINE__, context);                               \
            fail_msg(__VA_ARGS__);                                                                 \
        }                                                                                          \
    } while (0)

/* ---- Folders -------------------------------------------------------------------------------- */

static void set_paths(struct fixture *f)
{
    snprintf(f->keys, sizeof f->keys, "%s/keys", f->root);
    snprintf(f->ledger, sizeof f->ledger, "%s/ledger", f->root);
    snprintf(f->verify_key, sizeof f->verify_key, "%s/keys/verify.key", f->root);
    snprintf(f->checkpoint, sizeof f->checkpoint, "%s/checkpoint", f->root);
}

void fixture_make(struct fixture *f)
{
    const char *base = getenv("TMPDIR");
    if (base == NULL)
        base = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    snprintf(f->root, sizeof f->root, "%s/postproof-ledger-XXXXXX", base);
    require(mkdtemp(f->root) != NULL, "no scratch folder in %s", base);
    set_paths(f);
}

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *place)
{
    (void)status;
    (void)type;
    return place->level == 0 ? 0 : remove(path);
}

void fixture_empty(const struct fixture *f)
{
    require(nftw(f->root, remove_one, 16, FTW_DEPTH | FTW_PHYS) == 0, "%s can't be emptied",
            f->root);
}

void fixture_remove(struct fixture *f)
{
    fixture_empty(f);
    require(rmdir(f->root) == 0, "%s can't be removed", f->root);
}

static void copy_file(const char *from, const char *to, mode_t mode)
{
    static char chunk[1 << 16];
    int in = open(from, O_RDONLY | O_CLOEXEC);
    int out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode & 0777);
    ssize_t got = -1;
    require(in >= 0 && out >= 0, "%s can't be copied", from);
    while ((got = read(in, chunk, sizeof chunk)) > 0)
        require(write(out, chunk, (size_t)got) == got, "%s can't be written", to);
    require(got == 0, "%s can't be read", from);
    close(in);
    close(out);
}

/* Folders and regular files; links are left out: every open names the keys. */
static void copy_folder(const char *from, const char *to)
{
    DIR *folder = opendir(from);
    struct dirent *item;
    require(folder != NULL, "%s can't be listed", from);
    while ((item = readdir(folder)) != NULL) {
        char source[PATH_MAX], target[PATH_MAX];
        struct stat status;
        if (strcmp(item->d_name, ".") == 0 || strcmp(item->d_name, "..") == 0)
            continue;
        snprintf(source, sizeof source, "%s/%s", from, item->d_name);
        snprintf(target, sizeof target, "%s/%s", to, item->d_name);
        require(lstat(source, &status) == 0, "%s is gone", source);
        if (S_ISDIR(status.st_mode)) {
            require(mkdir(target, status.st_mode & 0777) == 0, "%s can't be made", target);
            copy_folder(source, target);
        } else if (S_ISREG(status.st_mode)) {
            copy_file(source, target, status.st_mode);
        }
    }
    closedir(folder);
}

void fixture_copy(const struct fixture *from, const struct fixture *to)
{
    fixture_empty(to);
    copy_folder(from->root, to->root);
}

static FILE *open_last_segment(const struct fixture *f)
{
    FILE *file = NULL, *next;
    char path[2 * PATH_MAX];
    for (unsigned segment = 0;; segment++) {
        snprintf(path, sizeof path, "%s/segments/%020u.seg", f->ledger, segment);
        next = fopen(path, "r+b");
        if (next == NULL)
            break;
        if (file != NULL)
            fclose(file);
        file = next;
    }
    require(file != NULL, "%s has no segments", f->ledger);
    return file;
}

size_t fixture_used_end(const struct fixture *f)
{
    FILE *file = open_last_segment(f);
    size_t end = 0;
    int byte;
    for (size_t at = 1; (byte = fgetc(file)) != EOF; at++)
        if (byte != 0)
            end = at;
    fclose(file);
    return end;
}

void fixture_lose_sector(const struct fixture *f, size_t offset, size_t bytes)
{
    FILE *file = open_last_segment(f);
    require(fseek(file, (long)offset, SEEK_SET) == 0, "no offset %zu", offset);
    while (bytes-- > 0)
        require(fputc(0, file) == 0, "a sector can't be lost");
    require(fclose(file) == 0, "a sector can't be lost");
}

enum pp_error fixture_create(const struct fixture *f)
{
    enum pp_error error = pp_keys_create(f->keys, "example.org/fault", NULL);
    return error != PP_OK ? error : pp_ledger_create(f->ledger, f->keys, NULL, NULL);
}

/* ---- Book ----------------------------------------------------------------------------------- */

struct fixture_book *fixture_book_new(void)
{
    void *memory = mmap(NULL, sizeof(struct fixture_book), PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    require(memory != MAP_FAILED, "no shared memory");
    return memory;
}

void fixture_book_free(struct fixture_book *book)
{
    munmap(book, sizeof *book);
}

/* ---- Entries -------------------------------------------------------------------------------- */

static uint64_t zeros_seq = PP_NO_SEQ;
static size_t zeros_frame_bytes;

void fixture_zeros(uint64_t seq, size_t frame_bytes)
{
    zeros_seq = seq;
    zeros_frame_bytes = frame_bytes;
}

/* Sizes vary, one in FIXTURE_LARGE_BODY_EVERY exceeds an entry, and some bodies are all zeros, like
   a sector that was never written. */
static void fill_entry(uint64_t seq, uint8_t body[BODY_BYTES_MAX], struct pp_entry *entry)
{
    static const char *const sources[] = {"web", "database", "a longer name of a source"};
    bool large = seq % FIXTURE_LARGE_BODY_EVERY == 17;
    size_t len = large ? 66000 + (size_t)(seq % 5000) : (size_t)(seq * 2654435761u >> 5) % 900;
    bool zeros = seq == zeros_seq;
    if (zeros)
        len = zeros_frame_bytes - FRAME_AROUND_BODY - strlen(sources[seq % 3]);
    for (size_t i = 0; i < len; i++)
        body[i] = zeros || seq % 5 == 3 ? 0 : (uint8_t)(seq * 131 + i * 7 + (i >> 8));
    *entry = (struct pp_entry){.time_ns = UINT64_C(1700000000000000000) + seq,
                               .source = pp_bytes_of(sources[seq % 3]),
                               .body = {body, len},
                               .level = (uint8_t)(seq % PP_LEVEL_COUNT)};
}
_Static_assert(66000 + 5000 <= BODY_BYTES_MAX && SMALL_BODY_BYTES <= BODY_BYTES_MAX, "bodies fit");

static bool same(struct pp_bytes a, struct pp_bytes b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

static bool entry_is_right(struct pp_ledger_reader *reader, const struct pp_entry *entry,
                           uint64_t seq)
{
    static uint8_t body[BODY_BYTES_MAX];
    struct pp_entry wanted;
    fill_entry(seq, body, &wanted);
    if (entry->seq != seq || entry->time_ns != wanted.time_ns || entry->level != wanted.level ||
        !same(entry->source, wanted.source))
        return false;
    if (wanted.body.len <= PP_BODY_BYTES_MAX)
        return entry->kind == PP_ENTRY_DATA && same(entry->body, wanted.body);
    uint8_t *data = NULL;
    size_t len = 0;
    if (entry->kind != PP_ENTRY_REFERENCE ||
        pp_ledger_reader_blob(reader, entry, &data, &len) != PP_OK)
        return false;
    bool right = same((struct pp_bytes){data, len}, wanted.body);
    free(data);
    return right;
}

/* ---- Writing -------------------------------------------------------------------------------- */

static void violation(struct fixture_book *book, const char *text)
{
    if (book->violation[0] == 0)
        snprintf(book->violation, sizeof book->violation, "%s", text);
}

static void acknowledge(struct fixture_book *book, uint64_t size)
{
    if (size > book->acknowledged)
        book->acknowledged = size;
}

static enum pp_error append_next(struct pp_ledger *ledger)
{
    static uint8_t body[BODY_BYTES_MAX];
    struct pp_entry entry;
    uint64_t seq, due = pp_ledger_size(ledger);
    fill_entry(due, body, &entry);
    enum pp_error error = pp_ledger_append(ledger, &entry, &seq);
    return error == PP_OK && seq != due ? PP_ERROR_MISMATCH : error;
}

static enum pp_error sync_all(struct pp_ledger *ledger, struct fixture_book *book)
{
    enum pp_error error = pp_ledger_sync(ledger);
    if (error == PP_OK)
        acknowledge(book, pp_ledger_size(ledger));
    return error;
}

static enum pp_error take_checkpoint(struct pp_ledger *ledger, struct fixture_book *book)
{
    unsigned slot = book->checkpoints % 2;
    enum pp_error error = pp_ledger_checkpoint(ledger, book->note[slot], &book->note_bytes[slot]);
    if (error == PP_ERROR_KEY) /* no checkpoint without its key; the writer itself is well */
        return PP_OK;
    if (error != PP_OK)
        return error;
    acknowledge(book, pp_ledger_size(ledger));
    book->checkpoints++;
    return PP_OK;
}

static enum pp_error prune(struct pp_ledger *ledger, uint64_t keep, struct fixture_book *book)
{
    uint64_t pruned, size = pp_ledger_size(ledger);
    uint64_t keep_seq = keep == 0 ? size / 2 : size - (keep < size ? keep : size);
    if (keep_seq > book->keep_seq)
        book->keep_seq = keep_seq;
    return pp_ledger_prune(ledger, keep_seq, &pruned);
}

/* After an error nothing is taken any more.  A group that was being written when another call
   failed may still become durable. */
static void see_that_it_refuses(struct pp_ledger *ledger, struct fixture_book *book)
{
    char note[PP_CHECKPOINT_BYTES_MAX];
    size_t len;
    uint64_t pruned, size = pp_ledger_size(ledger);
    if (append_next(ledger) == PP_OK)
        violation(book, "append succeeded after an error");
    if (pp_ledger_sync(ledger) == PP_OK)
        violation(book, "sync succeeded after an error");
    if (pp_ledger_flush(ledger) == PP_OK)
        violation(book, "flush succeeded after an error");
    if (pp_ledger_checkpoint(ledger, note, &len) == PP_OK)
        violation(book, "checkpoint succeeded after an error");
    if (pp_ledger_prune(ledger, 0, &pruned) == PP_OK)
        violation(book, "prune succeeded after an error");
    if (pp_ledger_size(ledger) != size || pp_ledger_durable_size(ledger) > size)
        violation(book, "entries were taken after an error");
    acknowledge(book, pp_ledger_durable_size(ledger));
    if (pp_ledger_failure(ledger)->text[0] == 0)
        violation(book, "an error has no text");
}

static enum pp_error run_plan(struct pp_ledger *ledger, const struct fixture_plan *plan,
                              struct fixture_book *book)
{
    enum pp_error error = PP_OK;
    for (uint64_t i = 1; i <= plan->entries && error == PP_OK && !book->stop; i++) {
        error = append_next(ledger);
        if (error == PP_OK && plan->sync_every != 0 && i % plan->sync_every == 0)
            error = sync_all(ledger, book);
        if (error == PP_OK && i == plan->checkpoint_at)
            error = take_checkpoint(ledger, book);
        if (error == PP_OK && plan->prune_at != 0 && i % plan->prune_at == 0)
            error = prune(ledger, plan->keep, book);
        acknowledge(book, pp_ledger_durable_size(ledger));
    }
    return error;
}

enum pp_error fixture_write(const struct fixture *f, const struct fixture_plan *plan,
                            struct fixture_book *book)
{
    struct pp_ledger *ledger;
    last_failure = (struct pp_failure){0};
    enum pp_error error =
        pp_ledger_open(f->ledger, f->keys, &plan->options, &ledger, NULL, &last_failure);
    if (error != PP_OK) {
        if (last_failure.text[0] == 0)
            violation(book, "a failed open has no text");
        return error;
    }
    error = run_plan(ledger, plan, book);
    if (error != PP_OK) {
        last_failure = *pp_ledger_failure(ledger);
        see_that_it_refuses(ledger, book);
    }
    if (error == PP_OK && plan->abandon)
        return PP_OK;
    uint64_t size = pp_ledger_size(ledger);
    enum pp_error closing = pp_ledger_close(ledger, &last_failure);
    if (error == PP_OK && closing == PP_OK)
        acknowledge(book, size);
    return error != PP_OK ? error : closing;
}

/* ---- Checking ------------------------------------------------------------------------------- */

static void check_verdict(const struct fixture *f, const struct pp_verify_options *options,
                          const struct fixture_book *book, bool whole)
{
    struct pp_verify_report report;
    pp_ledger_verify(f->ledger, options, &report);
    bool good = report.verdict == PP_VERDICT_OK;
    if (!whole && report.verdict == PP_VERDICT_TORN_TAIL)
        good = report.unsealed_bytes > 0;
    require(good, "%s at T%d, place %s: %s (%llu acknowledged, %llu found)",
            pp_verdict_text(report.verdict), (int)report.trust, report.place, report.reason,
            (unsigned long long)book->acknowledged, (unsigned long long)report.size);
    require(report.size >= book->acknowledged, "%llu entries were acknowledged, %llu are there",
            (unsigned long long)book->acknowledged, (unsigned long long)report.size);
}

void fixture_verify(const struct fixture *f, const struct fixture_book *book, bool whole)
{
    struct pp_verify_options options = {.verify_key = f->verify_key, .threads = 1};
    require(book->violation[0] == 0, "%s", book->violation);
    if (book->checkpoints > 0) {
        unsigned slot = (book->checkpoints - 1) % 2;
        FILE *file = fopen(f->checkpoint, "wb");
        require(file != NULL && fwrite(book->note[slot], book->note_bytes[slot], 1, file) == 1 &&
                    fclose(file) == 0,
                "the checkpoint can't be saved");
        options.checkpoint = f->checkpoint;
    }
    check_verdict(f, &options, book, whole);
}

void fixture_read(const struct fixture *f, const struct fixture_book *book)
{
    struct pp_ledger_reader *reader;
    struct pp_failure failure;
    struct pp_entry entry;
    require(pp_ledger_reader_open(f->ledger, &reader, &failure) == PP_OK, "%s", failure.text);
    uint64_t seq = pp_ledger_reader_first(reader);
    require(seq <= book->keep_seq, "entry %llu is gone", (unsigned long long)book->keep_seq);
    for (; seq < book->acknowledged; seq++) {
        require(pp_ledger_reader_next(reader, &entry) == PP_OK, "entry %llu: %s",
                (unsigned long long)seq, pp_ledger_reader_failure(reader)->text);
        require(entry_is_right(reader, &entry, seq), "entry %llu is not what was appended",
                (unsigned long long)seq);
    }
    pp_ledger_reader_close(reader);
}

void fixture_check_and_go_on(const struct fixture *f, struct fixture_book *book)
{
    const struct fixture_plan plan = {
        .entries = ENTRIES_AFTER, .sync_every = 2, .options = {.segment_bytes = 64 << 10}};
    uint64_t before = book->acknowledged;
    fixture_verify(f, book, false);
    fixture_read(f, book);
    enum pp_error error = fixture_write(f, &plan, book);
    require(error == PP_OK, "going on: %s", last_failure.text);
    require(book->acknowledged >= before + ENTRIES_AFTER, "going on added nothing");
    fixture_verify(f, book, true);
    fixture_read(f, book);
}
