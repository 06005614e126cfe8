/* SPDX-License-Identifier: MIT */
/* The redo journal: pages as they will be, then a header that makes them count. */
#include "image.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
    PAGE = PP_ROLLBACK_PAGE_BYTES,
    BUFFER_BYTES = 1 << 18,
    FIELD_BYTES = 192, /* of the header */
    CHECK_AT = 160
};
static const char magic[] = "PPRBJN01";

/* ---- Header --------------------------------------------------------------------------------- */

static void put_digest(uint8_t *at, const struct pp_digest *digest)
{
    memcpy(at, digest->b, sizeof digest->b);
}

static struct pp_digest get_digest(const uint8_t *at)
{
    struct pp_digest digest;
    memcpy(digest.b, at, sizeof digest.b);
    return digest;
}

static void encode_header(const struct pp_journal_header *header, uint8_t out[FIELD_BYTES])
{
    memcpy(out, magic, 8);
    pp_put_u64(out + 8, header->old_bytes);
    pp_put_u64(out + 16, header->new_bytes);
    pp_put_u64(out + 24, header->pages);
    put_digest(out + 32, &header->old_root);
    put_digest(out + 64, &header->new_root);
    put_digest(out + 96, &header->patch_hash);
    put_digest(out + 128, &header->records_hash);
    struct pp_digest check = pp_sha256((struct pp_bytes){out, CHECK_AT});
    put_digest(out + CHECK_AT, &check);
}

static bool decode_header(const uint8_t in[FIELD_BYTES], struct pp_journal_header *header)
{
    struct pp_digest check = pp_sha256((struct pp_bytes){in, CHECK_AT});
    if (memcmp(in, magic, 8) != 0 || memcmp(in + CHECK_AT, check.b, sizeof check.b) != 0)
        return false;
    *header = (struct pp_journal_header){.old_bytes = pp_get_u64(in + 8),
                                         .new_bytes = pp_get_u64(in + 16),
                                         .pages = pp_get_u64(in + 24),
                                         .old_root = get_digest(in + 32),
                                         .new_root = get_digest(in + 64),
                                         .patch_hash = get_digest(in + 96),
                                         .records_hash = get_digest(in + 128)};
    return true;
}

/* ---- Writing -------------------------------------------------------------------------------- */

int pp_journal_begin(struct pp_journal *journal, int fd)
{
    journal->fd = fd;
    journal->used = 0;
    journal->end = PP_JOURNAL_HEADER_BYTES;
    journal->header.pages = 0;
    pp_sha256_init(&journal->heads);
    if (journal->buffer == NULL)
        journal->buffer = malloc(BUFFER_BYTES);
    return journal->buffer != NULL ? 0 : -ENOMEM;
}

static int flush(struct pp_journal *journal)
{
    int result = pp_os_write_at(journal->fd, journal->buffer, journal->used, journal->end);
    journal->end += journal->used;
    journal->used = 0;
    return result;
}

int pp_journal_add(struct pp_journal *journal, uint64_t page, const struct pp_digest *hash,
                   struct pp_bytes data)
{
    if (BUFFER_BYTES - journal->used < PP_JOURNAL_RECORD_HEAD_BYTES + data.len) {
        int result = flush(journal);
        if (result < 0)
            return result;
    }
    uint8_t *record = journal->buffer + journal->used;
    pp_put_u64(record, page);
    pp_put_u32(record + 8, (uint32_t)data.len);
    put_digest(record + 12, hash);
    memcpy(record + PP_JOURNAL_RECORD_HEAD_BYTES, data.data, data.len);
    pp_sha256_update(&journal->heads, (struct pp_bytes){record, PP_JOURNAL_RECORD_HEAD_BYTES});
    journal->used += PP_JOURNAL_RECORD_HEAD_BYTES + data.len;
    journal->header.pages++;
    return 0;
}

int pp_journal_write_header(struct pp_journal *journal)
{
    uint8_t fields[FIELD_BYTES];
    int result = flush(journal);
    journal->header.records_hash = pp_sha256_final(&journal->heads);
    encode_header(&journal->header, fields);
    return result < 0 ? result : pp_os_write_at(journal->fd, fields, sizeof fields, 0);
}

int pp_journal_retire(int fd)
{
    static const uint8_t zeros[FIELD_BYTES];
    return pp_os_write_at(fd, zeros, sizeof zeros, 0);
}

/* ---- Reading back --------------------------------------------------------------------------- */

enum pp_error pp_journal_rewind(struct pp_journal *journal, int fd, int *os_error)
{
    uint8_t fields[FIELD_BYTES];
    int result = pp_journal_begin(journal, fd);
    int64_t got = result < 0 ? result : pp_os_read_at(fd, fields, sizeof fields, 0);
    *os_error = got < 0 ? (int)-got : 0;
    journal->at = 0;
    if (got < 0)
        return PP_ERROR_IO;
    if (got != sizeof fields || !decode_header(fields, &journal->header))
        return PP_ERROR_NOT_FOUND;
    journal->pages_left = journal->header.pages;
    return PP_OK;
}

/* At least n bytes at buffer + at, or the file is shorter than that: PP_ERROR_MISMATCH. */
static enum pp_error need(struct pp_journal *journal, size_t n, int *os_error)
{
    if (journal->used - journal->at >= n)
        return PP_OK;
    journal->used -= journal->at;
    memmove(journal->buffer, journal->buffer + journal->at, journal->used);
    journal->at = 0;
    int64_t got = pp_os_read_at(journal->fd, journal->buffer + journal->used,
                                BUFFER_BYTES - journal->used, journal->end);
    *os_error = got < 0 ? (int)-got : 0;
    if (got < 0)
        return PP_ERROR_IO;
    journal->end += (uint64_t)got;
    journal->used += (size_t)got;
    return journal->used >= n ? PP_OK : PP_ERROR_MISMATCH;
}

static enum pp_error finish(struct pp_journal *journal)
{
    struct pp_digest hash = pp_sha256_final(&journal->heads);
    return pp_digest_equal(&hash, &journal->header.records_hash) ? PP_ERROR_NOT_FOUND
                                                                 : PP_ERROR_MISMATCH;
}

enum pp_error pp_journal_next(struct pp_journal *journal, struct pp_journal_record *record,
                              int *os_error)
{
    *os_error = 0;
    if (journal->pages_left == 0)
        return finish(journal);
    enum pp_error error = need(journal, PP_JOURNAL_RECORD_HEAD_BYTES, os_error);
    if (error != PP_OK)
        return error;
    const uint8_t *head = journal->buffer + journal->at;
    size_t len = pp_get_u32(head + 8);
    if (len == 0 || len > PAGE)
        return PP_ERROR_MISMATCH;
    error = need(journal, PP_JOURNAL_RECORD_HEAD_BYTES + len, os_error);
    if (error != PP_OK)
        return error;
    head = journal->buffer + journal->at;
    *record = (struct pp_journal_record){.page = pp_get_u64(head),
                                         .hash = get_digest(head + 12),
                                         .data = {head + PP_JOURNAL_RECORD_HEAD_BYTES, len}};
    struct pp_digest hash = pp_rollback_page_hash(record->data);
    pp_sha256_update(&journal->heads, (struct pp_bytes){head, PP_JOURNAL_RECORD_HEAD_BYTES});
    journal->at += PP_JOURNAL_RECORD_HEAD_BYTES + len;
    journal->pages_left--;
    uint64_t pages = pp_rollback_pages(journal->header.new_bytes);
    return record->page < pages && pp_digest_equal(&hash, &record->hash) ? PP_OK
                                                                         : PP_ERROR_MISMATCH;
}

void pp_journal_free(struct pp_journal *journal)
{
    free(journal->buffer);
    *journal = (struct pp_journal){0};
}
