# SPDX-License-Identifier: MIT
# The peers that make patches, for bench/rollback.sh, which sources this file.
# shellcheck shell=bash

# shellcheck disable=SC2034 # read by bench/rollback.sh
patch_peers=${PATCH_PEERS:-hdiffz bsdiff xdelta3 zstd rdiff git}

# encode PEER FROM TO PATCH
peer_encode() {
    case $1 in
    hdiffz) hdiffz -m-6 -SD -c-zstd-21-24 -p-1 -f "$2" "$3" "$4" ;;
    bsdiff) bsdiff "$2" "$3" "$4" ;;
    xdelta3) xdelta3 -q -e -9 -f -B 536870912 -s "$2" "$3" "$4" ;;
    zstd) zstd -q -f -19 --long=27 --patch-from="$2" "$3" -o "$4" ;;
    rdiff) rdiff -f signature "$2" "$4.signature" &&
        rdiff -f delta "$4.signature" "$3" "$4.plain" &&
        zstd -q -f -19 "$4.plain" -o "$4" && rm "$4.signature" ;;
    git) git diff --no-index --binary "$2" "$3" >"$4" || [ -s "$4" ] ;;
    esac
}

# decode PEER FROM PATCH RESULT; FROM is for git the name that the patch holds
peer_decode() {
    case $1 in
    hdiffz) hpatchz -f "$2" "$3" "$4" ;;
    bsdiff) bspatch "$2" "$4" "$3" ;;
    xdelta3) xdelta3 -q -d -f -B 536870912 -s "$2" "$3" "$4" ;;
    zstd) zstd -q -d -f --long=27 --patch-from="$2" "$3" -o "$4" ;;
    rdiff) rdiff -f patch "$2" "$3.plain" "$4" ;;
    git) return 3 ;; # applies in a work tree only: not timed
    esac
}

# "yes" when one file of the peer leads in both directions.
peer_is_two_way() {
    [ "$1" = git ]
}
