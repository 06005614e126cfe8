# SPDX-License-Identifier: MIT
# Sourced by the stories of full disks: a scratch folder to work in, and in it "disk", a small file
# system of its own.  Needs root; ends with 77 where it can't be had.
# shellcheck shell=bash

: "${POSTPROOF:?the path of the program}"
if [ "$(id -u)" -ne 0 ]; then
    echo "skipped: only root can mount a small file system"
    exit 77
fi
work=$(mktemp -d)
leave_disk() {
    cd /
    umount "$work/disk" 2>/dev/null || true
    rm -rf "$work"
}
trap leave_disk EXIT
mkdir "$work/disk"
cd "$work" || exit 1

# new_disk SIZE: an empty one instead of the one before
new_disk() {
    umount disk 2>/dev/null || true
    mount -t tmpfs -o "size=$1" tmpfs disk 2>/dev/null || {
        echo "skipped: no file system can be mounted here"
        exit 77
    }
}
