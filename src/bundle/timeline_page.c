/* SPDX-License-Identifier: MIT */
/* The fixed parts of timeline.html, and the policy that lets only them run. */
#include "timeline.h"

#include <stdio.h>
#include <string.h>

#include "../base/base.h"
#include "../base/hash.h"
#include "timeline_assets.h"

enum { HASH_TEXT_BYTES = 48 };

static void hash_text(struct pp_bytes asset, char out[HASH_TEXT_BYTES])
{
    struct pp_digest digest = pp_sha256(asset);
    pp_base64_encode(digest.b, sizeof digest.b, out);
}

/* Cuts *rest behind the mark and returns what stands before it.  A unit test sees to it that each
   mark is in web/timeline/page.html once. */
static struct pp_bytes take_until(struct pp_bytes *rest, const char *mark)
{
    size_t len = strlen(mark);
    for (size_t i = 0; i + len <= rest->len; i++) {
        if (memcmp(rest->data + i, mark, len) != 0)
            continue;
        struct pp_bytes part = {rest->data, i};
        *rest = (struct pp_bytes){rest->data + i + len, rest->len - i - len};
        return part;
    }
    struct pp_bytes all = *rest;
    rest->len = 0;
    return all;
}

void pp_timeline_page_init(struct pp_timeline_page *page)
{
    struct pp_bytes rest = {pp_timeline_html, pp_timeline_html_bytes};
    struct pp_bytes style = {pp_timeline_css, pp_timeline_css_bytes};
    struct pp_bytes script = {pp_timeline_js, pp_timeline_js_bytes};
    char style_hash[HASH_TEXT_BYTES], script_hash[HASH_TEXT_BYTES];
    hash_text(style, style_hash);
    hash_text(script, script_hash);
    snprintf(page->policy, sizeof page->policy,
             "default-src 'none'; script-src 'sha256-%s'; style-src 'sha256-%s'; "
             "base-uri 'none'; form-action 'none'",
             script_hash, style_hash);
    size_t n = 0;
    page->before[n++] = take_until(&rest, "{{policy}}");
    page->before[n++] = pp_bytes_of(page->policy);
    page->before[n++] = take_until(&rest, "{{style}}");
    page->before[n++] = style;
    page->before[n++] = take_until(&rest, "{{data}}");
    page->before_count = n;
    n = 0;
    page->after[n++] = take_until(&rest, "{{script}}");
    page->after[n++] = script;
    page->after[n++] = rest;
    page->after_count = n;
}
