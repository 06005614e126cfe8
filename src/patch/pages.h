/* SPDX-License-Identifier: MIT */
/* Large memory of which only what is touched counts. */
#ifndef PP_PATCH_PAGES_H
#define PP_PATCH_PAGES_H

#include <stdlib.h>

/* glibc gives pages of their own to what is larger than 32 MiB (DEFAULT_MMAP_THRESHOLD_MAX): those
   that are not touched cost nothing, and free gives all of them back.  What is smaller stays behind
   in the heap, where the next phase may find no place for it. */
enum { PP_PATCH_PAGES_FROM = 1 << 20, PP_PATCH_PAGES_BYTES_MIN = 33 << 20 };

/* How many bytes to ask for where n are needed. */
static inline size_t pp_patch_pages_bytes(size_t n)
{
    if (n < PP_PATCH_PAGES_FROM || n >= PP_PATCH_PAGES_BYTES_MIN)
        return n;
    return PP_PATCH_PAGES_BYTES_MIN;
}

/* Memory for n bytes, for free. */
static inline void *pp_patch_get_pages(size_t n)
{
    return malloc(pp_patch_pages_bytes(n));
}

#endif
