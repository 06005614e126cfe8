#!/bin/bash
# SPDX-License-Identifier: MIT
# A bundle goes to an HTTPS server and to a GitHub release, both stubs on loopback: stored and read
# back, there already, begun and broken, refused.
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
    tail -n 20 out err server.log >&2 2>/dev/null
    exit 1
}

: >server.log
echo none >server.log.mode
node "$here/../upload/server.mjs" server.log >server.address &
server=$!
for _ in $(seq 100); do [ -s server.address ] && break; sleep 0.05; done
address=$(cat server.address)
export GITHUB_API_URL=$address/api GITHUB_TOKEN=good-token POSTPROOF_UPLOAD_TOKEN=good-token

{ printf 'PK\003\004'; head -c 300000 /dev/urandom; } >'evidence 1.zip'
{ printf 'PK\003\004'; head -c 300000 /dev/urandom; } >second.zip

upload() { # WANTED-EXIT-CODE FILE PLACE [option...]
    local want=$1 file=$2 place=$3 got=0
    shift 3
    "$POSTPROOF" bundle upload "$file" --to "$place" "$@" >out 2>err || got=$?
    [ "$got" = "$want" ] || fail "$file to $place: exit code $got instead of $want"
}
says() { cat out err | grep -qF -- "$1" || fail "not said: $1"; }

# GitHub: stored, there already, another of the same name.
upload 0 'evidence 1.zip' github:o/r@v1
grep -qF 'POST /api/repos/o/r/releases/1/assets?name=evidence%201.zip' server.log || fail "no POST"
upload 0 'evidence 1.zip' github:o/r@v1 --json
says '"was_there": true'
cp second.zip other.zip
mkdir folder
cp second.zip 'folder/evidence 1.zip'
upload 1 'folder/evidence 1.zip' github:o/r@v1
says 'has another file named'

# An upload that ended in 502 left an asset that was begun: it is deleted, and sent again.
echo starter >server.log.mode
upload 0 second.zip github:o/r@v1
says 'looking what is there'
[ "$(grep -c 'POST .*second.zip' server.log)" = 2 ] || fail "not sent again"
grep -q '^DELETE' server.log || fail "what was begun was not deleted"

# Stored wrong; refused; no such release; no token.
echo mangle >server.log.mode
upload 1 other.zip github:o/r@v1
says 'another file'
echo none >server.log.mode
GITHUB_TOKEN=bad-token upload 2 other.zip github:o/r@v1
says 'Bad credentials'
upload 2 other.zip github:o/r@v2
says 'no release with this tag'
GITHUB_TOKEN='' GH_TOKEN='' upload 2 other.zip github:o/r@v1
says 'GITHUB_TOKEN'
GITHUB_API_URL=http://github.example.com upload 2 other.zip github:o/r@v1
says 'use https'
for place in github:o/r github:o@v1 github:/r@v1 github:o/r/x@v1 'github:o/r;x@v1' ftp://x/y \
    s3:x; do
    upload 2 other.zip "$place"
    says 'expected'
done

# PUT to a server.
upload 0 second.zip "$address/incidents/second.zip"
says 'read back'
echo mangle >server.log.mode
upload 1 second.zip "$address/incidents/mangled.zip"
says 'another file'
echo none >server.log.mode
POSTPROOF_UPLOAD_TOKEN=bad upload 2 second.zip "$address/incidents/x.zip"
says 'status 403'
upload 2 second.zip http://example.com/x.zip
says 'use https'
upload 2 second.zip https://example.com
says 'name a file'
echo "uploads to https and GitHub: good"
