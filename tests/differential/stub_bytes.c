/* SPDX-License-Identifier: MIT */
/* The bytes of OCaml strings for the C functions of the differential test. */
#include "stubs.h"

#include <stdlib.h>
#include <string.h>

struct pp_bytes diff_copy_of(value string)
{
    size_t len = caml_string_length(string);
    uint8_t *data = malloc(len);
    if (data == NULL && len != 0)
        abort();
    if (len != 0)
        memcpy(data, String_val(string), len);
    return (struct pp_bytes){data, len};
}

void diff_release(struct pp_bytes bytes)
{
    free((void *)(uintptr_t)bytes.data);
}
