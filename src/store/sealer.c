/* SPDX-License-Identifier: MIT */
/* The sealing thread: it owns the tree, the chain of tags and the keys.  Entries come in runs, leaf
   hashes first; the last run of a group brings the group, which leaves with its seal to the writing
   thread.  docs/format/ledger.md sections 4 to 7. */

#include "store.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void pp_writer_seal(struct pp_ledger *ledger, enum pp_seal_kind kind, uint64_t detail_number,
                    const struct pp_digest *detail_hash, uint8_t out[PP_SEAL_FRAME_BYTES],
                    uint8_t slot[PP_SEALING_SLOT_BYTES])
{
    struct pp_sealing_state *state = &ledger->secrets->state;
    struct pp_os_clock clock;
    pp_os_clock_read(&clock);
    struct pp_seal seal = {
        .kind = (uint8_t)kind,
        .log_id = ledger->log_id,
        .epoch = state->ratchet.epoch,
        .first_seq = state->size,
        .next_seq = ledger->tree.size,
        .root = pp_merkle_tree_root(&ledger->tree),
        .previous_tag = ledger->sealed_tag,
        .tag = ledger->tag,
        .realtime_ns = clock.realtime_ns,
        .monotonic_ns = clock.monotonic_ns,
        .detail_number = detail_number,
        .detail_hash = *detail_hash,
    };
    memcpy(seal.boot_id, clock.boot_id, sizeof seal.boot_id);
    pp_seal_write(&seal, &ledger->secrets->keys.seal, out);
    while (out[PP_SEAL_FRAME_BYTES - 1] == 0) { /* would look as if its end was never written */
        seal.monotonic_ns++;
        pp_seal_write(&seal, &ledger->secrets->keys.seal, out);
    }
    pp_ratchet_step(&state->ratchet);
    pp_epoch_keys_init(&ledger->secrets->keys, &state->ratchet);
    state->last_seal = pp_sha256((struct pp_bytes){out + PP_FRAME_HEAD_BYTES, PP_SEAL_BYTES});
    state->size = ledger->tree.size;
    ledger->sealed_tag = ledger->tag;
    pp_sealing_slot_encode(state, slot);
    pp_erase_stack();
}

/* The tags follow each other while the tree is hashed.  That overwrites its leaves: the chain has
   a copy. */
static int chain_run(struct pp_ledger *ledger, const struct pp_run *run)
{
    struct pp_chain_run chain;
    memcpy(ledger->nodes, run->leaves, run->count * sizeof ledger->nodes[0]);
    pp_chain_begin(&chain, &ledger->secrets->keys.tag, &ledger->tag, run->leaves, run->count,
                   run->tags);
    pp_hash_engine_beside(ledger->tree_engine, &chain);
    enum pp_error error = pp_merkle_tree_append(&ledger->tree, ledger->tree_engine, ledger->nodes,
                                                run->count, &ledger->sink);
    pp_hash_engine_beside(ledger->tree_engine, NULL);
    ledger->tag = pp_chain_end(&chain);
    return error == PP_OK ? 0 : -ENOBUFS;
}

/* The index is on the disk first, then the next header, then the seal that closes the segment. */
static void seal_rotation(struct pp_ledger *ledger, struct pp_group *group,
                          uint8_t slot[PP_SEALING_SLOT_BYTES])
{
    uint64_t first = group->segment_first_seq, next = ledger->tree.size;
    group->index_bytes = pp_index_bytes(first, next);
    group->index = malloc(group->index_bytes);
    if (group->index == NULL)
        return;
    pp_index_encode(first, next, group->offsets, ledger->sink.nodes, group->index);
    ledger->sink.count = 0;
    struct pp_digest digest = pp_sha256((struct pp_bytes){group->index, group->index_bytes});
    group->header = pp_writer_header(ledger, group->segment + 1, group->header_bytes);
    pp_writer_seal(ledger, PP_SEAL_ROTATION, group->segment + 1, &digest, group->rotation_seal,
                   slot);
}

static void seal_group(struct pp_ledger *ledger, struct pp_group *group,
                       uint8_t slots[2][PP_SEALING_SLOT_BYTES])
{
    static const struct pp_digest none;
    group->result = ledger->sealing_result;
    group->size = ledger->tree.size;
    group->index = NULL;
    if (group->result < 0)
        return;
    if (group->is_sealed)
        pp_writer_seal(ledger, (enum pp_seal_kind)group->kind, group->detail_number, &none,
                       group->blocks + group->head + group->len, slots[0]);
    if (group->rotate)
        seal_rotation(ledger, group, slots[1]);
}

void *pp_sealing_thread(void *argument)
{
    struct pp_ledger *ledger = argument;
    const struct pp_run *run;
    while ((run = pp_writer_next_run(ledger)) != NULL) {
        if (ledger->sealing_result == 0)
            ledger->sealing_result = chain_run(ledger, run);
        if (run->ends_group) {
            uint64_t place = ledger->groups_sealed % PP_WRITER_GROUPS;
            seal_group(ledger, &ledger->groups[place], ledger->secrets->slots[place]);
            if (pp_writer_group_is_sealed(ledger))
                pp_writer_write_group(ledger);
        }
        pp_writer_run_is_done(ledger);
    }
    pp_erase_stack();
    pp_writer_sealing_ends(ledger);
    return NULL;
}
