#!/bin/bash
# SPDX-License-Identifier: MIT
# The program of examples/ledger.c does what its comment says, and what it leaves is a good ledger.
set -eu

: "${POSTPROOF:?the path of the program}"
example="$(dirname "$POSTPROOF")/examples/ledger"
if [ ! -x "$example" ]; then
    echo "not built: run make $example (make test builds it)"
    exit 77
fi

output=$("$example")
echo "$output"
folder=${output##*files in }
case $folder in
/tmp/postproof-example-*) trap 'rm -rf "$folder"' EXIT ;;
*)
    echo "it does not say where its files are" >&2
    exit 1
    ;;
esac

grep -q '^OK: ' <<<"$output"
grep -q '^entry 0 is in the tree' <<<"$output"
entries=$("$POSTPROOF" cat "$folder/ledger" --json | wc -l)
[ "$entries" -eq 3 ]
"$POSTPROOF" verify "$folder/ledger" --verify-key "$folder/keys/verify.key" \
    --checkpoint "$folder/ledger/checkpoint"

# examples/limiter.c: three requests are served, the fourth is told when to come back.
output=$("$(dirname "$POSTPROOF")/examples/limiter")
echo "$output"
[ "$(grep -c ': served$' <<<"$output")" -eq 3 ]
grep -q '^request 4: refused, try again in [0-9]* ms$' <<<"$output"

# examples/dashboard.c: both expressions of an invariant.
output=$("$(dirname "$POSTPROOF")/examples/dashboard")
echo "$output"
grep -qF 'violated:    ( ( up{job="web"} unless ( queue_bytes <= queue_limit_bytes ) )' <<<"$output"
grep -q '^signal lost: ' <<<"$output"

# examples/rollback.c: applied, and back again.
output=$("$(dirname "$POSTPROOF")/examples/rollback")
[ "$output" = "applied:  limit=900 mode=fast!
reverted: limit=100 mode=safe" ]
