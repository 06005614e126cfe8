/* SPDX-License-Identifier: MIT */
/* Invariants with the theorems that they name, looked up in a list of proofs, and the files that
   are generated from them. */
#ifndef PP_STORE_DASHBOARDS_H
#define PP_STORE_DASHBOARDS_H

#include <jansson.h>

#include <postproof/bundle.h>
#include <postproof/dashboard.h>

#include "store.h"

enum {
    PP_DASHBOARDS_INTERVAL_MS = 200, /* between two evaluations, unless told otherwise */
    PP_DASHBOARDS_INPUT_BYTES_MAX = 16 << 20
};

/* set borrows from invariants and manifest, and from what it was loaded from. */
struct pp_dashboards {
    struct pp_dashboard_set set;
    struct pp_dashboard_invariant *invariants; /* malloc */
    json_t *manifest;
};

/* Reads input and looks up its theorems in the file proofs/manifest.json and in the spec files
   among `files`.  PP_ERROR_FORMAT and *fault: the input is wrong there; any other error: *failure
   says what.  Call pp_dashboards_free in any case. */
PP_MUST_CHECK enum pp_error
pp_dashboards_load(struct pp_dashboards *dashboards, struct pp_bytes input,
                   const struct pp_bundle_file *files, size_t file_count, uint64_t interval_ms,
                   struct pp_dashboard_fault *fault, struct pp_failure *failure);
void pp_dashboards_free(struct pp_dashboards *dashboards);

/* One file of the set.  PP_ERROR_FORMAT and *fault: an invariant can't be tested, since no values
   were found for which it holds, or none for which it does not. */
PP_MUST_CHECK enum pp_error pp_dashboards_write(const struct pp_dashboards *dashboards,
                                                enum pp_dashboard_file file,
                                                struct pp_buffer *content,
                                                struct pp_dashboard_fault *fault);

#endif
