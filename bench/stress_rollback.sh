#!/bin/bash
# SPDX-License-Identifier: MIT
# `make stress-rollback`: stress_rollback.sh PROGRAM [MIB [TRANSITIONS]], in a folder of its own on
# a disk (TMPDIR, else /var/tmp), which it removes.
set -euo pipefail
top=$(cd "$(dirname "$0")/.." && pwd)
program=$(realpath "$1")
mib=${2:-256}
transitions=${3:-10000}
folder=$(mktemp -d "${TMPDIR:-/var/tmp}/postproof-stress.XXXXXX")
trap 'rm -rf "$folder"' EXIT

echo "machine: $(nproc) processors, load $(cut -d' ' -f1 /proc/loadavg)," \
    "$(df --output=fstype "$folder" | tail -n 1)"
cd "$top" # the manifest names its files from here
"$program" "$folder" "$mib" "$transitions" proofs/manifest.json
