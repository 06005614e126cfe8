/* SPDX-License-Identifier: MIT */
/* Map of the headers, and the conventions that hold in all of them.

   <postproof/error.h>   the error table, failures in words
   <postproof/bytes.h>   borrowed bytes, digests, tags
   <postproof/ledger.h>  entries, keys, append, read, verify, Merkle proofs
   <postproof/note.h>    signed checkpoints (C2SP), cosignatures and .tlog-proof files
   <postproof/policy.h>  which logs and witnesses to trust, and how many (C2SP)
   <postproof/limiter.h> exact sliding windows for one key, in the caller's memory
   <postproof/limiter_table.h>  a limiter for millions of keys in one block of memory
   <postproof/rollback.h> patches that run in both directions, hash trees over pages
   <postproof/dashboard.h> alert rules and dashboards from invariants
   <postproof/versions.h> patches applied to files, a store of versions

   Conventions
   - Pointers are never NULL unless the parameter's description says that they may be.
   - struct pp_bytes is borrowed for the call, unless the description says longer.
   - On error, outputs are unchanged or zeroed, except *failure, which is filled.
   - Functions that allocate say how to free.  Everything else works on the caller's memory.
   - Times are nanoseconds since 1970-01-01 UTC (..._ns), sizes are bytes (..._bytes).
   - A handle (struct pp_ledger, struct pp_ledger_reader) belongs to one thread at a time.
   - Exit codes of programs: 0 proven good, 1 proven bad, 2 cannot decide. */
#ifndef POSTPROOF_POSTPROOF_H
#define POSTPROOF_POSTPROOF_H

#include <postproof/bundle.h>
#include <postproof/bytes.h>
#include <postproof/dashboard.h>
#include <postproof/error.h>
#include <postproof/ledger.h>
#include <postproof/limiter.h>
#include <postproof/limiter_table.h>
#include <postproof/note.h>
#include <postproof/policy.h>
#include <postproof/rollback.h>
#include <postproof/versions.h>

#define PP_VERSION "0.1.0"

#endif
