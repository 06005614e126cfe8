/* SPDX-License-Identifier: MIT */
/* What an attacker with keys can do: change an entry and compute anew all that depends on it. */
#include <stdlib.h>
#include <string.h>

#include "demo.h"

struct forger {
    struct demo_image *image;
    enum demo_forge_key kind;
    struct pp_ratchet ratchet; /* of the keys in hand */
    struct pp_epoch_keys keys;
    uint64_t shift; /* added to the epochs that were there */
    uint64_t epoch; /* of the open group, as it was */
    bool touched;   /* from here on everything is made anew */
    struct pp_merkle_tree tree;
    struct pp_tag tag, group_tag;
    uint64_t segment_first_seq;
    uint64_t *offsets;
    size_t offset_count;
    struct pp_node_sink sink;
};

void demo_rewrite_body(uint8_t *frame)
{
    static const char TEXT[] = "nothing happened here; ";
    uint8_t *content = frame + PP_FRAME_HEAD_BYTES;
    uint8_t *body = content + PP_ENTRY_FIXED_BYTES + content[19];
    size_t len = pp_get_u32(body - 4);
    bool same = true;
    for (size_t i = 0; i < len; i++) {
        uint8_t byte = (uint8_t)TEXT[i % (sizeof TEXT - 1)];
        same = same && body[i] == byte;
        body[i] = byte;
    }
    if (same)
        body[0] ^= 1;
}

/* ---- Keys ----------------------------------------------------------------------------------- */

static bool load_stolen(struct forger *f, const struct demo *demo)
{
    char path[CLI_PATH_BYTES];
    struct cli_buffer file;
    struct pp_sealing_state state;
    unsigned slot;
    if (!demo_path(demo->keys, PP_SEALING_KEY_FILE, path) ||
        !cli_read_file("demo", path, PP_SEALING_FILE_BYTES, &file))
        return false;
    bool good = file.len == PP_SEALING_FILE_BYTES &&
                pp_sealing_file_decode(file.data, &state, &slot) == PP_OK;
    cli_buffer_free(&file);
    f->ratchet = state.ratchet;
    if (!good)
        cli_fail("demo", "%s can't be read as a sealing key", path);
    return good;
}

static bool load_leaked(struct forger *f, const struct demo *demo)
{
    struct cli_buffer file;
    struct pp_verification_key key;
    if (!cli_read_file("demo", demo->verify_key, PP_VERIFY_KEY_TEXT_BYTES, &file))
        return false;
    bool good = pp_verification_key_parse(cli_buffer_view(&file), &key) == PP_OK;
    cli_buffer_free(&file);
    if (good)
        pp_ratchet_init(&f->ratchet, &key.seed);
    else
        cli_fail("demo", "%s can't be read as a verification key", demo->verify_key);
    return good;
}

static bool make_own(struct forger *f)
{
    struct pp_digest seed;
    int result = pp_os_random(&seed, sizeof seed);
    if (result < 0) {
        cli_fail("demo", "no random bytes: %s", strerror(-result));
        return false;
    }
    pp_ratchet_init(&f->ratchet, &seed);
    f->touched = true;
    return true;
}

static bool load_keys(struct forger *f, const struct demo *demo)
{
    bool good = f->kind == DEMO_KEY_OWN      ? make_own(f)
                : f->kind == DEMO_KEY_LEAKED ? load_leaked(f, demo)
                                             : load_stolen(f, demo);
    if (good)
        pp_epoch_keys_init(&f->keys, &f->ratchet);
    return good;
}

/* The keys for what bore this epoch.  A ratchet can't turn back, and needn't: epochs only grow. */
static void use_epoch(struct forger *f, uint64_t epoch)
{
    uint64_t wanted = epoch + f->shift;
    if (f->kind == DEMO_KEY_STOLEN || wanted <= f->ratchet.epoch)
        return;
    if (pp_ratchet_forward(&f->ratchet, wanted) == PP_OK)
        pp_epoch_keys_init(&f->keys, &f->ratchet);
}

/* ---- Frames --------------------------------------------------------------------------------- */

static bool forge_header(struct forger *f, uint8_t *frame, size_t bytes)
{
    struct pp_bytes content = {frame + PP_FRAME_HEAD_BYTES, bytes - PP_FRAME_HEAD_BYTES};
    struct pp_segment_header header;
    char origin[PP_ORIGIN_BYTES_MAX];
    uint8_t out[PP_SEGMENT_HEADER_FRAME_BYTES_MAX];
    if (pp_segment_header_decode(content, &header) != PP_OK)
        return false;
    f->segment_first_seq = header.first_seq;
    f->offset_count = f->sink.count = 0;
    if (!f->touched)
        return true;
    use_epoch(f, header.epoch);
    header.epoch += f->shift;
    header.tag = f->tag;
    header.peak_count = pp_merkle_tree_peaks(&f->tree, header.peaks);
    memcpy(origin, header.origin.data, header.origin.len);
    header.origin.data = (const uint8_t *)origin;
    if (pp_segment_header_write(&header, &f->keys.seal, out) != bytes)
        return false;
    memcpy(frame, out, bytes);
    return true;
}

static bool forge_entry(struct forger *f, uint8_t *frame, size_t bytes, size_t offset, bool target)
{
    struct pp_bytes content = {frame + PP_FRAME_HEAD_BYTES,
                               bytes - PP_FRAME_HEAD_BYTES - PP_TAG_BYTES};
    uint8_t *tag = frame + bytes - PP_TAG_BYTES;
    if (target) {
        demo_rewrite_body(frame);
        f->touched = true;
        if (f->kind == DEMO_KEY_STOLEN_LATER)
            f->shift = f->ratchet.epoch - f->epoch;
    }
    if (f->tree.size % PP_INDEX_BLOCK_ENTRIES == 0)
        f->offsets[f->offset_count++] = offset;
    struct pp_digest leaf = pp_leaf_hash(content), scratch = leaf;
    if (pp_merkle_tree_append(&f->tree, NULL, &scratch, 1, &f->sink) != PP_OK)
        return false;
    if (f->touched) {
        use_epoch(f, f->epoch);
        f->tag = pp_chain_tag(&f->keys.tag, &f->tag, &leaf);
        memcpy(tag, f->tag.b, PP_TAG_BYTES);
    } else {
        memcpy(f->tag.b, tag, PP_TAG_BYTES);
    }
    return true;
}

/* The index of the segment that a rotation closes. */
static bool forge_index(struct forger *f, uint64_t segment, struct pp_digest *digest)
{
    char path[CLI_PATH_BYTES];
    size_t bytes = pp_index_bytes(f->segment_first_seq, f->tree.size);
    uint8_t *file = malloc(bytes);
    if (file == NULL)
        return false;
    pp_index_encode(f->segment_first_seq, f->tree.size, f->offsets, f->sink.nodes, file);
    *digest = pp_sha256((struct pp_bytes){file, bytes});
    bool good = demo_segment_path(f->image->path, segment, "idx", path) &&
                demo_write_file(path, (struct pp_bytes){file, bytes});
    free(file);
    return good;
}

static bool forge_seal(struct forger *f, uint8_t *frame, uint64_t segment)
{
    struct pp_seal seal;
    if (pp_seal_decode((struct pp_bytes){frame + PP_FRAME_HEAD_BYTES, PP_SEAL_BYTES}, &seal) !=
        PP_OK)
        return false;
    f->epoch = seal.epoch + 1;
    if (f->touched) {
        use_epoch(f, seal.epoch);
        seal.epoch += f->shift;
        seal.root = pp_merkle_tree_root(&f->tree);
        seal.previous_tag = f->group_tag;
        seal.tag = f->tag;
        if (seal.kind == PP_SEAL_ROTATION && !forge_index(f, segment, &seal.detail_hash))
            return false;
        pp_seal_write(&seal, &f->keys.seal, frame);
    }
    f->group_tag = f->tag;
    return true;
}

static bool forge_frames(struct forger *f, size_t target)
{
    struct demo_image *image = f->image;
    bool good = true;
    for (size_t i = 0; i < image->frame_count && good; i++) {
        const struct demo_frame *frame = &image->frames[i];
        uint8_t *data = demo_frame_data(image, frame);
        if (frame->type == PP_FRAME_HEADER)
            good = forge_header(f, data, frame->bytes);
        else if (frame->type == PP_FRAME_ENTRY)
            good = forge_entry(f, data, frame->bytes, frame->offset, i == target);
        else
            good = forge_seal(f, data, image->segments[frame->segment].index);
    }
    if (!good)
        cli_fail("demo", "the copy could not be forged");
    return good;
}

/* ---- The whole ------------------------------------------------------------------------------ */

/* Whoever has the machine's keys can sign a checkpoint of the forged tree. */
static bool forge_checkpoint(const struct forger *f, const struct demo *demo)
{
    char path[CLI_PATH_BYTES], text[PP_CHECKPOINT_BYTES_MAX];
    struct pp_note_signer signer;
    struct pp_failure failure;
    size_t len = 0;
    if (!demo_path(f->image->path, "checkpoint", path))
        return false;
    if (f->kind == DEMO_KEY_OWN)
        return demo_remove_file(path);
    if (pp_signer_load(demo->keys, &signer, &failure) != PP_OK)
        return demo_failed(&failure);
    struct pp_digest root = pp_merkle_tree_root(&f->tree);
    if (pp_checkpoint_sign(&signer, f->tree.size, &root, text, &len) != PP_OK) {
        cli_fail("demo", "the forged checkpoint could not be signed");
        return false;
    }
    return demo_write_file(path, (struct pp_bytes){(const uint8_t *)text, len});
}

bool demo_forge(const struct demo *demo, struct demo_image *image, size_t target,
                enum demo_forge_key key)
{
    struct forger f = {.image = image, .kind = key};
    size_t cap = image->frame_count + 256;
    f.offsets = calloc(cap, sizeof *f.offsets);
    f.sink.nodes = calloc(cap, sizeof *f.sink.nodes);
    f.sink.cap = cap;
    pp_merkle_tree_init(&f.tree);
    bool good = f.offsets != NULL && f.sink.nodes != NULL;
    if (!good)
        cli_fail("demo", "no memory is left");
    good = good && load_keys(&f, demo) && forge_frames(&f, target) && demo_store_all(image) &&
           forge_checkpoint(&f, demo);
    free(f.offsets);
    free(f.sink.nodes);
    return good;
}

/* ---- Without keys --------------------------------------------------------------------------- */

/* The tree over all entries of the image, and one more. */
static bool root_with(const struct demo_image *image, struct pp_bytes content,
                      struct pp_digest *root)
{
    struct pp_merkle_tree tree;
    struct pp_digest leaf;
    enum pp_error error = PP_OK;
    pp_merkle_tree_init(&tree);
    for (size_t i = 0; i < image->frame_count && error == PP_OK; i++) {
        const struct demo_frame *frame = &image->frames[i];
        if (frame->type != PP_FRAME_ENTRY)
            continue;
        leaf = pp_leaf_hash((struct pp_bytes){demo_frame_data(image, frame) + PP_FRAME_HEAD_BYTES,
                                              frame->bytes - PP_FRAME_HEAD_BYTES - PP_TAG_BYTES});
        error = pp_merkle_tree_append(&tree, NULL, &leaf, 1, NULL);
    }
    leaf = pp_leaf_hash(content);
    if (error == PP_OK)
        error = pp_merkle_tree_append(&tree, NULL, &leaf, 1, NULL);
    *root = pp_merkle_tree_root(&tree);
    return error == PP_OK;
}

/* Turns copies of the last seal and the last entry into a next group that lacks only keys. */
static bool make_up_group(const struct demo_image *image, uint8_t *entry, size_t entry_bytes,
                          uint8_t *frame, uint64_t *first_seq)
{
    struct pp_seal seal;
    struct pp_digest secret = {{0}};
    struct pp_mac_key key;
    uint8_t *content = entry + PP_FRAME_HEAD_BYTES;
    if (pp_seal_decode((struct pp_bytes){frame + PP_FRAME_HEAD_BYTES, PP_SEAL_BYTES}, &seal) !=
        PP_OK)
        return false;
    *first_seq = seal.next_seq;
    demo_rewrite_body(entry);
    pp_put_u64(content + 2, seal.next_seq);
    struct pp_bytes encoding = {content, entry_bytes - PP_FRAME_HEAD_BYTES - PP_TAG_BYTES};
    seal.epoch++;
    seal.first_seq = seal.next_seq++;
    seal.previous_tag = seal.tag;
    memcpy(seal.tag.b, entry + entry_bytes - PP_TAG_BYTES, PP_TAG_BYTES);
    bool good = root_with(image, encoding, &seal.root);
    do { /* a seal that ends with a zero would look like one that a crash cut off */
        secret.b[0]++;
        pp_mac_key_init(&key, &secret);
        pp_seal_write(&seal, &key, frame);
    } while (seal.mac.b[PP_DIGEST_BYTES - 1] == 0);
    return good;
}

bool demo_make_up_group(struct demo_image *image, uint64_t *first_seq)
{
    size_t i = image->frame_count - 1, last = image->segment_count - 1;
    while (image->frames[i].type != PP_FRAME_SEAL)
        i--;
    const struct demo_frame *seal = &image->frames[i], *entry = seal;
    while (entry->type != PP_FRAME_ENTRY)
        entry--;
    size_t bytes = entry->bytes + PP_SEAL_FRAME_BYTES;
    uint8_t *group = malloc(bytes);
    if (group == NULL) {
        cli_fail("demo", "no memory is left");
        return false;
    }
    memcpy(group, demo_frame_data(image, entry), entry->bytes);
    memcpy(group + entry->bytes, demo_frame_data(image, seal), PP_SEAL_FRAME_BYTES);
    struct pp_bytes added = {group, bytes};
    bool good = make_up_group(image, group, entry->bytes, group + entry->bytes, first_seq) &&
                demo_splice(image, last, image->segments[last].used, 0, added) &&
                demo_store(image, last);
    free(group);
    return good;
}
