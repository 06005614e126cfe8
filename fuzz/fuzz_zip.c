/* SPDX-License-Identifier: MIT */
/* Fuzzes what reads the bytes of a bundle: ZIP structures, entries, seals, the tree, JSON and the
   signatures; and, from the first byte on, what is inside of containers that hold together. */
#include <stdlib.h>
#include <string.h>

#include "../src/bundle/bag.h"
#include "../src/store/bundle_sign.h"

/* Keeps the compiler from leaving out what nobody looks at. */
static volatile uint8_t sum;

static void look_at(struct pp_bytes bytes)
{
    for (size_t i = 0; i < bytes.len; i++)
        sum ^= bytes.data[i];
}

static void fuzz_container(struct pp_bytes data)
{
    struct pp_zip_reader reader;
    struct pp_zip_entry entry;
    uint8_t chunk[4096];
    bool more = true;
    if (pp_zip_open(data, &reader) != PP_ZIP_OK)
        return;
    while (pp_zip_next(&reader, &entry, &more) == PP_ZIP_OK && more) {
        struct pp_unpacker unpacker;
        size_t len = 1;
        look_at(entry.name);
        (void)pp_bag_knows(entry.name);
        enum pp_zip_fault fault = pp_unpacker_begin(&unpacker, &entry);
        for (int i = 0; i < 64 && fault == PP_ZIP_OK && len > 0; i++)
            fault = pp_unpacker_read(&unpacker, chunk, sizeof chunk, &len);
        pp_unpacker_end(&unpacker);
    }
}

static void fuzz_entries(struct pp_bytes data)
{
    static struct pp_block_reader reader;
    struct pp_entry entry;
    enum pp_error error = pp_block_open(data, &reader);
    while (error == PP_OK && (error = pp_block_next(&reader, &entry)) == PP_OK) {
        look_at(entry.source);
        look_at(entry.body);
    }
}

static void fuzz_seals(struct pp_bytes data)
{
    struct pp_seal_item item;
    if (pp_seals_open(&data) != PP_OK)
        return;
    while (pp_seals_next(&data, &item) == PP_OK)
        if (item.type != PP_RECORD_COUNT)
            look_at(item.content);
}

static void fuzz_tree(struct pp_bytes data)
{
    struct pp_bundle_tree_reader reader;
    struct pp_bundle_gap gap;
    if (pp_bundle_tree_open(data, &reader) != PP_OK)
        return;
    while (pp_bundle_tree_next(&reader, &gap) == PP_OK)
        look_at(gap.hashes);
}

static void fuzz_signatures(struct pp_bytes data)
{
    struct pp_evidence evidence;
    const char *why;
    uint64_t time_s;
    if (pp_evidence_parse(data, &evidence)) {
        (void)!pp_evidence_verify(&evidence, data, &why);
        pp_evidence_free(&evidence);
    }
    (void)!pp_timestamp_verify(data, data, data, &time_s, &why);
    (void)!pp_ssh_verify(data, data, data, "example.com/web-1", &why);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    /* In memory of its own, so that a read beyond the end shows. */
    size_t len = size - 1;
    uint8_t *copy = malloc(len + 1);
    if (copy == NULL)
        return 0;
    memcpy(copy, data + 1, len);
    struct pp_bytes bytes = {copy, len};
    static void (*const targets[])(struct pp_bytes) = {fuzz_container, fuzz_entries, fuzz_seals,
                                                       fuzz_tree, fuzz_signatures};
    targets[data[0] % 5](bytes);
    free(copy);
    return 0;
}
