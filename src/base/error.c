/* SPDX-License-Identifier: MIT */
/* The text of each error, from the table in <postproof/error.h>. */
#include <postproof/error.h>

#define PP_ERROR_TEXT(name, text) [name] = text,
static const char *const error_texts[PP_ERROR_COUNT] = {PP_ERROR_TABLE(PP_ERROR_TEXT)};
#undef PP_ERROR_TEXT

const char *pp_error_text(enum pp_error error)
{
    /* A value from outside the enum may be negative or not, as the compiler chooses. */
    if ((unsigned)error >= PP_ERROR_COUNT)
        return "unknown error";
    return error_texts[error];
}
