/* SPDX-License-Identifier: MIT */
/* postproof limit replay: the limiter's decisions on a recorded history, and the comparison of
   recorded decisions with the specification.  Exact to the nanosecond: 64-bit stamps. */
#include <inttypes.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include <postproof/limiter.h>

#include "../src/ingest/ingest.h"
#include "limit.h"

/* ---- One window for each key ---- */

struct replay_key {
    uint8_t *key;
    size_t key_bytes;
    struct pp_wide wide;
    uint64_t *ring;
};

struct limit_replay {
    struct pp_wide_rule rule;
    void *keys; /* a tree of tsearch(3) */
};

static void *must(void *memory)
{
    if (memory == NULL)
        exit(cli_fail("limit", "no memory is left"));
    return memory;
}

static int compare(const void *a, const void *b)
{
    const struct replay_key *left = a, *right = b;
    if (left->key_bytes != right->key_bytes)
        return left->key_bytes < right->key_bytes ? -1 : 1;
    return memcmp(left->key, right->key, left->key_bytes);
}

struct limit_replay *limit_replay_new(uint64_t limit, uint64_t window_ns)
{
    struct limit_replay *replay = must(calloc(1, sizeof *replay));
    replay->rule = (struct pp_wide_rule){.window_ticks = window_ns, .limit = (uint32_t)limit};
    return replay;
}

static struct replay_key *find_key(struct limit_replay *replay, const struct limit_request *request)
{
    enum { FIRST_CAPACITY = 4 };
    struct pp_bytes key = request->key;
    struct replay_key wanted = {.key = must(malloc(key.len + 1)), .key_bytes = key.len};
    memcpy(wanted.key, key.data, key.len);
    struct replay_key **node = tfind(&wanted, &replay->keys, compare);
    if (node != NULL) {
        free(wanted.key);
        return *node;
    }
    struct replay_key *fresh = must(malloc(sizeof *fresh));
    uint32_t limit = replay->rule.limit;
    uint32_t capacity = limit < FIRST_CAPACITY ? limit : FIRST_CAPACITY;
    wanted.ring = must(malloc(capacity * sizeof *wanted.ring));
    pp_wide_init(&wanted.wide, capacity, request->time_ns);
    *fresh = wanted;
    must(tsearch(fresh, &replay->keys, compare));
    return fresh;
}

bool limit_replay_decide(struct limit_replay *replay, const struct limit_request *request)
{
    struct replay_key *key = find_key(replay, request);
    uint32_t weight = (uint32_t)request->weight;
    enum pp_window_verdict verdict;
    while ((verdict = pp_wide_admit(&replay->rule, &key->wide, key->ring, request->time_ns,
                                    weight)) == PP_WINDOW_GROW) {
        uint32_t capacity = pp_wide_capacity_for(&replay->rule, &key->wide, weight);
        uint64_t *grown = must(malloc((size_t)capacity * sizeof *grown));
        pp_wide_grow(&key->wide, key->ring, grown, capacity);
        free(key->ring);
        key->ring = grown;
    }
    return verdict == PP_WINDOW_ADMIT;
}

static void free_key(void *node)
{
    struct replay_key *key = node;
    free(key->key);
    free(key->ring);
    free(key);
}

void limit_replay_free(struct limit_replay *replay)
{
    tdestroy(replay->keys, free_key);
    free(replay);
}

/* ---- The command ---- */

enum { FORMAT_EVENTS, FORMAT_COMBINED, FORMAT_LEDGER };

struct run {
    struct limit_replay *replay;
    struct limit_check *check; /* NULL without --check */
    const char *path;
    unsigned format;
    struct limit_ledger ledger;
    bool quiet;
    uint64_t line, decisions, allowed, recorded;
    uint64_t false_allows, false_denials, first_wrong;
    struct cli_progress progress;
};

/* Without every admission a denial can't be judged; too many admissions still can. */
static bool is_incomplete(const struct run *run)
{
    return run->ledger.sampled || run->ledger.missing != 0;
}

static void compare_with_specification(struct run *run, const struct limit_request *request,
                                       bool allowed)
{
    bool right = limit_check_may_admit(run->check, request);
    if (allowed)
        limit_check_admitted(run->check, request);
    if (allowed == right || (!allowed && is_incomplete(run)))
        return;
    run->false_allows += allowed;
    run->false_denials += !allowed;
    if (run->first_wrong == 0)
        run->first_wrong = run->line;
}

static const char *parse_line(struct run *run, struct pp_bytes line, struct limit_request *request,
                              bool *is_request)
{
    if (run->format == FORMAT_LEDGER)
        return limit_parse_ledger(line, &run->ledger, request, is_request);
    return run->format == FORMAT_EVENTS ? limit_parse_event(line, request)
                                        : limit_parse_access(line, request);
}

/* After a reboot the clock counts from zero, and nothing of before is within a window. */
static void start_anew(struct run *run)
{
    limit_replay_free(run->replay);
    run->replay = limit_replay_new(run->ledger.limit, run->ledger.window_ns);
    if (run->check == NULL)
        return;
    limit_check_free(run->check);
    run->check = limit_check_new(run->ledger.limit, run->ledger.window_ns);
}

static int take_line(struct run *run, struct pp_bytes line)
{
    struct limit_request request;
    run->line++;
    if (line.len > 0 && line.data[line.len - 1] == '\r')
        line.len--;
    if (line.len == 0)
        return CLI_GOOD;
    bool is_request = true;
    const char *wrong = parse_line(run, line, &request, &is_request);
    if (wrong != NULL)
        return cli_fail("limit", "%s, line %" PRIu64 ": %s; nothing after it was read", run->path,
                        run->line, wrong);
    if (run->ledger.new_boot)
        start_anew(run);
    if (!is_request)
        return CLI_GOOD;
    bool recorded = run->check != NULL && request.recorded != LIMIT_UNRECORDED;
    bool allowed =
        recorded ? request.recorded == LIMIT_ALLOWED : limit_replay_decide(run->replay, &request);
    run->decisions++;
    run->allowed += allowed;
    run->recorded += recorded;
    if (run->check != NULL)
        compare_with_specification(run, &request, allowed);
    else if (!run->quiet)
        printf("%" PRIu64 " %.*s %s\n", request.time_ns, (int)request.key.len,
               (const char *)request.key.data, allowed ? "allow" : "deny");
    if (cli_progress_due(&run->progress, cli_monotonic_ns()))
        cli_progress_show(&run->progress, "%" PRIu64 " requests", run->decisions);
    return CLI_GOOD;
}

/* Lines of at most a MiB. */
static int take_file(struct run *run, FILE *file)
{
    enum { LINE_MAX_BYTES = 1 << 20 };
    uint8_t *buffer = must(malloc(LINE_MAX_BYTES));
    struct pp_line_splitter splitter;
    struct pp_bytes line;
    int exit_code = CLI_GOOD;
    bool more = true;
    pp_line_splitter_init(&splitter, buffer, LINE_MAX_BYTES);
    while (exit_code == CLI_GOOD && more) {
        size_t room, got;
        uint8_t *space = pp_line_splitter_space(&splitter, &room);
        more = (got = fread(space, 1, room, file)) != 0;
        pp_line_splitter_added(&splitter, got);
        enum pp_line_part part;
        while (exit_code == CLI_GOOD &&
               (part = more ? pp_line_splitter_next(&splitter, &line)
                            : pp_line_splitter_finish(&splitter, &line)) != PP_LINE_NONE)
            exit_code = part == PP_LINE_WHOLE
                            ? take_line(run, line)
                            : cli_fail("limit", "%s, line %" PRIu64 ": longer than a MiB",
                                       run->path, run->line + 1);
    }
    if (exit_code == CLI_GOOD && ferror(file))
        exit_code = cli_fail("limit", "%s can't be read", run->path);
    free(buffer);
    return exit_code;
}

/* Nothing that was not checked counts as good. */
static int exit_code_of(const struct run *run)
{
    if (run->false_allows + run->false_denials != 0)
        return CLI_BAD;
    if (run->check == NULL || !is_incomplete(run))
        return CLI_GOOD;
    return run->ledger.sampled
               ? cli_fail("limit", "the ledger was not to have every admission: what is there is "
                                   "within the limit, and denials can't be checked")
               : cli_fail("limit",
                          "the ledger says that it lacks %" PRIu64 " decisions: those "
                          "that are there are within the limit, and denials after the "
                          "gap can't be checked",
                          run->ledger.missing);
}

static int report(const struct run *run, bool json)
{
    uint64_t wrong = run->false_allows + run->false_denials;
    if (json) {
        json_t *object = cli_json_object();
        cli_json_number(object, "requests", run->decisions);
        cli_json_number(object, "allowed", run->allowed);
        cli_json_number(object, "denied", run->decisions - run->allowed);
        cli_json_bool(object, "checked", run->check != NULL);
        cli_json_number(object, "recorded_decisions", run->recorded);
        cli_json_number(object, "false_allows", run->false_allows);
        cli_json_number(object, "false_denials", run->false_denials);
        cli_json_bool(object, "complete", !is_incomplete(run));
        cli_json_seq(object, "first_wrong_line", wrong == 0 ? PP_NO_SEQ : run->first_wrong);
        cli_json_print(object);
    } else if (run->check != NULL) {
        printf("%" PRIu64 " decisions (%" PRIu64 " of them recorded), %" PRIu64 " allowed, %" PRIu64
               " denied\n%" PRIu64 " allowed over the limit, %" PRIu64 " denied without need\n",
               run->decisions, run->recorded, run->allowed, run->decisions - run->allowed,
               run->false_allows, run->false_denials);
        if (wrong != 0)
            printf("the first wrong decision is in line %" PRIu64 "\n", run->first_wrong);
    }
    return exit_code_of(run);
}

static int replay(struct run *run, bool json)
{
    FILE *file = strcmp(run->path, "-") == 0 ? stdin : fopen(run->path, "re");
    if (file == NULL)
        return cli_fail("limit", "%s: %m", run->path);
    cli_progress_init(&run->progress, true);
    int exit_code = take_file(run, file);
    cli_progress_clear(&run->progress);
    if (file != stdin)
        fclose(file);
    return exit_code == CLI_GOOD ? report(run, json) : exit_code;
}

int limit_replay_command(int argc, char **argv)
{
    uint64_t limit = 0, window_ns = 0;
    bool check = false, json = false;
    struct run run = {.path = "-"};
    const struct cli_option options[] = {
        CLI_OPTION_RANGE("--limit", CLI_NUMBER, &limit, "R", "units admitted in a window", 1,
                         PP_WIDE_LIMIT_MAX),
        CLI_OPTION_RANGE("--window", CLI_DURATION, &window_ns, "T", "length: 1s, 500ms, 1000000ns",
                         1, PP_WIDE_TICKS_MAX),
        CLI_OPTION("--format", CLI_CHOICE, &run.format, "events|combined|ledger",
                   "time_ns key [weight] [allow|deny], an access log, or what cat prints"),
        CLI_OPTION_FLAG("--check", &check, "compare decisions with the specification"),
        CLI_OPTION_FLAG("--json", &json, "print a summary as a JSON object, no decisions"),
        CLI_OPTION_END,
    };
    const struct cli_syntax syntax = {
        .verb = "limit replay",
        .arguments = "[FILE]",
        .summary =
            "Decides a history of requests (FILE, or standard input) and prints\n"
            "\"time_ns key allow|deny\" for each.  With --check the decisions recorded in the\n"
            "lines, or else its own, are compared with the specification by a second program\n"
            "part that is slow and simple: exit 1 when one is wrong.",
        .example = "postproof limit replay --limit 100 --window 1s --check decisions.txt",
        .arguments_min = 0,
        .arguments_max = 1,
        .options = options,
    };
    struct cli_arguments arguments;
    if (!cli_parse(&syntax, argc, argv, &arguments))
        return arguments.exit_code;
    if (limit == 0 || window_ns == 0)
        return cli_fail("limit", "give --limit R and --window T");
    if (arguments.count == 1)
        run.path = arguments.value[0];
    run.quiet = json;
    run.ledger = (struct limit_ledger){.limit = limit, .window_ns = window_ns};
    run.replay = limit_replay_new(limit, window_ns);
    run.check = check ? limit_check_new(limit, window_ns) : NULL;
    int exit_code = replay(&run, json);
    limit_ledger_clean_up(&run.ledger);
    limit_replay_free(run.replay);
    if (run.check != NULL)
        limit_check_free(run.check);
    return exit_code;
}
