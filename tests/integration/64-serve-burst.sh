#!/bin/bash
# SPDX-License-Identifier: MIT
# 30,000 requests a second over HTTP and RESP, on hot, cold and ever new keys, with kill -9 and a
# restart in the middle; then as many as the machine takes; then a flood of new keys against live
# limits.  The recorded decisions obey the specification, and the clients were told what is
# recorded.  PP_CHAOS=1 does it for 10 seconds and with 10 million new keys.
set -eu

bench=$(dirname "${POSTPROOF:?the path of the program}")/bench/bench_serve
[ -x "$bench" ] || { echo "$bench is not built"; exit 77; }
bench=$(realpath "$bench")
# shellcheck source=tests/lib/serve.sh
. "$(dirname "$0")/../lib/serve.sh"
logs='serve.out serve.err check.out http.out resp.out'
seconds=${PP_CHAOS:+10}
seconds=${seconds:-3}
flood=${PP_CHAOS:+10000000}
flood=${flood:-800000}
mkdir record

free_port() {
    local port
    while :; do
        port=$((20000 + RANDOM % 12000))
        (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || { echo "$port"; return; }
    done
}
http=$(free_port) resp=$(free_port)
cat >rules.yaml <<EOF
listen:
  http: ["127.0.0.1:$http"]
  resp: ["127.0.0.1:$resp"]
threads: 2
throttle: {keys: 100000, memory: 64MiB}
rules:
  - {name: api, limit: 10, window: 1s, keys: 1000000, memory: 256MiB}
EOF
key=@...............
printf 'GET /v1/limit/check?rule=api&key=%s HTTP/1.1\r\nHost: x\r\n\r\n' "$key" >http.request
# throttle BURST COUNT PERIOD: a request of CL.THROTTLE.
throttle() {
    printf '*5\r\n$11\r\nCL.THROTTLE\r\n$16\r\n%s\r\n' "$key"
    printf '$%d\r\n%s\r\n' ${#1} "$1" ${#2} "$2" ${#3} "$3"
}
throttle 9 10 1 >resp.request

# value NAME FILE: of a line that bench_serve printed.
value() {
    sed -n "s/.*\b$1=\([0-9.]*\).*/\1/p" "$2"
}
# told NAME: what the client of that protocol saw.
told() {
    local f=$1.out
    echo "$1: offered $(value offered "$f"), answered $(value answered "$f")" \
        "($(value rate "$f")/s): $(value admitted "$f") admitted, $(value denied "$f") denied," \
        "$(value undecided "$f") undecided, $(value lost "$f") lost; latency p50" \
        "$(value p50_us "$f") us, p99 $(value p99_us "$f") us, p99.9 $(value p999_us "$f") us"
    [ "$(value failed "$f")" -eq 0 ] || fail "$1: $(value failed "$f") errors"
}
# obeys RULE: what is recorded of it is what the specification says.
obeys() {
    local record=record/$1.log
    # A killed process may have cut its last line; nobody got an answer to it.
    grep -aE '^[0-9]+ [^ ]+ [0-9]+ (allow|deny)$' "$record" >lines
    [ $(($(wc -l <"$record") - $(wc -l <lines))) -le 1 ] || fail "more than one line is broken"
    grep -q 'deny$' lines || fail "$1: nothing was denied"
    "$POSTPROOF" limit replay --check --limit 10 --window 1s lines >check.out ||
        fail "$1 breaks the specification: $(tail -n 3 check.out)"
    echo "$1: $(paste -sd';' check.out)"
}
# matches RULE LOG: nobody was told that he is admitted without a record of it, and each decision
# on a key of its own lies between its request and its answer; prints how far behind the request.
matches() {
    awk -v rule="$1" '
        FNR == NR {
            if ($4 == "allow") allowed[$2]++
            if (substr($2, 1, 1) == "n") decided[$2] = $1
            next
        }
        $4 == "admitted" && --allowed[$1] < 0 { print "told but not recorded: " $0; exit bad = 1 }
        $4 == "admitted" && ($1 in decided) {
            if (decided[$1] < $2 || decided[$1] > $3) {
                print "decided at " decided[$1] ", not between: " $0
                exit bad = 1
            }
            print decided[$1] - $2
        }
        END { exit bad }' lines "$2" >errors || fail "$1: $(tail -n 1 errors)"
    [ "$(wc -l <errors)" -gt 1000 ] || fail "$1: only $(wc -l <errors) keys of their own"
    sort -n errors | awk -v rule="$1" '{ v[NR] = $1 / 1000 } END {
        printf "%s: decided after the request was sent: p50 %.1f us, p99 %.1f us, p99.9 %.1f us, " \
            "at most %.1f us (%d keys of their own)\n", rule, v[int(NR / 2) + 1],
            v[int(NR * .99) + 1], v[int(NR * .999) + 1], v[NR], NR }'
}

# ---- 30,000 requests a second, killed in the middle ---------------------------------------------
start_daemon --record record --first-start
"$bench" -a "127.0.0.1:$http" -q http.request -d "$seconds" -r 15000 -c 32 -p 4 -m 30,50,20 \
    -H 10 -C 20000 -s 1 -l http.log >http.out &
clients=$!
"$bench" -R -a "127.0.0.1:$resp" -q resp.request -d "$seconds" -r 15000 -c 32 -p 4 -m 30,50,20 \
    -H 10 -C 20000 -s 2 -l resp.log >resp.out &
clients="$clients $!"
sleep "$(awk "BEGIN { print $seconds * 0.4 }")"
stop_daemon KILL
start_daemon --record record
for client in $clients; do wait "$client" || fail "a client got no answer"; done
stop_daemon TERM
told http
told resp
obeys api
matches api http.log
obeys throttle-9-10-1
matches throttle-9-10-1 resp.log

# ---- As many as the machine takes ---------------------------------------------------------------
rm -r record http.log resp.log
mkdir record
start_daemon --record record --first-start
"$bench" -a "127.0.0.1:$http" -q http.request -d "$seconds" -c 32 -p 8 -m 10,80,10 -H 10 \
    -C 50000 -s 3 >http.out &
clients=$!
"$bench" -R -a "127.0.0.1:$resp" -q resp.request -d "$seconds" -c 32 -p 16 -m 10,80,10 -H 10 \
    -C 50000 -s 4 >resp.out &
clients="$clients $!"
for client in $clients; do wait "$client" || fail "a client got no answer"; done
stop_daemon TERM
told http
told resp
obeys api
obeys throttle-9-10-1

# ---- A flood of new keys: live limits stay, memory does not grow --------------------------------
resident_kib() {
    sed -n 's/^VmRSS:[^0-9]*\([0-9]*\) kB$/\1/p' "/proc/$daemon/status"
}
# flooded REQUESTS SEED: so many keys, each once, at most 3 in an hour.
flooded() {
    "$bench" -R -a "127.0.0.1:$resp" -q flood.request -n "$1" -d 3000 -p 16 -m 0,0,100 -s "$2" \
        >resp.out || fail "the flood was not answered"
    [ "$(value failed resp.out)" -eq 0 ] || fail "the flood got errors"
    [ "$(value answered resp.out)" -ge "$1" ] || fail "a part of the flood is missing"
}
# A hundred live keys at their limit; asked once more each: how many are admitted.
victims() {
    "$bench" -R -a "127.0.0.1:$resp" -q flood.request -c 1 -n "$1" -d 60 -m 100,0,0 -H 100 -s 9 \
        >resp.out || fail "the live keys were not answered"
    value admitted resp.out
}
throttle 2 3 3600 >flood.request
start_daemon --first-start
[ "$(victims 3000)" -eq 300 ] || fail "a hundred keys got $(value admitted resp.out), not 300"
flooded $((flood / 4)) 5
before=$(resident_kib)
[ "$(value denied resp.out)" -gt 0 ] || fail "the table never got full"
flooded $((flood * 3 / 4)) 6
after=$(resident_kib)
[ "$(value admitted resp.out)" -eq 0 ] || fail "new keys got room: live ones must have lost theirs"
[ "$(victims 3000)" -eq 0 ] || fail "the flood freed $(value admitted resp.out) units of live keys"
# Keys: 8 + 32 bytes a slot, 100,000 and a margin; 64 MiB of stamps at the most; buffers.
cap=$((100000 * 2 * 40 / 1024 + 65536 + 32768))
[ "$after" -le "$cap" ] || fail "$after KiB are resident, over $cap"
[ $((after - before)) -le 2048 ] || fail "memory grew from $before to $after KiB"
stop_daemon TERM
echo "flood: $flood new keys, no unit of a live key was freed; resident $before KiB after a" \
    "quarter, $after KiB at the end, cap $cap KiB"
