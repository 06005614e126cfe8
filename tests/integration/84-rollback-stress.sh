#!/bin/bash
# SPDX-License-Identifier: MIT
# Hundreds of upgrades and rollbacks of a small checkpoint, volatile and durable: the root after
# each, all bytes at the end.  `make stress-rollback` is the long version.
set -eu

: "${POSTPROOF:?the path of the program}"
top=$(cd "$(dirname "$0")/../.." && pwd)
program=$(dirname "$POSTPROOF")/bench/stress_rollback
[ -x "$program" ] || {
    echo "$program is not built" >&2
    exit 1
}
output=$(mktemp)
trap 'rm -f "$output"' EXIT
"$top/bench/stress_rollback.sh" "$program" 8 300 >"$output"
cat "$output"
grep -q 'bit-identical: the root after each of 600 transitions' "$output"
grep -q 'theorem revert_after_apply' "$output"
