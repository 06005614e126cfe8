#!/bin/bash
# SPDX-License-Identifier: MIT
# Three witnesses, whose keys and cosignatures openssl makes, watch a log: with two of them the
# checkpoint meets the policy (T3), with one it does not, and another log's policy is refused.
set -eu

: "${POSTPROOF:?the path of the program}"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

if ! openssl genpkey -algorithm ed25519 -out probe.pem 2>/dev/null ||
    ! openssl pkeyutl -sign -rawin -inkey probe.pem -in probe.pem -out probe.sig 2>/dev/null; then
    echo "no openssl program that signs with Ed25519"
    exit 77
fi

fail() {
    echo "FAILED: $*" >&2
    exit 1
}

# expect N TEXT command...: it exits with N, and its output or its errors hold TEXT.
expect() {
    local wanted=$1 text=$2 status=0
    shift 2
    "$@" >output 2>&1 || status=$?
    if [ "$status" -ne "$wanted" ] || ! grep -qF -- "$text" output; then
        cat output >&2
        fail "exit code $status, wanted $wanted and \"$text\": $*"
    fi
}

# ---- Witnesses, without postproof ----

# witness NAME: NAME.pem, NAME.raw (the public key), NAME.id (the key id of type 0x04).
witness() {
    openssl genpkey -algorithm ed25519 -out "$1.pem"
    openssl pkey -in "$1.pem" -pubout -outform DER | tail -c 32 >"$1.raw"
    { printf '%s.example/w\n\004' "$1" && cat "$1.raw"; } |
        openssl dgst -sha256 -binary | head -c 4 >"$1.id"
}

vkey() {
    printf '%s.example/w+%s+%s' "$1" "$(od -An -tx1 "$1.id" | tr -d ' \n')" \
        "$({ printf '\004' && cat "$1.raw"; } | base64 -w 0)"
}

# cosign NAME TIME NOTE: the signature line.
cosign() {
    { printf 'cosignature/v1\ntime %d\n' "$2" && sed '/^$/,$d' "$3"; } >message
    openssl pkeyutl -sign -rawin -inkey "$1.pem" -in message -out signature
    local time
    time=$(printf '%016x' "$2" | sed 's/../\\x&/g')
    printf '\xe2\x80\x94 %s.example/w %s\n' "$1" \
        "$({ cat "$1.id" && printf '%b' "$time" && cat signature; } | base64 -w 0)"
}

for name in ann bob cleo; do witness "$name"; done

# policy QUORUM < lines for the logs
policy() {
    echo '# two levels: the second one is of one witness'
    cat
    for name in ann bob cleo; do echo "witness $name $(vkey "$name") https://$name.example/"; done
    printf 'group pair 1 bob cleo\ngroup both all ann pair\nquorum %s\n' "$1"
}

# ---- The log ----

"$POSTPROOF" keygen keys --origin log.example >/dev/null
"$POSTPROOF" keygen other --origin other.example >/dev/null
"$POSTPROOF" init ledger --keys keys >/dev/null
seq 1 500 | "$POSTPROOF" append ledger --source test 2>/dev/null
"$POSTPROOF" checkpoint ledger >early 2>/dev/null
seq 501 900 | "$POSTPROOF" append ledger --source test 2>/dev/null
"$POSTPROOF" checkpoint ledger >plain 2>/dev/null

sed 's/^/log /' keys/checkpoint.pub | policy both >both.policy
sed 's/^/log /' keys/checkpoint.pub | policy none >none.policy
sed 's/^/log /' other/checkpoint.pub | policy both >other.policy
policy both </dev/null >logless.policy
{ cat plain && cosign ann 1700000000 plain; } >one
{ cat one && cosign cleo 1700000005 plain; } >two
{ cat one && cosign cleo 1700000005 early; } >spliced
verify=("$POSTPROOF" verify ledger --verify-key keys/verify.key)

# ---- Enough witnesses ----

expect 0 'T3' "${verify[@]}" --checkpoint two --policy both.policy
grep -q '^witnesses  *2 of the policy' output || fail "the witnesses are not counted"
expect 0 '"trust_level": "T3"' "${verify[@]}" --checkpoint two --policy both.policy --json
grep -q '"witnesses": 2' output || fail "the witnesses are not in the JSON"
expect 0 'without the verification key' "$POSTPROOF" verify ledger --checkpoint two \
    --policy both.policy
expect 0 'T3' "${verify[@]}" --checkpoint two --policy logless.policy
expect 0 '"trust_level": "T2"' "${verify[@]}" --checkpoint plain --policy none.policy --json
expect 0 '"trust_level": "T2"' "${verify[@]}" --checkpoint two --json
grep -q '"witnesses": 0' output || fail "witnesses without a policy"

# ---- Too few ----

expect 2 'does not meet the quorum: 1 of 2 members of "both" hold, 2 needed; 1 of 3 witnesses' \
    "${verify[@]}" --checkpoint one --policy both.policy
grep -q '^verdict  *UNANCHORED' output || fail "not UNANCHORED"
expect 2 '"witnesses": 1' "${verify[@]}" --checkpoint one --policy both.policy --json
expect 2 'cosignature of witness "cleo" is not valid' \
    "${verify[@]}" --checkpoint spliced --policy both.policy
cp -a ledger changed
segment=changed/segments/00000000000000000000.seg
offset=$(grep -abo 777 "$segment" | head -n 1 | cut -d: -f1)
printf 8 | dd of="$segment" bs=1 seek="$offset" conv=notrunc status=none
for note in one two; do
    expect 1 MODIFIED "$POSTPROOF" verify changed --verify-key keys/verify.key \
        --checkpoint "$note" --policy both.policy
done

# ---- The wrong log ----

expect 2 'the log of keys/verify.key is none of those that the policy other.policy lists' \
    "${verify[@]}" --checkpoint two --policy other.policy
expect 2 'no log of the policy has signed it' \
    "$POSTPROOF" verify ledger --checkpoint two --policy other.policy
expect 2 'lists no log' "$POSTPROOF" verify ledger --checkpoint two --policy logless.policy
expect 2 'add --checkpoint' "${verify[@]}" --policy both.policy
sed 's/^group both all/group both 3/' both.policy >bad.policy
expect 2 'the policy bad.policy, line 7: "3" is neither' \
    "${verify[@]}" --checkpoint two --policy bad.policy

# ---- One entry, offline ----

cp two ledger/checkpoint
"$POSTPROOF" prove ledger 700 >two.tlog-proof
cp plain ledger/checkpoint
"$POSTPROOF" prove ledger 700 >one.tlog-proof
cosign ann 1700000000 plain >>one.tlog-proof
"$POSTPROOF" cat ledger --raw 700 >entry
"$POSTPROOF" cat ledger --raw 701 >next_entry
expect 0 'meet the policy' "$POSTPROOF" check two.tlog-proof --policy both.policy --entry entry
expect 0 '"witnesses": 2' "$POSTPROOF" check two.tlog-proof --policy both.policy \
    --key keys/checkpoint.pub --entry entry --json
expect 2 'does not meet the quorum' "$POSTPROOF" check one.tlog-proof --policy both.policy \
    --entry entry
expect 0 OK "$POSTPROOF" check one.tlog-proof --policy none.policy --entry entry
for proof in one two; do
    expect 1 MODIFIED "$POSTPROOF" check "$proof.tlog-proof" --policy both.policy \
        --entry next_entry
done
expect 1 WRONG_KEY "$POSTPROOF" check two.tlog-proof --policy other.policy --entry entry
expect 2 'none of those that the policy' "$POSTPROOF" check two.tlog-proof --policy other.policy \
    --key keys/checkpoint.pub --entry entry
expect 2 'add --key' "$POSTPROOF" check two.tlog-proof --policy logless.policy --entry entry
expect 2 'is required' "$POSTPROOF" check two.tlog-proof --entry entry

# A checkpoint with cosignatures in the ledger's own place hinders nobody.
cp two ledger/checkpoint
echo more | "$POSTPROOF" append ledger 2>/dev/null
expect 0 T3 "${verify[@]}" --checkpoint two --policy both.policy

# ---- The program under its other name ----

ln -s "$POSTPROOF" log_verifier
expect 0 T3 ./log_verifier ledger --verify-key keys/verify.key --checkpoint two \
    --policy both.policy
expect 1 MODIFIED ./log_verifier changed --verify-key keys/verify.key
expect 0 'usage: log_verifier LEDGER' ./log_verifier --help
expect 0 '  log_verifier ledger --verify-key' ./log_verifier --help
expect 2 'log_verifier: arguments are missing' ./log_verifier
expect 2 'log_verifier: unknown option' ./log_verifier ledger --nonsense
expect 0 'postproof 0' ./log_verifier --version
echo "witnesses: enough, too few, the wrong ones"
