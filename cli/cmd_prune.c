/* SPDX-License-Identifier: MIT */
/* postproof prune: retention that leaves the rest provable. */
#include <inttypes.h>

#include "cli.h"

/* The first entry that is not older than since_ns; the last entry when all are older.  Entries need
   not be in the order of time, so nothing newer than since_ns ever lies before it. */
static int find_since(const char *path, uint64_t since_ns, uint64_t *seq)
{
    struct pp_ledger_reader *reader;
    struct pp_failure failure = {0};
    if (pp_ledger_reader_open(path, &reader, &failure) != PP_OK)
        return cli_failure("prune", &failure);
    struct pp_entry entry;
    uint64_t size = pp_ledger_reader_size(reader);
    *seq = size > 0 ? size - 1 : 0;
    enum pp_error error;
    while ((error = pp_ledger_reader_next(reader, &entry)) == PP_OK)
        if (entry.time_ns >= since_ns) {
            *seq = entry.seq;
            break;
        }
    int exit_code = CLI_GOOD;
    if (error != PP_OK && error != PP_ERROR_NOT_FOUND)
        exit_code = cli_failure("prune", pp_ledger_reader_failure(reader));
    pp_ledger_reader_close(reader);
    return exit_code;
}

static void print_result(uint64_t pruned, uint64_t keep_seq, uint64_t size, bool json)
{
    if (json) {
        json_t *object = cli_json_object();
        cli_json_number(object, "pruned", pruned);
        cli_json_number(object, "keep_from", keep_seq);
        cli_json_number(object, "size", size);
        cli_json_print(object);
    } else if (pruned == 0) {
        printf("nothing to prune: no whole segment lies before entry %" PRIu64 "\n", keep_seq);
    } else {
        printf("pruned %" PRIu64 " entries in whole segments before entry %" PRIu64
               "; the tree still holds their hashes\n",
               pruned, keep_seq);
    }
}

static int prune(const char *path, const char *keys, uint64_t keep_seq, bool json)
{
    struct pp_ledger *ledger;
    struct pp_ledger_opening opening;
    int exit_code = CLI_GOOD;
    if (cli_open_writer("prune", path, keys, NULL, &ledger, &opening, &exit_code) != PP_OK)
        return exit_code;
    uint64_t pruned = 0;
    if (keep_seq > opening.size)
        exit_code = cli_fail("prune", "--keep-from %" PRIu64 ": the ledger has %" PRIu64 " entries",
                             keep_seq, opening.size);
    else if (pp_ledger_prune(ledger, keep_seq, &pruned) != PP_OK)
        exit_code = cli_failure("prune", pp_ledger_failure(ledger));
    exit_code = cli_close_writer("prune", ledger, exit_code);
    if (exit_code == CLI_GOOD)
        print_result(pruned, keep_seq, opening.size, json);
    return exit_code;
}

int cmd_prune(int argc, char **argv)
{
    const char *keys = NULL;
    uint64_t keep_seq = PP_NO_SEQ, since_ns = UINT64_MAX;
    bool json = false;
    const struct cli_option options[] = {
        CLI_OPTION_RANGE("--keep-from", CLI_NUMBER, &keep_seq, "SEQ",
                         "keep this entry and all later ones", 0, INT64_MAX),
        CLI_OPTION("--keep-since", CLI_TIME, &since_ns, "T",
                   "keep from the first entry not older than T, such as 90d"),
        CLI_OPTION("--keys", CLI_TEXT, &keys, "DIR", "key folder (default: the ledger's own link)"),
        CLI_OPTION_FLAG("--json", &json, "report as a JSON object"),
        CLI_OPTION_END,
    };
    const struct cli_syntax syntax = {
        .verb = "prune",
        .arguments = "LEDGER",
        .summary =
            "Seals a prune record, then deletes the whole segments before the one that holds\n"
            "the first entry to keep.  The deleted entries are gone; what stays is verified\n"
            "as before.",
        .example = "postproof prune ledger --keep-since 90d",
        .arguments_min = 1,
        .arguments_max = 1,
        .options = options,
    };
    struct cli_arguments arguments;
    if (!cli_parse(&syntax, argc, argv, &arguments))
        return arguments.exit_code;
    if ((keep_seq == PP_NO_SEQ) == (since_ns == UINT64_MAX))
        return cli_fail("prune", "give either --keep-from SEQ or --keep-since T");
    if (since_ns != UINT64_MAX) {
        int exit_code = find_since(arguments.value[0], since_ns, &keep_seq);
        if (exit_code != CLI_GOOD)
            return exit_code;
    }
    return prune(arguments.value[0], keys, keep_seq, json);
}
