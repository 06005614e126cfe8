#!/bin/bash
# SPDX-License-Identifier: MIT
# One patch between two folders: adds, deletes, renames, permissions, links and times there and
# back; a wrong, changed or busy folder and a hostile image are refused, and nothing is changed.
set -eu

# shellcheck source=tests/lib/rollback.sh
. "$(dirname "$0")/../lib/rollback.sh"
listing() { (cd "$1" && find . -printf '%P %y %m %T@ %l %s\n' | sort); }
same() {
    diff -r --no-dereference "$1" "$2" && [ "$(listing "$1")" = "$(listing "$2")" ] ||
        fail "$1 is not $2: $(listing "$1")"
}
only() { # the names that are there
    [ "$(echo $(ls -A))" = "$*" ] || fail "left over: $(ls -A)"
}

mkdir -p one/pages one/gone two/new
seq 1 30000 >one/pages/text
head -c 200000 /dev/urandom >one/moved
echo short >one/gone/file
ln -s pages/text one/link
truncate -s 3000000 one/sparse
: >one/empty
cp -a one/pages two/
sed -i 's/^777$/seven/' two/pages/text
cp -a one/moved two/new/place
ln -s new/place two/link
cp -a --sparse=always one/sparse two/
echo 'not empty' >two/empty
chmod 700 two/pages
chmod 4751 two/pages/text
touch -d '2001-02-03 04:05:06.789' two/new
touch -h -d '1969-12-31 12:00:00.5' two/link

# ---- There and back ----
rollback diff one two -o patch >/dev/null
[ "$(stat -c %s patch)" -lt 5000 ] || fail "the patch has $(stat -c %s patch) bytes"
cp -a one dir
for round in 1 2; do
    rollback apply patch dir >/dev/null
    same dir two
    rollback revert patch dir/ >/dev/null # round 2 starts from here
    same dir one
done
[ "$round" -eq 2 ]
[ "$(du -k dir/sparse | cut -f1)" -lt 100 ] || fail "a hole was filled"
status 0 rollback apply patch dir -o elsewhere --json
grep -q '"folder": true' out
same elsewhere two
same dir one
rm -rf elsewhere
ln -s dir name
rollback apply patch name >/dev/null
same dir two
[ -L name ] || fail "the link was replaced"
rm name
rollback diff one one -o nothing >/dev/null
rm -rf dir && cp -a one dir
rollback apply nothing dir >/dev/null
same dir one
rm nothing
only dir err one out patch two

# ---- 2 GiB + 1, sparse, and a file of 0 bytes beside it ----
mkdir large-1
truncate -s $((2 * 1024 * 1024 * 1024 + 1)) large-1/file
: >large-1/none
cp -a --sparse=always large-1 large-2
printf 'here' | dd of=large-2/file bs=1 seek=2147483640 conv=notrunc status=none
rollback diff large-1 large-2 -o large.patch --mode pages >/dev/null
rollback apply large.patch large-1 >/dev/null
cmp large-1/file large-2/file
[ ! -s large-1/none ]
[ "$(du -k large-1/file | cut -f1)" -lt 100 ] || fail "holes were filled: $(du -k large-1/file)"
rm -rf large-1 large-2 large.patch

# ---- Refusals ----
cp -a dir copy
echo more >>dir/gone/file
cp -a dir changed
status 1 rollback apply patch dir
grep -q 'nothing was changed' err
same dir changed
status 1 rollback revert patch two/new
rm -rf dir changed
cp -a copy dir
status 1 rollback revert patch dir
status 2 rollback apply patch dir -o two
status 2 rollback apply patch dir -o dir/inside
status 2 rollback apply patch dir -o -
status 2 rollback apply patch dir --keep-tree
status 2 rollback apply patch nowhere
status 2 rollback diff one two -o one/patch
status 2 rollback diff one two -o two/new/patch
status 2 rollback diff one two/empty -o other
status 2 rollback diff two/empty one -o other
status 2 rollback diff one two -o patch
printf '\377' | dd of=patch bs=1 seek=400 conv=notrunc status=none
status 1 rollback apply patch dir
same dir copy
rm patch && rollback diff one two -o patch >/dev/null
mkfifo dir/pipe
status 2 rollback apply patch dir
grep -q 'neither file, folder nor symbolic link' err
rm dir/pipe && touch -r copy dir
same dir copy
exec 7<dir
flock -x 7
status 2 rollback apply patch dir
grep -q 'another process' err
exec 7<&-
same dir copy
only copy dir err one out patch two

# ---- A patch to what is no image of a folder, or one that leads out of it ----
mkdir -p safe/ab && echo inside >safe/ab/c
rollback init store >/dev/null
rollback commit safe -m image --store store >/dev/null
cp store/base image
sed 's,ab/c,../c,' image >hostile
head -c 8192 /dev/urandom >noise
cp -a safe kept
for bad in hostile noise; do
    rollback diff image "$bad" -o bad.patch >/dev/null
    status 2 rollback apply bad.patch safe
    grep -q 'not that of a folder' err || fail "no word of the image: $(cat err)"
    same safe kept
    [ ! -e c ] || fail "a file was made outside"
    rm bad.patch
done
# The same patch is fine for the file that the image is.
rollback diff image noise -o image.patch >/dev/null
rollback apply image.patch image >/dev/null
cmp image noise
