#!/bin/bash
# SPDX-License-Identifier: MIT
# A newcomer types the quick start of README.md: each command works and prints what is shown there.
# The block's lines that begin with "$ " are the commands; the words behind "# exit N" say how one
# ends when it is not with 0; a line without either is output, of which "..." stands for anything.
set -eu

: "${POSTPROOF:?the path of the program}"
readme="$(cd "$(dirname "$0")/../.." && pwd)/README.md"
PATH="$(cd "$(dirname "$POSTPROOF")" && pwd):$PATH"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

awk '/^<!-- quick-start -->$/ { wanted = 1 } wanted && /^```/ { if (inside) exit; inside = 1; next }
     inside' "$readme" >block
commands=$(grep -c '^\$ ' block || true)
if [ "$commands" -lt 6 ]; then
    echo "README.md has no quick start of six commands behind <!-- quick-start -->" >&2
    exit 1
fi

# One shell glob for each line shown: "..." matches anything, everything else itself.
shown_as_pattern() {
    sed -e 's/[][*?\\]/\\&/g' -e 's/\.\.\./*/g' <<<"$1"
}

number=0 output=""
while IFS= read -r line; do
    if [[ $line == '$ '* ]]; then
        number=$((number + 1))
        command=${line#'$ '}
        expected=0
        [[ $command =~ \#\ exit\ ([0-9]+)$ ]] && expected=${BASH_REMATCH[1]}
        status=0
        output=$(bash -o pipefail -c "$command" 2>&1) || status=$?
        if [ "$status" -ne "$expected" ]; then
            printf 'command %d: %s\nexit %d, not %d; it printed:\n%s\n' \
                "$number" "$command" "$status" "$expected" "$output" >&2
            exit 1
        fi
        continue
    fi
    pattern=$(shown_as_pattern "$line")
    found=no
    while IFS= read -r printed; do
        # shellcheck disable=SC2053 # a pattern is meant
        [[ $printed == $pattern ]] && found=yes
    done <<<"$output"
    if [ "$found" = no ]; then
        printf 'command %d does not print: %s\nbut:\n%s\n' "$number" "$line" "$output" >&2
        exit 1
    fi
done <block
echo "$number commands of the quick start work"
