/* SPDX-License-Identifier: MIT */
/* A name in its folder, and new contents for it that appear all at once. */
#ifndef PP_PLACE_H
#define PP_PLACE_H

#include <postproof/error.h>

#include "../os/os.h"

struct pp_place {
    int dir;
    char name[PP_OS_NAME_BYTES];
};

/* The folder of a path, open.  PP_ERROR_ARGUMENT for a name that is empty or leaves no room for
   what stands beside it; PP_ERROR_NOT_FOUND, PP_ERROR_IO. */
PP_MUST_CHECK enum pp_error pp_place_open(struct pp_place *place, const char *path,
                                          struct pp_failure *failure);
void pp_place_close(struct pp_place *place);

/* The name beside it that new contents have until they get the name: ".NAME.rollback-new". */
void pp_place_new_name(const struct pp_place *place, char out[PP_OS_NAME_BYTES]);
/* A new file beside the name, which no reader takes for it; what a crash left there is removed.
   A descriptor or -errno. */
PP_MUST_CHECK int pp_place_begin(const struct pp_place *place);
/* Gives it the name: what had it before is gone when this returns, and not before. */
PP_MUST_CHECK int pp_place_commit(const struct pp_place *place, bool durable);
void pp_place_discard(const struct pp_place *place);

#endif
