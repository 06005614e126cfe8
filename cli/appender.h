/* SPDX-License-Identifier: MIT */
/* Input to entries to durable seals, in bounded memory and time: what `postproof append` runs. */
#ifndef POSTPROOF_APPENDER_H
#define POSTPROOF_APPENDER_H

#include "../src/ingest/ingest.h"
#include "../src/os/os.h"
#include "cli.h"

enum {
    APPENDER_BATCH_ENTRIES = 512,
    APPENDER_READ_BYTES = 262144,    /* a line up to this is never copied */
    APPENDER_SOCKET_BYTES = 1048576, /* datagrams of one batch */
    APPENDER_DATAGRAM_BYTES = 262144 /* the longest that Linux sends by default, with room */
};

struct appender {
    struct pp_ledger *ledger;
    struct pp_ingest_options ingest;
    uint64_t sync_interval_ns, line_bytes_max;
    uint64_t entries_max, idle_exit_ns; /* UINT64_MAX: no such limit */
    struct cli_progress progress;

    /* Counts. */
    uint64_t entries, bytes, unparsed, dropped_bytes, notices;
    uint64_t started_ns; /* monotonic */

    struct pp_os_clock clock; /* when the bytes in work arrived */
    uint64_t last_input_ns, deadline_ns;
    bool unsynced; /* something is appended that no sync has confirmed */
    bool failed;   /* the ledger refused; pp_ledger_failure has the words */

    struct cli_buffer long_line;
    uint64_t long_dropped; /* bytes of it beyond line_bytes_max */

    uint8_t *input; /* APPENDER_READ_BYTES or APPENDER_SOCKET_BYTES */
    size_t batch_count;
    struct pp_entry batch[APPENDER_BATCH_ENTRIES];
    struct pp_ingest_scratch scratch[APPENDER_BATCH_ENTRIES];
};

/* The options and the ledger are set by the caller afterwards.  false: no memory. */
PP_MUST_CHECK bool appender_init(struct appender *appender, size_t input_bytes);
void appender_clean_up(struct appender *appender);

/* SIGINT and SIGTERM end the reading; SIGPIPE must not end a writer. */
void appender_catch_signals(void);
bool appender_stopped(void);

/* Everything from a file or pipe until its end, a signal, or a failure of the ledger.
   0, or -errno of the input. */
int appender_read_stream(struct appender *appender, int fd);
/* Each datagram one record, until a signal, a limit, or a failure of the ledger.  0 or -errno. */
int appender_read_socket(struct appender *appender, int fd);
/* Seals and syncs what is left.  false: the ledger failed, now or before. */
PP_MUST_CHECK bool appender_finish(struct appender *appender);

#endif
