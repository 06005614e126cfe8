/* SPDX-License-Identifier: MIT */
/* Predicts bits from contexts, mixes the predictions, and codes. */
#include "model.h"

#include <stddef.h>
#include <string.h>

/* What is done with a byte is known where this is compiled: each has code of its own. */
#define ONE_EACH static inline __attribute__((always_inline))

enum {
    CONTEXTS = PP_PATCH_MODEL_CONTEXTS,
    INPUTS = PP_PATCH_MODEL_INPUTS,
    ORDER0 = CONTEXTS, /* of the inputs */
    MATCH = CONTEXTS + 1,
    ORDERS = 3, /* the first contexts are of bytes, each of one more than the one before */
    BYTES_BACK = 4,
    LINE_NODES = PP_PATCH_MODEL_LINE_NODES,
    TABLE_LOG_MIN = 10,
    ONE = PP_PATCH_MODEL_ONE,
    SEEN_MAX = 15,
    SEEN_LIMIT = 11,
    STEP_LOG = 14,
    HALF_STEP = 1 << (STEP_LOG - 1),
    MATCH_BYTES_MIN = BYTES_BACK,
    MATCH_BYTES_MAX = 32, /* that are counted when it is found */
    STRETCH_MAX = 2047,
    WEIGHT_LOG = 13,
    FIRST_WEIGHT = (1 << WEIGHT_LOG) * 3 / 10,
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

static void fill_squash(int16_t table[ONE])
{
    for (int32_t x = -STRETCH_MAX; x <= STRETCH_MAX; x++)
        table[x + STRETCH_MAX + 1] = (int16_t)squash(x);
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

ONE_EACH int32_t between(int32_t least, int32_t x, int32_t most)
{
    return x > most ? most : x < least ? least : x;
}

/* Every bit of a hash depends on those below it in what was hashed; here on all. */
static uint32_t stir(uint32_t hash)
{
    hash *= 0x9e3779b1;
    hash ^= hash >> 15;
    return hash * 0x85ebca6b;
}

/* ---- Nodes: the chance of a 1 less a half; then, in 4 bits, how often they were seen --------- */

static uint32_t seen_of(int32_t node)
{
    return (uint32_t)node & SEEN_MAX;
}

/* A node, after it saw the bit.  It learns fast while it is young: by 1 / (n + 1.5). */
ONE_EACH int16_t learned(int32_t node, uint32_t bit)
{
    static const int32_t rate[] = {21845, 13107, 9362, 7281, 5957, 5041, 4369, 3855,
                                   3449,  3120,  2849, 2621, 2427, 2259, 2114, 1985};
    uint32_t seen = seen_of(node);
    node += (((bit != 0 ? INT16_MAX : INT16_MIN) - node) * rate[seen]) >> 15;
    seen += seen < SEEN_LIMIT;
    return (int16_t)((node & ~SEEN_MAX) | (int32_t)seen);
}

/* ---- The bytes before ------------------------------------------------------------------------ */

static uint8_t byte_at(const struct pp_patch_model *m, size_t at)
{
    return at < m->prefix.len ? m->prefix.data[at] : m->content[at - m->prefix.len];
}

/* The last one comes first. */
static void look_back(const struct pp_patch_model *m, uint32_t back[BYTES_BACK])
{
    for (size_t i = 0; i < BYTES_BACK; i++)
        back[i] = i < m->at ? byte_at(m, m->at - 1 - i) : 0;
}

static void hash_contexts(const uint32_t back[BYTES_BACK], uint32_t hash[CONTEXTS])
{
    uint32_t two = back[0] | back[1] << 8;
    hash[0] = stir(back[0] + 0x10000);
    hash[1] = stir(two + 0x20000);
    hash[2] = stir((two | back[2] << 16) + 0x3000000);
    hash[3] = stir(back[3] + 0x40000);
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

/* The place behind the last bytes that equal those before, or on from there while it holds. */
static void find_match(struct pp_patch_model *m, const uint32_t back[BYTES_BACK])
{
    uint32_t hash = 0;
    if (m->match_bytes > 0 && byte_at(m, m->match_at) == back[0])
        m->match_bytes++;
    else
        m->match_bytes = 0;
    m->match_at++;
    if (m->at < MATCH_BYTES_MIN)
        return;
    for (size_t i = MATCH_BYTES_MIN; i > 0; i--)
        hash = hash * 0x2f0b4c47 + back[i - 1] + 1;
    uint32_t *place = &m->places[stir(hash) >> (32 - m->table_log)];
    if (m->match_bytes == 0 && *place > 0) {
        m->match_at = *place;
        while (m->match_bytes < MATCH_BYTES_MAX && m->match_bytes < m->match_at &&
               byte_at(m, m->match_at - 1 - m->match_bytes) ==
                   byte_at(m, m->at - 1 - m->match_bytes))
            m->match_bytes++;
    }
    *place = (uint32_t)m->at;
}

/* Lengths of matches, in 16 classes. */
static uint32_t class_of(uint32_t n)
{
    if (n < 8)
        return n;
    return n < 32 ? 6 + n / 4 : n < 64 ? 14 : 15;
}

/* ---- Arithmetic code ------------------------------------------------------------------------- */

enum work { LEARN, ENCODE, DECODE };

/* Codes lie in low .. high: 32 bits of them, those before are settled. */
struct coder {
    uint32_t low, high;
    uint8_t *code; /* to encode */
    size_t used, room;
    struct pp_bytes source; /* to decode */
    uint32_t window;        /* to decode: the code from used - 4 on */
    bool is_full;
};

ONE_EACH void shift_in(struct coder *coder)
{
    uint32_t next = coder->used < coder->source.len ? coder->source.data[coder->used] : 0;
    coder->window = coder->window << 8 | next;
    coder->used++;
}

ONE_EACH void shift_out(struct coder *coder)
{
    if (coder->used == coder->room)
        coder->is_full = true;
    else
        coder->code[coder->used++] ^= (uint8_t)(coder->low >> 24);
}

/* The bit, which is bit unless it is decoded, takes its part: a 1 the lower one. */
ONE_EACH uint32_t code_bit(struct coder *coder, enum work work, uint32_t chance, uint32_t bit)
{
    uint64_t width = coder->high - coder->low;
    uint32_t bound = coder->low + (uint32_t)(width * chance / ONE);
    if (work == DECODE)
        bit = coder->window <= bound;
    coder->high = bit != 0 ? bound : coder->high;
    coder->low = bit != 0 ? coder->low : bound + 1;
    while ((coder->low ^ coder->high) >> 24 == 0) {
        if (work == DECODE)
            shift_in(coder);
        else
            shift_out(coder);
        coder->low <<= 8;
        coder->high = coder->high << 8 | 0xff;
    }
    return bit;
}

/* ---- Bytes ----------------------------------------------------------------------------------- */

/* The byte at work. */
struct byte {
    uint32_t value;    /* unless it is decoded */
    uint32_t expected; /* behind a 1; 0: no byte is */
    uint32_t class;    /* of the match that expects it */
    uint32_t partial;  /* its bits that are known, behind a 1 */
};

/* The bit at work: the nodes that speak of it, and what they say. */
struct bit {
    int16_t *node[INPUTS];
    int32_t value[INPUTS]; /* of the nodes */
    int32_t input[INPUTS];
    bool is_expected;
    uint32_t expected;
};

ONE_EACH void ask(const struct pp_patch_model *m, struct bit *bit, int i, int16_t *node)
{
    bit->node[i] = node;
    bit->value[i] = *node;
    bit->input[i] = m->stretch[(*node >> 4) + ONE / 2];
}

/* What the match says of the next bit, as long as the bits so far are those of its byte. */
ONE_EACH void ask_match(struct pp_patch_model *m, const struct byte *byte, uint32_t bits,
                        struct bit *bit)
{
    ask(m, bit, MATCH, &m->match_nodes[byte->class]);
    bit->is_expected = byte->expected >> (8 - bits) == byte->partial;
    bit->expected = byte->expected >> (7 - bits) & 1;
    if (!bit->is_expected)
        bit->input[MATCH] = 0;
    else if (bit->expected == 0)
        bit->input[MATCH] = -bit->input[MATCH];
}

/* The weights for the bit: by the match, by the longest context that was seen, by its place. */
ONE_EACH uint32_t *weights_of(struct pp_patch_model *m, const struct byte *byte, uint32_t bits,
                              const struct bit *bit)
{
    uint32_t class = bit->is_expected ? byte->class : 0, orders = 0;
#pragma GCC unroll 8
    for (uint32_t i = 0; i < ORDERS; i++)
        orders = seen_of(bit->value[i]) > 0 ? i + 1 : orders;
    return m->weights[class * 32 + orders * 8 + bits];
}

/* Everything that took part learns the bit. */
ONE_EACH void learn(const struct pp_patch_model *m, const struct bit *bit, uint32_t weights[INPUTS],
                    int32_t mixed, uint32_t value)
{
    int32_t error = (int32_t)value * ONE - m->squash[mixed + STRETCH_MAX + 1];
#pragma GCC unroll 8
    for (int i = 0; i < INPUTS; i++)
        weights[i] += (uint32_t)((bit->input[i] * error + HALF_STEP) >> STEP_LOG);
#pragma GCC unroll 8
    for (int i = 0; i <= ORDER0; i++)
        *bit->node[i] = learned(bit->value[i], value);
    if (bit->is_expected)
        *bit->node[MATCH] = learned(bit->value[MATCH], value == bit->expected);
}

ONE_EACH void do_bit(struct pp_patch_model *m, struct coder *coder, enum work work, uint32_t bits,
                     struct pp_patch_model_line *const line[CONTEXTS], struct byte *byte)
{
    struct bit bit;
    uint32_t first = 1U << bits % 4, node = first - 1 + (byte->partial & (first - 1));
    uint32_t value = byte->value >> (7 - bits) & 1;
    uint32_t sum = 0;
#pragma GCC unroll 8
    for (int i = 0; i < CONTEXTS; i++)
        ask(m, &bit, i, &line[i]->node[node]);
    ask(m, &bit, ORDER0, &m->order0[byte->partial]);
    ask_match(m, byte, bits, &bit);
    uint32_t *weights = weights_of(m, byte, bits, &bit);
#pragma GCC unroll 8
    for (int i = 0; i < INPUTS; i++)
        sum += weights[i] * (uint32_t)bit.input[i];
    int32_t mixed = between(-STRETCH_MAX, (int32_t)sum >> WEIGHT_LOG, STRETCH_MAX);
    if (work != LEARN)
        value = code_bit(coder, work, (uint32_t)m->squash[mixed + STRETCH_MAX + 1], value);
    learn(m, &bit, weights, mixed, value);
    byte->partial = byte->partial << 1 | value;
}

/* Does that with the next byte, which is value unless it is decoded. */
ONE_EACH uint8_t do_byte(struct pp_patch_model *m, struct coder *coder, enum work work,
                         uint8_t value)
{
    uint32_t back[BYTES_BACK], hash[CONTEXTS];
    struct pp_patch_model_line *line[CONTEXTS];
    look_back(m, back);
    hash_contexts(back, hash);
    find_match(m, back);
    struct byte byte = {value, 0, class_of(m->match_bytes), 1};
    if (m->match_bytes > 0)
        byte.expected = byte_at(m, m->match_at) | 256U;
    for (uint32_t half = 0; half < 2; half++) {
        for (int i = 0; i < CONTEXTS; i++)
            line[i] = line_of(m, stir(hash[i] + byte.partial * 0x2545f491));
        for (uint32_t bits = 4 * half; bits < 4 * half + 4; bits++)
            do_bit(m, coder, work, bits, line, &byte);
    }
    m->at++;
    return (uint8_t)byte.partial;
}

/* ---- Models ---------------------------------------------------------------------------------- */

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
    fill_squash(m->squash);
    fill_stretch(m->stretch);
    for (size_t k = 0; k < PP_PATCH_MODEL_WEIGHTS; k++)
        for (size_t i = 0; i < INPUTS; i++)
            m->weights[k][i] = FIRST_WEIGHT;
}

static void copy(struct pp_patch_model *to, const struct pp_patch_model *from)
{
    memcpy(to, from, offsetof(struct pp_patch_model, places));
    memcpy(to->places, from->places, sizeof from->places[0] << from->table_log);
    memcpy(to->lines, from->lines, sizeof from->lines[0] << from->table_log);
}

void pp_patch_model_begin(struct pp_patch_models *models, bool is_plain, struct pp_bytes prefix,
                          size_t contents_bytes)
{
    struct pp_patch_model *m = &models->learned;
    struct coder none = {0};
    models->is_plain = is_plain;
    if (is_plain)
        return;
    begin(m, prefix.len + contents_bytes);
    m->prefix = prefix;
    for (size_t i = 0; i < prefix.len; i++)
        (void)do_byte(m, &none, LEARN, prefix.data[i]);
}

void pp_patch_add_code(uint8_t *code, struct pp_bytes own)
{
    for (size_t i = 0; i < own.len; i++)
        code[i] ^= own.data[i];
}

static bool add_plain(struct pp_bytes content, uint8_t *code, size_t room, size_t *code_bytes)
{
    if (content.len > room)
        return false;
    pp_patch_add_code(code, content);
    *code_bytes = content.len;
    return true;
}

static void decode_plain(struct pp_bytes code, uint8_t *content, size_t content_bytes)
{
    size_t n = code.len < content_bytes ? code.len : content_bytes;
    memcpy(content, code.data, n);
    memset(content + n, 0, content_bytes - n);
}

bool pp_patch_model_add_code(struct pp_patch_models *models, struct pp_bytes content, uint8_t *code,
                             size_t room, size_t *code_bytes)
{
    struct pp_patch_model *m = &models->at_work;
    struct coder coder = {.high = UINT32_MAX, .code = code, .room = room};
    if (models->is_plain)
        return add_plain(content, code, room, code_bytes);
    copy(m, &models->learned);
    m->content = content.data;
    for (size_t i = 0; i < content.len && !coder.is_full; i++)
        (void)do_byte(m, &coder, ENCODE, content.data[i]);
    /* With zeros behind it, one more byte lies in the range, or none. */
    if (coder.low > 0) {
        coder.low += 1U << 24;
        shift_out(&coder);
    }
    *code_bytes = coder.used;
    return !coder.is_full;
}

void pp_patch_model_decode(struct pp_patch_models *models, struct pp_bytes code, uint8_t *content,
                           size_t content_bytes)
{
    struct pp_patch_model *m = &models->at_work;
    struct coder coder = {.high = UINT32_MAX, .source = code};
    if (models->is_plain) {
        decode_plain(code, content, content_bytes);
        return;
    }
    copy(m, &models->learned);
    m->content = content;
    for (size_t i = 0; i < sizeof coder.window; i++)
        shift_in(&coder);
    for (size_t i = 0; i < content_bytes; i++)
        content[i] = do_byte(m, &coder, DECODE, 0);
}
