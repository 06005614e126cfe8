#!/bin/bash
# SPDX-License-Identifier: MIT
# A bundle goes to S3 as OpenStack Swift speaks it: whole and in parts, through a network that
# breaks, with wrong keys; what arrives is what was sent, and an interrupted upload goes on.
set -eu

: "${POSTPROOF:?the path of the program}"
here=$(cd "$(dirname "$0")" && pwd)
command -v node >/dev/null || { echo "node is not installed"; exit 77; }
# shellcheck source=tests/lib/swift.sh
. "$here/../lib/swift.sh"

work=$(mktemp -d)
proxy=
finish() {
    [ -z "$proxy" ] || kill "$proxy" 2>/dev/null || true
    swift_down
    rm -rf "$work"
}
trap finish EXIT
cd "$work"
fail() {
    echo "FAIL: $*" >&2
    tail -n 20 out err proxy.log >&2 2>/dev/null
    exit 1
}

swift_up "$work/swift" || fail "Swift does not start"
swift_bucket incidents || fail "no bucket"

: >proxy.log
echo pass >proxy.log.mode
node "$here/../upload/proxy.mjs" "$swift_url" proxy.log >proxy.address &
proxy=$!
for _ in $(seq 100); do [ -s proxy.address ] && break; sleep 0.05; done
export AWS_ENDPOINT_URL
AWS_ENDPOINT_URL=$(cat proxy.address)

{ printf 'PK\003\004'; head -c 300000 /dev/urandom; } >small.zip
{ printf 'PK\003\004'; head -c 17000000 /dev/urandom; } >large.zip

upload() { # WANTED-EXIT-CODE FILE KEY [option...]
    local want=$1 file=$2 key=$3 got=0
    shift 3
    "$POSTPROOF" bundle upload "$file" --to "s3://$key" "$@" >out 2>err || got=$?
    [ "$got" = "$want" ] || fail "$file to $key: exit code $got instead of $want"
}
says() { grep -qF -- "$1" err || fail "not said: $1"; }
member() { sed -n "s/^ *\"$1\": \"\{0,1\}\([^\",]*\)\"\{0,1\},\{0,1\}$/\1/p" out; }
# An independent look, past the proxy and the program, with Swift's own interface.
stored() { # KEY FILE
    local token
    token=$(swift_token)
    curl -fs -H "X-Auth-Token: $token" "$swift_url/v1/AUTH_test/$1" | cmp - "$2" ||
        fail "$1 is not what was sent"
}

# Whole; a key that is a folder; odd names; twice.
upload 0 small.zip incidents/2041/ --json
[ "$(member sha256)" = "$(sha256sum small.zip | cut -d ' ' -f 1)" ] || fail "another hash"
stored incidents/2041/small.zip small.zip
upload 0 small.zip 'incidents/a b+c (1)&d=e/ü~.zip'
upload 0 small.zip incidents/2041/small.zip

# In parts.
upload 0 large.zip incidents/large.zip --part-size 5MiB --json
[ "$(member parts)" = 4 ] || fail "not four parts"
stored incidents/large.zip large.zip
[ ! -e large.zip.upload ] || fail "the file of a finished upload stays"

# The third part is cut off; the same command then sends only what is missing.
echo 'cut 1' >proxy.log.mode
: >proxy.log
upload 2 large.zip incidents/cut.zip --part-size 5MiB --attempts 1
says 'the same command goes on'
echo pass >proxy.log.mode
"$POSTPROOF" bundle upload large.zip --to s3://incidents/killed.zip --part-size 5MiB >out 2>err &&
    stored incidents/killed.zip large.zip || fail "an upload beside a broken one"

# kill -9 in the middle, twice.
parts_done() { grep -o '"\\"[0-9a-f]*\\""' large.zip.upload 2>/dev/null | wc -l; }
kill_after() { # PARTS KEY
    "$POSTPROOF" bundle upload large.zip --to "s3://$2" --part-size 5MiB >out 2>err &
    local program=$!
    for _ in $(seq 400); do [ "$(parts_done)" -ge "$1" ] && break; sleep 0.02; done
    kill -9 "$program"
    wait "$program" 2>/dev/null || true
    [ "$(parts_done)" = "$1" ] || fail "killed behind part $(parts_done), not $1"
}
echo slow >proxy.log.mode
rm -f large.zip.upload
kill_after 1 incidents/resumed.zip
kill_after 2 incidents/resumed.zip
sleep 1
echo pass >proxy.log.mode
: >proxy.log
upload 0 large.zip incidents/resumed.zip --part-size 5MiB --json
[ "$(member parts_resumed)" = 2 ] || fail "it did not go on: $(member parts_resumed)"
[ "$(grep -c '^PUT' proxy.log)" = 2 ] || fail "parts sent twice"
stored incidents/resumed.zip large.zip

# An upload that the server has forgotten begins anew; another file does not go on from it.
echo slow >proxy.log.mode
kill_after 1 incidents/forgotten.zip
sleep 1
echo pass >proxy.log.mode
sed -i 's/"upload_id":"[^"]*"/"upload_id":"forgotten"/' large.zip.upload
upload 0 large.zip incidents/forgotten.zip --part-size 5MiB
says 'starting anew'
stored incidents/forgotten.zip large.zip

# A busy server: tried again.  A byte changed on the way: 400, nothing stored.
echo 'busy 2' >proxy.log.mode
upload 0 small.zip incidents/busy.zip
says 'status 503; trying again'
echo corrupt >proxy.log.mode
upload 2 small.zip incidents/corrupt.zip
says 'status 400'
says 'BadDigest'
echo hang >proxy.log.mode
upload 2 small.zip incidents/hang.zip --timeout 1s --attempts 2
says 'tries used'
echo pass >proxy.log.mode

# Wrong keys and places.
AWS_SECRET_ACCESS_KEY=wrong upload 2 small.zip incidents/key.zip
says 'status 403'
says 'SignatureDoesNotMatch'
AWS_ACCESS_KEY_ID=nobody:x upload 2 small.zip incidents/key.zip
says 'status 403'
upload 2 small.zip nowhere/x.zip
says 'NoSuchBucket'
upload 2 small.zip incidents
says 'expected s3://BUCKET/KEY'
AWS_ACCESS_KEY_ID='' upload 2 small.zip incidents/x.zip
says 'AWS_ACCESS_KEY_ID'
upload 2 small.zip incidents/x.zip --endpoint http://s3.example.com
says 'must be https'
upload 2 missing.zip incidents/x.zip
says 'No such file'
echo text >text.zip
upload 2 text.zip incidents/x.zip
says 'no ZIP file'
upload 2 large.zip incidents/x.zip --part-size 1MiB

# A server that is not there.
kill "$proxy"
wait "$proxy" 2>/dev/null || true
proxy=
upload 2 small.zip incidents/x.zip --attempts 2
says 'trying again'
echo "uploads to S3: good"
