/* SPDX-License-Identifier: MIT */
/* What a verifier brings: the verification key, a saved checkpoint, its public key or policy. */

#include "verify.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static bool refuse_input(struct pp_verification *v, const char *file, const char *what)
{
    return pp_verify_refuse(v, PP_VERDICT_UNREADABLE, PP_NO_SEQ, "name the right file", "%s %s",
                            file, what);
}

static bool load_verify_key(struct pp_verification *v)
{
    const char *path = v->options->verify_key;
    int fd = pp_os_open(PP_OS_CWD, path, PP_OS_READ_FOLLOW);
    if (fd < 0)
        return pp_verify_refuse(v, PP_VERDICT_UNREADABLE, PP_NO_SEQ, "name the right file",
                                "the verification key %s can't be opened: %s", path, strerror(-fd));
    int is_private = pp_os_is_private(fd);
    char text[PP_VERIFY_KEY_TEXT_BYTES];
    int64_t got = pp_os_read_at(fd, text, sizeof text, 0);
    pp_os_close(fd);
    if (is_private != 1)
        return pp_verify_refuse(v, PP_VERDICT_UNREADABLE, PP_NO_SEQ,
                                "whoever reads it can forge: chmod 600 it, if nobody did",
                                "the verification key %s can be read by others", path);
    v->key = pp_os_secret_alloc(sizeof *v->key);
    struct pp_bytes bytes = {(const uint8_t *)text, got < 0 ? 0 : (size_t)got};
    if (v->key == NULL || pp_verification_key_parse(bytes, v->key) != PP_OK)
        return refuse_input(v, path, "is no verification key, or is damaged");
    memcpy(v->note_key.public_key, v->key->checkpoint_key, sizeof v->note_key.public_key);
    v->has_note_key = true;
    v->report->trust = PP_TRUST_T1;
    return true;
}

static bool load_checkpoint_key(struct pp_verification *v)
{
    const char *path = v->options->checkpoint_key;
    struct pp_buffer text = {0};
    struct pp_failure failure;
    bool good = pp_file_read(PP_OS_CWD, path, PP_NOTE_KEY_TEXT_BYTES, &text, &failure) == PP_OK &&
                pp_note_key_parse((struct pp_bytes){text.data, text.len}, &v->note_key) == PP_OK;
    pp_buffer_free(&text);
    if (!good)
        return refuse_input(v, path, "is no checkpoint key (checkpoint.pub), or can't be read");
    v->has_note_key = true;
    return true;
}

/* The note as an anchor: its form.  false and *what: why not. */
static bool parse_note(struct pp_bytes note, struct pp_verify_anchor *anchor, const char **what)
{
    struct pp_checkpoint checkpoint;
    *what = "is no checkpoint (C2SP tlog-checkpoint), or is damaged";
    if (pp_checkpoint_parse(note, &checkpoint) != PP_OK ||
        checkpoint.origin.len > PP_ORIGIN_BYTES_MAX)
        return false;
    memcpy(anchor->origin, checkpoint.origin.data, checkpoint.origin.len);
    anchor->origin[checkpoint.origin.len] = 0;
    anchor->size = checkpoint.size;
    anchor->root = checkpoint.root;
    anchor->present = true;
    return true;
}

/* Signed under its own origin by the key that was brought. */
static bool is_signed(const struct pp_verification *v, struct pp_bytes note,
                      const struct pp_verify_anchor *anchor)
{
    struct pp_checkpoint checkpoint;
    struct pp_note_key key = v->note_key;
    memcpy(key.name, anchor->origin, sizeof key.name);
    return pp_checkpoint_open(note, &key, &checkpoint) == PP_OK;
}

/* The signatures on the note: by the policy, or by the one key that was brought. */
static bool judge_note(struct pp_verification *v, struct pp_bytes note,
                       const struct pp_verify_anchor *anchor)
{
    if (v->options->policy != NULL)
        return pp_verify_policy(v, note, anchor->origin);
    if (!is_signed(v, note, anchor))
        return refuse_input(v, v->options->checkpoint,
                            "has no valid signature by the ledger's checkpoint key");
    v->report->trust = PP_TRUST_T2;
    return true;
}

static bool load_checkpoint(struct pp_verification *v)
{
    const char *path = v->options->checkpoint, *what = "can't be read";
    struct pp_buffer note = {0};
    struct pp_failure failure;
    if (!v->has_note_key && v->options->policy == NULL)
        return pp_verify_refuse(v, PP_VERDICT_UNREADABLE, PP_NO_SEQ,
                                "add --verify-key or --checkpoint-key checkpoint.pub",
                                "the checkpoint %s can't be trusted without a key", path);
    struct pp_verify_anchor *anchor = &v->anchors[PP_ANCHOR_BROUGHT];
    bool good = (pp_file_read(PP_OS_CWD, path, PP_NOTE_BYTES_MAX, &note, &failure) == PP_OK &&
                 parse_note((struct pp_bytes){note.data, note.len}, anchor, &what)) ||
                refuse_input(v, path, what);
    good = good && judge_note(v, (struct pp_bytes){note.data, note.len}, anchor);
    pp_buffer_free(&note);
    if (good)
        v->report->checkpoint_size = anchor->size;
    return good;
}

bool pp_verify_load_trust(struct pp_verification *v)
{
    if (v->options->verify_key != NULL && !load_verify_key(v))
        return false;
    if (v->options->checkpoint_key != NULL && !load_checkpoint_key(v))
        return false;
    if (v->options->policy != NULL && v->options->checkpoint == NULL)
        return pp_verify_refuse(v, PP_VERDICT_UNREADABLE, PP_NO_SEQ, "add --checkpoint",
                                "a policy judges a checkpoint, and none was brought");
    return v->options->checkpoint == NULL || load_checkpoint(v);
}

bool pp_verify_load_local_checkpoint(struct pp_verification *v)
{
    struct pp_buffer note = {0};
    struct pp_failure failure;
    const char *what;
    enum pp_error error =
        pp_file_read(v->layout.dir, "checkpoint", PP_NOTE_BYTES_MAX, &note, &failure);
    if (error == PP_ERROR_NOT_FOUND)
        return true;
    struct pp_bytes bytes = {note.data, note.len};
    struct pp_verify_anchor *anchor = &v->anchors[PP_ANCHOR_LOCAL];
    bool good = true;
    if (error == PP_ERROR_IO)
        good = pp_verify_refuse(v, PP_VERDICT_UNREADABLE, PP_NO_SEQ, "", "%s", failure.text);
    else if (error != PP_OK || !parse_note(bytes, anchor, &what)) {
        snprintf(v->report->place, sizeof v->report->place, "checkpoint");
        good = pp_verify_refuse(v, PP_VERDICT_MODIFIED, PP_NO_SEQ, "",
                                "the ledger's file \"checkpoint\" %s",
                                error != PP_OK ? "is too large" : what);
    } else /* judged after the segments: with the wrong key they say more */
        v->local_signature_bad = v->has_note_key && !is_signed(v, bytes, anchor);
    pp_buffer_free(&note);
    return good;
}
