/* SPDX-License-Identifier: MIT */
/* The parts of `postproof demo`: its input, the ledger with its honest runs, images of copies,
   forged rewrites, the attacks, and the report. */
#ifndef POSTPROOF_DEMO_H
#define POSTPROOF_DEMO_H

#include "../src/ingest/ingest.h"
#include "../src/store/store.h"
#include "cli.h"

/* ---- Input (demo_input.c) ------------------------------------------------------------------- */

enum { DEMO_SOURCES_MAX = 64, DEMO_NOTE_BYTES = 160 };

struct demo_source {
    char name[PP_SOURCE_BYTES_MAX + 1];
    uint64_t lines, bytes;
    char note[DEMO_NOTE_BYTES]; /* why there is nothing, or what it is; "" */
};

struct demo_line {
    size_t offset, len; /* in text */
    unsigned source;
    enum pp_ingest_format format;
};

struct demo_input {
    struct cli_buffer text;
    struct demo_line *lines;
    size_t count, cap, lines_max;
    struct demo_source sources[DEMO_SOURCES_MAX];
    unsigned source_count;
    unsigned compressed, binary, unreadable, empty; /* files left out */
    size_t passes;                                  /* how often the lines appear */
    size_t distinct;                                /* lines of one pass */
};

/* Gathers at most lines_max lines, and repeats them until they fill several segments.  folder is
   where the socket goes.  Reports errors. */
PP_MUST_CHECK bool demo_input_gather(struct demo_input *input, const char *folder,
                                     size_t lines_max);
void demo_input_free(struct demo_input *input);
/* Line i as an entry; borrows from input and scratch. */
void demo_input_entry(const struct demo_input *input, size_t i, uint64_t now_ns,
                      struct pp_ingest_scratch *scratch, struct pp_entry *entry);

/* ---- The whole ------------------------------------------------------------------------------ */

enum { DEMO_LEVELS = PP_TRUST_T2 + 1, DEMO_HONEST_MAX = 64, DEMO_NAME_BYTES = 64 };

/* A set of verdicts. */
#define DEMO_VERDICT(name) (1U << PP_VERDICT_##name)

/* A run that must not be flagged. */
struct demo_honest {
    char name[DEMO_NAME_BYTES];
    unsigned expected;
    enum pp_trust level;
    struct pp_verify_report report;
    bool flagged;
};

/* What one attack led to. */
struct demo_row {
    const struct demo_attack *attack;
    struct pp_verify_report report[DEMO_LEVELS];
    uint64_t bad_seq; /* what a verifier with the key must name, or PP_NO_SEQ */
    int proved_from;  /* the lowest level with exit code 1, or -1 */
    bool detected;
};

/* The evidence bundle at the end: made, verified, and tampered copies of it. */
struct demo_bundle {
    struct pp_bundle_report made;
    int verified;             /* exit code of the bundle as it was made */
    unsigned copies, refused; /* tampered copies; those with exit code 1 */
    uint64_t verify_ns;
};

struct demo {
    char folder[CLI_PATH_BYTES];
    char ledger[CLI_PATH_BYTES], keys[CLI_PATH_BYTES], auditor[CLI_PATH_BYTES];
    char verify_key[CLI_PATH_BYTES], checkpoint[CLI_PATH_BYTES], early_checkpoint[CLI_PATH_BYTES];
    char old_ledger[CLI_PATH_BYTES], old_keys[CLI_PATH_BYTES];
    char other_ledger[CLI_PATH_BYTES], other_keys[CLI_PATH_BYTES];
    char origin[PP_ORIGIN_BYTES_MAX + 1];
    bool json, keep, control;
    struct demo_input input;
    struct demo_honest honest[DEMO_HONEST_MAX];
    size_t honest_count, flagged;
    struct demo_row *rows;
    size_t row_count, detected;
    struct demo_bundle bundle;
    struct cli_progress progress;
};

/* folder/name; reports. */
PP_MUST_CHECK bool demo_path(const char *folder, const char *name, char out[CLI_PATH_BYTES]);
/* Verifies with what the level means: nothing, verify.key, or the saved checkpoint in addition. */
void demo_verify(const struct demo *demo, const char *ledger, enum pp_trust level,
                 struct pp_verify_report *report);
/* A failure of the library, reported; false. */
bool demo_failed(const struct pp_failure *failure);

/* ---- Ledger and honest runs (demo_ledger.c, demo_honest.c) ---------------------------------- */

/* The options of every writer here: small segments. */
extern const struct pp_ledger_options demo_writer_options;
/* Opens, appends the lines [from, to) with a sync after every `group` of them, closes.  The lines
   are counted round; keys may be elsewhere. */
PP_MUST_CHECK bool demo_append(const struct demo *demo, const char *ledger, const char *keys,
                               size_t from, size_t to, size_t group);
/* Keys, the ledger in several sittings, checkpoints; the old copy and the other ledger. */
PP_MUST_CHECK bool demo_build(struct demo *demo);
/* Verifies and adds a row; flagged when the verdict is not among the expected ones. */
void demo_honest_check(struct demo *demo, const char *name, const char *ledger, enum pp_trust level,
                       unsigned expected);
/* The runs on copies: a writer at work, a kill, a torn write, retention. */
PP_MUST_CHECK bool demo_honest_runs(struct demo *demo);

/* ---- Copies and images (demo_image.c) ------------------------------------------------------- */

PP_MUST_CHECK bool demo_make_folder(const char *path);
/* The files of a folder; secret: mode 0600.  Links are left out. */
PP_MUST_CHECK bool demo_copy_folder(const char *from, const char *to, bool secret);
PP_MUST_CHECK bool demo_copy_ledger(const char *from, const char *to);
PP_MUST_CHECK bool demo_write_file(const char *path, struct pp_bytes data);
/* Removes a file that is there. */
PP_MUST_CHECK bool demo_remove_file(const char *path);
/* Removes a folder and what is in it. */
void demo_remove_tree(const char *path);

struct demo_segment {
    uint64_t index;
    uint8_t *data;
    size_t len, used; /* of the file; up to the end of its frames */
};

struct demo_frame {
    size_t segment, offset, bytes; /* segment: position in the image */
    uint8_t type;
    uint64_t seq; /* of an entry; of a seal or header the next entry's */
};

/* A ledger's segments in memory, cut into frames. */
struct demo_image {
    char path[CLI_PATH_BYTES];
    struct demo_segment *segments;
    size_t segment_count;
    struct demo_frame *frames;
    size_t frame_count, frame_cap;
};

PP_MUST_CHECK bool demo_image_load(struct demo_image *image, const char *ledger);
void demo_image_free(struct demo_image *image);
uint8_t *demo_frame_data(const struct demo_image *image, const struct demo_frame *frame);
/* Puts bytes in place of `removed` bytes at the offset; what follows moves.  The frame list is not
   renewed. */
PP_MUST_CHECK bool demo_splice(struct demo_image *image, size_t segment, size_t offset,
                               size_t removed, struct pp_bytes added);
/* Writes a segment, or all of them, back to its file. */
PP_MUST_CHECK bool demo_store(const struct demo_image *image, size_t segment);
PP_MUST_CHECK bool demo_store_all(const struct demo_image *image);
/* The path of a segment's file, "seg" or "idx". */
PP_MUST_CHECK bool demo_segment_path(const char *ledger, uint64_t index, const char *suffix,
                                     char out[CLI_PATH_BYTES]);
/* Seals in the last segment. */
size_t demo_image_last_seals(const struct demo_image *image);

/* ---- Forged rewrites (demo_forge.c) --------------------------------------------------------- */

enum demo_forge_key {
    DEMO_KEY_STOLEN,       /* the current sealing key, under the epochs that were there */
    DEMO_KEY_STOLEN_LATER, /* the same, under the epochs that it may seal */
    DEMO_KEY_OWN,          /* keys of the forger's own, from the first byte */
    DEMO_KEY_LEAKED        /* all keys: the auditor's verify.key leaked */
};
/* Changes the body of the entry frames[target] and computes anew every tag, seal, header and index
   that depends on it, then stores the image.  Signs a checkpoint to match, where the forger has
   the machine's keys. */
PP_MUST_CHECK bool demo_forge(const struct demo *demo, struct demo_image *image, size_t target,
                              enum demo_forge_key key);
/* Appends a group of one entry that lacks nothing but the key, and stores it. */
PP_MUST_CHECK bool demo_make_up_group(struct demo_image *image, uint64_t *first_seq);
/* Overwrites a body, keeping its length. */
void demo_rewrite_body(uint8_t *frame);

/* ---- Attacks (demo_attacks.c) --------------------------------------------------------------- */

/* One attack in hand. */
struct demo_work {
    const struct demo *demo;
    char ledger[CLI_PATH_BYTES]; /* the copy */
    struct demo_image image;
    size_t target;    /* an entry in the middle, between two others of its group */
    uint64_t bad_seq; /* set by the attack where the place is known */
};

struct demo_attack {
    const char *name;
    bool (*run)(struct demo_work *work);
    enum pp_trust needs; /* proven at this level and above */
    unsigned expected;   /* verdicts that prove it */
};

extern const struct demo_attack demo_attacks[];
extern const size_t demo_attack_count;

/* ---- The run of all attacks (demo_run.c) ---------------------------------------------------- */

/* Carries out every attack, each on a copy of its own.  false: I/O trouble or a signal. */
PP_MUST_CHECK bool demo_attack_all(struct demo *demo);

/* ---- The bundle (demo_bundle.c) ------------------------------------------------------------- */

PP_MUST_CHECK bool demo_bundle_run(struct demo *demo);
/* Made, verified, and every tampered copy refused. */
bool demo_bundle_is_good(const struct demo *demo);

/* ---- Report (demo_report.c) ----------------------------------------------------------------- */

void demo_print_start(const struct demo *demo);
void demo_print_input(const struct demo *demo);
void demo_print_results(const struct demo *demo, int exit_code);
void demo_print_json(const struct demo *demo, int exit_code);

#endif
