#!/bin/bash
# SPDX-License-Identifier: MIT
# The dashboard follows the types that Grafana publishes, and its PromQL Prometheus' own grammar.
# No Grafana runs here: Debian has none.
set -eu

: "${POSTPROOF:?the path of the program}"
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/lib/npm.sh
. "$here/../lib/npm.sh"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$POSTPROOF" dashboard --out "$work/d" >/dev/null
node "$here/../dashboard/grafana.mjs" "$npm_modules" "$work/d"
