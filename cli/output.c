/* SPDX-License-Identifier: MIT */
/* What the verbs print: errors, escaped text, JSON, and the progress line of a terminal. */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../src/base/base.h"
#include "../src/os/os.h"
#include "cli.h"

enum { PROGRESS_INTERVAL_NS = 100000000 };

/* ---- The program's name --------------------------------------------------------------------- */

static const char *program_name; /* NULL: the usual one */

void cli_set_program(const char *name)
{
    program_name = name;
}

const char *cli_program(void)
{
    return program_name ? program_name : "postproof";
}

const char *cli_command(const char *verb)
{
    static char command[64];
    if (program_name)
        return program_name;
    snprintf(command, sizeof command, "postproof %s", verb);
    return command;
}

/* ---- Errors --------------------------------------------------------------------------------- */

__attribute__((format(printf, 2, 0))) static void print_message(const char *verb,
                                                                const char *format, va_list args)
{
    fprintf(stderr, "%s: ", cli_command(verb));
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
}

int cli_fail(const char *verb, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    print_message(verb, format, args);
    va_end(args);
    return CLI_UNDECIDED;
}

void cli_note(const char *verb, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    print_message(verb, format, args);
    va_end(args);
}

int cli_failure(const char *verb, const struct pp_failure *failure)
{
    cli_fail(verb, "%s", failure->text[0] ? failure->text : pp_error_text(failure->code));
    bool bad = failure->code == PP_ERROR_MISMATCH || failure->code == PP_ERROR_ROLLED_BACK;
    return bad ? CLI_BAD : CLI_UNDECIDED;
}

int cli_finish(int exit_code)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return exit_code;
    if (errno != EPIPE)
        fprintf(stderr, "%s: standard output: %s\n", cli_program(), strerror(errno));
    return CLI_UNDECIDED;
}

/* ---- Escaped text --------------------------------------------------------------------------- */

/* Length of the UTF-8 sequence that starts with this byte; 0 when none does. */
static size_t sequence_length(uint8_t lead)
{
    if (lead < 0x80)
        return 1;
    if (lead >= 0xC2 && lead < 0xE0)
        return 2;
    if (lead >= 0xE0 && lead < 0xF0)
        return 3;
    return lead >= 0xF0 && lead < 0xF5 ? 4 : 0;
}

/* Decodes the character at the start; returns its length, 0 when the bytes are not UTF-8. */
static size_t decode_character(struct pp_bytes text, uint32_t *character)
{
    static const uint32_t SMALLEST[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t len = sequence_length(text.data[0]);
    if (len == 0 || len > text.len)
        return 0;
    uint32_t value = len == 1 ? text.data[0] : text.data[0] & (0x7FU >> len);
    for (size_t i = 1; i < len; i++) {
        if ((text.data[i] & 0xC0) != 0x80)
            return 0;
        value = value << 6 | (text.data[i] & 0x3FU);
    }
    if (value < SMALLEST[len] || value > 0x10FFFF || (value >= 0xD800 && value < 0xE000))
        return 0;
    *character = value;
    return len;
}

/* Controls of both sets, line and paragraph separators, and what turns the direction of text. */
static bool drives_terminal(uint32_t c)
{
    return (c < 0x20 && c != '\t') || (c >= 0x7F && c < 0xA0) || c == 0x061C ||
           (c >= 0x200E && c <= 0x200F) || (c >= 0x2028 && c <= 0x202E) ||
           (c >= 0x2066 && c <= 0x2069);
}

void cli_print_escaped(FILE *out, struct pp_bytes text)
{
    size_t at = 0, plain = 0; /* text[plain, at) is waiting to be written as it is */
    while (at < text.len) {
        uint32_t character = 0;
        struct pp_bytes rest = {text.data + at, text.len - at};
        size_t len = decode_character(rest, &character);
        if (len > 0 && !drives_terminal(character)) {
            at += len;
            continue;
        }
        fwrite(text.data + plain, 1, at - plain, out);
        if (len > 1)
            fprintf(out, "\\u%04x", (unsigned)character);
        else
            fprintf(out, "\\x%02x", text.data[at]);
        at += len > 0 ? len : 1;
        plain = at;
    }
    if (at > plain)
        fwrite(text.data + plain, 1, at - plain, out);
}

/* ---- JSON ----------------------------------------------------------------------------------- */

static void require_memory(bool there)
{
    if (there)
        return;
    fprintf(stderr, "%s: no memory is left\n", cli_program());
    exit(CLI_UNDECIDED);
}

json_t *cli_json_object(void)
{
    json_t *object = json_object();
    require_memory(object != NULL);
    return object;
}

void cli_json_set(json_t *object, const char *key, json_t *value)
{
    require_memory(json_object_set_new(object, key, value) == 0);
}

void cli_json_text(json_t *object, const char *key, const char *text)
{
    json_t *value = json_string(text);
    if (!value) { /* not UTF-8, such as a file name in an old encoding */
        char *escaped = NULL;
        size_t len = 0;
        FILE *memory = open_memstream(&escaped, &len);
        require_memory(memory != NULL);
        cli_print_escaped(memory, pp_bytes_of(text));
        require_memory(fclose(memory) == 0);
        value = json_stringn(escaped, len);
        free(escaped);
    }
    cli_json_set(object, key, value);
}

void cli_json_number(json_t *object, const char *key, uint64_t value)
{
    cli_json_set(object, key, json_integer((json_int_t)value));
}

void cli_json_seq(json_t *object, const char *key, uint64_t seq)
{
    cli_json_set(object, key, seq == PP_NO_SEQ ? json_null() : json_integer((json_int_t)seq));
}

void cli_json_bool(json_t *object, const char *key, bool value)
{
    cli_json_set(object, key, json_boolean(value));
}

void cli_digest_text(const struct pp_digest *digest, char hex[2 * PP_DIGEST_BYTES + 1])
{
    static const struct pp_digest none;
    hex[0] = '\0';
    if (memcmp(digest->b, none.b, PP_DIGEST_BYTES) != 0)
        pp_hex_encode(digest->b, PP_DIGEST_BYTES, hex);
}

void cli_json_digest(json_t *object, const char *key, const struct pp_digest *digest)
{
    char hex[2 * PP_DIGEST_BYTES + 1];
    cli_digest_text(digest, hex);
    if (hex[0] == '\0')
        cli_json_set(object, key, json_null());
    else
        cli_json_text(object, key, hex);
}

void cli_json_bytes(json_t *object, const char *key, struct pp_bytes bytes)
{
    json_t *text = json_stringn(bytes.len ? (const char *)bytes.data : "", bytes.len);
    if (text) {
        cli_json_set(object, key, text);
        return;
    }
    char *base64 = malloc(4 * ((bytes.len + 2) / 3) + 1);
    require_memory(base64 != NULL);
    size_t len = pp_base64_encode(bytes.data, bytes.len, base64);
    char base64_key[64];
    snprintf(base64_key, sizeof base64_key, "%s_base64", key);
    cli_json_set(object, base64_key, json_stringn(base64, len));
    free(base64);
}

void cli_json_add_hash(json_t *array, const struct pp_digest *digest)
{
    char base64[4 * ((PP_DIGEST_BYTES + 2) / 3) + 1];
    pp_base64_encode(digest->b, PP_DIGEST_BYTES, base64);
    require_memory(json_array_append_new(array, json_string(base64)) == 0);
}

void cli_json_print(json_t *object)
{
    if (json_dumpf(object, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(9)) != 0)
        require_memory(ferror(stdout));
    putchar('\n');
    json_decref(object);
}

/* ---- Progress ------------------------------------------------------------------------------- */

void cli_progress_init(struct cli_progress *progress, bool wanted)
{
    *progress = (struct cli_progress){.enabled = wanted && isatty(STDERR_FILENO)};
}

bool cli_progress_due(struct cli_progress *progress, uint64_t monotonic_ns)
{
    if (!progress->enabled || monotonic_ns < progress->next_ns)
        return false;
    progress->next_ns = monotonic_ns + PROGRESS_INTERVAL_NS;
    return true;
}

void cli_progress_show(struct cli_progress *progress, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fputc('\r', stderr);
    vfprintf(stderr, format, args);
    fputs("\033[K", stderr);
    va_end(args);
    progress->shown = true;
}

void cli_progress_clear(struct cli_progress *progress)
{
    if (progress->shown)
        fputs("\r\033[K", stderr);
    progress->shown = false;
}

uint64_t cli_now_ns(void)
{
    struct pp_os_clock clock;
    pp_os_clock_read(&clock);
    return clock.realtime_ns;
}

uint64_t cli_monotonic_ns(void)
{
    struct pp_os_clock clock;
    pp_os_clock_read(&clock);
    return clock.monotonic_ns;
}
