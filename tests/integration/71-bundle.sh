#!/bin/bash
# SPDX-License-Identifier: MIT
# Evidence bundles as a user makes and checks them, and as programs of others see them.
set -eu

: "${POSTPROOF:?the path of the program}"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
fail() { echo "FAIL: $*" >&2; exit 1; }
expect() { # EXIT_CODE COMMAND...
    local wanted=$1 status=0
    shift
    "$@" >out 2>&1 || status=$?
    [ "$status" -eq "$wanted" ] || { cat out >&2; fail "exit $status, not $wanted: $*"; }
}
says() { grep -q -- "$1" out || { cat out >&2; fail "it does not say: $1"; }; }

"$POSTPROOF" keygen keys --origin example.com/web-1 >/dev/null
"$POSTPROOF" init ledger --keys keys >/dev/null
awk 'BEGIN { srand(5); for (i = 0; i < 3000; i++)
    printf "{\"ts\":\"2026-09-21T%02d:%02d:%02d.%03dZ\",\"level\":\"%s\",\"source\":" \
        "\"%s\",\"msg\":\"order %d took %d ms\"}\n", i / 360, i / 6 % 60, i % 6 * 10, rand() * 1000,
        rand() < 0.01 ? "ERROR" : "INFO", rand() < 0.5 ? "web" : "db", i, rand() * 400 }' >log.jsonl
head -c 200000 /dev/zero | tr '\0' 'x' >>log.jsonl
echo >>log.jsonl
"$POSTPROOF" append ledger --format jsonl --source web log.jsonl 2>/dev/null
mkdir trust
cp keys/checkpoint.pub keys/bundle.pub keys/allowed_signers trust

# ---- Making and verifying -----------------------------------------------------------------------
expect 0 "$POSTPROOF" bundle create ledger --window "2026-09-21 to 2026-09-22" --output a.zip \
    --title "Checkout outage" --incident-id INC-7 --json
grep -q '"kept": 3000' out || grep -q '"kept": 3001' out || fail "not every entry is in the bundle"
expect 0 "$POSTPROOF" bundle create ledger --window "2026-09-21 to 2026-09-22" --output b.zip \
    --title "Checkout outage" --incident-id INC-7
cmp a.zip b.zip || fail "the same ledger and window gave different bytes"
expect 2 "$POSTPROOF" bundle create ledger --window 24h --output a.zip
says "never overwritten"
expect 2 "$POSTPROOF" bundle create ledger --window yesterday --output c.zip
expect 2 "$POSTPROOF" bundle create ledger --window "2020-01-01 to 2020-01-02" --output c.zip
says "no sealed entry"
[ ! -e c.zip ] && [ ! -e c.zip.tmp ] || fail "a failed run left a file"

expect 0 "$POSTPROOF" bundle verify a.zip --trust-root trust --verify-key keys/verify.key
says "^verdict  *valid"
says "^dashboards  *ok "
unzip -q a.zip 'evidence/data/dashboards/*' -d unzipped
expect 0 "$POSTPROOF" dashboard --out unzipped/evidence/data/dashboards --check
rm -r unzipped
expect 2 "$POSTPROOF" bundle verify a.zip
says "required"
mkdir empty
expect 2 "$POSTPROOF" bundle verify a.zip --trust-root empty
expect 2 "$POSTPROOF" bundle verify nowhere.zip --trust-root trust
expect 1 "$POSTPROOF" bundle verify log.jsonl --trust-root trust
says "NO_END_RECORD"
expect 0 "$POSTPROOF" bundle verify a.zip --trust-root trust --json
grep -q '"verdict": "valid"' out || fail "JSON says no verdict"
"$POSTPROOF" keygen other --origin example.com/web-1 >/dev/null
expect 1 "$POSTPROOF" bundle verify a.zip --trust-root other
says "^signature  *bad"
expect 1 "$POSTPROOF" bundle verify a.zip --trust-root trust --verify-key other/verify.key
says "^tags  *bad"

# A key folder from before bundles had keys.
"$POSTPROOF" keygen old --origin example.com/web-1 >/dev/null
rm old/bundle.key old/bundle.pub old/bundle-ssh.key old/allowed_signers
expect 2 "$POSTPROOF" bundle create ledger --window 24h --output c.zip --keys old
says "bundle keygen old"
expect 0 "$POSTPROOF" bundle keygen old
expect 2 "$POSTPROOF" bundle keygen old

# ---- Programs of others -------------------------------------------------------------------------
unzip -tq a.zip >/dev/null || fail "unzip -t"
7zz t a.zip >/dev/null || fail "7zz t"
python3 - a.zip <<'PY' || fail "Python's zipfile"
import sys, zipfile
z = zipfile.ZipFile(sys.argv[1])
assert z.testzip() is None
assert all(i.create_system == 3 and not i.extra and i.flag_bits == 0x800 for i in z.infolist())
PY
unzip -q a.zip
cd evidence
sha256sum --strict --quiet -c manifest-sha256.txt || fail "sha256sum on the BagIt manifest"
sha256sum --strict --quiet -c tagmanifest-sha256.txt || fail "sha256sum on the tag manifest"
listed=$(sed 's/^.\{66\}//' manifest-sha256.txt | sort)
[ "$listed" = "$(find data -type f | sort)" ] || fail "the manifest lists other files"
ssh-keygen -Y verify -f ../trust/allowed_signers -I example.com/web-1 -n postproof-bundle \
    -s manifest.ppb.sig <manifest.ppb >/dev/null || fail "ssh-keygen -Y verify"
if ssh-keygen -Y verify -f ../trust/allowed_signers -I example.com/web-1 -n postproof-bundle \
    -s manifest.ppb.sig <bagit.txt >/dev/null 2>&1; then
    fail "ssh-keygen accepts the signature for another file"
fi
proofs=0
for proof in data/proofs/*.tlog-proof; do
    "$POSTPROOF" check "$proof" --key ../trust/checkpoint.pub <"${proof%.tlog-proof}.entry" \
        >/dev/null || fail "postproof check $proof"
    proofs=$((proofs + 1))
done
[ "$proofs" -ge 3 ] || fail "only $proofs proofs of single entries"
cd ..
"$POSTPROOF" bundle cat a.zip --trust-root trust >otlp.jsonl
cmp otlp.jsonl evidence/data/entries/otlp.jsonl || fail "bundle cat prints other lines"
"$POSTPROOF" bundle cat a.zip --trust-root trust --format timesketch >lines.jsonl
cmp lines.jsonl evidence/data/timeline.jsonl || fail "bundle cat prints another timeline"

# ---- Under other names --------------------------------------------------------------------------
ln -s "$POSTPROOF" bundle_builder
ln -s "$POSTPROOF" verify_bundle
expect 0 ./bundle_builder ledger --window "2026-09-21 to 2026-09-22" --output d.zip \
    --title "Checkout outage" --incident-id INC-7
cmp a.zip d.zip || fail "bundle_builder gives other bytes"
expect 0 ./verify_bundle d.zip --trust-root trust
expect 2 ./verify_bundle d.zip

# ---- Over the limit: nothing is left out silently -----------------------------------------------
awk 'BEGIN { srand(6); for (i = 0; i < 60000; i++)
    printf "{\"ts\":\"2026-10-01T%02d:%02d:%02dZ\",\"level\":\"%s\",\"source\":\"s%d\",\"msg\":" \
        "\"%08x %08x\"}\n", i / 3600, i / 60 % 60, i % 60, (i % 20000 > 19900 ? "ERROR" : "INFO"),
        i / 20000, rand() * 2^31, rand() * 2^31 }' >busy.jsonl
"$POSTPROOF" append ledger --format jsonl busy.jsonl 2>/dev/null
expect 0 "$POSTPROOF" bundle create ledger --window "2026-10-01 to 2026-10-02" --output e.zip \
    --max-bytes 500000
says "did not fit"
says "INFO"
[ "$(stat -c %s e.zip)" -le 500000 ] || fail "larger than its limit"
expect 0 "$POSTPROOF" bundle verify e.zip --trust-root trust
says "left out"
expect 2 "$POSTPROOF" bundle verify e.zip --trust-root trust --verify-key keys/verify.key
says "ENTRIES_OMITTED"
unzip -p e.zip evidence/data/window.json | python3 -c '
import json, sys
w = json.load(sys.stdin)
o = w["omitted"]
assert o["entries"] == w["entries"]["in_window"] - w["entries"]["kept"] > 0
assert sum(o["by_level"].values()) == o["entries"]
assert sum(t["entries"] for t in o["tiers"]) + o["entries_in_tiers_not_listed"] == o["entries"]
assert o["by_level"]["ERROR"] == 0' || fail "window.json does not count what was left out"
# ---- A run that ends early ----------------------------------------------------------------------
(
    ulimit -f 100 # blocks of 1 KiB: the disk is full in the middle of the bundle
    trap '' XFSZ
    expect 2 "$POSTPROOF" bundle create ledger --window 24h --output full.zip
)
[ ! -e full.zip ] && [ ! -e full.zip.tmp ] || fail "a bundle that could not be written is there"
touch g.zip.tmp # as a crash leaves it
expect 0 "$POSTPROOF" bundle create ledger --window "2026-09-21 to 2026-09-22" --output g.zip \
    --title "Checkout outage" --incident-id INC-7
expect 0 "$POSTPROOF" bundle verify g.zip --trust-root trust
[ ! -e g.zip.tmp ] || fail "what a crash left is still there"

echo "bundles are made, verified, and read by others"
