/* SPDX-License-Identifier: MIT */
/* Entries, frames, seals, keys and Merkle trees for the OCaml side of the differential test. */
#include "stubs.h"

#include <stdlib.h>
#include <string.h>

#include "../../src/ledger/ledger_internal.h"

/* What the last decoding gave; views are kept as offsets. */
static struct pp_entry entry;
static intnat entry_source_at, entry_body_at;
static struct pp_frame frame;
static intnat frame_content_at, frame_tag_at;
static struct pp_seal seal;
static struct pp_ratchet ratchet;
static struct pp_merkle_tree tree;
static struct pp_merkle_range ranges[PP_PROOF_HASHES_MAX];

static void give(value out, const void *data, size_t len)
{
    memcpy(Bytes_val(out), data, len);
}

static struct pp_digest digest_of(value string)
{
    struct pp_digest digest;
    memcpy(digest.b, String_val(string), sizeof digest.b);
    return digest;
}

/* Four keys, made when first asked for. */
static const struct pp_mac_key *mac_key(intnat number)
{
    static struct pp_mac_key keys[4];
    static bool made[4];
    if (!made[number]) {
        struct pp_digest secret;
        memset(secret.b, (int)number, sizeof secret.b);
        pp_mac_key_init(&keys[number], &secret);
        made[number] = true;
    }
    return &keys[number];
}

/* ---- Entries ------------------------------------------------------------------------------- */

/* The length, or minus the error. */
intnat diff_entry_encode(intnat kind, int64_t seq, int64_t time_ns, intnat level, value source,
                         value body, value out)
{
    struct pp_entry from = {.seq = (uint64_t)seq,
                            .time_ns = (uint64_t)time_ns,
                            .source = diff_copy_of(source),
                            .body = diff_copy_of(body),
                            .level = (uint8_t)level,
                            .kind = (uint8_t)kind};
    size_t cap = PP_ENTRY_FIXED_BYTES + from.source.len + from.body.len, len = 0;
    uint8_t *room = malloc(cap);
    if (room == NULL)
        abort();
    enum pp_error error = pp_entry_encode(&from, room, cap, &len);
    if (error == PP_OK)
        give(out, room, len);
    diff_release(from.source);
    diff_release(from.body);
    free(room);
    return error == PP_OK ? (intnat)len : -(intnat)error;
}

intnat diff_entry_decode(value data)
{
    struct pp_bytes bytes = diff_copy_of(data);
    enum pp_error error = pp_entry_decode(bytes, &entry);
    if (error == PP_OK) {
        entry_source_at = entry.source.data - bytes.data;
        entry_body_at = entry.body.data - bytes.data;
    }
    diff_release(bytes);
    return error;
}

int64_t diff_entry_number(intnat which)
{
    int64_t numbers[] = {entry.kind,    (int64_t)entry.seq,     (int64_t)entry.time_ns,
                         entry.level,   entry_source_at,        (int64_t)entry.source.len,
                         entry_body_at, (int64_t)entry.body.len};
    return numbers[which];
}

/* ---- Frames -------------------------------------------------------------------------------- */

intnat diff_frame_put_head(intnat type, intnat len, value out)
{
    uint8_t head[PP_FRAME_HEAD_BYTES];
    pp_frame_put_head(head, (uint8_t)type, (uint16_t)len);
    give(out, head, sizeof head);
    return 0;
}

intnat diff_frame_read(value data)
{
    struct pp_bytes bytes = diff_copy_of(data);
    enum pp_error error = pp_frame_read(bytes, &frame);
    if (error == PP_OK) {
        frame_content_at = frame.content.data - bytes.data;
        frame_tag_at = frame.tag != NULL ? frame.tag - bytes.data : -1;
    }
    diff_release(bytes);
    return error;
}

intnat diff_frame_field(intnat which)
{
    intnat fields[] = {frame.type, frame_content_at, (intnat)frame.content.len, frame_tag_at,
                       (intnat)frame.bytes};
    return fields[which];
}

/* ---- Seals --------------------------------------------------------------------------------- */

static uint64_t *seal_number(intnat which)
{
    uint64_t *numbers[] = {&seal.epoch,       &seal.first_seq,    &seal.next_seq,
                           &seal.realtime_ns, &seal.monotonic_ns, &seal.detail_number};
    return numbers[which];
}

static struct pp_bytes seal_array(intnat which)
{
    struct pp_bytes arrays[] = {{seal.log_id.b, 32}, {seal.root.b, 32},  {seal.previous_tag.b, 16},
                                {seal.tag.b, 16},    {seal.boot_id, 16}, {seal.detail_hash.b, 32},
                                {seal.mac.b, 32}};
    return arrays[which];
}

intnat diff_seal_decode(value content)
{
    struct pp_bytes bytes = diff_copy_of(content);
    enum pp_error error = pp_seal_decode(bytes, &seal);
    diff_release(bytes);
    return error;
}

intnat diff_seal_set_kind(intnat kind)
{
    seal.kind = (uint8_t)kind;
    return 0;
}

intnat diff_seal_kind(intnat unused)
{
    (void)unused;
    return seal.kind;
}

intnat diff_seal_set_number(intnat which, int64_t number)
{
    *seal_number(which) = (uint64_t)number;
    return 0;
}

int64_t diff_seal_number(intnat which)
{
    return (int64_t)*seal_number(which);
}

intnat diff_seal_set_array(intnat which, value bytes)
{
    struct pp_bytes array = seal_array(which);
    memcpy((void *)(uintptr_t)array.data, String_val(bytes), array.len);
    return 0;
}

intnat diff_seal_array(intnat which, value out)
{
    struct pp_bytes array = seal_array(which);
    give(out, array.data, array.len);
    return (intnat)array.len;
}

intnat diff_seal_write(intnat key, value out)
{
    uint8_t bytes[PP_SEAL_FRAME_BYTES];
    pp_seal_write(&seal, mac_key(key), bytes);
    give(out, bytes, sizeof bytes);
    return 0;
}

intnat diff_seal_mac_valid(intnat key, value content)
{
    struct pp_bytes bytes = diff_copy_of(content);
    bool valid = pp_seal_mac_valid(bytes, mac_key(key));
    diff_release(bytes);
    return valid;
}

intnat diff_mac(intnat key, value data, value out)
{
    struct pp_bytes bytes = diff_copy_of(data);
    struct pp_digest digest = pp_mac(mac_key(key), bytes, (struct pp_bytes){NULL, 0});
    diff_release(bytes);
    give(out, digest.b, sizeof digest.b);
    return 0;
}

intnat diff_chain_tag(intnat key, value previous, value leaf, value out)
{
    struct pp_tag before;
    struct pp_digest digest = digest_of(leaf);
    memcpy(before.b, String_val(previous), sizeof before.b);
    struct pp_tag tag = pp_chain_tag(mac_key(key), &before, &digest);
    give(out, tag.b, sizeof tag.b);
    return 0;
}

/* ---- Key ratchet --------------------------------------------------------------------------- */

/* In the order of the labels of spec/Ratchet.v. */
intnat diff_expand(value secret, intnat label, value out)
{
    static const char *const infos[] = {"postproof v1 outer", "postproof v1 inner",
                                        "postproof v1 next", "postproof v1 tag",
                                        "postproof v1 seal"};
    struct pp_mac_key key;
    struct pp_digest from = digest_of(secret);
    pp_mac_key_init(&key, &from);
    struct pp_digest made = pp_hkdf_expand(&key, infos[label]);
    give(out, made.b, sizeof made.b);
    return 0;
}

intnat diff_ratchet_set(int64_t epoch, value outer, value inner)
{
    ratchet = (struct pp_ratchet){(uint64_t)epoch, digest_of(outer), digest_of(inner)};
    return 0;
}

intnat diff_ratchet_init(value seed)
{
    struct pp_digest from = digest_of(seed);
    pp_ratchet_init(&ratchet, &from);
    return 0;
}

intnat diff_ratchet_step(intnat unused)
{
    (void)unused;
    pp_ratchet_step(&ratchet);
    return 0;
}

intnat diff_ratchet_forward(int64_t epoch)
{
    return pp_ratchet_forward(&ratchet, (uint64_t)epoch);
}

int64_t diff_ratchet_epoch(intnat unused)
{
    (void)unused;
    return (int64_t)ratchet.epoch;
}

intnat diff_ratchet_secrets(value outer, value inner)
{
    give(outer, ratchet.outer.b, sizeof ratchet.outer.b);
    give(inner, ratchet.inner.b, sizeof ratchet.inner.b);
    return 0;
}

/* Keys are kept as pad states: they are the same when they give the same MAC. */
intnat diff_ratchet_macs(value data, value by_tag_key, value by_seal_key)
{
    struct pp_bytes bytes = diff_copy_of(data), nothing = {NULL, 0};
    struct pp_epoch_keys keys;
    pp_epoch_keys_init(&keys, &ratchet);
    struct pp_digest tag = pp_mac(&keys.tag, bytes, nothing);
    struct pp_digest of_seal = pp_mac(&keys.seal, bytes, nothing);
    diff_release(bytes);
    give(by_tag_key, tag.b, sizeof tag.b);
    give(by_seal_key, of_seal.b, sizeof of_seal.b);
    return 0;
}

intnat diff_mac_under(value secret, value data, value out)
{
    struct pp_bytes bytes = diff_copy_of(data);
    struct pp_digest from = digest_of(secret);
    struct pp_mac_key key;
    pp_mac_key_init(&key, &from);
    struct pp_digest digest = pp_mac(&key, bytes, (struct pp_bytes){NULL, 0});
    diff_release(bytes);
    give(out, digest.b, sizeof digest.b);
    return 0;
}

/* ---- Merkle trees -------------------------------------------------------------------------- */

intnat diff_empty_hash(value out)
{
    struct pp_digest digest = pp_empty_hash();
    give(out, digest.b, sizeof digest.b);
    return 0;
}

intnat diff_leaf_hash(value data, value out)
{
    struct pp_bytes bytes = diff_copy_of(data);
    struct pp_digest digest = pp_leaf_hash(bytes);
    diff_release(bytes);
    give(out, digest.b, sizeof digest.b);
    return 0;
}

intnat diff_node_hash(value left, value right, value out)
{
    struct pp_digest l = digest_of(left), r = digest_of(right);
    struct pp_digest digest = pp_node_hash(&l, &r);
    give(out, digest.b, sizeof digest.b);
    return 0;
}

intnat diff_tree_load(int64_t size, value peaks)
{
    struct pp_bytes bytes = diff_copy_of(peaks);
    enum pp_error error = pp_merkle_tree_load(
        &tree, (uint64_t)size, (const struct pp_digest *)bytes.data, bytes.len / PP_DIGEST_BYTES);
    diff_release(bytes);
    return error;
}

intnat diff_tree_append(value leaves)
{
    struct pp_bytes bytes = diff_copy_of(leaves);
    enum pp_error error = pp_merkle_tree_append(
        &tree, NULL, (struct pp_digest *)(uintptr_t)bytes.data, bytes.len / PP_DIGEST_BYTES, NULL);
    diff_release(bytes);
    return error;
}

int64_t diff_tree_size(intnat unused)
{
    (void)unused;
    return (int64_t)tree.size;
}

intnat diff_tree_peak(intnat height, value out)
{
    give(out, tree.peaks[height].b, PP_DIGEST_BYTES);
    return 0;
}

intnat diff_tree_root(value out)
{
    struct pp_digest root = pp_merkle_tree_root(&tree);
    give(out, root.b, sizeof root.b);
    return 0;
}

intnat diff_inclusion_root(value leaf, int64_t index, int64_t size, value path, value out)
{
    struct pp_bytes bytes = diff_copy_of(path);
    struct pp_digest digest = digest_of(leaf), root = {{0}};
    enum pp_error error = pp_merkle_inclusion_root(&digest, (uint64_t)index, (uint64_t)size,
                                                   (const struct pp_digest *)bytes.data,
                                                   bytes.len / PP_DIGEST_BYTES, &root);
    diff_release(bytes);
    give(out, root.b, sizeof root.b);
    return error;
}

intnat diff_consistency_check(int64_t old_size, value old_root, int64_t new_size, value new_root,
                              value path)
{
    struct pp_bytes bytes = diff_copy_of(path);
    struct pp_digest old_digest = digest_of(old_root), new_digest = digest_of(new_root);
    enum pp_error error = pp_merkle_consistency_check(
        (uint64_t)old_size, &old_digest, (uint64_t)new_size, &new_digest,
        (const struct pp_digest *)bytes.data, bytes.len / PP_DIGEST_BYTES);
    diff_release(bytes);
    return error;
}

/* The number of ranges, or minus the error. */
intnat diff_inclusion_ranges(int64_t index, int64_t size)
{
    size_t count = 0;
    enum pp_error error =
        pp_merkle_inclusion_ranges((uint64_t)index, (uint64_t)size, ranges, &count);
    return error == PP_OK ? (intnat)count : -(intnat)error;
}

intnat diff_consistency_ranges(int64_t old_size, int64_t new_size)
{
    size_t count = 0;
    enum pp_error error =
        pp_merkle_consistency_ranges((uint64_t)old_size, (uint64_t)new_size, ranges, &count);
    return error == PP_OK ? (intnat)count : -(intnat)error;
}

int64_t diff_range_start(intnat i)
{
    return (int64_t)ranges[i].start;
}

int64_t diff_range_end(intnat i)
{
    return (int64_t)ranges[i].end;
}
