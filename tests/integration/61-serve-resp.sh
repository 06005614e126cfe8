#!/bin/bash
# SPDX-License-Identifier: MIT
# A Redis client asks with CL.THROTTLE; malformed RESP gets an error; every decision that was
# recorded is checked against the specification.
# shellcheck disable=SC2016,SC1003 # the dollars and backslashes of RESP
set -eu

# shellcheck source=tests/lib/serve.sh
. "$(dirname "$0")/../lib/serve.sh"
logs='serve.out serve.err answer'

mkdir record
cat >rules.yaml <<EOF
listen:
  resp: ["127.0.0.1:0", "unix:$work/resp.sock"]
throttle: {rules: 3, keys: 1000}
EOF
start_daemon --first-start --record record
port=$(sed -n 's/^listening resp 127.0.0.1:\(.*\)/\1/p' serve.out)
[ -n "$port" ] || fail "the daemon does not listen"

# sends BYTES: all that comes back until the daemon closes the connection, in the file answer.
sends() {
    exec 3<>"/dev/tcp/127.0.0.1/$port"
    printf '%b' "$1" >&3
    timeout 10 cat <&3 | tr -d '\r' >answer || fail "no answer to $1"
    exec 3>&-
}
# command WORD...: as a client sends it.
command_bytes() {
    printf '*%d\\r\\n' $#
    for word in "$@"; do printf '$%d\\r\\n%s\\r\\n' ${#word} "$word"; done
}
# replies "1 2 3" WORD...: the numbers, or the line, that come back.
replies() {
    local want=$1
    shift
    sends "$(command_bytes "$@")QUIT\r\n"
    [ "$(grep -v '^\*5$' answer | head -n -1 | tr -d ':' | xargs)" = "$want" ] ||
        fail "$* got $(xargs <answer) instead of $want"
}

# ---- redis-cell's reply: limited, limit, remaining, retry after, reset after --------------------
replies '0 3 2 -1 6' CL.THROTTLE alice 2 30 60
replies '0 3 1 -1 6' cl.throttle alice 2 30 60
replies '0 3 0 -1 6' CL.THROTTLE alice 2 30 60
replies '1 3 0 6 6' CL.THROTTLE alice 2 30 60
replies '0 3 1 -1 6' CL.THROTTLE bob 2 30 60 2
replies '1 3 1 6 6' CL.THROTTLE bob 2 30 60 2
replies '0 3 1 -1 6' CL.THROTTLE bob 2 30 60 0 # only asks
replies '0 3 1 -1 6' CL.THROTTLE bob 2 30 60 0
replies '1 3 1 -1 6' CL.THROTTLE bob 2 30 60 4 # never
replies '+PONG' PING
replies '*0' COMMAND DOCS
for words in 'CL.THROTTLE k 2 30' 'CL.THROTTLE k 2 30 60 1 1' 'CL.THROTTLE k -1 30 60' \
    'CL.THROTTLE k 2 0 60' 'CL.THROTTLE k 2 30 0' 'CL.THROTTLE k 70000 1 1' \
    'CL.THROTTLE k 2 30 6s' 'CL.THROTTLE k 2 30 60 99999999999999999999' \
    'CL.THROTTLE k 9 1 18446744073709551615' 'GET k'; do
    # shellcheck disable=SC2086 # words
    sends "$(command_bytes $words)PING\r\nQUIT\r\n"
    { head -n 1 answer | grep -q '^-ERR ' && sed -n 2p answer | grep -qx '+PONG'; } ||
        fail "$words: $(cat answer)"
done
sends '*5\r\n$11\r\nCL.THROTTLE\r\n$0\r\n\r\n$1\r\n2\r\n$1\r\n2\r\n$1\r\n2\r\nQUIT\r\n'
grep -q '^-ERR the key is empty' answer || fail "an empty key was taken"
long=$(head -c 65536 /dev/zero | tr '\0' k)
sends "$(command_bytes CL.THROTTLE "$long" 2 30 60)QUIT\r\n"
grep -q '^\*5' answer || fail "a key of 64 KiB was refused: $(head -c 200 answer)"

# No more kinds of rules than the configuration allows, while those in use count.
replies '0 1 0 -1 3600' CL.THROTTLE k 0 1 3600
replies '0 1 0 -1 3601' CL.THROTTLE k 0 1 3601
sends "$(command_bytes CL.THROTTLE k 0 1 3602)QUIT\r\n"
grep -q '^-ERR too many' answer || fail "a fourth rule was made: $(cat answer)"

# ---- Malformed requests: an error, and the connection ends --------------------------------------
for bad in '*x\r\n' '*17\r\n' '*-1\r\n' '*1\r\n:4\r\nPING\r\n' '*1\r\n$5\r\nPING\r\nxx' \
    '*1\r\n$65537\r\n' 'PING\n' '*1\n' '*99999999999999999999999999999999999\r\n' \
    '1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7\r\n'; do
    sends "${bad}PING\r\n"
    [ "$(wc -l <answer)" -eq 1 ] || fail "$bad: $(cat answer)"
    grep -q '^-ERR ' answer || fail "$bad: $(cat answer)"
done
sends "$(head -c 66000 /dev/zero | tr '\0' x)"
grep -q '^-ERR ' answer || fail "a line without an end was taken"

# ---- A thousand requests in one write; byte by byte ---------------------------------------------
one=$(command_bytes CL.THROTTLE many 2 30 60)
many=$(for _ in $(seq 1000); do printf '%s' "$one"; done)
sends "${many}QUIT\r\n"
[ "$(grep -c '^\*5$' answer)" -eq 1000 ] || fail "not every request was answered"
[ "$(grep -A1 '^\*5$' answer | grep -c '^:0$')" -eq 3 ] || fail "not three were admitted"
exec 3<>"/dev/tcp/127.0.0.1/$port"
for ((i = 0; i < ${#one}; i++)); do
    c=${one:i:1}
    [ "$c" != '\' ] || { c=${one:i:2}; i=$((i + 1)); }
    printf '%b' "$c" >&3
done
IFS= read -r -t 5 line <&3 || fail "no answer byte by byte"
[ "$line" = $'*5\r' ] || fail "byte by byte: $line"
exec 3>&-

# A client that sends 18 MB and reads nothing until later: the daemon stops reading, and goes on.
long=$(head -c 60000 /dev/zero | tr '\0' p)
exec 4<>"/dev/tcp/127.0.0.1/$port"
{
    for _ in $(seq 300); do printf '*2\r\n$4\r\nPING\r\n$60000\r\n%s\r\n' "$long"; done
    printf 'QUIT\r\n'
} >&4 &
sleep 0.5
replies '+PONG' PING # others do not wait for it
got=$(timeout 20 cat <&4 | wc -c)
[ "$got" -eq $((300 * 60010 + 5)) ] || fail "$got bytes came back"
exec 4>&-

if command -v redis-cli >/dev/null; then
    [ "$(redis-cli -p "$port" ping)" = PONG ] || fail "redis-cli got no PONG"
    [ "$(redis-cli -s resp.sock CL.THROTTLE carol 2 30 60 | xargs)" = '0 3 2 -1 6' ] ||
        fail "redis-cli over the unix socket"
fi

stop_daemon TERM
[ -s record/throttle-2-30-60.log ] || fail "nothing was recorded"
"$POSTPROOF" limit replay --check --limit 3 --window 6s record/throttle-2-30-60.log >check.out ||
    fail "the recorded decisions break the specification: $(tail -n 3 check.out)"
"$POSTPROOF" limit replay --check --limit 1 --window 1h record/throttle-0-1-3600.log >check.out
