#!/bin/bash
# SPDX-License-Identifier: MIT
# ZIP files that readers disagree about: each is refused, with the reason that is its.
set -eu

: "${POSTPROOF:?the path of the program}"
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

"$POSTPROOF" keygen keys --origin example.com/web-1 >/dev/null
"$POSTPROOF" init ledger --keys keys >/dev/null
seq -f 'request %g served' 40 | "$POSTPROOF" append ledger --source web 2>/dev/null
"$POSTPROOF" bundle create ledger --window 24h --output good.zip >/dev/null
"$POSTPROOF" bundle verify good.zip --trust-root keys --quiet
ziptool -c good.zip cat 0 >/dev/null || { echo "FAIL: libzip's CHECKCONS" >&2; exit 1; }
python3 "$here/../zips/make.py" good.zip bad

count=0 failed=0
for file in bad/*.zip; do
    name=${file##*/}
    wanted=${name%%.*}
    status=0
    "$POSTPROOF" bundle verify "$file" --trust-root keys >report || status=$?
    found=$(sed -n 's/^[a-z-]* *bad .*\[\(.*\)\]$/\1/p' report | head -n 1)
    count=$((count + 1))
    if [ "$status" -ne 1 ] || [ "$found" != "$wanted" ]; then
        echo "$name: exit $status, reason $found" >&2
        failed=$((failed + 1))
    fi
done
[ "$count" -ge 60 ] || { echo "FAIL: only $count files were made" >&2; exit 1; }
[ "$failed" -eq 0 ] || { echo "FAIL: $failed of $count are not refused so" >&2; exit 1; }
echo "$count bad ZIP files, each refused for its reason"
