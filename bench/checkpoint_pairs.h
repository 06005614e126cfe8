/* SPDX-License-Identifier: MIT */
/* Pairs of checkpoints, before and after training steps, the same on each run.

   Weights are about N(0, 0.02^2).  Kinds:
     f32-dense    each weight times 1 + 1e-4 * N(0, 1)
     f32-sparse   1 % of the rows of 4 KiB: each weight times 1 + 1e-2 * N(0, 1)
     f32-shifted  the same, and a header that grew by 24 bytes, and 16 rows put in
     bf16-dense   each weight plus 2e-5 * N(0, 1) before it is rounded to bf16 */
#ifndef BENCH_CHECKPOINT_PAIRS_H
#define BENCH_CHECKPOINT_PAIRS_H

#include <stdint.h>
#include <string.h>

enum { CHECKPOINT_ROW_BYTES = 4096, CHECKPOINT_GROWTH_BYTES = 24 + 16 * CHECKPOINT_ROW_BYTES };

static uint64_t checkpoint_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

/* About N(0, 1): the sum of eight uniform numbers of 16 bits. */
static float checkpoint_normal(uint64_t *state)
{
    uint64_t x = checkpoint_random(state), y = checkpoint_random(state);
    float sum = 0;
    for (int i = 0; i < 64; i += 16)
        sum += (float)(x >> i & 0xffff) + (float)(y >> i & 0xffff);
    return (sum / 65536.0F - 4.0F) * 1.2247449F;
}

static void checkpoint_put_f32(uint8_t *p, float v)
{
    memcpy(p, &v, sizeof v);
}

static void checkpoint_put_bf16(uint8_t *p, float v)
{
    uint32_t bits;
    memcpy(&bits, &v, sizeof bits);
    bits += 0x7fff + (bits >> 16 & 1);
    p[0] = (uint8_t)(bits >> 16);
    p[1] = (uint8_t)(bits >> 24);
}

static void checkpoint_fill_f32(uint8_t *a, uint8_t *b, size_t n, int sparse, uint64_t *state)
{
    int touched = 0;
    for (size_t i = 0; i + 4 <= n; i += 4) {
        float weight = 0.02F * checkpoint_normal(state);
        if (i % CHECKPOINT_ROW_BYTES == 0)
            touched = !sparse || checkpoint_random(state) % 100 == 0;
        float step = touched ? (sparse ? 1e-2F : 1e-4F) * checkpoint_normal(state) : 0;
        checkpoint_put_f32(a + i, weight);
        checkpoint_put_f32(b + i, weight * (1 + step));
    }
}

static void checkpoint_fill_bf16(uint8_t *a, uint8_t *b, size_t n, uint64_t *state)
{
    for (size_t i = 0; i + 2 <= n; i += 2) {
        float weight = 0.02F * checkpoint_normal(state);
        checkpoint_put_bf16(a + i, weight);
        checkpoint_put_bf16(b + i, weight + 2e-5F * checkpoint_normal(state));
    }
}

/* Puts bytes into b: n of them, then the header's growth and rows. */
static size_t checkpoint_shift(uint8_t *b, size_t n, uint64_t *state)
{
    for (int i = 0; i <= 16; i++) {
        size_t bytes =
            i == 16 ? CHECKPOINT_GROWTH_BYTES % CHECKPOINT_ROW_BYTES : (size_t)CHECKPOINT_ROW_BYTES;
        size_t at =
            i == 16 ? 0
                    : checkpoint_random(state) % (n / CHECKPOINT_ROW_BYTES) * CHECKPOINT_ROW_BYTES;
        memmove(b + at + bytes, b + at, n - at);
        for (size_t k = 0; k + 4 <= bytes; k += 4)
            checkpoint_put_f32(b + at + k, 0.02F * checkpoint_normal(state));
        n += bytes;
    }
    return n;
}

/* n bytes at a and b, and CHECKPOINT_GROWTH_BYTES more at b when shifted; the bytes of b, or 0 for
   an unknown kind. */
static size_t checkpoint_fill(const char *kind, uint8_t *a, uint8_t *b, size_t n)
{
    uint64_t state = 0x9e3779b97f4a7c15;
    if (strcmp(kind, "bf16-dense") == 0)
        checkpoint_fill_bf16(a, b, n, &state);
    else if (strcmp(kind, "f32-dense") == 0)
        checkpoint_fill_f32(a, b, n, 0, &state);
    else if (strcmp(kind, "f32-sparse") == 0 || strcmp(kind, "f32-shifted") == 0)
        checkpoint_fill_f32(a, b, n, 1, &state);
    else
        return 0;
    return strcmp(kind, "f32-shifted") == 0 ? checkpoint_shift(b, n, &state) : n;
}

#endif
