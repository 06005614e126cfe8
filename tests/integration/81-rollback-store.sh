#!/bin/bash
# SPDX-License-Identifier: MIT
# A store of versions: any of them comes back bit for bit; every transition is an entry of a ledger,
# and a rollback or a change that nobody recorded is found.
set -eu

# shellcheck source=tests/lib/rollback.sh
. "$(dirname "$0")/../lib/rollback.sh"

# ---- A file ----
rollback init >/dev/null
head -c 1000000 /dev/urandom >model.bin
for version in 0 1 2 3 4 5 6 7 8; do
    printf 'version %d' "$version" |
        dd of=model.bin bs=1 seek=$((version * 70000)) conv=notrunc status=none
    chmod $((600 + version % 2 * 40)) model.bin
    rollback commit model.bin -m "number $version" >/dev/null
    cp -p model.bin "copy-$version"
done
status 2 rollback commit model.bin -m "again" # nothing has changed
grep -q 'not changed' err
status 0 rollback verify --all
grep -q '9 of 9 versions rebuilt' out
for version in 7 8 3 0 5 4 8; do
    rollback checkout "$version" >/dev/null
    cmp model.bin "copy-$version" || fail "version $version"
    [ "$(stat -c '%a %Y' model.bin)" = "$(stat -c '%a %Y' "copy-$version")" ] ||
        fail "mode and time of version $version"
done
status 0 rollback verify
rollback log | grep -q '^\* *8 ' || fail "the log does not mark the current version"
rollback log --json | grep -q '"patches_from_first": 3' # version 7 is 4 + 2 + 1
status 0 rollback checkout 2 -o elsewhere
cmp elsewhere copy-2
cmp model.bin copy-8

# Somebody puts an old version in place: good bytes, but no entry.
cp copy-7 model.bin
status 1 rollback verify
grep -q 'is at version 7.*nobody recorded' out || fail "the rollback was not found: $(cat out)"
status 1 rollback checkout 6
cmp model.bin copy-7
status 0 rollback checkout 8 --discard
status 0 rollback verify
# Somebody changes a byte.
rollback checkout 7 >/dev/null
rollback checkout 8 >/dev/null
printf 'x' | dd of=model.bin bs=1 seek=555555 conv=notrunc status=none
status 1 rollback verify
status 1 rollback checkout 8
grep -q 'first at page 135' err || fail "the page is not named: $(cat err)"
status 0 rollback commit model.bin -m "a change after all"
status 0 rollback verify --all

# Somebody changes the store, a patch, the base or the ledger.
tamper() {
    cp -a .rollback kept
    "$@"
    status 1 rollback verify --all
    rm -rf .rollback
    mv kept .rollback
}
flip() { printf '\377\376' | dd of="$1" bs=1 seek="$2" conv=notrunc status=none; }
tamper sed -i 's/number 3/number 4/' .rollback/versions/00000000000000000003.json
tamper flip .rollback/patches/00000000000000000002-00000000000000000003.patch 400
tamper flip .rollback/base 100000
tamper flip .rollback/ledger/segments/00000000000000000000.seg 3000
tamper rm .rollback/versions/00000000000000000009.json
status 0 rollback verify --all

# ---- A folder: adds, deletes, renames, permissions, links, times ----
mkdir -p site/pages
echo hello >site/index
head -c 100000 /dev/urandom >site/pages/a
ln -s index site/home
rollback init site.store >/dev/null
export POSTPROOF_STORE=site.store
rollback commit site -m "first" >/dev/null
cp -a site site-0
mv site/pages/a site/moved
rm site/home
ln -s moved site/there
mkdir site/new
echo more >>site/index
chmod 700 site/pages
touch -d '2001-02-03 04:05:06.789' site/index
rollback commit site -m "second" >/dev/null
cp -a site site-1
listing() { (cd "$1" && find . -printf '%P %y %m %T@ %l %s\n' | sort); }
for version in 0 1 0 1; do
    rollback checkout "$version" >/dev/null
    diff -r --no-dereference site "site-$version"
    [ "$(listing site)" = "$(listing "site-$version")" ] || fail "folder, version $version"
done
patch=site.store/patches/00000000000000000000-00000000000000000001.patch
[ "$(stat -c %s $patch)" -lt 5000 ] || fail "a rename costs $(stat -c %s $patch) bytes"
status 0 rollback verify --all
echo intruder >site/new/file
status 1 rollback verify
status 1 rollback checkout 0
status 0 rollback checkout 0 --discard
status 0 rollback verify
status 2 rollback commit site-1 -m "another folder"
mkfifo site/pipe
status 2 rollback commit site -m "a pipe"
grep -q 'neither file, folder nor symbolic link' err
rm site/pipe

# ---- One at a time ----
exec 7<site.store
flock -x 7
status 2 rollback checkout 1
grep -q 'another process' err
exec 7<&-
status 2 rollback init site.store
status 2 rollback checkout 77 --discard
status 2 rollback log --store nowhere
