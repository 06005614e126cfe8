/* SPDX-License-Identifier: MIT */
/* One line to one entry: the defaults, the choice of the format, and where a source is cut. */
#include "ingest_internal.h"

bool pp_ingest_line(const struct pp_ingest_options *options, struct pp_bytes line, uint64_t now_ns,
                    struct pp_ingest_scratch *scratch, struct pp_entry *entry)
{
    *entry = (struct pp_entry){.time_ns = now_ns,
                               .source = options->source,
                               .body = line,
                               .level = options->level,
                               .kind = PP_ENTRY_DATA};
    switch (options->format) {
    case PP_INGEST_JSONL:
        return pp_ingest_jsonl(line, scratch, entry);
    case PP_INGEST_SYSLOG:
        return pp_ingest_syslog(line, now_ns, entry);
    case PP_INGEST_PLAIN:
        break;
    }
    return true;
}

size_t pp_ingest_character_bytes(struct pp_bytes text)
{
    uint8_t lead = text.data[0];
    size_t bytes = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc2 ? 2 : 1;
    if (lead > 0xf4 || bytes > text.len)
        return 1;
    for (size_t i = 1; i < bytes; i++)
        if ((text.data[i] & 0xc0) != 0x80)
            return 1;
    return bytes;
}

struct pp_bytes pp_ingest_source_clip(struct pp_bytes text)
{
    if (text.len <= PP_SOURCE_BYTES_MAX)
        return text;
    struct pp_bytes rest = text;
    size_t kept = 0;
    for (;;) {
        size_t bytes = pp_ingest_character_bytes(rest);
        if (kept + bytes > PP_SOURCE_BYTES_MAX)
            break;
        kept += bytes;
        pp_ingest_skip(&rest, bytes);
    }
    return (struct pp_bytes){text.data, kept};
}
