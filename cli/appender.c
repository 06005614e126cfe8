/* SPDX-License-Identifier: MIT */
/* Lines and datagrams in batches, overlong ones cut and counted, and the time of the next seal. */
#include "appender.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>

#include "../src/os/os_socket.h"

/* A signal that comes just before a wait is noticed after at most this long. */
enum { WAIT_MS_MAX = 100 };
#define NS_PER_MS UINT64_C(1000000)

static volatile sig_atomic_t stop_requested;

static void request_stop(int signal_number)
{
    (void)signal_number;
    stop_requested = 1;
}

void appender_catch_signals(void)
{
    struct sigaction stop = {.sa_handler = request_stop}, ignore = {.sa_handler = SIG_IGN};
    sigemptyset(&stop.sa_mask);
    sigemptyset(&ignore.sa_mask);
    sigaction(SIGINT, &stop, NULL);
    sigaction(SIGTERM, &stop, NULL);
    sigaction(SIGPIPE, &ignore, NULL);
}

bool appender_stopped(void)
{
    return stop_requested;
}

bool appender_init(struct appender *appender, size_t input_bytes)
{
    *appender = (struct appender){.entries_max = UINT64_MAX, .idle_exit_ns = UINT64_MAX};
    appender->input = malloc(input_bytes);
    pp_os_clock_read(&appender->clock);
    appender->started_ns = appender->last_input_ns = appender->clock.monotonic_ns;
    return appender->input != NULL;
}

void appender_clean_up(struct appender *appender)
{
    free(appender->input);
    cli_buffer_free(&appender->long_line);
}

/* ---- Entries -------------------------------------------------------------------------------- */

static void note_result(struct appender *appender, enum pp_error error)
{
    if (error != PP_OK)
        appender->failed = true;
}

static void flush_batch(struct appender *appender)
{
    size_t count = appender->batch_count, done = 0;
    appender->batch_count = 0;
    if (count == 0 || appender->failed)
        return;
    note_result(appender, pp_ledger_append_batch(appender->ledger, appender->batch, count, &done));
    appender->entries += done;
    if (!appender->unsynced)
        appender->deadline_ns = appender->clock.monotonic_ns + appender->sync_interval_ns;
    appender->unsynced = true;
}

/* What was dropped is evidence too: the notice names the entry and counts the bytes. */
static void add_notice(struct appender *appender, uint64_t kept, uint64_t dropped)
{
    char text[160];
    flush_batch(appender);
    if (appender->failed)
        return;
    snprintf(text, sizeof text,
             "entry %" PRIu64 " holds the first %" PRIu64 " bytes of its line; %" PRIu64
             " bytes were dropped",
             pp_ledger_size(appender->ledger) - 1, kept, dropped);
    note_result(appender, pp_ledger_append_notice(appender->ledger, appender->clock.realtime_ns,
                                                  PP_WARN, text));
    appender->dropped_bytes += dropped;
    if (!appender->failed)
        appender->notices++;
}

/* One record, of which `dropped` bytes are already gone.  The line stays borrowed until the batch
   is flushed. */
static void add_line(struct appender *appender, struct pp_bytes line, uint64_t dropped)
{
    if (line.len > appender->line_bytes_max) {
        dropped += line.len - appender->line_bytes_max;
        line.len = (size_t)appender->line_bytes_max;
    }
    size_t i = appender->batch_count++;
    if (!pp_ingest_line(&appender->ingest, line, appender->clock.realtime_ns, &appender->scratch[i],
                        &appender->batch[i]))
        appender->unparsed++;
    appender->bytes += line.len;
    if (dropped > 0)
        add_notice(appender, line.len, dropped);
    else if (appender->batch_count == APPENDER_BATCH_ENTRIES)
        flush_batch(appender);
}

/* Gathers a part of a line that exceeds the read buffer; without memory the rest counts as
   dropped. */
static void add_long_part(struct appender *appender, struct pp_bytes part)
{
    uint64_t room = appender->line_bytes_max - appender->long_line.len;
    size_t kept = part.len < room ? part.len : (size_t)room;
    if (appender->long_dropped > 0 || !cli_buffer_add(&appender->long_line, part.data, kept))
        kept = 0;
    appender->long_dropped += part.len - kept;
}

static void end_long_line(struct appender *appender)
{
    add_line(appender, cli_buffer_view(&appender->long_line), appender->long_dropped);
    flush_batch(appender);
    cli_buffer_free(&appender->long_line);
    appender->long_dropped = 0;
}

static void add_piece(struct appender *appender, enum pp_line_part part, struct pp_bytes piece)
{
    if (part == PP_LINE_WHOLE) {
        add_line(appender, piece, 0);
        return;
    }
    add_long_part(appender, piece);
    if (part == PP_LINE_LONG_END)
        end_long_line(appender);
}

/* ---- Time ----------------------------------------------------------------------------------- */

static void show_progress(struct appender *appender)
{
    if (!cli_progress_due(&appender->progress, appender->clock.monotonic_ns))
        return;
    uint64_t elapsed = appender->clock.monotonic_ns - appender->started_ns;
    char bytes[CLI_VALUE_BYTES];
    cli_size_text(appender->bytes, bytes);
    cli_progress_show(
        &appender->progress, "%" PRIu64 " entries, %s, %.0f/s, ledger durable to %" PRIu64,
        appender->entries, bytes, elapsed ? (double)appender->entries * 1e9 / (double)elapsed : 0.0,
        pp_ledger_durable_size(appender->ledger));
}

/* Seals when it is time.  While input is waiting the ledger writes beside the reading; when there
   is none, waiting for the disk costs nothing and tells of its errors at once. */
static void seal_when_due(struct appender *appender, bool idle)
{
    pp_os_clock_read(&appender->clock);
    show_progress(appender);
    if (!appender->unsynced || appender->failed ||
        appender->clock.monotonic_ns < appender->deadline_ns)
        return;
    if (idle) {
        note_result(appender, pp_ledger_sync(appender->ledger));
        appender->unsynced = false;
    } else {
        note_result(appender, pp_ledger_flush(appender->ledger));
        appender->deadline_ns = appender->clock.monotonic_ns + appender->sync_interval_ns;
    }
}

static int wait_ms(const struct appender *appender)
{
    uint64_t now = appender->clock.monotonic_ns;
    if (!appender->unsynced || appender->deadline_ns >= now + WAIT_MS_MAX * NS_PER_MS)
        return WAIT_MS_MAX;
    if (appender->deadline_ns <= now)
        return 0;
    return (int)((appender->deadline_ns - now + NS_PER_MS - 1) / NS_PER_MS);
}

static bool is_over(const struct appender *appender)
{
    return stop_requested || appender->failed || appender->entries >= appender->entries_max ||
           (appender->idle_exit_ns != UINT64_MAX &&
            appender->clock.monotonic_ns - appender->last_input_ns >= appender->idle_exit_ns);
}

/* Waits for input and keeps the seals on time meanwhile.  1: there is input, 0: it is over, or
   -errno. */
static int wait_for_input(struct appender *appender, int fd)
{
    while (!is_over(appender)) {
        int ready = pp_os_wait_readable(fd, wait_ms(appender));
        if (ready != 0) {
            pp_os_clock_read(&appender->clock);
            appender->last_input_ns = appender->clock.monotonic_ns;
            return ready;
        }
        seal_when_due(appender, true);
    }
    return 0;
}

/* ---- Streams and sockets -------------------------------------------------------------------- */

int appender_read_stream(struct appender *appender, int fd)
{
    struct pp_line_splitter splitter;
    struct pp_bytes piece;
    enum pp_line_part part;
    int64_t got = 0;
    int ready;
    pp_line_splitter_init(&splitter, appender->input, APPENDER_READ_BYTES);
    while ((ready = wait_for_input(appender, fd)) == 1) {
        size_t room = 0;
        uint8_t *space = pp_line_splitter_space(&splitter, &room);
        got = pp_os_read(fd, space, room);
        if (got == -EAGAIN) /* a terminal or pipe that another process made non-blocking */
            continue;
        if (got <= 0)
            break;
        pp_line_splitter_added(&splitter, (size_t)got);
        while ((part = pp_line_splitter_next(&splitter, &piece)) != PP_LINE_NONE)
            add_piece(appender, part, piece);
        flush_batch(appender);
        seal_when_due(appender, false);
    }
    while ((part = pp_line_splitter_finish(&splitter, &piece)) != PP_LINE_NONE)
        add_piece(appender, part, piece);
    flush_batch(appender);
    return ready < 0 ? ready : got < 0 && got != -EAGAIN ? (int)got : 0;
}

static bool batch_has_room(const struct appender *appender, size_t used)
{
    return used + APPENDER_DATAGRAM_BYTES <= APPENDER_SOCKET_BYTES &&
           appender->batch_count + 1 < APPENDER_BATCH_ENTRIES &&
           appender->entries + appender->batch_count < appender->entries_max;
}

/* The datagrams that wait, in one batch.  0 or -errno. */
static int receive_batch(struct appender *appender, int fd)
{
    size_t used = 0;
    int64_t got = 0;
    while (batch_has_room(appender, used)) {
        uint8_t *space = appender->input + used;
        got = pp_os_socket_receive(fd, space, APPENDER_DATAGRAM_BYTES);
        if (got < 0)
            break;
        size_t kept = got < APPENDER_DATAGRAM_BYTES ? (size_t)got : APPENDER_DATAGRAM_BYTES;
        add_line(appender, (struct pp_bytes){space, kept}, (uint64_t)got - kept);
        used += kept;
    }
    flush_batch(appender);
    return got < 0 && got != -EAGAIN ? (int)got : 0;
}

int appender_read_socket(struct appender *appender, int fd)
{
    int ready, error = 0;
    pp_os_clock_read(&appender->clock);
    appender->last_input_ns = appender->clock.monotonic_ns;
    while (error == 0 && (ready = wait_for_input(appender, fd)) != 0) {
        error = ready < 0 ? ready : receive_batch(appender, fd);
        seal_when_due(appender, false);
    }
    return error;
}

bool appender_finish(struct appender *appender)
{
    flush_batch(appender);
    if (!appender->failed)
        note_result(appender, pp_ledger_sync(appender->ledger));
    return !appender->failed;
}
