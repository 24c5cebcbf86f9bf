#!/bin/sh
# clang-tidy on the gateway and the services with the flags they are built with. Prints one line per finding; the checks
# are in .clang-tidy.
# usage: tests/lint/tidy.sh [FILE...]
set -eu
cd "$(dirname "$0")/../.."

flags="-std=c11 -D_GNU_SOURCE -DSANDGATE_VERSION=\"0\" -Igateway -Iservices -include base/banned.h"
flags="$flags $(pkg-config --cflags libmicrohttpd libwebsockets libcjson sqlite3 libuv libcrypto)"

sources() {
    if [ $# -gt 0 ]; then
        printf '%s\n' "$@"
    else
        find gateway services -name '*.c' | sort
    fi
}

tidy() {
    # err.c defines what analyzer.h wraps.
    sources "$@" | grep -v '/err\.c$' |
        FLAGS="$flags -include tests/lint/analyzer.h" xargs -r -P "$(nproc)" -n 6 \
            sh -c 'clang-tidy --quiet "$@" -- $FLAGS 2>/dev/null' tidy || true
    sources "$@" | grep '/err\.c$' |
        FLAGS="$flags" xargs -r sh -c 'clang-tidy --quiet "$@" -- $FLAGS 2>/dev/null' tidy || true
}

findings=$(tidy "$@" | sed -n "s#^$PWD/##; s#:[0-9]*: \(error\|warning\): #: #p" | sort -u)
[ -z "$findings" ] || {
    printf '%s\n' "$findings"
    exit 1
}
