/* SPDX-License-Identifier: MIT */
/* What finds room in a bundle beside the entries: proofs of single entries, large bodies, the
   timeline, OTLP JSON lines (docs/format/bundle.md section 9). */
#include "../bundle/views.h"
#include "bundle_create.h"
#include "timeline_writer.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    SHOWN_MAX = 100000, /* entries in timeline.html */
    SHOWN_MIN = 64,
    PAGE_TRIES = 4,
    PROOF_ROOM = 6144 /* a proof with its entry is tried when so much is left */
};

/* Takes a file into the bundle when it fits; it is freed in any case. */
static enum pp_error keep_if_it_fits(struct pp_creation *creation, struct pp_packed *file,
                                     bool *kept)
{
    *kept = pp_packed_cost(file) <= pp_creation_room(creation);
    struct pp_packed *place = *kept ? pp_pack_new(&creation->pack) : NULL;
    if (place != NULL)
        *place = *file;
    else
        pp_packed_free(file);
    return *kept && place == NULL ? PP_ERROR_MEMORY : PP_OK;
}

/* ---- Proofs of single entries ---- */

static enum pp_error encode_proof(struct pp_creation *creation, uint64_t seq,
                                  struct pp_tlog_proof *proof, char *text, size_t *len)
{
    proof->index = seq;
    proof->note = (struct pp_bytes){(const uint8_t *)creation->note, creation->note_len};
    enum pp_error error = pp_ledger_prove_inclusion(creation->reader, seq, creation->tree_size,
                                                    proof->path, &proof->count);
    return error == PP_OK ? pp_tlog_proof_format(proof, text, len) : error;
}

static enum pp_error encode_entry(struct pp_creation *creation, uint64_t seq, uint8_t *encoding,
                                  size_t *len, bool *kept)
{
    struct pp_entry entry;
    enum pp_error error = pp_ledger_reader_seek(creation->reader, seq);
    if (error == PP_OK)
        error = pp_ledger_reader_next(creation->reader, &entry);
    if (error != PP_OK)
        return error;
    *kept = pp_creation_keeps(creation, &entry);
    return pp_entry_encode(&entry, encoding, PP_ENTRY_BYTES_MAX, len);
}

static enum pp_error add_proof(struct pp_creation *creation, uint64_t seq, char *text,
                               uint8_t *encoding)
{
    struct pp_tlog_proof proof;
    char name[PP_BUNDLE_NAME_BYTES];
    size_t text_len, entry_len;
    bool kept;
    enum pp_error error = encode_entry(creation, seq, encoding, &entry_len, &kept);
    if (error != PP_OK || !kept || pp_creation_room(creation) < PROOF_ROOM + entry_len)
        return error;
    error = encode_proof(creation, seq, &proof, text, &text_len);
    snprintf(name, sizeof name, "data/proofs/%020" PRIu64 ".tlog-proof", seq);
    if (error == PP_OK)
        error = pp_pack_add(&creation->pack, name,
                            (struct pp_bytes){(const uint8_t *)text, text_len}, false);
    snprintf(name, sizeof name, "data/proofs/%020" PRIu64 ".entry", seq);
    if (error == PP_OK)
        error = pp_pack_add(&creation->pack, name, (struct pp_bytes){encoding, entry_len}, false);
    creation->report->proofs += error == PP_OK;
    return error;
}

/* The first and the last entry that are kept, and errors between them. */
enum pp_error pp_creation_proofs(struct pp_creation *creation)
{
    char *text = malloc(PP_TLOG_PROOF_BYTES_MAX);
    uint8_t *encoding = malloc(PP_ENTRY_BYTES_MAX);
    enum pp_error error = text != NULL && encoding != NULL ? PP_OK : PP_ERROR_MEMORY;
    uint64_t first = creation->ranges[0].start;
    uint64_t last = creation->ranges[creation->range_count - 1].end - 1;
    if (error == PP_OK)
        error = add_proof(creation, first, text, encoding);
    if (error == PP_OK && last != first)
        error = add_proof(creation, last, text, encoding);
    for (size_t i = 0; i < creation->important_count && error == PP_OK; i++)
        if (creation->important[i] != first && creation->important[i] != last &&
            creation->report->proofs < PP_BUNDLE_PROOFS_MAX)
            error = add_proof(creation, creation->important[i], text, encoding);
    free(text);
    free(encoding);
    return pp_creation_fail(creation, error, "the proofs of single entries can't be made");
}

/* ---- Blobs ---- */

struct blob {
    uint64_t bytes, seq;
    struct pp_digest digest;
};

static int compare_blobs(const void *a, const void *b)
{
    const struct blob *left = a, *right = b;
    if (left->bytes != right->bytes)
        return left->bytes < right->bytes ? -1 : 1;
    return memcmp(&left->digest, &right->digest, sizeof left->digest);
}

static enum pp_error list_blobs(struct pp_creation *creation, struct blob **blobs, size_t *count)
{
    struct pp_entry entry;
    size_t cap = 0;
    *blobs = NULL;
    *count = 0;
    enum pp_error error = pp_creation_seek(creation);
    while (error == PP_OK && (error = pp_creation_next(creation, &entry)) == PP_OK) {
        if (entry.kind != PP_ENTRY_REFERENCE || !pp_creation_keeps(creation, &entry))
            continue;
        if (*count == cap) {
            cap = cap == 0 ? 64 : 2 * cap;
            struct blob *more = realloc(*blobs, cap * sizeof *more);
            if (more == NULL)
                return PP_ERROR_MEMORY;
            *blobs = more;
        }
        struct blob *blob = &(*blobs)[(*count)++];
        *blob = (struct blob){.bytes = pp_get_u64(entry.body.data), .seq = entry.seq};
        memcpy(blob->digest.b, entry.body.data + 8, PP_DIGEST_BYTES);
    }
    return error == PP_ERROR_NOT_FOUND ? PP_OK : error;
}

static enum pp_error read_blob(struct pp_creation *creation, const struct blob *blob,
                               uint8_t **data, size_t *len)
{
    struct pp_entry entry;
    enum pp_error error = pp_ledger_reader_seek(creation->reader, blob->seq);
    if (error == PP_OK)
        error = pp_ledger_reader_next(creation->reader, &entry);
    return error == PP_OK ? pp_ledger_reader_blob(creation->reader, &entry, data, len) : error;
}

static enum pp_error add_blob(struct pp_creation *creation, const struct blob *blob, bool *kept)
{
    char name[PP_BUNDLE_NAME_BYTES] = "data/blobs/";
    struct pp_packer packer;
    struct pp_packed file = {0};
    uint8_t *data = NULL;
    size_t len = 0;
    *kept = false;
    /* Nothing packs to less than a thousandth. */
    if (blob->bytes / PP_ZIP_RATIO_MAX > pp_creation_room(creation) || blob->bytes > UINT32_MAX / 2)
        return PP_OK;
    enum pp_error error = read_blob(creation, blob, &data, &len);
    if (error != PP_OK)
        return error;
    pp_hex_encode(blob->digest.b, PP_DIGEST_BYTES, name + strlen(name));
    error = pp_packer_begin(&packer, &file, name, (size_t)pp_creation_room(creation));
    if (error == PP_OK)
        error = pp_packer_add(&packer, (struct pp_bytes){data, len});
    if (error == PP_OK)
        error = pp_packer_end(&packer);
    pp_packer_abort(&packer);
    free(data);
    if (error == PP_OK)
        return keep_if_it_fits(creation, &file, kept);
    pp_packed_free(&file);
    return error == PP_ERROR_TOO_LARGE ? PP_OK : error;
}

enum pp_error pp_creation_blobs(struct pp_creation *creation)
{
    struct blob *blobs;
    size_t count;
    enum pp_error error = list_blobs(creation, &blobs, &count);
    if (error == PP_OK && count > 0)
        qsort(blobs, count, sizeof *blobs, compare_blobs);
    for (size_t i = 0; i < count && error == PP_OK; i++) {
        bool kept = true;
        if (i > 0 && pp_digest_equal(&blobs[i].digest, &blobs[i - 1].digest))
            continue;
        error = add_blob(creation, &blobs[i], &kept);
        creation->report->blobs += kept;
        creation->report->blobs_omitted += !kept;
        creation->omitted_blob_bytes += kept ? 0 : blobs[i].bytes;
    }
    free(blobs);
    return pp_creation_fail(creation, error, "a large body can't be read");
}

/* ---- timeline.html ---- */

static bool keeps(void *context, const struct pp_entry *entry)
{
    return pp_creation_keeps(context, entry);
}

static struct pp_timeline_request timeline_request(struct pp_creation *creation, uint64_t shown)
{
    const struct pp_bundle_options *options = creation->options;
    return (struct pp_timeline_request){
        .first_seq = creation->window.first_seq,
        .next_seq = creation->window.next_seq,
        .from_ns = creation->window.from_ns,
        .until_ns = creation->window.until_ns,
        .shown_max = shown,
        .keep = creation->report->kept == creation->report->entries ? NULL : keeps,
        .keep_context = creation,
        .origin = pp_bytes_of(creation->window.origin),
        .title = pp_bytes_of(options->title != NULL ? options->title : ""),
        .incident = pp_bytes_of(options->incident_id != NULL ? options->incident_id : ""),
        .checkpoint = {(const uint8_t *)creation->note, creation->note_len},
        .tree_size = creation->tree_size,
    };
}

/* A page with at most so many entries; *cost is what it costs when it was not kept. */
static enum pp_error try_page(struct pp_creation *creation, uint64_t shown, bool *kept,
                              uint64_t *cost)
{
    struct pp_timeline_request request = timeline_request(creation, shown);
    struct pp_timeline_report report;
    struct pp_packer packer;
    struct pp_packed file = {0};
    uint8_t *page = NULL;
    size_t len = 0;
    enum pp_error error = pp_timeline_of_ledger(creation->reader, &request, &page, &len, &report);
    if (error == PP_OK)
        error = pp_packer_begin(&packer, &file, "data/timeline.html", SIZE_MAX);
    if (error == PP_OK)
        error = pp_packer_add(&packer, (struct pp_bytes){page, len});
    if (error == PP_OK)
        error = pp_packer_end(&packer);
    free(page);
    if (error != PP_OK) {
        pp_packed_free(&file);
        return error;
    }
    *cost = pp_packed_cost(&file);
    return keep_if_it_fits(creation, &file, kept);
}

/* As many entries as fit: from a guess, what it cost tells the next one. */
static enum pp_error add_page(struct pp_creation *creation)
{
    uint64_t room = pp_creation_room(creation), kept = creation->report->kept, cost = 0;
    uint64_t shown = kept < SHOWN_MAX ? kept : SHOWN_MAX;
    uint64_t each = 1 + creation->packed_entries * 13 / 10 / kept; /* a guess */
    if (shown > room / each)
        shown = room / each;
    bool done = false;
    enum pp_error error = PP_OK;
    for (int i = 0; i < PAGE_TRIES && !done && shown >= SHOWN_MIN && error == PP_OK; i++) {
        error = try_page(creation, shown, &done, &cost);
        if (!done && error == PP_OK)
            shown = (uint64_t)((double)shown * (double)room / (double)cost * 0.93);
    }
    creation->report->has_timeline_html = done;
    return error;
}

/* ---- JSON lines ---- */

typedef enum pp_error (*line_maker)(const struct pp_entry *entry, struct pp_bundle_text *text);

static enum pp_error pack_lines(struct pp_creation *creation, struct pp_packer *packer,
                                line_maker make, struct pp_bundle_text *text)
{
    struct pp_entry entry;
    enum pp_error error = pp_creation_seek(creation);
    while (error == PP_OK && (error = pp_creation_next(creation, &entry)) == PP_OK) {
        if (!pp_creation_keeps(creation, &entry))
            continue;
        text->len = 0;
        error = make(&entry, text);
        if (error == PP_OK)
            error = pp_packer_add(packer, (struct pp_bytes){text->data, text->len});
    }
    return error == PP_ERROR_NOT_FOUND ? pp_packer_end(packer) : error;
}

/* One line for each entry, all of them or no file. */
static enum pp_error add_lines(struct pp_creation *creation, const char *name, line_maker make,
                               bool *kept)
{
    struct pp_bundle_text text = {malloc(PP_BUNDLE_ENTRY_ROOM), PP_BUNDLE_ENTRY_ROOM, 0};
    struct pp_packer packer;
    struct pp_packed file = {0};
    *kept = false;
    if (text.data == NULL)
        return PP_ERROR_MEMORY;
    enum pp_error error = pp_packer_begin(&packer, &file, name, (size_t)pp_creation_room(creation));
    if (error == PP_OK)
        error = pack_lines(creation, &packer, make, &text);
    pp_packer_abort(&packer);
    free(text.data);
    if (error == PP_OK)
        return keep_if_it_fits(creation, &file, kept);
    pp_packed_free(&file);
    return error == PP_ERROR_TOO_LARGE ? PP_OK : error;
}

/* Without the leaf hash, which no program can compress. */
static enum pp_error timesketch_line(const struct pp_entry *entry, struct pp_bundle_text *text)
{
    return pp_bundle_timeline_line(entry, NULL, text);
}

enum pp_error pp_creation_views(struct pp_creation *creation)
{
    enum pp_error error = add_page(creation);
    if (error == PP_OK)
        error = add_lines(creation, "data/entries/otlp.jsonl", pp_bundle_otlp_line,
                          &creation->report->has_otlp);
    if (error == PP_OK)
        error = add_lines(creation, "data/timeline.jsonl", timesketch_line,
                          &creation->report->has_timeline_jsonl);
    return pp_creation_fail(creation, error, "the views of the entries can't be made");
}
