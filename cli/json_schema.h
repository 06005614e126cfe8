/* SPDX-License-Identifier: MIT */
/* JSON Schema 2020-12 as far as the audit profile uses it: $ref into $defs, type, const, enum,
   required, properties, additionalProperties, items, and limits of lengths, numbers and patterns
   (POSIX extended).  A schema with any other keyword is refused: no rule is passed over. */
#ifndef POSTPROOF_CLI_JSON_SCHEMA_H
#define POSTPROOF_CLI_JSON_SCHEMA_H

#include <jansson.h>

#include "cli.h"

enum { SCHEMA_PLACE_BYTES = 512 };

/* Called for each rule that does not hold: where (a JSON pointer) and what. */
typedef void (*schema_report)(void *context, const char *place, const char *what);

/* Number of rules that do not hold; -1 when the schema itself can't be used, which is reported too.
 */
int schema_check(const json_t *schema, const json_t *value, schema_report report, void *context);

#endif
