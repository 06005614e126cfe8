/* SPDX-License-Identifier: MIT */
/* postproof check: checks a .tlog-proof offline; needs neither the ledger nor a secret. */
#include <inttypes.h>

#include "cli.h"

/* What the user trusts: a key, a policy, or both, which must agree. */
struct check_trust {
    const struct pp_note_key *key;  /* or NULL */
    const struct pp_policy *policy; /* or NULL */
};

struct check_result {
    enum pp_verdict verdict;
    const char *reason;
    struct pp_failure failure; /* backs the reason where the policy is not met */
    unsigned witnesses;
    struct pp_entry entry; /* filled when the bytes are an entry */
    bool has_entry;
    struct pp_checkpoint checkpoint; /* filled when the verdict is OK */
};

static void set(struct check_result *result, enum pp_verdict verdict, const char *reason)
{
    result->verdict = verdict;
    result->reason = reason;
}

/* The signatures under the policy; *log is the key that signed.  false: refused.  A quorum that is
   only missing leaves the proof to be checked: it may be proven bad. */
static bool judge_policy(const struct pp_policy *policy, struct pp_bytes note,
                         const struct pp_note_key **log, struct check_result *result)
{
    struct pp_policy_result found;
    enum pp_error error = pp_policy_check(policy, note, &found, &result->failure);
    if (error == PP_OK || error == PP_ERROR_QUORUM) {
        *log = found.log;
        result->witnesses = found.witnesses;
        if (error == PP_ERROR_QUORUM)
            set(result, PP_VERDICT_UNANCHORED, result->failure.text);
        return true;
    }
    set(result,
        error == PP_ERROR_MISMATCH    ? PP_VERDICT_MODIFIED
        : error == PP_ERROR_WRONG_KEY ? PP_VERDICT_WRONG_KEY
                                      : PP_VERDICT_UNREADABLE,
        result->failure.text);
    return false;
}

/* Signature, origin and path; false: refused. */
static bool judge_inclusion(const struct pp_tlog_proof *proof, const struct pp_note_key *key,
                            struct pp_bytes encoding, struct check_result *result)
{
    switch (pp_tlog_proof_check(proof, key, encoding, &result->checkpoint)) {
    case PP_OK:
        break;
    case PP_ERROR_WRONG_KEY:
        set(result, PP_VERDICT_WRONG_KEY, "the checkpoint in the proof is not signed by this key");
        return false;
    case PP_ERROR_MISMATCH:
        set(result, PP_VERDICT_MODIFIED,
            "entry, proof, checkpoint and signature do not match each other");
        return false;
    default:
        set(result, PP_VERDICT_UNREADABLE,
            "the checkpoint in the proof does not follow the format");
        return false;
    }
    if (result->has_entry && result->entry.seq == proof->index)
        return true;
    set(result, PP_VERDICT_MODIFIED,
        result->has_entry ? "the entry stands at another place of the tree than its seq says"
                          : "the bytes are in the tree, but they are no entry of a ledger");
    return false;
}

static void judge(struct pp_bytes text, const struct check_trust *trust, struct pp_bytes encoding,
                  struct check_result *result)
{
    struct pp_tlog_proof proof;
    const struct pp_note_key *key = trust->key, *log = NULL;
    *result = (struct check_result){.verdict = PP_VERDICT_OK};
    if (pp_tlog_proof_parse(text, &proof) != PP_OK) {
        set(result, PP_VERDICT_UNREADABLE, "the file is no C2SP .tlog-proof");
        return;
    }
    result->has_entry = pp_entry_decode(encoding, &result->entry) == PP_OK;
    if (trust->policy && !judge_policy(trust->policy, proof.note, &log, result))
        return;
    if (!judge_inclusion(&proof, key ? key : log, encoding, result) ||
        result->verdict != PP_VERDICT_OK)
        return;
    bool cosigned = trust->policy && trust->policy->quorum != PP_QUORUM_NONE;
    result->reason = cosigned ? "the entry is in the tree that the log signed, and its witnesses "
                                "meet the policy's quorum"
                              : "the entry is in the tree that the key's owner signed";
}

static void print_json(const struct check_result *result)
{
    json_t *object = cli_json_object();
    char time[CLI_VALUE_BYTES];
    cli_json_text(object, "verdict", pp_verdict_text(result->verdict));
    cli_json_number(object, "exit_code", (uint64_t)pp_verdict_exit_code(result->verdict));
    cli_json_text(object, "reason", result->reason);
    cli_json_number(object, "witnesses", result->witnesses);
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
    printf("%-12s ", "reason");
    cli_print_escaped(stdout, pp_bytes_of(result->reason));
    putchar('\n');
    if (result->witnesses > 0)
        printf("%-12s %u of the policy cosigned the checkpoint\n", "witnesses", result->witnesses);
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

struct check_request {
    const char *proof, *key, *policy, *entry; /* files */
    bool json;
};

static bool load_key(const char *path, struct pp_note_key *key)
{
    struct cli_buffer text;
    if (!cli_read_file("check", path, PP_NOTE_KEY_TEXT_BYTES, &text))
        return false;
    bool good = pp_note_key_parse(cli_buffer_view(&text), key) == PP_OK;
    cli_buffer_free(&text);
    if (!good)
        cli_fail("check", "%s is no public key as in checkpoint.pub", path);
    return good;
}

/* The policy, whose names borrow from *text; with a key, narrowed to the log of that key. */
static bool load_policy(const struct check_request *request, const struct pp_note_key *key,
                        struct cli_buffer *text, struct pp_policy *policy)
{
    struct pp_failure failure;
    if (!cli_read_file("check", request->policy, PP_POLICY_BYTES_MAX, text))
        return false;
    if (pp_policy_parse(cli_buffer_view(text), policy, &failure) != PP_OK) {
        cli_fail("check", "the policy %s, %s", request->policy, failure.text);
        return false;
    }
    if (key && !pp_policy_pin_log(policy, key)) {
        cli_fail("check", "the log of %s is none of those that the policy %s lists", request->key,
                 request->policy);
        return false;
    }
    if (policy->log_count == 0)
        cli_fail("check", "the policy %s lists no log: add --key checkpoint.pub", request->policy);
    return policy->log_count > 0;
}

static int check_with(const struct check_request *request, const struct check_trust *trust)
{
    struct cli_buffer proof = {0}, entry = {0};
    struct check_result result;
    int exit_code = CLI_UNDECIDED;
    if (cli_read_file("check", request->proof, PP_TLOG_PROOF_BYTES_MAX, &proof) &&
        cli_read_file("check", request->entry, PP_ENTRY_BYTES_MAX, &entry)) {
        judge(cli_buffer_view(&proof), trust, cli_buffer_view(&entry), &result);
        (request->json ? print_json : print_text)(&result);
        exit_code = pp_verdict_exit_code(result.verdict);
    }
    cli_buffer_free(&entry);
    cli_buffer_free(&proof);
    return exit_code;
}

static int check(const struct check_request *request)
{
    struct check_trust trust = {0};
    struct pp_note_key key;
    struct pp_policy policy;
    struct cli_buffer policy_text = {0};
    int exit_code = CLI_UNDECIDED;
    if (request->key) {
        if (!load_key(request->key, &key))
            return CLI_UNDECIDED;
        trust.key = &key;
    }
    if (request->policy)
        trust.policy = &policy;
    if (!request->policy || load_policy(request, trust.key, &policy_text, &policy))
        exit_code = check_with(request, &trust);
    cli_buffer_free(&policy_text);
    return exit_code;
}

int cmd_check(int argc, char **argv)
{
    struct check_request request = {.entry = "-"};
    const struct cli_option options[] = {
        CLI_OPTION("--key", CLI_TEXT, &request.key, "FILE", "checkpoint.pub of the log"),
        CLI_OPTION("--policy", CLI_TEXT, &request.policy, "FILE",
                   "logs, witnesses and quorum that its checkpoint must meet"),
        CLI_OPTION("--entry", CLI_TEXT, &request.entry, "FILE",
                   "the entry's encoding (default: standard input)"),
        CLI_OPTION_FLAG("--json", &request.json, "report as a JSON object"),
        CLI_OPTION_END,
    };
    const struct cli_syntax syntax = {
        .verb = "check",
        .arguments = "PROOF",
        .summary =
            "Checks that an entry is in the tree that a log signed: signature, origin and\n"
            "the path of hashes.  The entry is what `postproof cat LEDGER --raw SEQ` writes.\n"
            "Give --key, --policy or both.",
        .example = "postproof cat ledger --raw 4711 | postproof check 4711.tlog-proof --key "
                   "checkpoint.pub",
        .arguments_min = 1,
        .arguments_max = 1,
        .options = options,
    };
    struct cli_arguments arguments;
    if (!cli_parse(&syntax, argc, argv, &arguments))
        return arguments.exit_code;
    if (!request.key && !request.policy)
        return cli_fail("check", "--key FILE (the log's checkpoint.pub) or --policy FILE is "
                                 "required, from a source that you trust");
    request.proof = arguments.value[0];
    return check(&request);
}
