#!/bin/bash
# SPDX-License-Identifier: MIT
# The timeline in a real browser: it paints, checks itself, shows tampering, obeys keys, and neither
# a log's bytes nor markup put into the page can do anything.
set -eu

: "${POSTPROOF:?the path of the program}"
command -v chromium >/dev/null || { echo "chromium is not installed"; exit 77; }
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/lib/npm.sh
. "$here/../lib/npm.sh"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

new_ledger() { # NAME
    "$POSTPROOF" keygen "$1-keys" --origin example.com/web-1 >/dev/null
    "$POSTPROOF" init "$1" --keys "$1-keys" >/dev/null
}
page() { # LEDGER FILE [option...]
    local ledger=$1 file=$2
    shift 2
    "$POSTPROOF" bundle timeline "$ledger" --output "$file" --json "$@" >"$file.json"
}

# A day with 100,000 events, an hour of which goes wrong.
new_ledger large
awk 'BEGIN {
    srand(7); split("api web worker payments auth edge search cache mailer", source, " ")
    for (i = 0; i < 100000; i++) {
        bad = i > 60000 && i < 68000
        level = rand() < (bad ? 0.3 : 0.01) ? "ERROR" : rand() < 0.1 ? "WARN" : "INFO"
        ms = i * 860 + int(rand() * 800)
        printf "{\"ts\":\"2026-09-21T%02d:%02d:%02d.%03dZ\",\"level\":\"%s\",\"source\":\"%s\"," \
            "\"msg\":\"%s\",\"path\":\"/v1/orders/%d\",\"ms\":%d}\n",
            ms / 3600000, ms / 60000 % 60, ms / 1000 % 60, ms % 1000, level,
            source[1 + int(rand() * rand() * 9)],
            level == "INFO" ? "request served" : "upstream timed out", rand() * 1e6, rand() * 300
    }
}' >large.jsonl
"$POSTPROOF" append large --format jsonl large.jsonl 2>/dev/null
"$POSTPROOF" checkpoint large >large.checkpoint 2>/dev/null
page large large.html --title 'Checkout outage' --incident-id INC-2041
page large again.html --title 'Checkout outage' --incident-id INC-2041
cmp large.html again.html || { echo "FAIL: the same ledger gave two different pages"; exit 1; }
page large selection.html --shown-max 20000
page large middle.html --since 2026-09-21T13:00:00Z \
    --until 2026-09-21T14:00:00Z

# A small one, and one in which a single line is another.
new_ledger small
seq -f 'request %g served' 0 59 >small.log
"$POSTPROOF" append small --source web small.log 2>/dev/null
"$POSTPROOF" checkpoint small >small.checkpoint 2>/dev/null
page small small.html
"$POSTPROOF" cat small --raw 17 >small.entry17
new_ledger forged
sed 's/request 17 served/request 17 denied/' small.log >forged.log
"$POSTPROOF" append forged --source web forged.log 2>/dev/null
"$POSTPROOF" checkpoint forged >/dev/null 2>&1
page forged forged.html

# What an attacker would write into a log.
new_ledger hostile
{
    printf '%s\n' '</script><script>window.pwned=1</script>' \
        '<img src=x onerror="window.pwned=2">' \
        '--><svg onload="window.pwned=3">' '{{script}}{{data}}{{policy}}' "';window.pwned=4;//" \
        '{"msg":"<b onclick=pwned()>bold</b>","constructor":"x","__proto__":{"a":1}}' \
        'javascript:window.pwned=5' \
        '<base href="http://127.0.0.1:1/"><meta http-equiv=refresh content=0>'
    printf 'right-to-left \342\200\256 gnp.exe \342\201\246isolate\n'
    printf 'escape \033[31mred\033[0m bell \007 backspace \010\n'
    printf 'nul \000 inside\n'
    printf 'not UTF-8: \377\376 \300\200 \355\240\200 \364\220\200\200 end\n'
    printf 'zero\342\200\213width \357\273\277bom \342\200\250line \363\240\200\201tag\n'
} >hostile.log
"$POSTPROOF" append hostile --source '<script>window.pwned=6</script>' hostile.log 2>/dev/null
"$POSTPROOF" append hostile --source $'\377\342\200\256evil' hostile.log 2>/dev/null
"$POSTPROOF" checkpoint hostile >hostile.checkpoint 2>/dev/null
page hostile hostile.html --title '</title><script>window.pwned=7</script>' \
    --incident-id $'\342\200\256<img src=x onerror=window.pwned=8>'

: >empty.log
new_ledger empty
"$POSTPROOF" checkpoint empty >/dev/null 2>&1
page empty empty.html

mkdir -p "$npm_root/build/screenshots"
TMPDIR=$work node "$here/../browser/timeline.mjs" "$npm_modules" \
    "$work" "$npm_root/build/screenshots"
