# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# For the scripts that start `postproof serve`: a folder to work in, the daemon, and its end.  Files
# named in $logs are shown when something fails.

: "${POSTPROOF:?the path of the program}"
work=$(mktemp -d)
daemon=
logs='serve.out serve.err'

finish() {
    [ -z "$daemon" ] || kill -9 "$daemon" 2>/dev/null || true
    rm -rf "$work"
}
trap finish EXIT
cd "$work" || exit 1

fail() {
    echo "FAIL: $*" >&2
    # shellcheck disable=SC2086 # one word for each file
    cat $logs 2>/dev/null | tail -40 >&2
    exit 1
}

# Starts the daemon on rules.yaml, with these options, and waits until it is ready.
start_daemon() {
    : >serve.out
    "$POSTPROOF" serve --config rules.yaml "$@" >serve.out 2>serve.err &
    daemon=$!
    for _ in $(seq 100); do grep -q '^ready$' serve.out && return; sleep 0.05; done
    fail "the daemon did not get ready"
}

# Ends it by a signal; only after KILL may it end with an error.
stop_daemon() {
    kill "-$1" "$daemon"
    wait "$daemon" 2>/dev/null || [ "$1" = KILL ] || fail "the daemon ended with $?"
    daemon=
}
