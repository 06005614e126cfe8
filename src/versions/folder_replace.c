/* SPDX-License-Identifier: MIT */
/* A folder gives way to another one, built beside it, at one moment. */
#include "versions.h"

#include "place.h"

#include <errno.h>

enum pp_error pp_folder_clear(const struct pp_place *place, struct pp_failure *failure)
{
    char name[PP_OS_NAME_BYTES];
    pp_place_new_name(place, name);
    int result = pp_folder_remove(place->dir, name);
    return result == 0 ? PP_OK
                       : pp_fail(failure, PP_ERROR_IO, -result, "%s beside %s can't be removed",
                                 name, place->name);
}

enum pp_error pp_folder_build(const struct pp_place *place, const char *path, const char *image,
                              bool durable, struct pp_failure *failure)
{
    char beside[PP_VERSIONS_PATH_BYTES];
    enum pp_error error = pp_versions_path_beside(path, ".rollback-new", beside, failure);
    if (error == PP_OK)
        error = pp_folder_clear(place, failure); /* what a crash left */
    if (error != PP_OK)
        return error;
    error = pp_folder_unpack(image, beside, durable, failure);
    int result = error == PP_OK && durable ? pp_os_sync(place->dir) : 0;
    if (result < 0)
        error = pp_fail(failure, PP_ERROR_IO, -result, "%s can't be made durable", beside);
    if (error != PP_OK)
        (void)!pp_folder_clear(place, NULL);
    return error;
}

/* One moment: before it the name is the old folder's, after it the new one's. */
static int exchange(const struct pp_place *place)
{
    char name[PP_OS_NAME_BYTES];
    struct pp_os_attributes old;
    pp_place_new_name(place, name);
    int result = pp_os_status_at(place->dir, place->name, &old);
    return result == -ENOENT ? pp_os_rename(place->dir, name, place->name)
           : result == 0     ? pp_os_exchange(place->dir, name, place->name)
                             : result;
}

enum pp_error pp_folder_exchange(const struct pp_place *place, bool durable,
                                 struct pp_failure *failure)
{
    int result = exchange(place);
    if (result == 0 && durable)
        result = pp_os_sync(place->dir);
    return result == 0 ? PP_OK
                       : pp_fail(failure, PP_ERROR_IO, -result,
                                 "%s and the new folder beside it can't be exchanged", place->name);
}
