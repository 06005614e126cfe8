/* SPDX-License-Identifier: MIT */
/* One walk over the entries of a bundle: the tree with its gaps, the seals with their roots and
   tags, the bodies that are referred to, the OTLP lines. */
#include "bundle_verify.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

enum { BATCH = 1024, RAW_BYTES = 1 << 16 };

/* A group between two seals, as seals.ppf lists it. */
struct seal_cursor {
    struct pp_bytes rest;
    bool begun, done;
    uint64_t epoch, first_seq, next_seq; /* of the group in hand */
    bool full;                           /* its seal is here */
    struct pp_bytes content;
    struct pp_seal seal;
    uint64_t seals, roots_checked;
};

/* The tags of the group in hand, with the auditor's key. */
struct tag_state {
    struct pp_ratchet ratchet;
    struct pp_epoch_keys keys;
    bool known; /* tag is that of the entry before */
    struct pp_tag tag;
    uint64_t recomputed, not_recomputed; /* groups */
};

struct walk {
    struct pp_bundle_verification *v;
    struct pp_merkle_tree tree;
    struct pp_hash_engine *engine;
    struct pp_bundle_tree_reader gaps;
    struct pp_bundle_gap gap;
    bool has_gap;
    struct seal_cursor seals;
    struct tag_state *tags; /* secret memory, or NULL */
    struct pp_digest header_log_id;
    bool has_header;

    struct pp_block_reader block;
    struct pp_digest leaves[BATCH];
    size_t leaf_count;
    uint8_t encoding[PP_ENTRY_BYTES_MAX];

    struct pp_unpacker otlp;
    bool has_otlp;
    uint8_t *otlp_text, *otlp_line;
    size_t otlp_at, otlp_len;
};

static bool bad_tree(struct walk *w, const char *place, const char *what)
{
    return pp_check_bad(w->v, PP_CHECK_TREE, "TREE", place, "%s", what);
}

static bool bad_seals(struct walk *w, const char *what)
{
    return pp_check_bad(w->v, PP_CHECK_SEALS, "SEALS", "data/ledger/seals.ppf", "%s", what);
}

static bool bad_tags(struct walk *w, uint64_t seq, const char *what)
{
    return pp_check_bad(w->v, PP_CHECK_TAGS, "TAGS", "data/entries/entries.ppe",
                        "%s, in the group that ends before entry %llu", what,
                        (unsigned long long)seq);
}

/* ---- Seals ---- */

static bool check_header(struct walk *w, const struct pp_segment_header *header)
{
    const struct pp_trust_root *trust = &w->v->trust;
    struct pp_bytes origin = w->v->checkpoint.origin;
    if (header->origin.len != origin.len ||
        memcmp(header->origin.data, origin.data, origin.len) != 0)
        return bad_seals(w, "a segment header has another origin than the checkpoint");
    if (trust->has_checkpoint) {
        struct pp_digest log_id = pp_log_id(header->key_id, trust->checkpoint.public_key, origin);
        if (!pp_digest_equal(&log_id, &header->log_id))
            return bad_seals(w, "a segment header's log id is not that of the key and origin");
    }
    if (w->has_header && !pp_digest_equal(&w->header_log_id, &header->log_id))
        return bad_seals(w, "segment headers name different logs");
    w->header_log_id = header->log_id;
    w->has_header = true;
    return true;
}

static bool take_seal(struct walk *w, const struct pp_seal_item *item)
{
    struct seal_cursor *s = &w->seals;
    const struct pp_seal *seal = &item->seal;
    if (!w->has_header || !pp_digest_equal(&seal->log_id, &w->header_log_id))
        return bad_seals(w, "a seal belongs to another log");
    if (s->begun && (seal->epoch != s->epoch + 1 || seal->first_seq != s->next_seq))
        return bad_seals(w, "the seals do not join");
    if (s->begun && s->full && !pp_tag_equal(&s->seal.tag, &seal->previous_tag))
        return bad_seals(w, "a seal does not continue the tag of the one before");
    s->epoch = seal->epoch;
    s->first_seq = seal->first_seq;
    s->next_seq = seal->next_seq;
    s->full = true;
    s->content = item->content;
    s->seal = *seal;
    return true;
}

static bool take_count(struct walk *w, const struct pp_seal_item *item)
{
    struct seal_cursor *s = &w->seals;
    if (!s->begun || item->entries > INT64_MAX - s->next_seq || s->epoch >= PP_EPOCH_MAX)
        return bad_seals(w, "the first seal is left out, or a number is too large");
    s->epoch++;
    s->first_seq = s->next_seq;
    s->next_seq += item->entries;
    s->full = false;
    return true;
}

/* To the next group; false also at the end, when seals->done. */
static bool next_group(struct walk *w)
{
    struct seal_cursor *s = &w->seals;
    struct pp_seal_item item;
    enum pp_error error;
    while ((error = pp_seals_next(&s->rest, &item)) == PP_OK && item.type == PP_RECORD_HEADER)
        if (!check_header(w, &item.header))
            return false;
    if (error == PP_ERROR_NOT_FOUND) {
        s->done = true;
        return s->full || bad_seals(w, "the last seal is left out");
    }
    if (error != PP_OK)
        return bad_seals(w, "the records of the seals are broken");
    if (!(item.type == PP_RECORD_SEAL ? take_seal(w, &item) : take_count(w, &item)))
        return false;
    if (!s->begun)
        w->v->first_seq = s->first_seq;
    s->begun = true;
    s->seals++;
    return true;
}

/* ---- Tags ---- */

static void start_tags(struct walk *w)
{
    struct tag_state *t = w->tags;
    if (t == NULL || w->seals.done)
        return;
    if (!t->known && w->seals.full && w->seals.seals == 1) {
        t->tag = w->seals.seal.previous_tag;
        t->known = true;
    }
    if (pp_ratchet_forward(&t->ratchet, w->seals.epoch) == PP_OK)
        pp_epoch_keys_init(&t->keys, &t->ratchet);
}

/* At the end of a group: MAC and tag of its seal, where it is here. */
static bool finish_tags(struct walk *w)
{
    struct tag_state *t = w->tags;
    const struct seal_cursor *s = &w->seals;
    if (t == NULL)
        return true;
    t->recomputed += t->known;
    t->not_recomputed += !t->known;
    if (!s->full)
        return true;
    if (!pp_seal_mac_valid(s->content, &t->keys.seal))
        return bad_tags(w, s->next_seq, "a seal was not made with the key");
    if (t->known && !pp_tag_equal(&t->tag, &s->seal.tag))
        return bad_tags(w, s->next_seq, "the entries do not have the tag of the seal");
    t->tag = s->seal.tag;
    t->known = true;
    return true;
}

/* ---- Tree ---- */

static bool flush_leaves(struct walk *w)
{
    enum pp_error error =
        pp_merkle_tree_append(&w->tree, w->engine, w->leaves, w->leaf_count, NULL);
    w->leaf_count = 0;
    return error == PP_OK || bad_tree(w, "data/entries/entries.ppe", "there are too many entries");
}

static uint64_t tree_at(const struct walk *w)
{
    return w->tree.size + w->leaf_count;
}

/* The seals whose groups end here: their roots are those of the tree. */
static bool pass_seals(struct walk *w)
{
    struct seal_cursor *s = &w->seals;
    while (!s->done && tree_at(w) == s->next_seq) {
        if (s->full) {
            if (!flush_leaves(w))
                return false;
            struct pp_digest root = pp_merkle_tree_root(&w->tree);
            if (!pp_digest_equal(&root, &s->seal.root))
                return bad_seals(w, "a seal has another root than the entries give");
            s->roots_checked++;
        }
        if (!finish_tags(w) || !next_group(w))
            return false;
        start_tags(w);
    }
    return true;
}

/* Entries of the group in hand are missing before `end`: its tags can't be computed. */
static void forget_tag(struct walk *w, uint64_t end)
{
    if (w->tags != NULL && !w->seals.done && end > w->seals.first_seq)
        w->tags->known = false;
}

/* A gap in which groups end: their roots can't be computed here. */
static bool skip_seals(struct walk *w, uint64_t end)
{
    struct seal_cursor *s = &w->seals;
    forget_tag(w, end);
    while (!s->done && s->next_seq < end) {
        if (!finish_tags(w) || !next_group(w))
            return false;
        start_tags(w);
        forget_tag(w, end);
    }
    return pass_seals(w);
}

static bool next_gap(struct walk *w)
{
    enum pp_error error = pp_bundle_tree_next(&w->gaps, &w->gap);
    w->has_gap = error == PP_OK;
    return error == PP_OK || error == PP_ERROR_NOT_FOUND ||
           bad_tree(w, "data/ledger/window.tree", "its gaps are broken");
}

static bool fill_gap(struct walk *w)
{
    const struct pp_digest *hashes = (const struct pp_digest *)w->gap.hashes.data;
    uint64_t start = w->gap.start, end = w->gap.end;
    if (!flush_leaves(w))
        return false;
    for (size_t i = 0; start < end; i++) {
        unsigned height = pp_bundle_tile_height(start, end);
        if (pp_bundle_tree_add(&w->tree, height, &hashes[i]) != PP_OK)
            return bad_tree(w, "data/ledger/window.tree", "a gap does not fit into the tree");
        start += UINT64_C(1) << height;
    }
    return skip_seals(w, end) && next_gap(w);
}

/* ---- OTLP lines ---- */

static bool bad_views(struct walk *w)
{
    return pp_check_bad(w->v, PP_CHECK_VIEWS, "VIEWS", "data/entries/otlp.jsonl",
                        "it does not say what the entries say");
}

static bool same_otlp(struct walk *w, struct pp_bytes line)
{
    while (line.len > 0) {
        if (w->otlp_at == w->otlp_len) {
            w->otlp_at = 0;
            if (pp_unpacker_read(&w->otlp, w->otlp_text, RAW_BYTES, &w->otlp_len) != PP_ZIP_OK ||
                w->otlp_len == 0)
                return false;
        }
        size_t left = w->otlp_len - w->otlp_at, n = left < line.len ? left : line.len;
        if (memcmp(w->otlp_text + w->otlp_at, line.data, n) != 0)
            return false;
        w->otlp_at += n;
        line.data += n;
        line.len -= n;
    }
    return true;
}

static void check_otlp(struct walk *w, const struct pp_entry *entry)
{
    struct pp_bundle_text line = {w->otlp_line, PP_BUNDLE_ENTRY_ROOM, 0};
    if (!w->has_otlp)
        return;
    if (pp_bundle_otlp_line(entry, &line) != PP_OK ||
        !same_otlp(w, (struct pp_bytes){line.data, line.len}))
        w->has_otlp = bad_views(w);
}

static void finish_otlp(struct walk *w)
{
    size_t more = 0;
    bool present = pp_bundle_find(w->v, "data/entries/otlp.jsonl") != NULL;
    if (w->has_otlp &&
        (w->otlp_at < w->otlp_len ||
         pp_unpacker_read(&w->otlp, w->otlp_text, RAW_BYTES, &more) != PP_ZIP_OK || more > 0))
        w->has_otlp = bad_views(w);
    pp_unpacker_end(&w->otlp);
    if (w->has_otlp || !present)
        pp_check_good(w->v, PP_CHECK_VIEWS,
                      present ? "otlp.jsonl is the same as made again from the entries"
                              : "no OTLP lines in this bundle");
}

/* ---- Entries ---- */

/* A large body that is here must be one that an entry refers to, with that length. */
static void mark_blob(struct pp_bundle_verification *v, const struct pp_entry *entry)
{
    char name[PP_BUNDLE_NAME_BYTES] = "data/blobs/";
    if (entry->kind != PP_ENTRY_REFERENCE)
        return;
    pp_hex_encode(entry->body.data + 8, PP_DIGEST_BYTES, name + strlen(name));
    struct pp_checked_file *file = pp_bundle_find(v, name);
    if (file != NULL && file->entry.bytes == pp_get_u64(entry->body.data))
        file->seen = true;
}

static bool check_entry(struct walk *w, const struct pp_entry *entry)
{
    size_t len;
    while (w->has_gap && tree_at(w) == w->gap.start && entry->seq >= w->gap.end)
        if (!fill_gap(w))
            return false;
    if (entry->seq != tree_at(w) || (w->has_gap && entry->seq >= w->gap.start))
        return bad_tree(w, "data/entries/entries.ppe", "an entry is where the tree has none");
    if (pp_entry_encode(entry, w->encoding, sizeof w->encoding, &len) != PP_OK)
        return bad_tree(w, "data/entries/entries.ppe", "an entry has no canonical encoding");
    struct pp_digest leaf = pp_leaf_hash((struct pp_bytes){w->encoding, len});
    if (w->tags != NULL && w->tags->known)
        w->tags->tag = pp_chain_tag(&w->tags->keys.tag, &w->tags->tag, &leaf);
    w->leaves[w->leaf_count++] = leaf;
    w->v->kept[entry->level]++;
    w->v->report->entries++;
    mark_blob(w->v, entry);
    check_otlp(w, entry);
    if (w->v->options->entry != NULL &&
        w->v->options->entry(w->v->options->context, entry) != PP_OK)
        return pp_check_skip(w->v, PP_CHECK_TREE, "STOPPED", "the caller stopped it");
    if (w->leaf_count == BATCH && !flush_leaves(w))
        return false;
    return pass_seals(w);
}

static bool read_exactly(struct pp_unpacker *unpacker, uint8_t *out, size_t len, size_t *got)
{
    size_t n = 1;
    for (*got = 0; *got < len && n > 0; *got += n)
        if (pp_unpacker_read(unpacker, out + *got, len - *got, &n) != PP_ZIP_OK)
            return false;
    return true;
}

static bool check_block(struct walk *w, struct pp_bytes block)
{
    struct pp_entry entry;
    enum pp_error error = pp_block_open(block, &w->block);
    while (error == PP_OK && (error = pp_block_next(&w->block, &entry)) == PP_OK)
        if (!check_entry(w, &entry))
            return false;
    return error == PP_ERROR_NOT_FOUND ||
           bad_tree(w, "data/entries/entries.ppe", "a block of entries is broken");
}

static bool check_blocks(struct walk *w, struct pp_unpacker *unpacker, struct pp_buffer *buffer)
{
    uint8_t head[PP_BLOCK_HEAD_BYTES];
    size_t got, bytes;
    for (;;) {
        bool good = read_exactly(unpacker, head, sizeof head, &got);
        if (good && got == 0)
            return true;
        good = good && got == sizeof head && pp_block_length(head, &bytes) == PP_OK &&
               pp_buffer_reserve(buffer, bytes);
        if (good) {
            memcpy(buffer->data, head, sizeof head);
            good = read_exactly(unpacker, buffer->data + sizeof head, bytes - sizeof head, &got) &&
                   got == bytes - sizeof head;
        }
        if (!good)
            return bad_tree(w, "data/entries/entries.ppe", "a block of entries is cut off");
        if (!check_block(w, (struct pp_bytes){buffer->data, bytes}))
            return false;
    }
}

/* Behind the last entry there may be gaps; then the root is the checkpoint's. */
static bool finish_tree(struct walk *w)
{
    const struct pp_checkpoint *checkpoint = &w->v->checkpoint;
    while (w->has_gap && tree_at(w) == w->gap.start)
        if (!fill_gap(w))
            return false;
    if (w->has_gap || !flush_leaves(w))
        return bad_tree(w, "data/ledger/window.tree", "a gap is where entries are");
    struct pp_digest root = pp_merkle_tree_root(&w->tree);
    if (w->tree.size != checkpoint->size || w->gaps.size != checkpoint->size)
        return bad_tree(w, "data/ledger/window.tree",
                        "the tree has another size than the checkpoint");
    if (!pp_digest_equal(&root, &checkpoint->root))
        return bad_tree(w, "data/entries/entries.ppe",
                        "the entries do not lead to the checkpoint's root: something was changed");
    pp_check_good(w->v, PP_CHECK_TREE, "%llu entries and their gaps give the checkpoint's root",
                  (unsigned long long)w->v->report->entries);
    return true;
}

static void finish_seals(struct walk *w)
{
    const struct seal_cursor *s = &w->seals;
    const struct tag_state *t = w->tags;
    w->v->next_seq = s->next_seq;
    w->v->report->seals = s->seals;
    if (!s->done) {
        bad_seals(w, "the seals go on behind the entries");
        return;
    }
    pp_check_good(w->v, PP_CHECK_SEALS, "%llu seals join, %llu roots compared",
                  (unsigned long long)s->seals, (unsigned long long)s->roots_checked);
    if (t != NULL && t->not_recomputed > 0)
        pp_check_skip(w->v, PP_CHECK_TAGS, "ENTRIES_OMITTED",
                      "%llu groups recomputed; entries of %llu groups are not in the bundle",
                      (unsigned long long)t->recomputed, (unsigned long long)t->not_recomputed);
    else if (t != NULL)
        pp_check_good(w->v, PP_CHECK_TAGS, "%llu groups recomputed, the tags are the seals'",
                      (unsigned long long)t->recomputed);
}

/* The tree begins before the first seal's group. */
static bool walk_entries(struct walk *w)
{
    struct pp_unpacker unpacker;
    struct pp_buffer buffer = {0};
    start_tags(w);
    const struct pp_checked_file *file = pp_bundle_find(w->v, "data/entries/entries.ppe");
    bool good = pp_unpacker_begin(&unpacker, &file->entry) == PP_ZIP_OK && next_gap(w) &&
                check_blocks(w, &unpacker, &buffer) && finish_tree(w);
    pp_unpacker_end(&unpacker);
    pp_buffer_free(&buffer);
    return good;
}

static bool open_parts(struct walk *w, struct pp_buffer *seals, struct pp_buffer *tree)
{
    if (!pp_bundle_load(pp_bundle_find(w->v, "data/ledger/seals.ppf"), PP_BUNDLE_TREE_FILE_MAX,
                        seals))
        return bad_seals(w, "they can't be read");
    if (!pp_bundle_load(pp_bundle_find(w->v, "data/ledger/window.tree"), PP_BUNDLE_TREE_FILE_MAX,
                        tree) ||
        pp_bundle_tree_open((struct pp_bytes){tree->data, tree->len}, &w->gaps) != PP_OK)
        return bad_tree(w, "data/ledger/window.tree", "its head is broken");
    w->seals.rest = (struct pp_bytes){seals->data, seals->len};
    if (pp_seals_open(&w->seals.rest) != PP_OK)
        return bad_seals(w, "their head is broken");
    return next_group(w) && (!w->seals.done || bad_seals(w, "there is none"));
}

static bool set_up(struct walk *w)
{
    const struct pp_checked_file *otlp = pp_bundle_find(w->v, "data/entries/otlp.jsonl");
    w->engine = pp_engine_new();
    w->otlp_text = malloc(RAW_BYTES);
    w->otlp_line = malloc(PP_BUNDLE_ENTRY_ROOM);
    if (w->otlp_text == NULL || w->otlp_line == NULL)
        return false;
    w->has_otlp = otlp != NULL && pp_unpacker_begin(&w->otlp, &otlp->entry) == PP_ZIP_OK;
    if (w->v->trust.verify == NULL)
        return true;
    w->tags = pp_os_secret_alloc(sizeof *w->tags);
    if (w->tags != NULL)
        pp_ratchet_init(&w->tags->ratchet, &w->v->trust.verify->seed);
    return w->tags != NULL;
}

void pp_bundle_check_entries(struct pp_bundle_verification *v)
{
    struct pp_buffer seals = {0}, tree = {0};
    struct walk *w = calloc(1, sizeof *w);
    if (w != NULL) {
        w->v = v;
        if (!set_up(w))
            pp_check_skip(v, PP_CHECK_TREE, "NO_MEMORY", "no memory is left");
        else if (open_parts(w, &seals, &tree) && walk_entries(w)) {
            finish_seals(w);
            finish_otlp(w);
        }
        pp_os_secret_free(w->tags, sizeof *w->tags);
        pp_engine_free(w->engine);
        pp_unpacker_end(&w->otlp);
        free(w->otlp_text);
        free(w->otlp_line);
    }
    pp_buffer_free(&seals);
    pp_buffer_free(&tree);
    free(w);
}
