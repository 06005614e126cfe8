# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# For the scripts that run a Prometheus of their own: on a free port of loopback, in a folder of its
# own, scraping and evaluating every 200 ms.

for program in prometheus promtool curl python3; do
    command -v "$program" >/dev/null || { echo "$program is not installed"; exit 77; }
done
prometheus=

free_port() {
    python3 -c 'import socket
s = socket.socket()
s.bind(("127.0.0.1", 0))
print(s.getsockname()[1])'
}

# RULES TARGET: sets $prometheus, its process id, and $prometheus_url.
start_prometheus() {
    local port
    port=$(free_port)
    cat >prometheus.yml <<EOF
global: {scrape_interval: 200ms, scrape_timeout: 200ms, evaluation_interval: 200ms}
rule_files: ["$1"]
scrape_configs:
  - {job_name: postproof, static_configs: [{targets: ["$2"]}]}
EOF
    promtool check config prometheus.yml >/dev/null || return 1
    prometheus --config.file=prometheus.yml --storage.tsdb.path=tsdb \
        --web.listen-address="127.0.0.1:$port" >prometheus.out 2>&1 &
    prometheus=$!
    prometheus_url=http://127.0.0.1:$port
    for _ in $(seq 300); do
        curl -fs "$prometheus_url/-/ready" >/dev/null && return 0
        sleep 0.1
    done
    return 1
}

stop_prometheus() {
    [ -n "$prometheus" ] || return 0
    kill "$prometheus" 2>/dev/null || true
    wait "$prometheus" 2>/dev/null || true
    prometheus=
}

# The names of alerts that fire, sorted, on one line.
firing() {
    curl -fs "$prometheus_url/api/v1/alerts" | python3 -c '
import json, sys
alerts = json.load(sys.stdin)["data"]["alerts"]
print(*sorted({a["labels"]["alertname"] for a in alerts if a["state"] == "firing"}))'
}

# Waits, generously, until exactly these alerts fire.  What is lost stays in a rule's window of 60 s
# for so long.
await_firing() {
    local end=$((SECONDS + 150))
    while [ "$SECONDS" -lt "$end" ]; do
        [ "$(firing)" = "$*" ] && return 0
        sleep 0.1
    done
    echo "firing: $(firing); not: $*" >&2
    return 1
}
