/* SPDX-License-Identifier: MIT */
/* Content of a slot and its zstd frame (RFC 8878), with a range of an image as prefix or none. */
#ifndef PP_PATCH_FRAME_H
#define PP_PATCH_FRAME_H

#include <zstd.h>

#include <postproof/bytes.h>
#include <postproof/error.h>

/* Decodes one frame, or copies what is stored as it is, to exactly content_bytes at content.
   PP_ERROR_FORMAT when the frame decodes to anything else, PP_ERROR_MEMORY. */
PP_MUST_CHECK enum pp_error pp_patch_frame_decode(ZSTD_DCtx *context, struct pp_bytes stored,
                                                  struct pp_bytes prefix, uint8_t *content,
                                                  size_t content_bytes);

/* The smaller of frame and content goes to stored, which has room for content.len bytes.
   *stored_bytes says how many they are. */
PP_MUST_CHECK enum pp_error pp_patch_frame_encode(ZSTD_CCtx *context, int level,
                                                  struct pp_bytes content, struct pp_bytes prefix,
                                                  uint8_t *stored, size_t *stored_bytes);

#endif
