/* SPDX-License-Identifier: MIT */
/* dashboards/invariants.txt as it was when the program was built (made by the Makefile). */
#ifndef POSTPROOF_CLI_DASHBOARD_INPUT_H
#define POSTPROOF_CLI_DASHBOARD_INPUT_H

#include <stddef.h>

extern const unsigned char cli_dashboard_input[];
extern const size_t cli_dashboard_input_bytes;

#endif
