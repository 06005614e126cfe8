/* SPDX-License-Identifier: MIT */
/* The specifications, proofs and their manifest as they were when the program was built (made by
   the Makefile): they go into each bundle. */
#ifndef POSTPROOF_CLI_BUNDLE_FILES_H
#define POSTPROOF_CLI_BUNDLE_FILES_H

#include <postproof/bundle.h>

extern const struct pp_bundle_file cli_bundle_files[];
extern const size_t cli_bundle_file_count;

#endif
