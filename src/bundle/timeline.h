/* SPDX-License-Identifier: MIT */
/* The parts of timeline.html: docs/format/timeline.md has the bytes.  Entries come one at a time,
   in order of seq; the caller owns all memory, compresses the data and joins the parts. */
#ifndef PP_TIMELINE_H
#define PP_TIMELINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <postproof/ledger.h>

#include "varint.h"

/* ---- Data: "PPTL", then sections (sections 2 and 3) ------------------------------------------ */

enum {
    PP_TIMELINE_TEXT_BYTES_MAX = 4096, /* of each text of the window */
    PP_TIMELINE_HEAD_BYTES_MAX = 128 + 4 * PP_TIMELINE_TEXT_BYTES_MAX,
    PP_TIMELINE_END_BYTES = 5
};

struct pp_timeline_window {
    uint64_t first_seq, next_seq, tree_size; /* first_seq <= next_seq <= tree_size */
    struct pp_digest root;
    uint64_t from_ns, until_ns;                          /* the time that is shown first */
    bool complete;                                       /* every entry of the window is there */
    struct pp_bytes origin, title, incident, checkpoint; /* borrowed; UTF-8; may be empty */
};

/* Magic and section M into out[PP_TIMELINE_HEAD_BYTES_MAX].  PP_ERROR_ARGUMENT: the seqs are not in
   order, or a text exceeds PP_TIMELINE_TEXT_BYTES_MAX. */
PP_MUST_CHECK enum pp_error pp_timeline_head(const struct pp_timeline_window *window, uint8_t *out,
                                             size_t *len);
/* Section Z into out[PP_TIMELINE_END_BYTES]. */
void pp_timeline_end(uint8_t *out);

/* ---- Tree (section 5) ------------------------------------------------------------------------ */

enum { PP_TIMELINE_GROUP_HEIGHT_MAX = 20, PP_TIMELINE_GROUPS = 4096 };

/* Hashes of the groups of a window, from its leaf hashes. */
struct pp_timeline_tree {
    uint64_t at, next_seq;
    unsigned group_height; /* g */
    uint64_t group_end;    /* of the group that is being filled */
    size_t pending_count;
    struct pp_digest pending[PP_TIMELINE_GROUP_HEIGHT_MAX + 2]; /* of equal or falling height */
};

void pp_timeline_tree_init(struct pp_timeline_tree *tree, uint64_t first_seq, uint64_t next_seq);
/* Number of groups that the window will have. */
uint64_t pp_timeline_tree_groups(const struct pp_timeline_tree *tree);
/* The next leaf; true when it completes a group, whose hash is then *group. */
PP_MUST_CHECK bool pp_timeline_tree_add(struct pp_timeline_tree *tree, const struct pp_digest *leaf,
                                        struct pp_digest *group);

/* The start of section T: type, length, g, for so many hashes, which follow. */
enum { PP_TIMELINE_TREE_HEAD_BYTES = 6 };
void pp_timeline_tree_head(unsigned group_height, size_t hashes,
                           uint8_t out[PP_TIMELINE_TREE_HEAD_BYTES]);

/* ---- Counts (section 6) ---------------------------------------------------------------------- */

enum {
    PP_TIMELINE_STRETCHES = 1440,
    PP_TIMELINE_COUNTS_BYTES = 5 + 20 + 4 * PP_LEVEL_COUNT * PP_TIMELINE_STRETCHES
};

struct pp_timeline_counts {
    uint64_t from_ns, stretch_ns;
    uint32_t count[PP_TIMELINE_STRETCHES][PP_LEVEL_COUNT];
};

/* from_ns <= until_ns. */
void pp_timeline_counts_init(struct pp_timeline_counts *counts, uint64_t from_ns,
                             uint64_t until_ns);
void pp_timeline_counts_add(struct pp_timeline_counts *counts, uint64_t time_ns, uint8_t level);
/* Section C into out[PP_TIMELINE_COUNTS_BYTES]. */
void pp_timeline_counts_encode(const struct pp_timeline_counts *counts, uint8_t *out);

/* ---- The page (section 1) -------------------------------------------------------------------- */

/* Its fixed parts, joined: before, base64 of the compressed data, after. */
enum { PP_TIMELINE_PARTS_MAX = 8, PP_TIMELINE_POLICY_BYTES = 512 };
struct pp_timeline_page {
    struct pp_bytes before[PP_TIMELINE_PARTS_MAX], after[PP_TIMELINE_PARTS_MAX];
    size_t before_count, after_count;
    char policy[PP_TIMELINE_POLICY_BYTES]; /* one of the parts points here */
};
void pp_timeline_page_init(struct pp_timeline_page *page);

#endif
