#!/bin/bash
# SPDX-License-Identifier: MIT
# The disk fills up while lines come in: the writer stops with exit 2 and says what is durable, and
# exactly that can be read and verified.  Needs root, for a small file system of its own.
set -eu

# shellcheck source=tests/lib/small_disk.sh
. "$(dirname "$0")/../lib/small_disk.sh"
new_disk 3m

"$POSTPROOF" keygen keys --origin example.com/full-disk >/dev/null
"$POSTPROOF" init disk/ledger --keys keys >/dev/null 2>init.err || {
    # The first segment alone is larger than this disk: that must be said, and cleanly.
    grep -q "No space left" init.err
    new_disk 24m
    rm -rf keys
    "$POSTPROOF" keygen keys --origin example.com/full-disk >/dev/null
    "$POSTPROOF" init disk/ledger --keys keys >/dev/null
}

status=0
seq 1 2000000 | sed 's/^/a line that takes some room on the small disk, number /' |
    "$POSTPROOF" append disk/ledger --segment-bytes 1048576 2>append.err || status=$?
if [ "$status" -ne 2 ] || ! grep -q "No space left" append.err ||
    ! grep -q "durable up to seq" append.err; then
    echo "append ended with $status and said:" >&2
    cat append.err >&2
    exit 1
fi

durable=$(sed -n 's/.*durable up to seq \([0-9]*\).*/\1/p' append.err | tail -n 1)
status=0
"$POSTPROOF" verify disk/ledger --verify-key keys/verify.key >verify.out || status=$?
if [ "$status" -eq 1 ]; then
    echo "a full disk is no tampering:" >&2
    cat verify.out >&2
    exit 1
fi
"$POSTPROOF" cat disk/ledger --json >entries
[ "$(wc -l <entries)" -gt "$durable" ]
sed -n "$((durable + 1))p" entries | grep -q "number $((durable + 1))\""
