/* SPDX-License-Identifier: MIT */
/* The checkpoint that a verifier brings, judged by a policy file: logs, witnesses and quorum. */

#include "verify.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <postproof/policy.h>

/* The policy with the text that its names borrow. */
struct policy_file {
    struct pp_buffer text;
    struct pp_policy policy;
};

static bool load_policy(struct pp_verification *v, struct policy_file *file)
{
    const char *path = v->options->policy;
    struct pp_failure failure;
    if (pp_file_read(PP_OS_CWD, path, PP_POLICY_BYTES_MAX, &file->text, &failure) != PP_OK)
        return pp_verify_refuse(v, PP_VERDICT_UNREADABLE, PP_NO_SEQ, "name the right file",
                                "the policy can't be read: %s", failure.text);
    struct pp_bytes text = {file->text.data, file->text.len};
    if (pp_policy_parse(text, &file->policy, &failure) != PP_OK)
        return pp_verify_refuse(v, PP_VERDICT_UNREADABLE, PP_NO_SEQ,
                                "mend the policy (C2SP tlog-policy)", "the policy %s, %s", path,
                                failure.text);
    return true;
}

/* A key that was brought beside the policy leaves that log only; a policy without logs needs it. */
static bool pin_log(struct pp_verification *v, struct pp_policy *policy, const char *origin)
{
    const char *path = v->options->policy, *key = v->options->checkpoint_key;
    if (!v->has_note_key) {
        if (policy->log_count > 0)
            return true;
        return pp_verify_refuse(v, PP_VERDICT_UNREADABLE, PP_NO_SEQ,
                                "add --verify-key or --checkpoint-key checkpoint.pub",
                                "the policy %s lists no log, and no key was brought", path);
    }
    struct pp_note_key log = v->note_key;
    (void)snprintf(log.name, sizeof log.name, "%s", origin);
    if (pp_policy_pin_log(policy, &log))
        return true;
    return pp_verify_refuse(v, PP_VERDICT_UNREADABLE, PP_NO_SEQ,
                            "find out which of the two is of the ledger meant",
                            "the log of %s is none of those that the policy %s lists",
                            key != NULL ? key : v->options->verify_key, path);
}

static bool judge_note(struct pp_verification *v, const struct pp_policy *policy,
                       struct pp_bytes note)
{
    struct pp_policy_result result;
    struct pp_failure failure;
    enum pp_error error = pp_policy_check(policy, note, &result, &failure);
    if (error != PP_OK && error != PP_ERROR_QUORUM)
        return pp_verify_refuse(v, PP_VERDICT_UNREADABLE, PP_NO_SEQ,
                                "name the right checkpoint and policy",
                                "the checkpoint %s does not hold under the policy %s: %s",
                                v->options->checkpoint, v->options->policy, failure.text);
    v->note_key = *result.log;
    v->has_note_key = true;
    v->report->witnesses = result.witnesses;
    v->report->trust =
        error == PP_OK && policy->quorum != PP_QUORUM_NONE ? PP_TRUST_T3 : PP_TRUST_T2;
    if (error == PP_ERROR_QUORUM)
        (void)snprintf(v->quorum_missing, sizeof v->quorum_missing, "%s", failure.text);
    return true;
}

bool pp_verify_policy(struct pp_verification *v, struct pp_bytes note, const char *origin)
{
    struct policy_file *file = calloc(1, sizeof *file);
    if (file == NULL)
        return pp_verify_refuse(v, PP_VERDICT_UNREADABLE, PP_NO_SEQ, "", "no memory is left");
    bool good = load_policy(v, file) && pin_log(v, &file->policy, origin) &&
                judge_note(v, &file->policy, note);
    pp_buffer_free(&file->text);
    free(file);
    return good;
}
