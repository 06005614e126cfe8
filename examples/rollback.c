/* SPDX-License-Identifier: MIT */
/* A patch in plain form: one script leads from an old image to a new one, and back. */
#include <stdio.h>
#include <string.h>

#include <postproof/postproof.h>

static struct pp_bytes add(uint8_t *control, size_t *used, uint8_t kind, uint64_t count)
{
    struct pp_rollback_operation operation = {.count = count, .kind = kind};
    pp_rollback_operation_write(control + *used, operation);
    *used += PP_ROLLBACK_OPERATION_BYTES;
    return (struct pp_bytes){control, *used};
}

int main(void)
{
    const char *old_text = "limit=100 mode=safe\n", *new_text = "limit=900 mode=fast!\n";
    uint8_t control[5 * PP_ROLLBACK_OPERATION_BYTES], delta = '9' - '1';
    uint8_t applied[64], reverted[64];
    size_t used = 0;
    add(control, &used, PP_ROLLBACK_COPY, 6); /* limit= */
    add(control, &used, PP_ROLLBACK_PAIR, 1); /* 1 and 9: a delta */
    add(control, &used, PP_ROLLBACK_COPY, 8); /* 00 mode= */
    add(control, &used, PP_ROLLBACK_OLD, 5);  /* safe */
    struct pp_rollback_streams patch = {
        .control = add(control, &used, PP_ROLLBACK_NEW, 6), /* fast! */
        .deltas = {&delta, 1},
        .new_literals = pp_bytes_of("fast!\n"),
        .old_literals = pp_bytes_of("safe\n"),
    };
    if (pp_rollback_run(PP_ROLLBACK_APPLY, &patch, pp_bytes_of(old_text), applied,
                        strlen(new_text)) != PP_OK)
        return 1;
    printf("applied:  %.*s", (int)strlen(new_text), (const char *)applied);
    if (pp_rollback_run(PP_ROLLBACK_REVERT, &patch, (struct pp_bytes){applied, strlen(new_text)},
                        reverted, strlen(old_text)) != PP_OK)
        return 1;
    printf("reverted: %.*s", (int)strlen(old_text), (const char *)reverted);
    return memcmp(reverted, old_text, strlen(old_text)) == 0 ? 0 : 1;
}
