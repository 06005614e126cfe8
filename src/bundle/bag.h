/* SPDX-License-Identifier: MIT */
/* The fixed texts of a bundle: BagIt files, README (docs/format/bundle.md section 3). */
#ifndef PP_BUNDLE_BAG_H
#define PP_BUNDLE_BAG_H

#include "../base/base.h"
#include "parts.h"

/* bagit.txt (RFC 8493 section 2.1.1), and data/README.txt. */
extern const char pp_bag_declaration[];
extern const char pp_bag_readme[];
/* bag-info.txt: origin, title and incident id where they are one line of text. */
PP_MUST_CHECK enum pp_error pp_bag_info(struct pp_bytes origin, struct pp_bytes title,
                                        struct pp_bytes incident_id, struct pp_bundle_text *text);
/* A line of manifest-sha256.txt or tagmanifest-sha256.txt. */
PP_MUST_CHECK enum pp_error pp_bag_line(const struct pp_bundle_line *line,
                                        struct pp_bundle_text *text);
/* Whether a name (below evidence/) belongs into a bundle; whether it is a payload of the bag, and
   whether the manifest lists it. */
bool pp_bag_knows(struct pp_bytes name);
bool pp_bag_is_payload(struct pp_bytes name);
bool pp_bag_is_listed(struct pp_bytes name);

#endif
