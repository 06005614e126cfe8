#!/bin/bash
# SPDX-License-Identifier: MIT
# Whatever bytes come in come out again, and what can't be used is named together with the remedy.
set -eu

: "${POSTPROOF:?the path of the program}"
work=$(mktemp -d)
trap 'chmod -R u+rwx "$work" 2>/dev/null; rm -rf "$work"' EXIT
cd "$work"
umask 077

fail() {
    echo "FAIL: $*" >&2
    exit 1
}

# refuses "words that the message must have" command...: exit 2, and the words in what it prints.
refuses() {
    local words=$1 status=0 word
    shift
    "$@" >message.txt 2>&1 </dev/null || status=$?
    [ "$status" -eq 2 ] || fail "exit $status instead of 2: $*: $(cat message.txt)"
    for word in $words; do
        grep -qF -- "$word" message.txt || fail "the message lacks '$word': $(cat message.txt)"
    done
    echo "refused as it should be: $(grep -F -m 1 -- "$word" message.txt)"
}

new_ledger() {
    "$POSTPROOF" keygen "$1.keys" --origin "$1.example/log" >/dev/null
    "$POSTPROOF" init "$1" --keys "$1.keys" >/dev/null
}

verifies() {
    "$POSTPROOF" verify "$1" --verify-key "$1.keys/verify.key" --quiet ||
        fail "$1 does not verify"
}

# ---- Bytes --------------------------------------------------------------------------------------

# body LEDGER SEQ: the body as cat --json gives it, with the bytes beside UTF-8 in base64.
body() {
    "$POSTPROOF" cat "$1" --json --from "$2" --to "$2" >line.json
    if jq -e 'has("body_base64")' line.json >/dev/null; then
        jq -j '.body_base64' line.json | base64 -d
    else
        # jq writes strings as UTF-8; a NUL in them, too.
        jq -j '.body' line.json
    fi
}

# raw_body LEDGER SEQ: the body out of the canonical encoding: 24 bytes and the source before it.
raw_body() {
    "$POSTPROOF" cat "$1" --raw "$2" >raw.bin
    local source_len
    source_len=$(od -An -tu1 -j19 -N1 raw.bin)
    tail -c +$((25 + source_len)) raw.bin
}

# comes_back NAME FILE LINES...: the file appended alone; each line is one entry, byte for byte.
comes_back() {
    local name=ledger-$1 input=$2 seq=0 count
    shift 2
    new_ledger "$name"
    "$POSTPROOF" append "$name" "$input" >/dev/null
    for expected in "$@"; do
        body "$name" "$seq" | cmp - "$expected" || fail "$name: --json of entry $seq differs"
        if [ "$(stat -c %s "$expected")" -le 65000 ]; then
            raw_body "$name" "$seq" | cmp - "$expected" || fail "$name: --raw of $seq differs"
        fi
        seq=$((seq + 1))
    done
    count=$("$POSTPROOF" cat "$name" --json | wc -l)
    [ "$count" -eq $# ] || fail "$name: $count entries instead of $#"
    verifies "$name"
    echo "$name: $count entries came back"
}

printf 'before\0between\0\0after' >nul
printf 'valid \303\244 \342\202\254, invalid \377\376 \300\200 \355\240\200 \364\220\200\200' >utf8
head -c 200000 /dev/zero | tr '\0' 'x' >long
head -c 150000 /dev/urandom | tr '\n' '.' >long-binary
printf 'tab\there, bell\a, escape\033[31m, quote", backslash\\, return\r' >controls
printf '' >empty
printf 'no newline at the end' >unfinished
printf 'plain' >plain

{ cat nul && echo; } >input-nul
comes_back nul input-nul nul
{ cat utf8 && echo; } >input-utf8
comes_back utf8 input-utf8 utf8
{ cat long && echo; } >input-long
comes_back long input-long long
{ cat plain && echo && cat long-binary && echo && cat plain && echo; } >input-long-binary
comes_back long-binary input-long-binary plain long-binary plain
{ cat plain && echo && echo && cat plain && echo; } >input-empty-line
comes_back empty-line input-empty-line plain empty plain
{ cat plain && echo && cat unfinished; } >input-unfinished
comes_back unfinished input-unfinished plain unfinished
{ cat controls && echo; } >input-controls
comes_back controls input-controls controls
comes_back nothing empty
comes_back one-newline <(echo) empty

# Binary junk: every newline ends an entry, and together the entries are the file.
head -c 30000 /dev/urandom >junk
printf 'the end' >>junk
new_ledger junk.ledger
"$POSTPROOF" append junk.ledger junk >/dev/null
"$POSTPROOF" cat junk.ledger --json |
    jq -r 'if has("body_base64") then .body_base64 else (.body | @base64) end' |
    while read -r line; do
        printf '%s' "$line" | base64 -d
        echo
    done >again
{ cat junk && echo; } | cmp - again || fail "junk differs"
verifies junk.ledger
echo "junk: $(wc -l <again) entries came back"

# Through standard input and in every format: a line that isn't of the format is kept.
for format in plain jsonl syslog; do
    new_ledger "stdin-$format"
    "$POSTPROOF" append "stdin-$format" --format "$format" - <input-nul >/dev/null
    "$POSTPROOF" append "stdin-$format" --format "$format" <input-utf8 >/dev/null
    body "stdin-$format" 0 | cmp - nul || fail "$format: NUL bytes"
    body "stdin-$format" 1 | cmp - utf8 || fail "$format: invalid UTF-8"
    verifies "stdin-$format"
done

# A line beyond --max-line is cut, and what was dropped is counted in an entry of its own.
new_ledger cut
"$POSTPROOF" append cut --max-line 1KiB input-long >/dev/null
"$POSTPROOF" cat cut --json >cut.json
head -n 1 cut.json | jq -j .body | cmp - <(head -c 1024 long) || fail "the line cut differs"
jq -e -s 'map(select(.kind == "notice")) | length >= 1' cut.json >/dev/null ||
    fail "no notice about the bytes dropped"
verifies cut

# ---- What can't be used -------------------------------------------------------------------------

new_ledger ours
new_ledger theirs
"$POSTPROOF" append ours input-utf8 >/dev/null
"$POSTPROOF" append theirs input-utf8 >/dev/null

refuses "theirs.keys ours --keys" "$POSTPROOF" append ours --keys theirs.keys plain
refuses "nowhere --keys" "$POSTPROOF" append ours --keys nowhere plain

cp -r ours.keys open.keys
chmod 644 open.keys/sealing.key
refuses "open.keys/sealing.key chmod" "$POSTPROOF" append ours --keys open.keys plain
chmod 644 open.keys/verify.key
refuses "open.keys/verify.key chmod" "$POSTPROOF" verify ours --verify-key open.keys/verify.key

cp -r ours.keys missing.keys
rm missing.keys/sealing.key
refuses "missing.keys/sealing.key" "$POSTPROOF" append ours --keys missing.keys plain
cp -r ours.keys short.keys
head -c 700 ours.keys/sealing.key >short.keys/sealing.key
refuses "short.keys/sealing.key" "$POSTPROOF" append ours --keys short.keys plain
cp -r ours.keys junk.keys
head -c 1024 /dev/urandom >junk.keys/sealing.key
refuses "junk.keys/sealing.key" "$POSTPROOF" append ours --keys junk.keys plain
refuses "missing.key" "$POSTPROOF" verify ours --verify-key missing.key
refuses "junk" "$POSTPROOF" verify ours --verify-key junk

# The ledger of others under our key is proven to be another one: exit 1, and it says so.
status=0
"$POSTPROOF" verify theirs --verify-key ours.keys/verify.key --json >out.json || status=$?
[ "$status" -eq 1 ] || fail "exit $status for a foreign ledger"
[ "$(jq -r .verdict out.json)" = WRONG_LOG ] || fail "$(cat out.json)"
echo "foreign ledger: $(jq -r .reason out.json)"

# Keys seal one ledger only, and init wants a folder of its own.
refuses "ours.keys keygen" "$POSTPROOF" init second --keys ours.keys
"$POSTPROOF" keygen fresh.keys --origin fresh.example/log >/dev/null
mkdir busy && echo something >busy/file
refuses "busy empty" "$POSTPROOF" init busy --keys fresh.keys
refuses "fresh.keys/ exists" "$POSTPROOF" keygen fresh.keys --origin fresh.example/log

mkdir folder
for verb in append verify cat checkpoint recover; do
    refuses "folder" "$POSTPROOF" "$verb" folder
    refuses "absent" "$POSTPROOF" "$verb" absent
    refuses "plain" "$POSTPROOF" "$verb" plain
done

refuses "no-such-file" "$POSTPROOF" append ours no-such-file
refuses "folder" "$POSTPROOF" append ours folder
if [ "$(id -u)" -ne 0 ]; then
    echo secret >unreadable
    chmod 000 unreadable
    refuses "unreadable Permission" "$POSTPROOF" append ours unreadable
fi

# A file that fails does not keep the others out.
status=0
"$POSTPROOF" append ours no-such-file plain input-nul >/dev/null 2>err.txt || status=$?
[ "$status" -eq 2 ] || fail "exit $status for a missing file among others"
"$POSTPROOF" cat ours --json | jq -e -s 'map(.body) | contains(["plain"])' >/dev/null ||
    fail "the other files were left out"
verifies ours
verifies theirs
echo "all bad input was kept or named"
