/* SPDX-License-Identifier: MIT */
/* The option parser: a table of options per verb drives parsing, checks and --help. */
#include <inttypes.h>
#include <string.h>

#include "../src/base/base.h"
#include "cli.h"

/* ---- Help ----------------------------------------------------------------------------------- */

static void print_option(const struct cli_option *option)
{
    char left[64];
    const char *value = option->value ? option->value : "";
    snprintf(left, sizeof left, "%s%s%s", option->name, *value ? " " : "", value);
    printf("  %-30s %s\n", left, option->help);
}

/* The example, with the name that the program was called by. */
static void print_example(const struct cli_syntax *syntax)
{
    char usual[64];
    int len = snprintf(usual, sizeof usual, "postproof %s ", syntax->verb);
    bool begins = strncmp(syntax->example, usual, (size_t)len) == 0;
    if (begins)
        printf("\nexample:\n  %s %s\n\n", cli_command(syntax->verb), syntax->example + len);
    else
        printf("\nexample:\n  %s\n\n", syntax->example);
}

static void print_help(const struct cli_syntax *syntax)
{
    printf("usage: %s %s%s[option...]\n\n%s\n\noptions:\n", cli_command(syntax->verb),
           syntax->arguments, syntax->arguments[0] ? " " : "", syntax->summary);
    for (const struct cli_option *option = syntax->options; option->name; option++)
        print_option(option);
    printf("  %-30s %s\n", "--help", "print this text");
    print_example(syntax);
    printf("exit code: 0 proven good or done, 1 proven bad, 2 cannot decide (usage, I/O, missing "
           "trust)\n");
}

/* ---- Values --------------------------------------------------------------------------------- */

static bool in_range(const struct cli_option *option, uint64_t value)
{
    if (value < option->min || value > option->max)
        return false;
    *(uint64_t *)option->target = value;
    return true;
}

static bool store_choice(const struct cli_option *option, const char *text)
{
    size_t len = strlen(text);
    unsigned position = 0;
    for (const char *choice = option->value; *choice; position++) {
        size_t choice_len = strcspn(choice, "|");
        if (len == choice_len && memcmp(choice, text, len) == 0) {
            *(unsigned *)option->target = position;
            return true;
        }
        choice += choice_len + (choice[choice_len] == '|');
    }
    return false;
}

static bool store_text(const struct cli_option *option, const char *text)
{
    if (*text == '\0')
        return false;
    *(const char **)option->target = text;
    return true;
}

static bool store_value(const struct cli_option *option, const char *text)
{
    uint64_t value;
    switch (option->kind) {
    case CLI_NUMBER:
        return pp_decimal_decode(pp_bytes_of(text), &value) && in_range(option, value);
    case CLI_BYTES:
        return cli_size_parse(text, &value) && in_range(option, value);
    case CLI_DURATION:
        return cli_duration_parse(text, &value) && in_range(option, value);
    case CLI_TIME:
        return cli_time_parse(text, cli_now_ns(), option->target);
    case CLI_LEVEL:
        return pp_level_parse(pp_bytes_of(text), option->target);
    case CLI_CHOICE:
        return store_choice(option, text);
    default:
        return store_text(option, text);
    }
}

/* What would have been right, for the message. */
static void describe_allowed(const struct cli_option *option, char *out, size_t cap)
{
    char low[CLI_VALUE_BYTES], high[CLI_VALUE_BYTES];
    switch (option->kind) {
    case CLI_NUMBER:
        snprintf(out, cap, "a whole number from %" PRIu64 " to %" PRIu64, option->min, option->max);
        return;
    case CLI_BYTES:
        cli_size_text(option->min, low);
        cli_size_text(option->max, high);
        snprintf(out, cap, "a size from %s to %s, such as 65536, 64KiB, 16MiB or 1GiB", low, high);
        return;
    case CLI_DURATION:
        cli_duration_text(option->min, low);
        cli_duration_text(option->max, high);
        snprintf(out, cap, "a time from %s to %s, such as 100ms, 2s, 5m or 1h", low, high);
        return;
    case CLI_TIME:
        snprintf(out, cap,
                 "2026-01-31T12:00:00Z (RFC 3339), 2026-01-31, or 30m, 1h, 2d before now");
        return;
    case CLI_LEVEL:
        snprintf(out, cap, "TRACE, DEBUG, INFO, WARN, ERROR or FATAL");
        return;
    case CLI_CHOICE:
        snprintf(out, cap, "one of %s", option->value);
        return;
    default:
        snprintf(out, cap, "a text that is not empty");
    }
}

/* ---- Parsing -------------------------------------------------------------------------------- */

static const struct cli_option *find_option(const struct cli_syntax *syntax, const char *word,
                                            size_t len)
{
    for (const struct cli_option *option = syntax->options; option->name; option++)
        if (strlen(option->name) == len && memcmp(option->name, word, len) == 0)
            return option;
    return NULL;
}

/* Takes the option at argv[*at], and its value from behind '=' or from the next argument. */
static bool take_option(const struct cli_syntax *syntax, int argc, char **argv, int *at)
{
    const char *word = argv[*at];
    size_t len = strcspn(word, "=");
    const struct cli_option *option = find_option(syntax, word, len);
    if (!option) {
        cli_fail(syntax->verb, "unknown option '%s'; see %s --help", word,
                 cli_command(syntax->verb));
        return false;
    }
    if (option->kind == CLI_FLAG) {
        if (word[len] == '=') {
            cli_fail(syntax->verb, "%s takes no value", option->name);
            return false;
        }
        *(bool *)option->target = true;
        return true;
    }
    const char *value = word[len] == '=' ? word + len + 1 : NULL;
    if (!value && *at + 1 < argc)
        value = argv[++*at];
    char allowed[160];
    describe_allowed(option, allowed, sizeof allowed);
    if (value && store_value(option, value))
        return true;
    if (value)
        cli_fail(syntax->verb, "%s: '%s' is not allowed; give %s", option->name, value, allowed);
    else
        cli_fail(syntax->verb, "%s: the value is missing; give %s", option->name, allowed);
    return false;
}

static bool arguments_fit(const struct cli_syntax *syntax, const struct cli_arguments *arguments)
{
    if (arguments->count < syntax->arguments_min)
        cli_fail(syntax->verb, "arguments are missing; usage: %s %s (--help says more)",
                 cli_command(syntax->verb), syntax->arguments);
    else if (arguments->count > syntax->arguments_max)
        cli_fail(syntax->verb, "unexpected argument '%s'; usage: %s %s (--help says more)",
                 arguments->value[syntax->arguments_max], cli_command(syntax->verb),
                 syntax->arguments);
    else
        return true;
    return false;
}

static bool is_help(const char *word)
{
    return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0;
}

bool cli_parse(const struct cli_syntax *syntax, int argc, char **argv,
               struct cli_arguments *arguments)
{
    *arguments = (struct cli_arguments){.value = argv + 1, .exit_code = CLI_UNDECIDED};
    bool only_arguments = false;
    for (int i = 1; i < argc; i++) {
        char *word = argv[i];
        if (only_arguments || word[0] != '-' || word[1] == '\0') {
            arguments->value[arguments->count++] = word;
        } else if (strcmp(word, "--") == 0) {
            only_arguments = true;
        } else if (is_help(word)) {
            print_help(syntax);
            arguments->exit_code = CLI_GOOD;
            return false;
        } else if (!take_option(syntax, argc, argv, &i)) {
            return false;
        }
    }
    return arguments_fit(syntax, arguments);
}

bool cli_number_argument(const char *verb, const char *name, const char *text, uint64_t *out)
{
    if (pp_decimal_decode(pp_bytes_of(text), out) && *out <= INT64_MAX)
        return true;
    cli_fail(verb, "%s: '%s' is not allowed; give a whole number from 0 to %" PRId64, name, text,
             INT64_MAX);
    return false;
}
