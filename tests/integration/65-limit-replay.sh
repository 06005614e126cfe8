#!/bin/bash
# SPDX-License-Identifier: MIT
# postproof limit replay: decisions, the check of recorded decisions, access logs, bad input.
set -eu

: "${POSTPROOF:?the path of the program}"
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

fail() {
    echo "$1" >&2
    exit 1
}
# expect CODE COMMAND...: the exit code, with the output in out and err.
expect() {
    local wanted=$1 code=0
    shift
    "$@" >out 2>err || code=$?
    [ "$code" -eq "$wanted" ] || fail "$* ended with $code, not $wanted: $(cat out err)"
}
replay() {
    "$POSTPROOF" limit replay "$@"
}

# Half-open windows: what was admitted exactly one window ago no longer counts.
printf '%s\n' '1000 a' '1400 a' '1999 a' '2000 a' '2000 b 2' '2001 b' '2399 a' '2400 a' >requests
expect 0 replay --limit 2 --window 1us requests
diff out - <<'END'
1000 a allow
1400 a allow
1999 a deny
2000 a allow
2000 b allow
2001 b deny
2399 a deny
2400 a allow
END
expect 0 replay --limit 2 --window 1us --check requests
grep -q '^8 decisions (0 of them recorded), 5 allowed, 3 denied$' out

# A long random history, with weights and a clock that goes back, against the specification.
awk 'BEGIN { srand(7); for (i = 0; i < 60000; i++) { t += int(rand() * 40);
    printf "%d k%d %d\n", t - int(rand() * 30) + 30, rand() * rand() * 40,
    rand() * 4 + 1 } }' >history
expect 0 replay --limit 25 --window 7us --check history
grep -q '^60000 decisions' out
denied=$(sed -n 's/.* \([0-9]*\) denied$/\1/p' out)
[ "$denied" -gt 1000 ] || fail "the history hardly denies anything"
replay --limit 25 --window 7us history >decided
paste -d' ' history <(awk '{ print $NF }' decided) >recorded
expect 0 replay --limit 25 --window 7us --check recorded
grep -q '(60000 of them recorded)' out

# One decision turned around is found, in both directions.
line=$(grep -n ' deny$' recorded | sed -n 100p | cut -d: -f1)
sed "${line}s/deny/allow/" recorded >wrong
expect 1 replay --limit 25 --window 7us --check wrong
grep -q "^the first wrong decision is in line $line$" out
line=$(grep -n ' allow$' recorded | sed -n 100p | cut -d: -f1)
sed "${line}s/allow/deny/" recorded >wrong
expect 1 replay --limit 25 --window 7us --check --json wrong
grep -q "\"first_wrong_line\": $line" out

# An access log, from standard input.
printf '%s - - [10/Oct/2000:13:55:36 -0700] "GET / HTTP/1.0" 200 2326 "-" "curl"\n' \
    192.0.2.1 192.0.2.1 192.0.2.2 192.0.2.1 >access.log
replay --limit 2 --window 1s --format combined <access.log >out
diff out - <<'END'
971211336000000000 192.0.2.1 allow
971211336000000000 192.0.2.1 allow
971211336000000000 192.0.2.2 allow
971211336000000000 192.0.2.1 deny
END

# Quotes, brackets and blanks that the server escaped or let through in a name, a request or an
# agent: none of them moves the time or the address.
cat >access.log <<'END'
192.0.2.9 - al\x22ice [ops [10/Oct/2000:13:55:36 +0000] "GET /\x22[1] HTTP/1.1" 200 5 "-" "a\x22[b]"
192.0.2.9 - "" [10/Oct/2000:13:55:36 +0000] "" 408 0 "[-]" "-"
192.0.2.9 - a\"[x] [10/Oct/2000:13:55:36 +0000] "GET /%22%5B\"quoted\" HTTP/1.1" 404 0 "-" "x"
2001:db8::1 - - [10/Oct/2000:15:55:36 +0200] "\x16\x03\x01" 400 0 "-" "-"
192.0.2.9 - - [10/Oct/2000:13:55:37 +0000] "-" 408 0 "-" "-"
END
replay --limit 1 --window 1s --format combined access.log >out
diff out - <<'END'
971186136000000000 192.0.2.9 allow
971186136000000000 192.0.2.9 deny
971186136000000000 192.0.2.9 deny
971186136000000000 2001:db8::1 allow
971186137000000000 192.0.2.9 allow
END
for line in '192.0.2.9 - - [10/Oct/2000:13:55:36] "GET / HTTP/1.1" 200 5' \
    '192.0.2.9 - - [31/Foo/2000:13:55:36 +0000] "GET / HTTP/1.1" 200 5' \
    '192.0.2.9 - - 10/Oct/2000:13:55:36 +0000 "GET /[10/Oct/2000:13:55:36 +0000]" 200' \
    '192.0.2.9 - - [10/Oct/1960:13:55:36 +0000] "GET / HTTP/1.1" 200 5' \
    '[10/Oct/2000:13:55:36 +0000]'; do
    printf '%s\n' "$line" >bad
    expect 2 replay --limit 2 --window 1s --format combined bad
    grep -q 'bad, line 1: ' err || fail "no line number for: $line"
done

# Bad input: exit 2, which line, what is wrong.
for line in 'x a' '1' '1 a 0' '1 a 2147483648' '1 a 1 perhaps' '1 a 1 allow more' '-1 a' \
    '99999999999999999999 a'; do
    printf '5 a\n%s\n' "$line" >bad
    expect 2 replay --limit 2 --window 1s bad
    grep -q 'bad, line 2: ' err || fail "no line number for: $line"
done
expect 2 replay --limit 2 --window 1s --format combined requests
expect 2 replay --limit 0 --window 1s requests
expect 2 replay --limit 2 --window 0s requests
expect 2 replay --limit 2147483648 --window 1s requests
expect 2 replay --window 1s requests
expect 2 replay --limit 2 --window 1s missing
expect 2 "$POSTPROOF" limit
expect 2 "$POSTPROOF" limit guess
expect 0 "$POSTPROOF" limit replay --help

# The measurement runs, and says what it measured.
expect 0 "$POSTPROOF" limit bench --keys 2000 --limit 20 --json
grep -q '"decisions_per_second_batched": [1-9]' out
expect 2 "$POSTPROOF" limit bench --limit 70000
echo "limit replay: decisions, checks and errors are right"
