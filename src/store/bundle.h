/* SPDX-License-Identifier: MIT */
/* What making and verifying bundles share: packed files, inflating, signatures, names of files. */
#ifndef PP_STORE_BUNDLE_H
#define PP_STORE_BUNDLE_H

#include <zlib.h>

#include <postproof/bundle.h>

#include "../bundle/parts.h"
#include "../bundle/zip.h"
#include "store.h"

#define PP_BUNDLE_FOLDER "evidence/"
#define PP_BUNDLE_DASHBOARDS "data/dashboards/"
#define PP_BUNDLE_ZIP_HASH_FILE "zip-sha256.txt"
#define PP_BUNDLE_KEY_FILE "bundle.key"
#define PP_BUNDLE_PUB_FILE "bundle.pub"
#define PP_BUNDLE_SSH_KEY_FILE "bundle-ssh.key"
#define PP_BUNDLE_ALLOWED_SIGNERS_FILE "allowed_signers"
#define PP_BUNDLE_SSH_NAMESPACE "postproof-bundle"
enum { PP_BUNDLE_NAME_BYTES = PP_ZIP_NAME_BYTES_MAX + 1 };

/* ---- bundle_pack.c: files on their way into a ZIP ---- */

/* A file, packed in memory. */
struct pp_packed {
    char name[PP_BUNDLE_NAME_BYTES]; /* below evidence/ */
    uint16_t method;
    uint8_t *data; /* malloc */
    size_t len, cap;
    uint64_t bytes;
    uint32_t crc;
    struct pp_digest digest;
};

/* Makes one from pieces. */
struct pp_packer {
    z_stream stream;
    bool open;
    struct pp_sha256_stream hash;
    struct pp_packed *file;
    size_t limit; /* packed bytes that are allowed */
};
/* PP_ERROR_MEMORY.  file is filled by pp_packer_end; free it with pp_packed_free in any case. */
PP_MUST_CHECK enum pp_error pp_packer_begin(struct pp_packer *packer, struct pp_packed *file,
                                            const char *name, size_t limit);
/* PP_ERROR_TOO_LARGE beyond the limit; then only pp_packer_abort is left. */
PP_MUST_CHECK enum pp_error pp_packer_add(struct pp_packer *packer, struct pp_bytes bytes);
PP_MUST_CHECK enum pp_error pp_packer_end(struct pp_packer *packer);
void pp_packer_abort(struct pp_packer *packer);
void pp_packed_free(struct pp_packed *file);

/* The files of a bundle, in any order. */
struct pp_pack {
    struct pp_packed *file;
    size_t count, cap;
};
/* A new file at the end; NULL without memory. */
struct pp_packed *pp_pack_new(struct pp_pack *pack);
/* One made of a single piece. */
PP_MUST_CHECK enum pp_error pp_pack_add(struct pp_pack *pack, const char *name,
                                        struct pp_bytes content, bool stored);
void pp_pack_free(struct pp_pack *pack);
/* In the order of ZIP names. */
void pp_pack_sort(struct pp_pack *pack);
/* Bytes of the ZIP file that this one costs, headers included. */
uint64_t pp_packed_cost(const struct pp_packed *file);
/* Writes all of it, sorted, and zip-sha256.txt and the directory behind; *bytes is the length. */
PP_MUST_CHECK enum pp_error pp_pack_write(const struct pp_pack *pack, uint64_t time_ns, int fd,
                                          uint64_t *bytes, struct pp_failure *failure);

/* ---- bundle_unpack.c: contents of a ZIP ---- */

/* Content of one entry, piece by piece; checks length and CRC at the end. */
struct pp_unpacker {
    z_stream stream;
    bool open, finished;
    struct pp_zip_entry entry;
    size_t stored_at;
    uint64_t bytes;
    uint32_t crc;
};
PP_MUST_CHECK enum pp_zip_fault pp_unpacker_begin(struct pp_unpacker *unpacker,
                                                  const struct pp_zip_entry *entry);
/* Fills out as far as there is content; *len 0 at its end. */
PP_MUST_CHECK enum pp_zip_fault pp_unpacker_read(struct pp_unpacker *unpacker, uint8_t *out,
                                                 size_t cap, size_t *len);
void pp_unpacker_end(struct pp_unpacker *unpacker);

#endif
