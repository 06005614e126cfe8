#!/bin/bash
# SPDX-License-Identifier: MIT
# bundle_uploader F.zip --sentinelops: a valid bundle has no warnings, is sent and confirmed; each
# thing that the audit profile misses is named, and then nothing is sent.
set -eu

: "${POSTPROOF:?the path of the program}"
here=$(cd "$(dirname "$0")" && pwd)
command -v node >/dev/null || { echo "node is not installed"; exit 77; }
work=$(mktemp -d)
server=
finish() {
    [ -z "$server" ] || kill "$server" 2>/dev/null || true
    rm -rf "$work"
}
trap finish EXIT
cd "$work"
fail() {
    echo "FAIL: $*" >&2
    tail -n 20 out err >&2 2>/dev/null
    exit 1
}

"$POSTPROOF" keygen keys --origin example.com/web-1 >/dev/null
"$POSTPROOF" init ledger --keys keys >/dev/null
seq -f 'request %g served' 1 500 | "$POSTPROOF" append ledger --source web 2>/dev/null
mkdir trust
cp keys/checkpoint.pub keys/bundle.pub trust
create() { # FILE [option...]
    local file=$1
    shift
    "$POSTPROOF" bundle create ledger --window 24h --output "$file" "$@" >/dev/null 2>&1 ||
        fail "no bundle $file"
}
create good.zip --title 'Checkout outage' --incident-id INC-7
create unnamed.zip
{ head -c 3000 good.zip; printf x; tail -c +3002 good.zip; } >changed.zip

: >server.log
echo none >server.log.mode
node "$here/../upload/server.mjs" server.log >server.address &
server=$!
for _ in $(seq 100); do [ -s server.address ] && break; sleep 0.05; done
address=$(cat server.address)
printf 'secret-token\n' >token
cat >upload.yaml <<CONFIG
audit:
  endpoint: $address/audit
  trust_root: $work/trust
  token_file: $work/token
CONFIG

ln -s "$POSTPROOF" bundle_uploader
audit() { # WANTED-EXIT-CODE FILE [option...]
    local want=$1 file=$2 got=0
    shift 2
    ./bundle_uploader "$file" --sentinelops --config upload.yaml "$@" >out 2>err || got=$?
    [ "$got" = "$want" ] || fail "$file: exit code $got instead of $want"
}
says() { cat out err | grep -qF -- "$1" || fail "not said: $1"; }

# A valid bundle: exit 0, nothing on standard error, received as it was sent.
audit 0 good.zip
[ ! -s err ] || fail "something on standard error"
says 'schemas/audit.schema.json: 0 warnings'
says 'confirmed'
grep -qF "\"sha256\":\"$(sha256sum good.zip | cut -d ' ' -f 1)\"" server.log.received ||
    fail "another bundle arrived"
grep -qF '"token":"Bearer secret-token"' server.log.received || fail "no token"
grep -qF '"verdict":"valid"' server.log.received || fail "no verdict in the record"
audit 0 good.zip --json
says '"warnings": []'
says '"sent": true'
cp out record.json

# What the profile misses is named, one line each, and nothing is sent.
: >server.log
audit 2 unnamed.zip
says 'warning: /incident/id is empty'
says 'warning: /incident/title is empty'
says '2 warnings: nothing was sent'
[ "$(grep -c '^warning: ' err)" = 2 ] || fail "other warnings"
audit 1 changed.zip
says 'warning: /verification/verdict'
mv trust/bundle.pub elsewhere
audit 2 good.zip
says 'check signature: skipped'
mv elsewhere trust/bundle.pub
audit 2 good.zip --json --config missing.yaml
says 'missing.yaml'
echo 'audit: {endpoint: "http://audit.example.com/x", trust_root: trust}' >plain.yaml
audit 2 good.zip --config plain.yaml
says 'must be https'
echo 'audit: {endpoint: "https://audit.example.com/x"}' >half.yaml
audit 2 good.zip --config half.yaml
says 'audit.trust_root is missing'
[ ! -s server.log ] || fail "something was sent"

# An endpoint that does not confirm, or is not there.
echo unconfirmed >server.log.mode
audit 2 good.zip
says 'did not confirm'
sed -i 's|/audit$|/nowhere|' upload.yaml
audit 2 good.zip
says 'status 404'

# Without the option the name stands for upload.
./bundle_uploader good.zip --to nowhere >out 2>err && fail "uploaded to nowhere"
says 'expected s3://BUCKET/KEY'
echo "the audit profile: good"
