#!/bin/bash
# SPDX-License-Identifier: MIT
# A burst on hot and cold keys with kill -9 and a restart in the middle: all recorded decisions,
# of both lives of the daemon, obey the specification.
set -eu

command -v redis-benchmark >/dev/null || { echo "redis-benchmark is not installed"; exit 77; }
# shellcheck source=tests/lib/serve.sh
. "$(dirname "$0")/../lib/serve.sh"
mkdir record

cat >rules.yaml <<EOF
listen: {resp: ["unix:$work/resp.sock"]}
throttle: {keys: 100000}
EOF
# burst KEYS REQUESTS: at most 10 in each second for one of so many keys.
burst() {
    timeout 10 redis-benchmark -s resp.sock -c 20 -P 4 -q -r "$1" -n "$2" \
        CL.THROTTLE key:__rand_int__ 9 10 1 >/dev/null 2>&1 || true
}

start_daemon --record record --first-start
burst 2000 60000
burst 100000000 600000 & # cut off by the kill
second=$!
sleep 0.5
stop_daemon KILL
start_daemon --record record
burst 2000 20000 # denied at first: it waits
wait "$second"
sleep 1
burst 2000 60000
burst 3 30000
stop_daemon TERM

record=record/throttle-9-10-1.log
[ "$(wc -l <"$record")" -ge 100000 ] || fail "too little was recorded: $(wc -l <"$record")"
# The killed process may have cut its last line; nobody got an answer to it.
grep -E '^[0-9]+ [^ ]+ [0-9]+ (allow|deny)$' "$record" >lines
[ $(($(wc -l <"$record") - $(wc -l <lines))) -le 1 ] || fail "more than one line is broken"
grep -q deny lines || fail "nothing was denied"
"$POSTPROOF" limit replay --check --limit 10 --window 1s lines >check.out ||
    fail "the decisions break the specification: $(tail -n 3 check.out)"
tail -n 1 check.out
