/* SPDX-License-Identifier: MIT */
/* Failures in words. */

#include "store.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum pp_error pp_fail(struct pp_failure *failure, enum pp_error code, int os_error,
                      const char *format, ...)
{
    if (failure == NULL)
        return code;
    failure->code = code;
    failure->os_error = os_error;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(failure->text, sizeof failure->text, format, arguments);
    va_end(arguments);
    size_t used = strlen(failure->text);
    if (os_error != 0)
        snprintf(failure->text + used, sizeof failure->text - used, ": %s", strerror(os_error));
    return code;
}
