#!/bin/bash
# SPDX-License-Identifier: MIT
# systemd-journald, started by hand beside the machine's own, with forward-secure sealing (FSS):
# journald.sh FOLDER N.  FOLDER gets the journal; socket_send and timed are on PATH.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
. "$here/private.sh"

folder=$1
count=$2
journald=/lib/systemd/systemd-journald
[ -x "$journald" ] || not_run "systemd-journald is not installed"
enter_private "$here/journald.sh" "$@"

# ---- A machine of its own: /run, machine id, configuration, /var/log on the disk ----
prepare_machine() {
    mount -t tmpfs tmpfs /run
    mkdir -p /run/systemd/journal "$folder/log/journal" "$folder/systemd" "$folder/empty"
    touch /run/systemd/journal/flushed # journald then writes to the disk from the start
    machine=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
    echo "$machine" >"$folder/machine-id"
    mkdir "$folder/log/journal/$machine"
    cat >"$folder/systemd/journald.conf" <<CONF
[Journal]
Storage=persistent
Seal=yes
RateLimitIntervalSec=0
RateLimitBurst=0
SystemMaxUse=8G
SystemKeepFree=64M
ReadKMsg=no
Audit=
ForwardToSyslog=no
ForwardToWall=no
CONF
    [ -e /etc/machine-id ] || not_run "/etc/machine-id is missing"
    mount --bind "$folder/machine-id" /etc/machine-id
    mount --bind "$folder/systemd" /etc/systemd
    mount --bind "$folder/log" /var/log
    # The daemon's own messages must not reach the kernel log of the machine.
    [ ! -e /dev/kmsg ] || mount --bind /dev/null /dev/kmsg
    # Packaged settings (such as forwarding to syslog) do not apply here.
    local dir
    for dir in /usr/lib /usr/local/lib; do
        [ ! -d "$dir/systemd/journald.conf.d" ] ||
            mount --bind "$folder/empty" "$dir/systemd/journald.conf.d"
    done
}

# Sets key to the verification key, or to "" with the reason in sealing.
setup_keys() {
    if key=$(journalctl --setup-keys --force --interval="$interval" 2>"$folder/keys.err"); then
        key=$(tail -n 1 <<<"$key" | tr -d '[:space:]')
        sealing="FSS sealed, interval $interval"
    else
        key=
        sealing="NOT SEALED: $(tail -n 1 "$folder/keys.err" | tr '\t' ' ')"
    fi
}

start_daemon() {
    env -u NOTIFY_SOCKET -u LISTEN_FDS -u JOURNAL_STREAM SYSTEMD_LOG_TARGET=console \
        "$journald" </dev/null >"$folder/journald.out" 2>&1 &
    daemon=$!
    trap 'stop "$daemon"' EXIT
    wait_for /run/systemd/journal/socket "$daemon" ||
        not_run "journald did not start: $(tail -n 1 "$folder/journald.out")"
}

# Every journal file must say that it is sealed: an unsealed one would pass --verify-key.
check_sealed() {
    local file
    [ -n "$key" ] || return 0
    for file in "$folder/log/journal/$machine"/*.journal; do
        # No grep -q here: it would end journalctl by SIGPIPE.
        if ! journalctl --file="$file" --header |
            grep "^Compatible flags:.* SEALED" >/dev/null; then
            key=
            sealing="NOT SEALED: journald wrote an unsealed file"
        fi
    done
}

verify() {
    local arguments=(--verify --directory="$folder/log/journal/$machine")
    [ -z "$key" ] || arguments+=(--verify-key="$key")
    if ! timed "$folder/verify.time" journalctl "${arguments[@]}" \
        >"$folder/verify.out" 2>&1; then
        verified="verify FAILED: $(grep -a FAIL "$folder/verify.out" | head -n 1 | tr '\t' ' ')"
        verify_rate=-
        verify_rss=-
        return
    fi
    read -r seconds verify_rss <"$folder/verify.time"
    verify_rate=$(rate "$count" "$seconds")
    verified="$(grep -ac "^PASS" "$folder/verify.out") files PASS"
    # PASS says nothing about the seals: a file without one passes too.
    [ -z "$key" ] ||
        verified+=", $(grep -ac "=> Validated from" "$folder/verify.out") of them up to a seal"
}

# journald's default of 15 min would leave whole files of a short run without a seal.
interval=${PEER_FSS_INTERVAL:-1s}
prepare_machine
setup_keys
start_daemon
# shellcheck disable=SC2016 # expanded by the inner shell
timed "$folder/append.time" sh -c \
    'socket_send native /run/systemd/journal/socket "$2" >"$1/taken" && journalctl --sync' \
    sh "$folder" "$count" || not_run "sending failed"
read -r taken_s <"$folder/taken"
read -r synced_s _ <"$folder/append.time"
read -r rss own_rss < <(peak_rss "$daemon")
stop "$daemon"
trap - EXIT

journal="$folder/log/journal/$machine"
stored=$(journalctl --directory="$journal" -t peer -o cat | wc -l)
[ "$stored" -eq "$count" ] || not_run "journald kept $stored of $count entries"
check_sealed
verify
# The file's allocated blocks: its length is rounded up to 8 MiB.
bytes=$(du -s --block-size=1 "$journal" | cut -f 1)
bytes_per_entry=$(awk -v b="$bytes" -v n="$count" 'BEGIN { printf "%.1f", b / n }')
version=$(journalctl --version | awk 'NR == 1 { print $2 }')
row journald "native socket, taken by journald, not durable" "$(rate "$count" "$taken_s")" \
    "$bytes_per_entry" - "$rss" \
    "$sealing; systemd $version; $own_rss MiB of the RSS is not mapped files"
row journald "native socket, then journalctl --sync" "$(rate "$count" "$synced_s")" \
    "$bytes_per_entry" "$verify_rate" "$verify_rss" \
    "$sealing; RSS of journalctl --verify; $verified"
