/* SPDX-License-Identifier: MIT */
/* Policies: which logs and which witnesses a verifier trusts, and how many of them it takes.
   Sources: c2sp.org/tlog-policy, c2sp.org/tlog-cosignature. */
#ifndef POSTPROOF_POLICY_H
#define POSTPROOF_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <postproof/bytes.h>
#include <postproof/error.h>
#include <postproof/note.h>

enum {
    PP_POLICY_BYTES_MAX = 256 << 10, /* of the file */
    PP_POLICY_LOGS_MAX = 64,
    PP_POLICY_WITNESSES_MAX = 64,
    PP_POLICY_GROUPS_MAX = 64
};

struct pp_policy_witness {
    struct pp_bytes name; /* borrowed from the policy's text */
    struct pp_note_key key;
};

/* At least `threshold` of the members, which were all defined before. */
struct pp_policy_group {
    struct pp_bytes name;       /* borrowed from the policy's text */
    uint64_t witnesses, groups; /* the members: bit i is witness i or group i */
    unsigned members, threshold;
};

enum pp_quorum_kind { PP_QUORUM_NONE, PP_QUORUM_WITNESS, PP_QUORUM_GROUP };

/* 45 KB; names borrow from the text that was parsed. */
struct pp_policy {
    struct pp_note_key logs[PP_POLICY_LOGS_MAX];
    struct pp_policy_witness witnesses[PP_POLICY_WITNESSES_MAX];
    struct pp_policy_group groups[PP_POLICY_GROUPS_MAX];
    size_t log_count, witness_count, group_count;
    enum pp_quorum_kind quorum;
    size_t quorum_index; /* of the witness or group */
};

/* Reads a policy file.  Keys are Ed25519: vkeys of type 0x01 for logs, 0x04 for witnesses.
   PP_ERROR_FORMAT, or PP_ERROR_TOO_LARGE beyond a limit above; *failure names the line. */
PP_MUST_CHECK enum pp_error pp_policy_parse(struct pp_bytes text, struct pp_policy *policy,
                                            struct pp_failure *failure);

/* Narrows the policy to the log with this public key, known from elsewhere; a policy that lists no
   log takes it, with its name.  false: the policy lists logs, and not this one. */
PP_MUST_CHECK bool pp_policy_pin_log(struct pp_policy *policy, const struct pp_note_key *log);

/* How far the quorum is met: `have` of the `members` hold, `needed` of them have to. */
struct pp_quorum {
    bool met;
    unsigned have, needed, members;
};
/* cosigned: bit i stands for a valid cosignature by witness i. */
struct pp_quorum pp_policy_quorum(const struct pp_policy *policy, uint64_t cosigned);

struct pp_policy_result {
    struct pp_checkpoint checkpoint; /* borrowed from the note */
    const struct pp_note_key *log;   /* the one in the policy that signed it */
    uint64_t cosigned;               /* bit i: by witness i */
    unsigned witnesses;              /* how many */
    struct pp_quorum quorum;
};
/* Checks a checkpoint note: signed by a log of the policy under its own name, every signature by a
   key of the policy valid, the quorum met.  PP_ERROR_FORMAT; PP_ERROR_TOO_LARGE;
   PP_ERROR_WRONG_KEY: no log of the policy signed it; PP_ERROR_MISMATCH: such a signature or
   cosignature is not valid; PP_ERROR_QUORUM: only the quorum is missing, and *result is filled. */
PP_MUST_CHECK enum pp_error pp_policy_check(const struct pp_policy *policy, struct pp_bytes note,
                                            struct pp_policy_result *result,
                                            struct pp_failure *failure);

#endif
