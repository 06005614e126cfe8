/* SPDX-License-Identifier: MIT */
/* Views of a bundle for other programs: Timesketch's JSON lines, OSCAL assessment results. */
#ifndef PP_BUNDLE_VIEWS_H
#define PP_BUNDLE_VIEWS_H

#include "bundle_internal.h"

/* One line for Timesketch with its '\n': message, datetime, timestamp_desc, seq, level, source and
   kind; leaf_sha256 unless leaf is NULL.  A message or source that is not UTF-8 has U+FFFD in its
   place, and all its bytes in message_base64 or source_base64.  The message of a reference is its
   length and hash.  schemas/timeline.schema.json describes a line.  PP_ERROR_ARGUMENT: no level or
   kind that exists; PP_ERROR_NO_SPACE. */
PP_MUST_CHECK enum pp_error pp_bundle_timeline_line(const struct pp_entry *entry,
                                                    const struct pp_digest *leaf,
                                                    struct pp_bundle_text *text);

/* assessment-results.json, OSCAL 1.0.4 (NIST), for a bundle whose entries were found to lead to the
   root in info.  The UUIDs are of version 5 (RFC 4122), made from log, range and place, so that
   equal bundles get equal ones.  schemas/assessment-results.schema.json is the part of the model
   that is used.  PP_ERROR_NO_SPACE. */
PP_MUST_CHECK enum pp_error pp_bundle_assessment(const struct pp_bundle_info *info,
                                                 struct pp_bundle_text *text);

enum { PP_UUID_TEXT_BYTES = 37 };
/* UUID of version 5 in postproof's namespace for a name, as text with a NUL. */
void pp_bundle_uuid(struct pp_bytes name, char out[PP_UUID_TEXT_BYTES]);

#endif
