/* SPDX-License-Identifier: MIT */
/* Fuzzes the decoder of patch files, in both directions: the input is a header, an image, and a
   body under hashes that are made to fit.  Then encodes two parts of the input and decodes them. */
#include <stdlib.h>
#include <string.h>

#include <postproof/patch.h>

#include "../src/base/hash.h"

enum { IMAGE_BYTES = 4096, RESULT_BYTES_MAX = 1 << 20 };

static void require(bool holds)
{
    if (!holds)
        abort();
}

/* Reads of the image as long as it is what the header says, zeros behind it. */
static void serve(struct pp_bytes image, const struct pp_patch_read *read)
{
    memset(read->space.data, 0, read->space.bytes);
    for (size_t i = 0; i < read->space.bytes; i++)
        if (read->offset + i < image.len)
            read->space.data[i] = image.data[read->offset + i];
}

static void decode(const struct pp_patch_header *header, enum pp_rollback_direction direction,
                   struct pp_bytes body, struct pp_bytes image, uint8_t *result)
{
    struct pp_patch_decoder *decoder = pp_patch_decoder_new(direction, header);
    struct pp_patch_space stored;
    struct pp_patch_read read;
    struct pp_patch_write write;
    enum pp_error error = PP_OK;
    require(decoder != NULL);
    while (error == PP_OK && !pp_patch_decoder_at_end(decoder) &&
           body.len >= PP_PATCH_BLOCK_HEADER_BYTES) {
        error = pp_patch_decoder_begin(decoder, body.data, &stored);
        if (error != PP_OK)
            break;
        memcpy(stored.data, body.data + PP_PATCH_BLOCK_HEADER_BYTES, stored.bytes);
        body.data += PP_PATCH_BLOCK_HEADER_BYTES + stored.bytes;
        body.len -= PP_PATCH_BLOCK_HEADER_BYTES + stored.bytes;
        error = pp_patch_decoder_open(decoder);
        while (error == PP_OK && pp_patch_decoder_next_read(decoder, &read))
            serve(image, &read);
        if (error == PP_OK)
            error = pp_patch_decoder_run(decoder);
        while (error == PP_OK && pp_patch_decoder_next_write(decoder, &write))
            if (result != NULL && write.data != NULL)
                memcpy(result + write.offset, write.data, write.bytes);
            else if (result != NULL)
                memcpy(result + write.offset, image.data + write.source_offset, write.bytes);
    }
    if (error == PP_OK)
        error = pp_patch_decoder_finish(decoder);
    require(result == NULL || error == PP_OK);
    pp_patch_decoder_free(decoder);
}

static void decode_input(struct pp_bytes input)
{
    struct pp_patch_header header = {.mode = input.data[0] % 2 == 0 ? PP_PATCH_GENERIC
                                                                    : PP_PATCH_PAGES};
    header.old_image.bytes = (uint64_t)input.data[1] << 8 | input.data[2];
    header.new_image.bytes = (uint64_t)input.data[3] << 8 | input.data[4];
    struct pp_bytes body = {input.data + 5, input.len - 5};
    struct pp_bytes image = {input.data + 5, body.len < IMAGE_BYTES ? body.len : IMAGE_BYTES};
    header.body_bytes = body.len;
    header.body_hash = pp_sha256(body);
    decode(&header, PP_ROLLBACK_APPLY, body, image, NULL);
    decode(&header, PP_ROLLBACK_REVERT, body, image, NULL);
}

static void round_trip(struct pp_bytes old_image, struct pp_bytes new_image)
{
    struct pp_patch_encoder *encoder;
    struct pp_bytes block;
    struct pp_patch_header header;
    uint8_t bytes[PP_PATCH_HEADER_BYTES], result[RESULT_BYTES_MAX / 16];
    struct pp_patch_image old_identity = {.bytes = old_image.len},
                          new_identity = {.bytes = new_image.len};
    if (old_image.len > sizeof result || new_image.len > sizeof result)
        return;
    require(pp_patch_encoder_new(old_image, new_image, &encoder) == PP_OK);
    require(pp_patch_encoder_next(encoder, &block) == PP_OK);
    uint8_t *body = malloc(block.len + 1);
    require(body != NULL);
    size_t body_bytes = block.len;
    if (body_bytes > 0)
        memcpy(body, block.data, body_bytes);
    require(pp_patch_encoder_next(encoder, &block) == PP_OK && block.len == 0);
    require(pp_patch_encoder_finish(encoder, &old_identity, &new_identity, &header, bytes) ==
            PP_OK);
    pp_patch_encoder_free(encoder);
    decode(&header, PP_ROLLBACK_APPLY, (struct pp_bytes){body, body_bytes}, old_image, result);
    require(new_image.len == 0 || memcmp(result, new_image.data, new_image.len) == 0);
    decode(&header, PP_ROLLBACK_REVERT, (struct pp_bytes){body, body_bytes}, new_image, result);
    require(old_image.len == 0 || memcmp(result, old_image.data, old_image.len) == 0);
    free(body);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct pp_patch_header header;
    if (size >= PP_PATCH_HEADER_BYTES && pp_patch_header_read(data, &header) == PP_ERROR_ARGUMENT)
        abort(); /* it has no arguments to refuse */
    if (size >= 5)
        decode_input((struct pp_bytes){data, size});
    if (size >= 1 && data[0] % 8 == 7) {
        size_t half = (size - 1) / 2;
        round_trip((struct pp_bytes){data + 1, half},
                   (struct pp_bytes){data + 1 + half, size - 1 - half});
    }
    return 0;
}
