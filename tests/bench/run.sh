#!/usr/bin/env bash
# run.sh [ROW…]: measures the gateway beside its peers and prints one table; without arguments every row, and then
# tests/bench/RESULTS.md is rewritten.
#
# Rows: rest exec warm node jupyter first idle tree sessions download terminal connections proxy pass tunnel paint, and of the
# desktop screenshot pointer frames input cold quiet (see rows/).
# SANDGATE_BIN  the gateway to measure (build/sandgate)
# TTYD          a ttyd to compare the terminal with (found on PATH when unset; the row says so when there is none)
# BENCH_ROUNDS  interleaved rounds per row (7)
# Needs gcc, curl, nginx and wrk. Leaves with status 1 when a row could not be measured; a figure missed is a finding,
# printed in the verdict column, not a failure of the bench.
# shellcheck disable=SC2034 # the settings below are read by the files sourced
set -euo pipefail

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
BENCH=$ROOT/tests/bench
BUILD=$ROOT/build/bench
SERVICES=$ROOT/build/services
GATEWAY=$(realpath -m "${SANDGATE_BIN:-$ROOT/build/sandgate}")
PATH=$PATH:/usr/sbin # nginx lives there, and users do not have it
TTYD=${TTYD:-$(command -v ttyd || true)}
ROUNDS=${BENCH_ROUNDS:-7}
ALL_ROWS=(rest exec warm node jupyter first idle tree sessions download terminal connections proxy pass tunnel paint
    screenshot pointer frames input cold quiet)
export LC_ALL=C.UTF-8

# Progress for the person watching; a row's own stderr is kept for the reason of a failure.
exec {WATCHER}>&2
say() {
    printf '%s\n' "$*" >&"$WATCHER"
}

for part in "$BENCH"/lib/*.sh "$BENCH"/rows/*.sh; do
    # shellcheck source=/dev/null
    . "$part"
done

# build_helper PROGRAM PARTS [LIBRARY…]: from src/PROGRAM.c and the named parts.
build_helper() {
    local program=$1 part sources=("$BENCH/src/$1.c")
    for part in $2; do
        sources+=("$BENCH/src/$part.c")
    done
    "${CC:-cc}" -std=c11 -D_GNU_SOURCE -O2 -Wall -Wextra -Wshadow -Wconversion -o "$BUILD/$program" "${sources[@]}" "${@:3}"
}

build_helpers() {
    local program viewer='rfb tight ws wire clock'
    mkdir -p "$BUILD"
    for program in freeport latency commands first hold download shots; do
        build_helper "$program" 'clock wire'
    done
    build_helper usage 'clock proc'
    build_helper terminal 'lines ws wire clock'
    build_helper tunnel 'ws wire clock'
    build_helper echo clock
    build_helper coldcdp 'ws wire clock'
    build_helper flash clock -lX11
    build_helper frames "bars proc $viewer" -ljpeg -lz
    for program in react coldframe; do
        build_helper "$program" "$viewer" -ljpeg -lz
    done
}

# Runs one row in a process group of its own, so that an interrupted bench ends all of it.
run_row() {
    local status=0 reason
    say "== $1"
    rm -f "$TEMP/reason"
    set -m
    (
        set +m -e
        trap stop_all EXIT
        trap 'exit 143' TERM
        "row_$1"
    ) 2>"$TEMP/row.log" &
    GROUP=$!
    set +m
    wait "$GROUP" || status=$?
    GROUP=
    [[ $status -ne 0 ]] || return 0
    FAILED=1
    reason=$(cat "$TEMP/reason" 2>/dev/null || tail -n 1 "$TEMP/row.log")
    say "   failed: $reason"
    # A reason is other programs' text: one table cell of it, and none of this machine's paths.
    reason=${reason//[$'\n|']/ }
    reason=${reason//"$TEMP"/…}
    record "$1" '' '' '' '' "not measured: ${reason//"$ROOT/"/}"
}

# shellcheck disable=SC2317 # called by the EXIT trap
leave() {
    if [[ -n $GROUP ]]; then
        kill -TERM -- "-$GROUP" 2>/dev/null || true
        wait "$GROUP" || true
    fi
    rm -rf "$TEMP"
}

main() {
    local row rows=("$@")
    ((${#rows[@]})) || rows=("${ALL_ROWS[@]}")
    for row in "${rows[@]}"; do
        [[ " ${ALL_ROWS[*]} " == *" $row "* ]] || { say "no row \"$row\"; there are: ${ALL_ROWS[*]}"; exit 2; }
    done
    build_helpers
    touch "$TEMP/rows" "$TEMP/notes"
    for row in "${rows[@]}"; do
        run_row "$row"
    done
    print_table
    [[ $# -gt 0 ]] || write_results
    exit "$FAILED"
}

GROUP=
FAILED=0
TEMP=$(mktemp -d)
trap leave EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
main "$@"
