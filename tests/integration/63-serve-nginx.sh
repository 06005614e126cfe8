#!/bin/bash
# SPDX-License-Identifier: MIT
# A real nginx asks with auth_request, as docs/limiter.md shows: its clients get 429, and 500 when
# the daemon is gone.
set -eu

for program in curl nginx; do
    command -v "$program" >/dev/null || { echo "$program is not installed"; exit 77; }
done
# shellcheck source=tests/lib/serve.sh
. "$(dirname "$0")/../lib/serve.sh"
chmod 755 .
nginx=
finish_both() {
    [ -z "$nginx" ] || kill "$nginx" 2>/dev/null || true
    finish
}
trap finish_both EXIT
logs='serve.out serve.err nginx.err'

cat >rules.yaml <<EOF
listen: {http: ["127.0.0.1:0"]}
rules:
  - {name: api, limit: 3, window: 1h}
EOF
start_daemon --first-start
address=$(sed -n 's/^listening http //p' serve.out)
[ -n "$address" ] || fail "the daemon does not listen"

cat >nginx.conf <<EOF
daemon off;
worker_processes 1;
pid $work/nginx.pid;
error_log $work/nginx.err;
events { worker_connections 64; }
http {
    access_log off;
    client_body_temp_path $work/bodies;
    proxy_temp_path $work/proxy;
    fastcgi_temp_path $work/fastcgi;
    uwsgi_temp_path $work/uwsgi;
    scgi_temp_path $work/scgi;
    upstream limits { server $address; keepalive 4; }
    server {
        listen unix:$work/front.sock;
        location / {
            auth_request /limit;
            error_page 403 =429 @limited;
            auth_request_set \$wait \$upstream_http_retry_after;
            try_files /nothing @backend;
        }
        location @backend { return 200 "passed\n"; }
        location @limited {
            add_header Retry-After \$wait always;
            return 429 "slow down\n";
        }
        location = /limit {
            internal;
            proxy_pass http://limits/v1/limit/auth?rule=api&key=\$http_x_client;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header Content-Length "";
            proxy_pass_request_body off;
        }
    }
}
EOF
nginx -c "$work/nginx.conf" -p "$work" 2>/dev/null &
nginx=$!
for _ in $(seq 100); do [ -S front.sock ] && break; sleep 0.05; done

asks() {
    local got
    got=$(curl -s -D headers -o body -w '%{http_code}' --unix-socket front.sock \
        -H "X-Client: $2" http://front/)
    [ "$got" = "$1" ] || fail "$2: $got instead of $1"
}
for _ in 1 2 3; do asks 200 alice; done
grep -qx passed body || fail "the request did not reach the back end"
asks 429 alice
grep -qi '^retry-after: 3[56]..' headers || fail "no Retry-After: $(cat headers)"
asks 200 bob
stop_daemon TERM
asks 500 bob # nginx fails closed
