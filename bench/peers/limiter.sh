#!/bin/bash
# SPDX-License-Identifier: MIT
# Measures postproof serve beside nginx and redis-server, on loopback: limiter.sh PROGRAM LOAD
# [ROUNDS [SECONDS]]; LOAD is the built bench_serve.  The two sides of a line take turns, so that a
# busy machine slows both; each figure is the median of the rounds.  Every request has one of many
# keys at random.  Prints one table; exit 1 when a peer could not be measured.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
program=$(realpath "$1")
load=$(realpath "$2")
rounds=${3:-5}
seconds=${4:-1}
keys=1000000

for tool in nginx redis-server redis-benchmark redis-cli wrk; do
    command -v "$tool" >/dev/null ||
        { echo "limiter peers: $tool is not installed: make deps, then tools/install-deps bench" >&2
            exit 1; }
done

folder=$(mktemp -d "${TMPDIR:-/var/tmp}/postproof-peers.XXXXXX")
chmod 755 "$folder"
pids=()
finish() {
    for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
    wait
    rm -rf "$folder"
}
trap finish EXIT
trap 'exit 130' INT TERM HUP
cd "$folder"

free_port() {
    local port
    while :; do
        port=$((20000 + RANDOM % 12000))
        (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || { echo "$port"; return; }
    done
}

# start NAME COMMAND...: in the background; its process id is then in the variable NAME.
start() {
    local name=$1
    shift
    "$@" >"$name.out" 2>"$name.err" </dev/null &
    printf -v "$name" '%d' $!
    pids+=($!)
}
await() {
    for _ in $(seq 100); do "$@" >/dev/null 2>&1 && return; sleep 0.05; done
    echo "limiter peers: this never worked: $*" >&2
    tail -q -n 3 ./*.err >&2
    exit 1
}

nginx_config() {
    [ "$(id -u)" -ne 0 ] || echo "user root;" # to reach the unix sockets in here
    cat <<END
daemon off;
worker_processes 1;
pid $folder/$1.pid;
error_log $folder/$1.err;
events { worker_connections 1024; }
http {
    access_log off;
    keepalive_requests 100000000;
    client_body_temp_path $folder/bodies;
    proxy_temp_path $folder/proxy;
    fastcgi_temp_path $folder/fastcgi;
    uwsgi_temp_path $folder/uwsgi;
    scgi_temp_path $folder/scgi;
END
}
# A server that asks with auth_request, at PORT, and what it asks: ADDRESS URI.
asking_server() {
    cat <<END
    upstream limits$1 { server $2; keepalive 128; keepalive_requests 100000000; }
    server {
        listen 127.0.0.1:$1;
        location / {
            set \$client \$arg_key;
            auth_request /limit;
            error_page 403 =429 @limited;
            try_files /nothing @backend;
        }
        location @backend { return 204; }
        location @limited { return 429; }
        location = /limit {
            internal;
            proxy_pass http://limits$1$3;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header Content-Length "";
            proxy_pass_request_body off;
        }
    }
END
}

# ---- The servers --------------------------------------------------------------------------------
port_204=$(free_port) port_front=$(free_port) port_front_null=$(free_port)
port_redis=$(free_port) port_http=$(free_port) port_resp=$(free_port)

cat >limits.yaml <<END
listen:
  http: ["127.0.0.1:$port_http", "unix:$folder/http.sock"]
  resp: ["127.0.0.1:$port_resp"]
throttle: {keys: 1200000, memory: 512MiB}
rules:
  - {name: api, limit: 1000, window: 1m, keys: 1200000, memory: 1GiB}
END
start ours "$program" serve --config limits.yaml --first-start
{ nginx_config null; echo "server { listen 127.0.0.1:$port_204; listen unix:$folder/null.sock;
    location / { return 204; } } }"; } >null.conf
start nginx_null nginx -c "$folder/null.conf" -p "$folder"
{
    nginx_config front
    asking_server "$port_front" "unix:$folder/http.sock" \
        "/v1/limit/auth?rule=api&key=\$client"
    asking_server "$port_front_null" "unix:$folder/null.sock" /
    echo "}"
} >front.conf
start nginx_front nginx -c "$folder/front.conf" -p "$folder"
start redis redis-server --port "$port_redis" --bind 127.0.0.1 --save '' --appendonly no \
    --dir "$folder"
await grep -qx ready ours.out
await redis-cli -p "$port_redis" ping
auth='/v1/limit/auth?rule=api&key='
# What is measured answers what it should.
answers() {
    [ "$(curl -s -o /dev/null -w '%{http_code}' "$2")" = "$1" ]
}
await answers 204 "http://127.0.0.1:$port_204/"
await answers 204 "http://127.0.0.1:$port_http${auth}k"
await answers 204 "http://127.0.0.1:$port_front/?key=k"
await answers 204 "http://127.0.0.1:$port_front_null/"
null_worker=$(pgrep -P "$nginx_null")
script=$(redis-cli -p "$port_redis" -x script load <"$here/gcra.lua")
[ "$(redis-cli -p "$port_redis" evalsha "$script" 1 probe 99 100 60 | head -n 1)" = 0 ]
[ "$(redis-cli -p "$port_resp" CL.THROTTLE probe 99 100 60 | head -n 1)" = 0 ]

# ---- One run: "requests/s server-ns/request" ----------------------------------------------------
# Nanoseconds that a process' threads spent on a processor.
processor_ns() {
    cat "/proc/$1"/task/*/schedstat | awk '{ n += $1 } END { printf "%.0f\n", n }'
}
# by_wrk PID PORT PATH: over 64 connections; a request that was not answered well fails.
by_wrk() {
    local before after
    before=$(processor_ns "$1")
    wrk -t1 -c64 -d"${seconds}s" -s "$here/keys.lua" "http://127.0.0.1:$2" -- "$3" >wrk.out
    after=$(processor_ns "$1")
    ! grep -q 'Non-2xx\|Socket errors' wrk.out || { cat wrk.out >&2; exit 1; }
    awk -v ns=$((after - before)) '/requests in/ { n = $1 } /^Requests\/sec/ { rate = $2 }
        END { print rate, ns / n }' wrk.out
}
# by_load PID REQUEST IN_FLIGHT ADDRESS [-R]: the load of this project, lighter than the servers.
by_load() {
    local pid=$1 request=$2 in_flight=$3 address=$4
    shift 4
    "$load" -a "$address" -q "$request" -P "$pid" -p "$in_flight" -d "$seconds" -C "$keys" "$@" |
        awk '{ for (i = 1; i <= NF; i++) { split($i, pair, "="); v[pair[1]] = pair[2] } }
            END { if (v["failed"] + v["undecided"] + v["lost"] != 0) exit 1
                  print v["rate"], v["server_ns"] }' || { echo "answers are wrong" >&2; exit 1; }
}
# by_redis PID PORT IN_FLIGHT COMMAND...: redis-benchmark over 64 connections.
by_redis() {
    local pid=$1 port=$2 pipeline=$3 count=$((seconds * 80000)) before after
    shift 3
    before=$(processor_ns "$pid")
    redis-benchmark -p "$port" -c 64 -P "$pipeline" -n "$count" -r "$keys" --csv "$@" \
        >redis.out 2>redis-benchmark.err
    after=$(processor_ns "$pid")
    awk -F'","' -v ns=$((after - before)) -v n="$count" 'NR == 2 { print $2, ns / n }' redis.out
}
# resp_request FILE WORD...: the bytes of a command.
resp_request() {
    local file=$1 word
    shift
    printf '*%d\r\n' $# >"$file"
    for word in "$@"; do printf '$%d\r\n%s\r\n' ${#word} "$word" >>"$file"; done
}
some_key=@...............
printf 'GET / HTTP/1.1\r\nHost: x\r\n\r\n' >get.null
printf 'GET %s%s HTTP/1.1\r\nHost: x\r\n\r\n' "$auth" "$some_key" >get.auth
resp_request throttle CL.THROTTLE "$some_key" 999 1000 60
resp_request incr INCR "$some_key"
resp_request gcra EVALSHA "$script" 1 "$some_key" 999 1000 60

median() {
    sort -g |
        awk '{ v[NR] = $1 } END { print (v[int((NR + 1) / 2)] + v[int(NR / 2) + 1]) / 2 }'
}

# duel NAME: alternates `ours_run` and `peer_run` and keeps each run's figures.
duel() {
    local round
    echo "measuring: $1" >&2
    for round in $(seq "$rounds"); do
        ours_run >>"$1.ours"
        peer_run >>"$1.peer"
    done
}
# line NAME WHAT PEER COLUMN TARGET: columns 1 requests/s, 2 server time (less is better).
line() {
    local mine theirs
    mine=$(awk -v c="$4" '{ print $c }' "$1.ours" | median)
    theirs=$(awk -v c="$4" '{ print $c }' "$1.peer" | median)
    awk -v what="$2" -v peer="$3" -v mine="$mine" -v theirs="$theirs" -v c="$4" -v target="$5" '
        BEGIN {
            ratio = c == 1 ? mine / theirs : theirs / mine
            printf "%-44s %12.0f  %-34s %12.0f %7.2fx", what, mine, peer, theirs, ratio
            if (target != "-")
                printf "  %5.2fx %s", target, (ratio >= target ? "reached" : "MISSED")
            print ""
        }'
}
# figure WHAT VALUE TARGET less|more
figure() {
    awk -v what="$1" -v value="$2" -v target="$3" -v wanted="$4" 'BEGIN {
        good = wanted == "less" ? value <= target : value >= target
        printf "%-44s %12.0f  %-34s %12.0f %8s  %6s %s\n", what, value,
            "target, " wanted " is better", target, "", "", (good ? "reached" : "MISSED") }'
}

ours_run() { by_wrk "$ours" "$port_http" "$auth"; }
peer_run() { by_wrk "$null_worker" "$port_204" '/?key='; }
duel wrk
ours_run() { by_load "$ours" get.auth 1 "127.0.0.1:$port_http"; }
peer_run() { by_load "$null_worker" get.null 1 "127.0.0.1:$port_204"; }
duel tcp
ours_run() { by_load "$ours" get.auth 1 unix:http.sock; }
peer_run() { by_load "$null_worker" get.null 1 unix:null.sock; }
duel unix
ours_run() { by_load "$ours" get.auth 16 "127.0.0.1:$port_http"; }
peer_run() { by_load "$null_worker" get.null 16 "127.0.0.1:$port_204"; }
duel http16
ours_run() { by_wrk "$ours" "$port_front" '/?key='; }
peer_run() { by_wrk "$null_worker" "$port_front_null" '/?key='; }
duel auth
ours_run() { by_redis "$ours" "$port_resp" 1 CL.THROTTLE key:__rand_int__ 999 1000 60; }
peer_run() { by_redis "$redis" "$port_redis" 1 INCR key:__rand_int__; }
duel redis
ours_run() { by_redis "$ours" "$port_resp" 16 CL.THROTTLE key:__rand_int__ 999 1000 60; }
peer_run() { by_redis "$redis" "$port_redis" 16 EVALSHA "$script" 1 g:__rand_int__ 999 1000 60; }
duel redis16
ours_run() { by_load "$ours" throttle 1 "127.0.0.1:$port_resp" -R; }
peer_run() { by_load "$redis" incr 1 "127.0.0.1:$port_redis" -R; }
duel resp
ours_run() { by_load "$ours" throttle 16 "127.0.0.1:$port_resp" -R; }
peer_run() { by_load "$redis" incr 16 "127.0.0.1:$port_redis" -R; }
duel resp16
peer_run() { by_load "$redis" gcra 16 "127.0.0.1:$port_redis" -R; }
duel gcra
echo "measuring: limit bench" >&2
"$program" limit bench --json >bench.json
value() { sed -n "s/.*\"$1\": \([0-9.]*\).*/\1/p" bench.json; }

echo "limiter and its peers: $(nproc) processors, load $(cut -d' ' -f1 /proc/loadavg), medians of" \
    "$rounds rounds of $seconds s, one thread each"
printf '%-44s %12s  %-34s %12s %8s  %6s\n' what postproof peer peer ratio target
line wrk "HTTP, load by wrk, requests/s" "nginx return 204" 1 1.5
line wrk "  server time a request, ns" "nginx return 204" 2 -
line tcp "HTTP, load by bench_serve, requests/s" "nginx return 204" 1 1.5
line tcp "  server time a request, ns" "nginx return 204" 2 -
line unix "HTTP, unix socket, requests/s" "nginx return 204" 1 -
line unix "  server time a request, ns" "nginx return 204" 2 -
line http16 "HTTP, 16 in flight, requests/s" "nginx return 204" 1 -
line http16 "  server time a request, ns" "nginx return 204" 2 -
line auth "behind nginx auth_request, requests/s" "nginx return 204 in its place" 1 0.9
line auth "  back end's time a request, ns" "nginx return 204 in its place" 2 -
line redis "RESP, load by redis-benchmark, requests/s" "redis-server INCR" 1 -
line redis "  server time a request, ns" "redis-server INCR" 2 -
line resp "RESP, load by bench_serve, requests/s" "redis-server INCR" 1 1
line resp "  server time a request, ns" "redis-server INCR" 2 -
line resp16 "RESP, 16 in flight, requests/s" "redis-server INCR" 1 -
line gcra "RESP, 16 in flight, requests/s" "redis-server EVALSHA, GCRA in Lua" 1 5
line gcra "  server time a request, ns" "redis-server EVALSHA, GCRA in Lua" 2 -
line redis16 "RESP, 16 in flight, by redis-benchmark" "redis-server EVALSHA, GCRA in Lua" 1 5
line redis16 "  server time a request, ns" "redis-server EVALSHA, GCRA in Lua" 2 -
figure "decisions/s, one at a time" "$(value decisions_per_second)" 2500000 more
figure "decisions/s, batches of 256" "$(value decisions_per_second_batched)" 10000000 more
figure "one decision p99, ns" "$(value p99_ns)" 1000 less
figure "bytes of a key at its limit of 100" "$(value bytes_per_full_key)" 450 less
figure "bytes of a sparse key" "$(value bytes_per_sparse_key)" 64 less
echo "Where wrk or redis-benchmark is the load, it and not the server is what is full."
