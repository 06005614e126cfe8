/* SPDX-License-Identifier: MIT */
/* proofs/manifest.json as it was when the program was built (made by the Makefile). */
#ifndef POSTPROOF_CLI_PROOFS_MANIFEST_H
#define POSTPROOF_CLI_PROOFS_MANIFEST_H

#include <stddef.h>

extern const unsigned char cli_proofs_manifest[];
extern const size_t cli_proofs_manifest_bytes;

#endif
