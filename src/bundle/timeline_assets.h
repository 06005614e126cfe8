/* SPDX-License-Identifier: MIT */
/* The files of web/timeline/, byte for byte; the Makefile makes their C. */
#ifndef PP_TIMELINE_ASSETS_H
#define PP_TIMELINE_ASSETS_H

#include <stddef.h>
#include <stdint.h>

extern const uint8_t pp_timeline_html[], pp_timeline_css[], pp_timeline_js[];
extern const size_t pp_timeline_html_bytes, pp_timeline_css_bytes, pp_timeline_js_bytes;

#endif
