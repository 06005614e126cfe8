/* SPDX-License-Identifier: MIT */
/* Calls libzstd. */
#include "frame.h"

#include <stdbool.h>
#include <string.h>

#include <zstd_errors.h>

static enum pp_error error_of(size_t result)
{
    return ZSTD_getErrorCode(result) == ZSTD_error_memory_allocation ? PP_ERROR_MEMORY
                                                                     : PP_ERROR_FORMAT;
}

/* libzstd may also read formats older than RFC 8878, and skips frames that hold nothing. */
static bool is_frame(struct pp_bytes stored)
{
    static const uint8_t magic[] = {0x28, 0xb5, 0x2f, 0xfd};
    return stored.len >= sizeof magic && memcmp(stored.data, magic, sizeof magic) == 0;
}

enum pp_error pp_patch_frame_decode(ZSTD_DCtx *context, struct pp_bytes stored,
                                    struct pp_bytes prefix, uint8_t *content, size_t content_bytes)
{
    if (stored.len == content_bytes) {
        if (content_bytes > 0)
            memcpy(content, stored.data, content_bytes);
        return PP_OK;
    }
    if (!is_frame(stored))
        return PP_ERROR_FORMAT;
    size_t result = ZSTD_DCtx_reset(context, ZSTD_reset_session_and_parameters);
    if (!ZSTD_isError(result) && prefix.len > 0)
        result = ZSTD_DCtx_refPrefix(context, prefix.data, prefix.len);
    if (!ZSTD_isError(result))
        result = ZSTD_findFrameCompressedSize(stored.data, stored.len);
    if (!ZSTD_isError(result) && result != stored.len)
        return PP_ERROR_FORMAT;
    if (!ZSTD_isError(result))
        result = ZSTD_decompressDCtx(context, content, content_bytes, stored.data, stored.len);
    if (ZSTD_isError(result))
        return error_of(result);
    return result == content_bytes ? PP_OK : PP_ERROR_FORMAT;
}

/* The smallest window that holds n bytes, in powers of two. */
static int window_log(size_t n)
{
    int log = 10;
    while (log < 27 && ((size_t)1 << log) < n)
        log++;
    return log;
}

/* The highest levels of zstd keep tables of 32 MiB for contents of 2 MiB.  These take 5 MiB, find
   nearly the same matches, and stay in the processor's caches. */
static size_t limit_tables(ZSTD_CCtx *context, int level)
{
    enum { LEVEL_OF_LARGE_TABLES = 13, TREE_LOG = 20, HASH_LOG = 17 };
    size_t result = 0;
    if (level >= LEVEL_OF_LARGE_TABLES)
        result = ZSTD_CCtx_setParameter(context, ZSTD_c_chainLog, TREE_LOG);
    if (level >= LEVEL_OF_LARGE_TABLES && !ZSTD_isError(result))
        result = ZSTD_CCtx_setParameter(context, ZSTD_c_hashLog, HASH_LOG);
    return result;
}

/* At the lowest level, that of planes, contents are nearly noise: the entropy code of a few bytes
   is shorter than a match of them, and not to look for those saves time too. */
static size_t skip_short_matches(ZSTD_CCtx *context, int level)
{
    enum { MATCH_BYTES_MIN = 7 };
    return level == 1 ? ZSTD_CCtx_setParameter(context, ZSTD_c_minMatch, MATCH_BYTES_MIN) : 0;
}

static size_t set_up(ZSTD_CCtx *context, int level, struct pp_bytes content, struct pp_bytes prefix)
{
    size_t result = ZSTD_CCtx_reset(context, ZSTD_reset_session_and_parameters);
    if (!ZSTD_isError(result))
        result = ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, level);
    if (!ZSTD_isError(result))
        result = ZSTD_CCtx_setParameter(context, ZSTD_c_contentSizeFlag, 0);
    if (!ZSTD_isError(result))
        result = limit_tables(context, level);
    if (!ZSTD_isError(result))
        result = skip_short_matches(context, level);
    if (!ZSTD_isError(result) && prefix.len > 0)
        result =
            ZSTD_CCtx_setParameter(context, ZSTD_c_windowLog, window_log(content.len + prefix.len));
    if (!ZSTD_isError(result) && prefix.len > 0)
        result = ZSTD_CCtx_refPrefix(context, prefix.data, prefix.len);
    return result;
}

enum pp_error pp_patch_frame_encode(ZSTD_CCtx *context, int level, struct pp_bytes content,
                                    struct pp_bytes prefix, uint8_t *stored, size_t *stored_bytes)
{
    size_t result = 0;
    if (content.len > 1) {
        result = set_up(context, level, content, prefix);
        if (ZSTD_isError(result))
            return error_of(result);
        result = ZSTD_compress2(context, stored, content.len - 1, content.data, content.len);
    }
    if (content.len > 1 && !ZSTD_isError(result)) {
        *stored_bytes = result;
        return PP_OK;
    }
    if (content.len > 1 && ZSTD_getErrorCode(result) != ZSTD_error_dstSize_tooSmall)
        return error_of(result);
    if (content.len > 0)
        memcpy(stored, content.data, content.len);
    *stored_bytes = content.len;
    return PP_OK;
}
