/* SPDX-License-Identifier: MIT */
/* Making an empty ledger and binding a key folder to it. */

#include "store.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

static enum pp_error make_folders(const char *path, struct pp_layout *layout,
                                  struct pp_failure *failure)
{
    int result = pp_os_make_dir(PP_OS_CWD, path, false);
    int dir = result < 0 ? result : pp_os_open_dir(PP_OS_CWD, path);
    if (dir < 0)
        return pp_fail(failure, PP_ERROR_IO, -dir, "the ledger %s can't be made", path);
    struct pp_os_names names = {0};
    result = pp_os_list(dir, &names);
    size_t present = names.count;
    pp_os_free_names(&names);
    if (result == 0 && present == 0) {
        result = pp_os_make_dir(dir, "segments", false);
        if (result == 0)
            result = pp_os_make_dir(dir, "blobs", false);
    }
    pp_os_close(dir);
    if (result < 0)
        return pp_fail(failure, PP_ERROR_IO, -result, "the ledger %s can't be made", path);
    if (present != 0)
        return pp_fail(failure, PP_ERROR_EXISTS, 0,
                       "%s is not empty; a ledger is made in a new or empty folder", path);
    return pp_layout_open(layout, path, failure);
}

/* The keys must be new; then the folders are made, and the keys bear the origin that the ledger
 * gets. */
static enum pp_error take_keys(struct pp_ledger *ledger, const char *path, const char *keys_folder,
                               const char *origin, struct pp_note_signer *signer,
                               struct pp_failure *failure)
{
    struct pp_sealing_state *state = &ledger->secrets->state;
    enum pp_error error = pp_sealing_file_open(keys_folder, &ledger->sealing, state, failure);
    if (error != PP_OK)
        return error;
    static const struct pp_digest unbound;
    if (!pp_digest_equal(&state->log_id, &unbound) || state->ratchet.epoch != 0)
        return pp_fail(
            failure, PP_ERROR_WRONG_KEY, 0,
            "the keys in %s already seal a ledger; make new ones with `postproof keygen`",
            keys_folder);
    error = pp_signer_load(keys_folder, signer, failure);
    if (error == PP_OK)
        error = make_folders(path, &ledger->layout, failure);
    if (error == PP_OK && origin != NULL && strcmp(origin, signer->key.name) != 0)
        error = pp_signer_rename(keys_folder, signer, origin, failure);
    if (error != PP_OK)
        return error;
    memcpy(ledger->origin, signer->key.name, sizeof ledger->origin);
    state->log_id = pp_log_id(state->key_id, signer->key.public_key, pp_bytes_of(ledger->origin));
    ledger->log_id = state->log_id;
    return PP_OK;
}

static enum pp_error write_ledger(struct pp_ledger *ledger, const char *keys_folder,
                                  struct pp_failure *failure)
{
    pp_epoch_keys_init(&ledger->secrets->keys, &ledger->secrets->state.ratchet);
    pp_merkle_tree_init(&ledger->tree);
    uint8_t *slot = ledger->secrets->slots[0][0];
    struct pp_bytes header = pp_writer_header(ledger, 0, ledger->groups[0].header_bytes);
    int result = pp_segment_create(ledger, 0, header, &ledger->segment_fd);
    if (result == 0)
        result = pp_os_symlink(ledger->layout.dir, keys_folder, "keys");
    if (result == 0)
        result = pp_os_sync(ledger->layout.dir);
    if (result == 0)
        result = pp_sync_parent(ledger->layout.path);
    if (result == 0) {
        pp_sealing_slot_encode(&ledger->secrets->state, slot);
        result = pp_sealing_file_advance(&ledger->sealing, slot, true);
    }
    if (result == 0)
        result = pp_os_sync_data(ledger->sealing.fd);
    if (result < 0)
        return pp_fail(failure, PP_ERROR_IO, -result, "the ledger %s can't be written",
                       ledger->layout.path);
    return PP_OK;
}

enum pp_error pp_ledger_create(const char *path, const char *keys_folder, const char *origin,
                               struct pp_failure *failure)
{
    struct pp_ledger *ledger;
    enum pp_error error = pp_ledger_alloc(&ledger, NULL, failure);
    if (error != PP_OK)
        return error;
    struct pp_note_signer *signer = pp_os_secret_alloc(sizeof *signer);
    char *keys_path = realpath(keys_folder, NULL);
    if (signer == NULL)
        error = pp_fail(failure, PP_ERROR_MEMORY, 0, "no memory for the keys");
    else if (keys_path == NULL)
        error = pp_fail(failure, PP_ERROR_KEY, errno,
                        "the key folder %s can't be opened; make keys with `postproof keygen`",
                        keys_folder);
    else
        error = take_keys(ledger, path, keys_path, origin, signer, failure);
    if (error == PP_OK)
        error = write_ledger(ledger, keys_path, failure);
    free(keys_path);
    pp_os_secret_free(signer, sizeof *signer);
    pp_ledger_free(ledger);
    return error;
}
