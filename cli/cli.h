/* SPDX-License-Identifier: MIT */
/* What the verbs share: the verbs themselves, the option parser, values, output and files. */
#ifndef POSTPROOF_CLI_H
#define POSTPROOF_CLI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <jansson.h>
#include <postproof/postproof.h>

/* Exit codes of every verb. */
enum { CLI_GOOD = 0, CLI_BAD = 1, CLI_UNDECIDED = 2 };

/* ---- Verbs: argv[0] is the verb; the result is the exit code -------------------------------- */

int cmd_keygen(int argc, char **argv);
int cmd_init(int argc, char **argv);
int cmd_append(int argc, char **argv);
int cmd_verify(int argc, char **argv);
int cmd_cat(int argc, char **argv);
int cmd_prove(int argc, char **argv);
int cmd_check(int argc, char **argv);
int cmd_checkpoint(int argc, char **argv);
int cmd_recover(int argc, char **argv);
int cmd_prune(int argc, char **argv);
int cmd_export(int argc, char **argv);
int cmd_limit(int argc, char **argv);
int cmd_bundle(int argc, char **argv);
int cmd_rollback(int argc, char **argv);
int cmd_serve(int argc, char **argv);
int cmd_dashboard(int argc, char **argv);
int cmd_proofs(int argc, char **argv);
int cmd_doctor(int argc, char **argv);
int cmd_demo(int argc, char **argv);

/* ---- Options (options.c) -------------------------------------------------------------------- */

enum cli_option_kind {
    CLI_FLAG,     /* bool; takes no value */
    CLI_TEXT,     /* const char *, not empty */
    CLI_NUMBER,   /* uint64_t from min to max */
    CLI_BYTES,    /* uint64_t from min to max, with KiB, MiB or GiB */
    CLI_DURATION, /* uint64_t nanoseconds from min to max, with a unit */
    CLI_TIME,     /* uint64_t nanoseconds since 1970 UTC */
    CLI_LEVEL,    /* uint8_t, enum pp_level */
    CLI_CHOICE    /* unsigned, the position in choices */
};

struct cli_option {
    const char *name; /* with its dashes */
    enum cli_option_kind kind;
    void *target;      /* of the type above; changed only when the option is given */
    const char *value; /* what the help calls the value; CLI_CHOICE: "plain|jsonl|syslog" */
    const char *help;  /* one phrase */
    uint64_t min, max; /* CLI_NUMBER, CLI_BYTES, CLI_DURATION */
};

#define CLI_OPTION_FLAG(name, target, help)                                                        \
    {                                                                                              \
        name, CLI_FLAG, target, NULL, help, 0, 0                                                   \
    }
#define CLI_OPTION(name, kind, target, value, help)                                                \
    {                                                                                              \
        name, kind, target, value, help, 0, 0                                                      \
    }
#define CLI_OPTION_RANGE(name, kind, target, value, help, min, max)                                \
    {                                                                                              \
        name, kind, target, value, help, min, max                                                  \
    }
#define CLI_OPTION_END                                                                             \
    {                                                                                              \
        NULL, CLI_FLAG, NULL, NULL, NULL, 0, 0                                                     \
    }

/* What a verb accepts.  options ends with an element whose name is NULL; --help is understood by
   every verb. */
struct cli_syntax {
    const char *verb, *arguments, *summary, *example;
    int arguments_min, arguments_max;
    const struct cli_option *options;
};

struct cli_arguments {
    char **value;
    int count;
    int exit_code; /* what to return when parsing did not say to go on */
};

/* Stores the options, moves the other arguments together (*arguments).  false: help was printed or
   an error was reported, return arguments->exit_code. */
PP_MUST_CHECK bool cli_parse(const struct cli_syntax *syntax, int argc, char **argv,
                             struct cli_arguments *arguments);
/* A whole number as an argument; reports and returns false when it is none. */
PP_MUST_CHECK bool cli_number_argument(const char *verb, const char *name, const char *text,
                                       uint64_t *out);

/* ---- Values as text (values.c) -------------------------------------------------------------- */

enum { CLI_VALUE_BYTES = 48 };
/* RFC 3339 in UTC with nine digits behind the point. */
void cli_time_text(uint64_t time_ns, char out[CLI_VALUE_BYTES]);
/* RFC 3339, YYYY-MM-DD (midnight UTC), or a duration before now_ns. */
PP_MUST_CHECK bool cli_time_parse(const char *text, uint64_t now_ns, uint64_t *out);
/* "1.5 MiB"; and "4096", "64KiB", "16MiB", "1GiB". */
void cli_size_text(uint64_t bytes, char out[CLI_VALUE_BYTES]);
PP_MUST_CHECK bool cli_size_parse(const char *text, uint64_t *out);
/* "12.3 ms"; and a whole number with ns, us, ms, s, m, h or d ("0" needs no unit). */
void cli_duration_text(uint64_t duration_ns, char out[CLI_VALUE_BYTES]);
PP_MUST_CHECK bool cli_duration_parse(const char *text, uint64_t *out);

/* ---- The program's name (output.c) ---------------------------------------------------------- */

/* The program was called by another name, which stands for "postproof VERB". */
void cli_set_program(const char *name);
/* "postproof" or that name. */
const char *cli_program(void);
/* "postproof VERB" or that name; valid until the next call. */
const char *cli_command(const char *verb);

/* ---- Output (output.c) ---------------------------------------------------------------------- */

/* "postproof VERB: ..." (cli_command) to stderr; returns CLI_UNDECIDED. */
__attribute__((format(printf, 2, 3))) int cli_fail(const char *verb, const char *format, ...);
/* A failure of the library in words; returns CLI_BAD where it proves something bad. */
int cli_failure(const char *verb, const struct pp_failure *failure);
/* "postproof VERB: ..." to stderr, for advice and notices. */
__attribute__((format(printf, 2, 3))) void cli_note(const char *verb, const char *format, ...);
/* Flushes stdout; returns exit_code, or CLI_UNDECIDED when the output did not arrive. */
int cli_finish(int exit_code);

/* Bytes from a log for a person: control characters except tab, characters that turn the direction
   of text, and bytes that are not UTF-8 are escaped, so that they can't drive a terminal. */
void cli_print_escaped(FILE *out, struct pp_bytes text);

/* The digest in hex; empty for zeros, which no hash function gives. */
void cli_digest_text(const struct pp_digest *digest, char hex[2 * PP_DIGEST_BYTES + 1]);

/* JSON members; without memory they report that and exit with CLI_UNDECIDED. */
json_t *cli_json_object(void);
void cli_json_set(json_t *object, const char *key, json_t *value);
void cli_json_text(json_t *object, const char *key, const char *text);
void cli_json_number(json_t *object, const char *key, uint64_t value);
void cli_json_seq(json_t *object, const char *key, uint64_t seq); /* null for PP_NO_SEQ */
void cli_json_bool(json_t *object, const char *key, bool value);
/* null for zeros: what was found bad has no root. */
void cli_json_digest(json_t *object, const char *key, const struct pp_digest *digest);
/* key as a string when the bytes are UTF-8, else key_base64. */
void cli_json_bytes(json_t *object, const char *key, struct pp_bytes bytes);
/* One hash in base64, as in the C2SP formats, behind the array's last. */
void cli_json_add_hash(json_t *array, const struct pp_digest *digest);
/* Prints the object to stdout and frees it. */
void cli_json_print(json_t *object);

/* One line on stderr that is overwritten, only when stderr is a terminal. */
struct cli_progress {
    bool enabled, shown;
    uint64_t next_ns;
};
void cli_progress_init(struct cli_progress *progress, bool wanted);
bool cli_progress_due(struct cli_progress *progress, uint64_t monotonic_ns);
__attribute__((format(printf, 2, 3))) void cli_progress_show(struct cli_progress *progress,
                                                             const char *format, ...);
void cli_progress_clear(struct cli_progress *progress);

uint64_t cli_now_ns(void); /* realtime */
uint64_t cli_monotonic_ns(void);

/* ---- Other programs (process.c) ------------------------------------------------------------- */

/* Runs a program; its exit status, or -1.  quiet: what it prints goes to stderr. */
int cli_run_program(const char *verb, char **argv, bool quiet);

/* ---- Files (files.c) ------------------------------------------------------------------------ */

/* Bytes that grow; free with cli_buffer_free. */
struct cli_buffer {
    uint8_t *data;
    size_t len, cap;
};
PP_MUST_CHECK bool cli_buffer_add(struct cli_buffer *buffer, const void *data, size_t len);
void cli_buffer_free(struct cli_buffer *buffer);
struct pp_bytes cli_buffer_view(const struct cli_buffer *buffer);

enum { CLI_PATH_BYTES = 4096 };
/* folder/name; reports and returns false when that is too long. */
PP_MUST_CHECK bool cli_path(const char *verb, const char *folder, const char *name,
                            char out[CLI_PATH_BYTES]);
/* All of a file ("-": standard input) of at most max bytes; reports errors. */
PP_MUST_CHECK bool cli_read_file(const char *verb, const char *path, size_t max,
                                 struct cli_buffer *buffer);

/* LEDGER/checkpoint with its text, which *checkpoint borrows. */
struct cli_checkpoint {
    struct cli_buffer text;
    struct pp_checkpoint parsed;
};
/* Reports with advice when there is none. */
PP_MUST_CHECK bool cli_checkpoint_load(const char *verb, const char *ledger,
                                       struct cli_checkpoint *checkpoint);

/* Opens the ledger for writing; prints a notice on stderr when a torn tail was sealed off. */
PP_MUST_CHECK enum pp_error cli_open_writer(const char *verb, const char *path, const char *keys,
                                            const struct pp_ledger_options *options,
                                            struct pp_ledger **ledger,
                                            struct pp_ledger_opening *opening, int *exit_code);
/* Closes; the exit code is that of the failure when closing fails and exit_code was CLI_GOOD. */
int cli_close_writer(const char *verb, struct pp_ledger *ledger, int exit_code);

#endif
