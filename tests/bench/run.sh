#!/usr/bin/env bash
# run.sh [ROW…]: measures the gateway beside its peers and prints one table; without arguments every row, and then
# tests/bench/RESULTS.md is rewritten.
#
# Rows: rest exec warm node first idle sessions download terminal connections (one file each in rows/).
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
GATEWAY=$(realpath -m "${SANDGATE_BIN:-$ROOT/build/sandgate}")
PATH=$PATH:/usr/sbin # nginx lives there, and users do not have it
TTYD=${TTYD:-$(command -v ttyd || true)}
ROUNDS=${BENCH_ROUNDS:-7}
ALL_ROWS=(rest exec warm node first idle sessions download terminal connections)
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

build_helpers() {
    local program flags=(-std=c11 -D_GNU_SOURCE -O2 -Wall -Wextra -Wshadow -Wconversion)
    mkdir -p "$BUILD"
    for program in freeport usage latency commands first hold download; do
        "${CC:-cc}" "${flags[@]}" -o "$BUILD/$program" "$BENCH/src/$program.c" "$BENCH"/src/{clock,wire}.c
    done
    "${CC:-cc}" "${flags[@]}" -o "$BUILD/terminal" "$BENCH"/src/{terminal,lines,ws,wire,clock}.c
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
