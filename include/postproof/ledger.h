/* SPDX-License-Identifier: MIT */
/* The ledger: append telemetry, seal it, verify it, prove single entries.  The bytes on disk are
   specified in docs/format/ledger.md; what a verdict means in docs/ledger.md.
   Conventions (ownership, NULL, outputs on error) are in <postproof/postproof.h>. */
#ifndef POSTPROOF_LEDGER_H
#define POSTPROOF_LEDGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <postproof/bytes.h>
#include <postproof/error.h>

/* ---- Entries ------------------------------------------------------------------------------ */

enum pp_level { PP_TRACE, PP_DEBUG, PP_INFO, PP_WARN, PP_ERROR, PP_FATAL, PP_LEVEL_COUNT };
enum pp_entry_kind {
    PP_ENTRY_DATA = 1,      /* the body is what was logged */
    PP_ENTRY_REFERENCE = 2, /* the body is length ‖ SHA-256 of a larger body, kept beside */
    PP_ENTRY_NOTICE = 3     /* written by postproof itself, such as a count of lines dropped */
};

enum {
    PP_ENTRY_BYTES_MAX = 65535, /* the whole encoding */
    PP_ENTRY_FIXED_BYTES = 24,
    PP_SOURCE_BYTES_MAX = 255,
    PP_ORIGIN_BYTES_MAX = 255,
    PP_REFERENCE_BYTES = 40,
    /* the largest body that fits inside an entry whatever its source */
    PP_BODY_BYTES_MAX = PP_ENTRY_BYTES_MAX - PP_ENTRY_FIXED_BYTES - PP_SOURCE_BYTES_MAX
};

struct pp_entry {
    uint64_t seq;           /* assigned by append */
    uint64_t time_ns;       /* since 1970-01-01 UTC */
    struct pp_bytes source; /* 1 to 255 bytes */
    struct pp_bytes body;
    uint8_t level; /* enum pp_level */
    uint8_t kind;  /* enum pp_entry_kind */
};

/* Upper-case name of a level ("INFO"); "?" outside the enum. */
const char *pp_level_text(uint8_t level);
/* Level from its name in any case, also WARNING, ERR, CRITICAL, NOTICE and the like; false when
   unknown. */
PP_MUST_CHECK bool pp_level_parse(struct pp_bytes text, uint8_t *level);

/* What an encoding is: the n bytes at p encode these fields, with the source (sl bytes) at p + 20
   and the body (bl bytes) at p + 24 + sl. */
/*@ predicate pp_entry_kind_is_valid(integer kind, integer bl) =
      kind == PP_ENTRY_DATA || kind == PP_ENTRY_NOTICE
      || (kind == PP_ENTRY_REFERENCE && bl == PP_REFERENCE_BYTES);

    predicate pp_entry_head{L}(uint8_t *p, integer seq, integer time, integer level,
                               integer kind, integer sl) =
      p[0] == 1 && p[1] == kind && pp_be64(p + 2) == seq && pp_be64(p + 10) == time
      && p[18] == level && p[19] == sl;

    predicate pp_entry_is_valid(integer level, integer kind, integer sl, integer bl) =
      0 <= level < PP_LEVEL_COUNT && pp_entry_kind_is_valid(kind, bl)
      && 0 < sl <= PP_SOURCE_BYTES_MAX;

    predicate pp_entry_encodes{L}(uint8_t *p, integer n, integer seq, integer time,
                                  integer level, integer kind, integer sl, integer bl) =
      n == 24 + sl + bl && 0 <= bl && n <= PP_ENTRY_BYTES_MAX
      && pp_entry_is_valid(level, kind, sl, bl) && pp_entry_head(p, seq, time, level, kind, sl)
      && pp_be32(p + (20 + sl)) == bl; */

/* Canonical encoding (docs/format/ledger.md section 3) into out[cap]; *len is its length.
   PP_ERROR_ARGUMENT: level, kind or source length; PP_ERROR_TOO_LARGE; PP_ERROR_NO_SPACE. */
/*@ requires \valid_read(entry) && \valid(len) && \valid(out + (0 .. cap - 1));
    requires pp_bytes_readable(entry->source) && pp_bytes_readable(entry->body);
    requires \separated(out + (0 .. cap - 1), entry, len);
    requires \separated(entry, len);
    requires \separated(out + (0 .. cap - 1), entry->source.data + (0 .. entry->source.len - 1));
    requires \separated(out + (0 .. cap - 1), entry->body.data + (0 .. entry->body.len - 1));
    requires \separated(len, entry->source.data + (0 .. entry->source.len - 1));
    requires \separated(len, entry->body.data + (0 .. entry->body.len - 1));
    assigns out[0 .. cap - 1], *len;
    ensures argument: \result == PP_ERROR_ARGUMENT <==>
      !pp_entry_is_valid(entry->level, entry->kind, entry->source.len, entry->body.len);
    ensures done: \result == PP_OK <==>
      pp_entry_is_valid(entry->level, entry->kind, entry->source.len, entry->body.len)
      && 24 + entry->source.len + entry->body.len <= PP_ENTRY_BYTES_MAX
      && 24 + entry->source.len + entry->body.len <= cap;
    ensures failed: \result != PP_OK ==> *len == \old(*len);
    ensures fields: \result == PP_OK ==>
      pp_entry_encodes(out, *len, entry->seq, entry->time_ns, entry->level, entry->kind,
                       entry->source.len, entry->body.len);
    ensures source: \result == PP_OK ==>
      pp_same(out + 20, entry->source.data, entry->source.len);
    ensures body: \result == PP_OK ==>
      pp_same(out + (24 + entry->source.len), entry->body.data, entry->body.len); */
PP_MUST_CHECK enum pp_error pp_entry_encode(const struct pp_entry *entry, uint8_t *out, size_t cap,
                                            size_t *len);
/* Accepts exactly the encodings.  *entry borrows from data.  PP_ERROR_FORMAT otherwise. */
/*@ requires pp_bytes_readable(data) && \valid(entry);
    requires \separated(entry, data.data + (0 .. data.len - 1));
    assigns *entry;
    ensures errors: \result == PP_OK || \result == PP_ERROR_FORMAT;
    ensures sound: \result == PP_OK ==>
      pp_entry_encodes{Pre}(data.data, data.len, entry->seq, entry->time_ns, entry->level,
                            entry->kind, entry->source.len, entry->body.len);
    ensures complete: \forall integer s, t, l, k, sl, bl;
      pp_entry_encodes{Pre}(data.data, data.len, s, t, l, k, sl, bl) ==> \result == PP_OK;
    ensures views: \result == PP_OK ==> entry->source.data == data.data + 20
      && entry->body.data == data.data + (24 + entry->source.len); */
PP_MUST_CHECK enum pp_error pp_entry_decode(struct pp_bytes data, struct pp_entry *entry);

/* ---- Merkle tree: RFC 6962 section 2.1, RFC 9162 section 2.1 -------------------------------- */

enum { PP_MERKLE_HEIGHT_MAX = 63, PP_PROOF_HASHES_MAX = 64 };

struct pp_digest pp_merkle_leaf(struct pp_bytes entry_encoding);

/* The root that an inclusion proof leads to (RFC 9162 section 2.1.3.2).
   PP_ERROR_MISMATCH when index >= size or count is not the length such a proof has. */
PP_MUST_CHECK enum pp_error pp_merkle_inclusion_root(const struct pp_digest *leaf, uint64_t index,
                                                     uint64_t size, const struct pp_digest *path,
                                                     size_t count, struct pp_digest *root);
/* PP_OK when the tree of new_size with new_root extends that of old_size with old_root
   (RFC 9162 section 2.1.4.2; old_size 0 and equal sizes take an empty proof). */
PP_MUST_CHECK enum pp_error pp_merkle_consistency_check(uint64_t old_size,
                                                        const struct pp_digest *old_root,
                                                        uint64_t new_size,
                                                        const struct pp_digest *new_root,
                                                        const struct pp_digest *path, size_t count);

/* ---- Keys ---------------------------------------------------------------------------------- */

/* Writes sealing.key, verify.key, checkpoint.key (mode 0600) and checkpoint.pub into the folder,
   which is made when missing.  origin names the log, 1 to 255 bytes without white space or '+'.
   PP_ERROR_EXISTS when any of the files exists: nothing is ever overwritten. */
PP_MUST_CHECK enum pp_error pp_keys_create(const char *folder, const char *origin,
                                           struct pp_failure *failure);

/* ---- Writing ------------------------------------------------------------------------------- */

struct pp_ledger;

struct pp_ledger_options {
    uint64_t segment_bytes; /* 0: 16 MiB; else 64 KiB to 1 GiB */
    size_t group_bytes;     /* seal at the latest when this much is unsealed; 0: 4 MiB */
    bool not_durable;       /* leave out every fsync: for measurements and scratch ledgers */
};

/* Makes an empty ledger bound to the keys; a key folder seals one ledger only.  origin NULL: the
   one that the keys were made with. */
PP_MUST_CHECK enum pp_error pp_ledger_create(const char *path, const char *keys_folder,
                                             const char *origin, struct pp_failure *failure);

/* What opening found and did. */
struct pp_ledger_opening {
    uint64_t size;       /* entries sealed */
    bool recovered;      /* a torn tail was sealed off by a recovery seal */
    uint64_t torn_bytes; /* its length */
};

/* Opens for writing and takes the lock.  keys_folder NULL: the ledger's own link "keys".
   Repairs what a crash left (see *opening, which may be NULL); refuses with PP_ERROR_ROLLED_BACK
   a ledger that is older than its key or its latest checkpoint.  options NULL: defaults. */
PP_MUST_CHECK enum pp_error pp_ledger_open(const char *path, const char *keys_folder,
                                           const struct pp_ledger_options *options,
                                           struct pp_ledger **ledger,
                                           struct pp_ledger_opening *opening,
                                           struct pp_failure *failure);

/* Appends one entry; its seq and kind are set here (data, or reference for a body that does not
   fit).  When it returns the entry has its tag; it is durable after pp_ledger_sync, or when
   pp_ledger_durable_size exceeds its seq.  *seq may be NULL.  After any error but ARGUMENT and
   TOO_LARGE the ledger only accepts close. */
PP_MUST_CHECK enum pp_error pp_ledger_append(struct pp_ledger *ledger, const struct pp_entry *entry,
                                             uint64_t *seq);
/* Many at once, all or up to the first error: *done (may be NULL) says how many. */
PP_MUST_CHECK enum pp_error pp_ledger_append_batch(struct pp_ledger *ledger,
                                                   const struct pp_entry *entries, size_t count,
                                                   size_t *done);
/* A notice of postproof's own, source "postproof". */
PP_MUST_CHECK enum pp_error pp_ledger_append_notice(struct pp_ledger *ledger, uint64_t time_ns,
                                                    uint8_t level, const char *text);
/* Seals what was appended and starts writing it; does not wait. */
PP_MUST_CHECK enum pp_error pp_ledger_flush(struct pp_ledger *ledger);
/* Seals, and returns when everything appended is durable. */
PP_MUST_CHECK enum pp_error pp_ledger_sync(struct pp_ledger *ledger);
/* Entries appended, and entries known durable. */
uint64_t pp_ledger_size(const struct pp_ledger *ledger);
uint64_t pp_ledger_durable_size(struct pp_ledger *ledger);

enum { PP_CHECKPOINT_BYTES_MAX = 4096 };
/* Syncs, re-reads and re-hashes the open segment, signs the tree with checkpoint.key and stores the
   note as LEDGER/checkpoint.  out[PP_CHECKPOINT_BYTES_MAX] gets its text, *len the length. */
PP_MUST_CHECK enum pp_error pp_ledger_checkpoint(struct pp_ledger *ledger, char *out, size_t *len);

/* Retention: seals a prune record that keeps everything from the segment that holds keep_seq, then
   deletes the segments before it.  *pruned: entries gone. */
PP_MUST_CHECK enum pp_error pp_ledger_prune(struct pp_ledger *ledger, uint64_t keep_seq,
                                            uint64_t *pruned);

/* The last failure in words; valid until the next call on this ledger. */
const struct pp_failure *pp_ledger_failure(const struct pp_ledger *ledger);

/* Syncs, erases the keys in memory, releases the lock and frees.  NULL is allowed.  PP_OK also for
   a writer that stopped before: its failure was reported then. */
PP_MUST_CHECK enum pp_error pp_ledger_close(struct pp_ledger *ledger, struct pp_failure *failure);

/* ---- Reading ------------------------------------------------------------------------------- */

/* Reads sealed entries without a lock, also while a writer works.  It does not verify. */
struct pp_ledger_reader;
PP_MUST_CHECK enum pp_error pp_ledger_reader_open(const char *path,
                                                  struct pp_ledger_reader **reader,
                                                  struct pp_failure *failure);
void pp_ledger_reader_close(struct pp_ledger_reader *reader);
/* First seq that is still there (more than 0 after pruning) and the sealed size. */
uint64_t pp_ledger_reader_first(const struct pp_ledger_reader *reader);
uint64_t pp_ledger_reader_size(const struct pp_ledger_reader *reader);
/* Moves to seq; pp_ledger_reader_next then returns it. PP_ERROR_NOT_FOUND outside first..size. */
PP_MUST_CHECK enum pp_error pp_ledger_reader_seek(struct pp_ledger_reader *reader, uint64_t seq);
/* The next sealed entry, borrowed until the next call; PP_ERROR_NOT_FOUND at the end. */
PP_MUST_CHECK enum pp_error pp_ledger_reader_next(struct pp_ledger_reader *reader,
                                                  struct pp_entry *entry);
/* The real body of a reference entry, hash checked, in memory to be freed with free(). */
PP_MUST_CHECK enum pp_error pp_ledger_reader_blob(struct pp_ledger_reader *reader,
                                                  const struct pp_entry *entry, uint8_t **data,
                                                  size_t *len);
const struct pp_failure *pp_ledger_reader_failure(const struct pp_ledger_reader *reader);

/* The sealed state that proofs are made for. */
PP_MUST_CHECK enum pp_error pp_ledger_reader_root(struct pp_ledger_reader *reader, uint64_t size,
                                                  struct pp_digest *root);
/* Inclusion of seq in the tree of `size`, consistency of two sizes: hashes in the order of RFC
   6962. path has PP_PROOF_HASHES_MAX places.  Each proof is checked before it is returned. */
PP_MUST_CHECK enum pp_error pp_ledger_prove_inclusion(struct pp_ledger_reader *reader, uint64_t seq,
                                                      uint64_t size, struct pp_digest *path,
                                                      size_t *count);
PP_MUST_CHECK enum pp_error pp_ledger_prove_consistency(struct pp_ledger_reader *reader,
                                                        uint64_t old_size, uint64_t new_size,
                                                        struct pp_digest *path, size_t *count);

/* ---- Verifying ----------------------------------------------------------------------------- */

#define PP_VERDICT_TABLE(X)                                                                        \
    X(PP_VERDICT_OK, "OK", 0)                                                                      \
    X(PP_VERDICT_UNANCHORED, "UNANCHORED", 2)                                                      \
    X(PP_VERDICT_TORN_TAIL, "TORN_TAIL", 2)                                                        \
    X(PP_VERDICT_TRUNCATED, "TRUNCATED", 1)                                                        \
    X(PP_VERDICT_ROLLED_BACK, "ROLLED_BACK", 1)                                                    \
    X(PP_VERDICT_FORKED, "FORKED", 1)                                                              \
    X(PP_VERDICT_MODIFIED, "MODIFIED", 1)                                                          \
    X(PP_VERDICT_DUPLICATE_WRITER, "DUPLICATE_WRITER", 1)                                          \
    X(PP_VERDICT_WRONG_LOG, "WRONG_LOG", 1)                                                        \
    X(PP_VERDICT_UNSEALED, "UNSEALED", 1)                                                          \
    X(PP_VERDICT_WRONG_KEY, "WRONG_KEY", 1)                                                        \
    X(PP_VERDICT_UNREADABLE, "UNREADABLE", 2)

#define PP_VERDICT_ENUM(name, text, exit_code) name,
enum pp_verdict { PP_VERDICT_TABLE(PP_VERDICT_ENUM) PP_VERDICT_COUNT };
#undef PP_VERDICT_ENUM

/* What the verifier brought: T0 the files only, T1 plus the verification key, T2 plus a checkpoint
   saved elsewhere, T3 plus witness cosignatures on it. */
enum pp_trust { PP_TRUST_T0, PP_TRUST_T1, PP_TRUST_T2, PP_TRUST_T3 };

const char *pp_verdict_text(enum pp_verdict verdict);
/* 0 proven good, 1 proven bad, 2 cannot decide. */
int pp_verdict_exit_code(enum pp_verdict verdict);

#define PP_NO_SEQ UINT64_MAX

struct pp_verify_options {
    const char *verify_key;     /* file, or NULL for T0 */
    const char *checkpoint;     /* file saved earlier, or NULL */
    const char *checkpoint_key; /* checkpoint.pub; NULL: of verify_key or the policy */
    const char *policy;         /* tlog-policy file that the checkpoint must meet, or NULL */
    const char *origin;         /* expected origin, or NULL for any */
    unsigned threads;           /* 0: one for each processor */
    /* called now and then with entries verified and bytes done of bytes total; may be NULL */
    void (*progress)(void *context, uint64_t entries, uint64_t bytes_done, uint64_t bytes_total);
    void *progress_context;
};

struct pp_verify_report {
    enum pp_verdict verdict;
    enum pp_trust trust;    /* what was brought and used */
    uint64_t first_bad_seq; /* PP_NO_SEQ when nothing is bad or the place has no entry */
    char place[128];        /* file and offset of the first bad byte range, or "" */
    char reason[384];       /* one sentence: what is wrong */
    char advice[256];       /* one sentence: what to do, or "" */
    char origin[PP_ORIGIN_BYTES_MAX + 1];
    struct pp_digest log_id;
    struct pp_digest root; /* of the sealed tree */
    uint64_t entries;      /* verified */
    uint64_t first_seq;    /* more than 0 after pruning */
    uint64_t size;         /* sealed tree size found */
    uint64_t seals, segments, recoveries, blobs;
    uint64_t bytes;           /* read */
    uint64_t unsealed_bytes;  /* behind the last seal */
    uint64_t clock_steps;     /* seals whose realtime clock went backwards: a note, no verdict */
    uint64_t checkpoint_size; /* of the checkpoint brought, or 0 */
    unsigned witnesses;       /* of the policy that cosigned it */
    uint64_t time_ns;         /* taken */
};

/* Verifies the whole ledger; always fills *report.  Never writes.  Safe while a writer works. */
void pp_ledger_verify(const char *path, const struct pp_verify_options *options,
                      struct pp_verify_report *report);

#endif
