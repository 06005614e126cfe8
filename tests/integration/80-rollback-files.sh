#!/bin/bash
# SPDX-License-Identifier: MIT
# One patch for both directions: files grow, shrink, are empty, sparse and larger than 2 GiB; a
# wrong base, a damaged patch and a second process are refused, and nothing is changed; shared
# literals are what the format's text says.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/lib/rollback.sh
. "$here/../lib/rollback.sh"

# ---- Pairs: there and back, in place and to a new file, through pipes ----
seq 1 200000 >text-1
sed 's/^77\(.*\)/\1 was changed/; 5,900d' text-1 >text-2
head -c 3000000 /dev/urandom >pages-1
cp pages-1 pages-2
for at in 0 4096 777777 2999990; do
    printf 'changed' | dd of=pages-2 bs=1 seek=$at conv=notrunc status=none
done
cp pages-2 grown && head -c 12345 /dev/urandom >>grown
: >empty
pair=0
while read -r old new; do
    pair=$((pair + 1))
    patch=pair-$pair.patch
    rollback diff "$old" "$new" -o "$patch" >/dev/null
    cp "$old" file && chmod 640 file
    rollback apply "$patch" file >/dev/null && cmp file "$new" || fail "apply $old $new"
    [ "$(stat -c %a file)" = 640 ] || fail "permissions of $new"
    rollback revert "$patch" file >/dev/null && cmp file "$old" || fail "revert $old $new"
    rollback apply "$patch" file --new-file >/dev/null && cmp file "$new"
    rollback revert "$patch" file -o back >/dev/null && cmp back "$old" && cmp file "$new"
    rm -f back
    rollback apply "$patch" - <"$old" | cmp - "$new" || fail "pipe $old $new"
    rollback revert "$patch" - <"$new" | cmp - "$old" || fail "pipe back $old $new"
done <<'PAIRS'
text-1 text-2
pages-1 pages-2
pages-2 grown
grown pages-1
empty text-2
pages-1 empty
empty empty
PAIRS
bytes=$(stat -c %s pair-2.patch)
[ "$bytes" -lt 40000 ] || fail "a patch of four pages has $bytes bytes"
ls -A | grep -q 'rollback-new\|journal' && fail "something was left over: $(ls -A)"

# ---- A kept tree: the page that something else changed is named ----
cp pages-1 file
rollback apply pair-2.patch file --keep-tree >/dev/null
printf 'x' | dd of=file bs=1 seek=$((300 * 4096 + 5)) conv=notrunc status=none
cp file before
status 1 rollback revert pair-2.patch file
grep -q 'first at page 300' err || fail "the page is not named: $(cat err)"
cmp file before
rm -f file file.rollback-tree

# ---- Refusals ----
cp text-1 file
status 1 rollback apply pair-2.patch file # another file
status 1 rollback revert pair-1.patch file
grep -q 'nothing was changed' err
cmp file text-1
head -c 100 pair-1.patch >short.patch
status 2 rollback apply short.patch file
head -c -1 pair-1.patch >cut.patch
status 1 rollback apply cut.patch file
cp pair-1.patch flipped.patch
printf '\377' | dd of=flipped.patch bs=1 seek=300 conv=notrunc status=none
status 1 rollback apply flipped.patch file
status 2 rollback apply text-1 file # no patch at all
status 2 rollback apply absent.patch file
status 2 rollback apply pair-1.patch absent
status 2 rollback diff text-1 absent -o new.patch
status 2 rollback diff text-1 text-2 -o pair-1.patch # never overwritten
status 2 rollback diff text-1 text-2
cmp file text-1
status 0 rollback apply pair-1.patch file
status 1 rollback apply pair-1.patch file
grep -q 'already' err || fail "applied twice: $(cat err)"

# ---- Two at once: the second is refused ----
cp pages-1 file
exec 7<file
flock -x 7
status 2 rollback apply pair-2.patch file
grep -q 'another process' err || fail "no word of the other process: $(cat err)"
status 2 rollback apply pair-2.patch file --new-file
flock -u 7
exec 7<&-
cmp file pages-1
status 0 rollback apply pair-2.patch file

# ---- 2 GiB + 1, sparse: holes stay holes ----
truncate -s $((2 * 1024 * 1024 * 1024 + 1)) sparse-1
printf 'here' | dd of=sparse-1 bs=1 seek=1500000000 conv=notrunc status=none
cp --sparse=always sparse-1 sparse-2
printf 'there' | dd of=sparse-2 bs=1 seek=2147483640 conv=notrunc status=none
rollback diff sparse-1 sparse-2 -o sparse.patch >/dev/null
[ "$(stat -c %s sparse.patch)" -lt 10000 ] || fail "the patch of a sparse file is large"
cp --sparse=always sparse-1 file
rollback apply sparse.patch file >/dev/null
cmp file sparse-2
[ "$(du -k file | cut -f1)" -lt 1000 ] || fail "in place filled the holes: $(du -k file)"
rollback revert sparse.patch file --new-file >/dev/null
cmp file sparse-1
[ "$(du -k file | cut -f1)" -lt 1000 ] || fail "a new file filled the holes: $(du -k file)"

# ---- JSON ----
rollback diff text-2 text-1 -o json.patch --json | grep -q '"old_root": "[0-9a-f]\{64\}"'
cp text-2 file
rollback apply json.patch file --json | grep -q '"post_root": "[0-9a-f]\{64\}"'

# ---- Literals that share a code, beside a second implementation of the format's text ----
# texts LINES FROM NAME: NAME-1 and NAME-2, of which some lines from the given one on differ
texts() {
    python3 - "$@" <<'PY'
import random
import sys
lines, first, name = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
draw = random.Random(5)
words = ["".join(draw.choices("abcdefghijklmnopqrstuvwxyz", k=draw.randint(3, 9)))
         for _ in range(600)]
texts = [[f"{i:04} " + " ".join(draw.choices(words, k=6)) for i in range(lines)] for _ in range(2)]
changed = set(draw.sample(range(first, lines), 12))
texts[1] = [texts[i in changed][i] for i in range(lines)]
for i in range(2):
    open(f"{name}-{i + 1}", "w").write("\n".join(texts[i]) + "\n")
PY
}
texts 60 0 words
texts 180 110 paged # and pages that both hold
lines() { # FROM TO: of paged-1
    sed -n "$1,$2p" paged-1
}
# Four lines go that stand elsewhere in the new file, four come that stand elsewhere in the old one.
{
    lines 1 19 && lines 60 63 && lines 20 59
    lines 60 63 | sed 's/ /_/g'
    lines 64 180
} >twice-1
{ lines 30 33 && cat paged-2; } >twice-2
head -c 300000 /dev/urandom >unlike-1 # each is its own code
head -c 260000 /dev/urandom >unlike-2
for name in words paged unlike twice; do
    rollback diff $name-1 $name-2 -o $name.patch --mode generic >/dev/null
    python3 "$here/../rollback/shared.py" $name-1 $name-2 $name.patch >out ||
        fail "the second implementation: $(cat out)"
done
[ "$(stat -c %s unlike.patch)" -lt 301000 ] || fail "unlike: $(stat -c %s unlike.patch) bytes"
grep -q "2 parts of them elsewhere" out || fail "twice: $(cat out)"
cp paged-1 file # one bit of the shared code
at=$(($(stat -c %s paged.patch) - 20))
printf '\xff' | dd of=paged.patch bs=1 seek=$at conv=notrunc status=none
status 1 rollback apply paged.patch file
cmp file paged-1
