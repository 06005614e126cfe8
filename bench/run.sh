#!/bin/bash
# SPDX-License-Identifier: MIT
# `make bench`: the ledger, the limiter and bundles, their peers in the same run, and the ratios.
# run.sh PROGRAM [ENTRIES [LARGEST [PEER_LINES]]]; PROGRAM is the built bench_ledger.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
program=$1
entries=${2:-1000000}
largest=${3:-10000000}
peer_lines=${4:-200000}
folder=$(mktemp -d "${TMPDIR:-/var/tmp}/postproof-bench.XXXXXX")
trap 'rm -rf "$folder"' EXIT

model=$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)
echo "machine: $(nproc) processors, $model," \
    "load $(cut -d' ' -f1 /proc/loadavg), $(df --output=fstype "$folder" | tail -n 1)"
"$(dirname "$program")/bench_hash"
echo
"$program" "$entries" "$largest" "$folder/ours.tsv"
echo
"$here/peers/run.sh" "$peer_lines" "$folder/peers.tsv"
echo
awk -F'\t' '
    FNR == NR { ours[$1] = $2; next }
    FNR > 1 && $3 != "-" { speed[$1 " / " $2] = $3 }
    FNR > 1 && $4 != "-" { bytes[$1 " / " $2] = $4 }
    FNR > 1 && $5 != "-" { check[$1 " / " $2] = $5 }
    function row(what, mine, peer, theirs) {
        printf "%-24s %14.0f  %-68s %14.0f %8.1fx\n", what, mine, peer, theirs, mine / theirs
    }
    END {
        loose = ours["append, not durable, 160-byte bodies, batches of 256"]
        safe = ours["append, durable, groups of 4 MiB"]
        verify = ours["verify T1, all processors, rate"]
        printf "%-24s %14s  %-68s %14s %9s\n", "ratios", "postproof", "peer", "peer", "ratio"
        for (p in speed)
            if (p !~ /fdatasync/) {
                durable = p ~ /FULL|sync/ && p !~ /not durable/
                mine = durable ? safe : loose
                if (p ~ /, 1 per transaction/) mine = ours["append, durable, one entry at a time"]
                row(durable ? "append durable/s" : "append not durable/s", mine, p, speed[p])
            }
        for (p in check) row("verify entries/s", verify, p, check[p])
        for (p in bytes)
            if (p !~ /fdatasync/)
                row("bytes/entry", ours["bytes per entry on disk, 160-byte bodies"], p, bytes[p])
    }' "$folder/ours.tsv" "$folder/peers.tsv" | { IFS= read -r title; echo "$title"; sort; }
echo
"$here/peers/limiter.sh" "$(dirname "$program")/../postproof" "$(dirname "$program")/bench_serve"
echo
"$here/bundle.sh" "$(dirname "$program")/../postproof"

echo
echo "Alerts: from a violation to firing, Prometheus scraping and evaluating every 200 ms"
POSTPROOF=$(dirname "$program")/../postproof "$here/peers/alerts.sh"
