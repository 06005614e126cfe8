/* SPDX-License-Identifier: MIT */
/* SQLite in WAL mode with a hash-chain column, as an application would build it by hand:
   hash(i) = SHA-256(hash(i-1) || seq || body).  One configuration per process. */
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/evp.h>

#include "measure.h"
#include "payload.h"

enum { HASH_BYTES = 32, NOTE_BYTES = 200, PATH_BYTES = 4096 };

struct chain {
    sqlite3 *db;
    sqlite3_stmt *insert, *begin, *commit;
    EVP_MD *sha256; /* fetched once: the one-shot SHA256() would look it up for each row */
    EVP_MD_CTX *ctx;
    unsigned char head[HASH_BYTES];
};

static void die(struct chain *chain, const char *what)
{
    fprintf(stderr, "sqlite_chain: %s: %s\n", what, chain->db ? sqlite3_errmsg(chain->db) : "");
    exit(2);
}

static void execute(struct chain *chain, const char *sql)
{
    if (sqlite3_exec(chain->db, sql, NULL, NULL, NULL) != SQLITE_OK) {
        die(chain, sql);
    }
}

static sqlite3_stmt *statement(struct chain *chain, const char *sql)
{
    sqlite3_stmt *made = NULL;
    if (sqlite3_prepare_v2(chain->db, sql, -1, &made, NULL) != SQLITE_OK) {
        die(chain, sql);
    }
    return made;
}

static void step(struct chain *chain, sqlite3_stmt *run)
{
    if (sqlite3_step(run) != SQLITE_DONE || sqlite3_reset(run) != SQLITE_OK) {
        die(chain, sqlite3_sql(run));
    }
}

/* Moves the head on over one row. */
static void chain_row(struct chain *chain, uint64_t seq, const void *body, size_t len)
{
    unsigned char row[HASH_BYTES + 8 + PAYLOAD_BYTES];
    if (len != PAYLOAD_BYTES) {
        die(chain, "a row has another length than was written");
    }
    memcpy(row, chain->head, HASH_BYTES);
    for (int i = 0; i < 8; i++) {
        row[HASH_BYTES + i] = (unsigned char)(seq >> (56 - 8 * i));
    }
    memcpy(row + HASH_BYTES + 8, body, PAYLOAD_BYTES);
    if (EVP_DigestInit_ex2(chain->ctx, chain->sha256, NULL) != 1 ||
        EVP_DigestUpdate(chain->ctx, row, sizeof row) != 1 ||
        EVP_DigestFinal_ex(chain->ctx, chain->head, NULL) != 1) {
        die(chain, "SHA-256");
    }
}

static void open_database(struct chain *chain, const char *path, const char *synchronous)
{
    char pragma[64];
    if (sqlite3_open(path, &chain->db) != SQLITE_OK) {
        die(chain, path);
    }
    snprintf(pragma, sizeof pragma, "PRAGMA synchronous=%s", synchronous);
    execute(chain, "PRAGMA journal_mode=WAL");
    execute(chain, pragma);
    execute(chain, "CREATE TABLE log(seq INTEGER PRIMARY KEY, body BLOB, hash BLOB)");
    chain->insert = statement(chain, "INSERT INTO log VALUES(?1, ?2, ?3)");
    chain->begin = statement(chain, "BEGIN");
    chain->commit = statement(chain, "COMMIT");
    chain->sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
    chain->ctx = EVP_MD_CTX_new();
    if (!chain->sha256 || !chain->ctx) {
        die(chain, "SHA-256");
    }
}

static void insert_row(struct chain *chain, uint64_t seq)
{
    char body[PAYLOAD_BYTES];
    payload_line(seq, body);
    chain_row(chain, seq, body, sizeof body);
    sqlite3_bind_int64(chain->insert, 1, (sqlite3_int64)seq);
    sqlite3_bind_blob(chain->insert, 2, body, sizeof body, SQLITE_STATIC);
    sqlite3_bind_blob(chain->insert, 3, chain->head, HASH_BYTES, SQLITE_STATIC);
    step(chain, chain->insert);
}

static double append_seconds(struct chain *chain, uint64_t count, uint64_t batch)
{
    double start = seconds_now();
    for (uint64_t seq = 0; seq < count;) {
        step(chain, chain->begin);
        for (uint64_t end = seq + batch; seq < end && seq < count; seq++) {
            insert_row(chain, seq);
        }
        step(chain, chain->commit);
    }
    return seconds_now() - start;
}

/* Recomputes every link from the stored bodies; ends the program at the first that differs. */
static double verify_seconds(struct chain *chain, uint64_t count)
{
    memset(chain->head, 0, HASH_BYTES);
    uint64_t seq = 0;
    double start = seconds_now();
    sqlite3_stmt *rows = statement(chain, "SELECT seq, body, hash FROM log ORDER BY seq");
    for (; sqlite3_step(rows) == SQLITE_ROW; seq++) {
        if ((uint64_t)sqlite3_column_int64(rows, 0) != seq) {
            die(chain, "a row is missing");
        }
        const void *body = sqlite3_column_blob(rows, 1);
        chain_row(chain, seq, body, (size_t)sqlite3_column_bytes(rows, 1));
        const void *hash = sqlite3_column_blob(rows, 2);
        if (sqlite3_column_bytes(rows, 2) != HASH_BYTES ||
            memcmp(hash, chain->head, HASH_BYTES) != 0) {
            die(chain, "the chain is broken");
        }
    }
    double seconds = seconds_now() - start;
    if (sqlite3_finalize(rows) != SQLITE_OK || seq != count) {
        die(chain, "rows were lost");
    }
    return seconds;
}

static void close_database(struct chain *chain)
{
    sqlite3_finalize(chain->insert);
    sqlite3_finalize(chain->begin);
    sqlite3_finalize(chain->commit);
    EVP_MD_CTX_free(chain->ctx);
    EVP_MD_free(chain->sha256);
    sqlite3_close(chain->db);
}

int main(int argc, char **argv)
{
    if (argc != 5 || (strcmp(argv[4], "FULL") != 0 && strcmp(argv[4], "OFF") != 0)) {
        fprintf(stderr, "usage: sqlite_chain FOLDER N BATCH FULL|OFF\n");
        return 2;
    }
    uint64_t count = strtoull(argv[2], NULL, 10);
    uint64_t batch = strtoull(argv[3], NULL, 10);
    char path[PATH_BYTES];
    struct chain chain = {0};
    if (count == 0 || batch == 0 ||
        snprintf(path, sizeof path, "%s/chain.db", argv[1]) >= PATH_BYTES) {
        return 2;
    }
    batch = batch < count ? batch : count;
    open_database(&chain, path, argv[4]);
    double append = append_seconds(&chain, count, batch);
    execute(&chain, "PRAGMA wal_checkpoint(TRUNCATE)");
    double verify = verify_seconds(&chain, count);
    struct stat file;
    if (stat(path, &file) != 0) {
        die(&chain, path);
    }
    close_database(&chain);
    char what[NOTE_BYTES];
    char note[NOTE_BYTES];
    snprintf(what, sizeof what, "hash chain, %llu per transaction, synchronous=%s%s",
             (unsigned long long)batch, argv[4], argv[4][1] == 'F' ? ", not durable" : "");
    snprintf(note, sizeof note, "%llu rows; SQLite %s; unkeyed chain: whoever writes can redo it",
             (unsigned long long)count, sqlite3_libversion());
    row_print(&(struct row){"SQLite WAL", what, (double)count / append,
                            (double)file.st_size / (double)count, (double)count / verify, note});
    return unlink(path) == 0 ? 0 : 2;
}
