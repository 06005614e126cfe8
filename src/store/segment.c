/* SPDX-License-Identifier: MIT */
/* Segment and index files, and the writer's memory. */

#include "store.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

size_t pp_writer_header_bytes(const struct pp_ledger *ledger, uint64_t first_seq)
{
    size_t peaks = 0;
    for (uint64_t bits = first_seq; bits != 0; bits &= bits - 1)
        peaks++;
    return PP_SEGMENT_HEADER_FRAME_BYTES_MAX - PP_ORIGIN_BYTES_MAX + strlen(ledger->origin) -
           (64 - peaks) * PP_DIGEST_BYTES;
}

struct pp_bytes pp_writer_header(struct pp_ledger *ledger, uint64_t segment,
                                 uint8_t out[PP_SEGMENT_HEADER_FRAME_BYTES_MAX])
{
    struct pp_os_clock clock;
    pp_os_clock_read(&clock);
    struct pp_segment_header header = {
        .log_id = ledger->log_id,
        .segment = segment,
        .epoch = ledger->secrets->state.ratchet.epoch,
        .first_seq = ledger->tree.size,
        .tag = ledger->sealed_tag,
        .realtime_ns = clock.realtime_ns,
        .origin = pp_bytes_of(ledger->origin),
    };
    memcpy(header.key_id, ledger->secrets->state.key_id, PP_KEY_ID_BYTES);
    header.peak_count = pp_merkle_tree_peaks(&ledger->tree, header.peaks);
    size_t bytes = pp_segment_header_write(&header, &ledger->secrets->keys.seal, out);
    return (struct pp_bytes){out, bytes};
}

static size_t whole_blocks(size_t bytes)
{
    return (bytes + PP_OS_BLOCK_BYTES - 1) / PP_OS_BLOCK_BYTES * PP_OS_BLOCK_BYTES;
}

/* A file of this name can only be left by a crash before anything was sealed in it. */
static int create_fresh(int dir, const char *name)
{
    int fd = pp_os_open(dir, name, PP_OS_CREATE);
    if (fd != -EEXIST)
        return fd;
    int result = pp_os_remove(dir, name);
    return result < 0 ? result : pp_os_open(dir, name, PP_OS_CREATE);
}

int pp_segment_create(const struct pp_ledger *ledger, uint64_t segment, struct pp_bytes header,
                      int *fd)
{
    char name[PP_SEGMENT_NAME_BYTES];
    pp_segment_name(segment, name);
    *fd = create_fresh(ledger->layout.segments, name);
    if (*fd < 0)
        return *fd;
    int result = pp_os_preallocate(*fd, whole_blocks(ledger->options.segment_bytes));
    if (result == 0)
        result = pp_os_write_at(*fd, header.data, header.len, 0);
    if (result == 0 && !ledger->options.not_durable)
        result = pp_os_sync(*fd);
    if (result == 0 && !ledger->options.not_durable)
        result = pp_os_sync(ledger->layout.segments);
    if (result < 0) {
        pp_os_close(*fd);
        *fd = -1;
    }
    return result;
}

/* The descriptor to write whole blocks to. */
static int block_fd(struct pp_ledger *ledger)
{
    char name[PP_SEGMENT_NAME_BYTES];
    if (ledger->direct_fd < 0 && !ledger->has_no_direct && !ledger->options.not_durable) {
        pp_segment_name(ledger->segment, name);
        ledger->direct_fd = pp_os_open(ledger->layout.segments, name, PP_OS_DIRECT);
        ledger->has_no_direct = ledger->direct_fd == -EINVAL;
    }
    if (ledger->has_no_direct || ledger->options.not_durable)
        return ledger->segment_fd;
    return ledger->direct_fd;
}

/* What stands in the block that the segment ends in: of the last write, or from the file. */
static int fill_head(struct pp_ledger *ledger, uint8_t *head, size_t bytes)
{
    if (bytes != 0 && ledger->block_end != ledger->file_end) {
        int64_t got =
            pp_os_read_at(ledger->segment_fd, ledger->block, bytes, ledger->file_end - bytes);
        if (got != (int64_t)bytes)
            return got < 0 ? (int)got : -EIO;
    }
    memcpy(head, ledger->block, bytes);
    return 0;
}

int pp_segment_write_blocks(struct pp_ledger *ledger, uint8_t *blocks, size_t head, size_t bytes)
{
    int fd = block_fd(ledger);
    if (fd < 0)
        return fd;
    size_t end = head + bytes, whole = whole_blocks(end), last = end % PP_OS_BLOCK_BYTES;
    int result = fill_head(ledger, blocks, head);
    if (result < 0)
        return result;
    memset(blocks + end, 0, whole - end);
    result = pp_os_write_at(fd, blocks, whole, ledger->file_end - head);
    if (result < 0)
        return result;
    ledger->file_end += bytes;
    ledger->block_end = ledger->file_end;
    memcpy(ledger->block, blocks + end - last, last);
    return 0;
}

void pp_segment_close(struct pp_ledger *ledger)
{
    if (ledger->segment_fd >= 0)
        pp_os_close(ledger->segment_fd);
    if (ledger->direct_fd >= 0)
        pp_os_close(ledger->direct_fd);
    ledger->segment_fd = ledger->direct_fd = -1;
    ledger->block_end = 0;
}

int pp_index_file_write(const struct pp_ledger *ledger, uint64_t segment, struct pp_bytes data)
{
    char name[PP_SEGMENT_NAME_BYTES];
    pp_index_name(segment, name);
    int fd = create_fresh(ledger->layout.segments, name);
    if (fd < 0)
        return fd;
    int result = pp_os_write_at(fd, data.data, data.len, 0);
    if (result == 0 && !ledger->options.not_durable)
        result = pp_os_sync(fd);
    pp_os_close(fd);
    return result;
}

static bool options_are_valid(struct pp_ledger_options *options)
{
    if (options->segment_bytes == 0)
        options->segment_bytes = PP_SEGMENT_BYTES_DEFAULT;
    if (options->group_bytes == 0)
        options->group_bytes = PP_GROUP_BYTES_DEFAULT;
    if (options->group_bytes > options->segment_bytes)
        options->group_bytes = options->segment_bytes;
    return options->segment_bytes >= PP_SEGMENT_BYTES_MIN &&
           options->segment_bytes <= PP_SEGMENT_BYTES_MAX &&
           options->group_bytes >= PP_GROUP_BYTES_MIN && options->group_bytes <= PP_GROUP_BYTES_MAX;
}

/* The arrays are as large as the options make them need to be, so that appending never allocates.
 */
static bool alloc_arrays(struct pp_ledger *ledger)
{
    size_t group = whole_blocks(PP_OS_BLOCK_BYTES + ledger->options.group_bytes +
                                PP_FRAME_BYTES_MAX + PP_SEAL_FRAME_BYTES);
    size_t segment = ledger->options.segment_bytes + group;
    ledger->group_bytes = group;
    ledger->offset_cap = segment / PP_ENTRY_FRAME_BYTES_MIN / PP_INDEX_BLOCK_ENTRIES + 2;
    ledger->sink.cap = 2 * ledger->offset_cap + 2 * PP_MERKLE_HEIGHT_MAX;
    bool good = true;
    for (int i = 0; i < PP_WRITER_GROUPS; i++) {
        ledger->groups[i].blocks = pp_os_buffer_alloc(group);
        ledger->offsets[i] = calloc(ledger->offset_cap, sizeof *ledger->offsets[i]);
        good = good && ledger->groups[i].blocks != NULL && ledger->offsets[i] != NULL;
    }
    ledger->runs = calloc(PP_WRITER_RUNS, sizeof *ledger->runs);
    ledger->sink.nodes = calloc(ledger->sink.cap, sizeof *ledger->sink.nodes);
    ledger->secrets = pp_os_secret_alloc(sizeof *ledger->secrets);
    return good && ledger->runs != NULL && ledger->sink.nodes != NULL && ledger->secrets != NULL;
}

enum pp_error pp_ledger_alloc(struct pp_ledger **out, const struct pp_ledger_options *options,
                              struct pp_failure *failure)
{
    struct pp_ledger *ledger = calloc(1, sizeof *ledger);
    if (ledger == NULL)
        return pp_fail(failure, PP_ERROR_MEMORY, 0, "no memory for the ledger");
    ledger->layout = (struct pp_layout){.dir = -1, .segments = -1, .blobs = -1};
    ledger->segment_fd = ledger->direct_fd = ledger->sealing.fd = -1;
    pthread_mutex_init(&ledger->mutex, NULL);
    pthread_cond_init(&ledger->run_filled, NULL);
    pthread_cond_init(&ledger->run_taken, NULL);
    pthread_cond_init(&ledger->group_sealed, NULL);
    pthread_cond_init(&ledger->group_written, NULL);
    if (options != NULL)
        ledger->options = *options;
    enum pp_error error = PP_OK;
    if (!options_are_valid(&ledger->options))
        error = pp_fail(failure, PP_ERROR_ARGUMENT, 0,
                        "segments have 64 KiB to 1 GiB, groups 4 KiB to 64 MiB");
    else if (!alloc_arrays(ledger))
        error = pp_fail(failure, PP_ERROR_MEMORY, 0, "no memory for the ledger's buffers");
    if (error != PP_OK) {
        pp_ledger_free(ledger);
        return error;
    }
    ledger->engine = pp_engine_new();
    ledger->tree_engine = pp_engine_new();
    *out = ledger;
    return PP_OK;
}

void pp_ledger_free(struct pp_ledger *ledger)
{
    pp_segment_close(ledger);
    if (ledger->sealing.fd >= 0)
        pp_os_close(ledger->sealing.fd);
    if (ledger->layout.path != NULL)
        pp_layout_close(&ledger->layout);
    pp_os_secret_free(ledger->secrets, sizeof *ledger->secrets);
    pp_engine_free(ledger->engine);
    pp_engine_free(ledger->tree_engine);
    for (int i = 0; i < PP_WRITER_GROUPS; i++) {
        pp_os_buffer_free(ledger->groups[i].blocks, ledger->group_bytes);
        free(ledger->offsets[i]);
    }
    free(ledger->runs);
    free(ledger->keys_folder);
    free(ledger->sink.nodes);
    pthread_cond_destroy(&ledger->run_filled);
    pthread_cond_destroy(&ledger->run_taken);
    pthread_cond_destroy(&ledger->group_sealed);
    pthread_cond_destroy(&ledger->group_written);
    pthread_mutex_destroy(&ledger->mutex);
    free(ledger);
}
