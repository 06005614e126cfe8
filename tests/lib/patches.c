/* SPDX-License-Identifier: MIT */
/* Encodes and decodes patch files in memory, for the tests. */
#include "patches.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../src/base/hash.h"

struct buffer buffer_of(size_t len)
{
    struct buffer buffer = {calloc(len + 1, 1), len};
    assert_non_null(buffer.data);
    return buffer;
}

void buffer_free(struct buffer *buffer)
{
    free(buffer->data);
    *buffer = (struct buffer){NULL, 0};
}

uint64_t next_random(uint64_t *state)
{
    *state += 0x9e3779b97f4a7c15;
    uint64_t z = *state;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
}

void fill_random(uint8_t *data, size_t n, uint64_t seed)
{
    for (size_t i = 0; i < n; i++)
        data[i] = (uint8_t)next_random(&seed);
}

static void append(struct buffer *to, struct pp_bytes bytes)
{
    to->data = realloc(to->data, to->len + bytes.len + 1);
    assert_non_null(to->data);
    if (bytes.len > 0)
        memcpy(to->data + to->len, bytes.data, bytes.len);
    to->len += bytes.len;
}

static struct pp_bytes part(struct pp_bytes image, size_t at)
{
    if (at >= image.len)
        return (struct pp_bytes){image.data, 0};
    size_t n = image.len - at < PP_PATCH_FEED_BYTES ? image.len - at : (size_t)PP_PATCH_FEED_BYTES;
    return (struct pp_bytes){image.data + at, n};
}

static void feed_pages(struct pp_patch_encoder *encoder, struct pp_bytes old_image,
                       struct pp_bytes new_image, struct buffer *patch)
{
    struct pp_bytes block;
    for (size_t at = 0; at < old_image.len || at < new_image.len; at += PP_PATCH_FEED_BYTES) {
        assert_int_equal(
            pp_patch_encoder_feed(encoder, part(old_image, at), part(new_image, at), &block),
            PP_OK);
        append(patch, block);
    }
}

struct buffer encode_patch(enum pp_patch_mode mode, struct pp_bytes old_image,
                           struct pp_bytes new_image)
{
    struct buffer patch = buffer_of(PP_PATCH_HEADER_BYTES);
    struct pp_patch_image old_identity = {.bytes = old_image.len, .sha256 = pp_sha256(old_image)};
    struct pp_patch_image new_identity = {.bytes = new_image.len, .sha256 = pp_sha256(new_image)};
    struct pp_patch_encoder *encoder = NULL;
    struct pp_patch_header header;
    struct pp_bytes block;
    if (mode == PP_PATCH_PAGES) {
        encoder = pp_patch_encoder_new_pages(old_image.len, new_image.len);
        assert_non_null(encoder);
        feed_pages(encoder, old_image, new_image, &patch);
    } else {
        assert_int_equal(pp_patch_encoder_new(old_image, new_image, &encoder), PP_OK);
    }
    do {
        assert_int_equal(pp_patch_encoder_next(encoder, &block), PP_OK);
        append(&patch, block);
    } while (block.len > 0);
    assert_int_equal(
        pp_patch_encoder_finish(encoder, &old_identity, &new_identity, &header, patch.data), PP_OK);
    pp_patch_encoder_free(encoder);
    return patch;
}

static void take_writes(struct pp_patch_decoder *decoder, struct pp_bytes source,
                        struct buffer *result)
{
    struct pp_patch_write write;
    while (pp_patch_decoder_next_write(decoder, &write)) {
        assert_true(write.offset <= result->len && write.bytes <= result->len - write.offset);
        if (write.data == NULL)
            assert_true(write.source_offset <= source.len &&
                        write.bytes <= source.len - write.source_offset);
        memcpy(result->data + write.offset,
               write.data != NULL ? write.data : source.data + write.source_offset, write.bytes);
    }
}

static enum pp_error decode_block(struct pp_patch_decoder *decoder, struct pp_bytes *body,
                                  struct pp_bytes source, struct buffer *result)
{
    struct pp_patch_space stored;
    struct pp_patch_read read;
    if (body->len < PP_PATCH_BLOCK_HEADER_BYTES)
        return PP_ERROR_FORMAT;
    enum pp_error error = pp_patch_decoder_begin(decoder, body->data, &stored);
    if (error != PP_OK)
        return error;
    memcpy(stored.data, body->data + PP_PATCH_BLOCK_HEADER_BYTES, stored.bytes);
    body->data += PP_PATCH_BLOCK_HEADER_BYTES + stored.bytes;
    body->len -= PP_PATCH_BLOCK_HEADER_BYTES + stored.bytes;
    error = pp_patch_decoder_open(decoder);
    while (error == PP_OK && pp_patch_decoder_next_read(decoder, &read)) {
        assert_true(read.offset <= source.len && read.space.bytes <= source.len - read.offset);
        memcpy(read.space.data, source.data + read.offset, read.space.bytes);
    }
    if (error == PP_OK)
        error = pp_patch_decoder_run(decoder);
    if (error == PP_OK)
        take_writes(decoder, source, result);
    return error;
}

enum pp_error decode_patch(struct pp_bytes patch, enum pp_rollback_direction direction,
                           struct pp_bytes source, struct buffer *result)
{
    struct pp_patch_header header;
    if (patch.len < PP_PATCH_HEADER_BYTES)
        return PP_ERROR_FORMAT;
    enum pp_error error = pp_patch_header_read(patch.data, &header);
    struct pp_bytes body = {patch.data + PP_PATCH_HEADER_BYTES, patch.len - PP_PATCH_HEADER_BYTES};
    if (error != PP_OK || body.len != header.body_bytes)
        return error != PP_OK ? error : PP_ERROR_FORMAT;
    bool apply = direction == PP_ROLLBACK_APPLY;
    if (source.len != (apply ? header.old_image.bytes : header.new_image.bytes))
        return PP_ERROR_MISMATCH;
    uint64_t bytes = apply ? header.new_image.bytes : header.old_image.bytes;
    if (bytes > (64 << 20))
        return PP_ERROR_TOO_LARGE; /* a test holds it in memory */
    *result = buffer_of((size_t)bytes);
    struct pp_patch_decoder *decoder = pp_patch_decoder_new(direction, &header);
    assert_non_null(decoder);
    while (error == PP_OK && !pp_patch_decoder_at_end(decoder))
        error = decode_block(decoder, &body, source, result);
    if (error == PP_OK)
        error = pp_patch_decoder_finish(decoder);
    pp_patch_decoder_free(decoder);
    struct pp_digest found = pp_sha256((struct pp_bytes){result->data, result->len});
    struct pp_digest expected = apply ? header.new_image.sha256 : header.old_image.sha256;
    if (error == PP_OK && memcmp(found.b, expected.b, sizeof found.b) != 0)
        error = PP_ERROR_MISMATCH;
    if (error != PP_OK)
        buffer_free(result);
    return error;
}

void reseal_patch(struct buffer *patch)
{
    struct pp_digest body = pp_sha256(
        (struct pp_bytes){patch->data + PP_PATCH_HEADER_BYTES, patch->len - PP_PATCH_HEADER_BYTES});
    memcpy(patch->data + 168, body.b, sizeof body.b);
    struct pp_digest name = pp_sha256((struct pp_bytes){patch->data, 200});
    memcpy(patch->data + 200, name.b, sizeof name.b);
}

struct buffer check_patch(enum pp_patch_mode mode, struct pp_bytes old_image,
                          struct pp_bytes new_image)
{
    struct buffer patch = encode_patch(mode, old_image, new_image), result;
    struct pp_bytes file = {patch.data, patch.len};
    assert_int_equal(decode_patch(file, PP_ROLLBACK_APPLY, old_image, &result), PP_OK);
    assert_int_equal(result.len, new_image.len);
    assert_memory_equal(result.data, new_image.data, new_image.len);
    buffer_free(&result);
    assert_int_equal(decode_patch(file, PP_ROLLBACK_REVERT, new_image, &result), PP_OK);
    assert_int_equal(result.len, old_image.len);
    assert_memory_equal(result.data, old_image.data, old_image.len);
    buffer_free(&result);
    return patch;
}
