/* SPDX-License-Identifier: MIT */
/* Synthetic checkpoints: f32 weights around zero, and a next one of which some rows were trained a
   little.  The same seed gives the same bytes everywhere. */
#ifndef PP_CHECKPOINT_H
#define PP_CHECKPOINT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum { CHECKPOINT_ROW_WEIGHTS = 1024, CHECKPOINT_ROW_BYTES = 4 * CHECKPOINT_ROW_WEIGHTS };

/* splitmix64 (Steele, Lea, Flood 2014) as a function of the place: any row can be made alone. */
static inline uint64_t checkpoint_mix(uint64_t z)
{
    z += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

/* Nearly normal with deviation 1: the sum of four uniform 16-bit numbers. */
static inline float checkpoint_normal(uint64_t bits)
{
    float sum = 0;
    for (int i = 0; i < 4; i++)
        sum += (float)((bits >> (16 * i)) & 0xffff) / 65536.0f - 0.5f;
    return sum * 1.7320508f;
}

/* Is the row among the touched ones?  per_mille of all rows, at random. */
static inline bool checkpoint_touches(uint64_t seed, uint64_t row, unsigned per_mille)
{
    return checkpoint_mix(seed * 3 + row) % 1000 < per_mille;
}

/* One row; step 0 is the first checkpoint, step k has k steps of training in its touched rows, each
   with a relative deviation of 1e-4. */
static inline void checkpoint_row(uint64_t seed, uint64_t row, unsigned step, unsigned per_mille,
                                  uint8_t out[CHECKPOINT_ROW_BYTES])
{
    for (uint64_t i = 0; i < CHECKPOINT_ROW_WEIGHTS; i++) {
        uint64_t place = seed + row * CHECKPOINT_ROW_WEIGHTS + i;
        float weight = 0.02f * checkpoint_normal(checkpoint_mix(place));
        for (unsigned k = 1; k <= step; k++)
            if (checkpoint_touches(seed + k, row, per_mille))
                weight *= 1.0f + 1e-4f * checkpoint_normal(checkpoint_mix(~place - k));
        memcpy(out + 4 * i, &weight, 4);
    }
}

/* The whole file; false when it can't be written. */
static inline bool checkpoint_write(const char *path, uint64_t rows, uint64_t seed, unsigned step,
                                    unsigned per_mille)
{
    static uint8_t row_bytes[CHECKPOINT_ROW_BYTES];
    FILE *file = fopen(path, "wb");
    bool good = file != NULL;
    for (uint64_t row = 0; good && row < rows; row++) {
        checkpoint_row(seed, row, step, per_mille, row_bytes);
        good = fwrite(row_bytes, sizeof row_bytes, 1, file) == 1;
    }
    return file != NULL && fclose(file) == 0 && good;
}

#endif
