/* SPDX-License-Identifier: MIT */
/* Manifests of bundles for the OCaml side of the differential test. */
#include "stubs.h"

#include <stdlib.h>
#include <string.h>

#include "../../src/bundle/parts.h"

enum { LINES_MAX = 64, MANIFEST_BYTES_MAX = 1 << 16 };

/* The manifest being made; names are owned. */
static struct pp_bundle_line lines[LINES_MAX];
static size_t line_count;

intnat diff_name_compare(value left, value right)
{
    struct pp_bytes a = diff_copy_of(left), b = diff_copy_of(right);
    int order = pp_bundle_name_compare(a, b);
    diff_release(a);
    diff_release(b);
    return (order > 0) - (order < 0);
}

intnat diff_manifest_clear(intnat unused)
{
    (void)unused;
    for (size_t i = 0; i < line_count; i++)
        diff_release(lines[i].name);
    line_count = 0;
    return 0;
}

static intnat add_line(value name, uint64_t bytes, struct pp_digest digest)
{
    if (line_count == LINES_MAX)
        abort();
    lines[line_count++] = (struct pp_bundle_line){diff_copy_of(name), bytes, digest};
    return 0;
}

intnat diff_manifest_line(value name, int64_t bytes, value digest)
{
    struct pp_digest given;
    memcpy(given.b, String_val(digest), sizeof given.b);
    return add_line(name, (uint64_t)bytes, given);
}

intnat diff_manifest_file(value name, value content)
{
    struct pp_bytes bytes = diff_copy_of(content);
    struct pp_digest digest = pp_sha256(bytes);
    diff_release(bytes);
    return add_line(name, bytes.len, digest);
}

static int compare_lines(const void *a, const void *b)
{
    const struct pp_bundle_line *left = a, *right = b;
    return pp_bundle_name_compare(left->name, right->name);
}

/* As src/store/bundle_verify.c does it. */
intnat diff_manifest_sort(intnat unused)
{
    (void)unused;
    qsort(lines, line_count, sizeof *lines, compare_lines);
    return 0;
}

/* The length of the manifest of the lines as they stand, or minus the error. */
intnat diff_manifest(value out)
{
    static uint8_t room[MANIFEST_BYTES_MAX];
    struct pp_bundle_text text = {room, caml_string_length(out), 0};
    if (text.cap > sizeof room)
        abort();
    enum pp_error error = pp_bundle_manifest(lines, line_count, &text);
    if (error != PP_OK)
        return -(intnat)error;
    memcpy(Bytes_val(out), room, text.len);
    return (intnat)text.len;
}

intnat diff_sha256(value data, value out)
{
    struct pp_bytes bytes = diff_copy_of(data);
    struct pp_digest digest = pp_sha256(bytes);
    diff_release(bytes);
    memcpy(Bytes_val(out), digest.b, sizeof digest.b);
    return 0;
}
