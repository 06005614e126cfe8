/* SPDX-License-Identifier: MIT */
/* Small ledgers for tests, their files as bytes that can be changed, and forgeries made with keys:
   what an attacker on the disk can do. */
#ifndef TEST_TAMPER_H
#define TEST_TAMPER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <postproof/ledger.h>

#include "../../src/ledger/segment_internal.h"

/* ---- Chance: the same numbers in each run -------------------------------------------------- */

uint64_t tamper_random_u64(void);
/* 0 .. below - 1. */
size_t tamper_random_below(size_t below);
void tamper_random_bytes(void *out, size_t n);
/* Whether the long loops were asked for: PP_CHAOS=1. */
bool tamper_chaos(void);

/* ---- Ledgers -------------------------------------------------------------------------------- */

enum { TAMPER_PATH_BYTES = 160 };

/* Where a ledger and what belongs to it stand, in a scratch folder that tamper_clean_up removes. */
struct tamper_place {
    char ledger[TAMPER_PATH_BYTES], keys[TAMPER_PATH_BYTES];
    char verify_key[TAMPER_PATH_BYTES], checkpoint[TAMPER_PATH_BYTES]; /* saved elsewhere */
};

/* Group set-up and tear-down for cmocka. */
int tamper_set_up(void **state);
int tamper_clean_up(void **state);

/* Paths for a name; nothing is made. */
struct tamper_place tamper_place(const char *name);
/* Keys and an empty ledger. */
struct tamper_place tamper_new(const char *name, const char *origin);
/* Keys and a ledger with what fill writes.  Keys are random, and one seal in 256 ends with a zero,
   so that it looks unfinished when what it seals is damaged: then the ledger is made anew, for the
   same verdicts in each run. */
struct tamper_place tamper_make(const char *name, const char *origin,
                                void (*fill)(const struct tamper_place *place));
/* Copies ledger and keys under another name: what a restored backup is. */
struct tamper_place tamper_clone(const struct tamper_place *from, const char *name);

struct pp_ledger *tamper_open(const struct tamper_place *place);
/* Opens and tells what it found; segments of segment_bytes. */
struct pp_ledger *tamper_open_with(const struct tamper_place *place, uint64_t segment_bytes,
                                   struct pp_ledger_opening *opening);
/* Like tamper_open, but returns the error that is expected. */
enum pp_error tamper_open_error(const struct tamper_place *place);
void tamper_close(struct pp_ledger *ledger);
/* count entries, each with a body of about body_bytes that depends on its seq, and sync. */
void tamper_group(struct pp_ledger *ledger, size_t count, size_t body_bytes);
/* An entry whose body is kept beside, and sync. */
void tamper_blob(struct pp_ledger *ledger);
/* A group of count entries, behind which the segment is closed, however short it is. */
void tamper_rotate(struct pp_ledger *ledger, size_t count);
/* Signs the tree and saves the checkpoint at place->checkpoint. */
void tamper_checkpoint(struct pp_ledger *ledger, const struct tamper_place *place);
/* Bytes without a seal behind the last seal of the last segment, as a crash leaves them. */
void tamper_tear(const struct tamper_place *place, const void *torn, size_t len);

/* Three short segments with a blob, the second one closed by a recovery or by a rotation, then a
   checkpoint; a few zeros end the last one.  10 entries. */
enum { TAMPER_TINY_ENTRIES = 10, TAMPER_TINY_ZEROS = 100 };
struct tamper_place tamper_tiny(const char *name, bool ends_with_recovery);

/* Verifies with one thread at T1, or at T2 with place->checkpoint. */
struct pp_verify_report tamper_verify(const struct tamper_place *place, enum pp_trust trust);

/* ---- Files as bytes ------------------------------------------------------------------------- */

enum { TAMPER_FILES_MAX = 48 };

struct tamper_file {
    char name[TAMPER_PATH_BYTES]; /* relative to the ledger */
    uint8_t *data;
    size_t len;
};
struct tamper_copy {
    struct tamper_file file[TAMPER_FILES_MAX];
    size_t count;
};

/* Every regular file of a ledger, sorted by name; freed with tamper_free. */
struct tamper_copy tamper_load(const char *ledger);
struct tamper_copy tamper_duplicate(const struct tamper_copy *copy);
/* Makes the folder hold exactly these files (and its link to the keys). */
void tamper_store(const struct tamper_copy *copy, const char *ledger);
void tamper_free(struct tamper_copy *copy);
/* Writes one file or one byte of it. */
void tamper_write(const char *ledger, const struct tamper_file *file);
void tamper_poke(const char *ledger, const char *name, size_t at, uint8_t value);
void tamper_resize(const char *ledger, const char *name, size_t bytes);

/* A file of the copy; segments by their index.  NULL when there is none. */
struct tamper_file *tamper_find(struct tamper_copy *copy, const char *name);
struct tamper_file *tamper_segment(struct tamper_copy *copy, uint64_t segment);
struct tamper_file *tamper_index(struct tamper_copy *copy, uint64_t segment);
void tamper_remove(struct tamper_copy *copy, const char *name);
/* Replaces data[at .. at + old_len) by len other bytes; the file grows or shrinks. */
void tamper_splice(struct tamper_file *file, size_t at, size_t old_len, const void *data,
                   size_t len);
void tamper_assign(struct tamper_file *file, const struct tamper_file *from);
enum { TAMPER_SEGMENTS_MAX = 1000 };
/* The index of the last segment. */
uint64_t tamper_last_segment(struct tamper_copy *copy);

/* ---- Records -------------------------------------------------------------------------------- */

enum { TAMPER_FRAMES_MAX = 2048 };

struct tamper_frame {
    size_t at, bytes;
    uint8_t type;   /* PP_FRAME_ENTRY and so on */
    uint64_t seq;   /* of an entry; first seq of a seal or header */
    uint64_t epoch; /* of a seal or header */
    uint8_t kind;   /* of a seal */
};
/* From one seal or header to the next seal, which is the last frame. */
struct tamper_group {
    size_t at, bytes;    /* the whole group */
    size_t first, count; /* its frames, without the seal */
    size_t seal;         /* index of the seal's frame */
};
struct tamper_map {
    struct tamper_frame frame[TAMPER_FRAMES_MAX];
    size_t frames;
    struct tamper_group group[TAMPER_FRAMES_MAX];
    size_t groups;
    size_t end; /* behind the last whole frame */
};
void tamper_map(const struct tamper_file *segment, struct tamper_map *map);

/* ---- Forgeries ------------------------------------------------------------------------------ */

/* Writes records with any key that it is given, in the order of the calls. */
struct tamper_forger {
    struct pp_digest seed;
    struct pp_epoch_keys keys; /* of the epoch that is used, whatever the seals claim */
    struct pp_digest log_id;
    uint8_t key_id[PP_KEY_ID_BYTES];
    char origin[64];
    uint64_t realtime_ns; /* of headers and seals */
    struct pp_merkle_tree tree;
    struct pp_tag tag, sealed_tag;
    uint64_t next_seq, sealed_seq;
    uint8_t *out;
    size_t len, cap;
};
/* Starts from nothing, for the ledger at place. */
void tamper_forger_init(struct tamper_forger *forger, const struct tamper_place *place);
void tamper_forger_free(struct tamper_forger *forger);
/* The keys of this epoch from now on. */
void tamper_forger_key(struct tamper_forger *forger, uint64_t epoch);
/* Takes honest bytes over as they are: frames up to `end` of a segment. */
void tamper_forger_take(struct tamper_forger *forger, const struct tamper_file *segment,
                        const struct tamper_map *map, size_t frames);
void tamper_forger_header(struct tamper_forger *forger, uint64_t segment, uint64_t epoch);
/* An entry with the next seq; body "forged". */
void tamper_forger_entry(struct tamper_forger *forger, const char *body);
/* An entry's content as it is, but with a tag of the key in use. */
void tamper_forger_retag(struct tamper_forger *forger, struct pp_bytes content);
void tamper_forger_seal(struct tamper_forger *forger, enum pp_seal_kind kind, uint64_t epoch,
                        uint64_t detail_number);
/* Puts the bytes made so far in place of the segment's records, zeros behind them. */
void tamper_forger_put(const struct tamper_forger *forger, struct tamper_file *segment);

#endif
