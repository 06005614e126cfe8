#!/bin/bash
# SPDX-License-Identifier: MIT
# A service asks the daemon over HTTP whether a request may pass: limits, several rules at once,
# shadows, auth_request, bad requests, and rules that change while it runs.
set -eu

command -v curl >/dev/null || { echo "curl is not installed"; exit 77; }
# shellcheck source=tests/lib/serve.sh
. "$(dirname "$0")/../lib/serve.sh"
logs='serve.out serve.err answer'

rules() {
    cat >rules.yaml <<EOF
listen:
  http: ["127.0.0.1:0", "unix:$work/http.sock"]
idle_timeout: 2s
connections: 20
rules:
  - {name: three, limit: ${1:-3}, window: 1h}
  - {name: two, limit: 2, window: 1h}
  - {name: short, limit: 1, window: 300ms}
  - {name: seen, limit: 1, window: 1h, shadow: ${2:-true}}
  - {name: large, limit: 100000, window: 1h, buckets: 8}
  - {name: site, limit: 2, window: 1h, ipv4_prefix: 24}
EOF
}

rules
start_daemon --first-start
address=$(sed -n 's/^listening http \(127.*\)/\1/p' serve.out)
[ -n "$address" ] || fail "the daemon does not listen"

# asks STATUS PATH [curl's options]: the answer with its headers is in the file answer.
asks() {
    local want=$1 path=$2 got
    shift 2
    got=$(curl -s -i -o answer -w '%{http_code}' "$@" "http://$address$path") || true
    [ "$got" = "$want" ] || fail "$path: $got instead of $want"
}
says() {
    grep -qF -- "$1" answer || fail "the answer lacks: $1"
}
metric() {
    curl -s "http://$address/metrics" | grep -qxF -- "postproof_$1" || fail "no metric $1"
}

# ---- One rule -----------------------------------------------------------------------------------
check=/v1/limit/check
for left in 2 1 0; do
    asks 200 "$check?rule=three&key=alice"
    says 'RateLimit-Policy: "three";q=3;w=3600'
    says "RateLimit: \"three\";r=$left;t=3600"
done
asks 429 "$check?rule=three&key=alice"
says 'Retry-After: 3600'
says 'Content-Type: application/problem+json'
says '"violated-policies":["three"]'
says 'http-problem-types#quota-exceeded'
asks 200 "$check?rule=three&key=bob&weight=2" -X POST
asks 429 "$check?rule=three&key=bob&weight=2" -X POST
asks 200 "$check" --data-urlencode 'key=bob' --data 'rule=three'
asks 429 "$check?rule=three&key=%62o%62"
asks 400 "$check?rule=three&key=carol&weight=4"
says 'more than a rule'
asks 200 "$check?rule=large&key=alice&weight=99999"
asks 429 "$check?rule=large&key=alice&weight=2"

asks 200 "$check?rule=short&key=k"
asks 429 "$check?rule=short&key=k"
says 'Retry-After: 1'
sleep 0.4
asks 200 "$check?rule=short&key=k"

# Addresses: those with the same first bits are one key.
asks 200 "$check?rule=site&key=192.0.2.1"
asks 200 "$check?rule=site&key=%3a%3affff:192.0.2.255"
asks 429 "$check?rule=site&key=192.0.2.77"
asks 200 "$check?rule=site&key=192.0.3.1"
asks 200 "$check?rule=site&key=2001:db8:1:2:3::4&weight=2"
asks 429 "$check?rule=site&key=2001:DB8:1:2::"
asks 200 "$check?rule=site&key=2001:db8:1:3::"
asks 400 "$check?rule=three&rule=site&key=192.0.2.1.5"
says 'keys are IP addresses'
asks 400 "$check?rule=site&key=192.0.2.1%00"

# ---- Several rules: all pass, or none is charged ------------------------------------------------
asks 200 "$check?rule=two&rule=three&key=dave"
asks 200 "$check?rule=two&rule=three&key=dave"
says 'RateLimit: "two";r=0;t=3600, "three";r=1;t=3600'
asks 429 "$check?rule=three&rule=two&key=dave"
says '"violated-policies":["two"]'
says '"three";r=1'
asks 200 "$check?rule=three&key=dave"
says '"three";r=0'

# ---- A shadow lets pass and says what it would have done ----------------------------------------
asks 200 "$check?rule=seen&key=erin"
says 'PostProof-Shadow: "seen";verdict=admit'
asks 200 "$check?rule=seen&key=erin"
says 'PostProof-Shadow: "seen";verdict=deny'
asks 200 "$check?rule=seen&rule=two&key=erin"
says '"two";r=1'
metric 'limiter_shadow_passed_total{rule="seen"} 2'

# ---- nginx auth_request -------------------------------------------------------------------------
asks 204 "/v1/limit/auth?rule=two&key=frank"
asks 204 "$check?rule=two&key=frank&mode=auth_request"
asks 403 "/v1/limit/auth?rule=two&key=frank"
says 'Retry-After: 3600'

# ---- What can't be answered changes nothing -----------------------------------------------------
asks 404 "$check?rule=nobody&key=k"
asks 404 "/v2"
asks 400 "$check?rule=two"
asks 400 "$check?key=k"
asks 400 "$check?rule=two&key="
asks 400 "$check?rule=two&rule=two&key=k"
asks 400 "$check?rule=two&key=k&weight=0"
asks 400 "$check?rule=two&key=k&weight=18446744073709551617"
asks 400 "$check?rule=two&key=%6"
asks 400 "$check?rule=two&key=k&wait=1"
asks 405 "$check?rule=two&key=k" -X DELETE
asks 200 "/healthz"
long=$(head -c 65536 /dev/zero | tr '\0' k)
printf 'rule=two&key=%s' "$long" >form
asks 200 "$check" --data @form
printf 'rule=two&key=%sk' "$long" >form
asks 400 "$check" --data @form
metric 'limiter_decisions_total{rule="two",verdict="admit"} 6'

# raw BYTES: what comes back on a connection of its own, until the daemon closes it.
raw() {
    exec 3<>"/dev/tcp/${address%:*}/${address##*:}"
    printf '%b' "$1" >&3
    timeout 10 cat <&3 >answer || fail "the connection stayed open after: $1"
    exec 3>&-
}
head='GET /healthz HTTP/1.1\r\nHost: x\r\n'
raw 'GET /healthz HTTP/1.1\r\n\r\n' && says 'HTTP/1.1 400'
raw 'GET  /healthz HTTP/1.1\r\nHost: x\r\n\r\n' && says 'HTTP/1.1 400'
raw 'GET /healthz HTTP/1.1\nHost: x\n\n' && says 'HTTP/1.1 400'
raw 'GET /healthz HTTP/3.0\r\nHost: x\r\n\r\n' && says 'HTTP/1.1 505'
raw 'GET http://x/healthz HTTP/1.1\r\nHost: x\r\n\r\n' && says 'HTTP/1.1 400'
raw "${head}Host: y\r\n\r\n" && says 'HTTP/1.1 400'
raw "${head}Name : value\r\n\r\n" && says 'HTTP/1.1 400'
raw "${head} folded\r\n\r\n" && says 'HTTP/1.1 400'
raw "${head}Content-Length: 1\r\nContent-Length: 1\r\n\r\nx" && says 'HTTP/1.1 400'
raw "${head}Content-Length: -1\r\n\r\n" && says 'HTTP/1.1 400'
raw "${head}Content-Length: 300000\r\n\r\n" && says 'HTTP/1.1 413'
raw "${head}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n" && says 'HTTP/1.1 501'
raw 'GET /healthz HTTP/1.0\r\n\r\n' && says 'Connection: close'
raw "${head}X: $(head -c 230000 /dev/zero | tr '\0' x)" && says 'HTTP/1.1 431'
raw "$head\r\n${head}Connection: close\r\n\r\n"
[ "$(grep -c '^HTTP/1.1 200' answer)" -eq 2 ] || fail "two requests at once got another answer"
raw 'GET /hea' # cut off by idle_timeout
[ ! -s answer ] || fail "half a request got an answer"
metric 'serve_connections_total{event="timed_out"} 1'

# Byte by byte, and over the unix socket.
exec 3<>"/dev/tcp/${address%:*}/${address##*:}"
for c in G E T ' ' / h e a l t h z ' ' HTTP /1. 1 '\r' '\n' Host : x '\r' '\n' '\r' '\n'; do
    printf '%b' "$c" >&3
    sleep 0.01
done
IFS= read -r -t 5 line <&3 || fail "no answer byte by byte"
[ "$line" = $'HTTP/1.1 200 OK\r' ] || fail "byte by byte: $line"
exec 3>&-
asks 200 "/healthz" --unix-socket http.sock

# ---- New rules while it runs --------------------------------------------------------------------
reloads() {
    local before
    before=$(wc -l <serve.err)
    kill -HUP "$daemon"
    for _ in $(seq 100); do [ "$(wc -l <serve.err)" -gt "$before" ] && break; sleep 0.05; done
}
asks 200 "$check?rule=two&key=gina"
rules 4 false
reloads
grep -q '6 rules are in force' serve.err || fail "the reload was not reported"
asks 200 "$check?rule=two&key=gina"
asks 429 "$check?rule=two&key=gina"  # unchanged: what it counted before still counts
asks 429 "$check?rule=seen&key=erin" # only no longer a shadow
asks 503 "$check?rule=three&key=new" # changed: it waits for one window
says 'http-problem-types#temporary-reduced-capacity'
asks 403 "/v1/limit/auth?rule=three&key=new"

good='name: x, limit: 1, window: 1s'
for bad in 'name: x, limit: 0, window: 1s' 'name: x, limit: many, window: 1s' \
    'name: x, limit: 70000, window: 1s' 'name: x, limit: 1, window: 5' 'name: x, limit: 1' \
    'name: x, limit: 1, window: 0s' 'name: x, limit: 1, window: 300000000d' \
    'name: x, limit: 18446744073709551616, window: 1s' "$good, memory: 0" "$good, keys: -1" \
    "$good, ipv4_prefix: 33" "$good, ipv6_prefix: 0" \
    'name: "a b", limit: 1, window: 1s' 'name: two, limit: 1, window: 1s' "$good, limits: 2" \
    "$good, shadow: no" "$good, keys: 0" "$good, buckets: 1" "$good, tiers: 200000" \
    "$good, limit: 2" "$good, on_restart: resume" "$good, }"; do
    rules
    sed -i "s/{name: seen, .*}/{$bad}/" rules.yaml
    reloads
    tail -n 1 serve.err | grep -q 'stay as they were: rules.yaml:9: ' || fail "accepted: $bad"
    status=0
    "$POSTPROOF" serve --config rules.yaml --check-config 2>/dev/null || status=$?
    [ "$status" -eq 2 ] || fail "--check-config accepted: $bad"
done
asks 429 "$check?rule=two&key=gina"
metric 'serve_reloads_total{result="refused"} 22'

# ---- More connections than are allowed ----------------------------------------------------------
sleep 0.2
for i in $(seq 10 29); do eval "exec $i<>/dev/tcp/${address%:*}/${address##*:}"; done
sleep 0.2
asks 503 "/healthz"
for i in $(seq 10 29); do eval "exec $i>&-"; done
sleep 0.2
asks 200 "/healthz"

stop_daemon TERM
[ ! -e http.sock ] || fail "the unix socket is still there"
