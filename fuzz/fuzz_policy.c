/* SPDX-License-Identifier: MIT */
/* Fuzzes policies and cosignatures: what a policy must be when it is accepted, what a quorum must
   be whoever signs, and checkpoints judged by it.  Input: length of the policy in two bytes, the
   policy, the checkpoint. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <postproof/policy.h>

#include "../src/base/base.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
    if (!holds)
        abort();
}

static bool inside(struct pp_bytes part, struct pp_bytes whole)
{
    return part.len > 0 && (uintptr_t)part.data >= (uintptr_t)whole.data &&
           (uintptr_t)part.data + part.len <= (uintptr_t)whole.data + whole.len;
}

static uint64_t bits_below(size_t count)
{
    return count >= 64 ? UINT64_MAX : (UINT64_C(1) << count) - 1;
}

/* Members come earlier and count once; the threshold can be reached. */
static void check_groups(const struct pp_policy *policy, struct pp_bytes text)
{
    uint64_t witnesses = 0, groups = 0;
    for (size_t i = 0; i < policy->group_count; i++) {
        const struct pp_policy_group *group = &policy->groups[i];
        unsigned members = 0;
        for (unsigned bit = 0; bit < 64; bit++)
            members += (unsigned)(group->witnesses >> bit & 1) + (group->groups >> bit & 1);
        require(inside(group->name, text));
        require(members == group->members && group->threshold >= 1 && group->threshold <= members);
        require((group->groups & ~bits_below(i)) == 0 && (group->groups & groups) == 0);
        require((group->witnesses & ~bits_below(policy->witness_count)) == 0);
        require((group->witnesses & witnesses) == 0);
        witnesses |= group->witnesses;
        groups |= group->groups;
    }
}

static void check_keys(const struct pp_policy *policy, struct pp_bytes text)
{
    char key_text[PP_NOTE_KEY_TEXT_BYTES];
    struct pp_note_key key;
    for (size_t i = 0; i < policy->log_count; i++) {
        pp_note_key_format(&policy->logs[i], key_text);
        require(pp_note_key_parse(pp_bytes_of(key_text), &key) == PP_OK);
        require(memcmp(&key, &policy->logs[i], sizeof key) == 0);
    }
    for (size_t i = 0; i < policy->witness_count; i++) {
        require(inside(policy->witnesses[i].name, text));
        pp_witness_key_format(&policy->witnesses[i].key, key_text);
        require(pp_witness_key_parse(pp_bytes_of(key_text), &key) == PP_OK);
        require(pp_note_key_parse(pp_bytes_of(key_text), &key) == PP_ERROR_FORMAT);
    }
}

/* All witnesses meet it, nobody meets none but "none", and one more never harms. */
static void check_quorum(const struct pp_policy *policy, uint64_t cosigned)
{
    uint64_t all = bits_below(policy->witness_count);
    struct pp_quorum quorum = pp_policy_quorum(policy, cosigned & all);
    require(pp_policy_quorum(policy, all).met);
    require(pp_policy_quorum(policy, 0).met == (policy->quorum == PP_QUORUM_NONE));
    require(quorum.met == (quorum.have >= quorum.needed) && quorum.have <= quorum.members);
    for (size_t i = 0; quorum.met && i < policy->witness_count; i++)
        require(pp_policy_quorum(policy, (cosigned & all) | UINT64_C(1) << i).met);
}

static void check_note(const struct pp_policy *policy, struct pp_bytes note)
{
    struct pp_policy_result result = {0};
    struct pp_checkpoint checkpoint;
    struct pp_failure failure = {0};
    enum pp_error error = pp_policy_check(policy, note, &result, &failure);
    require((error == PP_OK) == (failure.text[0] == '\0'));
    if (error != PP_OK && error != PP_ERROR_QUORUM) {
        require(result.log == NULL);
        return;
    }
    require(result.quorum.met == (error == PP_OK));
    require(pp_checkpoint_open(note, result.log, &checkpoint) == PP_OK);
    for (size_t i = 0; i < policy->witness_count; i++) {
        uint64_t time_s;
        error = pp_checkpoint_cosignature(note, &policy->witnesses[i].key, &time_s);
        require((error == PP_OK) == (result.cosigned >> i & 1));
        require(error == PP_OK || error == PP_ERROR_WRONG_KEY);
    }
}

/* Memory of exactly that size, so that the sanitizer sees each byte too many. */
static struct pp_bytes copy_of(const uint8_t *data, size_t len)
{
    uint8_t *copy = malloc(len + (len == 0));
    require(copy != NULL);
    if (len > 0)
        memcpy(copy, data, len);
    return (struct pp_bytes){copy, len};
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct pp_policy policy;
    struct pp_failure failure = {0};
    if (size < 2)
        return 0;
    size_t wanted = pp_get_u16(data), there = size - 2;
    struct pp_bytes text = copy_of(data + 2, wanted < there ? wanted : there);
    struct pp_bytes note = copy_of(data + 2 + text.len, there - text.len);
    enum pp_error error = pp_policy_parse(text, &policy, &failure);
    require((error == PP_OK) == (failure.text[0] == '\0'));
    if (error == PP_OK) {
        struct pp_digest random = pp_merkle_leaf(note);
        check_groups(&policy, text);
        check_keys(&policy, text);
        check_quorum(&policy, pp_get_u64(random.b));
        check_note(&policy, note);
    }
    free((uint8_t *)(uintptr_t)text.data);
    free((uint8_t *)(uintptr_t)note.data);
    return 0;
}
