#!/bin/sh
# Fuzzes each target for a while, two at a time at most, beginning with the committed corpus; new inputs stay in the
# build folder. A finding ends the run: its input is put into tests/fuzz/regression/NAME/, where the tests replay it.
# usage: tests/fuzz/run.sh SECONDS [NAME...]      (SECONDS of CPU; NAME: guard, json, …; default: all)
set -eu
cd "$(dirname "$0")/../.."
seconds=${1:?usage: tests/fuzz/run.sh SECONDS [NAME...]}
shift
out=build/fuzz
sh tests/fuzz/build.sh "$out" fuzzer
mkdir -p "$out/found"
rm -f "$out/found"/*
if [ $# -eq 0 ]; then
    for target in tests/fuzz/fuzz_*.c; do
        name=${target#tests/fuzz/fuzz_}
        set -- "$@" "${name%.c}"
    done
fi

# Runs a program, and prints the CPU seconds it took as the last line: those of a subshell's children.
timed() {
    (
        "$@" || exit 1
        times
    ) | awk '{ for (i = 1; i <= NF; i++) { split($i, t, "[ms]"); last[i] = t[1] * 60 + t[2] } }
        END { if (NR == 0) exit 1; print int(last[1] + last[2] + 0.5) }'
}

# Runs until so many CPU seconds are used: on a busy machine they take longer than the clock's.
fuzz() { # NAME
    name=$1
    [ -x "$out/fuzz_$name" ] || {
        echo "fuzz: $name needs clang with libFuzzer (Debian: clang, libclang-rt-14-dev)" >&2
        return 1
    }
    mkdir -p "$out/corpus/$name"
    known=tests/fuzz/regression/$name
    [ -d "$known" ] || known=
    left=$seconds runs=0
    while [ "$left" -gt 0 ]; do
        spent=$(timed "$out/fuzz_$name" -max_total_time="$left" -max_len=4096 -timeout=10 -verbosity=0 \
            -print_final_stats=1 -artifact_prefix="$out/found/$name-" \
            "$out/corpus/$name" "tests/fuzz/corpus/$name" ${known:+"$known"} 2>"$out/$name.log") || {
            keep "$name"
            return 1
        }
        more=$(sed -n 's/^stat::number_of_executed_units: *//p' "$out/$name.log")
        runs=$((runs + ${more:-0}))
        [ "$spent" -gt 0 ] || spent=1
        left=$((left - spent))
    done
    echo "fuzz: $name: $runs runs in $seconds CPU seconds, nothing found"
}

keep() { # NAME
    tail -40 "$out/$1.log"
    for input in "$out/found/$1-"*; do
        [ -e "$input" ] || continue
        mkdir -p "tests/fuzz/regression/$1"
        cp "$input" "tests/fuzz/regression/$1/"
        echo "fuzz: $1 found something: tests/fuzz/regression/$1/${input##*/}, log $out/$1.log"
    done
}

# In two lines of work, each taking every other target; what one of them finds stops both.
line() { # FIRST NAME...
    at=0 first=$1
    shift
    for name in "$@"; do
        at=$((1 - at))
        [ "$at" -eq "$first" ] || continue
        [ ! -e "$out/found/stop" ] || return 1
        fuzz "$name" || {
            : >"$out/found/stop"
            return 1
        }
    done
}

line 1 "$@" &
one=$!
line 0 "$@" &
other=$!
bad=0
wait "$one" || bad=1
wait "$other" || bad=1
exit "$bad"
