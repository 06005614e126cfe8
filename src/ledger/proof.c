/* SPDX-License-Identifier: MIT */
/* Offline inclusion proofs as C2SP .tlog-proof files (c2sp.org/tlog-proof@v1). */
#include "ledger_internal.h"

#include <inttypes.h>
#include <stdio.h>

#include "../base/base.h"

static const char first_line[] = "c2sp.org/tlog-proof@v1";

_Static_assert(sizeof first_line + sizeof "index 18446744073709551615" + 2 <= 64,
               "the lines that are not hashes fit into PP_TLOG_PROOF_BYTES_MAX");

static bool line_starts(struct pp_bytes *line, const char *word)
{
    struct pp_bytes prefix = pp_bytes_of(word);
    if (line->len < prefix.len || !pp_equal_constant_time(line->data, prefix.data, prefix.len))
        return false;
    *line = (struct pp_bytes){line->data + prefix.len, line->len - prefix.len};
    return true;
}

/* The lines before the path.  The extra data says nothing that is signed: only its form counts. */
static bool parse_head(struct pp_bytes *rest, uint64_t *index)
{
    struct pp_bytes line;
    size_t extra_len;
    if (!pp_next_line(rest, &line) || !line_starts(&line, first_line) || line.len != 0)
        return false;
    if (!pp_next_line(rest, &line))
        return false;
    if (line_starts(&line, "extra ") &&
        (!pp_base64_check(line, &extra_len) || !pp_next_line(rest, &line)))
        return false;
    return line_starts(&line, "index ") && pp_decimal_decode(line, index);
}

/* Hashes up to the empty line. */
static bool parse_path(struct pp_bytes *rest, struct pp_tlog_proof *proof)
{
    struct pp_bytes line;
    size_t len;
    for (proof->count = 0; pp_next_line(rest, &line); proof->count++) {
        if (line.len == 0)
            return true;
        if (proof->count == PP_PROOF_HASHES_MAX)
            return false;
        uint8_t *hash = proof->path[proof->count].b;
        if (!pp_base64_decode(line, hash, PP_DIGEST_BYTES, &len) || len != PP_DIGEST_BYTES)
            return false;
    }
    return false;
}

enum pp_error pp_tlog_proof_parse(struct pp_bytes text, struct pp_tlog_proof *proof)
{
    struct pp_tlog_proof parsed = {0};
    struct pp_checkpoint checkpoint;
    if (!parse_head(&text, &parsed.index) || !parse_path(&text, &parsed))
        return PP_ERROR_FORMAT;
    parsed.note = text;
    if (pp_checkpoint_parse(text, &checkpoint) != PP_OK)
        return PP_ERROR_FORMAT;
    *proof = parsed;
    return PP_OK;
}

enum pp_error pp_tlog_proof_format(const struct pp_tlog_proof *proof, char *out, size_t *len)
{
    if (proof->count > PP_PROOF_HASHES_MAX || proof->note.len > PP_NOTE_BYTES_MAX)
        return PP_ERROR_TOO_LARGE;
    int head =
        snprintf(out, PP_TLOG_PROOF_BYTES_MAX, "%s\nindex %" PRIu64 "\n", first_line, proof->index);
    size_t at = (size_t)head;
    for (size_t i = 0; i < proof->count; i++) {
        at += pp_base64_encode(proof->path[i].b, PP_DIGEST_BYTES, out + at);
        out[at++] = '\n';
    }
    out[at++] = '\n';
    pp_copy((uint8_t *)out + at, proof->note.data, proof->note.len);
    at += proof->note.len;
    out[at] = '\0';
    *len = at;
    return PP_OK;
}

enum pp_error pp_tlog_proof_check(const struct pp_tlog_proof *proof, const struct pp_note_key *key,
                                  struct pp_bytes entry_encoding, struct pp_checkpoint *checkpoint)
{
    enum pp_error error = pp_checkpoint_open(proof->note, key, checkpoint);
    if (error != PP_OK)
        return error;
    struct pp_digest leaf = pp_merkle_leaf(entry_encoding), root;
    error = pp_merkle_inclusion_root(&leaf, proof->index, checkpoint->size, proof->path,
                                     proof->count, &root);
    if (error != PP_OK)
        return error;
    return pp_digest_equal(&root, &checkpoint->root) ? PP_OK : PP_ERROR_MISMATCH;
}
