#!/bin/bash
# SPDX-License-Identifier: MIT
# No restart opens a free window: SIGTERM keeps the state where the rule says so, kill -9 and a
# changed rule make it wait, and a saved state is used once.
set -eu

command -v curl >/dev/null || { echo "curl is not installed"; exit 77; }
# shellcheck source=tests/lib/serve.sh
. "$(dirname "$0")/../lib/serve.sh"
mkdir state record

cat >rules.yaml <<EOF
listen:
  http: ["unix:$work/http.sock"]
  resp: ["unix:$work/resp.sock"]
state: $work/state
rules:
  - {name: kept, limit: 2, window: 1h, on_restart: resume}
  - {name: waits, limit: 2, window: 3s, on_restart: wait}
EOF

asks() {
    local got
    got=$(curl -s -o /dev/null -w '%{http_code}' --unix-socket http.sock \
        "http://limits/v1/limit/check?rule=$2&key=$3")
    [ "$got" = "$1" ] || fail "$2 $3: $got instead of $1 ($4)"
}

start_daemon --record record --first-start
asks 200 kept alice "first"
asks 200 kept alice "second"
asks 200 waits bob "first"
asks 200 waits bob "second"
if "$POSTPROOF" serve --config rules.yaml 2>second.err; then fail "two daemons in one folder"; fi
stop_daemon TERM
[ -f state/kept.state ] || fail "no state was saved"
[ ! -e state/waits.state ] || fail "another state was saved"
[ "$(stat -c %a state/kept.state)" = 600 ] || fail "others can read the state"

# ---- The state is kept, once --------------------------------------------------------------------
cp state/kept.state saved
start_daemon --record record
grep -q 'rule kept goes on with its saved state' serve.out || fail "it was not resumed"
[ ! -e state/kept.state ] || fail "the state is still there"
asks 429 kept alice "before the restart two were admitted"
asks 200 kept carol "a key without admissions goes on at once"
asks 503 waits bob "it waits"
asks 503 waits dave "it waits for every key"
sleep 3.1
asks 200 waits bob "the window is over"

# ---- A crash: nothing is known, so it waits -----------------------------------------------------
stop_daemon KILL
start_daemon --record record
asks 503 kept alice "after kill -9"
asks 503 kept erin "after kill -9, any key"
stop_daemon TERM

# ---- A state that is damaged, too old, or of another rule ---------------------------------------
refused() {
    start_daemon --record record
    grep -q 'rule kept waits' serve.out || fail "$1 was used"
    [ ! -e state/kept.state ] || fail "$1 is still there"
    asks 503 kept frank "$1"
    stop_daemon TERM
    rm -f state/kept.state
}
cp saved state/kept.state
size=$(stat -c %s saved)
printf 'x' | dd of=state/kept.state bs=1 seek=$((size / 2)) conv=notrunc status=none
refused "a damaged state"
head -c $((size / 2)) saved >state/kept.state
chmod 600 state/kept.state
refused "half a state"
cp saved state/kept.state
printf '\1' | dd of=state/kept.state bs=1 seek=8 conv=notrunc status=none
refused "a state of another boot"
cp saved state/kept.state
chmod 644 state/kept.state
refused "a state that others can read"
cp saved state/kept.state
cp rules.yaml rules.before
sed -i 's/limit: 2, window: 1h/limit: 3, window: 1h/' rules.yaml
refused "the state of another limit"
cp rules.before rules.yaml
# A state that a run did not use is too old for the next one.
cp saved state/kept.state
sed -i 's/resume/wait/' rules.yaml
start_daemon --record record
[ ! -e state/kept.state ] || fail "an unused state is still there"
stop_daemon TERM
cp rules.before rules.yaml

# ---- What CL.THROTTLE limits waits as well ------------------------------------------------------
if command -v redis-cli >/dev/null; then
    start_daemon --record record
    [ "$(redis-cli -s resp.sock CL.THROTTLE k 0 1 3600 | head -n 1)" = 1 ] || fail "no wait"
    sleep 1.1
    [ "$(redis-cli -s resp.sock CL.THROTTLE k 0 1 1 | head -n 1)" = 0 ] || fail "it waits too long"
    stop_daemon TERM
fi

# ---- Over all restarts the recorded decisions obey the specification ----------------------------
for rule in kept/1h waits/3s; do
    "$POSTPROOF" limit replay --check --limit 2 --window "${rule#*/}" "record/${rule%/*}.log" \
        >check.out || fail "${rule%/*} breaks its specification: $(tail -n 3 check.out)"
done
