#!/bin/bash
# SPDX-License-Identifier: MIT
# A burst on hot and cold keys with kill -9 and a restart in the middle: all recorded decisions,
# of both lives of the daemon, obey the specification.
set -eu

: "${POSTPROOF:?the path of the program}"
command -v redis-benchmark >/dev/null || { echo "redis-benchmark is not installed"; exit 77; }
work=$(mktemp -d)
daemon=
finish() {
    [ -z "$daemon" ] || kill "$daemon" 2>/dev/null || true
    rm -rf "$work"
}
trap finish EXIT
cd "$work"
mkdir record

fail() {
    echo "FAIL: $*" >&2
    cat serve.out serve.err 2>/dev/null | tail -40 >&2
    exit 1
}

cat >rules.yaml <<EOF
listen: {resp: ["unix:$work/resp.sock"]}
throttle: {keys: 100000}
EOF
starts() {
    : >serve.out
    "$POSTPROOF" serve --config rules.yaml --record record "$@" >serve.out 2>serve.err &
    daemon=$!
    for _ in $(seq 100); do grep -q '^ready$' serve.out && return; sleep 0.05; done
    fail "it does not start"
}
# burst KEYS REQUESTS: at most 10 in each second for one of so many keys.
burst() {
    timeout 10 redis-benchmark -s resp.sock -c 20 -P 4 -q -r "$1" -n "$2" \
        CL.THROTTLE key:__rand_int__ 9 10 1 >/dev/null 2>&1 || true
}

starts --first-start
burst 2000 60000
burst 100000000 600000 & # cut off by the kill
second=$!
sleep 0.5
kill -KILL "$daemon"
wait "$daemon" 2>/dev/null || true
starts
burst 2000 20000 # denied at first: it waits
wait "$second"
sleep 1
burst 2000 60000
burst 3 30000
kill "$daemon"
wait "$daemon" || fail "the daemon ended with $?"
daemon=

record=record/throttle-9-10-1.log
[ "$(wc -l <"$record")" -ge 100000 ] || fail "too little was recorded: $(wc -l <"$record")"
# The killed process may have cut its last line; nobody got an answer to it.
grep -E '^[0-9]+ [^ ]+ [0-9]+ (allow|deny)$' "$record" >lines
[ $(($(wc -l <"$record") - $(wc -l <lines))) -le 1 ] || fail "more than one line is broken"
grep -q deny lines || fail "nothing was denied"
"$POSTPROOF" limit replay --check --limit 10 --window 1s lines >check.out ||
    fail "the decisions break the specification: $(tail -n 3 check.out)"
tail -n 1 check.out
