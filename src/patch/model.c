/* SPDX-License-Identifier: MIT */
/* Predicts bits from contexts, mixes the predictions, and codes. */
#include "model.h"

#include <stddef.h>
#include <string.h>

enum {
    CONTEXTS = PP_PATCH_MODEL_CONTEXTS,
    INPUTS = PP_PATCH_MODEL_INPUTS,
    ORDER0 = CONTEXTS, /* of the inputs */
    MATCH = CONTEXTS + 1,
    ORDERS = 5, /* the first contexts are of bytes, each of more than the one before */
    LINE_NODES = PP_PATCH_MODEL_LINE_NODES,
    TABLE_LOG_MIN = 10,
    ONE = PP_PATCH_MODEL_ONE,
    UNSEEN = 1 << 15, /* nodes are kept XOR this: zeros are even chances */
    SEEN_MAX = 15,
    SEEN_LIMIT = 11,
    RATE = 14,
    MATCH_BYTES_MIN = 4,
    MATCH_BYTES_MAX = 32, /* that are counted when it is found */
    STRETCH_MAX = 2047,
    WEIGHT_ONE = 1 << 16,
    WEIGHT_MAX = 8 * WEIGHT_ONE,
    FIRST_WEIGHT = WEIGHT_ONE * 3 / 10,
};

/* ---- Numbers --------------------------------------------------------------------------------- */

/* 4096 / (1 + e^(-x / 256)). */
static int32_t squash(int32_t x)
{
    static const int16_t at[] = {1,    2,    3,    6,    10,   16,   27,   45,   73,   120,  194,
                                 310,  488,  747,  1101, 1546, 2047, 2549, 2994, 3348, 3607, 3785,
                                 3901, 3975, 4022, 4050, 4068, 4079, 4085, 4089, 4092, 4093, 4094};
    uint32_t above = (uint32_t)(x + STRETCH_MAX + 1), k = above / 128;
    int32_t part = (int32_t)(above % 128);
    return (at[k] * (128 - part) + at[k + 1] * part + 64) / 128;
}

/* The inverse: the least x whose squash is at least p. */
static void fill_stretch(int16_t stretch[ONE])
{
    int32_t p = 0;
    for (int32_t x = -STRETCH_MAX; x <= STRETCH_MAX; x++)
        for (int32_t reached = squash(x); p <= reached; p++)
            stretch[p] = (int16_t)x;
    for (; p < ONE; p++)
        stretch[p] = STRETCH_MAX;
}

static int32_t clamp(int64_t x)
{
    return x > STRETCH_MAX ? STRETCH_MAX : x < -STRETCH_MAX ? -STRETCH_MAX : (int32_t)x;
}

/* Every bit of a hash depends on those below it in what was hashed; here on all. */
static uint32_t stir(uint32_t hash)
{
    hash *= 0x9e3779b1;
    hash ^= hash >> 15;
    return hash * 0x85ebca6b;
}

/* ---- Nodes: the chance of a 1 in 12 bits, then in 4 bits how often they were seen ------------ */

static uint32_t chance_of(uint16_t node)
{
    return (uint32_t)(node ^ UNSEEN) >> 4;
}

static uint32_t seen_of(uint16_t node)
{
    return node & SEEN_MAX;
}

/* A node learns fast while it is young: by 1 / (n + 1.5). */
static void learn(uint16_t *node, int bit)
{
    static const uint16_t rate[] = {43690, 26214, 18724, 14563, 11915, 10082, 8738, 7710,
                                    6898,  6241,  5698,  5242,  4854,  4519,  4228, 3971};
    uint32_t p = chance_of(*node), n = seen_of(*node);
    if (bit != 0)
        p += (ONE - 1 - p) * rate[n] >> 16;
    else
        p -= p * rate[n] >> 16;
    *node = (uint16_t)((p << 4 | (n < SEEN_LIMIT ? n + 1 : n)) ^ UNSEEN);
}

/* ---- The bytes before ------------------------------------------------------------------------ */

static uint8_t byte_at(const struct pp_patch_model *m, size_t at)
{
    return at < m->prefix.len ? m->prefix.data[at] : m->content[at - m->prefix.len];
}

/* The last one is 1 back. */
static uint32_t byte_back(const struct pp_patch_model *m, size_t back)
{
    return back <= m->at ? byte_at(m, m->at - back) : 0;
}

static struct pp_patch_model_line *line_of(struct pp_patch_model *m, uint32_t hash)
{
    uint32_t place = hash >> (32 - m->table_log);
    struct pp_patch_model_line *line = &m->lines[place], *other = &m->lines[place ^ 1];
    uint16_t check = (uint16_t)hash;
    if (line->check == check)
        return line;
    if (other->check == check)
        return other;
    if (seen_of(other->node[0]) < seen_of(line->node[0]))
        line = other;
    memset(line, 0, sizeof *line);
    line->check = check;
    return line;
}

/* For the next half of the byte. */
static void find_lines(struct pp_patch_model *m)
{
    for (int i = 0; i < CONTEXTS; i++)
        m->line[i] = line_of(m, stir(m->hash[i] + m->partial * 0x2545f491));
}

static void hash_contexts(struct pp_patch_model *m)
{
    uint32_t last = byte_back(m, 1), upper = last | 0x20;
    uint32_t four = last | byte_back(m, 2) << 8 | byte_back(m, 3) << 16 | byte_back(m, 4) << 24;
    uint32_t two_more = byte_back(m, 5) | byte_back(m, 6) << 8;
    bool in_word = (upper >= 'a' && upper <= 'z') || (last >= '0' && last <= '9') || last >= 128;
    m->word = in_word ? (m->word + last + 1) * 0x2f0b4c47 : 0;
    m->hash[0] = stir((four & 0xff) + 0x10000);
    m->hash[1] = stir((four & 0xffff) + 0x20000);
    m->hash[2] = stir((four & 0xffffff) + 0x3000000);
    m->hash[3] = stir(four + 0x40000000) + 4;
    m->hash[4] = stir(stir(four) + two_more) + 5;
    m->hash[5] = stir(m->word + last) + 6;
    m->hash[6] = stir((four & 0xff00) + 0x5000000) + 7;
}

/* The place behind the last bytes that equal those before, or on from there while it holds. */
static void find_match(struct pp_patch_model *m)
{
    uint32_t hash = 0;
    if (m->match_bytes > 0 && byte_at(m, m->match_at) == byte_back(m, 1))
        m->match_bytes++;
    else
        m->match_bytes = 0;
    m->match_at++;
    if (m->at < MATCH_BYTES_MIN)
        return;
    for (size_t i = MATCH_BYTES_MIN; i > 0; i--)
        hash = hash * 0x2f0b4c47 + byte_back(m, i) + 1;
    uint32_t *place = &m->places[stir(hash) >> (32 - m->table_log)];
    if (m->match_bytes == 0 && *place > 0) {
        m->match_at = *place;
        while (m->match_bytes < MATCH_BYTES_MAX && m->match_bytes < m->match_at &&
               byte_at(m, m->match_at - 1 - m->match_bytes) == byte_back(m, m->match_bytes + 1))
            m->match_bytes++;
    }
    *place = (uint32_t)m->at;
}

static void begin_byte(struct pp_patch_model *m)
{
    m->bits = 0;
    m->partial = 1;
    hash_contexts(m);
    find_match(m);
    find_lines(m);
}

/* ---- Bits ------------------------------------------------------------------------------------ */

/* Lengths of matches, in 16 classes. */
static uint32_t class_of(uint32_t n)
{
    if (n < 8)
        return n;
    return n < 32 ? 6 + n / 4 : n < 64 ? 14 : 15;
}

/* What the match says of the next bit, as long as the bits so far are those of its byte. */
static void expect(struct pp_patch_model *m)
{
    m->expected = -1;
    m->input[MATCH] = 0;
    if (m->match_bytes == 0)
        return;
    uint32_t byte = byte_at(m, m->match_at) | 256U;
    if (byte >> (8 - m->bits) != m->partial)
        return;
    m->expected = byte >> (7 - m->bits) & 1;
    int32_t x = m->stretch[chance_of(m->match_nodes[class_of(m->match_bytes)])];
    m->input[MATCH] = m->expected == 1 ? x : -x;
}

static int32_t mix(const int32_t weights[INPUTS], const int32_t input[INPUTS])
{
    int64_t sum = 0;
    for (int i = 0; i < INPUTS; i++)
        sum += (int64_t)weights[i] * input[i];
    return clamp(sum >> 16);
}

/* The chance of a 1, in ONE parts. */
static int32_t predict(struct pp_patch_model *m)
{
    uint32_t first_node = 1U << m->bits % 4, orders = 0;
    uint32_t node = first_node - 1 + (m->partial & (first_node - 1));
    for (uint32_t i = 0; i < CONTEXTS; i++) {
        m->node[i] = &m->line[i]->node[node];
        m->input[i] = m->stretch[chance_of(*m->node[i])];
        if (i < ORDERS && seen_of(*m->node[i]) > 0)
            orders = i + 1;
    }
    m->node[ORDER0] = &m->order0[m->partial];
    m->input[ORDER0] = m->stretch[chance_of(*m->node[ORDER0])];
    expect(m);
    uint32_t length = m->expected >= 0 ? class_of(m->match_bytes) : 0;
    m->weights[0] = m->by_partial[m->partial];
    m->weights[1] = m->by_match[length * 8 + orders];
    int32_t first = mix(m->weights[0], m->input), second = mix(m->weights[1], m->input);
    m->chance[0] = squash(first);
    m->chance[1] = squash(second);
    return squash((first + second) >> 1);
}

/* Everything that took part learns the bit. */
static void update(struct pp_patch_model *m, int bit)
{
    for (int k = 0; k < 2; k++) {
        int32_t error = (bit * ONE - m->chance[k]) * RATE;
        for (int i = 0; i < INPUTS; i++) {
            int32_t w = m->weights[k][i] + ((m->input[i] * error + 0x8000) >> 16);
            m->weights[k][i] = w > WEIGHT_MAX ? WEIGHT_MAX : w < -WEIGHT_MAX ? -WEIGHT_MAX : w;
        }
    }
    for (int i = 0; i <= ORDER0; i++)
        learn(m->node[i], bit);
    if (m->expected >= 0)
        learn(&m->match_nodes[class_of(m->match_bytes)], bit == m->expected);
    m->partial = m->partial << 1 | (uint32_t)bit;
    if (++m->bits == 4)
        find_lines(m);
}

static void end_byte(struct pp_patch_model *m)
{
    m->at++;
    begin_byte(m);
}

/* ---- Begin ----------------------------------------------------------------------------------- */

static void fill_weights(int32_t *weights, size_t n)
{
    for (size_t i = 0; i < n; i++)
        weights[i] = FIRST_WEIGHT;
}

/* Few bytes need no large tables. */
static unsigned table_log_of(size_t bytes)
{
    unsigned log = TABLE_LOG_MIN;
    while (log < PP_PATCH_MODEL_TABLE_LOG && (size_t)1 << log < 4 * bytes)
        log++;
    return log;
}

/* A new model for so many bytes in all. */
static void begin(struct pp_patch_model *m, size_t bytes)
{
    memset(m, 0, offsetof(struct pp_patch_model, places));
    m->table_log = table_log_of(bytes);
    memset(m->lines, 0, sizeof m->lines[0] << m->table_log);
    memset(m->places, 0, sizeof m->places[0] << m->table_log);
    fill_stretch(m->stretch);
    fill_weights(&m->by_partial[0][0], sizeof m->by_partial / sizeof(int32_t));
    fill_weights(&m->by_match[0][0], sizeof m->by_match / sizeof(int32_t));
}

static void learn_prefix(struct pp_patch_model *m, struct pp_bytes prefix)
{
    m->prefix = prefix;
    begin_byte(m);
    for (size_t i = 0; i < prefix.len; i++) {
        for (int k = 7; k >= 0; k--) {
            (void)predict(m);
            update(m, prefix.data[i] >> k & 1);
        }
        end_byte(m);
    }
}

/* With its pointers: they lead into the model that is at work, in either copy. */
static void copy(struct pp_patch_model *to, const struct pp_patch_model *from)
{
    memcpy(to, from, offsetof(struct pp_patch_model, places));
    memcpy(to->places, from->places, sizeof from->places[0] << from->table_log);
    memcpy(to->lines, from->lines, sizeof from->lines[0] << from->table_log);
}

/* ---- Coding ---------------------------------------------------------------------------------- */

/* Codes lie in low .. high: 32 bits of them, those before are settled. */
struct range {
    uint32_t low, high;
};

/* The bit takes its part: a 1 the lower one. */
static void narrow(struct range *range, uint32_t bound, int bit)
{
    if (bit == 1)
        range->high = bound;
    else
        range->low = bound + 1;
}

static uint32_t bound_of(const struct range *range, int32_t chance)
{
    uint64_t width = range->high - range->low;
    return range->low + (uint32_t)(width * (uint32_t)chance / ONE);
}

static bool first_byte_is_settled(const struct range *range)
{
    return (range->low ^ range->high) >> 24 == 0;
}

static void drop_first_byte(struct range *range)
{
    range->low <<= 8;
    range->high = range->high << 8 | 0xff;
}

/* Adds the code of content to what is there, by XOR.  *code_bytes says how long it is; false when
   there is no room. */
static bool add_code(struct pp_patch_model *m, struct pp_bytes content, uint8_t *code, size_t room,
                     size_t *code_bytes)
{
    struct range range = {0, UINT32_MAX};
    size_t used = 0;
    m->content = content.data;
    for (size_t i = 0; i < content.len; i++) {
        for (int k = 7; k >= 0; k--) {
            int bit = content.data[i] >> k & 1;
            narrow(&range, bound_of(&range, predict(m)), bit);
            for (; first_byte_is_settled(&range); drop_first_byte(&range)) {
                if (used == room)
                    return false;
                code[used++] ^= (uint8_t)(range.low >> 24);
            }
            update(m, bit);
        }
        end_byte(m);
    }
    /* With zeros behind it, one more byte lies in the range, or none. */
    if (range.low > 0) {
        if (used == room)
            return false;
        code[used++] ^= (uint8_t)((range.low >> 24) + 1);
    }
    *code_bytes = used;
    return true;
}

/* Any bytes are the code of some content: behind their end zeros follow. */
static void decode(struct pp_patch_model *m, struct pp_bytes code, uint8_t *content,
                   size_t content_bytes)
{
    struct range range = {0, UINT32_MAX};
    uint32_t window = 0;
    size_t used = 0;
    for (; used < sizeof window; used++)
        window = window << 8 | (used < code.len ? code.data[used] : 0);
    m->content = content;
    for (size_t i = 0; i < content_bytes; i++) {
        uint32_t byte = 0;
        for (int k = 0; k < 8; k++) {
            uint32_t bound = bound_of(&range, predict(m));
            int bit = window <= bound;
            narrow(&range, bound, bit);
            for (; first_byte_is_settled(&range); drop_first_byte(&range), used++)
                window = window << 8 | (used < code.len ? code.data[used] : 0);
            byte = byte << 1 | (uint32_t)bit;
            update(m, bit);
        }
        content[i] = (uint8_t)byte;
        end_byte(m);
    }
}

bool pp_patch_model_share(struct pp_patch_models *models, struct pp_bytes prefix,
                          struct pp_bytes one, struct pp_bytes other, uint8_t *shared, size_t room,
                          size_t *shared_bytes)
{
    size_t first, second;
    memset(shared, 0, room);
    begin(&models->at_work, prefix.len + one.len + other.len);
    learn_prefix(&models->at_work, prefix);
    copy(&models->learned, &models->at_work);
    if (!add_code(&models->at_work, one, shared, room, &first))
        return false;
    copy(&models->at_work, &models->learned);
    if (!add_code(&models->at_work, other, shared, room, &second))
        return false;
    *shared_bytes = first > second ? first : second;
    return true;
}

bool pp_patch_model_resolve(struct pp_patch_models *models, struct pp_bytes prefix,
                            struct pp_bytes one, uint8_t *shared, size_t shared_bytes,
                            uint8_t *other, size_t other_bytes)
{
    size_t first;
    begin(&models->at_work, prefix.len + one.len + other_bytes);
    learn_prefix(&models->at_work, prefix);
    copy(&models->learned, &models->at_work);
    if (!add_code(&models->at_work, one, shared, shared_bytes, &first))
        return false;
    copy(&models->at_work, &models->learned);
    decode(&models->at_work, (struct pp_bytes){shared, shared_bytes}, other, other_bytes);
    return true;
}
