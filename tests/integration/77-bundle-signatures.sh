#!/bin/bash
# SPDX-License-Identifier: MIT
# The signatures of a bundle as programs of others see them: @sigstore/verify and openssl ts, with
# a time-stamping authority on loopback; and the proofs that a bundle carries, compiled by Coq.
set -eu

: "${POSTPROOF:?the path of the program}"
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/lib/npm.sh
. "$here/../lib/npm.sh"
work=$(mktemp -d)
tsa=""
# shellcheck disable=SC2317 # the trap calls it
clean_up() {
    [ -z "$tsa" ] || kill "$tsa" 2>/dev/null || true
    rm -rf "$work"
}
trap clean_up EXIT
cd "$work"
fail() { echo "FAIL: $*" >&2; exit 1; }
exit_code_is() { # N COMMAND...
    local wanted=$1 status=0
    shift
    "$@" >out 2>&1 || status=$?
    [ "$status" -eq "$wanted" ] || { cat out >&2; fail "exit $status, not $wanted: $*"; }
}

"$here/../tsa/make.sh" authority >/dev/null 2>&1
python3 "$here/../tsa/tsa.py" authority >port &
tsa=$!
for _ in $(seq 100); do
    [ -s port ] && break
    sleep 0.1
done
url=http://127.0.0.1:$(cat port)/tsa

"$POSTPROOF" keygen keys --origin example.com/web-1 >/dev/null
"$POSTPROOF" init ledger --keys keys >/dev/null
seq -f 'request %g served' 40 | "$POSTPROOF" append ledger --source web 2>/dev/null
"$POSTPROOF" bundle create ledger --window 24h --output plain.zip >/dev/null
"$POSTPROOF" bundle create ledger --window 24h --output stamped.zip --tsa "$url" >/dev/null
exit_code_is 2 "$POSTPROOF" bundle create ledger --window 24h --output none.zip --tsa "$url/none"
[ ! -e none.zip ] || fail "a bundle was made without the time-stamp that was asked for"

# ---- Time-stamps --------------------------------------------------------------------------------
mkdir trust
cp keys/checkpoint.pub keys/bundle.pub trust
exit_code_is 0 "$POSTPROOF" bundle verify stamped.zip --trust-root trust
grep -q '^timestamp  *skipped' out || fail "a time-stamp without tsa.pem is not skipped"
cp authority/ca.pem trust/tsa.pem
exit_code_is 0 "$POSTPROOF" bundle verify stamped.zip --trust-root trust
grep -q '^timestamp  *ok' out || fail "the time-stamp is not checked"
exit_code_is 2 "$POSTPROOF" bundle verify plain.zip --trust-root trust
"$here/../tsa/make.sh" other >/dev/null 2>&1
cp other/ca.pem trust/tsa.pem
exit_code_is 1 "$POSTPROOF" bundle verify stamped.zip --trust-root trust
grep -q '^timestamp  *bad' out || fail "a time-stamp by somebody else is accepted"

for name in plain stamped; do
    unzip -p $name.zip evidence/evidence.sigstore.json >$name.json
done
python3 - stamped.json <<'PY'
import base64, json, sys
b = json.load(open(sys.argv[1]))
stamps = b["verificationMaterial"]["timestampVerificationData"]["rfc3161Timestamps"]
open("stamp.tsr", "wb").write(base64.b64decode(stamps[0]["signedTimestamp"]))
open("signature", "wb").write(base64.b64decode(b["dsseEnvelope"]["signatures"][0]["sig"]))
PY
openssl ts -verify -in stamp.tsr -data signature -CAfile authority/ca.pem >/dev/null 2>&1 ||
    fail "openssl ts -verify"

# ---- Sigstore -----------------------------------------------------------------------------------
sigstore() { node "$here/../browser/sigstore.mjs" "$@"; }
exit_code_is 0 sigstore plain.json keys/bundle.pub
grep -q accepted out || fail "@sigstore/verify does not accept the plain bundle"
exit_code_is 0 sigstore stamped.json keys/bundle.pub authority/ca.pem authority/tsa.pem
"$POSTPROOF" keygen elsewhere --origin example.com/web-1 >/dev/null
exit_code_is 1 sigstore plain.json elsewhere/bundle.pub

# ---- Proofs -------------------------------------------------------------------------------------
rm trust/tsa.pem
if command -v coqc >/dev/null; then
    exit_code_is 0 "$POSTPROOF" bundle verify plain.zip --trust-root trust --check-proofs
    grep -q '^coq  *ok' out || fail "the proofs are not compiled"
fi
mkdir bin
for program in sh find sort mkdir rm; do ln -s "$(command -v $program)" bin/; done
exit_code_is 2 env PATH="$work/bin" "$POSTPROOF" bundle verify plain.zip --trust-root trust \
    --check-proofs
echo "signatures, time-stamps and proofs hold for programs of others"
