/* SPDX-License-Identifier: MIT */
/* A ZIP reader that accepts the profile and nothing else (docs/format/bundle.md section 2).  The
   entries must tile the file: then what is hidden, doubled or overlapping has no place. */
#include "../base/base.h"
#include "zip.h"
#include "zip_layout.h"

#define FAULT_CODE(name, code, text) [name] = code,
#define FAULT_TEXT(name, code, text) [name] = text,
static const char *const fault_codes[PP_ZIP_FAULT_COUNT] = {PP_ZIP_FAULT_TABLE(FAULT_CODE)};
static const char *const fault_texts[PP_ZIP_FAULT_COUNT] = {PP_ZIP_FAULT_TABLE(FAULT_TEXT)};

const char *pp_zip_fault_code(enum pp_zip_fault fault)
{
    return (unsigned)fault < PP_ZIP_FAULT_COUNT ? fault_codes[fault] : "UNKNOWN";
}

const char *pp_zip_fault_text(enum pp_zip_fault fault)
{
    return (unsigned)fault < PP_ZIP_FAULT_COUNT ? fault_texts[fault] : "unknown fault";
}

/* ---- The end record ------------------------------------------------------------------------- */

/* Whether the signature stands anywhere in [from, to). */
/*@ requires pp_bytes_readable(file) && from <= to <= file.len;
    assigns \nothing; */
static bool has_magic(struct pp_bytes file, size_t from, size_t to, uint32_t magic)
{
    /*@ loop invariant from <= at <= to;
        loop assigns at;
        loop variant to - at; */
    for (size_t at = from; to - at >= 4 && at < to; at++)
        if (pp_get_le32(file.data + at) == magic)
            return true;
    return false;
}

/* The file does not end with an end record: is there one further ahead, where a reader that
   searches backwards would find it?  A comment has 65,535 bytes at most. */
/*@ requires pp_bytes_readable(file) && file.len >= PP_ZIP_END_BYTES;
    assigns \nothing;
    ensures \result != PP_ZIP_OK; */
static enum pp_zip_fault judge_tail(struct pp_bytes file)
{
    size_t reach = PP_ZIP_END_BYTES + 65535;
    size_t from = file.len > reach ? file.len - reach : 0;
    /* A whole record has to fit behind the signature. */
    return has_magic(file, from, file.len - PP_ZIP_END_BYTES + 3, ZIP_END_MAGIC)
               ? PP_ZIP_TRAILING_DATA
               : PP_ZIP_NO_END_RECORD;
}

/*@ requires pp_bytes_readable(file) && end + PP_ZIP_END_BYTES == file.len;
    assigns \nothing; */
static enum pp_zip_fault check_end(struct pp_bytes file, size_t end)
{
    const uint8_t *p = file.data + end;
    if (end >= ZIP64_LOCATOR_BYTES &&
        pp_get_le32(file.data + end - ZIP64_LOCATOR_BYTES) == ZIP64_LOCATOR_MAGIC)
        return PP_ZIP_ZIP64;
    if (pp_get_le16(p + 20) != 0)
        return PP_ZIP_TRAILING_DATA;
    if (pp_get_le16(p + 10) == 0xFFFF || pp_get_le32(p + 12) == UINT32_MAX ||
        pp_get_le32(p + 16) == UINT32_MAX)
        return PP_ZIP_ZIP64;
    if (pp_get_le16(p + 4) != 0 || pp_get_le16(p + 6) != 0)
        return PP_ZIP_DISKS;
    if (pp_get_le16(p + 8) != pp_get_le16(p + 10) || pp_get_le16(p + 10) > PP_ZIP_ENTRIES_MAX)
        return PP_ZIP_COUNT;
    return PP_ZIP_OK;
}

/* The directory ends where the end record begins; what stands in between tells why not. */
/*@ requires pp_bytes_readable(file) && end + PP_ZIP_END_BYTES == file.len;
    requires start <= UINT32_MAX && bytes <= UINT32_MAX;
    assigns \nothing;
    ensures \result == PP_ZIP_OK ==> start + bytes == end; */
static enum pp_zip_fault check_directory_place(struct pp_bytes file, size_t end, uint64_t start,
                                               uint64_t bytes)
{
    if (start + bytes == end)
        return PP_ZIP_OK;
    if (start + bytes > end)
        return PP_ZIP_DIRECTORY;
    if (has_magic(file, (size_t)(start + bytes), end, ZIP_END_MAGIC))
        return PP_ZIP_TWO_END_RECORDS;
    return pp_get_le32(file.data + start) == ZIP_DIRECTORY_MAGIC ? PP_ZIP_DIRECTORY
                                                            : PP_ZIP_PREFIXED_DATA;
}

enum pp_zip_fault pp_zip_open(struct pp_bytes file, struct pp_zip_reader *reader)
{
    if (file.len < PP_ZIP_END_BYTES)
        return PP_ZIP_NO_END_RECORD;
    size_t end = file.len - PP_ZIP_END_BYTES;
    if (pp_get_le32(file.data + end) != ZIP_END_MAGIC)
        return judge_tail(file);
    enum pp_zip_fault fault = check_end(file, end);
    if (fault != PP_ZIP_OK)
        return fault;
    uint32_t bytes = pp_get_le32(file.data + end + 12), start = pp_get_le32(file.data + end + 16);
    fault = check_directory_place(file, end, start, bytes);
    if (fault != PP_ZIP_OK)
        return fault;
    *reader = (struct pp_zip_reader){
        .file = file,
        .directory = start,
        .at = start,
        .end = end,
        .count = pp_get_le16(file.data + end + 10),
    };
    return PP_ZIP_OK;
}

/* ---- One entry ------------------------------------------------------------------------------ */

/*@ assigns \nothing;
    ensures \result == PP_ZIP_OK ==> flags == ZIP_FLAG_UTF8; */
static enum pp_zip_fault check_flags(unsigned flags)
{
    if ((flags & ZIP_FLAG_ENCRYPTED) != 0)
        return PP_ZIP_ENCRYPTED;
    if ((flags & ZIP_FLAG_DESCRIPTOR) != 0)
        return PP_ZIP_DATA_DESCRIPTOR;
    return flags == ZIP_FLAG_UTF8 ? PP_ZIP_OK : PP_ZIP_FLAGS;
}

/* Day, month and two-second steps in their ranges. */
/*@ assigns \nothing; */
static bool time_is_valid(unsigned time, unsigned date)
{
    unsigned month = date >> 5 & 15, day = date & 31;
    return month >= 1 && month <= 12 && day >= 1 && time >> 11 < 24 && (time >> 5 & 63) < 60 &&
           (time & 31) < 30;
}

/*@ requires \valid_read(p + (0 .. PP_ZIP_DIRECTORY_BYTES - 1));
    assigns \nothing;
    ensures \result == PP_ZIP_OK ==>
      pp_le32(p + 34) == 0 && pp_le32(p + 38) == ZIP_REGULAR_FILE; */
static enum pp_zip_fault check_attributes(const uint8_t *p)
{
    uint32_t external = pp_get_le32(p + 38);
    if (pp_get_le16(p + 34) != 0)
        return PP_ZIP_DISKS;
    if ((external >> 16 & 0170000) == 0120000)
        return PP_ZIP_SYMLINK;
    return external == ZIP_REGULAR_FILE && pp_get_le16(p + 36) == 0 ? PP_ZIP_OK : PP_ZIP_ATTRIBUTES;
}

/*@ requires \valid_read(p + (0 .. PP_ZIP_DIRECTORY_BYTES - 1));
    assigns \nothing;
    ensures \result == PP_ZIP_OK ==>
      pp_le16(p + 4) == ZIP_VERSION_MADE_BY && pp_le16(p + 6) == ZIP_VERSION_NEEDED
      && pp_le16(p + 8) == ZIP_FLAG_UTF8 && pp_le32(p + 30) == 0 && pp_le32(p + 34) == 0
      && pp_le32(p + 38) == ZIP_REGULAR_FILE; */
static enum pp_zip_fault check_fields(const uint8_t *p)
{
    enum pp_zip_fault fault = check_flags(pp_get_le16(p + 8));
    if (fault != PP_ZIP_OK)
        return fault;
    if (pp_get_le32(p + 20) == UINT32_MAX || pp_get_le32(p + 24) == UINT32_MAX ||
        pp_get_le32(p + 42) == UINT32_MAX)
        return PP_ZIP_ZIP64;
    if (pp_get_le16(p + 4) != ZIP_VERSION_MADE_BY || pp_get_le16(p + 6) != ZIP_VERSION_NEEDED)
        return PP_ZIP_VERSION;
    if (pp_get_le16(p + 10) != PP_ZIP_STORED && pp_get_le16(p + 10) != PP_ZIP_DEFLATED)
        return PP_ZIP_METHOD;
    if (pp_get_le16(p + 30) != 0 || pp_get_le16(p + 32) != 0)
        return PP_ZIP_EXTRA_FIELD;
    return check_attributes(p);
}

/*@ requires \valid(reader) && \valid_read(entry) && \separated(reader, entry);
    requires pp_zip_reading(*reader);
    assigns reader->total_bytes;
    ensures pp_zip_reading(*reader);
    ensures \result == PP_ZIP_OK ==> reader->total_bytes <= PP_ZIP_TOTAL_BYTES_MAX; */
static enum pp_zip_fault check_sizes(struct pp_zip_reader *reader, const struct pp_zip_entry *entry)
{
    if (entry->method == PP_ZIP_STORED && entry->packed_bytes != entry->bytes)
        return PP_ZIP_SIZE;
    if (entry->bytes / PP_ZIP_RATIO_MAX > entry->packed_bytes)
        return PP_ZIP_BOMB;
    reader->total_bytes += entry->bytes;
    return reader->total_bytes > PP_ZIP_TOTAL_BYTES_MAX ? PP_ZIP_BOMB : PP_ZIP_OK;
}

/* Names ascend; the file's time is that of its first entry. */
/*@ requires \valid(reader) && \valid_read(entry) && \separated(reader, entry);
    requires pp_bytes_readable(entry->name) && pp_zip_reading(*reader);
    requires \separated(reader, entry->name.data + (0 .. entry->name.len - 1));
    requires reader->read > 0 ==>
      \separated(reader, reader->last_name.data + (0 .. reader->last_name.len - 1));
    assigns reader->time, reader->date, reader->last_name;
    ensures pp_zip_reading(*reader);
    ensures \result == PP_ZIP_OK ==> reader->last_name == entry->name
      && (reader->read > 0 ==>
            !(entry->name.len == \old(reader->last_name).len
              && pp_zip_same_name(\old(reader->last_name.data), entry->name.data,
                                  entry->name.len))); */
static enum pp_zip_fault check_sequence(struct pp_zip_reader *reader,
                                        const struct pp_zip_entry *entry)
{
    if (reader->read == 0) {
        reader->time = entry->time;
        reader->date = entry->date;
    }
    if (entry->time != reader->time || entry->date != reader->date ||
        !time_is_valid(entry->time, entry->date))
        return PP_ZIP_TIME;
    int order = reader->read == 0 ? -1 : pp_zip_name_compare(reader->last_name, entry->name);
    if (order > 0)
        return PP_ZIP_ORDER;
    if (order == 0)
        return pp_equal_constant_time(reader->last_name.data, entry->name.data, entry->name.len)
                   ? PP_ZIP_DUPLICATE_NAME
                   : PP_ZIP_CASE_TWINS;
    reader->last_name = entry->name;
    return PP_ZIP_OK;
}

/* The entry must begin where the one before ended. */
/*@ requires \valid_read(reader) && \valid_read(entry) && pp_zip_reading(*reader);
    assigns \nothing;
    ensures \result == PP_ZIP_OK ==> entry->offset == reader->covered
      && entry->offset + PP_ZIP_LOCAL_BYTES <= reader->directory; */
static enum pp_zip_fault check_place(const struct pp_zip_reader *reader,
                                     const struct pp_zip_entry *entry)
{
    if (entry->offset < reader->covered)
        return PP_ZIP_OVERLAP;
    if (entry->offset > reader->directory || reader->directory - entry->offset < PP_ZIP_LOCAL_BYTES)
        return PP_ZIP_LOCAL_HEADER;
    if (entry->offset == reader->covered)
        return PP_ZIP_OK;
    if (pp_get_le32(reader->file.data + reader->covered) == ZIP_LOCAL_MAGIC)
        return PP_ZIP_HIDDEN_ENTRY;
    return reader->read == 0 ? PP_ZIP_PREFIXED_DATA : PP_ZIP_GAP;
}

/* The local header is the one that the writer makes of the directory's record. */
/*@ requires \valid_read(reader) && \valid(entry) && pp_zip_reading(*reader);
    requires pp_bytes_readable(entry->name) && entry->name.len <= PP_ZIP_NAME_BYTES_MAX;
    requires entry->offset + PP_ZIP_LOCAL_BYTES <= reader->directory;
    requires \separated(entry, reader, reader->file.data + (0 .. reader->file.len - 1));
    requires \separated(entry, entry->name.data + (0 .. entry->name.len - 1));
    assigns entry->packed;
    ensures same: reader->file == \old(reader->file) && reader->end == \old(reader->end)
      && reader->directory == \old(reader->directory);
    ensures \result == PP_ZIP_OK ==>
      entry->offset + PP_ZIP_LOCAL_BYTES + entry->name.len + entry->packed_bytes
           <= reader->directory
      && entry->packed.data
           == reader->file.data + entry->offset + PP_ZIP_LOCAL_BYTES + entry->name.len
      && entry->packed.len == entry->packed_bytes
      && pp_same(reader->file.data + entry->offset + PP_ZIP_LOCAL_BYTES, entry->name.data,
                 entry->name.len); */
static enum pp_zip_fault check_local(const struct pp_zip_reader *reader, struct pp_zip_entry *entry)
{
    uint8_t wanted[PP_ZIP_LOCAL_BYTES];
    const uint8_t *local = reader->file.data + entry->offset;
    size_t left = reader->directory - entry->offset - PP_ZIP_LOCAL_BYTES;
    if (pp_get_le32(local) != ZIP_LOCAL_MAGIC)
        return PP_ZIP_LOCAL_HEADER;
    pp_zip_put_local(entry, wanted);
    if (!pp_equal_constant_time(local, wanted, sizeof wanted))
        return PP_ZIP_LOCAL_MISMATCH;
    if (left < entry->name.len || left - entry->name.len < entry->packed_bytes)
        return PP_ZIP_OVERLAP;
    if (!pp_equal_constant_time(local + PP_ZIP_LOCAL_BYTES, entry->name.data, entry->name.len))
        return PP_ZIP_LOCAL_MISMATCH;
    entry->packed.data = local + PP_ZIP_LOCAL_BYTES + entry->name.len;
    entry->packed.len = entry->packed_bytes;
    return PP_ZIP_OK;
}

/* Cuts the next record off the directory. */
/*@ requires \valid(reader) && \valid(entry) && pp_zip_reading(*reader);
    requires \separated(reader, entry, reader->file.data + (0 .. reader->file.len - 1));
    assigns reader->at, *entry;
    ensures \result == PP_ZIP_OK ==> pp_zip_reading(*reader)
      && reader->at == \old(reader->at) + PP_ZIP_DIRECTORY_BYTES + entry->name.len
      && entry->name.data == reader->file.data + \old(reader->at) + PP_ZIP_DIRECTORY_BYTES; */
static enum pp_zip_fault read_record(struct pp_zip_reader *reader, struct pp_zip_entry *entry)
{
    const uint8_t *p = reader->file.data + reader->at;
    if (reader->end - reader->at < PP_ZIP_DIRECTORY_BYTES || pp_get_le32(p) != ZIP_DIRECTORY_MAGIC)
        return PP_ZIP_DIRECTORY_RECORD;
    size_t name_bytes = pp_get_le16(p + 28);
    if (reader->end - reader->at - PP_ZIP_DIRECTORY_BYTES < name_bytes)
        return PP_ZIP_DIRECTORY_RECORD;
    *entry = (struct pp_zip_entry){
        .name = {p + PP_ZIP_DIRECTORY_BYTES, name_bytes},
        .method = pp_get_le16(p + 10),
        .time = pp_get_le16(p + 12),
        .date = pp_get_le16(p + 14),
        .crc = pp_get_le32(p + 16),
        .packed_bytes = pp_get_le32(p + 20),
        .bytes = pp_get_le32(p + 24),
        .offset = pp_get_le32(p + 42),
    };
    reader->at += PP_ZIP_DIRECTORY_BYTES + name_bytes;
    return check_fields(p);
}

/* Behind the last entry the directory follows, and behind its last record the end record. */
/*@ requires \valid_read(reader) && pp_zip_reading(*reader);
    assigns \nothing;
    ensures \result == PP_ZIP_OK ==>
      reader->at == reader->end && reader->covered == reader->directory; */
static enum pp_zip_fault check_complete(const struct pp_zip_reader *reader)
{
    if (reader->at != reader->end)
        return PP_ZIP_COUNT;
    if (reader->covered == reader->directory)
        return PP_ZIP_OK;
    if (reader->directory - reader->covered >= 4 &&
        pp_get_le32(reader->file.data + reader->covered) == ZIP_LOCAL_MAGIC)
        return PP_ZIP_HIDDEN_ENTRY;
    return has_magic(reader->file, reader->covered, reader->directory, ZIP_END_MAGIC)
               ? PP_ZIP_TWO_END_RECORDS
               : PP_ZIP_GAP;
}

/* What the directory says of the next entry. */
/*@ requires \valid(reader) && \valid(entry) && pp_zip_reading(*reader);
    requires \separated(reader, entry, reader->file.data + (0 .. reader->file.len - 1));
    requires reader->read > 0 ==>
      \separated(reader, entry, reader->last_name.data + (0 .. reader->last_name.len - 1));
    assigns reader->at, reader->time, reader->date, reader->last_name, reader->total_bytes, *entry;
    ensures reads: \result == PP_ZIP_OK ==> pp_zip_reading(*reader);
    ensures same: reader->file == \old(reader->file) && reader->end == \old(reader->end)
      && reader->directory == \old(reader->directory);
    ensures record: \result == PP_ZIP_OK ==>
      reader->at == \old(reader->at) + PP_ZIP_DIRECTORY_BYTES + entry->name.len;
    ensures name: \result == PP_ZIP_OK ==>
      pp_zip_name_good(entry->name.data, entry->name.len) && reader->last_name == entry->name
      && pp_bytes_readable(entry->name)
      && \separated(reader, entry, entry->name.data + (0 .. entry->name.len - 1));
    ensures twins: \result == PP_ZIP_OK && \old(reader->read) > 0 ==>
      !(entry->name.len == \old(reader->last_name).len
        && pp_zip_same_name(\old(reader->last_name.data), entry->name.data, entry->name.len)); */
static enum pp_zip_fault take_record(struct pp_zip_reader *reader, struct pp_zip_entry *entry)
{
    enum pp_zip_fault fault = read_record(reader, entry);
    if (fault != PP_ZIP_OK)
        return fault;
    /*@ assert inside: pp_bytes_readable(entry->name)
          && \separated(reader, entry, entry->name.data + (0 .. entry->name.len - 1)); */
    fault = pp_zip_name_check(entry->name);
    if (fault != PP_ZIP_OK)
        return fault;
    fault = check_sequence(reader, entry);
    return fault == PP_ZIP_OK ? check_sizes(reader, entry) : fault;
}

/*@ requires \valid(reader) && \valid_read(entry) && \separated(reader, entry);
    requires pp_zip_reading(*reader) && reader->read < reader->count;
    requires entry->offset + PP_ZIP_LOCAL_BYTES + entry->name.len + entry->packed_bytes
      <= reader->directory;
    requires pp_bytes_readable(reader->last_name);
    assigns reader->covered, reader->read;
    ensures same: reader->file == \old(reader->file) && reader->end == \old(reader->end)
      && reader->directory == \old(reader->directory);
    ensures pp_zip_reading(*reader) && reader->read == \old(reader->read) + 1;
    ensures reader->covered
      == entry->offset + PP_ZIP_LOCAL_BYTES + entry->name.len + entry->packed_bytes; */
static void cover(struct pp_zip_reader *reader, const struct pp_zip_entry *entry)
{
    reader->covered =
        (size_t)entry->offset + PP_ZIP_LOCAL_BYTES + entry->name.len + entry->packed_bytes;
    reader->read++;
}

/* Where the entry lies: behind the one before, with the header that the directory calls for. */
/*@ requires \valid(reader) && \valid(entry) && pp_zip_reading(*reader);
    requires reader->read < reader->count && pp_bytes_readable(reader->last_name);
    requires pp_bytes_readable(entry->name) && entry->name.len <= PP_ZIP_NAME_BYTES_MAX;
    requires \separated(reader, entry, reader->file.data + (0 .. reader->file.len - 1));
    requires \separated(reader, entry, entry->name.data + (0 .. entry->name.len - 1));
    assigns reader->covered, reader->read, entry->packed;
    ensures tiles: \result == PP_ZIP_OK ==> pp_zip_reading(*reader)
      && entry->offset == \old(reader->covered) && reader->read == \old(reader->read) + 1
      && reader->covered
           == entry->offset + PP_ZIP_LOCAL_BYTES + entry->name.len + entry->packed_bytes;
    ensures data: \result == PP_ZIP_OK ==> entry->packed.len == entry->packed_bytes
      && entry->packed.data
           == reader->file.data + entry->offset + PP_ZIP_LOCAL_BYTES + entry->name.len; */
static enum pp_zip_fault take_place(struct pp_zip_reader *reader, struct pp_zip_entry *entry)
{
    enum pp_zip_fault fault = check_place(reader, entry);
    if (fault != PP_ZIP_OK)
        return fault;
    fault = check_local(reader, entry);
    if (fault == PP_ZIP_OK)
        cover(reader, entry);
    return fault;
}

enum pp_zip_fault pp_zip_next(struct pp_zip_reader *reader, struct pp_zip_entry *entry, bool *more)
{
    entry->name = (struct pp_bytes){NULL, 0};
    *more = reader->read < reader->count;
    if (!*more)
        return check_complete(reader);
    enum pp_zip_fault fault = take_record(reader, entry);
    return fault == PP_ZIP_OK ? take_place(reader, entry) : fault;
}
