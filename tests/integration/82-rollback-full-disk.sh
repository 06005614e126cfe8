#!/bin/bash
# SPDX-License-Identifier: MIT
# The disk fills up while a patch runs: exit 2, and the old image is intact.  Needs root, for a
# small file system of its own.
set -eu

# shellcheck source=tests/lib/small_disk.sh
. "$(dirname "$0")/../lib/small_disk.sh"
new_disk 2500k
rollback() { "$POSTPROOF" rollback "$@"; }

head -c 1500000 /dev/urandom >old
head -c 1500000 /dev/urandom >new # every page changes
rollback diff old new -o pages.patch --mode pages >/dev/null
rollback diff old new -o generic.patch --mode generic >/dev/null
head -c 2000000 /dev/urandom >larger
rollback diff old larger -o larger.patch --mode pages >/dev/null

refused() {
    local got=0
    rollback "$@" >/dev/null 2>err || got=$?
    if [ "$got" -ne 2 ] || ! grep -q 'No space left' err; then
        echo "exit $got: $*: $(cat err)" >&2
        exit 1
    fi
    cmp disk/file old
    # Nothing of the attempt takes room.
    [ "$(find disk -mindepth 1 | wc -l)" -eq "${files:-1}" ]
}
cp old disk/file
refused apply pages.patch disk/file         # no room for the journal
refused apply generic.patch disk/file       # no room for a new file
refused apply larger.patch disk/file        # no room for the growth
refused apply pages.patch disk/file -o disk/other
rollback apply pages.patch disk/file -o elsewhere >/dev/null
cmp elsewhere new

# A folder: no room for its image, and then none for the folder beside it.
mkdir one two
cp old one/file
cp new two/file
rollback diff one two -o folder.patch >/dev/null
for size in 2500k 4m; do
    new_disk $size
    cp -a one disk/folder
    got=0
    rollback apply folder.patch disk/folder >/dev/null 2>err || got=$?
    if [ "$got" -ne 2 ] || ! grep -q 'No space left' err; then
        echo "a folder on a disk of $size: exit $got: $(cat err)" >&2
        exit 1
    fi
    diff -r disk/folder one
    [ "$(ls -A disk)" = folder ]
done
new_disk 10m
cp -a one disk/folder
rollback apply folder.patch disk/folder >/dev/null
diff -r disk/folder two

# A store: the commit that does not fit leaves the store as it was.
new_disk 40m
cp old disk/file
rollback init disk/store >/dev/null
rollback commit disk/file -m first --store disk/store >/dev/null
cp new disk/file
head -c 100m /dev/zero >disk/filler 2>/dev/null || true
got=0
rollback commit disk/file -m second --store disk/store >/dev/null 2>err || got=$?
[ "$got" -eq 2 ] || {
    echo "commit on a full disk: exit $got: $(cat err)" >&2
    exit 1
}
rm disk/filler
rollback gc --store disk/store >/dev/null
rollback commit disk/file -m second --store disk/store >/dev/null
rollback verify --all --store disk/store >/dev/null
rollback checkout 0 --store disk/store >/dev/null
cmp disk/file old
