#!/bin/bash
# SPDX-License-Identifier: MIT
# How long after a violation its alert fires: a real Prometheus with the generated rules, scrapes
# and evaluations every 200 ms; COUNT (30) violations, half of them in a gauge, half in a counter.
# Prints the time from the metric's change to `firing` in /api/v1/alerts, in ms.
set -eu

: "${POSTPROOF:=$(cd "$(dirname "$0")/../.." && pwd)/build/postproof}"
POSTPROOF=$(realpath "$POSTPROOF")
export no_proxy=127.0.0.1
# shellcheck source=tests/lib/prometheus.sh
. "$(dirname "$0")/../../tests/lib/prometheus.sh"
work=$(mktemp -d)
server=
trap 'stop_prometheus; [ -z "$server" ] || kill "$server"; rm -rf "$work"' EXIT
cd "$work"

# The window of counters is short here, so that one violation is over before the next.
cat >invariants.txt <<'EOF'
invariant gauge_is_zero
  summary  A gauge.
  theorem  spec/Limiter.v denial_justified
  each     up{job="postproof"}
  holds    test_gauge == 0

invariant counter_stands_still
  summary  A counter.
  theorem  spec/Limiter.v denial_justified
  each     up{job="postproof"}
  holds    test_total never counts in 2s
EOF
"$POSTPROOF" dashboard --out dashboards --invariants invariants.txt >/dev/null

cat >measure.py <<'EOF'
import http.server
import json
import sys
import threading
import time
import urllib.request

values = {"test_gauge": 0, "test_total": 0}

class Metrics(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = "".join(f"{k} {v}\n" for k, v in values.items()).encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; version=0.0.4")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass

def firing(url):
    with urllib.request.urlopen(url + "/api/v1/alerts") as answer:
        return {a["labels"]["alertname"] for a in json.load(answer)["data"]["alerts"]
                if a["state"] == "firing"}

def wait(url, condition):
    start = time.monotonic()
    while not condition(firing(url)):
        if time.monotonic() - start > 60:
            sys.exit("no answer for a minute")
        time.sleep(0.004)
    return (time.monotonic() - start) * 1000

server = http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Metrics)
threading.Thread(target=server.serve_forever, daemon=True).start()
print("ready", flush=True)
url = sys.stdin.readline().strip()
taken = {"gauge_is_zero": [], "counter_stands_still": []}
for i in range(int(sys.argv[2])):
    wait(url, lambda names: not names)
    time.sleep(0.05 + i * 0.0137 % 0.2)  # at any moment between two scrapes
    name = "gauge_is_zero" if i % 2 else "counter_stands_still"
    if i % 2:
        values["test_gauge"] = 1
    else:
        values["test_total"] += 1
    taken[name].append(wait(url, lambda names: name in names))
    values["test_gauge"] = 0
for name, times in taken.items():
    times.sort()
    print(f"{name}: {len(times)} violations, p50 {times[len(times) // 2]:.0f} ms, "
          f"max {times[-1]:.0f} ms")
EOF
port=$(free_port)
mkfifo url
python3 measure.py "$port" "${COUNT:-30}" <url >result &
server=$!
exec 9>url
for _ in $(seq 100); do ! grep -q ready result || break; sleep 0.05; done
start_prometheus dashboards/prometheus/rules.json "127.0.0.1:$port"
echo "$prometheus_url" >&9
wait "$server"
server=
grep -v ready result
