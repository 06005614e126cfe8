/* SPDX-License-Identifier: MIT */
/* An os.h for tests that does the real thing, but fails or kills the process at a chosen call.
   Programs named test_fault_* link os_fault.c in place of os_posix.c. */
#ifndef PP_OS_FAULT_H
#define PP_OS_FAULT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Which calls count. */
enum {
    PP_FAULT_WRITES = 1, /* pp_os_open that creates, make_dir, rename, remove, symlink, write_at,
                            preallocate, truncate, set_*, copy_permissions, exchange, link,
                            remove_dir */
    PP_FAULT_SYNCS = 2,  /* sync, sync_data */
    PP_FAULT_READS = 4,  /* pp_os_open of what exists, open_dir, list, read_at, map, status*,
                            next_*, read_link */
    PP_FAULT_CHANGES = PP_FAULT_WRITES | PP_FAULT_SYNCS,
    PP_FAULT_ALL = PP_FAULT_CHANGES | PP_FAULT_READS
};

enum pp_fault_action {
    PP_FAULT_NONE,         /* only counts */
    PP_FAULT_EIO,          /* -EIO without any effect: a sync has synced nothing */
    PP_FAULT_ENOSPC,       /* -ENOSPC without any effect */
    PP_FAULT_SHORT_WRITE,  /* write_at: the first bytes are written, then -ENOSPC */
    PP_FAULT_KILL_BEFORE,  /* SIGKILL to this process instead of the call */
    PP_FAULT_KILL_AFTER,   /* SIGKILL when the call has done its work */
    PP_FAULT_KILL_SHORT,   /* write_at: the first bytes are written, then SIGKILL */
    PP_FAULT_KILL_SECTORS, /* write_at: an arbitrary subset of the 512-byte sectors, then SIGKILL */
    PP_FAULT_POWER_CUT     /* KILL_SECTORS, and of every sector written to any file and not synced
                              since pp_fault_set it is decided whether it reached the disk.
                              Folder entries and file sizes always did. */
};
/* What applies to write_at only is for other calls: PP_FAULT_ENOSPC or PP_FAULT_KILL_BEFORE. */

enum { PP_FAULT_SECTOR_BYTES = 512 };
#define PP_FAULT_BY_SEED SIZE_MAX

struct pp_fault {
    enum pp_fault_action action;
    unsigned classes; /* sum of PP_FAULT_WRITES and so on: the calls that count */
    uint64_t at_call; /* strikes this one; the first call after pp_fault_set is 1 */
    bool lasting;     /* errors: every counted call from then on fails, as on a full disk */
    size_t
        keep_bytes; /* of a short write, at most its length; PP_FAULT_BY_SEED: the seed decides */
    uint64_t seed;  /* of PP_FAULT_BY_SEED, the sectors and the power cut */

    /* A first blow before a power cut; 0 for none.  This call fails with -EIO.  When it is a sync,
       what it was to sync is never synced by a later one either: the kernel has forgotten that
       those pages were dirty.  With `halts` all calls after it fail too, and forget nothing, as if
       the process had been killed, until pp_fault_revive; they don't count. */
    uint64_t fail_at_call;
    bool halts;
};

/* Arms the fault and starts to count at 0.  Thread-safe, like everything here. */
void pp_fault_set(struct pp_fault fault);
/* The next process, as it were, after one that fail_at_call and halts have ended. */
void pp_fault_revive(void);
/* Added to the realtime clock that pp_os_clock_read tells; may be negative. */
void pp_fault_shift_clock(int64_t ns);
/* No fault; counts nothing. */
void pp_fault_clear(void);
/* Calls counted since pp_fault_set. */
uint64_t pp_fault_calls(void);
/* Times that the fault struck. */
uint64_t pp_fault_strikes(void);
/* Name of the call that was struck last or, before that, of the last one counted ("write_at"); ""
   when there was none. */
const char *pp_fault_last_call(void);

/* For further files of replaced calls: takes the lock and decides the fault of a call without
   parts.  The step is -errno, or how to go on; leave gets it with the result of the real call. */
enum { PP_FAULT_GO_ON };
int pp_fault_enter(unsigned class, const char *name);
int64_t pp_fault_leave(int step, int64_t result);

#endif
