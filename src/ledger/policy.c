/* SPDX-License-Identifier: MIT */
/* C2SP policy files (c2sp.org/tlog-policy), and checkpoints judged by them.  A group only refers to
   lines above it, so one pass forward reads the file and one decides the quorum. */
#include "ledger_internal.h"

#include <stdio.h>
#include <string.h>

#include <postproof/policy.h>

#include "../base/base.h"

enum { SHOWN_BYTES_MAX = 100 }; /* of a name or a key in a message */

static bool words_equal(struct pp_bytes a, struct pp_bytes b)
{
    return a.len == b.len && pp_equal_constant_time(a.data, b.data, a.len);
}

static bool word_is(struct pp_bytes word, const char *text)
{
    return words_equal(word, pp_bytes_of(text));
}

static int shown(struct pp_bytes word)
{
    return word.len < SHOWN_BYTES_MAX ? (int)word.len : SHOWN_BYTES_MAX;
}

/* ---- Lines and words ------------------------------------------------------------------------ */

struct parser {
    struct pp_policy *policy;
    struct pp_failure *failure;
    size_t line;                              /* from 1 */
    uint64_t member_witnesses, member_groups; /* of any group so far */
    bool has_quorum;
};

static bool refuse(struct parser *parser, enum pp_error code, const char *what)
{
    parser->failure->code = code;
    (void)snprintf(parser->failure->text, sizeof parser->failure->text, "line %zu: %s",
                   parser->line, what);
    return false;
}

static bool refuse_word(struct parser *parser, struct pp_bytes word, const char *what)
{
    parser->failure->code = PP_ERROR_FORMAT;
    (void)snprintf(parser->failure->text, sizeof parser->failure->text, "line %zu: \"%.*s\" %s",
                   parser->line, shown(word), (const char *)word.data, what);
    return false;
}

static bool is_blank(uint8_t c)
{
    return c == ' ' || c == '\t';
}

/* Takes the next word off the front of *line. */
static bool take_word(struct pp_bytes *line, struct pp_bytes *word)
{
    size_t start = 0;
    while (start < line->len && is_blank(line->data[start]))
        start++;
    size_t end = start;
    while (end < line->len && !is_blank(line->data[end]))
        end++;
    *word = (struct pp_bytes){line->data + start, end - start};
    *line = (struct pp_bytes){line->data + end, line->len - end};
    return word->len > 0;
}

/* An address may stand at the end, and nothing behind it. */
static bool ends_with_address(struct pp_bytes line)
{
    struct pp_bytes word;
    return !take_word(&line, &word) || !take_word(&line, &word);
}

static bool octets_are_allowed(struct pp_bytes line)
{
    for (size_t i = 0; i < line.len; i++)
        if ((line.data[i] < 0x20 && line.data[i] != '\t') || line.data[i] == 0x7f)
            return false;
    return true;
}

/* ---- Names ---------------------------------------------------------------------------------- */

/* What a name stands for: a place among the witnesses or among the groups. */
struct named {
    bool is_group;
    size_t index;
};

static bool find_name(const struct pp_policy *policy, struct pp_bytes name, struct named *found)
{
    for (size_t i = 0; i < policy->witness_count; i++) {
        if (words_equal(policy->witnesses[i].name, name)) {
            *found = (struct named){false, i};
            return true;
        }
    }
    for (size_t i = 0; i < policy->group_count; i++) {
        if (words_equal(policy->groups[i].name, name)) {
            *found = (struct named){true, i};
            return true;
        }
    }
    return false;
}

static bool name_is_free(struct parser *parser, struct pp_bytes name)
{
    struct named earlier;
    if (word_is(name, "none"))
        return refuse_word(parser, name, "is predefined and can't be defined");
    if (find_name(parser->policy, name, &earlier))
        return refuse_word(parser, name, "is defined already");
    return true;
}

/* ---- The four kinds of lines ---------------------------------------------------------------- */

static bool parse_log(struct parser *parser, struct pp_bytes line)
{
    struct pp_policy *policy = parser->policy;
    struct pp_note_key key;
    struct pp_bytes vkey;
    if (!take_word(&line, &vkey) || !ends_with_address(line))
        return refuse(parser, PP_ERROR_FORMAT, "a log is defined by: log <vkey> [<url>]");
    if (pp_note_key_parse(vkey, &key) != PP_OK)
        return refuse_word(parser, vkey, "is no Ed25519 key of a log (a vkey of type 0x01)");
    for (size_t i = 0; i < policy->log_count; i++)
        if (pp_equal_constant_time(policy->logs[i].public_key, key.public_key, 32))
            return refuse_word(parser, vkey, "has the public key of an earlier log");
    if (policy->log_count == PP_POLICY_LOGS_MAX)
        return refuse(parser, PP_ERROR_TOO_LARGE, "there are more than 64 logs");
    policy->logs[policy->log_count++] = key;
    return true;
}

static bool parse_witness(struct parser *parser, struct pp_bytes line)
{
    struct pp_policy *policy = parser->policy;
    struct pp_policy_witness witness;
    struct pp_bytes vkey;
    if (!take_word(&line, &witness.name) || !take_word(&line, &vkey) || !ends_with_address(line))
        return refuse(parser, PP_ERROR_FORMAT,
                      "a witness is defined by: witness <name> <vkey> [<url>]");
    if (!name_is_free(parser, witness.name))
        return false;
    if (pp_witness_key_parse(vkey, &witness.key) != PP_OK)
        return refuse_word(parser, vkey, "is no Ed25519 key of a witness (a vkey of type 0x04)");
    for (size_t i = 0; i < policy->witness_count; i++)
        if (pp_equal_constant_time(policy->witnesses[i].key.public_key, witness.key.public_key, 32))
            return refuse_word(parser, vkey, "has the public key of an earlier witness");
    if (policy->witness_count == PP_POLICY_WITNESSES_MAX)
        return refuse(parser, PP_ERROR_TOO_LARGE, "there are more than 64 witnesses");
    policy->witnesses[policy->witness_count++] = witness;
    return true;
}

/* A name is a member once in the whole file: each witness counts in one way only. */
static bool add_member(struct parser *parser, struct pp_bytes name, struct pp_policy_group *group)
{
    struct named member;
    if (word_is(name, "none"))
        return refuse_word(parser, name, "can't be a member");
    if (!find_name(parser->policy, name, &member))
        return refuse_word(parser, name, "is defined on no line above");
    uint64_t bit = UINT64_C(1) << member.index;
    uint64_t *taken = member.is_group ? &parser->member_groups : &parser->member_witnesses;
    if (*taken & bit)
        return refuse_word(parser, name, "is a member already, here or of another group");
    *taken |= bit;
    *(member.is_group ? &group->groups : &group->witnesses) |= bit;
    group->members++;
    return true;
}

static bool set_threshold(struct parser *parser, struct pp_bytes word,
                          struct pp_policy_group *group)
{
    uint64_t number = 0;
    if (word_is(word, "any"))
        number = 1;
    else if (word_is(word, "all"))
        number = group->members;
    else if (!pp_decimal_decode(word, &number) || number < 1 || number > group->members)
        return refuse_word(parser, word,
                           "is neither \"any\" nor \"all\" nor a number from 1 to that of the "
                           "members");
    group->threshold = (unsigned)number;
    return true;
}

static bool parse_group(struct parser *parser, struct pp_bytes line)
{
    struct pp_policy *policy = parser->policy;
    struct pp_policy_group group = {0};
    struct pp_bytes threshold, member;
    if (!take_word(&line, &group.name) || !take_word(&line, &threshold) ||
        !take_word(&line, &member))
        return refuse(parser, PP_ERROR_FORMAT,
                      "a group is defined by: group <name> all|any|<k> <name>...");
    if (!name_is_free(parser, group.name))
        return false;
    do {
        if (!add_member(parser, member, &group))
            return false;
    } while (take_word(&line, &member));
    if (!set_threshold(parser, threshold, &group))
        return false;
    if (policy->group_count == PP_POLICY_GROUPS_MAX)
        return refuse(parser, PP_ERROR_TOO_LARGE, "there are more than 64 groups");
    policy->groups[policy->group_count++] = group;
    return true;
}

static bool parse_quorum(struct parser *parser, struct pp_bytes line)
{
    struct pp_policy *policy = parser->policy;
    struct pp_bytes name, more;
    struct named quorum;
    if (!take_word(&line, &name) || take_word(&line, &more))
        return refuse(parser, PP_ERROR_FORMAT, "the quorum is defined by: quorum <name>");
    if (parser->has_quorum)
        return refuse(parser, PP_ERROR_FORMAT, "this is a second quorum line");
    parser->has_quorum = true;
    if (word_is(name, "none"))
        return true;
    if (!find_name(policy, name, &quorum))
        return refuse_word(parser, name, "is defined on no line above");
    policy->quorum = quorum.is_group ? PP_QUORUM_GROUP : PP_QUORUM_WITNESS;
    policy->quorum_index = quorum.index;
    return true;
}

static bool parse_line(struct parser *parser, struct pp_bytes line)
{
    struct pp_bytes keyword;
    if (!octets_are_allowed(line))
        return refuse(parser, PP_ERROR_FORMAT,
                      "there is a control character other than tab and newline");
    if (!take_word(&line, &keyword) || keyword.data[0] == '#')
        return true;
    if (word_is(keyword, "log"))
        return parse_log(parser, line);
    if (word_is(keyword, "witness"))
        return parse_witness(parser, line);
    if (word_is(keyword, "group"))
        return parse_group(parser, line);
    if (word_is(keyword, "quorum"))
        return parse_quorum(parser, line);
    return refuse_word(parser, keyword, "is none of log, witness, group and quorum");
}

static bool parse_file(struct parser *parser, struct pp_bytes text)
{
    struct pp_bytes line;
    for (parser->line = 1; pp_next_line(&text, &line); parser->line++)
        if (!parse_line(parser, line))
            return false;
    if (text.len > 0)
        return refuse(parser, PP_ERROR_FORMAT,
                      "there is no newline at the end: the file may have been cut off");
    if (!parser->has_quorum)
        return refuse(parser, PP_ERROR_FORMAT, "the file ends without a quorum line");
    return true;
}

enum pp_error pp_policy_parse(struct pp_bytes text, struct pp_policy *policy,
                              struct pp_failure *failure)
{
    struct parser parser = {.policy = policy, .failure = failure, .line = 1};
    memset(policy, 0, sizeof *policy);
    failure->os_error = 0;
    bool good = text.len <= PP_POLICY_BYTES_MAX
                    ? parse_file(&parser, text)
                    : refuse(&parser, PP_ERROR_TOO_LARGE, "the file has more than 256 KiB");
    if (good)
        return PP_OK;
    memset(policy, 0, sizeof *policy);
    return failure->code;
}

bool pp_policy_pin_log(struct pp_policy *policy, const struct pp_note_key *log)
{
    struct pp_note_key pinned = *log;
    bool found = policy->log_count == 0;
    for (size_t i = 0; i < policy->log_count && !found; i++) {
        found = pp_equal_constant_time(policy->logs[i].public_key, log->public_key, 32);
        if (found)
            pinned = policy->logs[i];
    }
    if (!found)
        return false;
    policy->logs[0] = pinned;
    policy->log_count = 1;
    return true;
}

/* ---- The quorum ----------------------------------------------------------------------------- */

static unsigned bit_count(uint64_t bits)
{
    unsigned count = 0;
    for (; bits != 0; bits &= bits - 1)
        count++;
    return count;
}

struct pp_quorum pp_policy_quorum(const struct pp_policy *policy, uint64_t cosigned)
{
    struct pp_quorum quorum = {.met = true};
    uint64_t groups_met = 0;
    if (policy->quorum == PP_QUORUM_NONE)
        return quorum;
    if (policy->quorum == PP_QUORUM_WITNESS) {
        quorum = (struct pp_quorum){.needed = 1, .members = 1};
        quorum.have = (unsigned)(cosigned >> policy->quorum_index & 1);
    } else {
        for (size_t i = 0; i <= policy->quorum_index; i++) {
            const struct pp_policy_group *group = &policy->groups[i];
            quorum.have =
                bit_count(group->witnesses & cosigned) + bit_count(group->groups & groups_met);
            quorum.needed = group->threshold;
            quorum.members = group->members;
            if (quorum.have >= quorum.needed)
                groups_met |= UINT64_C(1) << i;
        }
    }
    quorum.met = quorum.have >= quorum.needed;
    return quorum;
}

/* ---- Checkpoints ---------------------------------------------------------------------------- */

static enum pp_error fail(struct pp_failure *failure, enum pp_error code, const char *what)
{
    failure->code = code;
    (void)snprintf(failure->text, sizeof failure->text, "%s", what);
    return code;
}

/* The note is that of result->checkpoint; finds the log that signed it under its own name. */
static enum pp_error check_logs(const struct pp_policy *policy, struct pp_bytes note,
                                struct pp_policy_result *result, struct pp_failure *failure)
{
    struct pp_bytes text;
    for (size_t i = 0; i < policy->log_count; i++) {
        const struct pp_note_key *log = &policy->logs[i];
        enum pp_error error = pp_note_open(note, log, &text);
        if (error == PP_ERROR_WRONG_KEY)
            continue;
        if (error != PP_OK) {
            (void)snprintf(failure->text, sizeof failure->text,
                           "the signature of log \"%s\" is not valid", log->name);
            return failure->code = error;
        }
        if (result->log == NULL && word_is(result->checkpoint.origin, log->name))
            result->log = log;
    }
    if (result->log != NULL)
        return PP_OK;
    (void)snprintf(failure->text, sizeof failure->text,
                   "no log of the policy has signed it under its own name (%zu listed; it is of "
                   "\"%.*s\")",
                   policy->log_count, shown(result->checkpoint.origin),
                   (const char *)result->checkpoint.origin.data);
    return failure->code = PP_ERROR_WRONG_KEY;
}

static enum pp_error check_witnesses(const struct pp_policy *policy, struct pp_bytes note,
                                     struct pp_policy_result *result, struct pp_failure *failure)
{
    for (size_t i = 0; i < policy->witness_count; i++) {
        const struct pp_policy_witness *witness = &policy->witnesses[i];
        uint64_t time_s;
        enum pp_error error = pp_checkpoint_cosignature(note, &witness->key, &time_s);
        if (error == PP_ERROR_WRONG_KEY)
            continue;
        if (error != PP_OK) {
            (void)snprintf(failure->text, sizeof failure->text,
                           "the cosignature of witness \"%.*s\" is not valid", shown(witness->name),
                           (const char *)witness->name.data);
            return failure->code = error;
        }
        result->cosigned |= UINT64_C(1) << i;
    }
    result->witnesses = bit_count(result->cosigned);
    return PP_OK;
}

static enum pp_error check_quorum(const struct pp_policy *policy, struct pp_policy_result *result,
                                  struct pp_failure *failure)
{
    struct pp_quorum quorum = pp_policy_quorum(policy, result->cosigned);
    result->quorum = quorum;
    if (quorum.met)
        return PP_OK;
    struct pp_bytes name = policy->quorum == PP_QUORUM_GROUP
                               ? policy->groups[policy->quorum_index].name
                               : policy->witnesses[policy->quorum_index].name;
    (void)snprintf(failure->text, sizeof failure->text,
                   "the checkpoint does not meet the quorum: %u of %u members of \"%.*s\" hold, "
                   "%u needed; %u of %zu witnesses have cosigned it",
                   quorum.have, quorum.members, shown(name), (const char *)name.data, quorum.needed,
                   result->witnesses, policy->witness_count);
    return failure->code = PP_ERROR_QUORUM;
}

enum pp_error pp_policy_check(const struct pp_policy *policy, struct pp_bytes note,
                              struct pp_policy_result *result, struct pp_failure *failure)
{
    struct pp_policy_result found = {0};
    failure->os_error = 0;
    if (pp_checkpoint_parse(note, &found.checkpoint) != PP_OK)
        return fail(failure, PP_ERROR_FORMAT, "it is no checkpoint (C2SP tlog-checkpoint)");
    enum pp_error error = check_logs(policy, note, &found, failure);
    if (error == PP_OK)
        error = check_witnesses(policy, note, &found, failure);
    if (error == PP_OK)
        error = check_quorum(policy, &found, failure);
    if (error == PP_OK || error == PP_ERROR_QUORUM)
        *result = found;
    return error;
}
