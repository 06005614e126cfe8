/* SPDX-License-Identifier: MIT */
/* What the parts of the verb bundle share. */
#ifndef POSTPROOF_CLI_BUNDLE_H
#define POSTPROOF_CLI_BUNDLE_H

#include "cli.h"

/* ---- The verb's parts ---- */

int bundle_timeline_command(int argc, char **argv);

#endif
