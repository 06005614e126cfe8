/* SPDX-License-Identifier: MIT */
/* The model behind shared literals: it predicts the bits of bytes from those before, and an
   arithmetic coder writes down what the predictions leave open.  docs/format/rollback.md, "Model".
   Readers encode as well as decode, so each must predict alike: integers only, no library. */
#ifndef PP_PATCH_MODEL_H
#define PP_PATCH_MODEL_H

#include <postproof/bytes.h>
#include <postproof/error.h>
#include <stdbool.h>

enum {
    PP_PATCH_MODEL_CONTEXTS = 7,
    PP_PATCH_MODEL_INPUTS = PP_PATCH_MODEL_CONTEXTS + 2, /* and order 0, and the match */
    PP_PATCH_MODEL_LINE_NODES = 15,
    PP_PATCH_MODEL_TABLE_LOG = 16,
    PP_PATCH_MODEL_LENGTHS = 16,
    PP_PATCH_MODEL_ONE = 1 << 12
};

/* Of half a byte in a context: a node for each beginning of its four bits. */
struct pp_patch_model_line {
    uint16_t check;
    uint16_t node[PP_PATCH_MODEL_LINE_NODES];
};

struct pp_patch_model {
    uint16_t order0[256];
    uint16_t match_nodes[PP_PATCH_MODEL_LENGTHS];
    int16_t stretch[PP_PATCH_MODEL_ONE];
    int32_t by_partial[256][PP_PATCH_MODEL_INPUTS];
    int32_t by_match[PP_PATCH_MODEL_LENGTHS * 8][PP_PATCH_MODEL_INPUTS];
    unsigned table_log;
    struct pp_bytes prefix;
    const uint8_t *content;
    size_t at; /* bytes of both that are known */
    /* For the byte at work. */
    unsigned bits;    /* of it that are known */
    uint32_t partial; /* they, behind a 1 */
    uint32_t word;
    uint32_t hash[PP_PATCH_MODEL_CONTEXTS];
    struct pp_patch_model_line *line[PP_PATCH_MODEL_CONTEXTS]; /* of the half at work */
    size_t match_at;                                           /* the byte that is expected */
    uint32_t match_bytes;                                      /* 0: none is */
    /* For the bit at work. */
    int expected; /* -1: no bit is */
    uint16_t *node[PP_PATCH_MODEL_INPUTS - 1];
    int32_t input[PP_PATCH_MODEL_INPUTS];
    int32_t *weights[2];
    int32_t chance[2];
    /* Tables: as much of them as table_log says. */
    uint32_t places[1 << PP_PATCH_MODEL_TABLE_LOG]; /* behind the last bytes with that hash */
    struct pp_patch_model_line lines[1 << PP_PATCH_MODEL_TABLE_LOG];
};

/* Work space: a model, and what it was when it had learned the prefix. */
struct pp_patch_models {
    struct pp_patch_model at_work, learned;
};

/* The code that two contents share: each one's own code XOR the other's, for readers that know
   prefix.  It goes to shared, which has room bytes, and is as long as the longer one.  false when
   there is no room. */
PP_MUST_CHECK bool pp_patch_model_share(struct pp_patch_models *models, struct pp_bytes prefix,
                                        struct pp_bytes one, struct pp_bytes other, uint8_t *shared,
                                        size_t room, size_t *shared_bytes);
/* With one of them, the other one of so many bytes.  The shared code is used up: it becomes the
   other one's own.  false when the code of the one is longer than the shared one; all else leads to
   bytes of some kind. */
PP_MUST_CHECK bool pp_patch_model_resolve(struct pp_patch_models *models, struct pp_bytes prefix,
                                          struct pp_bytes one, uint8_t *shared, size_t shared_bytes,
                                          uint8_t *other, size_t other_bytes);

#endif
