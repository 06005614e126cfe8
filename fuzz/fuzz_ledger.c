/* SPDX-License-Identifier: MIT */
/* Fuzzes the decoders of the ledger: what they accept they give back byte for byte, and whole
   segments of arbitrary bytes are judged without a crash.  The first byte selects the target. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../src/base/base.h"
#include "../src/ledger/ledger_internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
    if (!holds)
        __builtin_trap();
}

static bool inside(struct pp_bytes part, struct pp_bytes whole)
{
    return part.data >= whole.data && part.len <= whole.len &&
           part.data + part.len <= whole.data + whole.len;
}

static bool same_bytes(const void *a, size_t a_len, struct pp_bytes b)
{
    return a_len == b.len && (a_len == 0 || memcmp(a, b.data, a_len) == 0);
}

/* ---- Records -------------------------------------------------------------------------------- */

static void fuzz_entry(struct pp_bytes data)
{
    static uint8_t again[PP_ENTRY_BYTES_MAX];
    struct pp_entry entry;
    size_t len;
    if (pp_entry_decode(data, &entry) != PP_OK)
        return;
    require(inside(entry.source, data) && inside(entry.body, data));
    require(pp_entry_encode(&entry, again, sizeof again, &len) == PP_OK);
    require(same_bytes(again, len, data));
}

static void fuzz_frame(struct pp_bytes data)
{
    struct pp_frame frame;
    for (size_t at = 0; at < data.len; at += frame.bytes) {
        struct pp_bytes rest = {data.data + at, data.len - at};
        uint8_t head[PP_FRAME_HEAD_BYTES];
        if (pp_frame_read(rest, &frame) != PP_OK)
            return;
        require(frame.bytes > PP_FRAME_HEAD_BYTES && frame.bytes <= rest.len);
        require(inside(frame.content, rest) && inside(pp_frame_prefixed(&frame), rest));
        require((frame.tag != NULL) == (frame.type == PP_FRAME_ENTRY));
        pp_frame_put_head(head, frame.type, (uint16_t)frame.content.len);
        require(memcmp(head, rest.data, sizeof head) == 0);
    }
}

static struct pp_mac_key fixed_key(void)
{
    struct pp_digest secret = {{1, 2, 3}};
    struct pp_mac_key key;
    pp_mac_key_init(&key, &secret);
    return key;
}

/* All but the MAC comes back; and with the MAC of this key it is valid. */
static void fuzz_seal(struct pp_bytes data)
{
    uint8_t frame[PP_SEAL_FRAME_BYTES];
    struct pp_mac_key key = fixed_key();
    struct pp_seal seal;
    (void)pp_seal_mac_valid(data, &key);
    if (pp_seal_decode(data, &seal) != PP_OK)
        return;
    require(data.len == PP_SEAL_BYTES);
    require(memcmp(seal.mac.b, data.data + PP_SEAL_BYTES - PP_DIGEST_BYTES, PP_DIGEST_BYTES) == 0);
    pp_seal_write(&seal, &key, frame);
    struct pp_bytes content = {frame + PP_FRAME_HEAD_BYTES, PP_SEAL_BYTES};
    require(memcmp(content.data, data.data, PP_SEAL_BYTES - PP_DIGEST_BYTES) == 0);
    require(pp_seal_mac_valid(content, &key));
    require(pp_seal_decode(content, &seal) == PP_OK);
}

static void fuzz_header(struct pp_bytes data)
{
    static uint8_t frame[PP_SEGMENT_HEADER_FRAME_BYTES_MAX];
    struct pp_mac_key key = fixed_key();
    struct pp_segment_header header;
    (void)pp_segment_header_mac_valid(data, &key);
    if (pp_segment_header_decode(data, &header) != PP_OK)
        return;
    require(inside(header.origin, data));
    size_t len = pp_segment_header_write(&header, &key, frame);
    require(len == PP_FRAME_HEAD_BYTES + data.len);
    struct pp_bytes content = {frame + PP_FRAME_HEAD_BYTES, data.len};
    require(memcmp(content.data, data.data, data.len - PP_DIGEST_BYTES) == 0);
    require(pp_segment_header_mac_valid(content, &key));
}

static void fuzz_index(struct pp_bytes data)
{
    struct pp_segment_index index;
    struct pp_digest node;
    if (pp_index_decode(data, &index) != PP_OK)
        return;
    require(pp_index_bytes(index.first_seq, index.next_seq) == data.len);
    uint64_t seq = (index.first_seq + 63) / 64 * 64;
    for (uint64_t i = 0; i < index.offset_count; i++, seq += 64)
        require(pp_index_offset(&index, seq) == pp_get_u64(index.offsets + 8 * i));
    uint64_t found = 0;
    for (unsigned height = 6; height < 63; height++) {
        uint64_t number = index.first_seq >> height;
        while (number <= index.next_seq >> height)
            found += pp_index_node(&index, height, number++, &node);
    }
    require(found == index.node_count);
    uint64_t *offsets = calloc(index.offset_count + 1, sizeof *offsets);
    struct pp_digest *nodes = calloc(index.node_count + 1, sizeof *nodes);
    uint8_t *again = malloc(data.len);
    require(offsets != NULL && nodes != NULL && again != NULL);
    for (uint64_t i = 0; i < index.offset_count; i++)
        offsets[i] = pp_get_u64(index.offsets + 8 * i);
    memcpy(nodes, index.nodes, index.node_count * sizeof *nodes);
    pp_index_encode(index.first_seq, index.next_seq, offsets, nodes, again);
    require(same_bytes(again, data.len, data));
    free(again);
    free(nodes);
    free(offsets);
}

/* ---- Segments ------------------------------------------------------------------------------- */

static void check_result(const struct pp_check_result *result, struct pp_bytes data)
{
    require((unsigned)result->verdict < PP_VERDICT_COUNT && result->reason != NULL);
    require((result->verdict == PP_VERDICT_OK) == (result->reason[0] == 0));
    require(result->used_end <= data.len && result->sealed_end <= data.len);
    require(result->has_header || result->verdict != PP_VERDICT_OK);
    require(!result->has_header || inside(result->header.origin, data));
    require(result->has_seal == (result->seals != 0));
    require(result->bad_offset <= data.len);
    if (result->has_header && result->verdict == PP_VERDICT_OK) {
        require(result->sealed_end <= result->used_end);
        require(result->tree.size == result->header.first_seq + result->entries);
        require(!result->has_seal || result->last_seal.next_seq == result->tree.size);
    }
}

/* To reach the key of a far epoch takes seconds, which is no use here. */
enum { KEYED_EPOCH_MAX = 1 << 20 };

/* Once keyless and once with a seed.  Nobody can guess a MAC: with it no seal is ever accepted but
   those of the seeds in the corpus, and what is accepted keyed is accepted keyless. */
static void fuzz_segment(struct pp_bytes data)
{
    static struct pp_check_scratch scratch;
    static struct pp_check_result keyless, keyed, next;
    static struct pp_digest nodes[4096];
    static uint64_t offsets[2048];
    struct pp_digest seed = {{0x70, 0x70}};
    struct pp_node_sink sink = {nodes, 0, sizeof nodes / sizeof nodes[0]};
    struct pp_check_input input = {.scratch = &scratch,
                                   .sizes = {0, PP_NO_SEQ},
                                   .index_offsets = offsets,
                                   .index_offsets_cap = sizeof offsets / sizeof offsets[0],
                                   .sink = &sink};
    pp_segment_check(&input, data, &keyless);
    check_result(&keyless, data);
    if (keyless.has_header && keyless.header.epoch > KEYED_EPOCH_MAX)
        return;
    input.seed = &seed;
    sink.count = 0;
    scratch.ratchet_ready = false;
    pp_segment_check(&input, data, &keyed);
    check_result(&keyed, data);
    require(keyed.has_header == keyless.has_header);
    if (keyed.verdict == PP_VERDICT_OK && keyless.verdict == PP_VERDICT_OK)
        require(keyed.sealed_end <= keyless.sealed_end);
    next = keyless;
    bool follows = pp_segment_follows(&keyless, &next, true);
    require(follows == (next.verdict == PP_VERDICT_OK) || keyless.verdict != PP_VERDICT_OK);
}

/* ---- Texts ---------------------------------------------------------------------------------- */

static uint8_t lower(uint8_t c)
{
    return c >= 'A' && c <= 'F' ? (uint8_t)(c - 'A' + 'a') : c;
}

/* The same but for the case of the checksum's digits. */
static void fuzz_verification_key(struct pp_bytes data)
{
    struct pp_verification_key key;
    char text[PP_VERIFY_KEY_TEXT_BYTES];
    if (pp_verification_key_parse(data, &key) != PP_OK)
        return;
    size_t len = pp_verification_key_format(&key, text);
    require(len == data.len);
    size_t checksum = len - 1 - 16;
    for (size_t i = checksum; i < len; i++)
        require(lower(data.data[i]) == (uint8_t)text[i]);
}

static void fuzz_note_key(struct pp_bytes data)
{
    struct pp_note_key key;
    char text[PP_NOTE_KEY_TEXT_BYTES];
    if (pp_note_key_parse(data, &key) != PP_OK)
        return;
    pp_note_key_format(&key, text);
    size_t len = strlen(text);
    require(data.len == len || (data.len == len + 1 && data.data[len] == '\n'));
    struct pp_note_key again;
    require(pp_note_key_parse(pp_bytes_of(text), &again) == PP_OK);
    require(memcmp(&key, &again, sizeof key.public_key) == 0);
}

static void fuzz_checkpoint(struct pp_bytes data)
{
    struct pp_checkpoint parsed, opened;
    struct pp_note_key key = {.name = "fuzz.example/log", .public_key = {7}};
    struct pp_bytes text;
    bool form = pp_checkpoint_parse(data, &parsed) == PP_OK;
    if (form)
        require(inside(parsed.origin, data));
    bool open = pp_checkpoint_open(data, &key, &opened) == PP_OK;
    require(!open || form);
    if (pp_note_open(data, &key, &text) == PP_OK)
        require(inside(text, data));
}

static void fuzz_tlog_proof(struct pp_bytes data)
{
    static char text[PP_TLOG_PROOF_BYTES_MAX];
    struct pp_tlog_proof proof, again;
    size_t len;
    if (pp_tlog_proof_parse(data, &proof) != PP_OK)
        return;
    require(proof.count <= PP_PROOF_HASHES_MAX && inside(proof.note, data));
    if (pp_tlog_proof_format(&proof, text, &len) != PP_OK)
        return;
    require(pp_tlog_proof_parse((struct pp_bytes){(const uint8_t *)text, len}, &again) == PP_OK);
    require(again.index == proof.index && again.count == proof.count);
    require(memcmp(again.path, proof.path, proof.count * sizeof proof.path[0]) == 0);
    require(same_bytes(again.note.data, again.note.len, proof.note));
}

static void fuzz_signer(struct pp_bytes data)
{
    struct pp_note_signer signer;
    char text[PP_NOTE_KEY_TEXT_BYTES];
    if (pp_note_signer_parse(data, &signer) != PP_OK)
        return;
    pp_note_signer_format(&signer, text);
    size_t len = strlen(text);
    require(data.len == len || (data.len == len + 1 && data.data[len] == '\n'));
    require(memcmp(text, data.data, len) == 0);
}

static void fuzz_sealing_file(struct pp_bytes data)
{
    struct pp_sealing_state state;
    uint8_t file[PP_SEALING_FILE_BYTES] = {0}, slot_bytes[PP_SEALING_SLOT_BYTES];
    unsigned slot;
    memcpy(file, data.data, data.len < sizeof file ? data.len : sizeof file);
    if (pp_sealing_file_decode(file, &state, &slot) != PP_OK)
        return;
    require(slot < 2);
    pp_sealing_slot_encode(&state, slot_bytes);
    require(memcmp(slot_bytes, file + slot * sizeof slot_bytes, sizeof slot_bytes) == 0);
}

/* ---- The target ----------------------------------------------------------------------------- */

static void choose(uint8_t target, struct pp_bytes data)
{
    switch (target % 12) {
    case 0:
        fuzz_entry(data);
        break;
    case 1:
        fuzz_frame(data);
        break;
    case 2:
        fuzz_seal(data);
        break;
    case 3:
        fuzz_header(data);
        break;
    case 4:
        fuzz_index(data);
        break;
    case 5:
    case 6:
        fuzz_segment(data);
        break;
    case 7:
        fuzz_verification_key(data);
        break;
    case 8:
        fuzz_note_key(data);
        break;
    case 9:
        fuzz_checkpoint(data);
        break;
    case 10:
        fuzz_tlog_proof(data);
        break;
    default:
        fuzz_signer(data);
        fuzz_sealing_file(data);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    /* A copy of its own, so that the sanitizer sees every read beyond the input. */
    uint8_t *exact = malloc(size);
    require(exact != NULL);
    memcpy(exact, data, size);
    choose(exact[0], (struct pp_bytes){exact + 1, size - 1});
    free(exact);
    return 0;
}
