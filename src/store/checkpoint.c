/* SPDX-License-Identifier: MIT */
/* Signing checkpoints. */

#include "store.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* What was hashed on its way to the disk is hashed again from the disk before it is signed. */
static enum pp_error rehash_open_segment(struct pp_ledger *ledger)
{
    char name[PP_SEGMENT_NAME_BYTES];
    pp_segment_name(ledger->segment, name);
    struct pp_buffer data = {0};
    struct pp_check_scratch *scratch = malloc(sizeof *scratch);
    struct pp_check_result *result = malloc(sizeof *result);
    enum pp_error error = PP_OK;
    if (scratch == NULL || result == NULL)
        error = pp_fail(&ledger->failure, PP_ERROR_MEMORY, 0, "no memory for a checkpoint");
    else
        error = pp_file_read(ledger->layout.segments, name,
                             PP_SEGMENT_BYTES_MAX + 2 * (size_t)PP_GROUP_BYTES_MAX, &data,
                             &ledger->failure);
    if (error == PP_OK) {
        struct pp_check_input input = {
            .engine = ledger->engine, .scratch = scratch, .sizes = {PP_NO_SEQ, PP_NO_SEQ}};
        pp_segment_check(&input, (struct pp_bytes){data.data, data.len}, result);
        struct pp_digest disk = pp_merkle_tree_root(&result->tree);
        struct pp_digest memory = pp_merkle_tree_root(&ledger->tree);
        if (result->verdict != PP_VERDICT_OK || !pp_digest_equal(&disk, &memory))
            error = pp_ledger_stop(ledger, PP_ERROR_MISMATCH, 0,
                                   "the open segment on disk is not what was written; no "
                                   "checkpoint was signed, run `postproof verify`");
    }
    pp_buffer_free(&data);
    free(scratch);
    free(result);
    return error;
}

/* The log id binds the ledger to its signing key. */
static bool is_ledgers_signer(const struct pp_ledger *ledger, const struct pp_note_signer *signer)
{
    struct pp_digest log_id = pp_log_id(ledger->secrets->state.key_id, signer->key.public_key,
                                        pp_bytes_of(signer->key.name));
    return pp_digest_equal(&log_id, &ledger->log_id);
}

static enum pp_error sign(struct pp_ledger *ledger, char *out, size_t *len)
{
    struct pp_note_signer *signer = pp_os_secret_alloc(sizeof *signer);
    if (signer == NULL)
        return pp_fail(&ledger->failure, PP_ERROR_MEMORY, 0, "no memory for a checkpoint");
    enum pp_error error = pp_signer_load(ledger->keys_folder, signer, &ledger->failure);
    struct pp_digest root = pp_merkle_tree_root(&ledger->tree);
    if (error == PP_OK && !is_ledgers_signer(ledger, signer))
        error =
            pp_fail(&ledger->failure, PP_ERROR_WRONG_KEY, 0,
                    "%s/%s is the key of \"%s\", but not the one that this ledger was made with",
                    ledger->keys_folder, PP_CHECKPOINT_KEY_FILE, signer->key.name);
    if (error == PP_OK && pp_checkpoint_sign(signer, ledger->tree.size, &root, out, len) != PP_OK)
        error = pp_fail(&ledger->failure, PP_ERROR_CRYPTO, 0, "the checkpoint can't be signed");
    pp_os_secret_free(signer, sizeof *signer);
    return error;
}

enum pp_error pp_ledger_checkpoint(struct pp_ledger *ledger, char *out, size_t *len)
{
    enum pp_error error = pp_ledger_sync(ledger);
    if (error == PP_OK)
        error = rehash_open_segment(ledger);
    if (error == PP_OK)
        error = sign(ledger, out, len);
    if (error == PP_OK)
        error =
            pp_file_replace(ledger->layout.dir, "checkpoint",
                            (struct pp_bytes){(const uint8_t *)out, *len}, false, &ledger->failure);
    return pp_stop_on_io_error(ledger, error);
}
