/* SPDX-License-Identifier: MIT */
/* A patch applied or reverted to a new file: streamed, checked, then given its name. */
#include "image.h"
#include "place.h"
#include "versions.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PAGE = PP_ROLLBACK_PAGE_BYTES, BUFFER_PAGES = 64, BUFFER_BYTES = BUFFER_PAGES * PAGE };

/* Where the new image goes, byte after byte. */
struct sink {
    int fd;
    bool stream; /* a pipe: no offsets, no holes */
    bool sparse; /* pages of zeros become holes */
    uint8_t *buffer;
    size_t used;
    uint64_t at;               /* bytes before the buffer */
    struct pp_image_tree tree; /* leaves of the pages before it */
    bool wants_sha256;
    struct pp_sha256_stream sha256;
};

struct rewrite {
    struct pp_patch_run run;
    const struct pp_rewrite_options *options;
    struct pp_failure *failure;
    int source;
    struct pp_image_tree tree; /* of the source */
    uint64_t source_bytes;
    bool source_sparse;
    struct sink sink;
    uint8_t *copy;
};

/* ---- Sink ----------------------------------------------------------------------------------- */

static int put_buffer(const struct sink *sink)
{
    if (sink->sparse)
        return pp_versions_write_sparse(sink->fd, sink->buffer, sink->used, sink->at);
    return sink->stream ? pp_os_write(sink->fd, sink->buffer, sink->used)
                        : pp_os_write_at(sink->fd, sink->buffer, sink->used, sink->at);
}

static int flush(struct sink *sink)
{
    if (sink->used == 0)
        return 0;
    for (size_t at = 0; at < sink->used; at += PAGE)
        sink->tree.nodes[(sink->at + at) / PAGE] = pp_rollback_page_hash(
            (struct pp_bytes){sink->buffer + at, sink->used - at < PAGE ? sink->used - at : PAGE});
    if (sink->wants_sha256)
        pp_sha256_update(&sink->sha256, (struct pp_bytes){sink->buffer, sink->used});
    int result = put_buffer(sink);
    sink->at += sink->used;
    sink->used = 0;
    return result;
}

static enum pp_error failed_write(const struct rewrite *r, int result)
{
    return pp_fail(r->failure, PP_ERROR_IO, -result,
                   "the new image can't be written; %s is as it "
                   "was",
                   r->run.path);
}

static enum pp_error put(struct rewrite *r, const uint8_t *data, uint64_t bytes)
{
    struct sink *sink = &r->sink;
    while (bytes > 0) {
        size_t room = BUFFER_BYTES - sink->used, n = bytes < room ? (size_t)bytes : room;
        memcpy(sink->buffer + sink->used, data, n);
        sink->used += n;
        data += n;
        bytes -= n;
        int result = sink->used == BUFFER_BYTES ? flush(sink) : 0;
        if (result < 0)
            return failed_write(r, result);
    }
    return PP_OK;
}

/* ---- Run ------------------------------------------------------------------------------------ */

static enum pp_error put_copy(struct rewrite *r, uint64_t from, uint64_t bytes)
{
    enum pp_error error = PP_OK;
    while (bytes > 0 && error == PP_OK) {
        size_t n = bytes < BUFFER_BYTES ? (size_t)bytes : BUFFER_BYTES;
        error = pp_patch_run_read(&r->run, r->copy, n, from);
        if (error == PP_OK)
            error = put(r, r->copy, n);
        from += n;
        bytes -= n;
        if (r->options->progress.report != NULL)
            r->options->progress.report(r->options->progress.context, r->sink.at,
                                        pp_patch_target(r->run.patch, r->run.direction)->bytes);
    }
    return error;
}

static enum pp_error put_write(struct rewrite *r, const struct pp_patch_write *write)
{
    uint64_t end = pp_patch_target(r->run.patch, r->run.direction)->bytes;
    uint64_t at = r->sink.at + r->sink.used;
    if (write->offset != at || write->bytes > end - at ||
        (write->data == NULL && (write->source_offset > r->source_bytes ||
                                 write->bytes > r->source_bytes - write->source_offset)))
        return pp_fail(r->failure, PP_ERROR_FORMAT, 0,
                       "the patch is damaged: its blocks do not follow each other; %s is as it was",
                       r->run.path);
    return write->data != NULL ? put(r, write->data, write->bytes)
                               : put_copy(r, write->source_offset, write->bytes);
}

static enum pp_error stream_blocks(struct rewrite *r)
{
    struct pp_patch_write write;
    bool done = false;
    enum pp_error error;
    while ((error = pp_patch_run_block(&r->run, &done)) == PP_OK && !done)
        while (pp_patch_decoder_next_write(r->run.decoder, &write))
            if ((error = put_write(r, &write)) != PP_OK)
                return error;
    if (error != PP_OK)
        return error;
    int result = flush(&r->sink);
    if (result == 0 && r->sink.sparse)
        result = pp_os_truncate(r->sink.fd, r->sink.at);
    return result < 0 ? failed_write(r, result) : PP_OK;
}

static enum pp_error check_result(struct rewrite *r)
{
    const struct pp_patch_image *target = pp_patch_target(r->run.patch, r->run.direction);
    pp_rollback_tree_build(r->sink.tree.nodes, r->sink.tree.pages);
    struct pp_digest root = pp_image_tree_root(&r->sink.tree);
    bool good = r->sink.at == target->bytes && pp_digest_equal(&root, &target->root);
    if (good && r->sink.wants_sha256) {
        struct pp_digest hash = pp_sha256_final(&r->sink.sha256);
        good = pp_digest_equal(&hash, &target->sha256);
    }
    return good ? PP_OK
                : pp_fail(r->failure, PP_ERROR_MISMATCH, 0,
                          "the patch %s is damaged: it leads to another image than it says; %s is "
                          "as it was",
                          r->run.patch->path, r->run.path);
}

static enum pp_error prepare_sink(struct rewrite *r, int fd, bool stream)
{
    static const struct pp_digest none;
    const struct pp_patch_image *target = pp_patch_target(r->run.patch, r->run.direction);
    r->sink.fd = fd;
    r->sink.stream = stream;
    r->sink.sparse = r->source_sparse && !stream;
    r->sink.wants_sha256 = !pp_digest_equal(&target->sha256, &none);
    pp_sha256_init(&r->sink.sha256);
    r->sink.buffer = malloc(BUFFER_BYTES);
    r->copy = malloc(BUFFER_BYTES);
    if (r->sink.buffer == NULL || r->copy == NULL ||
        !pp_image_tree_resize(&r->sink.tree, target->bytes))
        return pp_fail(r->failure, PP_ERROR_MEMORY, 0, "no memory for %s", r->run.path);
    return PP_OK;
}

/* The source, read as a whole, is what the patch was made for: only then anything is written. */
static enum pp_error check_source(struct rewrite *r)
{
    struct pp_os_attributes attributes;
    int result = pp_os_status(r->source, &attributes);
    if (result == 0 && attributes.kind != PP_OS_FILE)
        return pp_fail(r->failure, PP_ERROR_ARGUMENT, 0, "%s is no regular file", r->run.path);
    r->source_bytes = attributes.bytes;
    r->source_sparse = attributes.bytes_on_disk < attributes.bytes;
    if (result == 0)
        result =
            pp_image_tree_read(&r->tree, r->source, attributes.bytes, NULL, &r->options->progress);
    if (result < 0)
        return pp_fail(r->failure, result == -ENOMEM ? PP_ERROR_MEMORY : PP_ERROR_IO, -result,
                       "%s can't be read", r->run.path);
    r->run.leaves = r->tree.nodes;
    struct pp_digest root = pp_image_tree_root(&r->tree);
    return pp_patch_run_check(&r->run, r->source_bytes, &root);
}

static enum pp_error rewrite_to(struct rewrite *r, int fd, bool stream)
{
    enum pp_error error = prepare_sink(r, fd, stream);
    if (error == PP_OK)
        error = pp_patch_run_begin(&r->run);
    if (error == PP_OK)
        error = stream_blocks(r);
    if (error == PP_OK)
        error = check_result(r);
    pp_patch_run_end(&r->run);
    return error;
}

/* ---- Where to ------------------------------------------------------------------------------- */

static enum pp_error finish_file(struct rewrite *r, const struct pp_place *place, int fd)
{
    int result = pp_os_copy_permissions(r->source, fd);
    if (result == 0 && !r->options->not_durable)
        result = pp_os_sync(fd);
    if (result == 0)
        result = pp_place_commit(place, !r->options->not_durable);
    return result == 0 ? PP_OK
                       : pp_fail(r->failure, PP_ERROR_IO, -result, "%s can't be given its name",
                                 place->name);
}

static enum pp_error rewrite_to_place(struct rewrite *r, const struct pp_place *place)
{
    int fd = pp_place_begin(place);
    if (fd < 0)
        return pp_fail(r->failure, PP_ERROR_IO, -fd, "no new file can be made beside %s",
                       place->name);
    enum pp_error error = rewrite_to(r, fd, false);
    if (error == PP_OK)
        error = finish_file(r, place, fd);
    if (error != PP_OK)
        pp_place_discard(place);
    pp_os_close(fd);
    return error;
}

static enum pp_error rewrite_to_path(struct rewrite *r, const char *path)
{
    struct pp_place place;
    enum pp_error error = pp_place_open(&place, path, r->failure);
    if (error == PP_OK)
        error = rewrite_to_place(r, &place);
    pp_place_close(&place);
    return error;
}

/* Who replaces a file holds the old one's lock until it is done. */
static enum pp_error lock_source(struct rewrite *r)
{
    int result = pp_os_lock(r->source);
    if (result == -EWOULDBLOCK)
        return pp_fail(r->failure, PP_ERROR_LOCKED, 0,
                       "another process is changing %s; try again when it is done", r->run.path);
    return result == 0
               ? PP_OK
               : pp_fail(r->failure, PP_ERROR_IO, -result, "%s can't be locked", r->run.path);
}

/* ---- Where from ----------------------------------------------------------------------------- */

/* What comes through a pipe is kept in a file without a name: it is read twice. */
static int spool(int from, const struct pp_place *place)
{
    uint8_t *chunk = malloc(BUFFER_BYTES);
    int fd = chunk != NULL ? pp_place_begin(place) : -ENOMEM, result = fd;
    pp_place_discard(place);
    uint64_t at = 0;
    int64_t got = 0;
    while (result >= 0 && (got = pp_os_read(from, chunk, BUFFER_BYTES)) > 0) {
        result = pp_os_write_at(fd, chunk, (size_t)got, at);
        at += (uint64_t)got;
    }
    free(chunk);
    result = got < 0 ? (int)got : result;
    if (result < 0 && fd >= 0)
        pp_os_close(fd);
    return result < 0 ? result : fd;
}

static enum pp_error open_stdin(struct rewrite *r)
{
    const char *folder = getenv("TMPDIR");
    char path[PP_OS_NAME_BYTES];
    struct pp_os_clock clock;
    struct pp_place place;
    pp_os_clock_read(&clock);
    snprintf(path, sizeof path, "%.150s/postproof-%" PRIx64, folder != NULL ? folder : "/tmp",
             clock.monotonic_ns);
    enum pp_error error = pp_place_open(&place, path, r->failure);
    r->source = error == PP_OK ? spool(0, &place) : -1;
    if (error == PP_OK && r->source < 0)
        error = pp_fail(r->failure, PP_ERROR_IO, -r->source,
                        "standard input can't be kept in a file beside %s", path);
    pp_place_close(&place);
    return error;
}

static enum pp_error open_source(struct rewrite *r, const char *source)
{
    if (strcmp(source, "-") == 0)
        return open_stdin(r);
    r->source = pp_os_open(PP_OS_CWD, source, PP_OS_READ_FOLLOW);
    if (r->source >= 0)
        return PP_OK;
    return pp_fail(r->failure, r->source == -ENOENT ? PP_ERROR_NOT_FOUND : PP_ERROR_IO, -r->source,
                   "%s can't be opened", source);
}

/* ---- The whole ------------------------------------------------------------------------------ */

static enum pp_error rewrite(struct rewrite *r, const char *source, const char *target)
{
    char *real = target == NULL ? realpath(source, NULL) : NULL;
    if (target == NULL && real == NULL)
        return pp_fail(r->failure, errno == ENOENT ? PP_ERROR_NOT_FOUND : PP_ERROR_IO, errno,
                       "%s can't be opened", source);
    enum pp_error error = open_source(r, source);
    r->run.fd = r->source;
    if (error == PP_OK && target == NULL)
        error = lock_source(r);
    if (error == PP_OK)
        error = check_source(r);
    if (error == PP_OK && target != NULL && strcmp(target, "-") == 0)
        error = rewrite_to(r, 1, true);
    else if (error == PP_OK)
        error = rewrite_to_path(r, target != NULL ? target : real);
    free(real);
    return error;
}

enum pp_error pp_patch_file_rewrite(const struct pp_patch_file *patch,
                                    enum pp_rollback_direction direction, const char *source,
                                    const char *target, const struct pp_rewrite_options *options,
                                    struct pp_failure *failure)
{
    static const struct pp_rewrite_options defaults;
    bool is_stdin = strcmp(source, "-") == 0;
    struct rewrite r = {.options = options != NULL ? options : &defaults,
                        .failure = failure,
                        .source = -1,
                        .run = {.patch = patch,
                                .direction = direction,
                                .path = is_stdin ? "standard input" : source,
                                .failure = failure}};
    if (!is_stdin && pp_path_is_folder(source))
        return pp_folder_patch_run(patch, direction, source, target, r.options, failure);
    enum pp_error error = rewrite(&r, source, target);
    if (r.source >= 0)
        pp_os_close(r.source);
    pp_image_tree_free(&r.tree);
    pp_image_tree_free(&r.sink.tree);
    free(r.sink.buffer);
    free(r.copy);
    return error;
}
