/* SPDX-License-Identifier: MIT */
/* A name in its folder, and new contents for it that appear all at once. */
#include "place.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../store/store.h"

/* The longest of what is put around a name. */
#define BESIDE ".rollback-journal.tmp"

enum pp_error pp_place_open(struct pp_place *place, const char *path, struct pp_failure *failure)
{
    place->dir = -1;
    const char *slash = strrchr(path, '/'), *name = slash != NULL ? slash + 1 : path;
    if (*name == '\0' || strlen(name) + sizeof BESIDE > sizeof place->name)
        return pp_fail(failure, PP_ERROR_ARGUMENT, 0, "%s has no name that can be used here", path);
    snprintf(place->name, sizeof place->name, "%s", name);
    size_t len = slash == NULL ? 0 : (size_t)(slash - path);
    char *folder = slash == NULL ? strdup(".") : len == 0 ? strdup("/") : strndup(path, len);
    if (folder == NULL)
        return pp_fail(failure, PP_ERROR_MEMORY, 0, "no memory for %s", path);
    place->dir = pp_os_open_dir(PP_OS_CWD, folder);
    free(folder);
    if (place->dir < 0)
        return pp_fail(failure, place->dir == -ENOENT ? PP_ERROR_NOT_FOUND : PP_ERROR_IO,
                       -place->dir, "the folder of %s can't be opened", path);
    return PP_OK;
}

void pp_place_close(struct pp_place *place)
{
    if (place->dir >= 0)
        pp_os_close(place->dir);
    place->dir = -1;
}

void pp_place_new_name(const struct pp_place *place, char out[PP_OS_NAME_BYTES])
{
    snprintf(out, PP_OS_NAME_BYTES, ".%.240s.rollback-new", place->name);
}

int pp_place_begin(const struct pp_place *place)
{
    char name[PP_OS_NAME_BYTES];
    pp_place_new_name(place, name);
    (void)pp_os_remove(place->dir, name);
    return pp_os_open(place->dir, name, PP_OS_CREATE_SECRET);
}

int pp_place_commit(const struct pp_place *place, bool durable)
{
    char name[PP_OS_NAME_BYTES];
    pp_place_new_name(place, name);
    int result = pp_os_rename(place->dir, name, place->name);
    return result == 0 && durable ? pp_os_sync(place->dir) : result;
}

void pp_place_discard(const struct pp_place *place)
{
    char name[PP_OS_NAME_BYTES];
    pp_place_new_name(place, name);
    (void)pp_os_remove(place->dir, name);
}
