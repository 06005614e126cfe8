#!/bin/bash
# SPDX-License-Identifier: MIT
# Patches of this project and of its peers, on real and on generated pairs, in one run:
# rollback.sh PROGRAM [PAIR...].  PROGRAM is the built bench_rollback; without pairs, all of them.
# For each pair, as soon as it is measured: bytes for both directions (ours: one patch, peers: two
# patches), seconds to encode (peers: both patches) and to decode one direction, peak memory.  A
# pair or peer that cannot be had, or a step that takes longer than PEER_SECONDS_MAX (240), is a
# line that says so, and the ratio says of how many peers it is.  PATCH_PEERS chooses other peers.
# Data is kept in build/bench-data.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
program=$(realpath "$1")
shift
pairs=${*:-libc6 python3.11 postgres typescript silero-onnx sqlite sqlite-grown sqlite-texts
    sqlite-status f32-dense bf16-dense f32-sparse f32-shifted postgresql-tar}
data=$(dirname "$here")/build/bench-data
seconds_max=${PEER_SECONDS_MAX:-240}
mkdir -p "$data"
folder=$(mktemp -d "${TMPDIR:-/var/tmp}/postproof-patches.XXXXXX")
trap 'rm -rf "$folder"' EXIT
# shellcheck source=bench/peers/patches.sh
. "$here/peers/patches.sh"
"${CC:-cc}" -std=c11 -D_GNU_SOURCE -O2 "$here/peers/timed.c" -o "$folder/timed"

# ---- Pairs: each prints nothing and leaves $data/NAME/a and $data/NAME/b -----------------------

# debs PACKAGE: two versions that apt can reach, unpacked as tar files a.tar and b.tar
debs() {
    local versions number=a version
    mapfile -t versions < <(apt-cache madison "$1" | awk -F ' *[|] *' '/Packages/ { print $2 }' |
        sort -uV | tail -n 2)
    [ "${#versions[@]}" -eq 2 ] || { echo "apt knows no two versions of $1" && return 1; }
    for version in "${versions[@]}"; do
        (cd "$folder" && apt-get -q download "$1=$version" >/dev/null 2>&1) ||
            { echo "apt can't download $1 $version" && return 1; }
        dpkg-deb --fsys-tarfile "$folder/${1}_${version//:/%3a}_"*.deb >"$2/$number.tar"
        rm "$folder/${1}_"*.deb
        number=b
    done
}

# deb_file NAME PACKAGE PATH-PATTERN: one file of two versions
deb_file() {
    local number
    debs "$2" "$data/$1" || return 1
    for number in a b; do
        tar -xOf "$data/$1/$number.tar" --wildcards "$3" >"$data/$1/$number" ||
            { echo "$2 holds no $3" && return 1; }
        rm "$data/$1/$number.tar"
    done
}

# npm_package PACKAGE@VERSION FILE: its tar file, compressed
npm_package() {
    local name
    command -v npm >/dev/null || { echo "no npm on the PATH" && return 1; }
    name=$(cd "$folder" && npm pack --silent "$1" 2>/dev/null) ||
        { echo "npm can't fetch $1" && return 1; }
    mv "$folder/$name" "$2"
}

npm_pair() {
    local number=a version
    for version in "$3" "$4"; do
        npm_package "$2@$version" "$folder/package.tgz" || return 1
        gzip -dc "$folder/package.tgz" >"$data/$1/$number"
        number=b
    done
}

# Versions 5 and 6 of a voice activity detector, one network trained twice: 2.3 MB of f32.
onnx_pair() {
    local number=a version
    npm_package @ricky0123/vad-web@0.0.31 "$folder/package.tgz" || return 1
    for version in 5 6; do
        tar -xOzf "$folder/package.tgz" "package/dist/silero_vad_v$version.onnx" \
            >"$data/$1/$number" || { echo "the package holds no version $version" && return 1; }
        number=b
    done
}

# awk: texts of eight words.  Of the 5,000 that are drawn, 455 are distinct and all have six
# letters; with mixed=1 nearly all are distinct, of three to ten letters.
sqlite_words='
    function draw(n) {
        state = (state ? state : 1) * 16807 % 2147483647
        return int(state / 2147483647 * n)
    }
    function word(w, i) {
        w = ""
        if (mixed) {
            for (i = 3 + draw(8); i > 0; i--) w = w sprintf("%c", 97 + draw(26))
            return w
        }
        for (i = 0; i < 6; i++) {
            seed = (seed * 1103 + 12345) % 65521
            w = w sprintf("%c", 97 + seed % 26)
        }
        return w
    }
    function body(b, i) {
        if (!known) for (i = known = 1; i <= 5000; i++) words[i] = word()
        b = words[1 + int(rand() * 5000)]
        for (i = 0; i < 7; i++) b = b " " words[1 + int(rand() * 5000)]
        return b
    }'

# 300,000 rows and an index; then 1 % of the rows updated in one transaction: sqlite and
# sqlite-texts give them new texts, sqlite-grown longer ones.
sqlite_pair() {
    local rows=300000 mixed=0
    [ "$1" != sqlite-texts ] || mixed=1
    command -v sqlite3 >/dev/null || { echo "no sqlite3 on the PATH" && return 1; }
    awk -v rows=$rows -v mixed=$mixed '
        '"$sqlite_words"'
        BEGIN {
            srand(7)
            print "create table t(id integer primary key, k text, v real, body text);"
            print "create index i on t(k); begin;"
            for (i = 1; i <= rows; i++)
                printf "insert into t values(%d,\x27%08x%08x\x27,%.17g,\x27%s\x27);\n", i,
                    rand() * 2^32, rand() * 2^32, rand(), body()
            print "commit;"
        }' | sqlite3 "$data/$1/a"
    cp "$data/$1/a" "$data/$1/b"
    awk -v rows=$rows -v mixed=$mixed -v name="$1" '
        '"$sqlite_words"'
        BEGIN {
            srand(8); print "begin;"
            for (i = 0; i < rows / 100; i++) {
                value = name != "sqlite-grown" ? "\x27" body() "\x27" : "body || \x27 " i "\x27"
                printf "update t set v=%.17g, body=%s where id=%d;\n", rand(), value,
                    1 + int(rand() * rows)
            }
            print "commit;"
        }' | sqlite3 "$data/$1/b"
}

# 300,000 accounts as an application keeps them, with an index over what changes; then a day's work
# in one transaction: 1 % of the rows get another status, time and count, as many as 0.2 % are added
# and taken away.
sqlite_status_pair() {
    local rows=300000
    command -v sqlite3 >/dev/null || { echo "no sqlite3 on the PATH" && return 1; }
    awk -v rows=$rows '
        '"$sqlite_words"'
        function pick() { return words[1 + int(rand() * 5000)] }
        BEGIN {
            srand(9); body()
            print "create table account(id integer primary key, name text, mail text,"
            print "    status text, changed integer, visits integer, note text);"
            print "create index by_status on account(status, changed); begin;"
            for (i = 1; i <= rows; i++) {
                name = pick() " " pick()
                printf "insert into account values(%d,\x27%s\x27,\x27%s%d@%s.example\x27,", i, name,
                    substr(name, 1, 6), rand() * 1000, pick()
                printf "\x27%s\x27,%d,%d,\x27%s\x27);\n", rand() < .8 ? "active" : "waiting",
                    1700000000 + rand() * 2.6e7, rand() * rand() * 500, body()
            }
            print "commit;"
        }' | sqlite3 "$data/$1/a"
    cp "$data/$1/a" "$data/$1/b"
    awk -v rows=$rows '
        '"$sqlite_words"'
        BEGIN {
            srand(10); print "begin;"
            for (i = 0; i < rows / 100; i++) {
                printf "update account set status=\x27%s\x27, changed=%d, visits=visits+1",
                    rand() < .8 ? "active" : "closed", 1726000000 + i * 28
                printf " where id=%d;\n", 1 + int(rand() * rows)
                if (i % 5) continue
                printf "delete from account where id=%d;\n", 1 + int(rand() * rows)
                printf "insert into account values(%d,\x27%s\x27,\x27%s\x27,", rows + 1 + i,
                    substr(body(), 1, 13), substr(body(), 1, 20)
                printf "\x27waiting\x27,%d,0,\x27\x27);\n", 1726000000 + i * 28
            }
            print "commit;"
        }' | sqlite3 "$data/$1/b"
}

make_pair() {
    local number
    case $1 in
    libc6) deb_file "$1" libc6 '*/libc.so.6' ;;
    python3.11) deb_file "$1" python3.11-minimal '*/bin/python3.11' ;;
    postgres) deb_file "$1" postgresql-15 '*/bin/postgres' ;;
    postgresql-tar) debs postgresql-15 "$data/$1" &&
        for number in a b; do mv "$data/$1/$number.tar" "$data/$1/$number"; done ;;
    typescript) npm_pair "$1" typescript 5.4.3 5.4.5 ;;
    silero-onnx) onnx_pair "$1" ;;
    sqlite-status) sqlite_status_pair "$1" ;;
    sqlite*) sqlite_pair "$1" ;;
    f32-dense | bf16-dense) "$program" checkpoint "$1" 8 "$data/$1/a" "$data/$1/b" ;;
    *) "$program" checkpoint "$1" 64 "$data/$1/a" "$data/$1/b" ;;
    esac
}

# ---- Measuring --------------------------------------------------------------------------------

# timed RESULT COMMAND...: "seconds MiB" go to RESULT.  124: it took too long.
run_timed() {
    local result=$1
    shift
    timeout -k 5 "$seconds_max" "$folder/timed" "$result" "$@" >/dev/null 2>"$folder/err"
}

# missed NAME TOOL STEP EXIT-CODE: a line of the table that says why there are no figures
missed() {
    local reason="failed with exit code $4"
    [ "$4" -ne 124 ] || reason="took longer than $seconds_max s"
    printf '%s\t%s\tno figures: %s %s\n' "$1" "$2" "$3" "$reason" >>"$folder/results"
}

# Functions of this shell cannot be timed by a program: bash runs them.
run_peer() {
    local result=$1
    shift
    # shellcheck disable=SC2016 # expanded by the inner shell
    run_timed "$result" bash -c '. "$0"; "$@"' "$here/peers/patches.sh" "$@"
}

size_of() {
    stat -c %s "$1"
}

# decode_ours DIRECTION FROM TO: the result is compared, and ends everything when it is wrong
decode_ours() {
    local code=0
    run_timed "$folder/$1" "$program" decode "$1" "$2" "$folder/patch" "$folder/out" || code=$?
    [ "$code" -ne 0 ] || cmp -s "$folder/out" "$3" || { echo "$1 is wrong: $3" >&2 && exit 1; }
    return "$code"
}

measure_ours() {
    local mode=$1 name=$2 code=0 encode decode
    run_timed "$folder/encode" "$program" encode "$mode" "$old" "$new" "$folder/patch" || code=$?
    [ "$code" -eq 0 ] || { missed "$name" "ours, $mode" encoding "$code" && return; }
    decode_ours apply "$old" "$new" || code=$?
    [ "$code" -ne 0 ] || decode_ours revert "$new" "$old" || code=$?
    [ "$code" -eq 0 ] || { missed "$name" "ours, $mode" decoding "$code" && return; }
    read -r -a encode <"$folder/encode"
    read -r -a decode <"$folder/apply"
    printf '%s\tours, %s\t%s\t%s\t%s\t%s\t%s\n' "$name" "$mode" "$(size_of "$folder/patch")" \
        "${encode[0]}" "${encode[1]}" "${decode[0]}" "${decode[1]}" >>"$folder/results"
}

measure_peer() {
    local peer=$1 name=$2 code=0 both first second=(0 0) decode=(- -)
    if ! command -v "$peer" >/dev/null; then
        printf '%s\t%s\tno figures: not on the PATH\n' "$name" "$peer" >>"$folder/results"
        return
    fi
    run_peer "$folder/first" peer_encode "$peer" "$old" "$new" "$folder/patch" || code=$?
    [ "$code" -eq 0 ] || { missed "$name" "$peer" encoding "$code" && return; }
    read -r -a first <"$folder/first"
    both=$(size_of "$folder/patch")
    if run_peer "$folder/decode" peer_decode "$peer" "$old" "$folder/patch" "$folder/out"; then
        cmp -s "$folder/out" "$new" && read -r -a decode <"$folder/decode"
    fi
    if ! peer_is_two_way "$peer"; then
        run_peer "$folder/second" peer_encode "$peer" "$new" "$old" "$folder/back" || code=$?
        [ "$code" -eq 0 ] || { missed "$name" "$peer" "the way back" "$code" && return; }
        read -r -a second <"$folder/second"
        both=$((both + $(size_of "$folder/back")))
    fi
    printf '%s\t%s\t%s\t%s\t%s\t%s\t%s\n' "$name" "$peer" "$both" \
        "$(awk -v a="${first[0]}" -v b="${second[0]}" 'BEGIN { print a + b }')" \
        "${first[1]}" "${decode[0]}" "${decode[1]}" >>"$folder/results"
}

print_title() {
    echo "patches: one of ours leads in both directions, a peer's two patches are added up;" \
        "encode: both directions; memory: the peak of one encoder and one decoder"
    printf '%-15s %-16s %12s %10s %9s %9s %9s\n' pair tool "both ways" "encode s" MiB "decode s" MiB
}

# print_pair NAME: its lines, and our smaller patch beside the smallest of the peers'
print_pair() {
    awk -F '\t' -v name="$1" '
        $1 != name { next }
        NF == 3 { printf "%-15s %-16s %s\n", $1, $2, $3; silent += $2 !~ /^ours/; next }
        {
            printf "%-15s %-16s %12d %10.2f %9.1f %9s %9s\n",
                $1, $2, $3, $4, $5, $6 == "-" ? "-" : sprintf("%.3f", $6), $7
            if ($2 ~ /^ours/) { if (mine == "" || $3 < mine) mine = $3 }
            else if (++peers == 1 || $3 < least) { least = $3; best = $2 }
        }
        END {
            if (peers > 0 && mine != "")
                printf "%-15s %-16s %12.2f  of the two of %s, the best of %d peers (%d more" \
                    " have no figures)\n", name, "ratio", mine / least, best, peers, silent
            print ""
        }' "$folder/results"
}

: >"$folder/results"
"$program" speed
echo
print_title
for name in $pairs; do
    if [ ! -s "$data/$name/b" ]; then
        mkdir -p "$data/$name"
        if ! reason=$(make_pair "$name" 2>&1); then
            printf '%s\tall\tno figures: %s\n' "$name" "$reason" >>"$folder/results"
            rm -rf "${data:?}/$name"
            print_pair "$name"
            continue
        fi
    fi
    old=$data/$name/a
    new=$data/$name/b
    echo "measuring: $name" >&2
    measure_ours generic "$name"
    case $name in
    sqlite* | silero-onnx | f32-dense | bf16-dense | f32-sparse) measure_ours pages "$name" ;;
    esac
    for peer in $patch_peers; do
        measure_peer "$peer" "$name"
    done
    print_pair "$name"
done
