/* SPDX-License-Identifier: MIT */
/* The writing thread: it owns the files.  Sealed groups become durable here, one after the other,
   in the crash order of docs/format/ledger.md sections 6 and 10 (see ARCHITECTURE.md). */

#include "store.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <stdlib.h>

/* What was written becomes durable, then the next key, then the old key is erased. */
static int make_durable(struct pp_ledger *ledger, const uint8_t slot[PP_SEALING_SLOT_BYTES])
{
    bool durable = !ledger->options.not_durable;
    int result = durable ? pp_os_sync_data(ledger->segment_fd) : 0;
    return result < 0 ? result : pp_sealing_file_advance(&ledger->sealing, slot, durable);
}

/* The seal stands behind the entries in the same write: it is valid only if all of them are there.
 */
static int write_group(struct pp_ledger *ledger, const struct pp_group *group,
                       const uint8_t slot[PP_SEALING_SLOT_BYTES])
{
    int result = pp_segment_write_blocks(ledger, group->blocks, group->head,
                                         group->len + PP_SEAL_FRAME_BYTES);
    return result < 0 ? result : make_durable(ledger, slot);
}

/* The rotation seal goes behind the last group, in a file that ends there. */
static int write_rotation_seal(struct pp_ledger *ledger, const struct pp_group *group,
                               const uint8_t slot[PP_SEALING_SLOT_BYTES])
{
    int result = pp_os_truncate(ledger->segment_fd, ledger->file_end);
    if (result == 0)
        result = pp_os_write_at(ledger->segment_fd, group->rotation_seal,
                                sizeof group->rotation_seal, ledger->file_end);
    return result < 0 ? result : make_durable(ledger, slot);
}

/* Index durable, next header durable, then the rotation seal like a group. */
static int write_rotation(struct pp_ledger *ledger, const struct pp_group *group,
                          const uint8_t slot[PP_SEALING_SLOT_BYTES])
{
    int next_fd;
    struct pp_bytes index = {group->index, group->index_bytes};
    if (group->index == NULL)
        return -ENOMEM;
    int result = pp_index_file_write(ledger, ledger->segment, index);
    if (result == 0)
        result = pp_segment_create(ledger, ledger->segment + 1, group->header, &next_fd);
    if (result < 0)
        return result;
    result = write_rotation_seal(ledger, group, slot);
    pp_segment_close(ledger);
    ledger->segment_fd = next_fd;
    ledger->segment++;
    ledger->file_end = group->header.len;
    return result;
}

/* *size: how far the ledger is durable. */
static int write_all(struct pp_ledger *ledger, const struct pp_group *group,
                     uint8_t slots[2][PP_SEALING_SLOT_BYTES], uint64_t *size)
{
    int result = group->result;
    if (result == 0 && group->is_sealed)
        result = write_group(ledger, group, slots[0]);
    if (result < 0)
        return result;
    *size = group->size; /* the group is durable even if the rotation fails */
    return group->rotate ? write_rotation(ledger, group, slots[1]) : 0;
}

/* After an error nothing is written any more: the disk is not trusted again. */
void pp_writer_write_group(struct pp_ledger *ledger)
{
    uint64_t place = ledger->groups_written % PP_WRITER_GROUPS, size = 0;
    struct pp_group *group = &ledger->groups[place];
    uint8_t(*slots)[PP_SEALING_SLOT_BYTES] = ledger->secrets->slots[place];
    if (ledger->writing_result == 0)
        ledger->writing_result = write_all(ledger, group, slots, &size);
    OPENSSL_cleanse(slots, 2 * sizeof *slots);
    free(group->index);
    group->index = NULL;
    pp_writer_group_is_written(ledger, size, ledger->writing_result);
}

void *pp_writing_thread(void *argument)
{
    struct pp_ledger *ledger = argument;
    while (pp_writer_next_group(ledger))
        pp_writer_write_group(ledger);
    return NULL;
}
