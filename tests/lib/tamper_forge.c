/* SPDX-License-Identifier: MIT */
/* Records made with keys: what a thief of the sealing key can write. */
#include "tamper.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../src/store/store.h"

void tamper_forger_init(struct tamper_forger *forger, const struct tamper_place *place)
{
    struct pp_verification_key key;
    struct pp_buffer text = {0};
    struct pp_failure failure = {0};
    *forger = (struct tamper_forger){.cap = 1 << 18};
    forger->out = malloc(forger->cap);
    assert_non_null(forger->out);
    assert_int_equal(
        pp_file_read(PP_OS_CWD, place->verify_key, PP_VERIFY_KEY_TEXT_BYTES, &text, &failure),
        PP_OK);
    assert_int_equal(pp_verification_key_parse((struct pp_bytes){text.data, text.len}, &key),
                     PP_OK);
    pp_buffer_free(&text);
    forger->seed = key.seed;
    memcpy(forger->key_id, key.key_id, sizeof forger->key_id);
    struct tamper_copy copy = tamper_load(place->ledger);
    struct pp_frame frame;
    struct pp_segment_header header;
    const struct tamper_file *segment = tamper_segment(&copy, 0);
    assert_int_equal(pp_frame_read((struct pp_bytes){segment->data, segment->len}, &frame), PP_OK);
    assert_int_equal(pp_segment_header_decode(frame.content, &header), PP_OK);
    snprintf(forger->origin, sizeof forger->origin, "%.*s", (int)header.origin.len,
             (const char *)header.origin.data);
    forger->log_id = header.log_id;
    tamper_free(&copy);
    pp_merkle_tree_init(&forger->tree);
    forger->realtime_ns = 1700000000000000000;
    tamper_forger_key(forger, 0);
}

void tamper_forger_free(struct tamper_forger *forger)
{
    free(forger->out);
}

void tamper_forger_key(struct tamper_forger *forger, uint64_t epoch)
{
    struct pp_ratchet ratchet;
    pp_ratchet_init(&ratchet, &forger->seed);
    assert_int_equal(pp_ratchet_forward(&ratchet, epoch), PP_OK);
    pp_epoch_keys_init(&forger->keys, &ratchet);
}

static void grow_tree(struct tamper_forger *forger, struct pp_bytes content)
{
    struct pp_digest leaf = pp_merkle_leaf(content);
    assert_int_equal(pp_merkle_tree_append(&forger->tree, NULL, &leaf, 1, NULL), PP_OK);
}

static void end_group(struct tamper_forger *forger)
{
    forger->sealed_tag = forger->tag;
    forger->sealed_seq = forger->next_seq;
}

void tamper_forger_take(struct tamper_forger *forger, const struct tamper_file *segment,
                        const struct tamper_map *map, size_t frames)
{
    for (size_t i = 0; i < frames; i++) {
        const struct tamper_frame *place = &map->frame[i];
        struct pp_frame frame;
        assert_int_equal(
            pp_frame_read((struct pp_bytes){segment->data + place->at, place->bytes}, &frame),
            PP_OK);
        memcpy(forger->out + forger->len, segment->data + place->at, place->bytes);
        forger->len += place->bytes;
        if (frame.type == PP_FRAME_ENTRY) {
            grow_tree(forger, frame.content);
            memcpy(forger->tag.b, frame.tag, PP_TAG_BYTES);
            forger->next_seq++;
        } else {
            end_group(forger);
        }
    }
}

void tamper_forger_header(struct tamper_forger *forger, uint64_t segment, uint64_t epoch)
{
    struct pp_segment_header header = {.log_id = forger->log_id,
                                       .segment = segment,
                                       .epoch = epoch,
                                       .first_seq = forger->next_seq,
                                       .tag = forger->tag,
                                       .realtime_ns = forger->realtime_ns,
                                       .origin = pp_bytes_of(forger->origin)};
    memcpy(header.key_id, forger->key_id, sizeof header.key_id);
    header.peak_count = pp_merkle_tree_peaks(&forger->tree, header.peaks);
    forger->len += pp_segment_header_write(&header, &forger->keys.seal, forger->out + forger->len);
}

void tamper_forger_retag(struct tamper_forger *forger, struct pp_bytes content)
{
    assert_true(forger->len + PP_FRAME_BYTES_MAX < forger->cap);
    uint8_t *out = forger->out + forger->len;
    pp_frame_put_head(out, PP_FRAME_ENTRY, (uint16_t)content.len);
    memmove(out + PP_FRAME_HEAD_BYTES, content.data, content.len);
    content.data = out + PP_FRAME_HEAD_BYTES;
    struct pp_digest leaf = pp_merkle_leaf(content);
    forger->tag = pp_chain_tag(&forger->keys.tag, &forger->tag, &leaf);
    memcpy(out + PP_FRAME_HEAD_BYTES + content.len, forger->tag.b, PP_TAG_BYTES);
    grow_tree(forger, content);
    forger->len += PP_FRAME_HEAD_BYTES + content.len + PP_TAG_BYTES;
    forger->next_seq++;
}

void tamper_forger_entry(struct tamper_forger *forger, const char *body)
{
    uint8_t encoding[512];
    size_t len;
    struct pp_entry entry = {.seq = forger->next_seq,
                             .time_ns = 1700000000000000000,
                             .source = pp_bytes_of("test"),
                             .body = pp_bytes_of(body),
                             .level = PP_INFO,
                             .kind = PP_ENTRY_DATA};
    assert_int_equal(pp_entry_encode(&entry, encoding, sizeof encoding, &len), PP_OK);
    tamper_forger_retag(forger, (struct pp_bytes){encoding, len});
}

void tamper_forger_seal(struct tamper_forger *forger, enum pp_seal_kind kind, uint64_t epoch,
                        uint64_t detail_number)
{
    struct pp_seal seal = {.kind = (uint8_t)kind,
                           .log_id = forger->log_id,
                           .epoch = epoch,
                           .first_seq = forger->sealed_seq,
                           .next_seq = forger->next_seq,
                           .root = pp_merkle_tree_root(&forger->tree),
                           .previous_tag = forger->sealed_tag,
                           .tag = forger->tag,
                           .realtime_ns = forger->realtime_ns,
                           .detail_number = detail_number};
    pp_seal_write(&seal, &forger->keys.seal, forger->out + forger->len);
    forger->len += PP_SEAL_FRAME_BYTES;
    end_group(forger);
}

void tamper_forger_put(const struct tamper_forger *forger, struct tamper_file *segment)
{
    size_t replaced = segment->len < forger->len ? segment->len : forger->len;
    tamper_splice(segment, 0, replaced, forger->out, forger->len);
    if (segment->len > forger->len)
        memset(segment->data + forger->len, 0, segment->len - forger->len);
}
