/* SPDX-License-Identifier: MIT */
/* The ZIP profile of bundles (docs/format/bundle.md section 2): a reader that refuses whatever the
   writer would not write, on a file in memory, and the writer's headers.  Source of the format:
   PKWARE APPNOTE 6.3.3, as ISO/IEC 21320-1 restricts it.  Compression is the caller's. */
#ifndef PP_BUNDLE_ZIP_H
#define PP_BUNDLE_ZIP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <postproof/bytes.h>
#include <postproof/error.h>

enum {
    PP_ZIP_ENTRIES_MAX = 4096,
    PP_ZIP_NAME_BYTES_MAX = 255,
    PP_ZIP_LOCAL_BYTES = 30,     /* before the name */
    PP_ZIP_DIRECTORY_BYTES = 46, /* before the name */
    PP_ZIP_END_BYTES = 22,
    PP_ZIP_STORED = 0,
    PP_ZIP_DEFLATED = 8,
    PP_ZIP_RATIO_MAX = 1032 /* deflate cannot expand more */
};
#define PP_ZIP_TOTAL_BYTES_MAX (UINT64_C(4) << 30) /* of all contents together */

/* Why a file is refused: a code for programs, a sentence for people. */
#define PP_ZIP_FAULT_TABLE(X)                                                                      \
    X(PP_ZIP_OK, "OK", "the container follows the profile")                                        \
    X(PP_ZIP_NO_END_RECORD, "NO_END_RECORD", "it does not end with an end record: no ZIP file")    \
    X(PP_ZIP_TRAILING_DATA, "TRAILING_DATA", "bytes follow the end record, or it has a comment")   \
    X(PP_ZIP_TWO_END_RECORDS, "TWO_END_RECORDS", "there are two end records")                      \
    X(PP_ZIP_ZIP64, "ZIP64", "ZIP64 structures are not allowed")                                   \
    X(PP_ZIP_DISKS, "DISKS", "it is split over disks")                                             \
    X(PP_ZIP_COUNT, "COUNT", "the end record counts other entries than there are, or too many")    \
    X(PP_ZIP_DIRECTORY, "DIRECTORY", "the central directory is not where the end record says")     \
    X(PP_ZIP_DIRECTORY_RECORD, "DIRECTORY_RECORD", "a record of the central directory is broken")  \
    X(PP_ZIP_VERSION, "VERSION", "an entry has versions that the profile does not allow")          \
    X(PP_ZIP_ENCRYPTED, "ENCRYPTED", "an entry is encrypted")                                      \
    X(PP_ZIP_DATA_DESCRIPTOR, "DATA_DESCRIPTOR", "an entry has a data descriptor")                 \
    X(PP_ZIP_FLAGS, "FLAGS", "an entry has flags that the profile does not allow")                 \
    X(PP_ZIP_METHOD, "METHOD", "an entry is neither stored nor deflated")                          \
    X(PP_ZIP_TIME, "TIME", "the entries do not all have the same valid time")                      \
    X(PP_ZIP_EXTRA_FIELD, "EXTRA_FIELD", "an entry has an extra field or a comment")               \
    X(PP_ZIP_SYMLINK, "SYMLINK", "an entry is a symbolic link")                                    \
    X(PP_ZIP_ATTRIBUTES, "ATTRIBUTES", "an entry is no regular file of mode 0644")                 \
    X(PP_ZIP_BOMB, "BOMB", "an entry expands more than deflate can, or all of them to too much")   \
    X(PP_ZIP_SIZE, "SIZE", "a stored entry has two different sizes")                               \
    X(PP_ZIP_NAME_EMPTY, "NAME_EMPTY", "a name is empty or too long")                              \
    X(PP_ZIP_NAME_ABSOLUTE, "NAME_ABSOLUTE", "a name is an absolute path")                         \
    X(PP_ZIP_NAME_DOTS, "NAME_DOTS",                                                               \
      "a name has a component \"..\" or one that starts with a dot")                               \
    X(PP_ZIP_NAME_BACKSLASH, "NAME_BACKSLASH", "a name has a backslash or a colon")                \
    X(PP_ZIP_NAME_FOLDER, "NAME_FOLDER", "a name is that of a folder, or has an empty component")  \
    X(PP_ZIP_NAME_NOT_ASCII, "NAME_NOT_ASCII", "a name is not ASCII, so that it has twins")        \
    X(PP_ZIP_NAME_NOT_PORTABLE, "NAME_NOT_PORTABLE",                                               \
      "a name has characters that are not portable")                                               \
    X(PP_ZIP_NAME_DEVICE, "NAME_DEVICE", "a name is that of a device on some systems")             \
    X(PP_ZIP_DUPLICATE_NAME, "DUPLICATE_NAME", "a name occurs twice")                              \
    X(PP_ZIP_CASE_TWINS, "CASE_TWINS", "two names differ in case only")                            \
    X(PP_ZIP_ORDER, "ORDER", "the names are not in ascending order")                               \
    X(PP_ZIP_OVERLAP, "OVERLAP", "two entries overlap")                                            \
    X(PP_ZIP_PREFIXED_DATA, "PREFIXED_DATA", "bytes stand before the first entry")                 \
    X(PP_ZIP_HIDDEN_ENTRY, "HIDDEN_ENTRY", "an entry is in the file but not in its directory")     \
    X(PP_ZIP_GAP, "GAP", "bytes between the entries belong to none")                               \
    X(PP_ZIP_LOCAL_HEADER, "LOCAL_HEADER", "an entry is not where the directory says")             \
    X(PP_ZIP_LOCAL_MISMATCH, "LOCAL_MISMATCH",                                                     \
      "an entry's local header differs from the directory")                                        \
    X(PP_ZIP_DATA, "DATA", "the compressed data of an entry is broken")                            \
    X(PP_ZIP_CRC, "CRC", "the content of an entry does not have its length or CRC")                \
    X(PP_ZIP_HASH, "HASH", "zip-sha256.txt does not have the hash of the bytes before it")         \
    X(PP_ZIP_UNKNOWN_NAME, "UNKNOWN_NAME", "a file does not belong into a bundle")                 \
    X(PP_ZIP_MISSING, "MISSING", "a file that every bundle has is missing")

#define PP_ZIP_FAULT_ENUM(name, code, text) name,
enum pp_zip_fault { PP_ZIP_FAULT_TABLE(PP_ZIP_FAULT_ENUM) PP_ZIP_FAULT_COUNT };
#undef PP_ZIP_FAULT_ENUM

const char *pp_zip_fault_code(enum pp_zip_fault fault);
const char *pp_zip_fault_text(enum pp_zip_fault fault);

/* One entry: what both headers say of it. */
struct pp_zip_entry {
    struct pp_bytes name;
    uint16_t method, time, date;
    uint32_t crc, packed_bytes, bytes;
    uint32_t offset;        /* of its local header */
    struct pp_bytes packed; /* reader: the data, borrowed from the file */
};

/* ---- Reading -------------------------------------------------------------------------------- */

/* A file being read from its first entry to its last. */
struct pp_zip_reader {
    struct pp_bytes file;
    size_t directory; /* offset of the central directory */
    size_t at;        /* of the next record in it */
    size_t end;       /* offset of the end record */
    size_t covered;   /* bytes before this one belong to the entries read so far */
    unsigned count, read;
    uint64_t total_bytes;
    struct pp_bytes last_name;
    uint16_t time, date;
};

/*@ logic integer pp_zip_lower(integer c) = 'A' <= c <= 'Z' ? c + 32 : c;

    predicate pp_zip_portable(integer c) =
      'a' <= pp_zip_lower(c) <= 'z' || '0' <= c <= '9' || c == '.' || c == '_' || c == '-';

    // What is accepted: portable characters in components that are not empty, do not begin with a
    // dot or a dash, and do not end with a dot.
    predicate pp_zip_name_good{L}(uint8_t *p, integer n) =
      0 < n <= PP_ZIP_NAME_BYTES_MAX
      && (\forall integer i; 0 <= i < n ==> p[i] == '/' || pp_zip_portable(p[i]))
      && (\forall integer i; 0 <= i < n && (i == 0 || p[i - 1] == '/')
            ==> p[i] != '/' && p[i] != '.' && p[i] != '-')
      && p[n - 1] != '/' && p[n - 1] != '.';

    predicate pp_zip_same_name{L}(uint8_t *a, uint8_t *b, integer n) =
      \forall integer i; 0 <= i < n ==> pp_zip_lower(a[i]) == pp_zip_lower(b[i]); */

/*@ // What a reader holds between two entries.
    predicate pp_zip_reading{L}(struct pp_zip_reader r) =
      pp_bytes_readable(r.file) && r.directory <= r.at <= r.end
      && r.end + PP_ZIP_END_BYTES == r.file.len && r.covered <= r.directory
      && (r.read > 0 ==> pp_bytes_readable(r.last_name)); */

/* Looks at the end record. */
/*@ requires pp_bytes_readable(file) && \valid(reader);
    requires \separated(reader, file.data + (0 .. file.len - 1));
    assigns *reader;
    ensures opened: \result == PP_ZIP_OK ==> pp_zip_reading(*reader) && reader->file == file
      && reader->at == reader->directory && reader->covered == 0 && reader->read == 0; */
PP_MUST_CHECK enum pp_zip_fault pp_zip_open(struct pp_bytes file, struct pp_zip_reader *reader);
/* The next entry, or PP_ZIP_OK with *more false behind the last, when all bytes of the file belong
   to an entry or the directory.  After a fault entry->name is the entry's, or empty. */
/*@ requires \valid(reader) && \valid(entry) && \valid(more) && pp_zip_reading(*reader);
    requires \separated(reader, entry, more, reader->file.data + (0 .. reader->file.len - 1));
    requires reader->read > 0 ==>
      \separated(reader, entry, more,
                 reader->last_name.data + (0 .. reader->last_name.len - 1));
    assigns *reader, *entry, *more;
    ensures complete: \result == PP_ZIP_OK && !*more ==>
      reader->at == reader->end && reader->covered == reader->directory; */
PP_MUST_CHECK enum pp_zip_fault pp_zip_next(struct pp_zip_reader *reader,
                                            struct pp_zip_entry *entry, bool *more);

/* The rule for names, without their order. */
/*@ requires pp_bytes_readable(name);
    assigns \nothing;
    ensures sound: \result == PP_ZIP_OK ==> pp_zip_name_good(name.data, name.len); */
PP_MUST_CHECK enum pp_zip_fault pp_zip_name_check(struct pp_bytes name);
/* Order of names when A-Z counts as a-z: less than, equal to or greater than 0. */
/*@ requires pp_bytes_readable(a) && pp_bytes_readable(b);
    assigns \nothing;
    ensures equal: \result == 0 <==> a.len == b.len && pp_zip_same_name(a.data, b.data, a.len);
    ensures range: -1 <= \result <= 1; */
int pp_zip_name_compare(struct pp_bytes a, struct pp_bytes b);

/* ---- Writing -------------------------------------------------------------------------------- */

/* The header before an entry's data into out[PP_ZIP_LOCAL_BYTES]; the name follows. */
/*@ requires \valid_read(entry) && \valid(out + (0 .. PP_ZIP_LOCAL_BYTES - 1));
    requires \separated(entry, out + (0 .. PP_ZIP_LOCAL_BYTES - 1));
    requires entry->name.len <= 0xFFFF;
    assigns out[0 .. PP_ZIP_LOCAL_BYTES - 1]; */
void pp_zip_put_local(const struct pp_zip_entry *entry, uint8_t out[PP_ZIP_LOCAL_BYTES]);
/* Its record in the directory; the name follows. */
/*@ requires \valid_read(entry) && \valid(out + (0 .. PP_ZIP_DIRECTORY_BYTES - 1));
    requires \separated(entry, out + (0 .. PP_ZIP_DIRECTORY_BYTES - 1));
    requires entry->name.len <= 0xFFFF;
    assigns out[0 .. PP_ZIP_DIRECTORY_BYTES - 1]; */
void pp_zip_put_directory(const struct pp_zip_entry *entry, uint8_t out[PP_ZIP_DIRECTORY_BYTES]);
void pp_zip_put_end(unsigned count, uint32_t directory, uint32_t directory_bytes,
                    uint8_t out[PP_ZIP_END_BYTES]);
/* Time of all entries: UTC, the range and step of the format. */
void pp_zip_time_of(uint64_t time_ns, uint16_t *time, uint16_t *date);

#endif
