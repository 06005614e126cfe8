/* SPDX-License-Identifier: MIT */
/* Seals three entries, verifies the ledger against a checkpoint, and shows that one is in it. */
#include <postproof/postproof.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define TRY(call) ((call) == PP_OK ? (void)0 : (printf("%s: %s\n", #call, failure.text), exit(2)))
static struct pp_failure failure;

int main(void)
{
    char folder[] = "/tmp/postproof-example-XXXXXX", note[PP_CHECKPOINT_BYTES_MAX];
    TRY(mkdtemp(folder) != NULL && chdir(folder) == 0 ? PP_OK : PP_ERROR_IO);
    TRY(pp_keys_create("keys", "example.org/demo", &failure));
    TRY(pp_ledger_create("ledger", "keys", NULL, &failure));
    struct pp_ledger *ledger;
    struct pp_verify_report report;
    size_t count, len;
    TRY(pp_ledger_open("ledger", NULL, NULL, &ledger, NULL, &failure));
    static const char *const lines[] = {"service started", "user 7 logged in", "service stopped"};
    struct pp_entry entry = {.source = pp_bytes_of("demo"), .level = PP_INFO};
    entry.time_ns = (uint64_t)time(NULL) * 1000000000U;
    for (size_t i = 0; i < 3; i++) {
        entry.body = pp_bytes_of(lines[i]);
        TRY(pp_ledger_append(ledger, &entry, NULL));
    }
    TRY(pp_ledger_sync(ledger)); /* only now are the entries durable */
    TRY(pp_ledger_checkpoint(ledger, note, &len));
    TRY(pp_ledger_close(ledger, &failure));
    struct pp_verify_options trust = {"keys/verify.key", .checkpoint = "ledger/checkpoint"};
    pp_ledger_verify("ledger", &trust, &report);
    printf("%s: %s\n", pp_verdict_text(report.verdict), report.reason);
    struct pp_ledger_reader *reader; /* inclusion: an entry's bytes and a path lead to the root */
    struct pp_digest path[PP_PROOF_HASHES_MAX], root;
    uint8_t encoding[PP_ENTRY_BYTES_MAX];
    TRY(pp_ledger_reader_open("ledger", &reader, &failure));
    TRY(pp_ledger_reader_next(reader, &entry)); /* the first one, seq 0 */
    TRY(pp_entry_encode(&entry, encoding, sizeof encoding, &len));
    TRY(pp_ledger_prove_inclusion(reader, entry.seq, report.size, path, &count));
    struct pp_digest leaf = pp_merkle_leaf((struct pp_bytes){encoding, len});
    TRY(pp_merkle_inclusion_root(&leaf, entry.seq, report.size, path, count, &root));
    pp_ledger_reader_close(reader);
    bool same = memcmp(&root, &report.root, sizeof root) == 0;
    printf("entry 0 is %s the tree; files in %s\n", same ? "in" : "NOT in", folder);
    return same ? pp_verdict_exit_code(report.verdict) : 1;
}
