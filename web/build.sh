#!/bin/sh
# Builds the web pages: web/build.sh [OUTDIR]   (default: build/web at the top of the repository)
# Does nothing when OUTDIR is newer than every source.
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
out=${1:-$here/../build/web}
stamp=$out/.built

is_fresh() {
    [ -f "$stamp" ] && [ -f "$out/terminal.html" ] && [ -f "$out/docs.html" ] && [ -f "$out/vnc.html" ] && \
        [ -f "$out/dashboard.html" ] || return 1
    changed=$(find "$here/src" "$here/build.mjs" "$here/build.sh" "$here/package.json" \
        "$here/package-lock.json" -newer "$stamp" -print -quit)
    [ -z "$changed" ]
}

check_node() {
    command -v node >/dev/null && command -v npm >/dev/null || {
        echo "web/build.sh: node (18 or newer) and npm are needed" >&2
        exit 1
    }
    node -e 'process.exit(parseInt(process.versions.node, 10) >= 18 ? 0 : 1)' || {
        echo "web/build.sh: node $(node --version) is too old, 18 or newer is needed" >&2
        exit 1
    }
}

install_packages() {
    installed=$here/node_modules/.package-lock.json
    if [ -f "$installed" ] && [ -z "$(find "$here/package-lock.json" -newer "$installed")" ]; then
        return
    fi
    (cd "$here" && npm ci --loglevel=error)
    touch "$installed"
}

if is_fresh; then
    exit 0
fi
check_node
mkdir -p "$out"
# The stamp carries the time the build began, so a source saved while it ran is built next time.
touch "$stamp.new"
install_packages
node "$here/build.mjs" "$out"
mv "$stamp.new" "$stamp"
