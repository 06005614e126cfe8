#!/bin/bash
# SPDX-License-Identifier: MIT
# Decisions that postproof serve records to a ledger: verified, printed, compared with the
# specification; over kill -9 and restarts; sampled; and when there are more than the queue holds.
set -eu

command -v curl >/dev/null || { echo "curl is not installed"; exit 77; }
command -v redis-benchmark >/dev/null || { echo "redis-benchmark is not installed"; exit 77; }
# shellcheck source=tests/lib/serve.sh
. "$(dirname "$0")/../lib/serve.sh"
logs='serve.out serve.err check.out check.err verify.out'

"$POSTPROOF" keygen keys --origin test/limits >/dev/null
"$POSTPROOF" init ledger --keys keys >/dev/null

# rules ADMISSIONS QUEUE
rules() {
    cat >rules.yaml <<EOF
listen:
  http: ["unix:$work/http.sock"]
  resp: ["unix:$work/resp.sock", "127.0.0.1:0"]
threads: ${3:-1}
record: {ledger: $work/ledger, admissions: $1, queue: $2, seal_after: 50ms}
rules:
  - {name: api, limit: 3, window: 1s}
EOF
}
asks() {
    local got
    got=$(curl -s -o /dev/null -w '%{http_code}' --unix-socket http.sock \
        "http://limits/v1/limit/check?rule=api&key=$2")
    [ "$got" = "$1" ] || fail "$2: $got instead of $1"
}
# At most 10 in each second for one of so many keys: KEYS REQUESTS.
burst() {
    timeout 20 redis-benchmark -s resp.sock -c 20 -P 4 -q -r "$1" -n "$2" \
        CL.THROTTLE key:__rand_int__ 9 10 1 >/dev/null 2>&1 || true
}
verifies() {
    "$POSTPROOF" verify "$1" --verify-key "$2/verify.key" >verify.out ||
        fail "the ledger does not verify"
}
# checks CODE LEDGER RULE LIMIT WINDOW
checks() {
    local code=0
    "$POSTPROOF" cat "$2" --json --source "limiter/$3" >entries
    "$POSTPROOF" limit replay --format ledger --check --limit "$4" --window "$5" entries \
        >check.out 2>check.err || code=$?
    [ "$code" -eq "$1" ] || fail "$3: the check ended with $code, not $1"
}
entries() {
    "$POSTPROOF" cat ledger --json --source "limiter/$1" | grep -c -- "$2" || true
}

# ---- Everything is there, over a crash, and by two threads --------------------------------------
rules all 16MiB
start_daemon --first-start
for _ in 1 2 3; do asks 200 alice; done
asks 429 alice
asks 200 'b%20b%0a'
burst 2000 20000
stop_daemon TERM
verifies ledger keys
checks 0 ledger api 3 1s
grep -q '^5 decisions (5 of them recorded), 4 allowed, 1 denied$' check.out || fail "api: not five"
[ "$(entries api 'b%20b%0A 1 allow"')" -eq 1 ] || fail "the key is not escaped"
[ "$(entries api '"level":"WARN"')" -eq 1 ] || fail "the denial is no warning"
checks 0 ledger throttle-9-10-1 10 1s
grep -q '^20000 decisions (20000 of them' check.out || fail "not every decision is there"

rules all 16MiB 2
start_daemon
burst 2000 3000 # it waits, which is no verdict
sleep 1
burst 2000 60000 &
load=$!
sleep 0.7
stop_daemon KILL
wait "$load"
start_daemon
sleep 1.1
burst 50 20000
stop_daemon TERM
verifies ledger keys
checks 0 ledger throttle-9-10-1 10 1s
[ "$(sed -n 's/^\([0-9]*\) decisions.*/\1/p' check.out)" -gt 40000 ] || fail "too few are there"
grep -q ' 0 denied without need' check.out || fail "a denial was wrong"
[ "$(entries throttle-9-10-1 '# start')" -eq 3 ] || fail "not three starts"
[ "$(entries throttle-9-10-1 ' waiting"')" -gt 0 ] || fail "denials of the wait are missing"

# A forged decision is found by the ledger, a wrong one by the check.
sed 's/ deny"/ allow"/' entries >forged
code=0
"$POSTPROOF" limit replay --format ledger --check --limit 10 --window 1s forged >check.out ||
    code=$?
[ "$code" -eq 1 ] || fail "denials turned into admissions were not found"
cp -r ledger changed
file=$(grep -al ' deny' changed/segments/*.seg | head -n 1)
offset=$(grep -abo ' deny' "$file" | head -n 1 | cut -d: -f1)
printf ' DENY' | dd of="$file" bs=1 seek="$offset" conv=notrunc status=none
code=0
"$POSTPROOF" verify changed --verify-key keys/verify.key >verify.out || code=$?
[ "$code" -eq 1 ] || fail "a changed decision still verifies"

# What does not fit together is refused.
checks 2 ledger throttle-9-10-1 9 1s
grep -q 'another limit or window' check.err || fail "another limit was accepted"
code=0
"$POSTPROOF" cat ledger --json | "$POSTPROOF" limit replay --format ledger --check --limit 3 \
    --window 1s 2>check.err || code=$?
[ "$code" -eq 2 ] || fail "several rules at once were accepted"

# ---- Some admissions, every denial --------------------------------------------------------------
rules 1/10 16MiB
start_daemon --first-start
for _ in $(seq 3); do asks 200 carol; done
asks 429 carol
asks 429 carol
for i in $(seq 17); do asks 200 "dave$i"; done
curl -s --unix-socket http.sock http://limits/metrics >metrics
grep -qx 'postproof_limiter_recorded_total{rule="api"} 4' metrics || fail "not 2 + 2 were recorded"
stop_daemon TERM
verifies ledger keys
checks 2 ledger api 3 1s
grep -q "denials can't be checked" check.err || fail "a sample was taken for the whole"

# ---- More than the queue holds: counted, told by an entry, and nobody waited --------------------
"$POSTPROOF" keygen keys2 --origin test/drops >/dev/null
"$POSTPROOF" init ledger2 --keys keys2 >/dev/null
rules all 64KiB
sed -i "s/ledger: [^,]*,/ledger: ledger2,/" rules.yaml
start_daemon --first-start
long=$(head -c 900 /dev/zero | tr '\0' k)
for _ in $(seq 30); do printf "CL.THROTTLE $long%s 9 10 1\r\n" {1..100}; done >requests
printf 'QUIT\r\n' >>requests
port=$(sed -n 's/^listening resp 127.0.0.1://p' serve.out)
exec 4<>"/dev/tcp/127.0.0.1/$port"
cat requests >&4 &
[ "$(timeout 30 cat <&4 | grep -ac '^\*5')" -eq 3000 ] || fail "not every request was answered"
exec 4>&-
curl -s --unix-socket http.sock http://limits/metrics >metrics
stop_daemon TERM
verifies ledger2 keys2
lost=$(awk '/^postproof_limiter_unrecorded_total/ { n += $NF } END { print n }' metrics)
[ "$lost" -gt 0 ] || fail "the queue held everything"
code=0
"$POSTPROOF" cat ledger2 --json --source limiter/throttle-9-10-1 >entries
told=$(grep -o '# dropped denials=[0-9]* admissions=[0-9]*' entries |
    awk -F= '{ split($2, d, " "); n += d[1] + $3 } END { print n + 0 }')
kept=$(grep -c ' allow"\| deny"\| full"' entries)
[ "$told" -eq "$lost" ] || fail "$lost were dropped, the ledger says $told"
[ $((told + kept)) -eq 3000 ] || fail "$kept kept and $told dropped are not 3000"
checks 2 ledger2 throttle-9-10-1 10 1s
grep -q "lacks $lost decisions" check.err || fail "the gap was not reported"
# ---- What can't be ------------------------------------------------------------------------------
for bad in 'ledger: nowhere' 'ledger: ledger, keys: nowhere'; do
    rules all 16MiB
    sed -i "s|ledger: [^,]*,|$bad,|" rules.yaml
    code=0
    timeout 5 "$POSTPROOF" serve --config rules.yaml 2>serve.err || code=$?
    [ "$code" -eq 2 ] || fail "$bad: ended with $code"
    grep -q 'record: ledger: ' serve.err || fail "$bad: no reason"
done
for bad in 'admissions: some' 'admissions: 1/0' 'queue: 1KiB' 'seal_after: 5'; do
    rules all 16MiB
    sed -i "s|^record: .*|record: {ledger: x, $bad}|" rules.yaml
    code=0
    "$POSTPROOF" serve --config rules.yaml --check-config 2>serve.err || code=$?
    [ "$code" -eq 2 ] || fail "$bad: ended with $code"
    grep -q 'rules.yaml:5: ' serve.err || fail "$bad: no line"
done
echo "decisions in a ledger: verified, checked, sampled; $lost of 3000 dropped and told"
