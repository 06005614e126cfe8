/* SPDX-License-Identifier: MIT */
/* A ledger in a scratch folder, entries whose content follows from their seq, and a book of what
   the writer acknowledged: the crash and restart tests compare the ledger with it. */
#ifndef PP_LEDGER_FIXTURE_H
#define PP_LEDGER_FIXTURE_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include <postproof/ledger.h>

struct fixture {
    char root[PATH_MAX / 2]; /* holds everything else */
    char keys[PATH_MAX], ledger[PATH_MAX], verify_key[PATH_MAX], checkpoint[PATH_MAX];
};

/* An empty scratch folder, in $TMPDIR, or in memory where there is /dev/shm: the fault tests model
   what a disk may lose themselves. */
void fixture_make(struct fixture *f);
/* Makes the folder empty again, and as it was when there is a copy. */
void fixture_empty(const struct fixture *f);
void fixture_copy(const struct fixture *from, const struct fixture *to);
void fixture_remove(struct fixture *f);
/* Keys and an empty ledger. */
enum pp_error fixture_create(const struct fixture *f);

/* What the writer has acknowledged.  In shared memory it outlives a killed child. */
struct fixture_book {
    _Atomic bool stop;             /* a child that works until it is told */
    _Atomic uint64_t acknowledged; /* entries */
    uint64_t keep_seq;             /* entries before it may have been pruned */
    unsigned checkpoints;          /* the last one is note[(checkpoints - 1) % 2] */
    char note[2][PP_CHECKPOINT_BYTES_MAX];
    size_t note_bytes[2];
    char violation[256]; /* what the writer did although it must not, or "" */
};
struct fixture_book *fixture_book_new(void);
void fixture_book_free(struct fixture_book *book);

/* One life of a writer: what it does between open and close. */
struct fixture_plan {
    uint64_t entries;
    uint64_t sync_every;    /* entries; 0: never, then only durable_size acknowledges */
    uint64_t checkpoint_at; /* entries appended in this life; 0: never */
    uint64_t prune_at;      /* the same, again and again */
    uint64_t keep;          /* entries that pruning keeps at least; 0: half of them */
    struct pp_ledger_options options;
    bool abandon; /* leave without close: for a child that is to die */
};
enum { FIXTURE_LARGE_BODY_EVERY = 41 }; /* of so many entries one is kept as a blob */

/* Runs the plan and notes in the book what is acknowledged.  Returns the first error; then it has
   seen to it that the writer refuses everything after it. */
enum pp_error fixture_write(const struct fixture *f, const struct fixture_plan *plan,
                            struct fixture_book *book);

/* This one entry gets a body of nothing but zeros, such that its frame has so many bytes. */
void fixture_zeros(uint64_t seq, size_t frame_bytes);
/* The end of what was written to the last segment; zeros in place of some of it. */
size_t fixture_used_end(const struct fixture *f);
void fixture_lose_sector(const struct fixture *f, size_t offset, size_t bytes);

/* In the messages of failed checks. */
void fixture_context(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The verdict with the key (and with the last checkpoint when there is one) is OK; or, unless whole
   is demanded, TORN_TAIL where there are unsealed bytes. */
void fixture_verify(const struct fixture *f, const struct fixture_book *book, bool whole);
/* Everything acknowledged is there, byte for byte. */
void fixture_read(const struct fixture *f, const struct fixture_book *book);
/* All of it: as found, then opened, appended to and closed, and then without a trace of doubt. */
void fixture_check_and_go_on(const struct fixture *f, struct fixture_book *book);

#endif
