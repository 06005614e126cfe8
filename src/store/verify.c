/* SPDX-License-Identifier: MIT */
/* The verdict on a whole ledger: docs/ledger.md, "Verdicts". */

#include "verify.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A writer at work can make what was read inconsistent; then it is read again, so often. */
enum { ATTEMPTS = 4 };

#define TEXT_ROW(name, text, exit_code) [name] = text,
#define EXIT_ROW(name, text, exit_code) [name] = exit_code,
static const char *const verdict_texts[PP_VERDICT_COUNT] = {PP_VERDICT_TABLE(TEXT_ROW)};
static const int exit_codes[PP_VERDICT_COUNT] = {PP_VERDICT_TABLE(EXIT_ROW)};

const char *pp_verdict_text(enum pp_verdict verdict)
{
    return (unsigned)verdict < PP_VERDICT_COUNT ? verdict_texts[verdict] : "UNREADABLE";
}

int pp_verdict_exit_code(enum pp_verdict verdict)
{
    return (unsigned)verdict < PP_VERDICT_COUNT ? exit_codes[verdict] : 2;
}

bool pp_verify_refuse(struct pp_verification *v, enum pp_verdict verdict, uint64_t first_bad_seq,
                      const char *advice, const char *format, ...)
{
    va_list arguments;
    v->report->verdict = verdict;
    v->report->first_bad_seq = first_bad_seq;
    snprintf(v->report->advice, sizeof v->report->advice, "%s", advice);
    va_start(arguments, format);
    vsnprintf(v->report->reason, sizeof v->report->reason, format, arguments);
    va_end(arguments);
    return false;
}

/* ---- Parts of the judgement ---- */

static bool writer_is_active(struct pp_verification *v)
{
    int fd = pp_os_open_dir(v->layout.dir, "segments");
    if (fd < 0)
        return false;
    int result = pp_os_is_locked(fd);
    pp_os_close(fd);
    return result == 1;
}

static bool open_ledger(struct pp_verification *v, const char *path)
{
    struct pp_failure failure;
    if (pp_layout_open(&v->layout, path, &failure) == PP_OK) {
        v->writer_was_active = writer_is_active(v);
        return true;
    }
    return pp_verify_refuse(v, PP_VERDICT_UNREADABLE, PP_NO_SEQ, "name the folder of a ledger",
                            "%s", failure.text);
}

static bool list_segments(struct pp_verification *v, uint64_t *first, uint64_t *count)
{
    struct pp_failure failure;
    enum pp_error error = pp_layout_segments(&v->layout, first, count, &failure);
    if (error == PP_ERROR_MISMATCH)
        return pp_verify_refuse(v, PP_VERDICT_TRUNCATED, PP_NO_SEQ, "", "%s", failure.text);
    if (error != PP_OK)
        return pp_verify_refuse(v, PP_VERDICT_UNREADABLE, PP_NO_SEQ, "", "%s", failure.text);
    if (*count == 0)
        return pp_verify_refuse(v, PP_VERDICT_TRUNCATED, 0, "", "all segments are gone");
    return true;
}

static bool count_bytes(struct pp_verification *v, uint64_t first, uint64_t count)
{
    char name[PP_SEGMENT_NAME_BYTES];
    v->bytes_total = 0;
    if (v->options->progress == NULL)
        return true;
    for (uint64_t i = 0; i < count; i++) {
        pp_segment_name(first + i, name);
        int fd = pp_os_open(v->layout.segments, name, PP_OS_READ);
        if (fd < 0)
            continue;
        int64_t size = pp_os_size(fd);
        v->bytes_total += size > 0 ? (uint64_t)size : 0;
        pp_os_close(fd);
    }
    return true;
}

/* All segments; those that a writer adds meanwhile too, when a rotation names them. */
static bool check_all_segments(struct pp_verification *v)
{
    uint64_t first, count;
    if (!list_segments(v, &first, &count) || !count_bytes(v, first, count))
        return false;
    v->first_segment = v->next_segment = first;
    v->segments_listed = true;
    while (v->next_segment < first + count) {
        if (!pp_verify_segments(v, first + count))
            return false;
        uint64_t still_first;
        if (v->previous->rotated && !list_segments(v, &still_first, &count))
            return false;
        if (v->previous->rotated && still_first != first)
            return pp_verify_refuse(v, PP_VERDICT_UNREADABLE, PP_NO_SEQ, "verify again",
                                    "segments were pruned while they were verified");
    }
    return true;
}

static bool check_ends(struct pp_verification *v)
{
    const struct pp_check_result *last = v->previous;
    if (last->rotated)
        return pp_verify_refuse(v, PP_VERDICT_TRUNCATED, last->tree.size, "",
                                "segment %" PRIu64 ", which a rotation seal names, is missing",
                                last->last_seal.detail_number);
    if (v->first_segment > v->last_prune)
        return pp_verify_refuse(v, PP_VERDICT_TRUNCATED, 0, "",
                                "the segments before %" PRIu64
                                " are missing, and no prune seal allows it",
                                v->first_segment);
    v->report->root = pp_merkle_tree_root(&last->tree);
    return true;
}

static bool check_anchor(struct pp_verification *v, size_t i, const char *name)
{
    const struct pp_verify_anchor *anchor = &v->anchors[i];
    uint64_t size = v->report->size;
    if (!anchor->present)
        return true;
    if (strcmp(anchor->origin, v->report->origin) != 0)
        return pp_verify_refuse(v, PP_VERDICT_WRONG_LOG, PP_NO_SEQ, "",
                                "%s is for \"%s\", the ledger is \"%s\"", name, anchor->origin,
                                v->report->origin);
    if (anchor->size > size)
        return pp_verify_refuse(
            v, v->report->unsealed_bytes != 0 ? PP_VERDICT_TRUNCATED : PP_VERDICT_ROLLED_BACK, size,
            "entries that were signed are lost: look for a newer copy of the ledger",
            "%s covers %" PRIu64 " entries, the ledger has %" PRIu64, name, anchor->size, size);
    if (anchor->size < v->report->first_seq && i == PP_ANCHOR_LOCAL)
        return true; /* retention went past it: there is nothing left to compare */
    if (anchor->size < v->report->first_seq)
        return pp_verify_refuse(v, PP_VERDICT_UNANCHORED, PP_NO_SEQ, "bring a later checkpoint",
                                "%s covers only entries that were pruned", name);
    if (!v->root_found[i] || !pp_digest_equal(&v->roots[i], &anchor->root))
        return pp_verify_refuse(v, PP_VERDICT_FORKED, PP_NO_SEQ,
                                "two histories exist: keep both and find out who signed",
                                "the first %" PRIu64 " entries are others than those of %s",
                                anchor->size, name);
    return true;
}

static bool check_local_signature(struct pp_verification *v)
{
    if (!v->local_signature_bad)
        return true;
    snprintf(v->report->place, sizeof v->report->place, "checkpoint");
    return pp_verify_refuse(v, PP_VERDICT_MODIFIED, PP_NO_SEQ, "",
                            "the ledger's file \"checkpoint\" has no valid signature by the "
                            "ledger's checkpoint key");
}

static bool check_tail(struct pp_verification *v)
{
    if (v->report->unsealed_bytes == 0 || writer_is_active(v))
        return true;
    snprintf(v->report->place, sizeof v->report->place, "segments/%020" PRIu64 ".seg offset %zu",
             v->previous->header.segment, v->previous->sealed_end);
    return pp_verify_refuse(v, PP_VERDICT_TORN_TAIL, v->report->size,
                            "after a crash run `postproof recover`; bring a checkpoint to tell a "
                            "crash from a truncation",
                            "%" PRIu64 " bytes behind the last seal are not sealed: an unfinished "
                            "write, or a cut",
                            v->report->unsealed_bytes);
}

static bool check_trust(struct pp_verification *v)
{
    const struct pp_verify_report *report = v->report;
    if (v->quorum_missing[0] != '\0')
        return pp_verify_refuse(v, PP_VERDICT_UNANCHORED, PP_NO_SEQ,
                                "bring the checkpoint with the cosignatures of more witnesses, or "
                                "leave out --policy",
                                "%s", v->quorum_missing);
    if (v->key != NULL)
        return true;
    if (report->trust == PP_TRUST_T0)
        return pp_verify_refuse(
            v, PP_VERDICT_UNANCHORED, PP_NO_SEQ,
            "bring --verify-key, or --checkpoint and --checkpoint-key",
            "the files agree with each other, but nothing anchors them: whoever "
            "controls the disk could have made them");
    if (report->checkpoint_size == report->size)
        return true;
    return pp_verify_refuse(v, PP_VERDICT_UNANCHORED, report->checkpoint_size,
                            "bring --verify-key, or a later checkpoint",
                            "only the first %" PRIu64 " of %" PRIu64
                            " entries are anchored by the checkpoint",
                            report->checkpoint_size, report->size);
}

static void accept(struct pp_verification *v)
{
    enum pp_trust trust = v->report->trust;
    const char *what = "every entry, tag and seal was made with the key";
    if (v->key == NULL)
        what = "the entries are those of the checkpoint; tags and seals were not checked, for want "
               "of a verification key";
    else if (trust >= PP_TRUST_T2)
        what = "every entry, tag and seal was made with the key, and the checkpoint's entries are "
               "all there";
    (void)pp_verify_refuse(v, PP_VERDICT_OK, PP_NO_SEQ, "", "%s%s", what,
                           trust == PP_TRUST_T3 ? "; its witnesses meet the policy's quorum" : "");
}

static void judge(struct pp_verification *v, const char *path)
{
    if (pp_verify_load_trust(v) && open_ledger(v, path) && pp_verify_load_local_checkpoint(v) &&
        check_all_segments(v) && check_ends(v) && check_local_signature(v) &&
        check_anchor(v, PP_ANCHOR_BROUGHT, "the checkpoint brought") &&
        check_anchor(v, PP_ANCHOR_LOCAL, "the ledger's own checkpoint") && check_tail(v) &&
        check_trust(v))
        accept(v);
}

/* Segments that were pruned meanwhile explain whatever else is missing. */
static bool pruned_meanwhile(struct pp_verification *v)
{
    uint64_t first, count;
    struct pp_failure failure;
    if (v->layout.dir < 0 || !v->segments_listed ||
        pp_layout_segments(&v->layout, &first, &count, &failure) != PP_OK ||
        first <= v->first_segment)
        return false;
    (void)pp_verify_refuse(v, PP_VERDICT_UNREADABLE, PP_NO_SEQ, "verify again",
                           "segments were pruned while they were verified");
    return true;
}

/* One attempt; whether another one is due: a writer that is at work, or was when the attempt began,
   explains what does not fit together. */
static bool attempt(const char *path, const struct pp_verify_options *options,
                    struct pp_verify_report *report)
{
    struct pp_verification v = {.options = options, .report = report};
    v.layout = (struct pp_layout){.dir = -1, .segments = -1, .blobs = -1};
    memset(report, 0, sizeof *report);
    report->verdict = PP_VERDICT_UNREADABLE;
    report->first_bad_seq = PP_NO_SEQ;
    v.previous = calloc(1, sizeof *v.previous);
    if (v.previous == NULL)
        (void)pp_verify_refuse(&v, PP_VERDICT_UNREADABLE, PP_NO_SEQ, "", "no memory is left");
    else
        judge(&v, path);
    bool bad = report->verdict != PP_VERDICT_OK && report->verdict != PP_VERDICT_UNANCHORED;
    bool again = bad && (pruned_meanwhile(&v) || v.writer_was_active ||
                         (v.layout.dir >= 0 && writer_is_active(&v)));
    if (v.layout.path != NULL)
        pp_layout_close(&v.layout);
    pp_os_secret_free(v.key, sizeof *v.key);
    free(v.previous);
    return again;
}

void pp_ledger_verify(const char *path, const struct pp_verify_options *options,
                      struct pp_verify_report *report)
{
    static const struct pp_verify_options defaults;
    struct pp_os_clock start, end;
    pp_os_clock_read(&start);
    for (int i = 0; i < ATTEMPTS; i++)
        if (!attempt(path, options != NULL ? options : &defaults, report))
            break;
    pp_os_clock_read(&end);
    report->time_ns = end.monotonic_ns - start.monotonic_ns;
}
