/* SPDX-License-Identifier: MIT */
/* The parts of a verification: what was brought (verify_trust.c, verify_policy.c), each segment by
   pieces (verify_piece.c), all of them in parallel (verify_segments.c), the files beside them
   (verify_files.c), and the verdict (verify.c). */
#ifndef PP_VERIFY_H
#define PP_VERIFY_H

#include "store.h"

/* A checkpoint to compare the tree with. */
struct pp_verify_anchor {
    bool present;
    uint64_t size;
    struct pp_digest root;
    char origin[PP_ORIGIN_BYTES_MAX + 1];
};

enum { PP_ANCHOR_BROUGHT, PP_ANCHOR_LOCAL, PP_ANCHOR_COUNT };
_Static_assert((int)PP_ANCHOR_COUNT == (int)PP_CHECK_SIZES, "a root is noted for each anchor");

struct pp_verification {
    const struct pp_verify_options *options;
    struct pp_verify_report *report;
    struct pp_layout layout;
    struct pp_verification_key *key; /* secret memory; NULL at T0 */
    struct pp_note_key note_key;
    bool has_note_key;                          /* its name is set when a note is opened */
    char quorum_missing[PP_FAILURE_TEXT_BYTES]; /* why the policy is not met, or "" */
    struct pp_verify_anchor anchors[PP_ANCHOR_COUNT];
    struct pp_digest roots[PP_ANCHOR_COUNT];
    bool root_found[PP_ANCHOR_COUNT];
    uint64_t first_segment, next_segment; /* seen so far: [first, next) */
    bool segments_listed;                 /* first_segment is known */
    uint64_t last_prune;
    uint64_t bytes_total;
    bool writer_was_active;           /* when the attempt began */
    struct pp_check_result *previous; /* of the last segment seen that has a header */
    bool local_signature_bad;         /* of the ledger's own checkpoint, where there is a key */
};

/* Segments are read in pieces that stay in a processor's second-level cache while they are hashed.
 */
enum { PP_VERIFY_PIECE_BYTES = 256 << 10 };

/* One segment's result with what outlives its bytes. */
struct pp_verify_slot {
    struct pp_check_result result;
    char origin[PP_ORIGIN_BYTES_MAX + 1];
    char place[128];
    char reason[384];
    uint64_t bytes, blobs;
    /* Over the entries that refer to bodies, as they were checked: all so far, and the sealed. */
    struct pp_sha256_stream references, sealed_references;
};

/* Ends the verification with this verdict; returns false. */
bool pp_verify_refuse(struct pp_verification *v, enum pp_verdict verdict, uint64_t first_bad_seq,
                      const char *advice, const char *format, ...)
    __attribute__((format(printf, 5, 6)));

/* Loads the verification key and the checkpoint that the caller brought; false: refused. */
PP_MUST_CHECK bool pp_verify_load_trust(struct pp_verification *v);
/* The ledger's own file "checkpoint". */
PP_MUST_CHECK bool pp_verify_load_local_checkpoint(struct pp_verification *v);

/* verify_policy.c: judges the checkpoint brought by the policy file: T3 when the quorum is met, T2
   when it asks for none.  When only the quorum is missing, v->quorum_missing says so, and the
   verdict on the ledger comes first.  false: refused. */
PP_MUST_CHECK bool pp_verify_policy(struct pp_verification *v, struct pp_bytes note,
                                    const char *origin);

/* verify_piece.c: the check of one segment, as far as it has come.  Any thread may do the next
   step, one at a time. */
struct pp_verify_task {
    struct pp_verify_slot slot;
    struct pp_check_scratch *scratch; /* secret memory, of the caller */
    int fd;                           /* -1 when it is not open, as before the first begin */
    char name[PP_SEGMENT_NAME_BYTES];
    uint64_t segment, size;
    uint64_t looked_at; /* where the check stopped when it last stopped */
    struct pp_check_input input;
    struct pp_segment_checker checker;
};
/* What a thread brings: its engine, PP_VERIFY_PIECE_BYTES of memory, and a buffer. */
struct pp_verify_tools {
    struct pp_hash_engine *engine;
    uint8_t *piece;
    struct pp_buffer tail;
};
void pp_verify_task_begin(const struct pp_verification *v, uint64_t segment,
                          struct pp_verify_task *task);
/* One piece further; false: the check has come to its end, and task->slot has the result. */
PP_MUST_CHECK bool pp_verify_task_step(const struct pp_verification *v, struct pp_verify_task *task,
                                       struct pp_verify_tools *tools);
/* For a task that did not come to its end. */
void pp_verify_task_close(struct pp_verify_task *task);

/* Checks the segments [v->next_segment, end) and that each follows its predecessor. */
PP_MUST_CHECK bool pp_verify_segments(struct pp_verification *v, uint64_t end);

/* verify_files.c: the files beside a segment.  false: slot->result has the verdict, slot->place and
   slot->reason say where and what. */
PP_MUST_CHECK bool pp_verify_index(const struct pp_verification *v, uint64_t segment,
                                   struct pp_verify_slot *slot);
/* Whole records that the check has taken. */
void pp_verify_note_references(struct pp_verify_slot *slot, struct pp_bytes records);
/* Reads the segment again, through piece: PP_VERIFY_PIECE_BYTES of memory. */
PP_MUST_CHECK bool pp_verify_blobs(const struct pp_verification *v, struct pp_verify_task *task,
                                   uint8_t *piece);

#endif
