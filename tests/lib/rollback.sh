# SPDX-License-Identifier: MIT
# Sourced by the stories of rollback: a scratch folder to work in, and what they check with.
# shellcheck shell=bash

: "${POSTPROOF:?the path of the program}"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1

fail() {
    echo "$*" >&2
    exit 1
}
# status WANTED COMMAND...: runs it, and compares its exit code; its messages go to the file err.
status() {
    local wanted=$1 got=0
    shift
    "$@" >out 2>err || got=$?
    [ "$got" -eq "$wanted" ] || fail "exit $got, not $wanted: $*: $(cat out err)"
}
rollback() { "$POSTPROOF" rollback "$@"; }
