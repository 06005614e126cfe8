#!/bin/bash
# SPDX-License-Identifier: MIT
# A real Prometheus with the generated rules scrapes the daemon: silent while all is well, and each
# violation that is brought about fires its own rule, and no other.
set -eu

# shellcheck source=tests/lib/prometheus.sh
. "$(dirname "$0")/../lib/prometheus.sh"
# shellcheck source=tests/lib/serve.sh
. "$(dirname "$0")/../lib/serve.sh"
logs='serve.out serve.err prometheus.out'
trap 'stop_prometheus; finish' EXIT
export no_proxy=127.0.0.1

port=$(free_port)
cat >rules.yaml <<EOF
listen: {http: ["127.0.0.1:$port"]}
record: {ledger: ledger, seal_after: 100ms}
rules:
  - {name: small, limit: 2, window: 1h, keys: 1}
EOF
"$POSTPROOF" keygen keys --origin example.com/limits >/dev/null
"$POSTPROOF" init ledger --keys keys >/dev/null
"$POSTPROOF" dashboard --out dashboards >/dev/null
start_daemon --first-start
start_prometheus dashboards/prometheus/rules.json "127.0.0.1:$port" || fail "no Prometheus"

# Every metric of the invariants is exported from the beginning, as 0.
curl -fs "http://127.0.0.1:$port/metrics" >metrics
for metric in $(grep -o 'postproof_[a-z_]*' dashboards/invariants.txt | sort -u); do
    grep -q "^$metric 0\$" metrics || fail "$metric is not 0 in /metrics"
done

# ---- All is well: after the second scrape, nothing fires ----
await_firing || fail "something fires"
check="http://127.0.0.1:$port/v1/limit/check?rule=small"
ask() { curl -s -o /dev/null -w '%{http_code}\n' "$check&key=$1"; }
[ "$(ask a) $(ask a) $(ask a)" = "200 200 429" ] || fail "the limiter does not decide"
for _ in $(seq 10); do
    sleep 0.3
    [ -z "$(firing)" ] || fail "a false alert: $(firing)"
done

# ---- Denied for want of memory ----
curl -s "$check&key=k[1-5000]" >answers
curl -fs "http://127.0.0.1:$port/metrics" >metrics
grep -q '^postproof_limiter_memory_denials_total [1-9]' metrics || fail "memory was never full"
grep -q '^postproof_limiter_watched_total [1-9]' metrics || fail "nothing is watched"
await_firing limiter_memory_suffices || fail "it does not fire"
curl -fs "$prometheus_url/api/v1/alerts" >alerts
sha=$(sha256sum "$(dirname "$0")/../../spec/Limiter.v" 2>/dev/null | cut -d' ' -f1) || sha=
for word in '"theorem":"denial_justified"' '"severity":"warning"' "\"job\":\"postproof\"" \
    '"postproof":"violated"' "\"specification_sha256\":\"$sha"; do
    grep -qF -- "$word" alerts || fail "the alert lacks $word"
done

# ---- The daemon is gone: what can't be read does not hold ----
stop_daemon KILL
all=$(python3 -c 'import json
for g in json.load(open("dashboards/prometheus/rules.json"))["groups"]:
    for r in g["rules"]: print(r["alert"])' |
    grep -v '^metrics_are_scraped_signal_lost$' | sort | xargs)
# shellcheck disable=SC2086 # one word for each alert
await_firing $all || fail "not all rules fire without the daemon"

# ---- It is back: only what is still in its window may fire ----
start_daemon --first-start
for _ in $(seq 300); do
    now=$(firing)
    [ -n "$now" ] && [ "$now" != limiter_memory_suffices ] || break
    sleep 0.1
done
[ -z "$now" ] || [ "$now" = limiter_memory_suffices ] || fail "rules go on firing: $now"
