# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# Sourced by the daemon peers: re-runs the script in private namespaces, so that the daemon sees its
# own /run, sockets and limits, the machine stays as it is, and nothing outlives the script.

# The kernel removes every process of a process namespace when its first one ends; the network
# namespace gives this script its own net.unix.max_dgram_qlen.
private_namespaces=(unshare --mount --net --pid --fork --kill-child --mount-proc)

# enter_private SCRIPT ARGUMENT...: returns only inside; prints a reason and exits 3 when refused.
enter_private() {
    local outside
    outside=$(readlink /proc/self/ns/mnt)
    if [ -z "${PEER_OUTSIDE:-}" ]; then
        if ! "${private_namespaces[@]}" true 2>/dev/null; then
            echo "private namespaces are not permitted (needs root and unshare)"
            exit 3
        fi
        PEER_OUTSIDE=$outside exec "${private_namespaces[@]}" bash "$@"
    fi
    if [ "$PEER_OUTSIDE" = "$outside" ]; then
        echo "still in the machine's own namespace"
        exit 3
    fi
    # systemd sets this queue length at boot; the kernel's own default is 10.
    echo 512 2>/dev/null >/proc/sys/net/unix/max_dgram_qlen || true
}

# not_run REASON: ends the script; run.sh prints the reason in place of a number.
not_run() {
    echo "$1"
    exit 3
}

# wait_for PATH PID: until PATH exists, at most 10 s, as long as process PID lives.
wait_for() {
    local end=$((SECONDS + 10))
    while [ ! -e "$1" ]; do
        kill -0 "$2" 2>/dev/null || return 1
        [ "$SECONDS" -lt "$end" ] || return 1
        sleep 0.05
    done
}

# peak_rss PID: MiB in all, and MiB of it that is not mapped files.
peak_rss() {
    awk '/^VmHWM:/ { all = $2 } /^RssAnon:/ { own = $2 }
         END { printf "%.1f %.1f\n", all / 1024, own / 1024 }' "/proc/$1/status"
}

# stop PID: asks it to end and waits for it.
stop() {
    kill -TERM "$1" 2>/dev/null || true
    wait "$1" 2>/dev/null || true
}

# row PEER WHAT ENTRIES/S BYTES/ENTRY VERIFY/S RSS NOTE: one result, as run.sh collects them.
row() {
    local IFS=$'\t'
    echo "$*"
}

# rate COUNT SECONDS: how many in a second.
rate() {
    awk -v n="$1" -v s="$2" 'BEGIN { printf "%.0f", n / s }'
}
