/* SPDX-License-Identifier: MIT */
/* postproof prove: a C2SP .tlog-proof of one entry, or the consistency of two sizes. */
#include <inttypes.h>
#include <string.h>

#include "../src/base/base.h"
#include "cli.h"

struct prove_request {
    const char *ledger;
    uint64_t seq;      /* PP_NO_SEQ: none */
    uint64_t old_size; /* UINT64_MAX: no consistency asked for */
};

/* The checkpoint's root must be that of the ledger, or a proof would be worth nothing. */
static int check_root(struct pp_ledger_reader *reader, const struct pp_checkpoint *checkpoint)
{
    struct pp_digest root;
    if (checkpoint->size > pp_ledger_reader_size(reader)) {
        cli_fail("prove",
                 "the checkpoint covers %" PRIu64 " entries, the ledger has %" PRIu64
                 ": it was cut off; run postproof verify",
                 checkpoint->size, pp_ledger_reader_size(reader));
        return CLI_BAD;
    }
    if (pp_ledger_reader_root(reader, checkpoint->size, &root) != PP_OK)
        return cli_failure("prove", pp_ledger_reader_failure(reader));
    if (pp_digest_equal(&root, &checkpoint->root))
        return CLI_GOOD;
    cli_fail("prove", "the ledger's tree does not have the root that the checkpoint signs; run "
                      "postproof verify");
    return CLI_BAD;
}

static int prove_inclusion(struct pp_ledger_reader *reader, const struct prove_request *request,
                           const struct pp_checkpoint *checkpoint, struct pp_tlog_proof *proof)
{
    if (request->seq >= checkpoint->size)
        return cli_fail("prove",
                        "entry %" PRIu64
                        " is not covered: the checkpoint ends before entry %" PRIu64
                        "; make a newer one with: postproof checkpoint %s",
                        request->seq, checkpoint->size, request->ledger);
    if (request->seq < pp_ledger_reader_first(reader))
        return cli_fail("prove",
                        "entry %" PRIu64 " was pruned; the ledger begins with entry %" PRIu64,
                        request->seq, pp_ledger_reader_first(reader));
    proof->index = request->seq;
    if (pp_ledger_prove_inclusion(reader, request->seq, checkpoint->size, proof->path,
                                  &proof->count) != PP_OK)
        return cli_failure("prove", pp_ledger_reader_failure(reader));
    return CLI_GOOD;
}

static int print_proof(struct pp_ledger_reader *reader, const struct prove_request *request,
                       const struct cli_checkpoint *checkpoint)
{
    struct pp_tlog_proof proof = {.note = cli_buffer_view(&checkpoint->text)};
    int exit_code = prove_inclusion(reader, request, &checkpoint->parsed, &proof);
    if (exit_code != CLI_GOOD)
        return exit_code;
    char text[PP_TLOG_PROOF_BYTES_MAX];
    size_t len = 0;
    enum pp_error error = pp_tlog_proof_format(&proof, text, &len);
    if (error != PP_OK)
        return cli_fail("prove", "%s", pp_error_text(error));
    fwrite(text, 1, len, stdout);
    return CLI_GOOD;
}

static json_t *hashes(const struct pp_digest *path, size_t count)
{
    json_t *array = json_array();
    for (size_t i = 0; i < count; i++)
        cli_json_add_hash(array, &path[i]);
    return array;
}

static int print_consistency(struct pp_ledger_reader *reader, const struct prove_request *request,
                             const struct pp_checkpoint *checkpoint)
{
    uint64_t old_size = request->old_size;
    if (old_size > checkpoint->size)
        return cli_fail("prove", "--consistency: the checkpoint covers only %" PRIu64 " entries",
                        checkpoint->size);
    struct pp_digest path[PP_PROOF_HASHES_MAX], old_root;
    struct pp_tlog_proof proof = {0};
    size_t count = 0;
    if (pp_ledger_reader_root(reader, old_size, &old_root) != PP_OK ||
        pp_ledger_prove_consistency(reader, old_size, checkpoint->size, path, &count) != PP_OK)
        return cli_failure("prove", pp_ledger_reader_failure(reader));
    if (request->seq != PP_NO_SEQ) {
        int exit_code = prove_inclusion(reader, request, checkpoint, &proof);
        if (exit_code != CLI_GOOD)
            return exit_code;
    }
    json_t *object = cli_json_object();
    cli_json_bytes(object, "origin", checkpoint->origin);
    cli_json_number(object, "old_size", old_size);
    cli_json_digest(object, "old_root", &old_root);
    cli_json_number(object, "new_size", checkpoint->size);
    cli_json_digest(object, "new_root", &checkpoint->root);
    cli_json_set(object, "consistency", hashes(path, count));
    if (request->seq != PP_NO_SEQ) {
        cli_json_number(object, "index", request->seq);
        cli_json_set(object, "inclusion", hashes(proof.path, proof.count));
    }
    cli_json_print(object);
    return CLI_GOOD;
}

static int prove(const struct prove_request *request)
{
    struct cli_checkpoint checkpoint;
    if (!cli_checkpoint_load("prove", request->ledger, &checkpoint))
        return CLI_UNDECIDED;
    struct pp_ledger_reader *reader;
    struct pp_failure failure = {0};
    int exit_code = CLI_UNDECIDED;
    if (pp_ledger_reader_open(request->ledger, &reader, &failure) != PP_OK) {
        exit_code = cli_failure("prove", &failure);
        goto free_checkpoint;
    }
    exit_code = check_root(reader, &checkpoint.parsed);
    if (exit_code == CLI_GOOD)
        exit_code = request->old_size == UINT64_MAX
                        ? print_proof(reader, request, &checkpoint)
                        : print_consistency(reader, request, &checkpoint.parsed);
    pp_ledger_reader_close(reader);
free_checkpoint:
    cli_buffer_free(&checkpoint.text);
    return exit_code;
}

int cmd_prove(int argc, char **argv)
{
    struct prove_request request = {.seq = PP_NO_SEQ, .old_size = UINT64_MAX};
    const struct cli_option options[] = {
        CLI_OPTION_RANGE("--consistency", CLI_NUMBER, &request.old_size, "OLD_SIZE",
                         "prove as JSON that the tree extends that of OLD_SIZE entries", 0,
                         INT64_MAX),
        CLI_OPTION_END,
    };
    const struct cli_syntax syntax = {
        .verb = "prove",
        .arguments = "LEDGER [SEQ]",
        .summary =
            "Writes a C2SP .tlog-proof that entry SEQ is in the tree of LEDGER/checkpoint.\n"
            "With --consistency it writes a JSON object with the hashes instead (base64, in\n"
            "the order of RFC 6962); SEQ may then be left out.",
        .example = "postproof prove ledger 4711 > 4711.tlog-proof",
        .arguments_min = 1,
        .arguments_max = 2,
        .options = options,
    };
    struct cli_arguments arguments;
    if (!cli_parse(&syntax, argc, argv, &arguments))
        return arguments.exit_code;
    request.ledger = arguments.value[0];
    if (arguments.count == 2 &&
        !cli_number_argument("prove", "SEQ", arguments.value[1], &request.seq))
        return CLI_UNDECIDED;
    if (request.seq == PP_NO_SEQ && request.old_size == UINT64_MAX)
        return cli_fail("prove", "give the SEQ of an entry, or --consistency OLD_SIZE");
    return prove(&request);
}
