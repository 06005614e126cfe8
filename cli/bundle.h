/* SPDX-License-Identifier: MIT */
/* What the parts of the verb bundle share. */
#ifndef POSTPROOF_CLI_BUNDLE_H
#define POSTPROOF_CLI_BUNDLE_H

#include <postproof/bundle.h>

#include "cli.h"

/* ---- The verb's parts ---- */

int bundle_create_command(int argc, char **argv);
int bundle_verify_command(int argc, char **argv);
int bundle_cat_command(int argc, char **argv);
int bundle_keygen_command(int argc, char **argv);
int bundle_timeline_command(int argc, char **argv);
int bundle_upload_command(int argc, char **argv);
int bundle_audit_command(int argc, char **argv);
/* The program bundle_uploader: upload, or audit when --sentinelops is given. */
int bundle_uploader_command(int argc, char **argv);

/* Asks the TSA whose URL is the context (bundle_tsa.c): for pp_bundle_options.timestamp. */
enum pp_error bundle_ask_tsa(void *context, struct pp_bytes request, uint8_t **response,
                             size_t *len, struct pp_failure *failure);

/* Compiles the proofs in a bundle with the Coq that is here (bundle_coq.c). */
void bundle_check_proofs(const char *path, struct pp_check_outcome *coq);

#endif
