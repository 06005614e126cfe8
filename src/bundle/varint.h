/* SPDX-License-Identifier: MIT */
/* Unsigned LEB128, shortest form only. */
#ifndef PP_BUNDLE_VARINT_H
#define PP_BUNDLE_VARINT_H

#include <stddef.h>
#include <stdint.h>

#include <postproof/bytes.h>
#include <postproof/error.h>

enum { PP_VARINT_BYTES_MAX = 10 };
size_t pp_varint_put(uint64_t value, uint8_t out[PP_VARINT_BYTES_MAX]);
/* Cuts one off the front of *rest; only the shortest form is read.  PP_ERROR_FORMAT. */
PP_MUST_CHECK enum pp_error pp_varint_take(struct pp_bytes *rest, uint64_t *value);

#endif
