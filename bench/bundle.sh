#!/bin/bash
# SPDX-License-Identifier: MIT
# Evidence bundles of a day of events beside what else one would send: size, time, memory.
# bundle.sh POSTPROOF; the lines are made here, the same ones each time.
set -euo pipefail
program=$1
folder=$(mktemp -d "${TMPDIR:-/var/tmp}/postproof-bench-bundle.XXXXXX")
trap 'rm -rf "$folder"' EXIT
cd "$folder"

# RATE IDS: a day of RATE events a second with random arrival, paths, durations, addresses.
make_lines() {
    awk -v rate="$1" -v ids="$2" 'BEGIN {
        srand(7); split("api auth billing search worker db-proxy cache mailer", source, " ")
        split("orders users search carts payments health", path, " ")
        n = 86400 * rate
        for (i = 0; i < n; i++) {
            us = i * (1000000 / rate) + int(rand() * 1000000 / rate); s = int(us / 1000000)
            r = rand()
            level = r < 0.10 ? "DEBUG" : r < 0.95 ? "INFO" : r < 0.99 ? "WARN" : "ERROR"
            printf "{\"ts\":\"2026-09-21T%02d:%02d:%02d.%06dZ\",\"level\":\"%s\"," \
                "\"source\":\"%s\",\"msg\":\"request served\"," \
                "\"path\":\"/v1/%s/%d\",\"status\":%d,\"ms\":%.2f," \
                "\"client\":\"10.%d.%d.%d\"", s / 3600, s / 60 % 60, s % 60, us % 1000000, level,
                source[1 + int(rand() * 8)], path[1 + int(rand() * 6)], rand() * 100000,
                rand() < 0.9 ? 200 : 503, exp(rand() * 6), rand() * 4, rand() * 256, rand() * 256
            if (ids) {
                printf ",\"trace_id\":\""
                for (k = 0; k < 8; k++) printf "%04x", rand() * 65536
                printf "\",\"span_id\":\""
                for (k = 0; k < 4; k++) printf "%04x", rand() * 65536
                printf "\""
            }
            print "}"
        }
    }'
}

# NAME COMMAND...: best of three runs, and the peak of its memory.
measure() {
    local name=$1 best="" run
    shift
    for run in 1 2 3; do
        rm -f out.zip
        /usr/bin/time -f '%e %U %M' -o time.txt "$@" >/dev/null
        read -r seconds user memory <time.txt
        if [ -z "$best" ] || awk "BEGIN { exit !($seconds < ${best%% *}) }"; then
            best="$seconds $user $memory"
        fi
    done
    read -r seconds user memory <<<"$best"
    printf '  %-46s %8s s %8s s of processors %9d KiB at most\n' "$name" "$seconds" "$user" \
        "$memory"
}
bytes() { stat -c %s "$1"; }
row() { # NAME BYTES
    printf '  %-46s %12d bytes %8.2fx of the bundle\n' "$1" "$2" \
        "$(awk "BEGIN { print $2 / $bundle }")"
}

one_load() { # TITLE RATE IDS LIMIT
    printf '\nbundle: %s, 24 hours, limit %d bytes\n' "$1" "$4"
    rm -rf keys ledger lines.jsonl
    make_lines "$2" "$3" >lines.jsonl
    "$program" keygen keys --origin example.com/bench >/dev/null
    "$program" init ledger --keys keys >/dev/null
    "$program" append ledger --format jsonl lines.jsonl 2>/dev/null
    measure "bundle create (verifies it too)" "$program" bundle create ledger \
        --window "2026-09-21 to 2026-09-22" --output out.zip --max-bytes "$4"
    measure_verify
    bundle=$(bytes out.zip)
    row "bundle: entries, tree, proofs, signatures, page" "$bundle"
    row "  of it, the entries" "$(unzip -v out.zip | awk '/entries.ppe/ { print $3 }')"
    zip -q -9 lines.zip lines.jsonl && row "zip -9 of the lines alone" "$(bytes lines.zip)"
    tar --zstd -cf lines.tar.zst lines.jsonl
    row "tar --zstd of the lines alone" "$(bytes lines.tar.zst)"
    gzip -9 -k lines.jsonl && row "gzip -9 of the lines alone" "$(bytes lines.jsonl.gz)"
    rm -f lines.zip lines.tar.zst lines.jsonl.gz
    unzip -p out.zip evidence/data/window.json | grep -E '"(in_window|kept)"' | tr -d '\n'
    echo
}
measure_verify() {
    cp out.zip kept.zip
    measure "bundle verify" "$program" bundle verify kept.zip --trust-root keys --quiet
    mv kept.zip out.zip
}

one_load "2 events a second" 2 0 5000000
one_load "1 event a second, with random trace and span ids" 1 1 4900000

# What the journal would export: the fields of each entry, compressed.
awk '{ printf "__REALTIME_TIMESTAMP=%d\n__MONOTONIC_TIMESTAMP=%d\n_BOOT_ID=%032x\nPRIORITY=6\n" \
    "SYSLOG_IDENTIFIER=bench\n_PID=1\nMESSAGE=%s\n\n", NR * 500000, NR * 500000, 1, $0 }' \
    lines.jsonl | zstd -q -c >journal.zst
bundle=$(bytes out.zip)
row "the last lines in the form of journalctl -o export | zstd" "$(bytes journal.zst)"
