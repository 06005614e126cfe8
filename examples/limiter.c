/* SPDX-License-Identifier: MIT */
/* A limiter in a program of yours: at most 3 requests a second from each client. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include <postproof/postproof.h>

static uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

int main(void)
{
    struct pp_limiter_config config = {.limit = 3, .window_ns = 1000000000, .keys = 100000};
    if (getrandom(config.secret, sizeof config.secret, 0) != sizeof config.secret)
        return 2;
    size_t bytes = (pp_limiter_memory(&config) + 63) / 64 * 64;
    void *memory = aligned_alloc(64, bytes);
    struct pp_limiter *limiter;
    if (memory == NULL)
        return 2;
    memset(memory, 0, bytes);
    if (pp_limiter_init(memory, bytes, &config, now_ns(), false, &limiter) != PP_OK)
        return 2;
    struct pp_limiter_key client = pp_limiter_key(limiter, pp_bytes_of("192.0.2.7"));
    for (int i = 1; i <= 4; i++) {
        uint64_t now = now_ns();
        if (pp_limiter_admit(limiter, client, now, 1) == PP_LIMITER_ADMIT)
            printf("request %d: served\n", i);
        else
            printf("request %d: refused, try again in %llu ms\n", i,
                   (unsigned long long)pp_limiter_wait_ns(limiter, client, now, 1) / 1000000);
    }
    free(memory);
    return 0;
}
