#!/bin/bash
# SPDX-License-Identifier: MIT
# The stories with several threads once more, in a build that finds data races (ThreadSanitizer),
# which ends with an error then.
set -eu

: "${POSTPROOF:?the path of the program}"
here=$(cd "$(dirname "$0")" && pwd)
races=$(dirname "$POSTPROOF")/sanitize-thread/postproof
[ -x "$races" ] || { echo "$races is not built: make SANITIZE=thread races"; exit 77; }
for story in 66-serve-ledger 67-serve-threads; do
    POSTPROOF=$races bash "$here/$story.sh" || { echo "$story failed"; exit 1; }
done
