#!/bin/bash
# SPDX-License-Identifier: MIT
# rsyslogd, started by hand with a configuration of its own, writing to a file:
# rsyslog.sh FOLDER N.  FOLDER gets the socket and the file; socket_send is on PATH.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
. "$here/private.sh"

folder=$1
count=$2
daemon_path=$(PATH=$PATH:/usr/sbin:/sbin command -v rsyslogd) ||
    not_run "rsyslogd is not installed"
enter_private "$here/rsyslog.sh" "$@"

# configure NAME INPUT: writes NAME.conf.
configure() {
    cat >"$folder/$1.conf" <<CONF
global(workDirectory="$folder")
main_queue(queue.type="LinkedList" queue.size="200000" queue.dequeueBatchSize="1024"
           queue.timeoutEnqueue="60000")
$2
action(type="omfile" file="$folder/$1.log" ioBufferSize="256k")
CONF
}

# measure NAME PROTOCOL WHAT: one daemon, one row.
measure() {
    local name=$1 protocol=$2 what=$3 daemon seconds rss bytes
    rm -f "$folder/$name.log" "$folder/$name.sock" "$folder/$name.pid"
    "$daemon_path" -n -f "$folder/$name.conf" -i "$folder/$name.pid" </dev/null \
        >"$folder/$name.out" 2>&1 &
    daemon=$!
    trap 'stop "$daemon"' EXIT
    wait_for "$folder/$name.sock" "$daemon" ||
        not_run "rsyslogd did not start: $(tail -n 1 "$folder/$name.out")"
    seconds=$(socket_send "$protocol" "$folder/$name.sock" "$count" \
        "$folder/$name.log") || not_run "lines were lost"
    read -r rss _ < <(peak_rss "$daemon")
    stop "$daemon"
    trap - EXIT
    bytes=$(stat -c %s "$folder/$name.log")
    row rsyslog "$what, not durable" "$(rate "$count" "$seconds")" \
        "$(awk -v b="$bytes" -v n="$count" 'BEGIN { printf "%.1f", b / n }')" - "$rss" \
        "rsyslog $version; until all lines are in the file; no tamper evidence"
    rm "$folder/$name.log"
}

version=$("$daemon_path" -v | awk 'NR == 1 { print $2 }')
configure datagram "module(load=\"imuxsock\" SysSock.Use=\"off\")
input(type=\"imuxsock\" Socket=\"$folder/datagram.sock\" RateLimit.Interval=\"0\"
      FlowControl=\"on\")"
configure stream "module(load=\"imptcp\")
input(type=\"imptcp\" path=\"$folder/stream.sock\")"
measure datagram syslog "imuxsock datagrams to omfile"
measure stream stream "imptcp stream to omfile"
