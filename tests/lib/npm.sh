# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# For the scripts that run programs from npm: installs those that tests/npm lists, once, in build/.

for program in node npm; do
    command -v "$program" >/dev/null || { echo "$program is not installed"; exit 77; }
done
npm_root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
npm_modules=$npm_root/build/npm/node_modules
export npm_modules

install_modules() (
    mkdir -p "$npm_root/build/npm"
    cd "$npm_root/build/npm"
    exec 8>lock
    flock 8
    if [ -d node_modules ] && cmp -s "$npm_root/tests/npm/package-lock.json" installed.json; then
        return
    fi
    cp "$npm_root/tests/npm/package.json" "$npm_root/tests/npm/package-lock.json" .
    npm ci --ignore-scripts --no-audit --no-fund >npm.log 2>&1 || { cat npm.log >&2; return 1; }
    cp package-lock.json installed.json
)
install_modules || { echo "FAIL: npm could not install what tests/npm lists" >&2; exit 1; }
