#!/bin/bash
# SPDX-License-Identifier: MIT
# Measures the peers of the ledger with the same 160-byte lines: run.sh [N [RESULTS.tsv]].
# Prints one table; a peer that cannot run is a row that says why.  Environment:
#   TMPDIR                 where the files go: must be on the disk to be measured (/var/tmp)
#   PEER_BYTES_PER_ENTRY   entry size that the write+fdatasync ceiling is divided by (209)
#   PEER_CEILING_MIB       bytes of one ceiling run (256); it ends after 1 s in any case
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
count=${1:-200000}
results=${2:-}
bytes_per_entry=${PEER_BYTES_PER_ENTRY:-209}
ceiling_mib=${PEER_CEILING_MIB:-256}
seconds_max=120

case $count in
'' | *[!0-9]* | 0)
    echo "usage: run.sh [N [RESULTS.tsv]]" >&2
    exit 2
    ;;
esac
# A durable transaction for each line is slow: a share of the lines is enough for its rate.
single_count=$((count < 2000 ? count : 2000))

folder=$(mktemp -d "${TMPDIR:-/var/tmp}/postproof-peers.XXXXXX")
running=
finish() {
    # timeout passes the signal on to the peer that is running.
    [ -z "$running" ] || { kill "$running" 2>/dev/null && wait "$running"; } || true
    rm -rf "$folder"
}
trap finish EXIT
trap 'exit 130' INT TERM HUP

tsv=$folder/results.tsv
printf 'peer\twhat\tentries/s\tbytes/entry\tverify entries/s\tpeak RSS MiB\tnote\n' >"$tsv"

# not_run PEER WHAT REASON
not_run() {
    local reason
    reason=$(tr '\t\n' '  ' <<<"$3" | sed 's/ *$//')
    printf '%s\t%s\t-\t-\t-\t-\tnot run: %s\n' "$1" "$2" "$reason" >>"$tsv"
}

# build NAME LIBRARY...: into the folder; the reason goes to NAME.err.
build() {
    local name=$1
    shift
    "${CC:-cc}" -std=c11 -D_GNU_SOURCE -O2 -Wall -Wextra "$here/$name.c" -o "$folder/$name" "$@" \
        2>"$folder/$name.err"
}

# peer NAME WHAT COMMAND...: its rows, or the reason why there are none.
peer() {
    local name=$1 what=$2 status=0 reason
    shift 2
    echo "measuring: $name, $what" >&2
    mkdir "$folder/work"
    timeout -k 10 "$seconds_max" "$@" >"$folder/out" 2>"$folder/err" </dev/null &
    running=$!
    wait "$running" || status=$?
    running=
    if [ "$status" -eq 0 ]; then
        cat "$folder/out" >>"$tsv"
    else
        reason=$(tail -q -n 1 "$folder/out" "$folder/err")
        [ "$status" -ne 124 ] || reason="took longer than $seconds_max s"
        not_run "$name" "$what" "${reason:-exit status $status}"
    fi
    rm -rf "$folder/work"
}

run_raw() {
    if ! build raw_write; then
        not_run "write+fdatasync" "-" "raw_write.c could not be built (C compiler?)"
        return
    fi
    peer "write() loop" "one line per call" "$folder/raw_write" loop "$folder/work" "$count"
    peer "write+fdatasync" ceiling "$folder/raw_write" ceiling "$folder/work" \
        "$bytes_per_entry" "$ceiling_mib" 1
}

run_sqlite() {
    local setting
    if ! build sqlite_chain -lsqlite3 -lcrypto; then
        not_run "SQLite WAL" "-" "sqlite_chain.c could not be built (libsqlite3-dev, libssl-dev?)"
        return
    fi
    for setting in "$single_count 1 FULL" "$count 1000 FULL" "$count 10000 FULL" \
        "$count 10000 OFF"; do
        # shellcheck disable=SC2086 # three arguments
        peer "SQLite WAL" "N, rows per transaction, synchronous: $setting" \
            "$folder/sqlite_chain" "$folder/work" $setting
    done
}

run_daemons() {
    local name
    for name in journald rsyslog; do
        if ! build socket_send || ! build timed; then
            not_run "$name" "-" "socket_send.c or timed.c could not be built (C compiler?)"
            continue
        fi
        peer "$name" "socket to disk" \
            env PATH="$folder:$PATH" bash "$here/$name.sh" "$folder/work" "$count"
    done
}

print_table() {
    echo "peers: $count lines of 160 bytes; $(nproc) processors; files on" \
        "$(stat -f -c %T "$folder") under ${folder%/*};" \
        "ceiling at $bytes_per_entry bytes per entry"
    awk -F '\t' '
        {
            for (i = 1; i <= NF; i++) {
                cell[NR, i] = $i
                if (length($i) > width[i]) width[i] = length($i)
            }
        }
        END {
            for (row = 1; row <= NR; row++) {
                line = ""
                for (i = 1; i < 7; i++) {
                    format = (i > 2 ? "%" : "%-") width[i] "s | "
                    line = line sprintf(format, cell[row, i])
                }
                print line cell[row, 7]
            }
        }' "$tsv"
}

run_raw
run_sqlite
run_daemons
print_table
[ -z "$results" ] || cp "$tsv" "$results"
