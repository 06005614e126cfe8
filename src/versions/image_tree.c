/* SPDX-License-Identifier: MIT */
/* The page tree of an image: made by reading the file, and kept beside it. */
#include "image.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PAGE = PP_ROLLBACK_PAGE_BYTES, READ_PAGES = 64 };

/* ---- In memory ------------------------------------------------------------------------------ */

void pp_image_tree_free(struct pp_image_tree *tree)
{
    free(tree->nodes);
    *tree = (struct pp_image_tree){0};
}

bool pp_image_tree_resize(struct pp_image_tree *tree, uint64_t image_bytes)
{
    uint64_t pages = pp_rollback_pages(image_bytes), nodes = pp_rollback_tree_nodes(pages);
    if (nodes > SIZE_MAX / sizeof *tree->nodes)
        return false;
    if (nodes > tree->cap) {
        struct pp_digest *larger = realloc(tree->nodes, (size_t)nodes * sizeof *larger);
        if (larger == NULL)
            return false;
        tree->nodes = larger;
        tree->cap = (size_t)nodes;
    }
    tree->pages = (size_t)pages;
    return true;
}

struct pp_digest pp_image_tree_root(const struct pp_image_tree *tree)
{
    return pp_rollback_tree_root(tree->nodes, tree->pages);
}

static size_t page_bytes(uint64_t image_bytes, uint64_t page)
{
    uint64_t left = image_bytes - page * PAGE;
    return left < PAGE ? (size_t)left : PAGE;
}

struct reading {
    struct pp_image_tree *tree;
    int fd;
    uint64_t image_bytes;
    size_t page; /* the next one */
    bool wants_sha256;
    struct pp_sha256_stream sha256;
    uint8_t *buffer;
    struct pp_hash_engine *engine; /* NULL: no lanes */
    uint8_t (*prefixed)[1 + PAGE]; /* 0x00 and a page, for as many pages as the buffer holds */
};

/* Leaves of pages in the buffer, many at once. */
static void hash_pages(struct reading *r, size_t count)
{
    struct pp_bytes messages[READ_PAGES];
    for (size_t i = 0; i < count; i++) {
        size_t n = page_bytes(r->image_bytes, r->page + i);
        r->prefixed[i][0] = 0x00;
        memcpy(r->prefixed[i] + 1, r->buffer + i * PAGE, n);
        messages[i] = (struct pp_bytes){r->prefixed[i], 1 + n};
    }
    pp_leaf_hash_many(r->engine, messages, count, r->tree->nodes + r->page);
}

/* Leaves of pages that the file has on the disk. */
static int read_pages(struct reading *r, size_t to)
{
    while (r->page < to) {
        size_t count = to - r->page < READ_PAGES ? to - r->page : READ_PAGES;
        uint64_t at = (uint64_t)r->page * PAGE, left = r->image_bytes - at;
        size_t want = left < count * PAGE ? (size_t)left : count * PAGE;
        int64_t got = pp_os_read_at(r->fd, r->buffer, want, at);
        if (got < 0)
            return (int)got;
        if ((size_t)got != want) /* it became shorter under our hands */
            return -EIO;
        hash_pages(r, count);
        if (r->wants_sha256)
            pp_sha256_update(&r->sha256, (struct pp_bytes){r->buffer, want});
        r->page += count;
    }
    return 0;
}

/* Leaves of the pages before `to` that lie in a hole as a whole. */
static void fill_hole(struct reading *r, size_t to)
{
    static const uint8_t zeros[PAGE];
    struct pp_digest whole = pp_rollback_page_hash((struct pp_bytes){zeros, PAGE});
    for (; r->page < to; r->page++) {
        struct pp_bytes bytes = {zeros, page_bytes(r->image_bytes, r->page)};
        r->tree->nodes[r->page] = bytes.len == PAGE ? whole : pp_rollback_page_hash(bytes);
        if (r->wants_sha256)
            pp_sha256_update(&r->sha256, bytes);
    }
}

/* One stretch of hole and the data behind it. */
static int read_stretch(struct reading *r)
{
    int64_t data = pp_os_next_data(r->fd, (uint64_t)r->page * PAGE);
    if (data < 0)
        return (int)data;
    if ((uint64_t)data >= r->image_bytes) {
        fill_hole(r, r->tree->pages);
        return 0;
    }
    int64_t hole = pp_os_next_hole(r->fd, (uint64_t)data);
    if (hole < 0)
        return (int)hole;
    size_t to = (size_t)pp_rollback_pages((uint64_t)hole);
    fill_hole(r, (size_t)((uint64_t)data / PAGE));
    return read_pages(r, to < r->tree->pages ? to : r->tree->pages);
}

int pp_image_tree_read(struct pp_image_tree *tree, int fd, uint64_t image_bytes,
                       struct pp_digest *sha256, const struct pp_progress *progress)
{
    struct reading r = {.tree = tree,
                        .fd = fd,
                        .image_bytes = image_bytes,
                        .wants_sha256 = sha256 != NULL,
                        .buffer = malloc(READ_PAGES * PAGE),
                        .prefixed = malloc(READ_PAGES * sizeof *r.prefixed)};
    if (r.buffer == NULL || r.prefixed == NULL || !pp_image_tree_resize(tree, image_bytes)) {
        free(r.buffer);
        free(r.prefixed);
        return -ENOMEM;
    }
    r.engine = pp_engine_new();
    int result = 0;
    pp_sha256_init(&r.sha256);
    while (result == 0 && r.page < tree->pages) {
        result = read_stretch(&r);
        if (progress != NULL && progress->report != NULL)
            progress->report(progress->context, (uint64_t)r.page * PAGE, image_bytes);
    }
    free(r.buffer);
    free(r.prefixed);
    pp_engine_free(r.engine);
    if (sha256 != NULL)
        *sha256 = pp_sha256_final(&r.sha256);
    if (result == 0)
        pp_rollback_tree_build(tree->nodes, tree->pages);
    return result;
}

/* ---- Beside the file: docs/format/rollback.md, "Tree file" ---------------------------------- */

enum {
    HEADER_BYTES = 144,
    IDENTITY_AT = 8, /* size, device, inode, modified, changed */
    ROOT_AT = 48,
    NODES_HASH_AT = 80,
    CHECK_AT = 112
};
static const char magic[] = "PPRBTR01";

static void tree_name(const struct pp_image *image, char out[PP_OS_NAME_BYTES])
{
    snprintf(out, PP_OS_NAME_BYTES, "%.230s" PP_TREE_SUFFIX, image->place.name);
}

static struct pp_bytes nodes_view(const struct pp_image_tree *tree)
{
    size_t nodes = (size_t)pp_rollback_tree_nodes(tree->pages);
    return (struct pp_bytes){(const uint8_t *)tree->nodes, nodes * sizeof *tree->nodes};
}

/* The header that the file and the tree have now, but for the hash of the nodes. */
static int put_header(const struct pp_image *image, uint8_t header[HEADER_BYTES])
{
    struct pp_os_attributes now;
    int result = pp_os_status(image->fd, &now);
    if (result < 0)
        return result;
    memcpy(header, magic, 8);
    pp_put_u64(header + IDENTITY_AT, now.bytes);
    pp_put_u64(header + IDENTITY_AT + 8, now.device);
    pp_put_u64(header + IDENTITY_AT + 16, now.inode);
    pp_put_u64(header + IDENTITY_AT + 24, (uint64_t)now.modified_ns);
    pp_put_u64(header + IDENTITY_AT + 32, (uint64_t)now.changed_ns);
    return 0;
}

static struct pp_digest check_of(const uint8_t header[HEADER_BYTES])
{
    return pp_sha256((struct pp_bytes){header, CHECK_AT});
}

static bool same_digest_at(const uint8_t *at, struct pp_digest digest)
{
    return memcmp(at, digest.b, PP_DIGEST_BYTES) == 0;
}

/* A tree that is whole, of a file of this size; *current: of the file as it is. */
static bool read_tree(const struct pp_image *image, int fd, struct pp_image_tree *tree,
                      bool *current)
{
    uint8_t header[HEADER_BYTES], now[HEADER_BYTES];
    if (pp_os_read_at(fd, header, sizeof header, 0) != sizeof header ||
        put_header(image, now) < 0 || memcmp(header, now, IDENTITY_AT + 8) != 0 ||
        !same_digest_at(header + CHECK_AT, check_of(header)) ||
        !pp_image_tree_resize(tree, image->bytes))
        return false;
    *current = memcmp(header, now, ROOT_AT) == 0;
    struct pp_bytes nodes = nodes_view(tree);
    int64_t got = pp_os_read_at(fd, tree->nodes, nodes.len, HEADER_BYTES);
    return got == (int64_t)nodes.len && same_digest_at(header + NODES_HASH_AT, pp_sha256(nodes)) &&
           same_digest_at(header + ROOT_AT, pp_image_tree_root(tree));
}

bool pp_image_load_tree(struct pp_image *image)
{
    char name[PP_OS_NAME_BYTES];
    struct pp_image_tree tree = {0};
    bool current = false;
    tree_name(image, name);
    int fd = pp_os_open(image->place.dir, name, PP_OS_READ);
    if (fd < 0)
        return false;
    bool whole = read_tree(image, fd, &tree, &current);
    pp_os_close(fd);
    if (!whole)
        pp_image_tree_free(&tree);
    else if (current)
        image->tree = tree;
    else
        image->kept = tree;
    return whole && current;
}

const struct pp_digest *pp_image_kept_leaves(const struct pp_image *image,
                                             const struct pp_digest *root)
{
    struct pp_digest kept;
    if (image->kept.nodes == NULL)
        return NULL;
    kept = pp_image_tree_root(&image->kept);
    return pp_digest_equal(&kept, root) ? image->kept.nodes : NULL;
}

/* Made anew under another name: a tree that was not written whole never has this name. */
int pp_image_save_tree(struct pp_image *image)
{
    char name[PP_OS_NAME_BYTES], temporary[PP_OS_NAME_BYTES];
    uint8_t header[HEADER_BYTES];
    tree_name(image, name);
    snprintf(temporary, sizeof temporary, "%.240s.tmp", name);
    int result = put_header(image, header);
    if (result < 0)
        return result;
    struct pp_bytes nodes = nodes_view(&image->tree);
    struct pp_digest root = pp_image_tree_root(&image->tree), hash = pp_sha256(nodes);
    memcpy(header + ROOT_AT, root.b, sizeof root.b);
    memcpy(header + NODES_HASH_AT, hash.b, sizeof hash.b);
    struct pp_digest check = check_of(header);
    memcpy(header + CHECK_AT, check.b, sizeof check.b);
    (void)pp_os_remove(image->place.dir, temporary);
    int fd = pp_os_open(image->place.dir, temporary, PP_OS_CREATE_SECRET);
    if (fd < 0)
        return fd;
    result = pp_os_write_at(fd, header, sizeof header, 0);
    if (result == 0)
        result = pp_os_write_at(fd, nodes.data, nodes.len, HEADER_BYTES);
    pp_os_close(fd);
    return result < 0 ? result : pp_os_rename(image->place.dir, temporary, name);
}

enum pp_error pp_image_know_tree(struct pp_image *image, struct pp_failure *failure)
{
    if (image->tree_known)
        return PP_OK;
    int result =
        pp_image_tree_read(&image->tree, image->fd, image->bytes, NULL, &image->options.progress);
    if (result < 0)
        return pp_fail(failure, result == -ENOMEM ? PP_ERROR_MEMORY : PP_ERROR_IO, -result,
                       "%s can't be read", image->path);
    image->tree_known = true;
    return PP_OK;
}
