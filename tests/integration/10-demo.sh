#!/bin/bash
# SPDX-License-Identifier: MIT
# The demo proves all its attacks and flags no honest run; what it says is what `verify` says; and
# when nothing is attacked, or the disk falsifies the ledger, it notices.
set -eu

: "${POSTPROOF:?the path of the program}"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

fail() {
    echo "FAILED: $*" >&2
    exit 1
}

# exit_code_is N command...
exit_code_is() {
    local wanted=$1 status=0
    shift
    "$@" >"$work/output" 2>"$work/errors" || status=$?
    [ "$status" -eq "$wanted" ] || {
        tail -n 30 "$work/output" "$work/errors" >&2
        fail "exit code $status instead of $wanted: $*"
    }
}

# The number at a key of the summary.
summary() { sed -n "/^  \"summary\"/,/^  }/s/.*\"$1\": \([0-9]*\).*/\1/p" "$work/output"; }
count() { grep -c "^ *\"$1\": $2,*\$" "$work/output" || true; }

# As a person sees it, on the default folder, which is gone afterwards.
mkdir "$work/tmp"
TMPDIR=$work/tmp exit_code_is 0 "$POSTPROOF" demo --max-lines 2000
grep -q ' attacks, .* honest runs, 0 flagged: as it should be$' "$work/output"
grep -Eq '^ +1  flip one bit of a message +MODIFIED +[0-9]+ .*detected$' "$work/output"
grep -Eq '^BUNDLE .*: valid in ' "$work/output" || fail "no valid bundle"
grep -Eq '^ +([0-9]+) of \1 tampered copies of it refused$' "$work/output"
if awk 'length > 100' "$work/output" | grep .; then
    fail "a line is wider than 100 columns"
fi
[ -z "$(ls "$work/tmp")" ] || fail "the temporary folder was left behind"

# As a program sees it.
exit_code_is 0 "$POSTPROOF" demo --json --max-lines 2000 --dir "$work/kept"
cp "$work/output" "$work/report.json"
attacks=$(summary attacks) honest=$(summary honest_runs)
[ "$attacks" -ge 14 ] || fail "only $attacks attacks"
[ "$honest" -ge 10 ] || fail "only $honest honest runs"
[ "$(summary detected)" -eq "$attacks" ] || fail "not every attack was detected"
[ "$(summary flagged)" -eq 0 ] || fail "an honest run was flagged"
[ "$(count detected true)" -eq "$attacks" ] || fail "an attack row is not detected"
[ "$(count detected false)" -eq 0 ]
[ "$(count flagged false)" -eq "$honest" ] || fail "an honest row is flagged"
for attack in 'flip one bit' 'edit a message' 'delete an entry' 'insert an entry' 'reorder' \
    'duplicate' 'truncate the tail' 'truncate a segment' 'delete a segment' \
    'roll back to an old copy' 'splice' 're-seal with the current key' 'strip' 'clock'; do
    grep -q "\"attack\": \".*$attack" "$work/output" || fail "no attack of the kind: $attack"
done

# What it left is what it says: the ledger is good, and each attacked copy is proven bad.
ledger=$work/kept/ledger key=$work/kept/auditor/verify.key
checkpoint=$work/kept/auditor/checkpoint
exit_code_is 0 "$POSTPROOF" verify "$ledger" --verify-key "$key" --checkpoint "$checkpoint"
copies=0
for copy in "$work"/kept/attacks/*/ledger; do
    exit_code_is 1 "$POSTPROOF" verify "$copy" --verify-key "$key" --checkpoint "$checkpoint"
    copies=$((copies + 1))
done
[ "$copies" -eq "$attacks" ] || fail "$copies copies for $attacks attacks"

mkdir "$work/trust"
cp "$work"/kept/keys/{checkpoint.pub,bundle.pub,allowed_signers} "$work/trust"
exit_code_is 0 "$POSTPROOF" bundle verify "$work/kept/bundle.zip" --trust-root "$work/trust"
tampered=0
for copy in "$work"/kept/tampered-*.zip; do
    exit_code_is 1 "$POSTPROOF" bundle verify "$copy" --trust-root "$work/trust"
    tampered=$((tampered + 1))
done
[ "$tampered" -ge 12 ] || fail "only $tampered tampered bundles"

# A folder with something in it is never touched.
exit_code_is 2 "$POSTPROOF" demo --dir "$work/kept"
exit_code_is 2 "$POSTPROOF" demo --dir "$work/report.json"
exit_code_is 2 env TMPDIR="$work/nowhere" "$POSTPROOF" demo

# Control: nothing is attacked, so nothing may be detected, and the demo must say so.
exit_code_is 1 "$POSTPROOF" demo --json --control --max-lines 500
[ "$(summary detected)" -eq 0 ] || fail "an attack that never took place was detected"
[ "$(summary flagged)" -eq 0 ] || fail "an honest run of the control was flagged"

# A disk that falsifies one bit of a group: honest runs must be flagged.
if ! command -v gcc >/dev/null || ldd "$POSTPROOF" | grep -q libasan; then
    echo "the part with a falsifying disk was left out: no compiler, or a sanitizer build"
    exit 0
fi
cat >"$work/disk.c" <<'END'
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
ssize_t pwrite(int fd, const void *data, size_t n, off_t offset)
{
    static int done;
    static ssize_t (*real)(int, const void *, size_t, off_t);
    if (real == NULL)
        real = (ssize_t(*)(int, const void *, size_t, off_t))dlsym(RTLD_NEXT, "pwrite");
    /* Whole blocks of a group behind the first: its middle is not written again. */
    unsigned char *copy;
    if (done || n < 3 * 4096 || offset < 4096 || posix_memalign((void **)&copy, 4096, n))
        return real(fd, data, n, offset);
    memcpy(copy, data, n);
    copy[n / 2] ^= 1;
    done = 1;
    return real(fd, copy, n, offset);
}
ssize_t pwrite64(int fd, const void *data, size_t n, off_t offset)
{
    return pwrite(fd, data, n, offset);
}
END
gcc -shared -fPIC -o "$work/disk.so" "$work/disk.c" -ldl
exit_code_is 1 env LD_PRELOAD="$work/disk.so" "$POSTPROOF" demo --json --max-lines 2000
[ "$(summary flagged)" -gt 0 ] || fail "a falsified ledger was not flagged"
echo "$attacks attacks detected, $honest honest runs not flagged, and what is broken is noticed"
