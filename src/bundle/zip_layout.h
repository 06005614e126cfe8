/* SPDX-License-Identifier: MIT */
/* The constants of ZIP structures that the reader and the writer of the profile share. */
#ifndef PP_BUNDLE_ZIP_LAYOUT_H
#define PP_BUNDLE_ZIP_LAYOUT_H

#include <stdint.h>

#define ZIP_LOCAL_MAGIC UINT32_C(0x04034b50)
#define ZIP_DIRECTORY_MAGIC UINT32_C(0x02014b50)
#define ZIP_END_MAGIC UINT32_C(0x06054b50)
#define ZIP64_END_MAGIC UINT32_C(0x06064b50)
#define ZIP64_LOCATOR_MAGIC UINT32_C(0x07064b50)
#define ZIP_REGULAR_FILE (UINT32_C(0100644) << 16)

enum {
    ZIP_VERSION_MADE_BY = 0x0314, /* Unix, 2.0 */
    ZIP_VERSION_NEEDED = 20,
    ZIP_FLAG_ENCRYPTED = 1 | 1 << 6 | 1 << 13,
    ZIP_FLAG_DESCRIPTOR = 1 << 3,
    ZIP_FLAG_UTF8 = 1 << 11,
    ZIP64_LOCATOR_BYTES = 20
};

#endif
