#!/bin/bash
# SPDX-License-Identifier: MIT
# Two processes want to write one ledger: the second is turned away, names why, and changes nothing.
set -eu

: "${POSTPROOF:?the path of the program}"
work=$(mktemp -d)
writer=
finish() {
    [ -z "$writer" ] || kill "$writer" 2>/dev/null || true
    rm -rf "$work"
}
trap finish EXIT
cd "$work"

"$POSTPROOF" keygen keys --origin example.com/one-writer >/dev/null
"$POSTPROOF" init ledger --keys keys >/dev/null
mkfifo lines
"$POSTPROOF" append ledger --source first lines 2>first.err &
writer=$!
exec 3>lines
echo "from the first writer" >&3
for _ in $(seq 100); do # until it is sealed, so that the writer surely holds the lock
    [ "$("$POSTPROOF" cat ledger --json | wc -l)" -eq 1 ] && break
    sleep 0.05
done

status=0
echo "from the second writer" | "$POSTPROOF" append ledger --source second 2>second.err || status=$?
if [ "$status" -ne 2 ] || ! grep -q "another writer holds" second.err; then
    echo "the second writer ended with $status and said:" >&2
    cat second.err >&2
    exit 1
fi

echo "the first one goes on" >&3
exec 3>&-
wait "$writer"
writer=
"$POSTPROOF" verify ledger --verify-key keys/verify.key >/dev/null
[ "$("$POSTPROOF" cat ledger --json | wc -l)" -eq 2 ]
if "$POSTPROOF" cat ledger --json | grep -q "second writer"; then
    echo "the second writer's line got in" >&2
    exit 1
fi
