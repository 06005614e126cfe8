#!/bin/bash
# SPDX-License-Identifier: MIT
# kill -9 of a writer at moments of its life, again and again: the ledger opens, goes on, verifies,
# and holds every line that was durable before.
set -eu

: "${POSTPROOF:?the path of the program}"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

"$POSTPROOF" keygen keys --origin example.com/kill >/dev/null
"$POSTPROOF" init ledger --keys keys >/dev/null
before=0
for round in $(seq 12); do
    (
        for i in $(seq 400); do echo "round $round line $i"; done
        sleep 0.6
    ) | "$POSTPROOF" append ledger --segment-bytes 65536 --sync-interval 1ms 2>/dev/null &
    # The last process of the pipeline: the writer.
    writer=$!
    sleep "0.$((round % 4))$((round * 7 % 10))"
    kill -9 "$writer" 2>/dev/null || true
    wait "$writer" 2>/dev/null || true

    status=0
    "$POSTPROOF" verify ledger --verify-key keys/verify.key >verify.out || status=$?
    if [ "$status" -eq 1 ]; then
        echo "round $round: a crash was called tampering:" >&2
        cat verify.out >&2
        exit 1
    fi
    "$POSTPROOF" recover ledger >/dev/null
    "$POSTPROOF" verify ledger --verify-key keys/verify.key >/dev/null
    now=$("$POSTPROOF" cat ledger --json | wc -l)
    if [ "$now" -lt "$before" ]; then
        echo "round $round: $before entries were sealed, $now are there" >&2
        exit 1
    fi
    before=$now
done
[ "$before" -gt 0 ]
# No line was cut, doubled or put out of order.
"$POSTPROOF" cat ledger --json | sed -n 's/.*"body":"round \([0-9]*\) line \([0-9]*\)".*/\1 \2/p' |
    awk '{ if ($1 == round && $2 != line + 1) exit 1; if ($1 != round && $2 != 1) exit 1
           round = $1; line = $2 }'
