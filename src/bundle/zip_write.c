/* SPDX-License-Identifier: MIT */
/* The headers of a ZIP file, for which the profile leaves no choice (docs/format/bundle.md
   section 2). */
#include "../base/base.h"
#include "bundle_internal.h"
#include "zip.h"
#include "zip_layout.h"

/* Version needed to name length: the same 24 bytes in both headers. */
/*@ requires \valid_read(entry) && \valid(p + (0 .. 23)) && \separated(entry, p + (0 .. 23));
    requires entry->name.len <= 0xFFFF;
    assigns p[0 .. 23]; */
static void put_common(const struct pp_zip_entry *entry, uint8_t *p)
{
    pp_put_le16(p, ZIP_VERSION_NEEDED);
    pp_put_le16(p + 2, ZIP_FLAG_UTF8);
    pp_put_le16(p + 4, entry->method);
    pp_put_le16(p + 6, entry->time);
    pp_put_le16(p + 8, entry->date);
    pp_put_le32(p + 10, entry->crc);
    pp_put_le32(p + 14, entry->packed_bytes);
    pp_put_le32(p + 18, entry->bytes);
    pp_put_le16(p + 22, (unsigned)entry->name.len);
}

void pp_zip_put_local(const struct pp_zip_entry *entry, uint8_t out[PP_ZIP_LOCAL_BYTES])
{
    pp_put_le32(out, ZIP_LOCAL_MAGIC);
    put_common(entry, out + 4);
    pp_put_le16(out + 28, 0); /* length of the extra field */
}

void pp_zip_put_directory(const struct pp_zip_entry *entry, uint8_t out[PP_ZIP_DIRECTORY_BYTES])
{
    pp_put_le32(out, ZIP_DIRECTORY_MAGIC);
    pp_put_le16(out + 4, ZIP_VERSION_MADE_BY);
    put_common(entry, out + 6);
    pp_put_le16(out + 30, 0); /* length of the extra field */
    pp_put_le16(out + 32, 0); /* length of the comment */
    pp_put_le16(out + 34, 0); /* disk */
    pp_put_le16(out + 36, 0); /* internal attributes */
    pp_put_le32(out + 38, ZIP_REGULAR_FILE);
    pp_put_le32(out + 42, entry->offset);
}

void pp_zip_put_end(unsigned count, uint32_t directory, uint32_t directory_bytes,
                    uint8_t out[PP_ZIP_END_BYTES])
{
    pp_put_le32(out, ZIP_END_MAGIC);
    pp_put_le16(out + 4, 0); /* this disk */
    pp_put_le16(out + 6, 0); /* the directory's */
    pp_put_le16(out + 8, count);
    pp_put_le16(out + 10, count);
    pp_put_le32(out + 12, directory_bytes);
    pp_put_le32(out + 16, directory);
    pp_put_le16(out + 20, 0); /* length of the comment */
}

void pp_zip_time_of(uint64_t time_ns, uint16_t *time, uint16_t *date)
{
    struct pp_bundle_date d = pp_bundle_date_of(time_ns);
    if (d.year < 1980)
        d = (struct pp_bundle_date){.year = 1980, .month = 1, .day = 1};
    if (d.year > 2107)
        d = (struct pp_bundle_date){2107, 12, 31, 23, 59, 58, 0};
    *time = (uint16_t)(d.hour << 11 | d.minute << 5 | d.second / 2);
    *date = (uint16_t)((d.year - 1980) << 9 | d.month << 5 | d.day);
}
