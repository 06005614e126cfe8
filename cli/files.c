/* SPDX-License-Identifier: MIT */
/* Growing buffers, small files in memory, and a ledger opened for a verb that writes. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "../src/os/os.h"
#include "cli.h"

enum { READ_BYTES = 65536, FIRST_BUFFER_BYTES = 4096 };

/* ---- Buffers -------------------------------------------------------------------------------- */

bool cli_buffer_add(struct cli_buffer *buffer, const void *data, size_t len)
{
    if (len > SIZE_MAX / 4 - buffer->len)
        return false;
    if (len > buffer->cap - buffer->len) {
        size_t cap = buffer->cap ? buffer->cap : FIRST_BUFFER_BYTES;
        while (cap < buffer->len + len)
            cap *= 2;
        uint8_t *larger = realloc(buffer->data, cap);
        if (!larger)
            return false;
        buffer->data = larger;
        buffer->cap = cap;
    }
    if (len > 0)
        memcpy(buffer->data + buffer->len, data, len);
    buffer->len += len;
    return true;
}

void cli_buffer_free(struct cli_buffer *buffer)
{
    free(buffer->data);
    *buffer = (struct cli_buffer){0};
}

struct pp_bytes cli_buffer_view(const struct cli_buffer *buffer)
{
    return (struct pp_bytes){buffer->data, buffer->len};
}

/* ---- Files ---------------------------------------------------------------------------------- */

bool cli_path(const char *verb, const char *folder, const char *name, char out[CLI_PATH_BYTES])
{
    int len = snprintf(out, CLI_PATH_BYTES, "%s/%s", folder, name);
    if (len > 0 && len < CLI_PATH_BYTES)
        return true;
    cli_fail(verb, "the path %s is too long", folder);
    return false;
}

/* 0, -errno, or -EFBIG when there is more than max. */
static int read_all(int fd, size_t max, struct cli_buffer *buffer)
{
    uint8_t chunk[READ_BYTES];
    for (;;) {
        int64_t got = pp_os_read(fd, chunk, sizeof chunk);
        if (got <= 0)
            return (int)got;
        if ((size_t)got > max - buffer->len)
            return -EFBIG;
        if (!cli_buffer_add(buffer, chunk, (size_t)got))
            return -ENOMEM;
    }
}

bool cli_read_file(const char *verb, const char *path, size_t max, struct cli_buffer *buffer)
{
    bool is_stdin = strcmp(path, "-") == 0;
    const char *name = is_stdin ? "standard input" : path;
    *buffer = (struct cli_buffer){0};
    int fd = is_stdin ? 0 : pp_os_open(PP_OS_CWD, path, PP_OS_READ_FOLLOW);
    int error = fd < 0 ? fd : read_all(fd, max, buffer);
    if (fd > 0)
        pp_os_close(fd);
    if (error == 0)
        return true;
    cli_buffer_free(buffer);
    if (error == -EFBIG)
        cli_fail(verb, "%s has more than %zu bytes: it can't be what is expected here", name, max);
    else
        cli_fail(verb, "%s: %s", name, strerror(-error));
    return false;
}

bool cli_checkpoint_load(const char *verb, const char *ledger, struct cli_checkpoint *checkpoint)
{
    char path[CLI_PATH_BYTES];
    if (!cli_path(verb, ledger, "checkpoint", path))
        return false;
    int fd = pp_os_open(PP_OS_CWD, path, PP_OS_READ_FOLLOW);
    if (fd == -ENOENT) {
        cli_fail(verb, "%s does not exist; make one with: postproof checkpoint %s", path, ledger);
        return false;
    }
    if (fd >= 0)
        pp_os_close(fd);
    if (!cli_read_file(verb, path, PP_NOTE_BYTES_MAX, &checkpoint->text))
        return false;
    if (pp_checkpoint_parse(cli_buffer_view(&checkpoint->text), &checkpoint->parsed) == PP_OK)
        return true;
    cli_buffer_free(&checkpoint->text);
    cli_fail(verb,
             "%s is no checkpoint (a C2SP signed note); make one with: postproof checkpoint %s",
             path, ledger);
    return false;
}

/* ---- Writers -------------------------------------------------------------------------------- */

enum pp_error cli_open_writer(const char *verb, const char *path, const char *keys,
                              const struct pp_ledger_options *options, struct pp_ledger **ledger,
                              struct pp_ledger_opening *opening, int *exit_code)
{
    struct pp_failure failure = {0};
    enum pp_error error = pp_ledger_open(path, keys, options, ledger, opening, &failure);
    if (error != PP_OK) {
        *exit_code = cli_failure(verb, &failure);
        return error;
    }
    if (opening->recovered)
        cli_note(verb,
                 "a crash had left a torn tail of %" PRIu64 " bytes behind the %" PRIu64
                 " sealed entries; a recovery seal now closes it off",
                 opening->torn_bytes, opening->size);
    return PP_OK;
}

int cli_close_writer(const char *verb, struct pp_ledger *ledger, int exit_code)
{
    struct pp_failure failure = {0};
    if (pp_ledger_close(ledger, &failure) == PP_OK || exit_code != CLI_GOOD)
        return exit_code;
    return cli_failure(verb, &failure);
}
