#!/bin/bash
# SPDX-License-Identifier: MIT
# Four threads on the same keys, each request under two rules that are named in either order: all
# are charged or none, each rule's record obeys its specification, nothing hangs; and a tier.
set -eu

bench=$(dirname "${POSTPROOF:?the path of the program}")/bench/bench_serve
[ -x "$bench" ] || { echo "$bench is not built"; exit 77; }
command -v curl >/dev/null || { echo "curl is not installed"; exit 77; }
bench=$(realpath "$bench")
# shellcheck source=tests/lib/serve.sh
. "$(dirname "$0")/../lib/serve.sh"
logs='serve.out serve.err check.out one two'
mkdir record state

cat >rules.yaml <<EOF
listen: {http: ["unix:$work/http.sock"]}
threads: 4
state: $work/state
rules:
  - {name: second, limit: 10, window: 1s, keys: 20000}
  - {name: quarter, limit: 3, window: 250ms, keys: 20000}
  - {name: hour, limit: 2, window: 1h, keys: 20000, on_restart: resume}
  - {name: tiny, limit: 3, window: 1h, keys: 64, tiers: 1}
EOF
key=@...............
for pair in second:quarter quarter:second; do
    printf 'GET /v1/limit/check?rule=%s&rule=%s&key=%s HTTP/1.1\r\nHost: x\r\n\r\n' \
        "${pair%:*}" "${pair#*:}" "$key" >"${pair%:*}.request"
done
value() {
    sed -n "s/.*\b$1=\([0-9.]*\).*/\1/p" "$2"
}
metric() {
    curl -s --unix-socket http.sock http://limits/metrics | sed -n "s/^postproof_$1 //p"
}
asks() {
    curl -s -o /dev/null -w '%{http_code}' --unix-socket http.sock \
        "http://limits/v1/limit/check?rule=$1&key=$2"
}

start_daemon --record record --first-start
[ "$(metric serve_threads)" -eq 4 ] || fail "there are not four threads"
clients=
for i in 1 2; do
    "$bench" -a unix:http.sock -q second.request -d 2 -c 8 -p 4 -m 50,50,0 -H 5 -C 200 \
        -s $i >one &
    clients="$clients $!"
    "$bench" -a unix:http.sock -q quarter.request -d 2 -c 8 -p 4 -m 50,50,0 -H 5 -C 200 \
        -s $i >two &
    clients="$clients $!"
done
sleep 0.7
kill -HUP "$daemon" # the rules are read anew under way, and keep what they count
for client in $clients; do wait "$client" || fail "a client got no answer"; done
[ $(($(value failed one) + $(value failed two) + $(value undecided one))) -eq 0 ] ||
    fail "there were errors"

# More keys than the table holds share a tier of each shard: its limit and no more for all of them.
printf 'GET /v1/limit/check?rule=tiny&key=%s HTTP/1.1\r\nHost: x\r\n\r\n' "$key" >tiny.request
"$bench" -a unix:http.sock -q tiny.request -n 40000 -d 60 -p 8 -m 0,0,100 >one ||
    fail "the flood was not answered"
[ "$(metric 'limiter_shared_total{rule="tiny"}')" -gt 10000 ] || fail "no tier was used"
[ "$(metric 'limiter_decisions_total{rule="tiny",verdict="full"}')" -eq 0 ] || fail "not shared"
[ "$(value admitted one)" -eq $(($(metric 'limiter_keys{rule="tiny"}') + 32 * 3)) ] ||
    fail "$(value admitted one) of $(metric 'limiter_keys{rule="tiny"}') keys and 32 tiers"

# A saved state of all shards.
for k in a b c d e f g h; do
    [ "$(asks hour $k)$(asks hour $k)$(asks hour $k)" = 200200429 ] || fail "hour: $k"
done
stop_daemon TERM
start_daemon --record record
grep -q 'rule hour goes on' serve.out || fail "the state was not resumed"
for k in a b c d e f g h; do [ "$(asks hour $k)" = 429 ] || fail "hour: $k was forgotten"; done
[ "$(asks hour i)" = 200 ] || fail "hour: a new key waits"
stop_daemon TERM
sed -i 's/^threads: 4/threads: 2/' rules.yaml # other shards: the state does not fit
start_daemon --record record
grep -q 'rule hour waits' serve.out || fail "the state of other shards was taken"
stop_daemon TERM

for rule in second:10:1s quarter:3:250ms hour:2:1h; do
    IFS=: read -r name limit window <<<"$rule"
    "$POSTPROOF" limit replay --check --limit "$limit" --window "$window" "record/$name.log" \
        >check.out || fail "$name breaks its specification: $(tail -n 3 check.out)"
    echo "$name: $(paste -sd';' check.out)"
done
[ "$(grep -c 'allow$' record/second.log)" -eq "$(grep -c 'allow$' record/quarter.log)" ] ||
    fail "one of the two rules was charged without the other"
