#!/bin/bash
# SPDX-License-Identifier: MIT
# `postproof dashboard` generates the files that are kept in dashboards/, byte for byte; promtool
# takes the rules and runs their tests; rules that are subtly wrong fail these tests.
set -eu

: "${POSTPROOF:?the path of the program}"
root=$(cd "$(dirname "$0")/../.." && pwd)
command -v promtool >/dev/null || { echo "promtool is not installed"; exit 77; }
command -v python3 >/dev/null || { echo "python3 is not installed"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
fail() { echo "FAIL: $*" >&2; cat out err >&2 2>/dev/null; exit 1; }
expect() { # exit code, words in the output, command...
    local code=$1 words=$2 status=0
    shift 2
    "$@" >out 2>err || status=$?
    [ "$status" -eq "$code" ] || fail "$*: exit $status, not $code"
    grep -qF -- "$words" out err || fail "$*: no '$words'"
}

# ---- The kept files ----
expect 0 '6 invariants' "$POSTPROOF" dashboard --out d
diff -r "$root/dashboards" d >out 2>err || fail "dashboards/ is out of date: run make dashboards"
cp -r d again
expect 0 'same' "$POSTPROOF" dashboard --out again --check
ln -s "$POSTPROOF" dashboard_generator
expect 0 'same' ./dashboard_generator --out d --check
expect 0 '"same": true' "$POSTPROOF" dashboard --out d --check --json

# Every changed byte and every missing file is found.
for file in $(cd d && find . -type f); do
    cp -r d changed
    printf x | dd of="changed/$file" bs=1 seek=3 conv=notrunc 2>/dev/null
    expect 1 "differs  changed/${file#./}" "$POSTPROOF" dashboard --out changed --check
    rm "changed/$file"
    expect 1 "missing  changed/${file#./}" "$POSTPROOF" dashboard --out changed --check
    rm -rf changed
done
printf 'more' >>again/dashboards.json
expect 1 'differs' "$POSTPROOF" dashboard --out again --check

# ---- promtool ----
expect 0 '12 rules found' promtool check rules d/prometheus/rules.json
expect 0 SUCCESS promtool test rules d/prometheus/rules.test.json
for file in $(cd d && find . -name '*.json' -o -name '*.yaml'); do
    python3 -m json.tool "d/$file" >/dev/null || fail "$file is no JSON"
done
python3 - d/prometheus/rules.test.json <<'END' || fail "an invariant has too few tests"
import collections, json, sys
tests = json.load(open(sys.argv[1]))["tests"]
kinds = collections.defaultdict(set)
for test in tests:
    name, _, what = test["name"].partition(": ")
    kinds[name].add(what.split()[-1])
assert len(kinds) == 6, kinds
for name, what in kinds.items():
    assert {"violated", "holds", "NaN", "absent"} <= what, (name, what)
END

# Rules that are nearly right: a flipped comparison, no absent(), a threshold, other labels.
wrong() { # what, Python that changes rule r
    rm -rf wrong && cp -r d wrong
    python3 - wrong/prometheus/rules.json "$2" <<'END'
import json, sys
rules = json.load(open(sys.argv[1]))
for group in rules["groups"]:
    for r in group["rules"]:
        exec(sys.argv[2])
json.dump(rules, open(sys.argv[1], "w"))
END
    promtool check rules wrong/prometheus/rules.json >out 2>err || fail "$1: no rule"
    if promtool test rules wrong/prometheus/rules.test.json >out 2>err; then fail "$1 passes"; fi
}
wrong 'no absent()' 'r["expr"] = r["expr"].split(" or absent")[0] + " )"'
wrong 'increase() > 0' 'r["expr"] = "increase(postproof_limiter_window_violations_total[1m]) > 0"'
wrong 'flipped' 'r["expr"] = "postproof_limiter_ledger_failures_total != 0"'
wrong 'and for or' 'r["expr"] = r["expr"].replace(" or absent", " and absent")'
wrong 'min_over_time() left out' \
    'r["expr"] = r["expr"].replace("min_over_time", "max_over_time").replace(">= 0", ">= -1")'
wrong 'delta()' 'r["expr"] = r["expr"].replace("increase", "delta")'
wrong 'severity' 'r["labels"]["severity"] = "none"'
wrong 'hash' 'r["annotations"]["proof_sha256"] = "0" * 64'

# ---- The input ----
own() { printf 'invariant x\nsummary s\ntheorem %s\neach up\nholds %s\n' "$1" "$2" >own.txt; }
bad() { # place and words, theorem, formula
    own "$2" "$3"
    expect 2 "$1" "$POSTPROOF" dashboard --out own --invariants own.txt
    [ ! -e own ] || fail "files were written for a bad input"
}
bad 'own.txt:5:11: only whole' 'spec/Limiter.v denial_justified' 'a > 1.5'
bad 'own.txt:3:1: no such theorem' 'spec/Limiter.v no_such_theorem' 'a > 1'
bad 'own.txt:3:1: no such theorem' 'spec/No.v denial_justified' 'a > 1'
bad 'own.txt:1:1: no values were found' 'spec/Limiter.v denial_justified' 'a > a'
bad 'own.txt:1:1: no values were found' 'spec/Limiter.v denial_justified' 'a == a'
expect 2 '--out DIR is needed' "$POSTPROOF" dashboard
expect 2 'no-such-file' "$POSTPROOF" dashboard --out own --invariants no-such-file
expect 2 'can' "$POSTPROOF" dashboard --out own.txt/x
expect 2 'milliseconds' "$POSTPROOF" dashboard --out own --interval 1500us
expect 0 'example' "$POSTPROOF" dashboard --help
own 'spec/Limiter.v denial_justified' \
    '(a + b * 2 - 1 != c or d never counts in 5m) and e >= -3'
expect 0 '1 invariants' "$POSTPROOF" dashboard --out own --invariants own.txt --interval 1s
expect 0 SUCCESS promtool test rules own/prometheus/rules.test.json
grep -q '"interval": "1000ms"' own/prometheus/rules.json || fail "the interval is not taken"

# ---- Random invariants: what C expects of them is what Prometheus answers ----
cat >invariants.py <<'END'
import random
import sys
random.seed(int(sys.argv[1]))
def term(metrics, n):
    if n == 0:
        return random.choice(metrics)
    right = str(random.randint(-3, 9)) if random.random() < .4 else term(metrics, 0)
    return f"({term(metrics, n - 1)} {random.choice('+-*')} {right})"
def condition(metrics, n):
    if n and random.random() < .6:
        word = random.choice(["and", "or"])
        return f"({condition(metrics, n - 1)} {word} {condition(metrics, n - 1)})"
    if random.random() < .3:
        return f"{random.choice(metrics)} never counts in {random.choice(['60s', '2s', '1h'])}"
    right = term(metrics, 0) if random.random() < .4 else random.randint(-5, 1000)
    sign = random.choice(["<", "<=", "==", ">=", ">", "!="])
    return f"{term(metrics, random.randint(0, 2))} {sign} {right}"
for i in range(8):
    each = random.choice(['up{job="x"}', 'listing{job="x",instance="i:1"}'])
    metrics = ["a", "b", "c_total", 'd{job="x"}', each]
    print(f"invariant r{i}\nsummary random\ntheorem spec/Limiter.v denial_justified\n"
          f"each {each}\nholds {condition(metrics, random.randint(0, 2))}\n")
END
total=0
for seed in 1 2; do
    python3 invariants.py $seed >many.txt
    # Those that are always true or false are named one by one, and taken out.
    for _ in $(seq 12); do
        "$POSTPROOF" dashboard --out many --invariants many.txt >out 2>err && break
        line=$(sed -n 's/.*many.txt:\([0-9]*\):1: no values were found.*/\1/p' err)
        [ -n "$line" ] || fail "random invariants"
        sed -i "${line},$((line + 5))d" many.txt
    done
    expect 0 SUCCESS promtool test rules many/prometheus/rules.test.json
    total=$((total + $(grep -c '^invariant' many.txt)))
done
[ "$total" -ge 10 ] || fail "only $total random invariants"
echo "promtool agrees on $total random invariants"

# ---- Size ----
for i in $(seq 1000); do
    own 'spec/Limiter.v every_window_bounded' "m${i}_total never counts in 60s and g$i <= h$i"
    sed "1s/x/i$i/" own.txt
done >thousand.txt
expect 0 '1000 invariants' "$POSTPROOF" dashboard --out thousand --invariants thousand.txt
expect 0 '2000 rules found' promtool check rules thousand/prometheus/rules.json
