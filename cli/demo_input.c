/* SPDX-License-Identifier: MIT */
/* What the demo logs: this machine's own log files, journal and logger lines, and where those are
   few, facts from /proc. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../src/os/os_socket.h"
#include "demo.h"

enum {
    FILE_BYTES_MAX = 4 << 20,   /* the newest of each source */
    TEXT_BYTES_MAX = 16 << 20,  /* of all sources */
    FRAMES_BYTES_MIN = 5 << 16, /* more than four segments of 64 KiB */
    BODY_BYTES_MIN = 80 << 10,  /* more than one entry holds */
    FEW_LINES = 200,
    SNIFF_BYTES = 4096,
    PROCESSES_MAX = 300,
    PROGRAM_TIMEOUT_MS = 10000,
    DATAGRAM_BYTES = 65536
};

static bool no_memory(void)
{
    cli_fail("demo", "no memory is left");
    return false;
}

/* ---- Sources and lines ---------------------------------------------------------------------- */

/* A new source; the last place serves all that find no other. */
static struct demo_source *add_source(struct demo_input *input, const char *name, const char *note)
{
    if (input->source_count < DEMO_SOURCES_MAX) {
        struct demo_source *source = &input->sources[input->source_count++];
        snprintf(source->name, sizeof source->name, "%s", name);
        snprintf(source->note, sizeof source->note, "%s", note);
        return source;
    }
    struct demo_source *last = &input->sources[DEMO_SOURCES_MAX - 1];
    snprintf(last->name, sizeof last->name, "further sources");
    return last;
}

static bool add_line(struct demo_input *input, struct demo_source *source, struct pp_bytes line,
                     enum pp_ingest_format format)
{
    if (line.len == 0 || input->count >= input->lines_max ||
        input->text.len + line.len > TEXT_BYTES_MAX)
        return true;
    if (input->count == input->cap) {
        size_t cap = input->cap ? 2 * input->cap : 4096;
        struct demo_line *larger = realloc(input->lines, cap * sizeof *larger);
        if (larger == NULL)
            return no_memory();
        input->lines = larger;
        input->cap = cap;
    }
    input->lines[input->count++] =
        (struct demo_line){input->text.len, line.len, (unsigned)(source - input->sources), format};
    source->lines++;
    source->bytes += line.len;
    return cli_buffer_add(&input->text, line.data, line.len) || no_memory();
}

static bool add_text(struct demo_input *input, struct demo_source *source, struct pp_bytes text,
                     enum pp_ingest_format format)
{
    struct pp_bytes line;
    while (pp_next_line(&text, &line))
        if (!add_line(input, source, line, format))
            return false;
    return add_line(input, source, text, format);
}

/* ---- Files ---------------------------------------------------------------------------------- */

static bool has_suffix(const char *name, const char *suffix)
{
    size_t len = strlen(name), suffix_len = strlen(suffix);
    return len >= suffix_len && strcmp(name + len - suffix_len, suffix) == 0;
}

static bool is_compressed(const char *name)
{
    static const char *const SUFFIXES[] = {".gz", ".xz", ".bz2", ".zst", ".lz4"};
    for (size_t i = 0; i < sizeof SUFFIXES / sizeof *SUFFIXES; i++)
        if (has_suffix(name, SUFFIXES[i]))
            return true;
    return false;
}

/* The newest whole lines of a file in buffer; or why not. */
static bool read_newest(int fd, int64_t size, uint8_t *buffer, struct pp_bytes *text)
{
    uint64_t start = size > FILE_BYTES_MAX ? (uint64_t)size - FILE_BYTES_MAX : 0;
    int64_t got = pp_os_read_at(fd, buffer, FILE_BYTES_MAX, start);
    if (got < 0)
        return false;
    *text = (struct pp_bytes){buffer, (size_t)got};
    struct pp_bytes part;
    if (start > 0 && !pp_next_line(text, &part))
        text->len = 0;
    return true;
}

static bool take_file(struct demo_input *input, int dir, const char *folder, const char *name,
                      uint8_t *buffer)
{
    int fd = pp_os_open(dir, name, PP_OS_READ);
    int64_t size = fd < 0 ? fd : pp_os_size(fd);
    struct pp_bytes text = {buffer, 0};
    bool readable = size >= 0 && read_newest(fd, size, buffer, &text);
    if (fd >= 0)
        pp_os_close(fd);
    if (!readable) {
        input->unreadable += fd != -ELOOP;
        return true;
    }
    if (text.len == 0 || is_compressed(name)) {
        *(text.len == 0 ? &input->empty : &input->compressed) += 1;
        return true;
    }
    if (memchr(text.data, 0, text.len < SNIFF_BYTES ? text.len : SNIFF_BYTES) != NULL) {
        input->binary++;
        return true;
    }
    char path[2 * PP_OS_NAME_BYTES];
    if (input->count >= input->lines_max)
        return true;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return add_text(input, add_source(input, path, ""), text, PP_INGEST_PLAIN);
}

/* The files of a folder, and of the folders in it when deeper is set. */
static bool take_folder(struct demo_input *input, const char *folder, bool deeper, uint8_t *buffer)
{
    struct pp_os_names names;
    int dir = pp_os_open_dir(PP_OS_CWD, folder);
    if (dir < 0 || pp_os_list(dir, &names) < 0) {
        if (dir >= 0)
            pp_os_close(dir);
        return true;
    }
    bool good = true;
    for (size_t i = 0; i < names.count && good; i++) {
        char path[2 * PP_OS_NAME_BYTES];
        int inner = pp_os_open_dir(dir, names.name[i]);
        if (inner >= 0)
            pp_os_close(inner);
        int len = snprintf(path, sizeof path, "%s/%s", folder, names.name[i]);
        if (inner < 0)
            good = take_file(input, dir, folder, names.name[i], buffer);
        else if (deeper && len < PP_OS_NAME_BYTES)
            good = take_folder(input, path, false, buffer);
    }
    pp_os_free_names(&names);
    pp_os_close(dir);
    return good;
}

static bool take_log_files(struct demo_input *input)
{
    unsigned before = input->source_count;
    uint8_t *buffer = malloc(FILE_BYTES_MAX);
    if (buffer == NULL)
        return no_memory();
    bool good = take_folder(input, "/var/log", true, buffer);
    free(buffer);
    if (good && input->source_count == before && input->count < input->lines_max)
        add_source(input, "/var/log", "no readable text in it");
    return good;
}

/* A file that has no size, as in /proc. */
static bool take_stream(struct demo_input *input, struct demo_source *source, const char *path)
{
    uint8_t buffer[DATAGRAM_BYTES];
    size_t len = 0;
    int64_t got = 0;
    int fd = pp_os_open(PP_OS_CWD, path, PP_OS_READ);
    if (fd < 0)
        return true;
    while (len < sizeof buffer && (got = pp_os_read(fd, buffer + len, sizeof buffer - len)) > 0)
        len += (size_t)got;
    pp_os_close(fd);
    return add_text(input, source, (struct pp_bytes){buffer, len}, PP_INGEST_PLAIN);
}

/* ---- Programs ------------------------------------------------------------------------------- */

/* Starts a program with its output on a pipe; its descriptor, or -errno. */
static int start_program(char **argv, pid_t *pid)
{
    int ends[2];
    posix_spawn_file_actions_t actions;
    if (pipe2(ends, O_CLOEXEC) < 0)
        return -errno;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    int error = posix_spawnp(pid, argv[0], &actions, NULL, argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    if (error == 0)
        return ends[0];
    close(ends[0]);
    return -error;
}

/* What a program prints, at most FILE_BYTES_MAX and for a limited time.  0, or -errno when it can't
   be started. */
static int run_program(char **argv, struct cli_buffer *output)
{
    uint8_t chunk[SNIFF_BYTES];
    pid_t pid;
    *output = (struct cli_buffer){0};
    int fd = start_program(argv, &pid);
    if (fd < 0)
        return fd;
    uint64_t end_ns = cli_monotonic_ns() + PROGRAM_TIMEOUT_MS * UINT64_C(1000000);
    bool ended = false;
    while (!ended && output->len < FILE_BYTES_MAX && cli_monotonic_ns() < end_ns) {
        if (pp_os_wait_readable(fd, 100) != 1)
            continue;
        int64_t got = pp_os_read(fd, chunk, sizeof chunk);
        ended = got <= 0 || !cli_buffer_add(output, chunk, (size_t)got);
    }
    close(fd);
    if (!ended)
        kill(pid, SIGKILL);
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        continue;
    return 0;
}

static bool take_program(struct demo_input *input, const char *name, char **argv,
                         enum pp_ingest_format format)
{
    struct cli_buffer output;
    struct demo_source *source = add_source(input, name, "");
    bool room = input->count < input->lines_max;
    int error = run_program(argv, &output);
    bool good = add_text(input, source, cli_buffer_view(&output), format);
    cli_buffer_free(&output);
    if (error == -ENOENT)
        snprintf(source->note, sizeof source->note, "not installed here");
    else if (error < 0)
        snprintf(source->note, sizeof source->note, "can't be run: %s", strerror(-error));
    else if (source->lines == 0)
        snprintf(source->note, sizeof source->note, "%s",
                 room ? "it printed nothing" : "no room for more lines");
    return good;
}

static bool take_journal(struct demo_input *input)
{
    char *argv[] = {"journalctl", "-q", "-o", "json", "-n", "2000", "--no-pager", NULL};
    return take_program(input, "journalctl", argv, PP_INGEST_JSONL);
}

/* ---- logger --------------------------------------------------------------------------------- */

/* A fact in one line that logger sends. */
static bool read_fact(const char *path, char *out, size_t cap)
{
    int fd = pp_os_open(PP_OS_CWD, path, PP_OS_READ);
    int64_t got = fd < 0 ? fd : pp_os_read(fd, out, cap - 1);
    if (fd >= 0)
        pp_os_close(fd);
    if (got <= 0)
        return false;
    out[got] = '\0';
    out[strcspn(out, "\n")] = '\0';
    return true;
}

static bool receive(struct demo_input *input, struct demo_source *source, int fd)
{
    uint8_t buffer[DATAGRAM_BYTES];
    int64_t got;
    while ((got = pp_os_socket_receive(fd, buffer, sizeof buffer)) >= 0) {
        size_t len = (size_t)got < sizeof buffer ? (size_t)got : sizeof buffer;
        while (len > 0 && (buffer[len - 1] == '\n' || buffer[len - 1] == 0))
            len--;
        if (!add_line(input, source, (struct pp_bytes){buffer, len}, PP_INGEST_SYSLOG))
            return false;
    }
    return true;
}

static bool send_facts(struct demo_input *input, struct demo_source *source, int fd, char *path)
{
    static const char *const FACTS[] = {"/proc/version", "/proc/uptime", "/proc/loadavg",
                                        "/proc/sys/kernel/random/boot_id"};
    char *priorities[] = {"kern.info", "user.notice", "daemon.warning", "auth.err"};
    char fact[512];
    bool good = true;
    int error = 0;
    for (size_t i = 0; i < 4 && good && error == 0; i++) {
        char *argv[] = {"logger", "-u",          path, "-t", "postproof-demo",
                        "-p",     priorities[i], "--", fact, NULL};
        struct cli_buffer output;
        if (!read_fact(FACTS[i], fact, sizeof fact))
            continue;
        error = run_program(argv, &output);
        cli_buffer_free(&output);
        good = receive(input, source, fd);
    }
    if (source->lines == 0)
        snprintf(source->note, sizeof source->note, "%s",
                 error == -ENOENT ? "not installed here" : "nothing arrived on the socket");
    return good;
}

static bool take_logger(struct demo_input *input, const char *folder)
{
    char path[CLI_PATH_BYTES];
    struct demo_source *source = add_source(input, "logger", "");
    if (!demo_path(folder, "log.sock", path))
        return false;
    int fd = pp_os_socket_open(path);
    if (fd < 0) {
        snprintf(source->note, sizeof source->note, "no socket for it: %s", strerror(-fd));
        return true;
    }
    bool good = send_facts(input, source, fd, path);
    pp_os_socket_close(fd, path);
    return good;
}

/* ---- Facts ---------------------------------------------------------------------------------- */

static bool take_processes(struct demo_input *input)
{
    struct pp_os_names names;
    struct demo_source *source = add_source(input, "/proc/*/stat", "");
    int dir = pp_os_open_dir(PP_OS_CWD, "/proc");
    if (dir < 0 || pp_os_list(dir, &names) < 0) {
        if (dir >= 0)
            pp_os_close(dir);
        return true;
    }
    bool good = true;
    for (size_t i = 0, taken = 0; i < names.count && taken < PROCESSES_MAX && good; i++) {
        char path[2 * PP_OS_NAME_BYTES];
        if (names.name[i][0] < '1' || names.name[i][0] > '9')
            continue;
        snprintf(path, sizeof path, "/proc/%s/stat", names.name[i]);
        good = take_stream(input, source, path);
        taken++;
    }
    pp_os_free_names(&names);
    pp_os_close(dir);
    return good;
}

/* A bare container logs next to nothing; the kernel's own counters are telemetry as well. */
static bool take_facts(struct demo_input *input)
{
    static const char *const FILES[] = {"/proc/meminfo", "/proc/stat", "/proc/self/mounts",
                                        "/proc/vmstat", "/proc/interrupts"};
    char *argv[] = {"dmesg", NULL};
    for (size_t i = 0; i < sizeof FILES / sizeof *FILES; i++)
        if (!take_stream(input, add_source(input, FILES[i], ""), FILES[i]))
            return false;
    return take_processes(input) && take_program(input, "dmesg", argv, PP_INGEST_PLAIN);
}

/* ---- The whole ------------------------------------------------------------------------------ */

static size_t frame_bytes(const struct demo_input *input)
{
    size_t bytes = 0;
    for (size_t i = 0; i < input->count; i++)
        bytes += PP_ENTRY_FRAME_BYTES_MIN + input->lines[i].len;
    return bytes;
}

/* Few lines are taken again, pass by pass, until they fill more than four segments. */
static bool repeat(struct demo_input *input)
{
    size_t bytes = frame_bytes(input);
    input->distinct = input->count;
    input->passes = 1;
    while (bytes * input->passes < FRAMES_BYTES_MIN ||
           input->text.len * input->passes < BODY_BYTES_MIN)
        input->passes++;
    struct demo_line *lines =
        realloc(input->lines, input->passes * input->distinct * sizeof *lines);
    if (lines == NULL)
        return no_memory();
    input->lines = lines;
    for (size_t pass = 1; pass < input->passes; pass++)
        memcpy(lines + pass * input->distinct, lines, input->distinct * sizeof *lines);
    input->count = input->cap = input->passes * input->distinct;
    return true;
}

bool demo_input_gather(struct demo_input *input, const char *folder, size_t lines_max)
{
    input->lines_max = lines_max;
    if (!take_logger(input, folder) || !take_journal(input) || !take_log_files(input))
        return false;
    if (input->count < FEW_LINES && input->count < lines_max && !take_facts(input))
        return false;
    if (input->count > 0)
        return repeat(input);
    cli_fail("demo", "this machine has no logs, no logger and no /proc: nothing to take");
    return false;
}

void demo_input_free(struct demo_input *input)
{
    cli_buffer_free(&input->text);
    free(input->lines);
    *input = (struct demo_input){0};
}

void demo_input_entry(const struct demo_input *input, size_t i, uint64_t now_ns,
                      struct pp_ingest_scratch *scratch, struct pp_entry *entry)
{
    const struct demo_line *line = &input->lines[i];
    const struct pp_ingest_options options = {.format = line->format,
                                              .source =
                                                  pp_bytes_of(input->sources[line->source].name),
                                              .level = PP_INFO};
    struct pp_bytes text = {input->text.data + line->offset, line->len};
    /* What does not follow the format becomes a plain entry: nothing is lost either way. */
    bool parsed = pp_ingest_line(&options, text, now_ns, scratch, entry);
    (void)parsed;
}
