#!/bin/bash
# SPDX-License-Identifier: MIT
# kill -9 at many moments of apply, revert and checkout, of a file and of a folder: whoever comes
# next finds exactly the old or the new image.  PP_CHAOS=1: ten times as many.
set -eu

: "${POSTPROOF:?the path of the program}"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
rollback() { "$POSTPROOF" rollback "$@"; }
rounds=${PP_CHAOS:+400}
rounds=${rounds:-40}

head -c 16000000 /dev/urandom >old
cp old new
for page in $(seq 0 11 3900); do
    printf 'page %d' "$page" | dd of=new bs=4096 seek="$page" conv=notrunc status=none
done
rollback diff old new -o patch >/dev/null
cp old file
rollback init store >/dev/null
cp old kept
rollback commit kept -m old --store store >/dev/null
cp new kept
rollback commit kept -m new --store store >/dev/null

mkdir -p folder-old/inner
split -b 80000 -a 3 old folder-old/inner/part-
cp -a folder-old folder-new
rm folder-new/inner/part-aa*
mv folder-new/inner/part-aba folder-new/moved
chmod 700 folder-new/inner
rollback diff folder-old folder-new -o folder-patch --mode pages >/dev/null
cp -a folder-old folder

# killed DELAY COMMAND...: kills the command after so many seconds, if it still runs.
killed=0
kill_after() {
    local delay=$1 child
    shift
    "$@" >/dev/null 2>&1 &
    child=$!
    sleep "$delay"
    kill -KILL "$child" 2>/dev/null && killed=$((killed + 1))
    wait "$child" 2>/dev/null || true
}
is_one_of_both() {
    cmp -s "$1" old || cmp -s "$1" new || {
        echo "round $round: $1 is neither the old nor the new image" >&2
        exit 1
    }
}
listing() { (cd "$1" && find . -printf '%P %y %m %T@ %l\n' | sort); }
is_folder() {
    diff -r --no-dereference "$1" "$2" >/dev/null && [ "$(listing "$1")" = "$(listing "$2")" ]
}
for ((round = 0; round < rounds; round++)); do
    delay=0.0$((RANDOM % 9))$((RANDOM % 10))
    direction=apply
    cmp -s file new && direction=revert
    kill_after "$delay" "$POSTPROOF" rollback "$direction" patch file
    # The next command completes or discards; it may find that all is done.
    rollback "$direction" patch file >/dev/null 2>err || grep -q 'already' err
    is_one_of_both file
    [ ! -e file.rollback-journal ]

    version=0
    cmp -s kept old && version=1
    kill_after "$delay" "$POSTPROOF" rollback checkout "$version" --store store
    rollback checkout "$version" --store store >/dev/null
    is_one_of_both kept
    rollback verify --store store >/dev/null

    direction=apply
    is_folder folder folder-new && direction=revert
    kill_after "$delay" "$POSTPROOF" rollback "$direction" folder-patch folder
    is_folder folder folder-old || is_folder folder folder-new || {
        echo "round $round: the folder is neither the old nor the new one" >&2
        exit 1
    }
    rollback "$direction" folder-patch folder >/dev/null 2>err || grep -q 'already' err
done
echo "$killed of $((3 * rounds)) commands were killed"
[ "$killed" -gt 0 ]
