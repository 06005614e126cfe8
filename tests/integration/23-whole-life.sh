#!/bin/bash
# SPDX-License-Identifier: MIT
# A ledger from its keys to a proof, with an origin that `init` chose: lines of each format go in,
# every verb answers, and what a proof says holds for its entry only.
set -eu

: "${POSTPROOF:?the path of the program}"
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

fail() {
    echo "$*" >&2
    exit 1
}

# The keys are made for one origin, and the ledger gets another: the signing key stays the same.
"$POSTPROOF" keygen keys --origin first.example/log >/dev/null
before=$(cut -d+ -f5 keys/checkpoint.key)
"$POSTPROOF" init ledger --keys keys --origin second.example/log >/dev/null
[ "$(cut -d+ -f5 keys/checkpoint.key)" = "$before" ] || fail "init changed the signing key"
grep -q '^second.example/log+' keys/checkpoint.pub

printf 'a plain line\nbytes \x00\xff\xfe\n' |
    "$POSTPROOF" append ledger --source plain - 2>/dev/null
echo '{"time":"2026-01-02T03:04:05.678Z","level":"error","msg":"json"}' |
    "$POSTPROOF" append ledger --source json --format jsonl 2>/dev/null
printf '%s\n' '<34>1 2026-10-11T22:14:15.003Z host su - ID47 - rfc5424' \
    '<13>Oct 11 22:14:15 host app: rfc3164' |
    "$POSTPROOF" append ledger --format syslog 2>/dev/null
head -c 100000 /dev/zero | tr '\0' 'x' >long
"$POSTPROOF" append ledger --source long long 2>/dev/null

"$POSTPROOF" checkpoint ledger >saved 2>/dev/null
[ "$(head -n 2 saved | paste -sd ,)" = second.example/log,6 ] || fail "checkpoint: $(cat saved)"
report=$("$POSTPROOF" verify ledger --verify-key keys/verify.key --checkpoint saved --json)
grep -q '"verdict": "OK"' <<<"$report"
grep -q '"trust_level": "T2"' <<<"$report"
for field in first_bad_seq entries segments seals bytes time_taken_ms; do
    grep -q "\"$field\":" <<<"$report" || fail "verify --json has no $field"
done

# The body of each entry is the line that came in, byte for byte; filters choose by each field.
[ "$("$POSTPROOF" cat ledger --json | wc -l)" -eq 6 ]
"$POSTPROOF" cat ledger --from 1 --to 1 --json |
    grep -q "\"body_base64\":\"$(printf 'bytes \x00\xff\xfe' | base64)\""
[ "$("$POSTPROOF" cat ledger --source json --json | wc -l)" -eq 1 ]
"$POSTPROOF" cat ledger --level ERROR --until 2026-01-03 --json | grep -q '"seq":2,'
between=$("$POSTPROOF" cat ledger --since 2026-01-03 --until 2026-11-01 --source plain --json)
[ -z "$between" ]
"$POSTPROOF" cat ledger --source long --text | grep -q "$(head -c 60 long)"

# A proof holds for its entry and for no other, under the published key.
for seq in 0 1 2 3 4 5; do
    "$POSTPROOF" prove ledger "$seq" >"$seq.tlog-proof"
    "$POSTPROOF" cat ledger --raw "$seq" >entry
    "$POSTPROOF" check "$seq.tlog-proof" --key keys/checkpoint.pub <entry >/dev/null
    [ "$seq" -eq 0 ] && continue
    status=0
    "$POSTPROOF" check 0.tlog-proof --key keys/checkpoint.pub <entry >/dev/null 2>&1 || status=$?
    [ "$status" -eq 1 ] || fail "the proof of entry 0 answers $status for entry $seq"
done

"$POSTPROOF" recover ledger | grep -q 'nothing to recover'
"$POSTPROOF" doctor ledger >/dev/null
echo "six entries of three formats, proven one by one"
