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
    PP_PATCH_MODEL_CONTEXTS = 4,
    PP_PATCH_MODEL_INPUTS = PP_PATCH_MODEL_CONTEXTS + 2, /* and order 0, and the match */
    PP_PATCH_MODEL_LINE_NODES = 15,
    PP_PATCH_MODEL_TABLE_LOG = 16,
    PP_PATCH_MODEL_LENGTHS = 16,
    PP_PATCH_MODEL_WEIGHTS = PP_PATCH_MODEL_LENGTHS * 4 * 8,
    PP_PATCH_MODEL_ONE = 1 << 12
};

/* Of half a byte in a context: a node for each beginning of its four bits. */
struct pp_patch_model_line {
    uint16_t check;
    int16_t node[PP_PATCH_MODEL_LINE_NODES];
};

struct pp_patch_model {
    int16_t order0[256];
    int16_t match_nodes[PP_PATCH_MODEL_LENGTHS];
    int16_t stretch[PP_PATCH_MODEL_ONE];
    int16_t squash[PP_PATCH_MODEL_ONE];
    uint32_t weights[PP_PATCH_MODEL_WEIGHTS][PP_PATCH_MODEL_INPUTS];
    unsigned table_log;
    struct pp_bytes prefix;
    const uint8_t *content;
    size_t at;            /* bytes of both that are known */
    size_t match_at;      /* the byte that is expected */
    uint32_t match_bytes; /* 0: none is */
    /* Tables: as much of them as table_log says. */
    uint32_t places[1 << PP_PATCH_MODEL_TABLE_LOG]; /* behind the last bytes with that hash */
    struct pp_patch_model_line lines[1 << PP_PATCH_MODEL_TABLE_LOG];
};

/* Work space: a model, and what it was when it had learned the prefix. */
struct pp_patch_models {
    bool is_plain; /* neither: contents are their own codes */
    struct pp_patch_model at_work, learned;
};

/* Learns the prefix, for contents of so many bytes together.  The prefix has to stay where it is
   for what follows.  With is_plain there is no model: contents are their own codes. */
void pp_patch_model_begin(struct pp_patch_models *models, bool is_plain, struct pp_bytes prefix,
                          size_t contents_bytes);
/* Adds own to code, by XOR. */
void pp_patch_add_code(uint8_t *code, struct pp_bytes own);
/* Adds the code of content, for readers that know the prefix, to what stands at code, which has
   room bytes, by XOR.  *code_bytes says how long it is; false when there is no room. */
PP_MUST_CHECK bool pp_patch_model_add_code(struct pp_patch_models *models, struct pp_bytes content,
                                           uint8_t *code, size_t room, size_t *code_bytes);
/* The content of so many bytes that has this code.  Any bytes are the code of some content: behind
   their end zeros follow. */
void pp_patch_model_decode(struct pp_patch_models *models, struct pp_bytes code, uint8_t *content,
                           size_t content_bytes);

#endif
