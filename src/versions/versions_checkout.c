/* SPDX-License-Identifier: MIT */
/* Checkouts: the subject becomes another version, whole or not at all.  The entry of the ledger
   comes before the change, and another one after it. */
#include "versions.h"

#include "image.h"
#include "place.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PLACE_BYTES = 48 };

struct checkout {
    struct pp_versions *versions;
    const struct pp_checkout_options *options;
    struct pp_version version; /* wanted */
    struct pp_failure *failure;
};

/* ---- What is there -------------------------------------------------------------------------- */

/* Where the file differs from the tree that was kept of its version. */
static void locate(const struct pp_image *image, const struct pp_digest *wanted,
                   char out[PLACE_BYTES])
{
    const struct pp_digest *leaves = image != NULL ? pp_image_kept_leaves(image, wanted) : NULL;
    out[0] = '\0';
    for (size_t page = 0; leaves != NULL && page < image->tree.pages; page++) {
        if (pp_digest_equal(&leaves[page], &image->tree.nodes[page]))
            continue;
        snprintf(out, PLACE_BYTES, ", first at page %zu", page);
        return;
    }
}

/* image NULL: of a folder. */
static enum pp_error refuse_changed(const struct checkout *checkout, const struct pp_digest *root,
                                    const struct pp_image *image)
{
    char place[PLACE_BYTES];
    const struct pp_versions *versions = checkout->versions;
    char have[2 * PP_DIGEST_BYTES + 1], want[2 * PP_DIGEST_BYTES + 1];
    if (checkout->options->discard || pp_digest_equal(root, &versions->current_root))
        return PP_OK;
    locate(image, &versions->current_root, place);
    pp_hex_encode(root->b, PP_DIGEST_BYTES, have);
    pp_hex_encode(versions->current_root.b, PP_DIGEST_BYTES, want);
    return pp_fail(checkout->failure, PP_ERROR_MISMATCH, 0,
                   "%s has the root %.16s..., but version %" PRIu64 ", which it should be at, has "
                   "%.16s...; they differ%s: commit what was changed, or give it up with --discard",
                   versions->subject, have, versions->current, want, place);
}

static enum pp_error announce(const struct checkout *checkout, enum pp_transition_kind kind,
                              const struct pp_digest *pre, const struct pp_digest *patch)
{
    struct pp_transition transition = {.kind = kind,
                                       .from = checkout->versions->current,
                                       .to = checkout->version.number,
                                       .pre = *pre,
                                       .post = checkout->version.root};
    if (patch != NULL)
        transition.patch = *patch;
    return pp_versions_announce(checkout->versions, &transition, checkout->failure);
}

static enum pp_error settle(const struct checkout *checkout)
{
    return pp_versions_settle(checkout->versions, &checkout->version.root, checkout->failure);
}

/* ---- A file --------------------------------------------------------------------------------- */

/* The patch of one step, when it can run in place.  *patch NULL: there is none. */
static enum pp_error find_step(const struct checkout *checkout, struct pp_patch_file **patch)
{
    const struct pp_versions *versions = checkout->versions;
    *patch = NULL;
    if (versions->current == checkout->version.number)
        return PP_OK;
    enum pp_error error = pp_versions_patch(versions, versions->current, checkout->version.number,
                                            patch, checkout->failure);
    if (error == PP_ERROR_NOT_FOUND) {
        *patch = NULL;
        return PP_OK;
    }
    if (error == PP_OK && pp_patch_file_header(*patch)->mode != PP_PATCH_PAGES) {
        pp_patch_file_close(*patch);
        *patch = NULL;
    }
    return error;
}

static enum pp_error set_attributes(const struct checkout *checkout, struct pp_image *image)
{
    pp_image_set_modified(image, checkout->version.modified_ns);
    int result = pp_os_set_mode(image->fd, checkout->version.mode);
    return result == 0 ? PP_OK
                       : pp_fail(checkout->failure, PP_ERROR_IO, -result,
                                 "the permissions of %s can't be set", image->path);
}

static enum pp_error step_in_place(const struct checkout *checkout, struct pp_image *image,
                                   const struct pp_patch_file *patch)
{
    bool forward = checkout->version.number > checkout->versions->current;
    struct pp_digest pre = pp_image_root(image);
    enum pp_error error = announce(checkout, forward ? PP_TRANSITION_APPLY : PP_TRANSITION_REVERT,
                                   &pre, &pp_patch_file_header(patch)->name);
    if (error == PP_OK)
        error = pp_image_transition(image, patch, forward ? PP_ROLLBACK_APPLY : PP_ROLLBACK_REVERT,
                                    checkout->failure);
    if (error == PP_OK)
        error = set_attributes(checkout, image);
    return error == PP_OK ? settle(checkout) : error;
}

static int finish_new_file(const struct checkout *checkout, const char *path)
{
    int fd = pp_os_open(PP_OS_CWD, path, PP_OS_READ_WRITE);
    int result = fd < 0 ? fd : pp_os_set_mode(fd, checkout->version.mode);
    if (result == 0)
        result = pp_os_set_modified(fd, checkout->version.modified_ns);
    if (result == 0)
        result = pp_os_sync(fd);
    if (fd >= 0)
        pp_os_close(fd);
    return result;
}

/* Built beside the name that it gets. */
static enum pp_error build_beside(const struct checkout *checkout, const char *target,
                                  char path[PP_VERSIONS_PATH_BYTES])
{
    enum pp_error error = pp_versions_path_beside(target, ".rollback-new", path, checkout->failure);
    if (error != PP_OK)
        return error;
    error =
        pp_versions_build(checkout->versions, checkout->version.number, path, checkout->failure);
    int result = error == PP_OK ? finish_new_file(checkout, path) : 0;
    if (result < 0)
        error = pp_fail(checkout->failure, PP_ERROR_IO, -result, "%s can't be written", path);
    if (error != PP_OK)
        pp_versions_clear(path);
    return error;
}

static enum pp_error name_file(const struct checkout *checkout, const char *target)
{
    struct pp_place place;
    enum pp_error error = pp_place_open(&place, target, checkout->failure);
    int result = error == PP_OK ? pp_place_commit(&place, true) : 0;
    pp_place_close(&place);
    if (result < 0)
        error = pp_fail(checkout->failure, PP_ERROR_IO, -result, "%s can't be replaced", target);
    return error;
}

static enum pp_error replace_file(const struct checkout *checkout, const struct pp_digest *pre)
{
    char path[PP_VERSIONS_PATH_BYTES];
    const char *subject = checkout->versions->subject;
    enum pp_error error = build_beside(checkout, subject, path);
    if (error == PP_OK)
        error = announce(checkout, PP_TRANSITION_REPLACE, pre, NULL);
    if (error == PP_OK)
        error = name_file(checkout, subject);
    return error == PP_OK ? settle(checkout) : error;
}

static enum pp_error change_file(const struct checkout *checkout, struct pp_image *image)
{
    struct pp_digest root = pp_image_root(image);
    struct pp_patch_file *patch;
    enum pp_error error = pp_versions_settle(checkout->versions, &root, checkout->failure);
    if (error == PP_OK)
        error = refuse_changed(checkout, &root, image);
    if (error != PP_OK)
        return error;
    if (pp_digest_equal(&root, &checkout->version.root) &&
        checkout->versions->current == checkout->version.number)
        return set_attributes(checkout, image);
    error = find_step(checkout, &patch);
    if (error != PP_OK)
        return error;
    bool in_place = patch != NULL && pp_digest_equal(&root, &checkout->versions->current_root);
    if (in_place) {
        error = step_in_place(checkout, image, patch);
    } else {
        image->options.keep_tree = false; /* it would be that of a file without a name */
        error = replace_file(checkout, &root);
    }
    pp_patch_file_close(patch);
    return error;
}

static enum pp_error checkout_file(const struct checkout *checkout)
{
    const struct pp_image_options options = {.keep_tree = true,
                                             .progress = checkout->versions->options.progress};
    static const struct pp_digest none;
    struct pp_image *image;
    enum pp_error error =
        pp_image_open(checkout->versions->subject, &options, &image, NULL, checkout->failure);
    if (error == PP_ERROR_NOT_FOUND && checkout->options->discard)
        return replace_file(checkout, &none);
    if (error != PP_OK)
        return error;
    error = change_file(checkout, image);
    enum pp_error closing = pp_image_close(image, error == PP_OK ? checkout->failure : NULL);
    return error != PP_OK ? error : closing;
}

/* ---- A folder ------------------------------------------------------------------------------- */

static enum pp_error build_image(const struct checkout *checkout, char path[PP_VERSIONS_PATH_BYTES])
{
    enum pp_error error =
        pp_versions_path(checkout->versions, "scratch/image", path, checkout->failure);
    return error == PP_OK ? pp_versions_build(checkout->versions, checkout->version.number, path,
                                              checkout->failure)
                          : error;
}

/* The new folder, whole and durable, beside the name that it gets. */
static enum pp_error build_folder(const struct checkout *checkout, const struct pp_place *place,
                                  const char *target)
{
    char image[PP_VERSIONS_PATH_BYTES];
    enum pp_error error = build_image(checkout, image);
    if (error == PP_OK)
        error = pp_folder_build(place, target, image, true, checkout->failure);
    pp_versions_clear(image);
    return error;
}

static enum pp_error exchange_folder(const struct checkout *checkout, const struct pp_place *place)
{
    enum pp_error error = pp_folder_exchange(place, true, checkout->failure);
    if (error == PP_OK)
        error = settle(checkout);
    return error == PP_OK ? pp_folder_clear(place, checkout->failure) : error;
}

static enum pp_error replace_folder(const struct checkout *checkout, const struct pp_digest *pre)
{
    const char *subject = checkout->versions->subject;
    struct pp_place place;
    enum pp_error error = pp_place_open(&place, subject, checkout->failure);
    if (error == PP_OK)
        error = build_folder(checkout, &place, subject);
    if (error == PP_OK)
        error = announce(checkout, PP_TRANSITION_REPLACE, pre, NULL);
    if (error == PP_OK)
        error = exchange_folder(checkout, &place);
    pp_place_close(&place);
    return error;
}

static enum pp_error checkout_folder(const struct checkout *checkout)
{
    static const struct pp_digest none;
    struct pp_subject subject;
    struct pp_versions *versions = checkout->versions;
    enum pp_error error = pp_subject_read(versions, versions->subject, &subject, checkout->failure);
    (void)pp_os_remove(versions->scratch, "subject");
    if (error == PP_ERROR_NOT_FOUND && checkout->options->discard)
        return replace_folder(checkout, &none);
    if (error == PP_OK)
        error = pp_versions_settle(versions, &subject.root, checkout->failure);
    if (error == PP_OK)
        error = refuse_changed(checkout, &subject.root, NULL);
    if (error != PP_OK)
        return error;
    if (versions->current == checkout->version.number &&
        pp_digest_equal(&subject.root, &checkout->version.root))
        return PP_OK;
    return replace_folder(checkout, &subject.root);
}

/* ---- Elsewhere ------------------------------------------------------------------------------ */

static enum pp_error copy_folder_to(const struct checkout *checkout, const char *target)
{
    struct pp_place place;
    enum pp_error error = pp_place_open(&place, target, checkout->failure);
    if (error == PP_OK)
        error = build_folder(checkout, &place, target);
    if (error == PP_OK)
        error = pp_folder_exchange(&place, true, checkout->failure);
    pp_place_close(&place);
    return error;
}

/* A copy is no transition: nothing that was there is touched, nothing is recorded. */
static enum pp_error copy_to(const struct checkout *checkout, const char *target)
{
    struct pp_os_attributes found;
    char path[PP_VERSIONS_PATH_BYTES];
    int result = pp_os_status_at(PP_OS_CWD, target, &found);
    if (result != -ENOENT)
        return pp_fail(checkout->failure, PP_ERROR_EXISTS, result < 0 ? -result : 0,
                       "%s is there already; choose another name", target);
    if (checkout->version.kind == PP_VERSION_FOLDER)
        return copy_folder_to(checkout, target);
    enum pp_error error = build_beside(checkout, target, path);
    return error == PP_OK ? name_file(checkout, target) : error;
}

enum pp_error pp_versions_checkout(struct pp_versions *versions, uint64_t number,
                                   const struct pp_checkout_options *options,
                                   struct pp_failure *failure)
{
    struct checkout *checkout = calloc(1, sizeof *checkout);
    if (checkout == NULL)
        return pp_fail(failure, PP_ERROR_MEMORY, 0, "no memory for a checkout");
    checkout->versions = versions;
    checkout->options = options;
    checkout->failure = failure;
    enum pp_error error = pp_versions_read(versions, number, &checkout->version, failure);
    if (error == PP_OK && options->target != NULL)
        error = copy_to(checkout, options->target);
    else if (error == PP_OK && checkout->version.kind == PP_VERSION_FILE)
        error = checkout_file(checkout);
    else if (error == PP_OK)
        error = checkout_folder(checkout);
    free(checkout);
    return error;
}
