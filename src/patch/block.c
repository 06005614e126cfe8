/* SPDX-License-Identifier: MIT */
/* Reads and writes the headers of patch files and of their blocks. */
#include "block.h"

#include "../base/base.h"
#include "../base/hash.h"

static const uint8_t magic[8] = {'P', 'P', 'R', 'B', 'P', 'C', '0', '1'};

enum {
    NAME_AT = PP_PATCH_HEADER_BYTES - PP_DIGEST_BYTES,
    HASH_AT = 28,
    SLOTS_AT = 60,
    SLOT_BYTES = 8
};

static bool all_zero(const uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (p[i] != 0)
            return false;
    return true;
}

static struct pp_digest get_digest(const uint8_t *p)
{
    struct pp_digest digest;
    pp_copy(digest.b, p, PP_DIGEST_BYTES);
    return digest;
}

static void put_digest(uint8_t *p, const struct pp_digest *digest)
{
    pp_copy(p, digest->b, PP_DIGEST_BYTES);
}

/* ---- File ------------------------------------------------------------------------------------ */

enum pp_error pp_patch_header_read(const uint8_t *p, struct pp_patch_header *header)
{
    struct pp_digest name = pp_sha256((struct pp_bytes){p, NAME_AT});
    if (!pp_equal_constant_time(p, magic, sizeof magic))
        return PP_ERROR_FORMAT;
    if (!pp_equal_constant_time(p + NAME_AT, name.b, PP_DIGEST_BYTES))
        return PP_ERROR_MISMATCH;
    if (p[8] > PP_PATCH_PAGES || !all_zero(p + 9, 7))
        return PP_ERROR_FORMAT;
    header->mode = (enum pp_patch_mode)p[8];
    header->old_image.bytes = pp_get_u64(p + 16);
    header->new_image.bytes = pp_get_u64(p + 24);
    header->old_image.sha256 = get_digest(p + 32);
    header->new_image.sha256 = get_digest(p + 64);
    header->old_image.root = get_digest(p + 96);
    header->new_image.root = get_digest(p + 128);
    header->body_bytes = pp_get_u64(p + 160);
    header->body_hash = get_digest(p + 168);
    header->name = name;
    return PP_OK;
}

void pp_patch_header_write(uint8_t *p, struct pp_patch_header *header)
{
    pp_copy(p, magic, sizeof magic);
    pp_put_u64(p + 8, 0);
    p[8] = (uint8_t)header->mode;
    pp_put_u64(p + 16, header->old_image.bytes);
    pp_put_u64(p + 24, header->new_image.bytes);
    put_digest(p + 32, &header->old_image.sha256);
    put_digest(p + 64, &header->new_image.sha256);
    put_digest(p + 96, &header->old_image.root);
    put_digest(p + 128, &header->new_image.root);
    pp_put_u64(p + 160, header->body_bytes);
    put_digest(p + 168, &header->body_hash);
    header->name = pp_sha256((struct pp_bytes){p, NAME_AT});
    put_digest(p + NAME_AT, &header->name);
}

/* ---- Block ----------------------------------------------------------------------------------- */

static bool literal_width_is_valid(uint8_t width)
{
    return width == 0 || width == 2 || width == 4;
}

static bool sizes_fit(const struct pp_patch_block *block)
{
    uint64_t touched = (uint64_t)block->delta_bytes + block->new_bytes + block->old_bytes;
    return block->operations > 0 && block->operations <= PP_PATCH_OPERATIONS_MAX &&
           touched <= PP_PATCH_TOUCHED_BYTES_MAX && block->moved_bytes <= block->new_bytes &&
           block->moved_bytes <= block->old_bytes;
}

/* Literals that share a code have no planes, and the code is no frame; a plain one needs no
   prefix. */
static bool literals_fit(const struct pp_patch_block *block)
{
    const struct pp_patch_slot *added = &block->slot[PP_PATCH_SLOT_NEW_LITERALS];
    const struct pp_patch_slot *removed = &block->slot[PP_PATCH_SLOT_OLD_LITERALS];
    if (block->shared)
        return block->new_width == 0 && block->old_width == 0 &&
               added->stored_bytes == added->content_bytes &&
               (!block->plain_code || block->slot[PP_PATCH_SLOT_NEW_PREFIX].content_bytes == 0);
    return literal_width_is_valid(block->new_width) && literal_width_is_valid(block->old_width) &&
           added->content_bytes == block->new_bytes - block->moved_bytes &&
           removed->content_bytes == block->old_bytes - block->moved_bytes;
}

static bool slots_fit(const struct pp_patch_block *block)
{
    uint64_t content = 0;
    if (block->shared)
        content = (uint64_t)block->new_bytes + block->old_bytes - 2 * block->moved_bytes;
    for (size_t i = 0; i < PP_PATCH_SLOTS; i++) {
        if (block->slot[i].stored_bytes > block->slot[i].content_bytes)
            return false;
        content += block->slot[i].content_bytes;
    }
    return content <= PP_PATCH_CONTENT_BYTES_MAX;
}

static void read_slots(const uint8_t *p, struct pp_patch_block *block)
{
    for (size_t i = 0; i < PP_PATCH_SLOTS; i++) {
        block->slot[i].content_bytes = pp_get_u32(p + SLOTS_AT + i * SLOT_BYTES);
        block->slot[i].stored_bytes = pp_get_u32(p + SLOTS_AT + i * SLOT_BYTES + 4);
    }
}

enum pp_error pp_patch_block_read(const uint8_t *p, struct pp_patch_block *block)
{
    struct pp_patch_block found;
    if (p[0] >= PP_ROLLBACK_ITEM_COUNT || p[1] >= PP_ROLLBACK_LAYOUT_COUNT || p[2] > 1 ||
        p[5] > 2 || !all_zero(p + 6, 2))
        return PP_ERROR_FORMAT;
    found.item = (enum pp_rollback_item)p[0];
    found.layout = (enum pp_rollback_layout)p[1];
    found.cells = p[2] == 1;
    found.new_width = p[3];
    found.old_width = p[4];
    found.shared = p[5] > 0;
    found.plain_code = p[5] == 2;
    found.operations = pp_get_u32(p + 8);
    found.delta_bytes = pp_get_u32(p + 12);
    found.new_bytes = pp_get_u32(p + 16);
    found.old_bytes = pp_get_u32(p + 20);
    found.moved_bytes = pp_get_u32(p + 24);
    found.plain_hash = get_digest(p + HASH_AT);
    read_slots(p, &found);
    if (!sizes_fit(&found) || !literals_fit(&found) || !slots_fit(&found))
        return PP_ERROR_FORMAT;
    *block = found;
    return PP_OK;
}

void pp_patch_block_write(uint8_t *p, const struct pp_patch_block *block)
{
    pp_put_u64(p, 0);
    p[0] = (uint8_t)block->item;
    p[1] = (uint8_t)block->layout;
    p[2] = block->cells;
    p[3] = block->new_width;
    p[4] = block->old_width;
    p[5] = !block->shared ? 0 : block->plain_code ? 2 : 1;
    pp_put_u32(p + 8, block->operations);
    pp_put_u32(p + 12, block->delta_bytes);
    pp_put_u32(p + 16, block->new_bytes);
    pp_put_u32(p + 20, block->old_bytes);
    pp_put_u32(p + 24, block->moved_bytes);
    put_digest(p + HASH_AT, &block->plain_hash);
    for (size_t i = 0; i < PP_PATCH_SLOTS; i++) {
        pp_put_u32(p + SLOTS_AT + i * SLOT_BYTES, block->slot[i].content_bytes);
        pp_put_u32(p + SLOTS_AT + i * SLOT_BYTES + 4, block->slot[i].stored_bytes);
    }
}

uint32_t pp_patch_block_stored_bytes(const struct pp_patch_block *block)
{
    uint32_t sum = 0;
    for (size_t i = 0; i < PP_PATCH_SLOTS; i++)
        sum += block->slot[i].stored_bytes;
    return sum;
}

/* ---- Operations ------------------------------------------------------------------------------ */

bool pp_patch_operations_decode(struct pp_bytes slot, uint32_t count, uint8_t *control)
{
    for (uint32_t i = 0; i < count; i++) {
        uint64_t v;
        if (!pp_rollback_varint_read(&slot, &v) || v < 4)
            return false;
        struct pp_rollback_operation operation = {.count = v / 4, .kind = (uint8_t)(v % 4)};
        pp_rollback_operation_write(control + (size_t)i * PP_ROLLBACK_OPERATION_BYTES, operation);
    }
    return slot.len == 0;
}

size_t pp_patch_operations_encode(struct pp_bytes control, uint8_t *slot)
{
    size_t used = 0;
    for (size_t at = 0; at < control.len; at += PP_ROLLBACK_OPERATION_BYTES)
        used += pp_rollback_varint_write(slot + used,
                                         pp_get_u64(control.data + at + 2) * 4 + control.data[at]);
    return used;
}

struct pp_digest pp_patch_plain_hash(const struct pp_rollback_streams *streams)
{
    struct pp_sha256_stream hash;
    pp_sha256_init(&hash);
    pp_sha256_update(&hash, streams->control);
    pp_sha256_update(&hash, streams->deltas);
    pp_sha256_update(&hash, streams->new_literals);
    pp_sha256_update(&hash, streams->old_literals);
    return pp_sha256_final(&hash);
}
