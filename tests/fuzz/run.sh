#!/bin/sh
# Fuzzes each target for a while, beginning with the committed corpus; new inputs stay in the build
# folder. A finding ends the run: its input lies in build/fuzz/found, and belongs into
# tests/fuzz/regression/NAME/ once it is fixed.
# usage: tests/fuzz/run.sh SECONDS [NAME...]      (NAME: guard, json, …; default: all)
set -eu
cd "$(dirname "$0")/../.."
seconds=${1:?usage: tests/fuzz/run.sh SECONDS [NAME...]}
shift
out=build/fuzz
sh tests/fuzz/build.sh "$out" fuzzer
mkdir -p "$out/found"
if [ $# -eq 0 ]; then
    for target in tests/fuzz/fuzz_*.c; do
        name=${target#tests/fuzz/fuzz_}
        set -- "$@" "${name%.c}"
    done
fi

for name in "$@"; do
    [ -x "$out/fuzz_$name" ] || {
        echo "fuzz: $name needs clang with libFuzzer (Debian: clang, libclang-rt-14-dev)" >&2
        exit 1
    }
    mkdir -p "$out/corpus/$name"
    known=tests/fuzz/regression/$name
    [ -d "$known" ] || known=
    "$out/fuzz_$name" -max_total_time="$seconds" -max_len=4096 -timeout=5 -verbosity=0 \
        -print_final_stats=1 -artifact_prefix="$out/found/$name-" \
        "$out/corpus/$name" "tests/fuzz/corpus/$name" ${known:+"$known"} \
        >"$out/$name.log" 2>&1 || {
        tail -40 "$out/$name.log"
        echo "fuzz: $name found something: see $out/found and $out/$name.log"
        exit 1
    }
    runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$out/$name.log")
    echo "fuzz: $name: $runs runs, nothing found"
done
