# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# OpenStack Swift with its S3 interface on loopback: a proxy, an account, a container and an object
# server, and memcached, each a process of its own on a free port, all ended by their process ids.

for program in swift-proxy-server swift-account-server swift-container-server \
    swift-object-server swift-ring-builder memcached curl; do
    command -v "$program" >/dev/null || { echo "$program is not installed"; exit 77; }
done

swift_pids=()

free_port() {
    /usr/bin/python3 -c 'import socket
s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

# NAME KIND PORT [line...]: the configuration of a storage server.
swift_storage() {
    cat >"$swift/$1.conf" <<CONF
[DEFAULT]
bind_ip = 127.0.0.1
bind_port = $2
workers = 0
user = $(id -un)
swift_dir = $swift
devices = $swift/devices
mount_check = false
disable_fallocate = true
[pipeline:main]
pipeline = $1-server
[app:$1-server]
use = egg:swift#$1
CONF
    (
        cd "$swift"
        swift-ring-builder "$1.builder" create 4 1 1
        swift-ring-builder "$1.builder" add --region 1 --zone 1 --ip 127.0.0.1 --port "$2" \
            --device disk --weight 1
        swift-ring-builder "$1.builder" rebalance
    ) >"$swift/$1.ring" 2>&1 || [ -f "$swift/$1.ring.gz" ] || { cat "$swift/$1.ring"; return 1; }
}

swift_start() { # PROGRAM [argument...]
    "$@" >"$swift/${1##*/}.log" 2>&1 &
    swift_pids+=($!)
}

# Starts all of it below FOLDER; sets swift_url, and the credentials of its one user.
swift_up() { # FOLDER
    swift=$1
    local cache_port proxy_port name port
    mkdir -p "$swift/devices/disk"
    cache_port=$(free_port)
    proxy_port=$(free_port)
    swift_url=http://127.0.0.1:$proxy_port
    printf '%s\n' '[swift-hash]' 'swift_hash_path_suffix = tests' 'swift_hash_path_prefix = tests' \
        '[storage-policy:0]' 'name = all' 'default = yes' \
        '[swift-constraints]' 'max_file_size = 5368709122' >"$swift/swift.conf"
    for name in account container object; do
        port=$(free_port)
        swift_storage "$name" "$port" || return 1
        swift_start "swift-$name-server" "$swift/$name.conf" -v
    done
    cat >"$swift/proxy.conf" <<CONF
[DEFAULT]
bind_ip = 127.0.0.1
bind_port = $proxy_port
workers = 0
user = $(id -un)
swift_dir = $swift
[pipeline:main]
pipeline = catch_errors gatekeeper healthcheck cache s3api tempauth slo dlo proxy-server
[app:proxy-server]
use = egg:swift#proxy
account_autocreate = true
[filter:catch_errors]
use = egg:swift#catch_errors
[filter:gatekeeper]
use = egg:swift#gatekeeper
[filter:healthcheck]
use = egg:swift#healthcheck
[filter:cache]
use = egg:swift#memcache
memcache_servers = 127.0.0.1:$cache_port
[filter:s3api]
use = egg:swift#s3api
location = us-east-1
[filter:tempauth]
use = egg:swift#tempauth
user_test_tester = testing .admin
[filter:slo]
use = egg:swift#slo
[filter:dlo]
use = egg:swift#dlo
CONF
    swift_start memcached -l 127.0.0.1 -p "$cache_port" -m 16 -u "$(id -un)"
    swift_start swift-proxy-server "$swift/proxy.conf" -v
    for _ in $(seq 200); do
        curl -fs -o "$swift/health" "$swift_url/healthcheck" && break
        sleep 0.1
    done
    grep -q OK "$swift/health" 2>/dev/null || { tail -n 30 "$swift"/*.log; return 1; }
    export AWS_ACCESS_KEY_ID=test:tester AWS_SECRET_ACCESS_KEY=testing AWS_REGION=us-east-1
    export AWS_ENDPOINT_URL=$swift_url
    unset AWS_SESSION_TOKEN AWS_ENDPOINT_URL_S3 AWS_DEFAULT_REGION
}

swift_down() {
    local pid
    for pid in "${swift_pids[@]}"; do kill "$pid" 2>/dev/null || true; done
    for pid in "${swift_pids[@]}"; do wait "$pid" 2>/dev/null || true; done
    swift_pids=()
}

swift_token() {
    curl -fsi -H 'X-Auth-User: test:tester' -H 'X-Auth-Key: testing' "$swift_url/auth/v1.0" |
        tr -d '\r' | sed -n 's/^X-Auth-Token: //ip'
}

# Makes a bucket, through Swift's own interface.
swift_bucket() { # NAME
    local token
    token=$(swift_token)
    curl -fs -o "$swift/bucket" -X PUT -H "X-Auth-Token: $token" "$swift_url/v1/AUTH_test/$1"
}
