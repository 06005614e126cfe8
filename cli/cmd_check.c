/* SPDX-License-Identifier: MIT */
/* postproof check: checks a .tlog-proof offline; needs neither the ledger nor a secret. */
#include <inttypes.h>

#include "cli.h"

struct check_result {
    enum pp_verdict verdict;
    const char *reason;
    struct pp_entry entry; /* filled when the bytes are an entry */
    bool has_entry;
    struct pp_checkpoint checkpoint; /* filled when the verdict is OK */
};

static struct check_result judge(struct pp_bytes text, const struct pp_note_key *key,
                                 struct pp_bytes encoding)
{
    struct pp_tlog_proof proof;
    struct check_result result = {.verdict = PP_VERDICT_UNREADABLE};
    if (pp_tlog_proof_parse(text, &proof) != PP_OK) {
        result.reason = "the file is no C2SP .tlog-proof";
        return result;
    }
    result.has_entry = pp_entry_decode(encoding, &result.entry) == PP_OK;
    switch (pp_tlog_proof_check(&proof, key, encoding, &result.checkpoint)) {
    case PP_OK:
        break;
    case PP_ERROR_WRONG_KEY:
        result.verdict = PP_VERDICT_WRONG_KEY;
        result.reason = "the checkpoint in the proof is not signed by this key";
        return result;
    case PP_ERROR_MISMATCH:
        result.verdict = PP_VERDICT_MODIFIED;
        result.reason = "entry, proof, checkpoint and signature do not match each other";
        return result;
    default:
        result.reason = "the checkpoint in the proof does not follow the format";
        return result;
    }
    result.verdict = PP_VERDICT_MODIFIED;
    if (!result.has_entry) {
        result.reason = "the bytes are in the tree, but they are no entry of a ledger";
    } else if (result.entry.seq != proof.index) {
        result.reason = "the entry stands at another place of the tree than its seq says";
    } else {
        result.verdict = PP_VERDICT_OK;
        result.reason = "the entry is in the tree that the key's owner signed";
    }
    return result;
}

static void print_json(const struct check_result *result)
{
    json_t *object = cli_json_object();
    char time[CLI_VALUE_BYTES];
    cli_json_text(object, "verdict", pp_verdict_text(result->verdict));
    cli_json_number(object, "exit_code", (uint64_t)pp_verdict_exit_code(result->verdict));
    cli_json_text(object, "reason", result->reason);
    if (result->verdict == PP_VERDICT_OK) {
        cli_time_text(result->entry.time_ns, time);
        cli_json_bytes(object, "origin", result->checkpoint.origin);
        cli_json_number(object, "size", result->checkpoint.size);
        cli_json_digest(object, "root", &result->checkpoint.root);
        cli_json_number(object, "seq", result->entry.seq);
        cli_json_text(object, "time", time);
        cli_json_text(object, "level", pp_level_text(result->entry.level));
        cli_json_bytes(object, "source", result->entry.source);
    }
    cli_json_print(object);
}

static void print_text(const struct check_result *result)
{
    char time[CLI_VALUE_BYTES];
    printf("%-12s %s\n", "verdict", pp_verdict_text(result->verdict));
    printf("%-12s %s\n", "reason", result->reason);
    if (result->verdict != PP_VERDICT_OK)
        return;
    const struct pp_entry *entry = &result->entry;
    cli_time_text(entry->time_ns, time);
    printf("%-12s ", "origin");
    cli_print_escaped(stdout, result->checkpoint.origin);
    printf("\n%-12s %" PRIu64 " of a tree of %" PRIu64 "\n", "entry", entry->seq,
           result->checkpoint.size);
    printf("%-12s %s %s ", "", time, pp_level_text(entry->level));
    cli_print_escaped(stdout, entry->source);
    if (entry->kind == PP_ENTRY_REFERENCE) {
        puts(": [body kept beside, named by its hash]");
        return;
    }
    fputs(": ", stdout);
    cli_print_escaped(stdout, entry->body);
    putchar('\n');
}

static int check(const char *proof_path, const char *key_path, const char *entry_path, bool json)
{
    struct cli_buffer proof = {0}, key_text = {0}, entry = {0};
    struct pp_note_key key;
    int exit_code = CLI_UNDECIDED;
    if (!cli_read_file("check", proof_path, PP_TLOG_PROOF_BYTES_MAX, &proof) ||
        !cli_read_file("check", key_path, PP_NOTE_KEY_TEXT_BYTES, &key_text) ||
        !cli_read_file("check", entry_path, PP_ENTRY_BYTES_MAX, &entry))
        goto clean_up;
    if (pp_note_key_parse(cli_buffer_view(&key_text), &key) != PP_OK) {
        cli_fail("check", "%s is no public key as in checkpoint.pub", key_path);
        goto clean_up;
    }
    struct check_result result = judge(cli_buffer_view(&proof), &key, cli_buffer_view(&entry));
    (json ? print_json : print_text)(&result);
    exit_code = pp_verdict_exit_code(result.verdict);
clean_up:
    cli_buffer_free(&entry);
    cli_buffer_free(&key_text);
    cli_buffer_free(&proof);
    return exit_code;
}

int cmd_check(int argc, char **argv)
{
    const char *key = NULL, *entry = "-";
    bool json = false;
    const struct cli_option options[] = {
        CLI_OPTION("--key", CLI_TEXT, &key, "FILE", "checkpoint.pub of the log (required)"),
        CLI_OPTION("--entry", CLI_TEXT, &entry, "FILE",
                   "the entry's encoding (default: standard input)"),
        CLI_OPTION_FLAG("--json", &json, "report as a JSON object"),
        CLI_OPTION_END,
    };
    const struct cli_syntax syntax = {
        .verb = "check",
        .arguments = "PROOF",
        .summary =
            "Checks that an entry is in the tree that a log signed: signature, origin and\n"
            "the path of hashes.  The entry is what `postproof cat LEDGER --raw SEQ` writes.",
        .example = "postproof cat ledger --raw 4711 | postproof check 4711.tlog-proof --key "
                   "checkpoint.pub",
        .arguments_min = 1,
        .arguments_max = 1,
        .options = options,
    };
    struct cli_arguments arguments;
    if (!cli_parse(&syntax, argc, argv, &arguments))
        return arguments.exit_code;
    if (!key)
        return cli_fail("check", "--key FILE is required: the log's checkpoint.pub, from a source "
                                 "that you trust");
    return check(arguments.value[0], key, entry, json);
}
