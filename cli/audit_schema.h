/* SPDX-License-Identifier: MIT */
/* schemas/audit.schema.json, byte for byte; made by the Makefile. */
#ifndef POSTPROOF_CLI_AUDIT_SCHEMA_H
#define POSTPROOF_CLI_AUDIT_SCHEMA_H

#include <stddef.h>

extern const unsigned char cli_audit_schema[];
extern const size_t cli_audit_schema_bytes;

#endif
