#!/bin/bash
# SPDX-License-Identifier: MIT
# Every JSON in a bundle follows its schema in schemas/, says npm's ajv in strict mode: exit 0 and
# nothing on standard error.
set -eu

: "${POSTPROOF:?the path of the program}"
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/lib/npm.sh
. "$here/../lib/npm.sh"
command -v unzip >/dev/null || { echo "unzip is not installed"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
fail() { echo "FAIL: $*" >&2; cat out err >&2 2>/dev/null; exit 1; }

"$POSTPROOF" keygen keys --origin example.com/web-1 >/dev/null
"$POSTPROOF" init ledger --keys keys >/dev/null
{
    seq -f '{"level":"INFO","source":"web","msg":"request %g \"served\" </script>"}' 1 200
    printf '{"level":"FATAL","source":"db","msg":"\377\300 not UTF-8"}\n'
    printf 'right \342\200\256 to left, nul \000, escape \033[31m\n'
    head -c 100000 /dev/zero | tr '\0' x
    echo
} >log.jsonl
"$POSTPROOF" append ledger --format jsonl --source $'od\377d' log.jsonl 2>/dev/null
"$POSTPROOF" bundle create ledger --window 24h --output b.zip --title $'A "title" <b>' \
    --incident-id INC-1 >out 2>err || fail "no bundle"
unzip -q b.zip
mkdir trust
cp keys/checkpoint.pub keys/bundle.pub trust
# An endpoint that nobody listens on: the record is made and checked, then sending fails.
echo "audit: {endpoint: 'http://127.0.0.1:1/', trust_root: '$work/trust'}" >upload.yaml
"$POSTPROOF" bundle audit b.zip --config upload.yaml --json --attempts 1 >record.json 2>err || true
grep -q '"warnings": \[\]' record.json || fail "the audit record has warnings"
node "$here/../upload/schemas.mjs" "$npm_modules" "$npm_root/schemas" "$work/evidence" \
    "$work/record.json" >out 2>err || fail "ajv"
[ ! -s err ] || fail "something on standard error"
cat out
