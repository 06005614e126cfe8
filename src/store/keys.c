/* SPDX-License-Identifier: MIT */
/* The key folder: making the keys, opening the sealing key, moving it to its next state. */

#include "store.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Everything secret while keys are made. */
struct new_keys {
    struct pp_digest seed;
    uint8_t signing_seed[32];
    struct pp_note_signer signer;
    struct pp_sealing_state state;
    struct pp_verification_key verification;
    uint8_t sealing_file[PP_SEALING_FILE_BYTES];
    char verify_text[PP_VERIFY_KEY_TEXT_BYTES];
    char private_text[PP_NOTE_KEY_TEXT_BYTES + 1];
};

static enum pp_error make_keys(struct new_keys *keys, const char *origin,
                               struct pp_failure *failure)
{
    int result = pp_os_random(&keys->seed, sizeof keys->seed);
    if (result == 0)
        result = pp_os_random(keys->signing_seed, sizeof keys->signing_seed);
    if (result == 0)
        result = pp_os_random(keys->state.key_id, PP_KEY_ID_BYTES);
    if (result < 0)
        return pp_fail(failure, PP_ERROR_IO, -result, "no random bytes for the keys");
    enum pp_error error = pp_note_signer_init(&keys->signer, origin, keys->signing_seed);
    if (error != PP_OK)
        return pp_fail(failure, error, 0,
                       "the origin \"%s\" can't name a key: 1 to 255 bytes of UTF-8 without white "
                       "space and '+'",
                       origin);
    pp_ratchet_init(&keys->state.ratchet, &keys->seed);
    pp_sealing_slot_encode(&keys->state, keys->sealing_file);
    memcpy(keys->verification.key_id, keys->state.key_id, PP_KEY_ID_BYTES);
    keys->verification.seed = keys->seed;
    memcpy(keys->verification.checkpoint_key, keys->signer.key.public_key, 32);
    pp_verification_key_format(&keys->verification, keys->verify_text);
    return PP_OK;
}

static struct pp_bytes line_of(char *text)
{
    strcat(text, "\n");
    return pp_bytes_of(text);
}

static enum pp_error write_signer(int dir, const struct pp_note_signer *signer, char *private_text,
                                  struct pp_failure *failure)
{
    char public_text[PP_NOTE_KEY_TEXT_BYTES + 1];
    pp_note_signer_format(signer, private_text);
    pp_note_key_format(&signer->key, public_text);
    enum pp_error error =
        pp_file_replace(dir, PP_CHECKPOINT_KEY_FILE, line_of(private_text), true, failure);
    if (error == PP_OK)
        error = pp_file_replace(dir, PP_CHECKPOINT_PUB_FILE, line_of(public_text), false, failure);
    return error;
}

static enum pp_error write_keys(int dir, struct new_keys *keys, struct pp_failure *failure)
{
    enum pp_error error =
        pp_file_replace(dir, PP_VERIFY_KEY_FILE, pp_bytes_of(keys->verify_text), true, failure);
    if (error == PP_OK)
        error = write_signer(dir, &keys->signer, keys->private_text, failure);
    if (error == PP_OK)
        error = pp_file_replace(dir, PP_SEALING_KEY_FILE,
                                (struct pp_bytes){keys->sealing_file, sizeof keys->sealing_file},
                                true, failure);
    return error;
}

static enum pp_error refuse_existing(int dir, const char *folder, struct pp_failure *failure)
{
    static const char *const names[] = {PP_SEALING_KEY_FILE, PP_VERIFY_KEY_FILE,
                                        PP_CHECKPOINT_KEY_FILE, PP_CHECKPOINT_PUB_FILE};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        int fd = pp_os_open(dir, names[i], PP_OS_READ);
        if (fd == -ENOENT)
            continue;
        if (fd >= 0)
            pp_os_close(fd);
        return pp_fail(failure, PP_ERROR_EXISTS, 0,
                       "%s/%s exists already; keys are never overwritten: choose another folder",
                       folder, names[i]);
    }
    return PP_OK;
}

enum pp_error pp_keys_create(const char *folder, const char *origin, struct pp_failure *failure)
{
    int result = pp_os_make_dir(PP_OS_CWD, folder, true);
    int dir = result < 0 ? result : pp_os_open_dir(PP_OS_CWD, folder);
    if (dir < 0)
        return pp_fail(failure, PP_ERROR_IO, -dir, "the key folder %s can't be made", folder);
    struct new_keys *keys = pp_os_secret_alloc(sizeof *keys);
    if (keys == NULL) {
        pp_os_close(dir);
        return pp_fail(failure, PP_ERROR_MEMORY, 0, "no memory for the keys");
    }
    enum pp_error error = refuse_existing(dir, folder, failure);
    if (error == PP_OK)
        error = make_keys(keys, origin, failure);
    if (error == PP_OK)
        error = write_keys(dir, keys, failure);
    if (error == PP_OK && (result = pp_sync_parent(folder)) < 0)
        error = pp_fail(failure, PP_ERROR_IO, -result, "the key folder %s can't be made durable",
                        folder);
    pp_os_secret_free(keys, sizeof *keys);
    pp_os_close(dir);
    return error;
}

enum pp_error pp_key_folder_open(const char *folder, int *dir, struct pp_failure *failure)
{
    *dir = pp_os_open_dir(PP_OS_CWD, folder);
    if (*dir >= 0)
        return PP_OK;
    return pp_fail(failure, PP_ERROR_KEY, -*dir,
                   "the key folder %s can't be opened; name it with --keys", folder);
}

enum pp_error pp_secret_open(int dir, const char *folder, const char *name,
                             enum pp_os_open_mode mode, int *fd, struct pp_failure *failure)
{
    *fd = pp_os_open(dir, name, mode);
    if (*fd < 0)
        return pp_fail(failure, PP_ERROR_KEY, -*fd, "the key %s/%s can't be opened", folder, name);
    int is_private = pp_os_is_private(*fd);
    if (is_private == 1)
        return PP_OK;
    pp_os_close(*fd);
    *fd = -1;
    if (is_private < 0)
        return pp_fail(failure, PP_ERROR_KEY, -is_private, "the key %s/%s can't be examined",
                       folder, name);
    return pp_fail(failure, PP_ERROR_PERMISSION, 0,
                   "the key %s/%s can be read or written by others than its owner; if nobody did, "
                   "`chmod 600 %s/%s`, else make new keys",
                   folder, name, folder, name);
}

/* A state beside the current one shows that a process ended before the current one was surely
   durable: that is made good, and the other erased, before the key is used. */
static int settle(const struct pp_sealing_file *file, const uint8_t image[PP_SEALING_FILE_BYTES])
{
    static const uint8_t zeros[PP_SEALING_SLOT_BYTES];
    uint64_t at = file->slot * (uint64_t)PP_SEALING_SLOT_BYTES;
    uint64_t other = PP_SEALING_SLOT_BYTES - at;
    if (memcmp(image + other, zeros, sizeof zeros) == 0)
        return 0;
    int result = pp_os_write_at(file->fd, image + at, PP_SEALING_SLOT_BYTES, at);
    if (result == 0)
        result = pp_os_sync_data(file->fd);
    return result < 0 ? result : pp_os_write_at(file->fd, zeros, sizeof zeros, other);
}

enum pp_error pp_sealing_file_open(const char *folder, struct pp_sealing_file *file,
                                   struct pp_sealing_state *state, struct pp_failure *failure)
{
    int dir;
    enum pp_error error = pp_key_folder_open(folder, &dir, failure);
    if (error != PP_OK)
        return error;
    error = pp_secret_open(dir, folder, PP_SEALING_KEY_FILE, PP_OS_READ_WRITE, &file->fd, failure);
    pp_os_close(dir);
    if (error != PP_OK)
        return error;
    uint8_t image[PP_SEALING_FILE_BYTES];
    int64_t got = pp_os_read_at(file->fd, image, sizeof image, 0);
    if (got < 0)
        error = pp_fail(failure, PP_ERROR_KEY, (int)-got, "the key %s/%s can't be read", folder,
                        PP_SEALING_KEY_FILE);
    else if (got != sizeof image || pp_sealing_file_decode(image, state, &file->slot) != PP_OK)
        error = pp_fail(failure, PP_ERROR_KEY, 0, "%s/%s is no sealing key or is damaged", folder,
                        PP_SEALING_KEY_FILE);
    int result = error == PP_OK ? settle(file, image) : 0;
    if (result < 0)
        error = pp_fail(failure, PP_ERROR_IO, -result, "the key %s/%s can't be written", folder,
                        PP_SEALING_KEY_FILE);
    OPENSSL_cleanse(image, sizeof image);
    if (error != PP_OK) {
        pp_os_close(file->fd);
        file->fd = -1;
    }
    return error;
}

int pp_sealing_file_advance(struct pp_sealing_file *file,
                            const uint8_t image[PP_SEALING_SLOT_BYTES], bool durable)
{
    static const uint8_t zeros[PP_SEALING_SLOT_BYTES];
    unsigned next = 1 - file->slot;
    int result = pp_os_write_at(file->fd, image, PP_SEALING_SLOT_BYTES,
                                next * (uint64_t)PP_SEALING_SLOT_BYTES);
    if (result == 0 && durable)
        result = pp_os_sync_data(file->fd);
    if (result == 0)
        result = pp_os_write_at(file->fd, zeros, sizeof zeros,
                                file->slot * (uint64_t)PP_SEALING_SLOT_BYTES);
    if (result == 0)
        file->slot = next;
    return result;
}

static enum pp_error read_signer(int fd, struct pp_note_signer *signer)
{
    char text[PP_NOTE_KEY_TEXT_BYTES + 1];
    int64_t got = pp_os_read_at(fd, text, sizeof text, 0);
    enum pp_error error = PP_ERROR_IO;
    if (got >= 0)
        error = pp_note_signer_parse((struct pp_bytes){(const uint8_t *)text, (size_t)got}, signer);
    OPENSSL_cleanse(text, sizeof text);
    return error;
}

enum pp_error pp_signer_load(const char *folder, struct pp_note_signer *signer,
                             struct pp_failure *failure)
{
    int dir, fd;
    enum pp_error error = pp_key_folder_open(folder, &dir, failure);
    if (error != PP_OK)
        return error;
    error = pp_secret_open(dir, folder, PP_CHECKPOINT_KEY_FILE, PP_OS_READ, &fd, failure);
    pp_os_close(dir);
    if (error != PP_OK)
        return error;
    if (read_signer(fd, signer) != PP_OK)
        error = pp_fail(failure, PP_ERROR_KEY, 0, "%s/%s is no signing key or is damaged", folder,
                        PP_CHECKPOINT_KEY_FILE);
    pp_os_close(fd);
    return error;
}

enum pp_error pp_signer_rename(const char *folder, struct pp_note_signer *signer,
                               const char *origin, struct pp_failure *failure)
{
    int dir;
    if (pp_note_signer_init(signer, origin, signer->seed) != PP_OK)
        return pp_fail(failure, PP_ERROR_ARGUMENT, 0,
                       "the origin \"%s\" is not 1 to 255 bytes of UTF-8 without white space and "
                       "'+'",
                       origin);
    enum pp_error error = pp_key_folder_open(folder, &dir, failure);
    if (error != PP_OK)
        return error;
    char private_text[PP_NOTE_KEY_TEXT_BYTES + 1];
    error = write_signer(dir, signer, private_text, failure);
    OPENSSL_cleanse(private_text, sizeof private_text);
    pp_os_close(dir);
    return error;
}
