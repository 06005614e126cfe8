/* SPDX-License-Identifier: MIT */
/* The window of a ledger that goes into a bundle: its groups, and which of its entries are kept. */
#ifndef PP_STORE_BUNDLE_WINDOW_H
#define PP_STORE_BUNDLE_WINDOW_H

#include "bundle.h"
#include "reader.h"

/* ---- bundle_window.c: groups ---- */

struct pp_bundle_window {
    uint64_t from_ns, until_ns;   /* asked for */
    uint64_t first_seq, next_seq; /* whole groups around every entry asked for */
    uint64_t first_place;         /* segment of the first group, as a place of the reader */
    uint64_t seals;               /* in the range, control seals between the groups included */
    uint64_t sealed_ns;           /* of the last */
    struct pp_digest log_id;
    char origin[PP_ORIGIN_BYTES_MAX + 1];
};
/* PP_ERROR_NOT_FOUND when no entry has such a time. */
PP_MUST_CHECK enum pp_error pp_window_find(struct pp_ledger_reader *reader,
                                           const struct pp_bundle_options *options,
                                           struct pp_bundle_window *window,
                                           struct pp_failure *failure);
/* data/ledger/seals.ppf; *kept counts the seals that are there in full. */
PP_MUST_CHECK enum pp_error pp_window_seals(struct pp_ledger_reader *reader,
                                            const struct pp_bundle_window *window,
                                            struct pp_packed *file, uint64_t *kept,
                                            struct pp_failure *failure);

/* ---- bundle_tiers.c: what is left out when not everything fits ---- */

/* The entries of one level and source. */
struct pp_tier {
    uint8_t level;
    bool dropped;
    uint8_t *source; /* malloc */
    size_t source_len;
    uint64_t entries, bytes;
};
enum { PP_TIERS_MAX = 4096, PP_TIER_SLOTS = 4 * PP_TIERS_MAX };
struct pp_tiers {
    struct pp_tier tier[PP_TIERS_MAX + PP_LEVEL_COUNT]; /* behind them one for each level: the
                                                           sources for which there was no room */
    uint16_t slots[PP_TIER_SLOTS];                      /* index + 1 */
    size_t count;
};
PP_MUST_CHECK struct pp_tiers *pp_tiers_new(void);
void pp_tiers_free(struct pp_tiers *tiers);
/* The tier of an entry, made when it is new; NULL without memory. */
struct pp_tier *pp_tiers_of(struct pp_tiers *tiers, const struct pp_entry *entry);
/* Drops whole tiers, the least important first, until `bytes` of bodies are dropped or all are.
   false: nothing was left to drop. */
PP_MUST_CHECK bool pp_tiers_drop(struct pp_tiers *tiers, uint64_t bytes);

#endif
