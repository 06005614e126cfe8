/* SPDX-License-Identifier: MIT */
/* postproof doctor: what on this machine could weaken the evidence, as a table. */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "../src/base/hash.h"
#include "../src/os/os.h"
#include "../src/os/os_machine.h"
#include "cli.h"

enum finding {
    FINDING_OK,
    FINDING_WARN,    /* works, but is weaker than it could be */
    FINDING_FAIL,    /* proven bad */
    FINDING_UNKNOWN, /* could not be found out */
    FINDING_COUNT
};

static const char *const FINDING_TEXT[] = {"ok", "warn", "fail", "unknown"};

#define NS_PER_S UINT64_C(1000000000)
#define EARLIEST_NS (UINT64_C(1704067200) * NS_PER_S) /* 2024-01-01: before this program */
#define LOCKED_BYTES_WANTED (UINT64_C(64) << 10)
#define FREE_BYTES_WANTED (UINT64_C(1) << 30)
#define CHECKPOINT_AGE_MAX_NS (UINT64_C(86400) * NS_PER_S)

struct doctor {
    const char *ledger; /* NULL: only the machine */
    char keys[CLI_PATH_BYTES];
    bool has_keys;
    json_t *rows; /* NULL: print text */
    unsigned found[FINDING_COUNT];
    uint64_t sealed_size;
    bool opened;
};

__attribute__((format(printf, 4, 5))) static void
add_row(struct doctor *doctor, enum finding finding, const char *check, const char *format, ...)
{
    char text[CLI_PATH_BYTES + 256];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    doctor->found[finding]++;
    if (!doctor->rows) {
        printf("%-8s %-18s ", FINDING_TEXT[finding], check);
        cli_print_escaped(stdout, pp_bytes_of(text));
        putchar('\n');
        return;
    }
    json_t *row = cli_json_object();
    cli_json_text(row, "check", check);
    cli_json_text(row, "result", FINDING_TEXT[finding]);
    cli_json_text(row, "text", text);
    json_array_append_new(doctor->rows, row);
}

/* ---- The machine ---------------------------------------------------------------------------- */

static void check_processor(struct doctor *doctor)
{
    char info[16384];
    int fd = pp_os_open(PP_OS_CWD, "/proc/cpuinfo", PP_OS_READ);
    int64_t got = fd < 0 ? fd : pp_os_read(fd, info, sizeof info - 1);
    if (fd >= 0)
        pp_os_close(fd);
    info[got > 0 ? got : 0] = '\0';
    if (got <= 0)
        add_row(doctor, FINDING_WARN, "processor", "/proc/cpuinfo can't be read");
    else if (strstr(info, " sha_ni") || strstr(info, " sha2"))
        add_row(doctor, FINDING_OK, "processor", "has SHA-256 instructions");
    else
        add_row(doctor, FINDING_WARN, "processor", "no SHA-256 instructions: hashing is slower");
}

static void check_engine(struct doctor *doctor)
{
    size_t bytes = pp_hash_engine_bytes();
    void *memory = bytes ? aligned_alloc(64, (bytes + 63) / 64 * 64) : NULL;
    struct pp_hash_engine *engine = memory ? pp_hash_engine_init(memory, bytes) : NULL;
    add_row(doctor, FINDING_OK, "hash engine", "%s", pp_hash_engine_name(engine));
    free(memory);
}

static void check_memory(struct doctor *doctor)
{
    int off = pp_os_core_dumps_are_off();
    if (off < 0)
        add_row(doctor, FINDING_UNKNOWN, "core dumps", "%s", strerror(-off));
    else
        add_row(doctor, off ? FINDING_OK : FINDING_FAIL, "core dumps",
                off ? "off in this program" : "on: a crash could leave keys in a file");
    uint64_t limit = 0;
    char text[CLI_VALUE_BYTES] = "no limit";
    int error = pp_os_memory_lock_limit(&limit);
    if (limit != UINT64_MAX)
        cli_size_text(limit, text);
    if (error < 0)
        add_row(doctor, FINDING_UNKNOWN, "locked memory", "%s", strerror(-error));
    else if (limit < LOCKED_BYTES_WANTED)
        add_row(doctor, FINDING_WARN, "locked memory",
                "limit %s: keys could reach the swap space; raise ulimit -l to 64 at least", text);
    else
        add_row(doctor, FINDING_OK, "locked memory", "limit: %s", text);
}

static void check_clock(struct doctor *doctor)
{
    char text[CLI_VALUE_BYTES];
    uint64_t now = cli_now_ns();
    cli_time_text(now, text);
    if (now < EARLIEST_NS)
        add_row(doctor, FINDING_FAIL, "clock", "it says %s, before this program existed", text);
    else
        add_row(doctor, FINDING_OK, "clock", "%s", text);
}

/* ---- Keys ----------------------------------------------------------------------------------- */

static void check_secret(struct doctor *doctor, const char *name)
{
    char path[CLI_PATH_BYTES];
    if (!cli_path("doctor", doctor->keys, name, path))
        return;
    int fd = pp_os_open(PP_OS_CWD, path, PP_OS_READ_FOLLOW);
    int is_private = fd < 0 ? fd : pp_os_is_private(fd);
    if (fd >= 0)
        pp_os_close(fd);
    if (is_private < 0)
        add_row(doctor, FINDING_UNKNOWN, name, "%s: %s", path, strerror(-is_private));
    else if (is_private)
        add_row(doctor, FINDING_OK, name, "only its owner can read it");
    else
        add_row(doctor, FINDING_FAIL, name, "others can read it; chmod 600 %s", path);
}

static void check_keys(struct doctor *doctor)
{
    if (!doctor->has_keys)
        return;
    check_secret(doctor, "sealing.key");
    check_secret(doctor, "checkpoint.key");
    char path[CLI_PATH_BYTES];
    if (!cli_path("doctor", doctor->keys, "verify.key", path))
        return;
    int exists = pp_os_exists(path);
    if (exists < 0)
        add_row(doctor, FINDING_UNKNOWN, "verify.key", "%s: %s", path, strerror(-exists));
    else if (exists)
        add_row(doctor, FINDING_WARN, "verify.key",
                "still on this machine: whoever reads it can forge the ledger; move it to the "
                "auditor");
    else
        add_row(doctor, FINDING_OK, "verify.key", "not in the key folder");
}

/* ---- The ledger ----------------------------------------------------------------------------- */

static void check_lock(struct doctor *doctor)
{
    char path[CLI_PATH_BYTES];
    if (!cli_path("doctor", doctor->ledger, "segments", path))
        return;
    int fd = pp_os_open_dir(PP_OS_CWD, path);
    int error = fd < 0 ? fd : pp_os_lock(fd);
    if (fd >= 0)
        pp_os_close(fd);
    if (error == 0)
        add_row(doctor, FINDING_OK, "writer", "none at the moment");
    else if (error == -EWOULDBLOCK)
        add_row(doctor, FINDING_OK, "writer", "one is at work");
    else
        add_row(doctor, FINDING_UNKNOWN, "writer", "%s: %s", path, strerror(-error));
}

static void check_space(struct doctor *doctor)
{
    uint64_t bytes = 0;
    char text[CLI_VALUE_BYTES];
    int error = pp_os_free_space(doctor->ledger, &bytes);
    cli_size_text(bytes, text);
    if (error < 0)
        add_row(doctor, FINDING_UNKNOWN, "free space", "%s: %s", doctor->ledger, strerror(-error));
    else
        add_row(doctor, bytes < FREE_BYTES_WANTED ? FINDING_WARN : FINDING_OK, "free space", "%s",
                text);
}

/* The last entry must not lie in the future, or the clock has been set back. */
static void check_last_entry(struct doctor *doctor, struct pp_ledger_reader *reader)
{
    struct pp_entry entry;
    char text[CLI_VALUE_BYTES];
    if (doctor->sealed_size == pp_ledger_reader_first(reader))
        return;
    if (pp_ledger_reader_seek(reader, doctor->sealed_size - 1) != PP_OK ||
        pp_ledger_reader_next(reader, &entry) != PP_OK) {
        add_row(doctor, FINDING_UNKNOWN, "last entry", "%s",
                pp_ledger_reader_failure(reader)->text);
        return;
    }
    cli_time_text(entry.time_ns, text);
    bool future = entry.time_ns > cli_now_ns() + NS_PER_S;
    add_row(doctor, future ? FINDING_WARN : FINDING_OK, "last entry", "%s%s", text,
            future ? ", in the future: is the clock right?" : "");
}

static void check_opening(struct doctor *doctor)
{
    struct pp_ledger_reader *reader;
    struct pp_failure failure = {0};
    if (pp_ledger_reader_open(doctor->ledger, &reader, &failure) != PP_OK) {
        add_row(doctor, FINDING_UNKNOWN, "ledger", "%s", failure.text);
        return;
    }
    doctor->opened = true;
    doctor->sealed_size = pp_ledger_reader_size(reader);
    add_row(doctor, FINDING_OK, "ledger",
            "%" PRIu64 " sealed entries, first seq %" PRIu64
            " (not verified: see postproof verify)",
            doctor->sealed_size, pp_ledger_reader_first(reader));
    check_last_entry(doctor, reader);
    pp_ledger_reader_close(reader);
}

/* Size and age of a checkpoint whose signature was not refuted. */
static void judge_checkpoint(struct doctor *doctor, const char *path, uint64_t size)
{
    uint64_t modified = 0;
    int fd = pp_os_open(PP_OS_CWD, path, PP_OS_READ_FOLLOW);
    int error = fd < 0 ? fd : pp_os_modified_ns(fd, &modified);
    if (fd >= 0)
        pp_os_close(fd);
    if (doctor->opened && size > doctor->sealed_size) {
        add_row(doctor, FINDING_FAIL, "checkpoint",
                "covers %" PRIu64 " entries, the ledger has %" PRIu64 ": it was cut off", size,
                doctor->sealed_size);
        return;
    }
    uint64_t now = cli_now_ns(), age = now > modified ? now - modified : 0;
    uint64_t behind = doctor->opened ? doctor->sealed_size - size : 0;
    char text[CLI_VALUE_BYTES] = "unknown";
    if (error == 0)
        cli_duration_text(age, text);
    bool old = error < 0 || (behind > 0 && age > CHECKPOINT_AGE_MAX_NS);
    add_row(doctor, old ? FINDING_WARN : FINDING_OK, "checkpoint",
            "%" PRIu64 " entries, %" PRIu64 " behind the ledger, age %s%s", size, behind, text,
            old ? "; make a newer one and save it elsewhere" : "");
}

/* false: the note is not signed by the key beside. */
static bool signature_holds(struct doctor *doctor, const struct cli_checkpoint *checkpoint)
{
    char path[CLI_PATH_BYTES];
    struct cli_buffer text = {0};
    struct pp_note_key key;
    struct pp_checkpoint opened;
    if (!doctor->has_keys || !cli_path("doctor", doctor->keys, "checkpoint.pub", path) ||
        pp_os_exists(path) != 1 || !cli_read_file("doctor", path, PP_NOTE_KEY_TEXT_BYTES, &text)) {
        add_row(doctor, FINDING_UNKNOWN, "checkpoint.pub", "not there: no signature was checked");
        return true;
    }
    enum pp_error error = pp_note_key_parse(cli_buffer_view(&text), &key);
    cli_buffer_free(&text);
    if (error == PP_OK)
        error = pp_checkpoint_open(cli_buffer_view(&checkpoint->text), &key, &opened);
    if (error != PP_OK)
        add_row(doctor, FINDING_FAIL, "checkpoint", "checkpoint.pub does not confirm it: %s",
                pp_error_text(error));
    return error == PP_OK;
}

static void check_checkpoint(struct doctor *doctor)
{
    char path[CLI_PATH_BYTES];
    struct cli_checkpoint checkpoint;
    if (!cli_path("doctor", doctor->ledger, "checkpoint", path))
        return;
    if (pp_os_exists(path) == 0) {
        add_row(doctor, FINDING_WARN, "checkpoint",
                "none: a truncation can't be shown; make one and save it elsewhere");
        return;
    }
    if (!cli_checkpoint_load("doctor", doctor->ledger, &checkpoint)) {
        add_row(doctor, FINDING_UNKNOWN, "checkpoint", "%s can't be read", path);
        return;
    }
    if (signature_holds(doctor, &checkpoint))
        judge_checkpoint(doctor, path, checkpoint.parsed.size);
    cli_buffer_free(&checkpoint.text);
}

/* ---- The verb ------------------------------------------------------------------------------- */

static int examine(struct doctor *doctor)
{
    check_processor(doctor);
    check_engine(doctor);
    check_memory(doctor);
    check_clock(doctor);
    check_keys(doctor);
    if (doctor->ledger) {
        check_space(doctor);
        check_lock(doctor);
        check_opening(doctor);
        check_checkpoint(doctor);
    }
    if (doctor->found[FINDING_FAIL] > 0)
        return CLI_BAD;
    return doctor->found[FINDING_UNKNOWN] > 0 ? CLI_UNDECIDED : CLI_GOOD;
}

static int report(struct doctor *doctor, bool json)
{
    doctor->rows = json ? json_array() : NULL;
    int exit_code = examine(doctor);
    if (json) {
        json_t *object = cli_json_object();
        cli_json_number(object, "exit_code", (uint64_t)exit_code);
        for (size_t i = 0; i < FINDING_COUNT; i++)
            cli_json_number(object, FINDING_TEXT[i], doctor->found[i]);
        cli_json_set(object, "checks", doctor->rows);
        cli_json_print(object);
    } else {
        printf("\n%u ok, %u warnings, %u failed, %u unknown\n", doctor->found[FINDING_OK],
               doctor->found[FINDING_WARN], doctor->found[FINDING_FAIL],
               doctor->found[FINDING_UNKNOWN]);
    }
    return exit_code;
}

int cmd_doctor(int argc, char **argv)
{
    const char *keys = NULL;
    bool json = false;
    const struct cli_option options[] = {
        CLI_OPTION("--keys", CLI_TEXT, &keys, "DIR", "key folder (default: the ledger's own link)"),
        CLI_OPTION_FLAG("--json", &json, "report as a JSON object"),
        CLI_OPTION_END,
    };
    const struct cli_syntax syntax = {
        .verb = "doctor",
        .arguments = "[LEDGER]",
        .summary = "Checks the machine, the key files and, when named, the ledger for what could\n"
                   "weaken the evidence.  Each check is ok, warn, fail (proven bad, exit 1) or\n"
                   "unknown (exit 2).",
        .example = "postproof doctor ledger",
        .arguments_min = 0,
        .arguments_max = 1,
        .options = options,
    };
    struct cli_arguments arguments;
    if (!cli_parse(&syntax, argc, argv, &arguments))
        return arguments.exit_code;
    struct doctor doctor = {.ledger = arguments.count ? arguments.value[0] : NULL};
    if (keys && strlen(keys) >= sizeof doctor.keys)
        return cli_fail("doctor", "--keys: the path is too long");
    if (keys)
        strcpy(doctor.keys, keys);
    else if (doctor.ledger && !cli_path("doctor", doctor.ledger, "keys", doctor.keys))
        return CLI_UNDECIDED;
    doctor.has_keys = keys || doctor.ledger;
    return report(&doctor, json);
}
