/* SPDX-License-Identifier: MIT */
/* The manifest of a bundle: every name, length and digest (spec/Bundle.v). */
#include <string.h>

#include "../base/base.h"
#include "parts.h"

int pp_bundle_name_compare(struct pp_bytes a, struct pp_bytes b)
{
    size_t both = a.len < b.len ? a.len : b.len;
    int order = both == 0 ? 0 : memcmp(a.data, b.data, both);
    if (order != 0)
        return order;
    return a.len < b.len ? -1 : a.len > b.len;
}

static enum pp_error add_u64(struct pp_bundle_text *text, uint64_t value)
{
    uint8_t bytes[8];
    pp_put_u64(bytes, value);
    return pp_bundle_text_add(text, (struct pp_bytes){bytes, sizeof bytes});
}

static enum pp_error add_line(struct pp_bundle_text *text, const struct pp_bundle_line *line)
{
    enum pp_error error = add_u64(text, line->name.len);
    if (error == PP_OK)
        error = pp_bundle_text_add(text, line->name);
    if (error == PP_OK)
        error = add_u64(text, line->bytes);
    if (error == PP_OK)
        error = pp_bundle_text_add(text, (struct pp_bytes){line->digest.b, sizeof line->digest.b});
    return error;
}

enum pp_error pp_bundle_manifest(const struct pp_bundle_line *lines, size_t count,
                                 struct pp_bundle_text *text)
{
    size_t before = text->len;
    enum pp_error error = pp_bundle_text_string(text, "PPBMAN01");
    for (size_t i = 0; i < count && error == PP_OK; i++) {
        if (i > 0 && pp_bundle_name_compare(lines[i - 1].name, lines[i].name) >= 0)
            error = PP_ERROR_ARGUMENT;
        else
            error = add_line(text, &lines[i]);
    }
    if (error != PP_OK)
        text->len = before;
    return error;
}
